"""Alerts with everything real: relay -> Pulseline -> influxd -> its subscription -> kapacitord -> Pulseline -> a receiver."""
import json
import threading
import time

import pytest
import requests

from harness import PATIENCE, free_port, wait_until
from http_peers import Peer
from influx import Influxd
from kapacitord import Kapacitor, needs_kapacitor
from relays import Relay

pytestmark = needs_kapacitor

PERIOD = 2  # seconds between two looks of ours at Kapacitor
ALERT = {"tags": {"host": "h1"}, "metric": "cpu_used", "level": "crit", "operator": "gt", "threshold": "0.8", "duration": "2s",
         "every": "1s"}


class Host:
    """A relay that answers each poll with the value of the moment."""

    def __init__(self, port, name):
        self.value, self.ended = 0.1, False
        self.relay = Relay(port, name)
        self.relay.say("add cpu_used:")
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def _answer(self):
        while not self.ended:
            try:
                line = self.relay.line()
                if line is None:
                    return
                if line.startswith("get "):
                    self.relay.say(f"got cpu_used-cpu_used:{self.value:.4f}")
            except OSError:
                return

    def close(self):
        self.ended = True
        self.relay.close()


class Stack:
    def __init__(self, folder, pulseline):
        self.pulseline, self.got = pulseline, []
        self.influxd = Influxd(folder / "influxd", subscriber=True).start()
        self.kapacitor = Kapacitor(folder / "kapacitor", influx=self.influxd.url).start()
        self.receiver = Peer(self._receive)
        self.relay_port = free_port()
        self.host = None
        self.folder = folder

    def _receive(self, asked):
        self.got.append((asked, json.loads(asked.body)))
        return 200, {}, b""

    def start(self, **more):
        self.pulseline.config([], [{"influxdb": {"url": self.influxd.url, "database": "statistics", "create_database": True}}],
                              server={"relay": {"listen": f"127.0.0.1:{self.relay_port}", "poll_interval": "500ms"}},
                              kapacitor={"url": self.kapacitor.url, "interval": f"{PERIOD}s", **more.pop("kapacitor", {})},
                              state={"dir": str(self.folder / "state")}, **more)
        self.pulseline.start()
        self.host = Host(self.relay_port, "h1")
        wait_until(lambda: "statistics" in self.influxd.databases(), "the first points make the database")
        wait_until(lambda: any(s["name"] == "statistics" for s in self.influxd.query("SHOW SUBSCRIPTIONS")), "Kapacitor subscribes")
        return self

    def url(self, path=""):
        return self.pulseline.url(f"/alerts{path}")

    def post(self, **more):
        answer = requests.post(self.url(), json={**ALERT, "post": f"http://{self.receiver.address}/hook", **more}, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def armed(self, alert):
        def is_armed():
            seen = requests.get(self.url(f"/{alert}"), timeout=PATIENCE).json()
            return seen["executing"] and seen["state"] == "ok"

        wait_until(is_armed, f"{alert} is armed: {requests.get(self.url(f'/{alert}'), timeout=PATIENCE).text}")

    def task(self, alert):
        return self.kapacitor.ask("GET", f"/tasks/pulseline-{alert}?script-format=raw").json()

    def told(self, level, after=0):
        """Waits for a post of that level, and gives its body."""
        wait_until(lambda: any(body["level"] == level for _, body in self.got[after:]), f"the receiver is told {level}: {self.got}",
                   patience=3 * PATIENCE)
        return next(body for _, body in self.got[after:] if body["level"] == level)

    def close(self):
        if self.host is not None:
            self.host.close()
        self.receiver.close()
        self.kapacitor.end()
        self.influxd.end()


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
    events = requests.get(stack.url(f"/{alert['id']}/events"), timeout=PATIENCE).json()["events"]
    assert [e["level"] for e in events] == ["OK", "CRITICAL"]
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
    stack.armed(alert["id"])
    before = stack.task(alert["id"])
    stack.kapacitor.ask("PATCH", f"/tasks/pulseline-{alert['id']}", json={"script": "stream|from().measurement('other')|log()"})
    wait_until(lambda: stack.task(alert["id"])["script"] == before["script"], "the script is as it was", patience=2 * PERIOD + 2)
    stack.kapacitor.ask("PATCH", f"/tasks/pulseline-{alert['id']}", json={"status": "disabled"})
    wait_until(lambda: stack.task(alert["id"])["executing"], "it runs again", patience=2 * PERIOD + 2)
    stack.kapacitor.ask("DELETE", f"/tasks/pulseline-{alert['id']}")
    wait_until(lambda: stack.kapacitor.ask("GET", f"/tasks/pulseline-{alert['id']}").status_code == 200, "it is there again",
               patience=2 * PERIOD + 2)
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
    alert = stack.start(kapacitor={"proof": {"timeout": "5s"}}).post()
    stack.armed(alert["id"])

    def proof():
        return requests.get(stack.url(f"/{alert['id']}"), timeout=PATIENCE).json()["proof"]

    wait_until(lambda: proof()["lastProven"], f"it is proven: {proof()}", patience=90)
    assert proof()["error"] == "" and proof()["tookSeconds"] > 0
    assert stack.got == []
    assert requests.get(stack.url(f"/{alert['id']}/events"), timeout=PATIENCE).json()["events"] == []
    tags = {t for s in stack.influxd.query("SHOW TAG KEYS", "statistics") for row in s["values"] for t in row}
    assert "pulseline_proof" not in tags


def test_silence_is_an_alarm(stack):
    alert = stack.start(kapacitor={"proof": {"way": "off"}}).post(kind="deadman", threshold="0", duration="3s")
    stack.armed(alert["id"])
    time.sleep(4)  # of life
    stack.host.close()
    stack.told("CRITICAL")
    stack.host = Host(stack.relay_port, "h1")
    stack.told("OK")
