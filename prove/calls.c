/* Calls: the model of a verb goes on one operation at a time; between any two of
 * them its process may die, its link may break, its server may go on alone. */
#include "prove/prove.h"

#include "core/base/text.h"
#include "prove/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LOOKS 20000 /* of one call without an end */

static const char *
verb_of (const struct p_case *c, const struct p_call *call)
{
    const struct sb_plan_step *p = &c->plan.steps[call->step];

    return call->op == SB_CALL_LOCATE ? "locate" : call->undo ? p->undo_verb : p->verb;
}

/* ---------------------------------------------------------------- beginning */

void
p_call_options (struct p_case *c, struct p_call *call, uint32_t params)
{
    json_t *value, *all = p_results_of (c, params);
    const char *key;

    json_object_foreach (all, key, value)
    {
        if (json_string_length (value) > 0 && !direct_option (&call->d, key, json_string_value (value)))
            call->broken = 1;
    }
}

static void
begin_known (struct p_run *r, struct p_call *call)
{
    struct p_case *c = r->c;
    const struct p_state *s = r->s;
    const struct sb_plan_step *p = &c->plan.steps[call->step];
    const struct sb_engine_step *es = &sb_engine_steps (s->e)[call->step];
    bool locate = call->op == SB_CALL_LOCATE, written = !call->undo && (es->flags & SB_STEP_MAYBE);
    const char *on = call->undo && p->undo_on ? p->undo_on : p_target (c, s, call->step);

    call->broken = !direct_begin (c->direct, s->world, &call->d, locate ? "database" : p->role, verb_of (c, call),
                                  call->op == SB_CALL_VERIFY, locate ? p->on_database : p->object, locate ? NULL : on);
    if (call->broken)
        return;
    if (locate)
        direct_option (&call->d, "site", p->on_site);
    else
        p_call_options (c, call, written ? s->w[call->step].params : p_params (c, s, call->step, call->undo));
    call->d.deadline_ms = s->world->now_ms + sb_engine_call_ms (p, (enum sb_call_op) call->op, call->undo);
}

void
p_call_begin (struct p_run *r, const struct sb_command *cmd)
{
    struct p_state *s = r->s;
    const struct sb_plan_step *p = &r->c->plan.steps[cmd->step];
    struct p_call *call = &s->calls[s->ncalls];
    const char *verb;

    if (s->ncalls == P_CALLS) {
        p_break (r, "room", "more than %d calls are under way", P_CALLS);
        return;
    }
    s->ncalls++;
    memset (call, 0, sizeof *call);
    call->step = cmd->step;
    call->op = cmd->kind == SB_CMD_RUN ? SB_CALL_RUN : cmd->kind == SB_CMD_LOCATE ? SB_CALL_LOCATE : SB_CALL_VERIFY;
    call->undo = cmd->undo;
    call->reads = cmd->reads || call->op != SB_CALL_RUN;
    call->fresh = 1;
    verb = verb_of (r->c, call);
    call->known =
            r->c->direct && p->role && verb && direct_knows (call->op == SB_CALL_LOCATE ? "database" : p->role, verb);
    if (call->known)
        begin_known (r, call);
    p_tell_begin (r, call);
}

static void
drop (struct p_state *s, uint32_t index)
{
    s->ncalls--;
    for (; index < s->ncalls; index++) {
        struct p_call *to = &s->calls[index], *from = &s->calls[index + 1];

        memcpy (to, from, offsetof (struct p_call, d));
        memcpy (&to->d, &from->d, direct_call_size (&from->d));
    }
}

/* ---------------------------------------------------------------- answers */

static json_t *
said (struct p_case *c, uint32_t step, const struct d_answer *a)
{
    json_t *out = json_object ();
    const char *key = NULL, *value;
    char name[256];

    while (a && direct_next (a, &key, &value)) {
        snprintf (name, sizeof name, "%s.%s", c->plan.steps[step].name, key);
        if (sb_map_get (&c->wanted, name))
            json_object_set_new (out, key, json_string (value));
    }
    return out;
}

/* Results in layers, as run_calls.c lays them. */
static uint32_t
layer (struct p_run *r, const struct p_call *call, unsigned word, json_t *words, bool any)
{
    struct p_case *c = r->c;
    struct p_state *s = r->s;
    const struct sb_engine_step *es = &sb_engine_steps (s->e)[call->step];
    uint32_t *base = &s->w[call->step].base;
    bool yes = call->op == SB_CALL_VERIFY && word == SB_SEEN_YES;

    if ((es->flags & SB_STEP_UNDOING) || (!any && call->op == SB_CALL_VERIFY && !yes))
        return 0;
    if (es->flags & SB_STEP_REPROVE)
        return p_results_id (c, sb_results_seen (words, p_results_of (c, es->result)));
    if (es->purpose == SB_FOR_READ)
        return p_results_id (c, json_incref (words));
    if (call->op == SB_CALL_RUN)
        return *base = p_results_id (c, sb_results_ran (p_results_of (c, *base), words));
    if (yes)
        return p_results_id (c, sb_results_seen (es->flags & SB_STEP_MAYBE ? p_results_of (c, *base) : NULL, words));
    if (!(es->flags & SB_STEP_MAYBE))
        return *base = p_results_id (c, sb_results_before (words));
    return 0;
}

/* The call is over and its client is there to hear of it. */
static void
answer (struct p_run *r, uint32_t index, unsigned word, const struct d_answer *a, enum p_death death)
{
    struct p_call call;
    json_t *words = said (r->c, r->s->calls[index].step, a);
    struct sb_event ev = { .kind = SB_EV_ANSWER, .step = r->s->calls[index].step };

    memcpy (&call, &r->s->calls[index], offsetof (struct p_call, d));
    ev.op = (enum sb_call_op) call.op;
    p_rule_answer (r, &r->s->calls[index], word);
    p_tell_answer (r, &r->s->calls[index], word, a);
    drop (r->s, index);
    if (call.op == SB_CALL_LOCATE) {
        ev.kind = SB_EV_LOCATED;
        ev.target = a && word == D_OK ? p_text_id (r->c, direct_result (a, "principal")) : 0;
    } else {
        if (call.op == SB_CALL_VERIFY)
            ev.seen = (enum sb_seen) word;
        else
            ev.rc = (enum sb_rc) word;
        ev.result = layer (r, &call, word, words, json_object_size (words) > 0);
    }
    json_decref (words);
    p_event (r, ev, death);
}

static void
over (struct p_run *r, uint32_t index, unsigned word, const struct d_answer *a, enum p_death death)
{
    struct p_call *call = &r->s->calls[index];

    if (call->fate == P_FATE_GHOST) {
        p_tell_ghost (r, call);
        drop (r->s, index);
    } else if (call->fate == P_FATE_LOST)
        answer (r, index, call->op == SB_CALL_VERIFY ? SB_SEEN_UNKNOWN : SB_UNSURE, NULL, death);
    else
        answer (r, index, word, a, death);
}

/* ---------------------------------------------------------------- a thing without a model */

static enum sb_seen
seen_of (const struct p_state *s, const struct p_call *call)
{
    enum sb_seen seen = (enum sb_seen) s->things[call->step];

    if (!call->undo || seen == SB_SEEN_PARTLY)
        return seen;
    return seen == SB_SEEN_NO ? SB_SEEN_YES : SB_SEEN_NO;
}

/* True: it has ended. */
static bool
thing_step (struct p_run *r, struct p_call *call, unsigned *ret_word)
{
    uint8_t *thing = &r->s->things[call->step];

    if (call->op == SB_CALL_VERIFY) {
        *ret_word = seen_of (r->s, call);
        return true;
    }
    *ret_word = SB_OK;
    if (call->reads)
        return true;
    if (seen_of (r->s, call) == SB_SEEN_NO) {
        *thing = SB_SEEN_PARTLY;
        return false;
    }
    *thing = call->undo ? SB_SEEN_NO : SB_SEEN_YES;
    return true;
}

void
p_thing_by_hand (struct p_run *r, uint32_t index)
{
    const struct p_call *call = &r->s->calls[index];

    r->s->things[call->step] = call->undo ? SB_SEEN_NO : SB_SEEN_YES;
}

/* ---------------------------------------------------------------- going on */

enum went { WENT_CHANGED, WENT_WAITS, WENT_ENDED };

static enum went
go_known (struct p_run *r, struct p_call *call, struct d_answer *a)
{
    struct p_view v;
    unsigned looks;

    if (call->broken) {
        memset (a, 0, offsetof (struct d_answer, text));
        a->word = call->op == SB_CALL_VERIFY ? D_UNKNOWN : D_FAIL;
        return WENT_ENDED;
    }
    for (looks = 0; looks < MOST_LOOKS; looks++) {
        enum d_more more = direct_step (r->c->direct, &call->d, p_view (&v, r->s), a);

        if (more == D_END)
            return WENT_ENDED;
        if (more == D_WAIT)
            return WENT_WAITS;
        if (call->d.changed && a->did != 0)
            return WENT_CHANGED;
    }
    p_break (r, "every-history-ends", "the call of step %s never ends", r->c->plan.steps[call->step].name);
    return WENT_WAITS;
}

bool
p_is_so (struct p_run *r, uint32_t step)
{
    const struct sb_plan_step *p = &r->c->plan.steps[step];
    struct p_call call = { .step = step, .op = SB_CALL_VERIFY, .reads = 1, .known = 1 };
    struct d_answer a = { 0 };

    if (!r->c->direct || !p->role || !p->verb || !direct_knows (p->role, p->verb))
        return r->s->things[step] == SB_SEEN_YES;
    begin_known (r, &call);
    return go_known (r, &call, &a) == WENT_ENDED && a.word == D_YES;
}

/* The model answers nothing any more at its deadline: its worker is ended. */
static bool
too_late (const struct p_run *r, const struct p_call *call)
{
    return call->waits && call->d.deadline_ms != 0 && r->s->world->now_ms >= call->d.deadline_ms;
}

void
p_call_go (struct p_run *r, uint32_t index, enum p_death death)
{
    struct p_call *call = &r->s->calls[index];
    struct d_answer *a = &r->answer;
    enum went went;
    unsigned word = D_UNSURE;

    call->fresh = 0;
    call->waits = 0;
    if (r->c->lies && r->c->lies[call->step] && call->op == SB_CALL_VERIFY) {
        went = WENT_ENDED;
        word = SB_SEEN_YES;
        memset (a, 0, offsetof (struct d_answer, text));
    } else if (call->known) {
        went = go_known (r, call, a);
        word = a->word;
        call->waits = went == WENT_WAITS;
        if (too_late (r, call)) {
            went = WENT_ENDED;
            word = call->op == SB_CALL_VERIFY ? D_UNKNOWN : D_UNSURE;
        }
    } else {
        went = thing_step (r, call, &word) ? WENT_ENDED : WENT_CHANGED;
    }
    if (went == WENT_CHANGED)
        r->s->jumps = 0;
    if (!call->reads && went != WENT_WAITS)
        p_rule_world (r);
    if (went != WENT_ENDED)
        p_tell_step (r, call, went == WENT_CHANGED);
    if (went == WENT_ENDED)
        over (r, index, word, call->known ? a : NULL, death);
    else if (death != P_LIVES)
        p_die (r, false);
}

/* The client hears nothing more; the server goes on. */
static void
leave_ghost (struct p_run *r, uint32_t index)
{
    struct p_state *s = r->s;
    struct p_call *ghost = &s->calls[s->ncalls], *call = &s->calls[index];

    if (s->ncalls == P_CALLS)
        return;
    s->ncalls++;
    memcpy (ghost, call, offsetof (struct p_call, d));
    memcpy (&ghost->d, &call->d, direct_call_size (&call->d));
    ghost->fate = P_FATE_GHOST;
    ghost->fresh = 0;
    s->past.haunted = 1;
}

void
p_call_end (struct p_run *r, uint32_t index, enum p_end end, enum p_death death)
{
    struct p_call *call = &r->s->calls[index];
    struct sb_event died = { .kind = SB_EV_DIED, .step = call->step, .op = (enum sb_call_op) call->op, .begun = true };
    bool verify = call->op == SB_CALL_VERIFY;

    p_tell_end (r, call, end);
    switch (end) {
    case P_END_REFUSED:
        answer (r, index, verify ? SB_SEEN_UNKNOWN : SB_FAIL, NULL, death);
        return;
    case P_END_TRANSIENT:
        answer (r, index, verify ? SB_SEEN_UNKNOWN : SB_RETRY, NULL, death);
        return;
    case P_END_STAYS:
        leave_ghost (r, index);
        break;
    case P_END_DIES:
    case P_END_NOT_BEGUN:
        died.begun = end == P_END_DIES;
        p_rule_answer (r, call, verify ? SB_SEEN_UNKNOWN : SB_UNSURE);
        drop (r->s, index);
        p_event (r, died, death);
        return;
    case P_END_NOT_DONE:
    case P_END_OK:
        break;
    }
    answer (r, index, verify ? SB_SEEN_UNKNOWN : SB_UNSURE, NULL, death);
}

void
p_ghost_go (struct p_run *r, uint32_t index)
{
    uint32_t before = r->s->ncalls;
    unsigned steps;

    for (steps = 0; steps < 64 && r->s->ncalls == before && !r->s->calls[index].waits; steps++)
        p_call_go (r, index, P_LIVES);
    if (r->s->ncalls == before) { /* it waits for what its client would have done: it is over */
        p_tell_ghost (r, &r->s->calls[index]);
        drop (r->s, index);
    }
}

void
p_calls_drop (struct p_run *r, bool servers_go_on)
{
    struct p_state *s = r->s;
    uint32_t k = 0;

    while (k < s->ncalls) {
        struct p_call *call = &s->calls[k];

        if (call->fate == P_FATE_GHOST) {
            k++;
        } else if (servers_go_on && !call->reads) {
            call->fate = P_FATE_GHOST;
            s->past.haunted = 1;
            k++;
        } else {
            drop (s, k);
        }
    }
}
