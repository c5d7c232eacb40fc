"""pulse's /latest on both stores, parameter by parameter, and what all its routes have in common: methods, headers, connections."""
import http.client
import statistics
import time

import pytest
import requests

from daemon import Daemon, job
from harness import PATIENCE, free_port, wait_until
from servers import PageServer

POLL = 60  # seconds between the polls of relays: P of pulse's query
PAIR = [(30, "a", 1.0), (40, "b", 2.0), (50, "a", 6.0)]  # seconds after the beginning of the bucket, host, value


class Filled:
    """A store with samples of known times: `pair` in one bucket of P, `aged` in the window of 2 P, `older` before it."""

    def __init__(self, kind, folder, url, database):
        now = int(time.time())
        self.bucket, scale = (now // POLL * POLL - POLL, 1) if now % POLL < 30 else (now // POLL * POLL, 0.3)
        self.pair = [(self.bucket + int(offset * scale), host, value) for offset, host, value in PAIR]
        self.aged, self.pages = now - 75, PageServer()
        lines = [f'pair{{host="{host}"}} {value} {t * 1000}' for t, host, value in self.pair]
        lines += [f"aged 5 {self.aged * 1000}", f"older 5 {(now - 2 * POLL - 5) * 1000}", f"third 0.1767766952966369 {now * 1000}",
                  f"whole 3 {now * 1000}", f"below -0.25 {now * 1000}", f"single 8 {now * 1000}"]
        self.pages.pages["/metrics"] = ("\n".join(lines) + "\n").encode()
        output = {"influxdb": {"url": url, "database": database}, "local": {"path": str(folder / "points.db")}}[kind]
        self.daemon = Daemon(folder / "pulseline")
        self.daemon.config([job("j", self.pages.address)], [{kind: output}],
                           server={"http": {"listen": f"127.0.0.1:{self.daemon.port}", "cors_allow": "http://page.example"},
                                   "relay": {"listen": f"127.0.0.1:{free_port()}", "poll_interval": f"{POLL}s"}})
        self.daemon.start()
        wait_until(lambda: {"pair", "aged", "older", "single"} <= set(self.daemon.get("/keys").json()), "the store has what was scraped")

    def get(self, path, **more):
        return self.daemon.get(path, **more)

    def row(self, i):
        t, host, value = self.pair[i]
        return {"host": host, "time": t * 1000, "value": value}


@pytest.fixture(scope="module", params=["influxdb", "local"])
def filled(request, influxd, tmp_path_factory):
    f = Filled(request.param, tmp_path_factory.mktemp("pulse_latest"), influxd.url, "pulse_latest")
    yield f
    assert f.daemon.end() == 0
    f.daemon.check_log()
    f.pages.close()
    influxd.query('DROP DATABASE "pulse_latest"')


# --- verbs: of the newest bucket of P, at whose beginning they stand ---

ALL = [value for _, _, value in PAIR]
VERBS = {"": statistics.fmean(ALL), "verb=mean": statistics.fmean(ALL), "verb=max": 6, "verb=min": 1, "verb=sum": 9, "verb=count": 3,
         "verb=first": 1, "verb=last": 6, "verb=median": 2, "verb=spread": 5, "verb=stddev": statistics.stdev(ALL), "verb=MAX": 6, "verb=": 3,
         "host=a": 3.5, "host=b": 2, "host=a&host=b": 3, "host=a&verb=sum&verb=max": 7, "verb=max&start=x&stop=1&backfill=NaN": 6,
         "host=b&X-AUTH-TOKEN=x&x-auth-token=y": 2, ":stat=aged": 3, "host=a&job=j&room": 3.5, "host=a&room=": 3.5, "host=nobody&host=b": 2}


@pytest.mark.parametrize("query", VERBS)
def test_a_verb_makes_one_value_of_the_newest_bucket(filled, query):
    answer = filled.get(f"/latest/pair?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"time": filled.bucket * 1000, "value": pytest.approx(VERBS[query], rel=1e-12)}


@pytest.mark.parametrize("query", ["host", "host=", "host=nobody", "limit=3", "host=a&job=other", "room=x", "time=1", "host=b&verb=stddev",
                                   "X-Auth-Token=x", "start=1&begin=1"])
def test_every_other_parameter_is_a_filter(filled, query):
    answer = filled.get(f"/latest/pair?{query}")
    assert (answer.status_code, answer.text) == (404, '{"error":"Not Found"}\n')


# --- rows themselves: as many as the filter with the most values has, newest first ---

ROWS = {"verb=none": [2], "verb=none&host=b": [1], "verb=NONE&host=a&job=j": [2], "verb=none&host=a&host=b": [2, 1], "verb=none&host=a&host=x": [2, 0],
        "verb=none&host=b&host=x": [1], "verb=none&host=a&host=b&host=c": [2, 1, 0], "verb=none&host=a&host=b&job=j&job=k&job=l": [2, 1, 0]}


@pytest.mark.parametrize("query", ROWS)
def test_rows_themselves(filled, query):
    answer = filled.get(f"/latest/pair?{query}")
    expected = [filled.row(i) for i in ROWS[query]]
    if len(expected) == 1:
        assert answer.json() == {k: v for k, v in expected[0].items() if k != "host"}
        return
    for row in expected:
        row |= {"job": "j"} if "job=k" in query else {}
    assert answer.json() == expected and all(list(row) == sorted(row) for row in answer.json())


# --- the window: 2 P, where P is the interval by which relays are polled ---


def test_the_window_is_two_polls(filled):
    assert filled.get("/latest/aged").json() == {"time": filled.aged // POLL * POLL * 1000, "value": 5}
    assert filled.get("/latest/aged?verb=none").json() == {"time": filled.aged * 1000, "value": 5}
    for query in ("", "?verb=none"):
        assert filled.get(f"/latest/older{query}").status_code == 404
    assert filled.get("/hourly/older").status_code == 200


@pytest.mark.parametrize("stat, number", [("third", "0.1767766952966369"), ("whole", "3"), ("below", "-0.25")])
def test_numbers_are_as_short_as_may_be(filled, stat, number):
    assert filled.get(f"/latest/{stat}").text.endswith(f',"value":{number}}}\n')


def test_what_follows_the_name_is_nothing(filled):
    assert filled.get("/latest/single/more/of").json()["value"] == 8
    assert filled.get("/latest/%73ingle").json()["value"] == 8


# --- what the routes have in common ---


def test_methods_that_no_route_has(filled):
    for path in ("/ping", "/keys", "/tags", "/latest/pair", "/hourly/pair", "/daily/pair", "/daily_peaks/pair"):
        assert filled.get(path).status_code == 200, path
        for method in ("POST", "PUT", "DELETE", "PATCH", "HEAD"):
            answer = requests.request(method, filled.daemon.url(path), timeout=PATIENCE)
            assert answer.status_code == 404, (method, path)
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8" and answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.text == ("" if method == "HEAD" else "404 page not found\n")
        answer = requests.options(filled.daemon.url(path), timeout=PATIENCE)
        assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (200, '{"msg":"Success"}\n', "application/json")


def test_the_allowed_origin_is_the_configured_one(filled):
    for path, status in (("/latest/pair", 200), ("/latest/nothing", 404), ("/hourly/pair?start=x", 400), ("/daily/nothing", 404),
                         ("/daily_peaks/pair?verb=none", 404)):
        answer = filled.get(path)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, "http://page.example"), path


def test_lists_mind_no_parameters(filled):
    for path in ("/keys", "/tags"):
        plain = filled.get(path)
        assert plain.headers["Content-Type"] == "application/json" and plain.text.endswith("]\n")
        for query in ("?host=a", "?verb=bogus&start=x&backfill=NaN", "foo?x", "/pair?limit=1"):
            assert filled.get(path + query).json() == plain.json()


def test_a_connection_serves_many_requests(filled):
    connection = http.client.HTTPConnection("127.0.0.1", filled.daemon.port, timeout=PATIENCE)
    connection.connect()
    local = connection.sock.getsockname()
    for path, status in (("/ping", 200), ("/latest/pair", 200), ("/latest/nothing", 404), ("/hourly/pair?start=x", 400), ("/nowhere", 404),
                         ("/a//b", 301), ("/keys", 200)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.version) == (status, 11)
        assert connection.sock is not None and connection.sock.getsockname() == local, path
    connection.close()
