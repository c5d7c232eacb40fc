"""pulse's HTTP routes on both stores: every parameter and error, and results against a computation of our own."""
import http.client
import random
import statistics
import time

import pytest
import requests

from daemon import Daemon, job
from harness import PATIENCE, free_port, wait_until
from relays import Relay
from servers import PageServer

EAST = 5 * 3600 + 45 * 60  # of the daemon's clock, so that local time shows
HOURS, DAYS = 3600, 86400


def make_samples():
    """[(time_s, host, value)] of the last days, at moments of their own, none within some minutes of 24 h and 48 h ago."""
    rng, now = random.Random(7), int(time.time())
    found = []
    for i in range(400):
        age = rng.randrange(2 * HOURS, 70 * HOURS)
        if all(abs(age - edge) > 1200 for edge in (24 * HOURS, 48 * HOURS)):
            found.append((now - age, rng.choice("ab"), rng.choice([rng.randrange(-50, 50), rng.random() * 100])))
    # slots of the day with many samples on one day and few on another, where a mean of means would be wrong
    slot = (now - 30 * HOURS) // 900 * 900
    found += [(slot + i * 20, "a", 10.0 + i) for i in range(40)] + [(slot - DAYS + 60, "a", 500.5)]
    return list({s[0]: s for s in found}.values())


class Stored:
    def __init__(self, kind, daemon, samples, influxd, database):
        self.kind, self.daemon, self.samples, self.influxd, self.database = kind, daemon, samples, influxd, database

    def get(self, path, **more):
        return self.daemon.get(path, **more)

    def of(self, host=None, start=7 * DAYS, stop=0):
        now = time.time()
        return [s for s in self.samples if (host is None or s[1] in host) and now - start < s[0] < now - stop]


@pytest.fixture(scope="module", params=["influxdb", "local"])
def stored(request, influxd, tmp_path_factory):
    """A daemon with a filled store, for tests that only read."""
    folder, pages, samples = tmp_path_factory.mktemp("pulse_api"), PageServer(), make_samples()
    lines = ['cpu_used{host="%s"} %r %d' % (host, float(value), t * 1000) for t, host, value in samples]
    lines += ['temp{room="hall"} 20', 'temp{room="attic"} 30', 'temp{room="<&>\'"} 40', "single 1 %d" % (samples[0][0] * 1000)]
    pages.pages["/metrics"] = ("\n".join(lines) + "\n").encode()
    database = "pulse_api"
    outputs = {"influxdb": [{"influxdb": {"url": influxd.url, "database": database}}], "local": [{"local": {"path": str(folder / "p.db")}}]}
    d = Daemon(folder / "pulseline")
    d.config([job("j", pages.address)], outputs[request.param]).start(env={"TZ": "XXX-5:45"})
    s = Stored(request.param, d, samples, influxd, database)
    wait_until(lambda: d.get("/hourly/cpu_used?verb=count&start=7d").status_code == 200, "the store has what was scraped")
    wait_until(lambda: sum(r["value"] for r in d.get("/hourly/cpu_used?verb=count&start=7d").json()) == len(samples), "all of it")
    yield s
    assert d.end() == 0
    d.check_log()
    pages.close()
    influxd.query(f'DROP DATABASE "{database}"')


VERBS = {
    "mean": statistics.fmean, "max": max, "min": min, "sum": sum, "count": len, "first": lambda v: v[0], "last": lambda v: v[-1],
    "median": statistics.median, "spread": lambda v: max(v) - min(v), "stddev": lambda v: statistics.stdev(v) if len(v) > 1 else None,
}


def windows(samples, width, verb):
    """{start_s: (value, number of samples)}"""
    found = {}
    for t, _, value in sorted(samples):
        found.setdefault(t // width * width, []).append(value)
    results = {t: (VERBS[verb](values), len(values)) for t, values in found.items()}
    return {t: r for t, r in results.items() if r[0] is not None}


def local_slot(t):
    minutes = (t + EAST) % DAYS // 60
    return "%02d:%02d" % (minutes // 60, minutes % 60 // 15 * 15)


def days(samples, verb):
    """{slot: [(value, number of samples) of each day]}"""
    found = {}
    for t, r in windows(samples, 900, verb).items():
        found.setdefault(local_slot(t), []).append(r)
    return found


def usual_day(samples, verb):
    def combine(rows):
        return sum(v * n for v, n in rows) / sum(n for _, n in rows) if verb == "mean" else statistics.fmean(v for v, _ in rows)

    return {slot: combine(rows) for slot, rows in days(samples, verb).items()}


def check_hours(answer, samples, verb):
    expected = windows(samples, 3600, verb)
    assert answer.status_code == 200, answer.text
    assert [r["time"] for r in answer.json()] == [t * 1000 for t in sorted(expected)]
    assert [r["value"] for r in answer.json()] == pytest.approx([expected[t][0] for t in sorted(expected)], rel=1e-9, abs=1e-9)


def check_slots(answer, expected):
    assert answer.status_code == 200, answer.text
    assert [r["time"] for r in answer.json()] == sorted(expected)
    assert [r["value"] for r in answer.json()] == pytest.approx([expected[s] for s in sorted(expected)], rel=1e-9, abs=1e-9)


# --- results ---


@pytest.mark.parametrize("verb", VERBS)
def test_hourly_by_every_verb(stored, verb):
    check_hours(stored.get(f"/hourly/cpu_used?start=7d&verb={verb}"), stored.samples, verb)


def test_hourly_range_and_filters(stored):
    check_hours(stored.get("/hourly/cpu_used"), stored.of(start=DAYS), "mean")
    check_hours(stored.get("/hourly/cpu_used?start=&stop=&verb="), stored.of(start=DAYS), "mean")
    check_hours(stored.get("/hourly/cpu_used?start=48h&stop=1d&verb=max"), stored.of(start=2 * DAYS, stop=DAYS), "max")
    check_hours(stored.get("/hourly/cpu_used?start=2d&stop=1439m60s"), stored.of(start=2 * DAYS, stop=DAYS), "mean")
    check_hours(stored.get("/hourly/cpu_used?start=7d&host=a"), stored.of(host="a"), "mean")
    check_hours(stored.get("/hourly/cpu_used?start=7d&host=a&host=b"), stored.samples, "mean")
    check_hours(stored.get("/hourly/cpu_used?start=7d&host=a&job=j&room="), stored.of(host="a"), "mean")
    check_hours(stored.get("/hourly/cpu_used/more?start=7d&:stat=temp"), stored.samples, "mean")
    assert stored.get("/hourly/cpu_used?start=7d&host=a&job=other").status_code == 404
    assert stored.get("/hourly/cpu_used?start=7d&limit=3").status_code == 404  # a filter, as with pulse


@pytest.mark.parametrize("start", ["1w", "7d", "168h", "10080m", "604800s", "604800000ms", "604800000000u", "6d24h"])
def test_units_of_time(stored, start):
    check_hours(stored.get(f"/hourly/cpu_used?start={start}&backfill="), stored.samples, "mean")
    check_slots(stored.get(f"/daily/cpu_used?start={start}&backfill="), usual_day(stored.samples, "mean"))
    assert stored.get(f"/hourly/cpu_used?stop={start}").status_code == stored.get(f"/daily_peaks/cpu_used?stop={start}").status_code == 404


@pytest.mark.parametrize("backfill, fill", [("7", 7), ("-2.12345678", -2.123457), ("zero", 0), ("1e-9", 0)])
def test_hourly_backfill(stored, backfill, fill):
    while True:
        hour = int(time.time()) // HOURS
        answer = stored.get(f"/hourly/cpu_used?start=3d&backfill={backfill}")
        if hour == int(time.time()) // HOURS:
            break
    expected = windows(stored.of(start=3 * DAYS), 3600, "mean")
    assert [r["time"] for r in answer.json()] == [h * HOURS * 1000 for h in range(hour - 72, hour + 1)]
    assert [r["value"] for r in answer.json()] == pytest.approx([expected.get(h * HOURS, (fill,))[0] for h in range(hour - 72, hour + 1)])
    assert stored.get("/hourly/nothing?backfill=1").status_code == 404


@pytest.mark.parametrize("verb", VERBS)
def test_the_usual_day(stored, verb):
    check_slots(stored.get(f"/daily/cpu_used?verb={verb}"), usual_day(stored.samples, verb))


def test_daily_is_no_mean_of_means(stored):
    wrong = {slot: statistics.fmean(v for v, _ in rows) for slot, rows in days(stored.samples, "mean").items()}
    assert {r["time"]: r["value"] for r in stored.get("/daily/cpu_used").json()} != pytest.approx(wrong)


@pytest.mark.parametrize("verb, aggregate", [("mean", statistics.fmean), ("max", max), ("min", min)])
def test_hourly_and_peaks_are_of_samples(stored, verb, aggregate):
    """Not of the means of quarters of an hour, of which pulse makes everything."""
    quarters = {}
    for t, (mean, _) in windows(stored.samples, 900, "mean").items():
        quarters.setdefault(t // HOURS * HOURS * 1000, []).append(mean)
    of_means = {t: aggregate(means) for t, means in quarters.items()}
    assert {r["time"]: r["value"] for r in stored.get(f"/hourly/cpu_used?start=7d&verb={verb}").json()} != pytest.approx(of_means)
    peaks = {s: max(v for v, _ in rows) for s, rows in days(stored.samples, "mean").items()}
    assert {r["time"]: r["value"] for r in stored.get("/daily_peaks/cpu_used").json()} != pytest.approx(peaks)


def test_daily_range_filters_and_backfill(stored):
    check_slots(stored.get("/daily/cpu_used?start=2d&stop=1d&host=b"), usual_day(stored.of("b", 2 * DAYS, DAYS), "mean"))
    check_slots(stored.get("/daily_peaks/cpu_used?start=2d&stop=1d&host=b"),
                {s: max(v for v, _ in rows) for s, rows in days(stored.of("b", 2 * DAYS, DAYS), "max").items()})
    every = {"%02d:%02d" % (m // 60, m % 60): 0.25 for m in range(0, 1440, 15)}
    check_slots(stored.get("/daily/cpu_used?backfill=0.25"), {**every, **usual_day(stored.samples, "mean")})
    check_slots(stored.get("/daily_peaks/cpu_used?backfill=x&start=1d"),
                {**dict.fromkeys(every, 0), **{s: max(v for v, _ in rows) for s, rows in days(stored.of(start=DAYS), "max").items()}})


def test_peaks_are_peaks(stored):
    check_slots(stored.get("/daily_peaks/cpu_used"), {s: max(v for v, _ in rows) for s, rows in days(stored.samples, "max").items()})
    check_slots(stored.get("/daily_peaks/cpu_used?verb=mean"), {s: max(v for v, _ in rows) for s, rows in days(stored.samples, "mean").items()})


def test_latest(stored):
    def latest(query):
        return stored.get(f"/latest/temp?{query}").json()

    assert latest("") == {"time": latest("")["time"], "value": 30}
    assert latest("verb=max&start=1&stop=x&backfill=NaN")["value"] == 40
    assert latest("verb=sum&room=hall&room=attic")["value"] >= 50
    assert latest("room=hall&verb=none").keys() == {"time", "value"}
    rows = latest("verb=none&room=hall&room=attic")
    assert {r["room"]: r["value"] for r in rows} == {"hall": 20, "attic": 30} and all(list(r) == ["room", "time", "value"] for r in rows)
    wait_until(lambda: "\\u003c\\u0026\\u003e'" in stored.get("/latest/temp?verb=none&room=hall&room=%3C%26%3E'&room=attic").text,
               "the characters of HTML are escaped")
    assert stored.get("/latest/single?verb=none").status_code == 404  # of old
    assert stored.get("/latest/temp?verb=stddev&room=hall&job=j&instance=none").status_code == 404


def test_names(stored):
    keys, tags = stored.get("/keys"), stored.get("/tags")
    assert keys.json() == sorted(keys.json()) and {"cpu_used", "temp", "up"} <= set(keys.json())
    assert tags.json() == sorted(tags.json()) and set(tags.json()) == {"host", "instance", "job", "room"}
    assert keys.text.endswith("]\n") and tags.text.endswith("]\n")
    assert stored.get("/keysfoo").json() == keys.json() and stored.get("/tags/x?verb=bogus").json() == tags.json()


# --- errors ---

BAD = ["verb=bogus", "verb=bo(gus", "verb=distinct", "verb=mean(value)", "start=1", "start=1y", "start=-1h", "start=1h;", "start=1.5h", "start=h",
       "stop=x", "stop=0s; DROP DATABASE pulse_api; SHOW DATABASES --", "stop=99999999999999999999w", "start=9999999999999w", "start=300w1u;",
       "backfill=NaN", "backfill=inf", "backfill=1e999", "start=3000w", "=x", "k=%00", "&".join(["a=1"] * 65)]


@pytest.mark.parametrize("route", ["hourly", "daily", "daily_peaks"])
def test_what_is_wrong_is_told(stored, route):
    for query in BAD:
        answer = stored.get(f"/{route}/cpu_used?{query}")
        assert answer.status_code == 400, (query, answer.text)
        assert answer.headers["Content-Type"] == "application/json" and answer.headers["Access-Control-Allow-Origin"]
        assert list(answer.json()) == ["error"] and len(answer.json()["error"]) > 10 and answer.text.endswith("}\n")


@pytest.mark.parametrize("route", ["latest", "hourly", "daily", "daily_peaks"])
def test_what_is_not_there(stored, route):
    for path in ("nothing", "single?host=x", "cpu_used?host=nobody", "cpu_used?time=1", "%22;DROP", "cpu_used?host=' OR 1=1 --"):
        answer = stored.get(f"/{route}/{path}")
        assert (answer.status_code, answer.text) == (404, '{"error":"Not Found"}\n'), path
    if route != "latest":
        for query in ("verb=none", "start=1h&stop=2h", "start=0s", "start=1d&stop=1d", "start=30m"):
            assert stored.get(f"/{route}/cpu_used?{query}").text == '{"error":"Not Found"}\n', query
    for path in (f"/{route}", f"/{route}/", f"/x{route}/cpu_used"):
        answer = stored.get(path)
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    for method in ("POST", "PUT", "DELETE", "HEAD"):
        assert requests.request(method, stored.daemon.url(f"/{route}/cpu_used"), timeout=PATIENCE).status_code == 404


INJECTIONS = ["0s; DROP DATABASE {d}; SHOW DATABASES --", "'; DROP DATABASE {d}; --", "\"; DROP DATABASE {d}; --", "\\'; DROP DATABASE {d}--",
              "mean(value) INTO x FROM y; DROP DATABASE {d}", "\\", "' OR '1'='1", "\nDROP DATABASE {d}\n", "/* */", "\"\n; DROP TABLE series;--"]


@pytest.mark.parametrize("route", ["latest", "hourly", "daily", "daily_peaks"])
def test_nothing_is_injected(stored, route):
    for text in (i.format(d=stored.database) for i in INJECTIONS):
        quoted = requests.utils.quote(text, safe="")
        for path in (f"{quoted}", f"cpu_used?{quoted}=x", f"cpu_used?host={quoted}", f"cpu_used?host=a&host={quoted}&start=7d", f"cpu_used?verb={quoted}",
                     f"cpu_used?start={quoted}", f"cpu_used?stop={quoted}", f"cpu_used?verb=none&{quoted}=1&{quoted}=2"):
            answer = stored.get(f"/{route}/{path}")
            assert answer.status_code in (200, 400, 404), (path, answer.text)
            if answer.status_code == 200:
                assert "&start=7d" in path, path
    check_hours(stored.get("/hourly/cpu_used?start=7d"), stored.samples, "mean")
    if stored.kind == "influxdb":
        assert stored.database in stored.influxd.databases()


def test_headers_of_each_route(stored):
    cors = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
            "Access-Control-Allow-Headers": "X-AUTH-TOKEN, X-CSRF-Token"}
    for path in ("/latest/temp", "/hourly/cpu_used?start=7d", "/daily/cpu_used", "/daily_peaks/cpu_used"):
        answer = stored.get(path)
        assert answer.headers["Content-Type"] == "application/json" and answer.text.endswith("\n")
        assert {k: answer.headers.get(k) for k in cors} == cors
    for path in ("/keys", "/tags", "/ping", "/nowhere"):
        assert not set(cors) & set(stored.get(path).headers)
    for path in ("/", "/hourly/x", "/nowhere"):
        answer = requests.options(stored.daemon.url(path), timeout=PATIENCE)
        assert (answer.status_code, answer.text) == (200, '{"msg":"Success"}\n') and answer.headers.items() >= cors.items()
    connection = http.client.HTTPConnection("127.0.0.1", stored.daemon.port, timeout=PATIENCE)
    connection.request("GET", "/hourly//./x/../cpu_used?start=7d")  # requests would clean the path itself
    moved = connection.getresponse()
    assert (moved.status, moved.headers["Location"], moved.read()) == (301, "/hourly/cpu_used", b"")
    connection.close()
    assert stored.get("/ping").text == stored.get("/pingfoo").text == "pong"


# --- the token ---


def test_the_token(pulseline):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    pulseline.config([], None, server={"http": {"listen": f"127.0.0.1:{pulseline.port}", "token": "s3 cret"}})
    pulseline.start()

    def status(method="GET", path="/ping", **more):
        return requests.request(method, pulseline.url(path), timeout=PATIENCE, **more).status_code

    for name in ("X-AUTH-TOKEN", "x-auth-token", "X-Auth-Token"):
        assert status(headers={name: "s3 cret"}) == 200
        assert status(headers={name: "wrong"}, path="/ping?X-AUTH-TOKEN=s3+cret") == 401
        assert status(headers={name: "s3 cret"}, path="/ping?X-AUTH-TOKEN=wrong") == 200
    assert status(path="/ping?X-AUTH-TOKEN=s3%20cret") == 200
    assert status(path="/ping?x-auth-token=s3%20cret") == 401
    assert status(path="/ping?X-AUTH-TOKEN=") == status(path="/ping?X-AUTH-TOKEN=wrong&X-AUTH-TOKEN=s3+cret") == 401
    assert status(headers={"X-AUTH-TOKEN": ""}, path="/ping?X-AUTH-TOKEN=s3+cret") == 200
    assert status("POST", "/ping", data="X-AUTH-TOKEN=s3+cret", headers=form) == 404  # let in, and no such route
    assert status("POST", "/ping", data="x-auth-token=s3+cret", headers=form) == 401
    assert status("POST", "/ping", data="X-AUTH-TOKEN=s3+cret", headers={"Content-Type": "text/plain"}) == 401
    for path in ("/keys", "/latest/x", "/hourly/x", "/daily/x", "/daily_peaks/x", "/nowhere", "/a//b", "/api/openapi.json"):
        answer = requests.get(pulseline.url(path), timeout=PATIENCE)
        assert (answer.status_code, answer.content) == (401, b"")
        assert not {"Content-Type", "Access-Control-Allow-Origin"} & set(answer.headers)
    for _ in range(2):  # OPTIONS opens nothing
        assert status("OPTIONS", "/hourly/x") == 200 and status() == 401


# --- how far back the latest value may be ---


@pytest.mark.parametrize("kind", ["influxdb", "local"])
def test_the_interval_of_latest(pulseline, pages, influxd, database, tmp_path, kind):
    """Two poll intervals of the relays without jobs, two scrape intervals without relays, and with both of the longer one."""
    pages.pages["/metrics"] = b"scraped 20\n"
    port, jobs, five_minutes = free_port(), [job("j", pages.address, scrape_interval="1s", scrape_timeout="1s")], 300_000
    outputs = [{kind: {"influxdb": {"url": influxd.url, "database": database}, "local": {"path": str(tmp_path / "p.db")}}[kind]}]

    def config(jobs, scrape, poll):
        relay = {"relay": {"listen": f"127.0.0.1:{port}", "poll_interval": poll}} if poll else {}
        return pulseline.config(jobs, outputs, server=relay, **{"global": {"scrape_interval": scrape}})

    def found(stat):
        answer = pulseline.get(f"/latest/{stat}")
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code == 200 and answer.json()

    config([], "1s", "5m").start()
    with Relay(port, "h") as r:
        r.say("got c-relayed:7")
        wait_until(lambda: found("relayed"), "what a relay said is found")
        assert found("relayed")["value"] == 7 and found("relayed")["time"] % five_minutes == 0
        for scrape, poll in (("1s", "5m"), ("5m", "1s")):
            config(jobs, scrape, poll)
            assert pulseline.reload().status_code == 200
            wait_until(lambda: found("scraped"), "what was scraped is found")
            r.say("got c-relayed:8")
            wait_until(lambda: found("relayed"), "and so is what a relay said")
            for stat in ("scraped", "relayed"):
                assert found(stat)["time"] % five_minutes == 0, (stat, scrape, poll)
        config([], "5m", "1s")
        assert pulseline.reload().status_code == 200
        wait_until(lambda: not found("relayed") and not found("scraped"), "two seconds on there is nothing any more")
    config(jobs, "1s", None)
    assert pulseline.reload().status_code == 200
    wait_until(lambda: found("scraped") and found("scraped")["time"] % five_minutes != 0, "it is scraped each second")
    assert not found("relayed")


# --- stores that have nothing, or do not answer ---


@pytest.mark.parametrize("kind", ["influxdb", "local"])
def test_an_empty_store(pulseline, influxd, database, tmp_path, kind):
    outputs = {"influxdb": {"url": influxd.url, "database": database}, "local": {"path": str(tmp_path / "p.db")}}
    pulseline.config([], [{kind: outputs[kind]}]).start()
    assert pulseline.get("/keys").text == pulseline.get("/tags").text == "[]\n"
    for route in ("latest", "hourly", "daily", "daily_peaks"):
        answer = pulseline.get(f"/{route}/cpu?backfill=1")
        assert (answer.status_code, answer.text) == (404, '{"error":"Not Found"}\n')


@pytest.mark.parametrize("kind", ["influxdb", "local"])
def test_a_store_that_is_away(pulseline, tmp_path, kind):
    """500, as with pulse, but without addresses and names of what is behind."""
    path = tmp_path / "secret_name"
    outputs = {"influxdb": {"url": "http://127.0.0.1:1", "database": "secret_name"}, "local": {"path": str(path)}}
    pulseline.config([], [{kind: outputs[kind]}]).start()
    if kind == "local":
        assert pulseline.get("/keys").text == "[]\n"
        for file in tmp_path.glob("secret_name*"):
            with open(file, "r+b") as f:  # not shorter, as part of it is mapped
                f.write(b"no database" * 10000)
    for path in ("keys", "tags", "latest/x", "hourly/x", "daily/x", "daily_peaks/x"):
        answer = pulseline.get(f"/{path}")
        assert answer.status_code == 500 and list(answer.json()) == ["error"]
        assert "127.0.0.1" not in answer.text and "secret_name" not in answer.text


def test_no_store_at_all(pulseline):
    pulseline.config([]).start()
    assert pulseline.get("/hourly/x").status_code == 503 and "no output" in pulseline.get("/hourly/x").json()["error"]
