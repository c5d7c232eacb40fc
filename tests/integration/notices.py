"""Sends notices through a notifier plugin by the program `notify` (tests/alerts/notify.c) that lies beside the daemon's."""
import json
import subprocess

import yaml

from daemon import BINARY
from harness import PATIENCE

POST = {"id": "[host2] cpu_used", "message": "[host2] cpu_used is CRITICAL value:0.75", "details": "", "time": "2026-01-02T03:04:05Z",
        "duration": 0, "level": "CRITICAL", "data": {"series": [{"name": "cpu_used", "columns": ["time", "mean_cpu_used"],
                                                               "values": [["2026-01-02T03:04:05Z", 0.75]]}]},
        "previousLevel": "OK", "recoverable": True}


def event(**change):
    """`post` is what Kapacitor would have sent, the rest as in src/pipeline/notice.h."""
    made = {"alert": "cpu", "id": "[host2] cpu_used", "message": "[host2] cpu_used is CRITICAL value:0.75", "level": "CRITICAL",
            "previous_level": "OK", "cause": "", "tags": {"host": "host2", "unit": "°C"}, "time_ns": 1767323045 * 10**9,
            "duration_ns": 0, "value": 0.75, "reminder": False, **change}
    made.setdefault("post", {**POST, "id": made["id"], "level": made["level"]})
    return made


class Done:
    def __init__(self, p):
        self.status, self.verdicts, self.output = p.returncode, p.stdout.splitlines(), p.stdout + p.stderr


def notify(folder, plugin, config, events, key="k-1", post="", attempts=1, env=None):
    files = folder / "notifier.yml", folder / "notice.json"
    files[0].write_text(config if isinstance(config, str) else yaml.safe_dump(config, allow_unicode=True))
    files[1].write_text(json.dumps({"key": key, "post": post, "events": events}))
    p = subprocess.run([BINARY.parent / "notify", plugin, *files, str(attempts)], capture_output=True, text=True, timeout=PATIENCE, env=env)
    assert p.returncode in (0, 3), p.stdout + p.stderr
    return Done(p)
