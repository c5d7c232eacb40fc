#define PCRE2_CODE_UNIT_WIDTH 8

#include "format/regex.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum {
	MATCH_LIMIT = 10000,
	DEPTH_LIMIT = 10000,
	HEAP_LIMIT_KIB = 1024,
	STACK_MIN = 32 * 1024,
	STACK_MAX = 1024 * 1024,
	MESSAGE_BYTES = 128,
};

struct pl_regex {
	pcre2_code *code;
	size_t n_groups;
};

void pl_regex_scratch_finish(struct pl_regex_scratch *s)
{
	pcre2_match_data_free(s->match);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	*s = (struct pl_regex_scratch){0};
}

static const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_UTF |
				PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;

enum pl_err pl_regex_create(struct pl_regex **out, struct pl_str pattern, char *reason, size_t reason_size)
{
	struct pl_buf text = {0};
	*out = NULL;
	enum pl_err err = pl_regex_translate(&text, pattern, reason, reason_size);
	if (err != PL_OK) {
		pl_buf_finish(&text);
		return err;
	}
	struct pl_regex *r = pl_calloc(1, sizeof *r);
	int code;
	PCRE2_SIZE at;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	r->code = pcre2_compile((PCRE2_SPTR)pl_buf_cstr(&text), text.n, options, &code, &at, context);
	pcre2_compile_context_free(context);
	pl_buf_finish(&text);
	if (r->code == NULL) {
		PCRE2_UCHAR message[MESSAGE_BYTES] = "";
		pcre2_get_error_message(code, message, sizeof message);
		snprintf(reason, reason_size, "%s", (const char *)message);
		free(r);
		return PL_EINVAL;
	}
	(void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE); /* without it the same, slower */
	uint32_t groups = 0;
	pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	r->n_groups = groups;
	*out = r;
	return PL_OK;
}

void pl_regex_destroy(struct pl_regex *r)
{
	if (r == NULL)
		return;
	pcre2_code_free(r->code);
	free(r);
}

static bool get_ready(struct pl_regex_scratch *s, size_t n_groups)
{
	if (s->context == NULL) {
		s->context = pcre2_match_context_create(NULL);
		if (s->context == NULL)
			return false;
		pcre2_set_match_limit(s->context, MATCH_LIMIT);
		pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
		pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
	}
	if (s->match == NULL || s->n_groups < n_groups) {
		pcre2_match_data_free(s->match);
		s->match = pcre2_match_data_create((uint32_t)n_groups + 1, NULL);
		s->n_groups = n_groups;
	}
	return s->match != NULL;
}

enum pl_regex_verdict pl_regex_match(const struct pl_regex *r, struct pl_regex_scratch *s, struct pl_str subject)
{
	if (!get_ready(s, r->n_groups))
		return PL_REGEX_GAVE_UP;
	s->subject = subject.n > 0 ? subject.p : "";
	PCRE2_SPTR p = (PCRE2_SPTR)s->subject;
	int n = pcre2_match(r->code, p, subject.n, 0, 0, s->match, s->context);
	if (n == PCRE2_ERROR_JIT_STACKLIMIT && s->stack == NULL) { /* the 32 KiB that it takes by itself are rarely too little */
		s->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
		n = pcre2_match(r->code, p, subject.n, 0, 0, s->match, s->context);
	}
	if (n >= 0)
		return PL_REGEX_YES;
	return n == PCRE2_ERROR_NOMATCH ? PL_REGEX_NO : PL_REGEX_GAVE_UP;
}

struct pl_str pl_regex_group(const struct pl_regex *r, const struct pl_regex_scratch *s, size_t i)
{
	if (i > r->n_groups)
		return PL_STR("");
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->match);
	PCRE2_SIZE begin = v[2 * i], end = v[2 * i + 1];
	if (begin == PCRE2_UNSET || end <= begin)
		return PL_STR("");
	return (struct pl_str){s->subject + begin, end - begin};
}

size_t pl_regex_groups(const struct pl_regex *r)
{
	return r->n_groups;
}

int pl_regex_group_named(const struct pl_regex *r, const char *name)
{
	int n = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)name);
	return n > 0 ? n : -1;
}

static bool add_ascii_cased(struct pl_buf *out, struct pl_str s, bool upper)
{
	char *to = pl_buf_reserve(out, s.n);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if ((unsigned char)c >= 0x80)
			return false;
		if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z')
			c = (char)(c ^ 0x20);
		to[i] = c;
	}
	out->n += s.n;
	return true;
}

void pl_regex_add_cased(struct pl_buf *out, struct pl_str s, bool upper)
{
	if (add_ascii_cased(out, s, upper))
		return;
	/* PCRE2's tables of letters are at hand through its substitution alone. */
	int code;
	PCRE2_SIZE at, room = 2 * s.n + 1; /* no letter's other case is more than half again as long */
	pcre2_code *all = pcre2_compile((PCRE2_SPTR) ".*", 2, PCRE2_ANCHORED | PCRE2_DOTALL | PCRE2_UTF, &code, &at, NULL);
	char *to = pl_buf_reserve(out, room);
	PCRE2_SPTR how = (PCRE2_SPTR)(upper ? "\\U$0" : "\\L$0");
	code = all == NULL ? PCRE2_ERROR_NOMEMORY
			   : pcre2_substitute(all, (PCRE2_SPTR)s.p, s.n, 0, PCRE2_SUBSTITUTE_EXTENDED, NULL, NULL, how,
					      PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)to, &room);
	pcre2_code_free(all);
	if (code >= 0)
		out->n += room;
	else
		pl_buf_add_str(out, s); /* not UTF-8: nothing is known of its letters */
}
