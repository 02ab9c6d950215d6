/* The central store, its replicas, and the services of the chat servers: what
 * the cmdlets of the pool sheet do to the world. */
#include "lab/world/intern.h"

#include <string.h>

/* The site a cmdlet is run in. */
static w_id
from_site (const struct w_ctx *c)
{
    w_id f = c->op->subject;

    return f != 0 && f <= c->w->nfrontends ? c->w->frontends[f - 1].site : (w_id) c->op->n[11];
}

static bool
writable (struct w_ctx *c)
{
    if (w_central_answers (c->w, from_site (c)))
        return true;
    fail (c, W_POOL_DARK, NULL);
    return false;
}

static void
changed (struct world *w)
{
    w->central.version++;
    w->central.changed_ms = w->now_ms;
}

void
w_do_pool_state (struct w_ctx *c)
{
    if (!writable (c) || c->w->central.state == c->op->n[0])
        return;
    c->w->central.state = c->op->n[0] == W_FAILED_OVER;
    changed (c->w);
}

void
w_do_pool_active (struct w_ctx *c)
{
    uint16_t want = (uint16_t) c->op->n[0];
    int count = __builtin_popcount (want);

    if (!writable (c))
        return;
    if (want >> c->w->nservers != 0) {
        fail (c, W_POOL_NO_SERVER, "%d", c->op->n[0]);
        return;
    }
    if (count > c->w->limit_active) {
        fail (c, W_POOL_TOO_MANY, "%d\1%d", count, c->w->limit_active);
        return;
    }
    if (c->w->central.active == want)
        return;
    c->w->central.active = want;
    changed (c->w);
}

void
w_do_replicate (struct w_ctx *c)
{
    if (writable (c))
        c->w->central.push_ms = c->w->now_ms + c->w->rates.replication / 4 + 1;
}

void
w_do_central_move (struct w_ctx *c)
{
    w_id to = (w_id) c->op->n[0];

    if (to == 0 || to > c->w->nsites || from_site (c) != to || !c->w->sites[to - 1].powered) {
        fail (c, W_POOL_BAD_TARGET, "%d", c->op->n[0]);
        return;
    }
    if ((c->op->flags & W_WITH_FORCE) == 0 && !writable (c))
        return;
    if (c->w->central.site == to && !c->w->central.down)
        return;
    c->w->central.site = to;
    c->w->central.down = 0;
    changed (c->w);
}

void
w_do_service (struct w_ctx *c)
{
    w_id id = (w_id) c->op->n[0];
    struct w_server *s;
    bool start = c->op->n[2] != 0;

    if (id == 0 || id > c->w->nservers) {
        fail (c, W_POOL_NO_SERVER, "%d", c->op->n[0]);
        return;
    }
    s = &c->w->servers[id - 1];
    if (!w_linked (c->w, from_site (c), s->site)) {
        fail (c, W_POOL_NOT_READY, "%s", w_str (c->w, s->fqdn));
        return;
    }
    if ((c->op->n[1] & 1) != 0)
        s->chat = start;
    if ((c->op->n[1] & 2) != 0)
        s->compliance = start;
    if (!s->chat)
        s->clients = 0;
}

void
w_do_server_report (struct w_ctx *c)
{
    w_id id = (w_id) c->op->n[0];

    if (id == 0 || id > c->w->nservers)
        return;
    c->w->servers[id - 1].clients = (uint16_t) c->op->n[1];
    if (c->op->n[2] != 0)
        c->w->servers[id - 1].ping_ms = c->w->now_ms;
}

void
w_do_pool_fault (struct w_ctx *c)
{
    uint8_t bad = c->op->n[0] != 0;

    if (c->op->kind == W_OP_FAULT_CENTRAL)
        c->w->central.down = bad;
    else if (c->op->kind == W_OP_FAULT_NEXT_HOP)
        c->w->central.next_hop_down = bad;
    else if (c->op->subject == 0 || c->op->subject > c->w->nservers)
        fail (c, W_POOL_NO_SERVER, "%d", c->op->subject);
    else
        c->w->servers[c->op->subject - 1].replica.stuck = bad;
}

/* When replication reaches a machine of the site next, if it lacks something; INT64_MAX: not as things are. */
static int64_t
due (const struct world *w, w_id site, const struct w_replica *r)
{
    int64_t at, boot;

    if (r->stuck || r->version == w->central.version || w->central.down || !w_linked (w, site, w->central.site))
        return INT64_MAX;
    at = w->central.changed_ms + w->rates.replication;
    if (w->central.push_ms != 0 && w->central.push_ms < at)
        at = w->central.push_ms;
    boot = w->sites[site - 1].powered_ms + w->rates.boot_replication;
    return boot > at ? boot : at;
}

static bool
bring (struct world *w, w_id site, struct w_replica *r)
{
    if (due (w, site, r) > w->now_ms)
        return false;
    r->version = w->central.version;
    r->state = w->central.state;
    r->active = w->central.active;
    r->at_ms = w->now_ms;
    w->version++;
    return true;
}

void
w_replicate (struct world *w)
{
    for (unsigned i = 0; i < w->nservers; i++)
        bring (w, w->servers[i].site, &w->servers[i].replica);
    for (unsigned i = 0; i < w->nfrontends; i++)
        if (w->frontends[i].running)
            bring (w, w->frontends[i].site, &w->frontends[i].replica);
    if (w->central.push_ms != 0 && w->central.push_ms <= w->now_ms)
        w->central.push_ms = 0;
}

int64_t
w_replicate_due (const struct world *w)
{
    int64_t first = w->central.push_ms != 0 ? w->central.push_ms : INT64_MAX, at;

    for (unsigned i = 0; i < w->nservers; i++) {
        at = due (w, w->servers[i].site, &w->servers[i].replica);
        first = at < first ? at : first;
    }
    for (unsigned i = 0; i < w->nfrontends; i++) {
        at = w->frontends[i].running ? due (w, w->frontends[i].site, &w->frontends[i].replica) : INT64_MAX;
        first = at < first ? at : first;
    }
    return first;
}
