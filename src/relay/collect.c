#include <stdlib.h>
#include <string.h>

#include "relay/names.h"
#include "relay/private.h"

struct pl_relay_set {
	struct pl_relay *relay;
	const struct pl_relay_collector *collector;
	uint64_t values, left_out;
};

struct pl_relay_collector *pl_relay_find(struct pl_relay *r, struct pl_str name)
{
	for (struct pl_relay_collector *c = r->first; c != NULL; c = c->next)
		if (!c->removed && pl_str_is(name, c->name))
			return c;
	return NULL;
}

static void unlink_collector(struct pl_relay *r, struct pl_relay_collector *c)
{
	struct pl_relay_collector **at = &r->first;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c->name);
	free(c->tags);
	free(c);
}

void pl_relay_collectors_free(struct pl_relay *r)
{
	while (r->first != NULL)
		unlink_collector(r, r->first);
}

/* ---- adding and removing ---- */

static bool check_tags(const char *const *tags, size_t *bytes, char *error, size_t size)
{
	*bytes = 0;
	for (; tags != NULL && *tags != NULL; tags++) {
		if (!pl_relay_check_text("tag", *tags, PL_RELAY_MAX_TAGS, false, error, size))
			return false;
		*bytes += strlen(*tags) + 1;
		if (*bytes > PL_RELAY_MAX_TAGS + 1)
			return pl_relay_refuse(error, size, "all tags together are longer than %d bytes", PL_RELAY_MAX_TAGS);
	}
	return true;
}

static struct pl_relay_collector *create(const char *name, const char *const *tags, size_t tag_bytes)
{
	struct pl_relay_collector *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->name = strdup(name);
	c->tags = calloc(1, tag_bytes + 1);
	if (c->name == NULL || c->tags == NULL) {
		free(c->name);
		free(c->tags);
		free(c);
		return NULL;
	}
	for (size_t n = 0; tags != NULL && *tags != NULL; tags++) {
		if (n > 0)
			c->tags[n++] = ',';
		memcpy(c->tags + n, *tags, strlen(*tags));
		n += strlen(*tags);
	}
	return c;
}

static bool add(struct pl_relay *r, const char *name, const char *const *tags, const struct pl_relay_collector *like, char *error,
		size_t size)
{
	size_t bytes;
	bool added = false;
	if (like->point == NULL && like->set == NULL)
		return pl_relay_refuse(error, size, "a function that collects is needed");
	if (!pl_relay_check_name(name, like->point != NULL, error, size) || !check_tags(tags, &bytes, error, size))
		return false;
	struct pl_relay_collector *c = create(name, tags, bytes);
	if (c == NULL)
		return pl_relay_refuse(error, size, "no memory for another collector");
	c->point = like->point;
	c->set = like->set;
	c->data = like->data;
	pthread_mutex_lock(&r->lock);
	if (pl_relay_find(r, pl_str_of(name)) != NULL) {
		pl_relay_refuse(error, size, "there is a collector \"%s\" already: remove it first, or choose another name",
				name);
	} else if (r->count >= PL_RELAY_MAX_COLLECTORS) {
		pl_relay_refuse(error, size, "a relay has at most %d collectors: use sets", PL_RELAY_MAX_COLLECTORS);
	} else {
		struct pl_relay_collector **at = &r->first;
		while (*at != NULL)
			at = &(*at)->next;
		*at = c;
		r->count++;
		added = true;
		pl_relay_session_say_add(r, c);
	}
	pthread_mutex_unlock(&r->lock);
	if (!added) {
		free(c->name);
		free(c->tags);
		free(c);
	}
	return added;
}

bool pl_relay_add_point(struct pl_relay *r, const char *name, const char *const *tags, double (*collect)(void *data), void *data,
			char *error, size_t size)
{
	return add(r, name, tags, &(struct pl_relay_collector){.point = collect, .data = data}, error, size);
}

bool pl_relay_add_set(struct pl_relay *r, const char *name, const char *const *tags,
		      void (*collect)(struct pl_relay_set *set, void *data), void *data, char *error, size_t size)
{
	return add(r, name, tags, &(struct pl_relay_collector){.set = collect, .data = data}, error, size);
}

bool pl_relay_remove(struct pl_relay *r, const char *name)
{
	pthread_mutex_lock(&r->lock);
	struct pl_relay_collector *c = name != NULL ? pl_relay_find(r, pl_str_of(name)) : NULL;
	if (c != NULL) {
		r->count--;
		c->removed = true;
		pl_relay_session_say_remove(r, c->name);
		uint64_t call = r->calls;
		if (r->in_call != c)
			unlink_collector(r, c);
		else if (!pthread_equal(r->caller, pthread_self()))
			while (r->in_call != NULL && r->calls == call)
				pthread_cond_wait(&r->call_ended, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return c != NULL;
}

/* ---- collecting ---- */

/* COLLECTOR-STAT:VALUE, behind a comma or at the start of a line. */
static bool put(struct pl_relay *r, const char *collector, const char *stat, double value)
{
	char text[PL_RELAY_VALUE_BYTES];
	size_t value_n = pl_relay_value_text(value, text);
	if (value_n == 0)
		return false;
	size_t collector_n = strlen(collector), stat_n = strlen(stat);
	struct pl_relay_bytes *b = &r->got;
	size_t line = b->n - b->from - r->got_line;
	bool fresh = line == 0 || line + collector_n + stat_n + value_n + 3 > PL_RELAY_GOT_LINE;
	char *p = pl_relay_bytes_room(b, collector_n + stat_n + value_n + 8, PL_RELAY_MAX_GOT);
	if (p == NULL)
		return false;
	char *start = p;
	if (fresh && line > 0)
		*p++ = '\n';
	if (fresh) {
		r->got_line = b->n - b->from + (size_t)(p - start);
		memcpy(p, "got ", 4);
		p += 4;
	} else {
		*p++ = ',';
	}
	memcpy(p, collector, collector_n);
	p += collector_n;
	*p++ = '-';
	memcpy(p, stat, stat_n);
	p += stat_n;
	*p++ = ':';
	memcpy(p, text, value_n);
	p += value_n;
	b->n += (size_t)(p - start);
	return true;
}

bool pl_relay_set_put(struct pl_relay_set *set, const char *name, double value)
{
	bool done = pl_relay_check_name(name, true, NULL, 0) && put(set->relay, set->collector->name, name, value);
	set->values += done;
	set->left_out += !done;
	return done;
}

void pl_relay_got_begin(struct pl_relay *r)
{
	pl_relay_bytes_drop(&r->got, pl_relay_bytes_count(&r->got));
	r->got_line = 0;
	r->got_values = 0;
}

void pl_relay_got_collect(struct pl_relay *r, struct pl_relay_collector *c)
{
	struct pl_relay_set set = {.relay = r, .collector = c};
	r->in_call = c;
	r->calls++;
	r->caller = pthread_self();
	pthread_mutex_unlock(&r->lock);
	if (c->point != NULL)
		set.left_out += !(put(r, c->name, c->name, c->point(c->data)) && ++set.values);
	else
		c->set(&set, c->data);
	pthread_mutex_lock(&r->lock);
	r->in_call = NULL;
	r->got_values += set.values;
	r->info.left_out += set.left_out;
	if (c->removed)
		unlink_collector(r, c);
	pthread_cond_broadcast(&r->call_ended);
}

void pl_relay_got_end(struct pl_relay *r)
{
	struct pl_relay_bytes *b = &r->got;
	size_t n = pl_relay_bytes_count(b);
	if (n == 0)
		return;
	char *to = pl_relay_bytes_room(&r->out, n + 1, PL_RELAY_MAX_UNSENT);
	if (to != NULL) {
		memcpy(to, b->p + b->from, n);
		to[n] = '\n';
		r->out.n += n + 1;
		r->info.values += r->got_values;
	} else {
		r->info.left_out += r->got_values;
	}
	pl_relay_bytes_drop(b, n);
}
