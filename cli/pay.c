/* Paying: what earlier runs owe to a site is done as soon as something of that
 * site answers.  A dark site is asked before a run is taken up, so that waiting
 * for it writes nothing. */
#include "cli/channels.h"

#include "core/engine/probe.h"
#include "core/sys/lock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_MS  1000
#define NOTIFY_MS 3000

/* Is there anything in the site that could be asked for a connection?  The kinds are those of core/engine/probe.h. */
static bool
can_be_probed (const struct sb_topology *t, const char *site)
{
    size_t i;

    for (i = 0; i < t->count; i++) {
        const struct sb_object *o = &t->objects[i];
        const char *at = sb_object_site (t, o);

        if (at != NULL && strcmp (at, site) == 0
            && (strcmp (o->kind, "instance") == 0 || strcmp (o->kind, "frontend") == 0))
            return true;
    }
    return false;
}

static bool
site_answers (const struct sb_topology *t, const char *const *sites, uint32_t site)
{
    struct sb_prober *p = sb_prober_new (t, sites, PROBE_MS);
    uint32_t which, answers = 0;
    int left = -1;

    sb_prober_start (p, site);
    while (!sb_prober_next (p, &which, &answers, &left)) {
        struct pollfd in = { .fd = sb_prober_fd (p), .events = POLLIN };

        poll (&in, 1, left);
        left = -1;
    }
    sb_prober_free (p);
    return answers > 0;
}

/* Is one of the sites that this run owes something to there again?  What has no site, or nothing that can be probed in
 * it, has to be tried. */
static bool
worth_paying (const struct sb_topology *t, const struct sb_plan *plan, const struct sb_journal_owed *owed, size_t count,
              const char *run)
{
    const char *const *sites = (const char *const *) plan->sites;
    bool *due, worth = false;
    uint32_t n = 0, k;
    size_t i;

    while (sites[n] != NULL)
        n++;
    due = sb_xcalloc (n + 1, sizeof *due);
    for (i = 0; i < count && !worth; i++) {
        const char *site = owed[i].step < plan->count ? plan->steps[owed[i].step].site : NULL;

        if (strcmp (owed[i].run, run) != 0 || owed[i].step >= plan->count)
            continue;
        for (k = 0; k < n && (site == NULL || strcmp (sites[k], site) != 0); k++)
            ;
        if (k == n || !can_be_probed (t, site))
            worth = true;
        else
            due[k] = true;
    }
    for (k = 0; k < n && !worth; k++)
        worth = due[k] && site_answers (t, sites, k);
    free (due);
    return worth;
}

/* The run that owes has a topology of its own, as it was then: it is paid in a context of its own. */
static int
pay_run (struct cli *c, struct sb_journal *j, const struct sb_journal_owed *owed, size_t count, const char *id,
         bool *ret_tried)
{
    struct cli then = {
        .command = c->command, .values = c->values, .nvalues = c->nvalues, .json = c->json, .color = c->color
    };
    struct sb_journal_run *run;
    struct sb_plan plan = { 0 };
    struct sb_run_cfg cfg;
    int rc;

    then.paid = json_incref (c->paid);
    sb_paths_find (&then.paths);
    if (!sb_journal_run_find (j, id, &then.arena, &run, &then.faults) || run == NULL)
        rc = cli_fail (&then, EXIT_JOURNAL);
    else
        rc = cli_prepare_resume (&then, j, run, &plan, &cfg);
    if (rc == EXIT_DONE && worth_paying (&then.topology, &plan, owed, count, id)) {
        fprintf (stderr, "paying what run %s owes\n", id);
        cfg.pay = true;
        cfg.notify_ms = NOTIFY_MS;
        *ret_tried = true;
        rc = cli_run (&then, &cfg);
    }
    sb_plan_release (&plan);
    then.values = NULL; /* borrowed */
    cli_release (&then);
    return rc;
}

int
cli_pay_owed (struct cli *c, struct sb_journal *j, bool *ret_tried)
{
    const char *pool = sb_topology_pool (&c->topology) == NULL ? NULL : sb_topology_pool (&c->topology)->name;
    struct sb_arena a SB_CLEANUP (sb_arena_release) = { 0 };
    struct sb_journal_owed *owed;
    size_t n, i;

    *ret_tried = false;
    if (c->paid == NULL)
        c->paid = json_array ();
    if (!cli_owed (j, pool, &a, &owed, &n, &c->faults))
        return cli_fail (c, -1);
    for (i = 0; i < n; i++)
        if ((i == 0 || strcmp (owed[i].run, owed[i - 1].run) != 0)
            && pay_run (c, j, owed, n, owed[i].run, ret_tried) == EXIT_SIGNAL)
            return -2;
    if (!cli_owed (j, pool, &a, &owed, &n, &c->faults))
        return cli_fail (c, -1);
    return (int) n;
}

/* Has an earlier message of the list the same run? */
static bool
was_seen (const struct sb_note *notes, size_t i)
{
    size_t k;

    for (k = 0; k < i; k++)
        if (strcmp (notes[k].run, notes[i].run) == 0)
            return true;
    return false;
}

void
cli_tell_rest (struct cli *c, struct sb_journal *j, int64_t ms)
{
    struct sb_arena a SB_CLEANUP (sb_arena_release) = { 0 };
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    const char *path = sb_arena_printf (&a, "%s/journal.db.notes.lock", cli_state_dir (c));
    struct sb_run_cfg cfg = cli_outside (c, j);
    struct sb_lock lock = SB_LOCK_NONE; /* two that deliver at once would deliver twice */
    struct sb_journal_run *run;
    struct sb_note *notes;
    size_t n = 0, i;

    if (sb_lock_take (&lock, path, NULL, &ignored) != SB_LOCK_TAKEN)
        return;
    if (!sb_journal_notes (j, NULL, "open", &a, &notes, &n, &ignored))
        n = 0; /* whoever needs the journal for more than this says what is wrong with it */
    for (i = 0; i < n; i++) {
        bool outside = notes[i].run[0] == 0;

        if (was_seen (notes, i)
            || (!outside
                && (sb_journal_owned (j, notes[i].run, NULL)
                    || !sb_journal_run_find (j, notes[i].run, &a, &run, &ignored) || run == NULL)))
            continue;
        cfg.run = outside ? "" : run->id;
        cfg.drill = !outside && run->drill;
        sb_notify_rest (&cfg, ms, &ignored);
    }
    sb_lock_release (&lock);
}

/* Was the run a drill?  An unknown one was not. */
static bool
was_drill (struct cli *c, struct sb_journal *j, const char *id)
{
    struct sb_journal_run *run = NULL;

    return sb_journal_run_find (j, id, &c->arena, &run, &c->faults) && run != NULL && run->drill;
}

json_t *
cli_owed_json (struct cli *c, struct sb_journal *j, const char *pool)
{
    struct sb_journal_owed *owed = NULL;
    json_t *list = json_array ();
    size_t n = 0, i;

    if (j != NULL && !cli_owed (j, pool, &c->arena, &owed, &n, &c->faults)) {
        json_decref (list);
        return NULL;
    }
    for (i = 0; i < n; i++)
        json_array_append_new (list, json_pack ("{s:s, s:s, s:s, s:I, s:b}", "run", owed[i].run, "workflow",
                                                owed[i].workflow, "step", owed[i].name, "since_ms",
                                                (json_int_t) owed[i].since_ms, "drill", was_drill (c, j, owed[i].run)));
    return list;
}
