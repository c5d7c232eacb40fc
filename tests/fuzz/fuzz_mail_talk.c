/* What a mail server may say: lines; those that begin with > are our own commands. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/mail_talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_mail_talk t = {0};
	for (struct pl_str rest = {(const char *)data, size}; rest.p != NULL && rest.n > 0;) {
		struct pl_str line = pl_str_cut(&rest, '\n');
		if (line.n > 0 && line.p[0] == '>')
			pl_mail_talk_command(&t, (struct pl_str){line.p + 1, line.n - 1});
		else
			pl_mail_talk_reply(&t, line);
		if (memchr(t.words, '\0', sizeof t.words) == NULL || (t.status != 0 && (t.status < 400 || t.status > 999)) ||
		    t.stage > PL_MAIL_MESSAGE)
			abort();
		if (t.recipient < 64 && (t.taken | t.refused) >> t.recipient != 0)
			abort();
	}
	return 0;
}
