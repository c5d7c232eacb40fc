/* Kapacitor's HTTP API, as far as it is needed: tasks, ping, write. A request at a time per call, many calls at once.
 * The API: https://docs.influxdata.com/kapacitor/v1.5/working/api/ */
#ifndef PL_ALERTS_KAPACITOR_H
#define PL_ALERTS_KAPACITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/client.h"
#include "net/loop.h"
#include "net/transfer.h"

struct pl_kapacitor;

struct pl_kapacitor_options {
	const char *url;                       /* "http://127.0.0.1:9092", a path before /kapacitor/v1 is fine; borrowed */
	const struct pl_client_config *client; /* borrowed; no OAuth 2 */
	int64_t timeout_ns;                    /* of a request */
	const char *secret;                    /* in the tasks, never to be shown; NULL: none; borrowed */
};

PL_MUST_CHECK enum pl_err pl_kapacitor_create(struct pl_kapacitor **out, struct pl_loop *loop,
					      const struct pl_kapacitor_options *options);

/* Ends what is under way (each on_done sees PL_ECANCELED), then frees and calls on_closed. */
void pl_kapacitor_close(struct pl_kapacitor *k, void (*on_closed)(void *data), void *data);

enum {
	PL_KAPACITOR_BODY_BYTES = 16 * 1024 * 1024, /* the most of an answer that is taken in */
	PL_KAPACITOR_WORDS_BYTES = 512,
	PL_KAPACITOR_CALLS = 4, /* connections that are kept; more calls at once cost a connection each */
};

struct pl_kapacitor_answer {
	/* PL_OK: 2xx. PL_EEXIST: 400 of a create, the id is taken. PL_ENOENT: 404. PL_EACCES: 401, 403, or the credentials cannot
	 * be read. PL_EFULL: 429, 502, 503, 504. PL_EINVAL: other 4xx, and 3xx. PL_EIO: other 5xx, for which Kapacitor has
	 * reasons that do not pass: what was to be created may be there. Else as pl_transfer_result. */
	enum pl_err err;
	long status;                                /* 0: none came */
	struct pl_str body;                         /* of a GET that went well; valid during the call */
	char words[PL_KAPACITOR_WORDS_BYTES];       /* Kapacitor's own, printable; empty: it said none */
	char reason[PL_KAPACITOR_WORDS_BYTES + 64]; /* what went wrong, printable, without secrets; empty: nothing did */
};

/* Nobody answered whom the request was meant for, or he said no to everybody: to ask for something else would end alike. */
bool pl_kapacitor_is_away(const struct pl_kapacitor_answer *a);

/* Caller-owned, zero-initialised; one request at a time. */
struct pl_kapacitor_call {
	/* Set by the caller. Once for each request, never from within the function that made it; the call may be used again from
	 * here. */
	void (*on_done)(struct pl_kapacitor_call *call, const struct pl_kapacitor_answer *answer);
	/* own */
	struct pl_kapacitor *k; /* while under way */
	struct pl_transfer transfer;
	struct pl_buf url, head, answer;
	struct pl_str pieces[8];
	enum pl_err refused;
	char reason[256];
	bool reads, keeps, creates;
};

void pl_kapacitor_call_finish(struct pl_kapacitor_call *call); /* not while under way */
void pl_kapacitor_cancel(struct pl_kapacitor_call *call);      /* if under way: on_done follows with PL_ECANCELED */

/* What a task holds. Borrowed until on_done. */
struct pl_kapacitor_content {
	struct pl_str script; /* UTF-8 */
	struct pl_str vars;   /* JSON object; not empty: Kapacitor would take that for not given */
	struct pl_str dbrps;  /* JSON array; likewise */
};

enum pl_kapacitor_status { PL_KAPACITOR_KEEP, PL_KAPACITOR_DISABLED, PL_KAPACITOR_ENABLED };

/* Tasks whose ids begin with `prefix` ([A-Za-z0-9._-]*) in the order of their ids, as pl_kapacitor_page_read takes them; and one
 * of them. The ids of the rest may be any text. */
void pl_kapacitor_list(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *prefix, uint64_t offset,
		       unsigned limit);
void pl_kapacitor_get(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id);
void pl_kapacitor_create_task(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id,
			      const struct pl_kapacitor_content *content, bool enabled);
void pl_kapacitor_patch(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id,
			const struct pl_kapacitor_content *content /* NULL: kept */, enum pl_kapacitor_status status);
void pl_kapacitor_delete(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *id);
void pl_kapacitor_ping(struct pl_kapacitor *k, struct pl_kapacitor_call *call);

/* Line protocol with times in nanoseconds, straight into the tasks of that database and policy (NULL: none). Borrows `lines`
 * until on_done. */
void pl_kapacitor_write(struct pl_kapacitor *k, struct pl_kapacitor_call *call, const char *database, const char *policy,
			struct pl_str lines);

struct pl_kapacitor_counters {
	uint64_t gets, posts, patches, deletes, writes; /* requests begun; writes: of points, which are no posts */
};
struct pl_kapacitor_counters pl_kapacitor_counters(const struct pl_kapacitor *k);

#endif
