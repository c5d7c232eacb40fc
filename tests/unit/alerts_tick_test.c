#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alerts/tick.h"
#include "base/mem.h"

static const struct pl_alert_defaults defaults = {"metrics", "autogen", NULL, "proof"};
static const struct pl_label host_a[] = {{PL_STR("host"), PL_STR("a")}};

enum { MINUTE = 60 };
#define SECONDS(N) (INT64_C(1000000000) * (N))

static struct pl_alert usual(void)
{
	struct pl_alert a = {
	    .id = "one", .metric = "cpu.used", .duration = SECONDS(5 * MINUTE), .every = SECONDS(30), .tags = {host_a, 1}};
	a.bounds[PL_ALERT_CRIT] = (struct pl_alert_bound){.given = true, .threshold = 0.75};
	return a;
}

static void render(const struct pl_alert *a, struct pl_tick_task *t)
{
	const struct pl_tick_options options = {defaults, "http://p/hook", "secret"};
	char reason[128] = "";
	*t = (struct pl_tick_task){0};
	assert_int_equal(pl_tick_render(a, &options, t, reason, sizeof reason), PL_OK);
	assert_string_equal(reason, "");
}

static void whole_threshold(void **state)
{
	(void)state;
	struct pl_alert a = usual();
	struct pl_tick_task t;
	a.bounds[PL_ALERT_WARN] = (struct pl_alert_bound){true, true, 0.5, 0.25};
	render(&a, &t);
	assert_string_equal(pl_buf_cstr(&t.script), PL_TICK_MARKER
			    "\n"
			    "var measurement string\n"
			    "var groups list\n"
			    "var present lambda\n"
			    "var tag00000 string\n"
			    "var proof string\n"
			    "var field string\n"
			    "var period duration\n"
			    "var every duration\n"
			    "var idle duration\n"
			    "var warn float\n"
			    "var warn_reset float\n"
			    "var crit float\n"
			    "var id string\n"
			    "var message string\n"
			    "var url string\n"
			    "var token string\n"
			    "stream\n"
			    "    |from()\n"
			    "        .measurement(measurement)\n"
			    "        .groupBy(groups)\n"
			    "        .where(present)\n"
			    "        .where(lambda: (isPresent(\"pulseline_proof\") AND \"pulseline_proof\" == proof)"
			    " OR (!isPresent(\"pulseline_proof\")\n"
			    "            AND isPresent(\"host\") AND \"host\" == tag00000\n"
			    "        ))\n"
			    "    |barrier()\n"
			    "        .idle(idle)\n"
			    "        .delete(TRUE)\n"
			    "    |window()\n"
			    "        .period(period)\n"
			    "        .every(every)\n"
			    "        .align()\n"
			    "    |mean(field)\n"
			    "        .as('mean_cpu_used')\n"
			    "    |alert()\n"
			    "        .id(id)\n"
			    "        .message(message)\n"
			    "        .details('')\n"
			    "        .warn(lambda: \"mean_cpu_used\" > warn)\n"
			    "        .warnReset(lambda: \"mean_cpu_used\" <= warn_reset)\n"
			    "        .crit(lambda: \"mean_cpu_used\" > crit)\n"
			    "        .stateChangesOnly()\n"
			    "        .post(url)\n"
			    "        .header('X-Pulseline-Token', token)\n"
			    "        .timeout(10s)\n");
	assert_string_equal(
	    pl_buf_cstr(&t.vars),
	    "{\"crit\":{\"type\":\"float\",\"value\":0.75},\"every\":{\"type\":\"duration\",\"value\":30000000000},"
	    "\"field\":{\"type\":\"string\",\"value\":\"cpu.used\"},"
	    "\"groups\":{\"type\":\"list\",\"value\":[{\"type\":\"string\",\"value\":\"host\"},"
	    "{\"type\":\"string\",\"value\":\"pulseline_proof\"}]},"
	    "\"id\":{\"type\":\"string\",\"value\":\"one/{{ .Group }}\"},\"idle\":{\"type\":\"duration\",\"value\":330000000000},"
	    "\"measurement\":{\"type\":\"string\",\"value\":\"cpu.used\"},"
	    "\"message\":{\"type\":\"string\",\"value\":\"[a] cpu.used is {{ .Level }} value:{{ index .Fields "
	    "\\\"mean_cpu_used\\\" }}\"},"
	    "\"period\":{\"type\":\"duration\",\"value\":300000000000},"
	    "\"present\":{\"type\":\"lambda\",\"value\":\"isPresent(\\\"cpu.used\\\")\"},"
	    "\"proof\":{\"type\":\"string\",\"value\":\"one\"},\"tag00000\":{\"type\":\"string\",\"value\":\"a\"},"
	    "\"token\":{\"type\":\"string\",\"value\":\"secret\"},\"url\":{\"type\":\"string\",\"value\":\"http://p/hook\"},"
	    "\"warn\":{\"type\":\"float\",\"value\":0.5},\"warn_reset\":{\"type\":\"float\",\"value\":0.25}}");
	assert_string_equal(pl_buf_cstr(&t.dbrps),
			    "[{\"db\":\"metrics\",\"rp\":\"autogen\"},{\"db\":\"proof\",\"rp\":\"autogen\"}]");
	pl_tick_task_finish(&t);
}

static void pieces(void **state)
{
	(void)state;
	static const struct {
		int kind, aggregate, op, change;
		const char *has, *lacks;
	} cases[] = {
	    {PL_ALERT_THRESHOLD, PL_ALERT_NONE, PL_ALERT_GE, 0, "|eval(value)\n        .as('value_cpu_used')", "window"},
	    {PL_ALERT_THRESHOLD, PL_ALERT_NONE, PL_ALERT_NE, 0, "\"value_cpu_used\" != crit", "barrier"},
	    {PL_ALERT_THRESHOLD, PL_ALERT_PERCENTILE, PL_ALERT_LT, 0, "|percentile(field, rank)", "fillPeriod"},
	    {PL_ALERT_THRESHOLD, PL_ALERT_COUNT, PL_ALERT_LE, 0, "        .fillPeriod()\n    |count(field)", "rank"},
	    {PL_ALERT_THRESHOLD, PL_ALERT_SUM, PL_ALERT_EQ, 0, "\"sum_cpu_used\" == crit", "Reset"},
	    {PL_ALERT_THRESHOLD, PL_ALERT_MEDIAN, PL_ALERT_GT, 0, "|median(field)",
	     "[" /* nothing of the template's own signs */},
	    {PL_ALERT_DEADMAN, PL_ALERT_MEAN, PL_ALERT_GT, 0, "\"emitted\" <= crit", "present)"},
	    {PL_ALERT_RELATIVE, PL_ALERT_MAX, PL_ALERT_GT, PL_ALERT_DIFFERENCE, "float(\"now.value\") - float(\"past.value\"))\n",
	     "abs("},
	    {PL_ALERT_RELATIVE, PL_ALERT_MIN, PL_ALERT_GT, PL_ALERT_PERCENT, "abs(float(\"past.value\"))", "@"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_alert a = usual();
		struct pl_tick_task t;
		a.kind = cases[i].kind;
		a.aggregate = cases[i].aggregate;
		a.operator_ = cases[i].op;
		a.change = cases[i].change;
		a.ago = SECONDS(60 * MINUTE);
		render(&a, &t);
		assert_non_null(strstr(pl_buf_cstr(&t.script), cases[i].has));
		assert_null(strstr(pl_buf_cstr(&t.script), cases[i].lacks));
		pl_tick_task_finish(&t);
	}
}

static void refusals(void **state)
{
	(void)state;
	static const struct pl_label bad_name[] = {{PL_STR("a\\"), PL_STR("x")}}, bad_value[] = {{PL_STR("a"), PL_STR("x\n")}},
				     reserved[] = {{PL_STR(PL_TICK_PROOF_TAG), PL_STR("x")}},
				     time_tag[] = {{PL_STR("time"), PL_STR("x")}};
	const char *bad_group[] = {"g\"\\"};
	struct pl_alert cases[10];
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		cases[i] = usual();
	cases[0].tags.v = bad_name;
	cases[1].tags.v = bad_value;
	cases[2].tags.v = reserved;
	cases[3].tags.v = time_tag;
	cases[4].group_by = (struct pl_strings){bad_group, 1};
	cases[5].metric = "";
	cases[6].field = "\xff";
	cases[7].bounds[PL_ALERT_CRIT].given = false;
	cases[8].kind = PL_ALERT_RELATIVE; /* without `ago` */
	cases[9].message = "\xc3";
	static const char *const reasons[] = {
	    "tags: a name: no TICKscript can carry it: it ends in a backslash",
	    "tags: a value: no TICKscript can carry it: it holds a control character",
	    "tags: a name: the tag pulseline_proof is reserved",
	    "tags: a name: no tag can be called time",
	    "group_by: no TICKscript can carry it: it ends in a backslash",
	    "metric: no TICKscript can carry it: it is empty",
	    "field: no TICKscript can carry it: it is not UTF-8",
	    "threshold: there is none",
	    "ago: it must not be below `every`",
	    "message: it must be UTF-8",
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		const struct pl_tick_options options = {defaults, "http://p/", "t"};
		struct pl_tick_task t = {0};
		char reason[128] = "";
		assert_int_equal(pl_tick_render(&cases[i], &options, &t, reason, sizeof reason), PL_EINVAL);
		assert_string_equal(reason, reasons[i]);
		assert_int_equal(t.script.n, 0);
		pl_tick_task_finish(&t);
	}
}

static void messages(void **state)
{
	(void)state;
	static const struct {
		const char *message, *rendered; /* the template, as JSON writes it */
	} cases[] = {
	    {"{id}: {metric} is {level} at {value}",
	     "one: cpu.used is {{ .Level }} at {{ index .Fields \\\"mean_cpu_used\\\" }}"},
	    {"{tag.host} {tag.dc} {tag.no-name} {nothing}",
	     "a {{ index .Tags \\\"dc\\\" }} {{\\\"{\\\"}}tag.no-name} {{\\\"{\\\"}}nothing}"},
	    {"{{ .Nonsense }}", "{{\\\"{\\\"}}{{\\\"{\\\"}} .Nonsense }}"},
	    {"{{level}}", "{{\\\"{\\\"}}{{ .Level }}}"},
	    {"{level", "{{\\\"{\\\"}}level"},
	    {"{title}", "[a] cpu.used"},
	    {"}{", "}{{\\\"{\\\"}}"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_alert a = usual();
		struct pl_tick_task t;
		struct pl_buf wanted = {0};
		a.message = cases[i].message;
		render(&a, &t);
		pl_buf_addf(&wanted, "\"message\":{\"type\":\"string\",\"value\":\"%s\"}", cases[i].rendered);
		if (strstr(pl_buf_cstr(&t.vars), pl_buf_cstr(&wanted)) == NULL)
			fail_msg("%s: %s", pl_buf_cstr(&wanted), pl_buf_cstr(&t.vars));
		pl_buf_finish(&wanted);
		pl_tick_task_finish(&t);
	}
}

static void titles(void **state)
{
	(void)state;
	static const struct pl_label two[] = {{PL_STR("dc"), PL_STR("eu")}, {PL_STR("host"), PL_STR("a")}};
	static const struct pl_label series[] = {{PL_STR("dc"), PL_STR("eu")},
						 {PL_STR("host"), PL_STR("a")},
						 {PL_STR("path"), PL_STR("/")},
						 {PL_STR(PL_TICK_PROOF_TAG), PL_STR("x")},
						 {PL_STR("unit"), {NULL, 0}}};
	const char *all[] = {"*"}, *path[] = {"path"};
	static const struct {
		size_t tags;
		int group; /* 0: none given, 1: path, 2: all */
		const char *title;
	} cases[] = {
	    {0, 0, "cpu.used (dc=eu) (host=a) (path=/)"}, {0, 1, "cpu.used (path=/)"},        {2, 0, "[eu|a] cpu.used"},
	    {2, 1, "[eu|a] cpu.used (path=/)"},           {2, 2, "[eu|a] cpu.used (path=/)"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_alert a = usual();
		struct pl_buf out = {0};
		a.tags = (struct pl_labels){two, cases[i].tags};
		if (cases[i].group > 0)
			a.group_by = (struct pl_strings){cases[i].group == 1 ? path : all, 1};
		pl_tick_title(&a, (struct pl_labels){series, PL_COUNT_OF(series)}, &out);
		assert_string_equal(pl_buf_cstr(&out), cases[i].title);
		pl_buf_finish(&out);
	}
}

static void ids(void **state)
{
	(void)state;
	static const struct {
		const char *id, *alert, *group; /* alert NULL: none of ours */
	} cases[] = {
	    {"one/host=a,pulseline_proof=", "one", "host=a,pulseline_proof="},
	    {"one/path=/var", "one", "path=/var"},
	    {"one/nil", "one", "nil"},
	    {"one/", "one", ""},
	    {"/x", NULL, NULL},
	    {"one", NULL, NULL},
	    {"", NULL, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_str alert, group;
		assert_int_equal(pl_tick_split_id(pl_str_of(cases[i].id), &alert, &group), cases[i].alert != NULL);
		assert_true(cases[i].alert == NULL || (pl_str_is(alert, cases[i].alert) && pl_str_is(group, cases[i].group)));
	}
}

static const int64_t wall = INT64_C(1700000010000000000);

static void proofs(void **state)
{
	(void)state;
	struct pl_alert cases[5];
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		cases[i] = usual();
	cases[1].aggregate = PL_ALERT_NONE;
	cases[1].operator_ = PL_ALERT_LT;
	cases[2].aggregate = PL_ALERT_COUNT;
	cases[2].bounds[PL_ALERT_CRIT].threshold = 1;
	cases[3].kind = PL_ALERT_DEADMAN;
	cases[4].kind = PL_ALERT_RELATIVE;
	cases[4].ago = SECONDS(60 * MINUTE);
	static const char *const lines[][2] = {
	    {"cpu.used,host=one,pulseline_proof=one cpu.used=1.75 1699999649999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1.75 1699999650000000000",
	     "cpu.used,host=one,pulseline_proof=one cpu.used=-0.25 1700000009999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=-0.25 1700000010000000000"},
	    {"cpu.used,host=one,pulseline_proof=one cpu.used=-0.25 1700000010000000000",
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1.75 1700000010000000000"},
	    {"cpu.used,host=one,pulseline_proof=one cpu.used=2 1699999349999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1 1699999649999999998\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1 1699999649999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=2 1699999650000000000",
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1 1699999709999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1 1700000009999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1 1700000010000000000"},
	    {"cpu.used,host=one,pulseline_proof=one cpu.used=1 1700000010000000000", NULL},
	    {"cpu.used,host=one,pulseline_proof=one cpu.used=0 1699992089999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=0 1699992090000000000\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1.75 1699995689999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=1.75 1699995690000000000",
	     "cpu.used,host=one,pulseline_proof=one cpu.used=0 1699996409999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=0 1699996410000000000\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=0 1700000009999999999\n"
	     "cpu.used,host=one,pulseline_proof=one cpu.used=0 1700000010000000000"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		int64_t wait_ns;
		for (unsigned step = 0; step < 2 && lines[i][step] != NULL; step++) {
			assert_true(pl_tick_proof_step(&cases[i], &defaults, step, wall, &out, &wait_ns));
			assert_string_equal(pl_buf_cstr(&out), lines[i][step]);
			assert_true(wait_ns >= (cases[i].kind == PL_ALERT_DEADMAN ? 3 * cases[i].duration : SECONDS(1)));
		}
		assert_false(pl_tick_proof_step(&cases[i], &defaults, lines[i][1] != NULL ? 2 : 1, wall, &out, &wait_ns));
		pl_buf_finish(&out);
	}
}

static void no_proofs(void **state)
{
	(void)state;
	struct pl_alert cases[4];
	struct pl_alert_defaults off = defaults;
	struct pl_buf out = {0};
	int64_t wait_ns;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		cases[i] = usual();
	cases[0].aggregate = PL_ALERT_COUNT; /* a window without points is none */
	cases[0].operator_ = PL_ALERT_LT;
	cases[1].aggregate = PL_ALERT_COUNT; /* too many points */
	cases[1].bounds[PL_ALERT_CRIT].threshold = 1e9;
	cases[2].bounds[PL_ALERT_CRIT].threshold = 1.7e308; /* nothing is beyond it */
	cases[3].kind = PL_ALERT_RELATIVE;                  /* the windows overlap */
	cases[3].ago = cases[3].duration;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_false(pl_tick_proof_step(&cases[i], &defaults, 0, wall, &out, &wait_ns));
	struct pl_alert a = usual();
	off.proof_database = NULL;
	assert_false(pl_tick_proof_step(&a, &off, 0, wall, &out, &wait_ns));
	assert_true(pl_tick_proof_step(&a, &defaults, 0, wall, &out, &wait_ns));
	pl_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_threshold), cmocka_unit_test(pieces), cmocka_unit_test(refusals), cmocka_unit_test(messages),
	    cmocka_unit_test(titles),          cmocka_unit_test(ids),    cmocka_unit_test(proofs),   cmocka_unit_test(no_proofs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
