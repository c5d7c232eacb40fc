#include "net/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum pl_err pl_hmac_sha256(struct pl_buf *out, struct pl_str secret, struct pl_str message)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	const char *key = secret.n > 0 ? secret.p : "", *text = message.n > 0 ? message.p : "";
	if (HMAC(EVP_sha256(), key, (int)secret.n, (const unsigned char *)text, message.n, digest, &n) == NULL)
		return PL_EIO;
	for (unsigned i = 0; i < n; i++)
		pl_buf_addf(out, "%02x", digest[i]);
	return PL_OK;
}
