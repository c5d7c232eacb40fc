/* One connection: the handshake, then the relay that it is. */
#ifndef PL_IN_RELAY_CONN_H
#define PL_IN_RELAY_CONN_H

#include "format/relay_line.h"
#include "in_relay/server.h"

struct pl_in_relay_conn {
	TAILQ_ENTRY(pl_in_relay_conn) of_list;
	struct pl_in_relay_server *server;
	struct pl_server_stream *stream;
	struct pl_relay_lines lines;
	size_t begun; /* bytes of a begun line, as the server's account has them */
	enum pl_in_relay_state state;
	bool authorized;
	uint64_t since_ms; /* of the state; of a member: of the last byte */
	int64_t accepted_wall_ns;
	char address[PL_ADDRESS_TEXT_BYTES];
	/* Of a member. */
	struct pl_str id; /* owned: `host:` stands before it */
	struct pl_in_relay_collectors collectors;
	struct pl_buf tags; /* of points of collectors that were never added */
	struct pl_in_relay_spoke spoke;
	bool asked;           /* and has not answered */
	uint64_t override_ms; /* when overrides were sent last; 0: none were */
	int64_t point_ns;     /* time of its last point */
	int64_t got_wall_ns;  /* 0: nothing came so far */
	uint64_t n_points, n_dropped;
	UT_hash_handle hh;
};

static inline struct pl_str pl_in_relay_conn_host_tag(const struct pl_in_relay_conn *c)
{
	return (struct pl_str){c->id.p - 5, c->id.n + 5};
}

void pl_in_relay_conn_accept(struct pl_in_relay_server *s, uv_stream_t *listener);
void pl_in_relay_conn_close(struct pl_in_relay_conn *c);                /* at once */
void pl_in_relay_conn_end(struct pl_in_relay_conn *c, const char *why); /* says so first */
void pl_in_relay_conn_poll(struct pl_in_relay_conn *c);
void pl_in_relay_conn_override(struct pl_in_relay_conn *c); /* tells it the intervals of its collectors, if there are some */
void pl_in_relay_conn_retag(struct pl_in_relay_conn *c);    /* the tagging has changed */

#endif
