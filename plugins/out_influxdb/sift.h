/* Finds the lines of a delivery that the server does not take, with as few questions as can be.
 *
 * A delivery is asked for as one, and is done when it is taken. Otherwise it becomes lines, and these become tasks: sets of lines
 * that are yet to be settled, each line in one set. A set is settled when an answer accounts for all of it: it was taken, or as
 * many lines were dropped as it has. Any other answer moves out the lines it speaks of (those with the field type it names, those
 * it quotes) or halves the set. To send a line twice does no harm, as it carries its time.
 *
 * Field types and series that were refused are remembered for a while: lines with such a type are kept apart and asked for
 * together, at last, and mostly all are refused as expected; lines of such a series are refused at once, unless all are.
 *
 * Requests are bounded: after so many no set is halved any more, and one of which something was refused is refused as a whole.
 * Lines that are named are bounded, too; more of them are counted. No I/O. */
#ifndef PL_OUT_INFLUXDB_SIFT_H
#define PL_OUT_INFLUXDB_SIFT_H

#include "out_influxdb/answer.h"
#include "out_influxdb/body.h"
#include "out_influxdb/known.h"
#include "out_influxdb/refusals.h"

enum { PL_INFLUX_MOST_REQUESTS = 2048 }; /* of one delivery; then no set is halved any more */

/* What is remembered over deliveries. */
struct pl_influx_memory {
	struct pl_influx_known types, series;
	char series_words[PL_INFLUX_REASON_BYTES]; /* the server's, of the last series it refused */
};

void pl_influx_memory_init(struct pl_influx_memory *m);
void pl_influx_memory_finish(struct pl_influx_memory *m);

struct pl_influx_task;
struct pl_influx_suspect;

struct pl_influx_sift {
	struct pl_influx_memory *memory;
	struct pl_delivery *delivery;
	uint64_t target, serial;
	int64_t now_ns;
	bool asked_whole, indexed;
	bool taken_any;
	bool asks_series; /* all lines are of series that were refused lately: they are there to be tried again */
	struct pl_influx_line *lines;
	size_t n_lines;
	struct pl_influx_task *tasks; /* the last one is next; disjoint parts of `lines` */
	size_t n_tasks, cap_tasks;
	struct pl_influx_suspect *suspects;
	size_t n_suspects, cap_suspects;
	unsigned requests, bad_in_a_row;
	uint64_t learnt; /* changes when something was added to the memory */
	struct pl_influx_refusals refusals;
	struct pl_buf scratch;
	char words[PL_INFLUX_REASON_BYTES]; /* of the first trouble; "" when there was none */
	uint32_t unparsable;                /* lines, and the first of them, printable */
	char unparsable_line[200];
};

/* Begins a delivery; `s` may hold anything. `target` is a number for its database and policy, `serial` one that no other delivery
 * has (not 0). Borrows memory and delivery. */
void pl_influx_sift_begin(struct pl_influx_sift *s, struct pl_influx_memory *memory, struct pl_delivery *d, uint64_t target,
			  uint64_t serial, size_t limit, int64_t now_ns);

/* What is to be sent next, at most `limit` bytes or one line; into `pieces`. Returns how many lines; 0: all is settled. */
uint32_t pl_influx_sift_next(struct pl_influx_sift *s, size_t limit, struct pl_influx_pieces *pieces);

/* The answer to that. Findings that are not about lines (BAD_ENCODING, NO_DATABASE, NO_POLICY, RETRY, HOLD) are the caller's. */
void pl_influx_sift_settle(struct pl_influx_sift *s, const struct pl_influx_judgement *j);

/* Frees what the delivery needed. */
void pl_influx_sift_end(struct pl_influx_sift *s);

#endif
