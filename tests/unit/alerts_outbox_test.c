/* The outbox, over a real state, with notifiers that fail as each test tells them to. */
#include "alerts_harness.h"

struct box {
	struct world w;
	struct pl_outbox *o;
	struct scripted mail, post;
	struct pl_buf ended; /* "end LEVEL group;" */
	const char *told;    /* the group that has been reached; NULL: none */
	size_t most;
	int64_t max_age;
};

static void settled(void *data, struct pl_str receiver, struct pl_str post, const struct pl_outbox_event *e,
		    enum pl_outbox_end end)
{
	struct box *b = data;
	(void)receiver;
	(void)post;
	pl_buf_addf(&b->ended, "%s %.*s %.*s;", pl_outbox_end_text(end), (int)e->level.n, e->level.p, (int)e->group.n,
		    e->group.p);
}

static bool reached(void *data, struct pl_str receiver, struct pl_str post, const struct pl_outbox_event *e)
{
	struct box *b = data;
	(void)receiver;
	(void)post;
	return b->told != NULL && pl_str_is(e->group, b->told);
}

static void open_box(struct box *b)
{
	char reason[256] = "";
	struct pl_outbox_options options = {.loop = &b->w.loop,
					    .state = b->w.state,
					    .most = b->most,
					    .max_age = b->max_age,
					    .settled = settled,
					    .reached = reached,
					    .data = b,
					    .wall_ns = now_ns,
					    .mono_ns = now_ns};
	if (pl_outbox_open(&b->o, &options, reason, sizeof reason) != PL_OK)
		fail_msg("%s", reason);
}

static void connect_box(struct box *b)
{
	struct pl_outbox_receiver all[] = {{"mail", &scripted_ops, &b->mail}, {"post", &scripted_ops, &b->post}};
	pl_outbox_receivers(b->o, all, 2);
}

static void close_box(struct box *b)
{
	bool done = false;
	if (b->mail.held != NULL)
		scripted_answer(&b->mail, PL_NOTICE_RETRY);
	pl_outbox_close(b->o, flag, &done);
	wait_for(&b->w, &done);
}

static int setup(void **state)
{
	struct box *b = pl_calloc(1, sizeof *b);
	world_init(&b->w);
	open_box(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;
	close_box(b);
	world_finish(&b->w);
	scripted_finish(&b->mail);
	scripted_finish(&b->post);
	pl_buf_finish(&b->ended);
	free(b);
	return 0;
}

static struct pl_notice_event event(const char *alert, const char *group, const char *level)
{
	return (struct pl_notice_event){.alert = pl_str_of(alert),
					.id = pl_str_of(group),
					.message = PL_STR("\"m\"\n\xc3\xa9"),
					.level = pl_str_of(level),
					.previous = PL_STR("OK"),
					.wall_ns = 5,
					.value = 1.5,
					.body = PL_STR("{}")};
}

static void add_to(struct box *b, const char *receiver, const char *post, const char *alert, const char *group, const char *level)
{
	struct pl_notice_event e = event(alert, group, level);
	struct pl_str groups[] = {pl_str_of(group)};
	struct pl_notice n = {.events = &e, .n = 1, .post = pl_str_of(post)};
	pl_outbox_add(b->o, pl_str_of(receiver), &n, groups);
}

static void add(struct box *b, const char *alert, const char *group, const char *level)
{
	add_to(b, "mail", NULL, alert, group, level);
}

/* Lets `seconds` pass in steps of one. */
static void live(struct box *b, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		pass(1);
		pl_outbox_tick(b->o);
		calm(&b->w);
	}
}

static void sends_when_it_is_stored(void **state)
{
	struct box *b = *state;
	connect_box(b);
	add(b, "a", "g", "CRITICAL");
	assert_int_equal(b->mail.attempts, 0);
	calm(&b->w);
	assert_taken(&b->mail, "CRITICAL g;");
	assert_int_equal(stored(&b->w, "outbox"), 0);
	assert_string_equal(pl_buf_cstr(&b->ended), "sent CRITICAL g;");
}

static void a_receiver_that_was_away_gets_all_once(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->mail.mode = FAILS;
	for (int i = 0; i < 3; i++) {
		add(b, "a", "g", "CRITICAL");
		add(b, "b", "h", "WARNING");
		add(b, "a", "g", "OK");
	}
	live(b, 600);
	assert_taken(&b->mail, "");
	assert_true(b->mail.attempts > 8 && b->mail.attempts < 60);
	assert_int_equal(stored(&b->w, "outbox"), 9);
	b->mail.mode = TAKES;
	live(b, 61);
	struct pl_buf g = {0}, h = {0};
	struct pl_str rest = pl_buf_str(&b->mail.taken);
	while (rest.n > 0) {
		struct pl_str one = pl_str_cut(&rest, ';');
		pl_buf_add_str(pl_str_ends(one, PL_STR(" g")) ? &g : &h, one);
	}
	assert_string_equal(pl_buf_cstr(&g), "CRITICAL gOK gCRITICAL gOK gCRITICAL gOK g");
	assert_string_equal(pl_buf_cstr(&h), "WARNING hWARNING hWARNING h");
	pl_buf_finish(&g);
	pl_buf_finish(&h);
	pl_buf_clear(&b->mail.taken);
	live(b, 600);
	assert_taken(&b->mail, "");
	assert_int_equal(stored(&b->w, "outbox"), 0);
}

static void goes_on_after_a_restart(void **state)
{
	struct box *b = *state;
	add(b, "a", "g", "CRITICAL");
	add(b, "a", "g", "OK");
	close_box(b);
	close_state(&b->w);
	open_state(&b->w);
	open_box(b);
	connect_box(b);
	add(b, "a", "g", "WARNING");
	calm(&b->w);
	assert_taken(&b->mail, "CRITICAL g;OK g;WARNING g;");
}

static void a_crash_while_sending_sends_again_with_the_same_key(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->mail.mode = HANGS;
	add(b, "a", "g", "CRITICAL");
	add(b, "a", "g", "OK");
	calm(&b->w);
	assert_non_null(b->mail.held);
	struct pl_outbox *dead = b->o;
	struct pl_state *old = crash(&b->w);
	open_box(b);
	struct scripted *lost = pl_calloc(1, sizeof *lost); /* what the old one was talking to */
	*lost = b->mail;
	b->mail = (struct scripted){0};
	connect_box(b);
	calm(&b->w);
	assert_taken(&b->mail, "CRITICAL g;OK g;");
	assert_true(pl_str_starts(pl_buf_str(&b->mail.keys), pl_buf_str(&lost->keys)));
	bool done = false;
	pl_outbox_close(dead, flag, &done);
	scripted_answer(lost, PL_NOTICE_RETRY);
	wait_for(&b->w, &done);
	bury(&b->w, old);
	scripted_finish(lost);
	free(lost);
}

static void one_notice_that_fails_does_not_stop_others(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->mail.poison = "bad";
	add(b, "bad", "x", "CRITICAL");
	add(b, "bad", "x", "OK");
	add(b, "good", "g", "CRITICAL");
	live(b, 3);
	assert_taken(&b->mail, "CRITICAL g;");
	b->mail.poison = NULL;
	live(b, 10);
	assert_taken(&b->mail, "CRITICAL x;OK x;");
}

static void each_url_is_a_way_of_its_own(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->post.poison = "bad";
	add_to(b, "post", "http://bad/", "bad", "x", "CRITICAL");
	add_to(b, "post", "http://good/", "good", "g", "CRITICAL");
	calm(&b->w);
	assert_taken(&b->post, "CRITICAL g to http://good/;");
	assert_int_equal(pl_outbox_waiting(b->o, PL_STR("post"), PL_STR("http://bad/"), PL_STR("bad")), 1);
}

static void retry_after_is_honoured(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->mail.mode = FAILS;
	b->mail.retry_after_ns = 100 * PL_NS_PER_S;
	add(b, "a", "g", "CRITICAL");
	live(b, 99);
	assert_int_equal(b->mail.attempts, 1);
	b->mail.mode = TAKES;
	live(b, 2);
	assert_taken(&b->mail, "CRITICAL g;");
}

static void an_alarm_given_up_takes_its_recovery_along(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->mail.mode = HANGS;
	add(b, "a", "g", "CRITICAL");
	add(b, "a", "h", "CRITICAL");
	add(b, "a", "g", "OK");
	add(b, "a", "g", "WARNING");
	calm(&b->w);
	b->mail.mode = TAKES;
	scripted_answer(&b->mail, PL_NOTICE_REFUSED);
	calm(&b->w);
	assert_taken(&b->mail, "CRITICAL h;WARNING g;");
	assert_string_equal(pl_buf_cstr(&b->ended), "refused CRITICAL g;void OK g;sent CRITICAL h;sent WARNING g;");
	assert_int_equal(stored(&b->w, "outbox"), 0);
}

static void a_recovery_stays_when_its_alarm_had_come_through(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->mail.mode = HANGS;
	b->told = "g";
	add(b, "a", "g", "CRITICAL"); /* a reminder, say */
	add(b, "a", "g", "OK");
	calm(&b->w);
	b->mail.mode = TAKES;
	scripted_answer(&b->mail, PL_NOTICE_REFUSED);
	calm(&b->w);
	assert_taken(&b->mail, "OK g;");
}

static void only_the_void_part_of_a_notice_goes(void **state)
{
	struct box *b = *state;
	struct pl_notice_event both[] = {event("a", "g", "OK"), event("a", "h", "OK")};
	struct pl_str groups[] = {PL_STR("g"), PL_STR("h")};
	struct pl_notice n = {.events = both, .n = 2};
	connect_box(b);
	b->mail.mode = HANGS;
	add(b, "a", "g", "CRITICAL");
	pl_outbox_add(b->o, PL_STR("mail"), &n, groups);
	calm(&b->w);
	b->mail.mode = TAKES;
	scripted_answer(&b->mail, PL_NOTICE_REFUSED);
	calm(&b->w);
	assert_taken(&b->mail, "OK h;");
}

static void the_oldest_alarm_goes_when_there_is_no_room(void **state)
{
	struct box *b = *state;
	pl_outbox_limits(b->o, 4, 0);
	add(b, "a", "r", "OK");
	add(b, "a", "g", "CRITICAL");
	add(b, "a", "h", "CRITICAL");
	add(b, "a", "g", "OK");
	add(b, "a", "i", "CRITICAL");
	calm(&b->w);
	assert_string_equal(pl_buf_cstr(&b->ended), "dropped CRITICAL g;void OK g;");
	assert_int_equal(stored(&b->w, "outbox"), 3);
	connect_box(b);
	calm(&b->w);
	assert_taken(&b->mail, "OK r;CRITICAL h;CRITICAL i;");
}

static void a_recovery_stays_for_an_alarm_that_is_on_its_way(void **state)
{
	struct box *b = *state;
	connect_box(b);
	b->mail.mode = HANGS;
	add(b, "a", "g", "WARNING");
	calm(&b->w);
	add(b, "a", "g", "CRITICAL");
	add(b, "a", "g", "OK");
	pl_outbox_limits(b->o, 2, 0);
	assert_string_equal(pl_buf_cstr(&b->ended), "dropped CRITICAL g;");
	b->mail.mode = TAKES;
	scripted_answer(&b->mail, PL_NOTICE_SENT);
	calm(&b->w);
	assert_taken(&b->mail, "OK g;");
}

static void what_is_too_old_is_given_up(void **state)
{
	struct box *b = *state;
	pl_outbox_limits(b->o, 0, 100 * PL_NS_PER_S);
	add(b, "a", "g", "CRITICAL");
	pass(60);
	add(b, "a", "g", "OK");
	add(b, "a", "h", "CRITICAL");
	pass(60);
	pl_outbox_tick(b->o);
	calm(&b->w);
	connect_box(b);
	calm(&b->w);
	assert_taken(&b->mail, "CRITICAL h;");
	assert_string_equal(pl_buf_cstr(&b->ended), "expired CRITICAL g;void OK g;sent CRITICAL h;");
}

static void receivers_come_and_go(void **state)
{
	struct box *b = *state;
	struct scripted other = {0};
	struct pl_outbox_receiver only = {"mail", &scripted_ops, &other};
	connect_box(b);
	b->mail.mode = HANGS;
	add(b, "a", "g", "CRITICAL");
	add_to(b, "post", NULL, "a", "g", "CRITICAL");
	b->post.mode = FAILS;
	calm(&b->w);
	pl_outbox_receivers(b->o, &only, 1);
	assert_int_equal(other.attempts, 0); /* the old instance has it still */
	scripted_answer(&b->mail, PL_NOTICE_RETRY);
	assert_taken(&other, "CRITICAL g;");
	pl_outbox_receivers(b->o, NULL, 0);
	live(b, 100);
	assert_int_equal(b->post.attempts, 1);
	assert_int_equal(stored(&b->w, "outbox"), 1);
	b->post.mode = TAKES;
	connect_box(b);
	calm(&b->w);
	assert_taken(&b->post, "CRITICAL g;");
	scripted_finish(&other);
}

static void sum(void *data, const struct pl_outbox_stats *s)
{
	uint64_t ended = s->waiting;
	for (int i = 0; i < PL_OUTBOX_ENDS; i++)
		ended += s->ended[i];
	assert_int_equal(s->queued, ended);
	*(uint64_t *)data += s->queued;
}

static void tells_of_itself(void **state)
{
	struct box *b = *state;
	struct pl_buf json = {0};
	uint64_t queued = 0;
	connect_box(b);
	b->mail.mode = FAILS;
	add(b, "a", "g", "CRITICAL");
	add(b, "a", "g", "OK");
	calm(&b->w);
	pl_outbox_json(b->o, &json);
	assert_non_null(strstr(pl_buf_cstr(&json), "{\"name\":\"mail\",\"known\":true,\"waiting\":2,\"oldest\":\"20"));
	assert_non_null(strstr(pl_buf_cstr(&json), "\"lastError\":\"503 away\",\"lastErrorTime\":\"20"));
	assert_non_null(strstr(pl_buf_cstr(&json), "\"retried\":1,\"sent\":0,\"refused\":0,"));
	pl_outbox_each(b->o, sum, &queued);
	assert_int_equal(queued, 2);
	pl_buf_finish(&json);
}

static void a_damaged_document_stays_aside(void **state)
{
	struct box *b = *state;
	close_box(b);
	assert_int_equal(pl_state_put(b->w.state, "outbox", PL_STR("0000000000000007"), PL_STR("{\"v\":2}"), NULL, NULL), PL_OK);
	assert_int_equal(pl_state_put(b->w.state, "outbox", PL_STR("x"), PL_STR("{"), NULL, NULL), PL_OK);
	open_box(b);
	connect_box(b);
	b->mail.mode = FAILS;
	add(b, "a", "g", "CRITICAL");
	calm(&b->w);
	assert_int_equal(stored(&b->w, "outbox"), 3);
}

#define TEST(F) cmocka_unit_test_setup_teardown(F, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(sends_when_it_is_stored),
	    TEST(a_receiver_that_was_away_gets_all_once),
	    TEST(goes_on_after_a_restart),
	    TEST(a_crash_while_sending_sends_again_with_the_same_key),
	    TEST(one_notice_that_fails_does_not_stop_others),
	    TEST(each_url_is_a_way_of_its_own),
	    TEST(retry_after_is_honoured),
	    TEST(an_alarm_given_up_takes_its_recovery_along),
	    TEST(a_recovery_stays_when_its_alarm_had_come_through),
	    TEST(only_the_void_part_of_a_notice_goes),
	    TEST(the_oldest_alarm_goes_when_there_is_no_room),
	    TEST(a_recovery_stays_for_an_alarm_that_is_on_its_way),
	    TEST(what_is_too_old_is_given_up),
	    TEST(receivers_come_and_go),
	    TEST(tells_of_itself),
	    TEST(a_damaged_document_stays_aside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
