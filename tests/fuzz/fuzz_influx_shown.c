/* What InfluxDB answers to SHOW and SELECT INTO: whatever it is, it is read within bounds. The first byte chooses the status. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "out_influxdb/aggregate.h"
#include "out_influxdb/rollup.h"
#include "out_influxdb/shown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = {200, 400, 401, 404};
	struct pl_influx_aggregate a = {0};
	struct pl_influx_shown_policy *policies;
	struct pl_influx_shown_field *fields;
	struct pl_buf out = {0};
	struct pl_str stat;
	uint64_t written;
	int64_t ns;
	size_t n;
	char reason[256];
	if (size == 0)
		return 0;
	long status = statuses[data[0] == 'x' ? 1 : data[0] == 'y' ? 2 : data[0] == 'z' ? 3 : 0];
	struct pl_str body = {(const char *)data + 1, size - 1};
	if (pl_influx_read_policies(status, body, &a.arena, &policies, &n, reason, sizeof reason) == PL_OK) {
		for (size_t i = 0; i < n; i++)
			if (policies[i].duration_ns < 0 || policies[i].shard_ns < 0)
				abort();
	}
	if (pl_influx_read_rolled(status, body, &written, reason, sizeof reason) != PL_OK && reason[0] == '\0')
		abort();
	pl_influx_line_time(body, 0);
	if (pl_influx_read_duration(body, &ns) == PL_OK && ns < 0)
		abort();
	if (pl_influx_read_fields(status, body, &a.arena, &fields, &n, reason, sizeof reason) == PL_OK) {
		const struct pl_influx_roll roll = {
		    .database = "d", .from = "f", .into = "i", .interval_ns = 1000000000, .begin_ns = 0, .end_ns = 1000000000};
		const struct pl_strings none = {0};
		size_t given = 0;
		bool apart = n % 2 == 1;
		if (apart)
			pl_influx_aggregate_begin_apart(&a, fields, n, &none, &none);
		else
			pl_influx_aggregate_begin(&a, fields, n);
		for (size_t i = 0; pl_influx_aggregate_next(&a, &roll, &out); i++) {
			if (i % 3 == 0 && pl_influx_aggregate_retry(&a, &stat))
				continue;
			given += a.end - a.at;
			pl_buf_clear(&out);
		}
		if (given != (apart ? 1 : 3) * a.n_stats)
			abort();
	}
	pl_buf_finish(&out);
	pl_influx_aggregate_finish(&a);
	return 0;
}
