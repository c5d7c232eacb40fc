"""What the queue costs: in memory, on disk, and what an outage costs."""
import contextlib
import time
import urllib.request

from harness import Bench, get, say

MIB = 1 << 20
AWAY_S, OUTAGE_S = 8, 30
MODES = [  # how it is named, its configuration
    ("memory", {"memory_bytes": "2GiB"}),
    ("disk, sync none", {"dir": "queue", "sync": "none"}),
    ("disk, sync interval", {"dir": "queue", "sync": "interval"}),
    ("disk, sync always", {"dir": "queue", "sync": "always"}),
]
OUTPUT = '{output="influxdb"}'


def queued(b):
    return b.own()[f"pulseline_output_points_queued{OUTPUT}"]


def reload(b):
    request = urllib.request.Request(f"http://127.0.0.1:{b.http_port}/-/reload", data=b"")
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def spool_bytes(b):
    folder = b.folder / "queue" / "influxdb"
    return sum(f.stat().st_size for f in folder.iterdir()) if folder.exists() else 0


def drain(b, process, least=0, patience_s=120):
    """Waits until nothing but what comes in waits. From the first line that the sink takes: (lines per second, CPU-s per million
    lines, seconds, lines)."""
    sink = f"http://127.0.0.1:{b.sink_port}"
    before = b.told(b.sink_port)["lines"]
    get(f"{sink}/take")
    give_up = time.monotonic() + patience_s
    while b.told(b.sink_port)["lines"] == before:
        if time.monotonic() > give_up:
            raise RuntimeError("the output did not come back")
        time.sleep(0.002)
    began, cpu, first = time.monotonic(), process.cpu(), b.told(b.sink_port)["lines"]
    while queued(b) > least:
        if time.monotonic() > give_up:
            raise RuntimeError(f"it did not drain: {queued(b):.0f} points are left")
        time.sleep(0.01)
    took, lines = time.monotonic() - began, b.told(b.sink_port)["lines"] - first
    return lines / took, (process.cpu() - cpu) / max(lines / 1e6, 1e-9), took, lines


def queue_scenario(options):
    """The queue in memory and on disk: 300 targets x 1,239 samples at 1 s, then what gathered while the output was away"""
    results = {}
    for name, queue in MODES:
        with contextlib.ExitStack() as stack:
            b = Bench(stack, options, 300, 1239)
            say(f"queue: {name}")
            process = b.pulseline("1s", queue=queue)
            r = b.measure(process, 4, options.seconds)
            get(f"http://127.0.0.1:{b.sink_port}/refuse")
            time.sleep(AWAY_S)
            b.configure("1s", queue, scrape=False)
            reload(b)
            time.sleep(2)
            on_disk = spool_bytes(b)
            per_s, cost, took, lines = drain(b, process)
            r["drain_per_s"] = per_s
            r["notes"] = [f"read back {lines / 1e6:.2f} million lines ({on_disk / MIB:.0f} MiB on disk) in {took:.2f} s: {per_s / 1e6:.2f} million/s, "
                          f"{cost:.3f} CPU-s/million"]
            usual = results.get("memory")
            if usual is not None:
                r["notes"].append(f"of memory: {r['sink_lines'] / r['seconds'] / (usual['sink_lines'] / usual['seconds']):.2f} x the lines out, "
                                  f"{r['cpu_s_per_million'] / usual['cpu_s_per_million']:.2f} x the CPU, "
                                  f"{per_s / usual['drain_per_s']:.2f} x the lines read back per second")
            r["counters"] = {k: v for k, v in b.counters().items() if "dropped" in k and "output" in k}
            results[name] = r
    return results


def most_scenario(options):
    """As many lines as go through one output: 1,200 targets x 1,239 samples at 1 s; the queue in memory, and on disk"""
    results = {}
    for name, queue in MODES:
        with contextlib.ExitStack() as stack:
            b = Bench(stack, options, 1200, 1239)
            say(f"queue, as much as goes: {name}")
            r = b.measure(b.pulseline("1s", queue=queue), 4, options.seconds)
            usual = results.get("memory")
            lines = r["sink_lines"] / r["seconds"]
            if usual is not None:
                r["notes"] = [f"{lines / (usual['sink_lines'] / usual['seconds']):.2f} x the lines out of memory"]
            results[name] = r
    return results


def outage_scenario(options):
    """An outage of 30 s beyond the disk's bound of 128 MiB: 60 targets x 1,239 samples at 1 s"""
    bound = 128 * MIB
    with contextlib.ExitStack() as stack:
        b = Bench(stack, options, 60, 1239)
        say(f"an outage of {OUTAGE_S} s")
        process = b.pulseline("1s", queue={"dir": "queue", "max_bytes": bound})
        r = b.measure(process, 8, options.seconds)
        live = r["sink_lines"] / r["seconds"]
        normal, most, most_disk = process.memory()["RssAnon"], 0, 0
        get(f"http://127.0.0.1:{b.sink_port}/refuse")
        end = time.monotonic() + OUTAGE_S
        while time.monotonic() < end:
            most, most_disk = max(most, process.memory()["RssAnon"]), max(most_disk, spool_bytes(b))
            time.sleep(0.02)
        waiting = queued(b)
        per_s, cost, took, lines = drain(b, process, least=live * 1.5)
        r["notes"] = [
            f"memory: {normal / 1024:.1f} MiB before, {most / 1024:.1f} MiB at most meanwhile: {(most - normal) / 1024:.1f} MiB more (promise: 32)",
            f"disk: {most_disk / MIB:.1f} MiB at most; bound {bound / MIB:.0f} MiB and one segment of {bound // 16 / MIB:.0f} MiB",
            f"recovery: {waiting / 1e6:.2f} million points waited; {lines / 1e6:.2f} million lines in {took:.2f} s: {per_s / 1e6:.2f} million/s, "
            f"{per_s / live:.1f} x live (promise: 5)",
        ]
        r["counters"] = {k: v for k, v in b.counters().items() if "dropped" in k and "output" in k}
        return {"pulseline": r}
