/* Real discovery plugins on a real loop, over real files in a directory of their own, with a target manager that says what came
 * of them. Every wait is for a condition. */
#ifndef PL_TESTS_PLUGIN_SD_HARNESS_H
#define PL_TESTS_PLUGIN_SD_HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "pipeline/registry.h"
#include "targets_recorder.h"

struct harness {
	char dir[64]; /* absolute, without symlinks */
	struct pl_loop loop;
	uv_timer_t tick; /* so that the loop comes round to look at the condition */
	struct pl_target_manager *manager;
	struct recorder r;
	bool closed;
};

static inline void harness_tick(uv_timer_t *timer)
{
	(void)timer;
}

static inline void harness_init(struct harness *h)
{
	memset(h, 0, sizeof *h);
	snprintf(h->dir, sizeof h->dir, "/tmp/pulseline-sd-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	assert_int_equal(pl_loop_init(&h->loop, "control"), PL_OK);
	uv_timer_init(&h->loop.uv, &h->tick);
	uv_timer_start(&h->tick, harness_tick, 10, 10);
	h->manager = pl_target_manager_create(&h->loop, NULL, &recorder_events, &h->r);
}

/* "DIR/name", in static-free storage of the caller. */
static inline const char *harness_path(const struct harness *h, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", h->dir, name);
	return out;
}

static inline void write_text(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static inline void harness_write(const struct harness *h, const char *name, const char *text)
{
	char path[256];
	write_text(harness_path(h, name, path), O_TRUNC, text);
}

static inline void harness_append(const struct harness *h, const char *name, const char *text)
{
	char path[256];
	write_text(harness_path(h, name, path), O_APPEND, text);
}

static inline void harness_mkdir(const struct harness *h, const char *name)
{
	char path[256];
	assert_int_equal(mkdir(harness_path(h, name, path), 0755), 0);
}

static inline void harness_rename(const struct harness *h, const char *from, const char *to)
{
	char old[256], new[256];
	assert_int_equal(rename(harness_path(h, from, old), harness_path(h, to, new)), 0);
}

static inline void harness_link(const struct harness *h, const char *target, const char *name)
{
	char path[256];
	assert_int_equal(symlink(target, harness_path(h, name, path)), 0);
}

static inline void harness_remove(const struct harness *h, const char *name)
{
	char path[256];
	assert_int_equal(remove(harness_path(h, name, path)), 0);
}

/* Applies scrape_configs; the configuration lies in the directory. Returns the problems, which the caller frees; NULL: none. */
static inline char *harness_try(struct harness *h, const char *scrape_configs)
{
	char path[256];
	struct pl_problems problems = {0};
	struct pl_buf text = {0};
	struct pl_config *config;
	pl_buf_addf(&text, "scrape_configs:\n%s", scrape_configs);
	enum pl_err err =
	    pl_config_parse(harness_path(h, "pulseline.yml", path), pl_buf_str(&text), &pl_registry_plugins, &problems, &config);
	pl_buf_clear(&text);
	pl_problems_print(&problems, &text);
	pl_problems_finish(&problems);
	if (err != PL_OK)
		return pl_buf_take(&text);
	pl_buf_finish(&text);
	pl_target_manager_apply(h->manager, config);
	pl_config_release(config);
	return NULL;
}

static inline void harness_apply(struct harness *h, const char *scrape_configs)
{
	char *problems = harness_try(h, scrape_configs);
	if (problems != NULL)
		fail_msg("%s", problems);
}

/* Runs the loop until what `say` says holds `part` (or, `exact`, is just that). A test that waits in vain is ended by its time
 * limit and says so here. */
static inline void harness_wait(struct harness *h, bool sources, bool exact, const char *part)
{
	for (unsigned round = 0;; round++) {
		const char *text = sources ? recorder_sources(&h->r, h->manager) : recorder_live(&h->r);
		if (exact ? strcmp(text, part) == 0 : strstr(text, part) != NULL)
			return;
		if (round % 500 == 499)
			print_message("still waiting for \"%s\", there is \"%s\"\n", part, text);
		uv_run(&h->loop.uv, UV_RUN_ONCE);
	}
}

static inline void wait_live(struct harness *h, const char *targets)
{
	harness_wait(h, false, true, targets);
}

static inline void wait_source(struct harness *h, const char *part)
{
	harness_wait(h, true, false, part);
}

static inline void harness_on_closed(void *data)
{
	struct harness *h = data;
	h->closed = true;
}

static inline void harness_clean(const char *dir)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static inline void harness_finish(struct harness *h)
{
	pl_target_manager_close(h->manager, harness_on_closed, h);
	while (!h->closed)
		uv_run(&h->loop.uv, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&h->tick, NULL);
	pl_loop_finish(&h->loop);
	recorder_finish(&h->r);
	harness_clean(h->dir);
}

#endif
