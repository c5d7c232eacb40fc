"""What alerts are rendered to, held against a real Kapacitor: it takes and runs every kind, each fires and recovers, and no text that a
user can type changes a script's structure."""
import itertools
import json
import random
import re
import subprocess
import time

import pytest

from daemon import BINARY
from harness import wait_until
from http_peers import Peer
from kapacitord import Kapacitor, needs_kapacitor

RENDER = BINARY.parent / "render"
needs_render = pytest.mark.skipif(not RENDER.exists(), reason=f"no {RENDER}: built with the unit tests")
S = 10**9
AGGREGATES = ["mean", "max", "min", "sum", "last", "median", "percentile", "count"]


class Armed:
    """A Kapacitor, its webhook, and tasks made of alerts."""

    def __init__(self, folder):
        self.kapacitor = Kapacitor(folder).start()
        self.events = []  # the webhook's bodies
        self.peer = Peer(self.hear)

    def hear(self, asked):
        assert asked.headers["X-Pulseline-Token"] == 'to"ken\\'
        self.events.append(json.loads(asked.body))
        return 204, {"Connection": "close"}, b""

    def close(self):
        self.peer.close()
        self.kapacitor.end()

    def render(self, alerts, wall_ns=None):
        asked = "".join(json.dumps(a) + "\n" for a in alerts)
        done = subprocess.run([RENDER, f"http://{self.peer.address}/{{{{hook", 'to"ken\\', str(wall_ns or time.time_ns())], input=asked,
                              capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def create(self, name, made, status="enabled"):
        return self.kapacitor.ask("POST", "/tasks", json={"id": name, "type": "stream", "dbrps": json.loads(made["dbrps"]),
                                                         "script": made["script"], "vars": json.loads(made["vars"]), "status": status})

    def arm(self, alert, wall_ns=None):
        made, = self.render([alert], wall_ns)
        assert "refused" not in made, made
        answer = self.create(alert["id"], made)
        assert answer.status_code == 200 and answer.json()["executing"], answer.text
        return made

    def write(self, lines, database="metrics"):
        answer = self.kapacitor.ask("POST", f"/write?db={database}&rp=autogen&precision=n", data=lines.encode())
        assert answer.status_code == 204, answer.text

    def heard(self, alert, **tags):
        """The levels that an alert's series of these tags has told. (Behind stats a tag that is not there is an empty one.)"""
        return [e["level"] for e in list(self.events) if e["id"].startswith(alert + "/")
                and {k: v for k, v in e["data"]["series"][0].get("tags", {}).items() if v} == tags]

    def errors(self, name):
        task = self.kapacitor.ask("GET", f"/tasks/{name}").json()
        assert task["executing"] and task["error"] == "", task
        return sum(n["errors"] for n in task["stats"]["node-stats"].values())


@pytest.fixture(scope="module")
def armed(tmp_path_factory):
    a = Armed(tmp_path_factory.mktemp("alerts") / "kapacitor")
    yield a
    a.close()


def expect(armed, alert, levels, **tags):
    wait_until(lambda: armed.heard(alert["id"], **tags) == levels,
               f"{alert} tells {levels} for {tags}; it told {[e for e in armed.events if e['id'].startswith(alert['id'] + '/')]}", 20)


def everything():
    """One alert of each kind, aggregate and operator, small enough to be waited for."""
    number = itertools.count()
    for aggregate in AGGREGATES + ["none"]:
        for operator in ["gt", "ge", "lt", "le", "eq", "ne"]:
            a = {"id": f"t{next(number)}", "metric": f"m {aggregate}", "aggregate": aggregate, "operator": operator, "threshold": 5,
                 "duration": "2m", "every": "30s"}
            if aggregate == "percentile":
                a["percentile"] = 90
            yield a
    for aggregate in AGGREGATES:
        for change in ["difference", "percent"]:
            for operator in ["gt", "lt"]:
                a = {"id": f"r{next(number)}", "kind": "relative", "metric": f"r-{aggregate}", "aggregate": aggregate, "change": change,
                     "operator": operator, "threshold": 20 if operator == "gt" else -20, "duration": "1m", "every": "30s",
                     "ago": "10m", "group_by": ["host"]}
                if aggregate == "percentile":
                    a["percentile"] = 50
                yield a


@needs_kapacitor
@needs_render
def test_every_kind_is_proven(armed):
    """The synthetic points make each task fire and recover, and nothing else does."""
    alerts = list(everything())
    alerts += [{"id": "levels", "metric": "cpu", "info": 1, "warn": 2, "crit": 3, "info_reset": 0.5, "crit_reset": 1,
                "tags": {"host": "a", "dc": "eu"},
                "every": "7s", "duration": "21s", "group_by": ["*"]},
               {"id": "uneven", "kind": "relative", "metric": "cpu", "threshold": 5, "every": "7s", "duration": "20s", "ago": "59s"},
               {"id": "sparse", "metric": "cpu", "threshold": 1e300, "operator": "lt", "every": "1h", "duration": "1d", "aggregate": "sum"}]
    made = {a["id"]: armed.arm(a) for a in alerts}
    for a in alerts:
        proof = made[a["id"]]["proof"]
        assert len(proof) == 2, (a, proof)
        tags = {"pulseline_proof": a["id"], **{t: a["id"] for t in a.get("group_by", a.get("tags", [])) if t != "*"}}
        levels = []
        for step, level in zip(proof, ["CRITICAL", "OK"]):
            armed.write(step["lines"], "proof")
            levels.append(level)
            expect(armed, a, levels, **tags)
    for a in alerts[:3]:  # a task that was stopped and started can be proven again at once
        for status in "disabled", "enabled":
            assert armed.kapacitor.ask("PATCH", f"/tasks/{a['id']}", json={"status": status}).status_code == 200
        for step, levels in zip(armed.render([a])[0]["proof"], [["CRITICAL", "OK", "CRITICAL"], ["CRITICAL", "OK"] * 2]):
            armed.write(step["lines"], "proof")
            expect(armed, a, levels, **{"pulseline_proof": a["id"]})
    assert len(armed.events) == 2 * len(alerts) + 2 * 3, [e for e in armed.events if "pulseline_proof" not in e["data"]["series"][0]["tags"]]
    assert {a["id"]: n for a in alerts if (n := armed.errors(a["id"]))} == {}


@needs_kapacitor
@needs_render
def test_deadman(armed):
    """Silence, told in whatever level is wanted; the series that fell silent, and the synthetic one."""
    a = {"id": "dead", "kind": "deadman", "metric": "heart", "duration": "2s", "level": "warn", "threshold": 1, "tags": {"kind": "big"},
         "group_by": ["host"]}
    made = armed.arm(a)
    nobody = {"id": "nobody", "kind": "deadman", "metric": "nothing", "duration": "2s", "group_by": ["host"]}
    armed.arm(nobody)
    now = time.time_ns()
    armed.write(f"heart,host=a,kind=big rate=1 {now}\nheart,host=b,kind=small rate=1 {now}\nheart,host=c rate=1 {now}")
    expect(armed, a, ["WARNING"], host="a")
    armed.write("\n".join(f"heart,host=a,kind=big rate=1 {now + i}" for i in range(9)))
    expect(armed, a, ["WARNING", "OK", "WARNING"], host="a")
    for levels in ["WARNING"], ["WARNING", "OK", "WARNING"]:
        proof, = made["proof"]
        armed.write(proof["lines"], "proof")
        expect(armed, a, levels, host="dead", pulseline_proof="dead")
    expect(armed, nobody, ["CRITICAL"])
    assert {e["id"] for e in armed.events if e["id"].startswith("nobody/")} == {"nobody/nil"}
    assert armed.heard("dead", host="b") == armed.heard("dead", host="c") == []
    assert armed.errors("dead") == 0


@needs_kapacitor
@needs_render
def test_real_points(armed):
    """Only the series with the alert's tags count; points without the field or a tag are no errors; a synthetic point of another alert
    is nobody's; what a series tells is called by its name."""
    a = {"id": "real", "metric": "disk", "field": "used \"now\"", "tags": {"host": "a", "od\"d": "it's \\ a"}, "threshold": 90,
         "crit_reset": 50, "warn": 80, "aggregate": "max", "duration": "1m", "every": "1m", "group_by": ["host", "path"]}
    made = armed.arm(a)
    assert made["title"] == "[a|it's \\ a] disk"
    start = time.time_ns() // (60 * S) * 60 * S

    def point(minute, value, tags="host=a,od\"d=it's\\ \\\\ a,path=/", field="used\\ \"now\""):
        return f"disk,{tags} {field}={value} {start + minute * 60 * S}"

    armed.write(point(0, 10, "host=b,od\"d=x") + "\n" + point(0, 99, "host=a") + "\n" + point(0, 99, field="other")
                + "\n" + point(0, 99, "host=a,od\"d=it's\\ \\\\ a,pulseline_proof=other"))
    for minute, value in enumerate([10, 85, 95, 70, 40, 10]):
        armed.write(point(minute, value))
    expect(armed, a, ["WARNING", "CRITICAL", "OK"], host="a", path="/", **{"od\"d": "it's \\ a"})  # max keeps a point with all its tags
    assert [e["message"] for e in armed.events if e["id"].startswith("real/")] == [
        f"[a|it's \\ a] disk (path=/) is {level} value:{value}" for level, value in [("WARNING", 85), ("CRITICAL", 95), ("OK", 40)]]
    assert {e["id"] for e in armed.events if e["id"].startswith("real/")} == {"real/host=a,path=/,pulseline_proof="}
    assert armed.errors("real") == 0
    armed.write(point(6, '"text"') + "\n" + point(7, 1))
    wait_until(lambda: armed.errors("real") > 0, "a field of the wrong type is counted")


@needs_kapacitor
@needs_render
def test_a_series_that_stops(armed):
    """Its last window still counts; what comes late counts, too, and so does what comes back."""
    a = {"id": "stops", "metric": "load", "threshold": 5, "duration": "2s", "every": "1s"}
    b = {"id": "few", "metric": "load", "threshold": 2, "operator": "lt", "aggregate": "count", "duration": "2s", "every": "1s"}
    armed.arm(a)
    armed.arm(b)
    start = time.time_ns() // S * S
    armed.write("\n".join(f"load,host=a value=9 {start + i * S // 2}" for i in range(6)))
    expect(armed, a, ["CRITICAL"], host="a")
    idle = "barrier2"
    wait_until(lambda: armed.kapacitor.ask("GET", "/tasks/stops").json()["stats"]["node-stats"][idle]["working_cardinality"] == 0,
               "the series is forgotten")
    armed.write("\n".join(f"load,host=a value=1 {start - 60 * S + i * S // 2}" for i in range(8)))
    expect(armed, a, ["CRITICAL", "OK"], host="a")
    assert armed.heard("few", host="a") == [], "neither a short first window nor the end of a series is too few"


@needs_kapacitor
@needs_render
def test_relative_against_nothing(armed):
    """From zero to something is more than any percentage; from zero to zero is no change; nothing to compare with is no alert."""
    a = {"id": "zero", "kind": "relative", "change": "percent", "metric": "jobs", "threshold": 100, "duration": "1m",
         "every": "1m", "ago": "5m"}
    armed.arm(a)
    start = time.time_ns() // (60 * S) * 60 * S - 3600 * S

    def minute(i, **values):
        armed.write("\n".join(f"jobs,host={host} value={value} {start + i * 60 * S}" for host, value in values.items()))

    for i in range(5):
        minute(i, a=0, b=0, c=9)
    for i in range(5, 8):
        minute(i, a=0, b=7, c=15, d=50)
    expect(armed, a, ["CRITICAL"], host="b")
    minute(8, a=0, b=0, c=40, d=5)
    minute(9, a=0, b=0, c=40, d=5)
    expect(armed, a, ["CRITICAL"], host="c")
    expect(armed, a, ["CRITICAL", "OK"], host="b")
    assert armed.heard("zero", host="a") == armed.heard("zero", host="d") == []
    assert armed.errors("zero") == 0


NASTY = [
    "'", '"', "\\", "\\'", '\\"', "{{", "}}", "{{ .Nonsense }}", "{", "{{{", "\n", "\r\n", "//", "/*", "*/", "\'\'\'", "\'\'\'\\\'\'\'", ".exec('id')",
    "|exec('id')", ")\n    |log()\n", "' OR TRUE OR '", '" == "x" OR "', "lambda: TRUE", "@value@", "[tag]", "$", "`",
    "\u00e9\u4e2d\U0001f600", "\u2028", "\x00", "\x7f", "%s%n", "{{define \"x\"}}", "{{ index .Tags \"a\" }}", "{{/*", "-}}", "a" * 300, " ",
    "var x = 1", "*", ";", "#", "\u202e", "/x/", "=~", "AND", "TRUE"]
SAID = ["metric", "field", "database", "retention_policy", "message", "tag name", "tag value", "group"]  # these get into a task
UNSAID = ["post", "level", "operator", "threshold", "id", "duration", "notify"]


def hostile(n):
    """The n-th hostile alert and its harmless twin: the same but for texts."""
    dice = random.Random(n)

    def text():
        return "".join(dice.choice(NASTY) for _ in range(dice.choice([1, 1, 2, 3]))) + dice.choice(["", "z"])

    kind = dice.choice(["threshold", "threshold", "deadman", "relative"])
    harmless = {"id": "x", "kind": kind, "metric": "m", "field": "f", "database": "d", "retention_policy": "r",
                "message": "x", "tags": {"t": "v"}, "group_by": ["g"], "threshold": 3,
                "aggregate": dice.choice(["none"] + AGGREGATES)}
    if kind == "relative":
        harmless |= {"ago": "1h", "aggregate": dice.choice(AGGREGATES)}
    if kind == "deadman":
        del harmless["aggregate"]
    elif harmless["aggregate"] == "percentile":
        harmless["percentile"] = 95
    bad = json.loads(json.dumps(harmless))
    wanted = SAID if n % 5 == 0 else [dice.choice(UNSAID if n % 20 == 1 else SAID)]
    for name in wanted:
        if name == "tag name":
            bad["tags"] = {text(): bad["tags"].popitem()[1]}
        elif name == "tag value":
            bad["tags"] = {key: text() for key in bad["tags"]}
        elif name == "group":
            bad["group_by"] = [text()]
        elif name == "notify":
            bad["notify"] = [text()]
        else:
            bad[name] = text()
    return bad, harmless


def structure(dot):
    """A task's nodes and edges, without its numbers."""
    return re.sub(r'\[[^\]]*\]', "", dot).split("\n", 1)[1]


@needs_kapacitor
@needs_render
def test_hostile_texts(armed):
    """A thousand alerts: each is refused by us with a reason, or is a task like that of its harmless twin."""
    pairs = [hostile(n) for n in range(1000)]
    bad = armed.render([p[0] for p in pairs])
    good = armed.render([p[1] for p in pairs])
    twins, held, refused = {}, 0, 0
    for n, (made, twin) in enumerate(zip(bad, good)):
        assert "refused" not in twin, (pairs[n][1], twin)
        if "refused" in made:
            assert made["refused"].strip(), pairs[n][0]
            refused += 1
            continue
        if twin["script"] not in twins:
            answer = armed.create(f"twin{n}", twin)
            assert answer.status_code == 200 and answer.json()["executing"], answer.text
            twins[twin["script"]] = structure(answer.json()["dot"]), json.loads(twin["vars"]).keys()
        answer = armed.create(f"bad{n}", made)
        assert answer.status_code == 200, (pairs[n][0], answer.text)
        task = armed.kapacitor.ask("GET", f"/tasks/bad{n}?script-format=raw").json()
        assert task["executing"] and task["error"] == "", (pairs[n][0], task["error"])
        assert task["script"] == made["script"]
        dot, names = twins[twin["script"]]
        assert structure(task["dot"]) == dot, pairs[n][0]
        assert json.loads(made["vars"]).keys() == names
        for step in made["proof"]:  # its message's template runs, too
            armed.write(step["lines"], "proof")
        held += 1
    assert held >= 600 and refused >= 100, (held, refused)
    for n, made in enumerate(bad):
        if "refused" not in made:
            task = armed.kapacitor.ask("GET", f"/tasks/bad{n}").json()
            assert task["executing"] and task["error"] == "", (pairs[n][0], task["error"])
            assert armed.kapacitor.ask("DELETE", f"/tasks/bad{n}").status_code == 204
