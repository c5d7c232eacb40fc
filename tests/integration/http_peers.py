"""The other side of an HTTP client: a server that remembers what it was asked, and a SOCKS5 proxy in front of it."""
import base64
import http.server
import json
import select
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse


class Asked:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Peer:
    """answer(asked) gives (status, headers, body). As an HTTP proxy it is asked with whole URLs as path."""

    def __init__(self, answer, tls=None, port=0):
        self.asked = []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = Asked(self.command, self.path, self.headers, body.decode())
                peer.asked.append(asked)
                status, headers, text = answer(asked)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = reply

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def page(text=b"a 1\n"):
    return 200, {"Content-Type": "text/plain; version=0.0.4"}, text


class Listener:
    """Each connection to `port` is served by a thread of its own, in _serve."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()


class Socks(Listener):
    """A SOCKS5 proxy (RFC 1928, 1929) that wants a name and a password and leads every connection to one port."""

    def __init__(self, user, password, port):
        self.user, self.password, self.to = user, password, port
        self.wanted = []  # (name, port) as asked for
        super().__init__()

    def _serve(self, conn):
        with conn:
            f = conn.makefile("rb")
            _, n = f.read(2)
            f.read(n)
            conn.sendall(b"\x05\x02")
            _, n = f.read(2)
            user = f.read(n).decode()
            password = f.read(f.read(1)[0]).decode()
            good = (user, password) == (self.user, self.password)
            conn.sendall(b"\x01" + (b"\x00" if good else b"\x01"))
            if not good:
                return
            _, _, _, kind = f.read(4)
            name = f.read(f.read(1)[0]).decode() if kind == 3 else socket.inet_ntoa(f.read(4))
            self.wanted.append((name, struct.unpack(">H", f.read(2))[0]))
            conn.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            join(conn, self.to)


class Tunnel(Listener):
    """An HTTP proxy that knows CONNECT only and leads every connection to one port."""

    def __init__(self, port):
        self.to = port
        self.heads = []  # as received
        super().__init__()

    def _serve(self, conn):
        with conn:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = conn.recv(1)
                if not piece:
                    return
                head += piece
            self.heads.append(head.decode())
            conn.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            join(conn, self.to)


def join(conn, port):
    """Passes bytes between a connection and a port here until either ends."""
    with socket.create_connection(("127.0.0.1", port)) as there:
        while True:
            for s in select.select([conn, there], [], [])[0]:
                piece = s.recv(65536)
                if not piece:
                    return
                (there if s is conn else conn).sendall(piece)


def certificate(folder):
    """A key and a certificate of its own for 127.0.0.1: (certificate file, key file)."""
    cert, key = folder / "server.crt", folder / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


def tls(cert, key, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if newest is not None:
        context.maximum_version = newest
    return context


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Issuer:
    """A token endpoint."""

    def __init__(self, peer, by_form=False):
        self.valid, self.n, self.status, self.by_form = None, 0, 200, by_form
        self.peer = peer(self.answer)
        self.url = f"http://{self.peer.address}/token"

    def known(self, asked):
        form = urllib.parse.parse_qs(asked.body)
        if self.by_form:
            return form.get("client_id") == ["id x"] and form.get("client_secret") == ["s3cret&"]
        return asked.headers["Authorization"] == basic("id%20x", "s3cret%26")

    def answer(self, asked):
        if self.status != 200:
            return self.status, {}, b"s3cret"
        if not self.known(asked):
            return 401, {"Content-Type": "application/json"}, b'{"error": "invalid_client"}'
        self.n += 1
        self.valid = f"t0ken{self.n}"
        body = json.dumps({"access_token": self.valid, "token_type": "bearer", "expires_in": 3600}).encode()
        return 200, {"Content-Type": "application/json"}, body

    def config(self, **more):
        return {"client_id": "id x", "client_secret": "s3cret&", "token_url": self.url, "scopes": ["a", "b"],
                "endpoint_params": {"audience": "x=y"}, **more}

    def target(self, asked):
        return page() if asked.headers["Authorization"] == f"Bearer {self.valid}" else (401, {}, b"")
