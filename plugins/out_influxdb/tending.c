#include "out_influxdb/tending.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "out_influxdb/provision.h"
#include "out_influxdb/rollup.h"
#include "out_influxdb/upkeep.h"

/* A roll-up reads many series; a write that took so long would be given up. */
#define LEAST_TIMEOUT_NS (60 * PL_NS_PER_S)

struct pl_influx_tending {
	struct pl_influx_server server;
	const char *database, *policy;
	struct pl_influx_provision provision;
	struct pl_influx_rollup rollup;
	void (*destroyed)(void *data);
	void *data;
};

/* ---- from the configuration ---- */

static void add_policy(struct pl_influx_provision *p, struct pl_influx_policy policy)
{
	for (size_t i = 0; i < p->n_policies; i++) {
		if (strcmp(p->policies[i].name, policy.name) == 0)
			return;
	}
	p->policies[p->n_policies++] = policy;
}

static void add_policies(struct pl_influx_provision *p, const struct pl_influx_provision_config *c)
{
	const struct pl_influx_policy_config *declared = c->retention_policies.v;
	int64_t duration;
	const char *standard = pl_influx_declared_default(c, &duration);
	for (size_t i = 0; i < c->retention_policies.n; i++)
		add_policy(p,
			   (struct pl_influx_policy){.name = declared[i].name,
						     .duration_ns = declared[i].duration,
						     .shard_ns = declared[i].shard_duration,
						     .is_default = standard != NULL && strcmp(standard, declared[i].name) == 0});
	if (!c->pulse_aggregates)
		return;
	add_policy(p, (struct pl_influx_policy){.name = PL_INFLUX_PULSE_FROM, .duration_ns = duration, .is_default = true});
	add_policy(p, (struct pl_influx_policy){.name = PL_INFLUX_PULSE_INTO, .duration_ns = c->aggregate_retention});
}

static void add_rules(struct pl_influx_rollup *r, const struct pl_influx_provision_config *c)
{
	const struct pl_influx_downsampling_config *d = c->downsampling.v;
	for (size_t i = 0; i < c->downsampling.n; i++)
		r->rules[r->n_rules++] = (struct pl_influx_rule){.from = d[i].from,
								 .into = d[i].into,
								 .interval_ns = d[i].interval,
								 .functions = d[i].functions,
								 .measurements = d[i].measurements};
	if (c->pulse_aggregates)
		r->rules[r->n_rules++] = (struct pl_influx_rule){.pulse = true,
								 .from = PL_INFLUX_PULSE_FROM,
								 .into = PL_INFLUX_PULSE_INTO,
								 .interval_ns = c->aggregate_interval};
}

/* ---- together ---- */

static void on_ready(struct pl_influx_provision *p, bool changed, const struct pl_influx_shown_policy *shown, size_t n)
{
	struct pl_influx_tending *t = pl_container_of(p, struct pl_influx_tending, provision);
	pl_influx_rollup_ready(&t->rollup, changed, shown, n);
}

static void on_missing(struct pl_influx_rollup *r)
{
	struct pl_influx_tending *t = pl_container_of(r, struct pl_influx_tending, rollup);
	pl_influx_provision_poke(&t->provision);
}

void pl_influx_tending_note(struct pl_influx_tending *t, const struct pl_delivery *d, const struct pl_verdict *v, bool created)
{
	const struct pl_route *route = d->route;
	bool ours = route->database[0] == '\0' || strcmp(route->database, t->database) == 0;
	bool plain = route->database[0] == '\0' && route->retention_policy[0] == '\0';
	if (!ours)
		return;
	if (v->kind == PL_VERDICT_DONE)
		pl_influx_rollup_note(&t->rollup, plain ? t->policy : route->retention_policy, d);
	if (v->kind == PL_VERDICT_HOLD || created)
		pl_influx_provision_poke(&t->provision);
}

/* ---- life ---- */

struct pl_influx_tending *pl_influx_tending_create(const struct pl_influx_tending_options *options)
{
	struct pl_influx_tending *t = pl_calloc(1, sizeof *t);
	t->server = *options->server;
	if (t->server.timeout_ns < LEAST_TIMEOUT_NS)
		t->server.timeout_ns = LEAST_TIMEOUT_NS;
	t->database = options->database;
	t->policy = options->policy;
	t->provision = (struct pl_influx_provision){.env = options->env,
						    .server = &t->server,
						    .database = options->database,
						    .create_database = options->create_database,
						    .ready = on_ready};
	t->rollup = (struct pl_influx_rollup){.env = options->env,
					      .server = &t->server,
					      .database = options->database,
					      .late_ns = options->config->late,
					      .delay_ns = options->config->delay,
					      .missing = on_missing};
	add_policies(&t->provision, options->config);
	add_rules(&t->rollup, options->config);
	pl_influx_rollup_open(&t->rollup);
	pl_influx_provision_open(&t->provision);
	return t;
}

void pl_influx_tending_end(struct pl_influx_tending *t)
{
	t->provision.closing = t->rollup.closing = true;
}

static void on_provision_closed(struct pl_influx_provision *p)
{
	struct pl_influx_tending *t = pl_container_of(p, struct pl_influx_tending, provision);
	void (*destroyed)(void *) = t->destroyed;
	void *data = t->data;
	free(t);
	destroyed(data);
}

static void on_rollup_closed(struct pl_influx_rollup *r)
{
	struct pl_influx_tending *t = pl_container_of(r, struct pl_influx_tending, rollup);
	pl_influx_provision_close(&t->provision, on_provision_closed);
}

void pl_influx_tending_destroy(struct pl_influx_tending *t, void (*destroyed)(void *data), void *data)
{
	t->destroyed = destroyed;
	t->data = data;
	pl_influx_rollup_close(&t->rollup, on_rollup_closed);
}

const char *pl_influx_tending_counter(size_t i)
{
	static const char *const labels[] = {
	    [PL_INFLUX_PROVISION_CHANGES] = "provision_changes",   [PL_INFLUX_PROVISION_FAILURES] = "provision_failures",
	    [PL_INFLUX_ROLLUP_WINDOWS] = "rollup_windows",         [PL_INFLUX_ROLLUP_POINTS] = "rollup_points",
	    [PL_INFLUX_ROLLUP_FAILURES] = "rollup_failures",       [PL_INFLUX_ROLLUP_WINDOWS_LOST] = "rollup_windows_lost",
	    [PL_INFLUX_ROLLUP_POINTS_LATE] = "rollup_points_late",
	};
	return i < PL_COUNT_OF(labels) ? labels[i] : NULL;
}
