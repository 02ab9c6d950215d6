/* Large plans: the work per step does not grow, nothing recurses, nothing is forgotten.
 *
 * Work is counted, not timed: each answer costs one event, and the commands of each
 * turn are what a driver has to do.  What the engine does inside is bounded by the
 * processor time of the largest plan against the smallest, with a wide margin; the
 * exact figure is the benchmark's. */
#include "tests/engine/lib.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef size_t (*edges_fn) (uint32_t i, uint32_t n, uint32_t *ret);

static size_t
chain (uint32_t i, uint32_t n, uint32_t *ret)
{
    (void) n;
    *ret = i - 1;
    return i > 0;
}

static size_t
wide (uint32_t i, uint32_t n, uint32_t *ret)
{
    (void) i;
    (void) n;
    (void) ret;
    return 0;
}

/* Every 12,500th step is a barrier over all since the last; the others wait for the last barrier. */
static size_t
barriers (uint32_t i, uint32_t n, uint32_t *ret)
{
    const uint32_t width = n < 12500 ? n / 4 : 12500;
    uint32_t last = i / width * width, k;

    if (i == 0)
        return 0;
    if (i % width != 0) {
        *ret = last;
        return 1;
    }
    for (k = 0; k < width; k++)
        ret[k] = i - width + k;
    return width;
}

static void
large_plan (struct sb_plan *p, uint32_t n, edges_fn edges)
{
    uint32_t *scratch = sb_xcalloc (n, sizeof *scratch), i;
    size_t k;

    memset (p, 0, sizeof *p);
    p->count = n;
    p->workflow = p->title = p->pool = "scale";
    p->sites = sb_arena_alloc (&p->arena, sizeof *p->sites);
    p->steps = sb_arena_alloc (&p->arena, n * sizeof *p->steps);
    for (i = 0; i < n; i++) {
        struct sb_plan_step *s = &p->steps[i];
        *s = (struct sb_plan_step){ .name = "s",
                                    .title = "s",
                                    .role = "thing",
                                    .verb = "do",
                                    .effect = SB_CHANGES,
                                    .gate = SB_NO_GATE,
                                    .undo = SB_UNDO_NOT_NEEDED,
                                    .timeout_ms = 1000 };
        s->nafter = edges (i, n, scratch);
        s->after = sb_arena_alloc (&p->arena, s->nafter * sizeof *s->after + 1);
        memcpy (s->after, scratch, s->nafter * sizeof *scratch);
        for (k = 0; k < s->nafter; k++)
            p->steps[s->after[k]].nbefore++;
    }
    for (i = 0; i < n; i++) {
        p->steps[i].before = sb_arena_alloc (&p->arena, p->steps[i].nbefore * sizeof *scratch + 1);
        p->steps[i].nbefore = 0;
    }
    for (i = 0; i < n; i++)
        for (k = 0; k < p->steps[i].nafter; k++) {
            struct sb_plan_step *b = &p->steps[p->steps[i].after[k]];
            b->before[b->nbefore++] = i;
        }
    free (scratch);
}

static double
cpu_us (void)
{
    struct timespec t;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

struct todo {
    uint32_t step;
    bool run;
};

struct tally {
    unsigned long events, commands, records;
    double us;
    enum sb_outcome outcome;
};

/* Answers every call in the order they were made: verify no, run OK, verify yes. */
static struct tally
drive (struct sb_plan *p)
{
    struct sb_engine *e = sb_xcalloc (1, sb_engine_size (p));
    struct todo *todo = sb_xcalloc (p->count * 3u + 3, sizeof *todo);
    uint8_t *ran = sb_xcalloc (p->count, 1);
    struct sb_turn turn = { 0 };
    struct sb_event ev = { .kind = SB_EV_START, .now = 1000 };
    struct tally t = { 0 };
    size_t head = 0, tail = 0, k;
    double from = cpu_us ();

    sb_engine_init (e, p);
    while (e->outcome == SB_RUN_GOES_ON) {
        turn.count = 0;
        sb_engine_event (e, p, &ev, &turn);
        t.events++;
        t.commands += turn.count;
        for (k = 0; k < turn.count; k++) {
            const struct sb_command *c = &turn.list[k];
            t.records += c->kind == SB_CMD_RECORD;
            if (c->kind == SB_CMD_VERIFY || c->kind == SB_CMD_RUN)
                todo[tail++] = (struct todo){ c->step, c->kind == SB_CMD_RUN };
        }
        if (head == tail)
            break;
        ev = (struct sb_event){ .kind = SB_EV_ANSWER,
                                .now = ev.now + 1,
                                .step = todo[head].step,
                                .op = todo[head].run ? SB_CALL_RUN : SB_CALL_VERIFY,
                                .seen = ran[todo[head].step] ? SB_SEEN_YES : SB_SEEN_NO };
        ran[todo[head].step] |= todo[head].run;
        head++;
    }
    t.us = cpu_us () - from;
    t.outcome = e->outcome;
    sb_turn_free (&turn);
    free (e);
    free (todo);
    free (ran);
    return t;
}

static void
shape (const char *name, edges_fn edges)
{
    double small = 0, large = 0;
    struct tally t;
    int round;

    for (round = 0; round < 5; round++) {
        struct sb_plan p;
        large_plan (&p, 1000, edges);
        t = drive (&p);
        small = round == 0 || t.us / 1000 < small ? t.us / 1000 : small;
        sb_plan_release (&p);
    }
    for (round = 0; round < 2; round++) {
        struct sb_plan p;
        large_plan (&p, 100000, edges);
        t = drive (&p);
        large = round == 0 || t.us / 100000 < large ? t.us / 100000 : large;
        CU_ASSERT_EQUAL (t.outcome, SB_RUN_DONE);
        CU_ASSERT_EQUAL (t.events, 1 + 3 * 100000ul);
        CU_ASSERT_EQUAL (t.records, 2 + 3 * 100000ul);
        CU_ASSERT_EQUAL (t.commands, 2 + 6 * 100000ul + 3);
        sb_plan_release (&p);
    }
    printf ("# %s: %.2f us a step of 1000, %.2f of 100000\n", name, small, large);
    CU_ASSERT (large < small * 8 + 2); /* quadratic work would be a hundred times as much */
}

static void
a_chain_is_linear (void)
{
    shape ("chain", chain);
}

static void
a_wide_plan_is_linear (void)
{
    shape ("wide", wide);
}

static void
barriers_are_linear (void)
{
    shape ("barriers", barriers);
}

static void
the_state_is_small_and_flat (void)
{
    struct sb_plan p;
    size_t bytes;

    large_plan (&p, 100000, chain);
    bytes = sb_engine_size (&p);
    printf ("# %.1f bytes of state and %zu of plan a step\n", (double) bytes / 100000, sizeof (struct sb_plan_step));
    CU_ASSERT (bytes / 100000 + sizeof (struct sb_plan_step) + 64 <= 1024);
    sb_plan_release (&p);
}

/* All timers of a wide plan ring in the order of their time. */
static void
timers_ring_in_order (void)
{
    struct sb_plan p;
    struct sb_engine *e;
    struct sb_turn turn = { 0 };
    struct sb_event ev = { .kind = SB_EV_START, .now = 1000 };
    int64_t next, last = 0;
    uint32_t i, asked = 0;

    large_plan (&p, 5000, wide);
    e = sb_xcalloc (1, sb_engine_size (&p));
    sb_engine_init (e, &p);
    sb_engine_event (e, &p, &ev, &turn);
    for (i = 0; i < 5000; i++) {
        ev = (struct sb_event){ .kind = SB_EV_ANSWER,
                                .step = i * 2741u % 5000,
                                .op = SB_CALL_VERIFY,
                                .seen = SB_SEEN_UNKNOWN,
                                .now = 1000 + i / 10 };
        sb_engine_event (e, &p, &ev, &turn);
    }
    while ((next = sb_engine_next_timer (e)) != SB_ENGINE_NEVER && next < 7000) {
        CU_ASSERT (next >= last);
        last = next;
        turn.count = 0;
        ev = (struct sb_event){ .kind = SB_EV_TIMER, .now = next };
        sb_engine_event (e, &p, &ev, &turn);
        asked += (uint32_t) turn.count;
    }
    CU_ASSERT_EQUAL (asked, 5000);
    sb_turn_free (&turn);
    free (e);
    sb_plan_release (&p);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a chain of 100,000 steps takes the same work a step as one of 1,000", a_chain_is_linear },
        { "so does a plan of 100,000 steps side by side", a_wide_plan_is_linear },
        { "so do barriers 12,500 steps wide", barriers_are_linear },
        { "state and plan of a step take less than a kibibyte", the_state_is_small_and_flat },
        { "thousands of timers ring in order", timers_ring_in_order },
        { NULL, NULL },
    };

    return sb_tap_run ("scale", tests);
}
