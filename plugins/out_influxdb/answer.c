#include "out_influxdb/answer.h"

#include <string.h>

#include "out_influxdb/message.h"

static const char *find(struct pl_str s, const char *what)
{
	return s.n > 0 ? memmem(s.p, s.n, what, strlen(what)) : NULL;
}

static const char *find_last(struct pl_str s, const char *what)
{
	const char *last = NULL;
	struct pl_str rest = s;
	for (const char *p; (p = find(rest, what)) != NULL;) {
		last = p;
		rest = (struct pl_str){p + 1, (size_t)(s.p + s.n - p - 1)};
	}
	return last;
}

static bool starts(struct pl_str s, const char *what)
{
	return pl_str_starts(s, pl_str_of(what));
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

/* N of the last `dropped=N`; 0 when there is none. */
static uint32_t dropped(struct pl_str message)
{
	static const char mark[] = "dropped=";
	if (message.n == 0)
		return 0;
	const char *at = find_last(message, mark), *end = message.p + message.n;
	uint64_t n = 0;
	for (at = at != NULL ? at + sizeof mark - 1 : end; at < end && *at >= '0' && *at <= '9' && n < UINT32_MAX; at++)
		n = 10 * n + (uint64_t)(*at - '0');
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static struct pl_str between(const char *from, const char *to)
{
	return (struct pl_str){from, (size_t)(to - from)};
}

/* Names stand there as they are, quotes unescaped: what is behind them is looked for from the end. */
static void read_conflict(struct pl_influx_judgement *j, struct pl_str what)
{
	static const char field[] = "input field \"", measurement[] = "\" on measurement \"", type[] = "\" is type ",
			  other[] = ", already exists as type ";
	const char *f = find(what, field), *m = find(what, measurement), *t = find_last(what, type), *o = find_last(what, other);
	if (f == NULL || m == NULL || t == NULL || o == NULL)
		return;
	f += sizeof field - 1;
	if (f > m || m + sizeof measurement - 1 > t || t + sizeof type - 1 > o)
		return;
	j->field = between(f, m);
	j->measurement = between(m + sizeof measurement - 1, t);
	j->type = between(t + sizeof type - 1, o);
}

/* 400 and 422: something is wrong with the body. */
static enum pl_influx_finding judge_body(struct pl_influx_judgement *j, const struct pl_influx_answer *a, struct pl_str what)
{
	skip(&what, "failure writing points to database: "); /* InfluxDB 2 */
	j->partial = skip(&what, "partial write: ");
	if (starts(what, "unable to parse")) {
		j->quoted = what;
		return PL_INFLUX_UNPARSABLE;
	}
	j->dropped = dropped(what);
	if (starts(what, "max-series-per-database") || starts(what, "max-values-per-tag"))
		return PL_INFLUX_SERIES_LIMIT;
	if (starts(what, "field type conflict")) {
		read_conflict(j, what);
		return j->partial ? PL_INFLUX_CONFLICT : PL_INFLUX_CLASH;
	}
	if (starts(what, "points beyond retention policy") ||
	    (j->partial && starts(what, "dropped ") && find(what, "outside retention policy") != NULL))
		return PL_INFLUX_EXPIRED;
	if (j->partial)
		return PL_INFLUX_SOME_REFUSED;
	if (starts(what, "gzip: ") || starts(what, "flate: ") || starts(what, "unexpected EOF"))
		/* plain text that ends too early was cut on its way */
		return a->gzipped ? PL_INFLUX_BAD_ENCODING : PL_INFLUX_RETRY;
	if (starts(what, "database is required"))
		return PL_INFLUX_HOLD;
	return PL_INFLUX_BAD_LINES;
}

static enum pl_influx_finding judge(struct pl_influx_judgement *j, const struct pl_influx_answer *a, bool spoke)
{
	struct pl_str message = pl_buf_str(&j->message);
	if (a->status >= 200 && a->status < 300)
		/* a page with a body is somebody else's, a login for one */
		return a->status == 204 || (pl_str_trim(a->body).n == 0 && !a->cut) ? PL_INFLUX_TAKEN : PL_INFLUX_HOLD;
	if (starts(message, "database not found"))
		return PL_INFLUX_NO_DATABASE;
	if (starts(message, "retention policy not found"))
		return PL_INFLUX_NO_POLICY;
	if ((a->status == 400 || a->status == 422) && spoke)
		return judge_body(j, a, message);
	if (a->status == 413)
		return PL_INFLUX_TOO_LARGE;
	if (a->status == 415 && a->gzipped)
		return PL_INFLUX_BAD_ENCODING;
	if (find(message, "invalid UTF-8") != NULL)
		return PL_INFLUX_BAD_LINES; /* 500 again and again for one name */
	return a->status >= 500 || a->status == 408 || a->status == 429 ? PL_INFLUX_RETRY : PL_INFLUX_HOLD;
}

void pl_influx_judge(const struct pl_influx_answer *a, struct pl_influx_judgement *j)
{
	struct pl_buf kept = j->message;
	pl_buf_clear(&kept);
	*j = (struct pl_influx_judgement){.status = a->status, .cut = a->cut, .message = kept};
	bool spoke = pl_influx_message(a->body, &j->message);
	j->finding = judge(j, a, spoke);
	if (j->finding == PL_INFLUX_TAKEN)
		return;
	struct pl_str words = pl_buf_str(&j->message);
	if (a->status >= 300 && a->status < 400)
		words = PL_STR("a redirect, and those are not followed; set url to where it leads");
	else if (!spoke)
		words = PL_STR("and not in InfluxDB's words; is this its address?");
	pl_influx_reason(a->status, words, j->reason, sizeof j->reason);
}

void pl_influx_judgement_finish(struct pl_influx_judgement *j)
{
	pl_buf_finish(&j->message);
}
