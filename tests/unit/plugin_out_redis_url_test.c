#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "out_redis/trouble.h"
#include "out_redis/url.h"

static void test_urls(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port, database;
		bool tls;
		const char *user, *password;
	} rows[] = {
	    {"redis://localhost", "localhost", 6379, 0, false, "", ""},
	    {"redis://127.0.0.1:7000/3", "127.0.0.1", 7000, 3, false, "", ""},
	    {"rediss://r.example/", "r.example", 6379, 0, true, "", ""},
	    {"redis://[::1]:7001", "::1", 7001, 0, false, "", ""},
	    {"redis://[::1]", "::1", 6379, 0, false, "", ""},
	    {"redis://:secret@h", "h", 6379, 0, false, "", "secret"},
	    {"redis://u:p%40ss%3A%2F@h:1", "h", 1, 0, false, "u", "p@ss:/"},
	    {"redis://u:a@b@h", "h", 6379, 0, false, "u", "a@b"},
	};
	struct pl_redis_url url;
	char reason[192];
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		assert_int_equal(pl_redis_url_parse(pl_str_of(rows[i].text), &url, reason, sizeof reason), PL_OK);
		assert_string_equal(url.host, rows[i].host);
		assert_int_equal(url.port, rows[i].port);
		assert_int_equal(url.database, rows[i].database);
		assert_int_equal(url.tls, rows[i].tls);
		assert_string_equal(url.user, rows[i].user);
		assert_string_equal(url.password, rows[i].password);
	}
}

static void test_bad_urls(void **state)
{
	static const char *const rows[] = {
	    "",
	    "localhost",
	    "http://h",
	    "redis://",
	    "redis://:0",
	    "redis://h:0",
	    "redis://h:65536",
	    "redis://h:x",
	    "redis://h/x",
	    "redis://h/-1",
	    "redis://h/1/2",
	    "redis://h?x=1",
	    "redis://u@h",
	    "redis://u:%zz@h",
	    "redis://u:p%00@h",
	    "redis://[zz]",
	    "redis://[::1",
	    "redis://[::1]x",
	    "redis://a b",
	    "redis://h/99999",
	    "unix:///run/redis.sock",
	};
	struct pl_redis_url url;
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char reason[192] = "";
		assert_int_equal(pl_redis_url_parse(pl_str_of(rows[i]), &url, reason, sizeof reason), PL_EPARSE);
		assert_true(reason[0] != '\0');
	}
}

static void test_troubles(void **state)
{
	static const struct {
		const char *error, *label;
	} rows[] = {
	    {"NOPERM No permissions to access a channel", "noperm"},
	    {"OOM command not allowed when used memory > 'maxmemory'.", "oom"},
	    {"LOADING Redis is loading the dataset in memory", "loading"},
	    {"READONLY You can't write against a read only replica.", "readonly"},
	    {"NOAUTH Authentication required.", "auth"},
	    {"WRONGPASS invalid username-password pair", "auth"},
	    {"MASTERDOWN Link with MASTER is down", "masterdown"},
	    {"ERR unknown command", "other"},
	    {"", "other"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++)
		assert_string_equal(pl_redis_trouble_label(pl_redis_trouble_of(pl_str_of(rows[i].error))), rows[i].label);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls), cmocka_unit_test(test_bad_urls),
					   cmocka_unit_test(test_troubles)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
