/* The engine's bookkeeping: phases with their counts, the ready queue, the heap
 * of timers, and the commands of the turn.  Everything is O(1) but timers, which
 * are O(log n). */
#include "core/engine/internal.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- phases */

static bool
is_active (enum sb_phase phase)
{
    return phase >= SB_PHASE_GATE && phase <= SB_PHASE_BACKOFF && phase != SB_PHASE_ASKED;
}

static void
count (uint32_t *counter, bool was, bool is)
{
    *counter = *counter + (is ? 1u : 0u) - (was ? 1u : 0u);
}

/* People are waited for while at least one gate is open. */
static void
count_people (struct sb_engine *e, uint32_t before)
{
    if (before == 0 && e->asked > 0)
        e->gates_since = e->now;
    if (before > 0 && e->asked == 0)
        e->people_ms += e->now - e->gates_since;
}

void
sb_set_phase (struct sb_machine *m, uint32_t i, enum sb_phase phase)
{
    struct sb_engine *e = m->e;
    struct sb_engine_step *s = step_at (m, i);
    enum sb_phase was = s->phase;
    uint32_t asked = e->asked;
    bool required = !m->plan->steps[i].optional;

    count (&e->active, is_active (was), is_active (phase));
    count (&e->running, was == SB_PHASE_RUNNING, phase == SB_PHASE_RUNNING);
    count (&e->asked, was == SB_PHASE_ASKED, phase == SB_PHASE_ASKED);
    count (&e->held, was == SB_PHASE_HELD, phase == SB_PHASE_HELD);
    count (&e->owed, was == SB_PHASE_OWED, phase == SB_PHASE_OWED);
    count (&e->failed, was == SB_PHASE_FAILED && required, phase == SB_PHASE_FAILED && required);
    s->phase = (uint8_t) phase;
    count_people (e, asked);
}

bool
sb_engine_at_rest (const struct sb_engine_step *s)
{
    return s->phase >= SB_PHASE_DONE;
}

bool
sb_engine_gives_results (const struct sb_engine_step *s)
{
    return s->phase != SB_PHASE_SKIPPED && s->phase != SB_PHASE_OWED;
}

/* ---------------------------------------------------------------- ready queue: first in, first out */

void
sb_push_ready (struct sb_machine *m, uint32_t i)
{
    struct sb_engine *e = m->e;

    sb_set_phase (m, i, SB_PHASE_DUE);
    step_at (m, i)->next = SB_NO_STEP;
    if (e->ready_last == SB_NO_STEP)
        e->ready_first = i;
    else
        step_at (m, e->ready_last)->next = i;
    e->ready_last = i;
}

uint32_t
sb_pop_ready (struct sb_machine *m)
{
    struct sb_engine *e = m->e;
    uint32_t i = e->ready_first;

    if (i == SB_NO_STEP)
        return i;
    e->ready_first = step_at (m, i)->next;
    if (e->ready_first == SB_NO_STEP)
        e->ready_last = SB_NO_STEP;
    step_at (m, i)->next = SB_NO_STEP;
    return i;
}

/* ---------------------------------------------------------------- timers: a heap ordered by (due, index) */

static bool
sooner (const struct sb_machine *m, uint32_t a, uint32_t b)
{
    const struct sb_engine_step *s = step_at (m, a), *t = step_at (m, b);

    return s->due != t->due ? s->due < t->due : a < b;
}

static void
place (struct sb_machine *m, uint32_t at, uint32_t i)
{
    sb_engine_heap (m->e)[at] = i;
    step_at (m, i)->heap_at = at;
}

static void
sift_up (struct sb_machine *m, uint32_t at)
{
    uint32_t *heap = sb_engine_heap (m->e), i = heap[at];

    for (; at > 0 && sooner (m, i, heap[(at - 1) / 2]); at = (at - 1) / 2)
        place (m, at, heap[(at - 1) / 2]);
    place (m, at, i);
}

static void
sift_down (struct sb_machine *m, uint32_t at)
{
    uint32_t *heap = sb_engine_heap (m->e), i = heap[at], n = m->e->heap_count, child;

    while ((child = 2 * at + 1) < n) {
        if (child + 1 < n && sooner (m, heap[child + 1], heap[child]))
            child++;
        if (!sooner (m, heap[child], i))
            break;
        place (m, at, heap[child]);
        at = child;
    }
    place (m, at, i);
}

void
sb_drop_timer (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);
    uint32_t at = s->heap_at, last;

    s->due = SB_ENGINE_NEVER;
    if (at == SB_NO_STEP)
        return;
    s->heap_at = SB_NO_STEP;
    last = sb_engine_heap (m->e)[--m->e->heap_count];
    if (last == i)
        return;
    place (m, at, last);
    sift_up (m, at);
    sift_down (m, step_at (m, last)->heap_at);
}

void
sb_set_timer (struct sb_machine *m, uint32_t i, int64_t due)
{
    sb_drop_timer (m, i);
    step_at (m, i)->due = due;
    place (m, m->e->heap_count, i);
    sift_up (m, m->e->heap_count++);
}

uint32_t
sb_next_due (struct sb_machine *m)
{
    uint32_t i = m->e->heap_count ? sb_engine_heap (m->e)[0] : SB_NO_STEP;

    if (i == SB_NO_STEP || step_at (m, i)->due > m->e->now)
        return SB_NO_STEP;
    sb_drop_timer (m, i);
    return i;
}

int64_t
sb_engine_next_timer (const struct sb_engine *e)
{
    int64_t next = e->heap_count ? sb_engine_steps (e)[sb_engine_heap (e)[0]].due : SB_ENGINE_NEVER;
    uint32_t k;

    for (k = 0; k < e->nsites; k++)
        if (sb_engine_sites (e)[k].due < next)
            next = sb_engine_sites (e)[k].due;
    return e->outcome == SB_RUN_GOES_ON && !e->stopping ? next : SB_ENGINE_NEVER;
}

/* ---------------------------------------------------------------- commands */

struct sb_command *
sb_emit (struct sb_machine *m, enum sb_command_kind kind, uint32_t step)
{
    struct sb_turn *t = m->turn;
    struct sb_command *c = &SB_PUSH (t->list, t->count, t->cap);

    memset (c, 0, sizeof *c);
    c->kind = kind;
    c->step = step;
    return c;
}

struct sb_engine_record *
sb_note (struct sb_machine *m, enum sb_record_kind kind, uint32_t step)
{
    struct sb_engine_record *r = &sb_emit (m, SB_CMD_RECORD, step)->record;

    r->kind = kind;
    r->step = step;
    r->at = m->e->now;
    r->accepted = true;
    if (step != SB_NO_STEP) {
        const struct sb_engine_step *s = step_at (m, step);
        r->attempt = s->attempt;
        r->target = s->target;
        r->result = s->result;
    }
    return r;
}

void
sb_news (struct sb_machine *m, enum sb_news news, uint32_t step)
{
    sb_emit (m, SB_CMD_NOTIFY, step)->news = news;
}

void
sb_turn_free (struct sb_turn *t)
{
    free (t->list);
    *t = (struct sb_turn){ 0 };
}
