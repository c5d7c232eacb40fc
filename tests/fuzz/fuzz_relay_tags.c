/* A collector with any name and tags, on a relay with any id: what stands before the fields is of one line of line protocol that
 * InfluxDB takes, with each key once. The input's lines: the id, the argument of `add`, the stat; the first byte's lowest bit
 * asks for the tag `collector`. */
#include <stdlib.h>

#include "format/lineproto.h"
#include "format/relay_line.h"
#include "in_relay/collectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct pl_str line)
{
	struct pl_lp_line parsed;
	size_t column;
	const char *reason;
	struct pl_str last = {0}, key, value;
	if (pl_lp_parse(line, &parsed, &column, &reason) != PL_OK)
		abort();
	while (pl_lp_next_pair(&parsed.tags, &key, &value)) {
		if (last.p != NULL && pl_str_eq(last, key))
			abort();
		last = key;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 4096)
		return 0;
	struct pl_str rest = {(const char *)data + 1, size - 1};
	struct pl_str id = pl_str_cut(&rest, '\n'), arg = pl_str_cut(&rest, '\n'), stat = pl_str_cut(&rest, '\n'), name, given;
	struct pl_in_relay_tagging tagging = {.collector_tag = (data[0] & 1) != 0};
	struct pl_in_relay_collectors all = {0};
	struct pl_buf line = {0};
	pl_relay_read_add(arg, &name, &given);
	size_t tags = 0;
	for (struct pl_str t = given; t.p != NULL; tags++)
		pl_str_cut(&t, ',');
	if (stat.n == 0 || tags > 256)
		return 0;
	pl_in_relay_collectors_set(&all, name, given, id, &tagging);
	pl_in_relay_collectors_retag(&all, id, &tagging);
	const struct pl_in_relay_collector *c = pl_in_relay_collectors_find(&all, name);
	if (c == NULL || !pl_str_eq(pl_in_relay_collector_given(c), given) || c->n_given != tags)
		abort();
	pl_lp_add_measurement(&line, stat);
	pl_buf_add_str(&line, pl_in_relay_collector_tags(c));
	pl_buf_add_cstr(&line, " x=1 1");
	check(pl_buf_str(&line));
	pl_in_relay_collectors_remove(&all, name);
	if (all.n != 0 || all.bytes != 0)
		abort();
	pl_in_relay_collectors_finish(&all);
	pl_buf_finish(&line);
	return 0;
}
