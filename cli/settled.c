/* What an earlier run left undone and a later one has done since is settled: it
 * is owed no more and not carried on.  The chat services that `failover` was to
 * stop in the lost site are stopped by `failback` too, and then started; to stop
 * them once more would hurt the pool at home. */
#include "cli/runs.h"

#include <string.h>

/* Values of a map from acts. */
static char left, struck;

/* What a step does, as one word of a map: the same act on the same target.  NULL: it has no fixed target (principal of),
 * or nothing to do; such a step is never taken for another one. */
static const char *
act_of (struct sb_arena *a, const struct sb_plan_step *s)
{
    return s->role == NULL || s->object == NULL || s->on == NULL
                   ? NULL
                   : sb_arena_printf (a, "%s\n%s\n%s\n%s", s->role, s->verb, s->object, s->on);
}

static void
put (struct sb_arena *a, struct sb_map *acts, const struct sb_plan *plan, uint32_t step)
{
    const char *act = step < plan->count ? act_of (a, &plan->steps[step]) : NULL;

    if (act != NULL)
        sb_map_set (acts, act, &left);
}

static bool
is_struck (struct sb_arena *a, const struct sb_map *acts, const struct sb_plan *plan, uint32_t step)
{
    const char *act = step < plan->count ? act_of (a, &plan->steps[step]) : NULL;

    return act != NULL && sb_map_get (acts, act) == &struck;
}

/* Strikes out what this later run did, or saw to be so already. */
static void
strike_out (struct sb_arena *a, struct sb_journal *j, const struct sb_journal_run *later, struct sb_map *acts)
{
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    struct sb_plan plan = { 0 };
    struct sb_journal_step *steps;
    const char *act;
    size_t n = 0, i;

    if (sb_plan_from_json (&plan, later->plan, strlen (later->plan), &ignored)
        && sb_journal_steps (j, later->id, a, &steps, &n, &ignored))
        for (i = 0; i < n && steps[i].step < plan.count; i++) {
            act = strcmp (steps[i].state, "done") == 0 ? act_of (a, &plan.steps[steps[i].step]) : NULL;
            if (act != NULL && sb_map_get (acts, act) != NULL)
                sb_map_set (acts, act, &struck);
        }
    sb_plan_release (&plan);
}

static void
strike_out_all (struct sb_arena *a, struct sb_journal *j, const struct sb_journal_run *run, struct sb_map *acts)
{
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    struct sb_journal_run *runs;
    size_t n = 0, i;

    if (acts->count == 0 || !sb_journal_runs (j, a, &runs, &n, &ignored))
        return;
    for (i = 0; i < n && runs[i].number > run->number; i++)
        if (strcmp (runs[i].pool, run->pool) == 0)
            strike_out (a, j, &runs[i], acts);
}

static bool
is_over (const struct sb_journal_step *s)
{
    return strcmp (s->state, "done") == 0 || strcmp (s->state, "skipped") == 0;
}

bool
cli_overtaken (struct sb_journal *j, const struct sb_journal_run *run)
{
    struct sb_arena a SB_CLEANUP (sb_arena_release) = { 0 };
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    struct sb_map acts SB_CLEANUP (sb_map_free) = { 0 };
    struct sb_plan plan = { 0 };
    struct sb_journal_step *steps = NULL;
    size_t n = 0, i, over = 0, taken = 0;
    bool yes;

    if (sb_plan_from_json (&plan, run->plan, strlen (run->plan), &ignored))
        sb_journal_steps (j, run->id, &a, &steps, &n, &ignored);
    for (i = 0; i < n; i++)
        if (!is_over (&steps[i]))
            put (&a, &acts, &plan, steps[i].step);
    strike_out_all (&a, j, run, &acts);
    for (i = 0; i < n; i++) {
        over += is_over (&steps[i]);
        taken += !is_over (&steps[i]) && is_struck (&a, &acts, &plan, steps[i].step);
    }
    yes = taken > 0 && over + taken == plan.count; /* a step without a word in the journal has not begun */
    sb_plan_release (&plan);
    return yes;
}

/* Of the debts of one run, keeps those that no later run has paid; how many, -1: broken. */
static ssize_t
unpaid (struct sb_arena *a, struct sb_journal *j, struct sb_journal_owed *owed, size_t n, struct sb_faults *faults)
{
    struct sb_map acts SB_CLEANUP (sb_map_free) = { 0 };
    struct sb_plan plan = { 0 };
    struct sb_journal_run *run = NULL;
    ssize_t kept = -1;
    size_t i;

    if (sb_journal_run_find (j, owed->run, a, &run, faults) && run != NULL
        && sb_plan_from_json (&plan, run->plan, strlen (run->plan), faults)) {
        for (i = 0; i < n; i++)
            put (a, &acts, &plan, owed[i].step);
        strike_out_all (a, j, run, &acts);
        for (kept = 0, i = 0; i < n; i++)
            if (!is_struck (a, &acts, &plan, owed[i].step))
                owed[kept++] = owed[i];
    }
    sb_plan_release (&plan);
    return kept;
}

bool
cli_owed (struct sb_journal *j, const char *pool, struct sb_arena *a, struct sb_journal_owed **ret, size_t *ret_count,
          struct sb_faults *faults)
{
    struct sb_journal_owed *all;
    size_t n = 0, i, end;
    ssize_t kept;

    *ret_count = 0;
    if (!sb_journal_owed (j, pool, a, ret, &n, faults))
        return false;
    all = *ret;
    for (i = 0; i < n; i = end) { /* run by run, as they are sorted */
        for (end = i + 1; end < n && strcmp (all[end].run, all[i].run) == 0; end++)
            ;
        kept = unpaid (a, j, &all[i], end - i, faults);
        if (kept < 0)
            return false;
        memmove (&all[*ret_count], &all[i], (size_t) kept * sizeof *all);
        *ret_count += (size_t) kept;
    }
    return true;
}
