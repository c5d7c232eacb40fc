/* Reads what `/query` answers. No I/O.
 * Source of the format: https://docs.influxdata.com/influxdb/v1/guides/query_data/ and what 1.6.7 was seen to send. */
#ifndef PL_OUT_INFLUXDB_RESULT_H
#define PL_OUT_INFLUXDB_RESULT_H

#include <cjson/cJSON.h>

#include "pipeline/plugin.h"

/* Fills q's answer (err, reason, names, rows) from an answer with `status` and `body`; epoch=s was asked for. `n_fields` as
 * pl_influx_read_statement gave it. */
void pl_influx_read_result(struct pl_query *q, long status, struct pl_str body, unsigned n_fields);

/* The answer as a tree (the caller deletes it), or NULL: then q has the failure. PL_ENOENT: nothing there fits the question. */
cJSON *pl_influx_open_result(struct pl_query *q, long status, struct pl_str body);
bool pl_influx_number(const cJSON *node, double *out); /* a finite number; booleans are 0 and 1 */

/* For statements that return nothing: PL_OK when each went well or found what it should create. Else `reason` holds the server's
 * words. */
PL_MUST_CHECK enum pl_err pl_influx_check_result(long status, struct pl_str body, char *reason, size_t reason_size);

/* Answers q without the server. */
void pl_influx_fail(struct pl_query *q, enum pl_err err, const char *reason);

#endif
