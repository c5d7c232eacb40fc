#include "targets/target_address.h"

#include <stdio.h>

#include "base/ipv6.h"

enum { MAX_HOST = 253 };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static const char *host_trouble(struct pl_str host)
{
	if (host.n == 0)
		return "the host is missing";
	if (host.n > MAX_HOST)
		return "the host is longer than 253 bytes";
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];
		if (c >= 0x80)
			return "the host has letters outside ASCII (write international names in their xn-- form)";
		if (!is_alnum((char)c) && c != '.' && c != '-' && c != '_')
			return "the host has a character that no host name has";
	}
	return NULL;
}

static const char *port_trouble(struct pl_str port)
{
	uint64_t n;
	if (!pl_str_u64(port, &n) || n == 0 || n > 65535)
		return "the port is not a number from 1 to 65535";
	return NULL;
}

static const char *address_trouble(struct pl_str address, bool *bare)
{
	*bare = false;
	if (address.n == 0)
		return "there is no address";
	if (memchr(address.p, '/', address.n) != NULL)
		return "an address is host:port, without scheme or path (these are __scheme__ and __metrics_path__)";
	if (address.p[0] == '[') {
		struct pl_str rest = address;
		struct pl_str open = pl_str_cut(&rest, ']');
		if (rest.p == NULL || !pl_ipv6_valid((struct pl_str){open.p + 1, open.n - 1}))
			return "what stands in the brackets is no IPv6 address";
		if (rest.n == 0) {
			*bare = true;
			return NULL;
		}
		if (rest.p[0] != ':')
			return "behind the brackets only :port may stand";
		return port_trouble((struct pl_str){rest.p + 1, rest.n - 1});
	}
	struct pl_str port = address;
	struct pl_str host = pl_str_cut(&port, ':');
	if (port.p != NULL && port.n > 0 && memchr(port.p, ':', port.n) != NULL)
		return "an IPv6 address needs brackets, as in [::1]:9100";
	const char *trouble = host_trouble(host);
	if (trouble != NULL)
		return trouble;
	*bare = port.p == NULL;
	return *bare ? NULL : port_trouble(port);
}

enum pl_err pl_target_address_settle(struct pl_str address, unsigned default_port, struct pl_buf *out,
				     char reason[PL_REASON_BYTES])
{
	bool bare;
	const char *trouble = address_trouble(address, &bare);
	if (trouble != NULL) {
		snprintf(reason, PL_REASON_BYTES, "%s", trouble);
		return PL_EINVAL;
	}
	pl_buf_add_str(out, address);
	if (bare && default_port != 0)
		pl_buf_addf(out, ":%u", default_port);
	return PL_OK;
}
