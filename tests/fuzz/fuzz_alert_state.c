/* The documents of the outbox and of an alert's series, as they might come back from a damaged file: what is read is written and
 * read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "alerts/outbox_item.h"
#include "alerts/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_item(struct pl_str text)
{
	struct pl_arena arena = {0};
	struct pl_outbox_content c;
	struct pl_outbox_item *item = pl_outbox_item_load(1, text, &arena, &c);
	if (item != NULL) {
		struct pl_outbox_item *again = pl_outbox_item_create(1, c.receiver, c.wall_ns, &c.notice, c.groups);
		if (again->n_marks != item->n_marks)
			abort();
		while (again->n_marks > 1) {
			size_t before = again->n_marks;
			pl_outbox_item_strike(again, before / 2);
			if (again->n_marks != before - 1)
				abort();
		}
		pl_outbox_item_destroy(again);
		pl_outbox_item_destroy(item);
	}
	pl_arena_finish(&arena);
}

static void try_series(struct pl_str text)
{
	struct pl_arena arena = {0};
	struct pl_str id;
	struct pl_buf first = {0}, second = {0};
	struct pl_series *s = pl_series_read(&arena, text, &id);
	if (s != NULL) {
		struct pl_series_alert alert = {.id = pl_arena_strndup(&arena, id.p, id.n)};
		s->alert = &alert;
		pl_series_write(s, &first);
		struct pl_series *again = pl_series_read(&arena, pl_buf_str(&first), &id);
		if (alert.id[0] != '\0' && again == NULL)
			abort();
		if (again != NULL) {
			again->alert = &alert;
			pl_series_write(again, &second);
			if (!pl_str_eq(pl_buf_str(&first), pl_buf_str(&second)))
				abort();
			pl_series_destroy(again);
		}
		pl_series_destroy(s);
	}
	pl_buf_finish(&first);
	pl_buf_finish(&second);
	pl_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str text = {(const char *)data, size};
	try_item(text);
	try_series(text);
	return 0;
}
