/* TLS for one connection at a time over a socket that does not block. OpenSSL's own socket layer writes without MSG_NOSIGNAL, so
 * it could kill the host by SIGPIPE: here it reads and writes through ours. */
#ifndef PL_RELAY_TLS_H
#define PL_RELAY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pl_relay_tls; /* what all connections share */
struct pl_relay_tls_conn;

struct pl_relay_tls_options {
	const char *ca_file, *cert_file, *key_file; /* or NULL */
	const char *server_name;                    /* that the certificate must carry: a name or an address */
	bool insecure;
};

/* NULL with a reason. */
struct pl_relay_tls *pl_relay_tls_create(const struct pl_relay_tls_options *options, char *error, size_t size);
void pl_relay_tls_destroy(struct pl_relay_tls *tls); /* NULL is fine */

/* Borrows fd. NULL: no memory. */
struct pl_relay_tls_conn *pl_relay_tls_start(struct pl_relay_tls *tls, int fd);
void pl_relay_tls_end(struct pl_relay_tls_conn *c); /* says so to the peer, if it takes it at once. NULL is fine */

enum pl_relay_io { PL_RELAY_IO_DONE, PL_RELAY_IO_READ, PL_RELAY_IO_WRITE, PL_RELAY_IO_ENDED }; /* READ, WRITE: wait for that */

/* After ENDED `error` has the reason. `*n`: bytes done. */
enum pl_relay_io pl_relay_tls_handshake(struct pl_relay_tls_conn *c, char *error, size_t size);
enum pl_relay_io pl_relay_tls_read(struct pl_relay_tls_conn *c, void *p, size_t room, size_t *n, char *error, size_t size);
enum pl_relay_io pl_relay_tls_write(struct pl_relay_tls_conn *c, const void *p, size_t count, size_t *n, char *error,
				    size_t size);

#endif
