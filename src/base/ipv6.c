#include "base/ipv6.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

static bool is_zone_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool pl_ipv6_valid(struct pl_str s)
{
	struct pl_str zone = s;
	struct pl_str literal = pl_str_cut(&zone, '%');
	char text[INET6_ADDRSTRLEN];
	struct in6_addr parsed;
	if (literal.n == 0 || literal.n >= sizeof text || memchr(literal.p, '\0', literal.n) != NULL)
		return false;
	memcpy(text, literal.p, literal.n);
	text[literal.n] = '\0';
	if (inet_pton(AF_INET6, text, &parsed) != 1)
		return false;
	if (zone.p == NULL)
		return true;
	for (size_t i = 0; i < zone.n; i++)
		if (!is_zone_char(zone.p[i]))
			return false;
	return zone.n > 0 && zone.n < IF_NAMESIZE; /* libcurl takes no longer ones either */
}
