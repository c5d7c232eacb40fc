#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/relay_line.h"

static void assert_str(struct pl_str s, const char *expected, const char *of)
{
	if (!pl_str_is(s, expected))
		fail_msg("%s: \"%.*s\", expected \"%s\"", of, (int)s.n, s.p, expected);
}

static void every_verb_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum pl_relay_verb verb;
		const char *arg; /* NULL: none */
	} rows[] = {
	    {"id host1", PL_RELAY_ID, "host1"},
	    {"id a b c", PL_RELAY_ID, "a b c"},
	    {"id ", PL_RELAY_ID, ""},
	    {"id", PL_RELAY_ID, NULL},
	    {"ID x", PL_RELAY_OTHER, "x"},
	    {"", PL_RELAY_OTHER, NULL},
	    {" id x", PL_RELAY_OTHER, "id x"},
	    {"ping", PL_RELAY_PING, NULL},
	    {"ping ", PL_RELAY_OTHER, ""},
	    {"ping x", PL_RELAY_OTHER, "x"},
	    {"pingx", PL_RELAY_OTHER, NULL},
	    {"close", PL_RELAY_CLOSE, NULL},
	    {"close anything", PL_RELAY_CLOSE, "anything"},
	    {"add cpu:a,b", PL_RELAY_ADD, "cpu:a,b"},
	    {"add", PL_RELAY_ADD, NULL},
	    {"add  x", PL_RELAY_ADD, " x"},
	    {"remove cpu", PL_RELAY_REMOVE, "cpu"},
	    {"got a-b:1", PL_RELAY_GOT, "a-b:1"},
	    {"ok", PL_RELAY_OK, NULL},
	    {"ok sync", PL_RELAY_OK, "sync"},
	    {"auth s3 cret", PL_RELAY_AUTH, "s3 cret"},
	    {"unknown command", PL_RELAY_OTHER, "command"},
	    {"flush", PL_RELAY_OTHER, NULL},
	    {"override 1 a:2", PL_RELAY_OTHER, "1 a:2"},
	    {"pong", PL_RELAY_OTHER, NULL},
	    {"beat 3", PL_RELAY_OTHER, "3"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_relay_line l;
		pl_relay_read(pl_str_of(rows[i].line), &l);
		if (l.verb != rows[i].verb || l.has_arg != (rows[i].arg != NULL))
			fail_msg("\"%s\": verb %d, has_arg %d", rows[i].line, l.verb, l.has_arg);
		assert_str(l.arg, rows[i].arg != NULL ? rows[i].arg : "", rows[i].line);
	}
}

static void every_order_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum pl_relay_order order;
		const char *arg;
	} rows[] = {
	    {"ok", PL_RELAY_ORDER_OK, NULL},
	    {"ok done", PL_RELAY_ORDER_OK, "done"},
	    {"pong", PL_RELAY_ORDER_PONG, NULL},
	    {"beat 30", PL_RELAY_ORDER_BEAT, "30"},
	    {"get a,b", PL_RELAY_ORDER_GET, "a,b"},
	    {"get  x", PL_RELAY_ORDER_GET, " x"},
	    {"flush", PL_RELAY_ORDER_FLUSH, NULL},
	    {"override 60 a:5", PL_RELAY_ORDER_OVERRIDE, "60 a:5"},
	    {"ping", PL_RELAY_ORDER_PING, NULL},
	    {"identify first with the 'id' command", PL_RELAY_ORDER_OTHER, "first with the 'id' command"},
	    {"OK", PL_RELAY_ORDER_OTHER, NULL},
	    {"", PL_RELAY_ORDER_OTHER, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_relay_order_line l;
		pl_relay_read_order(pl_str_of(rows[i].line), &l);
		if (l.order != rows[i].order || l.has_arg != (rows[i].arg != NULL))
			fail_msg("\"%s\": order %d, has_arg %d", rows[i].line, l.order, l.has_arg);
		assert_str(l.arg, rows[i].arg != NULL ? rows[i].arg : "", rows[i].line);
	}
}

static void add_is_cut_at_its_first_colon(void **state)
{
	(void)state;
	static const struct {
		const char *arg, *name, *tags; /* tags: each with a bar behind it */
	} rows[] = {
	    {"one", "one", ""},           {"two:", "two", ""},    {"three:a,b:c,,d", "three", "a|b:c||d|"},
	    {"four:x:y", "four", "x:y|"}, {"", "", ""},           {":", "", ""},
	    {" five: ,", " five", " ||"}, {"a b:t", "a b", "t|"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_str name, tags;
		struct pl_buf b = {0};
		pl_relay_read_add(pl_str_of(rows[i].arg), &name, &tags);
		while (tags.p != NULL) {
			pl_buf_add_str(&b, pl_str_cut(&tags, ','));
			pl_buf_add_char(&b, '|');
		}
		assert_str(name, rows[i].name, rows[i].arg);
		assert_str(pl_buf_str(&b), rows[i].tags, rows[i].arg);
		pl_buf_finish(&b);
	}
}

static void good_items_are_kept_and_bad_ones_counted(void **state)
{
	(void)state;
	static const struct {
		const char *arg, *items;
		uint64_t skipped;
	} rows[] = {
	    {"cpu-cpu:0.25", "cpu/cpu=0.25 ", 0},
	    {"disk-root:1.5000,disk-home:2.2500", "disk/root=1.5000 disk/home=2.2500 ", 0},
	    {"ram:7", "ram/ram=7 ", 0},
	    {"", "", 0},
	    {"a-b", "", 1},
	    {"a-b:1:2,c-d:3", "c/d=3 ", 1},
	    {"a-b-c:1,c-d:3,", "c/d=3 ", 2},
	    {"--:1", "", 1},
	    {"-:", "/= ", 0},
	    {"a-:x", "a/=x ", 0},
	    {"-b:x", "/b=x ", 0},
	    {":5", "/=5 ", 0},
	    {"a-b:1-2", "a/b=1-2 ", 0},
	    {"a-b: 1", "a/b= 1 ", 0},
	    {"a b-c d:NaN", "a b/c d=NaN ", 0},
	    {",,", "", 3},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_relay_items items = pl_relay_items_of(pl_str_of(rows[i].arg));
		struct pl_relay_item item;
		struct pl_buf b = {0};
		while (pl_relay_next_item(&items, &item)) {
			pl_buf_add_str(&b, item.collector);
			pl_buf_add_char(&b, '/');
			pl_buf_add_str(&b, item.stat);
			pl_buf_add_char(&b, '=');
			pl_buf_add_str(&b, item.value);
			pl_buf_add_char(&b, ' ');
		}
		assert_str(pl_buf_str(&b), rows[i].items, rows[i].arg);
		if (items.skipped != rows[i].skipped)
			fail_msg("\"%s\": %u skipped", rows[i].arg, (unsigned)items.skipped);
		pl_buf_finish(&b);
	}
}

static void beats_and_overrides_are_whole_seconds(void **state)
{
	(void)state;
	static const struct {
		const char *arg;
		uint32_t seconds; /* 0: refused */
	} beats[] = {{"30", 30}, {"1", 1},  {"86400", 86400},           {"86401", 0}, {"0", 0}, {"-1", 0},
		     {"", 0},    {"3s", 0}, {"99999999999999999999", 0}};
	for (size_t i = 0; i < PL_COUNT_OF(beats); i++) {
		uint32_t seconds = 0;
		if (pl_relay_read_beat(pl_str_of(beats[i].arg), &seconds) != (beats[i].seconds != 0) ||
		    seconds != beats[i].seconds)
			fail_msg("\"%s\": %u", beats[i].arg, seconds);
	}
	static const struct {
		const char *arg, *all; /* NULL: refused */
		uint64_t bad;
	} overrides[] = {
	    {"60 cpu:5", "60: cpu=5 ", 0},
	    {"0 cpu:5,ram:10", "0: cpu=5 ram=10 ", 0},
	    {"60 cpu:x,ram:10", "60: ram=10 ", 1},
	    {"60 cpu,ram:0", "60: ", 2},
	    {"60", NULL, 0},
	    {"60 ", NULL, 0},
	    {"x cpu:5", NULL, 0},
	    {"", NULL, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(overrides); i++) {
		struct pl_relay_overrides o;
		struct pl_buf b = {0};
		struct pl_str name;
		uint32_t interval;
		bool read = pl_relay_read_override(pl_str_of(overrides[i].arg), &o);
		assert_int_equal(read, overrides[i].all != NULL);
		if (!read)
			continue;
		pl_buf_addf(&b, "%u: ", o.seconds);
		while (pl_relay_next_override(&o, &name, &interval))
			pl_buf_addf(&b, "%.*s=%u ", (int)name.n, name.p, interval);
		assert_str(pl_buf_str(&b), overrides[i].all, overrides[i].arg);
		assert_int_equal(o.bad, overrides[i].bad);
		pl_buf_finish(&b);
	}
}

/* Feeds the text in chunks of `step` bytes; lines are bracketed, a line beyond the limit is an exclamation mark. */
static void split(const char *text, size_t step, size_t limit, struct pl_buf *out)
{
	struct pl_relay_lines l;
	size_t n = strlen(text);
	pl_relay_lines_init(&l, limit);
	for (size_t at = 0; at < n; at += step) {
		enum pl_relay_lines_result result;
		struct pl_str line;
		pl_relay_lines_feed(&l, (struct pl_str){text + at, n - at < step ? n - at : step});
		while ((result = pl_relay_lines_next(&l, &line)) == PL_RELAY_LINE)
			pl_buf_addf(out, "[%.*s]", (int)line.n, line.p);
		if (result == PL_RELAY_LINES_TOO_LONG) {
			pl_buf_add_char(out, '!');
			break;
		}
	}
	pl_relay_lines_finish(&l);
}

static void lines_come_whole_however_they_are_cut(void **state)
{
	(void)state;
	static const struct {
		const char *text, *lines;
	} rows[] = {
	    {"id a\n", "[id a]"},
	    {"id a\r\nping\r\n", "[id a][ping]"},
	    {"a\r\r\n", "[a\r]"},
	    {"\n\n\r\n", "[][][]"},
	    {"one\ntwo\nthr", "[one][two]"},
	    {"a\rb\n", "[a\rb]"},
	    {"12345678\n", "[12345678]"},
	    {"12345678\r\nx\n", "[12345678][x]"},
	    {"123456789\n", "!"},
	    {"123456789\r\n", "!"},
	    {"12345678\r\r\n", "!"},
	    {"ok\n1234567890123\nok\n", "[ok]!"},
	    {"123456789", "!"},
	    {"12345678\r", ""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		for (size_t step = 1; step < 16; step++) {
			struct pl_buf b = {0};
			split(rows[i].text, step, 8, &b);
			assert_str(pl_buf_str(&b), rows[i].lines, rows[i].text);
			pl_buf_finish(&b);
		}
	}
}

static void a_reader_between_lines_owns_no_memory(void **state)
{
	(void)state;
	struct pl_relay_lines l;
	struct pl_str line;
	pl_relay_lines_init(&l, 100);
	pl_relay_lines_feed(&l, PL_STR("pi"));
	assert_int_equal(pl_relay_lines_next(&l, &line), PL_RELAY_LINES_MORE);
	assert_true(l.begun.cap > 0);
	pl_relay_lines_feed(&l, PL_STR("ng\n"));
	assert_int_equal(pl_relay_lines_next(&l, &line), PL_RELAY_LINE);
	assert_true(pl_str_is(line, "ping"));
	assert_int_equal(pl_relay_lines_next(&l, &line), PL_RELAY_LINES_MORE);
	assert_int_equal(l.begun.cap, 0);
	pl_relay_lines_finish(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_verb_is_read),
	    cmocka_unit_test(every_order_is_read),
	    cmocka_unit_test(add_is_cut_at_its_first_colon),
	    cmocka_unit_test(good_items_are_kept_and_bad_ones_counted),
	    cmocka_unit_test(beats_and_overrides_are_whole_seconds),
	    cmocka_unit_test(lines_come_whole_however_they_are_cut),
	    cmocka_unit_test(a_reader_between_lines_owns_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
