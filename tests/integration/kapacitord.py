"""A real kapacitord. It is in no Debian package: $KAPACITORD or one on PATH, else what needs it is skipped."""
import os
import shutil

import pytest
import requests

from harness import PATIENCE, Process, free_port, wait_until

KAPACITORD = os.environ.get("KAPACITORD") or shutil.which("kapacitord")
needs_kapacitor = pytest.mark.skipif(KAPACITORD is None, reason="no kapacitord on PATH, nor in $KAPACITORD")

CONFIG = """\
hostname = "127.0.0.1"
data_dir = "{folder}/data"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  auth-enabled = {auth}
[replay]
  dir = "{folder}/replay"
[storage]
  boltdb = "{folder}/kapacitor.db"
[reporting]
  enabled = false
[stats]
  enabled = false
[logging]
  file = "STDERR"
  level = "INFO"
[[influxdb]]
  enabled = {subscribes}
  default = true
  name = "none"
  urls = ["{influx}"]
  http-port = {port}
  kapacitor-hostname = "127.0.0.1"
  subscriptions-sync-interval = "1s"
"""


class Kapacitor(Process):
    """`influx`: the URL of an influxd that it subscribes to; None: it sees only what is written to it."""

    def __init__(self, folder, auth=False, influx=None):
        super().__init__(folder, "kapacitor")
        self.port, self.auth = free_port(), ("anyone", "s3cret") if auth else None
        self.url = f"http://127.0.0.1:{self.port}"
        self.config_path = self.folder / "kapacitor.conf"
        self.config_path.write_text(CONFIG.format(folder=self.folder, port=self.port, auth=str(auth).lower(),
                                                  influx=influx or "http://127.0.0.1:1", subscribes=str(influx is not None).lower()))

    def start(self):
        self.spawn([KAPACITORD, "-config", self.config_path])
        wait_until(lambda: self.ask("GET", "/ping").status_code == 204, f"kapacitord answers: {self.log()[-2000:]}")
        return self

    def wipe(self):
        """Everything that it knew is gone."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "kapacitor.db").unlink()

    def ask(self, method, path, **more):
        return requests.request(method, f"{self.url}/kapacitor/v1{path}", auth=self.auth, timeout=PATIENCE, **more)

    def task(self, name, database, policy, script):
        answer = self.ask("POST", "/tasks", json={"id": name, "type": "stream", "dbrps": [{"db": database, "rp": policy}],
                                                  "script": script, "status": "enabled"})
        assert answer.status_code == 200, answer.text

    def seen(self, name):
        """The numbers that a task with httpOut('all') has in its window."""
        series = self.ask("GET", f"/tasks/{name}/all").json()["series"] or []
        return {row[s["columns"].index("value")] for s in series for row in s["values"]}
