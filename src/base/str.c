#include "base/str.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

int pl_str_cmp(struct pl_str a, struct pl_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

bool pl_str_starts(struct pl_str s, struct pl_str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool pl_str_ends(struct pl_str s, struct pl_str suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct pl_str pl_str_trim(struct pl_str s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = (struct pl_str){s.p + 1, s.n - 1};
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct pl_str pl_str_cut(struct pl_str *rest, char sep)
{
	struct pl_str all = *rest;
	const char *at = all.n > 0 ? memchr(all.p, sep, all.n) : NULL;
	if (at == NULL) {
		*rest = (struct pl_str){NULL, 0};
		return all;
	}
	size_t before = (size_t)(at - all.p);
	*rest = (struct pl_str){at + 1, all.n - before - 1};
	return (struct pl_str){all.p, before};
}

bool pl_str_u64(struct pl_str s, uint64_t *out)
{
	uint64_t v = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool pl_str_i64(struct pl_str s, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t v;
	if (!pl_str_u64(negative ? (struct pl_str){s.p + 1, s.n - 1} : s, &v))
		return false;
	if (negative) {
		if (v > (uint64_t)INT64_MAX + 1)
			return false;
		*out = v == (uint64_t)INT64_MAX + 1 ? INT64_MIN : -(int64_t)v;
		return true;
	}
	if (v > (uint64_t)INT64_MAX)
		return false;
	*out = (int64_t)v;
	return true;
}

/* Table 3-7 of the Unicode standard. */
size_t pl_utf8_length(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xBF;
	size_t more;
	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF) {
		more = 1;
	} else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
		more = 2;
		if (p[0] == 0xE0)
			low = 0xA0;
		if (p[0] == 0xED)
			high = 0x9F;
	} else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
		more = 3;
		if (p[0] == 0xF0)
			low = 0x90;
		if (p[0] == 0xF4)
			high = 0x8F;
	} else {
		return 0;
	}
	if (n <= more || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i <= more; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return more + 1;
}

static bool is_ascii(struct pl_str s)
{
	const uint64_t high_bits = 0x8080808080808080U;
	uint64_t eight, seen = 0;
	size_t i = 0;
	for (; s.n - i >= 8; i += 8) {
		memcpy(&eight, s.p + i, 8);
		seen |= eight;
	}
	if (s.n >= 8) {
		memcpy(&eight, s.p + s.n - 8, 8); /* the rest, and some again */
		return ((seen | eight) & high_bits) == 0;
	}
	for (; i < s.n; i++)
		seen |= (unsigned char)s.p[i];
	return (seen & high_bits) == 0;
}

bool pl_str_utf8(struct pl_str s)
{
	if (is_ascii(s))
		return true;
	for (size_t i = 0; i < s.n;) {
		uint64_t eight;
		if (s.n - i >= 8 && (memcpy(&eight, s.p + i, 8), (eight & 0x8080808080808080U) == 0)) {
			i += 8;
			continue;
		}
		size_t k = pl_utf8_length(s.p + i, s.n - i);
		if (k == 0)
			return false;
		i += k;
	}
	return true;
}

bool pl_str_eq_secret(struct pl_str a, struct pl_str b)
{
	volatile unsigned char differ = a.n != b.n;
	for (size_t i = 0; i < a.n; i++)
		differ |= (unsigned char)(a.p[i] ^ (b.n > 0 ? b.p[i % b.n] : 0));
	return differ == 0;
}

uint64_t pl_str_hash(struct pl_str s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.p, s.n, seed);
}
