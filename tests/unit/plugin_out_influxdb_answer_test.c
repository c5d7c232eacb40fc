/* What answers to a write mean, as a table; the messages are InfluxDB 1.6.7's own unless said otherwise. */
#include "plugin_out_harness.h"

#include "out_influxdb/answer.h"

#define OK PL_INFLUX_PLAIN

static const struct {
	long status;
	const char *body;
	bool gzipped;
	uint32_t points;
	enum pl_verdict_kind kind;
	uint32_t refused;
	const char *as; /* NULL: none */
	enum pl_influx_cause cause;
} table[] = {
    {204, "", false, 9, PL_VERDICT_DONE, 0, NULL, OK},
    {200, "<html>Please log in</html>", false, 9, PL_VERDICT_HOLD, 0, NULL, OK},
    {200, "{}", false, 9, PL_VERDICT_HOLD, 0, NULL, OK},
    {202, "", false, 9, PL_VERDICT_HOLD, 0, NULL, OK},
    /* partial writes */
    {400,
     "{\"error\":\"partial write: field type conflict: input field \\\"v\\\" on measurement \\\"a\\\" is type integer, already "
     "exists "
     "as type float dropped=2\"}\n",
     false, 4, PL_VERDICT_DONE, 2, "field_type", OK},
    {400, "{\"error\":\"partial write: field type conflict: something\"}", false, 4, PL_VERDICT_DONE, 1, "field_type", OK},
    {400, "{\"error\":\"partial write: field type conflict: a dropped=99\"}", false, 4, PL_VERDICT_DONE, 4, "field_type", OK},
    {400,
     "{\"error\":\"partial write: unable to parse 'a v=': missing field value\\nunable to parse 'foo': missing fields\\nunable "
     "to "
     "parse 'bar v=x'y': invalid boolean dropped=0\"}\n",
     false, 4, PL_VERDICT_DONE, 3, "unparsable", OK},
    {400, "{\"error\":\"partial write: points beyond retention policy dropped=2\"}\n", false, 3, PL_VERDICT_DONE, 2, "expired",
     OK},
    {400,
     "{\"error\":\"partial write: max-values-per-tag limit exceeded (2/2): measurement=\\\"m\\\" tag=\\\"t\\\" value=\\\"3\\\" "
     "dropped=1\"}",
     false, 5, PL_VERDICT_DONE, 1, "refused", OK},
    {400, "{\"error\":\"partial write: max-series-per-database limit exceeded: (1000) dropped=999\"}\n", false, 1000,
     PL_VERDICT_HOLD, 0, NULL, OK},
    /* the words of a line are not the server's */
    {400,
     "{\"error\":\"partial write: unable to parse 'max-series-per-database limit exceeded dropped=7': missing fields "
     "dropped=0\"}",
     false, 4, PL_VERDICT_DONE, 1, "unparsable", OK},
    {400, "{\"error\":\"unable to parse 'partial write: x': missing fields\"}", false, 1, PL_VERDICT_REFUSED, 0, "unparsable",
     OK},
    /* nothing was good */
    {400,
     "{\"error\":\"unable to parse 'a v=1 99999999999999999999': strconv.ParseInt: parsing \\\"99999999999999999999\\\": value "
     "out of "
     "range\"}\n",
     false, 1, PL_VERDICT_REFUSED, 0, "unparsable", OK},
    /* InfluxDB 2: one bad line and all are lost */
    {400, "{\"code\":\"invalid\",\"message\":\"unable to parse 'foo': missing fields\"}", false, 1000, PL_VERDICT_SPLIT, 0, NULL,
     OK},
    {400, "{\"code\":\"invalid\",\"message\":\"unable to parse 'foo': missing fields\"}", false, 1, PL_VERDICT_REFUSED, 0,
     "unparsable", OK},
    {422,
     "{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to database: partial write: field type conflict: "
     "input "
     "field \\\"v\\\" on measurement \\\"m\\\" is type float, already exists as type integer dropped=1\"}",
     false, 3, PL_VERDICT_DONE, 1, "field_type", OK},
    /* the body did not arrive well */
    {400, "{\"error\":\"gzip: invalid header\"}", true, 4, PL_VERDICT_RETRY, 0, NULL, PL_INFLUX_BAD_ENCODING},
    {400, "{\"error\":\"unexpected EOF\"}", true, 4, PL_VERDICT_RETRY, 0, NULL, PL_INFLUX_BAD_ENCODING},
    {400, "{\"error\":\"unexpected EOF\"}", false, 4, PL_VERDICT_RETRY, 0, NULL, OK},
    /* somebody has to see to it */
    {401, "{\"error\":\"unable to parse authentication credentials\"}", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {401, "{\"error\":\"authorization failed\"}", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {403, "{\"error\":\"\\\"bob\\\" user is not authorized to write to database \\\"d\\\"\"}", false, 4, PL_VERDICT_HOLD, 0, NULL,
     OK},
    {404, "{\"error\":\"database not found: \\\"nope\\\"\"}\n", false, 4, PL_VERDICT_HOLD, 0, NULL, PL_INFLUX_NO_DATABASE},
    {404, "404 page not found\n", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {404, "{\"code\":\"not found\",\"message\":\"bucket \\\"d\\\" not found\"}", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {400, "{\"error\":\"database is required\"}", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {400, "Client sent an HTTP request to an HTTPS server.\n", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {400, "<html><h1>Bad Request</h1></html>", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {302, "", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {405, "", false, 4, PL_VERDICT_HOLD, 0, NULL, OK},
    {500, "{\"error\":\"retention policy not found: zz\"}\n", false, 4, PL_VERDICT_HOLD, 0, NULL, PL_INFLUX_NO_POLICY},
    /* it may pass */
    {500, "{\"error\":\"timeout\"}", false, 4, PL_VERDICT_RETRY, 0, NULL, OK},
    {500, "{\"error\":\"engine: cache-max-memory-size exceeded: (1/1)\"}", false, 4, PL_VERDICT_RETRY, 0, NULL, OK},
    {503, "", false, 4, PL_VERDICT_RETRY, 0, NULL, OK},
    {429, "{\"code\":\"too many requests\",\"message\":\"slow down\"}", false, 4, PL_VERDICT_RETRY, 0, NULL, OK},
    {408, "", false, 4, PL_VERDICT_RETRY, 0, NULL, OK},
    {502, "<html>", false, 4, PL_VERDICT_RETRY, 0, NULL, OK},
    /* too much at once */
    {413, "{\"error\":\"Request Entity Too Large\"}\n", false, 4, PL_VERDICT_SPLIT, 0, NULL, OK},
    {413, "", false, 4, PL_VERDICT_SPLIT, 0, NULL, OK},
    {500, "{\"error\":\"string field contains invalid UTF-8\"}", false, 4, PL_VERDICT_SPLIT, 0, NULL, OK},
    /* never */
    {400, "{\"error\":\"something that nobody has seen\"}", false, 4, PL_VERDICT_REFUSED, 0, NULL, OK},
    {400, "{\"error\" : \"partial write: points beyond", false, 4, PL_VERDICT_DONE, 1, "refused", OK},
};

static void verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(table); i++) {
		struct pl_verdict v;
		struct pl_influx_answer a = {.status = table[i].status,
					     .body = pl_str_of(table[i].body),
					     .gzipped = table[i].gzipped,
					     .points = table[i].points,
					     .retry_after_ns = 7};
		enum pl_influx_cause cause = pl_influx_judge(&a, &v);
		if (v.kind != table[i].kind || v.refused != table[i].refused || cause != table[i].cause ||
		    !pl_str_eq(pl_str_of(v.refused_as), pl_str_of(table[i].as)))
			fail_msg("row %zu (%ld %s): kind %d refused %u as %s cause %d", i, table[i].status, table[i].body, v.kind,
				 v.refused, v.refused_as, cause);
		assert_int_equal(v.retry_after_ns, 7);
		assert_int_equal(v.status, table[i].status);
		assert_int_equal(v.reason[0] == '\0', table[i].status == 204);
	}
}

/* When the message itself was too long to keep, lines that are known to be lost are counted, and a whole batch is not split for
 * it. */
static void cut_answers(void **state)
{
	(void)state;
	struct pl_verdict v;
	struct pl_influx_answer a = {.status = 400, .cut = true, .points = 10};
	a.body = PL_STR("{\"error\":\"partial write: unable to parse 'a': x\\nunable to parse 'bbbbbbbb");
	assert_int_equal(pl_influx_judge(&a, &v), OK);
	assert_int_equal(v.kind, PL_VERDICT_DONE);
	assert_int_equal(v.refused, 2);
	a.body = PL_STR("{\"error\":\"unable to parse 'a': x\\nunable to parse 'bbbb\\");
	assert_int_equal(pl_influx_judge(&a, &v), OK);
	assert_int_equal(v.kind, PL_VERDICT_REFUSED);
}

static void messages(void **state)
{
	(void)state;
	static const struct {
		const char *body, *message; /* NULL: none */
	} cases[] = {
	    {"{\"error\":\"a\\\"b\\\\c\\nd\\u0041\\u00e4\\/\"}", "a\"b\\c\ndA?/"},
	    {"  {\"code\":\"x\", \"message\" :\t\"m\"}", "m"},
	    {"{\"x\":\"\\\"error\\\":1\",\"error\":\"yes\"}", "yes"},
	    {"{\"error\":null}", NULL},
	    {"{\"error\":", NULL},
	    {"{\"error\":\"\\", ""},
	    {"{\"error\":\"\\u12", ""},
	    {"[\"error\"]", NULL},
	    {"\"error\":\"no object\"", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		bool spoke = pl_influx_message(pl_str_of(cases[i].body), &out);
		assert_int_equal(spoke, cases[i].message != NULL);
		if (spoke)
			assert_string_equal(pl_buf_cstr(&out), cases[i].message);
		pl_buf_finish(&out);
	}
}

static void reasons_are_printable_and_bounded(void **state)
{
	(void)state;
	char small[24], reason[256];
	pl_influx_reason(400, PL_STR("a\nb\x1b[31m\xc3\xa4"), reason, sizeof reason);
	assert_string_equal(reason, "InfluxDB answered 400: a b [31m  ");
	pl_influx_reason(500, PL_STR("a long message"), small, sizeof small);
	assert_string_equal(small, "InfluxDB answered 500: ");
	pl_influx_reason(503, PL_STR(""), reason, sizeof reason);
	assert_string_equal(reason, "InfluxDB answered 503");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verdicts),
	    cmocka_unit_test(cut_answers),
	    cmocka_unit_test(messages),
	    cmocka_unit_test(reasons_are_printable_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
