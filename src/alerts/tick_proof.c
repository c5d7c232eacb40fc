/* Synthetic points that make a task fire and recover: see pl_tick_proof_step.
 *
 * Windows go by the points' own times, so that nothing has to be waited for: both steps of a proof lie in the past, one behind
 * the other, each with the later point that closes its window. */
#include <math.h>

#include "alerts/tick_parts.h"
#include "base/mem.h"
#include "format/json_out.h"
#include "format/lineproto.h"

enum { COUNT_MOST = 1000 }; /* points of one window */

static const int64_t second = 1000000000;
static const int64_t patience = 10 * second; /* for the ways there and back */

struct proof {
	struct pl_tick_parts parts;
	const struct pl_alert *alert;
	struct pl_buf series; /* measurement and tags */
	struct pl_buf field;  /* escaped */
	struct pl_buf *lines;
};

static void add_point(struct proof *p, double value, int64_t time_ns)
{
	if (p->lines->n > 0)
		pl_buf_add_char(p->lines, '\n');
	pl_buf_add_str(p->lines, pl_buf_str(&p->series));
	pl_buf_add_char(p->lines, ' ');
	pl_buf_add_str(p->lines, pl_buf_str(&p->field));
	pl_buf_add_char(p->lines, '=');
	pl_json_add_double(p->lines, value);
	pl_buf_add_char(p->lines, ' ');
	pl_buf_add_i64(p->lines, time_ns);
}

static void name_series(struct proof *p)
{
	struct pl_labels_builder tags = {0};
	struct pl_str id = pl_str_of(p->alert->id);
	for (size_t i = 0; i < p->parts.groups; i++)
		pl_labels_builder_set(&tags, p->parts.group[i], id);
	pl_labels_builder_set(&tags, PL_STR(PL_TICK_PROOF_TAG), id);
	pl_lp_add_measurement(&p->series, pl_str_of(p->alert->metric));
	pl_lp_add_tags(&p->series, pl_labels_builder_view(&tags));
	pl_lp_add_key(&p->field, pl_str_of(p->parts.field));
	pl_labels_builder_finish(&tags);
}

static bool fires(const struct proof *p, double value)
{
	for (int i = PL_ALERT_LEVELS - 1; i > PL_ALERT_OK; i--)
		if (p->parts.bounds[i].given)
			return pl_alert_reaches(p->alert->operator_, value, p->parts.bounds[i].threshold);
	return false;
}

static bool recovers(const struct proof *p, double value)
{
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		const struct pl_alert_bound *b = &p->parts.bounds[i];
		if (b->given && (pl_alert_reaches(p->alert->operator_, value, b->threshold) ||
				 (b->reset_given && pl_alert_reaches(p->alert->operator_, value, b->reset))))
			return false;
	}
	return true;
}

/* The first of a few likely values that does it: beyond all thresholds on either side, between them, upon them. */
static bool choose(const struct proof *p, bool (*good)(const struct proof *p, double value), bool whole, double *out)
{
	double lowest = INFINITY, highest = -INFINITY;
	double likely[3 * PL_ALERT_LEVELS + 4];
	size_t n = 2;
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		const struct pl_alert_bound *b = &p->parts.bounds[i];
		double both[] = {b->threshold, b->reset};
		for (size_t k = 0; b->given && k < (b->reset_given ? 2u : 1u); k++) {
			lowest = fmin(lowest, both[k]);
			highest = fmax(highest, both[k]);
			likely[n++] = both[k];
		}
	}
	likely[0] = highest + fmax(1, fabs(highest) / 2);
	likely[1] = lowest - fmax(1, fabs(lowest) / 2);
	likely[n++] = 0;
	likely[n++] = 1;
	for (size_t i = 0; i < n; i++) {
		double value = whole ? floor(likely[i]) : likely[i];
		if (isfinite(value) && good(p, value)) {
			*out = value;
			return true;
		}
	}
	return false;
}

/* `points` of them that end right before `end`, `point` by `point`; a sum is that of one. */
static void add_window(struct proof *p, double value, int64_t end)
{
	if (p->alert->aggregate != PL_ALERT_COUNT) {
		add_point(p, value, end - 1);
		return;
	}
	for (int64_t i = (int64_t)value; i > 0; i--)
		add_point(p, 1, end - i);
}

/* A first point, so that the window which follows is a full one. */
static void add_lead(struct proof *p, double value, int64_t end)
{
	if (pl_tick_needs_full_window(p->alert))
		add_point(p, value, end - p->alert->duration - 1);
}

/* Where Kapacitor aligns: on multiples since the year 1, not since 1970. */
static int64_t floor_to(int64_t ns, int64_t every)
{
	static const int64_t year_one = 62135596800; /* s before 1970 */
	return ns - (int64_t)(((__extension__(__int128) year_one * second) + ns) % every);
}

static bool countable(const struct proof *p, double value)
{
	return p->alert->aggregate != PL_ALERT_COUNT || (value >= 1 && value <= COUNT_MOST);
}

static bool fires_countably(const struct proof *p, double value)
{
	return countable(p, value) && fires(p, value);
}

static bool recovers_countably(const struct proof *p, double value)
{
	return countable(p, value) && recovers(p, value);
}

static bool threshold_step(struct proof *p, unsigned step, int64_t wall_ns, int64_t *wait_ns)
{
	const struct pl_alert *a = p->alert;
	double value;
	if (step > 1 || !choose(p, step == 0 ? fires_countably : recovers_countably, a->aggregate == PL_ALERT_COUNT, &value))
		return false;
	*wait_ns = patience;
	if (a->aggregate == PL_ALERT_NONE) {
		add_point(p, value, wall_ns);
		return true;
	}
	int64_t back = step == 0 ? a->duration + 2 * a->every : 0;
	int64_t end = floor_to(wall_ns - back, a->every);
	add_lead(p, value, end);
	add_window(p, value, end);
	add_point(p, value, end);
	return true;
}

/* The window before and the window now, as the change asks for. */
static bool relative_pair(const struct proof *p, double change, double *past, double *now)
{
	bool counts = p->alert->aggregate == PL_ALERT_COUNT;
	if (p->alert->change == PL_ALERT_PERCENT) {
		*past = 100;
		*now = 100 + change;
		return !counts || (*now >= 1 && *now <= COUNT_MOST && floor(*now) == *now);
	}
	*past = change < 0 && counts ? 1 - change : counts ? 1 : 0;
	*now = *past + change;
	return !counts || (*past <= COUNT_MOST && *now <= COUNT_MOST && floor(change) == change);
}

static bool relative_step(struct proof *p, unsigned step, int64_t wall_ns, int64_t *wait_ns)
{
	const struct pl_alert *a = p->alert;
	double change = 0, past, now;
	/* Windows that overlap would blur the two. */
	if (step > 1 || a->duration > a->ago - a->every)
		return false;
	if (step == 0 ? !choose(p, fires, a->aggregate == PL_ALERT_COUNT, &change) : !recovers(p, 0))
		return false;
	if (!relative_pair(p, change, &past, &now))
		return false;
	int64_t back = step == 0 ? a->ago + 2 * a->duration + 4 * a->every : 0;
	int64_t end = floor_to(wall_ns - back, a->every);
	int64_t end_past = floor_to(end - a->ago + (a->every - 1) / 2, a->every);
	add_lead(p, past, end_past);
	add_window(p, past, end_past);
	add_point(p, past, end_past);
	add_window(p, now, end);
	add_point(p, now, end);
	*wait_ns = patience;
	return true;
}

/* Silence does it. The group may have fired before, which a few points have to end first. */
static bool deadman_step(struct proof *p, unsigned step, int64_t wall_ns, int64_t *wait_ns)
{
	double most = 0;
	for (int i = PL_ALERT_INFO; i < PL_ALERT_LEVELS; i++) {
		const struct pl_alert_bound *b = &p->parts.bounds[i];
		if (b->given)
			most = fmax(most, fmax(b->threshold, b->reset_given ? b->reset : 0));
		if (b->given && b->threshold < 0)
			return false; /* never below nothing */
	}
	if (step > 0)
		return false;
	for (int64_t i = (int64_t)fmin(most, COUNT_MOST - 1); i >= 0; i--)
		add_point(p, 1, wall_ns - i);
	*wait_ns = 3 * p->alert->duration + patience;
	return true;
}

bool pl_tick_proof_step(const struct pl_alert *a, const struct pl_alert_defaults *defaults, unsigned step, int64_t wall_ns,
			struct pl_buf *lines, int64_t *wait_ns)
{
	char reason[128];
	struct proof p = {.alert = a, .lines = lines};
	if (defaults->proof_database == NULL || pl_tick_parts_init(&p.parts, a, defaults, reason, sizeof reason) != PL_OK)
		return false;
	pl_buf_clear(lines);
	name_series(&p);
	bool more;
	if (a->kind == PL_ALERT_DEADMAN)
		more = deadman_step(&p, step, wall_ns, wait_ns);
	else if (a->kind == PL_ALERT_RELATIVE)
		more = relative_step(&p, step, wall_ns, wait_ns);
	else
		more = threshold_step(&p, step, wall_ns, wait_ns);
	pl_tick_parts_finish(&p.parts);
	pl_buf_finish(&p.series);
	pl_buf_finish(&p.field);
	return more;
}
