"""What a chaos run is made of: targets whose pages say which scrape it was, an influxd that can be ill-treated, and the judge who
compares what was served with what arrived."""
import os
import re
import threading
import time

import requests

import influx
from harness import PATIENCE
from servers import PageServer, head

INTERVAL_S = 0.5
# What a killed daemon may lose: what its builder had not passed on (a second), the thread's next turn, a page on its way.
BUILDER_S = 1.0
SLACK_S = 1.0
LATE_S = 5.0  # a page may be served as long as this after its scrape began, when the test's own machine is busy
STORED, QUARANTINED = 1, 2


class Targets(PageServer):
    """/NAME serves page k at its k-th scrape: every value is k. The last series is of the current era: its name changes when the
    test wants a measurement that InfluxDB does not know yet."""

    def __init__(self, sizes):
        self.sizes = sizes  # {name: number of series}
        self.served = {name: [] for name in sizes}  # [(time, era)] for page 1, 2, ...
        self.era = 0
        self.lock = threading.Lock()
        super().__init__()

    def series(self, name, k):
        """(measurement, i) in the order of the page."""
        return [("work_done", str(i)) for i in range(self.sizes[name])] + [(f"phase_{self.served[name][k - 1][1]}", "")]

    def _answer(self, conn, path):
        self.requests.clear()
        name = path.strip("/")
        with self.lock:
            era = self.era
            self.served[name].append((time.time(), era))
            k = len(self.served[name])
        body = "".join([f'work_done{{i="{i}"}} {k}\n' for i in range(self.sizes[name])] + [f"phase_{era} {k}\n"]).encode()
        conn.sendall(head(len(body)) + body)
        return True


class Influxd(influx.Influxd):
    """Keeps everything on `folder`'s own file system. Restarted with other settings by configure() and spawn."""

    ADMIN = ("admin", "sesame")

    def __init__(self, folder):
        super().__init__(folder)
        self.configure()

    def configure(self, auth=False, max_body=25000000):
        text = influx.CONFIG.format(folder=self.folder, http=self.port, rpc=self.rpc_port, auth=str(auth).lower(), subscriber="false")
        text = text.replace("[http]\n", f"[http]\n  max-body-size = {max_body}\n")
        self.config_path.write_text(text.replace("[data]\n", '[data]\n  cache-snapshot-memory-size = "4m"\n'))

    def launch(self):
        """Not with a torn write-ahead log: 1.6.7 cuts it off where it is torn, yet goes on writing where it ended before, and at the start
        after that it cuts off again, so that everything acknowledged in between is lost, whoever wrote it."""
        for path in (self.folder / "wal").rglob("*.wal"):
            log, end = path.read_bytes(), 0
            while end + 5 <= len(log):
                size = 5 + int.from_bytes(log[end + 1:end + 5], "big")  # a byte of kind, the length, the entry
                if end + size > len(log):
                    break
                end += size
            os.truncate(path, end)
        self.spawn(["/usr/bin/influxd", "-config", self.config_path])

    def answers(self):
        try:
            return requests.get(f"{self.url}/ping", timeout=2).status_code == 204
        except requests.RequestException:
            return False

    def make_admin(self):
        self.query(f"CREATE USER {self.ADMIN[0]} WITH PASSWORD '{self.ADMIN[1]}' WITH ALL PRIVILEGES")
        self.auth = self.ADMIN

    def write(self, database, line):
        answer = requests.post(f"{self.url}/write", params={"db": database}, data=line, auth=self.auth, timeout=PATIENCE)
        assert answer.status_code == 204, answer.text


def dump(influxd, database):
    """(measurement, tags, time, value) of every numeric point."""
    for s in influxd.query("SELECT value FROM /.*/ GROUP BY *", database):
        tags = {k: v for k, v in s.get("tags", {}).items() if v != ""}
        if "origin" not in tags:  # the test's own
            for when, value in s["values"]:
                yield s["name"], tags, when, value


LINE = re.compile(r"([^ ,]+)((?:,[^ ]+)?) value=(\S+) (\d+)$")


def read_line(line):
    """Of the plain lines that these tests make."""
    m = LINE.match(line)
    assert m, f"a line that no target served: {line!r}"
    tags = dict(t.split("=", 1) for t in m[2].split(",") if t)
    return m[1], tags, int(m[4]), float(m[3])


class Scrapes:
    """Of one target: when each was, which page it brought, and for every series a byte per scrape."""

    def __init__(self):
        self.place = {}  # time of the scrape -> index
        self.page = {}  # index -> k
        self.failed = {}  # index -> time, where up is 0
        self.marks = {}  # (measurement, i) -> bytearray

    def note(self, series, when, value, mark):
        at = self.place.setdefault(when, len(self.place))
        marks = self.marks.setdefault(series, bytearray())
        if len(marks) <= at:
            marks.extend(bytes(at + 1 - len(marks)))
        marks[at] |= mark
        if series[0] == "work_done" or series[0].startswith("phase_"):
            k = self.page.setdefault(at, int(value))
            assert k == value, f"{series} at {when}: {value}, while others of that page say {k}"
        elif series[0] == "up" and value == 0:
            self.failed[at] = when

    def has(self, series, at):
        marks = self.marks.get(series, b"")
        return at < len(marks) and marks[at] != 0


class Judge:
    """Notes what arrived, and compares."""

    def __init__(self, targets):
        self.targets = targets
        self.scrapes = {name: Scrapes() for name in targets.sizes}
        self.kills = []  # (first moment, last moment) of each kill -9
        self.frozen = []  # (first moment, last moment): stopped by SIGSTOP, its timers with it
        self.ends = []  # (first moment, last moment, targets): these were told to end, or are scraped in another way from then on

    def note(self, measurement, tags, when, value, mark):
        self.scrapes[tags["job"]].note((measurement, tags.get("i", "")), when, value, mark)

    def count(self):
        """Numbers of distinct points: stored, quarantined, both."""
        sums = [0, 0, 0, 0]
        for s in self.scrapes.values():
            for marks in s.marks.values():
                for mark in (1, 2, 3):
                    sums[mark] += marks.count(mark)
        return sums[1] + sums[3], sums[2] + sums[3], sums[3]

    def complaints(self):
        """A line for every point that should be there and is not, and {why: [line]} of the pages that may be missing."""
        found, excused = [], {}
        for name, s in self.scrapes.items():
            own = sorted(series for series in s.marks if series[0] == "up" or series[0].startswith("scrape_"))
            at_page = {k: at for at, k in s.page.items()}
            assert len(at_page) == len(s.page), f"{name}: a page came with two times"
            failed = sorted(s.failed.values())
            last_seen = self._last_seen(name, at_page)
            windows = [(self._window(first), last) for first, last in self.kills]
            for k in range(1, len(self.targets.served[name]) + 1):
                at = at_page.get(k)
                wanted = self.targets.series(name, k) + own
                missing = [series for series in wanted if at is None or not s.has(series, at)]
                if not missing:
                    continue
                why = self._excuse(name, k, wanted, missing, failed, windows, last_seen)
                when = self.targets.served[name][k - 1][0]
                page = f"{name}: page {k}, served at {when:.3f}"
                if why is not None:
                    excused.setdefault(why, []).append(f"{page}: {len(missing)} of {len(wanted)} series")
                else:
                    found += [f"{page}: {m} {i} is missing" for m, i in missing[:5]]
                    found.append(f"{page}: {len(missing)} of {len(wanted)} in all; the pages around it: "
                                 + ", ".join(f"{n} at {self.targets.served[name][n - 1][0]:.3f}{'' if n in at_page else ' (did not arrive)'}"
                                             for n in range(max(1, k - 3), min(k + 4, len(self.targets.served[name]) + 1)))
                                 + f"; failed scrapes: {[f / 1e9 for f in s.failed.values() if abs(f / 1e9 - when) < LATE_S]}")
            for at, when in s.failed.items():
                found += [f"{name}: failed scrape at {when / 1e9:.3f}: {m} is missing" for m, i in own
                          if not s.has((m, i), at) and not self._near_kill(when / 1e9)]
        return found, excused

    def _last_seen(self, name, at_page):
        """Of each kill: the last page before it of which anything arrived."""
        served = self.targets.served[name]
        return [max((k for k in at_page if served[k - 1][0] <= last), default=0) for _, last in self.kills]

    def _window(self, killed):
        """Since when pages may be lost by a kill at this moment."""
        since = killed - BUILDER_S - SLACK_S
        for first, last in sorted(self.frozen, reverse=True):
            if first < killed and last > since:
                since -= last - first
        return since

    def _near_kill(self, when):
        return any(self._window(first) - INTERVAL_S <= when <= last for first, last in self.kills)

    def _excuse(self, name, k, wanted, missing, failed, windows, last_seen):
        served = self.targets.served[name]
        when = served[k - 1][0]
        for (since, last), seen in zip(windows, last_seen):
            # Nothing later may have arrived, and of this page only its beginning.
            if since <= when <= last and seen <= k and missing == wanted[len(wanted) - len(missing):]:
                return "not yet passed on when it was killed"
            # Asked for before, read by the server after.
            if last < when <= last + SLACK_S and (k == 1 or served[k - 2][0] <= last) and len(missing) == len(wanted):
                return "served when it had been killed"
        if len(missing) < len(wanted):
            return None
        for first, last, names in self.ends:
            is_last = k == len(served) or served[k][0] > last
            if name in names and first - LATE_S <= when <= last and is_last:
                return "on its way when its scraping was ended"
        near = next((f for f in failed if when - LATE_S <= f / 1e9 <= when + 0.1), None)
        if near is not None:  # each failure excuses one page
            failed.remove(near)
            return "the scrape failed, and up says so"
        return None
