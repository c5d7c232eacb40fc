#include "format/relabel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"

enum { MAX_RULES = 4, MAX_SOURCES = 4 };

/* A rule as people write it; what is left out has its default. */
struct rule {
	enum pl_relabel_action action;
	const char *sources, *separator, *regex, *target, *replacement; /* sources: "a,b" */
	uint64_t modulus;
	bool legacy_names;
};

/* Sets of labels: "name=value|name=value". */
struct row {
	const char *what, *in;
	struct rule rules[MAX_RULES];
	size_t n;
	const char *out; /* NULL: dropped, by the last rule */
};

#define R(...)                                                                                                                   \
	{                                                                                                                        \
		__VA_ARGS__                                                                                                      \
	}
#define RULES(N, ...) .rules = {__VA_ARGS__}, .n = (N)

static const struct row rows[] = {
#include "format_relabel_rows.h"
};

struct pile { /* what a rule borrows */
	struct pl_arena arena;
	struct pl_relabel_rule v[MAX_RULES];
};

static void pile_add(struct pile *p, size_t i, const struct rule *r)
{
	const char **sources = pl_arena_alloc(&p->arena, MAX_SOURCES * sizeof *sources);
	size_t n = 0;
	for (struct pl_str rest = pl_str_of(r->sources); rest.p != NULL;) {
		assert_true(n < MAX_SOURCES);
		sources[n++] = pl_arena_str(&p->arena, pl_str_cut(&rest, ',')).p;
	}
	p->v[i] = (struct pl_relabel_rule){
	    .action = r->action,
	    .source_labels = sources,
	    .n_source_labels = n,
	    .separator = r->separator != NULL ? r->separator : ";",
	    .regex = r->regex != NULL ? r->regex : "(.*)",
	    .modulus = r->modulus,
	    .legacy_names = r->legacy_names,
	    .target_label = r->target != NULL ? r->target : "",
	    .replacement = r->replacement != NULL ? r->replacement : "$1",
	};
}

static void read_labels(struct pl_labels_builder *b, const char *text)
{
	pl_labels_builder_clear(b);
	for (struct pl_str rest = pl_str_of(text[0] != '\0' ? text : NULL); rest.p != NULL;) {
		struct pl_str value = pl_str_cut(&rest, '|'), name = pl_str_cut(&value, '=');
		pl_labels_builder_set(b, name, value.p != NULL ? value : PL_STR(""));
	}
}

static void print_labels(struct pl_buf *out, struct pl_labels set)
{
	for (size_t i = 0; i < set.n; i++) {
		if (i > 0)
			pl_buf_add_char(out, '|');
		pl_buf_add_str(out, set.v[i].name);
		pl_buf_add_char(out, '=');
		pl_buf_add_str(out, set.v[i].value);
	}
}

static void test_rows(void **state)
{
	(void)state;
	struct pl_relabel_scratch scratch = {0};
	struct pl_labels_builder b = {0};
	size_t wrong = 0;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct pile pile = {0};
		struct pl_buf out = {0};
		char reason[256] = "";
		size_t bad;
		for (size_t k = 0; k < row->n; k++)
			pile_add(&pile, k, &row->rules[k]);
		struct pl_relabel *r = pl_relabel_create(pile.v, row->n, &bad, reason, sizeof reason);
		pl_arena_finish(&pile.arena); /* nothing of it is borrowed */
		if (r == NULL) {
			print_error("%s: rule %zu: %s\n", row->what, bad, reason);
			wrong++;
			continue;
		}
		assert_int_equal(pl_relabel_count(r), row->n);
		read_labels(&b, row->in);
		int dropped = pl_relabel_apply(r, &scratch, &b, NULL, NULL);
		pl_relabel_destroy(r); /* nor of this */
		print_labels(&out, pl_labels_builder_view(&b));
		const char *got = dropped == PL_RELABEL_KEPT ? pl_buf_cstr(&out) : NULL;
		bool right = row->out == NULL ? dropped == (int)row->n - 1 : got != NULL && strcmp(got, row->out) == 0;
		if (!right) {
			print_error("%s: got %s, want %s\n", row->what, got != NULL ? got : "(dropped)",
				    row->out != NULL ? row->out : "(dropped)");
			wrong++;
		}
		pl_relabel_scratch_clear(&scratch);
		pl_buf_finish(&out);
	}
	assert_int_equal(pl_relabel_scratch_gave_up(&scratch), 0);
	pl_relabel_scratch_finish(&scratch);
	pl_labels_builder_finish(&b);
	assert_int_equal(wrong, 0);
}

static const struct {
	struct rule rule;
	const char *reason; /* "": it is right */
} checks[] = {
    {{.action = PL_RELABEL_REPLACE}, "target_label: replace needs a target_label"},
    {{.action = PL_RELABEL_LOWERCASE}, "target_label: lowercase needs a target_label"},
    {{.action = PL_RELABEL_UPPERCASE}, "target_label: uppercase needs a target_label"},
    {{.action = PL_RELABEL_KEEPEQUAL}, "target_label: keepequal needs a target_label"},
    {{.action = PL_RELABEL_DROPEQUAL}, "target_label: dropequal needs a target_label"},
    {{.action = PL_RELABEL_HASHMOD, .modulus = 2}, "target_label: hashmod needs a target_label"},
    {{.action = PL_RELABEL_HASHMOD, .target = "a"}, "modulus: hashmod needs a modulus above 0"},
    {{.legacy_names = true, .action = PL_RELABEL_HASHMOD, .target = "$1", .modulus = 2}, "target_label: \"$1\" is no label name"},
    {{.legacy_names = true, .action = PL_RELABEL_LOWERCASE, .target = "${3}"}, "target_label: \"${3}\" is no label name"},
    {{.legacy_names = true, .action = PL_RELABEL_KEEPEQUAL, .target = "${1}"}, "target_label: \"${1}\" is no label name"},
    {{.action = PL_RELABEL_LOWERCASE, .target = "a", .replacement = "x"},
     "replacement: lowercase takes only source_labels, separator and target_label"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "0${3}"},
     "target_label: \"0${3}\" is no label name, and no expansion such as ${1} makes it one"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "-${3}"},
     "target_label: \"-${3}\" is no label name, and no expansion such as ${1} makes it one"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "${"},
     "target_label: \"${\" is no label name, and no expansion such as ${1} makes it one"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "$"},
     "target_label: \"$\" is no label name, and no expansion such as ${1} makes it one"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "${}"},
     "target_label: \"${}\" is no label name, and no expansion such as ${1} makes it one"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "foo${"},
     "target_label: \"foo${\" is no label name, and no expansion such as ${1} makes it one"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "-foo${1}bar-"},
     "target_label: \"-foo${1}bar-\" is no label name, and no expansion such as ${1} makes it one"},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "a-b"},
     "target_label: \"a-b\" is no label name, and no expansion such as ${1} makes it one"},
    {{.action = PL_RELABEL_REPLACE, .target = "${3}"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "label${1}"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "${1}label"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "asd$2asd"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "_${1}_"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "foo${bar}foo"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "a", .sources = "a-b"},
     "source_labels: \"a-b\" is no label name"},
    {{.action = PL_RELABEL_REPLACE, .target = "a", .regex = "("}, "regex: missing closing parenthesis"},
    {{.action = PL_RELABEL_UPPERCASE, .target = "a", .regex = "["},
     "regex: a class that begins with [ lacks its ] (at character 1 of the pattern)"},
    {{.legacy_names = true, .action = PL_RELABEL_LABELMAP, .replacement = "-$1"}, "replacement: \"-$1\" makes no label name"},
    {{.action = PL_RELABEL_LABELMAP, .replacement = ""}, "replacement: \"\" makes no label name"},
    {{.action = PL_RELABEL_LABELMAP, .replacement = "a_$1"}, ""},
    {{.action = PL_RELABEL_LABELDROP, .sources = "a"}, "source_labels: labeldrop takes only regex"},
    {{.action = PL_RELABEL_LABELKEEP, .target = "a"}, "target_label: labelkeep takes only regex"},
    {{.action = PL_RELABEL_LABELDROP, .modulus = 1}, "modulus: labeldrop takes only regex"},
    {{.action = PL_RELABEL_LABELKEEP, .separator = ","}, "separator: labelkeep takes only regex"},
    {{.action = PL_RELABEL_LABELDROP, .replacement = "a"}, "replacement: labeldrop takes only regex"},
    {{.action = PL_RELABEL_LABELDROP, .regex = "a"}, ""},
    {{.action = PL_RELABEL_KEEPEQUAL, .target = "a", .regex = "b"}, "regex: keepequal takes only source_labels and target_label"},
    {{.action = PL_RELABEL_DROPEQUAL, .target = "a", .separator = ","},
     "separator: dropequal takes only source_labels and target_label"},
    {{.action = PL_RELABEL_DROPEQUAL, .target = "a", .modulus = 3},
     "modulus: dropequal takes only source_labels and target_label"},
    {{.action = PL_RELABEL_KEEPEQUAL, .target = "a", .replacement = "b"},
     "replacement: keepequal takes only source_labels and target_label"},
    {{.action = PL_RELABEL_REPLACE, .target = "a", .sources = "a-b"}, ""},
    {{.action = PL_RELABEL_REPLACE, .target = "a-b"}, ""},
    {{.action = PL_RELABEL_REPLACE, .target = "0${3}"}, ""},
    {{.action = PL_RELABEL_REPLACE, .target = "-${3}"}, ""},
    {{.action = PL_RELABEL_LOWERCASE, .target = "${3}"}, ""},
    {{.action = PL_RELABEL_LABELMAP, .replacement = "-$1"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_LABELMAP, .regex = "__meta_(.+)", .replacement = "${1}"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "$1"}, ""},
    {{.legacy_names = true, .action = PL_RELABEL_REPLACE, .target = "bar.foo${1}bar"},
     "target_label: \"bar.foo${1}bar\" is no label name, and no expansion such as ${1} makes it one"},
    {{.action = PL_RELABEL_REPLACE, .target = "a\xff"},
     "target_label: \"a\xff\" is no label name, and no expansion such as ${1} makes it one"},
    {{.action = PL_RELABEL_KEEP}, ""},
    {{.action = PL_RELABEL_DROP}, ""},
};

static void test_checks(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(checks); i++) {
		struct pile pile = {0};
		char reason[256] = "", whole[256], joined[512];
		const char *key = "";
		size_t bad = 99;
		static const struct rule fine = {.action = PL_RELABEL_KEEP};
		pile_add(&pile, 0, &fine);
		pile_add(&pile, 1, &checks[i].rule);
		enum pl_err err = pl_relabel_rule_check(&pile.v[1], &key, reason, sizeof reason);
		struct pl_relabel *r = pl_relabel_create(pile.v, 2, &bad, whole, sizeof whole);
		if (checks[i].reason[0] == '\0') {
			assert_int_equal(err, PL_OK);
			assert_non_null(r);
		} else {
			assert_int_equal(err, PL_EINVAL);
			assert_null(r);
			assert_int_equal(bad, 1);
			snprintf(joined, sizeof joined, "%s: %s", key, reason);
			assert_string_equal(joined, checks[i].reason);
			assert_string_equal(whole, checks[i].reason);
		}
		pl_relabel_destroy(r);
		pl_arena_finish(&pile.arena);
	}
}

struct steps {
	struct pl_buf text;
};

static void note(void *data, size_t rule, struct pl_labels labels, bool kept)
{
	struct steps *s = data;
	pl_buf_addf(&s->text, "%zu%c ", rule, kept ? '+' : '-');
	print_labels(&s->text, labels);
	pl_buf_add_char(&s->text, '\n');
}

static void test_trace(void **state)
{
	(void)state;
	static const struct rule rules[] = {{.action = PL_RELABEL_REPLACE, .sources = "a", .target = "b"},
					    {.action = PL_RELABEL_DROP, .sources = "b", .regex = "x"},
					    {.action = PL_RELABEL_REPLACE, .target = "c", .replacement = "never"}};
	struct pile pile = {0};
	struct pl_relabel_scratch scratch = {0};
	struct pl_labels_builder b = {0};
	struct steps steps = {0};
	char reason[256];
	size_t bad;
	for (size_t i = 0; i < PL_COUNT_OF(rules); i++)
		pile_add(&pile, i, &rules[i]);
	struct pl_relabel *r = pl_relabel_create(pile.v, PL_COUNT_OF(rules), &bad, reason, sizeof reason);
	assert_non_null(r);
	read_labels(&b, "a=x|empty=");
	assert_int_equal(pl_relabel_apply(r, &scratch, &b, note, &steps), 1);
	assert_string_equal(pl_buf_cstr(&steps.text), "0+ a=x|b=x\n1- a=x|b=x\n");
	pl_relabel_destroy(r);
	pl_buf_finish(&steps.text);
	pl_labels_builder_finish(&b);
	pl_relabel_scratch_finish(&scratch);
	pl_arena_finish(&pile.arena);
}

/* Values and sets that grow with every rule end at the bounds. */
static void test_bounds(void **state)
{
	(void)state;
	static const struct rule growing[] = {
	    {.action = PL_RELABEL_REPLACE, .sources = "a", .target = "a", .replacement = "$1$1"},
	    {.action = PL_RELABEL_LABELMAP, .regex = "(.*)", .replacement = "x_$1"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(growing); i++) {
		struct pile pile = {0};
		struct pl_relabel_rule rules[40];
		struct pl_relabel_scratch scratch = {0};
		struct pl_labels_builder b = {0};
		char reason[256];
		size_t bad;
		pile_add(&pile, 0, &growing[i]);
		for (size_t k = 0; k < PL_COUNT_OF(rules); k++) {
			rules[k] = pile.v[0];
			if (i == 1) /* other names each time, or they would be the same ones */
				rules[k].replacement = pl_arena_printf(&pile.arena, "x%zu_$1", k);
		}
		struct pl_relabel *r = pl_relabel_create(rules, PL_COUNT_OF(rules), &bad, reason, sizeof reason);
		assert_non_null(r);
		read_labels(&b, "a=xy");
		int dropped = pl_relabel_apply(r, &scratch, &b, NULL, NULL);
		assert_int_equal(dropped, i == 0 ? 19 : 10); /* 2^20 bytes; 2^10 labels */
		pl_relabel_destroy(r);
		pl_labels_builder_finish(&b);
		pl_relabel_scratch_finish(&scratch);
		pl_arena_finish(&pile.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_checks),
	    cmocka_unit_test(test_trace),
	    cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
