"""What happens to points while the database is away, slow, or says no."""
import itertools

import pytest

from daemon import job
from harness import wait_until
from influx import Influxd
from servers import head


class Counter:
    """A page whose one sample counts how often it was served."""

    def __init__(self):
        self.numbers = itertools.count(1)
        self.served = []

    def __call__(self, conn):
        n = next(self.numbers)
        body = b"page_number %d\n" % n
        conn.sendall(head(len(body), more="Connection: close\r\n") + body)
        self.served.append(n)


def stored_numbers(influxd, database):
    return {int(v) for points in influxd.points(database, '"page_number"').values() for v in points.values()}


@pytest.mark.sanitized
def test_influxdb_comes_later_and_nothing_is_lost(pulseline, pages, tmp_path):
    influxd = Influxd(tmp_path / "influxd")
    counter = pages.pages["/metrics"] = Counter()
    pulseline.config([job("n", pages.address)], [{"influxdb": {"url": influxd.url, "database": "later", "create_database": True}}])
    pulseline.start()  # ready though its database is away
    wait_until(lambda: "influxdb" in pulseline.log() and "refused" in pulseline.log().lower(), "it says that InfluxDB is away")
    wait_until(lambda: len(counter.served) >= 4, "some pages were read meanwhile")
    early = len(counter.served)
    influxd.start()
    try:
        wait_until(lambda: set(range(1, early + 1)) <= stored_numbers(influxd, "later"), "all early pages are stored")
        assert pulseline.end() == 0
        served = set(counter.served)
        stored = stored_numbers(influxd, "later")
        # The last one may have been cut off by the end; every other one must be there.
        assert served - stored <= {max(served)}
    finally:
        influxd.end()


def test_influxdb_restarts_and_nothing_is_lost(pulseline, pages, tmp_path):
    influxd = Influxd(tmp_path / "influxd").start()
    counter = pages.pages["/metrics"] = Counter()
    try:
        pulseline.config([job("n", pages.address)], [{"influxdb": {"url": influxd.url, "database": "again", "create_database": True}}])
        pulseline.start()
        wait_until(lambda: len(stored_numbers(influxd, "again")) >= 2, "points are stored")
        influxd.end()
        seen = len(counter.served)
        wait_until(lambda: len(counter.served) >= seen + 3, "pages are read while it is away")
        influxd.start()
        away = len(counter.served)
        wait_until(lambda: set(range(1, away + 1)) <= stored_numbers(influxd, "again"), "what was read meanwhile is stored")
    finally:
        influxd.end()


def test_basic_auth_and_a_wrong_password(pulseline, pages, tmp_path):
    influxd = Influxd(tmp_path / "influxd", auth=True).start()
    try:
        influxd.query("CREATE USER admin WITH PASSWORD 'right password' WITH ALL PRIVILEGES")
        influxd.auth = ("admin", "right password")
        influxd.query("CREATE DATABASE private")
        password = tmp_path / "password"
        password.write_text("wrong password\n")
        counter = pages.pages["/metrics"] = Counter()
        pulseline.config([job("n", pages.address)], [{"influxdb": {
            "url": influxd.url, "database": "private", "username": "admin", "password_file": str(password)}}])
        pulseline.start()
        wait_until(lambda: "401" in pulseline.log() or "authoriz" in pulseline.log().lower(), "it says that it was refused")
        wait_until(lambda: len(counter.served) >= 3, "pages are read meanwhile")
        held = len(counter.served)
        password.write_text("right password\n")  # read again when needed
        assert pulseline.reload().status_code == 200
        wait_until(lambda: set(range(1, held + 1)) <= stored_numbers(influxd, "private"), "all of them are stored")
        assert "wrong password" not in pulseline.log() and "right password" not in pulseline.log()
    finally:
        influxd.end()


def test_a_field_type_conflict_costs_only_its_own_points(pulseline, pages, influxd, database):
    influxd.query(f'CREATE DATABASE "{database}"')
    import requests
    requests.post(f"{influxd.url}/write?db={database}", data='conflict,job=n value="text"\n', timeout=10).raise_for_status()
    pages.pages["/metrics"] = b"conflict 1\nfine 2\n"
    pulseline.config([job("n", pages.address)], [{"influxdb": {"url": influxd.url, "database": database}}]).start()
    wait_until(lambda: influxd.count(database, "fine") >= 3, "the others are stored")
    wait_until(lambda: pulseline.metric("pulseline_output_points_quarantined_total", output="influxdb") >= 3, "the refused are kept")


def test_file_output_and_influxdb_get_the_same(pulseline, pages, influxd, database):
    counter = pages.pages["/metrics"] = Counter()
    pulseline.config([job("n", pages.address)], [{"file": {"path": str(pulseline.points_path)}},
                                                 {"influxdb": {"url": influxd.url, "database": database, "create_database": True}}])
    pulseline.start()
    wait_until(lambda: len(counter.served) >= 3, "pages are read")
    assert pulseline.end() == 0
    in_file = {int(line.split(" ")[1].removeprefix("value=").rstrip("i").split(".")[0]) for line in pulseline.points_of("page_number")}
    assert in_file == stored_numbers(influxd, database)
    assert len(in_file) >= 3
