#include <string.h>

#include "config/decode.h"
#include "config/suggest.h"

enum { MOST_WORDS = 32, SHOWN = 64 };

/* Is it the one value that asks for nothing else than what is done anyway? Nothing at all and an empty list are such values, too;
 * an empty mapping asks for a thing with all its defaults. */
static bool asks_for_nothing(const struct pl_field *field, const struct pl_node *value)
{
	if (pl_node_is_null(value))
		return true;
	if (value->kind != PL_NODE_SCALAR)
		return value->n == 0 && (value->kind == PL_NODE_SEQUENCE || field->type == PL_FIELD_IGNORED);
	return field->fallback != NULL && pl_str_is(value->text, field->fallback);
}

static void refuse_word(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *word,
			const struct pl_path *path)
{
	struct pl_suggest suggest;
	struct pl_buf all = {0};
	pl_suggest_init(&suggest, word->text);
	for (size_t i = 0; field->choices[i] != NULL; i++) {
		pl_suggest_offer(&suggest, field->choices[i]);
		pl_buf_addf(&all, "%s%s", i == 0 ? "" : field->choices[i + 1] == NULL ? " or " : ", ", field->choices[i]);
	}
	int n = word->text.n > SHOWN ? SHOWN : (int)word->text.n;
	pl_decode_fail(o, word->mark, path, "expected %s, found \"%.*s\"%s%s%s", pl_buf_cstr(&all), n, n > 0 ? word->text.p : "",
		       suggest.best != NULL ? " (did you mean \"" : "", suggest.best != NULL ? suggest.best : "",
		       suggest.best != NULL ? "\"?)" : "");
	pl_buf_finish(&all);
}

/* `seen` has a bit for each word that came before. */
static bool check_word(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *word,
		       const struct pl_path *path, uint32_t *seen)
{
	if (word->kind != PL_NODE_SCALAR || pl_node_is_null(word)) {
		pl_decode_fail(o, word->mark, path, "expected a word, found %s", pl_node_kind_text(word));
		return false;
	}
	for (size_t i = 0; field->choices[i] != NULL && i < MOST_WORDS; i++) {
		if (!pl_str_is(word->text, field->choices[i]))
			continue;
		if ((*seen & UINT32_C(1) << i) != 0) {
			pl_decode_fail(o, word->mark, path, "%s stands there twice", field->choices[i]);
			return false;
		}
		*seen |= UINT32_C(1) << i;
		return true;
	}
	refuse_word(o, field, word, path);
	return false;
}

static bool check_words(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *value,
			const struct pl_path *path)
{
	uint32_t seen = 0;
	bool right = true;
	bool wants_list = (field->flags & PL_FIELD_WORDS) != 0;
	if (!wants_list)
		return check_word(o, field, value, path, &seen);
	if (value->kind != PL_NODE_SEQUENCE) {
		pl_decode_fail(o, value->mark, path, "expected a list, found %s", pl_node_kind_text(value));
		return false;
	}
	for (size_t i = 0; i < value->n; i++) {
		struct pl_path here = pl_path_item(path, i);
		right = check_word(o, field, value->items[i], &here, &seen) && right;
	}
	return right;
}

void pl_decode_foreign(const struct pl_decode_options *o, const struct pl_field *field, const struct pl_node *key,
		       const struct pl_node *value, const struct pl_path *path)
{
	if (asks_for_nothing(field, value))
		return;
	if (field->type == PL_FIELD_REFUSED) {
		pl_decode_fail(o, key->mark, path, "%s", field->help);
		return;
	}
	if (field->choices != NULL && !check_words(o, field, value, path))
		return;
	struct pl_buf where = {0};
	pl_path_print(path, &where);
	pl_problems_warn(o->problems, key->mark, pl_buf_cstr(&where), "%s", field->help);
	pl_buf_finish(&where);
}
