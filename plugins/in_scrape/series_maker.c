#include "in_scrape/series_maker.h"

#include "format/series_text.h"
#include "in_scrape/drops.h"

void pl_series_maker_finish(struct pl_series_maker *m)
{
	pl_sample_labels_finish(&m->labels);
	pl_relabel_scratch_finish(&m->scratch);
	pl_buf_finish(&m->text);
}

static enum pl_err dropped(struct pl_series_made *out, unsigned reason)
{
	*out = (struct pl_series_made){.fate = (uint8_t)(PL_SERIES_DROPPED + reason)};
	return PL_OK;
}

enum pl_err pl_series_make(struct pl_series_maker *m, const struct pl_series_rules *rules, const struct pl_sample *sample,
			   struct pl_series_made *out, char *reason, size_t reason_size)
{
	struct pl_labels_builder *set = &m->labels.set;
	bool with_target;
	pl_sample_labels_merge(&m->labels, sample, rules->target->labels, rules->honor_labels);
	if (rules->metric_relabel != NULL) {
		pl_relabel_scratch_clear(&m->scratch);
		if (pl_relabel_apply(rules->metric_relabel, &m->scratch, set, NULL, NULL) != PL_RELABEL_KEPT)
			return dropped(out, PL_SCRAPE_DROP_RELABELED);
		pl_series_text_tidy(set);
	}
	if (pl_labels_get(pl_labels_builder_view(set), PL_METRIC_NAME) == NULL)
		return dropped(out, PL_SCRAPE_DROP_NAMELESS);
	if (rules->limits->any && !pl_label_limits_hold(rules->limits, pl_labels_builder_view(set), reason, reason_size))
		return PL_ELIMIT;
	pl_buf_clear(&m->text);
	if (!pl_series_text_add(&m->text, rules->schema, set, rules->target->labels, &with_target) || m->text.n > UINT16_MAX)
		return dropped(out, PL_SAMPLE_DROP_SERIES_KEY);
	*out = (struct pl_series_made){with_target ? PL_SERIES_LINE_WITH_TARGET_TAGS : PL_SERIES_LINE, pl_buf_str(&m->text)};
	return PL_OK;
}

enum pl_err pl_series_check_limits(struct pl_series_maker *m, const struct pl_series_rules *rules, const struct pl_sample *sample,
				   char *reason, size_t reason_size)
{
	if (pl_label_limits_surely_hold(rules->limits, rules->target, sample))
		return PL_OK;
	pl_sample_labels_merge(&m->labels, sample, rules->target->labels, rules->honor_labels);
	return pl_label_limits_hold(rules->limits, pl_labels_builder_view(&m->labels.set), reason, reason_size) ? PL_OK
														: PL_ELIMIT;
}
