"""A page of any size takes bounded memory, because no more of it is read than the outputs take on."""
import pathlib
import re

import pytest

from daemon import job
from harness import wait_until

SMALL = b"# TYPE small gauge\n" + b"".join(b'small{n="%d"} 1\n' % i for i in range(1000))
BLOCK = b"".join(b'http_request_duration_seconds_bucket{code="200",handler="/api/v1/things/%d",method="get",le="%d"} %d\n'
                 % (i // 10, i % 10, i) for i in range(10000))
BLOCK_SAMPLES = 10000


def status_kib(daemon, name):
    text = pathlib.Path(f"/proc/{daemon.p.pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1])


def huge_once(pages, blocks):
    def serve(conn):
        pages.pages["/metrics"] = SMALL
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n" % (blocks * len(BLOCK)))
        for _ in range(blocks):
            conn.sendall(BLOCK)

    return serve


@pytest.mark.parametrize("to, megabytes", [("file", 100), ("influxdb", 20)])
def test_memory_of_a_huge_page(pulseline, pages, influxd, database, to, megabytes):
    blocks = megabytes * 1000000 // len(BLOCK) + 1
    pages.pages["/metrics"] = SMALL
    outputs = {"file": {"file": {"path": "/dev/null"}}, "influxdb": {"influxdb": {"url": influxd.url, "database": database}}}
    pulseline.config([job("huge", pages.address, scrape_interval="5s", scrape_timeout="5s")], [outputs[to]]).start()
    wait_until(lambda: pulseline.metric("pulseline_scrape_samples_total") >= 2000, "two small pages")
    wait_until(lambda: pulseline.metric("pulseline_output_points_queued") == 0, "they are delivered")
    pulseline.targets()
    before = status_kib(pulseline, "VmRSS")
    pathlib.Path(f"/proc/{pulseline.p.pid}/clear_refs").write_text("5")  # the highest resident size begins anew
    pages.pages["/metrics"] = huge_once(pages, blocks)
    wait_until(lambda: pulseline.target("huge")["samples"] == blocks * BLOCK_SAMPLES, "the huge page is read")
    wait_until(lambda: pulseline.metric("pulseline_output_points_queued") == 0, "all is delivered")
    extra = (status_kib(pulseline, "VmHWM") - before) * 1024
    assert pulseline.metric("pulseline_output_points_out_total") > blocks * BLOCK_SAMPLES
    assert pulseline.metric("pulseline_scrapes_failed_total") == 0
    assert extra < 2000000, f"{extra} bytes more than before the page"
