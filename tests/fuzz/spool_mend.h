/* A spool's directory for the fuzzers, and checksums made good, so that more than the checksums is tried. */
#ifndef SPOOL_MEND_H
#define SPOOL_MEND_H

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "pipeline/spool.h"

static inline void must(bool good)
{
	if (!good)
		abort();
}

static inline uint32_t le32_at(const unsigned char *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static inline void put_le32(unsigned char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof v);
}

static inline void put_le64(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof v);
}

static inline void mend_file_head(unsigned char *p, size_t n)
{
	if (n >= 128)
		put_le32(p + 124, pl_crc32c(0, p, 124));
}

/* Empties the directory. */
static inline void spool_clear(const char *dir)
{
	char path[512];
	DIR *d = opendir(dir);
	must(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		must(unlink(path) == 0);
	}
	closedir(d);
}

static inline void spool_put_file(const char *dir, const char *name, const void *p, size_t n)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

/* A directory in memory, if the system has that, of this process. */
static inline void spool_make_dir(char out[64])
{
	snprintf(out, 64, "%s/pl-fuzz-spool-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(out) != NULL);
}

static inline enum pl_err spool_open(struct pl_spool **s, const char *dir)
{
	char reason[256];
	return pl_spool_open(s, &(struct pl_spool_options){.dir = dir, .name = "out", .limits = {.max_bytes = 1 << 20}}, reason,
			     sizeof reason);
}

static inline bool spool_adds_up(const struct pl_spool_account *a)
{
	uint64_t sum = a->points_out + a->points_pending + a->points_quarantined;
	for (size_t d = 0; d < PL_DROP_COUNT; d++)
		sum += a->dropped[d];
	return sum == a->points_in;
}

/* Delivers all that is pending; how many records that were. */
static inline size_t spool_drain(struct pl_spool *s, size_t most)
{
	size_t n = 0;
	for (int held = 0; held < 2; held++) {
		struct pl_spool_ref at = {0, 0};
		struct pl_batch *b;
		while (pl_spool_read(s, at, held != 0, &b, &at) == PL_OK) {
			must(++n <= most);
			pl_spool_settle(s, at, &(struct pl_spool_outcome){.out = b->points});
			pl_batch_release(b);
		}
	}
	return n;
}

static inline bool same_account(const struct pl_spool_account *a, const struct pl_spool_account *b)
{
	return a->points_in == b->points_in && a->points_out == b->points_out && a->points_pending == b->points_pending &&
	       a->points_quarantined == b->points_quarantined && memcmp(a->dropped, b->dropped, sizeof a->dropped) == 0;
}

#endif
