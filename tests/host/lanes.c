/* Lanes with real workers and the plugin dummy: what is promised when a plugin
 * answers, hangs, crashes, lies or talks too much, and when the parent ends. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPOLOGY                                                              \
    "[dummy one]\nplugin = dummy\nfolder = world\nsecret = file:one.secret\n" \
    "[dummy two]\nplugin = dummy\nfolder = world\n"

static struct bench *
a_bench (void)
{
    struct bench *b = bench_new (NULL, "%s", TOPOLOGY);

    bench_file (b, "one.secret", "hunter\"2 rabbits\n", 0600);
    return b;
}

static void
answers (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = bench_verify (b, "dummy", "one", "do", NULL, NULL);

    CU_ASSERT_EQUAL (o->type, SB_LANE_ANSWER);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_NO);
    o = bench_run (b, "dummy", "one", "do", NULL, "say", "grüß dich, 'x' | y", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "said"), "grüß dich, 'x' | y");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "state"), "done");
    CU_ASSERT_EQUAL (bench_verify (b, "dummy", "one", "do", NULL, NULL)->seen, SB_SEEN_YES);
    CU_ASSERT_EQUAL (bench_run (b, "dummy", "one", "undo-do", NULL, NULL)->rc, SB_OK);
    CU_ASSERT_EQUAL (bench_verify (b, "dummy", "one", "do", NULL, NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (sb_lanes_workers (b->lanes), 1);
    bench_free (b);
}

static void
classes (void)
{
    static const struct {
        const char *how;
        enum sb_rc rc;
        enum sb_seen seen;
    } cases[] = { { "fail", SB_FAIL, SB_SEEN_NO },     { "retry", SB_RETRY, SB_SEEN_NO },
                  { "unsure", SB_UNSURE, SB_SEEN_NO }, { "stopped", SB_STOPPED, SB_SEEN_NO },
                  { "lie", SB_OK, SB_SEEN_NO },        { "half", SB_OK, SB_SEEN_PARTLY } };
    struct bench *b = a_bench ();
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *how = cases[i].how;

        CU_ASSERT_EQUAL (bench_run (b, "dummy", "one", "do", NULL, "thing", how, "how", how, NULL)->rc, cases[i].rc);
        CU_ASSERT_EQUAL (bench_verify (b, "dummy", "one", "do", NULL, "thing", how, NULL)->seen, cases[i].seen);
    }
    bench_free (b);
}

static void
bad_calls (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = bench_run (b, "dummy", "one", "dance", NULL, NULL);

    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "'dance'"));
    o = bench_run (b, "dummy", "one", "do", NULL, "colour", "red", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "'colour'"));
    o = bench_run (b, "dummy", "one", "do", NULL, "takes", "soon", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "duration"));
    o = bench_run (b, "dummy", "one", "do", NULL, "how", "somehow", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    o = bench_verify (b, "dummy", "nobody", "do", NULL, NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "nobody"));
    bench_free (b);
}

static void
hanging (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    o = bench_await (b, bench_send (b, "dummy", "one", "do", SB_OP_RUN, NULL, 200, "how", "hang", NULL));
    CU_ASSERT_EQUAL (o->type, SB_LANE_ANSWER);
    CU_ASSERT_EQUAL (o->rc, SB_STOPPED);
    o = bench_await (b, bench_send (b, "dummy", "one", "do", SB_OP_RUN, NULL, 200, "how", "deaf", NULL));
    CU_ASSERT_EQUAL (o->type, SB_LANE_DIED);
    CU_ASSERT_EQUAL (o->reason, SB_DIED_DEADLINE);
    CU_ASSERT_EQUAL (o->signal, SIGKILL);
    CU_ASSERT_TRUE (o->begun);
    CU_ASSERT_EQUAL (bench_run (b, "dummy", "one", "do", NULL, NULL)->rc, SB_OK);
    bench_free (b);
}

static void
stopping (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;
    uint64_t id, waits;

    id = bench_send (b, "dummy", "one", "do", SB_OP_RUN, NULL, 20000, "how", "hang", NULL);
    sb_lanes_stop (b->lanes, id);
    CU_ASSERT_EQUAL (bench_await (b, id)->rc, SB_STOPPED);
    id = bench_send (b, "dummy", "one", "do", SB_OP_RUN, NULL, 20000, "how", "deaf", NULL);
    sb_lanes_stop (b->lanes, id);
    o = bench_await (b, id);
    CU_ASSERT_EQUAL (o->type, SB_LANE_DIED);
    CU_ASSERT_EQUAL (o->reason, SB_DIED_STOPPED);
    bench_restart (b, &(struct sb_lanes_cfg){ .lanes = 1, .grace_ms = 300 });
    id = bench_send (b, "dummy", "one", "do", SB_OP_RUN, NULL, 20000, "how", "hang", NULL);
    waits = bench_send (b, "dummy", "one", "do", SB_OP_RUN, NULL, 20000, "thing", "never", NULL);
    sb_lanes_stop (b->lanes, waits);
    o = bench_await (b, waits);
    CU_ASSERT_EQUAL (o->rc, SB_STOPPED);
    CU_ASSERT_FALSE (o->begun);
    sb_lanes_stop (b->lanes, id);
    CU_ASSERT_EQUAL (bench_await (b, id)->rc, SB_STOPPED);
    CU_ASSERT_EQUAL (bench_verify (b, "dummy", "one", "do", NULL, "thing", "never", NULL)->seen, SB_SEEN_NO);
    bench_free (b);
}

static void
crashing (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = bench_run (b, "dummy", "one", "do", NULL, "how", "crash", NULL);

    CU_ASSERT_EQUAL (o->type, SB_LANE_DIED);
    CU_ASSERT_EQUAL (o->reason, SB_DIED_CRASH);
    CU_ASSERT_EQUAL (o->signal, SIGSEGV);
    CU_ASSERT_TRUE (o->begun);
    o = bench_run (b, "dummy", "one", "do", NULL, "how", "leave", NULL);
    CU_ASSERT_EQUAL (o->reason, SB_DIED_CRASH);
    CU_ASSERT_EQUAL (o->signal, 0);
    o = bench_verify (b, "dummy", "one", "do", NULL, "look", "crash", NULL);
    CU_ASSERT_EQUAL (o->type, SB_LANE_DIED);
    CU_ASSERT_EQUAL (bench_run (b, "dummy", "one", "do", NULL, NULL)->rc, SB_OK);
    bench_free (b);
}

static void
defects (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = bench_run (b, "dummy", "one", "do", NULL, "how", "undeclared", NULL);
    size_t lines = 0;
    const char *at;

    CU_ASSERT_EQUAL (o->rc, SB_UNSURE);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "surprise"));
    o = bench_run (b, "dummy", "one", "do", NULL, "how", "flood", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    for (at = sb_buf_cstr (&o->said); (at = strchr (at, '\n')) != NULL; at++)
        lines++;
    CU_ASSERT (lines > 100 && lines < 3000);
    bench_free (b);
}

static void
secrets (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = bench_run (b, "dummy", "one", "whisper", NULL, NULL);

    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NULL (strstr (o->sentence, "rabbits"));
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "nobody may hear '********'\nHINT: Not even here: ********."));
    CU_ASSERT_PTR_NULL (strstr (sb_buf_cstr (&o->said), "rabbits"));
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&o->said), "the secret is ********"));
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "heard"), "********");
    bench_file (b, "one.secret", "hunter\"2 rabbits\n", 0644);
    o = bench_run (b, "dummy", "one", "whisper", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "can be read or written by others"));
    bench_free (b);
}

/* ---- many calls ----------------------------------------------------------------------------------------- */

struct tally {
    size_t over, ok, order[4096], n;
};

static void
count (void *ctx, const struct sb_lane_event *e)
{
    struct tally *t = ctx;

    if (e->type != SB_LANE_ANSWER && e->type != SB_LANE_DIED)
        return;
    t->over++;
    t->ok += e->type == SB_LANE_ANSWER && e->rc == SB_OK;
    if (t->n < 4096)
        t->order[t->n++] = e->id;
}

static void
await_all (struct bench *b, struct tally *t)
{
    int64_t deadline = sb_deadline_in (60000);

    while (sb_lanes_under_way (b->lanes) > 0 && sb_deadline_left (deadline) > 0)
        sb_lanes_wait (b->lanes, 1000, count, t);
}

static struct sb_call_spec
spec (uint64_t id, const char *target)
{
    return (struct sb_call_spec){ .id = id,
                                  .plugin = "dummy",
                                  .kind = "dummy",
                                  .object = "one",
                                  .verb = "read",
                                  .op = SB_OP_RUN,
                                  .target = target,
                                  .deadline_ms = 20000 };
}

static void
thousand (void)
{
    static const char *const targets[] = { "a", "b", "c" };
    struct bench *b = a_bench ();
    struct tally t = { 0 };
    struct sb_call_spec s;
    uint64_t id;

    bench_run (b, "dummy", "one", "read", NULL, NULL);
    for (id = 1001; id <= 2000; id++) {
        s = spec (id, targets[id % 3]);
        CU_ASSERT_TRUE (sb_lanes_call (b->lanes, &s));
    }
    CU_ASSERT_FALSE (sb_lanes_call (b->lanes, &s)); /* its id is under way */
    await_all (b, &t);
    CU_ASSERT_EQUAL (t.over, 1000);
    CU_ASSERT_EQUAL (t.ok, 1000);
    CU_ASSERT (sb_lanes_workers (b->lanes) <= 13);
    bench_free (b);
}

static void
bounded (void)
{
    struct bench *b = a_bench ();
    struct tally t = { 0 };
    struct sb_call_spec s;
    uint64_t id;

    bench_restart (b, &(struct sb_lanes_cfg){ .lanes = 1, .max_workers = 2, .max_waiting = 10 });
    for (id = 1; id <= 11; id++) {
        s = spec (id, "a");
        CU_ASSERT_TRUE (sb_lanes_call (b->lanes, &s));
    }
    s = spec (12, "a");
    CU_ASSERT_FALSE (sb_lanes_call (b->lanes, &s));
    await_all (b, &t);
    CU_ASSERT_EQUAL (t.ok, 11);
    for (id = 1; id <= 6; id++) { /* six targets, two workers: idle ones make room */
        static char names[6][2] = { "p", "q", "r", "s", "t", "u" };

        s = spec (100 + id, names[id - 1]);
        CU_ASSERT_TRUE (sb_lanes_call (b->lanes, &s));
    }
    await_all (b, &t);
    CU_ASSERT_EQUAL (t.ok, 17);
    bench_free (b);
}

static void
fair (void)
{
    struct bench *b = a_bench ();
    struct tally t = { 0 };
    struct sb_call_spec s;
    size_t i, at = 4096;
    uint64_t id;

    bench_restart (b, &(struct sb_lanes_cfg){ .lanes = 1, .max_workers = 1 });
    for (id = 1; id <= 60; id++) {
        s = spec (id, id == 60 ? "late" : "busy");
        sb_lanes_call (b->lanes, &s);
    }
    await_all (b, &t);
    for (i = 0; i < t.n; i++)
        if (t.order[i] == 60)
            at = i;
    CU_ASSERT_EQUAL (t.ok, 60);
    CU_ASSERT (at < 10); /* not behind the fifty-nine of the other target */
    bench_free (b);
}

/* ---- the end of things ---------------------------------------------------------------------------------- */

static bool
is_gone (void *ctx)
{
    return kill (*(pid_t *) ctx, 0) != 0;
}

static size_t
children_of (pid_t parent, pid_t *ret, size_t cap)
{
    SB_AUTOFREE char *path = sb_xprintf ("/proc/%d/task/%d/children", (int) parent, (int) parent);
    FILE *f = fopen (path, "r");
    size_t n = 0;
    int pid;

    while (f != NULL && n < cap && fscanf (f, "%d", &pid) == 1)
        ret[n++] = pid;
    if (f != NULL)
        fclose (f);
    return n;
}

static void
leaves_nothing (void)
{
    struct bench *b = a_bench ();
    pid_t pids[8];
    size_t n, i;

    bench_run (b, "dummy", "one", "read", NULL, NULL);
    bench_send (b, "dummy", "one", "do", SB_OP_RUN, "x", 20000, "how", "deaf", NULL);
    n = children_of (getpid (), pids, 8);
    CU_ASSERT_EQUAL (n, 2);
    bench_free (b);
    for (i = 0; i < n; i++)
        CU_ASSERT_TRUE (is_gone (&pids[i]));
    CU_ASSERT_EQUAL (children_of (getpid (), pids, 8), 0);
}

static void
dies_with_parent (void)
{
    int ready[2], status;
    pid_t parent, pids[8];
    size_t n, i;
    char byte;

    CU_ASSERT_EQUAL_FATAL (pipe (ready), 0);
    parent = fork ();
    if (parent == 0) {
        struct bench *b = a_bench ();

        bench_run (b, "dummy", "one", "read", NULL, NULL);
        bench_send (b, "dummy", "one", "do", SB_OP_RUN, "x", 20000, "how", "deaf", NULL);
        sb_tree_remove (b->dir, &b->faults);
        (void) !write (ready[1], "r", 1);
        for (;;)
            pause ();
    }
    CU_ASSERT_EQUAL (read (ready[0], &byte, 1), 1);
    n = children_of (parent, pids, 8);
    CU_ASSERT_EQUAL (n, 2);
    kill (parent, SIGKILL);
    waitpid (parent, &status, 0);
    for (i = 0; i < n; i++)
        CU_ASSERT_TRUE (bench_eventually (is_gone, &pids[i]));
    close (ready[0]);
    close (ready[1]);
}

static void
no_debug_files (void)
{
    struct bench *b;
    pid_t pids[8];
    SB_CLEANUP (sb_buf_free) struct sb_buf env = { 0 };
    char path[64];
    struct sb_faults ignored = { 0 };
    FILE *f;
    int c;

    setenv ("TDSDUMP", "/tmp/never", 1);
    setenv ("LTDL_LIBRARY_PATH", "/tmp", 1);
    b = a_bench ();
    bench_run (b, "dummy", "one", "read", NULL, NULL);
    CU_ASSERT_EQUAL_FATAL (children_of (getpid (), pids, 8), 1);
    snprintf (path, sizeof path, "/proc/%d/environ", (int) pids[0]);
    f = fopen (path, "r");
    while (f != NULL && (c = fgetc (f)) != EOF)
        sb_buf_char (&env, c == '\0' ? '\n' : (char) c);
    if (f != NULL)
        fclose (f);
    CU_ASSERT (f == NULL || strstr (sb_buf_cstr (&env), "PATH=") != NULL);
    CU_ASSERT_PTR_NULL (strstr (sb_buf_cstr (&env), "TDSDUMP"));
    CU_ASSERT_PTR_NULL (strstr (sb_buf_cstr (&env), "LTDL"));
    unsetenv ("TDSDUMP");
    unsetenv ("LTDL_LIBRARY_PATH");
    bench_free (b);
    sb_faults_free (&ignored);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "a worker answers with class, sentence and results, and is used again", answers },
        { "each way to behave comes back as its class, and verify tells the truth", classes },
        { "a call that its tables do not allow is refused before the plugin runs", bad_calls },
        { "a call that outlives its deadline is asked to stop, then killed", hanging },
        { "a call can be stopped, whether it runs, hangs or waits", stopping },
        { "a crash of a plugin is an event and takes nobody along", crashing },
        { "a plugin that breaks its own tables is told as a defect", defects },
        { "a secret leaves in no log line, progress, result or sentence", secrets },
        { "a thousand calls are all answered by a few workers", thousand },
        { "the queue is bounded, and idle workers make room for other targets", bounded },
        { "targets take turns", fair },
        { "freeing the lanes leaves no process behind", leaves_nothing },
        { "workers die with a parent that is killed", dies_with_parent },
        { "a worker's environment has no debugging files and no search path", no_debug_files },
        { NULL, NULL }
    };

    bench_enter (argc, argv);
    return sb_tap_run ("lanes", tests);
}
