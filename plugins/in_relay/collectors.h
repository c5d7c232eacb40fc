/* One relay's collectors: their names, and their tags as given and as line protocol. */
#ifndef PL_IN_RELAY_COLLECTORS_H
#define PL_IN_RELAY_COLLECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "format/labels.h"

struct pl_in_relay_collector {
	uint32_t name_n, given_n, tags_n;
	uint32_t n_given; /* how many tags were given */
	char text[];      /* the name, the tags as given (separated by ','), `,key=value...` */
};

static inline struct pl_str pl_in_relay_collector_name(const struct pl_in_relay_collector *c)
{
	return (struct pl_str){c->text, c->name_n};
}

/* p == NULL when there are none, as pl_str_cut wants it. */
static inline struct pl_str pl_in_relay_collector_given(const struct pl_in_relay_collector *c)
{
	return c->given_n > 0 ? (struct pl_str){c->text + c->name_n, c->given_n} : (struct pl_str){0};
}

static inline struct pl_str pl_in_relay_collector_tags(const struct pl_in_relay_collector *c)
{
	return (struct pl_str){c->text + c->name_n + c->given_n, c->tags_n};
}

/* What every point of a relay gets. */
struct pl_in_relay_tagging {
	struct pl_labels external; /* for points that lack them; borrowed */
	bool collector_tag;
};

struct pl_in_relay_collectors {           /* zero-initialise */
	struct pl_in_relay_collector **v; /* owned, sorted by name */
	size_t n, cap;
	size_t bytes; /* of all of them */
};

void pl_in_relay_collectors_finish(struct pl_in_relay_collectors *all);

/* Adds or replaces. `given`: as pl_relay_read_add gives them. */
void pl_in_relay_collectors_set(struct pl_in_relay_collectors *all, struct pl_str name, struct pl_str given, struct pl_str host,
				const struct pl_in_relay_tagging *tagging);
void pl_in_relay_collectors_remove(struct pl_in_relay_collectors *all, struct pl_str name);
const struct pl_in_relay_collector *pl_in_relay_collectors_find(const struct pl_in_relay_collectors *all, struct pl_str name);
void pl_in_relay_collectors_retag(struct pl_in_relay_collectors *all, struct pl_str host,
				  const struct pl_in_relay_tagging *tagging);

/* Appends the names with ',' between them. */
void pl_in_relay_collectors_names(const struct pl_in_relay_collectors *all, struct pl_buf *out);

/* Appends `,key=value...` for a collector of this name with these tags, as pulse gives them to InfluxDB: `host`, then those given
 * that hold a ':', cut at the first; of equal keys the last wins, one without a value is left out. Keys in order. */
void pl_in_relay_add_tags(struct pl_buf *out, struct pl_str name, struct pl_str given, struct pl_str host,
			  const struct pl_in_relay_tagging *tagging);

#endif
