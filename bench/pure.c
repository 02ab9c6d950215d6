/* The engine without a journal: events in, commands out, each call answered at once
 * or when its step has slept.  Everything in bench_drive() is counted by callgrind. */
#include "bench/bench.h"
#include "core/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    uint32_t step;
    bool run;
};

struct pure {
    struct sb_plan *plan;
    const struct bench_cfg *cfg;
    struct sb_engine *e;
    struct call *queue; /* answered in the order they were made */
    size_t head, tail;
    struct bench_heap asleep;
    uint8_t *ran;
    struct sb_turn turn;
};

static void
take_commands (struct pure *x)
{
    size_t k;

    for (k = 0; k < x->turn.count; k++) {
        const struct sb_command *c = &x->turn.list[k];
        bool run = c->kind == SB_CMD_RUN;
        if (run && x->cfg->ms && x->cfg->ms[c->step] > 0)
            bench_heap_add (&x->asleep, (struct bench_sleeper){
                                                bench_wall_ns () + x->cfg->ms[c->step] * INT64_C (1000000), c->step });
        else if (run || c->kind == SB_CMD_VERIFY)
            x->queue[x->tail++] = (struct call){ c->step, run };
    }
}

static bool
next_answer (struct pure *x, struct call *ret)
{
    if (x->head < x->tail && (x->asleep.count == 0 || x->asleep.list[0].due_ns > bench_wall_ns ())) {
        *ret = x->queue[x->head++];
        return true;
    }
    if (x->asleep.count == 0)
        return false;
    bench_sleep_until (x->asleep.list[0].due_ns);
    *ret = (struct call){ bench_heap_take (&x->asleep).step, true };
    return true;
}

static __attribute__ ((noinline)) void
bench_drive (struct pure *x)
{
    struct sb_event ev = { .kind = SB_EV_START, .now = 1000 };
    struct call c;

    for (;;) {
        x->turn.count = 0;
        sb_engine_event (x->e, x->plan, &ev, &x->turn);
        take_commands (x);
        if (x->e->outcome != SB_RUN_GOES_ON || !next_answer (x, &c))
            return;
        ev = (struct sb_event){ .kind = SB_EV_ANSWER,
                                .now = x->cfg->ms ? bench_wall_ns () / 1000000 : 1000,
                                .step = c.step,
                                .op = c.run ? SB_CALL_RUN : SB_CALL_VERIFY,
                                .seen = x->ran[c.step] ? SB_SEEN_YES : SB_SEEN_NO };
        x->ran[c.step] |= c.run;
    }
}

int
bench_pure (struct sb_plan *p, struct bench_cfg *cfg)
{
    struct pure x = { .plan = p, .cfg = cfg };
    int64_t cpu, wall;
    int outcome;

    x.e = sb_xcalloc (1, sb_engine_size (p));
    x.queue = sb_xcalloc ((size_t) p->count * 3 + 3, sizeof *x.queue);
    x.asleep.list = sb_xcalloc (p->count, sizeof *x.asleep.list);
    x.ran = sb_xcalloc (p->count, 1);
    sb_engine_init (x.e, p);
    cpu = bench_cpu_ns ();
    wall = bench_wall_ns ();
    bench_drive (&x);
    wall = bench_wall_ns () - wall;
    cpu = bench_cpu_ns () - cpu;
    outcome = x.e->outcome;
    printf ("steps=%u done=%d cpu_us=%.4f wall_us=%.4f rss_kib=%ld critical_ms=%lld ratio=%.4f\n", p->count,
            outcome == SB_RUN_DONE, (double) cpu / 1e3 / p->count, (double) wall / 1e3 / p->count, bench_rss_kib (),
            (long long) cfg->critical, cfg->critical ? (double) wall / 1e6 / (double) cfg->critical : 0);
    sb_turn_free (&x.turn);
    free (x.e);
    free (x.queue);
    free (x.asleep.list);
    free (x.ran);
    return outcome != SB_RUN_DONE;
}
