#include <stdlib.h>

#include "api/private.h"
#include "api/target_filter.h"
#include "api/target_json.h"
#include "base/mem.h"

/* How many targets are asked for and written at once: what an answer takes of memory, however long it gets. */
enum { PIECE_TARGETS = 64 };

/* An answer on its way out. What is one piece at most is a plain reply; a longer one streams: the workers are asked for a piece,
 * then it is written, and the next one is asked for when the peer has taken it. */
struct listing {
	struct pl_api *api;
	struct pl_http_exchange *x; /* NULL: the peer has left a stream */
	bool asked, streaming;
	struct pl_target_filter filter;
	struct pl_target **v;    /* shares; in the order of the answer */
	size_t n, cap, at;       /* at: the first one that was not asked for */
	uint64_t fitting, shown; /* by health too, as far as was looked */
	struct pl_buf out;
	struct pl_json json;
	uint64_t keys[PIECE_TARGETS];
	size_t n_keys, waiting, n_parts; /* waiting: workers that have not answered */
	struct pl_worker_statuses parts[];
};

static void destroy(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		pl_target_release(l->v[i]);
	free(l->v);
	pl_target_filter_finish(&l->filter);
	pl_buf_finish(&l->out);
	free(l);
}

/* ---- which targets ---- */

static void add_fitting(void *data, struct pl_target *t)
{
	struct listing *l = data;
	if (!pl_target_filter_fits(&l->filter, t))
		return;
	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 64;
		l->v = pl_realloc(l->v, l->cap * sizeof(struct pl_target *));
	}
	l->v[l->n++] = pl_target_share(t);
}

static int by_job_and_url(const void *a, const void *b)
{
	const struct pl_target *s = *(const struct pl_target *const *)a, *t = *(const struct pl_target *const *)b;
	int order = strcmp(s->job->name, t->job->name);
	if (order == 0)
		order = strcmp(s->url, t->url);
	return order != 0 ? order : s->key < t->key ? -1 : s->key > t->key;
}

static bool is_wanted(const struct listing *l, const struct pl_target_status *s)
{
	return !l->filter.by_health || s->health == l->filter.health;
}

/* Nothing behind this one is to be shown, nor need it be counted. */
static bool is_over(const struct listing *l)
{
	return l->at == l->n || (!l->filter.by_health && l->shown >= l->filter.limit);
}

/* ---- writing ---- */

static void begin_json(struct listing *l)
{
	struct pl_json *j = &l->json;
	j->out = &l->out;
	pl_json_object_begin(j);
	pl_json_key(j, "status");
	pl_json_cstr(j, "success");
	pl_json_key(j, "data");
	pl_json_object_begin(j);
	pl_json_key(j, "activeTargets");
	pl_json_array_begin(j);
}

static void add_source(void *data, const struct pl_discovery_status *s)
{
	struct listing *l = data;
	if (s->trouble[0] != '\0' && pl_target_filter_pool(&l->filter, s->job))
		pl_api_add_source(&l->json, s);
}

static void add_count(struct pl_json *j, const char *key, uint64_t v)
{
	pl_json_key(j, key);
	pl_json_u64(j, v);
}

static void add_paging(struct listing *l)
{
	struct pl_json *j = &l->json;
	pl_json_key(j, "paging");
	pl_json_object_begin(j);
	add_count(j, "total", l->filter.by_health ? l->fitting : l->n);
	add_count(j, "offset", l->filter.offset);
	pl_json_key(j, "limit");
	if (l->filter.limit == UINT64_MAX)
		pl_json_null(j);
	else
		pl_json_u64(j, l->filter.limit);
	add_count(j, "returned", l->shown);
	pl_json_object_end(j);
}

static void add_dropped(void *data, const struct pl_dropped_target *t)
{
	struct listing *l = data;
	struct pl_json *j = &l->json;
	if (!pl_target_filter_pool(&l->filter, t->job))
		return;
	pl_json_object_begin(j);
	pl_api_add_labels(j, "discoveredLabels", t->discovered);
	pl_json_key(j, "scrapePool");
	pl_json_cstr(j, t->job);
	add_count(j, "rule", t->rule);
	pl_json_object_end(j);
}

/* The sources of a job come one after the other. */
struct pool_sum {
	struct listing *listing;
	const char *job; /* NULL: none yet */
	uint64_t dropped;
};

static void end_pool(const struct pool_sum *sum)
{
	if (sum->job == NULL)
		return;
	pl_json_key_str(&sum->listing->json, pl_str_of(sum->job));
	pl_json_u64(&sum->listing->json, sum->dropped);
}

static void count_dropped(void *data, const struct pl_discovery_status *s)
{
	struct pool_sum *sum = data;
	if (!pl_target_filter_pool(&sum->listing->filter, s->job))
		return;
	if (sum->job == NULL || strcmp(sum->job, s->job) != 0) {
		end_pool(sum);
		sum->job = s->job;
		sum->dropped = 0;
	}
	sum->dropped += s->dropped;
}

static void add_over_limit(void *data, const struct pl_job *job, size_t targets)
{
	struct listing *l = data;
	struct pl_json *j = &l->json;
	if (!pl_target_filter_pool(&l->filter, job->name))
		return;
	pl_json_key_str(j, pl_str_of(job->name));
	pl_json_object_begin(j);
	add_count(j, "targets", targets);
	add_count(j, "limit", (uint64_t)job->target_limit);
	pl_json_object_end(j);
}

static void end_json(struct listing *l)
{
	struct pl_json *j = &l->json;
	struct pl_target_counts counts = pl_target_manager_counts(l->api->env.targets);
	pl_json_array_end(j);
	pl_json_key(j, "droppedTargets");
	pl_json_array_begin(j);
	if (l->filter.dropped)
		pl_target_manager_dropped(l->api->env.targets, add_dropped, l);
	pl_json_array_end(j);
	pl_json_key(j, "droppedTargetCounts");
	pl_json_object_begin(j);
	struct pool_sum sum = {.listing = l};
	pl_target_manager_sources(l->api->env.targets, count_dropped, &sum);
	end_pool(&sum);
	pl_json_object_end(j);
	pl_json_key(j, "targetLimitExceeded");
	pl_json_object_begin(j);
	pl_target_manager_over_limit(l->api->env.targets, add_over_limit, l);
	pl_json_object_end(j);
	add_count(j, "invalidTargets", counts.invalid);
	add_count(j, "duplicateTargets", counts.duplicates);
	add_paging(l);
	pl_json_key(j, "discovery");
	pl_json_array_begin(j);
	pl_target_manager_sources(l->api->env.targets, add_source, l);
	pl_json_array_end(j);
	pl_json_object_end(j);
	pl_json_object_end(j);
	pl_buf_add_char(&l->out, '\n');
}

static void add_status(struct listing *l, const struct pl_target_status *s)
{
	if (!is_wanted(l, s))
		return;
	uint64_t place = l->fitting++;
	if (place < l->filter.offset || l->shown >= l->filter.limit)
		return;
	l->shown++;
	pl_api_add_target(&l->json, s, l->filter.outcomes);
}

/* Each worker answers in the order of the keys, and has its own ones of them. */
static void add_piece(struct listing *l)
{
	size_t *at = pl_calloc(l->n_parts, sizeof *at);
	for (size_t i = 0; i < l->n_keys; i++)
		for (size_t p = 0; p < l->n_parts; p++) {
			const struct pl_worker_statuses *part = &l->parts[p];
			if (at[p] < part->n && part->v[at[p]].target->key == l->keys[i])
				add_status(l, &part->v[at[p]++]);
		}
	free(at);
}

static void drop_parts(struct listing *l)
{
	while (l->n_parts > 0)
		pl_worker_statuses_free(l->parts[--l->n_parts]);
}

/* ---- piece by piece ---- */

static void go_on(struct listing *l);

static void came(void *data, struct pl_worker_statuses statuses)
{
	struct listing *l = data;
	l->parts[l->n_parts++] = statuses;
	if (--l->waiting > 0)
		return;
	if (l->x != NULL)
		add_piece(l);
	drop_parts(l);
	if (l->x != NULL)
		go_on(l);
	else
		destroy(l);
}

static void ask(struct listing *l)
{
	struct pl_api *a = l->api;
	uint64_t most = l->n - l->at;
	if (!l->filter.by_health && l->filter.limit - l->shown < most)
		most = l->filter.limit - l->shown;
	l->n_keys = most < PIECE_TARGETS ? (size_t)most : PIECE_TARGETS;
	for (size_t i = 0; i < l->n_keys; i++)
		l->keys[i] = l->v[l->at + i]->key;
	l->at += l->n_keys;
	l->waiting = a->env.n_workers;
	for (size_t i = 0; i < a->env.n_workers; i++)
		pl_worker_collect(a->env.workers[i], l->keys, l->n_keys, a->env.loop, came, l);
}

static void on_drain(struct pl_http_exchange *x, void *data)
{
	struct listing *l = data;
	(void)x;
	if (l->waiting == 0)
		ask(l);
}

static void on_gone(struct pl_http_exchange *x, void *data)
{
	struct listing *l = data;
	(void)x;
	l->x = NULL;
	if (l->waiting == 0)
		destroy(l);
}

static void finish(struct listing *l)
{
	end_json(l);
	if (l->streaming) {
		pl_http_stream_write(l->x, pl_buf_str(&l->out));
		pl_http_stream_end(l->x);
	} else {
		pl_http_reply(l->x, 200, "application/json", &l->out);
	}
	destroy(l);
}

static void go_on(struct listing *l)
{
	static const struct pl_http_stream_events events = {on_drain, on_gone};
	if (is_over(l)) {
		finish(l);
		return;
	}
	if (l->asked && !l->streaming) {
		l->streaming = true;
		pl_http_stream_begin(l->x, 200, "application/json", &events, l);
	}
	size_t backlog = l->streaming ? pl_http_stream_write(l->x, pl_buf_str(&l->out)) : 0;
	if (l->streaming)
		pl_buf_clear(&l->out);
	l->asked = true;
	if (backlog == 0)
		ask(l);
}

/* Without a filter by health the page can be cut out before anybody is asked. */
static void skip_to_offset(struct listing *l)
{
	if (l->filter.by_health)
		return;
	l->at = l->filter.offset < l->n ? (size_t)l->filter.offset : l->n;
	l->fitting = l->at;
	l->filter.offset = l->filter.offset < l->n ? l->filter.offset : l->n;
}

void pl_api_targets(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	struct listing *l = pl_calloc(1, sizeof *l + a->env.n_workers * sizeof l->parts[0]);
	char reason[256];
	(void)part;
	l->api = a;
	l->x = x;
	if (pl_target_filter_parse(&l->filter, pl_http_query(x), reason, sizeof reason) != PL_OK) {
		pl_api_reply_failure(x, 400, "bad_data", reason);
		destroy(l);
		return;
	}
	if (l->filter.active && a->env.n_workers > 0)
		pl_target_manager_targets(a->env.targets, add_fitting, l);
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(struct pl_target *), by_job_and_url);
	skip_to_offset(l);
	begin_json(l);
	go_on(l);
}
