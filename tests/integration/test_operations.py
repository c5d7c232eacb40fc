"""Start, stop, reload, and what the daemon says about itself."""
import itertools
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import threading

import pytest
import requests

from daemon import BINARY, job
from exposition import parse_page
from harness import ROOT, free_port, wait_until
from servers import FAULTS, head
from test_outputs import Counter

# --- start ---


@pytest.mark.sanitized
def test_healthy_ready_and_healthcheck(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\n"
    pulseline.config([job("a", pages.address)]).start()
    assert pulseline.get("/-/healthy").status_code == 200
    assert pulseline.get("/-/ready").status_code == 200
    done = subprocess.run([BINARY, "healthcheck", pulseline.url("/-/ready")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([BINARY, "healthcheck", f"http://127.0.0.1:{free_port()}/-/ready"], capture_output=True, text=True)
    assert done.returncode == 1 and "refused" in done.stderr.lower(), done


def test_a_port_in_use_is_named(pulseline):
    with socket.create_server(("127.0.0.1", pulseline.port)):
        pulseline.config([]).start(ready=False)
        pulseline.expected_exit = 4
        wait_until(lambda: not pulseline.running(), "it ends")
    assert f"127.0.0.1:{pulseline.port}" in pulseline.log()
    assert pulseline.p.returncode == 4


def test_a_bad_configuration_is_refused_with_every_problem(pulseline):
    pulseline.config([])
    pulseline.config_path.write_text("scrape_configs:\n- job_name: a\n  scrape_intervall: 15s\n- job_name: a\n  scrape_interval: 15x\n")
    pulseline.start(ready=False)
    pulseline.expected_exit = 3
    wait_until(lambda: not pulseline.running(), "it ends")
    assert pulseline.p.returncode == 3
    log = pulseline.log()
    for problem in (r"pulseline\.yml:3:3: .*scrape_intervall.*scrape_interval", r"pulseline\.yml:4:\d+: .*job_name", r"pulseline\.yml:5:\d+: .*15x"):
        assert re.search(problem, log), (problem, log)


def test_a_missing_configuration_is_named(pulseline):
    pulseline.start(ready=False)
    pulseline.expected_exit = 3
    wait_until(lambda: not pulseline.running(), "it ends")
    assert "pulseline.yml" in pulseline.log()


def test_unknown_words_are_usage_errors():
    for args in (["runn"], ["run", "--frob"], ["check", "confg"], ["run", "extra"]):
        done = subprocess.run([BINARY, *args], capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr, args
    done = subprocess.run([BINARY, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "usage" in done.stdout


# --- signals ---


def test_hup_in_the_first_moment(pulseline, pages):
    """HUP is sent as soon as the program holds it back, long before it can reload. (Not with a sanitizer, whose own start holds signals
    back for a moment and then lets them kill.)"""
    pages.pages["/metrics"] = b"a 1\n"
    pulseline.config([job("a", pages.address)]).start(ready=False)

    def holds_hup():
        with open(f"/proc/{pulseline.p.pid}/status") as f:
            status = f.read()
        if BINARY.name not in status.splitlines()[0]:
            return False  # not begun yet: still the test's own copy
        blocked, caught = (int(re.search(rf"{name}:\s*(\w+)", status)[1], 16) for name in ("SigBlk", "SigCgt"))
        # A sanitizer's start-up blocks every signal for a moment; the program holds back just these.
        return blocked == sum(1 << (s - 1) for s in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)) or caught & 1

    while not holds_hup():
        pass
    for _ in range(5):
        pulseline.hup()
    pulseline.wait_ready()
    wait_until(lambda: pulseline.target("a")["health"] == "up", "it scrapes")


@pytest.mark.sanitized
def test_term_during_a_scrape_loses_nothing(pulseline, pages, influxd, database):
    counter = pages.pages["/metrics"] = Counter()
    pages.pages["/slow"] = b"slow 1\n"
    outputs = [{"influxdb": {"url": influxd.url, "database": database, "create_database": True}}]
    pulseline.config([job("n", pages.address), job("slow", pages.address, metrics_path="/slow", scrape_timeout="1s")], outputs).start()
    wait_until(lambda: len(counter.served) >= 3, "some pages were read")
    pages.held.set()
    seen = pages.count("/metrics")
    wait_until(lambda: pages.count("/metrics") > seen, "a scrape hangs")
    read = set(counter.served)
    assert pulseline.end() == 0
    stored = {int(v) for points in influxd.points(database, '"page_number"').values() for v in points.values()}
    assert stored == read


def test_a_second_term_ends_at_once_with_1(pulseline, pages):
    counter = pages.pages["/metrics"] = Counter()
    outputs = [{"influxdb": {"url": f"http://127.0.0.1:{free_port()}", "database": "d"}}]
    pulseline.config([job("n", pages.address)], outputs).start()
    wait_until(lambda: len(counter.served) >= 2, "there are points that cannot be delivered")
    pulseline.p.send_signal(signal.SIGTERM)
    wait_until(lambda: "stopping" in pulseline.log(), "it drains")
    pulseline.p.send_signal(signal.SIGTERM)
    pulseline.expected_exit = 1
    wait_until(lambda: not pulseline.running(), "it ends")


def test_systemd_is_told(pulseline, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.settimeout(60)
        pulseline.config([]).start(env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert b"READY=1" in s.recv(4096).split(b"\n")
        assert pulseline.end() == 0
        assert b"STOPPING=1" in s.recv(4096).split(b"\n")


# --- reload ---


@pytest.fixture
def running(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\n"
    pages.pages["/other"] = b"b 1\n"
    pulseline.config([job("a", pages.address)]).start()
    wait_until(lambda: pulseline.target("a")["health"] == "up", "it scrapes")
    return pulseline


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["hup", "http"])
def test_reload_touches_only_what_changed(running, pages, how):
    kept, last = pages.connections, running.target("a")["lastScrape"]
    running.config([job("a", pages.address), job("b", pages.address, metrics_path="/other")])
    if how == "hup":
        running.hup()
    else:
        answer = running.reload()
        assert answer.status_code == 200, answer.text
        assert running.target("a")["health"] == "up", "the target that stays keeps its state"
        assert running.target("a")["lastScrape"] >= last
    wait_until(lambda: running.target("b")["health"] == "up", "the new job is scraped")
    seen = pages.count("/metrics")
    wait_until(lambda: pages.count("/metrics") >= seen + 2, "the old one is, too")
    assert pages.connections <= kept + 1, "without connecting anew each time"
    running.config([job("b", pages.address, metrics_path="/other")])
    assert running.reload().status_code == 200
    wait_until(lambda: {j for j, _ in running.targets()} == {"b"}, "the job that went is no longer scraped")


@pytest.mark.sanitized
def test_a_bad_configuration_changes_nothing(running, pages):
    good = running.config_path.read_text()
    running.config_path.write_text(good.replace("job_name", "job_nam"))
    answer = running.reload()
    assert answer.status_code == 500
    assert re.search(r"pulseline\.yml:\d+:\d+: .*job_nam", answer.text), answer.text
    running.hup()
    wait_until(lambda: running.log().count("configuration refused") >= 2, "the log says so for either")
    seen = pages.count("/metrics")
    wait_until(lambda: pages.count("/metrics") >= seen + 2, "the old one goes on")
    assert running.target("a")["health"] == "up"
    running.config_path.write_text(good)
    assert running.reload().status_code == 200


def test_reload_keeps_points_that_wait(pulseline, pages, influxd, database):
    """The output's address was wrong; it is mended by a reload, and what was collected meanwhile arrives."""
    counter = pages.pages["/metrics"] = Counter()

    def output(url):
        return [{"influxdb": {"url": url, "database": database, "create_database": True}}]

    pulseline.config([job("n", pages.address)], output(f"http://127.0.0.1:{free_port()}")).start()
    wait_until(lambda: len(counter.served) >= 3, "points wait")
    early = set(counter.served)
    pulseline.config([job("n", pages.address)], output(influxd.url))
    assert pulseline.reload().status_code == 200
    wait_until(lambda: early <= {int(v) for p in influxd.points(database, '"page_number"').values() for v in p.values()},
               "those from before the reload are stored")


# --- what it says ---


def logfmt(line):
    words = shlex.split(line, posix=True)
    assert all(re.match(r"[a-z_]+=", w) for w in words), line
    return dict(w.split("=", 1) for w in words)


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_logs_can_be_read_by_machines(pulseline, pages, form):
    pages.pages["/metrics"] = b'bad{a="\xff\x1b[31m"} x\n'
    pulseline.config([job('quote "and\nnewline', pages.address)], log={"format": form, "level": "debug"}).start()
    wait_until(lambda: "scrape failed" in pulseline.log(), "something is logged")
    assert pulseline.end() == 0
    lines = [(logfmt if form == "logfmt" else json.loads)(line) for line in pulseline.log().splitlines()]
    assert lines
    for entry in lines:
        assert {"level", "msg"} <= set(entry), entry
        assert any(k in entry for k in ("time", "ts")), entry
    assert "\x1b" not in pulseline.log()


@pytest.mark.sanitized
def test_its_own_metrics_balance(pulseline, pages, influxd, database):
    """in = out + queued + dropped, at any scrape."""
    pages.pages["/metrics"] = b"".join(b'm{i="%d"} %d\n' % (i, i) for i in range(500)) + b"n NaN\ni +Inf\n"
    pages.pages["/bad"] = b"x 1\nbad line here\n"
    outputs = [{"influxdb": {"url": influxd.url, "database": database, "create_database": True}},
               {"file": {"path": str(pulseline.points_path)}},
               {"influxdb": {"url": f"http://127.0.0.1:{free_port()}", "database": "away"}}]
    jobs = [job("a", pages.address), job("bad", pages.address, metrics_path="/bad")]
    pulseline.config(jobs, outputs).start()
    wait_until(lambda: len(pulseline.points_of("up", job="a")) >= 4, "some scrapes went through")
    for _ in range(20):
        m = pulseline.metrics()
        names = {dict(labels)["output"] for name, labels in m if name == "pulseline_output_points_in_total"}
        assert len(names) == 3

        def total(metric, output):
            return sum(v for (n, labels), v in m.items() if n == metric and dict(labels).get("output") == output)

        for output in names:
            parts = {k: total(f"pulseline_output_points_{k}", output) for k in ("in_total", "out_total", "queued", "dropped_total")}
            assert parts["in_total"] == parts["out_total"] + parts["queued"] + parts["dropped_total"], (output, parts)
    assert pulseline.metric("pulseline_scrape_samples_dropped_total", reason="nan") >= 4
    assert pulseline.metric("pulseline_scrape_samples_dropped_total", reason="inf") >= 4
    assert pulseline.metric("pulseline_scrape_samples_dropped_total", reason="scrape_failed") >= 1

    # With nothing left to scrape the way from the pages to the outputs adds up, too.
    pulseline.config([], outputs)
    assert pulseline.reload().status_code == 200

    def all_passed_on():
        sums = {n: pulseline.metric(f"pulseline_scrape_{n}_total") for n in ("samples", "own_points", "points", "samples_dropped")}
        assert sums["samples"] + sums["own_points"] == sums["points"] + sums["samples_dropped"], sums
        return all(pulseline.metric("pulseline_output_points_in_total", output=o) == sums["points"] for o in names)

    wait_until(all_passed_on, "every point came to every output")


def test_metrics_are_a_sound_page(running):
    answer = running.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = parse_page(answer.text)
    keys = [(s.name, s.labels) for s in samples]
    assert len(keys) == len(set(keys))
    done = subprocess.run([BINARY, "check", "metrics"], input=answer.content, capture_output=True)
    assert done.returncode == 0, done
    typed = set(re.findall(r"^# TYPE (\S+)", answer.text, re.M))
    assert {s.name for s in samples} <= typed, "every family says its type"


def test_targets_have_prometheus_shape(running, pages):
    body = running.get("/api/v1/targets").json()
    assert body["status"] == "success"
    assert set(body["data"]) >= {"activeTargets", "droppedTargets"}
    target, = body["data"]["activeTargets"]
    assert target["scrapePool"] == "a"
    assert target["scrapeUrl"] == f"http://{pages.address}/metrics"
    assert target["labels"] == {"job": "a", "instance": pages.address}
    assert target["discoveredLabels"]["__address__"] == pages.address
    assert target["lastError"] == "" and target["health"] == "up"
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", target["lastScrape"])
    assert 0 < target["lastScrapeDuration"] < 60


SECRETS = {"sesame-password": "password", "sesame-token": "token", "sesame-bearer": "bearer", "sesame-file": "file", "sesame-env": "env"}


@pytest.mark.sanitized
def test_secrets_are_never_shown(pulseline, pages, tmp_path):
    pages.pages["/metrics"] = b"a 1\n"
    (tmp_path / "secret").write_text("sesame-file\n")
    jobs = [job("basic", pages.address, basic_auth={"username": "u", "password": "sesame-password"}),
            job("bearer", pages.address, authorization={"credentials": "sesame-bearer"}),
            job("file", pages.address, basic_auth={"username": "u", "password_file": str(tmp_path / "secret")}),
            job("params", pages.address, metrics_path="/missing", params={"token": ["sesame-param"]})]
    outputs = [{"influxdb": {"url": f"http://127.0.0.1:{free_port()}", "database": "d", "username": "u", "password": "${SESAME}"}}]
    pulseline.config(jobs, outputs, server={"http": {"listen": f"127.0.0.1:{pulseline.port}", "token": "sesame-token"}},
                     log={"level": "debug"})
    pulseline.start(env={"SESAME": "sesame-env"})
    auth = {"X-AUTH-TOKEN": "sesame-token"}
    assert pulseline.get("/config").status_code == 401
    wait_until(lambda: len(pages.requests) >= 6, "everything was scraped")
    config = pulseline.get("/config", headers=auth)
    assert config.status_code == 200 and config.text.count("<secret>") >= 4
    printed = subprocess.run([BINARY, "check", "config", "--print-config", pulseline.config_path], capture_output=True, text=True,
                             env={**os.environ, "SESAME": "sesame-env"})
    assert printed.returncode == 0, printed
    shown = {path: pulseline.get(path, headers=auth).text for path in ("/config", "/metrics", "/api/v1/targets")}
    wait_until(lambda: "job=params" in pulseline.log(), "the failed scrape is told")
    assert "sesame-param" not in pulseline.log()
    shown |= {"log": pulseline.log(), "--print-config": printed.stdout + printed.stderr}
    for where, text in shown.items():
        for secret in SECRETS:
            assert secret not in text, (secret, where)
    sent = "\n".join(text for _, text in pages.requests)
    assert "Bearer sesame-bearer" in sent and "Basic dTpzZXNhbWUtcGFzc3dvcmQ=" in sent and "Basic dTpzZXNhbWUtZmlsZQ==" in sent


def test_the_conf_folder_is_valid():
    checked = sorted((ROOT / "conf").glob("*.yml"))
    assert checked
    for path in checked:
        done = subprocess.run([BINARY, "check", "config", path], capture_output=True, text=True, env={**os.environ, "PULSELINE_DATA": "/tmp"})
        assert done.returncode == 0, (path, done.stdout, done.stderr)


def test_unknown_paths_are_404(running):
    for path in ("/nothing", "/api/v1/nothing", "/%00", "/../../etc/passwd", "/latest"):
        assert requests.get(running.url(path), timeout=60).status_code in (400, 404), path


def test_the_log_of_a_job_that_fails_in_many_ways(pulseline, pages):
    """One line for the first failure, one for the recovery; what happens in between is in /api/v1/targets."""
    served = itertools.count()
    kinds = {"status", "network", "parse", "content", "timeout"}
    faults = [FAULTS["/error_status"], FAULTS["/empty_answer"], FAULTS["/cut_body"], FAULTS["/black_hole"],
              lambda conn: conn.sendall(head(4) + b"a b\n"), lambda conn: conn.sendall(head(2, content_type="image/png") + b"ab")]
    broken = threading.Event()

    def page(conn):
        n = next(served)
        (faults[n % len(faults)] if broken.is_set() else lambda c: c.sendall(head(4) + b"a 1\n"))(conn)

    pages.pages["/metrics"] = page
    pulseline.config([job("weak", pages.address, scrape_interval="200ms", scrape_timeout="150ms")]).start()

    def told():
        return [line for line in pulseline.log().splitlines() if "job=weak" in line]

    def failed():
        return pulseline.metric("pulseline_scrapes_failed_total")

    for _ in range(2):
        wait_until(lambda: pulseline.target("weak")["health"] == "up", "it works")
        before, lines = failed(), len(told())
        broken.set()
        wait_until(lambda: failed() >= before + 15, "many failures")
        assert kinds <= {o["result"] for o in pulseline.target("weak")["outcomes"]}
        assert len(told()) <= lines + 1, told()
        broken.clear()
        wait_until(lambda: pulseline.target("weak")["health"] == "up", "it works again")

    def settled():  # a slow machine may add failures of its own, each with its recovery
        lines, total = told(), failed()
        ended = [int(n) for n in re.findall(r"failures=(\d+)", "\n".join(lines))]
        return sum(ended) == total and len(lines) == 2 * len(ended) and lines == told()

    wait_until(settled, f"all failures are told of: {told()}")
    lines = told()
    for first, last in zip(lines[::2], lines[1::2]):
        assert 'msg="scrape failed"' in first and "level=warn" in first and "reason=" in first
        assert 'msg="scrape works again"' in last and "level=info" in last and "after_seconds=" in last
        by_kind = dict(part.rsplit(" ", 1) for part in re.search(r'kinds="([^"]*)"', last)[1].split(", "))
        assert sum(map(int, by_kind.values())) == int(re.search(r"failures=(\d+)", last)[1])
    assert sum(all(f"{kind} " in last for kind in kinds) for last in lines[1::2]) == 2
