#include "api/quarantine_query.h"

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/http_server.h"

enum key {
	KEY_OUTPUT,
	KEY_REASON,
	KEY_JOB,
	KEY_INSTANCE,
	KEY_MEASUREMENT,
	KEY_CONTAINS,
	KEY_ID,
	KEY_SINCE,
	KEY_UNTIL,
	LAST_CONDITION = KEY_UNTIL,
	KEY_LIMIT,
	KEY_OFFSET,
	KEY_AFTER,
	KEY_ALL,
	KEY_TOKEN,
	KEY_COUNT,
};

static const char *const names[KEY_COUNT] = {
    [KEY_OUTPUT] = "output",
    [KEY_REASON] = "reason",
    [KEY_JOB] = "job",
    [KEY_INSTANCE] = "instance",
    [KEY_ID] = "id",
    [KEY_MEASUREMENT] = "measurement",
    [KEY_CONTAINS] = "contains",
    [KEY_SINCE] = "since",
    [KEY_UNTIL] = "until",
    [KEY_LIMIT] = "limit",
    [KEY_OFFSET] = "offset",
    [KEY_AFTER] = "after",
    [KEY_ALL] = "all",
    [KEY_TOKEN] = "X-AUTH-TOKEN",
};

struct parser {
	struct pl_quarantine_query *q;
	bool is_page, all;
	unsigned seen; /* bits by enum key */
	char *reason;
	size_t reason_size;
};

static enum pl_err refuse(const struct parser *p, const char *key, const char *what)
{
	snprintf(p->reason, p->reason_size, "%s %s", key, what);
	return PL_EINVAL;
}

/* ---- times ---- */

/* Takes digits off *v as billionths: "5" is 500,000,000. */
static int64_t read_fraction(struct pl_str *v)
{
	int64_t ns = 0, unit = PL_NS_PER_S / 10;
	for (; v->n > 0 && v->p[0] >= '0' && v->p[0] <= '9'; v->p++, v->n--, unit /= 10)
		ns += (v->p[0] - '0') * unit;
	return ns;
}

static bool read_unix(struct pl_str v, int64_t *ns)
{
	uint64_t seconds;
	struct pl_str fraction = v, whole = pl_str_cut(&fraction, '.');
	if (!pl_str_u64(whole, &seconds) || seconds > INT64_MAX / PL_NS_PER_S - 1)
		return false;
	if (fraction.p != NULL && fraction.n == 0)
		return false;
	*ns = (int64_t)seconds * PL_NS_PER_S + read_fraction(&fraction);
	return fraction.n == 0;
}

static bool read_two(struct pl_str v, size_t at, int *out)
{
	if (v.p[at] < '0' || v.p[at] > '9' || v.p[at + 1] < '0' || v.p[at + 1] > '9')
		return false;
	*out = (v.p[at] - '0') * 10 + v.p[at + 1] - '0';
	return true;
}

/* "Z", or "+01:00". */
static bool read_zone(struct pl_str v, int64_t *offset_s)
{
	int hours, minutes;
	*offset_s = 0;
	if (v.n == 1 && (v.p[0] == 'Z' || v.p[0] == 'z'))
		return true;
	if (v.n != 6 || (v.p[0] != '+' && v.p[0] != '-') || v.p[3] != ':' || !read_two(v, 1, &hours) || !read_two(v, 4, &minutes))
		return false;
	*offset_s = (hours * 3600 + minutes * 60) * (v.p[0] == '-' ? -1 : 1);
	return hours < 24 && minutes < 60;
}

static bool read_rfc3339(struct pl_str v, int64_t *ns)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	struct tm tm = {0};
	int century, year;
	int64_t fraction = 0, offset_s;
	if (v.n < sizeof shape)
		return false;
	for (size_t i = 0; i < sizeof shape - 1; i++)
		if (shape[i] != 'd' && v.p[i] != shape[i] && !(shape[i] == 'T' && v.p[i] == 't'))
			return false;
	if (!read_two(v, 0, &century) || !read_two(v, 2, &year) || !read_two(v, 5, &tm.tm_mon) || !read_two(v, 8, &tm.tm_mday) ||
	    !read_two(v, 11, &tm.tm_hour) || !read_two(v, 14, &tm.tm_min) || !read_two(v, 17, &tm.tm_sec))
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60 || century < 19 || century > 21)
		return false;
	tm.tm_mon--;
	tm.tm_year = century * 100 + year - 1900;
	struct pl_str rest = {v.p + sizeof shape - 1, v.n - (sizeof shape - 1)};
	if (rest.p[0] == '.') {
		rest.p++;
		rest.n--;
		fraction = read_fraction(&rest);
	}
	if (!read_zone(rest, &offset_s))
		return false;
	*ns = ((int64_t)timegm(&tm) - offset_s) * PL_NS_PER_S + fraction;
	return true;
}

static enum pl_err take_time(const struct parser *p, const char *key, struct pl_str value, int64_t *out)
{
	if (!read_unix(value, out) && !read_rfc3339(value, out))
		return refuse(p, key, "must be a time: 2026-11-21T01:02:03Z, or Unix seconds (a + of the zone is written %2B)");
	*out += *out == 0; /* 0 would leave it open, and `until` mean all */
	return PL_OK;
}

/* ---- the others ---- */

static enum pl_err take_number(const struct parser *p, const char *key, struct pl_str value, uint64_t least, uint64_t most,
			       uint64_t *out)
{
	if (pl_str_u64(value, out) && *out >= least && *out <= most)
		return PL_OK;
	snprintf(p->reason, p->reason_size, "%s must be a whole number from %llu to %llu", key, (unsigned long long)least,
		 (unsigned long long)most);
	return PL_EINVAL;
}

static enum pl_err take_text(const struct parser *p, enum key key, struct pl_str value)
{
	struct pl_quarantine_filter *f = &p->q->filter;
	/* No job and no instance is a thing to look for; the others are never empty. */
	if (value.n == 0 && key != KEY_JOB && key != KEY_INSTANCE)
		return refuse(p, names[key], "must not be empty; leave it out for any");
	struct pl_str copy = pl_arena_str(&p->q->arena, value);
	copy.p = copy.p != NULL ? copy.p : "";
	if (memchr(copy.p, '\0', copy.n) != NULL)
		return refuse(p, names[key], "must not hold a NUL byte");
	if (key == KEY_OUTPUT)
		f->output = pl_arena_strndup(&p->q->arena, value.p, value.n);
	else if (key == KEY_REASON)
		f->as = pl_arena_strndup(&p->q->arena, value.p, value.n);
	else
		*(key == KEY_JOB           ? &f->job
		  : key == KEY_INSTANCE    ? &f->instance
		  : key == KEY_MEASUREMENT ? &f->measurement
					   : &f->contains) = copy;
	return PL_OK;
}

static enum pl_err take(struct parser *p, enum key key, struct pl_str value)
{
	struct pl_quarantine_query *q = p->q;
	uint64_t v = 0;
	enum pl_err err = PL_OK;
	switch (key) {
	case KEY_ID:
		err = take_number(p, names[key], value, 1, INT64_MAX, &v);
		q->filter.id_from = q->filter.id_to = (int64_t)v;
		return err;
	case KEY_AFTER:
		err = take_number(p, names[key], value, 0, INT64_MAX - 1, &v);
		q->after = (int64_t)v;
		return err;
	case KEY_OFFSET:
		return take_number(p, names[key], value, 0, INT64_MAX, &q->offset);
	case KEY_LIMIT:
		return take_number(p, names[key], value, p->is_page ? 0 : 1, p->is_page ? PL_QUARANTINE_PAGE_MOST : INT64_MAX,
				   &q->limit);
	case KEY_SINCE:
		return take_time(p, names[key], value, &q->filter.since_wall_ns);
	case KEY_UNTIL:
		return take_time(p, names[key], value, &q->filter.until_wall_ns);
	case KEY_ALL:
		p->all = pl_str_is(value, "true");
		return p->all ? PL_OK : refuse(p, "all", "must be true, or left out");
	case KEY_TOKEN:
		return PL_OK;
	default:
		return take_text(p, key, value);
	}
}

static enum pl_err take_named(struct parser *p, struct pl_str name, struct pl_str value)
{
	for (unsigned k = 0; k < KEY_COUNT; k++) {
		bool fits = p->is_page ? k != KEY_ALL : k != KEY_OFFSET && k != KEY_AFTER;
		if (!fits || !pl_str_is(name, names[k]))
			continue;
		if ((p->seen & 1u << k) != 0)
			return refuse(p, names[k], "may be given once");
		p->seen |= 1u << k;
		return take(p, (enum key)k, value);
	}
	snprintf(
	    p->reason, p->reason_size,
	    "there is no such parameter here; known are output, reason, job, instance, measurement, contains, id, since, until, "
	    "limit, %s",
	    p->is_page ? "offset, after" : "all");
	return PL_EINVAL;
}

enum pl_err pl_quarantine_query_parse(struct pl_quarantine_query *q, struct pl_str query_string, bool is_page, char *reason,
				      size_t reason_size)
{
	struct parser p = {.q = q, .is_page = is_page, .reason = reason, .reason_size = reason_size};
	const unsigned conditions = (2u << LAST_CONDITION) - 1;
	struct pl_buf scratch = {0};
	struct pl_str rest = query_string, key, value;
	enum pl_err err = PL_OK;
	q->limit = is_page ? PL_QUARANTINE_PAGE : UINT64_MAX;
	while (err == PL_OK && pl_http_query_next(&rest, &scratch, &key, &value)) {
		err = take_named(&p, key, value);
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
	if (err != PL_OK || is_page)
		return err;
	bool any = (p.seen & conditions) != 0;
	if (any && p.all)
		return refuse(&p, "all=true", "stands alone: it means every line, and the other parameters mean some of them");
	if (!any && !p.all)
		return refuse(&p, "which lines?",
			      "Give output, reason, job, instance, measurement, contains, id, since or until; "
			      "all=true if every line is meant");
	return PL_OK;
}

void pl_quarantine_query_finish(struct pl_quarantine_query *q)
{
	pl_arena_finish(&q->arena);
}
