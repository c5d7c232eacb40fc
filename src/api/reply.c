#include "api/private.h"

#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "format/json_out.h"

void pl_api_reply_json(struct pl_http_exchange *x, unsigned status, struct pl_buf *body)
{
	pl_buf_add_char(body, '\n');
	pl_http_reply(x, status, "application/json", body);
}

void pl_api_reply_error(struct pl_http_exchange *x, unsigned status, const char *text)
{
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	pl_json_object_begin(&j);
	pl_json_key(&j, "error");
	pl_json_cstr(&j, text);
	pl_json_object_end(&j);
	pl_api_reply_json(x, status, &b);
}

void pl_api_reply_failure(struct pl_http_exchange *x, unsigned status, const char *type, const char *text)
{
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	pl_json_object_begin(&j);
	pl_json_key(&j, "status");
	pl_json_cstr(&j, "error");
	pl_json_key(&j, "errorType");
	pl_json_cstr(&j, type);
	pl_json_key(&j, "error");
	pl_json_cstr(&j, text);
	pl_json_object_end(&j);
	pl_api_reply_json(x, status, &b);
}

bool pl_api_is_secret_name(struct pl_str name)
{
	static const char *const words[] = {"token",  "secret",  "passw",   "passwd",    "pwd",       "auth",
					    "apikey", "api_key", "api-key", "signature", "credential"};
	for (size_t w = 0; w < PL_COUNT_OF(words); w++) {
		size_t n = strlen(words[w]);
		for (size_t i = 0; i + n <= name.n; i++)
			if (strncasecmp(name.p + i, words[w], n) == 0)
				return true;
	}
	return name.n == 3 && strncasecmp(name.p, "key", 3) == 0;
}

void pl_api_add_public_url(struct pl_buf *out, struct pl_str url)
{
	struct pl_str rest = url;
	struct pl_str before = pl_str_cut(&rest, '?');
	const char *authority = memmem(before.p, before.n, "://", 3);
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
		if (pl_api_is_secret_name(name))
			pl_buf_add_cstr(out, "<secret>");
		else
			pl_buf_add_str(out, value);
	}
}

void pl_api_add_label_members(struct pl_json *j, struct pl_labels labels)
{
	static const struct pl_str param = {"__param_", 8};
	for (size_t i = 0; i < labels.n; i++) {
		struct pl_str name = labels.v[i].name;
		bool secret = pl_str_starts(name, param) && pl_api_is_secret_name((struct pl_str){name.p + 8, name.n - 8});
		pl_json_key_str(j, name);
		pl_json_str(j, secret ? PL_STR("<secret>") : labels.v[i].value);
	}
}

void pl_api_add_labels(struct pl_json *j, const char *key, struct pl_labels labels)
{
	pl_json_key(j, key);
	pl_json_object_begin(j);
	pl_api_add_label_members(j, labels);
	pl_json_object_end(j);
}

void pl_api_add_duration(struct pl_buf *out, int64_t ns)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	int64_t ms = ns / PL_NS_PER_MS;
	if (ms == 0)
		pl_buf_add_cstr(out, "0s");
	for (size_t i = 0; i < PL_COUNT_OF(units); i++)
		if (ms >= units[i].ms) {
			pl_buf_add_i64(out, ms / units[i].ms);
			pl_buf_add_cstr(out, units[i].unit);
			ms %= units[i].ms;
		}
}
