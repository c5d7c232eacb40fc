#include "in_relay/conn.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "in_relay/points.h"

enum { WORD_BYTES = 8, LEAST_HANDSHAKE_LINE = 4096 }; /* WORD_BYTES: `id ` and `auth ` */

static struct pl_in_relay_conns *list_of(struct pl_in_relay_conn *c)
{
	struct pl_in_relay_server *s = c->server;
	return c->state == PL_IN_RELAY_HANDSHAKE ? &s->handshakes : c->state == PL_IN_RELAY_MEMBER ? &s->members : &s->ending;
}

/* Out of all lists, with all that it has as a relay given back. */
static void leave(struct pl_in_relay_conn *c)
{
	struct pl_in_relay_server *s = c->server;
	TAILQ_REMOVE(list_of(c), c, of_list);
	s->n_handshakes -= c->state == PL_IN_RELAY_HANDSHAKE;
	s->n_ending -= c->state == PL_IN_RELAY_ENDING;
	if (c->state == PL_IN_RELAY_MEMBER) {
		s->n_members--;
		HASH_DEL(s->by_id, c);
		pl_in_relay_wheel_remove(&s->wheel, &c->spoke);
		pl_in_relay_memory_grow(s, c->collectors.bytes, 0);
		pl_in_relay_add(s, PL_IN_RELAY_COLLECTORS, -(uint64_t)c->collectors.n);
		pl_in_relay_collectors_finish(&c->collectors);
		pl_buf_finish(&c->tags);
		pl_in_relay_set(s, PL_IN_RELAY_RELAYS, s->n_members);
	}
	pl_in_relay_memory_grow(s, c->begun, 0);
	c->begun = 0;
	pl_relay_lines_finish(&c->lines);
}

static void enter(struct pl_in_relay_conn *c, enum pl_in_relay_state state)
{
	c->state = state;
	c->since_ms = pl_in_relay_now_ms(c->server);
	TAILQ_INSERT_TAIL(list_of(c), c, of_list);
}

void pl_in_relay_conn_close(struct pl_in_relay_conn *c)
{
	if (c->state == PL_IN_RELAY_CLOSED)
		return;
	leave(c);
	c->state = PL_IN_RELAY_CLOSED;
	pl_server_stream_close(c->stream);
}

void pl_in_relay_conn_end(struct pl_in_relay_conn *c, const char *why)
{
	if (!pl_server_stream_write(c->stream, pl_str_of(why))) {
		pl_in_relay_conn_close(c);
		return;
	}
	struct pl_in_relay_server *s = c->server;
	leave(c);
	enter(c, PL_IN_RELAY_ENDING);
	if (++s->n_ending > (uint64_t)pl_in_relay_config(s)->limits.handshakes)
		pl_in_relay_conn_close(TAILQ_FIRST(&s->ending));
	if (c->state == PL_IN_RELAY_ENDING)
		pl_server_stream_end(c->stream);
}

/* ---- handshake ---- */

static bool token_fits(struct pl_in_relay_conn *c, struct pl_str given)
{
	struct pl_in_relay_server *s = c->server;
	struct pl_buf token = {0};
	char reason[256] = "";
	bool fits = false;
	if (pl_secret_read(&pl_in_relay_config(s)->token, &token, reason, sizeof reason) != PL_OK) {
		pl_incident_fail(&s->token, pl_clock_wall_ns(), s->env->log, PL_LOG_ERROR,
				 "no relay gets in: the token cannot be read",
				 (const struct pl_kv[]){PL_KVC("reason", reason), {0}});
	} else {
		pl_incident_end(&s->token, pl_clock_wall_ns(), s->env->log, "the relays' token can be read again", NULL);
		fits = pl_str_eq_secret(pl_buf_str(&token), given);
	}
	if (token.cap > 0)
		explicit_bzero(token.p, token.cap);
	pl_buf_finish(&token);
	return fits;
}

static void refuse(struct pl_in_relay_conn *c, enum pl_in_relay_count what, const char *why)
{
	pl_in_relay_trouble(c->server, what, c);
	pl_in_relay_conn_end(c, why);
}

static void become_member(struct pl_in_relay_conn *c, struct pl_str id)
{
	struct pl_in_relay_server *s = c->server;
	char *host_tag = pl_alloc(id.n + 5);
	memcpy(host_tag, "host:", 5);
	if (id.n > 0)
		memcpy(host_tag + 5, id.p, id.n);
	leave(c);
	pl_relay_lines_init(&c->lines, (size_t)pl_in_relay_config(s)->limits.line_bytes);
	c->id = (struct pl_str){host_tag + 5, id.n};
	enter(c, PL_IN_RELAY_MEMBER);
	s->n_members++;
	HASH_ADD_KEYPTR(hh, s->by_id, c->id.p, c->id.n, c);
	c->spoke.hash = pl_str_hash(c->id, 0);
	pl_in_relay_wheel_add(&s->wheel, &c->spoke);
	pl_in_relay_set(s, PL_IN_RELAY_RELAYS, s->n_members);
	pl_in_relay_conn_retag(c);
	pl_in_relay_arm(s);
}

static void greet(struct pl_in_relay_conn *c)
{
	struct pl_buf *line = &c->server->line;
	pl_buf_clear(line);
	pl_buf_addf(line, "ok\nbeat %lld\n", (long long)(pl_in_relay_config(c->server)->beat_interval / PL_NS_PER_S));
	if (!pl_server_stream_write(c->stream, pl_buf_str(line)))
		pl_in_relay_conn_close(c);
}

static void identify(struct pl_in_relay_conn *c, const struct pl_relay_line *l)
{
	struct pl_in_relay_server *s = c->server;
	const struct pl_relay_config *config = pl_in_relay_config(s);
	struct pl_in_relay_conn *older;
	if (!l->has_arg) {
		refuse(c, PL_IN_RELAY_END_NO_ID, "missing id\n");
		return;
	}
	if (pl_secret_given(&config->token) && !c->authorized) {
		refuse(c, PL_IN_RELAY_END_AUTH, "authenticate first with the 'auth' command\n");
		return;
	}
	if (l->arg.n > (size_t)config->limits.name_bytes) {
		refuse(c, PL_IN_RELAY_END_ID_LONG, "id too long\n");
		return;
	}
	HASH_FIND(hh, s->by_id, l->arg.p, l->arg.n, older);
	if (older != NULL) {
		pl_in_relay_trouble(s, PL_IN_RELAY_TAKEOVERS, c);
		pl_in_relay_conn_close(older);
	} else if (s->n_members >= (uint64_t)config->limits.clients) {
		refuse(c, PL_IN_RELAY_END_CLIENTS, "too many relays\n");
		return;
	}
	become_member(c, l->arg);
	greet(c);
}

static void on_handshake_line(struct pl_in_relay_conn *c, const struct pl_relay_line *l)
{
	if (l->verb == PL_RELAY_ID)
		identify(c, l);
	else if (l->verb != PL_RELAY_AUTH || !l->has_arg)
		refuse(c, PL_IN_RELAY_END_NO_ID, "identify first with the 'id' command\n");
	else if (!pl_secret_given(&pl_in_relay_config(c->server)->token) || token_fits(c, l->arg))
		c->authorized = true; /* one that is not asked for does no harm: relays may have it before the server wants it */
	else
		refuse(c, PL_IN_RELAY_END_AUTH, "authentication failed\n");
}

/* ---- a relay ---- */

static void send_override(struct pl_in_relay_conn *c, const struct pl_relay_override *o)
{
	struct pl_in_relay_server *s = c->server;
	pl_buf_clear(&s->line);
	pl_buf_addf(&s->line, "override %d %s:%lld\n", PL_IN_RELAY_OVERRIDE_S, o->collector,
		    (long long)(o->interval / PL_NS_PER_S));
	pl_in_relay_add(s, PL_IN_RELAY_OVERRIDES, 1);
	c->override_ms = pl_in_relay_now_ms(s);
	if (!pl_server_stream_write(c->stream, pl_buf_str(&s->line))) {
		pl_in_relay_trouble(s, PL_IN_RELAY_END_SLOW, c);
		pl_in_relay_conn_close(c);
	}
}

void pl_in_relay_conn_override(struct pl_in_relay_conn *c)
{
	const struct pl_list *all = &pl_in_relay_config(c->server)->overrides;
	for (size_t i = 0; i < all->n && c->state == PL_IN_RELAY_MEMBER; i++) {
		const struct pl_relay_override *o = (const struct pl_relay_override *)all->v + i;
		if (pl_in_relay_collectors_find(&c->collectors, pl_str_of(o->collector)) != NULL)
			send_override(c, o);
	}
}

static void override_one(struct pl_in_relay_conn *c, struct pl_str name)
{
	const struct pl_list *all = &pl_in_relay_config(c->server)->overrides;
	for (size_t i = 0; i < all->n && c->state == PL_IN_RELAY_MEMBER; i++) {
		const struct pl_relay_override *o = (const struct pl_relay_override *)all->v + i;
		if (pl_str_is(name, o->collector))
			send_override(c, o);
	}
}

/* Why a collector is not added; PL_IN_RELAY_COLLECTORS when it may be. */
static enum pl_in_relay_count unfit(const struct pl_in_relay_conn *c, struct pl_str name, struct pl_str tags)
{
	const struct pl_relay_config *config = pl_in_relay_config(c->server);
	size_t n = 0, most = (size_t)config->limits.name_bytes;
	if (name.n > most)
		return PL_IN_RELAY_ADD_NAME;
	while (tags.p != NULL) {
		if (pl_str_cut(&tags, ',').n > most)
			return PL_IN_RELAY_ADD_NAME;
		n++;
	}
	if (n > (size_t)config->limits.tags)
		return PL_IN_RELAY_ADD_TAGS;
	if (c->collectors.n >= (size_t)config->limits.collectors && pl_in_relay_collectors_find(&c->collectors, name) == NULL)
		return PL_IN_RELAY_ADD_COLLECTORS;
	return PL_IN_RELAY_COLLECTORS;
}

static void account(struct pl_in_relay_conn *c, size_t bytes_before, size_t n_before)
{
	pl_in_relay_memory_grow(c->server, bytes_before, c->collectors.bytes);
	pl_in_relay_add(c->server, PL_IN_RELAY_COLLECTORS, (uint64_t)c->collectors.n - (uint64_t)n_before);
}

static void add_collector(struct pl_in_relay_conn *c, struct pl_str arg)
{
	struct pl_in_relay_server *s = c->server;
	struct pl_str name, tags;
	pl_relay_read_add(arg, &name, &tags);
	enum pl_in_relay_count what = unfit(c, name, tags);
	/* Twice the tags, escaped to twice their size at most; the true size is accounted for below. */
	size_t worst = 5 * (arg.n + c->id.n) + 1024;
	if (what == PL_IN_RELAY_COLLECTORS &&
	    (c->collectors.bytes + worst > PL_IN_RELAY_RELAY_MEMORY || s->memory + worst > PL_IN_RELAY_ALL_MEMORY))
		what = PL_IN_RELAY_ADD_MEMORY;
	if (what != PL_IN_RELAY_COLLECTORS) {
		pl_in_relay_trouble(s, what, c);
		return;
	}
	size_t bytes = c->collectors.bytes, n = c->collectors.n;
	pl_in_relay_collectors_set(&c->collectors, name, tags, c->id, &s->tagging);
	account(c, bytes, n);
	override_one(c, name);
}

static void remove_collector(struct pl_in_relay_conn *c, struct pl_str name)
{
	size_t bytes = c->collectors.bytes, n = c->collectors.n;
	pl_in_relay_collectors_remove(&c->collectors, name);
	account(c, bytes, n);
}

static void send_or_drop(struct pl_in_relay_conn *c, struct pl_str bytes)
{
	if (pl_server_stream_write(c->stream, bytes))
		return;
	pl_in_relay_trouble(c->server, PL_IN_RELAY_END_SLOW, c);
	pl_in_relay_conn_close(c);
}

static void on_member_line(struct pl_in_relay_conn *c, const struct pl_relay_line *l)
{
	switch (l->verb) {
	case PL_RELAY_GOT:
		if (l->has_arg) {
			pl_in_relay_points_got(c, l->arg);
			return;
		}
		break;
	case PL_RELAY_PING:
		send_or_drop(c, PL_STR("pong\n"));
		return;
	case PL_RELAY_ADD:
		if (l->has_arg) {
			add_collector(c, l->arg);
			return;
		}
		break;
	case PL_RELAY_REMOVE:
		if (l->has_arg) {
			remove_collector(c, l->arg);
			return;
		}
		break;
	case PL_RELAY_CLOSE:
		pl_in_relay_conn_close(c);
		return;
	case PL_RELAY_OK:
		return;
	case PL_RELAY_ID:
	case PL_RELAY_AUTH:
	case PL_RELAY_OTHER:
		break;
	}
	pl_in_relay_add(c->server, PL_IN_RELAY_LINES_IGNORED, 1);
}

void pl_in_relay_conn_retag(struct pl_in_relay_conn *c)
{
	struct pl_in_relay_server *s = c->server;
	size_t bytes = c->collectors.bytes;
	pl_in_relay_collectors_retag(&c->collectors, c->id, &s->tagging);
	account(c, bytes, c->collectors.n);
	pl_buf_finish(&c->tags);
	pl_in_relay_add_tags(&c->tags, (struct pl_str){0}, (struct pl_str){0}, c->id, &s->tagging);
}

void pl_in_relay_conn_poll(struct pl_in_relay_conn *c)
{
	struct pl_in_relay_server *s = c->server;
	struct pl_buf *line = &s->line;
	pl_buf_clear(line);
	pl_buf_add_cstr(line, "get ");
	pl_in_relay_collectors_names(&c->collectors, line);
	if (line->n == 4) /* no collector, or one without a name */
		return;
	pl_buf_add_char(line, '\n');
	pl_in_relay_add(s, PL_IN_RELAY_POLLS_MISSED, c->spoke.missed);
	if (pl_server_stream_unsent(c->stream) > 0) {
		pl_in_relay_add(s, PL_IN_RELAY_POLLS_LEFT_OUT, 1);
		return;
	}
	pl_in_relay_add(s, PL_IN_RELAY_POLLS, 1);
	c->asked = true;
	send_or_drop(c, pl_buf_str(line));
}

/* ---- bytes ---- */

static bool keeps_within_memory(struct pl_in_relay_conn *c)
{
	size_t now = c->lines.begun.cap;
	bool fits = pl_in_relay_memory_grow(c->server, c->begun, now);
	c->begun = now;
	return fits;
}

static void on_read(void *data, struct pl_str bytes)
{
	struct pl_in_relay_conn *c = data;
	enum pl_relay_lines_result result = PL_RELAY_LINES_MORE;
	struct pl_str line;
	if (c->state == PL_IN_RELAY_MEMBER)
		c->since_ms = pl_in_relay_now_ms(c->server);
	/* A line may take the connection to its next state, and the lines behind it with it. */
	while (c->state == PL_IN_RELAY_HANDSHAKE || c->state == PL_IN_RELAY_MEMBER) {
		enum pl_in_relay_state state = c->state;
		struct pl_relay_line l;
		pl_relay_lines_feed(&c->lines, bytes);
		while (c->state == state && (result = pl_relay_lines_next(&c->lines, &line)) == PL_RELAY_LINE) {
			bytes = c->lines.chunk;
			pl_relay_read(line, &l);
			if (state == PL_IN_RELAY_HANDSHAKE)
				on_handshake_line(c, &l);
			else
				on_member_line(c, &l);
		}
		if (c->state == state)
			break;
	}
	if (c->state != PL_IN_RELAY_HANDSHAKE && c->state != PL_IN_RELAY_MEMBER)
		return;
	if (result == PL_RELAY_LINES_TOO_LONG) {
		pl_in_relay_trouble(c->server, PL_IN_RELAY_END_LINE, c);
		pl_in_relay_conn_close(c);
	} else if (!keeps_within_memory(c)) {
		pl_in_relay_trouble(c->server, PL_IN_RELAY_END_MEMORY, c);
		pl_in_relay_conn_close(c);
	}
}

static void on_gone(void *data, const char *reason)
{
	struct pl_in_relay_conn *c = data;
	if (reason[0] != '\0' && c->state != PL_IN_RELAY_ENDING) {
		pl_in_relay_add(c->server, PL_IN_RELAY_END_BROKEN, 1);
		pl_debug(c->server->env->log, "a relay's connection broke", PL_KVS("id", c->id), PL_KVC("address", c->address),
			 PL_KVC("reason", reason));
	}
	pl_in_relay_conn_close(c);
}

static void on_freed(void *data)
{
	struct pl_in_relay_conn *c = data;
	struct pl_in_relay_server *s = c->server;
	if (c->id.p != NULL)
		free((char *)(uintptr_t)(c->id.p - 5));
	free(c);
	pl_in_relay_server_stream_freed(s);
}

static const struct pl_server_stream_events events = {.read = on_read, .gone = on_gone};

void pl_in_relay_conn_accept(struct pl_in_relay_server *s, uv_stream_t *listener)
{
	const struct pl_relay_config *config = pl_in_relay_config(s);
	struct pl_in_relay_conn *c = pl_calloc(1, sizeof *c);
	struct sockaddr_storage peer;
	size_t line = (size_t)config->limits.name_bytes;
	c->server = s;
	c->stream = pl_server_stream_accept(listener, &(struct pl_server_stream_options){
							  .tls = s->now->tls,
							  .max_unsent = (size_t)config->limits.unsent_bytes,
							  .read_buf = s->read_buf,
							  .read_buf_size = sizeof s->read_buf,
							  .events = &events,
							  .data = c,
							  .freed = on_freed,
						      });
	if (c->stream == NULL) {
		free(c);
		return;
	}
	pl_relay_lines_init(&c->lines, (line > LEAST_HANDSHAKE_LINE ? line : LEAST_HANDSHAKE_LINE) + WORD_BYTES);
	c->accepted_wall_ns = pl_clock_wall_ns();
	pl_server_stream_peer(c->stream, &peer);
	if (peer.ss_family != AF_UNSPEC)
		pl_address_text((const struct sockaddr *)&peer, true, c->address);
	s->n_streams++;
	s->n_handshakes++;
	enter(c, PL_IN_RELAY_HANDSHAKE);
	pl_in_relay_add(s, PL_IN_RELAY_CONNECTIONS, 1);
	pl_in_relay_set(s, PL_IN_RELAY_OPEN, s->n_streams);
	if (s->n_handshakes > (uint64_t)config->limits.handshakes) {
		struct pl_in_relay_conn *oldest = TAILQ_FIRST(&s->handshakes);
		pl_in_relay_trouble(s, PL_IN_RELAY_END_HANDSHAKES, oldest);
		pl_in_relay_conn_close(oldest);
	}
}
