/* One thing that can fail and recover: logs the first failure and the recovery, and nothing between. */
#ifndef PL_BASE_INCIDENT_H
#define PL_BASE_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

/* Zero-initialise. `since_ns` is 0 while all is well. */
struct pl_incident {
	int64_t since_ns;  /* wall clock of the first failure */
	uint64_t failures; /* since then */
};

/* Counts a failure; logs `message` with `kv` (ending in a NULL key) only when it is the first. True when it was. */
bool pl_incident_fail(struct pl_incident *i, int64_t wall_ns, struct pl_log *log, enum pl_log_level level, const char *message,
		      const struct pl_kv *kv);

/* After a failure: logs `message` with `kv`, the duration and the number of failures. True when there was something to end. */
bool pl_incident_end(struct pl_incident *i, int64_t wall_ns, struct pl_log *log, const char *message, const struct pl_kv *kv);

#endif
