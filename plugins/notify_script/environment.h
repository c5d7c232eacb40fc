/* What a script is told in its environment. */
#ifndef PL_NOTIFY_SCRIPT_ENVIRONMENT_H
#define PL_NOTIFY_SCRIPT_ENVIRONMENT_H

#include "pipeline/plugin.h"

/* "NAME=value" strings, NULL behind the last, for free_environment. PATH, HOME, LANG, LC_ALL and TZ are ours, nothing else of our
 * own environment, in which there may be secrets. PULSELINE_ALERT, _ID, _LEVEL, _PREVIOUS, _MESSAGE, _VALUE, _TIME, _CAUSE,
 * _REMINDER and _TAG_<NAME> (letters made capital, all others but digits an underscore; of two that become the same the first
 * counts) are of the event that stands for all, PULSELINE_KEY, _TITLE and _COUNT of the notice. Values are cut after 16 KiB. */
char **pl_script_environment(const struct pl_notice *n);
void pl_script_environment_free(char **v);

#endif
