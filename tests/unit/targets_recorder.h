/* What a target manager tells, checked as it comes: every target is added once and removed once. */
#ifndef PL_TESTS_TARGETS_RECORDER_H
#define PL_TESTS_TARGETS_RECORDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "targets/manager.h"

struct recorder {
	struct pl_target **live;
	size_t n, cap;
	size_t added, removed; /* since recorder_reset */
	struct pl_buf text;    /* for recorder_live and recorder_sources */
};

static inline void recorder_add(void *data, struct pl_target *t)
{
	struct recorder *r = data;
	for (size_t i = 0; i < r->n; i++)
		assert_int_not_equal(r->live[i]->key, t->key);
	if (r->n == r->cap) {
		r->cap = r->cap * 2 + 16;
		r->live = pl_realloc(r->live, r->cap * sizeof(struct pl_target *));
	}
	r->live[r->n++] = pl_target_share(t);
	r->added++;
}

static inline void recorder_remove(void *data, struct pl_target *t)
{
	struct recorder *r = data;
	size_t i = 0;
	while (i < r->n && r->live[i]->key != t->key)
		i++;
	assert_true(i < r->n);
	pl_target_release(r->live[i]);
	r->live[i] = r->live[--r->n];
	r->removed++;
}

static inline void recorder_reset(struct recorder *r)
{
	r->added = r->removed = 0;
}

static inline int recorder_by_instance(const void *a, const void *b)
{
	const struct pl_target *x = *(struct pl_target *const *)a, *y = *(struct pl_target *const *)b;
	int order = strcmp(x->url, y->url);
	return order != 0 ? order : strcmp(x->job->name, y->job->name);
}

/* "h:1/job h:2/job" of all that live, sorted by URL and job; the instance label stands for the target. */
static inline const char *recorder_live(struct recorder *r)
{
	pl_buf_clear(&r->text);
	if (r->n > 1)
		qsort(r->live, r->n, sizeof(struct pl_target *), recorder_by_instance);
	for (size_t i = 0; i < r->n; i++) {
		const struct pl_str *instance = pl_labels_get(r->live[i]->labels, PL_STR("instance"));
		const struct pl_str *job = pl_labels_get(r->live[i]->labels, PL_STR("job"));
		pl_buf_addf(&r->text, "%s%.*s/%.*s", i > 0 ? " " : "", (int)instance->n, instance->p, (int)job->n, job->p);
	}
	return pl_buf_cstr(&r->text);
}

static inline void recorder_finish(struct recorder *r)
{
	assert_int_equal(r->n, 0);
	free(r->live);
	pl_buf_finish(&r->text);
}

static inline void recorder_add_source(void *data, const struct pl_discovery_status *s)
{
	struct pl_buf *out = data;
	pl_buf_addf(out, "%s%s %.*s %zu/%zu %s", out->n > 0 ? "; " : "", s->job, (int)s->source.n, s->source.p, s->groups,
		    s->targets, s->trouble[0] != '\0' ? s->trouble : "ok");
}

/* "job source groups/targets trouble; ..." */
static inline const char *recorder_sources(struct recorder *r, const struct pl_target_manager *m)
{
	pl_buf_clear(&r->text);
	pl_target_manager_sources(m, recorder_add_source, &r->text);
	return pl_buf_cstr(&r->text);
}

static const struct pl_target_events recorder_events = {recorder_add, recorder_remove};

#endif
