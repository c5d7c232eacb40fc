/* Rows for keys that Prometheus has and Pulseline does without. */
#ifndef PL_CONFIG_FOREIGN_H
#define PL_CONFIG_FOREIGN_H

#include "config/schema.h"

#define PL_REFUSED(KEY, HELP)                                                                                                    \
	{                                                                                                                        \
		.key = KEY, .type = PL_FIELD_REFUSED, .help = HELP                                                               \
	}

/* Refused, unless it has the value `FALLBACK`. */
#define PL_REFUSED_BUT(KEY, FALLBACK, HELP)                                                                                      \
	{                                                                                                                        \
		.key = KEY, .type = PL_FIELD_REFUSED, .fallback = FALLBACK, .help = HELP                                         \
	}

#define PL_IGNORED(KEY, HELP)                                                                                                    \
	{                                                                                                                        \
		.key = KEY, .type = PL_FIELD_IGNORED, .help = HELP                                                               \
	}

/* One of `CHOICES`; `FALLBACK` is taken in silence. */
#define PL_IGNORED_WORD(KEY, CHOICES, FALLBACK, HELP)                                                                            \
	{                                                                                                                        \
		.key = KEY, .type = PL_FIELD_IGNORED, .choices = CHOICES, .fallback = FALLBACK, .help = HELP                     \
	}

#define PL_NATIVE_REFUSED "native histograms are not supported; classic histograms are scraped as they are"

extern const char *const pl_foreign_bools[], *const pl_foreign_protocols[], *const pl_foreign_escapings[];

/* What both global and a job may say. */
#define PL_FOREIGN_SCRAPE_FIELDS                                                                                                 \
	{.key = "scrape_protocols",                                                                                              \
	 .type = PL_FIELD_IGNORED,                                                                                               \
	 .flags = PL_FIELD_WORDS,                                                                                                \
	 .choices = pl_foreign_protocols,                                                                                        \
	 .help = "has no effect: OpenMetrics 1.0 and text 0.0.4 are asked for, and whichever comes is read"},                    \
	    PL_IGNORED_WORD("metric_name_escaping_scheme", pl_foreign_escapings, "underscores",                                  \
			    "has no effect: targets are asked for names without quotes, which they escape with underscores"),    \
	    PL_IGNORED("scrape_failure_log_file",                                                                                \
		       "has no effect: failures are in the daemon's log, in /api/v1/targets and in /metrics"),                   \
	    PL_REFUSED_BUT("scrape_native_histograms", "false", PL_NATIVE_REFUSED),                                              \
	    PL_REFUSED_BUT("convert_classic_histograms_to_nhcb", "false", PL_NATIVE_REFUSED),                                    \
	    PL_IGNORED_WORD("always_scrape_classic_histograms", pl_foreign_bools, "true",                                        \
			    "has no effect: native histograms are not supported, and classic ones are always scraped"),          \
	    PL_IGNORED_WORD("scrape_classic_histograms", pl_foreign_bools, "true",                                               \
			    "has no effect: native histograms are not supported, and classic ones are always scraped"),          \
	    PL_IGNORED_WORD(                                                                                                     \
		"extra_scrape_metrics", pl_foreign_bools, "false",                                                               \
		"has no effect: limits and sizes stand in /api/v1/targets; a target's own series are always the same")

#endif
