#include <strings.h>

#include "api/private.h"

/* The first value of the parameter, which counts in this spelling only. */
static struct pl_str parameter(struct pl_str encoded, struct pl_buf *scratch)
{
	struct pl_str key, value;
	pl_buf_clear(scratch);
	while (pl_http_query_next(&encoded, scratch, &key, &value)) {
		if (pl_str_is(key, "X-AUTH-TOKEN"))
			return value;
		pl_buf_clear(scratch);
	}
	return (struct pl_str){NULL, 0};
}

static bool is_form(const struct pl_http_exchange *x)
{
	struct pl_str type = pl_http_header(x, "content-type");
	type = type.n > 0 ? pl_str_trim(pl_str_cut(&type, ';')) : type;
	static const char form[] = "application/x-www-form-urlencoded";
	return type.n == sizeof form - 1 && strncasecmp(type.p, form, type.n) == 0;
}

/* What the request shows: the header alone if it is there, else the bearer token, else the parameter, of the query or of a form
 * (which is only looked at: whoever answers the request finds its body whole). */
static struct pl_str shown(const struct pl_http_exchange *x, struct pl_buf *scratch)
{
	struct pl_str header = pl_http_header(x, "x-auth-token");
	if (header.n > 0)
		return header;
	struct pl_str credentials = pl_http_header(x, "authorization");
	struct pl_str scheme = credentials.n > 0 ? pl_str_cut(&credentials, ' ') : credentials;
	if (scheme.n == 6 && strncasecmp(scheme.p, "bearer", 6) == 0 && credentials.p != NULL)
		return pl_str_trim(credentials);
	struct pl_str value = parameter(pl_http_query(x), scratch);
	if (value.n == 0 && is_form(x))
		value = parameter(pl_http_body(x), scratch);
	return value;
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
