"""`pulseline explain`: one scrape, told."""
import gzip
import json
import os
import pty
import socket
import subprocess
import threading

import pytest

from daemon import BINARY
from harness import free_port
from http_peers import Issuer
from servers import FAULTS, head

pytestmark = pytest.mark.sanitized


def explain(*args, env=None):
    p = subprocess.run([BINARY, "explain", *args], capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})
    assert "Sanitizer" not in p.stderr, p.stderr
    return p


def told(*args, status):
    p = explain("--json", *args)
    assert p.returncode == status, (p.stdout, p.stderr)
    assert p.stderr == ""
    return json.loads(p.stdout)


PAGE = b'# TYPE a counter\na{x="1 2"} 1\nb NaN\nc 3 1700000000000\n'


def test_each_sample_is_told(pages):
    pages.pages["/metrics"] = PAGE
    answer = told(pages.address, status=0)
    assert answer["ok"] and answer["cause"] == "good" and answer["error"] == "" and answer["job"] is None
    assert answer["url"] == f"http://{pages.address}/metrics"
    assert answer["http"]["status"] == 200 and answer["http"]["bodyBytes"] == len(PAGE) and not answer["http"]["compressed"]
    seconds = answer["http"]["seconds"]
    assert seconds["tls"] is None and seconds["connect"] > 0 and seconds["total"] >= seconds["wait"] > 0
    assert (answer["samples"], answer["points"], answer["dropped"], answer["untold"]) == (3, 2, {"nan": 1}, 0)
    a, b, c = answer["steps"]
    assert a["line"] == 2 and a["sample"] == 'a{x="1 2"} 1' and a["dropped"] is None
    assert a["points"][0].startswith(f"a,x=1\\ 2,instance={pages.address},job=explain value=1 ")
    assert b == {"line": 3, "sample": "b NaN", "points": [], "dropped": "nan"}
    assert c["points"] == [f"c,instance={pages.address},job=explain value=3 1700000000000000000"]
    assert any("NaN" in advice for advice in answer["advice"])
    text = explain(f"http://{pages.address}/metrics")
    assert text.returncode == 0 and "\033" not in text.stdout
    for part in ("HTTP 200", "wait", 'a{x="1 2"} 1', "->  a,x=1\\ 2", "dropped (nan)", "This scrape works."):
        assert part in text.stdout, text.stdout


def test_long_pages_are_cut_unless_all(pages):
    pages.pages["/metrics"] = b"".join(b"m%d %s\n" % (i, b"NaN" if i % 2 else b"1") for i in range(1000))
    answer = told(pages.address, status=0)
    assert len(answer["steps"]) == 20 and answer["untold"] == 980 and answer["points"] == 500
    assert "980 samples more" in explain(pages.address).stdout
    assert len(told("-n", "3", pages.address, status=0)["steps"]) == 6
    assert len(told("--all", pages.address, status=0)["steps"]) == 1000


def test_gzip_is_seen(pages):
    body = gzip.compress(b"a 1\n" * 1000)
    pages.pages["/metrics"] = lambda conn: conn.sendall(head(len(body), more="Content-Encoding: gzip\r\n") + body)
    http = told(pages.address, status=0)["http"]
    assert http["compressed"] and http["wireBytes"] == len(body) and http["bodyBytes"] == 4000


CAUSES = {
    "/error_status": ("status", "503"),
    "/missing": ("status", "404"),
    "/wrong_type": ("content", "text/html"),
    "/garbage": ("parse", "line 1"),
    "/half_line": ("parse", "line 2"),
    "/cut_body": ("network", ""),
    "/not_http": ("network", ""),
    "/empty_answer": ("network", ""),
}


def speak_plainly(listener):
    conn, _ = listener.accept()
    with conn:
        conn.recv(1000)
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_failures_are_told_apart(pages):
    pages.pages.update(FAULTS)
    for path, (cause, text) in CAUSES.items():
        answer = told(f"http://{pages.address}{path}", status=1)
        assert answer["cause"] == cause, (path, answer)
        assert text in answer["error"] and answer["advice"] and not answer["ok"], (path, answer)
    assert told(f"http://127.0.0.1:{free_port()}", status=1)["cause"] == "connect"
    assert told("http://nowhere.invalid:9100", status=1)["cause"] == "resolve"
    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=speak_plainly, args=(plain,), daemon=True).start()
        answer = told(f"https://127.0.0.1:{plain.getsockname()[1]}", status=1)
    assert answer["cause"] == "tls", answer


def test_the_line_at_fault_is_shown(pages):
    pages.pages["/metrics"] = b"a 1\nb\x1b[31m what\nc 1\n"
    answer = told(pages.address, status=1)
    assert answer["errorLine"] == 2 and answer["errorText"] == "b\x1b[31m what"
    text = explain(pages.address).stdout
    assert "line 2: b\\x1b[31m what" in text and "\x1b" not in text


def test_as_a_job(pages, tmp_path):
    pages.pages["/m"] = b"a 1\nb 2\n"
    config = tmp_path / "c.yml"
    config.write_text(json.dumps({
        "global": {"external_labels": {"dc": "eu"}},
        "scrape_configs": [
            {"job_name": "one", "metrics_path": "/m", "scrape_timeout": "3s", "basic_auth": {"username": "u", "password": "sesame"}},
            {"job_name": "two", "metrics_path": "/m", "sample_limit": 1},
            {"job_name": "late", "metrics_path": "/late", "scrape_timeout": "200ms", "scrape_interval": "1s"},
            {"job_name": "small", "metrics_path": "/m", "body_size_limit": "4B"},
            {"job_name": "locked", "metrics_path": "/m", "bearer_token_file": "nowhere"}]}))
    answer = told("-c", config, "--job", "one", pages.address, status=0)
    assert answer["job"] == "one" and answer["url"].endswith("/m")
    assert answer["steps"][0]["points"][0].startswith(f"a,dc=eu,instance={pages.address},job=one value=1 ")
    assert "Basic dTpzZXNhbWU=" in pages.requests[-1][1] and "Timeout-Seconds: 3.000" in pages.requests[-1][1]
    assert told("-c", config, "--job", "two", pages.address, status=1)["cause"] == "sample_limit"
    assert told("-c", config, "--job", "small", pages.address, status=1)["cause"] == "size_limit"
    assert told("-c", config, "--job", "locked", pages.address, status=1)["cause"] == "credentials"
    pages.held.set()
    late = told("-c", config, "--job", "late", pages.address, status=1)
    assert late["cause"] == "timeout" and "scrape_timeout" in late["advice"][0]
    pages.held.clear()


def test_what_the_job_makes_of_a_page(pages, tmp_path):
    pages.pages["/metrics"] = b'# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n# TYPE a gauge\na NaN\n'
    rules = [{"action": "drop", "source_labels": ["__address__"], "regex": "10[.].*"}]
    config = tmp_path / "jobs.yml"
    config.write_text(json.dumps({"scrape_configs": [
        {"job_name": "one", "influx": {"schema": "telegraf1", "nan": "zero"}, "relabel_configs": rules}]}))
    answer = told("-c", config, "--job", "one", pages.address, status=0)
    bucket, count, total, gathered, a = answer["steps"]
    assert bucket["points"] == count["points"] == total["points"] == [] and gathered["line"] is gathered["sample"] is None
    (point,) = gathered["points"]
    assert point.startswith("h,") and "+Inf=2" in point and "count=2" in point and "sum=3" in point
    assert a["sample"] == "a NaN" and "gauge=0" in a["points"][0] and answer["points"] == 2
    assert "gathered from the samples above" in explain("-c", config, "--job", "one", pages.address).stdout
    dropped = explain("-c", config, "--job", "one", "10.0.0.1:9100")
    assert dropped.returncode == 1 and "rule 0" in dropped.stderr and "action: drop" in dropped.stderr


def test_metric_relabeling_is_told(pages, tmp_path):
    pages.pages["/metrics"] = b'# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_count 2\ngo_x 1\nb{n=""} NaN\nnameless 4\n'
    rules = [{"action": "drop", "source_labels": ["__name__"], "regex": "go_.*"},
             {"source_labels": ["__name__"], "regex": "(h)_(.*)", "target_label": "__name__", "replacement": "my_${1}_$2"},
             {"source_labels": ["__name__"], "regex": "nameless", "target_label": "__name__", "replacement": ""}]
    config = tmp_path / "jobs.yml"
    for schema, points in (("kapacitor", ["my_h_bucket,le=+Inf,", "my_h_count,"]), ("telegraf1", ["my_h,"])):
        config.write_text(json.dumps({"scrape_configs": [
            {"job_name": "one", "metric_relabel_configs": rules, "influx": {"schema": schema}, "sample_limit": 3}]}))
        answer = told("-c", config, pages.address, status=0)
        by_line = {s["line"]: s for s in answer["steps"]}
        assert by_line[2]["relabeled"] == {"__name__": "my_h_bucket", "instance": pages.address, "job": "one", "le": "+Inf"}
        assert by_line[4]["dropped"] == "metric_relabel_configs" and by_line[4]["rule"] == 0 and by_line[4]["points"] == []
        assert by_line[5]["dropped"] == "nan" and "relabeled" not in by_line[5] and "rule" not in by_line[5]
        assert by_line[6]["dropped"] == "no_name_after_relabeling"
        assert answer["dropped"] == {"nan": 1, "metric_relabel_configs": 1, "no_name_after_relabeling": 1}
        told_points = [p for s in answer["steps"] for p in s["points"]]
        assert len(told_points) == len(points) and all(p.startswith(w) for p, w in zip(told_points, points)), told_points
    text = explain("-c", config, pages.address).stdout
    assert 'dropped (metric_relabel_configs): by rule 0 of metric_relabel_configs (from 0): action: drop' in text
    assert '~  relabeled {"__name__":"my_h_count"' in text and "1 x metric_relabel_configs" in text


def test_a_token_is_fetched(peer, tmp_path):
    issuer = Issuer(peer)
    target = peer(issuer.target)
    config = tmp_path / "jobs.yml"
    config.write_text(json.dumps({"scrape_configs": [
        {"job_name": "good", "oauth2": issuer.config()},
        {"job_name": "wrong", "oauth2": issuer.config(client_secret="wr0ng")},
        {"job_name": "away", "oauth2": issuer.config(token_url=f"http://127.0.0.1:{free_port()}/token")},
        {"job_name": "unread", "oauth2": {"client_id": "i", "token_url": issuer.url, "client_secret_file": "missing"}}]}))
    assert told("-c", config, "--job", "good", target.address, status=0)["points"] == 1
    assert issuer.n == 1 and len(target.asked) == 1
    for name, text in (("wrong", "invalid_client"), ("away", "no token from"), ("unread", "missing")):
        answer = told("-c", config, "--job", name, target.address, status=1)
        assert answer["cause"] == "credentials" and text in answer["error"] and "oauth2" in answer["advice"][0], answer
        assert "wr0ng" not in json.dumps(answer)
    assert len(target.asked) == 1


def test_wrong_calls(tmp_path):
    config = tmp_path / "c.yml"
    config.write_text("scrape_configs: [{job_name: a}, {job_name: b}]\n")
    wrong = tmp_path / "w.yml"
    wrong.write_text("scrape_configs: [{job_nam: a}]\n")
    for status, text, args in ((2, "one URL", []), (2, "one URL", ["a", "b"]), (2, "--help", ["--nothing", "a"]), (2, "-c CONFIG", ["-j", "a", "h:1"]),
                               (2, "a, b", ["-c", config, "h:1"]), (2, "no such job", ["-c", config, "-j", "x", "h:1"]),
                               (2, "number", ["-n", "x", "h:1"]), (2, "do not belong", ["http://u:p@h:1/"]), (2, "h:x", ["h:x"]),
                               (3, "job_nam", ["-c", wrong, "h:1"])):
        p = explain(*args)
        assert p.returncode == status and text in p.stderr and p.stdout == "", (args, p)
    p = explain("--help")
    assert p.returncode == 0 and "--json" in p.stdout and p.stderr == ""


def test_colours_are_for_terminals(pages):
    pages.pages["/metrics"] = b"a 1\n"

    def on_terminal(env):
        ours, theirs = pty.openpty()
        with open(ours, "rb", buffering=0) as out:
            p = subprocess.Popen([BINARY, "explain", pages.address], stdout=theirs, env={**os.environ, "TERM": "xterm", **env})
            os.close(theirs)
            text = b""
            try:
                while piece := out.read(4096):
                    text += piece
            except OSError:  # the terminal's other side is closed
                pass
            assert p.wait(60) == 0
        return text

    assert b"\033[" in on_terminal({})
    assert b"\033[" not in on_terminal({"NO_COLOR": "1"})
