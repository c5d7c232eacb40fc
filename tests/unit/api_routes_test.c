#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/routes.h"
#include "base/mem.h"

static void each_request_finds_its_route(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		pl_route_handler handler; /* NULL: none */
		const char *part, *allow;
	} rows[] = {
	    {"GET", "/", pl_api_home, "", ""},
	    {"HEAD", "/", pl_api_home, "", ""},
	    {"POST", "/", NULL, "", "GET, HEAD"},
	    {"GET", "/-/healthy", pl_api_healthy, "", ""},
	    {"GET", "/-/healthyx", NULL, "", ""},
	    {"GET", "/-/ready", pl_api_ready, "", ""},
	    {"POST", "/-/reload", pl_api_reload, "", ""},
	    {"PUT", "/-/reload", pl_api_reload, "", ""},
	    {"GET", "/-/reload", NULL, "", "POST, PUT"},
	    {"GET", "/api/v1/targets", pl_api_targets, "", ""},
	    {"DELETE", "/api/v1/targets", NULL, "", "GET, HEAD"},
	    {"GET", "/api/v1/quarantine", pl_api_quarantine, "", ""},
	    {"DELETE", "/api/v1/quarantine", pl_api_quarantine_delete, "", ""},
	    {"POST", "/api/v1/quarantine", NULL, "", "GET, HEAD, DELETE"},
	    {"POST", "/api/v1/quarantine/replay", pl_api_quarantine_replay, "", ""},
	    {"GET", "/api/v1/quarantine/replay", NULL, "", "POST"},
	    {"GET", "/metrics", pl_api_metrics, "", ""},
	    {"GET", "/config", pl_api_config, "", ""},
	    {"GET", "/ping", pl_api_ping, "", ""},
	    {"GET", "/pingfoo", pl_api_ping, "", ""},
	    {"HEAD", "/ping", NULL, "", ""},
	    {"POST", "/ping", NULL, "", ""},
	    {"GET", "/keysfoo", pl_api_keys, "", ""},
	    {"GET", "/tags", pl_api_tags, "", ""},
	    {"GET", "/latest/cpu", pl_api_latest, "cpu", ""},
	    {"GET", "/latest/cpu/extra", pl_api_latest, "cpu", ""},
	    {"GET", "/latest/a b%", pl_api_latest, "a b%", ""},
	    {"GET", "/latest/", NULL, "", ""},
	    {"GET", "/latest", NULL, "", ""},
	    {"GET", "/latestfoo/cpu", NULL, "", ""},
	    {"POST", "/latest/cpu", NULL, "", ""},
	    {"OPTIONS", "/", pl_api_options, "", ""},
	    {"OPTIONS", "/latest/cpu", pl_api_options, "", ""},
	    {"OPTIONS", "/nowhere", pl_api_options, "", ""},
	    {"OPTIONS", "/-/reload", pl_api_options, "", ""},
	    {"GET", "/nowhere", NULL, "", ""},
	    {"get", "/ping", NULL, "", ""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf allow = {0};
		struct pl_str part;
		const struct pl_route_row *r = pl_route_find(pl_str_of(rows[i].method), pl_str_of(rows[i].path), &part, &allow);
		if ((r != NULL ? r->handler : NULL) != rows[i].handler)
			fail_msg("%s %s finds the wrong route", rows[i].method, rows[i].path);
		if (r != NULL)
			assert_true(pl_str_is(part, rows[i].part));
		else
			assert_string_equal(pl_buf_cstr(&allow), rows[i].allow);
		pl_buf_finish(&allow);
	}
}

static void only_what_must_be_open_is_open(void **state)
{
	(void)state;
	for (const struct pl_route_row *r = pl_routes; r->path != NULL; r++) {
		bool open = r->handler == pl_api_healthy || r->handler == pl_api_ready || r->handler == pl_api_options ||
			    r->handler == pl_api_kapacitor_webhook /* which has a token of its own */;
		assert_int_equal((r->flags & PL_ROUTE_OPEN) != 0, open);
	}
}

static void unclean_paths_are_cleaned(void **state)
{
	(void)state;
	static const struct {
		const char *path, *clean; /* NULL: clean already */
	} rows[] = {
	    {"/", NULL},
	    {"/a", NULL},
	    {"/a/", NULL},
	    {"/a/b", NULL},
	    {"/.a", NULL},
	    {"/..a/b..", NULL},
	    {"//", "/"},
	    {"//evil.example", "/evil.example"},
	    {"/a//b", "/a/b"},
	    {"/a//", "/a/"},
	    {"/./a", "/a"},
	    {"/a/.", "/a"},
	    {"/a/..", "/"},
	    {"/..", "/"},
	    {"/../../a", "/a"},
	    {"/a/b/../c/", "/a/c/"},
	    {"/a/../\r\nX: y", "/%0D%0AX:%20y"},
	    {"/a//\xC3\xA4%", "/a/%C3%A4%25"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf b = {0};
		assert_int_equal(pl_route_unclean(pl_str_of(rows[i].path), &b), rows[i].clean != NULL);
		if (rows[i].clean != NULL)
			assert_string_equal(pl_buf_cstr(&b), rows[i].clean);
		pl_buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_request_finds_its_route),
	    cmocka_unit_test(only_what_must_be_open_is_open),
	    cmocka_unit_test(unclean_paths_are_cleaned),
	};
	return cmocka_run_group_tests_name("api_routes", tests, NULL, NULL);
}
