#include "app/explain_page.h"

#include <stdio.h>

/* Of a line at fault: what is shown, and what is kept until the rest of it comes. */
enum { MOST_SHOWN = 200 };

static void add_sample(struct pl_buf *out, const struct pl_sample *s)
{
	pl_buf_add_str(out, s->name);
	for (size_t i = 0; i < s->n_labels; i++) {
		pl_buf_add_char(out, i == 0 ? '{' : ',');
		pl_buf_add_str(out, s->labels[i].name);
		pl_buf_add_cstr(out, "=\"");
		pl_buf_add_str(out, s->labels[i].value);
		pl_buf_add_char(out, '"');
	}
	pl_buf_add_cstr(out, s->n_labels > 0 ? "} " : " ");
	pl_buf_add_str(out, s->value);
	if (s->has_time)
		pl_buf_addf(out, " @%lld.%03lld", (long long)(s->time_ns / 1000000000), (long long)(s->time_ns / 1000000 % 1000));
}

static void tell(struct pl_explain_page *p, const struct pl_sample *s, enum pl_sample_drop drop)
{
	uint64_t *told = drop == PL_SAMPLE_DROP_COUNT ? &p->told_good : &p->told_dropped;
	if (*told >= p->most)
		return;
	++*told;
	p->family_told |= drop == PL_SAMPLE_DROP_COUNT;
	pl_buf_clear(&p->text);
	add_sample(&p->text, s);
	struct pl_explain_step step = {s->line, pl_buf_str(&p->text), pl_buf_str(&p->lines), drop};
	if (step.points.n > 0)
		step.points.n--;
	p->told(p->data, &step);
}

/* What was gathered is written now, so that it is not taken for the next sample's. */
static void end_family(struct pl_explain_page *p)
{
	pl_transcode_end(&p->transcode);
	if (p->lines.n > 0 && p->family_told) {
		const struct pl_explain_step step = {.points = {p->lines.p, p->lines.n - 1}, .drop = PL_SAMPLE_DROP_COUNT};
		p->told(p->data, &step);
	}
	pl_buf_clear(&p->lines);
	p->family_told = false;
}

static void enter_family(struct pl_explain_page *p, const struct pl_sample *s)
{
	struct pl_str family = {s->name.p, s->type != PL_METRIC_UNKNOWN ? s->family_n : s->name.n};
	if (p->family_type == s->type && pl_str_eq(pl_buf_str(&p->family), family))
		return;
	end_family(p);
	pl_buf_clear(&p->family);
	pl_buf_add_str(&p->family, family);
	p->family_type = s->type;
}

static enum pl_err on_sample(void *data, const struct pl_sample *s)
{
	struct pl_explain_page *p = data;
	uint64_t before[PL_SAMPLE_DROP_COUNT];
	enum pl_sample_drop drop = PL_SAMPLE_DROP_COUNT;
	p->samples++;
	if (p->job->sample_limit > 0 && p->samples > (uint64_t)p->job->sample_limit) {
		snprintf(p->error, sizeof p->error, "the page holds more than sample_limit = %lld samples",
			 (long long)p->job->sample_limit);
		return PL_ELIMIT;
	}
	enter_family(p, s);
	memcpy(before, p->transcode.dropped, sizeof before);
	pl_transcode_sample(&p->transcode, s);
	for (unsigned d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
		if (p->transcode.dropped[d] > before[d])
			drop = (enum pl_sample_drop)d;
	tell(p, s, drop);
	pl_buf_clear(&p->lines);
	return PL_OK;
}

void pl_explain_page_init(struct pl_explain_page *p, const struct pl_job *job, struct pl_labels labels, int64_t sample_time_ns)
{
	p->job = job;
	pl_transcode_target_init(&p->tags, labels);
	p->transcode.schema = (enum pl_schema_kind)job->influx.schema;
	p->transcode.honor_labels = job->honor_labels;
	p->transcode.honor_timestamps = job->honor_timestamps;
	p->transcode.nan_policy = (enum pl_nan_policy)job->influx.nan;
	p->transcode.measurement = pl_str_of(job->influx.measurement);
	pl_transcode_begin(&p->transcode, &p->tags, &p->lines, sample_time_ns);
}

void pl_explain_page_finish(struct pl_explain_page *p)
{
	if (p->reader != NULL)
		pl_exposition_destroy(p->reader);
	pl_transcode_finish(&p->transcode);
	pl_transcode_target_finish(&p->tags);
	pl_buf_finish(&p->lines);
	pl_buf_finish(&p->text);
	pl_buf_finish(&p->tail);
	pl_buf_finish(&p->family);
	pl_buf_finish(&p->error_text);
}

enum pl_err pl_explain_page_begin(struct pl_explain_page *p, struct pl_str content_type)
{
	enum pl_exposition_format format;
	enum pl_err err = pl_exposition_format_of(content_type, &format);
	if (err != PL_OK)
		snprintf(p->error, sizeof p->error, "content type \"%.*s\" is no metrics page",
			 (int)(content_type.n < 100 ? content_type.n : 100), content_type.p);
	else
		p->reader = pl_exposition_create(format, (struct pl_exposition_limits){0}, on_sample, p);
	return err;
}

/* The line at fault may have begun in pieces that are gone, of which `tail` has the beginning. */
static void keep_line(struct pl_explain_page *p, struct pl_str piece)
{
	struct pl_str line = {NULL, 0};
	size_t nth = p->error_line - p->newlines;
	if (nth == 1)
		pl_buf_add_str(&p->error_text, pl_buf_str(&p->tail));
	for (; nth > 0 && piece.p != NULL; nth--)
		line = pl_str_cut(&piece, '\n');
	if (line.n > 0)
		pl_buf_add(&p->error_text, line.p, line.n < MOST_SHOWN ? line.n : MOST_SHOWN);
	if (p->error_text.n > MOST_SHOWN)
		p->error_text.n = MOST_SHOWN;
}

static enum pl_err note_error(struct pl_explain_page *p, enum pl_err err, struct pl_str piece)
{
	if (err == PL_OK || p->error[0] != '\0')
		return err;
	const struct pl_exposition_error *e = pl_exposition_error(p->reader);
	p->error_line = e->line;
	p->error_column = e->column;
	snprintf(p->error, sizeof p->error, "line %zu, column %zu: %s", e->line, e->column, e->reason);
	if (e->line > p->newlines)
		keep_line(p, piece);
	return err;
}

static void keep_tail(struct pl_explain_page *p, struct pl_str piece)
{
	while (piece.p != NULL) {
		struct pl_str line = pl_str_cut(&piece, '\n');
		size_t room = MOST_SHOWN - p->tail.n;
		if (line.n > 0)
			pl_buf_add(&p->tail, line.p, line.n < room ? line.n : room);
		if (piece.p == NULL)
			break;
		p->newlines++;
		pl_buf_clear(&p->tail);
	}
}

enum pl_err pl_explain_page_feed(struct pl_explain_page *p, const char *bytes, size_t n)
{
	struct pl_str piece = {bytes, n};
	enum pl_err err = note_error(p, pl_exposition_feed(p->reader, bytes, n), piece);
	keep_tail(p, piece);
	return err;
}

enum pl_err pl_explain_page_end(struct pl_explain_page *p)
{
	enum pl_err err = note_error(p, pl_exposition_end(p->reader), (struct pl_str){NULL, 0});
	if (err == PL_OK)
		end_family(p);
	return err;
}

uint64_t pl_explain_page_dropped(const struct pl_explain_page *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < PL_SAMPLE_DROP_COUNT; i++)
		n += p->transcode.dropped[i];
	return n;
}
