/* The grammar of pulse's flags, a row for each way of writing them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/pulse_flags.h"
#include "base/mem.h"

enum { MOST_ARGS = 8 };

struct row {
	const char *args[MOST_ARGS]; /* behind argv[0] */
	const char *name, *value;    /* what is set; name NULL: nothing; value NULL: an error that begins with `name` */
	size_t words;
};

static const struct row rows[] = {
    {{0}, NULL, NULL, 0},
    {{"-p", "5"}, "poll-interval", "5", 0},
    {{"-p5"}, "poll-interval", "5", 0},
    {{"-p=5"}, "poll-interval", "5", 0},
    {{"--poll-interval", "5"}, "poll-interval", "5", 0},
    {{"--poll-interval=5"}, "poll-interval", "5", 0},
    {{"--poll-interval", "-5"}, "poll-interval", "-5", 0},
    {{"-p", "0x10"}, "poll-interval", "0x10", 0},
    {{"-p5", "-p6"}, "poll-interval", "6", 0},
    {{"-p", "5s"}, "-p, --poll-interval: \"5s\" is not a whole number", NULL, 0},
    {{"-p="}, "-p, --poll-interval: \"\" is not a whole number", NULL, 0},
    {{"-p", "99999999999999999999"}, "-p, --poll-interval: \"99999999999999999999\" is not a whole number", NULL, 0},
    {{"-p"}, "--poll-interval needs a value behind it", NULL, 0},
    {{"--poll-interval"}, "--poll-interval needs a value behind it", NULL, 0},
    {{"-s"}, "server", "true", 0},
    {{"--server"}, "server", "true", 0},
    {{"-s=false"}, "server", "false", 0},
    {{"--server=F"}, "server", "F", 0},
    {{"-s", "false"}, "server", "true", 1},
    {{"-s=maybe"}, "-s, --server: \"maybe\" is not true or false", NULL, 0},
    {{"-s=yes"}, "-s, --server: \"yes\" is not true or false", NULL, 0},
    {{"-sI=false"}, "insecure", "false", 0},
    {{"-sp5"}, "poll-interval", "5", 0},
    {{"-sp", "5"}, "poll-interval", "5", 0},
    {{"-t", "-s"}, "token", "-s", 0},
    {{"-t="}, "token", "", 0},
    {{"-t=a=b"}, "token", "a=b", 0},
    {{"--token=a=b"}, "token", "a=b", 0},
    {{"-t", "\xff"}, "-t, --token: the value is not UTF-8", NULL, 0},
    {{"-H:80"}, "http-listen-address", ":80", 0},
    {{"word", "-p5", "-"}, "poll-interval", "5", 2},
    {{"--", "-p5"}, NULL, NULL, 1},
    {{"--Token=x"}, "unknown flag: --Token; did you mean --token?", NULL, 0},
    {{"--bogus"}, "unknown flag: --bogus", NULL, 0},
    {{"-x"}, "unknown flag: -x (in -x)", NULL, 0},
    {{"-sx"}, "unknown flag: -x (in -sx)", NULL, 0},
    {{"-\xc3\xa4"}, "unknown flag: -", NULL, 0},
    {{"--allow-insecure-relays"}, "allow-insecure-relays", "true", 0},
};

static void check_row(const struct row *row)
{
	char *argv[MOST_ARGS + 2] = {(char *)"pulseline"}, reason[256] = "";
	struct pl_pulse_args args;
	int argc = 1;
	for (; argc <= MOST_ARGS && row->args[argc - 1] != NULL; argc++)
		argv[argc] = (char *)row->args[argc - 1];
	enum pl_err err = pl_pulse_flags_parse(argc, argv, &args, reason, sizeof reason);
	if (row->name != NULL && row->value == NULL) {
		assert_int_equal(err, PL_EINVAL);
		assert_memory_equal(reason, row->name, strlen(row->name));
		return;
	}
	assert_string_equal(reason, "");
	assert_int_equal(err, PL_OK);
	assert_int_equal(args.n_words, row->words);
	size_t given = 0;
	for (size_t i = 0; i < PL_PULSE_FLAGS; i++)
		given += args.values[i] != NULL;
	if (row->name == NULL) {
		assert_int_equal(given, 0);
		return;
	}
	enum pl_pulse_id id = pl_pulse_flag_find(pl_str_of(row->name), false);
	assert_int_not_equal(id, PL_PULSE_FLAGS);
	assert_non_null(args.values[id]);
	assert_string_equal(args.values[id], row->value);
}

static void reads_the_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++)
		check_row(&rows[i]);
}

static void knows_every_letter(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_PULSE_FLAGS; i++) {
		const struct pl_pulse_flag *f = &pl_pulse_flags[i];
		bool text = f->type == PL_PULSE_TEXT, number = f->type == PL_PULSE_INT;
		char letter[16], name[64], reason[256] = "";
		const char *value = text ? "some" : number ? "3" : "true";
		for (size_t k = 0; k < i; k++)
			assert_true(f->letter == 0 || f->letter != pl_pulse_flags[k].letter);
		snprintf(letter, sizeof letter, "-%c=%s", f->letter, value);
		snprintf(name, sizeof name, "--%s=%s", f->name, value);
		for (int by_name = f->letter == 0; by_name < 2; by_name++) {
			struct pl_pulse_args args;
			char *argv[] = {(char *)"pulseline", by_name ? name : letter, NULL};
			assert_int_equal(pl_pulse_flags_parse(2, argv, &args, reason, sizeof reason), PL_OK);
			assert_string_equal(args.values[i], value);
		}
	}
}

static void tells_flags_that_only_pulse_has(void **state)
{
	static const struct {
		const char *arg, *foreign;
	} cases[] = {
	    {"-cx", NULL},    {"-ldebug", NULL},        {"-v", NULL},           {"-h", NULL},
	    {"-s", "server"}, {"-p5", "poll-interval"}, {"-s=false", "server"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_pulse_args args;
		char reason[256], *argv[] = {(char *)"pulseline", (char *)cases[i].arg, NULL};
		assert_int_equal(pl_pulse_flags_parse(2, argv, &args, reason, sizeof reason), PL_OK);
		const char *foreign = pl_pulse_flags_foreign(&args);
		assert_int_equal(foreign == NULL, cases[i].foreign == NULL);
		if (foreign != NULL)
			assert_string_equal(foreign, cases[i].foreign);
	}
}

static void reads_whole_numbers(void **state)
{
	static const struct {
		const char *text;
		bool fine;
		int64_t value;
	} cases[] = {
	    {"0", true, 0},      {"-7", true, -7},   {"+7", true, 7},
	    {"010", true, 8},    {"0x1F", true, 31}, {"9223372036854775807", true, INT64_MAX},
	    {"", false, 0},      {"-", false, 0},    {" 5", false, 0},
	    {"5 ", false, 0},    {"5.0", false, 0},  {"9223372036854775808", false, 0},
	    {"0x", false, 0},    {"08", false, 0},   {"- 5", false, 0},
	    {"1_000", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		int64_t n = 0;
		assert_int_equal(pl_pulse_int(pl_str_of(cases[i].text), &n), cases[i].fine);
		if (cases[i].fine)
			assert_int_equal(n, cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_the_rows),
	    cmocka_unit_test(knows_every_letter),
	    cmocka_unit_test(tells_flags_that_only_pulse_has),
	    cmocka_unit_test(reads_whole_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
