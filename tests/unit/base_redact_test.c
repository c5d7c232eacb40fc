#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/redact.h"

static void names_of_secrets(void **state)
{
	(void)state;
	static const char *const secret[] = {"token",    "api_key",       "X-Api-Key", "PASSWORD", "client_secret",
					     "auth",     "Authorization", "signature", "sig",      "key",
					     "X-Auth-T", "refreshToken",  "passwd",    "Cookie"};
	static const char *const plain[] = {"", "module", "target", "match[]", "design", "compass", "path", "format", "signal"};
	for (size_t i = 0; i < PL_COUNT_OF(secret); i++)
		if (!pl_redact_is_name(pl_str_of(secret[i])))
			fail_msg("%s", secret[i]);
	for (size_t i = 0; i < PL_COUNT_OF(plain); i++)
		if (pl_redact_is_name(pl_str_of(plain[i])))
			fail_msg("%s", plain[i]);
}

static void urls_and_values(void **state)
{
	(void)state;
	static const struct {
		const char *text, *url, *value;
	} rows[] = {
	    {"http://h:1/p", "http://h:1/p", "http://h:1/p"},
	    {"http://u:pw@h/p@q", "http://h/p@q", "http://h/p@q"},
	    {"http://h/?a=1&token=x&b", "http://h/?a=1&token=<secret>&b", "http://h/?a=1&token=<secret>&b"},
	    {"http://h/?target=https%3A%2F%2Fu%3Apw%40x", "http://h/?target=<secret>", "http://h/?target=<secret>"},
	    {"http://h/?target=https://u:pw@x&m=1", "http://h/?target=<secret>&m=1", "http://h/?target=<secret>&m=1"},
	    {"http://h/?target=https%3A%2F%2Fx", "http://h/?target=https%3A%2F%2Fx", "http://h/?target=https%3A%2F%2Fx"},
	    {"http://us@er:pa/ss@a/m", "http://er:pa/ss@a/m", "http://er:pa/ss@a/m"}, /* the first / ends the host */
	    {"http://user@a", "http://a", "http://a"},
	    {"http://a/?token=t&x=1&API_KEY=k&key=s&q=b@c", "http://a/?token=<secret>&x=1&API_KEY=<secret>&key=<secret>&q=b@c",
	     "http://a/?token=<secret>&x=1&API_KEY=<secret>&key=<secret>&q=b@c"},
	    {"http://a/?token", "http://a/?token", "http://a/?token"},
	    {"http://a/?password=", "http://a/?password=<secret>", "http://a/?password=<secret>"},
	    {"http://a/?access_token=t=u&", "http://a/?access_token=<secret>&", "http://a/?access_token=<secret>&"},
	    {"u:pw@h:80", "u:pw@h:80", "<secret>@h:80"},
	    {"team@example.org", "team@example.org", "team@example.org"},
	    {"", "", ""},
	    {"@", "@", "@"},
	    {"://", "://", "://"},
	    {"?", "?", "?"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct pl_buf out = {0};
		pl_redact_url(&out, pl_str_of(rows[i].text));
		assert_string_equal(pl_buf_cstr(&out), rows[i].url);
		pl_buf_clear(&out);
		pl_redact_value(&out, pl_str_of(rows[i].text));
		assert_string_equal(pl_buf_cstr(&out), rows[i].value);
		pl_buf_finish(&out);
	}
}

static void echoes(void **state)
{
	(void)state;
	static const struct {
		const char *text, *secret, *shown;
	} rows[] = {
	    {"found `hunter22`", "hunter22", "found `********`"},
	    {"hunter22hunter22 hunter2", "hunter22", "**************** *******"}, /* the last one was cut */
	    {"hunte", "hunter22", "hunte"},
	    {"abcd and abc", "abcd", "**** and abc"},
	    {"an answer", "an", "an answer"}, /* too short to be told from words */
	    {"", "hunter22", ""},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		char text[64];
		snprintf(text, sizeof text, "%s", rows[i].text);
		pl_redact_echo(text, pl_str_of(rows[i].secret));
		assert_string_equal(text, rows[i].shown);
	}
	char text[] = "saw hunt%20er and hunt er and plain1 and 50%";
	pl_redact_url_echo(text, PL_STR("http://h/?key=hunt%20er&m=plain1&token&auth=50%"));
	assert_string_equal(text, "saw ********* and ******* and plain1 and 50%");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_of_secrets), cmocka_unit_test(urls_and_values),
					   cmocka_unit_test(echoes)};
	return cmocka_run_group_tests_name("base_redact", tests, NULL, NULL);
}
