"""The data of the target page: filters, outcomes, paging, and a target's page fetched through the daemon."""
import json
import socket

import pytest

from daemon import job
from harness import PATIENCE, free_port, wait_until
from http_peers import Issuer, page
from servers import head


def ask(pulseline, **parameters):
    answer = pulseline.get("/api/v1/targets", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def instances(data):
    return [t["labels"]["instance"] for t in data["activeTargets"]]


def raw(pulseline, **parameters):
    return pulseline.get("/api/v1/targets/raw", params=parameters)


@pytest.mark.sanitized
def test_filters(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\n"
    down = f"127.0.0.1:{free_port()}"
    grouped = {"job_name": "a", "static_configs": [{"targets": [pages.address], "labels": {"dc": "eu"}},
                                                   {"targets": [down], "labels": {"dc": "us"}}]}
    pulseline.config([grouped, job("b", pages.address)]).start()
    wait_until(lambda: all(t["health"] != "unknown" for t in pulseline.targets().values()), "each was scraped")
    assert instances(ask(pulseline, scrapePool="b")) == [pages.address]
    assert len(instances(ask(pulseline, scrapePool=["a", "b"]))) == 3
    assert instances(ask(pulseline, scrapePool="c")) == []
    assert instances(ask(pulseline, match='{dc="us"}')) == [down]
    assert [t["scrapePool"] for t in ask(pulseline, match='{dc!="us",dc!="eu"}')["activeTargets"]] == ["b"]
    assert instances(ask(pulseline, match='{dc=~"u.|x"}')) == [down]
    assert instances(ask(pulseline, match='{dc!~"u.",job="a"}')) == [pages.address]
    assert instances(ask(pulseline, health="down")) == [down]
    assert instances(ask(pulseline, health="up", offset=1)) == [pages.address]
    assert ask(pulseline, health="up", limit=1)["paging"] == {"total": 2, "offset": 0, "limit": 1, "returned": 1}
    assert ask(pulseline, state="dropped")["activeTargets"] == []
    assert ask(pulseline)["droppedTargetCounts"] == {"a": 0, "b": 0} and ask(pulseline, scrapePool="b")["droppedTargetCounts"] == {"b": 0}
    for wrong in ({"match": '{dc=~"u("}'}, {"state": "x"}, {"limit": "x"}, {"health": "x"}):
        answer = pulseline.get("/api/v1/targets", params=wrong)
        assert answer.status_code == 400
        assert answer.json()["status"] == "error" and answer.json()["errorType"] == "bad_data" and next(iter(wrong)) in answer.json()["error"]


@pytest.mark.sanitized
def test_outcomes_tell_the_story(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\nb 2\n"
    pulseline.config([job("a", pages.address)], **{"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"}}).start()

    def results():
        return [o["result"] for o in pulseline.target("a")["outcomes"]]

    wait_until(lambda: "up" in results(), "it was scraped")
    assert pulseline.target("a")["lastFailure"] is None
    pages.pages["/metrics"] = b"a what\n"
    wait_until(lambda: "parse" in results(), "a bad page")
    pages.pages["/metrics"] = lambda conn: conn.sendall(head(0, status="503 Busy"))
    wait_until(lambda: "status" in results(), "a bad status")
    down = pulseline.target("a")
    assert down["lastError"] and down["downSince"] == down["lastFailure"]["since"]
    pages.pages["/metrics"] = (b"{}", "application/json")
    wait_until(lambda: "content" in results(), "a bad type")
    pages.held.set()
    wait_until(lambda: "timeout" in results(), "no answer")
    pages.held.clear()
    pages.pages["/metrics"] = b"a 1\nb 2\n"
    wait_until(lambda: results()[-1] == "up", "it recovered")
    target = pulseline.target("a")
    outcomes = target["outcomes"]
    bad = [o for o in outcomes if o["result"] != "up"]
    assert target["lastError"] == "" and target["downSince"] is None and target["failuresInRow"] == 0
    failure = target["lastFailure"]
    assert failure["count"] == len(bad) and failure["since"] == bad[0]["time"] and failure["last"] == bad[-1]["time"]
    assert failure["error"]
    assert [o["time"] for o in outcomes] == sorted(o["time"] for o in outcomes)
    assert outcomes[-1]["samples"] == 2 and outcomes[-1]["duration"] > 0
    assert len(ask(pulseline, outcomes=2)["activeTargets"][0]["outcomes"]) == 2
    wait_until(lambda: len(results()) == 60, "the ring is full")
    wait_until(lambda: pulseline.target("a")["scrapes"] > 62, "and goes round")
    assert len(results()) == 60


@pytest.mark.sanitized
def test_pages_of_many_targets(pulseline):
    addresses = [f"127.0.0.1:{port}" for port in range(1, 301)]
    pulseline.config([job("many", *addresses, scrape_interval="1h", scrape_timeout="1s")]).start()
    urls = sorted(f"http://{a}/metrics" for a in addresses)

    def shown(**parameters):
        data = ask(pulseline, **parameters)
        assert data["paging"]["total"] == 300 and data["paging"]["returned"] == len(data["activeTargets"])
        return [t["scrapeUrl"] for t in data["activeTargets"]]

    assert shown() == urls
    assert shown(limit=100) + shown(offset=100, limit=100) + shown(offset=200) == urls
    assert shown(offset=298, limit=10) == urls[298:]
    assert shown(offset=1000) == [] and shown(limit=0) == []
    answer = pulseline.get("/api/v1/targets", stream=True)  # somebody who does not wait for the rest
    next(answer.iter_content(10))
    answer.close()
    with socket.create_connection(("127.0.0.1", pulseline.port)) as peer:
        peer.sendall(b"GET /api/v1/targets HTTP/1.0\r\n\r\n")
        text = b""
        while piece := peer.recv(65536):
            text += piece
    assert len(json.loads(text.split(b"\r\n\r\n", 1)[1])["data"]["activeTargets"]) == 300
    with socket.create_connection(("127.0.0.1", pulseline.port)) as peer:
        peer.sendall(b"HEAD /api/v1/targets HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        peer.settimeout(PATIENCE)
        text = b""
        while piece := peer.recv(65536):
            text += piece
    assert text.startswith(b"HTTP/1.1 200") and text.endswith(b"\r\n\r\n")


def test_dropped_targets_of_a_job_and_oauth2(pulseline, pages):
    rules = [{"action": "drop", "source_labels": ["__address__"], "regex": ".*:1"}]
    oauth2 = {"client_id": "i", "client_secret": "s", "token_url": "http://127.0.0.1:1/token"}
    pulseline.config([job("a", pages.address, "127.0.0.1:1", relabel_configs=rules), job("b", "127.0.0.2:1", relabel_configs=rules),
                      job("c", pages.address, oauth2=oauth2)]).start()
    wait_until(lambda: pulseline.metric("pulseline_targets_dropped") == 2, "both are dropped")
    for asked, pools in (({}, ["a", "b"]), ({"scrapePool": "b"}, ["b"]), ({"scrapePool": "c"}, []), ({"state": "active"}, [])):
        assert sorted(t["scrapePool"] for t in ask(pulseline, **asked)["droppedTargets"]) == pools, asked
    assert ask(pulseline, scrapePool=["a", "c"])["droppedTargetCounts"] == {"a": 1, "c": 0}
    answer = raw(pulseline, target=pages.address, job="c")
    assert answer.status_code == 502 and "no token from" in answer.json()["error"]

    def outcomes():
        (target,) = ask(pulseline, scrapePool="c")["activeTargets"]
        return [o["result"] for o in target["outcomes"]]

    wait_until(lambda: len(outcomes()) > 0, "it was scraped")
    assert set(outcomes()) == {"credentials"}


@pytest.mark.sanitized
def test_raw_page_behind_oauth2(pulseline, peer):
    issuer = Issuer(peer)
    target = peer(issuer.target)
    pulseline.config([job("a", target.address, scrape_interval="1h", oauth2=issuer.config())]).start()
    wait_until(lambda: len(ask(pulseline)["activeTargets"]) == 1, "the target is there")
    for _ in range(2):
        answer = raw(pulseline, target=target.address)
        assert (answer.status_code, answer.content) == (200, page()[2]), answer.text
    issuer.status = 500
    answer = raw(pulseline, target=target.address)
    assert answer.status_code == 502 and "token" in answer.json()["error"] and "s3cret" not in answer.text


@pytest.mark.sanitized
def test_raw_page_while_the_daemon_stops(pulseline, peer):
    """The token's server never answers: the daemon does not wait for it."""
    silent = socket.create_server(("127.0.0.1", 0))
    oauth2 = {"client_id": "i", "client_secret": "s", "token_url": f"http://127.0.0.1:{silent.getsockname()[1]}/token"}
    pulseline.config([job("a", "127.0.0.1:1", scrape_interval="1h", scrape_timeout="1h", oauth2=oauth2)]).start()
    wait_until(lambda: len(ask(pulseline)["activeTargets"]) == 1, "the target is there")
    with socket.create_connection(("127.0.0.1", pulseline.port)) as asker:
        asker.sendall(b"GET /api/v1/targets/raw?target=127.0.0.1:1 HTTP/1.1\r\nHost: h\r\n\r\n")
        silent.accept()  # it asks for a token
        pulseline.p.terminate()
        assert pulseline.p.wait(60) == 0
    silent.close()


@pytest.mark.sanitized
def test_raw_page(pulseline, pages, tmp_path):
    page = b"# HELP a <script>\na 1\n"
    pages.pages["/metrics"] = page
    pages.pages["/secret"] = b"b 1\n"
    pages.pages["/bad"] = lambda conn: conn.sendall(head(0, status="500 Oops"))
    big = b"# " + b"x" * 97 + b"\n"
    pages.pages["/big"] = big * 90000
    (tmp_path / "pw").write_text("sesame\n")
    pulseline.config([job("a", pages.address, scrape_interval="1h", basic_auth={"username": "u", "password_file": str(tmp_path / "pw")}),
                      job("b", pages.address, metrics_path="/secret", scrape_interval="1h"),
                      job("bad", pages.address, metrics_path="/bad", scrape_interval="1h"),
                      job("big", pages.address, metrics_path="/big", scrape_interval="1h", scrape_timeout="50s")],
                     server={"http": {"listen": f"127.0.0.1:{pulseline.port}", "token": "t0ken"}}).start()
    assert raw(pulseline, target=pages.address, job="a").status_code == 401

    def ask_raw(**parameters):
        return pulseline.get("/api/v1/targets/raw", params=parameters, headers={"X-AUTH-TOKEN": "t0ken"})

    answer = ask_raw(target=pages.address, job="a")
    assert answer.status_code == 200 and answer.content == page
    assert answer.headers["Content-Type"].startswith("text/plain") and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Basic dTpzZXNhbWU=" in pages.requests[-1][1]
    assert ask_raw(target=f"http://{pages.address}/secret").text == "b 1\n"
    cut = ask_raw(target=pages.address, job="big")
    assert cut.headers["X-Pulseline-Cut"] == str(8 << 20)
    assert cut.content[:8 << 20] == (big * 90000)[:8 << 20] and b"cut here" in cut.content[8 << 20:]
    requests = len(pages.requests)
    for wrong, status, text in (({}, 400, "which target"), ({"target": pages.address}, 400, "4 active targets"),
                                ({"target": f"http://{pages.address}/other"}, 404, "no active target"),
                                ({"target": pages.address, "job": "x"}, 404, "no active target")):
        answer = ask_raw(**wrong)
        assert answer.status_code == status and text in answer.json()["error"], answer.text
    assert len(pages.requests) == requests, "only active targets are fetched"
    answer = ask_raw(target=pages.address, job="bad")
    assert answer.status_code == 502 and "500" in answer.json()["error"]
    (tmp_path / "pw").unlink()
    answer = ask_raw(target=pages.address, job="a")
    assert answer.status_code == 502 and "pw" in answer.json()["error"] and "sesame" not in answer.text


@pytest.mark.sanitized
def test_the_daemon_stops_while_a_raw_page_is_awaited(pulseline, pages):
    pages.pages["/metrics"] = b"a 1\n"
    pages.held.set()
    pulseline.config([job("a", pages.address, scrape_interval="1h", scrape_timeout="1h")]).start()
    with socket.create_connection(("127.0.0.1", pulseline.port)) as peer:
        peer.sendall(f"GET /api/v1/targets/raw?target={pages.address} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_until(lambda: pages.requests, "the page is asked for")
        pulseline.p.terminate()
        peer.settimeout(PATIENCE)
        assert peer.recv(65536).startswith(b"HTTP/1.1 503")
    pulseline.p.wait(PATIENCE)
