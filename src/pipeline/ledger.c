#include "pipeline/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "ledger", new_name[] = "ledger.new";

enum { FILE_BYTES = PL_SPOOL_ENTRY * (PL_LEDGER_ENTRIES + 1) }; /* the file header has an entry's room */

static size_t place_of(uint64_t sequence)
{
	return (size_t)(sequence % PL_LEDGER_ENTRIES);
}

static int open_ledger(const struct pl_ledger *l, int how)
{
	return openat(l->dirfd, name, how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/* What is missing stays as it is. False: an error of the disk. */
static bool read_up_to(int fd, unsigned char *p, size_t size, size_t *n)
{
	for (*n = 0; *n < size;) {
		ssize_t done = pread(fd, p + *n, size - *n, (off_t)*n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done == 0;
		*n += (size_t)done;
	}
	return true;
}

static enum pl_err write_all(int fd, const unsigned char *p, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t done = pwrite(fd, p, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done == 0 ? ENOSPC : errno;
			return PL_EIO;
		}
		p += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return PL_OK;
}

static void read_entries(struct pl_ledger *l, const struct pl_spool_reasons *reasons, const unsigned char *p,
			 struct pl_ledger_found *found)
{
	for (size_t i = 1; i <= PL_LEDGER_ENTRIES; i++) {
		struct pl_spool_entry e;
		enum pl_err err = pl_spool_entry_read(&e, reasons, p + i * PL_SPOOL_ENTRY);
		if (err == PL_OK && (e.sequence > INT64_MAX || e.highest > INT64_MAX || e.segment > e.highest))
			err = PL_EPARSE;
		found->corrupt += err == PL_EPARSE;
		if (err != PL_OK)
			continue;
		l->counted[i - 1] = e.segment;
		if (e.sequence >= l->last.sequence)
			l->last = e;
	}
}

enum pl_err pl_ledger_load(struct pl_ledger *l, int dirfd, struct pl_ledger_found *found)
{
	unsigned char bytes[FILE_BYTES] = {0};
	struct pl_spool_file file;
	struct stat st;
	size_t n = 0;
	*l = (struct pl_ledger){.dirfd = dirfd};
	*found = (struct pl_ledger_found){0};
	int fd = open_ledger(l, O_RDONLY);
	if (fd < 0 && errno == ENOENT)
		return PL_ENOENT;
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return PL_EIO;
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		found->garbage = true;
		if (fd >= 0)
			close(fd);
		return PL_OK;
	}
	bool read = read_up_to(fd, bytes, sizeof bytes, &n);
	int error = errno;
	close(fd);
	errno = error;
	if (!read)
		return PL_EIO;
	enum pl_err err = pl_spool_file_read(&file, PL_SPOOL_LEDGER, bytes);
	found->version = file.version;
	if (err == PL_EVERSION)
		return err;
	found->garbage = err != PL_OK || n < sizeof bytes;
	if (err != PL_OK)
		pl_spool_reasons_own(&file.reasons);
	read_entries(l, &file.reasons, bytes, found);
	l->made = !found->garbage && file.own_reasons;
	return PL_OK;
}

static void entry_bytes(const struct pl_spool_entry *e, unsigned char out[PL_SPOOL_ENTRY])
{
	struct pl_spool_reasons own;
	pl_spool_reasons_own(&own);
	pl_spool_entry_write(e, &own, out);
}

enum pl_err pl_ledger_make(struct pl_ledger *l, int64_t wall_ns)
{
	unsigned char bytes[FILE_BYTES] = {0};
	pl_spool_file_write(&(struct pl_spool_file){.kind = PL_SPOOL_LEDGER, .made_wall_ns = wall_ns}, bytes);
	if (l->last.sequence < PL_LEDGER_ENTRIES)
		l->last.sequence = PL_LEDGER_ENTRIES;
	/* Every entry with the totals, so that one that is damaged costs nothing, and with the segment that was counted in there.
	 */
	for (size_t i = 0; i < PL_LEDGER_ENTRIES; i++) {
		struct pl_spool_entry e = l->last;
		e.sequence -= (place_of(e.sequence) + PL_LEDGER_ENTRIES - i) % PL_LEDGER_ENTRIES;
		e.segment = l->counted[i];
		entry_bytes(&e, bytes + (i + 1) * PL_SPOOL_ENTRY);
	}
	int fd = openat(l->dirfd, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return PL_EIO;
	enum pl_err err = write_all(fd, bytes, sizeof bytes, 0);
	if (err == PL_OK && (fdatasync(fd) != 0 || renameat(l->dirfd, new_name, l->dirfd, name) != 0 || fsync(l->dirfd) != 0))
		err = PL_EIO;
	int error = errno;
	close(fd);
	if (err != PL_OK)
		unlinkat(l->dirfd, new_name, 0);
	l->made = err == PL_OK;
	errno = error;
	return err;
}

enum pl_err pl_ledger_add(struct pl_ledger *l, uint64_t segment, const struct pl_spool_sums *sums)
{
	struct pl_spool_entry e = l->last;
	unsigned char bytes[PL_SPOOL_ENTRY];
	e.sequence++;
	e.segment = segment;
	e.highest = segment > e.highest ? segment : e.highest;
	pl_spool_sums_add(&e.totals, sums);
	entry_bytes(&e, bytes);
	int fd = open_ledger(l, O_WRONLY);
	if (fd < 0)
		return PL_EIO;
	enum pl_err err = write_all(fd, bytes, sizeof bytes, (place_of(e.sequence) + 1) * PL_SPOOL_ENTRY);
	int error = errno;
	close(fd);
	errno = error;
	if (err != PL_OK)
		return err;
	l->last = e;
	l->counted[place_of(e.sequence)] = segment;
	l->unsynced = true;
	return PL_OK;
}

bool pl_ledger_has(const struct pl_ledger *l, uint64_t segment)
{
	for (size_t i = 0; i < PL_LEDGER_ENTRIES; i++)
		if (l->counted[i] == segment)
			return true;
	return false;
}

enum pl_err pl_ledger_sync(struct pl_ledger *l)
{
	if (!l->unsynced)
		return PL_OK;
	int fd = open_ledger(l, O_RDONLY);
	bool good = fd >= 0 && fdatasync(fd) == 0;
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	l->unsynced = !good;
	return good ? PL_OK : PL_EIO;
}
