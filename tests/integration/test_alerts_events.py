"""The way back: what Kapacitor posts is checked, stored, shown live and passed on, once, whoever is down in between."""
import json
import signal
import socket

import pytest

from alerting import PREFIX, alerting, event  # noqa: F401
from harness import PATIENCE, wait_until
from kapacitor_double import now
from test_live import Stream

pytestmark = pytest.mark.sanitized


def counted(alerting, result):  # noqa: F811
    return alerting.daemon.metric("pulseline_alert_events_total", result=result)


def settled(alerting, n):  # noqa: F811
    """So many posts were received, and this is on disk: a question is answered after what came before it."""
    alerting.receiver.wait_for(n)
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_waiting") == 0, "nobody waits")
    alerting.events("a")


# --- what is let in ---


def test_who_may_post(alerting):  # noqa: F811
    alerting.start(server={"http": {"listen": f"127.0.0.1:{alerting.daemon.port}"}}).put("a")
    answer = alerting.webhook(event("a"))
    assert (answer.status_code, answer.content, answer.headers["Connection"]) == (204, b"", "close")
    for token in ("", "wrong", alerting.token[:-1], alerting.token + "x", alerting.token.upper() + " "):
        answer = alerting.webhook(event("a", host="h2"), token=token)
        assert answer.status_code == 403 and answer.headers["Connection"] == "close" and list(answer.json()) == ["error"], token
    assert [e["tags"] for e in alerting.events("a")["events"]] == [{}], "the first alone"
    assert counted(alerting, "unauthorized") == 5 and counted(alerting, "taken") == 1
    tokens = {t["vars"]["token"]["value"] for t in alerting.kapacitor.tasks.values()}
    assert tokens == {alerting.token} and len(alerting.token) >= 32


def test_what_is_no_event(alerting):  # noqa: F811
    """Refused with a reason, and counted; the connection is closed in any case, so that Kapacitor keeps none."""
    alerting.start().put("a")
    good = event("a")
    cases = [("", 400), ("{", 400), ("[]", 400), ("no json", 400), (b"\xff\xfe", 400), ("{}", 400), ("[" * 100000, 400), ("null", 400),
             *(({k: v for k, v in good.items() if k != key}, 400) for key in ("id", "level", "time")),
             ({**good, "level": "PANIC"}, 400), ({**good, "time": "yesterday"}, 400), ({**good, "id": 5}, 400), ({**good, "level": None}, 400),
             ({**good, "id": "no slash"}, 400), ({**good, "previousLevel": "PANIC"}, 400),
             ({**good, "id": "nobody/host=h1"}, 404), ({**good, "id": "A/host=h1"}, 404),
             ({**good, "details": "x" * 300 * 1024}, 400), ({**good, "data": {"series": [{"tags": {f"t{i}": "x" for i in range(2000)}}]}}, 400)]
    for body, status in cases:
        answer = alerting.webhook(body)
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), (str(body)[:100], answer.text)
        assert answer.headers["Connection"] == "close"
    assert counted(alerting, "refused") == len(cases) and counted(alerting, "taken") == 0
    assert alerting.events("a") == {"events": [], "next": None} and alerting.receiver.got == []
    assert alerting.webhook(good).status_code == 204


def test_a_body_without_end(alerting):  # noqa: F811
    """Larger than any: told so, or cut off; and the next is taken."""
    alerting.start().put("a")
    assert alerting.webhook(event("a", details="x" * (2 << 20))).status_code == 413
    with socket.create_connection(("127.0.0.1", alerting.daemon.port), PATIENCE) as s:
        s.sendall(b"POST /kapacitor/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert s.recv(12) == b"HTTP/1.1 413"
    assert alerting.webhook(event("a")).status_code == 204


def test_events_with_less_than_usual(alerting):  # noqa: F811
    """Without tags, series, values, message: they count all the same."""
    alerting.start().put("a", tags={}, group_by=[])
    for more in ({}, {"data": {}}, {"data": {"series": []}}, {"data": {"series": [{}]}}, {"data": {"series": [{"values": [[None, None]]}]}},
                 {"data": {"series": [{"name": "m", "columns": ["time", "v"], "values": []}]}}, {"data": None}, {"duration": "long"}):
        level = "OK" if len(alerting.events("a")["events"]) % 2 else "CRITICAL"
        assert alerting.webhook({"id": "a/nil", "level": level, "time": now(), **more}).status_code == 204, more
    alerting.receiver.wait_for(8)
    assert alerting.receiver.levels() == {"cpu_used": ["CRITICAL", "OK"] * 4}
    events = alerting.events("a")["events"]
    assert len(events) == 8 and all(e["tags"] == {} and e["value"] is None for e in events)


# --- what becomes of it ---


def test_the_receiver_gets_what_pulse_sent(alerting):  # noqa: F811
    """Kapacitor's JSON, member by member, with pulse's name of the series; nothing of ours in it."""
    alerting.start().put("a", tags={"host": "h2"}, group_by=[])
    t = "2026-01-02T03:04:05.000000006Z"
    assert alerting.fire("a", "CRITICAL", t=t, value=0.75, message="[h2] cpu_used is CRITICAL value:0.75", details="<b>",
                         tags={"host": "h2", "pulseline_proof": ""}) == 204
    alerting.receiver.wait_for(1)
    asked, = alerting.receiver.asked
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/hook", "application/json")
    body = json.loads(asked.body)
    assert list(body) == ["id", "message", "details", "time", "duration", "level", "data", "previousLevel", "recoverable"]
    assert body == {"id": "[h2] cpu_used", "message": "[h2] cpu_used is CRITICAL value:0.75", "details": "<b>", "time": t, "duration": 0,
                    "level": "CRITICAL", "previousLevel": "OK", "recoverable": True,
                    "data": {"series": [{"name": "cpu_used", "tags": {"host": "h2"}, "columns": ["time", "value"], "values": [[t, 0.75]]}]}}


def test_said_twice_told_once(alerting):  # noqa: F811
    alerting.start().put("a")
    for level, previous in (("CRITICAL", "OK"), ("OK", "CRITICAL")):
        t = now()
        for _ in range(3):  # Kapacitor was not sure that it was heard
            assert alerting.fire("a", level, previous=previous, t=t) == 204
    settled(alerting, 2)
    assert alerting.daemon.end(signal.SIGKILL) == -signal.SIGKILL
    alerting.daemon.start()
    assert alerting.fire("a", "OK", previous="CRITICAL", t=t) == 204, "and again, after a crash"
    alerting.receiver.wait_for(2)
    assert [e["level"] for e in alerting.events("a")["events"]] == ["OK", "CRITICAL"]
    assert alerting.fire("a", "CRITICAL") == 204
    alerting.receiver.wait_for(3)
    assert alerting.receiver.levels() == {"[shop] cpu_used (host=h1)": ["CRITICAL", "OK", "CRITICAL"]}


def test_events_are_stored_and_paged(alerting):  # noqa: F811
    """Newest first, by pages that do not shift when more come; a restart keeps them; with the alert they go."""
    alerting.start().put("a")
    alerting.put("b")

    def fire(first, last):
        for i in range(first, last):
            assert alerting.fire("a", "OK" if i % 2 else "WARNING", value=i, message=f"event {i}") == 204

    def messages(answer):
        return [int(e["message"].split()[1]) for e in answer["events"]]

    fire(0, 25)
    wait_until(lambda: len(alerting.events("a")["events"]) == 25, "all are stored")
    first = alerting.events("a", "?limit=10")
    assert messages(first) == list(range(24, 14, -1))
    fire(25, 30)
    second = alerting.events("a", f"?limit=10&before={first['next']}")
    third = alerting.events("a", f"?limit=10&before={second['next']}")
    assert messages(second) == list(range(14, 4, -1)) and messages(third) == list(range(4, -1, -1)) and third["next"] is None
    whole = alerting.events("a", "?limit=1000")
    assert messages(whole) == list(range(29, -1, -1)) and whole["next"] is None
    newest = whole["events"][0]
    assert (newest["alert"], newest["id"], newest["level"], newest["value"], newest["tags"]) == (
        "a", "[shop] cpu_used (host=h1)", "OK", 29, {"host": "h1", "service": "shop"})
    for query in ("?limit=x", "?limit=1001", "?before=x", "?before=-1"):
        assert alerting.ask("GET", f"/a/events{query}").status_code == 400, query
    assert alerting.daemon.end() == 0
    alerting.daemon.start()
    assert alerting.events("a", "?limit=1000") == whole and alerting.events("b")["events"] == []
    assert alerting.ask("DELETE", "/a").status_code == 200 and alerting.ask("GET", "/a/events").status_code == 404
    alerting.put("a")
    wait_until(lambda: alerting.events("a")["events"] == [], "another alert of that name begins anew")


def test_as_many_events_as_are_kept(alerting):  # noqa: F811
    alerting.start(kapacitor={"keep": {"events": 5}}).put("a")
    for i in range(12):
        assert alerting.fire("a", "OK" if i % 2 else "WARNING", message=f"event {i}") == 204
    wait_until(lambda: [e["message"] for e in alerting.events("a")["events"]] == [f"event {i}" for i in (11, 10, 9, 8, 7)], "the last five")


def test_live(alerting):  # noqa: F811
    alerting.start(server={"http": {"listen": f"127.0.0.1:{alerting.daemon.port}"}, "live": {}}).put("a")
    streams = {q: Stream(alerting.daemon, q) for q in ("?match=alerts", "?match=alerts,alert:a,level:CRITICAL", "?match=alerts,host:h2", "?match=metrics")}
    try:
        wait_until(lambda: all(s.status == 200 and s.of("live") for s in streams.values()), "they listen")
        for host, level in (("h1", "CRITICAL"), ("h1", "OK"), ("h2", "WARNING")):
            assert alerting.fire("a", level, host, value=97.5) == 204
        expected = {"?match=alerts": [("h1", "CRITICAL"), ("h1", "OK"), ("h2", "WARNING")],
                    "?match=alerts,alert:a,level:CRITICAL": [("h1", "CRITICAL")], "?match=alerts,host:h2": [("h2", "WARNING")]}
        for query, wanted in expected.items():
            def seen(query=query):
                bodies = [e[2]["data"] for e in streams[query].of("message")]
                bodies = [json.loads(b) if isinstance(b, str) else b for b in bodies]
                return [(b["tags"]["host"], b["level"]) for b in bodies if b["alert"] == "a"]

            wait_until(lambda: seen() == wanted, f"{query}: {streams[query].events}")
        assert streams["?match=metrics"].of("message") == []
    finally:
        for s in streams.values():
            s.close()


def test_nobody_is_there_and_the_daemon_is_killed(alerting):  # noqa: F811
    """A receiver that is away through alarms, recoveries, kill -9 and restart gets each of them once, in order."""
    alerting.receiver.down()
    alerting.start().put("a")
    hosts = [f"h{i}" for i in range(5)]

    def fire_all(level, previous):
        for host in hosts:
            assert alerting.fire("a", level, host, previous=previous) == 204

    fire_all("WARNING", "OK")
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_retried_total") > 0, "it was tried")
    fire_all("CRITICAL", "WARNING")
    assert len(alerting.events("a")["events"]) == 10, "all is on disk: a question is answered after what came before it"
    assert alerting.daemon.end(signal.SIGKILL) == -signal.SIGKILL
    alerting.daemon.start()
    fire_all("OK", "CRITICAL")
    assert alerting.daemon.metric("pulseline_notices_waiting") == 15
    assert alerting.daemon.end() == 0
    alerting.daemon.start()
    alerting.receiver.up()
    alerting.receiver.wait_for(15)
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_waiting") == 0, "no one waits any more")
    assert alerting.receiver.levels() == {f"[shop] cpu_used (host={h})": ["WARNING", "CRITICAL", "OK"] for h in hosts}


def test_a_receiver_that_is_busy(alerting):  # noqa: F811
    """503 is tried again, 400 is given up; another receiver does not wait for it."""
    alerting.start(notifiers=[{"webhook": {"name": "hook", "url": alerting.receiver.url}}]).put("a", post="http://127.0.0.1:1/", notify=["hook"])
    alerting.receiver.status = 503
    assert alerting.fire("a", "WARNING") == 204
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_retried_total", receiver="hook") > 0, "it is put off")
    alerting.receiver.status = 200
    alerting.receiver.wait_for(1)
    alerting.receiver.status = 400
    assert alerting.fire("a", "CRITICAL", previous="WARNING") == 204
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_refused_total", receiver="hook") == 1, "given up")
    alerting.receiver.status = 200
    assert alerting.fire("a", "OK", previous="CRITICAL") == 204
    alerting.receiver.wait_for(2)
    assert alerting.receiver.levels() == {"[shop] cpu_used (host=h1)": ["WARNING", "OK"]}
    assert alerting.daemon.metric("pulseline_notices_waiting", receiver="post") == 3


# --- who is told when ---


def test_cooldown(alerting):  # noqa: F811
    """While it cools no further alarm of the series but a worse one; the recovery at once; what is still so at its end is told."""
    alerting.start().put("a", cooldown="3s")
    for level, previous in (("WARNING", "OK"), ("OK", "WARNING"), ("WARNING", "OK"), ("OK", "WARNING"), ("CRITICAL", "OK"), ("OK", "CRITICAL"), ("WARNING", "OK")):
        assert alerting.fire("a", level, previous=previous) == 204
    assert alerting.fire("a", "WARNING", "h2") == 204, "another series has a cooldown of its own"
    told = ["WARNING", "OK", "CRITICAL", "OK", "WARNING"]
    wait_until(lambda: alerting.receiver.levels().get("[shop] cpu_used (host=h1)") == told, f"with the last at its end: {alerting.receiver.levels()}")
    assert alerting.receiver.levels()["[shop] cpu_used (host=h2)"] == ["WARNING"]
    assert len(alerting.events("a")["events"]) == 8, "all is recorded"


def test_reminder(alerting):  # noqa: F811
    """Again and again while it lasts, over a restart, too; not after the recovery."""
    alerting.start().put("a", reminder="1s")
    assert alerting.fire("a", "CRITICAL") == 204
    alerting.receiver.wait_for(3)
    assert alerting.daemon.end() == 0
    alerting.daemon.start()
    alerting.receiver.wait_for(len(alerting.receiver.got) + 2)
    assert {b["level"] for b in alerting.receiver.got} == {"CRITICAL"}
    assert alerting.fire("a", "OK", previous="CRITICAL") == 204
    wait_until(lambda: alerting.receiver.got[-1]["level"] == "OK", "the end")
    alerting.put("b", reminder="1s")
    alerting.fire("b", "CRITICAL", "h9")
    wait_until(lambda: [b["id"] for b in alerting.receiver.got[-2:]] == ["[shop] cpu_used (host=h9)"] * 2, "only of the other")


def test_group_wait(alerting):  # noqa: F811
    """What changes within it goes as one notice."""
    out = alerting.folder / "out"
    script = alerting.folder / "script"
    script.write_text(f"#!/bin/sh\ncat >> {out}; echo >> {out}\n")
    script.chmod(0o755)
    alerting.start(notifiers=[{"script": {"name": "file", "command": [str(script)]}}])
    alerting.put("a", group_wait="2s", notify=["file"], post=None)
    for host in ("h1", "h2", "h3"):
        assert alerting.fire("a", "CRITICAL", host) == 204
    notice, = wait_until(lambda: out.exists() and [json.loads(line) for line in out.read_text().splitlines() if line], "one notice")
    assert [e["tags"]["host"] for e in notice["events"]] == ["h1", "h2", "h3"]


def test_a_deleted_alert_tells_those_it_alarmed(alerting):  # noqa: F811
    """As does one that is disabled, or taken out of the configuration. Who heard nothing bad hears nothing."""
    declared = {"id": "c", "metric": "cpu_used", "threshold": 1, "tags": {"service": "shop"}, "group_by": ["host"], "post": alerting.receiver.url}
    alerting.start(alerts=[declared])
    alerting.armed("c")
    for id in ("a", "b"):
        alerting.put(id)
    for id in ("a", "b", "c"):
        assert alerting.fire(id, "CRITICAL", f"{id}1") == 204
        assert alerting.fire(id, "CRITICAL", f"{id}2") == 204
        assert alerting.fire(id, "OK", f"{id}2", previous="CRITICAL") == 204
    alerting.receiver.wait_for(9)
    assert alerting.ask("DELETE", "/a").status_code == 200
    alerting.receiver.wait_for(10)
    alerting.ask("PUT", "/b", json={**declared, "id": "b", "enabled": False})
    alerting.receiver.wait_for(11)
    alerting.config(alerts=[])
    assert alerting.reload().status_code == 200
    alerting.receiver.wait_for(12)
    expected = {f"[shop] cpu_used (host={id}{n})": ["CRITICAL", "OK"] for id in "abc" for n in (1, 2)}
    assert alerting.receiver.levels() == expected
    wait_until(lambda: alerting.tasks() == [PREFIX + "b"], "two tasks are gone")
    assert alerting.daemon.metric("pulseline_notices_waiting") == 0
