#include "out_local/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "out_local/tagset.h"

enum { WAYS = 4, FIRST_CAP = 1024 };

#define NS_PER_DAY (INT64_C(86400) * PL_NS_PER_S)

void pl_local_series_init(struct pl_local_series *s, struct pl_local_database *db, uint64_t max_series)
{
	uint64_t seeds[2] = {(uint64_t)pl_clock_mono_ns(), (uint64_t)(uintptr_t)s};
	*s = (struct pl_local_series){.db = db, .max_series = max_series};
	s->seed = pl_str_hash((struct pl_str){(const char *)seeds, sizeof seeds}, (uint64_t)pl_clock_wall_ns());
	s->random = s->seed | 1;
}

void pl_local_series_finish(struct pl_local_series *s)
{
	free(s->hashes);
	free(s->ids);
	pl_labels_builder_finish(&s->tags);
	pl_buf_finish(&s->text);
	pl_buf_finish(&s->canonical);
	pl_buf_finish(&s->measurement);
	pl_buf_finish(&s->field);
	*s = (struct pl_local_series){0};
}

void pl_local_series_forget(struct pl_local_series *s)
{
	if (s->cap > 0)
		memset(s->ids, 0, s->cap * sizeof *s->ids);
	s->misses = 0;
	s->opened = 0;
}

enum pl_err pl_local_series_begin(struct pl_local_series *s, int64_t wall_ns)
{
	int64_t today = wall_ns / NS_PER_DAY;
	if (s->opened == s->db->opened && s->today == today)
		return PL_OK;
	pl_local_series_forget(s);
	sqlite3_stmt *count = pl_local_statement(s->db, PL_LOCAL_SERIES_COUNT);
	if (count == NULL)
		return PL_EIO;
	enum pl_err err = pl_local_step(s->db, count);
	if (err != PL_OK)
		return err;
	s->count = (uint64_t)sqlite3_column_int64(count, 0);
	sqlite3_reset(count);
	s->opened = s->db->opened;
	s->today = today;
	return PL_OK;
}

/* ---- the cache; id 0 is an empty place ---- */

static uint32_t *cache_find(struct pl_local_series *s, uint64_t hash)
{
	if (s->cap == 0)
		return NULL;
	size_t set = hash & (s->cap - 1) & ~(size_t)(WAYS - 1);
	for (size_t i = set; i < set + WAYS; i++) {
		if (s->ids[i] != 0 && s->hashes[i] == hash)
			return &s->ids[i];
	}
	return NULL;
}

static void cache_put(struct pl_local_series *s, uint64_t hash, uint32_t id)
{
	size_t set = hash & (s->cap - 1) & ~(size_t)(WAYS - 1);
	size_t at = set;
	while (at < set + WAYS && s->ids[at] != 0)
		at++;
	if (at == set + WAYS) {
		s->random ^= s->random << 13;
		s->random ^= s->random >> 7;
		s->random ^= s->random << 17;
		at = set + (s->random >> 32) % WAYS;
	}
	s->hashes[at] = hash;
	s->ids[at] = id;
}

static void cache_grow(struct pl_local_series *s)
{
	size_t old_cap = s->cap;
	uint64_t *hashes = s->hashes;
	uint32_t *ids = s->ids;
	s->cap = old_cap == 0 ? FIRST_CAP : 2 * old_cap;
	s->hashes = pl_calloc(s->cap, sizeof *s->hashes);
	s->ids = pl_calloc(s->cap, sizeof *s->ids);
	for (size_t i = 0; i < old_cap; i++) {
		if (ids[i] != 0)
			cache_put(s, hashes[i], ids[i]);
	}
	free(hashes);
	free(ids);
}

static void cache_add(struct pl_local_series *s, uint64_t hash, uint32_t id)
{
	s->misses++;
	if (s->cap == 0 || (s->cap < PL_LOCAL_SERIES_CACHE_MOST && s->misses > s->cap / 2)) {
		cache_grow(s);
		s->misses = s->misses > s->cap ? 0 : s->misses;
	}
	cache_put(s, hash, id);
}

/* ---- the database ---- */

static void canonical_tags(struct pl_local_series *s, struct pl_str tags)
{
	struct pl_str rest = tags, key, value;
	pl_buf_clear(&s->text);
	pl_buf_reserve(&s->text, tags.n); /* views of it stay valid: unescaping only shortens */
	pl_labels_builder_clear(&s->tags);
	while (pl_lp_next_pair(&rest, &key, &value)) {
		size_t from = s->text.n;
		pl_lp_unescape(&s->text, key);
		struct pl_str name = {s->text.p + from, s->text.n - from};
		from = s->text.n;
		pl_lp_unescape(&s->text, value);
		pl_labels_builder_set(&s->tags, name, (struct pl_str){s->text.p + from, s->text.n - from});
	}
	pl_buf_clear(&s->canonical);
	pl_local_tagset_write(&s->canonical, pl_labels_builder_view(&s->tags));
}

static enum pl_err see_tag_keys(struct pl_local_series *s)
{
	struct pl_labels set = pl_labels_builder_view(&s->tags);
	for (size_t i = 0; i < set.n; i++) {
		sqlite3_stmt *seen = pl_local_statement(s->db, PL_LOCAL_TAG_KEY_SEEN);
		if (seen == NULL)
			return PL_EIO;
		pl_local_bind(seen, 1, set.v[i].name);
		sqlite3_bind_int64(seen, 2, s->today);
		enum pl_err err = pl_local_run(s->db, seen);
		if (err != PL_OK)
			return err;
	}
	return PL_OK;
}

static enum pl_err metric_id(struct pl_local_series *s, int64_t *id)
{
	sqlite3_stmt *find = pl_local_statement(s->db, PL_LOCAL_METRIC_FIND);
	if (find == NULL)
		return PL_EIO;
	pl_local_bind(find, 1, pl_buf_str(&s->measurement));
	pl_local_bind(find, 2, pl_buf_str(&s->field));
	enum pl_err err = pl_local_step(s->db, find);
	if (err == PL_OK) {
		*id = sqlite3_column_int64(find, 0);
		sqlite3_reset(find);
	}
	if (err != PL_ENOENT)
		return err;
	sqlite3_stmt *add = pl_local_statement(s->db, PL_LOCAL_METRIC_ADD);
	if (add == NULL)
		return PL_EIO;
	pl_local_bind(add, 1, pl_buf_str(&s->measurement));
	pl_local_bind(add, 2, pl_buf_str(&s->field));
	err = pl_local_run(s->db, add);
	*id = sqlite3_last_insert_rowid(s->db->handle);
	return err;
}

static enum pl_err add_series(struct pl_local_series *s, int64_t metric, int64_t hash, int64_t *id)
{
	if (s->count >= s->max_series)
		return PL_ELIMIT;
	sqlite3_stmt *add = pl_local_statement(s->db, PL_LOCAL_SERIES_ADD);
	if (add == NULL)
		return PL_EIO;
	sqlite3_bind_int64(add, 1, hash);
	sqlite3_bind_int64(add, 2, metric);
	sqlite3_bind_int64(add, 3, s->today);
	pl_local_bind(add, 4, pl_buf_str(&s->canonical));
	enum pl_err err = pl_local_run(s->db, add);
	if (err != PL_OK)
		return err;
	*id = sqlite3_last_insert_rowid(s->db->handle);
	s->count++;
	return *id > 0 && *id < UINT32_MAX ? PL_OK : PL_ELIMIT;
}

static enum pl_err mark_seen(struct pl_local_series *s, int64_t id)
{
	sqlite3_stmt *seen = pl_local_statement(s->db, PL_LOCAL_SERIES_SEEN);
	if (seen == NULL)
		return PL_EIO;
	sqlite3_bind_int64(seen, 1, id);
	sqlite3_bind_int64(seen, 2, s->today);
	return pl_local_run(s->db, seen);
}

static enum pl_err look_up(struct pl_local_series *s, int64_t metric, int64_t hash, int64_t *id)
{
	sqlite3_stmt *find = pl_local_statement(s->db, PL_LOCAL_SERIES_FIND);
	if (find == NULL)
		return PL_EIO;
	sqlite3_bind_int64(find, 1, hash);
	sqlite3_bind_int64(find, 2, metric);
	pl_local_bind(find, 3, pl_buf_str(&s->canonical));
	enum pl_err err = pl_local_step(s->db, find);
	if (err == PL_ENOENT)
		err = add_series(s, metric, hash, id);
	else if (err == PL_OK) {
		*id = sqlite3_column_int64(find, 0);
		int64_t seen = sqlite3_column_int64(find, 1);
		sqlite3_reset(find);
		if (seen >= s->today)
			return PL_OK;
		err = mark_seen(s, *id);
	}
	return err != PL_OK ? err : see_tag_keys(s);
}

static enum pl_err find_or_make(struct pl_local_series *s, const struct pl_lp_line *line, struct pl_str field, int64_t *id)
{
	int64_t metric = 0;
	pl_buf_clear(&s->measurement);
	pl_lp_unescape(&s->measurement, line->measurement);
	pl_buf_clear(&s->field);
	pl_lp_unescape(&s->field, field);
	canonical_tags(s, line->tags);
	enum pl_err err = metric_id(s, &metric);
	if (err != PL_OK)
		return err;
	return look_up(s, metric, (int64_t)pl_str_hash(pl_buf_str(&s->canonical), (uint64_t)metric), id);
}

uint64_t pl_local_series_hash(const struct pl_local_series *s, const struct pl_lp_line *line)
{
	return pl_str_hash(line->series, s->seed);
}

enum pl_err pl_local_series_id(struct pl_local_series *s, const struct pl_lp_line *line, uint64_t line_hash, struct pl_str field,
			       uint32_t *id)
{
	int64_t found = 0;
	uint64_t hash = pl_str_hash(field, line_hash);
	uint32_t *known = cache_find(s, hash);
	if (known != NULL) {
		*id = *known;
		return PL_OK;
	}
	enum pl_err err = find_or_make(s, line, field, &found);
	if (err != PL_OK)
		return err;
	*id = (uint32_t)found;
	cache_add(s, hash, *id);
	return PL_OK;
}
