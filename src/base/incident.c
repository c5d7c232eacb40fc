#include "base/incident.h"

#include "base/mem.h"

bool pl_incident_fail(struct pl_incident *i, int64_t wall_ns, struct pl_log *log, enum pl_log_level level, const char *message,
		      const struct pl_kv *kv)
{
	i->failures++;
	if (i->since_ns != 0)
		return false;
	i->since_ns = wall_ns != 0 ? wall_ns : 1;
	pl_log_write(log, level, message, kv);
	return true;
}

bool pl_incident_end(struct pl_incident *i, int64_t wall_ns, struct pl_log *log, const char *message, const struct pl_kv *kv)
{
	if (i->since_ns == 0)
		return false;
	enum { MOST = 14 };
	struct pl_kv all[MOST + 3];
	size_t n = 0;
	while (kv != NULL && n < MOST && kv[n].key != NULL) {
		all[n] = kv[n];
		n++;
	}
	all[n++] = PL_KVT("after_seconds", wall_ns > i->since_ns ? wall_ns - i->since_ns : 0); /* the wall clock may jump back */
	all[n++] = PL_KVI("failures", i->failures);
	all[n] = (struct pl_kv){0};
	pl_log_write(log, PL_LOG_INFO, message, all);
	*i = (struct pl_incident){0};
	return true;
}
