"""What alerts cost Pulseline. $KAPACITORD is a real one (two megabytes for each alert); without it the tests' scripted one stands in,
whose answers take a time of their own."""
import contextlib
import json
import os
import pathlib
import sys
import time

from harness import Bench, say

sys.path.append(str(pathlib.Path(__file__).parents[1] / "integration"))

ALERTS, PATIENCE_S = 5000, 300


def kapacitor(stack, folder):
    if os.environ.get("KAPACITORD"):
        from kapacitord import Kapacitor
        server = Kapacitor(folder / "kapacitor").start()
        stack.callback(server.end)
    else:
        from kapacitor_double import KapacitorDouble
        server = KapacitorDouble().start()
        stack.callback(server.stop)
    return server.url


def alert(i):
    return {"id": f"alert-{i:05d}", "metric": f"metric_{i % 40}", "tags": {"host": f"host{i:05d}", "service": "shop"}, "threshold": 0.5 + i / 1e5,
            "post": "http://127.0.0.1:1/hook"}


def start(b, url, n):
    config = b.configure("1s")
    document = json.loads(config.read_text())
    (b.folder / "alerts.json").write_text(json.dumps([alert(i) for i in range(n)]))
    document |= {"kapacitor": {"url": url, "database": "bench", "proof": {"way": "off"}}, "alert_files": ["alerts.json"],
                 "state": {"dir": "state"}}
    config.write_text(json.dumps(document))
    return b.start([b.options.binary, "run", "-c", config], "pulseline")


def requests_made(b):
    own = b.own()
    return {m: int(own[f'pulseline_kapacitor_requests_total{{method="{m}"}}']) for m in ("GET", "POST", "PATCH", "DELETE")}


def apply(b, process, n, what):
    """Waits until each alert is seen to be as it should be, and says what that took."""
    began = time.monotonic()
    while True:
        try:
            if b.own().get('pulseline_kapacitor_tasks{state="ok"}') == n:
                break
        except OSError:  # it is not up yet
            pass
        if process.p.poll() is not None or time.monotonic() > began + PATIENCE_S:
            raise RuntimeError(f"{what}: not all alerts are provisioned: {pathlib.Path(process.log.name).read_text()[-1000:]}")
        time.sleep(0.05)
    made = ", ".join(f"{count} {method}" for method, count in requests_made(b).items() if count)
    return f"{what}: {time.monotonic() - began:.1f} s, {process.cpu():.2f} s of CPU, {made}"


def alerts_scenario(options):
    """5,000 alerts beside 10 targets x 100 samples at 1 s"""
    results = {}
    for n in (0, ALERTS):
        with contextlib.ExitStack() as stack:
            b = Bench(stack, options, 10, 100)
            say(f"{n} alerts: {'a real Kapacitor' if os.environ.get('KAPACITORD') else 'a scripted Kapacitor'}")
            url = kapacitor(stack, b.folder)
            process, notes = start(b, url, n), []
            if n > 0:
                notes.append(apply(b, process, n, "provisioned"))
                process.end()
                process = start(b, url, n)
                notes.append(apply(b, process, n, "after a restart"))
            results[f"{n} alerts"] = {**b.measure(process, 3, options.seconds), "notes": notes}
    return results
