"""Targets that send what no target should: each is told apart by its reason, leaves nothing but up=0, and disturbs nobody."""
import re
import tempfile

import pytest

from daemon import Daemon, job
from harness import free_port, wait_until
from servers import FAULTS, PageServer

# path -> what its lastError must match (any case)
REASONS = {
    "/garbage": r"line 1|1:\d+|utf-8|invalid|expected",
    "/half_line": r"2:\d+|line 2",
    "/long_line": r"line.*(long|limit|bytes|exceed)|exceed",
    "/endless": r"timed? ?out|time-?out|large|limit|exceed",
    "/endless_series": r"timed? ?out|time-?out|large|limit|exceed",
    "/wrong_type": r"text/html",
    "/json": r"application/json",
    "/gzip_bomb": r"large|limit|exceed|bytes",
    "/broken_gzip": r"gzip|encoding|decod|decompress|inflat|content|header",
    "/cut_body": r"closed|remaining|transfer|ended|missing|partial|incomplete",
    "/drip": r"timed? ?out|time-?out",
    "/redirect_loop": r"redirect",
    "/many_headers": r"header",
    "/black_hole": r"timed? ?out|time-?out",
    "/not_http": r"http|protocol|version",
    "/empty_answer": r"empty|closed|no answer|nothing",
    "/error_status": r"503",
    "/too_many_samples": r"sample",
    "refused": r"refused",
    "not_found": r"404",
}
SELDOM = {"scrape_interval": "5s", "scrape_timeout": "1s"}  # these cost the test's own servers much
MORE = {
    "/gzip_bomb": {"body_size_limit": "64MB", **SELDOM},
    "/endless": SELDOM,
    "/endless_series": SELDOM,
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
