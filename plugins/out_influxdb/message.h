/* The words of an InfluxDB answer. No I/O. */
#ifndef PL_OUT_INFLUXDB_MESSAGE_H
#define PL_OUT_INFLUXDB_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* Appends the server's message, the member `error` of a JSON object or `message`, with its escapes resolved: as UTF-8, and what
 * was no UTF-8 stays U+FFFD, as the server wrote it. The body may have been cut anywhere. False when it holds none. */
bool pl_influx_message(struct pl_str body, struct pl_buf *out);

/* A printable "InfluxDB answered STATUS: MESSAGE" for people. `message` may be empty. */
void pl_influx_reason(long status, struct pl_str message, char *out, size_t size);

#endif
