#include "format/relabel.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "format/regex.h"
#include "format/relabel_template.h"

enum { MD5_BYTES = 16, REASON_BYTES = 256 };

struct rule {
	enum pl_relabel_action action;
	struct pl_str *sources;
	size_t n_sources;
	struct pl_str separator, target;
	struct pl_regex *regex; /* NULL: the action has none */
	struct pl_relabel_template target_template, replacement;
	uint64_t modulus;
	bool legacy_names;
};

struct pl_relabel {
	struct pl_arena arena; /* all texts */
	struct rule *rules;
	size_t n;
};

struct pl_relabel_scratch_state {
	struct pl_regex_scratch regex;
	struct pl_arena strings;
	struct pl_buf joined, name, value;
	struct pl_label *copy;
	size_t copy_cap;
	uint64_t gave_up;
};

static const char *const action_names[] = {
    [PL_RELABEL_REPLACE] = "replace",     [PL_RELABEL_KEEP] = "keep",           [PL_RELABEL_DROP] = "drop",
    [PL_RELABEL_KEEPEQUAL] = "keepequal", [PL_RELABEL_DROPEQUAL] = "dropequal", [PL_RELABEL_HASHMOD] = "hashmod",
    [PL_RELABEL_LABELMAP] = "labelmap",   [PL_RELABEL_LABELDROP] = "labeldrop", [PL_RELABEL_LABELKEEP] = "labelkeep",
    [PL_RELABEL_LOWERCASE] = "lowercase", [PL_RELABEL_UPPERCASE] = "uppercase", NULL,
};

/* ---- compiling ---- */

static bool is_default(const char *text, const char *fallback)
{
	return strcmp(text, fallback) == 0;
}

static bool needs_target(enum pl_relabel_action a)
{
	return a == PL_RELABEL_REPLACE || a == PL_RELABEL_HASHMOD || a == PL_RELABEL_LOWERCASE || a == PL_RELABEL_UPPERCASE ||
	       a == PL_RELABEL_KEEPEQUAL || a == PL_RELABEL_DROPEQUAL;
}

/* Which key is there that the action does not take? NULL: none. */
static const char *surplus_key(const struct pl_relabel_rule *r)
{
	bool equal = r->action == PL_RELABEL_KEEPEQUAL || r->action == PL_RELABEL_DROPEQUAL;
	bool names = r->action == PL_RELABEL_LABELDROP || r->action == PL_RELABEL_LABELKEEP;
	bool cased = r->action == PL_RELABEL_LOWERCASE || r->action == PL_RELABEL_UPPERCASE;
	if (names && r->n_source_labels > 0)
		return "source_labels";
	if (names && r->target_label[0] != '\0')
		return "target_label";
	if (equal && !is_default(r->regex, "(.*)"))
		return "regex";
	if ((equal || names) && r->modulus != 0)
		return "modulus";
	if ((equal || names) && !is_default(r->separator, ";"))
		return "separator";
	if ((equal || names || cased) && !is_default(r->replacement, "$1"))
		return "replacement";
	return NULL;
}

static const char *takes_only(enum pl_relabel_action a)
{
	switch (a) {
	case PL_RELABEL_LABELDROP:
	case PL_RELABEL_LABELKEEP:
		return "only regex";
	case PL_RELABEL_KEEPEQUAL:
	case PL_RELABEL_DROPEQUAL:
		return "only source_labels and target_label";
	default:
		return "only source_labels, separator and target_label";
	}
}

static bool is_name(struct pl_str s, bool legacy)
{
	return legacy ? pl_label_name_valid(s) : s.n > 0 && pl_str_utf8(s);
}

/* May a label's name come of this template? */
static bool makes_name(struct pl_str s, bool legacy)
{
	return legacy ? pl_relabel_template_names(s) : is_name(s, false);
}

/* The checks of Prometheus. False: *key is at fault and `reason` says why. */
static bool check_rule(const struct pl_relabel_rule *r, const char **key, char *reason, size_t size)
{
	const char *action = action_names[r->action];
	for (size_t i = 0; i < r->n_source_labels; i++) {
		if (is_name(pl_str_of(r->source_labels[i]), r->legacy_names))
			continue;
		*key = "source_labels";
		snprintf(reason, size, "\"%.64s\" is no label name", r->source_labels[i]);
		return false;
	}
	*key = surplus_key(r);
	if (*key != NULL) {
		snprintf(reason, size, "%s takes %s", action, takes_only(r->action));
		return false;
	}
	*key = "modulus";
	if (r->action == PL_RELABEL_HASHMOD && r->modulus == 0) {
		snprintf(reason, size, "hashmod needs a modulus above 0");
		return false;
	}
	*key = "target_label";
	if (needs_target(r->action) && r->target_label[0] == '\0') {
		snprintf(reason, size, "%s needs a target_label", action);
		return false;
	}
	struct pl_str target = pl_str_of(r->target_label);
	if (needs_target(r->action) && !is_name(target, r->legacy_names) &&
	    !(r->action == PL_RELABEL_REPLACE && makes_name(target, r->legacy_names))) {
		snprintf(reason, size, "\"%.64s\" is no label name%s", r->target_label,
			 r->action == PL_RELABEL_REPLACE ? ", and no expansion such as ${1} makes it one" : "");
		return false;
	}
	*key = "replacement";
	if (r->action == PL_RELABEL_LABELMAP && !makes_name(pl_str_of(r->replacement), r->legacy_names)) {
		snprintf(reason, size, "\"%.64s\" makes no label name", r->replacement);
		return false;
	}
	return true;
}

static bool uses_regex(enum pl_relabel_action a)
{
	return a == PL_RELABEL_REPLACE || a == PL_RELABEL_KEEP || a == PL_RELABEL_DROP || a == PL_RELABEL_LABELMAP ||
	       a == PL_RELABEL_LABELDROP || a == PL_RELABEL_LABELKEEP;
}

static bool md5(struct pl_str s, unsigned char out[MD5_BYTES])
{
	return EVP_Digest(s.n > 0 ? s.p : "", s.n, out, NULL, EVP_md5(), NULL) == 1;
}

static bool compile(struct pl_arena *arena, struct rule *to, const struct pl_relabel_rule *from, const char **key, char *reason,
		    size_t size)
{
	unsigned char unused[MD5_BYTES];
	*to = (struct rule){.action = from->action,
			    .n_sources = from->n_source_labels,
			    .modulus = from->modulus,
			    .legacy_names = from->legacy_names};
	if (!check_rule(from, key, reason, size))
		return false;
	*key = "regex"; /* checked even where nothing is matched, as everywhere */
	if (pl_regex_create(&to->regex, pl_str_of(from->regex), reason, size) != PL_OK)
		return false;
	*key = "action";
	if (from->action == PL_RELABEL_HASHMOD && !md5(PL_STR(""), unused)) {
		snprintf(reason, size, "hashmod needs MD5, which this system's OpenSSL refuses");
		return false;
	}
	to->sources = pl_arena_alloc(arena, (from->n_source_labels + 1) * sizeof *to->sources);
	for (size_t i = 0; i < from->n_source_labels; i++)
		to->sources[i] = pl_arena_str(arena, pl_str_of(from->source_labels[i]));
	to->separator = pl_arena_str(arena, pl_str_of(from->separator));
	to->target = pl_arena_str(arena, pl_str_of(from->target_label));
	pl_relabel_template_init(&to->target_template, to->target, to->regex);
	pl_relabel_template_init(&to->replacement, pl_arena_str(arena, pl_str_of(from->replacement)), to->regex);
	if (!uses_regex(from->action)) {
		pl_regex_destroy(to->regex);
		to->regex = NULL;
	}
	return true;
}

static void finish_rule(struct rule *r)
{
	pl_regex_destroy(r->regex);
	pl_relabel_template_finish(&r->target_template);
	pl_relabel_template_finish(&r->replacement);
}

enum pl_err pl_relabel_rule_check(const struct pl_relabel_rule *rule, const char **key, char *reason, size_t reason_size)
{
	struct pl_arena arena = {0};
	struct rule compiled;
	bool right = compile(&arena, &compiled, rule, key, reason, reason_size);
	finish_rule(&compiled);
	pl_arena_finish(&arena);
	return right ? PL_OK : PL_EINVAL;
}

struct pl_relabel *pl_relabel_create(const struct pl_relabel_rule *rules, size_t n, size_t *bad, char *reason, size_t reason_size)
{
	struct pl_relabel *r = pl_calloc(1, sizeof *r);
	const char *key;
	char why[REASON_BYTES];
	r->rules = pl_calloc(n + 1, sizeof *r->rules);
	for (; r->n < n; r->n++) {
		if (compile(&r->arena, &r->rules[r->n], &rules[r->n], &key, why, sizeof why))
			continue;
		*bad = r->n;
		snprintf(reason, reason_size, "%s: %s", key, why);
		pl_relabel_destroy(r);
		return NULL;
	}
	return r;
}

void pl_relabel_destroy(struct pl_relabel *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		finish_rule(&r->rules[i]);
	free(r->rules);
	pl_arena_finish(&r->arena);
	free(r);
}

size_t pl_relabel_count(const struct pl_relabel *r)
{
	return r->n;
}

/* ---- applying ---- */

static struct pl_relabel_scratch_state *state_of(struct pl_relabel_scratch *s)
{
	if (s->state == NULL)
		s->state = pl_calloc(1, sizeof *s->state);
	return s->state;
}

void pl_relabel_scratch_clear(struct pl_relabel_scratch *s)
{
	if (s->state != NULL && s->state->strings.used > 0)
		pl_arena_finish(&s->state->strings);
}

void pl_relabel_scratch_finish(struct pl_relabel_scratch *s)
{
	struct pl_relabel_scratch_state *t = s->state;
	if (t == NULL)
		return;
	pl_regex_scratch_finish(&t->regex);
	pl_arena_finish(&t->strings);
	pl_buf_finish(&t->joined);
	pl_buf_finish(&t->name);
	pl_buf_finish(&t->value);
	free(t->copy);
	free(t);
	s->state = NULL;
}

uint64_t pl_relabel_scratch_gave_up(const struct pl_relabel_scratch *s)
{
	return s->state != NULL ? s->state->gave_up : 0;
}

static bool matches(const struct rule *r, struct pl_relabel_scratch_state *s, struct pl_str text)
{
	enum pl_regex_verdict verdict = pl_regex_match(r->regex, &s->regex, text);
	s->gave_up += verdict == PL_REGEX_GAVE_UP;
	return verdict == PL_REGEX_YES;
}

static struct pl_str value_of(const struct pl_labels_builder *b, struct pl_str name)
{
	const struct pl_str *value = pl_labels_get(pl_labels_builder_view(b), name);
	return value != NULL ? *value : PL_STR("");
}

static struct pl_str join(const struct rule *r, struct pl_relabel_scratch_state *s, const struct pl_labels_builder *b)
{
	if (r->n_sources == 1)
		return value_of(b, r->sources[0]);
	pl_buf_clear(&s->joined);
	for (size_t i = 0; i < r->n_sources; i++) {
		if (i > 0)
			pl_buf_add_str(&s->joined, r->separator);
		pl_buf_add_str(&s->joined, value_of(b, r->sources[i]));
	}
	return pl_buf_str(&s->joined);
}

/* An empty value removes the label. False: beyond the bounds. */
static bool set(struct pl_relabel_scratch_state *s, struct pl_labels_builder *b, struct pl_str name, struct pl_str value)
{
	if (value.n == 0) {
		pl_labels_builder_remove(b, name);
		return true;
	}
	if (name.n > PL_RELABEL_MAX_TEXT || value.n > PL_RELABEL_MAX_TEXT || b->n >= PL_RELABEL_MAX_LABELS)
		return false;
	pl_labels_builder_set(b, pl_arena_str(&s->strings, name), pl_arena_str(&s->strings, value));
	return true;
}

static bool replace(const struct rule *r, struct pl_relabel_scratch_state *s, struct pl_labels_builder *b, struct pl_str text)
{
	if (!matches(r, s, text))
		return true;
	pl_buf_clear(&s->name);
	pl_relabel_template_expand(&r->target_template, r->regex, &s->regex, &s->name);
	if (!is_name(pl_buf_str(&s->name), r->legacy_names))
		return true;
	pl_buf_clear(&s->value);
	pl_relabel_template_expand(&r->replacement, r->regex, &s->regex, &s->value);
	return set(s, b, pl_buf_str(&s->name), pl_buf_str(&s->value));
}

static bool hashmod(const struct rule *r, struct pl_relabel_scratch_state *s, struct pl_labels_builder *b, struct pl_str text)
{
	unsigned char digest[MD5_BYTES];
	uint64_t number = 0;
	if (!md5(text, digest))
		return false;
	for (size_t i = MD5_BYTES - 8; i < MD5_BYTES; i++)
		number = number << 8 | digest[i];
	pl_buf_clear(&s->value);
	pl_buf_add_u64(&s->value, number % r->modulus);
	return set(s, b, r->target, pl_buf_str(&s->value));
}

/* All names are looked at as they are before the rule. */
static bool labelmap(const struct rule *r, struct pl_relabel_scratch_state *s, struct pl_labels_builder *b)
{
	size_t n = b->n;
	if (n > s->copy_cap) {
		s->copy = pl_realloc(s->copy, n * sizeof *s->copy);
		s->copy_cap = n;
	}
	for (size_t i = 0; i < n; i++)
		s->copy[i] = b->v[i];
	for (size_t i = 0; i < n; i++) {
		if (!matches(r, s, s->copy[i].name))
			continue;
		pl_buf_clear(&s->name);
		pl_relabel_template_expand(&r->replacement, r->regex, &s->regex, &s->name);
		if (is_name(pl_buf_str(&s->name), r->legacy_names) && !set(s, b, pl_buf_str(&s->name), s->copy[i].value))
			return false;
	}
	return true;
}

static void filter_names(const struct rule *r, struct pl_relabel_scratch_state *s, struct pl_labels_builder *b, bool matching)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->n; i++)
		if (matches(r, s, b->v[i].name) == matching)
			b->v[kept++] = b->v[i];
	b->n = kept;
}

static bool recase(const struct rule *r, struct pl_relabel_scratch_state *s, struct pl_labels_builder *b, struct pl_str text)
{
	pl_buf_clear(&s->value);
	pl_regex_add_cased(&s->value, text, r->action == PL_RELABEL_UPPERCASE);
	return set(s, b, r->target, pl_buf_str(&s->value));
}

static bool apply(const struct rule *r, struct pl_relabel_scratch_state *s, struct pl_labels_builder *b)
{
	struct pl_str text = join(r, s, b);
	switch (r->action) {
	case PL_RELABEL_REPLACE:
		return replace(r, s, b, text);
	case PL_RELABEL_KEEP:
		return matches(r, s, text);
	case PL_RELABEL_DROP:
		return !matches(r, s, text);
	case PL_RELABEL_KEEPEQUAL:
		return pl_str_eq(value_of(b, r->target), text);
	case PL_RELABEL_DROPEQUAL:
		return !pl_str_eq(value_of(b, r->target), text);
	case PL_RELABEL_HASHMOD:
		return hashmod(r, s, b, text);
	case PL_RELABEL_LABELMAP:
		return labelmap(r, s, b);
	case PL_RELABEL_LABELDROP:
		filter_names(r, s, b, false);
		return true;
	case PL_RELABEL_LABELKEEP:
		filter_names(r, s, b, true);
		return true;
	case PL_RELABEL_LOWERCASE:
	case PL_RELABEL_UPPERCASE:
		return recase(r, s, b, text);
	}
	return true;
}

static void remove_empty(struct pl_labels_builder *b)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].value.n > 0)
			b->v[kept++] = b->v[i];
	b->n = kept;
}

int pl_relabel_apply(const struct pl_relabel *r, struct pl_relabel_scratch *s, struct pl_labels_builder *labels,
		     pl_relabel_trace_fn trace, void *data)
{
	struct pl_relabel_scratch_state *state = state_of(s);
	remove_empty(labels);
	for (size_t i = 0; i < r->n; i++) {
		bool kept = apply(&r->rules[i], state, labels);
		if (trace != NULL)
			trace(data, i, pl_labels_builder_view(labels), kept);
		if (!kept)
			return (int)i;
	}
	return PL_RELABEL_KEPT;
}
