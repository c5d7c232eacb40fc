#include "pipeline/spool_format.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/crc32c.h"

static const char file_magic[8] = "plspool";
enum { RECORD_MAGIC = 0x31726c70, OUTCOME_MAGIC = 0x316f6c70, ENTRY_MAGIC = 0x31656c70 }; /* "plr1", "plo1", "ple1" */
enum { FLAG_HELD = 1, FLAG_MOVED = 2 };
enum { SLOT_OTHER = PL_SPOOL_SLOTS - 1 }; /* reasons that the file's maker did not know */

static_assert((int)PL_DROP_COUNT < (int)SLOT_OTHER, "each reason needs a slot");

static void put16(unsigned char *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof v);
}

static void put32(unsigned char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof v);
}

static void put64(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof v);
}

static uint16_t get16(const unsigned char *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return le16toh(v);
}

static uint32_t get32(const unsigned char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static uint64_t get64(const unsigned char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* Times before 1970 are none; so no difference of two overflows. */
static int64_t get_wall(const unsigned char *p)
{
	uint64_t v = get64(p);
	return v <= INT64_MAX ? (int64_t)v : 0;
}

static uint32_t reason_hash(size_t drop)
{
	const char *label = pl_drop_label((enum pl_drop)drop);
	return pl_crc32c(0, label, strlen(label));
}

/* The reasons of a file whose counters carry these hashes of labels. */
static bool reasons_of(struct pl_spool_reasons *r, const uint32_t hashes[PL_SPOOL_SLOTS])
{
	bool own = true;
	memset(r->slot, SLOT_OTHER, sizeof r->slot);
	memset(r->drop, PL_DROP_REFUSED, sizeof r->drop);
	for (size_t d = 0; d < PL_DROP_COUNT; d++) {
		uint32_t hash = reason_hash(d);
		for (size_t i = 0; i < SLOT_OTHER; i++) {
			if (hashes[i] != hash)
				continue;
			r->slot[d] = (uint8_t)i;
			r->drop[i] = (uint8_t)d;
		}
		own = own && r->slot[d] == d;
	}
	return own;
}

void pl_spool_reasons_own(struct pl_spool_reasons *r)
{
	uint32_t hashes[PL_SPOOL_SLOTS] = {0};
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		hashes[d] = reason_hash(d);
	reasons_of(r, hashes);
}

/* File header: 0 magic, 8 version, 12 kind, 16 id, 24 made, 32 hashes of the reasons' labels, 124 CRC. */
void pl_spool_file_write(const struct pl_spool_file *f, unsigned char out[PL_SPOOL_FILE_HEAD])
{
	memset(out, 0, PL_SPOOL_FILE_HEAD);
	memcpy(out, file_magic, sizeof file_magic);
	put32(out + 8, PL_SPOOL_VERSION);
	put32(out + 12, f->kind);
	put64(out + 16, f->id);
	put64(out + 24, (uint64_t)f->made_wall_ns);
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		put32(out + 32 + 4 * d, reason_hash(d));
	put32(out + 124, pl_crc32c(0, out, 124));
}

enum pl_err pl_spool_file_read(struct pl_spool_file *f, enum pl_spool_kind kind, const unsigned char in[PL_SPOOL_FILE_HEAD])
{
	uint32_t hashes[PL_SPOOL_SLOTS];
	*f = (struct pl_spool_file){.kind = kind};
	if (memcmp(in, file_magic, sizeof file_magic) != 0 || get32(in + 124) != pl_crc32c(0, in, 124) || get32(in + 12) != kind)
		return PL_EPARSE;
	f->version = get32(in + 8);
	f->id = get64(in + 16);
	f->made_wall_ns = get_wall(in + 24);
	for (size_t i = 0; i < PL_SPOOL_SLOTS; i++)
		hashes[i] = get32(in + 32 + 4 * i);
	f->own_reasons = reasons_of(&f->reasons, hashes);
	return f->version < PL_SPOOL_VERSION_OLDEST || f->version > PL_SPOOL_VERSION ? PL_EVERSION : PL_OK;
}

uint64_t pl_spool_record_end(const struct pl_spool_record *r)
{
	uint64_t n = PL_SPOOL_HEAD + PL_SPOOL_OUTCOME + (uint64_t)r->database + r->retention_policy + r->bytes;
	return r->offset + (n + PL_SPOOL_ALIGN - 1) / PL_SPOOL_ALIGN * PL_SPOOL_ALIGN;
}

/* Head: 0 magic, 4 flags, 8 segment, 16 offset, 24 sequence, 32 points before, 40 wall time, 48 points, 52 bytes, 56 bytes of the
 * database's name, 58 of the retention policy's, 60 CRC of the body, 124 CRC of the head. */
void pl_spool_record_write(const struct pl_spool_record *r, unsigned char out[PL_SPOOL_HEAD])
{
	memset(out, 0, PL_SPOOL_HEAD);
	put32(out, RECORD_MAGIC);
	put32(out + 4, (r->held ? FLAG_HELD : 0) | (r->moved ? FLAG_MOVED : 0));
	put64(out + 8, r->segment);
	put64(out + 16, r->offset);
	put64(out + 24, r->sequence);
	put64(out + 32, r->points_before);
	put64(out + 40, (uint64_t)r->wall_ns);
	put32(out + 48, r->points);
	put32(out + 52, r->bytes);
	put16(out + 56, r->database);
	put16(out + 58, r->retention_policy);
	put32(out + 60, r->body_crc);
	put32(out + 124, pl_crc32c(0, out, 124));
}

bool pl_spool_record_read(struct pl_spool_record *r, uint64_t segment, uint64_t offset, const unsigned char in[PL_SPOOL_HEAD])
{
	if (get32(in) != RECORD_MAGIC || get64(in + 8) != segment || get64(in + 16) != offset ||
	    get32(in + 124) != pl_crc32c(0, in, 124))
		return false;
	uint32_t flags = get32(in + 4);
	*r = (struct pl_spool_record){.segment = segment,
				      .offset = offset,
				      .sequence = get64(in + 24),
				      .points_before = get64(in + 32),
				      .wall_ns = get_wall(in + 40),
				      .points = get32(in + 48),
				      .bytes = get32(in + 52),
				      .database = get16(in + 56),
				      .retention_policy = get16(in + 58),
				      .body_crc = get32(in + 60),
				      .held = (flags & FLAG_HELD) != 0,
				      .moved = (flags & FLAG_MOVED) != 0};
	return true;
}

static uint32_t outcome_crc(uint64_t segment, uint64_t offset, const unsigned char *p)
{
	unsigned char place[16];
	put64(place, segment);
	put64(place + 8, offset);
	return pl_crc32c(pl_crc32c(0, place, sizeof place), p, 124);
}

/* Outcome: 0 magic, 4 out, 8 quarantined, 12 moved, 16 dropped by slot, 124 CRC of place and outcome. */
void pl_spool_outcome_write(const struct pl_spool_outcome *o, const struct pl_spool_reasons *reasons, uint64_t segment,
			    uint64_t offset, unsigned char out[PL_SPOOL_OUTCOME])
{
	memset(out, 0, PL_SPOOL_OUTCOME);
	put32(out, OUTCOME_MAGIC);
	put32(out + 4, o->out);
	put32(out + 8, o->quarantined);
	put32(out + 12, o->moved);
	for (size_t d = 0; d < PL_DROP_COUNT; d++) {
		unsigned char *slot = out + 16 + 4 * reasons->slot[d];
		put32(slot, get32(slot) + o->dropped[d]);
	}
	put32(out + 124, outcome_crc(segment, offset, out));
}

static bool all_zero(const unsigned char *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

enum pl_err pl_spool_outcome_read(struct pl_spool_outcome *o, const struct pl_spool_reasons *reasons, uint64_t segment,
				  uint64_t offset, const unsigned char in[PL_SPOOL_OUTCOME])
{
	*o = (struct pl_spool_outcome){0};
	if (get32(in) != OUTCOME_MAGIC || get32(in + 124) != outcome_crc(segment, offset, in))
		return all_zero(in, PL_SPOOL_OUTCOME) ? PL_ENOENT : PL_EPARSE;
	o->out = get32(in + 4);
	o->quarantined = get32(in + 8);
	o->moved = get32(in + 12);
	for (size_t i = 0; i < PL_SPOOL_SLOTS; i++)
		o->dropped[reasons->drop[i]] += get32(in + 16 + 4 * i);
	return PL_OK;
}

uint64_t pl_spool_outcome_points(const struct pl_spool_outcome *o)
{
	uint64_t n = (uint64_t)o->out + o->quarantined + o->moved;
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		n += o->dropped[d];
	return n;
}

void pl_spool_sums_add(struct pl_spool_sums *to, const struct pl_spool_sums *more)
{
	to->in += more->in;
	to->moved_in += more->moved_in;
	to->moved_out += more->moved_out;
	to->out += more->out;
	to->quarantined += more->quarantined;
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		to->dropped[d] += more->dropped[d];
}

/* Entry: 0 magic, 8 sequence, 16 segment, 24 highest, 32 in, 40 moved in, 48 moved out, 56 out, 64 quarantined, 72 dropped by
 * slot, 252 CRC. */
void pl_spool_entry_write(const struct pl_spool_entry *e, const struct pl_spool_reasons *reasons,
			  unsigned char out[PL_SPOOL_ENTRY])
{
	const uint64_t words[] = {e->sequence,        e->segment,          e->highest,    e->totals.in,
				  e->totals.moved_in, e->totals.moved_out, e->totals.out, e->totals.quarantined};
	memset(out, 0, PL_SPOOL_ENTRY);
	put32(out, ENTRY_MAGIC);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		put64(out + 8 + 8 * i, words[i]);
	for (size_t d = 0; d < PL_DROP_COUNT; d++) {
		unsigned char *slot = out + 72 + 8 * reasons->slot[d];
		put64(slot, get64(slot) + e->totals.dropped[d]);
	}
	put32(out + 252, pl_crc32c(0, out, 252));
}

enum pl_err pl_spool_entry_read(struct pl_spool_entry *e, const struct pl_spool_reasons *reasons,
				const unsigned char in[PL_SPOOL_ENTRY])
{
	*e = (struct pl_spool_entry){0};
	if (get32(in) != ENTRY_MAGIC || get32(in + 252) != pl_crc32c(0, in, 252))
		return all_zero(in, PL_SPOOL_ENTRY) ? PL_ENOENT : PL_EPARSE;
	e->sequence = get64(in + 8);
	e->segment = get64(in + 16);
	e->highest = get64(in + 24);
	e->totals.in = get64(in + 32);
	e->totals.moved_in = get64(in + 40);
	e->totals.moved_out = get64(in + 48);
	e->totals.out = get64(in + 56);
	e->totals.quarantined = get64(in + 64);
	for (size_t i = 0; i < PL_SPOOL_SLOTS; i++)
		e->totals.dropped[reasons->drop[i]] += get64(in + 72 + 8 * i);
	return PL_OK;
}
