#include "notify_webhook/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum pl_err pl_webhook_sign(struct pl_buf *out, struct pl_str secret, int64_t timestamp_s, struct pl_str body)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct pl_buf text = {0};
	pl_buf_add_i64(&text, timestamp_s);
	pl_buf_add_char(&text, '.');
	pl_buf_add_str(&text, body);
	const unsigned char *made =
	    HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)text.p, text.n, digest, &n);
	pl_buf_finish(&text);
	if (made == NULL)
		return PL_EIO;
	pl_buf_add_cstr(out, "sha256=");
	for (unsigned i = 0; i < n; i++)
		pl_buf_addf(out, "%02x", digest[i]);
	return PL_OK;
}
