"""No secret is ever shown: not in the log at its most talkative, not on any page, not in a complaint about the configuration."""
import base64
import json
import re

import pytest
import yaml

from daemon import job
from harness import free_port, wait_until
from http_peers import Peer, page
from test_check_config import check, write  # noqa: F401

pytestmark = pytest.mark.sanitized

CANARY = "c4n4ry"


class Canaries:
    """Secrets, each told apart by its number, and all that might give them away."""

    def __init__(self):
        self.made = []

    def __call__(self, what):
        self.made.append(f"{CANARY}-{what}-{len(self.made)}")
        return self.made[-1]

    def found_in(self, text):
        coded = base64.b64encode(b"u:" + CANARY.encode()).decode()[:8]
        return [text[max(0, at.start() - 200):at.end() + 50] for at in re.finditer(f"{CANARY}|{re.escape(coded)}", text)]


def echo(asked):
    return f"{asked.path} {asked.headers} {asked.body}".replace("\r", "").replace("\n", " ").encode()


def refusing(asked):
    """Says again all that it was told, in every place where a server may."""
    said = echo(asked).decode("latin-1")
    if asked.path.startswith("/type"):
        return 200, {"Content-Type": "x/" + (asked.headers["Authorization"] or said).split(" ")[-1]}, b""
    if asked.path.startswith("/token"):
        secret = base64.b64decode((asked.headers["Authorization"] or "Basic ").split(" ")[1]).decode().split(":")[-1]
        return 400, {"Content-Type": "application/json"}, json.dumps({"error": secret, "error_description": said}).encode()
    if asked.path.startswith("/page"):  # the token stands where a value should be
        lines = [f"a {word}\n" for word in said.split(" ") if CANARY in word] or ["a b\n"]
        return 200, {"Content-Type": "text/plain"}, lines[-1].encode()
    if asked.path.startswith("/groups"):
        word = [w for w in said.split(" ") if CANARY in w][-1]
        return 200, {"Content-Type": "application/json"}, json.dumps([{word: word, "targets": [word]}]).encode()
    if asked.path.startswith("/moved"):
        return 302, {"Location": "ftp://" + said.replace(" ", "/")[:200]}, b""
    return 403, {"X-Said": said[:200]}, said.encode()


@pytest.fixture
def servers():
    good, bad = Peer(lambda asked: page()), Peer(refusing)
    yield good, bad
    good.close()
    bad.close()


def kinds(canary, folder):
    """Every way to tell a secret: what goes into a job."""
    def in_file(what):
        path = folder / f"{what}-{len(canary.made)}"
        path.write_text(canary(what) + "\n")
        return str(path)

    return {
        "basic": lambda: {"basic_auth": {"username": "u", "password": canary("password")}},
        "basic_file": lambda: {"basic_auth": {"username": "u", "password_file": in_file("password_file")}},
        "authorization": lambda: {"authorization": {"type": "Token", "credentials": canary("credentials")}},
        "authorization_file": lambda: {"authorization": {"credentials_file": in_file("credentials_file")}},
        "bearer": lambda: {"bearer_token": canary("bearer")},
        "bearer_file": lambda: {"bearer_token_file": in_file("bearer_file")},
        "headers": lambda: {"http_headers": {"X-Some": {"values": ["shown"], "secrets": [canary("header")], "files": [in_file("header_file")]},
                                             "X-Api-Key": {"values": [canary("named")]}}},
        "params": lambda: {"params": {name: [canary("param")] for name in ("token", "api_key", "Password", "client_secret", "AUTH", "signature")}},
        "url_in_param": lambda: {"params": {"target": [f"https://u:{canary('userinfo')}@example.org/?token={canary('inner')}"]}},
    }


def secret_jobs(canary, folder, good, bad):
    jobs, n = [], 0
    for name, make in kinds(canary, folder).items():
        jobs.append(job(f"good_{name}", good.address, **make()))
        for path in ("/403", "/page", "/type", "/moved"):
            jobs.append(job(f"bad_{name}_{path[1:]}", bad.address, metrics_path=path, **make()))
    dead = f"127.0.0.1:{free_port()}"
    for n, (proxy, path) in enumerate(((bad.address, "/403"), (dead, "/metrics"), (bad.address, "/page"))):
        jobs.append(job(f"proxy_{n}", good.address, metrics_path=path, proxy_url=f"http://u:{canary('proxy')}@{proxy}"))
    for n, url in enumerate((f"http://{bad.address}/token", f"http://{dead}/token?api_key={canary('token_url')}")):
        jobs.append(job(f"oauth2_{n}", good.address, oauth2={
            "client_id": "u", "client_secret": canary("client_secret"), "token_url": url,
            "endpoint_params": {"client_assertion_token": canary("endpoint_param")}}))
    for n, path in enumerate(("/403", "/groups", "/type", "/moved")):
        for k, make in enumerate(kinds(canary, folder).values()):
            more = {key: value for key, value in make().items() if key != "params"}
            jobs.append({"job_name": f"sd_{n}_{k}", "http_sd_configs": [
                {"url": f"http://{bad.address}{path}?token={canary('sd_url')}", "refresh_interval": "1s", **more}]})
    jobs.append(job("userinfo", f"u:{canary('address')}@127.0.0.1:1"))
    prober = [{"source_labels": ["__address__"], "target_label": "__param_target"},
              {"source_labels": ["__address__"], "target_label": "__param_token"},
              {"target_label": "__address__", "replacement": good.address}]
    jobs.append(job("prober", f"https://u:{canary('probed')}@example.org/", relabel_configs=prober))
    jobs.append(job("by_rule", good.address, relabel_configs=[{"target_label": "__param_token", "replacement": canary("replacement")}]))
    jobs.append(job("dropped", f"https://u:{canary('dropped')}@example.org/", relabel_configs=[{"action": "drop", "regex": ".*"}]))
    jobs.append({"job_name": "labels", "static_configs": [{"targets": [good.address], "labels": {"__param_token": canary("label")}}]})
    return jobs


def test_no_secret_is_shown(pulseline, servers, tmp_path):
    good, bad = servers
    canary = Canaries()
    jobs = secret_jobs(canary, tmp_path, good, bad)
    (tmp_path / "http").write_text(canary("http_token"))
    influx = [{"influxdb": {"url": f"http://{bad.address}/403", "database": "d", "basic_auth": {"username": "u", "password": canary("influx")}}},
              {"influxdb": {"url": f"http://{bad.address}/403", "database": "e", "authorization": {"credentials": canary("influx_token")}}}]
    pulseline.config(jobs, outputs=[{"file": {"path": str(pulseline.points_path)}}] + influx, log={"level": "debug"},
                     server={"http": {"listen": f"127.0.0.1:{pulseline.port}", "token_file": str(tmp_path / "http")}})
    token = {"Authorization": "Bearer " + (tmp_path / "http").read_text()}
    pulseline.start(ready=False)

    def get(path):
        return pulseline.get(path, headers=token)

    def targets():
        return get("/api/v1/targets").json()["data"]["activeTargets"]

    wait_until(lambda: get("/-/ready").status_code == 200, "ready")
    wait_until(lambda: len(targets()) > 40 and all(t["health"] != "unknown" for t in targets()), f"each was scraped: {pulseline.log()[-3000:]}")
    wait_until(lambda: len([s for s in get("/api/v1/targets").json()["data"]["discovery"] if s["scrapePool"].startswith("sd_")]) >= 36,
               "discovery is in trouble")
    wait_until(lambda: "outputs" in pulseline.log() or "influxdb" in pulseline.log(), "the output says something")
    health = {t["scrapePool"]: t["health"] for t in targets()}
    assert {h for pool, h in health.items() if pool.startswith("good_")} == {"up"}
    assert {h for pool, h in health.items() if pool.startswith("bad_")} == {"down"}
    # The servers were told the secrets indeed.
    told = " ".join(f"{a.path} {a.headers}" for a in good.asked + bad.asked)
    for what in ("credentials", "credentials_file", "bearer", "bearer_file", "header", "header_file", "named", "param", "sd_url", "influx_token"):
        assert f"{CANARY}-{what}-" in told, what
    assert "****" in json.dumps(targets())  # what a server said again

    paths = ["/config", "/metrics", "/api/v1/targets", "/", "/-/ready", "/api/v1/targets?state=dropped"]
    paths += [f"/debug/relabel?target={t['discoveredLabels']['__address__']}&format={f}" for t in targets() for f in ("json", "text")]
    paths += ["/debug/relabel?job=userinfo&target=u", f"/debug/relabel?job=prober&target=https://u:{CANARY}@example.org/"]
    for path in dict.fromkeys(paths):
        assert canary.found_in(get(path).text) == [], path
    config = yaml.safe_load(get("/config").text)
    assert len(config["scrape_configs"]) == len(jobs) and "<secret>" in get("/config").text
    answer = pulseline.get("/-/reload", headers=token)
    assert canary.found_in(answer.text) == []
    assert canary.found_in(pulseline.log()) == []


# Mistakes around a secret: the complaint has a place, and the secret is not in it.
MISTAKES = [
    "bearer_token: [{c}]", "bearer_token: {{a: {c}}}", "bearer_token: *{c}", "bearer_token: !{c} x", "bearer_token: &{c}\n    x: y",
    "bearer_token: \"{c}\\n\"", "bearer_token: {c}: x", "bearer_token: '{c}", "bearer_token: @{c}", "bearer_token: %{c}",
    "bearer_token: {c}\n    bearer_token: {c}", "bearer_token: {c}\n    bearer_token_file: f", "bearer_token: \"\\{c}\"",
    "basic_auth: {c}", "basic_auth: {{username: u, password: [{c}]}}", "basic_auth: {{username: u:{c}, password: {c}}}",
    "basic_auth: {{username: u, password: {c}}}\n    authorization: {{credentials: {c}}}", "basic_auth: {{password: {c}}}",
    "authorization: {{type: Token {c}}}", "authorization: {{type: Basic, credentials: {c}}}", "authorization: [{c}]",
    "authorization: {{credentials: \"{c}\\r\\n\"}}",
    "http_headers: {{X-A: {c}}}", "http_headers: {{X-A: {{secrets: {c}}}}}", "http_headers: {{X-A: {{secrets: [\"{c}\\n\"]}}}}",
    "http_headers: {{Authorization: {{values: [{c}]}}}}", "http_headers: {{X-A: {{secrets: [[{c}]]}}}}", "http_headers: [{c}]",
    "oauth2: {{client_id: i, client_secret: {c}, token_url: 'http://u:{c}@h/'}}", "oauth2: {{client_id: i, client_secret: [{c}], token_url: 'http://h/'}}",
    "oauth2: {{client_id: i, client_secret: {c}, token_url: 'h/{c}'}}", "oauth2: {c}",
    "proxy_url: http://u:{c}@", "proxy_url: u:{c}@h", "proxy_url: http://u:{c}@h/x", "proxy_url: [{c}]",
    "params: {{token: {c}}}", "params: {{token: [[{c}]]}}", "params: [{c}]", "tls_config: {{key: {c}}}", "tls_config: {{key_file: [{c}]}}",
    "metrics_path: /x?token={c}", "static_configs: [{{targets: ['http://u:{c}@h/']}}]", "static_configs: [{{targets: u:{c}@h}}]",
    "http_sd_configs: [{{url: 'http://u:{c}@h/'}}]", "http_sd_configs: [{{url: 'h/?token={c}'}}]",
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_complaint_shows_a_secret(write, mistake):  # noqa: F811
    path = write("scrape_configs:\n  - job_name: j\n    " + mistake.format(c=CANARY) + "\n")
    for flags in ((), ("--json",)):
        p = check(*flags, path)
        assert p.returncode == 3, mistake
        assert CANARY not in p.stdout + p.stderr, p.stdout + p.stderr
    assert p.stdout.count("\n") >= 1
    assert all(line["line"] > 0 and line["column"] > 0 for line in map(json.loads, p.stdout.splitlines()))
