/* How long a plan will take: the longest way through it, given how long each
 * step took before.  Pure; O(steps + edges), no recursion.  People's time is no
 * part of it: nobody can forecast that. */
#ifndef SB_ENGINE_FORECAST_H
#define SB_ENGINE_FORECAST_H

#include "core/model/plan.h"

#include <stddef.h>
#include <stdint.h>

struct sb_past { /* of one step */
    int64_t median_ms, p90_ms;
    uint32_t samples; /* 0: it was never done */
};

/* Median and 90th percentile (nearest rank) of `n` durations; sorts them. */
struct sb_past sb_past_of (int64_t *ms, size_t n);

/* When the last step ends, counted from now.  `ms`: what each step still needs by itself, by index; a step at rest needs 0.
 * *ret_last (may be NULL): the step that ends last, SB_NO_STEP of an empty plan; `ret_from` (may be NULL, plan->count
 * long): the predecessor that each step waits for longest, SB_NO_STEP: none.  Following it from the last step is the
 * critical path backwards. */
int64_t sb_forecast (const struct sb_plan *plan, const int64_t *ms, uint32_t *ret_last, uint32_t *ret_from);

#endif
