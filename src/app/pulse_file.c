#include "app/pulse_file.h"

#include <string.h>
#include <strings.h>

#include "app/pulse_flags.h"
#include "base/mem.h"
#include "config/file.h"
#include "config/json_tree.h"
#include "config/root.h"

enum { MOST_BYTES = 16 * 1024 * 1024, MAX_WHY = 256 };

static bool is_pulses(const struct pl_node *key, const struct pl_node *value)
{
	enum pl_pulse_id id = pl_pulse_flag_find(key->text, true);
	if (id == PL_PULSE_FLAGS || pl_pulse_flags[id].not_in_file)
		return false;
	return id != PL_PULSE_SERVER || value->kind != PL_NODE_MAPPING;
}

static bool is_ours(const struct pl_node *key, const struct pl_node *value)
{
	for (const struct pl_field *f = pl_root_schema.fields; f->key != NULL; f++)
		if (pl_str_is(key->text, f->key))
			return strcmp(f->key, "server") != 0 || value->kind == PL_NODE_MAPPING;
	return false;
}

enum pl_err pl_pulse_file_judge(const struct pl_node *document, struct pl_problems *problems, enum pl_pulse_file_kind *kind)
{
	const struct pl_node *ours = NULL, *pulses = NULL;
	*kind = PL_PULSE_FILE_UNCLEAR;
	for (size_t i = 0; document != NULL && document->kind == PL_NODE_MAPPING && i < document->n; i++) {
		const struct pl_node *key = document->items[i], *value = document->values[i];
		if (pl_str_is(key->text, "server") && pl_node_is_null(value))
			continue;
		if (ours == NULL && is_ours(key, value))
			ours = key;
		if (pulses == NULL && is_pulses(key, value))
			pulses = key;
	}
	if (ours != NULL && pulses != NULL) {
		bool pulses_last = pulses->mark.line > ours->mark.line;
		const struct pl_node *last = pulses_last ? pulses : ours, *first = pulses_last ? ours : pulses;
		pl_problems_add(
		    problems, last->mark, "",
		    "%.*s is a key of %s configuration, but %.*s on line %u is one of %s: a file holds the keys of one "
		    "of them; `pulseline convert config` turns pulse's into ours",
		    (int)(last->text.n < 64 ? last->text.n : 64), last->text.p, pulses_last ? "pulse's" : "our own",
		    (int)(first->text.n < 64 ? first->text.n : 64), first->text.p, (unsigned)first->mark.line,
		    pulses_last ? "our own" : "pulse's");
		return PL_EPARSE;
	}
	if (ours != NULL || pulses != NULL)
		*kind = ours != NULL ? PL_PULSE_FILE_OURS : PL_PULSE_FILE_PULSES;
	return PL_OK;
}

/* What follows the last dot of the last part; "" when there is none. */
static const char *ending_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash != NULL ? slash : path, '.');
	return dot != NULL ? dot + 1 : "";
}

static bool is_one_of(const char *ending, const char *const *endings)
{
	for (; *endings != NULL; endings++)
		if (strcasecmp(ending, *endings) == 0)
			return true;
	return false;
}

/* JSON that is not strictly such may be ours, which is read as YAML whatever it is called. */
static bool is_ours_as_yaml(const char *path, struct pl_str text)
{
	struct pl_arena arena = {0};
	struct pl_problems unsaid = {0};
	struct pl_node *document;
	enum pl_pulse_file_kind kind = PL_PULSE_FILE_UNCLEAR;
	bool ours = pl_node_parse(&arena, path, text, (struct pl_node_limits){0}, &unsaid, &document) == PL_OK &&
		    pl_pulse_file_judge(document, &unsaid, &kind) == PL_OK && kind == PL_PULSE_FILE_OURS;
	pl_problems_finish(&unsaid);
	pl_arena_finish(&arena);
	return ours;
}

enum pl_err pl_pulse_file_parse(struct pl_arena *arena, const char *path, struct pl_str text, bool json,
				struct pl_problems *problems, enum pl_pulse_file_kind *kind, struct pl_node **out)
{
	enum pl_err err;
	*kind = PL_PULSE_FILE_UNCLEAR;
	*out = NULL;
	if (json && is_ours_as_yaml(path, text)) {
		*kind = PL_PULSE_FILE_OURS;
		return PL_OK;
	}
	if (json)
		err = pl_json_tree_parse(arena, path, text, (struct pl_node_limits){0}, problems, out);
	else
		err = pl_node_parse(arena, path, text, (struct pl_node_limits){0}, problems, out);
	if (err == PL_OK)
		err = pl_pulse_file_judge(*out, problems, kind);
	if (err != PL_OK || *kind == PL_PULSE_FILE_OURS)
		*out = NULL;
	return err;
}

enum pl_err pl_pulse_file_read(struct pl_arena *arena, const char *path, struct pl_problems *problems,
			       enum pl_pulse_file_kind *kind, struct pl_node **out)
{
	static const char *const json[] = {"json", NULL}, *const read[] = {"json", "yml", "yaml", NULL};
	static const char *const unread[] = {"toml", "hcl", "properties", "props", "prop", NULL};
	const char *ending = ending_of(path);
	struct pl_buf text = {0};
	char why[MAX_WHY];
	*kind = PL_PULSE_FILE_UNCLEAR;
	*out = NULL;
	if (is_one_of(ending, unread)) {
		pl_problems_add(
		    problems, (struct pl_mark){path, 0, 0}, "",
		    "configurations in %s are not read here; write the same keys as YAML or JSON into a .yml or .json file",
		    ending);
		return PL_EPARSE;
	}
	enum pl_err err = pl_file_read(path, MOST_BYTES, &text, why, sizeof why);
	if (err != PL_OK)
		pl_problems_add(problems, (struct pl_mark){path, 0, 0}, "", "%s", why);
	else
		err = pl_pulse_file_parse(arena, path, pl_buf_str(&text), is_one_of(ending, json), problems, kind, out);
	if (err == PL_OK && *kind == PL_PULSE_FILE_PULSES && !is_one_of(ending, read)) {
		pl_problems_add(
		    problems, (struct pl_mark){path, 0, 0}, "",
		    "these are keys of pulse's configuration, whose format goes by the end of its name: call it .json, .yml "
		    "or .yaml");
		err = PL_EPARSE;
	}
	pl_buf_finish(&text);
	return err;
}
