#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

static struct pl_log *log_of(void **state, enum pl_log_format format)
{
	struct pl_log *log = pl_log_create(((int *)*state)[1], format, PL_LOG_INFO);
	return log;
}

static int open_pipe(void **state)
{
	int *ends = pl_alloc(2 * sizeof *ends);
	if (pipe2(ends, O_NONBLOCK) != 0)
		return -1;
	*state = ends;
	return 0;
}

static int close_pipe(void **state)
{
	int *ends = *state;
	close(ends[0]);
	close(ends[1]);
	free(ends);
	return 0;
}

/* What was written since, without its time. */
static const char *written(void **state, char room[8192])
{
	ssize_t n = read(((int *)*state)[0], room, 8191);
	room[n > 0 ? n : 0] = '\0';
	char *text = strstr(room, "level");
	return text == NULL ? room : text[-1] == '"' ? text - 1 : text;
}

static void escapes_values(void **state)
{
	static const struct {
		struct pl_str value;
		const char *logfmt, *json;
	} cases[] = {
	    {PL_STR("bare"), "bare", "\"bare\""},
	    {PL_STR(""), "\"\"", "\"\""},
	    {{NULL, 0}, "\"\"", "\"\""},
	    {PL_STR("two words"), "\"two words\"", "\"two words\""},
	    {PL_STR("a=b"), "\"a=b\"", "\"a=b\""},
	    {PL_STR("say \"hi\""), "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
	    {PL_STR("C:\\"), "\"C:\\\\\"", "\"C:\\\\\""},
	    {PL_STR("x\nlevel=error"), "\"x\\nlevel=error\"", "\"x\\nlevel=error\""},
	    {PL_STR("\x1b[31m\r\t\0\x7f"), "\"\\u001b[31m\\u000d\\u0009\\u0000\\u007f\"",
	     "\"\\u001b[31m\\u000d\\u0009\\u0000\\u007f\""},
	    {PL_STR("caf\xc3\xa9 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xf0\x9f\x98\x80\"", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
	    {PL_STR("\xff\xc3"), "\"\\u00ff\\u00c3\"", "\"\\u00ff\\u00c3\""},
	    {PL_STR("\xc2\x9b"
		    "31m"),
	     "\"\\u009b31m\"", "\"\\u009b31m\""},
	    {PL_STR("\xe2\x80\xae"
		    "txt\xe2\x80\xa8\xe2\x81\xa6"),
	     "\"\\u202etxt\\u2028\\u2066\"", "\"\\u202etxt\\u2028\\u2066\""},
	    {PL_STR("\xe2\x82\xac"), "\"\xe2\x82\xac\"", "\"\xe2\x82\xac\""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		for (int json = 0; json < 2; json++) {
			struct pl_log *log = log_of(state, json ? PL_LOG_JSON : PL_LOG_LOGFMT);
			char want[512], room[8192];
			pl_warn(log, "it happened", PL_KVS("value", cases[i].value), PL_KVI("n", -3),
				PL_KVT("took", INT64_C(1500000000)));
			snprintf(want, sizeof want,
				 json ? "\"level\":\"warn\",\"msg\":\"it happened\",\"value\":%s,\"n\":-3,\"took\":1.500}\n"
				      : "level=warn msg=\"it happened\" value=%s n=-3 took=1.500\n",
				 json ? cases[i].json : cases[i].logfmt);
			assert_string_equal(written(state, room), want);
			assert_memory_equal(room, json ? "{\"time\":\"20" : "ts=20", json ? 11 : 5);
			pl_log_destroy(log);
		}
}

static void shortens_long_values_between_characters(void **state)
{
	struct pl_log *log = log_of(state, PL_LOG_JSON);
	char value[5000], room[8192];
	memset(value, 'a', sizeof value);
	memcpy(value + 2047, "\xc3\xa9", 2); /* stands on the limit of 2048 */
	pl_info(log, "m", PL_KVS("v", ((struct pl_str){value, sizeof value})));
	const char *text = written(state, room);
	assert_true(pl_str_utf8(pl_str_of(text)));
	assert_true(pl_str_ends(pl_str_of(text), PL_STR("a\xc3\xa9...\"}\n")));
	pl_log_destroy(log);
}

static void keeps_to_its_level(void **state)
{
	struct pl_log *log = log_of(state, PL_LOG_LOGFMT);
	char room[8192];
	pl_debug(log, "hidden", PL_KVC("a", "b"));
	assert_string_equal(written(state, room), "");
	pl_log_set(log, PL_LOG_LOGFMT, PL_LOG_DEBUG);
	pl_debug(log, "shown", PL_KVC("a", "b"));
	assert_string_equal(written(state, room), "level=debug msg=shown a=b\n");
	pl_log_set(log, PL_LOG_LOGFMT, PL_LOG_ERROR);
	pl_warn(log, "hidden", PL_KVC("a", "b"));
	assert_string_equal(written(state, room), "");
	pl_log_write(log, PL_LOG_ERROR, "alone", NULL);
	assert_string_equal(written(state, room), "level=error msg=alone\n");
	pl_log_write(NULL, PL_LOG_ERROR, "nowhere", NULL);
	assert_false(pl_log_enabled(NULL, PL_LOG_ERROR));
	assert_int_equal(pl_log_lost(log), 0);
	pl_log_destroy(log);
	pl_log_destroy(NULL);
}

static void counts_lost_lines_and_mends_a_torn_one(void **state)
{
	int *ends = *state;
	struct pl_log *log = log_of(state, PL_LOG_LOGFMT);
	char value[1999], chunk[4096];
	struct pl_str v = {value, sizeof value};
	struct pl_buf all = {0};
	memset(value, 'a', sizeof value);
	while (pl_log_lost(log) == 0) /* over PIPE_BUF, so the pipe may take half a line */
		pl_info(log, "m", PL_KVS("v", v), PL_KVS("v", v), PL_KVS("v", v), PL_KVI("end", 1));
	for (ssize_t n; (n = read(ends[0], chunk, sizeof chunk)) > 0;)
		pl_buf_add(&all, chunk, (size_t)n);
	assert_int_not_equal(all.p[all.n - 1], '\n');
	pl_info(log, "after", PL_KVI("end", 1));
	ssize_t n = read(ends[0], chunk, sizeof chunk);
	assert_true(n > 0);
	pl_buf_add(&all, chunk, (size_t)n);
	size_t torn = 0;
	struct pl_str rest = pl_buf_str(&all);
	assert_true(pl_str_ends(rest, PL_STR("msg=after end=1\n")));
	for (struct pl_str line; rest.n > 0;) {
		line = pl_str_cut(&rest, '\n');
		assert_true(pl_str_starts(line, PL_STR("ts=20")));
		torn += !pl_str_ends(line, PL_STR("end=1"));
	}
	assert_int_equal(torn, 1);
	assert_int_equal(pl_log_lost(log), 1);
	pl_buf_finish(&all);
	pl_log_destroy(log);
}

static void reads_levels(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum pl_err err;
		enum pl_log_level level;
	} cases[] = {
	    {"debug", PL_OK, PL_LOG_DEBUG},      {"INFO", PL_OK, PL_LOG_INFO},        {"Warn", PL_OK, PL_LOG_WARN},
	    {"warning", PL_OK, PL_LOG_WARN},     {"error", PL_OK, PL_LOG_ERROR},      {"", PL_EINVAL, PL_LOG_DEBUG},
	    {"warnin", PL_EINVAL, PL_LOG_DEBUG}, {"errors", PL_EINVAL, PL_LOG_DEBUG}, {"1", PL_EINVAL, PL_LOG_DEBUG},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		enum pl_log_level level = PL_LOG_DEBUG;
		assert_int_equal(pl_log_level_parse(pl_str_of(cases[i].text), &level), cases[i].err);
		assert_int_equal(level, cases[i].level);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(escapes_values, open_pipe, close_pipe),
	    cmocka_unit_test_setup_teardown(shortens_long_values_between_characters, open_pipe, close_pipe),
	    cmocka_unit_test_setup_teardown(keeps_to_its_level, open_pipe, close_pipe),
	    cmocka_unit_test_setup_teardown(counts_lost_lines_and_mends_a_torn_one, open_pipe, close_pipe),
	    cmocka_unit_test(reads_levels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
