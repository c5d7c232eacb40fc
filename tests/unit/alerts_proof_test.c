#include "alerts/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

/* A Kapacitor that fires for the points of some ways, and a way to it that there is or is not. */
struct world {
	struct pl_loop loop;
	struct pl_proofs *proofs;
	struct pl_arena arena;
	struct pl_alert alert;
	struct pl_alert_defaults defaults;
	bool runs, there[2], fires[2];
	unsigned asked;
	/* What came of it. */
	unsigned n_writes[2], n_ended;
	int64_t took_ns;
	char reason[512];
};

/* A minute of it is half a second. */
static int64_t fast_clock(void)
{
	return pl_clock_mono_ns() % (30 * 24 * 3600 * PL_NS_PER_S) * 120; /* whatever the machine's uptime */
}

static const struct pl_alert *alert_of(void *data, struct pl_str id)
{
	struct world *w = data;
	assert_true(pl_str_is(id, "a"));
	return w->runs ? &w->alert : NULL;
}

static const struct pl_alert_defaults *defaults_of(void *data)
{
	return &((struct world *)data)->defaults;
}

static bool reachable(void *data, enum pl_proof_path path)
{
	return ((struct world *)data)->there[path];
}

static void fire(void *data)
{
	struct world *w = data;
	pl_proofs_event(w->proofs, PL_STR("a"), PL_ALERT_OK); /* a recovery proves nothing */
	assert_int_equal(w->n_ended, 0);
	pl_proofs_event(w->proofs, PL_STR("a"), PL_ALERT_CRIT);
}

static void write_lines(void *data, enum pl_proof_path path, struct pl_str lines)
{
	struct world *w = data;
	assert_true(lines.n > 0);
	w->n_writes[path]++;
	if (w->fires[path])
		pl_loop_call(&w->loop, fire, w);
}

static void on_closed(void *data)
{
	pl_loop_stop(&((struct world *)data)->loop);
}

static void on_ended(void *data, struct pl_str id, int64_t took_ns, const char *reason)
{
	struct world *w = data;
	assert_true(pl_str_is(id, "a"));
	w->n_ended++;
	w->took_ns = took_ns;
	strncpy(w->reason, reason, sizeof w->reason - 1);
	pl_proofs_close(w->proofs, on_closed, w);
}

static void ask(void *data)
{
	struct world *w = data;
	for (unsigned i = 0; i < w->asked; i++)
		pl_proofs_ask(w->proofs, PL_STR("a"));
	assert_int_equal(pl_proofs_stats(w->proofs).waiting, 1);
}

static void run(struct world *w)
{
	struct pl_problems problems = {0};
	w->defaults = (struct pl_alert_defaults){"d", "r", "value", "proofs"};
	static const char text[] =
	    "{\"id\":\"a\",\"metric\":\"m\",\"aggregate\":\"none\",\"threshold\":1,\"post\":\"http://h/\"}";
	assert_int_equal(pl_alert_decode_json(&w->arena, pl_str_of(text), &problems, &w->alert), PL_OK);
	pl_problems_finish(&problems);
	assert_int_equal(pl_loop_init(&w->loop, "test"), PL_OK);
	const struct pl_proofs_env env = {.loop = &w->loop,
					  .data = w,
					  .alert = alert_of,
					  .defaults = defaults_of,
					  .reachable = reachable,
					  .write = write_lines,
					  .ended = on_ended,
					  .mono_ns = fast_clock};
	w->proofs = pl_proofs_create(&env);
	pl_proofs_set_timeout(w->proofs, PL_NS_PER_MS);
	w->asked = w->asked != 0 ? w->asked : 1;
	pl_loop_call(&w->loop, ask, w);
	pl_loop_run(&w->loop);
	pl_loop_finish(&w->loop);
	assert_int_equal(w->n_ended, 1);
	pl_arena_finish(&w->arena);
}

enum { LONG = PL_PROOF_PATH_INFLUXDB, SHORT = PL_PROOF_PATH_KAPACITOR };

static void proven_by_the_long_way(void **state)
{
	struct world w = {.runs = true, .there = {true, true}, .fires = {[LONG] = true}, .asked = 3};
	(void)state;
	run(&w);
	assert_string_equal(w.reason, "");
	assert_true(w.took_ns > 0);
	assert_int_equal(w.n_writes[SHORT], 0);
}

static void proven_by_the_short_way_where_there_is_no_other(void **state)
{
	struct world w = {.runs = true, .there = {[SHORT] = true}, .fires = {[SHORT] = true}};
	(void)state;
	run(&w);
	assert_string_equal(w.reason, "");
	assert_int_equal(w.n_writes[LONG], 0);
}

static void what_is_broken_is_told(void **state)
{
	static const struct {
		bool runs, there[2], fires[2];
		bool tried[2];
		const char *reason;
	} rows[] = {
	    {false, {true, true}, {true, true}, {false, false}, "its task does not run"},
	    {true, {true, true}, {false, true}, {true, true}, "SHOW SUBSCRIPTIONS"},
	    {true, {true, true}, {false, false}, {true, true}, "kapacitor.webhook_url"},
	    {true, {true, false}, {false, false}, {true, false}, "of points written to InfluxDB"},
	    {true, {false, true}, {false, false}, {false, true}, "of points written to Kapacitor"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct world w = {.runs = rows[i].runs};
		memcpy(w.there, rows[i].there, sizeof w.there);
		memcpy(w.fires, rows[i].fires, sizeof w.fires);
		run(&w);
		if (strstr(w.reason, rows[i].reason) == NULL)
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, w.reason, rows[i].reason);
		assert_int_equal(w.n_writes[LONG] > 0, rows[i].tried[LONG]);
		assert_int_equal(w.n_writes[SHORT] > 0, rows[i].tried[SHORT]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proven_by_the_long_way),
	    cmocka_unit_test(proven_by_the_short_way_where_there_is_no_other),
	    cmocka_unit_test(what_is_broken_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
