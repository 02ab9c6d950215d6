/* What an earlier run left undone and a later one has done since is settled: it
 * is owed no more and not carried on.  The chat services that `failover` was to
 * stop in the lost site are stopped by `failback` too, and then started; to stop
 * them once more would hurt the pool at home. */
#include "cli/runs.h"

#include <string.h>

static bool
same (const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp (a, b) == 0;
}

/* The same act on the same target.  What has no fixed target (principal of) is never taken for the same. */
static bool
same_act (const struct sb_plan_step *a, const struct sb_plan_step *b)
{
    return same (a->role, b->role) && same (a->verb, b->verb) && same (a->object, b->object) && same (a->on, b->on);
}

/* Was it done, or seen to be so already, in this run? */
static bool
did (struct cli *c, struct sb_journal *j, const struct sb_journal_run *later, const struct sb_plan_step *act)
{
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    struct sb_plan plan = { 0 };
    struct sb_journal_step *steps;
    size_t n = 0, i;
    bool yes = false;

    if (sb_plan_from_json (&plan, later->plan, strlen (later->plan), &ignored)
        && sb_journal_steps (j, later->id, &c->arena, &steps, &n, &ignored))
        for (i = 0; i < n && !yes; i++)
            yes = strcmp (steps[i].state, "done") == 0 && steps[i].step < plan.count
                  && same_act (&plan.steps[steps[i].step], act);
    sb_plan_release (&plan);
    return yes;
}

static bool
settled (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, const struct sb_plan_step *act)
{
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    struct sb_journal_run *runs;
    size_t n = 0, i;

    if (!sb_journal_runs (j, &c->arena, &runs, &n, &ignored))
        return false;
    for (i = 0; i < n && runs[i].number > run->number; i++)
        if (strcmp (runs[i].pool, run->pool) == 0 && did (c, j, &runs[i], act))
            return true;
    return false;
}

bool
cli_overtaken (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run)
{
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    struct sb_plan plan = { 0 };
    struct sb_journal_step *steps;
    size_t n = 0, i, over = 0, taken = 0;

    if (sb_plan_from_json (&plan, run->plan, strlen (run->plan), &ignored)
        && sb_journal_steps (j, run->id, &c->arena, &steps, &n, &ignored))
        for (i = 0; i < n && steps[i].step < plan.count; i++) {
            if (strcmp (steps[i].state, "done") == 0 || strcmp (steps[i].state, "skipped") == 0)
                over++;
            else if (settled (c, j, run, &plan.steps[steps[i].step]))
                taken++;
        }
    n = plan.count;
    sb_plan_release (&plan);
    return taken > 0 && over + taken == n;
}

bool
cli_owed (struct cli *c, struct sb_journal *j, const char *pool, struct sb_arena *a, struct sb_journal_owed **ret,
          size_t *ret_count, struct sb_faults *faults)
{
    struct sb_plan plan = { 0 };
    struct sb_journal_run *run = NULL;
    size_t n = 0, i;

    *ret_count = 0;
    if (!sb_journal_owed (j, pool, a, ret, &n, faults))
        return false;
    for (i = 0; i < n; i++) {
        struct sb_journal_owed owed = (*ret)[i];

        if (run == NULL || strcmp (run->id, owed.run) != 0) {
            sb_plan_release (&plan);
            plan = (struct sb_plan){ 0 };
            if (!sb_journal_run_find (j, owed.run, &c->arena, &run, faults) || run == NULL
                || !sb_plan_from_json (&plan, run->plan, strlen (run->plan), faults))
                break;
        }
        if (owed.step >= plan.count || !settled (c, j, run, &plan.steps[owed.step]))
            (*ret)[(*ret_count)++] = owed;
    }
    sb_plan_release (&plan);
    return i == n;
}
