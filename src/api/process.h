/* What the system says of this process (proc(5)). */
#ifndef PL_API_PROCESS_H
#define PL_API_PROCESS_H

#include <stdint.h>

struct pl_process {
	int64_t cpu_ns;                         /* user and system */
	uint64_t resident_bytes, virtual_bytes; /* 0: not known */
	uint64_t open_fds, max_fds, threads;    /* 0: not known */
};

void pl_process_read(struct pl_process *out);

#endif
