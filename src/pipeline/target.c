#include "pipeline/target.h"

#include <stdlib.h>

struct pl_target *pl_target_share(struct pl_target *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void pl_target_release(struct pl_target *t)
{
	if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	pl_config_release(t->config);
	pl_arena_finish(&t->arena);
	free(t);
}

struct pl_str pl_target_log_url(const struct pl_target *t)
{
	struct pl_str rest = pl_str_of(t->url);
	return pl_str_cut(&rest, '?');
}

const char *pl_scrape_result_word(enum pl_scrape_result r)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
	    PL_SCRAPE_RESULT_MAP(X)
#undef X
	};
	return (size_t)r < sizeof words / sizeof words[0] ? words[r] : "unknown";
}
