#include "base/redact.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { LEAST_SECRET = 4, LEAST_BEGINNING = 6 };

static bool has(struct pl_str s, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; i + n <= s.n; i++)
		if (strncasecmp(s.p + i, word, n) == 0)
			return true;
	return false;
}

bool pl_redact_is_name(struct pl_str name)
{
	static const char *const words[] = {"token", "secret",    "passw",      "passphrase", "pwd",   "auth",
					    "key",   "signature", "credential", "session",    "cookie"};
	static const char *const whole[] = {"sig", "pass", "pw", "jwt", "sas"};
	for (size_t i = 0; i < PL_COUNT_OF(words); i++)
		if (has(name, words[i]))
			return true;
	for (size_t i = 0; i < PL_COUNT_OF(whole); i++)
		if (name.n == strlen(whole[i]) && strncasecmp(name.p, whole[i], name.n) == 0)
			return true;
	return false;
}

/* A URL with a user within a parameter, escaped or not. */
static bool holds_user(struct pl_str value)
{
	bool url = has(value, "://") || has(value, "%3A%2F%2F") || has(value, "%3A//") || has(value, ":%2F%2F");
	return url && (has(value, "@") || has(value, "%40"));
}

void pl_redact_url(struct pl_buf *out, struct pl_str url)
{
	struct pl_str rest = url;
	struct pl_str before = pl_str_cut(&rest, '?');
	const char *authority = before.n > 0 ? memmem(before.p, before.n, "://", 3) : NULL;
	if (authority != NULL) {
		authority += 3;
		size_t n = (size_t)(before.p + before.n - authority);
		const char *slash = memchr(authority, '/', n);
		const char *at = memrchr(authority, '@', slash != NULL ? (size_t)(slash - authority) : n);
		pl_buf_add(out, before.p, (size_t)(authority - before.p));
		if (at != NULL)
			before = (struct pl_str){at + 1, (size_t)(before.p + before.n - at - 1)};
		else
			before = (struct pl_str){authority, n};
	}
	pl_buf_add_str(out, before);
	for (char mark = '?'; rest.p != NULL; mark = '&') {
		struct pl_str value = pl_str_cut(&rest, '&'), name = pl_str_cut(&value, '=');
		pl_buf_add_char(out, mark);
		pl_buf_add_str(out, name);
		if (value.p == NULL)
			continue;
		pl_buf_add_char(out, '=');
		if (pl_redact_is_name(name) || holds_user(value))
			pl_buf_add_cstr(out, "<secret>");
		else
			pl_buf_add_str(out, value);
	}
}

void pl_redact_value(struct pl_buf *out, struct pl_str value)
{
	const char *at = value.n > 0 ? memrchr(value.p, '@', value.n) : NULL;
	if (value.n > 0 && memmem(value.p, value.n, "://", 3) != NULL) {
		pl_redact_url(out, value);
	} else if (at != NULL && memchr(value.p, ':', (size_t)(at - value.p)) != NULL) {
		pl_buf_add_cstr(out, "<secret>");
		pl_buf_add(out, at, (size_t)(value.p + value.n - at));
	} else {
		pl_buf_add_str(out, value);
	}
}

void pl_redact_echo(char *text, struct pl_str secret)
{
	if (secret.n < LEAST_SECRET)
		return;
	size_t least = secret.n < LEAST_BEGINNING ? secret.n : LEAST_BEGINNING;
	for (char *p = text; *p != '\0';) {
		size_t n = 0;
		while (n < secret.n && p[n] == secret.p[n] && p[n] != '\0')
			n++;
		if (n < least) {
			p++;
			continue;
		}
		memset(p, '*', n);
		p += n;
	}
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void unescape(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? digit_of(s.p[i + 1]) : -1;
		int low = high >= 0 ? digit_of(s.p[i + 2]) : -1;
		pl_buf_add_char(out, low >= 0 ? (char)(high * 16 + low) : s.p[i] == '+' ? ' ' : s.p[i]);
		i += low >= 0 ? 2 : 0;
	}
}

void pl_redact_url_echo(char *text, struct pl_str url)
{
	struct pl_str rest = url;
	struct pl_buf plain = {0};
	(void)pl_str_cut(&rest, '?');
	while (rest.p != NULL) {
		struct pl_str value = pl_str_cut(&rest, '&'), name = pl_str_cut(&value, '=');
		if (value.p == NULL || !(pl_redact_is_name(name) || holds_user(value)))
			continue;
		pl_redact_echo(text, value);
		pl_buf_clear(&plain);
		unescape(&plain, value);
		pl_redact_echo(text, pl_buf_str(&plain));
	}
	pl_buf_finish(&plain);
}
