/* An alert as it is declared: in the configuration, in files of a directory, or by the API, always by the same table. */
#ifndef PL_CONFIG_ALERT_H
#define PL_CONFIG_ALERT_H

#include "config/schema.h"

enum pl_alert_kind { PL_ALERT_THRESHOLD, PL_ALERT_DEADMAN, PL_ALERT_RELATIVE };
enum pl_alert_level { PL_ALERT_OK, PL_ALERT_INFO, PL_ALERT_WARN, PL_ALERT_CRIT, PL_ALERT_LEVELS };
enum pl_alert_operator { PL_ALERT_GT, PL_ALERT_GE, PL_ALERT_LT, PL_ALERT_LE, PL_ALERT_EQ, PL_ALERT_NE };
enum pl_alert_aggregate {
	PL_ALERT_MEAN,
	PL_ALERT_MAX,
	PL_ALERT_MIN,
	PL_ALERT_SUM,
	PL_ALERT_LAST,
	PL_ALERT_MEDIAN,
	PL_ALERT_PERCENTILE,
	PL_ALERT_COUNT,
	PL_ALERT_NONE, /* each point by itself, no window */
};
enum pl_alert_change { PL_ALERT_DIFFERENCE, PL_ALERT_PERCENT };

/* A threshold of one level: when it is reached, and when it is left again (hysteresis). */
struct pl_alert_bound {
	bool given, reset_given;
	double threshold, reset; /* finite */
};

struct pl_alert {
	struct pl_mark mark; /* where it is declared; file NULL: not in the configuration */
	const char *id;      /* [A-Za-z0-9._-], at most 64 bytes; NULL only before the API has given one */
	bool enabled;
	int kind;                                /* enum pl_alert_kind */
	const char *metric;                      /* measurement */
	const char *field;                       /* NULL: pl_kapacitor_config's */
	const char *database, *retention_policy; /* NULL: pl_kapacitor_config's */
	struct pl_labels tags;         /* of the series that count; {}: all. Names may be any text that Kapacitor can name */
	struct pl_strings group_by;    /* tags; "*": all of them; {}: the keys of `tags`, or "*" when there are none */
	int aggregate;                 /* enum pl_alert_aggregate */
	double percentile;             /* of PL_ALERT_PERCENTILE; 0..100 */
	int64_t duration, every;       /* ns: the window (deadman: the silence), how often it is looked at */
	int operator_;                 /* enum pl_alert_operator */
	const char *operator_text;     /* as it was written; echoed by the API */
	const char *level, *threshold; /* pulse's pair as it was written; NULL: not given. With a threshold and of a deadman there
					* is always a level */
	const char *levels[PL_ALERT_LEVELS], *resets[PL_ALERT_LEVELS]; /* info, warn, crit ... as written; NULL: not given */
	struct pl_alert_bound bounds[PL_ALERT_LEVELS];                 /* of all these, decoded; [PL_ALERT_OK] unused */
	int64_t ago;                                                   /* ns; of PL_ALERT_RELATIVE */
	int change;                                                    /* enum pl_alert_change */
	const char *message;      /* NULL: the usual one. {id} {level} {value} {metric} and {tag.NAME} stand for what they say */
	const char *post;         /* URL; NULL: none */
	struct pl_strings notify; /* names of notifiers */
	int64_t cooldown, reminder, group_wait; /* ns; 0: none */
};

/* Of struct pl_alert. Its check fills in what is derived. The keys: id enabled kind metric field database retention_policy tags
 * group_by aggregate percentile duration every operator level threshold info warn crit info_reset warn_reset crit_reset ago
 * change message post notify cooldown reminder group_wait. */
extern const struct pl_schema pl_alert_schema;

/* One word each, as they are written: "threshold", "crit", "CRITICAL" (as Kapacitor and pulse's receivers spell it), "gt". */
const char *pl_alert_kind_text(int kind);
const char *pl_alert_level_text(int level);      /* ok info warn crit */
const char *pl_alert_level_kapacitor(int level); /* OK INFO WARNING CRITICAL */
const char *pl_alert_aggregate_text(int aggregate);
const char *pl_alert_operator_sign(int op);                    /* as TICKscript writes it: > >= < <= == != */
bool pl_alert_reaches(int op, double value, double threshold); /* does a value reach a threshold? */
bool pl_alert_level_parse(struct pl_str s, int *level);        /* either spelling, any case */

/* Never "." and "..", which no path of a URL can say. */
bool pl_alert_id_valid(struct pl_str id);

/* A JSON object (of the API) as an alert: names in any case, numbers or texts; what is not known is told as a warning. `arena`
 * holds all. PL_EPARSE with problems. */
PL_MUST_CHECK enum pl_err pl_alert_decode_json(struct pl_arena *arena, struct pl_str text, struct pl_problems *problems,
					       struct pl_alert *out);

/* Appends it as a JSON object, pulse's members first and in pulse's order; reads back as the same alert. `more`: leaves the
 * object open for the caller's own members. */
struct pl_json;
void pl_alert_json(struct pl_json *j, const struct pl_alert *a, bool more);

/* Appends it as YAML, an item of a list `indent` spaces deep, without what is at its default; reads back as the same alert. */
void pl_alert_yaml(struct pl_buf *out, const struct pl_alert *a, unsigned indent);

#endif
