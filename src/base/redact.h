/* What may be shown of texts that may hold secrets: URLs, values of labels and parameters, and what a server says. */
#ifndef PL_BASE_REDACT_H
#define PL_BASE_REDACT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Does a parameter or header of that name hold a secret, most likely: token, api_key, X-Auth, signature ... */
bool pl_redact_is_name(struct pl_str name);

/* Appends a URL without user and password, and with <secret> for the values of parameters with such names, or in which there is a
 * URL with a user. */
void pl_redact_url(struct pl_buf *out, struct pl_str url);

/* Appends a value; if it is a URL as above; if it is like user:password@host with <secret> in front of the @. */
void pl_redact_value(struct pl_buf *out, struct pl_str value);

/* Writes asterisks over `secret` wherever `text` has it, or has its beginning of at least 6 bytes: a text that was cut. Secrets
 * of fewer than 4 bytes are left alone: every word would have them. */
void pl_redact_echo(char *text, struct pl_str secret);

/* The same for everything in a URL that pl_redact_url would not show in its parameters, as it is and unescaped. */
void pl_redact_url_echo(char *text, struct pl_str url);

#endif
