/* Drives one page object of the scraper directly: pages in, lines and counts out. */
#ifndef PL_TESTS_SCRAPE_PAGE_H
#define PL_TESTS_SCRAPE_PAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/relabel.h"
#include "in_scrape/page.h"

enum { SCRAPE_WALL = 1000, SCRAPE_MOST_LABELS = 6 };

struct scrape_label {
	const char *name, *value;
};

struct scrape {
	struct pl_job job;
	struct pl_relabel *rules;
	struct pl_labels_builder labels;
	struct pl_transcode_target target;
	struct pl_series_budget budget;
	struct pl_target_series *series;
	struct pl_route *route;
	struct pl_scrape_page *page;
	struct pl_sink sink;
	struct pl_buf lines; /* of the last page, own series left out */
	struct pl_buf own;
	uint64_t n_lines;
	struct pl_scrape_outcome outcome;
};

/* A rule with Prometheus' defaults for what is NULL. */
static inline struct pl_relabel_rule scrape_rule(enum pl_relabel_action action, const char *const *source, const char *regex,
						 const char *target, const char *replacement)
{
	struct pl_relabel_rule rule = {.action = action,
				       .source_labels = source,
				       .separator = ";",
				       .regex = regex != NULL ? regex : "(.*)",
				       .target_label = target != NULL ? target : "",
				       .replacement = replacement != NULL ? replacement : "$1"};
	while (source != NULL && source[rule.n_source_labels] != NULL)
		rule.n_source_labels++;
	return rule;
}

static inline bool scrape_is_own(struct pl_str line)
{
	static const char *const names[] = {"up",
					    "scrape_duration_seconds",
					    "scrape_samples_scraped",
					    "scrape_samples_post_metric_relabeling",
					    "scrape_series_added",
					    "scrape_samples_dropped",
					    "pulseline_stale"};
	size_t n = 0;
	if (pl_str_starts(line, PL_STR("prometheus "))) /* of the schema telegraf2: the name is the field's */
		n = strlen("prometheus ");
	else if (pl_str_starts(line, PL_STR("prometheus,")))
		for (n = 1; line.p[n - 1] != ' ' || line.p[n - 2] == '\\';)
			n++;
	line = (struct pl_str){line.p + n, line.n - n};
	n = 0;
	while (n < line.n && line.p[n] != ',' && line.p[n] != ' ' && line.p[n] != '=')
		n++;
	for (size_t i = 0; i < PL_COUNT_OF(names); i++)
		if (pl_str_is((struct pl_str){line.p, n}, names[i]))
			return true;
	return false;
}

static inline void scrape_commit(struct pl_sink *sink, struct pl_route *route, struct pl_buf *lines, uint32_t points)
{
	struct scrape *s = pl_container_of(sink, struct scrape, sink);
	struct pl_str rest = pl_buf_str(lines);
	assert_ptr_equal(route, s->route);
	s->n_lines += points;
	while (rest.n > 0) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		struct pl_buf *to = scrape_is_own(line) ? &s->own : &s->lines;
		pl_buf_add_str(to, line);
		pl_buf_add_char(to, '\n');
		points--;
	}
	assert_int_equal(points, 0);
	pl_buf_clear(lines);
}

static inline void scrape_put(struct pl_sink *sink, struct pl_batch *b)
{
	struct pl_buf lines = {0};
	pl_buf_add(&lines, b->p, b->n);
	scrape_commit(sink, b->route, &lines, b->points);
	pl_buf_finish(&lines);
}

/* s->job may have been set before; the rest is made here. */
static inline void scrape_open(struct scrape *s, const struct pl_relabel_rule *rules, size_t n, const struct scrape_label *labels)
{
	size_t bad = 0;
	char reason[256] = "";
	s->job.name = "j";
	s->job.honor_timestamps = true;
	if (s->job.influx.measurement == NULL)
		s->job.influx.measurement = "";
	if (n > 0) {
		s->rules = pl_relabel_create(rules, n, &bad, reason, sizeof reason);
		assert_string_equal(reason, "");
		assert_non_null(s->rules);
		s->job.metric_relabel = s->rules;
	}
	for (size_t i = 0; i < SCRAPE_MOST_LABELS && labels[i].name != NULL; i++)
		pl_labels_builder_set(&s->labels, pl_str_of(labels[i].name), pl_str_of(labels[i].value));
	pl_transcode_target_init(&s->target, pl_labels_builder_view(&s->labels));
	s->budget = (struct pl_series_budget){.most = 1 << 20, .seed = 7};
	s->series = pl_target_series_create(&s->job, s->target.labels, &s->budget);
	s->route = pl_route_create("", "");
	s->page = pl_scrape_page_create();
	s->sink.commit = scrape_commit;
	s->sink.put = scrape_put;
}

static inline void scrape_close(struct scrape *s)
{
	pl_scrape_page_destroy(s->page);
	pl_target_series_destroy(s->series);
	assert_int_equal(s->budget.used, 0);
	assert_int_equal(s->budget.series, 0);
	pl_route_release(s->route);
	pl_transcode_target_finish(&s->target);
	pl_labels_builder_finish(&s->labels);
	pl_relabel_destroy(s->rules);
	pl_buf_finish(&s->lines);
	pl_buf_finish(&s->own);
	*s = (struct scrape){0};
}

/* Reads a page, in pieces of `piece` bytes (0: at once). Its lines are in s->lines, its error in s->page->error; what must always
 * hold is checked. */
static inline void scrape_read(struct scrape *s, struct pl_str text, size_t piece)
{
	struct pl_scrape_page *p = s->page;
	const struct pl_transfer_head head = {.status = 200, .content_type = PL_STR("text/plain")};
	enum pl_err err;
	uint64_t dropped = 0;
	pl_buf_clear(&s->lines);
	pl_buf_clear(&s->own);
	s->n_lines = 0;
	pl_scrape_page_begin(p, &s->job, &s->target, s->series, s->route, &s->sink, SCRAPE_WALL,
			     SCRAPE_WALL + s->job.influx.timestamp_offset, 0);
	err = pl_scrape_page_head(p, &head);
	assert_int_equal(err, PL_OK);
	while (text.n > 0 && err == PL_OK) {
		size_t n = piece > 0 && piece < text.n ? piece : text.n;
		char *copy = malloc(n); /* so that a look behind it is seen */
		memcpy(copy, text.p, n);
		err = pl_scrape_page_data(p, copy, n);
		free(copy);
		text = (struct pl_str){text.p + n, text.n - n};
	}
	if (err == PL_OK)
		err = pl_scrape_page_end(p);
	assert_int_equal(err == PL_OK, p->error[0] == '\0');
	pl_scrape_page_settle(p, 0, &s->outcome);
	for (size_t i = 0; i < PL_SCRAPE_DROP_COUNT; i++)
		dropped += s->outcome.dropped[i];
	assert_int_equal(s->outcome.samples + s->outcome.own_points + s->outcome.added,
			 s->outcome.points + s->outcome.merged + dropped);
	assert_int_equal(s->outcome.points, s->n_lines);
}

#endif
