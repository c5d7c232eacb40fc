"""Stats of relays on a real Redis: exactly what the manual says, and whatever becomes of that Redis, no poll and no stat minds."""
import collections
import json
import os
import pathlib
import random
import subprocess

import pytest

from daemon import BINARY
from harness import free_port, wait_until
from redis_server import Subscriber, escape, grows, pattern, redis_metric, troubles
from relays import Crowd, Relay

pytestmark = pytest.mark.sanitized


def channel(tags, prefix="pulse:"):
    return prefix + "".join(f"|{t}|" for t in sorted({escape(t) for t in tags if t}))


def message(tags, data):
    """What a subscriber gets for a stat, byte for byte."""
    tags = sorted(tags, key=str.encode)
    quoted = json.dumps({"command": "publish", "tags": tags, "data": data}, ensure_ascii=False, separators=(",", ":"))
    return channel(tags), quoted


@pytest.fixture(params=["ours", "pulse"])
def started(request, pulseline, redis, influxd):
    """A daemon with a relay port, publishing on a Redis that wants a password: by our configuration, or started as pulse was."""
    server = redis("--requirepass", "s3cret", password="s3cret").start()
    relay_port, url = free_port(), f"redis://127.0.0.1:{server.port}/2"
    if request.param == "ours":
        pulseline.config([], [{"file": {"path": str(pulseline.points_path)}}, {"redis": {"url": url, "password": "s3cret"}}],
                         server={"relay": {"listen": f"127.0.0.1:{relay_port}", "poll_interval": "1s", "beat_interval": "4s"}}).start()
    else:
        pulseline.spawn([BINARY, "-s", "-t", "x", "-i", influxd.url, "-H", f"127.0.0.1:{pulseline.port}", "-S",
                         f"127.0.0.1:{relay_port}", "-p", "1", "-b", "4", "-m", url, "-M", "s3cret"])
        wait_until(lambda: pulseline.get("/ping", headers={"X-AUTH-TOKEN": "x"}).text == "pong", "it answers as pulse")
    subscriber = Subscriber(server.port, "pulse:*", password="s3cret")
    yield server, relay_port, subscriber
    subscriber.close()
    assert pulseline.end() == 0
    if request.param == "pulse":
        influxd.query("DROP DATABASE statistics")


def last_value(server, tags):
    """(data, time in ms, seconds to live) of the hash in which a late subscriber finds the last value."""
    c = server.client()
    c.do("SELECT", 2)
    key = channel(tags, "pulse:last:")
    fields = c.do("HGETALL", key)
    values = dict(zip(fields[::2], fields[1::2]))
    found = values.get("data"), int(values.get("time", 0)), c.do("TTL", key)
    c.close()
    return found


def test_stats_as_the_manual_lays_them_out(started):
    server, port, s = started
    disk = ["region:eu", "x y", "*", "", "x y", "é|%", "[a]", "host:other", "metrics", "a\\b\"c"]
    items = [("disk", disk, "root", "1.5000"), ("disk", disk, "home", "2.2500"), ("disk", disk, "used %", "NaN"), ("bare", [], "bare", "abc"),
             ("bare", [], "", "4"), ("never_added", [], "x|y", "-3e5"), ("bare", [], "bare", "0.1000"), ("disk", disk, "root", "")]
    with Relay(port, "host 1") as r:
        r.say("add disk:" + ",".join(disk), "add bare:")
        assert r.line_of("get") == "get bare,disk"
        r.say("got " + ",".join(f"{c}-{stat}:{value}" for c, _, stat, value in items))
        wait_until(lambda: len(s.messages) >= len(items), "all stats are live")
        expected = []
        for _, tags, stat, value in items:
            name, text = message([*tags, "metrics", "host:host 1", stat], value)
            expected.append((name, text if value else text.replace(',"data":""', "")))
        assert s.messages == expected
        root, bare = [*disk, "metrics", "host:host 1", "root"], ["metrics", "host:host 1", "bare"]
        wait_until(lambda: last_value(server, root)[0] == "", "the last value is kept")
        assert last_value(server, bare)[0] == "0.1000"
        _, time_ms, ttl = last_value(server, bare)
        assert time_ms > 1_600_000_000_000 and 3590 <= ttl <= 3600
    assert server.do("DBSIZE") == 0  # they are in the database that was asked for


def test_order_per_host(started):
    """Two relays that speak at the same time: of each all values come, in the order in which it sent them."""
    _, port, s = started
    with Relay(port, "h1") as one, Relay(port, "h10") as two:
        one.say("add c:t")
        two.say("add c:t")
        for i in range(0, 3000, 3):
            for r in (one, two):
                r.say(f"got c-a:{i},c-b:{i + 1},c-a:{i + 2}")
        wait_until(lambda: len(s.messages) >= 6000, "all values come")
    for host in ("h1", "h10"):
        of_it = [(json.loads(p)["tags"][0], json.loads(p)["data"]) for c, p in s.messages if f"|host:{host}|" in c]
        assert of_it == [("b" if i % 3 == 1 else "a", str(i)) for i in range(3000)]


def test_pulses_own_relay_goes_live(started):
    """PULSE_GO_RELAY: see test_relay.py."""
    program = os.environ.get("PULSE_GO_RELAY", "")
    if not pathlib.Path(program).is_file():
        pytest.skip("PULSE_GO_RELAY names no relay built of pulse's Go library")
    server, port, s = started
    go = subprocess.Popen([program, f"127.0.0.1:{port}", "go1", "3600"], stdout=subprocess.PIPE, text=True)
    shared = ["metrics", "host:go1"]
    try:
        assert go.stdout.readline() == "connected\n"
        wait_until(lambda: len(s.messages) >= 12, "three polls are live")
        seen = s.messages[:12]
        polls = [json.loads(p)["data"] for c, p in seen if c == channel(["service:web1", "plain", "polls", *shared])]
        first = float(polls[0])
        assert polls == ["%.4f" % (first + i) for i in range(3)]
        for tags, data in ((["third"], "0.3333"), (["region:eu", "root"], "1.5000"), (["region:eu", "home"], "2.2500")):
            assert seen.count(message([*tags, *shared], data)) == 3
        wait_until(lambda: last_value(server, ["region:eu", "root", *shared])[0] == "1.5000", "the last value is kept")
    finally:
        go.kill()
        go.wait()


ALPHABET = ["a", "b", "host:h1", "host:h10", "x y", "*", "?", "[z]", "]", "^", "\\", "|", "||", "%7C", "%", "é", "日本", "{", "~", "a|b", "\"q\"", "a:"]


def test_400_pairs_of_free_tags_match_as_subsets(pulseline, redis):
    """20 collectors, whose tags are any text, against 20 wanted sets: each gets what contains its set, in order, and nothing else."""
    rng, port = random.Random(11), free_port()
    server = redis().start()
    tag_sets = [[*rng.sample(ALPHABET, rng.randint(0, 6)), "metrics", "host:h1", rng.choice(["s", "s1"])] for _ in range(20)]
    wanted = [rng.sample(base, min(len(base), rng.randint(1, 3))) for base in rng.sample(tag_sets, 14)]
    wanted += [rng.sample([*ALPHABET, "s", "metrics"], rng.randint(1, 3)) for _ in range(6)]
    subscribers = [Subscriber(server.port, pattern(w)) for w in wanted]
    everything = Subscriber(server.port, pattern(["metrics"]))
    pulseline.config([], [{"redis": {"url": f"redis://127.0.0.1:{server.port}"}}, {"file": {"path": str(pulseline.points_path)}}],
                     server={"relay": {"listen": f"127.0.0.1:{port}", "poll_interval": "1h"}}).start()
    with Relay(port, "h1") as r:
        for i, tags in enumerate(tag_sets):
            r.say(f"add c{i}:" + ",".join(tags[:-3]))
        r.say("got " + ",".join(f"c{i}-{tags[-1]}:{i}" for i, tags in enumerate(tag_sets)))
        wait_until(lambda: len(everything.messages) >= 20, "all are live")
    pairs = 0
    for want, s in zip(wanted, subscribers):
        s.drain()  # what was published before comes before its pong
        expected = [str(i) for i, tags in enumerate(tag_sets) if set(want) <= set(tags)]
        assert [json.loads(p)["data"] for _, p in s.messages] == expected, want
        pairs += len(expected)
        s.close()
    assert 20 < pairs < 300, "the sets tell nothing if all or none match"


# ---- a Redis in trouble, while relays deliver ----

RELAYS, STATS, POLLS = 24, 20, 8
TOLD = [("no working connection to Redis", "connected to Redis again"), ("Redis does not take live values", "Redis takes live values again"),
        ("Redis does not keep last values", "Redis keeps last values again")]


class Killed:
    options, errors = [], "connect"

    def begin(self, server):
        server.kill()

    def end(self, server):
        server.start()


class Paused:
    options, errors = [], "timeout"

    def begin(self, server):
        server.pause()

    def end(self, server):
        server.go_on()


class Full:
    options, errors = ["--maxmemory-policy", "noeviction"], "oom"

    def begin(self, server):
        server.do("CONFIG", "SET", "maxmemory", "1")

    def end(self, server):
        server.do("CONFIG", "SET", "maxmemory", "0")


class Denied:
    options, errors = [], "noperm"

    def begin(self, server):
        server.do("ACL", "SETUSER", "live", "resetchannels", "-hset")

    def end(self, server):
        server.do("ACL", "SETUSER", "live", "&*", "+hset")


class Loading:
    """It reads some thousand keys in, a millisecond each, and answers all else with -LOADING until it has."""
    options, errors = ["--loading-process-events-interval-bytes", "1024"], "loading"

    def begin(self, server):
        server.do("DEBUG", "POPULATE", "4000")
        server.do("SAVE")
        server.kill()
        server.start("--key-load-delay", "1000", wait=False)

    def end(self, server):
        pass


def account(pulseline):
    """Where the values are, all of one look at the page."""
    page = collections.Counter()
    for (name, labels), v in pulseline.metrics().items():
        page[name.removesuffix("_total")] += v
    return page


def values_of_relays(pulseline):
    found = collections.defaultdict(list)
    for line in pulseline.points():
        series, field, _ = line.split(" ")
        found[series].append(float(field.split("=")[1]))
    return found


def polled_so_often(crowd, n):
    before = [m.polls for m in crowd.members]
    wait_until(lambda: all(m.polls >= b + n for m, b in zip(crowd.members, before)), f"each relay is polled {n} times more")


@pytest.mark.parametrize("fault", [Killed(), Paused(), Full(), Denied(), Loading()], ids=lambda f: type(f).__name__.lower())
def test_relays_do_not_mind(pulseline, redis, fault):
    """Every poll is made, every stat of each arrives in the file, every live value is accounted for, and it mends by itself."""
    server, port = redis("--user", "live", "on", ">live", "~*", "&*", "+@all", *fault.options).start(), free_port()
    pulseline.config([], [{"file": {"path": str(pulseline.points_path)}},
                          {"redis": {"url": f"redis://live:live@127.0.0.1:{server.port}", "connect_timeout": "1s", "timeout": "1s"}}],
                     server={"relay": {"listen": f"127.0.0.1:{port}", "poll_interval": "250ms"}, "live": {"max_values": 512}}).start()
    s = Subscriber(server.port, "pulse:*")
    with Crowd(port, RELAYS, STATS) as crowd:
        crowd.connect()
        wait_until(lambda: len(s.messages) > RELAYS * STATS and all(m.polls > 0 for m in crowd.members), "values are live")
        before = redis_metric(pulseline, "errors_total")
        assert before == 0, pulseline.log()
        fault.begin(server)
        grows(pulseline, "errors_total", kind=fault.errors)
        polled_so_often(crowd, POLLS)
        if not isinstance(fault, Loading):
            grows(pulseline, "errors_total", kind=fault.errors)
        fault.end(server)
        again = wait_until(lambda: Subscriber(server.port, "pulse:*"), "Redis takes subscribers again")
        wait_until(lambda: {c.split("|host:")[1].split("|")[0] for c, _ in again.messages} == {f"relay{i}" for i in range(RELAYS)},
                   "the values of all relays are live again")
        grows(pulseline, "last_values_stored_total")
        wait_until(lambda: all(troubles(pulseline, failed) == troubles(pulseline, works) for failed, works in TOLD), "the recovery is told")
        polled_so_often(crowd, 2)
        crowd.mute()
        wait_until(lambda: pulseline.metric("pulseline_relay_stats_total") == crowd.stats, "every stat that was sent has come")

        # relays: nobody was left out, and what they sent is in the file, in order and whole
        page = account(pulseline)
        assert page["pulseline_relay_polls_missed"] == page["pulseline_relay_polls_left_out"] == 0
        assert page["pulseline_relay_relays"] == RELAYS and page["pulseline_relay_connections"] == RELAYS
        assert page["pulseline_relay_gots"] == crowd.gots == sum(m.answered for m in crowd.members)
        assert page["pulseline_relay_points"] == crowd.stats and page["pulseline_relay_stats_dropped"] == 0
        expected = {f"{n.decode()},host=relay{m.number},rack=a{m.number % 7}": [i + 1.25 for i in range(m.answered)] for m in crowd.members for n in crowd.names}
        wait_until(lambda: len(pulseline.points()) >= crowd.stats, "all of them are in the file")
        assert values_of_relays(pulseline) == expected

        # live: what was handed on is published, or counted with what became of it
        def at_rest():
            c = account(pulseline)
            return c if c["pulseline_redis_values_pending"] == 0 and c["pulseline_redis_values"] + c["pulseline_redis_values_dropped"] == crowd.stats else None

        c = wait_until(at_rest, f"every value was taken or counted as dropped: {account(pulseline)}")
        assert c["pulseline_relay_live_values"] == c["pulseline_live_values"] == crowd.stats
        assert c["pulseline_live_values_too_large"] == 0
        published, refused, lost, dropped = (c[f"pulseline_redis_values_{k}"] for k in ("published", "refused", "lost", "dropped"))
        assert published + refused + lost + dropped == crowd.stats
        kept_connected = isinstance(fault, (Full, Denied))
        assert c["pulseline_redis_connections"] == 1 if kept_connected else c["pulseline_redis_connections"] > 1
        assert (dropped > 0) == (not kept_connected) and (refused > 0) == isinstance(fault, Denied)
        assert lost == 0 or not kept_connected
        if not isinstance(fault, (Killed, Loading)):  # the first subscriber saw it all
            wait_until(lambda: len(s.messages) >= published, "what was published has come")
            assert published <= len(s.messages) <= published + lost
    assert pulseline.end() == 0
    assert all(troubles(pulseline, failed) == troubles(pulseline, works) <= 1 for failed, works in TOLD), pulseline.log()
    assert sum(troubles(pulseline, failed) for failed, _ in TOLD) > 0
