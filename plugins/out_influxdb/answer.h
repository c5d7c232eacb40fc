/* What InfluxDB's answer to a write says about its lines. No I/O.
 *
 * The status alone does not tell: 1.x says 400 both when one point of thousands was refused and when all were, and 500 for a
 * missing retention policy. So the message decides, as seen on 1.6.7:
 *
 *   204, or any other 2xx without a body                   taken (VictoriaMetrics, QuestDB and others of that kind, too)
 *   400 partial write: field type conflict: input field "F" on measurement "M" is type T, already exists as type U dropped=N
 *                                                          N points refused, the first one named, the rest taken
 *   400 field type conflict                                the body disagrees with itself about a field that was new. Nothing
 *                                                          was taken, but the first value's type is the field's from now on
 *   400 partial write: unable to parse 'LINE': ... dropped=0
 *                                                          the quoted lines are lost (one per line of the message), the rest
 *                                                          taken
 *   400 unable to parse 'LINE': ...                        no line of the body was good (InfluxDB 2: or not all were)
 *   400 partial write: points beyond retention policy dropped=N
 *                                                          the rest taken, unless lines that cannot be parsed hide behind it
 *   400 partial write: max-series-per-database limit exceeded: ... dropped=N
 *                                                          N lines are of new series. Nothing was taken, known series neither
 *   400 partial write: max-values-per-tag limit exceeded ... dropped=N
 *                                                          the rest taken
 *   400 gzip: invalid header; unexpected EOF               the compressed body did not arrive well
 *   401, 403                                               credentials
 *   404 database not found: "NAME"
 *   413 Request Entity Too Large
 *   500 retention policy not found: NAME                   will not pass by itself
 *   500 ... invalid UTF-8                                  neither
 *   429, 503, other 5xx                                    may pass
 *
 * `dropped` speaks of one shard, and so does the message: a body that reaches into several shards is answered with whatever came
 * first. Of several troubles only one is told, and those that concern fewer lines come last.
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

enum { PL_INFLUX_ANSWER_BYTES = 65536, PL_INFLUX_REASON_BYTES = 256 };

struct pl_influx_answer {
	long status;
	struct pl_str body; /* at most its first PL_INFLUX_ANSWER_BYTES */
	bool cut;           /* there was more */
	bool gzipped;       /* the request's body was */
};

enum pl_influx_finding {
	PL_INFLUX_TAKEN,
	PL_INFLUX_EXPIRED,      /* `dropped` lines are too old */
	PL_INFLUX_CONFLICT,     /* `dropped` lines; measurement, field and type name the first one, unless empty */
	PL_INFLUX_CLASH,        /* within the body; sent again it is a conflict */
	PL_INFLUX_UNPARSABLE,   /* the lines in `quoted` */
	PL_INFLUX_SERIES_LIMIT, /* `dropped` lines are of new series */
	PL_INFLUX_SOME_REFUSED, /* `dropped` lines */
	PL_INFLUX_BAD_LINES,    /* some, and nothing was taken */
	PL_INFLUX_TOO_LARGE,
	PL_INFLUX_BAD_ENCODING,
	PL_INFLUX_NO_DATABASE,
	PL_INFLUX_NO_POLICY,
	PL_INFLUX_RETRY, /* it may pass */
	PL_INFLUX_HOLD,  /* somebody has to see to it */
};

/* Zero-initialise. */
struct pl_influx_judgement {
	enum pl_influx_finding finding;
	long status;
	uint32_t dropped;                       /* 0: not said */
	bool partial;                           /* the other lines were taken */
	bool cut;                               /* the message may go on */
	struct pl_str measurement, field, type; /* views of `message` */
	struct pl_str quoted;                   /* UNPARSABLE: from the first "unable to parse" on; a view of `message` */
	char reason[PL_INFLUX_REASON_BYTES];    /* for people, printable; "" when taken */
	struct pl_buf message;
};

void pl_influx_judge(const struct pl_influx_answer *a, struct pl_influx_judgement *j);
void pl_influx_judgement_finish(struct pl_influx_judgement *j);

#endif
