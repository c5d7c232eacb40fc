/* Addresses to listen on, as the configuration writes them: "host:port", "[v6]:port", ":port" (every address of this machine). */
#ifndef PL_NET_ADDRESS_H
#define PL_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

struct pl_address {
	struct sockaddr_storage addr; /* IPv4 or IPv6 */
	bool any;                     /* ":port" was meant: `addr` is [::]; where IPv6 is off 0.0.0.0 does it */
};

enum { PL_ADDRESS_TEXT_BYTES = 80 };

/* Looks a name up if it is one, which may take a while: for start-up only. Port 0 is fine. On failure `reason` says what is wrong
 * with the text. */
PL_MUST_CHECK enum pl_err pl_address_parse(const char *text, struct pl_address *out, char *reason, size_t reason_size);

/* Is it 127.0.0.0/8 or ::1, which other machines cannot reach? */
bool pl_address_is_loopback(const struct pl_address *a);

/* "127.0.0.1:80", "[::1]:80"; with_port false: without brackets and port. An IPv4 address inside IPv6 is written as IPv4. */
const char *pl_address_text(const struct sockaddr *a, bool with_port, char out[PL_ADDRESS_TEXT_BYTES]);

#endif
