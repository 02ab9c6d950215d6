/* The loop, with an in-process launcher over a world that outlives the process (shared
 * memory): killed at every boundary and resumed, stopped by signals, answered from the
 * inbox, with a full disk, with messages. */
#include "tests/engine/lib.h"
#include "tests/lib/tap.h"

#include "core/base/text.h"
#include "core/engine/die.h"
#include "core/engine/run.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/sigs.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/sb-run-XXXXXX";
static struct sb_arena arena;

static const char *
at (const char *name)
{
    return sb_arena_printf (&arena, "%s/%s", folder, name);
}

/* ---------------------------------------------------------------- the world and its launcher */

#define THINGS 8

struct thing {
    int so;                    /* 1: it is so */
    int runs, undos, verifies; /* calls */
    int slow;                  /* a run of it does not answer until it is stopped */
    int retry;                 /* so many runs say RETRY first */
    int fails;                 /* run says FAIL */
    char saw[64];              /* parameter "value" of the last run */
};

struct world {
    struct thing things[THINGS];
    int notes, note_fails; /* messages delivered; refused first */
    char subject[200];
    int late_signal; /* the message that the run is done sends a signal */
    int late;        /* effects happen when the answer is collected, not when the call is made */
    int room;        /* calls taken at a time; 0: any */
};

static struct world *world;

struct call {
    uint64_t id;
    enum sb_op op;
    int thing;
    bool undo, stopped, note, named_was;
    char text[64];
};

static struct call calls[64];
static size_t ncalls;
static const struct sb_plan *the_plan;

static void
take_effect (struct call *c)
{
    struct thing *t = &world->things[c->thing];

    if (c->note || c->op != SB_OP_RUN || t->fails || t->retry > 0)
        return;
    ++*(c->undo ? &t->undos : &t->runs);
    t->so = !c->undo;
    if (!c->undo)
        snprintf (t->saw, sizeof t->saw, "%s", c->text);
}

static bool
fake_call (void *self, const struct sb_call_spec *spec)
{
    struct call *c = &calls[ncalls];
    size_t k;

    (void) self;
    if (ncalls == 64 || (world->room && ncalls >= (size_t) world->room))
        return false;
    *c = (struct call){ .id = spec->id,
                        .op = spec->op,
                        .undo = strcmp (spec->verb, "undo") == 0,
                        .note = strcmp (spec->kind, "channel") == 0 };
    if (!c->note)
        c->thing = (int) sb_plan_find (the_plan, spec->step);
    for (k = 0; k < spec->nparams; k++)
        if (strcmp (spec->params[k].name, c->note ? "subject" : "value") == 0)
            snprintf (c->text, sizeof c->text, "%s",
                      spec->params[k].value ? spec->params[k].value : spec->params[k].items[0]);
    ncalls++;
    if (!c->note && c->op == SB_OP_RUN && world->things[c->thing].slow)
        kill (getpid (), SIGUSR1);
    if (c->note && world->late_signal && strstr (c->text, ": done") != NULL)
        kill (getpid (), SIGUSR1);
    if (!world->late && !(c->op == SB_OP_RUN && !c->note && world->things[c->thing].slow))
        take_effect (c);
    return true;
}

static void
fake_stop (void *self, uint64_t id)
{
    size_t k;

    (void) self;
    for (k = 0; k < ncalls; k++)
        if (calls[k].id == id)
            calls[k].stopped = true;
}

static bool
is_slow (const struct call *c)
{
    return !c->note && c->op == SB_OP_RUN && !c->stopped && world->things[c->thing].slow;
}

static size_t
fake_poll (void *self, struct pollfd *fds, size_t cap, int *ret_timeout_ms)
{
    size_t k;

    (void) self;
    (void) fds;
    (void) cap;
    for (k = 0; k < ncalls; k++)
        if (!is_slow (&calls[k]))
            *ret_timeout_ms = 0;
    return 0;
}

static void
answer (struct call *c, struct sb_lane_event *ev)
{
    struct thing *t = &world->things[c->thing];

    ev->sentence = "";
    if (c->note) {
        snprintf (world->subject, sizeof world->subject, "%s", c->text);
        ev->rc = world->note_fails-- > 0 ? SB_RETRY : SB_OK;
        world->notes += ev->rc == SB_OK;
    } else if (c->op == SB_OP_VERIFY) {
        t->verifies++;
        ev->seen = t->so == !c->undo ? SB_SEEN_YES : SB_SEEN_NO;
    } else if (t->fails) {
        ev->rc = SB_FAIL;
        ev->sentence = "it cannot be done";
    } else
        ev->rc = c->stopped ? SB_STOPPED : t->retry-- > 0 ? SB_RETRY : SB_OK;
}

static size_t
fake_drain (void *self, sb_lane_event_fn fn, void *ctx)
{
    struct call taken[64];
    size_t n = 0, k, left = 0;

    (void) self;
    for (k = 0; k < ncalls; k++)
        if (is_slow (&calls[k]))
            calls[left++] = calls[k];
        else
            taken[n++] = calls[k];
    ncalls = left;
    for (k = 0; k < n; k++) {
        const struct thing *t = &world->things[taken[k].thing];
        struct sb_lane_result results[] = { { "was", t->so ? "on" : "off" },
                                            { "name", taken[k].note ? "" : the_plan->steps[taken[k].thing].name } };
        struct sb_lane_event ev = {
            .type = SB_LANE_ANSWER, .id = taken[k].id, .op = taken[k].op, .results = results, .nresults = 2
        };
        if (world->late && !taken[k].stopped)
            take_effect (&taken[k]);
        answer (&taken[k], &ev);
        fn (ctx, &ev);
    }
    return n;
}

static const struct sb_launcher launcher = { fake_call, fake_stop, fake_poll, fake_drain, NULL };

/* ---------------------------------------------------------------- a topology, a run */

static struct sb_attr pool_attrs[] = { { "fqdn", "test.example.net", 1 } };
static struct sb_attr channel_attrs[] = { { "events", "run, gate, failure", 1 } };
static struct sb_object objects[] = {
    { .kind = "pool", .name = "p", .role = "pool", .plugin = "pool", .attrs = pool_attrs, .nattrs = 1 },
    { .kind = "channel", .name = "ops", .role = "notify", .plugin = "notify", .attrs = channel_attrs, .nattrs = 1 },
};
static struct sb_topology topology = { .objects = objects, .count = 1 };

static const struct plan_row rows[] = {
    { .name = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
    { .name = "b", .after = "a", .effect = SB_SETTLES, .undo = SB_UNDO_VERB },
    { .name = "c", .after = "a", .effect = SB_CHANGES, .undo = SB_UNDO_VERB },
    { .name = "m", .after = "b c", .idle = true },
    { .name = "d", .after = "m", .effect = SB_CHANGES, .undo = SB_UNDO_NONE, .gate = "g", .proof = "a" },
    { .name = "e", .after = "d", .effect = SB_SETTLES, .undo = SB_UNDO_NOT_NEEDED },
    { 0 }
};
static const struct gate_row gates[] = { { .name = "g" }, { 0 } };

struct scene {
    struct sb_plan plan;
    struct sb_run_cfg cfg;
    struct sb_run_result result;
    struct sb_faults faults;
    const char *journal;
};

static void
set_scene (struct scene *s, const char *name)
{
    static struct sb_plan_param value = { .name = "value",
                                          .value = "${steps.a.name}-${gates.g.grade}-${steps.a.was}",
                                          .refers = true };

    memset (s, 0, sizeof *s);
    memset (world, 0, sizeof *world);
    ncalls = 0;
    make_plan (&s->plan, rows, gates);
    s->plan.steps[5].params = &value;
    s->plan.steps[5].nparams = 1;
    s->plan.sites[0] = NULL; /* nothing is probed */
    the_plan = &s->plan;
    pool_attrs[0].value = folder; /* unique among programs that run beside this one */
    topology.count = 1;
    sb_dir_make (at (name), 0700, &s->faults);
    s->journal = sb_arena_printf (&arena, "%s/%s/journal.db", folder, name);
    s->cfg = (struct sb_run_cfg){ .plan = &s->plan,
                                  .topology = &topology,
                                  .launcher = &launcher,
                                  .topology_file = "/t.ini",
                                  .topology_text = "",
                                  .base = "/",
                                  .state_dir = at (name),
                                  .run = "r1",
                                  .signal_fd = -1,
                                  .approve_all = true,
                                  .notify_ms = -1 };
}

/* In this process. */
static void
go (struct scene *s)
{
    struct sb_journal_cfg cfg = { .path = s->journal, .write = true };
    struct sb_journal *j = sb_journal_open (&cfg, &s->faults);

    CU_ASSERT_PTR_NOT_NULL_FATAL (j);
    ncalls = 0;
    s->cfg.journal = j;
    sb_run (&s->cfg, &s->result, &s->faults);
    sb_journal_close (j);
}

static void
strike (struct scene *s)
{
    CU_ASSERT_EQUAL (s->faults.count, 0);
    if (s->faults.count) {
        SB_AUTOFREE char *all = sb_faults_text (&s->faults);
        printf ("# %s", all);
    }
    sb_faults_free (&s->faults);
    sb_plan_release (&s->plan);
}

static void
journal_is_sound (struct scene *s)
{
    struct sb_journal_cfg cfg = { .path = s->journal };
    struct sb_journal *j = sb_journal_open (&cfg, &s->faults);

    CU_ASSERT (j && sb_journal_verify (j, &s->result.head, NULL, &s->faults));
    sb_journal_close (j);
}

/* ---------------------------------------------------------------- the tests */

static void
a_run_does_its_steps_and_is_journalled (void)
{
    struct scene s;

    set_scene (&s, "plain");
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT_EQUAL (s.result.exit_code, 0);
    CU_ASSERT_EQUAL (s.result.done, 6);
    CU_ASSERT (world->things[4].runs == 1 && world->things[5].so);
    CU_ASSERT_STRING_EQUAL (world->things[5].saw,
                            "a-declared-off"); /* what stood before the act, though it is on now */
    journal_is_sound (&s);
    strike (&s);
}

static void
ends_wait_for_the_next_begin (void)
{
    static struct plan_row chain[9];
    static char names[8][16];
    struct scene s;
    int k;

    set_scene (&s, "syncs");
    sb_plan_release (&s.plan);
    for (k = 0; k < 8; k++) {
        snprintf (names[k], sizeof names[k], "s%d", k);
        chain[k] = (struct plan_row){
            .name = names[k], .after = k ? names[k - 1] : NULL, .effect = SB_CHANGES, .undo = SB_UNDO_NOT_NEEDED
        };
    }
    make_plan (&s.plan, chain, NULL);
    s.plan.sites[0] = NULL;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT (s.result.syncs <= 8 + 2); /* one for each step, one for the start, one for the end */
    strike (&s);
}

/* A child that dies at the n-th boundary; true: it did. */
static bool
dies_at (struct scene *s, uint64_t n)
{
    pid_t pid = fork ();
    int status;

    if (pid == 0) {
        sb_die_at (SB_DIE_POINTS, n);
        go (s);
        _exit (s->result.exit_code);
    }
    waitpid (pid, &status, 0);
    return WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL;
}

static bool
is_recorded (struct scene *s)
{
    struct sb_journal_cfg cfg = { .path = s->journal };
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    struct sb_journal *j = sb_journal_open (&cfg, &ignored);
    struct sb_journal_run *run = NULL;

    if (j)
        sb_journal_run_find (j, "r1", &arena, &run, &ignored);
    sb_journal_close (j);
    return run != NULL;
}

static void
die_everywhere (bool late, const char *stem)
{
    struct scene s;
    uint64_t n;
    bool died = true;
    int k;

    for (n = 1; died && n < 400; n++) {
        set_scene (&s, sb_arena_printf (&arena, "%s-%u", stem, (unsigned) n));
        world->late = late;
        died = dies_at (&s, n);
        s.cfg.resume = is_recorded (&s);
        if (s.cfg.resume)
            dies_at (&s, 3 + n % 11); /* once more while resuming */
        s.cfg.resume = is_recorded (&s);
        go (&s);
        CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
        for (k = 0; k < 6; k++) {
            CU_ASSERT (k == 3 || world->things[k].so);
            CU_ASSERT (s.plan.steps[k].effect != SB_CHANGES || world->things[k].runs <= 1); /* never twice */
        }
        CU_ASSERT_STRING_EQUAL (world->things[5].saw, "a-declared-off");
        journal_is_sound (&s);
        strike (&s);
    }
    CU_ASSERT (n > 30 && !died);
}

static void
killed_anywhere_it_resumes_effects_first (void)
{
    die_everywhere (false, "early");
}

static void
killed_anywhere_it_resumes_effects_late (void)
{
    die_everywhere (true, "late");
}

static void
a_failure_is_undone (void)
{
    struct scene s;

    set_scene (&s, "undo");
    world->things[2].fails = 1;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_FAILED_UNDONE);
    CU_ASSERT_EQUAL (s.result.exit_code, 1);
    CU_ASSERT (!world->things[0].so && !world->things[1].so && world->things[0].undos == 1);
    journal_is_sound (&s);
    strike (&s);
}

static void
a_gate_without_an_answer_ends_four_and_resumes (void)
{
    static const char *const wrong[] = { "other", NULL }, *const right[] = { "g", NULL };
    struct scene s;

    set_scene (&s, "gate");
    s.cfg.approve_all = false;
    s.cfg.approve = wrong;
    go (&s);
    CU_ASSERT (s.result.outcome == SB_RUN_WAITING && s.result.exit_code == 4 && s.result.open_gates == 1);
    CU_ASSERT_EQUAL (world->things[4].runs, 0);
    s.cfg.resume = true;
    s.cfg.approve = right;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    journal_is_sound (&s);
    strike (&s);
}

static void
an_answer_comes_through_the_inbox (void)
{
    struct sb_journal_cfg cfg = { .write = true };
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    int64_t deadline = sb_deadline_in (20000);
    struct sb_journal_gate *open;
    struct sb_journal *j = NULL;
    struct scene s;
    size_t n = 0;
    int status;
    pid_t pid;

    set_scene (&s, "inbox");
    s.cfg.approve_all = false;
    s.cfg.wait = true;
    if ((pid = fork ()) == 0) {
        go (&s);
        _exit (s.result.exit_code);
    }
    cfg.path = s.journal;
    while (n == 0 && sb_deadline_left (deadline) > 0) { /* until the gate is open */
        sb_faults_free (&ignored);
        if (!j && sb_file_exists (s.journal))
            j = sb_journal_open (&cfg, &ignored);
        if (j)
            sb_journal_gates (j, "r1", &arena, &open, &n, &ignored);
        sb_sleep_ms (10);
    }
    CU_ASSERT_FATAL (n == 1 && j);
    CU_ASSERT (sb_journal_owned (j, "r1", NULL));
    CU_ASSERT (
            sb_journal_inbox_put (j, "r1", "approve", "{\"gate\":\"g\",\"reason\":\"seen\"}", sb_now_ms (), &s.faults));
    waitpid (pid, &status, 0);
    CU_ASSERT (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    CU_ASSERT (sb_journal_gates (j, "r1", &arena, &open, &n, &s.faults) && n == 1);
    CU_ASSERT (strstr (open[0].answer, "\"how\":\"inbox\"") && strstr (open[0].answer, "\"reason\":\"seen\""));
    sb_journal_close (j);
    strike (&s);
}

static void
a_wish_left_before_the_resume_is_heard (void)
{
    struct sb_journal_cfg cfg = { .write = true };
    struct sb_journal *j;
    struct scene s;

    set_scene (&s, "wish");
    s.cfg.approve_all = false;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_WAITING);
    cfg.path = s.journal;
    j = sb_journal_open (&cfg, &s.faults);
    CU_ASSERT (j && sb_journal_inbox_put (j, "r1", "abort", "{}", sb_now_ms (), &s.faults));
    sb_journal_close (j);
    s.cfg.resume = true;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_ABORTED);
    CU_ASSERT (!world->things[0].so && !world->things[1].so && !world->things[2].so);
    journal_is_sound (&s);
    strike (&s);
}

static void
a_signal_stops_and_leaves_it_resumable (void)
{
    static const int signals[] = { SIGUSR1, 0 };
    struct scene s;

    set_scene (&s, "signal");
    world->things[2].slow = 1;
    s.cfg.signal_fd = sb_signal_fd (signals, &s.faults);
    go (&s); /* the slow step sends the signal itself */
    CU_ASSERT_EQUAL (world->things[2].runs, 0);
    CU_ASSERT (s.result.outcome == SB_RUN_STOPPED && s.result.exit_code == 130);
    close (s.cfg.signal_fd);
    s.cfg.signal_fd = -1;
    world->things[2].slow = 0;
    s.cfg.resume = true;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT_EQUAL (world->things[2].runs, 1);
    strike (&s);
}

static void
a_signal_that_comes_too_late_is_told (void)
{
    static const int signals[] = { SIGUSR1, 0 };
    struct scene s;

    set_scene (&s, "late-signal");
    topology.count = 2;
    s.cfg.notify_ms = 10000;
    world->late_signal = 1;
    s.cfg.signal_fd = sb_signal_fd (signals, &s.faults);
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT_EQUAL (s.result.signal, SIGUSR1);
    close (s.cfg.signal_fd);
    strike (&s);
}

static void
one_run_per_pool (void)
{
    struct sb_pool lock = SB_POOL_NONE;
    SB_AUTOFREE char *who = NULL;
    struct scene s;

    set_scene (&s, "pool");
    CU_ASSERT (sb_pool_take (&lock, &topology, "other", &who, &s.faults) == SB_LOCK_TAKEN);
    go (&s); /* with a state folder of its own */
    CU_ASSERT (s.result.exit_code == 5 && s.faults.count == 1
               && strstr (s.faults.list[0].text, "run other, pid") != NULL);
    CU_ASSERT_EQUAL (world->things[0].runs, 0);
    sb_faults_free (&s.faults);
    sb_pool_let_go (&lock);
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    strike (&s);
}

static void
a_full_disk_breaks_off_before_the_act (void)
{
    struct rlimit limit = { 120000, 120000 };
    struct scene s;
    int status;
    pid_t pid;

    set_scene (&s, "full");
    world->things[0].retry = 2000; /* a history that goes on until the disk is full */
    s.plan.steps[0].retries = 5000;
    s.plan.steps[0].retry_ms = 1;
    if ((pid = fork ()) == 0) {
        if (setrlimit (RLIMIT_FSIZE, &limit) != 0)
            _exit (99);
        go (&s);
        _exit (s.result.exit_code == 6 && s.faults.count > 0 ? 6 : 98);
    }
    waitpid (pid, &status, 0);
    CU_ASSERT (WIFEXITED (status) && WEXITSTATUS (status) == 6);
    world->things[0].retry = 0;
    s.cfg.resume = true;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT_EQUAL (world->things[0].runs, 1);
    journal_is_sound (&s);
    strike (&s);
}

static void
messages_go_beside_the_run (void)
{
    struct scene s;

    set_scene (&s, "notes");
    topology.count = 2;
    s.cfg.drill = true;
    s.cfg.notify_ms = 10000;
    world->note_fails = 1;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT_EQUAL (world->notes, 2); /* the run begins, the run ended; one was refused and tried again */
    CU_ASSERT_STRING_EQUAL (world->subject, "DRILL switchback: test of pool: done");
    strike (&s);
}

static void
what_is_left_is_told_by_the_next_process (void)
{
    struct sb_journal_cfg cfg = { .write = true };
    struct scene s;

    set_scene (&s, "left");
    topology.count = 2;
    world->note_fails = 1000000;
    go (&s); /* does not wait for messages */
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT_EQUAL (world->notes, 0);
    world->note_fails = 0;
    ncalls = 0;
    cfg.path = s.journal;
    s.cfg.journal = sb_journal_open (&cfg, &s.faults);
    CU_ASSERT_PTR_NOT_NULL_FATAL (s.cfg.journal);
    CU_ASSERT_EQUAL (sb_notify_rest (&s.cfg, 10000, &s.faults), 0);
    CU_ASSERT_EQUAL (world->notes, 2);
    sb_journal_close (s.cfg.journal);
    strike (&s);
}

static void
a_launcher_without_room_only_slows (void)
{
    struct scene s;

    set_scene (&s, "room");
    world->room = 1;
    go (&s);
    CU_ASSERT_EQUAL (s.result.outcome, SB_RUN_DONE);
    CU_ASSERT (world->things[1].so && world->things[2].so);
    strike (&s);
}

static void
another_plan_is_not_resumed (void)
{
    struct scene s;

    set_scene (&s, "digest");
    s.cfg.approve_all = false;
    go (&s);
    s.cfg.resume = true;
    strcpy (s.plan.digest, "another");
    go (&s);
    CU_ASSERT (s.result.exit_code == 1 && s.faults.count == 1
               && strstr (s.faults.list[0].text, "follows another plan"));
    sb_faults_free (&s.faults);
    strike (&s);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a run does its steps, expands references, and is journalled", a_run_does_its_steps_and_is_journalled },
        { "the end of a step waits for the next begin: one sync per step of a chain", ends_wait_for_the_next_begin },
        { "killed at any boundary, twice, it resumes (effects when called)", killed_anywhere_it_resumes_effects_first },
        { "killed at any boundary, twice, it resumes (effects when answered)",
          killed_anywhere_it_resumes_effects_late },
        { "a failure is undone in the world", a_failure_is_undone },
        { "a gate without an answer ends with 4 and is resumed with one",
          a_gate_without_an_answer_ends_four_and_resumes },
        { "an answer comes through the inbox while the run waits", an_answer_comes_through_the_inbox },
        { "a wish left before a resume is heard first", a_wish_left_before_the_resume_is_heard },
        { "a signal stops the run with 130 and leaves it resumable", a_signal_stops_and_leaves_it_resumable },
        { "a signal that comes when the run is done is told to the caller", a_signal_that_comes_too_late_is_told },
        { "one run per pool, also with another state folder", one_run_per_pool },
        { "a full disk under the journal ends with 6 before the act, and is resumed",
          a_full_disk_breaks_off_before_the_act },
        { "messages are retried beside the run and say when it is a drill", messages_go_beside_the_run },
        { "messages that are left are told by the next process", what_is_left_is_told_by_the_next_process },
        { "a launcher without room only slows the run", a_launcher_without_room_only_slows },
        { "a run is not resumed with another plan", another_plan_is_not_resumed },
        { NULL, NULL },
    };
    struct sb_faults faults = { 0 };
    int rc;

    world = mmap (NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!mkdtemp (folder) || world == MAP_FAILED)
        return 99;
    rc = sb_tap_run ("run", tests);
    unlink (sb_pool_path (&arena, &topology, "lock"));
    sb_tree_remove (folder, &faults);
    sb_faults_free (&faults);
    sb_arena_release (&arena);
    return rc;
}
