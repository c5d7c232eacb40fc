#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "config/decode.h"
#include "config/env.h"
#include "config/scalar.h"
#include "config/suggest.h"

enum { SHOWN = 64, LONGEST_NUMBER = 63 };

/* A value being decoded, and all that a complaint about it needs. */
struct value {
	const struct pl_decode_options *o;
	const struct pl_field *field;
	const struct pl_node *node;
	const struct pl_path *path;
	struct pl_str text;
	bool expanded;
};

bool pl_decode_text(const struct pl_decode_options *o, const struct pl_node *node, const struct pl_path *path, unsigned flags,
		    const char *expected, struct pl_buf *hold, struct pl_str *text, bool *expanded)
{
	*expanded = false;
	*text = (struct pl_str){"", 0};
	if (pl_node_is_null(node) && (flags & PL_FIELD_NULLABLE) && node->text.n == 0)
		return true;
	if (pl_node_is_null(node)) {
		pl_decode_fail(o, node->mark, path, "has no value; expected %s", expected);
		return false;
	}
	if (node->kind != PL_NODE_SCALAR) {
		pl_decode_fail(o, node->mark, path, "expected %s, found %s", expected, pl_node_kind_text(node));
		return false;
	}
	*text = node->text;
	if (o->getenv != NULL && !(flags & PL_FIELD_NO_ENV) && pl_env_mentioned(node->text)) {
		struct pl_buf why = {0};
		if (pl_env_expand(node->text, o->getenv, o->data, hold, &why) != PL_OK) {
			pl_decode_fail(o, node->mark, path, "%s", pl_buf_cstr(&why));
			pl_buf_finish(&why);
			return false;
		}
		pl_buf_finish(&why);
		pl_buf_reserve(hold, 1);
		*text = pl_buf_str(hold);
		*expanded = true;
		if (!pl_str_utf8(*text)) {
			pl_decode_fail(o, node->mark, path, "what the environment gives is not UTF-8");
			return false;
		}
	}
	if (text->n > 0 && memchr(text->p, '\0', text->n) != NULL) {
		pl_decode_fail(o, node->mark, path, "holds a NUL character");
		return false;
	}
	return true;
}

/* "expected WHAT, found "VALUE"": the value as it was written, so that nothing of the environment shows. */
static void __attribute__((format(printf, 3, 4))) unexpected(const struct value *v, const char *more, const char *format, ...)
{
	struct pl_buf what = {0};
	va_list args;
	va_start(args, format);
	pl_buf_addv(&what, format, args);
	va_end(args);
	int n = v->node->text.n > SHOWN ? SHOWN : (int)v->node->text.n;
	pl_decode_fail(v->o, v->node->mark, v->path, "expected %s, found \"%.*s%s\"%s%s", pl_buf_cstr(&what), n, v->node->text.p,
		       v->node->text.n > SHOWN ? "..." : "",
		       v->expanded ? " (which the environment turns into something else)" : "", more);
	pl_buf_finish(&what);
}

/* A number in quotes is text, except where the quotes were needed to write ${...}. */
static bool is_quoted(const struct value *v, const char *expected)
{
	if (v->node->plain || v->expanded)
		return false;
	unexpected(v, " in quotes; leave the quotes out", "%s", expected);
	return true;
}

static bool check_range(const struct value *v, int64_t n, void (*print)(int64_t n, struct pl_buf *out))
{
	int64_t min = v->field->min, max = v->field->max;
	if ((min == 0 && max == 0) || (n >= min && (max < min || n <= max)))
		return true;
	struct pl_buf range = {0};
	pl_buf_add_cstr(&range, max < min ? "at least " : "");
	print(min, &range);
	if (max >= min) {
		pl_buf_add_cstr(&range, " to ");
		print(max, &range);
	}
	if (v->expanded) {
		pl_decode_fail(v->o, v->node->mark, v->path, "out of range; allowed: %s", pl_buf_cstr(&range));
	} else {
		int shown = v->node->text.n > SHOWN ? SHOWN : (int)v->node->text.n;
		pl_decode_fail(v->o, v->node->mark, v->path, "%.*s is out of range; allowed: %s", shown, v->node->text.p,
			       pl_buf_cstr(&range));
	}
	pl_buf_finish(&range);
	return false;
}

static void print_int(int64_t n, struct pl_buf *out)
{
	pl_buf_add_i64(out, n);
}

static bool is_one_of(struct pl_str s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (s.n == strlen(*words) && strncasecmp(s.p, *words, s.n) == 0)
			return true;
	return false;
}

static void decode_bool(const struct value *v, bool *at)
{
	static const char *const yes[] = {"true", "yes", "on", NULL}, *const no[] = {"false", "no", "off", NULL};
	bool is_yes = is_one_of(v->text, yes);
	if (is_quoted(v, "true or false"))
		return;
	if (is_yes || is_one_of(v->text, no))
		*at = is_yes;
	else
		unexpected(v, "", "true or false");
}

static void decode_int(const struct value *v, int64_t *at)
{
	int64_t n;
	if (is_quoted(v, "a whole number"))
		return;
	struct pl_str digits = v->text;
	if (digits.n > 1 && digits.p[0] == '+')
		digits = (struct pl_str){digits.p + 1, digits.n - 1};
	if (!pl_str_i64(digits, &n))
		unexpected(v, "", "a whole number");
	else if (check_range(v, n, print_int))
		*at = n;
}

static void decode_double(const struct value *v, double *at)
{
	char text[LONGEST_NUMBER + 1], *end = text;
	double n = 0;
	if (is_quoted(v, "a number"))
		return;
	bool plain_digits = v->text.n > 0 && v->text.n < sizeof text;
	for (size_t i = 0; plain_digits && i < v->text.n; i++)
		plain_digits = v->text.p[i] != '\0' && strchr("0123456789+-.eE", v->text.p[i]) != NULL;
	if (plain_digits) {
		memcpy(text, v->text.p, v->text.n);
		text[v->text.n] = '\0';
		n = strtod(text, &end);
	}
	if (end == text || *end != '\0' || n - n != 0) { /* n - n: infinite */
		unexpected(v, "", "a number");
		return;
	}
	int64_t min = v->field->min, max = v->field->max;
	if ((min != 0 || max != 0) && (n < (double)min || (max >= min && n > (double)max)))
		(void)check_range(v, n < (double)min ? min - 1 : max + 1, print_int);
	else
		*at = n;
}

static void decode_duration(const struct value *v, int64_t *at)
{
	int64_t n;
	enum pl_err err = pl_parse_duration(v->text, &n);
	bool bare = v->text.n > 0 && strspn(v->node->text.p, "0123456789") == v->node->text.n;
	if (err == PL_ELIMIT)
		unexpected(v, ", which is too long", "a duration");
	else if (err != PL_OK && bare)
		unexpected(v, " without a unit", "a duration like %.*ss", v->node->text.n > 9 ? 9 : (int)v->node->text.n,
			   v->node->text.p);
	else if (err != PL_OK)
		unexpected(v, "", "a duration like 500ms, 15s, 5m, 1h30m or 7d (units y w d h m s ms, the largest first)");
	else if (check_range(v, n, pl_duration_print))
		*at = n;
}

static void decode_bytes(const struct value *v, int64_t *at)
{
	int64_t n;
	bool bare = v->text.n > 0 && strspn(v->text.p, "0123456789") >= v->text.n;
	if (bare && (v->field->flags & PL_FIELD_UNIT) && !pl_str_is(v->text, "0"))
		unexpected(v, " without a unit", "a size in bytes like %.*sB or 10MB",
			   v->node->text.n > 9 ? 9 : (int)v->node->text.n, v->node->text.p);
	else if (pl_parse_bytes(v->text, &n) != PL_OK)
		unexpected(v, "", "a size in bytes like 512, 64KiB, 10MB or 1GiB");
	else if (check_range(v, n, pl_bytes_print))
		*at = n;
}

static void decode_enum(const struct value *v, int *at)
{
	struct pl_suggest suggest;
	struct pl_buf all = {0}, more = {0};
	pl_suggest_init(&suggest, v->text);
	for (int i = 0; v->field->choices[i] != NULL; i++) {
		const char *choice = v->field->choices[i];
		bool any_case = (v->field->flags & PL_FIELD_ANY_CASE) != 0;
		if (any_case ? v->text.n == strlen(choice) && strncasecmp(v->text.p, choice, v->text.n) == 0
			     : pl_str_is(v->text, choice)) {
			*at = i;
			goto out;
		}
		pl_suggest_offer(&suggest, choice);
		pl_buf_addf(&all, "%s%s", i == 0 ? "" : v->field->choices[i + 1] == NULL ? " or " : ", ", choice);
	}
	if (suggest.best != NULL && !v->expanded)
		pl_buf_addf(&more, " (did you mean \"%s\"?)", suggest.best);
	unexpected(v, pl_buf_cstr(&more), "%s", pl_buf_cstr(&all));
out:
	pl_buf_finish(&all);
	pl_buf_finish(&more);
}

const char *pl_decode_resolve(const struct pl_decode_options *o, struct pl_str name)
{
	bool as_is = name.n == 0 || name.p[0] == '/' || pl_str_is(name, "-") || o->base_dir == NULL || o->base_dir[0] == '\0';
	if (as_is)
		return pl_arena_strndup(o->arena, name.p, name.n);
	return pl_arena_printf(o->arena, "%s/%.*s", o->base_dir, (int)name.n, name.p);
}

static void decode_string(const struct value *v, const char **at)
{
	const char *flaw = NULL;
	if (v->text.n == 0 && (v->field->flags & PL_FIELD_NONEMPTY)) {
		pl_decode_fail(v->o, v->node->mark, v->path, "must not be empty");
		return;
	}
	if (v->field->type == PL_FIELD_LISTEN)
		flaw = pl_listen_flaw(v->text);
	else if (v->field->type == PL_FIELD_URL)
		flaw = pl_url_flaw(v->text);
	else if (v->field->type == PL_FIELD_PROXY)
		flaw = pl_proxy_flaw(v->text);
	if (flaw != NULL && v->field->type == PL_FIELD_PROXY)
		pl_decode_fail(v->o, v->node->mark, v->path, "expected a URL like http://proxy:3128: %s", flaw);
	else if (flaw != NULL && v->field->type == PL_FIELD_URL) /* a password may be in it: not shown */
		pl_decode_fail(v->o, v->node->mark, v->path, "expected a URL like http://127.0.0.1:8086: %s", flaw);
	else if (flaw != NULL)
		unexpected(v, "", "an address like 127.0.0.1:8080 or :8080 (%s)", flaw);
	else if (v->field->type == PL_FIELD_PATH)
		*at = pl_decode_resolve(v->o, v->text);
	else
		*at = pl_arena_strndup(v->o->arena, v->text.p, v->text.n);
}

static const char *expected_of(enum pl_field_type type)
{
	switch (type) {
	case PL_FIELD_BOOL:
		return "true or false";
	case PL_FIELD_INT:
		return "a whole number";
	case PL_FIELD_DOUBLE:
		return "a number";
	case PL_FIELD_DURATION:
		return "a duration like 15s";
	case PL_FIELD_BYTES:
		return "a size in bytes like 64KiB";
	case PL_FIELD_LISTEN:
		return "an address like 127.0.0.1:8080";
	case PL_FIELD_URL:
		return "a URL like http://127.0.0.1:8086";
	case PL_FIELD_PROXY:
		return "a URL like http://proxy:3128";
	case PL_FIELD_PATH:
		return "a file name";
	default:
		return "text";
	}
}

void pl_decode_scalar(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *node,
		      const struct pl_path *path, void *at)
{
	struct value v = {o, field, node, path, {NULL, 0}, false};
	struct pl_buf hold = {0};
	if (!pl_decode_text(o, node, path, field->flags, expected_of(field->type), &hold, &v.text, &v.expanded))
		goto out;
	switch (field->type) {
	case PL_FIELD_BOOL:
		decode_bool(&v, at);
		break;
	case PL_FIELD_INT:
		decode_int(&v, at);
		break;
	case PL_FIELD_DOUBLE:
		decode_double(&v, at);
		break;
	case PL_FIELD_DURATION:
		decode_duration(&v, at);
		break;
	case PL_FIELD_BYTES:
		decode_bytes(&v, at);
		break;
	case PL_FIELD_ENUM:
		decode_enum(&v, at);
		break;
	default:
		decode_string(&v, at);
		break;
	}
out:
	if (hold.n > 0)
		explicit_bzero(hold.p, hold.n);
	pl_buf_finish(&hold);
}
