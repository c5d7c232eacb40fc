/* kapacitor, alerts, alert_files, notifiers and state as parts of a whole configuration. */
#include "config_harness.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"

enum { OUTPUT = 2, DISCOVERY = 1, NOTIFIER = 3 };

struct mail {
	const char *name, *to;
};

static const struct pl_field mail_fields[] = {
    {.key = "name", .type = PL_FIELD_STRING, .offset = offsetof(struct mail, name)},
    {.key = "to", .type = PL_FIELD_STRING, .offset = offsetof(struct mail, to)},
    {0},
};
static const struct pl_schema mail_schema = {.name = "mail", .size = sizeof(struct mail), .fields = mail_fields};

static const char a_plugin[] = "plugin";

static const void *find(int kind, const char *name, const struct pl_schema **schema)
{
	*schema = kind == NOTIFIER ? &mail_schema : NULL;
	bool output = kind == OUTPUT && (strcmp(name, "local") == 0 || strcmp(name, "influxdb") == 0);
	return output || (kind == NOTIFIER && strcmp(name, "mail") == 0) ? a_plugin : NULL;
}

static const char *nth_name(int kind, size_t nth)
{
	return nth > 0 ? NULL : kind == OUTPUT ? "local" : kind == NOTIFIER ? "mail" : NULL;
}

static const struct pl_config_plugins plugins = {find, nth_name, OUTPUT, DISCOVERY, NOTIFIER};

static char folder[] = "/tmp/pulseline-kapacitor-test-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
}

static struct pl_config *parse(const char *text, const char *said)
{
	char path[256];
	struct pl_problems problems = {0};
	struct pl_buf out = {0}, expected = {0};
	struct pl_config *config;
	snprintf(path, sizeof path, "%s/f.yml", folder);
	enum pl_err err = pl_config_parse(path, pl_str_of(text), &plugins, &problems, &config);
	assert_int_equal(err == PL_OK, problems.n == 0);
	assert_int_equal(err == PL_OK, config != NULL);
	pl_problems_print(&problems, &out);
	for (const char *p = said, *at; *p != '\0'; p = at) { /* @ is the folder */
		at = p + strcspn(p + (*p == '@'), "@") + (*p == '@');
		if (*p == '@')
			pl_buf_addf(&expected, "%s%.*s", folder, (int)(at - p - 1), p + 1);
		else
			pl_buf_add(&expected, p, (size_t)(at - p));
	}
	if (strcmp(pl_buf_cstr(&out), pl_buf_cstr(&expected)) != 0)
		print_error("case: %s\n", text);
	assert_string_equal(pl_buf_cstr(&out), pl_buf_cstr(&expected));
	pl_buf_finish(&out);
	pl_buf_finish(&expected);
	pl_problems_finish(&problems);
	return config;
}

#define K "kapacitor: {url: 'http://k:9092'}\n"

static void gives_defaults(void **state)
{
	(void)state;
	struct pl_config *none = parse("", "");
	assert_null(none->kapacitor);
	assert_null(none->state.dir);
	assert_int_equal(none->alerts.n + none->notifiers.n, 0);
	pl_config_release(none);
	struct pl_config *c = parse(K "state: {dir: st}\n", "");
	const struct pl_kapacitor_config *k = c->kapacitor;
	assert_string_equal(k->url, "http://k:9092");
	assert_true(k->timeout == 5 * PL_NS_PER_S && k->interval == 60 * PL_NS_PER_S);
	assert_string_equal(k->prefix, "pulseline-");
	assert_int_equal(k->drift, PL_DRIFT_REPAIR);
	assert_true(k->webhook_url == NULL && k->database == NULL && k->retention_policy == NULL && k->field == NULL);
	assert_int_equal(k->max_alerts, 10000);
	assert_int_equal(k->proof.way, PL_PROOF_KAPACITOR);
	assert_true(k->proof.interval == 24 * 3600 * PL_NS_PER_S && k->proof.timeout == 120 * PL_NS_PER_S);
	assert_string_equal(k->proof.at, "03:00");
	assert_string_equal(k->proof.database, "pulseline_proof");
	assert_true(k->keep.events > 0 && k->keep.event_age > 0 && k->keep.outbox > 0);
	assert_true(k->keep.outbox_age == 72 * 3600 * PL_NS_PER_S);
	assert_true(strstr(c->state.dir, "/st") != NULL && c->state.dir_mark.line == 2);
	pl_config_release(c);
	c = parse(K "outputs: [influxdb: ]\n", "");
	assert_int_equal(c->kapacitor->proof.way, PL_PROOF_INFLUXDB);
	pl_config_release(c);
	c = parse("kapacitor: {url: 'http://k', proof: {way: off}}\noutputs: [influxdb: ]\n", "");
	assert_int_equal(c->kapacitor->proof.way, PL_PROOF_OFF);
	pl_config_release(c);
}

static void gathers_alerts(void **state)
{
	(void)state;
	put("a/one.yml", "- {id: b, metric: m, threshold: 1, post: 'http://h/'}\n");
	put("a/two.json", "{\"alerts\": [{\"id\": \"c\", \"metric\": \"m\", \"threshold\": 0.5, \"post\": \"http://h/\"}]}");
	put("a/.hidden.yml", "nonsense");
	put("a/other.txt", "nonsense");
	put("none.yml", "[]");
	struct pl_config *c = parse(K "notifiers: [mail: , mail: {name: duty}]\n"
				      "alerts:\n"
				      "  - {id: a, metric: m, threshold: 1, notify: [duty, mail]}\n"
				      "alert_files: [a/*.yml, a/one.yml, a/*.json, a/*.nothing, none.yml]\n",
				    "");
	assert_int_equal(c->alerts.n, 3);
	assert_string_equal(pl_config_alert(c, 0)->id, "a");
	assert_int_equal(pl_config_alert(c, 0)->mark.line, 4);
	assert_string_equal(pl_config_alert(c, 1)->id, "b");
	assert_non_null(strstr(pl_config_alert(c, 1)->mark.file, "/a/one.yml"));
	assert_string_equal(pl_config_alert(c, 2)->id, "c");
	assert_int_equal(c->alert_paths.n, 3);
	assert_string_equal(pl_notifier_section_name(&c->notifiers.v[0]), "mail");
	assert_ptr_equal(pl_config_notifier(c, "duty"), &c->notifiers.v[1]);
	assert_null(pl_config_notifier(c, "nobody"));

	/* What is in force is a configuration again, and the same. */
	struct pl_buf shown = {0}, again = {0};
	pl_config_print(c, &shown);
	struct pl_config *second = parse(pl_buf_cstr(&shown), "");
	pl_config_print(second, &again);
	assert_string_equal(pl_buf_cstr(&again), pl_buf_cstr(&shown));

	/* A changed alert of a file is another configuration. */
	put("a/one.yml", "- {id: b, metric: m, threshold: 2, post: 'http://h/'}\n");
	struct pl_config *third = parse(K "notifiers: [mail: , mail: {name: duty}]\nalert_files: [a/*.yml]\n", "");
	put("a/one.yml", "- {id: b, metric: m, threshold: 3, post: 'http://h/'}\n");
	struct pl_config *fourth = parse(K "notifiers: [mail: , mail: {name: duty}]\nalert_files: [a/*.yml]\n", "");
	assert_int_not_equal(third->fingerprint, fourth->fingerprint);
	pl_config_release(fourth);
	pl_config_release(third);
	pl_config_release(second);
	pl_config_release(c);
	pl_buf_finish(&shown);
	pl_buf_finish(&again);
}

static void refuses(void **state)
{
	(void)state;
	put("a/one.yml",
	    "- {id: b, metric: m, threshold: 1}\n- {id: a, metric: m}\n- {id: d, metric: m, threshold: 1, typo: 1}\n");
	put("empty.yml", "# nothing\n");
	put("key.yml", "alert: []\n");
	put("list.yml", "alerts: 5\n");
	put("bad.json", "[{]");
	put("dup.yml", "alerts:\n  - {id: x, metric: m, threshold: 1}\n");
	static const struct {
		const char *text, *problems;
	} cases[] = {
	    {"kapacitor: {}", "@/f.yml:1:12: kapacitor: the key \"url\" is missing\n"},
	    {"kapacitor: {url: 'k:9092'}",
	     "@/f.yml:1:18: kapacitor.url: expected a URL like http://127.0.0.1:8086: it must begin with http:// or "
	     "https://\n"},
	    {"kapacitor: {url: 'http://k/?a'}",
	     "@/f.yml:1:18: kapacitor.url: must not hold a query; /kapacitor/v1/... is put behind it\n"},
	    {"kapacitor: {url: 'http://k', prefix: a b}",
	     "@/f.yml:1:38: kapacitor.prefix: takes letters, digits and . _ -, at most 64 of them\n"},
	    {"kapacitor: {url: 'http://k', proof: {at: '24:00', interval: 5s}}",
	     "@/f.yml:1:42: kapacitor.proof.at: expected a time of day like 03:00\n"
	     "@/f.yml:1:61: kapacitor.proof.interval: out of range; allowed: 0s, 1m to 1y\n"},
	    {"kapacitor: {url: 'http://k', proof: {at: 3:00}}",
	     "@/f.yml:1:42: kapacitor.proof.at: expected a time of day like 03:00\n"},
	    {"kapacitor: {url: 'http://k', oauth2: {client_id: a, client_secret: b, token_url: 'http://t'}}",
	     "@/f.yml:1:38: kapacitor.oauth2: is not supported for Kapacitor; use basic_auth or authorization\n"},
	    {"kapacitor: {url: 'http://k', drift: keep}",
	     "@/f.yml:1:37: kapacitor.drift: expected repair or report, found \"keep\"\n"},
	    {"kapacitor: {url: 'http://k', notify: [x]}",
	     "@/f.yml:1:38: kapacitor.notify: there is no notifier \"x\"; there are none: list one in notifiers\n"},
	    {"alerts: [{id: a, metric: m, threshold: 1}]",
	     "@/f.yml:1:9: alerts: alerts are watched by Kapacitor: add kapacitor: {url: http://127.0.0.1:9092}\n"},
	    {K "alerts: [{metric: m, threshold: 1}]",
	     "@/f.yml:2:10: alerts[0].id: is missing: an alert that is declared needs one, by which it is known\n"},
	    {K "notifiers: [mail: ]\nalerts: [{id: a, metric: m, threshold: 1, notify: [male]}]",
	     "@/f.yml:3:51: alerts[0].notify: there is no notifier \"male\"; there are: mail\n"},
	    {"notifiers: [mail: , mail: {to: x}]",
	     "@/f.yml:1:27: notifiers[1].mail: another notifier is called \"mail\" (line 1); give each a name of its own\n"},
	    {"notifiers: [mail: {name: post}]",
	     "@/f.yml:1:19: notifiers[0].mail: the name post stands for the URL of an alert; take another\n"},
	    {"notifiers: [mail: {name: a b}]",
	     "@/f.yml:1:19: notifiers[0].mail: its name takes letters, digits and . _ -, at most 64 of them\n"},
	    {"notifiers: [mial: ]", "@/f.yml:1:13: notifiers[0].mial: unknown kind (did you mean \"mail\"?)\n"},
	    {K "alerts: [{id: a, metric: m, threshold: 1}, {id: b, metric: m, threshold: 1}, {id: a, metric: m, threshold: 1}]",
	     "@/f.yml:2:83: alerts[2].id: another alert is called \"a\" (@/f.yml:2); ids must differ\n"},
	    {K "alerts: [{id: x, metric: m, threshold: 1}]\nalert_files: [dup.yml]",
	     "@/dup.yml:2:10: alerts[0].id: another alert is called \"x\" (@/f.yml:2); ids must differ\n"},
	    {K "alert_files: [a/one.yml]", "@/a/one.yml:2:3: [1].threshold: is missing; give it, or one of info, warn and crit\n"
					   "@/a/one.yml:3:36: [2].typo: unknown key\n"},
	    {K "alert_files: [not.yml]", "@/not.yml: cannot be read: No such file or directory\n"},
	    {K "alert_files: [not/*.yml]",
	     "@/f.yml:2:15: alert_files[0]: cannot read the folder @/not: No such file or directory\n"},
	    {K "alert_files: ['*/a.yml']", "@/f.yml:2:15: alert_files[0]: * may stand in the last part of the path only\n"},
	    {K "alert_files: [a]", "@/a: is a directory, not a regular file\n"},
	    {K "alert_files: [empty.yml]", "@/empty.yml: there is nothing in it; a file without alerts is written as []\n"},
	    {K "alert_files: [key.yml]",
	     "@/key.yml:1:1: unknown key \"alert\"; a file of alerts is a list of them, or {alerts: [...]}\n"
	     "@/key.yml:1:1: expected a list of alerts\n"},
	    {K "alert_files: [list.yml]", "@/list.yml:1:9: alerts: expected a list of alerts\n"},
	    {K "alert_files: [bad.json]", "@/bad.json:1:3: a key in quotes must stand here\n"},
	    {K "state: {dri: x}", "@/f.yml:2:9: state.dri: unknown key (did you mean \"dir\"?)\n"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_null(parse(cases[i].text, cases[i].problems));
}

#define POST ", post: 'http://h/'"

static void warns_of_what_cannot_be_meant(void **state)
{
	(void)state;
	static const struct {
		const char *text, *warnings;
	} cases[] = {
	    {"alerts: [{id: a, metric: m, threshold: 1}]", "@/f.yml:3:10: alerts[0].notify: warning: nobody is told: give notify "
							   "or post, or kapacitor.notify for all alerts\n"},
	    {"alerts: [{id: a, metric: m, threshold: 1, enabled: false}]", ""},
	    {"alerts: [{id: a, metric: m, threshold: 1" POST "}]", ""},
	    {"alerts: [{id: a, metric: m, threshold: 1, duration: 30s, every: 30s" POST "}]", ""}, /* no inputs */
	    {"scrape_configs: [{job_name: j, scrape_interval: 1m}]\nalerts: [{id: a, metric: m, threshold: 1, duration: 30s" POST
	     "}]",
	     "@/f.yml:4:53: alerts[0].duration: warning: points come every 1m at best, so that most windows hold none; take more "
	     "than "
	     "that\n"},
	    {"scrape_configs: [{job_name: j, scrape_interval: 1m}, {job_name: k, scrape_interval: 15s}]\n"
	     "alerts: [{id: a, metric: m, threshold: 1, duration: 30s" POST "}]",
	     ""},
	    {"scrape_configs: [{job_name: j, scrape_interval: 1m}]\nserver: {relay: {poll_interval: 5s}}\n"
	     "alerts: [{id: a, metric: m, threshold: 1, duration: 30s, every: 5s" POST "}]",
	     ""},
	    {"server: {relay: {poll_interval: 60s}}\nalerts: [{id: a, metric: m, threshold: 1, every: 30s" POST "}]",
	     "@/f.yml:4:50: alerts[0].every: warning: points come every 1m at best: the same ones are looked at again and "
	     "again\n"},
	    {"server: {relay: {poll_interval: 60s, overrides: {x: {interval: 30s}}}}\n"
	     "alerts: [{id: a, metric: m, threshold: 1, every: 30s" POST "}]",
	     ""},
	    {"server: {relay: {poll_interval: 60s}}\nalerts: [{id: a, metric: m, kind: deadman, duration: 1m" POST "}]",
	     "@/f.yml:4:54: alerts[0].duration: warning: points come every 1m at best, so that this silence is found where there "
	     "is "
	     "none; take more than that\n"},
	    {"server: {relay: {poll_interval: 60s}}\nalerts: [{id: a, metric: m, kind: deadman, duration: 2m" POST "}]", ""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf text = {0};
		pl_buf_addf(&text, "%s\n%s", K, cases[i].text);
		struct pl_config *c = parse(pl_buf_cstr(&text), cases[i].warnings);
		assert_non_null(c);
		pl_config_release(c);
		pl_buf_finish(&text);
	}
}

static void of_all_alerts_somebody_is_told(void **state)
{
	(void)state;
	pl_config_release(parse("kapacitor: {url: 'http://k', notify: [mail]}\nnotifiers: [mail: ]\n"
				"alerts: [{id: a, metric: m, threshold: 1}]\n",
				""));
}

static int setup(void **state)
{
	char path[256];
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/a", folder);
	return mkdir(path, 0700);
}

static int teardown(void **state)
{
	static const char *const names[] = {"a/one.yml", "a/two.json", "a/.hidden.yml", "a/other.txt", "a",       "none.yml",
					    "empty.yml", "key.yml",    "list.yml",      "bad.json",    "dup.yml", ""};
	char path[256];
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		if (remove(path) != 0)
			return -1;
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_defaults),
	    cmocka_unit_test(gathers_alerts),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(warns_of_what_cannot_be_meant),
	    cmocka_unit_test(of_all_alerts_somebody_is_told),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
