/* Relabeling: lines of rules, an empty line, then a label a line. Whatever they say: it ends soon, what is left is a label set
 * within the bounds, values that were UTF-8 stay so, and a second run gives the same. */
#include <stdint.h>
#include <stdlib.h>

#include "format/regex.h"
#include "format/relabel.h"

enum { MAX_RULES = 8, MAX_SOURCES = 4 };

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* action TAB source,source TAB separator TAB regex TAB modulus TAB target TAB replacement; fields may be missing. */
static void read_rule(struct pl_arena *arena, struct pl_str line, struct pl_relabel_rule *rule)
{
	static const char *const fallback[] = {"a", "", ";", "(.*)", "7", "", "$1"};
	const char *field[7];
	for (size_t i = 0; i < 7; i++)
		field[i] = line.p != NULL ? pl_arena_str(arena, pl_str_cut(&line, '\t')).p : fallback[i];
	const char **sources = pl_arena_alloc(arena, MAX_SOURCES * sizeof *sources);
	size_t n = 0;
	for (struct pl_str rest = pl_str_of(field[1]); rest.p != NULL && rest.n > 0 && n < MAX_SOURCES;)
		sources[n++] = pl_arena_str(arena, pl_str_cut(&rest, ',')).p;
	*rule = (struct pl_relabel_rule){
	    .action = (enum pl_relabel_action)((unsigned char)field[0][0] % (PL_RELABEL_UPPERCASE + 1)),
	    .source_labels = sources,
	    .n_source_labels = n,
	    .separator = field[2],
	    .regex = field[3],
	    .modulus = strtoull(field[4], NULL, 10),
	    .target_label = field[5],
	    .replacement = field[6],
	    .legacy_names = ((unsigned char)field[0][0] & 0x80) != 0,
	};
}

static bool read_labels(struct pl_labels_builder *b, struct pl_str text)
{
	bool utf8 = true;
	pl_labels_builder_clear(b);
	while (text.p != NULL) {
		struct pl_str value = pl_str_cut(&text, '\n'), name = pl_str_cut(&value, '=');
		if (name.n == 0 || !pl_str_utf8(name) || value.p == NULL)
			continue;
		pl_labels_builder_set(b, name, value);
		utf8 = utf8 && pl_str_utf8(value);
	}
	return utf8;
}

static void check_step(void *data, size_t rule, struct pl_labels labels, bool kept)
{
	size_t *next = data;
	(void)kept;
	require(rule == (*next)++);
	for (size_t i = 0; i < labels.n; i++) {
		require(labels.v[i].value.n > 0 && labels.v[i].name.n > 0 && pl_str_utf8(labels.v[i].name));
		require(i == 0 || pl_str_cmp(labels.v[i - 1].name, labels.v[i].name) < 0);
	}
}

static void apply(const struct pl_relabel *r, struct pl_str text, bool separators_utf8)
{
	struct pl_relabel_scratch scratch = {0};
	struct pl_labels_builder b = {0};
	struct pl_buf first = {0}, second = {0};
	size_t steps = 0;
	bool utf8 = read_labels(&b, text) && separators_utf8;
	int dropped = pl_relabel_apply(r, &scratch, &b, check_step, &steps);
	require(dropped == PL_RELABEL_KEPT ? steps == pl_relabel_count(r) : steps == (size_t)dropped + 1);
	for (size_t i = 0; utf8 && i < b.n; i++)
		require(pl_str_utf8(b.v[i].value));
	pl_labels_json(&first, pl_labels_builder_view(&b));
	pl_relabel_scratch_clear(&scratch);
	read_labels(&b, text);
	require(pl_relabel_apply(r, &scratch, &b, NULL, NULL) == dropped);
	pl_labels_json(&second, pl_labels_builder_view(&b));
	require(pl_str_eq(pl_buf_str(&first), pl_buf_str(&second)));
	pl_buf_finish(&first);
	pl_buf_finish(&second);
	pl_labels_builder_finish(&b);
	pl_relabel_scratch_finish(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_arena arena = {0};
	struct pl_relabel_rule rules[MAX_RULES], good[MAX_RULES];
	size_t n = 0, n_good = 0, bad;
	bool utf8 = true;
	char reason[256] = "";
	struct pl_str rest = {(const char *)data, size};
	while (rest.p != NULL && n < MAX_RULES) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		if (line.n == 0)
			break;
		utf8 = utf8 && pl_str_utf8(line);
		read_rule(&arena, line, &rules[n++]);
	}
	for (size_t i = 0; i < n; i++) {
		const char *key = NULL;
		if (pl_relabel_rule_check(&rules[i], &key, reason, sizeof reason) == PL_OK)
			good[n_good++] = rules[i];
		else
			require(key != NULL && reason[0] != '\0');
	}
	struct pl_relabel *r = pl_relabel_create(rules, n, &bad, reason, sizeof reason);
	require((r != NULL) == (n_good == n));
	pl_relabel_destroy(r);
	r = pl_relabel_create(good, n_good, &bad, reason, sizeof reason);
	require(r != NULL);
	apply(r, rest, utf8);
	pl_relabel_destroy(r);
	pl_arena_finish(&arena);
	return 0;
}
