#include "in_scrape/live_values.h"

#include <stdlib.h>

#include "base/mem.h"
#include "format/sample_labels.h"
#include "format/selector.h"

/* What is held back of a page. */
enum { MOST_VALUES = 4096, MOST_TAGS = 32 * 1024, MOST_TEXT = 512 * 1024 };

/* Offsets while the texts still move. */
struct span {
	uint32_t at, n;
};

struct value {
	struct span data;
	uint32_t first_tag, n_tags;
	int64_t time_ns;
};

struct pl_scrape_live {
	const struct pl_target *target;
	struct pl_live_tap *tap;
	struct pl_arena arena; /* of the selectors */
	struct pl_selector *selectors;
	size_t n_selectors;
	struct pl_relabel_scratch relabel;
	struct pl_sample_labels labels;
	int64_t time_ns;
	/* What is held; none between pages. */
	struct value *values;
	size_t n_values, values_cap;
	struct span *tags;
	size_t n_tags, tags_cap;
	struct pl_buf text;
};

struct pl_scrape_live *pl_scrape_live_create(struct pl_target *t, struct pl_live_tap *tap)
{
	struct pl_scrape_live *l = pl_calloc(1, sizeof *l);
	char reason[256];
	l->target = t;
	l->tap = tap;
	l->selectors = pl_calloc(t->job->live.n, sizeof *l->selectors);
	for (size_t i = 0; i < t->job->live.n; i++) {
		struct pl_selector *s = &l->selectors[l->n_selectors];
		if (pl_selector_parse(s, &l->arena, pl_str_of(t->job->live.v[i]), reason, sizeof reason) == PL_OK)
			l->n_selectors++;
		else /* cannot be: the configuration was checked */
			pl_selector_finish(s);
	}
	return l;
}

static void forget(struct pl_scrape_live *l)
{
	free(l->values);
	free(l->tags);
	l->values = NULL;
	l->tags = NULL;
	l->n_values = l->values_cap = l->n_tags = l->tags_cap = 0;
	pl_buf_finish(&l->text);
}

void pl_scrape_live_destroy(struct pl_scrape_live *l)
{
	if (l == NULL)
		return;
	forget(l);
	for (size_t i = 0; i < l->n_selectors; i++)
		pl_selector_finish(&l->selectors[i]);
	free(l->selectors);
	pl_relabel_scratch_finish(&l->relabel);
	pl_sample_labels_finish(&l->labels);
	pl_arena_finish(&l->arena);
	free(l);
}

struct pl_scrape_live *pl_scrape_live_begin(struct pl_scrape_live *l, int64_t time_ns)
{
	l->time_ns = time_ns;
	return l;
}

static bool is_wanted(struct pl_scrape_live *l, struct pl_labels labels)
{
	for (size_t i = 0; i < l->n_selectors; i++)
		if (pl_selector_fits(&l->selectors[i], labels))
			return true;
	return false;
}

static struct span keep(struct pl_scrape_live *l, struct pl_str a, const char *between, struct pl_str b)
{
	struct span s = {(uint32_t)l->text.n, 0};
	pl_buf_add_str(&l->text, a);
	pl_buf_add_cstr(&l->text, between);
	pl_buf_add_str(&l->text, b);
	s.n = (uint32_t)l->text.n - s.at;
	return s;
}

static void add_tag(struct pl_scrape_live *l, struct span tag)
{
	if (l->n_tags == l->tags_cap) {
		l->tags_cap = l->tags_cap * 2 + 256;
		l->tags = pl_realloc(l->tags, l->tags_cap * sizeof *l->tags);
	}
	l->tags[l->n_tags++] = tag;
}

static void pass_on(struct pl_scrape_live *l)
{
	struct pl_str *tags = pl_alloc((l->n_tags + 1) * sizeof *tags);
	struct pl_live_value *values = pl_alloc((l->n_values + 1) * sizeof *values);
	for (size_t i = 0; i < l->n_tags; i++)
		tags[i] = (struct pl_str){l->text.p + l->tags[i].at, l->tags[i].n};
	for (size_t i = 0; i < l->n_values; i++) {
		const struct value *v = &l->values[i];
		values[i] = (struct pl_live_value){.tags = tags + v->first_tag,
						   .n_tags = v->n_tags,
						   .data = {l->text.p + v->data.at, v->data.n},
						   .wall_ns = v->time_ns};
	}
	l->tap->publish(l->tap, values, l->n_values);
	free(tags);
	free(values);
	forget(l);
}

void pl_scrape_live_add(struct pl_scrape_live *l, const struct pl_sample *sample)
{
	const struct pl_job *job = l->target->job;
	const struct pl_str none = {NULL, 0};
	pl_sample_labels_merge(&l->labels, sample, l->target->labels, job->honor_labels);
	if (job->metric_relabel != NULL) {
		pl_relabel_scratch_clear(&l->relabel);
		if (pl_relabel_apply(job->metric_relabel, &l->relabel, &l->labels.set, NULL, NULL) != PL_RELABEL_KEPT)
			return;
	}
	struct pl_labels labels = pl_labels_builder_view(&l->labels.set);
	if (!is_wanted(l, labels))
		return;
	if (l->n_values == l->values_cap) {
		l->values_cap = l->values_cap * 2 + 32;
		l->values = pl_realloc(l->values, l->values_cap * sizeof *l->values);
	}
	struct value *v = &l->values[l->n_values++];
	*v = (struct value){.first_tag = (uint32_t)l->n_tags,
			    .data = keep(l, sample->value, "", none),
			    .time_ns = sample->has_time && job->honor_timestamps ? sample->time_ns : l->time_ns};
	add_tag(l, keep(l, PL_STR("metrics"), "", none));
	for (size_t i = 0; i < labels.n; i++) {
		bool is_name = pl_str_is(labels.v[i].name, "__name__");
		add_tag(l, is_name ? keep(l, labels.v[i].value, "", none) : keep(l, labels.v[i].name, ":", labels.v[i].value));
	}
	v->n_tags = (uint32_t)(l->n_tags - v->first_tag);
	if (l->n_values >= MOST_VALUES || l->n_tags >= MOST_TAGS || l->text.n >= MOST_TEXT)
		pass_on(l);
}

void pl_scrape_live_end(struct pl_scrape_live *l, bool good)
{
	if (good && l->n_values > 0)
		pass_on(l);
	else
		forget(l);
}
