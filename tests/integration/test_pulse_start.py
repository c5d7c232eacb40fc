"""A start in place of pulse: its flags, its configuration file, what it refuses, and a daemon that answers as it should."""
import hashlib
import json
import os
import re
import ssl
import subprocess

import pytest
import requests
import yaml

from daemon import BINARY, Daemon
from harness import PATIENCE, Process, free_port, wait_until
from http_peers import certificate
from influx import Influxd

pytestmark = pytest.mark.sanitized


def run(*args, cwd=None, stdin=None):
    """A call that ends by itself."""
    return subprocess.run([BINARY, *map(str, args)], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, input=stdin)


REAL = ["-s", "-t", "a token"]  # with nothing to warn of


@pytest.fixture
def write(tmp_path):
    def write(content, name="pulse.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def converted(*args, **more):
    p = run("convert", "config", *args, **more)
    assert p.returncode == 0, p.stderr
    return yaml.safe_load(p.stdout), p.stderr


# --- what is refused, and how ---

REFUSED = [
    (["-s", "-p", "abc"], 2, '-p, --poll-interval: "abc" is not a whole number'),
    (["-s", "--bogus"], 2, "unknown flag: --bogus"),
    (["-s", "--tokn=x"], 2, "did you mean --token?"),
    (["-s=maybe"], 2, '-s, --server: "maybe" is not true or false'),
    (["-s", "-t"], 2, "--token needs a value behind it"),
    (["-p", "5"], 2, "nothing runs as pulse without -s"),
    (["-s=false"], 2, "nothing runs as pulse without -s"),
    ([*REAL, "-p", "-1"], 3, "command line: --poll-interval: -1 is out of range: expected 1 to 86400 seconds"),
    ([*REAL, "-p", "86401"], 3, "--poll-interval: 86401 is out of range"),
    ([*REAL, "-b", "86401"], 3, "--beat-interval: 86401 is out of range"),
    ([*REAL, "-r", "5201"], 3, "--retention: 5201 is out of range"),
    ([*REAL, "-a", "0"], 3, "--aggregate-interval: 0 is out of range: expected 1 to 720 minutes"),
    ([*REAL, "-a", "721"], 3, "--aggregate-interval: 721 is out of range"),
    (["-s", "-t", ""], 3, "command line: --token: must not be empty"),
    (["-s", "-H", "0.0.0.0:8080"], 3, '--token: is the default one, "secret"'),
    (["-s", "-H", ":8080", "-t", "secret"], 3, '--token: is the default one, "secret"'),
    (["-s", "-H", "example.org:8080"], 3, '--token: is the default one, "secret"'),
    ([*REAL, "-H", "8080"], 3, "command line: --http-listen-address: expected an address like 127.0.0.1:8080"),
    ([*REAL, "-S", "0.0.0.0:3000"], 3, "--server-listen-address: 0.0.0.0:3000 is open to other machines"),
    ([*REAL, "-S", ":3000"], 3, "say allow-insecure-relays=true"),
    ([*REAL, "-i", "127.0.0.1:8086"], 3, "command line: --influx-address: expected a URL like http://127.0.0.1:8086"),
    ([*REAL, "-i", "http://u:%zz@127.0.0.1:8086"], 3, "--influx-address: user or password are not percent-encoded"),
    ([*REAL, "-k", "127.0.0.1:9092"], 3, "command line: --kapacitor-address: expected a URL"),
    ([*REAL, "-k", "http://u:%zz@127.0.0.1:9092"], 3, "--kapacitor-address: user or password are not percent-encoded"),
    ([*REAL, "-m", "127.0.0.1:1445"], 3, "command line: --mist-address: expected redis://host:port"),
    ([*REAL, "--cert-file", "a"], 3, "--cert-file: cert-file and key-file go together; key-file is missing"),
    ([*REAL, "--cert-file=a", "--key-file=b"], 3, "say insecure=false (-I=false) for HTTPS"),
    ([*REAL, "-c", "not/there.json"], 3, "not/there.json: cannot be read: No such file or directory"),
]


@pytest.mark.parametrize("args, status, text", REFUSED, ids=[" ".join(r[0])[-60:] for r in REFUSED])
def test_what_cannot_be_meant_is_refused(args, status, text):
    p = run(*args)
    assert p.returncode == status, p.stderr
    assert text in p.stderr


def test_a_credential_is_never_shown():
    for args in (["-i", "http://u:hunter2%zz@h:1"], ["-i", "ftp://u:hunter2@h"], ["-m", "redis://:hunter2@h:x"], ["-t", "hunter2", "-a0"]):
        p = run("-s", "-a", "0", *args)
        assert p.returncode == 3
        assert "hunter2" not in p.stderr + p.stdout


def test_without_server_the_help_is_printed(write):
    for args in (["-p5"], ["-c", write({"token": "x"})], ["-c", write({"server": True}, "on.json"), "-s=false"]):
        p = run(*args)
        assert p.returncode == 2
        assert "--server-listen-address" in p.stdout


def test_help_and_version():
    p = run("-s", "--help")
    assert p.returncode == 0
    for flag in ("-s, --server", "-S, --server-listen-address", "-H, --http-listen-address", "-i, --influx-address", "-k, --kapacitor-address",
                 "-m, --mist-address", "-M, --mist-token", "-l, --log-level", "-C, --cors-allow", "-I, --insecure", "-t, --token",
                 "-p, --poll-interval", "-a, --aggregate-interval", "-b, --beat-interval", "-r, --retention", "-c, --config-file",
                 "-v, --version", "-h, --help"):
        assert flag in p.stdout
    p = run("--version")
    assert p.returncode == 0 and p.stdout.startswith("pulseline ")


# --- files ---

FILES = [
    ("pulse.toml", 'token = "x"\n', "configurations in toml are not read here"),
    ("pulse.hcl", 'token = "x"\n', "configurations in hcl are not read here"),
    ("pulse.properties", "token=x\n", "configurations in properties are not read here"),
    ("pulse.conf", "token: x\n", "call it .json, .yml or .yaml"),
    ("pulse", "token: x\n", "call it .json, .yml or .yaml"),
    ("pulse.json", '{"token": "x",}', "pulse.json:1:15:"),
    ("pulse.yml", "token: [a\n", "pulse.yml:2:1: not valid YAML"),
    ("pulse.yml", "token: x\npoll-interval: often\n", "pulse.yml:2:16: poll-interval: expected a whole number"),
    ("pulse.yml", "token: x\npoll-interval: 1.5\n", "pulse.yml:2:16: poll-interval: expected a whole number"),
    ("pulse.yml", "token: x\npoll-interval: -3\n", "pulse.yml:2:16: poll-interval: -3 is out of range"),
    ("pulse.yml", "token: x\ninsecure: perhaps\n", "pulse.yml:2:11: insecure: expected true or false"),
    ("pulse.yml", "token: {a: b}\n", "token: expected a single value"),
    ("pulse.yml", "token: x\nTOKEN: y\n", "pulse.yml:2:8: token: stands twice"),
    ("pulse.yml", "token: x\nhttp-listen-address: here\n", "pulse.yml:2:22: http-listen-address: expected an address"),
    ("pulse.yml", "token: x\ninflux-address: here\n", "pulse.yml:2:17: influx-address: expected a URL"),
    ("pulse.yml", "server: {http: {}}\ntoken: x\n", "pulse.yml:2:1: token is a key of pulse's configuration, but server on line 1"),
    ("pulse.yml", "poll-interval: 5\nserver: true\noutputs: []\n", "outputs is a key of our own configuration, but poll-interval on line 1"),
]


@pytest.mark.parametrize("name, text, wrong", FILES, ids=[f"{n}-{w[-40:]}" for n, _, w in FILES])
def test_a_file_that_is_not_right(write, name, text, wrong):
    path = write(text, name)
    for args in (["-s", "-c", path], ["check", "config", path]):
        p = run(*args)
        assert p.returncode == 3, p.stderr
        assert wrong in p.stderr


def test_flags_of_pulse_do_not_go_with_a_file_of_ours(write):
    p = run("-s", "-c", write("outputs: [{file: {path: '-'}}]\n", "ours.yml"))
    assert p.returncode == 3
    assert "ours.yml: holds our own configuration, but --server is a flag of pulse" in p.stderr


@pytest.mark.parametrize("name", ["pulse.json", "pulse.yml", "pulse.yaml", "PULSE.JSON"])
def test_formats_by_ending(write, name):
    document, said = converted("-c", write({"token": "x", "poll-interval": 7}, name))
    assert document["server"]["relay"]["poll_interval"] == "7s"
    assert said == ""


def test_defaults_are_pulses():
    document, said = converted()
    assert document == {
        "server": {"http": {"listen": "127.0.0.1:8080", "token": "secret", "cors_allow": "*"},
                   "relay": {"listen": "127.0.0.1:3000", "poll_interval": "60s", "beat_interval": "30s",
                             "influx": {"database": "statistics", "retention_policy": "one_day"}}},
        "log": {"level": "info"},
        "outputs": [{"influxdb": {"url": "http://127.0.0.1:8086", "database": "statistics",
                                  "provision": {"pulse_aggregates": True, "aggregate_interval": "15m", "aggregate_retention": "1w"}}}],
    }
    assert 'warning: is the default one, "secret"' in said


def test_flag_over_file_over_default(write):
    path = write({"TOKEN": "of the file", "Poll-Interval": "7", "retention": 3.0, "insecure": "false", "beat-interval": None})
    document, _ = converted("-c", path, "-p=9", "-p", "8", "-i", "http://us%20er:p%40ss@h:1/")
    assert document["server"]["http"]["token"] == "of the file"
    assert document["server"]["http"]["self_signed"] is True
    assert document["server"]["relay"]["poll_interval"] == "8s"
    assert document["server"]["relay"]["beat_interval"] == "30s"
    influx = document["outputs"][0]["influxdb"]
    assert influx["provision"]["aggregate_retention"] == "3w"
    assert (influx["username"], influx["password"], influx["url"]) == ("us er", "p@ss", "http://h:1/")


REPAIRED = [
    (["-r", "0"], ["outputs", 0, "influxdb", "provision", "aggregate_retention"], "1w", "--retention: warning: bad value 0, resetting to 1"),
    (["-r", "-4"], ["outputs", 0, "influxdb", "provision", "aggregate_retention"], "1w", "bad value -4, resetting to 1"),
    (["-b", "0"], ["server", "relay", "beat_interval"], "30s", "--beat-interval: warning: bad value 0, resetting to 30"),
    (["-b", "1"], ["server", "relay", "beat_interval"], "2s", "bad value 1, resetting to 2"),
    (["-p", "0"], ["server", "relay", "poll_interval"], "60s", "--poll-interval: warning: bad value 0, resetting to 60"),
    (["-l", "loud"], ["log", "level"], "debug", '--log-level: warning: "loud" is none of TRACE'),
    (["-M", "x"], ["log", "level"], "info", "--mist-token: warning: has no effect without mist-address"),
    (["-S", ":3000", "--allow-insecure-relays"], ["server", "relay", "allow_insecure"], True, "warning: :3000 is open to other machines"),
]


@pytest.mark.parametrize("args, where, value, warning", REPAIRED, ids=[" ".join(r[0]) for r in REPAIRED])
def test_what_is_repaired_or_warned_of(args, where, value, warning):
    document, said = converted("-t", "x", *args)
    for step in where:
        document = document[step]
    assert document == value
    assert warning in said


def test_kapacitors_address_provisions_alerts(write):
    where = {"database": "statistics", "retention_policy": "one_day"}
    document, said = converted("-t", "x", "-k", "http://h:9092")
    assert document["kapacitor"] == {"url": "http://h:9092", **where} and said == ""
    assert document["state"]["dir"].endswith("/pulseline") or document["state"]["dir"] == os.environ.get("STATE_DIRECTORY")
    path = write({"token": "x", "kapacitor-address": "https://us%20er:p%40ss@h:9092/"})
    document, said = converted("-c", path)
    assert document["kapacitor"] == {"url": "https://h:9092/", "basic_auth": {"username": "us er", "password": "p@ss"}, **where}
    assert said == ""


@pytest.mark.parametrize("name, level", [("TRACE", "debug"), ("Debug", "debug"), ("INFO", "info"), ("warn", "warn"), ("Error", "error"),
                                         ("FATAL", "error")])
def test_log_levels_by_pulses_names(name, level):
    document, said = converted("-t", "x", "-l", name)
    assert document["log"]["level"] == level and said == ""


def test_no_variables_are_expanded(write):
    token = "$HOME ${HOME} $$ \" \\ \t \u00e9\u2028\U0001f600"
    path = write({"token": token})
    document, _ = converted("-c", path)
    assert document["server"]["http"]["token"].replace("$$", "$") == token


def test_an_unknown_key_is_told_and_ignored(write):
    _, said = converted("-c", write({"token": "x", "polll-interval": 5, "other": [1]}))
    assert "pulse.json:1:16: polll-interval: warning: no key of pulse, which ignores it too; did you mean poll-interval?" in said
    assert "other: warning: no key of pulse" in said


def test_what_is_converted_is_the_same_configuration(write, tmp_path):
    path = write({"token": "x$y", "server": True, "poll-interval": 5, "insecure": False, "influx-address": "http://u:p@h:1"})
    ours = tmp_path / "ours.yml"
    ours.write_text(run("convert", "config", "-c", path).stdout)

    def effective(file):
        p = run("check", "config", "--print-config", file)
        assert p.returncode == 0, p.stderr
        return yaml.safe_load(p.stdout)

    assert effective(path) == effective(ours)
    p = run("check", "config", "--json", path)
    assert json.loads(p.stdout) == {"file": str(path), "ok": True, "jobs": 0, "outputs": 1}


def test_redis_takes_the_place_of_mist():
    document, said = converted("-t", "x", "-m", "redis://127.0.0.1:6379/3", "-M", "pass")
    assert document["outputs"][1] == {"redis": {"url": "redis://127.0.0.1:6379/3", "password": "pass"}}
    assert said == ""
    p = run("convert", "config", "-t", "x", "-m", "redis://127.0.0.1:none")
    assert p.returncode == 3 and "command line: --mist-address: " in p.stderr


def test_our_own_configuration_goes_as_ever(write):
    ours = write("log: {level: loud}\n", "ours.yml")
    p = run("-c", ours)
    assert p.returncode == 3 and "ours.yml:1:14: log.level: " in p.stderr
    fine = write("outputs: [{file: {path: '-'}}]\n", "fine.yml")
    p = run("-c", fine, "-l", "trace")
    assert p.returncode == 2 and "expected debug, info, warn or error" in p.stderr
    p = run("-c", fine, "word")
    assert p.returncode == 2 and 'unexpected argument "word"' in p.stderr


# --- the daemon ---

class Pulse(Daemon):
    """Started as pulse; `scheme` for its HTTP."""

    def __init__(self, folder):
        super().__init__(folder)
        self.relay_port, self.scheme = free_port(), "http"

    def start_as_pulse(self, *flags, ready=True):
        self.spawn([BINARY, "-s", "-H", f"127.0.0.1:{self.port}", "-S", f"127.0.0.1:{self.relay_port}", *flags],
                   env={"STATE_DIRECTORY": str(self.folder / "state")})
        if ready:
            self.wait_ready()
        return self

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


@pytest.fixture
def pulse(tmp_path):
    d = Pulse(tmp_path / "pulse")
    yield d
    if d.p is not None:
        status = d.end()
        d.check_log()
        assert status == d.expected_exit, d.log()[-4000:]


def ask(pulse, path, token):
    return requests.get(pulse.url(path), headers={"X-AUTH-TOKEN": token} if token else {}, timeout=PATIENCE)


def test_a_relay_is_polled_and_its_value_read(pulse, tmp_path):
    from relays import Relay

    influxd = Influxd(tmp_path / "influxd")
    try:
        pulse.start_as_pulse("-i", influxd.url, "-t", "mine", "-p", "1", "-r", "2", "-C", "http://page.example")
        influxd.start()  # which is not there yet when pulse's place is taken
        wait_until(lambda: "statistics" in influxd.databases(), "the database is made")

        def policies():
            rows = influxd.query("SHOW RETENTION POLICIES ON statistics")[0]["values"]
            return {row[0]: (row[1], row[4]) for row in rows}

        wait_until(lambda: policies().get("one_week") == ("336h0m0s", False) and policies()["one_day"][1], "the policies are made")
        with Relay(pulse.relay_port, "host1") as relay:
            relay.say("add cpu_used:service:web1")
            assert relay.line_of("get") == "get cpu_used"
            relay.say("got cpu_used-cpu_used:0.2500")
            wait_until(lambda: influxd.query('SELECT cpu_used FROM one_day.cpu_used GROUP BY *', "statistics"), "the point is stored")
            series = influxd.query('SELECT cpu_used FROM one_day.cpu_used GROUP BY *', "statistics")[0]
            assert series["tags"] == {"host": "host1", "service": "web1"} and series["values"][0][1] == 0.25
            assert ask(pulse, "/latest/cpu_used", None).status_code == 401
            assert ask(pulse, "/latest/cpu_used", "secret").status_code == 401
            keys = wait_until(lambda: ask(pulse, "/keys", "mine"), "the API answers")
            assert keys.status_code == 200 and "cpu_used" in keys.json()

            def found():  # two poll intervals long
                relay.say("got cpu_used-cpu_used:0.2500")
                answer = ask(pulse, "/latest/cpu_used", "mine")
                return answer if answer.status_code == 200 else None

            latest = wait_until(found, "the latest value is found")
            assert latest.headers["Access-Control-Allow-Origin"] == "http://page.example"
            assert latest.json()["value"] == 0.25
    finally:
        pulse.end()
        influxd.end()


def test_https_with_a_certificate_of_its_own(pulse):
    pulse.start_as_pulse("-I=false", "-t", "mine", "-i", "http://127.0.0.1:9", ready=False)

    def certificate_shown():
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", pulse.port)))

    shown = hashlib.sha256(wait_until(certificate_shown, "HTTPS is spoken")).hexdigest().upper()
    assert re.search(r'sha256="?([0-9A-F:]+)', pulse.log())[1].replace(":", "") == shown
    pem = pulse.folder / "shown.pem"
    pem.write_text(ssl.get_server_certificate(("127.0.0.1", pulse.port)))
    answer = requests.get(f"https://localhost:{pulse.port}/ping", headers={"X-AUTH-TOKEN": "mine"}, verify=str(pem), timeout=PATIENCE)
    assert answer.status_code == 200
    assert requests.get(pulse.url("/ping"), timeout=PATIENCE).status_code == 400


def test_https_with_a_given_certificate(pulse):
    cert, key = certificate(pulse.folder)
    pulse.start_as_pulse("-I=false", "--cert-file", os.path.relpath(cert, pulse.folder), "--key-file", os.path.relpath(key, pulse.folder),
                         "-t", "mine", "-i", "http://127.0.0.1:9", ready=False)
    wait_until(lambda: ssl.get_server_certificate(("127.0.0.1", pulse.port)), "HTTPS is spoken")
    assert "certificate made at this start" not in pulse.log()


def test_hup_reads_the_file_again(pulse):
    path = pulse.folder / "pulse.json"
    path.write_text(json.dumps({"token": "one", "influx-address": "http://127.0.0.1:9"}))
    pulse.start_as_pulse("-c", path, "-C", "flag.example")
    assert ask(pulse, "/ping", "one").status_code == 200
    path.write_text(json.dumps({"token": "two", "influx-address": "http://127.0.0.1:9", "cors-allow": "file.example"}))
    pulse.hup()
    wait_until(lambda: ask(pulse, "/ping", "two").status_code == 200, "the new token counts")
    assert ask(pulse, "/ping", "one").status_code == 401
    assert ask(pulse, "/latest/x", "two").headers["Access-Control-Allow-Origin"] == "flag.example"
    path.write_text(json.dumps({"token": "", "influx-address": "http://127.0.0.1:9"}))
    pulse.hup()
    wait_until(lambda: "token: must not be empty" in pulse.log(), "the refusal is told")
    assert ask(pulse, "/ping", "two").status_code == 200
    path.write_text(json.dumps({"token": "four", "server": True, "log": {"level": "debug"}}))
    pulse.hup()
    wait_until(lambda: "is a key of our own configuration" in pulse.log(), "the mixture is told")
    assert ask(pulse, "/ping", "two").status_code == 200


def test_the_file_alone_makes_it_a_server(pulse):
    path = pulse.folder / "pulse.yml"
    path.write_text(f"SERVER: true\ninflux-address: http://127.0.0.1:9\nhttp-listen-address: 127.0.0.1:{pulse.port}\n"
                    f"server-listen-address: 127.0.0.1:{pulse.relay_port}\n")
    pulse.spawn([BINARY, "run", "-c", path])
    pulse.wait_ready()
    assert ask(pulse, "/ping", "secret").status_code == 200
    assert 'is the default one' in pulse.log()


@pytest.mark.parametrize("which", ["-H", "-S"])
def test_an_address_in_use(pulse, tmp_path, which):
    pulse.start_as_pulse("-t", "x", "-i", "http://127.0.0.1:9")
    taken = {"-H": pulse.port, "-S": pulse.relay_port}[which]
    other = Process(tmp_path / "other", "other")
    flags = {"-H": f"127.0.0.1:{free_port()}", "-S": f"127.0.0.1:{free_port()}", which: f"127.0.0.1:{taken}"}
    other.spawn([BINARY, "-s", "-t", "x", *[word for flag in flags.items() for word in flag]])
    assert other.p.wait(PATIENCE) == 4, other.log()
