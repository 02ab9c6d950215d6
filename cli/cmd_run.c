/* switchback run, resume, watch: the commands that make something happen. */
#include "cli/channels.h"
#include "cli/forecast.h"
#include "cli/lock.h"

#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/random.h"
#include "core/sys/sigs.h"
#include "core/sys/spawn.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAST_PAUSE_MS 100    /* of a watch: less would be a busy loop */
#define MOST_PAUSE_MS  300000 /* of a watch that pays in vain */
#define LAST_TELL_MS   5000   /* for messages under way at the end of a watch */
#define MOST_VAIN      4      /* attempts in vain before its pauses grow */

/* failover-20261121T120501-3f2a */
static char *
new_run_id (struct cli *c, const char *workflow)
{
    struct sb_buf stamp SB_CLEANUP (sb_buf_free) = { 0 };
    char hex[5], digits[20];
    const char *s;
    size_t n = 0;

    sb_format_utc (&stamp, sb_now_ms ());
    for (s = sb_buf_cstr (&stamp); *s != 0 && *s != '.' && n < sizeof digits - 1; s++)
        if ((*s >= '0' && *s <= '9') || *s == 'T')
            digits[n++] = *s;
    digits[n] = 0;
    sb_random_hex (hex, 4);
    return sb_arena_printf (&c->arena, "%s-%s-%s", workflow, digits, hex);
}

/* What bound this run when it began: the plan lock it was held to, and why it was begun in spite of a cool-down; and what
 * was foretold, so that it can be held against what came. */
static char *
begin_info (struct cli *c, struct sb_journal *j, const struct sb_plan *plan, const json_t *lock)
{
    static const char *const kept[] = { "lock", "fingerprint", "plugins", "observed" };
    json_t *o = json_object (), *held = lock == NULL ? NULL : json_object ();
    struct cli_forecast f;
    char *text;
    size_t i;

    for (i = 0; held != NULL && i < sizeof kept / sizeof *kept; i++)
        json_object_set (held, kept[i], json_object_get (lock, kept[i]));
    if (held != NULL)
        json_object_set_new (o, "plan_lock", held);
    if (cli_opt (c, "acknowledge") != NULL)
        json_object_set_new (o, "acknowledged", json_string (cli_opt (c, "acknowledge")));
    cli_forecast_make (&f, j, plan);
    if (f.known > 0)
        json_object_set_new (o, "forecast", cli_forecast_json (&f, plan));
    cli_forecast_free (&f);
    text = json_dumps (o, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref (o);
    return text;
}

/* Whoever names the lock of a plan has agreed to that plan: the gate before the first step asks for nothing else. */
static const char **
with_start (struct cli *c, const struct sb_plan *plan, const char **gates)
{
    const char **more;
    size_t n = 0;
    uint32_t i;

    for (i = 0; i < plan->ngates && strcmp (plan->gates[i].name, "start") != 0; i++)
        ;
    if (cli_opt (c, "approve-plan") == NULL || !plan->needs_approval || i == plan->ngates)
        return gates;
    while (gates[n] != NULL)
        n++;
    more = sb_arena_alloc (&c->arena, (n + 2) * sizeof *more);
    memcpy (more, gates, n * sizeof *more);
    more[n] = "start";
    more[n + 1] = NULL;
    return more;
}

/* The options that a resumed run needs again are few: gates are named anew. */
static int
begin (struct cli *c, struct sb_journal *j, const struct sb_plan *plan, bool all, const char **gates,
       const json_t *lock)
{
    char *info = begin_info (c, j, plan, lock);
    char *full = realpath (cli_topology_file (c), NULL);
    struct sb_run_cfg cfg = { .journal = j, .plan = plan, .topology = &c->topology, .registry = c->registry };
    int rc;

    cfg.topology_file = full == NULL ? cli_topology_file (c) : full;
    cfg.topology_text = sb_buf_cstr (&c->topology_text);
    cfg.base = c->base;
    cfg.state_dir = cli_state_dir (c);
    cfg.run = new_run_id (c, plan->workflow);
    cfg.wait = cfg.stay = cli_opt (c, "wait") != NULL;
    cfg.drill = plan->drill;
    cfg.approve_all = all;
    cfg.approve = gates;
    cfg.info = info;
    cfg.take_over = cli_opt (c, "take-over") != NULL;
    rc = cli_run (c, &cfg);
    free (full);
    free (info);
    return rc;
}

int
cmd_run (struct cli *c)
{
    struct sb_workflow w = { 0 };
    struct sb_plan plan = { 0 };
    struct sb_journal *j = NULL;
    const char **gates = NULL;
    bool all = false, tried;
    json_t *lock = NULL;
    int rc = cli_load_topology (c), owed;

    if (rc == EXIT_DONE)
        rc = cli_load_plugins (c);
    if (rc == EXIT_DONE)
        rc = cli_load_workflow (c, c->args[0], &w);
    if (rc == EXIT_DONE && w.checks) {
        cli_error ("workflow '%s' only asks; it cannot be run", w.name);
        cli_hint ("'switchback check' asks it.");
        rc = EXIT_USAGE;
    }
    if (rc == EXIT_DONE)
        rc = cli_make_plan (c, &w, &plan);
    if (rc == EXIT_DONE)
        rc = cli_approvals (c, &plan, &all, &gates);
    if (rc == EXIT_DONE)
        rc = cli_lock_check (c, &plan, &lock);
    if (rc == EXIT_DONE)
        j = cli_journal (c, true, &rc);
    if (rc == EXIT_DONE)
        rc = cli_cool_down (c, j, &plan);
    if (rc == EXIT_DONE && (owed = cli_pay_owed (c, j, &tried)) < 0)
        rc = owed == -2 ? EXIT_SIGNAL : EXIT_JOURNAL;
    if (rc == EXIT_DONE)
        rc = begin (c, j, &plan, all, with_start (c, &plan, gates), lock);
    json_decref (lock);
    sb_journal_close (j);
    sb_plan_release (&plan);
    sb_workflow_release (&w);
    return rc;
}

/* Another process is at the run: it hears the wish, and undoes what it did. */
static int
abort_elsewhere (struct cli *c, struct sb_journal *j, const char *run, const char *who)
{
    if (!sb_journal_inbox_put (j, run, "abort", "{}", sb_now_ms (), &c->faults))
        return cli_fail (c, EXIT_JOURNAL);
    if (c->json)
        return cli_print_json (json_pack ("{s:s, s:s}", "run", run, "told", "abort"));
    printf ("told run %s (%s) to abort\n", run, who);
    return EXIT_DONE;
}

/* The run that is named, else the newest one that has something left to do. */
static bool
find_unfinished (struct cli *c, struct sb_journal *j, struct sb_journal_run **ret)
{
    struct sb_journal_run *runs;
    size_t n = 0, i;

    if (c->nargs > 0)
        return sb_journal_run_find (j, c->args[0], &c->arena, ret, &c->faults);
    if (!sb_journal_runs (j, &c->arena, &runs, &n, &c->faults))
        return false;
    for (i = 0; i < n && *ret == NULL; i++)
        if (runs[i].outcome == NULL && !cli_overtaken (j, &runs[i]))
            *ret = &runs[i];
    return true;
}

int
cmd_resume (struct cli *c)
{
    struct sb_journal_run *run = NULL;
    char *who SB_AUTOFREE = NULL;
    struct sb_plan plan = { 0 };
    struct sb_run_cfg cfg;
    int rc;
    struct sb_journal *j = cli_existing_journal (c, &rc);

    if (rc == EXIT_DONE && j != NULL && !find_unfinished (c, j, &run))
        rc = cli_fail (c, EXIT_JOURNAL);
    if (rc == EXIT_DONE && run == NULL && c->nargs > 0) {
        cli_error ("the journal in '%s' has no run '%s'", cli_state_dir (c), c->args[0]);
        cli_hint ("'switchback history' lists the runs.");
        rc = EXIT_USAGE;
    } else if (rc == EXIT_DONE && run == NULL) {
        if (c->json)
            cli_print_json (json_pack ("{s:n, s:s}", "run", "outcome", "nothing unfinished"));
        else
            puts ("nothing is unfinished");
    } else if (rc == EXIT_DONE && cli_opt (c, "abort") != NULL && sb_journal_owned (j, run->id, &who)) {
        rc = abort_elsewhere (c, j, run->id, who == NULL ? "running" : who);
    } else if (rc == EXIT_DONE) {
        rc = cli_prepare_resume (c, j, run, &plan, &cfg);
        if (rc == EXIT_DONE)
            rc = cli_approvals (c, &plan, &cfg.approve_all, (const char ***) &cfg.approve);
        cfg.wait = cfg.stay = cli_opt (c, "wait") != NULL;
        cfg.take_over = cli_opt (c, "take-over") != NULL;
        if (rc == EXIT_DONE && cli_opt (c, "abort") != NULL
            && !sb_journal_inbox_put (j, run->id, "abort", "{}", sb_now_ms (), &c->faults))
            rc = cli_fail (c, EXIT_JOURNAL);
        if (rc == EXIT_DONE)
            rc = cli_run (c, &cfg);
    }
    sb_journal_close (j);
    sb_plan_release (&plan);
    return rc;
}

static bool
stopped (int fd, int64_t ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll (&p, 1, (int) ms) > 0 && sb_signal_next (fd) != 0;
}

/* A watch under way. */
struct watching {
    int64_t interval_ms, until; /* until: sb_mono_ms(), or SB_NEVER */
    int before;                 /* what was owed when we looked last; -1: not yet */
    unsigned vain;              /* attempts in a row that paid nothing */
    int64_t check_ms, check_at; /* every so long the steady state is looked at; 0: never */
    pid_t teller;               /* delivers messages beside us; 0: nobody does */
    bool drill;                 /* all that is, or was, owed is owed by drills */
};

/* Tells what has changed; with --json one object a line. */
static void
tell_watch (struct cli *c, struct watching *w, int left)
{
    if (c->json && (left != w->before || json_array_size (c->paid) > 0)) {
        json_t *line = json_pack ("{s:i, s:O}", "owed", left, "paid", c->paid);

        json_dumpf (line, stdout, JSON_COMPACT);
        putchar ('\n');
        json_decref (line);
        json_array_clear (c->paid);
    } else if (!c->json && left != w->before) {
        printf (left == 0   ? "nothing is owed\n"
                : left == 1 ? "%d step is owed to a site that does not answer, or not as it should\n"
                            : "%d steps are owed to sites that do not answer, or not as they should\n",
                left);
    }
    fflush (stdout);
    w->before = left;
}

/* Do only drills owe something?  With nothing owed it stays as it was. */
static bool
only_drills (struct cli *c, struct sb_journal *j, bool before)
{
    const struct sb_object *pool = sb_topology_pool (&c->topology);
    json_t *owed = cli_owed_json (c, j, pool == NULL ? NULL : pool->name), *one;
    bool only = json_array_size (owed) > 0;
    size_t i;

    json_array_foreach (owed, i, one) only = only && json_is_true (json_object_get (one, "drill"));
    if (json_array_size (owed) == 0)
        only = before;
    json_decref (owed);
    return only;
}

/* People hear of it when what is owed changes, and when it is tried in vain. */
static void
tell_people (struct cli *c, struct sb_journal *j, struct watching *w, int left)
{
    bool vain = w->vain == MOST_VAIN + 1;
    const char *text;

    if ((left == w->before && !vain) || (w->before < 0 && left == 0) || !sb_notify_wanted (&c->topology, "watch"))
        return;
    w->drill = only_drills (c, j, w->drill);
    text = left == 0 ? "nothing is owed any more"
           : vain    ? sb_arena_printf (&c->arena, "%d owed, and %u attempts have paid nothing", left, w->vain)
                     : sb_arena_printf (&c->arena, "%d owed to sites that do not answer, or not as they should", left);
    cli_tell_watch (c, j, text, text, w->drill);
}

/* Is there a message to be sent, or to be told to the next channel? */
static bool
has_mail (struct sb_journal *j)
{
    struct sb_arena a SB_CLEANUP (sb_arena_release) = { 0 };
    struct sb_faults ignored SB_CLEANUP (sb_faults_free) = { 0 };
    int64_t now = sb_now_ms ();
    struct sb_note *notes;
    size_t n = 0, i;
    bool due = false;

    if (!sb_journal_notes (j, NULL, "open", &a, &notes, &n, &ignored))
        return false; /* whoever needs the journal for more than this says what is wrong with it */
    for (i = 0; i < n && !due; i++)
        due = (strcmp (notes[i].state, "queued") == 0 && notes[i].next_ms <= now)
              || (notes[i].escalate_ms > 0 && notes[i].escalate_ms <= now);
    return due;
}

/* `notify deliver` beside the watch: an endpoint may take its time, and has it. */
static void
tell_beside (struct cli *c, struct sb_journal *j, struct watching *w)
{
    static const struct sb_spawn_fd fds[] = { { -1, 0 }, { -1, 1 } };
    const char *argv[64] = { c->paths.program, "notify", "deliver" };
    struct sb_spawn what = { .argv = argv, .fds = fds, .nfds = 2, .die_signal = SIGTERM };
    struct sb_exit ended;
    size_t n = 3, i;

    if (w->teller > 0 && sb_wait (w->teller, sb_deadline_in (0), &ended) == SB_WAIT_LATE)
        return;
    w->teller = 0;
    if (!has_mail (j))
        return;
    for (i = 0; i < c->nvalues && n < 60; i++)
        if (strcmp (c->values[i].name, "topology") == 0 || strcmp (c->values[i].name, "state") == 0
            || strcmp (c->values[i].name, "plugins") == 0) {
            argv[n++] = sb_arena_printf (&c->arena, "--%s", c->values[i].name);
            argv[n++] = c->values[i].value;
        }
    w->teller = sb_spawn (&what, &c->faults);
    if (w->teller < 0)
        cli_fail (c, EXIT_FAILED);
}

/* What is on its way gets a moment more. */
static void
end_telling (struct watching *w)
{
    struct sb_exit ended;

    if (w->teller > 0 && sb_wait (w->teller, sb_deadline_in (LAST_TELL_MS), &ended) == SB_WAIT_LATE)
        sb_end (w->teller, false, LAST_TELL_MS);
    w->teller = 0;
}

/* A site that answers but cannot be paid would fill the journal: after a few attempts in vain the pauses grow. */
static int64_t
watch_pause (const struct watching *w)
{
    int64_t pause = w->interval_ms, left;
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    unsigned k;

    for (k = MOST_VAIN; k < w->vain && pause < MOST_PAUSE_MS; k++)
        pause = pause * 2 < MOST_PAUSE_MS ? pause * 2 : MOST_PAUSE_MS;
    if (w->vain > MOST_VAIN) {
        sb_format_duration (&text, pause);
        fprintf (stderr, "%u attempts have paid nothing; the next one in %s\n", w->vain, sb_buf_cstr (&text));
    }
    if (w->until == SB_NEVER)
        return pause;
    left = w->until - sb_mono_ms ();
    return left < 0 ? 0 : left < pause ? left : pause;
}

static int
watch (struct cli *c, struct sb_journal *j, struct watching *w, int fd)
{
    bool once = cli_opt (c, "once") != NULL, tried;
    int left;

    for (;;) {
        left = cli_pay_owed (c, j, &tried);
        if (left == -2) /* the signal was meant for the watch */
            return EXIT_DONE;
        if (left < 0)
            return EXIT_JOURNAL;
        w->vain = tried && left == w->before ? w->vain + 1 : 0;
        tell_people (c, j, w, left);
        tell_watch (c, w, left);
        if (w->check_ms > 0 && sb_mono_ms () >= w->check_at) {
            cli_check_readiness (c, j);
            w->check_at = sb_mono_ms () + w->check_ms;
        }
        tell_beside (c, j, w);
        if (once || (w->until != SB_NEVER && sb_mono_ms () >= w->until) || stopped (fd, watch_pause (w)))
            return EXIT_DONE;
    }
}

int
cmd_watch (struct cli *c)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    struct watching w = { .interval_ms = 10000, .until = SB_NEVER, .before = -1 };
    const struct sb_object *policy;
    const char *text = cli_opt (c, "for"), *every = cli_opt (c, "check");
    struct sb_journal *j;
    int64_t limit;
    int rc, fd;

    if (text != NULL && !sb_parse_duration (text, &limit)) {
        cli_error ("'--for %s' is not a time", text);
        cli_hint ("Write it as 30s or 5m.");
        return EXIT_USAGE;
    }
    if (every != NULL && (!sb_parse_duration (every, &w.check_ms) || w.check_ms <= 0)) {
        cli_error ("'--check %s' is not a time", every);
        cli_hint ("Write it as 5m or 1h.");
        return EXIT_USAGE;
    }
    rc = cli_load_topology (c);
    if (rc == EXIT_DONE)
        rc = cli_load_plugins (c);
    if (rc != EXIT_DONE)
        return rc;
    policy = sb_topology_nth (&c->topology, "policy", 0);
    if (policy != NULL && sb_object_attr (policy, "watch interval") != NULL)
        sb_parse_duration (sb_object_attr (policy, "watch interval"), &w.interval_ms);
    if (w.interval_ms < LEAST_PAUSE_MS)
        w.interval_ms = LEAST_PAUSE_MS;
    if (text != NULL)
        w.until = sb_mono_ms () + limit;
    j = cli_journal (c, true, &rc);
    fd = rc == EXIT_DONE ? sb_signal_fd (signals, &c->faults) : -1;
    if (rc == EXIT_DONE)
        rc = fd < 0 ? cli_fail (c, EXIT_DEFECT) : watch (c, j, &w, fd);
    end_telling (&w);
    if (fd >= 0)
        close (fd);
    sb_journal_close (j);
    return rc;
}
