#include "targets/scrape_url.h"

static const struct pl_str param_prefix = {"__param_", 8};

/* RFC 3986: unreserved characters stay, and those in `also`. */
static void add_encoded(struct pl_buf *out, struct pl_str s, const char *also)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
				  c == '.' || c == '_' || c == '~';
		if (unreserved || (c != '\0' && strchr(also, c) != NULL)) {
			pl_buf_add_char(out, (char)c);
			continue;
		}
		pl_buf_add_char(out, '%');
		pl_buf_add_char(out, hex[c >> 4]);
		pl_buf_add_char(out, hex[c & 15]);
	}
}

static void add_param(struct pl_buf *out, char *separator, struct pl_str name, struct pl_str value)
{
	pl_buf_add_char(out, *separator);
	*separator = '&';
	add_encoded(out, name, "");
	pl_buf_add_char(out, '=');
	add_encoded(out, value, "");
}

static struct pl_str param_of(const struct pl_label *label)
{
	return (struct pl_str){label->name.p + param_prefix.n, label->name.n - param_prefix.n};
}

/* Both lists are sorted by name: a merge. */
static void add_query(struct pl_buf *out, const struct pl_params *params, struct pl_labels labels)
{
	char separator = '?';
	size_t l = 0, p = 0;
	while (l < labels.n && pl_str_cmp(labels.v[l].name, param_prefix) < 0)
		l++;
	for (;;) {
		bool has_label = l < labels.n && pl_str_starts(labels.v[l].name, param_prefix);
		bool has_param = p < params->n;
		if (!has_label && !has_param)
			return;
		int order = !has_param ? -1 : !has_label ? 1 : pl_str_cmp(param_of(&labels.v[l]), pl_str_of(params->v[p].name));
		if (order <= 0)
			add_param(out, &separator, param_of(&labels.v[l]), labels.v[l].value);
		if (order >= 0) {
			const struct pl_param *param = &params->v[p++];
			for (size_t i = order == 0 ? 1 : 0; i < param->values.n; i++)
				add_param(out, &separator, pl_str_of(param->name), pl_str_of(param->values.v[i]));
		}
		if (order <= 0)
			l++;
	}
}

void pl_scrape_url_add(struct pl_buf *out, struct pl_str scheme, struct pl_str address, struct pl_str path,
		       const struct pl_params *params, struct pl_labels labels)
{
	pl_buf_add_str(out, scheme);
	pl_buf_add_cstr(out, "://");
	add_encoded(out, address, "[]:"); /* only a zone's % is left to encode, RFC 6874 */
	if (path.n == 0 || path.p[0] != '/')
		pl_buf_add_char(out, '/');
	add_encoded(out, path, "/!$&'()*+,;=:@");
	add_query(out, params, labels);
}
