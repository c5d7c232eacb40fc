"""The reconciler against a scripted Kapacitor and, where there is one, a real one: what is desired is what comes to be there."""
import json
import time

import pytest

from harness import wait_until
from kapacitor_double import KapacitorDouble
from reconciling import BROKEN, DBRPS, MARKER, PREFIX, REFUSED, SCRIPT, SHORT, Reconciler, vars_of
from kapacitord import KAPACITORD, Kapacitor

pytestmark = pytest.mark.sanitized


@pytest.fixture(params=["double", "real"])
def kapacitor(request, tmp_path):
    if request.param == "real" and KAPACITORD is None:
        pytest.skip("no kapacitord on PATH, nor in $KAPACITORD")
    server = KapacitorDouble() if request.param == "double" else Kapacitor(tmp_path / "kapacitor")
    server.start()
    yield server
    server.end()


@pytest.fixture
def reconciler(tmp_path, kapacitor):
    made = []

    def make(start=True, **more):
        made.append(Reconciler(tmp_path, kapacitor, **more))
        if start:
            made[-1].say("start")
        return made[-1]

    yield make
    for r in made:
        r.close()


def task(kapacitor, name):
    answer = kapacitor.ask("GET", f"/tasks/{PREFIX}{name}?script-format=raw")
    return answer.json() if answer.status_code == 200 else None


def by_hand(kapacitor, id, script, **more):
    answer = kapacitor.ask("POST", "/tasks", json={"id": id, "type": "stream", "dbrps": DBRPS, "script": script, "status": "enabled",
                                                   **more})
    assert answer.status_code == 200, answer.text


def edit(kapacitor, name, **change):
    assert kapacitor.ask("PATCH", f"/tasks/{PREFIX}{name}", json=change).status_code == 200


def test_created_changed_switched_removed(kapacitor, reconciler):
    r = reconciler()
    r.set("a")
    assert r.wait("a", "ok")["executing"]
    t = task(kapacitor, "a")
    assert (t["script"], t["executing"], t["dbrps"]) == (SCRIPT, True, DBRPS)
    assert t["vars"]["url"]["value"] == vars_of()["url"]["value"]
    created = t["created"]

    r.set("a", vars=vars_of(7))
    wait_until(lambda: task(kapacitor, "a")["vars"]["limit"]["value"] == 7, "new vars")
    r.wait("a", "ok")
    r.set("a", SHORT, vars={}, dbrps=[{"db": "e", "rp": ""}])
    wait_until(lambda: task(kapacitor, "a")["script"] == SHORT, "new script")
    r.wait("a", "ok")
    t = task(kapacitor, "a")
    assert "limit" not in t["vars"] and t["dbrps"] == [{"db": "e", "rp": ""}] and t["executing"]
    assert t["created"] == created  # never deleted on the way: Kapacitor would forget the alert's state

    r.set("a", SHORT, vars={}, enabled=False)
    assert not r.wait("a", "disabled")["executing"]
    assert task(kapacitor, "a")["status"] == "disabled"
    r.set("a", SHORT, vars={})
    r.wait("a", "ok")
    r.remove("a")
    wait_until(lambda: task(kapacitor, "a") is None and r.state("a") is None, "gone")
    assert r.info()["deleted"] == 1


def test_a_running_task_gets_its_new_content(kapacitor, reconciler):
    """What is stored is not what runs: the task's own window must be that of the new script."""
    r = reconciler()
    r.set("a", MARKER + "\nstream|from().measurement('m')|window().period(1m).every(0s)|httpOut('one')", vars={})
    r.wait("a", "ok")
    r.set("a", MARKER + "\nstream|from().measurement('m')|window().period(1m).every(0s)|httpOut('two')", vars={})
    wait_until(lambda: r.info()["changed"] == 1, "changed")
    if isinstance(kapacitor, KapacitorDouble):
        assert "two" in kapacitor.running(PREFIX + "a")["script"]
    else:
        assert kapacitor.ask("GET", f"/tasks/{PREFIX}a/two").status_code == 200
        assert kapacitor.ask("GET", f"/tasks/{PREFIX}a/one").status_code == 404


def test_a_pass_without_differences_writes_nothing(kapacitor, reconciler):
    r = reconciler(start=False, interval_ms=600000)
    for i in range(250):
        r.set(f"n{i}", vars=vars_of(i + 0.5))
    r.set("off", enabled=False)
    r.say("start")
    assert r.calm()["tasks"]["ok"] == 250
    before = r.info()
    assert before["writes"] == 251
    for i in range(250):  # the same again, written in another way
        r.set(f"n{i}", vars=dict(reversed(vars_of(i + 0.5, wait={"type": "duration", "value": 5400 * 10**9}).items())))
    r.say("poke")
    after = wait_until(lambda: (i := r.info())["passes"] == 2 and not i["busy"] and i, "another pass")
    assert after["writes"] == before["writes"] and after["looks"] == before["looks"]
    assert after["gets"] - before["gets"] == 3  # three pages


def test_a_new_life_finds_all_as_it_should_be(kapacitor, tmp_path):
    for life in range(2):
        r = Reconciler(tmp_path, kapacitor)
        for i in range(5):
            r.set(f"n{i}")
        r.say("start")
        assert r.calm()["tasks"]["ok"] == 5
        assert r.info()["writes"] == (5 if life == 0 else 0)
        r.close()


def test_only_tasks_with_prefix_and_marker_are_touched(kapacitor, reconciler):
    other = SHORT.removeprefix(MARKER)
    by_hand(kapacitor, "theirs", SHORT)
    by_hand(kapacitor, PREFIX + "theirs", other)
    by_hand(kapacitor, PREFIX + "taken", other)
    by_hand(kapacitor, PREFIX + "left-over", SHORT)
    r = reconciler(start=False)
    r.set("taken")
    r.set("mine")
    r.say("start")
    r.wait("mine", "ok")
    assert "not Pulseline's" in r.wait("taken", "foreign")["error"]
    wait_until(lambda: task(kapacitor, "left-over") is None, "the left-over goes")
    i = r.pass_over()
    assert i["foreign"] == 1 and i["posts"] == 1 and i["patches"] == 0 and i["deletes"] == 1
    r.remove("taken")
    r.calm()
    assert r.pass_over()["foreign"] == 2
    assert kapacitor.ask("GET", "/tasks/theirs").status_code == 200
    assert task(kapacitor, "theirs")["script"] == task(kapacitor, "taken")["script"] == other


def test_replacing_all(kapacitor, reconciler):
    r = reconciler()
    r.set("a"), r.set("b"), r.set("c")
    wait_until(lambda: r.info()["tasks"]["ok"] == 3, "three")
    r.say("replace")
    r.set("b"), r.set("d")
    r.say("replaced")
    wait_until(lambda: r.info()["tasks"]["ok"] == 2 and r.state("a") is None and r.state("c") is None, "two")
    assert [task(kapacitor, n) is not None for n in "abcd"] == [False, True, False, True]
    assert r.info()["patches"] == 0


@pytest.mark.parametrize("change", [
    {"script": SHORT}, {"script": SHORT.removeprefix(MARKER)}, {"vars": vars_of(99)}, {"dbrps": [{"db": "x", "rp": "y"}]},
    {"status": "disabled"}], ids=["script", "marker", "vars", "dbrps", "status"])
def test_drift_is_repaired(kapacitor, reconciler, change):
    r = reconciler()
    r.set("a")
    r.wait("a", "ok")
    edit(kapacitor, "a", **change)
    wait_until(lambda: r.info()["repaired"] == 1, "repaired")
    r.wait("a", "ok")
    t = task(kapacitor, "a")
    assert (t["script"], t["executing"], t["dbrps"], t["vars"]["limit"]["value"]) == (SCRIPT, True, DBRPS, 5)
    assert "drifted" in r.changes[PREFIX + "a"]
    assert "changed by somebody else" in r.log()


def test_drift_is_only_reported(kapacitor, reconciler):
    r = reconciler(policy="report")
    r.set("a")
    r.wait("a", "ok")
    edit(kapacitor, "a", vars=vars_of(99))
    assert "somebody else" in r.wait("a", "drifted")["error"]
    assert r.pass_over(2)["patches"] == 0
    assert r.log().count("changed by somebody else") == 1
    r.set("a", vars=vars_of(8))  # a change of our own is made all the same
    r.wait("a", "ok")
    assert task(kapacitor, "a")["vars"]["limit"]["value"] == 8


def test_deleted_behind_our_back_and_wiped(kapacitor, reconciler):
    r = reconciler(policy="report")
    for name in "abc":
        r.set(name)
    wait_until(lambda: r.info()["tasks"]["ok"] == 3, "three")
    for name in "abc":
        assert kapacitor.ask("DELETE", f"/tasks/{PREFIX}{name}").status_code == 204
    wait_until(lambda: all(task(kapacitor, n) for n in "abc"), "refilled")
    wait_until(lambda: r.info()["tasks"]["ok"] == 3, "ok")
    assert all(task(kapacitor, n)["executing"] for n in "abc")


def test_wiped_and_restarted_is_refilled(kapacitor, reconciler):
    r = reconciler()
    for i in range(20):
        r.set(f"n{i}", vars=vars_of(i))
    wait_until(lambda: r.info()["tasks"]["ok"] == 20, "all")
    kapacitor.end()
    if isinstance(kapacitor, KapacitorDouble):
        kapacitor.wipe()
    else:
        (kapacitor.folder / "kapacitor.db").unlink()
    kapacitor.start()
    wait_until(lambda: all((t := task(kapacitor, f"n{i}")) and t["executing"] for i in range(20)), "refilled")
    wait_until(lambda: r.info()["tasks"]["ok"] == 20, "all is well")


def test_drift_is_told_over_a_restart(kapacitor, reconciler):
    """With what the owner kept of the status, a change by somebody else while we were away is no change of ours."""
    r = reconciler(policy="report")
    r.set("a")
    known = r.wait("a", "ok")
    r.close()
    edit(kapacitor, "a", vars=vars_of(99))
    again = reconciler(start=False, policy="report")
    again.set("a", known=known)
    again.say("start")
    again.wait("a", "drifted")
    again.close()
    switched = reconciler(start=False, policy="report")  # switched off by us while we were away
    edit(kapacitor, "a", vars=vars_of())
    switched.set("a", known=known, enabled=False)
    switched.say("start")
    known = switched.wait("a", "disabled")
    switched.close()
    edit(kapacitor, "a", status="enabled")
    last = reconciler(start=False, policy="report")
    last.set("a", known=known, enabled=False)
    last.say("start")
    last.wait("a", "drifted")
    last.close()
    forgetful = reconciler(start=False, policy="report")
    forgetful.set("a", enabled=False)
    forgetful.say("start")
    forgetful.wait("a", "disabled")
    assert task(kapacitor, "a")["status"] == "disabled"


def test_the_real_one_behind_credentials(tmp_path):
    if KAPACITORD is None:
        pytest.skip("no kapacitord on PATH, nor in $KAPACITORD")
    k = Kapacitor(tmp_path / "kapacitor", auth=True).start()
    bare, known = Reconciler(tmp_path, k), Reconciler(tmp_path, k, auth=k.auth)
    try:
        bare.say("start")
        wait_until(lambda: "401: unable to parse authentication credentials" in bare.info()["reason"], "it is refused")
        known.set("a")
        known.say("start")
        known.wait("a", "ok")
    finally:
        bare.close(), known.close(), k.end()


def test_restarted(kapacitor, reconciler):
    r = reconciler()
    r.set("a")
    r.wait("a", "ok")
    kapacitor.end()
    info = wait_until(lambda: (i := r.info())["failures"] >= 2 and i, "it is seen to be away")
    assert not info["reached"] and info["failing_since"] > 0 and "refused" in info["reason"].lower()
    r.set("b")
    assert r.state("a") == "ok" and r.state("b") == "pending"
    kapacitor.start()
    r.wait("b", "ok")
    assert r.info()["reason"] == "" and r.info()["failing_since"] == 0
    log = r.log()
    assert log.count("cannot provision alerts in Kapacitor") == 1
    assert log.count("alerts are provisioned in Kapacitor again") == 1 and "after_seconds=" in log


def test_a_script_that_is_refused(kapacitor, reconciler):
    r = reconciler()
    r.set("a", REFUSED, vars={})
    assert "unexpected EOF" in r.wait("a", "failed")["error"]
    assert task(kapacitor, "a") is None
    posts = r.pass_over(3)["posts"]
    assert posts <= 3  # fewer and fewer, not one in each pass
    r.set("a", SHORT, vars={})
    r.wait("a", "ok")
    r.set("a", REFUSED, vars={})  # what runs goes on
    assert "unexpected EOF" in r.wait("a", "failed")["error"]
    assert task(kapacitor, "a")["script"] == SHORT and r.status("a")["executing"]
    r.set("a", SHORT, vars={})
    r.wait("a", "ok")


def test_stored_but_not_started(kapacitor, reconciler):
    """POST answers 500, and yet the task is there."""
    r = reconciler()
    r.set("a", BROKEN, vars={})
    s = r.wait("a", "failed")
    assert 'function "x" not defined' in s["error"] and not s["executing"]
    assert task(kapacitor, "a")["script"] == BROKEN
    before = r.info()["writes"]
    assert r.pass_over(6)["writes"] - before <= 8  # of which a pass makes two, at ever longer intervals
    r.set("a", SHORT, vars={})
    s = r.wait("a", "ok")
    assert s["executing"] and s["error"] == ""
    assert task(kapacitor, "a")["script"] == SHORT


def test_a_task_that_dies_is_started_again(kapacitor, reconciler):
    r = reconciler()
    dying = MARKER + "\nstream|from().measurement('m')|alert().message('{{ .Absent }}').crit(lambda: TRUE)"
    r.set("a", dying, vars={})
    r.wait("a", "ok")
    if isinstance(kapacitor, KapacitorDouble):
        kapacitor.die(PREFIX + "a", "can't evaluate field Absent")
    else:
        assert kapacitor.ask("POST", "/write?db=d&rp=p", data="m value=1").status_code == 204
    wait_until(lambda: r.info()["repaired"] >= 1, "started again")
    r.wait("a", "ok")
    assert "failed" in r.changes[PREFIX + "a"]
    assert task(kapacitor, "a")["executing"]


def test_errors_of_nodes_that_grow(kapacitor, reconciler):
    r = reconciler()
    r.set("a", SHORT, vars={})
    r.wait("a", "ok")
    r.pass_over()
    assert not r.status("a")["errors_growing"]

    def more():
        if isinstance(kapacitor, KapacitorDouble):
            kapacitor.evaluation_errors(PREFIX + "a", 1)
        else:
            kapacitor.ask("POST", "/write?db=d&rp=p", data='m value="text"')
        time.sleep(0.05)
        return r.status("a")["errors_growing"]

    wait_until(more, "they are seen to grow")
    s = r.status("a")
    assert s["state"] == "ok" and s["node_errors"] > 0
    wait_until(lambda: not r.status("a")["errors_growing"], "no more of them")


def test_what_cannot_be_desired(kapacitor, reconciler):
    r = reconciler()
    good = {"id": PREFIX + "a", "script": SHORT, "vars": "{}", "dbrps": json.dumps(DBRPS), "enabled": True}
    for change, words in (({"id": "other-a"}, "id must be"), ({"id": PREFIX + "a b"}, "id must be"), ({"script": "stream"}, "begin with"),
                          ({"vars": "{"}, "vars:"), ({"vars": "[1]"}, "vars: must be"), ({"dbrps": "[]"}, "dbrps: must be")):
        o = r.say("set", **{**good, **change})
        assert not o["ok"] and words in o["error"], (change, o)
    assert r.say("set", **good)["ok"]
    r.wait("a", "ok")


def test_ping_and_points(kapacitor, reconciler):
    r = reconciler()
    assert r.say("ping")["ok"]
    assert r.say("write", db="d", rp="p", lines="m value=1 1\nm value=2 2")["ok"]
    assert "unable to parse 'bad'" in r.say("write", db="d", rp="p", lines="bad")["error"]


def test_five_thousand(kapacitor, reconciler, capsys):
    n = 5000
    r = reconciler(start=False, interval_ms=600000)
    for i in range(n):
        r.set(f"n{i:04}", vars=vars_of(i))
    desired = r.memory_kib()
    began = time.monotonic()
    r.say("start")
    first = wait_until(lambda: (i := r.info())["passes"] == 1 and not i["busy"] and i, "all are there", patience=600)
    took, most = time.monotonic() - began, r.memory_kib()
    assert first["tasks"]["ok"] == n and first["failures"] == 0, r.log()[-2000:]
    began = time.monotonic()
    r.say("poke")
    second = wait_until(lambda: (i := r.info())["passes"] == 2 and not i["busy"] and i, "all are looked at", patience=600)
    with capsys.disabled():
        print(f"\n{n} tasks ({type(kapacitor).__name__}): first pass {took:.1f} s, {first['gets']} GET {first['posts']} POST, "
              f"second {time.monotonic() - began:.1f} s, {second['gets'] - first['gets']} GET; memory {desired} KiB with all of them "
              f"desired, {most} KiB after the first pass, {r.memory_kib()} KiB after the second")
    assert second["writes"] == first["writes"] == n
    assert second["gets"] - first["gets"] == n // 100 + 1
