#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/inputs.h"
#include "base/mem.h"
#include "config/json_tree.h"
#include "config/relabel_config.h"
#include "format/relabel.h"

static const char help[] =
    "usage: pulseline relabel --rules FILE [--trace] [LABELS...]\n"
    "\n"
    "Tries relabeling rules: reads label sets from the files LABELS, or standard input, one JSON object per line, applies the\n"
    "rules in their order, and writes each set as it is then, or null if a rule dropped it.\n"
    "\n"
    "    $ cat rules.yml\n"
    "    - source_labels: [__address__]\n"
    "      regex: (.*):\\d+\n"
    "      target_label: host\n"
    "    - action: drop\n"
    "      source_labels: [host]\n"
    "      regex: test-.*\n"
    "    $ echo '{\"__address__\": \"db1:9100\"}' | pulseline relabel --rules rules.yml\n"
    "    {\"__address__\":\"db1:9100\",\"host\":\"db1\"}\n"
    "    $ echo '{\"__address__\": \"test-7:9100\"}' | pulseline relabel --rules rules.yml\n"
    "    null\n"
    "\n"
    "  --rules FILE  YAML: a list of rules, or a mapping with it under relabel_configs or metric_relabel_configs; the\n"
    "                rules are Prometheus' own: action, source_labels, separator, regex, modulus, target_label, replacement\n"
    "  --trace       before each result, the set after every rule and which rule dropped it, in lines that begin with #\n"
    "  -h, --help    this text\n"
    "\n"
    "What to know: a pattern must match from beginning to end; an empty value is no label; ${NAME} is a group of the\n"
    "pattern, not a variable of the environment. What a running daemon's rules do to a target tells\n"
    "/debug/relabel?target=ADDRESS.\n"
    "\n"
    "Exit: 0; 1 when a line is no label set (it is told on standard error and left out); 2 for a wrong call; 3 when the\n"
    "rules are wrong.\n";

enum { MAX_LINE = 1024 * 1024 };

struct rules_file {
	struct pl_list target_rules, metric_rules;
};

static const struct pl_field rules_fields[] = {
    {.key = "relabel_configs",
     .type = PL_FIELD_LIST,
     .offset = offsetof(struct rules_file, target_rules),
     .schema = &pl_relabel_config_schema},
    {.key = "metric_relabel_configs",
     .type = PL_FIELD_LIST,
     .offset = offsetof(struct rules_file, metric_rules),
     .schema = &pl_relabel_config_schema},
    {0},
};
static const struct pl_schema rules_schema = {.name = "rules", .size = sizeof(struct rules_file), .fields = rules_fields};

/* The rules live in the arena. PL_EPARSE or what the file said: `problems` has it. */
static enum pl_err load_rules(const char *path, struct pl_arena *arena, struct pl_problems *problems, struct pl_list *rules)
{
	struct pl_node *root;
	struct rules_file file;
	enum pl_err err = pl_node_parse_file(arena, path, (struct pl_node_limits){0}, problems, &root);
	if (err != PL_OK)
		return err;
	const struct pl_mark top = {path, 1, 1};
	if (pl_node_is_null(root)) {
		pl_problems_add(problems, top, "", "there are no rules in it");
		return PL_EPARSE;
	}
	struct pl_node key = {.kind = PL_NODE_SCALAR, .mark = root->mark, .text = PL_STR("relabel_configs")};
	struct pl_node *keys[] = {&key}, *values[] = {root};
	const struct pl_node wrapped = {.kind = PL_NODE_MAPPING, .mark = root->mark, .items = keys, .values = values, .n = 1};
	const struct pl_node *mapping = root->kind == PL_NODE_SEQUENCE ? &wrapped : root;
	const struct pl_decode_options options = {.arena = arena, .problems = problems, .base_dir = "."};
	err = pl_schema_decode(&rules_schema, mapping, "", &options, &file);
	if (err != PL_OK)
		return err;
	bool has_target = pl_node_get(mapping, "relabel_configs") != NULL;
	if (has_target == (pl_node_get(mapping, "metric_relabel_configs") != NULL)) {
		pl_problems_add(problems, mapping->mark, "", "it must hold either relabel_configs or metric_relabel_configs");
		return PL_EPARSE;
	}
	*rules = has_target ? file.target_rules : file.metric_rules;
	return PL_OK;
}

static void print_rule(struct pl_list rules, size_t i)
{
	struct pl_buf text = {0};
	pl_relabel_config_describe((const struct pl_relabel_config *)rules.v + i, &text);
	printf("# rule %zu: %s\n", i, pl_buf_cstr(&text));
	pl_buf_finish(&text);
}

static void print_labels(const char *before, struct pl_labels labels)
{
	struct pl_buf text = {0};
	pl_labels_json(&text, labels);
	printf("%s%s\n", before, pl_buf_cstr(&text));
	pl_buf_finish(&text);
}

static void print_step(void *data, size_t rule, struct pl_labels labels, bool kept)
{
	const struct pl_list *rules = data;
	print_rule(*rules, rule);
	if (kept)
		print_labels("#   ", labels);
	else
		printf("#   dropped by rule %zu\n", rule);
}

/* False: `why` says what is wrong with the line. */
static bool read_labels(const struct pl_node *node, struct pl_labels_builder *labels, char *why, size_t size)
{
	pl_labels_builder_clear(labels);
	if (node == NULL || node->kind != PL_NODE_MAPPING) {
		snprintf(why, size, "a label set is an object, as in {\"job\": \"node\"}");
		return false;
	}
	for (size_t i = 0; i < node->n; i++) {
		struct pl_str name = node->items[i]->text;
		if (name.n == 0) {
			snprintf(why, size, "an empty name is no label name");
			return false;
		}
		const struct pl_node *value = node->values[i];
		if (value->kind != PL_NODE_SCALAR || value->plain) {
			snprintf(why, size, "the value of %.*s is no text in quotes", name.n < 64 ? (int)name.n : 64, name.p);
			return false;
		}
		if (value->text.n > 0) /* else it is no label */
			pl_labels_builder_set(labels, name, value->text);
	}
	return true;
}

struct job {
	const struct pl_relabel *relabel; /* NULL: no rules */
	struct pl_list rules;
	bool trace;
	struct pl_labels_builder labels;
	struct pl_relabel_scratch scratch;
};

static bool do_line(struct job *j, struct pl_str line, const char *file, size_t number)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_node *node = NULL;
	char why[256];
	const struct pl_node_limits limits = {.max_bytes = MAX_LINE, .max_nodes = 10000};
	bool right = pl_json_tree_parse(&arena, "line", line, limits, &problems, &node) == PL_OK;
	if (!right)
		snprintf(why, sizeof why, "%s",
			 problems.first != NULL ? problems.first->text : "it cannot be read"); /* one says enough */
	else
		right = read_labels(node, &j->labels, why, sizeof why);
	if (!right) {
		fprintf(stderr, "%s%s%zu: %s\n", file != NULL ? file : "pulseline: line ", file != NULL ? ":" : "", number, why);
	} else {
		if (j->trace)
			print_labels("# ", pl_labels_builder_view(&j->labels));
		int dropped = PL_RELABEL_KEPT;
		if (j->relabel != NULL)
			dropped = pl_relabel_apply(j->relabel, &j->scratch, &j->labels, j->trace ? print_step : NULL, &j->rules);
		if (dropped == PL_RELABEL_KEPT)
			print_labels("", pl_labels_builder_view(&j->labels));
		else
			puts("null");
	}
	pl_relabel_scratch_clear(&j->scratch);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return right;
}

/* `file`: NULL for standard input. */
static bool do_lines(struct job *j, FILE *in, const char *file)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	ssize_t n;
	bool right = true;
	while ((n = getline(&line, &room, in)) >= 0) {
		struct pl_str text = pl_str_trim((struct pl_str){line, (size_t)n});
		number++;
		if (text.n > 0)
			right = do_line(j, text, file, number) && right;
	}
	if (ferror(in)) {
		fprintf(stderr, "pulseline: %s: cannot read: %s\n", file != NULL ? file : "standard input", strerror(errno));
		right = false;
	}
	free(line);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "pulseline: standard output: cannot write: %s\n", strerror(errno));
		right = false;
	}
	return right;
}

static bool do_file(struct job *j, const char *file)
{
	if (strcmp(file, "-") == 0)
		return do_lines(j, stdin, NULL);
	FILE *in = fopen(file, "re");
	if (in == NULL) {
		fprintf(stderr, "pulseline: %s: cannot open: %s\n", file, strerror(errno));
		return false;
	}
	bool right = do_lines(j, in, file);
	fclose(in);
	return right;
}

static bool do_files(struct job *j, char *const *files, int n)
{
	bool right = true;
	if (n == 0) {
		pl_inputs_hint();
		return do_lines(j, stdin, NULL);
	}
	for (int i = 0; i < n; i++)
		right = do_file(j, files[i]) && right;
	return right;
}

static int relabel(const char *path, bool trace, char *const *files, int n)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct job j = {.trace = trace};
	int status = PL_EXIT_CONFIG;
	if (load_rules(path, &arena, &problems, &j.rules) != PL_OK) {
		struct pl_buf text = {0};
		pl_problems_print(&problems, &text);
		fputs(pl_buf_cstr(&text), stderr);
		pl_buf_finish(&text);
		goto out;
	}
	struct pl_relabel *r = pl_relabel_config_compile(j.rules);
	j.relabel = r;
	status = do_files(&j, files, n) ? PL_EXIT_OK : PL_EXIT_FAILED;
	if (pl_relabel_scratch_gave_up(&j.scratch) > 0)
		fprintf(stderr, "pulseline: %llu matches would have taken too long and counted as no match\n",
			(unsigned long long)pl_relabel_scratch_gave_up(&j.scratch));
	pl_relabel_scratch_finish(&j.scratch);
	pl_labels_builder_finish(&j.labels);
	pl_relabel_destroy(r);
out:
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return status;
}

int pl_command_relabel(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"rules", required_argument, NULL, 'r'}, {"trace", no_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *rules = NULL;
	bool trace = false;
	int c;
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (c) {
		case 'r':
			rules = optarg;
			break;
		case 't':
			trace = true;
			break;
		case 'h':
			fputs(help, stdout);
			return PL_EXIT_OK;
		default:
			fputs("Try `pulseline relabel --help`.\n", stderr);
			return PL_EXIT_USAGE;
		}
	}
	if (rules == NULL) {
		fputs("pulseline: relabel by which rules? Give --rules FILE. Try `pulseline relabel --help`.\n", stderr);
		return PL_EXIT_USAGE;
	}
	return relabel(rules, trace, argv + optind, argc - optind);
}
