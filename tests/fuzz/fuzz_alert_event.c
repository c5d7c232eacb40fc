/* The body of Kapacitor's post. What is read of it is written as pulse's receivers know it and read again: nothing but the id may
 * have changed. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "alerts/event.h"
#include "alerts/tick.h"
#include "config/json_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(struct pl_str text)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_node *root;
	struct pl_node_limits limits = {0};
	if (pl_json_tree_parse(&arena, "out", text, limits, &problems, &root) != PL_OK)
		abort();
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_arena arena = {0}, again = {0};
	struct pl_alert_event e, second;
	struct pl_buf stored = {0}, body = {0};
	char reason[256] = "";
	enum pl_err err = pl_alert_event_parse(&arena, (struct pl_str){(const char *)data, size}, &e, reason, sizeof reason);
	if ((err == PL_OK) != (reason[0] == '\0'))
		abort();
	if (err == PL_OK) {
		if (e.tags.n > PL_ALERT_EVENT_TAGS || pl_labels_get(e.tags, PL_STR(PL_TICK_PROOF_TAG)) != NULL ||
		    e.duration_ns < 0)
			abort();
		pl_alert_event_json(&stored, &e, PL_STR("alert"), e.task_id, PL_STR("pipeline"));
		check_json(pl_buf_str(&stored));
		pl_alert_event_pulse_body(&body, &e, PL_STR("title"));
		check_json(pl_buf_str(&body));
		/* escapes make a text longer, so that only a short one must fit again */
		if (body.n <= PL_ALERT_EVENT_BYTES) {
			if (pl_alert_event_parse(&again, pl_buf_str(&body), &second, reason, sizeof reason) != PL_OK)
				abort();
			if (second.level != e.level || second.previous != e.previous || second.wall_ns != e.wall_ns ||
			    second.duration_ns != e.duration_ns || second.recoverable != e.recoverable ||
			    !pl_labels_eq(second.tags, e.tags) || !pl_str_eq(second.message, e.message) ||
			    !pl_str_eq(second.data, e.data) || isnan(second.value) != isnan(e.value))
				abort();
		}
	}
	pl_buf_finish(&stored);
	pl_buf_finish(&body);
	pl_arena_finish(&arena);
	pl_arena_finish(&again);
	return 0;
}
