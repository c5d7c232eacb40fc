#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "targets/scrape_url.h"
#include "targets/target_address.h"

static void good_addresses_get_a_port(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		unsigned port;
		const char *settled;
	} cases[] = {
	    {"localhost:9100", 80, "localhost:9100"},
	    {"localhost", 80, "localhost:80"},
	    {"localhost", 443, "localhost:443"},
	    {"localhost", 0, "localhost"},
	    {"10.0.0.1", 80, "10.0.0.1:80"},
	    {"my_host-1.example.com.", 80, "my_host-1.example.com.:80"},
	    {"a:1", 80, "a:1"},
	    {"a:65535", 80, "a:65535"},
	    {"[::1]", 443, "[::1]:443"},
	    {"[::1]:9100", 443, "[::1]:9100"},
	    {"[fe80::1%eth0]:9100", 80, "[fe80::1%eth0]:9100"},
	    {"[::ffff:10.0.0.1]:9100", 80, "[::ffff:10.0.0.1]:9100"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		char reason[PL_REASON_BYTES];
		assert_int_equal(pl_target_address_settle(pl_str_of(cases[i].address), cases[i].port, &out, reason), PL_OK);
		assert_string_equal(pl_buf_cstr(&out), cases[i].settled);
		pl_buf_finish(&out);
	}
}

static void bad_addresses_are_refused_with_a_reason(void **state)
{
	(void)state;
	static const struct {
		struct pl_str address;
		const char *reason; /* a part of it */
	} cases[] = {
	    {{"", 0}, "no address"},
	    {{"http://x/metrics", 16}, "without scheme or path"},
	    {{"x:80/metrics", 12}, "without scheme or path"},
	    {{"x:", 2}, "port"},
	    {{"x:0", 3}, "port"},
	    {{"x:65536", 7}, "port"},
	    {{"x:http", 6}, "port"},
	    {{"x:-1", 4}, "port"},
	    {{"x:99999999999999999999", 22}, "port"},
	    {{":9100", 5}, "host is missing"},
	    {{"[fe80::1%]:80", 13}, "no IPv6 address"},
	    {{"[fe80::1%a%b]:80", 16}, "no IPv6 address"},
	    {{"[fe80::1%sixteen-letters-]:80", 29}, "no IPv6 address"},
	    {{"::1", 3}, "brackets"},
	    {{"fe80::1:9100", 12}, "brackets"},
	    {{"[::1", 4}, "IPv6"},
	    {{"[]", 2}, "IPv6"},
	    {{"[", 1}, "IPv6"},
	    {{"[10.0.0.1]:80", 13}, "IPv6"},
	    {{"[::1%]:80", 9}, "IPv6"},
	    {{"[::1%a b]:80", 12}, "IPv6"},
	    {{"[::1\0]:80", 9}, "IPv6"},
	    {{"[::1]9100", 9}, "behind the brackets"},
	    {{"[::1]:", 6}, "port"},
	    {{"user@x:80", 9}, "character"},
	    {{"a b:80", 6}, "character"},
	    {{"a?b:80", 6}, "character"},
	    {{"a\n:80", 5}, "character"},
	    {{"a\0b:80", 6}, "character"},
	    {{"b\xc3\xbc"
	      "cher:80",
	      10},
	     "xn--"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		char reason[PL_REASON_BYTES] = "";
		assert_int_equal(pl_target_address_settle(cases[i].address, 80, &out, reason), PL_EINVAL);
		assert_non_null(strstr(reason, cases[i].reason));
		assert_int_equal(out.n, 0);
		pl_buf_finish(&out);
	}
	char longest[300];
	struct pl_buf out = {0};
	char reason[PL_REASON_BYTES];
	memset(longest, 'a', sizeof longest);
	assert_int_equal(pl_target_address_settle((struct pl_str){longest, 253}, 80, &out, reason), PL_OK);
	assert_int_equal(pl_target_address_settle((struct pl_str){longest, 254}, 80, &out, reason), PL_EINVAL);
	pl_buf_finish(&out);
}

static void urls_are_encoded_and_their_params_sorted(void **state)
{
	(void)state;
	static const char *a_values[] = {"1", "2 3"}, *match_values[] = {"up{job=\"x\"}"}, *none[] = {NULL}, *z_values[] = {""};
	static struct pl_param params[] = {
	    {"a", {a_values, 2}},
	    {"empty", {none, 0}},
	    {"match[]", {match_values, 1}},
	    {"z", {z_values, 1}},
	};
	static const struct pl_label given[] = {
	    {{"__address__", 11}, {"ignored", 7}},
	    {{"__param_a", 9}, {"first", 5}},
	    {{"__param_b", 9}, {"\xc3\xa9&=", 4}},
	    {{"__scheme__", 10}, {"http", 4}},
	};
	static const struct {
		const char *scheme, *address, *path;
		size_t n_params, n_labels;
		const char *url;
	} cases[] = {
	    {"http", "h:80", "/metrics", 0, 0, "http://h:80/metrics"},
	    {"https", "[::1]:443", "/", 0, 0, "https://[::1]:443/"},
	    {"http", "[fe80::1%eth0]:80", "", 0, 0, "http://[fe80::1%25eth0]:80/"},
	    {"http", "h:80", "metrics", 0, 0, "http://h:80/metrics"},
	    {"http", "h:80", "/a b?c#d%20\xc3\xa9", 0, 0, "http://h:80/a%20b%3Fc%23d%2520%C3%A9"},
	    {"http", "h:80", "/a;b,c=d@e:f!$&'()*+", 0, 0, "http://h:80/a;b,c=d@e:f!$&'()*+"},
	    {"http", "h:80", "/m", 1, 0, "http://h:80/m?a=1&a=2%203"},
	    {"http", "h:80", "/m", 4, 0, "http://h:80/m?a=1&a=2%203&match%5B%5D=up%7Bjob%3D%22x%22%7D&z="},
	    {"http", "h:80", "/m", 0, 4, "http://h:80/m?a=first&b=%C3%A9%26%3D"},
	    {"http", "h:80", "/m", 4, 4, "http://h:80/m?a=first&a=2%203&b=%C3%A9%26%3D&match%5B%5D=up%7Bjob%3D%22x%22%7D&z="},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		struct pl_params some = {params, cases[i].n_params};
		pl_scrape_url_add(&out, pl_str_of(cases[i].scheme), pl_str_of(cases[i].address), pl_str_of(cases[i].path), &some,
				  (struct pl_labels){given, cases[i].n_labels});
		assert_string_equal(pl_buf_cstr(&out), cases[i].url);
		pl_buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_addresses_get_a_port),
	    cmocka_unit_test(bad_addresses_are_refused_with_a_reason),
	    cmocka_unit_test(urls_are_encoded_and_their_params_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
