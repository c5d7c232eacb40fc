#include "config/kapacitor.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/alert_check.h"

#define AT(MEMBER) .offset = offsetof(struct pl_kapacitor_config, MEMBER)
#define IN(SECTION, MEMBER)                                                                                                      \
	.offset = offsetof(struct pl_kapacitor_config, SECTION.MEMBER) - offsetof(struct pl_kapacitor_config, SECTION)
#define SIZE(SECTION) sizeof(((struct pl_kapacitor_config *)0)->SECTION)
#define HOUR          (3600 * PL_NS_PER_S)
#define DAY           (24 * HOUR)

enum { MAX_PREFIX = 64 };

static void check_text(const struct pl_check *c, const char *key, const char *s)
{
	struct pl_str text = pl_str_of(s);
	const char *flaw = pl_alert_text_flaw(text, false);
	if (text.n > PL_ALERT_NAME_BYTES)
		pl_check_fail(c, key, "%zu bytes, the limit is %d", text.n, PL_ALERT_NAME_BYTES);
	else if (flaw != NULL)
		pl_check_fail(c, key, "%s", flaw);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* HH:MM. */
static bool is_time_of_day(const char *s)
{
	return strlen(s) == 5 && is_digit(s[0]) && is_digit(s[1]) && s[2] == ':' && is_digit(s[3]) && is_digit(s[4]) &&
	       (s[0] - '0') * 10 + s[1] - '0' < 24 && s[3] < '6';
}

static void check_proof(void *object, const struct pl_check *c)
{
	const struct pl_kapacitor_config *k = pl_container_of(object, const struct pl_kapacitor_config, proof);
	check_text(c, "database", k->proof.database);
	if (!is_time_of_day(k->proof.at))
		pl_check_fail(c, "at", "expected a time of day like 03:00");
	if (k->proof.interval > 0 && k->proof.interval < 60 * PL_NS_PER_S)
		pl_check_fail(c, "interval", "out of range; allowed: 0s, 1m to 1y");
}

static const char *const ways[] = {"influxdb", "kapacitor", "off", NULL}; /* enum pl_proof_way */

static const struct pl_field proof_fields[] = {
    {.key = "way",
     .type = PL_FIELD_ENUM,
     IN(proof, way),
     .fallback = "kapacitor",
     .choices = ways,
     .help = "how a synthetic point gets to the task; default: influxdb where such an output is, else kapacitor; off: no proofs"},
    {.key = "interval",
     .type = PL_FIELD_DURATION,
     IN(proof, interval),
     .fallback = "24h",
     .max = 365 * DAY,
     .help = "how often each alert is proven to fire; 0: only when its task was created or changed"},
    {.key = "at",
     .type = PL_FIELD_STRING,
     IN(proof, at),
     .fallback = "03:00",
     .help = "local time of day, when the interval is a day"},
    {.key = "database",
     .type = PL_FIELD_STRING,
     IN(proof, database),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "pulseline_proof",
     .help = "where the synthetic points go, apart from all others"},
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     IN(proof, timeout),
     .fallback = "2m",
     .min = PL_NS_PER_S,
     .max = DAY,
     .help = "how long beyond the alert's own windows until a proof has failed"},
    {0},
};

static const struct pl_schema proof_schema = {.name = "proof", .size = SIZE(proof), .fields = proof_fields, .check = check_proof};

static const struct pl_field keep_fields[] = {
    {.key = "events",
     .type = PL_FIELD_INT,
     IN(keep, events),
     .fallback = "1000",
     .min = 1,
     .max = 100000,
     .help = "how many events of each alert are kept"},
    {.key = "event_age",
     .type = PL_FIELD_DURATION,
     IN(keep, event_age),
     .fallback = "90d",
     .min = HOUR,
     .max = 3650 * DAY,
     .help = "how long"},
    {.key = "outbox",
     .type = PL_FIELD_INT,
     IN(keep, outbox),
     .fallback = "10000",
     .min = 10,
     .max = 1000000,
     .help = "notices that may wait for their receivers at once"},
    {.key = "outbox_age",
     .type = PL_FIELD_DURATION,
     IN(keep, outbox_age),
     .fallback = "72h",
     .min = 60 * PL_NS_PER_S,
     .max = 365 * DAY,
     .help = "how long a notice is tried before it is given up"},
    {0},
};

static const struct pl_schema keep_schema = {.name = "keep", .size = SIZE(keep), .fields = keep_fields};

static void check_kapacitor(void *object, const struct pl_check *c)
{
	const struct pl_kapacitor_config *k = object;
	size_t n = strspn(k->prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	if (k->url != NULL && strchr(k->url, '?') != NULL)
		pl_check_fail(c, "url", "must not hold a query; /kapacitor/v1/... is put behind it");
	if (k->webhook_url != NULL && strchr(k->webhook_url, '?') != NULL)
		pl_check_fail(c, "webhook_url", "must not hold a query; /kapacitor/webhook is put behind it");
	if (n == 0 || k->prefix[n] != '\0' || n > MAX_PREFIX)
		pl_check_fail(c, "prefix", "takes letters, digits and . _ -, at most %d of them", MAX_PREFIX);
	check_text(c, "database", k->database);
	check_text(c, "retention_policy", k->retention_policy);
	check_text(c, "field", k->field);
	pl_client_config_check(&k->client, c);
	if (k->client.oauth2 != NULL)
		pl_check_fail(c, "oauth2", "is not supported for Kapacitor; use basic_auth or authorization");
}

static const char *const drifts[] = {"repair", "report", NULL}; /* enum pl_drift_policy */

static const struct pl_field kapacitor_fields[] = {
    {.key = "url",
     .type = PL_FIELD_URL,
     AT(url),
     .flags = PL_FIELD_REQUIRED | PL_FIELD_NONEMPTY,
     .help = "http://host:port of Kapacitor"},
    {.key = "timeout",
     .type = PL_FIELD_DURATION,
     AT(timeout),
     .fallback = "5s",
     .min = 100 * PL_NS_PER_MS,
     .max = HOUR,
     .help = "of one request"},
    {.key = "interval",
     .type = PL_FIELD_DURATION,
     AT(interval),
     .fallback = "1m",
     .min = PL_NS_PER_S,
     .max = DAY,
     .help = "how often what is there is compared with what is to be"},
    {.key = "prefix",
     .type = PL_FIELD_STRING,
     AT(prefix),
     .flags = PL_FIELD_NONEMPTY,
     .fallback = "pulseline-",
     .help = "what the ids of our tasks begin with; no other task is touched"},
    {.key = "drift",
     .type = PL_FIELD_ENUM,
     AT(drift),
     .fallback = "repair",
     .choices = drifts,
     .help = "a task that somebody changed is repaired, or only reported"},
    {.key = "lag",
     .type = PL_FIELD_DURATION,
     AT(lag),
     .fallback = "10s",
     .min = PL_NS_PER_S,
     .max = DAY,
     .help = "while our own points wait longer than that for InfluxDB, deadman alarms are held"},
    {.key = "webhook_url",
     .type = PL_FIELD_URL,
     AT(webhook_url),
     .flags = PL_FIELD_NONEMPTY,
     .help = "of this daemon, as Kapacitor reaches it; default: made of server.http.listen"},
    {.key = "database",
     .type = PL_FIELD_STRING,
     AT(database),
     .flags = PL_FIELD_NONEMPTY,
     .help = "that alerts look into which name none; default: that of the influxdb output"},
    {.key = "retention_policy", .type = PL_FIELD_STRING, AT(retention_policy), .flags = PL_FIELD_NONEMPTY, .help = "likewise"},
    {.key = "field",
     .type = PL_FIELD_STRING,
     AT(field),
     .flags = PL_FIELD_NONEMPTY,
     .help = "of alerts that name none; default: with server.relay the metric's own name, as pulse stores it; else value"},
    {.key = "max_alerts",
     .type = PL_FIELD_INT,
     AT(max_alerts),
     .fallback = "10000",
     .max = 1000000,
     .help = "how many the API may create"},
    {.key = "notify", .type = PL_FIELD_STRINGS, AT(notify), .help = "names of notifiers, for alerts that name none"},
    {.key = "proof",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_kapacitor_config, proof),
     .schema = &proof_schema,
     .help = "that alerts fire is tried"},
    {.key = "keep",
     .type = PL_FIELD_OBJECT,
     .offset = offsetof(struct pl_kapacitor_config, keep),
     .schema = &keep_schema,
     .help = "how much of events and notices"},
    PL_CLIENT_FIELDS(struct pl_kapacitor_config),
    {0},
};

const struct pl_schema pl_kapacitor_schema = {
    .name = "kapacitor", .size = sizeof(struct pl_kapacitor_config), .fields = kapacitor_fields, .check = check_kapacitor};

static const struct pl_field state_fields[] = {
    {.key = "dir",
     .type = PL_FIELD_PATH,
     .offset = offsetof(struct pl_state_config, dir),
     .flags = PL_FIELD_NONEMPTY,
     .help = "folder for what must outlive the daemon; not given: it is kept in memory only"},
    {0},
};

const struct pl_schema pl_state_schema = {.name = "state", .size = sizeof(struct pl_state_config), .fields = state_fields};
