"""When our own points count as late."""
import threading
import time

import pytest

from daemon import job
from harness import wait_until
from http_peers import page

HELD, AGAIN = "alerts of silence are held", "alerts of silence count again"


@pytest.mark.sanitized
def test_late_is_what_waits_long(pulseline, peer):
    """Not what comes seldom and takes a while to be stored; nobody needs a Kapacitor to see that."""
    goes_on, writes = threading.Event(), []

    def store(asked):
        if asked.path.startswith("/write"):
            time.sleep(0.7)
            goes_on.wait()
            writes.append(asked)
            return 204, {}, b""
        return 200, {"Content-Type": "application/json"}, b'{"results":[{}]}'

    goes_on.set()
    influx, pages = peer(store), peer(lambda asked: page())
    pulseline.config([job("n", pages.address, scrape_interval="3s")], [{"influxdb": {"url": f"http://{influx.address}", "database": "x"}}],
                     kapacitor={"url": "http://127.0.0.1:1", "lag": "2s"}).start()
    wait_until(lambda: len(writes) >= 5, "points are stored")
    assert HELD not in pulseline.log()
    goes_on.clear()
    wait_until(lambda: HELD in pulseline.log(), "points wait")
    assert AGAIN not in pulseline.log()
    goes_on.set()
    wait_until(lambda: AGAIN in pulseline.log(), "all is stored")
