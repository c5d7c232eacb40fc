/* Writes a mail: headers and a plain text (RFC 5322, MIME of RFC 2045 and 2047). Pure ASCII with lines of at most 78 bytes,
 * whatever goes in; what goes into a header can never become another one. */
#ifndef PL_FORMAT_MAIL_MESSAGE_H
#define PL_FORMAT_MAIL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { PL_MAIL_ADDRESS_BYTES = 254 };

/* A mailbox as people write it: "a@example.org", "<a@example.org>" or "Ann Smith <a@example.org>". */
struct pl_mail_address {
	struct pl_str name;    /* without quotes around it; empty: none */
	struct pl_str address; /* a@example.org: printable ASCII without white space and brackets */
};

/* NULL, or what is wrong with it (static). Views into `s`. */
const char *pl_mail_address_parse(struct pl_str s, struct pl_mail_address *out);

struct pl_mail_message {
	struct pl_mail_address from;
	const struct pl_mail_address *to, *cc;
	size_t n_to, n_cc;
	struct pl_str subject, text; /* any bytes; in the text \n or \r\n end lines */
	struct pl_str message_id;    /* without brackets: letters, digits, and . - _ @ */
	int64_t wall_s;              /* Unix time for Date */
};

/* Appends it with CRLF behind every line. Lines that begin with a dot are the transport's to stuff. */
void pl_mail_message_add(struct pl_buf *out, const struct pl_mail_message *m);

/* Appends a header's value as encoded words of UTF-8 where it is not plain text; `used`: bytes before it on its line. */
void pl_mail_add_words(struct pl_buf *out, struct pl_str text, size_t used);

/* Appends a text as quoted-printable. */
void pl_mail_add_quoted_printable(struct pl_buf *out, struct pl_str text);

#endif
