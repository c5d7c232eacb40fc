#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/no_proxy.h"

static void as_the_environments_variable(void **state)
{
	(void)state;
	static const struct {
		const char *list, *host;
		unsigned port;
		bool direct;
	} cases[] = {
	    {NULL, "localhost", 80, false},
	    {"", "127.0.0.1", 80, false},
	    {"x", "localhost", 80, true},
	    {"x", "LOCALHOST", 80, true},
	    {"x", "127.1.2.3", 80, true},
	    {"x", "[::1]", 80, true},
	    {"x", "[::2]", 80, false},
	    {"*", "anything", 80, true},
	    {"example.org", "example.org", 80, true},
	    {"example.org", "EXAMPLE.org.", 80, true},
	    {"example.org", "db.example.org", 80, true},
	    {"example.org", "badexample.org", 80, false},
	    {".example.org", "db.example.org", 80, true},
	    {".example.org", "example.org", 80, false},
	    {"*.example.org", "db.example.org", 80, true},
	    {"*.example.org", "example.org", 80, false},
	    {"a, b\t,,c", "b", 80, true},
	    {"a, b ,c", "c", 80, true},
	    {"a, b ,c", "d", 80, false},
	    {"example.org:8080", "example.org", 8080, true},
	    {"example.org:8080", "example.org", 80, false},
	    {"10.0.0.1", "10.0.0.1", 80, true},
	    {"10.0.0.1", "10.0.0.11", 80, false},
	    {"10.0.0.1:81", "10.0.0.1", 80, false},
	    {"10.0.0.1:80", "10.0.0.1", 80, true},
	    {"10.0.0.0/8", "10.255.0.1", 80, true},
	    {"10.0.0.0/8", "11.0.0.1", 80, false},
	    {"10.0.0.0/9", "10.128.0.1", 80, false},
	    {"0.0.0.0/0", "11.0.0.1", 80, true},
	    {"0.0.0.0/0", "[fe80::1]", 80, false},
	    {"0.0.0.0/0", "name", 80, false},
	    {"10.0.0.0/33", "10.0.0.1", 80, false},
	    {"10.0.0.0/", "10.0.0.1", 80, false},
	    {"10.0.0.0/99999999999999999999", "10.0.0.1", 80, false},
	    {"2001:db8::/32", "[2001:db8:1::2]", 80, true},
	    {"2001:db8::/32", "[2001:db9::2]", 80, false},
	    {"[2001:db8::1]:80", "[2001:db8::1]", 80, true},
	    {"[2001:db8::1]:81", "[2001:db8::1]", 80, false},
	    {"2001:db8::1", "[2001:db8::1]", 80, true},
	    {":80", "name", 80, false},
	    {".", "name", 80, false},
	    {"1", "10.0.0.1", 80, false}, /* no name's end */
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++)
		if (pl_no_proxy(cases[i].list, cases[i].host, cases[i].port) != cases[i].direct)
			fail_msg("\"%s\" and %s:%u", cases[i].list, cases[i].host, cases[i].port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_environments_variable)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
