/* From verdicts to outcomes, a table of them; and what goes to the quarantine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pipeline/rate.h"
#include "pipeline/settlement.h"

/* Two batches: "a v=1\nb v=1\nc v=1\n" on disk (or not), then "d v=1\ne v=1\n". */
struct row {
	const char *name;
	struct pl_refusal refusals[4];
	size_t n_refusals;
	uint32_t refused;
	enum pl_verdict_kind kind;
	bool on_disk, quarantine, disk_holds;
	struct pl_spool_outcome expected[2]; /* but for dropped */
	uint32_t dropped_type[2], dropped_expired[2];
	uint32_t held_in_memory;
};

#define REFUSAL(BATCH, LINE, HELD)                                                                                               \
	{                                                                                                                        \
		.batch = BATCH, .offset = (LINE)*6, .n = 5, .held = HELD, .as = "field_type", .reason = "conflict"               \
	}

static const struct row rows[] = {
    {.name = "all is out", .expected = {{.out = 3}, {.out = 2}}},
    {.name = "one by name",
     .refusals = {REFUSAL(0, 1, false)},
     .n_refusals = 1,
     .quarantine = true,
     .on_disk = true,
     .expected = {{.out = 2, .quarantined = 1}, {.out = 2}}},
    {.name = "no quarantine",
     .refusals = {REFUSAL(0, 1, false), REFUSAL(1, 0, false)},
     .n_refusals = 2,
     .expected = {{.out = 2}, {.out = 1}},
     .dropped_type = {1, 1}},
    {.name = "unnamed ones are those of the first batches",
     .refusals = {REFUSAL(0, 0, false)},
     .n_refusals = 1,
     .refused = 3,
     .quarantine = true,
     .expected = {{.quarantined = 1}, {.out = 1}},
     .dropped_expired = {2, 1}},
    {.name = "more than there are", .refused = 99, .expected = {{0}, {0}}, .dropped_expired = {3, 2}},
    {.name = "held on disk",
     .refusals = {REFUSAL(0, 0, true), REFUSAL(1, 1, true)},
     .n_refusals = 2,
     .on_disk = true,
     .disk_holds = true,
     .expected = {{.out = 2, .moved = 1}, {.out = 1, .moved = 1}}},
    {.name = "the disk cannot hold: kept in quarantine",
     .refusals = {REFUSAL(0, 0, true)},
     .n_refusals = 1,
     .on_disk = true,
     .quarantine = true,
     .expected = {{.out = 2, .quarantined = 1}, {.out = 2}}},
    {.name = "held in memory",
     .refusals = {REFUSAL(0, 0, true), REFUSAL(0, 2, true)},
     .n_refusals = 2,
     .expected = {{.out = 1, .moved = 2}, {.out = 2}},
     .held_in_memory = 2},
    {.name = "refused as a whole",
     .kind = PL_VERDICT_REFUSED,
     .quarantine = true,
     .expected = {{.quarantined = 3}, {.quarantined = 2}}},
    {.name = "a refusal beyond the batch counts for nothing",
     .refusals = {REFUSAL(0, 3, false), REFUSAL(7, 0, false)},
     .n_refusals = 2,
     .quarantine = true,
     .expected = {{.out = 3}, {.out = 2}}},
};

static struct pl_batch *make(struct pl_route *r, const char *text, uint32_t points)
{
	struct pl_buf lines = {0};
	pl_buf_add_cstr(&lines, text);
	return pl_batch_create(r, &lines, points);
}

static bool hold(void *data, const struct pl_batch *b)
{
	(void)b;
	return *(const bool *)data;
}

static void settle_row(const struct row *row)
{
	char reason[128];
	struct pl_quarantine *quarantine = NULL;
	struct pl_route *r = pl_route_create("", "");
	struct pl_lane_item items[2] = {{make(r, "a v=1\nb v=1\nc v=1\n", 3), {0}}, {make(r, "d v=1\ne v=1\n", 2), {0}}};
	if (row->on_disk) {
		items[0].ref = (struct pl_spool_ref){1, 100};
		items[1].ref = (struct pl_spool_ref){1, 200};
	}
	if (row->quarantine)
		assert_int_equal(
		    pl_quarantine_open(&quarantine, &(struct pl_quarantine_options){.max_bytes = 1 << 20}, reason, sizeof reason),
		    PL_OK);
	struct pl_spool_outcome outcomes[2];
	struct pl_settlement s = {.outcomes = outcomes};
	bool disk_holds = row->disk_holds;
	const struct pl_settlement_env env = {.output = "o", .quarantine = quarantine, .hold = hold, .data = &disk_holds};
	const struct pl_verdict v = {.kind = row->kind,
				     .refusals = row->refusals,
				     .n_refusals = row->n_refusals,
				     .refused = row->refused,
				     .refused_as = "expired"};
	pl_settlement_make(&s, &env, items, 2, &v);
	uint64_t quarantined = 0;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(outcomes[i].out, row->expected[i].out);
		assert_int_equal(outcomes[i].quarantined, row->expected[i].quarantined);
		assert_int_equal(outcomes[i].moved, row->expected[i].moved);
		assert_int_equal(outcomes[i].dropped[PL_DROP_FIELD_TYPE], row->dropped_type[i]);
		assert_int_equal(outcomes[i].dropped[PL_DROP_EXPIRED], row->dropped_expired[i]);
		quarantined += outcomes[i].quarantined;
		pl_batch_release(items[i].batch);
	}
	assert_int_equal(s.held != NULL ? s.held->points : 0, row->held_in_memory);
	if (s.held != NULL)
		pl_batch_release(s.held);
	if (quarantine != NULL) {
		assert_int_equal(pl_quarantine_stats(quarantine).lines, quarantined);
		pl_quarantine_close(quarantine);
	}
	pl_route_release(r);
}

static void settles_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < PL_COUNT_OF(rows); i++) {
		print_message("%s\n", rows[i].name);
		settle_row(&rows[i]);
	}
}

static void tells_growth_of_the_last_minute(void **state)
{
	(void)state;
	struct pl_rate r = {0};
	const int64_t s = 1000000000;
	assert_true(pl_rate_update(&r, 10 * s, 500) == 0);
	assert_true(pl_rate_update(&r, 12 * s, 520) == 10);
	for (int64_t t = 13; t <= 200; t++)
		pl_rate_update(&r, t * s, 520 + 3 * (uint64_t)(t - 12));
	assert_true(pl_rate_update(&r, 201 * s, 520 + 3 * 189) == 3); /* the fast beginning is forgotten */
	assert_true(pl_rate_update(&r, 202 * s, 7) == 0);             /* began anew */
	assert_true(pl_rate_update(&r, 203 * s, 9) == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settles_as_the_table_says),
	    cmocka_unit_test(tells_growth_of_the_last_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
