/* What people say: answers at gates, and wishes (abort, retry, skip, hold).  A
 * wish that does not fit is recorded as refused with its reason, never guessed at. */
#include "core/engine/internal.h"

static const struct sb_plan_gate *
gate_of (const struct sb_machine *m, uint32_t i)
{
    return &m->plan->gates[m->plan->steps[i].gate];
}

static uint8_t *
answer_of (const struct sb_machine *m, uint32_t i)
{
    return &sb_engine_gates (m->e)[m->plan->steps[i].gate];
}

/* Before START a step is only marked: START fills the ready queue. */
static void
make_due (struct sb_machine *m, uint32_t i)
{
    sb_drop_timer (m, i);
    if (m->e->started)
        sb_push_ready (m, i);
    else
        sb_set_phase (m, i, SB_PHASE_DUE);
}

/* ---------------------------------------------------------------- gates: answered once for all steps that name them */

bool
sb_gate_passes (struct sb_machine *m, uint32_t i)
{
    uint8_t *answer = answer_of (m, i);

    switch (*answer) {
    case SB_GATE_YES:
    case SB_GATE_NOT_NEEDED:
        return true;
    case SB_GATE_NO:
        sb_step_hold (m, i, SB_WHY_GATE_NO);
        return false;
    case SB_GATE_OPEN:
        sb_set_phase (m, i, SB_PHASE_ASKED);
        return false; /* another step has asked */
    default:
        break;
    }
    *answer = SB_GATE_OPEN;
    sb_set_phase (m, i, SB_PHASE_GATE);
    sb_emit (m, SB_CMD_ASK, i);
    return false;
}

static void
take_back (struct sb_machine *m, enum sb_reason cause)
{
    uint32_t i;

    m->e->cause = (uint8_t) cause;
    for (i = 0; i < m->e->count; i++) {
        enum sb_phase phase = step_at (m, i)->phase;
        if (phase == SB_PHASE_BACKOFF || (phase == SB_PHASE_PAUSING && !(step_at (m, i)->flags & SB_STEP_MAYBE)))
            sb_park (m, i);
    }
    sb_kill_running (m);
}

static void
say_no (struct sb_machine *m, uint32_t i, enum sb_reason why)
{
    if (!gate_of (m, i)->refuse || sb_engine_past_no_return (m->e)) {
        sb_step_hold (m, i, why);
        return;
    }
    sb_park (m, i);
    if (m->e->cause != SB_WHY_NONE)
        return;
    sb_note (m, SB_REC_REFUSED, i)->why = (uint8_t) why;
    take_back (m, SB_WHY_REFUSED);
}

static void
open_gate (struct sb_machine *m, uint32_t i, bool asked)
{
    struct sb_engine_step *s = step_at (m, i);

    if (s->asks) /* a resumed run goes on with the question as it stands */
        return;
    s->asks = 1;
    s->asked_at = m->e->now;
    sb_note (m, SB_REC_GATE_OPEN, i);
    if (asked)
        sb_news (m, SB_NEWS_GATE, i);
}

static bool
waits_at_gate (const struct sb_engine_step *s)
{
    return s->phase == SB_PHASE_GATE || s->phase == SB_PHASE_ASKED
           || (s->phase == SB_PHASE_HELD && (s->why == SB_WHY_GATE_NO || s->why == SB_WHY_GATE_EXPIRED));
}

/* Every step that waits at the gate hears the answer. */
static void
answer_gate (struct sb_machine *m, uint32_t i, enum sb_gate_answer answer, enum sb_reason why, uint32_t by)
{
    struct sb_engine_step *s = step_at (m, i);
    struct sb_engine_record *r = sb_note (m, SB_REC_GATE_ANSWER, i);
    uint32_t gate = m->plan->steps[i].gate, k;

    r->value = (uint8_t) answer;
    r->why = (uint8_t) why;
    r->by = by;
    r->ms = s->asks ? m->e->now - s->asked_at : 0;
    s->asks = 0;
    sb_engine_firsts (m->e)[gate] = 0;
    sb_engine_glass (m->e)[gate] = 0;
    *answer_of (m, i) = (uint8_t) answer;
    for (k = 0; k < m->e->count; k++) {
        if (m->plan->steps[k].gate != gate || !waits_at_gate (step_at (m, k)))
            continue;
        if (answer != SB_GATE_NO)
            make_due (m, k);
        else if (step_at (m, k)->phase != SB_PHASE_HELD)
            say_no (m, k, why);
    }
}

/* A person must be asked.  After broken glass the countdown stands in the place of the expiry. */
static void
wait_for_person (struct sb_machine *m, uint32_t i)
{
    const struct sb_plan_gate *g = gate_of (m, i);

    open_gate (m, i, true);
    sb_set_phase (m, i, SB_PHASE_ASKED);
    if (sb_engine_glass (m->e)[m->plan->steps[i].gate])
        sb_set_timer (m, i, step_at (m, i)->since + g->glass_ms);
    else if (g->refuse && !m->e->wait)
        answer_gate (m, i, SB_GATE_NO, SB_WHY_REFUSED, 0);
    else if (g->expires_ms > 0)
        sb_set_timer (m, i, step_at (m, i)->asked_at + g->expires_ms);
}

/* ---------------------------------------------------------------- gates for two persons */

/* The step that holds the question of this gate open; SB_NO_STEP: nobody has asked yet. */
static uint32_t
asking (const struct sb_machine *m, uint32_t i)
{
    uint32_t gate = m->plan->steps[i].gate, k;

    if (step_at (m, i)->asks)
        return i;
    for (k = 0; k < m->e->count; k++)
        if (m->plan->steps[k].gate == gate && step_at (m, k)->asks)
            return k;
    return SB_NO_STEP;
}

static void
refuse_wish (struct sb_machine *m, const struct sb_event *ev, enum sb_reason why)
{
    struct sb_engine_record *r = sb_note (m, SB_REC_PERSON, ev->step);

    r->value = (uint8_t) ev->kind;
    r->by = ev->by;
    r->why = (uint8_t) why;
    r->accepted = false;
}

/* One of two agrees.  True: he is the second, and another one than the first. */
static bool
is_second (struct sb_machine *m, const struct sb_event *ev)
{
    uint32_t *first = &sb_engine_firsts (m->e)[m->plan->steps[ev->step].gate];
    struct sb_engine_record *r;

    if (*first != 0 && ev->person != 0 && *first != ev->person)
        return true;
    if (*first != 0 || ev->person == 0) {
        refuse_wish (m, ev, SB_WHY_SAME);
        return false;
    }
    *first = ev->person;
    r = sb_note (m, SB_REC_GATE_FIRST, ev->step);
    r->by = ev->by;
    r->person = ev->person;
    return false;
}

/* Yes at a gate: enough, unless it wants two. */
static bool
is_enough (struct sb_machine *m, const struct sb_event *ev, bool fresh)
{
    if (gate_of (m, ev->step)->persons < 2)
        return true;
    open_gate (m, ev->step, false);
    if (is_second (m, ev))
        return true;
    if (fresh)
        wait_for_person (m, ev->step);
    return false;
}

/* No second person is there.  Everybody hears of it, and may still say no until the countdown is over. */
void
sb_gate_glass (struct sb_machine *m, const struct sb_event *ev)
{
    uint32_t gate = m->plan->steps[ev->step].gate, i = gate == SB_NO_GATE ? SB_NO_STEP : asking (m, ev->step);
    struct sb_engine_record *r;

    if (i == SB_NO_STEP || gate_of (m, i)->persons < 2 || gate_of (m, i)->glass_ms <= 0 || sb_engine_glass (m->e)[gate]
        || step_at (m, i)->phase != SB_PHASE_ASKED || ev->person == 0) {
        refuse_wish (m, ev, SB_WHY_NOT_NOW);
        return;
    }
    if (sb_engine_firsts (m->e)[gate] == 0)
        is_second (m, ev);
    sb_engine_glass (m->e)[gate] = 1;
    step_at (m, i)->since = m->e->now;
    r = sb_note (m, SB_REC_GATE_GLASS, i);
    r->by = ev->by;
    r->ms = gate_of (m, i)->glass_ms;
    sb_news (m, SB_NEWS_GLASS, i);
    wait_for_person (m, i);
}

void
sb_gate_event (struct sb_machine *m, const struct sb_event *ev)
{
    struct sb_engine_step *s = step_at (m, ev->step);
    bool fresh = s->phase == SB_PHASE_GATE;

    if (m->plan->steps[ev->step].gate == SB_NO_GATE || !waits_at_gate (s))
        return;
    if (!sb_may_begin (m, ev->step)) {
        if (fresh)
            sb_park (m, ev->step);
        return;
    }
    if (fresh && ev->gate == SB_GATE_OPEN)
        wait_for_person (m, ev->step);
    else if (fresh && ev->gate == SB_GATE_NOT_NEEDED)
        answer_gate (m, ev->step, ev->gate, SB_WHY_NONE, ev->by);
    else if (ev->gate == SB_GATE_YES && !is_enough (m, ev, fresh))
        return;
    else if (ev->gate == SB_GATE_YES || (ev->gate == SB_GATE_NO && s->phase != SB_PHASE_HELD)) {
        open_gate (m, ev->step, false);
        answer_gate (m, ev->step, ev->gate, ev->gate == SB_GATE_NO ? SB_WHY_GATE_NO : SB_WHY_NONE, ev->by);
    }
}

void
sb_gate_expired (struct sb_machine *m, uint32_t i)
{
    if (sb_engine_glass (m->e)[m->plan->steps[i].gate])
        answer_gate (m, i, SB_GATE_YES, SB_WHY_GLASS, 0);
    else
        answer_gate (m, i, SB_GATE_NO, SB_WHY_GATE_EXPIRED, 0);
}

/* ---------------------------------------------------------------- wishes */

static enum sb_reason
may_abort (const struct sb_engine *e)
{
    if (e->cause != SB_WHY_NONE || e->undoing)
        return SB_WHY_NOT_NOW;
    return sb_engine_past_no_return (e) ? SB_WHY_NO_RETURN : SB_WHY_NONE;
}

static enum sb_reason
may_wish (const struct sb_engine *e, const struct sb_plan *plan, enum sb_event_kind wish, uint32_t i)
{
    const struct sb_engine_step *s = &sb_engine_steps (e)[i];
    bool undoing = s->flags & SB_STEP_UNDOING;
    bool blocked = s->phase == SB_PHASE_HELD || (s->phase == SB_PHASE_FAILED && !(s->flags & SB_STEP_PASSED));
    bool fits = wish == SB_EV_RETRY   ? blocked
                : wish == SB_EV_CLAIM ? blocked && plan->steps[i].role
                : wish == SB_EV_SKIP  ? blocked || s->phase == SB_PHASE_ASKED || s->phase == SB_PHASE_OWED
                                      : s->phase < SB_PHASE_DONE && !undoing;

    return fits && (undoing || !e->undoing) && (undoing || e->cause == SB_WHY_NONE) ? SB_WHY_NONE : SB_WHY_NOT_NOW;
}

enum sb_reason
sb_engine_would_refuse (const struct sb_engine *e, const struct sb_plan *plan, enum sb_event_kind wish, uint32_t step)
{
    if (wish == SB_EV_ABORT)
        return may_abort (e);
    return step < e->count ? may_wish (e, plan, wish, step) : SB_WHY_NOT_NOW;
}

static void
hold (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);
    enum sb_phase phase = s->phase;

    s->flags |= SB_STEP_HOLD;
    if (phase == SB_PHASE_RUNNING)
        sb_emit (m, SB_CMD_KILL, i);
    else if (phase == SB_PHASE_ASKED || phase == SB_PHASE_BACKOFF)
        sb_step_hold (m, i, SB_WHY_PERSON);
}

static void
retry (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    s->tries = 0;
    s->lapses = 0;
    if (m->plan->steps[i].gate != SB_NO_GATE && *answer_of (m, i) == SB_GATE_NO)
        *answer_of (m, i) = SB_GATE_UNASKED;
    if (s->flags & SB_STEP_UNDOING)
        sb_set_phase (m, i, SB_PHASE_DUE); /* the undoing itself takes it up */
    else
        make_due (m, i);
}

static void
skip (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    if (!(s->flags & SB_STEP_UNDOING)) {
        sb_step_skip (m, i, SB_WHY_PERSON);
        return;
    }
    s->flags |= SB_STEP_UNDO_SEEN;
    sb_note (m, SB_REC_UNDO_LEFT, i)->why = SB_WHY_PERSON;
    sb_set_phase (m, i, SB_PHASE_UNDONE);
}

void
sb_person (struct sb_machine *m, const struct sb_event *ev)
{
    bool abort = ev->kind == SB_EV_ABORT;
    enum sb_reason why = sb_engine_would_refuse (m->e, m->plan, ev->kind, ev->step);
    struct sb_engine_record *r = sb_note (m, SB_REC_PERSON, abort ? SB_NO_STEP : ev->step);

    r->value = (uint8_t) ev->kind;
    r->by = ev->by;
    r->why = (uint8_t) why;
    r->accepted = why == SB_WHY_NONE;
    if (why != SB_WHY_NONE)
        return;
    switch (ev->kind) {
    case SB_EV_ABORT:
        sb_note (m, SB_REC_ABORT, SB_NO_STEP)->by = ev->by;
        take_back (m, SB_WHY_ABORT);
        break;
    case SB_EV_CLAIM:
        step_at (m, ev->step)->flags |= SB_STEP_CLAIMED;
        retry (m, ev->step);
        break;
    case SB_EV_RETRY:
        retry (m, ev->step);
        break;
    case SB_EV_SKIP:
        skip (m, ev->step);
        break;
    case SB_EV_HOLD:
        hold (m, ev->step);
        break;
    default:
        break;
    }
}
