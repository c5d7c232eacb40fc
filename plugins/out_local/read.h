/* Answers pulse's reads from the database, with the meaning that InfluxQL would give them. */
#ifndef PL_OUT_LOCAL_READ_H
#define PL_OUT_LOCAL_READ_H

#include "out_local/database.h"
#include "pipeline/plugin.h"

/* Sets q->err, q->reason and the answer. `now_ns` is the wall clock. */
void pl_local_read(struct pl_local_database *db, struct pl_query *q, int64_t now_ns);

#endif
