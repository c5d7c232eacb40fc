#include "in_relay/count.h"

#define DROPPED "pulseline_relay_stats_dropped", "Stats that became no point, by reason."
#define REFUSED "pulseline_relay_adds_refused", "Collectors that were not added, by reason."
#define ENDED   "pulseline_relay_connections_ended", "Connections of relays that the server refused or ended, by reason."

static const struct pl_listener_counter counters[PL_IN_RELAY_COUNTS] = {
    [PL_IN_RELAY_CONNECTIONS] = {"pulseline_relay_connections", "Connections of relays that were accepted.", NULL, false},
    [PL_IN_RELAY_OPEN] = {"pulseline_relay_connections_open", "Connections of relays that are open now.", NULL, true},
    [PL_IN_RELAY_RELAYS] = {"pulseline_relay_relays", "Relays that are connected and have said who they are.", NULL, true},
    [PL_IN_RELAY_COLLECTORS] = {"pulseline_relay_collectors", "Collectors of these relays.", NULL, true},
    [PL_IN_RELAY_MEMORY] = {"pulseline_relay_memory_bytes", "Memory of collectors and of lines that are not complete.", NULL,
			    true},
    [PL_IN_RELAY_POLLS] = {"pulseline_relay_polls", "Times that a relay was asked for its stats.", NULL, false},
    [PL_IN_RELAY_POLLS_LEFT_OUT] = {"pulseline_relay_polls_left_out",
				    "Times that a relay was not asked because it had not read what was sent before.", NULL,
				    false},
    [PL_IN_RELAY_POLLS_MISSED] = {"pulseline_relay_polls_missed",
				  "Times that a relay was not asked because the daemon came to it more than an interval late.",
				  NULL, false},
    [PL_IN_RELAY_GOTS] = {"pulseline_relay_gots", "Lines of stats that came.", NULL, false},
    [PL_IN_RELAY_STATS] = {"pulseline_relay_stats", "Stats in these lines: stats = points + dropped.", NULL, false},
    [PL_IN_RELAY_POINTS] = {"pulseline_relay_points", "Points handed on to the outputs.", NULL, false},
    [PL_IN_RELAY_LIVE] = {"pulseline_relay_live_values", "Values handed on to go live.", NULL, false},
    [PL_IN_RELAY_TAKEOVERS] = {"pulseline_relay_takeovers", "Connections closed because a newer one has the same id.", NULL,
			       false},
    [PL_IN_RELAY_OVERRIDES] = {"pulseline_relay_overrides", "Times that a relay was told an interval of its own.", NULL, false},
    [PL_IN_RELAY_LINES_IGNORED] = {"pulseline_relay_lines_ignored", "Lines that mean nothing to the server.", NULL, false},
    [PL_IN_RELAY_DROP_MALFORMED] = {DROPPED, "malformed", false},
    [PL_IN_RELAY_DROP_NAME_EMPTY] = {DROPPED, "name_empty", false},
    [PL_IN_RELAY_DROP_NAME_LONG] = {DROPPED, "name_too_long", false},
    [PL_IN_RELAY_DROP_UNPARSABLE] = {DROPPED, "not_a_number", false},
    [PL_IN_RELAY_DROP_NOT_FINITE] = {DROPPED, "not_finite", false},
    [PL_IN_RELAY_DROP_SERIES_KEY] = {DROPPED, "series_key_too_long", false},
    [PL_IN_RELAY_ADD_NAME] = {REFUSED, "name_too_long", false},
    [PL_IN_RELAY_ADD_TAGS] = {REFUSED, "too_many_tags", false},
    [PL_IN_RELAY_ADD_COLLECTORS] = {REFUSED, "too_many_collectors", false},
    [PL_IN_RELAY_ADD_MEMORY] = {REFUSED, "memory", false},
    [PL_IN_RELAY_END_NO_ID] = {ENDED, "no_id", false},
    [PL_IN_RELAY_END_ID_LONG] = {ENDED, "id_too_long", false},
    [PL_IN_RELAY_END_AUTH] = {ENDED, "unauthorized", false},
    [PL_IN_RELAY_END_CLIENTS] = {ENDED, "too_many_relays", false},
    [PL_IN_RELAY_END_HANDSHAKES] = {ENDED, "too_many_handshakes", false},
    [PL_IN_RELAY_END_HANDSHAKE_TIMEOUT] = {ENDED, "handshake_timeout", false},
    [PL_IN_RELAY_END_IDLE] = {ENDED, "idle", false},
    [PL_IN_RELAY_END_LINE] = {ENDED, "line_too_long", false},
    [PL_IN_RELAY_END_MEMORY] = {ENDED, "memory", false},
    [PL_IN_RELAY_END_SLOW] = {ENDED, "slow", false},
    [PL_IN_RELAY_END_BROKEN] = {ENDED, "broken", false},
    [PL_IN_RELAY_END_ACCEPT] = {ENDED, "not_accepted", false},
};

const struct pl_listener_counter *pl_in_relay_counter(size_t i)
{
	return i < PL_IN_RELAY_COUNTS ? &counters[i] : NULL;
}
