"""What InfluxDB still has: raw points where they are, else what pulse or a downsampling left of them."""
import time

import pytest
import requests

from harness import PATIENCE

HOUR = 3600
PROVISION = {"late": "1h", "retention_policies": [{"name": "raw", "duration": "0s", "default": True}, {"name": "long", "duration": "0s"},
                                                  {"name": "means", "duration": "0s"}],
             "downsampling": [{"into": "long", "interval": "5m", "functions": ["mean", "count", "max", "min"], "measurements": ["a", "b"]},
                              {"into": "means", "interval": "10m"}]}


@pytest.fixture
def history(pulseline, influxd, database):
    """put(policy, line, hours ago ...) and read(path) -> {hours ago: value}"""
    influxd.query(f'CREATE DATABASE "{database}"')
    for policy in ("raw", "long", "means", "one_week"):
        influxd.query(f'CREATE RETENTION POLICY "{policy}" ON "{database}" DURATION 0s REPLICATION 1')
    influxd.query(f'ALTER RETENTION POLICY "raw" ON "{database}" DEFAULT')
    now = int(time.time()) // HOUR * HOUR

    def put(policy, lines):
        body = "\n".join(f"{text} {now - hours * HOUR + minutes * 60}" for text, hours, minutes in lines)
        answer = requests.post(f"{influxd.url}/write", params={"db": database, "rp": policy, "precision": "s"}, data=body, timeout=PATIENCE)
        assert answer.status_code == 204, answer.text

    def read(path):
        answer = pulseline.get(path)
        if answer.status_code == 404:
            return {}
        assert answer.status_code == 200, answer.text
        return {(now - r["time"] // 1000) // HOUR: r["value"] for r in answer.json()}

    def start(**more):
        pulseline.config([], [{"influxdb": {"url": influxd.url, "database": database, **more}}]).start(env={"TZ": "UTC0"})

    return put, read, start, now


def test_what_pulse_left(history, pulseline):
    """`aggregate` as pulse writes it, and the maxima and minima that a daemon of ours adds for it."""
    put, read, start, now = history
    put("one_week", [("aggregate,host=a cpu=1,ram=7", 5, 0), ("aggregate,host=b cpu=2", 5, 15), ("aggregate,host=a cpu=4", 5, 30),
                     ("aggregate,host=a cpu=8", 3, 0)])
    start()
    assert read("/hourly/cpu") == {5: pytest.approx(7 / 3), 3: 8}
    assert read("/hourly/ram") == {5: 7}
    assert read("/hourly/cpu?host=b") == {5: 2}
    assert read("/hourly/cpu?verb=max") == {5: 4, 3: 8}  # of the means: nothing better was kept
    assert read("/hourly/cpu?verb=count") == {5: 3, 3: 1}
    put("one_week", [("aggregate_max,host=a cpu=50", 5, 0), ("aggregate_min,host=a cpu=-50", 5, 0)])
    assert read("/hourly/cpu?verb=max") == {5: 50, 3: 8}
    assert read("/hourly/cpu?verb=min") == {5: -50, 3: 8}
    assert read("/hourly/cpu?verb=mean") == {5: pytest.approx(7 / 3), 3: 8}
    assert max(r["value"] for r in pulseline.get("/daily_peaks/cpu").json()) == 50


def test_raw_points_come_first(history):
    put, read, start, now = history
    put("one_week", [("aggregate,host=a cpu=1", 5, 0), ("aggregate,host=a cpu=1", 4, 0)])
    put("raw", [("cpu,host=a cpu=10", 4, 1), ("cpu,host=a cpu=30", 4, 2), ("cpu,host=b value=20", 2, 3)])
    start()
    assert read("/hourly/cpu") == {5: 1, 4: 20, 2: 20}
    assert read("/hourly/cpu?verb=max") == {5: 1, 4: 30, 2: 20}


def test_downsampled_means_are_weighted(history, pulseline):
    put, read, start, now = history
    put("long", [("a,host=x mean_value=1,count_value=9,max_value=5,min_value=-5", 50, 0), ("a,host=y mean_value=11,count_value=1", 50, 5),
                 ("a,host=x mean_a=3,count_a=3,max_a=4,min_a=2", 48, 0), ("c mean_value=77,count_value=1", 50, 0)])
    put("means", [("a,host=x mean_value=100", 50, 0), ("a,host=x mean_value=6", 46, 0), ("a,host=x mean_value=8", 46, 10), ("c mean_value=5", 50, 0)])
    start(provision=PROVISION)
    assert read("/hourly/a?start=3d") == {50: 2, 48: 3, 46: 7}
    assert read("/hourly/a?start=3d&verb=sum") == {50: 20, 48: 9, 46: 14}
    assert read("/hourly/a?start=3d&verb=count") == {50: 10, 48: 3, 46: 2}
    assert read("/hourly/a?start=3d&verb=max") == {50: 5, 48: 4, 46: 8}
    assert read("/hourly/a?start=3d&verb=min&host=x") == {50: -5, 48: 2, 46: 6}
    assert read("/hourly/c?start=3d") == {50: 5}  # `long` is not made of this measurement
    # 50 h and 26 h ago is the same time of day
    put("raw", [("a,host=x value=32", 26, 0)] + [("a,host=y value=32", 26, m) for m in range(1, 10)])
    slots = {r["time"]: r["value"] for r in pulseline.get("/daily/a?start=3d").json()}
    slot = time.strftime("%H:00", time.gmtime(now - 26 * HOUR))
    assert slots[slot] == pytest.approx((10 * 2 + 10 * 32) / 20)


def test_odd_names(history):
    put, read, start, now = history
    put("one_week", [("aggregate disk.used=3,a\\ \"b=4,x;DROP=5", 5, 0)])
    start()
    assert read("/hourly/disk.used") == {5: 3}
    assert read('/hourly/a%20%22b') == {5: 4}
    assert read("/hourly/x;DROP") == {5: 5}
