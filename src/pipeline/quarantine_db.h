/* What is in the SQLite file behind the quarantine: its tables and statements.
 *
 *   line   one row per refused line; ids grow and never come again. `bytes` is what the row counts against the bound.
 *
 * `hash` stands in the index of origins beside the place, so that a spool that was begun anew cannot hide a new line behind an
 * old one of the same place. Line and reason are blobs: any bytes, compared as bytes. */
#ifndef PL_PIPELINE_QUARANTINE_DB_H
#define PL_PIPELINE_QUARANTINE_DB_H

#include "pipeline/sqlite_file.h"

/* The conditions of a pl_quarantine_filter, parameters 1 to 10. */
#define PL_QUARANTINE_WHERE                                                                                                      \
	"FROM line WHERE id BETWEEN ?1 AND ?2 AND time BETWEEN ?3 AND ?4 AND (?5 IS NULL OR output = ?5) AND "                   \
	"(?6 IS NULL OR label = ?6) AND (?7 IS NULL OR job = ?7) AND (?8 IS NULL OR instance = ?8) AND "                         \
	"(?9 IS NULL OR measurement = ?9) AND (?10 IS NULL OR instr(line, ?10) > 0 OR instr(reason, ?10) > 0) "

#define PL_QUARANTINE_STATEMENT_MAP(X)                                                                                           \
	X(PL_QUARANTINE_BEGIN, "BEGIN IMMEDIATE")                                                                                \
	X(PL_QUARANTINE_COMMIT, "COMMIT")                                                                                        \
	X(PL_QUARANTINE_INSERT,                                                                                                  \
	  "INSERT INTO line(time, bytes, output, database, retention_policy, label, measurement, job, instance, line, reason, "  \
	  "hash, segment, record, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) "             \
	  "ON CONFLICT DO NOTHING")                                                                                              \
	X(PL_QUARANTINE_EVICT, "DELETE FROM line WHERE id = (SELECT min(id) FROM line) RETURNING bytes")                         \
	X(PL_QUARANTINE_DELETE, "DELETE FROM line WHERE id = ?1 RETURNING bytes")                                                \
	X(PL_QUARANTINE_SUMS, "SELECT count(*), coalesce(sum(bytes), 0) FROM line")                                              \
	X(PL_QUARANTINE_OLDEST, "SELECT time FROM line ORDER BY id LIMIT 1")                                                     \
	X(PL_QUARANTINE_LAST, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'line'")                           \
	X(PL_QUARANTINE_LIST, "SELECT id, time, output, database, retention_policy, label, measurement, job, instance, line, "   \
			      "reason " PL_QUARANTINE_WHERE "ORDER BY id LIMIT ?11 OFFSET ?12")                                  \
	X(PL_QUARANTINE_COUNT, "SELECT count(*) " PL_QUARANTINE_WHERE)                                                           \
	X(PL_QUARANTINE_OUTPUTS, "SELECT output, count(*) " PL_QUARANTINE_WHERE "GROUP BY output")

enum pl_quarantine_statement {
#define X(name, sql) name,
	PL_QUARANTINE_STATEMENT_MAP(X)
#undef X
	    PL_QUARANTINE_STATEMENT_COUNT
};

extern const struct pl_sqlite_kind pl_quarantine_kind;

#endif
