"""The processes of the bench: what is measured, its targets and its sink, and what they say about themselves."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import page

ROOT = pathlib.Path(__file__).parents[2]
BUILD = ROOT / "build"
TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def free_ports(n):
    """The first of n ports in a row below those that the kernel hands out."""
    for base in range(20000, 32000 - n, 37):
        try:
            with contextlib.ExitStack() as stack:
                for port in range(base, base + n):
                    s = stack.enter_context(socket.socket())
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    sys.exit("bench: no free ports")


class Process:
    """A child, with its log; ended by its own id."""

    def __init__(self, args, log, ready_line=False, cwd=None):
        self.log = open(log, "w")
        self.p = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if ready_line else self.log,
                                  stderr=self.log, cwd=cwd, text=True)
        self.pid = self.p.pid
        if ready_line and self.p.stdout.readline() != "ready\n":
            sys.exit(f"bench: {args[0]} did not start:\n{pathlib.Path(log).read_text()}")

    def cpu(self):
        """Seconds of processor time that its threads have used. By the scheduler's nanoseconds, where it tells them: the usual
        figures are counted in ticks of 10 ms, which is coarse for a few per cent of one processor."""
        try:
            tasks = pathlib.Path(f"/proc/{self.pid}/task").iterdir()
            return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
        except (OSError, IndexError):
            fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """Resident and private memory in KiB."""
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines() if ":" in line)
        return {k: int(status[k].split()[0]) for k in ("VmRSS", "RssAnon", "RssFile", "VmHWM")}

    def forget_peak(self):
        """VmHWM, the highest resident size, begins anew."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def end(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(20)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        self.log.close()


class Bench:
    """One scenario's targets, sink and folder. Targets beyond `ports` share a port, each with a label of its own."""

    def __init__(self, stack, options, targets, samples, black_holes=0, kind="node", gzip=False, ports=None, pages=None):
        self.stack, self.options, self.gzip = stack, options, gzip
        self.targets, self.samples, self.black_holes = targets, samples, black_holes
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pulseline-bench-")))
        self.n_ports = ports or targets
        render = page.histogram_page if kind == "histogram" else page.node_page
        texts = pages or (render(samples, variant) for variant in range(4))
        pages = []
        for variant, text in enumerate(texts):
            path = self.folder / f"page{variant}"
            path.write_bytes(text)
            pages += ["--page", path]
            if gzip:
                subprocess.run(["gzip", "-k", path], check=True)
                pages += ["--gzip", f"{path}.gz"]
        self.page_bytes = (self.folder / "page0").stat().st_size
        self.port = free_ports(self.n_ports + 3)
        self.control = f"http://127.0.0.1:{self.port + self.n_ports}"
        self.sink_port, self.http_port = self.port + self.n_ports + 1, self.port + self.n_ports + 2
        self.start([BUILD / "target_sim", "--port", self.port, "--targets", self.n_ports, "--black-holes", black_holes, *pages], "sim", True)
        self.start([BUILD / "null_sink", "--port", self.sink_port], "sink", True)

    def start(self, args, name, ready_line=False):
        p = Process(args, self.folder / f"{name}.log", ready_line, self.folder)
        self.stack.callback(p.end)
        return p

    def groups(self):
        """As static_configs."""
        plain = [f"127.0.0.1:{self.port + i}" for i in range(self.n_ports)]
        return [{"targets": plain, **({"labels": {"part": str(k)}} if k else {})} for k in range(self.targets // self.n_ports)]

    def configure(self, interval, queue=None, scrape=True, **job):
        config = self.folder / "pulseline.yml"
        config.write_text(json.dumps({  # JSON is YAML
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "server": {"http": {"listen": f"127.0.0.1:{self.http_port}"}},
            "scrape_configs": [{"job_name": "bench", "enable_compression": self.gzip, **job,
                                "static_configs": self.groups()}] if scrape else [],
            "outputs": [{"influxdb": {"url": f"http://127.0.0.1:{self.sink_port}", "database": "bench"}}],
            **({"queue": queue} if queue else {}),
        }))
        return config

    def pulseline(self, interval, cpus=None, queue=None, **job):
        config = self.configure(interval, queue, **job)
        pin = ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
        return self.start([*pin, self.options.binary, "run", "-c", config], "pulseline")

    def prometheus(self, interval):
        config = self.folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "scrape_configs": [{"job_name": "bench", "static_configs": self.groups()}],
            "remote_write": [{"url": f"http://127.0.0.1:{self.sink_port}/api/v1/write"}],
        }))
        return self.start(["prometheus", "--enable-feature=agent", f"--config.file={config}", f"--storage.agent.path={self.folder}/wal",
                           f"--web.listen-address=127.0.0.1:{self.http_port}", "--log.level=warn"], "prometheus")

    def floor(self, interval_ms):
        return self.start([BUILD / "floor", "--port", self.port, "--targets", self.targets, "--interval-ms", interval_ms,
                           *(["--gzip"] if self.gzip else [])], "floor", True)

    def told(self, port=None):
        return json.loads(get(f"{self.control if port is None else f'http://127.0.0.1:{port}'}/stats"))

    def measure(self, process, warm_up, seconds):
        """What the process does in `seconds` seconds after `warm_up`."""
        time.sleep(warm_up)
        if process.p.poll() is not None:
            raise RuntimeError(pathlib.Path(process.log.name).read_text()[-2000:] or "it ended")
        before, sink, cpu, began = self.told(), self.told(self.sink_port), process.cpu(), time.monotonic()
        get(f"{self.control}/reset")
        time.sleep(seconds)
        after, cpu, took = self.told(), process.cpu() - cpu, time.monotonic() - began
        sink_after = self.told(self.sink_port)
        samples = after["requests"] * self.samples
        result = {"pages_before": before["requests"], "pages": after["requests"], "samples_per_s": samples / took,
                  "cpu_s_per_million": cpu / (samples / 1e6) if samples else None, "cpu_percent": 100 * cpu / took,
                  "sink_requests": sink_after["requests"] - sink["requests"], "sink_bytes": sink_after["bytes"] - sink["bytes"],
                  "sink_lines": sink_after["lines"] - sink["lines"], "seconds": took}
        result.update(process.memory())
        return result

    def own(self):
        """Pulseline's own metrics, as printed: {"name{labels}": value}."""
        text = get(f"http://127.0.0.1:{self.http_port}/metrics")
        return {k: float(v) for k, v in (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")}

    def counters(self):
        """Pulseline's own counters that hint at trouble."""
        words = ("drop", "missed", "fail", "refus", "retr")
        return {k: v for k, v in self.own().items() if any(w in k for w in words) and v != 0}
