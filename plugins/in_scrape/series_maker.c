#include "in_scrape/series_maker.h"

#include "format/lineproto.h"
#include "in_scrape/drops.h"

static const struct pl_str name_label = {"__name__", 8};

void pl_series_maker_finish(struct pl_series_maker *m)
{
	pl_sample_labels_finish(&m->labels);
	pl_relabel_scratch_finish(&m->scratch);
	pl_buf_finish(&m->text);
}

static bool is_internal(struct pl_str name)
{
	return name.n >= 2 && name.p[0] == '_' && name.p[1] == '_';
}

/* Removes what begins with `__`, but the metric's name. */
static void tidy(struct pl_labels_builder *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < set->n; i++)
		if (!is_internal(set->v[i].name) || pl_str_eq(set->v[i].name, name_label))
			set->v[kept++] = set->v[i];
	set->n = kept;
}

static bool is_of_target(struct pl_labels target, const struct pl_label *label)
{
	const struct pl_str *value = pl_labels_get(target, label->name);
	return value != NULL && pl_str_eq(*value, label->value);
}

/* Has the series all of the target's labels as they are? Then its text need not repeat them. */
static bool has_target(struct pl_labels set, struct pl_labels target)
{
	if (pl_labels_get(set, PL_STR("time")) != NULL) /* becomes time_, or more: only the whole set tells */
		return false;
	for (size_t i = 0; i < target.n; i++)
		if (target.v[i].value.n > 0 && !is_of_target(set, &target.v[i]))
			return false;
	return true;
}

static void write_line_start(struct pl_series_maker *m, struct pl_str metric, struct pl_labels target, struct pl_series_made *out)
{
	struct pl_labels_builder *set = &m->labels.set;
	pl_buf_clear(&m->text);
	pl_lp_add_measurement(&m->text, metric);
	pl_labels_builder_remove(set, name_label);
	if (has_target(pl_labels_builder_view(set), target)) {
		size_t own = 0;
		for (size_t i = 0; i < set->n; i++)
			if (!is_of_target(target, &set->v[i]))
				set->v[own++] = set->v[i];
		set->n = own;
		out->fate = PL_SERIES_LINE_WITH_TARGET_TAGS;
	} else {
		out->fate = PL_SERIES_LINE;
	}
	pl_lp_add_tags(&m->text, pl_labels_builder_view(set));
	out->text = pl_buf_str(&m->text);
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
	pl_sample_labels_merge(&m->labels, sample, rules->target->labels, rules->honor_labels);
	pl_relabel_scratch_clear(&m->scratch);
	if (pl_relabel_apply(rules->metric_relabel, &m->scratch, set, NULL, NULL) != PL_RELABEL_KEPT)
		return dropped(out, PL_SCRAPE_DROP_RELABELED);
	tidy(set);
	const struct pl_str *metric = pl_labels_get(pl_labels_builder_view(set), name_label);
	if (metric == NULL)
		return dropped(out, PL_SCRAPE_DROP_NAMELESS);
	if (rules->limits->any && !pl_label_limits_hold(rules->limits, pl_labels_builder_view(set), reason, reason_size))
		return PL_ELIMIT;
	write_line_start(m, *metric, rules->target->labels, out);
	return out->text.n <= UINT16_MAX ? PL_OK : dropped(out, PL_SAMPLE_DROP_SERIES_KEY);
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
