/* What provisioning and rolling up share: where they ask, and how long they wait after a failure. */
#ifndef PL_OUT_INFLUXDB_UPKEEP_H
#define PL_OUT_INFLUXDB_UPKEEP_H

#include "base/clock.h"
#include "out_influxdb/request.h"

/* Neither a write nor a question of the API waits behind them. */
enum { PL_INFLUX_FOR_UPKEEP = 2, PL_INFLUX_UPKEEP_ANSWER_BYTES = 16 * 1024 * 1024 };

/* Their places among the counters of an output. */
enum pl_influx_counter {
	PL_INFLUX_PROVISION_CHANGES,
	PL_INFLUX_PROVISION_FAILURES,
	PL_INFLUX_ROLLUP_WINDOWS,
	PL_INFLUX_ROLLUP_POINTS,
	PL_INFLUX_ROLLUP_FAILURES,
	PL_INFLUX_ROLLUP_WINDOWS_LOST,
	PL_INFLUX_ROLLUP_POINTS_LATE,
};

static inline void pl_influx_count(const struct pl_output_env *env, enum pl_influx_counter which, uint64_t n)
{
	atomic_fetch_add_explicit(&env->counters[which], n, memory_order_relaxed);
}

/* 1 s after the first failure, doubling to most_s, times 0.5 to 1 so that many daemons do not come at once. Milliseconds. */
static inline uint64_t pl_influx_patience_ms(unsigned failures, uint64_t most_s)
{
	uint64_t ms = failures > 16 ? most_s * 1000 : UINT64_C(1000) << (failures > 0 ? failures - 1 : 0);
	int64_t now = pl_clock_mono_ns();
	uint64_t chance = pl_str_hash((struct pl_str){(const char *)&now, sizeof now}, failures) % 512;
	ms = ms < most_s * 1000 ? ms : most_s * 1000;
	return ms / 2 + ms * chance / 1024;
}

#endif
