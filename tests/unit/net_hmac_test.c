#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/hmac.h"

/* RFC 4231, test cases 1 and 2; and `openssl dgst -sha256 -hmac ""` of nothing. */
static void known_answers(void **state)
{
	(void)state;
	static const struct {
		struct pl_str secret, message;
		const char *hex;
	} cases[] = {
	    {PL_STR("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"), PL_STR("Hi There"),
	     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	    {PL_STR("Jefe"), PL_STR("what do ya want for nothing?"),
	     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	    {{NULL, 0}, {NULL, 0}, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		assert_int_equal(pl_hmac_sha256(&out, cases[i].secret, cases[i].message), PL_OK);
		assert_string_equal(pl_buf_cstr(&out), cases[i].hex);
		pl_buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
