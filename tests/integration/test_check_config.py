"""pulseline check config: every mistake with its place, what is in force, and the configurations that come with Pulseline."""
import os
import re
import subprocess

import pytest
import yaml

from daemon import BINARY, job
from harness import PATIENCE, ROOT, wait_until

pytestmark = pytest.mark.sanitized
REFERENCE = ROOT / "conf" / "pulseline.yml"


def check(*args, cwd=None, **env):
    return subprocess.run([BINARY, "check", "config", *map(str, args)], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd,
                          env={**os.environ, **env})


@pytest.fixture
def write(tmp_path):
    def write(text, name="f.yml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def effective(path, **env):
    p = check("--print-config", path, **env)
    assert p.returncode == 0, p.stderr
    return yaml.safe_load(p.stdout)


def test_every_mistake_is_told_at_once(write, tmp_path):
    write("""\
global:
  scrape_interval: 15x
  external_labels: {a-b: c}
server:
  http: {listen: 8080}
scrape_configs:
  - job_name: node
    scrape_timout: 5s
    scrape_timeout: 30s
    static_configs:
      - targets: [a:1]
        lables: {}
  - job_name: node
    kubernetes_sd_configs: [{role: pod}]
outputs:
  - locla: {}
rule_files: [a]
""")
    p = check("f.yml", cwd=tmp_path)
    assert p.returncode == 3
    assert p.stdout == ""
    assert p.stderr.splitlines() == [
        'f.yml:2:20: global.scrape_interval: expected a duration like 500ms, 15s, 5m, 1h30m or 7d '
        '(units y w d h m s ms, the largest first), found "15x"',
        'f.yml:3:21: global.external_labels.a-b: no label name; it takes letters, digits and _, and no digit first',
        'f.yml:5:18: server.http.listen: expected an address like 127.0.0.1:8080 or :8080 '
        '(write a colon before the port: :8080), found "8080"',
        'f.yml:8:5: scrape_configs[0].scrape_timout: unknown key (did you mean "scrape_timeout"?)',
        'f.yml:9:21: scrape_configs[0].scrape_timeout: 30s is above scrape_interval, which is 15s (from global)',
        'f.yml:12:9: scrape_configs[0].static_configs[0].lables: unknown key (did you mean "labels"?)',
        'f.yml:13:15: scrape_configs[1].job_name: another job is called "node" (line 7); names must differ',
        'f.yml:14:5: scrape_configs[1].kubernetes_sd_configs: discovery through Kubernetes is not supported; '
        'use http_sd_configs, with something that answers with the targets, or file_sd_configs',
        'f.yml:16:5: outputs[0].locla: unknown kind (did you mean "local"?)',
        'f.yml:17:1: rule_files: rules are not evaluated here; write them as alerts:, which become tasks of Kapacitor',
    ]


@pytest.mark.parametrize("text, complaint", [
    ("a: [1\n", "f.yml:2:1: not valid YAML: did not find expected ',' or ']'"),
    ("a: 1\na: 2\n", 'f.yml:2:1: duplicate key "a" (first on line 1)'),
    ("a: &a [*a]\n", "f.yml:1:8: the alias *a stands inside the very value that &a names"),
    ("a: 1\n---\nb: 2\n", "f.yml:2:1: a second document begins here"),
    ("[" * 20000, "f.yml:1:65: nested too deep"),
    ("- " * 20000, "f.yml:1:129: nested too deep"),
    ("a: &a [" + "x," * 1000 + "]\nb: &b [" + "*a," * 1000 + "]\nc: [" + "*b," * 1000 + "]\n", "f.yml:2:"),
    (b"a: \xff\n", "f.yml:1:4: not valid YAML: a byte that is not UTF-8"),
    (b"a: \x00\n", "f.yml:1:4: not valid YAML: a NUL byte"),
    ("a: 1\n".encode("utf-16"), "f.yml:1:1: not valid YAML: UTF-16; save the file as UTF-8"),
    ("a: \x1b[31mred\n", "f.yml:1:4: not valid YAML: a control character"),
], ids=["syntax", "duplicate", "recursive", "documents", "deep", "deep-blocks", "bomb", "latin1", "nul", "utf16", "escape"])
def test_hostile_files_end_well(write, tmp_path, text, complaint):
    write(text)
    p = check("f.yml", cwd=tmp_path)
    assert p.returncode == 3
    assert p.stderr.startswith(complaint), p.stderr


def test_only_regular_files_of_bounded_size_are_read(tmp_path):
    large = tmp_path / "large.yml"
    with open(large, "wb") as f:
        f.truncate(200 << 20)
    fifo = tmp_path / "fifo.yml"
    os.mkfifo(fifo)
    p = check(large, fifo, tmp_path, tmp_path / "none.yml")
    assert p.returncode == 3
    assert p.stderr.splitlines() == [
        f"{large}: is larger than 16777216 bytes",
        f"{fifo}: is a pipe, not a regular file",
        f"{tmp_path}: is a directory, not a regular file",
        f"{tmp_path}/none.yml: cannot be read: No such file or directory",
    ]


def test_a_byte_order_mark_and_windows_lines_are_fine(write):
    assert check(write(b"\xef\xbb\xbfworkers: 1\r\nlog:\r\n  level: warn\r\n")).returncode == 0


def test_files_are_checked_each_on_its_own(write):
    good, bad = write("scrape_configs: [{job_name: a}]", "good.yml"), write("worker: 1", "bad.yml")
    p = check(bad, good)
    assert p.returncode == 3
    assert p.stdout == f"{good}: ok (1 job, 1 output)\n"
    assert p.stderr == f'{bad}:1:1: worker: unknown key (did you mean "workers"?)\n'


@pytest.mark.parametrize("args", [[], ["--bogus", "f.yml"]])
def test_a_wrong_call(args):
    assert check(*args).returncode == 2


def test_the_environment(write):
    path = write("""\
workers: ${N}
server: {http: {listen: "${HOST:-127.0.0.1}:${PORT:-9999}", token: "${TOKEN}"}}
scrape_configs: [{job_name: "$${N} ${N}", scrape_interval: "${INTERVAL}"}]
""")
    p = check("-p", path, N="3", PORT="1234", TOKEN="hush-hush", INTERVAL="7s")
    assert p.returncode == 0
    assert "hush-hush" not in p.stdout + p.stderr
    config = yaml.safe_load(p.stdout)
    assert config["workers"] == 3
    assert config["server"]["http"] == {"listen": "127.0.0.1:1234", "token": "<secret>", "cors_allow": "*", "self_signed": False}
    assert config["scrape_configs"][0]["job_name"] == "$${N} 3"  # doubled, so that it reads back as ${N}
    assert config["scrape_configs"][0]["scrape_interval"] == "7s"
    p = check(path, N="hush-hush", INTERVAL="hush-hush")
    assert p.returncode == 3
    assert "hush-hush" not in p.stdout + p.stderr
    assert [line.split(": ", 1)[0].removeprefix(str(path)) for line in p.stderr.splitlines()] == [":1:10", ":2:68", ":3:60"]
    assert "the environment variable TOKEN is not set" in p.stderr


# --- what comes with Pulseline ---

@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "conf").glob("*.yml")))
def test_our_configurations_are_right_and_what_is_printed_is_the_same_configuration(write, name):
    p = check("--print-config", ROOT / "conf" / name)
    assert (p.returncode, p.stderr) == (0, "")
    again = check("--print-config", write(p.stdout))
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines()[1:] == p.stdout.splitlines()[1:]


def keys_of(value):
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from keys_of(below)
    elif isinstance(value, list):
        for below in value:
            yield from keys_of(below)


def test_the_reference_names_every_key(write):
    """What is printed with all defaults, and the keys that have none, which the reference shows as comments."""
    kinds = re.search(r"there are: (.*)", check(write("outputs: [zzzzzzzz: {}]")).stderr)[1].split(", ")
    assert {"local", "file"} <= set(kinds)
    reference = REFERENCE.read_text()
    for kind in kinds:
        assert re.search(rf"^ *(# )?- {kind}:", reference, re.M), f"output {kind}"
    missing = {k for k in keys_of(effective(REFERENCE)) if not re.search(rf"^[ #-]*{k}: ?|[{{ ]{k}: ", reference, re.M)}
    assert missing == set()


def test_the_reference_holds_when_its_comments_are_keys(write):
    """Keys without a default stand as comments: taken as keys, they must be right too."""
    text = re.sub(r"^( *)# (?=[a-z_]+: \S)", r"\1", REFERENCE.read_text(), flags=re.M)
    assert text.count("\n    token_file: ") == 2 and text.count("ca_file: ") == 2
    p = check(write(text))
    assert p.returncode == 0, p.stderr


def test_the_reference_shows_the_defaults(write):
    shown = yaml.safe_load(REFERENCE.read_text())
    plain = effective(write("""\
scrape_configs:
  - {job_name: node, tls_config: {}, authorization: {credentials: x}, file_sd_configs: [{files: [targets/*.yml]}],
     relabel_configs: [{source_labels: [__address__], target_label: address}]}
outputs: [local: {}, file: {path: points.lp}]
server: {relay: {}}
kapacitor: {url: "http://127.0.0.1:9092", proof: {way: influxdb}}
"""))
    for section in ("log", "queue", "workers"):
        assert shown[section] == plain[section]
    assert shown["server"]["http"] == plain["server"]["http"]
    assert {**shown["server"]["relay"], "overrides": None} == {**plain["server"]["relay"], "overrides": None}
    assert {**shown["global"], "external_labels": {}} == plain["global"]
    job, default = shown["scrape_configs"][0], plain["scrape_configs"][0]
    for key in set(job) - {"static_configs", "file_sd_configs", "metric_relabel_configs", "body_size_limit"}:  # 0 there: inherited
        assert job[key] == default[key], key
    assert job["file_sd_configs"][0] == default["file_sd_configs"][0]
    assert shown["scrape_configs"][2]["authorization"]["type"] == default["authorization"]["type"]
    assert {**plain["kapacitor"], "tls_config": None} == {**shown["kapacitor"], "tls_config": None}
    silent = next(a for a in effective(REFERENCE)["alerts"] if a["id"] == "host-silent")
    alert = shown["alerts"][0]
    for key in set(alert) & set(silent) - {"id", "kind", "metric", "tags", "group_by", "operator", "post"}:
        assert alert[key] == silent[key], key
    for kind in ("local", "file"):
        ours = next(o[kind] for o in shown["outputs"] if kind in o)
        printed = next(o[kind] for o in plain["outputs"] if kind in o)
        assert {**ours, "path": ""} == {**printed, "path": ""}


def test_an_alert_of_a_metric_that_nobody_produces(pulseline, pages):
    """The daemon that runs by the configuration is asked; where none runs nothing is said."""
    pages.pages["/metrics"] = b"temp 20\n"
    alerts = [{"id": "warm", "metric": "temp", "threshold": 30, "duration": "1m", "post": "http://127.0.0.1:1/"},
              {"id": "typo", "metric": "tmep", "threshold": 30, "duration": "1m", "post": "http://127.0.0.1:1/"}]
    pulseline.config([job("j", pages.address)], [{"local": {"path": str(pulseline.folder / "p.db")}}],
                     kapacitor={"url": "http://127.0.0.1:1"}, alerts=alerts)

    def said():
        p = check(pulseline.config_path)
        assert p.returncode == 0, p.stderr
        return [line for line in p.stderr.splitlines() if "nobody" in line]

    assert said() == []
    pulseline.start()
    wait_until(lambda: "temp" in pulseline.get("/keys").json(), "the page is stored")
    assert len(said()) == 1 and "'tmep'" in said()[0] and f"{pulseline.config_path}:" in said()[0]
