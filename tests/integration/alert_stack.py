"""Alerts with everything real: relay -> Pulseline -> influxd -> its subscription -> kapacitord -> Pulseline -> a receiver."""
import json
import threading

import requests

from harness import PATIENCE, free_port, wait_until
from http_peers import Peer
from influx import Influxd
from kapacitord import Kapacitor
from relays import Relay

PERIOD = 1  # seconds between two looks of ours at Kapacitor
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

    def quiet(self, alert):
        """What was repaired is seen to have stayed so: nothing is being waited for any more."""
        seen = self.pulseline.metric("pulseline_kapacitor_passes_total")
        wait_until(lambda: self.pulseline.metric("pulseline_kapacitor_passes_total") > seen + 1, "two more looks at Kapacitor")
        self.armed(alert)

    def events(self, alert):
        """The newest first."""
        return requests.get(self.url(f"/{alert}/events"), timeout=PATIENCE).json()["events"]

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
        self.pulseline.end()  # first: it would wait for InfluxDB to take what is left
        self.receiver.close()
        self.kapacitor.end()
        self.influxd.end()
