/* What Kapacitor says when an alert changes: the body of its post, read; and what is stored and passed on of it.
 * The format: https://docs.influxdata.com/kapacitor/v1.5/ (alert data); spelt out in event.c. */
#ifndef PL_ALERTS_EVENT_H
#define PL_ALERTS_EVENT_H

#include "base/arena.h"
#include "config/alert.h"
#include "format/labels.h"
#include "pipeline/notice.h"

enum {
	PL_ALERT_EVENT_BYTES = 256 * 1024, /* longest body */
	PL_ALERT_EVENT_TAGS = 1024,        /* most tags of the first series */
};

struct pl_alert_event {
	struct pl_str task_id; /* `id` as Kapacitor sent it: made by pl_tick_render, see pl_tick_split_id */
	struct pl_str message, details;
	int level, previous;          /* enum pl_alert_level */
	int64_t wall_ns, duration_ns; /* `time`, `duration` */
	bool recoverable;
	struct pl_str series;  /* name of the first series; empty: none */
	struct pl_labels tags; /* of the first series, those of ours left out */
	double value;          /* the last row's first number behind the time; NaN: none */
	struct pl_str data;    /* the member `data` as JSON text, our tags left out; "{}" when there is none */
};

/* Reads a body of at most 256 KiB into the arena. Members that are not known are ignored, those that are missing have their zero
 * values, but id, time and level must be there. Numbers in `data` keep their text. PL_EPARSE (PL_ELIMIT: too much of it),
 * `reason` says what. */
PL_MUST_CHECK enum pl_err pl_alert_event_parse(struct pl_arena *arena, struct pl_str body, struct pl_alert_event *out,
					       char *reason, size_t reason_size);

/* Appends the event as it is stored and as GET /alerts/{id}/events shows it: alert, id (its title), message, level,
 * previousLevel, time, duration, recoverable, cause, value, tags, data. `title`: see pl_tick_title. `cause`: as in struct
 * pl_notice_event. */
void pl_alert_event_json(struct pl_buf *out, const struct pl_alert_event *e, struct pl_str alert, struct pl_str title,
			 struct pl_str cause);

/* Appends the object as Kapacitor's own post of pulse's task has it, members in Kapacitor's order, with `title` for id. */
void pl_alert_event_pulse_body(struct pl_buf *out, const struct pl_alert_event *e, struct pl_str title);

/* RFC 3339 in UTC with as many digits behind the second as are needed, as Go's encoding/json writes it; and such a text read,
 * with any offset. Years 1677 to 2262. */
void pl_alert_time_add(struct pl_buf *out, int64_t wall_ns);
bool pl_alert_time_parse(struct pl_str s, int64_t *wall_ns);

#endif
