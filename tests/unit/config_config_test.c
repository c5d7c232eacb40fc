#include "config_harness.h"

#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"

enum { OUTPUT = 2, DISCOVERY = 1, NOTIFIER = 3 };

struct group {
	struct pl_strings targets;
	struct pl_labels labels;
};

static const struct pl_field group_fields[] = {
    {.key = "targets", .type = PL_FIELD_STRINGS, .offset = offsetof(struct group, targets), .flags = PL_FIELD_REQUIRED},
    {.key = "labels", .type = PL_FIELD_LABELS, .offset = offsetof(struct group, labels)},
    {0},
};
static const struct pl_schema group_schema = {.name = "group", .size = sizeof(struct group), .fields = group_fields};

struct local {
	const char *path;
	struct pl_secret password;
};

static const struct pl_field local_fields[] = {
    {.key = "path", .type = PL_FIELD_PATH, .offset = offsetof(struct local, path), .fallback = "pulseline.db"},
    {.key = "password", .type = PL_FIELD_SECRET, .offset = offsetof(struct local, password)},
    {0},
};
static const struct pl_schema local_schema = {.name = "local", .size = sizeof(struct local), .fields = local_fields};

static const char a_plugin[] = "plugin";

static const void *find(int kind, const char *name, const struct pl_schema **schema)
{
	*schema = kind == OUTPUT ? &local_schema : &group_schema;
	return strcmp(name, kind == OUTPUT ? "local" : "static_configs") == 0 ? a_plugin : NULL;
}

static const char *nth_name(int kind, size_t nth)
{
	return nth > 0 ? NULL : kind == OUTPUT ? "local" : "static_configs";
}

static const struct pl_config_plugins plugins = {find, nth_name, OUTPUT, DISCOVERY, NOTIFIER};

/* The snapshot of a text that is right. */
static struct pl_config *parse(const char *text)
{
	struct pl_problems problems = {0};
	struct pl_config *config;
	enum pl_err err = pl_config_parse("/etc/pulseline.yml", pl_str_of(text), &plugins, &problems, &config);
	expect_problems(text, &problems, "");
	assert_int_equal(err, PL_OK);
	return config;
}

static void gives_defaults(void **state)
{
	(void)state;
	struct pl_config *c = parse("");
	assert_int_equal(c->global.scrape_interval, 15 * PL_NS_PER_S);
	assert_int_equal(c->global.scrape_timeout, 10 * PL_NS_PER_S);
	assert_int_equal(c->global.body_size_limit, 256 << 20);
	assert_int_equal(c->global.sample_limit, 0);
	assert_string_equal(c->server.http.listen, "127.0.0.1:8080");
	assert_string_equal(c->server.http.cors_allow, "*");
	assert_false(pl_secret_given(&c->server.http.token));
	assert_null(c->server.http.cert_file);
	assert_int_equal(c->log.level, PL_LOG_INFO);
	assert_int_equal(c->log.format, PL_LOG_LOGFMT);
	assert_int_equal(c->queue.memory_bytes, 32 << 20);
	assert_int_equal(c->queue.policy, 0);
	assert_null(c->queue.dir);
	assert_int_equal(c->queue.max_bytes, 1 << 30);
	assert_int_equal(c->queue.sync, 1);
	assert_int_equal(c->workers, 0);
	assert_int_equal(c->jobs.n, 0);
	assert_int_equal(c->outputs.n, 1);
	assert_string_equal(c->outputs.v[0].kind, "local");
	assert_ptr_equal(c->outputs.v[0].plugin, a_plugin);
	assert_string_equal(((const struct local *)c->outputs.v[0].config)->path, "/etc/pulseline.db");
	assert_string_equal(c->path, "/etc/pulseline.yml");
	assert_string_equal(c->base_dir, "/etc");
	pl_config_release(c);
	pl_config_release(NULL);
}

static void gives_a_job_prometheus_defaults(void **state)
{
	(void)state;
	struct pl_config *c = parse("global: {external_labels: {dc: eu1}}\n"
				    "scrape_configs: [{job_name: j, static_configs: [{targets: [a]}, {targets: [b]}]}]");
	const struct pl_job *j = pl_config_job(c, 0);
	assert_string_equal(j->name, "j");
	assert_string_equal(j->metrics_path, "/metrics");
	assert_int_equal(j->scheme, PL_SCHEME_HTTP);
	assert_false(j->honor_labels);
	assert_true(j->honor_timestamps);
	assert_true(j->client.follow_redirects);
	assert_true(j->client.enable_compression);
	assert_null(j->client.basic_auth);
	assert_int_equal(j->max_line, 1 << 20);
	assert_string_equal(j->influx.database, "");
	assert_int_equal(j->discovery.n, 2);
	assert_string_equal(j->discovery.v[1].kind, "static_configs");
	assert_string_equal(((const struct group *)j->discovery.v[1].config)->targets.v[0], "b");
	assert_int_equal(j->external_labels.n, 1);
	pl_config_release(c);
}

static void inherits_from_global(void **state)
{
	(void)state;
	static const struct {
		const char *global, *job;
		int64_t interval_s, timeout_s, body_mib, samples;
	} cases[] = {
	    {"", "", 15, 10, 256, 0},
	    {"scrape_interval: 5s", "", 5, 5, 256, 0}, /* the timeout is never above the interval */
	    {"scrape_interval: 1m", "", 60, 10, 256, 0},
	    {"scrape_interval: 1m, scrape_timeout: 30s", "", 60, 30, 256, 0},
	    {"scrape_interval: 1m, scrape_timeout: 30s", "scrape_interval: 20s", 20, 20, 256, 0},
	    {"scrape_interval: 1m, scrape_timeout: 30s", "scrape_timeout: 45s", 60, 45, 256, 0},
	    {"", "scrape_interval: 30s, scrape_timeout: 30s", 30, 30, 256, 0},
	    {"body_size_limit: 0, sample_limit: 7", "", 15, 10, 0, 7},
	    {"body_size_limit: 3MB, sample_limit: 7", "body_size_limit: 2MB, sample_limit: 8", 15, 10, 2, 8},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf text = {0};
		pl_buf_addf(&text, "{global: {%s}, scrape_configs: [{job_name: j, %s}]}", cases[i].global, cases[i].job);
		struct pl_config *c = parse(pl_buf_cstr(&text));
		const struct pl_job *j = pl_config_job(c, 0);
		assert_int_equal(j->scrape_interval, cases[i].interval_s * PL_NS_PER_S);
		assert_int_equal(j->scrape_timeout, cases[i].timeout_s * PL_NS_PER_S);
		assert_int_equal(j->body_size_limit, cases[i].body_mib << 20);
		assert_int_equal(j->sample_limit, cases[i].samples);
		pl_config_release(c);
		pl_buf_finish(&text);
	}
}

#define JOB(KEYS) "scrape_configs: [{job_name: j, " KEYS "}]"

static void says_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text, *problems;
	} cases[] = {
	    {"[]", "f.yml:1:1: expected a mapping (key: value), found a list\n"},
	    {"a: [", "f.yml:2:1: not valid YAML: did not find expected node content (while parsing a flow node, line 2)\n"},
	    {"scrape_config: []", "f.yml:1:1: scrape_config: unknown key (did you mean \"scrape_configs\"?)\n"},
	    {"a: 1\na: 1\n", "f.yml:2:1: duplicate key \"a\" (first on line 1)\n"},
	    {"global: {scrape_interval: 15x}", "f.yml:1:27: global.scrape_interval: expected a duration like 500ms, 15s, 5m, "
					       "1h30m or 7d (units y w d h m s ms, the "
					       "largest first), found \"15x\"\n"},
	    {"global: {scrape_timeout: 16s}", "f.yml:1:26: global.scrape_timeout: is above scrape_interval, which is 15s\n"},
	    {"rule_files: [a]\nremote_write: [{}]\n",
	     "f.yml:1:1: rule_files: rules are not evaluated here; write them as alerts:, which become tasks of Kapacitor\n"
	     "f.yml:2:1: remote_write: remote write is not spoken here; list InfluxDB in outputs: - influxdb: {url: ..., "
	     "database: "
	     "...}\n"},
	    {"kapacitor: {}", "f.yml:1:12: kapacitor: the key \"url\" is missing\n"},
	    {"server: {relay: {}, statsd: {}}", "f.yml:1:21: server.statsd: statsd arrives in a later version\n"},
	    {"server: {relay: {listen: ':3000'}}",
	     "f.yml:1:26: server.relay.listen: lets other machines in, any of which could speak for any host; set token_file, or "
	     "client_ca_file with cert_file and key_file, or allow_insecure: true if that is meant\n"},
	    {"server: {relay: {listen: '10.0.0.1:3000', cert_file: a, key_file: b}}",
	     "f.yml:1:26: server.relay.listen: lets other machines in, any of which could speak for any host; set token_file, or "
	     "client_ca_file with cert_file and key_file, or allow_insecure: true if that is meant\n"},
	    {"server: {relay: {client_ca_file: a, beat_interval: 2500ms, token: ''}}",
	     "f.yml:1:34: server.relay.client_ca_file: needs cert_file and key_file, as certificates of relays are seen over TLS "
	     "only\n"
	     "f.yml:1:52: server.relay.beat_interval: must be whole seconds: relays are told no others\n"
	     "f.yml:1:67: server.relay.token: must not be empty; leave the key out to let everybody in\n"},
	    {"server: {relay: {beat_interval: 1s, overrides: {a-b: {interval: 1s}}}}",
	     "f.yml:1:33: server.relay.beat_interval: 1s is out of range; allowed: 2s to 1d\n"
	     "f.yml:1:48: server.relay.overrides: no collector can be called \"a-b\": `:`, `,`, `-` and line breaks end a "
	     "name\n"},
	    {"server: {http: {cert_file: a}}",
	     "f.yml:1:28: server.http.cert_file: cert_file and key_file go together; key_file is missing\n"},
	    {"server: {http: {token: ''}}",
	     "f.yml:1:24: server.http.token: must not be empty; leave the key out to let everybody in\n"},
	    {"queue: {dir: '', policy: oldest}",
	     "f.yml:1:14: queue.dir: must not be empty\n"
	     "f.yml:1:26: queue.policy: expected drop_oldest or drop_newest, found \"oldest\" (did you mean \"drop_oldest\"?)\n"},
	    {"workers: 257", "f.yml:1:10: workers: 257 is out of range; allowed: 0 to 256\n"},
	    {"log: {level: warning}", "f.yml:1:14: log.level: expected debug, info, warn or error, found \"warning\"\n"},
	    {"outputs: []", "f.yml:1:10: outputs: must not be empty; leave it out for the default\n"},
	    {"outputs: [loca: {}]", "f.yml:1:11: outputs[0].loca: unknown kind (did you mean \"local\"?)\n"},
	    {"scrape_configs: [{}]", "f.yml:1:18: scrape_configs[0]: the key \"job_name\" is missing\n"},
	    {"scrape_configs: [{job_name: ''}]", "f.yml:1:29: scrape_configs[0].job_name: must not be empty\n"},
	    {"scrape_configs:\n- job_name: b\n- job_name: a\n- job_name: b\n- job_name: b\n",
	     "f.yml:4:13: scrape_configs[2].job_name: another job is called \"b\" (line 2); names must differ\n"
	     "f.yml:5:13: scrape_configs[3].job_name: another job is called \"b\" (line 2); names must differ\n"},
	    {JOB("scrape_timeout: 20s"),
	     "f.yml:1:48: scrape_configs[0].scrape_timeout: 20s is above scrape_interval, which is 15s (from "
	     "global)\n"},
	    {JOB("scrape_interval: 5s, scrape_timeout: 6s"),
	     "f.yml:1:69: scrape_configs[0].scrape_timeout: 6s is above scrape_interval, which is 5s\n"},
	    {JOB("scrape_interval: 5, scrape_timeout: 60s"),
	     "f.yml:1:49: scrape_configs[0].scrape_interval: expected a duration like 5s, found \"5\" without a unit\n"},
	    {JOB("scrape_interval: 0s"),
	     "f.yml:1:49: scrape_configs[0].scrape_interval: 0s is out of range; allowed: 1ms to 365d\n"},
	    {JOB("metrics_path: metrics"), "f.yml:1:46: scrape_configs[0].metrics_path: must begin with /\n"},
	    {JOB("metrics_path: '/a?b'"),
	     "f.yml:1:46: scrape_configs[0].metrics_path: must not hold ? or #; a query goes into params\n"},
	    {JOB("metrics_path: \"/a\\r\\nX: y\""),
	     "f.yml:1:46: scrape_configs[0].metrics_path: must not hold spaces or control characters\n"},
	    {JOB("scheme: htpps"),
	     "f.yml:1:40: scrape_configs[0].scheme: expected http or https, found \"htpps\" (did you mean \"https\"?)\n"},
	    {JOB("relabel_configs: {action: keep}"),
	     "f.yml:1:49: scrape_configs[0].relabel_configs: expected a list, found a mapping\n"},
	    {JOB("relabel_configs: [{action: keep}, {actoin: drop}]"),
	     "f.yml:1:66: scrape_configs[0].relabel_configs[1].target_label: replace needs a target_label\n"
	     "f.yml:1:67: scrape_configs[0].relabel_configs[1].actoin: unknown key (did you mean \"action\"?)\n"},
	    {JOB("relabel_configs: [{action: dorp}]"),
	     "f.yml:1:59: scrape_configs[0].relabel_configs[0].action: expected replace, keep, drop, keepequal, dropequal, "
	     "hashmod, labelmap, labeldrop, labelkeep, lowercase or uppercase, found \"dorp\" (did you mean \"drop\"?)\n"},
	    {JOB("metric_relabel_configs: [{action: drop, regex: 'a(?=b)'}]"),
	     "f.yml:1:79: scrape_configs[0].metric_relabel_configs[0].regex: look-ahead is not portable: RE2 has none (at "
	     "character 2 of the pattern)\n"},
	    {JOB("influx: {stale: mark}"), "f.yml:1:48: scrape_configs[0].influx.stale: expected none or marker, found \"mark\" "
					   "(did you mean \"marker\"?)\n"},
	    {JOB("relabel_configs: [{action: hashmod, target_label: x}]"),
	     "f.yml:1:50: scrape_configs[0].relabel_configs[0].modulus: hashmod needs a modulus above 0\n"},
	    {JOB("kubernetes_sd_configs: [{}]"), "f.yml:1:32: scrape_configs[0].kubernetes_sd_configs: discovery through "
						 "Kubernetes is not supported; use http_sd_configs, with something that answers "
						 "with the targets, or file_sd_configs\n"},
	    {JOB("static_config: []"),
	     "f.yml:1:32: scrape_configs[0].static_config: unknown key (did you mean \"static_configs\"?)\n"},
	    {JOB("static_configs: [{labels: {}}]"),
	     "f.yml:1:49: scrape_configs[0].static_configs[0]: the key \"targets\" is missing\n"},
	    {JOB("basic_auth: {password: s3cret}"),
	     "f.yml:1:44: scrape_configs[0].basic_auth: the key \"username\" is missing\n"},
	    {JOB("basic_auth: {username: 'a:b', password: s3cret}"),
	     "f.yml:1:55: scrape_configs[0].basic_auth.username: must not hold a colon, which ends the name in HTTP\n"},
	    {JOB("basic_auth: {username: u}, authorization: {credentials: s3cret}, bearer_token: s3cret"),
	     "f.yml:1:74: scrape_configs[0].authorization: only one of basic_auth and authorization may be given\n"
	     "f.yml:1:111: scrape_configs[0].bearer_token: only one of basic_auth and bearer_token may be given\n"},
	    {JOB("authorization: {}"),
	     "f.yml:1:47: scrape_configs[0].authorization: the key \"credentials\" (or \"credentials_file\") is missing\n"},
	    {JOB("authorization: {type: basic, credentials: s3cret}"),
	     "f.yml:1:54: scrape_configs[0].authorization.type: for Basic use basic_auth with username and password\n"},
	    {JOB("authorization: {credentials: \"s3cret\\r\\nX: y\"}"),
	     "f.yml:1:61: scrape_configs[0].authorization.credentials: must not hold control characters\n"},
	    {JOB("bearer_token: \"s3cret\\n\""),
	     "f.yml:1:46: scrape_configs[0].bearer_token: must not hold control characters\n"},
	    {JOB("tls_config: {key_file: k}"),
	     "f.yml:1:55: scrape_configs[0].tls_config.key_file: cert_file and key_file go together; cert_file is missing\n"},
	    {JOB("tls_config: {ca: s3cret}"),
	     "f.yml:1:45: scrape_configs[0].tls_config.ca: certificates in place are not supported; use ca_file\n"},
	    {JOB("tls_config: {min_version: TLS14}"),
	     "f.yml:1:58: scrape_configs[0].tls_config.min_version: expected TLS10, TLS11, "
	     "TLS12 or TLS13, found \"TLS14\" (did you mean \"TLS10\"?)\n"},
	    {JOB("tls_config: {max_version: TLS11}"), "f.yml:1:58: scrape_configs[0].tls_config.max_version: it is below "
						      "min_version, which is TLS12\n"},
	    {JOB("proxy_url: ftp://u:s3cret@h"),
	     "f.yml:1:43: scrape_configs[0].proxy_url: expected a URL like http://proxy:3128: "
	     "it must begin with http://, https:// or socks5://\n"},
	    {JOB("proxy_url: http://u:s3cret@h/x"), "f.yml:1:43: scrape_configs[0].proxy_url: expected a URL like "
						    "http://proxy:3128: behind the host nothing but a port may follow\n"},
	    {JOB("proxy_url: http://u:s3c@ret@h"), "f.yml:1:43: scrape_configs[0].proxy_url: expected a URL like "
						   "http://proxy:3128: an @ within user or password must be written as %40\n"},
	    {JOB("proxy_url: http://u:s3cret@"),
	     "f.yml:1:43: scrape_configs[0].proxy_url: expected a URL like http://proxy:3128: the host is missing\n"},
	    {JOB("proxy_url: http://u:s3cret@h:0x1"), "f.yml:1:43: scrape_configs[0].proxy_url: expected a URL like "
						      "http://proxy:3128: the port must be a number from 0 to 65535\n"},
	    {JOB("no_proxy: h"), "f.yml:1:42: scrape_configs[0].no_proxy: there is no proxy_url beside it\n"},
	    {JOB("oauth2: {client_id: i, client_secret: s3cret}"),
	     "f.yml:1:40: scrape_configs[0].oauth2: the key \"token_url\" is missing\n"},
	    {JOB("oauth2: {client_id: i, token_url: 'http://h'}"),
	     "f.yml:1:40: scrape_configs[0].oauth2: the key \"client_secret\" (or \"client_secret_file\") is missing\n"},
	    {JOB("bearer_token: s3cret, oauth2: {client_id: i, client_secret: s3cret, token_url: 'http://h'}"),
	     "f.yml:1:46: scrape_configs[0].bearer_token: only one of oauth2 and bearer_token may be given\n"},
	    {JOB("bearer_token: '${PULSELINE_TEST_NONE}'"),
	     "f.yml:1:46: scrape_configs[0].bearer_token: the environment variable PULSELINE_TEST_NONE is not set (a default: "
	     "${PULSELINE_TEST_NONE:-value})\n"},
	    {JOB("sample_limit: '${PULSELINE_TEST_SECRET}'"),
	     "f.yml:1:46: scrape_configs[0].sample_limit: expected a whole number, found \"${PULSELINE_TEST_SECRET}\" (which the "
	     "environment turns into something else)\n"},
	};
	assert_int_equal(setenv("PULSELINE_TEST_SECRET", "s3cret", 1), 0);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_problems problems = {0};
		struct pl_config *config;
		assert_int_equal(pl_config_parse("f.yml", pl_str_of(cases[i].text), &plugins, &problems, &config), PL_EPARSE);
		assert_null(config);
		assert_null(strstr(cases[i].problems, "s3cret"));
		expect_problems(cases[i].text, &problems, cases[i].problems);
	}
}

static void numbers_what_changes_a_scrape(void **state)
{
	(void)state;
	static const char base[] = "{scrape_configs: [{job_name: j, static_configs: [{targets: [a]}]}]}";
	static const struct {
		const char *text;
		bool same_job, same_config;
	} cases[] = {
	    {base, true, true},
	    {"# a comment\nscrape_configs:\n- static_configs: [{targets: [a]}]\n  job_name: 'j'\n", true, true},
	    {"{scrape_configs: [{job_name: j, static_configs: [{targets: [a]}], scrape_interval: 15s}]}", true, true},
	    {"{scrape_configs: [{job_name: j, static_configs: [{targets: [b]}]}]}", true, false},
	    {"{log: {level: debug}, scrape_configs: [{job_name: j, static_configs: [{targets: [a]}]}]}", true, false},
	    {"{outputs: [local: {path: x}], scrape_configs: [{job_name: j, static_configs: [{targets: [a]}]}]}", true, false},
	    {"{global: {scrape_interval: 16s}, scrape_configs: [{job_name: j, static_configs: [{targets: [a]}]}]}", false, false},
	    {"{global: {external_labels: {a: b}}, scrape_configs: [{job_name: j, static_configs: [{targets: [a]}]}]}", false,
	     false},
	    {"{scrape_configs: [{job_name: k, static_configs: [{targets: [a]}]}]}", false, false},
	    {"{scrape_configs: [{job_name: j, static_configs: [{targets: [a]}], bearer_token: x}]}", false, false},
	    {"{scrape_configs: [{job_name: j, static_configs: [{targets: [a]}], influx: {database: d}}]}", false, false},
	    {"{scrape_configs: [{job_name: j, static_configs: [{targets: [a]}], line_size_limit: 2KiB}]}", false, false},
	};
	struct pl_config *first = parse(base);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_config *c = parse(cases[i].text);
		bool same_job = pl_config_job(first, 0)->fingerprint == pl_config_job(c, 0)->fingerprint;
		if (same_job != cases[i].same_job || (first->fingerprint == c->fingerprint) != cases[i].same_config)
			fail_msg("%s", cases[i].text);
		pl_config_release(c);
	}
	struct pl_config *one = parse("scrape_configs: [{job_name: j, bearer_token: a}]"),
			 *two = parse("scrape_configs: [{job_name: j, bearer_token: b}]");
	assert_true(pl_config_job(one, 0)->fingerprint != pl_config_job(two, 0)->fingerprint);
	pl_config_release(one);
	pl_config_release(two);
	pl_config_release(first);
}

static void prints_without_secrets(void **state)
{
	(void)state;
	assert_int_equal(setenv("PULSELINE_TEST_SECRET", "s3cret", 1), 0);
	struct pl_config *c = parse("server: {http: {token: '${PULSELINE_TEST_SECRET}'}}\n"
				    "scrape_configs:\n"
				    "- job_name: 'a \"b\" ${PULSELINE_TEST_UNSET:-$}{x}'\n"
				    "  basic_auth: {username: u, password: s3cret}\n"
				    "  params: {q: ['$${x}']}\n"
				    "- {job_name: t, bearer_token_file: /run/token}\n"
				    "outputs: [local: {password: s3cret}, local: {path: /x}]\n");
	struct pl_buf first = {0}, second = {0};
	pl_config_print(c, &first);
	assert_null(strstr(pl_buf_cstr(&first), "s3cret"));
	assert_non_null(strstr(first.p, "    token: <secret>\n"));
	assert_non_null(strstr(first.p, "  - job_name: \"a \\\"b\\\" $${x}\"\n"));
	assert_non_null(strstr(first.p, "      q: [\"$${x}\"]\n"));
	assert_non_null(strstr(first.p, "      password: <secret>\n"));
	assert_non_null(strstr(first.p, "    bearer_token_file: /run/token\n"));
	assert_non_null(
	    strstr(first.p, "outputs:\n  - local:\n      path: /etc/pulseline.db\n      password: <secret>\n  - local:\n"));
	struct pl_config *again = parse(first.p);
	pl_config_print(again, &second);
	assert_string_equal(pl_buf_cstr(&second), first.p);
	pl_config_release(c);
	pl_config_release(again);
	pl_buf_finish(&first);
	pl_buf_finish(&second);
}

static void counts_references(void **state)
{
	(void)state;
	struct pl_config *c = parse("workers: 3");
	assert_ptr_equal(pl_config_share(c), c);
	pl_config_release(c);
	assert_int_equal(c->workers, 3); /* the sanitizer would tell */
	pl_config_release(c);
}

static void loads_files(void **state)
{
	(void)state;
	struct pl_problems problems = {0};
	struct pl_config *c;
	char *name = write_file("workers: 2\n", 11);
	assert_int_equal(pl_config_load(name, &plugins, &problems, &c), PL_OK);
	expect_problems("good file", &problems, "");
	assert_int_equal(c->workers, 2);
	assert_string_equal(c->path, name);
	assert_string_equal(c->base_dir, "/tmp");
	pl_config_release(c);
	unlink(name);
	assert_int_equal(pl_config_load(name, &plugins, &problems, &c), PL_ENOENT);
	assert_null(c);
	struct pl_buf expected = {0};
	pl_buf_addf(&expected, "%s: cannot be read: No such file or directory\n", name);
	expect_problems("no file", &problems, pl_buf_cstr(&expected));
	pl_buf_finish(&expected);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_defaults),
	    cmocka_unit_test(gives_a_job_prometheus_defaults),
	    cmocka_unit_test(inherits_from_global),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(numbers_what_changes_a_scrape),
	    cmocka_unit_test(prints_without_secrets),
	    cmocka_unit_test(counts_references),
	    cmocka_unit_test(loads_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
