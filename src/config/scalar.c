#include "config/scalar.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/ipv6.h"
#include "base/mem.h"
#include "config/schema.h"

struct unit {
	const char *name;
	int64_t size;
};

static const struct unit duration_units[] = {
    {"y", 365 * 24 * 3600 * PL_NS_PER_S},
    {"w", 7 * 24 * 3600 * PL_NS_PER_S},
    {"d", 24 * 3600 * PL_NS_PER_S},
    {"h", 3600 * PL_NS_PER_S},
    {"m", 60 * PL_NS_PER_S},
    {"s", PL_NS_PER_S},
    {"ms", PL_NS_PER_MS},
};

static const struct unit byte_units[] = {
    {"EiB", INT64_C(1) << 60}, {"PiB", INT64_C(1) << 50}, {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30}, {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10},
};

/* Cuts leading bytes that `fits` from s. */
static struct pl_str take(struct pl_str *s, int (*fits)(int c))
{
	struct pl_str got = {s->p, 0};
	while (got.n < s->n && fits((unsigned char)s->p[got.n]))
		got.n++;
	*s = (struct pl_str){s->p + got.n, s->n - got.n};
	return got;
}

enum pl_err pl_parse_duration(struct pl_str s, int64_t *ns)
{
	int64_t total = 0;
	if (pl_str_is(s, "0")) {
		*ns = 0;
		return PL_OK;
	}
	if (s.n == 0)
		return PL_EPARSE;
	for (size_t u = 0; s.n > 0;) {
		int64_t count, part;
		struct pl_str digits = take(&s, isdigit), unit = take(&s, isalpha);
		while (u < PL_COUNT_OF(duration_units) && !pl_str_is(unit, duration_units[u].name))
			u++;
		if (digits.n == 0 || u == PL_COUNT_OF(duration_units))
			return PL_EPARSE;
		if (!pl_str_i64(digits, &count) || __builtin_mul_overflow(count, duration_units[u++].size, &part) ||
		    __builtin_add_overflow(total, part, &total))
			return PL_ELIMIT;
	}
	*ns = total;
	return PL_OK;
}

void pl_duration_print(int64_t ns, struct pl_buf *out)
{
	size_t before = out->n;
	for (size_t u = 2; u < PL_COUNT_OF(duration_units); u++) { /* weeks and years would be hard to read */
		if (ns >= duration_units[u].size) {
			pl_buf_add_i64(out, ns / duration_units[u].size);
			pl_buf_add_cstr(out, duration_units[u].name);
			ns %= duration_units[u].size;
		}
	}
	if (out->n == before)
		pl_buf_add_cstr(out, "0s");
}

enum pl_err pl_parse_bytes(struct pl_str s, int64_t *bytes)
{
	static const char letters[] = "bkmgtpe";
	int64_t count;
	struct pl_str digits = take(&s, isdigit);
	if (digits.n == 0)
		return PL_EPARSE;
	unsigned power = 0;
	if (s.n > 0) {
		const char *letter = memchr(letters, tolower((unsigned char)s.p[0]), sizeof letters - 1);
		if (letter == NULL)
			return PL_EPARSE;
		power = (unsigned)(letter - letters);
		struct pl_str rest = {s.p + 1, s.n - 1};
		bool fits = rest.n == 0 || (power > 0 && (pl_str_is(rest, "B") || pl_str_is(rest, "iB") || pl_str_is(rest, "b") ||
							  pl_str_is(rest, "ib") || pl_str_is(rest, "i")));
		if (!fits)
			return PL_EPARSE;
	}
	if (!pl_str_i64(digits, &count) || __builtin_mul_overflow(count, INT64_C(1) << (10 * power), &count))
		return PL_ELIMIT;
	*bytes = count;
	return PL_OK;
}

void pl_bytes_print(int64_t bytes, struct pl_buf *out)
{
	for (size_t u = 0; u < PL_COUNT_OF(byte_units); u++) {
		if (bytes != 0 && bytes % byte_units[u].size == 0) {
			pl_buf_add_i64(out, bytes / byte_units[u].size);
			pl_buf_add_cstr(out, byte_units[u].name);
			return;
		}
	}
	pl_buf_add_i64(out, bytes);
	pl_buf_add_cstr(out, bytes != 0 ? "B" : "");
}

static int is_host_char(int c)
{
	return isalnum(c) || c == '.' || c == '-' || c == '_';
}

/* host[:port] or [v6][:port]; the port's text comes out, NULL when there is none. */
static const char *host_flaw(struct pl_str s, struct pl_str *host, struct pl_str *port)
{
	*port = (struct pl_str){NULL, 0};
	if (s.n > 0 && s.p[0] == '[') {
		struct pl_str rest = {s.p + 1, s.n - 1};
		*host = pl_str_cut(&rest, ']');
		if (rest.p == NULL || !pl_ipv6_valid(*host))
			return "between [ and ] stands no IPv6 address";
		if (rest.n > 0 && rest.p[0] != ':')
			return "behind ] only :port may follow";
		if (rest.n > 0)
			*port = (struct pl_str){rest.p + 1, rest.n - 1};
		return NULL;
	}
	struct pl_str rest = s;
	*host = take(&rest, is_host_char);
	if (rest.n > 0 && rest.p[0] == ':')
		*port = (struct pl_str){rest.p + 1, rest.n - 1};
	else if (rest.n > 0)
		return "the host holds a character that no host name has";
	if (port->p != NULL && memchr(port->p, ':', port->n) != NULL)
		return "an IPv6 address goes into brackets: [::1]:8080";
	return NULL;
}

static bool is_port(struct pl_str s)
{
	uint64_t port;
	return s.n <= 5 && pl_str_u64(s, &port) && port <= 65535;
}

const char *pl_listen_flaw(struct pl_str s)
{
	struct pl_str host, port;
	const char *flaw = host_flaw(s, &host, &port);
	if (flaw != NULL)
		return flaw;
	if (port.p == NULL)
		return is_port(s) ? "write a colon before the port: :8080" : "the port is missing: host:8080";
	return is_port(port) ? NULL : "the port must be a number from 0 to 65535";
}

const char *pl_url_flaw(struct pl_str s)
{
	struct pl_str host, port;
	size_t scheme = s.n >= 7 && strncasecmp(s.p, "http://", 7) == 0    ? 7
			: s.n >= 8 && strncasecmp(s.p, "https://", 8) == 0 ? 8
									   : 0;
	if (scheme == 0)
		return "it must begin with http:// or https://";
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7F)
			return "it holds a space or a control character";
	struct pl_str authority = {s.p + scheme, 0};
	while (scheme + authority.n < s.n && strchr("/?#", authority.p[authority.n]) == NULL)
		authority.n++;
	if (memchr(authority.p, '@', authority.n) != NULL)
		return "user and password do not belong into it, they have keys of their own";
	if (memchr(s.p, '#', s.n) != NULL)
		return "it holds a fragment (#...)";
	const char *flaw = host_flaw(authority, &host, &port);
	if (flaw != NULL)
		return flaw;
	if (host.n == 0)
		return "the host is missing";
	if (port.p != NULL && !is_port(port))
		return "the port must be a number from 0 to 65535";
	return NULL;
}

/* What stands between :// and the path. */
static struct pl_str authority_of(struct pl_str s)
{
	size_t from = 0;
	while (from + 3 <= s.n && memcmp(s.p + from, "://", 3) != 0)
		from++;
	if (from + 3 > s.n)
		return (struct pl_str){s.p, 0};
	struct pl_str rest = {s.p + from + 3, s.n - from - 3};
	for (size_t n = 0; n < rest.n; n++)
		if (strchr("/?#", rest.p[n]) != NULL)
			return (struct pl_str){rest.p, n};
	return rest;
}

struct pl_str pl_proxy_credentials(struct pl_str s)
{
	struct pl_str authority = authority_of(s);
	size_t n = authority.n;
	while (n > 0 && authority.p[n - 1] != '@')
		n--;
	return (struct pl_str){authority.p, n > 0 ? n - 1 : 0};
}

const char *pl_proxy_flaw(struct pl_str s)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
	struct pl_str authority = authority_of(s), credentials = pl_proxy_credentials(s), host, port;
	bool known = false;
	for (size_t i = 0; i < PL_COUNT_OF(schemes); i++)
		known |= s.n > strlen(schemes[i]) && strncasecmp(s.p, schemes[i], strlen(schemes[i])) == 0;
	if (!known)
		return "it must begin with http://, https:// or socks5://";
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7F)
			return "it holds a space or a control character";
	size_t behind = s.n - (size_t)(authority.p - s.p) - authority.n;
	if (behind > 1 || (behind == 1 && s.p[s.n - 1] != '/'))
		return "behind the host nothing but a port may follow";
	if (memchr(credentials.p, '@', credentials.n) != NULL)
		return "an @ within user or password must be written as %40";
	size_t skip = credentials.n > 0 || (authority.n > 0 && authority.p[0] == '@') ? credentials.n + 1 : 0;
	const char *flaw = host_flaw((struct pl_str){authority.p + skip, authority.n - skip}, &host, &port);
	if (flaw != NULL)
		return flaw;
	if (host.n == 0)
		return "the host is missing";
	return port.p == NULL || is_port(port) ? NULL : "the port must be a number from 0 to 65535";
}
