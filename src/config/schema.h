/* Tables that say how a mapping becomes a struct: one table per section, one row per key.
 *
 * A section's author writes the struct and the table; decoding, defaults, ranges, suggestions for misspelt keys, printing with
 * secrets hidden and the reference of keys all come from the table. */
#ifndef PL_CONFIG_SCHEMA_H
#define PL_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/node.h"
#include "config/problems.h"
#include "config/secret.h"
#include "format/labels.h"

enum pl_field_type {
	PL_FIELD_BOOL,     /* bool */
	PL_FIELD_INT,      /* int64_t, min..max */
	PL_FIELD_DOUBLE,   /* double, min..max */
	PL_FIELD_DURATION, /* int64_t nanoseconds; Prometheus' form 1y2w3d4h5m6s7ms, units in falling order; min..max in ns; bare
			      0 is fine */
	PL_FIELD_BYTES,    /* int64_t bytes; 512, 64KiB, 10MB (Prometheus' units are powers of 1024 either way); min..max */
	PL_FIELD_STRING,   /* const char *, never NULL unless the default is NULL */
	PL_FIELD_SECRET,   /* struct pl_secret; the key KEY_file is accepted beside KEY, not both */
	PL_FIELD_ENUM,     /* int: index into `choices` */
	PL_FIELD_LISTEN,   /* const char *: host:port, [v6]:port, :port; checked */
	PL_FIELD_URL,      /* const char *: http:// or https:// URL; checked; no user and password in it, no fragment */
	PL_FIELD_PROXY, /* const char *: http://, https:// or socks5:// URL of host and port; checked; user and password may stand
			   in it, which are never shown */
	PL_FIELD_PATH,  /* const char *: file name, taken relative to the configuration's directory; "" and "-" stay */
	PL_FIELD_LABELS,   /* struct pl_labels: mapping of label names to values */
	PL_FIELD_STRINGS,  /* struct pl_strings: sequence of strings */
	PL_FIELD_PARAMS,   /* struct pl_params: mapping of names to sequences of strings */
	PL_FIELD_OBJECT,   /* the nested struct itself, by `schema`; absent: its defaults */
	PL_FIELD_OPTIONAL, /* pointer to a struct by `schema`; absent: NULL */
	PL_FIELD_LIST,     /* struct pl_list of structs by `schema` */
	PL_FIELD_PLUGINS,  /* struct pl_sections: sequence of one-key mappings {KIND: config}, by the resolver with `plugin_kind`
			    */
	/* struct pl_sections: every key of the mapping that names a plugin of `plugin_kind` holds a sequence, of which each item
	 * is a section. The row's own key never matches; it stands for them in the reference ("*_sd_configs"). */
	PL_FIELD_PLUGIN_KEYS,
	PL_FIELD_MAP, /* struct pl_list of structs by `schema`, of which the first member is the const char * of a name: a mapping
			 of names to such structs, in the order of the names */
	/* Known elsewhere, not here: `help` says what to use instead; a plugin of that name goes first. Taken in silence when it
	 * has no value, nothing in it, or `fallback`, which asks for what is done anyway. */
	PL_FIELD_REFUSED,
	/* The same, but harmless: `help` is told as a warning. `choices`: the words that it may hold. */
	PL_FIELD_IGNORED,
};

enum pl_field_flags {
	PL_FIELD_REQUIRED = 1,
	PL_FIELD_NO_ENV = 2,    /* ${...} stays as it is (patterns and replacements) */
	PL_FIELD_NONEMPTY = 4,  /* strings and sequences: not empty */
	PL_FIELD_ANY_CASE = 8,  /* choices: capital letters or small ones */
	PL_FIELD_NULLABLE = 16, /* strings: no value is the empty text */
	PL_FIELD_HIDDEN = 32, /* sequences of strings: each is shown as <secret>; strings, where the schema says so; labels: those
				 whose name looks like a secret's */
	PL_FIELD_PATHS = 64,  /* sequences of strings: each is a PL_FIELD_PATH */
	PL_FIELD_UNIT = 256,  /* sizes in bytes: not without a unit, but 0 */
	PL_FIELD_ALL = 512,   /* sequences of strings: true is one of "{}", false an empty one */
	PL_FIELD_WORDS = 128, /* PL_FIELD_IGNORED: a list of `choices`, each once */
	PL_FIELD_ANY_NAME = 1024, /* labels: names are any text; the section's check says what else they must be */
};

struct pl_strings {
	const char **v;
	size_t n;
};

struct pl_param {
	const char *name;
	struct pl_strings values;
};

struct pl_params {
	struct pl_param *v; /* sorted by name */
	size_t n;
};

struct pl_list {
	void *v; /* n structs of the schema's size */
	size_t n;
};

struct pl_schema;

struct pl_field {
	const char *key;
	enum pl_field_type type;
	size_t offset;
	unsigned flags;
	const char *fallback;       /* default, as it would be written in YAML; NULL: zero/empty/NULL */
	int64_t min, max;           /* both 0: unbounded; max below min: no upper bound */
	const char *const *choices; /* PL_FIELD_ENUM: NULL-terminated */
	const struct pl_schema *schema;
	int plugin_kind;  /* PL_FIELD_PLUGINS: an enum pl_plugin_kind, opaque here */
	const char *help; /* one line */
};

/* Passed to a section's own check: where to complain. */
struct pl_check {
	struct pl_problems *problems;
	struct pl_arena *arena;     /* of the snapshot */
	const struct pl_node *node; /* the section's mapping; NULL when absent */
	const char *path;           /* of the section */
	const void *data;           /* pl_decode_options.data */
};

/* Adds a problem at `key`'s place in the section (or the section's, if the key is not there). */
void pl_check_fail(const struct pl_check *c, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

struct pl_schema {
	const char *name;
	size_t size;                                           /* of the struct */
	const struct pl_field *fields;                         /* ends with a NULL key */
	void (*check)(void *object, const struct pl_check *c); /* may be NULL; sees decoded values, may derive more */
	/* Do its PL_FIELD_HIDDEN strings hold a secret? NULL: they do not. */
	bool (*is_secret)(const void *object);
};

/* A decoded section whose struct somebody else (a plugin) defined. */
struct pl_section {
	const char *kind;   /* "influxdb", "file_sd_configs" */
	const void *plugin; /* struct pl_plugin */
	const struct pl_schema *schema;
	const void *config; /* the struct */
	struct pl_mark mark;
	uint64_t fingerprint; /* of the section's content: equal text (after expansion) gives equal numbers */
};

struct pl_sections {
	struct pl_section *v;
	size_t n;
};

struct pl_decode_options {
	struct pl_arena *arena;
	struct pl_problems *problems;
	const char *base_dir;                                /* for PL_FIELD_PATH */
	const char *(*getenv)(void *data, const char *name); /* NULL: no expansion; returns NULL when unset */
	/* Which plugin of `kind` is called `name`? Sets *schema; NULL when there is none. `nth` walks all names for suggestions.
	 */
	const void *(*plugin)(int kind, const char *name, const struct pl_schema **schema);
	const char *(*plugin_name)(int kind, size_t nth);
	const int *plugin_kinds; /* the kind of a row is plugin_kinds[row's plugin_kind]; NULL: the row's own */
	void *data;
};

/* Fills `object` (size bytes of the schema, any content) from a mapping (NULL: all defaults, and nothing is missed; an empty
 * mapping or null misses its required keys), collecting every problem. PL_EPARSE when there was one. All that the object points
 * at is copied into the arena; the nodes may go. No value of a secret and nothing out of the environment gets into a problem. */
PL_MUST_CHECK enum pl_err pl_schema_decode(const struct pl_schema *schema, const struct pl_node *node, const char *path,
					   const struct pl_decode_options *options, void *object);

/* Appends the object as YAML with all defaults, `indent` spaces deep; secrets as <secret>. Reads back as the same object, secrets
 * apart. */
void pl_schema_print(const struct pl_schema *schema, const void *object, unsigned indent, struct pl_buf *out);

/* The same without what is as in `defaults`, and with the secrets. */
void pl_schema_print_changes(const struct pl_schema *schema, const void *object, const void *defaults, unsigned indent,
			     struct pl_buf *out);

/* A number of the decoded object, secrets included, sections of plugins left out: equal for equal content. */
uint64_t pl_schema_fingerprint(const struct pl_schema *schema, const void *object);

/* A number that is equal for equal content and (most likely) differs otherwise; order of keys does not matter. Texts count with
 * their environment expanded, if `options` says so. */
uint64_t pl_node_fingerprint(const struct pl_node *node, const struct pl_decode_options *options);

/* Text to value, as the field types above do; for flags and tests. PL_EPARSE, or PL_ELIMIT when it does not fit. */
PL_MUST_CHECK enum pl_err pl_parse_duration(struct pl_str s, int64_t *ns);
PL_MUST_CHECK enum pl_err pl_parse_bytes(struct pl_str s, int64_t *bytes);

#endif
