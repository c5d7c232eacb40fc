/* The alerts that there are, by id: those of the configuration, as long as it declares them, and those of the API. */
#ifndef PL_ALERTS_ALERT_SET_H
#define PL_ALERTS_ALERT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/alert.h"

/* What is known of an alert's way: when it was last seen open, and what stood in it. */
struct pl_alert_proof {
	int64_t tried_wall_ns, proven_wall_ns; /* 0: never */
	int64_t took_ns;                       /* of the last one that succeeded */
	uint64_t fingerprint;                  /* of the task that was proven; 0: not known */
	char reason[256];                      /* of the last one, when it failed; empty: it did not */
};

struct pl_alert_entry {
	struct pl_alert alert; /* points into `arena`, or into a configuration that the set's owner holds */
	struct pl_arena arena;
	bool declared; /* by the configuration */
	bool kept;     /* for the owner, while it takes on a configuration */
	int64_t created_wall_ns, modified_wall_ns;
	struct pl_alert_proof proof;
	UT_hash_handle hh;
};

struct pl_alert_set {
	struct pl_alert_entry *by_id;   /* uthash */
	struct pl_alert_entry **sorted; /* by id; owned; valid unless stale */
	size_t n, n_api;
	bool stale;
};

void pl_alert_set_finish(struct pl_alert_set *s);

struct pl_alert_entry *pl_alert_set_find(const struct pl_alert_set *s, struct pl_str id);

/* All of them in the bytewise order of their ids; n of the set. Borrowed until the next change. */
struct pl_alert_entry *const *pl_alert_set_sorted(struct pl_alert_set *s);

/* Adds or replaces; created and proof of a former one stay. `a` points into the configuration. */
struct pl_alert_entry *pl_alert_set_declare(struct pl_alert_set *s, const struct pl_alert *a, int64_t wall_ns);

/* Likewise; `a` points into `arena`, which is taken (left empty). */
struct pl_alert_entry *pl_alert_set_put(struct pl_alert_set *s, const struct pl_alert *a, struct pl_arena *arena,
					int64_t wall_ns);

void pl_alert_set_remove(struct pl_alert_set *s, struct pl_alert_entry *e); /* frees it */

/* How an alert of the API stands in the state store: its JSON with `created`, `modified` (Unix ns, as text). */
void pl_alert_entry_save(const struct pl_alert_entry *e, struct pl_buf *body);

/* Puts what was saved. PL_EPARSE: it cannot be read, `reason` says why. */
PL_MUST_CHECK enum pl_err pl_alert_set_load(struct pl_alert_set *s, struct pl_str id, struct pl_str body, char *reason,
					    size_t reason_size);

#endif
