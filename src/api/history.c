#include "api/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/read_query.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"
#include "net/http_server.h"

enum { SLOT_S = 900, SLOTS = 96 };

#define HOUR_NS (3600 * PL_NS_PER_S)

/* ---- parameters ---- */

bool pl_history_duration(struct pl_str text, int64_t *ns)
{
	static const struct {
		struct pl_str unit; /* ms before m */
		int64_t ns;
	} units[] = {{PL_STR("ms"), PL_NS_PER_MS},    {PL_STR("u"), 1000},    {PL_STR("s"), PL_NS_PER_S},
		     {PL_STR("m"), 60 * PL_NS_PER_S}, {PL_STR("h"), HOUR_NS}, {PL_STR("d"), 24 * HOUR_NS},
		     {PL_STR("w"), 168 * HOUR_NS}};
	int64_t sum = 0;
	if (text.n == 0)
		return false;
	while (text.n > 0) {
		size_t digits = 0, i = 0;
		int64_t number, part;
		while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
			digits++;
		if (!pl_str_i64((struct pl_str){text.p, digits}, &number))
			return false;
		text = (struct pl_str){text.p + digits, text.n - digits};
		while (i < PL_COUNT_OF(units) && !pl_str_starts(text, units[i].unit))
			i++;
		if (i == PL_COUNT_OF(units) || __builtin_mul_overflow(number, units[i].ns, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return false;
		text = (struct pl_str){text.p + units[i].unit.n, text.n - units[i].unit.n};
	}
	*ns = sum;
	return true;
}

struct parameters {
	int64_t start_ns, stop_ns;
	bool start, stop; /* given */
};

static enum pl_err read_duration(const char *name, struct pl_str value, int64_t *ns, char *reason, size_t size)
{
	if (pl_history_duration(value, ns))
		return PL_OK;
	snprintf(reason, size, "%s must say how far back: a whole number with u, ms, s, m, h, d or w behind it, as in 90m", name);
	return PL_EINVAL;
}

/* A number is rounded to six decimals on /hourly, as pulse writes it into its query; other text stands for 0. */
static enum pl_err read_fill(struct pl_history *h, struct pl_str value, char *reason, size_t size)
{
	char text[512], *end = text;
	h->backfill = true;
	h->fill = 0;
	if (value.n >= 128 || memchr(value.p, '\0', value.n) != NULL)
		return PL_OK;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	double v = text[0] == ' ' || text[0] == '\t' ? 0 : strtod(text, &end);
	if (*end != '\0' || end == text)
		return PL_OK;
	if (!isfinite(v)) {
		snprintf(reason, size, "backfill must be a finite number");
		return PL_EINVAL;
	}
	if (h->kind == PL_HISTORY_HOURLY) {
		snprintf(text, sizeof text, "%.6f", v);
		v = strtod(text, NULL);
	}
	h->fill = v == 0 ? 0 : v; /* no -0 */
	return PL_OK;
}

/* Of a parameter given twice the first that is not empty counts. */
static enum pl_err read_own(struct pl_history *h, struct parameters *p, struct pl_str query_string, char *reason, size_t size)
{
	struct pl_buf scratch = {0};
	struct pl_str key, value;
	enum pl_err err = PL_OK;
	while (err == PL_OK && pl_http_query_next(&query_string, &scratch, &key, &value)) {
		if (value.n > 0 && pl_str_is(key, "start") && !p->start) {
			p->start = true;
			err = read_duration("start", value, &p->start_ns, reason, size);
		} else if (value.n > 0 && pl_str_is(key, "stop") && !p->stop) {
			p->stop = true;
			err = read_duration("stop", value, &p->stop_ns, reason, size);
		} else if (value.n > 0 && pl_str_is(key, "backfill") && !h->backfill) {
			err = read_fill(h, value, reason, size);
		}
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
	return err;
}

enum pl_err pl_history_parse(struct pl_history *h, struct pl_query *q, struct pl_str query_string, int64_t now_ns, char *reason,
			     size_t reason_size)
{
	bool hourly = h->kind == PL_HISTORY_HOURLY;
	struct parameters p = {.start_ns = hourly ? 24 * HOUR_NS : 168 * HOUR_NS};
	int64_t first_ns;
	h->backfill = false;
	h->fill = 0;
	enum pl_err err =
	    pl_read_query_parse(q, h->kind == PL_HISTORY_PEAKS ? PL_VERB_MAX : PL_VERB_MEAN, query_string, reason, reason_size);
	if (err == PL_OK)
		err = read_own(h, &p, query_string, reason, reason_size);
	if (err != PL_OK)
		return err;
	q->width_ns = hourly ? HOUR_NS : SLOT_S * PL_NS_PER_S;
	q->from_ns = p.start_ns < now_ns ? now_ns - p.start_ns : 0;
	q->until_ns = p.stop_ns < now_ns ? now_ns - p.stop_ns : 0;
	if (pl_query_windows(q, &first_ns) <= PL_QUERY_MOST_WINDOWS)
		return PL_OK;
	snprintf(reason, reason_size, "between start and stop there are more than %d %s", PL_QUERY_MOST_WINDOWS,
		 hourly ? "hours" : "quarters of an hour");
	return PL_EINVAL;
}

/* ---- by the hour ---- */

static void add_value(struct pl_json *j, int64_t time_ms, double value)
{
	pl_json_object_begin(j);
	pl_json_key(j, "time");
	pl_json_i64(j, time_ms);
	pl_json_key(j, "value");
	pl_json_double(j, value);
	pl_json_object_end(j);
}

static void add_hours(const struct pl_history *h, const struct pl_query *q, struct pl_json *j)
{
	int64_t first_ns, width_ms = q->width_ns / PL_NS_PER_MS;
	size_t n = pl_query_windows(q, &first_ns), row = 0;
	pl_json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		int64_t time_ms = first_ns / PL_NS_PER_MS + (int64_t)i * width_ms;
		if (row < q->n_rows && q->rows[row].time_ms == time_ms)
			add_value(j, time_ms, q->rows[row++].value);
		else if (h->backfill)
			add_value(j, time_ms, h->fill);
	}
	pl_json_array_end(j);
}

/* ---- by the time of day ---- */

/* Running weighted means, which do not grow beyond what goes in. */
struct mean {
	double value, weight;
	uint64_t n;
};

struct slot {
	struct mean weighed, plain; /* rows with a known number of samples, and the others */
	double peak;
};

static void add_to_mean(struct mean *m, double value, double weight)
{
	m->n++;
	m->weight += weight;
	m->value += (value - m->value) * (weight / m->weight);
}

static size_t slot_of(int64_t time_ms)
{
	time_t t = (time_t)(time_ms / 1000);
	struct tm local;
	if (localtime_r(&t, &local) == NULL)
		return 0;
	return ((size_t)local.tm_hour * 60 + (size_t)local.tm_min) * 60 / SLOT_S % SLOTS;
}

static void fill_slots(const struct pl_history *h, const struct pl_query *q, struct slot slots[SLOTS])
{
	for (size_t i = 0; i < q->n_rows; i++) {
		const struct pl_query_row *row = &q->rows[i];
		struct slot *s = &slots[slot_of(row->time_ms)];
		bool none = s->weighed.n + s->plain.n == 0;
		bool by_weight = q->verb == PL_VERB_MEAN && h->kind == PL_HISTORY_DAILY && row->weight > 0;
		s->peak = none || row->value > s->peak ? row->value : s->peak;
		add_to_mean(by_weight ? &s->weighed : &s->plain, row->value, by_weight ? row->weight : 1);
	}
}

/* A row of which nobody knows how many samples it stands for counts as much as the others do on the average. */
static double result_of(const struct pl_history *h, const struct slot *s)
{
	struct mean all = s->weighed;
	if (h->kind == PL_HISTORY_PEAKS)
		return s->peak;
	if (s->plain.n > 0)
		add_to_mean(&all, s->plain.value, (double)s->plain.n * (all.n > 0 ? all.weight / (double)all.n : 1));
	return all.value;
}

static void add_slots(const struct pl_history *h, const struct pl_query *q, struct pl_json *j)
{
	struct slot slots[SLOTS] = {0};
	fill_slots(h, q, slots);
	pl_json_array_begin(j);
	for (size_t i = 0; i < SLOTS; i++) {
		bool has = slots[i].weighed.n + slots[i].plain.n > 0;
		double value = has ? result_of(h, &slots[i]) : h->fill;
		char time[8];
		if ((!has && !h->backfill) || !isfinite(value))
			continue;
		snprintf(time, sizeof time, "%02u:%02u", (unsigned)(i * SLOT_S / 3600) % 24, (unsigned)(i * SLOT_S / 60) % 60);
		pl_json_object_begin(j);
		pl_json_key(j, "time");
		pl_json_cstr(j, time);
		pl_json_key(j, "value");
		pl_json_double(j, value);
		pl_json_object_end(j);
	}
	pl_json_array_end(j);
}

bool pl_history_answer(const struct pl_history *h, const struct pl_query *q, struct pl_buf *out)
{
	struct pl_json j = {.out = out};
	size_t before = out->n;
	if (h->kind == PL_HISTORY_HOURLY)
		add_hours(h, q, &j);
	else
		add_slots(h, q, &j);
	return out->n > before + 2; /* more than [] */
}
