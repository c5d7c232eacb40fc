/* What is in state.db, and what a call of pl_state does to it. On the store's thread.
 *
 *   document   the last body of (kind, id)
 *   event      one row per event; numbers grow over all subjects and never come again. No key is NULL, as no NULL is another's
 * equal.
 *
 * Ids, subjects, keys and bodies are blobs: any bytes, compared as bytes. */
#ifndef PL_STORE_STATE_DB_H
#define PL_STORE_STATE_DB_H

#include "pipeline/sqlite_file.h"
#include "store/state.h"

enum pl_state_op {
	PL_STATE_PUT,
	PL_STATE_REMOVE,
	PL_STATE_APPEND,
	PL_STATE_FORGET,
	PL_STATE_EVENTS,
	PL_STATE_LOAD,
	PL_STATE_END
};

/* What was found: row by row the bytes of its name, then those of its body. */
struct pl_state_row {
	uint64_t id;
	int64_t wall_ns;
	size_t name_bytes, body_bytes;
};

struct pl_state_call {
	struct pl_state_call *next;
	enum pl_state_op op;
	struct pl_str of, name, body; /* kind or subject, id or key; views of `bytes` */
	int64_t wall_ns, oldest_ns;
	uint64_t before;
	size_t most;
	pl_state_done done;
	pl_state_events_done events_done;
	void *data;
	enum pl_err err;    /* PL_OK, PL_EEXIST; of the whole group when that failed */
	struct pl_buf rows; /* of struct pl_state_row */
	struct pl_buf text;
	size_t n_bytes;
	char bytes[];
};

extern const struct pl_sqlite_kind pl_state_kind;

static inline bool pl_state_op_reads(enum pl_state_op op)
{
	return op == PL_STATE_EVENTS || op == PL_STATE_LOAD;
}

void pl_state_call_free(struct pl_state_call *c);

/* Does all calls of the list in one transaction; all or none, but what reads is tried alone when the rest cannot be written. Each
 * call's `err` is set. The list's own: PL_OK, or PL_EFULL, PL_EIO, PL_EACCES, PL_EVERSION, and `reason` says why. A connection
 * that is closed is opened anew; `log` hears of a file set aside. */
PL_MUST_CHECK enum pl_err pl_state_db_do(struct pl_sqlite_file *f, struct pl_state_call *first, struct pl_log *log, char *reason,
					 size_t reason_size);

uint64_t pl_state_db_bytes(struct pl_sqlite_file *f); /* 0: unknown */

#endif
