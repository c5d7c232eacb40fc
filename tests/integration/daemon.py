"""The daemon under test: a configuration, a process, its HTTP interface."""
import json
import os
import pathlib
import re
import signal

import requests

from exposition import parse_page
from harness import PATIENCE, ROOT, Process, free_port, wait_until

BINARY = pathlib.Path(os.environ.get("PULSELINE_BIN", ROOT / "build" / "pulseline"))


class Daemon(Process):
    def __init__(self, folder):
        super().__init__(folder, "pulseline")
        self.port = free_port()
        self.config_path = self.folder / "pulseline.yml"
        self.points_path = self.folder / "points.lp"
        self.expected_exit = 0

    # --- configuration: JSON, which is YAML ---

    def config(self, jobs, outputs=None, **more):
        """Writes the configuration. Without outputs the points go to a file, see points()."""
        document = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "server": {"http": {"listen": f"127.0.0.1:{self.port}"}},
            "scrape_configs": jobs,
            "outputs": outputs if outputs is not None else [{"file": {"path": str(self.points_path)}}],
        }
        for key, value in more.items():
            document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
        self.config_path.write_text(json.dumps(document, indent=1))
        return self

    # --- life ---

    def start(self, *flags, env=None, ready=True):
        self.spawn([BINARY, "run", "-c", self.config_path, *flags], env=env)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        def is_ready():
            assert self.running(), f"it ended with {self.p.returncode}:\n{self.log()[-3000:]}"
            return self.get("/-/ready").status_code == 200

        wait_until(is_ready, f"the daemon is ready; its log:\n{self.log()[-3000:]}")

    def reload(self):
        return requests.post(self.url("/-/reload"), timeout=PATIENCE)

    def hup(self):
        self.p.send_signal(signal.SIGHUP)

    def check_log(self):
        """No sanitizer had anything to say."""
        log = self.log()
        for line in log.splitlines():
            assert not re.search(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:|Assertion", line), log[-8000:]

    # --- what it says ---

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path, **more):
        return requests.get(self.url(path), timeout=PATIENCE, **more)

    def targets(self):
        """Active targets by (job, instance)."""
        data = self.get("/api/v1/targets").json()["data"]
        return {(t["labels"]["job"], t["labels"]["instance"]): t for t in data["activeTargets"]}

    def target(self, job):
        found = [t for (j, _), t in self.targets().items() if j == job]
        assert len(found) == 1, f"targets of {job}: {found}"
        return found[0]

    def metrics(self):
        """{(name, ((label, value), ...)): number} of its own page."""
        return {(s.name, s.labels): float(s.value) for s in parse_page(self.get("/metrics").text)}

    def metric(self, name, **labels):
        """Sum of the series of this name that have these labels."""
        wanted = set(labels.items())
        values = [v for (n, ls), v in self.metrics().items() if n == name and wanted <= set(ls)]
        assert values, f"no series {name} {labels}"
        return sum(values)

    # --- what it wrote to its file ---

    def points(self):
        if not self.points_path.exists():
            return []
        assert self.points_path.stat().st_size < 64 << 20, "far more points than any test makes"
        return [line for line in self.points_path.read_text(errors="replace").split("\n") if line]

    def points_of(self, measurement, **tags):
        def fits(line):
            series = line.split(" ")[0].split(",")
            return series[0] == measurement and all(f"{k}={v}" in series[1:] for k, v in tags.items())

        return [line for line in self.points() if fits(line)]

    def rss_anon_kib(self):
        status = pathlib.Path(f"/proc/{self.p.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


def job(name, *addresses, **more):
    return {"job_name": name, "static_configs": [{"targets": list(addresses)}], **more}


def sanitized():
    return "san" in BINARY.parent.name
