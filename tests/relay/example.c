#include <math.h>
#include <pulseline_relay.h>
#include <stdio.h>
#include <stdlib.h>

static double load(void *data)
{
	double one;
	return data == NULL && getloadavg(&one, 1) == 1 ? one : NAN;
}

int main(int argc, char **argv)
{
	char error[PL_RELAY_MAX_ERROR];
	struct pl_relay_options options = PL_RELAY_OPTIONS;
	options.address = argc > 1 ? argv[1] : "127.0.0.1:3000";
	options.id = "example";
	struct pl_relay *relay = pl_relay_open(&options, error, sizeof error);
	if (relay == NULL || !pl_relay_add_point(relay, "load_1", NULL, load, NULL, error, sizeof error))
		return fprintf(stderr, "%s\n", error), 1;
	getchar(); /* a thread answers the server until somebody presses Enter */
	pl_relay_close(relay);
}
