/* The bytes of a spool's files: our own format, little-endian.
 *
 * Each file begins with a file header of 128 bytes. A segment goes on with records, each at a multiple of 128: 128 bytes of head,
 * 128 bytes of outcome (zeros while the record is pending), the names of the route, the lines, zeros up to the next multiple. A
 * ledger goes on with entries of 256 bytes. Head, outcome and entry never lie across a page, so that a process that is killed
 * has written all or nothing of them. */
#ifndef PL_PIPELINE_SPOOL_FORMAT_H
#define PL_PIPELINE_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "pipeline/drop.h"
#include "pipeline/spool.h"

/* What this program writes, and the oldest that it still reads. The file header's layout is the same in every version to come. */
enum { PL_SPOOL_VERSION = 1, PL_SPOOL_VERSION_OLDEST = 1 };

enum {
	PL_SPOOL_FILE_HEAD = 128,
	PL_SPOOL_HEAD = 128,    /* of a record */
	PL_SPOOL_OUTCOME = 128, /* of a record, behind its head */
	PL_SPOOL_ALIGN = 128,
	PL_SPOOL_ENTRY = 256, /* of a ledger */
	PL_SPOOL_SLOTS = 16   /* counters of drops in a file; which reason each stands for is told in the file header */
};

/* Which counter of a file is which reason: reasons may come and go between versions. */
struct pl_spool_reasons {
	uint8_t slot[PL_DROP_COUNT];
	uint8_t drop[PL_SPOOL_SLOTS];
};

enum pl_spool_kind { PL_SPOOL_SEGMENT = 1, PL_SPOOL_LEDGER = 2 };

struct pl_spool_file {
	enum pl_spool_kind kind;
	uint32_t version; /* read only */
	uint64_t id;      /* of a segment */
	int64_t made_wall_ns;
	struct pl_spool_reasons reasons; /* read only: a file is written with this program's */
	bool own_reasons;                /* read only: they are this program's */
};

void pl_spool_reasons_own(struct pl_spool_reasons *r); /* those of files that this program makes */
void pl_spool_file_write(const struct pl_spool_file *f, unsigned char out[PL_SPOOL_FILE_HEAD]);
/* PL_EPARSE: not a file of this kind or damaged; PL_EVERSION: one of another version (f->version). */
PL_MUST_CHECK enum pl_err pl_spool_file_read(struct pl_spool_file *f, enum pl_spool_kind kind,
					     const unsigned char in[PL_SPOOL_FILE_HEAD]);

struct pl_spool_record {
	uint64_t segment, offset;            /* where it lies */
	uint64_t sequence;                   /* records before it in the segment */
	uint64_t points_before;              /* in those */
	int64_t wall_ns;                     /* when its batch was sealed */
	uint32_t points, bytes;              /* of lines */
	uint16_t database, retention_policy; /* bytes of the names */
	uint32_t body_crc;                   /* of names and lines */
	bool held, moved;
};

/* Where the next record begins. */
uint64_t pl_spool_record_end(const struct pl_spool_record *r);
void pl_spool_record_write(const struct pl_spool_record *r, unsigned char out[PL_SPOOL_HEAD]);
/* False: no good head of a record of that place. */
bool pl_spool_record_read(struct pl_spool_record *r, uint64_t segment, uint64_t offset, const unsigned char in[PL_SPOOL_HEAD]);

/* An outcome is good for one place only. */
void pl_spool_outcome_write(const struct pl_spool_outcome *o, const struct pl_spool_reasons *reasons, uint64_t segment,
			    uint64_t offset, unsigned char out[PL_SPOOL_OUTCOME]);
/* PL_ENOENT: still pending; PL_EPARSE: damaged. */
PL_MUST_CHECK enum pl_err pl_spool_outcome_read(struct pl_spool_outcome *o, const struct pl_spool_reasons *reasons,
						uint64_t segment, uint64_t offset, const unsigned char in[PL_SPOOL_OUTCOME]);
uint64_t pl_spool_outcome_points(const struct pl_spool_outcome *o);

/* What became of points; of one segment or of all that are gone. */
struct pl_spool_sums {
	uint64_t in;        /* of records that were not moved */
	uint64_t moved_in;  /* of records that were */
	uint64_t moved_out; /* of settled records, into moved ones */
	uint64_t out, quarantined, dropped[PL_DROP_COUNT];
};

void pl_spool_sums_add(struct pl_spool_sums *to, const struct pl_spool_sums *more);

struct pl_spool_entry {
	uint64_t sequence; /* from 1; the highest good one holds the ledger's totals */
	uint64_t segment;  /* that is counted in for the first time: its file may go; 0: none */
	uint64_t highest;  /* segment ever counted in */
	struct pl_spool_sums totals;
};

void pl_spool_entry_write(const struct pl_spool_entry *e, const struct pl_spool_reasons *reasons,
			  unsigned char out[PL_SPOOL_ENTRY]);
/* PL_ENOENT: never written (zeros); PL_EPARSE: damaged. */
PL_MUST_CHECK enum pl_err pl_spool_entry_read(struct pl_spool_entry *e, const struct pl_spool_reasons *reasons,
					      const unsigned char in[PL_SPOOL_ENTRY]);

#endif
