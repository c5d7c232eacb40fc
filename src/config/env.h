/* The environment in a configuration's texts. */
#ifndef PL_CONFIG_ENV_H
#define PL_CONFIG_ENV_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* True when pl_env_expand would change `text` or refuse it. */
bool pl_env_mentioned(struct pl_str text);

/* Appends `text` to `out` with `${NAME}` replaced by the variable, `${NAME:-default}` by the default when the variable is unset
 * or empty (the default reaches to the next `}`), and `$$` by a dollar; any other dollar stays. What a variable holds is not
 * looked at again. At most 1 MiB. On failure (PL_EPARSE, PL_ENOENT: unset, PL_ELIMIT) a sentence that names everything wrong is
 * appended to `why`; it never holds a variable's value. */
PL_MUST_CHECK enum pl_err pl_env_expand(struct pl_str text, const char *(*get)(void *data, const char *name), void *data,
					struct pl_buf *out, struct pl_buf *why);

#endif
