"""Clients of the event stream, in a process of their own."""
import json
import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).parent / "live_clients.py"


class Clients:
    def __init__(self, stack, bench, n):
        args = [sys.executable, PROGRAM, bench.http_port, n, bench.port, bench.n_ports]
        self.p = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(self.p.kill)
        if self.p.stdout.readline() != "open\n":
            raise RuntimeError("the clients could not connect")

    def end(self):
        """What they saw, as notes."""
        counts = json.loads(self.p.communicate("", 60)[0])
        return [f"{counts['clients']} clients got {counts['events']} values ({counts['bytes'] >> 20} MiB), were told of {counts['missed']} "
                f"that they missed; {counts['closed']} of them were closed"]
