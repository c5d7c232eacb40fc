/* The wording of notices, their templates, and what is remembered of those that were sent in part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pipeline/notice_post.h"
#include "pipeline/notice_progress.h"
#include "pipeline/notice_template.h"
#include "pipeline/notice_text.h"

static struct pl_label tags[] = {{{"host", 4}, {"h\"2\n", 4}}, {{"a b", 3}, {"<&>", 3}}};

static struct pl_notice_event event(const char *id, const char *level)
{
	return (struct pl_notice_event){
	    .alert = PL_STR("cpu"),
	    .id = pl_str_of(id),
	    .message = PL_STR("it \"is\"\nso"),
	    .level = pl_str_of(level),
	    .previous = PL_STR("WARNING"),
	    .cause = PL_STR(""),
	    .tags = {tags, 2},
	    .wall_ns = INT64_C(1767323045123456789),
	    .duration_ns = INT64_C(3723000000000),
	    .value = 1.5,
	    .body = PL_STR(" {\"x\":1}\n"),
	};
}

static void titles(void **state)
{
	(void)state;
	const struct pl_notice_event events[] = {event("a", "WARNING"), event("b", "CRITICAL"), event("c\r\nd", "CRITICAL"),
						 event("", "OK")};
	static const struct {
		size_t from, n;
		const char *title;
	} cases[] = {
	    {0, 1, "[WARNING] a"},
	    {2, 1, "[CRITICAL] c\\x0d\\nd"},
	    {3, 1, "[OK] cpu"},
	    {0, 4, "[CRITICAL] 4 alerts: a, b, c\\x0d\\nd, cpu"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		const struct pl_notice n = {.key = PL_STR("k"), .events = events + cases[i].from, .n = cases[i].n};
		struct pl_buf out = {0};
		pl_notice_add_title(&out, &n);
		assert_string_equal(pl_buf_cstr(&out), cases[i].title);
		pl_buf_finish(&out);
	}
	const struct pl_notice all = {.events = events, .n = 4};
	assert_ptr_equal(pl_notice_lead(&all), &events[2]);
}

static void text(void **state)
{
	(void)state;
	struct pl_notice_event events[] = {event("a", "CRITICAL"), event("b", "OK")};
	events[1].message = PL_STR("");
	events[1].value = (double)NAN;
	events[1].tags.n = 0;
	events[1].duration_ns = 0;
	events[1].previous = PL_STR("");
	events[1].reminder = true;
	events[1].cause = PL_STR("pipeline");
	const struct pl_notice n = {.key = PL_STR("k"), .events = events, .n = 2};
	struct pl_buf out = {0};
	pl_notice_add_text(&out, &n);
	assert_string_equal(pl_buf_cstr(&out),
			    "CRITICAL: it \"is\"\nso\n  before: WARNING, not OK for 1h2m\n  value: 1.5\n"
			    "  tags: host=h\"2\\n, a b=<&>\n  time: 2026-01-02T03:04:05.123Z\n  alert: cpu\n"
			    "\nOK: b\n  reminder: said before, and still so\n"
			    "  cause: Pulseline's own pipeline is behind, not the thing that is watched (pipeline)\n"
			    "  time: 2026-01-02T03:04:05.123Z\n  alert: cpu\n");
	pl_buf_finish(&out);
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = {{-1, "0s"},   {0, "0s"},      {59, "59s"},       {60, "1m"},      {61, "1m1s"},
		     {3601, "1h"}, {3660, "1h1m"}, {86399, "23h59m"}, {90061, "1d1h"}, {86461, "1d"}};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		pl_notice_add_duration(&out, cases[i].s * 1000000000);
		assert_string_equal(pl_buf_cstr(&out), cases[i].text);
		pl_buf_finish(&out);
	}
}

static void json(void **state)
{
	(void)state;
	struct pl_notice_event events[] = {event("a", "CRITICAL"), event("b", "OK")};
	events[1].body = PL_STR("");
	events[1].value = (double)NAN;
	const struct pl_notice n = {.key = PL_STR("k"), .events = events, .n = 2};
	struct pl_buf out = {0};
	struct pl_json j = {.out = &out};
	pl_notice_json(&j, &n);
	assert_string_equal(
	    pl_buf_cstr(&out),
	    "{\"key\":\"k\",\"title\":\"[CRITICAL] 2 alerts: a, b\",\"events\":[{\"alert\":\"cpu\",\"id\":\"a\",\"message\":"
	    "\"it \\\"is\\\"\\nso\",\"level\":\"CRITICAL\",\"previous_level\":\"WARNING\",\"cause\":\"\",\"tags\":{\"host\":"
	    "\"h\\\"2\\n\",\"a "
	    "b\":\"\\u003c\\u0026\\u003e\"},\"time\":\"2026-01-02T03:04:05.123Z\",\"duration_ns\":3723000000000,"
	    "\"value\":1.5,\"reminder\":false,\"post\":{\"x\":1}},{\"alert\":\"cpu\",\"id\":\"b\",\"message\":\"it "
	    "\\\"is\\\"\\nso\",\"level\":\"OK\",\"previous_level\":\"WARNING\",\"cause\":\"\",\"tags\":{\"host\":\"h\\\"2\\n\","
	    "\"a "
	    "b\":\"\\u003c\\u0026\\u003e\"},\"time\":\"2026-01-02T03:04:05.123Z\",\"duration_ns\":3723000000000,\"value\":null,"
	    "\"reminder\":false,\"post\":null}]}");
	pl_buf_finish(&out);
}

static void templates(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum pl_notice_escape escape;
		const char *filled; /* NULL: refused */
	} cases[] = {
	    {"", PL_NOTICE_RAW, ""},
	    {"{ {} {A} {1 }", PL_NOTICE_RAW, "{ {} {A} {1 }"},
	    {"{alert} {id} {level} {previous} {cause}.", PL_NOTICE_RAW, "cpu a CRITICAL WARNING ."},
	    {"{value} {duration} {reminder} {count} {key} {color}", PL_NOTICE_RAW, "1.5 1h2m false 1 k #c62828"},
	    {"{time} {title}", PL_NOTICE_RAW, "2026-01-02T03:04:05.123Z [CRITICAL] a"},
	    {"{tag.host}|{tag.a b}|{tag.none}", PL_NOTICE_RAW, "h\"2\n|<&>|"},
	    {"{\"m\":\"{message}\"}", PL_NOTICE_JSON, "{\"m\":\"it \\\"is\\\"\\nso\"}"},
	    {"{\"v\":{json:value},\"r\":{json:reminder},\"n\":{json:count}}", PL_NOTICE_JSON, "{\"v\":1.5,\"r\":false,\"n\":1}"},
	    {"{json:id}{json:tag.a b}", PL_NOTICE_JSON, "\"a\"\"\\u003c\\u0026\\u003e\""},
	    {"{json:tags} {json:post}", PL_NOTICE_JSON, "{\"host\":\"h\\\"2\\n\",\"a b\":\"\\u003c\\u0026\\u003e\"} {\"x\":1}"},
	    {"m={message}&j={json:id}", PL_NOTICE_FORM, "m=it%20%22is%22%0Aso&j=%22a%22"},
	    {"<b>{tag.a b}</b>", PL_NOTICE_MARKUP, "<b>&lt;&amp;&gt;</b>"},
	    {"{nonsense}", PL_NOTICE_RAW, NULL},
	    {"{id", PL_NOTICE_RAW, NULL},
	    {"{tag.}", PL_NOTICE_RAW, NULL},
	    {"{tags}", PL_NOTICE_RAW, NULL},
	    {"{json:}", PL_NOTICE_RAW, NULL},
	    {"{json:json:id}", PL_NOTICE_RAW, NULL},
	    {"{{id}}", PL_NOTICE_RAW, "{a}"},
	};
	const struct pl_notice_event e = event("a", "CRITICAL");
	const struct pl_notice n = {.key = PL_STR("k"), .events = &e, .n = 1};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		char reason[400];
		enum pl_err err = pl_notice_template_check(cases[i].text, reason, sizeof reason);
		if ((err == PL_OK) != (cases[i].filled != NULL))
			fail_msg("%s: %s", cases[i].text, pl_err_text(err));
		pl_notice_template_add(&out, cases[i].text, &n, cases[i].escape);
		if (err == PL_OK)
			assert_string_equal(pl_buf_cstr(&out), cases[i].filled);
		pl_buf_finish(&out);
	}
}

static void escapes(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		enum pl_notice_escape escape;
	} cases[] = {
	    {"application/json", PL_NOTICE_JSON},
	    {"Application/JSON; charset=utf-8", PL_NOTICE_JSON},
	    {"application/x+json", PL_NOTICE_JSON},
	    {"application/x-www-form-urlencoded", PL_NOTICE_FORM},
	    {"text/html;charset=utf-8", PL_NOTICE_MARKUP},
	    {"application/soap+xml", PL_NOTICE_MARKUP},
	    {"text/plain", PL_NOTICE_RAW},
	    {"", PL_NOTICE_RAW},
	    {"json", PL_NOTICE_RAW},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_int_equal(pl_notice_escape_of(cases[i].type), cases[i].escape);
}

static void progress(void **state)
{
	(void)state;
	struct pl_notice_progress p = {0};
	char key[32];
	for (unsigned i = 1; i <= PL_NOTICE_PROGRESS_KEPT; i++) {
		snprintf(key, sizeof key, "k%u", i);
		pl_notice_progress_set(&p, pl_str_of(key), i);
	}
	pl_notice_progress_set(&p, PL_STR("k1"), 100); /* noted anew: k2 is the oldest now */
	pl_notice_progress_set(&p, PL_STR("k3"), 0);
	pl_notice_progress_set(&p, PL_STR("none"), 0);
	pl_notice_progress_set(&p, PL_STR("new"), 7); /* there was room */
	assert_int_equal(pl_notice_progress_get(&p, PL_STR("k1")), 100);
	assert_int_equal(pl_notice_progress_get(&p, PL_STR("k2")), 2);
	assert_int_equal(pl_notice_progress_get(&p, PL_STR("k3")), 0);
	assert_int_equal(pl_notice_progress_get(&p, PL_STR("new")), 7);
	pl_notice_progress_set(&p, PL_STR("newer"), 8);
	assert_int_equal(pl_notice_progress_get(&p, PL_STR("k2")), 0);
	assert_int_equal(pl_notice_progress_get(&p, PL_STR("k4")), 4);
	assert_int_equal(pl_notice_progress_get(&p, PL_STR("newer")), 8);
	pl_notice_progress_finish(&p);
}

static void origins(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"http://h:1/a", "http://h:1/b", true},
	    {"http://h/a", "HTTP://H", true},
	    {"http://h", "http://h?x", true},
	    {"http://h/a", "https://h/a", false},
	    {"http://h:1/", "http://h:12/", false},
	    {"http://h/", "http://h.evil/", false},
	    {"http://h/", "http://h@evil/", false},
	    {"http://h/", "http://h:80@evil/", false},
	    {"http://h/", "http://h\\@evil/", false},
	    {"http://h/", "http://", false},
	    {"http://h/", "", false},
	    {"http://u@h/", "http://u@h/", false},
	    {"http://h/", "http://evil/http://h/", false},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		assert_int_equal(pl_notice_post_same_origin(cases[i].a, cases[i].b), cases[i].same);
}

static void reasons(void **state)
{
	(void)state;
	struct pl_notice_verdict v = {.result = PL_NOTICE_RETRY};
	struct pl_buf text = {0};
	for (unsigned i = 0; i < 200; i++)
		pl_buf_add_cstr(&text, "ä");
	pl_notice_verdict_say(&v, pl_buf_str(&text));
	assert_int_equal(strlen(v.reason), 254);
	assert_true(pl_str_utf8(pl_str_of(v.reason)));
	pl_notice_verdict_say(&v, PL_STR("a\n\x1b b"));
	assert_string_equal(v.reason, "a\\n\\x1b b");
	pl_buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(titles),   cmocka_unit_test(text),      cmocka_unit_test(durations),
	    cmocka_unit_test(json),     cmocka_unit_test(templates), cmocka_unit_test(escapes),
	    cmocka_unit_test(progress), cmocka_unit_test(origins),   cmocka_unit_test(reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
