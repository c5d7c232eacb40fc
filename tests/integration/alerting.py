"""A daemon with a scripted Kapacitor in front and a receiver behind it."""
import json

import pytest
import requests

from harness import PATIENCE, free_port, wait_until
from http_peers import Peer
from kapacitor_double import KapacitorDouble, now

PREFIX = "pulseline-"
ALERT = {"tags": {"service": "shop"}, "metric": "cpu_used", "group_by": ["host"], "level": "crit", "operator": "gt", "threshold": "0.8",
         "duration": "5m"}


class Receiver:
    """Remembers the JSON that is posted; may go away and come back on the same port. `status` is what it answers."""

    def __init__(self):
        self.port, self.peer, self.got, self.asked, self.status = free_port(), None, [], [], 200
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def up(self):
        self.peer = Peer(self._answer, port=self.port)
        return self

    def down(self):
        if self.peer is not None:
            self.peer.close()
        self.peer = None

    def _answer(self, asked):
        if self.status == 200:
            self.got.append(json.loads(asked.body))
            self.asked.append(asked)
        return self.status, {"Connection": "close"}, b""

    def levels(self):
        """Of each series in the order of arrival."""
        found = {}
        for body in list(self.got):
            found.setdefault(body["id"], []).append(body["level"])
        return found

    def wait_for(self, n, patience=PATIENCE):
        wait_until(lambda: len(self.got) >= n, f"{n} posts: {self.levels()}", patience)
        return self.got


class Alerting:
    def __init__(self, folder, daemon):
        self.folder, self.daemon = folder, daemon
        self.kapacitor, self.receiver = KapacitorDouble().start(), Receiver().up()
        self.token, self.more = None, {}

    def config(self, kapacitor={}, **more):
        self.daemon.config([], kapacitor={"url": self.kapacitor.url, "interval": "1s", "proof": {"way": "off"}, **kapacitor},
                           state={"dir": str(self.folder / "state")}, **more)
        return self

    def start(self, **more):
        self.config(**more)
        self.daemon.start()
        wait_until(lambda: self.daemon.metric("pulseline_kapacitor_up") == 1, "it has found Kapacitor")
        return self

    def reload(self):
        """The answer, once what the reload before took out has been closed."""
        return wait_until(lambda: "try again soon" not in (answer := self.daemon.reload()).text and [answer], "it can be reloaded")[0]

    def close(self):
        self.receiver.down()
        self.kapacitor.stop()

    # --- the API ---

    def ask(self, method, path="", **more):
        return requests.request(method, self.daemon.url(f"/alerts{path}"), timeout=PATIENCE, **more)

    def post(self, **more):
        answer = self.ask("POST", json={k: v for k, v in {**ALERT, "post": self.receiver.url, **more}.items() if v is not None})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, id, **more):
        """An alert of that id, armed."""
        answer = self.ask("PUT", f"/{id}", json={k: v for k, v in {**ALERT, "post": self.receiver.url, **more}.items() if v is not None})
        assert answer.status_code == 200 and answer.json()["id"] == id, answer.text
        return self.armed(id)

    def get(self, id):
        answer = self.ask("GET", f"/{id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def armed(self, id):
        return wait_until(lambda: (a := self.get(id))["executing"] and a["state"] == "ok" and a, f"{id} is armed")

    def ids(self):
        return [a["id"] for a in self.ask("GET").json()]

    def events(self, id, query=""):
        answer = self.ask("GET", f"/{id}/events{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    # --- Kapacitor ---

    def tasks(self):
        return sorted(self.kapacitor.tasks)

    def task(self, id):
        return self.kapacitor.running(PREFIX + id)

    def quiet(self):
        """How many requests changed a task, once nothing more is to be done."""
        wait_until(lambda: all(a["state"] in ("ok", "disabled") for a in self.ask("GET").json()), "all is as it should be")
        passes = self.daemon.metric("pulseline_kapacitor_passes_total")
        wait_until(lambda: self.daemon.metric("pulseline_kapacitor_passes_total") >= passes + 2, "two looks")
        return len(self.kapacitor.writes())

    def fire(self, id, level, host="h1", **more):
        """Kapacitor posts an event of this series; gives the status that it got."""
        tags = more.pop("tags", {"host": host, "service": "shop", "pulseline_proof": ""})
        group = f"host={host},pulseline_proof=" if host else "nil"
        status, = self.kapacitor.fire(PREFIX + id, level, event_id=f"{id}/{group}", name="cpu_used", tags=tags, **more)
        return status

    def webhook(self, body=None, token=None, **more):
        """A post of our own making."""
        if self.token is None:
            self.token = next(iter(self.kapacitor.tasks.values()))["vars"]["token"]["value"]
        headers = {"Content-Type": "application/json", "X-Pulseline-Token": self.token if token is None else token}
        return requests.post(self.daemon.url("/kapacitor/webhook"), data=body if isinstance(body, (str, bytes)) else json.dumps(body),
                             headers={k: v for k, v in headers.items() if v}, timeout=PATIENCE, **more)


def event(id, level="CRITICAL", host="h1", **more):
    """As Kapacitor posts it, without what it need not have."""
    return {"id": f"{id}/host={host},pulseline_proof=", "level": level, "time": now(), "message": f"m {level}", "previousLevel": "OK", **more}


@pytest.fixture
def alerting(tmp_path, pulseline):
    a = Alerting(tmp_path, pulseline)
    yield a
    a.close()
