#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/resp.h"

static void test_commands(void **state)
{
	struct pl_buf b = {0};
	const struct pl_str argv[] = {PL_STR("HSET"), PL_STR("a\r\nb"), PL_STR("")};
	(void)state;
	pl_resp_add_command(&b, argv, 3);
	assert_string_equal(pl_buf_cstr(&b), "*3\r\n$4\r\nHSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n");
	pl_buf_clear(&b);
	pl_resp_add_command(&b, argv, 1);
	assert_string_equal(pl_buf_cstr(&b), "*1\r\n$4\r\nHSET\r\n");
	pl_buf_finish(&b);
}

struct row {
	const char *bytes;
	enum pl_resp_type type;
	int64_t integer;
	const char *text, *first, *second;
	size_t n_items;
};

static const struct row rows[] = {
    {"+OK\r\n", PL_RESP_STATUS, 0, "OK", NULL, NULL, 0},
    {"-NOPERM no\r\n", PL_RESP_ERROR, 0, "NOPERM no", NULL, NULL, 0},
    {":42\r\n", PL_RESP_INTEGER, 42, NULL, NULL, NULL, 0},
    {"$5\r\nhello\r\n", PL_RESP_STRING, 0, "hello", NULL, NULL, 0},
    {"$-1\r\n", PL_RESP_NIL, 0, NULL, NULL, NULL, 0},
    {"*-1\r\n", PL_RESP_NIL, 0, NULL, NULL, NULL, 0},
    {"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", PL_RESP_ARRAY, 0, NULL, "127.0.0.1", "6379", 2},
    {"*3\r\n$6\r\nmaster\r\n:7\r\n*1\r\n*3\r\n+a\r\n+b\r\n+c\r\n", PL_RESP_ARRAY, 0, NULL, "master", "", 3},
    {"*6\r\n+1\r\n+2\r\n+3\r\n+4\r\n+5\r\n+6\r\n", PL_RESP_ARRAY, 0, NULL, "1", "2", 4},
};

static void assert_text(const struct pl_resp_text *t, const char *expected)
{
	if (expected != NULL)
		assert_true(pl_str_is(pl_resp_str(t), expected));
}

static void assert_reply(const struct pl_resp_reply *r, const struct row *row)
{
	assert_int_equal(r->type, row->type);
	if (row->type == PL_RESP_INTEGER)
		assert_int_equal(r->integer, row->integer);
	assert_text(&r->text, row->text);
	if (row->type != PL_RESP_ARRAY)
		return;
	assert_int_equal(r->n_items, row->n_items);
	assert_text(&r->items[0], row->first);
	assert_text(&r->items[1], row->second);
}

/* All in a row, in pieces of every size. */
static void test_replies(void **state)
{
	struct pl_buf all = {0};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++)
		pl_buf_add_cstr(&all, rows[i].bytes);
	for (size_t piece = 1; piece < all.n; piece++) {
		struct pl_resp *r = pl_resp_create();
		const struct pl_resp_reply *reply;
		const char *reason = NULL;
		size_t seen = 0;
		for (size_t at = 0; at < all.n; at += piece) {
			int got;
			assert_true(pl_resp_feed(r, all.p + at, all.n - at < piece ? all.n - at : piece, &reason));
			while ((got = pl_resp_next(r, &reply, &reason)) > 0)
				assert_reply(reply, &rows[seen++]);
			assert_int_equal(got, 0);
		}
		assert_int_equal(seen, PL_COUNT_OF(rows));
		pl_resp_destroy(r);
	}
	pl_buf_finish(&all);
}

static void test_long_text_is_cut(void **state)
{
	struct pl_resp *r = pl_resp_create();
	const struct pl_resp_reply *reply;
	const char *reason;
	struct pl_buf b = {0};
	(void)state;
	pl_buf_add_cstr(&b, "-ERR ");
	for (size_t i = 0; i < 1000; i++)
		pl_buf_add_char(&b, 'x');
	pl_buf_add_cstr(&b, "\r\n");
	assert_true(pl_resp_feed(r, b.p, b.n, &reason));
	assert_int_equal(pl_resp_next(r, &reply, &reason), 1);
	assert_int_equal(reply->text.n, PL_RESP_MAX_TEXT);
	pl_buf_finish(&b);
	pl_resp_destroy(r);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {"HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x03\r\n", ":x\r\n", "$-5\r\n"};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(bad); i++) {
		struct pl_resp *r = pl_resp_create();
		const struct pl_resp_reply *reply;
		const char *reason = NULL;
		assert_true(pl_resp_feed(r, bad[i], strlen(bad[i]), &reason));
		assert_int_equal(pl_resp_next(r, &reply, &reason), -1);
		assert_non_null(reason);
		pl_resp_destroy(r);
	}
}

/* What is announced costs nothing; what comes is bounded. */
static void test_too_long(void **state)
{
	static const char *const begin[] = {"$500000000\r\n", "*100000000\r\n"};
	char piece[16384];
	(void)state;
	memset(piece, 'x', sizeof piece);
	for (size_t i = 0; i < PL_COUNT_OF(begin); i++) {
		struct pl_resp *r = pl_resp_create();
		const struct pl_resp_reply *reply;
		const char *reason;
		int got = 0;
		size_t fed = 0;
		assert_true(pl_resp_feed(r, begin[i], strlen(begin[i]), &reason));
		for (; got == 0 && fed < 2 * PL_RESP_MAX_REPLY; fed += sizeof piece) {
			if (!pl_resp_feed(r, piece, sizeof piece, &reason))
				break;
			got = pl_resp_next(r, &reply, &reason);
		}
		assert_int_equal(got, -1);
		pl_resp_destroy(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands),  cmocka_unit_test(test_replies),  cmocka_unit_test(test_long_text_is_cut),
	    cmocka_unit_test(test_malformed), cmocka_unit_test(test_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
