#include "format/transcode_tags.h"

#include <stdlib.h>

#include "base/mem.h"
#include "format/lineproto.h"
#include "format/transcode_line.h"

/* A sample's label and the name that its tag gets. */
struct tag {
	const struct pl_sample_label *label;
	size_t renamed_at, renamed_n; /* slice of t->renamed; renamed_n 0: keeps its own name */
	bool left_out, collides;
};

enum { FEW_TAGS = 64 };

bool pl_transcode_name_taken(const struct pl_transcode *t, const struct pl_sample *sample, size_t i)
{
	struct pl_str name = sample->labels[i].name;
	if (name.n == 0 || pl_str_is(name, "time"))
		return true;
	struct pl_labels target = t->target->labels;
	for (size_t k = 0; k < target.n; k++)
		if (pl_str_eq(target.v[k].name, name) || pl_str_is(target.v[k].name, "time"))
			return true;
	for (size_t k = 0; k < i; k++)
		if (pl_str_eq(sample->labels[k].name, name))
			return true;
	return false;
}

static struct pl_str final_name(const struct pl_transcode *t, const struct tag *tag)
{
	return tag->renamed_n > 0 ? (struct pl_str){t->renamed.p + tag->renamed_at, tag->renamed_n} : tag->label->name;
}

static bool among_tags(const struct pl_transcode *t, const struct tag *tags, size_t n, struct pl_str name)
{
	for (size_t i = 0; i < n; i++)
		if (!tags[i].left_out && pl_str_eq(final_name(t, &tags[i]), name))
			return true;
	return false;
}

/* The name under which the target's k-th label is a tag: pl_lp_add_tags writes `time` as `time_`, or with more `_`. */
static bool target_name_is(struct pl_labels target, size_t k, struct pl_str name)
{
	if (!pl_str_is(target.v[k].name, "time"))
		return pl_str_eq(target.v[k].name, name);
	size_t underscores = 0;
	const struct pl_str *value;
	if (name.n < 5 || memcmp(name.p, "time", 4) != 0)
		return false;
	do {
		if (4 + ++underscores > name.n || name.p[3 + underscores] != '_')
			return false;
		value = pl_labels_get(target, (struct pl_str){name.p, 4 + underscores});
	} while (value != NULL && value->n > 0);
	return 4 + underscores == name.n;
}

static bool of_target(struct pl_labels target, struct pl_str name)
{
	for (size_t k = 0; k < target.n; k++)
		if (target.v[k].value.n > 0 && target_name_is(target, k, name))
			return true;
	return false;
}

/* `time` gets underscores until no other label of the sample has that name. */
static void rename_time(struct pl_transcode *t, struct tag *tags, size_t n, struct tag *tag)
{
	size_t at = t->renamed.n;
	pl_buf_add_cstr(&t->renamed, "time");
	do
		pl_buf_add_char(&t->renamed, '_');
	while (among_tags(t, tags, n, (struct pl_str){t->renamed.p + at, t->renamed.n - at}));
	tag->renamed_at = at;
	tag->renamed_n = t->renamed.n - at;
}

/* Prometheus' way: `exported_` in front until nobody has the name. */
static void rename_exported(struct pl_transcode *t, struct tag *tags, size_t n, struct tag *tag)
{
	static const struct pl_str prefix = {"exported_", 9};
	size_t prefixes = 1;
	for (;; prefixes++) {
		size_t at = t->renamed.n;
		struct pl_str old = final_name(t, tag);
		pl_buf_reserve(&t->renamed, prefixes * prefix.n + old.n);
		old = final_name(t, tag); /* may lie in the buffer that was just moved */
		for (size_t i = 0; i < prefixes; i++)
			pl_buf_add_str(&t->renamed, prefix);
		pl_buf_add_str(&t->renamed, old);
		struct pl_str name = {t->renamed.p + at, t->renamed.n - at};
		if (!among_tags(t, tags, n, name) && !of_target(t->target->labels, name)) {
			tag->renamed_at = at;
			tag->renamed_n = name.n;
			return;
		}
		t->renamed.n = at;
	}
}

static void add_tag(struct pl_transcode *t, struct pl_buf *out, const struct tag *tag)
{
	pl_buf_add_char(out, ',');
	pl_lp_add_key(out, final_name(t, tag));
	pl_buf_add_char(out, '=');
	pl_lp_add_tag_value(out, pl_transcode_label_value(t, tag->label));
}

/* The colliding tag with the shortest name: Prometheus renames in that order, which decides who gets `exported_x`. */
static struct tag *next_collision(const struct pl_transcode *t, struct tag *tags, size_t n)
{
	struct tag *best = NULL;
	for (size_t i = 0; i < n; i++)
		if (tags[i].collides && (best == NULL || final_name(t, &tags[i]).n < final_name(t, best).n))
			best = &tags[i];
	return best;
}

/* With honor_labels: the target's labels that the sample does not have. */
static void add_rest_of_target(struct pl_transcode *t, struct pl_buf *out, const struct tag *tags, size_t n)
{
	struct pl_labels target = t->target->labels;
	struct pl_str rest = pl_buf_str(&t->target->tags), key, value;
	for (size_t k = 0; k < target.n; k++) {
		if (target.v[k].value.n == 0)
			continue;
		const char *start = rest.p;
		rest = (struct pl_str){rest.p + 1, rest.n - 1}; /* the comma */
		if (!pl_lp_next_pair(&rest, &key, &value))
			return;
		const char *end = value.p + value.n;
		size_t left = t->target->tags.n - (size_t)(end - t->target->tags.p);
		rest = (struct pl_str){end, left};
		bool had = false;
		for (size_t i = 0; i < n && !had; i++)
			had = target_name_is(target, k, final_name(t, &tags[i]));
		if (!had)
			pl_buf_add(out, start, (size_t)(end - start));
	}
}

/* The sample's labels as tags under their names; of two with one name the first. Returns how many. */
static size_t collect(const struct pl_sample *sample, struct tag *tags)
{
	size_t n = 0;
	for (size_t i = 0; i < sample->n_labels; i++) {
		const struct pl_sample_label *label = &sample->labels[i];
		bool again = label->name.n == 0;
		for (size_t k = 0; k < i && !again; k++)
			again = pl_str_eq(sample->labels[k].name, label->name);
		if (!again)
			tags[n++] = (struct tag){.label = label, .left_out = label->value.n == 0};
	}
	return n;
}

void pl_transcode_tags(struct pl_transcode *t, struct pl_buf *out, const struct pl_sample *sample)
{
	struct tag few[FEW_TAGS];
	struct tag *tags = sample->n_labels <= FEW_TAGS ? few : pl_alloc(sample->n_labels * sizeof *tags);
	size_t n = collect(sample, tags);
	pl_buf_clear(&t->renamed);
	for (size_t i = 0; i < n; i++)
		if (pl_str_is(tags[i].label->name, "time"))
			rename_time(t, tags, n, &tags[i]);
	if (!t->honor_labels) {
		for (size_t i = 0; i < n; i++)
			tags[i].collides = !tags[i].left_out && of_target(t->target->labels, final_name(t, &tags[i]));
		for (struct tag *tag; (tag = next_collision(t, tags, n)) != NULL; tag->collides = false)
			rename_exported(t, tags, n, tag);
	}
	for (size_t i = 0; i < n; i++)
		if (!tags[i].left_out)
			add_tag(t, out, &tags[i]);
	if (t->honor_labels)
		add_rest_of_target(t, out, tags, n);
	else
		pl_buf_add_str(out, pl_buf_str(&t->target->tags));
	if (tags != few)
		free(tags);
}
