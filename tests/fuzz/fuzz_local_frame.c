/* Frames of the local store: bytes of any kind are read within their bounds, and what can be read can be written and merged. */
#include <stdlib.h>
#include <string.h>

#include "out_local/frame.h"
#include "out_local/tagset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count(struct pl_str frame, struct pl_buf *again)
{
	struct pl_local_frame_writer w = {0};
	struct pl_local_frame_sample s;
	unsigned next = 0, n = 0;
	enum pl_err err;
	while ((err = pl_local_frame_next(&frame, &next, &s)) == PL_OK) {
		if (s.offset >= PL_LOCAL_FRAME_SERIES || next != s.offset + 1 || ++n > PL_LOCAL_FRAME_SERIES)
			abort();
		pl_local_frame_add(&w, again, s.offset, s.value);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str a = {(const char *)data, size / 2}, b = {(const char *)data + size / 2, size - size / 2};
	struct pl_buf clean_a = {0}, clean_b = {0}, merged = {0}, again = {0};
	unsigned n = 0, n_a = count(a, &clean_a), n_b = count(b, &clean_b);
	if (count(pl_buf_str(&clean_a), &again) != n_a)
		abort();
	if (again.n != clean_a.n || (again.n > 0 && memcmp(again.p, clean_a.p, again.n) != 0))
		abort();
	if (pl_local_frame_merge(pl_buf_str(&clean_a), pl_buf_str(&clean_b), &merged, &n) != PL_OK)
		abort();
	if (n > n_a + n_b || n < n_a || n < n_b)
		abort();
	pl_buf_clear(&merged);
	if (pl_local_frame_merge(a, b, &merged, &n) == PL_OK && (count(a, &again) > n || count(b, &again) > n))
		abort();
	pl_local_tagset_get(a, b, &again);
	pl_buf_finish(&clean_a);
	pl_buf_finish(&clean_b);
	pl_buf_finish(&merged);
	pl_buf_finish(&again);
	return 0;
}
