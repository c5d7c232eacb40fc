#include "app/host_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_DISKS = 32, MAX_INTERFACES = 32, NAME_BYTES = 96 };

/* A counter that only grows, as a rate. */
struct rate {
	double last, rate; /* rate: NaN until there are two readings */
	int64_t at_ns;
};

struct interface {
	char name[32];
	struct rate in, out;
};

struct pl_host_stats {
	double busy, all, used; /* cpu: jiffies of the last reading, and the share since the one before */
	struct rate read, written;
	size_t interfaces;
	struct interface interface[MAX_INTERFACES];
};

/* Where the values of a set go: to a relay, or to the terminal. */
struct sink {
	struct pl_relay_set *set;
	FILE *out;
};

static void put(struct sink *s, const char *name, double value)
{
	if (s->set != NULL)
		pl_relay_set_put(s->set, name, value);
	else if (isfinite(value))
		fprintf(s->out, "%s %.4f\n", name, value);
}

/* PREFIX and what of `text` can stand in a name. */
static const char *join(const char *prefix, const char *text, char out[NAME_BYTES])
{
	int n = snprintf(out, NAME_BYTES, "%s%.60s", prefix, text);
	for (int i = 0; i < n && i < NAME_BYTES - 1; i++)
		if (!((out[i] >= 'a' && out[i] <= 'z') || (out[i] >= 'A' && out[i] <= 'Z') || (out[i] >= '0' && out[i] <= '9')))
			out[i] = '_';
	return out;
}

static double rate_of(struct rate *r, double now)
{
	int64_t now_ns = pl_clock_mono_ns();
	double seconds = (double)(now_ns - r->at_ns) / (double)PL_NS_PER_S;
	if (r->at_ns != 0 && seconds < 0.1)
		return r->rate; /* asked twice within a moment: the shorter the time, the worse the rate */
	r->rate = r->at_ns != 0 && now >= r->last ? (now - r->last) / seconds : (double)NAN;
	r->last = now;
	r->at_ns = now_ns;
	return r->rate;
}

/* ---- points ---- */

static double cpu_used(void *data)
{
	struct pl_host_stats *h = data;
	double v[8] = {0}, all = 0;
	FILE *f = fopen("/proc/stat", "re");
	if (f == NULL)
		return (double)NAN;
	/* user nice system idle iowait irq softirq steal; see proc(5) */
	int n = fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);
	fclose(f);
	if (n < 4)
		return (double)NAN;
	for (int i = 0; i < 8; i++)
		all += v[i];
	double busy = all - v[3] - v[4];
	if (all > h->all && h->all > 0)
		h->used = fmin(1, fmax(0, (busy - h->busy) / (all - h->all))); /* iowait may run backwards */
	h->busy = busy;
	h->all = all;
	return h->used;
}

static double load_of(int which)
{
	double loads[3];
	return getloadavg(loads, 3) > which ? loads[which] : (double)NAN;
}

static double load_1(void *data)
{
	(void)data;
	return load_of(0);
}

static double load_5(void *data)
{
	(void)data;
	return load_of(1);
}

static double load_15(void *data)
{
	(void)data;
	return load_of(2);
}

/* A line of /proc/meminfo in bytes, NaN when there is none. */
static double memory(const char *key)
{
	char line[256];
	double kib, found = (double)NAN;
	size_t n = strlen(key);
	FILE *f = fopen("/proc/meminfo", "re");
	while (f != NULL && isnan(found) && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, key, n) == 0 && line[n] == ':' && sscanf(line + n + 1, "%lf", &kib) == 1)
			found = kib * 1024;
	if (f != NULL)
		fclose(f);
	return found;
}

static double ram_used(void *data)
{
	(void)data;
	return 1 - memory("MemAvailable") / memory("MemTotal");
}

static double ram_available_bytes(void *data)
{
	(void)data;
	return memory("MemAvailable");
}

static double swap_used(void *data)
{
	(void)data;
	double total = memory("SwapTotal");
	return total == 0 ? 0 : 1 - memory("SwapFree") / total;
}

/* As df(1) has it: of what is not reserved for root. */
static double disk_used_of(const char *path, double *available)
{
	struct statvfs s;
	if (statvfs(path, &s) != 0 || s.f_blocks == 0)
		return (double)NAN;
	double used = (double)(s.f_blocks - s.f_bfree);
	*available = (double)s.f_bavail * (double)s.f_frsize;
	return used + (double)s.f_bavail > 0 ? used / (used + (double)s.f_bavail) : (double)NAN;
}

static double disk_used(void *data)
{
	(void)data;
	double available;
	return disk_used_of("/", &available);
}

/* ---- sets ---- */

static void put_disk(struct sink *s, const char *path)
{
	char name[NAME_BYTES];
	double available = (double)NAN, used = disk_used_of(path, &available);
	const char *short_path = strcmp(path, "/") == 0 ? "root" : path + 1;
	put(s, join("disk_used_", short_path, name), used);
	put(s, join("disk_free_bytes_", short_path, name), available);
}

/* Disks of this machine only: a file server that is away would make statvfs wait for ever. */
static void put_disks(struct sink *s)
{
	char line[1024], seen[MAX_DISKS][128];
	size_t n = 0;
	put_disk(s, "/");
	FILE *f = fopen("/proc/self/mounts", "re");
	while (f != NULL && n < MAX_DISKS && fgets(line, sizeof line, f) != NULL) {
		char device[128], path[256];
		if (sscanf(line, "%127s %255s", device, path) != 2 || strncmp(device, "/dev/", 5) != 0 || strcmp(path, "/") == 0)
			continue;
		size_t i = 0;
		while (i < n && strcmp(seen[i], device) != 0)
			i++;
		struct statvfs probe;
		if (i < n || statvfs(path, &probe) != 0 || probe.f_blocks == 0)
			continue; /* mounted a second time, or gone */
		memcpy(seen[n++], device, sizeof device);
		put_disk(s, path);
	}
	if (f != NULL)
		fclose(f);
}

/* Whole disks, not their parts: /sys has a folder for each. */
static bool is_whole_disk(const char *name)
{
	char path[96];
	struct statvfs s;
	snprintf(path, sizeof path, "/sys/block/%.60s", name);
	return strncmp(name, "loop", 4) != 0 && strncmp(name, "ram", 3) != 0 && strncmp(name, "dm-", 3) != 0 &&
	       strncmp(name, "md", 2) != 0 && statvfs(path, &s) == 0;
}

/* Sectors are 512 bytes whatever the disk's are; see the kernel's Documentation/admin-guide/iostats. */
static void put_traffic(struct pl_host_stats *h, struct sink *s)
{
	char line[512], name[64];
	double read_n = 0, written_n = 0, in, out;
	FILE *f = fopen("/proc/diskstats", "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "%*u %*u %63s %*u %*u %lf %*u %*u %*u %lf", name, &in, &out) == 3 && is_whole_disk(name)) {
			read_n += in * 512;
			written_n += out * 512;
		}
	if (f == NULL)
		return;
	fclose(f);
	put(s, "disk_read_bytes", rate_of(&h->read, read_n));
	put(s, "disk_write_bytes", rate_of(&h->written, written_n));
}

static struct interface *interface_of(struct pl_host_stats *h, const char *name)
{
	for (size_t i = 0; i < h->interfaces; i++)
		if (strcmp(h->interface[i].name, name) == 0)
			return &h->interface[i];
	if (h->interfaces == MAX_INTERFACES)
		return NULL;
	struct interface *i = &h->interface[h->interfaces++];
	snprintf(i->name, sizeof i->name, "%.31s", name);
	return i;
}

static void put_network(struct pl_host_stats *h, struct sink *s)
{
	char line[512], key[NAME_BYTES];
	FILE *f = fopen("/proc/net/dev", "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		double in, out;
		char *colon = strchr(line, ':');
		if (colon == NULL) /* one of the two lines of headings */
			continue;
		*colon = '\0';
		const char *name = line + strspn(line, " ");
		struct interface *i = strcmp(name, "lo") != 0 ? interface_of(h, name) : NULL;
		if (i == NULL || sscanf(colon + 1, "%lf %*s %*s %*s %*s %*s %*s %*s %lf", &in, &out) != 2)
			continue;
		put(s, join("net_in_bytes_", name, key), rate_of(&i->in, in));
		put(s, join("net_out_bytes_", name, key), rate_of(&i->out, out));
	}
	if (f != NULL)
		fclose(f);
}

static void disk(struct pl_relay_set *set, void *data)
{
	struct sink s = {.set = set};
	put_disks(&s);
	put_traffic(data, &s);
}

static void net(struct pl_relay_set *set, void *data)
{
	put_network(data, &(struct sink){.set = set});
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	double (*collect)(void *data);
} points[] = {
    {"cpu_used", cpu_used},   {"load_1", load_1},       {"load_5", load_5},
    {"load_15", load_15},     {"ram_used", ram_used},   {"ram_available_bytes", ram_available_bytes},
    {"swap_used", swap_used}, {"disk_used", disk_used},
};

/* The first reading of what is measured between two. */
static void begin(struct pl_host_stats *h)
{
	FILE *nowhere = fopen("/dev/null", "we");
	struct sink s = {.out = nowhere};
	cpu_used(h);
	if (nowhere == NULL)
		return;
	put_traffic(h, &s);
	put_network(h, &s);
	fclose(nowhere);
}

struct pl_host_stats *pl_host_stats_create(void)
{
	struct pl_host_stats *h = pl_calloc(1, sizeof *h);
	h->used = (double)NAN;
	begin(h);
	return h;
}

void pl_host_stats_destroy(struct pl_host_stats *h)
{
	free(h);
}

bool pl_host_stats_add(struct pl_host_stats *h, struct pl_relay *relay, const char *const *tags, char *error, size_t size)
{
	for (size_t i = 0; i < PL_COUNT_OF(points); i++)
		if (!pl_relay_add_point(relay, points[i].name, tags, points[i].collect, h, error, size))
			return false;
	return pl_relay_add_set(relay, "disk", tags, disk, h, error, size) &&
	       pl_relay_add_set(relay, "net", tags, net, h, error, size);
}

void pl_host_stats_print(struct pl_host_stats *h, FILE *out)
{
	struct sink s = {.out = out};
	nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
	for (size_t i = 0; i < PL_COUNT_OF(points); i++)
		put(&s, points[i].name, points[i].collect(h));
	put_disks(&s);
	put_traffic(h, &s);
	put_network(h, &s);
}
