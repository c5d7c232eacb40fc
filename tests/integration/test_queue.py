"""The queue on disk: outages, kills and full disks, with every point accounted for."""
import itertools
import json
import pathlib
import random
import re
import signal
import time

import pytest

from daemon import Daemon, job, sanitized
from harness import wait_until
from http_peers import Peer
from influx import Influxd
from servers import head

SERIES = 50


class Series:
    """A page of many samples, whose values count how often it was served."""

    def __init__(self, n=SERIES, padding=0):
        self.n, self.numbers, self.padding = n, itertools.count(1), "x" * padding
        self.served = 0

    def __call__(self, conn):
        k = next(self.numbers)
        body = "".join(f'work_done{{i="{i}",p="{self.padding}"}} {k}\n' for i in range(self.n)).encode()
        conn.sendall(head(len(body), more="Connection: close\r\n") + body)
        self.served = k


@pytest.fixture
def series(pages):
    page = pages.pages["/metrics"] = Series()
    return page


@pytest.fixture
def own_influxd(tmp_path):
    server = Influxd(tmp_path / "influxd").start()
    yield server
    if server.running():
        server.p.send_signal(signal.SIGCONT)
    server.end()


def quick(name, address):
    return job(name, address, scrape_interval="200ms", scrape_timeout="200ms")


def to(influxd, database="q", **more):
    return [{"influxdb": {"url": influxd.url, "database": database, "create_database": True, "timeout": "2s", **more}}]


def output(d, name="influxdb"):
    """What /api/v1/queue says of one output; its account must add up, whenever one looks."""
    found = [o for o in d.get("/api/v1/queue").json()["data"]["outputs"] if o["output"] == name]
    assert len(found) == 1
    p = found[0]["points"]
    assert p["in"] == p["out"] + p["queued"] + p["quarantined"] + sum(p["dropped"].values()), p
    return found[0]


def assert_identity(d, name="influxdb"):
    m = d.metrics()

    def of(metric):
        return sum(v for (n, ls), v in m.items() if n == f"pulseline_output_points_{metric}" and ("output", name) in ls)

    assert of("in_total") == of("out_total") + of("queued") + of("quarantined_total") + of("dropped_total"), m
    return of("in_total")


def stored(influxd, database="q"):
    """Number of all points in the database."""
    return sum(s["values"][0][1] for s in influxd.query("SELECT count(value) FROM /.*/", database))


def settle(d, pages):
    """No more new points; waits until all that came is out. Returns the account."""
    pages.pages.clear()
    d.config([], json.loads(d.config_path.read_text())["outputs"], queue=json.loads(d.config_path.read_text())["queue"])
    assert d.reload().status_code == 200
    wait_until(lambda: not d.targets(), "nothing is scraped")
    time.sleep(1.5)  # a worker keeps its batch for a second
    wait_until(lambda: output(d)["points"]["queued"] == 0, "everything is delivered")
    return output(d)["points"]


@pytest.mark.sanitized
def test_what_a_killed_daemon_had_accepted_arrives_exactly(pulseline, pages, series, own_influxd):
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": "queue"}).start()
    wait_until(lambda: output(pulseline)["points"]["out"] > SERIES, "points are delivered")
    own_influxd.p.send_signal(signal.SIGSTOP)
    wait_until(lambda: output(pulseline)["points"]["queued"] > 10 * SERIES, "points wait")
    wait_until(lambda: output(pulseline)["memory"]["pointsNotOnDisk"] == 0, "they are on disk")
    before = output(pulseline)["points"]["in"]
    pulseline.end(signal.SIGKILL)
    pulseline.start()
    after = output(pulseline)["points"]
    assert after["in"] >= before  # it counts on
    own_influxd.p.send_signal(signal.SIGCONT)
    end = settle(pulseline, pages)
    assert end["dropped"] == {} and end["quarantined"] == 0
    assert stored(own_influxd) == end["out"] == end["in"]


def test_killed_again_and_again_under_load(pulseline, pages, series, own_influxd):
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": "queue"}).start()
    chance = random.Random(7)
    last = 0
    for _ in range(6):
        wait_until(lambda: output(pulseline)["points"]["in"] > last + 4 * SERIES, "it goes on")
        time.sleep(chance.random() / 5)  # any moment will do
        last = output(pulseline)["points"]["in"]
        pulseline.end(signal.SIGKILL)
        pulseline.start()
    end = settle(pulseline, pages)
    assert end["dropped"] == {} and end["quarantined"] == 0
    assert stored(own_influxd) == end["out"] == end["in"] >= last


@pytest.mark.sanitized
def test_the_account_adds_up_at_any_moment(pulseline, pages, series, own_influxd):
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": "queue"}).start()
    chance = random.Random(3)
    stopped = False
    for k in range(60):
        assert_identity(pulseline)
        if k % 10 == 9:
            own_influxd.p.send_signal(signal.SIGCONT if stopped else signal.SIGSTOP)
            stopped = not stopped
        time.sleep(chance.random() / 10)
    own_influxd.p.send_signal(signal.SIGCONT)
    end = settle(pulseline, pages)
    assert_identity(pulseline)
    assert stored(own_influxd) == end["out"] == end["in"]


@pytest.mark.sanitized
def test_after_an_outage_the_newest_points_go_first(pulseline, pages, tmp_path):
    """A scripted server, for the order of arrival is to be seen."""
    bodies, is_up = [], []

    def answer(asked):
        if not is_up:
            return 503, {}, b""
        bodies.append(asked.body)
        return 204, {}, b""

    server = Peer(answer)
    try:
        series = pages.pages["/metrics"] = Series(5)
        pulseline.config([quick("n", pages.address)],
                         [{"influxdb": {"url": f"http://127.0.0.1:{server.port}", "database": "q", "create_database": False, "gzip": "off"}}],
                         queue={"dir": "queue"}).start()
        wait_until(lambda: series.served > 50, "an outage of ten seconds")
        is_up.append(1)
        wait_until(lambda: output(pulseline)["lanes"]["backlog"]["points"] == 0 and output(pulseline)["points"]["out"] > 0,
                   "the backlog is delivered")
    finally:
        server.close()
    numbers = [[int(n) for n in re.findall(r"work_done\S* value=(\d+)", b)] for b in bodies]
    first = next(n for n in numbers if n)
    assert min(first) > 1, "the oldest was not in the first delivery"
    assert 1 in set(itertools.chain(*numbers)), "but came later"
    assert set(itertools.chain(*numbers)) >= set(range(1, max(first) + 1))


def test_an_outage_costs_little_memory_and_the_disk_stays_in_its_bound(pulseline, pages, own_influxd):
    pages.pages["/metrics"] = Series(2000, padding=200)
    bound = 8 << 20
    pulseline.config([quick(f"n{i}", pages.address) for i in range(3)], to(own_influxd), queue={"dir": "queue", "max_bytes": bound})
    pulseline.start()
    wait_until(lambda: output(pulseline)["points"]["out"] > 20000, "points are delivered")
    normal = pulseline.rss_anon_kib()
    own_influxd.p.send_signal(signal.SIGSTOP)
    folder = pulseline.folder / "queue" / "influxdb"
    most_disk = most_memory = 0

    def full():
        nonlocal most_disk, most_memory
        assert_identity(pulseline)
        most_disk = max(most_disk, sum(f.stat().st_size for f in folder.iterdir()))
        most_memory = max(most_memory, pulseline.rss_anon_kib())
        return output(pulseline)["points"]["dropped"].get("queue_full_oldest", 0) > 50000

    wait_until(full, "the disk's bound is reached")
    assert most_disk <= bound + (1 << 20) + (64 << 10)  # a segment beyond, and the ledger
    if not sanitized():
        assert most_memory - normal < 32 << 10
    own_influxd.p.send_signal(signal.SIGCONT)
    end = settle(pulseline, pages)
    assert end["in"] == end["out"] + sum(end["dropped"].values())
    # What was dropped from disk while it was on its way may be stored all the same.
    assert stored(own_influxd) >= end["out"]


def test_a_full_disk_is_lived_through_in_memory(pulseline, pages, series, own_influxd, small_disk):
    filler = small_disk / "filler"
    filler.write_bytes(b"")
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": str(small_disk / "queue")}).start()
    wait_until(lambda: output(pulseline)["points"]["out"] > SERIES, "points are delivered")
    own_influxd.p.send_signal(signal.SIGSTOP)
    with open(filler, "r+b", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    wait_until(lambda: output(pulseline)["disk"]["trouble"], "it says that the disk is full")
    assert pulseline.metric("pulseline_output_spool_trouble", output="influxdb") == 1
    assert "cannot be written to disk; it goes on in memory" in pulseline.log()
    wait_until(lambda: output(pulseline)["memory"]["pointsNotOnDisk"] > 3 * SERIES, "points wait in memory")
    assert_identity(pulseline)
    filler.unlink()
    wait_until(lambda: not output(pulseline)["disk"]["trouble"], "it is on disk again")
    wait_until(lambda: output(pulseline)["memory"]["pointsNotOnDisk"] == 0, "all of it")
    assert "the queue is on disk again" in pulseline.log()
    own_influxd.p.send_signal(signal.SIGCONT)
    end = settle(pulseline, pages)
    assert end["dropped"] == {}
    assert stored(own_influxd) == end["out"] == end["in"]


@pytest.mark.sanitized
def test_reloads_under_load_lose_nothing(pulseline, pages, series, own_influxd):
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": "queue"}).start()
    wait_until(lambda: output(pulseline)["points"]["out"] > 0, "points are delivered")
    for k in range(10):
        pulseline.config([quick("n", pages.address)], to(own_influxd, timeout=f"{3 + k}s"), queue={"dir": "queue"})
        wait_until(lambda: pulseline.reload().status_code == 200, "the last change is done")
        if k == 3:
            own_influxd.p.send_signal(signal.SIGSTOP)
        if k == 7:
            own_influxd.p.send_signal(signal.SIGCONT)
        seen = series.served
        wait_until(lambda: series.served > seen + 1, "pages are read")
        assert_identity(pulseline)
    end = settle(pulseline, pages)
    assert end["dropped"] == {} and end["quarantined"] == 0
    assert stored(own_influxd) == end["out"] == end["in"]


@pytest.mark.sanitized
def test_the_folder_cannot_be_changed_by_a_reload(pulseline, pages, series, own_influxd):
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": "queue"}).start()
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": "elsewhere"})
    answer = pulseline.reload()
    assert answer.status_code == 500
    assert re.search(r"pulseline\.yml:\d+:\d+: queue\.dir: cannot be changed by a reload", answer.text)
    assert not (pulseline.folder / "elsewhere").exists()


@pytest.mark.sanitized
def test_a_second_daemon_on_the_folder_is_refused(pulseline, pages, series, tmp_path):
    pulseline.config([quick("n", pages.address)], queue={"dir": str(tmp_path / "queue")}).start()
    second = Daemon(tmp_path / "second")
    second.config([], queue={"dir": str(tmp_path / "queue")}).start(ready=False)
    assert second.p.wait(60) == 1
    assert re.search(rf"pulseline\.yml:\d+:\d+: queue\.dir: is in use by another daemon, process {pulseline.p.pid}\b", second.log())
    second.check_log()


@pytest.mark.sanitized
def test_points_of_an_output_that_is_gone_are_named(pulseline, pages, series, own_influxd):
    pulseline.config([quick("n", pages.address)], to(own_influxd), queue={"dir": "queue"}).start()
    own_influxd.p.send_signal(signal.SIGSTOP)
    wait_until(lambda: output(pulseline)["points"]["queued"] > SERIES, "points wait")
    assert pulseline.end() == 0
    assert re.search(r"points wait on disk for the next start.*output=influxdb.*points=\d+", pulseline.log())
    pulseline.config([], queue={"dir": "queue"}).start()
    assert re.search(r"points wait on disk for an output that is not in the configuration.*output=influxdb", pulseline.log())


def test_check_config_makes_nothing(pulseline, tmp_path):
    import subprocess
    from daemon import BINARY
    pulseline.config([], queue={"dir": "queue", "max_age": "1d", "sync": "always", "quarantine_bytes": "1MiB"})
    assert subprocess.run([BINARY, "check", "config", pulseline.config_path], timeout=60).returncode == 0
    assert sorted(p.name for p in pathlib.Path(pulseline.folder).iterdir()) == ["pulseline.yml"]
