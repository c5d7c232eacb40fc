"""`pulseline check metrics`: the real binary on pages that are right and pages that are not."""
import json
import os
import pathlib
import subprocess

import pytest

from daemon import BINARY


def check(page, *args):
    if isinstance(page, str):
        page = page.encode()
    return subprocess.run([BINARY, "check", "metrics", *args], input=page, capture_output=True, timeout=60)


def refuse(page, *args):
    """The one line that tells why."""
    p = check(page, *args)
    assert p.returncode == 1, f"accepted: {page!r}"
    assert p.stderr == b""
    lines = p.stdout.decode("ascii").splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# --- the public suite ---


def test_public_openmetrics_suite():
    folder = os.environ.get("OPENMETRICS_SUITE")
    if not folder:
        pytest.skip("set OPENMETRICS_SUITE to tests/testdata/parsers of a checkout of https://github.com/prometheus/OpenMetrics")
    right = {True: 0, False: 0}
    wrong, total = [], {True: 0, False: 0}
    for case in sorted(pathlib.Path(folder).iterdir()):
        description = json.loads((case / "test.json").read_text())
        must_parse = description["shouldParse"]
        p = check((case / description["file"]).read_bytes(), "--format=openmetrics")
        assert p.returncode in (0, 1), f"{case.name}: {p.returncode}: {p.stderr}"
        total[must_parse] += 1
        if (p.returncode == 0) == must_parse:
            right[must_parse] += 1
        else:
            wrong.append(f"{case.name}: {p.stdout.decode()}")
    print(f"{right[True]} of {total[True]} that must parse, {right[False]} of {total[False]} that must not")
    assert total[True] > 0 and total[False] > 0, f"no cases in {folder}"
    assert not wrong


# --- our own cases, one or more for each class of error ---

HISTOGRAM = "# TYPE rtt histogram\n"

RIGHT = {
    "nothing": "",
    "without metadata": "up 1\n",
    "metadata in any order": "# UNIT rtt_seconds seconds\n# HELP rtt_seconds round trip\n# TYPE rtt_seconds gauge\nrtt_seconds 0.25\n",
    "metadata without samples": "# HELP later \n",
    "every type": (
        "# TYPE hits counter\nhits_total{path=\"/\"} 17 1700000000.5 # {trace=\"f00\"} 1 1700000000\nhits_created{path=\"/\"} 1.7e9 1700000000.5\n"
        "# TYPE heat gauge\nheat -3.5\n"
        "# TYPE rtt histogram\nrtt_bucket{le=\"0.5\"} 3 # {trace=\"f00\"} 0.2\nrtt_bucket{le=\"+Inf\"} 4\nrtt_count 4\nrtt_sum 2.5\n"
        "# TYPE pool gaugehistogram\npool_bucket{le=\"10\"} 3\npool_bucket{le=\"+Inf\"} 3\npool_gcount 3\npool_gsum 12\n"
        "# TYPE wait summary\nwait{quantile=\"0.99\"} 0.5\nwait_count 2\nwait_sum 0.6\n"
        "# TYPE build info\nbuild_info{version=\"1.2\"} 1\n"
        "# TYPE mode stateset\nmode{mode=\"fast\"} 1\nmode{mode=\"slow\"} 0\n"
        "# TYPE misc unknown\nmisc NaN\n"),
    "characters": "a{text=\"\\\"quoted\\\" \\\\ \\n {=,} # gr\u00fc\u00df\"} +Inf\n",
    "times that repeat and rise": "a 1 0.5\na 2 0.5\na 3 1e3\n",
}

WRONG = {
    "no value": ("up\n", "1:3: "),
    "no number": ("up yes\n", "1:4: "),
    "hexadecimal": ("up 0x11\n", "1:4: "),
    "underscore": ("up 1_000\n", "1:4: "),
    "two spaces": ("up  1\n", "1:4: "),
    "leading space": (" up 1\n", "1:1: "),
    "trailing space": ("up 1 \n", "1:6: "),
    "tab": ("up\t1\n", "1:3: "),
    "carriage return": ("up 1\r\n", "1:4: "),
    "empty line": ("up 1\n\n", "2:1: "),
    "name with a dot": ("node.up 1\n", "1:5: "),
    "name with a digit first": ("4th 1\n", "1:1: "),
    "label name with a digit first": ("up{4th=\"\"} 1\n", "1:4: "),
    "label without value": ("up{job} 1\n", "1:7: "),
    "label in single quotes": ("up{job='x'} 1\n", "1:8: "),
    "label without quotes": ("up{job=x} 1\n", "1:8: "),
    "quotes that do not close": ("up{job=\"x} 1\n", "1:8: "),
    "no comma": ("up{job=\"x\"id=\"y\"} 1\n", "1:11: "),
    "two commas": ("up{job=\"x\",,id=\"y\"} 1\n", "1:12: "),
    "comma at the end": ("up{job=\"x\",} 1\n", "1:12: "),
    "label twice": ("up{job=\"x\",job=\"y\"} 1\n", "1:12: "),
    "no space behind labels": ("up{job=\"x\"}1\n", "1:12: "),
    "timestamp that is a word": ("up 1 now\n", "1:6: "),
    "timestamp NaN": ("up 1 NaN\n", "1:6: "),
    "timestamp with two points": ("up 1 1.2.3\n", "1:6: "),
    "comment": ("# just a note\n", "1:3: "),
    "comment without space": ("#note\n", "1:2: "),
    "help without name": ("# HELP \n", "1:8: "),
    "help without text": ("# HELP up\n", "1:10: "),
    "unknown type": ("# TYPE up boolean\n", "1:11: "),
    "text format's type": ("# TYPE up untyped\n", "1:11: "),
    "type with a space behind": ("# TYPE up gauge \n", "1:16: "),
    "unit that the name lacks": ("# UNIT rtt seconds\n", "1:12: "),
    "unit of an info": ("# TYPE rtt_s info\n# UNIT rtt_s s\n", "2:14: "),
    "help twice": ("# HELP up x\n# HELP up x\n", "2:8: "),
    "type twice": ("# TYPE up gauge\n# TYPE up gauge\n", "2:8: "),
    "type behind samples": ("up 1\n# TYPE up gauge\n", "2:8: "),
    "family in two parts": ("up 1\nother 1\nup{job=\"x\"} 1\n", "3:1: "),
    "names that clash": ("# TYPE hits_total gauge\n# TYPE hits counter\n", "2:8: "),
    "label sets that are mixed": ("up{job=\"x\"} 1\nup{job=\"y\"} 1\nup{job=\"x\"} 2\n", "3:1: "),
    "series twice": ("up 1\nup 1\n", "2:1: "),
    "time that goes back": ("up 1 10\nup 1 9.9\n", "2:1: "),
    "time on some": ("up 1 10\nup 1\n", "2:1: "),
    "counter below 0": ("# TYPE hits counter\nhits_total -1\n", "2:12: "),
    "counter NaN": ("# TYPE hits counter\nhits_total NaN\n", "2:12: "),
    "counter without suffix": ("# TYPE hits counter\nhits 1\n", "2:1: "),
    "summary without quantile": ("# TYPE wait summary\nwait 1\n", "2:1: "),
    "quantile above 1": ("# TYPE wait summary\nwait{quantile=\"99\"} 1\n", "2:16: "),
    "stateset without its label": ("# TYPE mode stateset\nmode 1\n", "2:1: "),
    "state that is 2": ("# TYPE mode stateset\nmode{mode=\"x\"} 2\n", "2:16: "),
    "info that is 0": ("# TYPE build info\nbuild_info 0\n", "2:12: "),
    "bucket without le": (HISTOGRAM + "rtt_bucket 1\n", "2:1: "),
    "no last bucket": (HISTOGRAM + "rtt_bucket{le=\"1\"} 1\n", "2:1: "),
    "last bucket misspelt": (HISTOGRAM + "rtt_bucket{le=\"+inf\"} 1\n", "2:16: "),
    "buckets out of order": (HISTOGRAM + "rtt_bucket{le=\"5\"} 1\nrtt_bucket{le=\"1\"} 1\n", "3:16: "),
    "buckets that fall": (HISTOGRAM + "rtt_bucket{le=\"5\"} 3\nrtt_bucket{le=\"+Inf\"} 2\n", "3:23: "),
    "count unlike the last bucket": (HISTOGRAM + "rtt_bucket{le=\"+Inf\"} 3\nrtt_count 2\nrtt_sum 1\n", "4:1: "),
    "sum without count": (HISTOGRAM + "rtt_bucket{le=\"+Inf\"} 3\nrtt_sum 1\n", "3:1: "),
    "sum beside a bucket below 0": (HISTOGRAM + "rtt_bucket{le=\"-1\"} 0\nrtt_bucket{le=\"+Inf\"} 1\nrtt_count 1\nrtt_sum 1\n", "5:1: "),
    "exemplar on a gauge": ("# TYPE heat gauge\nheat 1 # {id=\"1\"} 1\n", "2:8: "),
    "exemplar on a sum": (HISTOGRAM + "rtt_sum 1 # {id=\"1\"} 1\n", "2:11: "),
    "exemplar without labels": ("# TYPE hits counter\nhits_total 1 # 1\n", "2:15: "),
    "exemplar without value": ("# TYPE hits counter\nhits_total 1 # {}\n", "2:18: "),
    "exemplar with time NaN": ("# TYPE hits counter\nhits_total 1 # {} 1 NaN\n", "2:21: "),
    "exemplar too long": ("# TYPE hits counter\nhits_total 1 # {id=\"" + 127 * "\u00e9" + "\"} 1\n", "2:14: "),
    "not UTF-8": (b"up{job=\"\xe9\"} 1\n", "1:9: "),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_openmetrics(name):
    p = check(RIGHT[name] + "# EOF\n", "--format=openmetrics")
    assert (p.returncode, p.stdout) == (0, b""), p.stdout


@pytest.mark.parametrize("name", WRONG)
def test_wrong_openmetrics(name):
    page, place = WRONG[name]
    page = page if isinstance(page, bytes) else page.encode()
    line = refuse(page + b"# EOF\n", "--format=openmetrics")
    assert line.startswith(place) and len(line) > len(place) + 10


@pytest.mark.parametrize("page, place", [("", "1:1: "), ("up 1\n", "2:1: "), ("up 1\n# EO", "2:5: "), ("# EOF\nup 1\n", "2:1: "),
                                         ("# EOF\n ", "2:1: "), ("# EOFx\n", "1:3: ")])
def test_wrong_end_of_openmetrics(page, place):
    assert refuse(page, "--format=openmetrics").startswith(place)


# --- text 0.0.4 ---


def test_node_exporters_page(node_exporter):
    page = node_exporter.page()
    p = check(page)
    assert p.returncode == 0, p.stdout
    samples = sum(1 for line in page.splitlines() if line and not line.startswith("#"))
    assert f"{samples} samples" in p.stderr.decode()


TEXT_RIGHT = ["", "\n# a note\n\nup 1\n", " up\t{ job = \"x\" , } 1 -5 \n", "# TYPE up untyped\nup{job=\"x\"} NaN\nup{job=\"y\"} -Inf\n",
              "# TYPE hits counter\nhits -1\n"]
TEXT_WRONG = {
    "cut": ("up 1\nload 12", "2:8: "),
    "carriage return": ("up 1\r\n", "1:4: "),
    "type twice": ("# TYPE up gauge\n# TYPE up gauge\n", "2:8: "),
    "help twice": ("# HELP up x\n# HELP up x\n", "2:8: "),
    "type behind samples": ("up 1\n# TYPE up gauge\n", "2:8: "),
    "OpenMetrics' type": ("# TYPE up unknown\n", "1:11: "),
    "series twice": ("up{a=\"1\",b=\"2\"} 1\nup{b=\"2\",a=\"1\"} 1\n", "2:1: "),
    "family in two parts": ("up 1\nother 1\nup{job=\"x\"} 1\n", "3:1: "),
    "no last bucket": (HISTOGRAM + "rtt_bucket{le=\"1\"} 1\nrtt_sum 1\nrtt_count 1\n", "4:1: "),
    "fraction of a millisecond": ("up 1 1.5\n", "1:6: "),
    "beyond a double": ("up 1e999\n", "1:4: "),
    "name in quotes": ("{\"node.up\"} 1\n", "1:1: "),
    "not UTF-8": (b"up{job=\"\xff\"} 1\n", "1:9: "),
    "protobuf": (b"\x8f\x01\x0a\x0bgo_routines\n", "1:1: "),
    "a web page": ("<!DOCTYPE html>\n", "1:1: "),
}


@pytest.mark.parametrize("page", TEXT_RIGHT)
def test_right_text(page):
    p = check(page, "--format=prom")
    assert (p.returncode, p.stdout) == (0, b""), p.stdout


@pytest.mark.parametrize("name", TEXT_WRONG)
def test_wrong_text(name):
    page, place = TEXT_WRONG[name]
    assert refuse(page).startswith(place)


def test_long_line_is_refused():
    assert refuse(b"up{a=\"" + b"x" * (2 << 20) + b"\"} 1\n").startswith("1:1048577: ")


def test_many_labels_are_refused():
    page = "up{" + ",".join(f"l{i}=\"\"" for i in range(200)) + "} 1\n"
    assert "128 labels" in refuse(page)


# --- the command ---


def test_summary_and_quiet():
    p = check("# TYPE up gauge\nup 1\nload 2\n")
    assert (p.returncode, p.stdout, p.stderr) == (0, b"", b"standard input: right: 2 families, 2 samples\n")
    p = check("up 1\n", "-q")
    assert (p.returncode, p.stdout, p.stderr) == (0, b"", b"")


def test_files(tmp_path):
    right, wrong, missing = tmp_path / "right", tmp_path / "wrong", tmp_path / "missing"
    right.write_text("up 1\n")
    wrong.write_text("up\n")
    p = check("", wrong, right, missing, tmp_path, "-")
    assert p.returncode == 1
    assert p.stdout.decode().startswith(f"{wrong}:1:3: expected ")
    assert p.stdout.count(b"\n") == 1
    told = p.stderr.decode()
    assert f"{right}: right: 1 family, 1 sample\n" in told
    assert f"{missing}: cannot open: No such file or directory\n" in told
    assert f"{tmp_path}: cannot read: Is a directory\n" in told
    assert "standard input: right: 0 families, 0 samples\n" in told
    assert check("", right).returncode == 0


@pytest.mark.parametrize("args", [["--format=json"], ["--format"], ["--unknown"], ["-x"]])
def test_usage(args):
    p = check("up 1\n", *args)
    assert (p.returncode, p.stdout) == (2, b"")
    assert p.stderr


def test_help():
    p = check("", "--help")
    assert (p.returncode, p.stderr) == (0, b"")
    for word in ("usage:", "--format=openmetrics", "curl", "Exit:"):
        assert word in p.stdout.decode()


def test_full_output_fails():
    with open("/dev/full", "wb") as full:
        p = subprocess.run([BINARY, "check", "metrics"], input=b"up\n", stdout=full, timeout=60)
    assert p.returncode == 1
