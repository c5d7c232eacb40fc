#include "pipeline/live_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/json_out.h"

static bool stands_for_itself(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_.:/@+=,-", c) != NULL);
}

void pl_live_add_escaped(struct pl_buf *out, struct pl_str tag)
{
	static const char digits[] = "0123456789ABCDEF";
	char *p = pl_buf_reserve(out, tag.n * 3), *start = p;
	for (size_t i = 0; i < tag.n; i++) {
		unsigned char c = (unsigned char)tag.p[i];
		if (stands_for_itself(c)) {
			*p++ = (char)c;
		} else {
			*p++ = '%';
			*p++ = digits[c >> 4];
			*p++ = digits[c & 15];
		}
	}
	out->n += (size_t)(p - start);
}

void pl_live_sort(struct pl_str *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct pl_str s = v[i];
		size_t k = i;
		for (; k > 0 && pl_str_cmp(v[k - 1], s) > 0; k--)
			v[k] = v[k - 1];
		v[k] = s;
	}
}

size_t pl_live_sort_distinct(struct pl_str *v, size_t n)
{
	size_t kept = 0;
	pl_live_sort(v, n);
	for (size_t i = 0; i < n; i++)
		if (v[i].n > 0 && (kept == 0 || !pl_str_eq(v[kept - 1], v[i])))
			v[kept++] = v[i];
	return kept;
}

/* Escaping changes the order: a space sorts before a letter, %20 does too, but { does not. */
static void add_channel(struct pl_buf *out, const struct pl_str *tags, size_t n)
{
	struct pl_str escaped[PL_LIVE_MAX_TAGS];
	struct pl_buf text = {0};
	size_t lengths = 0;
	for (size_t i = 0; i < n; i++)
		lengths += tags[i].n;
	pl_buf_reserve(&text, 3 * lengths + 1); /* the views below must not move */
	for (size_t i = 0; i < n; i++) {
		size_t from = text.n;
		pl_live_add_escaped(&text, tags[i]);
		escaped[i] = (struct pl_str){text.p + from, text.n - from};
	}
	pl_live_sort(escaped, n);
	for (size_t i = 0; i < n; i++) {
		pl_buf_add_char(out, '|');
		pl_buf_add_str(out, escaped[i]);
		pl_buf_add_char(out, '|');
	}
	pl_buf_finish(&text);
}

static void add_payload(struct pl_buf *out, const struct pl_str *sorted, size_t n, struct pl_str data)
{
	pl_buf_add_cstr(out, "{\"command\":\"publish\"");
	for (size_t i = 0; i < n; i++) {
		pl_buf_add_cstr(out, i == 0 ? ",\"tags\":[" : ",");
		pl_json_add_quoted(out, sorted[i]);
	}
	if (n > 0)
		pl_buf_add_char(out, ']');
	if (data.n > 0) {
		pl_buf_add_cstr(out, ",\"data\":");
		pl_json_add_quoted(out, data);
	}
	pl_buf_add_char(out, '}');
}

static struct pl_str copy(char **at, struct pl_str s)
{
	struct pl_str own = {*at, s.n};
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return own;
}

static bool too_large(const struct pl_live_value *v)
{
	size_t bytes = v->data.n;
	if (v->n_tags > PL_LIVE_MAX_TAGS)
		return true;
	for (size_t i = 0; i < v->n_tags && bytes <= PL_LIVE_MAX_BYTES; i++)
		bytes += v->tags[i].n;
	return bytes > PL_LIVE_MAX_BYTES;
}

struct pl_live_message *pl_live_message_create(const struct pl_live_value *v)
{
	if (too_large(v))
		return NULL;
	struct pl_str sorted[PL_LIVE_MAX_TAGS];
	struct pl_buf text = {0};
	pl_buf_reserve(&text, 480);
	if (v->n_tags > 0)
		memcpy(sorted, v->tags, v->n_tags * sizeof *sorted);
	pl_live_sort(sorted, v->n_tags);
	add_payload(&text, sorted, v->n_tags, v->data);
	size_t payload = text.n, n = pl_live_sort_distinct(sorted, v->n_tags), tags = 0;
	add_channel(&text, sorted, n);
	for (size_t i = 0; i < n; i++)
		tags += sorted[i].n;
	size_t bytes = sizeof(struct pl_live_message) + n * sizeof *sorted + text.n + tags + v->data.n;
	struct pl_live_message *m = pl_alloc(bytes);
	char *at = (char *)(m->tags + n);
	*m = (struct pl_live_message){.wall_ns = v->wall_ns, .bytes = bytes, .n_tags = n};
	atomic_init(&m->refs, 1);
	m->payload = copy(&at, (struct pl_str){text.p, payload});
	m->channel = copy(&at, (struct pl_str){text.p + payload, text.n - payload});
	m->data = copy(&at, v->data);
	for (size_t i = 0; i < n; i++)
		m->tags[i] = copy(&at, sorted[i]);
	pl_buf_finish(&text);
	return m;
}

struct pl_live_message *pl_live_message_share(struct pl_live_message *m)
{
	atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void pl_live_message_release(struct pl_live_message *m)
{
	if (atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
		free(m);
}
