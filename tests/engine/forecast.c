/* Prediction: ranks, and the longest way. */
#include "core/engine/forecast.h"
#include "core/base/mem.h"
#include "tests/engine/lib.h"
#include "tests/lib/tap.h"

#include <stdlib.h>

static void
median_and_ninth_tenth (void)
{
    int64_t one[] = { 7 }, ten[] = { 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 }, four[] = { 400, 100, 300, 200 };
    struct sb_past p = sb_past_of (one, 1);

    CU_ASSERT (p.median_ms == 7 && p.p90_ms == 7 && p.samples == 1);
    p = sb_past_of (ten, 10);
    CU_ASSERT (p.median_ms == 5 && p.p90_ms == 9);
    p = sb_past_of (four, 4);
    CU_ASSERT (p.median_ms == 200 && p.p90_ms == 400);
    CU_ASSERT_EQUAL (sb_past_of (NULL, 0).samples, 0);
}

static void
the_longest_way_is_found (void)
{
    static const struct plan_row rows[] = { { .name = "a" },
                                            { .name = "b" },
                                            { .name = "c", .after = "a b" },
                                            { .name = "d", .after = "a" },
                                            { .name = "e", .after = "c d" },
                                            { 0 } };
    int64_t ms[] = { 10, 30, 5, 40, 1 };
    uint32_t last, from[5];
    struct sb_plan plan = { 0 };

    make_plan (&plan, rows, NULL);
    CU_ASSERT_EQUAL (sb_forecast (&plan, ms, &last, from), 51);
    CU_ASSERT (last == 4 && from[4] == 3 && from[3] == 0 && from[0] == SB_NO_STEP && from[2] == 1);
    ms[3] = 0; /* d is done */
    CU_ASSERT_EQUAL (sb_forecast (&plan, ms, &last, from), 36);
    CU_ASSERT (from[4] == 2);
    sb_plan_release (&plan);
}

static void
a_long_chain_needs_no_stack (void)
{
    enum { N = 100000 };
    struct sb_plan plan = { .count = N };
    uint32_t *after = sb_xcalloc (N, sizeof *after), i, last;
    int64_t *ms = sb_xcalloc (N, sizeof *ms);

    plan.steps = sb_xcalloc (N, sizeof *plan.steps);
    for (i = 0; i < N; i++) {
        after[i] = i == 0 ? 0 : i - 1;
        plan.steps[i].after = &after[i];
        plan.steps[i].nafter = i > 0;
        ms[i] = 3;
    }
    CU_ASSERT_EQUAL (sb_forecast (&plan, ms, &last, NULL), 3 * N);
    CU_ASSERT_EQUAL (last, N - 1);
    free (plan.steps);
    free (after);
    free (ms);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "median and 90th percentile are by nearest rank", median_and_ninth_tenth },
        { "the longest way is found, and found again when a step is done", the_longest_way_is_found },
        { "a chain of 100,000 steps needs no stack", a_long_chain_needs_no_stack },
        { NULL, NULL },
    };

    return sb_tap_run ("forecast", tests);
}
