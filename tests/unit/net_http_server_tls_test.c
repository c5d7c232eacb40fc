#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "http_ask.h"
#include "net/http_server.h"

enum { BIG = 3 << 20 };

struct fixture {
	struct pl_loop loop;
	struct pl_http_server *server;
	char dir[64], cert[96], key[96], reason[256], address[80];
	const char *use_cert, *use_key;
	enum pl_err err;
	_Atomic bool up, closed;
};

static void make_certificate(struct fixture *f)
{
	snprintf(f->dir, sizeof f->dir, "/tmp/pl-tls-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->cert, sizeof f->cert, "%s/cert.pem", f->dir);
	snprintf(f->key, sizeof f->key, "%s/key.pem", f->dir);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	assert_non_null(key);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
				   0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	FILE *out = fopen(f->cert, "w");
	assert_int_equal(PEM_write_X509(out, cert), 1);
	fclose(out);
	out = fopen(f->key, "w");
	assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(out);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void handler(struct pl_http_exchange *x, void *data)
{
	(void)data;
	struct pl_buf b = {0};
	if (pl_str_is(pl_http_path(x), "/big")) {
		memset(pl_buf_reserve(&b, BIG), 'x', BIG);
		b.n = BIG;
	} else {
		pl_buf_add_str(&b, pl_http_body(x));
		pl_buf_add_cstr(&b, "!");
	}
	pl_http_reply(x, 200, "text/plain", &b);
}

static void open_there(void *data)
{
	struct fixture *f = data;
	const struct pl_http_server_options options = {
	    .listen = "127.0.0.1:0", .cert_file = f->use_cert, .key_file = f->use_key, .handler = handler};
	f->err = pl_http_server_open(&f->server, &f->loop, &options, f->reason, sizeof f->reason);
	if (f->err == PL_OK)
		snprintf(f->address, sizeof f->address, "%s", pl_http_server_address(f->server));
	f->up = true;
}

static void server_closed(void *data)
{
	((struct fixture *)data)->closed = true;
}

static void close_there(void *data)
{
	struct fixture *f = data;
	pl_http_server_close(f->server, 1000, server_closed, f);
}

static void start(struct fixture *f, const char *cert, const char *key)
{
	f->use_cert = cert;
	f->use_key = key;
	f->up = f->closed = false;
	assert_int_equal(pl_loop_init(&f->loop, "https"), PL_OK);
	assert_int_equal(pl_loop_spawn(&f->loop), PL_OK);
	assert_true(pl_loop_call(&f->loop, open_there, f));
	while (!f->up)
		usleep(1000);
}

static void stop(struct fixture *f)
{
	if (f->err == PL_OK) {
		assert_true(pl_loop_call(&f->loop, close_there, f));
		while (!f->closed)
			usleep(1000);
	}
	pl_loop_stop(&f->loop);
	pl_loop_join(&f->loop);
	pl_loop_finish(&f->loop);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	make_certificate(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	unlink(f->cert);
	unlink(f->key);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* A client with the newest protocol `version`; NULL when the handshake fails. */
static SSL *client(const struct fixture *f, SSL_CTX *ctx, int version, int *fd)
{
	*fd = http_dial(f->address);
	SSL *ssl = SSL_new(ctx);
	SSL_set_security_level(ssl, 0); /* lets the client offer what the server must refuse */
	SSL_set_min_proto_version(ssl, 0);
	SSL_set_max_proto_version(ssl, version);
	SSL_set_fd(ssl, *fd);
	if (SSL_connect(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static size_t read_all(SSL *ssl, char *head, size_t head_size)
{
	size_t n = 0;
	char chunk[16384];
	for (int k; (k = SSL_read(ssl, chunk, sizeof chunk)) > 0; n += (size_t)k)
		for (int i = 0; i < k && n + (size_t)i < head_size - 1; i++)
			head[n + (size_t)i] = chunk[i];
	head[n < head_size - 1 ? n : head_size - 1] = '\0';
	assert_int_equal(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN); /* ended in order */
	return n;
}

static void requests_are_served_over_tls(void **state)
{
	struct fixture *f = *state;
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	start(f, f->cert, f->key);
	for (size_t i = 0; i < 2; i++) {
		char head[512];
		int fd;
		SSL *ssl = client(f, ctx, versions[i], &fd);
		assert_non_null(ssl);
		for (int k = 0; k < 20; k++) {
			static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
			assert_true(SSL_write(ssl, post, sizeof post - 1) > 0);
			int n = SSL_read(ssl, head, sizeof head - 1); /* the head and the body may come apart */
			while (n > 0 && memchr(head, '!', (size_t)n) == NULL)
				n += SSL_read(ssl, head + n, (int)sizeof head - 1 - n);
			head[n] = '\0';
			assert_non_null(strstr(head, "hi!"));
		}
		static const char get[] = "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
		assert_true(SSL_write(ssl, get, sizeof get - 1) > 0);
		size_t n = read_all(ssl, head, sizeof head);
		const char *body = strstr(head, "\r\n\r\n");
		assert_non_null(body);
		assert_int_equal(n, (size_t)(body + 4 - head) + BIG);
		SSL_free(ssl);
		close(fd);
	}
	int fd;
	assert_null(client(f, ctx, TLS1_1_VERSION, &fd));
	close(fd);
	SSL_CTX_free(ctx);
	stop(f);
}

static void what_is_no_tls_is_told_or_closed(void **state)
{
	struct fixture *f = *state;
	start(f, f->cert, f->key);
	char *answer = http_ask(f->address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(answer, "HTTP/1.1 400"));
	assert_non_null(strstr(answer, "this is an HTTPS server"));
	free(answer);
	char record[5 + 257 + 1]; /* looks like TLS, until one reads what is in it */
	memcpy(record, "\x16\x03\x01\x01\x01", 5);
	memset(record + 5, 'x', 257);
	record[5 + 257] = '\0';
	free(http_ask(f->address, record));
	free(http_ask(f->address, "\x01\x02\x03 no TLS and no HTTP"));
	int fd = http_dial(f->address); /* half a handshake, then gone */
	http_put(fd, "\x16\x03\x01\x01", 4);
	close(fd);
	stop(f);
}

static void bad_files_are_named(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *cert, *key, *reason;
	} rows[] = {
	    {f->cert, NULL, "cert_file and key_file go together"},
	    {"/nowhere/cert.pem", f->key, "the certificate '/nowhere/cert.pem' cannot be used"},
	    {f->cert, f->cert, "the key '"},
	    {f->key, f->key, "the certificate '"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		start(f, rows[i].cert, rows[i].key);
		assert_int_equal(f->err, PL_EINVAL);
		assert_true(strncmp(f->reason, rows[i].reason, strlen(rows[i].reason)) == 0);
		stop(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(requests_are_served_over_tls, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_tls_is_told_or_closed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bad_files_are_named, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("net_http_server_tls", tests, NULL, NULL);
}
