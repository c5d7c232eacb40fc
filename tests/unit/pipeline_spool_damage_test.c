/* Files of a spool that others, or the loss of power, have been at. */
#include "spool_bench.h"

#include "base/crc32c.h"

struct place {
	struct pl_spool_ref refs[5]; /* of the records 1 to 4 */
	char segment[128], ledger[128];
};

/* Four records of 5, 3, 4 and 2 points, of which the second is out, and one point that is gone and in the ledger. */
static void lay(struct bench *b, struct place *p)
{
	static const uint32_t points[] = {0, 5, 3, 4, 2};
	bench_init(b);
	bench_open(b);
	bench_out(b, bench_append(b, 9, 1, 0), 1);
	bench_reopen(b);
	for (unsigned i = 1; i <= 4; i++)
		p->refs[i] = bench_append(b, i, points[i], 2000);
	bench_out(b, p->refs[2], 3);
	bench_segment(b, p->refs[1].segment, p->segment);
	bench_path(b, "ledger", p->ledger);
	bench_close(b);
}

static void fill(const char *path, off_t from, size_t n, int c)
{
	int fd = open(path, O_WRONLY);
	char *bytes = pl_alloc(n);
	memset(bytes, c, n);
	assert_int_equal(pwrite(fd, bytes, n, from), n);
	free(bytes);
	close(fd);
}

enum how { NOTHING, CUT, FLIP, APPEND, OVERWRITE, REMOVE, FOLDER };

/* `record` 0: offsets count from the file's beginning, 5: from its end. */
static void spoil(const char *path, const struct place *p, enum how how, unsigned record, long offset, size_t n, int c)
{
	off_t size = bench_size(path), at = (record == 0 ? 0 : record == 5 ? size : (off_t)p->refs[record].offset) + offset;
	switch (how) {
	case CUT:
		assert_int_equal(truncate(path, at), 0);
		break;
	case FLIP:
		bench_flip(path, at);
		break;
	case APPEND:
		fill(path, size, n, c);
		break;
	case OVERWRITE:
		fill(path, 0, (size_t)size, c);
		break;
	case FOLDER:
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
		break;
	case REMOVE:
		assert_int_equal(unlink(path), 0);
		break;
	case NOTHING:
		break;
	}
}

static void a_damaged_segment_costs_no_more_than_it_must(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		enum how how;
		unsigned record;
		long offset;
		size_t n;
		int c;
		const char *pending;
		uint64_t torn, corrupt, in, out, lost; /* after all was read */
		size_t aside;
	} rows[] = {
	    {"nothing", NOTHING, 0, 0, 0, 0, "1 3 4", 0, 0, 15, 4, 0, 0},
	    {"last byte is missing", CUT, 5, -1, 0, 0, "1 3", 1, 0, 13, 4, 0, 0},
	    {"half the last body is missing", CUT, 4, 1000, 0, 0, "1 3", 1, 0, 13, 4, 0, 0},
	    {"ends in a head", CUT, 4, 50, 0, 0, "1 3", 1, 0, 13, 4, 0, 0},
	    {"ends in an outcome", CUT, 4, 200, 0, 0, "1 3", 1, 0, 13, 4, 0, 0},
	    {"last body flipped", FLIP, 4, 1000, 0, 0, "1 3", 1, 0, 13, 4, 0, 0},
	    {"last head flipped", FLIP, 4, 48, 0, 0, "1 3", 1, 0, 13, 4, 0, 0},
	    {"garbage behind", APPEND, 0, 0, 5000, 'x', "1 3 4", 1, 0, 15, 4, 0, 0},
	    {"zeros behind", APPEND, 0, 0, 200000, 0, "1 3 4", 1, 0, 15, 4, 0, 0},
	    {"one byte behind", APPEND, 0, 0, 1, 0, "1 3 4", 1, 0, 15, 4, 0, 0},
	    {"zeros", OVERWRITE, 0, 0, 0, 0, "", 0, 1, 1, 1, 0, 1},
	    {"garbage", OVERWRITE, 0, 0, 0, 'x', "", 0, 1, 1, 1, 0, 1},
	    {"a folder", FOLDER, 0, 0, 0, 0, "", 0, 1, 1, 1, 0, 1},
	    {"a bit of it", CUT, 0, 50, 0, 0, "", 0, 1, 1, 1, 0, 1},
	    {"empty", CUT, 0, 0, 0, 0, "", 0, 0, 1, 1, 0, 0},
	    {"file header only", CUT, 0, 128, 0, 0, "", 0, 0, 1, 1, 0, 0},
	    {"file header flipped", FLIP, 0, 20, 0, 0, "1 3 4", 0, 1, 15, 4, 0, 1},
	    {"magic flipped", FLIP, 0, 0, 0, 0, "1 3 4", 0, 1, 15, 4, 0, 1},
	    {"first head flipped", FLIP, 1, 60, 0, 0, "3 4", 0, 1, 15, 4, 5, 1},
	    {"head of a settled one flipped", FLIP, 2, 60, 0, 0, "1 3 4", 0, 1, 15, 4, 0, 1},
	    {"third head flipped", FLIP, 3, 0, 0, 0, "1 4", 0, 1, 15, 4, 4, 1},
	    {"body flipped", FLIP, 3, 900, 0, 0, "1 4", 0, 1, 15, 4, 4, 1},
	    {"name of the database flipped", FLIP, 1, 256, 0, 0, "3 4", 0, 1, 15, 4, 5, 1},
	    {"body of a settled one flipped", FLIP, 2, 900, 0, 0, "1 3 4", 0, 0, 15, 4, 0, 0},
	    {"outcome flipped", FLIP, 2, 128 + 4, 0, 0, "1 2 3 4", 0, 1, 15, 1, 0, 1},
	    {"bits in an empty outcome", FLIP, 1, 128 + 70, 0, 0, "1 3 4", 0, 1, 15, 4, 0, 1},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct bench b;
		struct place p;
		lay(&b, &p);
		spoil(p.segment, &p, rows[i].how, rows[i].record, rows[i].offset, rows[i].n, rows[i].c);
		bench_open(&b);
		print_message("%s\n", rows[i].what);
		assert_pending(&b, rows[i].pending);
		struct pl_spool_account a = bench_account(&b);
		assert_int_equal(a.torn, rows[i].torn);
		assert_int_equal(a.corrupt, rows[i].corrupt);
		assert_int_equal(a.points_in, rows[i].in);
		assert_int_equal(a.points_out, rows[i].out);
		assert_int_equal(a.dropped[PL_DROP_CORRUPT], rows[i].lost);
		bench_append(&b, 5, 7, 0); /* it goes on */
		bench_reopen(&b);
		assert_account(&b, rows[i].in + 7, rows[i].out, a.points_pending + 7);
		assert_int_equal(bench_account(&b).torn, 0); /* was cut off */
		struct pl_spool_ref at = {0, 0};
		struct pl_batch *batch;
		while (pl_spool_read(b.spool, at, false, &batch, &at) == PL_OK) {
			bench_out(&b, at, batch->points);
			pl_batch_release(batch);
		}
		bench_reopen(&b);
		assert_account(&b, rows[i].in + 7, rows[i].out + a.points_pending + 7, 0);
		assert_int_equal(bench_files(&b, ".seg.bad-"), rows[i].aside);
		bench_finish(&b);
	}
}

static void a_damaged_ledger_loses_no_points(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		enum how how;
		long offset;
		int c;
		uint64_t in, out, corrupt;
		size_t aside;
	} rows[] = {
	    {"nothing", NOTHING, 0, 0, 15, 4, 0, 0},
	    {"missing", REMOVE, 0, 0, 14, 3, 0, 0},
	    {"empty", CUT, 0, 0, 14, 3, 0, 1},
	    {"in part", CUT, 3000, 0, 15, 4, 1, 1},
	    {"zeros", OVERWRITE, 0, 0, 14, 3, 0, 1},
	    {"garbage", OVERWRITE, 0, 'x', 14, 3, 64, 1},
	    {"a folder", FOLDER, 0, 0, 14, 3, 0, 1},
	    {"file header flipped", FLIP, 8, 0, 15, 4, 0, 1},
	    {"an old entry flipped", FLIP, 256 * 9 + 30, 0, 15, 4, 1, 0},
	    {"the last entry flipped", FLIP, 256 * 2 + 30, 0, 14, 3, 1, 0},
	};
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		struct bench b;
		struct place p;
		lay(&b, &p);
		spoil(p.ledger, &p, rows[i].how, 0, rows[i].offset, 0, rows[i].c);
		bench_open(&b);
		print_message("%s\n", rows[i].what);
		assert_pending(&b, "1 3 4");
		assert_account(&b, rows[i].in, rows[i].out, 11);
		assert_int_equal(bench_account(&b).corrupt, rows[i].corrupt);
		assert_int_equal(bench_files(&b, "ledger.bad-"), rows[i].aside);
		bench_out(&b, p.refs[3], 4);
		bench_out(&b, p.refs[1], 5);
		bench_out(&b, p.refs[4], 2);
		bench_reopen(&b);
		assert_account(&b, rows[i].in, rows[i].in, 0);
		bench_finish(&b);
	}
}

/* As if the process had been killed between the ledger's entry and the removal. */
static void a_counted_segment_is_not_counted_again(void **state)
{
	(void)state;
	struct bench b;
	struct place p;
	char copy[160];
	lay(&b, &p);
	snprintf(copy, sizeof copy, "%s.kept", p.segment);
	assert_int_equal(link(p.segment, copy), 0);
	bench_open(&b);
	for (unsigned i = 1; i <= 4; i++)
		bench_out(&b, p.refs[i], i == 1 ? 5 : i == 2 ? 3 : i == 3 ? 4 : 2);
	bench_close(&b);
	assert_int_equal(bench_size(p.segment), -1);
	assert_int_equal(rename(copy, p.segment), 0);
	bench_open(&b);
	assert_account(&b, 15, 15, 0);
	assert_int_equal(bench_size(p.segment), -1);
	bench_finish(&b);
}

static void the_torn_end_is_the_last_segments_alone(void **state)
{
	(void)state;
	struct bench b;
	struct place p;
	lay(&b, &p);
	bench_open(&b);
	bench_append(&b, 5, 1, 0); /* of another segment */
	bench_close(&b);
	off_t size = bench_size(p.segment);
	spoil(p.segment, &p, APPEND, 0, 0, 3000, 'x');
	bench_open(&b);
	assert_pending(&b, "1 3 4 5");
	assert_int_equal(bench_account(&b).torn, 0);
	assert_int_equal(bench_account(&b).corrupt, 1);
	assert_int_equal(bench_size(p.segment), size + 3000); /* somebody may want to look at it */
	bench_finish(&b);
}

static void another_version_is_refused_by_name(void **state)
{
	(void)state;
	for (int ledger = 0; ledger < 2; ledger++) {
		struct bench b;
		struct place p;
		unsigned char head[128];
		char reason[256] = "", expected[256];
		lay(&b, &p);
		const char *path = ledger ? p.ledger : p.segment;
		int fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, head, sizeof head, 0), sizeof head);
		head[8] = 2;
		uint32_t crc = pl_crc32c(0, head, 124);
		for (int i = 0; i < 4; i++)
			head[124 + i] = (unsigned char)(crc >> 8 * i);
		assert_int_equal(pwrite(fd, head, sizeof head, 0), sizeof head);
		close(fd);
		assert_int_equal(pl_spool_open(&b.spool, &b.options, reason, sizeof reason), PL_EVERSION);
		b.spool = NULL;
		snprintf(expected, sizeof expected, "%s has version 2 of the format, this program reads 1 to 1", path);
		assert_string_equal(reason, expected);
		assert_int_equal(bench_files(&b, ".bad"), 0);
		bench_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_damaged_segment_costs_no_more_than_it_must),
	    cmocka_unit_test(a_damaged_ledger_loses_no_points),
	    cmocka_unit_test(a_counted_segment_is_not_counted_again),
	    cmocka_unit_test(the_torn_end_is_the_last_segments_alone),
	    cmocka_unit_test(another_version_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
