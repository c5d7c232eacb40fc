/* One discovery file: read when it changed, told to the sink when its content changed. */
#ifndef PL_SD_FILE_FILE_H
#define PL_SD_FILE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "pipeline/plugin.h"

struct pl_sd_file {
	char *path;
	bool expected; /* named in the configuration: it is missed when it is not there */
	bool missing;
	bool trouble;
	bool known;     /* `hash` is of what was told last, as groups or as trouble */
	bool settled;   /* `id` can be trusted: the file had not changed for a while when it was read */
	struct stat id; /* when it was read */
	uint64_t hash;
};

void pl_sd_file_init(struct pl_sd_file *f, const char *path);
void pl_sd_file_finish(struct pl_sd_file *f);

/* Looks at the file and tells the sink what there is to tell: groups when it can be read and is right, that it is gone, else the
 * trouble. False when it is gone and not expected either, so that nobody need look again. */
bool pl_sd_file_look(struct pl_sd_file *f, struct pl_discovery_sink *sink);

#endif
