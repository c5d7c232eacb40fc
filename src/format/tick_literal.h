/* Text inside TICKscript and inside the Go templates of Kapacitor's alerts.
 * Source: https://docs.influxdata.com/kapacitor/v1.5/tick/syntax/ and what 1.5.6 was seen to read. Between single quotes the only
 * escape is \', between double quotes \"; a backslash stands for itself anywhere else, so that no text may end in one: the quote
 * behind it would not close. */
#ifndef PL_FORMAT_TICK_LITERAL_H
#define PL_FORMAT_TICK_LITERAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Why no literal can carry the text (static text: empty, not UTF-8, a control character, a backslash at its end); NULL: one can.
 */
const char *pl_tick_literal_refusal(struct pl_str s);

/* Appends 'text'; PL_EINVAL (nothing appended) for what pl_tick_literal_refusal refuses, apart from the empty text. */
PL_MUST_CHECK enum pl_err pl_tick_add_string(struct pl_buf *out, struct pl_str s);

/* Appends "name": a tag or a field inside a lambda. PL_EINVAL for what pl_tick_literal_refusal refuses. */
PL_MUST_CHECK enum pl_err pl_tick_add_reference(struct pl_buf *out, struct pl_str name);

/* Appends the text so that a Go template prints it as it is: each { becomes {{"{"}}. */
void pl_tick_add_template_text(struct pl_buf *out, struct pl_str s);

/* Appends "text" as a string of Go, for use inside the {{ }} of a template. Bytes that are not UTF-8 are written as \xNN. */
void pl_tick_add_template_string(struct pl_buf *out, struct pl_str s);

#endif
