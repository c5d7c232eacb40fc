#include "alerts/alert_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "format/json_out.h"

static void free_entry(struct pl_alert_entry *e)
{
	pl_arena_finish(&e->arena);
	free(e);
}

void pl_alert_set_finish(struct pl_alert_set *s)
{
	struct pl_alert_entry *e, *next;
	HASH_ITER(hh, s->by_id, e, next)
	{
		HASH_DEL(s->by_id, e);
		free_entry(e);
	}
	free(s->sorted);
	*s = (struct pl_alert_set){0};
}

struct pl_alert_entry *pl_alert_set_find(const struct pl_alert_set *s, struct pl_str id)
{
	struct pl_alert_entry *e;
	HASH_FIND(hh, s->by_id, id.p, id.n, e);
	return e;
}

static int by_id(const void *a, const void *b)
{
	const struct pl_alert_entry *const *x = a, *const *y = b;
	return strcmp((*x)->alert.id, (*y)->alert.id);
}

struct pl_alert_entry *const *pl_alert_set_sorted(struct pl_alert_set *s)
{
	if (s->stale) {
		size_t i = 0;
		s->sorted = pl_realloc(s->sorted, (s->n + 1) * sizeof *s->sorted);
		for (struct pl_alert_entry *e = s->by_id; e != NULL; e = e->hh.next)
			s->sorted[i++] = e;
		qsort(s->sorted, s->n, sizeof *s->sorted, by_id);
		s->stale = false;
	}
	return s->sorted;
}

static void forget(struct pl_alert_set *s, struct pl_alert_entry *e)
{
	HASH_DEL(s->by_id, e);
	s->n--;
	s->n_api -= !e->declared;
	s->stale = true;
}

static struct pl_alert_entry *replace(struct pl_alert_set *s, struct pl_alert_entry *fresh, int64_t wall_ns)
{
	struct pl_alert_entry *old = pl_alert_set_find(s, pl_str_of(fresh->alert.id));
	fresh->created_wall_ns = fresh->modified_wall_ns = wall_ns;
	if (old != NULL) {
		fresh->created_wall_ns = old->created_wall_ns;
		fresh->proof = old->proof;
		pl_alert_set_remove(s, old);
	}
	HASH_ADD_KEYPTR(hh, s->by_id, fresh->alert.id, strlen(fresh->alert.id), fresh);
	s->n++;
	s->n_api += !fresh->declared;
	s->stale = true;
	return fresh;
}

struct pl_alert_entry *pl_alert_set_declare(struct pl_alert_set *s, const struct pl_alert *a, int64_t wall_ns)
{
	struct pl_alert_entry *e = pl_calloc(1, sizeof *e);
	e->alert = *a;
	e->declared = true;
	return replace(s, e, wall_ns);
}

struct pl_alert_entry *pl_alert_set_put(struct pl_alert_set *s, const struct pl_alert *a, struct pl_arena *arena, int64_t wall_ns)
{
	struct pl_alert_entry *e = pl_calloc(1, sizeof *e);
	e->alert = *a;
	e->arena = *arena;
	*arena = (struct pl_arena){0};
	return replace(s, e, wall_ns);
}

void pl_alert_set_remove(struct pl_alert_set *s, struct pl_alert_entry *e)
{
	forget(s, e);
	free_entry(e);
}

static void add_time(struct pl_json *j, const char *key, int64_t wall_ns)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)wall_ns);
	pl_json_key(j, key);
	pl_json_cstr(j, text);
}

void pl_alert_entry_save(const struct pl_alert_entry *e, struct pl_buf *body)
{
	struct pl_json j = {.out = body};
	pl_json_object_begin(&j);
	add_time(&j, "created", e->created_wall_ns);
	add_time(&j, "modified", e->modified_wall_ns);
	pl_json_key(&j, "alert");
	pl_alert_json(&j, &e->alert, false);
	pl_json_object_end(&j);
}

static int64_t read_time(const cJSON *o, const char *key)
{
	int64_t ns = 0;
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
	return text != NULL && pl_str_i64(pl_str_of(text), &ns) ? ns : 0;
}

static enum pl_err decode(const cJSON *saved, struct pl_arena *arena, struct pl_alert *a, char *reason, size_t reason_size)
{
	struct pl_problems problems = {0};
	char *text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(saved, "alert"));
	enum pl_err err = text == NULL ? PL_EPARSE : pl_alert_decode_json(arena, pl_str_of(text), &problems, a);
	if (err != PL_OK)
		snprintf(reason, reason_size, "%s", problems.first != NULL ? problems.first->text : "it is no saved alert");
	free(text);
	pl_problems_finish(&problems);
	return err;
}

enum pl_err pl_alert_set_load(struct pl_alert_set *s, struct pl_str id, struct pl_str body, char *reason, size_t reason_size)
{
	struct pl_arena arena = {0};
	struct pl_alert a;
	cJSON *saved = cJSON_ParseWithLength(body.p, body.n);
	enum pl_err err = decode(saved, &arena, &a, reason, reason_size);
	if (err == PL_OK && (a.id == NULL || !pl_str_is(id, a.id))) {
		snprintf(reason, reason_size, "its id is another");
		err = PL_EPARSE;
	}
	if (err == PL_OK) {
		struct pl_alert_entry *e = pl_alert_set_put(s, &a, &arena, 0);
		e->created_wall_ns = read_time(saved, "created");
		e->modified_wall_ns = read_time(saved, "modified");
	}
	pl_arena_finish(&arena);
	cJSON_Delete(saved);
	return err;
}
