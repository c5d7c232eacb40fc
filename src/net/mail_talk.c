#include "net/mail_talk.h"

#include <stdio.h>
#include <string.h>

static void enter(struct pl_mail_talk *t, enum pl_mail_stage stage)
{
	t->stage = stage;
	if (stage == PL_MAIL_MESSAGE && t->taken != 0)
		return; /* what was said about recipients still counts */
	t->status = 0;
	t->words[0] = '\0';
}

void pl_mail_talk_command(struct pl_mail_talk *t, struct pl_str line)
{
	if (pl_str_starts(line, PL_STR("STARTTLS"))) {
		enter(t, PL_MAIL_SECURING);
	} else if (pl_str_starts(line, PL_STR("EHLO")) || pl_str_starts(line, PL_STR("HELO"))) {
		t->auth_offered = false; /* what was offered before TLS does not count */
	} else if (pl_str_starts(line, PL_STR("AUTH "))) {
		enter(t, PL_MAIL_AUTHENTICATING);
		t->auth_tried = true;
	} else if (pl_str_starts(line, PL_STR("MAIL FROM:"))) {
		enter(t, PL_MAIL_SENDER);
	} else if (pl_str_starts(line, PL_STR("RCPT TO:"))) {
		if (t->stage != PL_MAIL_RECIPIENTS)
			enter(t, PL_MAIL_RECIPIENTS);
		t->recipient++;
	} else if (pl_str_is(pl_str_trim(line), "DATA") || pl_str_starts(line, PL_STR("BDAT "))) {
		enter(t, PL_MAIL_MESSAGE);
	}
}

static void note_offer(struct pl_mail_talk *t, struct pl_str words)
{
	t->starttls_offered = t->starttls_offered || pl_str_is(words, "STARTTLS");
	t->auth_offered = t->auth_offered || pl_str_starts(words, PL_STR("AUTH "));
}

static void note_recipient(struct pl_mail_talk *t, long code)
{
	if (t->stage != PL_MAIL_RECIPIENTS || t->recipient == 0 || t->recipient > PL_MAIL_MOST_RECIPIENTS)
		return;
	uint64_t bit = UINT64_C(1) << (t->recipient - 1);
	if (code < 300)
		t->taken |= bit;
	else if (code >= 500)
		t->refused |= bit;
}

void pl_mail_talk_reply(struct pl_mail_talk *t, struct pl_str line)
{
	line = pl_str_trim(line);
	if (line.n < 3)
		return;
	long code = 0;
	for (size_t i = 0; i < 3; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return;
		code = 10 * code + (line.p[i] - '0');
	}
	bool more = line.n > 3 && line.p[3] == '-', continued = t->inside;
	struct pl_str words = line.n > 4 ? (struct pl_str){line.p + 4, line.n - 4} : PL_STR("");
	t->inside = more;
	t->greeted = true;
	if (code < 300)
		note_offer(t, words);
	if (!more)
		note_recipient(t, code);
	if (code < 400)
		return;
	if (t->status == 0 || (continued && t->status == code)) {
		size_t n = strlen(t->words);
		t->status = code;
		t->status_recipient = t->recipient;
		snprintf(t->words + n, sizeof t->words - n, "%s%.*s", n > 0 ? " " : "", (int)(words.n < 400 ? words.n : 400),
			 words.p);
	} else if (t->stage == PL_MAIL_MESSAGE) { /* after recipients that were refused: this one is about all of it */
		t->status = code;
		snprintf(t->words, sizeof t->words, "%.*s", (int)(words.n < 400 ? words.n : 400), words.p);
	}
}
