"""The program that drives the reconciler (tests/alerts/reconcile.c), and tasks to give it."""
import collections
import json
import queue
import subprocess
import threading

import pytest

from daemon import BINARY
from harness import PATIENCE, wait_until

PROGRAM = BINARY.parent / "reconcile"
PREFIX = "pulseline-"
MARKER = "// Pulseline alert"
SCRIPT = MARKER + """: threshold, for a test
var limit float
var url string
var grp list
stream
    |from().measurement('m').groupBy(grp)
    |alert().crit(lambda: "value" > limit).stateChangesOnly().post(url).timeout(5s)
"""
SHORT = MARKER + "\nstream\n    |from().measurement('m')\n    |alert().crit(lambda: \"value\" > 5.0)\n"
BROKEN = MARKER + "\nstream\n    |from()\n    |alert().message('{{ x }}').crit(lambda: TRUE)\n"
REFUSED = MARKER + "\nstream\n    |from(\n"
DBRPS = [{"db": "d", "rp": "p"}]


def vars_of(limit=5.0, **more):
    return {"limit": {"type": "float", "value": limit}, "url": {"type": "string", "value": "http://127.0.0.1:1/<a>&'\"\\"},
            "grp": {"type": "list", "value": [{"type": "string", "value": "host"}]}, "wait": {"type": "duration", "value": "1h30m"},
            **more}


class Reconciler:
    def __init__(self, folder, kapacitor, interval_ms=300, policy="repair", auth=None, ca=None):
        if not PROGRAM.exists():
            pytest.skip(f"{PROGRAM} is not there: it is built together with the daemon")
        args = [PROGRAM, kapacitor.url, PREFIX, str(interval_ms), policy]
        if auth or ca:
            args += [*(auth or ("", ""))]
        if ca:
            args.append(str(ca))
        self.log_path = folder / "reconcile.log"
        with open(self.log_path, "ab") as log:
            self.p = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.answers, self.changes = queue.Queue(), collections.defaultdict(list)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.p.stdout:
            o = json.loads(line)
            if "task" in o:
                self.changes[o["task"]].append(o["state"])
            else:
                self.answers.put(o)

    def log(self):
        return self.log_path.read_text()

    def say(self, do, **more):
        self.p.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.p.stdin.flush()
        try:
            return self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"no answer to {do}:\n{self.log()[-3000:]}") from None

    def set(self, name, script=SCRIPT, vars=None, dbrps=None, enabled=True, known=None):
        o = self.say("set", id=PREFIX + name, script=script, vars=json.dumps(vars_of() if vars is None else vars),
                     dbrps=json.dumps(dbrps or DBRPS), enabled=enabled,
                     **({"known": known["known"]} if known else {}))
        assert o["ok"], o

    def remove(self, name):
        self.say("remove", id=PREFIX + name)

    def status(self, name):
        return self.say("status", id=PREFIX + name)

    def state(self, name):
        return self.status(name)["state"]

    def info(self):
        return self.say("info")

    def wait(self, name, state):
        return wait_until(lambda: (s := self.status(name))["state"] == state and s, f"{name} {state}: {self.status(name)}; {self.log()[-2000:]}")

    def pass_over(self, n=1):
        """Waits until n whole passes more have begun and ended; gives the info then."""
        first = self.info()["passes"]
        return wait_until(lambda: (i := self.info())["passes"] >= first + 1 + n and i, f"{n} passes; {self.log()[-2000:]}")

    def calm(self):
        return wait_until(lambda: not (i := self.info())["busy"] and i["reached"] and i, f"calm: {self.log()[-2000:]}")

    def close(self):
        if self.p.stdin.closed:
            return
        self.p.stdin.close()
        assert self.p.wait(PATIENCE) == 0, self.log()[-4000:]

    def memory_kib(self):
        with open(f"/proc/{self.p.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
