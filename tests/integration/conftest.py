import pathlib
import shutil
import subprocess

import pytest
import requests

from daemon import BINARY, Daemon
from harness import Process, free_port, wait_until
from http_peers import Peer, page
from influx import Influxd
from redis_server import Redis
from servers import PageServer


def pytest_collection_modifyitems(items):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: ./dev build", returncode=1)


@pytest.fixture
def pulseline(tmp_path):
    """A daemon that the test configures and starts. At the end it must stop with the status that the test expects (0)."""
    d = Daemon(tmp_path / "pulseline")
    yield d
    if d.p is None:
        return
    status = d.end()
    d.check_log()
    assert status == d.expected_exit, f"exit status {status}:\n{d.log()[-4000:]}"


@pytest.fixture
def pages():
    server = PageServer()
    yield server
    server.close()


@pytest.fixture
def peer():
    made = []

    def make(answer=lambda asked: page(), **more):
        made.append(Peer(answer, **more))
        return made[-1]

    yield make
    for p in made:
        p.close()


@pytest.fixture(scope="session")
def influxd(tmp_path_factory):
    """One influxd for all tests that only need a database of their own."""
    server = Influxd(tmp_path_factory.mktemp("influxd")).start()
    yield server
    server.end()


@pytest.fixture
def database(influxd, request):
    """The name of a database for this test, not created yet."""
    name = "".join(c if c.isalnum() else "_" for c in request.node.name)[:60]
    yield name
    influxd.query(f'DROP DATABASE "{name}"')


class NodeExporter(Process):
    def __init__(self, folder):
        super().__init__(folder, "node_exporter")
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def start(self):
        self.spawn(["/usr/bin/prometheus-node-exporter", f"--web.listen-address={self.address}", "--log.level=error"])
        wait_until(lambda: self.page(), f"node_exporter answers: {self.log()}")
        return self

    def page(self):
        return requests.get(f"http://{self.address}/metrics", timeout=10).text


@pytest.fixture(scope="session")
def node_exporter(tmp_path_factory):
    server = NodeExporter(tmp_path_factory.mktemp("node_exporter")).start()
    yield server
    server.end()


@pytest.fixture
def redis(tmp_path):
    made = []

    def make(*options, name="redis", **more):
        made.append(Redis(tmp_path / f"{name}{len(made)}", *options, **more))
        return made[-1]

    yield make
    for r in made:
        if r.running():
            r.go_on()
            r.kill()


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for one megabyte. Needs a mount; without the right to do so the test is skipped."""
    folder = tmp_path / "small"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("no mount(8) here: cannot make a disk that is full")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small tmpfs (not root?): {done.stderr.strip()}")
    yield pathlib.Path(folder)
    subprocess.run(["umount", "-l", folder], check=True)  # the daemon may still have its files open
