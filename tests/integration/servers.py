"""Servers to scrape: one that serves given pages, and one that misbehaves in every way that a real one cannot be made to."""
import gzip
import itertools
import socket
import threading
import time
import zlib


class PageServer:
    """Serves bytes by path over kept-alive HTTP/1.1. A page may be bytes, a (bytes, content type) pair, or a function of the
    connection that writes the answer itself and whose connection is then closed. Unknown paths: 404."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, pages=None):
        self.pages = dict(pages or {})
        self.requests = []  # (path, header text)
        self.connections = 0
        self.held = threading.Event()  # set: answers wait until it is cleared again
        self.stopping = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.stopping = True
        self.held.clear()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def count(self, path):
        return sum(1 for p, _ in self.requests if p == path)

    def _accept(self):
        while not self.stopping:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with conn:
            try:
                pending = b""
                while not self.stopping:
                    while b"\r\n\r\n" not in pending:
                        piece = conn.recv(65536)
                        if not piece:
                            return
                        pending += piece
                    head, pending = pending.split(b"\r\n\r\n", 1)
                    text = head.decode("latin-1")
                    path = text.split(" ")[1]
                    self.requests.append((path, text))
                    if not self._answer(conn, path):
                        return
            except OSError:
                return

    def _answer(self, conn, path):
        while self.held.is_set() and not self.stopping:
            time.sleep(0.02)
        page = self.pages.get(path.split("?")[0])
        if callable(page):
            page(conn)
            return False
        if page is None:
            conn.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        body, content_type = page if isinstance(page, tuple) else (page, self.TEXT)
        conn.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return True


def head(length=None, content_type=PageServer.TEXT, status="200 OK", more=""):
    size = f"Content-Length: {length}\r\n" if length is not None else ""
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{size}{more}\r\n".encode()


def _forever(conn, first, piece):
    conn.sendall(first)
    while True:  # until the other side has had enough
        conn.sendall(piece)


def _slow_endless(conn):
    conn.sendall(head())
    while True:
        conn.sendall(b"slow_endless 1\n")
        time.sleep(0.01)


def _drip(conn):
    conn.sendall(head(1000))
    for _ in itertools.count():
        conn.sendall(b"a")
        time.sleep(1)


def _long_line(conn):
    conn.sendall(head(50_000_000 + 17))
    conn.sendall(b'long_line{label="')
    for _ in range(50):
        conn.sendall(b"x" * 1_000_000)


def _cut(conn):
    conn.sendall(head(1000) + b"cut_body 1\ncut_body_two 2\ncut_bo")


def _gzip_bomb(conn):
    """128 MB of comments, in half a megabyte."""
    z = zlib.compressobj(1, wbits=31)
    block = (b"# " + b"a" * 1021 + b"\n") * 1024
    body = b"".join(z.compress(block) for _ in range(128)) + z.flush()
    conn.sendall(head(len(body), more="Content-Encoding: gzip\r\n") + body)


def _gzip_members(conn):
    body = gzip.compress(b"gzip_members 1\n") * 2
    conn.sendall(head(len(body), more="Content-Encoding: gzip\r\n") + body)


def _headers(conn):
    lines = "".join(f"X-Header-{i}: {'v' * 100}\r\n" for i in range(10000))
    conn.sendall(head(9, more=lines) + b"headers 1")


def _never(conn):
    try:
        while conn.recv(1000):
            pass
    except OSError:
        pass


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
JSON = b'{"status": "ok"}'

# path -> page
FAULTS = {
    "/garbage": PNG * 10,
    "/half_line": b'whole_line 1\nhalf_line{label="val',
    "/long_line": _long_line,
    "/endless": lambda conn: _forever(conn, head(), b"endless_body 1\n" * 4096),
    "/endless_series": lambda conn: [conn.sendall(head())] + [conn.sendall(b"".join(b'endless_series{i="%d"} 1\n' % (i * 1000 + k)
                                                              for k in range(1000))) for i in itertools.count()],
    "/slow_endless": _slow_endless,
    "/wrong_type": (b"<html><body>Welcome to nginx!</body></html>", "text/html"),
    "/json": (JSON, "application/json"),
    "/gzip_bomb": _gzip_bomb,
    "/gzip_members": _gzip_members,
    "/broken_gzip": lambda conn: conn.sendall(head(40, more="Content-Encoding: gzip\r\n") + b"\x1f\x8b\x08\x00" + b"\xff" * 36),
    "/cut_body": _cut,
    "/drip": _drip,
    "/redirect_loop": lambda conn: conn.sendall(head(0, status="302 Found", more="Location: /redirect_loop\r\nConnection: close\r\n")),
    "/many_headers": _headers,
    "/black_hole": _never,
    "/not_http": lambda conn: conn.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "/empty_answer": lambda conn: None,
    "/error_status": lambda conn: conn.sendall(head(5, status="503 Service Unavailable") + b"sorry"),
    "/too_many_samples": b"".join(b'many_samples{i="%d"} 1\n' % i for i in range(5000)),
}
