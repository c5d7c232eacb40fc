/* Any bytes as the ledger of a spool. The first byte: bit 0, checksums are made good. */
#include "spool_mend.h"

enum { ENTRY = 256 };

static void mend(unsigned char *p, size_t n)
{
	mend_file_head(p, n);
	for (size_t at = ENTRY; at + ENTRY <= n; at += ENTRY)
		if (memcmp(p + at, "ple1", 4) == 0)
			put_le32(p + at + 252, pl_crc32c(0, p + at, 252));
}

static void deliver_one(struct pl_spool *s)
{
	struct pl_buf lines = {0};
	struct pl_spool_ref ref;
	char reason[64];
	struct pl_route *route = pl_route_create("db", "");
	pl_buf_add_cstr(&lines, "m v=1\n");
	struct pl_batch *b = pl_batch_create(route, &lines, 1);
	must(pl_spool_append(s, b, false, false, &ref, reason, sizeof reason) == PL_OK);
	must(pl_spool_account(s).points_pending == 1);
	must(spool_drain(s, 1) == 1);
	pl_batch_release(b);
	pl_route_release(route);
}

static char dir[64]; /* of this process */

__attribute__((destructor)) static void remove_dir(void)
{
	if (dir[0] != '\0')
		rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_spool *s;
	if (size == 0)
		return 0;
	if (dir[0] == '\0')
		spool_make_dir(dir);
	size_t n = size - 1;
	unsigned char *bytes = pl_alloc(n + 1);
	memcpy(bytes, data + 1, n);
	if ((data[0] & 1) != 0)
		mend(bytes, n);
	spool_put_file(dir, "ledger", bytes, n);
	enum pl_err err = spool_open(&s, dir);
	must(err == PL_OK || err == PL_EVERSION);
	if (err == PL_OK) {
		struct pl_spool_account before = pl_spool_account(s), after, again;
		must(before.points_pending == 0);
		deliver_one(s);
		after = pl_spool_account(s);
		must(after.points_in == before.points_in + 1 && after.points_out == before.points_out + 1);
		must(memcmp(after.dropped, before.dropped, sizeof after.dropped) == 0);
		pl_spool_close(s);
		must(spool_open(&s, dir) == PL_OK);
		again = pl_spool_account(s);
		must(same_account(&after, &again));
		pl_spool_close(s);
	}
	free(bytes);
	spool_clear(dir);
	return 0;
}
