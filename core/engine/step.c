/* The picture (doc/architecture.md, section 5): what becomes of a step with each
 * answer.  The decisions are two tables; the functions below them carry them out. */
#include "core/engine/internal.h"

#include "core/model/contracts.h"

enum act {
    DONE = 0, /* it is so */
    BEGIN,    /* write the intention, run */
    WAIT,     /* ask again until the time to settle is over, then hold */
    DOUBT,    /* nobody knows: is the site dark? */
    AGAIN,    /* back off, then from the top */
    CLEARED,  /* nothing of the attempt is left: from the top */
    FAILED,   /* nothing was changed, and it will not be tried again */
    HOLD
};

#define NO      SB_SEEN_NO
#define YES     SB_SEEN_YES
#define PARTLY  SB_SEEN_PARTLY
#define UNKNOWN SB_SEEN_UNKNOWN

/* [why it was asked][what verify saw], for an action that settles; the differences of one that changes are below. */
static const uint8_t settles[][4] = {
    [SB_FOR_TOP] = { [NO] = BEGIN, [YES] = DONE, [PARTLY] = BEGIN, [UNKNOWN] = DOUBT },
    [SB_FOR_SETTLE] = { [NO] = WAIT, [YES] = DONE, [PARTLY] = WAIT, [UNKNOWN] = DOUBT },
    [SB_FOR_RETRY] = { [NO] = AGAIN, [YES] = DONE, [PARTLY] = AGAIN, [UNKNOWN] = DOUBT },
    [SB_FOR_FAIL] = { [NO] = FAILED, [YES] = DONE, [PARTLY] = HOLD, [UNKNOWN] = DOUBT },
    [SB_FOR_CLEAR] = { [NO] = CLEARED, [YES] = DONE, [PARTLY] = CLEARED, [UNKNOWN] = DOUBT },
};
static const uint8_t changes[][4] = {
    [SB_FOR_TOP] = { [NO] = BEGIN, [YES] = DONE, [PARTLY] = WAIT, [UNKNOWN] = DOUBT },
    [SB_FOR_SETTLE] = { [NO] = WAIT, [YES] = DONE, [PARTLY] = WAIT, [UNKNOWN] = DOUBT },
    [SB_FOR_RETRY] = { [NO] = AGAIN, [YES] = DONE, [PARTLY] = WAIT, [UNKNOWN] = DOUBT },
    [SB_FOR_FAIL] = { [NO] = FAILED, [YES] = DONE, [PARTLY] = HOLD, [UNKNOWN] = DOUBT },
    [SB_FOR_CLEAR] = { [NO] = CLEARED, [YES] = DONE, [PARTLY] = WAIT, [UNKNOWN] = DOUBT },
};

/* What is asked next when run has returned. */
static const uint8_t after_run[] = {
    [SB_OK] = SB_FOR_SETTLE,          [SB_RETRY] = SB_FOR_RETRY,   [SB_FAIL] = SB_FOR_FAIL,
    [SB_UNSURE] = SB_FOR_CLEAR,       [SB_STOPPED] = SB_FOR_CLEAR, [SB_RC_DIED] = SB_FOR_CLEAR,
    [SB_RC_NOT_BEGUN] = SB_FOR_RETRY,
};

/* ---------------------------------------------------------------- what the plan says of a step */

static bool
is_undo (const struct sb_engine_step *s)
{
    return s->flags & SB_STEP_UNDOING;
}

static bool
is_maybe (const struct sb_engine_step *s)
{
    return s->flags & (is_undo (s) ? SB_STEP_UNDO_MAYBE : SB_STEP_MAYBE);
}

static const struct sb_verb *
undo_contract (const struct sb_plan_step *p)
{
    const struct sb_role *role = p->role && p->undo_verb ? sb_role_find (p->role) : NULL;

    return role ? sb_verb_find (role, p->undo_verb) : NULL;
}

enum sb_effect
sb_engine_effect (const struct sb_plan_step *p, bool undo)
{
    const struct sb_verb *v = undo ? undo_contract (p) : NULL;

    if (!undo)
        return p->effect;
    return v ? v->effect : SB_CHANGES; /* of a site's own role nothing is known: be careful */
}

int64_t
sb_engine_call_ms (const struct sb_plan_step *p, enum sb_call_op op, bool undo)
{
    const struct sb_verb *v = undo ? undo_contract (p) : NULL;
    int64_t ms = v ? (int64_t) v->timeout_ms : p->timeout_ms;

    if (ms <= 0)
        ms = SB_VERIFY_MS;
    return op == SB_CALL_RUN || ms < SB_VERIFY_MS ? ms : SB_VERIFY_MS;
}

/* How long it is asked again for the present purpose after this answer. */
static int64_t
patience (const struct sb_machine *m, uint32_t i, enum sb_seen seen)
{
    const struct sb_engine_step *s = step_at (m, i);
    const struct sb_plan_step *p = &m->plan->steps[i];
    const struct sb_verb *v = is_undo (s) ? undo_contract (p) : NULL;
    int64_t ms = v ? (int64_t) v->settle_ms : p->settle_ms;

    if (ms < SB_LEAST_SETTLE_MS)
        ms = SB_LEAST_SETTLE_MS;
    if (seen == SB_SEEN_UNKNOWN && s->site != SB_NO_SITE && ms < m->plan->dark_after_ms)
        ms = m->plan->dark_after_ms;
    if (seen == SB_SEEN_PARTLY && s->purpose == SB_FOR_CLEAR) /* a server may still work for a client that died */
        ms += sb_engine_call_ms (p, SB_CALL_RUN, is_undo (s));
    return ms;
}

/* ---------------------------------------------------------------- asking */

bool
sb_may_begin (const struct sb_machine *m, uint32_t i)
{
    const struct sb_engine *e = m->e;

    if (e->stopping)
        return false;
    return e->undoing ? is_undo (step_at (m, i)) : e->cause == SB_WHY_NONE;
}

/* Nothing new may begin: the step stays due, in no queue. */
void
sb_park (struct sb_machine *m, uint32_t i)
{
    sb_drop_timer (m, i);
    sb_set_phase (m, i, SB_PHASE_DUE);
}

static void
call (struct sb_machine *m, uint32_t i, enum sb_phase phase, enum sb_call_op op, enum sb_command_kind kind)
{
    struct sb_engine_step *s = step_at (m, i);
    struct sb_command *c;

    sb_set_phase (m, i, phase);
    s->call = (uint8_t) op;
    s->asked_at = m->e->now;
    m->e->calls++;
    c = sb_emit (m, kind, i);
    c->undo = is_undo (s);
    c->reads = s->purpose == SB_FOR_READ;
}

static void
ask (struct sb_machine *m, uint32_t i)
{
    switch (step_at (m, i)->purpose) {
    case SB_FOR_LOCATE:
        call (m, i, SB_PHASE_LOCATING, SB_CALL_LOCATE, SB_CMD_LOCATE);
        break;
    case SB_FOR_READ:
        call (m, i, SB_PHASE_VERIFYING, SB_CALL_RUN, SB_CMD_RUN);
        break;
    default:
        call (m, i, SB_PHASE_VERIFYING, SB_CALL_VERIFY, SB_CMD_VERIFY);
        break;
    }
}

static void
ask_for (struct sb_machine *m, uint32_t i, enum sb_purpose purpose)
{
    struct sb_engine_step *s = step_at (m, i);

    s->purpose = (uint8_t) purpose;
    s->since = m->e->now;
    s->polls = 0;
    s->why = SB_WHY_NONE;
    ask (m, i);
}

static void
ask_state (struct sb_machine *m, uint32_t i)
{
    const struct sb_engine_step *s = step_at (m, i);

    if (sb_engine_effect (&m->plan->steps[i], is_undo (s)) == SB_READS)
        ask_for (m, i, SB_FOR_READ);
    else
        ask_for (m, i, is_maybe (s) ? SB_FOR_CLEAR : SB_FOR_TOP);
}

/* Labels are not roles: who is principal is looked up whenever nothing of ours may be under way. */
void
sb_step_top (struct sb_machine *m, uint32_t i)
{
    const struct sb_engine_step *s = step_at (m, i);

    if (s->flags & SB_STEP_HOLD)
        sb_step_hold (m, i, SB_WHY_PERSON);
    else if (!sb_may_begin (m, i) && !is_maybe (s))
        sb_park (m, i);
    else if (m->plan->steps[i].on_rule == SB_ON_PRINCIPAL && !is_maybe (s) && !is_undo (s))
        ask_for (m, i, SB_FOR_LOCATE);
    else
        ask_state (m, i);
}

void
sb_step_begin (struct sb_machine *m, uint32_t i)
{
    const struct sb_plan_step *p = &m->plan->steps[i];
    const struct sb_engine_step *s = step_at (m, i);

    if (s->flags & SB_STEP_HOLD)
        sb_step_hold (m, i, SB_WHY_PERSON);
    else if (!sb_may_begin (m, i) && !is_maybe (s))
        sb_park (m, i);
    else if (p->gate != SB_NO_GATE && !is_maybe (s) && !(s->flags & SB_STEP_CLAIMED) && !sb_gate_passes (m, i))
        return;
    else if (!p->role)
        sb_step_done (m, i);
    else
        sb_step_top (m, i);
}

void
sb_step_located (struct sb_machine *m, uint32_t i, uint32_t target)
{
    struct sb_engine_step *s = step_at (m, i);

    if (s->phase != SB_PHASE_LOCATING || s->call != SB_CALL_LOCATE)
        return;
    s->call = SB_CALL_NONE;
    m->e->calls--;
    if (!sb_may_begin (m, i))
        sb_park (m, i);
    else if (target == 0 && (s->flags & SB_STEP_CLAIMED))
        sb_step_hold (m, i, SB_WHY_NOT_SO);
    else if (target == 0)
        sb_doubt (m, i);
    else {
        s->target = target;
        ask_state (m, i);
    }
}

/* ---------------------------------------------------------------- acting */

/* Everything asked for is so; the last look is at what the step relies on. */
void
sb_step_intend (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    if (s->flags & SB_STEP_HOLD) {
        sb_step_hold (m, i, SB_WHY_PERSON);
        return;
    }
    if (!sb_may_begin (m, i)) {
        sb_park (m, i);
        return;
    }
    if (!is_undo (s) && !sb_proofs_hold (m, i))
        return;
    s->attempt++;
    s->tries++;
    sb_mark_intent (m, i);
    sb_note (m, is_undo (s) ? SB_REC_UNDO_INTENT : SB_REC_INTENT, i);
    call (m, i, SB_PHASE_RUNNING, SB_CALL_RUN, SB_CMD_RUN);
}

static void
note_cleared (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    if (!is_maybe (s))
        return;
    sb_note (m, is_undo (s) ? SB_REC_UNDO_CLEARED : SB_REC_CLEARED, i);
    sb_mark_cleared (m, i);
}

static void
back_off (struct sb_machine *m, uint32_t i)
{
    const struct sb_engine_step *s = step_at (m, i);
    int64_t ms = m->plan->steps[i].retry_ms;

    if (s->flags & SB_STEP_HOLD)
        sb_step_hold (m, i, SB_WHY_PERSON);
    else if (!sb_may_begin (m, i))
        sb_park (m, i);
    else {
        sb_set_phase (m, i, SB_PHASE_BACKOFF);
        sb_set_timer (m, i, m->e->now + (ms > SB_POLL_FIRST_MS ? ms : SB_POLL_FIRST_MS));
    }
}

static void
again (struct sb_machine *m, uint32_t i, bool partly)
{
    const struct sb_engine_step *s = step_at (m, i);

    if (!partly)
        note_cleared (m, i);
    if (s->tries <= m->plan->steps[i].retries)
        back_off (m, i);
    else if (partly)
        sb_step_hold (m, i, SB_WHY_PARTLY);
    else
        sb_step_fail (m, i, SB_WHY_ATTEMPTS);
}

/* Nothing of ours works there any more.  A worker that dies each time is not started for ever. */
static void
cleared (struct sb_machine *m, uint32_t i, bool partly)
{
    const struct sb_engine_step *s = step_at (m, i);
    int most = m->plan->steps[i].retries > 1 ? m->plan->steps[i].retries : 1;

    if (!partly)
        note_cleared (m, i);
    if (s->lapses > most && partly)
        sb_step_hold (m, i, SB_WHY_PARTLY);
    else if (s->lapses > most)
        sb_step_fail (m, i, SB_WHY_LAPSES);
    else if (m->plan->steps[i].on_rule == SB_ON_PRINCIPAL && !is_maybe (s) && !is_undo (s))
        sb_step_top (m, i);
    else
        sb_step_intend (m, i);
}

static void
pause_polling (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);
    int64_t ms = s->polls < 5 ? SB_POLL_FIRST_MS << s->polls : SB_POLL_MOST_MS;

    s->polls++;
    sb_set_phase (m, i, SB_PHASE_PAUSING);
    sb_set_timer (m, i, m->e->now + (ms < SB_POLL_MOST_MS ? ms : SB_POLL_MOST_MS));
}

static void
wait_or_hold (struct sb_machine *m, uint32_t i, enum sb_seen seen)
{
    const struct sb_engine_step *s = step_at (m, i);

    if (m->e->now - s->since < patience (m, i, seen))
        pause_polling (m, i);
    else
        sb_step_hold (m, i, s->purpose == SB_FOR_SETTLE ? SB_WHY_NOT_SETTLED : SB_WHY_PARTLY);
}

/* Doubt, and the site answers (or the step has none): once more, until patience ends. */
void
sb_doubt_over (struct sb_machine *m, uint32_t i)
{
    const struct sb_engine_step *s = step_at (m, i);

    if (s->why == SB_WHY_ATTEMPTS)
        sb_step_fail (m, i, SB_WHY_ATTEMPTS);
    else if (m->e->now - s->since < patience (m, i, SB_SEEN_UNKNOWN))
        pause_polling (m, i);
    else
        sb_step_hold (m, i, s->purpose == SB_FOR_LOCATE ? SB_WHY_LOCATE : SB_WHY_UNKNOWN);
}

static void
carry_out (struct sb_machine *m, uint32_t i, enum act act, enum sb_seen seen)
{
    switch (act) {
    case DONE:
        sb_step_done (m, i);
        break;
    case BEGIN:
        sb_step_intend (m, i);
        break;
    case WAIT:
        wait_or_hold (m, i, seen);
        break;
    case DOUBT:
        sb_doubt (m, i);
        break;
    case AGAIN:
        again (m, i, seen == SB_SEEN_PARTLY);
        break;
    case CLEARED:
        cleared (m, i, seen == SB_SEEN_PARTLY);
        break;
    case FAILED:
        note_cleared (m, i);
        sb_step_fail (m, i, SB_WHY_FAILED);
        break;
    case HOLD:
        sb_step_hold (m, i, SB_WHY_PARTLY);
        break;
    }
}

/* ---------------------------------------------------------------- answers */

static void
verified (struct sb_machine *m, uint32_t i, enum sb_seen seen)
{
    const struct sb_engine_step *s = step_at (m, i);
    bool careful = sb_engine_effect (&m->plan->steps[i], is_undo (s)) == SB_CHANGES;

    if (!sb_may_begin (m, i) && !is_maybe (s))
        sb_park (m, i);
    else if ((s->flags & SB_STEP_CLAIMED) && seen != SB_SEEN_YES)
        sb_step_hold (m, i, SB_WHY_NOT_SO); /* it is not run: a person does this one */
    else
        carry_out (m, i, (enum act) (careful ? changes : settles)[s->purpose][seen], seen);
}

static void
lapsed (struct sb_engine_step *s)
{
    if (s->lapses < UINT8_MAX)
        s->lapses++;
}

static void
returned (struct sb_machine *m, uint32_t i, unsigned rc)
{
    struct sb_engine_step *s = step_at (m, i);

    sb_note (m, is_undo (s) ? SB_REC_UNDO_ANSWER : SB_REC_ANSWER, i)->value = (uint8_t) rc;
    if (after_run[rc] == SB_FOR_CLEAR)
        lapsed (s);
    if (m->e->stopping)
        sb_park (m, i); /* an intention without evidence: whoever resumes asks */
    else
        ask_for (m, i, after_run[rc]);
}

/* A run that only looks: OK is the evidence.  What did not work is tried again, at least once. */
static void
looked (struct sb_machine *m, uint32_t i, unsigned rc)
{
    struct sb_engine_step *s = step_at (m, i);
    int retries = m->plan->steps[i].retries;
    bool knows = rc == SB_RETRY || rc == SB_RC_NOT_BEGUN;

    if (!sb_may_begin (m, i)) {
        sb_park (m, i);
        return;
    }
    if (rc == SB_OK) {
        sb_step_done (m, i);
        return;
    }
    if (s->flags & SB_STEP_CLAIMED) {
        sb_step_hold (m, i, SB_WHY_NOT_SO);
        return;
    }
    if (rc == SB_FAIL) {
        sb_step_fail (m, i, SB_WHY_FAILED);
        return;
    }
    s->tries++;
    if (s->tries <= (knows || retries > 1 ? retries : 1)) {
        back_off (m, i);
        return;
    }
    if (knows)
        s->why = SB_WHY_ATTEMPTS;
    sb_doubt (m, i);
}

void
sb_step_answer (struct sb_machine *m, const struct sb_event *ev)
{
    struct sb_engine_step *s = step_at (m, ev->step);
    bool died = ev->kind == SB_EV_DIED;
    unsigned rc = !died ? (unsigned) ev->rc : ev->begun ? SB_RC_DIED : SB_RC_NOT_BEGUN;
    enum sb_seen seen = died ? SB_SEEN_UNKNOWN : ev->seen;

    if (ev->op == SB_CALL_NONE || s->call != ev->op || rc > SB_RC_NOT_BEGUN || seen > SB_SEEN_UNKNOWN)
        return;
    if (ev->op == SB_CALL_LOCATE) {
        sb_step_located (m, ev->step, 0);
        return;
    }
    s->call = SB_CALL_NONE;
    m->e->calls--;
    if (ev->result)
        s->result = ev->result;
    if (s->flags & SB_STEP_REPROVE)
        sb_proof_answer (m, ev->step, ev->op == SB_CALL_RUN ? rc == SB_OK : seen == SB_SEEN_YES);
    else if (s->phase == SB_PHASE_RUNNING)
        returned (m, ev->step, rc);
    else if (s->purpose == SB_FOR_READ)
        looked (m, ev->step, rc);
    else
        verified (m, ev->step, seen);
}

void
sb_step_timer (struct sb_machine *m, uint32_t i)
{
    switch (step_at (m, i)->phase) {
    case SB_PHASE_PAUSING:
        ask (m, i);
        break;
    case SB_PHASE_BACKOFF:
        sb_step_top (m, i);
        break;
    case SB_PHASE_ASKED:
        sb_gate_expired (m, i);
        break;
    default:
        break;
    }
}
