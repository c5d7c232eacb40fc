/* What an alert's table cannot say: how its parts must fit together. */
#ifndef PL_CONFIG_ALERT_CHECK_H
#define PL_CONFIG_ALERT_CHECK_H

#include "config/alert.h"

/* The check of pl_alert_schema: derives the mark, the operator, the level and the bounds of a struct pl_alert. */
void pl_alert_check(void *object, const struct pl_check *c);

enum pl_alert_bounds {
	PL_ALERT_MOST_TAGS = 64,
	PL_ALERT_MOST_GROUPS = 16,
	PL_ALERT_MOST_NOTIFY = 32,
	PL_ALERT_TAG_NAME_BYTES = 128,
	PL_ALERT_TAG_VALUE_BYTES = 1024,
	PL_ALERT_NAME_BYTES = 256, /* metric, field, database, retention policy */
	PL_ALERT_MESSAGE_BYTES = 2048,
	PL_ALERT_URL_BYTES = 2048,
};

/* NULL, or what is wrong with a text of users (static): control characters, and what YAML and JSON files cannot hold. `lines`:
 * line breaks and tabs are fine. */
const char *pl_alert_text_flaw(struct pl_str s, bool lines);

#endif
