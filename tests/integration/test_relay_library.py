"""libpulseline-relay as others get it, and `pulseline relay`: against a server of the test's own, against our daemon, and against the
original pulse server where $PULSE_SERVER names one."""
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from daemon import BINARY
from harness import ROOT, Process, free_port, wait_until
from http_peers import certificate, tls


class RelayServer:
    """Takes relays one after the other, says ok, asks once for all that a relay has added, and keeps what it hears."""

    def __init__(self, context=None):
        self.lines, self.context = [], context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            try:
                self._serve(self.context.wrap_socket(conn, server_side=True) if self.context else conn)
            except OSError:
                pass
            conn.close()

    def _serve(self, conn):
        with conn, conn.makefile("rwb") as f:
            for line in f:
                text = line.decode().rstrip("\n")
                self.lines.append(text)
                if text.startswith("id "):
                    f.write(b"ok\nbeat 30\n")
                elif text.startswith("add "):
                    f.write(f"get {text[4:].split(':')[0]}\n".encode())
                f.flush()

    def heard(self, pattern):
        return wait_until(lambda: [x for x in list(self.lines) if re.fullmatch(pattern, x)], f"{pattern} in {self.lines}")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def server():
    made = []

    def make(context=None):
        made.append(RelayServer(context))
        return made[-1]

    yield make
    for s in made:
        s.close()


@pytest.fixture
def relay(tmp_path):
    made = []

    def start(address, *flags):
        p = Process(tmp_path, f"relay{len(made)}").spawn([BINARY, "relay", "-a", address, *flags])
        made.append(p)
        return p

    yield start
    for p in made:
        status = p.end()
        assert status == 0, p.log()


def run(*args, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, f"{args}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


# --- the package ---

@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """A prefix into which the library alone is installed."""
    build, into = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("prefix")
    run("cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DPULSELINE_TESTS=OFF")
    run("ninja", "-C", build, "-j2", "relay_shared", "relay_static")
    run("cmake", "--install", build, "--component", "relay", "--prefix", into)
    return into


def the(prefix, pattern):
    found = [p for p in prefix.rglob(pattern) if not p.is_symlink()]
    assert len(found) == 1, found
    return found[0]


def by_find_package(target):
    def compile_(prefix, folder):
        (folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(example C)\nfind_package(PulselineRelay 0.1 REQUIRED)\n"
            f"add_executable(example {ROOT}/tests/relay/example.c)\ntarget_link_libraries(example PulselineRelay::{target})\n")
        run("cmake", "-S", folder, "-B", folder / "b", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
        run("ninja", "-C", folder / "b")
        return folder / "b" / "example", {}
    return compile_


def by_pkg_config(prefix, folder):
    where = the(prefix, "pulseline-relay.pc").parent
    flags = run("pkg-config", "--cflags", "--libs", "pulseline-relay", env={**os.environ, "PKG_CONFIG_PATH": str(where)}).split()
    run("gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_DEFAULT_SOURCE", "-o", folder / "example",
        ROOT / "tests/relay/example.c", *flags)
    return folder / "example", {"LD_LIBRARY_PATH": str(where.parent)}


@pytest.mark.parametrize("compile_", [by_find_package("PulselineRelay"), by_find_package("static"), by_pkg_config],
                         ids=["find_package", "find_package-static", "pkg-config"])
def test_the_example_compiles_and_runs(compile_, prefix, tmp_path, server):
    program, env = compile_(prefix, tmp_path)
    s = server()
    p = subprocess.Popen([program, s.address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env={**os.environ, **env})
    s.heard(r"got load_1-load_1:\d+\.\d{4}")
    out, _ = p.communicate(b"\n", timeout=60)
    assert (p.returncode, out) == (0, b"")
    s.heard("close")
    assert s.lines[:2] == ["id example", "add load_1:"] and s.lines[-2:] == ["remove load_1", "close"]


def test_the_example_is_the_one_in_the_readme():
    assert (ROOT / "tests/relay/example.c").read_text() in (ROOT / "README.md").read_text()


def test_the_library_shows_its_api_only_and_lets_its_host_live(prefix):
    """What the header declares is all that is visible, and nothing that could end or disturb the host is called."""
    api = set(re.findall(r"\b(pl_relay_\w+)\(", "".join(
        re.findall(r"^PL_RELAY_API [^;]+;", (prefix / "include/pulseline_relay.h").read_text(), re.M))))
    for library, flag in ((the(prefix, "*.so.*"), "-D"), (the(prefix, "*.a"), "-g")):
        shown = set(re.findall(r"^\w+ [A-Z] (\w+)", run("nm", flag, "--defined-only", library), re.M))
        assert shown == api
        called = set(re.findall(r"U (\w+)", run("nm", flag, "-u", library)))
        assert "getaddrinfo" in called
        assert not called & {"exit", "_exit", "abort", "printf", "fprintf", "__fprintf_chk", "puts", "perror", "stderr", "stdout",
                             "signal", "sigaction", "setlocale", "uselocale", "__assert_fail"}


# --- pulseline relay ---

NAMES = ("cpu_used", "load_1", "load_5", "load_15", "ram_used", "ram_available_bytes", "swap_used", "disk_used")


def test_the_host_as_a_relay(server, relay):
    s = server()
    p = relay(s.address, "--id", "this host", "--tag", "dc:eu1", "--tag", "plain")
    for name in ("load_1", "ram_used", "disk_used", "swap_used"):
        s.heard(rf"got {name}-{name}:\d+\.\d{{4}}")
    s.heard(r"got disk-disk_used_root:[01]\.\d{4},.*")
    assert p.end(signal.SIGINT) == 0
    s.heard("close")
    assert s.lines[0] == "id this host"
    assert {x for x in s.lines if x.startswith("add ")} == {f"add {n}:dc:eu1,plain" for n in (*NAMES, "disk", "net")}
    assert s.lines[-11:] == [f"remove {n}" for n in (*NAMES, "disk", "net")] + ["close"]
    assert "the relay has left" in p.log()


def test_print():
    values = dict(line.split() for line in run(BINARY, "relay", "--print").splitlines())
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in values)
    assert set(NAMES) <= set(values)
    assert all(0 <= float(values[n]) <= 1 for n in ("cpu_used", "ram_used", "swap_used", "disk_used"))


@pytest.mark.parametrize("flags, complaint", [
    ([], "needs the server's address"),
    (["-a", "x"], 'the address "x" is not host:port'),
    (["-a", "x:1", "--tag", "a,b"], "comma"),
    (["-a", "x:1", "--id", "a\\"], "backslash"),
    (["-a", "x:1", "--ca", "/nowhere/ca"], "with tls only"),
    (["-a", "x:1", "--tls", "--ca", "/nowhere/ca"], "/nowhere/ca: No such file"),
    (["-a", "x:1", "--token-file", "/nowhere/t"], "/nowhere/t: No such file"),
    (["-a", "x:1", "y"], "does not know what to do with y"),
])
def test_refusals(flags, complaint):
    done = subprocess.run([BINARY, "relay", *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2) and complaint in done.stderr, done.stderr


def test_tls_and_a_token(server, relay, tmp_path):
    """The certificate is verified, for its name too; then the token comes first."""
    cert, key = certificate(tmp_path)
    context = tls(cert, key)
    (tmp_path / "token").write_text("s3cret\n")
    s = server(context)
    for flags, reason in (([], "certificate does not do"), (["--ca", cert, "--server-name", "other.example"], "ostname mismatch")):
        p = relay(s.address, "--tls", *flags)
        wait_until(lambda: reason in p.log(), f"{reason} in the log of {flags}")
        assert p.end() == 0
    assert s.lines == []
    p = relay(s.address, "--tls", "--ca", cert, "--id", "tls", "--token-file", tmp_path / "token")
    s.heard(r"got load_1-.*")
    assert s.lines[:2] == ["auth s3cret", "id tls"]
    assert p.end() == 0
    s.heard("close")
    assert "s3cret" not in p.log()


def test_against_our_daemon(pulseline, relay):
    port = free_port()
    daemon = pulseline.config([], server={"http": {"listen": f"127.0.0.1:{pulseline.port}"},
                                          "relay": {"listen": f"127.0.0.1:{port}", "poll_interval": "1s", "beat_interval": "2s"}})
    checked = subprocess.run([BINARY, "check", "config", daemon.config_path], capture_output=True, text=True, timeout=60)
    if checked.returncode != 0 and "server.relay" in checked.stdout + checked.stderr:
        pytest.skip("this binary has no server.relay")
    daemon.start()
    p = relay(f"127.0.0.1:{port}", "--id", "ours", "--tag", "dc:eu1")
    wait_until(lambda: len(re.findall(r"^ram_used,.*host=ours.* ram_used=0\.\d+", daemon.points_path.read_text(), re.M)) >= 3, "points")
    assert p.end() == 0


def test_against_the_original_server(influxd, relay, tmp_path):
    """Polled; polled again after a restart, and after another relay used the same id for a while."""
    program = os.environ.get("PULSE_SERVER")
    if not program:
        pytest.skip("PULSE_SERVER does not name a pulse server")
    port = free_port()
    flags = ["-s", "-S", f"127.0.0.1:{port}", "-H", f"127.0.0.1:{free_port()}", "-i", influxd.url, "-p", "1", "-b", "2"]
    pulse = Process(tmp_path, "pulse").spawn([program, *flags])
    p = relay(f"127.0.0.1:{port}", "--id", "real")

    def count():
        series = influxd.query("SELECT count(ram_used) FROM statistics.one_day.ram_used WHERE host = 'real'")
        return series[0]["values"][0][1] if series else 0

    def more(than):
        wait_until(lambda: count() >= than + 3, f"three more values; {p.log()}")

    more(0)
    pulse.end(signal.SIGKILL)
    pulse.spawn([program, *flags])
    more(count())
    with socket.create_connection(("127.0.0.1", port)) as thief:
        thief.sendall(b"id real\n")
        assert thief.recv(3) == b"ok\n"
    more(count())
    assert p.end() == 0
    pulse.end()
