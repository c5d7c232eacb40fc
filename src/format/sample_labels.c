#include "format/sample_labels.h"

#include <string.h>

void pl_sample_labels_finish(struct pl_sample_labels *s)
{
	pl_labels_builder_finish(&s->set);
	pl_buf_finish(&s->values);
	pl_arena_finish(&s->names);
}

static struct pl_str value_of(struct pl_sample_labels *s, const struct pl_sample_label *label)
{
	if (!label->escaped)
		return label->value;
	size_t at = s->values.n;
	pl_exposition_unescape(&s->values, label->value); /* its room is there: nothing moves */
	return (struct pl_str){s->values.p + at, s->values.n - at};
}

static void make_room(struct pl_sample_labels *s, const struct pl_sample *sample)
{
	size_t n = 0;
	for (size_t i = 0; i < sample->n_labels; i++)
		if (sample->labels[i].escaped)
			n += sample->labels[i].value.n;
	pl_buf_clear(&s->values);
	pl_buf_reserve(&s->values, n);
}

/* Has the set a value for it? */
static bool taken(const struct pl_sample_labels *s, struct pl_str name)
{
	const struct pl_str *value = pl_labels_get(pl_labels_builder_view(&s->set), name);
	return value != NULL && value->n > 0;
}

static void add_exported(struct pl_sample_labels *s, struct pl_label label)
{
	static const struct pl_str prefix = {"exported_", 9};
	do {
		char *longer = pl_arena_alloc(&s->names, prefix.n + label.name.n);
		memcpy(longer, prefix.p, prefix.n);
		memcpy(longer + prefix.n, label.name.p, label.name.n);
		label.name = (struct pl_str){longer, prefix.n + label.name.n};
	} while (taken(s, label.name));
	pl_labels_builder_set(&s->set, label.name, label.value);
}

/* The target's labels win; those that gave way are renamed once all others stand. */
static void target_wins(struct pl_sample_labels *s, struct pl_labels target)
{
	struct pl_label *gave_way = NULL;
	size_t n = 0;
	for (size_t i = 0; i < target.n; i++) {
		const struct pl_str *had = pl_labels_get(pl_labels_builder_view(&s->set), target.v[i].name);
		if (had != NULL && had->n > 0) {
			if (gave_way == NULL)
				gave_way = pl_arena_alloc(&s->names, target.n * sizeof *gave_way);
			size_t at = n++;
			for (; at > 0 && gave_way[at - 1].name.n > target.v[i].name.n; at--)
				gave_way[at] = gave_way[at - 1];
			gave_way[at] = (struct pl_label){target.v[i].name, *had};
		}
		pl_labels_builder_set(&s->set, target.v[i].name, target.v[i].value);
	}
	for (size_t i = 0; i < n; i++)
		add_exported(s, gave_way[i]);
}

void pl_sample_labels_merge(struct pl_sample_labels *s, const struct pl_sample *sample, struct pl_labels target,
			    bool honor_labels)
{
	pl_labels_builder_clear(&s->set);
	pl_arena_finish(&s->names);
	make_room(s, sample);
	for (size_t i = 0; i < sample->n_labels; i++)
		if (sample->labels[i].name.n > 0)
			pl_labels_builder_set(&s->set, sample->labels[i].name, value_of(s, &sample->labels[i]));
	if (honor_labels) {
		for (size_t i = 0; i < target.n; i++)
			if (pl_labels_get(pl_labels_builder_view(&s->set), target.v[i].name) == NULL)
				pl_labels_builder_set(&s->set, target.v[i].name, target.v[i].value);
	} else {
		target_wins(s, target);
	}
	pl_labels_builder_set(&s->set, PL_STR("__name__"), sample->name);
	size_t kept = 0;
	for (size_t i = 0; i < s->set.n; i++)
		if (s->set.v[i].value.n > 0)
			s->set.v[kept++] = s->set.v[i];
	s->set.n = kept;
}
