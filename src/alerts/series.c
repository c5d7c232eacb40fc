#include "alerts/series.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/notice_document.h"
#include "base/mem.h"

enum { VERSION = 1 };

struct pl_series *pl_series_create(struct pl_series_alert *alert, struct pl_str group)
{
	struct pl_series *s = pl_calloc(1, sizeof *s);
	s->alert = alert;
	s->group = pl_strndup(group.p, group.n);
	s->title = pl_strdup("");
	s->due = INT64_MAX;
	return s;
}

void pl_series_destroy(struct pl_series *s)
{
	for (size_t i = 0; i < s->n_to; i++) {
		free(s->to[i].name);
		free(s->to[i].post);
	}
	free(s->to);
	free(s->last.text);
	free(s->worst.text);
	free(s->group);
	free(s->title);
	free(s);
}

size_t pl_series_size(const struct pl_series *s)
{
	return sizeof *s + s->last.n + s->worst.n + strlen(s->group) + strlen(s->title) + s->n_to * (sizeof *s->to + 32);
}

struct pl_series_receiver *pl_series_find(struct pl_series *s, struct pl_str name, struct pl_str post)
{
	for (size_t i = 0; i < s->n_to; i++) {
		if (pl_str_is(name, s->to[i].name) && pl_str_is(post, s->to[i].post))
			return &s->to[i];
	}
	return NULL;
}

struct pl_series_receiver *pl_series_get(struct pl_series *s, struct pl_str name, struct pl_str post)
{
	struct pl_series_receiver *r = pl_series_find(s, name, post);
	if (r != NULL || s->n_to == PL_SERIES_RECEIVERS)
		return r;
	s->to = pl_realloc(s->to, (s->n_to + 1) * sizeof *s->to);
	r = &s->to[s->n_to++];
	*r = (struct pl_series_receiver){.name = pl_strndup(name.p, name.n), .post = pl_strndup(post.p, post.n)};
	return r;
}

void pl_series_event_set(struct pl_series_event *out, const struct pl_notice_event *e, int level)
{
	struct pl_buf text = {0};
	struct pl_json j = {.out = &text};
	free(out->text);
	*out = (struct pl_series_event){.level = level};
	if (e == NULL)
		return;
	pl_notice_event_write(&j, e);
	out->n = text.n;
	out->text = pl_buf_take(&text);
}

struct pl_str pl_series_id(const struct pl_series *s, char id[PL_SERIES_ID_BYTES])
{
	struct pl_str alert = pl_str_of(s->alert->id), group = pl_str_of(s->group);
	uint64_t a = pl_str_hash(group, pl_str_hash(alert, 1)), b = pl_str_hash(group, pl_str_hash(alert, 2));
	snprintf(id, PL_SERIES_ID_BYTES, "%016" PRIx64 "%016" PRIx64, a, b);
	return (struct pl_str){id, PL_SERIES_ID_BYTES - 1};
}

static void put_event(struct pl_json *j, const char *key, const struct pl_series_event *e)
{
	if (e->text == NULL)
		return;
	pl_json_key(j, key);
	pl_json_raw(j, (struct pl_str){e->text, e->n});
}

void pl_series_write(const struct pl_series *s, struct pl_buf *out)
{
	struct pl_json j = {.out = out};
	pl_json_object_begin(&j);
	pl_notice_put_i64(&j, "v", VERSION);
	pl_notice_put_str(&j, "alert", pl_str_of(s->alert->id));
	pl_notice_put_str(&j, "group", pl_str_of(s->group));
	pl_notice_put_str(&j, "title", pl_str_of(s->title));
	pl_notice_put_str(&j, "level", pl_str_of(pl_alert_level_kapacitor(s->level)));
	pl_notice_put_i64(&j, "time", s->event_ns);
	pl_notice_put_i64(&j, "seen", s->seen_ns);
	pl_notice_put_i64(&j, "since", s->since_ns);
	pl_notice_put_i64(&j, "held", s->held);
	put_event(&j, "last", &s->last);
	put_event(&j, "worst", &s->worst);
	pl_json_key(&j, "to");
	pl_json_array_begin(&j);
	for (size_t i = 0; i < s->n_to; i++) {
		const struct pl_series_receiver *r = &s->to[i];
		pl_json_object_begin(&j);
		pl_notice_put_str(&j, "name", pl_str_of(r->name));
		pl_notice_put_str(&j, "post", pl_str_of(r->post));
		pl_notice_put_str(&j, "told", pl_str_of(pl_alert_level_kapacitor(r->told)));
		pl_notice_put_str(&j, "reached", pl_str_of(pl_alert_level_kapacitor(r->reached)));
		pl_notice_put_i64(&j, "toldTime", r->told_ns);
		pl_notice_put_i64(&j, "alarmTime", r->alarm_ns);
		pl_notice_put_str(&j, "alarmLevel", pl_str_of(pl_alert_level_kapacitor(r->alarm_level)));
		pl_json_object_end(&j);
	}
	pl_json_array_end(&j);
	pl_json_object_end(&j);
}

static int level_of(const struct pl_node *object, const char *key)
{
	int level;
	return pl_alert_level_parse(pl_notice_str(object, key), &level) ? level : PL_ALERT_OK;
}

static void read_event(struct pl_arena *arena, const struct pl_node *node, struct pl_series_event *out)
{
	struct pl_notice_event e;
	int level;
	if (pl_notice_event_read(arena, node, &e) && pl_alert_level_parse(e.level, &level))
		pl_series_event_set(out, &e, level);
}

static void set_text(char **text, struct pl_str s)
{
	free(*text);
	*text = pl_strndup(s.p, s.n);
}

struct pl_series *pl_series_read(struct pl_arena *arena, struct pl_str text, struct pl_str *alert)
{
	const struct pl_node *root = pl_notice_document(arena, text, VERSION);
	if (root == NULL || pl_notice_str(root, "alert").n == 0)
		return NULL;
	struct pl_series *s = pl_series_create(NULL, pl_notice_str(root, "group"));
	*alert = pl_notice_str(root, "alert");
	set_text(&s->title, pl_notice_str(root, "title"));
	s->level = level_of(root, "level");
	s->event_ns = pl_notice_i64(root, "time");
	s->seen_ns = pl_notice_i64(root, "seen");
	s->since_ns = pl_notice_i64(root, "since");
	s->held = pl_notice_i64(root, "held") != 0;
	s->pending = true;
	read_event(arena, pl_node_get(root, "last"), &s->last);
	read_event(arena, pl_node_get(root, "worst"), &s->worst);
	const struct pl_node *to = pl_node_get(root, "to");
	for (size_t i = 0; to != NULL && to->kind == PL_NODE_SEQUENCE && i < to->n; i++) {
		const struct pl_node *o = to->items[i];
		struct pl_series_receiver *r = pl_series_get(s, pl_notice_str(o, "name"), pl_notice_str(o, "post"));
		if (r == NULL)
			break;
		r->told = level_of(o, "told");
		r->reached = level_of(o, "reached");
		r->told_ns = pl_notice_i64(o, "toldTime");
		r->alarm_ns = pl_notice_i64(o, "alarmTime");
		r->alarm_level = level_of(o, "alarmLevel");
	}
	return s;
}
