/* How an entry of scrape_configs is written. */
#ifndef PL_CONFIG_JOB_H
#define PL_CONFIG_JOB_H

#include "config/config.h"

/* What plugin_kind means in the tables of the daemon's own configuration: an index into pl_decode_options.plugin_kinds. */
enum pl_config_kind { PL_CONFIG_KIND_OUTPUT, PL_CONFIG_KIND_DISCOVERY, PL_CONFIG_KIND_NOTIFIER, PL_CONFIG_KINDS };

extern const struct pl_schema pl_job_schema;

/* The words of metric_name_validation_scheme, by enum pl_name_validation. */
extern const char *const pl_name_validations[];

/* Complains when `c` is at a section with legacy names that asks for others. */
void pl_names_check_escaping(const struct pl_check *c);

/* Fills in what the job inherits from global, and complains about what does not fit together then. `c` is at the job. */
void pl_job_settle(struct pl_job *job, const struct pl_config *config, const struct pl_check *c);

/* Compiles the rules of a job without a problem; they are freed by pl_job_finish. */
void pl_job_compile(struct pl_job *job);
void pl_job_finish(struct pl_job *job);

/* To be called last: numbers everything that changes how a target is scraped. */
void pl_job_number(struct pl_job *job);

#endif
