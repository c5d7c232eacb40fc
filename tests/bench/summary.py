"""The figures that the project has set itself, and what one run of the bench made of them. Nothing is asserted."""

ROWS = [  # scenario, what of it, must, aim
    ("plain", "CPU-s/million", 0.45, 0.35),
    ("gzip", "CPU-s/million", 0.65, 0.55),
    ("many", "CPU-s/million", 0.55, 0.45),
    ("histogram", "CPU-s/million", 0.45, 0.35),
    ("core", "million samples/s", 2.0, 2.5),
    ("plain", "resident MB", 25, 20),
    ("many", "resident MB", 60, 40),
    ("ten-thousand", "resident MB", 150, 120),
    ("ten-thousand", "scrapes missed", 0, 0),
    ("stream", "MB more", 2.0, 2.0),
]
MORE_IS_BETTER = {"million samples/s"}


def megabytes(kib):
    return kib * 1024 / 1e6


def value_of(what, parts, name):
    """What `name` (pulseline, floor, prometheus) reached in the scenario; None where that was not measured."""
    if what == "million samples/s":
        kept = [r["samples_per_s"] / 1e6 for r in parts.values() if r.get("kept_up")]
        return max(kept) if kept and name == "pulseline" else None
    r = parts.get(name)
    if r is None or "failed" in r:
        return None
    if what == "CPU-s/million":
        return r["cpu_s_per_million"]
    if what == "resident MB":
        return megabytes(r["VmRSS"])
    if what == "MB more":
        return megabytes(r["more_kib"]) if "more_kib" in r else None
    return r.get("missed")


def verdict(what, value, must, aim):
    if value is None:
        return "not measured"
    sign = -1 if what in MORE_IS_BETTER else 1
    return "aim" if sign * value <= sign * aim else "must" if sign * value <= sign * must else "MISSED"


def lines(scenarios, results):
    """A table of those rows whose scenario ran; `scenarios`: functions by name, `results` by their descriptions."""
    out = []
    for name, what, must, aim in ROWS:
        title = (scenarios[name].__doc__ or name).strip()
        if title not in results:
            continue
        values = [value_of(what, results[title], program) for program in ("pulseline", "floor", "prometheus")]
        cells = ["-" if v is None else f"{v:.0f}" if what == "scrapes missed" else f"{v:.3f}" if v < 10 else f"{v:.1f}" for v in values]
        out.append(f"{title[:66]:<67}{what:>18}{cells[0]:>11}{cells[1]:>9}{cells[2]:>12}{must:>7}{aim:>6}  "
                   f"{verdict(what, values[0], must, aim)}")
    if out:
        out.insert(0, f"{'':67}{'':>18}{'pulseline':>11}{'floor':>9}{'prometheus':>12}{'must':>7}{'aim':>6}  reached")
    return out
