/* Notices' events as JSON, in which they outlive the daemon. */
#ifndef PL_ALERTS_NOTICE_DOCUMENT_H
#define PL_ALERTS_NOTICE_DOCUMENT_H

#include "base/arena.h"
#include "config/node.h"
#include "format/json_out.h"
#include "pipeline/notice.h"

/* Appends an object; reads one. What is not known is ignored, what is missing is empty. False: it is no object. */
void pl_notice_event_write(struct pl_json *j, const struct pl_notice_event *e);
bool pl_notice_event_read(struct pl_arena *arena, const struct pl_node *node, struct pl_notice_event *out);

/* Appends the keys and values of a document's members. */
void pl_notice_put_str(struct pl_json *j, const char *key, struct pl_str s);
void pl_notice_put_i64(struct pl_json *j, const char *key, int64_t v);

/* A member: "", 0 when it is missing or something else. Texts live as long as the tree. */
struct pl_str pl_notice_str(const struct pl_node *object, const char *key);
int64_t pl_notice_i64(const struct pl_node *object, const char *key);

/* Reads a document of version `v` ({"v":1,...}); NULL: it is none. */
struct pl_node *pl_notice_document(struct pl_arena *arena, struct pl_str text, int64_t v);

#endif
