#include "config_harness.h"

#include <math.h>

#include "base/clock.h"
#include "config/schema.h"

struct inner {
	const char *name;
	int64_t count;
};

static const struct pl_field inner_fields[] = {
    {.key = "name", .type = PL_FIELD_STRING, .offset = offsetof(struct inner, name), .flags = PL_FIELD_REQUIRED},
    {.key = "count", .type = PL_FIELD_INT, .offset = offsetof(struct inner, count), .fallback = "3", .min = 1, .max = 9},
    {0},
};
static const struct pl_schema inner_schema = {.name = "inner", .size = sizeof(struct inner), .fields = inner_fields};

struct outer {
	bool flag;
	int64_t whole, least, duration, bytes;
	double number;
	const char *text, *unset, *listen, *url, *path, *pattern, *filled;
	struct pl_secret secret;
	int choice;
	struct pl_labels labels;
	struct pl_strings strings, filled_strings, defaulted;
	struct pl_params params;
	struct inner object, *optional;
	struct pl_list list;
	struct pl_sections plugins, by_key;
};

static const char *const choices[] = {"red", "green", "blue", NULL};

/* A check sees decoded values and may complain. */
static void check_outer(void *object, const struct pl_check *c)
{
	struct outer *o = object;
	if (o->whole == 13)
		pl_check_fail(c, "whole", "unlucky: %d", 13);
	if (o->flag && o->unset == NULL)
		pl_check_fail(c, "unset", "must be given when flag is");
}

#define AT(MEMBER) .offset = offsetof(struct outer, MEMBER)
static const struct pl_field outer_fields[] = {
    {.key = "flag", .type = PL_FIELD_BOOL, AT(flag), .fallback = "false"},
    {.key = "whole", .type = PL_FIELD_INT, AT(whole)},
    {.key = "least", .type = PL_FIELD_INT, AT(least), .fallback = "5", .min = 5},
    {.key = "duration", .type = PL_FIELD_DURATION, AT(duration), .fallback = "15s", .min = PL_NS_PER_S, .max = 60 * PL_NS_PER_S},
    {.key = "bytes", .type = PL_FIELD_BYTES, AT(bytes), .fallback = "1MiB", .min = 1024, .max = -1},
    {.key = "number", .type = PL_FIELD_DOUBLE, AT(number), .fallback = "0.5", .min = 0, .max = 10},
    {.key = "text", .type = PL_FIELD_STRING, AT(text), .fallback = ""},
    {.key = "unset", .type = PL_FIELD_STRING, AT(unset)},
    {.key = "listen", .type = PL_FIELD_LISTEN, AT(listen), .fallback = "127.0.0.1:1"},
    {.key = "url", .type = PL_FIELD_URL, AT(url)},
    {.key = "path", .type = PL_FIELD_PATH, AT(path), .fallback = "default.db"},
    {.key = "pattern", .type = PL_FIELD_STRING, AT(pattern), .flags = PL_FIELD_NO_ENV},
    {.key = "filled", .type = PL_FIELD_STRING, AT(filled), .flags = PL_FIELD_NONEMPTY},
    {.key = "secret", .type = PL_FIELD_SECRET, AT(secret)},
    {.key = "choice", .type = PL_FIELD_ENUM, AT(choice), .fallback = "green", .choices = choices},
    {.key = "labels", .type = PL_FIELD_LABELS, AT(labels)},
    {.key = "strings", .type = PL_FIELD_STRINGS, AT(strings)},
    {.key = "filled_strings", .type = PL_FIELD_STRINGS, AT(filled_strings), .flags = PL_FIELD_NONEMPTY},
    {.key = "defaulted", .type = PL_FIELD_STRINGS, AT(defaulted), .fallback = "[a, b]"},
    {.key = "params", .type = PL_FIELD_PARAMS, AT(params)},
    {.key = "object", .type = PL_FIELD_OBJECT, AT(object), .schema = &inner_schema},
    {.key = "optional", .type = PL_FIELD_OPTIONAL, AT(optional), .schema = &inner_schema},
    {.key = "list", .type = PL_FIELD_LIST, AT(list), .schema = &inner_schema},
    {.key = "plugins", .type = PL_FIELD_PLUGINS, AT(plugins), .plugin_kind = 1},
    {.key = "*_configs", .type = PL_FIELD_PLUGIN_KEYS, AT(by_key), .plugin_kind = 2},
    {.key = "oauth2", .type = PL_FIELD_REFUSED, .help = "not supported yet; use secret"},
    {.key = "new_configs", .type = PL_FIELD_REFUSED, .help = "has no plugin yet"},
    {.key = "file_configs", .type = PL_FIELD_REFUSED, .help = "never said: there is a plugin"},
    {0},
};
static const struct pl_schema outer_schema = {
    .name = "outer", .size = sizeof(struct outer), .fields = outer_fields, .check = check_outer};

static const char a_plugin[] = "plugin";

static const void *find(int kind, const char *name, const struct pl_schema **schema)
{
	*schema = strcmp(name, "bare") == 0 ? NULL : &inner_schema;
	bool known = kind == 1 ? strcmp(name, "local") == 0 || strcmp(name, "bare") == 0 : strcmp(name, "file_configs") == 0;
	return known ? a_plugin : NULL;
}

static const char *nth_name(int kind, size_t nth)
{
	static const char *const outputs[] = {"local", "bare", NULL}, *const discoveries[] = {"file_configs", NULL};
	return kind == 1 ? outputs[nth] : discoveries[nth];
}

static const char *env(void *data, const char *name)
{
	(void)data;
	return strcmp(name, "NUM") == 0 ? "7" : strcmp(name, "PW") == 0 ? "hunter2" : strcmp(name, "BAD") == 0 ? "\xff" : NULL;
}

/* A document decoded; finish frees. */
struct decoded {
	struct pl_arena arena;
	struct pl_problems problems;
	struct outer object;
	enum pl_err err;
	uint64_t fingerprint; /* of the document */
};

static void decode(struct decoded *d, const char *text)
{
	*d = (struct decoded){0};
	struct pl_arena nodes = {0};
	struct pl_node *root;
	const struct pl_decode_options options = {.arena = &d->arena,
						  .problems = &d->problems,
						  .base_dir = "/base",
						  .getenv = env,
						  .plugin = find,
						  .plugin_name = nth_name};
	assert_int_equal(pl_node_parse(&nodes, "f", pl_str_of(text), (struct pl_node_limits){0}, &d->problems, &root), PL_OK);
	d->err = pl_schema_decode(&outer_schema, root, "top", &options, &d->object);
	d->fingerprint = pl_node_fingerprint(root, &options);
	pl_arena_finish(&nodes); /* nothing may point into it */
}

static void finish(struct decoded *d)
{
	pl_problems_finish(&d->problems);
	pl_arena_finish(&d->arena);
}

static void gives_defaults(void **state)
{
	(void)state;
	struct decoded d;
	decode(&d, "{}");
	expect_problems("defaults", &d.problems, "");
	const struct outer *o = &d.object;
	assert_int_equal(o->least, 5);
	assert_int_equal(o->duration, 15 * PL_NS_PER_S);
	assert_int_equal(o->bytes, 1 << 20);
	assert_true(fabs(o->number - 0.5) < 1e-12);
	assert_string_equal(o->text, "");
	assert_null(o->unset);
	assert_null(o->url);
	assert_string_equal(o->path, "/base/default.db");
	assert_int_equal(o->choice, 1);
	assert_int_equal(o->defaulted.n, 2);
	assert_string_equal(o->defaulted.v[1], "b");
	assert_int_equal(o->object.count, 3);
	assert_null(o->optional);
	assert_int_equal(o->list.n + o->plugins.n + o->by_key.n + o->labels.n + o->params.n + o->strings.n, 0);
	assert_false(pl_secret_given(&o->secret));
	finish(&d);
}

static const char all_good[] = "flag: yes\n"
			       "unset: given\n"
			       "whole: +12\n"
			       "least: \"${NUM}\"\n"
			       "duration: ${NUM}s\n"
			       "bytes: 2KB\n"
			       "number: 1e1\n"
			       "text: 15\n"
			       "listen: :0\n"
			       "url: https://h:1/x\n"
			       "path: a/b\n"
			       "pattern: ${1}$$\n"
			       "filled: 'a $$ ${NUM} ${NONE:-x}'\n"
			       "secret: ${PW}\n"
			       "choice: blue\n"
			       "labels: {b: 'true', a: ~, c: \"\\n\"}\n"
			       "strings: [on, 1.0, \"\"]\n"
			       "params: {z: [a], 'm[]': []}\n"
			       "object: {name: n}\n"
			       "optional: {name: o, count: 9}\n"
			       "list: [{name: l}]\n"
			       "plugins:\n"
			       "- local: {name: p}\n"
			       "- bare:\n"
			       "file_configs:\n"
			       "- name: x\n"
			       "- name: y\n";

static void decodes_every_type(void **state)
{
	(void)state;
	struct decoded d;
	decode(&d, all_good);
	expect_problems("all good", &d.problems, "");
	const struct outer *o = &d.object;
	assert_true(o->flag);
	assert_int_equal(o->whole, 12);
	assert_int_equal(o->least, 7);
	assert_int_equal(o->duration, 7 * PL_NS_PER_S);
	assert_int_equal(o->bytes, 2048);
	assert_true(fabs(o->number - 10) < 1e-12);
	assert_string_equal(o->text, "15");
	assert_string_equal(o->path, "/base/a/b");
	assert_string_equal(o->pattern, "${1}$$");
	assert_string_equal(o->filled, "a $ 7 x");
	assert_string_equal(o->secret.value, "hunter2");
	assert_int_equal(o->choice, 2);
	assert_int_equal(o->labels.n, 3);
	assert_true(pl_str_is(o->labels.v[0].name, "a") && pl_str_is(o->labels.v[0].value, ""));
	assert_true(pl_str_is(o->labels.v[1].value, "true"));
	assert_int_equal(o->strings.n, 3);
	assert_string_equal(o->strings.v[1], "1.0");
	assert_string_equal(o->params.v[0].name, "m[]");
	assert_string_equal(o->params.v[1].values.v[0], "a");
	assert_string_equal(o->optional->name, "o");
	assert_int_equal(((const struct inner *)o->list.v)->count, 3);
	assert_int_equal(o->plugins.n, 2);
	assert_string_equal(o->plugins.v[0].kind, "local");
	assert_ptr_equal(o->plugins.v[0].plugin, a_plugin);
	assert_string_equal(((const struct inner *)o->plugins.v[0].config)->name, "p");
	assert_int_equal(o->plugins.v[0].mark.line, 23);
	assert_string_equal(o->plugins.v[0].mark.file, "f");
	assert_int_equal(o->by_key.n, 2);
	assert_string_equal(o->by_key.v[1].kind, "file_configs");
	assert_string_equal(((const struct inner *)o->by_key.v[1].config)->name, "y");
	assert_true(o->by_key.v[0].fingerprint != o->by_key.v[1].fingerprint);
	finish(&d);
}

static void prints_what_reads_back(void **state)
{
	(void)state;
	struct decoded d, again;
	struct pl_buf out = {0}, second = {0};
	decode(&d, all_good);
	pl_schema_print(&outer_schema, &d.object, 0, &out);
	assert_string_equal(pl_buf_cstr(&out), "flag: true\n"
					       "whole: 12\n"
					       "least: 7\n"
					       "duration: 7s\n"
					       "bytes: 2KiB\n"
					       "number: 10\n"
					       "text: \"15\"\n"
					       "unset: given\n"
					       "listen: \":0\"\n"
					       "url: \"https://h:1/x\"\n"
					       "path: /base/a/b\n"
					       "pattern: \"${1}$$\"\n"
					       "filled: \"a $ 7 x\"\n"
					       "secret: <secret>\n"
					       "choice: blue\n"
					       "labels:\n"
					       "  a: \"\"\n"
					       "  b: \"true\"\n"
					       "  c: \"\\x0a\"\n"
					       "strings: [\"on\", \"1.0\", \"\"]\n"
					       "defaulted: [a, b]\n"
					       "params:\n"
					       "  \"m[]\": []\n"
					       "  z: [a]\n"
					       "object:\n"
					       "  name: \"n\"\n"
					       "  count: 3\n"
					       "optional:\n"
					       "  name: o\n"
					       "  count: 9\n"
					       "list:\n"
					       "  - name: l\n"
					       "    count: 3\n"
					       "plugins:\n"
					       "  - local:\n"
					       "      name: p\n"
					       "      count: 3\n"
					       "  - bare: {}\n"
					       "file_configs:\n"
					       "  - name: x\n"
					       "    count: 3\n"
					       "  - name: \"y\"\n"
					       "    count: 3\n");
	decode(&again, pl_buf_cstr(&out));
	expect_problems("printed", &again.problems, "");
	pl_schema_print(&outer_schema, &again.object, 0, &second);
	assert_string_equal(pl_buf_cstr(&second), pl_buf_cstr(&out));
	pl_buf_finish(&out);
	pl_buf_finish(&second);
	finish(&d);
	finish(&again);
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text, *problems;
	} cases[] = {
	    {"flags: true", "f:1:1: top.flags: unknown key (did you mean \"flag\"?)\n"},
	    {"zzz: 1", "f:1:1: top.zzz: unknown key\n"},
	    {"secret_fil: x", "f:1:1: top.secret_fil: unknown key (did you mean \"secret_file\"?)\n"},
	    {"file_config: []", "f:1:1: top.file_config: unknown key (did you mean \"file_configs\"?)\n"},
	    {"oauth2: {}", "f:1:1: top.oauth2: not supported yet; use secret\n"},
	    {"oauth: {}", "f:1:1: top.oauth: unknown key (did you mean \"oauth2\"?)\n"},
	    {"new_configs: [{}]", "f:1:1: top.new_configs: has no plugin yet\n"},
	    {"\"a\\0b\": 1", "f:1:1: top.a: unknown key\n"},
	    {"[]", "f:1:1: top: expected a mapping (key: value), found a list\n"},
	    {"text", "f:1:1: top: expected a mapping (key: value), found text\n"},
	    {"flag: maybe", "f:1:7: top.flag: expected true or false, found \"maybe\"\n"},
	    {"flag: 'true'", "f:1:7: top.flag: expected true or false, found \"true\" in quotes; leave the quotes out\n"},
	    {"flag:", "f:1:6: top.flag: has no value; expected true or false\n"},
	    {"flag: []", "f:1:7: top.flag: expected true or false, found a list\n"},
	    {"whole: 1.5", "f:1:8: top.whole: expected a whole number, found \"1.5\"\n"},
	    {"whole: '1'", "f:1:8: top.whole: expected a whole number, found \"1\" in quotes; leave the quotes out\n"},
	    {"whole: 9223372036854775808", "f:1:8: top.whole: expected a whole number, found \"9223372036854775808\"\n"},
	    {"least: 4", "f:1:8: top.least: 4 is out of range; allowed: at least 5\n"},
	    {"duration: 15x",
	     "f:1:11: top.duration: expected a duration like 500ms, 15s, 5m, 1h30m or 7d (units y w d h m s ms, the "
	     "largest first), found \"15x\"\n"},
	    {"duration: 15", "f:1:11: top.duration: expected a duration like 15s, found \"15\" without a unit\n"},
	    {"duration: 999y", "f:1:11: top.duration: expected a duration, found \"999y\", which is too long\n"},
	    {"duration: 2m", "f:1:11: top.duration: 2m is out of range; allowed: 1s to 1m\n"},
	    {"duration: 0", "f:1:11: top.duration: 0 is out of range; allowed: 1s to 1m\n"},
	    {"bytes: 1", "f:1:8: top.bytes: 1 is out of range; allowed: at least 1KiB\n"},
	    {"bytes: lots", "f:1:8: top.bytes: expected a size in bytes like 512, 64KiB, 10MB or 1GiB, found \"lots\"\n"},
	    {"number: ten", "f:1:9: top.number: expected a number, found \"ten\"\n"},
	    {"number: .inf", "f:1:9: top.number: expected a number, found \".inf\"\n"},
	    {"number: 1e999", "f:1:9: top.number: expected a number, found \"1e999\"\n"},
	    {"number: 10.5", "f:1:9: top.number: 10.5 is out of range; allowed: 0 to 10\n"},
	    {"text: ~", "f:1:7: top.text: has no value; expected text\n"},
	    {"text: {a: b}", "f:1:7: top.text: expected text, found a mapping\n"},
	    {"text: \"a\\0b\"", "f:1:7: top.text: holds a NUL character\n"},
	    {"filled: ''", "f:1:9: top.filled: must not be empty\n"},
	    {"listen: 8080",
	     "f:1:9: top.listen: expected an address like 127.0.0.1:8080 or :8080 (write a colon before the port: "
	     ":8080), found \"8080\"\n"},
	    {"url: http://u:hunter2@h", "f:1:6: top.url: expected a URL like http://127.0.0.1:8086: user and password do not "
					"belong into it, they have keys of "
					"their own\n"},
	    {"choice: bleu", "f:1:9: top.choice: expected red, green or blue, found \"bleu\" (did you mean \"blue\"?)\n"},
	    {"choice: xyz", "f:1:9: top.choice: expected red, green or blue, found \"xyz\"\n"},
	    {"secret: [hunter2]", "f:1:9: top.secret: expected text, found a list\n"},
	    {"{secret: hunter2, secret_file: x}", "f:1:32: top.secret_file: give either secret or secret_file, not both\n"},
	    {"secret_file: ''", "f:1:14: top.secret_file: must not be empty\n"},
	    {"labels: [a]", "f:1:9: top.labels: expected a mapping of label names to values, found a list\n"},
	    {"labels: {a-b: 1}", "f:1:10: top.labels.a-b: no label name; it takes letters, digits and _, and no digit first\n"},
	    {"labels: {a: [1]}", "f:1:13: top.labels.a: expected text, found a list\n"},
	    {"strings: a", "f:1:10: top.strings: expected a list of texts, found text\n"},
	    {"strings: [a, ~, {}]", "f:1:14: top.strings[1]: has no value; expected text\n"
				    "f:1:17: top.strings[2]: expected text, found a mapping\n"},
	    {"filled_strings: []", "f:1:17: top.filled_strings: must not be empty\n"},
	    {"params: {a: b}", "f:1:13: top.params.a: expected a list of texts, found text\n"},
	    {"object: {}", "f:1:9: top.object: the key \"name\" is missing\n"},
	    {"object: {name: a, count: 10}", "f:1:26: top.object.count: 10 is out of range; allowed: 1 to 9\n"},
	    {"optional: x", "f:1:11: top.optional: expected a mapping (key: value), found text\n"},
	    {"list: {}", "f:1:7: top.list: expected a list, found a mapping\n"},
	    {"list: [{name: a, nam: b}, ~, {}]", "f:1:18: top.list[0].nam: unknown key (did you mean \"name\"?)\n"
						 "f:1:27: top.list[1]: the key \"name\" is missing\n"
						 "f:1:30: top.list[2]: the key \"name\" is missing\n"},
	    {"plugins: {local: {}}", "f:1:10: top.plugins: expected a list, found a mapping\n"},
	    {"plugins: [locla: {}]", "f:1:11: top.plugins[0].locla: unknown kind (did you mean \"local\"?)\n"},
	    {"plugins: [zzzz: {}]", "f:1:11: top.plugins[0].zzzz: unknown kind; there are: local, bare\n"},
	    {"plugins: [local]",
	     "f:1:11: top.plugins[0]: expected a mapping of one key (the kind) to its settings, found text\n"},
	    {"plugins:\n- local:\n  name: x\n",
	     "f:2:3: top.plugins[0]: expected a mapping of one key (the kind) to its settings, "
	     "found a mapping of several keys (indent the settings below their kind)\n"},
	    {"plugins: [local: ]", "f:1:18: top.plugins[0].local: the key \"name\" is missing\n"},
	    {"plugins: [bare: {a: 1}]", "f:1:18: top.plugins[0].bare.a: unknown key\n"},
	    {"file_configs: {name: x}", "f:1:15: top.file_configs: expected a list, found a mapping\n"},
	    {"file_configs: [{nam: x}]", "f:1:16: top.file_configs[0]: the key \"name\" is missing\n"
					 "f:1:17: top.file_configs[0].nam: unknown key (did you mean \"name\"?)\n"},
	    {"whole: 13", "f:1:8: top.whole: unlucky: 13\n"},
	    {"flag: true", "f:1:1: top.unset: must be given when flag is\n"},
	    /* The environment: named, never shown. */
	    {"text: ${NONE}", "f:1:7: top.text: the environment variable NONE is not set (a default: ${NONE:-value})\n"},
	    {"text: ${BAD}", "f:1:7: top.text: what the environment gives is not UTF-8\n"},
	    {"whole: ${PW}",
	     "f:1:8: top.whole: expected a whole number, found \"${PW}\" (which the environment turns into something "
	     "else)\n"},
	    {"choice: ${PW}", "f:1:9: top.choice: expected red, green or blue, found \"${PW}\" (which the environment turns into "
			      "something else)\n"},
	    {"object: {name: x, count: \"1${NUM}\"}", "f:1:26: top.object.count: out of range; allowed: 1 to 9\n"},
	    {"duration: ${PW}",
	     "f:1:11: top.duration: expected a duration like 500ms, 15s, 5m, 1h30m or 7d (units y w d h m s ms, the "
	     "largest first), found \"${PW}\" (which the environment turns into something else)\n"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct decoded d;
		decode(&d, cases[i].text);
		assert_int_equal(d.err, PL_EPARSE);
		expect_problems(cases[i].text, &d.problems, cases[i].problems);
		finish(&d);
	}
}

/* Equal content gives equal numbers, whatever its order and place; other content others. */
static void numbers_content(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same_document, same_object;
	} cases[] = {
	    {"{whole: 1, text: a}", "# moved\ntext: a\nwhole: 1\n", true, true},
	    {"text: 'a'", "text: a", true, true},
	    {"least: \"${NUM}\"", "least: 7", true, true},
	    {"duration: 60s", "duration: 1m", false, true},
	    {"{}", "text: ''", false, true},
	    {"whole: 1", "whole: 2", false, false},
	    {"strings: [a, b]", "strings: [b, a]", false, false},
	    {"strings: [a, b]", "strings: [ab]", false, false},
	    {"strings: []", "strings: ['']", false, false},
	    {"secret: a", "secret: b", false, false},
	    {"secret: a", "secret_file: a", false, false},
	    {"labels: {a: b}", "labels: {b: a}", false, false},
	    {"{labels: {a: b}, params: {}}", "{labels: {}, params: {a: [b]}}", false, false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct decoded a, b;
		decode(&a, cases[i].a);
		decode(&b, cases[i].b);
		uint64_t of_a = pl_schema_fingerprint(&outer_schema, &a.object),
			 of_b = pl_schema_fingerprint(&outer_schema, &b.object);
		if ((a.fingerprint == b.fingerprint) != cases[i].same_document || (of_a == of_b) != cases[i].same_object)
			fail_msg("%s against %s", cases[i].a, cases[i].b);
		finish(&a);
		finish(&b);
	}
}

static void decodes_nothing(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct inner inner;
	const struct pl_decode_options options = {.arena = &arena, .problems = &problems};
	assert_int_equal(pl_schema_decode(&inner_schema, NULL, "", &options, &inner), PL_OK);
	assert_int_equal(inner.count, 3);
	const struct pl_node null = {.kind = PL_NODE_SCALAR, .mark = {"f", 1, 2}, .plain = true, .text = PL_STR("~")};
	assert_int_equal(pl_schema_decode(&inner_schema, &null, "", &options, &inner), PL_EPARSE);
	expect_problems("null", &problems, "f:1:2: the key \"name\" is missing\n");
	pl_arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_defaults),     cmocka_unit_test(decodes_every_type), cmocka_unit_test(prints_what_reads_back),
	    cmocka_unit_test(says_what_is_wrong), cmocka_unit_test(numbers_content),    cmocka_unit_test(decodes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
