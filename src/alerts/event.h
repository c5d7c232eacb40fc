/* What Kapacitor says when an alert changes: the body of its post, read; and what is stored and passed on of it.
 * The format: https://docs.influxdata.com/kapacitor/v1.5/ (alert data); spelt out in event.c. */
#ifndef PL_ALERTS_EVENT_H
#define PL_ALERTS_EVENT_H

#include "base/arena.h"
#include "config/alert.h"
#include "format/labels.h"
#include "pipeline/notice.h"

struct pl_alert_event {
	struct pl_str task_id; /* `id` as Kapacitor sent it: made by pl_tick_render, see pl_tick_split_id */
	struct pl_str message;
	int level, previous;          /* enum pl_alert_level */
	int64_t wall_ns, duration_ns; /* `time`, `duration` */
	bool recoverable;
	struct pl_str series;   /* name of the first series; empty: none */
	struct pl_labels tags;  /* of the first series, those of ours left out */
	double value;           /* the last row's first number behind the time; NaN: none */
	struct pl_str data;     /* the member `data` as JSON text, our tags left out; "{}" when there is none */
};

/* Reads a body of at most 256 KiB into the arena. Members that are not known are ignored. PL_EPARSE, `reason` says what. */
PL_MUST_CHECK enum pl_err pl_alert_event_parse(struct pl_arena *arena, struct pl_str body, struct pl_alert_event *out, char *reason,
					       size_t reason_size);

#endif
