/* Power, links and faults: what the lab does to the world from outside. */
#include "lab/world/intern.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

/* Everything that lived in the memory of an instance is gone. */
static void
instance_lost (struct world *w, w_id instance)
{
    w_sessions_cut_instance (w, instance);
    w_works_cut (w, instance, 0);
    for (unsigned i = 0; i < w->njobs; i++)
        if (w->jobs[i].instance == instance) {
            w->jobs[i].running = 0;
            w->jobs[i].started_ms = w->jobs[i].ends_ms = 0;
        }
}

/* It starts: copies recover, and no half of a mirror trusts what it knew about its partner. */
static void
instance_started (struct world *w, w_id instance)
{
    w->instances[instance - 1].started_ms = w->now_ms;
    for (unsigned i = 0; i < w->ncopies; i++)
        if (w->copies[i].instance == instance && w->copies[i].mirror_guid != 0) {
            w->copies[i].synced = 0;
            if (!w->copies[i].pairing)
                w->copies[i].mirroring = W_DISCONNECTED;
        }
}

static void
site_off (struct world *w, w_id site)
{
    w->sites[site - 1].powered = 0;
    for (w_id i = 1; i <= w->ninstances; i++)
        if (w->instances[i - 1].site == site)
            instance_lost (w, i);
    for (unsigned i = 0; i < w->nservers; i++)
        if (w->servers[i].site == site) {
            w->servers[i].chat = w->servers[i].compliance = 0;
            w->servers[i].clients = 0;
        }
}

static void
site_on (struct world *w, w_id site)
{
    w->sites[site - 1].powered = 1;
    w->sites[site - 1].powered_ms = w->now_ms;
    for (w_id i = 1; i <= w->ninstances; i++)
        if (w->instances[i - 1].site == site && w->instances[i - 1].running)
            instance_started (w, i);
    for (unsigned i = 0; i < w->nservers; i++)
        if (w->servers[i].site == site) {
            w->servers[i].chat = w->servers[i].chat_wanted;
            w->servers[i].compliance = w->servers[i].compliance_wanted;
        }
}

/* n[2]: by the power controller, which holds a site off and lets it go; otherwise by the lab, whose word is last. */
void
w_do_site_power (struct w_ctx *c)
{
    struct w_site *s = w_site (c->w, (w_id) c->op->n[0]);
    bool on = c->op->n[1] != 0, controller = c->op->n[2] != 0, want;

    if (s == NULL) {
        fail (c, W_LAB_NO_SUCH, "site %d", c->op->n[0]);
        return;
    }
    if (controller)
        s->held_off = !on;
    else
        s->cut = !on;
    if (!controller && on)
        s->held_off = 0;
    want = !s->cut && !s->held_off;
    if (s->powered && !want)
        site_off (c->w, (w_id) c->op->n[0]);
    else if (!s->powered && want)
        site_on (c->w, (w_id) c->op->n[0]);
}

/* A new server of the old name: no databases, no definitions, no jobs, no history; no fault of the old one. */
static void
instance_rebuilt (struct world *w, w_id instance)
{
    struct w_instance *n = &w->instances[instance - 1];

    w_shipping_forget (w, instance);
    for (w_id i = 1; i <= w->njobs; i++)
        if (w->jobs[i - 1].instance == instance)
            w_job_drop (w, i);
    for (w_id i = 1; i <= w->ncopies; i++)
        if (w->copies[i - 1].instance == instance)
            w_slot_drop (w, W_T_COPIES, i);
    for (unsigned i = 0; i < w->nhistory; i++)
        if (w->history[i].instance == instance)
            memset (&w->history[i], 0, sizeof w->history[i]);
    n->running = 1;
    n->agent = n->edition != W_EXPRESS;
    n->witness_lost = n->disk_full = 0;
    n->fail_next = n->slow_ms = 0;
    n->transient = 0;
    n->endpoint_guid = ++w->next_guid;
}

/* The disaster took the machines of a site without power.  New chat servers hold the configuration as it is
 * now (they were installed from the central store) and wait to be started. */
void
w_do_site_rebuild (struct w_ctx *c)
{
    w_id site = (w_id) c->op->n[0];

    if (w_site (c->w, site) == NULL || c->w->sites[site - 1].powered) {
        fail (c, W_LAB_NO_SUCH, "dark site %d", site);
        return;
    }
    for (w_id i = 1; i <= c->w->ninstances; i++)
        if (c->w->instances[i - 1].site == site)
            instance_rebuilt (c->w, i);
    for (unsigned i = 0; i < c->w->nservers; i++) {
        struct w_server *s = &c->w->servers[i];

        if (s->site != site)
            continue;
        s->chat_wanted = s->compliance_wanted = 0;
        s->ping_ms = 0;
        s->replica = (struct w_replica){ .at_ms = c->w->now_ms,
                                         .version = c->w->central.version,
                                         .active = c->w->central.active,
                                         .state = c->w->central.state };
    }
}

void
w_do_instance_power (struct w_ctx *c)
{
    bool on = c->op->n[0] != 0;

    if (c->inst == NULL) {
        fail (c, W_LAB_NO_SUCH, "instance");
        return;
    }
    if (c->inst->running == on)
        return;
    c->inst->running = on;
    if (on)
        instance_started (c->w, c->op->instance);
    else
        instance_lost (c->w, c->op->instance);
    w_event (on ? W_EV_OPEN : W_EV_CLOSE, c->op->instance, 0, false);
}

void
w_do_frontend_power (struct w_ctx *c)
{
    w_id id = (w_id) c->op->n[0];

    if (id == 0 || id > c->w->nfrontends) {
        fail (c, W_LAB_NO_SUCH, "front end");
        return;
    }
    if (c->w->frontends[id - 1].running == (c->op->n[1] != 0))
        return;
    c->w->frontends[id - 1].running = c->op->n[1] != 0;
    w_event (c->op->n[1] != 0 ? W_EV_FRONT_OPEN : W_EV_FRONT_CLOSE, id, 0, false);
}

void
w_do_link (struct w_ctx *c)
{
    struct w_site *a = w_site (c->w, (w_id) c->op->n[0]), *b = w_site (c->w, (w_id) c->op->n[1]);
    const struct w_session *s;
    bool down = c->op->n[2] == 0;

    if (a == NULL || b == NULL || a == b) {
        fail (c, W_LAB_NO_SUCH, "link");
        return;
    }
    a->link_down[c->op->n[1] - 1] = b->link_down[c->op->n[0] - 1] = down;
    for (w_id i = c->w->nsessions; i > 0; i--) {
        s = &c->w->sessions[i - 1];
        if (s->instance != 0 && !w_linked (c->w, s->site, c->w->instances[s->instance - 1].site))
            w_session_end (c->w, i, false, true);
    }
}

/* "restore" means "*restore*": a pattern without a star is looked for anywhere. */
static w_text
slow_pattern (struct world *w, const char *pattern)
{
    char whole[W_PATH + 2];

    if (pattern[0] == 0 || strpbrk (pattern, "*?") != NULL)
        return w_intern (w, pattern);
    snprintf (whole, sizeof whole, "*%s*", pattern);
    return w_intern (w, whole);
}

static void
fault_of_share (struct w_ctx *c)
{
    struct w_share *s = &c->w->shares[c->op->subject - 1];

    if (c->op->kind == W_OP_FAULT_DISK)
        s->full = c->op->n[0] != 0;
    else
        s->gone = c->op->n[0] != 0;
}

void
w_do_fault (struct w_ctx *c)
{
    bool of_share = c->op->kind == W_OP_FAULT_SHARE || (c->op->kind == W_OP_FAULT_DISK && c->op->subject != 0);

    if (of_share ? c->op->subject == 0 || c->op->subject > c->w->nshares : c->inst == NULL) {
        fail (c, W_LAB_NO_SUCH, "%s", of_share ? "share" : "instance");
        return;
    }
    if (of_share) {
        fault_of_share (c);
        return;
    }
    switch (c->op->kind) {
    case W_OP_FAULT_SLOW:
        c->inst->slow_ms = c->op->n[0];
        c->inst->slow_pattern = c->op->n[0] > 0 ? slow_pattern (c->w, c->op->path[0]) : 0;
        break;
    case W_OP_FAULT_FAIL_NEXT:
        c->inst->fail_next = c->op->n[0];
        c->inst->fail_program = c->op->path[0][0] != 0 ? w_intern (c->w, c->op->path[0]) : 0;
        break;
    case W_OP_FAULT_TRANSIENT:
        c->inst->transient = (uint16_t) c->op->n[0];
        break;
    case W_OP_FAULT_WITNESS:
        c->inst->witness_lost = c->op->n[0] != 0;
        break;
    case W_OP_FAULT_AGENT:
        c->inst->agent = c->op->n[0] != 0 && c->inst->edition != W_EXPRESS;
        break;
    default:
        c->inst->disk_full = c->op->n[0] != 0;
    }
}
