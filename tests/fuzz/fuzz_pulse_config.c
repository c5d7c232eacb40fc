/* A configuration file of pulse: any bytes, as YAML and as JSON, make problems or settings. What the settings become in ours is
 * YAML that can be read, with as many lines as are accounted for; whatever is wrong is told in pulse's words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/pulse_config.h"
#include "app/pulse_file.h"
#include "pipeline/registry.h"

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_text(const struct pl_pulse_settings *s)
{
	struct pl_buf text = {0};
	struct pl_pulse_lines lines = {0};
	struct pl_problems problems = {0};
	struct pl_arena arena = {0};
	struct pl_node *root;
	size_t n = 0;
	pl_pulse_config_write(s, &text, &lines, &problems);
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	require(n == lines.n);
	struct pl_problems syntax = {0};
	require(pl_node_parse(&arena, "ours", pl_buf_str(&text), (struct pl_node_limits){0}, &syntax, &root) == PL_OK);
	const struct pl_node *http = pl_node_get(pl_node_get(root, "server"), "http");
	const struct pl_node *cors = pl_node_get(http, "cors_allow");
	require(cors != NULL);
	const char *was = s->of[PL_PULSE_CORS].text;
	if (strchr(was, '$') == NULL)
		require(pl_str_is(cors->text, was));
	pl_arena_finish(&arena);
	pl_problems_finish(&syntax);
	pl_problems_finish(&problems);
	pl_pulse_lines_finish(&lines);
	pl_buf_finish(&text);
}

static void check_words(const struct pl_problems *problems)
{
	struct pl_buf said = {0};
	pl_problems_print(problems, &said);
	require(pl_str_utf8(pl_buf_str(&said)));
	for (const struct pl_problem *p = problems->first; p != NULL; p = p->next) {
		require(p->warning || (strncmp(p->path, "outputs", 7) != 0 && strncmp(p->path, "server.", 7) != 0));
		require(strcmp(p->mark.file, "f") == 0);
	}
	pl_buf_finish(&said);
}

static void run(struct pl_str text, bool json)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	enum pl_pulse_file_kind kind;
	struct pl_node *document;
	struct pl_config *config = NULL;
	struct pl_pulse_settings settings;
	enum pl_err err = pl_pulse_file_parse(&arena, "f", text, json, &problems, &kind, &document);
	require((err == PL_OK) == (problems.n == 0));
	require(kind == PL_PULSE_FILE_UNCLEAR || err == PL_OK);
	if (kind == PL_PULSE_FILE_PULSES) {
		pl_pulse_settings_init(&settings, "f", document, NULL, &problems);
		check_text(&settings);
		err = pl_pulse_config_build(&settings, &pl_registry_plugins, &problems, &config);
		require((err == PL_OK) == (problems.n == 0) && (err == PL_OK) == (config != NULL));
		pl_pulse_settings_finish(&settings);
		pl_config_release(config);
	}
	check_words(&problems);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pl_str text = {(const char *)data, size};
	run(text, false);
	run(text, true);
	return 0;
}
