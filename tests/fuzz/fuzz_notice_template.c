/* A template, a byte 0xFE, then a text that every value of the notice has. A template that is JSON when harmless words are
 * filled in is JSON of the same shape with any text. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "pipeline/notice_template.h"
#include "pipeline/notice_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool same_shape(const cJSON *a, const cJSON *b)
{
	if ((a->type & 0xFF) != (b->type & 0xFF))
		return false;
	const cJSON *x = a->child, *y = b->child;
	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (!same_shape(x, y))
			return false;
	return x == NULL && y == NULL;
}

static cJSON *fill(const char *text, struct pl_str value)
{
	struct pl_label tags[] = {{PL_STR("host"), value}, {PL_STR("b"), value}};
	const struct pl_notice_event e = {.alert = value,
					  .id = value,
					  .message = value,
					  .level = value,
					  .previous = value,
					  .cause = value,
					  .tags = {tags, 2},
					  .value = 1.5,
					  .wall_ns = 5,
					  .body = PL_STR("{\"a\":[1]}")};
	const struct pl_notice n = {.key = value, .events = &e, .n = 1};
	struct pl_buf out = {0};
	pl_notice_template_add(&out, text, &n, PL_NOTICE_JSON);
	pl_buf_add_char(&out, '\0');
	cJSON *json = cJSON_ParseWithOpts(out.p, NULL, 1);
	pl_buf_clear(&out);
	pl_notice_template_add(&out, text, &n, PL_NOTICE_FORM);
	pl_notice_template_add(&out, text, &n, PL_NOTICE_MARKUP);
	pl_notice_template_add(&out, text, &n, PL_NOTICE_RAW);
	pl_buf_clear(&out);
	pl_notice_add_title(&out, &n);
	check(memchr(out.p, '\n', out.n) == NULL && memchr(out.p, '\r', out.n) == NULL && memchr(out.p, 0x1B, out.n) == NULL);
	check(pl_str_utf8(pl_buf_str(&out)));
	pl_buf_finish(&out);
	return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[400];
	struct pl_str rest = {(const char *)data, size};
	struct pl_str head = pl_str_cut(&rest, (char)0xFE);
	if (head.n > 4096)
		return 0;
	char *text = pl_strndup(head.n > 0 ? head.p : "", head.n);
	bool fine = pl_notice_template_check(text, reason, sizeof reason) == PL_OK;
	cJSON *harmless = fill(text, PL_STR("word")), *hostile = fill(text, rest);
	if (fine && harmless != NULL) {
		/* The keys of an object may be places, too: two that become the same are two all the same for cJSON. */
		check(hostile != NULL && same_shape(harmless, hostile));
	}
	cJSON_Delete(harmless);
	cJSON_Delete(hostile);
	free(text);
	return 0;
}
