#include "app/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "app/check_print.h"
#include "app/inputs.h"
#include "base/buf.h"
#include "config/file.h"
#include "config/target_file.h"
#include "targets/target_address.h"

static const char help[] =
    "usage: pulseline check sd [--json] FILE...\n"
    "\n"
    "Checks files of file_sd_configs: JSON by the ending .json, YAML by .yml or .yaml; - is standard input, read as YAML, of\n"
    "which JSON is a part. Every error is told as file:line:col: path: what is wrong, on standard error; a file that is right\n"
    "gets a line on standard output.\n"
    "\n"
    "      --json  on standard output instead, an object per line. An error: file, ok (false), line and column (0: not known),\n"
    "              path, error; the last of more than 100 says in `more` how many were left out. A file that is right: file,\n"
    "              ok (true), groups, targets.\n"
    "  -h, --help  this text\n"
    "\n"
    "Exit: 0 when all files are right, 2 for a wrong call, 3 when one is not right or cannot be read.\n";

/* What the daemon refuses singly, so that one bad address costs no neighbours, is an error here all the same. */
static void check_addresses(const struct pl_target_file *file, struct pl_buf *scratch, struct pl_problems *problems)
{
	for (size_t g = 0; g < file->n; g++) {
		const struct pl_target_file_group *group = &file->groups[g];
		for (size_t i = 0; i < group->n_targets; i++) {
			char reason[PL_REASON_BYTES], path[64];
			pl_buf_clear(scratch);
			if (pl_target_address_settle(group->targets[i], 0, scratch, reason) == PL_OK)
				continue;
			snprintf(path, sizeof path, "[%zu].targets[%zu]", g, i);
			pl_problems_add(problems, group->marks[i], path, "%s", reason);
		}
	}
}

static void print_good(const char *path, const struct pl_target_file *file, bool json)
{
	size_t targets = 0;
	for (size_t i = 0; i < file->n; i++)
		targets += file->groups[i].n_targets;
	if (json) {
		pl_check_print_good(path, (const struct pl_check_count[]){{"groups", file->n}, {"targets", targets}, {0}});
		return;
	}
	printf("%s: ok (%zu group%s, %zu target%s)\n", path, file->n, file->n == 1 ? "" : "s", targets, targets == 1 ? "" : "s");
}

static bool check_file(const char *path, bool json)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_buf text = {0}, scratch = {0};
	struct pl_target_file file;
	const struct pl_mark whole = {path, 0, 0};
	char reason[256];
	bool from_stdin = strcmp(path, "-") == 0;
	if (from_stdin && pl_inputs_whole(PL_TARGET_FILE_MAX_BYTES, &text, reason, sizeof reason) != PL_OK)
		pl_problems_add(&problems, whole, "", "%s", reason);
	else if (!from_stdin && !pl_target_file_name_valid(pl_str_of(path)))
		pl_problems_add(&problems, whole, "", "a discovery file's name must end in .json, .yml or .yaml");
	else if (!from_stdin && pl_file_read(path, PL_TARGET_FILE_MAX_BYTES, &text, reason, sizeof reason) != PL_OK)
		pl_problems_add(&problems, whole, "", "%s", reason);
	else if (pl_target_file_parse(&arena, path, pl_buf_str(&text), &problems, &file) == PL_OK)
		check_addresses(&file, &scratch, &problems);
	bool right = problems.n == 0;
	if (right) {
		print_good(path, &file, json);
	} else {
		pl_check_print_problems(&problems, json);
	}
	pl_buf_finish(&scratch);
	pl_buf_finish(&text);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return right;
}

int pl_command_check_sd(int argc, char **argv)
{
	static const struct option long_options[] = {{"json", no_argument, NULL, 'J'}, {"help", no_argument, NULL, 'h'}, {0}};
	bool right = true, json = false;
	int c;
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (c == 'J') {
			json = true;
			continue;
		}
		if (c == 'h') {
			fputs(help, stdout);
			return PL_EXIT_OK;
		}
		fputs("Try `pulseline check sd --help`.\n", stderr);
		return PL_EXIT_USAGE;
	}
	if (optind == argc) {
		fputs("pulseline: check sd: which file? Try `pulseline check sd --help`.\n", stderr);
		return PL_EXIT_USAGE;
	}
	for (int i = optind; i < argc; i++)
		right = check_file(argv[i], json) && right;
	if (fflush(stdout) != 0) {
		perror("pulseline: standard output");
		return PL_EXIT_FAILED;
	}
	return right ? PL_EXIT_OK : PL_EXIT_CONFIG;
}
