#include "out_influxdb/quoted.h"

#include <string.h>

enum { MOST_ENDS = 16 }; /* of one entry, that are tried */

static const char mark[] = "unable to parse '";

static bool read_entry(struct pl_str text, bool (*is_line)(void *, struct pl_str), void *data, struct pl_influx_quoted *out)
{
	struct pl_str rest = text;
	bool known = false;
	for (int i = 0; i < MOST_ENDS && rest.n > 0; i++) {
		const char *end = memmem(rest.p, rest.n, "': ", 3);
		if (end == NULL)
			break;
		struct pl_str line = {text.p, (size_t)(end - text.p)};
		rest = (struct pl_str){end + 3, (size_t)(text.p + text.n - end - 3)};
		if (is_line(data, line)) {
			*out = (struct pl_influx_quoted){line, rest};
			known = true;
		}
	}
	return known;
}

size_t pl_influx_read_quoted(struct pl_str message, bool (*is_line)(void *data, struct pl_str text),
			     void (*found)(void *data, const struct pl_influx_quoted *q), void *data, size_t *known)
{
	size_t entries = 0;
	*known = 0;
	while (message.p != NULL) {
		struct pl_str entry = pl_str_cut(&message, '\n');
		struct pl_influx_quoted q;
		if (!pl_str_starts(entry, pl_str_of(mark)))
			continue;
		entries++;
		entry.p += sizeof mark - 1;
		entry.n -= sizeof mark - 1;
		if (read_entry(entry, is_line, data, &q)) {
			++*known;
			found(data, &q);
		}
	}
	return entries;
}
