"""--json of the check commands: an object per finding."""
import json
import os
import pty
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


def run(*args, text=""):
    p = subprocess.run([BINARY, *args], input=text, capture_output=True, text=True, timeout=60)
    assert "Sanitizer" not in p.stderr, p.stderr
    return p


def test_help_of_check_itself():
    p = run("check", "--help")
    assert p.returncode == 0 and p.stderr == "" and all(f"check {what}" in p.stdout for what in ("config", "sd", "metrics", "lp"))


def test_standard_input_as_configuration_and_targets():
    assert run("check", "config", "-", text="scrape_configs: [{job_name: a}]\n").stdout == "-: ok (1 job, 1 output)\n"
    p = run("check", "config", "-", text="scrape_configs: [{job_nam: a}]\n")
    assert p.returncode == 3 and p.stderr.startswith("-:1:")
    assert run("check", "sd", "-", text='[{"targets": ["a:1", "b:1"]}]').stdout == "-: ok (1 group, 2 targets)\n"
    p = run("check", "sd", "--json", "-", text="- targets: {}\n")
    assert p.returncode == 3 and json.loads(p.stdout.splitlines()[0])["file"] == "-"


def test_files_that_are_not_there_are_told_in_json():
    p = run("check", "lp", "--json", "/nowhere/x.lp")
    assert p.returncode == 1 and p.stderr == ""
    assert json.loads(p.stdout) == {"file": "/nowhere/x.lp", "line": 0, "ok": False, "reason": "cannot open: No such file or directory"}


def test_convert_tells_in_json(tmp_path):
    for name, page in (("good", "a 1\nb NaN\n"), ("bad", "a 1\nb{\n")):
        (tmp_path / name).write_text(page)
    p = run("convert", "--json", "--now=5", str(tmp_path / "good"), str(tmp_path / "bad"), "-", text="")
    good, bad, none = map(json.loads, p.stderr.splitlines())
    assert p.returncode == 1 and p.stdout == "a value=1 5\na value=1 5\n"
    assert good == {"file": str(tmp_path / "good"), "ok": True, "samples": 2, "points": 1, "dropped": {"nan": 1}}
    assert (bad["ok"], bad["samples"], bad["line"], bad["column"]) == (False, 1, 2, 3) and "label name" in bad["error"]
    assert none == {"file": "-", "ok": True, "samples": 0, "points": 0, "dropped": {}}


def test_relabel_reads_files(tmp_path):
    (tmp_path / "rules.yml").write_text("- {action: drop, source_labels: [a], regex: x}\n")
    (tmp_path / "one").write_text('{"a": "x"}\n{"a": "y"}\n')
    (tmp_path / "two").write_text('{"a": 2}\n')
    p = run("relabel", "--rules", str(tmp_path / "rules.yml"), str(tmp_path / "one"), str(tmp_path / "two"), "-", "/nowhere/x", text='{"b": "z"}\n')
    assert p.returncode == 1 and p.stdout == 'null\n{"a":"y"}\n{"b":"z"}\n'
    assert f"{tmp_path / 'two'}:1: the value of a" in p.stderr and "/nowhere/x: cannot open" in p.stderr


def test_a_terminal_is_told_that_it_is_read(tmp_path):
    (tmp_path / "rules.yml").write_text("- {action: drop, source_labels: [a], regex: x}\n")
    for command in (["check", "metrics"], ["check", "lp"], ["convert"], ["relabel", "--rules", str(tmp_path / "rules.yml")], ["check", "config", "-"]):
        ours, theirs = pty.openpty()
        p = subprocess.Popen([BINARY, *command], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        os.close(theirs)
        os.write(ours, b"\x04")
        _, err = p.communicate(timeout=60)
        os.close(ours)
        assert "reading from the terminal" in err, (command, err)
