/* A page under metric relabeling: with a cache, with one that is too small, and without any, the lines are the same, each is a
 * valid point, and samples + own points + added = points + merged + dropped. Input: two bytes: flags; and limits, whose upper
 * bits choose the policy for NaN and the schema; up to 3 rules of an action's byte and 4 fields divided by
 * newlines (source label, regex, target, replacement), each rule and the rest divided by an empty line; then the page. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "format/lineproto.h"
#include "format/relabel.h"
#include "in_scrape/page.h"

enum { MOST_RULES = 3, FIELDS = 4, SCRAPES = 20 };

struct scrape {
	struct pl_series_budget budget;
	struct pl_target_series *series;
	struct pl_scrape_page *page;
	struct pl_sink sink;
	struct pl_buf lines; /* but scrape_series_added and markers of stale series, which only the cache knows */
	uint64_t n_lines;
	struct pl_scrape_outcome outcome;
};

static void must(bool good)
{
	if (!good)
		abort();
}

static bool is_point(struct pl_str text)
{
	struct pl_lp_line line;
	size_t column;
	const char *reason;
	return pl_lp_parse(text, &line, &column, &reason) == PL_OK;
}

static bool is_of_cache(struct pl_str line)
{
	static const struct pl_str of_telegraf2 = PL_STR(" scrape_series_added=");
	return pl_str_starts(line, PL_STR("scrape_series_added")) || pl_str_starts(line, PL_STR("pulseline_stale")) ||
	       memmem(line.p, line.n, of_telegraf2.p, of_telegraf2.n) != NULL;
}

static void commit(struct pl_sink *sink, struct pl_route *route, struct pl_buf *lines, uint32_t points)
{
	struct scrape *s = pl_container_of(sink, struct scrape, sink);
	(void)route;
	struct pl_str rest = pl_buf_str(lines);
	for (; rest.n > 0; points--) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		s->n_lines++;
		must(is_point(line));
		if (is_of_cache(line))
			continue;
		pl_buf_add_str(&s->lines, line);
		pl_buf_add_char(&s->lines, '\n');
	}
	must(points == 0);
	pl_buf_clear(lines);
}

static void scrape_init(struct scrape *s, const struct pl_job *job, const struct pl_transcode_target *target, size_t most)
{
	*s = (struct scrape){.budget = {.most = most}, .page = pl_scrape_page_create(), .sink = {.commit = commit}};
	s->series = pl_target_series_create(job, target->labels, &s->budget);
}

static void scrape_finish(struct scrape *s)
{
	pl_scrape_page_destroy(s->page);
	pl_target_series_destroy(s->series);
	pl_buf_finish(&s->lines);
	must(s->budget.used == 0 && s->budget.series == 0);
}

static void read_page(struct scrape *s, const struct pl_job *job, const struct pl_transcode_target *target, struct pl_str text,
		      size_t piece)
{
	const struct pl_transfer_head head = {.status = 200, .content_type = PL_STR("text/plain")};
	uint64_t dropped = 0;
	pl_buf_clear(&s->lines);
	s->n_lines = 0;
	pl_scrape_page_begin(s->page, job, target, s->series, NULL, &s->sink, 1000, 1000, 0);
	enum pl_err err = pl_scrape_page_head(s->page, &head);
	while (text.n > 0 && err == PL_OK) {
		size_t n = piece > 0 && piece < text.n ? piece : text.n;
		char *copy = malloc(n);
		memcpy(copy, text.p, n);
		err = pl_scrape_page_data(s->page, copy, n);
		free(copy);
		text = (struct pl_str){text.p + n, text.n - n};
	}
	if (err == PL_OK)
		err = pl_scrape_page_end(s->page);
	must((err == PL_OK) == (s->page->error[0] == '\0'));
	pl_scrape_page_settle(s->page, 0, &s->outcome);
	for (size_t i = 0; i < PL_SCRAPE_DROP_COUNT; i++)
		dropped += s->outcome.dropped[i];
	must(s->outcome.samples + s->outcome.own_points + s->outcome.added == s->outcome.points + s->outcome.merged + dropped);
}

static void check_lines(const struct scrape *s)
{
	must(s->n_lines == s->outcome.points);
}

static void run(const struct pl_job *job, unsigned flags, struct pl_str page)
{
	struct pl_labels_builder labels = {0};
	struct pl_transcode_target target;
	struct scrape with, small, without;
	struct pl_job unmarked = *job;
	unmarked.influx.stale = PL_STALE_NONE;
	pl_labels_builder_set(&labels, PL_STR("job"), PL_STR("j"));
	pl_labels_builder_set(&labels, PL_STR("instance"), PL_STR("h:1"));
	if ((flags & 2) != 0)
		pl_labels_builder_set(&labels, PL_STR("time"), PL_STR("t"));
	pl_transcode_target_init(&target, pl_labels_builder_view(&labels));
	scrape_init(&with, job, &target, 1 << 20);
	scrape_init(&small, job, &target, 6000);
	scrape_init(&without, &unmarked, &target, 0);
	for (size_t i = 0; i < SCRAPES; i++) {
		struct pl_str part = i % 3 == 2 ? (struct pl_str){page.p, page.n / 2} : page; /* series come and go */
		read_page(&with, job, &target, part, i % 2 == 0 ? 0 : 7);
		read_page(&small, job, &target, part, 0);
		read_page(&without, &unmarked, &target, part, 0);
		must(pl_str_eq(pl_buf_str(&with.lines), pl_buf_str(&without.lines)));
		must(pl_str_eq(pl_buf_str(&small.lines), pl_buf_str(&without.lines)));
		must(strcmp(with.page->error, without.page->error) == 0);
		check_lines(&with);
	}
	scrape_finish(&with);
	scrape_finish(&small);
	scrape_finish(&without);
	pl_transcode_target_finish(&target);
	pl_labels_builder_finish(&labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3 || size > 4096)
		return 0;
	struct pl_relabel_rule rules[MOST_RULES];
	const char *sources[MOST_RULES][1];
	size_t n = 0, bad;
	char reason[256];
	struct pl_arena arena = {0};
	char *text = pl_arena_strndup(&arena, (const char *)data + 2, size - 2);
	struct pl_str rest = {text, size - 2};
	while (n < MOST_RULES && rest.n > 1 && rest.p[0] != '\n') {
		const char *field[FIELDS];
		unsigned action = (unsigned char)rest.p[0] % (PL_RELABEL_UPPERCASE + 1);
		rest = (struct pl_str){rest.p + 1, rest.n - 1};
		for (size_t i = 0; i < FIELDS; i++)
			field[i] = pl_arena_str(&arena, rest.p != NULL ? pl_str_cut(&rest, '\n') : PL_STR("")).p;
		sources[n][0] = field[0];
		rules[n] = (struct pl_relabel_rule){.action = (enum pl_relabel_action)action,
						    .source_labels = sources[n],
						    .n_source_labels = field[0][0] != '\0',
						    .separator = ";",
						    .regex = field[1],
						    .modulus = 7,
						    .target_label = field[2],
						    .replacement = field[3]};
		n++;
	}
	struct pl_relabel *relabel = n > 0 ? pl_relabel_create(rules, n, &bad, reason, sizeof reason) : NULL;
	const struct pl_job job = {
	    .name = "j",
	    .honor_labels = (data[0] & 1) != 0,
	    .honor_timestamps = true,
	    .label_limit = (data[0] & 4) != 0 ? data[1] % 8 : 0,
	    .label_value_length_limit = (data[0] & 8) != 0 ? data[1] % 32 : 0,
	    .label_name_length_limit = (data[0] & 16) != 0 ? data[1] % 32 : 0,
	    .sample_limit = (data[0] & 32) != 0 ? data[1] % 16 : 0,
	    .series_limit = (data[0] & 64) != 0 ? data[1] % 16 : 0,
	    .metric_relabel = relabel,
	    .influx = {.schema = data[1] / 64 % 3, .stale = data[0] / 128, .nan = data[1] / 16 % 3, .measurement = ""}};
	if (n == 0 || relabel != NULL)
		run(&job, data[0], rest);
	pl_relabel_destroy(relabel);
	pl_arena_finish(&arena);
	return 0;
}
