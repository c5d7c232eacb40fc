"""Metric relabeling, and what bounds the labels and series of a target."""
import re

import pytest

from daemon import job
from harness import wait_until

PAGE = b"""# TYPE http_requests_total counter
http_requests_total{code="200",path="/a"} 7
http_requests_total{code="500",path="/a"} 1
go_goroutines 12
go_threads 3
other{job="mine"} 1
"""


def target_of(daemon):
    (target,) = daemon.get("/api/v1/targets").json()["data"]["activeTargets"]
    return target


def drops(daemon):
    return {dict(labels)["reason"]: v for (name, labels), v in daemon.metrics().items()
            if name == "pulseline_scrape_samples_dropped_total" and v > 0}


def balance(daemon):
    """samples + own points = points + dropped; holds whenever no scrape is under way."""
    m = {name: v for (name, labels), v in daemon.metrics().items() if not labels}
    return (m["pulseline_scrape_samples_total"] + m["pulseline_scrape_own_points_total"]
            - m["pulseline_scrape_points_total"] - sum(drops(daemon).values()))


@pytest.mark.sanitized
def test_metric_relabeling(pulseline, pages):
    pages.pages["/metrics"] = PAGE
    rules = [{"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
             {"source_labels": ["code"], "regex": "(.)..", "target_label": "class", "replacement": "${1}xx"},
             {"regex": "code", "action": "labeldrop"},
             {"source_labels": ["__name__", "class"], "regex": "(.*)_total;.*", "target_label": "__name__"}]
    pulseline.config([job("web", pages.address, metric_relabel_configs=rules)]).start()
    wait_until(lambda: len(pulseline.points_of("up", job="web")) >= 4, "four scrapes")
    assert len(pulseline.points_of("http_requests", path="/a", **{"class": "2xx"})) >= 3
    assert len(pulseline.points_of("http_requests", path="/a", **{"class": "5xx"})) >= 3
    assert len(pulseline.points_of("other", job="web", exported_job="mine")) >= 3
    for gone in ("go_goroutines", "go_threads", "http_requests_total"):
        assert not pulseline.points_of(gone)
    assert set(drops(pulseline)) == {"metric_relabel_configs"}
    wait_until(lambda: balance(pulseline) == 0, "nothing is lost")
    target = target_of(pulseline)
    assert (target["samples"], target["samplesPostMetricRelabeling"], target["seriesAdded"]) == (5, 3, 0)
    m = {name: v for (name, labels), v in pulseline.metrics().items() if not labels}
    assert m["pulseline_metric_relabel_runs_total"] == 5, "once for each series, however many scrapes"
    assert m["pulseline_metric_relabel_cache_series"] == 5
    assert m["pulseline_metric_relabel_uncached_total"] == 0


HISTOGRAM = b"""# TYPE request_seconds histogram
request_seconds_bucket{le="0.1",path="/a"} 3
request_seconds_bucket{le="+Inf",path="/a"} 5
request_seconds_sum{path="/a"} 2.5
request_seconds_count{path="/a"} 5
go_threads 3
"""


@pytest.mark.sanitized
def test_metric_relabeling_with_telegraf_schemas(pulseline, pages):
    pages.pages["/metrics"] = HISTOGRAM
    rules = [{"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
             {"source_labels": ["__name__"], "regex": "request_(.*)", "target_label": "__name__", "replacement": "web_$1"}]
    pulseline.config([job(schema, pages.address, metric_relabel_configs=rules, influx={"schema": schema})
                      for schema in ("telegraf1", "telegraf2")]).start()
    wait_until(lambda: len(pulseline.points_of("web_seconds", path="/a", job="telegraf1")) >= 3, "scrapes")
    wait_until(lambda: len(pulseline.points_of("prometheus", path="/a", job="telegraf2", le="0.1")) >= 3, "scrapes")
    (one, *_) = pulseline.points_of("web_seconds", path="/a", job="telegraf1")
    assert " 0.1=3,+Inf=5,sum=2.5,count=5 " in one
    assert any(" web_seconds_sum=2.5,web_seconds_count=5 " in p for p in pulseline.points_of("prometheus", path="/a"))
    assert not any("go_threads" in p or "request_" in p for p in pulseline.points())
    assert set(drops(pulseline)) == {"metric_relabel_configs"}


@pytest.mark.sanitized
def test_stale_markers(pulseline, pages):
    pages.pages["/metrics"] = b'disk_used{disk="a"} 1\ndisk_used{disk="b"} 2\nfans 3\n'
    pulseline.config([job("watched", pages.address, influx={"stale": "marker"}), job("other", pages.address)]).start()
    for name in ("watched", "other"):
        wait_until(lambda n=name: len(pulseline.points_of("fans", job=n)) >= 2, "scrapes")
    pages.pages["/metrics"] = b'disk_used{disk="a"} 1\ndisk_used{disk="b"\n'  # fails
    wait_until(lambda: pulseline.target("watched")["lastError"] and pulseline.target("other")["lastError"], "a bad page")
    assert not pulseline.points_of("pulseline_stale")
    pages.pages["/metrics"] = b'disk_used{disk="a"} 1\n'
    wait_until(lambda: pulseline.points_of("pulseline_stale", disk="b"), "the marker")
    ups = len(pulseline.points_of("up", job="watched"))
    wait_until(lambda: len(pulseline.points_of("up", job="watched")) >= ups + 2, "it is not repeated")
    markers = sorted(p.rsplit(" ", 1)[0] for p in pulseline.points_of("pulseline_stale"))
    assert markers == [f"pulseline_stale,disk=b,instance={pages.address},job=watched,metric=disk_used value=1",
                       f"pulseline_stale,instance={pages.address},job=watched,metric=fans value=1"]
    assert pulseline.metric("pulseline_scrape_stale_markers_total") == 2
    assert (pulseline.target("watched")["seriesAdded"], pulseline.target("other")["seriesAdded"]) == (0, None)
    assert pulseline.points_of("scrape_series_added", job="watched") and not pulseline.points_of("scrape_series_added", job="other")
    wait_until(lambda: balance(pulseline) == 0, "nothing is lost")


@pytest.mark.parametrize("limit, reason", [
    ({"label_limit": 4}, "metric http_requests_total has 5 labels (__name__ and the target's included); label_limit is 4"),
    ({"label_name_length_limit": 7}, "label __name__ of metric http_requests_total has a name of 8 bytes; "
                                     "label_name_length_limit is 7"),
    ({"label_value_length_limit": 18}, "label __name__ of metric http_requests_total has a value of 19 bytes; "
                                       "label_value_length_limit is 18"),
])
@pytest.mark.parametrize("of_global", [False, True])
def test_label_limits(pulseline, pages, limit, reason, of_global):
    pages.pages["/metrics"] = PAGE
    jobs = [job("web", pages.address, **({} if of_global else limit))]
    pulseline.config(jobs, **({"global": limit} if of_global else {})).start()
    wait_until(lambda: target_of(pulseline)["lastError"] != "", "a scrape failed")
    assert target_of(pulseline)["lastError"] == reason
    assert set(drops(pulseline)) == {"label_limit"}
    assert not pulseline.points_of("go_threads")
    wait_until(lambda: balance(pulseline) == 0, "nothing is lost")


@pytest.mark.sanitized
def test_series_limit(pulseline, pages):
    pages.pages["/metrics"] = b"".join(b'known{n="%d"} 1\n' % i for i in range(7))
    pulseline.config([job("web", pages.address, series_limit=10)]).start()
    wait_until(lambda: len(pulseline.points_of("known", n="6")) >= 1, "a scrape")
    assert "series_limit reached" not in pulseline.log()
    pages.pages["/metrics"] = b"".join(b'new{n="%d"} 1\n' % i for i in range(50)) + pages.pages["/metrics"]
    wait_until(lambda: target_of(pulseline)["seriesLimitOffenders"], "new series are refused")
    before = len(pulseline.points_of("known", n="6"))
    wait_until(lambda: len(pulseline.points_of("known", n="6")) >= before + 2, "known series stay")
    target = target_of(pulseline)
    assert target["health"] == "up"
    assert (target["knownSeries"], target["seriesLimit"]) == (10, 10)
    assert target["seriesLimitOffenders"] == [{"metric": "new", "dropped": 47}]
    assert {n for n in range(50) if pulseline.points_of("new", n=str(n))} == {0, 1, 2}
    assert set(drops(pulseline)) == {"series_limit"}
    wait_until(lambda: balance(pulseline) == 0, "nothing is lost")
    assert len(re.findall("series_limit reached", pulseline.log())) == 1
