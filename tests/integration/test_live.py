"""The event stream of live values: /api/v1/live."""
import json
import re
import socket
import threading

import pytest

from daemon import job
from harness import PATIENCE, wait_until


class Stream:
    """One client: events as (event, id, data) in order, read by a thread until closed; `held`: reads nothing until let go."""

    def __init__(self, pulseline, query="", headers="", held=False, method="GET"):
        self.events, self.comments, self.status, self.head = [], [], None, ""
        self.go = threading.Event()
        if not held:
            self.go.set()
        self.s = socket.socket()
        if held:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.s.connect(("127.0.0.1", pulseline.port))
        self.s.sendall(f"{method} /api/v1/live{query} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        threading.Thread(target=self._run, daemon=True).start()

    def _chunks(self, f):
        while True:
            size = int(f.readline() or b"0", 16)
            if size == 0:
                return
            yield f.read(size)
            f.readline()

    def _run(self):
        try:
            f = self.s.makefile("rb")
            self.status = int(f.readline().split()[1])
            while (line := f.readline()) not in (b"\r\n", b""):
                self.head += line.decode()
            self.go.wait()
            text = b""
            for chunk in self._chunks(f):
                text += chunk
                while b"\n\n" in text:
                    block, text = text.split(b"\n\n", 1)
                    self._take(block.decode())
        except (OSError, ValueError):
            pass

    def _take(self, block):
        fields = {}
        for line in block.split("\n"):
            if line.startswith(":"):
                self.comments.append(line[1:].strip())
            else:
                name, value = line.split(": ", 1)
                fields[name] = value
        if "data" in fields:
            self.events.append((fields.get("event", "message"), fields.get("id"), json.loads(fields["data"])))

    def of(self, kind):
        return [e for e in list(self.events) if e[0] == kind]

    def close(self):
        self.s.close() if not self.go.is_set() else self.s.shutdown(socket.SHUT_RDWR)


def number(event_id):
    return int(event_id.split("-")[1])


@pytest.fixture
def live(pulseline, pages):
    """A daemon that makes two values ten times a second, room:a and room:b."""

    def make(page=b'temperature{room="a"} 20.50\ntemperature{room="b"} 3\n', interval="100ms", http=None, **settings):
        pages.pages["/metrics"] = page
        server = {"http": {"listen": f"127.0.0.1:{pulseline.port}", **(http or {})}, "live": settings}
        return pulseline.config([job("j", pages.address, live=True)], server=server,
                                **{"global": {"scrape_interval": interval, "scrape_timeout": interval}}).start()

    return make


def stat(pulseline, name):
    m = pulseline.metrics()
    return sum(v for (n, _), v in m.items() if n in (f"pulseline_live_{name}", f"pulseline_live_{name}_total"))


def test_snapshot_then_live(live):
    p = live()
    wait_until(lambda: stat(p, "last_values") == 2, "there are last values")
    s = Stream(p, "?match=room:a")
    wait_until(lambda: len(s.of("message")) >= 5, "values come")
    assert s.status == 200 and "text/event-stream" in s.head and "Access-Control-Allow-Origin: *" in s.head
    kinds = [e[0] for e in s.events[:4]]
    assert kinds == ["snapshot", "message", "live", "message"]
    first, began = s.events[1], s.events[2]
    assert first[1] is None and first[2]["data"] == "20.50" and "room:a" in first[2]["tags"]
    assert first[2]["command"] == "publish" and first[2]["tags"] == sorted(first[2]["tags"])
    assert began[2] == {"values": 1}
    ids = [number(e[1]) for e in s.of("message")[1:]]
    assert ids == sorted(set(ids)) and ids[0] > number(began[1])
    s.close()


@pytest.mark.parametrize("query, rooms", [
    ("", {"a", "b"}),
    ("?match=", {"a", "b"}),
    ("?match=room:b", {"b"}),
    ("?match=metrics,temperature,room:b", {"b"}),
    ("?match=room:a,room:b", set()),
    ("?match=room:a&match=room:b", {"a", "b"}),
    ("?match=room:a,nothing&match=room:b,temperature", {"b"}),
    ("?match=room%3Ab&other=1", {"b"}),
])
def test_match(live, query, rooms):
    p = live()
    wait_until(lambda: stat(p, "last_values") == 2, "there are last values")
    everything, s = Stream(p), Stream(p, query)
    wait_until(lambda: s.of("live"), "the snapshot is complete")
    wait_until(lambda: len(everything.of("message")) > 12, "values come")
    if rooms:
        wait_until(lambda: len(s.of("message")) > 6, "they come here, too")
    got = [t[5:] for e in s.of("message") for t in e[2]["tags"] if t.startswith("room:")]
    assert set(got) == rooms
    assert s.of("live")[0][2]["values"] == len(rooms)


def test_resume(live):
    p = live()
    s = Stream(p, "?match=room:a")
    wait_until(lambda: len(s.of("message")) >= 3, "values come")
    last = [e for e in s.events if e[1]][-1][1]
    s.close()
    before = stat(p, "values")
    wait_until(lambda: stat(p, "values") > before + 10, "values pass unseen")
    s = Stream(p, "?match=room:a", headers=f"Last-Event-ID: {last}\r\n")
    wait_until(lambda: len(s.of("message")) >= 8, "they are told afterwards")
    assert not s.of("snapshot") and not s.of("too_old") and not s.of("lagged")
    ids = [number(e[1]) for e in s.of("message")]
    assert ids == list(range(number(last) + 2, number(last) + 2 + 2 * len(ids), 2)), "every second value is of room a; none is missing"
    assert stat(p, "clients_resumed") == 1


@pytest.mark.parametrize("asked", ["1-1", "x", "-", "{epoch}-1", "{epoch}-99999999", "{epoch}-"])
def test_too_old_to_resume(live, asked):
    p = live(max_values=16)
    s = Stream(p)
    wait_until(lambda: len([e for e in s.events if e[1]]) >= 40, "the ring has turned over")
    epoch = s.of("live")[0][1].split("-")[0]
    s.close()
    s = Stream(p, headers=f"Last-Event-ID: {asked.format(epoch=epoch)}\r\n")
    wait_until(lambda: len(s.of("message")) >= 5, "values come")
    assert [e[0] for e in s.events[:2]] == ["too_old", "snapshot"]
    assert stat(p, "clients_too_old") == 1


def test_slow_client_is_told_what_it_missed(live):
    """Nothing is lost without being counted: what came and what was missed make a sequence without a hole. Others miss nothing."""
    page = "".join(f'v{{nr="{i}",text="{"x" * 900}"}} 1\n' for i in range(1000)).encode()
    p = live(page, client_bytes=16384, last_values=0)
    slow, quick = Stream(p, held=True), Stream(p, "?match=nr:7")
    wait_until(lambda: stat(p, "events_lagged") > 2000, "the slow one is too far behind")
    scrapes = p.metric("pulseline_scrapes_total")
    wait_until(lambda: p.metric("pulseline_scrapes_total") > scrapes + 5, "scrapes go on")
    assert p.metric("pulseline_scrapes_failed_total") == 0
    slow.go.set()
    wait_until(lambda: slow.of("lagged"), "it is told")
    told = slow.events.index(slow.of("lagged")[0])
    wait_until(lambda: len(slow.events) > told + 3, "it goes on")
    expected, missed = None, 0
    for kind, event_id, data in list(slow.events):
        if kind == "lagged":
            assert data["exact"] is True
            missed += data["missed"]
            expected += data["missed"]
        elif event_id is not None:
            assert kind == "live" or expected == number(event_id)
            expected = number(event_id) + 1
    assert missed > 2000
    ids = [number(e[1]) for e in quick.of("message")]
    assert not quick.of("lagged") and all(b - a == 1000 for a, b in zip(ids, ids[1:]))
    slow.close()


def test_large_snapshot_comes_in_pieces(live):
    """More last values than a client may have waiting: all of them come."""
    page = "".join(f'v{{nr="{i}",text="{"x" * 200}"}} 1\n' for i in range(3000)).encode()
    p = live(page, interval="1s", client_bytes=8192)
    wait_until(lambda: stat(p, "last_values") == 3000, "there are last values")
    s = Stream(p)
    wait_until(lambda: s.of("live"), "the snapshot is complete")
    end = s.events.index(s.of("live")[0])
    seen = {t for e in s.events[:end] for t in e[2].get("tags", ()) if t.startswith("nr:")}
    assert len(seen) == 3000
    assert s.of("live")[0][2]["values"] >= 3000


def test_too_many_clients(live):
    p = live(max_clients=2)
    a, b = Stream(p), Stream(p)
    wait_until(lambda: stat(p, "clients") == 2, "two are in")
    answer = p.get("/api/v1/live")
    assert answer.status_code == 503 and "too many" in answer.json()["error"] and answer.headers["Retry-After"]
    assert stat(p, "clients_refused") == 1
    a.close()
    wait_until(lambda: stat(p, "clients") == 1, "one has left")
    c = Stream(p)
    wait_until(lambda: len(c.of("message")) > 2, "there is room again")
    b.close()


def test_token_and_bad_requests(live):
    p = live(http={"token": "sesame"})
    assert p.get("/api/v1/live").status_code == 401
    headers = {"X-AUTH-TOKEN": "sesame"}
    for query, said in [("?match=a%5C", "backslash"), ("?" + "&".join(["match=a"] * 65), "64 times"),
                        ("?match=" + ",".join(f"t{i}" for i in range(65)), "64 tags")]:
        answer = p.get("/api/v1/live" + query, headers=headers)
        assert answer.status_code == 400 and said in answer.json()["error"], query
    s = Stream(p, "?X-AUTH-TOKEN=sesame&match=room:a")  # browsers' EventSource sends no headers
    wait_until(lambda: len(s.of("message")) > 2, "values come")
    assert p.get("/api/v1/live", headers=headers, stream=True).status_code == 200


def test_keep_alive(live):
    p = live(keep_alive="100ms")
    s = Stream(p, "?match=nothing")
    wait_until(lambda: s.comments.count("keep-alive") >= 3, "comments come")
    assert [e[0] for e in s.events] == ["snapshot", "live"]


def test_a_stop_ends_the_streams(live):
    p = live()
    streams = [Stream(p) for _ in range(20)]
    wait_until(lambda: all(s.of("message") for s in streams), "values come")
    assert p.end() == 0


def test_a_failed_page_is_not_live(live, pages):
    p = live()
    s = Stream(p)
    wait_until(lambda: len(s.of("message")) > 2, "values come")
    pages.pages["/metrics"] = b"bad_one 1\nbad_two 2\n{{{\n"
    failed = p.metric("pulseline_scrapes_failed_total")
    wait_until(lambda: p.metric("pulseline_scrapes_failed_total") > failed + 3, "pages fail")
    pages.pages["/metrics"] = b"good_again 1\n"
    wait_until(lambda: any("good_again" in e[2]["tags"] for e in s.of("message")), "a good one comes")
    assert not any("bad_one" in e[2]["tags"] for e in s.of("message"))


def test_metric_relabeling_counts(pulseline, pages):
    """Tags are the labels as they are written; what rules drop does not go live."""
    pages.pages["/metrics"] = b'a{x="1"} 5\nb{x="2"} 6\n'
    rules = [{"source_labels": ["__name__"], "regex": "a", "action": "drop"},
             {"source_labels": ["x"], "target_label": "y", "replacement": "n$1"}]
    pulseline.config([job("j", pages.address, live=['{y="n2"}'], metric_relabel_configs=rules)]).start()
    s = Stream(pulseline)
    wait_until(lambda: len(s.of("message")) > 1, "values come")
    assert {tuple(e[2]["tags"]) for e in s.of("message")} == {
        ("b", f"instance:{pages.address}", "job:j", "metrics", "x:2", "y:n2")}


@pytest.mark.parametrize("live, said", [("maybe", "true, false or a list"), (['{a="'], "selector 1"), (["{}"] * 33, "at most 32")])
def test_refused_selectors(pulseline, pages, live, said):
    pulseline.config([job("j", pages.address, live=live)]).start(ready=False)
    pulseline.expected_exit = 3
    assert pulseline.p.wait(PATIENCE) == 3
    assert re.search(re.escape(said), pulseline.log())
