/* make-mirror, break-mirror, mirror-failover. */
#include "core/base/text.h"
#include "lab/direct/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS   500
#define ROUNDS    3
#define TRIES     8
#define NOTICE_MS 60000
#define ENDPOINT  "switchback_mirroring"

/* call.bits of make-mirror */
enum { PAIRED = 1, LACKS = 2, FOLLOW = 4, ROUND = 8 /* and above: how often */ };

static w_id
named (const struct step *s, const char *option)
{
    return d_id (s->d, "instance", d_option (s, option));
}

static w_id
mirror_of (const struct step *s)
{
    return named (s, "mirror");
}

/* ------------------------------------------------------------------ pairs */

static bool
are_paired (const struct w_copy *p, const struct w_copy *m)
{
    return d_mirrored (p) && d_mirrored (m) && p->mirror_guid == m->mirror_guid && p->role == W_PRINCIPAL
           && m->role == W_MIRROR;
}

static bool
are_synchronized (const struct w_copy *p, const struct w_copy *m)
{
    return are_paired (p, m) && p->mirroring == W_SYNCHRONIZED && m->mirroring == W_SYNCHRONIZED;
}

static enum go
await_synchronized (struct step *s, w_id principal, w_id mirror)
{
    const struct w_copy *p, *m;
    enum d_class class;
    struct w_op op;

    D_OPEN (s, principal);
    D_OPEN (s, mirror);
    p = d_copy (s, principal);
    m = d_copy (s, mirror);
    if (are_synchronized (p, m))
        return GO_NEXT;
    if (!d_mirrored (p) || !d_mirrored (m))
        return d_fail (s, D_RETRY, "the mirroring session ended while it was awaited");
    if (p->mirroring == W_SUSPENDED && s->c->round == 0) {
        d_op (s, &op, W_OP_RESUME, principal);
        class = d_act (s, &op);
        if (class == D_C_FAIL)
            return d_failed (s, class, "the mirroring session cannot be resumed");
        s->c->round = 1;
        return GO_AGAIN;
    }
    if (s->c->round == 1) {
        s->c->round = 0;
        return d_nap (s, s->w->now_ms + STEP_MS);
    }
    return d_nap (s, D_FAR);
}

static enum go
safety_full (struct step *s, w_id principal)
{
    const struct w_copy *c = d_copy (s, principal);
    enum d_class class;
    struct w_op op;

    if (c != NULL && c->safety == W_SAFETY_FULL)
        return GO_NEXT;
    d_op (s, &op, W_OP_SAFETY, principal);
    op.n[0] = W_SAFETY_FULL;
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "the safety level cannot be set");
}

/* ------------------------------------------------------------------ endpoints */

static const char *
host_of (const struct step *s, w_id instance)
{
    const char *name = d_instance_name (s, instance), *host = d_attr (s->d, "instance", name, "host");

    return host != NULL ? host : name;
}

static void
address_of (const struct step *s, w_id instance, char *ret, size_t size)
{
    snprintf (ret, size, "TCP://%s:%u", host_of (s, instance), s->w->instances[instance - 1].endpoint_port);
}

/* The endpoint is there, started and fit for the role. */
static enum go
endpoint (struct step *s, w_id instance, unsigned role)
{
    const struct w_instance *n;
    const char *port;
    enum d_class class;
    struct w_op op;

    D_OPEN (s, instance);
    n = &s->w->instances[instance - 1];
    if (n->endpoint != 0 && (n->endpoint_role & role) == 0)
        return d_fail (s, D_FAIL, "the endpoint of '%s' has another role", d_instance_name (s, instance));
    if (n->endpoint != 0 && n->endpoint_state == W_EP_STARTED)
        return GO_NEXT;
    d_op (s, &op, n->endpoint == 0 ? W_OP_ENDPOINT_CREATE : W_OP_ENDPOINT_STATE, instance);
    port = d_attr (s->d, "instance", d_instance_name (s, instance), "endpoint port");
    snprintf (op.name[0], sizeof op.name[0], "%s", n->endpoint == 0 ? ENDPOINT : w_str (s->w, n->endpoint));
    op.n[0] = n->endpoint == 0 ? (port != NULL ? atoi (port) : 5022) : 0;
    op.n[1] = W_EP_STARTED;
    op.n[2] = n->endpoint == 0 ? W_EP_ALL : 0;
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "the mirroring endpoint cannot be made ready");
}

/* ------------------------------------------------------------------ make-mirror */

static enum go
open_pair (struct step *s)
{
    D_OPEN (s, s->c->on);
    D_OPEN (s, mirror_of (s));
    s->c->bits = are_paired (d_copy (s, s->c->on), d_copy (s, mirror_of (s))) ? PAIRED : 0;
    return GO_NEXT;
}

static bool
paired (const struct step *s)
{
    return (s->c->bits & PAIRED) != 0;
}

static enum go
no_other_session (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (!paired (s) && d_mirrored (c) && c->mirroring != W_DISCONNECTED && c->mirroring != W_SUSPENDED)
        return d_fail (s, D_FAIL, "the copy is mirrored with somebody else");
    return GO_NEXT;
}

static enum go
clear_principal (struct step *s)
{
    return paired (s) ? GO_NEXT : d_unmirror (s, s->c->on);
}

static enum go
clear_mirror (struct step *s)
{
    return paired (s) ? GO_NEXT : d_unmirror (s, mirror_of (s));
}

static enum go
can_be_paired (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on), *m = d_copy (s, mirror_of (s));

    if (paired (s) || (d_serves (c) && c->recovery_model == W_FULL && d_restoring (m)))
        return GO_NEXT;
    return d_fail (s, D_FAIL, "the copies cannot be paired");
}

static enum go
endpoint_principal (struct step *s)
{
    return paired (s) ? GO_NEXT : endpoint (s, s->c->on, W_EP_PARTNER);
}

static enum go
endpoint_mirror (struct step *s)
{
    return paired (s) ? GO_NEXT : endpoint (s, mirror_of (s), W_EP_PARTNER);
}

/* One more log backup, outside the chain, brings the mirror level. */
static enum go
level_backup (struct step *s)
{
    enum d_class class;
    struct w_op op;

    if (paired (s))
        return GO_NEXT;
    d_op (s, &op, W_OP_BACKUP, s->c->on);
    snprintf (op.path[0], sizeof op.path[0], "%s", d_option (s, "file") == NULL ? "" : d_option (s, "file"));
    op.flags = W_WITH_LOG | W_WITH_COPY_ONLY | W_WITH_FORMAT | W_WITH_INIT | W_WITH_CHECKSUM;
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "the mirror cannot be brought level");
}

static enum d_class
level_restore (struct step *s)
{
    struct w_op op;

    d_op (s, &op, W_OP_RESTORE, mirror_of (s));
    snprintf (op.path[0], sizeof op.path[0], "%s", d_option (s, "file") == NULL ? "" : d_option (s, "file"));
    op.n[0] = 1;
    op.flags = W_WITH_LOG | W_WITH_NORECOVERY;
    return d_act (s, &op);
}

static enum go
level_first (struct step *s)
{
    enum d_class class;

    if (paired (s))
        return GO_NEXT;
    class = level_restore (s);
    s->c->bits &= (uint16_t) ~FOLLOW;
    if (class == D_C_OK || class == D_C_ALREADY)
        return GO_NEXT;
    if (s->a->number != 4305)
        return d_failed (s, class, "the mirror cannot be brought level");
    s->c->bits |= FOLLOW; /* it begins too late */
    return GO_NEXT;
}

static enum go
level_follow (struct step *s)
{
    const char *folder = d_unc (s, s->db->log_share);
    uint16_t bits = s->c->bits;
    enum go go;

    if ((bits & FOLLOW) == 0 || folder == NULL)
        return GO_NEXT;
    go = d_apply_next (s, mirror_of (s), folder);
    s->c->bits = bits; /* nobody asks how many */
    return go;
}

static enum go
level_again (struct step *s)
{
    enum d_class class;

    if ((s->c->bits & FOLLOW) == 0)
        return GO_NEXT;
    s->c->bits &= (uint16_t) ~FOLLOW;
    class = level_restore (s);
    return class == D_C_OK || class == D_C_ALREADY ? GO_NEXT
                                                   : d_failed (s, class, "the mirror cannot be brought level");
}

/* The mirror lacks log; one more backup helps. */
static bool
lacks_log (int number)
{
    return number == 1408 || number == 1409 || number == 1411 || number == 1412 || number == 1475 || number == 1478;
}

/* SET PARTNER or SET WITNESS, again while it fails for the moment. */
static enum go
set_partner (struct step *s, enum w_op_kind kind, w_id instance, w_id other, const char *what)
{
    enum d_class class;
    struct w_op op;

    d_op (s, &op, kind, instance);
    address_of (s, other, op.path[0], sizeof op.path[0]);
    class = d_act (s, &op);
    s->c->bits &= (uint16_t) ~LACKS;
    if (class == D_C_OK || class == D_C_ALREADY)
        return GO_NEXT;
    if (lacks_log (s->a->number)) {
        s->c->bits |= LACKS;
        return GO_NEXT;
    }
    if ((class != D_C_RETRY && class != D_C_UNSURE) || ++s->c->count == TRIES)
        return d_failed (s, class, what);
    return d_nap (s, s->w->now_ms + STEP_MS * s->c->count);
}

static enum go
join_mirror (struct step *s)
{
    return paired (s) ? GO_NEXT : set_partner (s, W_OP_PARTNER, mirror_of (s), s->c->on, "it cannot be mirrored");
}

static enum go
join_principal (struct step *s)
{
    return paired (s) || (s->c->bits & LACKS) != 0
                   ? GO_NEXT
                   : set_partner (s, W_OP_PARTNER, s->c->on, mirror_of (s), "it cannot be mirrored");
}

enum { UNPAIR_AGAIN = 7, JOINED = 14 }; /* places in d_make_mirror */

static enum go
joined (struct step *s)
{
    if (paired (s) || (s->c->bits & LACKS) == 0)
        return GO_NEXT;
    s->c->bits = (uint16_t) (s->c->bits + ROUND);
    if (s->c->bits / ROUND >= ROUNDS)
        return d_fail (s, D_RETRY, "the mirror still lacks log after %d log backups", ROUNDS);
    s->c->phase = UNPAIR_AGAIN;
    s->c->round = 0;
    s->c->count = 0;
    s->c->since_ms = 0;
    return GO_AGAIN;
}

static enum go
await_pair (struct step *s)
{
    return await_synchronized (s, s->c->on, mirror_of (s));
}

static enum go
pair_safety (struct step *s)
{
    return safety_full (s, s->c->on);
}

static bool
needs_witness (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    return named (s, "witness") != 0 && c != NULL && c->witness == 0;
}

static enum go
witness_ready (struct step *s)
{
    return needs_witness (s) ? endpoint (s, named (s, "witness"), W_EP_WITNESS) : GO_NEXT;
}

static enum go
join_witness (struct step *s)
{
    return needs_witness (s) ? set_partner (s, W_OP_WITNESS, s->c->on, named (s, "witness"), "no witness") : GO_NEXT;
}

static void
tell_session (struct step *s, const struct w_copy *c)
{
    char guid[W_GUID_TEXT] = "";

    if (d_mirrored (c))
        w_guid_text (s->w, c->mirror_guid, guid);
    d_tell (s, "session", guid);
}

static enum go
made (struct step *s)
{
    D_OPEN (s, s->c->on);
    tell_session (s, d_copy (s, s->c->on));
    return d_done (s);
}

const phase_fn d_make_mirror[] = { open_pair,     no_other_session,   clear_principal,   clear_mirror,
                                   can_be_paired, endpoint_principal, endpoint_mirror,   [UNPAIR_AGAIN] = clear_mirror,
                                   level_backup,  level_first,        level_follow,      level_again,
                                   join_mirror,   join_principal,     [JOINED] = joined, await_pair,
                                   pair_safety,   witness_ready,      join_witness,      made,
                                   NULL };

enum d_seen
d_see_make_mirror (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c, *m;

    if (seen != D_YES)
        return seen;
    if (mirror_of (s) == 0 || !d_reach (s, mirror_of (s)))
        return D_UNKNOWN;
    c = d_copy (s, s->c->on);
    m = d_copy (s, mirror_of (s));
    tell_session (s, c);
    if (are_synchronized (c, m) && !needs_witness (s) && c->safety == W_SAFETY_FULL)
        return D_YES;
    return d_mirrored (c) || d_mirrored (m) ? D_PARTLY : D_NO;
}

/* ------------------------------------------------------------------ break-mirror */

const phase_fn d_break_mirror[] = { d_phase_unmirror, NULL };

enum d_seen
d_see_break_mirror (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);

    return seen != D_YES ? seen : d_mirrored (d_copy (s, s->c->on)) ? D_NO : D_YES;
}

/* ------------------------------------------------------------------ mirror-failover */

enum { SWITCH = 1, TAKE_OVER = 2 }; /* call.bits */

static w_id
partner_of (const struct step *s)
{
    const w_id pairs[2][2] = { { s->db->primary, s->db->mirror }, { s->db->backup, s->db->backup_mirror } };

    for (unsigned n = 0; n < 4; n++)
        if (pairs[n / 2][n % 2] == s->c->on && pairs[n / 2][1 - n % 2] != 0)
            return pairs[n / 2][1 - n % 2];
    return 0;
}

static bool
is_new_principal (const struct w_copy *c)
{
    return d_mirrored (c) && c->role == W_PRINCIPAL && d_online (c);
}

static bool
may_lose (const struct step *s)
{
    return d_option (s, "force") != NULL;
}

static enum go
may_switch (struct step *s, const struct w_copy *m)
{
    const struct w_copy *p = d_copy (s, partner_of (s));

    s->c->bits = SWITCH;
    if (!are_paired (p, m))
        return d_fail (s, D_FAIL, "'%s' is not the principal of the session", d_instance_name (s, partner_of (s)));
    if (p->mirroring == W_SUSPENDED && !may_lose (s))
        return d_fail (s, D_FAIL, "the mirroring session is suspended");
    return GO_NEXT;
}

static enum go
choose (struct step *s)
{
    const struct w_copy *m;

    D_OPEN (s, s->c->on);
    m = d_copy (s, s->c->on);
    if (is_new_principal (m))
        return d_done (s);
    if (!d_is_mirror (m) || partner_of (s) == 0)
        return d_fail (s, D_FAIL, "the copy cannot become principal: it is %s", d_copy_words (m));
    if (d_reach (s, partner_of (s)))
        return may_switch (s, m);
    s->c->bits = TAKE_OVER;
    if (may_lose (s))
        return GO_NEXT;
    return d_fail (s, D_RETRY, "the principal '%s' does not answer", d_instance_name (s, partner_of (s)));
}

static enum go
switch_safety (struct step *s)
{
    return s->c->bits == SWITCH ? safety_full (s, partner_of (s)) : GO_NEXT;
}

static enum go
switch_level (struct step *s)
{
    return s->c->bits == SWITCH ? await_synchronized (s, partner_of (s), s->c->on) : GO_NEXT;
}

static enum go
switch_roles (struct step *s)
{
    enum d_class class;
    struct w_op op;

    if (s->c->bits != SWITCH)
        return GO_NEXT;
    if (s->c->round == 1) { /* after a pause: level first */
        s->c->round = 0;
        s->c->phase--;
        return GO_AGAIN;
    }
    d_op (s, &op, W_OP_FAILOVER, partner_of (s));
    class = d_act (s, &op);
    if (class == D_C_OK)
        return GO_NEXT;
    if ((class != D_C_RETRY && class != D_C_UNSURE) || ++s->c->list == TRIES)
        return d_failed (s, class, "the roles cannot be switched");
    s->c->round = 1;
    return d_nap (s, s->w->now_ms + STEP_MS);
}

static enum go
await_switched (struct step *s)
{
    const struct w_copy *m;

    if (s->c->bits != SWITCH)
        return GO_NEXT;
    D_OPEN (s, s->c->on);
    m = d_copy (s, s->c->on);
    return is_new_principal (m) && m->mirroring == W_SYNCHRONIZED ? GO_NEXT : d_nap (s, D_FAR);
}

/* Until the mirror has noticed that its principal is gone, a force is refused. */
static enum go
await_orphan (struct step *s)
{
    const struct w_copy *m;

    if (s->c->bits != TAKE_OVER)
        return GO_NEXT;
    D_OPEN (s, s->c->on);
    m = d_copy (s, s->c->on);
    if (!d_is_mirror (m) || m->mirroring == W_DISCONNECTED)
        return GO_NEXT;
    if (s->c->since_ms == 0)
        s->c->since_ms = s->w->now_ms;
    if (s->w->now_ms - s->c->since_ms >= NOTICE_MS)
        return d_fail (s, D_FAIL, "the mirror still sees its principal");
    return d_nap (s, s->c->since_ms + NOTICE_MS);
}

static enum go
force (struct step *s)
{
    enum d_class class;
    struct w_op op;

    if (s->c->bits != TAKE_OVER || !d_is_mirror (d_copy (s, s->c->on)))
        return GO_NEXT;
    d_op (s, &op, W_OP_FORCE, s->c->on);
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "service cannot be forced");
}

static enum go
await_principal (struct step *s)
{
    D_OPEN (s, s->c->on);
    return is_new_principal (d_copy (s, s->c->on)) ? GO_NEXT : d_nap (s, D_FAR);
}

const phase_fn d_mirror_failover[] = { choose,       switch_safety, switch_level,    switch_roles, await_switched,
                                       await_orphan, force,         await_principal, NULL };

enum d_seen
d_see_mirror_failover (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);

    if (seen != D_YES)
        return seen;
    if (is_new_principal (c))
        return D_YES;
    return d_mirrored (c) && c->role == W_PRINCIPAL ? D_PARTLY : D_NO;
}
