"""Relabeling of targets as a user meets it: the daemon, its pages, and the command that tries rules."""
import json
import subprocess

import pytest

from daemon import BINARY, job
from harness import PATIENCE, wait_until

RULES = [
    {"source_labels": ["__address__"], "regex": r"(.*):\d+", "target_label": "host", "replacement": "on-${1}"},
    {"action": "drop", "source_labels": ["env"], "regex": "te.*"},
    {"source_labels": ["env", "host"], "separator": "/", "target_label": "where"},
]


def relabel(folder, rules, lines, *flags):
    path = folder / "rules.yml"
    path.write_text(rules if isinstance(rules, str) else json.dumps(rules))
    return subprocess.run([BINARY, "relabel", "--rules", path, *flags], input=lines, capture_output=True, text=True, timeout=PATIENCE)


# --- the daemon ---


@pytest.fixture
def relabeled(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\n"
    groups = [{"targets": [pages.address], "labels": {"env": "prod"}}, {"targets": ["127.0.0.1:1"], "labels": {"env": "test"}}]
    pulseline.config([{"job_name": "r", "static_configs": groups, "relabel_configs": RULES}, job("plain", pages.address)])
    pulseline.start()
    wait_until(lambda: pulseline.points_of("a", job="r"), "the target is scraped")
    return pulseline


@pytest.mark.sanitized
def test_targets_are_relabeled_and_dropped(relabeled, pages):
    data = relabeled.get("/api/v1/targets").json()["data"]
    labels = {t["scrapePool"]: t["labels"] for t in data["activeTargets"]}
    assert labels["r"] == {"env": "prod", "host": "on-127.0.0.1", "instance": pages.address, "job": "r", "where": "prod/on-127.0.0.1"}
    assert labels["plain"] == {"instance": pages.address, "job": "plain"}
    (dropped,) = data["droppedTargets"]
    assert (dropped["scrapePool"], dropped["rule"]) == ("r", 1)
    assert dropped["discoveredLabels"]["__address__"] == "127.0.0.1:1" and "host" not in dropped["discoveredLabels"]
    assert data["droppedTargetCounts"] == {"plain": 0, "r": 1}
    assert relabeled.points_of("a", job="r", where="prod/on-127.0.0.1")
    assert relabeled.metric("pulseline_targets") == 2 and relabeled.metric("pulseline_targets_dropped") == 1
    assert relabeled.metric("pulseline_discovery_targets_dropped", scrape_job="r") == 1
    for state, active, gone in (("active", 2, 0), ("dropped", 0, 1), ("any", 2, 1)):
        data = relabeled.get(f"/api/v1/targets?state={state}").json()["data"]
        assert (len(data["activeTargets"]), len(data["droppedTargets"])) == (active, gone), state


def test_the_page_explains(relabeled, pages):
    answer = relabeled.get("/debug/relabel", params={"target": "127.0.0.1:1"})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    (target,) = answer.json()["targets"]
    assert (target["scrapePool"], target["droppedBy"]) == ("r", 1) and "labels" not in target
    steps = [(s["rule"], s["action"], s["kept"], s["changed"]) for s in target["steps"]]
    assert steps == [(0, "replace", True, True), (1, "drop", False, False)]
    assert target["steps"][0]["labels"]["host"] == "on-127.0.0.1"
    assert target["steps"][1]["config"] == 'action: drop, source_labels: [env], regex: "te.*"'

    pools = [t["scrapePool"] for t in relabeled.get("/debug/relabel", params={"target": pages.address}).json()["targets"]]
    assert sorted(pools) == ["plain", "r"]
    (target,) = relabeled.get("/debug/relabel", params={"target": pages.address, "job": "r"}).json()["targets"]
    assert target["droppedBy"] is None and target["labels"]["where"] == "prod/on-127.0.0.1" and len(target["steps"]) == 3
    assert target["scrapeUrl"] == f"http://{pages.address}/metrics"

    text = relabeled.get("/debug/relabel", params={"target": "127.0.0.1:1", "format": "text"})
    assert text.headers["Content-Type"].startswith("text/plain")
    assert "rule 1  action: drop" in text.text and "DROPPED by this rule" in text.text
    assert relabeled.get("/debug/relabel", params={"target": "127.0.0.1:1"}, headers={"Accept": "text/plain"}).text == text.text
    assert relabeled.get("/debug/relabel").status_code == 400
    assert relabeled.get("/debug/relabel", params={"target": "nowhere:1"}).status_code == 404
    assert relabeled.get("/debug/relabel", params={"target": pages.address, "job": "none"}).status_code == 404


def test_secret_parameters_stay_hidden(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\n"
    rules = [{"target_label": "x", "replacement": "y"}, {"action": "drop", "source_labels": ["__address__"], "regex": "127.0.0.1:1"}]
    pulseline.config([job("s", pages.address, "127.0.0.1:1", params={"token": ["s3cret"]}, relabel_configs=rules)]).start()
    paths = ["/api/v1/targets", f"/debug/relabel?target={pages.address}", f"/debug/relabel?target={pages.address}&format=text",
             "/debug/relabel?target=127.0.0.1:1"]
    for path in paths:
        page = pulseline.get(path)
        assert page.status_code == 200, path
        assert ("<secret>" in page.text or "\\u003csecret\\u003e" in page.text) and "s3cret" not in page.text, path


def test_rules_change_with_a_reload(relabeled, pages):
    relabeled.config([job("r", pages.address, "127.0.0.1:1", relabel_configs=[{"target_label": "new", "replacement": "v"}])])
    assert relabeled.reload().status_code == 200
    targets = relabeled.targets()
    assert {t["labels"]["new"] for t in targets.values()} == {"v"} and len(targets) == 2
    assert relabeled.get("/api/v1/targets").json()["data"]["droppedTargets"] == []
    relabeled.config([job("r", pages.address, relabel_configs=[{"action": "keep", "regex": "(?=x)"}])])
    answer = relabeled.reload()
    assert answer.status_code >= 400
    assert "look-ahead is not portable" in answer.text
    assert len(relabeled.targets()) == 2


# --- the command ---


@pytest.mark.sanitized
def test_the_command_tries_rules(tmp_path):
    lines = '{"__address__":"db:1","env":"prod"}\n\n{"env":"test"}\n{}\n'
    p = relabel(tmp_path, RULES, lines)
    assert p.returncode == 0 and p.stderr == ""
    first = {"__address__": "db:1", "env": "prod", "host": "on-db", "where": "prod/on-db"}
    assert [json.loads(x) for x in p.stdout.splitlines()] == [first, None, {"where": "/"}]
    for form in ({"relabel_configs": RULES}, {"metric_relabel_configs": RULES}):
        assert relabel(tmp_path, form, lines).stdout == p.stdout
    assert relabel(tmp_path, "[]", '{"a":"1","b":""}').stdout == '{"a":"1"}\n'


def test_the_command_shows_each_step(tmp_path):
    p = relabel(tmp_path, RULES, '{"__address__":"db:1","env":"test"}\n', "--trace")
    assert p.returncode == 0
    assert p.stdout.splitlines() == [
        '# {"__address__":"db:1","env":"test"}',
        r'# rule 0: action: replace, source_labels: [__address__], regex: "(.*):\\d+", target_label: "host", replacement: "on-${1}"',
        '#   {"__address__":"db:1","env":"test","host":"on-db"}',
        '# rule 1: action: drop, source_labels: [env], regex: "te.*"',
        "#   dropped by rule 1",
        "null",
    ]


@pytest.mark.parametrize("line, reason", [
    ("nonsense", "a value must stand here"),
    ("[]", "a label set is an object"),
    ('{"a":1}', "the value of a is no text in quotes"),
    ('{"a":{}}', "the value of a is no text in quotes"),
    ('{"":"c"}', 'an empty name is no label name'),
    ("null", "a label set is an object"),
])
def test_a_bad_line_is_told_and_left_out(tmp_path, line, reason):
    p = relabel(tmp_path, [], f'{{"x":"1"}}\n{line}\n{{"x":"2"}}\n')
    assert (p.returncode, p.stdout) == (1, '{"x":"1"}\n{"x":"2"}\n')
    assert p.stderr.startswith(f"pulseline: line 2: {reason}"), p.stderr


@pytest.mark.parametrize("rules, problem", [
    ("- action: hashmod\n  target_label: x\n", ":1:3: relabel_configs[0].modulus: hashmod needs a modulus above 0"),
    ("- regex: (a)\\1\n  target_label: x\n", ":1:10: relabel_configs[0].regex: back-references are not portable"),
    ("relabel_configs: [{acton: drop}]\n", 'relabel_configs[0].acton: unknown key (did you mean "action"?)'),
    ("{}", "it must hold either relabel_configs or metric_relabel_configs"),
    ("", "there are no rules in it"),
    ("text", "expected a mapping"),
])
def test_wrong_rules_are_told(tmp_path, rules, problem):
    p = relabel(tmp_path, rules, '{"a":"1"}\n')
    assert (p.returncode, p.stdout) == (3, "")
    assert problem in p.stderr and "rules.yml" in p.stderr, p.stderr


def test_the_command_teaches(tmp_path):
    assert "--trace" in subprocess.run([BINARY, "relabel", "--help"], capture_output=True, text=True, check=True).stdout
    for wrong in ([], ["--rules"], ["--nope"]):
        p = subprocess.run([BINARY, "relabel", *wrong], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert p.returncode == 2 and "pulseline relabel --help" in p.stderr
    p = subprocess.run([BINARY, "relabel", "--rules", tmp_path / "none.yml"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert p.returncode == 3 and "none.yml" in p.stderr


@pytest.mark.sanitized
def test_names_beyond_letters_are_escaped_on_their_way(pulseline, pages):
    """Prometheus 3 takes any UTF-8 as a label's name; line protocol has signs of its own."""
    pages.pages["/metrics"] = b"a 1\n"
    odd = 'sp ace,com=eq.ual"\u00e9'
    rules = [{"target_label": odd, "replacement": "of the target"}]
    metric_rules = [{"source_labels": [odd], "target_label": odd + "2", "replacement": "seen: $1"}]
    pulseline.config([job("odd", pages.address, relabel_configs=rules, metric_relabel_configs=metric_rules),
                      job("plain", pages.address, relabel_configs=rules)]).start()
    wait_until(lambda: pulseline.points_of("up", job="odd") and pulseline.points_of("up", job="plain"), "both are scraped")
    assert pulseline.target("odd")["labels"][odd] == "of the target"
    lines = pulseline.points()
    name = 'sp\\ ace\\,com\\=eq.ual"\u00e9'
    for job_name, wanted in (("odd", [f"{name}=of\\ the\\ target", f"{name}2=seen:\\ of\\ the\\ target"]), ("plain", [f"{name}=of\\ the\\ target"])):
        found = [line for line in lines if line.startswith("a,") and f"job={job_name}" in line]
        assert found and all(text in line for line in found for text in wanted), found
    p = subprocess.run([BINARY, "check", "lp"], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=PATIENCE)
    assert p.returncode == 0, p.stdout
