/* What answers to a write mean, as a table; the messages are InfluxDB 1.6.7's own unless said otherwise. */
#include "plugin_out_harness.h"

#include "out_influxdb/answer.h"
#include "out_influxdb/message.h"
#include "out_influxdb/quoted.h"

static const struct {
	long status;
	const char *body;
	bool gzipped;
	enum pl_influx_finding finding;
	uint32_t dropped;
	bool partial;
} table[] = {
    {204, "", false, PL_INFLUX_TAKEN, 0, false},
    /* VictoriaMetrics, QuestDB and others of that kind; but a page with words is somebody else's */
    {200, "", false, PL_INFLUX_TAKEN, 0, false},
    {202, "", false, PL_INFLUX_TAKEN, 0, false},
    {200, "\r\n", false, PL_INFLUX_TAKEN, 0, false},
    {200, "<html>Please log in</html>", false, PL_INFLUX_HOLD, 0, false},
    {200, "{}", false, PL_INFLUX_HOLD, 0, false},
    /* partial writes */
    {400,
     "{\"error\":\"partial write: field type conflict: input field \\\"v\\\" on measurement \\\"a\\\" is type integer, already "
     "exists as type float dropped=2\"}\n",
     false, PL_INFLUX_CONFLICT, 2, true},
    {400, "{\"error\":\"partial write: field type conflict: something\"}", false, PL_INFLUX_CONFLICT, 0, true},
    {400, "{\"error\":\"partial write: field type conflict: a dropped=99999999999\"}", false, PL_INFLUX_CONFLICT, UINT32_MAX,
     true},
    {400, "{\"error\":\"field type conflict\"}", false, PL_INFLUX_CLASH, 0, false},
    {400, "{\"error\":\"partial write: unable to parse 'a v=': missing field value dropped=0\"}\n", false, PL_INFLUX_UNPARSABLE,
     0, true},
    {400, "{\"error\":\"partial write: points beyond retention policy dropped=2\"}\n", false, PL_INFLUX_EXPIRED, 2, true},
    {400,
     "{\"error\":\"partial write: max-values-per-tag limit exceeded (2/2): measurement=\\\"m\\\" tag=\\\"t\\\" value=\\\"3\\\" "
     "dropped=1\"}",
     false, PL_INFLUX_SERIES_LIMIT, 1, true},
    {400, "{\"error\":\"partial write: max-series-per-database limit exceeded: (1000) dropped=999\"}\n", false,
     PL_INFLUX_SERIES_LIMIT, 999, true},
    {400, "{\"error\" : \"partial write: points beyond", false, PL_INFLUX_SOME_REFUSED, 0, true},
    /* the words of a line are not the server's */
    {400,
     "{\"error\":\"partial write: unable to parse 'max-series-per-database limit exceeded dropped=7': missing fields "
     "dropped=0\"}",
     false, PL_INFLUX_UNPARSABLE, 0, true},
    {400, "{\"error\":\"unable to parse 'partial write: x': missing fields\"}", false, PL_INFLUX_UNPARSABLE, 0, false},
    /* InfluxDB 2 */
    {400, "{\"code\":\"invalid\",\"message\":\"unable to parse 'foo': missing fields\"}", false, PL_INFLUX_UNPARSABLE, 0, false},
    {422,
     "{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to database: partial write: field type conflict: "
     "input field \\\"v\\\" on measurement \\\"m\\\" is type float, already exists as type integer dropped=1\"}",
     false, PL_INFLUX_CONFLICT, 1, true},
    {422,
     "{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to database: partial write: dropped 3 points "
     "outside "
     "retention policy of duration 24h0m0s dropped=3\"}",
     false, PL_INFLUX_EXPIRED, 3, true},
    /* the body did not arrive well */
    {400, "{\"error\":\"gzip: invalid header\"}", true, PL_INFLUX_BAD_ENCODING, 0, false},
    {400, "{\"error\":\"unexpected EOF\"}", true, PL_INFLUX_BAD_ENCODING, 0, false},
    {400, "{\"error\":\"unexpected EOF\"}", false, PL_INFLUX_RETRY, 0, false},
    {415, "", true, PL_INFLUX_BAD_ENCODING, 0, false},
    {415, "", false, PL_INFLUX_HOLD, 0, false},
    /* somebody has to see to it */
    {401, "{\"error\":\"unable to parse authentication credentials\"}", false, PL_INFLUX_HOLD, 0, false},
    {401, "{\"error\":\"authorization failed\"}", false, PL_INFLUX_HOLD, 0, false},
    {403, "{\"error\":\"\\\"bob\\\" user is not authorized to write to database \\\"d\\\"\"}", false, PL_INFLUX_HOLD, 0, false},
    {404, "{\"error\":\"database not found: \\\"nope\\\"\"}\n", false, PL_INFLUX_NO_DATABASE, 0, false},
    {404, "404 page not found\n", false, PL_INFLUX_HOLD, 0, false},
    {404, "{\"code\":\"not found\",\"message\":\"bucket \\\"d\\\" not found\"}", false, PL_INFLUX_HOLD, 0, false},
    {400, "{\"error\":\"database is required\"}", false, PL_INFLUX_HOLD, 0, false},
    {400, "Client sent an HTTP request to an HTTPS server.\n", false, PL_INFLUX_HOLD, 0, false},
    {400, "<html><h1>Bad Request</h1></html>", false, PL_INFLUX_HOLD, 0, false},
    {302, "", false, PL_INFLUX_HOLD, 0, false},
    {405, "", false, PL_INFLUX_HOLD, 0, false},
    {500, "{\"error\":\"retention policy not found: zz\"}\n", false, PL_INFLUX_NO_POLICY, 0, false},
    /* it may pass */
    {500, "{\"error\":\"timeout\"}", false, PL_INFLUX_RETRY, 0, false},
    {500, "{\"error\":\"engine: cache-max-memory-size exceeded: (1/1)\"}", false, PL_INFLUX_RETRY, 0, false},
    {503, "", false, PL_INFLUX_RETRY, 0, false},
    {429, "{\"code\":\"too many requests\",\"message\":\"slow down\"}", false, PL_INFLUX_RETRY, 0, false},
    {408, "", false, PL_INFLUX_RETRY, 0, false},
    {502, "<html>", false, PL_INFLUX_RETRY, 0, false},
    /* too much at once */
    {413, "{\"error\":\"Request Entity Too Large\"}\n", false, PL_INFLUX_TOO_LARGE, 0, false},
    {413, "", false, PL_INFLUX_TOO_LARGE, 0, false},
    /* something in it, and it does not say what */
    {500, "{\"error\":\"string field contains invalid UTF-8\"}", false, PL_INFLUX_BAD_LINES, 0, false},
    {400, "{\"error\":\"something that nobody has seen\"}", false, PL_INFLUX_BAD_LINES, 0, false},
};

static void findings(void **state)
{
	(void)state;
	struct pl_influx_judgement j = {0};
	for (size_t i = 0; i < PL_COUNT_OF(table); i++) {
		struct pl_influx_answer a = {
		    .status = table[i].status, .body = pl_str_of(table[i].body), .gzipped = table[i].gzipped};
		pl_influx_judge(&a, &j);
		if (j.finding != table[i].finding || j.dropped != table[i].dropped || j.partial != table[i].partial)
			fail_msg("row %zu (%ld %s): finding %d dropped %u partial %d", i, table[i].status, table[i].body,
				 j.finding, j.dropped, j.partial);
		assert_int_equal(j.status, table[i].status);
		assert_int_equal(j.reason[0] == '\0', table[i].finding == PL_INFLUX_TAKEN);
	}
	pl_influx_judgement_finish(&j);
}

/* Names come as they are, whatever they are made of. */
static void named_conflicts(void **state)
{
	(void)state;
	static const struct {
		const char *words, *field, *measurement, *type;
	} cases[] = {
	    {"input field \\\"v\\\" on measurement \\\"m\\\" is type float, already exists as type string dropped=1", "v", "m",
	     "float"},
	    {"input field \\\"a \\\"b\\\" on measurement \\\"\\\"\\\" is type boolean, already exists as type string dropped=1",
	     "a \"b", "\"", "boolean"},
	    {"input field \\\"v\\\" on measurement \\\"m\\\" is type x\\\" is type float, already exists as type string "
	     "dropped=1",
	     "v", "m\" is type x", "float"},
	    {"input field \\\"v\\\" on measurement \\\"m\\\" is type float", "", "", ""},
	    {"\\\" is type , already exists as type input field \\\"\\\" on measurement \\\"", "", "", ""},
	    {"", "", "", ""},
	};
	struct pl_influx_judgement j = {0};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char body[300];
		snprintf(body, sizeof body, "{\"error\":\"partial write: field type conflict: %s\"}", cases[i].words);
		pl_influx_judge(&(struct pl_influx_answer){.status = 400, .body = pl_str_of(body)}, &j);
		assert_int_equal(j.finding, PL_INFLUX_CONFLICT);
		if (!pl_str_is(j.field, cases[i].field) || !pl_str_is(j.measurement, cases[i].measurement) ||
		    !pl_str_is(j.type, cases[i].type))
			fail_msg("%s: field '%.*s' measurement '%.*s' type '%.*s'", cases[i].words, (int)j.field.n, j.field.p,
				 (int)j.measurement.n, j.measurement.p, (int)j.type.n, j.type.p);
	}
	pl_influx_judgement_finish(&j);
}

struct quoted_case {
	const char *const *lines;
	struct pl_influx_quoted last;
};

static bool known_line(void *data, struct pl_str text)
{
	const struct quoted_case *c = data;
	for (const char *const *line = c->lines; *line != NULL; line++)
		if (pl_str_is(text, *line))
			return true;
	return false;
}

static void keep_quoted(void *data, const struct pl_influx_quoted *q)
{
	struct quoted_case *c = data;
	c->last = *q;
}

static void quoted_lines(void **state)
{
	(void)state;
	static const char *const lines[] = {"a v=", "b", "b': x", NULL};
	static const struct {
		const char *message;
		size_t entries, known;
		const char *line, *reason; /* of the last that is known */
	} cases[] = {
	    {"unable to parse 'a v=': missing field value", 1, 1, "a v=", "missing field value"},
	    {"unable to parse 'c': x\nunable to parse 'a v=': y\nunable to parse 'b': z", 3, 2, "b", "z"},
	    {"unable to parse 'b': x': y", 1, 1, "b': x", "y"},
	    {"unable to parse 'a v=\nb': two in one", 1, 0, NULL, NULL},
	    {"unable to parse 'a v=", 1, 0, NULL, NULL},
	    {"unable to parse", 0, 0, NULL, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct quoted_case c = {.lines = lines};
		size_t known;
		size_t entries = pl_influx_read_quoted(pl_str_of(cases[i].message), known_line, keep_quoted, &c, &known);
		assert_int_equal(entries, cases[i].entries);
		assert_int_equal(known, cases[i].known);
		if (known > 0 && (!pl_str_is(c.last.line, cases[i].line) || !pl_str_is(c.last.reason, cases[i].reason)))
			fail_msg("case %zu: '%.*s'", i, (int)c.last.line.n, c.last.line.p);
	}
}

static void messages(void **state)
{
	(void)state;
	static const struct {
		const char *body, *message; /* NULL: none */
	} cases[] = {
	    {"{\"error\":\"a\\\"b\\\\c\\nd\\u0041\\u00e4\\/\"}", "a\"b\\c\ndA\xc3\xa4/"},
	    {"{\"error\":\"\\ud83d\\ude00\\ud83d\\u003c\\ufffd\"}", "\xf0\x9f\x98\x80\xef\xbf\xbd<\xef\xbf\xbd"},
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
	    cmocka_unit_test(findings),
	    cmocka_unit_test(named_conflicts),
	    cmocka_unit_test(quoted_lines),
	    cmocka_unit_test(messages),
	    cmocka_unit_test(reasons_are_printable_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
