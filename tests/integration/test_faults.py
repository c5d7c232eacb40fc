"""Targets that send what no target should: each is told apart by its reason, leaves nothing but up=0, and disturbs nobody."""
import re
import tempfile

import pytest

from daemon import Daemon, job
from harness import free_port, wait_until
from servers import FAULTS, PageServer

# path -> what its lastError must match (any case)
REASONS = {
    "/garbage": r"line 1, column 1: expected a metric name",
    "/half_line": r"line 2, column \d+: the page ends in the middle of a line",
    "/long_line": r"line 1, column \d+: this line is longer than 1048576 bytes",
    "/endless": r"larger than 131072 bytes",
    "/endless_series": r"more than sample_limit = 5000 samples",
    "/slow_endless": r"did not end within 1s",
    "/wrong_type": r"text/html",
    "/json": r"application/json",
    "/gzip_bomb": r"larger than 67108864 bytes",
    "/gzip_members": r"compressed body is damaged",
    "/broken_gzip": r"compressed body is damaged",
    "/cut_body": r"body ended after \d+ of 1000 bytes",
    "/drip": r"did not end within 1s",
    "/redirect_loop": r"too many redirects",
    "/many_headers": r"header is larger than",
    "/black_hole": r"no answer within 1s",
    "/not_http": r"not HTTP",
    "/empty_answer": r"closed the connection without an answer",
    "/error_status": r"HTTP status 503",
    "/too_many_samples": r"more than sample_limit = 1000 samples",
    "refused": r"refused",
    "not_found": r"HTTP status 404",
}
SELDOM = {"scrape_interval": "5s", "scrape_timeout": "1s"}  # these cost the test's own servers much
MORE = {
    "/gzip_bomb": {"body_size_limit": "64MB", **SELDOM},
    "/endless": {"body_size_limit": "128KB", **SELDOM},
    "/endless_series": {"sample_limit": 5000, **SELDOM},
    "/slow_endless": {"body_size_limit": "512KB"},
    "/long_line": SELDOM,
    "/too_many_samples": {"sample_limit": 1000},
}


@pytest.fixture(scope="module")
def faulty():
    """A daemon with one target for each fault, and two sound ones; it has seen each of them several times."""
    pages = PageServer({**FAULTS, "/good": b"good 1\n"})
    with tempfile.TemporaryDirectory() as folder:
        d = Daemon(folder)
        jobs = [job(path.strip("/"), pages.address, metrics_path=path, **MORE.get(path, {})) for path in FAULTS]
        jobs += [job("good", pages.address, metrics_path="/good"), job("refused", f"127.0.0.1:{free_port()}"),
                 job("not_found", pages.address, metrics_path="/nowhere")]
        d.config(jobs).start()
        try:
            wait_until(lambda: all(len(d.points_of("up", job=j["job_name"])) >= 2 for j in jobs), "each target was tried twice")
            yield d
        finally:
            status = d.end()
            pages.close()
        d.check_log()
        assert status == 0, d.log()[-4000:]


def test_every_fault_has_its_reason_listed():
    assert set(FAULTS) | {"refused", "not_found"} == set(REASONS)


@pytest.mark.sanitized
@pytest.mark.parametrize("fault", REASONS)
def test_fault(faulty, fault):
    name = fault.strip("/")
    target = faulty.target(name)
    assert target["health"] == "down"
    assert re.search(REASONS[fault], target["lastError"], re.I), target["lastError"]
    assert target["lastError"].isprintable()
    ups = faulty.points_of("up", job=name)
    assert ups and all(" value=0 " in line or " value=0i " in line for line in ups)
    strangers = [line for line in faulty.points() if f"job={name}," in line.split(" ")[0] + "," and
                 not line.startswith(("up,", "scrape_"))]
    assert not strangers, strangers[:3]
    assert name in faulty.log(), "the first failure is logged"


@pytest.mark.sanitized
def test_the_sound_target_does_not_notice(faulty):
    assert faulty.target("good")["health"] == "up"
    assert all(" value=1 " in line for line in faulty.points_of("up", job="good"))
    seen = len(faulty.points_of("good", job="good"))
    wait_until(lambda: len(faulty.points_of("good", job="good")) >= seen + 3, "it goes on being scraped")


def test_memory_stays_small(faulty):
    if "san" in str(faulty.p.args[0]):
        pytest.skip("sanitizers keep freed memory")
    assert faulty.rss_anon_kib() < 96 * 1024


def test_failures_are_logged_once_not_per_scrape(faulty):
    log = [line for line in faulty.log().splitlines() if "not_found" in line]
    assert len(log) == 1, log
