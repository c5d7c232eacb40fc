/* The notifiers of the configuration: one instance each, kept over reloads as long as its settings stay. */
#ifndef PL_ALERTS_NOTIFIERS_H
#define PL_ALERTS_NOTIFIERS_H

#include "base/buf.h"
#include "base/log.h"
#include "config/config.h"
#include "net/loop.h"
#include "pipeline/plugin.h"

/* For alerts with a URL of their own (`post`): a webhook that has none. */
#define PL_NOTIFIER_POST "post"

struct pl_notifier {
	char *name;
	const struct pl_notifier_ops *ops;
	void *self;
	struct pl_config *config; /* shares: settings point into it; NULL: of defaults */
	void *defaults;           /* owned */
	struct pl_arena arena;    /* of the defaults */
	uint64_t fingerprint;
	struct pl_notifier_env env;
};

struct pl_notifiers {
	struct pl_loop *loop;
	struct pl_log *log;
	const struct pl_plugin *webhook;
	struct pl_notifier **v;
	size_t n;
	struct pl_notifier **fresh; /* prepared */
	size_t n_fresh;
	struct pl_notifier **former; /* to be closed by retire */
	size_t n_former;
	size_t n_closing;
	bool closing;
	void (*closed)(void *data);
	void *closed_data;
};

/* `webhook`: the plugin that serves alerts with a URL of their own. */
void pl_notifiers_init(struct pl_notifiers *n, struct pl_loop *loop, struct pl_log *log, const struct pl_plugin *webhook);

/* Opens what is new, beside what is there; commit or discard follow before the next. On failure nothing has changed and
 * `problems` says why. */
PL_MUST_CHECK enum pl_err pl_notifiers_prepare(struct pl_notifiers *n, struct pl_config *config, struct pl_buf *problems);
void pl_notifiers_commit(struct pl_notifiers *n); /* `v` is the new ones; what is no longer wanted stays until retire */
void pl_notifiers_discard(struct pl_notifiers *n);

/* Nobody sends by the former ones any more. What they have under way is cancelled, and said so to whoever waits for it. */
void pl_notifiers_retire(struct pl_notifiers *n);

/* Closes all; then `closed`, and what `n` holds is freed. */
void pl_notifiers_close(struct pl_notifiers *n, void (*closed)(void *data), void *data);

#endif
