#include "plugin_sd_harness.h"

static void targets_stand_in_the_configuration(void **state)
{
	(void)state;
	struct harness h;
	harness_init(&h);
	harness_apply(&h, "  - job_name: j\n"
			  "    static_configs:\n"
			  "      - targets: [a:1, 'b', c:d:e]\n"
			  "        labels: {rack: r1, __scheme__: https}\n"
			  "      - targets: ['a:1', '[::1]:9']\n");
	assert_string_equal(recorder_live(&h.r), "[::1]:9/j a:1/j a:1/j b:443/j");
	assert_string_equal(
	    recorder_sources(&h.r, h.manager),
	    "j static_configs 1/2 \"c:d:e\": an IPv6 address needs brackets, as in [::1]:9100; j static_configs 1/2 ok");
	recorder_reset(&h.r);
	/* one entry edited, one untouched, one new */
	harness_apply(&h, "  - job_name: j\n"
			  "    static_configs:\n"
			  "      - targets: [b, d:1, a:1]\n"
			  "        labels: {rack: r1, __scheme__: https}\n"
			  "      - {targets: ['a:1', '[::1]:9']}\n"
			  "      - labels: {x: y}\n");
	assert_string_equal(recorder_live(&h.r), "[::1]:9/j a:1/j a:1/j b:443/j d:1/j");
	assert_int_equal(h.r.added, 1);
	assert_int_equal(h.r.removed, 0);
	harness_finish(&h);
}

static void wrong_settings_are_told(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    "{target: [a:1]}", "{targets: a:1}", "{targets: [[a]]}",       "{targets: [a:1], labels: {a-b: c}}",
	    "[a:1]",           "null",           "{targets: [http://a/]}",
	};
	struct harness h;
	harness_init(&h);
	for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
		char text[256];
		snprintf(text, sizeof text, "  - {job_name: j, static_configs: [%s]}\n", cases[i]);
		char *problems = harness_try(&h, text);
		assert_non_null(problems);
		assert_non_null(strstr(problems, "pulseline.yml:2:"));
		assert_non_null(strstr(problems, "static_configs[0]"));
		free(problems);
	}
	harness_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(targets_stand_in_the_configuration),
	    cmocka_unit_test(wrong_settings_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
