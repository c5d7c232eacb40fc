"""From a page to a database: nothing missing, nothing added, nothing changed."""
import json
import math
import os

import pytest

from daemon import job
from exposition import parse_page
from harness import wait_until

OWN_SERIES = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
              "scrape_series_added", "scrape_samples_dropped"}

# label value on the page -> tag value in InfluxDB: what line protocol cannot carry becomes an underscore, see lineproto.h
AWKWARD = {
    "plain": "plain",
    "with space": "with space",
    "comma,equals=quote\\\"": 'comma,equals=quote"',
    "back\\\\slash": "back\\slash",
    "C:\\\\dir\\\\": "C:\\dir_",
    "two\\nlines": "two_lines",
    "\u00e4\u00f6\u00fc \u65e5\u672c \U0001f600": "\u00e4\u00f6\u00fc \u65e5\u672c \U0001f600",
    "": None,  # InfluxDB has no empty tags
    "{braces} # and hash": "{braces} # and hash",
}


def influxdb(influxd, database, **more):
    return [{"influxdb": {"url": influxd.url, "database": database, "create_database": True, **more}}]


def expected_points(text, **target_labels):
    """(measurement, tags) -> number, as the page says it; NaN and infinities cannot be stored."""
    expected = {}
    for s in parse_page(text):
        if math.isfinite(float(s.value)):
            tags = dict(s.labels) | target_labels
            expected[(s.name, tuple(sorted((k, v) for k, v in tags.items() if v != "")))] = float(s.value)
    return expected


def stored_points(influxd, database):
    return {k: v for k, v in influxd.points(database).items() if k[0] not in OWN_SERIES}


@pytest.mark.sanitized
def test_every_sample_of_a_real_page_is_stored(pulseline, node_exporter, pages, influxd, database, tmp_path):
    text = node_exporter.page()
    pages.pages["/metrics"] = text.encode()
    (tmp_path / "node.json").write_text(json.dumps([{"targets": [pages.address], "labels": {"rack": "r 1"}}]))
    jobs = [{"job_name": "node", "file_sd_configs": [{"files": [str(tmp_path / "*.json")]}]}]
    pulseline.config(jobs, influxdb(influxd, database)).start()

    expected = expected_points(text, job="node", instance=pages.address, rack="r 1")
    assert len(expected) > 300
    wait_until(lambda: len(stored_points(influxd, database)) >= len(expected), "a page is in InfluxDB")
    assert pulseline.end() == 0
    stored = stored_points(influxd, database)
    assert set(stored) == set(expected)
    wrong = {k: (set(v.values()), expected[k]) for k, v in stored.items() if set(v.values()) != {expected[k]}}
    assert not wrong

    own = (("instance", pages.address), ("job", "node"), ("rack", "r 1"))
    points = influxd.points(database)
    assert set(points[("up", own)].values()) == {1}
    assert set(points[("scrape_samples_scraped", own)].values()) == {len(parse_page(text))}
    assert set(points[("scrape_samples_dropped", own)].values()) == {0}
    moments = set(points[("up", own)])
    assert all(set(v) <= moments for v in stored.values()), "all samples of a scrape carry its time"


def test_a_live_node_exporter_found_by_file(pulseline, node_exporter, influxd, database, tmp_path):
    (tmp_path / "node.yml").write_text(f"- targets: ['{node_exporter.address}']\n  labels: {{dc: eu1}}\n")
    jobs = [{"job_name": "node", "file_sd_configs": [{"files": [str(tmp_path / "node.yml")]}]}]
    pulseline.config(jobs, influxdb(influxd, database)).start()
    tags = {"job": "node", "instance": node_exporter.address, "dc": "eu1"}
    wait_until(lambda: influxd.count(database, "up") >= 3, "three scrapes are stored")

    page = expected_points(node_exporter.page(), **tags)
    stored = stored_points(influxd, database)
    steady = [k for k in page if k[0] in ("node_memory_MemTotal_bytes", "node_uname_info", "node_boot_time_seconds",
                                          "node_filesystem_size_bytes", "node_exporter_build_info")]
    assert len(steady) >= 4
    for key in steady:
        assert set(stored[key].values()) == {page[key]}, key
    uname = next(dict(tags) for name, tags in stored if name == "node_uname_info")
    assert uname["nodename"] == os.uname().nodename
    # Collectors may come and go between two scrapes; nearly all series must be the page's.
    assert len(set(stored) & set(page)) > 0.9 * len(page)


@pytest.mark.sanitized
def test_awkward_labels_values_and_times(pulseline, pages, influxd, database):
    lines = [f'awkward{{v="{raw}"}} {i}' for i, raw in enumerate(AWKWARD)]
    lines += ["# TYPE odd gauge", "odd_plus +1.5", "odd_exp 1e-7", "odd_big 1.7976931348623157e308",
              "odd_tiny 5e-324", "odd_neg -0", "odd_nan NaN", "odd_inf +Inf", "odd_minus_inf -Inf",
              "timed 7 1700000000123", 'job_label{job="theirs",instance="theirs"} 1']
    pages.pages["/metrics"] = ("\n".join(lines) + "\n").encode()
    pulseline.config([job("awkward", pages.address)], influxdb(influxd, database)).start()
    wait_until(lambda: influxd.count(database, "scrape_samples_dropped") > 0, "a scrape is stored")

    points = influxd.points(database)
    target = {"job": "awkward", "instance": pages.address}

    def only(name, **tags):
        values = points[(name, tuple(sorted((target | tags).items())))]
        assert len(set(values.values())) == 1
        return next(iter(values.values()))

    for i, tag in enumerate(AWKWARD.values()):
        assert only("awkward", **({"v": tag} if tag is not None else {})) == i
    assert only("odd_plus") == 1.5
    assert only("odd_exp") == 1e-7
    assert only("odd_big") == 1.7976931348623157e308
    assert only("odd_tiny") == 5e-324
    assert only("odd_neg") == 0
    assert not [k for k in points if k[0] in ("odd_nan", "odd_inf", "odd_minus_inf")]
    assert only("scrape_samples_dropped") == 3
    assert only("scrape_samples_scraped") == len(lines) - 1
    assert list(points[("timed", tuple(sorted(target.items())))]) == [1700000000123000000]
    assert only("job_label", exported_job="theirs", exported_instance="theirs") == 1


def test_openmetrics_by_content_type(pulseline, pages, influxd, database):
    text = "# TYPE requests counter\n# HELP requests All.\nrequests_total{code=\"200\"} 17.0 1700000000.5 # {trace=\"a\"} 1.0\n# EOF\n"
    pages.pages["/metrics"] = (text.encode(), "application/openmetrics-text; version=1.0.0; charset=utf-8")
    pulseline.config([job("om", pages.address)], influxdb(influxd, database)).start()
    wait_until(lambda: influxd.count(database, "requests_total") > 0, "the counter is stored")
    (key, values), = stored_points(influxd, database).items()
    assert key == ("requests_total", tuple(sorted({"code": "200", "job": "om", "instance": pages.address}.items())))
    assert values == {1700000000500000000: 17}


def test_routes_of_jobs_lead_to_their_databases(pulseline, pages, influxd, database):
    pages.pages["/metrics"] = b"routed 1\n"
    other = f"{database}_b"
    jobs = [job("a", pages.address), job("b", pages.address, influx={"database": other})]
    try:
        pulseline.config(jobs, influxdb(influxd, database)).start()
        wait_until(lambda: influxd.count(database, "routed") and influxd.count(other, "routed"), "both databases have points")
        for name, jobname in ((database, "a"), (other, "b")):
            assert {dict(tags)["job"] for _, tags in stored_points(influxd, name)} == {jobname}
    finally:
        influxd.query(f'DROP DATABASE "{other}"')
