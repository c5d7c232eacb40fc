"""The reconciler against what no real Kapacitor can be made to do on demand; and behind credentials and TLS."""
import json
import threading

import pytest

from harness import wait_until
from http_peers import certificate, tls
from kapacitor_double import BASE, KapacitorDouble
from reconciling import PREFIX, SCRIPT, SHORT, Reconciler, vars_of

pytestmark = pytest.mark.sanitized


@pytest.fixture
def double():
    k = KapacitorDouble().start()
    yield k
    k.stop()


@pytest.fixture
def reconciler(tmp_path, double):
    made = []

    def make(k=double, **more):
        made.append(Reconciler(tmp_path, k, **more))
        made[-1].say("start")
        return made[-1]

    yield make
    for r in made:
        r.close()


def test_a_server_that_says_500_to_everything(double, reconciler):
    double.fault = lambda asked: 500
    r = reconciler()
    r.set("a")
    wait_until(lambda: r.info()["failures"] >= 3, "it fails")
    assert r.info()["writes"] == 0 and r.state("a") == "pending"
    assert "Kapacitor answered 500: scripted fault" in r.info()["reason"]
    double.fault = None
    r.wait("a", "ok")


@pytest.mark.parametrize("status, words", [(401, "401"), (403, "403"), (503, "503"), (404, "404")])
def test_statuses_of_a_listing(double, reconciler, status, words):
    double.fault = lambda asked: status
    r = reconciler()
    r.set("a")
    wait_until(lambda: r.info()["failures"] >= 2, "it fails")
    assert words in r.info()["reason"] and not r.info()["reached"]
    double.fault = None
    r.wait("a", "ok")


def test_posts_that_fail_and_yet_store(double, reconciler):
    double.obey_and_fail = lambda asked: 500 if asked.method == "POST" else None
    r = reconciler()
    for i in range(20):
        r.set(f"n{i}")
    wait_until(lambda: r.info()["tasks"]["ok"] == 20, "all are found to be there")
    assert len(double.writes()) == 20


def test_writes_that_fail_now_and_then(double, reconciler):
    """A 500 or a broken connection at any write, and what it did or did not do: in the end all is as desired."""
    n = [0]

    def fault(asked):
        n[0] += asked.method != "GET"
        return {1: 500, 3: 503}.get(n[0] % 7) if asked.method != "GET" else None

    def after(asked):
        return {0: 500, 4: 502}.get(n[0] % 9) if asked.method != "GET" else None

    double.fault, double.obey_and_fail = fault, after
    r = reconciler(interval_ms=100)
    for i in range(30):
        r.set(f"n{i}", vars=vars_of(i))
    for i in range(0, 30, 3):
        r.set(f"n{i}", vars=vars_of(100 + i))
    for i in range(1, 30, 3):
        r.remove(f"n{i}")
    wait_until(lambda: r.info()["tasks"]["ok"] == 20 and r.info()["tasks"]["deleting"] == 0, "all is as desired")
    assert sorted(double.tasks) == sorted(f"{PREFIX}n{i}" for i in range(30) if i % 3 != 1)
    for i in range(0, 30, 3):
        assert double.running(f"{PREFIX}n{i}")["vars"]["limit"]["value"] == 100 + i
    assert all(t["executing"] for t in double.tasks.values())


def test_a_patch_that_is_forgotten(double, reconciler):
    """The task stays as it was although the answer is 200: it is told, and not tried for ever."""
    r = reconciler()
    r.set("a")
    r.wait("a", "ok")
    double.fault = lambda asked: 200 if asked.method == "PATCH" else None
    r.set("a", SHORT, vars={})
    assert "does not keep" in r.wait("a", "failed")["error"]
    before = r.info()["writes"]
    assert r.pass_over(6)["writes"] - before <= 8
    double.fault = None
    r.set("a", SHORT + " ", vars={})
    r.wait("a", "ok")


def test_a_task_that_is_slow_to_run(double, reconciler):
    """Enabled, but executing only a little later: waited for, not started once more."""
    looks = [0]
    show = double.show

    def later(id, raw):
        t = show(id, raw)
        looks[0] += 1
        return {**t, "executing": t["executing"] and looks[0] > 3}

    double.show = later
    r = reconciler()
    r.set("a")
    r.wait("a", "ok")
    assert [x.method for x in double.writes()] == ["POST"]


def test_an_id_taken_between_list_and_post(double, reconciler):
    def fault(asked):
        if asked.method == "POST" and PREFIX + "a" not in double.tasks:
            with double.lock:
                double.create({"id": PREFIX + "a", "script": "stream|from()", "dbrps": [{"db": "a", "rp": "b"}]})
        return None

    double.fault = fault
    r = reconciler()
    r.set("a")
    r.wait("a", "foreign")
    assert double.tasks[PREFIX + "a"]["script"] == "stream|from()"


@pytest.mark.parametrize("text, words", [
    (b"<html>hello</html>", "cannot be read"), (b"{}", "no list of tasks"), (b'{"tasks":[{}]}', "without an id"),
    (b'{"tasks":' + b"[" * 100000, "cannot be read")], ids=["html", "object", "no-id", "deep"])
def test_answers_that_are_not_kapacitors(double, reconciler, text, words):
    answer = double.answer
    double.answer = lambda asked: (200, text)
    r = reconciler()
    r.set("a")
    wait_until(lambda: words in r.info()["reason"], f"{words}: {r.info()}")
    assert r.info()["writes"] == 0
    double.answer = answer
    r.wait("a", "ok")


def test_huge_pages_come_in_smaller_ones(double, reconciler):
    """Tasks of which a hundred are more than a client takes in at once, and one that is too large by itself."""
    for i in range(24):
        double.create({"id": f"{PREFIX}big{i:02}", "script": "// x" + "y" * 2**20 + "\nstream|from()",
                       "dbrps": [{"db": "a", "rp": "b"}]})
    double.create({"id": f"{PREFIX}huge", "script": "// x" + "y" * 18 * 2**20 + "\nstream|from()", "dbrps": [{"db": "a", "rp": "b"}]})
    r = reconciler()
    r.set("a"), r.set("z")
    r.wait("a", "ok"), r.wait("z", "ok")
    assert r.pass_over()["foreign"] == 25 and r.info()["failures"] == 0
    assert len(double.tasks) == 27


def test_slow_answers_delay_nothing_but_themselves(double, reconciler):
    double.delay = 0.3
    r = reconciler()
    for i in range(8):
        r.set(f"n{i}")
    assert r.say("info")["failures"] == 0  # it answers while requests are under way
    wait_until(lambda: r.info()["tasks"]["ok"] == 8, "done")


def test_no_more_than_four_at_once(double, reconciler):
    now, most, lock = [0], [0], threading.Lock()
    answer = double.answer

    def counted(asked):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            return answer(asked)
        finally:
            with lock:
                now[0] -= 1

    double.answer, double.delay = counted, 0.02
    r = reconciler()
    for i in range(30):
        r.set(f"n{i}")
    wait_until(lambda: r.info()["tasks"]["ok"] == 30, "done")
    assert 1 < most[0] <= 4


def test_a_timeout_ends_the_pass(double, reconciler):
    held = threading.Event()
    double.fault = lambda asked: held.wait(20) and None
    r = reconciler()
    r.set("a")
    wait_until(lambda: r.info()["failures"] >= 1, "it gives up", patience=30)
    assert "no answer within" in r.info()["reason"]
    held.set()
    double.fault = None
    r.wait("a", "ok")


@pytest.mark.parametrize("do", ["list", "write"])
def test_closing_with_requests_under_way(double, tmp_path, do):
    held = threading.Event()
    r = Reconciler(tmp_path, double)
    r.say("start")
    r.calm()
    double.fault = lambda asked: held.wait(20) and None if do == "list" or asked.method == "POST" else None
    before, gets = len(double.log), r.info()["gets"]
    for i in range(10):
        r.set(f"n{i}")
    wait_until(lambda: (i := r.info())["gets"] > gets if do == "list" else r.info()["posts"] == 4, "requests are under way")
    r.close()  # its status is 0 and no sanitizer has anything to say
    held.set()
    wait_until(lambda: len(double.log) > before, "the double is done")


def test_changes_while_a_pass_goes_on(double, reconciler):
    double.delay = 0.02
    r = reconciler(interval_ms=50)
    for round_ in range(40):
        for i in range(5):
            if (round_ + i) % 4 == 0:
                r.remove(f"n{i}")
            else:
                r.set(f"n{i}", vars=vars_of(round_ * 10 + i), enabled=(round_ + i) % 3 != 0)
    for i in range(5):
        r.set(f"n{i}", vars=vars_of(1000 + i))
    double.delay = 0
    wait_until(lambda: r.info()["tasks"]["ok"] == 5 and not r.info()["busy"], "calm")
    assert [double.running(f"{PREFIX}n{i}")["vars"]["limit"]["value"] for i in range(5)] == [1000, 1001, 1002, 1003, 1004]


def test_a_change_of_one_does_not_list_all(double, reconciler):
    r = reconciler(interval_ms=600000)
    for i in range(300):
        r.set(f"n{i}")
    wait_until(lambda: r.info()["tasks"]["ok"] == 300 and not r.info()["busy"], "all")
    seen = len(double.log)
    r.set("n7", vars=vars_of(9))
    wait_until(lambda: r.info()["changed"] == 1 and not r.info()["busy"], "changed")
    assert [(x.method, x.path) for x in double.log[seen:]] == [
        (m, f"{BASE}/tasks/{PREFIX}n7") for m in ("GET", "PATCH", "PATCH", "GET")]
    assert json.loads(double.log[seen + 1].body)["status"] == "disabled"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_basic_auth(tmp_path, secure):
    cert, key = certificate(tmp_path) if secure else (None, None)
    k = KapacitorDouble(auth=("u", "s3cret"), tls=tls(cert, key) if secure else None).start()
    wrong = Reconciler(tmp_path, k, auth=("u", "wr0ng"), ca=cert)
    right = Reconciler(tmp_path, k, auth=("u", "s3cret"), ca=cert)
    try:
        wrong.say("start")
        wrong.set("a")
        wait_until(lambda: wrong.info()["failures"] >= 2, "it is refused")
        assert "401: unable to parse authentication credentials" in wrong.info()["reason"]
        right.set("a")
        right.say("start")
        right.wait("a", "ok")
        assert "s3cret" not in right.log() and "wr0ng" not in wrong.log()
    finally:
        wrong.close(), right.close(), k.stop()


def test_a_certificate_that_nobody_vouches_for(tmp_path):
    cert, key = certificate(tmp_path)
    k = KapacitorDouble(tls=tls(cert, key)).start()
    r = Reconciler(tmp_path, k)
    try:
        r.say("start")
        wait_until(lambda: "certificate" in r.info()["reason"].lower(), "it says so")
        assert k.log == []
    finally:
        r.close(), k.stop()


def test_error_texts_are_bounded_and_printable(double, reconciler):
    nasty = "\x1b[31mred\n" + "é" * 2000
    answer = double.answer
    double.answer = lambda asked: (400, {"error": nasty}) if asked.method == "POST" else answer(asked)
    r = reconciler()
    r.set("a", SCRIPT)
    error = r.wait("a", "failed")["error"]
    assert "\\x1b[31mred" in error and "\x1b" not in error and "\n" not in error and 100 < len(error.encode()) < 520
    assert error.endswith("é")
