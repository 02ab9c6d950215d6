/* The loop: collect what has come, let the engine decide, make it durable, act.
 * A turn that begins nothing in the world need not wait for the disk; its records
 * go with the next that does, or after ten idle milliseconds. */
#include "core/engine/run_internal.h"

#include "core/engine/die.h"
#include "core/sys/clock.h"
#include "core/sys/sigs.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INBOX_MS     250
#define NOTIFY_MS    5000
#define MOMENT_MS    1000
#define EXIT_JOURNAL 6

const struct sb_plan *
sb_run_plan (const struct sb_run *run)
{
    return run->plan;
}

const struct sb_engine *
sb_run_engine (const struct sb_run *run)
{
    return run->e;
}

int64_t
sb_run_now (const struct sb_run *run)
{
    return run->wall0 + (sb_mono_ms () - run->mono0);
}

void
sb_run_push (struct sb_run *run, const struct sb_event *ev)
{
    SB_PUSH (run->events, run->nevents, run->events_cap) = *ev;
}

/* ---------------------------------------------------------------- collecting */

static void
push_signals (struct sb_run *run)
{
    struct sb_event ev = { .kind = SB_EV_STOP };
    int signo;

    while (run->cfg->signal_fd >= 0 && (signo = sb_signal_next (run->cfg->signal_fd)) != 0) {
        run->signal = signo;
        sb_run_push (run, &ev);
    }
}

/* Somebody took the pool over: this run begins nothing more. */
static void
look_at_hold (struct sb_run *run)
{
    struct sb_event ev = { .kind = SB_EV_STOP };
    struct pollfd in = { .fd = run->hold.fd, .events = POLLIN };

    if (run->hold.fd < 0 || poll (&in, 1, 0) <= 0)
        return;
    sb_hold_let_go (&run->hold);
    if (run->cfg->view && run->cfg->view->log)
        run->cfg->view->log (run->cfg->view_ctx, run, SB_NO_STEP, SB_WARNING,
                             "the hold on the pool is lost: a run on another host took it over, or its keeper died; "
                             "this run begins nothing more");
    sb_run_push (run, &ev);
}

static void
push_timers (struct sb_run *run)
{
    struct sb_event ev = { .kind = SB_EV_TIMER };

    if (sb_engine_next_timer (run->e) <= sb_run_now (run))
        sb_run_push (run, &ev);
}

static void
push_probes (struct sb_run *run, int *timeout)
{
    struct sb_event ev = { .kind = SB_EV_PROBED };

    while (sb_prober_next (run->prober, &ev.site, &ev.answers, timeout))
        sb_run_push (run, &ev);
}

static void
look_at_inbox (struct sb_run *run)
{
    if (sb_mono_ms () < run->inbox_at)
        return;
    run->inbox_at = sb_deadline_in (INBOX_MS);
    if (run->row_added && sb_journal_stirred (run->cfg->journal))
        sb_run_inbox (run);
}

static void
collect (struct sb_run *run, int *timeout)
{
    if (run->launch.drain (run->launch.self, sb_run_lane_event, run) > 0)
        sb_run_backlog (run);
    push_signals (run);
    push_timers (run);
    push_probes (run, timeout);
    look_at_inbox (run);
    sb_run_desk (run);
    look_at_hold (run);
}

/* ---------------------------------------------------------------- waiting */

static int
sooner (int timeout, int64_t left)
{
    int ms = left <= 0 ? 0 : left > 60000 ? 60000 : (int) left;

    return timeout < 0 || ms < timeout ? ms : timeout;
}

static int64_t
until (const struct sb_run *run, int64_t at)
{
    return at == SB_NEVER ? SB_NEVER : at - sb_run_now (run);
}

static void
wait_for_something (struct sb_run *run, int timeout)
{
    size_t n = run->launch.poll_fds (run->launch.self, NULL, 0, &timeout), own = 0;
    struct pollfd *fds = sb_xcalloc (n + 5 + SB_DESK_SEATS, sizeof *fds);

    n = run->launch.poll_fds (run->launch.self, fds, n, &timeout);
    fds[n + own++] = (struct pollfd){ .fd = sb_prober_fd (run->prober), .events = POLLIN };
    fds[n + own++] = (struct pollfd){ .fd = run->cfg->signal_fd, .events = POLLIN };
    fds[n + own++] = (struct pollfd){ .fd = run->view_fd, .events = POLLIN };
    fds[n + own++] = (struct pollfd){ .fd = run->hold.fd, .events = POLLIN };
    own += sb_desk_fds (run->pool.desk, fds + n + own, 1 + SB_DESK_SEATS);
    timeout = sooner (timeout, until (run, sb_engine_next_timer (run->e)));
    timeout = sooner (timeout, until (run, sb_notifier_due (run->notify)));
    timeout = sooner (timeout, sb_deadline_left (run->inbox_at));
    if (run->flush_at != SB_NEVER)
        timeout = sooner (timeout, sb_deadline_left (run->flush_at));
    poll (fds, (nfds_t) (n + own), timeout);
    free (fds);
}

/* ---------------------------------------------------------------- a turn */

static bool
needs_disk (const struct sb_command *c)
{
    return (c->kind == SB_CMD_RUN && !c->reads) || c->kind == SB_CMD_FINISH || c->kind == SB_CMD_NOTIFY;
}

static void
decide (struct sb_run *run)
{
    size_t k;

    run->turn.count = 0;
    run->must_commit = false;
    for (k = 0; k < run->nevents; k++) {
        run->events[k].now = sb_run_now (run);
        sb_engine_event (run->e, run->plan, &run->events[k], &run->turn);
    }
    run->nevents = 0;
    for (k = 0; k < run->turn.count; k++) {
        if (run->turn.list[k].kind == SB_CMD_RECORD)
            sb_run_pend (run, &run->turn.list[k].record);
        run->must_commit = run->must_commit || needs_disk (&run->turn.list[k]);
    }
}

static void
act (struct sb_run *run, const struct sb_command *c)
{
    switch (c->kind) {
    case SB_CMD_VERIFY:
    case SB_CMD_RUN:
    case SB_CMD_LOCATE:
        sb_run_call (run, c);
        break;
    case SB_CMD_KILL:
        sb_run_kill (run, c->step);
        break;
    case SB_CMD_PROBE:
        sb_prober_start (run->prober, c->site);
        break;
    case SB_CMD_ASK:
        sb_run_ask (run, c->step);
        break;
    case SB_CMD_FINISH:
        run->finished = true;
        run->outcome = c->outcome;
        break;
    case SB_CMD_RECORD:
    case SB_CMD_NOTIFY:
        break; /* done by the commit */
    }
}

/* A hold that was taken from somebody has a record of its own, behind the one that begins or resumes the run. */
static void
note_hold (struct sb_run *run)
{
    struct sb_engine_record r = {
        .kind = SB_REC_TAKEN_OVER, .step = SB_NO_STEP, .at = sb_run_now (run), .accepted = true
    };
    json_t *o;
    char *text;

    if (!run->hold_taken_over || run->hold_told)
        return;
    run->hold_told = true;
    o = json_pack ("{s:s}", "name", run->hold_text);
    text = json_dumps (o, JSON_COMPACT);
    r.by = sb_run_by (run, getuid (), "command", NULL);
    r.target = sb_store_text (&run->store, text);
    sb_run_pend (run, &r);
    free (text);
    json_decref (o);
}

static void
turn (struct sb_run *run)
{
    const struct sb_run_view *view = run->cfg->view;
    bool late = run->flush_at != SB_NEVER && sb_deadline_left (run->flush_at) == 0;
    size_t k;

    if (run->nevents > 0)
        sb_die_here (SB_DIE_ON_ANSWER);
    decide (run);
    note_hold (run);
    if ((run->must_commit || late || sb_notifier_unsaved (run->notify)) && !sb_run_commit (run)) {
        run->broken = true;
        return;
    }
    for (k = 0; k < run->turn.count && !run->finished; k++)
        act (run, &run->turn.list[k]);
    if (run->turn.count > 0)
        sb_die_here (SB_DIE_AFTER_ACT);
    run->turn.count = 0;
    sb_notifier_pump (run->notify, &run->launch, sb_run_now (run));
    run->view_fd = -1;
    if (view && view->turn)
        view->turn (run->cfg->view_ctx, run, &run->view_fd);
}

static void
loop (struct sb_run *run)
{
    while (!run->finished && !run->broken) {
        int timeout = -1;
        collect (run, &timeout);
        if (run->nevents == 0 && !run->broken) {
            wait_for_something (run, timeout);
            collect (run, &timeout);
        }
        if (!run->broken)
            turn (run);
    }
}

/* ---------------------------------------------------------------- after the last turn */

static void
drop_lane_event (void *ctx, const struct sb_lane_event *le)
{
    struct sb_run *run = ctx;

    if (le->id & SB_NOTE_CALLS)
        sb_notifier_event (run->notify, le, sb_run_now (run));
}

/* Is there anything worth waiting for?  Who only clears what was left does not wait for the pauses between two tries. */
static bool
goes_on (const struct sb_run *run, bool patient)
{
    return sb_notifier_unsaved (run->notify) || sb_notifier_flying (run->notify) > 0
           || (patient ? sb_notifier_waiting (run->notify) > 0
                       : sb_notifier_due (run->notify) <= sb_run_now (run) + MOMENT_MS);
}

/* Messages get a few seconds; what is left stays in the queue for the next process. */
static void
deliver (struct sb_run *run, int64_t ms, bool patient)
{
    int64_t deadline = sb_deadline_in (ms);

    sb_notifier_pump (run->notify, &run->launch, sb_run_now (run));
    while (goes_on (run, patient) && sb_deadline_left (deadline) > 0) {
        int timeout = sooner (-1, sb_deadline_left (deadline));
        if (sb_notifier_unsaved (run->notify) && !sb_run_commit (run)) {
            run->broken = true;
            return;
        }
        sb_notifier_pump (run->notify, &run->launch, sb_run_now (run));
        timeout = sooner (timeout, until (run, sb_notifier_due (run->notify)));
        wait_for_something (run, timeout);
        run->launch.drain (run->launch.self, drop_lane_event, run);
        push_signals (run);
        if (run->nevents > 0)
            break;
    }
    if (sb_notifier_unsaved (run->notify) && !sb_run_commit (run))
        run->broken = true;
}

static void
count_steps (const struct sb_run *run, struct sb_run_result *ret)
{
    uint32_t i;

    for (i = 0; i < run->e->count; i++) {
        const struct sb_engine_step *s = &sb_engine_steps (run->e)[i];
        bool ours = (s->flags & SB_STEP_MAYBE) || s->purpose == SB_FOR_READ || !run->plan->steps[i].role;
        switch (s->phase) {
        case SB_PHASE_DONE:
            ++*(ours ? &ret->done : &ret->adopted);
            break;
        case SB_PHASE_SKIPPED:
            ret->skipped++;
            break;
        case SB_PHASE_OWED:
            ret->owed++;
            break;
        case SB_PHASE_FAILED:
            ret->failed++;
            break;
        case SB_PHASE_HELD:
            ret->held++;
            break;
        case SB_PHASE_UNDONE:
            ret->undone++;
            break;
        case SB_PHASE_ASKED:
            ret->open_gates++;
            break;
        default:
            break;
        }
    }
}

static void
give_account (struct sb_run *run, struct sb_run_result *ret)
{
    ret->outcome = run->finished ? run->outcome : SB_RUN_GOES_ON;
    ret->exit_code = run->broken ? EXIT_JOURNAL : sb_outcome_words[ret->outcome].exit_code;
    ret->took_ms = sb_mono_ms () - run->begun_mono;
    ret->people_ms = run->e->people_ms + (run->e->asked ? sb_run_now (run) - run->e->gates_since : 0);
    ret->head = run->head;
    ret->signal = run->signal;
    count_steps (run, ret);
}

bool
sb_run (const struct sb_run_cfg *cfg, struct sb_run_result *ret, struct sb_faults *faults)
{
    struct sb_run run = { .cfg = cfg, .plan = cfg->plan, .flush_at = SB_NEVER, .view_fd = -1, .faults = faults };
    struct sb_event start = { .kind = SB_EV_START, .wait = cfg->wait, .stay = cfg->stay, .pay = cfg->pay };
    uint64_t syncs = sb_journal_syncs (cfg->journal);
    bool fine;

    *ret = (struct sb_run_result){ .exit_code = 70 };
    run.pool = SB_POOL_NONE;
    run.hold = SB_HOLD_NONE;
    run.begun_mono = sb_mono_ms ();
    fine = sb_run_prepare (&run, &ret->exit_code);
    if (fine) {
        start.by = sb_run_by (&run, getuid (), "command", NULL);
        if (run.row_added)
            sb_run_inbox (&run); /* wishes come before the start */
        sb_run_push (&run, &start);
        loop (&run);
        if (run.finished && cfg->notify_ms >= 0)
            deliver (&run, cfg->notify_ms ? cfg->notify_ms : NOTIFY_MS, true);
        give_account (&run, ret);
        fine = !run.broken;
    }
    ret->syncs = sb_journal_syncs (cfg->journal) - syncs;
    sb_run_release (&run);
    sb_hold_let_go (&run.hold);
    sb_pool_let_go (&run.pool);
    return fine;
}

/* ---------------------------------------------------------------- launcher over lanes */

static bool
lanes_call (void *self, const struct sb_call_spec *spec)
{
    return sb_lanes_call (self, spec);
}

static void
lanes_stop (void *self, uint64_t id)
{
    sb_lanes_stop (self, id);
}

static size_t
lanes_poll (void *self, struct pollfd *fds, size_t cap, int *ret_timeout_ms)
{
    return sb_lanes_poll_fds (self, fds, cap, ret_timeout_ms);
}

static size_t
lanes_drain (void *self, sb_lane_event_fn fn, void *ctx)
{
    return sb_lanes_drain (self, fn, ctx);
}

void
sb_launcher_of (struct sb_launcher *l, struct sb_laneset *lanes)
{
    *l = (struct sb_launcher){ lanes_call, lanes_stop, lanes_poll, lanes_drain, lanes };
}

/* ---------------------------------------------------------------- what earlier processes left to be told */

size_t
sb_notify_rest (const struct sb_run_cfg *cfg, int64_t ms, struct sb_faults *faults)
{
    const struct sb_plan none = { 0 };
    struct sb_run run = { .cfg = cfg, .plan = &none, .flush_at = SB_NEVER, .view_fd = -1, .faults = faults };
    struct sb_lanes_cfg lanes = { .registry = cfg->registry,
                                  .topology_file = cfg->topology_file,
                                  .topology_text = cfg->topology_text,
                                  .topology_len = cfg->topology_text ? strlen (cfg->topology_text) : 0,
                                  .base = cfg->base,
                                  .run = cfg->run,
                                  .drill = cfg->drill };
    size_t left = 0;

    run.e = sb_xcalloc (1, sb_engine_size (&none));
    sb_engine_init (run.e, &none);
    run.wall0 = sb_now_ms ();
    run.mono0 = sb_mono_ms ();
    run.inbox_at = SB_NEVER;
    run.row_added = true;
    run.prober = sb_prober_new (NULL, NULL, 0);
    run.notify = sb_notifier_new (cfg->topology, cfg->journal, cfg->run, cfg->drill, cfg->messages);
    if (sb_notifier_load (run.notify, faults) && sb_notifier_due (run.notify) <= sb_now_ms () + ms) {
        if (cfg->launcher)
            run.launch = *cfg->launcher;
        else if ((run.lanes = sb_lanes_new (&lanes, faults)))
            sb_launcher_of (&run.launch, run.lanes);
        if (run.launch.call)
            deliver (&run, ms, false);
        left = sb_notifier_waiting (run.notify);
    }
    sb_run_release (&run);
    return left;
}
