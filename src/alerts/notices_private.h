#ifndef PL_ALERTS_NOTICES_PRIVATE_H
#define PL_ALERTS_NOTICES_PRIVATE_H

#include "alerts/notices.h"
#include "alerts/series.h"
#include "base/incident.h"

struct pl_notices {
	struct pl_notices_options options;
	struct pl_outbox *outbox;
	struct pl_series_alert *alerts; /* uthash by id */
	size_t n, bytes;                /* series */
	char **notify;                  /* owned */
	size_t n_notify;
	bool behind;
	int64_t caught_up_ns; /* wall */
	uv_timer_t timer;
	int64_t wakes; /* wall; INT64_MAX: never */
	struct pl_notices_stats stats;
	size_t calls; /* to the state, not answered yet */
	struct pl_incident storing;
	bool started, closing, timer_closed, outbox_closed;
	void (*closed)(void *data);
	void *closed_data;
};

/* Tells of one series, or of all of an alert in as few notices as may be, what is to be told now; when they must be looked at
 * again stands in `due` of each. What changed is stored. */
void pl_notices_look(struct pl_notices *n, const struct pl_alert *a, struct pl_series *s);
void pl_notices_look_all(struct pl_notices *n, const struct pl_alert *a, struct pl_series_alert *alert);

/* The table. */
extern const char pl_notices_kind[]; /* of the documents */
struct pl_series_alert *pl_notices_alert(const struct pl_notices *n, struct pl_str id);
struct pl_series *pl_notices_series(const struct pl_series_alert *a, struct pl_str group); /* `a` may be NULL */
void pl_notices_adopt(struct pl_notices *n, struct pl_str alert, struct pl_series *s);     /* takes */
void pl_notices_leave(struct pl_notices *n, struct pl_series *s);                          /* its document stays */
void pl_notices_tidy(struct pl_notices *n, struct pl_series_alert *a);                     /* frees it if it is empty */
bool pl_notices_forget(struct pl_notices *n, struct pl_series *s); /* false: the state takes no more now */
void pl_notices_make_room(struct pl_notices *n);                   /* for one more */
void pl_notices_store(struct pl_notices *n, struct pl_series *s);

bool pl_notices_try_close(struct pl_notices *n); /* true: it is gone */

int64_t pl_notices_held_until(const struct pl_notices *n, const struct pl_alert *a); /* wall; INT64_MAX: until it has caught up */

#endif
