#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/json_tree.h"
#include "config/target_file.h"

/* "{name=value ...} target target; ..." with __meta_filepath left out. */
static void render(const struct pl_target_file *file, const char *path, struct pl_buf *out)
{
	for (size_t g = 0; g < file->n; g++) {
		const struct pl_target_file_group *group = &file->groups[g];
		pl_buf_add_cstr(out, g > 0 ? "; {" : "{");
		bool first = true;
		for (size_t i = 0; i < group->labels.n; i++) {
			const struct pl_label *label = &group->labels.v[i];
			if (pl_str_is(label->name, "__meta_filepath")) {
				assert_true(pl_str_is(label->value, path));
				continue;
			}
			pl_buf_add_cstr(out, first ? "" : " ");
			pl_buf_add_str(out, label->name);
			pl_buf_add_char(out, '=');
			pl_buf_add_str(out, label->value);
			first = false;
		}
		pl_buf_add_char(out, '}');
		for (size_t i = 0; i < group->n_targets; i++) {
			pl_buf_add_char(out, ' ');
			pl_buf_add_str(out, group->targets[i]);
		}
	}
}

/* What it says, or all that is wrong, each line ended by "\n". */
static void parse(const char *path, struct pl_str text, struct pl_buf *out)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_target_file file;
	char *copy = pl_strndup(text.p, text.n); /* so that a read behind the end is noticed, and one after its life */
	enum pl_err err = pl_target_file_parse(&arena, path, (struct pl_str){copy, text.n}, &problems, &file);
	free(copy);
	pl_buf_clear(out);
	assert_int_equal(err == PL_OK, problems.n == 0);
	if (err == PL_OK)
		render(&file, path, out);
	else
		pl_problems_print(&problems, out);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

static void good_files_say_their_groups(void **state)
{
	(void)state;
	static const struct {
		const char *path, *text, *groups;
	} cases[] = {
	    {"a.yml", "[]", ""},
	    {"a.yml", "- targets: [h:1, h:2]\n  labels: {rack: r1, __scheme__: https}\n- targets:\n  - h:3\n",
	     "{__scheme__=https rack=r1} h:1 h:2; {} h:3"},
	    {"a.yaml", "- {}\n- targets:\n- labels:\n- {targets: [], labels: {}}\n", "{}; {}; {}; {}"},
	    {"a.YML", "- targets: [10.0.0.1, 9100, 'null']\n  labels: {n: 15, b: true, s: '', none: , tilde: ~}\n",
	     "{b=true n=15 s=} 10.0.0.1 9100 null"},
	    {"a.yml", "- &g {targets: [h:1], labels: &l {a: b}}\n- *g\n- labels: *l\n", "{a=b} h:1; {a=b} h:1; {a=b}"},
	    {"a.json", "[]", ""},
	    {"a.json", " \t\r\n[ {\t\"targets\" :\t[ \"h:1\" , \"h:2\" ] ,\n\t\"labels\":{\"rack\":\"r1\"}}\t]\n\t\n",
	     "{rack=r1} h:1 h:2"},
	    {"a.JSON", "[{\"labels\":{\"a\":\"\\u0041\\/\\\\\\\"\\ud83d\\ude00\\u00e9\\b\\f\\n\\r\\t\"}}]",
	     "{a=A/\\\"\xf0\x9f\x98\x80\xc3\xa9\b\f\n\r\t}"},
	    {"a.json", "\xef\xbb\xbf[{\"targets\":null,\"labels\":null},{\"labels\":{\"a\":null,\"b\":\"\"}}]", "{}; {b=}"},
	    {"a.json", "[{\"targets\":[\"\xe2\x82\xac\"]}]", "{} \xe2\x82\xac"},
	};
	struct pl_buf out = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		parse(cases[i].path, pl_str_of(cases[i].text), &out);
		assert_string_equal(pl_buf_cstr(&out), cases[i].groups);
	}
	pl_buf_finish(&out);
}

static void bad_files_say_where_and_why(void **state)
{
	(void)state;
	static const struct {
		const char *path, *text, *problems;
	} cases[] = {
	    {"a.yml", "", "a.yml: there is nothing in it; a file without targets is written as []\n"},
	    {"a.yml", "# soon\n", "a.yml: there is nothing in it; a file without targets is written as []\n"},
	    {"a.json", "null", "a.json: there is nothing in it; a file without targets is written as []\n"},
	    {"a.yml", "targets: [h:1]\n",
	     "a.yml:1:1: must be a list of groups (each with targets and perhaps labels), not a mapping\n"},
	    {"a.yml", "- \n- targets: [h:1]\n",
	     "a.yml:1:2: [0]: a group is a mapping with targets and perhaps labels, not null\n"},
	    {"a.yml", "- targets: [h:1]\n  label: {a: b}\n",
	     "a.yml:2:3: [0]: unknown key \"label\"; a group has targets and labels\n"},
	    {"a.yml", "- targets: h:1\n  labels: [a]\n",
	     "a.yml:1:12: [0].targets: must be a list of host:port, not text\n"
	     "a.yml:2:11: [0].labels: must be a mapping of names to values, not a list\n"},
	    {"a.yml", "- targets: [h:1, [x], {a: b}, ~]\n",
	     "a.yml:1:18: [0].targets[1]: a target is text, \"host:port\", not a list\n"
	     "a.yml:1:23: [0].targets[2]: a target is text, \"host:port\", not a mapping\n"
	     "a.yml:1:31: [0].targets[3]: a target is text, \"host:port\", not null\n"},
	    {"a.yml", "- targets: [h:1]\n  labels:\n    ok: 1\n    not-ok: 1\n    '': x\n",
	     "a.yml:4:5: [0].labels.not-ok: no label name: it must match [a-zA-Z_][a-zA-Z0-9_]*\n"
	     "a.yml:5:5: [0].labels.: no label name: it must match [a-zA-Z_][a-zA-Z0-9_]*\n"},
	    {"a.yml", "- labels: {a: [b]}\n", "a.yml:1:15: [0].labels.a: a label's value is text, not a list\n"},
	    {"a.json", "[{\"targets\":[\"h:1\", 9100],\"labels\":{\"n\":1,\"b\":true,\"l\":[]}}]",
	     "a.json:1:21: [0].targets[1]: a target is text, \"host:port\", not a number, true or false\n"
	     "a.json:1:41: [0].labels.n: a label's value is text, not a number, true or false (put it in quotes)\n"
	     "a.json:1:47: [0].labels.b: a label's value is text, not a number, true or false (put it in quotes)\n"
	     "a.json:1:56: [0].labels.l: a label's value is text, not a list\n"},
	    {"a.json", "[null]", "a.json:1:2: [0]: a group is a mapping with targets and perhaps labels, not null\n"},
	    {"a.json", "[{\"targets\":[],\n\t\"targets\":[]}]", "a.json:2:2: duplicate key \"targets\"\n"},
	};
	struct pl_buf out = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		parse(cases[i].path, pl_str_of(cases[i].text), &out);
		assert_string_equal(pl_buf_cstr(&out), cases[i].problems);
	}
	pl_buf_finish(&out);
}

/* RFC 8259 to the letter. */
static void json_that_is_none_is_refused(void **state)
{
	(void)state;
	static const struct {
		struct pl_str text;
		const char *problem;
	} cases[] = {
	    {{"", 0}, "1:1: the text ends"},
	    {{" \n ", 3}, "2:2: the text ends"},
	    {{"[", 1}, "1:2: the text ends"},
	    {{"[]]", 3}, "1:3: nothing may stand behind"},
	    {{"[] []", 5}, "1:4: nothing may stand behind"},
	    {{"[{}", 3}, "1:4: a comma or ]"},
	    {{"[{} {}]", 7}, "1:5: a comma or ]"},
	    {{"[{},]", 5}, "1:5: a value must stand here"},
	    {{"[,]", 3}, "1:2: a value must stand here"},
	    {{"[{\"a\":1,}]", 10}, "1:9: a key in quotes"},
	    {{"[{a:1}]", 7}, "1:3: a key in quotes"},
	    {{"[{1:1}]", 7}, "1:3: a key in quotes"},
	    {{"[{\"a\" 1}]", 9}, "1:7: a colon"},
	    {{"[{\"a\":}]", 8}, "1:7: a value"},
	    {{"[{\"a\":1]", 8}, "1:8: a comma or }"},
	    {{"['a']", 5}, "1:2: a value"},
	    {{"# c\n[]", 6}, "1:1: a value"},
	    {{"[\"\n\"]", 5}, "1:3: a control character"},
	    {{"[\"a", 3}, "1:4: the string has no end"},
	    {{"[\"a\\", 4}, "1:5: the string has no end"},
	    {{"[\"\\x\"]", 6}, "1:4: behind a backslash"},
	    {{"[\"\\u12g4\"]", 10}, "1:7: \\u needs four"},
	    {{"[\"\\u12", 6}, "1:5: \\u needs four"},
	    {{"[\"\\ud83d\"]", 10}, "first half of a surrogate"},
	    {{"[\"\\ud83d\\u0041\"]", 16}, "first half of a surrogate"},
	    {{"[\"\\ude00\"]", 10}, "second half of a surrogate"},
	    {{"[01]", 4}, "1:3: a number does not begin with 0"},
	    {{"[-]", 3}, "1:3: a digit"},
	    {{"[1.]", 4}, "1:4: a digit"},
	    {{"[1e]", 4}, "1:4: a digit"},
	    {{"[1e+]", 5}, "1:5: a digit"},
	    {{"[+1]", 4}, "1:2: a value"},
	    {{"[.5]", 4}, "1:2: a value"},
	    {{"[NaN]", 5}, "1:2: a value"},
	    {{"[True]", 6}, "1:2: a value"},
	    {{"[nul]", 5}, "1:2: a value"},
	    {{"[\"\xff\"]", 5}, "1:3: a byte that is not UTF-8"},
	    {{"[\"\0\"]", 5}, "1:3: a NUL byte"},
	    {{"[\"\xc3\xa9\xf0\x9f\x98\x80\" x]", 12}, "1:7: a comma"},
	};
	struct pl_buf out = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		parse("a.json", cases[i].text, &out);
		assert_non_null(strstr(pl_buf_cstr(&out), cases[i].problem));
		assert_null(strchr(strchr(pl_buf_cstr(&out), '\n') + 1, '\n')); /* only the first */
	}
	pl_buf_finish(&out);
}

static void json_numbers_are_taken_as_they_stand(void **state)
{
	(void)state;
	static const char *const numbers[] = {
	    "0", "-0", "10", "-1.5", "0.25", "1e5", "1E-5", "-12.5e+10", "123456789012345678901234567890"};
	for (size_t i = 0; i < PL_COUNT_OF(numbers); i++) {
		struct pl_arena arena = {0};
		struct pl_problems problems = {0};
		struct pl_node *node;
		assert_int_equal(
		    pl_json_tree_parse(&arena, "n", pl_str_of(numbers[i]), (struct pl_node_limits){0}, &problems, &node), PL_OK);
		assert_true(node->plain && pl_str_is(node->text, numbers[i]));
		pl_problems_finish(&problems);
		pl_arena_finish(&arena);
	}
}

/* Appends `text` n times. */
static void repeat(struct pl_buf *out, const char *text, size_t n)
{
	while (n-- > 0)
		pl_buf_add_cstr(out, text);
}

static void every_bound_holds(void **state)
{
	(void)state;
	struct pl_buf text = {0}, out = {0};
	/* depth */
	repeat(&text, "[", 20000);
	parse("a.json", pl_buf_str(&text), &out);
	assert_string_equal(pl_buf_cstr(&out), "a.json:1:65: nested too deep\n");
	parse("a.yml", pl_buf_str(&text), &out);
	assert_non_null(strstr(pl_buf_cstr(&out), "nested too deep"));
	/* values */
	pl_buf_clear(&text);
	pl_buf_add_char(&text, '[');
	repeat(&text, "1,", PL_TARGET_FILE_MAX_NODES);
	parse("a.json", pl_buf_str(&text), &out);
	assert_non_null(strstr(pl_buf_cstr(&out), "too many values"));
	/* targets, and a bomb of aliases that has them by name only */
	pl_buf_clear(&text);
	pl_buf_add_cstr(&text, "- targets: [");
	repeat(&text, "a:1, ", PL_TARGET_FILE_MAX_TARGETS);
	pl_buf_add_cstr(&text, "a:1]\n");
	parse("a.yml", pl_buf_str(&text), &out);
	assert_string_equal(pl_buf_cstr(&out), "a.yml:1:12: [0].targets: the file has more than 100000 targets\n");
	pl_buf_clear(&text);
	pl_buf_add_cstr(&text, "- targets: &t [");
	repeat(&text, "a:1, ", 1000);
	pl_buf_add_cstr(&text, "]\n");
	repeat(&text, "- targets: *t\n", 1000);
	parse("a.yml", pl_buf_str(&text), &out);
	assert_non_null(strstr(pl_buf_cstr(&out), "too many values"));
	/* bytes */
	pl_buf_clear(&text);
	repeat(&text, " ", PL_TARGET_FILE_MAX_BYTES + 1);
	parse("a.json", pl_buf_str(&text), &out);
	assert_non_null(strstr(pl_buf_cstr(&out), "the limit is 16777216"));
	/* labels */
	pl_buf_clear(&text);
	pl_buf_add_cstr(&text, "- labels: {");
	for (int i = 0; i < 129; i++)
		pl_buf_addf(&text, "l%d: x, ", i);
	pl_buf_add_cstr(&text, "}");
	parse("a.yml", pl_buf_str(&text), &out);
	assert_string_equal(pl_buf_cstr(&out), "a.yml:1:11: [0].labels: 129 labels, the limit is 128\n");
	pl_buf_finish(&text);
	pl_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_files_say_their_groups),
	    cmocka_unit_test(bad_files_say_where_and_why),
	    cmocka_unit_test(json_that_is_none_is_refused),
	    cmocka_unit_test(json_numbers_are_taken_as_they_stand),
	    cmocka_unit_test(every_bound_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
