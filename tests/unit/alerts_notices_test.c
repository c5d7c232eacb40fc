/* Who is told what, and when: over a real state and the outbox, with a clock that the tests move. */
#include <math.h>

#include "alerts/notices.h"
#include "alerts_harness.h"

struct desk {
	struct world w;
	struct pl_notices *n;
	struct scripted mail, post, other;
	struct pl_alert alert;
	bool gone; /* the alert is */
	size_t most;
};

static const struct pl_alert *find(void *data, struct pl_str id)
{
	struct desk *d = data;
	return !d->gone && pl_str_is(id, d->alert.id) ? &d->alert : NULL;
}

static void open_desk(struct desk *d)
{
	static const char *names[] = {"mail"};
	char reason[256] = "";
	struct pl_outbox_receiver all[] = {
	    {"mail", &scripted_ops, &d->mail}, {"post", &scripted_ops, &d->post}, {"other", &scripted_ops, &d->other}};
	struct pl_notices_options options = {.loop = &d->w.loop,
					     .state = d->w.state,
					     .find = find,
					     .data = d,
					     .most = d->most,
					     .wall_ns = now_ns,
					     .mono_ns = now_ns};
	if (pl_notices_open(&d->n, &options, reason, sizeof reason) != PL_OK)
		fail_msg("%s", reason);
	pl_notices_notify(d->n, (struct pl_strings){names, 1});
	pl_outbox_receivers(pl_notices_outbox(d->n), all, 3);
	pl_notices_start(d->n);
}

static void close_desk(struct desk *d)
{
	bool done = false;
	if (d->mail.held != NULL)
		scripted_answer(&d->mail, PL_NOTICE_RETRY);
	pl_notices_close(d->n, flag, &done);
	wait_for(&d->w, &done);
}

static void restart(struct desk *d)
{
	close_desk(d);
	close_state(&d->w);
	open_state(&d->w);
	open_desk(d);
	calm(&d->w);
}

static int setup(void **state)
{
	struct desk *d = pl_calloc(1, sizeof *d);
	world_init(&d->w);
	d->alert = (struct pl_alert){.id = "a", .enabled = true, .kind = PL_ALERT_THRESHOLD, .duration = 60 * PL_NS_PER_S};
	open_desk(d);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;
	close_desk(d);
	world_finish(&d->w);
	scripted_finish(&d->mail);
	scripted_finish(&d->post);
	scripted_finish(&d->other);
	free(d);
	return 0;
}

static enum pl_notices_fate say(struct desk *d, const char *group, int level)
{
	struct pl_alert_event e = {
	    .message = PL_STR("m"), .level = level, .wall_ns = clock_ns, .value = NAN, .data = PL_STR("{}"), .recoverable = true};
	enum pl_notices_fate fate = pl_notices_event(d->n, &d->alert, pl_str_of(group), pl_str_of(group), &e);
	calm(&d->w);
	return fate;
}

static void live(struct desk *d, int seconds)
{
	pass(seconds);
	pl_notices_tick(d->n);
	pl_outbox_tick(pl_notices_outbox(d->n));
	calm(&d->w);
}

static void tells_changes(void **state)
{
	struct desk *d = *state;
	assert_int_equal(say(d, "g", PL_ALERT_WARN), PL_NOTICES_TAKEN);
	assert_taken(&d->mail, "WARNING g;");
	live(d, 1);
	say(d, "g", PL_ALERT_CRIT);
	say(d, "h", PL_ALERT_INFO);
	live(d, 1);
	say(d, "g", PL_ALERT_WARN);
	live(d, 1);
	say(d, "g", PL_ALERT_WARN); /* said again later: nothing new */
	live(d, 1);
	say(d, "g", PL_ALERT_OK);
	say(d, "x", PL_ALERT_OK); /* nobody knows of it */
	assert_taken(&d->mail, "CRITICAL g;INFO h;WARNING g;OK g;");
	assert_taken(&d->post, "");
	int level;
	assert_int_equal(pl_notices_firing(d->n, PL_STR("a"), &level), 1);
	assert_int_equal(level, PL_ALERT_INFO);
}

static void tells_once(void **state)
{
	struct desk *d = *state;
	assert_int_equal(say(d, "g", PL_ALERT_CRIT), PL_NOTICES_TAKEN);
	assert_int_equal(say(d, "g", PL_ALERT_CRIT), PL_NOTICES_DUPLICATE);
	restart(d);
	assert_int_equal(say(d, "g", PL_ALERT_CRIT), PL_NOTICES_DUPLICATE);
	live(d, 1);
	assert_int_equal(say(d, "g", PL_ALERT_OK), PL_NOTICES_TAKEN);
	assert_int_equal(say(d, "g", PL_ALERT_OK), PL_NOTICES_DUPLICATE);
	assert_taken(&d->mail, "CRITICAL g;OK g;");
}

static void its_own_receivers_and_url(void **state)
{
	struct desk *d = *state;
	static const char *names[] = {"other"};
	d->alert.notify = (struct pl_strings){names, 1};
	d->alert.post = "http://x/";
	say(d, "g", PL_ALERT_CRIT);
	assert_taken(&d->mail, "");
	assert_taken(&d->other, "CRITICAL g;");
	assert_taken(&d->post, "CRITICAL g to http://x/;");
	d->alert.notify = (struct pl_strings){NULL, 0}; /* the default from now on; and another URL */
	d->alert.post = "http://y/";
	live(d, 1);
	say(d, "g", PL_ALERT_OK);
	assert_taken(&d->mail, "");
	assert_taken(&d->other, "OK g;");
	assert_taken(&d->post, "OK g to http://x/;");
}

static void a_recovery_follows_after_a_restart(void **state)
{
	struct desk *d = *state;
	say(d, "g", PL_ALERT_CRIT);
	restart(d);
	live(d, 5);
	say(d, "g", PL_ALERT_OK);
	assert_taken(&d->mail, "CRITICAL g;OK g;");
	d->mail.mode = FAILS;
	say(d, "h", PL_ALERT_CRIT);
	live(d, 1);
	say(d, "h", PL_ALERT_OK);
	restart(d);
	assert_taken(&d->mail, "");
	d->mail.mode = TAKES;
	restart(d);
	live(d, 61);
	assert_taken(&d->mail, "CRITICAL h;OK h;");
}

static void a_recovery_does_not_follow_what_never_came(void **state)
{
	struct desk *d = *state;
	d->mail.mode = REFUSES;
	say(d, "g", PL_ALERT_CRIT);
	d->mail.mode = TAKES;
	live(d, 1);
	say(d, "g", PL_ALERT_OK);
	assert_taken(&d->mail, "");
	live(d, 1);
	say(d, "g", PL_ALERT_WARN);
	live(d, 1);
	d->mail.mode = REFUSES;
	say(d, "g", PL_ALERT_CRIT);
	live(d, 1);
	d->mail.mode = TAKES;
	say(d, "g", PL_ALERT_OK);
	assert_taken(&d->mail, "WARNING g;OK g;");
}

static void cooldown(void **state)
{
	struct desk *d = *state;
	d->alert.cooldown = 100 * PL_NS_PER_S;
	say(d, "g", PL_ALERT_WARN);
	live(d, 1);
	say(d, "g", PL_ALERT_OK);
	assert_taken(&d->mail, "WARNING g;OK g;");
	live(d, 1);
	say(d, "g", PL_ALERT_WARN);
	live(d, 1);
	say(d, "g", PL_ALERT_OK); /* was not told: is not called off */
	assert_taken(&d->mail, "");
	live(d, 1);
	say(d, "g", PL_ALERT_CRIT); /* worse than what was told */
	assert_taken(&d->mail, "CRITICAL g;");
	live(d, 1);
	say(d, "g", PL_ALERT_WARN);
	live(d, 98);
	assert_taken(&d->mail, "");
	assert_int_equal(pl_notices_stats(d->n).cooled, 2);
	restart(d);
	live(d, 2); /* still so at the end */
	assert_taken(&d->mail, "WARNING g;");
	live(d, 200);
	assert_taken(&d->mail, "");
}

static void reminder(void **state)
{
	struct desk *d = *state;
	d->alert.reminder = 60 * PL_NS_PER_S;
	say(d, "g", PL_ALERT_CRIT);
	live(d, 59);
	assert_taken(&d->mail, "CRITICAL g;");
	live(d, 2);
	assert_taken(&d->mail, "again CRITICAL g;");
	restart(d);
	assert_taken(&d->mail, "");
	live(d, 61);
	assert_taken(&d->mail, "again CRITICAL g;");
	d->mail.mode = FAILS; /* one that waits is enough */
	for (int i = 0; i < 10; i++)
		live(d, 61);
	assert_int_equal(pl_outbox_waiting(pl_notices_outbox(d->n), PL_STR("mail"), PL_STR(""), PL_STR("a")), 1);
	d->mail.mode = TAKES;
	live(d, 61);
	assert_taken(&d->mail, "again CRITICAL g;");
	say(d, "g", PL_ALERT_OK);
	live(d, 600);
	assert_taken(&d->mail, "OK g;");
}

static void group_wait(void **state)
{
	struct desk *d = *state;
	d->alert.group_wait = 30 * PL_NS_PER_S;
	say(d, "g", PL_ALERT_CRIT);
	live(d, 10);
	say(d, "h", PL_ALERT_WARN);
	say(d, "i", PL_ALERT_CRIT);
	live(d, 10);
	say(d, "i", PL_ALERT_OK);
	say(d, "h", PL_ALERT_INFO);
	assert_taken(&d->mail, "");
	d->alert.post = "http://x/";
	live(d, 11);
	d->alert.post = NULL;
	assert_taken(&d->mail, "CRITICAL g|WARNING h|CRITICAL i|INFO h|OK i;");
	assert_taken(
	    &d->post,
	    "CRITICAL g to http://x/;WARNING h to http://x/;CRITICAL i to http://x/;INFO h to http://x/;OK i to http://x/;");
	pl_buf_clear(&d->post.taken);
	say(d, "g", PL_ALERT_OK);
	say(d, "h", PL_ALERT_OK);
	assert_taken(&d->mail, "");
	restart(d); /* does not wait any longer */
	assert_taken(&d->mail, "OK g|OK h;");
	live(d, 60);
	assert_taken(&d->mail, "");
}

static void the_pseudo_group_is_not_told(void **state)
{
	struct desk *d = *state;
	static const char *names[] = {"host"};
	d->alert.kind = PL_ALERT_DEADMAN;
	live(d, 61); /* the grace after the start */
	assert_int_equal(say(d, "nil", PL_ALERT_CRIT), PL_NOTICES_TAKEN);
	live(d, 1);
	say(d, "nil", PL_ALERT_OK);
	assert_taken(&d->mail, "CRITICAL nil;OK nil;");
	d->alert.group_by = (struct pl_strings){names, 1};
	live(d, 1);
	assert_int_equal(say(d, "nil", PL_ALERT_CRIT), PL_NOTICES_QUIET);
	assert_int_equal(say(d, "host=a", PL_ALERT_CRIT), PL_NOTICES_TAKEN);
	restart(d);
	live(d, 1000);
	assert_taken(&d->mail, "CRITICAL host=a;");
	d->alert.kind = PL_ALERT_THRESHOLD;
	live(d, 1);
	assert_int_equal(say(d, "nil", PL_ALERT_WARN), PL_NOTICES_TAKEN);
	assert_taken(&d->mail, "WARNING nil;");
}

static void holds_while_we_are_behind(void **state)
{
	struct desk *d = *state;
	live(d, 61);
	d->alert.kind = PL_ALERT_DEADMAN;
	say(d, "told", PL_ALERT_CRIT);
	assert_taken(&d->mail, "CRITICAL told;");
	pl_notices_pipeline(d->n, true);
	assert_true(pl_notices_hold(d->n, &d->alert));
	assert_int_equal(say(d, "dead", PL_ALERT_CRIT), PL_NOTICES_HELD);
	assert_int_equal(say(d, "alive", PL_ALERT_CRIT), PL_NOTICES_HELD);
	assert_int_equal(pl_notices_stats(d->n).held, 2);
	live(d, 1000);
	pl_notices_pipeline(d->n, false);
	live(d, 30);
	say(d, "alive", PL_ALERT_OK);
	say(d, "told", PL_ALERT_OK); /* recoveries are never held */
	assert_taken(&d->mail, "OK told;");
	live(d, 29);
	assert_taken(&d->mail, "");
	live(d, 2);
	assert_taken(&d->mail, "CRITICAL dead;");
	assert_int_equal(pl_notices_stats(d->n).held, 0);
	live(d, 1);
	say(d, "dead", PL_ALERT_OK);
	assert_taken(&d->mail, "OK dead;");
}

static void what_was_held_is_held_after_a_restart(void **state)
{
	struct desk *d = *state;
	d->alert.kind = PL_ALERT_DEADMAN;
	pl_notices_pipeline(d->n, true);
	say(d, "g", PL_ALERT_CRIT);
	live(d, 100);
	restart(d);
	live(d, 50);
	assert_taken(&d->mail, "");
	live(d, 11);
	assert_taken(&d->mail, "CRITICAL g;");
}

static void the_end_of_an_alert_calls_it_off(void **state)
{
	struct desk *d = *state;
	say(d, "g", PL_ALERT_CRIT);
	pl_notices_end(d->n, PL_STR("a"), "changed");
	calm(&d->w);
	assert_taken(&d->mail, "CRITICAL g;OK g changed;");
	live(d, 1);
	say(d, "g", PL_ALERT_CRIT);
	d->alert.enabled = false;
	pl_notices_reload(d->n);
	calm(&d->w);
	assert_taken(&d->mail, "CRITICAL g;OK g disabled;");
	d->alert.enabled = true;
	live(d, 1);
	say(d, "g", PL_ALERT_WARN);
	assert_taken(&d->mail, "WARNING g;");
	d->gone = true;
	restart(d); /* it was taken out of the file meanwhile */
	assert_taken(&d->mail, "OK g deleted;");
	live(d, 4000);
	assert_int_equal(stored(&d->w, "series"), 0);
	assert_int_equal(pl_notices_stats(d->n).series, 0);
}

static void remembers_no_more_than_it_may(void **state)
{
	struct desk *d = *state;
	close_desk(d);
	d->most = 3;
	open_desk(d);
	for (int i = 0; i < 10; i++) {
		char group[16];
		snprintf(group, sizeof group, "g%d", i);
		pass(1);
		say(d, group, PL_ALERT_CRIT);
		if (i == 8)
			say(d, "g8", PL_ALERT_OK);
	}
	pass(1);
	assert_int_equal(pl_notices_stats(d->n).series, 3);
	assert_int_equal(pl_notices_stats(d->n).forgotten, 7);
	assert_int_equal(stored(&d->w, "series"), 3);
	pl_buf_clear(&d->mail.taken);
	say(d, "g9", PL_ALERT_OK);
	say(d, "g7", PL_ALERT_OK);
	assert_taken(&d->mail, "OK g9;OK g7;");
}

static void a_crash_between_the_documents_loses_no_recovery(void **state)
{
	struct desk *d = *state;
	struct pl_outbox *o;
	close_desk(d);
	struct pl_outbox_options options = {.loop = &d->w.loop, .state = d->w.state, .wall_ns = now_ns, .mono_ns = now_ns};
	char reason[256] = "";
	assert_int_equal(pl_outbox_open(&o, &options, reason, sizeof reason), PL_OK);
	struct pl_notice_event e = {.alert = PL_STR("a"), .id = PL_STR("g"), .level = PL_STR("CRITICAL"), .body = PL_STR("{}")};
	struct pl_str group = PL_STR("g");
	pl_outbox_add(o, PL_STR("mail"), &(struct pl_notice){.events = &e, .n = 1}, &group);
	calm(&d->w);
	bool done = false;
	pl_outbox_close(o, flag, &done);
	wait_for(&d->w, &done);
	open_desk(d); /* knows the notice, but not the series */
	calm(&d->w);
	assert_taken(&d->mail, "CRITICAL g;");
	live(d, 1);
	say(d, "g", PL_ALERT_OK);
	assert_taken(&d->mail, "OK g;");
}

static void a_crash_loses_no_recovery(void **state)
{
	struct desk *d = *state;
	struct pl_notices *dead = d->n;
	bool done = false;
	d->mail.mode = FAILS;
	say(d, "h", PL_ALERT_WARN);
	d->mail.mode = TAKES;
	live(d, 61);
	say(d, "g", PL_ALERT_CRIT);
	struct pl_state *old = crash(&d->w);
	open_desk(d);
	live(d, 1);
	say(d, "g", PL_ALERT_OK);
	say(d, "h", PL_ALERT_OK);
	assert_taken(&d->mail, "WARNING h;CRITICAL g;OK g;OK h;");
	pl_notices_close(dead, flag, &done);
	wait_for(&d->w, &done);
	bury(&d->w, old);
}

static void a_crash_loses_nothing_that_waits_for_others(void **state)
{
	struct desk *d = *state;
	struct pl_notices *dead = d->n;
	bool done = false;
	d->alert.group_wait = 30 * PL_NS_PER_S;
	say(d, "g", PL_ALERT_CRIT);
	struct pl_state *old = crash(&d->w);
	open_desk(d);
	calm(&d->w);
	assert_taken(&d->mail, "CRITICAL g;");
	pl_notices_close(dead, flag, &done);
	wait_for(&d->w, &done);
	bury(&d->w, old);
}

static void by_its_own_timers(void **state)
{
	struct desk *d = *state;
	clock_runs = true;
	d->alert.reminder = PL_NS_PER_S / 50;
	d->mail.mode = FAILS;
	say(d, "g", PL_ALERT_CRIT);
	while (d->mail.attempts < 2)
		uv_run(&d->w.loop.uv, UV_RUN_ONCE);
	d->mail.mode = TAKES;
	while (strstr(pl_buf_cstr(&d->mail.taken), "CRITICAL g;again CRITICAL g;again CRITICAL g;") == NULL)
		uv_run(&d->w.loop.uv, UV_RUN_ONCE);
	clock_runs = false;
}

#define TEST(F) cmocka_unit_test_setup_teardown(F, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(tells_changes),
	    TEST(tells_once),
	    TEST(its_own_receivers_and_url),
	    TEST(a_recovery_follows_after_a_restart),
	    TEST(a_recovery_does_not_follow_what_never_came),
	    TEST(cooldown),
	    TEST(reminder),
	    TEST(group_wait),
	    TEST(the_pseudo_group_is_not_told),
	    TEST(holds_while_we_are_behind),
	    TEST(what_was_held_is_held_after_a_restart),
	    TEST(the_end_of_an_alert_calls_it_off),
	    TEST(remembers_no_more_than_it_may),
	    TEST(a_crash_loses_no_recovery),
	    TEST(a_crash_loses_nothing_that_waits_for_others),
	    TEST(by_its_own_timers),
	    TEST(a_crash_between_the_documents_loses_no_recovery),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
