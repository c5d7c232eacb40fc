#include <string.h>

#include "config/alert.h"

void pl_alert_yaml(struct pl_buf *out, const struct pl_alert *a, unsigned indent)
{
	struct pl_arena arena = {0};
	struct pl_problems unsaid = {0};
	struct pl_alert usual;
	const struct pl_decode_options options = {.arena = &arena, .problems = &unsaid};
	const size_t before = out->n;
	if (pl_schema_decode(&pl_alert_schema, NULL, "", &options, &usual) != PL_OK)
		usual = (struct pl_alert){0}; /* then more is written than need be */
	if (a->threshold != NULL || a->kind == PL_ALERT_DEADMAN)
		usual.level = "crit";
	if (a->aggregate == PL_ALERT_PERCENTILE) /* has none */
		usual.percentile = -1;
	pl_schema_print_changes(&pl_alert_schema, a, &usual, indent + 2, out);
	if (out->n > before)
		out->p[before + indent] = '-';
	pl_problems_finish(&unsaid);
	pl_arena_finish(&arena);
}
