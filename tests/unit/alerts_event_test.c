/* Bodies of Kapacitor's posts read, and written again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/event.h"
#include "base/mem.h"

static const char whole[] = "{\"id\":\"r1/host=h1\",\"message\":\"m "
			    "<1>\",\"details\":\"&#34;\",\"time\":\"2026-01-02T03:04:05.000000001Z\",\"duration\":60000000001,"
			    "\"level\":\"CRITICAL\",\"data\":{\"series\":[{\"name\":\"cpu\",\"tags\":{\"host\":\"h1\","
			    "\"pulseline_proof\":\"p\",\"a b\":\"\\u00e9\"},"
			    "\"columns\":[\"time\",\"n\",\"value\"],\"values\":[[\"2026-01-02T03:04:00Z\",1,2],[\"2026-01-02T03:"
			    "04:05Z\",null,9007199254740993]]}]},"
			    "\"previousLevel\":\"WARNING\",\"recoverable\":true,\"later\":[{}]}\n";

static void reads_all_members(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_alert_event e;
	char reason[200] = "";
	assert_int_equal(pl_alert_event_parse(&arena, pl_str_of(whole), &e, reason, sizeof reason), PL_OK);
	assert_true(pl_str_is(e.task_id, "r1/host=h1") && pl_str_is(e.message, "m <1>") && pl_str_is(e.details, "&#34;"));
	assert_int_equal(e.level, PL_ALERT_CRIT);
	assert_int_equal(e.previous, PL_ALERT_WARN);
	assert_int_equal(e.wall_ns, INT64_C(1767323045000000001));
	assert_int_equal(e.duration_ns, INT64_C(60000000001));
	assert_true(e.recoverable && pl_str_is(e.series, "cpu"));
	assert_int_equal(e.tags.n, 2);
	assert_true(pl_str_is(*pl_labels_get(e.tags, PL_STR("a b")), "\xc3\xa9"));
	assert_true(e.value == 9007199254740992.0); /* the nearest that a double can be */
	assert_true(pl_str_is(e.data,
			      "{\"series\":[{\"name\":\"cpu\",\"tags\":{\"host\":\"h1\",\"a "
			      "b\":\"\xc3\xa9\"},\"columns\":[\"time\",\"n\",\"value\"],"
			      "\"values\":[[\"2026-01-02T03:04:00Z\",1,2],[\"2026-01-02T03:04:05Z\",null,9007199254740993]]}]}"));
	pl_arena_finish(&arena);
}

static void writes_what_receivers_know(void **state)
{
	(void)state;
	struct pl_arena arena = {0};
	struct pl_alert_event e;
	struct pl_buf out = {0};
	char reason[200] = "";
	assert_int_equal(pl_alert_event_parse(
			     &arena,
			     PL_STR("{\"id\":\"x/nil\",\"message\":\"m\",\"time\":\"2026-01-02T03:04:05.5Z\",\"level\":\"OK\","
				    "\"data\":{\"series\":[{\"values\":[[\"t\",1.50]]}]},\"previousLevel\":\"INFO\"}"),
			     &e, reason, sizeof reason),
			 PL_OK);
	pl_alert_event_pulse_body(&out, &e, PL_STR("[h] cpu"));
	assert_string_equal(
	    pl_buf_cstr(&out),
	    "{\"id\":\"[h] "
	    "cpu\",\"message\":\"m\",\"details\":\"\",\"time\":\"2026-01-02T03:04:05.5Z\",\"duration\":0,\"level\":\"OK\","
	    "\"data\":{\"series\":[{\"values\":[[\"t\",1.50]]}]},\"previousLevel\":\"INFO\",\"recoverable\":true}");
	pl_buf_clear(&out);
	pl_alert_event_json(&out, &e, PL_STR("x"), PL_STR("[h] cpu"), PL_STR("pipeline"));
	assert_string_equal(pl_buf_cstr(&out),
			    "{\"alert\":\"x\",\"id\":\"[h] cpu\",\"message\":\"m\",\"level\":\"OK\",\"previousLevel\":\"INFO\","
			    "\"time\":\"2026-01-02T03:04:05.5Z\",\"duration\":0,\"recoverable\":true,\"cause\":\"pipeline\","
			    "\"value\":1.5,\"tags\":{},"
			    "\"data\":{\"series\":[{\"values\":[[\"t\",1.50]]}]}}");
	pl_buf_finish(&out);
	pl_arena_finish(&arena);
}

#define HEAD "\"id\":\"a\",\"level\":\"INFO\",\"time\":\"2026-01-02T03:04:05Z\""

static void tolerates(void **state)
{
	(void)state;
	static const char *const bodies[] = {
	    "{" HEAD "}",
	    "{" HEAD ",\"data\":null,\"duration\":null,\"recoverable\":null,\"message\":null}",
	    "{" HEAD ",\"data\":{}}",
	    "{" HEAD ",\"data\":{\"series\":null}}",
	    "{" HEAD ",\"data\":{\"series\":[]}}",
	    "{" HEAD ",\"data\":{\"series\":[null]}}",
	    "{" HEAD ",\"data\":{\"series\":[{\"tags\":null,\"values\":null}]}}",
	    "{" HEAD ",\"data\":{\"series\":[{\"tags\":{},\"values\":[]}]}}",
	    "{" HEAD ",\"data\":{\"series\":[{\"values\":[null]}]}}",
	    "{" HEAD ",\"data\":{\"series\":[{\"values\":[[\"t\",null,\"x\",true]]}]}}",
	    "{" HEAD ",\"data\":[],\"duration\":\"1\"}",
	    "{\"id\":\"a\",\"level\":\"info\",\"time\":\"0001-01-01T00:00:00Z\",\"duration\":-5}",
	};
	for (size_t i = 0; i < PL_COUNT_OF(bodies); i++) {
		struct pl_arena arena = {0};
		struct pl_alert_event e;
		char reason[200] = "";
		enum pl_err err = pl_alert_event_parse(&arena, pl_str_of(bodies[i]), &e, reason, sizeof reason);
		if (err != PL_OK)
			fail_msg("%s: %s", bodies[i], reason);
		assert_int_equal(e.level, PL_ALERT_INFO);
		assert_true(isnan(e.value) && e.tags.n == 0 && e.duration_ns == 0 && e.recoverable && e.data.n >= 2);
		pl_arena_finish(&arena);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const char *const bodies[][2] = {
	    {"", "body"},
	    {"[]", "no JSON object"},
	    {"null", "no JSON object"},
	    {"{" HEAD "} x", "body"},
	    {"{" HEAD, "body"},
	    {"{\"level\":\"OK\",\"time\":\"2026-01-02T03:04:05Z\"}", "`id`"},
	    {"{\"id\":\"\",\"level\":\"OK\",\"time\":\"2026-01-02T03:04:05Z\"}", "`id`"},
	    {"{\"id\":7,\"level\":\"OK\",\"time\":\"2026-01-02T03:04:05Z\"}", "`id`"},
	    {"{\"id\":\"a\",\"level\":\"FATAL\",\"time\":\"2026-01-02T03:04:05Z\"}", "`level`"},
	    {"{\"id\":\"a\",\"level\":\"OK\"}", "`time`"},
	    {"{\"id\":\"a\",\"level\":\"OK\",\"time\":\"yesterday\"}", "`time`"},
	    {"{" HEAD ",\"previousLevel\":\"?\"}", "`previousLevel`"},
	    {"{" HEAD ",\"data\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}", "body"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(bodies); i++) {
		struct pl_arena arena = {0};
		struct pl_alert_event e;
		char reason[200] = "";
		if (pl_alert_event_parse(&arena, pl_str_of(bodies[i][0]), &e, reason, sizeof reason) == PL_OK)
			fail_msg("taken: %s", bodies[i][0]);
		if (strstr(reason, bodies[i][1]) == NULL)
			fail_msg("%s: %s", bodies[i][0], reason);
		pl_arena_finish(&arena);
	}
}

static void refuses_what_is_too_much(void **state)
{
	(void)state;
	struct pl_buf body = {0};
	struct pl_arena arena = {0};
	struct pl_alert_event e;
	char reason[200] = "";
	pl_buf_add_cstr(&body, "{" HEAD ",\"message\":\"");
	while (body.n < PL_ALERT_EVENT_BYTES)
		pl_buf_add_char(&body, 'x');
	pl_buf_add_cstr(&body, "\"}");
	assert_int_not_equal(pl_alert_event_parse(&arena, pl_buf_str(&body), &e, reason, sizeof reason), PL_OK);
	pl_buf_clear(&body);
	pl_buf_add_cstr(&body, "{" HEAD ",\"data\":{\"series\":[{\"tags\":{\"t\":\"\"");
	for (int i = 0; i < PL_ALERT_EVENT_TAGS; i++)
		pl_buf_addf(&body, ",\"t%d\":\"\"", i);
	pl_buf_add_cstr(&body, "}}]}}");
	reason[0] = '\0';
	assert_int_equal(pl_alert_event_parse(&arena, pl_buf_str(&body), &e, reason, sizeof reason), PL_ELIMIT);
	assert_non_null(strstr(reason, "tags"));
	pl_buf_finish(&body);
	pl_arena_finish(&arena);
}

static void times(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
		const char *again;
	} rows[] = {
	    {"1970-01-01T00:00:00Z", 0, NULL},
	    {"1969-12-31T23:59:59.9Z", -100000000, NULL},
	    {"2000-02-29T23:59:59Z", INT64_C(951868799000000000), NULL},
	    {"2026-11-21T08:02:15.123456789Z", INT64_C(1795248135123456789), NULL},
	    {"2026-11-21T08:02:15.1234567891Z", INT64_C(1795248135123456789), "2026-11-21T08:02:15.123456789Z"},
	    {"2026-11-21T09:02:15+01:00", INT64_C(1795248135000000000), "2026-11-21T08:02:15Z"},
	    {"2026-11-21T04:32:15-03:30", INT64_C(1795248135000000000), "2026-11-21T08:02:15Z"},
	    {"1900-03-01T00:00:00Z", INT64_C(-2203891200000000000), NULL},
	    {"2100-12-31T00:00:00Z", INT64_C(4133894400000000000), NULL},
	};
	static const char *const wrong[] = {"",
					    "2026",
					    "2026-13-01T00:00:00Z",
					    "2026-02-29T00:00:00Z",
					    "2026-01-01T24:00:00Z",
					    "2026-01-01T00:00:00",
					    "2026-01-01T00:00:00.Z",
					    "2026-01-01T00:00:00Zx",
					    "2026-01-01T00:00:00+1:00",
					    "9999-01-01T00:00:00Z"};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf out = {0};
		int64_t ns = 1;
		assert_true(pl_alert_time_parse(pl_str_of(rows[i].text), &ns));
		assert_int_equal(ns, rows[i].ns);
		pl_alert_time_add(&out, ns);
		assert_string_equal(pl_buf_cstr(&out), rows[i].again != NULL ? rows[i].again : rows[i].text);
		pl_buf_finish(&out);
	}
	for (size_t i = 0; i < PL_COUNT_OF(wrong); i++) {
		int64_t ns;
		if (pl_alert_time_parse(pl_str_of(wrong[i]), &ns))
			fail_msg("taken: %s", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_all_members), cmocka_unit_test(writes_what_receivers_know), cmocka_unit_test(tolerates),
	    cmocka_unit_test(refuses),           cmocka_unit_test(refuses_what_is_too_much),   cmocka_unit_test(times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
