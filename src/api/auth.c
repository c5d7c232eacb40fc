#include <strings.h>

#include "api/private.h"

/* What the request shows: the header alone if it is there, else the bearer token, else the parameter (in this spelling only). */
static struct pl_str shown(const struct pl_http_exchange *x, struct pl_buf *scratch)
{
	struct pl_str header = pl_http_header(x, "x-auth-token");
	if (header.n > 0)
		return header;
	struct pl_str credentials = pl_http_header(x, "authorization");
	struct pl_str scheme = credentials.n > 0 ? pl_str_cut(&credentials, ' ') : credentials;
	if (scheme.n == 6 && strncasecmp(scheme.p, "bearer", 6) == 0 && credentials.p != NULL)
		return pl_str_trim(credentials);
	struct pl_str rest = pl_http_query(x), key, value;
	while (pl_http_query_next(&rest, scratch, &key, &value)) {
		if (pl_str_is(key, "X-AUTH-TOKEN"))
			return value;
		pl_buf_clear(scratch);
	}
	return (struct pl_str){NULL, 0};
}

enum pl_err pl_api_authorize(const struct pl_http_exchange *x, const struct pl_secret *token, char *reason, size_t reason_size)
{
	if (!pl_secret_given(token))
		return PL_OK;
	struct pl_buf want = {0}, scratch = {0};
	enum pl_err err = pl_secret_read(token, &want, reason, reason_size);
	if (err == PL_OK) {
		struct pl_str got = shown(x, &scratch);
		/* An empty token opens nothing: it is a file that somebody forgot to fill. */
		bool same = pl_str_eq_secret(got, pl_buf_str(&want));
		err = same && want.n > 0 ? PL_OK : PL_EACCES;
	}
	pl_buf_finish(&want);
	pl_buf_finish(&scratch);
	return err;
}
