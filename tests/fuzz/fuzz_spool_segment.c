/* Any bytes as a segment of a spool. The first byte: bit 0, checksums are made good; bit 1, a newer segment lies beside it. */
#include "spool_mend.h"

enum { HEAD = 128, HEADS = 256 };

static void mend(unsigned char *p, size_t n)
{
	mend_file_head(p, n);
	for (size_t at = HEAD; at + HEADS <= n; at += HEAD) {
		unsigned char *head = p + at, *outcome = head + HEAD, place[16];
		if (memcmp(head, "plr1", 4) != 0)
			continue;
		uint64_t body = (uint64_t)le32_at(head + 52) + head[56] + 256u * head[57] + head[58] + 256u * head[59];
		put_le64(head + 8, 1);
		put_le64(head + 16, at);
		if (body <= n - at - HEADS && (head[5] & 1) == 0) /* an unused flag: leave the body bad */
			put_le32(head + 60, pl_crc32c(0, head + HEADS, (size_t)body));
		put_le32(head + 124, pl_crc32c(0, head, 124));
		if (memcmp(outcome, "plo1", 4) != 0)
			continue;
		put_le64(place, 1);
		put_le64(place + 8, at);
		put_le32(outcome + 124, pl_crc32c(pl_crc32c(0, place, sizeof place), outcome, 124));
	}
}

static void add_newer(const char *in, const unsigned char *bytes, size_t n)
{
	struct pl_spool *s;
	struct pl_buf lines = {0};
	struct pl_spool_ref ref;
	char reason[64];
	spool_put_file(in, "0000000000000001.seg", bytes, n);
	if (spool_open(&s, in) != PL_OK)
		return;
	struct pl_route *route = pl_route_create("db", "");
	pl_buf_add_cstr(&lines, "m v=1\n");
	struct pl_batch *b = pl_batch_create(route, &lines, 1);
	must(pl_spool_append(s, b, false, false, &ref, reason, sizeof reason) == PL_OK);
	pl_batch_release(b);
	pl_route_release(route);
	pl_spool_close(s);
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
	if ((data[0] & 2) != 0)
		add_newer(dir, bytes, n);
	else
		spool_put_file(dir, "0000000000000001.seg", bytes, n);
	enum pl_err err = spool_open(&s, dir);
	must(err == PL_OK || err == PL_EVERSION);
	if (err == PL_OK) {
		struct pl_spool_account before = pl_spool_account(s);
		must(spool_adds_up(&before));
		spool_drain(s, n / HEADS + 1);
		struct pl_spool_account drained = pl_spool_account(s), again;
		must(spool_adds_up(&drained) && drained.points_pending == 0 && drained.records_pending == 0);
		must(drained.points_in == before.points_in && drained.bytes_pending == 0);
		pl_spool_close(s);
		must(spool_open(&s, dir) == PL_OK);
		again = pl_spool_account(s);
		must(same_account(&drained, &again));
		pl_spool_close(s);
	}
	free(bytes);
	spool_clear(dir);
	return 0;
}
