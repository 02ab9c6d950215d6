/* Building a world; see setup.h. */
#include "lab/world/setup.h"

#include "lab/world/intern.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

w_id
w_add_site (struct world *w, const char *name)
{
    w_id id = w_slot_new (w, W_T_SITES);

    if (id != 0) {
        w->sites[id - 1].name = w_intern (w, name);
        w->sites[id - 1].powered = 1;
    }
    return id;
}

/* NORTH-SQL1 for north-sql1.example.net: what SERVERPROPERTY('ServerName') says. */
static w_text
server_name (struct world *w, const char *host)
{
    char name[W_NAME];
    size_t n = strcspn (host, ".");

    if (n >= sizeof name)
        n = sizeof name - 1;
    for (size_t i = 0; i < n; i++)
        name[i] = (char) toupper ((unsigned char) host[i]);
    name[n] = 0;
    return w_intern (w, name);
}

w_id
w_add_instance (struct world *w, const char *name, const char *host, w_id site, uint16_t port, uint16_t endpoint_port)
{
    w_id id = w_slot_new (w, W_T_INSTANCES);
    struct w_instance *n;

    if (id == 0)
        return 0;
    n = &w->instances[id - 1];
    n->name = w_intern (w, name);
    n->host = w_intern (w, host);
    n->server = server_name (w, host);
    n->site = site;
    n->port = port;
    n->version = 16;
    n->edition = W_ENTERPRISE;
    n->running = n->agent = 1;
    n->started_ms = w->now_ms;
    n->endpoint = w_intern (w, "Mirroring");
    n->endpoint_port = endpoint_port;
    n->endpoint_state = W_EP_STARTED;
    n->endpoint_role = W_EP_ALL;
    n->endpoint_guid = ++w->next_guid;
    return id;
}

w_id
w_add_server (struct world *w, const char *name, const char *fqdn, w_id site, bool active)
{
    w_id id = w_slot_new (w, W_T_SERVERS);
    struct w_server *s;

    if (id == 0)
        return 0;
    s = &w->servers[id - 1];
    s->name = w_intern (w, name);
    s->fqdn = w_intern (w, fqdn);
    s->site = site;
    s->chat = s->compliance = s->chat_wanted = s->compliance_wanted = 1;
    if (active)
        w->central.active |= (uint16_t) (1u << (id - 1));
    return id;
}

w_id
w_add_frontend (struct world *w, const char *name, const char *host, w_id site, uint16_t port)
{
    w_id id = w_slot_new (w, W_T_FRONTENDS);

    if (id != 0) {
        w->frontends[id - 1].name = w_intern (w, name);
        w->frontends[id - 1].host = w_intern (w, host);
        w->frontends[id - 1].site = site;
        w->frontends[id - 1].port = port;
        w->frontends[id - 1].running = 1;
    }
    return id;
}

w_id
w_add_share (struct world *w, const char *name, const char *unc, w_id site, w_id instance)
{
    w_id id = w_slot_new (w, W_T_SHARES);

    if (id != 0) {
        w->shares[id - 1].name = w_intern (w, name);
        w->shares[id - 1].unc = w_intern (w, unc);
        w->shares[id - 1].site = site;
        w->shares[id - 1].instance = instance;
    }
    return id;
}

/* One database on its way into the steady state. */
struct way {
    struct world *w;
    const struct w_files *files;
    const struct w_database_plan *p;
    struct w_out *out;
    struct w_op op;
    char full[2 * W_PATH], log[2 * W_PATH];
};

static struct w_op *
start (struct way *y, enum w_op_kind kind, w_id instance)
{
    w_op_init (&y->op, kind, instance, 0, y->p->name);
    return &y->op;
}

static bool
go (struct way *y)
{
    w_run (y->w, y->files, &y->op, y->out);
    return y->out->status == W_DONE;
}

static void
put (char *field, size_t size, const char *value)
{
    w_put (field, size, value);
}
#define PUT(field, value) put (field, sizeof (field), value)

static const char *
server_of (const struct way *y, w_id instance)
{
    return w_str (y->w, y->w->instances[instance - 1].server);
}

static void
address (const struct way *y, w_id instance, char *ret, size_t size)
{
    const struct w_instance *n = &y->w->instances[instance - 1];

    snprintf (ret, size, "TCP://%s:%u", w_str (y->w, n->host), n->endpoint_port);
}

static bool
backup (struct way *y, const char *path, uint32_t flags)
{
    struct w_op *op = start (y, W_OP_BACKUP, y->p->primary);

    PUT (op->path[0], path);
    op->flags = flags | W_WITH_INIT | W_WITH_CHECKSUM;
    return go (y);
}

static bool
restore (struct way *y, w_id instance, const char *path, uint32_t flags)
{
    struct w_op *op = start (y, W_OP_RESTORE, instance);

    PUT (op->path[0], path);
    op->flags = flags | W_WITH_NORECOVERY;
    return go (y);
}

static bool
partner (struct way *y, enum w_op_kind kind, w_id on, w_id other)
{
    struct w_op *op = start (y, kind, on);

    address (y, other, op->path[0], sizeof op->path[0]);
    return go (y);
}

static void
let_time_pass (struct way *y, int64_t ms)
{
    for (int64_t end = y->w->now_ms + ms; y->w->now_ms < end;)
        w_tick (y->w, y->files, y->w->now_ms + 50, NULL, NULL);
}

static bool
make_mirror (struct way *y)
{
    const struct w_database_plan *p = y->p;

    if (!restore (y, p->mirror, y->full, W_WITH_REPLACE) || !restore (y, p->mirror, y->log, W_WITH_LOG)
        || !partner (y, W_OP_PARTNER, p->mirror, p->primary) || !partner (y, W_OP_PARTNER, p->primary, p->mirror))
        return false;
    let_time_pass (y, 200);
    return p->witness == 0 || partner (y, W_OP_WITNESS, p->primary, p->witness);
}

static bool
enable (struct way *y, w_id instance, w_guid job)
{
    struct w_op *op = start (y, W_OP_JOB_SCHEDULE, instance);

    op->subject = w_find_job (y->w, instance, job);
    op->n[0] = y->p->shipping_min > 0 ? y->p->shipping_min : 15;
    if (!go (y))
        return false;
    op = start (y, W_OP_JOB_UPDATE, instance);
    op->subject = w_find_job (y->w, instance, job);
    op->n[0] = 1;
    return go (y);
}

/* The primary's half, on whichever partner is principal. */
static bool
ship_from (struct way *y, w_id instance)
{
    const struct w_database_plan *p = y->p;
    struct w_op *op = start (y, W_OP_LS_ADD_PRIMARY, instance);

    PUT (op->path[0], p->primary_share);
    PUT (op->path[1], p->primary_share);
    snprintf (op->name[0], sizeof op->name[0], "LSBackup_%s", p->name);
    op->n[0] = 4320;
    op->n[1] = 60;
    op->n[2] = 14420;
    op->n[3] = 1;
    op->n[4] = 5760;
    op->n[5] = 2;
    if (!go (y) || !enable (y, instance, (w_guid) y->out->value[0]))
        return false;
    op = start (y, W_OP_LS_ADD_PAIR, instance);
    PUT (op->name[0], server_of (y, p->backup));
    PUT (op->name[1], p->name);
    return go (y);
}

static bool
ship_to_backup (struct way *y)
{
    const struct w_database_plan *p = y->p;
    struct w_op *op = start (y, W_OP_LS_ADD_SECONDARY, p->backup);
    w_guid copy_job, restore_job;

    PUT (op->name[0], server_of (y, p->primary));
    PUT (op->path[0], p->primary_share);
    PUT (op->path[1], p->copy_folder);
    snprintf (op->name[1], sizeof op->name[1], "LSCopy_%s_%s", server_of (y, p->primary), p->name);
    snprintf (op->name[2], sizeof op->name[2], "LSRestore_%s_%s", server_of (y, p->primary), p->name);
    op->n[0] = 4320;
    if (!go (y))
        return false;
    copy_job = (w_guid) y->out->value[0];
    restore_job = (w_guid) y->out->value[1];
    op = start (y, W_OP_LS_ADD_SECONDARY_DB, p->backup);
    PUT (op->name[0], server_of (y, p->primary));
    PUT (op->name[1], p->name);
    op->n[1] = 1;
    op->n[4] = 45;
    op->n[5] = 14421;
    op->n[6] = 1;
    op->n[7] = 5760;
    return go (y) && enable (y, p->backup, copy_job) && enable (y, p->backup, restore_job);
}

/* Mirror failover there, script the primary's half, and back (pool sheet 6.5). */
static bool
ship_from_mirror (struct way *y)
{
    const struct w_database_plan *p = y->p;

    start (y, W_OP_FAILOVER, p->primary);
    if (!go (y))
        return false;
    let_time_pass (y, 200);
    if (!ship_from (y, p->mirror))
        return false;
    start (y, W_OP_FAILOVER, p->mirror);
    if (!go (y))
        return false;
    let_time_pass (y, 200);
    return true;
}

static bool
cycle_seen (struct way *y)
{
    const int64_t give_up = y->w->now_ms + 120000;

    while (y->w->now_ms < give_up) {
        let_time_pass (y, 100);
        for (unsigned i = 0; i < y->w->nsecondary_dbs; i++) {
            const struct w_secondary_db *d = &y->w->secondary_dbs[i];

            if (d->secondary != 0 && y->w->secondaries[d->secondary - 1].instance == y->p->backup
                && d->last_restored_ms != 0 && strcmp (w_str (y->w, d->database), y->p->name) == 0)
                return true;
        }
    }
    w_fail (y->out, 14421, "%s", y->p->name);
    return false;
}

static bool
make_shipping (struct way *y)
{
    struct w_rates rates = y->w->rates;
    bool good;

    y->w->rates.real = 0; /* the first cycle does not wait a quarter of an hour */
    good = restore (y, y->p->backup, y->full, W_WITH_REPLACE) && restore (y, y->p->backup, y->log, W_WITH_LOG)
           && ship_from (y, y->p->primary) && ship_to_backup (y) && (y->p->mirror == 0 || ship_from_mirror (y))
           && cycle_seen (y);
    y->w->rates = rates;
    return good;
}

bool
w_setup_database (struct world *w, const struct w_files *files, const struct w_database_plan *p, w_made_fn made,
                  void *ctx, struct w_out *out)
{
    struct way y = { .w = w, .files = files, .p = p, .out = out };
    bool on_linux = p->primary != 0 && w->instances[p->primary - 1].on_linux;
    const char *folder = p->seed_folder != NULL     ? p->seed_folder
                         : p->primary_share != NULL ? p->primary_share
                         : on_linux                 ? "/var/opt/mssql/data"
                                                    : "D:\\Backup";
    char name[W_NAME + 16];

    start (&y, W_OP_CREATE_DB, p->primary);
    if (!go (&y))
        return false;
    if (made != NULL)
        made (ctx, w, (w_id) out->value[1], p->tables);
    files->make_dir (files->ctx, w_str (w, w->instances[p->primary - 1].name), folder);
    snprintf (name, sizeof name, "%s_seed.bak", p->name);
    w_path_join (y.full, sizeof y.full, folder, name);
    snprintf (name, sizeof name, "%s_seed.bkl", p->name);
    w_path_join (y.log, sizeof y.log, folder, name);
    if (!backup (&y, y.full, 0) || !backup (&y, y.log, W_WITH_LOG))
        return false;
    if (p->mirror != 0 && !make_mirror (&y))
        return false;
    return p->primary_share == NULL || p->backup == 0 || make_shipping (&y);
}
