#include "out_influxdb/rollup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "out_influxdb/upkeep.h"

enum { MOST_AT_ONCE = 64, MOST_REFUSALS = 6, MOST_PATIENCE_S = 120, MOST_REST_MS = 60000, IDLE_MS = 5000 };

static void look(struct pl_influx_rollup *r);

/* ---- waiting ---- */

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

static void wait_ms(struct pl_influx_rollup *r, uint64_t ms)
{
	uv_timer_start(&r->timer, on_timer, ms > 0 ? ms : 1, 0);
}

static void wait_for_windows(struct pl_influx_rollup *r)
{
	int64_t ms = r->delay_ns / PL_NS_PER_MS;
	wait_ms(r, ms > IDLE_MS ? IDLE_MS : (uint64_t)ms);
}

/* The server gets as long a rest as the request took it. */
static void rest(struct pl_influx_rollup *r)
{
	int64_t ms = (pl_clock_mono_ns() - r->started_mono_ns) / PL_NS_PER_MS;
	wait_ms(r, ms > MOST_REST_MS ? MOST_REST_MS : (uint64_t)ms);
}

/* ---- what became of it ---- */

static void note_failure(struct pl_influx_rollup *r, struct pl_incident *incident, const char *message, struct pl_str stat,
			 const char *reason)
{
	char begin[PL_CLOCK_TEXT_BYTES], end[PL_CLOCK_TEXT_BYTES];
	const struct pl_kv kv[] = {PL_KVC("output", r->env->name),
				   PL_KVC("into", r->rule->into),
				   PL_KVC("from_time", pl_clock_text(r->begin_ns, begin)),
				   PL_KVC("to_time", pl_clock_text(r->end_ns, end)),
				   PL_KVS("stat", stat),
				   PL_KVC("reason", reason),
				   {0}};
	pl_influx_count(r->env, PL_INFLUX_ROLLUP_FAILURES, 1);
	pl_incident_fail(incident, pl_clock_wall_ns(), r->env->log, PL_LOG_WARN, message, kv);
}

static void try_later(struct pl_influx_rollup *r)
{
	struct pl_influx_rule *rule = r->rule;
	pl_influx_windows_put_back(&rule->windows, r->begin_ns, r->end_ns);
	int64_t patience_ms = (int64_t)pl_influx_patience_ms(++rule->failures, MOST_PATIENCE_S);
	rule->resting_until = pl_clock_mono_ns() + patience_ms * PL_NS_PER_MS;
	r->rule = NULL;
	wait_for_windows(r);
}

/* The windows stay marked, and fewer of them are asked for next time. */
static void fail(struct pl_influx_rollup *r, const char *reason)
{
	note_failure(r, &r->rule->trouble, "downsampling failed; tried again", PL_STR(""), reason);
	r->rule->most = r->rule->most > 1 ? r->rule->most / 2 : 1;
	try_later(r);
}

/* Is it an answer to the statement, and not the server's state? */
static bool is_about_statement(long status, enum pl_err err)
{
	return err == PL_EIO && (status == 200 || status == 400);
}

/* All measurements in one statement were refused: one of them may be at fault, and must not cost the others. */
static void take_apart(struct pl_influx_rollup *r, const char *reason)
{
	note_failure(r, &r->rule->trouble, "downsampling failed; tried again, each measurement for itself", PL_STR(""), reason);
	r->rule->apart = true;
	try_later(r);
}

/* The server answered, and will not do it. One window alone is given up in the end, for it would hold up all others. */
static void refused(struct pl_influx_rollup *r, long status, enum pl_err err, const char *reason)
{
	struct pl_influx_rule *rule = r->rule;
	bool alone = r->end_ns - r->begin_ns <= rule->interval_ns;
	if (err == PL_ENOENT)
		r->missing(r);
	if (!is_about_statement(status, err) || !alone || ++rule->refused < MOST_REFUSALS) {
		fail(r, reason);
		return;
	}
	note_failure(r, &r->rule->trouble, "a window cannot be downsampled and is left out", PL_STR(""), reason);
	pl_influx_count(r->env, PL_INFLUX_ROLLUP_WINDOWS_LOST, 1);
	rule->refused = 0;
	r->rule = NULL;
	rest(r);
}

/* Windows of seconds go by the hour. */
static size_t most_at_once(const struct pl_influx_rule *rule)
{
	int64_t in_an_hour = 3600 * PL_NS_PER_S / rule->interval_ns;
	return in_an_hour > MOST_AT_ONCE ? (size_t)in_an_hour : MOST_AT_ONCE;
}

static void succeed(struct pl_influx_rollup *r)
{
	const struct pl_kv kv[] = {PL_KVC("output", r->env->name), {0}};
	struct pl_influx_rule *rule = r->rule;
	pl_influx_count(r->env, PL_INFLUX_ROLLUP_WINDOWS, (uint64_t)((r->end_ns - r->begin_ns) / rule->interval_ns));
	pl_incident_end(&rule->trouble, pl_clock_wall_ns(), r->env->log, "downsampling works again", kv);
	if (r->stats_failed == 0)
		pl_incident_end(&rule->some, pl_clock_wall_ns(), r->env->log, "all stats are downsampled again", kv);
	rule->failures = rule->refused = 0;
	rule->most = rule->most * 2 < most_at_once(rule) ? rule->most * 2 : most_at_once(rule);
	r->rule = NULL;
	rest(r);
}

/* ---- asking ---- */

static void post(struct pl_influx_rollup *r, pl_influx_done done)
{
	char reason[256];
	r->request.max_answer = PL_INFLUX_UPKEEP_ANSWER_BYTES;
	r->request.whole = true;
	r->request.done = done;
	if (pl_influx_request_query(&r->request, r->server, pl_str_of(r->database), &r->statement, PL_INFLUX_FOR_UPKEEP, reason,
				    sizeof reason) != PL_OK)
		fail(r, reason);
}

static struct pl_influx_roll roll_of(const struct pl_influx_rollup *r)
{
	return (struct pl_influx_roll){.database = r->database,
				       .from = r->rule->source,
				       .into = r->rule->into,
				       .interval_ns = r->rule->interval_ns,
				       .begin_ns = r->begin_ns,
				       .end_ns = r->end_ns};
}

/* False when the request came to nothing; then all is said and done. */
static bool came_through(struct pl_influx_rollup *r, const struct pl_transfer_result *result, bool cut)
{
	if (r->closing)
		return false;
	if (result->err != PL_OK || cut)
		fail(r, cut ? "the answer is larger than 16 MiB" : result->reason);
	return result->err == PL_OK && !cut;
}

static void on_rolled(struct pl_influx_request *request, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_rollup *r = pl_container_of(request, struct pl_influx_rollup, request);
	char reason[256];
	uint64_t written;
	if (!came_through(r, result, cut))
		return;
	enum pl_err err = pl_influx_read_rolled(result->status, pl_buf_str(&request->answer), &written, reason, sizeof reason);
	pl_influx_count(r->env, PL_INFLUX_ROLLUP_POINTS, written);
	if (err == PL_OK)
		succeed(r);
	else if (is_about_statement(result->status, err))
		take_apart(r, reason);
	else
		refused(r, result->status, err, reason);
}

/* ---- statement by statement ---- */

static void send_group(struct pl_influx_rollup *r);

static void on_group_rolled(struct pl_influx_request *request, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_rollup *r = pl_container_of(request, struct pl_influx_rollup, request);
	char reason[256];
	uint64_t written;
	struct pl_str stat;
	if (!came_through(r, result, cut))
		return;
	enum pl_err err = pl_influx_read_rolled(result->status, pl_buf_str(&request->answer), &written, reason, sizeof reason);
	pl_influx_count(r->env, PL_INFLUX_ROLLUP_POINTS, written);
	if (err == PL_OK) {
		send_group(r);
	} else if (!is_about_statement(result->status, err)) {
		refused(r, result->status, err, reason);
	} else {
		if (!pl_influx_aggregate_retry(&r->aggregate, &stat)) {
			note_failure(r, &r->rule->some, "a stat cannot be downsampled; the others are", stat, reason);
			r->stats_failed++;
		}
		send_group(r);
	}
}

/* It may have been a passing trouble with some stats: all are tried again some times. What goes on is no longer waited for. */
static void end_of_stats(struct pl_influx_rollup *r)
{
	struct pl_influx_rule *rule = r->rule;
	if (r->stats_failed > 0 && !rule->hopeless && ++rule->refused < MOST_REFUSALS) {
		try_later(r);
		return;
	}
	rule->hopeless = rule->apart = r->stats_failed > 0;
	succeed(r);
}

static void send_group(struct pl_influx_rollup *r)
{
	struct pl_influx_roll roll = roll_of(r);
	pl_buf_clear(&r->statement);
	if (pl_influx_aggregate_next(&r->aggregate, &roll, &r->statement)) {
		post(r, on_group_rolled);
		return;
	}
	pl_influx_aggregate_finish(&r->aggregate);
	end_of_stats(r);
}

static void on_fields(struct pl_influx_request *request, const struct pl_transfer_result *result, bool cut)
{
	struct pl_influx_rollup *r = pl_container_of(request, struct pl_influx_rollup, request);
	struct pl_influx_shown_field *fields;
	size_t n;
	char reason[256];
	if (!came_through(r, result, cut))
		return;
	enum pl_err err = pl_influx_read_fields(result->status, pl_buf_str(&request->answer), &r->aggregate.arena, &fields, &n,
						reason, sizeof reason);
	if (err != PL_OK) {
		refused(r, result->status, err, reason);
		return;
	}
	if (r->rule->pulse)
		pl_influx_aggregate_begin(&r->aggregate, fields, n);
	else
		pl_influx_aggregate_begin_apart(&r->aggregate, fields, n, &r->rule->functions, &r->rule->measurements);
	send_group(r);
}

/* ---- which windows ---- */

/* `late` counts from the moment when a window would be rolled. */
static int64_t horizon_of(const struct pl_influx_rollup *r, const struct pl_influx_rule *rule)
{
	return r->late_ns + r->delay_ns + rule->interval_ns;
}

/* No window is touched whose points may have begun to expire: what is left of them would replace the right result. */
static int64_t earliest(const struct pl_influx_rollup *r, const struct pl_influx_rule *rule, int64_t now_ns)
{
	int64_t from = now_ns - horizon_of(r, rule);
	if (rule->kept_ns > 0 && from < now_ns - rule->kept_ns + 60 * PL_NS_PER_S)
		from = now_ns - rule->kept_ns + 60 * PL_NS_PER_S;
	return from;
}

static bool take(struct pl_influx_rollup *r, struct pl_influx_rule *rule, int64_t now_ns)
{
	size_t lost = pl_influx_windows_advance(&rule->windows, now_ns);
	bool found = rule->source != NULL && pl_clock_mono_ns() >= rule->resting_until &&
		     pl_influx_windows_take(&rule->windows, earliest(r, rule, now_ns), now_ns - r->delay_ns, rule->most,
					    &r->begin_ns, &r->end_ns, &lost);
	pl_influx_count(r->env, PL_INFLUX_ROLLUP_WINDOWS_LOST, lost);
	return found;
}

static void look(struct pl_influx_rollup *r)
{
	int64_t now_ns = pl_clock_wall_ns();
	for (size_t i = 0; i < r->n_rules && r->rule == NULL; i++) {
		struct pl_influx_rule *rule = &r->rules[r->next_rule++ % r->n_rules];
		if (take(r, rule, now_ns))
			r->rule = rule;
	}
	if (r->rule == NULL) {
		wait_for_windows(r);
		return;
	}
	r->started_mono_ns = pl_clock_mono_ns();
	r->stats_failed = 0;
	pl_buf_clear(&r->statement);
	if (r->rule->pulse || r->rule->apart) {
		pl_influx_aggregate_finish(&r->aggregate);
		pl_influx_show_fields(&r->statement, r->rule->source);
		post(r, on_fields);
	} else {
		struct pl_influx_roll roll = roll_of(r);
		pl_influx_roll_all(&r->statement, &roll, &r->rule->functions, &r->rule->measurements);
		post(r, on_rolled);
	}
}

/* ---- what there is to read and write ---- */

static const struct pl_influx_shown_policy *find(const struct pl_influx_shown_policy *shown, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (name[0] != '\0' ? pl_str_is(shown[i].name, name) : shown[i].is_default)
			return &shown[i];
	}
	return NULL;
}

static const char *trouble_with(const struct pl_influx_rule *rule, const struct pl_influx_shown_policy *from,
				const struct pl_influx_shown_policy *into)
{
	if (from == NULL || into == NULL)
		return "downsampling names a retention policy that is not there";
	if (from == into)
		return "downsampling reads and writes the same retention policy";
	if ((from->duration_ns > 0 && from->duration_ns < 2 * rule->interval_ns) ||
	    (into->duration_ns > 0 && into->duration_ns < 2 * rule->interval_ns))
		return "downsampling has a retention policy that keeps less than two intervals";
	return NULL;
}

static void resolve(struct pl_influx_rollup *r, struct pl_influx_rule *rule, const struct pl_influx_shown_policy *shown, size_t n)
{
	const struct pl_influx_shown_policy *from = find(shown, n, rule->from), *into = find(shown, n, rule->into);
	const struct pl_kv kv[] = {PL_KVC("output", r->env->name), PL_KVC("from", rule->from), PL_KVC("into", rule->into), {0}};
	const char *trouble = trouble_with(rule, from, into);
	free(rule->source);
	rule->source = NULL;
	if (trouble != NULL) {
		pl_incident_fail(&rule->missing, pl_clock_wall_ns(), r->env->log, PL_LOG_ERROR, trouble, kv);
		return;
	}
	pl_incident_end(&rule->missing, pl_clock_wall_ns(), r->env->log, "downsampling finds its retention policies now", kv);
	rule->source = pl_strndup(from->name.p, from->name.n);
	rule->kept_ns = from->duration_ns;
	if (into->duration_ns > 0 && (rule->kept_ns == 0 || into->duration_ns < rule->kept_ns))
		rule->kept_ns = into->duration_ns;
}

void pl_influx_rollup_ready(struct pl_influx_rollup *r, bool changed, const struct pl_influx_shown_policy *shown, size_t n)
{
	int64_t now_ns = pl_clock_wall_ns();
	for (size_t i = 0; i < r->n_rules; i++) {
		struct pl_influx_rule *rule = &r->rules[i];
		bool was = rule->source != NULL;
		if (rule != r->rule) /* nothing that a request under way points at may change */
			resolve(r, rule, shown, n);
		if (rule->source != NULL && (changed || !was))
			pl_influx_windows_mark_since(&rule->windows, earliest(r, rule, now_ns) + rule->interval_ns - 1);
	}
	if (!r->started && r->n_rules > 0)
		wait_ms(r, 1);
	r->started = true;
}

/* ---- what was written ---- */

int64_t pl_influx_line_time(struct pl_str line, int64_t fallback_ns)
{
	int64_t t;
	size_t at = line.n;
	while (at > 0 && line.n - at < 21 && line.p[at - 1] != ' ')
		at--;
	if (at == 0 || line.p[at - 1] != ' ' || !pl_str_i64((struct pl_str){line.p + at, line.n - at}, &t))
		return fallback_ns;
	return t;
}

static bool reads(const struct pl_influx_rule *rule, const char *policy)
{
	const char *from = rule->source != NULL ? rule->source : rule->from;
	return policy[0] == '\0' || from[0] == '\0' || strcmp(from, policy) == 0;
}

static void note_batch(struct pl_influx_rollup *r, struct pl_influx_rule *rule, struct pl_str lines, int64_t now_ns)
{
	uint64_t late = 0;
	while (lines.n > 0) {
		struct pl_str line = pl_str_cut(&lines, '\n');
		if (line.n > 0)
			late += pl_influx_windows_mark(&rule->windows, pl_influx_line_time(line, now_ns)) == PL_INFLUX_MARK_LATE;
	}
	if (late > 0)
		pl_influx_count(r->env, PL_INFLUX_ROLLUP_POINTS_LATE, late);
}

void pl_influx_rollup_note(struct pl_influx_rollup *r, const char *policy, const struct pl_delivery *d)
{
	int64_t now_ns = pl_clock_wall_ns();
	for (size_t k = 0; k < r->n_rules; k++) {
		if (!reads(&r->rules[k], policy))
			continue;
		for (size_t i = 0; i < d->n; i++)
			note_batch(r, &r->rules[k], (struct pl_str){d->batches[i]->p, d->batches[i]->n}, now_ns);
	}
}

/* ---- life ---- */

void pl_influx_rollup_open(struct pl_influx_rollup *r)
{
	int64_t now_ns = pl_clock_wall_ns();
	uv_timer_init(&r->env->loop->uv, &r->timer);
	r->timer.data = r;
	for (size_t i = 0; i < r->n_rules; i++) {
		struct pl_influx_rule *rule = &r->rules[i];
		rule->most = most_at_once(rule);
		pl_influx_windows_init(&rule->windows, rule->interval_ns, horizon_of(r, rule), now_ns);
	}
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pl_influx_rollup *r = handle->data;
	for (size_t i = 0; i < r->n_rules; i++) {
		pl_influx_windows_finish(&r->rules[i].windows);
		free(r->rules[i].source);
	}
	pl_influx_aggregate_finish(&r->aggregate);
	pl_influx_request_finish(&r->request);
	pl_buf_finish(&r->statement);
	r->closed(r);
}

void pl_influx_rollup_close(struct pl_influx_rollup *r, void (*closed)(struct pl_influx_rollup *r))
{
	r->closed = closed;
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}
