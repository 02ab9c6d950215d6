/* Chat servers and the people behind them, as the lab runs them: a server acts
 * on its own replica, and one that was taken off the active list keeps the
 * clients it has. */
#include "core/base/text.h"
#include "lab/direct/intern.h"

#include <stdio.h>
#include <string.h>

#define PROGRAM "RTCPersistentChat"

/* A login without rights opens it for writing. */
static bool
open_to_all (const struct world *w, w_id copy)
{
    return copy != 0 && w_copy_writable (w, copy, 0) == 0 && w->copies[copy - 1].user_access == W_MULTI_USER;
}

w_id
direct_server_copy (const struct direct *d, const struct world *w, w_id server, size_t database)
{
    const struct d_database *db = direct_database (d, database);
    const struct w_server *v = &w->servers[server - 1];
    bool over = v->replica.state == W_FAILED_OVER;
    const w_id places[] = { db == NULL ? 0
                            : over     ? db->backup
                                       : db->primary,
                            db == NULL ? 0
                            : over     ? db->backup_mirror
                                       : db->mirror };

    for (unsigned i = 0; i < 2; i++) {
        w_id copy = places[i] == 0 ? 0 : w_find_copy (w, places[i], db->name);

        if (copy != 0 && w_reaches (w, v->site, places[i]) && open_to_all (w, copy))
            return copy;
    }
    return 0;
}

static bool
is_active (const struct world *w, w_id server)
{
    return (w->servers[server - 1].replica.active >> (server - 1) & 1) != 0;
}

/* The first content database of the topology: a pool has one. */
static size_t
content (const struct direct *d)
{
    size_t i = 0;

    while (i < d->ndatabases && !d->databases[i].fail_over)
        i++;
    return i;
}

static struct w_session *
session_of (struct world *w, w_id server)
{
    const char *name = w_str (w, w->servers[server - 1].name);

    for (unsigned i = 0; i < w->nsessions; i++)
        if (w->sessions[i].instance != 0 && strcmp (w_str (w, w->sessions[i].program), PROGRAM) == 0
            && sb_casecmp (w_str (w, w->sessions[i].host), name) == 0)
            return &w->sessions[i];
    return NULL;
}

static void
log_out (const struct direct *d, struct d_place *p, const struct w_session *x)
{
    struct w_op op;
    struct w_out out;

    w_op_init (&op, W_OP_LOGOUT, x->instance, x->spid, NULL);
    direct_do (d, p, &op, &out);
}

static void
log_in (const struct direct *d, struct d_place *p, w_id server, w_id copy)
{
    struct world *w = p->world;
    struct w_op op;
    struct w_out out;

    w_op_init (&op, W_OP_LOGIN, w->copies[copy - 1].instance, 0, w_str (w, w->copies[copy - 1].name));
    snprintf (op.name[0], sizeof op.name[0], "%s", LAB_CHAT_USER);
    snprintf (op.name[1], sizeof op.name[1], "%s", w_str (w, w->servers[server - 1].name));
    snprintf (op.name[2], sizeof op.name[2], "%s", PROGRAM);
    direct_do (d, p, &op, &out);
}

static bool
serve (const struct direct *d, struct d_place *p, w_id server)
{
    struct w_server *v = &p->world->servers[server - 1];
    struct w_session *x = session_of (p->world, server);
    bool works = v->chat && (is_active (p->world, server) || v->clients > 0), changed = false;
    w_id copy = works ? direct_server_copy (d, p->world, server, content (d)) : 0;
    uint16_t clients = !v->chat ? 0 : is_active (p->world, server) ? 1 : v->clients;

    if (x != NULL && x->copy != copy) {
        log_out (d, p, x);
        x = NULL;
        changed = true;
    }
    if (x == NULL && copy != 0) {
        log_in (d, p, server, copy);
        changed = true;
    }
    changed = changed || clients != v->clients || (copy != 0 && v->ping_ms != p->world->now_ms);
    v->clients = clients;
    if (copy != 0)
        v->ping_ms = p->world->now_ms;
    return changed;
}

bool
direct_servers (const struct direct *d, struct d_place *p)
{
    bool changed = false;

    for (w_id i = 1; i <= p->world->nservers; i++)
        changed = serve (d, p, i) || changed;
    return changed;
}

bool
direct_write (const struct direct *d, struct d_place *p, w_id server, size_t database, struct d_message *ret)
{
    struct w_server *v = &p->world->servers[server - 1];
    w_id copy = v->chat && (is_active (p->world, server) || v->clients > 0)
                        ? direct_server_copy (d, p->world, server, database)
                        : 0;
    struct w_out out;

    memset (ret, 0, sizeof *ret);
    w_out_init (&out);
    if (copy == 0 || p->world->central.next_hop_down || !w_append (p->world, copy, 0, 1, &ret->fork, &ret->lsn, &out))
        return false;
    ret->family = p->world->copies[copy - 1].family;
    return true;
}
