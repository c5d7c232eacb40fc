/* Reads lines of both sides from chunks: however the bytes are cut, the same lines come out, and every argument's parts lie
 * within it. The first byte is the limit of a line, the second the size of the chunks. */
#include <stdlib.h>

#include "format/relay_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(struct pl_str part, struct pl_str whole)
{
	if (part.n > 0 && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
		abort();
}

static void read_as_server(struct pl_str line)
{
	struct pl_relay_line l;
	struct pl_str name, tags;
	pl_relay_read(line, &l);
	within(l.arg, line);
	if (!l.has_arg && l.arg.n > 0)
		abort();
	pl_relay_read_add(l.arg, &name, &tags);
	within(name, l.arg);
	while (tags.p != NULL)
		within(pl_str_cut(&tags, ','), l.arg);
	struct pl_relay_items items = pl_relay_items_of(l.arg);
	struct pl_relay_item item;
	while (pl_relay_next_item(&items, &item)) {
		within(item.collector, l.arg);
		within(item.stat, l.arg);
		within(item.value, l.arg);
		if (item.stat.n > 0 && memchr(item.stat.p, '-', item.stat.n) != NULL)
			abort();
	}
}

static void read_as_relay(struct pl_str line)
{
	struct pl_relay_order_line o;
	struct pl_relay_overrides all;
	uint32_t seconds;
	pl_relay_read_order(line, &o);
	within(o.arg, line);
	if (pl_relay_read_beat(o.arg, &seconds) && (seconds < 1 || seconds > 86400))
		abort();
	if (pl_relay_read_override(o.arg, &all)) {
		struct pl_str name;
		while (pl_relay_next_override(&all, &name, &seconds)) {
			within(name, o.arg);
			if (seconds < 1 || seconds > 86400)
				abort();
		}
	}
}

/* The lines, each with its length before it; true when one was too long. */
static bool split(const char *p, size_t n, size_t step, size_t limit, struct pl_buf *out)
{
	struct pl_relay_lines l;
	enum pl_relay_lines_result result = PL_RELAY_LINES_MORE;
	pl_relay_lines_init(&l, limit);
	for (size_t at = 0; at < n && result == PL_RELAY_LINES_MORE; at += step) {
		struct pl_str line;
		pl_relay_lines_feed(&l, (struct pl_str){p + at, n - at < step ? n - at : step});
		while ((result = pl_relay_lines_next(&l, &line)) == PL_RELAY_LINE) {
			if (line.n > limit)
				abort();
			pl_buf_add(out, &line.n, sizeof line.n);
			pl_buf_add_str(out, line);
			read_as_server(line);
			read_as_relay(line);
		}
		if (l.begun.n > limit + 1)
			abort();
	}
	pl_relay_lines_finish(&l);
	return result == PL_RELAY_LINES_TOO_LONG;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t limit = data[0] + 1U, step = data[1] % 32 + 1U;
	const char *text = (const char *)data + 2;
	struct pl_buf a = {0}, b = {0};
	bool long_a = split(text, size - 2, size, limit, &a), long_b = split(text, size - 2, step, limit, &b);
	if (long_a != long_b || !pl_str_eq(pl_buf_str(&a), pl_buf_str(&b)))
		abort();
	pl_buf_finish(&a);
	pl_buf_finish(&b);
	return 0;
}
