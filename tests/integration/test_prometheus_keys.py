"""Every key of Prometheus 3's configuration: taken, taken with a warning, or refused by a message that says what to do instead; and
the mistakes that Prometheus refuses are refused here, with their place."""
import json
import subprocess

import pytest

from daemon import BINARY
from harness import PATIENCE
from test_check_config import check

pytestmark = pytest.mark.sanitized


def verdicts(folder, texts):
    """For each text the lines that `check config --json` says about it, in one call."""
    names = []
    for i, text in enumerate(texts):
        (folder / f"{i}.yml").write_text(text)
        names.append(f"{i}.yml")
    said = {name: [] for name in names}
    p = check("--json", *names, cwd=folder)
    assert p.stderr == "", p.stderr
    for line in p.stdout.splitlines():
        said[json.loads(line)["file"]].append(json.loads(line))
    return [said[name] for name in names]


def expect(folder, rows):
    """rows: (text, None) is taken in silence, (text, ("warning" or "error", words)) says so, once, with its place."""
    wrong = []
    for (text, expected), said in zip(rows, verdicts(folder, [text for text, _ in rows])):
        if expected is None:
            right = [line["ok"] for line in said] == [True] and "warning" not in said[0]
        else:
            kind, words = expected
            told = [line for line in said if kind in line]
            right = len(told) == 1 and words in told[0][kind] and told[0]["line"] > 0 and told[0]["column"] > 0
            right = right and (said[-1].get("jobs") is not None) == (kind == "warning") == (not any("error" in line for line in said))
        if not right:
            wrong.append((text, expected, said))
    assert not wrong, "\n".join(map(str, wrong))


TAKEN = None


def warned(words):
    return "warning", words


def refused(words):
    return "error", words


NO_NATIVE = refused("native histograms are not supported; classic histograms are scraped as they are")
NO_RULES = "rules are not evaluated here; write them as alerts:, which become tasks of Kapacitor"
PROTOCOLS = "OpenMetrics 1.0 and text 0.0.4 are asked for, and whichever comes is read"
CLASSIC = warned("native histograms are not supported, and classic ones are always scraped")

# Keys that both global and a job may have, as text of a flow mapping.
BOTH = [
    ("scrape_interval: 30s", TAKEN), ("scrape_timeout: 5s", TAKEN), ("scrape_interval: 1m30s", TAKEN),
    ("scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0, PrometheusText0.0.4]", warned(PROTOCOLS)),
    ("scrape_protocols: [OpenMetricsText0.0.1, PrometheusText1.0.0]", warned(PROTOCOLS)), ("scrape_protocols: []", TAKEN),
    ("scrape_protocols: [prometheusproto]", refused('found "prometheusproto"')),
    ("scrape_protocols: [OpenMetricsText1.0.0, PrometheusProto, OpenMetricsText1.0.0]", refused("OpenMetricsText1.0.0 stands there twice")),
    ("scrape_protocols: PrometheusText0.0.4", refused("expected a list, found text")),
    ("scrape_failure_log_file: fail.log", warned("failures are in the daemon's log")),
    ("body_size_limit: 10MB", TAKEN), ("body_size_limit: 1GiB", TAKEN), ("body_size_limit: 0", TAKEN), ("body_size_limit: 15KB", TAKEN),
    ("body_size_limit: 100", refused('found "100" without a unit')), ("body_size_limit: 10Q", refused("a size in bytes")),
    ("sample_limit: 1500", TAKEN), ("label_limit: 30", TAKEN), ("label_name_length_limit: 200", TAKEN),
    ("label_value_length_limit: 200", TAKEN), ("target_limit: 35", TAKEN), ("keep_dropped_targets: 10", TAKEN),
    ("sample_limit: -1", refused("out of range")), ("target_limit: x", refused("a whole number")),
    ("metric_name_validation_scheme: utf8", TAKEN), ("metric_name_validation_scheme: legacy", TAKEN),
    ("metric_name_validation_scheme: invalid_scheme", refused("expected utf8 or legacy")),
    ("metric_name_escaping_scheme: underscores", TAKEN), ("metric_name_escaping_scheme: allow-utf-8", warned("has no effect")),
    ("metric_name_escaping_scheme: dots", warned("has no effect")), ("metric_name_escaping_scheme: values", warned("has no effect")),
    ("metric_name_escaping_scheme: hyphens", refused("expected allow-utf-8, underscores, dots or values")),
    ("metric_name_validation_scheme: legacy, metric_name_escaping_scheme: dots", warned("has no effect")),
    ("scrape_native_histograms: true", NO_NATIVE), ("scrape_native_histograms: false", TAKEN),
    ("convert_classic_histograms_to_nhcb: true", NO_NATIVE), ("convert_classic_histograms_to_nhcb: false", TAKEN),
    ("always_scrape_classic_histograms: false", CLASSIC), ("always_scrape_classic_histograms: true", TAKEN),
    ("scrape_classic_histograms: true", TAKEN), ("extra_scrape_metrics: true", warned("has no effect")),
    ("extra_scrape_metrics: false", TAKEN), ("extra_scrape_metrics: maybe", refused("expected true or false")),
]

GLOBAL = [
    ("evaluation_interval: 30s", warned(NO_RULES)), ("rule_query_offset: 1m", warned(NO_RULES)),
    ("query_log_file: query.log", warned("there are no PromQL queries to log")),
    ("external_labels: {monitor: codelab, foo: bar}", TAKEN), ("external_labels: {a: 'x$$y'}", TAKEN),
    ("nonexistent_field: test", refused("unknown key")), ("scrape_timeout: 1h, scrape_interval: 1h", TAKEN),
    ("scrape_timeout: 2h, scrape_interval: 1h", refused("is above scrape_interval, which is 1h")),
]

INSTEAD = refused("is not supported; use http_sd_configs, with something that answers with the targets, or file_sd_configs")
MECHANISMS = ("aws azure consul digitalocean dns docker dockerswarm ec2 eureka gce hetzner ionos kubernetes kuma lightsail linode marathon nerve "
              "nomad oci openstack outscale ovhcloud puppetdb scaleway serverset stackit triton uyuni vultr").split()

JOB = [
    ("honor_labels: true", TAKEN), ("honor_timestamps: false", TAKEN), ("track_timestamps_staleness: false", TAKEN),
    ("track_timestamps_staleness: true", warned("InfluxDB has no staleness markers")), ("metrics_path: /probe", TAKEN),
    ("scheme: https", TAKEN), ("scheme: HTTPS", refused("expected http or https")), ("params: {module: [http_2xx], 'match[]': ['{a=\"b\"}']}", TAKEN),
    ("enable_compression: false", TAKEN), ("follow_redirects: false", TAKEN), ("enable_http2: false", TAKEN),
    ("enable_http2: true", warned("HTTP/2 is not supported, 1.1 is used")),
    ("fallback_scrape_protocol: PrometheusText0.0.4", TAKEN),
    ("fallback_scrape_protocol: OpenMetricsText1.0.0", warned("a page without a known content type is read as text 0.0.4")),
    ("fallback_scrape_protocol: prometheusproto", refused("expected PrometheusProto, ")),
    ("fallback_scrape_protocol: [OpenMetricsText1.0.0]", refused("expected a word, found a list")),
    ("native_histogram_bucket_limit: 160", NO_NATIVE), ("native_histogram_bucket_limit: 0", TAKEN),
    ("native_histogram_min_bucket_factor: 1.1", NO_NATIVE), ("native_histogram_min_bucket_factor: 0", TAKEN),
    ("metric_name_validation_scheme: legacy, metric_name_escaping_scheme: allow-utf-8", ("error", "does not go with")),
    ("basic_auth: {username: u, password: p}", TAKEN), ("basic_auth: {username: u, password_file: f}", TAKEN),
    ("basic_auth: {username: u, username_file: f}", ("error", "write username: ${NAME}")),
    ("authorization: {credentials: c}", TAKEN), ("authorization: {type: Token, credentials_file: f}", TAKEN),
    ("bearer_token: t", TAKEN), ("bearer_token_file: f", TAKEN),
    ("bearer_token: 1234, bearer_token_file: somefile", refused("give either bearer_token or bearer_token_file, not both")),
    ("bearer_token: 1234, basic_auth: {username: user, password: password}", refused("only one of basic_auth and bearer_token")),
    ("oauth2: {client_id: i, client_secret: s, token_url: 'http://h/t', scopes: [a], endpoint_params: {p: v}}", TAKEN),
    ("tls_config: {ca_file: a, cert_file: b, key_file: c, server_name: d, insecure_skip_verify: true, min_version: TLS10, max_version: TLS13}", TAKEN),
    ("tls_config: {ca: x}", refused("use ca_file")), ("tls_config: {cert: x}", refused("use cert_file")), ("tls_config: {key: x}", refused("use key_file")),
    ("proxy_url: 'http://p:3128', no_proxy: '10.0.0.0/8,.internal'", TAKEN), ("proxy_from_environment: false", TAKEN),
    ("proxy_from_environment: true", refused("write proxy_url: ${HTTP_PROXY}")),
    ("proxy_connect_header: {A: [b]}", refused("put user and password for the proxy into proxy_url")),
    ("http_headers: {foo: {values: [foobar], secrets: [bar, foo], files: [f]}}", TAKEN), ("http_headers: {}", TAKEN),
    ("http_headers: {authorization: {values: [x]}}", refused("this header cannot be set; use authorization, basic_auth or oauth2")),
    ("http_headers: {x-prometheus-Remote-Write-Version: {values: [x]}}", refused("this header cannot be set")),
    ("http_headers: {'a b': {values: [x]}}", refused("no name of a header")), ("http_headers: {A: {value: [x]}}", refused('did you mean "values"')),
    ("http_headers: {A: {values: [\"x\\r\\ny\"]}}", refused("must not hold control characters")),
    ("http_headers: {A: {files: ['']}}", refused("must not be empty")),
    ("consult_sd_configs: [{server: 'localhost:1234'}]", refused("unknown key")), ("relabel_configs: []", TAKEN), ("static_configs: []", TAKEN),
    ("file_sd_configs: [{files: ['foo/*.json', 'single/file.yml'], refresh_interval: 10m}]", TAKEN),
    ("http_sd_configs: [{url: 'http://h/', refresh_interval: 1m, basic_auth: {username: u, password: p}}]", TAKEN),
    ("http_sd_configs: [{url: 'http://h/', http_headers: {A: {secrets: [x]}}, follow_redirects: false, enable_http2: false}]", TAKEN),
    ("http_sd_configs: [{url: 'http://h/', enable_http2: true}]", warned("HTTP/2 is not supported")),
    ("http_sd_configs: [{url: invalid}]", refused("it must begin with")), ("http_sd_configs: [{url: 'http://'}]", refused("the host is missing")),
    ("http_sd_configs: [{url: 'ftp://example.com'}]", refused("it must begin with")),
    ("http_sd_configs: [{url: 'http://h', http_headers: {Host: {values: [x]}}}]", refused("this header cannot be set")),
    ("http_sd_configs: [{url: 'http://foo', bearer_token: foo, bearer_token_file: foo}]", refused("not both")),
    ("static_configs: [null]", refused("")), ("static_configs: [{targets: ['http://bad']}]", refused("expected host:port, found a /")),
    ("static_configs: [{targets: ['https://probed/x']}], relabel_configs: [{source_labels: [__address__], target_label: x}]", TAKEN),
    ("scrape_interval: 5s, scrape_timeout: 6s", refused("6s is above scrape_interval, which is 5s")), ("scrape_interval: 5s", TAKEN),
] + [(f"{name}_sd_configs: [{{}}]", INSTEAD) for name in MECHANISMS]

ROOT = [
    ("alerting: {alertmanagers: [{static_configs: [{targets: ['am:9093']}]}]}", warned("write alerts:, which become tasks of Kapacitor")), ("alerting: {}", TAKEN),
    ("rule_files:\n  # - first.rules", TAKEN), ("rule_files: []", TAKEN), ("rule_files: [first.rules]", refused(NO_RULES)),
    ("scrape_config_files: []", TAKEN), ("scrape_config_files: ['more/*.yml']", refused("write the jobs into scrape_configs")),
    ("remote_write: [{url: 'http://h/push'}]", refused("remote write is not spoken here; list InfluxDB in outputs")),
    ("remote_read: [{url: 'http://h/read'}]", refused("remote read is not spoken here; query InfluxDB")),
    ("storage: {tsdb: {out_of_order_time_window: 30m}, exemplars: {max_exemplars: 1}}", warned("the local output's retention")),
    ("tracing: {endpoint: 'h:4317'}", warned("traces are not exported")), ("runtime: {gogc: 42}", warned("there is no garbage collector")),
    ("otlp: {promote_resource_attributes: [a]}", refused("OTLP is not received here")),
    ("scrape_configs:\n  -\n", refused('the key "job_name" is missing')), ("scrape_configs: [{job_name: }]", refused("has no value")),
    ("scrape_configs: [{job_name: ''}]", refused("must not be empty")),
    ("scrape_configs: [{job_name: p}, {job_name: x}, {job_name: p}]", refused('another job is called "p"')),
    ("scrape_configs: [{job_name: a}]\nscrape_configs: [{job_name: b}]", refused("duplicate key")),
    ("global: {external_labels: {!!binary \"/w==\": value}}", refused("a tag that is not supported")),
    ("global: {external_labels: {name: !!binary \"/w==\"}}", refused("a tag that is not supported")),
]

RULES = [
    ("{}", refused("replace needs a target_label")), ("null", refused("replace needs a target_label")),
    ("{action: null}", refused("has no value")), ("{action: ''}", refused("expected replace, ")), ("{action: frob}", refused("expected replace, ")),
    ("{action: Replace, target_label: a}", TAKEN), ("{action: DROP}", TAKEN), ("{action: LabelMap, regex: 'a(.*)'}", TAKEN),
    ("{action: hashMod, target_label: a, modulus: 8}", TAKEN), ("{regex: , replacement: static, target_label: abc}", TAKEN),
    ("{separator: , replacement: , target_label: abc}", TAKEN), ("{target_label: a, regex: 1, replacement: 8080}", TAKEN),
    ("{target_label: a, source_labels: }", TAKEN), ("{target_label: a, source_labels: b}", refused("expected a list of texts")),
    ("{target_label: a.b, source_labels: [utf-8.label]}", TAKEN), ("{action: labelmap, regex: a}", TAKEN),
    ("{regex: 'abc(def'}", refused("replace needs a target_label")), ("{regex: 'abc(def', target_label: a}", refused("missing closing parenthesis")),
    ("{regex: abcdef, action: hashmod}", refused("hashmod needs a modulus above 0")),
    ("{regex: abcdef, action: hashmod, modulus: 8}", refused("hashmod needs a target_label")), ("{regex: abcdef}", refused("needs a target_label")),
    ("{action: keep, modulus: -1}", refused("out of range")),
] + [(f"{{source_labels: [abcdef], action: {a}}}", refused(f"{a} needs a target_label")) for a in ("dropequal", "keepequal", "lowercase", "uppercase")] \
  + [(f"{{source_labels: [abcdef], action: {a}, regex: foo, target_label: bar}}", refused("takes only source_labels and target_label"))
     for a in ("dropequal", "keepequal")] \
  + [(f"{{source_labels: [__name__], action: {a}, target_label: __name__, replacement: bar}}", refused("takes only source_labels, separator"))
     for a in ("lowercase", "uppercase")] \
  + [(f"{{{more}, action: {a}}}", refused(f"{a} takes only regex")) for a in ("labeldrop", "labelkeep")
     for more in ("source_labels: [abcdef]", "target_label: abcdef", "modulus: 8", "separator: ','", "replacement: 'yolo-${1}'")]

LEGACY = [
    ("{target_label: a.b}", refused('"a.b" is no label name')), ("{target_label: a, source_labels: [b-c]}", refused('"b-c" is no label name')),
    ("{target_label: 'label${1}'}", TAKEN), ("{action: lowercase, target_label: '${3}'}", refused("is no label name")),
    ("{action: labelmap, replacement: '-$1'}", refused("makes no label name")), ("{target_label: a}", TAKEN),
]


def in_job(keys):
    static = "" if "static_configs" in keys else ", static_configs: [{targets: ['h:1']}]"
    return f"scrape_configs: [{{job_name: j, {keys}{static}}}]\n"


def test_keys_of_global_and_of_jobs(tmp_path):
    expect(tmp_path, [(f"global: {{{keys}}}\n", expected) for keys, expected in BOTH + GLOBAL])
    expect(tmp_path, [(in_job(keys), expected) for keys, expected in BOTH + JOB])


def test_sections_and_documents(tmp_path):
    expect(tmp_path, [(text + "\n", expected) for text, expected in ROOT])


def test_relabeling_rules(tmp_path):
    expect(tmp_path, [(in_job(f"relabel_configs: [{rule}]"), expected) for rule, expected in RULES])
    expect(tmp_path, [(in_job(f"metric_relabel_configs: [{rule}]"), expected) for rule, expected in RULES])
    expect(tmp_path, [("global: {metric_name_validation_scheme: legacy}\n" + in_job(f"relabel_configs: [{rule}]"), expected) for rule, expected in LEGACY])
    expect(tmp_path, [(in_job(f"metric_name_validation_scheme: utf8, relabel_configs: [{rule}]"), TAKEN) for rule, _ in LEGACY])


def test_the_configuration_that_comes_with_prometheus(tmp_path):
    """Its shape: comments where lists would be, an alerting section that names nobody."""
    (said,) = verdicts(tmp_path, ["""\
global:
  scrape_interval: 15s # the default is 1m
  evaluation_interval: 15s
alerting:
  alertmanagers:
    - static_configs:
        - targets:
          # - alertmanager:9093
rule_files:
  # - "first.yml"
scrape_configs:
  - job_name: "prometheus"
    # metrics_path is /metrics
    static_configs:
      - targets: ["localhost:9090"]
        labels:
          app: "prometheus"
"""])
    assert [(line.get("path"), line["ok"]) for line in said] == [("global.evaluation_interval", True), ("alerting", True), (None, True)]


def test_discovery_files(tmp_path):
    good = ["- targets: ['localhost:9090', 'example.org:443']\n  labels: {foo: bar}\n\n- targets: ['my.domain']\n",
            "- targets: ['example.org:443']\n  labels:\n    scheme: https\n", "[]\n"]
    bad = ["- targets: ['localhost:9090']\n\n- null\n", "- targets: ['localhost:9090']\n  labels: {foo: bar}\n  label: x\n", "- targets: a\n"]
    for i, text in enumerate(good + bad):
        (tmp_path / f"{i}.yml").write_text(text)
        p = subprocess.run([BINARY, "check", "sd", f"{i}.yml"], capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path)
        assert p.returncode == (0 if i < len(good) else 3), p.stderr
        assert p.returncode == 0 or p.stderr.startswith(f"{i}.yml:"), p.stderr


def test_the_daemon_logs_what_has_no_effect(pulseline):
    pulseline.config([{"job_name": "j", "enable_http2": True, "static_configs": []}]).start()
    warning = 'enable_http2: warning: has no effect: HTTP/2 is not supported'
    assert pulseline.log().count(warning) == 1
    assert pulseline.reload().status_code == 200
    assert pulseline.log().count(warning) == 2
