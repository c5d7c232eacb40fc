#include "app/explain_page.h"

#include <stdio.h>

#include "config/relabel_config.h"
#include "format/series_text.h"

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

const char *pl_explain_drop_label(unsigned drop)
{
	if (drop < PL_SAMPLE_DROP_COUNT)
		return pl_sample_drop_label((enum pl_sample_drop)drop);
	return drop == PL_EXPLAIN_DROP_RELABELED ? "metric_relabel_configs" : "no_name_after_relabeling";
}

const char *pl_explain_drop_text(unsigned drop)
{
	if (drop < PL_SAMPLE_DROP_COUNT)
		return pl_sample_drop_text((enum pl_sample_drop)drop);
	return drop == PL_EXPLAIN_DROP_RELABELED ? "a rule of the job drops it" : "the job's rules leave it without __name__";
}

static void tell(struct pl_explain_page *p, const struct pl_sample *s, struct pl_explain_step *step)
{
	uint64_t *told = step->dropped == NULL ? &p->told_good : &p->told_dropped;
	if (*told >= p->most)
		return;
	++*told;
	p->family_told |= step->dropped == NULL;
	pl_buf_clear(&p->text);
	add_sample(&p->text, s);
	step->line = s->line;
	step->sample = pl_buf_str(&p->text);
	step->points = pl_buf_str(&p->lines);
	if (step->points.n > 0)
		step->points.n--;
	p->told(p->data, step);
}

/* ---- metric_relabel_configs ---- */

static void drop(struct pl_explain_page *p, struct pl_explain_step *step, unsigned why)
{
	p->dropped[why - PL_SAMPLE_DROP_COUNT]++;
	step->dropped = pl_explain_drop_label(why);
	step->why = pl_str_of(pl_explain_drop_text(why));
}

/* True when the sample stays: then p->series is its series' text. */
static bool relabel(struct pl_explain_page *p, const struct pl_sample *s, struct pl_explain_step *step, bool *with_target)
{
	struct pl_labels_builder *set = &p->labels.set;
	pl_sample_labels_merge(&p->labels, s, p->tags.labels, p->job->honor_labels);
	pl_buf_clear(&p->before);
	pl_labels_json(&p->before, pl_labels_builder_view(set));
	pl_relabel_scratch_clear(&p->scratch);
	int rule = pl_relabel_apply(p->job->metric_relabel, &p->scratch, set, NULL, NULL);
	if (rule != PL_RELABEL_KEPT) {
		drop(p, step, PL_EXPLAIN_DROP_RELABELED);
		pl_buf_clear(&p->rule_text);
		pl_buf_addf(&p->rule_text, "by rule %d of metric_relabel_configs (from 0): ", rule);
		pl_relabel_config_describe((const struct pl_relabel_config *)p->job->metric_relabel_configs.v + rule,
					   &p->rule_text);
		step->why = pl_buf_str(&p->rule_text);
		step->rule = rule;
		return false;
	}
	pl_series_text_tidy(set);
	pl_buf_clear(&p->after);
	pl_labels_json(&p->after, pl_labels_builder_view(set));
	if (!pl_str_eq(pl_buf_str(&p->before), pl_buf_str(&p->after)))
		step->relabeled = pl_buf_str(&p->after);
	if (pl_labels_get(pl_labels_builder_view(set), PL_METRIC_NAME) == NULL) {
		drop(p, step, PL_EXPLAIN_DROP_NAMELESS);
		return false;
	}
	pl_buf_clear(&p->series);
	if (pl_series_text_add(&p->series, p->transcode.schema, set, p->tags.labels, with_target))
		return true;
	p->transcode.dropped[PL_SAMPLE_DROP_SERIES_KEY]++;
	return false;
}

/* What was gathered is written now, so that it is not taken for the next sample's. */
static void end_family(struct pl_explain_page *p)
{
	pl_transcode_end(&p->transcode);
	if (p->lines.n > 0 && p->family_told) {
		const struct pl_explain_step step = {.points = {p->lines.p, p->lines.n - 1}, .rule = -1};
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

/* As the scraper counts: after metric relabeling. */
static bool is_beyond_limit(struct pl_explain_page *p)
{
	uint64_t kept = p->samples;
	for (unsigned d = PL_SAMPLE_DROP_COUNT; d < PL_EXPLAIN_DROPS; d++)
		kept -= pl_explain_page_drops(p, d);
	if (p->job->sample_limit == 0 || kept <= (uint64_t)p->job->sample_limit)
		return false;
	snprintf(p->error, sizeof p->error, "the page holds more than sample_limit = %lld samples",
		 (long long)p->job->sample_limit);
	return true;
}

static enum pl_err on_sample(void *data, const struct pl_sample *s)
{
	struct pl_explain_page *p = data;
	uint64_t before[PL_SAMPLE_DROP_COUNT];
	struct pl_explain_step step = {.rule = -1};
	bool with_target = false;
	p->samples++;
	enter_family(p, s);
	memcpy(before, p->transcode.dropped, sizeof before);
	if (p->job->metric_relabel == NULL)
		pl_transcode_sample(&p->transcode, s);
	else if (relabel(p, s, &step, &with_target))
		pl_transcode_series(&p->transcode, pl_buf_str(&p->series), with_target, s);
	for (unsigned d = 0; d < PL_SAMPLE_DROP_COUNT; d++)
		if (p->transcode.dropped[d] > before[d]) {
			step.dropped = pl_explain_drop_label(d);
			step.why = pl_str_of(pl_explain_drop_text(d));
		}
	if (is_beyond_limit(p))
		return PL_ELIMIT;
	tell(p, s, &step);
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
	pl_sample_labels_finish(&p->labels);
	pl_relabel_scratch_finish(&p->scratch);
	pl_buf_finish(&p->before);
	pl_buf_finish(&p->after);
	pl_buf_finish(&p->series);
	pl_buf_finish(&p->rule_text);
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

uint64_t pl_explain_page_drops(const struct pl_explain_page *p, unsigned drop)
{
	return drop < PL_SAMPLE_DROP_COUNT ? p->transcode.dropped[drop] : p->dropped[drop - PL_SAMPLE_DROP_COUNT];
}
