/* How a notice is worded: a title, a text for people, JSON for programs. */
#ifndef PL_PIPELINE_NOTICE_TEXT_H
#define PL_PIPELINE_NOTICE_TEXT_H

#include "base/buf.h"
#include "format/json_out.h"
#include "pipeline/notice.h"

/* 0 of OK, 1 INFO, 2 WARNING, 3 CRITICAL and of what is not known. */
int pl_notice_severity(struct pl_str level);

/* The event that stands for all of them: the most severe, of these the newest. */
const struct pl_notice_event *pl_notice_lead(const struct pl_notice *n);

/* Appends one line: "[CRITICAL] [host2] cpu_used", "[WARNING] 3 alerts: a, b, c". Whatever an id holds, no line break. */
void pl_notice_add_title(struct pl_buf *out, const struct pl_notice *n);

/* Appends several lines about every event, with a newline behind each. */
void pl_notice_add_text(struct pl_buf *out, const struct pl_notice *n);

/* Appends the lines about one event. */
void pl_notice_add_event_text(struct pl_buf *out, const struct pl_notice_event *e);

/* Writes {"key":...,"title":...,"events":[{...}]}. */
void pl_notice_json(struct pl_json *j, const struct pl_notice *n);

/* Writes {"alert","id","message","level","previous_level","cause","tags","time","duration_ns","value","reminder","post"}; `post`
 * is what Kapacitor's own post would have sent. */
void pl_notice_event_json(struct pl_json *j, const struct pl_notice_event *e);

/* Appends 2026-11-21T01:02:03.456Z. */
void pl_notice_add_time(struct pl_buf *out, int64_t wall_ns);

/* Appends a duration as people say it, two units at most: "0s", "42s", "5m3s", "2h", "3d4h". */
void pl_notice_add_duration(struct pl_buf *out, int64_t ns);

/* Says why: one printable line, as much of it as there is room for. */
void pl_notice_verdict_say(struct pl_notice_verdict *v, struct pl_str reason);

/* "#rrggbb" for a level. */
const char *pl_notice_color(struct pl_str level);

#endif
