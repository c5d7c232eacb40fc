#include "out_influxdb/line.h"

#include "format/lineproto.h"

static uint64_t field_key(uint64_t measurement, struct pl_str field, char type)
{
	return pl_str_hash(field, measurement ^ (uint64_t)(unsigned char)type << 32);
}

uint64_t pl_influx_type_key(uint64_t target, struct pl_str measurement, struct pl_str field, struct pl_str type)
{
	return field_key(pl_str_hash(measurement, target), field, type.n > 0 ? type.p[0] : '\0');
}

static struct pl_str plain(struct pl_str name, struct pl_buf *scratch)
{
	if (name.n == 0 || memchr(name.p, '\\', name.n) == NULL)
		return name;
	pl_buf_clear(scratch);
	pl_lp_unescape(scratch, name);
	return pl_buf_str(scratch);
}

bool pl_influx_type_keys_init(struct pl_influx_type_keys *k, uint64_t target, struct pl_str line, struct pl_buf *scratch)
{
	struct pl_lp_line parsed;
	size_t column;
	const char *reason;
	if (pl_lp_parse(line, &parsed, &column, &reason) != PL_OK)
		return false;
	*k = (struct pl_influx_type_keys){.rest = parsed.fields, .scratch = scratch, .time_ns = parsed.time_ns};
	k->measurement = pl_str_hash(plain(parsed.measurement, scratch), target);
	return true;
}

/* The first letter of the type's name, of a valid value. */
static char type_of(struct pl_str value)
{
	if (value.n == 0)
		return '\0';
	if (value.p[0] == '"')
		return 's';
	if (value.p[value.n - 1] == 'i')
		return 'i';
	return strchr("tTfF", value.p[0]) != NULL ? 'b' : 'f';
}

bool pl_influx_type_keys_next(struct pl_influx_type_keys *k, uint64_t *key)
{
	struct pl_str name, value;
	if (!pl_lp_next_field(&k->rest, &name, &value))
		return false;
	*key = field_key(k->measurement, plain(name, k->scratch), type_of(value));
	return true;
}

/* Up to the first space without a backslash before it. */
uint64_t pl_influx_series_key(uint64_t target, struct pl_str line)
{
	size_t n = 0;
	while (n < line.n && (line.p[n] != ' ' || (n > 0 && line.p[n - 1] == '\\')))
		n++;
	return pl_str_hash((struct pl_str){line.p, n}, target);
}

bool pl_influx_line_parses(struct pl_str line)
{
	struct pl_lp_line parsed;
	size_t column;
	const char *reason;
	return pl_lp_parse(line, &parsed, &column, &reason) == PL_OK;
}
