"""A real redis-server with a private configuration, a client that speaks its protocol, and channels as the manual lays them out."""
import signal
import socket
import ssl
import threading

from harness import PATIENCE, Process, free_port, wait_until

PLAIN = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/@+=,-")


def escape(tag):
    return "".join(chr(b) if b in PLAIN else "%%%02X" % b for b in tag.encode())


def pattern(tags, prefix="pulse:"):
    return prefix + "*" + "".join(f"|{t}|*" for t in sorted({escape(t) for t in tags if t}))


class RedisError(Exception):
    pass


class Client:
    def __init__(self, port, tls=None, password=None):
        self.s = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if tls is not None:
            self.s = tls.wrap_socket(self.s)
        self.f = self.s.makefile("rb")
        if password is not None:
            self.do("AUTH", password)

    def send(self, *words):
        parts = [w.encode() if isinstance(w, str) else str(w).encode() for w in words]
        self.s.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def reply(self):
        line = self.f.readline()
        if not line:
            raise EOFError("the server closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        n = int(rest)
        if kind == b"$":
            return None if n < 0 else self.f.read(n + 2)[:-2].decode()
        return [self.reply() for _ in range(n)]

    def do(self, *words):
        self.send(*words)
        return self.reply()

    def close(self):
        self.f.close()
        self.s.close()


class Subscriber:
    """Collects (channel, payload) of its patterns, in order."""

    def __init__(self, port, *patterns, **more):
        self.messages = []
        self.pongs = 0
        self.client = Client(port, **more)
        self.client.s.settimeout(None)
        for p in patterns:
            self.client.do("PSUBSCRIBE", p)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while True:
                word = self.client.reply()
                if word[0] == "pmessage":
                    self.messages.append((word[2], word[3]))
                elif word[0] == "pong":
                    self.pongs += 1
        except (EOFError, OSError, ValueError):
            pass

    def drain(self):
        """Everything that was published before is in."""
        before = self.pongs
        self.client.send("PING")
        wait_until(lambda: self.pongs > before, "the pong comes")

    def close(self):
        self.client.s.shutdown(socket.SHUT_RDWR)


class Redis(Process):
    def __init__(self, folder, *options, port=None, password=None, tls=None):
        super().__init__(folder, "redis")
        self.port, self.password, self.tls = port or free_port(), password, tls
        self.options = list(options)

    def start(self, *more, wait=True):
        where = ["--port", "0", "--tls-port", self.port] if self.tls is not None else ["--port", self.port]
        self.spawn(["/usr/bin/redis-server", *where, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--daemonize", "no",
                    "--enable-debug-command", "yes", *self.options, *more])
        if wait:
            wait_until(lambda: self.do("PING") == "PONG", f"redis-server answers: {self.log()[-2000:]}")
        return self

    def client(self):
        context = None
        if self.tls is not None:
            context = ssl.create_default_context(cafile=str(self.tls))
            context.check_hostname = False
        return Client(self.port, tls=context, password=self.password)

    def do(self, *words):
        c = self.client()
        try:
            return c.do(*words)
        finally:
            c.close()

    def kill(self):
        self.end(signal.SIGKILL)

    def pause(self):
        self.p.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.p.send_signal(signal.SIGCONT)


class Sentinel(Process):
    def __init__(self, folder, master, port):
        super().__init__(folder, "sentinel")
        self.port = free_port()
        (self.folder / "sentinel.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\nsentinel monitor {master} 127.0.0.1 {port} 1\n"
            f"sentinel down-after-milliseconds {master} 500\nsentinel failover-timeout {master} 2000\n")

    def start(self):
        self.spawn(["/usr/bin/redis-server", self.folder / "sentinel.conf", "--sentinel"])
        wait_until(lambda: Client(self.port).do("PING") == "PONG", "the Sentinel answers")
        return self


# ---- what the daemon says of it ----

def redis_metric(pulseline, what, **labels):
    name = f"pulseline_redis_{what}"
    total = [v for (n, ls), v in pulseline.metrics().items() if n in (name, name + "_total") and set(labels.items()) <= set(ls)]
    assert total, f"no {name} {labels}"
    return sum(total)


def grows(pulseline, what, **labels):
    before = redis_metric(pulseline, what, **labels)
    wait_until(lambda: redis_metric(pulseline, what, **labels) > before, f"{what} {labels} grows:\n{pulseline.log()[-2000:]}")


def troubles(pulseline, text):
    return sum(text in line for line in pulseline.log().splitlines())
