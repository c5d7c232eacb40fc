/* A value is read as pulse reads it: what is taken must be a number that line protocol takes, and the same number. */
#include <math.h>
#include <stdlib.h>

#include "format/lineproto.h"
#include "format/relay_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str text = {(const char *)data, size};
	struct pl_buf out = {0}, again = {0};
	enum pl_relay_value kind = pl_relay_value_add(text, &out);
	if ((kind == PL_RELAY_VALUE_FINITE) != (out.n > 0))
		abort();
	if (kind == PL_RELAY_VALUE_FINITE) {
		enum pl_lp_type type;
		double number;
		if (pl_lp_value(pl_buf_str(&out), &type, &number) != PL_OK || type != PL_LP_FLOAT || !isfinite(number))
			abort();
		/* What was written is a number of its own. */
		if (pl_relay_value_add(pl_buf_str(&out), &again) != PL_RELAY_VALUE_FINITE)
			abort();
		if (strtod(pl_buf_cstr(&again), NULL) != strtod(pl_buf_cstr(&out), NULL))
			abort();
	}
	pl_buf_finish(&out);
	pl_buf_finish(&again);
	return 0;
}
