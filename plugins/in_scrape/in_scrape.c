/* The scraper: fetches a target's page, reads it as it comes, and leaves line protocol with the worker's sink. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "in_scrape/history.h"
#include "in_scrape/page.h"
#include "in_scrape/token.h"
#include "in_scrape/trouble.h"
#include "pipeline/plugin.h"

enum { IDLE_PAGES_KEPT = 8 };

/* A target that refuses even fresh tokens must not have one fetched for each scrape. */
#define RENEW_PAUSE_NS (60 * PL_NS_PER_S)

struct scraper;

struct target_state {
	struct pl_transfer transfer;
	struct scraper *scraper;
	struct pl_target *target; /* shares */
	struct pl_transcode_target tags;
	struct pl_route *route;
	struct pl_client client;
	struct pl_scrape_token *token; /* NULL: no OAuth 2 */
	struct pl_oauth2_waiter token_waiter;
	uint64_t token_serial;
	bool token_refused;            /* in this scrape */
	int64_t token_renewed_mono_ns; /* a fresh one was fetched because of a 401 then, and no scrape worked since; else 0 */
	uint32_t affinity;
	char timeout_header[64];
	const char *headers[2];
	struct pl_scrape_live *live;     /* NULL where the job wants none */
	struct pl_target_series *series; /* NULL where the job needs none */
	struct pl_scrape_page *page;     /* from the head of an answer to the end of the scrape: one that waits owns no memory */
	size_t usual_lines_bytes;        /* what the last good page came to */
	int64_t started_mono_ns, started_wall_ns, sample_time_ns;
	bool under_way, detached;
	enum pl_scrape_result result; /* of the scrape under way, as far as it went */
	struct pl_scrape_trouble trouble;
	struct pl_scrape_history history;
	struct pl_target_status status;
};

struct scraper {
	const struct pl_input_env *env;
	struct pl_input_counters counters;
	struct pl_series_budget series_budget;
	struct pl_scrape_page *idle[IDLE_PAGES_KEPT];
	size_t n_idle;
	uint32_t *free_affinities;
	size_t n_free_affinities, free_affinities_cap;
	uint32_t n_affinities;
	struct pl_scrape_tokens tokens;
	size_t n_states; /* attached, or detached with a transfer to end */
	void (*closed)(void *data);
	void *closed_data;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* ---- pages and affinities, kept for reuse ---- */

static struct pl_scrape_page *take_page(struct scraper *s)
{
	return s->n_idle > 0 ? s->idle[--s->n_idle] : pl_scrape_page_create();
}

static void give_page(struct scraper *s, struct pl_scrape_page *p)
{
	if (s->n_idle < IDLE_PAGES_KEPT)
		s->idle[s->n_idle++] = p;
	else
		pl_scrape_page_destroy(p);
}

static uint32_t take_affinity(struct scraper *s)
{
	return s->n_free_affinities > 0 ? s->free_affinities[--s->n_free_affinities] : s->n_affinities++;
}

static void give_affinity(struct scraper *s, uint32_t affinity)
{
	if (s->n_free_affinities == s->free_affinities_cap) {
		s->free_affinities_cap = s->free_affinities_cap * 2 + 16;
		s->free_affinities = pl_realloc(s->free_affinities, s->free_affinities_cap * sizeof *s->free_affinities);
	}
	s->free_affinities[s->n_free_affinities++] = affinity;
}

static struct pl_scrape_page *page_of(struct target_state *st)
{
	struct scraper *s = st->scraper;
	if (st->page == NULL) {
		st->page = take_page(s);
		pl_scrape_page_begin(st->page, st->target->job, &st->tags, st->series, st->route, s->env->sink,
				     st->started_wall_ns, st->sample_time_ns, st->target->timeout_ns / 2);
		if (st->live != NULL && s->env->live->wanted(s->env->live))
			st->page->live = pl_scrape_live_begin(st->live, st->sample_time_ns);
	}
	return st->page;
}

/* ---- the end of a scrape ---- */

static void note_failure(struct pl_target_status *status, const struct pl_scrape_page *page)
{
	if (status->down_since_wall_ns == 0) {
		status->down_since_wall_ns = status->bad_since_wall_ns = page->started_wall_ns;
		status->bad_failures = 0;
	}
	status->bad_until_wall_ns = page->started_wall_ns;
	status->bad_failures++;
	status->failures++;
	memcpy(status->last_error, page->error, sizeof status->last_error);
}

static void note_status(struct target_state *st, const struct pl_scrape_outcome *o, int64_t duration_ns)
{
	const struct pl_scrape_page *page = st->page;
	struct pl_target_status *status = &st->status;
	bool up = page->error[0] == '\0';
	const struct pl_target_outcome outcome = {
	    .wall_ns = page->started_wall_ns,
	    .duration_ns = duration_ns,
	    .samples = o->samples < UINT32_MAX ? (uint32_t)o->samples : UINT32_MAX,
	    .result = up ? PL_SCRAPE_UP : st->result,
	};
	pl_scrape_history_add(&st->history, &outcome);
	status->health = up ? PL_TARGET_UP : PL_TARGET_DOWN;
	status->last_scrape_wall_ns = page->started_wall_ns;
	status->last_duration_ns = duration_ns;
	status->last_samples = o->samples;
	status->last_bytes = o->bytes;
	status->last_kept = o->kept;
	status->last_series_added = o->series_added;
	status->knows_series = pl_target_series_knows(st->series, st->target->job);
	status->known_series = st->series != NULL ? st->series->known.n : 0;
	status->last_dropped = 0;
	for (size_t i = 0; i < PL_SCRAPE_DROP_COUNT; i++)
		status->last_dropped += o->dropped[i];
	status->scrapes++;
	if (up)
		status->down_since_wall_ns = 0;
	else
		note_failure(status, page);
	status->failures_in_row = up ? 0 : status->bad_failures;
}

static void show_cache(struct scraper *s)
{
	atomic_store_explicit(&s->counters.relabel_cache_series, s->series_budget.series, memory_order_relaxed);
	atomic_store_explicit(&s->counters.relabel_cache_bytes, s->series_budget.used, memory_order_relaxed);
}

_Static_assert(PL_SCRAPE_DROP_COUNT <= PL_COUNT_OF(((struct pl_input_counters *)NULL)->dropped), "no room for all reasons");

static void add_counters(struct scraper *s, const struct pl_scrape_outcome *o)
{
	struct pl_input_counters *c = &s->counters;
	count(&c->samples, o->samples);
	count(&c->points, o->points);
	count(&c->own_points, o->own_points);
	count(&c->bytes, o->bytes);
	count(&c->merged, o->merged);
	count(&c->added, o->added);
	count(&c->parts, o->parts);
	for (size_t i = 0; i < PL_SCRAPE_DROP_COUNT; i++)
		count(&c->dropped[i], o->dropped[i]);
	count(&c->relabeled, o->relabeled);
	count(&c->relabel_uncached, o->uncached);
	count(&c->stale, o->stale);
	show_cache(s);
}

static void end_scrape(struct target_state *st)
{
	struct scraper *s = st->scraper;
	struct pl_scrape_outcome outcome;
	int64_t duration = pl_clock_mono_ns() - st->started_mono_ns;
	bool up = st->page->error[0] == '\0';
	if (up)
		st->token_renewed_mono_ns = 0;
	else
		pl_client_redact(&st->client, st->target->url, st->page->error);
	pl_scrape_page_settle(st->page, duration, &outcome);
	add_counters(s, &outcome);
	count(&s->counters.scrapes, 1);
	count(&s->counters.failures, !up);
	note_status(st, &outcome, duration);
	if (up)
		pl_scrape_trouble_end(&st->trouble, st->target, s->env->log);
	else
		pl_scrape_trouble_fail(&st->trouble, st->target, st->result, st->status.last_error, s->env->log);
	if (st->series != NULL)
		pl_target_series_warn(st->series, st->target, s->env->log, st->started_wall_ns);
	if (up)
		st->usual_lines_bytes = outcome.lines_bytes;
	give_page(s, st->page);
	st->page = NULL;
	st->under_way = false;
}

static void free_state(struct target_state *st)
{
	struct scraper *s = st->scraper;
	give_affinity(s, st->affinity);
	if (st->token != NULL)
		pl_scrape_token_release(st->token);
	pl_client_finish(&st->client);
	pl_scrape_live_destroy(st->live);
	pl_target_series_destroy(st->series);
	show_cache(s);
	pl_transcode_target_finish(&st->tags);
	pl_scrape_history_finish(&st->history);
	pl_route_release(st->route);
	pl_target_release(st->target);
	free(st);
	s->n_states--;
}

/* ---- a scrape ---- */

static bool may_renew_token(const struct target_state *st)
{
	if (st->token == NULL || st->token_refused)
		return false;
	return st->token_renewed_mono_ns == 0 || pl_clock_mono_ns() - st->token_renewed_mono_ns > RENEW_PAUSE_NS;
}

static enum pl_err on_head(struct pl_transfer *t, const struct pl_transfer_head *head)
{
	struct target_state *st = pl_container_of(t, struct target_state, transfer);
	struct pl_scrape_page *page;
	if (head->status == 401 && may_renew_token(st)) {
		st->token_refused = true;
		return PL_EACCES;
	}
	page = page_of(st);
	pl_buf_reserve(&page->lines, st->usual_lines_bytes + st->usual_lines_bytes / 16);
	return pl_scrape_page_head(page, head);
}

static enum pl_err on_data(struct pl_transfer *t, const char *p, size_t n)
{
	struct target_state *st = pl_container_of(t, struct target_state, transfer);
	enum pl_err err = pl_scrape_page_data(st->page, p, n);
	if (err == PL_OK && pl_scrape_page_waits(st->page))
		pl_transfer_pause(t);
	return err;
}

static bool may_go_on(struct pl_transfer *t)
{
	struct target_state *st = pl_container_of(t, struct target_state, transfer);
	return !pl_scrape_page_waits(st->page);
}

static void abandon(struct target_state *st)
{
	struct pl_scrape_outcome outcome;
	if (st->page == NULL)
		return;
	pl_scrape_page_abandon(st->page, &outcome);
	add_counters(st->scraper, &outcome);
	give_page(st->scraper, st->page);
}

static void end_if_closing(struct scraper *s);
static void ask_token(struct target_state *st);

static enum pl_scrape_result result_of(const struct pl_transfer_result *result)
{
	switch (result->err) {
	case PL_OK:
	case PL_EUNSUPPORTED:
		return PL_SCRAPE_CONTENT;
	case PL_EPARSE:
		return PL_SCRAPE_PARSE;
	case PL_ELIMIT:
		return PL_SCRAPE_LIMIT;
	case PL_ETIMEOUT:
		return PL_SCRAPE_TIMEOUT;
	default:
		return result->status != 0 && result->status != 200 ? PL_SCRAPE_STATUS : PL_SCRAPE_NETWORK;
	}
}

static void on_done(struct pl_transfer *t, const struct pl_transfer_result *result)
{
	struct target_state *st = pl_container_of(t, struct target_state, transfer);
	if (st->detached) {
		struct scraper *s = st->scraper;
		abandon(st);
		free_state(st);
		end_if_closing(s);
		return;
	}
	if (result->err == PL_EACCES && st->token_refused && st->page == NULL) { /* once more with a fresh token */
		pl_oauth2_refused(st->token->oauth2, st->token_serial);
		st->token_renewed_mono_ns = pl_clock_mono_ns();
		ask_token(st);
		return;
	}
	struct pl_scrape_page *page = page_of(st);
	st->result = result_of(result);
	if (result->err != PL_OK && page->error[0] == '\0')
		snprintf(page->error, sizeof page->error, "%s",
			 result->reason[0] != '\0' ? result->reason : pl_err_text(result->err));
	if (result->err == PL_OK && !page->has_format)
		snprintf(page->error, sizeof page->error, "the target's answer (HTTP status %ld) has no body", result->status);
	if (page->error[0] == '\0' && pl_scrape_page_end(page) != PL_OK) {
		st->result = PL_SCRAPE_PARSE;
		if (page->error[0] == '\0')
			snprintf(page->error, sizeof page->error, "the page is incomplete");
	}
	end_scrape(st);
}

static const struct pl_transfer_events scrape_events = {
    .on_head = on_head, .on_data = on_data, .may_go_on = may_go_on, .on_done = on_done};

static void fail(struct target_state *st, const char *reason)
{
	struct pl_scrape_page *page = page_of(st);
	snprintf(page->error, sizeof page->error, "%s", reason);
	end_scrape(st);
}

static void request(struct target_state *st)
{
	int64_t spent = st->token != NULL ? pl_clock_mono_ns() - st->started_mono_ns : 0;
	int64_t left = st->target->timeout_ns - spent;
	const struct pl_transfer_request request = {
	    .url = st->target->url,
	    .client = &st->client.transfer,
	    .accept = PL_EXPOSITION_ACCEPT,
	    .headers = st->headers,
	    .affinity = st->affinity,
	    .timeout_ns = left > PL_NS_PER_MS ? left : PL_NS_PER_MS,
	    .max_body_bytes = (uint64_t)st->target->job->body_size_limit,
	};
	pl_transfer_start(st->scraper->env->transfers, &st->transfer, &request);
}

static void use_token(struct target_state *st, enum pl_oauth2_state state)
{
	if (state == PL_OAUTH2_FAILED) {
		st->result = PL_SCRAPE_CREDENTIALS;
		fail(st, pl_oauth2_reason(st->token->oauth2));
		return;
	}
	st->client.transfer.bearer_token = pl_oauth2_token(st->token->oauth2, &st->token_serial);
	request(st);
	st->client.transfer.bearer_token = NULL; /* copied; it may go any time */
}

static void on_token(struct pl_oauth2_waiter *w, enum pl_oauth2_state state)
{
	use_token(pl_container_of(w, struct target_state, token_waiter), state);
}

static void ask_token(struct target_state *st)
{
	enum pl_oauth2_state state = pl_oauth2_ask(st->token->oauth2, &st->token_waiter, st->target->timeout_ns);
	if (state != PL_OAUTH2_WAITING)
		use_token(st, state);
}

/* Aligned by the moment that was planned: a scrape that begins a little early or late must not share another's time. */
static int64_t sample_time(const struct target_state *st, int64_t planned_ns)
{
	const struct pl_job *job = st->target->job;
	int64_t time = st->started_wall_ns;
	if (job->influx.align_timestamps)
		time = planned_ns - planned_ns % st->target->interval_ns;
	return time + job->influx.timestamp_offset;
}

static void fire(void *self, void *state, int64_t wall_ns)
{
	struct scraper *s = self;
	struct target_state *st = state;
	uint32_t too_many = atomic_load_explicit(&st->target->over_limit, memory_order_relaxed);
	if (too_many == PL_TARGET_UNJUDGED)
		return;
	if (st->under_way) {
		count(&s->counters.missed, 1);
		return;
	}
	st->under_way = true;
	st->started_mono_ns = pl_clock_mono_ns();
	st->started_wall_ns = pl_clock_wall_ns();
	st->sample_time_ns = sample_time(st, wall_ns);
	char reason[256];
	if (too_many > 0) {
		st->result = PL_SCRAPE_LIMIT;
		snprintf(reason, sizeof reason, "target_limit exceeded (number of targets: %u, limit: %lld)", (unsigned)too_many,
			 (long long)st->target->job->target_limit);
		fail(st, reason);
		return;
	}
	if (pl_client_refresh(&st->client, &st->target->job->client, reason, sizeof reason) != PL_OK) {
		st->result = PL_SCRAPE_CREDENTIALS;
		fail(st, reason);
		return;
	}
	st->token_refused = false;
	if (st->token != NULL)
		ask_token(st);
	else
		request(st);
}

/* ---- targets ---- */

static void *attach(void *self, struct pl_target *t)
{
	struct scraper *s = self;
	struct target_state *st = pl_calloc(1, sizeof *st);
	st->scraper = s;
	st->target = pl_target_share(t);
	st->transfer.events = &scrape_events;
	st->route = pl_route_create(t->job->influx.database, t->job->influx.retention_policy);
	st->affinity = take_affinity(s);
	pl_transcode_target_init(&st->tags, t->labels);
	st->series = pl_target_series_create(t->job, t->labels, &s->series_budget);
	if (s->env->live != NULL && t->job->live.n > 0)
		st->live = pl_scrape_live_create(t, s->env->live);
	pl_scrape_history_init(&st->history);
	snprintf(st->timeout_header, sizeof st->timeout_header, "X-Prometheus-Scrape-Timeout-Seconds: %.3f",
		 (double)t->timeout_ns / (double)PL_NS_PER_S);
	st->headers[0] = st->timeout_header;
	st->token = pl_scrape_token_share(&s->tokens, t);
	st->token_waiter.on_answer = on_token;
	s->n_states++;
	return st;
}

static void detach(void *self, void *state)
{
	struct target_state *st = state;
	(void)self;
	st->detached = true;
	if (st->token != NULL && st->token_waiter.waiting) {
		pl_oauth2_leave(st->token->oauth2, &st->token_waiter);
		free_state(st);
	} else if (st->under_way)
		pl_transfer_cancel(&st->transfer); /* on_done frees */
	else
		free_state(st);
}

static void status(void *self, void *state, struct pl_target_status *out)
{
	const struct target_state *st = state;
	struct pl_target *target = out->target;
	struct pl_target_outcome *outcomes = out->outcomes;
	(void)self;
	*out = st->status;
	out->target = target;
	out->outcomes = outcomes;
	if (outcomes != NULL)
		out->n_outcomes = pl_scrape_history_read(&st->history, outcomes);
	if (st->series != NULL && st->series->offenders != NULL && st->series->offenders[1].n > 0) {
		out->offenders = pl_alloc(sizeof *out->offenders);
		*out->offenders = st->series->offenders[1];
	}
}

/* ---- the instance ---- */

static void on_no_tokens(void *data)
{
	end_if_closing(data);
}

static enum pl_err open_scraper(const struct pl_input_env *env, void **self)
{
	struct scraper *s = pl_calloc(1, sizeof *s);
	s->env = env;
	s->tokens = (struct pl_scrape_tokens){.transfers = env->transfers, .none_left = on_no_tokens, .data = s};
	s->series_budget.most = PL_SERIES_CACHE_WORKER_BYTES;
	if (getrandom(&s->series_budget.seed, sizeof s->series_budget.seed, GRND_NONBLOCK) < 0)
		s->series_budget.seed = (uint64_t)pl_clock_wall_ns();
	*self = s;
	return PL_OK;
}

static void end_if_closing(struct scraper *s)
{
	if (s->closed == NULL || s->n_states > 0 || s->tokens.n > 0)
		return;
	void (*closed)(void *) = s->closed;
	void *data = s->closed_data;
	while (s->n_idle > 0)
		pl_scrape_page_destroy(s->idle[--s->n_idle]);
	free(s->free_affinities);
	free(s);
	closed(data);
}

static void close_scraper(void *self, void (*closed)(void *data), void *data)
{
	struct scraper *s = self;
	s->closed = closed;
	s->closed_data = data;
	end_if_closing(s);
}

static const struct pl_input_counters *counters(void *self)
{
	const struct scraper *s = self;
	return &s->counters;
}

static const struct pl_input_ops ops = {
    .open = open_scraper,
    .attach = attach,
    .fire = fire,
    .detach = detach,
    .status = status,
    .counters = counters,
    .drop_label = pl_scrape_drop_label,
    .close = close_scraper,
};

const struct pl_plugin pl_plugin_in_scrape = {
    PL_PLUGIN_HEADER,  .kind = PL_PLUGIN_INPUT, .name = "scrape", .help = "fetches Prometheus and OpenMetrics pages",
    .ops.input = &ops,
};
