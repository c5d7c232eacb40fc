#include "targets_config.h"

#include "base/clock.h"
#include "targets/target_builder.h"

static const char job_text[] = "global: {scrape_interval: 90s, scrape_timeout: 10s, external_labels: {dc: eu1, rack: outside}}\n"
			       "scrape_configs:\n"
			       "  - job_name: node\n"
			       "    params: {module: [http, tcp], empty: []}\n"
			       "    metrics_path: /probe\n"
			       "    scheme: https\n";

/* Labels as "name=value name=value". */
static struct pl_labels labels_of(struct pl_labels_builder *b, const char *text)
{
	pl_labels_builder_clear(b);
	for (struct pl_str rest = pl_str_of(text); rest.p != NULL && rest.n > 0;) {
		struct pl_str value = pl_str_cut(&rest, ' ');
		struct pl_str name = pl_str_cut(&value, '=');
		pl_labels_builder_set(b, name, value);
	}
	return pl_labels_builder_view(b);
}

static void assert_labels(struct pl_labels set, const char *expected)
{
	struct pl_buf text = {0};
	for (size_t i = 0; i < set.n; i++) {
		pl_buf_addf(&text, "%s%.*s=%.*s", i > 0 ? " " : "", (int)set.v[i].name.n, set.v[i].name.p, (int)set.v[i].value.n,
			    set.v[i].value.p);
	}
	assert_string_equal(pl_buf_cstr(&text), expected);
	pl_buf_finish(&text);
}

static void labels_settle(void **state)
{
	(void)state;
	static const struct {
		const char *address, *group, *url, *labels;
		int64_t interval_s, timeout_s;
	} cases[] = {
	    {"h:9100", "", "https://h:9100/probe?module=http&module=tcp", "dc=eu1 instance=h:9100 job=node rack=outside", 90, 10},
	    {"h", "", "https://h:443/probe?module=http&module=tcp", "dc=eu1 instance=h:443 job=node rack=outside", 90, 10},
	    {"h", "__scheme__=http", "http://h:80/probe?module=http&module=tcp", "dc=eu1 instance=h:80 job=node rack=outside", 90,
	     10},
	    {"[::1]", "rack=r1", "https://[::1]:443/probe?module=http&module=tcp", "dc=eu1 instance=[::1]:443 job=node rack=r1",
	     90, 10},
	    {"h:1", "job=other instance=shown env=prod", "https://h:1/probe?module=http&module=tcp",
	     "dc=eu1 env=prod instance=shown job=other rack=outside", 90, 10},
	    {"h:1", "__metrics_path__=/m __param_module=icmp __param_x=1", "https://h:1/m?module=icmp&module=tcp&x=1",
	     "dc=eu1 instance=h:1 job=node rack=outside", 90, 10},
	    {"h:1", "__scrape_interval__=1m30s __scrape_timeout__=1m30s", "https://h:1/probe?module=http&module=tcp",
	     "dc=eu1 instance=h:1 job=node rack=outside", 90, 90},
	    {"h:1", "__meta_filepath=/a.yml __tmp=1 __name__=x", "https://h:1/probe?module=http&module=tcp",
	     "dc=eu1 instance=h:1 job=node rack=outside", 90, 10},
	    /* an empty value is no label */
	    {"h:1", "job= instance= rack= __scheme__= __metrics_path__= __scrape_timeout__= env=",
	     "https://h:1/probe?module=http&module=tcp", "dc=eu1 instance=h:1 job=node rack=outside", 90, 10},
	    /* the target's own address wins */
	    {"h:1", "__address__=elsewhere:2", "https://h:1/probe?module=http&module=tcp",
	     "dc=eu1 instance=h:1 job=node rack=outside", 90, 10},
	};
	struct pl_config *config = config_of(job_text);
	struct pl_target_builder b = {0};
	struct pl_labels_builder group = {0};
	pl_target_builder_begin(&b, config, pl_config_job(config, 0));
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_target *t;
		char reason[PL_REASON_BYTES] = "";
		enum pl_err err = pl_target_build(&b, pl_str_of(cases[i].address), labels_of(&group, cases[i].group), &t, reason);
		assert_string_equal(reason, "");
		assert_int_equal(err, PL_OK);
		assert_string_equal(t->url, cases[i].url);
		assert_labels(t->labels, cases[i].labels);
		assert_int_equal(t->interval_ns, cases[i].interval_s * PL_NS_PER_S);
		assert_int_equal(t->timeout_ns, cases[i].timeout_s * PL_NS_PER_S);
		assert_ptr_equal(t->job, pl_config_job(config, 0));
		pl_target_release(t);
	}
	pl_labels_builder_finish(&group);
	pl_target_builder_finish(&b);
	pl_config_release(config);
}

static void discovered_labels_show_what_settlement_began_with(void **state)
{
	(void)state;
	struct pl_config *config = config_of(job_text);
	struct pl_target_builder b = {0};
	struct pl_labels_builder group = {0};
	struct pl_target *t;
	char reason[PL_REASON_BYTES];
	pl_target_builder_begin(&b, config, pl_config_job(config, 0));
	assert_int_equal(pl_target_build(&b, PL_STR("h"), labels_of(&group, "__meta_filepath=/a.yml rack=r1"), &t, reason),
			 PL_OK);
	assert_labels(t->discovered, "__address__=h __meta_filepath=/a.yml __metrics_path__=/probe __param_module=http "
				     "__scheme__=https __scrape_interval__=1m30s __scrape_timeout__=10s job=node rack=r1");
	/* a target outlives what it was made from */
	pl_labels_builder_finish(&group);
	pl_target_builder_finish(&b);
	pl_config_release(config);
	assert_string_equal(t->job->name, "node");
	assert_labels(t->labels, "dc=eu1 instance=h:443 job=node rack=r1");
	pl_target_release(t);
}

static void refused_targets_say_why(void **state)
{
	(void)state;
	static char big[PL_TARGET_MAX_VALUE + 64], many[PL_TARGET_MAX_LABELS * 8 + 64], wide[10 * PL_TARGET_MAX_VALUE];
	snprintf(big, sizeof big, "x=");
	memset(big + 2, 'v', PL_TARGET_MAX_VALUE + 1);
	for (size_t i = 0, n = 0; i <= PL_TARGET_MAX_LABELS; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "l%zu=1 ", i);
	many[strlen(many) - 1] = '\0';
	for (size_t i = 0, n = 0; i < 9; i++) {
		n += (size_t)snprintf(wide + n, sizeof wide - n, "%sw%zu=", i > 0 ? " " : "", i);
		memset(wide + n, 'v', 4000);
		n += 4000;
	}
	const struct {
		const char *address, *group, *reason;
	} cases[] = {
	    {"", "", "no address"},
	    {"http://x/metrics", "", "without scheme or path"},
	    {"h:1", "__scheme__=ftp", "neither http nor https"},
	    {"h:1", "__scrape_interval__=15x", "no duration above zero"},
	    {"h:1", "__scrape_interval__=0s", "no duration above zero"},
	    {"h:1", "__scrape_interval__=-1s", "no duration above zero"},
	    {"h:1", "__scrape_timeout__=91s", "timeout of 91000 ms is longer than the interval of 90000 ms"},
	    {"h:1", "__scrape_interval__=5s", "timeout of 10000 ms is longer than the interval of 5000 ms"},
	    {"h:1", "x=\xff", "label x is not UTF-8"},
	    {"h:1", big, "label x has 4097 bytes"},
	    {"h:1", many, "labels, the limit is 128"},
	    {"h:1", wide, "bytes, the limit is 32768"},
	};
	struct pl_config *config = config_of(job_text);
	struct pl_target_builder b = {0};
	struct pl_labels_builder group = {0};
	pl_target_builder_begin(&b, config, pl_config_job(config, 0));
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_target *t;
		char reason[PL_REASON_BYTES] = "";
		struct pl_labels labels = labels_of(&group, cases[i].group);
		enum pl_err err = pl_target_build(&b, pl_str_of(cases[i].address), labels, &t, reason);
		assert_int_equal(err, PL_EINVAL);
		assert_null(t);
		assert_non_null(strstr(reason, cases[i].reason));
	}
	pl_labels_builder_finish(&group);
	pl_target_builder_finish(&b);
	pl_config_release(config);
}

/* The key and phase of `address` in the first job of `text`. */
static void numbers_of(const char *text, const char *address, const char *group_text, uint64_t *key, uint64_t *phase)
{
	struct pl_config *config = config_of(text);
	struct pl_target_builder b = {0};
	struct pl_labels_builder group = {0};
	struct pl_target *t;
	char reason[PL_REASON_BYTES];
	pl_target_builder_begin(&b, config, pl_config_job(config, 0));
	assert_int_equal(pl_target_build(&b, pl_str_of(address), labels_of(&group, group_text), &t, reason), PL_OK);
	*key = t->key;
	*phase = t->phase;
	pl_target_release(t);
	pl_labels_builder_finish(&group);
	pl_target_builder_finish(&b);
	pl_config_release(config);
}

static void key_and_phase_change_with_what_they_stand_for(void **state)
{
	(void)state;
	static const char plain[] = "scrape_configs: [{job_name: a}]";
	static const struct {
		const char *text, *address, *group;
		bool same_key, same_phase;
	} cases[] = {
	    {"scrape_configs: [{job_name: a}]", "h:1", "", true, true},
	    {"scrape_configs: [{job_name: a}, {job_name: b}]", "h:1", "", true, true},
	    {"scrape_configs: [{job_name: a}]", "h:1", "__meta_filepath=elsewhere", true, true},
	    {"scrape_configs: [{job_name: a, told_sd_configs: [{id: x}]}]", "h:1", "", true, true},
	    {"scrape_configs: [{job_name: a}]", "h:1", "__scrape_timeout__=7s", false, true},
	    {"scrape_configs: [{job_name: a, scrape_interval: 30s}]", "h:1", "", false, true},
	    {"scrape_configs: [{job_name: a, honor_labels: true}]", "h:1", "", false, true},
	    {"scrape_configs: [{job_name: a, bearer_token: x}]", "h:1", "", false, true},
	    {"scrape_configs: [{job_name: a}]", "h:2", "", false, false},
	    {"scrape_configs: [{job_name: a}]", "h:1", "x=y", false, false},
	    {"scrape_configs: [{job_name: a, metrics_path: /x}]", "h:1", "", false, false},
	    {"scrape_configs: [{job_name: b}]", "h:1", "", false, false},
	    {"global: {external_labels: {dc: x}}\nscrape_configs: [{job_name: a}]", "h:1", "", false, false},
	};
	uint64_t key, phase, other_key, other_phase;
	numbers_of(plain, "h:1", "", &key, &phase);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		numbers_of(cases[i].text, cases[i].address, cases[i].group, &other_key, &other_phase);
		assert_int_equal(key == other_key, cases[i].same_key);
		assert_int_equal(phase == other_phase, cases[i].same_phase);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(labels_settle),
	    cmocka_unit_test(discovered_labels_show_what_settlement_began_with),
	    cmocka_unit_test(refused_targets_say_why),
	    cmocka_unit_test(key_and_phase_change_with_what_they_stand_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
