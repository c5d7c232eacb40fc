#include "in_scrape/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A page's memory beyond this is given back after it, so that one huge page does not stay with us. */
enum { USUAL_LINES_BYTES = 512 * 1024 };

static enum pl_err on_sample(void *data, const struct pl_sample *sample);

struct pl_scrape_page *pl_scrape_page_create(void)
{
	struct pl_scrape_page *p = pl_calloc(1, sizeof *p);
	p->reader = pl_exposition_create(PL_EXPOSITION_TEXT, (struct pl_exposition_limits){0}, on_sample, p);
	return p;
}

void pl_scrape_page_destroy(struct pl_scrape_page *p)
{
	pl_exposition_destroy(p->reader);
	pl_transcode_finish(&p->transcode);
	pl_buf_finish(&p->lines);
	free(p);
}

void pl_scrape_page_begin(struct pl_scrape_page *p, const struct pl_job *job, const struct pl_transcode_target *target,
			  struct pl_route *route, struct pl_sink *sink, int64_t wall_ns, int64_t sample_time_ns)
{
	p->job = job;
	p->sink = sink;
	p->route = route;
	p->bytes = p->samples = p->passed_on = p->merged_passed_on = p->added_passed_on = 0;
	p->started_wall_ns = wall_ns;
	p->has_format = false;
	p->error[0] = '\0';
	p->transcode.schema = (enum pl_schema_kind)job->influx.schema;
	p->transcode.honor_labels = job->honor_labels;
	p->transcode.honor_timestamps = job->honor_timestamps;
	p->transcode.nan_policy = (enum pl_nan_policy)job->influx.nan;
	p->transcode.measurement = pl_str_of(job->influx.measurement);
	pl_transcode_begin(&p->transcode, target, &p->lines, sample_time_ns);
}

static void pass_on(struct pl_scrape_page *p)
{
	uint64_t lines = p->transcode.lines - p->passed_on;
	p->passed_on = p->transcode.lines;
	p->merged_passed_on = p->transcode.merged;
	p->added_passed_on = p->transcode.added;
	p->sink->commit(p->sink, p->route, &p->lines, (uint32_t)lines);
	if (p->lines.cap > USUAL_LINES_BYTES)
		pl_buf_finish(&p->lines);
}

static enum pl_err on_sample(void *data, const struct pl_sample *sample)
{
	struct pl_scrape_page *p = data;
	p->samples++;
	if (p->job->sample_limit > 0 && p->samples > (uint64_t)p->job->sample_limit) {
		snprintf(p->error, sizeof p->error, "the page holds more than sample_limit = %lld samples",
			 (long long)p->job->sample_limit);
		return PL_ELIMIT;
	}
	pl_transcode_sample(&p->transcode, sample);
	if (p->lines.n >= (p->passed_on == 0 ? PL_SCRAPE_HOLD_BYTES : PL_SCRAPE_PIECE_BYTES))
		pass_on(p);
	return PL_OK;
}

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
	pl_exposition_reset(p->reader, format, on_sample, p);
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
	bool limited = p->job->sample_limit > 0 && p->samples > (uint64_t)p->job->sample_limit;
	out->dropped[limited ? PL_SCRAPE_DROP_LIMIT : PL_SCRAPE_DROP_FAILED] = p->samples + p->added_passed_on - p->passed_on -
									       p->merged_passed_on -
									       sum(p->transcode.dropped, PL_SAMPLE_DROP_COUNT);
	pl_buf_clear(&p->lines);
	pl_transcode_discard(&p->transcode);
	p->transcode.lines = p->passed_on;
	p->transcode.merged = p->merged_passed_on;
	p->transcode.added = p->added_passed_on;
}

static void tally(const struct pl_scrape_page *p, struct pl_scrape_outcome *out)
{
	*out = (struct pl_scrape_outcome){.samples = p->samples, .bytes = p->bytes};
	memcpy(out->dropped, p->transcode.dropped, sizeof p->transcode.dropped);
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
	uint64_t before = t->lines;
	pl_transcode_own(t, "up", good ? 1 : 0);
	pl_transcode_own(t, "scrape_duration_seconds", (double)duration_ns / 1e9);
	pl_transcode_own(t, "scrape_samples_scraped", (double)p->samples);
	pl_transcode_own(t, "scrape_samples_dropped", (double)sum(out->dropped, PL_SCRAPE_DROP_COUNT));
	out->own_points = t->lines - before;
	out->points = t->lines;
	out->merged = t->merged;
	out->added = t->added;
	out->parts = t->parts;
	out->lines_bytes = p->lines.n;
	pass_on(p);
}

void pl_scrape_page_abandon(struct pl_scrape_page *p, struct pl_scrape_outcome *out)
{
	tally(p, out);
	roll_back(p, out);
	out->points = p->transcode.lines;
	out->merged = p->transcode.merged;
	out->added = p->transcode.added;
	out->parts = p->transcode.parts;
}
