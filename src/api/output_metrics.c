#include "api/output_metrics.h"

#include <stdlib.h>

#include "base/mem.h"

struct column {
	const char *name;
	enum pl_family_type type;
	const char *help;
	uint64_t (*of)(const struct pl_output_status *s);
};

#define COLUMN(NAME, EXPRESSION)                                                                                                 \
	static uint64_t NAME(const struct pl_output_status *s)                                                                   \
	{                                                                                                                        \
		return EXPRESSION;                                                                                               \
	}
COLUMN(points_in, s->account.points_in)
COLUMN(points_out, s->account.points_out)
COLUMN(points_queued, s->account.points_queued)
COLUMN(bytes_in, s->account.bytes_in)
COLUMN(bytes_out, s->account.bytes_out)
COLUMN(bytes_queued, s->account.bytes_queued)
COLUMN(bytes_limit, s->account.bytes_limit)
COLUMN(batches_queued, s->account.batches_queued)
COLUMN(deliveries, s->delivery.deliveries)
COLUMN(retries, s->delivery.retries)
COLUMN(backlog_deliveries, s->delivery.backlog_deliveries)
COLUMN(points_quarantined, s->account.points_quarantined)
COLUMN(spool_bytes, s->account.disk.bytes_on_disk)
COLUMN(spool_segments, s->account.disk.segments)
COLUMN(spool_torn, s->account.disk.torn)
COLUMN(spool_corrupt, s->account.disk.corrupt)
COLUMN(spool_trouble, s->delivery.disk_trouble_since_wall_ns != 0)
COLUMN(is_up, s->delivery.failing_since_wall_ns == 0)
#undef COLUMN

static const struct column columns[] = {
    {"pulseline_output_points_in", PL_FAMILY_COUNTER,
     "Points that came to the output: in = out + queued + quarantined + dropped.", points_in},
    {"pulseline_output_points_out", PL_FAMILY_COUNTER, "Points that the output delivered.", points_out},
    {"pulseline_output_points_queued", PL_FAMILY_GAUGE, "Points that wait in the output's queue.", points_queued},
    {"pulseline_output_points_quarantined", PL_FAMILY_COUNTER, "Points that the server refused for good and that are kept.",
     points_quarantined},
    {"pulseline_output_bytes_in", PL_FAMILY_COUNTER, "Bytes of line protocol that came to the output.", bytes_in},
    {"pulseline_output_bytes_out", PL_FAMILY_COUNTER, "Bytes of line protocol that the output delivered.", bytes_out},
    {"pulseline_output_queue_bytes", PL_FAMILY_GAUGE, "Bytes in the output's queue in memory.", bytes_queued},
    {"pulseline_output_queue_limit_bytes", PL_FAMILY_GAUGE, "How many bytes the output's queue holds in memory.", bytes_limit},
    {"pulseline_output_queue_batches", PL_FAMILY_GAUGE, "Batches in the output's queue in memory.", batches_queued},
    {"pulseline_output_deliveries", PL_FAMILY_COUNTER, "Deliveries that were begun.", deliveries},
    {"pulseline_output_retries", PL_FAMILY_COUNTER, "Deliveries that had to be tried again.", retries},
    {"pulseline_output_backlog_deliveries", PL_FAMILY_COUNTER, "Of the deliveries those of what had waited behind.",
     backlog_deliveries},
    {"pulseline_output_spool_bytes", PL_FAMILY_GAUGE, "Bytes of the queue's segments on disk.", spool_bytes},
    {"pulseline_output_spool_segments", PL_FAMILY_GAUGE, "Segments of the queue on disk.", spool_segments},
    {"pulseline_output_spool_torn_records", PL_FAMILY_COUNTER, "Records that a loss of power had cut off.", spool_torn},
    {"pulseline_output_spool_corrupt_records", PL_FAMILY_COUNTER, "Records on disk that could not be read back.", spool_corrupt},
    {"pulseline_output_spool_trouble", PL_FAMILY_GAUGE, "1 while the queue cannot be written to disk.", spool_trouble},
    {"pulseline_output_up", PL_FAMILY_GAUGE, "1 unless the last delivery failed.", is_up},
};

static void output_sample(struct pl_metric_out *e, const struct pl_outputs *o, size_t i)
{
	pl_metric_sample(e);
	pl_metric_label(e, "output", pl_str_of(pl_output_name(o->v[i])));
}

static void add_states(struct pl_metric_out *e, const struct pl_outputs *o, const struct pl_output_status *status)
{
	pl_metric_family(e, "pulseline_output_state", PL_FAMILY_GAUGE, "1 for the state that the output is in.");
	for (size_t i = 0; i < o->n; i++)
		for (size_t k = 0; k <= PL_OUTPUT_HOLDING; k++) {
			output_sample(e, o, i);
			pl_metric_label(e, "state", pl_str_of(pl_output_state_word((enum pl_output_state)k)));
			pl_metric_u64(e, status[i].delivery.state == k);
		}
}

static void add_events(struct pl_metric_out *e, const struct pl_outputs *o)
{
	const char *label;
	uint64_t n;
	pl_metric_family(e, "pulseline_output_events", PL_FAMILY_COUNTER, "What an output counts for itself, by its kind.");
	for (size_t i = 0; i < o->n; i++)
		for (size_t k = 0; (label = pl_output_counter(o->v[i], k, &n)) != NULL; k++) {
			output_sample(e, o, i);
			pl_metric_label(e, "event", pl_str_of(label));
			pl_metric_u64(e, n);
		}
}

static void add_dropped(struct pl_metric_out *e, const struct pl_outputs *o, const struct pl_output_status *status)
{
	pl_metric_family(e, "pulseline_output_points_dropped", PL_FAMILY_COUNTER, "Points that the output gave up, by reason.");
	for (size_t i = 0; i < o->n; i++)
		for (size_t d = 0; d < PL_DROP_COUNT; d++) {
			output_sample(e, o, i);
			pl_metric_label(e, "reason", pl_str_of(pl_drop_label((enum pl_drop)d)));
			pl_metric_u64(e, status[i].account.dropped[d]);
		}
}

static void add_ages(struct pl_metric_out *e, const struct pl_outputs *o, const struct pl_output_status *status)
{
	pl_metric_family(e, "pulseline_output_oldest_point_age_seconds", PL_FAMILY_GAUGE,
			 "How long the oldest point has waited in the queue.");
	for (size_t i = 0; i < o->n; i++) {
		output_sample(e, o, i);
		pl_metric_seconds(e, status[i].oldest_age_ns);
	}
	pl_metric_family(e, "pulseline_output_lag_seconds", PL_FAMILY_GAUGE,
			 "How old the newest delivered batch is while others wait: how far dashboards are behind.");
	for (size_t i = 0; i < o->n; i++) {
		output_sample(e, o, i);
		pl_metric_seconds(e, status[i].lag_ns);
	}
}

void pl_api_add_output_metrics(struct pl_metric_out *e, const struct pl_outputs *o)
{
	struct pl_output_status *status = pl_calloc(o->n, sizeof *status); /* one look each: the account must add up */
	for (size_t i = 0; i < o->n; i++)
		pl_output_status(o->v[i], &status[i]);
	for (size_t c = 0; c < PL_COUNT_OF(columns); c++) {
		pl_metric_family(e, columns[c].name, columns[c].type, columns[c].help);
		for (size_t i = 0; i < o->n; i++) {
			output_sample(e, o, i);
			pl_metric_u64(e, columns[c].of(&status[i]));
		}
	}
	add_dropped(e, o, status);
	add_ages(e, o, status);
	add_states(e, o, status);
	add_events(e, o);
	free(status);
}
