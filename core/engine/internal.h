/* What the files of the engine share.  A `struct sb_machine` is one event being
 * worked on: the state it changes, the plan it follows, the turn it adds to. */
#ifndef SB_ENGINE_INTERNAL_H
#define SB_ENGINE_INTERNAL_H

#include "core/engine/engine.h"

struct sb_machine {
    struct sb_engine *e;
    const struct sb_plan *plan;
    struct sb_turn *turn;
};

#define SB_POLL_FIRST_MS   100
#define SB_POLL_MOST_MS    2000
#define SB_LEAST_SETTLE_MS 1000 /* a single unknown is always asked again */
#define SB_VERIFY_MS       60000
#define SB_MOST_PROOFS     8 /* passes over the proofs of one step before it is held */

static inline struct sb_engine_step *
step_at (const struct sb_machine *m, uint32_t i)
{
    return &sb_engine_steps (m->e)[i];
}

/* queue.c: phases and their counts, the ready queue, timers, lists */
void sb_set_phase (struct sb_machine *m, uint32_t i, enum sb_phase phase);
void sb_push_ready (struct sb_machine *m, uint32_t i);
uint32_t sb_pop_ready (struct sb_machine *m); /* SB_NO_STEP: empty */
void sb_set_timer (struct sb_machine *m, uint32_t i, int64_t due);
void sb_drop_timer (struct sb_machine *m, uint32_t i);
uint32_t sb_next_due (struct sb_machine *m); /* a step whose timer has come, its timer dropped; SB_NO_STEP: none */

/* queue.c: what comes out */
struct sb_command *sb_emit (struct sb_machine *m, enum sb_command_kind kind, uint32_t step);
struct sb_engine_record *sb_note (struct sb_machine *m, enum sb_record_kind kind, uint32_t step);
void sb_news (struct sb_machine *m, enum sb_news news, uint32_t step);

/* mark.c: changes of state that live events and replay share */
void sb_mark_passed (struct sb_machine *m, uint32_t i, bool live); /* live: successors come into the ready queue */
void sb_mark_intent (struct sb_machine *m, uint32_t i);
void sb_mark_cleared (struct sb_machine *m, uint32_t i);
void sb_mark_adopted (struct sb_machine *m, uint32_t i);
bool sb_why_clears (enum sb_reason why); /* a failure for this reason was seen to have changed nothing */

/* step.c: the picture */
void sb_step_begin (struct sb_machine *m, uint32_t i); /* the step is due */
void sb_step_top (struct sb_machine *m, uint32_t i);
void sb_step_answer (struct sb_machine *m, const struct sb_event *ev);
void sb_step_located (struct sb_machine *m, uint32_t i, uint32_t target);
void sb_step_timer (struct sb_machine *m, uint32_t i);
bool sb_may_begin (const struct sb_machine *m, uint32_t i);
void sb_park (struct sb_machine *m, uint32_t i);
void sb_step_intend (struct sb_machine *m, uint32_t i); /* proofs, then the intention, then run */

/* rest.c: how a step comes to rest */
void sb_step_done (struct sb_machine *m, uint32_t i);
void sb_step_hold (struct sb_machine *m, uint32_t i, enum sb_reason why);
void sb_step_fail (struct sb_machine *m, uint32_t i, enum sb_reason why);
void sb_step_skip (struct sb_machine *m, uint32_t i, enum sb_reason why);
void sb_step_dark (struct sb_machine *m, uint32_t i); /* the `if dark` rule */

/* doubt.c: proofs and dark sites */
bool sb_proofs_hold (struct sb_machine *m, uint32_t i); /* false: the step now waits, or is held */
void sb_proof_answer (struct sb_machine *m, uint32_t i, bool yes);
void sb_doubt (struct sb_machine *m, uint32_t i);
void sb_doubt_over (struct sb_machine *m, uint32_t i); /* the site answers: ask again, or come to rest; step.c */
void sb_probed (struct sb_machine *m, uint32_t site, uint32_t answers);
void sb_sites_timer (struct sb_machine *m);

/* people.c */
bool sb_gate_passes (struct sb_machine *m, uint32_t i); /* false: the step now waits for its gate, or is held */
void sb_gate_event (struct sb_machine *m, const struct sb_event *ev);
void sb_gate_expired (struct sb_machine *m, uint32_t i); /* or the countdown after broken glass is over */
void sb_gate_glass (struct sb_machine *m, const struct sb_event *ev);
void sb_person (struct sb_machine *m, const struct sb_event *ev);

/* end.c: undo, and how a run ends */
void sb_advance (struct sb_machine *m); /* after each event: begin what is due, end what is over */
void sb_stop (struct sb_machine *m);
void sb_kill_running (struct sb_machine *m);

#endif
