#include "app/command.h"

#include <getopt.h>
#include <stdio.h>

#include "base/buf.h"
#include "config/file.h"
#include "config/target_file.h"
#include "targets/target_address.h"

static const char help[] =
    "usage: pulseline check sd FILE...\n"
    "\n"
    "Checks files of file_sd_configs: JSON by the ending .json, YAML by .yml or .yaml. Every error is told as\n"
    "file:line:col: path: what is wrong.\n"
    "Exit: 0 all are right, 3 not.\n";

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

static void print_good(const char *path, const struct pl_target_file *file)
{
	size_t targets = 0;
	for (size_t i = 0; i < file->n; i++)
		targets += file->groups[i].n_targets;
	printf("%s: ok (%zu group%s, %zu target%s)\n", path, file->n, file->n == 1 ? "" : "s", targets, targets == 1 ? "" : "s");
}

static bool check_file(const char *path)
{
	struct pl_arena arena = {0};
	struct pl_problems problems = {0};
	struct pl_buf text = {0}, scratch = {0};
	struct pl_target_file file;
	const struct pl_mark whole = {path, 0, 0};
	char reason[256];
	if (!pl_target_file_name_valid(pl_str_of(path)))
		pl_problems_add(&problems, whole, "", "a discovery file's name must end in .json, .yml or .yaml");
	else if (pl_file_read(path, PL_TARGET_FILE_MAX_BYTES, &text, reason, sizeof reason) != PL_OK)
		pl_problems_add(&problems, whole, "", "%s", reason);
	else if (pl_target_file_parse(&arena, path, pl_buf_str(&text), &problems, &file) == PL_OK)
		check_addresses(&file, &scratch, &problems);
	bool right = problems.n == 0;
	if (right) {
		print_good(path, &file);
	} else {
		pl_buf_clear(&scratch);
		pl_problems_print(&problems, &scratch);
		fwrite(scratch.p, 1, scratch.n, stderr);
	}
	pl_buf_finish(&scratch);
	pl_buf_finish(&text);
	pl_problems_finish(&problems);
	pl_arena_finish(&arena);
	return right;
}

int pl_command_check_sd(int argc, char **argv)
{
	static const struct option long_options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	bool right = true;
	int c;
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
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
		right = check_file(argv[i]) && right;
	if (fflush(stdout) != 0) {
		perror("pulseline: standard output");
		return PL_EXIT_FAILED;
	}
	return right ? PL_EXIT_OK : PL_EXIT_CONFIG;
}
