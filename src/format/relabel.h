/* Relabeling rules, as Prometheus' relabel_configs and metric_relabel_configs say them
 * (https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config). */
#ifndef PL_FORMAT_RELABEL_H
#define PL_FORMAT_RELABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/labels.h"

enum pl_relabel_action {
	PL_RELABEL_REPLACE,
	PL_RELABEL_KEEP,
	PL_RELABEL_DROP,
	PL_RELABEL_KEEPEQUAL,
	PL_RELABEL_DROPEQUAL,
	PL_RELABEL_HASHMOD,
	PL_RELABEL_LABELMAP,
	PL_RELABEL_LABELDROP,
	PL_RELABEL_LABELKEEP,
	PL_RELABEL_LOWERCASE,
	PL_RELABEL_UPPERCASE,
};

/* One rule as it is written; strings borrowed. */
struct pl_relabel_rule {
	enum pl_relabel_action action;
	const char *const *source_labels;
	size_t n_source_labels;
	const char *separator; /* default ";" */
	const char *regex;     /* default "(.*)"; anchored at both ends */
	uint64_t modulus;
	const char *target_label; /* "" when not given */
	const char *replacement;  /* default "$1" */
	/* Names are letters, digits and _, no digit first, as Prometheus' metric_name_validation_scheme: legacy has it; else any
	 * UTF-8 is a name. */
	bool legacy_names;
};

/* Is it a rule that can be compiled? PL_EINVAL: `reason` says what is wrong with its key *key ("regex", static). */
PL_MUST_CHECK enum pl_err pl_relabel_rule_check(const struct pl_relabel_rule *rule, const char **key, char *reason,
						size_t reason_size);

struct pl_relabel; /* compiled rules, in order: immutable, to be shared by threads */

/* Compiles; nothing is borrowed. On failure NULL: `*bad` is the rule's index, `reason` says what is wrong with which of its keys.
 */
struct pl_relabel *pl_relabel_create(const struct pl_relabel_rule *rules, size_t n, size_t *bad, char *reason,
				     size_t reason_size);
void pl_relabel_destroy(struct pl_relabel *r);
size_t pl_relabel_count(const struct pl_relabel *r);

/* What one thread needs to apply rules. Zero-initialise. New strings live in it until pl_relabel_scratch_clear. */
struct pl_relabel_scratch {
	struct pl_relabel_scratch_state *state;
};
void pl_relabel_scratch_clear(struct pl_relabel_scratch *s);
void pl_relabel_scratch_finish(struct pl_relabel_scratch *s);
/* Matches that were given up since it was made, for they would have taken too long; each counted as no match. */
uint64_t pl_relabel_scratch_gave_up(const struct pl_relabel_scratch *s);

enum { PL_RELABEL_KEPT = -1 };

/* A rule that would make a longer name or value, or more labels, drops the set. */
enum { PL_RELABEL_MAX_TEXT = 1024 * 1024, PL_RELABEL_MAX_LABELS = 1024 };

/* Applies all rules to `labels`. Returns PL_RELABEL_KEPT, or the index of the rule that dropped the set (which is then as that
 * rule saw it). Labels with empty values are removed. After each rule `trace` (may be NULL) sees its index, the set, and whether
 * it was kept. */
typedef void (*pl_relabel_trace_fn)(void *data, size_t rule, struct pl_labels labels, bool kept);
int pl_relabel_apply(const struct pl_relabel *r, struct pl_relabel_scratch *s, struct pl_labels_builder *labels,
		     pl_relabel_trace_fn trace, void *data);

#endif
