#include "config/alert_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"

enum { LONGEST_NUMBER = 63 };

static const char *const level_keys[PL_ALERT_LEVELS] = {NULL, "info", "warn", "crit"};
static const char *const reset_keys[PL_ALERT_LEVELS] = {NULL, "info_reset", "warn_reset", "crit_reset"};

static bool is_given(const struct pl_check *c, const char *key)
{
	return !pl_node_is_null(pl_node_get(c->node, key));
}

/* ---- texts ---- */

static uint32_t code_point(const unsigned char *p, size_t n)
{
	static const unsigned char first_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint32_t code = p[0] & first_mask[n];
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (p[i] & 0x3F);
	return code;
}

const char *pl_alert_text_flaw(struct pl_str s, bool lines)
{
	for (size_t i = 0, n; i < s.n; i += n) {
		n = pl_utf8_length(s.p + i, s.n - i);
		if (n == 0)
			return "must be UTF-8";
		uint32_t code = code_point((const unsigned char *)s.p + i, n);
		if (lines && (code == '\n' || code == '\r' || code == '\t'))
			continue;
		if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF)
			return "must not hold control characters";
	}
	return NULL;
}

static void check_text(const struct pl_check *c, const char *key, const char *s, size_t most, bool lines)
{
	struct pl_str text = pl_str_of(s);
	const char *flaw = pl_alert_text_flaw(text, lines);
	if (text.n > most)
		pl_check_fail(c, key, "%zu bytes, the limit is %zu", text.n, most);
	else if (flaw != NULL)
		pl_check_fail(c, key, "%s", flaw);
}

/* Kapacitor escapes a quote by a backslash and nothing else, so that one at the end would take its quote along. */
static const char *tag_name_flaw(struct pl_str name)
{
	if (name.n == 0)
		return "must not be empty";
	if (name.n > PL_ALERT_TAG_NAME_BYTES)
		return "is longer than 128 bytes";
	if (name.p[name.n - 1] == '\\')
		return "must not end in a backslash, which no TICKscript can say";
	return pl_alert_text_flaw(name, false);
}

static void check_tags(const struct pl_alert *a, const struct pl_check *c)
{
	if (a->tags.n > PL_ALERT_MOST_TAGS)
		pl_check_fail(c, "tags", "%zu tags, the limit is %d", a->tags.n, PL_ALERT_MOST_TAGS);
	for (size_t i = 0; i < a->tags.n && i < PL_ALERT_MOST_TAGS; i++) {
		struct pl_str name = a->tags.v[i].name, value = a->tags.v[i].value;
		const char *flaw = tag_name_flaw(name);
		int shown = name.n < 64 ? (int)name.n : 64;
		if (flaw != NULL)
			pl_check_fail(c, "tags", "the name \"%.*s\" %s", shown, name.p, flaw);
		flaw = value.n > PL_ALERT_TAG_VALUE_BYTES ? "is longer than 1024 bytes" : pl_alert_text_flaw(value, false);
		if (flaw != NULL)
			pl_check_fail(c, "tags", "the value of \"%.*s\" %s", shown, name.p, flaw);
	}
}

/* A text that stands in the list before, too. */
static bool is_repeated(const struct pl_strings *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(list->v[k], list->v[i]) == 0)
			return true;
	return false;
}

static void check_groups(const struct pl_alert *a, const struct pl_check *c)
{
	if (a->group_by.n > PL_ALERT_MOST_GROUPS) {
		pl_check_fail(c, "group_by", "%zu names, the limit is %d", a->group_by.n, PL_ALERT_MOST_GROUPS);
		return;
	}
	for (size_t i = 0; i < a->group_by.n; i++) {
		const char *flaw = tag_name_flaw(pl_str_of(a->group_by.v[i]));
		if (flaw == NULL && is_repeated(&a->group_by, i))
			flaw = "stands there twice";
		if (flaw == NULL && a->group_by.n > 1 && strcmp(a->group_by.v[i], "*") == 0)
			flaw = "stands for all tags: leave the others out";
		if (flaw != NULL)
			pl_check_fail(c, "group_by", "name %zu %s", i + 1, flaw);
	}
}

static void check_notify(const struct pl_alert *a, const struct pl_check *c)
{
	if (a->notify.n > PL_ALERT_MOST_NOTIFY) {
		pl_check_fail(c, "notify", "%zu names, the limit is %d", a->notify.n, PL_ALERT_MOST_NOTIFY);
		return;
	}
	for (size_t i = 0; i < a->notify.n; i++) {
		if (!pl_alert_id_valid(pl_str_of(a->notify.v[i])))
			pl_check_fail(c, "notify", "name %zu is none of a notifier: letters, digits and . _ -, at most 64",
				      i + 1);
		else if (is_repeated(&a->notify, i))
			pl_check_fail(c, "notify", "\"%s\" stands there twice", a->notify.v[i]);
	}
}

/* ---- numbers ---- */

static size_t digits_at(const char *p)
{
	return strspn(p, "0123456789");
}

/* Decimal digits, perhaps with sign, point and exponent: strtod alone would read more. False when it is no such, or infinite. */
static bool parse_number(const char *text, double *out)
{
	const char *p = text + (*text == '-' || *text == '+');
	size_t whole = digits_at(p), part = 0;
	p += whole;
	if (*p == '.') {
		part = digits_at(p + 1);
		p += part + 1;
	}
	if (whole + part == 0 || (whole == 0 && part == 0))
		return false;
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '-' || p[1] == '+');
		size_t exponent = digits_at(p);
		if (exponent == 0)
			return false;
		p += exponent;
	}
	if (*p != '\0' || p - text > LONGEST_NUMBER)
		return false;
	*out = strtod(text, NULL);
	return isfinite(*out);
}

static bool take_number(const struct pl_check *c, const char *key, const char *text, double *out)
{
	if (parse_number(text, out))
		return true;
	pl_check_fail(c, key, "expected a number like 90, -0.5 or 1e3");
	return false;
}

/* ---- levels ---- */

static const struct {
	const char *word, *sign;
	enum pl_alert_operator op;
} operators[] = {{"gt", ">", PL_ALERT_GT},  {"ge", ">=", PL_ALERT_GE}, {"lt", "<", PL_ALERT_LT}, {"le", "<=", PL_ALERT_LE},
		 {"eq", "==", PL_ALERT_EQ}, {"ne", "!=", PL_ALERT_NE}, {"eq", "=", PL_ALERT_EQ}};

static bool derive_operator(struct pl_alert *a, const struct pl_check *c)
{
	for (size_t i = 0; i < PL_COUNT_OF(operators); i++) {
		if (strcasecmp(a->operator_text, operators[i].word) == 0 || strcmp(a->operator_text, operators[i].sign) == 0) {
			a->operator_ = operators[i].op;
			return true;
		}
	}
	pl_check_fail(c, "operator", "expected gt, ge, lt, le, eq or ne, or one of > >= < <= == !=");
	return false;
}

static bool is_upward(int op)
{
	return op == PL_ALERT_GT || op == PL_ALERT_GE;
}

static bool is_ordered(int op)
{
	return op != PL_ALERT_EQ && op != PL_ALERT_NE;
}

/* pulse's pair: whose level it is. False after a complaint. */
static bool derive_level(struct pl_alert *a, const struct pl_check *c, int *level)
{
	*level = PL_ALERT_CRIT;
	if (a->level == NULL || (pl_alert_level_parse(pl_str_of(a->level), level) && *level != PL_ALERT_OK))
		return true;
	pl_check_fail(c, "level", "expected info, warn or crit");
	return false;
}

static void take_thresholds(struct pl_alert *a, const struct pl_check *c)
{
	int level;
	if (!derive_level(a, c, &level))
		return;
	if (a->threshold != NULL) {
		struct pl_alert_bound *b = &a->bounds[level];
		if (a->level == NULL)
			a->level = "crit";
		b->given = take_number(c, "threshold", a->threshold, &b->threshold);
		if (a->levels[level] != NULL)
			pl_check_fail(c, level_keys[level], "the level has a threshold already, in `threshold`; leave one out");
	} else if (a->level != NULL && !is_given(c, "threshold")) {
		pl_check_fail(c, "level", "is the level of `threshold`, which is missing");
	}
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		struct pl_alert_bound *b = &a->bounds[i];
		if (a->levels[i] != NULL && !b->given)
			b->given = take_number(c, level_keys[i], a->levels[i], &b->threshold);
	}
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++)
		if (a->bounds[i].given || is_given(c, level_keys[i]))
			return;
	if (!is_given(c, "threshold"))
		pl_check_fail(c, "threshold", "is missing; give it, or one of info, warn and crit");
}

/* Right or wrong. */
static bool has_threshold(const struct pl_alert *a, const struct pl_check *c, int level)
{
	int of_pair = level;
	if (is_given(c, "threshold") && a->level != NULL && !pl_alert_level_parse(pl_str_of(a->level), &of_pair))
		return true;
	return is_given(c, level_keys[level]) || (is_given(c, "threshold") && of_pair == level);
}

static void take_resets(struct pl_alert *a, const struct pl_check *c, bool op_known)
{
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		struct pl_alert_bound *b = &a->bounds[i];
		if (a->resets[i] == NULL || !take_number(c, reset_keys[i], a->resets[i], &b->reset))
			continue;
		b->reset_given = true;
		if (op_known && !is_ordered(a->operator_))
			pl_check_fail(c, reset_keys[i], "makes no sense with the operator %s, which has no side to come back to",
				      pl_alert_operator_sign(a->operator_));
		else if (!has_threshold(a, c, i))
			pl_check_fail(c, reset_keys[i], "there is no threshold of %s to come back from", level_keys[i]);
		else if (op_known && b->given && pl_alert_reaches(a->operator_, b->reset, b->threshold))
			pl_check_fail(c, reset_keys[i], "must be on the good side of its threshold: with %s %s it",
				      pl_alert_operator_sign(a->operator_), is_upward(a->operator_) ? "below" : "above");
	}
}

static void check_order(const struct pl_alert *a, const struct pl_check *c)
{
	int below = PL_ALERT_OK;
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		const struct pl_alert_bound *b = &a->bounds[i], *before = &a->bounds[below];
		if (!b->given)
			continue;
		bool up = is_upward(a->operator_);
		if (below != PL_ALERT_OK && (up ? b->threshold <= before->threshold : b->threshold >= before->threshold))
			pl_check_fail(c, a->levels[i] != NULL ? level_keys[i] : "threshold",
				      "with the operator %s the threshold of %s must be %s that of %s",
				      pl_alert_operator_sign(a->operator_), level_keys[i], up ? "above" : "below",
				      level_keys[below]);
		below = i;
	}
}

/* ---- kinds ---- */

static void check_deadman(struct pl_alert *a, const struct pl_check *c, bool op_known)
{
	int level;
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		const char *key = a->levels[i] != NULL ? level_keys[i] : reset_keys[i];
		if (a->levels[i] != NULL || a->resets[i] != NULL)
			pl_check_fail(c, key, "a deadman has one level, which is written as level: %s", level_keys[i]);
	}
	if (op_known && a->operator_ != PL_ALERT_GT)
		pl_check_fail(c, "operator", "has no meaning for a deadman, which asks whether points come at all; leave it out");
	if (a->aggregate != PL_ALERT_MEAN)
		pl_check_fail(c, "aggregate", "has no meaning for a deadman, which counts points; leave it out");
	if (!derive_level(a, c, &level))
		return;
	if (a->level == NULL)
		a->level = "crit";
	struct pl_alert_bound *b = &a->bounds[level];
	b->given = a->threshold == NULL || take_number(c, "threshold", a->threshold, &b->threshold);
	if (b->threshold < 0)
		pl_check_fail(c, "threshold", "is a number of points, 0 or more");
}

static void check_windows(const struct pl_alert *a, const struct pl_check *c)
{
	const struct {
		const char *key;
		int64_t ns;
	} pauses[] = {{"ago", a->ago}, {"cooldown", a->cooldown}, {"reminder", a->reminder}, {"group_wait", a->group_wait}};
	for (size_t i = 0; i < PL_COUNT_OF(pauses); i++)
		if (pauses[i].ns > 0 && pauses[i].ns < PL_NS_PER_S)
			pl_check_fail(c, pauses[i].key, "out of range; allowed: 0s, 1s to 30d");
	if (a->kind == PL_ALERT_RELATIVE && a->ago == 0)
		pl_check_fail(c, "ago", "is missing: how far back lies what the window is compared with?");
	if (a->kind != PL_ALERT_RELATIVE && a->ago != 0)
		pl_check_fail(c, "ago", "has a meaning with kind: relative only");
	if (a->kind != PL_ALERT_RELATIVE && a->change != PL_ALERT_DIFFERENCE)
		pl_check_fail(c, "change", "has a meaning with kind: relative only");
	if (a->aggregate == PL_ALERT_PERCENTILE && !is_given(c, "percentile"))
		pl_check_fail(c, "percentile", "is missing: which one, 0 to 100?");
	if (a->aggregate != PL_ALERT_PERCENTILE && a->percentile != 0)
		pl_check_fail(c, "percentile", "has a meaning with aggregate: percentile only");
}

void pl_alert_check(void *object, const struct pl_check *c)
{
	struct pl_alert *a = object;
	if (c->node == NULL) /* nothing but defaults */
		return;
	a->mark = c->node->mark;
	a->mark.file = pl_arena_strdup(c->arena, a->mark.file != NULL ? a->mark.file : "");
	if (a->id != NULL && !pl_alert_id_valid(pl_str_of(a->id)))
		pl_check_fail(c, "id", "takes letters, digits and . _ -, at most 64 of them, and not . or .. alone");
	check_text(c, "metric", a->metric, PL_ALERT_NAME_BYTES, false);
	check_text(c, "field", a->field, PL_ALERT_NAME_BYTES, false);
	check_text(c, "database", a->database, PL_ALERT_NAME_BYTES, false);
	check_text(c, "retention_policy", a->retention_policy, PL_ALERT_NAME_BYTES, false);
	check_text(c, "message", a->message, PL_ALERT_MESSAGE_BYTES, true);
	check_text(c, "post", a->post, PL_ALERT_URL_BYTES, false);
	check_tags(a, c);
	check_groups(a, c);
	check_notify(a, c);
	check_windows(a, c);
	bool op_known = derive_operator(a, c);
	if (a->kind == PL_ALERT_DEADMAN) {
		check_deadman(a, c, op_known);
		return;
	}
	take_thresholds(a, c);
	take_resets(a, c, op_known);
	if (op_known && is_ordered(a->operator_))
		check_order(a, c);
}
