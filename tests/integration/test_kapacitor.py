"""The direct feed to Kapacitor: a task's own view of what came. Without a kapacitord these tests are skipped; the unit tests have a
scripted server."""
import itertools

import pytest

from daemon import job
from harness import wait_until
from http_peers import Peer
from kapacitord import Kapacitor, needs_kapacitor

WINDOW = "stream|from().measurement('page_number')|window().period(10m).every(1s)|httpOut('all')"


@pytest.fixture
def counted(pages):
    """A page whose one sample counts how often it was served."""
    numbers, served = itertools.count(1), []

    def serve(conn):
        n = next(numbers)
        body = b"page_number %d\n" % n
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        served.append(n)

    pages.pages["/metrics"] = serve
    return served


@needs_kapacitor
@pytest.mark.sanitized
def test_a_task_sees_every_point(pulseline, pages, counted, tmp_path):
    """Its database and policy go with each write, and what came while Kapacitor was away comes when it is back."""
    kapacitor = Kapacitor(tmp_path / "kapacitor", auth=True).start()
    try:
        kapacitor.task("mine", "d b", "r&p", WINDOW)
        kapacitor.task("other", "d b", "autogen", WINDOW)
        pulseline.config([job("n", pages.address)], [{"kapacitor": {
            "url": kapacitor.url, "database": "d b", "retention_policy": "r&p",
            "basic_auth": {"username": kapacitor.auth[0], "password": kapacitor.auth[1]}}}])
        pulseline.start()
        wait_until(lambda: {1, 2, 3} <= kapacitor.seen("mine"), "the task sees the points")
        assert kapacitor.seen("other") == set()
        kapacitor.end()
        down = len(counted)
        wait_until(lambda: len(counted) >= down + 3, "pages are read while it is away")
        back = len(counted)
        kapacitor.start()
        wait_until(lambda: set(range(down + 1, back + 1)) <= kapacitor.seen("mine"), "the task sees what it missed")
        assert pulseline.metric("pulseline_output_points_dropped_total", output="kapacitor") == 0
        assert pulseline.end() == 0
    finally:
        kapacitor.end()


@needs_kapacitor
def test_wrong_credentials_hold(pulseline, pages, counted, tmp_path):
    kapacitor = Kapacitor(tmp_path / "kapacitor", auth=True).start()
    try:
        pulseline.config([job("n", pages.address)], [{"kapacitor": {"url": kapacitor.url}}])
        pulseline.start()
        wait_until(lambda: "unable to parse authentication credentials" in pulseline.log(), "it says what is wrong")
        assert pulseline.metric("pulseline_output_points_dropped_total", output="kapacitor") == 0
    finally:
        kapacitor.end()


def test_beside_another_output(pulseline, pages, counted):
    """A dead Kapacitor delays nobody else; one that comes to life gets everything."""
    bodies, alive = [], []

    def answer(asked):
        if not alive:
            return 503, {}, b""
        bodies.append(asked)
        return 204, {}, b""

    peer = Peer(answer)
    try:
        pulseline.config([job("n", pages.address)], [{"file": {"path": str(pulseline.points_path)}},
                                                     {"kapacitor": {"url": f"http://{peer.address}", "database": "x"}}])
        pulseline.start()
        wait_until(lambda: len(pulseline.points_of("page_number")) >= 4, "the file gets its points")
        alive.append(True)
        wait_until(lambda: sum(b.body.count("page_number,") for b in bodies) >= 4, "Kapacitor gets them too")
        assert {b.path for b in bodies} == {"/kapacitor/v1/write?precision=n&db=x&rp=autogen"}
        assert pulseline.end() == 0
    finally:
        peer.close()
