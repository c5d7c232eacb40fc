/* The lines of the relay protocol, as the server and as the relay read them. No I/O.
 *
 * Source of the protocol: what the pulse server and its Go relay were seen to say and take. A line ends in '\n'; words are
 * separated by one space and are case-sensitive; everything behind the first space is one argument, of any bytes. Beyond pulse:
 * one '\r' before the '\n' is no part of the line; `auth TOKEN` may stand before `id` and gets no answer of its own when it is
 * right; an item of `got` without a dash (`NAME:VALUE`, as relays before the first release wrote it) is the stat NAME of the
 * collector NAME. */
#ifndef PL_FORMAT_RELAY_LINE_H
#define PL_FORMAT_RELAY_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* ---- bytes -> lines ---- */

/* Yields lines from chunks cut anywhere:
 *
 *	pl_relay_lines_feed(&lines, chunk);
 *	while (pl_relay_lines_next(&lines, &line) == PL_RELAY_LINE)
 *		...
 *
 * While no line is begun it owns no memory. */
struct pl_relay_lines {
	struct pl_str chunk; /* borrowed: what of the last chunk was not read yet */
	struct pl_buf begun; /* of a line whose end has not come */
	size_t limit;
	bool given, too_long;
};

enum pl_relay_lines_result {
	PL_RELAY_LINE,
	PL_RELAY_LINES_MORE,     /* the chunk is used up */
	PL_RELAY_LINES_TOO_LONG, /* a line is longer than the limit; for ever, as nobody knows what the rest of it would mean */
};

void pl_relay_lines_init(struct pl_relay_lines *l, size_t limit); /* limit: bytes of a line without its '\n' and '\r', >= 1 */
void pl_relay_lines_finish(struct pl_relay_lines *l);

/* After the last chunk was used up. Borrows it until then. */
void pl_relay_lines_feed(struct pl_relay_lines *l, struct pl_str chunk);

/* `*line` is valid until the next call. */
enum pl_relay_lines_result pl_relay_lines_next(struct pl_relay_lines *l, struct pl_str *line);

/* ---- what a relay says to the server ---- */

enum pl_relay_verb {
	PL_RELAY_ID,
	PL_RELAY_PING,  /* alone on its line */
	PL_RELAY_CLOSE, /* whatever follows */
	PL_RELAY_ADD,
	PL_RELAY_REMOVE,
	PL_RELAY_GOT,
	PL_RELAY_OK,
	PL_RELAY_AUTH,
	PL_RELAY_OTHER, /* unknown, empty, or `ping` with an argument; to be ignored after the handshake */
};

struct pl_relay_line {
	enum pl_relay_verb verb;
	struct pl_str arg; /* behind the first space; may be empty */
	bool has_arg;      /* false: there was no space. `add`, `remove` and `got` mean nothing then */
};

void pl_relay_read(struct pl_str line, struct pl_relay_line *out);

/* Of the argument of `add`: NAME, NAME: or NAME:TAG,TAG... `*tags` has p == NULL when there are none; else
 * `while (tags.p != NULL) tag = pl_str_cut(&tags, ',')` gives each, empty ones too. */
void pl_relay_read_add(struct pl_str arg, struct pl_str *name, struct pl_str *tags);

/* Walks the argument of `got`. */
struct pl_relay_items {
	struct pl_str rest;
	uint64_t skipped; /* items so far that are none: not one ':', or more than one '-' before it */
};
struct pl_relay_item {
	struct pl_str collector, stat, value; /* any of them may be empty */
};

static inline struct pl_relay_items pl_relay_items_of(struct pl_str arg)
{
	return (struct pl_relay_items){.rest = arg.n > 0 ? arg : (struct pl_str){0}};
}

bool pl_relay_next_item(struct pl_relay_items *items, struct pl_relay_item *out); /* false: that was the last */

/* ---- what the server says to a relay ---- */

enum pl_relay_order {
	PL_RELAY_ORDER_OK,
	PL_RELAY_ORDER_PONG,
	PL_RELAY_ORDER_BEAT,     /* argument: seconds, see pl_relay_read_beat */
	PL_RELAY_ORDER_GET,      /* argument: names, separated by ',' */
	PL_RELAY_ORDER_FLUSH,    /* to be answered with `ok` */
	PL_RELAY_ORDER_OVERRIDE, /* see pl_relay_read_override; to be answered with `ok` or `bad argument` */
	PL_RELAY_ORDER_PING,
	PL_RELAY_ORDER_OTHER, /* to be ignored */
};

struct pl_relay_order_line {
	enum pl_relay_order order;
	struct pl_str arg;
	bool has_arg;
};

void pl_relay_read_order(struct pl_str line, struct pl_relay_order_line *out);

/* False when it is no whole number of seconds from 1 to a day. */
bool pl_relay_read_beat(struct pl_str arg, uint32_t *seconds);

/* `SECONDS NAME:INTERVAL,NAME:INTERVAL...`: for so many seconds (0: until told otherwise) each collector named has the interval,
 * in seconds too. */
struct pl_relay_overrides {
	uint32_t seconds;
	struct pl_str rest;
	uint64_t bad; /* intervals so far that are no whole numbers from 1 to a day */
};

bool pl_relay_read_override(struct pl_str arg, struct pl_relay_overrides *out); /* false: a bad argument as a whole */
bool pl_relay_next_override(struct pl_relay_overrides *o, struct pl_str *name, uint32_t *interval); /* false: no more */

#endif
