/* How a step comes to rest: done, held, failed, owed, skipped; the same for the
 * undoing of it.  Each leaves one record and tells whoever depends on it. */
#include "core/engine/internal.h"

static void
rest (struct sb_machine *m, uint32_t i, enum sb_phase phase, enum sb_reason why)
{
    struct sb_engine_step *s = step_at (m, i);

    sb_drop_timer (m, i);
    s->why = (uint8_t) why;
    sb_set_phase (m, i, phase);
}

static void
undone (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    sb_note (m, SB_REC_UNDONE, i)->ms = s->asked_at;
    s->flags &= (uint16_t) ~(SB_STEP_MAYBE | SB_STEP_UNDO_MAYBE | SB_STEP_CLAIMED);
    s->flags |= SB_STEP_UNDO_SEEN;
    rest (m, i, SB_PHASE_UNDONE, SB_WHY_NONE);
}

void
sb_step_done (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);
    bool looks = s->purpose == SB_FOR_READ || !m->plan->steps[i].role;

    if (s->flags & SB_STEP_UNDOING) {
        undone (m, i);
        return;
    }
    s->proved_at = m->plan->steps[i].role ? s->asked_at : m->e->now;
    if (!(s->flags & SB_STEP_MAYBE))
        sb_mark_adopted (m, i);
    sb_note (m, looks || (s->flags & SB_STEP_MAYBE) ? SB_REC_DONE : SB_REC_ADOPTED, i)->ms = s->proved_at;
    s->flags &= (uint16_t) ~(SB_STEP_OWING | SB_STEP_CLAIMED);
    rest (m, i, SB_PHASE_DONE, SB_WHY_NONE);
    sb_mark_passed (m, i, true);
}

static void
owe (struct sb_machine *m, uint32_t i, enum sb_reason why)
{
    struct sb_engine_step *s = step_at (m, i);
    bool known = s->flags & SB_STEP_OWING;

    s->flags |= SB_STEP_OWING;
    sb_note (m, SB_REC_OWED, i)->why = (uint8_t) why;
    rest (m, i, SB_PHASE_OWED, why);
    if (!known)
        sb_news (m, SB_NEWS_OWED, i);
    sb_mark_passed (m, i, true);
}

void
sb_step_fail (struct sb_machine *m, uint32_t i, enum sb_reason why)
{
    struct sb_engine_step *s = step_at (m, i);

    if (s->flags & SB_STEP_UNDOING) {
        sb_step_hold (m, i, why);
        return;
    }
    if (s->flags & SB_STEP_OWING) {
        owe (m, i, why);
        return;
    }
    sb_note (m, SB_REC_FAILED, i)->why = (uint8_t) why;
    rest (m, i, SB_PHASE_FAILED, why);
    sb_news (m, SB_NEWS_FAILED, i);
    if (m->plan->steps[i].optional)
        sb_mark_passed (m, i, true);
}

void
sb_step_hold (struct sb_machine *m, uint32_t i, enum sb_reason why)
{
    struct sb_engine_step *s = step_at (m, i);
    bool undoing = s->flags & SB_STEP_UNDOING;

    s->flags &= (uint16_t) ~(SB_STEP_HOLD | SB_STEP_CLAIMED);
    if (!undoing && (s->flags & SB_STEP_OWING)) {
        owe (m, i, why);
        return;
    }
    if (!undoing && m->plan->steps[i].optional && why != SB_WHY_PERSON) {
        sb_step_fail (m, i, why); /* noted, and it stops nobody */
        return;
    }
    sb_note (m, undoing ? SB_REC_UNDO_HELD : SB_REC_HELD, i)->why = (uint8_t) why;
    rest (m, i, SB_PHASE_HELD, why);
    sb_news (m, SB_NEWS_HELD, i);
}

void
sb_step_skip (struct sb_machine *m, uint32_t i, enum sb_reason why)
{
    step_at (m, i)->flags &= (uint16_t) ~(SB_STEP_OWING | SB_STEP_HOLD);
    sb_note (m, SB_REC_SKIPPED, i)->why = (uint8_t) why;
    rest (m, i, SB_PHASE_SKIPPED, why);
    sb_mark_passed (m, i, m->e->started); /* before START nothing stands in the ready queue: START fills it */
}

void
sb_step_dark (struct sb_machine *m, uint32_t i)
{
    const struct sb_engine_step *s = step_at (m, i);

    if (s->flags & SB_STEP_UNDOING)
        sb_step_hold (m, i, SB_WHY_DARK);
    else if ((s->flags & SB_STEP_OWING) || m->plan->steps[i].if_dark == SB_DARK_OWE)
        owe (m, i, SB_WHY_DARK);
    else if (m->plan->steps[i].if_dark == SB_DARK_SKIP)
        sb_step_skip (m, i, SB_WHY_DARK);
    else
        sb_step_hold (m, i, SB_WHY_DARK);
}
