#include "out_influxdb/answer.h"

#include <stdio.h>
#include <string.h>

static const char *find(struct pl_str s, const char *what)
{
	return s.n > 0 ? memmem(s.p, s.n, what, strlen(what)) : NULL;
}

static bool starts(struct pl_str s, const char *what)
{
	return pl_str_starts(s, pl_str_of(what));
}

/* ---- the message ---- */

static unsigned hex4(const char *p)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20U) - 'a' + 10U;
		v = v << 4 | (digit & 15U);
	}
	return v;
}

/* Up to the closing quote or the end of what there is; the body may have been cut anywhere. */
static void add_json_text(struct pl_buf *out, const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++) {
		if (*p != '\\') {
			pl_buf_add_char(out, *p);
			continue;
		}
		if (++p == end)
			return;
		if (*p == 'n') {
			pl_buf_add_char(out, '\n');
		} else if (*p == 'u') {
			if (end - p < 5)
				return;
			unsigned code = hex4(p + 1);
			pl_buf_add_char(out, code < 0x80 ? (char)code : '?');
			p += 4;
		} else {
			pl_buf_add_char(out, *p == 't' || *p == 'r' ? ' ' : *p);
		}
	}
}

/* Looks for `"NAME" : "` and not for the whole grammar: quotes inside of strings are escaped, so nothing else looks like it. */
static bool add_member(struct pl_buf *out, struct pl_str body, const char *quoted_name)
{
	const char *end = body.p + body.n;
	const char *p = find(body, quoted_name);
	if (p == NULL)
		return false;
	for (p += strlen(quoted_name); p < end && (*p == ' ' || *p == ':' || *p == '\t' || *p == '\n'); p++)
		;
	if (p == end || *p != '"')
		return false;
	add_json_text(out, p + 1, end);
	return true;
}

bool pl_influx_message(struct pl_str body, struct pl_buf *out)
{
	struct pl_str text = pl_str_trim(body);
	if (!starts(text, "{"))
		return false;
	return add_member(out, text, "\"error\"") || add_member(out, text, "\"message\"");
}

void pl_influx_reason(long status, struct pl_str message, char *out, size_t size)
{
	int n = snprintf(out, size, "InfluxDB answered %ld%s", status, message.n > 0 ? ": " : "");
	size_t at = n > 0 && (size_t)n < size ? (size_t)n : size - 1;
	for (size_t i = 0; i < message.n && at + 1 < size; i++)
		out[at++] = message.p[i] >= ' ' && message.p[i] < 0x7f ? message.p[i] : ' ';
	out[at] = '\0';
}

/* ---- its meaning ---- */

/* N of the last `dropped=N`; 0 when there is none. */
static uint64_t dropped(struct pl_str message)
{
	static const char mark[] = "dropped=";
	const char *at = NULL;
	struct pl_str rest = message;
	for (const char *p; (p = find(rest, mark)) != NULL;) {
		at = p + sizeof mark - 1;
		rest = (struct pl_str){at, (size_t)(message.p + message.n - at)};
	}
	uint64_t n = 0;
	for (; at != NULL && at < message.p + message.n && *at >= '0' && *at <= '9' && n < UINT32_MAX; at++)
		n = 10 * n + (uint64_t)(*at - '0');
	return n;
}

/* One per quoted line. The text of a line stands inside quotes, and its newlines cannot be told from the message's own; but a
 * line that holds one was two lines to the parser. */
static uint64_t unparsable_lines(struct pl_str message)
{
	uint64_t n = 0;
	while (message.p != NULL)
		n += starts(pl_str_cut(&message, '\n'), "unable to parse");
	return n;
}

/* Something was refused, even where the number cannot be read. */
static void refuse_some(struct pl_verdict *v, const struct pl_influx_answer *a, uint64_t n, const char *as)
{
	v->kind = PL_VERDICT_DONE;
	v->refused = n > a->points ? a->points : n > 0 ? (uint32_t)n : 1;
	v->refused_as = as;
}

static void judge_unparsable(struct pl_verdict *v, const struct pl_influx_answer *a, struct pl_str message, bool partial)
{
	uint64_t n = unparsable_lines(message) + dropped(message);
	if (partial) {
		refuse_some(v, a, n, "unparsable");
	} else if (n < a->points && !a->cut) {
		/* InfluxDB 2: one bad line and nothing was taken; smaller pieces save the others */
		v->kind = PL_VERDICT_SPLIT;
	} else {
		v->kind = PL_VERDICT_REFUSED;
		v->refused_as = "unparsable";
	}
}

static bool skip(struct pl_str *s, const char *prefix)
{
	size_t n = strlen(prefix);
	if (!starts(*s, prefix))
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* 400 and 422: something is wrong with the body. */
static enum pl_influx_cause judge_body(struct pl_verdict *v, const struct pl_influx_answer *a, struct pl_str message)
{
	struct pl_str what = message;
	skip(&what, "failure writing points to database: "); /* InfluxDB 2 */
	bool partial = skip(&what, "partial write: ");
	if (starts(what, "unable to parse")) {
		judge_unparsable(v, a, what, partial);
	} else if (starts(what, "max-series-per-database")) {
		v->kind = PL_VERDICT_HOLD;
	} else if (starts(what, "field type conflict")) {
		refuse_some(v, a, dropped(what), "field_type");
	} else if (starts(what, "points beyond retention policy")) {
		refuse_some(v, a, dropped(what), "expired");
	} else if (partial) {
		refuse_some(v, a, dropped(what), "refused");
	} else if (starts(what, "gzip: ") || starts(what, "flate: ") || starts(what, "unexpected EOF")) {
		/* plain text that ends too early was cut on its way */
		v->kind = PL_VERDICT_RETRY;
		return a->gzipped ? PL_INFLUX_BAD_ENCODING : PL_INFLUX_PLAIN;
	} else if (starts(what, "database is required")) {
		v->kind = PL_VERDICT_HOLD;
	} else {
		v->kind = PL_VERDICT_REFUSED;
	}
	return PL_INFLUX_PLAIN;
}

static enum pl_influx_cause judge_missing(struct pl_verdict *v, struct pl_str message)
{
	v->kind = PL_VERDICT_HOLD;
	if (starts(message, "database not found"))
		return PL_INFLUX_NO_DATABASE;
	return starts(message, "retention policy not found") ? PL_INFLUX_NO_POLICY : PL_INFLUX_PLAIN;
}

static enum pl_influx_cause judge_failure(struct pl_verdict *v, const struct pl_influx_answer *a, struct pl_str message,
					  bool spoke)
{
	if (starts(message, "database not found") || starts(message, "retention policy not found"))
		return judge_missing(v, message);
	if ((a->status == 400 || a->status == 422) && spoke)
		return judge_body(v, a, message);
	if (a->status == 413 || find(message, "invalid UTF-8") != NULL) {
		/* 500 again and again for one name that is not UTF-8: smaller pieces save the others */
		v->kind = PL_VERDICT_SPLIT;
	} else if (a->status >= 500 || a->status == 408 || a->status == 429) {
		v->kind = PL_VERDICT_RETRY;
	} else {
		v->kind = PL_VERDICT_HOLD;
	}
	return PL_INFLUX_PLAIN;
}

enum pl_influx_cause pl_influx_judge(const struct pl_influx_answer *a, struct pl_verdict *v)
{
	struct pl_buf message = {0};
	*v = (struct pl_verdict){.kind = PL_VERDICT_DONE, .status = a->status, .retry_after_ns = a->retry_after_ns};
	if (a->status == 204)
		return PL_INFLUX_PLAIN;
	bool spoke = pl_influx_message(a->body, &message);
	enum pl_influx_cause cause = judge_failure(v, a, pl_buf_str(&message), spoke);
	struct pl_str words = pl_buf_str(&message);
	if (a->status >= 300 && a->status < 400)
		words = PL_STR("a redirect, and those are not followed; set url to where it leads");
	else if (!spoke)
		words = PL_STR("and not in InfluxDB's words; is this its address?");
	pl_influx_reason(a->status, words, v->reason, sizeof v->reason);
	pl_buf_finish(&message);
	return cause;
}
