#include "config_harness.h"

#include <sys/stat.h>
#include <unistd.h>

#include "config/secret.h"

static void expect_secret(const struct pl_secret *s, const char *expected)
{
	struct pl_buf out = {0};
	char reason[256] = "";
	assert_int_equal(pl_secret_read(s, &out, reason, sizeof reason), PL_OK);
	assert_string_equal(pl_buf_cstr(&out), expected);
	assert_string_equal(reason, "");
	pl_buf_finish(&out);
}

static void expect_failure(const char *file, enum pl_err err, const char *why)
{
	struct pl_buf out = {0};
	char reason[256] = "", expected[256];
	const struct pl_secret s = {NULL, file};
	pl_buf_add_cstr(&out, "kept");
	assert_int_equal(pl_secret_read(&s, &out, reason, sizeof reason), err);
	snprintf(expected, sizeof expected, "%s %s", file, why);
	assert_string_equal(reason, expected);
	assert_string_equal(pl_buf_cstr(&out), "kept");
	pl_buf_finish(&out);
}

static void gives_what_stands_in_place(void **state)
{
	(void)state;
	expect_secret(&(struct pl_secret){"s3cret ", NULL}, "s3cret ");
	expect_secret(&(struct pl_secret){NULL, NULL}, "");
	assert_false(pl_secret_given(&(struct pl_secret){NULL, NULL}));
	assert_true(pl_secret_given(&(struct pl_secret){"", NULL}));
	assert_true(pl_secret_given(&(struct pl_secret){NULL, "x"}));
}

static void reads_the_file_each_time(void **state)
{
	(void)state;
	char *name = write_file("one \r\n\n", 7);
	const struct pl_secret s = {NULL, name};
	expect_secret(&s, "one");
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	fputs(" two", f);
	fclose(f);
	expect_secret(&s, " two");
	unlink(name);
	free(name);
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t n;
		const char *why;
	} cases[] = {
	    {"", 0, "is empty"},
	    {" \n\n", 3, "is empty"},
	    {"a\0b", 3, "holds a NUL byte"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char *name = write_file(cases[i].text, cases[i].n);
		expect_failure(name, PL_EPARSE, cases[i].why);
		unlink(name);
		free(name);
	}
	char *large = pl_calloc(65537, 1);
	memset(large, 'x', 65537);
	char *name = write_file(large, 65537);
	expect_failure(name, PL_ELIMIT, "is larger than 65536 bytes");
	assert_int_equal(truncate(name, 65536), 0);
	large[65536] = '\0';
	expect_secret(&(struct pl_secret){NULL, name}, large);
	unlink(name);
	expect_failure(name, PL_ENOENT, "cannot be read: No such file or directory");
	assert_int_equal(mkfifo(name, 0600), 0);
	expect_failure(name, PL_EINVAL, "is a pipe, not a regular file");
	unlink(name);
	expect_failure("/tmp", PL_EINVAL, "is a directory, not a regular file");
	expect_failure("/dev/null", PL_EINVAL, "is a device, not a regular file");
	free(name);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gives_what_stands_in_place),
					   cmocka_unit_test(reads_the_file_each_time), cmocka_unit_test(says_what_is_wrong)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
