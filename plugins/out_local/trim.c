#include "out_local/trim.h"

#include "base/clock.h"

enum { FRAMES_AT_ONCE = 256, SERIES_AT_ONCE = 20000, VACUUM_PAGES = 256, VACUUM_ABOVE_BYTES = 16 * 1024 * 1024 };

#define NS_PER_DAY (INT64_C(86400) * PL_NS_PER_S)

static enum pl_err remove_oldest(struct pl_local_trim *t, int64_t before_ns, uint64_t *samples, bool *more)
{
	unsigned frames = 0;
	enum pl_err err = PL_OK;
	sqlite3_stmt *s = pl_local_statement(t->db, PL_LOCAL_FRAME_EXPIRE);
	if (s == NULL)
		return PL_EIO;
	sqlite3_bind_int64(s, 1, before_ns);
	sqlite3_bind_int64(s, 2, FRAMES_AT_ONCE);
	while ((err = pl_local_step(t->db, s)) == PL_OK) {
		*samples += (uint64_t)sqlite3_column_int64(s, 0);
		frames++;
	}
	*more = frames == FRAMES_AT_ONCE;
	return err == PL_ENOENT ? PL_OK : err;
}

enum pl_err pl_local_trim_size(struct pl_local_trim *t, bool *more)
{
	uint64_t used = 0, unused = 0, samples = 0;
	*more = false;
	enum pl_err err = pl_local_used_bytes(t->db, &used, &unused);
	if (err != PL_OK || used <= t->max_bytes)
		return err;
	err = remove_oldest(t, INT64_MAX, &samples, more);
	if (err == PL_OK)
		t->displaced += samples;
	return err;
}

static enum pl_err vacuum(struct pl_local_trim *t, bool *more)
{
	uint64_t used = 0, unused = 0;
	enum pl_err err = pl_local_used_bytes(t->db, &used, &unused);
	if (err != PL_OK || unused < VACUUM_ABOVE_BYTES || unused < used / 4)
		return err;
	*more = true;
	return pl_local_vacuum(t->db, VACUUM_PAGES);
}

static enum pl_err clean(struct pl_local_trim *t, enum pl_local_statement which, int64_t before_day)
{
	sqlite3_stmt *s = pl_local_statement(t->db, which);
	if (s == NULL)
		return PL_EIO;
	if (which == PL_LOCAL_TAG_KEY_CLEAN)
		sqlite3_bind_int64(s, 1, before_day);
	return pl_local_run(t->db, s);
}

/* Once a day, in steps: series, metrics and tag keys that nobody has written to for longer than anything is kept. The two days
 * more are for clocks and for samples of a series that was last looked up at the day's beginning. */
static enum pl_err clean_series(struct pl_local_trim *t, int64_t day, bool *more)
{
	int64_t before_day = day - t->retention_ns / NS_PER_DAY - 2;
	if (t->cleaned_day == day)
		return PL_OK;
	sqlite3_stmt *range = pl_local_statement(t->db, PL_LOCAL_SERIES_COUNT),
		     *s = pl_local_statement(t->db, PL_LOCAL_SERIES_CLEAN);
	if (range == NULL || s == NULL)
		return PL_EIO;
	enum pl_err err = pl_local_step(t->db, range);
	if (err != PL_OK)
		return err;
	int64_t last = sqlite3_column_int64(range, 1);
	sqlite3_reset(range);
	sqlite3_bind_int64(s, 1, t->cleaning_id);
	sqlite3_bind_int64(s, 2, t->cleaning_id + SERIES_AT_ONCE);
	sqlite3_bind_int64(s, 3, before_day);
	err = pl_local_run(t->db, s);
	if (err != PL_OK)
		return err;
	if (sqlite3_changes(t->db->handle) > 0)
		pl_local_series_forget(t->series); /* counts anew */
	t->cleaning_id += SERIES_AT_ONCE;
	*more = true;
	if (t->cleaning_id < last)
		return PL_OK;
	t->cleaning_id = 0;
	t->cleaned_day = day;
	err = clean(t, PL_LOCAL_METRIC_CLEAN, 0);
	return err == PL_OK ? clean(t, PL_LOCAL_TAG_KEY_CLEAN, before_day) : err;
}

enum pl_err pl_local_trim_step(struct pl_local_trim *t, int64_t wall_ns, bool *more)
{
	bool expired_more = false, size_more = false;
	uint64_t samples = 0;
	*more = false;
	enum pl_err err = remove_oldest(t, wall_ns - t->retention_ns, &samples, &expired_more);
	if (err != PL_OK)
		return err;
	t->expired += samples;
	err = pl_local_trim_size(t, &size_more);
	if (err == PL_OK)
		err = clean_series(t, wall_ns / NS_PER_DAY, more);
	if (err == PL_OK)
		err = vacuum(t, more);
	*more = *more || expired_more || size_more;
	return err;
}
