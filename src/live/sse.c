#include "live/sse.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/mem.h"
#include "live/index.h"

enum {
	GATHER_MS = 20, /* what comes within it goes to a client in one write */
	READ_AT_ONCE = 256,
	MOST_PER_TURN = 20000, /* copies for clients, before the loop's other work has its turn */
	TURN_MS = 1,
};

enum phase {
	SNAPSHOT, /* walks through the last values */
	REPLAY,   /* reads the hub's ring up to where the others are */
	LIVE,
};

struct client {
	struct pl_live_subscriber subscriber;
	struct pl_live_sse *sse;
	struct pl_http_exchange *x;
	enum phase phase;
	struct pl_last_values_walk walk;
	uint64_t snapshot_values;
	uint64_t replay_from;
	struct pl_buf pending; /* not given to the server yet */
	size_t backlog;        /* given, and not gone out yet */
	uint64_t missed;
	bool missed_others; /* among `missed` are values that nobody has looked at */
	bool quiet;         /* nothing was sent since the last keep-alive */
	bool dirty;
	STAILQ_ENTRY(client) of_dirty;
	LIST_ENTRY(client) of_all;
};

struct pl_live_sse {
	struct pl_live_sse_options options;
	uint64_t epoch;
	struct pl_live_listener listener;
	struct pl_live_index *index;
	struct pl_last_values *last; /* NULL: none are kept */
	uint64_t position;           /* number of the last message that was looked at */
	LIST_HEAD(, client) clients;
	STAILQ_HEAD(, client) dirty;
	struct pl_buf event; /* the present message as it goes out; empty: nobody wanted it so far */
	const struct pl_live_message *message;
	size_t copies; /* in this turn */
	uv_async_t wake;
	uv_timer_t turn, keep_alive;
	unsigned handles;
	struct pl_live_sse_stats stats;
	void (*closed)(void *data);
	void *closed_data;
};

/* ---- what a client gets ---- */

static void add_id(struct pl_buf *out, const struct pl_live_sse *s, uint64_t id)
{
	pl_buf_addf(out, "id: %llx-%llu\n", (unsigned long long)s->epoch, (unsigned long long)id);
}

static void add_value(struct pl_buf *out, const struct pl_live_message *m)
{
	pl_buf_add_cstr(out, "data: ");
	pl_buf_add_str(out, m->payload);
	pl_buf_add_cstr(out, "\n\n");
}

static void add_lagged(struct client *c)
{
	pl_buf_addf(&c->pending, "event: lagged\ndata: {\"missed\":%llu,\"exact\":%s}\n\n", (unsigned long long)c->missed,
		    c->missed_others ? "false" : "true");
	c->missed = 0;
	c->missed_others = false;
}

static bool is_full(const struct client *c, size_t more)
{
	return c->backlog + c->pending.n + more > c->sse->options.client_bytes;
}

static void flush(struct client *c)
{
	if (c->backlog > 0 || c->pending.n == 0)
		return;
	c->quiet = false;
	c->backlog = pl_http_stream_write(c->x, pl_buf_str(&c->pending));
	pl_buf_finish(&c->pending); /* an idle client owns no buffer */
}

static void mark_dirty(struct client *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	STAILQ_INSERT_TAIL(&c->sse->dirty, c, of_dirty);
}

static void flush_dirty(struct pl_live_sse *s)
{
	struct client *c;
	while ((c = STAILQ_FIRST(&s->dirty)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->dirty, of_dirty);
		c->dirty = false;
		flush(c);
	}
}

static void on_found(struct pl_live_subscriber *subscriber, void *data)
{
	struct client *c = pl_container_of(subscriber, struct client, subscriber);
	struct pl_live_sse *s = data;
	if (c->phase != LIVE)
		return; /* meets it on its way */
	if (s->event.n == 0) {
		add_id(&s->event, s, s->message->id);
		add_value(&s->event, s->message);
	}
	s->copies++;
	if (c->missed > 0 || is_full(c, s->event.n)) {
		c->missed++;
		s->stats.lagged++;
		return;
	}
	pl_buf_add_str(&c->pending, pl_buf_str(&s->event));
	s->stats.events++;
	mark_dirty(c);
}

/* ---- a client on its way to the others ---- */

static void go_live(struct client *c)
{
	c->phase = LIVE;
}

static void walk_on(struct client *c)
{
	struct pl_live_sse *s = c->sse;
	struct pl_live_message *m = NULL;
	while (!is_full(c, 0) && (m = s->last != NULL ? pl_last_values_walk_next(s->last, &c->walk) : NULL) != NULL) {
		if (!pl_live_wish_fits(&c->subscriber.wish, m))
			continue;
		add_value(&c->pending, m);
		c->snapshot_values++;
	}
	if (m != NULL || is_full(c, 0))
		return;
	if (s->last != NULL)
		pl_last_values_walk_end(s->last, &c->walk);
	add_id(&c->pending, s, s->position);
	pl_buf_addf(&c->pending, "event: live\ndata: {\"values\":%llu}\n\n", (unsigned long long)c->snapshot_values);
	go_live(c);
}

static void replay_some(struct client *c, size_t room)
{
	struct pl_live_sse *s = c->sse;
	struct pl_live_message *messages[READ_AT_ONCE];
	uint64_t missed = 0;
	size_t n = pl_live_hub_replay(s->options.hub, &c->replay_from, messages, room, &missed);
	if (missed > 0) {
		c->missed += missed;
		c->missed_others = true;
		s->stats.lagged += missed;
		add_lagged(c);
	}
	for (size_t i = 0; i < n; i++) {
		if (messages[i]->id <= s->position && pl_live_wish_fits(&c->subscriber.wish, messages[i])) {
			add_id(&c->pending, s, messages[i]->id);
			add_value(&c->pending, messages[i]);
			s->stats.events++;
		}
		pl_live_message_release(messages[i]);
	}
}

static void replay_on(struct client *c)
{
	const struct pl_live_sse *s = c->sse;
	while (c->replay_from <= s->position && !is_full(c, 0)) {
		uint64_t left = s->position - c->replay_from + 1;
		replay_some(c, left < READ_AT_ONCE / 8 ? (size_t)left : READ_AT_ONCE / 8);
	}
	if (c->replay_from > s->position)
		go_live(c);
}

static void go_on(struct client *c)
{
	if (c->missed > 0)
		add_lagged(c);
	if (c->phase == SNAPSHOT)
		walk_on(c);
	else if (c->phase == REPLAY)
		replay_on(c);
	flush(c);
}

static void on_drain(struct pl_http_exchange *x, void *data)
{
	struct client *c = data;
	(void)x;
	c->backlog = 0;
	go_on(c);
}

static void on_gone(struct pl_http_exchange *x, void *data)
{
	struct client *c = data;
	struct pl_live_sse *s = c->sse;
	(void)x;
	if (s->last != NULL)
		pl_last_values_walk_end(s->last, &c->walk);
	pl_live_index_remove(s->index, &c->subscriber);
	if (c->dirty)
		STAILQ_REMOVE(&s->dirty, c, client, of_dirty);
	LIST_REMOVE(c, of_all);
	s->stats.clients--;
	pl_live_wish_finish(&c->subscriber.wish);
	pl_buf_finish(&c->pending);
	free(c);
}

static const struct pl_http_stream_events stream_events = {.on_drain = on_drain, .on_gone = on_gone};

static bool hex_u64(struct pl_str s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 16;
		if (digit == 16)
			return false;
		*out = *out << 4 | digit;
	}
	return s.n > 0 && s.n <= 16;
}

/* Is what follows that id still in the ring? */
static bool may_resume(struct pl_live_sse *s, struct pl_str id, uint64_t *from)
{
	uint64_t epoch, last;
	struct pl_str rest = id, first = pl_str_cut(&rest, '-');
	if (rest.p == NULL || !hex_u64(first, &epoch) || epoch != s->epoch || !pl_str_u64(rest, &last) || last > s->position)
		return false;
	*from = last + 1;
	return *from >= pl_live_hub_stats(s->options.hub).first;
}

bool pl_live_sse_begin(struct pl_live_sse *s, struct pl_http_exchange *x, struct pl_live_wish *wish, struct pl_str resume)
{
	if (s->stats.clients >= s->options.max_clients) {
		s->stats.refused++;
		return false;
	}
	struct client *c = pl_calloc(1, sizeof *c);
	c->sse = s;
	c->x = x;
	c->subscriber.wish = *wish;
	*wish = (struct pl_live_wish){0};
	pl_live_index_add(s->index, &c->subscriber);
	LIST_INSERT_HEAD(&s->clients, c, of_all);
	s->stats.clients++;
	s->stats.connected++;
	if (resume.n > 0 && may_resume(s, resume, &c->replay_from)) {
		s->stats.resumed++;
		c->phase = REPLAY;
		pl_buf_add_cstr(&c->pending, ": resumed\n\n");
	} else {
		if (resume.n > 0) {
			s->stats.too_old++;
			pl_buf_add_cstr(&c->pending, "event: too_old\ndata: {}\n\n");
		}
		pl_buf_add_cstr(&c->pending, "event: snapshot\ndata: {}\n\n");
		if (s->last != NULL)
			pl_last_values_walk_begin(s->last, &c->walk, pl_clock_wall_ns());
	}
	pl_http_set_header(x, "Cache-Control", "no-cache");
	pl_http_set_header(x, "X-Accel-Buffering", "no");
	pl_http_stream_begin(x, 200, "text/event-stream", &stream_events, c);
	/* The head is on its way: its on_drain begins the rest, within this client's bounds. */
	c->backlog = 1;
	return true;
}

/* ---- from the hub ---- */

static void all_missed(struct pl_live_sse *s, uint64_t missed)
{
	struct client *c;
	LIST_FOREACH(c, &s->clients, of_all)
	{
		if (c->phase != LIVE)
			continue;
		c->missed += missed;
		c->missed_others = true;
		s->stats.lagged += missed;
		if (c->backlog == 0)
			add_lagged(c);
		mark_dirty(c);
	}
}

static void look_at(struct pl_live_sse *s, struct pl_live_message *m, int64_t wall_ns)
{
	s->position = m->id;
	if (s->last != NULL)
		pl_last_values_put(s->last, m, wall_ns);
	s->message = m;
	pl_buf_clear(&s->event);
	pl_live_index_match(s->index, m, on_found, s);
	pl_live_message_release(m);
}

static void on_turn(uv_timer_t *timer)
{
	struct pl_live_sse *s = timer->data;
	struct pl_live_feed *feed = pl_live_hub_feed(s->options.hub);
	struct pl_live_message *messages[READ_AT_ONCE];
	int64_t wall_ns = pl_clock_wall_ns();
	size_t n = 1;
	s->copies = 0;
	for (size_t read = 0; n > 0 && s->copies + read < MOST_PER_TURN; read += n) {
		uint64_t missed = 0;
		n = feed->read(feed, &s->listener, messages, READ_AT_ONCE, &missed);
		if (missed > 0)
			all_missed(s, missed);
		for (size_t i = 0; i < n; i++)
			look_at(s, messages[i], wall_ns);
	}
	flush_dirty(s);
	pl_buf_finish(&s->event);
	if (n > 0)
		uv_timer_start(&s->turn, on_turn, TURN_MS, 0);
}

static void on_wake(uv_async_t *async)
{
	struct pl_live_sse *s = async->data;
	if (!uv_is_active((uv_handle_t *)&s->turn))
		uv_timer_start(&s->turn, on_turn, GATHER_MS, 0);
}

static void wake(struct pl_live_listener *l)
{
	struct pl_live_sse *s = pl_container_of(l, struct pl_live_sse, listener);
	uv_async_send(&s->wake);
}

static void on_keep_alive(uv_timer_t *timer)
{
	struct pl_live_sse *s = timer->data;
	struct client *c;
	LIST_FOREACH(c, &s->clients, of_all)
	{
		if (c->quiet && c->backlog == 0) {
			pl_buf_add_cstr(&c->pending, ": keep-alive\n\n");
			flush(c);
		}
		c->quiet = true;
	}
}

/* ---- life ---- */

struct pl_live_sse *pl_live_sse_create(const struct pl_live_sse_options *options)
{
	struct pl_live_sse *s = pl_calloc(1, sizeof *s);
	struct pl_live_feed *feed = pl_live_hub_feed(options->hub);
	s->options = *options;
	s->epoch = (uint64_t)(pl_clock_wall_ns() / PL_NS_PER_MS);
	s->index = pl_live_index_create();
	if (options->last_values.max_values > 0)
		s->last = pl_last_values_create(&options->last_values);
	LIST_INIT(&s->clients);
	STAILQ_INIT(&s->dirty);
	s->handles = 3;
	uv_async_init(&options->loop->uv, &s->wake, on_wake);
	uv_timer_init(&options->loop->uv, &s->turn);
	uv_timer_init(&options->loop->uv, &s->keep_alive);
	s->wake.data = s->turn.data = s->keep_alive.data = s;
	uv_timer_start(&s->keep_alive, on_keep_alive, options->keep_alive_ms, options->keep_alive_ms);
	s->listener.wake = wake;
	feed->join(feed, &s->listener);
	s->position = s->listener.at - 1;
	return s;
}

struct pl_live_sse_stats pl_live_sse_stats(const struct pl_live_sse *s)
{
	struct pl_live_sse_stats stats = s->stats;
	if (s->last != NULL)
		stats.last = pl_last_values_stats(s->last);
	return stats;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct pl_live_sse *s = h->data;
	if (--s->handles > 0)
		return;
	void (*closed)(void *) = s->closed;
	void *data = s->closed_data;
	pl_last_values_destroy(s->last);
	pl_live_index_destroy(s->index);
	pl_buf_finish(&s->event);
	free(s);
	closed(data);
}

void pl_live_sse_close(struct pl_live_sse *s, void (*closed)(void *data), void *data)
{
	struct pl_live_feed *feed = pl_live_hub_feed(s->options.hub);
	s->closed = closed;
	s->closed_data = data;
	feed->leave(feed, &s->listener);
	uv_close((uv_handle_t *)&s->wake, on_handle_closed);
	uv_close((uv_handle_t *)&s->turn, on_handle_closed);
	uv_close((uv_handle_t *)&s->keep_alive, on_handle_closed);
}
