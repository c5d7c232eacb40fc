/* One series of an alert, as it must be remembered to tell people of it; and its document in the state. */
#ifndef PL_ALERTS_SERIES_H
#define PL_ALERTS_SERIES_H

#include <uthash.h>

#include "base/buf.h"
#include "config/alert.h"
#include "pipeline/notice.h"

enum { PL_SERIES_RECEIVERS = 64, PL_SERIES_ID_BYTES = 33 };

/* What one receiver knows of it. */
struct pl_series_receiver {
	char *name, *post; /* owned */
	int told;          /* level that it was told last, as far as the outbox goes; OK: nothing, or a recovery */
	int reached;       /* level that has arrived there */
	int64_t told_ns;   /* wall; of anything */
	int64_t alarm_ns;  /* wall; of the last alarm that was no reminder; 0: none */
	int alarm_level;
};

/* An event as JSON (alerts/notice_document.h). */
struct pl_series_event {
	char *text; /* owned; NULL: none */
	size_t n;
	int level;
};

struct pl_series {
	struct pl_series_alert *alert;
	char *group, *title; /* owned */
	int level;
	int64_t event_ns; /* time of the last event, as it said */
	int64_t seen_ns;  /* wall, when it came */
	int64_t since_ns; /* wall; left OK then */
	bool held;
	bool quiet;                         /* is told to nobody */
	bool pending;                       /* has changed since it was last looked at */
	bool dirty;                         /* is to be stored */
	struct pl_series_event last, worst; /* worst: since it was last looked at, if that was not the last */
	struct pl_series_receiver *to;
	size_t n_to;
	int64_t due;  /* wall; when it must be looked at */
	size_t bytes; /* as counted */
	UT_hash_handle hh;
};

/* All series of one alert. */
struct pl_series_alert {
	char *id;                 /* owned */
	struct pl_series *series; /* uthash by group */
	int64_t due;              /* wall; all of them are to be looked at; INT64_MAX: when one is due */
	UT_hash_handle hh;
};

struct pl_series *pl_series_create(struct pl_series_alert *alert, struct pl_str group);
void pl_series_destroy(struct pl_series *s);
size_t pl_series_size(const struct pl_series *s);

/* NULL: not there; `get` makes it (NULL: there are too many). */
struct pl_series_receiver *pl_series_find(struct pl_series *s, struct pl_str name, struct pl_str post);
struct pl_series_receiver *pl_series_get(struct pl_series *s, struct pl_str name, struct pl_str post);

void pl_series_event_set(struct pl_series_event *out, const struct pl_notice_event *e, int level); /* NULL: none */

/* The document's id (NUL-terminated, too) and text. */
struct pl_str pl_series_id(const struct pl_series *s, char id[PL_SERIES_ID_BYTES]);
void pl_series_write(const struct pl_series *s, struct pl_buf *out);

/* Reads a document; *alert lives in the arena. NULL: it is none of ours. The series belongs to no alert yet. */
struct pl_series *pl_series_read(struct pl_arena *arena, struct pl_str text, struct pl_str *alert);

#endif
