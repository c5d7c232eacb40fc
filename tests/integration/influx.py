"""A real influxd with a private configuration."""
import requests

from harness import PATIENCE, Process, free_port, wait_until

CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
  auth-enabled = {auth}
[subscriber]
  enabled = {subscriber}
[continuous_queries]
  enabled = false
"""


class Influxd(Process):
    def __init__(self, folder, auth=False, subscriber=False):
        super().__init__(folder, "influxd")
        self.port, self.auth = free_port(), None
        self.rpc_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config_path = self.folder / "influxdb.conf"
        self.config_path.write_text(CONFIG.format(folder=self.folder, http=self.port, rpc=self.rpc_port, auth=str(auth).lower(),
                                                  subscriber=str(subscriber).lower()))

    def start(self):
        self.spawn(["/usr/bin/influxd", "-config", self.config_path])
        wait_until(lambda: requests.get(f"{self.url}/ping", timeout=5).status_code == 204, f"influxd answers: {self.log()[-2000:]}")
        return self

    def query(self, text, database=None):
        """The series of the first statement."""
        answer = requests.post(f"{self.url}/query", data={"q": text, "epoch": "ns", **({"db": database} if database else {})},
                               auth=self.auth, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        result = answer.json()["results"][0]
        assert "error" not in result, result
        return result.get("series", [])

    def databases(self):
        return [row[0] for s in self.query("SHOW DATABASES") for row in s.get("values", [])]

    def points(self, database, measurement="/.*/"):
        """{(measurement, ((tag, value), ...)): {time_ns: value}}; empty tags left out."""
        found = {}
        for s in self.query(f"SELECT value FROM {measurement} GROUP BY *", database):
            tags = tuple(sorted((k, v) for k, v in s.get("tags", {}).items() if v != ""))
            found[(s["name"], tags)] = {row[0]: float(row[1]) for row in s["values"]}  # large ones come as integers
        return found

    def count(self, database, measurement):
        series = self.query(f'SELECT count(value) FROM "{measurement}"', database)
        return series[0]["values"][0][1] if series else 0
