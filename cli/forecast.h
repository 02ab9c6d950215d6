/* Prediction from the journal: what earlier runs of a workflow took, and what
 * that says about this one.  People's time is apart. */
#ifndef SB_CLI_FORECAST_H
#define SB_CLI_FORECAST_H

#include "cli/cli.h"
#include "core/engine/forecast.h"
#include "core/journal/journal.h"

struct cli_forecast {
    struct sb_past *past; /* by step of the plan; NULL: nothing is known */
    uint32_t known;       /* steps with a past */
    uint32_t runs;        /* the most samples a step has */
};

/* Durations of the newest 20 runs; drills foretell drills. */
void cli_forecast_make (struct cli_forecast *f, struct sb_journal *j, const struct sb_plan *plan);
void cli_forecast_free (struct cli_forecast *f);
/* {"median_ms", "p90_ms", "known", "steps": {NAME: {"median_ms", "p90_ms", "runs"}}, "critical": [NAME]}; NULL: nothing is
 * known. */
json_t *cli_forecast_json (const struct cli_forecast *f, const struct sb_plan *plan);
/* "about 40s, 1m20s in nine of ten (4 runs; critical: a, b)"; false: nothing is known. */
bool cli_forecast_words (const struct cli_forecast *f, const struct sb_plan *plan, struct sb_buf *out);
/* What is left of a run, by the states in its journal; -1: nothing is known. */
int64_t
cli_forecast_left (struct cli *c, struct sb_journal *j, const char *run, const struct sb_plan *plan, int64_t now);

#endif
