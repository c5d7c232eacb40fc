#include "targets/target_builder.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/scalar.h"
#include "targets/scrape_url.h"

void pl_target_builder_finish(struct pl_target_builder *b)
{
	pl_buf_finish(&b->interval);
	pl_buf_finish(&b->timeout);
	pl_buf_finish(&b->param_names);
	pl_labels_builder_finish(&b->discovered);
	pl_labels_builder_finish(&b->relabeled);
	pl_labels_builder_finish(&b->labels);
	pl_relabel_scratch_finish(&b->scratch);
	pl_buf_finish(&b->address);
	pl_buf_finish(&b->url);
}

void pl_target_builder_begin(struct pl_target_builder *b, struct pl_config *config, const struct pl_job *job)
{
	b->config = config;
	b->job = job;
	pl_buf_clear(&b->interval);
	pl_duration_print(job->scrape_interval, &b->interval);
	pl_buf_clear(&b->timeout);
	pl_duration_print(job->scrape_timeout, &b->timeout);
	pl_buf_clear(&b->param_names);
	for (size_t i = 0; i < job->params.n; i++) {
		pl_buf_add_cstr(&b->param_names, "__param_");
		pl_buf_add(&b->param_names, job->params.v[i].name, strlen(job->params.v[i].name) + 1);
	}
}

static void set_default(struct pl_labels_builder *b, const char *name, struct pl_str value)
{
	struct pl_str key = pl_str_of(name);
	if (value.n > 0 && pl_labels_get(pl_labels_builder_view(b), key) == NULL)
		pl_labels_builder_set(b, key, value);
}

static void discover(struct pl_target_builder *b, struct pl_str address, struct pl_labels group)
{
	const struct pl_job *job = b->job;
	struct pl_labels_builder *d = &b->discovered;
	pl_labels_builder_clear(d);
	for (size_t i = 0; i < group.n; i++)
		if (group.v[i].value.n > 0)
			pl_labels_builder_set(d, group.v[i].name, group.v[i].value);
	pl_labels_builder_set(d, PL_STR("__address__"), address);
	set_default(d, "job", pl_str_of(job->name));
	set_default(d, "__scheme__", job->scheme == PL_SCHEME_HTTPS ? PL_STR("https") : PL_STR("http"));
	set_default(d, "__metrics_path__", pl_str_of(job->metrics_path));
	set_default(d, "__scrape_interval__", pl_buf_str(&b->interval));
	set_default(d, "__scrape_timeout__", pl_buf_str(&b->timeout));
	const char *name = b->param_names.p;
	for (size_t i = 0; i < job->params.n; i++, name += strlen(name) + 1)
		if (job->params.v[i].values.n > 0)
			set_default(d, name, pl_str_of(job->params.v[i].values.v[0]));
}

static enum pl_err check_bounds(struct pl_labels labels, char *reason)
{
	size_t bytes = 0;
	if (labels.n > PL_TARGET_MAX_LABELS) {
		snprintf(reason, PL_REASON_BYTES, "it has %zu labels, the limit is %d", labels.n, PL_TARGET_MAX_LABELS);
		return PL_EINVAL;
	}
	for (size_t i = 0; i < labels.n; i++) {
		struct pl_str name = labels.v[i].name, value = labels.v[i].value;
		int shown = name.n < 64 ? (int)name.n : 64;
		bytes += name.n + value.n;
		if (value.n > PL_TARGET_MAX_VALUE) {
			snprintf(reason, PL_REASON_BYTES, "label %.*s has %zu bytes, the limit is %d", shown, name.p, value.n,
				 PL_TARGET_MAX_VALUE);
			return PL_EINVAL;
		}
		if (!pl_str_utf8(value)) {
			snprintf(reason, PL_REASON_BYTES, "label %.*s is not UTF-8", shown, name.p);
			return PL_EINVAL;
		}
	}
	if (bytes > PL_TARGET_MAX_LABEL_BYTES) {
		snprintf(reason, PL_REASON_BYTES, "its labels have %zu bytes, the limit is %d", bytes, PL_TARGET_MAX_LABEL_BYTES);
		return PL_EINVAL;
	}
	return PL_OK;
}

static struct pl_str value_of(struct pl_labels labels, const char *name)
{
	const struct pl_str *value = pl_labels_get(labels, pl_str_of(name));
	return value != NULL ? *value : (struct pl_str){NULL, 0};
}

static enum pl_err read_duration(struct pl_labels labels, const char *name, int64_t *ns, char *reason)
{
	struct pl_str text = value_of(labels, name);
	if (pl_parse_duration(text, ns) == PL_OK && *ns >= PL_NS_PER_MS)
		return PL_OK;
	int shown = text.n < 32 ? (int)text.n : 32;
	snprintf(reason, PL_REASON_BYTES, "%s is \"%.*s\", which is no duration above zero, as 15s or 1m30s", name, shown,
		 shown > 0 ? text.p : "");
	return PL_EINVAL;
}

static enum pl_err settle_address(struct pl_target_builder *b, struct pl_labels labels, char *reason)
{
	struct pl_str scheme = value_of(labels, "__scheme__");
	bool https = pl_str_is(scheme, "https");
	if (!https && !pl_str_is(scheme, "http")) {
		int shown = scheme.n < 32 ? (int)scheme.n : 32;
		snprintf(reason, PL_REASON_BYTES, "__scheme__ is \"%.*s\", neither http nor https", shown,
			 shown > 0 ? scheme.p : "");
		return PL_EINVAL;
	}
	pl_buf_clear(&b->address);
	return pl_target_address_settle(value_of(labels, "__address__"), https ? 443 : 80, &b->address, reason);
}

static enum pl_err settle_times(struct pl_labels labels, int64_t *interval, int64_t *timeout, char *reason)
{
	enum pl_err err = read_duration(labels, "__scrape_interval__", interval, reason);
	if (err == PL_OK)
		err = read_duration(labels, "__scrape_timeout__", timeout, reason);
	if (err != PL_OK || *timeout <= *interval)
		return err;
	snprintf(reason, PL_REASON_BYTES, "the timeout of %lld ms is longer than the interval of %lld ms",
		 (long long)(*timeout / PL_NS_PER_MS), (long long)(*interval / PL_NS_PER_MS));
	return PL_EINVAL;
}

static enum pl_err settle_url(struct pl_target_builder *b, struct pl_labels labels, char *reason)
{
	pl_buf_clear(&b->url);
	pl_scrape_url_add(&b->url, value_of(labels, "__scheme__"), pl_buf_str(&b->address), value_of(labels, "__metrics_path__"),
			  &b->job->params, labels);
	if (b->url.n <= PL_TARGET_MAX_URL)
		return PL_OK;
	snprintf(reason, PL_REASON_BYTES, "its URL has %zu bytes, the limit is %d", b->url.n, PL_TARGET_MAX_URL);
	return PL_EINVAL;
}

static bool is_reserved(struct pl_str name)
{
	return name.n >= 2 && name.p[0] == '_' && name.p[1] == '_';
}

static void settle_labels(struct pl_target_builder *b, struct pl_labels labels)
{
	struct pl_labels_builder *l = &b->labels;
	struct pl_labels external = b->job->external_labels;
	pl_labels_builder_clear(l);
	for (size_t i = 0; i < labels.n; i++)
		if (!is_reserved(labels.v[i].name))
			pl_labels_builder_set(l, labels.v[i].name, labels.v[i].value);
	if (pl_labels_get(pl_labels_builder_view(l), PL_STR("instance")) == NULL)
		pl_labels_builder_set(l, PL_STR("instance"), pl_buf_str(&b->address));
	for (size_t i = 0; i < external.n; i++)
		if (external.v[i].value.n > 0 && pl_labels_get(pl_labels_builder_view(l), external.v[i].name) == NULL)
			pl_labels_builder_set(l, external.v[i].name, external.v[i].value);
}

static size_t labels_bytes(struct pl_labels set)
{
	size_t n = set.n * sizeof *set.v;
	for (size_t i = 0; i < set.n; i++)
		n += set.v[i].name.n + set.v[i].value.n;
	return n;
}

static struct pl_str pack_str(char **text, struct pl_str s)
{
	if (s.n > 0)
		memcpy(*text, s.p, s.n);
	*text += s.n;
	return (struct pl_str){*text - s.n, s.n};
}

static struct pl_labels pack_labels(struct pl_label *to, char **text, struct pl_labels set)
{
	for (size_t i = 0; i < set.n; i++) {
		to[i].name = pack_str(text, set.v[i].name);
		to[i].value = pack_str(text, set.v[i].value);
	}
	return (struct pl_labels){to, set.n};
}

/* One block of exactly the size: the arena's blocks of 4 KiB would cost thousands of targets more than all the rest of them. */
static struct pl_target *pack(struct pl_target_builder *b, struct pl_labels discovered, struct pl_labels labels)
{
	size_t bytes = sizeof(struct pl_target) + labels_bytes(discovered) + labels_bytes(labels) + b->url.n + 1;
	struct pl_target *t = pl_alloc(bytes);
	memset(t, 0, sizeof *t);
	struct pl_label *slots = (struct pl_label *)(t + 1);
	char *text = (char *)(slots + discovered.n + labels.n);
	t->discovered = pack_labels(slots, &text, discovered);
	t->labels = pack_labels(slots + discovered.n, &text, labels);
	t->url = pack_str(&text, pl_buf_str(&b->url)).p;
	*text = '\0';
	atomic_init(&t->refs, 1);
	t->config = pl_config_share(b->config);
	t->job = b->job;
	return t;
}

static void relabel(struct pl_target_builder *b, struct pl_labels *labels)
{
	pl_labels_builder_clear(&b->relabeled);
	pl_relabel_scratch_clear(&b->scratch);
	for (size_t i = 0; i < labels->n; i++)
		pl_labels_builder_set(&b->relabeled, labels->v[i].name, labels->v[i].value);
	b->dropped_by = pl_relabel_apply(b->job->relabel, &b->scratch, &b->relabeled, b->trace, b->trace_data);
	*labels = pl_labels_builder_view(&b->relabeled);
}

enum pl_err pl_target_build(struct pl_target_builder *b, struct pl_str address, struct pl_labels group, struct pl_target **out,
			    char reason[PL_REASON_BYTES])
{
	int64_t interval, timeout;
	*out = NULL;
	b->dropped_by = PL_RELABEL_KEPT;
	discover(b, address, group);
	struct pl_labels discovered = pl_labels_builder_view(&b->discovered);
	enum pl_err err = check_bounds(discovered, reason);
	if (err != PL_OK)
		return err;

	struct pl_labels relabeled = discovered;
	if (b->job->relabel != NULL) {
		relabel(b, &relabeled);
		if (b->dropped_by != PL_RELABEL_KEPT)
			return PL_OK;
	}
	if ((err = settle_address(b, relabeled, reason)) != PL_OK ||
	    (err = settle_times(relabeled, &interval, &timeout, reason)) != PL_OK ||
	    (err = settle_url(b, relabeled, reason)) != PL_OK)
		return err;
	settle_labels(b, relabeled);
	struct pl_labels labels = pl_labels_builder_view(&b->labels);
	if ((err = check_bounds(labels, reason)) != PL_OK)
		return err;

	struct pl_target *t = pack(b, discovered, labels);
	t->interval_ns = interval;
	t->timeout_ns = timeout;
	atomic_init(&t->over_limit, b->job->target_limit > 0 ? PL_TARGET_UNJUDGED : 0);
	t->phase = pl_labels_hash(labels, pl_str_hash(pl_buf_str(&b->url), 0));
	uint64_t how[] = {t->phase, b->job->fingerprint, (uint64_t)interval, (uint64_t)timeout};
	t->key = pl_str_hash((struct pl_str){(const char *)how, sizeof how}, 0);
	*out = t;
	return PL_OK;
}
