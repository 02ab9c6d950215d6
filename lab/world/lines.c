/* Lines of forks: which copy has which part of a family's history, who may read
 * and write a copy, and what one more log record does. */
#include "lab/world/intern.h"

#include <string.h>

w_id
w_copy_id (const struct world *w, const struct w_copy *c)
{
    return (w_id) (c - w->copies + 1);
}

w_id
w_fork_new (struct world *w, w_id family, w_id parent, w_lsn point)
{
    w_id id = w_slot_new (w, W_T_FORKS);

    if (id != 0) {
        w->forks[id - 1].family = family;
        w->forks[id - 1].parent = parent;
        w->forks[id - 1].point = point;
        w->forks[id - 1].guid = ++w->next_guid;
    }
    return id;
}

bool
w_family_new (struct world *w, struct w_copy *c)
{
    w_id family = w_slot_new (w, W_T_FAMILIES);

    if (family == 0)
        return false;
    w->families[family - 1].guid = ++w->next_guid;
    c->family = family;
    c->fork = w_fork_new (w, family, 0, 0);
    w->families[family - 1].root = c->fork;
    c->lsn = W_LSN_FIRST;
    return c->fork != 0;
}

bool
w_on_line (const struct world *w, w_id line, w_lsn horizon, w_id fork, w_lsn lsn)
{
    const struct w_fork *f;

    while (line != 0 && line <= w->nforks) {
        if (line == fork)
            return lsn <= horizon;
        f = &w->forks[line - 1];
        if (f->point < horizon)
            horizon = f->point;
        line = f->parent;
    }
    return false;
}

bool
w_copy_has (const struct world *w, w_id copy, w_id fork, w_lsn lsn)
{
    const struct w_copy *c = copy == 0 || copy > w->ncopies ? NULL : &w->copies[copy - 1];

    return c != NULL && w_on_line (w, c->fork, c->lsn, fork, lsn);
}

bool
w_copy_busy (const struct world *w, const struct w_copy *c)
{
    for (unsigned i = 0; i < w->nworks; i++)
        if (w->works[i].id != 0 && w->works[i].op.instance == c->instance
            && w_find_copy (w, c->instance, w->works[i].op.db) == w_copy_id (w, c))
            return true;
    return false;
}

/* Why a copy that is not open is not, as a login, USE or query hears it. */
static int
why_closed (const struct w_copy *c)
{
    if (c->role == W_MIRROR)
        return 954;
    switch (c->state) {
    case W_RESTORING:
        return 927;
    case W_OFFLINE:
        return 942;
    case W_RECOVERING:
        return c->role == W_PRINCIPAL ? 955 : 922;
    default:
        return 0;
    }
}

int
w_copy_readable (const struct world *w, w_id copy, uint16_t spid)
{
    const struct w_copy *c = copy == 0 || copy > w->ncopies ? NULL : &w->copies[copy - 1];
    const struct w_session *s;
    int why;

    if (c == NULL || c->instance == 0)
        return 911;
    why = why_closed (c);
    if (why != 0)
        return why;
    if (c->user_access == W_SINGLE_USER && c->holder != 0 && c->holder != spid)
        return 924;
    s = w_session ((struct world *) w, c->instance, spid);
    if (c->user_access == W_RESTRICTED_USER && s != NULL && !s->sysadmin)
        return 923;
    return 0;
}

int
w_copy_writable (const struct world *w, w_id copy, uint16_t spid)
{
    int why = w_copy_readable (w, copy, spid);

    if (why == 0 && (w->copies[copy - 1].read_only || w->copies[copy - 1].standby))
        why = 3906;
    return why;
}

w_lsn
w_log (struct world *w, struct w_copy *c, unsigned records)
{
    struct w_copy *other = c->role == W_PRINCIPAL ? w_partner (w, c) : NULL;

    c->lsn += (w_lsn) records * W_LSN_STEP;
    if (other != NULL && c->mirroring == W_SYNCHRONIZED && c->safety == W_SAFETY_FULL
        && w_pair_connected (w, c, other)) {
        other->fork = c->fork;
        other->lsn = c->failover_lsn = other->failover_lsn = c->lsn;
    }
    return c->lsn;
}

bool
w_append (struct world *w, w_id copy, uint16_t spid, unsigned count, w_id *ret_fork, w_lsn *ret_first,
          struct w_out *out)
{
    struct w_copy *c;
    int why;

    w_mirror_settle (w); /* a link that is cut is not waited for: the commit would block until it is noticed */
    why = w_copy_writable (w, copy, spid);
    if (why != 0) {
        w_fail (out, why, "%s", copy == 0 || copy > w->ncopies ? "" : w_str (w, w->copies[copy - 1].name));
        return false;
    }
    c = &w->copies[copy - 1];
    *ret_fork = c->fork;
    *ret_first = c->lsn + W_LSN_STEP;
    w_log (w, c, count);
    w->version++;
    return true;
}
