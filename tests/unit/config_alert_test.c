/* One alert: what its keys may say, as YAML and as JSON, and that it reads back from what it is written as. */
#include "config_harness.h"

#include "base/clock.h"
#include "config/alert.h"
#include "format/json_out.h"

static enum pl_err from_yaml(struct pl_arena *arena, const char *text, struct pl_problems *problems, struct pl_alert *out)
{
	struct pl_arena tree = {0};
	struct pl_node *root;
	const struct pl_decode_options options = {.arena = arena, .problems = problems};
	enum pl_err err = pl_node_parse(&tree, "f", pl_str_of(text), (struct pl_node_limits){0}, problems, &root);
	if (err == PL_OK && root != NULL && root->kind == PL_NODE_SEQUENCE)
		root = root->items[0];
	if (err == PL_OK)
		err = pl_schema_decode(&pl_alert_schema, root, "", &options, out);
	pl_arena_finish(&tree);
	return err;
}

static char *as_json(const struct pl_alert *a)
{
	struct pl_buf out = {0};
	struct pl_json j = {.out = &out};
	pl_alert_json(&j, a, false);
	return pl_buf_take(&out);
}

#define USUAL "\"enabled\":true,\"kind\":\"threshold\",\"aggregate\":\"mean\",\"every\":\"30s\""

static void reads_and_writes(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *json;
	} cases[] = {
	    {"{metric: cpu, threshold: 0.80}",
	     "{\"metric\":\"cpu\",\"level\":\"crit\",\"operator\":\"\\u003e\",\"threshold\":\"0.80\",\"duration\":\"5m\"," USUAL
	     "}"},
	    {"{id: a.B_c-9, metric: cpu, threshold: '-5', level: WARNING, operator: Le, post: 'https://h/x?y=1', tags: "
	     "{service-name: a b, "
	     "'é \"': ''}, field: f, database: d, retention_policy: r}",
	     "{\"id\":\"a.B_c-9\",\"tags\":{\"service-name\":\"a b\",\"\xC3\xA9 "
	     "\\\"\":\"\"},\"metric\":\"cpu\",\"level\":\"WARNING\","
	     "\"operator\":\"Le\",\"threshold\":\"-5\",\"duration\":\"5m\",\"post\":\"https://h/x?y=1\",\"enabled\":true,"
	     "\"kind\":\"threshold\",\"field\":\"f\",\"database\":\"d\",\"retention_policy\":\"r\",\"aggregate\":\"mean\","
	     "\"every\":\"30s\"}"},
	    {"{metric: m, info: 1, warn: 2.5, crit: 1e3, info_reset: 1, warn_reset: 1, crit_reset: 2, group_by: [host, a-b], "
	     "notify: [x, y], "
	     "cooldown: 5m, reminder: 1h, group_wait: 1s, message: \"a\\nb {tag.host}\", enabled: no, aggregate: none}",
	     "{\"metric\":\"m\",\"operator\":\"\\u003e\",\"duration\":\"5m\",\"enabled\":false,\"kind\":\"threshold\","
	     "\"group_by\":[\"host\",\"a-b\"],\"aggregate\":\"none\",\"every\":\"30s\",\"info\":\"1\",\"warn\":\"2.5\",\"crit\":"
	     "\"1e3\","
	     "\"info_reset\":\"1\",\"warn_reset\":\"1\",\"crit_reset\":\"2\",\"message\":\"a\\nb "
	     "{tag.host}\",\"notify\":[\"x\",\"y\"],"
	     "\"cooldown\":\"5m\",\"reminder\":\"1h\",\"group_wait\":\"1s\"}"},
	    {"{metric: m, warn: 3, threshold: 4, crit_reset: 3.5}",
	     "{\"metric\":\"m\",\"level\":\"crit\",\"operator\":\"\\u003e\",\"threshold\":\"4\",\"duration\":\"5m\"," USUAL
	     ",\"warn\":\"3\",\"crit_reset\":\"3.5\"}"},
	    {"{metric: m, kind: deadman}",
	     "{\"metric\":\"m\",\"level\":\"crit\",\"operator\":\"\\u003e\",\"duration\":\"5m\",\"enabled\":true,"
	     "\"kind\":\"deadman\",\"aggregate\":\"mean\",\"every\":\"30s\"}"},
	    {"{metric: m, kind: deadman, level: info, threshold: 3, duration: 1d}",
	     "{\"metric\":\"m\",\"level\":\"info\",\"operator\":\"\\u003e\",\"threshold\":\"3\",\"duration\":\"1d\",\"enabled\":"
	     "true,"
	     "\"kind\":\"deadman\",\"aggregate\":\"mean\",\"every\":\"30s\"}"},
	    {"{metric: m, kind: relative, ago: 1w, change: percent, operator: lt, warn: -20, crit: -50, warn_reset: -20}",
	     "{\"metric\":\"m\",\"operator\":\"lt\",\"duration\":\"5m\",\"enabled\":true,\"kind\":\"relative\",\"aggregate\":"
	     "\"mean\","
	     "\"every\":\"30s\",\"warn\":\"-20\",\"crit\":\"-50\",\"warn_reset\":\"-20\",\"ago\":\"7d\",\"change\":\"percent\"}"},
	    {"{metric: m, aggregate: percentile, percentile: 99.9, threshold: +.5e-2}",
	     "{\"metric\":\"m\",\"level\":\"crit\",\"operator\":\"\\u003e\",\"threshold\":\"+.5e-2\",\"duration\":\"5m\","
	     "\"enabled\":true,"
	     "\"kind\":\"threshold\",\"aggregate\":\"percentile\",\"percentile\":99.9,\"every\":\"30s\"}"},
	    {"{metric: m, aggregate: percentile, percentile: 0, operator: '=', warn: 2, crit: 1, group_by: ['*']}",
	     "{\"metric\":\"m\",\"operator\":\"=\",\"duration\":\"5m\",\"enabled\":true,\"kind\":\"threshold\",\"group_by\":[\"*"
	     "\"],"
	     "\"aggregate\":\"percentile\",\"percentile\":0,\"every\":\"30s\",\"warn\":\"2\",\"crit\":\"1\"}"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_arena arena = {0};
		struct pl_problems problems = {0};
		struct pl_alert a, again;
		struct pl_buf yaml = {0};
		enum pl_err err = from_yaml(&arena, cases[i].yaml, &problems, &a);
		expect_problems(cases[i].yaml, &problems, "");
		assert_int_equal(err, PL_OK);
		assert_string_equal(a.mark.file, "f");
		char *json = as_json(&a);
		assert_string_equal(json, cases[i].json);
		assert_int_equal(pl_alert_decode_json(&arena, pl_str_of(json), &problems, &again), PL_OK);
		assert_null(again.mark.file);
		expect_problems(json, &problems, "");
		char *second = as_json(&again);
		assert_string_equal(second, json);
		assert_int_equal(pl_schema_fingerprint(&pl_alert_schema, &again), pl_schema_fingerprint(&pl_alert_schema, &a));
		assert_memory_equal(again.bounds, a.bounds, sizeof a.bounds);
		pl_alert_yaml(&yaml, &a, 4);
		err = from_yaml(&arena, pl_buf_cstr(&yaml), &problems, &again);
		expect_problems(pl_buf_cstr(&yaml), &problems, "");
		assert_int_equal(err, PL_OK);
		assert_int_equal(pl_schema_fingerprint(&pl_alert_schema, &again), pl_schema_fingerprint(&pl_alert_schema, &a));
		free(second);
		free(json);
		pl_buf_finish(&yaml);
		pl_problems_finish(&problems);
		pl_arena_finish(&arena);
	}
}

static void derives_bounds(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_alert a;
	assert_int_equal(
	    from_yaml(&arena, "{metric: m, warn: 80, threshold: 9e1, operator: '>=', crit_reset: 85, every: 1m}", &problems, &a),
	    PL_OK);
	assert_int_equal(a.operator_, PL_ALERT_GE);
	assert_true(a.bounds[PL_ALERT_WARN].given && !a.bounds[PL_ALERT_WARN].reset_given && !a.bounds[PL_ALERT_INFO].given);
	assert_true(a.bounds[PL_ALERT_WARN].threshold == 80);
	assert_true(a.bounds[PL_ALERT_CRIT].given && a.bounds[PL_ALERT_CRIT].threshold == 90);
	assert_true(a.bounds[PL_ALERT_CRIT].reset_given && a.bounds[PL_ALERT_CRIT].reset == 85);
	assert_true(a.every == 60 * PL_NS_PER_S && a.duration == 300 * PL_NS_PER_S);
	assert_int_equal(from_yaml(&arena, "{metric: m, kind: deadman, level: warn}", &problems, &a), PL_OK);
	assert_true(a.bounds[PL_ALERT_WARN].given && a.bounds[PL_ALERT_WARN].threshold == 0);
	assert_false(a.bounds[PL_ALERT_CRIT].given);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

static void writes_only_what_is_not_usual(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_buf out = {0};
	struct pl_alert a;
	assert_int_equal(pl_alert_decode_json(
			     &arena,
			     PL_STR("{\"id\":\"a\",\"metric\":\"c\",\"threshold\":90,\"duration\":\"5m\",\"level\":\"crit\","
				    "\"message\":\"${HOME} $$ $\\n\",\"post\":\"http://h/?token=t\",\"tags\":{\"b c\":\"d\"}}"),
			     &problems, &a),
			 PL_OK);
	pl_alert_yaml(&out, &a, 2);
	assert_string_equal(pl_buf_cstr(&out), "  - id: a\n    metric: c\n    tags:\n      \"b c\": d\n    threshold: \"90\"\n"
					       "    message: \"$${HOME} $$$ $\\x0a\"\n    post: \"http://h/?token=t\"\n");
	pl_buf_finish(&out);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

/* `text` is what comes behind "metric: m, ", unless it begins with a brace. */
static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *problem;
	} cases[] = {
	    {"{threshold: 1}", "the key \"metric\" is missing"},
	    {"{metric: '', threshold: 1}", "metric: must not be empty"},
	    {"{metric: \"a\\x01\", threshold: 1}", "metric: must not hold control characters"},
	    {"{metric: \"a\\x85\", threshold: 1}", "metric: must not hold control characters"},
	    {"{metric: \"a\\n\", threshold: 1}", "metric: must not hold control characters"},
	    {"enabled: true", "threshold: is missing; give it, or one of info, warn and crit"},
	    {"threshold: high", "threshold: expected a number like"},
	    {"threshold: nan", "threshold: expected a number like"},
	    {"threshold: inf", "threshold: expected a number like"},
	    {"threshold: 0x10", "threshold: expected a number like"},
	    {"threshold: 1e999", "threshold: expected a number like"},
	    {"threshold: '1 '", "threshold: expected a number like"},
	    {"threshold: '.'", "threshold: expected a number like"},
	    {"threshold: '1e'", "threshold: expected a number like"},
	    {"threshold: '80%'", "threshold: expected a number like"},
	    {"threshold: ''", "threshold: must not be empty"},
	    {"threshold: [1]", "threshold: expected text, found a list"},
	    {"threshold: 1, operator: above", "operator: expected gt, ge, lt, le, eq or ne, or one of > >= < <= == !="},
	    {"threshold: 1, operator: '=>'", "operator: expected gt"},
	    {"threshold: 1, level: ok", "level: expected info, warn or crit"},
	    {"threshold: 1, level: fatal", "level: expected info, warn or crit"},
	    {"level: crit, crit: 5", "level: is the level of `threshold`, which is missing"},
	    {"threshold: 1, crit: 2", "crit: the level has a threshold already, in `threshold`; leave one out"},
	    {"threshold: 1, level: WARNING, warn: 2", "warn: the level has a threshold already"},
	    {"warn: 90, crit: 80", "crit: with the operator > the threshold of crit must be above that of warn"},
	    {"warn: 90, threshold: 80", "threshold: with the operator > the threshold of crit must be above that of warn"},
	    {"info: 1, crit: 1", "crit: with the operator > the threshold of crit must be above that of info"},
	    {"operator: lt, warn: 10, crit: 20", "crit: with the operator < the threshold of crit must be below that of warn"},
	    {"crit: 80, crit_reset: 81", "crit_reset: must be on the good side of its threshold: with > below it"},
	    {"operator: ge, crit: 80, crit_reset: 80", "crit_reset: must be on the good side of its threshold: with >= below it"},
	    {"operator: le, crit: 80, crit_reset: 70", "crit_reset: must be on the good side of its threshold: with <= above it"},
	    {"operator: eq, crit: 80, crit_reset: 70", "crit_reset: makes no sense with the operator =="},
	    {"crit: 80, warn_reset: 70", "warn_reset: there is no threshold of warn to come back from"},
	    {"threshold: 80, level: warn, crit_reset: 70", "crit_reset: there is no threshold of crit to come back from"},
	    {"crit: 80, crit_reset: low", "crit_reset: expected a number like"},
	    {"threshold: 1, aggregate: avg", "aggregate: expected mean, max"},
	    {"threshold: 1, aggregate: percentile", "percentile: is missing: which one, 0 to 100?"},
	    {"threshold: 1, aggregate: percentile, percentile: 100.5", "percentile: 100.5 is out of range; allowed: 0 to 100"},
	    {"threshold: 1, percentile: 95", "percentile: has a meaning with aggregate: percentile only"},
	    {"threshold: 1, duration: 300", "duration: expected a duration like 300s"},
	    {"threshold: 1, duration: 0s", "duration: 0s is out of range; allowed: 1s to 30d"},
	    {"threshold: 1, duration: 31d", "duration: 31d is out of range; allowed: 1s to 30d"},
	    {"threshold: 1, every: 999ms", "every: 999ms is out of range; allowed: 1s to 30d"},
	    {"threshold: 1, cooldown: 5ms", "cooldown: out of range; allowed: 0s, 1s to 30d"},
	    {"threshold: 1, ago: 1h", "ago: has a meaning with kind: relative only"},
	    {"threshold: 1, change: percent", "change: has a meaning with kind: relative only"},
	    {"threshold: 1, kind: relative", "ago: is missing: how far back"},
	    {"kind: relative, ago: 1h", "threshold: is missing"},
	    {"kind: deadman, crit: 1", "crit: a deadman has one level, which is written as level: crit"},
	    {"kind: deadman, warn_reset: 1", "warn_reset: a deadman has one level"},
	    {"kind: deadman, operator: lt", "operator: has no meaning for a deadman"},
	    {"kind: deadman, aggregate: max", "aggregate: has no meaning for a deadman"},
	    {"kind: deadman, threshold: -1", "threshold: is a number of points, 0 or more"},
	    {"kind: dead, threshold: 1",
	     "kind: expected threshold, deadman or relative, found \"dead\" (did you mean \"deadman\"?)"},
	    {"threshold: 1, id: a b", "id: takes letters, digits and . _ -"},
	    {"threshold: 1, id: ..", "id: takes letters, digits and . _ -"},
	    {"threshold: 1, id: \"a\xC3\xA4\"", "id: takes letters, digits and . _ -"},
	    {"threshold: 1, tags: {'a\\': b}", "tags: the name \"a\\\" must not end in a backslash"},
	    {"threshold: 1, tags: {'': b}", "tags: the name \"\" must not be empty"},
	    {"threshold: 1, tags: {a: \"b\\n\"}", "tags: the value of \"a\" must not hold control characters"},
	    {"threshold: 1, tags: [a]", "tags: expected a mapping of label names to values, found a list"},
	    {"threshold: 1, group_by: [a, a]", "group_by: name 2 stands there twice"},
	    {"threshold: 1, group_by: [a, '*']", "group_by: name 2 stands for all tags: leave the others out"},
	    {"threshold: 1, group_by: ['']", "group_by: name 1 must not be empty"},
	    {"threshold: 1, notify: [a, a]", "notify: \"a\" stands there twice"},
	    {"threshold: 1, notify: ['a b']", "notify: name 1 is none of a notifier"},
	    {"threshold: 1, post: 'http://u:p@h/'", "post: expected a URL like"},
	    {"threshold: 1, post: 'ftp://h/'", "post: expected a URL like"},
	    {"threshold: 1, message: \"a\\x1b\"", "message: must not hold control characters"},
	    {"threshold: 1, thresold: 2", "thresold: unknown key (did you mean \"threshold\"?)"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_arena arena = {0};
		struct pl_problems problems = {0};
		struct pl_buf text = {0};
		struct pl_alert a;
		bool whole = cases[i].text[0] == '{';
		pl_buf_addf(&text, "%s%s%s", whole ? "" : "{metric: m, ", cases[i].text, whole ? "" : "}");
		assert_int_equal(from_yaml(&arena, pl_buf_cstr(&text), &problems, &a), PL_EPARSE);
		struct pl_buf said = {0};
		pl_problems_print(&problems, &said);
		if (problems.n != 1 || strstr(pl_buf_cstr(&said), cases[i].problem) == NULL)
			print_error("%s\nexpected: %s\nsaid: %s", cases[i].text, cases[i].problem, pl_buf_cstr(&said));
		assert_int_equal(problems.n, 1);
		assert_non_null(strstr(pl_buf_cstr(&said), cases[i].problem));
		pl_buf_finish(&said);
		pl_buf_finish(&text);
		pl_problems_finish(&problems);
		pl_arena_finish(&arena);
	}
}

/* A text of n times `c` as `key` of an alert. */
static size_t problems_of_long(const char *before, char c, size_t n, const char *after)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_buf text = {0};
	struct pl_alert a;
	pl_buf_add_cstr(&text, before);
	for (size_t i = 0; i < n; i++)
		pl_buf_add_char(&text, c);
	pl_buf_add_cstr(&text, after);
	enum pl_err err = from_yaml(&arena, pl_buf_cstr(&text), &problems, &a);
	size_t found = problems.n;
	assert_int_equal(err == PL_OK, found == 0);
	pl_buf_finish(&text);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return found;
}

static void bounds_lengths(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
		size_t most;
	} cases[] = {
	    {"{threshold: 1, metric: ", "}", 256},
	    {"{threshold: 1, metric: m, field: ", "}", 256},
	    {"{threshold: 1, metric: m, id: ", "}", 64},
	    {"{threshold: 1, metric: m, message: ", "}", 2048},
	    {"{threshold: 1, metric: m, post: 'http://h/", "'}", 2048 - 9},
	    {"{threshold: 1, metric: m, tags: {", ": a}}", 128},
	    {"{threshold: 1, metric: m, tags: {a: ", "}}", 1024},
	    {"{threshold: 1, metric: m, group_by: [", "]}", 128},
	    {"{threshold: 1, metric: m, notify: [", "]}", 64},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		assert_int_equal(problems_of_long(cases[i].before, 'x', cases[i].most, cases[i].after), 0);
		assert_int_equal(problems_of_long(cases[i].before, 'x', cases[i].most + 1, cases[i].after), 1);
	}
}

static void bounds_counts(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
		size_t most;
	} cases[] = {
	    {"{threshold: 1, metric: m, tags: {", "}}", 64},
	    {"{threshold: 1, metric: m, group_by: [", "]}", 16},
	    {"{threshold: 1, metric: m, notify: [", "]}", 32},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		for (size_t over = 0; over < 2; over++) {
			struct pl_buf text = {0};
			pl_buf_add_cstr(&text, cases[i].before);
			for (size_t k = 0; k < cases[i].most + over; k++)
				pl_buf_addf(&text, i == 0 ? "t%zu: v, " : "t%zu, ", k);
			assert_int_equal(problems_of_long(pl_buf_cstr(&text), ' ', 0, cases[i].after), over);
			pl_buf_finish(&text);
		}
	}
}

static void reads_json_of_clients(void **state)
{
	(void)state;
	static const struct {
		const char *json, *problems;
		bool right;
	} cases[] = {
	    {"{\"Metric\":\"m\",\"THRESHOLD\":0.80,\"tags\":{\"a\":1,\"b\":null},\"id\":\"\",\"level\":null,\"operator\":\"\"}",
	     "", true},
	    {"{\"metric\":\"m\",\"threshold\":\"1\",\"aggregate\":\"percentile\",\"percentile\":\"95\",\"enabled\":\"false\"}",
	     "", true},
	    {"{\"metric\":\"m\",\"threshold\":1,\"Durration\":\"5m\",\"zzzzzz\":{\"a\":[1]},\"\":1}",
	     "Durration: warning: unknown, has no effect (did you mean \"duration\"?)\n"
	     "zzzzzz: warning: unknown, has no effect\n"
	     "warning: unknown, has no effect\n",
	     true},
	    {"{\"metric\":\"m\",\"Metric\":\"m\",\"threshold\":1}", "metric: is given twice, in different letters\n", false},
	    {"{\"metric\":\"m\",\"metric\":\"m\",\"threshold\":1}", "duplicate key \"metric\"\n", false},
	    {"{\"metric\":\"m\",\"threshold\":true}", "threshold: expected a number like 90, -0.5 or 1e3\n", false},
	    {"{\"metric\":\"m\\u0000\",\"threshold\":1}", "metric: holds a NUL character\n", false},
	    {"{\"metric\":\"m\",\"threshold\":1,\"tags\":{\"a\\u0000\":\"b\"}}",
	     "tags: the name \"a\" must not hold control characters\n", false},
	    {"{\"metric\":\"m\",\"threshold\":1,\"tags\":\"a\"}",
	     "tags: expected a mapping of label names to values, found text\n", false},
	    {"[]", "expected an object, {\"metric\": ...}\n", false},
	    {"null", "expected an object, {\"metric\": ...}\n", false},
	    {"{\"metric\":\"m\",}", "a key in quotes must stand here\n", false},
	    {"", "the text ends where a value must stand\n", false},
	    {"{}", "the key \"metric\" is missing\nthreshold: is missing; give it, or one of info, warn and crit\n", false},
	    {"{\"metric\":\"${HOME}\",\"threshold\":1}", "", true},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_arena arena = {0};
		struct pl_problems problems = {0};
		struct pl_alert a;
		enum pl_err err = pl_alert_decode_json(&arena, pl_str_of(cases[i].json), &problems, &a);
		assert_int_equal(err, cases[i].right ? PL_OK : PL_EPARSE);
		if (cases[i].right) {
			assert_null(a.id);
			assert_true(a.bounds[PL_ALERT_CRIT].given);
			assert_true(i != 0 ||
				    (a.tags.n == 2 && pl_str_is(a.tags.v[0].value, "1") && strcmp(a.threshold, "0.80") == 0));
			assert_true(i != 1 || (!a.enabled && a.percentile == 95));
		}
		expect_problems(cases[i].json, &problems, cases[i].problems);
		pl_arena_finish(&arena);
	}
}

static void says_words(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int level; /* -1: none */
	} levels[] = {{"ok", PL_ALERT_OK},
		      {"OK", PL_ALERT_OK},
		      {"info", PL_ALERT_INFO},
		      {"Warn", PL_ALERT_WARN},
		      {"warning", PL_ALERT_WARN},
		      {"CRIT", PL_ALERT_CRIT},
		      {"critical", PL_ALERT_CRIT},
		      {"", -1},
		      {"critic", -1},
		      {"warns", -1}};
	for (size_t i = 0; i < PL_COUNT_OF(levels); i++) {
		int level = -1;
		assert_int_equal(pl_alert_level_parse(pl_str_of(levels[i].text), &level), levels[i].level >= 0);
		assert_int_equal(level, levels[i].level);
	}
	assert_string_equal(pl_alert_level_kapacitor(PL_ALERT_WARN), "WARNING");
	assert_string_equal(pl_alert_level_text(PL_ALERT_WARN), "warn");
	assert_string_equal(pl_alert_kind_text(PL_ALERT_RELATIVE), "relative");
	assert_string_equal(pl_alert_aggregate_text(PL_ALERT_NONE), "none");
	static const char *const signs[] = {">", ">=", "<", "<=", "==", "!="};
	for (int i = PL_ALERT_GT; i <= PL_ALERT_NE; i++)
		assert_string_equal(pl_alert_operator_sign(i), signs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_and_writes),
	    cmocka_unit_test(derives_bounds),
	    cmocka_unit_test(writes_only_what_is_not_usual),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(bounds_lengths),
	    cmocka_unit_test(bounds_counts),
	    cmocka_unit_test(reads_json_of_clients),
	    cmocka_unit_test(says_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
