"""target_limit as a user meets it: a job with one target too many, and what is left of it once there are fewer."""
import json

import pytest

from daemon import job
from harness import wait_until
from http_peers import Peer, page
from servers import PageServer

pytestmark = pytest.mark.sanitized


def test_one_target_too_many_and_none_is_scraped(pulseline, pages, tmp_path):
    pages.pages["/metrics"] = b"a 1\n"
    other = PageServer({"/metrics": b"a 1\n"})
    groups = tmp_path / "groups.json"

    def name(*addresses):
        fresh = tmp_path / "fresh"
        fresh.write_text(json.dumps([{"targets": list(addresses)}]))
        fresh.rename(groups)

    name(pages.address, other.address)
    bounded = {"job_name": "bounded", "target_limit": 1, "file_sd_configs": [{"files": [str(groups)]}]}
    pulseline.config([bounded, job("free", pages.address, params={"free": ["1"]})]).start()
    wait_until(lambda: pulseline.points_of("a", job="free"), "the other job is scraped")

    def bounded_targets():
        return [t for (j, _), t in pulseline.targets().items() if j == "bounded"]

    reason = "target_limit exceeded (number of targets: 2, limit: 1)"
    wait_until(lambda: [t["lastError"] for t in bounded_targets()] == [reason, reason], "each target shows why")
    assert {t["health"] for t in bounded_targets()} == {"down"}
    assert {t["outcomes"][-1]["result"] for t in bounded_targets()} == {"limit"}
    assert other.requests == [] and pages.count("/metrics") == 0  # the free job has parameters
    assert pulseline.get("/api/v1/targets").json()["data"]["targetLimitExceeded"] == {"bounded": {"targets": 2, "limit": 1}}
    assert pulseline.metric("pulseline_targets_over_limit") == 2
    assert pulseline.metric("pulseline_target_limit_exceeded_total") >= 1
    wait_until(lambda: len(pulseline.points_of("up", job="bounded")) >= 2, "up is written")
    assert all(" value=0" in line for line in pulseline.points_of("up", job="bounded"))
    assert pulseline.log().count("too many targets") == 1

    name(other.address)
    wait_until(lambda: other.requests, "one target alone is scraped")
    wait_until(lambda: [t["health"] for t in bounded_targets()] == ["up"], "it is up")
    assert bounded_targets()[0]["lastFailure"]["error"] == reason  # the same target went on
    assert pulseline.get("/api/v1/targets").json()["data"]["targetLimitExceeded"] == {}
    assert pulseline.metric("pulseline_targets_over_limit") == 0
    wait_until(lambda: "no longer too many targets" in pulseline.log(), "the end is logged")
    other.close()


def test_headers_of_ones_own(pulseline, tmp_path):
    secret = tmp_path / "header"
    secret.write_text(" in a file\n")
    headers = {"X-Scope-OrgID": {"values": ["one", "two"]}, "X-Key": {"secrets": ["s3cret"], "files": [str(secret)]}}
    groups = json.dumps([{"targets": []}]).encode()
    peer = Peer(lambda asked: (200, {"Content-Type": "application/json"}, groups) if asked.path == "/sd" else page())
    try:
        pulseline.config([job("h", peer.address, http_headers=headers), {"job_name": "sd", "http_sd_configs": [
            {"url": f"http://{peer.address}/sd", "refresh_interval": "1s", "http_headers": headers}]}]).start()

        def told(path, value):
            return any(a.path == path and a.headers.get_all("X-Scope-OrgID") == ["one", "two"] and
                       a.headers.get_all("X-Key") == ["s3cret", value] for a in peer.asked)

        for path in ("/metrics", "/sd"):
            wait_until(lambda: told(path, "in a file"), f"{path} is asked for with the headers: {pulseline.log()}")
        secret.write_text("another")
        for path in ("/metrics", "/sd"):
            wait_until(lambda: told(path, "another"), f"{path} is asked for with what the file holds now")
        assert "s3cret" not in pulseline.get("/config").text
        secret.unlink()
        wait_until(lambda: str(secret) in pulseline.target("h")["lastError"], "the file that is missing is the target's error")
    finally:
        peer.close()
