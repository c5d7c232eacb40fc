/* Reading a stat's history: raw points where they still are, else what was rolled up of them. One statement per source, asked one
 * after the other, for InfluxDB leaves out what follows a failing one; a window takes its value from the first source that has
 * one. No I/O.
 *
 * What is rolled up is combined as well as what was kept allows: means are weighted by counts, maxima are taken of maxima; where
 * only means were kept the verb is applied to those, as pulse does. */
#ifndef PL_OUT_INFLUXDB_HISTORY_H
#define PL_OUT_INFLUXDB_HISTORY_H

#include "base/buf.h"
#include "out_influxdb/provision_config.h"
#include "pipeline/plugin.h"

struct pl_influx_history {
	struct pl_query *q;
	struct pl_str policy;                               /* of the raw points; "": the default one */
	const struct pl_influx_provision_config *provision; /* NULL: none; borrowed */
	size_t step;                                        /* the source that is asked next */
	unsigned n_fields;                                  /* of the present statement */
	bool weighted;                                      /* each of them is followed by the number of samples */
	struct pl_query_row *windows;                       /* all there may be; in the query's arena */
	bool *filled;
	size_t n_windows;
	int64_t first_ns;
};

/* PL_EINVAL: the question's times or verb are out of range. PL_ENOENT: nothing can match. */
PL_MUST_CHECK enum pl_err pl_influx_history_begin(struct pl_influx_history *h, struct pl_query *q, struct pl_str policy,
						  const struct pl_influx_provision_config *provision);

/* Appends the next statement. False: there is none, and the question is answered. */
bool pl_influx_history_next(struct pl_influx_history *h, struct pl_buf *out);

/* Reads the answer to it (epoch=s). False: it is a failure of the whole, and the question is answered. */
bool pl_influx_history_read(struct pl_influx_history *h, long status, struct pl_str body);

#endif
