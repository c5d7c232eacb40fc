#include "out_local/frame.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { KIND_WHOLE, KIND_DOUBLE, KIND_HUNDREDTHS, KIND_SINGLE };

#define MOST_WHOLE 9007199254740992.0 /* 2^53 */

static void add_varint(struct pl_buf *out, uint64_t v)
{
	unsigned char *p = (unsigned char *)pl_buf_reserve(out, 10);
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		p[n++] = (unsigned char)(v | 0x80);
	p[n++] = (unsigned char)v;
	out->n += n;
}

static void add_zigzag(struct pl_buf *out, int64_t v)
{
	add_varint(out, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static void add_le(struct pl_buf *out, uint64_t bits, size_t n)
{
	unsigned char *p = (unsigned char *)pl_buf_reserve(out, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(bits >> (8 * i));
	out->n += n;
}

/* As bits, because 0 and -0 compare equal. */
static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

void pl_local_frame_add(struct pl_local_frame_writer *w, struct pl_buf *out, unsigned offset, double value)
{
	uint64_t step = (uint64_t)(offset - w->next + 1) << 2;
	w->next = offset + 1;
	double hundredths = value * 100.0;
	if (fabs(value) < MOST_WHOLE && same((double)(int64_t)value, value)) {
		add_varint(out, step | KIND_WHOLE);
		add_zigzag(out, (int64_t)value);
	} else if (fabs(value) <= (double)FLT_MAX && same((double)(float)value, value)) {
		float single = (float)value;
		uint32_t bits;
		memcpy(&bits, &single, sizeof bits);
		add_varint(out, step | KIND_SINGLE);
		add_le(out, bits, 4);
	} else if (fabs(hundredths) < MOST_WHOLE && same(nearbyint(hundredths) / 100.0, value)) {
		add_varint(out, step | KIND_HUNDREDTHS);
		add_zigzag(out, (int64_t)nearbyint(hundredths));
	} else {
		uint64_t bits;
		memcpy(&bits, &value, sizeof bits);
		add_varint(out, step | KIND_DOUBLE);
		add_le(out, bits, 8);
	}
}

static bool take_varint(struct pl_str *rest, uint64_t *out)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64 && rest->n > 0; shift += 7) {
		unsigned char c = (unsigned char)rest->p[0];
		rest->p++;
		rest->n--;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

static bool take_zigzag(struct pl_str *rest, int64_t *out)
{
	uint64_t v;
	if (!take_varint(rest, &v))
		return false;
	*out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
	return true;
}

static bool take_le(struct pl_str *rest, size_t n, uint64_t *out)
{
	if (rest->n < n)
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		*out |= (uint64_t)(unsigned char)rest->p[i] << (8 * i);
	rest->p += n;
	rest->n -= n;
	return true;
}

static bool take_value(struct pl_str *rest, unsigned kind, double *out)
{
	int64_t whole;
	uint64_t bits;
	float single;
	switch (kind) {
	case KIND_DOUBLE:
		if (!take_le(rest, 8, &bits))
			return false;
		memcpy(out, &bits, sizeof *out);
		return true;
	case KIND_SINGLE:
		if (!take_le(rest, 4, &bits))
			return false;
		memcpy(&single, &(uint32_t){(uint32_t)bits}, sizeof single);
		*out = (double)single;
		return true;
	default:
		if (!take_zigzag(rest, &whole))
			return false;
		*out = kind == KIND_WHOLE ? (double)whole : (double)whole / 100.0;
		return true;
	}
}

enum pl_err pl_local_frame_next(struct pl_str *rest, unsigned *next, struct pl_local_frame_sample *out)
{
	uint64_t head;
	if (rest->n == 0)
		return PL_ENOENT;
	if (!take_varint(rest, &head))
		return PL_EPARSE;
	uint64_t step = head >> 2;
	if (step == 0 || step > PL_LOCAL_FRAME_SERIES - *next)
		return PL_EPARSE;
	out->offset = *next + (unsigned)step - 1;
	*next = out->offset + 1;
	return take_value(rest, head & 3, &out->value) ? PL_OK : PL_EPARSE;
}

enum pl_err pl_local_frame_merge(struct pl_str older, struct pl_str newer, struct pl_buf *out, unsigned *samples)
{
	struct pl_local_frame_writer writer = {0};
	struct pl_local_frame_sample a, b;
	unsigned next_a = 0, next_b = 0;
	enum pl_err err_a = pl_local_frame_next(&older, &next_a, &a);
	enum pl_err err_b = pl_local_frame_next(&newer, &next_b, &b);
	*samples = 0;
	while (err_a == PL_OK || err_b == PL_OK) {
		bool take_b = err_b == PL_OK && (err_a != PL_OK || b.offset <= a.offset);
		bool take_a = err_a == PL_OK && (err_b != PL_OK || a.offset <= b.offset);
		pl_local_frame_add(&writer, out, take_b ? b.offset : a.offset, take_b ? b.value : a.value);
		++*samples;
		if (take_a)
			err_a = pl_local_frame_next(&older, &next_a, &a);
		if (take_b)
			err_b = pl_local_frame_next(&newer, &next_b, &b);
	}
	return err_a == PL_ENOENT && err_b == PL_ENOENT ? PL_OK : PL_EPARSE;
}
