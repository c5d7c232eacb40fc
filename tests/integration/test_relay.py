"""The relay server against scripted relays, and against pulse's own where it is to be had."""
import collections
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import pytest

from daemon import BINARY, Daemon, sanitized
from harness import PATIENCE, free_port, wait_until
from http_peers import certificate
from relays import Crowd, Relay

pytestmark = pytest.mark.sanitized


@pytest.fixture
def port():
    return free_port()


def relay_config(port, **more):
    return {"relay": {"listen": f"127.0.0.1:{port}", "poll_interval": "1s", "beat_interval": "4s", **more}}


def ended(d, reason):
    return d.metric("pulseline_relay_connections_ended_total", reason=reason)


def values(lines):
    """{series: [value, ...]} of points in a file."""
    found = collections.defaultdict(list)
    for line in lines:
        series, fields, _ = line.rsplit(" ", 2)
        found[series].append(float(fields.split("=")[-1]))
    return dict(found)


def test_a_transcript(pulseline, port):
    """What pulse's server and its relay were seen to say to one another."""
    d = pulseline.config([], server=relay_config(port)).start()
    with Relay(port) as r:
        r.say("id host1")
        assert [r.line(), r.line()] == ["ok", "beat 4"]
        r.say("add cpu_used:,service:web1", "add ram_used:", "add disk:region:eu,plain")
        assert r.line() == "get cpu_used,disk,ram_used"
        r.say("got disk-root:1.5000,disk-home:2.2500,cpu_used-cpu_used:0.2500,ram_used-ram_used:0.3333")
        r.sync()
        r.say("remove ram_used", "remove disk")
        r.sync()
        assert r.line_of("get") == "get cpu_used"
        assert [(s["id"], s["points"], s["collectors"]) for s in d.get("/api/v1/relays").json()["data"]["relays"]] == [
            ("host1", 4, ["cpu_used"])]
        r.say("remove cpu_used", "close")
        wait_until(lambda: d.metric("pulseline_relay_connections_open") == 0, "it was let go")
        assert d.get("/api/v1/relays").json()["data"]["relays"] == []
    wait_until(lambda: values(d.points()) == {
        "root,host=host1,region=eu": [1.5], "home,host=host1,region=eu": [2.25],
        "cpu_used,host=host1,service=web1": [0.25], "ram_used,host=host1": [0.3333]}, f"the points: {d.points()}")


def test_hostile_stat_names_stay_names(pulseline, influxd, database, port):
    """A name that pulse pasted into a continuous query is a measurement like any other."""
    other = f"{database}_other"
    names = [f"x) INTO y FROM /./ END; CREATE DATABASE {other}; DROP DATABASE {database}", f'x" FROM z; DROP DATABASE {database}; ',
             "a b=c", "back\\slash\\", "'quoted'", "naïve", "#comment", "time", "cpu"]
    d = pulseline.config([], [{"influxdb": {"url": influxd.url, "database": database}}], server=relay_config(port)).start()
    with Relay(port, "host\\") as r:
        for i, name in enumerate(names):
            r.say(f"got c-{name}:{i}")
        r.raw(b"got c-\xff\x00\x01:7\n")
        r.sync()
        wait_until(lambda: d.metric("pulseline_output_points_out_total") == len(names) + 1, "all were taken")
    assert d.metric("pulseline_output_points_dropped_total") == 0
    stored = {s["name"] for s in influxd.query("SELECT * FROM /.*/", database)}
    assert stored == {names[0], names[1].rstrip() + " ", "a b=c", "back\\slash_", "'quoted'", "naïve", "_comment", "time_", "cpu", "___"}
    assert other not in influxd.databases() and database in influxd.databases()
    assert influxd.query("SHOW CONTINUOUS QUERIES") == [] or not any(s.get("values") for s in influxd.query("SHOW CONTINUOUS QUERIES"))
    assert {row[1] for s in influxd.query('SHOW TAG VALUES WITH KEY = "host"', database) for row in s["values"]} == {"host_"}


def test_a_crowd_comes_at_once_and_goes_at_once(pulseline, port):
    """1,024 relays at the same moment, polled in turn, gone and back: no stat that was sent is lost, nobody is polled with all the others."""
    d = pulseline.config([], server=relay_config(port, poll_interval="2s")).start()
    with Crowd(port, 1024, 4) as crowd:
        for _ in range(2):
            crowd.connect()
            wait_until(lambda: d.metric("pulseline_relay_relays") == 1024, "all are registered")
            wait_until(lambda: crowd.gots >= 1024 and all(m.polls >= 2 for m in crowd.members), "each was polled twice")
            # The calm: nothing is under way between two polls for long enough that all that was sent is counted.
            wait_until(lambda: d.metric("pulseline_relay_stats_total") == crowd.stats, "every stat that was sent has come")
            crowd.vanish()
            wait_until(lambda: d.metric("pulseline_relay_relays") == 0, "all are gone")
        moments = collections.Counter(int(when * 20) for when, _ in crowd.polled)
        assert max(moments.values()) < 1024 / 2, moments.most_common(3)
        assert len({n for _, n in crowd.polled}) == 1024
        sent = crowd.stats
    points = int(d.metric("pulseline_relay_points_total"))
    assert 0 <= sent - points <= 4 * 1024  # at most what was on its way when they vanished
    assert d.metric("pulseline_relay_stats_dropped_total") == 0
    assert d.metric("pulseline_relay_memory_bytes") == 0
    wait_until(lambda: len(d.points()) == points, "all of them are in the file")


def test_polls_that_never_were_are_counted(pulseline, port):
    """A daemon that was stopped for a while does not make up for its polls: it says how many it missed."""
    d = pulseline.config([], server=relay_config(port, poll_interval="100ms")).start()
    with Crowd(port, 8, 2) as crowd:
        crowd.connect()
        wait_until(lambda: all(m.polls >= 2 for m in crowd.members), "each was polled")
        before, polls = d.metric("pulseline_relay_polls_missed_total"), [m.polls for m in crowd.members]
        d.p.send_signal(signal.SIGSTOP)
        time.sleep(1)  # no less than nine polls of each relay
        d.p.send_signal(signal.SIGCONT)
        wait_until(lambda: all(m.polls >= n + 2 for m, n in zip(crowd.members, polls)), "each is polled again")
        assert d.metric("pulseline_relay_polls_missed_total") - before >= 8 * 8
        crowd.mute()
    assert d.metric("pulseline_relay_stats_dropped_total") == 0


def test_a_flood_without_newline_takes_no_memory(pulseline, port):
    d = pulseline.config([], server=relay_config(port)).start()
    before = d.rss_anon_kib()
    block = b"x" * (1 << 20)
    for hello in (b"", b"id host1\n"):
        with Relay(port) as r, pytest.raises(OSError):
            r.raw(hello)
            for _ in range(200):
                r.raw(block)
            pytest.fail("200 MB were taken")
    wait_until(lambda: ended(d, "line_too_long") == 2, "both were dropped")
    assert sanitized() or d.rss_anon_kib() - before < 4096


def test_half_open_handshakes_are_bounded(pulseline, port):
    d = pulseline.config([], server=relay_config(port, limits={"handshakes": 100})).start()
    with Relay(port, "host1") as r:
        held = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(1000)]
        wait_until(lambda: d.metric("pulseline_relay_connections_total") == 1001, "all were accepted")
        wait_until(lambda: d.metric("pulseline_relay_connections_open") == 101, "and all but 100 closed")
        assert ended(d, "too_many_handshakes") == 900
        r.sync()
        for s in held:
            s.close()
    assert d.log().count("too_many_handshakes") == 1, "an incident is told once"


def test_refused_handshakes_leave_nothing_behind(pulseline, port):
    d = pulseline.config([], server=relay_config(port)).start()

    def refuse(n):
        for _ in range(n):
            with Relay(port) as r:
                r.say("hello")
                assert r.line() == "identify first with the 'id' command" and r.ended()

    refuse(200)
    wait_until(lambda: d.metric("pulseline_relay_connections_open") == 0, "all are gone")
    before = d.rss_anon_kib()
    refuse(2000)
    wait_until(lambda: d.metric("pulseline_relay_connections_open") == 0, "all are gone")
    assert ended(d, "no_id") == 2200
    assert sanitized() or d.rss_anon_kib() - before < 1024  # pulse kept 5 KB of each; sanitizers keep what was freed for a while


def test_a_relay_whose_older_connection_lingers_is_polled(pulseline, port):
    d = pulseline.config([], server=relay_config(port)).start()
    with Relay(port, "host1") as older, Relay(port, "host1") as newer:
        assert older.ended()
        newer.say("add c")
        assert newer.line() == "get c"
        older.close()
        assert newer.line() == "get c"
    assert d.metric("pulseline_relay_takeovers_total") == 1


def test_reload(pulseline, port):
    other = free_port()
    d = pulseline.config([], server=relay_config(port, poll_interval="1h")).start()
    with Relay(port, "host1") as r:
        r.say("add c:a:b")
        r.sync()
        d.config([], server=relay_config(port, collector_tag=True, token="s3cret"))
        assert d.reload().status_code == 200
        assert r.line() == "get c"  # still there, and asked by the new interval
        r.say("got c-s:1")
        r.sync()
        with Relay(port) as stranger:
            stranger.say("id x")
            assert stranger.line() == "authenticate first with the 'auth' command"
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", other))
            taken.listen()
            d.config([], server=relay_config(other))
            answer = d.reload()
            assert answer.status_code != 200 and "another program uses this address" in answer.text
            r.sync()
        assert d.reload().status_code == 200
        assert r.ended()
    with Relay(other, "host1"):
        d.config([])
        assert d.reload().status_code == 200
        wait_until(lambda: d.metric("pulseline_relay_connections_open") == 0, "without the section nobody is there")
    with pytest.raises(OSError):
        Relay(other)
    wait_until(lambda: values(d.points()) == {"s,a=b,collector=c,host=host1": [1]}, "the point has the new tag")


def test_an_address_in_use_ends_the_start(pulseline, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        d = pulseline.config([], server=relay_config(port)).start(ready=False)
        d.expected_exit = 4
        assert d.p.wait(PATIENCE) == 4
        assert f"cannot listen on 127.0.0.1:{port} for relays: another program uses this address" in d.log()


def test_stopping_takes_the_last_answers_in(pulseline, port):
    d = pulseline.config([], server=relay_config(port)).start()
    with Relay(port, "host1") as r:
        r.say("add c")
        for i in range(3):
            assert r.line() == "get c"
            if i < 2:
                r.say(f"got c-s:{i}")
        r.say("got c-s:2", "ping")
        d.end()
    assert values(d.points()) == {"s,host=host1": [0, 1, 2]}


def test_tls_and_certificates_of_relays(pulseline, port, tmp_path):
    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(cert))
    context.check_hostname = False
    tls = {"cert_file": str(cert), "key_file": str(key)}
    d = pulseline.config([], server=relay_config(port, token="s3cret", **tls)).start()
    with Relay(port, context=context) as r:
        r.say("auth s3cret", "id host1")
        assert [r.line(), r.line()] == ["ok", "beat 4"]
        r.say("add c")
        assert r.line() == "get c"
        r.say("got c-s:1," + ",".join(f"c-s{i}:{i}" for i in range(5000)))  # more than one record of TLS
        r.sync()
        assert d.metric("pulseline_relay_points_total") == 5001
    with Relay(port) as plain:
        plain.say("id host1")
        plain.s.shutdown(socket.SHUT_WR)
        try:
            assert b"ok" not in plain.s.recv(100)
        except ConnectionResetError:
            pass
    d.config([], server=relay_config(port, client_ca_file=str(cert), **tls))
    assert d.reload().status_code == 200
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        Relay(port, "host2", context=context)
    context.load_cert_chain(cert, key)
    with Relay(port, "host2", context=context) as r:
        r.sync()
        assert [s["id"] for s in d.get("/api/v1/relays").json()["data"]["relays"]] == ["host2"]
    assert ended(d, "broken") >= 2


@pytest.mark.parametrize("section, status, said", [
    ({"listen": "0.0.0.0:3000"}, 3, "lets other machines in"),
    ({"listen": "[::]:3000"}, 3, "lets other machines in"),
    ({"listen": "relays.example.org:3000"}, 3, "lets other machines in"),
    ({"listen": "128.0.0.1:3000"}, 3, "lets other machines in"),
    ({"listen": ":3000", "allow_insecure": True}, 0, ""),
    ({"listen": ":3000", "token": "x"}, 0, "in the clear"),
    ({"listen": ":3000", "cert_file": "a", "key_file": "b"}, 3, "lets other machines in"),
    ({"listen": ":3000", "cert_file": "a", "key_file": "b", "client_ca_file": "c"}, 0, ""),
    ({"listen": "127.1.2.3:3000"}, 0, ""),
    ({"listen": "[::1]:3000"}, 0, ""),
    ({"listen": "localhost:3000"}, 0, ""),
])
def test_listening_beyond_this_machine_needs_a_reason(tmp_path, section, status, said):
    d = Daemon(tmp_path)
    d.config([], server={"relay": section})
    p = subprocess.run([BINARY, "check", "config", d.config_path], capture_output=True, text=True)
    assert p.returncode == status, p.stdout + p.stderr
    assert said in p.stdout + p.stderr


def test_pulses_own_relay(pulseline, influxd, database, port):
    """PULSE_GO_RELAY names a program `ADDRESS ID SECONDS` made of pulse's Go library: it adds the points `polls` (tags service:web1,
    plain; how often it was asked) and `third` (1/3), and the set `disk` (tag region:eu; root 1.5, home 2.25)."""
    program = os.environ.get("PULSE_GO_RELAY", "")
    if not pathlib.Path(program).is_file():
        pytest.skip("PULSE_GO_RELAY names no relay built of pulse's Go library")
    d = pulseline.config([], [{"influxdb": {"url": influxd.url, "database": database}}], server=relay_config(port)).start()
    go = subprocess.Popen([program, f"127.0.0.1:{port}", "go1", "3600"], stdout=subprocess.PIPE, text=True)
    try:
        assert go.stdout.readline() == "connected\n"

        def last(name, tags):
            s = [s for s in influxd.query(f'SELECT last("{name}") FROM "{name}" GROUP BY *', database)
                 if {k: v for k, v in s["tags"].items() if v} == tags]
            return s[0]["values"][0][1] if s else None

        wait_until(lambda: (last("polls", {"host": "go1", "service": "web1"}) or 0) >= 3, "it is polled again and again")
        assert last("third", {"host": "go1"}) == 0.3333
        assert last("root", {"host": "go1", "region": "eu"}) == 1.5
        assert last("home", {"host": "go1", "region": "eu"}) == 2.25
        assert d.metric("pulseline_relay_stats_dropped_total") == 0
        with Relay(port, "go1"):  # somebody steals its id ...
            pass
        wait_until(lambda: d.metric("pulseline_relay_takeovers_total") >= 1 and d.metric("pulseline_relay_relays") == 1
                   and d.metric("pulseline_relay_collectors") == 3, "... and it comes back by itself")
        seen = last("polls", {"host": "go1", "service": "web1"})
        wait_until(lambda: last("polls", {"host": "go1", "service": "web1"}) > seen, "and is polled")
        d.end()
        assert go.poll() is None
        d.start()
        wait_until(lambda: d.metric("pulseline_relay_collectors") == 3, "it finds the restarted daemon")
    finally:
        go.kill()
        go.wait()
