"""The notifiers of a configuration, told by the daemon; and nothing that any of them keeps secret is ever shown."""
import email.utils
import hashlib
import hmac
import json

import pytest
import requests

from alerting import ALERT, alerting  # noqa: F401
from harness import PATIENCE, Process, free_port, wait_until
from http_peers import Peer
from mail_server import PASSWORD, USER, mail_server
from test_secrets import CANARY, Canaries, echo

pytestmark = pytest.mark.sanitized


def smtp(server, password=PASSWORD):
    return {"url": f"smtp://127.0.0.1:{server.port}", "starttls": "required", "username": USER, "password": password,
            "tls_config": {"ca_file": str(server.cert)}}


def sent(alerting, name):  # noqa: F811
    return alerting.daemon.metric("pulseline_notices_sent_total", receiver=name)


@pytest.fixture
def box():
    s = mail_server()
    yield s
    s.end()


def test_webhook_slack_and_script(alerting, peer, tmp_path):  # noqa: F811
    """Each is told the alarm and the recovery, as its kind says it; those of the configuration for an alert that names none."""
    signed, templated, slack = (peer(lambda asked: (200, {}, b"")) for _ in range(3))
    out, script = tmp_path / "out", tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$PULSELINE_LEVEL $PULSELINE_ID $PULSELINE_TAG_HOST $PULSELINE_VALUE" >> {out}\n')
    script.chmod(0o755)
    (tmp_path / "secret").write_text("s3cret\n")
    alerting.start(kapacitor={"notify": ["signed", "templated", "slack", "script"]}, notifiers=[
        {"webhook": {"name": "signed", "url": f"http://{signed.address}/s", "secret_file": str(tmp_path / "secret")}},
        {"webhook": {"name": "templated", "url": f"http://{templated.address}/t", "body": "{level} {id} {value}", "content_type": "text/plain"}},
        {"slack": {"url": f"http://{slack.address}/services/T0"}}, {"script": {"command": [str(script)]}}])
    alerting.put("a", post=None)
    alerting.put("b", notify=["script"])
    assert alerting.fire("a", "CRITICAL", value=97.5) == 204
    wait_until(lambda: all(sent(alerting, n) == 1 for n in ("signed", "templated", "slack", "script")), "all have the alarm")
    assert alerting.fire("a", "OK", previous="CRITICAL", value=1) == 204
    wait_until(lambda: all(sent(alerting, n) == 2 for n in ("signed", "templated", "slack", "script")), "and the recovery")
    assert alerting.fire("b", "WARNING", value=2) == 204
    wait_until(lambda: sent(alerting, "script") == 3 and len(alerting.receiver.got) == 1, "its own")
    name = "[shop] cpu_used (host=h1)"
    assert [json.loads(a.body)["level"] for a in signed.asked] == ["CRITICAL", "OK"] and len({a.headers["X-Pulseline-Notice"] for a in signed.asked}) == 2
    for a in signed.asked:
        expected = hmac.new(b"s3cret", f"{a.headers['X-Pulseline-Timestamp']}.{a.body}".encode(), hashlib.sha256).hexdigest()
        assert a.headers["X-Pulseline-Signature"] == "sha256=" + expected and json.loads(a.body)["id"] == name
    assert [(a.headers["Content-Type"], a.body) for a in templated.asked] == [("text/plain", f"CRITICAL {name} 97.5"), ("text/plain", f"OK {name} 1")]
    assert [(a.path, json.loads(a.body)["text"]) for a in slack.asked] == [("/services/T0", f"[CRITICAL] {name}"), ("/services/T0", f"[OK] {name}")]
    assert out.read_text().splitlines() == [f"CRITICAL {name} h1 97.5", f"OK {name} h1 1", f"WARNING {name} h1 2"]


def test_alarm_and_recovery_arrive_as_mails(alerting, box):  # noqa: F811
    """Through a real mail server with STARTTLS and a password; over a time in which it was away and the daemon restarted."""
    alerting.start(notifiers=[{"mail": {"from": "Pulseline <alarms@example.org>", "to": ["Ann <ann@example.org>"], "smtp": smtp(box)}}])
    alerting.put("a", post=None, notify=["mail"])
    assert alerting.fire("a", "CRITICAL", value=97.5, message="cpu is hot: größer als 97") == 204
    alarm, = box.wait_for(1)
    assert alarm.subject == "[CRITICAL] [shop] cpu_used (host=h1)" and alarm.envelope_to == "ann@example.org"
    for words in ("cpu is hot: größer als 97", "97.5", "host=h1", "before: OK"):
        assert words in alarm.text, alarm.text
    assert "esmtpsa" in alarm.raw.decode().lower()  # with TLS, logged in
    assert email.utils.parsedate_to_datetime(alarm.message["Date"]) is not None
    Process.end(box)  # which keeps its folder
    assert alerting.fire("a", "OK", previous="CRITICAL", value=1) == 204
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_retried_total", receiver="mail") > 0, "nobody takes it")
    assert alerting.daemon.end() == 0
    box.start()
    alerting.daemon.start()
    mails = box.wait_for(2)
    recovery, = [m for m in mails if m.raw != alarm.raw]
    assert recovery.subject == "[OK] [shop] cpu_used (host=h1)" and "before: CRITICAL" in recovery.text
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_waiting") == 0, "that was all")
    assert len(box.mails()) == 2


def test_a_password_that_is_wrong_for_a_while(alerting, box):  # noqa: F811
    """It waits for a person; the reload that mends it sends what waited."""
    notifier = {"from": "alarms@example.org", "to": ["ann@example.org"], "smtp": smtp(box, "wr0ng")}
    alerting.start(notifiers=[{"mail": notifier}])
    alerting.put("a", post=None, notify=["mail"])
    assert alerting.fire("a", "CRITICAL") == 204
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_retried_total", receiver="mail") > 0, "it is not let in")
    assert box.mails() == [] and "wr0ng" not in alerting.daemon.log()
    alerting.config(notifiers=[{"mail": {**notifier, "smtp": smtp(box)}}])
    assert alerting.reload().status_code == 200
    assert box.wait_for(1)[0].subject == "[CRITICAL] [shop] cpu_used (host=h1)"


# --- secrets ---


def shown(alerting, token):  # noqa: F811
    """{page: text} of all that the daemon shows."""
    found = {path: alerting.daemon.get(path, headers=token).text for path in (
        "/config", "/metrics", "/", "/-/ready", "/alerts", "/alerts?format=yaml", "/alerts/a", "/alerts/a/events", "/api/v1/targets")}
    found["log"] = alerting.daemon.log()
    return found


def secret_notifiers(canary, address, folder):
    def in_file(what, before=""):
        path = folder / what
        path.write_text(before + canary(what) + "\n")
        return str(path)

    mail = {"from": "a@example.org", "to": ["b@example.org"]}
    return [
        {"webhook": {"name": "secret", "url": f"http://{address}/403?token={canary('query')}", "secret": canary("secret")}},
        {"webhook": {"name": "secret_file", "url": f"http://{address}/403", "secret_file": in_file("secret_file")}},
        {"webhook": {"name": "basic", "url": f"http://{address}/", "basic_auth": {"username": "u", "password": canary("basic")}}},
        {"webhook": {"name": "bearer", "url": f"http://{address}/", "authorization": {"credentials_file": in_file("bearer_file")}}},
        {"webhook": {"name": "header", "url": f"http://{address}/", "http_headers": {"X-A": {"secrets": [canary("header")]}}}},
        {"slack": {"url": f"http://{address}/services/{canary('slack')}"}},
        {"slack": {"name": "slack_file", "url_file": in_file("slack_file", f"http://{address}/services/")}},
        {"mail": {**mail, "resend": {"api_key": canary("resend"), "url": f"http://{address}/emails"}}},
        {"mail": {**mail, "name": "smtp", "smtp": {"url": f"smtp://127.0.0.1:{free_port()}", "username": "u", "password": canary("smtp")}}},
    ]


def test_no_secret_of_a_notifier_is_shown(alerting, tmp_path):  # noqa: F811
    """Though each receiver says again all that it was told."""
    canary, token = Canaries(), {"X-AUTH-TOKEN": "sesame"}
    bad = Peer(lambda asked: (403, {"X-Said": echo(asked).decode("latin-1")[:200]}, echo(asked)))
    try:
        notifiers = secret_notifiers(canary, bad.address, tmp_path)
        names = [n[k].get("name", k) for n in notifiers for k in n]
        alerting.config(log={"level": "debug"}, notifiers=notifiers, server={"http": {"listen": f"127.0.0.1:{alerting.daemon.port}", "token": "sesame"}},
                        kapacitor={"http_headers": {"X-A": {"secrets": [canary("kapacitor_header")]}}})
        alerting.daemon.start()
        answer = requests.put(alerting.daemon.url("/alerts/a"), json={**ALERT, "post": "http://127.0.0.1:1/", "notify": names}, headers=token, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        alerting.token = alerting.kapacitor.tasks["pulseline-a"]["vars"]["token"]["value"]
        assert alerting.fire("a", "CRITICAL") == 204

        def tried():
            lines = [line for line in alerting.daemon.get("/metrics", headers=token).text.splitlines() if line.startswith(("pulseline_notices_retried_total", "pulseline_notices_refused_total"))]
            return all(any(f'receiver="{n}"' in line and not line.endswith(" 0") for line in lines) for n in names)

        wait_until(tried, f"each was tried, and failed: {alerting.daemon.log()[-3000:]}")
        told = " ".join(f"{a.path} {a.headers} {a.body}" for a in bad.asked)
        for what in ("query", "bearer_file", "header", "slack", "slack_file", "resend"):
            assert f"{CANARY}-{what}-" in told, f"{what} was told indeed"
        pages = shown(alerting, token)
        for page, text in pages.items():
            assert canary.found_in(text) == [], page
            assert alerting.token not in text and "sesame" not in text, page
        assert pages["/config"].count("<secret>") >= 7
        assert alerting.daemon.end() == 0
        assert canary.found_in(alerting.daemon.log()) == [] and alerting.token not in alerting.daemon.log()
    finally:
        bad.close()


def test_kapacitor_says_the_token_again(alerting):  # noqa: F811
    """A proxy or a Kapacitor that puts the request into its error: neither the answer nor the status nor the log has the token."""
    canary = Canaries()
    tokens = set()

    def answer(asked):
        if asked.method == "GET":
            found = "/tasks/" not in asked.path
            return 200 if found else 404, {"Content-Type": "application/json"}, b'{"tasks": []}' if found else b'{"error": "no task exists"}'
        tokens.add(json.loads(asked.body)["vars"]["token"]["value"])
        said = " ".join(tokens) + " " + asked.headers["Authorization"] + " " + echo(asked).decode("latin-1")
        return 400, {"Content-Type": "application/json"}, json.dumps({"error": said}).encode()

    talkative = Peer(answer)
    try:
        declared = {"id": "a", "metric": "m", "threshold": 1, "post": "http://127.0.0.1:1/"}
        alerting.config(log={"level": "debug"}, alerts=[declared], kapacitor={
            "url": f"http://{talkative.address}", "basic_auth": {"username": "u", "password": canary("password")}})
        alerting.daemon.start()
        wait_until(lambda: alerting.get("a")["state"] == "failed", "Kapacitor refuses")
        answer = alerting.ask("POST", json={**declared, "id": "b"})
        assert answer.status_code == 400 and answer.json()["error"].startswith("Failed to create task - ")
        token, = tokens
        assert len(token) >= 32
        for page, text in {"answer": answer.text, **shown(alerting, {})}.items():
            assert token not in text and canary.found_in(text) == [], (page, text[:3000])
    finally:
        talkative.close()
