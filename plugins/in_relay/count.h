/* What the relay server counts, and how /metrics shows it. */
#ifndef PL_IN_RELAY_COUNT_H
#define PL_IN_RELAY_COUNT_H

#include "pipeline/plugin.h"

enum pl_in_relay_count {
	PL_IN_RELAY_CONNECTIONS,
	PL_IN_RELAY_OPEN,
	PL_IN_RELAY_RELAYS,
	PL_IN_RELAY_COLLECTORS,
	PL_IN_RELAY_MEMORY,
	PL_IN_RELAY_POLLS,
	PL_IN_RELAY_POLLS_LEFT_OUT,
	PL_IN_RELAY_GOTS,
	PL_IN_RELAY_STATS,
	PL_IN_RELAY_POINTS,
	PL_IN_RELAY_LIVE,
	PL_IN_RELAY_TAKEOVERS,
	PL_IN_RELAY_OVERRIDES,
	PL_IN_RELAY_LINES_IGNORED,
	/* Items of `got` that became no point. stats = points + these, at any time that no line is being read. */
	PL_IN_RELAY_DROP_MALFORMED,
	PL_IN_RELAY_DROP_NAME_EMPTY,
	PL_IN_RELAY_DROP_NAME_LONG,
	PL_IN_RELAY_DROP_UNPARSABLE,
	PL_IN_RELAY_DROP_NOT_FINITE,
	PL_IN_RELAY_DROP_SERIES_KEY,
	/* `add` lines that were refused. */
	PL_IN_RELAY_ADD_NAME,
	PL_IN_RELAY_ADD_TAGS,
	PL_IN_RELAY_ADD_COLLECTORS,
	PL_IN_RELAY_ADD_MEMORY,
	/* Connections that the server refused or ended. */
	PL_IN_RELAY_END_NO_ID,
	PL_IN_RELAY_END_ID_LONG,
	PL_IN_RELAY_END_AUTH,
	PL_IN_RELAY_END_CLIENTS,
	PL_IN_RELAY_END_HANDSHAKES,
	PL_IN_RELAY_END_HANDSHAKE_TIMEOUT,
	PL_IN_RELAY_END_IDLE,
	PL_IN_RELAY_END_LINE,
	PL_IN_RELAY_END_MEMORY,
	PL_IN_RELAY_END_SLOW,
	PL_IN_RELAY_END_BROKEN,
	PL_IN_RELAY_END_ACCEPT,
	PL_IN_RELAY_COUNTS,
};
_Static_assert((int)PL_IN_RELAY_COUNTS <= (int)PL_LISTENER_COUNTERS, "the daemon gives room for so many");

const struct pl_listener_counter *pl_in_relay_counter(size_t i);

#endif
