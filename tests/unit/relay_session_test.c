/* What a relay says and does, line by line, without a network: the clock is the test's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "relay/private.h"

struct world {
	struct pl_relay *r;
	int64_t now_ns;
	double point;
	int calls;
};

static double point(void *data)
{
	struct world *w = data;
	w->calls++;
	return w->point;
}

static void disks(struct pl_relay_set *set, void *data)
{
	(void)data;
	assert_true(pl_relay_set_put(set, "disk_root", 1.5));
	assert_false(pl_relay_set_put(set, "disk-home", 2));
	assert_false(pl_relay_set_put(set, "disk_nan", (double)NAN));
	assert_false(pl_relay_set_put(set, "cpu", 1));
	assert_true(pl_relay_set_put(set, "disk_home", 2.25));
}

static void nothing(struct pl_relay_set *set, void *data)
{
	(void)set, (void)data;
}

static void heard(struct world *w, const char *want)
{
	struct pl_relay_bytes *out = &w->r->out;
	size_t n = pl_relay_bytes_count(out);
	if (n != strlen(want) || memcmp(out->p + out->from, want, n) != 0)
		fail_msg("heard \"%.*s\", not \"%s\"", (int)n, n > 0 ? out->p + out->from : "", want);
	pl_relay_bytes_drop(out, n);
}

static void says(struct world *w, const char *text)
{
	pl_relay_session_take(w->r, pl_str_of(text), w->now_ns);
}

static void passes(struct world *w, int64_t ms)
{
	w->now_ns += ms * PL_NS_PER_MS;
	pl_relay_session_tick(w->r, w->now_ns);
}

static void open_world(struct world *w, const char *token)
{
	char error[PL_RELAY_MAX_ERROR];
	static const char *const tags[] = {"service:web1", "plain", NULL};
	struct pl_relay_options o = PL_RELAY_OPTIONS;
	o.address = "127.0.0.1:1";
	o.id = "host 1";
	o.token = token;
	o.own_loop = true;
	*w = (struct world){.now_ns = PL_NS_PER_S, .point = 0.25};
	w->r = pl_relay_open(&o, error, sizeof error);
	assert_non_null(w->r);
	assert_true(pl_relay_add_point(w->r, "cpu_used", tags, point, w, error, sizeof error));
	assert_true(pl_relay_add_set(w->r, "disk", NULL, disks, w, error, sizeof error));
	assert_true(pl_relay_add_set(w->r, "empty", NULL, nothing, w, error, sizeof error));
	pthread_mutex_lock(&w->r->lock);
	pl_relay_session_begin(w->r, w->now_ns);
}

static void close_world(struct world *w)
{
	pl_relay_session_end(w->r);
	pthread_mutex_unlock(&w->r->lock);
	pl_relay_close(w->r);
}

static const char adds[] = "add cpu_used:service:web1,plain\nadd disk:\nadd empty:\n";

static void test_handshake(void **state)
{
	struct world w;
	(void)state;
	open_world(&w, NULL);
	heard(&w, "id host 1\n");
	says(&w, "o");
	heard(&w, "");
	says(&w, "k\nbeat 4\nbe");
	heard(&w, adds);
	passes(&w, 4000);
	heard(&w, "ping\nok sync\n");
	close_world(&w);
	open_world(&w, "secret");
	heard(&w, "auth secret\nid host 1\n");
	says(&w, "ok\r\n"); /* without a beat: 30 s */
	heard(&w, adds);
	passes(&w, 29999);
	heard(&w, "");
	passes(&w, 1);
	heard(&w, "ping\nok sync\n");
	close_world(&w);
}

static void test_refused_handshakes(void **state)
{
	static const char *const answers[] = {"identify first with the 'id' command\n", "\n", "ok then\n", "OK\n", "beat 30\n"};
	struct world w;
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(answers); i++) {
		open_world(&w, NULL);
		says(&w, answers[i]);
		assert_true(w.r->ended);
		assert_non_null(strstr(w.r->error, "instead of ok"));
		close_world(&w);
	}
	open_world(&w, NULL);
	passes(&w, 9999);
	assert_false(w.r->ended);
	assert_int_equal(pl_relay_session_due(w.r), w.now_ns + PL_NS_PER_MS);
	passes(&w, 1);
	assert_true(w.r->ended);
	assert_non_null(strstr(w.r->error, "did not answer the handshake within 10.0 s"));
	close_world(&w);
}

static void begin(struct world *w)
{
	open_world(w, NULL);
	says(w, "ok\nbeat 10\n");
	pl_relay_bytes_drop(&w->r->out, pl_relay_bytes_count(&w->r->out));
}

static void test_get(void **state)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
	    {"get cpu_used\n", "got cpu_used-cpu_used:0.2500\n"},
	    {"get disk,cpu_used\r\n", "got disk-disk_root:1.5000,disk-disk_home:2.2500,cpu_used-cpu_used:0.2500\n"},
	    {"get cpu_used,nobody,cpu_used\n", "got cpu_used-cpu_used:0.2500,cpu_used-cpu_used:0.2500\n"},
	    {"get empty\n", ""},
	    {"get  cpu_used\n", ""},
	    {"get nobody, cpu_used\n", ""},
	    {"get \n", ""},
	    {"get\n", ""},
	    {"GET cpu_used\n", ""},
	    {"\n", ""},
	    {"ping\n", ""},
	    {"unknown command\n", ""},
	    {"ok anything\n", ""},
	    {"flush\n", "ok\n"},
	};
	struct world w;
	(void)state;
	begin(&w);
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		says(&w, rows[i].line);
		heard(&w, rows[i].answer);
	}
	w.point = (double)NAN;
	uint64_t before = w.r->info.left_out;
	says(&w, "get cpu_used\n");
	heard(&w, "");
	assert_int_equal(w.r->info.left_out, before + 1);
	close_world(&w);
}

static void test_pings(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	passes(&w, 10000);
	heard(&w, "ping\nok sync\n");
	passes(&w, 4999);
	assert_false(w.r->ended);
	says(&w, "unknown command\n"); /* what servers without pong say; any line will do */
	passes(&w, 5001);
	heard(&w, "ping\nok sync\n");
	passes(&w, 5000);
	assert_true(w.r->ended);
	assert_non_null(strstr(w.r->error, "did not answer a ping in time"));
	close_world(&w);
	begin(&w);
	says(&w, "beat 1\n"); /* kills every Go relay */
	passes(&w, 1000);
	heard(&w, "ping\nok sync\n");
	passes(&w, 900);
	assert_false(w.r->ended);
	says(&w, "pong\n");
	says(&w, "beat 0\nbeat x\nbeat\nbeat 99999999999999999999\n"); /* none of them counts */
	passes(&w, 100);
	heard(&w, "ping\nok sync\n");
	close_world(&w);
}

static void test_override(void **state)
{
	struct world w;
	(void)state;
	begin(&w);
	says(&w, "override 5 cpu_used:2,nobody:1\n");
	heard(&w, "ok\n");
	says(&w, "get cpu_used,disk\n");
	heard(&w, "got disk-disk_root:1.5000,disk-disk_home:2.2500\n");
	assert_int_equal(pl_relay_session_due(w.r), w.now_ns + 2 * PL_NS_PER_S);
	passes(&w, 2000);
	heard(&w, "got cpu_used-cpu_used:0.2500\n");
	passes(&w, 2000);
	heard(&w, "got cpu_used-cpu_used:0.2500\n");
	passes(&w, 1000); /* over */
	says(&w, "get cpu_used\n");
	heard(&w, "got cpu_used-cpu_used:0.2500\n");
	says(&w, "override x cpu_used:1\noverride 5\noverride\noverride 5 cpu_used:fast,disk:1\n");
	heard(&w, "bad argument\nbad argument\nbad argument\nbad argument\n");
	passes(&w, 1000); /* the good half of the last one holds */
	heard(&w, "got disk-disk_root:1.5000,disk-disk_home:2.2500\n");
	close_world(&w);
}

static void leave(struct pl_relay_set *set, void *data)
{
	struct world *w = data;
	assert_true(pl_relay_set_put(set, "last", 1));
	assert_true(pl_relay_remove(w->r, "leaver"));
	assert_false(pl_relay_remove(w->r, "leaver"));
	assert_true(pl_relay_add_set(w->r, "leaver", NULL, nothing, w, NULL, 0));
}

static void test_add_and_remove(void **state)
{
	static const char *const bad_tag[] = {"a,b", NULL};
	char error[PL_RELAY_MAX_ERROR] = "";
	struct world w;
	(void)state;
	begin(&w);
	pthread_mutex_unlock(&w.r->lock);
	assert_false(pl_relay_add_point(w.r, "disk", NULL, point, &w, error, sizeof error));
	assert_non_null(strstr(error, "already"));
	assert_false(pl_relay_add_point(w.r, "late", bad_tag, point, &w, error, sizeof error));
	assert_non_null(strstr(error, "comma"));
	assert_false(pl_relay_add_point(w.r, "late", NULL, NULL, &w, error, sizeof error));
	assert_true(pl_relay_add_set(w.r, "leaver", NULL, leave, &w, NULL, 0));
	assert_true(pl_relay_remove(w.r, "disk"));
	assert_false(pl_relay_remove(w.r, "disk"));
	assert_false(pl_relay_remove(w.r, NULL));
	pthread_mutex_lock(&w.r->lock);
	heard(&w, "add leaver:\nremove disk\n");
	says(&w, "get leaver,disk\n");
	heard(&w, "remove leaver\nadd leaver:\ngot leaver-last:1.0000\n");
	pl_relay_session_say_goodbye(w.r);
	heard(&w, "remove cpu_used\nremove empty\nremove leaver\nclose\n");
	close_world(&w);
}

static void many(struct pl_relay_set *set, void *data)
{
	char name[32];
	int *n = data;
	for (int i = 0; i < *n; i++) {
		snprintf(name, sizeof name, "value_%d", i);
		pl_relay_set_put(set, name, 1e300);
	}
}

/* A long answer goes in several lines; one that is too long ends somewhere; a server that does not read gets no more. */
static void test_bounds(void **state)
{
	struct world w;
	int n = 1000;
	(void)state;
	begin(&w);
	pthread_mutex_unlock(&w.r->lock);
	assert_true(pl_relay_add_set(w.r, "many", NULL, many, &n, NULL, 0));
	pthread_mutex_lock(&w.r->lock);
	pl_relay_bytes_drop(&w.r->out, pl_relay_bytes_count(&w.r->out));
	says(&w, "get many\n");
	size_t values = 0, longest = 0, line = 0;
	for (const char *p = w.r->out.p + w.r->out.from, *end = w.r->out.p + w.r->out.n; p < end; p++) {
		values += *p == '-';
		line = *p == '\n' ? 0 : line + 1;
		longest = line > longest ? line : longest;
	}
	assert_int_equal(values, 1000);
	assert_in_range(longest, PL_RELAY_GOT_LINE / 2, PL_RELAY_GOT_LINE);
	assert_int_equal(w.r->info.left_out, 0);
	n = 10000;
	for (int i = 0; i < 10; i++)
		says(&w, "get many\n");
	assert_true(w.r->info.left_out > 50000);
	assert_in_range(pl_relay_bytes_count(&w.r->out), PL_RELAY_MAX_GOT, PL_RELAY_MAX_UNSENT);
	assert_false(w.r->ended);
	char *endless = pl_alloc(PL_RELAY_MAX_LINE + 1);
	memset(endless, 'x', PL_RELAY_MAX_LINE + 1);
	pl_relay_session_take(w.r, (struct pl_str){endless, PL_RELAY_MAX_LINE}, w.now_ns);
	assert_false(w.r->ended);
	pl_relay_session_take(w.r, (struct pl_str){endless, 1}, w.now_ns);
	assert_true(w.r->ended);
	assert_non_null(strstr(w.r->error, "a line longer than"));
	free(endless);
	close_world(&w);
}

static void test_options(void **state)
{
	static const struct {
		struct pl_relay_options o;
		const char *complaint;
	} rows[] = {
	    {{.size = 3}, "begin with PL_RELAY_OPTIONS"},
	    {{.size = sizeof rows[0].o}, "an address is needed"},
	    {{.size = sizeof rows[0].o, .address = "a:1"}, "the id is empty"},
	    {{.size = sizeof rows[0].o, .address = "a:1", .id = "b\\"}, "backslash"},
	    {{.size = sizeof rows[0].o, .address = "a:1", .id = "b", .token = "a\nid c"}, "the token has a control character"},
	    {{.size = sizeof rows[0].o, .address = "a:1", .id = "b", .ca_file = "x"}, "with tls only"},
	    {{.size = sizeof rows[0].o, .address = "a:1", .id = "b", .tls = true, .ca_file = "/nowhere/x"},
	     "/nowhere/x: No such file"},
	    {{.size = sizeof rows[0].o, .address = "a:1", .id = "b", .tls = true, .key_file = "x"}, "give both files or none"},
	    {{.size = sizeof rows[0].o, .address = "a:1", .id = "b", .retry_ms = UINT32_MAX}, "at most a day"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char error[PL_RELAY_MAX_ERROR] = "";
		assert_null(pl_relay_open(&rows[i].o, error, sizeof error));
		if (strstr(error, rows[i].complaint) == NULL)
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, error, rows[i].complaint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_handshake), cmocka_unit_test(test_refused_handshakes),
	    cmocka_unit_test(test_get),       cmocka_unit_test(test_pings),
	    cmocka_unit_test(test_override),  cmocka_unit_test(test_add_and_remove),
	    cmocka_unit_test(test_bounds),    cmocka_unit_test(test_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
