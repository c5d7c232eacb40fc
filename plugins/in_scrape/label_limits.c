#include "in_scrape/label_limits.h"

#include <stdint.h>
#include <stdio.h>

enum { SHOWN_BYTES = 50 };

static size_t bound_of(int64_t limit)
{
	return limit > 0 ? (size_t)limit : SIZE_MAX;
}

void pl_label_limits_init(struct pl_label_limits *l, const struct pl_job *job, struct pl_labels target)
{
	*l = (struct pl_label_limits){
	    .labels = bound_of(job->label_limit),
	    .name = bound_of(job->label_name_length_limit),
	    .value = bound_of(job->label_value_length_limit),
	    .any = job->label_limit > 0 || job->label_name_length_limit > 0 || job->label_value_length_limit > 0,
	    .target_fits = true,
	};
	l->target_fits = PL_STR("__name__").n <= l->name;
	for (size_t i = 0; i < target.n; i++)
		if (target.v[i].name.n > l->name || target.v[i].value.n > l->value)
			l->target_fits = false;
}

/* For a reason: printable and not long. */
static const char *show(struct pl_str s, char out[SHOWN_BYTES + 4])
{
	size_t n = s.n < SHOWN_BYTES ? s.n : SHOWN_BYTES;
	for (size_t i = 0; i < n; i++)
		out[i] = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
	memcpy(out + n, n < s.n ? "..." : "", n < s.n ? 4 : 1);
	return out;
}

bool pl_label_limits_hold(const struct pl_label_limits *l, struct pl_labels set, char *reason, size_t reason_size)
{
	const struct pl_str *found = pl_labels_get(set, PL_STR("__name__"));
	char metric[SHOWN_BYTES + 4], label[SHOWN_BYTES + 4];
	show(found != NULL ? *found : PL_STR(""), metric);
	if (set.n > l->labels) {
		snprintf(reason, reason_size, "metric %s has %zu labels (__name__ and the target's included); label_limit is %zu",
			 metric, set.n, l->labels);
		return false;
	}
	for (size_t i = 0; i < set.n; i++) {
		const struct pl_label *at = &set.v[i];
		if (at->name.n > l->name) {
			snprintf(reason, reason_size,
				 "label %s of metric %s has a name of %zu bytes; label_name_length_limit is %zu",
				 show(at->name, label), metric, at->name.n, l->name);
			return false;
		}
		if (at->value.n > l->value) {
			snprintf(reason, reason_size,
				 "label %s of metric %s has a value of %zu bytes; label_value_length_limit is %zu",
				 show(at->name, label), metric, at->value.n, l->value);
			return false;
		}
	}
	return true;
}

bool pl_label_limits_surely_hold(const struct pl_label_limits *l, const struct pl_transcode_target *target,
				 const struct pl_sample *sample)
{
	if (!l->target_fits || 1 + target->labels.n + sample->n_labels > l->labels || sample->name.n > l->value)
		return false;
	for (size_t i = 0; i < sample->n_labels; i++) {
		const struct pl_sample_label *label = &sample->labels[i];
		/* A name that the target has becomes longer. */
		if (label->name.n > l->name || label->value.n > l->value || pl_labels_get(target->labels, label->name) != NULL)
			return false;
	}
	return true;
}
