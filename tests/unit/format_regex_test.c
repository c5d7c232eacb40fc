#include "format/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

/* What RE2 would say of the pattern and the text. */
static const struct {
	const char *pattern, *text;
	bool matches;
} matches[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "a", true},
    {"a", "ab", false},
    {"a|ab", "ab", true},
    {"^a$", "a", true},
    {"a$", "a\n", false},
    {".", "\n", true},
    {"(?-s:.)", "\n", false},
    {"(?-s).", "\n", false},
    {"(?m)a$\\n^b", "a\nb", true},
    {".", "\xf0\x9f\x98\x80", true},
    {".", "\xff", false},
    {"(?i)stra\xc3\x9f"
     "e",
     "STRA\xc3\x9f"
     "E",
     true},
    {"(?i:A)b", "ab", true},
    {"(?i:A)b", "aB", false},
    {"(?U)a+", "aa", true},
    {"\\d\\D\\w\\W\\s\\S", "1a_- x", true},
    {"\\d", "\xd9\xa3", false}, /* a digit, but none of ASCII's */
    {"\\w", "\xc3\xa9", false},
    {"\\s", "\v", false}, /* no space to RE2 */
    {"[\\s]", "\v", false},
    {"\\S", "\v", true},
    {"[\\S]", "\v", true},
    {"[^\\S]", "\v", false},
    {"[^\\s]", " ", false},
    {"[[:space:]]", "\v", true},
    {"\\v", "\v", true},
    {"\\v", "\n", false}, /* any vertical space to PCRE2 */
    {"[\\v]", "\n", false},
    {"\\a\\f\\t\\n\\r", "\a\f\t\n\r", true},
    {"\\x41\\x{1F600}\\0\\052", "A\xf0\x9f\x98\x80", false},
    {"\\x41\\x{1F600}\\052", "A\xf0\x9f\x98\x80*", true},
    {"\\pL\\p{Lu}\\p{Greek}\\P{L}\\p{^L}",
     "aB\xce\xb1"
     "12",
     true},
    {"[\\p{L}-]+", "a-\xce\xb1", true},
    {"[\\w-.]+", "a-b.c", true}, /* PCRE2 by itself refuses it */
    {"[\\s-x]+", "- x", true},
    {"[[:alpha:]-.]+", "a-.", true},
    {"[^[:^alpha:]]", "a", true},
    {"[]a]+", "]a", true},
    {"[^]a]", "]", false},
    {"[a[b]+", "a[b", true},
    {"[[.]", "[", true},
    {"[a-c-]+", "b-", true},
    {"\\bfoo\\b", "foo", true},
    {"\\Aa\\z", "a", true},
    {"\\Qa.b*\\E+", "a.b***", true}, /* the repetition is of the last character */
    {"\\Qa.b", "a.b", true},
    {"\\Qa.b\\E", "axb", false},
    {"\\.\\-\\_\\/\\\"", ".-_/\"", true},
    {"a{2}", "aa", true},
    {"a{2,}", "aaa", true},
    {"a{1,2}?", "aa", true},
    {"a{,2}", "a{,2}", true},
    {"a{,2}", "aa", false}, /* newer PCRE2 takes it for a repetition */
    {"a{x}", "a{x}", true},
    {"{", "{", true},
    {"a{02}", "a{02}", true},
    {"(?P<x>a)(?<y>b)(?:c)(d)", "abcd", true},
    {"a+?b*?c??", "aab", true},
    {"(a+)+\\$", "aa$", true},
    {"x#y z", "x#y z", true},
};

static void test_matches(void **state)
{
	(void)state;
	struct pl_regex_scratch s = {0};
	for (size_t i = 0; i < PL_COUNT_OF(matches); i++) {
		struct pl_regex *r;
		char reason[256] = "";
		if (pl_regex_create(&r, pl_str_of(matches[i].pattern), reason, sizeof reason) != PL_OK)
			fail_msg("%s: %s", matches[i].pattern, reason);
		enum pl_regex_verdict verdict = pl_regex_match(r, &s, pl_str_of(matches[i].text));
		if (verdict != (matches[i].matches ? PL_REGEX_YES : PL_REGEX_NO))
			fail_msg("%s: verdict %d on %s", matches[i].pattern, verdict, matches[i].text);
		pl_regex_destroy(r);
	}
	pl_regex_scratch_finish(&s);
}

static const struct {
	const char *pattern, *reason; /* the reason's beginning */
} refused[] = {
    {"(a)\\1", "back-references are not portable: RE2 has none (at character 4 of the pattern)"},
    {"(?P<x>a)(?P=x)", "back-references are not portable"},
    {"(a)\\g1", "back-references are not portable"},
    {"(?<n>a)\\k<n>", "back-references are not portable"},
    {"a(?=b)", "look-ahead is not portable"},
    {"a(?!b)", "look-ahead is not portable"},
    {"(?<=a)b", "look-behind is not portable"},
    {"(?<!a)b", "look-behind is not portable"},
    {"(?>a)", "atomic groups are not portable"},
    {"a++", "possessive repetition is not portable"},
    {"a*+", "possessive repetition is not portable"},
    {"a?+", "possessive repetition is not portable"},
    {"a{2}+", "possessive repetition is not portable"},
    {"a+*", "a repetition of a repetition"},
    {"a+??", "a repetition of a repetition"},
    {"a{2}{3}", "a repetition of a repetition"},
    {"(?R)", "recursion is not portable"},
    {"(a)(?1)", "recursion is not portable"},
    {"(a)(?-1)", "recursion is not portable"},
    {"(a)(?+1)", "recursion is not portable"},
    {"(?P<n>a)(?P>n)", "recursion is not portable"},
    {"(?P<n>a)(?&n)", "recursion is not portable"},
    {"(a)?(?(1)b)", "conditionals are not portable"},
    {"a\\Kb", "\\K is not portable"},
    {"(?C1)a", "callouts are not portable"},
    {"(?#x)a", "comments are not portable"},
    {"(?|a|b)", "groups that share numbers"},
    {"(*UTF)a", "verbs are not portable"},
    {"a(*FAIL)", "verbs are not portable"},
    {"(?'n'a)", "write (?P<name>...)"},
    {"(?x)a", "RE2 knows no group that begins like this"},
    {"(?)a", "RE2 knows no group that begins like this"},
    {"(?i-)a", "RE2 knows no group that begins like this"},
    {"(?^i)a", "RE2 knows no group that begins like this"},
    {"(?P<>a)", "a group's name is of letters"},
    {"(?P<a-b>a)", "a group's name is of letters"},
    {"(?P<a>a)(?P<a>b)", "two named subpatterns have the same name"},
    {"\\Z", "\\Z is not portable"},
    {"\\G", "\\G is not portable"},
    {"\\C", "\\C is not portable"},
    {"\\R", "\\R is not portable"},
    {"\\h", "\\h is not portable"},
    {"\\X", "\\X means nothing to RE2"},
    {"\\N", "\\N means nothing to RE2"},
    {"\\e", "\\e means nothing to RE2"},
    {"\\cA", "\\c means nothing to RE2"},
    {"\\o{12}", "\\o means nothing to RE2"},
    {"a\\E", "\\E means nothing to RE2"},
    {"[\\b]", "\\b cannot stand in a class"},
    {"[\\Qa\\E]", "\\Q means nothing to RE2"},
    {"\\p{Xan}", "\\p wants the name"},
    {"\\p{L&}", "\\p wants the name"},
    {"\\pX", "\\p wants one of"},
    {"\\xg", "\\x wants two"},
    {"\\x{}", "\\x{ wants"},
    {"[[:nope:]]", "there is no such class"},
    {"[[:<:]]", ""},
    {"[a", "a class that begins with [ lacks its ] (at character 1"},
    {"a{1001}", "RE2 repeats at most 1000 times"},
    {"a{1,99999999999}", "RE2 repeats at most 1000 times"},
    {"a\\", "a backslash at the end"},
    {"\\\xc3\xa9", "a backslash before a character that needs none"},
    {"(", "missing closing parenthesis"},
    {")", "unmatched closing parenthesis"},
    {"*a", "quantifier does not follow a repeatable item"},
    {"[z-a]", "range out of order in character class"},
    {"\xff", "it is not UTF-8"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(refused); i++) {
		struct pl_regex *r;
		char reason[256] = "";
		enum pl_err err = pl_regex_create(&r, pl_str_of(refused[i].pattern), reason, sizeof reason);
		if (refused[i].reason[0] == '\0') { /* a set of four characters, and a bracket */
			assert_int_equal(err, PL_OK);
			pl_regex_destroy(r);
			continue;
		}
		if (err == PL_OK)
			fail_msg("%s was taken", refused[i].pattern);
		assert_null(r);
		if (strncmp(reason, refused[i].reason, strlen(refused[i].reason)) != 0)
			fail_msg("%s: %s", refused[i].pattern, reason);
	}
}

static void test_groups(void **state)
{
	(void)state;
	struct pl_regex_scratch s = {0};
	struct pl_regex *r, *many;
	char reason[256];
	assert_int_equal(pl_regex_create(&r, PL_STR("(?P<host>[^:]+)(:(\\d+))?"), reason, sizeof reason), PL_OK);
	assert_int_equal(pl_regex_groups(r), 3);
	assert_int_equal(pl_regex_group_named(r, "host"), 1);
	assert_int_equal(pl_regex_group_named(r, "port"), -1);
	assert_int_equal(pl_regex_match(r, &s, PL_STR("db:91")), PL_REGEX_YES);
	assert_true(pl_str_is(pl_regex_group(r, &s, 0), "db:91"));
	assert_true(pl_str_is(pl_regex_group(r, &s, 1), "db"));
	assert_true(pl_str_is(pl_regex_group(r, &s, 3), "91"));
	assert_true(pl_str_is(pl_regex_group(r, &s, 4), ""));
	/* the scratch grows with the patterns, and serves smaller ones after that */
	assert_int_equal(pl_regex_create(&many, PL_STR("(a)(b)(c)(d)(e)(f)(g)(h)"), reason, sizeof reason), PL_OK);
	assert_int_equal(pl_regex_match(many, &s, PL_STR("abcdefgh")), PL_REGEX_YES);
	assert_true(pl_str_is(pl_regex_group(many, &s, 8), "h"));
	assert_int_equal(pl_regex_match(r, &s, PL_STR("db")), PL_REGEX_YES);
	assert_true(pl_str_is(pl_regex_group(r, &s, 3), "")); /* took no part */
	pl_regex_destroy(r);
	pl_regex_destroy(many);
	pl_regex_scratch_finish(&s);
}

/* Patterns that backtracking alone would not finish with. */
static void test_hostile(void **state)
{
	(void)state;
	static const char *const patterns[] = {"(a*)*b", "(a|aa)+c", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x",
					       "(?:(?:a{1,30}){1,30}){1,30}b"};
	static char text[2000];
	struct pl_regex_scratch s = {0};
	memset(text, 'a', sizeof text);
	for (size_t i = 0; i < PL_COUNT_OF(patterns); i++) {
		struct pl_regex *r;
		char reason[256] = "";
		if (pl_regex_create(&r, pl_str_of(patterns[i]), reason, sizeof reason) != PL_OK)
			fail_msg("%s: %s", patterns[i], reason);
		assert_int_not_equal(pl_regex_match(r, &s, (struct pl_str){text, sizeof text}), PL_REGEX_YES);
		pl_regex_destroy(r);
	}
	struct pl_regex *r;
	char reason[256] = "";
	assert_int_equal(pl_regex_create(&r, PL_STR("(a|aa)+[bc]"), reason, sizeof reason), PL_OK);
	assert_int_equal(pl_regex_match(r, &s, (struct pl_str){text, sizeof text}), PL_REGEX_GAVE_UP);
	pl_regex_destroy(r);
	pl_regex_scratch_finish(&s);
}

/* What people write must match long texts too. */
static void test_long_texts(void **state)
{
	(void)state;
	static const char *const patterns[] = {".*", "(.*)", "(.+)b", "a.*b", "[a-z]+", "(?:a|b)*", "(a|b)+", "(.*);?(.*)b"};
	static char text[4096];
	struct pl_regex_scratch s = {0};
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = 'b';
	for (size_t i = 0; i < PL_COUNT_OF(patterns); i++) {
		struct pl_regex *r;
		char reason[256] = "";
		assert_int_equal(pl_regex_create(&r, pl_str_of(patterns[i]), reason, sizeof reason), PL_OK);
		enum pl_regex_verdict verdict = pl_regex_match(r, &s, (struct pl_str){text, sizeof text});
		if (verdict != PL_REGEX_YES)
			fail_msg("%s: %d", patterns[i], verdict);
		pl_regex_destroy(r);
	}
	pl_regex_scratch_finish(&s);
}

static void test_cases(void **state)
{
	(void)state;
	static const struct {
		const char *text, *lower, *upper;
	} cases[] = {
	    {"", "", ""},
	    {"aBc-1", "abc-1", "ABC-1"},
	    {"\xc3\x84\xc3\xa9z", "\xc3\xa4\xc3\xa9z", "\xc3\x84\xc3\x89Z"},
	    {"\xd0\x96\xd0\xb6\xce\xa9", "\xd0\xb6\xd0\xb6\xcf\x89", "\xd0\x96\xd0\x96\xce\xa9"},
	    {"\xe6\xbc\xa2", "\xe6\xbc\xa2", "\xe6\xbc\xa2"},
	    {"A\xff", "A\xff", "A\xff"}, /* no text: left alone */
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf b = {0};
		pl_regex_add_cased(&b, pl_str_of(cases[i].text), false);
		assert_string_equal(pl_buf_cstr(&b), cases[i].lower);
		pl_buf_clear(&b);
		pl_regex_add_cased(&b, pl_str_of(cases[i].text), true);
		assert_string_equal(pl_buf_cstr(&b), cases[i].upper);
		pl_buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_matches), cmocka_unit_test(test_refused),    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_hostile), cmocka_unit_test(test_long_texts), cmocka_unit_test(test_cases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
