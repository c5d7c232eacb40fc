/* A token endpoint's answer: the first byte picks the status, the rest is the body. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pipeline/oauth2_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = {200, 201, 400, 401, 500};
	struct pl_oauth2_answer a;
	char reason[256] = "";
	if (size == 0)
		return 0;
	long status = statuses[data[0] % 5];
	enum pl_err err =
	    pl_oauth2_answer_read(status, (struct pl_str){(const char *)data + 1, size - 1}, &a, reason, sizeof reason);
	if ((err == PL_OK) != (a.token.n > 0) || (err == PL_OK) != (reason[0] == '\0') || (err == PL_OK && status >= 300))
		abort();
	if (a.expires_in < 0 || a.expires_in > 365 * 24 * 3600)
		abort();
	for (size_t i = 0; i < a.token.n; i++)
		if (a.token.p[i] <= ' ' || a.token.p[i] >= 127)
			abort();
	for (const char *p = reason; *p != '\0'; p++)
		if (*p < ' ' || *p >= 127)
			abort();
	pl_buf_finish(&a.token);
	return 0;
}
