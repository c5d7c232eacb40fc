/* `kapacitor`, `alerts`, `alert_files`, `state`: where alerts are provisioned, which there are, where their state is kept. */
#ifndef PL_CONFIG_KAPACITOR_H
#define PL_CONFIG_KAPACITOR_H

#include "config/alert.h"
#include "config/client.h"
#include "config/schema.h"

enum pl_drift_policy { PL_DRIFT_REPAIR, PL_DRIFT_REPORT };
enum pl_proof_way { PL_PROOF_INFLUXDB, PL_PROOF_KAPACITOR, PL_PROOF_OFF };

struct pl_kapacitor_config {
	const char *url;                         /* "http://127.0.0.1:9092" */
	struct pl_client_config client;          /* basic_auth, tls_config ... */
	int64_t timeout;                         /* ns, of a request; 5s */
	int64_t interval;                        /* ns, between looks at what is there; 1m */
	const char *prefix;                      /* of our tasks' ids; "pulseline-"; [A-Za-z0-9._-]+ */
	int drift;                               /* enum pl_drift_policy */
	int64_t lag;                             /* ns; our points being later than that makes silence doubtful; 10s */
	const char *webhook_url;                 /* of ours, as Kapacitor reaches it; NULL: made of server.http.listen */
	const char *database, *retention_policy; /* of alerts that give none; NULL: see pl_alert_defaults */
	const char *field;                       /* of alerts that give none; NULL: likewise */
	int64_t max_alerts;                      /* bound of the API's; 10000 */
	struct pl_strings notify;                /* notifiers of alerts that name none */
	struct {
		int way;              /* enum pl_proof_way; default influxdb where an influxdb output is, else kapacitor */
		int64_t interval;     /* ns; 24h; 0: only after provisioning */
		const char *at;       /* "03:00", local time, when nightly; */
		const char *database; /* of the synthetic points; "pulseline_proof" */
		int64_t timeout;      /* ns, beyond the alert's own windows, until a proof has failed; 2m */
	} proof;
	struct {
		int64_t events, event_age; /* how many are kept, and how long (ns) */
		int64_t outbox;            /* notices that may wait at once */
		int64_t outbox_age;        /* ns, until one is given up; 72h */
	} keep;
};

extern const struct pl_schema pl_kapacitor_schema;

struct pl_state_config {
	const char *dir; /* NULL: in memory only */
	struct pl_mark dir_mark;
};

extern const struct pl_schema pl_state_schema;

/* What alerts call this entry of `notifiers`: its key `name`, else its kind. Borrowed from the section. */
const char *pl_notifier_section_name(const struct pl_section *s);

#endif
