"""A scripted Kapacitor: the task API of 1.5 with its traps, and the faults that no real one can be made to show on demand.

    k = KapacitorDouble().start()      k.url, k.ask("GET", "/tasks/x"), k.log (all requests), k.tasks (by id)
    k.stop(); k.wipe(); k.start()      on the same port
    k.delay = 3                        every answer waits
    k.fault = lambda asked: 503        a status (or None) for each request, instead of obeying it
    k.obey_and_fail = lambda asked: 500    the same, after obeying it
    k.fire("task", level="CRITICAL", tags={"host": "a"}, value=97.5)   posts an alert event where the task's script says
    k.die("task", "reason")            as when a template fails on the first point: enabled, not executing, an error
    k.evaluation_errors("task", 3)     points that a node could not evaluate
What of a script is understood: whether it begins with stream or batch, its vars, its brackets, Go templates in message, id and
details, .post and .header; that is enough for what a client has to survive. test_kapacitor_double.py compares it with the real one.
"""
import base64
import collections
import copy
import datetime
import fnmatch
import http.server
import json
import re
import threading
import time
import urllib.parse

import requests

BASE = "/kapacitor/v1"
FIELDS = ["link", "id", "type", "dbrps", "script", "dot", "status", "executing", "error", "stats", "created", "modified",
          "last-enabled", "vars"]
ID = re.compile(r"[\w\-.]+\Z")
ZERO = "0001-01-01T00:00:00Z"
UNITS = {"u": 10**3, "µ": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9, "w": 604800 * 10**9}
DECLARED = re.compile(r"^\s*var\s+([A-Za-z_]\w*)\s+(bool|int|float|duration|string|regex|lambda|star|list)\s*$", re.M)
STRING = re.compile(r"'''.*?'''|'(?:\\'|[^'])*'|\"(?:\\\"|[^\"])*\"|//[^\n]*", re.S)

Asked = collections.namedtuple("Asked", "method path query headers body")
Logged = collections.namedtuple("Logged", "method path query body status")


class Refused(Exception):
    def __init__(self, status, error):
        super().__init__(error)
        self.status, self.error = status, error


def now():
    t = time.time_ns()
    seconds = datetime.datetime.fromtimestamp(t // 10**9, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{seconds}.{t % 10**9:09d}Z"


def bare(script):
    """The script without what stands in strings and comments."""
    return STRING.sub("''", script)


def kind_of(script):
    m = re.search(r"^\s*(?:var\s+\w+\s*=\s*)?(stream|batch)\b", bare(script), re.M)
    return m[1] if m else None


def formatted(script):
    out = []
    for line in script.split("\n"):
        line = line.strip()
        pieces = [p for p in re.split(r"(?=\|[a-z]\w*\()|(?<=\))(?=\.[a-z]\w*\()", line) if p.strip()] if "'" not in line else [line]
        for p in pieces:
            p = p.strip()
            out.append("    " + p if p.startswith("|") else "        " + p if p.startswith(".") else p)
    return "\n".join(out) + "\n"


def duration_ns(value):
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"-?(\d+(ms|[uµsmhdw]))+", value):
        raise Refused(400, "invalid JSON")
    return sum(int(n) * UNITS[u] for n, u in re.findall(r"(\d+)(ms|[uµsmhdw])", value)) * (-1 if value.startswith("-") else 1)


def take_var(var):
    """A var as it comes in, in the form in which it goes out."""
    if not isinstance(var, dict):
        raise Refused(400, "invalid JSON")
    kind, value = var.get("type"), var.get("value")
    fits = {"bool": bool, "int": int, "float": (int, float), "string": str, "regex": str, "lambda": str, "list": list}
    if kind == "duration":
        value = duration_ns(value)
    elif kind == "star":
        if "value" not in var:
            raise Refused(400, "invalid JSON")
        value = None  # must be given, is forgotten
    elif kind not in fits or not isinstance(value, fits[kind]) or (kind in ("int", "float") and isinstance(value, bool)):
        raise Refused(400, "invalid JSON")
    elif kind == "list":
        value = [take_var(v) for v in value]
    return {"type": kind, "value": value, "description": ""}


class KapacitorDouble:
    def __init__(self, auth=None, tls=None):
        self.auth, self.tls = auth, tls  # (user, password), ssl.SSLContext
        self.tasks, self.log, self.points = {}, [], []
        self.delay, self.fault, self.obey_and_fail = 0, None, None
        self.port, self.server = 0, None
        self.lock = threading.RLock()

    # --- life ---

    def start(self):
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def reply(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urllib.parse.urlsplit(self.path)
                status, text = double.answer(Asked(self.command, url.path, urllib.parse.parse_qs(url.query, keep_blank_values=True),
                                                   self.headers, body))
                plain = isinstance(text, bytes)
                data = b"\n" if text is None else text if plain else json.dumps(text).encode()
                data = data.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026") if not plain else data
                head = (f"HTTP/1.1 {status} X\r\nX-Kapacitor-Version: 1.5\r\nContent-Type: "
                        f"{'text/plain' if plain else 'application/json'}; charset=utf-8\r\n")
                if status == 204:
                    self.wfile.write(f"{head}\r\n".encode())
                else:
                    self.wfile.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = reply

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 64

            def process_request(self, request, address):
                connections.add(request)
                super().process_request(request, address)

            def shutdown_request(self, request):
                connections.discard(request)
                super().shutdown_request(request)

            def handle_error(self, request, address):
                pass  # the other side went away

        connections = self.connections = set()
        self.server = Server(("127.0.0.1", self.port), Handler)
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        """As a process that ends: connections break, tasks stay on disk, and run again after start."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        for c in list(self.connections):
            try:
                c.shutdown(2)
            except OSError:
                pass
        self.server = None

    end = stop

    def wipe(self):
        with self.lock:
            self.tasks.clear()

    def ask(self, method, path, **more):
        return requests.request(method, f"{self.url}{BASE}{path}", auth=self.auth, timeout=60, verify=False, **more)

    # --- what the tests look at ---

    def writes(self):
        return [x for x in list(self.log) if x.method in ("POST", "PATCH", "DELETE") and x.path.startswith(BASE + "/tasks")]

    def running(self, id):
        """The content that the task runs with: not what is stored, when it was changed and not restarted."""
        return self.tasks[id]["running"]

    def die(self, id, error):
        with self.lock:
            self.tasks[id].update(executing=False, error=error, running=None)

    def evaluation_errors(self, id, more):
        with self.lock:
            self.tasks[id]["errors"] += more

    # --- requests ---

    def answer(self, asked):
        if self.delay:
            time.sleep(self.delay)
        status = self.fault(asked) if self.fault else None
        text = {"error": "scripted fault"}
        if status is None:
            with self.lock:
                try:
                    status, text = self.obey(asked)
                except Refused as e:
                    status, text = e.status, {"error": e.error}
            other = self.obey_and_fail(asked) if self.obey_and_fail else None
            if other is not None:
                status, text = other, {"error": "scripted fault"}
        self.log.append(Logged(asked.method, asked.path, asked.query, asked.body, status))
        return status, text

    def allowed(self, asked):
        if self.auth is None:
            return True
        given = asked.headers.get("Authorization", "")
        return given == "Basic " + base64.b64encode(":".join(self.auth).encode()).decode()

    def obey(self, asked):
        if not self.allowed(asked):
            return 401, {"error": "unable to parse authentication credentials"}
        path = asked.path.removeprefix(BASE)
        if path == "/ping" and asked.method in ("GET", "HEAD"):
            return 204, None
        if path == "/write" and asked.method == "POST":
            return self.write(asked)
        if path == "/tasks":
            if asked.method == "GET":
                return 200, self.list(asked.query)
            if asked.method == "POST":
                return 200, self.create(self.body(asked))
        if path == "/tasks/" and asked.method == "GET":
            return 400, {"error": "must specify task id on path"}
        if path.startswith("/tasks/"):
            return self.one(asked, urllib.parse.unquote(path[len("/tasks/"):]))
        return 404, {"error": "Not Found"}

    @staticmethod
    def body(asked):
        try:
            o = json.loads(asked.body)
        except ValueError:
            raise Refused(400, "invalid JSON") from None
        if not isinstance(o, dict) or o.get("status", "enabled") not in ("enabled", "disabled"):
            raise Refused(400, "invalid JSON")
        if o.get("type", "stream") not in ("stream", "batch"):
            raise Refused(400, "invalid JSON")
        return o

    def write(self, asked):
        db, rp = asked.query.get("db", [""])[0], asked.query.get("rp", [""])[0]
        if not db:
            return 400, b"database is required\n"
        for line in asked.body.decode().splitlines():
            if line and not line.startswith("#") and not re.match(r"\S[^ ]*(\\ [^ ]*)* [^ ]+=", line):
                return 400, f"unable to parse '{line}': missing fields\n".encode()
            if line and not line.startswith("#"):
                self.points.append((db, rp, line))
        return 204, None

    def list(self, query):
        fields = query.get("fields", FIELDS + ["template-id"] if "fields" not in query else [])
        for f in query.get("fields", []):
            if f not in FIELDS:
                raise Refused(400, f'unsupported field "{f}"')
        pattern = query.get("pattern", [""])[0]
        offset, limit = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["100"])[0])
        raw = query.get("script-format", ["formatted"])[0] == "raw"
        ids = sorted(i for i in self.tasks if not pattern or fnmatch.fnmatchcase(i, pattern))
        shown = []
        for id in ids[offset:offset + limit]:
            whole = self.show(id, raw)
            shown.append({k: v for k, v in whole.items() if k in fields or k in ("id", "link")})
            if "stats" in shown[-1] and not whole["executing"]:
                shown[-1]["stats"] = None
        return {"tasks": shown}

    def one(self, asked, id):
        if asked.method == "GET":
            if id not in self.tasks:
                return 404, {"error": "no task exists"}
            return 200, self.show(id, asked.query.get("script-format", ["formatted"])[0] == "raw")
        if asked.method == "PATCH":
            return 200, self.patch(id, asked)
        if asked.method == "DELETE":
            self.tasks.pop(id, None)
            return 204, None
        return 404, {"error": "Not Found"}

    def show(self, id, raw):
        t = self.tasks[id]
        nodes = {n: {"avg_exec_time_ns": 0, "collected": 0, "emitted": 0, "errors": 0, "working_cardinality": 0}
                 for n in ("stream0", "from1", "alert2")}
        nodes["alert2"]["errors"] = t["errors"]
        return {"link": {"rel": "self", "href": f"{BASE}/tasks/{urllib.parse.quote(id)}"}, "id": id, "template-id": "",
                "type": kind_of(t["script"]), "dbrps": t["dbrps"], "script": t["script"] if raw else formatted(t["script"]),
                "vars": t["vars"], "dot": "digraph " + id + " {\n}", "status": t["status"], "executing": t["executing"],
                "error": t["error"], "stats": {"task-stats": {"throughput": 0}, "node-stats": nodes} if t["executing"] else {},
                "created": t["created"], "modified": t["modified"], "last-enabled": t["last-enabled"]}

    # --- tasks ---

    @staticmethod
    def check(script, vars):
        if kind_of(script) is None:
            raise Refused(400, "invalid task type: invalid")
        text = bare(script)
        if text.count("(") != text.count(")"):
            line = script.count("\n") + 1
            raise Refused(400, f'invalid TICKscript: parser: unexpected EOF line {line} char {len(script) - script.rfind(chr(10))} '
                               f'in "{script[-10:]}". expected: ")"')
        for name, kind in DECLARED.findall(text):
            if name not in vars:
                raise Refused(400, f'invalid TICKscript: missing value for var "{name}".')
            if vars[name]["type"] != kind:
                raise Refused(400, f'invalid TICKscript: invalid type supplied for {name}, got {vars[name]["type"]} exp {kind}')

    def create(self, o):
        id = o.get("id", "")
        if not ID.match(id):
            raise Refused(400, f"task ID must contain only letters, numbers, '-', '.' and '_'. {json.dumps(id)}")
        if id in self.tasks:
            raise Refused(400, f"task {id} already exists")
        if not o.get("script"):
            raise Refused(400, "must provide TICKscript")
        vars = {k: take_var(v) for k, v in (o.get("vars") or {}).items()}
        self.check(o["script"], vars)
        if not o.get("dbrps"):
            raise Refused(400, "must specify dbrp")
        t = now()
        self.tasks[id] = {"script": o["script"], "vars": vars, "dbrps": o["dbrps"], "status": o.get("status", "disabled"),
                          "executing": False, "error": "", "errors": 0, "created": t, "modified": t, "last-enabled": ZERO,
                          "running": None}
        if self.tasks[id]["status"] == "enabled":
            self.start_task(id)
        return self.show(id, False)

    def patch(self, id, asked):
        if id not in self.tasks:
            raise Refused(404, "task does not exist, cannot update")
        o, t = self.body(asked), self.tasks[id]
        vars = {k: take_var(v) for k, v in (o.get("vars") or {}).items()} or t["vars"]
        script = o.get("script") or t["script"]
        self.check(script, vars)
        t.update(script=script, vars=vars, dbrps=o.get("dbrps") or t["dbrps"], modified=now())
        if o.get("status") == "disabled":
            t.update(status="disabled", executing=False, running=None)
        elif o.get("status") == "enabled" and t["status"] != "enabled":
            t["status"] = "enabled"
            self.start_task(id)
            shown = self.show(id, False)  # with the error of before, which is no more from now on
            t["error"] = ""
            return shown
        return self.show(id, False)

    def start_task(self, id):
        t = self.tasks[id]
        t["last-enabled"] = now()
        m = re.search(r"\.(?:message|id|details)\('[^']*\{\{\s*([a-z]\w*)", t["script"])
        if m and m[1] not in ("index", "if", "range", "with", "end", "printf", "len"):
            t["error"] = f'template: message:1: function "{m[1]}" not defined'
            raise Refused(500, t["error"])
        t.update(executing=True, errors=0, running=copy.deepcopy({k: t[k] for k in ("script", "vars", "dbrps")}))

    # --- the way back ---

    def argument(self, id, text):
        """What stands in brackets: a string, or the name of a var."""
        t, text = self.running(id), text.strip()
        if text.startswith("'"):
            return text.strip("'").replace("\\'", "'")
        return t["vars"][text]["value"] if text in t["vars"] else None

    def hooks(self, id):
        """(URL, headers) of every .post of the running task."""
        script, found = self.running(id)["script"], []
        parts = re.split(r"\.post\(([^)]*)\)", script)
        for url, rest in zip(parts[1::2], parts[2::2]):
            headers = dict(tuple(self.argument(id, a) for a in m) for m in re.findall(r"\.header\(([^,)]*),([^)]*)\)", rest))
            found.append((self.argument(id, url), headers))
        return found

    def fire(self, id, level, event_id=None, previous="OK", tags=None, value=1.0, message="", duration_ns=0, t=None, name="m",
             **more):
        """Posts an event as the alert node does, once, to every URL; gives the statuses that came back (None: none)."""
        t = t or now()
        series = {"name": name, "columns": ["time", "value"], "values": [[t, value]]}
        if tags:
            series["tags"] = tags
        group = ",".join(f"{k}={v}" for k, v in sorted((tags or {}).items())) or "nil"
        event = {"id": event_id or f"{name}:{group}", "message": message or f"{name} is {level}", "details": "", "time": t,
                 "duration": duration_ns, "level": level, "data": {"series": [series]}, "previousLevel": previous,
                 "recoverable": True, **more}
        statuses = []
        for url, headers in self.hooks(id):
            try:
                answer = requests.post(url, data=json.dumps(event) + "\n", timeout=5, allow_redirects=False,
                                       headers={"Content-Type": "application/json", "User-Agent": "Go-http-client/1.1", **headers})
                statuses.append(answer.status_code)
            except requests.RequestException:
                statuses.append(None)
        return statuses
