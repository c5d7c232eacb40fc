#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "config/scalar.h"
#include "config/schema.h"

/* How to render: for people, or for the fingerprint (with the secrets, without the sections of plugins). */
struct printer {
	struct pl_buf *out;
	bool reveal;
	bool named;  /* within a mapping whose name says that it holds secrets */
	bool secret; /* within one whose schema says so */
};

static void print_mapping(const struct printer *p, const struct pl_schema *schema, const void *object, unsigned indent);

static void add_indent(const struct printer *p, unsigned indent)
{
	for (unsigned i = 0; i < indent; i++)
		pl_buf_add_char(p->out, ' ');
}

static void add_key(const struct printer *p, unsigned indent, const char *key)
{
	add_indent(p, indent);
	pl_buf_add_cstr(p->out, key);
	pl_buf_add_char(p->out, ':');
}

/* Words and numbers that YAML would read as something else than text. */
static bool is_bare_word(struct pl_str s)
{
	static const char *const reserved[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
	if (s.n == 0 || !((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z') || s.p[0] == '/' || s.p[0] == '_'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./", s.p[i]) == NULL)
			return false;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (s.n == strlen(reserved[i]) && strncasecmp(s.p, reserved[i], s.n) == 0)
			return false;
	return true;
}

/* How many bytes at `p` make a character that cannot stand between quotes as it is, and its code: C0, DEL and C1, line and
 * paragraph separators, byte order marks, U+FFFE, U+FFFF. 0: none. */
static size_t unprintable(const unsigned char *p, size_t n, unsigned *code)
{
	static const struct {
		const char *bytes;
		unsigned code;
	} odd[] = {{"\xE2\x80\xA8", 0x2028},
		   {"\xE2\x80\xA9", 0x2029},
		   {"\xEF\xBB\xBF", 0xFEFF},
		   {"\xEF\xBF\xBE", 0xFFFE},
		   {"\xEF\xBF\xBF", 0xFFFF}};
	*code = p[0];
	if (p[0] < 0x20 || p[0] == 0x7F)
		return 1;
	if (n >= 2 && p[0] == 0xC2 && p[1] < 0xA0) {
		*code = p[1];
		return 2;
	}
	for (size_t i = 0; n >= 3 && i < sizeof odd / sizeof *odd; i++) {
		if (memcmp(p, odd[i].bytes, 3) == 0) {
			*code = odd[i].code;
			return 3;
		}
	}
	return 0;
}

/* Text as a YAML scalar that reads back as the same text; a dollar is doubled where the environment would be expanded. */
static void add_text(const struct printer *p, struct pl_str s, unsigned flags)
{
	if (is_bare_word(s)) {
		pl_buf_add_str(p->out, s);
		return;
	}
	pl_buf_add_char(p->out, '"');
	for (size_t i = 0, n; i<s.n; i += n> 0 ? n : 1) {
		unsigned code;
		n = unprintable((const unsigned char *)s.p + i, s.n - i, &code);
		if (n > 0)
			pl_buf_addf(p->out, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
		else if (s.p[i] == '"' || s.p[i] == '\\')
			pl_buf_addf(p->out, "\\%c", s.p[i]);
		else if (s.p[i] == '$' && !(flags & PL_FIELD_NO_ENV) && i + 1 < s.n && (s.p[i + 1] == '{' || s.p[i + 1] == '$'))
			pl_buf_add_cstr(p->out, "$$");
		else
			pl_buf_add_char(p->out, s.p[i]);
	}
	pl_buf_add_char(p->out, '"');
}

static void add_double(const struct printer *p, double v)
{
	size_t before = p->out->n;
	for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back as the same number */
		p->out->n = before;
		pl_buf_addf(p->out, "%.*g", digits, v);
		if (strtod(pl_buf_cstr(p->out) + before, NULL) == v)
			return;
	}
}

static void print_secret(const struct printer *p, const struct pl_field *f, const struct pl_secret *s, unsigned indent)
{
	if (s->value != NULL) {
		add_key(p, indent, f->key);
		pl_buf_add_char(p->out, ' ');
		if (p->reveal)
			add_text(p, pl_str_of(s->value), f->flags);
		else
			pl_buf_add_cstr(p->out, "<secret>");
		pl_buf_add_char(p->out, '\n');
	}
	if (s->file != NULL) {
		add_indent(p, indent);
		pl_buf_addf(p->out, "%s_file: ", f->key);
		add_text(p, pl_str_of(s->file), 0);
		pl_buf_add_char(p->out, '\n');
	}
}

static void add_proxy(const struct printer *p, struct pl_str url, unsigned flags)
{
	struct pl_str secret = pl_proxy_credentials(url);
	struct pl_buf shown = {0};
	if (p->reveal || secret.n == 0) {
		add_text(p, url, flags);
		return;
	}
	const char *behind = secret.p + secret.n;
	pl_buf_add(&shown, url.p, (size_t)(secret.p - url.p));
	pl_buf_add_cstr(&shown, "<secret>");
	pl_buf_add(&shown, behind, (size_t)(url.p + url.n - behind));
	add_text(p, pl_buf_str(&shown), flags);
	pl_buf_finish(&shown);
}

static void add_public(const struct printer *p, struct pl_str s, unsigned flags,
		       void (*redact)(struct pl_buf *out, struct pl_str s))
{
	struct pl_buf shown = {0};
	if (!p->reveal)
		redact(&shown, s);
	add_text(p, p->reveal ? s : pl_buf_str(&shown), flags);
	pl_buf_finish(&shown);
}

static void print_scalar(const struct printer *p, const struct pl_field *f, const void *at, unsigned indent)
{
	const char *const *text = at;
	bool is_text = f->type >= PL_FIELD_STRING && f->type != PL_FIELD_ENUM;
	if (is_text && (*text == NULL || ((*text)[0] == '\0' && (f->flags & PL_FIELD_NONEMPTY))))
		return;
	add_key(p, indent, f->key);
	pl_buf_add_char(p->out, ' ');
	switch (f->type) {
	case PL_FIELD_BOOL:
		pl_buf_add_cstr(p->out, *(const bool *)at ? "true" : "false");
		break;
	case PL_FIELD_INT:
		pl_buf_add_i64(p->out, *(const int64_t *)at);
		break;
	case PL_FIELD_DOUBLE:
		add_double(p, *(const double *)at);
		break;
	case PL_FIELD_DURATION:
		pl_duration_print(*(const int64_t *)at, p->out);
		break;
	case PL_FIELD_BYTES:
		pl_bytes_print(*(const int64_t *)at, p->out);
		break;
	case PL_FIELD_ENUM:
		pl_buf_add_cstr(p->out, f->choices[*(const int *)at]);
		break;
	case PL_FIELD_PROXY:
		add_proxy(p, pl_str_of(*text), f->flags);
		break;
	case PL_FIELD_URL:
		add_public(p, pl_str_of(*text), f->flags, pl_redact_url);
		break;
	default:
		if (p->secret && !p->reveal && (f->flags & PL_FIELD_HIDDEN))
			pl_buf_add_cstr(p->out, "<secret>");
		else
			add_text(p, pl_str_of(*text), f->flags);
		break;
	}
	pl_buf_add_char(p->out, '\n');
}

static void add_strings(const struct printer *p, const struct pl_strings *s, unsigned flags)
{
	pl_buf_add_char(p->out, '[');
	for (size_t i = 0; i < s->n; i++) {
		pl_buf_add_cstr(p->out, i > 0 ? ", " : "");
		bool hidden = (flags & PL_FIELD_HIDDEN) || (p->named && !(flags & PL_FIELD_PATHS));
		if (hidden && !p->reveal)
			pl_buf_add_cstr(p->out, "<secret>");
		else
			add_public(p, pl_str_of(s->v[i]), flags, pl_redact_value);
	}
	pl_buf_add_cstr(p->out, "]\n");
}

/* A label that becomes a parameter of a URL, or one of a mapping where every such name counts. */
static bool is_secret_label(struct pl_str name, unsigned flags)
{
	static const struct pl_str param = {"__param_", 8};
	if (flags & PL_FIELD_HIDDEN)
		return pl_redact_is_name(name);
	return pl_str_starts(name, param) && pl_redact_is_name((struct pl_str){name.p + param.n, name.n - param.n});
}

static void print_collection(const struct printer *p, const struct pl_field *f, const void *at, unsigned indent)
{
	const struct pl_labels *labels = at;
	const struct pl_params *params = at;
	if (f->type == PL_FIELD_STRINGS) {
		const struct pl_strings *strings = at;
		if (strings->n == 0 && (f->flags & PL_FIELD_NONEMPTY)) /* was not given; `[]` would be refused */
			return;
		add_key(p, indent, f->key);
		pl_buf_add_char(p->out, ' ');
		add_strings(p, strings, f->flags);
		return;
	}
	add_key(p, indent, f->key);
	size_t n = f->type == PL_FIELD_LABELS ? labels->n : params->n;
	pl_buf_add_cstr(p->out, n == 0 ? " {}\n" : "\n");
	for (size_t i = 0; i < n; i++) {
		add_indent(p, indent + 2);
		add_text(p, f->type == PL_FIELD_LABELS ? labels->v[i].name : pl_str_of(params->v[i].name), PL_FIELD_NO_ENV);
		pl_buf_add_cstr(p->out, ": ");
		bool secret = f->type == PL_FIELD_PARAMS ? pl_redact_is_name(pl_str_of(params->v[i].name))
							 : is_secret_label(labels->v[i].name, f->flags);
		if (f->type == PL_FIELD_PARAMS) {
			add_strings(p, &params->v[i].values, secret ? f->flags | PL_FIELD_HIDDEN : f->flags);
		} else {
			if (secret && !p->reveal)
				pl_buf_add_cstr(p->out, "<secret>");
			else
				add_public(p, labels->v[i].value, f->flags, pl_redact_value);
			pl_buf_add_char(p->out, '\n');
		}
	}
}

/* `key:` and the mapping below it. */
static void print_object(const struct printer *p, const char *key, const struct pl_schema *schema, const void *object,
			 unsigned indent)
{
	add_key(p, indent, key);
	pl_buf_add_char(p->out, '\n');
	size_t before = p->out->n;
	print_mapping(p, schema, object, indent + 2);
	if (p->out->n == before) {
		p->out->n--;
		pl_buf_add_cstr(p->out, " {}\n");
	}
}

/* `- ` and the mapping beside it. */
static void print_item(const struct printer *p, const struct pl_schema *schema, const void *object, unsigned indent)
{
	size_t before = p->out->n;
	print_mapping(p, schema, object, indent + 2);
	if (p->out->n == before) {
		add_indent(p, indent);
		pl_buf_add_cstr(p->out, "- {}\n");
	} else {
		p->out->p[before + indent] = '-';
	}
}

static void print_list(const struct printer *p, const struct pl_field *f, const struct pl_list *list, unsigned indent)
{
	if (list->n == 0 && (f->flags & PL_FIELD_NONEMPTY))
		return;
	add_key(p, indent, f->key);
	pl_buf_add_cstr(p->out, list->n == 0 ? " []\n" : "\n");
	for (size_t i = 0; i < list->n; i++)
		print_item(p, f->schema, (const char *)list->v + i * f->schema->size, indent + 2);
}

/* Nothing when it is empty: then the key has no meaning. */
static void print_map(const struct printer *p, const struct pl_field *f, const struct pl_list *list, unsigned indent)
{
	if (list->n == 0)
		return;
	add_key(p, indent, f->key);
	pl_buf_add_char(p->out, '\n');
	for (size_t i = 0; i < list->n; i++) {
		const char *item = (const char *)list->v + i * f->schema->size, *name;
		memcpy(&name, item, sizeof name);
		add_indent(p, indent + 2);
		add_text(p, pl_str_of(name), PL_FIELD_NO_ENV);
		pl_buf_add_cstr(p->out, ":\n");
		const struct printer inner = {.out = p->out, .reveal = p->reveal, .named = pl_redact_is_name(pl_str_of(name))};
		print_mapping(&inner, f->schema, item, indent + 4);
	}
}

static void print_sections(const struct printer *p, const struct pl_field *f, const struct pl_sections *sections, unsigned indent)
{
	if (p->reveal)
		return;
	if (f->type == PL_FIELD_PLUGINS) {
		add_key(p, indent, f->key);
		pl_buf_add_cstr(p->out, sections->n == 0 ? " []\n" : "\n");
	}
	for (size_t i = 0; i < sections->n; i++) {
		const struct pl_section *s = &sections->v[i];
		if (f->type == PL_FIELD_PLUGINS) {
			size_t before = p->out->n;
			print_object(p, s->kind, s->schema, s->config, indent + 4);
			p->out->p[before + indent + 2] = '-';
			continue;
		}
		if (i == 0 || strcmp(sections->v[i - 1].kind, s->kind) != 0) {
			add_key(p, indent, s->kind);
			pl_buf_add_char(p->out, '\n');
		}
		print_item(p, s->schema, s->config, indent + 2);
	}
}

static void print_field(const struct printer *p, const struct pl_field *f, const void *at, unsigned indent)
{
	const void *optional = NULL;
	switch (f->type) {
	case PL_FIELD_REFUSED:
	case PL_FIELD_IGNORED:
		break;
	case PL_FIELD_MAP:
		print_map(p, f, at, indent);
		break;
	case PL_FIELD_SECRET:
		print_secret(p, f, at, indent);
		break;
	case PL_FIELD_LABELS:
	case PL_FIELD_STRINGS:
	case PL_FIELD_PARAMS:
		print_collection(p, f, at, indent);
		break;
	case PL_FIELD_OBJECT:
		print_object(p, f->key, f->schema, at, indent);
		break;
	case PL_FIELD_OPTIONAL:
		memcpy(&optional, at, sizeof optional);
		if (optional != NULL)
			print_object(p, f->key, f->schema, optional, indent);
		break;
	case PL_FIELD_LIST:
		print_list(p, f, at, indent);
		break;
	case PL_FIELD_PLUGINS:
	case PL_FIELD_PLUGIN_KEYS:
		print_sections(p, f, at, indent);
		break;
	default:
		print_scalar(p, f, at, indent);
		break;
	}
}

static void print_mapping(const struct printer *p, const struct pl_schema *schema, const void *object, unsigned indent)
{
	struct printer inner = *p;
	inner.secret = schema->is_secret != NULL && schema->is_secret(object);
	for (const struct pl_field *f = schema->fields; f->key != NULL; f++)
		print_field(&inner, f, (const char *)object + f->offset, indent);
}

void pl_schema_print(const struct pl_schema *schema, const void *object, unsigned indent, struct pl_buf *out)
{
	const struct printer p = {.out = out};
	print_mapping(&p, schema, object, indent);
}

void pl_schema_print_changes(const struct pl_schema *schema, const void *object, const void *defaults, unsigned indent,
			     struct pl_buf *out)
{
	struct pl_buf usual = {0};
	const struct printer p = {.out = out, .reveal = true}, of_usual = {.out = &usual, .reveal = true};
	for (const struct pl_field *f = schema->fields; f->key != NULL; f++) {
		size_t before = out->n;
		pl_buf_clear(&usual);
		print_field(&p, f, (const char *)object + f->offset, indent);
		print_field(&of_usual, f, (const char *)defaults + f->offset, indent);
		if (pl_str_eq((struct pl_str){out->p + before, out->n - before}, pl_buf_str(&usual)))
			out->n = before;
	}
	if (usual.n > 0)
		explicit_bzero(usual.p, usual.n);
	pl_buf_finish(&usual);
}

uint64_t pl_schema_fingerprint(const struct pl_schema *schema, const void *object)
{
	struct pl_buf out = {0};
	const struct printer p = {.out = &out, .reveal = true};
	print_mapping(&p, schema, object, 0);
	uint64_t hash = pl_str_hash(pl_buf_str(&out), 0);
	if (out.n > 0)
		explicit_bzero(out.p, out.n);
	pl_buf_finish(&out);
	return hash;
}
