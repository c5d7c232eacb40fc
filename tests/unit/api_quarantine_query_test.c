#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/quarantine_query.h"
#include "base/buf.h"
#include "base/mem.h"

static void add_str(struct pl_buf *b, const char *name, struct pl_str v)
{
	if (v.p != NULL)
		pl_buf_addf(b, "%s=[%.*s] ", name, (int)v.n, v.p);
}

static void add_number(struct pl_buf *b, const char *name, int64_t v)
{
	if (v != 0)
		pl_buf_addf(b, "%s=%lld ", name, (long long)v);
}

static void conditions_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		bool is_page;
		const char *expected;
	} rows[] = {
	    {"", true, "limit=100 "},
	    {"limit=1000&offset=7&after=9", true, "after=9 offset=7 limit=1000 "},
	    {"limit=0", true, ""},
	    {"output=influxdb-2&reason=field_type", true, "output=[influxdb-2] as=[field_type] limit=100 "},
	    {"job=&instance=h%3A1&measurement=a+b&contains=%27%25_", true,
	     "job=[] instance=[h:1] measurement=[a b] contains=['%_] limit=100 "},
	    {"id=5&X-AUTH-TOKEN=x", true, "from=5 to=5 limit=100 "},
	    {"since=0&until=0", true, "since=1 until=1 limit=100 "},
	    {"since=1.5&until=1795216958.123456789", true, "since=1500000000 until=1795216958123456789 limit=100 "},
	    {"since=2026-11-21T01:02:03Z", true, "since=1795222923000000000 limit=100 "},
	    {"since=2026-11-21T01:02:03.25z", true, "since=1795222923250000000 limit=100 "},
	    {"since=2026-11-21T02:02:03%2B01:00", true, "since=1795222923000000000 limit=100 "},
	    {"until=2026-11-20T20:32:03-04:30", true, "until=1795222923000000000 limit=100 "},
	    {"all=true", false, "limit=-1 "},
	    {"all=true&limit=5", false, "limit=5 "},
	    {"job=a", false, "job=[a] limit=-1 "},
	    {"until=0", false, "until=1 limit=-1 "},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_quarantine_query q = {0};
		struct pl_buf b = {0};
		char reason[256] = "";
		if (pl_quarantine_query_parse(&q, pl_str_of(rows[i].query), rows[i].is_page, reason, sizeof reason) != PL_OK)
			fail_msg("%s: %s", rows[i].query, reason);
		add_str(&b, "output", pl_str_of(q.filter.output));
		add_str(&b, "as", pl_str_of(q.filter.as));
		add_str(&b, "job", q.filter.job);
		add_str(&b, "instance", q.filter.instance);
		add_str(&b, "measurement", q.filter.measurement);
		add_str(&b, "contains", q.filter.contains);
		add_number(&b, "from", q.filter.id_from);
		add_number(&b, "to", q.filter.id_to);
		add_number(&b, "since", q.filter.since_wall_ns);
		add_number(&b, "until", q.filter.until_wall_ns);
		add_number(&b, "after", q.after);
		add_number(&b, "offset", (int64_t)q.offset);
		add_number(&b, "limit", (int64_t)q.limit);
		assert_string_equal(pl_buf_cstr(&b), rows[i].expected);
		pl_buf_finish(&b);
		pl_quarantine_query_finish(&q);
	}
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		bool is_page;
		const char *reason; /* begins so */
	} rows[] = {
	    {"", false, "which lines? Give output, "},
	    {"limit=5", false, "which lines?"},
	    {"X-AUTH-TOKEN=x", false, "which lines?"},
	    {"all=true&job=a", false, "all=true stands alone"},
	    {"all=yes", false, "all must be true"},
	    {"all=true", true, "there is no such parameter here; known are output, "},
	    {"offset=1", false, "there is no such parameter here"},
	    {"after=1&all=true", false, "there is no such parameter here"},
	    {"ouput=x", false, "there is no such parameter here"},
	    {"output=", false, "output must not be empty"},
	    {"contains=", false, "contains must not be empty"},
	    {"reason=", true, "reason must not be empty"},
	    {"measurement=", true, "measurement must not be empty"},
	    {"output=a%00b", true, "output must not hold a NUL byte"},
	    {"job=a&job=b", true, "job may be given once"},
	    {"id=0", false, "id must be a whole number from 1 to "},
	    {"id=-1", true, "id must be"},
	    {"id=9223372036854775808", true, "id must be"},
	    {"limit=1001", true, "limit must be a whole number from 0 to 1000"},
	    {"limit=0&all=true", false, "limit must be a whole number from 1 to "},
	    {"after=9223372036854775807", true, "after must be"},
	    {"since=", true, "since must be a time: 2026-11-21T01:02:03Z, or Unix seconds"},
	    {"since=1.", true, "since must be a time"},
	    {"since=.5", true, "since must be a time"},
	    {"since=99999999999", true, "since must be a time"},
	    {"since=-5", true, "since must be a time"},
	    {"until=yesterday", true, "until must be a time"},
	    {"until=2026-11-21", true, "until must be a time"},
	    {"until=2026-11-21T01:02:03", true, "until must be a time"},
	    {"until=2026-13-21T01:02:03Z", true, "until must be a time"},
	    {"until=2026-11-21T24:02:03Z", true, "until must be a time"},
	    {"until=2026-11-21T01:02:03+01:00", true, "until must be a time"}, /* the + is a space */
	    {"until=2026-11-21T01:02:03Zx", true, "until must be a time"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_quarantine_query q = {0};
		char reason[256] = "";
		if (pl_quarantine_query_parse(&q, pl_str_of(rows[i].query), rows[i].is_page, reason, sizeof reason) != PL_EINVAL)
			fail_msg("%s was taken", rows[i].query);
		if (!pl_str_starts(pl_str_of(reason), pl_str_of(rows[i].reason)))
			fail_msg("%s: %s", rows[i].query, reason);
		pl_quarantine_query_finish(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions_are_read),
	    cmocka_unit_test(what_is_wrong_is_told),
	};
	return cmocka_run_group_tests_name("api_quarantine_query", tests, NULL, NULL);
}
