"""The quickstart and the local store: written and read back without any server."""
import os
import sqlite3

import pytest

from daemon import job
from harness import ROOT, wait_until


@pytest.mark.sanitized
def test_the_quickstart_shows_life(pulseline, tmp_path):
    text = (ROOT / "conf" / "quickstart.yml").read_text()
    assert "127.0.0.1:8080" in text
    pulseline.config_path.write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{pulseline.port}"))
    pulseline.start(env={"PULSELINE_DATA": str(tmp_path)})
    wait_until(lambda: any(t["health"] == "up" for t in pulseline.targets().values()), "a target is up")
    wait_until(lambda: pulseline.get("/latest/up?verb=none").status_code == 200, "a value can be read back")
    assert "up" in pulseline.get("/keys").json()
    assert {"instance", "job"} <= set(pulseline.get("/tags").json())


@pytest.fixture
def stored(pulseline, pages, tmp_path):
    pages.pages["/metrics"] = b'temp{room="hall"} 20\ntemp{room="attic"} 30\nrequests_total 7\n'
    pulseline.config([job("j", pages.address)], [{"local": {"path": str(tmp_path / "points.db")}}]).start()
    wait_until(lambda: pulseline.get("/latest/temp").status_code == 200, "values can be read back")
    return pulseline


@pytest.mark.sanitized
def test_latest_reads_what_was_scraped(stored):
    def latest(query):
        return stored.get(f"/latest/temp?{query}")

    assert latest("room=hall").json()["value"] == 20
    assert latest("verb=max").json()["value"] == 30
    assert latest("verb=mean").json()["value"] == 25
    wait_until(lambda: isinstance(latest("verb=none&room=hall&room=attic").json(), list), "two rows")
    assert latest("room=cellar").status_code == 404
    assert stored.get("/latest/nothing").status_code == 404
    assert stored.get("/keys").json() == sorted(["temp", "requests_total", "up", "scrape_duration_seconds", "scrape_samples_scraped",
                                                 "scrape_samples_post_metric_relabeling", "scrape_samples_dropped"])
    assert set(stored.get("/tags").json()) == {"instance", "job", "room"}


@pytest.mark.parametrize("query", ["room=' OR 1=1 --", "room=\"; DROP TABLE points; --", "verb=mean(value);--", "room=%00", "ro'om=hall",
                                   "room=" + "x" * 5000, "verb=bogus"])
def test_queries_cannot_inject(stored, query):
    assert stored.get(f"/latest/temp?{query}").status_code in (400, 404, 414, 431)
    assert stored.get("/latest/temp?room=hall").json()["value"] == 20


def test_the_store_survives_a_restart(stored, pages):
    assert stored.end() == 0
    pages.held.set()  # nothing new comes
    stored.start()
    assert "temp" in stored.get("/keys").json()


@pytest.mark.sanitized
def test_a_full_disk_is_told_and_recovered_from(pulseline, pages, small_disk):
    pages.pages["/metrics"] = b"".join(b'filler{i="%d",text="%s"} 1\n' % (i, os.urandom(100).hex().encode()) for i in range(500))
    ballast = small_disk / "ballast"
    pulseline.config([job("j", pages.address)], [{"local": {"path": str(small_disk / "points.db")}}], queue={"memory_bytes": "4MiB"})
    pulseline.start()
    wait_until(lambda: pulseline.target("j")["health"] == "up", "it scrapes")
    with open(ballast, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    wait_until(lambda: "full" in pulseline.log().lower() or "no space" in pulseline.log().lower(), "it says that the disk is full")
    seen = pages.count("/metrics")
    wait_until(lambda: pages.count("/metrics") >= seen + 2, "it goes on scraping")
    assert pulseline.get("/-/healthy").status_code == 200
    assert pulseline.running()


def test_the_database_is_sound_after_a_kill(stored, tmp_path):
    stored.expected_exit = -9
    stored.end(9)
    with sqlite3.connect(tmp_path / "points.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
