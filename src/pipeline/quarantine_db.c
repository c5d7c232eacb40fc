#include "pipeline/quarantine_db.h"

static const char schema[] =
    "CREATE TABLE line(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " output TEXT NOT NULL, database TEXT NOT NULL, retention_policy TEXT NOT NULL, label TEXT NOT NULL,"
    " measurement TEXT NOT NULL, job TEXT NOT NULL, instance TEXT NOT NULL, line BLOB NOT NULL, reason BLOB NOT NULL,"
    " hash INTEGER NOT NULL, segment INTEGER, record INTEGER, place INTEGER);"
    "CREATE UNIQUE INDEX line_origin ON line(segment, record, place, hash, output) WHERE segment IS NOT NULL;";

static const char *const statements[] = {
#define X(name, text) text,
    PL_QUARANTINE_STATEMENT_MAP(X)
#undef X
};

const struct pl_sqlite_kind pl_quarantine_kind = {
    .what = "the quarantine",
    .application_id = 0x504c5152, /* "PLQR" */
    .format = 1,
    .schema = schema,
    .statements = statements,
    .n_statements = PL_QUARANTINE_STATEMENT_COUNT,
};
