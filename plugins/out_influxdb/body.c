#include "out_influxdb/body.h"

#include <libdeflate.h>
#include <stdlib.h>

#include "base/mem.h"

/* Pieces below the first size are copied together into members of about the second. */
enum { SMALL_PIECE = 16 * 1024, GATHERED_BYTES = 128 * 1024 };

void pl_influx_pieces_clear(struct pl_influx_pieces *p)
{
	p->n = p->bytes = 0;
}

void pl_influx_pieces_add(struct pl_influx_pieces *p, struct pl_str s)
{
	p->bytes += s.n;
	if (p->n > 0 && p->v[p->n - 1].p + p->v[p->n - 1].n == s.p) {
		p->v[p->n - 1].n += s.n;
		return;
	}
	if (p->n == p->cap) {
		p->cap = p->cap > 0 ? 2 * p->cap : 64;
		p->v = pl_realloc(p->v, p->cap * sizeof *p->v);
	}
	p->v[p->n++] = s;
}

void pl_influx_pieces_finish(struct pl_influx_pieces *p)
{
	free(p->v);
	*p = (struct pl_influx_pieces){0};
}

static bool add_member(struct pl_influx_packer *p, struct pl_str s)
{
	size_t most = libdeflate_gzip_compress_bound(p->compressor, s.n);
	size_t n = libdeflate_gzip_compress(p->compressor, s.p, s.n, pl_buf_reserve(&p->out, most), most);
	p->out.n += n;
	return n > 0;
}

/* Members may follow each other (RFC 1952, 2.2), so a batch need not be copied to make one of several. */
bool pl_influx_pack(struct pl_influx_packer *p, const struct pl_influx_pieces *pieces)
{
	if (p->compressor == NULL)
		p->compressor = libdeflate_alloc_compressor(1);
	pl_buf_clear(&p->out);
	pl_buf_clear(&p->gathered);
	bool good = p->compressor != NULL;
	for (size_t i = 0; i < pieces->n && good; i++) {
		struct pl_str s = pieces->v[i];
		if (s.n < SMALL_PIECE)
			pl_buf_add_str(&p->gathered, s);
		bool flush = p->gathered.n >= GATHERED_BYTES || s.n >= SMALL_PIECE || i + 1 == pieces->n;
		if (flush && p->gathered.n > 0) {
			good = add_member(p, pl_buf_str(&p->gathered));
			pl_buf_clear(&p->gathered);
		}
		if (good && s.n >= SMALL_PIECE)
			good = add_member(p, s);
	}
	return good;
}

void pl_influx_packer_finish(struct pl_influx_packer *p)
{
	libdeflate_free_compressor(p->compressor);
	p->compressor = NULL;
	pl_buf_finish(&p->out);
	pl_buf_finish(&p->gathered);
}
