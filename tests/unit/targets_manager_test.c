#include "targets_config.h"
#include "targets_recorder.h"

struct world {
	struct pl_loop loop;
	struct pl_target_manager *manager;
	struct recorder r;
	bool closed;
};

static void on_closed(void *data)
{
	struct world *w = data;
	w->closed = true;
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	memset(&told, 0, sizeof told);
	assert_int_equal(pl_loop_init(&w->loop, "control"), PL_OK);
	w->manager = pl_target_manager_create(&w->loop, NULL, &recorder_events, &w->r);
}

static void world_apply(struct world *w, const char *text)
{
	struct pl_config *config = config_of(text);
	recorder_reset(&w->r);
	pl_target_manager_apply(w->manager, config);
	pl_config_release(config);
}

static void world_finish(struct world *w)
{
	pl_target_manager_close(w->manager, on_closed, w);
	assert_int_equal(w->r.n, 0); /* told at once */
	while (!w->closed)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	pl_loop_finish(&w->loop);
	recorder_finish(&w->r);
}

#define ASSERT_LIVE(W, TEXT)    assert_string_equal(recorder_live(&(W)->r), (TEXT))
#define ASSERT_SOURCES(W, TEXT) assert_string_equal(recorder_sources(&(W)->r, (W)->manager), (TEXT))
#define ASSERT_EVENTS(W, ADDED, REMOVED)                                                                                         \
	do {                                                                                                                     \
		assert_int_equal((W)->r.added, (ADDED));                                                                         \
		assert_int_equal((W)->r.removed, (REMOVED));                                                                     \
		recorder_reset(&(W)->r);                                                                                         \
	} while (0)

static void say(const char *id, const char *source, const char *targets, const char *rack)
{
	told_say(told_get(id)->env.sink, source, targets, rack);
}

static void sources_are_merged_and_equal_targets_are_one(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs:\n"
			"  - {job_name: j, told_sd_configs: [{id: a}, {id: b}]}\n"
			"  - {job_name: k, told_sd_configs: [{id: c}]}\n");
	say("a", "f", "h:1 h:2 h:1", NULL);
	ASSERT_LIVE(&w, "h:1/j h:2/j");
	ASSERT_EVENTS(&w, 2, 0);
	say("a", "g", "h:2", NULL);
	say("b", "f", "h:2 h:3", NULL);
	say("c", "f", "h:2", NULL); /* another job: another target */
	ASSERT_EVENTS(&w, 2, 0);
	assert_int_equal(pl_target_manager_counts(w.manager).active, 4);
	assert_int_equal(pl_target_manager_counts(w.manager).duplicates, 3);
	say("a", "f", "h:1", NULL);
	ASSERT_EVENTS(&w, 0, 0);
	say("a", "g", "", NULL);
	ASSERT_EVENTS(&w, 0, 0);
	ASSERT_SOURCES(&w, "j f 1/1 ok; j g 0/0 ok; j f 1/2 ok; k f 1/1 ok");
	told_get("b")->env.sink->update(told_get("b")->env.sink, PL_STR("f"), NULL, 0);
	ASSERT_EVENTS(&w, 0, 2);
	ASSERT_SOURCES(&w, "j f 1/1 ok; j g 0/0 ok; k f 1/1 ok");
	say("a", "f", "h:1", "r2"); /* other labels, another target */
	ASSERT_EVENTS(&w, 1, 1);
	assert_int_equal(pl_target_manager_counts(w.manager).duplicates, 0);
	world_finish(&w);
}

static void bad_targets_are_refused_singly(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a}]}]");
	say("a", "f", "h:1 http://x/metrics h:2 y:0", NULL);
	ASSERT_LIVE(&w, "h:1/j h:2/j");
	assert_int_equal(pl_target_manager_counts(w.manager).invalid, 2);
	ASSERT_SOURCES(&w,
		       "j f 1/2 \"http://x/metrics\": an address is host:port, without scheme or path (these are __scheme__ and "
		       "__metrics_path__) (and 1 more of 4 targets)");
	say("a", "f", "h:1 h:2", NULL);
	assert_int_equal(pl_target_manager_counts(w.manager).invalid, 0);
	ASSERT_SOURCES(&w, "j f 1/2 ok");
	world_finish(&w);
}

static void trouble_keeps_what_was_said_last(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a}]}]");
	struct pl_discovery_sink *sink = told_get("a")->env.sink;
	say("a", "f", "h:1", NULL);
	sink->trouble(sink, PL_STR("f"), "f.yml:3:4: broken");
	sink->trouble(sink, PL_STR("never seen"), "not there");
	ASSERT_SOURCES(&w, "j f 1/1 f.yml:3:4: broken; j never seen 0/0 not there");
	ASSERT_LIVE(&w, "h:1/j");
	sink->trouble(sink, PL_STR("f"), "");
	sink->trouble(sink, PL_STR("unknown"), "");
	sink->update(sink, PL_STR("never seen"), NULL, 0);
	ASSERT_SOURCES(&w, "j f 1/1 ok");
	world_finish(&w);
}

static void reload_keeps_what_did_not_change(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs:\n"
			"  - {job_name: j, told_sd_configs: [{id: a}, {id: b, first: 'h:9'}]}\n"
			"  - {job_name: gone, told_sd_configs: [{id: d, first: 'h:1'}]}\n");
	say("a", "f", "h:1 h:2", NULL);
	/* another order, another neighbour, one job less */
	world_apply(&w, "log: {level: debug}\nscrape_configs:\n"
			"  - {job_name: new, told_sd_configs: [{id: c, first: 'h:1'}]}\n"
			"  - {job_name: j, told_sd_configs: [{first: 'h:9', id: b}, {id: a}]}\n");
	assert_int_equal(told_get("a")->opened, 1);
	assert_int_equal(told_get("b")->opened, 1);
	assert_true(told_get("a")->open && told_get("b")->open);
	assert_false(told_get("d")->open);
	ASSERT_EVENTS(&w, 1, 1);
	ASSERT_LIVE(&w, "h:1/j h:1/new h:2/j h:9/j");
	say("a", "f", "h:2 h:3", NULL);
	ASSERT_EVENTS(&w, 1, 1);
	world_finish(&w);
}

static void changed_settings_rebuild_targets_from_the_groups_at_hand(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a}]}]");
	say("a", "f", "h:1 h:2", NULL);
	world_apply(&w, "scrape_configs: [{job_name: j, metrics_path: /m, told_sd_configs: [{id: a}]}]");
	assert_int_equal(told_get("a")->opened, 1);
	ASSERT_EVENTS(&w, 2, 2);
	ASSERT_LIVE(&w, "h:1/j h:2/j");
	assert_string_equal(w.r.live[0]->url, "http://h:1/m");
	assert_string_equal(w.r.live[0]->job->metrics_path, "/m");
	world_finish(&w);
}

static void an_edited_discovery_keeps_equal_targets(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a, first: 'h:1', second: 'h:2'}]}]");
	/* speaks while it opens: two sources, of which the first must not cost the second its targets */
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: b, first: 'h:1', second: 'h:2 h:3'}]}]");
	assert_false(told_get("a")->open);
	ASSERT_EVENTS(&w, 1, 0);
	ASSERT_SOURCES(&w, "j one 1/1 ok; j two 1/2 ok");
	/* is silent at first */
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: c}]}]");
	ASSERT_EVENTS(&w, 0, 0);
	ASSERT_LIVE(&w, "h:1/j h:2/j h:3/j");
	/* reports trouble with a source that it has in common with the one before: what that said stays */
	struct pl_discovery_sink *sink = told_get("c")->env.sink;
	sink->trouble(sink, PL_STR("two"), "broken");
	ASSERT_EVENTS(&w, 0, 0);
	while (w.r.removed == 0)
		uv_run(&w.loop.uv, UV_RUN_NOWAIT);
	ASSERT_EVENTS(&w, 0, 1);
	ASSERT_SOURCES(&w, "j two 1/2 broken");
	/* a job without discovery has no targets */
	world_apply(&w, "scrape_configs: [{job_name: j}]");
	ASSERT_EVENTS(&w, 0, 2);
	world_finish(&w);
}

static void held_groups_follow_the_settings(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a, first: 'h:1'}]}]");
	world_apply(&w, "scrape_configs: [{job_name: j, metrics_path: /m, told_sd_configs: [{id: b}]}]");
	ASSERT_EVENTS(&w, 1, 1);
	assert_string_equal(w.r.live[0]->url, "http://h:1/m");
	say("b", "one", "h:1", NULL);
	ASSERT_EVENTS(&w, 0, 0);
	world_finish(&w);
}

static void a_discovery_that_does_not_open_is_shown_and_tried_again(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a, fail: true}, {id: b, first: 'h:1'}]}]");
	ASSERT_SOURCES(&w, "j  0/0 cannot be started: input/output error; j one 1/1 ok");
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a, first: 'h:2'}, {id: b, first: 'h:1'}]}]");
	ASSERT_EVENTS(&w, 1, 0);
	assert_int_equal(told_get("b")->opened, 1);
	ASSERT_SOURCES(&w, "j one 1/1 ok; j one 1/1 ok");
	world_finish(&w);
}

static void close_waits_for_every_instance(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: a, first: 'h:1'}]}]");
	told.hold_close = true;
	world_apply(&w, "scrape_configs: [{job_name: j, told_sd_configs: [{id: b, first: 'h:1'}]}]");
	ASSERT_EVENTS(&w, 0, 0);
	pl_target_manager_close(w.manager, on_closed, &w);
	uv_run(&w.loop.uv, UV_RUN_NOWAIT);
	assert_false(w.closed);
	told_get("a")->closed(told_get("a")->closed_data);
	assert_false(w.closed);
	told_get("b")->closed(told_get("b")->closed_data);
	assert_true(w.closed);
	pl_loop_finish(&w.loop);
	recorder_finish(&w.r);
}

static void nothing_applied_closes_too(void **state)
{
	(void)state;
	struct world w;
	world_init(&w);
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sources_are_merged_and_equal_targets_are_one),
	    cmocka_unit_test(bad_targets_are_refused_singly),
	    cmocka_unit_test(trouble_keeps_what_was_said_last),
	    cmocka_unit_test(reload_keeps_what_did_not_change),
	    cmocka_unit_test(changed_settings_rebuild_targets_from_the_groups_at_hand),
	    cmocka_unit_test(an_edited_discovery_keeps_equal_targets),
	    cmocka_unit_test(held_groups_follow_the_settings),
	    cmocka_unit_test(a_discovery_that_does_not_open_is_shown_and_tried_again),
	    cmocka_unit_test(close_waits_for_every_instance),
	    cmocka_unit_test(nothing_applied_closes_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
