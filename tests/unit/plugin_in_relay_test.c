
#include "plugin_in_relay_harness.h"

/* Each row of the protocol as pulse's server was seen to follow it, its defects apart. */
static void every_handshake_is_answered(void **state)
{
	(void)state;
	static const struct {
		const char *config;
		struct pl_str say;
		const char *reply;
		bool closes;
		const char *id; /* NULL: nobody is registered */
	} rows[] = {
	    {"", PL_STR("id host1\n"), "ok\nbeat 30\n", false, "host1"},
	    {"beat_interval: 2s", PL_STR("id host1\r\n"), "ok\nbeat 2\n", false, "host1"},
	    {"", PL_STR("id a b c\n"), "ok\nbeat 30\n", false, "a b c"},
	    {"", PL_STR("id \n"), "ok\nbeat 30\n", false, ""},
	    {"", PL_STR("id \xFF\x01x\n"), "ok\nbeat 30\n", false, NULL}, /* shown otherwise */
	    {"", PL_STR("id\n"), "missing id\n", true, NULL},
	    {"", PL_STR("ID x\n"), "identify first with the 'id' command\n", true, NULL},
	    {"", PL_STR("ping\n"), "identify first with the 'id' command\n", true, NULL},
	    {"", PL_STR("\n"), "identify first with the 'id' command\n", true, NULL},
	    {"", PL_STR("\r\n"), "identify first with the 'id' command\n", true, NULL},
	    {"", PL_STR("got a-b:1\nid x\n"), "identify first with the 'id' command\n", true, NULL},
	    {"", PL_STR("auth\n"), "identify first with the 'id' command\n", true, NULL},
	    {"", PL_STR("auth x\nid host1\n"), "ok\nbeat 30\n", false, "host1"}, /* not asked for, no harm */
	    {"", PL_STR("id one\nid two\n"), "ok\nbeat 30\n", false, "one"},
	    {"token: s3cret", PL_STR("auth s3cret\nid host1\n"), "ok\nbeat 30\n", false, "host1"},
	    {"token: s3cret", PL_STR("auth s3cret\r\nid host1\r\n"), "ok\nbeat 30\n", false, "host1"},
	    {"token: s3cret", PL_STR("auth s3cre\nid host1\n"), "authentication failed\n", true, NULL},
	    {"token: s3cret", PL_STR("auth s3crets\n"), "authentication failed\n", true, NULL},
	    {"token: s3cret", PL_STR("auth \n"), "authentication failed\n", true, NULL},
	    {"token: s3cret", PL_STR("id host1\n"), "authenticate first with the 'auth' command\n", true, NULL},
	    {"token_file: /nowhere/at/all", PL_STR("auth \nid host1\n"), "authentication failed\n", true, NULL},
	    {"limits: {name_bytes: 16}", PL_STR("id 1234567890123456\n"), "ok\nbeat 30\n", false, "1234567890123456"},
	    {"limits: {name_bytes: 16}", PL_STR("id 12345678901234567\n"), "id too long\n", true, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct harness h;
		struct pl_buf heard = {0}, json = {0}, expected = {0};
		harness_open(&h, rows[i].config);
		int fd = peer_connect(&h);
		peer_say(fd, rows[i].say);
		if (rows[i].closes)
			assert_true(peer_hear(&h, fd, NULL, &heard));
		else
			peer_sync(&h, fd, &heard);
		if (!pl_str_is(pl_buf_str(&heard), rows[i].reply))
			fail_msg("%.*s: \"%.*s\"", (int)rows[i].say.n, rows[i].say.p, (int)heard.n, heard.p);
		h.ops->status(h.self, &json);
		pl_buf_addf(&expected, "{\"relays\":[{\"id\":\"%s\",", rows[i].id != NULL ? rows[i].id : "");
		if (rows[i].closes)
			assert_true(pl_str_is(pl_buf_str(&json), "{\"relays\":[],\"truncated\":false}"));
		else if (rows[i].id != NULL && !pl_str_starts(pl_buf_str(&json), pl_buf_str(&expected)))
			fail_msg("%s: %s", rows[i].id, pl_buf_cstr(&json));
		close(fd);
		harness_close(&h);
		pl_buf_finish(&heard);
		pl_buf_finish(&json);
		pl_buf_finish(&expected);
	}
}

static void every_command_has_its_effect(void **state)
{
	(void)state;
	static const struct {
		const char *say, *points, *live;
	} rows[] = {
	    {"got cpu_used-cpu_used:0.2500\n", "cpu_used,host=h cpu_used=0.2500\n", "|metrics|host:h|cpu_used=0.2500\n"},
	    {"add d:region:eu,plain,service:web 1\ngot d-root:1.5000,d-home:2\n",
	     "root,host=h,region=eu,service=web\\ 1 root=1.5000\nhome,host=h,region=eu,service=web\\ 1 home=2\n",
	     "|region:eu|plain|service:web 1|metrics|host:h|root=1.5000\n|region:eu|plain|service:web 1|metrics|host:h|home=2\n"},
	    {"add a\nadd b:\ngot a-a:1,b-b:2\n", "a,host=h a=1\nb,host=h b=2\n", "|metrics|host:h|a=1\n|metrics|host:h|b=2\n"},
	    {"add four:x:y\ngot four-z:1\n", "z,host=h,x=y z=1\n", "|x:y|metrics|host:h|z=1\n"},
	    {"add t:a:1,,b,a:2,e:1,e:,:v\ngot t-s:1\n", "s,a=2,host=h s=1\n", "|a:1||b|a:2|e:1|e:|:v|metrics|host:h|s=1\n"},
	    {"add t:host:other\ngot t-s:1\n", "s,host=other s=1\n", "|host:other|metrics|host:h|s=1\n"},
	    {"add t:host:\ngot t-s:1\n", "s s=1\n", "|host:|metrics|host:h|s=1\n"},
	    {"add t:a:1\nadd t:b:2\ngot t-s:1\n", "s,b=2,host=h s=1\n", "|b:2|metrics|host:h|s=1\n"},
	    {"add t:a:1\nremove t\nremove nobody\ngot t-s:1\n", "s,host=h s=1\n", "|metrics|host:h|s=1\n"},
	    {"add :q:1\ngot -s:1\n", "s,host=h,q=1 s=1\n", "|q:1|metrics|host:h|s=1\n"},
	    {"got old:7.5\n", "old,host=h old=7.5\n", "|metrics|host:h|old=7.5\n"},
	    {"got a-b:1:2,c-d:3,e-f-g:4,h\n", "d,host=h d=3\n", "|metrics|host:h|d=3\n"},
	    {"got a-b:abc,a-c:NaN,a-d:+Inf,a-e:1e400,a-f: 1,a-g:1_000,a-h:0x1p-2,a-i:+5.\n",
	     "g,host=h g=1000\nh,host=h h=0.25\ni,host=h i=5\n",
	     "|metrics|host:h|b=abc\n|metrics|host:h|c=NaN\n|metrics|host:h|d=+Inf\n|metrics|host:h|e=1e400\n"
	     "|metrics|host:h|f= 1\n|metrics|host:h|g=1_000\n|metrics|host:h|h=0x1p-2\n|metrics|host:h|i=+5.\n"},
	    {"got a-:1,-:2,a-b:3\n", "b,host=h b=3\n", "|metrics|host:h|=1\n|metrics|host:h|=2\n|metrics|host:h|b=3\n"},
	    {"got a-time:1\n", "time_,host=h time_=1\n", "|metrics|host:h|time=1\n"},
	    {"add t:time:x,k\\:v\\,a=b c:d=e f\ngot t-s t=1:9\n",
	     "s\\ t=1,a\\=b\\ c=d\\=e\\ f,host=h,k_=v_,time_=x s\\ t\\=1=9\n",
	     "|time:x|k\\:v\\|a=b c:d=e f|metrics|host:h|s t=1=9\n"},
	    {"got a-x; DROP DATABASE z --:1\n", "", ""}, /* two dashes: no item */
	    {"got a-x) INTO y FROM /./; DROP DATABASE z:1\n",
	     "x)\\ INTO\\ y\\ FROM\\ /./;\\ DROP\\ DATABASE\\ z,host=h x)\\ INTO\\ y\\ FROM\\ /./;\\ DROP\\ DATABASE\\ z=1\n",
	     "|metrics|host:h|x) INTO y FROM /./; DROP DATABASE z=1\n"},
	    {"got a-#x:1\n", "_x,host=h _x=1\n", "|metrics|host:h|#x=1\n"},
	    {"got a-x\\\"y:1,a-x\\=y:2,a-x\\ y\\:3,a-x\\y=\"z:4\n",
	     "x_\"y,host=h x_\"y=1\nx_=y,host=h x_\\=y=2\nx_\\ y_,host=h x_\\ y_=3\nx\\y=\"z,host=h x\\y\\=\"z=4\n",
	     "|metrics|host:h|x\\\"y=1\n|metrics|host:h|x\\=y=2\n|metrics|host:h|x\\ y\\=3\n|metrics|host:h|x\\y=\"z=4\n"},
	    {"got \n", "", ""},
	    {"got\nadd\nremove\n\nok\nok sync\nflush\noverride 1 a:1\npong\nbeat 3\nid other\nunknown command\nping x\nGOT "
	     "a-b:1\n",
	     "", ""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct harness h;
		struct pl_buf heard = {0};
		harness_open(&h, "");
		h.live_wanted = true;
		int fd = peer_join(&h, "h");
		peer_say(fd, pl_str_of(rows[i].say));
		peer_sync(&h, fd, &heard);
		if (heard.n > 0)
			fail_msg("%s: answered \"%.*s\"", rows[i].say, (int)heard.n, heard.p);
		if (!pl_str_is(pl_buf_str(&h.points), rows[i].points))
			fail_msg("%s: %s", rows[i].say, pl_buf_cstr(&h.points));
		if (!pl_str_is(pl_buf_str(&h.live), rows[i].live))
			fail_msg("%s: live %s", rows[i].say, pl_buf_cstr(&h.live));
		assert_int_equal(h.counters[PL_IN_RELAY_POINTS], h.n_points);
		uint64_t dropped = 0;
		for (size_t k = PL_IN_RELAY_DROP_MALFORMED; k <= PL_IN_RELAY_DROP_SERIES_KEY; k++)
			dropped += h.counters[k];
		assert_int_equal(h.counters[PL_IN_RELAY_STATS], h.n_points + dropped);
		assert_true(h.n_commits <= 1); /* a line is one batch */
		close(fd);
		harness_close(&h);
		pl_buf_finish(&heard);
	}
}

static void who_says_close_is_let_go(void **state)
{
	(void)state;
	static const char *const says[] = {"close\n", "close anything\n", "got a-b:1\nclose\ngot a-b:2\n"};
	for (size_t i = 0; i < PL_COUNT_OF(says); i++) {
		struct harness h;
		struct pl_buf heard = {0};
		harness_open(&h, "");
		int fd = peer_join(&h, "h");
		peer_say(fd, pl_str_of(says[i]));
		assert_true(peer_hear(&h, fd, NULL, &heard));
		assert_int_equal(heard.n, 0);
		assert_true(pl_str_is(pl_buf_str(&h.points), i < 2 ? "" : "b,host=h b=1\n"));
		close(fd);
		harness_close(&h);
		pl_buf_finish(&heard);
	}
}

static void a_newer_connection_takes_the_id_over(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0}, json = {0};
	harness_open(&h, "poll_interval: 100ms");
	int older = peer_join(&h, "h");
	peer_say(older, PL_STR("add of_older\n"));
	peer_sync(&h, older, &heard);
	int newer = peer_join(&h, "h");
	assert_true(peer_hear(&h, older, NULL, &heard)); /* the older one is closed */
	close(older);
	for (int i = 0; i < 50; i++)
		harness_turn(&h);
	pl_buf_clear(&heard);
	peer_say(newer, PL_STR("add of_newer:x:y\n"));
	assert_false(peer_hear(&h, newer, "get of_newer\n", &heard)); /* and its end did not touch the newer */
	pl_buf_clear(&heard);
	peer_say(newer, PL_STR("got of_newer-s:1\n"));
	peer_sync(&h, newer, &heard);
	assert_true(pl_str_is(pl_buf_str(&h.points), "s,host=h,x=y s=1\n"));
	assert_int_equal(h.counters[PL_IN_RELAY_RELAYS], 1);
	assert_int_equal(h.counters[PL_IN_RELAY_TAKEOVERS], 1);
	assert_int_equal(h.counters[PL_IN_RELAY_COLLECTORS], 1);
	close(newer);
	harness_close(&h);
	pl_buf_finish(&heard);
	pl_buf_finish(&json);
}

static void a_poll_names_all_collectors(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0};
	harness_open(&h, "poll_interval: 100ms");
	int fd = peer_join(&h, "h"), nameless = peer_join(&h, "nameless");
	peer_say(nameless, PL_STR("add :a:b\n"));
	peer_sync(&h, nameless, &heard);
	peer_say(fd, PL_STR("add disk\nadd cpu used:a:b\nadd \nadd gone\nremove gone\n"));
	assert_false(peer_hear(&h, fd, "get ,cpu used,disk\n", &heard));
	assert_false(peer_hear(&h, fd, "get ,cpu used,disk\nget ,cpu used,disk\n", &heard)); /* and again */
	pl_buf_clear(&heard);
	peer_sync(&h, nameless, &heard);
	assert_int_equal(heard.n, 0); /* a list that joins to nothing is not asked for */
	close(fd);
	close(nameless);
	harness_close(&h);
	pl_buf_finish(&heard);
}

static void a_reload_keeps_connections_and_changes_the_rest(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0};
	harness_open(&h, "poll_interval: 1d");
	int fd = peer_join(&h, "h");
	peer_say(fd, PL_STR("add c:a:b\ngot c-s:1\n"));
	peer_sync(&h, fd, &heard);
	assert_string_equal(h.database, "/");
	harness_adopt(&h, "poll_interval: 100ms, collector_tag: true, influx: {database: d, retention_policy: r}");
	assert_false(peer_hear(&h, fd, "get c\n", &heard));
	pl_buf_clear(&heard);
	peer_say(fd, PL_STR("got c-s:2,never_added-s:3\n"));
	peer_sync(&h, fd, &heard);
	assert_string_equal(pl_buf_cstr(&h.points),
			    "s,a=b,host=h s=1\ns,a=b,collector=c,host=h s=2\ns,collector=never_added,host=h s=3\n");
	assert_string_equal(h.database, "d/r");
	h.ops->adopt(h.self, NULL);
	assert_true(peer_hear(&h, fd, NULL, &heard));
	close(fd);
	harness_close(&h);
	pl_buf_finish(&heard);
}

static void overrides_are_told_for_collectors_that_are_there(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0};
	harness_open(&h, "overrides: {cpu: {interval: 10s}, ram: {interval: 2m}}");
	int fd = peer_join(&h, "h");
	peer_say(fd, PL_STR("add cpu\nadd disk\n"));
	peer_sync(&h, fd, &heard);
	assert_string_equal(pl_buf_cstr(&heard), "override 86400 cpu:10\n");
	pl_buf_clear(&heard);
	harness_adopt(&h, "overrides: {disk: {interval: 5s}}");
	peer_sync(&h, fd, &heard);
	assert_string_equal(pl_buf_cstr(&heard), "override 86400 disk:5\n");
	close(fd);
	harness_close(&h);
	pl_buf_finish(&heard);
}

static void whoever_was_asked_may_answer_when_it_closes(void **state)
{
	(void)state;
	struct harness h;
	struct pl_buf heard = {0};
	harness_open(&h, "poll_interval: 100ms");
	int fd = peer_join(&h, "h");
	peer_say(fd, PL_STR("add c\n"));
	assert_false(peer_hear(&h, fd, "get c\n", &heard));
	h.ops->close(h.self, harness_closed, &h);
	peer_say(fd, PL_STR("got c-s:1\n"));
	assert_true(peer_hear(&h, fd, NULL, &heard));
	assert_string_equal(pl_buf_cstr(&h.points), "s,host=h s=1\n");
	close(fd);
	while (!h.closed)
		harness_turn(&h);
	pl_config_release(h.config);
	pl_loop_stop(&h.loop);
	pl_loop_run(&h.loop);
	pl_loop_finish(&h.loop);
	pl_buf_finish(&h.points);
	pl_buf_finish(&heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_handshake_is_answered),
	    cmocka_unit_test(every_command_has_its_effect),
	    cmocka_unit_test(who_says_close_is_let_go),
	    cmocka_unit_test(a_newer_connection_takes_the_id_over),
	    cmocka_unit_test(a_poll_names_all_collectors),
	    cmocka_unit_test(a_reload_keeps_connections_and_changes_the_rest),
	    cmocka_unit_test(overrides_are_told_for_collectors_that_are_there),
	    cmocka_unit_test(whoever_was_asked_may_answer_when_it_closes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
