#include "net/transfer_bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/transfer_reason.h"

enum { MAX_HEADER_BYTES = 64 * 1024 };

enum pl_err pl_transfer_bytes_give_head(struct pl_transfer_flight *f)
{
	if (f->head_given)
		return PL_OK;
	f->head_given = true;
	if (f->t->events->on_head == NULL)
		return PL_OK;
	struct pl_transfer_head head = {0};
	const char *type = NULL;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &head.status);
	if (f->typed) /* else curl still knows that of a redirect before */
		curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
	head.content_type = pl_str_of(type);
	head.etag = pl_str_of(f->etag);
	enum pl_err err = f->t->events->on_head(f->t, &head);
	if (err != PL_OK)
		pl_transfer_reason_set(f, "ended after the header: %s", pl_err_text(err));
	return err;
}

/* It is sent back in a header one day: nothing but visible characters. */
static void keep_etag(struct pl_transfer_flight *f, struct pl_str tag)
{
	bool fits = tag.n <= PL_TRANSFER_MAX_ETAG;
	for (size_t i = 0; i < tag.n && fits; i++)
		fits = (unsigned char)tag.p[i] > ' ' && tag.p[i] != 127;
	if (fits && tag.n > 0)
		memcpy(f->etag, tag.p, tag.n);
	f->etag[fits ? tag.n : 0] = '\0';
}

size_t pl_transfer_bytes_header(char *p, size_t size, size_t n, void *data)
{
	struct pl_transfer_flight *f = data;
	size_t bytes = size * n;
	if (bytes >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		f->header_bytes = 0;
		f->header_done = f->typed = false;
		f->etag[0] = '\0';
	}
	if (bytes > 13 && (p[0] | 32) == 'c' && strncasecmp(p, "Content-Type:", 13) == 0)
		f->typed = true;
	if (bytes > 5 && (p[0] | 32) == 'e' && strncasecmp(p, "ETag:", 5) == 0)
		keep_etag(f, pl_str_trim((struct pl_str){p + 5, bytes - 5}));
	f->header_bytes += bytes;
	if (bytes > 0 && (p[0] == '\r' || p[0] == '\n'))
		f->header_done = true;
	size_t most = f->request.max_header_bytes != 0 ? f->request.max_header_bytes : MAX_HEADER_BYTES;
	if (f->header_bytes <= most)
		return bytes;
	f->result.err = PL_ELIMIT;
	pl_transfer_reason_set(f, "the header is larger than %zu bytes", most);
	return 0;
}

/* Any return but the number of bytes ends the transfer with CURLE_WRITE_ERROR. */
size_t pl_transfer_bytes_write(char *p, size_t size, size_t n, void *data)
{
	struct pl_transfer_flight *f = data;
	struct pl_transfer_result *r = &f->result;
	size_t bytes = size * n;
	if (f->cancelled || r->err != PL_OK)
		return 0;
	r->err = pl_transfer_bytes_give_head(f);
	if (r->err != PL_OK || f->cancelled)
		return 0;
	r->body_bytes += bytes;
	if (f->request.max_body_bytes != 0 && r->body_bytes > f->request.max_body_bytes) {
		r->err = PL_ELIMIT;
		pl_transfer_reason_set(f, "the body is larger than %" PRIu64 " bytes", f->request.max_body_bytes);
		return 0;
	}
	if (f->t->events->on_data == NULL || bytes == 0)
		return bytes;
	r->err = f->t->events->on_data(f->t, p, bytes);
	if (r->err != PL_OK)
		pl_transfer_reason_set(f, "ended after %" PRIu64 " bytes of body: %s", r->body_bytes, pl_err_text(r->err));
	return r->err == PL_OK && !f->cancelled ? bytes : 0;
}

size_t pl_transfer_bytes_read(char *p, size_t size, size_t n, void *data)
{
	struct pl_transfer_flight *f = data;
	size_t room = size * n, done = 0;
	while (done < room && f->piece < f->request.n_body) {
		struct pl_str piece = f->request.body[f->piece];
		size_t take = piece.n - f->piece_at;
		take = take < room - done ? take : room - done;
		if (take > 0)
			memcpy(p + done, piece.p + f->piece_at, take);
		done += take;
		f->piece_at += take;
		if (f->piece_at == piece.n) {
			f->piece++;
			f->piece_at = 0;
		}
	}
	f->body_sent += done;
	if (f->body_sent == f->body_size)
		f->sent_ns = pl_clock_mono_ns();
	return done;
}

/* curl goes back when a kept connection turned out dead, or a redirect asks for the body again. */
int pl_transfer_bytes_seek(void *data, curl_off_t offset, int origin)
{
	struct pl_transfer_flight *f = data;
	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > f->body_size)
		return CURL_SEEKFUNC_FAIL;
	uint64_t left = (uint64_t)offset;
	f->body_sent = left;
	f->piece = 0;
	while (f->piece < f->request.n_body && left >= f->request.body[f->piece].n)
		left -= f->request.body[f->piece++].n;
	f->piece_at = (size_t)left;
	return CURL_SEEKFUNC_OK;
}
