"""Alerts with everything real: relay -> Pulseline -> influxd -> its subscription -> kapacitord -> Pulseline -> a receiver."""
import json
import signal
import time

import pytest
import requests

from alert_stack import ALERT, PERIOD, Host, Stack
from harness import PATIENCE, wait_until
from kapacitord import needs_kapacitor

pytestmark = needs_kapacitor

@pytest.fixture
def stack(tmp_path, pulseline):
    s = Stack(tmp_path, pulseline)
    yield s
    s.close()


def test_a_threshold_is_crossed_and_crossed_back(stack):
    """The receiver gets pulse's JSON, once for each change; the events are there to be read."""
    alert = stack.start(kapacitor={"proof": {"way": "off"}}).post()
    stack.armed(alert["id"])
    stack.host.value = 0.9
    body = stack.told("CRITICAL")
    assert body["id"] == "[h1] cpu_used"
    assert body["message"].startswith("[h1] cpu_used is CRITICAL value:0.")
    assert (body["previousLevel"], body["recoverable"], body["duration"]) == ("OK", True, 0)
    series = body["data"]["series"][0]
    assert (series["name"], series["columns"]) == ("cpu_used", ["time", "mean_cpu_used"])
    assert 0.8 < series["values"][0][1] <= 0.9
    assert "pulseline_proof" not in json.dumps(body)
    stack.host.value = 0.1
    body = stack.told("OK")
    assert (body["id"], body["previousLevel"]) == ("[h1] cpu_used", "CRITICAL") and body["duration"] > 0
    assert [b["level"] for _, b in stack.got] == ["CRITICAL", "OK"]
    assert [e["level"] for e in stack.events(alert["id"])] == ["OK", "CRITICAL"]
    assert stack.pulseline.end() == 0


def test_an_update_changes_the_running_task(stack):
    alert = stack.start(kapacitor={"proof": {"way": "off"}}).post(threshold=5)
    stack.armed(alert["id"])
    stack.host.value = 0.5
    answer = requests.put(stack.url(), json={**ALERT, "id": alert["id"], "threshold": "0.3", "post": f"http://{stack.receiver.address}/"},
                          timeout=PATIENCE)
    assert answer.status_code == 200 and answer.json()["id"] == alert["id"], answer.text
    assert len(requests.get(stack.url(), timeout=PATIENCE).json()) == 1
    assert 0.3 < stack.told("CRITICAL")["data"]["series"][0]["values"][0][1] <= 0.5
    assert requests.delete(stack.url(f"/{alert['id']}"), timeout=PATIENCE).json() == {"msg": "Success"}
    wait_until(lambda: stack.kapacitor.ask("GET", f"/tasks/pulseline-{alert['id']}").status_code == 404, "its task is gone")
    assert stack.told("OK")["id"] == "[h1] cpu_used"  # who heard the alarm hears that it is over


def test_what_others_do_to_a_task_is_undone(stack):
    """An edited task, one that was taken away, a Kapacitor that was wiped: as declared again within two periods."""
    alert = stack.start(kapacitor={"proof": {"way": "off"}}).post()
    stack.quiet(alert["id"])
    before = stack.task(alert["id"])
    stack.kapacitor.ask("PATCH", f"/tasks/pulseline-{alert['id']}", json={"script": "stream|from().measurement('other')|log()"})
    wait_until(lambda: stack.task(alert["id"])["script"] == before["script"], "the script is as it was", patience=2 * PERIOD + 2)
    stack.quiet(alert["id"])
    stack.kapacitor.ask("PATCH", f"/tasks/pulseline-{alert['id']}", json={"status": "disabled"})
    wait_until(lambda: stack.task(alert["id"])["executing"], "it runs again", patience=2 * PERIOD + 2)
    stack.quiet(alert["id"])
    stack.kapacitor.ask("DELETE", f"/tasks/pulseline-{alert['id']}")
    wait_until(lambda: stack.kapacitor.ask("GET", f"/tasks/pulseline-{alert['id']}").status_code == 200, "it is there again",
               patience=2 * PERIOD + 2)
    stack.quiet(alert["id"])
    stack.kapacitor.end()
    stack.kapacitor.wipe()
    stack.kapacitor.start()
    wait_until(lambda: stack.task(alert["id"]).get("executing"), "a Kapacitor that knew nothing is refilled", patience=2 * PERIOD + 2)
    stack.host.value = 0.9
    stack.told("CRITICAL")
    assert stack.pulseline.metric("pulseline_kapacitor_repaired_total") >= 2


def test_influxdb_is_restarted(stack):
    alert = stack.start(kapacitor={"proof": {"way": "off"}}).post()
    stack.armed(alert["id"])
    stack.influxd.end()
    time.sleep(1)  # polls go on meanwhile, and wait
    stack.influxd.start()
    stack.host.value = 0.9
    stack.told("CRITICAL")
    stack.host.value = 0.1
    stack.told("OK")


def test_pulseline_is_restarted_while_an_alert_is_on(stack):
    """The recovery reaches whom the alarm reached; the tasks are left alone."""
    alert = stack.start(kapacitor={"proof": {"way": "off"}}).post()
    stack.armed(alert["id"])
    stack.host.value = 0.9
    stack.told("CRITICAL")
    stack.host.close()
    assert stack.pulseline.end() == 0
    stack.pulseline.start()
    stack.host = Host(stack.relay_port, "h1")
    stack.armed(alert["id"])
    assert [stack.pulseline.metric("pulseline_kapacitor_requests_total", method=m) for m in ("POST", "PATCH", "DELETE")] == [0, 0, 0]
    stack.told("OK")
    assert [b["level"] for _, b in stack.got] == ["CRITICAL", "OK"]


def test_an_alert_is_proven(stack):
    """Through InfluxDB and its subscription; users and receivers see nothing of it."""
    stack.influxd.query("CREATE DATABASE pulseline_proof")  # what is written to a new one before Kapacitor subscribes to it is lost
    alert = stack.start(kapacitor={"proof": {"timeout": "5s"}}).post()
    stack.armed(alert["id"])

    def proof():
        return requests.get(stack.url(f"/{alert['id']}"), timeout=PATIENCE).json()["proof"]

    wait_until(lambda: proof()["lastProven"], f"it is proven: {proof()}", patience=90)
    assert proof()["error"] == "" and proof()["tookSeconds"] > 0
    assert stack.got == [] and stack.events(alert["id"]) == []
    tags = {t for s in stack.influxd.query("SHOW TAG KEYS", "statistics") for row in s["values"] for t in row}
    assert "pulseline_proof" not in tags


def test_an_alert_is_proven_though_the_first_points_are_lost(stack):
    """Kapacitor comes to know of the new database while the points of a first attempt are written; its windows have seen half of them."""
    alert = stack.start(kapacitor={"proof": {"timeout": "1s"}}).post(duration="5m", every="30s")

    def proof():
        return requests.get(stack.url(f"/{alert['id']}"), timeout=PATIENCE).json()["proof"]

    wait_until(lambda: proof()["lastTried"], f"a proof has ended: {proof()}", patience=2 * PATIENCE)
    assert proof()["lastProven"] and proof()["error"] == "", proof()
    assert stack.got == [] and stack.events(alert["id"]) == []


def test_silence_is_an_alarm(stack):
    alert = stack.start(kapacitor={"proof": {"way": "off"}}).post(kind="deadman", threshold="0", duration="3s")
    stack.armed(alert["id"])
    time.sleep(4)  # of life
    stack.host.close()
    stack.told("CRITICAL")
    stack.host = Host(stack.relay_port, "h1")
    stack.told("OK")


def test_silence_that_is_our_own_fault(stack):
    """While our points wait for InfluxDB, silence is noted as the pipeline's and nobody is told: not when all is well again, but when
    the series is still silent then."""
    alert = stack.start(kapacitor={"lag": "1s", "proof": {"way": "off"}}).post(kind="deadman", threshold="0", duration="5s")
    stack.quiet(alert["id"])
    wait_until(lambda: stack.influxd.query("SELECT * FROM cpu_used", "statistics"), "there is life")
    time.sleep(5)  # of it, so that the window is full
    stack.influxd.p.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: "alerts of silence are held" in stack.pulseline.log(), "the points are late")
        wait_until(lambda: stack.events(alert["id"]), "Kapacitor misses them")
    finally:
        stack.influxd.p.send_signal(signal.SIGCONT)
    wait_until(lambda: [(e["level"], e.get("cause", "")) for e in stack.events(alert["id"])] == [("OK", ""), ("CRITICAL", "pipeline")],
               "it lives")
    wait_until(lambda: "alerts of silence count again" in stack.pulseline.log(), "the points are in time")
    time.sleep(6)  # the time that it had
    assert stack.got == []
    stack.host.close()
    assert stack.told("CRITICAL")["id"] == "[h1] cpu_used"
    assert len(stack.got) == 1


def test_silence_that_was_our_fault_and_stays(stack):
    """The last points come late, and no more behind them."""
    alert = stack.start(kapacitor={"lag": "1s", "proof": {"way": "off"}}).post(kind="deadman", threshold="0", duration="5s")
    stack.quiet(alert["id"])
    wait_until(lambda: stack.influxd.query("SELECT * FROM cpu_used", "statistics"), "there is life")
    stack.influxd.p.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: "alerts of silence are held" in stack.pulseline.log(), "the points are late")
        stack.host.close()
        wait_until(lambda: stack.events(alert["id"]), "Kapacitor misses them")
        event, = stack.events(alert["id"])
        assert (event["level"], event["cause"]) == ("CRITICAL", "pipeline") and stack.got == [], (event, stack.pulseline.log())
    finally:
        stack.influxd.p.send_signal(signal.SIGCONT)
    assert stack.told("CRITICAL")["id"] == "[h1] cpu_used"
    assert len(stack.got) == 1
