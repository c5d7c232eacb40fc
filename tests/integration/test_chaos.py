"""Everything goes wrong at random, and at the end every accepted point is in InfluxDB, in the quarantine, or counted as dropped.

`./dev chaos SECONDS SEED` runs it for longer, and prints what happens. The seed decides which events come when; what they meet
is up to the machine."""
import heapq
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time
import warnings

import pytest
import requests

from chaos import INTERVAL_S, QUARANTINED, STORED, Influxd, Judge, Targets, dump, read_line
from daemon import Daemon, job
from harness import wait_until

SECONDS = float(os.environ.get("PULSELINE_CHAOS_SECONDS", "90"))
SEED = int(os.environ.get("PULSELINE_CHAOS_SEED") or random.SystemRandom().randrange(1 << 31))
DATABASE = "chaos"
SIZES = {"small": 5, "middle": 60, "large": 400}


class Run:
    def __init__(self, pulseline, targets, influxd, disk):
        self.p, self.targets, self.influxd, self.disk = pulseline, targets, influxd, disk
        self.judge = Judge(targets)
        self.chance = random.Random(SEED)
        self.began = time.time()
        self.log = []
        self.steps, self.order = [], itertools.count()  # a heap of (when, order, function)
        self.settings, self.credentials = {}, {}
        self.accepted = 0  # by the daemon's own account, so that it would survive a kill -9
        self.calm = False
        self.decks = {}

    def say(self, text):
        now = time.time()
        self.log.append(f"{now:.3f} +{now - self.began:7.3f} {text}")
        print(f"chaos: {self.log[-1]}", flush=True)

    def after(self, seconds, step):
        heapq.heappush(self.steps, (time.time() + seconds, next(self.order), step))

    def draw(self, name, cards):
        """Each card once, in random order, before any comes again."""
        deck = self.decks.setdefault(name, [])
        if not deck:
            deck += cards
            self.chance.shuffle(deck)
        return deck.pop()

    # --- Pulseline's configuration ---

    def configure(self):
        jobs = [job(name, self.targets.address, metrics_path=f"/{name}") for name in SIZES]
        output = {"url": self.influxd.url, "database": DATABASE, "create_database": True, "timeout": "2s", **self.credentials,
                  **self.settings.get("output", {})}
        pace = {"scrape_interval": f"{int(INTERVAL_S * 1000)}ms", "scrape_timeout": f"{int(INTERVAL_S * 1000)}ms"}
        self.p.config([] if self.calm else jobs, [{"influxdb": output}], queue={"dir": "queue", **self.settings.get("queue", {})},
                      **{"global": pace})

    def reload_good(self):
        self.settings = {"output": {"timeout": self.chance.choice(["1s", "2s", "4s"]), "gzip": self.chance.choice(["on", "off"])},
                         "queue": {"memory_bytes": self.chance.choice(["1MiB", "4MiB", "32MiB"]),
                                   "sync": self.chance.choice(["none", "interval", "always"]),
                                   "max_bytes": self.chance.choice(["64MiB", "1GiB"])}}
        self.configure()
        self.say(f"pulseline: HUP with {json.dumps(self.settings)}")
        self.p.hup()

    def reload_bad(self):
        good = self.p.config_path.read_text()
        bad = self.chance.choice([good[:len(good) // 2], good.replace("job_name", "job_nam"), good.replace('"dir": "queue"', '"dir": "other"'),
                                  good.replace(self.influxd.url, "ftp://nowhere")])
        refused = self.p.log().count("configuration refused")
        self.p.config_path.write_text(bad)
        self.say("pulseline: HUP with a bad configuration")
        self.p.hup()
        wait_until(lambda: self.p.log().count("configuration refused") > refused, "it is refused")
        self.p.config_path.write_text(good)

    # --- Pulseline's life ---

    def launch(self):
        self.p.start(ready=False)

    def is_ready(self):
        assert self.p.running(), f"pulseline ended by itself with {self.p.p.returncode}"
        try:
            return self.p.get("/-/ready").status_code == 200
        except requests.RequestException:
            return False

    def output(self):
        output, = self.p.get("/api/v1/queue").json()["data"]["outputs"]
        return output

    def look(self):
        """The account, which must add up at any moment and never forget."""
        output = self.output()
        points = output["points"]
        assert points["in"] == points["out"] + points["queued"] + points["quarantined"] + sum(points["dropped"].values()), points
        assert points["in"] >= self.accepted, f"{self.accepted} points had been accepted, now it says {points}"
        self.accepted = points["in"] - output["memory"]["pointsNotOnDisk"]
        return points

    def pulseline_event(self):
        if self.calm:
            return
        if not self.is_ready():
            if self.chance.random() < 0.3:
                return self.kill()
            return self.after(0.1, self.pulseline_event)
        points = self.look()
        self.say(f"pulseline: {points}")
        event = self.draw("pulseline", [self.kill, self.kill, self.kill_delivering, self.kill_delivering, self.term, self.reload_good,
                                        self.reload_good, self.reload_bad])
        event()
        if event in (self.reload_good, self.reload_bad):
            self.after(self.chance.uniform(0.5, 5), self.pulseline_event)

    def kill(self):
        first = time.time()
        self.p.end(signal.SIGKILL)
        self.judge.kills.append((first, time.time()))
        self.say("pulseline: kill -9")
        self.come_back()

    def kill_delivering(self):
        """Between what InfluxDB did and what Pulseline notes of it, if there is luck."""
        end = time.monotonic() + 2
        while self.output()["state"] != "delivering" and time.monotonic() < end:
            time.sleep(0.001)
        self.kill()

    def term(self):
        first = time.time()
        self.say("pulseline: TERM")
        status = self.p.end()
        self.judge.ends.append((first, time.time(), SIZES))
        self.say(f"pulseline: ended with {status}")
        assert status == 0, "it should end with 0"
        self.come_back()

    def come_back(self):
        def start():
            self.launch()
            self.say("pulseline: started")
            self.after(self.chance.choice([0.05, 1, 3, 6]), self.pulseline_event)

        self.after(self.chance.uniform(0, 3), start)

    # --- InfluxDB's life ---

    def influx_event(self):
        if self.calm:
            return
        cards = [self.influx_stops, self.influx_is_killed, self.influx_hangs, self.database_goes, self.auth_on, self.auth_and_credentials,
                 self.small_bodies, self.conflict, self.conflict] + ([self.disk_full] if self.disk else [])
        self.draw("influxd", cards)()

    def next_influx_event(self):
        self.after(self.chance.uniform(0.5, 4), self.influx_event)

    def start_influxd(self, **settings):
        self.influxd.configure(**settings)
        self.influxd.launch()
        wait_until(self.influxd.answers, f"influxd answers: {self.influxd.log()[-2000:]}")
        self.say(f"influxd: started {settings or ''}")

    def restart_influxd(self, **settings):
        self.influxd.end(self.chance.choice([signal.SIGTERM, signal.SIGKILL]))
        self.start_influxd(**settings)

    def for_a_while(self, undo):
        def step():
            undo()
            self.next_influx_event()

        self.after(self.chance.uniform(1, 8), step)

    def influx_stops(self):
        self.influxd.end()
        self.say("influxd: stopped")
        self.for_a_while(self.start_influxd)

    def influx_is_killed(self):
        self.influxd.end(signal.SIGKILL)
        self.say("influxd: kill -9")
        self.for_a_while(self.start_influxd)

    def influx_hangs(self):
        self.influxd.p.send_signal(signal.SIGSTOP)
        self.say("influxd: SIGSTOP")

        def go_on():
            self.influxd.p.send_signal(signal.SIGCONT)
            self.say("influxd: SIGCONT")

        self.for_a_while(go_on)

    def auth_on(self):
        self.restart_influxd(auth=True)
        self.for_a_while(self.restart_influxd)

    def auth_and_credentials(self):
        self.restart_influxd(auth=True)

        def tell():
            self.credentials = dict(zip(("username", "password"), Influxd.ADMIN))
            self.configure()
            self.say("pulseline: is given the password")
            if self.p.running() and self.is_ready():
                self.p.hup()

        self.after(self.chance.uniform(0.5, 3), tell)
        self.after(3, lambda: self.for_a_while(self.restart_influxd))

    def small_bodies(self):
        self.restart_influxd(max_body=self.chance.choice([900, 4000, 20000]))
        self.for_a_while(self.restart_influxd)

    def disk_full(self):
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as f:
            for size in (1 << 16, 512, 1):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass
        self.say("influxd: its disk is full")

        def free():
            filler.unlink()
            self.say("influxd: its disk has room again")
            self.restart_influxd()  # 1.6.7 answers 500 until then: its log's writer does not forget an error

        self.for_a_while(free)

    def conflict(self):
        era = self.targets.era + 1
        self.influxd.query(f'CREATE DATABASE "{DATABASE}"')
        self.influxd.write(DATABASE, f'phase_{era},origin=test value="text"')
        self.targets.era = era
        self.say(f"influxd: phase_{era} has text in it")
        self.next_influx_event()

    def database_goes(self):
        frozen, began = self.p.running(), time.time()
        if frozen:
            self.p.p.send_signal(signal.SIGSTOP)
        points = self.harvest()
        self.influxd.query(f'DROP DATABASE "{DATABASE}"')
        if frozen:
            self.p.p.send_signal(signal.SIGCONT)
            self.judge.frozen.append((began, time.time()))
        self.say(f"influxd: its database was dropped, with {points} points")
        self.next_influx_event()

    def harvest(self):
        """Notes all that is stored, once nothing comes any more."""
        last, since = None, time.monotonic()
        while time.monotonic() - since < 1:
            now = self.influxd.query("SELECT count(value) FROM /.*/", DATABASE) if DATABASE in self.influxd.databases() else []
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.1)
        points = 0
        if last:
            for points, point in enumerate(dump(self.influxd, DATABASE), 1):
                self.judge.note(*point, STORED)
        return points

    # --- the end ---

    def quarantine(self):
        """Notes every line; returns their number."""
        n, after, total = 0, 0, None
        while True:
            data = self.p.get("/api/v1/quarantine", params={"limit": 1000, "after": after} if after else {"limit": 1000}).json()["data"]
            total = data["paging"]["total"] if total is None else total
            for line in data["lines"]:
                assert line["reason"] == "field_type", line
                self.judge.note(*read_line(line["line"]), QUARANTINED)
                n += 1
            after = data["paging"]["next"]
            if after is None:
                assert n == total
                return n

    def go(self):
        self.say(f"seed {SEED}, {SECONDS:.0f} s")
        self.configure()
        self.launch()
        self.after(1, self.influx_event)
        self.after(2, self.pulseline_event)
        end = self.began + SECONDS
        while self.steps:
            when, _, step = self.steps[0]
            if not self.calm and min(when, time.time()) > end:
                self.calm = True  # what was begun is ended, nothing new begins
                self.say("calm")
            if self.p.running() is False and not any(s.__qualname__.endswith("come_back.<locals>.start") for _, _, s in self.steps):
                raise AssertionError(f"pulseline ended by itself with {self.p.p.returncode}")
            if when > time.time():
                time.sleep(min(when - time.time(), 0.1))
                continue
            heapq.heappop(self.steps)
            step()
        if not self.p.running():
            self.launch()
        wait_until(self.is_ready, "pulseline is ready")
        self.configure()
        wait_until(lambda: self.p.reload().status_code == 200, "the last configuration is taken on")
        wait_until(lambda: not self.p.targets(), "nothing is scraped any more")
        wait_until(lambda: self.look()["queued"] == 0, "everything is delivered", patience=120)
        time.sleep(2)  # what a builder still held would come now
        wait_until(lambda: self.look()["queued"] == 0, "everything is delivered", patience=120)
        return self.verdict()

    def verdict(self):
        account = {n: self.p.metric(f"pulseline_output_points_{n}", output="influxdb")
                   for n in ("in_total", "out_total", "queued", "quarantined_total", "dropped_total")}
        self.harvest()
        lines = self.quarantine()
        stored, quarantined, both = self.judge.count()
        missing, excused = self.judge.complaints()
        self.say(f"account: {account}; stored {stored}, quarantined {quarantined} in {lines} lines, both {both}; pages lost: "
                 f"{ {why: len(pages) for why, pages in excused.items()} }")
        missing = missing[:100] + ([f"... {len(missing)} in all"] if len(missing) > 100 else [])
        assert not missing, "\n".join(missing)
        n_in, n_out, _, n_quarantined, n_dropped = account.values()
        assert n_in == n_out + n_quarantined + n_dropped
        assert n_dropped == 0, "no bound was reached"
        gone = "\n".join(f"{why}: {page}" for why, pages in excused.items() for page in pages)
        assert stored + quarantined - both == n_in, f"if points are missing, then among these:\n{gone}"
        # The few that are both: InfluxDB refused the line, Pulseline was killed before it noted that, meanwhile the database was dropped,
        # and when the line came again it was taken.
        assert n_quarantined <= lines == quarantined <= n_quarantined + both
        assert n_out <= stored <= n_out + both
        assert both <= sum(SIZES.values()) * len(self.judge.kills)
        return stored, quarantined


@pytest.fixture
def small_disk_or_none(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    done = None
    if shutil.which("mount") is not None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, text=True)
    if done is None or done.returncode != 0:
        yield None
        return
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_chaos(tmp_path, small_disk_or_none):
    targets = Targets(SIZES)
    pulseline = Daemon(tmp_path / "pulseline")
    influxd = Influxd((small_disk_or_none or tmp_path) / "influxd").start()
    run = None
    try:
        influxd.make_admin()
        run = Run(pulseline, targets, influxd, small_disk_or_none)
        if small_disk_or_none is None:
            run.say("SKIPPED: the full disk (cannot mount a tmpfs: not root?)")
            warnings.warn("chaos: without a full disk: no tmpfs can be mounted here")
        stored, quarantined = run.go()
        assert stored > 0 and len(run.judge.kills) > 0
        assert pulseline.end() == 0
    except BaseException as e:
        events = "\n".join(run.log) if run else ""
        raise AssertionError(f"{e}\nseed {SEED}; the events:\n{events}\n{pulseline.log()[-6000:]}") from e
    finally:
        for p in (pulseline, influxd):
            if p.running():
                p.p.send_signal(signal.SIGCONT)
            p.end(signal.SIGKILL)
        targets.close()
    pulseline.check_log()


# --- the judge himself ---


class Served:
    """Three pages of two series, and what a daemon makes of them."""

    def __init__(self):
        self.targets = Targets({"t": 2})
        self.targets.close()
        self.targets.served["t"] = [(1000.0 + k, 0) for k in range(10)]
        self.points = [(m, {"job": "t", **({"i": i} if i else {})}, int((1000 + k) * 1e9) - 1000, k + 1) for k in range(10)
                       for m, i in self.targets.series("t", k + 1) + [("up", "")]]

    def judged(self, points, kills=()):
        judge = Judge(self.targets)
        judge.kills += kills
        for point in points:
            judge.note(*point, STORED)
        return judge.complaints()[0]


def test_the_judge_sees_every_single_missing_point():
    served = Served()
    assert served.judged(served.points) == []
    for gone in range(len(served.points)):
        complaints = served.judged(served.points[:gone] + served.points[gone + 1:])
        assert served.points[gone][0] + " " in complaints[0] and ": 1 of 4 in all" in complaints[1], complaints


def test_the_judge_lets_only_the_last_moments_before_a_kill_go():
    served = Served()
    per_page = len(served.points) // 10
    kill = [(1005.5, 1005.5)]  # behind page 6
    without = lambda *pages: [p for k in range(10) if k + 1 not in pages for p in served.points[k * per_page:(k + 1) * per_page]]
    assert served.judged(without(5, 6), kill) == []
    assert served.judged(without(6), kill) == []
    assert served.judged(served.points[:6 * per_page - 2] + served.points[6 * per_page:], kill) == [], "the end of a page"
    assert served.judged(without(5), kill) != [], "a hole, for page 6 arrived"
    assert served.judged(without(4, 5, 6), kill) != [], "too long before"
    assert served.judged(without(7), kill) == [], "asked for before"
    assert served.judged(without(7, 8), kill) != [], "it was not running any more"
    hole = served.points[:5 * per_page] + served.points[5 * per_page + 1:]
    assert served.judged(hole, kill) != [], "the beginning of a page"
