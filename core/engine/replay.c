/* Replay: records of an earlier process, in order, bring the state back to where
 * that process stood.  An intention without evidence leaves its step due and
 * "maybe": START asks first whether something of ours still works there. */
#include "core/engine/internal.h"

static void
replay_done (struct sb_machine *m, uint32_t i, const struct sb_engine_record *r)
{
    struct sb_engine_step *s = step_at (m, i);

    s->proved_at = r->ms;
    if (!(s->flags & SB_STEP_MAYBE))
        sb_mark_adopted (m, i);
    s->flags &= (uint16_t) ~(SB_STEP_OWING | SB_STEP_CLAIMED);
    sb_set_phase (m, i, SB_PHASE_DONE);
    sb_mark_passed (m, i, false);
}

static void
replay_rest (struct sb_machine *m, uint32_t i, const struct sb_engine_record *r, enum sb_phase phase)
{
    struct sb_engine_step *s = step_at (m, i);

    s->why = r->why;
    s->flags &= (uint16_t) ~(SB_STEP_HOLD | SB_STEP_CLAIMED);
    sb_set_phase (m, i, phase);
    if (phase == SB_PHASE_OWED)
        s->flags |= SB_STEP_OWING;
    if (phase == SB_PHASE_SKIPPED)
        s->flags &= (uint16_t) ~SB_STEP_OWING;
    if (phase == SB_PHASE_OWED || phase == SB_PHASE_SKIPPED || (phase == SB_PHASE_FAILED && m->plan->steps[i].optional))
        sb_mark_passed (m, i, false);
}

static void
replay_undone (struct sb_machine *m, uint32_t i)
{
    step_at (m, i)->flags |= SB_STEP_UNDO_SEEN;
    step_at (m, i)->flags &= (uint16_t) ~(SB_STEP_MAYBE | SB_STEP_UNDO_MAYBE | SB_STEP_CLAIMED);
    sb_set_phase (m, i, SB_PHASE_UNDONE);
}

static void
replay_gate (struct sb_machine *m, uint32_t i, const struct sb_engine_record *r)
{
    struct sb_engine_step *s = step_at (m, i);
    uint32_t gate = m->plan->steps[i].gate;

    if (gate == SB_NO_GATE)
        return;
    if (r->kind == SB_REC_GATE_OPEN) {
        sb_engine_gates (m->e)[gate] = SB_GATE_OPEN;
        s->asks = 1;
        s->asked_at = r->at;
        sb_set_phase (m, i, SB_PHASE_ASKED);
        return;
    }
    if (r->kind == SB_REC_GATE_FIRST) {
        sb_engine_firsts (m->e)[gate] = r->person;
        return;
    }
    if (r->kind == SB_REC_GATE_GLASS) {
        sb_engine_glass (m->e)[gate] = 1;
        s->since = r->at;
        return;
    }
    sb_engine_firsts (m->e)[gate] = 0;
    sb_engine_glass (m->e)[gate] = 0;
    sb_engine_gates (m->e)[gate] = r->value <= SB_GATE_NO ? r->value : SB_GATE_UNASKED;
    s->asks = 0;
    sb_set_phase (m, i, SB_PHASE_DUE);
}

static void
replay_person (struct sb_machine *m, uint32_t i, const struct sb_engine_record *r)
{
    struct sb_engine_step *s = step_at (m, i);

    if (!r->accepted)
        return;
    if (r->value == SB_EV_HOLD)
        s->flags |= SB_STEP_HOLD;
    if (r->value == SB_EV_CLAIM)
        s->flags |= SB_STEP_CLAIMED;
    if (r->value == SB_EV_RETRY || r->value == SB_EV_CLAIM)
        sb_set_phase (m, i, SB_PHASE_DUE);
}

static void
replay_step (struct sb_machine *m, uint32_t i, const struct sb_engine_record *r)
{
    struct sb_engine_step *s = step_at (m, i);

    s->attempt = (uint16_t) r->attempt;
    s->target = r->target ? r->target : s->target;
    s->result = r->result ? r->result : s->result;
    switch (r->kind) {
    case SB_REC_UNDO_INTENT:
        s->flags |= SB_STEP_UNDOING;
        /* fall through */
    case SB_REC_INTENT:
        sb_mark_intent (m, i);
        sb_set_phase (m, i, SB_PHASE_DUE);
        break;
    case SB_REC_CLEARED:
    case SB_REC_UNDO_CLEARED:
        sb_mark_cleared (m, i);
        break;
    case SB_REC_ADOPTED:
    case SB_REC_DONE:
        replay_done (m, i, r);
        break;
    case SB_REC_PROVED:
        s->proved_at = r->ms;
        break;
    case SB_REC_FAILED:
        replay_rest (m, i, r, SB_PHASE_FAILED);
        break;
    case SB_REC_OWED:
        replay_rest (m, i, r, SB_PHASE_OWED);
        break;
    case SB_REC_SKIPPED:
        replay_rest (m, i, r, SB_PHASE_SKIPPED);
        break;
    case SB_REC_UNDO_HELD:
        s->flags |= SB_STEP_UNDOING;
        /* fall through */
    case SB_REC_HELD:
        replay_rest (m, i, r, SB_PHASE_HELD);
        break;
    case SB_REC_UNDONE:
        replay_undone (m, i);
        break;
    case SB_REC_UNDO_LEFT:
        s->flags |= SB_STEP_UNDO_SEEN;
        if (s->phase == SB_PHASE_HELD)
            sb_set_phase (m, i, SB_PHASE_UNDONE);
        break;
    case SB_REC_GATE_OPEN:
    case SB_REC_GATE_ANSWER:
    case SB_REC_GATE_FIRST:
    case SB_REC_GATE_GLASS:
        replay_gate (m, i, r);
        break;
    case SB_REC_PERSON:
        replay_person (m, i, r);
        break;
    case SB_REC_REFUSED:
        m->e->cause = SB_WHY_REFUSED;
        sb_set_phase (m, i, SB_PHASE_DUE);
        break;
    default:
        break;
    }
}

/* What the live engine does in one go when taking back begins. */
static void
replay_undo_begin (struct sb_machine *m, const struct sb_engine_record *r)
{
    uint32_t i;

    m->e->undoing = 1;
    m->e->cause = r->why;
    for (i = 0; i < m->e->count; i++) {
        struct sb_engine_step *s = step_at (m, i);
        s->flags &= (uint16_t) ~SB_STEP_HOLD;
        if (s->phase == SB_PHASE_ASKED || s->phase == SB_PHASE_HELD)
            sb_set_phase (m, i, SB_PHASE_DUE);
    }
}

static void
replay_run (struct sb_machine *m, const struct sb_engine_record *r)
{
    struct sb_engine_site *site = r->value < m->e->nsites ? &sb_engine_sites (m->e)[r->value] : NULL;

    switch (r->kind) {
    case SB_REC_RUN_BEGIN:
    case SB_REC_RUN_RESUME:
        m->e->begun = 1;
        m->e->outcome = SB_RUN_GOES_ON;
        break;
    case SB_REC_RUN_FINISH:
        if (r->value < SB_OUTCOMES && sb_outcome_words[r->value].closed)
            m->e->outcome = r->value;
        break;
    case SB_REC_ABORT:
        m->e->cause = SB_WHY_ABORT;
        break;
    case SB_REC_UNDO_BEGIN:
        replay_undo_begin (m, r);
        break;
    case SB_REC_DARK:
    case SB_REC_LIGHT:
        if (site) { /* silence is counted afresh: nobody looked meanwhile */
            site->dark = 0;
            site->silent_since = 0;
        }
        break;
    default:
        break;
    }
}

void
sb_engine_replay (struct sb_engine *e, const struct sb_plan *plan, const struct sb_engine_record *r)
{
    struct sb_machine m = { e, plan, NULL };

    if (r->at > e->now)
        e->now = r->at;
    if (r->step == SB_NO_STEP)
        replay_run (&m, r);
    else if (r->step < e->count)
        replay_step (&m, r->step, r);
}

void
sb_engine_forget_proofs (struct sb_engine *e)
{
    uint32_t i;

    for (i = 0; i < e->count; i++)
        sb_engine_steps (e)[i].proved_at = 0;
}
