/* POST /api/v1/quarantine/replay and DELETE /api/v1/quarantine: refused lines are sent again, or thrown away. In steps, one per
 * turn of the loop, so that a large quarantine holds up nobody. */
#include <stdio.h>
#include <stdlib.h>

#include "api/private.h"
#include "api/quarantine_query.h"
#include "base/mem.h"

enum { STEP_LINES = 2000, STEP_BYTES = 256 * 1024 };

/* Lines of one route, for one output. */
struct lane {
	struct pl_route *route; /* shares */
	struct pl_buf lines;
	uint32_t points;
};

struct concerned {
	char *output; /* owned */
	uint64_t matched, done;
};

struct change {
	struct pl_api *api;
	struct pl_http_exchange *x;
	struct pl_quarantine_query query; /* id_to: the last one at the beginning, so that what comes back is not sent again */
	uint64_t done, matched;
	char warning[256];
	/* of a replay */
	struct concerned *outputs; /* owned */
	size_t n_outputs, at;
	struct lane *lanes; /* owned */
	size_t n_lanes;
	size_t bytes, most_bytes;
	uint32_t points;
	int64_t last;
};

static void drop_lanes(struct change *c)
{
	for (size_t i = 0; i < c->n_lanes; i++) {
		pl_route_release(c->lanes[i].route);
		pl_buf_finish(&c->lanes[i].lines);
	}
	free(c->lanes);
	c->lanes = NULL;
	c->n_lanes = c->bytes = c->points = 0;
}

static void destroy(struct change *c)
{
	drop_lanes(c);
	for (size_t i = 0; i < c->n_outputs; i++)
		free(c->outputs[i].output);
	free(c->outputs);
	pl_quarantine_query_finish(&c->query);
	free(c);
}

static void finish(struct change *c, const char *key)
{
	struct pl_buf b = {0};
	struct pl_json j = {.out = &b};
	pl_json_object_begin(&j);
	pl_json_key(&j, "status");
	pl_json_cstr(&j, "success");
	pl_json_key(&j, "data");
	pl_json_object_begin(&j);
	pl_json_key(&j, key);
	pl_json_u64(&j, c->done);
	if (c->outputs != NULL) {
		pl_json_key(&j, "left");
		pl_json_u64(&j, c->matched > c->done ? c->matched - c->done : 0);
		pl_json_key(&j, "outputs");
		pl_json_object_begin(&j);
		for (size_t i = 0; i < c->n_outputs; i++) {
			pl_json_key_str(&j, pl_str_of(c->outputs[i].output));
			pl_json_u64(&j, c->outputs[i].done);
		}
		pl_json_object_end(&j);
	}
	pl_json_object_end(&j);
	if (c->warning[0] != '\0') {
		pl_json_key(&j, "warnings");
		pl_json_array_begin(&j);
		pl_json_cstr(&j, c->warning);
		pl_json_array_end(&j);
	}
	pl_json_object_end(&j);
	pl_api_reply_json(c->x, 200, &b);
	destroy(c);
}

static void fail(struct change *c, const char *what)
{
	char text[256];
	snprintf(text, sizeof text, "the quarantine cannot be %s; before that %llu lines were done", what,
		 (unsigned long long)c->done);
	pl_api_reply_failure(c->x, 500, "internal", text);
	destroy(c);
}

/* NULL: the request was answered. */
static struct change *begin(struct pl_api *a, struct pl_http_exchange *x)
{
	char reason[256] = "";
	if (a->env.quarantine == NULL) {
		pl_api_reply_failure(x, 503, "unavailable", "there is no quarantine");
		return NULL;
	}
	struct change *c = pl_calloc(1, sizeof *c);
	c->api = a;
	c->x = x;
	if (pl_quarantine_query_parse(&c->query, pl_http_query(x), false, reason, sizeof reason) != PL_OK) {
		pl_api_reply_failure(x, 400, "bad_data", reason);
		destroy(c);
		return NULL;
	}
	int64_t last = pl_quarantine_stats(a->env.quarantine).last_id;
	if (c->query.filter.id_to == 0)
		c->query.filter.id_to = last > 0 ? last : 1;
	return c;
}

static uint64_t step_limit(const struct change *c)
{
	uint64_t left = c->query.limit - c->done;
	return left < STEP_LINES ? left : STEP_LINES;
}

/* ---- deleting ---- */

static void delete_some(void *data)
{
	struct change *c = data;
	uint64_t n = 0, most = step_limit(c);
	if (pl_quarantine_take(c->api->env.quarantine, &c->query.filter, most, NULL, NULL, &n) != PL_OK) {
		fail(c, "changed");
		return;
	}
	c->done += n;
	if (c->api->closing && n == most)
		snprintf(c->warning, sizeof c->warning, "the daemon is stopping: not all were deleted");
	if (c->api->closing || n < most || c->done == c->query.limit || !pl_loop_call(c->api->env.loop, delete_some, c))
		finish(c, "deleted");
}

void pl_api_quarantine_delete(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct change *c = begin(a, x);
	if (c != NULL)
		delete_some(c);
}

/* ---- sending again ---- */

static struct pl_output *output_of(const struct change *c, const char *name)
{
	const struct pl_outputs *o = c->api->env.outputs(c->api->env.daemon);
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(pl_output_name(o->v[i]), name) == 0)
			return o->v[i];
	return NULL;
}

static struct lane *lane_of(struct change *c, const struct pl_route *route)
{
	for (size_t i = 0; i < c->n_lanes; i++)
		if (pl_route_eq(c->lanes[i].route, route))
			return &c->lanes[i];
	c->lanes = pl_realloc(c->lanes, (c->n_lanes + 1) * sizeof *c->lanes);
	struct lane *l = &c->lanes[c->n_lanes++];
	*l = (struct lane){.route = pl_route_create(route->database, route->retention_policy)};
	return l;
}

static bool collect(void *data, const struct pl_quarantined *v)
{
	struct change *c = data;
	struct lane *l = lane_of(c, v->route);
	pl_buf_add_str(&l->lines, v->line);
	pl_buf_add_char(&l->lines, '\n');
	l->points++;
	c->points++;
	c->bytes += v->line.n + 1;
	c->last = v->id;
	return c->bytes < c->most_bytes;
}

static bool every(void *data, const struct pl_quarantined *v)
{
	(void)data;
	(void)v;
	return true;
}

/* How much to put at once: a queue that is full would drop what waits in it, or what is put into it. Half of what is free, as
 * others put, too; at least one line when the queue is empty. */
static size_t room_of(const struct pl_output *o)
{
	struct pl_output_status s;
	pl_output_status(o, &s);
	uint64_t used = s.account.bytes_queued, limit = s.account.bytes_limit;
	uint64_t room = used < limit ? (limit - used) / 2 : 0;
	if (room < limit / 8)
		return 0;
	return room < STEP_BYTES ? (size_t)room : STEP_BYTES;
}

static void put(struct change *c, struct pl_output *o)
{
	for (size_t i = 0; i < c->n_lanes; i++) {
		struct pl_batch *b = pl_batch_create(c->lanes[i].route, &c->lanes[i].lines, c->lanes[i].points);
		pl_output_put(o, b);
		pl_batch_release(b);
	}
}

/* First put, then deleted: a death between the two sends a line twice, which is the same line, but loses none. PL_ENOENT: no more
 * of this output; PL_EFULL: a warning says why not. */
static enum pl_err replay_piece(struct change *c)
{
	struct concerned *of = &c->outputs[c->at];
	struct pl_output *o = output_of(c, of->output);
	struct pl_quarantine_filter f = c->query.filter;
	uint64_t n = 0;
	f.output = of->output;
	c->most_bytes = o != NULL ? room_of(o) : 0;
	enum pl_err err = pl_quarantine_list(c->api->env.quarantine, &f, 0, step_limit(c), collect, c, NULL);
	if (err != PL_OK || c->points == 0)
		return err != PL_OK ? err : PL_ENOENT;
	if (c->most_bytes == 0) {
		snprintf(c->warning, sizeof c->warning, "%.64s %s", of->output,
			 o == NULL ? "is no output any more" : "has a full queue: ask again when it has been delivered");
		return PL_EFULL;
	}
	uint32_t points = c->points;
	put(c, o);
	f.id_to = c->last;
	err = pl_quarantine_take(c->api->env.quarantine, &f, points, every, NULL, &n);
	if (err == PL_OK) {
		of->done += points;
		c->done += points;
	}
	return err;
}

static void replay_some(void *data)
{
	struct change *c = data;
	if (c->at < c->n_outputs && c->api->closing) {
		snprintf(c->warning, sizeof c->warning, "the daemon is stopping: not all were sent");
		c->at = c->n_outputs;
	}
	if (c->at == c->n_outputs || c->done == c->query.limit) {
		finish(c, "replayed");
		return;
	}
	enum pl_err err = replay_piece(c);
	drop_lanes(c);
	if (err == PL_ENOENT || err == PL_EFULL)
		c->at++;
	else if (err != PL_OK) {
		fail(c, "read or changed");
		return;
	}
	if (!pl_loop_call(c->api->env.loop, replay_some, c))
		finish(c, "replayed");
}

static void add_output(void *data, const char *output, uint64_t lines)
{
	struct change *c = data;
	c->outputs = pl_realloc(c->outputs, (c->n_outputs + 1) * sizeof *c->outputs);
	c->outputs[c->n_outputs++] = (struct concerned){.output = pl_strdup(output), .matched = lines};
	c->matched += lines;
}

static void refuse_missing(struct change *c, const char *output, uint64_t lines)
{
	char text[256];
	snprintf(text, sizeof text,
		 "no output is called %.64s any more, and %llu of the lines belong to it; none was sent. Name an output that is "
		 "there by output=, or delete these",
		 output, (unsigned long long)lines);
	pl_api_reply_failure(c->x, 409, "conflict", text);
	destroy(c);
}

void pl_api_quarantine_replay(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	(void)part;
	struct change *c = begin(a, x);
	if (c == NULL)
		return;
	const char *named = c->query.filter.output;
	if (pl_quarantine_outputs(a->env.quarantine, &c->query.filter, add_output, c) != PL_OK) {
		fail(c, "read");
		return;
	}
	if (named != NULL && c->n_outputs == 0 && output_of(c, named) == NULL) {
		refuse_missing(c, named, 0);
		return;
	}
	for (size_t i = 0; i < c->n_outputs; i++)
		if (output_of(c, c->outputs[i].output) == NULL) {
			refuse_missing(c, c->outputs[i].output, c->outputs[i].matched);
			return;
		}
	replay_some(c);
}
