"""How the daemon asks: what the other side saw, for every key that says so."""
import gzip
import json
import ssl
import subprocess
import threading
import urllib.parse

import pytest

from daemon import BINARY, job
from harness import PATIENCE, wait_until
from http_peers import Issuer, Peer, Socks, Tunnel, basic, certificate, page, tls


def is_up(pulseline, name):
    wait_until(lambda: pulseline.target(name)["health"] == "up", f"{name} is up: {pulseline.log()[-2000:]}")


def is_down(pulseline, name, reason):
    wait_until(lambda: reason in pulseline.target(name)["lastError"], f"{name} is down: {reason}")


def test_what_a_target_sees(pulseline, peer):
    def answer(asked):
        text = b"a 1\n"
        if "gzip" in asked.headers["Accept-Encoding"]:
            return 200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, gzip.compress(text)
        return page(text)

    target = peer(answer)
    jobs = [
        job("plain", target.address),
        job("asks", target.address, metrics_path="/probe", params={"module": ["http 2xx"], "t": ["a&b", "c"]}, scrape_timeout="900ms"),
        job("basic", target.address, metrics_path="/basic", basic_auth={"username": "u", "password": "p:w"}),
        job("bearer", target.address, metrics_path="/bearer", bearer_token="t0k"),
        job("other", target.address, metrics_path="/other", authorization={"type": "Token", "credentials": "t1k"}),
        job("uncompressed", target.address, metrics_path="/uncompressed", enable_compression=False),
    ]
    pulseline.config(jobs).start()
    for j in jobs:
        is_up(pulseline, j["job_name"])
    by_path = {urllib.parse.urlsplit(a.path).path: a for a in target.asked}
    assert by_path["/metrics"].headers["Accept-Encoding"] == "gzip"
    assert by_path["/metrics"].headers["Authorization"] is None
    assert by_path["/metrics"].headers["User-Agent"].startswith("Pulseline/")
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(by_path["/probe"].path).query) == {"module": ["http 2xx"], "t": ["a&b", "c"]}
    assert by_path["/probe"].headers["X-Prometheus-Scrape-Timeout-Seconds"] == "0.900"
    assert by_path["/basic"].headers["Authorization"] == basic("u", "p:w")
    assert by_path["/bearer"].headers["Authorization"] == "Bearer t0k"
    assert by_path["/other"].headers["Authorization"] == "Token t1k"
    assert by_path["/uncompressed"].headers["Accept-Encoding"] == "identity"


def test_body_size_limit_counts_after_decompression(pulseline, peer):
    body = b"".join(b'a{i="%d"} 1\n' % i for i in range(2000))
    target = peer(lambda asked: (200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, gzip.compress(body)))
    assert len(gzip.compress(body)) < 10000 < len(body)
    pulseline.config([job("small", target.address, body_size_limit="10000B"), job("large", target.address, body_size_limit="1MB",
                                                                                 metrics_path="/l")]).start()
    is_down(pulseline, "small", "the body is larger than 10000 bytes")
    is_up(pulseline, "large")


def test_redirects_take_no_credentials_to_another_server(pulseline, peer):
    other = peer()

    def answer(asked):
        if asked.path == "/here":
            return page()
        to = "/here" if asked.path == "/near" else f"http://{other.address}{asked.path}"
        return 302, {"Location": to}, b""

    target = peer(answer)
    jobs = [
        job("near", target.address, metrics_path="/near", bearer_token="s3cret"),
        job("basic", target.address, metrics_path="/basic", basic_auth={"username": "u", "password": "s3cret"}),
        job("bearer", target.address, metrics_path="/bearer", bearer_token="s3cret"),
        job("other", target.address, metrics_path="/other", authorization={"type": "Token", "credentials": "s3cret"}),
        job("stays", target.address, metrics_path="/stays", follow_redirects=False),
    ]
    pulseline.config(jobs).start()
    for name in ("near", "basic", "bearer", "other"):
        is_up(pulseline, name)
    is_down(pulseline, "stays", "HTTP status 302")
    assert {a.path for a in other.asked} == {"/basic", "/bearer", "/other"}
    assert [a.headers["Authorization"] for a in other.asked] == [None] * len(other.asked)
    assert all(a.headers["Authorization"] == "Bearer s3cret" for a in target.asked if a.path in ("/near", "/here"))
    assert "s3cret" not in pulseline.log()


@pytest.mark.parametrize("key", ["bearer_token_file", "authorization", "basic_auth"])
def test_credential_files_are_read_again(pulseline, peer, tmp_path, key):
    secret = tmp_path / "secret"
    good = {"now": "first"}

    def answer(asked):
        expected = basic("u", good["now"]) if key == "basic_auth" else "Bearer " + good["now"]
        return page() if asked.headers["Authorization"] == expected else (401, {}, b"")

    value = {"bearer_token_file": str(secret), "authorization": {"credentials_file": str(secret)},
             "basic_auth": {"username": "u", "password_file": str(secret)}}[key]
    target, steady = peer(answer), peer()
    pulseline.config([job("t", target.address, **{key: value}), job("steady", steady.address)]).start()
    is_down(pulseline, "t", "secret cannot be read: No such file")
    is_up(pulseline, "steady")
    assert not target.asked
    secret.write_text("first\n")
    is_up(pulseline, "t")
    secret.write_text("second\n")
    is_down(pulseline, "t", "HTTP status 401")
    good["now"] = "second"
    is_up(pulseline, "t")
    secret.unlink()
    is_down(pulseline, "t", "secret cannot be read: No such file")


def test_an_http_proxy(pulseline, peer):
    proxy = peer(lambda asked: page() if asked.headers["Proxy-Authorization"] == basic("u", "s3cret") else (407, {}, b""))
    direct = peer()
    url = f"http://u:s3cret@{proxy.address}"
    jobs = [job("through", "db.invalid:9100", proxy_url=url), job("past", direct.address, proxy_url=url, no_proxy="example.org")]
    pulseline.config(jobs).start()
    is_up(pulseline, "through")
    is_up(pulseline, "past")
    assert {a.path for a in proxy.asked} == {"http://db.invalid:9100/metrics"}
    assert {a.path for a in direct.asked} == {"/metrics"}
    assert all(a.headers["Proxy-Authorization"] is None for a in direct.asked)
    shown = subprocess.run([BINARY, "check", "config", "--print-config", pulseline.config_path], capture_output=True, text=True)
    assert f"http://<secret>@{proxy.address}" in shown.stdout
    for text in (pulseline.log(), shown.stdout, pulseline.get("/api/v1/targets").text):
        assert "s3cret" not in text


def test_a_tunnel_through_an_http_proxy_sees_no_credentials(pulseline, peer, tmp_path):
    cert, key = certificate(tmp_path)
    target = peer(tls=tls(cert, key))
    tunnel = Tunnel(target.port)
    more = {"scheme": "https", "proxy_url": f"http://u:pr0xy@127.0.0.1:{tunnel.port}", "tls_config": {"ca_file": str(cert),
                                                                                                  "server_name": "127.0.0.1"}}
    jobs = [job("bearer", "db.invalid:9100", bearer_token="s3cret", **more),
            job("other", "db.invalid:9100", metrics_path="/other", authorization={"type": "Token", "credentials": "s3cret"}, **more)]
    pulseline.config(jobs).start()
    is_up(pulseline, "bearer")
    is_up(pulseline, "other")
    tunnel.close()
    assert {a.headers["Authorization"] for a in target.asked} == {"Bearer s3cret", "Token s3cret"}
    assert {a.headers["Host"] for a in target.asked} == {"db.invalid:9100"}
    for head in tunnel.heads:
        assert head.startswith("CONNECT db.invalid:9100 ") and f"Proxy-Authorization: {basic('u', 'pr0xy')}" in head
        assert "s3cret" not in head


def test_a_socks_proxy_looks_names_up_itself(pulseline, peer):
    target = peer()
    socks = Socks("u", "s3cret", target.port)
    jobs = [job("good", "db.invalid:9100", proxy_url=f"socks5://u:s3cret@127.0.0.1:{socks.port}"),
            job("bad", "db.invalid:9100", proxy_url=f"socks5://u:wr0ng@127.0.0.1:{socks.port}", metrics_path="/bad")]
    pulseline.config(jobs).start()
    is_up(pulseline, "good")
    wait_until(lambda: pulseline.target("bad")["health"] == "down", "the wrong password does not do")
    socks.close()
    assert set(socks.wanted) == {("db.invalid", 9100)}
    assert target.asked[0].headers["Host"] == "db.invalid:9100"
    assert "s3cret" not in pulseline.log() and "wr0ng" not in pulseline.log()


def test_tls_versions(pulseline, peer, tmp_path):
    cert, key = certificate(tmp_path)
    target = peer(tls=tls(cert, key, ssl.TLSVersion.TLSv1_2))
    jobs = [job(name, target.address, scheme="https", metrics_path="/" + name, tls_config={"ca_file": str(cert), **more})
            for name, more in (("default", {}), ("new", {"min_version": "TLS13"}), ("old", {"max_version": "TLS12"}))]
    pulseline.config(jobs + [job("untrusting", target.address, scheme="https")]).start()
    is_up(pulseline, "default")
    is_up(pulseline, "old")
    is_down(pulseline, "new", "TLS handshake")
    is_down(pulseline, "untrusting", "TLS certificate not trusted")


@pytest.mark.sanitized
@pytest.mark.parametrize("by_form", [False, True])
def test_oauth2_tokens_are_shared_and_renewed(pulseline, peer, by_form):
    issuer = Issuer(peer, by_form)
    targets = [peer(issuer.target) for _ in range(4)]
    pulseline.config([job("o", *(t.address for t in targets), oauth2=issuer.config())], workers=1).start()

    def all_up():
        return len(pulseline.targets()) == 4 and all(t["health"] == "up" for t in pulseline.targets().values())

    wait_until(all_up, "all are up")
    assert issuer.n == 1
    form = urllib.parse.parse_qs(issuer.peer.asked[-1].body)
    assert form["grant_type"] == ["client_credentials"] and form["scope"] == ["a b"] and form["audience"] == ["x=y"]
    assert issuer.peer.asked[-1].method == "POST"
    issuer.valid = "revoked"
    wait_until(lambda: issuer.n == 2, "a new token is fetched")
    seen = [len(t.asked) for t in targets]
    wait_until(lambda: all(len(t.asked) > n + 2 for t, n in zip(targets, seen)), "they go on")
    assert all_up() and issuer.n == 2
    assert "scrape failed" not in pulseline.log()
    for secret in ("s3cret", "t0ken"):
        assert secret not in pulseline.log()


def test_oauth2_troubles_are_the_targets(pulseline, peer, tmp_path):
    issuer = Issuer(peer)
    target, useless, steady = peer(issuer.target), peer(lambda asked: (401, {}, b"")), peer()
    secret = tmp_path / "secret"
    wrong = {**issuer.config(), "client_secret": "wr0ng"}
    from_file = {k: v for k, v in issuer.config(client_secret_file=str(secret)).items() if k != "client_secret"}
    jobs = [job("wrong", target.address, oauth2=wrong), job("away", target.address, oauth2=issuer.config(token_url="http://127.0.0.1:1/t")),
            job("file", target.address, oauth2=from_file), job("useless", useless.address, oauth2=issuer.config(scopes=["u"])),
            job("steady", steady.address)]
    pulseline.config(jobs).start()
    is_up(pulseline, "steady")
    is_down(pulseline, "wrong", "the token endpoint answered HTTP status 401: invalid_client")
    is_down(pulseline, "away", "no token from http://127.0.0.1:1/t: connection refused by 127.0.0.1:1")
    is_down(pulseline, "file", "secret cannot be read: No such file")
    is_down(pulseline, "useless", "HTTP status 401")
    wait_until(lambda: len(useless.asked) >= 5, "it is asked on")
    assert issuer.n == 2, "the token was renewed once, not for each scrape"
    secret.write_text("s3cret&\n")
    is_up(pulseline, "file")
    assert "s3cret" not in pulseline.log() and "wr0ng" not in pulseline.log()


def test_targets_from_a_url(pulseline, peer):
    target = peer()
    says = {"now": (200, {"Content-Type": "application/json"}, json.dumps([{"targets": [target.address],
                                                                           "labels": {"rack": "r1"}}]).encode())}
    source = peer(lambda asked: says["now"])
    issuer = Issuer(peer)
    url = f"http://{source.address}/targets?x=1"
    pulseline.config([{"job_name": "h", "http_sd_configs": [{"url": url, "refresh_interval": "200ms",
                                                            "oauth2": issuer.config()}]}]).start()
    is_up(pulseline, "h")
    found = pulseline.target("h")
    assert found["labels"]["rack"] == "r1" and found["discoveredLabels"]["__meta_url"] == url
    assert source.asked[0].headers["X-Prometheus-Refresh-Interval-Seconds"] == "0.2"
    assert source.asked[0].headers["Authorization"] == "Bearer t0ken1"
    says["now"] = (503, {}, b"")

    def trouble():
        shown = [s for s in pulseline.get("/api/v1/targets").json()["data"]["discovery"] if s["source"] == url]
        return shown and shown[0]

    t = wait_until(trouble, "the trouble is shown")
    assert t["trouble"] == "the server answered HTTP status 503" and t["since"] and t["targets"] == 1
    assert pulseline.target("h")["health"] == "up"
    says["now"] = (200, {"Content-Type": "application/json"}, b"[]")
    wait_until(lambda: not pulseline.targets() and not trouble(), "the target is gone, and the trouble too")
    assert pulseline.log().count("discovery in trouble") == 1


@pytest.mark.sanitized
def test_an_end_while_others_keep_silent(pulseline, peer):
    """A token and an answer of discovery that never come hold up neither a reload nor the daemon's end."""
    silence = threading.Event()

    def never(asked):
        silence.wait(PATIENCE)
        return page()

    silent, target = peer(never), peer()
    oauth2 = {"client_id": "i", "client_secret": "s", "token_url": f"http://{silent.address}/token"}
    steady = job("steady", target.address)
    waiting = [job("token", target.address, target.address.replace("127.0.0.1", "localhost"), oauth2=oauth2, scrape_interval="2s",
                   scrape_timeout="2s"),
               {"job_name": "found", "http_sd_configs": [{"url": f"http://{silent.address}/targets"}]},
               {"job_name": "found-by-token", "http_sd_configs": [{"url": f"http://{target.address}/targets", "oauth2": oauth2}]}]
    pulseline.config([steady, *waiting]).start()
    try:
        wait_until(lambda: {a.path for a in silent.asked} == {"/token", "/targets"}, "both are asked for")
        pulseline.config([steady])
        assert pulseline.reload().status_code == 200
        wait_until(lambda: len(pulseline.targets()) == 1, "only the steady one is left")
        n = len(silent.asked)
        pulseline.config([steady, *waiting])
        assert pulseline.reload().status_code == 200
        wait_until(lambda: len(silent.asked) >= n + 3, "they are asked for again")
        assert pulseline.end() == 0
    finally:
        silence.set()
