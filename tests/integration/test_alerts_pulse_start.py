"""Alerts of a daemon that was started in pulse's place, posted and received as pulse's clients do it."""
import json

import pytest
import requests

from alert_stack import Host
from harness import PATIENCE, wait_until
from http_peers import Peer
from influx import Influxd
from kapacitord import Kapacitor, needs_kapacitor
from test_pulse_start import Pulse

pytestmark = needs_kapacitor


@pytest.fixture
def servers(tmp_path):
    influxd = Influxd(tmp_path / "influxd", subscriber=True).start()
    kapacitor = Kapacitor(tmp_path / "kapacitor", influx=influxd.url).start()
    pulse = Pulse(tmp_path / "pulse")
    yield influxd, kapacitor, pulse
    status = pulse.end()
    pulse.check_log()
    kapacitor.end()
    influxd.end()
    assert status == 0, pulse.log()[-4000:]


def test_an_alert_as_pulses_clients_know_it(servers):
    influxd, kapacitor, pulse = servers
    got = []

    def receive(asked):
        got.append((asked, json.loads(asked.body)))
        return 200, {}, b""

    receiver = Peer(receive)
    pulse.start_as_pulse("-i", influxd.url, "-k", kapacitor.url, "-t", "mine", "-p", "1")
    host = Host(pulse.relay_port, "h1")
    other = Host(pulse.relay_port, "h2")
    token = {"X-AUTH-TOKEN": "mine"}
    try:
        wait_until(lambda: influxd.query("SELECT cpu_used FROM one_day.cpu_used", "statistics"), "the first points are stored")
        wait_until(lambda: any(s["name"] == "statistics" and any(row[0] == "one_day" for row in s["values"])
                               for s in influxd.query("SHOW SUBSCRIPTIONS")), "Kapacitor subscribes")
        alert = {"tags": {"host": "h1"}, "metric": "cpu_used", "level": "crit", "threshold": "0.8", "duration": "2s",
                 "post": f"http://{receiver.address}/hook?a=b"}
        assert requests.post(pulse.url("/alerts"), json=alert, timeout=PATIENCE).status_code == 401
        answer = requests.post(pulse.url("/alerts"), json=alert, headers=token, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert {k: made[k] for k in alert} == alert
        listed = requests.get(pulse.url("/alerts"), headers=token, timeout=PATIENCE).json()
        assert [a["id"] for a in listed] == [made["id"]] and {k: listed[0][k] for k in alert} == alert
        task = kapacitor.ask("GET", f"/tasks/pulseline-{made['id']}").json()
        assert task["dbrps"] == [{"db": "statistics", "rp": "one_day"}, {"db": "pulseline_proof", "rp": "autogen"}]
        assert task["executing"] and task["error"] == ""
        other.value = 0.95
        host.value = 0.9
        wait_until(lambda: got, "the receiver is told", patience=3 * PATIENCE)
        asked, body = got[0]
        assert (asked.method, asked.path) == ("POST", "/hook?a=b") and asked.headers["Content-Type"].startswith("application/json")
        assert "X-Pulseline-Token" not in asked.headers and "mine" not in asked.body
        assert (body["id"], body["level"], body["previousLevel"], body["details"]) == ("[h1] cpu_used", "CRITICAL", "OK", "")
        assert body["message"].startswith("[h1] cpu_used is CRITICAL value:0.")
        series, = body["data"]["series"]
        assert (series["name"], series["tags"], series["columns"]) == ("cpu_used", {"host": "h1"}, ["time", "mean_cpu_used"])
        host.value = 0.1
        wait_until(lambda: len(got) > 1, "the receiver is told that it is over", patience=3 * PATIENCE)
        assert [b["level"] for _, b in got] == ["CRITICAL", "OK"] and got[1][1]["id"] == "[h1] cpu_used"
        answer = requests.delete(pulse.url(f"/alerts/{made['id']}"), headers=token, timeout=PATIENCE)
        assert (answer.status_code, answer.json()) == (200, {"msg": "Success"})
        wait_until(lambda: kapacitor.ask("GET", f"/tasks/pulseline-{made['id']}").status_code == 404, "its task is gone")
        assert requests.get(pulse.url("/alerts"), headers=token, timeout=PATIENCE).json() == []
        assert len(got) == 2
    finally:
        host.close()
        other.close()
        receiver.close()
