"""Lines that a real InfluxDB refuses for good: kept with its words, listed, sent again, deleted."""
import os
import re
import signal
import time

import pytest
import requests

from daemon import job
from harness import PATIENCE, wait_until

PAGE = b"clash 1\nfine 2\n"


def influxdb(influxd, database):
    return [{"influxdb": {"url": influxd.url, "database": database}}]


def listed(pulseline, **filters):
    answer = pulseline.get("/api/v1/quarantine", params=filters)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == "success" and "warnings" not in body, body
    return body["data"]


def change(pulseline, method, path, **filters):
    answer = requests.request(method, pulseline.url(path), params=filters, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def replay(pulseline, **filters):
    return change(pulseline, "POST", "/api/v1/quarantine/replay", **filters)


def delete(pulseline, **filters):
    return change(pulseline, "DELETE", "/api/v1/quarantine", **filters)


def write(influxd, database, line):
    answer = requests.post(f"{influxd.url}/write", params={"db": database}, data=line, timeout=PATIENCE)
    assert answer.status_code == 204, answer.text


def make_clash(influxd, database):
    """From now on `clash` has a field `value` that is a string."""
    influxd.query(f'CREATE DATABASE "{database}"')
    write(influxd, database, f'clash,job=other value="text" {time.time_ns()}')


def refused(pulseline, at_least):
    wait_until(lambda: listed(pulseline)["paging"]["total"] >= at_least, "lines were refused")


def calm(pulseline, pages):
    """The page clashes no more; returns the lines once no more of them come."""
    pages.pages["/metrics"] = b"fine 3\n"

    def is_calm():
        scrapes = pulseline.metric("pulseline_scrapes_total")
        wait_until(lambda: pulseline.metric("pulseline_scrapes_total") >= scrapes + 2, "two more scrapes")
        before = listed(pulseline, limit=1000)["lines"]
        wait_until(lambda: pulseline.metric("pulseline_output_points_queued") == 0, "nothing waits")
        return before and before == listed(pulseline, limit=1000)["lines"] and before

    return wait_until(is_calm, "no more lines are refused")


def assert_account(pulseline):
    """One page of /metrics: what came in is somewhere."""
    metrics = pulseline.metrics()

    def total(name):
        return sum(v for (n, _), v in metrics.items() if n == name)

    prefix = "pulseline_output_points_"
    assert total(prefix + "in_total") == (total(prefix + "out_total") + total(prefix + "queued")
                                          + total(prefix + "quarantined_total") + total(prefix + "dropped_total"))


def test_routes_of_an_empty_quarantine(pulseline, pages):
    pages.pages["/metrics"] = b"fine 1\n"
    pulseline.config([job("n", pages.address)]).start()
    assert listed(pulseline) == {"lines": [], "paging": {"total": 0, "offset": 0, "limit": 100, "returned": 0, "next": None}}
    for method, path in (("DELETE", "/api/v1/quarantine"), ("POST", "/api/v1/quarantine/replay")):
        answer = requests.request(method, pulseline.url(path), timeout=PATIENCE)
        assert answer.status_code == 400 and "all=true" in answer.json()["error"]
    assert delete(pulseline, all="true") == {"deleted": 0}
    assert replay(pulseline, all="true") == {"replayed": 0}
    answer = requests.post(pulseline.url("/api/v1/quarantine/replay"), params={"output": "influxdb"}, timeout=PATIENCE)
    assert answer.status_code == 409 and "influxdb" in answer.json()["error"]
    assert pulseline.metric("pulseline_quarantine_lines") == 0


def test_the_log_tells_refusals_at_first_and_in_sums(pulseline, pages, influxd, database):
    """One field of a wrong type is refused in every delivery: a line each would fill the log."""
    make_clash(influxd, database)
    pages.pages["/metrics"] = PAGE
    pulseline.config([job("n", pages.address)], influxdb(influxd, database)).start()
    refused(pulseline, 5)
    deliveries = pulseline.metric("pulseline_output_deliveries_total")
    assert deliveries >= 3
    assert pulseline.end() == 0
    told = [int(n) for n in re.findall(r'msg="points refused for good".* quarantined=(\d+)', pulseline.log())]
    assert len(told) < deliveries and sum(told) >= 5, told


@pytest.mark.sanitized
@pytest.mark.parametrize("clashing", [["clash"], ["clash", "other_clash"]])
def test_of_five_thousand_points_only_those_that_conflict_are_refused(pulseline, pages, influxd, database, clashing):
    """InfluxDB names the first conflict only, and in one measurement."""
    influxd.query(f'CREATE DATABASE "{database}"')
    ms = time.time_ns() // 1000000
    for name in clashing:
        write(influxd, database, f'{name},job=other value="text" {ms * 1000000}')
    good = 5000 - len(clashing)
    page = [f'good{{n="{i}"}} {i} {ms}\n' for i in range(good)]
    for k, name in enumerate(clashing):
        page.insert(1234 * (k + 1), f"{name} 1 {ms}\n")
    pages.pages["/metrics"] = "".join(page).encode()
    pulseline.config([job("n", pages.address)], influxdb(influxd, database)).start()
    refused(pulseline, len(clashing))
    lines = calm(pulseline, pages)
    assert influxd.count(database, "good") == good
    assert {line["line"] for line in lines} == {f"{name},instance={pages.address},job=n value=1 {ms}000000" for name in clashing}
    for line in lines:
        assert "field type conflict" in line["message"] and f'measurement "{line["measurement"]}"' in line["message"], line
    assert_account(pulseline)


@pytest.mark.sanitized
def test_refused_lines_are_kept_sent_again_and_stored(pulseline, pages, influxd, database):
    make_clash(influxd, database)
    pages.pages["/metrics"] = PAGE
    pulseline.config([job("n", pages.address)], influxdb(influxd, database)).start()
    refused(pulseline, 2)
    lines = calm(pulseline, pages)

    for line in lines:
        assert line["output"] == "influxdb" and line["reason"] == "field_type"
        assert line["measurement"] == "clash" and line["job"] == "n" and line["instance"] == pages.address
        assert "field type conflict" in line["message"]
        assert line["line"].startswith("clash,") and "value=1 " in line["line"]
    ids = [line["id"] for line in lines]
    assert ids == sorted(set(ids))
    assert len({line["line"] for line in lines}) == len(lines), "a line is there twice"
    assert influxd.count(database, "fine") > 0
    assert_account(pulseline)
    assert pulseline.metric("pulseline_output_points_quarantined_total") == len(lines)

    for filters in ({"job": "n"}, {"instance": pages.address}, {"measurement": "clash"}, {"reason": "field_type"},
                    {"contains": "value=1 "}, {"contains": "conflict"}, {"output": "influxdb"}, {"since": "1"}):
        assert listed(pulseline, **filters)["paging"]["total"] == len(lines), filters
    for filters in ({"job": "m"}, {"measurement": "fine"}, {"contains": "%"}, {"until": "1"}, {"reason": "unparsable"}):
        assert listed(pulseline, **filters)["paging"]["total"] == 0, filters

    # the cause is still there: they are refused again, as new lines
    assert replay(pulseline, job="n") == {"replayed": len(lines), "left": 0, "outputs": {"influxdb": len(lines)}}
    wait_until(lambda: listed(pulseline)["paging"]["total"] == len(lines), "they came back")
    again = listed(pulseline, limit=1000)["lines"]
    assert min(line["id"] for line in again) > max(ids)
    assert sorted(line["line"] for line in again) == sorted(line["line"] for line in lines)

    # the cause is gone: they are stored
    influxd.query('DROP MEASUREMENT "clash"', database)
    assert replay(pulseline, all="true")["replayed"] == len(lines)
    wait_until(lambda: influxd.count(database, "clash") == len(lines), "they are stored")
    assert listed(pulseline)["paging"]["total"] == 0
    assert pulseline.metric("pulseline_quarantine_replayed_total") == 2 * len(lines)
    assert_account(pulseline)


def test_deleting_and_an_output_that_is_gone(pulseline, pages, influxd, database):
    make_clash(influxd, database)
    pages.pages["/metrics"] = PAGE
    pulseline.config([job("n", pages.address)], influxdb(influxd, database)).start()
    refused(pulseline, 3)
    lines = calm(pulseline, pages)
    assert delete(pulseline, id=lines[0]["id"]) == {"deleted": 1}
    pulseline.config([job("n", pages.address)])
    assert pulseline.reload().status_code == 200
    answer = requests.post(pulseline.url("/api/v1/quarantine/replay"), params={"all": "true"}, timeout=PATIENCE)
    assert answer.status_code == 409 and answer.json()["errorType"] == "conflict" and "influxdb" in answer.json()["error"]
    assert listed(pulseline)["paging"]["total"] == len(lines) - 1
    assert delete(pulseline, output="influxdb") == {"deleted": len(lines) - 1}


def test_the_quarantine_survives_kill_9_and_damage(pulseline, pages, influxd, database, tmp_path):
    make_clash(influxd, database)
    pages.pages["/metrics"] = PAGE
    queue = tmp_path / "queue"
    pulseline.config([job("n", pages.address)], influxdb(influxd, database), queue={"dir": str(queue)}).start()
    refused(pulseline, 2)
    lines = calm(pulseline, pages)
    pulseline.end(signal.SIGKILL)
    pulseline.start()
    assert listed(pulseline, limit=1000)["lines"] == lines
    assert pulseline.end() == 0

    with open(queue / "quarantine.db", "r+b") as f:
        f.write(os.urandom(4096))
    pulseline.start()
    assert listed(pulseline)["lines"] == []
    assert list(queue.glob("quarantine.db.damaged-*"))
    assert "damaged" in pulseline.log()
