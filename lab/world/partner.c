/* ALTER DATABASE ... SET PARTNER and SET WITNESS, and the endpoint (SQL sheet
 * 2.1, 2.3, 2.8): who may say what where, and which number refuses it. */
#include "lab/world/intern.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* TCP://host:port.  False: no such address (1449). */
static bool
parse_address (const char *text, char *host, size_t size, uint16_t *ret_port)
{
    const char *colon;
    size_t n;
    long port;

    if (strncasecmp (text, "TCP://", 6) != 0)
        return false;
    text += 6;
    colon = strrchr (text, ':');
    if (colon == NULL || colon == text)
        return false;
    port = strtol (colon + 1, NULL, 10);
    n = (size_t) (colon - text);
    if (port < 1 || port > 65535 || n >= size)
        return false;
    memcpy (host, text, n);
    host[n] = 0;
    *ret_port = (uint16_t) port;
    return true;
}

/* The instance that an address names: same host, and an endpoint on that port.  Loopback addresses name by port. */
static w_id
resolve (const struct world *w, const char *host, uint16_t port)
{
    const struct w_instance *n;
    bool any_host = strcmp (host, "127.0.0.1") == 0 || sb_casecmp (host, "localhost") == 0;
    size_t len = strlen (host);

    for (w_id i = 1; i <= w->ninstances; i++) {
        n = &w->instances[i - 1];
        if (n->endpoint == 0 || n->endpoint_port != port)
            continue;
        if (any_host || sb_casecmp (w_str (w, n->host), host) == 0 || sb_casecmp (w_str (w, n->name), host) == 0
            || (strncasecmp (w_str (w, n->host), host, len) == 0 && w_str (w, n->host)[len] == '.'))
            return i;
    }
    return 0;
}

static bool
mirrored (struct w_ctx *c)
{
    if (c->copy->mirror_guid != 0)
        return true;
    fail (c, 1416, "%s", c->op->db);
    return false;
}

static bool
principal (struct w_ctx *c)
{
    if (!mirrored (c))
        return false;
    if (c->copy->role == W_PRINCIPAL)
        return true;
    fail (c, 1470, "%s", c->op->db);
    return false;
}

static struct w_copy *
connected_partner (struct w_ctx *c)
{
    struct w_copy *other = w_partner (c->w, c->copy);

    return other != NULL && !c->copy->pairing && w_pair_connected (c->w, c->copy, other) ? other : NULL;
}

/* Options that forbid mirroring, on either side. */
static int
unfit (const struct w_copy *d)
{
    return d->recovery_model != W_FULL            ? 1465
           : d->read_only && d->state == W_ONLINE ? 1466
           : d->auto_close                        ? 1469
           : d->user_access == W_SINGLE_USER      ? 1488
                                                  : 0;
}

static void
begin_half (struct w_ctx *c, struct w_copy *d, w_id partner, enum w_role role, w_guid session)
{
    d->partner = w_intern (c->w, c->op->path[0]);
    d->partner_id = partner;
    d->role = (uint8_t) role;
    d->mirror_guid = session;
    d->mirroring = W_DISCONNECTED;
    d->safety = W_SAFETY_FULL;
    d->safety_seq = 1;
    d->role_seq = 1;
    d->timeout_s = 10;
}

/* Said on the RESTORING side first: it waits for the principal. */
static void
partner_on_mirror (struct w_ctx *c, w_id partner)
{
    if (!c->copy->restored) {
        fail (c, 1464, "%s", c->op->db);
        return;
    }
    begin_half (c, c->copy, partner, W_MIRROR, ++c->w->next_guid);
    c->copy->pairing = 1;
}

/* What the remote copy lacks to become the mirror of this one; 0: nothing (SQL sheet 2.8, 2.10). */
static int
remote_problem (const struct world *w, const struct w_copy *p, const struct w_copy *m)
{
    if (m->state != W_RESTORING)
        return 1419;
    if (m->mirror_guid == 0)
        return 1418; /* the other side was not asked to be a mirror */
    if (!m->pairing)
        return 1460;
    if (m->partner_id != p->instance)
        return 1460;
    if (m->family != p->family)
        return 1407;
    if (!w_on_line (w, p->fork, p->lsn, m->fork, m->lsn))
        return 1412;
    if (!m->log_applied)
        return 1478;
    return p->last_log_backup > m->lsn ? 1412 : 0;
}

static void
partner_on_principal (struct w_ctx *c, w_id partner)
{
    struct w_copy *m = w_copy (c->w, w_find_copy (c->w, partner, c->op->db));
    int problem = unfit (c->copy);

    if (problem == 0 && m == NULL)
        problem = 1448;
    if (problem == 0)
        problem = unfit (m);
    if (problem == 0)
        problem = remote_problem (c->w, c->copy, m);
    if (problem != 0) {
        fail (c, problem, "%s", problem == 1418 ? c->op->path[0] : c->op->db);
        return;
    }
    begin_half (c, c->copy, partner, W_PRINCIPAL, m->mirror_guid);
    m->pairing = 0;
    c->copy->mirroring = m->mirroring = W_SYNCHRONIZING;
    c->copy->failover_lsn = m->failover_lsn = m->lsn;
}

void
w_do_partner (struct w_ctx *c)
{
    char host[W_NAME];
    uint16_t port;
    w_id partner;

    if (!parse_address (c->op->path[0], host, sizeof host, &port)) {
        fail (c, 1449, NULL);
        return;
    }
    if (c->inst->edition == W_EXPRESS || c->inst->on_linux) { /* Express is a witness at most, Linux has none of it */
        fail (c, 1463, NULL);
        return;
    }
    if (c->copy->mirror_guid != 0) {
        fail (c, 1405, "%s", c->op->db);
        return;
    }
    partner = resolve (c->w, host, port);
    if (partner == c->op->instance) {
        fail (c, 1452, NULL);
        return;
    }
    if (c->copy->state != W_ONLINE && c->copy->state != W_RESTORING) {
        fail (c, 1467, "%s", c->op->db);
        return;
    }
    if (c->inst->endpoint == 0 || c->inst->endpoint_state != W_EP_STARTED
        || (c->inst->endpoint_role & W_EP_PARTNER) == 0 || partner == 0
        || (c->copy->state == W_ONLINE
            && (c->w->instances[partner - 1].endpoint_state != W_EP_STARTED
                || !w_reaches (c->w, c->inst->site, partner)))) {
        fail (c, 1418, "%s", c->op->path[0]);
        return;
    }
    if (c->copy->state == W_RESTORING)
        partner_on_mirror (c, partner);
    else
        partner_on_principal (c, partner);
}

void
w_do_partner_off (struct w_ctx *c)
{
    struct w_copy *other;

    if (!mirrored (c))
        return;
    other = connected_partner (c);
    w_mirror_clear (c->w, c->copy);
    if (other != NULL)
        w_mirror_clear (c->w, other);
    w_out_say (c->out, 1443, "%s", c->op->db);
}

static void
swap_roles (struct world *w, struct w_copy *p, struct w_copy *m)
{
    w_sessions_cut (w, p, 0, false, NULL);
    m->fork = p->fork;
    m->lsn = p->lsn;
    p->failover_lsn = m->failover_lsn = p->lsn;
    p->role = W_MIRROR;
    p->state = W_RESTORING;
    p->restored = p->log_applied = 1;
    m->role = W_PRINCIPAL;
    m->state = W_ONLINE;
    m->restored = 0;
    m->last_log_backup = p->last_log_backup; /* the chain goes on: one sequence from both partners */
    m->full_backup = p->full_backup;
    m->recovery_model = p->recovery_model;
    p->role_seq++;
    m->role_seq = p->role_seq;
    p->mirroring = m->mirroring = W_SYNCHRONIZING;
}

void
w_do_failover (struct w_ctx *c)
{
    struct w_copy *m;

    if (!principal (c))
        return;
    if (c->me != NULL && c->me->copy == w_copy_id (c->w, c->copy)) {
        fail (c, 1415, "%s", c->op->db); /* master is the context to say it from */
        return;
    }
    if (c->copy->safety != W_SAFETY_FULL) {
        fail (c, 1477, "%s", c->op->db);
        return;
    }
    m = connected_partner (c);
    if (m == NULL || c->copy->mirroring != W_SYNCHRONIZED) {
        fail (c, 1422, "%s", c->op->db);
        return;
    }
    swap_roles (c->w, c->copy, m);
}

void
w_do_force (struct w_ctx *c)
{
    struct w_copy *d = c->copy;

    if (!mirrored (c))
        return;
    if (d->role != W_MIRROR || d->pairing || connected_partner (c) != NULL || d->mirroring != W_DISCONNECTED) {
        fail (c, 1455, "%s", c->op->db);
        return;
    }
    if (d->witness != 0 && !w_witness_connected (c->w, d)) {
        fail (c, 1431, "%s", c->op->db);
        return;
    }
    d->role = W_PRINCIPAL;
    d->role_seq++;
    d->failover_lsn = d->lsn;
    d->fork = w_fork_new (c->w, d->family, d->fork, d->lsn);
    d->state = W_ONLINE;
    d->restored = 0;
    d->forced = 1;
    d->synced = 0;
}

void
w_do_suspend (struct w_ctx *c)
{
    struct w_copy *other;

    if (!mirrored (c))
        return;
    other = connected_partner (c);
    if (other == NULL && c->copy->role == W_MIRROR) {
        fail (c, 1447, "%s", c->op->db);
        return;
    }
    c->copy->suspended = 1;
    if (other != NULL)
        other->suspended = 1;
}

void
w_do_resume (struct w_ctx *c)
{
    struct w_copy *other;

    if (!principal (c))
        return;
    other = connected_partner (c);
    if (other == NULL) {
        fail (c, 1447, "%s", c->op->db);
        return;
    }
    c->copy->suspended = other->suspended = 0;
    if (c->copy->mirroring == W_SUSPENDED)
        c->copy->mirroring = other->mirroring = W_SYNCHRONIZING;
}

void
w_do_safety (struct w_ctx *c)
{
    struct w_copy *other;

    if (!principal (c))
        return;
    if (c->op->n[0] == W_SAFETY_OFF && c->inst->edition != W_ENTERPRISE) {
        fail (c, 1473, NULL);
        return;
    }
    other = connected_partner (c);
    if (other == NULL) {
        fail (c, 1447, "%s", c->op->db);
        return;
    }
    if (c->copy->safety != c->op->n[0])
        c->copy->safety_seq++;
    c->copy->safety = other->safety = (uint8_t) c->op->n[0];
}

void
w_do_timeout (struct w_ctx *c)
{
    int want = c->op->n[0];

    if (!principal (c))
        return;
    if (want > 32767) {
        fail (c, 1476, "%d", want);
        return;
    }
    if (connected_partner (c) == NULL) {
        fail (c, 1447, "%s", c->op->db);
        return;
    }
    c->copy->timeout_s = (uint16_t) (want < 5 ? 5 : want);
}

void
w_do_witness (struct w_ctx *c)
{
    char host[W_NAME];
    uint16_t port;
    w_id witness;
    const struct w_instance *n;

    if (!principal (c))
        return;
    if (!parse_address (c->op->path[0], host, sizeof host, &port)) {
        fail (c, 1449, NULL);
        return;
    }
    witness = resolve (c->w, host, port);
    if (witness == c->copy->instance || (witness != 0 && witness == c->copy->partner_id)) {
        fail (c, 1429, NULL);
        return;
    }
    if (witness != 0 && c->copy->witness_id == witness) {
        w_out_say (c->out, 1446, "%s", w_str (c->w, c->w->instances[witness - 1].server));
        return;
    }
    if (connected_partner (c) == NULL || c->copy->mirroring != W_SYNCHRONIZED) {
        fail (c, 1426, NULL);
        return;
    }
    n = witness == 0 ? NULL : &c->w->instances[witness - 1];
    if (n == NULL || n->witness_lost || !w_reaches (c->w, c->inst->site, witness)
        || n->endpoint_state != W_EP_STARTED) {
        fail (c, 1456, "%s", c->op->path[0]);
        return;
    }
    if ((n->endpoint_role & W_EP_WITNESS) == 0) {
        fail (c, 1427, "%s", c->op->path[0]);
        return;
    }
    c->copy->witness = w_intern (c->w, c->op->path[0]);
    c->copy->witness_id = witness;
}

void
w_do_witness_off (struct w_ctx *c)
{
    if (!principal (c))
        return;
    if (c->copy->witness == 0) {
        fail (c, 1439, "%s", c->op->db);
        return;
    }
    c->copy->witness = 0;
    c->copy->witness_id = 0;
}

/* The endpoint.  There is one per instance, whatever its name. */

void
w_do_endpoint_create (struct w_ctx *c)
{
    struct w_instance *n = c->inst;

    if (n->endpoint != 0) { /* one of its kind: the name differs or not */
        fail (c, 7862, "%s", w_str (c->w, n->endpoint));
        return;
    }
    n->endpoint = w_intern (c->w, c->op->name[0]);
    n->endpoint_port = (uint16_t) c->op->n[0];
    n->endpoint_state = (uint8_t) c->op->n[1];
    n->endpoint_role = (uint8_t) (n->edition == W_EXPRESS ? W_EP_WITNESS : c->op->n[2]);
    n->endpoint_guid = ++c->w->next_guid;
}

static bool
endpoint_named (struct w_ctx *c)
{
    if (c->inst->endpoint != 0 && sb_casecmp (w_str (c->w, c->inst->endpoint), c->op->name[0]) == 0)
        return true;
    fail (c, 6217, "%s", c->op->name[0]);
    return false;
}

void
w_do_endpoint_state (struct w_ctx *c)
{
    if (endpoint_named (c))
        c->inst->endpoint_state = (uint8_t) c->op->n[1];
}

void
w_do_endpoint_drop (struct w_ctx *c)
{
    if (!endpoint_named (c))
        return;
    c->inst->endpoint = 0;
    c->inst->endpoint_port = 0;
    c->inst->endpoint_state = c->inst->endpoint_role = 0;
    c->inst->endpoint_guid = 0;
}
