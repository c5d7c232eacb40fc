"""Fifty reloads under load: no point lost, no phase changed; and bad configurations, which change nothing."""
import random
import re
import statistics
import time

import pytest

from chaos import STORED, Judge, Targets, dump
from daemon import job
from harness import wait_until

INTERVAL_NS = 500_000_000
SIZES = {"steady": 200, "changed": 50, "coming": 20, "large": 1000}
RELOADS = 50


@pytest.fixture
def targets():
    server = Targets(SIZES)
    yield server
    server.close()


class Load:
    def __init__(self, pulseline, targets, influxd, database):
        self.p, self.targets, self.influxd, self.database = pulseline, targets, influxd, database
        self.judge = Judge(targets)
        self.chance = random.Random(5)

    def configure(self, jobs=SIZES, output=(), queue=(), k=0):
        changed = {"scrape_timeout": f"{450 + k % 50}ms",
                   "metric_relabel_configs": [{"action": "drop", "source_labels": ["__name__"], "regex": f"nothing_{k}"}]}
        rows = [job(name, self.targets.address, metrics_path=f"/{name}", **(changed if name == "changed" else {})) for name in jobs]
        self.p.config(rows, [{"influxdb": {"url": self.influxd.url, "database": self.database, "create_database": True, **dict(output)}}],
                      queue={"dir": "queue", **dict(queue)}, **{"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}})

    def configure_anew(self, k):
        self.configure(jobs=[name for name in SIZES if name != "coming" or k % 2],
                       output={"timeout": f"{2 + k}s", "gzip": self.chance.choice(["on", "off"])},
                       queue={"memory_bytes": f"{self.chance.randrange(1, 32)}MiB", "max_bytes": f"{self.chance.randrange(64, 512)}MiB",
                              "sync": self.chance.choice(["none", "interval", "always"]),
                              "policy": self.chance.choice(["drop_oldest", "drop_newest"])}, k=k)

    def reload_badly(self, k):
        good = self.p.config_path.read_text()
        row, what = [("scrape_configs", "scrape_confgs"), ('"dir": "queue"', '"dir": "elsewhere"'), ('"500ms"', '"500mx"'),
                     ('"policy": "drop', '"policy": "drip')][k % 4]
        assert row in good
        self.p.config_path.write_text(good.replace(row, what))
        before, refused = self.p.get("/config").text, self.p.metric("pulseline_config_reloads_total", result="refused")
        answer = self.p.reload()
        assert answer.status_code == 500
        assert re.search(r"pulseline\.yml:\d+:\d+: .*(scrape_confgs|queue\.dir|500mx|drip_)", answer.text), answer.text
        assert self.p.metric("pulseline_config_last_reload_successful") == 0
        assert self.p.metric("pulseline_config_reloads_total", result="refused") == refused + 1
        assert self.p.get("/config").text == before
        self.p.config_path.write_text(good)

    def points(self):
        output, = self.p.get("/api/v1/queue").json()["data"]["outputs"]
        points = output["points"]
        assert points["in"] == points["out"] + points["queued"] + points["quarantined"] + sum(points["dropped"].values()), points
        return points

    def reload(self, ended=("changed", "coming")):
        """A page on its way to a job that changes or goes is given up."""
        first = time.time()
        wait_until(lambda: self.p.reload().status_code == 200, "the last change is done, and this one is taken on")
        self.judge.ends.append((first, time.time(), ended))


def phases_off(times):
    """How far each lies from the usual moment within the interval, in nanoseconds, in order of time."""
    first = min(times)
    offsets = [(t - first + INTERVAL_NS // 2) % INTERVAL_NS - INTERVAL_NS // 2 for t in sorted(times)]
    middle = statistics.median(offsets)
    return [abs(o - middle) for o in offsets]


def test_fifty_reloads_under_load(pulseline, targets, influxd, database):
    load = Load(pulseline, targets, influxd, database)
    load.configure()
    pulseline.start()
    wait_until(lambda: load.points()["out"] > 0, "points are delivered")
    for k in range(RELOADS):
        load.configure_anew(k)
        load.reload()
        assert pulseline.metric("pulseline_config_last_reload_successful") == 1
        if k % 10 == 5:
            load.reload_badly(k // 10)
        load.points()
        if k % 3:  # some follow each other at once
            seen = len(targets.served["steady"])
            wait_until(lambda: len(targets.served["steady"]) > seen, "it goes on scraping")
    load.configure(jobs=[])
    load.reload(ended=SIZES)
    wait_until(lambda: not pulseline.targets(), "nothing is scraped any more")

    def all_passed_on():
        passed = pulseline.metric("pulseline_scrape_points_total")
        return load.points()["in"] == passed and load.points()["queued"] == 0

    wait_until(all_passed_on, "everything is delivered")
    account = load.points()
    assert account["dropped"] == {} and account["quarantined"] == 0
    judge = load.judge
    for point in dump(influxd, database):
        judge.note(*point, STORED)
    assert judge.count() == (account["out"], 0, 0)
    missing, excused = judge.complaints()
    assert missing == [], (missing[:50], excused)
    for name in SIZES:
        off = phases_off(judge.scrapes[name].place)
        for part in (off, off[-len(off) // 3:]):  # late ones may be, on a busy machine; most are not
            assert statistics.median(part) < INTERVAL_NS // 8, (name, off)
