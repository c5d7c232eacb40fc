"""Sections of scrape_configs as installations of Prometheus have them: they load, or the key that is in the way is named."""
import pytest

from test_check_config import check, effective, write  # noqa: F401

pytestmark = pytest.mark.sanitized

LOADS = {
    "node exporters from files": """
global:
  scrape_interval: 30s
  scrape_timeout: 10s
  external_labels: {cluster: prod-eu, replica: '0'}
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ['localhost:9090']
  - job_name: node
    honor_timestamps: true
    scrape_interval: 15s
    file_sd_configs:
      - files:
          - /etc/prometheus/targets/node/*.yml
          - /etc/prometheus/targets/node/*.json
        refresh_interval: 1m
""",
    "TLS and basic auth": """
scrape_configs:
  - job_name: node-tls
    scheme: https
    basic_auth:
      username: prometheus
      password_file: /etc/prometheus/node-password
    tls_config:
      ca_file: /etc/prometheus/ca.crt
      cert_file: /etc/prometheus/client.crt
      key_file: /etc/prometheus/client.key
      server_name: node.internal
      insecure_skip_verify: false
      min_version: TLS13
    follow_redirects: true
    static_configs:
      - targets: ['10.0.0.5:9100', 'db01.internal:9100']
        labels: {env: production, team: dba}
""",
    "bearer tokens": """
scrape_configs:
  - job_name: vault
    metrics_path: /v1/sys/metrics
    params: {format: [prometheus]}
    scheme: https
    bearer_token_file: /etc/prometheus/vault-token
    static_configs: [{targets: ['vault.service:8200']}]
  - job_name: minio
    metrics_path: /minio/v2/metrics/cluster
    authorization:
      type: Bearer
      credentials_file: /etc/prometheus/minio-token
    static_configs: [{targets: ['minio:9000']}]
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params:
      'match[]':
        - '{job="prometheus"}'
        - '{__name__=~"job:.*"}'
    static_configs: [{targets: ['prometheus-a:9090', 'prometheus-b:9090']}]
""",
    "OAuth 2 behind a proxy": """
scrape_configs:
  - job_name: gateway
    scheme: https
    proxy_url: http://proxy.internal:3128
    no_proxy: 10.0.0.0/8,.internal
    oauth2:
      client_id: prometheus
      client_secret_file: /etc/prometheus/oauth2-secret
      token_url: https://login.example.org/realms/ops/protocol/openid-connect/token
      scopes: [metrics.read]
      endpoint_params: {audience: metrics}
      tls_config: {ca_file: /etc/prometheus/login-ca.crt}
    body_size_limit: 20MB
    sample_limit: 50000
    static_configs: [{targets: ['gateway.example.org']}]
""",
    "targets from a URL": """
scrape_configs:
  - job_name: netbox
    http_sd_configs:
      - url: https://netbox.internal/api/plugins/prometheus-sd/devices/
        refresh_interval: 5m
        authorization: {type: Token, credentials_file: /etc/prometheus/netbox-token}
        tls_config: {ca_file: /etc/prometheus/ca.crt}
""",
}

RELABELED = {
    "blackbox": """
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    params: {module: [http_2xx]}
    static_configs:
      - targets: ['https://example.org', 'https://example.com/health']
    relabel_configs:
      - source_labels: [__address__]
        target_label: __param_target
      - source_labels: [__param_target]
        target_label: instance
      - target_label: __address__
        replacement: 127.0.0.1:9115
""",
    "dropping series": """
scrape_configs:
  - job_name: cadvisor
    static_configs: [{targets: ['cadvisor:8080']}]
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: 'container_(tasks_state|memory_failures_total)'
        action: drop
      - regex: 'id|name_.*'
        action: labeldrop
""",
}

INSTEAD = "use http_sd_configs, with something that answers with the targets, or file_sd_configs"
NATIVE = "native histograms are not supported; classic histograms are scraped as they are"
JOB = "scrape_configs: [{job_name: j, static_configs: [{targets: ['h:1']}], %s}]\n"

REFUSED = {
    JOB % "kubernetes_sd_configs: [{role: pod}]": f"discovery through Kubernetes is not supported; {INSTEAD}",
    JOB % "consul_sd_configs: [{server: 'localhost:8500'}]": f"discovery through Consul is not supported; {INSTEAD}",
    JOB % "ec2_sd_configs: [{region: eu-west-1, port: 9100}]": f"discovery through EC2 is not supported; {INSTEAD}",
    JOB % "dns_sd_configs: [{names: [tasks.node]}]": f"discovery through DNS is not supported; {INSTEAD}",
    JOB % "scrape_native_histograms: true": NATIVE,
    JOB % "native_histogram_bucket_limit: 160": NATIVE,
    JOB % "convert_classic_histograms_to_nhcb: true": NATIVE,
    JOB % "proxy_from_environment: true": "write proxy_url: ${HTTP_PROXY}",
    JOB % "tls_config: {ca: '-----BEGIN CERTIFICATE-----'}": "use ca_file",
    JOB % "oauth2: {client_id: i, token_url: 'http://h/', client_secret_ref: r}": "use client_secret_file",
    "remote_write: [{url: 'http://victoria:8428/api/v1/write'}]\n": "remote write is not spoken here; list InfluxDB in outputs",
    "remote_read: [{url: 'http://h/'}]\n": "remote read is not spoken here",
    "outputs: [influxdb: {url: 'http://h', database: d, oauth2: {client_id: i, client_secret: s, token_url: 'http://h'}}]\n":
    "InfluxDB 1.x knows no OAuth 2",
}


@pytest.mark.parametrize("name", LOADS)
def test_it_loads(write, name):  # noqa: F811
    path = write(LOADS[name])
    p = check(path)
    assert p.returncode == 0, p.stderr
    assert effective(path)["scrape_configs"]


@pytest.mark.parametrize("name", RELABELED)
def test_it_loads_with_relabeling(write, name):  # noqa: F811
    p = check(write(RELABELED[name]))
    assert p.returncode == 0, p.stderr


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_supported_is_named(write, text):  # noqa: F811
    p = check(write(text))
    assert p.returncode == 3
    assert REFUSED[text] in p.stderr
    assert len([line for line in p.stderr.splitlines() if line]) == (2 if "client_secret_ref" in text else 1), p.stderr
