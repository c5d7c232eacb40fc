/* Texts with places for what a notice says: "{level}: {message} on {tag.host}".
 *
 * {alert} {id} {message} {level} {previous} {cause} {value} {time} {duration} {reminder} {tag.NAME} {color} are of one event (of
 * several the most severe, of these the newest), {key} {title} {text} {count} of the whole notice. {json:X} writes X as a JSON
 * value, quotes included: a number for value and count, true or false for reminder, else a string; and there are {json:tags},
 * {json:event}, {json:post} (what Kapacitor's own post would send) and {json:notice}. A brace that no small letter follows is
 * only a brace. */
#ifndef PL_PIPELINE_NOTICE_TEMPLATE_H
#define PL_PIPELINE_NOTICE_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "pipeline/notice.h"

/* What is done to a value so that it can only be a value where it stands. */
enum pl_notice_escape {
	PL_NOTICE_RAW,   /* nothing */
	PL_NOTICE_JSON,  /* as inside of a JSON string */
	PL_NOTICE_FORM,  /* %XX */
	PL_NOTICE_MARKUP /* & < > as entities */
};

/* What suits a media type: JSON, forms, XML and HTML are known. */
enum pl_notice_escape pl_notice_escape_of(const char *content_type);

/* PL_EPARSE when there is a {word} that is not known, or one without an end: `reason` says which. */
PL_MUST_CHECK enum pl_err pl_notice_template_check(const char *text, char *reason, size_t reason_size);

/* Appends the text with everything filled in. A template that was not checked: what is unknown is left as it is. */
void pl_notice_template_add(struct pl_buf *out, const char *text, const struct pl_notice *n, enum pl_notice_escape escape);

#endif
