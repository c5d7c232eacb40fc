#include "config_harness.h"

#include "base/clock.h"
#include "config/scalar.h"
#include "config/schema.h"

enum { S = 1000 }; /* ms */

static void parses_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum pl_err err;
		int64_t ms;
		const char *printed; /* NULL: as written */
	} cases[] = {
	    {"0", PL_OK, 0, "0s"},
	    {"0s", PL_OK, 0, NULL},
	    {"1ms", PL_OK, 1, NULL},
	    {"500ms", PL_OK, 500, NULL},
	    {"15s", PL_OK, 15 * S, NULL},
	    {"90s", PL_OK, 90 * S, "1m30s"},
	    {"1m30s", PL_OK, 90 * S, NULL},
	    {"1h", PL_OK, 3600 * S, NULL},
	    {"1d2h3m4s5ms", PL_OK, 93784005, NULL},
	    {"1w", PL_OK, INT64_C(604800) * S, "7d"},
	    {"1y", PL_OK, INT64_C(31536000) * S, "365d"},
	    {"1y1ms", PL_OK, INT64_C(31536000) * S + 1, "365d1ms"},
	    {"", PL_EPARSE, 0, NULL},
	    {"15", PL_EPARSE, 0, NULL},
	    {"15x", PL_EPARSE, 0, NULL},
	    {"s", PL_EPARSE, 0, NULL},
	    {"-1s", PL_EPARSE, 0, NULL},
	    {"1.5s", PL_EPARSE, 0, NULL},
	    {"15 s", PL_EPARSE, 0, NULL},
	    {" 15s", PL_EPARSE, 0, NULL},
	    {"15S", PL_EPARSE, 0, NULL},
	    {"5s1m", PL_EPARSE, 0, NULL}, /* units must fall */
	    {"5s5s", PL_EPARSE, 0, NULL},
	    {"1us", PL_EPARSE, 0, NULL},
	    {"00", PL_EPARSE, 0, NULL},
	    {"300y", PL_ELIMIT, 0, NULL},
	    {"292y52w", PL_ELIMIT, 0, NULL},
	    {"99999999999999999999s", PL_ELIMIT, 0, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		int64_t ns = -1;
		struct pl_buf out = {0};
		assert_int_equal(pl_parse_duration(pl_str_of(cases[i].text), &ns), cases[i].err);
		if (cases[i].err == PL_OK) {
			assert_int_equal(ns, cases[i].ms * PL_NS_PER_MS);
			pl_duration_print(ns, &out);
			assert_string_equal(pl_buf_cstr(&out), cases[i].printed != NULL ? cases[i].printed : cases[i].text);
		}
		pl_buf_finish(&out);
	}
}

static void parses_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum pl_err err;
		int64_t bytes;
		const char *printed;
	} cases[] = {
	    {"0", PL_OK, 0, "0"},
	    {"0MB", PL_OK, 0, "0"},
	    {"512", PL_OK, 512, "512B"},
	    {"512B", PL_OK, 512, "512B"},
	    {"1023", PL_OK, 1023, "1023B"},
	    {"64KiB", PL_OK, 65536, "64KiB"},
	    {"64K", PL_OK, 65536, "64KiB"},
	    {"64kb", PL_OK, 65536, "64KiB"},
	    {"10MB", PL_OK, 10485760, "10MiB"},
	    {"1024MiB", PL_OK, INT64_C(1) << 30, "1GiB"},
	    {"3TiB", PL_OK, INT64_C(3) << 40, "3TiB"},
	    {"7EiB", PL_OK, INT64_C(7) << 60, "7EiB"},
	    {"9223372036854775807", PL_OK, INT64_MAX, "9223372036854775807B"},
	    {"8EiB", PL_ELIMIT, 0, NULL},
	    {"9223372036854775808", PL_ELIMIT, 0, NULL},
	    {"", PL_EPARSE, 0, NULL},
	    {"MB", PL_EPARSE, 0, NULL},
	    {"-1", PL_EPARSE, 0, NULL},
	    {"1.5GiB", PL_EPARSE, 0, NULL},
	    {"1 KiB", PL_EPARSE, 0, NULL},
	    {"1ZB", PL_EPARSE, 0, NULL},
	    {"1Bi", PL_EPARSE, 0, NULL},
	    {"1MBB", PL_EPARSE, 0, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		int64_t bytes = -1;
		struct pl_buf out = {0};
		assert_int_equal(pl_parse_bytes(pl_str_of(cases[i].text), &bytes), cases[i].err);
		if (cases[i].err == PL_OK) {
			assert_int_equal(bytes, cases[i].bytes);
			pl_bytes_print(bytes, &out);
			assert_string_equal(pl_buf_cstr(&out), cases[i].printed);
		}
		pl_buf_finish(&out);
	}
}

static void expect_flaw(const char *text, const char *found, const char *expected)
{
	if ((found == NULL) != (expected == NULL) || (found != NULL && strcmp(found, expected) != 0))
		fail_msg("%s: got \"%s\", expected \"%s\"", text, found != NULL ? found : "no flaw",
			 expected != NULL ? expected : "no flaw");
}

static void checks_listen_addresses(void **state)
{
	(void)state;
	static const char port[] = "the port must be a number from 0 to 65535", v6[] = "between [ and ] stands no IPv6 address";
	static const struct {
		const char *text, *flaw;
	} cases[] = {
	    {"127.0.0.1:8080", NULL},
	    {"localhost:0", NULL},
	    {":8080", NULL},
	    {"[::1]:8080", NULL},
	    {"[fe80::1%eth0]:80", NULL},
	    {"my-host.example.org:65535", NULL},
	    {"8080", "write a colon before the port: :8080"},
	    {"localhost", "the port is missing: host:8080"},
	    {"[::1]", "the port is missing: host:8080"},
	    {"", "the port is missing: host:8080"},
	    {"h:", port},
	    {"h:65536", port},
	    {"h:-1", port},
	    {"h:80x", port},
	    {"::1:8080", "an IPv6 address goes into brackets: [::1]:8080"},
	    {"[::1:8080", v6},
	    {"[]:80", v6},
	    {"[1.2.3.4]:80", v6},
	    {"[::1%]:80", v6},
	    {"[::1]80", "behind ] only :port may follow"},
	    {"a b:80", "the host holds a character that no host name has"},
	    {"http://h:80", "an IPv6 address goes into brackets: [::1]:8080"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		expect_flaw(cases[i].text, pl_listen_flaw(pl_str_of(cases[i].text)), cases[i].flaw);
}

static void checks_urls(void **state)
{
	(void)state;
	static const struct {
		const char *text, *flaw;
	} cases[] = {
	    {"http://h", NULL},
	    {"http://h/", NULL},
	    {"HTTPS://h:8086/path?q=1", NULL},
	    {"https://[::1]:8086", NULL},
	    {"http://h/a@b", NULL},
	    {"h:8086", "it must begin with http:// or https://"},
	    {"", "it must begin with http:// or https://"},
	    {"ftp://h", "it must begin with http:// or https://"},
	    {"http:/h", "it must begin with http:// or https://"},
	    {"http://", "the host is missing"},
	    {"http://:80", "the host is missing"},
	    {"http:///x", "the host is missing"},
	    {"http://h:99999", "the port must be a number from 0 to 65535"},
	    {"http://h:", "the port must be a number from 0 to 65535"},
	    {"http://u:p@h", "user and password do not belong into it, they have keys of their own"},
	    {"http://h/a b", "it holds a space or a control character"},
	    {"http://h/\n", "it holds a space or a control character"},
	    {"http://h/#x", "it holds a fragment (#...)"},
	    {"http://h%41/", "the host holds a character that no host name has"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		expect_flaw(cases[i].text, pl_url_flaw(pl_str_of(cases[i].text)), cases[i].flaw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parses_durations), cmocka_unit_test(parses_bytes),
					   cmocka_unit_test(checks_listen_addresses), cmocka_unit_test(checks_urls)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
