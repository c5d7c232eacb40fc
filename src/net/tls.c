#include "net/tls.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct pl_tls {
	SSL *ssl; /* owns both */
	BIO *in, *out;
	const char *reason; /* static text of OpenSSL's */
};

static SSL_CTX *ctx_of(struct pl_tls_context *ctx)
{
	return (SSL_CTX *)(void *)ctx;
}

static enum pl_err fail(const char *what, const char *file, char *reason, size_t reason_size)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	snprintf(reason, reason_size, "%s '%s' cannot be used: %s", what, file, why != NULL ? why : "not understood");
	ERR_clear_error();
	return PL_EINVAL;
}

static enum pl_err load(SSL_CTX *ctx, const char *cert_file, const char *key_file, const char *ca_file, char *reason, size_t size)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return fail("the certificate", cert_file, reason, size);
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return fail("the key", key_file, reason, size);
	if (ca_file == NULL)
		return PL_OK;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
	if (names == NULL || SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return fail("the authorities' file", ca_file, reason, size);
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return PL_OK;
}

enum pl_err pl_tls_context_create(struct pl_tls_context **out, const char *cert_file, const char *key_file,
				  const char *client_ca_file, char *reason, size_t reason_size)
{
	static const unsigned char session_context[] = "pulseline";
	*out = NULL;
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL) {
		snprintf(reason, reason_size, "OpenSSL has no TLS to offer");
		return PL_EIO;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets do it without memory */
	SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
	enum pl_err err = load(ctx, cert_file, key_file, client_ca_file, reason, reason_size);
	if (err != PL_OK) {
		SSL_CTX_free(ctx);
		return err;
	}
	*out = (struct pl_tls_context *)(void *)ctx;
	return PL_OK;
}

void pl_tls_context_release(struct pl_tls_context *ctx)
{
	SSL_CTX_free(ctx_of(ctx));
}

struct pl_tls *pl_tls_create(struct pl_tls_context *ctx)
{
	struct pl_tls *t = pl_calloc(1, sizeof *t);
	t->ssl = SSL_new(ctx_of(ctx));
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->ssl == NULL || t->in == NULL || t->out == NULL)
		abort(); /* as pl_alloc does: no memory */
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	t->reason = "";
	return t;
}

void pl_tls_destroy(struct pl_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

void pl_tls_feed(struct pl_tls *t, struct pl_str cipher)
{
	while (cipher.n > 0) {
		int n = cipher.n < INT_MAX ? (int)cipher.n : INT_MAX;
		if (BIO_write(t->in, cipher.p, n) != n)
			abort(); /* no memory */
		cipher = (struct pl_str){cipher.p + n, cipher.n - (size_t)n};
	}
}

int pl_tls_read(struct pl_tls *t, char *out, size_t size)
{
	ERR_clear_error();
	int n = SSL_read(t->ssl, out, size < INT_MAX ? (int)size : INT_MAX);
	if (n > 0)
		return n;
	int why = SSL_get_error(t->ssl, n);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	if (why != SSL_ERROR_ZERO_RETURN) {
		const char *text = ERR_reason_error_string(ERR_peek_last_error());
		t->reason = text != NULL ? text : "the connection broke";
	}
	ERR_clear_error();
	return -1;
}

bool pl_tls_ready(const struct pl_tls *t)
{
	return SSL_is_init_finished(t->ssl) == 1;
}

bool pl_tls_write(struct pl_tls *t, struct pl_str plain)
{
	size_t took = 0;
	ERR_clear_error();
	bool wrote = plain.n == 0 || SSL_write_ex(t->ssl, plain.p, plain.n, &took) == 1;
	ERR_clear_error();
	return wrote;
}

void pl_tls_end(struct pl_tls *t)
{
	ERR_clear_error();
	if (pl_tls_ready(t))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

void pl_tls_take(struct pl_tls *t, struct pl_buf *out)
{
	size_t n = BIO_ctrl_pending(t->out);
	if (n == 0)
		return;
	int got = BIO_read(t->out, pl_buf_reserve(out, n), (int)n);
	if (got > 0)
		out->n += (size_t)got;
}

const char *pl_tls_reason(const struct pl_tls *t)
{
	return t->reason;
}
