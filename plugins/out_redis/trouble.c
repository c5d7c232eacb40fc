#include "out_redis/trouble.h"

#include "base/mem.h"

const char *pl_redis_trouble_label(enum pl_redis_trouble t)
{
	static const char *const labels[] = {
#define X(name, label) [name] = (label),
	    PL_REDIS_TROUBLE_MAP(X)
#undef X
	};
	return labels[t];
}

enum pl_redis_trouble pl_redis_trouble_of(struct pl_str error)
{
	static const struct {
		const char *word;
		enum pl_redis_trouble trouble;
	} words[] = {
	    {"NOAUTH", PL_REDIS_AUTH},           {"WRONGPASS", PL_REDIS_AUTH},
	    {"NOPERM", PL_REDIS_NOPERM},         {"OOM", PL_REDIS_OOM},
	    {"LOADING", PL_REDIS_LOADING},       {"READONLY", PL_REDIS_READONLY},
	    {"MASTERDOWN", PL_REDIS_MASTERDOWN},
	};
	struct pl_str word = pl_str_cut(&error, ' ');
	for (size_t i = 0; i < PL_COUNT_OF(words); i++)
		if (pl_str_is(word, words[i].word))
			return words[i].trouble;
	return PL_REDIS_OTHER;
}
