/* What must outlive the daemon beside points: small documents (alerts, notices that wait, proofs) and events, in one SQLite file
 * on a thread of its own. Nothing here knows what a document says.
 *
 * Calls on the control thread, answers on its loop, in the order of the calls. What was put is seen by every call after it. */
#ifndef PL_STORE_STATE_H
#define PL_STORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

struct pl_state;

struct pl_state_options {
	struct pl_loop *loop; /* where answers arrive; borrowed */
	struct pl_log *log;
	const char *dir;          /* holds state.db; NULL: in memory only, gone at the end */
	size_t max_pending;       /* calls that may wait for the thread; 0: 10000. More are refused: PL_ELIMIT */
	size_t max_pending_bytes; /* 0: 64 MiB */
};

/* Opens or makes the file (mode 0600) and starts the thread. A damaged file is renamed to state.db.damaged-<Unix time> and a new
 * one begun; `reason` tells then, too. PL_EVERSION: of a newer version or another program; PL_EACCES; PL_EIO; PL_EINUSE: another
 * daemon has it. */
PL_MUST_CHECK enum pl_err pl_state_open(struct pl_state **out, const struct pl_state_options *options, char *reason,
					size_t reason_size);

/* All that was accepted is written, then `closed` from the loop. */
void pl_state_close(struct pl_state *s, void (*closed)(void *data), void *data);

/* Answer to a change. `err`: PL_OK: it is on the medium (committed, synced); PL_EFULL, PL_EIO ...: it is not, `reason` says why.
 * All that waits together is one transaction: it goes, or fails, together. */
typedef void (*pl_state_done)(void *data, enum pl_err err, const char *reason);

/* Documents: the last body put under (kind, id). Copies. `done` may be NULL. PL_ELIMIT: too many calls wait; nothing will come.
 * PL_ECANCELED: it is being closed. */
PL_MUST_CHECK enum pl_err pl_state_put(struct pl_state *s, const char *kind, struct pl_str id, struct pl_str body,
				       pl_state_done done, void *data);
PL_MUST_CHECK enum pl_err pl_state_remove(struct pl_state *s, const char *kind, struct pl_str id, pl_state_done done, void *data);

/* Blocks: all documents of a kind in the bytewise order of their ids; for the start, before the loop has work. */
PL_MUST_CHECK enum pl_err pl_state_load(struct pl_state *s, const char *kind,
					void (*each)(void *data, struct pl_str id, struct pl_str body), void *data, char *reason,
					size_t reason_size);

/* Events: a growing log per subject; an event gets the next number of all. Those beyond `most` of the subject, or older than
 * `oldest_ns` (wall clock), go. An event whose `key` the subject has already among its kept ones changes nothing: `done` sees
 * PL_EEXIST. An empty key is never the same as another. */
PL_MUST_CHECK enum pl_err pl_state_append(struct pl_state *s, struct pl_str subject, struct pl_str key, int64_t wall_ns,
					  struct pl_str body, size_t most, int64_t oldest_ns, pl_state_done done, void *data);

struct pl_state_event {
	uint64_t id;
	int64_t wall_ns;
	struct pl_str body; /* valid during the call */
};
/* Up to `most` events of a subject with a number below `before` (0: from the newest), newest first. */
typedef void (*pl_state_events_done)(void *data, enum pl_err err, const struct pl_state_event *v, size_t n, const char *reason);
PL_MUST_CHECK enum pl_err pl_state_events(struct pl_state *s, struct pl_str subject, uint64_t before, size_t most,
					  pl_state_events_done done, void *data);

/* Takes away all events of a subject. */
PL_MUST_CHECK enum pl_err pl_state_forget(struct pl_state *s, struct pl_str subject, pl_state_done done, void *data);

struct pl_state_stats {
	uint64_t written, refused, failed; /* calls: done, not taken for want of room, taken but failed */
	uint64_t bytes;                    /* of the file */
	size_t pending, pending_bytes;
	bool durable; /* false: in memory only */
};
struct pl_state_stats pl_state_stats(const struct pl_state *s);

#endif
