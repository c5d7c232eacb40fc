#include "out_influxdb/windows.h"

#include <stdlib.h>

#include "base/mem.h"

static int64_t number_of(const struct pl_influx_windows *w, int64_t time_ns)
{
	int64_t k = time_ns / w->interval_ns;
	return time_ns % w->interval_ns < 0 ? k - 1 : k;
}

static size_t place_of(const struct pl_influx_windows *w, int64_t number)
{
	int64_t at = number % w->n;
	return (size_t)(at < 0 ? at + w->n : at);
}

static int64_t oldest(const struct pl_influx_windows *w)
{
	return w->newest - w->n + 1;
}

static bool get(const struct pl_influx_windows *w, int64_t number)
{
	size_t at = place_of(w, number);
	return (w->bits[at / 64] >> (at % 64) & 1) != 0;
}

/* `number` is within the horizon. */
static void set(struct pl_influx_windows *w, int64_t number)
{
	size_t at = place_of(w, number);
	w->bits[at / 64] |= UINT64_C(1) << (at % 64);
	if (number < w->lowest)
		w->lowest = number;
}

static bool unset(struct pl_influx_windows *w, int64_t number)
{
	size_t at = place_of(w, number);
	bool was = get(w, number);
	w->bits[at / 64] &= ~(UINT64_C(1) << (at % 64));
	return was;
}

void pl_influx_windows_init(struct pl_influx_windows *w, int64_t interval_ns, int64_t horizon_ns, int64_t now_ns)
{
	*w = (struct pl_influx_windows){.interval_ns = interval_ns, .n = horizon_ns / interval_ns + 2};
	if (w->n > PL_INFLUX_MOST_WINDOWS)
		w->n = PL_INFLUX_MOST_WINDOWS;
	w->newest = number_of(w, now_ns);
	w->lowest = w->newest;
	w->last_mark = INT64_MIN;
	w->bits = pl_calloc((size_t)w->n / 64 + 1, sizeof *w->bits);
}

void pl_influx_windows_finish(struct pl_influx_windows *w)
{
	free(w->bits);
	w->bits = NULL;
}

size_t pl_influx_windows_advance(struct pl_influx_windows *w, int64_t now_ns)
{
	int64_t now = number_of(w, now_ns);
	size_t lost = 0;
	if (now <= w->newest)
		return 0;
	/* after a sleep longer than the horizon there is no need to walk through all that is gone anyway */
	int64_t steps = now - w->newest < w->n ? now - w->newest : w->n;
	for (int64_t i = 0; i < steps; i++)
		lost += unset(w, oldest(w) + i);
	int64_t first_ended = w->newest;
	w->newest = now;
	if (w->lowest < oldest(w))
		w->lowest = oldest(w);
	if (first_ended < oldest(w))
		first_ended = oldest(w);
	for (int64_t k = first_ended; k < now; k++)
		set(w, k);
	w->last_mark = INT64_MIN;
	return lost;
}

enum pl_influx_mark pl_influx_windows_mark(struct pl_influx_windows *w, int64_t time_ns)
{
	int64_t k = number_of(w, time_ns);
	if (k == w->last_mark)
		return PL_INFLUX_MARKED;
	if (k > w->newest)
		return PL_INFLUX_MARK_AHEAD;
	if (k < oldest(w))
		return PL_INFLUX_MARK_LATE;
	set(w, k);
	w->last_mark = k;
	return PL_INFLUX_MARKED;
}

void pl_influx_windows_mark_since(struct pl_influx_windows *w, int64_t from_ns)
{
	int64_t k = number_of(w, from_ns);
	for (k = k < oldest(w) ? oldest(w) : k; k <= w->newest; k++)
		set(w, k);
}

bool pl_influx_windows_take(struct pl_influx_windows *w, int64_t from_ns, int64_t until_ns, size_t most, int64_t *begin_ns,
			    int64_t *end_ns, size_t *lost)
{
	int64_t first = number_of(w, from_ns), end = number_of(w, until_ns);
	first += first * w->interval_ns < from_ns;
	if (end > w->newest + 1)
		end = w->newest + 1;
	while (w->lowest < first && w->lowest < end)
		*lost += unset(w, w->lowest++);
	while (w->lowest < end && !get(w, w->lowest))
		w->lowest++;
	if (w->lowest >= end)
		return false;
	int64_t begin = w->lowest;
	for (size_t i = 0; i < most && w->lowest < end && unset(w, w->lowest); i++)
		w->lowest++;
	w->last_mark = INT64_MIN;
	*begin_ns = begin * w->interval_ns;
	*end_ns = w->lowest * w->interval_ns;
	return true;
}

void pl_influx_windows_put_back(struct pl_influx_windows *w, int64_t begin_ns, int64_t end_ns)
{
	int64_t k = number_of(w, begin_ns);
	for (k = k < oldest(w) ? oldest(w) : k; k < number_of(w, end_ns); k++)
		set(w, k);
}
