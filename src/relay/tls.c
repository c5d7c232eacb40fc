#include "relay/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "relay/names.h"

struct pl_relay_tls {
	SSL_CTX *ctx;
	BIO_METHOD *method;
	char *server_name;
	bool by_address;
};

struct pl_relay_tls_conn {
	SSL *ssl;
	int fd, error_number;
	bool usable; /* nothing fatal has happened */
};

/* ---- a BIO over send and recv ---- */

static int bio_result(BIO *bio, ssize_t n, int retry)
{
	struct pl_relay_tls_conn *c = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
	else if (n < 0)
		c->error_number = errno;
	return (int)n;
}

static int bio_write(BIO *bio, const char *p, int n)
{
	struct pl_relay_tls_conn *c = BIO_get_data(bio);
	return bio_result(bio, send(c->fd, p, (size_t)n, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int bio_read(BIO *bio, char *p, int n)
{
	struct pl_relay_tls_conn *c = BIO_get_data(bio);
	return bio_result(bio, recv(c->fd, p, (size_t)n, 0), BIO_FLAGS_READ);
}

static long bio_control(BIO *bio, int command, long number, void *p)
{
	(void)bio, (void)number, (void)p;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* ---- what all connections share ---- */

/* The first of OpenSSL's errors is the cause; the others say where that was noticed. */
static const char *first_reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0                ? NULL
			     : ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
						      : ERR_reason_error_string(code);
	return reason != NULL ? reason : "unknown reason";
}

static bool load_files(SSL_CTX *ctx, const struct pl_relay_tls_options *o, char *error, size_t size)
{
	if (o->ca_file != NULL && SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL) != 1)
		return pl_relay_refuse(error, size, "cannot use the CA file %s: %s", o->ca_file, first_reason());
	if (o->ca_file == NULL && !o->insecure && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return pl_relay_refuse(error, size, "cannot use the system's certificate authorities: %s", first_reason());
	if ((o->cert_file == NULL) != (o->key_file == NULL))
		return pl_relay_refuse(error, size,
				       "a certificate needs its key and a key its certificate: give both files or none");
	if (o->cert_file == NULL)
		return true;
	if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
		return pl_relay_refuse(error, size, "cannot use the certificate file %s: %s", o->cert_file, first_reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, o->key_file, SSL_FILETYPE_PEM) != 1)
		return pl_relay_refuse(error, size, "cannot use the key file %s: %s", o->key_file, first_reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return pl_relay_refuse(error, size, "the key in %s is not that of the certificate in %s", o->key_file,
				       o->cert_file);
	return true;
}

static bool is_address(const char *name)
{
	unsigned char scratch[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, name, scratch) == 1 || inet_pton(AF_INET6, name, scratch) == 1;
}

static int no_passphrase(char *p, int size, int writing, void *data)
{
	(void)p, (void)size, (void)writing, (void)data;
	return -1; /* OpenSSL would ask on the terminal */
}

struct pl_relay_tls *pl_relay_tls_create(const struct pl_relay_tls_options *o, char *error, size_t size)
{
	struct pl_relay_tls *tls = calloc(1, sizeof *tls);
	ERR_clear_error();
	if (tls == NULL || (tls->server_name = strdup(o->server_name)) == NULL ||
	    (tls->ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    (tls->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "relay")) == NULL) {
		pl_relay_refuse(error, size, "no memory for TLS");
		pl_relay_tls_destroy(tls);
		return NULL;
	}
	BIO_meth_set_write(tls->method, bio_write);
	BIO_meth_set_read(tls->method, bio_read);
	BIO_meth_set_ctrl(tls->method, bio_control);
	tls->by_address = is_address(o->server_name);
	SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(tls->ctx,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(tls->ctx, o->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(tls->ctx, no_passphrase);
	bool loaded = load_files(tls->ctx, o, error, size);
	ERR_clear_error();
	if (!loaded) {
		pl_relay_tls_destroy(tls);
		return NULL;
	}
	return tls;
}

void pl_relay_tls_destroy(struct pl_relay_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	BIO_meth_free(tls->method);
	free(tls->server_name);
	free(tls);
}

/* ---- one connection ---- */

struct pl_relay_tls_conn *pl_relay_tls_start(struct pl_relay_tls *tls, int fd)
{
	struct pl_relay_tls_conn *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->fd = fd;
	c->ssl = SSL_new(tls->ctx);
	BIO *bio = c->ssl != NULL ? BIO_new(tls->method) : NULL;
	if (bio == NULL)
		goto no_memory;
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_connect_state(c->ssl);
	if (tls->by_address
		? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), tls->server_name) != 1
		: SSL_set1_host(c->ssl, tls->server_name) != 1 || SSL_set_tlsext_host_name(c->ssl, tls->server_name) != 1)
		goto no_memory;
	c->usable = true;
	return c;
no_memory:
	SSL_free(c->ssl);
	free(c);
	ERR_clear_error();
	return NULL;
}

void pl_relay_tls_end(struct pl_relay_tls_conn *c)
{
	if (c == NULL)
		return;
	if (c->usable && SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	free(c);
	ERR_clear_error();
}

static enum pl_relay_io outcome(struct pl_relay_tls_conn *c, int result, const char *what, char *error, size_t size)
{
	int kind = SSL_get_error(c->ssl, result);
	if (kind == SSL_ERROR_WANT_READ)
		return PL_RELAY_IO_READ;
	if (kind == SSL_ERROR_WANT_WRITE)
		return PL_RELAY_IO_WRITE;
	c->usable = false;
	long verdict = SSL_get_verify_result(c->ssl);
	if (verdict != X509_V_OK && !SSL_is_init_finished(c->ssl))
		pl_relay_refuse(error, size, "TLS: the server's certificate does not do: %s",
				X509_verify_cert_error_string(verdict));
	else if (kind == SSL_ERROR_ZERO_RETURN)
		pl_relay_refuse(error, size, "the server closed the connection%s", what);
	else if (c->error_number != 0)
		pl_relay_refuse(error, size, "%s%s", strerror(c->error_number), what);
	else if (ERR_peek_last_error() != 0 && ERR_GET_REASON(ERR_peek_last_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
		pl_relay_refuse(error, size, "TLS: %s%s", first_reason(), what);
	else
		pl_relay_refuse(error, size, "the server closed the connection%s", what);
	return PL_RELAY_IO_ENDED;
}

enum pl_relay_io pl_relay_tls_handshake(struct pl_relay_tls_conn *c, char *error, size_t size)
{
	ERR_clear_error();
	int result = SSL_do_handshake(c->ssl);
	enum pl_relay_io io = result == 1 ? PL_RELAY_IO_DONE : outcome(c, result, " during the TLS handshake", error, size);
	ERR_clear_error();
	return io;
}

enum pl_relay_io pl_relay_tls_read(struct pl_relay_tls_conn *c, void *p, size_t room, size_t *n, char *error, size_t size)
{
	ERR_clear_error();
	int result = SSL_read_ex(c->ssl, p, room, n);
	enum pl_relay_io io = result == 1 ? PL_RELAY_IO_DONE : outcome(c, result, "", error, size);
	ERR_clear_error();
	return io;
}

enum pl_relay_io pl_relay_tls_write(struct pl_relay_tls_conn *c, const void *p, size_t count, size_t *n, char *error, size_t size)
{
	ERR_clear_error();
	int result = SSL_write_ex(c->ssl, p, count, n);
	enum pl_relay_io io = result == 1 ? PL_RELAY_IO_DONE : outcome(c, result, "", error, size);
	ERR_clear_error();
	return io;
}
