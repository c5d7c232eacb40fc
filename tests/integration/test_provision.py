"""Retention policies and downsampling that the configuration declares, against a real influxd."""
import math
import random
import re
import statistics
import time
import urllib.parse

import pytest
import requests

from daemon import job
from harness import PATIENCE, wait_until
from http_peers import Peer
from influx import Influxd


class Recorder:
    """Stands before influxd and remembers the statements that came by; `away`: answers 503 to everything."""

    def __init__(self, url):
        self.url, self.away, self.peer = url, False, None
        self.peer = Peer(self.answer)

    def answer(self, asked):
        if self.away:
            return 503, {}, b"away\n"
        headers = {k: v for k, v in asked.headers.items() if k in ("Content-Type", "Authorization")}
        a = requests.post(self.url + asked.path, data=asked.body.encode(), headers=headers, timeout=PATIENCE)
        return a.status_code, {"Content-Type": a.headers.get("Content-Type", "")}, a.content

    def statements(self, *words):
        texts = [urllib.parse.parse_qs(a.body).get("q", [""])[0] for a in self.peer.asked if a.path.startswith("/query")]
        return [t for t in texts if t.startswith(words)]


@pytest.fixture
def recorder(influxd):
    r = Recorder(influxd.url)
    yield r
    r.peer.close()


def output(recorder, database, **provision):
    return [{"influxdb": {"url": f"http://{recorder.peer.address}", "database": database, "gzip": "off",
                          "provision": {"delay": "100ms", **provision}}}]


def policies(influxd, database):
    quoted = database.replace('"', '\\"')
    rows = influxd.query(f'SHOW RETENTION POLICIES ON "{quoted}"')[0]["values"]
    return {name: (duration, shard, standard) for name, duration, shard, _, standard in rows}


def events(daemon, event):
    return daemon.metric("pulseline_output_events_total", event=event)


def run_until_checked(daemon, recorder):
    """Starts it, waits until its view of the policies is settled and a delivery went through, ends it."""
    asked = len(recorder.statements("SHOW RETENTION"))
    daemon.start()
    wait_until(lambda: len(recorder.statements("SHOW RETENTION")) > asked and
               daemon.metric("pulseline_output_points_out_total", output="influxdb") > 0, "it looked and wrote")
    time.sleep(0.3)  # a statement too many would come now
    return daemon


@pytest.mark.sanitized
def test_policies_are_created_kept_and_altered(pulseline, pages, influxd, database, recorder):
    influxd.query(f'CREATE DATABASE "{database}"')
    influxd.query(f'CREATE RETENTION POLICY "theirs" ON "{database}" DURATION 3w REPLICATION 1')
    pages.pages["/metrics"] = b"a 1\n"
    declared = [{"name": "raw", "duration": "2d", "default": True},
                {"name": 'long "1" \'and\' two', "duration": "0s", "shard_duration": "4w"}]

    def configure():
        pulseline.config([job("n", pages.address)], output(recorder, database, retention_policies=declared))

    configure()
    pulseline.start()
    wait_until(lambda: len(policies(influxd, database)) == 4, "the policies are there")
    assert policies(influxd, database) == {
        "autogen": ("0s", "168h0m0s", False), "theirs": ("504h0m0s", "24h0m0s", False), "raw": ("48h0m0s", "24h0m0s", True),
        'long "1" \'and\' two': ("0s", "672h0m0s", False)}
    wait_until(lambda: influxd.query('SELECT * FROM "raw"."a"', database), "points are in the default one")
    assert influxd.query('SELECT * FROM "autogen"."a"', database) == []  # not even the first of them
    assert pulseline.end() == 0

    # A second start finds all as it should be.
    recorder.peer.asked.clear()
    run_until_checked(pulseline, recorder)
    assert recorder.statements("CREATE", "ALTER", "DROP") == []
    assert events(pulseline, "provision_changes") == 0

    # A changed configuration alters what differs, and that alone; by reload, too.
    declared[0]["duration"] = "1h"  # shorter than the shards are now
    configure()
    assert pulseline.reload().status_code == 200
    wait_until(lambda: policies(influxd, database)["raw"][0] == "1h0m0s", "the duration is altered")
    wait_until(lambda: "duration from 172800s to 3600s" in pulseline.log(), "the answer came, too, and is told")
    declared[1]["duration"] = "60d"
    configure()
    assert pulseline.reload().status_code == 200
    wait_until(lambda: policies(influxd, database)['long "1" \'and\' two'][0] == "1440h0m0s", "the other one too")
    assert policies(influxd, database) == {
        "autogen": ("0s", "168h0m0s", False), "theirs": ("504h0m0s", "24h0m0s", False), "raw": ("1h0m0s", "1h0m0s", True),
        'long "1" \'and\' two': ("1440h0m0s", "672h0m0s", False)}
    assert len(recorder.statements("ALTER")) == 2 and recorder.statements("CREATE", "DROP") == []

    # What is no longer declared stays.
    declared.pop()
    configure()
    assert pulseline.reload().status_code == 200
    run = len(recorder.statements("SHOW RETENTION"))
    wait_until(lambda: len(recorder.statements("SHOW RETENTION")) > run or pulseline.metric("pulseline_output_points_out_total"), "it goes on")
    assert pulseline.end() == 0
    assert recorder.statements("DROP") == [] and len(policies(influxd, database)) == 4
    pulseline.check_log()


def test_what_somebody_drops_comes_back(pulseline, pages, influxd, database, recorder):
    pages.pages["/metrics"] = b"a 1\n"
    pulseline.config([job("n", pages.address)],
                     output(recorder, database, retention_policies=[{"name": "raw", "duration": "2d", "default": True}]))
    pulseline.start()
    wait_until(lambda: influxd.query('SELECT * FROM "raw"."a"', database), "points are stored")
    influxd.query(f'DROP DATABASE "{database}"')
    wait_until(lambda: database in influxd.databases() and policies(influxd, database).get("raw", (0, 0, False))[2],
               "database and policy are there again")
    wait_until(lambda: influxd.query('SELECT * FROM "raw"."a"', database), "points are stored again")
    assert pulseline.end() == 0


def test_influxdb_comes_later(pulseline, pages, influxd, database, recorder):
    recorder.away = True
    pages.pages["/metrics"] = b"a 1\n"
    pulseline.config([job("n", pages.address)], output(recorder, database, pulse_aggregates=True, aggregate_retention="2w"))
    pulseline.start()
    wait_until(lambda: events(pulseline, "provision_failures") >= 2, "it tries again")
    assert pulseline.log().count("is not provisioned") == 1
    recorder.away = False
    wait_until(lambda: policies(influxd, database).get("one_week"), "it is provisioned")
    assert policies(influxd, database) == {"autogen": ("0s", "168h0m0s", False), "one_day": ("24h0m0s", "1h0m0s", True),
                                           "one_week": ("336h0m0s", "24h0m0s", False)}
    wait_until(lambda: "InfluxDB is provisioned now" in pulseline.log(), "it says so")
    assert pulseline.end() == 0


def test_rights_come_later(pulseline, pages, tmp_path):
    """Who may write but not manage goes on writing; the trouble is told once, and its end."""
    influxd = Influxd(tmp_path / "influxd", auth=True).start()
    try:
        influxd.query("CREATE USER root WITH PASSWORD 'root' WITH ALL PRIVILEGES")
        influxd.auth = ("root", "root")
        influxd.query("CREATE DATABASE db")
        influxd.query("CREATE USER writer WITH PASSWORD 'w'; GRANT ALL ON db TO writer")
        pages.pages["/metrics"] = b"a 1\n"
        pulseline.config([job("n", pages.address)], [{"influxdb": {
            "url": influxd.url, "database": "db", "username": "writer", "password": "w",
            "provision": {"retention_policies": [{"name": "long", "duration": "520w"}]}}}])
        pulseline.start()
        wait_until(lambda: events(pulseline, "provision_failures") >= 2, "it is refused")
        wait_until(lambda: influxd.count("db", "a") >= 3, "points are written all the same")
        assert pulseline.log().count("is not provisioned") == 1 and "level=error" in pulseline.log()
        influxd.query("GRANT ALL PRIVILEGES TO writer")
        wait_until(lambda: "long" in policies(influxd, "db"), "the policy is there")
        wait_until(lambda: "InfluxDB is provisioned now" in pulseline.log(), "it says so")
        assert pulseline.end() == 0
    finally:
        influxd.end()


def test_servers_without_queries(pulseline, pages):
    written = []

    def answer(asked):
        if asked.path.startswith("/write"):
            written.append(asked.body)
            return 204, {}, b""
        return 404, {"Content-Type": "text/plain"}, b"404 page not found\n"

    peer = Peer(answer)
    try:
        pages.pages["/metrics"] = b"a 1\n"
        pulseline.config([job("n", pages.address)],
                         [{"influxdb": {"url": f"http://{peer.address}", "provision": {"pulse_aggregates": True}}}])
        pulseline.start()
        wait_until(lambda: len(written) >= 3, "points are written all the same")
        assert pulseline.log().count("takes no InfluxQL") == 1
        assert pulseline.metric("pulseline_output_points_dropped_total", output="influxdb") == 0
        assert pulseline.end() == 0
    finally:
        peer.close()


# --- downsampling ---

FUNCTIONS = {"mean": statistics.fmean, "median": statistics.median, "min": min, "max": max, "sum": math.fsum, "count": len,
             "first": lambda v: v[0], "last": lambda v: v[-1], "spread": lambda v: max(v) - min(v), "stddev": statistics.stdev}


def page_of(series):
    """{room: {ms: value}} as a page with times."""
    def quoted(text):
        return text.replace("\\", "\\\\").replace('"', '\\"')

    return "".join(f'temp{{room="{quoted(room)}"}} {v} {ms}\n' for room, points in series.items() for ms, v in points.items()).encode()


def rolled_in_python(series, interval_ms):
    found = {}
    for room, points in series.items():
        windows = {}
        for ms in sorted(points):
            windows.setdefault(ms // interval_ms * interval_ms, []).append(points[ms])
        for begin, values in windows.items():
            found[room, begin] = {f"{name}_value": f(values) for name, f in FUNCTIONS.items() if name != "stddev" or len(values) > 1}
    return found


def rolled_in_influxdb(influxd, database, policy):
    found = {}
    for s in influxd.query(f'SELECT * FROM "{policy}"."temp" GROUP BY room', database):
        for row in s["values"]:
            fields = dict(zip(s["columns"], row))
            found[s["tags"]["room"], fields["time"] // 10**6] = {k: v for k, v in fields.items() if k.endswith("_value") and v is not None}
    return found


def same(a, b):
    return a.keys() == b.keys() and all(
        a[k].keys() == b[k].keys() and all(math.isclose(a[k][f], b[k][f], rel_tol=1e-9, abs_tol=1e-9) for f in a[k]) for k in a)


@pytest.mark.sanitized
def test_downsampling_equals_a_computation_of_its_own(pulseline, pages, influxd, database, recorder):
    chance = random.Random(4)
    now_ms = int(time.time() * 1000)
    oldest = now_ms // 60000 * 60000 - 40 * 60000

    def points(n, to):
        return {oldest + chance.randrange(to): round(chance.uniform(-50, 50), 3) for _ in range(n)}

    early = {room: points(60, 30 * 60000) for room in ("north", 'so"uth', "we\\st")}
    pages.pages["/metrics"] = page_of(early)
    pulseline.config([job("n", pages.address)], output(
        recorder, database, late="1h", retention_policies=[{"name": "lo'n\"g", "duration": "0s"}],
        downsampling=[{"into": "lo'n\"g", "interval": "1m", "functions": list(FUNCTIONS), "measurements": ["temp", 'no "such"']}]))
    pulseline.start()

    def rolled():
        quoted = "lo'n\\\"g"
        return rolled_in_influxdb(influxd, database, quoted)

    wait_until(lambda: same(rolled(), rolled_in_python(early, 60000)), "all windows are rolled up")

    # Late: more points of windows that are rolled, and of a window that had none.
    late = {room: {**early[room], **points(20, 36 * 60000)} for room in early}
    pages.pages["/metrics"] = page_of({room: {t: v for t, v in late[room].items() if t not in early[room]} for room in late})
    wait_until(lambda: same(rolled(), rolled_in_python(late, 60000)), "they are rolled up again")
    assert events(pulseline, "rollup_failures") == 0
    assert pulseline.end() == 0
    pulseline.check_log()


def test_a_backlog_is_rolled_up(pulseline, pages, database, tmp_path):
    """What was measured while InfluxDB was away counts in its windows, though these ended long before it came."""
    influxd = Influxd(tmp_path / "influxd")
    served = iter(range(1, 10**6))

    def count(conn):
        body = b"counted %d\n" % next(served)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)

    pages.pages["/metrics"] = count
    provision = {"delay": "100ms", "late": "1h", "retention_policies": [{"name": "coarse", "duration": "0s"}],
                 "downsampling": [{"into": "coarse", "interval": "2s"}]}
    pulseline.config([job("n", pages.address)], [{"influxdb": {"url": influxd.url, "database": database, "provision": provision}}])
    influxd.start()
    try:
        pulseline.start()
        wait_until(lambda: influxd.query("SELECT * FROM coarse.counted", database), "windows are rolled up")
        influxd.end()
        at = next(served)
        wait_until(lambda: next(served) > at + 12, "pages are read while it is away")
        influxd.start()

        def windows_are_right():
            raw, coarse = ({t: v for s in influxd.query(f"SELECT {field} FROM {policy}.counted", database) for t, v in s["values"]}
                           for field, policy in (("value", "autogen"), ("mean_value", "coarse")))
            means = {}
            for t, v in raw.items():
                means.setdefault(t // (2 * 10**9) * 2 * 10**9, []).append(v)
            newest = max(coarse)
            ended = {t: statistics.fmean(v) for t, v in means.items() if t <= newest}
            return len(ended) > 6 and newest > max(means) - 10**10 and ended == coarse

        wait_until(windows_are_right, "every window is the mean of its points")
        assert pulseline.end() == 0
    finally:
        influxd.end()


def test_one_refused_series_costs_no_other(pulseline, pages, influxd, database, recorder):
    """The targets hold another type for a stat: InfluxDB refuses that, and with it whatever stands in the same request."""
    begin = (int(time.time()) // 60 - 10) * 60
    influxd.query(f'CREATE DATABASE "{database}" WITH DURATION 1d NAME one_day')
    for name in ("one_week", "coarse"):
        influxd.query(f'CREATE RETENTION POLICY "{name}" ON "{database}" DURATION 1w REPLICATION 1')
    write = {"one_week": 'aggregate m_bad="text"', "coarse": 'm_bad mean_value="text"', "one_day": "\n".join(
        f"{name} value={v} {(begin + v) * 10**9}" for name in ("a_good", "m_bad", "z_good") for v in (1, 2))}
    for policy, lines in write.items():
        assert requests.post(f"{influxd.url}/write", params={"db": database, "rp": policy}, data=lines, timeout=PATIENCE).status_code == 204
    pages.pages["/metrics"] = b""
    pulseline.config([job("n", pages.address)], output(
        recorder, database, pulse_aggregates=True, aggregate_interval="1m", late="1h", downsampling=[{"into": "coarse", "interval": "1m"}],
        retention_policies=[{"name": "coarse", "duration": "7d"}]))
    pulseline.start()

    def means(what):
        return [r for s in influxd.query(f"SELECT {what}", database) for r in s["values"]]

    wanted = [[begin * 10**9, 1.5]]
    for name in ("a_good", "z_good"):
        wait_until(lambda: means(f"{name} FROM one_week.aggregate") == wanted, f"{name} is aggregated")
        wait_until(lambda: means(f"mean_value FROM coarse.{name}") == wanted, f"{name} is downsampled")
    wait_until(lambda: all(re.search(rf"the others are.* into={into} .*stat=m_bad", pulseline.log()) for into in ("one_week", "coarse")),
               "it says which")
    assert events(pulseline, "rollup_failures") > 0 and events(pulseline, "rollup_windows_lost") == 0
    assert pulseline.end() == 0


def test_policies_that_do_not_fit(pulseline, pages, influxd, database, recorder):
    """Found out when the server shows its policies; the others go on, and a policy that somebody makes later is taken."""
    influxd.query(f'CREATE DATABASE "{database}"')
    pages.pages["/metrics"] = b"a 1\n"
    pulseline.config([job("n", pages.address)], output(
        recorder, database, retention_policies=[{"name": "short", "duration": "1h"}, {"name": "coarse", "duration": "0s"}],
        downsampling=[{"into": "nowhere", "interval": "2s"}, {"into": "autogen", "interval": "2s"},
                      {"from": "short", "into": "coarse", "interval": "1h"}, {"into": "coarse", "interval": "2s"}]))
    pulseline.start()
    wait_until(lambda: influxd.query("SELECT * FROM coarse.a", database), "the one that fits is rolled up")
    for words in ("that is not there", "reads and writes the same", "keeps less than two intervals"):
        assert pulseline.log().count(words) == 1
    assert pulseline.end() == 0


def test_pulse_aggregates(pulseline, pages, influxd, database, recorder):
    """Each stat a field of `aggregate` in one_week, with peaks beside it; what was there before the start is not left out."""
    influxd.query(f'CREATE DATABASE "{database}" WITH DURATION 1d NAME one_day')
    odd = f'it"s; DROP DATABASE "{database}"; SELECT \'x\' --'
    names = ("cpu", "disk.used", "select", odd)

    def escaped(name):
        return name.replace(" ", "\\ ")

    begin = (int(time.time()) // 60 - 30) * 60
    lines = "".join(f"{escaped(name)},host=h{h} {escaped(name)}={h * 10 + i} {(begin + 10 * i) * 10**9}\n"
                    for name in names for h in (1, 2) for i in range(6))
    lines += f'text,host=h1 text="x" {begin * 10**9}\n'
    assert requests.post(f"{influxd.url}/write", params={"db": database}, data=lines, timeout=PATIENCE).status_code == 204
    pages.pages["/metrics"] = f"cpu_used 0.5 {begin * 1000}\ncpu_used 1 {begin * 1000 + 30000}\n".encode()
    pulseline.config([job("n", pages.address)],
                     output(recorder, database, pulse_aggregates=True, aggregate_interval="1m", late="1h"))
    pulseline.start()
    wanted = {"aggregate": (12.5, 22.5, 0.75), "aggregate_max": (15, 25, 1), "aggregate_min": (10, 20, 0.5)}
    for measurement, (first, second, scraped) in wanted.items():
        for name in names:
            quoted = name.replace('"', '\\"')

            def rows():
                series = influxd.query(f'SELECT "{quoted}" FROM one_week."{measurement}" GROUP BY host', database)
                return {s["tags"]["host"]: s["values"] for s in series if s["tags"]["host"]}

            wait_until(lambda: rows() == {"h1": [[begin * 10**9, first]], "h2": [[begin * 10**9, second]]}, f"{measurement}: {name}")
        wait_until(lambda: influxd.query(f'SELECT cpu_used FROM one_week."{measurement}"', database)[0]["values"] ==
                   [[begin * 10**9, scraped]], f"{measurement}: cpu_used")
    assert influxd.query("SELECT text FROM one_week.aggregate", database) == []
    assert events(pulseline, "rollup_failures") == 0
    assert pulseline.end() == 0


@pytest.mark.parametrize("provision, words", [
    ({"retention_policies": [{"name": "a", "duration": "30m"}]}, "at least 1h"),
    ({"retention_policies": [{"name": "a", "duration": "1d"}, {"name": "a", "duration": "2d"}]}, "two of the same name"),
    ({"retention_policies": [{"name": "a", "duration": "1d", "default": True}], "pulse_aggregates": True}, "one_day the default"),
    ({"downsampling": [{"from": "a", "into": "a", "interval": "1m"}]}, "must not be the policy that is read"),
    ({"downsampling": [{"into": "a", "interval": "1m", "functions": ["mean); DROP DATABASE x"]}]}, "expected mean, median"),
    ({"downsampling": [{"into": "a", "interval": "1s"}], "late": "1y"}, "more than 100000 windows"),
    ({"pulse_aggregates": True, "late": "10m"}, "late"),
    ({"retention_policies": [{"name": "a"}]}, "duration"),
])
def test_bad_declarations(pulseline, provision, words):
    pulseline.config([], [{"influxdb": {"provision": provision}}])
    pulseline.start(ready=False)
    assert pulseline.p.wait(PATIENCE) == 3
    pulseline.expected_exit = 3
    assert words in pulseline.log()
