#include "plugin_in_relay_harness.h"

#include "in_relay/conn.h"

static uint64_t count(const struct harness *h, enum pl_in_relay_count what)
{
	return atomic_load(&h->counters[what]);
}

static void wait_for(struct harness *h, enum pl_in_relay_count what, uint64_t n)
{
	while (count(h, what) < n)
		harness_turn(h);
}

static void say_long(int fd, const char *before, size_t n, const char *after)
{
	struct pl_buf b = {0};
	pl_buf_add_cstr(&b, before);
	memset(pl_buf_reserve(&b, n), 'x', n);
	b.n += n;
	pl_buf_add_cstr(&b, after);
	peer_say(fd, pl_buf_str(&b));
	pl_buf_finish(&b);
}

/* Each row: what a relay that was greeted says that is too much, and which counter tells. */
static void what_is_too_much_is_refused_and_counted(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
		size_t n; /* of `x` between them */
		enum pl_in_relay_count counter;
		bool closes;
		uint64_t collectors;
		const char *points;
	} rows[] = {
	    {"got a-b:1,", "-s:2,c-d:3\n", 16, PL_IN_RELAY_COUNTS, false, 0, "b,host=h b=1\ns,host=h s=2\nd,host=h d=3\n"},
	    {"got a-b:1,", "-s:2,c-d:3\n", 17, PL_IN_RELAY_DROP_NAME_LONG, false, 0, "b,host=h b=1\nd,host=h d=3\n"},
	    {"got a-b:1,a-", ":2\n", 17, PL_IN_RELAY_DROP_NAME_LONG, false, 0, "b,host=h b=1\n"},
	    {"add ", "\n", 16, PL_IN_RELAY_COUNTS, false, 1, ""},
	    {"add ", "\n", 17, PL_IN_RELAY_ADD_NAME, false, 0, ""},
	    {"add a:b,", "\n", 16, PL_IN_RELAY_COUNTS, false, 1, ""},
	    {"add a:b,", ",c\n", 17, PL_IN_RELAY_ADD_NAME, false, 0, ""},
	    {"add a:1,2,3", "\n", 0, PL_IN_RELAY_COUNTS, false, 1, ""},
	    {"add a:1,2,3,4", "\n", 0, PL_IN_RELAY_ADD_TAGS, false, 0, ""},
	    {"add a\nadd b\nadd a:x:y\n", "", 0, PL_IN_RELAY_COUNTS, false, 2, ""},
	    {"add a\nadd b\nadd c\n", "", 0, PL_IN_RELAY_ADD_COLLECTORS, false, 2, ""},
	    {"got a-b:1\nok ", "\ngot a-c:1\n", 253, PL_IN_RELAY_COUNTS, false, 0, "b,host=h b=1\nc,host=h c=1\n"},
	    {"got a-b:1\nok ", "\ngot a-c:1\n", 254, PL_IN_RELAY_END_LINE, true, 0, "b,host=h b=1\n"},
	    {"got a-b:1\nok ", "", 300000, PL_IN_RELAY_END_LINE, true, 0, "b,host=h b=1\n"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct harness h;
		struct pl_buf heard = {0};
		harness_open(&h, "limits: {name_bytes: 16, tags: 3, collectors: 2, line_bytes: 256}");
		int fd = peer_join(&h, "h");
		say_long(fd, rows[i].before, rows[i].n, rows[i].after);
		if (rows[i].closes)
			assert_true(peer_hear(&h, fd, NULL, &heard));
		else
			peer_sync(&h, fd, &heard);
		assert_int_equal(heard.n, 0);
		assert_true(pl_str_is(pl_buf_str(&h.points), rows[i].points));
		assert_int_equal(count(&h, PL_IN_RELAY_COLLECTORS), rows[i].collectors);
		for (size_t k = PL_IN_RELAY_DROP_MALFORMED; k < PL_IN_RELAY_COUNTS; k++)
			if (h.counters[k] != (k == rows[i].counter))
				fail_msg("%s: %s is %u", rows[i].before, pl_in_relay_counter(k)->reason, (unsigned)h.counters[k]);
		close(fd);
		wait_for(&h, PL_IN_RELAY_CONNECTIONS, 1);
		harness_close(&h);
		assert_int_equal(h.counters[PL_IN_RELAY_MEMORY], 0); /* all of it was given back */
		assert_int_equal(h.counters[PL_IN_RELAY_COLLECTORS], 0);
		pl_buf_finish(&heard);
	}
}

static void a_long_line_before_the_id_is_refused(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0};
	harness_open(&h, "");
	int fd = peer_connect(&h);
	say_long(fd, "id ", 8192, "");
	assert_true(peer_hear(&h, fd, NULL, &heard));
	assert_int_equal(count(&h, PL_IN_RELAY_END_LINE), 1);
	close(fd);
	harness_close(&h);
	pl_buf_finish(&heard);
}

static void the_collectors_of_a_relay_are_bounded_together(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0}, say = {0};
	harness_open(&h, "");
	int fd = peer_join(&h, "h");
	for (int i = 0; i < 1000; i++) {
		pl_buf_clear(&say);
		pl_buf_addf(&say, "add c%d:", i);
		for (int t = 0; t < 20; t++)
			pl_buf_addf(&say, "%s%0100d:%d", t > 0 ? "," : "", t, i);
		pl_buf_add_char(&say, '\n');
		peer_say(fd, pl_buf_str(&say));
		peer_sync(&h, fd, &heard);
	}
	assert_true(count(&h, PL_IN_RELAY_MEMORY) <= PL_IN_RELAY_RELAY_MEMORY);
	assert_int_equal(count(&h, PL_IN_RELAY_COLLECTORS) + count(&h, PL_IN_RELAY_ADD_MEMORY), 1000);
	assert_true(count(&h, PL_IN_RELAY_ADD_MEMORY) > 0);
	close(fd);
	harness_close(&h);
	pl_buf_finish(&heard);
	pl_buf_finish(&say);
}

static void relays_beyond_the_limit_are_turned_away(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0};
	harness_open(&h, "limits: {clients: 2}");
	int a = peer_join(&h, "a"), b = peer_join(&h, "b"), c = peer_connect(&h);
	peer_say(c, PL_STR("id c\n"));
	assert_true(peer_hear(&h, c, NULL, &heard));
	assert_string_equal(pl_buf_cstr(&heard), "too many relays\n");
	assert_int_equal(count(&h, PL_IN_RELAY_END_CLIENTS), 1);
	close(c);
	c = peer_join(&h, "b"); /* a takeover adds none */
	pl_buf_clear(&heard);
	peer_sync(&h, a, &heard);
	assert_int_equal(count(&h, PL_IN_RELAY_RELAYS), 2);
	close(a);
	close(b);
	close(c);
	harness_close(&h);
	pl_buf_finish(&heard);
}

static void the_oldest_of_too_many_handshakes_goes(void **state)
{
	(void)state;
	enum { MOST = 8, MORE = 50 };
	struct harness h;
	struct pl_buf heard = {0};
	int fds[MOST + MORE];
	harness_open(&h, "limits: {handshakes: 8}");
	int relay = peer_join(&h, "h");
	for (size_t i = 0; i < PL_COUNT_OF(fds); i++) {
		fds[i] = peer_connect(&h);
		wait_for(&h, PL_IN_RELAY_CONNECTIONS, i + 2);
	}
	assert_int_equal(count(&h, PL_IN_RELAY_END_HANDSHAKES), MORE);
	for (size_t i = 0; i < MORE; i++)
		assert_true(peer_hear(&h, fds[i], NULL, &heard));
	peer_say(fds[MORE], PL_STR("id late\n"));
	assert_false(peer_hear(&h, fds[MORE], "beat 30\n", &heard));
	pl_buf_clear(&heard);
	peer_sync(&h, relay, &heard); /* who is in stays in */
	for (size_t i = 0; i < PL_COUNT_OF(fds); i++)
		close(fds[i]);
	close(relay);
	harness_close(&h);
	pl_buf_finish(&heard);
}

static void a_handshake_has_a_deadline(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0};
	harness_open(&h, "handshake_timeout: 100ms");
	int relay = peer_join(&h, "h"), silent = peer_connect(&h), slow = peer_connect(&h);
	peer_say(slow, PL_STR("id never en"));
	assert_true(peer_hear(&h, silent, NULL, &heard));
	assert_true(peer_hear(&h, slow, NULL, &heard));
	assert_int_equal(heard.n, 0);
	assert_int_equal(count(&h, PL_IN_RELAY_END_HANDSHAKE_TIMEOUT), 2);
	peer_sync(&h, relay, &heard);
	close(relay);
	close(silent);
	close(slow);
	harness_close(&h);
	pl_buf_finish(&heard);
}

static void who_reads_nothing_is_dropped(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf pings = {0};
	harness_open(&h, "limits: {unsent_bytes: 4KiB}");
	int good = peer_join(&h, "good"), fd = peer_join(&h, "h");
	for (int i = 0; i < 1000; i++)
		pl_buf_add_cstr(&pings, "ping\n");
	while (count(&h, PL_IN_RELAY_END_SLOW) == 0) {
		ssize_t n = send(fd, pings.p, pings.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			break;
		harness_turn(&h);
	}
	assert_int_equal(count(&h, PL_IN_RELAY_END_SLOW), 1);
	pl_buf_clear(&pings);
	peer_sync(&h, good, &pings);
	assert_int_equal(count(&h, PL_IN_RELAY_RELAYS), 1);
	close(fd);
	close(good);
	harness_close(&h);
	pl_buf_finish(&pings);
}

/* A relay may be silent for two beats, two polls and 45 s, whichever is longest. */
static void who_is_silent_for_too_long_is_dropped(void **state)
{
	(void)state;
	static const struct {
		const char *config;
		uint64_t silent_s;
		bool dropped;
	} rows[] = {
	    {"beat_interval: 2s, poll_interval: 5s", 40, false},    {"beat_interval: 2s, poll_interval: 5s", 45, true},
	    {"beat_interval: 30s, poll_interval: 5s", 55, false},   {"beat_interval: 30s, poll_interval: 5s", 60, true},
	    {"beat_interval: 30s, poll_interval: 60s", 115, false}, {"beat_interval: 30s, poll_interval: 60s", 120, true},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct harness h;
		struct pl_buf heard = {0};
		harness_open(&h, rows[i].config);
		const struct pl_in_relay_server *s = h.self;
		int silent = peer_join(&h, "silent"), witness = peer_connect(&h);
		TAILQ_FIRST(&s->members)->since_ms -= rows[i].silent_s * 1000;
		/* Its handshake has been going on for ever, so the sweep that ends it has looked at all. */
		wait_for(&h, PL_IN_RELAY_CONNECTIONS, 2);
		TAILQ_FIRST(&s->handshakes)->since_ms -= 3600000;
		wait_for(&h, PL_IN_RELAY_END_HANDSHAKE_TIMEOUT, 1);
		assert_int_equal(count(&h, PL_IN_RELAY_END_IDLE), rows[i].dropped);
		if (rows[i].dropped)
			assert_true(peer_hear(&h, silent, NULL, &heard));
		else
			peer_sync(&h, silent, &heard);
		close(silent);
		close(witness);
		harness_close(&h);
		pl_buf_finish(&heard);
	}
}

/* ---- the wheel ---- */

struct turns {
	unsigned due[512];
	uint64_t missed; /* by each that is due */
	struct pl_in_relay_spoke spokes[512];
};

static void on_due(void *data, struct pl_in_relay_spoke *s)
{
	struct turns *t = data;
	t->due[s - t->spokes]++;
	assert_int_equal(s->missed, t->missed);
}

static void everybody_is_due_once_an_interval_and_spread_over_it(void **state)
{
	(void)state;
	static const uint64_t intervals[] = {1, 19, 100, 999, 5000, 60000, 86400000};
	for (size_t i = 0; i < PL_COUNT_OF(intervals); i++) {
		struct turns t = {0};
		struct pl_in_relay_wheel w;
		uint64_t now = 123456789, end = now + 3 * intervals[i], turns = 0, most = 0;
		pl_in_relay_wheel_init(&w, intervals[i], now);
		for (size_t k = 0; k < PL_COUNT_OF(t.spokes); k++) {
			t.spokes[k].hash = pl_str_hash((struct pl_str){(const char *)&k, sizeof k}, 0);
			pl_in_relay_wheel_add(&w, &t.spokes[k]);
		}
		while (now < end) {
			uint64_t before = 0, after = 0, wait = pl_in_relay_wheel_wait(&w, now);
			now = now + wait < end ? now + wait : end;
			for (size_t k = 0; k < PL_COUNT_OF(t.due); k++)
				before += t.due[k];
			pl_in_relay_wheel_turn(&w, now, on_due, &t);
			for (size_t k = 0; k < PL_COUNT_OF(t.due); k++)
				after += t.due[k];
			most = after - before > most ? after - before : most;
			turns++;
		}
		for (size_t k = 0; k < PL_COUNT_OF(t.due); k++)
			assert_int_equal(t.due[k], 3);
		if (w.n_slots >= 50)
			assert_true(most < PL_COUNT_OF(t.due) / 10); /* never all at once */
		t.missed = 99;                                       /* it was stopped for long: once each, not 100 times */
		pl_in_relay_wheel_turn(&w, now + 100 * intervals[i], on_due, &t);
		for (size_t k = 0; k < PL_COUNT_OF(t.due); k++) {
			assert_int_equal(t.due[k], 4);
			pl_in_relay_wheel_remove(&w, &t.spokes[k]);
			pl_in_relay_wheel_remove(&w, &t.spokes[k]);
		}
		assert_int_equal(w.n_members, 0);
		assert_true(turns > 0);
		pl_in_relay_wheel_finish(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_too_much_is_refused_and_counted),
	    cmocka_unit_test(a_long_line_before_the_id_is_refused),
	    cmocka_unit_test(the_collectors_of_a_relay_are_bounded_together),
	    cmocka_unit_test(relays_beyond_the_limit_are_turned_away),
	    cmocka_unit_test(the_oldest_of_too_many_handshakes_goes),
	    cmocka_unit_test(a_handshake_has_a_deadline),
	    cmocka_unit_test(who_reads_nothing_is_dropped),
	    cmocka_unit_test(who_is_silent_for_too_long_is_dropped),
	    cmocka_unit_test(everybody_is_due_once_an_interval_and_spread_over_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
