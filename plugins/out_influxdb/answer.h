/* What InfluxDB's answer to a write means for the points. No I/O.
 *
 * The status alone does not tell: 1.x says 400 both when one point of thousands was refused and when all were, and 500 for a
 * missing retention policy. So the message decides, as seen on 1.6.7:
 *
 *   204                                                    taken
 *   400 partial write: field type conflict: ... dropped=N  N points refused, the rest taken
 *   400 partial write: unable to parse 'LINE': ... dropped=0
 *                                                          the quoted lines are lost (one per line of the message), the rest
 * taken 400 unable to parse 'LINE': ...                        no line of the body was good 400 partial write: points beyond
 * retention policy dropped=N 400 partial write: max-series-per-database limit exceeded: ... dropped=N nothing was taken, known
 * series neither 400 gzip: invalid header; unexpected EOF               the compressed body did not arrive well 401, 403
 * credentials 404 database not found: "NAME" 413 Request Entity Too Large 500 retention policy not found: NAME will not pass by
 * itself 429, 503, other 5xx                                    may pass
 *
 * Messages are the member `error` of a JSON object, or `message` as InfluxDB 2 sends (with 422 for what is a partial write). A
 * 4xx without either is not InfluxDB's: a proxy, or another server. */
#ifndef PL_OUT_INFLUXDB_ANSWER_H
#define PL_OUT_INFLUXDB_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "pipeline/plugin.h"

enum { PL_INFLUX_ANSWER_BYTES = 65536 };

struct pl_influx_answer {
	long status;
	struct pl_str body; /* at most its first PL_INFLUX_ANSWER_BYTES */
	bool cut;           /* there was more */
	bool gzipped;       /* the request's body was */
	uint32_t points;    /* in the request */
	int64_t retry_after_ns;
};

/* What could be done before the verdict is given. */
enum pl_influx_cause { PL_INFLUX_PLAIN, PL_INFLUX_NO_DATABASE, PL_INFLUX_NO_POLICY, PL_INFLUX_BAD_ENCODING };

enum pl_influx_cause pl_influx_judge(const struct pl_influx_answer *a, struct pl_verdict *v);

/* Appends the server's message; false when the body holds none. */
bool pl_influx_message(struct pl_str body, struct pl_buf *out);

/* A printable "STATUS: MESSAGE" for people. `message` may be empty. */
void pl_influx_reason(long status, struct pl_str message, char *out, size_t size);

#endif
