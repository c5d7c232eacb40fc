#include <stdlib.h>

#include "api/private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"

/* A question to all workers at once; answered when the last of them has. */
struct gathering {
	struct pl_api *api;
	struct pl_http_exchange *x;
	bool dropped; /* those too */
	size_t waiting, n;
	struct pl_worker_statuses parts[]; /* n of them came */
};

static int by_job_and_url(const void *a, const void *b)
{
	const struct pl_target *s = (*(const struct pl_target_status *const *)a)->target;
	const struct pl_target *t = (*(const struct pl_target_status *const *)b)->target;
	int order = strcmp(s->job->name, t->job->name);
	return order != 0 ? order : strcmp(s->url, t->url);
}

static void add_time(struct pl_json *j, const char *key, int64_t wall_ns)
{
	char text[PL_CLOCK_TEXT_BYTES];
	pl_json_key(j, key);
	/* Prometheus' word for never. */
	pl_json_cstr(j, wall_ns != 0 ? pl_clock_text(wall_ns, text) : "0001-01-01T00:00:00Z");
}

static void add_duration(struct pl_json *j, const char *key, int64_t ns)
{
	struct pl_buf b = {0};
	pl_api_add_duration(&b, ns);
	pl_json_key(j, key);
	pl_json_str(j, pl_buf_str(&b));
	pl_buf_finish(&b);
}

static void add_count(struct pl_json *j, const char *key, uint64_t v)
{
	pl_json_key(j, key);
	pl_json_u64(j, v);
}

static const char *health_word(enum pl_target_health h)
{
	return h == PL_TARGET_UP ? "up" : h == PL_TARGET_DOWN ? "down" : "unknown";
}

static void add_series_limit(struct pl_json *j, const struct pl_target_status *s)
{
	add_count(j, "seriesLimit", (uint64_t)s->target->job->series_limit);
	add_count(j, "knownSeries", s->known_series);
	pl_json_key(j, "seriesLimitOffenders");
	pl_json_array_begin(j);
	for (size_t i = 0; s->offenders != NULL && i < s->offenders->n; i++) {
		pl_json_object_begin(j);
		pl_json_key(j, "metric");
		pl_json_cstr(j, s->offenders->v[i].metric);
		add_count(j, "dropped", s->offenders->v[i].dropped);
		pl_json_object_end(j);
	}
	pl_json_array_end(j);
}

static void add_target(struct pl_json *j, const struct pl_target_status *s)
{
	const struct pl_target *t = s->target;
	struct pl_buf url = {0};
	pl_api_add_public_url(&url, pl_str_of(t->url));
	pl_json_object_begin(j);
	pl_api_add_labels(j, "discoveredLabels", t->discovered);
	pl_api_add_labels(j, "labels", t->labels);
	pl_json_key(j, "scrapePool");
	pl_json_cstr(j, t->job->name);
	pl_json_key(j, "scrapeUrl");
	pl_json_str(j, pl_buf_str(&url));
	pl_json_key(j, "globalUrl");
	pl_json_str(j, pl_buf_str(&url));
	pl_json_key(j, "lastError");
	pl_json_cstr(j, s->last_error);
	add_time(j, "lastScrape", s->last_scrape_wall_ns);
	pl_json_key(j, "lastScrapeDuration");
	pl_json_double(j, (double)s->last_duration_ns / 1e9);
	pl_json_key(j, "health");
	pl_json_cstr(j, health_word(s->health));
	add_duration(j, "scrapeInterval", t->interval_ns);
	add_duration(j, "scrapeTimeout", t->timeout_ns);
	add_count(j, "samples", s->last_samples);
	add_count(j, "dropped", s->last_dropped);
	add_count(j, "bytes", s->last_bytes);
	add_count(j, "samplesPostMetricRelabeling", s->last_kept);
	add_count(j, "seriesAdded", s->last_series_added);
	if (t->job->series_limit > 0)
		add_series_limit(j, s);
	add_count(j, "scrapes", s->scrapes);
	add_count(j, "failures", s->failures);
	add_count(j, "failuresInRow", s->failures_in_row);
	if (s->down_since_wall_ns != 0) {
		add_time(j, "downSince", s->down_since_wall_ns);
	} else {
		pl_json_key(j, "downSince");
		pl_json_null(j);
	}
	pl_json_object_end(j);
	pl_buf_finish(&url);
}

static void add_source(void *data, const struct pl_discovery_status *s)
{
	struct pl_json *j = data;
	if (s->trouble[0] == '\0')
		return;
	pl_json_object_begin(j);
	pl_json_key(j, "scrapePool");
	pl_json_cstr(j, s->job);
	pl_json_key(j, "mechanism");
	pl_json_cstr(j, s->mechanism);
	pl_json_key(j, "source");
	pl_json_str(j, s->source);
	pl_json_key(j, "trouble");
	pl_json_cstr(j, s->trouble);
	add_time(j, "since", s->trouble_since_wall_ns);
	add_count(j, "targets", s->targets);
	add_time(j, "updated", s->updated_wall_ns);
	pl_json_object_end(j);
}

static void add_dropped(void *data, const struct pl_dropped_target *t)
{
	struct pl_json *j = data;
	pl_json_object_begin(j);
	pl_api_add_labels(j, "discoveredLabels", t->discovered);
	pl_json_key(j, "scrapePool");
	pl_json_cstr(j, t->job);
	add_count(j, "rule", t->rule);
	pl_json_object_end(j);
}

/* The sources of a job come one after the other. */
struct pool_sum {
	struct pl_json *json;
	const char *job; /* NULL: none yet */
	uint64_t dropped;
};

static void end_pool(const struct pool_sum *sum)
{
	if (sum->job == NULL)
		return;
	pl_json_key_str(sum->json, pl_str_of(sum->job));
	pl_json_u64(sum->json, sum->dropped);
}

static void count_dropped(void *data, const struct pl_discovery_status *s)
{
	struct pool_sum *sum = data;
	if (sum->job == NULL || strcmp(sum->job, s->job) != 0) {
		end_pool(sum);
		sum->job = s->job;
		sum->dropped = 0;
	}
	sum->dropped += s->dropped;
}

static void reply(struct pl_api *a, struct pl_http_exchange *x, const struct pl_target_status **v, size_t n, bool dropped)
{
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	struct pl_target_counts counts = pl_target_manager_counts(a->env.targets);
	pl_json_object_begin(&j);
	pl_json_key(&j, "status");
	pl_json_cstr(&j, "success");
	pl_json_key(&j, "data");
	pl_json_object_begin(&j);
	pl_json_key(&j, "activeTargets");
	pl_json_array_begin(&j);
	for (size_t i = 0; i < n; i++)
		add_target(&j, v[i]);
	pl_json_array_end(&j);
	pl_json_key(&j, "droppedTargets");
	pl_json_array_begin(&j);
	if (dropped)
		pl_target_manager_dropped(a->env.targets, add_dropped, &j);
	pl_json_array_end(&j);
	pl_json_key(&j, "droppedTargetCounts");
	pl_json_object_begin(&j);
	struct pool_sum sum = {.json = &j};
	pl_target_manager_sources(a->env.targets, count_dropped, &sum);
	end_pool(&sum);
	pl_json_object_end(&j);
	add_count(&j, "invalidTargets", counts.invalid);
	add_count(&j, "duplicateTargets", counts.duplicates);
	pl_json_key(&j, "discovery");
	pl_json_array_begin(&j);
	pl_target_manager_sources(a->env.targets, add_source, &j);
	pl_json_array_end(&j);
	pl_json_object_end(&j);
	pl_json_object_end(&j);
	pl_api_reply_json(x, 200, &b);
}

static void finish(struct gathering *g)
{
	size_t n = 0;
	for (size_t i = 0; i < g->n; i++)
		n += g->parts[i].n;
	const struct pl_target_status **v = pl_calloc(n, sizeof *v);
	n = 0;
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->parts[i].n; k++)
			v[n++] = &g->parts[i].v[k];
	qsort(v, n, sizeof *v, by_job_and_url);
	reply(g->api, g->x, v, n, g->dropped);
	free(v);
	for (size_t i = 0; i < g->n; i++)
		pl_worker_statuses_free(g->parts[i]);
	free(g);
}

static void came(void *data, struct pl_worker_statuses statuses)
{
	struct gathering *g = data;
	g->parts[g->n++] = statuses;
	if (--g->waiting == 0)
		finish(g);
}

void pl_api_targets(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct pl_buf scratch = {0};
	struct pl_str rest = pl_http_query(x), key, value;
	bool active = true, dropped = true, known = true;
	while (pl_http_query_next(&rest, &scratch, &key, &value)) {
		if (pl_str_is(key, "state") && value.n > 0) {
			active = pl_str_is(value, "active") || pl_str_is(value, "any");
			dropped = pl_str_is(value, "dropped") || pl_str_is(value, "any");
			known = active || dropped;
			break;
		}
		pl_buf_clear(&scratch);
	}
	pl_buf_finish(&scratch);
	if (!known) {
		struct pl_buf b = {0};
		pl_buf_add_cstr(&b, "{\"status\":\"error\",\"errorType\":\"bad_data\","
				    "\"error\":\"state must be one of active, dropped, any\"}");
		pl_api_reply_json(x, 400, &b);
		return;
	}
	if (!active || a->env.n_workers == 0) {
		reply(a, x, NULL, 0, dropped);
		return;
	}
	struct gathering *g = pl_calloc(1, sizeof *g + a->env.n_workers * sizeof g->parts[0]);
	g->api = a;
	g->x = x;
	g->dropped = dropped;
	g->waiting = a->env.n_workers;
	for (size_t i = 0; i < a->env.n_workers; i++)
		pl_worker_collect(a->env.workers[i], a->env.loop, came, g);
}
