/* Kapacitor's answers: a page of tasks, one task, an error. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/kapacitor_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Printable, bounded, and no character cut in two. */
static void check_text(const char *s, size_t size)
{
	size_t n = strnlen(s, size);
	if (n == size || !pl_str_utf8((struct pl_str){s, n}))
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_str body = {(const char *)data, size};
	struct pl_arena arena = {0};
	struct pl_kapacitor_page page;
	struct pl_kapacitor_task task;
	char reason[256] = "", words[64];
	enum pl_err err = pl_kapacitor_page_read(&arena, body, &page, reason, sizeof reason);
	if ((err == PL_OK) != (reason[0] == '\0'))
		abort();
	check_text(reason, sizeof reason);
	for (size_t i = 0; i < page.n && err == PL_OK; i++)
		if (page.tasks[i].id.n == 0 || page.tasks[i].fingerprint == 0)
			abort();
	reason[0] = '\0';
	if (pl_kapacitor_task_read(&arena, body, &task, reason, sizeof reason) == PL_OK && task.id.n == 0)
		abort();
	check_text(reason, sizeof reason);
	pl_kapacitor_words(body, words, sizeof words);
	check_text(words, sizeof words);
	pl_arena_finish(&arena);
	return 0;
}
