/* Changes of state that a live event and the replay of its record share, so
 * that a resumed engine stands exactly where the dead one stood. */
#include "core/engine/internal.h"

void
sb_mark_passed (struct sb_machine *m, uint32_t i, bool live)
{
    const struct sb_plan_step *p = &m->plan->steps[i];
    struct sb_engine_step *s = step_at (m, i);
    size_t k;

    if (s->flags & SB_STEP_PASSED)
        return;
    s->flags |= SB_STEP_PASSED;
    m->e->passed++;
    for (k = 0; k < p->nbefore; k++) {
        struct sb_engine_step *after = step_at (m, p->before[k]);
        if (--after->waits_for == 0 && live && after->phase == SB_PHASE_WAITING)
            sb_push_ready (m, p->before[k]);
    }
}

/* An intention stands: from now on it may have happened. */
void
sb_mark_intent (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);
    bool undo = s->flags & SB_STEP_UNDOING;

    if (!undo && !(s->flags & SB_STEP_MAYBE) && m->plan->steps[i].no_return)
        m->e->no_return++;
    s->flags |= undo ? SB_STEP_UNDO_MAYBE : SB_STEP_MAYBE;
    if (s->flags & SB_STEP_RAN)
        return;
    s->flags |= SB_STEP_RAN;
    s->ran_prev = m->e->ran_last;
    m->e->ran_last = i;
}

/* Verify has said no: it did not happen. */
void
sb_mark_cleared (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    if (s->flags & SB_STEP_UNDOING) {
        s->flags &= (uint16_t) ~SB_STEP_UNDO_MAYBE;
        return;
    }
    if ((s->flags & SB_STEP_MAYBE) && m->plan->steps[i].no_return)
        m->e->no_return--;
    s->flags &= (uint16_t) ~SB_STEP_MAYBE;
}

/* Somebody else has done it; a point of no return is passed all the same. */
void
sb_mark_adopted (struct sb_machine *m, uint32_t i)
{
    if (m->plan->steps[i].no_return)
        m->e->no_return++;
}

bool
sb_why_clears (enum sb_reason why)
{
    return why == SB_WHY_FAILED || why == SB_WHY_ATTEMPTS || why == SB_WHY_LAPSES;
}
