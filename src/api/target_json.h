/* A target and how it went, as JSON in Prometheus' shape with more members. */
#ifndef PL_API_TARGET_JSON_H
#define PL_API_TARGET_JSON_H

#include "format/json_out.h"
#include "pipeline/target.h"
#include "targets/manager.h"

void pl_api_add_target(struct pl_json *j, const struct pl_target_status *s, size_t outcomes); /* the last so many */
void pl_api_add_source(struct pl_json *j, const struct pl_discovery_status *s);

#endif
