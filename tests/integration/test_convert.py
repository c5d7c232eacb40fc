"""`pulseline convert`, `pulseline check lp`, and the schemas in the daemon: the real binary, and what a real influxd takes of it."""
import json
import subprocess

import pytest
import requests

from daemon import BINARY, job
from harness import wait_until

SCHEMAS = ("kapacitor", "telegraf1", "telegraf2")
POLICIES = ("drop", "zero", "tag")

PAGE = """\
# TYPE rtt histogram
rtt_bucket{verb="GET",le="0.10"} 1
rtt_bucket{verb="GET",le="+Inf"} 3
rtt_sum{verb="GET"} 4.5
rtt_count{verb="GET"} 3
# TYPE load gauge
load 0.5 2000
broken NaN
"""

LINES = {
    "kapacitor": """\
rtt_bucket,verb=GET,le=0.10,job=n value=1 1000
rtt_bucket,verb=GET,le=+Inf,job=n value=3 1000
rtt_sum,verb=GET,job=n value=4.5 1000
rtt_count,verb=GET,job=n value=3 1000
load,job=n value=0.5 2000000000
""",
    "telegraf1": """\
rtt,verb=GET,job=n 0.1=1,+Inf=3,sum=4.5,count=3 1000
load,job=n gauge=0.5 2000000000
""",
    "telegraf2": """\
prometheus,verb=GET,job=n,le=0.1 rtt_bucket=1 1000
prometheus,verb=GET,job=n,le=+Inf rtt_bucket=3 1000
prometheus,verb=GET,job=n rtt_sum=4.5,rtt_count=3 1000
prometheus,job=n load=0.5 2000000000
""",
}


def hostile_page():
    values = ["plain", "with space", "a,b=c", 'say \\"x\\"', "back\\\\slash", "end\\\\", "\\\\ = \\\"", "two\\nlines", "\u65e5\u672c",
              "", "#", "\t", "\u2028", "\x7f", "=", ",", "\\\\,", "x" * 60000, "y" * 70000]
    numbers = ["1", "-0", "+5", ".5", "5.", "1e308", "-1e400", "NaN", "+Inf", "4.9e-324", "0.1234567890123456789012345"]
    lines = []
    for i, value in enumerate(values):
        number = numbers[i % len(numbers)]
        lines += [f'gauge_{i}{{path="{value}",time="{value}",special="{value}"}} {number}', f'time{{path="{value}"}} {number}']
    lines.append("# TYPE h histogram")
    for i, value in enumerate(values):
        for le in ("0.10", "1", "1e6", "-Inf", "none", ""):
            lines.append(f'h_bucket{{path="{value}",le="{le}"}} {numbers[i % len(numbers)]}')
        lines += [f'h_sum{{path="{value}"}} NaN', f'h_count{{path="{value}"}} 3']
    lines.append("# TYPE time summary")
    lines += ['time{quantile="0.5"} NaN', 'time{quantile="0.99"} 1', "time_sum -Inf", "time_count 2", "time 3"]
    lines.append("# TYPE job counter")
    lines += [f'job{{le="a",job="{v}",quantile="b",field="time"}} {n}' for v, n in zip(values, numbers)]
    lines.append("# TYPE wide histogram")
    lines += [f'wide_bucket{{le="{i}"}} {i}' for i in range(3000)]
    return "\n".join(lines) + "\n"


def run(*args, page=""):
    return subprocess.run([BINARY, *args], input=page.encode() if isinstance(page, str) else page, capture_output=True, timeout=60)


def convert(*args, page):
    return run("convert", "--now=1000", *args, page=page)


def check_lp(text, *args):
    return run("check", "lp", *args, page=text)


# --- convert ---


@pytest.mark.parametrize("schema", SCHEMAS)
def test_convert_writes_each_schema(schema):
    p = convert(f"--schema={schema}", "--tag", "job=n", page=PAGE)
    assert p.returncode == 0
    assert p.stdout.decode() == LINES[schema]
    points = LINES[schema].count("\n")
    assert p.stderr.decode() == f"standard input: 6 samples, {points} points; 1 left out: NaN cannot be stored in InfluxDB\n"
    assert convert(f"--schema={schema}", "-q", page=PAGE).stderr == b""


def test_convert_takes_files_and_stdin(tmp_path):
    page = tmp_path / "page.txt"
    page.write_text("a 1\n")
    p = run("convert", "--now=5", "-q", str(page), "-", page="b 2\n")
    assert (p.returncode, p.stdout) == (0, b"a value=1 5\nb value=2 5\n")
    p = run("convert", "--now=5", "-q", str(tmp_path / "missing"), str(page))
    assert (p.returncode, p.stdout) == (1, b"a value=1 5\n")
    assert b"missing: cannot open" in p.stderr


def test_convert_says_where_a_page_is_wrong(tmp_path):
    p = convert("--schema=telegraf1", page='# TYPE h histogram\nh_count 1\nh_sum 2\na{ 1\n')
    assert p.returncode == 1
    assert p.stdout == b"h count=1,sum=2 1000\n"
    assert p.stderr.decode().startswith("4:4: ") and p.stderr.count(b"\n") == 1
    (tmp_path / "bad").write_text("a 1\nb")
    p = convert(str(tmp_path / "bad"), page="")
    assert p.returncode == 1 and p.stderr.decode().startswith(f"{tmp_path}/bad:2:2: ")
    assert convert("--format=openmetrics", page="a 1\n").returncode == 1
    assert convert("--format=openmetrics", page="a 1\n# EOF\n").stdout == b"a value=1 1000\n"


def test_convert_options():
    page = 'up{job="mine"} NaN\n'
    assert convert("--nan=zero", page=page).stdout == b"up,job=mine value=0 1000\n"
    assert convert("--nan=tag", "--tag=job=n", page=page).stdout == b"up,exported_job=mine,job=n,special=NaN value=0 1000\n"
    assert convert("--nan=zero", "--tag=job=n", "--honor-labels", page=page).stdout == b"up,job=mine value=0 1000\n"
    assert convert("--schema=telegraf2", "--measurement=m", page="a 1\n").stdout == b"m a=1 1000\n"
    for wrong in (["--schema=telegraf3"], ["--format=xml"], ["--now=soon"], ["--tag=1=2"], ["--tag=a"], ["--nan=keep"], ["--wat"],
                  ["--measurement=m"]):
        p = convert(*wrong, page="")
        assert (p.returncode, p.stdout) == (2, b"") and p.stderr != b"", wrong
    p = run("convert", "--help")
    assert p.returncode == 0 and b"usage: pulseline convert" in p.stdout
    assert run("convert", "--now=1", "-q", page="").stdout == b""


def test_convert_fails_when_nobody_takes_the_lines():
    with open("/dev/full", "wb") as full:
        p = subprocess.run([BINARY, "convert", "-q"], input=b"a 1\n", stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert p.returncode == 1 and b"cannot write" in p.stderr


# --- check lp ---


def test_check_lp_gives_a_verdict_for_each_line(tmp_path):
    text = "a b=1\nx\n\n# c\na,time=1 v=1\nz v=1 5"
    p = check_lp(text)
    assert p.returncode == 1
    lines = p.stdout.decode().splitlines()
    assert [line for line in lines if line.endswith(": ok")] == ["1: ok", "3: ok", "4: ok", "6: ok"]
    assert lines[1].startswith("2:2: ") and lines[4].startswith("5:3: ") and len(lines) == 6
    assert p.stderr == b"standard input: 6 lines, 2 points, 2 wrong\n"

    assert check_lp(text, "-q").stdout.decode().splitlines() == [lines[1], lines[4]]
    said = [json.loads(line) for line in check_lp(text, "--json").stdout.splitlines()]
    assert [(o["line"], o["ok"]) for o in said] == [(1, True), (2, False), (3, True), (4, True), (5, False), (6, True)]
    assert said[1]["column"] == 2 and said[1]["reason"] and "file" not in said[1]

    good, bad = tmp_path / "good.lp", tmp_path / "bad \"1\".lp"
    good.write_text("a b=1\n")
    bad.write_text("a b=NaN\n")
    p = check_lp("", str(good), str(bad))
    assert p.returncode == 1 and p.stdout.decode().startswith(f"{good}:1: ok\n{bad}:1:")
    said = [json.loads(line) for line in check_lp("", "--json", str(good), str(bad)).stdout.splitlines()]
    assert [(o["file"], o["ok"]) for o in said] == [(str(good), True), (str(bad), False)]


def test_check_lp_statuses(tmp_path):
    p = check_lp("a b=1\n", "-q")
    assert (p.returncode, p.stdout, p.stderr) == (0, b"", b"")
    assert check_lp("").returncode == 0
    assert check_lp("", str(tmp_path / "missing")).returncode == 1
    assert check_lp("", "--wat").returncode == 2
    assert b"usage: pulseline check lp" in check_lp("", "--help").stdout


def test_check_lp_reads_lines_of_any_length():
    p = check_lp("a s=\"" + "x" * 200000 + "\"\n" + "b," + "y" * (17 << 20) + "\nc d=1\n")
    assert p.stdout.decode() == f"1: ok\n2:{(16 << 20) + 1}: longer than 16 MiB\n3: ok\n"


# --- against InfluxDB ---


def cells(lines):
    """What the lines say: {(series, field, time)}; field keys of these pages hold no commas or spaces."""
    found = set()
    for line in lines.decode().split("\n")[:-1]:
        rest, time = line.rsplit(" ", 1)
        series, fields = rest.rsplit(" ", 1)
        found |= {(series, f.split("=")[0], time) for f in fields.split(",")}
    return found


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("schema", SCHEMAS)
def test_influxd_takes_every_line_of_a_hostile_page(influxd, database, schema, policy):
    p = convert(f"--schema={schema}", f"--nan={policy}", "--tag=job=n", "--tag=instance=h 1", "--tag=le=t", page=hostile_page())
    assert p.returncode == 0, p.stderr
    assert check_lp(p.stdout, "-q").returncode == 0
    influxd.query(f'CREATE DATABASE "{database}"')
    answer = requests.post(f"{influxd.url}/write?db={database}", data=p.stdout, timeout=60)
    assert (answer.status_code, answer.text) == (204, "")
    stored = 0
    for s in influxd.query("SELECT * FROM /.*/ GROUP BY *", database):
        stored += sum(1 for row in s["values"] for cell in row[1:] if cell is not None)
    assert stored == len(cells(p.stdout)) > 100


# --- in the daemon ---


def test_the_daemon_writes_each_schema(pulseline, pages):
    pages.pages["/metrics"] = PAGE.encode() + b'# TYPE cut histogram\ncut_bucket{le="1"} 1\n'
    jobs = [job(schema, pages.address, influx={"schema": schema, "nan": "tag"}) for schema in SCHEMAS]
    jobs[2]["influx"]["measurement"] = "all"
    pulseline.config(jobs).start()

    def complete():
        return all(pulseline.points_of(m, job=s) for m, s in (("broken", "kapacitor"), ("rtt", "telegraf1"), ("all", "telegraf2")))

    wait_until(complete, "each job has written")
    assert pulseline.metric("pulseline_scrape_samples_merged_total") > 0
    assert pulseline.metric("pulseline_scrape_points_in_parts_total") == 0

    def adds_up():
        names = ("samples", "own_points", "points_added", "points", "samples_merged", "samples_dropped")
        page = pulseline.metrics()
        n = {name: sum(v for (m, _), v in page.items() if m == f"pulseline_scrape_{name}_total") for name in names}
        return n["samples"] + n["own_points"] + n["points_added"] == n["points"] + n["samples_merged"] + n["samples_dropped"]

    wait_until(adds_up, "the account adds up")
    assert pulseline.end() == 0
    at = f"instance={pages.address}"
    fields = {line.rsplit(" ", 1)[0] for line in pulseline.points()}
    assert {f"broken,{at},job=kapacitor,special=NaN value=0", f"rtt,verb=GET,{at},job=telegraf1 0.1=1,+Inf=3,sum=4.5,count=3",
            f"up,{at},job=telegraf1 gauge=1", f"all,verb=GET,{at},job=telegraf2 rtt_sum=4.5,rtt_count=3",
            f"all,{at},job=telegraf2 up=1"} <= fields


def test_a_bad_page_leaves_nothing_half_gathered(pulseline, pages):
    pages.pages["/metrics"] = b"# TYPE h histogram\nh_count 1\nh_sum 2\nnonsense{\n"
    pulseline.config([job("n", pages.address, influx={"schema": "telegraf1"})]).start()
    wait_until(lambda: len(pulseline.points_of("up")) >= 2, "two scrapes failed")
    assert pulseline.end() == 0
    assert pulseline.points_of("h") == []
    assert all(" gauge=0 " in line for line in pulseline.points_of("up"))


def test_aligned_timestamps(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\nb 2 1234\n"
    pulseline.config([job("n", pages.address, influx={"align_timestamps": True, "timestamp_offset": "250ms"})]).start()
    wait_until(lambda: len(pulseline.points_of("a")) >= 3, "three scrapes")
    assert pulseline.end() == 0
    times = [int(line.rsplit(" ", 1)[1]) for line in pulseline.points_of("a")]
    assert {t % 1_000_000_000 for t in times} == {250_000_000}
    assert len(set(times)) == len(times)
    assert {line.rsplit(" ", 1)[1] for line in pulseline.points_of("b")} == {"1234000000"}


def test_measurement_is_refused_with_other_schemas(tmp_path):
    config = tmp_path / "c.yml"
    config.write_text("scrape_configs:\n- job_name: a\n  influx: {schema: telegraf1, measurement: m}\n")
    p = run("check", "config", str(config))
    assert p.returncode != 0 and b"telegraf2 alone" in p.stdout + p.stderr
