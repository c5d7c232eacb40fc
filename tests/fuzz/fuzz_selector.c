/* Any bytes as a label selector: read, and asked about some labels. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pl_label some[] = {{PL_STR("dc"), PL_STR("eu")}, {PL_STR("job"), PL_STR("node")}};
	struct pl_arena arena = {0};
	struct pl_selector s;
	char reason[128] = "";
	enum pl_err err = pl_selector_parse(&s, &arena, (struct pl_str){(const char *)data, size}, reason, sizeof reason);
	if ((err == PL_OK) != (reason[0] == '\0') || s.n > PL_SELECTOR_MOST)
		abort();
	bool fits = err == PL_OK && pl_selector_fits(&s, (struct pl_labels){some, PL_COUNT_OF(some)});
	for (size_t i = 0; fits && i < s.n; i++)
		if (!pl_label_name_valid(s.v[i].name) || (!s.v[i].differs && s.v[i].regex == NULL &&
							  pl_str_is(s.v[i].name, "job") && !pl_str_is(s.v[i].value, "node")))
			abort();
	pl_selector_finish(&s);
	pl_arena_finish(&arena);
	return 0;
}
