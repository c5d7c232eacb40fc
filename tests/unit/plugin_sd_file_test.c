#include "plugin_sd_harness.h"

/* With an hour between two looks nothing but a watch brings a change. */
static const char watched[] = "  - {job_name: j, file_sd_configs: [{files: ['*.yml', '*.json'], refresh_interval: 1h}]}\n";

static void files_are_created_changed_and_deleted(void **state)
{
	(void)state;
	struct harness h;
	harness_init(&h);
	harness_write(&h, "a.yml", "- targets: [a:1]\n");
	harness_apply(&h, watched);
	wait_live(&h, "a:1/j"); /* at once: said while it opened */
	assert_int_equal(h.r.added, 1);

	harness_write(&h, "b.json", "[{\"targets\": [\"b:1\", \"b:2\"], \"labels\": {\"rack\": \"r1\"}}]");
	wait_live(&h, "a:1/j b:1/j b:2/j");
	harness_append(&h, "a.yml", "- targets: [a:2]\n");
	wait_live(&h, "a:1/j a:2/j b:1/j b:2/j");
	harness_write(&h, "a.yml", "- targets: [a:3]\n");
	wait_live(&h, "a:3/j b:1/j b:2/j");
	harness_write(&h, "a.tmp", "- targets: [a:4]\n");
	harness_rename(&h, "a.tmp", "a.yml");
	wait_live(&h, "a:4/j b:1/j b:2/j");
	harness_write(&h, "b.json", "[]");
	wait_live(&h, "a:4/j");
	wait_source(&h, "b.json 0/0 ok");
	harness_remove(&h, "a.yml");
	wait_live(&h, "");
	wait_source(&h, "*.yml 0/0 no file matches");
	harness_write(&h, "a.yml", "- targets: [a:4]\n");
	wait_live(&h, "a:4/j");
	assert_null(strstr(recorder_sources(&h.r, h.manager), "no file matches"));
	harness_finish(&h);
}

static void unchanged_targets_are_not_touched(void **state)
{
	(void)state;
	struct harness h;
	harness_init(&h);
	harness_write(&h, "a.yml", "- targets: [a:1, b:1]\n");
	harness_write(&h, "b.yml", "- targets: [b:1]\n");
	harness_apply(&h, watched);
	wait_live(&h, "a:1/j b:1/j");
	assert_int_equal(pl_target_manager_counts(h.manager).duplicates, 1);
	recorder_reset(&h.r);
	harness_write(&h, "a.yml", "# rewritten\n- targets: [c:1]\n- targets: ['b:1', a:1]\n");
	wait_live(&h, "a:1/j b:1/j c:1/j");
	harness_remove(&h, "b.yml");
	harness_write(&h, "a.yml", "- targets: [b:1]\n");
	wait_live(&h, "b:1/j");
	assert_int_equal(h.r.added, 1);
	assert_int_equal(h.r.removed, 2);
	harness_finish(&h);
}

static void a_bad_file_keeps_its_last_groups(void **state)
{
	(void)state;
	static const struct {
		const char *text, *trouble;
	} cases[] = {
	    {"- targets: [a:1]\n  labels: {x: [y]}\n", "a.yml:2:15: [0].labels.x: a label's value is text"},
	    {"- targets: [a:1, {", "a.yml:"}, /* caught half-written */
	    {"- targets: [a:1]\n  labels: {a-b: c}\n- ~\n", "a.yml:2:12: [0].labels.a-b: no label name"},
	    {"", "there is nothing in it"}, /* caught between truncation and write */
	    {"- targets: [a:9]\n  targets: [a:8]\n", "duplicate key"},
	    {"- targets: [a:\x01]\n", "a.yml:1:"},
	};
	struct harness h;
	harness_init(&h);
	harness_write(&h, "a.yml", "- targets: [a:1, a:2]\n");
	harness_write(&h, "b.yml", "- targets: [b:1]\n");
	harness_apply(&h, watched);
	wait_live(&h, "a:1/j a:2/j b:1/j");
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		harness_write(&h, "a.yml", cases[i].text);
		wait_source(&h, cases[i].trouble);
		assert_string_equal(recorder_live(&h.r), "a:1/j a:2/j b:1/j");
	}
	/* a reload that opens the discovery anew keeps them too: what stood in the file is gone, what was said is not */
	recorder_reset(&h.r);
	harness_apply(&h, "  - {job_name: j, file_sd_configs: [{files: ['*.yml'], refresh_interval: 2h}]}\n");
	assert_string_equal(recorder_live(&h.r), "a:1/j a:2/j b:1/j");
	assert_int_equal(h.r.added + h.r.removed, 0);
	wait_source(&h, "a.yml:1:");
	harness_write(&h, "a.yml", "- targets: [a:2]\n");
	wait_live(&h, "a:2/j b:1/j");
	wait_source(&h, "a.yml 1/1 ok");
	harness_finish(&h);
}

static void symlinks_are_followed_when_they_change(void **state)
{
	(void)state;
	struct harness h;
	harness_init(&h);
	/* as Kubernetes mounts a ConfigMap: the files lead through ..data, which is swapped */
	harness_mkdir(&h, "map");
	harness_mkdir(&h, "map/..1");
	harness_mkdir(&h, "map/..2");
	harness_write(&h, "map/..1/a.yml", "- targets: [a:1]\n");
	harness_write(&h, "map/..2/a.yml", "- targets: [a:2]\n");
	harness_link(&h, "..1", "map/..data");
	harness_link(&h, "..data/a.yml", "map/a.yml");
	/* a directory of releases: the last part's directory is a symlink */
	harness_mkdir(&h, "v1");
	harness_mkdir(&h, "v2");
	harness_write(&h, "v1/b.yml", "- targets: [b:1]\n");
	harness_write(&h, "v2/b.yml", "- targets: [b:2]\n");
	harness_link(&h, "v1", "current");
	/* a file that lies elsewhere */
	harness_mkdir(&h, "etc");
	harness_mkdir(&h, "elsewhere");
	harness_write(&h, "elsewhere/real", "- targets: [c:1]\n");
	harness_link(&h, "../elsewhere/real", "etc/c.yml");
	harness_apply(
	    &h, "  - {job_name: j, file_sd_configs: [{files: [map/*.yml, current/b.yml, etc/*.yml], refresh_interval: 1h}]}\n");
	wait_live(&h, "a:1/j b:1/j c:1/j");

	harness_link(&h, "..2", "map/..data_tmp");
	harness_rename(&h, "map/..data_tmp", "map/..data");
	wait_live(&h, "a:2/j b:1/j c:1/j");
	harness_link(&h, "v2", "new");
	harness_rename(&h, "new", "current");
	wait_live(&h, "a:2/j b:2/j c:1/j");
	harness_write(&h, "v2/b.yml", "- targets: [b:3]\n"); /* the new directory is watched, too */
	wait_live(&h, "a:2/j b:3/j c:1/j");
	harness_write(&h, "elsewhere/real", "- targets: [c:2]\n");
	wait_live(&h, "a:2/j b:3/j c:2/j");
	harness_remove(&h, "elsewhere/real");
	wait_source(&h, "a symlink to something that is not there");
	assert_string_equal(recorder_live(&h.r), "a:2/j b:3/j c:2/j");
	harness_remove(&h, "etc/c.yml");
	wait_live(&h, "a:2/j b:3/j");
	harness_finish(&h);
}

static void directories_may_come_and_go(void **state)
{
	(void)state;
	struct harness h;
	harness_init(&h);
	harness_apply(&h, "  - {job_name: j, file_sd_configs: [{files: [x/y/z/*.yml, x/y/one.json], refresh_interval: 1h}]}\n");
	wait_source(&h, "x/y/z/*.yml 0/0 ");
	wait_source(&h, "x/y/one.json: no such file");
	harness_mkdir(&h, "x");
	harness_mkdir(&h, "x/y");
	harness_write(&h, "x/y/one.json", "[{\"targets\":[\"one:1\"]}]");
	wait_live(&h, "one:1/j");
	harness_mkdir(&h, "x/y/z");
	harness_write(&h, "x/y/z/a.yml", "- targets: [a:1]\n");
	wait_live(&h, "a:1/j one:1/j");
	for (int round = 0; round < 3; round++) { /* the new directory often gets the old one's number */
		harness_remove(&h, "x/y/z/a.yml");
		harness_remove(&h, "x/y/z");
		wait_live(&h, "one:1/j");
		harness_mkdir(&h, "x/y/z");
		harness_write(&h, "x/y/z/a.yml", "- targets: [a:2]\n");
		wait_live(&h, "a:2/j one:1/j");
	}
	harness_rename(&h, "x/y/z", "x/y/old");
	wait_live(&h, "one:1/j");
	harness_rename(&h, "x/y/old", "x/y/z");
	wait_live(&h, "a:2/j one:1/j");
	harness_finish(&h);
}

/* Root may read everything, so that the test has to be somebody else for a while. */
static void what_cannot_be_read_keeps_its_groups(void **state)
{
	(void)state;
	enum { NOBODY = 65534 };
	struct harness h;
	char file[256], dir[256];
	bool root = geteuid() == 0;
	harness_init(&h);
	if (root) {
		assert_int_equal(chown(h.dir, NOBODY, NOBODY), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
	harness_mkdir(&h, "d");
	harness_write(&h, "a.yml", "- targets: [a:1]\n");
	harness_write(&h, "d/b.yml", "- targets: [b:1]\n");
	harness_apply(&h, "  - {job_name: j, file_sd_configs: [{files: ['*.yml', 'd/*.yml'], refresh_interval: 1h}]}\n");
	wait_live(&h, "a:1/j b:1/j");
	assert_int_equal(chmod(harness_path(&h, "a.yml", file), 0), 0);
	wait_source(&h, "a.yml: ");
	assert_int_equal(chmod(harness_path(&h, "d", dir), 0), 0);
	wait_source(&h, "d/*.yml 0/0 ");
	assert_string_equal(recorder_live(&h.r), "a:1/j b:1/j");
	assert_int_equal(h.r.removed, 0);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	wait_source(&h, "a.yml 1/1 ok");
	wait_source(&h, "d/b.yml 1/1 ok");
	assert_null(strstr(recorder_sources(&h.r, h.manager), "d/*.yml"));
	if (root)
		assert_int_equal(seteuid(0), 0);
	harness_finish(&h);
}

static void what_is_no_readable_text_is_refused(void **state)
{
	(void)state;
	struct harness h;
	char path[256];
	harness_init(&h);
	harness_write(&h, "big.yml", "");
	assert_int_equal(truncate(harness_path(&h, "big.yml", path), 200 * 1024 * 1024), 0);
	assert_int_equal(mkfifo(harness_path(&h, "pipe.yml", path), 0644), 0);
	harness_mkdir(&h, "dir.yml");
	harness_link(&h, "loop.yml", "loop.yml");
	harness_write(&h, "good.yml", "- targets: [a:1]\n");
	harness_apply(&h, watched);
	wait_live(&h, "a:1/j");
	wait_source(&h, "big.yml: ");
	wait_source(&h, "pipe.yml: ");
	wait_source(&h, "dir.yml: ");
	wait_source(&h, "loop.yml: ");
	harness_finish(&h);
}

static void without_watches_files_are_looked_at_every_refresh_interval(void **state)
{
	(void)state;
	struct harness h;
	harness_init(&h);
	harness_write(&h, "a.yml", "- targets: [a:1]\n");
	harness_apply(&h, "  - {job_name: j, file_sd_configs: [{files: ['*.yml'], refresh_interval: 1s, watch: \"off\"}]}\n");
	wait_live(&h, "a:1/j");
	harness_write(&h, "a.yml", "- targets: [a:2]\n");
	wait_live(&h, "a:2/j");
	harness_write(&h, "b.yml", "- targets: [b:2]\n");
	wait_live(&h, "a:2/j b:2/j");
	harness_remove(&h, "a.yml");
	wait_live(&h, "b:2/j");
	harness_finish(&h);
}

static void targets_know_their_file(void **state)
{
	(void)state;
	struct harness h;
	char path[256];
	harness_init(&h);
	harness_mkdir(&h, "t");
	harness_write(&h, "t/.a.yml", "- {targets: [a:1], labels: {__meta_x: y}}\n");
	harness_apply(&h, "  - {job_name: j, file_sd_configs: [{files: ['./x/..//t/*.yml']}]}\n");
	wait_live(&h, "a:1/j");
	const struct pl_str *value = pl_labels_get(h.r.live[0]->discovered, PL_STR("__meta_filepath"));
	assert_non_null(value);
	assert_true(pl_str_is(*value, harness_path(&h, "t/.a.yml", path)));
	assert_int_equal(h.r.live[0]->labels.n, 2); /* instance, job */
	harness_finish(&h);
}

static void wrong_settings_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *settings, *problem;
	} cases[] = {
	    {"{files: []}", "files"},
	    {"{}", "files"},
	    {"{files: [a.txt]}", "must end in .json, .yml or .yaml"},
	    {"{files: [a.Json]}", "must end in .json, .yml or .yaml"},
	    {"{files: ['*/a.yml']}", "* may stand only in the last part"},
	    {"{files: [a.yml], refresh_interval: 999ms}", "refresh_interval"},
	    {"{files: [a.yml], refresh_interval: 15x}", "refresh_interval"},
	    {"{files: [a.yml], watch: maybe}", "watch"},
	    {"{file: [a.yml]}", "file"},
	};
	struct harness h;
	harness_init(&h);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char text[256];
		snprintf(text, sizeof text, "  - {job_name: j, file_sd_configs: [%s]}\n", cases[i].settings);
		char *problems = harness_try(&h, text);
		assert_non_null(problems);
		assert_non_null(strstr(problems, "pulseline.yml:2:"));
		assert_non_null(strstr(problems, cases[i].problem));
		free(problems);
	}
	harness_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_are_created_changed_and_deleted),
	    cmocka_unit_test(unchanged_targets_are_not_touched),
	    cmocka_unit_test(a_bad_file_keeps_its_last_groups),
	    cmocka_unit_test(symlinks_are_followed_when_they_change),
	    cmocka_unit_test(directories_may_come_and_go),
	    cmocka_unit_test(what_cannot_be_read_keeps_its_groups),
	    cmocka_unit_test(what_is_no_readable_text_is_refused),
	    cmocka_unit_test(without_watches_files_are_looked_at_every_refresh_interval),
	    cmocka_unit_test(targets_know_their_file),
	    cmocka_unit_test(wrong_settings_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
