/* Which choices a state has, and what taking one does.
 *
 * Reductions (switchback-prove(1) names them): calls under way go on in the
 * order of their steps, each from one change of the world to the next; nothing
 * is interposed where the engine only asks the same question again, after its
 * first pause; people answer at once or after two minutes. */
#include "prove/prove.h"

#include "prove/story.h"

#include <string.h>

#define PEOPLE_MS   120000
#define AFTER_TICKS 6 /* until the world is at rest behind a run */
#define AFTER_MS    2500

enum next { N_END, N_ASK, N_CALL, N_PROBE, N_JUMP, N_GHOST, N_STUCK, N_REST, N_AFTER };

static uint32_t
next_call (const struct p_case *c, const struct p_state *s)
{
    uint32_t k, best = P_CALLS;

    for (k = 0; k < s->ncalls; k++)
        if (s->calls[k].fate != P_FATE_GHOST && !s->calls[k].waits
            && (best == P_CALLS || (s->calls[k].step < s->calls[best].step) != c->reverse))
            best = k;
    return best;
}

static int64_t
sooner (int64_t a, int64_t b)
{
    return b != 0 && b < a ? b : a;
}

static int64_t
next_time (const struct p_case *c, const struct p_state *s)
{
    int64_t at = sb_engine_next_timer (s->e);
    uint32_t k;

    if (c->direct)
        at = sooner (at, w_next_due (s->world));
    for (k = 0; k < s->ncalls; k++)
        if (s->calls[k].waits && s->calls[k].fate != P_FATE_GHOST) {
            at = sooner (at, s->calls[k].d.wake_ms);
            at = sooner (at, s->calls[k].d.deadline_ms);
        }
    return at;
}

static bool
moves_without_world (const struct p_state *s)
{
    uint32_t k;

    for (k = 0; k < s->ncalls; k++)
        if (s->calls[k].fate != P_FATE_GHOST)
            return true;
    return sb_engine_next_timer (s->e) != SB_ENGINE_NEVER;
}

static enum next
what_next (const struct p_case *c, const struct p_state *s)
{
    if (s->finished == 3 || (s->finished && !c->direct))
        return N_END;
    if (s->finished)
        return s->finished == 1 ? N_REST : N_AFTER;
    if (s->nasks > 0)
        return N_ASK;
    if (next_call (c, s) < P_CALLS)
        return N_CALL;
    if (s->probes)
        return N_PROBE;
    if (moves_without_world (s) && next_time (c, s) != INT64_MAX)
        return N_JUMP;
    return s->ncalls > 0 ? N_GHOST : N_STUCK;
}

/* ---------------------------------------------------------------- which */

struct adding {
    struct p_choice *list;
    size_t count;
};

static void
add (struct adding *a, enum p_kind kind, unsigned arg, enum p_death death)
{
    if (a->count < P_CHOICES)
        a->list[a->count++] = (struct p_choice){ (uint8_t) kind, (uint8_t) arg, (uint8_t) death };
}

static bool
asks_again (const struct p_state *s, const struct p_call *call)
{
    const struct sb_engine_step *es = &sb_engine_steps (s->e)[call->step];

    return call->op != SB_CALL_RUN && es->polls > 0;
}

/* May others interfere here? */
static bool
is_open (const struct p_case *c, const struct p_state *s, enum next next)
{
    switch (next) {
    case N_CALL:
        return !asks_again (s, &s->calls[next_call (c, s)]) && (s->calls[next_call (c, s)].fresh || s->jumps == 0);
    case N_JUMP:
        return s->jumps == 0;
    case N_ASK:
    case N_AFTER:
        return true;
    default:
        return false;
    }
}

static void
add_faults (struct adding *a, const struct p_call *call)
{
    if (call->broken)
        return;
    if (call->reads && call->fresh) {
        if (call->op == SB_CALL_RUN)
            add (a, P_CALL_ENDS, P_END_TRANSIENT, P_LIVES);
        add (a, P_CALL_ENDS, P_END_NOT_DONE, P_LIVES);
    } else if (!call->reads && call->fresh) {
        add (a, P_CALL_ENDS, P_END_REFUSED, P_LIVES);
        add (a, P_CALL_ENDS, P_END_TRANSIENT, P_LIVES);
        add (a, P_CALL_ENDS, P_END_NOT_DONE, P_LIVES);
        add (a, P_CALL_LOST, 0, P_LIVES);
        add (a, P_CALL_ENDS, P_END_STAYS, P_LIVES);
    } else if (!call->reads && call->fate == P_FATE_GOES) {
        add (a, P_CALL_ENDS, P_END_DIES, P_LIVES);
        add (a, P_CALL_ENDS, P_END_STAYS, P_LIVES);
    }
}

static bool
changes_under_way (const struct p_state *s)
{
    uint32_t k;

    for (k = 0; k < s->ncalls; k++)
        if (!s->calls[k].reads && s->calls[k].fate != P_FATE_GHOST)
            return true;
    return false;
}

static void
add_deaths (struct adding *a, const struct p_state *s, enum next next)
{
    if (s->deaths == 0)
        return;
    if (next == N_CALL || next == N_ASK) {
        add (a, P_GO, 0, P_DIES_BEFORE);
        add (a, P_GO, 0, P_DIES_AFTER);
    }
    add (a, P_DIE, 0, P_LIVES);
    if (changes_under_way (s))
        add (a, P_DIE, 1, P_LIVES);
}

bool
p_choices (struct p_case *c, const struct p_state *s, struct p_choice *list, size_t *ret_count)
{
    enum next next = what_next (c, s);
    struct adding a = { list, 0 };
    size_t k;

    *ret_count = 0;
    if (next == N_END || next == N_STUCK)
        return false;
    add (&a, P_GO, 0, P_LIVES);
    if (is_open (c, s, next)) {
        if (next == N_ASK && s->noes > 0)
            add (&a, P_SAY_NO, 0, P_LIVES);
        for (k = 0; k < s->ncalls; k++)
            if (s->calls[k].fate == P_FATE_GHOST)
                add (&a, P_GHOST, (unsigned) k, P_LIVES);
        if (s->total > 0 && s->faults > 0 && next == N_CALL)
            add_faults (&a, &s->calls[next_call (c, s)]);
        for (k = 0; s->total > 0 && s->events > 0 && k < p_events_count (c); k++)
            if (p_event_fits (c, s, k))
                add (&a, P_EVENT, (unsigned) k, P_LIVES);
        if (s->total > 0 && next != N_AFTER)
            add_deaths (&a, s, next);
    }
    *ret_count = a.count;
    return true;
}

/* ---------------------------------------------------------------- taking one */

static void
say (struct p_run *r, bool yes, enum p_death death)
{
    struct p_state *s = r->s;
    uint32_t step = s->asks[0];
    const struct sb_plan_gate *g = &r->c->plan.gates[r->c->plan.steps[step].gate];
    SB_AUTOFREE char *when = g->when ? p_expand (r->c, s, g->when) : NULL;
    struct sb_event ev = { .kind = SB_EV_GATE, .step = step, .gate = yes ? SB_GATE_YES : SB_GATE_NO };

    memmove (s->asks, s->asks + 1, --s->nasks * sizeof *s->asks);
    if (when && when[strspn (when, " ")] == 0) {
        ev.gate = SB_GATE_NOT_NEEDED;
    } else {
        p_tell_gate (r, step, yes);
        if (yes)
            p_clock (r, s->world->now_ms + PEOPLE_MS);
    }
    p_event (r, ev, death);
}

static void
probe (struct p_run *r)
{
    struct p_state *s = r->s;
    struct world *w = s->world;
    uint32_t site = (uint32_t) __builtin_ctz (s->probes), answers = 0, i;
    w_id id = r->c->direct ? w_find_site (w, r->c->plan.sites[site]) : 0;

    s->probes &= s->probes - 1;
    for (i = 0; id && i < w->ninstances; i++)
        answers += w->instances[i].site == id && w_reaches (w, w->tool_site, (w_id) (i + 1));
    for (i = 0; id && i < w->nfrontends; i++)
        answers += w->frontends[i].site == id && w->frontends[i].running && w_linked (w, w->tool_site, id);
    p_event (r, (struct sb_event){ .kind = SB_EV_PROBED, .site = site, .answers = id ? answers : 1 }, P_LIVES);
}

/* Somebody who waits and waits sleeps longer: late timers are what a slow machine has too. */
static int64_t
patient (const struct p_state *s, int64_t at)
{
    unsigned k = s->jumps > 4 ? s->jumps - 4u : 0;
    int64_t more = s->world->now_ms + (k == 0 ? 0 : INT64_C (1000) << (k < 11 ? k : 11));

    return more > at ? more : at;
}

static void
jump (struct p_run *r)
{
    struct p_state *s = r->s;
    int64_t at = patient (s, next_time (r->c, s));
    uint32_t k;

    if (s->jumps < UINT8_MAX)
        s->jumps++;
    if (at > s->world->now_ms)
        p_clock (r, at);
    for (k = 0; k < s->ncalls; k++)
        s->calls[k].waits = 0;
    if (sb_engine_next_timer (s->e) <= s->world->now_ms)
        p_event (r, (struct sb_event){ .kind = SB_EV_TIMER }, P_LIVES);
}

/* After the run: replication, mirrors and servers do what they would do anyway. */
static void
rest (struct p_run *r)
{
    unsigned k;

    for (k = 0; k < AFTER_TICKS; k++)
        p_clock (r, r->s->world->now_ms + AFTER_MS);
    r->s->finished = 2;
}

static void
go (struct p_run *r, enum p_death death)
{
    switch (what_next (r->c, r->s)) {
    case N_ASK:
        say (r, true, death);
        break;
    case N_CALL:
        p_call_go (r, next_call (r->c, r->s), death);
        break;
    case N_PROBE:
        probe (r);
        break;
    case N_JUMP:
        jump (r);
        break;
    case N_GHOST:
        p_ghost_go (r, 0);
        break;
    case N_REST:
        rest (r);
        break;
    case N_AFTER:
        r->s->finished = 3;
        break;
    case N_END:
    case N_STUCK:
        break;
    }
}

void
p_take (struct p_run *r, struct p_choice choice)
{
    struct p_state *s = r->s;
    uint32_t at = next_call (r->c, s);

    if (r->teller && (choice.kind != P_GO || choice.death != P_LIVES))
        p_tell_choice (r, choice, what_next (r->c, s) == N_CALL ? &s->calls[at] : NULL);
    s->deaths -= choice.death != P_LIVES || choice.kind == P_DIE;
    s->events -= choice.kind == P_EVENT;
    s->faults -= choice.kind == P_CALL_ENDS || choice.kind == P_CALL_LOST;
    s->noes -= choice.kind == P_SAY_NO;
    if (choice.kind != P_GO || choice.death != P_LIVES)
        s->past.disturbed |= choice.kind == P_EVENT && p_event_is_lost_share (choice.arg) ? P_ONLY_SHARE : 2;
    s->total -= choice.death != P_LIVES || choice.kind == P_DIE || choice.kind == P_EVENT || choice.kind == P_CALL_ENDS
                || choice.kind == P_CALL_LOST;
    switch (choice.kind) {
    case P_GO:
        go (r, (enum p_death) choice.death);
        break;
    case P_CALL_ENDS:
        p_call_end (r, next_call (r->c, s), (enum p_end) choice.arg, P_LIVES);
        break;
    case P_CALL_LOST:
        s->calls[next_call (r->c, s)].fate = P_FATE_LOST;
        p_tell_lost (r, &s->calls[next_call (r->c, s)]);
        p_call_go (r, next_call (r->c, s), P_LIVES);
        break;
    case P_SAY_NO:
        say (r, false, P_LIVES);
        break;
    case P_GHOST:
        p_ghost_go (r, choice.arg);
        break;
    case P_EVENT:
        p_event_do (r, choice.arg);
        break;
    case P_DIE:
        p_die (r, choice.arg != 0);
        break;
    default:
        break;
    }
}
