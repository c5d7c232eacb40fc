#include "config_harness.h"

#include <sys/stat.h>
#include <unistd.h>

#include "config/node.h"

/* One line that says all of a tree: text in <> when plain, in "" when quoted. */
static void add_tree(const struct pl_node *node, struct pl_buf *out)
{
	if (node == NULL) {
		pl_buf_add_cstr(out, "nothing");
	} else if (node->kind == PL_NODE_SCALAR) {
		pl_buf_add_char(out, node->plain ? '<' : '"');
		pl_buf_add_str(out, node->text);
		pl_buf_add_char(out, node->plain ? '>' : '"');
	} else {
		pl_buf_add_char(out, node->kind == PL_NODE_SEQUENCE ? '[' : '{');
		for (size_t i = 0; i < node->n; i++) {
			pl_buf_add_cstr(out, i > 0 ? " " : "");
			add_tree(node->items[i], out);
			if (node->kind == PL_NODE_MAPPING) {
				pl_buf_add_char(out, '=');
				add_tree(node->values[i], out);
			}
		}
		pl_buf_add_char(out, node->kind == PL_NODE_SEQUENCE ? ']' : '}');
	}
}

static void makes_trees(void **state)
{
	(void)state;
	static const struct {
		struct pl_str text;
		const char *tree;
	} cases[] = {
	    {PL_STR(""), "nothing"},
	    {PL_STR("# only a comment\n"), "nothing"},
	    {PL_STR("---\n...\n"), "nothing"},
	    {PL_STR("~"), "nothing"},
	    {PL_STR("''"), "\"\""},
	    {PL_STR("\xEF\xBB\xBF"
		    "a: 1"),
	     "{<a>=<1>}"},
	    {PL_STR("a: 1\r\nb: [x, \"y\"]\r\n"), "{<a>=<1> <b>=[<x> \"y\"]}"},
	    {PL_STR("- |\n  two\n  lines\n- >-\n  one\n  line\n"), "[\"two\nlines\n\" \"one line\"]"},
	    {PL_STR("{\"a\":{\"b\":[]},\"c\":null}"), "{\"a\"={\"b\"=[]} \"c\"=<null>}"},
	    {PL_STR("{\n\t\"a\":\t1,\n\t\"b\": \"\\/\"\n}\n"), "{\"a\"=<1> \"b\"=\"/\"}"},
	    {PL_STR("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n"), "{<a>=[<1>] <b>=[<1>] <c>=<2> <d>=<2>}"},
	    {PL_STR("&k a: 1\nb: *k\n"), "{<a>=<1> <b>=<a>}"},
	    {PL_STR("a: !!str 1\nb: ! 2\nc: !!map {}\n"), "{<a>=\"1\" <b>=\"2\" <c>={}}"},
	    {PL_STR("'<<': 1"), "{\"<<\"=<1>}"},
	    {PL_STR("%YAML 1.1\n---\na: \"\xC3\xA4\"\n"), "{<a>=\"\xC3\xA4\"}"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_arena arena = {0};
		struct pl_problems problems = {0};
		struct pl_buf out = {0};
		struct pl_node *root;
		enum pl_err err = pl_node_parse(&arena, "f", cases[i].text, (struct pl_node_limits){0}, &problems, &root);
		expect_problems(cases[i].text.p, &problems, "");
		assert_int_equal(err, PL_OK);
		add_tree(root, &out);
		assert_string_equal(pl_buf_cstr(&out), cases[i].tree);
		pl_buf_finish(&out);
		pl_arena_finish(&arena);
	}
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		struct pl_str text;
		const char *problems;
	} cases[] = {
	    {PL_STR("a: 1\nb: 2\na: 3\n"), "f:3:1: duplicate key \"a\" (first on line 1)\n"},
	    {PL_STR("{a: 1, \"a\": 2, b: {c: 1, c: 2, c: 3}}"),
	     "f:1:8: duplicate key \"a\" (first on line 1)\nf:1:26: duplicate key \"c\" (first on line 1)\n"
	     "f:1:32: duplicate key \"c\" (first on line 1)\n"},
	    {PL_STR("x: &x {a: 1}\ny:\n  <<: *x\n"),
	     "f:3:3: merge keys (<<) are not supported; write the keys out, or alias whole values (*name)\n"},
	    {PL_STR("? [a]\n: 1\n? {b: c}\n: 2\n"),
	     "f:1:3: a key must be text, not a list or a mapping\nf:3:3: a key must be text, not a list or a mapping\n"},
	    {PL_STR("a: 1\n---\nb: 2\n"), "f:2:1: a second document begins here; only one is allowed\n"},
	    {PL_STR("a: *b\n"), "f:1:4: an alias without an anchor before it; put a text that begins with * in quotes\n"},
	    {PL_STR("a: &a\n  b: *a\n"), "f:2:6: the alias *a stands inside the very value that &a names\n"},
	    {PL_STR("&a [&b [*a]]"), "f:1:9: the alias *a stands inside the very value that &a names\n"},
	    {PL_STR("a: !secret x\nb: !!binary aGk=\n"),
	     "f:1:4: a tag that is not supported; leave it out, or put a text that begins with ! in quotes\n"
	     "f:2:4: a tag that is not supported; leave it out, or put a text that begins with ! in quotes\n"},
	    {PL_STR("a: [1, 2\n"),
	     "f:2:1: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence, line 1)\n"},
	    {PL_STR("a:\n\tb: 1\n"),
	     "f:2:1: not valid YAML: found character that cannot start any token (while scanning for the next "
	     "token, line 2); a tab stands here, use spaces\n"},
	    {PL_STR("a: {p: ${X}}\n"),
	     "f:1:9: not valid YAML: did not find expected ',' or '}' (while parsing a flow mapping, line "
	     "1); between { } or [ ] write \"${NAME}\" in quotes\n"},
	    {PL_STR("a: 1\n b: 2\n"), "f:2:3: not valid YAML: mapping values are not allowed in this context\n"},
	    {PL_STR("a: 1\nb: \xff\n"), "f:2:4: not valid YAML: a byte that is not UTF-8\n"},
	    {PL_STR("a: \xC3"), "f:1:4: not valid YAML: a byte that is not UTF-8\n"},
	    {PL_STR("a: \xC3\xA4\xED\xA0\x80"), "f:1:5: not valid YAML: a byte that is not UTF-8\n"},
	    {PL_STR("a: b\0c"), "f:1:5: not valid YAML: a NUL byte\n"},
	    {PL_STR("a: \x1b[0m"), "f:1:4: not valid YAML: a control character\n"},
	    {PL_STR("a: \xC2\x9b"), "f:1:4: not valid YAML: a control character\n"},
	    {PL_STR("a: \xEF\xBB\xBF"), "f:1:4: not valid YAML: a byte order mark in the middle of the text\n"},
	    {PL_STR("\xFF\xFE"
		    "a\0"),
	     "f:1:1: not valid YAML: UTF-16; save the file as UTF-8\n"},
	    {PL_STR("\"a\\nb\": 1\n\"a\\nb\": 2\n"), "f:2:1: duplicate key \"a\\nb\" (first on line 1)\n"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_arena arena = {0};
		struct pl_problems problems = {0};
		struct pl_node *root;
		enum pl_err err = pl_node_parse(&arena, "f", cases[i].text, (struct pl_node_limits){0}, &problems, &root);
		expect_problems(cases[i].text.p, &problems, cases[i].problems);
		assert_int_equal(err, PL_EPARSE);
		assert_null(root);
		pl_arena_finish(&arena);
	}
}

static enum pl_err parse_within(struct pl_str text, struct pl_node_limits limits, const char *expected)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_node *root;
	enum pl_err err = pl_node_parse(&arena, "f", text, limits, &problems, &root);
	expect_problems("limits", &problems, expected);
	assert_true((root != NULL) == (err == PL_OK));
	pl_arena_finish(&arena);
	return err;
}

/* `part` n times, between `before` and `after`. */
static struct pl_buf repeat(const char *before, const char *part, size_t n, const char *after)
{
	struct pl_buf b = {0};
	pl_buf_add_cstr(&b, before);
	for (size_t i = 0; i < n; i++)
		pl_buf_add_cstr(&b, part);
	pl_buf_add_cstr(&b, after);
	return b;
}

static void is_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *before, *part, *after;
		size_t n;
		struct pl_node_limits limits;
		const char *problems;
	} cases[] = {
	    {"", "[", "", 20000, {0}, "f:1:65: nested too deep\n"},
	    {"", "{a: ", "", 20000, {0}, "f:1:254: nested too deep\n"},
	    {"", "- ", "x", 20000, {0}, "f:1:129: nested too deep\n"},
	    {"", "? ", "x", 20000, {0}, "f:1:129: nested too deep\n"},
	    {"[", "[x],", "]", 3, {.max_depth = 3}, ""},
	    {"[", "[x],", "]", 3, {.max_depth = 2}, "f:1:3: nested too deep\n"},
	    {"[&a [[[x]]],", "*a,", "]", 1, {.max_depth = 5}, ""},
	    {"[&a [[[x]]], [", "*a,", "]]", 1, {.max_depth = 5}, "f:1:15: nested too deep\n"},
	    {"[", "x,", "]", 10, {.max_nodes = 11}, ""},
	    {"[", "x,", "]", 10, {.max_nodes = 10}, "f:1:20: too many values\n"},
	    {"[&a [x,x,x],", "*a,", "]", 2, {.max_nodes = 13}, ""},
	    {"[&a [x,x,x],",
	     "*a,",
	     "]",
	     3,
	     {.max_nodes = 16},
	     "f:1:19: too many values (aliases count as often as they are used)\n"},
	    {"", "x", "", 100, {.max_bytes = 99}, "f: is larger than 99 bytes\n"},
	    {"[&a xxxxxxxxxxxxxxxxxxxx,",
	     "*a,",
	     "]",
	     4,
	     {.max_bytes = 99},
	     "f:1:35: too much text (aliases count as often as they "
	     "are used)\n"},
	    {"a: 1\n", "%TAG !a! b\n", "", 17, {0}, "f:18:1: not valid YAML: too many % directives\n"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf text = repeat(cases[i].before, cases[i].part, cases[i].n, cases[i].after);
		enum pl_err err = parse_within(pl_buf_str(&text), cases[i].limits, cases[i].problems);
		bool directives = strstr(cases[i].problems, "directives") != NULL;
		assert_int_equal(err, cases[i].problems[0] == '\0' ? PL_OK : directives ? PL_EPARSE : PL_ELIMIT);
		pl_buf_finish(&text);
	}
}

/* Ten levels of ten aliases each: ten billion values when expanded. */
static void refuses_a_billion_laughs(void **state)
{
	(void)state;
	struct pl_buf text = {0};
	pl_buf_add_cstr(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++) {
		pl_buf_addf(&text, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			pl_buf_addf(&text, "*a%d,", i - 1);
		pl_buf_add_cstr(&text, "]\n");
	}
	assert_int_equal(parse_within(pl_buf_str(&text), (struct pl_node_limits){0},
				      "f:6:46: too many values (aliases count as often as they are used)\n"),
			 PL_ELIMIT);
	pl_buf_finish(&text);
}

static void knows_places(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_node *root;
	assert_int_equal(pl_node_parse(&arena, "file.yml", PL_STR("# c\n\xC3\xA4: x\nb:\n  - {c: [1, 2]}\n"),
				       (struct pl_node_limits){0}, &problems, &root),
			 PL_OK);
	const struct pl_node *b = pl_node_get(root, "b"), *c = pl_node_get(b->items[0], "c");
	assert_string_equal(root->mark.file, "file.yml");
	assert_int_equal(root->mark.line, 2);
	assert_int_equal(pl_node_get(root, "\xC3\xA4")->mark.column, 4); /* characters, not bytes */
	assert_int_equal(c->items[1]->mark.line, 4);
	assert_int_equal(c->items[1]->mark.column, 13);
	assert_int_equal(root->height, 5);
	assert_int_equal(root->all_nodes, 10);
	assert_int_equal(root->all_bytes, 2 + 1 + 1 + 1 + 1 + 1);
	assert_null(pl_node_get(root, "z"));
	assert_null(pl_node_get(NULL, "z"));
	assert_null(pl_node_get(b, "z"));
	assert_true(pl_node_is_null(NULL));
	assert_false(pl_node_is_null(root));
	pl_arena_finish(&arena);
	pl_problems_finish(&problems);
}

static void keeps_the_first_hundred_problems(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_node *root;
	struct pl_buf text = repeat("", "a: 1\n", 251, ""), out = {0};
	assert_int_equal(pl_node_parse(&arena, "f", pl_buf_str(&text), (struct pl_node_limits){0}, &problems, &root), PL_EPARSE);
	assert_int_equal(problems.n, 250);
	pl_problems_print(&problems, &out);
	size_t lines = 0;
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	assert_int_equal(lines, 101);
	assert_non_null(strstr(pl_buf_cstr(&out), "\nand 150 more\n"));
	pl_buf_finish(&text);
	pl_buf_finish(&out);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

static void expect_file(const char *path, enum pl_err expected, const char *why)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_node *root;
	struct pl_buf line = {0};
	assert_int_equal(pl_node_parse_file(&arena, path, (struct pl_node_limits){.max_bytes = 1 << 20}, &problems, &root),
			 expected);
	if (why[0] != '\0')
		pl_buf_addf(&line, "%s: %s\n", path, why);
	expect_problems(path, &problems, pl_buf_cstr(&line));
	pl_buf_finish(&line);
	pl_arena_finish(&arena);
}

static void reads_regular_files_only(void **state)
{
	(void)state;
	char *name = write_file("a: 1", 4);
	expect_file(name, PL_OK, "");
	assert_int_equal(truncate(name, (1 << 20) + 1), 0);
	expect_file(name, PL_ELIMIT, "is larger than 1048576 bytes");
	assert_int_equal(truncate(name, 200 << 20), 0);
	expect_file(name, PL_ELIMIT, "is larger than 1048576 bytes");
	unlink(name);
	expect_file(name, PL_ENOENT, "cannot be read: No such file or directory");
	assert_int_equal(mkfifo(name, 0600), 0);
	expect_file(name, PL_EINVAL, "is a pipe, not a regular file");
	unlink(name);
	expect_file("/tmp", PL_EINVAL, "is a directory, not a regular file");
	expect_file("/dev/zero", PL_EINVAL, "is a device, not a regular file");
	expect_file("/proc/self/limits/x", PL_ENOENT, "cannot be read: Not a directory");
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(makes_trees),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(is_bounded),
	    cmocka_unit_test(refuses_a_billion_laughs),
	    cmocka_unit_test(knows_places),
	    cmocka_unit_test(keeps_the_first_hundred_problems),
	    cmocka_unit_test(reads_regular_files_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
