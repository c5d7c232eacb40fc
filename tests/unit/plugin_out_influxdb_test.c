/* The InfluxDB output against a real influxd. */
#include "plugin_out_influxd.h"

extern const struct pl_plugin pl_plugin_out_influxdb;

static const int64_t minute = 60 * PL_NS_PER_S;

static int set_up_server(void **state)
{
	if (!influxd_installed()) {
		*state = NULL;
		return 0;
	}
	struct influxd *d = pl_calloc(1, sizeof *d);
	influxd_start(d, "max-body-size = 20000", "max-series-per-database = 50");
	*state = d;
	return 0;
}

static int tear_down_server(void **state)
{
	struct influxd *d = *state;
	if (d != NULL)
		influxd_stop(d);
	free(d);
	return 0;
}

/* Each test has a database of its own on the one server. */
static struct influxd *server_of(void **state)
{
	if (*state == NULL) {
		print_message("SKIPPED: " INFLUXD " is not installed\n");
		skip();
	}
	return *state;
}

static void open_on(struct harness *h, const struct influxd *d, const char *database, const char *more)
{
	char yaml[600];
	snprintf(yaml, sizeof yaml, "url: %s/\ndatabase: %s\n%s", d->url, database, more);
	harness_open(h, &pl_plugin_out_influxdb, yaml);
}

static void expect(const struct pl_verdict *v, enum pl_verdict_kind kind, uint32_t refused, const char *as, const char *words)
{
	if (v->kind != kind || v->refused != refused || !pl_str_eq(pl_str_of(as), pl_str_of(v->refused_as)) ||
	    strstr(v->reason, words) == NULL)
		fail_msg("kind %d refused %u as %s: \"%s\"", v->kind, v->refused, v->refused_as, v->reason);
}

static void done(const struct pl_verdict *v)
{
	expect(v, PL_VERDICT_DONE, 0, NULL, "");
}

/* Several batches of one delivery; the database is created by the first write or at start, whoever comes first. */
static void write_and_read(void **state)
{
	static const char *const modes[] = {"gzip: 'off'\n", "gzip: 'on'\n"};
	for (size_t i = 0; i < PL_COUNT_OF(modes); i++) {
		struct harness h;
		const char *texts[] = {"cpu_used,host=a,service=web cpu_used=0.25\n",
				       "cpu_used,host=b cpu_used=0.75\nup,i=x:1 value=1\n", "cpu,host=a usage=1,note=\"x\"\n"};
		open_on(&h, server_of(state), i == 0 ? "wr0" : "wr1", modes[i]);
		harness_start(&h, "", "", texts, 3);
		harness_end(&h);
		done(&h.verdict);
		assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "cpu_used,up,usage");
		assert_string_equal(harness_names(&h, PL_QUERY_TAGS), "host,i,service");
		struct pl_query *q = harness_latest("cpu_used", PL_VERB_COUNT, 10 * minute, 1, "");
		harness_ask(&h, q);
		assert_int_equal(q->err, PL_OK);
		assert_int_equal(q->n_rows, 1);
		assert_true(q->rows[0].value == 2);
		assert_int_equal(q->rows[0].time_ms % 600000, 0);
		pl_query_destroy(q);
		harness_close(&h);
	}
}

static void missing_database(void **state)
{
	struct influxd *d = server_of(state);
	struct harness h;
	open_on(&h, d, "never", "create_database: false\n");
	expect(harness_deliver(&h, "a value=1\n"), PL_VERDICT_HOLD, 0, NULL, "database not found: \"never\"");
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "error: InfluxDB answered 200: database not found: never");
	harness_close(&h);
	open_on(&h, d, "'a \"quoted name; DROP DATABASE wr0'", "");
	done(harness_deliver(&h, "a value=1\n"));
	done(harness_deliver_to(&h, "another one", "", "b value=1\n"));
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "a");
	harness_close(&h);
	open_on(&h, d, "another one", "create_database: false\n");
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "b");
	harness_close(&h);
}

static void missing_policy(void **state)
{
	struct influxd *d = server_of(state);
	struct harness h;
	open_on(&h, d, "rp", "");
	expect(harness_deliver_to(&h, "", "week", "a value=1\n"), PL_VERDICT_HOLD, 0, NULL, "retention policy not found: week");
	harness_close(&h);
	open_on(&h, d, "rp", "retention_policy: two hours\nretention_duration: 2h\n");
	done(harness_deliver(&h, "a value=1\n"));
	done(harness_deliver_to(&h, "", "week", "b value=1\n"));
	done(harness_deliver_to(&h, "rp", "", "in_default value=1\n"));
	long long old = pl_clock_wall_ns() - 3 * 60 * minute;
	char lines[200];
	snprintf(lines, sizeof lines, "c value=1\nd value=1 %lld\ne value=1 %lld\n", old, old + 1);
	expect(harness_deliver(&h, lines), PL_VERDICT_DONE, 2, "expired", "beyond retention policy");
	assert_string_equal(harness_rows(&h, harness_latest("in_default", PL_VERB_COUNT, 10 * minute, 1, "")),
			    "error: not found");
	struct pl_query *q = harness_latest("a", PL_VERB_COUNT, 10 * minute, 1, "");
	harness_ask(&h, q);
	assert_int_equal(q->err, PL_OK);
	pl_query_destroy(q);
	harness_close(&h);
}

/* A body is halved until it fits, and the limit is remembered; a line that is alone too large is named. */
static void too_large(void **state)
{
	struct influxd *d = server_of(state);
	struct harness h;
	for (int gzip = 0; gzip < 2; gzip++) {
		struct pl_buf lines = {0};
		open_on(&h, d, gzip ? "large1" : "large0", gzip ? "gzip: 'on'\n" : "gzip: 'off'\n");
		for (int i = 0; i < 4000; i++)
			pl_buf_addf(&lines, "m v=%d %d000000000\n", i * 7919 % 100003, i + 1);
		done(harness_deliver(&h, pl_buf_cstr(&lines)));
		assert_int_equal(influxd_count(d, gzip ? "large1" : "large0", "m"), 4000);
		pl_buf_finish(&lines);
		if (gzip == 0) {
			pl_buf_addf(&lines, "m v=1 1\nm t=\"%030000d\" 2\nm v=3 3\n", 1);
			expect(harness_deliver(&h, pl_buf_cstr(&lines)), PL_VERDICT_DONE, 0, NULL, "413");
			assert_int_equal(h.n_refusals, 1);
			assert_int_equal(strlen(h.refusals[0].line), 30000 + strlen("m t=\"\" 2"));
			assert_non_null(strstr(h.refusals[0].reason, "the line alone has 30008 bytes"));
			assert_int_equal(influxd_count(d, "large0", "m"), 4002);
			pl_buf_finish(&lines);
		}
		harness_close(&h);
	}
}

static void hostile_questions(void **state)
{
	static const struct {
		const char *stat, *filters;
	} cases[] = {
	    {"s\"; DROP DATABASE hostile; --", ""},
	    {"s", "h=' OR 1=1; DROP DATABASE hostile --"},
	    {"s", "h' OR 1=1 --=x"},
	    {"s", "h\"; DROP DATABASE hostile; --=x"},
	    {"s", "h=\\"},
	    {"s\\", "h=x"},
	    {"s\n; DROP DATABASE hostile", "h=x"},
	    {"s", "time=now()"},
	    {"time", ""},
	    {"", ""},
	};
	static const enum pl_verb verbs[] = {PL_VERB_MEAN, PL_VERB_NONE};
	struct harness h;
	open_on(&h, server_of(state), "hostile", "");
	done(harness_deliver(&h, "s,h=a s=1\n"));
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		for (size_t v = 0; v < PL_COUNT_OF(verbs); v++) {
			struct pl_query *q = harness_latest(cases[i].stat, verbs[v], 10 * minute, 3, cases[i].filters);
			harness_ask(&h, q);
			if (q->err != PL_ENOENT)
				fail_msg("case %zu: %s: %s", i, pl_err_text(q->err), q->reason);
			pl_query_destroy(q);
		}
	}
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "s");
	/* a text field of that name is not an error of the server */
	done(harness_deliver(&h, "t t=\"text\"\n"));
	assert_string_equal(harness_rows(&h, harness_latest("t", PL_VERB_MEAN, minute, 1, "")), "error: not found");
	assert_string_equal(harness_rows(&h, harness_latest("t", PL_VERB_NONE, minute, 1, "")), "error: not found");
	assert_string_equal(harness_rows(&h, harness_latest("s", PL_VERB_MEAN, 0, 1, "")), "error: invalid argument");
	harness_close(&h);
}

static void many_questions_at_once(void **state)
{
	struct harness h;
	struct pl_query *q[70];
	unsigned fine = 0, refused = 0;
	open_on(&h, server_of(state), "many", "");
	done(harness_deliver(&h, "s s=1\n"));
	for (size_t i = 0; i < PL_COUNT_OF(q); i++) {
		q[i] = harness_latest("s", PL_VERB_MEAN, 10 * minute, 1, "");
		q[i]->data = &h;
		pl_plugin_out_influxdb.ops.output->query(h.self, q[i]);
	}
	while (h.answered < PL_COUNT_OF(q))
		uv_run(&h.loop.uv, UV_RUN_DEFAULT);
	for (size_t i = 0; i < PL_COUNT_OF(q); i++) {
		fine += q[i]->err == PL_OK;
		refused += q[i]->err == PL_EIO;
		pl_query_destroy(q[i]);
	}
	assert_int_equal(fine, 64);
	assert_int_equal(refused, 6);
	harness_close(&h);
}

/* The daemon may start first, and the server may go and come. */
static void server_away(void **state)
{
	struct influxd *d = server_of(state);
	struct harness h;
	influxd_halt(d);
	open_on(&h, d, "away", "");
	expect(harness_deliver(&h, "a value=1\n"), PL_VERDICT_RETRY, 0, NULL, "127.0.0.1");
	struct pl_query *q = pl_query_create(PL_QUERY_KEYS);
	harness_ask(&h, q);
	assert_int_equal(q->err, PL_ENET);
	assert_string_not_equal(q->reason, "");
	pl_query_destroy(q);
	influxd_run(d);
	done(harness_deliver(&h, "a value=1\n"));
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "a");
	harness_close(&h);
}

static void credentials(void **state)
{
	(void)server_of(state);
	struct influxd d;
	struct harness h;
	char file[300], more[500];
	influxd_start(&d, "", "");
	open_on(&h, &d, "secret", "");
	done(harness_deliver(&h, "a value=1\n"));
	harness_close(&h);
	/* users are made while it asks for none */
	char command[400];
	snprintf(command, sizeof command,
		 "curl -sf -XPOST %s/query --data-urlencode \"q=CREATE USER root WITH PASSWORD 'pa ss:w' WITH ALL PRIVILEGES; "
		 "CREATE USER "
		 "bob WITH PASSWORD 'b'; GRANT READ ON secret TO bob\" >/dev/null",
		 d.url);
	if (system(command) != 0)
		fail_msg("cannot make users");
	influxd_halt(&d);
	snprintf(command, sizeof command, "sed -i 's/^log-enabled.*/&\\nauth-enabled = true/' %s/influxdb.conf", d.directory);
	assert_int_equal(system(command), 0);
	influxd_run(&d);

	open_on(&h, &d, "secret", "");
	expect(harness_deliver(&h, "a value=1\n"), PL_VERDICT_HOLD, 0, NULL, "401");
	struct pl_query *q = pl_query_create(PL_QUERY_KEYS);
	harness_ask(&h, q);
	assert_int_equal(q->err, PL_EIO);
	pl_query_destroy(q);
	harness_close(&h);

	open_on(&h, &d, "secret", "username: bob\npassword: b\n");
	expect(harness_deliver(&h, "a value=1\n"), PL_VERDICT_HOLD, 0, NULL, "403");
	harness_close(&h);

	/* a password in a file is read anew for each request */
	snprintf(file, sizeof file, "%s/password", d.directory);
	snprintf(more, sizeof more, "username: root\npassword_file: %s\n", file);
	open_on(&h, &d, "secret", more);
	expect(harness_deliver(&h, "a value=1\n"), PL_VERDICT_HOLD, 0, NULL, "password");
	FILE *f = fopen(file, "w");
	fputs("pa ss:w\n", f);
	fclose(f);
	done(harness_deliver(&h, "a value=1\n"));
	assert_string_equal(harness_names(&h, PL_QUERY_KEYS), "a");
	done(harness_deliver_to(&h, "made by root", "", "a value=1\n"));
	harness_close(&h);
	influxd_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(write_and_read), cmocka_unit_test(missing_database),  cmocka_unit_test(missing_policy),
	    cmocka_unit_test(too_large),      cmocka_unit_test(hostile_questions), cmocka_unit_test(many_questions_at_once),
	    cmocka_unit_test(server_away),    cmocka_unit_test(credentials),
	};
	return cmocka_run_group_tests(tests, set_up_server, tear_down_server);
}
