/* The whole configuration, with plugins of the fuzzer's own: any bytes make a snapshot or problems; what a snapshot prints is a
 * configuration again, and prints the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

enum { OUTPUT = 7, DISCOVERY = 9, NOTIFIER = 11 };

static void require(bool condition)
{
	if (!condition)
		abort();
}

struct everything {
	bool flag;
	int64_t whole, duration, bytes;
	double number;
	const char *text, *url, *path, *pattern;
	struct pl_secret secret;
	struct pl_labels labels;
	struct pl_strings strings;
	struct pl_params params;
	struct pl_client_config client;
	struct pl_list list;
};

struct pair {
	const char *name;
	int64_t value;
};

static const struct pl_field pair_fields[] = {
    {.key = "name", .type = PL_FIELD_STRING, .offset = offsetof(struct pair, name), .flags = PL_FIELD_REQUIRED},
    {.key = "value", .type = PL_FIELD_INT, .offset = offsetof(struct pair, value), .fallback = "1"},
    {0},
};
static const struct pl_schema pair_schema = {.name = "pair", .size = sizeof(struct pair), .fields = pair_fields};

#define AT(MEMBER) .offset = offsetof(struct everything, MEMBER)
static const struct pl_field fields[] = {
    {.key = "flag", .type = PL_FIELD_BOOL, AT(flag)},
    {.key = "whole", .type = PL_FIELD_INT, AT(whole)},
    {.key = "duration", .type = PL_FIELD_DURATION, AT(duration)},
    {.key = "bytes", .type = PL_FIELD_BYTES, AT(bytes)},
    {.key = "number", .type = PL_FIELD_DOUBLE, AT(number)},
    {.key = "text", .type = PL_FIELD_STRING, AT(text)},
    {.key = "url", .type = PL_FIELD_URL, AT(url)},
    {.key = "path", .type = PL_FIELD_PATH, AT(path)},
    {.key = "pattern", .type = PL_FIELD_STRING, AT(pattern), .flags = PL_FIELD_NO_ENV},
    {.key = "secret", .type = PL_FIELD_SECRET, AT(secret)},
    {.key = "labels", .type = PL_FIELD_LABELS, AT(labels)},
    {.key = "strings", .type = PL_FIELD_STRINGS, AT(strings)},
    {.key = "params", .type = PL_FIELD_PARAMS, AT(params)},
    {.key = "list", .type = PL_FIELD_LIST, AT(list), .schema = &pair_schema},
    PL_CLIENT_FIELDS(struct everything),
    {0},
};
static const struct pl_schema everything_schema = {.name = "everything", .size = sizeof(struct everything), .fields = fields};

static const struct {
	int kind;
	const char *name;
	const struct pl_schema *schema;
} plugins[] = {
    {OUTPUT, "local", &everything_schema},
    {OUTPUT, "bare", NULL},
    {NOTIFIER, "mail", &pair_schema},
    {DISCOVERY, "static_configs", &everything_schema},
    {DISCOVERY, "file_sd_configs", &everything_schema},
};

static const void *find(int kind, const char *name, const struct pl_schema **schema)
{
	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
		if (plugins[i].kind == kind && strcmp(plugins[i].name, name) == 0) {
			*schema = plugins[i].schema;
			return &plugins[i];
		}
	}
	return NULL;
}

static const char *nth_name(int kind, size_t nth)
{
	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++)
		if (plugins[i].kind == kind && nth-- == 0)
			return plugins[i].name;
	return NULL;
}

static const struct pl_config_plugins table = {find, nth_name, OUTPUT, DISCOVERY, NOTIFIER};

/* The text's snapshot as text, or false. */
static bool effective(struct pl_str text, struct pl_buf *out)
{
	struct pl_problems problems = {0};
	struct pl_buf said = {0};
	struct pl_config *config;
	enum pl_err err = pl_config_parse("/tmp/f.yml", text, &table, &problems, &config);
	require((err == PL_OK) == (problems.n == 0) && (err == PL_OK) == (config != NULL));
	pl_problems_print(&problems, &said);
	require(pl_str_utf8(pl_buf_str(&said)));
	if (config != NULL) {
		require(config->outputs.n > 0);
		for (size_t i = 0; i < config->jobs.n; i++)
			require(pl_config_job(config, i)->scrape_timeout <= pl_config_job(config, i)->scrape_interval);
		pl_config_print(config, out);
	}
	pl_config_release(config);
	pl_buf_finish(&said);
	pl_problems_finish(&problems);
	return err == PL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_buf first = {0}, second = {0};
	if (effective((struct pl_str){(const char *)data, size}, &first)) {
		require(effective(pl_buf_str(&first), &second));
		require(pl_str_eq(pl_buf_str(&first), pl_buf_str(&second)));
	}
	pl_buf_finish(&first);
	pl_buf_finish(&second);
	return 0;
}
