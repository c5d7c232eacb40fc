#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/incident.h"
#include "base/mem.h"

struct scene {
	int ends[2];
	struct pl_log *log;
};

static int set_up(void **state)
{
	struct scene *s = pl_calloc(1, sizeof *s);
	if (pipe2(s->ends, O_NONBLOCK) != 0)
		return -1;
	s->log = pl_log_create(s->ends[1], PL_LOG_LOGFMT, PL_LOG_INFO);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	pl_log_destroy(s->log);
	close(s->ends[0]);
	close(s->ends[1]);
	free(s);
	return 0;
}

static const char *logged(struct scene *s, char room[1024])
{
	ssize_t n = read(s->ends[0], room, 1023);
	room[n > 0 ? n : 0] = '\0';
	const char *text = strstr(room, "level");
	return text != NULL ? text : room;
}

static void logs_the_first_failure_and_the_recovery(void **state)
{
	struct scene *s = *state;
	struct pl_incident i = {0};
	struct pl_kv kv[] = {PL_KVC("output", "influxdb"), {0}};
	char room[1024];
	assert_false(pl_incident_end(&i, 5, s->log, "back", kv));
	assert_string_equal(logged(s, room), "");
	assert_true(pl_incident_fail(&i, 10 * PL_NS_PER_S, s->log, PL_LOG_WARN, "away", kv));
	assert_string_equal(logged(s, room), "level=warn msg=away output=influxdb\n");
	for (int k = 0; k < 3; k++)
		assert_false(pl_incident_fail(&i, (11 + k) * PL_NS_PER_S, s->log, PL_LOG_WARN, "away", kv));
	assert_string_equal(logged(s, room), "");
	assert_true(i.since_ns == 10 * PL_NS_PER_S && i.failures == 4);
	assert_true(pl_incident_end(&i, 12 * PL_NS_PER_S + 500 * PL_NS_PER_MS, s->log, "back", kv));
	assert_string_equal(logged(s, room), "level=info msg=back output=influxdb after_seconds=2.500 failures=4\n");
	assert_true(i.since_ns == 0 && i.failures == 0);
	assert_false(pl_incident_end(&i, 20, s->log, "back", kv));
	assert_true(pl_incident_fail(&i, 30, s->log, PL_LOG_WARN, "away", NULL));
	assert_string_equal(logged(s, room), "level=warn msg=away\n");
}

static void works_at_the_epoch_and_with_a_clock_set_back(void **state)
{
	struct scene *s = *state;
	struct pl_incident i = {0};
	char room[1024];
	assert_true(pl_incident_fail(&i, 0, s->log, PL_LOG_WARN, "away", NULL));
	assert_false(pl_incident_fail(&i, 0, s->log, PL_LOG_WARN, "away", NULL));
	logged(s, room);
	assert_true(pl_incident_end(&i, -5 * PL_NS_PER_S, s->log, "back", NULL));
	assert_string_equal(logged(s, room), "level=info msg=back after_seconds=0.000 failures=2\n");
}

static void bounds_its_pairs(void **state)
{
	struct scene *s = *state;
	struct pl_incident i = {0};
	struct pl_kv kv[31] = {{0}};
	char room[1024];
	for (size_t k = 0; k < 30; k++)
		kv[k] = PL_KVI("k", k);
	assert_true(pl_incident_fail(&i, 1, NULL, PL_LOG_WARN, "away", kv));
	assert_true(pl_incident_end(&i, 1, s->log, "back", kv));
	assert_non_null(strstr(logged(s, room), "k=13 after_seconds=0.000 failures=1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(logs_the_first_failure_and_the_recovery, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(works_at_the_epoch_and_with_a_clock_set_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bounds_its_pairs, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
