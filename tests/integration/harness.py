"""What the tests are made of: ports, waiting, processes that are ended by their own id."""
import fcntl
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
PATIENCE = 60  # seconds until a condition counts as never coming true; no test measures time

_port_locks = []


def free_port():
    """A port of 127.0.0.1 that nobody else uses: below the kernel's own range, and locked against other runs of these tests."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"pulseline-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for step in range(20000):
        port = 12000 + (os.getpid() * 17 + len(_port_locks) + step) % 20000
        lock = open(folder / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _port_locks.append(lock)
        return port
    raise RuntimeError("no free port")


def wait_until(condition, what, patience=PATIENCE):
    """Polls until condition() is true and returns what it gave. An exception of it counts as not yet."""
    end = time.monotonic() + patience
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except Exception as e:  # a server that is not up yet, a row that is not there yet
            last = e
        if time.monotonic() > end:
            raise AssertionError(f"never came true in {patience} s: {what}; last: {last!r}")
        time.sleep(0.05)


class Process:
    """A server in a folder of its own; everything it says goes to one log."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / f"{name}.log"
        self.p = None

    def spawn(self, args, env=None, **more):
        with open(self.log_path, "ab") as log:
            self.p = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                      env={**os.environ, **(env or {})}, **more)
        return self

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def running(self):
        return self.p is not None and self.p.poll() is None

    def end(self, how=signal.SIGTERM):
        """Sends the signal, waits, and returns the exit status (negative: the signal that killed it)."""
        if self.p is None:
            return None
        if self.p.poll() is None:
            self.p.send_signal(how)
            try:
                self.p.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
                raise AssertionError(f"{self.log_path.name}: did not end after signal {how}:\n{self.log()[-3000:]}")
        return self.p.returncode
