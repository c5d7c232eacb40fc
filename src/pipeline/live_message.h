/* A live value made ready for all who pass it on: its tags in order, its channel, its JSON, each written once. Immutable and
 * counted. */
#ifndef PL_PIPELINE_LIVE_MESSAGE_H
#define PL_PIPELINE_LIVE_MESSAGE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "pipeline/live.h"

enum { PL_LIVE_MAX_TAGS = 256, PL_LIVE_MAX_BYTES = 64 * 1024 };

struct pl_live_message {
	atomic_uint refs;
	uint64_t id; /* its place in the feed, from 1 on; the feed sets it before anybody else sees it */
	int64_t wall_ns;
	size_t bytes; /* of memory */
	/* The tags as Redis channels and keys show them, without the prefix: empty ones left out, escaped, each once, sorted
	 * bytewise, each between bars: |cpu_used||host:host1||metrics|. */
	struct pl_str channel;
	struct pl_str payload; /* {"command":"publish","tags":[...],"data":"..."}: tags sorted, repeated and empty ones too */
	struct pl_str data;    /* as it came */
	size_t n_tags;
	struct pl_str tags[]; /* raw, without empty ones, each once, sorted bytewise */
};

/* With one reference. NULL: more than PL_LIVE_MAX_TAGS or PL_LIVE_MAX_BYTES. */
struct pl_live_message *pl_live_message_create(const struct pl_live_value *v);
struct pl_live_message *pl_live_message_share(struct pl_live_message *m);
void pl_live_message_release(struct pl_live_message *m);

/* Appends a tag for a channel: every byte but A-Z a-z 0-9 _ . : / @ + = , - as %XX, so that nothing in it means anything to
 * PSUBSCRIBE. */
void pl_live_add_escaped(struct pl_buf *out, struct pl_str tag);

/* Sorts bytewise. */
void pl_live_sort(struct pl_str *v, size_t n);

/* The same as a sorted list without repetitions and empty ones; returns how many are left. */
size_t pl_live_sort_distinct(struct pl_str *v, size_t n);

#endif
