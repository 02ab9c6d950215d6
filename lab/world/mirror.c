/* Mirroring: what the connections of the moment make of every session (SQL
 * sheet 2.5 and 2.6).  w_mirror_settle() is a function of the world as it is:
 * it is run after every operation, and running it twice changes nothing more.
 * The statements are in partner.c. */
#include "lab/world/intern.h"

#include <string.h>

static bool
endpoint_up (const struct world *w, w_id instance, unsigned role)
{
    const struct w_instance *n = &w->instances[instance - 1];

    return w_answers (w, instance) && n->endpoint != 0 && n->endpoint_state == W_EP_STARTED
           && (n->endpoint_role & role) != 0;
}

static bool
endpoints_linked (const struct world *w, w_id a, unsigned role_a, w_id b, unsigned role_b)
{
    return a != 0 && b != 0 && endpoint_up (w, a, role_a) && endpoint_up (w, b, role_b)
           && w_linked (w, w->instances[a - 1].site, w->instances[b - 1].site);
}

bool
w_pair_connected (const struct world *w, const struct w_copy *a, const struct w_copy *b)
{
    return endpoints_linked (w, a->instance, W_EP_PARTNER, b->instance, W_EP_PARTNER);
}

bool
w_witness_connected (const struct world *w, const struct w_copy *c)
{
    return c->witness_id != 0 && !w->instances[c->witness_id - 1].witness_lost
           && endpoints_linked (w, c->instance, W_EP_PARTNER, c->witness_id, W_EP_WITNESS);
}

void
w_mirror_clear (struct world *w, struct w_copy *c)
{
    bool was_mirror = c->role == W_MIRROR;

    (void) w;
    c->mirror_guid = 0;
    c->partner = c->witness = 0;
    c->partner_id = c->witness_id = 0;
    c->role = c->mirroring = c->safety = c->witness_state = 0;
    c->suspended = c->forced = c->synced = c->pairing = 0;
    c->timeout_s = 0;
    c->partner_copy = 0;
    c->role_seq = c->safety_seq = 0;
    c->lost_ms = 0;
    c->failover_lsn = 0;
    if (was_mirror && c->state != W_OFFLINE) {
        c->state = W_RESTORING;
        c->restored = c->log_applied = 1;
    } else if (c->state == W_RECOVERING) {
        c->state = W_ONLINE; /* a principal that lacked quorum needs none any more */
    }
}

/* A principal serves or does not; its users are thrown out when it stops. */
static void
serve (struct world *w, struct w_copy *c, bool yes)
{
    uint8_t want = yes ? W_ONLINE : W_RECOVERING;

    if (c->state == want || c->state == W_OFFLINE)
        return;
    if (!yes)
        w_sessions_cut (w, c, 0, false, NULL);
    c->state = want;
}

static void
become_mirror (struct world *w, struct w_copy *c, const struct w_copy *principal)
{
    w_sessions_cut (w, c, 0, false, NULL);
    c->role = W_MIRROR;
    c->state = W_RESTORING;
    c->restored = c->log_applied = 1;
    c->role_seq = principal->role_seq;
    c->synced = c->forced = 0;
}

static void
become_principal (struct world *w, struct w_copy *c)
{
    (void) w;
    c->role = W_PRINCIPAL;
    c->state = W_ONLINE;
    c->role_seq++;
    c->restored = 0;
    c->mirroring = W_DISCONNECTED;
    c->synced = 0;
}

/* Both halves say they are principal: the one with fewer role changes yields.  After a forced service it is not
 * rolled back before somebody resumes. */
static void
reconcile (struct world *w, struct w_copy *a, struct w_copy *b)
{
    struct w_copy *winner = a->role_seq >= b->role_seq ? a : b, *loser = winner == a ? b : a;

    if (winner->forced)
        winner->suspended = loser->suspended = 1;
    become_mirror (w, loser, winner);
    winner->forced = 0;
}

static void
settle_connected (struct world *w, struct w_copy *a, struct w_copy *b)
{
    struct w_copy *p, *m;

    a->pairing = b->pairing = 0;
    a->lost_ms = b->lost_ms = 0;
    if (a->role == W_PRINCIPAL && b->role == W_PRINCIPAL)
        reconcile (w, a, b);
    p = a->role == W_PRINCIPAL ? a : b;
    m = p == a ? b : a;
    if (m->state == W_RECOVERING)
        m->state = W_RESTORING;
    serve (w, p, true);
    m->witness = p->witness; /* settings travel from the principal */
    m->witness_id = p->witness_id;
    m->safety = p->safety;
    m->safety_seq = p->safety_seq;
    m->timeout_s = p->timeout_s;
    m->role_seq = p->role_seq;
    if (p->suspended || m->suspended) {
        p->suspended = m->suspended = 1;
        p->mirroring = m->mirroring = W_SUSPENDED;
        p->synced = m->synced = 0;
    } else if (p->mirroring != W_SYNCHRONIZED || m->mirroring != W_SYNCHRONIZED) {
        p->mirroring = m->mirroring = W_SYNCHRONIZING;
    }
}

/* The partner cannot be seen: is that noticed already?  A partner that is down resets its connections at once; a
 * link that is cut is noticed when pings stay out. */
static bool
noticed (struct world *w, struct w_copy *c)
{
    int64_t patience = (int64_t) c->timeout_s * 1000;

    if (w->rates.mirror_silent > 0 && w->rates.mirror_silent < patience)
        patience = w->rates.mirror_silent;
    if (c->mirroring == W_DISCONNECTED || c->partner_id == 0 || !w_answers (w, c->partner_id))
        return true;
    if (c->lost_ms == 0)
        c->lost_ms = w->now_ms;
    return w->now_ms - c->lost_ms >= patience;
}

static bool
may_take_over (struct world *w, const struct w_copy *m)
{
    const struct w_copy *p = w_partner (w, m);

    return m->role == W_MIRROR && m->synced && !m->suspended && m->safety == W_SAFETY_FULL && w_witness_connected (w, m)
           && (p == NULL || !w_answers (w, p->instance) || !w_witness_connected (w, p));
}

static void
settle_alone (struct world *w, struct w_copy *c)
{
    struct w_copy *other = w_partner (w, c);
    bool seen = w_witness_connected (w, c);

    if (c->pairing || !noticed (w, c))
        return;
    c->mirroring = W_DISCONNECTED;
    c->lost_ms = 0;
    if (c->role == W_PRINCIPAL) {
        serve (w, c, c->witness == 0 || seen);
        if (c->state == W_ONLINE) { /* runs exposed: nobody may take over from what he had */
            c->synced = 0;
            if (other != NULL && seen)
                other->synced = 0;
        }
        return;
    }
    if (may_take_over (w, c)) {
        become_principal (w, c);
        if (other != NULL) /* it runs exposed from now on, as above */
            other->synced = 0;
        return;
    }
    if (c->state == W_RESTORING)
        c->state = W_RECOVERING;
    if (c->witness == 0 || !seen)
        c->synced = c->witness == 0 ? c->synced : 0;
}

/* The partner answers but has no such session any more: OFF was said there. */
static bool
ended_elsewhere (struct world *w, const struct w_copy *c)
{
    return !c->pairing && c->partner_id != 0 && w_partner (w, c) == NULL
           && endpoints_linked (w, c->instance, W_EP_PARTNER, c->partner_id, W_EP_PARTNER);
}

static void
settle_witness (struct world *w, struct w_copy *c)
{
    c->witness_state = (uint8_t) (c->witness == 0              ? W_WITNESS_UNKNOWN
                                  : w_witness_connected (w, c) ? W_WITNESS_CONNECTED
                                                               : W_WITNESS_DISCONNECTED);
}

/* Remembers where the other halves are: else every question for them would ask every copy. */
static void
find_partners (struct world *w)
{
    struct w_copy *other;

    for (unsigned i = 0; i < w->ncopies; i++)
        if (w->copies[i].mirror_guid != 0) {
            other = w_partner (w, &w->copies[i]);
            w->copies[i].partner_copy = other == NULL ? 0 : w_copy_id (w, other);
        }
}

void
w_mirror_settle (struct world *w)
{
    struct w_copy *c, *other;

    find_partners (w);

    for (unsigned i = 0; i < w->ncopies; i++) {
        c = &w->copies[i];
        if (c->instance == 0 || c->mirror_guid == 0 || !w_answers (w, c->instance))
            continue;
        other = w_partner (w, c);
        if (ended_elsewhere (w, c))
            w_mirror_clear (w, c);
        else if (other != NULL && w_pair_connected (w, c, other) && !(c->pairing && c->role == other->role))
            settle_connected (w, c, other);
        else
            settle_alone (w, c);
        if (c->mirror_guid != 0)
            settle_witness (w, c);
    }
}

/* Sends what the mirror lacks.  One step of the clock is enough for it in the lab. */
static void
synchronize (struct world *w, struct w_copy *p, struct w_copy *m)
{
    m->fork = p->fork;
    m->lsn = p->lsn;
    m->family = p->family;
    p->failover_lsn = m->failover_lsn = p->lsn;
    p->mirroring = m->mirroring = W_SYNCHRONIZED;
    p->synced = m->synced = 1;
    w->version++;
}

void
w_mirror_step (struct world *w)
{
    struct w_copy *p, *m;

    w_mirror_settle (w);
    for (unsigned i = 0; i < w->ncopies; i++) {
        p = &w->copies[i];
        m = p->role == W_PRINCIPAL ? w_partner (w, p) : NULL;
        if (m == NULL || !w_pair_connected (w, p, m) || p->suspended)
            continue;
        if (p->mirroring == W_SYNCHRONIZING || (p->mirroring == W_SYNCHRONIZED && m->lsn != p->lsn))
            synchronize (w, p, m);
    }
}

int64_t
w_mirror_due (const struct world *w)
{
    int64_t due = INT64_MAX;
    const struct w_copy *c;

    for (unsigned i = 0; i < w->ncopies; i++) {
        c = &w->copies[i];
        if (c->mirroring == W_SYNCHRONIZING || c->lost_ms != 0)
            due = w->now_ms + 100;
        else if (c->role == W_PRINCIPAL && c->safety == W_SAFETY_OFF && due > w->now_ms + 500)
            due = w->now_ms + 500;
    }
    return due;
}
