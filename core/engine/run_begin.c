/* Before the first turn: locks, folder, the journal's records put back into the
 * engine, lanes, probes.  After the last: everything let go. */
#include "core/engine/run_internal.h"

#include "core/base/text.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBE_MS  2000
#define PAYING_MS 30000
#define LONG_PLAN 1000 /* steps */
#define HOLD_MS   5000 /* for the share to answer */

enum { EXIT_CONFIG = 3, EXIT_BUSY = 5, EXIT_JOURNAL = 6, EXIT_DEFECT = 70 };

/* ---------------------------------------------------------------- one run per pool, one process per run */

/* A watch that pays holds the pool for moments only; everybody else is not waited for. */
static enum sb_locked
take_pool (struct sb_run *run, char **ret_who)
{
    SB_AUTOFREE char *label = sb_xprintf ("%s%s", run->cfg->run, run->cfg->pay ? SB_RUN_PAYING : "");
    int64_t deadline = sb_deadline_in (PAYING_MS);
    enum sb_locked got;

    while ((got = sb_pool_take (&run->pool, run->cfg->topology, label, ret_who, run->faults)) == SB_LOCK_BUSY
           && *ret_who && strstr (*ret_who, SB_RUN_PAYING) && sb_mono_ms () < deadline) {
        free (*ret_who);
        *ret_who = NULL;
        sb_sleep_ms (50);
    }
    return got;
}

/* Across hosts: in the share where all of them meet.  Without a program of ours (tests) there is none. */
static bool
take_hold (struct sb_run *run)
{
    SB_AUTOFREE char *label = sb_xprintf ("run %s, pid %ld", run->cfg->run, (long) getpid ());
    struct sb_hold_cfg cfg = {
        .topology = run->cfg->topology, .label = label, .take_over = run->cfg->take_over, .ms = HOLD_MS
    };
    enum sb_held got;

    if (!run->cfg->registry)
        return true;
    cfg.program = sb_registry_program (run->cfg->registry);
    got = sb_hold_take (&run->hold, &cfg, &run->hold_text);
    run->hold_taken_over = got == SB_HELD && run->hold_text;
    if (got != SB_HELD_BUSY)
        return true;
    sb_fault (run->faults, NULL, 0, "a run on another host holds pool '%s': %s", run->plan->pool, run->hold_text);
    sb_fault_hint (run->faults,
                   "Wait for it, or abort it there. If that host is gone for good, or its run must not go on: "
                   "--take-over; it stays in the journal, and that run stops when it sees it.");
    return false;
}

static bool
take_locks (struct sb_run *run, int *ret_exit)
{
    SB_AUTOFREE char *who = NULL;
    enum sb_locked got = take_pool (run, &who);

    *ret_exit = got == SB_LOCK_FAILED ? EXIT_CONFIG : EXIT_BUSY;
    if (got == SB_LOCK_BUSY) {
        sb_fault (run->faults, NULL, 0, "another run holds pool '%s': %s", run->plan->pool, who ? who : "unknown");
        sb_fault_hint (run->faults, "`switchback status` shows it; wait for it, or abort it from there.");
    }
    if (got != SB_LOCK_TAKEN)
        return false;
    if (!take_hold (run))
        return false;
    got = sb_journal_own (run->cfg->journal, run->cfg->run, run->faults);
    if (got == SB_LOCK_BUSY) {
        sb_fault (run->faults, NULL, 0, "another process is at run %s", run->cfg->run);
        sb_fault_hint (run->faults, "`switchback status` shows it.");
    }
    *ret_exit = got == SB_LOCK_FAILED ? EXIT_JOURNAL : EXIT_BUSY;
    return got == SB_LOCK_TAKEN;
}

/* ---------------------------------------------------------------- what was */

struct replaying {
    struct sb_run *run;
    bool fine;
    size_t records;
};

static bool
replay_record (void *ctx, const struct sb_record *rec)
{
    struct replaying *x = ctx;
    struct sb_engine_record r;

    if (!sb_run_unbody (x->run, rec, &r)) {
        sb_fault (x->run->faults, sb_journal_path (x->run->cfg->journal), 0,
                  "record %lld does not fit the plan of its run", (long long) rec->seq);
        x->fine = false;
        return false;
    }
    sb_engine_replay (x->run->e, x->run->plan, &r);
    x->records++;
    return true;
}

static bool
replay (struct sb_run *run, int *ret_exit)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    struct replaying x = { run, true, 0 };
    struct sb_journal_run *row = NULL;

    *ret_exit = EXIT_JOURNAL;
    if (!sb_journal_run_row (run->cfg->journal, run->cfg->run, &a, &row, run->faults))
        return false;
    if (!row) {
        sb_fault (run->faults, sb_journal_path (run->cfg->journal), 0, "there is no run '%s'", run->cfg->run);
        *ret_exit = EXIT_CONFIG;
        return false;
    }
    if (strcmp (row->digest, run->plan->digest) != 0) {
        sb_fault (run->faults, NULL, 0, "run %s follows another plan: %.12s, not %.12s", run->cfg->run, row->digest,
                  run->plan->digest);
        *ret_exit = 1;
        return false;
    }
    run->started_ms = row->started_ms;
    run->row_added = true;
    if (!sb_journal_each (run->cfg->journal, run->cfg->run, 0, replay_record, &x, run->faults) || !x.fine)
        return false;
    sb_engine_forget_proofs (run->e);
    return true;
}

/* ---------------------------------------------------------------- this process */

static bool
make_folder (struct sb_run *run)
{
    SB_AUTOFREE char *runs = sb_path_join (run->cfg->state_dir ? run->cfg->state_dir : ".", "runs"), *full;

    full = runs[0] == '/' ? NULL : realpath (run->cfg->state_dir ? run->cfg->state_dir : ".", NULL);
    if (full) {
        free (runs);
        runs = sb_path_join (full, "runs");
    }
    run->dir = sb_path_join (runs, run->cfg->run);
    return sb_dir_make (run->dir, 0700, run->faults);
}

/* A long plan is kept as bytes too, for a resume that has no time to parse it; nothing depends on the file. */
static void
keep_image (struct sb_run *run)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf image = { 0 };
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    SB_AUTOFREE char *path = sb_path_join (run->dir, SB_RUN_IMAGE);

    if (run->plan->count < LONG_PLAN)
        return;
    sb_plan_to_image (run->plan, &image);
    if (sb_file_write (path, image.s, image.len, 0600, &ignored))
        sb_plan_image_seal (image.s, image.len, run->image);
}

static bool
take_seal (void *ctx, const struct sb_record *rec)
{
    json_t *body = rec->kind == SB_REC_RUN_BEGIN ? json_loads (rec->body, 0, NULL) : NULL;
    const char *seal = json_string_value (json_object_get (body, "image"));

    if (seal && strlen (seal) == SB_SHA256_HEX - 1)
        memcpy (ctx, seal, SB_SHA256_HEX);
    json_decref (body);
    return false; /* the first record says it or none */
}

bool
sb_run_image_seal (struct sb_journal *j, const char *run, char ret[SB_SHA256_HEX])
{
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };

    *ret = 0;
    sb_journal_each (j, run, 0, take_seal, ret, &ignored);
    return *ret != 0;
}

static void
name_times (struct sb_run *run)
{
    struct sb_buf text = { 0 }, stamp = { 0 };
    const char *c;

    sb_format_utc (&text, run->started_ms);
    for (c = sb_buf_cstr (&text); *c && *c != '.'; c++)
        if (*c >= '0' && *c <= '9')
            sb_buf_char (&stamp, *c);
    run->started_text = sb_buf_take (&text);
    run->stamp = sb_buf_take (&stamp);
}

static bool
open_lanes (struct sb_run *run)
{
    const struct sb_run_cfg *c = run->cfg;
    struct sb_lanes_cfg cfg = { .registry = c->registry,
                                .topology_file = c->topology_file,
                                .topology_text = c->topology_text,
                                .topology_len = c->topology_text ? strlen (c->topology_text) : 0,
                                .base = c->base,
                                .run = c->run,
                                .run_dir = run->dir,
                                .drill = c->drill || run->plan->drill,
                                .lanes = c->lanes,
                                .max_workers = c->max_workers };

    if (c->launcher) {
        run->launch = *c->launcher;
        return true;
    }
    run->lanes = sb_lanes_new (&cfg, run->faults);
    sb_launcher_of (&run->launch, run->lanes);
    return run->lanes != NULL;
}

struct sb_journal_run
sb_run_row (const struct sb_run *run)
{
    const struct sb_run_cfg *c = run->cfg;

    return (struct sb_journal_run){ .id = c->run,
                                    .workflow = run->plan->workflow,
                                    .pool = run->plan->pool,
                                    .digest = run->plan->digest,
                                    .plan = run->plan_json,
                                    .topology_file = c->topology_file ? c->topology_file : "",
                                    .topology = c->topology_text ? c->topology_text : "",
                                    .dir = run->dir,
                                    .info = c->info ? c->info : "{}",
                                    .drill = c->drill || run->plan->drill,
                                    .uid = getuid (),
                                    .started_ms = run->started_ms };
}

bool
sb_run_prepare (struct sb_run *run, int *ret_exit)
{
    const struct sb_run_cfg *c = run->cfg;
    bool again = c->resume || c->pay;
    struct sb_journal_run row;

    sb_operators_read (&run->operators, c->topology);
    run->operator_uid = getuid ();
    run->e = sb_xcalloc (1, sb_engine_size (run->plan));
    run->steps = sb_xcalloc (run->plan->count + 1, sizeof *run->steps);
    run->gates = sb_xcalloc (run->plan->ngates + 1, sizeof *run->gates);
    sb_engine_init (run->e, run->plan);
    run->started_ms = sb_now_ms ();
    if (!take_locks (run, ret_exit) || (again && !replay (run, ret_exit)))
        return false;
    *ret_exit = EXIT_CONFIG;
    if (!make_folder (run) || !open_lanes (run))
        return false;
    if (!again)
        keep_image (run);
    name_times (run);
    run->wall0 = sb_now_ms () > run->e->now ? sb_now_ms () : run->e->now;
    run->mono0 = sb_mono_ms ();
    if (!again) {
        run->plan_json = sb_plan_to_json (run->plan);
        row = sb_run_row (run);
        sb_journal_run_seal (&row, run->seal);
    }
    run->prober = sb_prober_new (c->topology, run->plan->sites, PROBE_MS);
    run->notify = sb_notifier_new (c->topology, c->journal, c->run, c->drill || run->plan->drill, c->messages);
    sb_run_approvals (run);
    *ret_exit = EXIT_JOURNAL;
    return sb_notifier_load (run->notify, run->faults) && sb_journal_head (c->journal, &run->head, run->faults);
}

void
sb_run_release (struct sb_run *run)
{
    uint32_t i;

    sb_lanes_free (run->lanes);
    sb_prober_free (run->prober);
    sb_notifier_free (run->notify);
    for (i = 0; run->steps && i < run->plan->count; i++) {
        json_decref (run->steps[i].params);
        free (run->steps[i].sentence);
        free (run->steps[i].question);
    }
    for (i = 0; i < run->npending; i++)
        free (run->pending[i].body);
    free (run->steps);
    free (run->gates);
    free (run->e);
    free (run->events);
    free (run->pending);
    free (run->backlog);
    free (run->approvals);
    free (run->inbox_taken);
    free (run->dir);
    free (run->hold_text);
    free (run->started_text);
    free (run->stamp);
    free (run->plan_json);
    sb_turn_free (&run->turn);
    sb_store_release (&run->store);
    sb_operators_free (&run->operators);
    sb_arena_release (&run->arena);
    sb_journal_disown (run->cfg->journal);
}
