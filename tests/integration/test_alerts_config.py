"""Alerts that the configuration declares, in itself and in files: provisioned, read-only to the API, taken on by a reload."""
import json

import pytest
import requests
import yaml

from alerting import ALERT, PREFIX, Receiver, alerting  # noqa: F401
from harness import PATIENCE, wait_until

pytestmark = pytest.mark.sanitized


def declared(id, **more):
    return {"id": id, "metric": "cpu_used", "threshold": 0.8, "post": "http://127.0.0.1:1/", "group_by": ["host"], **more}


def reloaded(alerting, **more):  # noqa: F811
    alerting.config(**more)
    answer = alerting.reload()
    assert answer.status_code == 200, answer.text


def test_declared_alerts_are_provisioned_and_read_only(alerting):  # noqa: F811
    """Those of the file and those of the files that it names; whoever changes them by the API is told where they stand."""
    folder = alerting.daemon.folder / "alerts"
    folder.mkdir()
    (folder / "one.yml").write_text("- id: from-list\n  metric: m\n  threshold: 1\n  post: http://127.0.0.1:1/\n")
    (folder / "two.json").write_text(json.dumps({"alerts": [declared("from-json")]}))
    (folder / "two.json~").write_text("nonsense")
    alerting.start(alerts=[declared("own", threshold=7)], alert_files=["alerts/*.yml", str(folder / "*.json")])
    for id, threshold in (("own", 7), ("from-list", 1), ("from-json", 0.8)):
        alerting.armed(id)
        assert alerting.task(id)["vars"]["crit"]["value"] == threshold
    assert alerting.ids() == ["from-json", "from-list", "own"]
    places = {"own": str(alerting.daemon.config_path), "from-list": "alerts/one.yml:1:", "from-json": "alerts/two.json:1:"}
    for id, place in places.items():
        assert place in alerting.get(id)["declared"]
        for method, path, body in (("PUT", f"/{id}", ALERT), ("PUT", "", {**ALERT, "id": id}), ("DELETE", f"/{id}", None)):
            answer = alerting.ask(method, path, json=body and {**body, "post": "http://127.0.0.1:1/"})
            assert answer.status_code == 409 and place in answer.json()["error"], (method, path, answer.text)
    line = int(alerting.get("own")["declared"].split(":")[-2])
    assert '"own"' in "".join(alerting.daemon.config_path.read_text().splitlines()[line - 2:line + 1])
    assert alerting.quiet() == 3
    assert alerting.daemon.metric("pulseline_alerts", source="configuration") == 3
    alerting.put("by-api")
    assert "declared" not in alerting.get("by-api")
    assert [a["id"] for a in yaml.safe_load(alerting.ask("GET", "?format=yaml").text)["alerts"]] == ["by-api"]


def test_reload_adds_changes_and_removes(alerting):  # noqa: F811
    alerting.start(alerts=[declared("kept"), declared("changed"), declared("removed")])
    alerting.put("by-api")
    before = alerting.quiet()
    modified = {id: alerting.get(id)["modified"] for id in ("kept", "changed")}
    reloaded(alerting, alerts=[declared("kept"), declared("changed", threshold=0.9), declared("added")])
    alerting.armed("added")
    wait_until(lambda: alerting.tasks() == [PREFIX + id for id in ("added", "by-api", "changed", "kept")], "the task of the one removed is gone")
    wait_until(lambda: alerting.task("changed")["vars"]["crit"]["value"] == 0.9, "the other threshold runs")
    assert alerting.ids() == ["added", "by-api", "changed", "kept"]
    alerting.quiet()
    touched = {(w.method, w.path.rsplit("-", 1)[-1]) for w in alerting.kapacitor.writes()[before:] if w.method != "POST"}
    assert touched == {("PATCH", "changed"), ("DELETE", "removed")}, "the others were left alone"
    assert alerting.get("kept")["modified"] == modified["kept"] and alerting.get("changed")["modified"] != modified["changed"]
    assert alerting.ask("GET", "/removed").status_code == 404
    reloaded(alerting, alerts=[])
    wait_until(lambda: alerting.tasks() == [PREFIX + "by-api"], "all but the API's are gone")


BAD = [
    ([declared("a", threshold="high")], "alerts[0].threshold"),
    ([{"metric": "m", "threshold": 1, "post": "http://x/"}], "id"),
    ([declared("a"), declared("a")], "alerts[1]"),
    ([declared("a", notify=["nobody"])], "nobody"),
    ([declared("a", treshold=1)], "\"threshold\""),
    ([declared("a", duration="soon")], "duration"),
    ([declared("a b")], "id"),
]


def test_a_bad_alert_keeps_the_old_configuration(alerting):  # noqa: F811
    """With its place in the complaint; what runs goes on."""
    folder = alerting.daemon.folder / "alerts"
    folder.mkdir()
    alerting.start(alerts=[declared("good")], alert_files=["alerts/*.yml"])
    before = alerting.quiet()
    for alerts, words in BAD:
        alerting.config(alerts=[declared("good", threshold=99)] if len(alerts) == 0 else alerts, alert_files=["alerts/*.yml"])
        answer = alerting.reload()
        assert answer.status_code >= 400 and words in answer.text and str(alerting.daemon.config_path) in answer.text, (words, answer.text)
    alerting.config(alerts=[declared("good", threshold=99)], alert_files=["alerts/*.yml"])
    (folder / "bad.yml").write_text("- id: other\n  metric: m\n  threshold: high\n  post: http://127.0.0.1:1/\n")
    answer = alerting.reload()
    assert answer.status_code >= 400 and "alerts/bad.yml:3:" in answer.text, answer.text
    assert alerting.ids() == ["good"] and alerting.get("good")["threshold"] == "0.8"
    assert alerting.quiet() == before, "Kapacitor heard nothing of all this"
    (folder / "bad.yml").write_text("- id: other\n  metric: m\n  threshold: 3\n  post: http://127.0.0.1:1/\n")
    assert alerting.reload().status_code == 200
    alerting.armed("other")
    assert alerting.get("good")["threshold"] == "99"


EXPORTED = [
    {"id": "plain"},
    {"id": "texts", "metric": "x: 'y' #z", "tags": {"k'\"": "é: [\\{", "yes": "no", "n": "0x1F"}, "message": "first\nsecond {value} # {level} '\"\\"},
    {"id": "numbers", "threshold": "1e3", "duration": "90s", "every": "1500ms", "operator": "<="},
    {"id": "levels", "level": None, "threshold": None, "info": 70, "warn": "80.50", "crit": 90, "crit_reset": 85},
    {"id": "dead", "kind": "deadman", "threshold": "0", "duration": "1h"},
    {"id": "against", "kind": "relative", "threshold": None, "level": None, "crit": -50, "operator": "lt", "ago": "1w", "change": "percent", "every": "5m"},
    {"id": "off", "enabled": False, "aggregate": "percentile", "percentile": 99.5},
    {"id": "told", "cooldown": "1m", "reminder": "2h", "group_wait": "10s", "notify": ["hook"], "group_by": ["*"]},
]


def test_exported_alerts_are_a_configuration(alerting):  # noqa: F811
    """What came by the API, exported as YAML, moved into a file: the same tasks, without a single write. The file counts then."""
    folder = alerting.daemon.folder / "alerts"
    folder.mkdir()
    notifiers = [{"webhook": {"name": "hook", "url": alerting.receiver.url}}]
    alerting.start(notifiers=notifiers, alert_files=["alerts/*.yml"])
    for a in EXPORTED:
        answer = alerting.ask("POST" if "id" not in a else "PUT", json={
            k: v for k, v in {**ALERT, "post": alerting.receiver.url, **a}.items() if v is not None})
        assert answer.status_code == 200 and "warnings" not in answer.json(), answer.text
    before = alerting.quiet()
    shown = {a["id"]: a for a in alerting.ask("GET").json()}
    running = {id: t["running"] for id, t in alerting.kapacitor.tasks.items()}
    export = alerting.ask("GET", "?format=yaml")
    assert export.headers["Content-Type"].startswith("application/yaml")
    (folder / "moved.yml").write_bytes(export.content)
    assert alerting.reload().status_code == 200
    now = {a["id"]: a for a in alerting.ask("GET").json()}
    assert sorted(now) == sorted(shown) and all("alerts/moved.yml:" in a["declared"] for a in now.values())
    own = [k for k in shown["plain"] if k not in ("since", "checked", "modified", "created", "proof")]
    for id in shown:
        assert {k: now[id].get(k) for k in own} == {k: shown[id].get(k) for k in own}, id
    assert alerting.quiet() == before, "no write"
    assert {id: t["running"] for id, t in alerting.kapacitor.tasks.items()} == running
    assert alerting.daemon.end() == 0
    alerting.daemon.start()
    assert alerting.ids() == sorted(shown) and alerting.quiet() == before
    assert alerting.ask("GET", "?format=yaml").text == "alerts: []\n"
    assert alerting.daemon.metric("pulseline_alerts", source="configuration") == len(EXPORTED)


def test_notifiers_changed_by_a_reload_lose_nothing(alerting):  # noqa: F811
    """A notifier that moves to another server, one that goes and comes again: what waited for them arrives, once."""
    there = Receiver()
    alert = [declared("a", post=None, notify=["hook", "other"])]
    alert[0].pop("post")

    def notifiers(url, *more):
        return [{"webhook": {"name": "hook", "url": url}}, *more]

    other = {"webhook": {"name": "other", "url": there.url}}
    alerting.receiver.down()
    alerting.start(alerts=alert, notifiers=notifiers(alerting.receiver.url, other))
    alerting.armed("a")
    for host in ("h1", "h2", "h3"):
        assert alerting.fire("a", "CRITICAL", host) == 204
    wait_until(lambda: alerting.daemon.metric("pulseline_notices_waiting") == 6, "three notices for each")
    reloaded(alerting, alerts=alert, notifiers=notifiers(alerting.receiver.url + "?moved", other))
    alert[0]["notify"] = ["hook"]
    reloaded(alerting, alerts=alert, notifiers=notifiers(alerting.receiver.url + "?moved"))
    assert alerting.fire("a", "OK", "h1", previous="CRITICAL") == 204
    reloaded(alerting, alerts=alert, notifiers=notifiers(alerting.receiver.url + "?moved", other))
    alerting.receiver.up()
    there.up()
    try:
        assert alerting.fire("a", "OK", "h2", previous="CRITICAL") == 204
        alerting.receiver.wait_for(5)
        there.wait_for(5)
        wait_until(lambda: alerting.daemon.metric("pulseline_notices_waiting") == 0, "nothing waits any more")
        expected = {"cpu_used (host=h1)": ["CRITICAL", "OK"], "cpu_used (host=h2)": ["CRITICAL", "OK"], "cpu_used (host=h3)": ["CRITICAL"]}
        assert alerting.receiver.levels() == there.levels() == expected  # a recovery reaches whom the alarm reached
        assert {a.path for a in alerting.receiver.asked} == {"/hook?moved"}
    finally:
        there.down()


def test_a_kapacitor_section_comes_and_goes(alerting):  # noqa: F811
    """By reload: the alerts come to another Kapacitor, or are off; nothing of them is forgotten."""
    alerting.daemon.config([]).start()
    assert alerting.ask("GET").status_code == 503
    reloaded(alerting)
    alerting.put("a")
    alerting.daemon.config([], state={"dir": str(alerting.folder / "state")})
    assert alerting.reload().status_code == 200
    assert alerting.ask("GET").status_code == 503 and alerting.tasks() == [PREFIX + "a"]
    reloaded(alerting)
    alerting.armed("a")
    first = alerting.kapacitor
    alerting.kapacitor = type(first)().start()
    try:
        reloaded(alerting)
        alerting.armed("a")
        assert alerting.tasks() == [PREFIX + "a"] and alerting.fire("a", "CRITICAL") == 204
        alerting.receiver.wait_for(1)
    finally:
        first.stop()


def test_check_config_tells_where_an_alert_is_wrong(alerting):  # noqa: F811
    """As the reload does, so that one may look before."""
    alerting.config(alerts=[declared("a", level="high")])
    alerting.daemon.start(ready=False)
    assert alerting.daemon.p.wait(PATIENCE) == 3
    alerting.daemon.expected_exit = 3
    assert str(alerting.daemon.config_path) in alerting.daemon.log() and "alerts[0].level" in alerting.daemon.log()
    with pytest.raises(requests.ConnectionError):
        alerting.ask("GET")
