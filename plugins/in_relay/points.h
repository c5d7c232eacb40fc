/* The stats of a `got` line: as points to the outputs, as they came to those who listen live. */
#ifndef PL_IN_RELAY_POINTS_H
#define PL_IN_RELAY_POINTS_H

#include "in_relay/conn.h"

void pl_in_relay_points_got(struct pl_in_relay_conn *c, struct pl_str arg);

#endif
