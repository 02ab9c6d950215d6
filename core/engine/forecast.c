/* The longest way through a plan. */
#include "core/engine/forecast.h"

#include "core/base/mem.h"

#include <stdlib.h>

static int
by_size (const void *a, const void *b)
{
    int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

    return (x > y) - (x < y);
}

struct sb_past
sb_past_of (int64_t *ms, size_t n)
{
    if (n == 0)
        return (struct sb_past){ 0 };
    qsort (ms, n, sizeof *ms, by_size);
    return (struct sb_past){ ms[(n - 1) / 2], ms[(n * 9 + 9) / 10 - 1], (uint32_t) n };
}

int64_t
sb_forecast (const struct sb_plan *plan, const int64_t *ms, uint32_t *ret_last, uint32_t *ret_from)
{
    int64_t *ends = sb_xcalloc ((size_t) plan->count + 1, sizeof *ends), latest = 0;
    uint32_t last = SB_NO_STEP, i;
    size_t k;

    for (i = 0; i < plan->count; i++) {
        const struct sb_plan_step *s = &plan->steps[i];
        uint32_t from = SB_NO_STEP;
        for (k = 0; k < s->nafter; k++)
            if (from == SB_NO_STEP || ends[s->after[k]] > ends[from])
                from = s->after[k];
        ends[i] = (from == SB_NO_STEP ? 0 : ends[from]) + ms[i];
        if (ret_from)
            ret_from[i] = from;
        if (last == SB_NO_STEP || ends[i] > latest) {
            latest = ends[i];
            last = i;
        }
    }
    if (ret_last)
        *ret_last = last;
    free (ends);
    return latest;
}
