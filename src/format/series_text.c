#include "format/series_text.h"

#include <string.h>

#include "format/lineproto.h"

static bool is_internal(struct pl_str name)
{
	return name.n >= 2 && name.p[0] == '_' && name.p[1] == '_';
}

void pl_series_text_tidy(struct pl_labels_builder *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < set->n; i++)
		if (!is_internal(set->v[i].name) || pl_str_eq(set->v[i].name, PL_METRIC_NAME))
			set->v[kept++] = set->v[i];
	set->n = kept;
}

static bool is_of_target(struct pl_labels target, const struct pl_label *label)
{
	const struct pl_str *value = pl_labels_get(target, label->name);
	return value != NULL && pl_str_eq(*value, label->value);
}

/* Has the series all of the target's labels as they are? */
static bool has_target(struct pl_labels set, struct pl_labels target)
{
	if (pl_labels_get(set, PL_STR("time")) != NULL) /* becomes time_, or more: only the whole set tells */
		return false;
	if (pl_labels_get(target, PL_STR("le")) != NULL || pl_labels_get(target, PL_STR("quantile")) != NULL)
		return false; /* a bound must stand with the sample to be found */
	for (size_t i = 0; i < target.n; i++)
		if (target.v[i].value.n > 0 && !is_of_target(set, &target.v[i]))
			return false;
	return true;
}

static void leave_out_target(struct pl_labels_builder *set, struct pl_labels target)
{
	size_t own = 0;
	for (size_t i = 0; i < set->n; i++)
		if (!is_of_target(target, &set->v[i]))
			set->v[own++] = set->v[i];
	set->n = own;
}

static bool pack(struct pl_buf *out, struct pl_str s)
{
	if (s.n > UINT16_MAX)
		return false;
	pl_buf_add_char(out, (char)(s.n & 0xFF));
	pl_buf_add_char(out, (char)(s.n >> 8));
	pl_buf_add_str(out, s);
	return true;
}

bool pl_series_text_add(struct pl_buf *out, enum pl_schema_kind schema, struct pl_labels_builder *set, struct pl_labels target,
			bool *with_target)
{
	struct pl_str metric = *pl_labels_get(pl_labels_builder_view(set), PL_METRIC_NAME);
	pl_labels_builder_remove(set, PL_METRIC_NAME);
	*with_target = has_target(pl_labels_builder_view(set), target);
	if (*with_target)
		leave_out_target(set, target);
	if (schema == PL_SCHEMA_KAPACITOR) {
		pl_lp_add_measurement(out, metric);
		pl_lp_add_tags(out, pl_labels_builder_view(set));
		return true;
	}
	bool fits = pack(out, metric);
	for (size_t i = 0; i < set->n && fits; i++)
		fits = pack(out, set->v[i].name) && pack(out, set->v[i].value);
	return fits;
}

bool pl_series_text_next(struct pl_str *rest, struct pl_str *out)
{
	if (rest->n < 2)
		return false;
	size_t n = (size_t)(unsigned char)rest->p[0] | (size_t)(unsigned char)rest->p[1] << 8;
	*out = (struct pl_str){rest->p + 2, n};
	*rest = (struct pl_str){rest->p + 2 + n, rest->n - 2 - n};
	return true;
}

void pl_series_text_split(struct pl_str text, struct pl_str *measurement, struct pl_str *tags)
{
	size_t n = 0;
	while (n < text.n && text.p[n] != ',')
		n += text.p[n] == '\\' && n + 1 < text.n && text.p[n + 1] == ',' ? 2 : 1;
	*measurement = (struct pl_str){text.p, n};
	*tags = (struct pl_str){text.p + n, text.n - n};
}
