#include "out_redis/url.h"

#include <stdio.h>
#include <string.h>

#include "base/ipv6.h"

static enum pl_err fail(char *reason, size_t size, const char *why)
{
	snprintf(reason, size, "%s", why);
	return PL_EPARSE;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(struct pl_str in, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		int c = (unsigned char)in.p[i];
		if (c == '%') {
			if (in.n - i < 3 || digit(in.p[i + 1]) < 0 || digit(in.p[i + 2]) < 0)
				return false;
			c = digit(in.p[i + 1]) * 16 + digit(in.p[i + 2]);
			i += 2;
		}
		if (c == 0 || n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

static bool is_name(struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		      c == '_'))
			return false;
	}
	return s.n > 0 && s.n <= PL_REDIS_MAX_HOST;
}

enum pl_err pl_redis_host_parse(struct pl_str text, char host[PL_REDIS_MAX_HOST + 1], uint16_t *port, char *reason,
				size_t reason_size)
{
	struct pl_str rest = text, name;
	bool bracketed = text.n > 0 && text.p[0] == '[';
	if (bracketed) {
		rest.p++;
		rest.n--;
		name = pl_str_cut(&rest, ']');
		if (rest.p == NULL || !pl_ipv6_valid(name))
			return fail(reason, reason_size, "between the brackets there must be an IPv6 address");
		if (rest.n > 0 && rest.p[0] != ':')
			return fail(reason, reason_size, "behind the brackets only :port may follow");
		if (rest.n > 0) {
			rest.p++;
			rest.n--;
		} else {
			rest.p = NULL;
		}
	} else {
		name = pl_str_cut(&rest, ':');
		if (!is_name(name))
			return fail(reason, reason_size, name.n == 0 ? "the host is missing" : "that is no name of a host");
	}
	if (name.n > PL_REDIS_MAX_HOST)
		return fail(reason, reason_size, "that is no name of a host");
	uint64_t number = *port;
	if (rest.p != NULL && (!pl_str_u64(rest, &number) || number == 0 || number > 65535))
		return fail(reason, reason_size, "the port must be a number from 1 to 65535");
	memcpy(host, name.p, name.n);
	host[name.n] = '\0';
	*port = (uint16_t)number;
	return PL_OK;
}

enum pl_err pl_redis_url_parse(struct pl_str text, struct pl_redis_url *out, char *reason, size_t reason_size)
{
	static const struct pl_str plain = {"redis://", 8}, secure = {"rediss://", 9};
	*out = (struct pl_redis_url){.port = 6379};
	out->tls = pl_str_starts(text, secure);
	if (!out->tls && !pl_str_starts(text, plain))
		return fail(reason, reason_size, "expected redis://host:port or rediss://host:port");
	struct pl_str rest = text;
	rest.p += out->tls ? secure.n : plain.n;
	rest.n -= out->tls ? secure.n : plain.n;
	if (memchr(rest.p, '?', rest.n) != NULL || memchr(rest.p, '#', rest.n) != NULL)
		return fail(reason, reason_size, "no parameters may follow (write a ? or # of a password as %3F, %23)");
	struct pl_str authority = pl_str_cut(&rest, '/');
	uint64_t database = 0;
	if (rest.n > 0 && (!pl_str_u64(rest, &database) || database > 65535))
		return fail(reason, reason_size, "behind the host only /NUMBER of a database may follow");
	out->database = (unsigned)database;
	const char *at = memrchr(authority.p, '@', authority.n);
	if (at != NULL) {
		struct pl_str credentials = {authority.p, (size_t)(at - authority.p)};
		struct pl_str user = pl_str_cut(&credentials, ':');
		if (!decode(user, out->user, sizeof out->user) || !decode(credentials, out->password, sizeof out->password))
			return fail(reason, reason_size,
				    "user or password are too long or not percent-encoded as they should be");
		if (credentials.p == NULL && user.n > 0)
			return fail(reason, reason_size,
				    "a user needs a password: redis://user:password@host, or redis://:password@host");
		authority.n -= (size_t)(at + 1 - authority.p);
		authority.p = at + 1;
	}
	return pl_redis_host_parse(authority, out->host, &out->port, reason, reason_size);
}
