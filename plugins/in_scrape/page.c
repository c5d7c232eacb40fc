#include "in_scrape/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* A piece ends with the line that reaches its size. */
enum { PIECE_CAPACITY = PL_SCRAPE_PIECE_BYTES + PL_SCRAPE_PIECE_BYTES / 16 };

static enum pl_err on_sample(void *data, const struct pl_sample *sample);
static void drop_held(struct pl_scrape_page *p);

struct pl_scrape_page *pl_scrape_page_create(void)
{
	struct pl_scrape_page *p = pl_calloc(1, sizeof *p);
	p->reader = pl_exposition_create(PL_EXPOSITION_TEXT, (struct pl_exposition_limits){0}, on_sample, p);
	return p;
}

void pl_scrape_page_destroy(struct pl_scrape_page *p)
{
	drop_held(p);
	pl_scrape_backlog_end(&p->backlog);
	pl_exposition_destroy(p->reader);
	pl_transcode_finish(&p->transcode);
	pl_buf_finish(&p->lines);
	pl_series_maker_finish(&p->maker);
	free(p);
}

void pl_scrape_page_begin(struct pl_scrape_page *p, const struct pl_job *job, const struct pl_transcode_target *target,
			  struct pl_target_series *series, struct pl_route *route, struct pl_sink *sink, int64_t wall_ns,
			  int64_t sample_time_ns, int64_t patience_ns)
{
	p->job = job;
	p->sink = sink;
	p->route = route;
	p->bytes = p->samples = p->passed_on = p->merged_passed_on = p->added_passed_on = 0;
	p->series_added = p->relabeled = p->uncached = p->stale = 0;
	memset(p->dropped, 0, sizeof p->dropped);
	p->failed_as = PL_SCRAPE_DROP_FAILED;
	p->started_wall_ns = wall_ns;
	p->has_format = false;
	p->error[0] = '\0';
	p->streams = false;
	p->live = NULL;
	pl_scrape_backlog_begin(&p->backlog, patience_ns);
	p->transcode.schema = (enum pl_schema_kind)job->influx.schema;
	p->transcode.honor_labels = job->honor_labels;
	p->transcode.honor_timestamps = job->honor_timestamps;
	p->transcode.nan_policy = (enum pl_nan_policy)job->influx.nan;
	p->transcode.measurement = pl_str_of(job->influx.measurement);
	pl_transcode_begin(&p->transcode, target, &p->lines, sample_time_ns);
	p->series = series;
	if (series == NULL)
		return;
	p->rules = (struct pl_series_rules){job->metric_relabel, target, &series->limits, p->transcode.schema, job->honor_labels};
	pl_target_series_begin(series);
}

/* ---- lines on their way ---- */

static void drop_held(struct pl_scrape_page *p)
{
	while (p->n_held > 0)
		pl_batch_release(p->held[--p->n_held]);
	p->held_lines = 0;
}

static void note_passed_on(struct pl_scrape_page *p)
{
	p->passed_on = p->transcode.lines;
	p->merged_passed_on = p->transcode.merged;
	p->added_passed_on = p->transcode.added;
}

static void pass_on_held(struct pl_scrape_page *p)
{
	for (size_t i = 0; i < p->n_held; i++) {
		p->sink->put(p->sink, p->held[i]);
		pl_scrape_backlog_add(&p->backlog, p->held[i]);
	}
	p->n_held = 0;
	p->held_lines = 0;
}

static void end_piece(struct pl_scrape_page *p)
{
	uint64_t lines = p->transcode.lines - p->passed_on - p->held_lines;
	p->held[p->n_held++] = pl_batch_create(p->route, &p->lines, (uint32_t)lines);
	p->held_lines += lines;
	pl_buf_reserve(&p->lines, PIECE_CAPACITY);
	p->streams = p->streams || p->n_held == PL_SCRAPE_HELD_PIECES;
	if (!p->streams)
		return;
	pass_on_held(p);
	note_passed_on(p);
}

static inline void end_piece_if_full(struct pl_scrape_page *p)
{
	if (p->lines.n >= PL_SCRAPE_PIECE_BYTES)
		end_piece(p);
}

static void pass_on(struct pl_scrape_page *p)
{
	uint64_t lines = p->transcode.lines - p->passed_on - p->held_lines;
	pass_on_held(p);
	note_passed_on(p);
	p->sink->commit(p->sink, p->route, &p->lines, (uint32_t)lines);
	if (p->lines.cap > PL_SCRAPE_PIECE_BYTES) /* one huge page shall leave no memory with us */
		pl_buf_finish(&p->lines);
	pl_scrape_backlog_end(&p->backlog);
}

bool pl_scrape_page_waits(struct pl_scrape_page *p)
{
	return p->streams && pl_scrape_backlog_is_long(&p->backlog, pl_clock_mono_ns());
}

/* ---- samples ---- */

static uint64_t kept(const struct pl_scrape_page *p)
{
	return p->samples - p->dropped[PL_SCRAPE_DROP_RELABELED] - p->dropped[PL_SCRAPE_DROP_NAMELESS];
}

static enum pl_err check_sample_limit(struct pl_scrape_page *p)
{
	if (p->job->sample_limit == 0 || kept(p) <= (uint64_t)p->job->sample_limit)
		return PL_OK;
	snprintf(p->error, sizeof p->error, "the page holds more than sample_limit = %lld samples",
		 (long long)p->job->sample_limit);
	p->failed_as = PL_SCRAPE_DROP_LIMIT;
	return PL_ELIMIT;
}

static enum pl_err on_sample(void *data, const struct pl_sample *sample)
{
	struct pl_scrape_page *p = data;
	p->samples++;
	enum pl_err err = check_sample_limit(p);
	if (err != PL_OK)
		return err;
	pl_transcode_sample(&p->transcode, sample);
	if (p->live != NULL)
		pl_scrape_live_add(p->live, sample);
	end_piece_if_full(p);
	return PL_OK;
}

/* ---- samples whose series are looked at ---- */

static uint64_t series_hash(const struct pl_scrape_page *p, const struct pl_sample *sample)
{
	struct pl_str text = sample->name;
	if (sample->n_labels > 0) {
		struct pl_str last = sample->labels[sample->n_labels - 1].value; /* in the same line */
		text.n = (size_t)(last.p + last.n - text.p);
	}
	return pl_str_hash(text, p->series->cache.budget->seed);
}

/* What becomes of the sample's series: from the cache, or found out and put there. */
static enum pl_err relabel(struct pl_scrape_page *p, const struct pl_sample *sample, uint64_t hash, struct pl_series_made *out)
{
	struct pl_series_cache *cache = &p->series->cache;
	const struct pl_series_entry *e = pl_series_cache_find(cache, hash);
	if (e != NULL) {
		*out = (struct pl_series_made){e->fate, pl_series_cache_text(cache, e)};
		return PL_OK;
	}
	enum pl_err err = pl_series_make(&p->maker, &p->rules, sample, out, p->error, sizeof p->error);
	if (err != PL_OK)
		return err;
	if (p->rules.metric_relabel != NULL)
		p->relabeled++;
	if (!pl_series_cache_add(cache, hash, out->fate, out->text))
		p->uncached++;
	else if (p->job->series_limit == 0 && out->fate < PL_SERIES_DROPPED)
		p->series_added++;
	return PL_OK;
}

static bool is_admitted(struct pl_scrape_page *p, const struct pl_sample *sample, uint64_t hash)
{
	if (p->job->series_limit == 0)
		return true;
	switch (pl_series_set_admit(&p->series->known, hash, (uint64_t)p->job->series_limit)) {
	case PL_SERIES_KNOWN:
		return true;
	case PL_SERIES_NEW:
		p->series_added++;
		return true;
	case PL_SERIES_REFUSED:
		break;
	}
	p->dropped[PL_SCRAPE_DROP_SERIES_LIMIT]++;
	if (p->series->caches)
		pl_series_cache_refuse(&p->series->cache, hash);
	pl_target_series_offend(p->series, sample->name);
	return false;
}

static enum pl_err on_sample_of_series(void *data, const struct pl_sample *sample)
{
	struct pl_scrape_page *p = data;
	struct pl_series_made made = {0};
	bool relabels = p->job->metric_relabel != NULL;
	uint64_t hash = p->series->caches || p->job->series_limit > 0 ? series_hash(p, sample) : 0;
	enum pl_err err = PL_OK;
	p->samples++;
	if (p->series->caches)
		err = relabel(p, sample, hash, &made);
	else if (p->series->limits.any)
		err = pl_series_check_limits(&p->maker, &p->rules, sample, p->error, sizeof p->error);
	if (err != PL_OK) {
		p->failed_as = PL_SCRAPE_DROP_LABEL_LIMIT;
		return err;
	}
	if (made.fate >= PL_SERIES_DROPPED)
		p->dropped[made.fate - PL_SERIES_DROPPED]++;
	err = check_sample_limit(p);
	if (err != PL_OK || made.fate >= PL_SERIES_DROPPED || !is_admitted(p, sample, hash))
		return err;
	if (relabels)
		pl_transcode_series(&p->transcode, made.text, made.fate == PL_SERIES_LINE_WITH_TARGET_TAGS, sample);
	else
		pl_transcode_sample(&p->transcode, sample);
	if (p->live != NULL)
		pl_scrape_live_add(p->live, sample);
	end_piece_if_full(p);
	return PL_OK;
}

/* ---- the page ---- */

enum pl_err pl_scrape_page_head(struct pl_scrape_page *p, const struct pl_transfer_head *head)
{
	enum pl_exposition_format format;
	if (head->status != 200) {
		snprintf(p->error, sizeof p->error, "the target answered HTTP status %ld", head->status);
		return PL_ENET;
	}
	if (pl_exposition_format_of(head->content_type, &format) != PL_OK) {
		snprintf(p->error, sizeof p->error,
			 "content type \"%.*s\" is no metrics page; expected text/plain or application/openmetrics-text",
			 (int)(head->content_type.n < 100 ? head->content_type.n : 100), head->content_type.p);
		return PL_EUNSUPPORTED;
	}
	pl_exposition_reset(p->reader, format, p->series != NULL ? on_sample_of_series : on_sample, p);
	p->has_format = true;
	return PL_OK;
}

static enum pl_err tell_reader_error(struct pl_scrape_page *p, enum pl_err err)
{
	const struct pl_exposition_error *e = pl_exposition_error(p->reader);
	if (err != PL_OK && p->error[0] == '\0')
		snprintf(p->error, sizeof p->error, "line %zu, column %zu: %s", e->line, e->column, e->reason);
	return err;
}

enum pl_err pl_scrape_page_data(struct pl_scrape_page *p, const char *bytes, size_t n)
{
	p->bytes += n;
	return tell_reader_error(p, pl_exposition_feed(p->reader, bytes, n));
}

enum pl_err pl_scrape_page_end(struct pl_scrape_page *p)
{
	return tell_reader_error(p, pl_exposition_end(p->reader));
}

static uint64_t sum(const uint64_t *v, size_t n)
{
	uint64_t total = 0;
	for (size_t i = 0; i < n; i++)
		total += v[i];
	return total;
}

/* Forgets the lines that were not passed on, and accounts for their samples. */
static void roll_back(struct pl_scrape_page *p, struct pl_scrape_outcome *out)
{
	uint64_t accounted = p->passed_on + p->merged_passed_on + sum(out->dropped, PL_SCRAPE_DROP_COUNT);
	out->dropped[p->failed_as] = p->samples + p->added_passed_on - accounted;
	drop_held(p);
	pl_buf_clear(&p->lines);
	pl_transcode_discard(&p->transcode);
	p->transcode.lines = p->passed_on;
	p->transcode.merged = p->merged_passed_on;
	p->transcode.added = p->added_passed_on;
}

static void tally(const struct pl_scrape_page *p, struct pl_scrape_outcome *out)
{
	*out = (struct pl_scrape_outcome){.samples = p->samples,
					  .bytes = p->bytes,
					  .kept = kept(p),
					  .series_added = p->series_added,
					  .relabeled = p->relabeled,
					  .uncached = p->uncached};
	memcpy(out->dropped, p->dropped, sizeof p->dropped);
	for (size_t i = 0; i < PL_SAMPLE_DROP_COUNT; i++)
		out->dropped[i] += p->transcode.dropped[i];
}

static void mark_stale(void *data, const struct pl_series_entry *e)
{
	struct pl_scrape_page *p = data;
	uint64_t before = p->transcode.lines;
	pl_transcode_stale(&p->transcode, pl_series_cache_text(&p->series->cache, e), e->fate == PL_SERIES_LINE_WITH_TARGET_TAGS);
	p->stale += p->transcode.lines - before;
	end_piece_if_full(p);
}

void pl_scrape_page_settle(struct pl_scrape_page *p, int64_t duration_ns, struct pl_scrape_outcome *out)
{
	struct pl_transcode *t = &p->transcode;
	bool good = p->error[0] == '\0';
	if (good)
		pl_transcode_end(t);
	tally(p, out);
	if (!good)
		roll_back(p, out);
	if (p->live != NULL)
		pl_scrape_live_end(p->live, good);
	uint64_t before = t->lines;
	if (p->series != NULL && p->series->marks_stale && good)
		pl_series_cache_end_page(&p->series->cache, mark_stale, p);
	pl_transcode_own(t, "up", good ? 1 : 0);
	pl_transcode_own(t, "scrape_duration_seconds", (double)duration_ns / 1e9);
	pl_transcode_own(t, "scrape_samples_scraped", (double)p->samples);
	pl_transcode_own(t, "scrape_samples_post_metric_relabeling", (double)kept(p));
	if (pl_target_series_knows(p->series, p->job))
		pl_transcode_own(t, "scrape_series_added", (double)p->series_added);
	pl_transcode_own(t, "scrape_samples_dropped", (double)sum(out->dropped, PL_SCRAPE_DROP_COUNT));
	out->own_points = t->lines - before;
	out->points = t->lines;
	out->merged = t->merged;
	out->added = t->added;
	out->parts = t->parts;
	out->stale = p->stale;
	out->lines_bytes = p->streams || p->n_held > 0 ? PL_SCRAPE_PIECE_BYTES : p->lines.n;
	pass_on(p);
	if (p->series != NULL && good)
		pl_target_series_end(p->series, p->uncached);
	else if (p->series != NULL)
		pl_target_series_fail(p->series);
}

void pl_scrape_page_abandon(struct pl_scrape_page *p, struct pl_scrape_outcome *out)
{
	tally(p, out);
	roll_back(p, out);
	if (p->live != NULL)
		pl_scrape_live_end(p->live, false);
	pl_scrape_backlog_end(&p->backlog);
	out->points = p->transcode.lines;
	out->merged = p->transcode.merged;
	out->added = p->transcode.added;
	out->parts = p->transcode.parts;
}
