#include "config/alert.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/alert_check.h"

#define AT(MEMBER) .offset = offsetof(struct pl_alert, MEMBER)
#define MONTH      (30 * 24 * 3600 * PL_NS_PER_S)

enum { MAX_ID = 64 };

static const char *const kinds[] = {"threshold", "deadman", "relative", NULL};       /* enum pl_alert_kind */
static const char *const levels[] = {"ok", "info", "warn", "crit", NULL};            /* enum pl_alert_level */
static const char *const kapacitor_levels[] = {"OK", "INFO", "WARNING", "CRITICAL"}; /* likewise */
static const char *const aggregates[] = {"mean",   "max",        "min",   "sum",  "last",
					 "median", "percentile", "count", "none", NULL}; /* enum pl_alert_aggregate */
static const char *const signs[] = {">", ">=", "<", "<=", "==", "!="};                   /* enum pl_alert_operator */
static const char *const changes[] = {"difference", "percent", NULL};                    /* enum pl_alert_change */

const char *pl_alert_kind_text(int kind)
{
	return kinds[kind];
}

const char *pl_alert_level_text(int level)
{
	return levels[level];
}

const char *pl_alert_level_kapacitor(int level)
{
	return kapacitor_levels[level];
}

const char *pl_alert_aggregate_text(int aggregate)
{
	return aggregates[aggregate];
}

const char *pl_alert_operator_sign(int op)
{
	return signs[op];
}

bool pl_alert_reaches(int op, double value, double threshold)
{
	switch (op) {
	case PL_ALERT_GT:
		return value > threshold;
	case PL_ALERT_GE:
		return value >= threshold;
	case PL_ALERT_LT:
		return value < threshold;
	case PL_ALERT_LE:
		return value <= threshold;
	case PL_ALERT_EQ:
		return value == threshold;
	default:
		return value != threshold;
	}
}

static bool is_word(struct pl_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

bool pl_alert_level_parse(struct pl_str s, int *level)
{
	for (int i = 0; i < PL_ALERT_LEVELS; i++) {
		if (s.n > 0 && (is_word(s, levels[i]) || is_word(s, kapacitor_levels[i]))) {
			*level = i;
			return true;
		}
	}
	return false;
}

bool pl_alert_id_valid(struct pl_str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] == '\0' || (!isalnum((unsigned char)id.p[i]) && strchr("._-", id.p[i]) == NULL))
			return false;
	return id.n > 0 && id.n <= MAX_ID && !pl_str_is(id, ".") && !pl_str_is(id, "..");
}

#define TEXT(KEY, MEMBER, HELP)                                                                                                  \
	{                                                                                                                        \
		.key = KEY, .type = PL_FIELD_STRING, AT(MEMBER), .flags = PL_FIELD_NONEMPTY, .help = HELP                        \
	}

static const struct pl_field alert_fields[] = {
    TEXT("id", id, "name of the alert: letters, digits and . _ -, at most 64"),
    {.key = "enabled", .type = PL_FIELD_BOOL, AT(enabled), .fallback = "true", .help = "false: its task is kept, but disabled"},
    {.key = "kind",
     .type = PL_FIELD_ENUM,
     AT(kind),
     .fallback = "threshold",
     .choices = kinds,
     .help = "threshold: a value; deadman: silence; relative: a change against some time ago"},
    {.key = "metric", .type = PL_FIELD_STRING, AT(metric), .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY, .help = "measurement"},
    TEXT("field", field, "of the measurement; default: as kapacitor.field says"),
    TEXT("database", database, "default: as kapacitor.database says"),
    TEXT("retention_policy", retention_policy, "default: as kapacitor.retention_policy says"),
    {.key = "tags",
     .type = PL_FIELD_LABELS,
     AT(tags),
     .flags = PL_FIELD_ANY_NAME,
     .help = "that a series must have to count; none: every series of the metric does"},
    {.key = "group_by",
     .type = PL_FIELD_STRINGS,
     AT(group_by),
     .help = "tags whose values are told apart, [\"*\"]: all; default: the keys of tags, or all when there are none"},
    {.key = "aggregate",
     .type = PL_FIELD_ENUM,
     AT(aggregate),
     .fallback = "mean",
     .choices = aggregates,
     .help = "what becomes of the points of a window: mean, max, min ...; none: each point by itself"},
    {.key = "percentile", .type = PL_FIELD_DOUBLE, AT(percentile), .max = 100, .help = "0 to 100, with aggregate: percentile"},
    {.key = "duration",
     .type = PL_FIELD_DURATION,
     AT(duration),
     .fallback = "5m",
     .min = PL_NS_PER_S,
     .max = MONTH,
     .help = "the window that is looked at; of a deadman the silence"},
    {.key = "every",
     .type = PL_FIELD_DURATION,
     AT(every),
     .fallback = "30s",
     .min = PL_NS_PER_S,
     .max = MONTH,
     .help = "how often it is looked at"},
    {.key = "operator",
     .type = PL_FIELD_STRING,
     AT(operator_text),
     .fallback = ">",
     .help = "gt ge lt le eq ne or > >= < <= == !=: how a value reaches a threshold"},
    TEXT("level", level, "info, warn or crit: of the threshold, or of a deadman; default: crit"),
    TEXT("threshold", threshold, "of that level; of a deadman: how many points in the window are still silence (0)"),
    TEXT("info", levels[PL_ALERT_INFO], "threshold of the level info"),
    TEXT("warn", levels[PL_ALERT_WARN], "threshold of the level warn"),
    TEXT("crit", levels[PL_ALERT_CRIT], "threshold of the level crit"),
    TEXT("info_reset", resets[PL_ALERT_INFO], "info stays until this value, on the good side of its threshold, is reached"),
    TEXT("warn_reset", resets[PL_ALERT_WARN], "the same for warn"),
    TEXT("crit_reset", resets[PL_ALERT_CRIT], "the same for crit"),
    {.key = "ago",
     .type = PL_FIELD_DURATION,
     AT(ago),
     .max = MONTH,
     .help = "with kind: relative: what the window is compared with lies so far back"},
    {.key = "change",
     .type = PL_FIELD_ENUM,
     AT(change),
     .fallback = "difference",
     .choices = changes,
     .help = "with kind: relative: difference, or percent of what it was"},
    TEXT("message", message, "what people are told; {id} {level} {value} {metric} {tag.NAME} stand for what they say"),
    {.key = "post",
     .type = PL_FIELD_URL,
     AT(post),
     .flags = PL_FIELD_NONEMPTY,
     .help = "URL that gets each change of level as JSON"},
    {.key = "notify", .type = PL_FIELD_STRINGS, AT(notify), .help = "names of notifiers; default: kapacitor.notify"},
    {.key = "cooldown",
     .type = PL_FIELD_DURATION,
     AT(cooldown),
     .max = MONTH,
     .fallback = "0s",
     .help = "after an alarm, no other of the same series for so long; 0: none"},
    {.key = "reminder",
     .type = PL_FIELD_DURATION,
     AT(reminder),
     .max = MONTH,
     .fallback = "0s",
     .help = "an alarm is told again this often while it lasts; 0: never"},
    {.key = "group_wait",
     .type = PL_FIELD_DURATION,
     AT(group_wait),
     .max = MONTH,
     .fallback = "0s",
     .help = "changes within this time are told together; 0: each by itself"},
    {0},
};

const struct pl_schema pl_alert_schema = {
    .name = "alert", .size = sizeof(struct pl_alert), .fields = alert_fields, .check = pl_alert_check};
