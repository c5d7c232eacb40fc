/* Text from outside, for terminals and files that people read. */
#ifndef PL_BASE_PRINTABLE_H
#define PL_BASE_PRINTABLE_H

#include "base/buf.h"
#include "base/str.h"

/* Appends `s`. What a terminal would take as a command (C0, DEL, U+0080..U+009F) and what is no UTF-8 is written as \n, \t or
 * \xHH. */
void pl_buf_add_printable(struct pl_buf *out, struct pl_str s);

#endif
