/* What client and server of SMTP say to each other, followed to tell where and why it went wrong. */
#ifndef PL_NET_MAIL_TALK_H
#define PL_NET_MAIL_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "net/mail.h"

enum { PL_MAIL_WORDS_BYTES = 512 };

/* Zero-initialise. */
struct pl_mail_talk {
	enum pl_mail_stage stage;
	bool starttls_offered, auth_offered, auth_tried, greeted;
	size_t recipient;        /* number of RCPT commands so far */
	uint64_t taken, refused; /* a bit for each recipient */
	long status;             /* of the first reply from 400 up in this stage, and its words */
	size_t status_recipient; /* to which recipient it was */
	char words[PL_MAIL_WORDS_BYTES];
	bool inside; /* a reply of several lines */
};

void pl_mail_talk_command(struct pl_mail_talk *t, struct pl_str line);
void pl_mail_talk_reply(struct pl_mail_talk *t, struct pl_str line);

#endif
