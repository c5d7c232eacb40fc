#include "api/metric_out.h"

#include <math.h>

#include "base/clock.h"
#include "format/json_out.h"

/* In help texts `\` and line feeds are escaped, in label values `"` too; OpenMetrics wants UTF-8. */
static void add_escaped(struct pl_buf *out, struct pl_str s)
{
	bool utf8 = pl_str_utf8(s);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' || c == '"') {
			pl_buf_add_char(out, '\\');
			pl_buf_add_char(out, c);
		} else if (c == '\n') {
			pl_buf_add_cstr(out, "\\n");
		} else if (!utf8 && (unsigned char)c >= 0x80) {
			pl_buf_add_char(out, '?');
		} else {
			pl_buf_add_char(out, c);
		}
	}
}

void pl_metric_family(struct pl_metric_out *e, const char *name, enum pl_family_type type, const char *help)
{
	e->name = name;
	e->suffix = type == PL_FAMILY_COUNTER ? "_total" : "";
	const char *named = e->openmetrics ? "" : e->suffix; /* OpenMetrics describes the family, not its series */
	pl_buf_addf(e->out, "# HELP %s%s %s\n", name, named, help);
	pl_buf_addf(e->out, "# TYPE %s%s %s\n", name, named, type == PL_FAMILY_COUNTER ? "counter" : "gauge");
}

void pl_metric_sample(struct pl_metric_out *e)
{
	pl_buf_add_cstr(e->out, e->name);
	pl_buf_add_cstr(e->out, e->suffix);
	e->labelled = false;
}

void pl_metric_label(struct pl_metric_out *e, const char *name, struct pl_str value)
{
	pl_buf_add_char(e->out, e->labelled ? ',' : '{');
	e->labelled = true;
	pl_buf_add_cstr(e->out, name);
	pl_buf_add_cstr(e->out, "=\"");
	add_escaped(e->out, value);
	pl_buf_add_char(e->out, '"');
}

static void before_value(struct pl_metric_out *e)
{
	pl_buf_add_cstr(e->out, e->labelled ? "} " : " ");
}

void pl_metric_u64(struct pl_metric_out *e, uint64_t v)
{
	before_value(e);
	pl_buf_add_u64(e->out, v);
	pl_buf_add_char(e->out, '\n');
}

void pl_metric_seconds(struct pl_metric_out *e, int64_t ns)
{
	uint64_t abs = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	before_value(e);
	pl_buf_addf(e->out, "%s%llu.%09llu\n", ns < 0 ? "-" : "", (unsigned long long)(abs / (uint64_t)PL_NS_PER_S),
		    (unsigned long long)(abs % (uint64_t)PL_NS_PER_S));
}

void pl_metric_double(struct pl_metric_out *e, double v)
{
	before_value(e);
	if (isfinite(v))
		pl_json_add_double(e->out, v);
	else
		pl_buf_add_cstr(e->out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
	pl_buf_add_char(e->out, '\n');
}

void pl_metric_end(struct pl_metric_out *e)
{
	if (e->openmetrics)
		pl_buf_add_cstr(e->out, "# EOF\n");
}
