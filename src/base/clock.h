/* Time. */
#ifndef PL_BASE_CLOCK_H
#define PL_BASE_CLOCK_H

#include <stdint.h>

#define PL_NS_PER_S  INT64_C(1000000000)
#define PL_NS_PER_MS INT64_C(1000000)

int64_t pl_clock_wall_ns(void); /* Unix time in nanoseconds; may jump */
int64_t pl_clock_mono_ns(void); /* nanoseconds since some fixed moment; never jumps back */

/* RFC 3339 in UTC with milliseconds, e.g. 2026-11-21T01:02:03.456Z; 25 bytes with the NUL. */
enum { PL_CLOCK_TEXT_BYTES = 32 };
const char *pl_clock_text(int64_t wall_ns, char out[PL_CLOCK_TEXT_BYTES]);

#endif
