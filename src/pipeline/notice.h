/* What a notifier is given to tell people: one alert's change, or several of them at once. */
#ifndef PL_PIPELINE_NOTICE_H
#define PL_PIPELINE_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "format/labels.h"

/* All UTF-8, bounded, but otherwise any text. */
struct pl_notice_event {
	struct pl_str alert;           /* id of the alert */
	struct pl_str id;              /* as pulse's receivers know it: "[host2] cpu_used", the same for alarm and recovery */
	struct pl_str message;         /* one line or several */
	struct pl_str level, previous; /* OK INFO WARNING CRITICAL */
	struct pl_str cause;           /* "", or why it is not what it seems: "pipeline" */
	struct pl_labels tags;         /* of the series; names may be any text */
	int64_t wall_ns, duration_ns;  /* of the point; since it left OK */
	double value;                  /* NaN: none */
	bool reminder;                 /* said before, still so */
	struct pl_str body;            /* the JSON object that Kapacitor's own post would have sent */
};

struct pl_notice {
	struct pl_str key; /* the same at every attempt, different for every notice: receivers may tell doubles by it */
	const struct pl_notice_event *events; /* at least one, oldest first */
	size_t n;
	struct pl_str post; /* URL of the alert itself, for the notifier that is used for these; empty: the instance's own */
};

enum pl_notice_result { PL_NOTICE_SENT, PL_NOTICE_RETRY, PL_NOTICE_REFUSED };

struct pl_notice_verdict {
	enum pl_notice_result result; /* REFUSED: never will be; it is given up */
	int64_t retry_after_ns;       /* what the receiver asked for; 0: nothing */
	char reason[256];             /* printable, without secrets; empty when sent */
};

#endif
