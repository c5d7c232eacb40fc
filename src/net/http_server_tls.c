#include "net/http_server_private.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/self_signed.h"

/* OpenSSL works on memory here: the connection feeds what came in and takes what has to go out. */
struct pl_http_tls {
	SSL *ssl; /* owns both */
	BIO *in, *out;
	bool fresh;
};

static enum pl_err fail(const char *what, const char *file, char *reason, size_t reason_size)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(code);
	snprintf(reason, reason_size, "%s '%s' cannot be used: %s", what, file, why != NULL ? why : "not understood");
	ERR_clear_error();
	return PL_EINVAL;
}

enum pl_err pl_http_tls_context(struct ssl_ctx_st **out, const char *cert_file, const char *key_file,
				char fingerprint[PL_FINGERPRINT_BYTES], char *reason, size_t reason_size)
{
	enum pl_err err = PL_OK;
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL)
		return PL_EIO;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets do it without memory */
	if (cert_file == NULL)
		err = pl_self_signed_use(ctx, fingerprint, reason, reason_size);
	else if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		err = fail("the certificate", cert_file, reason, reason_size);
	else if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
		err = fail("the key", key_file, reason, reason_size);
	else if (SSL_CTX_check_private_key(ctx) != 1)
		err = fail("the key", key_file, reason, reason_size);
	if (err != PL_OK) {
		SSL_CTX_free(ctx);
		return err;
	}
	*out = ctx;
	return PL_OK;
}

void pl_http_tls_context_free(struct ssl_ctx_st *ctx)
{
	SSL_CTX_free(ctx);
}

struct pl_http_tls *pl_http_tls_create(struct ssl_ctx_st *ctx)
{
	struct pl_http_tls *t = pl_calloc(1, sizeof *t);
	t->ssl = SSL_new(ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->ssl == NULL || t->in == NULL || t->out == NULL)
		abort(); /* as pl_alloc does: no memory */
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	t->fresh = true;
	return t;
}

void pl_http_tls_destroy(struct pl_http_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

bool pl_http_tls_fresh(const struct pl_http_tls *t)
{
	return t->fresh;
}

bool pl_http_tls_feed(struct pl_http_tls *t, struct pl_str cipher)
{
	t->fresh = false;
	return BIO_write(t->in, cipher.p, (int)cipher.n) == (int)cipher.n;
}

int pl_http_tls_read(struct pl_http_tls *t, char *out, int size)
{
	ERR_clear_error();
	int n = SSL_read(t->ssl, out, size);
	if (n > 0)
		return n;
	int why = SSL_get_error(t->ssl, n);
	ERR_clear_error();
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

size_t pl_http_tls_write(struct pl_http_tls *t, struct pl_str plain)
{
	size_t took = 0;
	ERR_clear_error();
	if (!SSL_is_init_finished(t->ssl) || SSL_write_ex(t->ssl, plain.p, plain.n, &took) != 1)
		took = 0;
	ERR_clear_error();
	return took;
}

void pl_http_tls_end(struct pl_http_tls *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

void pl_http_tls_take(struct pl_http_tls *t, struct pl_buf *out)
{
	size_t n = BIO_ctrl_pending(t->out);
	if (n == 0)
		return;
	int got = BIO_read(t->out, pl_buf_reserve(out, n), (int)n);
	if (got > 0)
		out->n += (size_t)got;
}
