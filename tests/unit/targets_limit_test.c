#include "targets_config.h"
#include "targets_recorder.h"

/* A job that may have two targets, and one without a bound, as the manager settles them. */
struct world {
	struct pl_loop loop;
	struct pl_target_manager *manager;
	struct recorder r;
	bool closed;
};

#define JOBS(LIMIT)                                                                                                              \
	"scrape_configs: [{job_name: j, target_limit: " LIMIT ", told_sd_configs: [{id: a}, {id: b}]},"                          \
	" {job_name: free, told_sd_configs: [{id: c}]}]"

static void on_closed(void *data)
{
	struct world *w = data;
	w->closed = true;
}

static void apply(struct world *w, const char *text)
{
	struct pl_config *config = config_of(text);
	pl_target_manager_apply(w->manager, config);
	pl_config_release(config);
}

static void say(const char *id, const char *source, const char *targets)
{
	told_say(told_get(id)->env.sink, source, targets, NULL);
}

static void note_job(void *data, const struct pl_job *job, size_t targets)
{
	pl_buf_addf(data, "%s has %zu of %d", job->name, targets, (int)job->target_limit);
}

/* All targets of the job say that there are `over` ones; those of the other job may be scraped. */
static void expect(struct world *w, uint32_t over, const char *exceeded)
{
	struct pl_buf text = {0};
	for (size_t i = 0; i < w->r.n; i++) {
		bool bounded = strcmp(w->r.live[i]->job->name, "j") == 0;
		assert_int_equal(atomic_load(&w->r.live[i]->over_limit), bounded ? over : 0);
	}
	pl_target_manager_over_limit(w->manager, note_job, &text);
	assert_string_equal(pl_buf_cstr(&text), exceeded);
	assert_int_equal(pl_target_manager_counts(w->manager).over_limit, over);
	pl_buf_finish(&text);
}

static void one_too_many_and_none_is_scraped(void **state)
{
	(void)state;
	struct world w = {0};
	memset(&told, 0, sizeof told);
	assert_int_equal(pl_loop_init(&w.loop, "control"), PL_OK);
	w.manager = pl_target_manager_create(&w.loop, NULL, &recorder_events, &w.r);
	apply(&w, JOBS("2"));
	say("c", "one", "f:1 f:2 f:3 f:4");
	say("a", "one", "h:1 h:2");
	expect(&w, 0, "");
	say("b", "one", "h:2 h:1"); /* equal ones count once */
	say("b", "two", "h:2");
	expect(&w, 0, "");
	assert_int_equal(pl_target_manager_counts(w.manager).limit_exceeded, 0);
	say("b", "two", "h:3");
	expect(&w, 3, "j has 3 of 2");
	say("a", "one", "h:1 h:2 h:4");
	expect(&w, 4, "j has 4 of 2");
	assert_int_equal(pl_target_manager_counts(w.manager).limit_exceeded, 2);
	assert_int_equal(w.r.n, 8);
	say("a", "one", "h:1");
	say("b", "one", "h:1");
	expect(&w, 0, "");
	say("b", "three", "h:9");
	expect(&w, 3, "j has 3 of 2");
	told_get("b")->env.sink->update(told_get("b")->env.sink, PL_STR("three"), NULL, 0); /* the source is gone */
	expect(&w, 0, "");
	apply(&w, JOBS("1"));
	expect(&w, 2, "j has 2 of 1");
	apply(&w, JOBS("0"));
	expect(&w, 0, "");
	apply(&w, "global: {target_limit: 1}\n" JOBS("0"));
	/* Both jobs have global's now. */
	assert_int_equal(pl_target_manager_counts(w.manager).over_limit, 6);
	apply(&w, "global: {}");
	assert_int_equal(w.r.n, 0);
	pl_target_manager_close(w.manager, on_closed, &w);
	while (!w.closed)
		uv_run(&w.loop.uv, UV_RUN_ONCE);
	pl_loop_finish(&w.loop);
	recorder_finish(&w.r);
}

/* What relabeling drops does not count. */
static void dropped_ones_do_not_count(void **state)
{
	(void)state;
	struct world w = {0};
	memset(&told, 0, sizeof told);
	assert_int_equal(pl_loop_init(&w.loop, "control"), PL_OK);
	w.manager = pl_target_manager_create(&w.loop, NULL, &recorder_events, &w.r);
	apply(&w,
	      "scrape_configs: [{job_name: j, target_limit: 1, relabel_configs: [{action: DROP, source_labels: [__address__], "
	      "regex: 'x.*'}], told_sd_configs: [{id: a, first: 'x:1 x:2 h:1'}]}]");
	assert_int_equal(w.r.n, 1);
	expect(&w, 0, "");
	say("a", "one", "x:1 h:1 h:2");
	expect(&w, 2, "j has 2 of 1");
	pl_target_manager_close(w.manager, on_closed, &w);
	while (!w.closed)
		uv_run(&w.loop.uv, UV_RUN_ONCE);
	pl_loop_finish(&w.loop);
	recorder_finish(&w.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_too_many_and_none_is_scraped),
					   cmocka_unit_test(dropped_ones_do_not_count)};
	return cmocka_run_group_tests_name("targets_limit", tests, NULL, NULL);
}
