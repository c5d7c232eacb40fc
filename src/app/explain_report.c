#include "app/explain_report.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/printable.h"

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define RED   "\033[31m"
#define GREEN "\033[32m"
#define AMBER "\033[33m"
#define PLAIN "\033[0m"

enum { PHASES = 5 };

struct phase {
	const char *name, *key;
	int64_t ns; /* -1: it did not come so far, or there was none */
};

/* Each phase's own time. */
static void phases_of(const struct pl_explain *e, struct phase out[PHASES])
{
	const struct pl_transfer_phases *p = &e->result.phases;
	const int64_t ends[PHASES] = {p->resolved, p->connected, p->tls, p->first_byte, p->first_byte > 0 ? p->done : 0};
	static const struct phase names[PHASES] = {{"resolve", "resolve", -1},
						   {"connect", "connect", -1},
						   {"TLS", "tls", -1},
						   {"wait", "wait", -1},
						   {"transfer", "transfer", -1}};
	int64_t before = 0;
	for (size_t i = 0; i < PHASES; i++) {
		out[i] = names[i];
		if (ends[i] <= 0)
			continue;
		out[i].ns = ends[i] > before ? ends[i] - before : 0;
		before = ends[i] > before ? ends[i] : before;
	}
}

static bool is_compressed(const struct pl_explain *e)
{
	return e->result.wire_bytes < e->result.body_bytes;
}

/* ---- for people ---- */

static const char *colour(const struct pl_explain_report *r, const char *code)
{
	return r->colours ? code : "";
}

static void add_bytes(struct pl_buf *b, uint64_t n)
{
	static const char *const units[] = {"KiB", "MiB", "GiB"};
	double v = (double)n / 1024;
	size_t unit = 0;
	for (; v >= 1024 && unit + 1 < PL_COUNT_OF(units); unit++)
		v /= 1024;
	if (n < 1024)
		pl_buf_addf(b, "%llu bytes", (unsigned long long)n);
	else
		pl_buf_addf(b, "%.1f %s", v, units[unit]);
}

static void add_duration(struct pl_buf *b, int64_t ns)
{
	if (ns < 0)
		pl_buf_add_cstr(b, "-");
	else if (ns > 0 && ns % PL_NS_PER_S == 0)
		pl_buf_addf(b, "%lld s", (long long)(ns / PL_NS_PER_S));
	else if (ns < PL_NS_PER_S)
		pl_buf_addf(b, "%.1f ms", (double)ns / (double)PL_NS_PER_MS);
	else
		pl_buf_addf(b, "%.2f s", (double)ns / (double)PL_NS_PER_S);
}

static void add_text_step(struct pl_explain_report *r, const struct pl_explain_step *s)
{
	struct pl_buf *b = &r->steps;
	struct pl_str points = s->points;
	if (s->line > 0)
		pl_buf_addf(b, "%7zu  ", s->line);
	else
		pl_buf_addf(b, "         %sgathered from the samples above%s", colour(r, DIM), colour(r, PLAIN));
	pl_buf_add_printable(b, s->sample);
	pl_buf_add_char(b, '\n');
	if (s->relabeled.n > 0) {
		pl_buf_addf(b, "      %s~  relabeled%s ", colour(r, DIM), colour(r, PLAIN));
		pl_buf_add_printable(b, s->relabeled);
		pl_buf_add_char(b, '\n');
	}
	while (points.n > 0) {
		pl_buf_addf(b, "     %s->%s  ", colour(r, GREEN), colour(r, PLAIN));
		pl_buf_add_printable(b, pl_str_cut(&points, '\n'));
		pl_buf_add_char(b, '\n');
	}
	if (s->dropped == NULL)
		return;
	pl_buf_addf(b, "      %sx  dropped (%s): ", colour(r, AMBER), s->dropped);
	pl_buf_add_printable(b, s->why);
	pl_buf_addf(b, "%s\n", colour(r, PLAIN));
}

static void add_http(struct pl_explain_report *r, const struct pl_explain *e)
{
	struct pl_buf *b = &r->out;
	struct phase phases[PHASES];
	pl_buf_addf(b, "%sGET ", colour(r, BOLD));
	pl_buf_add_printable(b, pl_str_of(e->url));
	pl_buf_addf(b, "%s\n%s", colour(r, PLAIN), e->with_job ? "as job " : "with defaults, no job");
	if (e->with_job)
		pl_buf_add_printable(b, pl_str_of(e->job->name));
	pl_buf_add_cstr(b, ", timeout ");
	add_duration(b, e->timeout_ns);
	pl_buf_add_cstr(b, "\n\n");
	if (e->result.status != 0) {
		pl_buf_addf(b, "  %-10s %sHTTP %ld%s  ", "status", colour(r, e->result.status == 200 ? GREEN : RED),
			    e->result.status, colour(r, PLAIN));
		pl_buf_add_printable(b, pl_buf_str(&e->content_type));
		pl_buf_add_char(b, '\n');
	}
	phases_of(e, phases);
	for (size_t i = 0; i < PHASES; i++) {
		pl_buf_addf(b, "  %-10s ", phases[i].name);
		add_duration(b, phases[i].ns);
		pl_buf_add_char(b, '\n');
	}
	pl_buf_addf(b, "  %-10s ", "total");
	add_duration(b, e->result.phases.done);
	pl_buf_addf(b, "\n  %-10s ", "body");
	add_bytes(b, e->result.body_bytes);
	if (is_compressed(e)) {
		pl_buf_add_cstr(b, ", compressed to ");
		add_bytes(b, e->result.wire_bytes);
		pl_buf_add_cstr(b, " on the wire");
	} else if (e->result.body_bytes > 0) {
		pl_buf_add_cstr(b, ", not compressed");
	}
	pl_buf_add_cstr(b, "\n\n");
}

static void add_rest(struct pl_explain_report *r, const struct pl_explain *e)
{
	uint64_t more = e->page.samples - e->page.told_good - e->page.told_dropped;
	if (r->steps.n == 0)
		return;
	pl_buf_add_str(&r->out, pl_buf_str(&r->steps));
	if (more > 0)
		pl_buf_addf(&r->out, "%s         ... and %llu samples more; --all shows every one%s\n", colour(r, DIM),
			    (unsigned long long)more, colour(r, PLAIN));
	pl_buf_add_char(&r->out, '\n');
}

static void add_advice(void *data, const char *text)
{
	struct pl_explain_report *r = data;
	pl_buf_addf(&r->out, "  - %s\n", text);
}

static void add_verdict(struct pl_explain_report *r, const struct pl_explain *e)
{
	struct pl_buf *b = &r->out;
	bool good = e->cause == PL_EXPLAIN_GOOD;
	uint64_t dropped = 0;
	for (unsigned d = 0; d < PL_EXPLAIN_DROPS; d++)
		dropped += pl_explain_page_drops(&e->page, d);
	if (good)
		pl_buf_addf(b, "%sThis scrape works.%s", colour(r, GREEN), colour(r, PLAIN));
	else
		pl_buf_addf(b, "%sThis scrape fails:%s ", colour(r, RED), colour(r, PLAIN));
	if (!good)
		pl_buf_add_printable(b, pl_str_of(e->error));
	pl_buf_add_char(b, '\n');
	if (e->page.error_text.n > 0) {
		pl_buf_addf(b, "  line %zu: ", e->page.error_line);
		pl_buf_add_printable(b, pl_buf_str(&e->page.error_text));
		pl_buf_add_char(b, '\n');
	}
	if (e->page.samples > 0)
		pl_buf_addf(b, "  samples: %llu; %slines: %llu, dropped: %llu%s\n", (unsigned long long)e->page.samples,
			    good ? "" : "up to there ", (unsigned long long)e->page.transcode.lines, (unsigned long long)dropped,
			    good ? "" : "; of a page that fails nothing is stored");
	for (unsigned d = 0; d < PL_EXPLAIN_DROPS; d++)
		if (pl_explain_page_drops(&e->page, d) > 0)
			pl_buf_addf(b, "  %llu x %s: %s\n", (unsigned long long)pl_explain_page_drops(&e->page, d),
				    pl_explain_drop_label(d), pl_explain_drop_text(d));
	pl_explain_advise(e, add_advice, r);
}

/* ---- JSON ---- */

static void add_json_step(struct pl_explain_report *r, const struct pl_explain_step *s)
{
	struct pl_json *j = &r->json_steps;
	struct pl_str points = s->points;
	pl_json_object_begin(j);
	pl_json_key(j, "line");
	if (s->line > 0)
		pl_json_u64(j, s->line);
	else
		pl_json_null(j);
	pl_json_key(j, "sample");
	if (s->line > 0)
		pl_json_str(j, s->sample);
	else
		pl_json_null(j);
	pl_json_key(j, "points");
	pl_json_array_begin(j);
	while (points.n > 0)
		pl_json_str(j, pl_str_cut(&points, '\n'));
	pl_json_array_end(j);
	pl_json_key(j, "dropped");
	pl_json_cstr(j, s->dropped);
	if (s->relabeled.n > 0) {
		pl_json_key(j, "relabeled");
		pl_buf_add_str(j->out, s->relabeled);
		j->after_key = false;
	}
	if (s->rule >= 0) {
		pl_json_key(j, "rule");
		pl_json_u64(j, (uint64_t)s->rule);
	}
	pl_json_object_end(j);
}

static void add_json_http(struct pl_json *j, const struct pl_explain *e)
{
	struct phase phases[PHASES];
	phases_of(e, phases);
	pl_json_key(j, "http");
	pl_json_object_begin(j);
	pl_json_key(j, "status");
	if (e->result.status != 0)
		pl_json_i64(j, e->result.status);
	else
		pl_json_null(j);
	pl_json_key(j, "contentType");
	pl_json_str(j, pl_buf_str(&e->content_type));
	pl_json_key(j, "bodyBytes");
	pl_json_u64(j, e->result.body_bytes);
	pl_json_key(j, "wireBytes");
	pl_json_u64(j, e->result.wire_bytes);
	pl_json_key(j, "compressed");
	pl_json_bool(j, is_compressed(e));
	pl_json_key(j, "seconds");
	pl_json_object_begin(j);
	for (size_t i = 0; i < PHASES; i++) {
		pl_json_key(j, phases[i].key);
		if (phases[i].ns >= 0)
			pl_json_double(j, (double)phases[i].ns / 1e9);
		else
			pl_json_null(j);
	}
	pl_json_key(j, "total");
	pl_json_double(j, (double)e->result.phases.done / 1e9);
	pl_json_object_end(j);
	pl_json_object_end(j);
}

static void add_json_advice(void *data, const char *text)
{
	pl_json_cstr(data, text);
}

static void add_json_page(struct pl_json *j, const struct pl_explain *e)
{
	pl_json_key(j, "samples");
	pl_json_u64(j, e->page.samples);
	pl_json_key(j, "points");
	pl_json_u64(j, e->page.transcode.lines);
	pl_json_key(j, "dropped");
	pl_json_object_begin(j);
	for (unsigned d = 0; d < PL_EXPLAIN_DROPS; d++)
		if (pl_explain_page_drops(&e->page, d) > 0) {
			pl_json_key(j, pl_explain_drop_label(d));
			pl_json_u64(j, pl_explain_page_drops(&e->page, d));
		}
	pl_json_object_end(j);
	pl_json_key(j, "untold");
	pl_json_u64(j, e->page.samples - e->page.told_good - e->page.told_dropped);
	if (e->page.error_line == 0)
		return;
	pl_json_key(j, "errorLine");
	pl_json_u64(j, e->page.error_line);
	pl_json_key(j, "errorColumn");
	pl_json_u64(j, e->page.error_column);
	pl_json_key(j, "errorText");
	pl_json_str(j, pl_buf_str(&e->page.error_text));
}

static void end_json(struct pl_explain_report *r, const struct pl_explain *e)
{
	struct pl_json j = {.out = &r->out};
	pl_json_object_begin(&j);
	pl_json_key(&j, "url");
	pl_json_cstr(&j, e->url);
	pl_json_key(&j, "job");
	pl_json_cstr(&j, e->with_job ? e->job->name : NULL);
	pl_json_key(&j, "ok");
	pl_json_bool(&j, e->cause == PL_EXPLAIN_GOOD);
	pl_json_key(&j, "cause");
	pl_json_cstr(&j, pl_explain_cause_word(e->cause));
	pl_json_key(&j, "error");
	pl_json_cstr(&j, e->error);
	pl_json_key(&j, "advice");
	pl_json_array_begin(&j);
	pl_explain_advise(e, add_json_advice, &j);
	pl_json_array_end(&j);
	add_json_http(&j, e);
	add_json_page(&j, e);
	pl_json_key(&j, "steps");
	pl_json_array_end(&r->json_steps);
	pl_buf_add_str(&r->out, pl_buf_str(&r->steps)); /* the value of that key */
	j.after_key = false;
	pl_json_object_end(&j);
	pl_buf_add_char(&r->out, '\n');
}

/* ---- both ---- */

void pl_explain_report_begin(struct pl_explain_report *r, bool json, bool colours)
{
	*r = (struct pl_explain_report){.json = json, .colours = colours && !json};
	r->json_steps.out = &r->steps;
	if (json)
		pl_json_array_begin(&r->json_steps);
}

void pl_explain_report_step(struct pl_explain_report *r, const struct pl_explain_step *step)
{
	if (r->json)
		add_json_step(r, step);
	else
		add_text_step(r, step);
}

void pl_explain_report_end(struct pl_explain_report *r, const struct pl_explain *e)
{
	if (r->json) {
		end_json(r, e);
		return;
	}
	add_http(r, e);
	add_rest(r, e);
	add_verdict(r, e);
}

void pl_explain_report_finish(struct pl_explain_report *r)
{
	pl_buf_finish(&r->steps);
	pl_buf_finish(&r->out);
}
