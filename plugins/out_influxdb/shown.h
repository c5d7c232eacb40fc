/* Reads what InfluxDB answers to SHOW statements and to SELECT ... INTO. No I/O.
 * Source of the format: https://docs.influxdata.com/influxdb/v1/query_language/explore-schema/ and what 1.6.7 was seen to send.
 */
#ifndef PL_OUT_INFLUXDB_SHOWN_H
#define PL_OUT_INFLUXDB_SHOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct pl_influx_shown_policy {
	struct pl_str name;
	int64_t duration_ns; /* 0: for ever */
	int64_t shard_ns;
	bool is_default;
};

struct pl_influx_shown_field {
	struct pl_str measurement, key;
	bool numeric;
};

/* All return PL_EUNSUPPORTED when the server has no /query at all, PL_ENOENT when it has no such database or policy, PL_EACCES
 * when the credentials do not do, PL_EIO with its words otherwise. Results are the arena's. */

PL_MUST_CHECK enum pl_err pl_influx_read_policies(long status, struct pl_str body, struct pl_arena *arena,
						  struct pl_influx_shown_policy **out, size_t *n, char *reason,
						  size_t reason_size);
PL_MUST_CHECK enum pl_err pl_influx_read_fields(long status, struct pl_str body, struct pl_arena *arena,
						struct pl_influx_shown_field **out, size_t *n, char *reason, size_t reason_size);

/* `written`: points that the statements wrote. With more than one statement an error says that one failed and not which: 1.6.7
 * mixes them up. */
PL_MUST_CHECK enum pl_err pl_influx_read_rolled(long status, struct pl_str body, uint64_t *written, char *reason,
						size_t reason_size);

/* "168h0m0s", as Go prints a duration. */
PL_MUST_CHECK enum pl_err pl_influx_read_duration(struct pl_str s, int64_t *ns);

#endif
