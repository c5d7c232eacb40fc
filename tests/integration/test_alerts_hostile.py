"""Hostile alerts through the daemon, into a real Kapacitor."""
import json

import pytest
import requests

from harness import PATIENCE
from kapacitord import Kapacitor, needs_kapacitor
from test_alert_scripts import hostile, structure

pytestmark = needs_kapacitor


@pytest.fixture
def kapacitor(tmp_path):
    k = Kapacitor(tmp_path / "kapacitor").start()
    yield k
    k.end()


def test_each_is_refused_with_a_reason_or_is_a_task_like_a_harmless_one(pulseline, kapacitor):
    pulseline.config([], kapacitor={"url": kapacitor.url, "proof": {"way": "off"}}).start()
    api = requests.Session()
    post = {"post": "http://127.0.0.1:1/hook"}

    def create(alert):
        answer = api.post(pulseline.url("/alerts"), json=alert, timeout=PATIENCE)
        assert answer.status_code in (200, 400), (alert, answer.status_code, answer.text)
        if answer.status_code == 400:
            assert answer.json()["error"].strip(), alert
            return None
        made = answer.json()
        task = kapacitor.ask("GET", f"/tasks/pulseline-{made['id']}").json()
        assert made["executing"] and task["executing"] and task["error"] == "", (alert, made, task)
        for name in "metric", "field", "database", "retention_policy", "message", "tags", "group_by":
            assert made[name] == alert[name], (alert, made)
        assert task["dbrps"] == [{"db": alert["database"], "rp": alert["retention_policy"]}]
        assert api.delete(pulseline.url(f"/alerts/{made['id']}"), timeout=PATIENCE).status_code == 200
        return structure(task["dot"])

    twins, held, refused = {}, 0, 0
    for n in range(100):
        bad, harmless = ({**post, **alert} for alert in hostile(n))
        key = json.dumps(harmless)
        if key not in twins:
            twins[key] = create(harmless)
            assert twins[key], harmless
        dot = create(bad)
        assert dot in (None, twins[key]), (bad, dot)
        held += dot is not None
        refused += dot is None
    assert held >= 50 and refused >= 10, (held, refused)
