#include "api/private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"
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

void pl_api_add_label_members(struct pl_json *j, struct pl_labels labels)
{
	static const struct pl_str param = {"__param_", 8};
	struct pl_buf shown = {0};
	for (size_t i = 0; i < labels.n; i++) {
		struct pl_str name = labels.v[i].name;
		pl_json_key_str(j, name);
		pl_buf_clear(&shown);
		if (pl_str_starts(name, param) && pl_redact_is_name((struct pl_str){name.p + param.n, name.n - param.n}))
			pl_buf_add_cstr(&shown, "<secret>");
		else
			pl_redact_value(&shown, labels.v[i].value);
		pl_json_str(j, pl_buf_str(&shown));
	}
	pl_buf_finish(&shown);
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
