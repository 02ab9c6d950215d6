/* What others do meanwhile: sites wake, instances and shares go and come back,
 * links break, mirrors fail over, people meddle or give up, users write. */
#include "prove/prove.h"
#include "prove/rules.h"

#include "prove/story.h"

#include <stdio.h>
#include <string.h>

static const struct kind {
    const char *text;
    bool meddles; /* it changes what a fingerprint holds */
} kinds[] = {
    [P_EV_WAKES] = { "the site that was given up gets power again; its servers and databases start as they were",
                     true },
    [P_EV_BACKUP_LOST] = { "the surviving site loses its instance", true },
    [P_EV_BACKUP_BACK] = { "the lost instance of the surviving site starts again", true },
    [P_EV_PRINCIPAL_LOST] = { "the first site loses the instance that serves", true },
    [P_EV_SHARE_GONE] = { "the share with the log backups vanishes", false },
    [P_EV_SHARE_BACK] = { "the share with the log backups returns", false },
    [P_EV_LINK_CUT] = { "the link between the sites is cut", true },
    [P_EV_LINK_JOINED] = { "the link between the sites is joined", true },
    [P_EV_MIRROR_FAILS_OVER] = { "a mirror fails over by itself", true },
    [P_EV_BY_HAND] = { "a person does the next step by hand", true },
    [P_EV_ABORT] = { "a person aborts the run", false },
    [P_EV_WRITE_HERE] = { "a user writes a message through a chat server of the first site", false },
    [P_EV_WRITE_THERE] = { "a user writes a message through a chat server of the second site", false },
    [P_EV_WRITE_LEFT] = { "a user who is still connected to a server that is no longer active writes a message",
                          false },
};
#define KINDS (sizeof kinds / sizeof kinds[0])

size_t
p_events_count (const struct p_case *c)
{
    (void) c;
    return KINDS;
}

const char *
p_event_text (const struct p_case *c, size_t index)
{
    (void) c;
    return kinds[index].text;
}

bool
p_event_is_lost_share (size_t index)
{
    return index == P_EV_SHARE_GONE;
}

bool
p_event_playable (size_t index)
{
    return index != P_EV_BY_HAND;
}

uint32_t
p_events_few (void)
{
    return 1u << P_EV_ABORT | 1u << P_EV_WAKES | 1u << P_EV_SHARE_GONE;
}

/* ---------------------------------------------------------------- who is meant */

static size_t
main_database (const struct p_case *c)
{
    size_t i;

    for (i = 0; i < direct_databases (c->direct) && !direct_database (c->direct, i)->fail_over; i++)
        continue;
    return i;
}

static const struct d_database *
database (const struct p_case *c)
{
    size_t i = main_database (c);

    return i < direct_databases (c->direct) ? direct_database (c->direct, i) : NULL;
}

static bool
runs (const struct world *w, w_id instance)
{
    return instance != 0 && w_answers (w, instance);
}

/* A principal whose mirror could take over by itself. */
static w_id
ready_to_fail_over (const struct world *w)
{
    unsigned i;

    for (i = 0; i < w->ncopies; i++) {
        const struct w_copy *v = &w->copies[i];

        if (v->instance != 0 && v->role == W_PRINCIPAL && v->mirroring == W_SYNCHRONIZED
            && v->witness_state == W_WITNESS_CONNECTED && w_answers (w, v->instance))
            return (w_id) (i + 1);
    }
    return 0;
}

/* A server of a site that could write; 0: none. */
static w_id
writer (const struct p_case *c, const struct world *w, w_id site)
{
    unsigned i;

    for (i = 0; i < w->nservers; i++)
        if (w->servers[i].site == site && direct_server_copy (c->direct, w, (w_id) (i + 1), main_database (c)) != 0)
            return (w_id) (i + 1);
    return 0;
}

/* A server that was taken off the list and still serves whom it had. */
w_id
p_left_writer (const struct p_case *c, const struct world *w, w_id *ret_copy)
{
    const struct d_database *d = database (c);
    unsigned i;

    for (i = 0; d && i < w->nservers && i < W_MAX_SERVERS; i++) {
        const struct w_server *v = &w->servers[i];
        w_id on = v->replica.state == W_FAILED_OVER ? d->backup : d->primary, copy = w_find_copy (w, on, d->name);

        if (v->chat && w->sites[v->site - 1].powered && (v->replica.active >> i & 1) == 0 && v->clients > 0 && copy != 0
            && w_reaches (w, v->site, on) && w_copy_writable (w, copy, 0) == 0) {
            *ret_copy = copy;
            return (w_id) (i + 1);
        }
    }
    return 0;
}

static uint32_t
next_by_hand (const struct p_case *c, const struct p_state *s)
{
    uint32_t k;

    for (k = 0; k < s->ncalls; k++) {
        const struct p_call *call = &s->calls[k];

        if (call->op == SB_CALL_VERIFY && call->fresh && !call->undo && !call->broken
            && c->plan.steps[call->step].effect != SB_READS && sb_engine_steps (s->e)[call->step].purpose == SB_FOR_TOP)
            return k;
    }
    return P_CALLS;
}

/* ---------------------------------------------------------------- may it happen now? */

static bool
fits_world (const struct p_case *c, const struct p_state *s, enum p_what what)
{
    const struct world *w = s->world;
    const struct d_database *d = database (c);
    w_id share = d ? d->log_share : 0, copy;

    if (!d)
        return false;
    switch (what) {
    case P_EV_WAKES:
        return c->left != 0 && !w->sites[c->left - 1].powered && !w->sites[c->left - 1].held_off;
    case P_EV_BACKUP_LOST:
        return runs (w, d->backup);
    case P_EV_BACKUP_BACK:
        return d->backup != 0 && !w->instances[d->backup - 1].running;
    case P_EV_PRINCIPAL_LOST:
        return c->start == P_START_STEADY && runs (w, d->primary);
    case P_EV_SHARE_GONE:
        return share != 0 && !w->shares[share - 1].gone;
    case P_EV_SHARE_BACK:
        return share != 0 && w->shares[share - 1].gone;
    case P_EV_LINK_CUT:
        return w->nsites > 1 && w_linked (w, 1, 2);
    case P_EV_LINK_JOINED:
        return w->nsites > 1 && w->sites[0].link_down[1];
    case P_EV_MIRROR_FAILS_OVER:
        return ready_to_fail_over (w) != 0;
    case P_EV_WRITE_HERE:
        return s->nmessages < P_MESSAGES && writer (c, w, 1) != 0;
    case P_EV_WRITE_THERE:
        return s->nmessages < P_MESSAGES && w->nsites > 1 && writer (c, w, 2) != 0;
    case P_EV_WRITE_LEFT:
        return s->nmessages < P_MESSAGES && p_left_writer (c, w, &copy) != 0;
    default:
        return false;
    }
}

bool
p_event_fits (const struct p_case *c, const struct p_state *s, size_t index)
{
    const struct sb_engine *e = s->e;

    if (c->only_events != 0 && (c->only_events >> index & 1) == 0)
        return false;
    if (s->finished && (index == P_EV_BY_HAND || index == P_EV_ABORT))
        return false;
    if (index == P_EV_BY_HAND)
        return next_by_hand (c, s) < P_CALLS;
    if (index == P_EV_ABORT)
        return e->cause == SB_WHY_NONE && !e->undoing && e->started && !sb_engine_past_no_return (e);
    return c->direct && fits_world (c, s, (enum p_what) index);
}

/* ---------------------------------------------------------------- it happens */

static void
do_op (struct p_run *r, enum w_op_kind kind, w_id instance, const char *db, w_id subject, int32_t n0, int32_t n1,
       int32_t n2)
{
    struct p_view v;
    struct w_op op;
    struct w_out out;

    w_op_init (&op, kind, instance, 0, db);
    op.subject = subject;
    op.n[0] = n0;
    op.n[1] = n1;
    op.n[2] = n2;
    direct_do (r->c->direct, p_view (&v, r->s), &op, &out);
    direct_servers (r->c->direct, &v.place);
}

static void
add_message (struct p_run *r, const struct d_message *m)
{
    struct p_state *s = r->s;
    size_t db = main_database (r->c);
    struct p_message *to = &s->messages[s->nmessages++];

    *to = (struct p_message){ .m = *m, .database = (uint8_t) db };
    to->late = s->past.live_fork[db] != 0 && m->fork != s->past.live_fork[db]
               && !w_on_line (s->world, m->fork, m->lsn, s->past.live_fork[db], m->lsn);
}

static void
write_message (struct p_run *r, w_id site)
{
    struct p_view v;
    struct d_message m = { 0 };

    if (direct_write (r->c->direct, p_view (&v, r->s), writer (r->c, r->s->world, site), main_database (r->c), &m))
        add_message (r, &m);
}

static void
write_left (struct p_run *r)
{
    struct world *w = r->s->world;
    struct d_message m = { 0 };
    struct w_out out;
    w_id copy = 0;

    w_out_init (&out);
    if (p_left_writer (r->c, w, &copy) == 0 || !w_append (w, copy, 0, 1, &m.fork, &m.lsn, &out))
        return;
    m.family = w->copies[copy - 1].family;
    add_message (r, &m);
}

/* The whole of it, and nobody tells the engine. */
static void
by_hand (struct p_run *r)
{
    struct p_state *s = r->s;
    uint32_t index = next_by_hand (r->c, s);
    struct p_call *call = &s->calls[index];
    struct p_call kept;
    struct d_answer a;
    struct p_view v;
    const struct sb_plan_step *p = &r->c->plan.steps[call->step];

    if (!call->known) {
        p_thing_by_hand (r, index);
        return;
    }
    p_rule_by_hand (r, p, p_results_of (r->c, p_params (r->c, s, call->step, false)));
    memcpy (&kept, call, sizeof kept);
    if (direct_begin (r->c->direct, s->world, &call->d, p->role, p->verb, false, p->object,
                      p_target (r->c, s, call->step))) {
        p_call_options (r->c, call, p_params (r->c, s, call->step, false));
        call->d.deadline_ms = s->world->now_ms + 60000;
        direct_finish (r->c->direct, &call->d, p_view (&v, s), &a);
    }
    memcpy (call, &kept, sizeof kept);
    direct_servers (r->c->direct, p_view (&v, s));
}

static void
happen (struct p_run *r, enum p_what what)
{
    const struct world *w = r->s->world;
    static const struct d_database none;
    const struct d_database *known = r->c->direct ? database (r->c) : NULL, *d = known ? known : &none;
    w_id copy;

    switch (what) {
    case P_EV_WAKES:
        do_op (r, W_OP_SITE_POWER, 0, "", 0, r->c->left, 1, 0);
        r->s->past.woke = 1;
        break;
    case P_EV_BACKUP_LOST:
    case P_EV_BACKUP_BACK:
        do_op (r, W_OP_INSTANCE_POWER, d->backup, "", 0, what == P_EV_BACKUP_BACK, 0, 0);
        break;
    case P_EV_PRINCIPAL_LOST:
        do_op (r, W_OP_INSTANCE_POWER, d->primary, "", 0, 0, 0, 0);
        break;
    case P_EV_SHARE_GONE:
    case P_EV_SHARE_BACK:
        do_op (r, W_OP_FAULT_SHARE, 0, "", d->log_share, what == P_EV_SHARE_GONE, 0, 0);
        break;
    case P_EV_LINK_CUT:
    case P_EV_LINK_JOINED:
        do_op (r, W_OP_LINK, 0, "", 0, 1, 2, what == P_EV_LINK_JOINED);
        break;
    case P_EV_MIRROR_FAILS_OVER:
        copy = ready_to_fail_over (w);
        do_op (r, W_OP_FAILOVER, w->copies[copy - 1].instance, w_str (w, w->copies[copy - 1].name), 0, 0, 0, 0);
        break;
    case P_EV_BY_HAND:
        by_hand (r);
        break;
    case P_EV_ABORT:
        p_event (r, (struct sb_event){ .kind = SB_EV_ABORT, .step = SB_NO_STEP }, P_LIVES);
        break;
    case P_EV_WRITE_HERE:
        write_message (r, 1);
        break;
    case P_EV_WRITE_THERE:
        write_message (r, 2);
        break;
    case P_EV_WRITE_LEFT:
        write_left (r);
        break;
    }
}

w_id
p_event_subject (const struct p_case *c, const struct world *w, size_t index)
{
    const struct d_database *d = database (c);
    w_id copy;

    switch ((enum p_what) index) {
    case P_EV_WAKES:
        return c->left;
    case P_EV_BACKUP_LOST:
    case P_EV_BACKUP_BACK:
        return d ? d->backup : 0;
    case P_EV_PRINCIPAL_LOST:
        return d ? d->primary : 0;
    case P_EV_SHARE_GONE:
    case P_EV_SHARE_BACK:
        return d ? d->log_share : 0;
    case P_EV_MIRROR_FAILS_OVER:
        return ready_to_fail_over (w);
    case P_EV_WRITE_HERE:
        return writer (c, w, 1);
    case P_EV_WRITE_THERE:
        return writer (c, w, 2);
    case P_EV_WRITE_LEFT:
        return p_left_writer (c, w, &copy);
    default:
        return 0;
    }
}

void
p_event_do (struct p_run *r, size_t index)
{
    p_tell_event (r, index);
    r->s->jumps = 0;
    happen (r, (enum p_what) index);
    if (kinds[index].meddles)
        r->s->past.meddled = 1;
    p_rule_world (r);
}
