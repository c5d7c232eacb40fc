#include "net/stream_tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct pl_stream_tls {
	SSL_CTX *context;
	SSL *ssl; /* owns both */
	BIO *in, *out;
};

static void tell(char *reason, size_t size, const char *what, const char *file)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = ERR_reason_error_string(code);
	snprintf(reason, size, "%s%s%s%s: %s", what, file != NULL ? " '" : "", file != NULL ? file : "", file != NULL ? "'" : "",
		 why != NULL ? why : "not understood");
	ERR_clear_error();
}

static bool load(SSL_CTX *c, const struct pl_stream_tls_options *o, char *reason, size_t size)
{
	if (o->ca_file != NULL && SSL_CTX_load_verify_locations(c, o->ca_file, NULL) != 1) {
		tell(reason, size, "ca_file cannot be used:", o->ca_file);
		return false;
	}
	if (o->ca_file == NULL)
		SSL_CTX_set_default_verify_paths(c);
	if (o->cert_file == NULL)
		return true;
	if (SSL_CTX_use_certificate_chain_file(c, o->cert_file) != 1) {
		tell(reason, size, "cert_file cannot be used:", o->cert_file);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(c, o->key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1) {
		tell(reason, size, "key_file cannot be used:", o->key_file);
		return false;
	}
	return true;
}

static bool expect_name(SSL *ssl, const char *name)
{
	unsigned char binary[16];
	if (inet_pton(AF_INET, name, binary) == 1 || inet_pton(AF_INET6, name, binary) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

struct pl_stream_tls *pl_stream_tls_create(const struct pl_stream_tls_options *options, const char *host, char *reason,
					   size_t reason_size)
{
	ERR_clear_error();
	struct pl_stream_tls *t = pl_calloc(1, sizeof *t);
	t->context = SSL_CTX_new(TLS_client_method());
	if (t->context == NULL)
		abort(); /* as pl_alloc does: no memory */
	SSL_CTX_set_min_proto_version(t->context, options->min_version != 0 ? options->min_version : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(t->context, options->max_version);
	SSL_CTX_set_options(t->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_verify(t->context, options->insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (!load(t->context, options, reason, reason_size)) {
		pl_stream_tls_destroy(t);
		return NULL;
	}
	t->ssl = SSL_new(t->context);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->ssl == NULL || t->in == NULL || t->out == NULL)
		abort();
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_connect_state(t->ssl);
	if (!expect_name(t->ssl, options->server_name != NULL ? options->server_name : host)) {
		tell(reason, reason_size, "no certificate can be for",
		     options->server_name != NULL ? options->server_name : host);
		pl_stream_tls_destroy(t);
		return NULL;
	}
	return t;
}

void pl_stream_tls_destroy(struct pl_stream_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->context);
	free(t);
}

int pl_stream_tls_shake(struct pl_stream_tls *t, char *reason, size_t reason_size)
{
	ERR_clear_error();
	int n = SSL_do_handshake(t->ssl);
	if (n == 1)
		return 1;
	int why = SSL_get_error(t->ssl, n);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	long verdict = SSL_get_verify_result(t->ssl);
	if (verdict != X509_V_OK && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE) {
		snprintf(reason, reason_size, "the certificate is not accepted: %s", X509_verify_cert_error_string(verdict));
		ERR_clear_error();
	} else {
		tell(reason, reason_size, "the TLS handshake failed", NULL);
	}
	return -1;
}

bool pl_stream_tls_feed(struct pl_stream_tls *t, const char *p, size_t n)
{
	return BIO_write(t->in, p, (int)n) == (int)n;
}

int pl_stream_tls_read(struct pl_stream_tls *t, char *out, int size, char *reason, size_t reason_size)
{
	ERR_clear_error();
	int n = SSL_read(t->ssl, out, size);
	if (n > 0)
		return n;
	int why = SSL_get_error(t->ssl, n);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return 0;
	if (why == SSL_ERROR_ZERO_RETURN)
		return -2;
	tell(reason, reason_size, "TLS failed", NULL);
	return -1;
}

bool pl_stream_tls_write(struct pl_stream_tls *t, struct pl_str plain)
{
	size_t took = 0;
	ERR_clear_error();
	bool all = SSL_write_ex(t->ssl, plain.p, plain.n, &took) == 1 && took == plain.n;
	ERR_clear_error();
	return all;
}

void pl_stream_tls_take(struct pl_stream_tls *t, struct pl_buf *out)
{
	size_t n = BIO_ctrl_pending(t->out);
	if (n == 0)
		return;
	int got = BIO_read(t->out, pl_buf_reserve(out, n), (int)n);
	if (got > 0)
		out->n += (size_t)got;
}
