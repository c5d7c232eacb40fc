#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { LONGEST_HOST = 255 };

static enum pl_err split(const char *text, char host[LONGEST_HOST + 1], uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	uint64_t number;
	if (colon == NULL || !pl_str_u64(pl_str_of(colon + 1), &number) || number > UINT16_MAX)
		return PL_EINVAL;
	*port = (uint16_t)number;
	struct pl_str h = {text, (size_t)(colon - text)};
	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = (struct pl_str){h.p + 1, h.n - 2};
	else if (memchr(h.p, ':', h.n) != NULL)
		return PL_EINVAL;
	if (h.n > LONGEST_HOST)
		return PL_EINVAL;
	memcpy(host, h.p, h.n);
	host[h.n] = '\0';
	return PL_OK;
}

enum pl_err pl_address_parse(const char *text, struct pl_address *out, char *reason, size_t reason_size)
{
	char host[LONGEST_HOST + 1];
	uint16_t port;
	memset(out, 0, sizeof *out);
	if (split(text, host, &port) != PL_OK) {
		snprintf(reason, reason_size, "'%s' is no address: host:port, [IPv6]:port or :port is", text);
		return PL_EINVAL;
	}
	if (host[0] == '\0') {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;
		v6->sin6_family = AF_INET6;
		v6->sin6_addr = in6addr_any;
		v6->sin6_port = htons(port);
		out->any = true;
		return PL_OK;
	}
	struct addrinfo *found = NULL, hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc != 0) {
		snprintf(reason, reason_size, "cannot find the address of '%s': %s", host, gai_strerror(rc));
		return PL_ENET;
	}
	/* "localhost" is both: people who write it mean 127.0.0.1. */
	const struct addrinfo *use = found;
	for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
		if (a->ai_family == AF_INET) {
			use = a;
			break;
		}
	memcpy(&out->addr, use->ai_addr, use->ai_addrlen);
	freeaddrinfo(found);
	if (out->addr.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&out->addr)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&out->addr)->sin_port = htons(port);
	return PL_OK;
}

const char *pl_address_text(const struct sockaddr *a, bool with_port, char out[PL_ADDRESS_TEXT_BYTES])
{
	char host[INET6_ADDRSTRLEN] = "?";
	uint16_t port = 0;
	bool brackets = false;
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		port = ntohs(v4->sin_port);
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
		port = ntohs(v6->sin6_port);
		brackets = !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
		if (brackets)
			inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		else
			inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host, sizeof host);
	}
	if (!with_port)
		snprintf(out, PL_ADDRESS_TEXT_BYTES, "%s", host);
	else
		snprintf(out, PL_ADDRESS_TEXT_BYTES, brackets ? "[%s]:%u" : "%s:%u", host, port);
	return out;
}

bool pl_address_is_loopback(const struct pl_address *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->addr;
	if (a->addr.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return a->addr.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}
