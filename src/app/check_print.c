#include "app/check_print.h"

#include <stdio.h>

#include "format/json_out.h"

void pl_check_print_problems(const struct pl_problems *problems, bool json)
{
	struct pl_buf out = {0};
	if (json)
		pl_problems_json(problems, &out);
	else
		pl_problems_print(problems, &out);
	fwrite(out.p, 1, out.n, json ? stdout : stderr);
	pl_buf_finish(&out);
}

void pl_check_print_good(const char *file, const struct pl_check_count *counts)
{
	struct pl_buf out = {0};
	struct pl_json j = {.out = &out};
	pl_json_object_begin(&j);
	pl_json_key(&j, "file");
	pl_json_cstr(&j, file);
	pl_json_key(&j, "ok");
	pl_json_bool(&j, true);
	for (; counts->key != NULL; counts++) {
		pl_json_key(&j, counts->key);
		pl_json_u64(&j, counts->n);
	}
	pl_json_object_end(&j);
	pl_buf_add_char(&out, '\n');
	fwrite(out.p, 1, out.n, stdout);
	pl_buf_finish(&out);
}
