/* Rolls windows of time up from one retention policy into another, by SELECT ... INTO, each when it has ended and again when it
 * got points later than that.
 *
 * No continuous queries: those never look back, and what an outage held up comes late. Instead the windows that points fell into
 * are remembered from the times of the delivered lines, one bit each, up to the age `late`. Rolling a window twice writes the
 * same points again, so that after a start, when nobody knows what was done, all windows of that horizon are rolled. */
#ifndef PL_OUT_INFLUXDB_ROLLUP_H
#define PL_OUT_INFLUXDB_ROLLUP_H

#include "base/incident.h"
#include "out_influxdb/aggregate.h"
#include "out_influxdb/provision_config.h"
#include "out_influxdb/request.h"
#include "out_influxdb/shown.h"
#include "out_influxdb/windows.h"

struct pl_influx_rule {
	bool pulse; /* else by `functions` */
	const char *from, *into;
	int64_t interval_ns;
	struct pl_strings functions, measurements; /* borrowed */
	/* own */
	char *source;     /* the policy that `from` means; NULL: the rule cannot be applied now */
	int64_t kept_ns;  /* how long both policies keep points; 0: for ever */
	size_t most;      /* windows at once; less after a failure */
	unsigned refused; /* times that the oldest window alone, or a stat of it, was refused */
	bool apart;       /* each measurement by a statement of its own, because all in one were refused */
	bool hopeless;    /* some stat was refused every time, and is no longer waited for */
	struct pl_influx_windows windows;
	struct pl_incident missing; /* a policy */
	struct pl_incident trouble; /* with rolling */
	struct pl_incident some;    /* with some stats */
	unsigned failures;          /* in a row */
	int64_t resting_until;      /* by the monotonic clock */
};

enum { PL_INFLUX_MOST_RULES = PL_INFLUX_MOST_DECLARED + 1 };

struct pl_influx_rollup {
	/* set by the owner; borrowed */
	const struct pl_output_env *env;
	const struct pl_influx_server *server;
	const char *database;
	int64_t late_ns, delay_ns;
	struct pl_influx_rule rules[PL_INFLUX_MOST_RULES];
	size_t n_rules;
	void (*missing)(struct pl_influx_rollup *r); /* something that should be there is not */
	/* own */
	uv_timer_t timer;
	struct pl_influx_request request;
	struct pl_buf statement;
	struct pl_influx_rule *rule; /* under way; NULL: none */
	size_t next_rule;
	int64_t begin_ns, end_ns, started_mono_ns;
	struct pl_influx_aggregate aggregate;
	size_t stats_failed; /* in this pass */
	bool started;        /* ready was called */
	bool closing;        /* set by the owner before it cancels the request */
	void (*closed)(struct pl_influx_rollup *r);
};

void pl_influx_rollup_open(struct pl_influx_rollup *r);

/* The database and its policies are there. `changed`: they were not, so all windows of the horizon are rolled again. */
void pl_influx_rollup_ready(struct pl_influx_rollup *r, bool changed, const struct pl_influx_shown_policy *shown, size_t n);

/* These lines were written into `policy` ("": the default one) of the database. */
void pl_influx_rollup_note(struct pl_influx_rollup *r, const char *policy, const struct pl_delivery *d);

/* The time at the end of a line of line protocol, without the newline; fallback_ns when there is none. */
int64_t pl_influx_line_time(struct pl_str line, int64_t fallback_ns);

void pl_influx_rollup_close(struct pl_influx_rollup *r, void (*closed)(struct pl_influx_rollup *r));

#endif
