/* How relabeling rules are written: an entry of relabel_configs and metric_relabel_configs. */
#ifndef PL_CONFIG_RELABEL_CONFIG_H
#define PL_CONFIG_RELABEL_CONFIG_H

#include "config/schema.h"
#include "format/relabel.h"

struct pl_relabel_config {
	int action; /* enum pl_relabel_action */
	struct pl_strings source_labels;
	const char *separator, *regex, *target_label, *replacement;
	int64_t modulus;
	bool legacy_names; /* no key: see pl_relabel_config_use_legacy_names */
};

extern const struct pl_schema pl_relabel_config_schema; /* its check tells every rule that cannot be compiled */

/* From now on the rules (struct pl_relabel_config) know only names of letters, digits and _; complains about what then cannot be
 * compiled. `c` is at the section that has them under `key`. */
void pl_relabel_config_use_legacy_names(struct pl_list rules, const char *key, const struct pl_check *c);

/* Appends the rule in one line, what has its default left out: `action: drop, source_labels: [a, b], regex: "x.*"`. */
void pl_relabel_config_describe(const struct pl_relabel_config *c, struct pl_buf *out);
const char *pl_relabel_config_action(const struct pl_relabel_config *c); /* "drop" */

/* Compiles rules that were decoded without a problem (struct pl_relabel_config); NULL when there are none. For the caller to
 * destroy. */
struct pl_relabel *pl_relabel_config_compile(struct pl_list rules);

#endif
