/* The engine's state as a block of bytes, its events, and the replay of records.
 * What a step does with an answer is in step.c. */
#include "core/engine/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- the block */

static uint32_t
count_sites (const struct sb_plan *plan)
{
    uint32_t n = 0;

    while (plan->sites && plan->sites[n] && n < SB_NO_SITE)
        n++;
    return n;
}

static uint8_t
site_of (const struct sb_plan *plan, const struct sb_plan_step *p, uint32_t nsites)
{
    uint32_t k;

    for (k = 0; p->site && k < nsites; k++)
        if (strcmp (plan->sites[k], p->site) == 0)
            return (uint8_t) k;
    return SB_NO_SITE;
}

static size_t
size_for (uint32_t count, uint32_t nsites, uint32_t ngates)
{
    return sizeof (struct sb_engine) + count * sizeof (struct sb_engine_step) + nsites * sizeof (struct sb_engine_site)
           + count * sizeof (uint32_t) + ngates * (sizeof (uint32_t) + 2);
}

size_t
sb_engine_size (const struct sb_plan *plan)
{
    return size_for (plan->count, count_sites (plan), plan->ngates);
}

void
sb_engine_init (struct sb_engine *e, const struct sb_plan *plan)
{
    uint32_t i;

    memset (e, 0, sb_engine_size (plan));
    e->count = plan->count;
    e->nsites = count_sites (plan);
    e->ngates = plan->ngates;
    e->ready_first = e->ready_last = e->ran_last = SB_NO_STEP;
    for (i = 0; i < e->count; i++) {
        struct sb_engine_step *s = &sb_engine_steps (e)[i];
        s->due = SB_ENGINE_NEVER;
        s->next = s->waiters = s->ran_prev = s->heap_at = SB_NO_STEP;
        s->waits_for = (uint32_t) plan->steps[i].nafter;
        s->site = site_of (plan, &plan->steps[i], e->nsites);
    }
    for (i = 0; i < e->nsites; i++) {
        sb_engine_sites (e)[i].due = SB_ENGINE_NEVER;
        sb_engine_sites (e)[i].doubting = SB_NO_STEP;
    }
}

void
sb_engine_copy (struct sb_engine *to, const struct sb_engine *from)
{
    memcpy (to, from, size_for (from->count, from->nsites, from->ngates));
}

/* ---------------------------------------------------------------- canonical bytes */

static void
put (struct sb_buf *out, int64_t value, unsigned bytes)
{
    char b[8];
    unsigned k;

    for (k = 0; k < bytes; k++)
        b[k] = (char) ((uint64_t) value >> (8 * k));
    sb_buf_add (out, b, bytes);
}

static void
put_age (struct sb_buf *out, const struct sb_engine *e, int64_t at)
{
    put (out, at == 0 || at == SB_ENGINE_NEVER ? at : at - e->now, 8);
}

static void
put_step (struct sb_buf *out, const struct sb_engine *e, const struct sb_engine_step *s)
{
    bool rests = s->phase == SB_PHASE_WAITING || sb_engine_at_rest (s);

    put_age (out, e, s->due);
    put_age (out, e, rests ? 0 : s->since);
    put_age (out, e, rests && !(s->flags & SB_STEP_REPROVE) ? 0 : s->asked_at);
    put_age (out, e, s->proved_at);
    put (out, s->waits_for, 4);
    put (out, s->next, 4);
    put (out, s->waiters, 4);
    put (out, s->ran_prev, 4);
    put (out, s->target, 4);
    put (out, s->result, 4);
    put (out, s->tries, 2);
    put (out, s->polls, 2);
    put (out, s->flags, 2);
    put (out, s->lapses, 1);
    put (out, s->phase, 1);
    put (out, s->purpose, 1);
    put (out, s->call, 1);
    put (out, s->why, 1);
    put (out, s->asks, 1);
}

void
sb_engine_canonical (const struct sb_engine *e, struct sb_buf *out)
{
    uint32_t i;

    for (i = 0; i < e->count; i++)
        put_step (out, e, &sb_engine_steps (e)[i]);
    for (i = 0; i < e->nsites; i++) {
        const struct sb_engine_site *t = &sb_engine_sites (e)[i];
        put_age (out, e, t->silent_since);
        put_age (out, e, t->due);
        put (out, t->doubting, 4);
        put (out, t->probing, 1);
        put (out, t->dark, 1);
    }
    sb_buf_add (out, sb_engine_gates (e), e->ngates);
    sb_buf_add (out, sb_engine_glass (e), e->ngates);
    for (i = 0; i < e->ngates; i++)
        put (out, sb_engine_firsts (e)[i], 4);
    put (out, e->ready_first, 4);
    put (out, e->ran_last, 4);
    put (out, e->begun, 1);
    put (out, e->started, 1);
    put (out, e->wait, 1);
    put (out, e->stay, 1);
    put (out, e->stopping, 1);
    put (out, e->undoing, 1);
    put (out, e->cause, 1);
    put (out, e->outcome, 1);
}

/* ---------------------------------------------------------------- start */

/* Whoever starts a run again wants what is held to be tried again, but for what a person holds. */
static void
restart_step (struct sb_machine *m, uint32_t i, bool pay)
{
    struct sb_engine_step *s = step_at (m, i);
    bool again = s->phase == SB_PHASE_DUE || s->phase == SB_PHASE_ASKED || (pay && s->phase == SB_PHASE_OWED)
                 || (s->phase == SB_PHASE_HELD && s->why != SB_WHY_PERSON)
                 || (s->phase == SB_PHASE_FAILED && !(s->flags & SB_STEP_PASSED))
                 || (s->phase == SB_PHASE_WAITING && s->waits_for == 0);

    if (s->asks && m->plan->steps[i].gate != SB_NO_GATE && sb_engine_glass (m->e)[m->plan->steps[i].gate])
        s->since = m->e->now; /* nobody could say no while nobody ran: the countdown begins anew */
    if (!again)
        return;
    if (m->e->undoing)
        sb_set_phase (m, i, SB_PHASE_DUE); /* taken up by the undoing, or never */
    else
        sb_push_ready (m, i);
}

static void
start (struct sb_machine *m, const struct sb_event *ev)
{
    struct sb_engine *e = m->e;
    bool pay = ev->pay && e->owed > 0 && (e->outcome == SB_RUN_GOES_ON || e->outcome == SB_RUN_DONE_OWED);
    uint32_t i;

    if (e->started)
        return;
    e->started = 1;
    e->wait = ev->wait;
    e->stay = ev->stay;
    if (e->outcome != SB_RUN_GOES_ON && !pay) { /* it had ended for good */
        sb_emit (m, SB_CMD_FINISH, SB_NO_STEP)->outcome = e->outcome;
        return;
    }
    e->outcome = SB_RUN_GOES_ON;
    sb_note (m, e->begun ? SB_REC_RUN_RESUME : SB_REC_RUN_BEGIN, SB_NO_STEP)->by = ev->by;
    if (!e->begun)
        sb_news (m, SB_NEWS_BEGIN, SB_NO_STEP);
    e->begun = 1;
    for (i = 0; i < e->ngates; i++)
        if (sb_engine_gates (e)[i] == SB_GATE_NO || sb_engine_gates (e)[i] == SB_GATE_OPEN)
            sb_engine_gates (e)[i] = SB_GATE_UNASKED; /* asked again */
    for (i = 0; i < e->count; i++)
        restart_step (m, i, pay);
}

/* ---------------------------------------------------------------- events */

static void
timers (struct sb_machine *m)
{
    uint32_t i;

    sb_sites_timer (m);
    while ((i = sb_next_due (m)) != SB_NO_STEP)
        sb_step_timer (m, i);
}

static bool
needs_step (enum sb_event_kind kind)
{
    return kind != SB_EV_START && kind != SB_EV_TIMER && kind != SB_EV_PROBED && kind != SB_EV_STOP
           && kind != SB_EV_ABORT;
}

void
sb_engine_event (struct sb_engine *e, const struct sb_plan *plan, const struct sb_event *ev, struct sb_turn *turn)
{
    struct sb_machine m = { e, plan, turn };

    if (ev->now > e->now)
        e->now = ev->now;
    if ((e->outcome != SB_RUN_GOES_ON && ev->kind != SB_EV_START) || (needs_step (ev->kind) && ev->step >= e->count))
        return;
    switch (ev->kind) {
    case SB_EV_START:
        start (&m, ev);
        break;
    case SB_EV_ANSWER:
    case SB_EV_DIED:
        sb_step_answer (&m, ev);
        break;
    case SB_EV_LOCATED:
        sb_step_located (&m, ev->step, ev->target);
        break;
    case SB_EV_TIMER:
        if (!e->stopping)
            timers (&m);
        break;
    case SB_EV_PROBED:
        if (ev->site < e->nsites)
            sb_probed (&m, ev->site, ev->answers);
        break;
    case SB_EV_GATE:
        sb_gate_event (&m, ev);
        break;
    case SB_EV_STOP:
        sb_stop (&m);
        break;
    case SB_EV_ABORT:
    case SB_EV_RETRY:
    case SB_EV_SKIP:
    case SB_EV_HOLD:
    case SB_EV_CLAIM:
        sb_person (&m, ev);
        break;
    case SB_EV_GLASS:
        sb_gate_glass (&m, ev);
        break;
    }
    sb_advance (&m);
}
