/* What happens when nothing moves any more: the run ends, waits for people, or
 * is taken back.
 *
 * Taking back goes through the steps that ran, newest first and one at a time,
 * each along the same picture with its undo verb.  A step that somebody else had
 * done (adopted) is not touched. */
#include "core/engine/internal.h"

bool
sb_engine_past_no_return (const struct sb_engine *e)
{
    return e->no_return > 0;
}

void
sb_kill_running (struct sb_machine *m)
{
    uint32_t i;

    for (i = 0; i < m->e->count && m->e->running > 0; i++)
        if (step_at (m, i)->phase == SB_PHASE_RUNNING)
            sb_emit (m, SB_CMD_KILL, i);
}

static bool
finish (struct sb_machine *m, enum sb_outcome outcome)
{
    m->e->outcome = (uint8_t) outcome;
    sb_note (m, SB_REC_RUN_FINISH, SB_NO_STEP)->value = (uint8_t) outcome;
    sb_news (m, SB_NEWS_FINISH, SB_NO_STEP);
    sb_emit (m, SB_CMD_FINISH, SB_NO_STEP)->outcome = outcome;
    return false;
}

/* Held, and nothing else moves.  While a question is open that somebody may answer, the run is not over. */
static bool
finish_held (struct sb_machine *m)
{
    const struct sb_engine *e = m->e;

    return e->stay || (e->wait && e->asked > 0 && !e->undoing) ? false : finish (m, SB_RUN_HELD);
}

void
sb_stop (struct sb_machine *m)
{
    if (m->e->stopping) {
        finish (m, SB_RUN_STOPPED);
        return;
    }
    m->e->stopping = 1;
    sb_kill_running (m);
}

/* ---------------------------------------------------------------- taking back */

static bool
begin_undo (struct sb_machine *m, enum sb_reason cause)
{
    uint32_t i;

    m->e->undoing = 1;
    m->e->cause = (uint8_t) cause;
    sb_note (m, SB_REC_UNDO_BEGIN, SB_NO_STEP)->why = (uint8_t) cause;
    sb_news (m, SB_NEWS_UNDO, SB_NO_STEP);
    for (i = 0; i < m->e->count; i++) {
        struct sb_engine_step *s = step_at (m, i);
        s->flags &= (uint16_t) ~SB_STEP_HOLD;
        if (s->phase == SB_PHASE_OWED && !(s->flags & SB_STEP_MAYBE))
            sb_step_skip (m, i, SB_WHY_UNDO);
        else if (s->phase == SB_PHASE_ASKED || s->phase == SB_PHASE_HELD)
            sb_park (m, i);
    }
    return true;
}

static enum sb_outcome
undone_outcome (const struct sb_engine *e)
{
    return e->cause == SB_WHY_ABORT     ? SB_RUN_ABORTED
           : e->cause == SB_WHY_REFUSED ? SB_RUN_REFUSED
                                        : SB_RUN_FAILED_UNDONE;
}

static void
leave (struct sb_machine *m, uint32_t i)
{
    step_at (m, i)->flags |= SB_STEP_UNDO_SEEN;
    sb_note (m, SB_REC_UNDO_LEFT, i)->why = SB_WHY_NONE;
}

static void
undo_step (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    s->flags = (uint16_t) ((s->flags | SB_STEP_UNDOING) & ~SB_STEP_OWING);
    s->tries = 0;
    s->lapses = 0;
    sb_step_top (m, i);
}

static bool
undo_next (struct sb_machine *m)
{
    struct sb_engine *e = m->e;
    uint32_t i;

    if (e->held > 0)
        return finish_held (m);
    for (; (i = e->ran_last) != SB_NO_STEP; e->ran_last = step_at (m, i)->ran_prev) {
        const struct sb_engine_step *s = step_at (m, i);
        if ((s->flags & SB_STEP_UNDO_SEEN) || !(s->flags & SB_STEP_MAYBE))
            continue;
        if (m->plan->steps[i].undo == SB_UNDO_VERB) {
            undo_step (m, i);
            return true;
        }
        leave (m, i);
    }
    return finish (m, undone_outcome (e));
}

/* ---------------------------------------------------------------- nothing moves */

/* True: something moves again. */
static bool
settle (struct sb_machine *m)
{
    struct sb_engine *e = m->e;

    if (e->undoing)
        return undo_next (m);
    if (e->cause != SB_WHY_NONE)
        return begin_undo (m, e->cause);
    if (e->held > 0)
        return finish_held (m);
    if (e->failed > 0 && sb_engine_past_no_return (e))
        return finish_held (m);
    if (e->failed > 0)
        return begin_undo (m, SB_WHY_FAILED);
    if (e->asked > 0)
        return e->wait ? false : finish (m, SB_RUN_WAITING);
    if (e->passed < e->count)
        return finish (m, SB_RUN_HELD); /* a defect: nothing is due, nothing is held; a test sees that it cannot be */
    return finish (m, e->owed > 0 ? SB_RUN_DONE_OWED : SB_RUN_DONE);
}

static void
begin_due (struct sb_machine *m)
{
    struct sb_engine *e = m->e;
    uint32_t i;

    while ((e->max_calls == 0 || e->calls < e->max_calls) && (i = sb_pop_ready (m)) != SB_NO_STEP)
        if (step_at (m, i)->phase == SB_PHASE_DUE)
            sb_step_begin (m, i);
}

void
sb_advance (struct sb_machine *m)
{
    struct sb_engine *e = m->e;
    bool moves = true;

    while (moves && e->started && e->outcome == SB_RUN_GOES_ON) {
        if (e->stopping) {
            if (e->running == 0)
                finish (m, SB_RUN_STOPPED);
            return;
        }
        begin_due (m);
        moves = e->active == 0 && e->ready_first == SB_NO_STEP && settle (m);
    }
}
