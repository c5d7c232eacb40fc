/* What this machine is doing, as a relay's collectors: cpu, load, memory, swap, disks, network. From /proc and statvfs(3). */
#ifndef PL_APP_HOST_STATS_H
#define PL_APP_HOST_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "relay/pulseline_relay.h"

struct pl_host_stats;

struct pl_host_stats *pl_host_stats_create(void);
void pl_host_stats_destroy(struct pl_host_stats *h); /* after the relay is closed */

/* Adds all collectors with these tags (NULL at the end, or NULL). The relay borrows `h`. */
bool pl_host_stats_add(struct pl_host_stats *h, struct pl_relay *relay, const char *const *tags, char *error, size_t size);

/* One "NAME VALUE" per line, as they are now; waits a second first, for what is measured per second. */
void pl_host_stats_print(struct pl_host_stats *h, FILE *out);

#endif
