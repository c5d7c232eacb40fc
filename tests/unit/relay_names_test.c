#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "relay/names.h"
#include "relay/pulseline_relay.h"

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool stat;
		const char *complaint; /* a part of it; NULL: a good name */
	} rows[] = {
	    {"cpu_used", true, NULL},
	    {"_1", true, NULL},
	    {"cpu", false, NULL},
	    {"cpu", true, "write cpu_used"},
	    {"disk-root", true, "write disk_root"},
	    {"a:b,c", true, "write a_b_c"},
	    {"1st", true, "write _1st"},
	    {"two words", true, "write two_words"},
	    {"a\nb", true, "\"a?b\""},
	    {"na\xc3\xafve", true, "write na__ve"},
	    {"_connected", false, "write connected"},
	    {"", true, "a name is needed"},
	    {NULL, true, "a name is needed"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char error[PL_RELAY_MAX_ERROR] = "";
		assert_int_equal(pl_relay_check_name(rows[i].name, rows[i].stat, error, sizeof error), rows[i].complaint == NULL);
		if (rows[i].complaint != NULL && strstr(error, rows[i].complaint) == NULL)
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, error, rows[i].complaint);
	}
	char long_name[PL_RELAY_MAX_NAME + 2];
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[PL_RELAY_MAX_NAME] = '\0';
	assert_true(pl_relay_check_name(long_name, true, NULL, 0));
	long_name[PL_RELAY_MAX_NAME] = 'a';
	long_name[PL_RELAY_MAX_NAME + 1] = '\0';
	assert_false(pl_relay_check_name(long_name, true, NULL, 0));
}

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		bool comma;
		const char *complaint;
	} rows[] = {
	    {"host 1", true, NULL},
	    {"a,b", true, NULL},
	    {"a,b", false, "comma"},
	    {"", true, "empty"},
	    {"a\r", true, "control character as byte 2"},
	    {"a\\", true, "backslash"},
	    {"\xff", true, "UTF-8"},
	    {"0123456789", true, "longer than 8"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char error[PL_RELAY_MAX_ERROR] = "";
		assert_int_equal(pl_relay_check_text("id", rows[i].text, 8, rows[i].comma, error, sizeof error),
				 rows[i].complaint == NULL);
		if (rows[i].complaint != NULL && strstr(error, rows[i].complaint) == NULL)
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, error, rows[i].complaint);
	}
}

static void test_addresses(void **state)
{
	static const struct {
		const char *address, *host, *port;
	} rows[] = {
	    {"127.0.0.1:3000", "127.0.0.1", "3000"},
	    {"[::1]:3000", "::1", "3000"},
	    {"pulse.example:1", "pulse.example", "1"},
	    {"::1:3000", NULL, "write [::1]:3000"},
	    {"pulse.example", NULL, "not host:port"},
	    {"http://pulse:80", NULL, "not host:port"},
	    {"pulse:0", NULL, "no port"},
	    {"pulse:65536", NULL, "no port"},
	    {"pulse:80x", NULL, "no port"},
	    {":3000", NULL, "no usable host"},
	    {"", NULL, "an address is needed"},
	};
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char host[64], error[PL_RELAY_MAX_ERROR] = "";
		const char *port;
		bool good = pl_relay_check_address(rows[i].address, host, sizeof host, &port, error, sizeof error);
		assert_int_equal(good, rows[i].host != NULL);
		if (good) {
			assert_string_equal(host, rows[i].host);
			assert_string_equal(port, rows[i].port);
		} else if (strstr(error, rows[i].port) == NULL) {
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, error, rows[i].port);
		}
	}
}

static void check_values(void)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
	    {0.333333333, "0.3333"}, {123456789012345678.0, "123456789012345680.0000"},
	    {-0.00001, "-0.0000"},   {1e-7, "0.0000"},
	    {0.00005, "0.0001"},     {0.00015, "0.0001"}, /* both as the binary values lie */
	    {-12.5, "-12.5000"},     {0, "0.0000"},
	};
	char text[PL_RELAY_VALUE_BYTES];
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		size_t n = pl_relay_value_text(rows[i].value, text);
		assert_int_equal(n, strlen(rows[i].text));
		assert_memory_equal(text, rows[i].text, n);
	}
	assert_int_equal(pl_relay_value_text(-1.7976931348623157e308, text), 315);
	assert_int_equal(pl_relay_value_text((double)NAN, text), 0);
	assert_int_equal(pl_relay_value_text((double)INFINITY, text), 0);
	assert_int_equal(pl_relay_value_text(-(double)INFINITY, text), 0);
}

/* A locale that writes a comma (and, in one, a radix of two bytes) is made for the purpose: none may be installed. */
static void test_values_in_any_locale(void **state)
{
	(void)state;
	check_values();
	char folder[] = "/tmp/relay-locale-XXXXXX", command[512];
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
	bool made = system(command) == 0;
	setenv("LOCPATH", folder, 1);
	char *set = setlocale(LC_ALL, "de_DE.UTF-8");
	snprintf(command, sizeof command, "%.1f", 0.5);
	bool comma = strcmp(command, "0,5") == 0;
	check_values();
	setlocale(LC_ALL, "C");
	unsetenv("LOCPATH");
	snprintf(command, sizeof command, "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	if (!made || set == NULL || !comma) {
		print_message("no locale with a comma could be made here: half of this test is missing\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_values_in_any_locale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
