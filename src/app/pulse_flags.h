/* The flags of pulse, which are also the keys of its configuration file, and how a command line is read by them. */
#ifndef PL_APP_PULSE_FLAGS_H
#define PL_APP_PULSE_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum pl_pulse_id {
	PL_PULSE_SERVER,
	PL_PULSE_SERVER_LISTEN,
	PL_PULSE_HTTP_LISTEN,
	PL_PULSE_INFLUX,
	PL_PULSE_KAPACITOR,
	PL_PULSE_MIST,
	PL_PULSE_MIST_TOKEN,
	PL_PULSE_LOG_LEVEL,
	PL_PULSE_CORS,
	PL_PULSE_INSECURE,
	PL_PULSE_TOKEN,
	PL_PULSE_POLL,
	PL_PULSE_AGGREGATE,
	PL_PULSE_BEAT,
	PL_PULSE_RETENTION,
	/* ours, without a letter */
	PL_PULSE_INSECURE_RELAYS,
	PL_PULSE_CERT_FILE,
	PL_PULSE_KEY_FILE,
	/* on the command line alone */
	PL_PULSE_CONFIG_FILE,
	PL_PULSE_VERSION,
	PL_PULSE_HELP,
	PL_PULSE_FLAGS,
};

enum pl_pulse_type { PL_PULSE_BOOL, PL_PULSE_INT, PL_PULSE_TEXT };

struct pl_pulse_flag {
	const char *name; /* the long one, and the key in a file */
	char letter;      /* 0: none */
	enum pl_pulse_type type;
	const char *fallback;
	bool not_in_file;
};

extern const struct pl_pulse_flag pl_pulse_flags[PL_PULSE_FLAGS];

struct pl_pulse_args {
	const char *values[PL_PULSE_FLAGS]; /* borrowed from argv, or static; NULL: not given */
	const char *first_word;             /* that is no flag; NULL: none */
	size_t n_words;
};

/* Reads what stands behind argv[0] as pulse does: -p 5, -p5, -p=5, --poll-interval 5, --poll-interval=5; a bool takes a value
 * with
 * `=` only; letters of bools may stand together (-sI=false); the last one counts; `--` ends the flags. PL_EINVAL: `reason` tells;
 * it shows no value of a token. */
PL_MUST_CHECK enum pl_err pl_pulse_flags_parse(int argc, char **argv, struct pl_pulse_args *out, char *reason,
					       size_t reason_size);

/* Is any flag given that only a start as pulse has? The others are -c, -l, -v and -h. NULL: none; else its name. */
const char *pl_pulse_flags_foreign(const struct pl_pulse_args *args);

/* The flag or key of this name; PL_PULSE_FLAGS when there is none. */
enum pl_pulse_id pl_pulse_flag_find(struct pl_str name, bool any_case);

/* The forms of pulse's values: a bool is 1 t T true True TRUE or 0 f F false False FALSE; an int is decimal, 0x..., or octal with
 * a leading 0. False: it is none. */
bool pl_pulse_bool(struct pl_str text, bool *out);
bool pl_pulse_int(struct pl_str text, int64_t *out);

#endif
