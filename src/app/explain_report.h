/* What `pulseline explain` says: for people, or as one JSON object. */
#ifndef PL_APP_EXPLAIN_REPORT_H
#define PL_APP_EXPLAIN_REPORT_H

#include "app/explain.h"
#include "format/json_out.h"

struct pl_explain_report {
	bool json, colours;
	struct pl_buf steps; /* as they came */
	struct pl_json json_steps;
	struct pl_buf out; /* the whole, after pl_explain_report_end */
};

void pl_explain_report_begin(struct pl_explain_report *r, bool json, bool colours);
void pl_explain_report_step(struct pl_explain_report *r, const struct pl_explain_step *step);
void pl_explain_report_end(struct pl_explain_report *r, const struct pl_explain *e);
void pl_explain_report_finish(struct pl_explain_report *r);

#endif
