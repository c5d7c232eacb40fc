/* Whatever a server answers: to writes it gives a verdict that fits the delivery after a bounded number of requests, to a
 * question an answer within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "out_influxdb/history.h"
#include "out_influxdb/limit.h"
#include "out_influxdb/message.h"
#include "out_influxdb/result.h"
#include "out_influxdb/sift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_judgement(const struct pl_influx_judgement *j, const struct pl_influx_answer *a)
{
	if (strnlen(j->reason, sizeof j->reason) == sizeof j->reason)
		abort();
	if ((j->reason[0] == '\0') != (j->finding == PL_INFLUX_TAKEN))
		abort();
	if (j->finding == PL_INFLUX_TAKEN && (a->status < 200 || a->status >= 300))
		abort();
	if (j->finding == PL_INFLUX_BAD_ENCODING && !a->gzipped)
		abort();
	if ((j->measurement.n == 0) != (j->type.n == 0) && j->field.n == 0 && j->measurement.n > 0)
		abort();
}

static struct pl_batch *batch_of(struct pl_route *route, struct pl_str text)
{
	struct pl_buf lines = {0};
	uint32_t points = 0;
	while (text.n > 0) {
		struct pl_str line = pl_str_cut(&text, '\n');
		if (line.n == 0)
			continue;
		pl_buf_add_str(&lines, line);
		pl_buf_add_char(&lines, '\n');
		points++;
	}
	return points > 0 ? pl_batch_create(route, &lines, points) : NULL;
}

/* Each refusal is a line of the delivery, named once. */
static void check_verdict(const struct pl_delivery *d, const struct pl_verdict *v)
{
	if (v->kind != PL_VERDICT_DONE || v->n_refusals + v->refused > d->points)
		abort();
	for (size_t i = 0; i < v->n_refusals; i++) {
		const struct pl_refusal *r = &v->refusals[i];
		if (r->batch >= d->n || (size_t)r->offset + r->n >= d->batches[r->batch]->n)
			abort();
		const char *p = d->batches[r->batch]->p;
		if (p[r->offset + r->n] != '\n' || (r->offset > 0 && p[r->offset - 1] != '\n') ||
		    memchr(p + r->offset, '\n', r->n))
			abort();
		if (r->as == NULL || r->reason == NULL || r->reason[0] == '\0')
			abort();
		for (size_t k = 0; k < i; k++)
			if (v->refusals[k].batch == r->batch && v->refusals[k].offset == r->offset)
				abort();
	}
	if (v->refused > 0 && v->refused_as == NULL)
		abort();
}

/* The answers are the parts of `text` between NULs, again and again; the first byte of each chooses its status. */
static void deliver(struct pl_influx_memory *memory, struct pl_delivery *d, struct pl_str text, uint64_t serial, int64_t now)
{
	static const long statuses[] = {400, 204, 413, 400, 422, 500, 200, 400};
	struct pl_influx_sift s;
	struct pl_influx_limit limit = {0};
	struct pl_influx_pieces pieces = {0};
	struct pl_influx_judgement j = {0};
	struct pl_verdict v = {0};
	struct pl_str rest = text;
	unsigned requests = 0;
	pl_influx_sift_begin(&s, memory, d, 3, serial, SIZE_MAX, now);
	for (uint32_t n; (n = pl_influx_sift_next(&s, pl_influx_limit_now(&limit, now), &pieces)) > 0;) {
		if (n > d->points || pieces.n == 0 || requests++ > 2 * PL_INFLUX_MOST_REQUESTS + 4 * d->points)
			abort();
		if (rest.n == 0)
			rest = text;
		struct pl_str answer = pl_str_cut(&rest, '\0');
		unsigned char choice = answer.n > 0 ? (unsigned char)answer.p[0] : 1;
		if (answer.n > 0) {
			answer.p++;
			answer.n--;
		}
		struct pl_influx_answer a = {
		    .status = statuses[choice % 8], .body = answer, .cut = (choice & 64) != 0, .gzipped = (choice & 128) != 0};
		pl_influx_judge(&a, &j);
		check_judgement(&j, &a);
		if (j.finding == PL_INFLUX_TOO_LARGE)
			pl_influx_limit_too_large(&limit, pieces.bytes, now);
		pl_influx_sift_settle(&s, &j);
	}
	pl_influx_refusals_verdict(&s.refusals, d->points, s.words, &v);
	check_verdict(d, &v);
	pl_influx_sift_end(&s);
	pl_influx_pieces_finish(&pieces);
	pl_influx_judgement_finish(&j);
}

/* Lines up to the first NUL, answers behind it; twice, so that what was remembered matters. */
static void write_lines(struct pl_str input)
{
	static const char more[] = "a v=1 1\na v=2i 2\nb,t=x v=1,w=2i 3\nfoo\nc v=\"x\" 4\nb,t=y v=T 5\nfoo\na v=3 6\n";
	struct pl_influx_memory memory;
	struct pl_route *route = pl_route_create("", "");
	struct pl_batch *batches[2];
	struct pl_str answers = input, lines = pl_str_cut(&answers, '\0');
	struct pl_delivery d = {.batches = batches, .route = route};
	if (lines.n > 1000)
		lines.n = 1000;
	batches[d.n++] = batch_of(route, (struct pl_str){more, sizeof more - 1});
	batches[d.n] = batch_of(route, lines);
	d.n += batches[d.n] != NULL;
	for (size_t i = 0; i < d.n; i++) {
		d.bytes += batches[i]->n;
		d.points += batches[i]->points;
	}
	pl_influx_memory_init(&memory);
	deliver(&memory, &d, answers, 1, 1);
	deliver(&memory, &d, answers, 2, 2);
	pl_influx_memory_finish(&memory);
	for (size_t i = 0; i < d.n; i++)
		pl_batch_release(batches[i]);
	pl_route_release(route);
}

static void judge(struct pl_str body, long status, unsigned flags)
{
	struct pl_influx_judgement j = {0};
	struct pl_influx_answer a = {.status = status, .body = body, .cut = flags & 1, .gzipped = flags & 2};
	pl_influx_judge(&a, &j);
	check_judgement(&j, &a);
	pl_influx_judgement_finish(&j);
}

static void read_back(struct pl_str body, long status, enum pl_query_kind kind, unsigned flags)
{
	struct pl_filter filters[2] = {{.key = PL_STR("host"), .n_values = 2}, {.key = PL_STR("dc"), .n_values = 1}};
	struct pl_query *q = pl_query_create(kind);
	q->verb = (flags & 1) != 0 ? PL_VERB_NONE : PL_VERB_MEAN;
	q->limit = flags & 7;
	q->filters = filters;
	q->n_filters = 2;
	pl_influx_read_result(q, status, body, 1 + (flags & 1));
	if (q->n_rows > 7 || q->reason == NULL || (q->err != PL_OK) != (q->reason[0] != '\0'))
		abort();
	for (size_t i = 0; i < q->n_rows; i++) {
		if (q->rows[i].value != q->rows[i].value || q->rows[i].time_ms % 1000 != 0)
			abort();
	}
	pl_query_destroy(q);
}

/* The same answer for every source of a history. */
static void read_history(struct pl_str body, long status, unsigned flags)
{
	const char *functions[] = {"mean", "count", "max"};
	struct pl_influx_downsampling_config rule = {.from = "", .into = "long", .functions = {functions, (flags & 3)}};
	struct pl_influx_provision_config provision = {.downsampling = {.v = &rule, .n = 1}};
	struct pl_influx_history h;
	struct pl_buf statement = {0};
	struct pl_query *q = pl_query_create(PL_QUERY_HISTORY);
	q->stat = (flags & 4) != 0 ? PL_STR("value") : PL_STR("cpu");
	q->verb = (flags & 8) != 0 ? PL_VERB_MAX : PL_VERB_MEAN;
	q->from_ns = 60 * INT64_C(1000000000);
	q->until_ns = 36000 * INT64_C(1000000000);
	q->width_ns = 900 * INT64_C(1000000000);
	if (pl_influx_history_begin(&h, q, PL_STR(""), &provision) != PL_OK)
		abort();
	while (pl_influx_history_next(&h, &statement) && pl_influx_history_read(&h, status, body))
		pl_buf_clear(&statement);
	if (q->reason == NULL || (q->err != PL_OK) != (q->reason[0] != '\0') || (q->err == PL_OK && q->n_rows == 0) ||
	    q->n_rows > 40)
		abort();
	for (size_t i = 0; i < q->n_rows; i++) {
		if (q->rows[i].value != q->rows[i].value || q->rows[i].time_ms % 900000 != 0 || !(q->rows[i].weight >= 0) ||
		    (i > 0 && q->rows[i].time_ms <= q->rows[i - 1].time_ms))
			abort();
	}
	pl_buf_finish(&statement);
	pl_query_destroy(q);
}

/* Two bytes choose the status and what was asked, the rest is the body; or, by the second one's highest bit, lines and answers.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = {200, 204, 400, 401, 403, 404, 413, 422, 429, 500, 503, 302, 0};
	if (size < 2)
		return 0;
	long status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
	struct pl_str body = {(const char *)data + 2, size - 2};
	char reason[64];
	if ((data[1] & 128) != 0) {
		write_lines(body);
		return 0;
	}
	judge(body, status, data[1]);
	read_back(body, status, PL_QUERY_LATEST, data[1]);
	read_back(body, status, (data[1] & 8) != 0 ? PL_QUERY_KEYS : PL_QUERY_TAGS, data[1]);
	read_history(body, status, data[1]);
	if (pl_influx_check_result(status, body, reason, sizeof reason) == PL_OK && status != 200)
		abort();
	return 0;
}
