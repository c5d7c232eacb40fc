/* The daemon's outputs over reloads: keeps those whose configuration stays, opens new ones, closes old ones with their points
 * handed on. */
#ifndef PL_APP_OUTPUT_SET_H
#define PL_APP_OUTPUT_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "config/config.h"
#include "pipeline/outputs.h"
#include "pipeline/quarantine.h"

struct pl_output_set;

/* All borrowed. */
struct pl_output_set *pl_output_set_create(struct pl_loop *loop, struct pl_log *log, struct pl_quarantine *quarantine,
					   struct pl_live_feed *live);

bool pl_output_set_has(const struct pl_output_set *s, const char *name); /* is there an output of this name now? */

/* Opens what `config` asks for and is not there yet, and makes it current. Nothing is changed when one cannot be opened:
 * `problems` says which and why. PL_EFULL: the last change is still being carried out. What is no longer wanted goes on until
 * pl_output_set_retire. */
PL_MUST_CHECK enum pl_err pl_output_set_apply(struct pl_output_set *s, struct pl_config *config, struct pl_buf *problems);

/* Nobody uses the former outputs any more: closes them. */
void pl_output_set_retire(struct pl_output_set *s);

struct pl_outputs *pl_output_set_current(const struct pl_output_set *s); /* borrowed */

/* Drains and closes everything within grace_ms, frees; then `closed`, with the points that had to be given up. */
void pl_output_set_close(struct pl_output_set *s, unsigned grace_ms, void (*closed)(void *data, uint64_t points_lost),
			 void *data);

#endif
