"""The scripted Kapacitor says what the real one says to the same requests in the same order; and posts what a receiver gets."""
import json

import pytest

from http_peers import Peer
from kapacitor_double import KapacitorDouble
from kapacitord import KAPACITORD, Kapacitor

DBRPS = [{"db": "a", "rp": "b"}]
GOOD = "stream|from().measurement('m')|alert().crit(lambda: \"value\" > 1.0)"
OTHER = "stream|from().measurement('other')|alert().crit(lambda: \"value\" > 1.0)"
BROKEN = "stream|from()|alert().message('{{ x }}').crit(lambda: TRUE)"
DECLARES = "var limit float\nvar wait duration\nvar g list\nstream|from().groupBy(g)|alert().crit(lambda: \"value\" > limit)"
VARS = {"limit": {"type": "float", "value": 1}, "wait": {"type": "duration", "value": "1h30m"},
        "g": {"type": "list", "value": [{"type": "star", "value": "*"}]}, "more": {"type": "string", "value": "<&>\"'\\{{"},
        "n": {"type": "int", "value": 9007199254740993}, "b": {"type": "bool", "value": True}, "r": {"type": "regex", "value": "a/b"}}


def new(id, script=GOOD, **more):
    return "POST", "/tasks", {"id": id, "type": "stream", "dbrps": DBRPS, "script": script, **more}


REQUESTS = [
    ("GET", "/ping", None), ("GET", "/tasks", None), ("GET", "/tasks/p-1", None), ("GET", "/bogus", None),
    new("p-1", status="enabled"), new("p-1"), ("GET", "/tasks/p-1?script-format=raw", None),
    # what is changed while it is enabled is stored; enabled twice is nothing
    ("PATCH", "/tasks/p-1", {"script": OTHER}), ("GET", "/tasks/p-1?script-format=raw", None),
    ("PATCH", "/tasks/p-1", {"status": "enabled"}), ("PATCH", "/tasks/p-1", {"status": "disabled", "script": GOOD}),
    ("GET", "/tasks/p-1?script-format=raw", None), ("PATCH", "/tasks/p-1", {"status": "enabled"}), ("GET", "/tasks/p-1", None),
    # refused, and all is as before
    ("PATCH", "/tasks/p-1", {"script": "stream|from("}), ("PATCH", "/tasks/p-1", {"vars": {}, "dbrps": []}),
    ("GET", "/tasks/p-1?script-format=raw", None),
    # 500, and yet there
    new("p-2", BROKEN, status="enabled"), new("p-2", BROKEN, status="enabled"), ("GET", "/tasks/p-2?script-format=raw", None),
    ("PATCH", "/tasks/p-2", {"status": "enabled"}), ("PATCH", "/tasks/p-2", {"status": "disabled"}),
    ("PATCH", "/tasks/p-2", {"status": "enabled"}), ("GET", "/tasks/p-2?script-format=raw", None),
    ("PATCH", "/tasks/p-2", {"status": "disabled", "script": GOOD}), ("PATCH", "/tasks/p-2", {"status": "enabled"}),
    ("GET", "/tasks/p-2?script-format=raw", None),
    # vars
    new("p-3", DECLARES), new("p-3", DECLARES, vars={**VARS, "limit": {"type": "int", "value": 1}}),
    new("p-3", DECLARES, vars={**VARS, "limit": {"type": "float", "value": "x"}}), new("p-3", DECLARES, vars=VARS, status="enabled"),
    ("GET", "/tasks/p-3?script-format=raw", None), ("PATCH", "/tasks/p-3", {"vars": {}}), ("PATCH", "/tasks/p-3", {"vars": {"n": VARS["n"]}}),
    ("GET", "/tasks/p-3?script-format=raw", None),
    # refused
    new("a b"), new("p-4", "batch_"), new("p-4", ""), new("p-4", status="running"), new("p-4", type="other"),
    ("PATCH", "/tasks/nope", {"status": "enabled"}), ("PUT", "/tasks/p-1", {}), ("POST", "/tasks/p-1", {}), ("GET", "/tasks/", None),
    ("POST", "/tasks", "not json"),
    # lists
    ("GET", "/tasks?pattern=p-*&fields=id&fields=status&fields=executing&fields=script&script-format=raw&fields=vars", None),
    ("GET", "/tasks?fields=id&offset=1&limit=1", None), ("GET", "/tasks?fields=id&limit=0", None), ("GET", "/tasks?fields=bogus", None),
    ("GET", "/tasks?pattern=q-*", None),
    # points
    ("POST", "/write?rp=b", "m value=1"), ("POST", "/write?db=a&rp=b", "m value=1"), ("POST", "/write?db=a&rp=b", "garbage"),
    ("DELETE", "/tasks/p-1", None), ("DELETE", "/tasks/p-1", None), ("GET", "/tasks/p-1", None),
]


def essence(o, raw):
    """Of a task what does not depend on the moment: the formatted script is each one's own."""
    keys = ("id", "type", "dbrps", "vars", "status", "executing", "error", "template-id")
    return {k: o[k] for k in keys + (("script",) if raw else ()) if k in o}


def said(answer):
    raw = "script-format=raw" in answer.request.url
    if not answer.headers["Content-Type"].startswith("application/json"):
        return answer.status_code, answer.text.strip()
    if answer.status_code == 204 or not answer.text.strip():
        return answer.status_code, ""
    try:
        o = answer.json()
    except ValueError:  # /write says so of its plain text, too
        return answer.status_code, answer.text.strip()
    if "error" in o and "id" not in o:
        exact = not o["error"].startswith("invalid TICKscript: parser")
        return answer.status_code, o["error"] if exact else o["error"].split(" line ")[0]
    if "tasks" in o:
        return answer.status_code, [essence(t, raw) for t in o["tasks"]]
    return answer.status_code, essence(o, raw)


def ask(server, method, path, body):
    return server.ask(method, path, data=body if isinstance(body, str) else json.dumps(body) if body is not None else None)


def test_as_the_real_one(tmp_path):
    if KAPACITORD is None:
        pytest.skip("no kapacitord on PATH, nor in $KAPACITORD")
    real, double = Kapacitor(tmp_path).start(), KapacitorDouble().start()
    try:
        differing = []
        for request in REQUESTS:
            theirs, ours = said(ask(real, *request)), said(ask(double, *request))
            if theirs != ours:
                differing.append((request, theirs, ours))
        assert differing == [], "\n\n".join(f"{q}\n  real   {t}\n  double {o}" for q, t, o in differing)
    finally:
        real.end(), double.stop()


def test_pages_of_a_hundred():
    double = KapacitorDouble().start()
    try:
        for i in range(150):
            double.create({"id": f"n{i:03}", "script": GOOD, "dbrps": DBRPS})
        assert [t["id"] for t in double.ask("GET", "/tasks").json()["tasks"]] == [f"n{i:03}" for i in range(100)]
        assert len(double.ask("GET", "/tasks?offset=100").json()["tasks"]) == 50
        assert len(double.ask("GET", "/tasks?limit=500&fields=id").json()["tasks"]) == 150
    finally:
        double.stop()


def test_an_alert_comes_to_its_urls(peer):
    hook, other = peer(lambda asked: (204, {}, b"")), peer(lambda asked: (500, {}, b""))
    double = KapacitorDouble().start()
    try:
        double.create({"id": "a", "status": "enabled", "dbrps": DBRPS, "vars": {
            "url": {"type": "string", "value": f"http://{hook.address}/kapacitor/webhook"}, "token": {"type": "string", "value": "t0"}},
            "script": "var url string\nvar token string\nstream|from()|alert().crit(lambda: TRUE)"
                      f".post(url).header('X-Token', token).timeout(5s).post('http://{other.address}/x')"})
        assert double.fire("a", "CRITICAL", tags={"host": "h1"}, value=97.5, name="cpu") == [204, 500]
        asked, = hook.asked
        assert (asked.method, asked.path, asked.headers["X-Token"]) == ("POST", "/kapacitor/webhook", "t0")
        event = json.loads(asked.body)
        assert event["id"] == "cpu:host=h1" and event["level"] == "CRITICAL" and event["previousLevel"] == "OK"
        assert event["data"]["series"][0]["tags"] == {"host": "h1"} and event["data"]["series"][0]["values"][0][1] == 97.5
    finally:
        double.stop()
