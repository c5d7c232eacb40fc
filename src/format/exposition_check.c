#include "format/exposition_check.h"

#include <stdlib.h>

#include "base/mem.h"
#include "format/exposition_detail.h"
#include "format/exposition_point.h"
#include "format/exposition_set.h"
#include "format/exposition_type.h"

enum { SHOWN = 48, MAX_POINTS = 200000, KEY_SEPARATOR = 0xFF /* in no UTF-8 text */ };

#define SHOW(S) (int)((S).n < SHOWN ? (S).n : SHOWN), (S).p

/* The family whose lines are being read. */
struct family {
	bool open;
	size_t line; /* its first */
	struct pl_buf name, unit;
	enum pl_metric_type type;
	size_t metadata_line[PL_METADATA_UNIT + 1]; /* of its HELP, TYPE, UNIT; 0: none yet */
	size_t first_sample;                        /* line; 0: none yet */
	bool registered;                            /* its names are in `names` */
};

struct pl_exposition_check {
	struct pl_exposition *reader;
	enum pl_exposition_format format;
	struct family family;
	struct pl_exposition_set names;  /* of all samples that the families so far may have -> line */
	struct pl_exposition_set series; /* of this family -> line */
	/* Of this family: series that differ in le, quantile or state only -> line (OpenMetrics) or index of the point (text). */
	struct pl_exposition_set groups;
	struct pl_exposition_point *points;
	size_t n_points, points_cap;
	uint64_t group; /* OpenMetrics: of the one point */
	struct pl_sample_label *sorted;
	size_t sorted_cap;
	struct pl_buf key;
	size_t n_families, n_samples;
};

static uint64_t hash_name(struct pl_str name)
{
	return pl_str_hash(name, 0);
}

static enum pl_err fail_full(struct pl_exposition_check *c, size_t line, const char *what, size_t most)
{
	enum pl_err err = pl_exposition_refuse(c->reader, line, NULL, "more than %zu %s: too many for this check", most, what);
	return err == PL_EPARSE ? PL_ELIMIT : err;
}

static struct pl_exposition_rules rules_of(const struct pl_exposition_check *c)
{
	return (struct pl_exposition_rules){c->reader, c->format, c->family.type, pl_buf_str(&c->family.name)};
}

/* ---- families ---- */

/* Takes the name for this family; `at` is where the page gives it. */
static enum pl_err register_name(struct pl_exposition_check *c, struct pl_str name, size_t line, const char *at)
{
	const size_t *seen = pl_exposition_set_get(&c->names, hash_name(name));
	if (seen != NULL)
		return pl_exposition_refuse(
		    c->reader, line, at,
		    "`%.*s` belongs to a family of line %zu: a family's lines stand together, no two share a name", SHOW(name),
		    *seen);
	return pl_exposition_set_add(&c->names, hash_name(name), line) == PL_OK
		   ? PL_OK
		   : fail_full(c, line, "names", PL_EXPOSITION_SET_MAX);
}

static enum pl_err register_family(struct pl_exposition_check *c, size_t line, const char *at)
{
	struct family *f = &c->family;
	f->registered = true;
	enum pl_err err = register_name(c, pl_buf_str(&f->name), line, at);
	const char *const *suffix = pl_metric_type_suffixes(c->format, f->type);
	for (; err == PL_OK && *suffix != NULL; suffix++) {
		if (**suffix == '\0')
			continue;
		pl_buf_clear(&c->key);
		pl_buf_add_str(&c->key, pl_buf_str(&f->name));
		pl_buf_add_cstr(&c->key, *suffix);
		err = register_name(c, pl_buf_str(&c->key), line, at);
	}
	return err;
}

static enum pl_err end_family(struct pl_exposition_check *c)
{
	struct family *f = &c->family;
	enum pl_err err = PL_OK;
	if (!f->open)
		return PL_OK;
	struct pl_exposition_rules rules = rules_of(c);
	for (size_t i = 0; err == PL_OK && i < c->n_points; i++)
		err = pl_exposition_point_end(&c->points[i], &rules);
	if (err == PL_OK && !f->registered)
		err = register_family(c, f->line, NULL);
	f->open = false;
	return err;
}

/* Ends the family before; `name` is where the page gives the new one's. */
static enum pl_err begin_family(struct pl_exposition_check *c, struct pl_str name, size_t line)
{
	struct family *f = &c->family;
	enum pl_err err = end_family(c);
	if (err != PL_OK)
		return err;
	const size_t *seen = pl_exposition_set_get(&c->names, hash_name(name));
	if (seen != NULL)
		return pl_exposition_refuse(c->reader, line, name.p,
					    "`%.*s` belongs to a family of line %zu: a family's lines stand together", SHOW(name),
					    *seen);
	*f = (struct family){.open = true, .line = line, .name = f->name, .unit = f->unit};
	pl_buf_clear(&f->name);
	pl_buf_clear(&f->unit);
	pl_buf_add_str(&f->name, name);
	pl_exposition_set_clear(&c->series);
	pl_exposition_set_clear(&c->groups);
	c->n_points = 0;
	c->n_families++;
	return PL_OK;
}

/* ---- metadata ---- */

static enum pl_err check_unit(struct pl_exposition_check *c, size_t line, const char *at)
{
	struct pl_str name = pl_buf_str(&c->family.name), unit = pl_buf_str(&c->family.unit);
	if (unit.n == 0)
		return PL_OK;
	if (name.n <= unit.n || !pl_str_ends(name, unit) || name.p[name.n - unit.n - 1] != '_')
		return pl_exposition_refuse(c->reader, line, at, "`%.*s` has the unit `%.*s`, so its name must end in `_%.*s`",
					    SHOW(name), SHOW(unit), SHOW(unit));
	if (c->family.type == PL_METRIC_INFO || c->family.type == PL_METRIC_STATESET)
		return pl_exposition_refuse(c->reader, line, at, "`%.*s` is of type %s, which has no unit", SHOW(name),
					    pl_metric_type_name(c->format, c->family.type));
	return PL_OK;
}

static const char *keyword(enum pl_metadata_kind kind)
{
	return kind == PL_METADATA_HELP ? "HELP" : kind == PL_METADATA_TYPE ? "TYPE" : "UNIT";
}

static enum pl_err on_metadata(void *data, const struct pl_metadata *m)
{
	struct pl_exposition_check *c = data;
	struct family *f = &c->family;
	enum pl_err err = PL_OK;
	if (m->kind == PL_METADATA_COMMENT)
		return PL_OK;
	if (m->kind == PL_METADATA_EOF)
		return end_family(c);
	if (!f->open || !pl_str_eq(pl_buf_str(&f->name), m->name))
		err = begin_family(c, m->name, m->line);
	if (err != PL_OK)
		return err;
	if (f->metadata_line[m->kind] != 0)
		return pl_exposition_refuse(c->reader, m->line, m->name.p, "a second %s line for `%.*s`: the first is line %zu",
					    keyword(m->kind), SHOW(m->name), f->metadata_line[m->kind]);
	if (f->first_sample != 0)
		return pl_exposition_refuse(c->reader, m->line, m->name.p,
					    "the %s line of `%.*s` must stand before its samples, which begin on line %zu",
					    keyword(m->kind), SHOW(m->name), f->first_sample);
	f->metadata_line[m->kind] = m->line;
	if (m->kind == PL_METADATA_TYPE) {
		f->type = m->type;
		err = register_family(c, m->line, m->name.p);
	} else if (m->kind == PL_METADATA_UNIT) {
		pl_buf_add_str(&f->unit, m->text);
	}
	return err == PL_OK ? check_unit(c, m->line, m->text.p) : err;
}

/* ---- samples ---- */

static int by_name(const void *a, const void *b)
{
	const struct pl_sample_label *x = a, *y = b;
	return pl_str_cmp(x->name, y->name);
}

static void sort_labels(struct pl_exposition_check *c, const struct pl_sample *s)
{
	if (s->n_labels > c->sorted_cap) {
		c->sorted_cap = s->n_labels * 2;
		c->sorted = pl_realloc(c->sorted, c->sorted_cap * sizeof *c->sorted);
	}
	if (s->n_labels == 0)
		return;
	memcpy(c->sorted, s->labels, s->n_labels * sizeof *c->sorted);
	qsort(c->sorted, s->n_labels, sizeof *c->sorted, by_name);
}

/* A hash that is the same for the same label set, without `left_out`; an empty label is as good as none. Needs sort_labels. */
static uint64_t hash_labels(struct pl_exposition_check *c, const struct pl_sample *s, struct pl_str left_out, const char *suffix)
{
	pl_buf_clear(&c->key);
	pl_buf_add_cstr(&c->key, suffix);
	for (size_t i = 0; i < s->n_labels; i++) {
		if (c->sorted[i].value.n == 0 || pl_str_eq(c->sorted[i].name, left_out))
			continue;
		pl_buf_add_char(&c->key, (char)KEY_SEPARATOR);
		pl_buf_add_str(&c->key, c->sorted[i].name);
		pl_buf_add_char(&c->key, (char)KEY_SEPARATOR);
		pl_exposition_unescape(&c->key, c->sorted[i].value);
	}
	return pl_str_hash(pl_buf_str(&c->key), 0);
}

/* Finds the family of the sample, beginning a new one when it is not the current one's. */
static enum pl_err place_sample(struct pl_exposition_check *c, const struct pl_sample *s, const char **suffix)
{
	struct family *f = &c->family;
	*suffix = f->open ? pl_metric_type_suffix(c->format, f->type, pl_buf_str(&f->name), s->name) : NULL;
	if (*suffix == NULL && f->open && pl_str_eq(s->name, pl_buf_str(&f->name))) {
		const char *const *expected = pl_metric_type_suffixes(c->format, f->type);
		return pl_exposition_refuse(
		    c->reader, s->line, s->name.p, "`%.*s` is of type %s: its samples are named `%.*s%s`%s", SHOW(s->name),
		    pl_metric_type_name(c->format, f->type), SHOW(s->name), expected[0], expected[1] != NULL ? " and so on" : "");
	}
	if (*suffix == NULL) {
		enum pl_err err = begin_family(c, s->name, s->line);
		if (err != PL_OK)
			return err;
		*suffix = "";
	}
	if (f->first_sample == 0)
		f->first_sample = s->line;
	return f->registered ? PL_OK : register_family(c, s->line, s->name.p);
}

/* The reader takes what no double can hold for an infinity; a page should say what it means. */
static enum pl_err check_range(struct pl_exposition_check *c, const struct pl_sample *s)
{
	bool infinite = s->value_class == PL_VALUE_INF || s->value_class == PL_VALUE_NEG_INF;
	char last = s->value.p[s->value.n - 1];
	if (!infinite || !((last >= '0' && last <= '9') || last == '.'))
		return PL_OK;
	return pl_exposition_refuse(c->reader, s->line, s->value.p, "%.*s is beyond the largest double, 1.8e308", SHOW(s->value));
}

static enum pl_err check_repeated(struct pl_exposition_check *c, const struct pl_sample *s, const char *suffix)
{
	/* Points of one series at several times are OpenMetrics' backfill. */
	if (c->format == PL_EXPOSITION_OPENMETRICS && s->has_time)
		return PL_OK;
	uint64_t hash = hash_labels(c, s, (struct pl_str){0}, suffix);
	const size_t *seen = pl_exposition_set_get(&c->series, hash);
	if (seen != NULL)
		return pl_exposition_refuse(c->reader, s->line, s->name.p, "this series was given before, on line %zu", *seen);
	return pl_exposition_set_add(&c->series, hash, s->line) == PL_OK
		   ? PL_OK
		   : fail_full(c, s->line, "series in one family", PL_EXPOSITION_SET_MAX);
}

/* OpenMetrics: a group's samples stand together, so that one point is enough. Its time may only rise. */
static enum pl_err next_point(struct pl_exposition_check *c, const struct pl_sample *s, uint64_t group)
{
	struct pl_exposition_point *point = &c->points[0];
	struct pl_exposition_rules rules = rules_of(c);
	bool same_group = c->n_points > 0 && group == c->group;
	if (same_group && point->has_time != s->has_time)
		return pl_exposition_refuse(c->reader, s->line, s->name.p,
					    "samples of one label set have all a timestamp or none: line %zu differs",
					    point->line);
	if (same_group && s->has_time && s->time_ns < point->time_ns)
		return pl_exposition_refuse(c->reader, s->line, s->name.p,
					    "the timestamp goes back: it is before that of line %zu", point->line);
	if (same_group && (!s->has_time || s->time_ns == point->time_ns))
		return PL_OK;
	enum pl_err err = c->n_points > 0 ? pl_exposition_point_end(point, &rules) : PL_OK;
	if (err != PL_OK)
		return err;
	const size_t *seen = pl_exposition_set_get(&c->groups, group);
	if (seen != NULL && !same_group)
		return pl_exposition_refuse(
		    c->reader, s->line, s->name.p,
		    "the samples of one label set stand together: these began on line %zu, others followed", *seen);
	*point = (struct pl_exposition_point){.has_time = s->has_time, .time_ns = s->time_ns};
	c->n_points = 1;
	c->group = group;
	if (same_group)
		return PL_OK;
	err = pl_exposition_set_add(&c->groups, group, s->line);
	return err == PL_OK ? PL_OK : fail_full(c, s->line, "label sets in one family", PL_EXPOSITION_SET_MAX);
}

/* Text 0.0.4: the samples of a histogram or summary may be mixed with those of the family's others. */
static enum pl_err find_point(struct pl_exposition_check *c, const struct pl_sample *s, uint64_t group, size_t *index)
{
	const size_t *known = pl_exposition_set_get(&c->groups, group);
	if (known != NULL) {
		*index = *known;
		return PL_OK;
	}
	if (c->n_points == MAX_POINTS)
		return fail_full(c, s->line, "label sets in one family", MAX_POINTS);
	if (c->n_points == c->points_cap) {
		c->points_cap *= 2;
		c->points = pl_realloc(c->points, c->points_cap * sizeof *c->points);
	}
	*index = c->n_points++;
	c->points[*index] = (struct pl_exposition_point){0};
	return pl_exposition_set_add(&c->groups, group, *index);
}

static enum pl_err check_point(struct pl_exposition_check *c, const struct pl_sample *s, const char *suffix)
{
	struct pl_exposition_rules rules = rules_of(c);
	size_t index = 0;
	enum pl_err err;
	if (c->format == PL_EXPOSITION_TEXT && rules.type != PL_METRIC_HISTOGRAM && rules.type != PL_METRIC_SUMMARY)
		return PL_OK;
	uint64_t group = hash_labels(c, s, pl_exposition_point_label(&rules, suffix), "");
	err = c->format == PL_EXPOSITION_TEXT ? find_point(c, s, group, &index) : next_point(c, s, group);
	return err == PL_OK ? pl_exposition_point_add(&c->points[index], &rules, s, suffix) : err;
}

static enum pl_err on_sample(void *data, const struct pl_sample *s)
{
	struct pl_exposition_check *c = data;
	const char *suffix;
	c->n_samples++;
	enum pl_err err = check_range(c, s);
	if (err == PL_OK)
		err = place_sample(c, s, &suffix);
	if (err != PL_OK)
		return err;
	sort_labels(c, s);
	err = check_point(c, s, suffix);
	return err == PL_OK ? check_repeated(c, s, suffix) : err;
}

/* ---- the object ---- */

struct pl_exposition_check *pl_exposition_check_create(enum pl_exposition_format format, struct pl_exposition_limits limits)
{
	struct pl_exposition_check *c = pl_calloc(1, sizeof *c);
	c->format = format;
	c->reader = pl_exposition_create(format, limits, on_sample, c);
	pl_exposition_on_metadata(c->reader, on_metadata);
	c->points_cap = 1;
	c->points = pl_calloc(c->points_cap, sizeof *c->points);
	return c;
}

void pl_exposition_check_destroy(struct pl_exposition_check *c)
{
	if (c == NULL)
		return;
	pl_exposition_destroy(c->reader);
	pl_buf_finish(&c->family.name);
	pl_buf_finish(&c->family.unit);
	pl_exposition_set_finish(&c->names);
	pl_exposition_set_finish(&c->series);
	pl_exposition_set_finish(&c->groups);
	pl_buf_finish(&c->key);
	free(c->points);
	free(c->sorted);
	free(c);
}

enum pl_err pl_exposition_check_feed(struct pl_exposition_check *c, const char *p, size_t n)
{
	return pl_exposition_feed(c->reader, p, n);
}

enum pl_err pl_exposition_check_end(struct pl_exposition_check *c)
{
	enum pl_err err = pl_exposition_end(c->reader);
	return err == PL_OK ? end_family(c) : err;
}

const struct pl_exposition_error *pl_exposition_check_error(const struct pl_exposition_check *c)
{
	return pl_exposition_error(c->reader);
}

size_t pl_exposition_check_families(const struct pl_exposition_check *c)
{
	return c->n_families;
}

size_t pl_exposition_check_samples(const struct pl_exposition_check *c)
{
	return c->n_samples;
}
