"""The mail notifier against a real mail server."""
import json
import re
import socket
import threading

import pytest

from harness import free_port
from mail_server import PASSWORD, USER, mail_server
from notices import event, notify

pytestmark = pytest.mark.sanitized


@pytest.fixture(scope="module")
def server():
    s = mail_server()
    yield s
    s.end()


@pytest.fixture
def box(server):
    """The server with an empty mailbox."""
    for p in (server.folder / "box").glob("new/*"):
        p.unlink()
    return server


def smtp(server, **more):
    return {"url": f"smtp://127.0.0.1:{server.port}", "username": USER, "password": PASSWORD,
            "tls_config": {"ca_file": str(server.cert)}, **more}


def config(server, to=("ann@example.org",), more_smtp={}, **more):
    return {"from": "Pulseline <alarms@example.org>", "to": list(to), "smtp": smtp(server, **more_smtp), **more}


def test_a_mail_with_starttls_and_a_password(tmp_path, box):
    done = notify(tmp_path, "mail", config(box, ["Ann Smith <ann@example.org>", "bob@example.org"], cc=["Jürgen <j@example.org>"]),
                  [event(message="first\n.\n.second\nFrom here: größer als 5 € " + "x" * 200)])
    assert done.verdicts == ["SENT"]
    mails = box.wait_for(3)
    assert sorted(m.envelope_to for m in mails) == ["ann@example.org", "bob@example.org", "j@example.org"]
    m = mails[0]
    assert m.subject == "[CRITICAL] [host2] cpu_used"
    assert "CRITICAL: first\n.\n.second\nFrom here: größer als 5 € " + "x" * 200 + "\n" in m.text
    for words in ("before: OK", "value: 0.75", "tags: host=host2, unit=°C", "time: 2026-01-02T03:04:05.000Z", "alert: cpu"):
        assert words in m.text
    assert m.message["From"] == "Pulseline <alarms@example.org>"
    assert m.message["To"] == "Ann Smith <ann@example.org>, bob@example.org"
    assert m.message["Cc"] == "Jürgen <j@example.org>"
    assert m.message["Auto-Submitted"] == "auto-generated"
    assert m.message["Date"].datetime.tzinfo is not None
    assert len({x.message["Message-ID"] for x in mails}) == 1
    assert "esmtpsa" in m.raw.decode().lower()  # as the server noted it: with TLS, logged in
    assert all(len(line) < 1000 for line in m.raw.splitlines())


def test_tls_from_the_first_byte(tmp_path, box):
    done = notify(tmp_path, "mail", config(box, more_smtp={"url": f"smtps://127.0.0.1:{box.tls_port}"}), [event()])
    assert done.verdicts == ["SENT"]
    box.wait_for(1)


def test_several_events_are_one_mail(tmp_path, box):
    events = [event(id=f"[h{i}] cpu", level=level) for i, level in enumerate(["WARNING", "CRITICAL", "OK"])]
    assert notify(tmp_path, "mail", config(box), events).verdicts == ["SENT"]
    m, = box.wait_for(1)
    assert m.subject == "[CRITICAL] 3 alerts: [h0] cpu, [h1] cpu, [h2] cpu"
    assert m.text.count("alert: cpu") == 3


def test_own_words(tmp_path, box):
    done = notify(tmp_path, "mail", config(box, subject="{level} auf {tag.host} – {id}", text="Hallo,\n{message}: {value}\n"), [event()])
    assert done.verdicts == ["SENT"]
    m, = box.wait_for(1)
    assert (m.subject, m.text) == ("CRITICAL auf host2 – [host2] cpu_used", "Hallo,\n[host2] cpu_used is CRITICAL value:0.75: 0.75\n")


def test_no_header_can_be_smuggled_in(tmp_path, box):
    evil = "x\r\nBcc: eve@example.org\r\n\r\nbody\n.\nMAIL FROM:<eve@example.org>\r\n=?UTF-8?Q?=0D=0AX-Evil:_1?="
    done = notify(tmp_path, "mail", config(box, subject="{id} {tag.host}", text="{message}"),
                  [event(id=evil, tags={"host": "\r\nX-Evil: 1"}, message=evil)])
    assert done.verdicts == ["SENT"]
    m, = box.wait_for(1)
    assert m.message["Bcc"] is None and m.message["X-Evil"] is None
    assert "=?UTF-8?Q?=0D=0AX-Evil:_1?=" in m.subject
    assert m.text == evil.replace("\r\n", "\n") + "\n" or m.text == evil.replace("\r\n", "\n")


def test_the_message_id_stays_over_attempts(tmp_path, box):
    for _ in range(2):
        assert notify(tmp_path, "mail", config(box), [event()], key="n1").verdicts == ["SENT"]
    assert notify(tmp_path, "mail", config(box), [event()], key="n2").verdicts == ["SENT"]
    ids = sorted(m.message["Message-ID"] for m in box.wait_for(3))
    assert len(set(ids)) == 2 and all(re.fullmatch(r"<pulseline\.[0-9a-f]{32}@example\.org>", i) for i in ids)


@pytest.mark.parametrize("more, verdict", [
    ({"password": "wr0ng-one"}, r"RETRY 0 127\.0\.0\.1:\d+ does not take username and password, which needs a person: 535 .*"),
    ({"tls_config": {}}, r"RETRY 0 TLS certificate of 127\.0\.0\.1:\d+ not trusted: self.signed certificate.*"),
    ({"tls_config": {"ca_file": "CERT", "server_name": "mail.example.org"}}, r"RETRY 0 TLS certificate of .* not trusted: .*mail\.example\.org.*"),
    ({"tls_config": {"ca_file": "/nonexistent"}}, r"RETRY 0 .*/nonexistent.*"),
    ({"username": None, "password": None}, r"RETRY 0 .*: 530 5\.7\.0 Authentication required"),
    ({"password": None, "password_file": "/nonexistent"}, r"RETRY 0 .*/nonexistent.*"),
])
def test_what_a_person_must_see_to(tmp_path, box, more, verdict):
    made = smtp(box, **more)
    made = {k: v for k, v in made.items() if v is not None}
    if made["tls_config"].get("ca_file") == "CERT":
        made["tls_config"]["ca_file"] = str(box.cert)
    done = notify(tmp_path, "mail", {"from": "a@example.org", "to": ["ann@example.org"], "smtp": made}, [event()])
    assert re.fullmatch(verdict, done.verdicts[0]), done.verdicts
    assert "wr0ng-one" not in done.output
    assert box.mails() == []


def test_without_starttls_no_mail(tmp_path):
    s = mail_server(starttls=False)
    try:
        done = notify(tmp_path, "mail", config(s), [event()])
        assert done.verdicts == [f"RETRY 0 127.0.0.1:{s.port} offers no STARTTLS, which is required (starttls)"]
        done = notify(tmp_path, "mail", config(s, more_smtp={"starttls": "when_offered"}), [event()])
        assert "530" in done.verdicts[0]  # it got as far as that, but could not log in
        assert "did not offer to take username and password" in done.verdicts[0]
    finally:
        s.end()


def test_recipients_that_are_refused(tmp_path, box):
    done = notify(tmp_path, "mail", config(box, ["nobody@example.org"]), [event()])
    assert re.fullmatch(r"REFUSED .* refused the recipient nobody@example\.org: 550 .*no such user here", done.verdicts[0])
    done = notify(tmp_path, "mail", config(box, ["nobody@example.org", "ann@example.org", "noone@example.org"]), [event()])
    assert done.verdicts == ["SENT"]
    assert "a mail did not reach all its recipients" in done.output and "nobody@example.org" in done.output
    assert [m.envelope_to for m in box.wait_for(1)] == ["ann@example.org"]


def test_who_was_served_is_not_told_again(tmp_path, box):
    box.rest(True)
    try:
        done = notify(tmp_path, "mail", config(box, ["ann@example.org", "later@example.org", "nobody@example.org"]), [event()],
                      attempts=3)
    finally:
        box.rest(False)
    assert len(done.verdicts) == 3
    assert re.fullmatch(r"RETRY 0 .* refused the recipient later@example.org: 451 4\.2\.1 the mailbox rests; come back", done.verdicts[0])
    assert [m.envelope_to for m in box.wait_for(1)] == ["ann@example.org"]
    assert notify(tmp_path, "mail", config(box, ["later@example.org"]), [event()]).verdicts == ["SENT"]
    assert sorted(m.envelope_to for m in box.wait_for(2)) == ["ann@example.org", "later@example.org"]


def test_a_mail_that_is_refused(tmp_path, box):
    done = notify(tmp_path, "mail", config(box, subject="SPAM {title}"), [event()])
    assert re.fullmatch(r"REFUSED .* refused the mail: 550 .*this one smells", done.verdicts[0]), done.verdicts


def test_nobody_there(tmp_path):
    made = {"from": "a@example.org", "to": ["b@example.org"], "smtp": {"url": f"smtp://127.0.0.1:{free_port()}"}}
    assert notify(tmp_path, "mail", made, [event()]).verdicts[0].startswith("RETRY 0 no mail to 127.0.0.1:")


def one_answer(lines):
    """A server that says its lines one for each line that it hears, and then nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        conn, _ = listener.accept()
        with conn, conn.makefile("rb") as f:
            for line in lines:
                conn.sendall(line.encode() + b"\r\n")
                f.readline()
            f.read()
        listener.close()

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize("lines, verdict", [
    ([], "RETRY 0 .* did not answer as a mail server does in time"),
    (["554 we do not like you"], "RETRY 0 .* does not serve us: 554 we do not like you"),
    (["421 too busy"], "RETRY 0 .* does not serve us: 421 too busy"),
    (["HTTP/1.1 400 Bad Request"], "RETRY 0 .*"),
    (["220 hi", "250 me"], "RETRY 0 .* offers no STARTTLS, which is required .*"),
    (["220 hi", "250-me\r\n250 STARTTLS", "454 no keys today"], r"RETRY 0 .* does not begin TLS: 454 no keys today"),
    (["220 hi", "250-me\r\n250 STARTTLS", "220 go on"], "RETRY 0 .*"),
])
def test_servers_that_do_not_serve(tmp_path, lines, verdict):
    made = {"from": "a@example.org", "to": ["b@example.org"], "timeout": "1s", "smtp": {"url": f"smtp://127.0.0.1:{one_answer(lines)}"}}
    done = notify(tmp_path, "mail", made, [event()])
    assert re.fullmatch(verdict, done.verdicts[0]), done.verdicts


@pytest.mark.parametrize("lines, verdict", [
    (["220 hi", "250 me", "452 too many mails"], r"RETRY 0 .* refused the sender: 452 too many mails"),
    (["220 hi", "250 me", "553-not\r\n553 you"], r"REFUSED .* refused the sender: 553 not you"),
    (["220 hi", "250 me", "250 ok", "250 ok", "451 no room"], r"RETRY 0 .* refused the mail: 451 no room"),
    (["220 hi", "250 me", "250 ok", "250 ok"], r"RETRY 0 .* did not take the mail in time"),
])
def test_answers_without_tls(tmp_path, lines, verdict):
    made = {"from": "a@example.org", "to": ["b@example.org"], "timeout": "1s",
            "smtp": {"url": f"smtp://127.0.0.1:{one_answer(lines)}", "starttls": "none"}}
    done = notify(tmp_path, "mail", made, [event()])
    assert re.fullmatch(verdict, done.verdicts[0]), done.verdicts


def test_resend(tmp_path, peer):
    answers = [(429, {"Retry-After": "7"}, b"slow down"), (200, {"Content-Type": "application/json"}, b'{"id":"1"}')]
    api = peer(lambda asked: answers.pop(0))
    made = {"from": "Pulseline <alarms@example.org>", "to": ["ann@example.org"], "cc": ["bob@example.org"],
            "resend": {"api_key": "re_s3cret", "url": f"http://{api.address}/emails"}}
    done = notify(tmp_path, "mail", made, [event()], attempts=2)
    assert done.verdicts == ["RETRY 7 the receiver answered 429: slow down", "SENT"]
    first, second = api.asked
    assert first.body == second.body
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] != None
    assert first.headers["Authorization"] == "Bearer re_s3cret"
    sent = json.loads(first.body)
    text = sent.pop("text")
    assert "value: 0.75" in text
    assert sent == {"from": "Pulseline <alarms@example.org>", "to": ["ann@example.org"], "cc": ["bob@example.org"],
                    "subject": "[CRITICAL] [host2] cpu_used"}


def test_resend_refuses(tmp_path, peer):
    api = peer(lambda asked: (422, {}, b'{"message": "re_s3cret: bad \x1b from"}'))
    made = {"from": "a@example.org", "to": ["b@example.org"], "resend": {"api_key": "re_s3cret", "url": f"http://{api.address}/emails"}}
    done = notify(tmp_path, "mail", made, [event()])
    assert done.verdicts[0].startswith("REFUSED the receiver answered 422: ") and "re_s3cret" not in done.output


@pytest.mark.parametrize("change, problem", [
    ({"to": []}, "to"), ({"to": ["no address"]}, "expected an address"), ({"from": "a@b\nBcc: c"}, "from"),
    ({"smtp": {"url": "http://x"}}, "must begin with smtp://"), ({"smtp": {"url": "smtp://u:p@x"}}, "keys of their own"),
    ({"smtp": {"url": "smtp://x", "starttls": "none", "username": "u", "password": "p"}}, "read the password"),
    ({"smtp": {"url": "smtp://x", "username": "u"}}, "go together"), ({"smtp": None}, "one of smtp and resend"),
    ({"subject": "{nonsense}"}, "{nonsense} is not known"), ({"to": [f"u{i}@example.org" for i in range(33)]}, "at most 32"),
    ({"resend": {"api_key": "x"}}, "one of smtp and resend"), ({"resend": {}, "smtp": None}, "api_key"),
])
def test_bad_configurations(tmp_path, change, problem):
    made = {"from": "a@example.org", "to": ["b@example.org"], "smtp": {"url": "smtp://x"}, **change}
    done = notify(tmp_path, "mail", {k: v for k, v in made.items() if v is not None}, [event()])
    assert done.status == 3 and problem in done.output, done.output
