#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/client.h"

static char *make_file(char path[64], const char *text)
{
	snprintf(path, 64, "/tmp/pulseline-client-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void rewrite(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void a_changed_file_is_read_again(void **state)
{
	(void)state;
	char path[64], reason[256];
	struct pl_client_config config = {.bearer_token = {.file = make_file(path, "one\n")}};
	struct pl_client c = {0};
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	assert_string_equal(c.transfer.bearer_token, "one");
	rewrite(path, "two\n"); /* the same size, perhaps the same time */
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	assert_string_equal(c.transfer.bearer_token, "two");
	unlink(path);
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_ENOENT);
	assert_non_null(strstr(reason, path));
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_ENOENT);
	rewrite(path, "three");
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	assert_string_equal(c.transfer.bearer_token, "three");
	unlink(path);
	pl_client_finish(&c);
}

static void an_old_file_is_not_read_again(void **state)
{
	(void)state;
	char path[64], reason[256];
	struct pl_authorization authorization = {.type = "Token", .credentials = {.file = make_file(path, "one")}};
	struct pl_client_config config = {.authorization = &authorization};
	struct pl_client c = {0};
	while (!c.settled) /* until the file has been left alone for long enough */
		assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	assert_string_equal(c.headers[0], "Authorization: Token one");
	c.token.p[0] = 'O'; /* would be overwritten */
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	assert_string_equal(c.token.p, "One");
	rewrite(path, "two");
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	assert_string_equal(c.headers[0], "Authorization: Token two");
	unlink(path);
	pl_client_finish(&c);
}

static void versions_and_proxies_are_handed_on(void **state)
{
	(void)state;
	char reason[256];
	struct pl_client_config config = {
	    .tls_config = {.min_version = PL_TLS_CONFIG_1_1, .max_version = PL_TLS_CONFIG_1_2},
	    .proxy_url = "http://p",
	    .no_proxy = "h",
	};
	struct pl_client c = {0};
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	assert_int_equal(c.transfer.tls_min, PL_TLS_1_1);
	assert_int_equal(c.transfer.tls_max, PL_TLS_1_2);
	assert_string_equal(c.transfer.proxy_url, "http://p");
	assert_string_equal(c.transfer.no_proxy, "h");
	pl_client_finish(&c);
}

static void expect_headers(const struct pl_client *c, const char *const *expected)
{
	size_t i = 0;
	for (; expected[i] != NULL; i++)
		assert_string_equal(c->transfer.headers[i], expected[i]);
	assert_null(c->transfer.headers[i]);
}

static void headers_are_values_secrets_and_files(void **state)
{
	(void)state;
	char path[64], reason[256];
	const char *values[] = {"one", "", "two"}, *secrets[] = {"s3cret"}, *files[] = {make_file(path, " \t from a file\n")};
	struct pl_header headers[] = {{.name = "X-A", .values = {values, 3}},
				      {.name = "X-B", .values = {values, 1}, .secrets = {secrets, 1}, .files = {files, 1}}};
	struct pl_authorization authorization = {.type = "Token", .credentials = {.value = "t"}};
	struct pl_client_config config = {.http_headers = {headers, 2}};
	struct pl_client c = {0};
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	expect_headers(
	    &c, (const char *const[]){"X-A: one", "X-A: ", "X-A: two", "X-B: one", "X-B: s3cret", "X-B: from a file", NULL});
	rewrite(path, "another\n");
	config.authorization = &authorization;
	config.http_headers.n = 2;
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
	expect_headers(&c, (const char *const[]){"Authorization: Token t", "X-A: one", "X-A: ", "X-A: two", "X-B: one",
						 "X-B: s3cret", "X-B: another", NULL});
	rewrite(path, "two\nlines\n");
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_EPARSE);
	assert_non_null(strstr(reason, path));
	assert_non_null(strstr(reason, "control character"));
	assert_null(strstr(reason, "lines"));
	unlink(path);
	assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_ENOENT);
	assert_non_null(strstr(reason, path));
	pl_client_finish(&c);
}

/* What a server may say again of what it was told. */
static void echoes_are_masked(void **state)
{
	(void)state;
	char reason[256];
	const char *secrets[] = {"header-secret"}, *values[] = {"plain-value"};
	struct pl_header headers[] = {{.name = "X-A", .values = {values, 1}, .secrets = {secrets, 1}},
				      {.name = "X-Api-Key", .values = {secrets, 0}}};
	const struct {
		struct pl_basic_auth basic;
		const char *text, *masked; /* with the header and the URL's token beside it */
	} rows[] = {
	    {{"u", {.value = "hunter2x"}}, "Basic dTpodW50ZXIyeA== hunter2x", "Basic **************** ********"},
	    {{"us", {.value = "hunter2x"}}, "Basic dXM6aHVudGVyMng=", "Basic ****************"},
	    {{"use", {.value = "hunter2x"}}, "Basic dXNlOmh1bnRlcjJ4", "Basic ****************"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pl_basic_auth basic = rows[i].basic;
		struct pl_client_config config = {
		    .basic_auth = &basic, .http_headers = {headers, 2}, .proxy_url = "http://me:proxypass@p:1"};
		struct pl_client c = {0};
		char text[256], masked[256];
		assert_int_equal(pl_client_refresh(&c, &config, reason, sizeof reason), PL_OK);
		snprintf(text, sizeof text, "%s header-secret plain-value t0ken proxypass", rows[i].text);
		snprintf(masked, sizeof masked, "%s ************* plain-value ***** *********", rows[i].masked);
		pl_client_redact(&c, "http://h/?module=plain-value&token=t0ken", text);
		assert_string_equal(text, masked);
		pl_client_finish(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_changed_file_is_read_again),
	    cmocka_unit_test(an_old_file_is_not_read_again),
	    cmocka_unit_test(versions_and_proxies_are_handed_on),
	    cmocka_unit_test(headers_are_values_secrets_and_files),
	    cmocka_unit_test(echoes_are_masked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
