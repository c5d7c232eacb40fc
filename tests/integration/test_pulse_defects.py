"""The defects of the pulse server that Pulseline stands in for, each with the tests that show it gone.

The tests below are those that stand nowhere else. Without a file's name a test is in this file; *_test.c are tests/unit, where
a test is a function. That every test named here exists is a test, too.

 1 InfluxQL by the name of a stat           test_no_name_is_a_statement, test_relay.py::test_hostile_stat_names_stay_names,
                                            test_provision.py::test_pulse_aggregates
 2 InfluxQL over HTTP                       test_no_question_is_a_statement, test_pulse_api.py::test_nothing_is_injected,
                                            plugin_out_influxdb_test.c::hostile_questions
 3 TICKscript by an alert's members         test_alerts.py::test_no_text_is_a_script,
                                            test_alert_scripts.py::test_hostile_texts
 4 no authentication, no encryption         test_relay.py::test_tls_and_certificates_of_relays, test_tokens_are_in_no_log,
                                            test_relay.py::test_listening_beyond_this_machine_needs_a_reason,
                                            test_pulse_start.py::test_what_cannot_be_meant_is_refused,
                                            test_pulse_start.py::test_https_with_a_given_certificate,
                                            test_pulse_api.py::test_the_token,
                                            net_http_server_tls_test.c::what_is_no_tls_is_told_or_closed
 5 unbounded lines, names, clients; leaks   test_relay.py::test_a_flood_without_newline_takes_no_memory,
                                            test_20000_half_open_handshakes, test_20000_refused_handshakes,
                                            test_relay.py::test_half_open_handshakes_are_bounded,
                                            plugin_in_relay_limits_test.c::what_is_too_much_is_refused_and_counted,
                                            plugin_in_relay_limits_test.c::relays_beyond_the_limit_are_turned_away,
                                            plugin_in_relay_limits_test.c::the_collectors_of_a_relay_are_bounded_together
 6 many come or go at one moment: a crash   test_relay.py::test_a_crowd_comes_at_once_and_goes_at_once
 7 a poll that cannot be written: a crash   test_relays_that_break_off_while_they_are_polled,
                                            plugin_in_relay_limits_test.c::who_reads_nothing_is_dropped
 8 handlers crash on bad input              test_pulse_api.py::test_what_is_wrong_is_told,
                                            test_pulse_api.py::test_what_is_not_there
 9 no start without InfluxDB and mist       test_a_start_with_everything_away, test_redis.py::test_not_there_at_the_start,
                                            test_outputs.py::test_influxdb_comes_later_and_nothing_is_lost
10 a live relay is never polled again       test_relay.py::test_a_relay_whose_older_connection_lingers_is_polled,
                                            plugin_in_relay_test.c::a_newer_connection_takes_the_id_over
11 one odd name stops the aggregation       test_names_with_dots_and_cpu_are_read_back, test_provision.py::test_pulse_aggregates,
                                            test_names_that_line_protocol_cannot_say,
                                            test_provision.py::test_one_refused_series_costs_no_other,
                                            test_pulse_history.py::test_odd_names
12 what is no number is stored as -1        test_what_is_no_number_is_counted
13 names of sets collide                    test_sets_with_equal_keys
14 peaks are means, orders random, null     test_pulse_api.py::test_peaks_are_peaks, test_pulse_api.py::test_an_empty_store,
                                            test_pulse_api.py::test_hourly_by_every_verb, test_pulse_api.py::test_names,
                                            test_pulse_api.py::test_hourly_and_peaks_are_of_samples,
                                            test_pulse_api.py::test_daily_is_no_mean_of_means
15 alerts: PUT creates, numbers and no tags test_alerts.py::test_put_updates, test_alerts.py::test_echoes,
   refused, 100 listed, no answer at all    test_alerts.py::test_pages, test_alerts.py::test_get
16 a changed retention has no effect        test_a_changed_retention,
                                            test_provision.py::test_policies_are_created_kept_and_altered
17 `cpu` and the first interval left out    test_names_with_dots_and_cpu_are_read_back, test_provision.py::test_pulse_aggregates
18 no flush, no override                    plugin_in_relay_test.c::overrides_are_told_for_collectors_that_are_there,
                                            relay_session_test.c::test_override, relay_session_test.c::test_get
19 small beats break the relays             test_pulse_start.py::test_what_is_repaired_or_warned_of,
                                            plugin_in_relay_limits_test.c::who_is_silent_for_too_long_is_dropped
20 a backslash at the end of an id          test_a_backslash_at_the_end
21 a write for each answer, polls in bursts test_answers_share_writes,
                                            plugin_in_relay_limits_test.c::everybody_is_due_once_an_interval_and_spread_over_it
22 no buffer, no retry, no log              test_a_start_with_everything_away,
                                            test_outputs.py::test_influxdb_restarts_and_nothing_is_lost,
                                            test_queue.py::test_what_a_killed_daemon_had_accepted_arrives_exactly,
                                            test_redis.py::test_killed_and_back
23 slow and large                           test_answers_share_writes (tests/bench/relays measures the rest)
24 no metrics, no health, no clean end      test_what_it_says_of_itself_adds_up, test_relay.py::test_stopping_takes_the_last_answers_in,
                                            test_operations.py::test_its_own_metrics_balance,
                                            test_operations.py::test_healthy_ready_and_healthcheck
"""
import collections
import os
import re
import socket
import sqlite3
import struct
import urllib.parse

import pytest
import requests

from daemon import BINARY, Daemon, sanitized
from harness import PATIENCE, ROOT, free_port, wait_until
from influx import Influxd
from redis_server import Redis, Subscriber, pattern
from relays import Crowd, Relay


def test_every_test_of_the_table_exists():
    table = __doc__[__doc__.index("\n 1 "):]
    numbers = [int(n) for n in re.findall(r"^([ \d]\d) \S", table, re.MULTILINE)]
    assert numbers == list(range(1, 25))
    assert all(re.search(r"test_\w+|::", row) for row in re.split(r"\n(?=[ \d]\d )", table)[1:]), "a defect without a test"
    named = re.findall(r"(?:(\w+\.(?:py|c))::)?(\w+_\w+)", re.sub(r"\(.*?\)", "", re.sub(r"^.{44}", "", table, flags=re.MULTILINE)))
    assert len(named) > 50
    for file, test in named:
        if file.endswith(".c"):
            text = (ROOT / "tests" / "unit" / file).read_text()
            assert re.search(rf"^static void {test}\(", text, re.MULTILINE) and re.search(rf"cmocka_unit_test\w*\({test}\b", text), (file, test)
        else:
            text = (ROOT / "tests" / "integration" / (file or "test_pulse_defects.py")).read_text()
            assert test.startswith("test_") and re.search(rf"^def {test}\(", text, re.MULTILINE), (file, test)
    assert (ROOT / "tests" / "bench" / "relays").exists()


# --- a daemon with relays and a store ---


class Store:
    def __init__(self, daemon, kind, influxd, database, path):
        self.daemon, self.kind, self.influxd, self.database, self.path = daemon, kind, influxd, database, path
        self.relay_port = free_port()

    def start(self, output=None, **relay):
        of_kind = {"influxdb": {"url": self.influxd.url, "database": self.database}, "local": {"path": str(self.path)}}[self.kind]
        server = {"http": {"listen": f"127.0.0.1:{self.daemon.port}"},
                  "relay": {"listen": f"127.0.0.1:{self.relay_port}", "poll_interval": "1m", **relay}}
        self.daemon.config([], [{self.kind: {**of_kind, **(output or {})}}], server=server).start()
        return self.daemon

    def relay(self, id):
        return Relay(self.relay_port, id)

    def read(self, path):
        answer = self.daemon.get(path)
        assert answer.status_code in (200, 404), answer.text
        return answer.json() if answer.status_code == 200 else None

    def value(self, stat, query="verb=none"):
        found = self.read(f"/latest/{urllib.parse.quote(stat, safe='')}?{query}")
        return found and found["value"]

    def stored(self, stats):
        """So many stats came to the store, and can be read."""
        wait_until(lambda: self.daemon.metric("pulseline_output_points_out_total") == stats, f"{stats} points are stored: {self.daemon.log()[-1000:]}")
        assert self.daemon.metric("pulseline_output_points_dropped_total") == 0

    def catalog(self):
        """All that a statement could make, change or drop."""
        if self.kind == "local":
            with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
                return sorted(db.execute("SELECT type, name, sql FROM sqlite_master").fetchall(), key=str)
        shown = {q: self.influxd.query(q) for q in ("SHOW DATABASES", "SHOW CONTINUOUS QUERIES", "SHOW USERS", "SHOW SUBSCRIPTIONS")}
        shown["policies"] = self.influxd.query(f'SHOW RETENTION POLICIES ON "{self.database}"')
        return shown


@pytest.fixture(params=["influxdb", "local"])
def store(request, pulseline, influxd, database, tmp_path):
    return Store(pulseline, request.param, influxd, database, tmp_path / "points.db")


# --- 1, 2: no statement gets in ---

EVIL = ["evil END; CREATE DATABASE evil; DROP DATABASE {d}; CREATE USER evil WITH PASSWORD 'x' WITH ALL PRIVILEGES",
        "x) INTO evil FROM /./ END; CREATE CONTINUOUS QUERY evil ON {d} BEGIN SELECT mean(safe) INTO evil FROM safe GROUP BY time(1m) END",
        'x" FROM safe; DROP MEASUREMENT safe; DROP SERIES FROM safe; SELECT "x', "x' OR 1=1; DROP SHARD 1; SELECT 'x",
        'x\\" FROM safe; DROP MEASUREMENT safe; SELECT "', "x\\' OR 1=1; DROP DATABASE {d}; SELECT '",
        "0s; DROP DATABASE {d}; SHOW DATABASES", "x'; DROP TABLE series; DELETE FROM frame; /*", "*/ x /*", "/./", "$1 ?1 :x @x"]


@pytest.mark.sanitized
def test_no_name_is_a_statement(store):
    """By the port of the relays: as stat, collector, tag's key and value, and id. Each stat is there, under its name, with its value."""
    provision = {"pulse_aggregates": True} if store.kind == "influxdb" else None
    store.start(output=provision and {"provision": provision})
    names = [text.format(d=store.database) for text in EVIL]
    with store.relay("good") as r:
        r.say("got c-safe:42")
        store.stored(1)
        if store.kind == "influxdb":
            wait_until(lambda: len(store.influxd.query(f'SHOW RETENTION POLICIES ON "{store.database}"')[0]["values"]) == 3, "policies")
        before = store.catalog()
        for i, name in enumerate(names):
            with store.relay(name) as evil:
                bare = re.sub("[-:,]", ".", name)
                evil.say(f"add {bare}:{bare}:{bare},{bare}", f"got {bare}-{bare}:{i}")
                evil.sync()
        store.stored(1 + len(names))
        bare = [re.sub(r'\\(?=[ ="])', "_", re.sub("[-:,]", ".", name)) for name in names]  # as line protocol can say it
        assert store.read("/keys") == sorted(["safe", *bare])
        for i, name in enumerate(bare):
            if "/" not in name:  # which no path can name
                assert store.value(name) == i and store.read(f"/hourly/{urllib.parse.quote(name)}")[0]["value"] == i, name
        assert store.value("safe") == 42 and store.catalog() == before


def test_no_question_is_a_statement(store):
    store.start()
    with store.relay("good") as r:
        r.say("got c-safe:42")
        store.stored(1)
    before = store.catalog()
    for text in (text.format(d=store.database) for text in EVIL):
        q = urllib.parse.quote(text, safe="")
        for route in ("latest", "hourly", "daily", "daily_peaks"):
            for question in (q, f"safe?verb={q}", f"safe?{q}=x", f"safe?host={q}", f"safe?verb=none&{q}=1&{q}=2"):
                assert store.daemon.get(f"/{route}/{question}").status_code in (400, 404), question
            # On /latest these three are pulse's own words, and unused.
            for key in ("start", "stop", "backfill"):
                answer = store.daemon.get(f"/{route}/safe?{key}={q}&verb=max")
                assert answer.status_code == 400 or "42" in answer.text, (route, key, q)
                assert answer.status_code == 200 or (route != "latest" and key != "backfill"), (route, key, q)
        assert store.read(f"/keys?{q}={q}") == ["safe"] and store.read(f"/tags?{q}") == ["host"]
    assert store.value("safe") == 42 and store.catalog() == before


# --- 11, 12, 13, 17, 20: what comes is stored as it came, or counted ---


def test_names_with_dots_and_cpu_are_read_back(store):
    store.start()
    with store.relay("host1") as r:
        r.say("add disk:", "add cpu:", "got disk-disk.used:1.5,cpu-cpu:2.5,disk-disk.used:4.5")
        store.stored(3)
        wait_until(lambda: store.read("/keys") == ["cpu", "disk.used"], "the names are listed")
        for stat, mean, peak in (("disk.used", 3, 4.5), ("cpu", 2.5, 2.5)):
            for path, value in ((f"/hourly/{stat}", mean), (f"/daily/{stat}", mean), (f"/daily_peaks/{stat}", peak), (f"/hourly/{stat}?verb=max", peak)):
                assert [row["value"] for row in store.read(path)] == [value], path
            assert store.value(stat, "") == mean


def test_names_that_line_protocol_cannot_say(store):
    """Are changed, and found under what they were changed to."""
    names = {"time": "time_", "#x": "_x", "x\\": "x_", 'x\\"y': 'x_"y', "x\\=y": "x_=y", "x\\ y": "x_ y", "tab\ty": "tab_y",
             "x\\y": "x\\y", 'x"y': 'x"y', "x=y": "x=y", "x'y": "x'y", "é": "é", "value": "value"}
    store.start()
    with store.relay("host1") as r:
        for i, name in enumerate(names):
            r.say(f"got c-{name}:{i}")
        store.stored(len(names))
    assert store.read("/keys") == sorted(names.values(), key=str.encode)
    for i, name in enumerate(names.values()):
        assert (store.value(name), store.value(name, "verb=max")) == (i, i), name


def test_a_backslash_at_the_end(store):
    store.start()
    with store.relay("host\\") as r:
        r.say("add c:path:C\\,end\\:x,back\\slash:y\\z", "got c-s:1", "got c-s\\:2,other-t:3")
        store.stored(3)
    assert store.value("s", "host=host_&path=C_&end_=x&back%5Cslash=y%5Cz&verb=none") == 1
    assert store.value("s_") == 2 and store.value("t", "host=host_&verb=none") == 3


@pytest.mark.sanitized
def test_what_is_no_number_is_counted(store):
    d = store.start()
    with store.relay("host1") as r:
        r.say("got c-good:1,c-text:abc,c-over:1e400,c-space: 7,c-empty:,c-nan:NaN,c-inf:+Inf,c-low:-inf,c-hex:0x1p-2,c-last:-1", "got c-a-b:1,c:d:2,c-:3")
        r.sync()
        store.stored(3)
    for reason, n in {"not_a_number": 4, "not_finite": 3, "malformed": 2, "name_empty": 1}.items():
        assert d.metric("pulseline_relay_stats_dropped_total", reason=reason) == n, reason
    assert d.metric("pulseline_relay_stats_total") == 13
    assert {stat: store.value(stat) for stat in store.read("/keys")} == {"good": 1, "hex": 0.25, "last": -1}


def test_sets_with_equal_keys(store):
    """By default the series are pulse's, where no value overwrites another; `collector_tag` keeps the sets apart."""
    d = store.start()
    with store.relay("host1") as r:
        r.say("add disk:", "add ram:", "got disk-used:1,ram-used:3")
        store.stored(2)
        assert [row["value"] for row in store.read("/hourly/used?verb=count")] == [2]
    assert d.end() == 0
    store.start(collector_tag=True)
    with store.relay("host1") as r:
        r.say("add disk:", "add ram:", "got disk-used:10,ram-used:30")
        store.stored(2)
    assert [store.value("used", f"verb=none&collector={c}") for c in ("disk", "ram", "")] == [10, 30, 3]


# --- 5: what connects and says nothing, or nothing good, is not kept ---


def descriptors(d):
    return len(os.listdir(f"/proc/{d.p.pid}/fd"))


def dial(port, i):
    """From several addresses, so that the ports of one do not run out."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(f"127.0.1.{1 + i % 8}", 0))


def ended(s):
    with s:
        try:
            return s.recv(100) == b""
        except ConnectionResetError:
            return True


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@pytest.fixture
def guarded(pulseline):
    port = free_port()
    pulseline.config([], server={"relay": {"listen": f"127.0.0.1:{port}", "handshake_timeout": "1h"}}).start()
    return pulseline, port


@pytest.mark.sanitized
def test_20000_half_open_handshakes(guarded):
    """Connections that never say who they are, all kept open by the other side: the newest 4,096 stay, for which the daemon takes
    less than 16 MiB (about 2 KiB each), and a real relay is served all the while. When they go, so do their descriptors."""
    d, port = guarded
    n, kept = (3000, 3000) if sanitized() else (20000, 4096)
    with Relay(port, "host1") as r:
        r.sync()
        memory, fds = d.rss_anon_kib(), descriptors(d)
        held = collections.deque()
        for i in range(n):
            held.append(dial(port, i))
            if i % 3 == 0:
                held[-1].sendall(b"id half")
            if len(held) > 6000:  # the oldest, which the daemon ended
                assert ended(held.popleft())
        wait_until(lambda: d.metric("pulseline_relay_connections_total") == n + 1, "all were accepted")
        wait_until(lambda: d.metric("pulseline_relay_connections_open") == kept + 1, "and all but the newest closed")
        assert d.metric("pulseline_relay_connections_ended_total", reason="too_many_handshakes") == n - kept
        assert descriptors(d) <= fds + kept + 8
        assert sanitized() or d.rss_anon_kib() - memory < 16384
        r.sync()
        for s in held:
            reset(s)
        wait_until(lambda: d.metric("pulseline_relay_connections_open") == 1, "all are gone")
        r.sync()
        assert descriptors(d) <= fds + 8
        assert sanitized() or d.rss_anon_kib() - memory < 16384
    assert d.log().count("too_many_handshakes") <= 2, "an incident is told once"


@pytest.mark.sanitized
def test_20000_refused_handshakes(guarded):
    """pulse kept about 5 KB of each, 100 MB in all; the bound here is 2 MiB."""
    d, port = guarded
    says = [b"hello\n", b"id\n", b"\n", b"ping\n", b"got a-b:1\n"]

    def refuse(n):
        at_once = 100
        for first in range(0, n, at_once):
            some = [dial(port, i) for i in range(at_once)]
            for i, s in enumerate(some):
                s.sendall(says[i % len(says)])
            for i, s in enumerate(some):
                assert s.recv(100) == (b"missing id\n" if i % len(says) == 1 else b"identify first with the 'id' command\n")
                reset(s)
        wait_until(lambda: d.metric("pulseline_relay_connections_open") == 0, "all are gone")

    refuse(500)
    memory, fds = d.rss_anon_kib(), descriptors(d)
    n = 2000 if sanitized() else 20000
    refuse(n)
    assert d.metric("pulseline_relay_connections_ended_total", reason="no_id") == n + 500
    assert descriptors(d) <= fds + 4
    assert sanitized() or d.rss_anon_kib() - memory < 2048


# --- 7 ---


@pytest.mark.sanitized
def test_relays_that_break_off_while_they_are_polled(pulseline):
    port = free_port()
    d = pulseline.config([], server={"relay": {"listen": f"127.0.0.1:{port}", "poll_interval": "1s"}}).start()
    with Relay(port, "steady") as steady:
        steady.say("add c")
        for _ in range(3):
            some = [Relay(port, f"host{i}") for i in range(100)]
            for r in some:
                r.say("add c")
            for i, r in enumerate(some):  # half of them as they are asked, half with an answer that stops in the middle
                assert r.line_of("get") == "get c"
                if i % 2 == 0:
                    r.raw(b"got c-s:1,c-t")
                reset(r.s)
            wait_until(lambda: d.metric("pulseline_relay_connections_open") == 1, "they are gone")
        assert steady.line_of("get") == "get c"
    assert d.metric("pulseline_relay_points_total") == d.metric("pulseline_relay_stats_total") == 0


# --- 4 ---


def test_tokens_are_in_no_log(pulseline):
    port = free_port()
    pulseline.config([], server={"http": {"listen": f"127.0.0.1:{pulseline.port}", "token": "sesame"},
                                 "relay": {"listen": f"127.0.0.1:{port}", "token": "bumblebee"}}, log={"level": "debug"}).start()
    for path in ("/keys?X-AUTH-TOKEN=sesame", "/nowhere?X-AUTH-TOKEN=sesame", "/latest/x?verb=bo(gus&X-AUTH-TOKEN=sesame"):
        assert pulseline.get(path).status_code != 401
    assert pulseline.get("/keys?X-AUTH-TOKEN=sesame1").status_code == 401
    with Relay(port) as r:
        r.say("auth bumblebee", "id host1")
        assert r.line() == "ok"
    with Relay(port) as r:
        r.say("auth bumblebee1", "id host1")
        assert r.line() == "authentication failed" and r.ended()
    assert pulseline.end() == 0
    assert "sesame" not in pulseline.log() and "bumblebee" not in pulseline.log()


# --- 9, 22 ---


@pytest.mark.sanitized
def test_a_start_with_everything_away(pulseline, tmp_path):
    """Neither InfluxDB nor Redis is there: relays are asked nonetheless, and what they answered is stored when it comes."""
    influxd, redis, port = Influxd(tmp_path / "influxd"), Redis(tmp_path / "redis"), free_port()
    pulseline.config([], [{"influxdb": {"url": influxd.url, "database": "later"}},
                          {"redis": {"url": f"redis://127.0.0.1:{redis.port}", "connect_timeout": "1s", "timeout": "1s"}}],
                     server={"relay": {"listen": f"127.0.0.1:{port}", "poll_interval": "1s"}}).start()
    try:
        with Relay(port, "host1") as r:
            r.say("add early:")
            assert r.line_of("get") == "get early"
            r.say("got early-early:1")
            assert r.line_of("get") == "get early", "polled on while nothing takes its stats"
            wait_until(lambda: influxd.url in pulseline.log() and str(redis.port) in pulseline.log(), "both are told to be away")
            influxd.start()
            redis.start()
            subscriber = Subscriber(redis.port, pattern(["host:host1"]))
            wait_until(lambda: [v for s in influxd.query("SELECT early FROM early", "later") for _, v in s["values"]] == [1], "the early one")

            def live():
                r.say("got late-late:2.50")
                return any('"data":"2.50"' in payload for _, payload in subscriber.messages)

            wait_until(live, "it goes live again")
            wait_until(lambda: influxd.query("SELECT late FROM late", "later"), "the late ones are stored, too")
            subscriber.close()
        assert pulseline.end() == 0
    finally:
        influxd.end()
        if redis.running():
            redis.kill()


# --- 16 ---


def test_a_changed_retention(tmp_path, influxd):
    """By pulse's own flag, at the next start. And what is called a day is one."""
    flags = ["-s", "-t", "x", "-i", influxd.url]

    def policies():
        return {row[0]: row[1] for row in influxd.query("SHOW RETENTION POLICIES ON statistics")[0]["values"]}

    try:
        for weeks in (1, 3, 2):
            d = Daemon(tmp_path / str(weeks))
            d.spawn([BINARY, *flags, "-H", f"127.0.0.1:{d.port}", "-S", f"127.0.0.1:{free_port()}", "-r", str(weeks)])
            wait_until(lambda: policies()["one_week"] == f"{weeks * 168}h0m0s", f"{weeks} weeks: {d.log()[-1000:]}")
            assert policies()["one_day"] == "24h0m0s"
            assert d.end() == 0
            d.check_log()
    finally:
        influxd.query("DROP DATABASE statistics")


# --- 21, 23, 24 ---


def test_answers_share_writes(pulseline, influxd, database):
    """200 relays: every stat of a calm time is stored, by far fewer writes than answers, spread over the interval."""
    port = free_port()
    pulseline.config([], [{"influxdb": {"url": influxd.url, "database": database}}], workers=1,
                     server={"relay": {"listen": f"127.0.0.1:{port}", "poll_interval": "1s"}}).start()

    def writes():
        return requests.get(f"{influxd.url}/debug/vars", timeout=PATIENCE).json()[f"httpd:127.0.0.1:{influxd.port}"]["values"]["writeReq"]

    before = writes()
    with Crowd(port, 200, 2) as crowd:
        crowd.connect()
        wait_until(lambda: crowd.members and all(m.polls >= 4 for m in crowd.members), "each was polled four times")
        wait_until(lambda: pulseline.metric("pulseline_relay_stats_total") == crowd.stats, "every stat that was sent has come")
        crowd.vanish()
        stats, gots = crowd.stats, crowd.gots
        moments = collections.Counter(int(when * 20) for when, _ in crowd.polled)
        assert max(moments.values()) < 200 / 2, moments.most_common(3)
    stored = pulseline.metric("pulseline_relay_points_total")
    assert 0 <= stats - stored <= 2 * 200  # what was on its way when they vanished

    def in_influxd():
        return sum(influxd.query(f"SELECT count({stat}) FROM {stat}", database)[0]["values"][0][1] for stat in ("stat00", "stat01"))

    wait_until(lambda: in_influxd() == stored, "every point is stored")
    assert gots >= 800 and (writes() - before) * 5 < gots, (writes() - before, gots)


def test_what_it_says_of_itself_adds_up(store):
    d = store.start()
    assert d.get("/-/healthy").status_code == d.get("/-/ready").status_code == d.get("/ping").status_code == 200
    with store.relay("host1") as r, store.relay("host2") as other:
        r.say("add a:x:y", "add b", "got a-a:1,b-b:2,b-b:x,nothing", "what", "remove b")
        other.say("got c-c:3")
        r.sync()
        other.sync()
        store.stored(3)
        assert {n: d.metric(f"pulseline_relay_{n}") for n in (
            "connections_open", "relays", "collectors", "connections_total", "gots_total", "stats_total", "points_total", "lines_ignored_total",
            "stats_dropped_total")} == {"connections_open": 2, "relays": 2, "collectors": 1, "connections_total": 2, "gots_total": 2,
                                        "stats_total": 5, "points_total": 3, "lines_ignored_total": 1, "stats_dropped_total": 2}
        shown = {s["id"]: (s["points"], s["collectors"]) for s in d.get("/api/v1/relays").json()["data"]["relays"]}
        assert shown == {"host1": (2, ["a"]), "host2": (1, [])}
        r.say("got a-a:7")
        d.p.terminate()
        while r.line() is not None:
            pass
        assert d.p.wait(PATIENCE) == 0
    d.start()
    assert sum(row["value"] for row in store.read("/hourly/a?verb=count")) == 2, "what came before the end is stored"
