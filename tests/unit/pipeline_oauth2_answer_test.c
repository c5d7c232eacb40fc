#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pipeline/oauth2_answer.h"

static void answers_are_judged(void **state)
{
	(void)state;
	static const struct {
		long status;
		const char *body;
		enum pl_err err;
		const char *token; /* or the reason */
		int64_t expires_in;
	} cases[] = {
	    {200, "{\"access_token\":\"s3cret\",\"token_type\":\"Bearer\",\"expires_in\":3600}", PL_OK, "s3cret", 3600},
	    {201, "{\"access_token\":\"s3cret\",\"token_type\":\"bearer\",\"expires_in\":\"60\"}", PL_OK, "s3cret", 60},
	    {200, "{\"access_token\":\"s3cret\",\"expires_in\":59.9}", PL_OK, "s3cret", 59},
	    {200, "{\"access_token\":\"s3cret\",\"expires_in\":1e99}", PL_OK, "s3cret", 0},
	    {200, "{\"access_token\":\"s3cret\",\"expires_in\":-5}", PL_OK, "s3cret", 0},
	    {200, "{\"access_token\":\"s3cret\",\"expires_in\":99999999999}", PL_OK, "s3cret", 365 * 24 * 3600},
	    {200, "{\"access_token\":\"s3cret\",\"expires_in\":null,\"more\":[{}]}", PL_OK, "s3cret", 0},
	    {200, "{\"access_token\":\"s3\\u000acret\"}", PL_EPARSE, "the token endpoint's answer has no usable access_token", 0},
	    {200, "{\"access_token\":\"\"}", PL_EPARSE, "the token endpoint's answer has no usable access_token", 0},
	    {200, "{\"access_token\":7}", PL_EPARSE, "the token endpoint's answer has no usable access_token", 0},
	    {200, "{}", PL_EPARSE, "the token endpoint's answer has no usable access_token", 0},
	    {200, "{\"access_token\":\"s3cret\",\"token_type\":\"mac\"}", PL_EUNSUPPORTED,
	     "the token endpoint gave a token of a type other than Bearer", 0},
	    {200, "[]", PL_EPARSE, "the token endpoint's answer is no JSON object", 0},
	    {200, "access_token=s3cret", PL_EPARSE, "the token endpoint's answer is no JSON object", 0},
	    {200, "", PL_EPARSE, "the token endpoint's answer is no JSON object", 0},
	    {401, "{\"error\":\"invalid_client\",\"error_description\":\"s3cret is wrong\"}", PL_EACCES,
	     "the token endpoint answered HTTP status 401: invalid_client", 0},
	    {400, "{\"error\":\"s3 cret\"}", PL_EACCES, "the token endpoint answered HTTP status 400", 0},
	    {400, "s3cret", PL_EACCES, "the token endpoint answered HTTP status 400", 0},
	    {503, "{\"access_token\":\"s3cret\"}", PL_ENET, "the token endpoint answered HTTP status 503", 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_oauth2_answer a;
		char reason[256] = "";
		enum pl_err err = pl_oauth2_answer_read(cases[i].status, pl_str_of(cases[i].body), &a, reason, sizeof reason);
		if (err != cases[i].err || a.expires_in != cases[i].expires_in)
			fail_msg("%s: %s, %lld s, \"%s\"", cases[i].body, pl_err_text(err), (long long)a.expires_in, reason);
		assert_string_equal(err == PL_OK ? pl_buf_cstr(&a.token) : reason, cases[i].token);
		pl_buf_finish(&a.token);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(answers_are_judged)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
