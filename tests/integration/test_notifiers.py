"""The notifiers webhook, slack and script against receivers of the test's own."""
import hashlib
import hmac
import json
import os
import re
import stat

import pytest

from harness import free_port, wait_until
from http_peers import basic, certificate, tls
from notices import POST, event, notify

pytestmark = pytest.mark.sanitized


def ok(asked):
    return 200, {}, b""


# ---- webhook ----


def test_webhook_sends_what_pulse_receivers_know(tmp_path, peer):
    there = peer(ok)
    done = notify(tmp_path, "webhook", {"url": f"http://{there.address}/hook"}, [event()], key="n-7")
    assert done.verdicts == ["SENT"]
    asked, = there.asked
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/hook", "application/json")
    assert json.loads(asked.body) == POST
    assert asked.headers["X-Pulseline-Notice"] == "n-7"
    assert asked.headers["X-Pulseline-Signature"] is None and asked.headers["Authorization"] is None


def test_webhook_alerts_own_post_goes_first(tmp_path, peer):
    here, there = peer(ok), peer(ok)
    config = {"url": f"http://{here.address}/", "basic_auth": {"username": "u", "password": "p"}, "http_headers": {"X-Key": {"secrets": ["k"]}}}
    assert notify(tmp_path, "webhook", config, [event()], post=f"http://{there.address}/x?y=1").verdicts == ["SENT"]
    asked, = there.asked
    assert here.asked == [] and asked.path == "/x?y=1"
    assert asked.headers["Authorization"] is None and asked.headers["X-Key"] is None  # not ours to give away
    assert notify(tmp_path, "webhook", config, [event()], post=f"http://{here.address}/other").verdicts == ["SENT"]
    assert here.asked[0].headers["Authorization"] == "Basic dTpw" and here.asked[0].headers["X-Key"] == "k"
    done = notify(tmp_path, "webhook", {"name": "post", "bearer_token": "t"}, [event()], post=f"http://{there.address}/")
    assert done.verdicts == ["SENT"] and there.asked[1].headers["Authorization"] == "Bearer t"
    done = notify(tmp_path, "webhook", config, [event()], post=f"http://me:my.own@{there.address}/")
    assert done.verdicts == ["SENT"] and there.asked[2].headers["Authorization"] == basic("me", "my.own")
    done = notify(tmp_path, "webhook", config, [event()], post=f"http://me:my.own@127.0.0.1:{free_port()}/")
    assert done.verdicts[0].startswith("RETRY 0 connection refused") and "my.own" not in done.output
    assert notify(tmp_path, "webhook", {"name": "post"}, [event()]).verdicts[0].startswith("REFUSED neither")
    for bad in ("ftp://x/", "no url", "http://", "file:///etc/passwd"):
        assert notify(tmp_path, "webhook", {}, [event()], post=bad).verdicts[0].startswith("REFUSED "), bad


@pytest.mark.parametrize("trick", ["http://{own}@{evil}/", "http://{own}.{evil}/", "http://{own}\\@{evil}/", "http://{own}0/"])
def test_webhook_credentials_stay_at_home(tmp_path, peer, trick):
    evil, own = peer(ok), "127.0.0.1:1"
    notify(tmp_path, "webhook", {"url": f"http://{own}/", "bearer_token": "t0ken"}, [event()],
           post=trick.format(own=own, evil=evil.address))
    assert all("t0ken" not in str(a.headers) for a in evil.asked)


def test_webhook_signature(tmp_path, peer):
    there = peer(ok)
    (tmp_path / "secret").write_text("s3cret\n")
    config = {"url": f"http://{there.address}/", "secret_file": str(tmp_path / "secret")}
    assert notify(tmp_path, "webhook", config, [event(message="größer")]).verdicts == ["SENT"]
    h, body = there.asked[0].headers, there.asked[0].body
    expected = hmac.new(b"s3cret", f"{h['X-Pulseline-Timestamp']}.{body}".encode(), hashlib.sha256).hexdigest()
    assert h["X-Pulseline-Signature"] == "sha256=" + expected
    (tmp_path / "secret").unlink()
    assert notify(tmp_path, "webhook", config, [event()]).verdicts[0].startswith("RETRY 0 ")


def test_webhook_each_event_is_taken_once(tmp_path, peer):
    """Of five events the second is refused for good and the fourth has to wait twice."""
    seen = []

    def answer(asked):
        seen.append(json.loads(asked.body)["id"])
        if seen[-1] == "e1":
            return 400, {}, b"not this one"
        if seen[-1] == "e3" and seen.count("e3") < 3:
            return 503, {"Retry-After": "2"}, b""
        return 204, {}, b""

    there = peer(answer)
    done = notify(tmp_path, "webhook", {"url": f"http://{there.address}/"}, [event(id=f"e{i}") for i in range(5)], key="k", attempts=9)
    assert seen == ["e0", "e1", "e2", "e3", "e3", "e3", "e4"]
    assert done.verdicts[:2] == ["RETRY 2 the receiver answered 503"] * 2
    assert done.verdicts[2].startswith("REFUSED ")
    assert [a.headers["X-Pulseline-Notice"] for a in there.asked] == [f"k/{i}" for i in (1, 2, 3, 4, 4, 4, 5)]


@pytest.mark.parametrize("answer, verdict", [
    ((200, {}, b"fine"), "SENT"), ((204, {}, b""), "SENT"),
    ((429, {"Retry-After": "11"}, b""), "RETRY 11 the receiver answered 429"),
    ((408, {}, b""), "RETRY 0 the receiver answered 408"),
    ((502, {}, b"<b>\x1b[31m bad \n gateway"), r"RETRY 0 the receiver answered 502: <b>\x1b[31m bad   gateway"),
    ((404, {}, b"no such hook"), "REFUSED the receiver answered 404: no such hook"),
    ((400, {}, b"x" * 5000), "REFUSED " + ("the receiver answered 400: " + "x" * 400)[:255]),
    ((401, {}, b""), "RETRY 0 the receiver answered 401 (it does not take the credentials, which needs a person)"),
    ((302, {"Location": "http://127.0.0.1:1/"}, b""),
     "REFUSED the receiver answered 302, a redirect, which is not followed (follow_redirects)"),
])
def test_webhook_answers(tmp_path, peer, answer, verdict):
    there = peer(lambda asked: answer)
    done = notify(tmp_path, "webhook", {"url": f"http://{there.address}/"}, [event()])
    assert done.verdicts == [verdict]
    assert len(there.asked) == 1


def test_webhook_redirects_keep_the_body(tmp_path, peer):
    there = peer(ok)
    here = peer(lambda asked: (302, {"Location": f"http://{there.address}/new"}, b""))
    done = notify(tmp_path, "webhook", {"url": f"http://{here.address}/", "follow_redirects": True}, [event()])
    assert done.verdicts == ["SENT"]
    assert (there.asked[0].method, json.loads(there.asked[0].body)) == ("POST", POST)


def test_webhook_no_answer(tmp_path, peer):
    held = peer(lambda asked: wait_until(lambda: False, "", 3))
    done = notify(tmp_path, "webhook", {"url": f"http://{held.address}/a?token=s3cret", "timeout": "200ms"}, [event()])
    assert done.verdicts[0].startswith("RETRY 0 ") and "within 200 ms" in done.verdicts[0] and "s3cret" not in done.output
    done = notify(tmp_path, "webhook", {"url": f"http://127.0.0.1:{free_port()}/a?token=s3cret"}, [event()])
    assert done.verdicts[0].startswith("RETRY 0 connection refused by 127.0.0.1:") and "s3cret" not in done.output


def test_webhook_echoed_secrets_are_not_shown(tmp_path, peer):
    there = peer(lambda asked: (400, {}, f"{asked.path} {asked.headers['Authorization']}".encode()))
    done = notify(tmp_path, "webhook", {"url": f"http://{there.address}/a?token=s3cret1", "bearer_token": "s3cret2"}, [event()])
    assert done.verdicts[0].startswith("REFUSED the receiver answered 400: /a?token=***") and "s3cret" not in done.output


def test_webhook_tls(tmp_path, peer):
    cert, key = certificate(tmp_path)
    there = peer(ok, tls=tls(cert, key))
    url = f"https://{there.address}/"
    assert notify(tmp_path, "webhook", {"url": url}, [event()]).verdicts[0].startswith("RETRY 0 TLS certificate not trusted")
    assert notify(tmp_path, "webhook", {"url": url, "tls_config": {"ca_file": str(cert)}}, [event()]).verdicts == ["SENT"]
    blind = {"url": "https://127.0.0.1:1/", "tls_config": {"insecure_skip_verify": True}}  # which counts for that server alone
    assert notify(tmp_path, "webhook", blind, [event()], post=url).verdicts[0].startswith("RETRY 0 TLS certificate not trusted")


HOSTILE = '"},{"x":"\n\\u0000{message}\\'


@pytest.mark.parametrize("template, content_type, value", [
    ('{"text": "{level}: {message}", "on": {json:tags}, "v": {json:value}, "s": "{value}", "all": {json:event}, "a": {"b": {}}}', None,
     lambda body: json.loads(body)["text"] == "CRITICAL: " + HOSTILE and json.loads(body)["on"] == {"host": HOSTILE}
     and json.loads(body)["v"] == 0.75 and json.loads(body)["s"] == "0.75" and json.loads(body)["all"]["message"] == HOSTILE
     and json.loads(body)["a"] == {"b": {}}),
    ('{"m": {json:message}, "h": "{tag.host}", "none": "{tag.none}", "post": {json:post}}', "application/vnd.x+json; charset=utf-8",
     lambda body: json.loads(body) == {"m": HOSTILE, "h": HOSTILE, "none": "", "post": POST}),
    ("level={level}&text={message}", "application/x-www-form-urlencoded",
     lambda body: body == "level=CRITICAL&text=%22%7D%2C%7B%22x%22%3A%22%0A%5Cu0000%7Bmessage%7D%5C"),
    ("<p>{message}</p>", "text/html", lambda body: body == "<p>" + HOSTILE.replace('"', "&quot;") + "</p>"),
    ("{level} {message} {count} {reminder} {time}", "text/plain",
     lambda body: body == f"CRITICAL {HOSTILE} 1 false 2026-01-02T03:04:05.000Z"),
])
def test_webhook_templates(tmp_path, peer, template, content_type, value):
    there = peer(ok)
    config = {"url": f"http://{there.address}/", "method": "PUT", "body": template}
    if content_type:
        config["content_type"] = content_type
    done = notify(tmp_path, "webhook", config, [event(message=HOSTILE, tags={"host": HOSTILE}, post=POST)])
    assert done.verdicts == ["SENT"]
    asked, = there.asked
    assert value(asked.body), asked.body
    assert (asked.method, asked.headers["Content-Type"]) == ("PUT", content_type or "application/json")


# ---- slack ----


def test_slack(tmp_path, peer):
    there = peer(ok)
    (tmp_path / "url").write_text(f"http://{there.address}/services/T0/B0/s3cret\n")
    events = [event(id="<!channel> & a"), event(id="b", level="OK", previous_level="CRITICAL", duration_ns=3723 * 10**9)]
    done = notify(tmp_path, "slack", {"url_file": str(tmp_path / "url"), "channel": "#ops", "icon_emoji": ":bell:"}, events)
    assert done.verdicts == ["SENT"]
    asked, = there.asked
    sent = json.loads(asked.body)
    assert asked.path == "/services/T0/B0/s3cret"
    assert (sent["channel"], sent["icon_emoji"], "username" in sent) == ("#ops", ":bell:", False)
    assert sent["text"] == "[CRITICAL] 2 alerts: &lt;!channel&gt; &amp; a, b"
    first, second = sent["attachments"]
    assert first["title"] == "[CRITICAL] &lt;!channel&gt; &amp; a" and first["color"] == "#c62828" and first["ts"] == 1767323045
    assert second["color"] == "#2e7d32" and "not OK for 1h2m" in second["text"]


def test_slack_keeps_its_url_secret(tmp_path, peer):
    there = peer(lambda asked: (404, {}, f"no_service {asked.path}".encode()))
    done = notify(tmp_path, "slack", {"url": f"http://{there.address}/services/T0/B0/s3cret"}, [event()])
    assert done.verdicts[0].startswith("REFUSED the receiver answered 404: no_service /services/***") and "s3cret" not in done.output
    (tmp_path / "url").write_text("s3cret")
    done = notify(tmp_path, "slack", {"url_file": str(tmp_path / "url")}, [event()])
    assert done.verdicts[0].startswith("RETRY 0 ") and "holds no URL" in done.verdicts[0] and "s3cret" not in done.output


# ---- script ----


@pytest.fixture
def script(tmp_path):
    def make(text):
        path = tmp_path / "script"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return str(path)

    return make


def test_script_is_told_all(tmp_path, script):
    path = script(f'env > {tmp_path}/env; cat > {tmp_path}/in; echo "$0" "$@" > {tmp_path}/args; pwd > {tmp_path}/pwd\n'
                  f"ls -l /proc/self/fd > {tmp_path}/fds\n")
    tags = {"host": "h2; rm -rf /", "a.b-c": "$(id)", "a_b_c": "hidden"}
    done = notify(tmp_path, "script", {"command": [path, "a b", "$HOME", ";id"]}, [event(level="OK"), event(tags=tags, message="m\nn")],
                  env={**os.environ, "DB_PASSWORD": "s3cret"})
    assert done.verdicts == ["SENT"]
    env = (tmp_path / "env").read_text()
    for line in ("PULSELINE_ALERT=cpu", "PULSELINE_ID=[host2] cpu_used", "PULSELINE_LEVEL=CRITICAL", "PULSELINE_PREVIOUS=OK",
                 "PULSELINE_MESSAGE=m\nn", "PULSELINE_VALUE=0.75", "PULSELINE_TIME=2026-01-02T03:04:05.000Z", "PULSELINE_COUNT=2",
                 "PULSELINE_TAG_HOST=h2; rm -rf /", "PULSELINE_TAG_A_B_C=$(id)", "PULSELINE_KEY=k-1"):
        assert line + "\n" in env
    assert "s3cret" not in env
    told = json.loads((tmp_path / "in").read_text())
    assert told["key"] == "k-1" and [e["level"] for e in told["events"]] == ["OK", "CRITICAL"]
    assert told["events"][1]["post"] == POST and told["events"][1]["tags"] == tags
    assert (tmp_path / "args").read_text() == f"{path} a b $HOME ;id\n"
    assert (tmp_path / "pwd").read_text() == "/\n"
    open_files = re.findall(r" (\d+) -> (.*)", (tmp_path / "fds").read_text())
    assert [fd for fd, _ in open_files] == ["0", "1", "2", "3"] and open_files[3][1].startswith("/proc/")  # the last is ls' own


@pytest.mark.parametrize("text, verdict", [
    ("exit 0", "SENT"),
    ("echo one >&2; echo 'two \033[1m' >&2; exit 75", r"RETRY 0 PATH ended with status 75: two \x1b[1m"),
    ("echo no >&2; exit 1", "REFUSED PATH ended with status 1: no"),
    ("exit 3", "REFUSED PATH ended with status 3"),
    ("kill -TERM $$", "RETRY 0 PATH was ended by signal 15"),
    ("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1", "REFUSED PATH ended with status 1: line 2999"),
    ("exec <&-; exit 0", "SENT"),
])
def test_script_says_what_became_of_it(tmp_path, script, text, verdict):
    path = script(text + "\n")
    assert notify(tmp_path, "script", {"command": [path]}, [event(message="x" * 300000)]).verdicts == [verdict.replace("PATH", path)]


def test_script_is_killed_with_its_children(tmp_path, script):
    path = script(f"sleep 1000 & echo $! > {tmp_path}/child; echo waiting >&2; wait\n")
    done = notify(tmp_path, "script", {"command": [path], "timeout": "1s"}, [event()])
    assert done.verdicts == [f"RETRY 0 {path} was not done within 1s: waiting"]
    child = int((tmp_path / "child").read_text())

    def gone():
        try:
            return open(f"/proc/{child}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    wait_until(gone, "the child of the script is gone")


def test_script_that_is_not_there(tmp_path, script):
    done = notify(tmp_path, "script", {"command": ["/nonexistent/script"]}, [event()])
    assert done.verdicts == ["CANNOT OPEN /nonexistent/script cannot be run: No such file or directory"]
    path = script("")
    os.chmod(path, stat.S_IRUSR)
    assert "cannot be run: Permission denied" in notify(tmp_path, "script", {"command": [path]}, [event()]).verdicts[0]


# ---- all ----


@pytest.mark.parametrize("plugin, config, problem", [
    ("webhook", {"url": "ftp://x"}, "url"), ("webhook", {"url": "http://x", "body": "{nonsense}"}, "{nonsense} is not known"),
    ("webhook", {"body": "{level"}, "has no closing brace"), ("webhook", {"method": "GET"}, "method"),
    ("webhook", {"oauth2": {"client_id": "a", "token_url": "http://x"}}, "not supported here"), ("webhook", {"boddy": "x"}, "body"),
    ("webhook", {"body": "{json:none}"}, "is not known"), ("webhook", {"body": "{tags}"}, "is not known"),
    ("slack", {}, "url"), ("slack", {"url": "x"}, "url"), ("script", {}, "command"), ("script", {"command": []}, "command"),
    ("script", {"command": ["sh", "-c", "x"]}, "absolute path"),
])
def test_bad_configurations(tmp_path, plugin, config, problem):
    done = notify(tmp_path, plugin, config, [event()])
    assert done.status == 3 and problem in done.output, done.output
