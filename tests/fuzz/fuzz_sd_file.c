/* A discovery file or answer: the first byte says JSON, YAML or answer (j, y, u), the rest is the text. What is read is settled
 * into targets too. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "config/target_file.h"
#include "targets/scrape_url.h"
#include "targets/target_address.h"

/* What a reader of a good file may rely on. */
static void check(const struct pl_target_file *file, struct pl_str origin)
{
	static const struct pl_params no_params = {NULL, 0};
	struct pl_buf address = {0}, url = {0};
	char reason[PL_REASON_BYTES];
	for (size_t g = 0; g < file->n; g++) {
		const struct pl_target_file_group *group = &file->groups[g];
		if (group->mark.line == 0 || pl_labels_get(group->labels, origin) == NULL)
			abort();
		for (size_t i = 0; i < group->labels.n; i++)
			if (!pl_label_name_valid(group->labels.v[i].name) || !pl_str_utf8(group->labels.v[i].value) ||
			    (i > 0 && pl_str_cmp(group->labels.v[i - 1].name, group->labels.v[i].name) >= 0))
				abort();
		for (size_t i = 0; i < group->n_targets; i++) {
			if (group->marks[i].line == 0)
				abort();
			pl_buf_clear(&address);
			pl_buf_clear(&url);
			if (pl_target_address_settle(group->targets[i], 80, &address, reason) != PL_OK)
				continue;
			pl_scrape_url_add(&url, PL_STR("http"), pl_buf_str(&address), PL_STR("/m"), &no_params, group->labels);
			for (size_t k = 0; k < url.n; k++)
				if (url.p[k] <= ' ' || url.p[k] >= 0x7f)
					abort();
		}
	}
	pl_buf_finish(&address);
	pl_buf_finish(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_target_file file;
	if (size == 0)
		return 0;
	const char *path = data[0] == 'j' ? "f.json" : "f.yml";
	struct pl_str text = {(const char *)data + 1, size - 1};
	bool answer = data[0] == 'u';
	enum pl_err err = answer ? pl_target_answer_parse(&arena, "http://h/", text, &problems, &file)
				 : pl_target_file_parse(&arena, path, text, &problems, &file);
	if ((err == PL_OK) != (problems.n == 0))
		abort();
	if (err == PL_OK)
		check(&file, answer ? PL_STR("__meta_url") : PL_STR("__meta_filepath"));
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return 0;
}
