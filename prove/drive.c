/* A turn, as core/engine/run.c makes it: an event, the engine's commands, its
 * records durable where something is begun, then the acts.  And a death: the
 * state of the process is gone, a new one replays the records and starts.
 *
 * The journal is the engine that replaying its records gives (replaying is one
 * record after the other, so it is kept as it grows). */
#include "prove/prove.h"

#include "prove/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RESTART_MS 5000 /* until somebody or something has started the program again */

void
p_break (struct p_run *r, const char *rule, const char *fmt, ...)
{
    struct p_broken *b = &r->broken[r->nbroken];
    va_list args;
    unsigned k;

    for (k = 0; k < r->nbroken && strcmp (r->broken[k].rule, rule) != 0; k++)
        continue;
    if (k < r->nbroken || r->nbroken == P_BROKEN)
        return;
    r->nbroken++;
    b->rule = rule;
    va_start (args, fmt);
    vsnprintf (b->why, sizeof b->why, fmt, args);
    va_end (args);
    p_tell_broken (r, b);
}

struct d_place *
p_view (struct p_view *v, struct p_state *s)
{
    uint32_t k;

    v->place = (struct d_place){ .world = s->world,
                                 .files = &s->files,
                                 .site = s->world->tool_site,
                                 .messages = v->messages,
                                 .nmessages = s->nmessages,
                                 .at_work = v->at_work };
    for (k = 0; k < s->nmessages; k++)
        v->messages[k] = s->messages[k].m;
    for (k = 0; k < s->ncalls; k++)
        if (s->calls[k].fate == P_FATE_GHOST && s->calls[k].known && !s->calls[k].broken)
            v->at_work[v->place.nat_work++] = &s->calls[k].d;
    return &v->place;
}

void
p_clock (struct p_run *r, int64_t to)
{
    struct p_view v;

    if (!r->c->direct) {
        r->s->world->now_ms = to;
        return;
    }
    direct_tick (r->c->direct, p_view (&v, r->s), to);
    direct_servers (r->c->direct, &v.place);
    p_rule_world (r);
}

/* ---------------------------------------------------------------- records */

static void
make_durable (struct p_run *r)
{
    struct p_state *s = r->s;
    uint32_t i;

    for (i = 0; i < s->npending; i++) {
        const struct sb_engine_record *rec = &s->pending[i];

        sb_engine_replay (s->j, &r->c->plan, rec);
        if (rec->step == SB_NO_STEP)
            continue;
        if (rec->kind == SB_REC_INTENT)
            s->wj[rec->step].params = s->w[rec->step].params;
        if (rec->kind == SB_REC_INTENT || rec->kind == SB_REC_ANSWER)
            s->wj[rec->step].base = rec->result;
    }
    s->npending = 0;
}

static void
decide_record (struct p_run *r, const struct sb_engine_record *rec)
{
    struct p_state *s = r->s;

    s->jumps = 0;
    p_rule_record (r, rec);
    p_tell_record (r, rec);
    if (rec->kind == SB_REC_INTENT)
        s->w[rec->step].params = p_params (r->c, s, rec->step, false);
    if (s->npending == P_PENDING)
        make_durable (r);
    s->pending[s->npending++] = *rec;
}

/* ---------------------------------------------------------------- acts */

static void
ask_to_stop (struct p_state *s, uint32_t step)
{
    uint32_t k;

    for (k = 0; k < s->ncalls; k++)
        if (s->calls[k].step == step && s->calls[k].op == SB_CALL_RUN && s->calls[k].fate != P_FATE_GHOST)
            s->calls[k].d.stop = 1;
}

static void
act (struct p_run *r, const struct sb_command *c)
{
    struct p_state *s = r->s;

    switch (c->kind) {
    case SB_CMD_RUN:
    case SB_CMD_VERIFY:
    case SB_CMD_LOCATE:
        p_rule_call (r, c);
        p_call_begin (r, c);
        break;
    case SB_CMD_KILL:
        ask_to_stop (s, c->step);
        break;
    case SB_CMD_PROBE:
        s->probes |= 1u << c->site;
        break;
    case SB_CMD_ASK:
        if (s->nasks < P_ASKS)
            s->asks[s->nasks++] = c->step;
        break;
    case SB_CMD_FINISH:
        s->finished = 1;
        s->outcome = (uint8_t) c->outcome;
        break;
    case SB_CMD_RECORD:
    case SB_CMD_NOTIFY:
        break;
    }
}

static bool
needs_disk (const struct sb_command *c)
{
    return (c->kind == SB_CMD_RUN && !c->reads) || c->kind == SB_CMD_FINISH || c->kind == SB_CMD_NOTIFY;
}

void
p_event (struct p_run *r, struct sb_event ev, enum p_death death)
{
    struct p_state *s = r->s;
    bool must = false;
    size_t k;

    ev.now = s->world->now_ms;
    r->turn.count = 0;
    sb_engine_event (s->e, &r->c->plan, &ev, &r->turn);
    for (k = 0; k < r->turn.count; k++) {
        must = must || needs_disk (&r->turn.list[k]);
        if (r->turn.list[k].kind == SB_CMD_RECORD)
            decide_record (r, &r->turn.list[k].record);
    }
    if (death == P_DIES_BEFORE) {
        p_die (r, false);
        return;
    }
    if (must || ev.kind == SB_EV_TIMER)
        make_durable (r);
    if (death == P_DIES_AFTER) {
        p_die (r, false);
        return;
    }
    for (k = 0; k < r->turn.count && !s->finished; k++)
        act (r, &r->turn.list[k]);
}

void
p_begin (struct p_run *r)
{
    p_event (r, (struct sb_event){ .kind = SB_EV_START, .wait = true }, P_LIVES);
}

/* What was decided and not durable never was; what was asked for and not answered may go on without us. */
void
p_die (struct p_run *r, bool servers_go_on)
{
    struct p_state *s = r->s;

    p_tell_death (r, servers_go_on);
    p_calls_drop (r, servers_go_on);
    memcpy (s->e, s->j, r->c->esize);
    memcpy (s->w, s->wj, r->c->plan.count * sizeof *s->w);
    s->npending = 0;
    s->nasks = 0;
    s->probes = 0;
    s->jumps = 0;
    s->finished = 0;
    s->outcome = SB_RUN_GOES_ON;
    p_clock (r, s->world->now_ms + RESTART_MS);
    p_begin (r);
}
