/* Mails as they are written, and read again by the decoders below, which know nothing of the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "format/mail_message.h"

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name, *address; /* address NULL: refused */
	} cases[] = {
	    {"a@b", "", "a@b"},
	    {" ann.smith+x@mail.example.org ", "", "ann.smith+x@mail.example.org"},
	    {"<a@b>", "", "a@b"},
	    {"Ann Smith <a@b>", "Ann Smith", "a@b"},
	    {"\"Smith, Ann\" <a@b>", "Smith, Ann", "a@b"},
	    {"Jürgen <a@b>", "Jürgen", "a@b"},
	    {"", NULL, NULL},
	    {"a", NULL, NULL},
	    {"@b", NULL, NULL},
	    {"a@", NULL, NULL},
	    {"a@b@c", NULL, NULL},
	    {"a b@c", NULL, NULL},
	    {"a@b, c@d", NULL, NULL},
	    {"a@b>", NULL, NULL},
	    {"x <a@b> <c@d>", NULL, NULL},
	    {"a@b\r\nBcc: c@d", NULL, NULL},
	    {"x\ny <a@b>", NULL, NULL},
	    {"\x01 <a@b>", NULL, NULL},
	    {"\xff <a@b>", NULL, NULL},
	    {"ä@b", NULL, NULL},
	    {"a@b.", NULL, NULL},
	    {"a@-b", NULL, NULL},
	    {"a@[1.2.3.4]", NULL, NULL},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_mail_address a;
		const char *flaw = pl_mail_address_parse(pl_str_of(cases[i].text), &a);
		if ((flaw == NULL) != (cases[i].address != NULL))
			fail_msg("%s: %s", cases[i].text, flaw != NULL ? flaw : "taken");
		if (flaw == NULL) {
			assert_true(pl_str_is(a.name, cases[i].name));
			assert_true(pl_str_is(a.address, cases[i].address));
		}
	}
}

static void words(void **state)
{
	(void)state;
	static const struct {
		const char *text, *written;
	} cases[] = {
	    {"", ""},
	    {"plain text", "plain text"},
	    {"  around  ", "around"},
	    {"two  blanks", "=?UTF-8?B?dHdvICBibGFua3M=?="},
	    {"größer", "=?UTF-8?B?Z3LDtsOfZXI=?="},
	    {"a\r\nBcc: b", "=?UTF-8?B?YSAgQmNjOiBi?="},
	    {"=?UTF-8?Q?x?=", "=?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?="},
	    {"a=?", "=?UTF-8?B?YT0/?="},
	    {"a = b?", "a = b?"},
	    {"\xff", "=?UTF-8?B?77+9?="},
	    {"one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
	     "one two three four five six seven eight nine ten eleven twelve\r\n thirteen fourteen"},
	    {"äääääääääääääääääääääääääääääääääääääääää",
	     "=?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n "
	     "=?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?="},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		pl_mail_add_words(&out, pl_str_of(cases[i].text), 9);
		assert_string_equal(pl_buf_cstr(&out), cases[i].written);
		pl_buf_finish(&out);
	}
}

static void quoted_printable(void **state)
{
	(void)state;
	static const struct {
		const char *text, *written;
	} cases[] = {
	    {"", ""},
	    {"a", "a\r\n"},
	    {"a\nb\r\nc\n", "a\r\nb\r\nc\r\n"},
	    {"1=2", "1=3D2\r\n"},
	    {"ü", "=C3=BC\r\n"},
	    {"end \nof\t\n", "end=20\r\nof=09\r\n"},
	    {".\n..\na.", "=2E\r\n=2E.\r\na.\r\n"},
	    {"From a\nfrom b\nFromage", "=46rom a\r\nfrom b\r\nFromage\r\n"},
	    {"a\rb", "a=0Db\r\n"},
	    {"\x01\x7f", "=01=7F\r\n"},
	    {"0123456789012345678901234567890123456789012345678901234567890123456789012345678",
	     "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n5678\r\n"},
	    {"012345678901234567890123456789012345678901234567890123456789012345678901234.",
	     "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n=2E\r\n"},
	    {"01234567890123456789012345678901234567890123456789012345678901234567890123ä",
	     "01234567890123456789012345678901234567890123456789012345678901234567890123=\r\n=C3=A4\r\n"},
	};
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		struct pl_buf out = {0};
		pl_mail_add_quoted_printable(&out, pl_str_of(cases[i].text));
		assert_string_equal(pl_buf_cstr(&out), cases[i].written);
		pl_buf_finish(&out);
	}
}

static void whole_mail(void **state)
{
	(void)state;
	struct pl_mail_address from, people[3];
	static const char *const texts[] = {"Ann Smith <ann@example.org>", "\"Smith, Bob\" <bob@example.org>", "c@example.org"};
	assert_null(pl_mail_address_parse(PL_STR("Jürgen <j@example.org>"), &from));
	for (size_t i = 0; i < 3; i++)
		assert_null(pl_mail_address_parse(pl_str_of(texts[i]), &people[i]));
	const struct pl_mail_message m = {
	    .from = from,
	    .to = people,
	    .n_to = 2,
	    .cc = people + 2,
	    .n_cc = 1,
	    .subject = PL_STR("[OK] disk"),
	    .text = PL_STR("fine\n\xff"),
	    .message_id = PL_STR("a\r\n>b@c"),
	    .wall_s = 1767323045,
	};
	struct pl_buf out = {0};
	pl_mail_message_add(&out, &m);
	assert_string_equal(pl_buf_cstr(&out), "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"
					       "From: =?UTF-8?B?SsO8cmdlbg==?=\r\n <j@example.org>\r\n"
					       "To: Ann Smith\r\n <ann@example.org>,\r\n"
					       " =?UTF-8?B?U21pdGgsIEJvYg==?=\r\n <bob@example.org>\r\n"
					       "Cc: <c@example.org>\r\n"
					       "Subject: [OK] disk\r\n"
					       "Message-ID: <a___b@c>\r\n"
					       "Auto-Submitted: auto-generated\r\n"
					       "MIME-Version: 1.0\r\n"
					       "Content-Type: text/plain; charset=UTF-8\r\n"
					       "Content-Transfer-Encoding: quoted-printable\r\n"
					       "\r\n"
					       "fine\r\n=EF=BF=BD\r\n");
	pl_buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(words),
	    cmocka_unit_test(quoted_printable),
	    cmocka_unit_test(whole_mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
