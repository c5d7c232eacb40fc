#include "net/transfer_reason.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { DURATION_BYTES = 32, PEER_BYTES = 480 };

/* Bytes of the well-formed printable character at `p`, or 0. */
static size_t character(const char *p)
{
	unsigned char c = (unsigned char)p[0];
	if (c < 0x80)
		return c >= ' ' && c != 127;
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (strnlen(p, n) < n || !pl_str_utf8((struct pl_str){p, n}))
		return 0;
	return c == 0xc2 && (unsigned char)p[1] < 0xa0 ? 0 : n; /* C1 controls */
}

void pl_transfer_reason_clean(char *text, size_t size)
{
	size_t i = 0;
	while (text[i] != '\0') {
		size_t n = character(text + i);
		if (n == 0) {
			text[i] = text[i] == '\t' || text[i] == '\n' || text[i] == '\r' ? ' ' : '?';
			n = 1;
		}
		if (i + n >= size)
			break;
		i += n;
	}
	text[i] = '\0';
}

void pl_transfer_reason_set(struct pl_transfer_flight *f, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	pl_transfer_reason_clean(text, sizeof f->result.reason);
	memcpy(f->result.reason, text, strlen(text) + 1);
}

static const char *duration(char out[DURATION_BYTES], int64_t ns)
{
	int64_t ms = (ns + PL_NS_PER_MS / 2) / PL_NS_PER_MS;
	if (ms < 1000)
		snprintf(out, DURATION_BYTES, "%" PRId64 " ms", ms);
	else if (ms % 1000 == 0)
		snprintf(out, DURATION_BYTES, "%" PRId64 "s", ms / 1000);
	else
		snprintf(out, DURATION_BYTES, "%" PRId64 ".%" PRId64 "s", ms / 1000, ms % 1000 / 100);
	return out;
}

static const char *peer(char out[PEER_BYTES], const struct pl_transfer_flight *f)
{
	const struct pl_transfer_peer *p = &f->peer;
	const char *who = p->proxy ? "the proxy " : "";
	if (p->addresses != NULL)
		snprintf(out, PEER_BYTES, "%s%s:%u (%s)", who, p->host, p->port, p->addresses);
	else
		snprintf(out, PEER_BYTES, "%s%s:%u", who, p->host, p->port);
	return out;
}

static void not_connected(struct pl_transfer_flight *f)
{
	char who[PEER_BYTES];
	long number = 0;
	curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &number);
	if (f->open_errno != 0)
		number = f->open_errno;
	peer(who, f);
	switch (number) {
	case ECONNREFUSED:
		pl_transfer_reason_set(f, "connection refused by %s", who);
		break;
	case EHOSTUNREACH:
	case ENETUNREACH:
		pl_transfer_reason_set(f, "no route to %s", who);
		break;
	case ETIMEDOUT:
		pl_transfer_reason_set(f, "no answer to the connection attempt from %s", who);
		break;
	case 0:
		pl_transfer_reason_set(f, "no connection to %s", who);
		break;
	default:
		pl_transfer_reason_set(f, "no connection to %s: %s", who, strerror((int)number));
	}
}

static void too_late(struct pl_transfer_flight *f)
{
	const struct pl_transfer_request *r = &f->request;
	const struct pl_transfer_phases *p = &f->result.phases;
	char who[PEER_BYTES], limit[DURATION_BYTES], text[DURATION_BYTES], connected[64];
	bool brief = r->connect_timeout_ns > 0 && r->connect_timeout_ns < r->timeout_ns;
	bool ready = p->connected != 0 && (!f->peer.tls || p->tls != 0);
	duration(limit, brief && !ready ? r->connect_timeout_ns : r->timeout_ns);
	peer(who, f);
	if (p->connected == 0) {
		pl_transfer_reason_set(f, "no connection to %s within %s", who, limit);
		return;
	}
	snprintf(connected, sizeof connected, "connected after %s", duration(text, p->connected));
	curl_off_t length = -1;
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (!ready)
		pl_transfer_reason_set(f, "TLS handshake with %s not done within %s (%s)", who, limit, connected);
	else if (p->first_byte == 0 && f->body_sent < f->body_size)
		pl_transfer_reason_set(f,
				       "the request was not taken within %s (%s, %" PRIu64 " of %" PRIu64 " bytes handed over)",
				       limit, connected, f->body_sent, f->body_size);
	else if (p->first_byte == 0)
		pl_transfer_reason_set(f, "no answer within %s (%s, no header)", limit, connected);
	else if (!f->header_done)
		pl_transfer_reason_set(f, "the header did not end within %s (%s, %zu bytes so far)", limit, connected,
				       f->header_bytes);
	else if (length > 0)
		pl_transfer_reason_set(f, "the body did not end within %s (%s, %" PRIu64 " of %" PRIu64 " bytes so far)", limit,
				       connected, f->result.wire_bytes, (uint64_t)length);
	else
		pl_transfer_reason_set(f, "the body did not end within %s (%s, %" PRIu64 " bytes so far)", limit, connected,
				       f->result.wire_bytes);
}

static void cut_short(struct pl_transfer_flight *f)
{
	curl_off_t length = -1;
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length >= 0)
		pl_transfer_reason_set(f, "the body ended after %" PRIu64 " of %" PRIu64 " bytes", f->result.wire_bytes,
				       (uint64_t)length);
	else
		pl_transfer_reason_set(f, "the body ended after %" PRIu64 " bytes, before its last chunk", f->result.wire_bytes);
}

/* What curl says behind the last colon-separated prefix that only names its inside. */
static const char *detail(const struct pl_transfer_flight *f, CURLcode code)
{
	const char *text = f->error[0] != '\0' ? f->error : curl_easy_strerror(code);
	static const char *const prefixes[] = {"SSL certificate problem: ", "Recv failure: ", "Send failure: "};
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return text + strlen(prefixes[i]);
	}
	return text;
}

static void handshake_failed(struct pl_transfer_flight *f, CURLcode code)
{
	char who[PEER_BYTES];
	peer(who, f);
	if (strstr(f->error, "wrong version number") != NULL || strstr(f->error, "packet length too long") != NULL)
		pl_transfer_reason_set(f, "%s does not speak TLS: perhaps its URL begins with http://", who);
	else
		pl_transfer_reason_set(f, "TLS handshake with %s failed: %s", who, detail(f, code));
}

static void broken_off(struct pl_transfer_flight *f, CURLcode code)
{
	const char *when = code == CURLE_SEND_ERROR           ? "while the request was sent"
			   : f->result.phases.first_byte == 0 ? "before an answer came"
			   : !f->header_done                  ? "within the header"
							      : "within the body";
	if (strstr(f->error, "reset by peer") != NULL || strstr(f->error, "Broken pipe") != NULL ||
	    strstr(f->error, "errno 104") != NULL)
		pl_transfer_reason_set(f, "the server reset the connection %s (%" PRIu64 " bytes of body so far)", when,
				       f->result.wire_bytes);
	else
		pl_transfer_reason_set(f, "the transfer broke off %s: %s", when, detail(f, code));
}

enum pl_err pl_transfer_reason_of(struct pl_transfer_flight *f, CURLcode code)
{
	bool redirected = f->result.status >= 300 && f->result.status < 400;
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		too_late(f);
		return PL_ETIMEOUT;
	case CURLE_COULDNT_CONNECT:
		not_connected(f);
		return PL_ENET;
	case CURLE_FILESIZE_EXCEEDED:
		pl_transfer_reason_set(f, "the body is larger than %" PRIu64 " bytes", f->request.max_body_bytes);
		return PL_ELIMIT;
	case CURLE_TOO_MANY_REDIRECTS:
		pl_transfer_reason_set(f, "too many redirects");
		return PL_ENET;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_URL_MALFORMAT:
		if (redirected)
			pl_transfer_reason_set(f, "redirected to what is no http or https URL");
		else
			pl_transfer_reason_set(f, "the answer is not HTTP");
		return PL_ENET;
	case CURLE_GOT_NOTHING:
		pl_transfer_reason_set(f, "the server closed the connection without an answer");
		return PL_ENET;
	case CURLE_PARTIAL_FILE:
		cut_short(f);
		return PL_ENET;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		broken_off(f, code);
		return PL_ENET;
	case CURLE_BAD_CONTENT_ENCODING:
		pl_transfer_reason_set(f, "the compressed body is damaged: %s", detail(f, code));
		return PL_ENET;
	case CURLE_WRITE_ERROR: /* not by our own doing: curl's decoder stops at the end of the first gzip member */
		pl_transfer_reason_set(f, "the compressed body is damaged: something follows its end");
		return PL_ENET;
	case CURLE_PEER_FAILED_VERIFICATION:
		pl_transfer_reason_set(f, "TLS certificate not trusted: %s", detail(f, code));
		return PL_ENET;
	case CURLE_SSL_CACERT_BADFILE:
		pl_transfer_reason_set(f, "the file of trusted CAs cannot be used: %s", detail(f, code));
		return PL_ENET;
	case CURLE_SSL_CERTPROBLEM:
		pl_transfer_reason_set(f, "the client's TLS certificate or key cannot be used: %s", detail(f, code));
		return PL_ENET;
	case CURLE_SSL_CONNECT_ERROR:
		handshake_failed(f, code);
		return PL_ENET;
	default:
		break;
	}
	/* A line of a header above curl's own bound: CURLE_TOO_LARGE (100) since 8.6, "out of memory" before. */
	if ((code == CURLE_OUT_OF_MEMORY || (int)code == 100) && f->result.phases.first_byte != 0 && !f->header_done) {
		pl_transfer_reason_set(f, "the header has a line of more than %d KiB", CURL_MAX_HTTP_HEADER / 1024);
		return PL_ELIMIT;
	}
	pl_transfer_reason_set(f, "%s", detail(f, code));
	return PL_ENET;
}
