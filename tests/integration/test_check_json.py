"""--json of the check commands: an object per finding."""
import json
import subprocess

import pytest

from daemon import BINARY

pytestmark = pytest.mark.sanitized


def check(what, *args, page=None):
    p = subprocess.run([BINARY, "check", what, "--json", *args], input=page, capture_output=True, timeout=60)
    assert p.stderr == b"", p
    return p.returncode, [json.loads(line) for line in p.stdout.decode().splitlines()]


def test_config(tmp_path):
    right, wrong, full = tmp_path / "right.yml", tmp_path / "wrong.yml", tmp_path / "full.yml"
    right.write_text("scrape_configs: [{job_name: a}]\n")
    wrong.write_text("scrape_configs:\n- {job_nam: a}\n")
    full.write_text("scrape_configs:\n" + "- 3\n" * 150)
    assert check("config", right) == (0, [{"file": str(right), "ok": True, "jobs": 1, "outputs": 1}])
    status, found = check("config", wrong, right)
    assert status == 3 and [f["ok"] for f in found] == [False, False, True]
    assert found[1] == {"file": str(wrong), "ok": False, "line": 2, "column": 4, "path": "scrape_configs[0].job_nam",
                        "error": 'unknown key (did you mean "job_name"?)'}
    status, found = check("config", full)
    assert status == 3 and len(found) == 100 and found[-1]["more"] == 50 and "more" not in found[0]
    status, found = check("config", tmp_path / "nowhere.yml")
    assert status == 3 and found[0]["line"] == 0 and found[0]["error"]
    p = subprocess.run([BINARY, "check", "config", "--json", "-p", right], capture_output=True, text=True)
    assert p.returncode == 2 and "--print-config" in p.stderr


def test_sd(tmp_path):
    f = tmp_path / "a.yml"
    f.write_text("- targets: [a:1, b:2]\n- targets: []\n")
    assert check("sd", f) == (0, [{"file": str(f), "ok": True, "groups": 2, "targets": 2}])
    f.write_text("- targets: [a:1, 'b c']\n")
    status, (found,) = check("sd", f)
    assert status == 3 and not found["ok"] and (found["line"], found["column"], found["path"]) == (1, 18, "[0].targets[1]")


def test_metrics(tmp_path):
    assert check("metrics", page=b"a 1\nb 2\n") == (0, [{"file": "-", "ok": True, "families": 2, "samples": 2}])
    status, (found,) = check("metrics", page=b"a 1\nb x\n")
    assert status == 1 and found["file"] == "-" and (found["line"], found["column"]) == (2, 3) and found["error"]
    f = tmp_path / "page"
    f.write_text("a 1\n")
    status, found = check("metrics", f, tmp_path / "nowhere")
    assert status == 1 and found[0]["ok"] and found[1]["line"] == 0 and "No such file" in found[1]["error"]
