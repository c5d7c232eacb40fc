/* GET /api/v1/quarantine: refused lines, each with the server's words. */
#include <stdlib.h>

#include "api/private.h"
#include "api/quarantine_query.h"
#include "base/clock.h"
#include "base/mem.h"

/* How much is read and written at once: what an answer takes of memory, and how long it holds up the loop. */
enum { PIECE_LINES = 64, PIECE_BYTES = 256 * 1024 };

/* An answer on its way out; longer than a piece it streams, and the next piece is read when the peer has taken the last. */
struct listing {
	struct pl_api *api;
	struct pl_http_exchange *x;
	bool streaming;
	struct pl_quarantine_query query;
	uint64_t total, returned;
	int64_t last; /* id of the last one written */
	bool over;    /* nothing is behind it */
	uint64_t in_piece;
	bool cut;            /* the piece ended by its bytes */
	const char *failure; /* static; NULL: none */
	struct pl_buf out;
	struct pl_json json;
};

static void destroy(struct listing *l)
{
	pl_quarantine_query_finish(&l->query);
	pl_buf_finish(&l->out);
	free(l);
}

static void add_str(struct pl_json *j, const char *key, struct pl_str v)
{
	pl_json_key(j, key);
	pl_json_str(j, v);
}

static bool add_line(void *data, const struct pl_quarantined *v)
{
	struct listing *l = data;
	struct pl_json *j = &l->json;
	char time[PL_CLOCK_TEXT_BYTES];
	pl_json_object_begin(j);
	pl_json_key(j, "id");
	pl_json_i64(j, v->id);
	add_str(j, "refusedAt", pl_str_of(pl_clock_text(v->refused_wall_ns, time)));
	add_str(j, "output", pl_str_of(v->output));
	add_str(j, "database", pl_str_of(v->route->database));
	add_str(j, "retentionPolicy", pl_str_of(v->route->retention_policy));
	add_str(j, "reason", pl_str_of(v->as));
	add_str(j, "message", v->reason);
	add_str(j, "measurement", v->measurement);
	add_str(j, "job", v->job);
	add_str(j, "instance", v->instance);
	add_str(j, "line", v->line);
	pl_json_object_end(j);
	l->last = v->id;
	l->returned++;
	l->in_piece++;
	l->cut = l->out.n >= PIECE_BYTES;
	return !l->cut;
}

static void begin_json(struct listing *l)
{
	struct pl_json *j = &l->json;
	j->out = &l->out;
	pl_json_object_begin(j);
	pl_json_key(j, "status");
	pl_json_cstr(j, "success");
	pl_json_key(j, "data");
	pl_json_object_begin(j);
	pl_json_key(j, "lines");
	pl_json_array_begin(j);
}

static void end_json(struct listing *l)
{
	struct pl_json *j = &l->json;
	pl_json_array_end(j);
	pl_json_key(j, "paging");
	pl_json_object_begin(j);
	pl_json_key(j, "total");
	pl_json_u64(j, l->total);
	pl_json_key(j, "offset");
	pl_json_u64(j, l->query.offset);
	pl_json_key(j, "limit");
	pl_json_u64(j, l->query.limit);
	pl_json_key(j, "returned");
	pl_json_u64(j, l->returned);
	pl_json_key(j, "next");
	if (l->over || l->returned == 0)
		pl_json_null(j);
	else
		pl_json_i64(j, l->last);
	pl_json_object_end(j);
	pl_json_object_end(j);
	if (l->failure != NULL) {
		pl_json_key(j, "warnings");
		pl_json_array_begin(j);
		pl_json_cstr(j, l->failure);
		pl_json_array_end(j);
	}
	pl_json_object_end(j);
	pl_buf_add_char(&l->out, '\n');
}

/* Is there more behind the last line that was written? */
static enum pl_err look_behind(struct listing *l)
{
	struct pl_quarantine_filter f = l->query.filter;
	uint64_t behind = 0;
	if (f.id_to == 0 || f.id_to > l->last) {
		f.id_from = l->last + 1;
		enum pl_err err = pl_quarantine_list(l->api->env.quarantine, &f, 0, 0, add_line, l, &behind);
		if (err != PL_OK)
			return err;
	}
	l->over = behind == 0;
	return PL_OK;
}

static enum pl_err read_piece(struct listing *l)
{
	struct pl_quarantine *q = l->api->env.quarantine;
	struct pl_quarantine_filter f = l->query.filter;
	bool first = l->returned == 0;
	uint64_t wanted = l->query.limit - l->returned, most = wanted < PIECE_LINES ? wanted : PIECE_LINES;
	int64_t from = (first ? l->query.after : l->last) + 1;
	enum pl_err err = PL_OK;
	if (first) /* of the filter, wherever the page begins */
		err = pl_quarantine_list(q, &f, 0, 0, add_line, l, &l->total);
	l->in_piece = 0;
	l->cut = false;
	l->over = f.id_to != 0 && from > f.id_to;
	if (err != PL_OK || l->over)
		return err;
	f.id_from = from > f.id_from ? from : f.id_from;
	err = pl_quarantine_list(q, &f, first ? l->query.offset : 0, most, add_line, l, NULL);
	if (err == PL_OK && l->in_piece < most && !l->cut)
		l->over = true;
	else if (err == PL_OK && l->returned == l->query.limit && most > 0)
		err = look_behind(l);
	return err;
}

static bool is_done(const struct listing *l)
{
	return l->over || l->failure != NULL || l->returned == l->query.limit;
}

static void go_on(struct listing *l);

static void on_drain(struct pl_http_exchange *x, void *data)
{
	(void)x;
	go_on(data);
}

static void on_gone(struct pl_http_exchange *x, void *data)
{
	(void)x;
	destroy(data);
}

/* Writes pieces as long as the peer takes them. */
static void go_on(struct listing *l)
{
	static const struct pl_http_stream_events events = {on_drain, on_gone};
	for (;;) {
		if (read_piece(l) != PL_OK)
			l->failure = "the quarantine cannot be read: the list is not whole; the log says why";
		if (l->failure != NULL && !l->streaming) {
			pl_api_reply_failure(l->x, 500, "internal", "the quarantine cannot be read");
			destroy(l);
			return;
		}
		bool done = is_done(l);
		if (done)
			end_json(l);
		if (done && !l->streaming) {
			pl_http_reply(l->x, 200, "application/json", &l->out);
			destroy(l);
			return;
		}
		if (!l->streaming) {
			l->streaming = true;
			pl_http_stream_begin(l->x, 200, "application/json", &events, l);
		}
		size_t backlog = pl_http_stream_write(l->x, pl_buf_str(&l->out));
		pl_buf_clear(&l->out);
		if (done) {
			pl_http_stream_end(l->x);
			destroy(l);
			return;
		}
		if (backlog > 0)
			return;
	}
}

void pl_api_quarantine(struct pl_api *a, struct pl_http_exchange *x, struct pl_str part)
{
	char reason[256] = "";
	(void)part;
	if (a->env.quarantine == NULL) {
		pl_api_reply_failure(x, 503, "unavailable", "there is no quarantine");
		return;
	}
	struct listing *l = pl_calloc(1, sizeof *l);
	l->api = a;
	l->x = x;
	if (pl_quarantine_query_parse(&l->query, pl_http_query(x), true, reason, sizeof reason) != PL_OK) {
		pl_api_reply_failure(x, 400, "bad_data", reason);
		destroy(l);
		return;
	}
	begin_json(l);
	go_on(l);
}
