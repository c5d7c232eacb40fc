#include "alerts/outbox_item.h"

#include <stdlib.h>

#include "alerts/notice_document.h"
#include "base/mem.h"

enum { VERSION = 1 };

static void set_text(struct pl_outbox_item *item, const struct pl_outbox_content *c)
{
	struct pl_buf text = {0};
	struct pl_json j = {.out = &text};
	pl_json_object_begin(&j);
	pl_notice_put_i64(&j, "v", VERSION);
	pl_notice_put_str(&j, "receiver", c->receiver);
	pl_notice_put_i64(&j, "added", c->wall_ns);
	pl_notice_put_str(&j, "key", c->notice.key);
	pl_notice_put_str(&j, "post", c->notice.post);
	pl_json_key(&j, "groups");
	pl_json_array_begin(&j);
	for (size_t i = 0; i < c->notice.n; i++)
		pl_json_str(&j, c->groups[i]);
	pl_json_array_end(&j);
	pl_json_key(&j, "events");
	pl_json_array_begin(&j);
	for (size_t i = 0; i < c->notice.n; i++)
		pl_notice_event_write(&j, &c->notice.events[i]);
	pl_json_array_end(&j);
	pl_json_object_end(&j);
	free(item->text);
	item->n = text.n;
	item->text = pl_buf_take(&text);
}

static void set_marks(struct pl_outbox_item *item, const struct pl_outbox_content *c)
{
	free(item->marks);
	item->n_marks = c->notice.n;
	item->marks = pl_calloc(item->n_marks, sizeof *item->marks);
	for (size_t i = 0; i < item->n_marks; i++) {
		item->marks[i].group = pl_str_hash(c->groups[i], 0);
		item->marks[i].alarm = !pl_str_is(c->notice.events[i].level, "OK");
	}
}

struct pl_outbox_item *pl_outbox_item_create(uint64_t seq, struct pl_str receiver, int64_t wall_ns,
					     const struct pl_notice *notice, const struct pl_str *groups)
{
	struct pl_outbox_item *item = pl_calloc(1, sizeof *item);
	struct pl_outbox_content c = {.receiver = receiver, .wall_ns = wall_ns, .notice = *notice, .groups = groups};
	item->seq = seq;
	item->wall_ns = wall_ns;
	set_text(item, &c);
	set_marks(item, &c);
	return item;
}

void pl_outbox_item_destroy(struct pl_outbox_item *i)
{
	free(i->text);
	free(i->marks);
	free(i);
}

struct pl_outbox_item *pl_outbox_item_load(uint64_t seq, struct pl_str text, struct pl_arena *arena,
					   struct pl_outbox_content *out)
{
	if (!pl_outbox_content_read(arena, text, out))
		return NULL;
	struct pl_outbox_item *item = pl_calloc(1, sizeof *item);
	item->seq = seq;
	item->wall_ns = out->wall_ns;
	item->text = pl_strndup(text.p, text.n);
	item->n = text.n;
	item->ready = true;
	set_marks(item, out);
	return item;
}

bool pl_outbox_content_read(struct pl_arena *arena, struct pl_str text, struct pl_outbox_content *out)
{
	const struct pl_node *root = pl_notice_document(arena, text, VERSION);
	const struct pl_node *events = pl_node_get(root, "events"), *groups = pl_node_get(root, "groups");
	if (events == NULL || events->kind != PL_NODE_SEQUENCE || events->n == 0 || groups == NULL ||
	    groups->kind != PL_NODE_SEQUENCE || groups->n != events->n)
		return false;
	struct pl_notice_event *e = pl_arena_alloc(arena, events->n * sizeof *e);
	struct pl_str *g = pl_arena_alloc(arena, events->n * sizeof *g);
	for (size_t i = 0; i < events->n; i++) {
		if (!pl_notice_event_read(arena, events->items[i], &e[i]) || groups->items[i] == NULL ||
		    groups->items[i]->kind != PL_NODE_SCALAR)
			return false;
		g[i] = groups->items[i]->text;
	}
	*out = (struct pl_outbox_content){
	    .receiver = pl_notice_str(root, "receiver"),
	    .wall_ns = pl_notice_i64(root, "added"),
	    .notice = {.key = pl_notice_str(root, "key"), .events = e, .n = events->n, .post = pl_notice_str(root, "post")},
	    .groups = g,
	};
	return out->receiver.n > 0;
}

void pl_outbox_item_strike(struct pl_outbox_item *item, size_t i)
{
	struct pl_arena arena = {0};
	struct pl_outbox_content c;
	if (pl_outbox_content_read(&arena, (struct pl_str){item->text, item->n}, &c) && i < c.notice.n) {
		struct pl_notice_event *e = (struct pl_notice_event *)c.notice.events; /* both the arena's */
		struct pl_str *g = (struct pl_str *)c.groups;
		c.notice.n--;
		memmove(e + i, e + i + 1, (c.notice.n - i) * sizeof *e);
		memmove(g + i, g + i + 1, (c.notice.n - i) * sizeof *g);
		set_text(item, &c);
		set_marks(item, &c);
	}
	pl_arena_finish(&arena);
}

bool pl_outbox_item_calls_off(const struct pl_outbox_item *i)
{
	for (size_t m = 0; m < i->n_marks; m++) {
		if (!i->marks[m].alarm)
			return true;
	}
	return false;
}
