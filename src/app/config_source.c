#include "app/config_source.h"

#include "app/pulse_config.h"
#include "app/pulse_file.h"
#include "pipeline/registry.h"

/* What a file turned out to be, together with the flags. */
struct found {
	struct pl_arena arena;
	struct pl_node *document;
	bool as_pulse;
};

static enum pl_err refuse_mixture(const struct pl_config_source *source, const char *flag, struct pl_problems *problems)
{
	pl_problems_add(
	    problems, (struct pl_mark){source->path, 0, 0}, "",
	    "holds our own configuration, but --%s is a flag of pulse: give one or the other; `pulseline convert config` "
	    "turns pulse's into ours",
	    flag);
	return PL_EPARSE;
}

/* `text`: NULL to read the file. */
static enum pl_err look(const struct pl_config_source *source, const struct pl_str *text, struct pl_problems *problems,
			struct found *f)
{
	enum pl_pulse_file_kind kind = PL_PULSE_FILE_UNCLEAR;
	const char *flag = source->args != NULL ? pl_pulse_flags_foreign(source->args) : NULL;
	enum pl_err err = PL_OK;
	*f = (struct found){0};
	if (text != NULL)
		err = pl_pulse_file_parse(&f->arena, source->path, *text, false, problems, &kind, &f->document);
	else if (source->path != NULL)
		err = pl_pulse_file_read(&f->arena, source->path, problems, &kind, &f->document);
	if (err != PL_OK)
		return err;
	f->as_pulse = source->path == NULL || kind == PL_PULSE_FILE_PULSES || (kind == PL_PULSE_FILE_UNCLEAR && flag != NULL);
	if (kind == PL_PULSE_FILE_OURS && flag != NULL)
		return refuse_mixture(source, flag, problems);
	if (f->as_pulse && f->document != NULL && f->document->kind != PL_NODE_MAPPING) {
		pl_problems_add(problems, f->document->mark, "", "expected keys and values");
		return PL_EPARSE;
	}
	return PL_OK;
}

static void settle(const struct pl_config_source *source, const struct found *f, struct pl_problems *problems,
		   struct pl_pulse_settings *out)
{
	pl_pulse_settings_init(out, source->path != NULL ? source->path : "", f->document, source->args, problems);
}

static void warn_of_words(const struct pl_config_source *source, struct pl_problems *problems)
{
	if (source->args != NULL && source->args->n_words > 0)
		pl_problems_warn(problems, (struct pl_mark){"command line", 0, 0}, "",
				 "\"%.64s\" is ignored, as pulse does: a value of a bool needs an equals sign, as in -I=false",
				 source->args->first_word);
}

enum pl_err pl_config_source_load(const struct pl_config_source *source, struct pl_problems *problems,
				  struct pl_config_loaded *out)
{
	struct found f;
	struct pl_pulse_settings settings;
	*out = (struct pl_config_loaded){0};
	enum pl_err err = look(source, NULL, problems, &f);
	out->as_pulse = f.as_pulse;
	if (err == PL_OK && !f.as_pulse) {
		err = pl_config_load(source->path, &pl_registry_plugins, problems, &out->config);
	} else if (err == PL_OK) {
		warn_of_words(source, problems);
		settle(source, &f, problems, &settings);
		out->no_server = problems->n == 0 && !settings.of[PL_PULSE_SERVER].yes;
		err = out->no_server ? PL_EINVAL : pl_pulse_config_build(&settings, &pl_registry_plugins, problems, &out->config);
		pl_pulse_settings_finish(&settings);
	}
	pl_arena_finish(&f.arena);
	return err;
}

enum pl_err pl_config_source_check(const char *path, const struct pl_str *text, struct pl_problems *problems,
				   struct pl_config **out)
{
	const struct pl_config_source source = {.path = path};
	struct found f;
	struct pl_pulse_settings settings;
	*out = NULL;
	enum pl_err err = look(&source, text, problems, &f);
	if (err == PL_OK && f.as_pulse) {
		settle(&source, &f, problems, &settings);
		err = pl_pulse_config_build(&settings, &pl_registry_plugins, problems, out);
		pl_pulse_settings_finish(&settings);
	} else if (err == PL_OK && text != NULL) {
		err = pl_config_parse(path, *text, &pl_registry_plugins, problems, out);
	} else if (err == PL_OK) {
		err = pl_config_load(path, &pl_registry_plugins, problems, out);
	}
	pl_arena_finish(&f.arena);
	return err;
}

enum pl_err pl_config_source_convert(const struct pl_config_source *source, struct pl_problems *problems, struct pl_buf *out)
{
	struct found f;
	struct pl_pulse_settings settings;
	struct pl_config *config = NULL;
	struct pl_pulse_lines lines = {0};
	enum pl_err err = look(source, NULL, problems, &f);
	if (err == PL_OK && !f.as_pulse) {
		pl_problems_add(problems, (struct pl_mark){source->path, 0, 0}, "", "holds no key of pulse's configuration");
		err = PL_EPARSE;
	} else if (err == PL_OK) {
		settle(source, &f, problems, &settings);
		err = pl_pulse_config_build(&settings, &pl_registry_plugins, problems, &config);
		if (err == PL_OK)
			pl_pulse_config_write(&settings, out, &lines, problems);
		pl_pulse_settings_finish(&settings);
	}
	pl_pulse_lines_finish(&lines);
	pl_config_release(config);
	pl_arena_finish(&f.arena);
	return err;
}
