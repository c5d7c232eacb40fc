#include "api/target_json.h"

#include "api/private.h"
#include "api/target_filter.h"
#include "base/clock.h"
#include "base/redact.h"

static void add_time(struct pl_json *j, const char *key, int64_t wall_ns)
{
	char text[PL_CLOCK_TEXT_BYTES];
	if (key != NULL)
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

/* The last bad time, present or past. */
static void add_last_failure(struct pl_json *j, const struct pl_target_status *s)
{
	pl_json_key(j, "lastFailure");
	if (s->bad_failures == 0) {
		pl_json_null(j);
		return;
	}
	pl_json_object_begin(j);
	pl_json_key(j, "error");
	pl_json_cstr(j, s->last_error);
	add_count(j, "count", s->bad_failures);
	add_time(j, "since", s->bad_since_wall_ns);
	add_time(j, "last", s->bad_until_wall_ns);
	pl_json_object_end(j);
}

static void add_outcomes(struct pl_json *j, const struct pl_target_status *s, size_t most)
{
	size_t n = s->n_outcomes < most ? s->n_outcomes : most;
	pl_json_key(j, "outcomes");
	pl_json_array_begin(j);
	for (size_t i = s->n_outcomes - n; i < s->n_outcomes; i++) {
		const struct pl_target_outcome *o = &s->outcomes[i];
		pl_json_object_begin(j);
		add_time(j, "time", o->wall_ns);
		pl_json_key(j, "duration");
		pl_json_double(j, (double)o->duration_ns / 1e9);
		pl_json_key(j, "result");
		pl_json_cstr(j, pl_scrape_result_word(o->result));
		add_count(j, "samples", o->samples);
		pl_json_object_end(j);
	}
	pl_json_array_end(j);
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

void pl_api_add_target(struct pl_json *j, const struct pl_target_status *s, size_t outcomes)
{
	const struct pl_target *t = s->target;
	struct pl_buf url = {0};
	pl_redact_url(&url, pl_str_of(t->url));
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
	pl_json_cstr(j, s->health == PL_TARGET_DOWN ? s->last_error : "");
	add_time(j, "lastScrape", s->last_scrape_wall_ns);
	pl_json_key(j, "lastScrapeDuration");
	pl_json_double(j, (double)s->last_duration_ns / 1e9);
	pl_json_key(j, "health");
	pl_json_cstr(j, pl_target_health_word(s->health));
	add_duration(j, "scrapeInterval", t->interval_ns);
	add_duration(j, "scrapeTimeout", t->timeout_ns);
	add_count(j, "samples", s->last_samples);
	add_count(j, "dropped", s->last_dropped);
	add_count(j, "bytes", s->last_bytes);
	add_count(j, "samplesPostMetricRelabeling", s->last_kept);
	pl_json_key(j, "seriesAdded");
	if (s->knows_series)
		pl_json_u64(j, s->last_series_added);
	else
		pl_json_null(j);
	if (t->job->series_limit > 0)
		add_series_limit(j, s);
	add_count(j, "scrapes", s->scrapes);
	add_count(j, "failures", s->failures);
	add_count(j, "failuresInRow", s->failures_in_row);
	pl_json_key(j, "downSince");
	if (s->down_since_wall_ns != 0)
		add_time(j, NULL, s->down_since_wall_ns);
	else
		pl_json_null(j);
	add_last_failure(j, s);
	add_outcomes(j, s, outcomes);
	pl_json_object_end(j);
	pl_buf_finish(&url);
}

void pl_api_add_source(struct pl_json *j, const struct pl_discovery_status *s)
{
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
