#include "format/exposition_type.h"

#include "base/mem.h"

enum { MAX_SUFFIXES = 5 };

struct type_row {
	const char *text_name; /* NULL: not in text 0.0.4 */
	const char *name;
	const char *text_suffixes[MAX_SUFFIXES];
	const char *suffixes[MAX_SUFFIXES];
};

static const struct type_row types[] = {
    [PL_METRIC_UNKNOWN] = {"untyped", "unknown", {""}, {""}},
    [PL_METRIC_COUNTER] = {"counter", "counter", {""}, {"_total", "_created"}},
    [PL_METRIC_GAUGE] = {"gauge", "gauge", {""}, {""}},
    [PL_METRIC_HISTOGRAM] = {"histogram", "histogram", {"_bucket", "_sum", "_count"}, {"_bucket", "_sum", "_count", "_created"}},
    [PL_METRIC_GAUGEHISTOGRAM] = {NULL, "gaugehistogram", {NULL}, {"_bucket", "_gsum", "_gcount"}},
    [PL_METRIC_SUMMARY] = {"summary", "summary", {"", "_sum", "_count"}, {"", "_sum", "_count", "_created"}},
    [PL_METRIC_INFO] = {NULL, "info", {NULL}, {"_info"}},
    [PL_METRIC_STATESET] = {NULL, "stateset", {NULL}, {""}},
};

const char *pl_metric_type_name(enum pl_exposition_format format, enum pl_metric_type type)
{
	return format == PL_EXPOSITION_TEXT ? types[type].text_name : types[type].name;
}

bool pl_metric_type_parse(enum pl_exposition_format format, struct pl_str name, enum pl_metric_type *out)
{
	for (size_t i = 0; i < PL_COUNT_OF(types); i++) {
		const char *known = pl_metric_type_name(format, (enum pl_metric_type)i);
		if (known != NULL && name.n > 0 && name.p[0] == known[0] && pl_str_is(name, known)) {
			*out = (enum pl_metric_type)i;
			return true;
		}
	}
	return false;
}

const char *const *pl_metric_type_suffixes(enum pl_exposition_format format, enum pl_metric_type type)
{
	return format == PL_EXPOSITION_TEXT ? types[type].text_suffixes : types[type].suffixes;
}

const char *pl_metric_type_suffix(enum pl_exposition_format format, enum pl_metric_type type, struct pl_str family,
				  struct pl_str sample)
{
	if (!pl_str_starts(sample, family))
		return NULL;
	struct pl_str rest = {sample.p + family.n, sample.n - family.n};
	for (const char *const *s = pl_metric_type_suffixes(format, type); *s != NULL; s++)
		if (rest.n == 0 ? **s == '\0' : pl_str_is(rest, *s))
			return *s;
	return NULL;
}
