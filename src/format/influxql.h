/* Names and strings inside InfluxQL text.
 * Source: https://docs.influxdata.com/influxdb/v1/query_language/spec/ (identifiers, strings). NUL and CR have no escape there,
 * and 1.6.7 refuses them between quotes: they and bytes that are not UTF-8 are written as U+FFFD, which no name of ours holds. So
 * the result is always one token, whatever the bytes are. */
#ifndef PL_FORMAT_INFLUXQL_H
#define PL_FORMAT_INFLUXQL_H

#include "base/buf.h"
#include "base/str.h"

void pl_influxql_add_ident(struct pl_buf *out, struct pl_str name);   /* appends "name": database, measurement, tag, field */
void pl_influxql_add_string(struct pl_buf *out, struct pl_str value); /* appends 'value' */

#endif
