/* Records that are decided become durable: one transaction and one sync for all
 * that has gathered, with the messages that tell of them and the wishes that were
 * taken in. */
#include "core/engine/run_internal.h"

#include "core/engine/die.h"
#include "core/sys/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_MS 10 /* an end of a step waits so long for the next begin to make it durable too */

/* Gates are answered once; expressions ask for the answer. */
static void
keep_answer (struct sb_run *run, const struct sb_engine_record *r)
{
    uint32_t gate = r->step == SB_NO_STEP ? SB_NO_GATE : run->plan->steps[r->step].gate;

    if (r->kind == SB_REC_GATE_ANSWER && gate != SB_NO_GATE)
        run->gates[gate] = (struct sb_run_gate){ .by = r->by, .at = r->at, .yes = r->value == SB_GATE_YES };
}

void
sb_run_pend (struct sb_run *run, const struct sb_engine_record *r)
{
    const struct sb_run_view *view = run->cfg->view;
    struct sb_pending *p = &SB_PUSH (run->pending, run->npending, run->pending_cap);

    keep_answer (run, r);
    p->r = *r;
    p->body = sb_run_body (run, r);
    if (run->flush_at == SB_NEVER)
        run->flush_at = sb_deadline_in (FLUSH_MS);
    if (view && view->record)
        view->record (run->cfg->view_ctx, run, r, p->body);
}

/* Who answers, asks or resumes has seen what was told; what a watch takes up nobody has. */
static void
see_people (struct sb_run *run, const struct sb_engine_record *r)
{
    bool person = r->kind == SB_REC_PERSON || r->kind == SB_REC_ABORT
                  || (r->kind == SB_REC_RUN_RESUME && !run->cfg->pay)
                  || (r->kind == SB_REC_GATE_ANSWER && r->by != 0 && r->ms > 0);

    if (person)
        sb_notifier_seen (run->notify, getuid (), r->at);
}

static bool
add_records (struct sb_run *run)
{
    size_t k;

    for (k = 0; k < run->npending; k++) {
        const struct sb_pending *p = &run->pending[k];
        struct sb_record rec = { .run = run->cfg->run,
                                 .at_ms = p->r.at,
                                 .kind = p->r.kind,
                                 .step = p->r.step,
                                 .name = p->r.step == SB_NO_STEP ? NULL : run->plan->steps[p->r.step].name,
                                 .attempt = p->r.attempt,
                                 .body = p->body };
        if (!sb_journal_add (run->cfg->journal, &rec, run->faults) || !sb_run_tell_step (run, &p->r))
            return false;
        see_people (run, &p->r);
        run->head.seq = rec.seq;
        memcpy (run->head.hash, rec.hash, SB_HASH_BYTES);
    }
    return true;
}

static bool
add_news (struct sb_run *run)
{
    size_t k;

    for (k = 0; k < run->turn.count; k++)
        if (run->turn.list[k].kind == SB_CMD_NOTIFY && !sb_run_tell (run, k))
            return false;
    return true;
}

static bool
add_row (struct sb_run *run)
{
    struct sb_journal_run row;

    if (run->row_added)
        return true;
    row = sb_run_row (run);
    return sb_journal_run_add (run->cfg->journal, &row, run->faults);
}

/* The row says how a run ended only when it ended for good. */
static bool
mark_end (struct sb_run *run)
{
    size_t k;

    for (k = 0; k < run->npending; k++) {
        const struct sb_engine_record *r = &run->pending[k].r;
        const char *outcome = NULL;
        if (r->kind != SB_REC_RUN_RESUME && r->kind != SB_REC_RUN_FINISH)
            continue;
        if (r->kind == SB_REC_RUN_FINISH && sb_outcome_words[r->value].closed)
            outcome = sb_outcome_words[r->value].name;
        if (!sb_journal_run_end (run->cfg->journal, run->cfg->run, outcome, r->at, run->faults))
            return false;
    }
    return true;
}

static bool
add_taken (struct sb_run *run)
{
    size_t k;

    for (k = 0; k < run->ntaken; k++)
        if (!sb_journal_inbox_taken (run->cfg->journal, run->inbox_taken[k], sb_run_now (run), run->faults))
            return false;
    return true;
}

bool
sb_run_commit (struct sb_run *run)
{
    struct sb_journal *j = run->cfg->journal;
    size_t k;

    sb_die_here (SB_DIE_BEFORE_COMMIT);
    if (!sb_journal_begin (j, run->faults))
        return false;
    if (!add_row (run) || !add_records (run) || !add_news (run) || !mark_end (run) || !add_taken (run)
        || !sb_notifier_save (run->notify, sb_run_now (run), run->faults)) {
        sb_journal_rollback (j);
        return false;
    }
    if (!sb_journal_commit (j, run->faults))
        return false;
    for (k = 0; k < run->npending; k++)
        free (run->pending[k].body);
    run->npending = 0;
    run->ntaken = 0;
    run->row_added = true;
    run->flush_at = SB_NEVER;
    sb_die_here (SB_DIE_AFTER_COMMIT);
    return true;
}
