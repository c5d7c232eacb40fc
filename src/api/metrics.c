#include <stdlib.h>

#include "api/listener_metrics.h"
#include "api/live_metrics.h"
#include "api/metric_out.h"
#include "api/output_metrics.h"
#include "api/private.h"
#include "api/process.h"
#include "base/clock.h"
#include "base/mem.h"

static void counter(struct pl_metric_out *e, const char *name, const char *help, uint64_t v)
{
	pl_metric_family(e, name, PL_FAMILY_COUNTER, help);
	pl_metric_sample(e);
	pl_metric_u64(e, v);
}

static void gauge(struct pl_metric_out *e, const char *name, const char *help, uint64_t v)
{
	pl_metric_family(e, name, PL_FAMILY_GAUGE, help);
	pl_metric_sample(e);
	pl_metric_u64(e, v);
}

static void gauge_seconds(struct pl_metric_out *e, const char *name, const char *help, int64_t ns)
{
	pl_metric_family(e, name, PL_FAMILY_GAUGE, help);
	pl_metric_sample(e);
	pl_metric_seconds(e, ns);
}

/* ---- the daemon ---- */

static void add_process(struct pl_metric_out *e, const struct pl_api *a)
{
	struct pl_process p;
	pl_process_read(&p);
	pl_metric_family(e, "pulseline_build_info", PL_FAMILY_GAUGE, "The version; always 1.");
	pl_metric_sample(e);
	pl_metric_label(e, "version", PL_STR(PL_VERSION));
	pl_metric_u64(e, 1);
	pl_metric_family(e, "process_cpu_seconds", PL_FAMILY_COUNTER, "User and system CPU time.");
	pl_metric_sample(e);
	pl_metric_seconds(e, p.cpu_ns);
	gauge(e, "process_resident_memory_bytes", "Resident memory.", p.resident_bytes);
	gauge(e, "process_virtual_memory_bytes", "Virtual memory.", p.virtual_bytes);
	gauge(e, "process_open_fds", "Open file descriptors.", p.open_fds);
	gauge(e, "process_max_fds", "Limit of open file descriptors.", p.max_fds);
	gauge(e, "process_threads", "Threads.", p.threads);
	gauge_seconds(e, "process_start_time_seconds", "When the process started, Unix time.", a->env.started_wall_ns);
}

static void add_config(struct pl_metric_out *e, const struct pl_api *a)
{
	struct pl_api_reload_stats r = a->env.reload_stats(a->env.daemon);
	gauge(e, "pulseline_config_last_reload_successful", "Whether the configuration was taken when it was last read.",
	      r.last_ok);
	gauge_seconds(e, "pulseline_config_last_reload_success_timestamp_seconds",
		      "When a configuration was last taken, Unix time.", r.last_success_wall_ns);
	pl_metric_family(e, "pulseline_config_reloads", PL_FAMILY_COUNTER, "Reloads of the configuration by their result.");
	pl_metric_sample(e);
	pl_metric_label(e, "result", PL_STR("ok"));
	pl_metric_u64(e, r.succeeded);
	pl_metric_sample(e);
	pl_metric_label(e, "result", PL_STR("refused"));
	pl_metric_u64(e, r.failed);
	counter(e, "pulseline_log_lines_lost", "Log lines that could not be written.",
		a->env.log != NULL ? pl_log_lost(a->env.log) : 0);
}

static void add_http(struct pl_metric_out *e, const struct pl_api *a)
{
	struct pl_http_server_stats s = pl_http_server_stats(a->server);
	counter(e, "pulseline_http_requests", "Requests that the HTTP server handed on.", s.requests);
	counter(e, "pulseline_http_connections", "Connections that the HTTP server accepted.", s.connections);
	counter(e, "pulseline_http_connections_refused", "Connections refused because there were too many.", s.refused);
	gauge(e, "pulseline_http_connections_open", "Connections that are open now.", s.open);
	counter(e, "pulseline_http_unauthorized", "Requests refused for want of the right token.", a->unauthorized);
	counter(e, "pulseline_store_questions", "Questions asked of the store.", a->store.asked);
	counter(e, "pulseline_store_questions_refused", "Questions refused because too many were open.", a->store.refused);
	gauge(e, "pulseline_store_questions_open", "Questions that wait for the store's answer now.", a->store.n_open);
}

/* ---- targets and discovery ---- */

struct sources {
	struct pl_metric_out *e;
	enum { SOURCE_TARGETS, SOURCE_DROPPED, SOURCE_TROUBLE, SOURCE_UPDATED } what;
};

static void add_source(void *data, const struct pl_discovery_status *s)
{
	const struct sources *all = data;
	pl_metric_sample(all->e);
	pl_metric_label(all->e, "scrape_job", pl_str_of(s->job));
	pl_metric_label(all->e, "mechanism", pl_str_of(s->mechanism));
	pl_metric_label(all->e, "source", s->source);
	switch (all->what) {
	case SOURCE_TARGETS:
		pl_metric_u64(all->e, s->targets);
		break;
	case SOURCE_DROPPED:
		pl_metric_u64(all->e, s->dropped);
		break;
	case SOURCE_TROUBLE:
		pl_metric_u64(all->e, s->trouble[0] != '\0');
		break;
	case SOURCE_UPDATED:
		pl_metric_seconds(all->e, s->updated_wall_ns);
		break;
	}
}

static void add_discovery(struct pl_metric_out *e, const struct pl_api *a)
{
	static const struct {
		const char *name, *help;
	} families[] = {
	    [SOURCE_TARGETS] = {"pulseline_discovery_targets", "Targets that a source of discovery names."},
	    [SOURCE_DROPPED] = {"pulseline_discovery_targets_dropped", "Targets of a source that relabeling drops."},
	    [SOURCE_TROUBLE] = {"pulseline_discovery_trouble", "1 while a source cannot be read or is wrong."},
	    [SOURCE_UPDATED] = {"pulseline_discovery_updated_timestamp_seconds", "When a source last said something, Unix time."},
	};
	struct pl_target_counts c = pl_target_manager_counts(a->env.targets);
	gauge(e, "pulseline_targets", "Targets that are scraped.", c.active);
	gauge(e, "pulseline_targets_invalid", "Targets refused, for a bad address for instance.", c.invalid);
	gauge(e, "pulseline_targets_over_limit", "Targets that are not scraped because their job has more than its target_limit.",
	      c.over_limit);
	counter(e, "pulseline_target_limit_exceeded", "Times that a job was found to have more targets than its target_limit.",
		c.limit_exceeded);
	gauge(e, "pulseline_targets_dropped", "Targets that relabeling drops.", c.dropped);
	counter(e, "pulseline_relabel_matches_given_up",
		"Patterns of relabel_configs that would have taken too long to match: taken for no match.", c.matches_given_up);
	gauge(e, "pulseline_targets_duplicate", "Targets left out because they equal another one.", c.duplicates);
	for (size_t i = 0; i < PL_COUNT_OF(families); i++) {
		struct sources all = {.e = e, .what = (int)i};
		pl_metric_family(e, families[i].name, PL_FAMILY_GAUGE, families[i].help);
		pl_target_manager_sources(a->env.targets, add_source, &all);
	}
}

/* ---- workers ---- */

enum { N_DROPS = sizeof((struct pl_input_counters *)0)->dropped / sizeof(uint64_t) };

struct sums {
	uint64_t scrapes, failures, missed, samples, points, own_points, bytes, merged, added, parts, stale, dropped[N_DROPS],
	    batches, lateness_max_ns;
	uint64_t relabeled, relabel_uncached, relabel_cache_series, relabel_cache_bytes;
};

static uint64_t load(const _Atomic uint64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static void sum_worker(struct sums *s, struct pl_worker_stats w)
{
	s->scrapes += load(&w.input->scrapes);
	s->failures += load(&w.input->failures);
	s->missed += load(&w.input->missed);
	s->samples += load(&w.input->samples);
	s->points += load(&w.input->points);
	s->own_points += load(&w.input->own_points);
	s->stale += load(&w.input->stale);
	s->bytes += load(&w.input->bytes);
	s->merged += load(&w.input->merged);
	s->added += load(&w.input->added);
	s->parts += load(&w.input->parts);
	for (size_t i = 0; i < N_DROPS; i++)
		s->dropped[i] += load(&w.input->dropped[i]);
	s->relabeled += load(&w.input->relabeled);
	s->relabel_uncached += load(&w.input->relabel_uncached);
	s->relabel_cache_series += load(&w.input->relabel_cache_series);
	s->relabel_cache_bytes += load(&w.input->relabel_cache_bytes);
	s->batches += w.batches;
	if (w.lateness_max_ns > s->lateness_max_ns)
		s->lateness_max_ns = w.lateness_max_ns;
}

static void add_workers(struct pl_metric_out *e, const struct pl_api *a)
{
	struct sums s = {0};
	pl_metric_family(e, "pulseline_worker_targets", PL_FAMILY_GAUGE, "Targets of each worker.");
	for (size_t i = 0; i < a->env.n_workers; i++) {
		struct pl_worker_stats w = pl_worker_stats(a->env.workers[i]);
		char number[24];
		snprintf(number, sizeof number, "%zu", i);
		pl_metric_sample(e);
		pl_metric_label(e, "worker", pl_str_of(number));
		pl_metric_u64(e, w.targets);
		sum_worker(&s, w);
	}
	counter(e, "pulseline_scrapes", "Scrapes that were begun.", s.scrapes);
	counter(e, "pulseline_scrapes_failed", "Scrapes that failed.", s.failures);
	counter(e, "pulseline_scrapes_missed", "Scrapes left out because the one before was still under way.", s.missed);
	counter(e, "pulseline_scrape_samples", "Samples read from pages, kept or not.", s.samples);
	counter(e, "pulseline_scrape_bytes", "Bytes of pages, decompressed.", s.bytes);
	counter(e, "pulseline_scrape_points", "Points handed on to the outputs, own series included.", s.points);
	counter(e, "pulseline_scrape_own_points", "Of these, points of own series: up and the like.", s.own_points);
	counter(e, "pulseline_scrape_stale_markers", "Of these, markers of series that are gone (influx: stale).", s.stale);
	counter(e, "pulseline_scrape_samples_merged", "Samples that share a point with another (schemas telegraf1 and 2).",
		s.merged);
	counter(e, "pulseline_scrape_points_added", "Points that no sample stands for: a bucket that was missing.", s.added);
	counter(e, "pulseline_scrape_points_in_parts", "Parts of points that were too large to be gathered.", s.parts);
	pl_metric_family(e, "pulseline_scrape_samples_dropped", PL_FAMILY_COUNTER, "Samples that became no point, by reason.");
	for (size_t i = 0; i < N_DROPS && a->env.drop_label != NULL && a->env.drop_label(i) != NULL; i++) {
		pl_metric_sample(e);
		pl_metric_label(e, "reason", pl_str_of(a->env.drop_label(i)));
		pl_metric_u64(e, s.dropped[i]);
	}
	counter(e, "pulseline_metric_relabel_runs", "Times that metric_relabel_configs were applied: once for a new series.",
		s.relabeled);
	counter(e, "pulseline_metric_relabel_uncached", "Of these, results that found no room in the cache.", s.relabel_uncached);
	gauge(e, "pulseline_metric_relabel_cache_series", "Series in the cache of metric relabeling.", s.relabel_cache_series);
	gauge(e, "pulseline_metric_relabel_cache_bytes", "Memory of this cache.", s.relabel_cache_bytes);
	counter(e, "pulseline_batches", "Batches that workers have sealed.", s.batches);
	gauge_seconds(e, "pulseline_scrape_lateness_max_seconds",
		      "How far behind its moment a scrape was begun at most, since this was last read.",
		      (int64_t)s.lateness_max_ns);
}

static bool wants_openmetrics(const struct pl_http_exchange *x)
{
	struct pl_str accept = pl_http_header(x, "accept");
	return accept.n > 0 && memmem(accept.p, accept.n, "application/openmetrics-text", 28) != NULL;
}

void pl_api_metrics(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct pl_buf b = {0};
	struct pl_metric_out e = {.out = &b, .openmetrics = wants_openmetrics(x)};
	add_process(&e, a);
	add_config(&e, a);
	add_discovery(&e, a);
	add_workers(&e, a);
	pl_api_add_listener(&e, a);
	struct pl_outputs *batch_outputs = pl_api_batch_outputs(a);
	pl_api_add_output_metrics(&e, batch_outputs);
	pl_outputs_release(batch_outputs);
	pl_api_add_quarantine_metrics(&e, a);
	pl_api_add_alert_metrics(&e, a);
	add_http(&e, a);
	pl_api_live_metrics(&e, a);
	pl_metric_end(&e);
	pl_http_reply(x, 200,
		      e.openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				    : "text/plain; version=0.0.4; charset=utf-8",
		      &b);
}
