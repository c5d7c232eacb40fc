/* A look at a document's bytes before libyaml gets them. */
#ifndef PL_CONFIG_TEXT_H
#define PL_CONFIG_TEXT_H

#include <stdint.h>

#include "base/str.h"

/* Where and why a text cannot be a YAML document. */
struct pl_text_flaw {
	const char *reason;    /* static; NULL: no flaw */
	uint32_t line, column; /* from 1; columns count characters */
};

/* Skips a byte order mark in `*text` and looks for what YAML forbids (https://yaml.org/spec/1.1/#c-printable): bytes that are not
 * UTF-8, control characters; and for more `%` directives than anybody needs, which libyaml compares each with all. */
struct pl_text_flaw pl_text_check(struct pl_str *text);

#endif
