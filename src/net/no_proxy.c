#include "net/no_proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

/* An address of either family; IPv4 as IPv6 maps it. */
struct address {
	unsigned char bytes[16];
};

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool read_address(struct pl_str s, struct address *out)
{
	char text[INET6_ADDRSTRLEN];
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct pl_str){s.p + 1, s.n - 2};
	if (s.n == 0 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET6, text, out->bytes) == 1)
		return true;
	memcpy(out->bytes, mapped, sizeof mapped);
	return inet_pton(AF_INET, text, out->bytes + sizeof mapped) == 1;
}

static bool is_v4(const struct address *a)
{
	return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

static bool same_bits(const struct address *a, const struct address *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0;
}

static bool fits_network(struct pl_str entry, const struct address *host)
{
	struct address network;
	uint64_t bits;
	struct pl_str length = entry, base = pl_str_cut(&length, '/');
	if (!read_address(base, &network) || !pl_str_u64(length, &bits) || is_v4(&network) != is_v4(host))
		return false;
	bits += is_v4(&network) ? 96 : 0;
	return bits <= 128 && same_bits(&network, host, (unsigned)bits);
}

/* Takes a :port off the entry's end. False when there is one and it is another. */
static bool take_port(struct pl_str *entry, unsigned port)
{
	struct address ignored;
	size_t at = entry->n;
	uint64_t number;
	if (read_address(*entry, &ignored))
		return true;
	while (at > 0 && entry->p[at - 1] != ':')
		at--;
	if (at == 0)
		return true;
	if (!pl_str_u64((struct pl_str){entry->p + at, entry->n - at}, &number) || number != port)
		return false;
	entry->n = at - 1;
	return true;
}

static bool fits_name(struct pl_str entry, struct pl_str host)
{
	if (pl_str_starts(entry, PL_STR("*.")))
		entry = (struct pl_str){entry.p + 1, entry.n - 1};
	bool below = entry.n > 0 && entry.p[0] == '.';
	if (host.n == entry.n && !below)
		return strncasecmp(host.p, entry.p, host.n) == 0;
	if (host.n <= entry.n || strncasecmp(host.p + host.n - entry.n, entry.p, entry.n) != 0)
		return false;
	return below || host.p[host.n - entry.n - 1] == '.';
}

static bool fits(struct pl_str entry, struct pl_str host, const struct address *address, unsigned port)
{
	struct address listed;
	if (pl_str_is(entry, "*"))
		return true;
	if (memchr(entry.p, '/', entry.n) != NULL)
		return address != NULL && fits_network(entry, address);
	if (!take_port(&entry, port) || entry.n == 0)
		return false;
	if (read_address(entry, &listed))
		return address != NULL && same_bits(&listed, address, 128);
	return address == NULL && fits_name(entry, host);
}

static bool is_loopback(const struct address *a)
{
	static const struct address one = {{[15] = 1}};
	return is_v4(a) ? a->bytes[12] == 127 : same_bits(a, &one, 128);
}

bool pl_no_proxy(const char *list, const char *host_text, unsigned port)
{
	struct address address;
	struct pl_str host = pl_str_of(host_text);
	if (list == NULL || list[0] == '\0')
		return false;
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	bool numeric = read_address(host, &address);
	if (numeric ? is_loopback(&address) : host.n == 9 && strncasecmp(host.p, "localhost", 9) == 0)
		return true;
	for (const char *p = list; *p != '\0';) {
		size_t n = strcspn(p, ", \t");
		if (n > 0 && fits((struct pl_str){p, n}, host, numeric ? &address : NULL, port))
			return true;
		p += n + (p[n] != '\0');
	}
	return false;
}
