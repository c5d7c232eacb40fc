"""Scripted relays: one that a test leads line by line, and a crowd that answers every `get`."""
import asyncio
import socket
import threading

from harness import PATIENCE


class Relay:
    """A connection of which the test says every line."""

    def __init__(self, port, id=None, context=None, host="127.0.0.1"):
        self.s = socket.create_connection((host, port), timeout=PATIENCE)
        if context is not None:
            self.s = context.wrap_socket(self.s, server_hostname="localhost")
        self.held = b""
        if id is not None:
            self.say(f"id {id}")
            assert self.line() == "ok"
            assert self.line().startswith("beat ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.s.close()

    def raw(self, data):
        self.s.sendall(data)

    def say(self, *lines):
        self.raw("".join(line + "\n" for line in lines).encode())

    def line(self):
        """The next line; None at the end of the connection."""
        while b"\n" not in self.held:
            try:
                chunk = self.s.recv(65536)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                assert self.held == b"", f"half a line: {self.held}"
                return None
            self.held += chunk
        line, self.held = self.held.split(b"\n", 1)
        return line.decode(errors="replace")

    def line_of(self, word):
        """The next line that begins with this word."""
        while True:
            line = self.line()
            assert line is not None, f"the connection ended before {word!r}"
            if line.split(" ")[0] == word:
                return line

    def sync(self):
        """Everything said before was read: its pong came."""
        self.say("ping")
        self.line_of("pong")

    def ended(self):
        return self.line() is None


class _Member(asyncio.Protocol):
    def __init__(self, crowd, number):
        self.crowd, self.number, self.held = crowd, number, b""
        self.polls = self.answered = 0

    def connection_made(self, transport):
        self.transport = transport
        names = self.crowd.names
        transport.write(f"id relay{self.number}\n".encode() + b"".join(b"add %s:,rack:a%d\n" % (n, self.number % 7) for n in names))

    def data_received(self, data):
        *lines, self.held = (self.held + data).split(b"\n")
        for line in lines:
            if line.startswith(b"get "):
                self.polls += 1
                if self.crowd.muted:
                    continue
                self.answered += 1
                asked = line[4:].split(b",")
                self.transport.write(b"got " + b",".join(b"%s-%s:%d.2500" % (n, n, self.polls) for n in asked) + b"\n")
                self.crowd.gots += 1
                self.crowd.stats += len(asked)
                self.crowd.polled.append((self.crowd.loop.time(), self.number))
            elif line.startswith(b"beat "):
                self.crowd.greeted += 1

    def connection_lost(self, _):
        self.crowd.lost += 1


class Crowd:
    """So many relays on a thread of their own, each with so many collectors."""

    def __init__(self, port, relays, stats):
        self.port, self.relays = port, relays
        self.names = [b"stat%02d" % i for i in range(stats)]
        self.gots = self.stats = self.greeted = self.lost = 0
        self.polled = []  # (when, number)
        self.muted = False
        self.members = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.vanish()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def connect(self):
        """All at the same moment."""
        async def all_of_them():
            made = await asyncio.gather(*(self.loop.create_connection(lambda n=n: _Member(self, n), "127.0.0.1", self.port)
                                          for n in range(self.relays)))
            self.members = [protocol for _, protocol in made]

        self._run(all_of_them())
        return self

    def mute(self):
        """From now on no `get` is answered."""
        async def it():
            self.muted = True

        self._run(it())

    def vanish(self):
        """All at once, without a word."""
        async def all_of_them():
            for m in self.members:
                m.transport.abort()
            self.members = []

        self._run(all_of_them())
