/* Which windows of time are to be rolled (again): one bit for each window of a bounded horizon. No I/O.
 *
 * A window is marked by the points that fell into it and, whoever wrote into it, when it ends. Windows are counted from the
 * epoch, as InfluxQL's GROUP BY time() counts them. */
#ifndef PL_OUT_INFLUXDB_WINDOWS_H
#define PL_OUT_INFLUXDB_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_INFLUX_MOST_WINDOWS = 110000 };

struct pl_influx_windows {
	int64_t interval_ns;
	int64_t n;         /* windows kept: the horizon */
	int64_t newest;    /* number of the newest one that may be marked: that of now */
	int64_t lowest;    /* no window below is marked: where take begins to look */
	int64_t last_mark; /* spares the work for the next point of the same window */
	uint64_t *bits;    /* at number % n */
};

/* What became of a mark. AHEAD: of now; it will be marked when it ends. */
enum pl_influx_mark { PL_INFLUX_MARKED, PL_INFLUX_MARK_LATE, PL_INFLUX_MARK_AHEAD };

/* A horizon of horizon_ns, at most PL_INFLUX_MOST_WINDOWS windows. Nothing is marked. */
void pl_influx_windows_init(struct pl_influx_windows *w, int64_t interval_ns, int64_t horizon_ns, int64_t now_ns);
void pl_influx_windows_finish(struct pl_influx_windows *w);

/* Goes on to now and marks the windows that ended meanwhile. Returns how many marked ones fell off the horizon. A clock that
 * jumped back changes nothing. */
size_t pl_influx_windows_advance(struct pl_influx_windows *w, int64_t now_ns);

enum pl_influx_mark pl_influx_windows_mark(struct pl_influx_windows *w, int64_t time_ns);

/* Marks all from `from_ns` (or the horizon) to now. */
void pl_influx_windows_mark_since(struct pl_influx_windows *w, int64_t from_ns);

/* Takes the oldest marked windows, up to `most` that follow each other, of those that begin at `from_ns` or later and end at
 * `until_ns` or earlier. Older ones lose their mark: *lost counts them. False: none. */
bool pl_influx_windows_take(struct pl_influx_windows *w, int64_t from_ns, int64_t until_ns, size_t most, int64_t *begin_ns,
			    int64_t *end_ns, size_t *lost);

/* Marks again what was taken. */
void pl_influx_windows_put_back(struct pl_influx_windows *w, int64_t begin_ns, int64_t end_ns);

#endif
