/* A sender, a recipient, a subject, a message id, each behind a byte 0xFE, then the text. Whatever they hold, the mail is
 * ASCII, has exactly its own headers, and its text reads back as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "format/mail_message.h"
#include "notify_mail/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* RFC 2045, 6.7, read strictly: CRLF of the text as \n. */
static void read_quoted_printable(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r') {
			check(i + 1 < s.n && s.p[i + 1] == '\n');
			check(i == 0 || (s.p[i - 1] != ' ' && s.p[i - 1] != '\t'));
			pl_buf_add_char(out, '\n');
			i++;
		} else if (s.p[i] == '=') {
			check(i + 2 < s.n);
			if (s.p[i + 1] != '\r') {
				char hex[3] = {s.p[i + 1], s.p[i + 2], '\0'};
				char *end;
				pl_buf_add_char(out, (char)strtoul(hex, &end, 16));
				check(*end == '\0');
			}
			i += 2;
		} else {
			pl_buf_add_char(out, s.p[i]);
		}
	}
}

/* What must come back: line ends as \n, one at the end, and U+FFFD for what is no UTF-8. */
static void expect_text(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = pl_utf8_length(s.p + i, s.n - i);
		if (n == 0)
			pl_buf_add_cstr(out, "\xef\xbf\xbd");
		else if (!(s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n'))
			pl_buf_add(out, s.p + i, n);
		i += n > 0 ? n : 1;
	}
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		pl_buf_add_char(out, '\n');
}

static void check_mail(struct pl_str mail, struct pl_str text)
{
	static const char *const names[] = {
	    "Date: ",       "From: ",           "To: ",           "Cc: ",           "Subject: ",
	    "Message-ID: ", "Auto-Submitted: ", "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: "};
	size_t at = 0, found = 0;
	for (size_t i = 0; i < mail.n; i++) {
		unsigned char c = (unsigned char)mail.p[i];
		check((c >= ' ' && c < 127) || c == '\t' || (c == '\r' && mail.p[i + 1] == '\n') ||
		      (c == '\n' && i > 0 && mail.p[i - 1] == '\r'));
	}
	for (;;) {
		const char *end = memmem(mail.p + at, mail.n - at, "\r\n", 2);
		check(end != NULL);
		struct pl_str line = {mail.p + at, (size_t)(end - mail.p) - at};
		at += line.n + 2;
		check(line.n <= 78 || memchr(line.p, '@', line.n) != NULL);
		check(line.n < 998);
		if (line.n == 0)
			break;
		if (line.p[0] == ' ')
			continue;
		while (found < 10 && !pl_str_starts(line, pl_str_of(names[found])))
			found++;
		check(found++ < 10); /* each once at most, in this order */
	}
	struct pl_buf read = {0}, expected = {0};
	struct pl_str body = {mail.p + at, mail.n - at};
	for (struct pl_str rest = body; rest.p != NULL && rest.n > 0;)
		check(pl_str_cut(&rest, '\n').n <= 77);
	check(body.n == 0 || body.p[0] != '.');
	check(memmem(body.p, body.n, "\n.", 2) == NULL);
	read_quoted_printable(&read, body);
	expect_text(&expected, text);
	check(pl_str_eq(pl_buf_str(&read), pl_buf_str(&expected)));
	pl_buf_finish(&read);
	pl_buf_finish(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str rest = {(const char *)data, size}, host;
	struct pl_mail_address from, to;
	unsigned port;
	bool tls;
	struct pl_str a = pl_str_cut(&rest, (char)0xFE), b = pl_str_cut(&rest, (char)0xFE);
	struct pl_str subject = pl_str_cut(&rest, (char)0xFE), id = pl_str_cut(&rest, (char)0xFE);
	if (a.p != NULL && pl_smtp_url_parse(a, &host, &port, &tls) == NULL) {
		check(host.n > 0 && host.p >= a.p && host.p + host.n <= a.p + a.n && port > 0 && port <= 65535);
		check(memchr(host.p, '@', host.n) == NULL && memchr(host.p, '/', host.n) == NULL);
	}
	if (pl_mail_address_parse(a, &from) != NULL)
		check(pl_mail_address_parse(PL_STR("a@b"), &from) == NULL);
	if (pl_mail_address_parse(b, &to) != NULL)
		check(pl_mail_address_parse(PL_STR("c@d"), &to) == NULL);
	const struct pl_mail_message m = {.from = from,
					  .to = &to,
					  .n_to = 1,
					  .cc = &from,
					  .n_cc = subject.n % 2,
					  .subject = subject,
					  .message_id = {id.p, id.n < 60 ? id.n : 60},
					  .text = rest,
					  .wall_s = (int64_t)(size * 40000000)};
	struct pl_buf out = {0};
	pl_mail_message_add(&out, &m);
	check_mail(pl_buf_str(&out), rest);
	pl_buf_finish(&out);
	return 0;
}
