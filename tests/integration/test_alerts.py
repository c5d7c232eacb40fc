"""pulse's /alerts, call by call, and what it lacked: updates, numbers, no tags, more than a hundred, an answer for unknown ids."""
import json
import re
import uuid

import pytest
import requests

from alerting import ALERT, PREFIX, alerting  # noqa: F401
from harness import PATIENCE, wait_until

pytestmark = pytest.mark.sanitized

FORM = "application/x-www-form-urlencoded"
SMALL = {"metric": "cpu_used", "threshold": "0.8", "post": "http://127.0.0.1:1/"}
MEMBERS = ["id", "tags", "metric", "level", "operator", "threshold", "duration", "post"]  # pulse's, in its order


def text(**changes):
    return json.dumps({k: v for k, v in {**SMALL, **changes}.items() if v is not None})


# --- what comes back ---

ECHOES = [  # what is said, what is answered of it
    ({}, {"level": "crit", "operator": ">", "threshold": "0.8", "duration": "5m"}),
    ({"threshold": 0.8}, {"threshold": "0.8"}),
    ({"threshold": "0.80"}, {"threshold": "0.80"}),
    ({"threshold": -3}, {"threshold": "-3"}),
    ({"threshold": 0}, {"threshold": "0"}),
    ({"threshold": 1e300}, {"threshold": "1e+300"}),
    *(({"operator": o}, {"operator": o}) for o in ("gt", "ge", "lt", "le", "eq", "ne", ">", ">=", "<", "<=", "==", "!=", "GT")),
    *(({"level": level}, {"level": level}) for level in ("info", "warn", "crit")),
    ({"duration": "90s"}, {"duration": "1m30s"}),  # the same, in our words
    ({"tags": {"host": "h1", "dc": "é\"'\\{{"}}, {"tags": {"dc": "é\"'\\{{", "host": "h1"}}),
    ({"metric": "disk.used"}, {"metric": "disk.used"}),
    ({"metric": "x' OR 1=1"}, {"metric": "x' OR 1=1"}),
    ({"operator": "", "level": None, "duration": ""}, {"level": "crit", "operator": ">", "duration": "5m"}),
]


def test_echoes(alerting):  # noqa: F811
    """POST answers the alert with its new id, pulse's members first; GET answers the same; the task is there and runs."""
    alerting.start()
    for said, expected in ECHOES:
        answer = alerting.ask("POST", data=text(**said))
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json", (said, answer.text)
        assert answer.text.endswith("\n") and ">" not in answer.text  # as Go writes it
        alert = answer.json()
        assert uuid.UUID(alert["id"]).version == 4
        assert {k: alert.get(k) for k in expected} == expected, said
        given = [m for m in MEMBERS if m != "tags" or said.get("tags")]
        assert list(alert)[:len(given)] == given, "pulse's members, in its order; no tags, no member"
        assert alert["status"] == "enabled" and alert["executing"] and alert["error"] == "" and alert["state"] == "ok"
        shown = alerting.get(alert["id"])
        assert {k: shown.get(k) for k in MEMBERS} == {k: alert.get(k) for k in MEMBERS}
        task = alerting.task(alert["id"])
        assert (alert["type"], alert["dbrps"], alert["link"]) == (
            "stream", task["dbrps"], {"rel": "self", "href": f"/kapacitor/v1/tasks/{PREFIX}{alert['id']}"})
        assert task["vars"]["crit" if "level" not in expected else expected["level"]]["value"] == float(expected.get("threshold", 0.8))
    assert sorted(PREFIX + id for id in alerting.ids()) == alerting.tasks() and len(alerting.ids()) == len(ECHOES)


def test_names_in_any_case_and_members_that_nobody_knows(alerting):  # noqa: F811
    alert = alerting.start().ask("POST", data='{"METRIC": "m", "Threshold": 1, "pOST": "http://127.0.0.1:1/", "id": "mine", "Tresh": 2}').json()
    assert (alert["metric"], alert["threshold"]) == ("m", "1") and alert["id"] != "mine"
    assert len(alert["warnings"]) == 1 and alert["warnings"][0].startswith("Tresh: unknown")
    assert "warnings" not in alerting.get(alert["id"])


BAD_JSON, MISSING = "Bad JSON syntax received in body", "Missing value in payload"
REFUSALS = [  # (body, what the error begins with)
    ("", BAD_JSON), ("{", BAD_JSON), ("no json", BAD_JSON), (text() + "x", BAD_JSON), ("[]", BAD_JSON), ("1", BAD_JSON),
    ('{"metric": "\\x"}', BAD_JSON), (b'{"metric": "\xff"}', BAD_JSON), ("[" * 100000, BAD_JSON), (text()[:-1] + ',"metric":"m"}', BAD_JSON),
    ("{}", MISSING), (text(metric=None), MISSING), (text(metric=""), MISSING), (text(post=None), MISSING), (text(post=""), MISSING),
    (text(threshold=None), "threshold: is missing"), (text(threshold="high"), "threshold: "), (text(threshold="1e999"), "threshold: "),
    (text(threshold=[1]), "threshold: "), (text(threshold="NaN"), "threshold: "), (text(level="high"), "level: "),
    (text(operator="=>"), "operator: "), (text(duration="soon"), "duration: "), (text(duration="-5m"), "duration: "),
    (text(duration="0s"), "duration: "), (text(post="ftp://x/"), "post: "), (text(post="no url"), "post: "), (text(tags=["a"]), "tags: "),
    (text(tags={"": "x"}), "tags"), (text(notify=["nobody"]), "notify: no notifier is called 'nobody'"),
    (text(metric="m" * 300), "metric: "), (text(kind="other"), "kind: "),
]


def test_refusals(alerting):  # noqa: F811
    """As pulse refuses, and in words where pulse left it to Kapacitor's parser. Nothing is kept, Kapacitor is not asked."""
    alerting.start()
    for method in ("POST", "PUT"):
        for body, error in REFUSALS:
            answer = alerting.ask(method, data=body)
            assert answer.status_code == 400 and list(answer.json()) == ["error"], (body[:100], answer.text)
            assert answer.json()["error"].startswith(error), (body[:100], answer.text)
    for id in ("a b", "a/b", "..", "x" * 65, "é"):
        assert alerting.ask("PUT", data=text(id=id)).json()["error"].startswith("id: "), id
    assert alerting.ask("GET").json() == [] and alerting.kapacitor.writes() == []
    assert alerting.ask("POST", data=b"{" + b" " * (1 << 20) + b"}").status_code == 413


def test_what_kapacitor_refuses(alerting):  # noqa: F811
    """pulse's words before Kapacitor's own; nothing is kept of a new alert, an old one stays as it was."""
    alerting.start().put("old")
    before = alerting.task("old")
    for status in (400, 500):
        alerting.kapacitor.fault = lambda asked: status if asked.method in ("POST", "PATCH") else None  # noqa: B023
        for method, path in (("POST", ""), ("PUT", ""), ("PUT", "/new"), ("PUT", "/old")):
            answer = alerting.ask(method, path, data=text(threshold=5))
            assert (answer.status_code, answer.json()) == (400, {"error": "Failed to create task - scripted fault"}), (method, path)
        assert alerting.ids() == ["old"] and alerting.get("old")["threshold"] == "0.8"
    alerting.kapacitor.fault = None
    alerting.armed("old")
    assert alerting.task("old")["vars"] == before["vars"] and alerting.tasks() == [PREFIX + "old"]
    assert alerting.daemon.end() == 0
    alerting.start()
    assert alerting.ids() == ["old"] and alerting.get("old")["threshold"] == "0.8"


def test_a_post_that_fails_and_is_carried_out(alerting):  # noqa: F811
    """Kapacitor answers 500 and has the task nevertheless: one alert, one task, however it was answered."""
    alerting.start()
    failed = []

    def once(asked):
        if asked.method == "POST" and not failed:
            failed.append(asked)
            return 500
        return None

    alerting.kapacitor.obey_and_fail = once
    answer = alerting.ask("POST", data=text())
    assert failed and answer.status_code in (200, 400), answer.text
    wait_until(lambda: len(alerting.ids()) == len(alerting.tasks()) == (answer.status_code == 200), "the tasks are those of the alerts")


def test_a_body_of_a_form_is_json_nonetheless(alerting):  # noqa: F811
    """curl's own content type ate the body in pulse when the token stood in the query."""
    listen = {"listen": f"127.0.0.1:{alerting.daemon.port}"}
    alerting.config(server={"http": {**listen, "token": "sesame"}}).daemon.start(ready=False)
    wait_until(lambda: alerting.daemon.get("/-/ready").status_code == 200, "ready")
    url = alerting.daemon.url("/alerts")
    for more in ({"params": {"X-AUTH-TOKEN": "sesame"}}, {"headers": {"X-AUTH-TOKEN": "sesame"}}):
        headers = {"Content-Type": FORM, **more.pop("headers", {})}
        answer = requests.post(url, data=text(), headers=headers, timeout=PATIENCE, **more)
        assert answer.status_code == 200 and answer.json()["metric"] == "cpu_used", answer.text
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = requests.request(method, url + ("/x" if method == "DELETE" else ""), data=text(), timeout=PATIENCE)
        assert (answer.status_code, answer.content) == (401, b""), method


# --- by id ---


def test_put_updates(alerting):  # noqa: F811
    """By the id of the path or of the body; an id that is not there is made, none is a new one."""
    alerting.start()
    made = alerting.ask("PUT", data=text()).json()["id"]
    assert uuid.UUID(made).version == 4
    for path, body in (("", text(id=made, threshold=0.9)), (f"/{made}", text(threshold=0.9)), (f"/{made}", text(id="other", threshold=0.9))):
        assert alerting.ask("PUT", data=text(id=made)).json()["threshold"] == "0.8"
        answer = alerting.ask("PUT", path, data=body)
        assert answer.status_code == 200 and (answer.json()["id"], answer.json()["threshold"]) == (made, "0.9"), answer.text
        assert alerting.ids() == [made] and alerting.tasks() == [PREFIX + made]
        assert alerting.task(made)["vars"]["crit"]["value"] == 0.9, "what runs is what was changed"
    for path, body, id in (("", text(id="by-body"), "by-body"), ("/by.path", text(), "by.path")):
        assert alerting.ask("PUT", path, data=body).json()["id"] == id and PREFIX + id in alerting.tasks()
    created = alerting.get(made)["created"]
    before = len(alerting.kapacitor.writes())
    assert alerting.ask("PUT", data=text(id=made, threshold=0.9)).json()["created"] == created
    assert len(alerting.kapacitor.writes()) == before, "the same again is no change"
    assert alerting.ask("PUT", data=text(id=made, enabled=False)).json()["status"] == "disabled"
    assert alerting.kapacitor.tasks[PREFIX + made]["status"] == "disabled"


def test_delete(alerting):  # noqa: F811
    alerting.start().put("one")
    for id in ("one", "one", "nobody", "*"):
        answer = alerting.ask("DELETE", f"/{id}")
        assert (answer.status_code, answer.text) == (200, '{"msg":"Success"}\n'), id
        wait_until(lambda: alerting.tasks() == [], "its task is gone, too")
    assert alerting.ask("DELETE").status_code == 404
    assert alerting.ask("GET").json() == []


def test_get(alerting):  # noqa: F811
    """The first of a pattern, and a reason for what is not there."""
    alerting.start()
    for id in ("b1", "a2", "a1"):
        alerting.put(id)
    for pattern, id in (("a1", "a1"), ("a*", "a1"), ("*", "a1"), ("b%3F", "b1"), ("[ab]2", "a2"), ("*2", "a2"), ("%61%2A", "a1"),
                        ("a1/more", "a1")):  # as everywhere in pulse: what stands behind counts for nothing
        assert alerting.ask("GET", f"/{pattern}").json()["id"] == id, pattern
    for missing in ("a3", "c*", "A1", "a", "x" * 300):
        answer = alerting.ask("GET", f"/{missing}")
        assert answer.status_code == 404 and answer.json() == {"error": "there is no such alert"}, missing
        assert alerting.ask("GET", f"/{missing}/events").status_code == 404


def test_pages(alerting):  # noqa: F811
    """All of them, though pulse showed a hundred; and as many as one asks for."""
    alerting.start()
    ids = [f"n{i:03}" for i in range(120)]
    for id in ids:
        assert alerting.ask("PUT", f"/{id}", data=text()).status_code == 200
    for query, expected in (("", ids), ("?limit=7", ids[:7]), ("?limit=7&offset=116", ids[116:]), ("?offset=119", ids[119:]),
                            ("?offset=120", []), ("?offset=4294967295", []), ("?limit=0", []), ("?limit=10000", ids), ("?other=1", ids)):
        answer = alerting.ask("GET", query)
        assert (answer.status_code, answer.headers["X-Total-Count"]) == (200, "120"), query
        assert [a["id"] for a in answer.json()] == expected, query
    for query in ("?limit=x", "?limit=-1", "?limit=10001", "?offset=x", "?offset=4294967296", "?format=xml", "?limit="):
        assert alerting.ask("GET", query).status_code == 400, query
    assert alerting.daemon.metric("pulseline_alerts", source="api") == 120
    assert alerting.quiet() == 120  # Kapacitor, too, lists a hundred at once


def test_as_many_as_are_allowed(alerting):  # noqa: F811
    alerting.start(kapacitor={"max_alerts": 2})
    for id in ("a", "b"):
        alerting.put(id)
    for method, path in (("POST", ""), ("PUT", "/c")):
        answer = alerting.ask(method, path, data=text())
        assert answer.status_code == 503 and "max_alerts" in answer.json()["error"]
    assert alerting.ask("PUT", "/a", data=text(threshold=3)).status_code == 200, "one that is there may be changed"
    alerting.ask("DELETE", "/a")
    assert alerting.ask("POST", data=text()).status_code == 200


def test_kapacitor_is_away(alerting):  # noqa: F811
    """Alerts are taken, shown, changed and taken away all the same; Kapacitor hears of it when it is back, and over a restart."""
    alerting.start().put("old")
    alerting.put("gone")
    alerting.kapacitor.stop()
    for id in ("old", "new"):
        answer = alerting.ask("PUT", f"/{id}", data=text(threshold=5))
        assert answer.status_code == 200 and answer.json()["state"] == "pending", answer.text
    assert alerting.ask("DELETE", "/gone").status_code == 200
    assert alerting.ids() == ["new", "old"]
    assert alerting.daemon.end() == 0
    alerting.daemon.start()
    assert alerting.ids() == ["new", "old"] and not alerting.get("new")["executing"]
    alerting.kapacitor.start()
    for id in ("old", "new"):
        alerting.armed(id)
        assert alerting.task(id)["vars"]["crit"]["value"] == 5
    wait_until(lambda: alerting.tasks() == [PREFIX + "new", PREFIX + "old"], "that of the other is gone")


def test_without_a_kapacitor(pulseline):
    pulseline.config([]).start()
    for method, path in (("GET", ""), ("POST", ""), ("PUT", "/x"), ("DELETE", "/x"), ("GET", "/x"), ("GET", "/x/events"), ("POST", "/x/prove")):
        answer = requests.request(method, pulseline.url(f"/alerts{path}"), data=text(), timeout=PATIENCE)
        assert answer.status_code == 503 and "kapacitor: {url: ...}" in answer.json()["error"], (method, path)
    assert requests.post(pulseline.url("/kapacitor/webhook"), data="{}", timeout=PATIENCE).status_code == 503


# --- what a user types stays text ---

EVIL = ["'.exec('/bin/sh', '-c', 'id')", "')\n    |alert().exec('/bin/true')\n// ", "''')|exec('x')", '"; DROP DATABASE x; --', "\\' OR TRUE //",
        "{{ .ID }}", "{{ template", "}}{{", "/* */ // lambda: TRUE", "é\U0001f600"]


def test_no_text_is_a_script(alerting):  # noqa: F811
    """In each member that takes any text: the script is that of harmless words, letter by letter but for the name of pulse's field,
    which is a word of its own; the text is a var's value."""
    alerting.start()
    fields = {"metric": lambda s: {"metric": s}, "tag": lambda s: {"tags": {"k": s}}, "message": lambda s: {"message": s},
              "field": lambda s: {"field": s}, "database": lambda s: {"database": s}, "post": lambda s: {"post": f"http://127.0.0.1:1/{s}"}}
    taken = 0

    def script_of(id):
        return re.sub(r"\bmean_\w+", "mean", alerting.task(id)["script"])

    for name, make in fields.items():
        alerting.put("plain", **make("harmless"))
        script = script_of("plain")
        for evil in EVIL:
            answer = alerting.ask("PUT", "/evil", json={**ALERT, "post": alerting.receiver.url, **make(evil)})
            if answer.status_code == 200:
                taken += 1
                assert script_of("evil") == script, (name, evil)
            else:  # a URL or a name that cannot be meant; by us, not by Kapacitor's parser
                assert answer.status_code == 400 and not answer.json()["error"].startswith("Failed to create"), (name, evil, answer.text)
        assert "exec" not in script
    assert taken >= 30
    for member in ("level", "threshold", "duration", "operator", "every", "kind", "aggregate"):
        for evil in EVIL:
            assert alerting.ask("PUT", "/other", json={**ALERT, "post": alerting.receiver.url, member: evil}).status_code == 400, (member, evil)
    assert set(alerting.ids()) == {"plain", "evil"}
