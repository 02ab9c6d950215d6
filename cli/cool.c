/* Cool-down: a pool that was moved a short while ago is not moved again without
 * somebody saying why.  Two sites that hand a pool to and fro are worse than one
 * that is down. */
#include "cli/runs.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <string.h>

/* Does it pass a point of no return, or leave a site? */
static bool
moves (const struct sb_plan *p)
{
    uint32_t i;

    for (i = 0; i < p->count; i++)
        if (p->steps[i].no_return)
            return true;
    return false;
}

static bool
moved (const struct sb_journal_run *run)
{
    struct sb_plan plan = { 0 };
    struct sb_faults ignored = { 0 };
    bool yes = run->outcome != NULL && strncmp (run->outcome, "done", 4) == 0 && !run->drill
               && sb_plan_from_json (&plan, run->plan, strlen (run->plan), &ignored) && moves (&plan);

    sb_plan_release (&plan);
    sb_faults_free (&ignored);
    return yes;
}

int
cli_cool_down (struct cli *c, struct sb_journal *j, const struct sb_plan *p)
{
    const struct sb_object *policy = sb_topology_nth (&c->topology, "policy", 0);
    const char *text = policy == NULL ? NULL : sb_object_attr (policy, "cool down"), *why = cli_opt (c, "acknowledge");
    struct sb_buf ago SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_journal_run *runs;
    int64_t cool = 0, now = sb_now_ms ();
    size_t n, i;

    if (text != NULL)
        sb_parse_duration (text, &cool);
    if (cool <= 0 || p->drill || !moves (p) || (why != NULL && why[0] != 0))
        return EXIT_DONE;
    if (!sb_journal_runs (j, &c->arena, &runs, &n, &c->faults))
        return cli_fail (c, EXIT_JOURNAL);
    for (i = 0; i < n; i++) {
        if (strcmp (runs[i].pool, p->pool) != 0 || runs[i].ended_ms == 0 || now - runs[i].ended_ms >= cool
            || !moved (&runs[i]))
            continue;
        sb_format_duration (&ago, now - runs[i].ended_ms);
        cli_error ("pool '%s' was moved %s ago by run %s (%s), and [policy] cool down = %s", p->pool,
                   sb_buf_cstr (&ago), runs[i].id, runs[i].workflow, text);
        cli_hint ("When it has to be moved again so soon, say why: --acknowledge \"REASON\". It stays in the journal.");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}
