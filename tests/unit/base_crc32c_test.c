#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/mem.h"

/* RFC 3720, appendix B.4, and the check value of the catalogues. */
static void gives_the_published_values(void **state)
{
	(void)state;
	unsigned char zeros[32], ones[32], up[32], down[32];
	memset(zeros, 0, 32);
	memset(ones, 0xff, 32);
	for (size_t i = 0; i < 32; i++) {
		up[i] = (unsigned char)i;
		down[i] = (unsigned char)(31 - i);
	}
	const struct {
		const void *p;
		size_t n;
		uint32_t crc;
	} rows[] = {
	    {"", 0, 0},           {"123456789", 9, 0xe3069283}, {zeros, 32, 0x8a9136aa}, {ones, 32, 0x62a8ab43},
	    {up, 32, 0x46dd794e}, {down, 32, 0x113fdb5c},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		assert_int_equal(pl_crc32c(0, rows[i].p, rows[i].n), rows[i].crc);
		assert_int_equal(pl_crc32c_plain(0, rows[i].p, rows[i].n), rows[i].crc);
	}
}

static void agrees_with_the_table_in_pieces(void **state)
{
	(void)state;
	unsigned char bytes[600];
	uint32_t seed = 1;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
	for (size_t from = 0; from < 17; from++)
		for (size_t n = 0; from + n <= sizeof bytes; n += 1 + n / 9) {
			uint32_t whole = pl_crc32c_plain(0, bytes + from, n);
			assert_int_equal(pl_crc32c(0, bytes + from, n), whole);
			assert_int_equal(pl_crc32c(pl_crc32c(0, bytes + from, n / 3), bytes + from + n / 3, n - n / 3), whole);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_the_published_values),
	    cmocka_unit_test(agrees_with_the_table_in_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
