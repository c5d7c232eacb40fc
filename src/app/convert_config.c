#include <stdio.h>

#include "app/command.h"
#include "app/config_source.h"

static const char help[] =
    "usage: pulseline convert config [FLAGS OF PULSE]\n"
    "\n"
    "Prints what a start as pulse becomes in our own configuration (YAML), for moving over: give the flags that\n"
    "pulse got, -c FILE among them. `pulseline --help` lists them. Defaults of pulse are written out.\n"
    "\n"
    "    pulseline convert config -c /etc/pulse/config.json > pulseline.yml\n"
    "\n"
    "Tokens and passwords stand in it in the clear: keep it to yourself, or move them into files (token_file,\n"
    "password_file). conf/pulseline.yml says what else there is.\n"
    "\n"
    "Exit: 0 ok, 2 for a wrong call, 3 when flags or file are not right, each with its place on standard error.\n";

static void print_problems(const struct pl_problems *problems)
{
	struct pl_buf text = {0};
	pl_problems_print(problems, &text);
	if (text.n > 0)
		fwrite(text.p, 1, text.n, stderr);
	pl_buf_finish(&text);
}

static const char *file_of(const struct pl_pulse_args *args)
{
	const char *file = args->values[PL_PULSE_CONFIG_FILE];
	return file != NULL && file[0] != '\0' ? file : NULL;
}

int pl_command_convert_config(int argc, char **argv)
{
	struct pl_pulse_args args;
	char reason[256];
	bool wanted = false;
	if (pl_pulse_flags_parse(argc, argv, &args, reason, sizeof reason) != PL_OK) {
		fprintf(stderr, "pulseline: convert config: %s; try `pulseline convert config --help`\n", reason);
		return PL_EXIT_USAGE;
	}
	if (args.values[PL_PULSE_HELP] != NULL && pl_pulse_bool(pl_str_of(args.values[PL_PULSE_HELP]), &wanted) && wanted) {
		fputs(help, stdout);
		return PL_EXIT_OK;
	}
	if (args.n_words > 0) {
		fprintf(stderr, "pulseline: convert config: unexpected \"%s\"; a file goes behind -c\n", args.first_word);
		return PL_EXIT_USAGE;
	}
	const struct pl_config_source source = {.path = file_of(&args), .args = &args};
	struct pl_problems problems = {0};
	struct pl_buf out = {0};
	pl_buf_add_cstr(&out, "# Made of pulse's flags and configuration by `pulseline convert config`.\n");
	enum pl_err err = pl_config_source_convert(&source, &problems, &out);
	print_problems(&problems);
	pl_problems_finish(&problems);
	bool written = err != PL_OK || (fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0);
	if (!written)
		perror("pulseline: standard output");
	pl_buf_finish(&out);
	return err != PL_OK ? PL_EXIT_CONFIG : written ? PL_EXIT_OK : PL_EXIT_FAILED;
}
