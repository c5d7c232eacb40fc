/* The subcommands. Each takes what stands behind its name (argv[0] is the name) and returns the program's exit status. */
#ifndef PL_APP_COMMAND_H
#define PL_APP_COMMAND_H

enum pl_exit { PL_EXIT_OK = 0, PL_EXIT_FAILED = 1, PL_EXIT_USAGE = 2, PL_EXIT_CONFIG = 3, PL_EXIT_IN_USE = 4 };

int pl_command_run(int argc, char **argv);            /* the daemon */
int pl_command_check_config(int argc, char **argv);   /* check config FILE... [--print-config | --json] */
int pl_command_check_sd(int argc, char **argv);       /* check sd FILE... */
int pl_command_check_metrics(int argc, char **argv);  /* check metrics [--format=prom|openmetrics] [FILE...] */
int pl_command_explain(int argc, char **argv);        /* explain URL */
int pl_command_check_lp(int argc, char **argv);       /* check lp [--json] [FILE...] */
int pl_command_convert(int argc, char **argv);        /* convert [--schema=...] [FILE...] */
int pl_command_convert_config(int argc, char **argv); /* convert config [FLAGS OF PULSE] */
int pl_command_relabel(int argc, char **argv);        /* relabel --rules FILE [--trace] */
int pl_command_relay(int argc, char **argv);          /* relay -a HOST:PORT [--id ID] [--tag k:v]... */
int pl_command_healthcheck(int argc, char **argv);

#endif
