#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "format/relay_line.h"
#include "relay/names.h"
#include "relay/private.h"

void pl_relay_fail(struct pl_relay *r, const char *format, ...)
{
	va_list args;
	if (r->ended)
		return; /* the first reason is the cause of the others */
	va_start(args, format);
	vsnprintf(r->error, sizeof r->error, format, args);
	va_end(args);
	r->ended = true;
}

/* ---- to the server ---- */

/* What cannot be kept for a server that does not read is told anew after the next handshake. */
static void say(struct pl_relay *r, const char *const *pieces)
{
	size_t n = 0;
	for (const char *const *p = pieces; *p != NULL; p++)
		n += strlen(*p);
	char *to = pl_relay_bytes_room(&r->out, n, 2 * PL_RELAY_MAX_UNSENT);
	if (to == NULL) {
		pl_relay_fail(r, "the server does not read what it is sent, or there is no memory to keep it");
		return;
	}
	for (; *pieces != NULL; pieces++) {
		memcpy(to, *pieces, strlen(*pieces));
		to += strlen(*pieces);
	}
	r->out.n += n;
}

#define SAY(R, ...) say((R), (const char *const[]){__VA_ARGS__, NULL})

/* The colon stands there without tags, too. */
void pl_relay_session_say_add(struct pl_relay *r, const struct pl_relay_collector *c)
{
	if (!r->registered)
		return;
	SAY(r, "add ", c->name, ":", c->tags, "\n");
	pl_relay_wake(r);
}

void pl_relay_session_say_remove(struct pl_relay *r, const char *name)
{
	if (!r->registered)
		return;
	SAY(r, "remove ", name, "\n");
	pl_relay_wake(r);
}

void pl_relay_session_say_goodbye(struct pl_relay *r)
{
	for (const struct pl_relay_collector *c = r->first; c != NULL; c = c->next)
		SAY(r, "remove ", c->name, "\n");
	SAY(r, "close\n");
}

/* ---- life of a connection ---- */

void pl_relay_session_begin(struct pl_relay *r, int64_t now_ns)
{
	r->identify_by_ns = now_ns + r->patience_ns;
	r->beat_s = PL_RELAY_FIRST_BEAT_S;
	if (r->token != NULL)
		SAY(r, "auth ", r->token, "\n");
	SAY(r, "id ", r->id, "\n");
}

void pl_relay_session_end(struct pl_relay *r)
{
	pl_relay_bytes_finish(&r->in);
	pl_relay_bytes_finish(&r->out);
	pl_relay_bytes_finish(&r->got);
	for (struct pl_relay_collector *c = r->first; c != NULL; c = c->next)
		c->interval_ns = 0; /* what the next server wants it will say */
	r->registered = r->more_to_read = r->ended = false;
	r->identify_by_ns = r->ping_at_ns = r->pong_by_ns = 0;
}

static void identified(struct pl_relay *r, struct pl_str line, int64_t now_ns)
{
	if (!pl_str_is(line, "ok")) {
		char shown[200];
		pl_relay_fail(r, "the server answered \"%s\" instead of ok", pl_relay_shown(line, shown, sizeof shown));
		return;
	}
	r->registered = true;
	r->registered_at_ns = now_ns;
	r->identify_by_ns = 0;
	r->ping_at_ns = now_ns + r->beat_s * PL_NS_PER_S;
	r->info.connects++;
	for (const struct pl_relay_collector *c = r->first; c != NULL; c = c->next)
		SAY(r, "add ", c->name, ":", c->tags, "\n");
	pl_relay_emit(r, PL_RELAY_CONNECTED, r->address);
}

/* ---- orders ---- */

static void get(struct pl_relay *r, struct pl_str names)
{
	r->info.questions++;
	pl_relay_got_begin(r);
	for (int asked = 0; names.p != NULL && asked < PL_RELAY_MAX_ASKED; asked++) {
		struct pl_relay_collector *c = pl_relay_find(r, pl_str_cut(&names, ','));
		if (c != NULL && c->interval_ns == 0)
			pl_relay_got_collect(r, c);
	}
	pl_relay_got_end(r);
}

/* For a while each collector named is sent every so many seconds, asked for or not, and not when asked. */
static void override(struct pl_relay *r, struct pl_str arg, int64_t now_ns)
{
	struct pl_relay_overrides o;
	struct pl_str name;
	uint32_t interval_s;
	if (!pl_relay_read_override(arg, &o)) {
		SAY(r, "bad argument\n");
		return;
	}
	for (int named = 0; named < PL_RELAY_MAX_ASKED && pl_relay_next_override(&o, &name, &interval_s); named++) {
		struct pl_relay_collector *c = pl_relay_find(r, name);
		if (c == NULL)
			continue;
		c->interval_ns = interval_s * PL_NS_PER_S;
		c->due_ns = now_ns + c->interval_ns;
		c->override_end_ns = o.seconds == 0 ? INT64_MAX : now_ns + o.seconds * PL_NS_PER_S;
	}
	SAY(r, o.bad > 0 ? "bad argument\n" : "ok\n");
}

static void beat(struct pl_relay *r, struct pl_str arg, int64_t now_ns)
{
	if (!pl_relay_read_beat(arg, &r->beat_s))
		return;
	r->ping_at_ns = now_ns + r->beat_s * PL_NS_PER_S;
}

static void obey(struct pl_relay *r, struct pl_str line, int64_t now_ns)
{
	struct pl_relay_order_line o;
	r->pong_by_ns = 0; /* any line is a sign of life */
	pl_relay_read_order(line, &o);
	switch (o.order) {
	case PL_RELAY_ORDER_GET:
		if (o.has_arg)
			get(r, o.arg);
		break;
	case PL_RELAY_ORDER_BEAT:
		beat(r, o.arg, now_ns);
		break;
	case PL_RELAY_ORDER_OVERRIDE:
		override(r, o.arg, now_ns);
		break;
	case PL_RELAY_ORDER_FLUSH: /* nothing is held back here that could be forgotten */
		SAY(r, "ok\n");
		break;
	case PL_RELAY_ORDER_OK:
	case PL_RELAY_ORDER_PONG:
	case PL_RELAY_ORDER_PING:
	case PL_RELAY_ORDER_OTHER:
		break;
	}
}

static void take_line(struct pl_relay *r, struct pl_str line, int64_t now_ns)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (r->registered)
		obey(r, line, now_ns);
	else
		identified(r, line, now_ns);
}

void pl_relay_session_take(struct pl_relay *r, struct pl_str bytes, int64_t now_ns)
{
	while (bytes.n > 0 && !r->ended) {
		const char *end = memchr(bytes.p, '\n', bytes.n);
		size_t n = end != NULL ? (size_t)(end - bytes.p) + 1 : bytes.n;
		size_t begun = pl_relay_bytes_count(&r->in);
		if (begun == 0 && end != NULL) {
			take_line(r, (struct pl_str){bytes.p, n - 1}, now_ns);
		} else if (!pl_relay_bytes_add(&r->in, bytes.p, n, PL_RELAY_MAX_LINE)) {
			pl_relay_fail(r, "the server sent a line longer than %d bytes", PL_RELAY_MAX_LINE);
		} else if (end != NULL) {
			take_line(r, (struct pl_str){r->in.p + r->in.from, begun + n - 1}, now_ns);
			pl_relay_bytes_drop(&r->in, begun + n);
		}
		bytes.p += n;
		bytes.n -= n;
	}
}

/* ---- what is due ---- */

static void send_overridden(struct pl_relay *r, int64_t now_ns)
{
	bool begun = false;
	for (struct pl_relay_collector *c = r->first; c != NULL;) {
		if (c->interval_ns > 0 && now_ns >= c->override_end_ns)
			c->interval_ns = 0;
		if (c->removed || c->interval_ns == 0 || now_ns < c->due_ns) {
			c = c->next;
			continue;
		}
		if (!begun)
			pl_relay_got_begin(r);
		begun = true;
		c->due_ns = now_ns + c->interval_ns;
		pl_relay_got_collect(r, c);
		c = r->first; /* the list may have changed; this one is not due any more */
	}
	if (begun)
		pl_relay_got_end(r);
}

void pl_relay_session_tick(struct pl_relay *r, int64_t now_ns)
{
	if (!r->registered) {
		if (r->identify_by_ns != 0 && now_ns >= r->identify_by_ns)
			pl_relay_fail(r, "the server did not answer the handshake within %.1f s",
				      (double)r->patience_ns / (double)PL_NS_PER_S);
		return;
	}
	send_overridden(r, now_ns);
	if (r->pong_by_ns != 0 && now_ns >= r->pong_by_ns) {
		pl_relay_fail(r, "the server did not answer a ping in time (its beat is %" PRIu32 " s)", r->beat_s);
		return;
	}
	if (now_ns < r->ping_at_ns)
		return;
	/* A server that lost this relay, because another one with the same id came and went, still answers pings but never asks
	 * again; the second line makes it close the connection. All others ignore that line. */
	SAY(r, "ping\nok sync\n");
	int64_t patience_ns = r->beat_s * PL_NS_PER_S / 2;
	if (r->pong_by_ns == 0)
		r->pong_by_ns = now_ns + (patience_ns > PL_NS_PER_S ? patience_ns : PL_NS_PER_S);
	r->ping_at_ns = now_ns + r->beat_s * PL_NS_PER_S;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t pl_relay_session_due(const struct pl_relay *r)
{
	if (!r->registered)
		return r->identify_by_ns != 0 ? r->identify_by_ns : INT64_MAX;
	int64_t due = r->pong_by_ns != 0 ? earlier(r->ping_at_ns, r->pong_by_ns) : r->ping_at_ns;
	for (const struct pl_relay_collector *c = r->first; c != NULL; c = c->next)
		if (c->interval_ns > 0)
			due = earlier(due, earlier(c->due_ns, c->override_end_ns));
	return due;
}
