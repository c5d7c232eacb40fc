"""Live values on a real Redis: exactly what the manual says, and whatever becomes of that Redis, nobody else minds."""
import json
import random

import pytest

from daemon import job
from harness import wait_until
from http_peers import certificate
from redis_server import Client, Sentinel, Subscriber, escape, grows, pattern, redis_metric, troubles

PAGE = b"temperature{room=\"a\"} 20.50\ntemperature{room=\"b\"} NaN\n"


def configure(pulseline, pages, url, page=PAGE, live=True, server=None, **output):
    pages.pages["/metrics"] = page
    settings = {"url": url, "connect_timeout": "1s", "timeout": "1s", **output}
    pulseline.config([job("j", pages.address, live=live)],
                     [{"file": {"path": str(pulseline.points_path)}}, {"redis": settings}],
                     **{"global": {"scrape_interval": "100ms", "scrape_timeout": "100ms"}, "server": {"live": server or {}}})
    return pulseline


def scrapes_go_on(pulseline):
    """Ten more scrapes, none of them failed, and their points arrive."""
    before, points = pulseline.metric("pulseline_scrapes_total"), len(pulseline.points_of("temperature"))
    wait_until(lambda: pulseline.metric("pulseline_scrapes_total") >= before + 10, "scrapes go on")
    wait_until(lambda: len(pulseline.points_of("temperature")) > points + 5, "points arrive")
    assert pulseline.metric("pulseline_scrapes_failed_total") == 0


def adds_up(pulseline):
    """One look: in = out + refused + lost + pending, and what is not in was dropped or waits in the ring."""

    def check():
        m = {n: v for (n, ls), v in pulseline.metrics().items() if n.startswith("pulseline_redis_") and "kind" not in dict(ls)}
        c = {k: m[f"pulseline_redis_values{k}"] for k in ("_published_total", "_refused_total", "_lost_total", "_pending")}
        return m["pulseline_redis_values_total"] == sum(c.values())

    wait_until(check, "the account of Redis adds up")


# ---- what is published ----

ALPHABET = ["a", "b", "host:h1", "host:h10", "x y", "*", "?", "[z]", "]", "^", "\\", "|", "||", "%7C", "%", "é", "日本", "{", "~", "a,b", "\"q\""]


def sample(name, values):
    def quoted(v):
        return v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "%s{%s} 1\n" % (name, ",".join(f'{k}="{quoted(v)}"' for k, v in sorted(values.items())))


def test_400_pairs_match_as_subsets(pulseline, pages, redis):
    """40 values against 10 wanted sets, on Redis and on the event stream: each gets what contains its set, in order, and nothing
    else."""
    rng = random.Random(5)
    server = redis().start()
    samples, tag_sets = [], []
    for i in range(40):
        labels = {f"k{k}": rng.choice(ALPHABET) for k in rng.sample(range(4), rng.randint(0, 4))}
        name = rng.choice(["m", "m1", "mm"])
        samples.append(sample(name, {**labels, "nr": str(i)}))
        tag_sets.append({"job:j", f"instance:{pages.address}", "metrics", name, f"nr:{i}"} | {f"{k}:{v}" for k, v in labels.items()})
    wanted = []
    for i in range(10):
        base = sorted(rng.choice(tag_sets) - {t for t in rng.choice(tag_sets) if t.startswith("nr:")})
        wanted.append(rng.sample([t for t in base if not t.startswith("nr:")], rng.randint(1, 3)))
    page = "".join(samples) + "zz_end 1\n"
    subscribers = [Subscriber(server.port, pattern(w), pattern(["zz_end"])) for w in wanted]
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}", page.encode()).start()
    matched = 0
    for want, s in zip(wanted, subscribers):
        def pages_seen(s=s):
            parts, part = [], []
            all_messages = list(s.messages)
            for i, (channel, payload) in enumerate(all_messages):
                if "|zz_end|" in channel and i > 0 and "|zz_end|" in all_messages[i - 1][0]:
                    continue  # it fits both patterns: Redis sends it for each
                if "|zz_end|" in channel:
                    parts.append(part)
                    part = []
                else:
                    part.append((channel, json.loads(payload)))
            return parts

        wait_until(lambda: len(pages_seen()) >= 3, f"three pages for {want}")
        got = pages_seen()[1]
        expected = [t for t in tag_sets if set(want) <= t]
        matched += len(expected)
        assert [set(m["tags"]) for _, m in got] == expected, want
        for channel, m in got:
            assert m["command"] == "publish" and m["data"] == "1" and list(m) == ["command", "tags", "data"]
            assert m["tags"] == sorted(m["tags"], key=str.encode)
            assert channel == "pulse:" + "".join(f"|{e}|" for e in sorted(map(escape, m["tags"])))
        s.close()
    assert 10 < matched < 300, "the sets tell nothing if all or none match"


def test_payload_and_last_values(pulseline, pages, redis):
    server = redis().start()
    s = Subscriber(server.port, pattern(["room:a"]))
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}/3", last_values_ttl="1h").start()
    wait_until(lambda: len(s.messages) >= 2, "values come")
    instance = f"instance:{pages.address}"
    assert s.messages[0] == (f"pulse:|{instance}||job:j||metrics||room:a||temperature|",
                             '{"command":"publish","tags":["%s","job:j","metrics","room:a","temperature"],"data":"20.50"}' % instance)
    c = Client(server.port)
    c.do("SELECT", 3)

    def last():
        """As the manual tells a late subscriber to: the pattern of the channel finds the keys."""
        _, keys = c.do("SCAN", 0, "MATCH", pattern(["temperature", "room:b"], "pulse:last:"), "COUNT", 1000)
        return keys

    keys = wait_until(last, "the last value is there")
    assert len(keys) == 1
    fields = c.do("HGETALL", keys[0])
    values = dict(zip(fields[::2], fields[1::2]))
    assert values["data"] == "NaN" and int(values["time"]) > 1_600_000_000_000
    assert 3590 <= c.do("TTL", keys[0]) <= 3600
    assert Client(server.port).do("DBSIZE") == 0
    grows(pulseline, "receivers_total")
    adds_up(pulseline)


def test_without_last_values_and_by_selector(pulseline, pages, redis):
    server = redis().start()
    s = Subscriber(server.port, "live/*")
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}", live=['{__name__="temperature",room!="a"}'],
              last_values_ttl="0", prefix="live/").start()
    wait_until(lambda: len(s.messages) >= 3, "values come")
    assert {json.loads(p)["data"] for _, p in s.messages} == {"NaN"}
    assert all(c.startswith("live/|instance:") for c, _ in s.messages)
    assert server.do("DBSIZE") == 0
    assert redis_metric(pulseline, "last_values_stored_total") == 0


def test_every_value_once_from_first_to_last(pulseline, pages, redis):
    """From before the connection stands to the daemon's last words: as many values as points."""
    server = redis().start()
    s = Subscriber(server.port, pattern(["room:a"]))
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}").start()
    wait_until(lambda: len(s.messages) >= 5, "values come")
    assert pulseline.end() == 0
    points = pulseline.points_of("temperature", room="a")
    wait_until(lambda: len(s.messages) >= len(points), "all values have come")
    assert len(s.messages) == len(points)
    assert "no working connection" not in pulseline.log()


# ---- a Redis in trouble ----

def test_killed_and_back(pulseline, pages, redis):
    server = redis().start()
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}", server={"max_values": 16}).start()
    grows(pulseline, "values_published_total")
    server.kill()
    grows(pulseline, "errors_total", kind="connect")
    scrapes_go_on(pulseline)
    grows(pulseline, "errors_total", kind="connect")
    assert redis_metric(pulseline, "up") == 0
    server.start()
    grows(pulseline, "values_published_total")
    assert redis_metric(pulseline, "up") == 1
    assert redis_metric(pulseline, "values_dropped_total") > 0
    assert redis_metric(pulseline, "connections_total") == 2
    adds_up(pulseline)
    assert troubles(pulseline, "no working connection to Redis") == 1
    assert troubles(pulseline, "connected to Redis again") == 1


def test_not_there_at_the_start(pulseline, pages, redis):
    server = redis()
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}").start()
    grows(pulseline, "errors_total", kind="connect")
    scrapes_go_on(pulseline)
    server.start()
    grows(pulseline, "values_published_total")


def test_paused(pulseline, pages, redis):
    server = redis().start()
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}", server={"max_values": 16}).start()
    grows(pulseline, "values_published_total")
    server.pause()
    grows(pulseline, "errors_total", kind="timeout")
    scrapes_go_on(pulseline)
    grows(pulseline, "errors_total", kind="timeout")
    assert redis_metric(pulseline, "values_lost_total") > 0
    server.go_on()
    grows(pulseline, "values_published_total")
    assert redis_metric(pulseline, "values_dropped_total") > 0
    adds_up(pulseline)


def test_full(pulseline, pages, redis):
    """Publishing needs no memory there: it goes on while the last values are refused."""
    server = redis("--maxmemory-policy", "noeviction").start()
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}").start()
    grows(pulseline, "last_values_stored_total")
    server.do("CONFIG", "SET", "maxmemory", "1")
    grows(pulseline, "errors_total", kind="oom")
    scrapes_go_on(pulseline)
    grows(pulseline, "values_published_total")
    server.do("CONFIG", "SET", "maxmemory", "0")
    grows(pulseline, "last_values_stored_total")
    wait_until(lambda: troubles(pulseline, "Redis keeps last values again") == 1, "the recovery is in the log")
    assert troubles(pulseline, "Redis does not keep last values") == 1
    adds_up(pulseline)


def test_denied(pulseline, pages, redis, tmp_path):
    server = redis().start()
    server.do("ACL", "SETUSER", "live", "on", ">pass word", "resetchannels", "~pulse:last:*", "+@all")
    (tmp_path / "secret").write_text("pass word\n")
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}", username="live", password_file=str(tmp_path / "secret")).start()
    grows(pulseline, "errors_total", kind="noperm")
    grows(pulseline, "values_refused_total")
    grows(pulseline, "last_values_stored_total")
    scrapes_go_on(pulseline)
    assert redis_metric(pulseline, "values_published_total") == 0
    server.do("ACL", "SETUSER", "live", "&pulse:*")
    grows(pulseline, "values_published_total")
    wait_until(lambda: troubles(pulseline, "Redis takes live values again") == 1, "the recovery is in the log")
    adds_up(pulseline)


def test_password_file_is_read_again(pulseline, pages, redis, tmp_path):
    server = redis("--requirepass", "right", password="right").start()
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}", password_file=str(secret)).start()
    grows(pulseline, "errors_total", kind="auth")
    scrapes_go_on(pulseline)
    secret.write_text("right")
    grows(pulseline, "values_published_total")
    assert "right" not in pulseline.log()
    assert "right" not in pulseline.get("/config").text


def test_url_with_a_password_is_not_shown(pulseline, pages, redis):
    server = redis("--requirepass", "s3cr3t@x", password="s3cr3t@x").start()
    configure(pulseline, pages, f"redis://:s3cr3t%40x@127.0.0.1:{server.port}").start()
    grows(pulseline, "values_published_total")
    assert "s3cr3t" not in pulseline.get("/config").text
    assert "s3cr3t" not in pulseline.log()


def test_loading(pulseline, pages, redis):
    server = redis("--loading-process-events-interval-bytes", "1024").start()
    server.do("DEBUG", "POPULATE", "3000")
    server.do("SAVE")
    server.kill()
    server.start("--key-load-delay", "1000", wait=False)
    configure(pulseline, pages, f"redis://127.0.0.1:{server.port}").start()
    grows(pulseline, "errors_total", kind="loading")
    scrapes_go_on(pulseline)
    grows(pulseline, "values_published_total")
    adds_up(pulseline)


def test_read_only_replica(pulseline, pages, redis):
    """Without Sentinel it is what was asked for: values are published there, but not kept."""
    master, replica = redis().start(), redis().start()
    replica.do("REPLICAOF", "127.0.0.1", master.port)
    wait_until(lambda: replica.do("ROLE")[3] == "connected", "the replica follows")
    configure(pulseline, pages, f"redis://127.0.0.1:{replica.port}").start()
    grows(pulseline, "errors_total", kind="readonly")
    grows(pulseline, "values_published_total")


def test_no_redis_at_all(pulseline, pages):
    """Something that answers in another tongue: the page server."""
    configure(pulseline, pages, f"redis://{pages.address}").start()
    wait_until(lambda: sum(redis_metric(pulseline, "errors_total", kind=k) for k in ("protocol", "timeout", "closed")) > 1,
               "it is counted as no Redis")
    scrapes_go_on(pulseline)


# ---- TLS, Sentinel, reload ----

def test_tls(pulseline, pages, redis, tmp_path):
    cert, key = certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    other_cert, _ = certificate(other)
    trusted = tmp_path / "ca.crt"
    trusted.write_bytes(other_cert.read_bytes())
    server = redis("--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no",
                   tls=cert).start()
    configure(pulseline, pages, f"rediss://127.0.0.1:{server.port}", tls_config={"ca_file": str(trusted)}).start()
    grows(pulseline, "errors_total", kind="tls")
    scrapes_go_on(pulseline)
    trusted.write_bytes(cert.read_bytes())
    grows(pulseline, "values_published_total")
    grows(pulseline, "last_values_stored_total")
    adds_up(pulseline)


def test_sentinel_and_failover(pulseline, pages, redis, tmp_path):
    master, replica = redis().start(), redis().start()
    replica.do("REPLICAOF", "127.0.0.1", master.port)
    wait_until(lambda: replica.do("ROLE")[3] == "connected", "the replica follows")
    sentinel = Sentinel(tmp_path / "sentinel", "mine", master.port).start()
    try:
        wait_until(lambda: "slaves=1" in Client(sentinel.port).do("INFO", "sentinel"), "the Sentinel knows the replica")
        dead = redis()
        configure(pulseline, pages, "redis://unused", sentinel={
            "master": "mine", "addresses": [f"127.0.0.1:{dead.port}", f"127.0.0.1:{sentinel.port}"]}).start()
        grows(pulseline, "values_published_total")
        assert master.do("DBSIZE") > 0
        master.kill()
        wait_until(lambda: replica.do("ROLE")[0] == "master", "the Sentinel makes the replica the master")
        s = Subscriber(replica.port, "pulse:*")
        wait_until(lambda: len(s.messages) > 3, "values come to the new master")
        scrapes_go_on(pulseline)
        adds_up(pulseline)
    finally:
        sentinel.end()


def test_reload_to_another_server(pulseline, pages, redis):
    a, b = redis().start(), redis().start()
    configure(pulseline, pages, f"redis://127.0.0.1:{a.port}").start()
    grows(pulseline, "values_published_total")
    s = Subscriber(b.port, "pulse:*")
    configure(pulseline, pages, f"redis://127.0.0.1:{b.port}")
    assert pulseline.reload().status_code == 200
    wait_until(lambda: len(s.messages) > 3, "values come to the other server")
    wait_until(lambda: pulseline.metric("pulseline_live_listeners") == 2, "the former one reads no more")
    configure(pulseline, pages, f"redis://127.0.0.1:{b.port}", live=False)
    assert pulseline.reload().status_code == 200
    wait_until(lambda: len(pulseline.points_of("temperature")) > 0, "it is still scraped")


@pytest.mark.parametrize("output, said", [
    ({"url": "http://h"}, "expected redis://host:port"),
    ({"url": "redis://u:geheim@h", "password": "x"}, "keep one"),
    ({"url": "redis://h", "prefix": "a*"}, "patterns of channels"),
    ({"url": "redis://h", "tls_config": {"insecure_skip_verify": True}}, "rediss://"),
    ({"url": "redis://h", "last_values_ttl": "500ms"}, "at least 1s"),
    ({"url": "redis://h", "sentinel": {"master": "m", "addresses": ["h:99999"]}}, "port must be"),
    ({"url": "redis://h", "passwort": "x"}, "password"),
])
def test_refused_configuration(pulseline, pages, output, said):
    configure(pulseline, pages, "redis://h")
    document = json.loads(pulseline.config_path.read_text())
    document["outputs"][1]["redis"] = output
    pulseline.config_path.write_text(json.dumps(document))
    pulseline.start(ready=False)
    pulseline.expected_exit = 3
    assert pulseline.p.wait(30) == 3
    assert said in pulseline.log() and "geheim" not in pulseline.log()
