/* Two questions beside the picture: do the proofs a step relies on still hold,
 * and is the site of a silent target dark?
 *
 * A site is dark when nothing of it has answered a probe for `dark after`,
 * counted from the first silence; each step in doubt waits for a probe that ends
 * after its own unknown answer. */
#include "core/engine/internal.h"

/* ---------------------------------------------------------------- proofs */

static bool
is_stale (const struct sb_machine *m, const struct sb_plan_proof *proof)
{
    const struct sb_engine_step *s = step_at (m, proof->step);

    /* A proof that was owed, skipped or failed is none: the workflow says what stands in for it. */
    return s->phase == SB_PHASE_DONE && m->e->now - s->proved_at > proof->within_ms;
}

static void
ask_proof (struct sb_machine *m, uint32_t of, uint32_t waiter)
{
    struct sb_engine_step *s = step_at (m, of);
    bool reads = m->plan->steps[of].effect == SB_READS;

    step_at (m, waiter)->next = s->waiters;
    s->waiters = waiter;
    if (s->flags & SB_STEP_REPROVE)
        return;
    s->flags |= SB_STEP_REPROVE;
    s->asked_at = m->e->now;
    s->call = reads ? SB_CALL_RUN : SB_CALL_VERIFY;
    m->e->calls++;
    sb_emit (m, reads ? SB_CMD_RUN : SB_CMD_VERIFY, of)->reads = reads;
}

bool
sb_proofs_hold (struct sb_machine *m, uint32_t i)
{
    const struct sb_plan_step *p = &m->plan->steps[i];
    struct sb_engine_step *s = step_at (m, i);
    size_t k;

    for (k = 0; k < p->nproofs; k++) {
        if (!m->plan->steps[p->proofs[k].step].role || !is_stale (m, &p->proofs[k]))
            continue;
        if (s->polls++ > SB_MOST_PROOFS) {
            sb_step_hold (m, i, SB_WHY_PROOF);
            return false;
        }
        sb_set_phase (m, i, SB_PHASE_PROVING);
        ask_proof (m, p->proofs[k].step, i);
        return false;
    }
    return true;
}

void
sb_proof_answer (struct sb_machine *m, uint32_t i, bool yes)
{
    struct sb_engine_step *s = step_at (m, i);
    uint32_t waiter = s->waiters, next;

    s->flags &= (uint16_t) ~SB_STEP_REPROVE;
    s->waiters = SB_NO_STEP;
    if (yes) {
        s->proved_at = s->asked_at;
        sb_note (m, SB_REC_PROVED, i)->ms = s->proved_at;
    }
    for (; waiter != SB_NO_STEP; waiter = next) {
        next = step_at (m, waiter)->next;
        step_at (m, waiter)->next = SB_NO_STEP;
        if (yes)
            sb_step_intend (m, waiter);
        else
            sb_step_hold (m, waiter, SB_WHY_PROOF);
    }
}

/* ---------------------------------------------------------------- dark sites */

static int64_t
probe_pause (const struct sb_machine *m)
{
    int64_t ms = m->plan->dark_after_ms / 8;

    return ms < 100 ? 100 : ms > 5000 ? 5000 : ms;
}

static void
probe (struct sb_machine *m, uint32_t site)
{
    struct sb_engine_site *t = &sb_engine_sites (m->e)[site];

    t->due = SB_ENGINE_NEVER;
    if (t->probing)
        return;
    t->probing = 1;
    sb_emit (m, SB_CMD_PROBE, SB_NO_STEP)->site = site;
}

static void
add_doubting (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_site *t = &sb_engine_sites (m->e)[step_at (m, i)->site];

    step_at (m, i)->next = t->doubting;
    t->doubting = i;
}

void
sb_doubt (struct sb_machine *m, uint32_t i)
{
    struct sb_engine_step *s = step_at (m, i);

    if (s->site == SB_NO_SITE) {
        sb_doubt_over (m, i);
        return;
    }
    sb_set_phase (m, i, SB_PHASE_DOUBTING);
    add_doubting (m, i);
    if (sb_engine_sites (m->e)[s->site].due == SB_ENGINE_NEVER)
        probe (m, s->site);
}

static void
see_light (struct sb_machine *m, uint32_t site)
{
    struct sb_engine_site *t = &sb_engine_sites (m->e)[site];

    t->silent_since = 0;
    if (t->dark)
        sb_note (m, SB_REC_LIGHT, SB_NO_STEP)->value = (uint8_t) site;
    t->dark = 0;
}

static void
see_silence (struct sb_machine *m, uint32_t site)
{
    struct sb_engine_site *t = &sb_engine_sites (m->e)[site];

    if (t->silent_since == 0)
        t->silent_since = m->e->now;
    if (t->dark || m->e->now - t->silent_since < m->plan->dark_after_ms)
        return;
    t->dark = 1;
    sb_note (m, SB_REC_DARK, SB_NO_STEP)->value = (uint8_t) site;
    sb_news (m, SB_NEWS_DARK, SB_NO_STEP);
}

/* One step in doubt after a probe of its site. */
static void
resolve (struct sb_machine *m, uint32_t i, bool silent, bool dark)
{
    bool begins = sb_may_begin (m, i);
    bool maybe = step_at (m, i)->flags & (SB_STEP_MAYBE | SB_STEP_UNDO_MAYBE);

    if (m->e->stopping || (!begins && !maybe))
        sb_park (m, i);
    else if (dark || (silent && (step_at (m, i)->flags & SB_STEP_OWING)))
        sb_step_dark (m, i);
    else if (silent)
        add_doubting (m, i);
    else
        sb_doubt_over (m, i);
}

void
sb_probed (struct sb_machine *m, uint32_t site, uint32_t answers)
{
    struct sb_engine_site *t = &sb_engine_sites (m->e)[site];
    uint32_t i = t->doubting, next;

    if (!t->probing)
        return;
    t->probing = 0;
    t->doubting = SB_NO_STEP;
    if (answers > 0)
        see_light (m, site);
    else
        see_silence (m, site);
    for (; i != SB_NO_STEP; i = next) {
        next = step_at (m, i)->next;
        step_at (m, i)->next = SB_NO_STEP;
        resolve (m, i, answers == 0, t->dark);
    }
    if (t->doubting != SB_NO_STEP)
        t->due = m->e->now + probe_pause (m);
}

void
sb_sites_timer (struct sb_machine *m)
{
    uint32_t k;

    for (k = 0; k < m->e->nsites; k++)
        if (sb_engine_sites (m->e)[k].due <= m->e->now)
            probe (m, k);
}
