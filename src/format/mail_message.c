#include "format/mail_message.h"

#include <stdlib.h>
#include <time.h>

/* An encoded word has at most 75 bytes: 12 around the base64 of at most 45 bytes. */
enum { LINE_BYTES = 76, WORD_BYTES = 45, SUBJECT_BYTES = 998 };

/* ---- addresses ---- */

static bool is_address(struct pl_str s)
{
	size_t at = 0, ats = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c >= 127 || strchr("<>()[],;:\\\"", c) != NULL)
			return false;
		if (c == '@') {
			at = i;
			ats++;
		}
	}
	return ats == 1 && at > 0 && at + 1 < s.n && s.n <= PL_MAIL_ADDRESS_BYTES && s.p[s.n - 1] != '.' && s.p[at + 1] != '.' &&
	       s.p[at + 1] != '-';
}

static bool is_text(struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return false;
	return pl_str_utf8(s);
}

const char *pl_mail_address_parse(struct pl_str s, struct pl_mail_address *out)
{
	s = pl_str_trim(s);
	*out = (struct pl_mail_address){.address = s};
	if (s.n > 2 && s.p[s.n - 1] == '>') {
		const char *open = memchr(s.p, '<', s.n);
		if (open == NULL)
			return "there is a > without its <";
		out->name = pl_str_trim((struct pl_str){s.p, (size_t)(open - s.p)});
		out->address = (struct pl_str){open + 1, (size_t)(s.p + s.n - open) - 2};
	}
	if (out->name.n >= 2 && out->name.p[0] == '"' && out->name.p[out->name.n - 1] == '"')
		out->name = (struct pl_str){out->name.p + 1, out->name.n - 2};
	if (!is_text(out->name) || out->name.n > 200)
		return "the name is no text of at most 200 bytes";
	return is_address(out->address) ? NULL : "expected an address like ann@example.org or Ann Smith <ann@example.org>";
}

/* ---- headers ---- */

static bool is_plain(struct pl_str s)
{
	size_t word = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		word = c == ' ' ? 0 : word + 1;
		if (c < ' ' || c >= 127 || word > 40 || (c == '=' && i + 1 < s.n && s.p[i + 1] == '?'))
			return false;
		if (c == ' ' && (i == 0 || i + 1 == s.n || s.p[i + 1] == ' ')) /* folding could lose it */
			return false;
	}
	return true;
}

/* RFC 4648, 4. */
static void add_base64(struct pl_buf *out, const char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		uint32_t three = 0;
		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < n ? (unsigned char)p[i + k] : 0);
		pl_buf_add_char(out, digits[three >> 18]);
		pl_buf_add_char(out, digits[three >> 12 & 63]);
		pl_buf_add_char(out, i + 1 < n ? digits[three >> 6 & 63] : '=');
		pl_buf_add_char(out, i + 2 < n ? digits[three & 63] : '=');
	}
}

static void fold_words(struct pl_buf *out, struct pl_str s, size_t used)
{
	for (bool first = true; s.p != NULL; first = false) {
		struct pl_str word = pl_str_cut(&s, ' ');
		if (!first && used + 1 + word.n > LINE_BYTES) {
			pl_buf_add_cstr(out, "\r\n");
			used = 0;
		}
		if (!first)
			pl_buf_add_char(out, ' ');
		pl_buf_add_str(out, word);
		used += word.n + !first;
	}
}

/* Well-formed UTF-8 on one line: what is not becomes U+FFFD, control characters spaces. */
static void add_clean(struct pl_buf *out, struct pl_str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = pl_utf8_length(s.p + i, s.n - i);
		if (n == 0)
			pl_buf_add_cstr(out, "\xef\xbf\xbd");
		else if (n == 1 && ((unsigned char)s.p[i] < ' ' || s.p[i] == 127))
			pl_buf_add_char(out, ' ');
		else
			pl_buf_add(out, s.p + i, n);
		i += n > 0 ? n : 1;
	}
}

static void encode_words(struct pl_buf *out, struct pl_str s, size_t used)
{
	for (size_t i = 0; i < s.n;) {
		size_t room = used < 60 ? WORD_BYTES : 0, n = 0;
		if (used + 12 + room / 3 * 4 > LINE_BYTES)
			room = used + 16 > LINE_BYTES ? 0 : (LINE_BYTES - 12 - used) / 4 * 3;
		while (i + n < s.n) { /* whole characters */
			size_t length = pl_utf8_length(s.p + i + n, s.n - i - n);
			if (n + length > room)
				break;
			n += length;
		}
		if (n > 0) {
			pl_buf_add_cstr(out, "=?UTF-8?B?");
			add_base64(out, s.p + i, n);
			pl_buf_add_cstr(out, "?=");
		}
		i += n;
		if (i < s.n)
			pl_buf_add_cstr(out, "\r\n ");
		used = 1;
	}
}

void pl_mail_add_words(struct pl_buf *out, struct pl_str text, size_t used)
{
	struct pl_buf clean = {0};
	add_clean(&clean, text);
	struct pl_str s = pl_str_trim(pl_buf_str(&clean));
	if (is_plain(s))
		fold_words(out, s, used);
	else
		encode_words(out, s, used);
	pl_buf_finish(&clean);
}

static bool is_phrase(struct pl_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("()<>[]:;@\\,.\"", s.p[i]) != NULL)
			return false;
	return is_plain(s);
}

static void add_addresses(struct pl_buf *out, const char *header, const struct pl_mail_address *v, size_t n)
{
	if (n == 0)
		return;
	pl_buf_add_cstr(out, header);
	for (size_t i = 0; i < n; i++) {
		size_t used = i == 0 ? strlen(header) : 1;
		if (i > 0)
			pl_buf_add_cstr(out, ",\r\n");
		pl_buf_add_char(out, ' ');
		if (v[i].name.n > 0 && is_phrase(v[i].name))
			fold_words(out, v[i].name, used + 1);
		else if (v[i].name.n > 0)
			encode_words(out, v[i].name, used + 1);
		/* On a line of its own: name and address may be too long together. */
		pl_buf_add_cstr(out, v[i].name.n > 0 ? "\r\n <" : "<");
		pl_buf_add_str(out, v[i].address);
		pl_buf_add_char(out, '>');
	}
	pl_buf_add_cstr(out, "\r\n");
}

static void add_date(struct pl_buf *out, int64_t wall_s)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm t;
	time_t when = (time_t)wall_s;
	if (gmtime_r(&when, &t) == NULL || t.tm_year < 0 || t.tm_year > 8099)
		gmtime_r(&(time_t){0}, &t);
	pl_buf_addf(out, "Date: %.3s, %d %.3s %04d %02d:%02d:%02d +0000\r\n", days + 3 * t.tm_wday, t.tm_mday,
		    months + 3 * t.tm_mon, 1900 + t.tm_year, t.tm_hour, t.tm_min, t.tm_sec);
}

/* ---- the text ---- */

static bool stays(const char *p, size_t i, size_t n, size_t column)
{
	unsigned char c = (unsigned char)p[i];
	bool last = i + 1 == n || p[i + 1] == '\n' || p[i + 1] == '\r';
	if (c == ' ' || c == '\t')
		return !last;
	if (column == 0 && (c == '.' || (c == 'F' && n - i >= 5 && memcmp(p + i, "From ", 5) == 0)))
		return false; /* a dot ends the mail, and mailboxes of old begin a mail with From */
	return c > ' ' && c < 127 && c != '=';
}

void pl_mail_add_quoted_printable(struct pl_buf *out, struct pl_str text)
{
	size_t column = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *p = text.p;
		if (p[i] == '\r' && i + 1 < text.n && p[i + 1] == '\n')
			continue;
		if (p[i] == '\n') {
			pl_buf_add_cstr(out, "\r\n");
			column = 0;
			continue;
		}
		bool plain = stays(p, i, text.n, column);
		if (column + (plain ? 1 : 3) > LINE_BYTES - 1) {
			pl_buf_add_cstr(out, "=\r\n");
			column = 0;
			plain = stays(p, i, text.n, column);
		}
		if (plain)
			pl_buf_add_char(out, p[i]);
		else
			pl_buf_addf(out, "=%02X", (unsigned)(unsigned char)p[i]);
		column += plain ? 1 : 3;
	}
	if (column > 0)
		pl_buf_add_cstr(out, "\r\n");
}

static bool is_id(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr(".-_@", c) != NULL);
}

void pl_mail_message_add(struct pl_buf *out, const struct pl_mail_message *m)
{
	struct pl_str subject = m->subject;
	struct pl_buf clean = {0};
	if (subject.n > SUBJECT_BYTES) {
		for (subject.n = SUBJECT_BYTES; subject.n > 0 && ((unsigned char)subject.p[subject.n] & 0xC0) == 0x80;)
			subject.n--;
	}
	add_date(out, m->wall_s);
	add_addresses(out, "From:", &m->from, 1);
	add_addresses(out, "To:", m->to, m->n_to);
	add_addresses(out, "Cc:", m->cc, m->n_cc);
	pl_buf_add_cstr(out, "Subject: ");
	pl_mail_add_words(out, subject, 9);
	pl_buf_add_cstr(out, "\r\nMessage-ID: <");
	for (size_t i = 0; i < m->message_id.n; i++)
		pl_buf_add_char(out, is_id(m->message_id.p[i]) ? m->message_id.p[i] : '_');
	pl_buf_add_cstr(out, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
			     "charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
	for (size_t i = 0; i < m->text.n;) { /* as said above: UTF-8 */
		size_t n = pl_utf8_length(m->text.p + i, m->text.n - i);
		pl_buf_add(&clean, n > 0 ? m->text.p + i : "\xef\xbf\xbd", n > 0 ? n : 3);
		i += n > 0 ? n : 1;
	}
	pl_mail_add_quoted_printable(out, pl_buf_str(&clean));
	pl_buf_finish(&clean);
}
