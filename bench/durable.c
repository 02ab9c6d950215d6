/* The whole loop with a journal: sb_run() with a launcher in this process, and a
 * resume of a run that stopped at its last gate. */
#include "bench/bench.h"
#include "core/engine/run.h"
#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
    uint64_t id;
    uint32_t step;
    enum sb_op op;
};

struct null {
    const struct sb_plan *plan;
    const struct bench_cfg *cfg;
    struct call *waiting; /* answered at the next drain */
    size_t count;
    struct bench_heap asleep;
    struct call *sleepers; /* by step */
    uint8_t *ran;
    int timer;
};

static uint32_t
step_of (const struct sb_call_spec *spec)
{
    return (uint32_t) (spec->id / 4 - 1); /* as run_calls.c makes them */
}

static bool
null_call (void *self, const struct sb_call_spec *spec)
{
    struct null *n = self;
    struct call c = { spec->id, step_of (spec), spec->op };
    uint32_t ms = n->cfg->ms && c.op == SB_OP_RUN ? n->cfg->ms[c.step] : 0;

    if (ms == 0)
        n->waiting[n->count++] = c;
    else {
        n->sleepers[c.step] = c;
        bench_heap_add (&n->asleep, (struct bench_sleeper){ bench_wall_ns () + ms * INT64_C (1000000), c.step });
    }
    return true;
}

static void
null_stop (void *self, uint64_t id)
{
    (void) self;
    (void) id;
}

static size_t
null_poll (void *self, struct pollfd *fds, size_t cap, int *ret_timeout_ms)
{
    struct null *n = self;
    struct itimerspec at = { 0 };

    if (n->count > 0)
        *ret_timeout_ms = 0;
    if (n->asleep.count > 0) {
        at.it_value.tv_sec = n->asleep.list[0].due_ns / 1000000000;
        at.it_value.tv_nsec = n->asleep.list[0].due_ns % 1000000000;
        timerfd_settime (n->timer, TFD_TIMER_ABSTIME, &at, NULL);
    }
    if (cap > 0)
        fds[0] = (struct pollfd){ .fd = n->timer, .events = POLLIN };
    return 1;
}

static void
answer (struct null *n, const struct call *c, sb_lane_event_fn fn, void *ctx)
{
    struct sb_lane_event ev = { .type = SB_LANE_ANSWER, .id = c->id, .op = c->op, .sentence = "" };

    if (c->op == SB_OP_RUN)
        n->ran[c->step] = 1;
    ev.rc = SB_OK;
    ev.seen = n->ran[c->step] ? SB_SEEN_YES : SB_SEEN_NO;
    fn (ctx, &ev);
}

static size_t
null_drain (void *self, sb_lane_event_fn fn, void *ctx)
{
    struct null *n = self;
    size_t many = n->count, k;
    uint64_t rang;

    n->count = 0; /* an answer makes no call before the drain is over */
    for (k = 0; k < many; k++)
        answer (n, &n->waiting[k], fn, ctx);
    if (n->asleep.count > 0 && read (n->timer, &rang, sizeof rang) < 0)
        return many;
    for (; n->asleep.count > 0 && n->asleep.list[0].due_ns <= bench_wall_ns (); many++)
        answer (n, &n->sleepers[bench_heap_take (&n->asleep).step], fn, ctx);
    return many;
}

static struct sb_attr attrs[] = { { "fqdn", NULL, 1 } };
static struct sb_object objects[] = {
    { .kind = "pool", .name = "p", .role = "pool", .plugin = "none", .attrs = attrs, .nattrs = 1 },
};
static const struct sb_topology topology = { .objects = objects, .count = 1 };

struct scene {
    struct null null;
    struct sb_launcher launcher;
    struct sb_run_cfg cfg;
    struct sb_faults faults;
};

static bool
set_scene (struct scene *s, struct sb_plan *p, struct bench_cfg *cfg, const char *dir)
{
    struct sb_journal_cfg jc = { .path = sb_arena_printf (&p->arena, "%s/journal.db", dir), .write = true };

    *s = (struct scene){ .null = { .plan = p, .cfg = cfg } };
    s->null.waiting = sb_xcalloc (p->count, sizeof *s->null.waiting);
    s->null.sleepers = sb_xcalloc (p->count, sizeof *s->null.sleepers);
    s->null.asleep.list = sb_xcalloc (p->count, sizeof *s->null.asleep.list);
    s->null.ran = sb_xcalloc (p->count, 1);
    s->null.timer = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    s->launcher = (struct sb_launcher){ null_call, null_stop, null_poll, null_drain, &s->null };
    attrs[0].value = dir; /* a pool of its own */
    s->cfg = (struct sb_run_cfg){ .plan = p,
                                  .topology = &topology,
                                  .launcher = &s->launcher,
                                  .topology_file = "/none",
                                  .topology_text = "",
                                  .base = "/",
                                  .state_dir = dir,
                                  .run = "bench",
                                  .signal_fd = -1,
                                  .notify_ms = -1 };
    s->cfg.journal = sb_journal_open (&jc, &s->faults);
    return s->cfg.journal != NULL;
}

static void
strike (struct scene *s)
{
    if (s->faults.count) {
        SB_AUTOFREE char *all = sb_faults_text (&s->faults);
        fprintf (stderr, "%s", all);
    }
    sb_faults_free (&s->faults);
    sb_journal_close (s->cfg.journal);
    free (s->null.waiting);
    free (s->null.sleepers);
    free (s->null.asleep.list);
    free (s->null.ran);
    close (s->null.timer);
}

static __attribute__ ((noinline)) void
bench_run (struct scene *s, struct sb_run_result *ret)
{
    sb_run (&s->cfg, ret, &s->faults);
}

int
bench_durable (struct sb_plan *p, struct bench_cfg *cfg, const char *dir)
{
    struct sb_run_result r = { 0 };
    struct scene s;
    uint64_t real, data;
    int64_t cpu, wall;

    if (!set_scene (&s, p, cfg, dir)) {
        strike (&s);
        return 1;
    }
    real = bench_real_syncs ();
    data = bench_data_syncs ();
    cpu = bench_cpu_ns ();
    wall = bench_wall_ns ();
    bench_run (&s, &r);
    wall = bench_wall_ns () - wall;
    cpu = bench_cpu_ns () - cpu;
    printf ("steps=%u done=%d cpu_us=%.3f wall_us=%.3f syncs=%llu log_syncs=%llu all_syncs=%llu depth=%u rss_kib=%ld "
            "critical_ms=%lld ratio=%.4f\n",
            p->count, r.outcome == SB_RUN_DONE, (double) cpu / 1e3 / p->count, (double) wall / 1e3 / p->count,
            (unsigned long long) r.syncs, (unsigned long long) (bench_data_syncs () - data),
            (unsigned long long) (bench_real_syncs () - real), cfg->depth, bench_rss_kib (), (long long) cfg->critical,
            cfg->critical ? (double) wall / 1e6 / (double) cfg->critical : 0);
    strike (&s);
    return r.outcome != SB_RUN_DONE;
}

/* The run up to its last gate, in a process of its own: whoever resumes begins with an empty heap. */
static bool
run_first (struct sb_plan *p, struct bench_cfg *cfg, const char *dir)
{
    struct sb_run_result first = { 0 };
    struct scene s;
    pid_t pid = fork ();
    int status = 1;

    if (pid != 0)
        return pid > 0 && waitpid (pid, &status, 0) == pid && WIFEXITED (status) && WEXITSTATUS (status) == 0;
    if (set_scene (&s, p, cfg, dir))
        sb_run (&s.cfg, &first, &s.faults);
    strike (&s);
    _exit (first.outcome != SB_RUN_WAITING);
}

/* The plan as `switchback resume` gets it: the image in the run's folder, held to its digest. */
static bool
load_image (struct scene *s, struct sb_plan *plan, const char *dir, const char *digest)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/runs/bench/" SB_RUN_IMAGE, dir);
    SB_CLEANUP (sb_buf_free) struct sb_buf image = { 0 };

    char seal[SB_SHA256_HEX];

    return sb_file_read (path, UINT32_MAX, &image, &s->faults) && sb_run_image_seal (s->cfg.journal, "bench", seal)
           && sb_plan_from_sealed_image (plan, image.s, image.len, digest, seal);
}

int
bench_resume (struct sb_plan *p, struct bench_cfg *cfg, const char *dir)
{
    struct sb_run_result again = { 0 };
    SB_AUTOFREE char *json = NULL;
    struct sb_plan image = { 0 }, loaded = { 0 };
    struct scene s;
    int64_t load, cpu, read;
    bool fine = run_first (p, cfg, dir) && set_scene (&s, p, cfg, dir);

    if (!fine)
        return 1;
    load = bench_cpu_ns ();
    fine = load_image (&s, &image, dir, p->digest);
    cpu = bench_cpu_ns ();
    load = cpu - load;
    s.cfg.plan = &image;
    s.cfg.resume = true;
    bench_run (&s, &again);
    cpu = bench_cpu_ns () - cpu;

    json = sb_plan_to_json (p);
    read = bench_cpu_ns ();
    fine = fine && sb_plan_from_json (&loaded, json, strlen (json), &s.faults);
    read = bench_cpu_ns () - read;
    printf ("steps=%u done=%d records=%lld cpu_ms=%.2f load_ms=%.2f json_ms=%.2f rss_kib=%ld\n", p->count,
            again.outcome == SB_RUN_WAITING && again.done + 1 == p->count, (long long) again.head.seq,
            (double) cpu / 1e6, (double) load / 1e6, (double) read / 1e6, bench_rss_kib ());
    sb_plan_release (&loaded);
    strike (&s);
    sb_plan_release (&image);
    return !fine || again.outcome != SB_RUN_WAITING;
}
