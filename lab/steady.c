/* The steady state of a stretched pool as a world: its machines by name, and
 * each database mirrored and shipped; in a folder or in memory. */
#include "lab/lab.h"

#include "lab/world/setup.h"

#include <string.h>

/* Who is told of a database that was made. */
struct made {
    w_made_fn fn;
    void *ctx;
};

void
lab_place_shares (struct lab_cfg *c)
{
    for (size_t i = 0; i < c->nshares; i++) {
        struct lab_share *s = &c->shares[i];

        for (size_t k = 0; s->unc != NULL && k < c->ndatabases && s->instance == NULL && s->unc[0] != '\\'; k++)
            if (c->databases[k].copy_folder != NULL && strcmp (c->databases[k].copy_folder, s->name) == 0)
                s->instance = sb_xstrdup (c->databases[k].backup);
    }
}

static w_id
instance_id (const struct world *w, const char *name)
{
    return name == NULL ? 0 : w_find_instance (w, name);
}

static const char *
unc_of (const struct lab_cfg *c, const char *share)
{
    const struct lab_share *s = lab_cfg_share (c, share);

    return s == NULL ? NULL : s->unc;
}

static void
add_machines (const struct lab_cfg *c, struct world *w)
{
    w_id id;

    w->pool = w_intern (w, c->pool);
    for (size_t i = 0; i < c->nsites; i++)
        w_add_site (w, c->sites[i].name);
    w->tool_site = w_find_site (w, c->tool_site);
    w->central.site = w_find_site (w, c->central);
    for (size_t i = 0; i < c->ninstances; i++) {
        const struct lab_instance *n = &c->instances[i];

        id = w_add_instance (w, n->name, n->host, w_find_site (w, n->site), (uint16_t) n->port,
                             (uint16_t) n->endpoint_port);
        if (n->sql_version != 0)
            w->instances[id - 1].version = (uint16_t) n->sql_version;
        if (n->sql_edition != 0)
            w->instances[id - 1].edition = (uint16_t) n->sql_edition;
        w->instances[id - 1].agent = w->instances[id - 1].edition != W_EXPRESS;
        w->instances[id - 1].on_linux = n->sql_linux;
        if (n->instance_name != NULL) {
            SB_AUTOFREE char *full = sb_xprintf ("%s\\%s", w_str (w, w->instances[id - 1].server), n->instance_name);

            w->instances[id - 1].server = w_intern (w, full);
        }
    }
    for (size_t i = 0; i < c->nservers; i++)
        w_add_server (w, c->servers[i].name, c->servers[i].fqdn, w_find_site (w, c->servers[i].site),
                      c->servers[i].active);
    for (size_t i = 0; i < c->nfrontends; i++)
        w_add_frontend (w, c->frontends[i].name, c->frontends[i].host, w_find_site (w, c->frontends[i].site),
                        (uint16_t) c->frontends[i].port);
    for (size_t i = 0; i < c->nshares; i++)
        if (c->shares[i].unc != NULL)
            w_add_share (w, c->shares[i].name, c->shares[i].unc,
                         c->shares[i].site == NULL ? 0 : w_find_site (w, c->shares[i].site),
                         instance_id (w, c->shares[i].instance));
    w->central.version++;
}

/* A compliance store of the other site exists, empty. */
static bool
add_backup_store (struct world *w, const struct w_files *files, const struct lab_database *d, const struct made *made,
                  struct w_out *out)
{
    struct w_op op;
    w_id backup = instance_id (w, d->backup);

    if (d->fail_over || backup == 0)
        return true;
    w_op_init (&op, W_OP_INSTALL_DB, backup, 0, d->name);
    w_run (w, files, &op, out);
    if (out->status == W_DONE && made->fn != NULL)
        made->fn (made->ctx, w, (w_id) out->value[1], 2);
    return out->status == W_DONE;
}

static bool
add_databases (const struct lab_cfg *c, struct world *w, const struct w_files *files, const struct made *made,
               struct sb_faults *faults)
{
    struct w_out out;

    for (size_t i = 0; i < c->ndatabases; i++) {
        const struct lab_database *d = &c->databases[i];
        struct w_database_plan p = { .name = d->name,
                                     .primary = instance_id (w, d->primary),
                                     .mirror = instance_id (w, d->mirror),
                                     .witness = instance_id (w, d->witness),
                                     .tables = d->fail_over ? 1 : 2,
                                     .shipping_min = 1 };

        if (d->fail_over && unc_of (c, d->log_share) != NULL && unc_of (c, d->copy_folder) != NULL) {
            p.backup = instance_id (w, d->backup);
            p.primary_share = unc_of (c, d->log_share);
            p.copy_folder = unc_of (c, d->copy_folder);
        } else if (p.mirror != 0 && c->nshares > 0) {
            p.seed_folder = c->shares[0].unc;
        }
        if (w_setup_database (w, files, &p, made->fn, made->ctx, &out) && add_backup_store (w, files, d, made, &out))
            continue;
        sb_fault (faults, NULL, 0,
                  "database '%s' cannot be brought into its steady state: the simulated server answered %d", d->object,
                  out.nmsgs > 0 ? out.msgs[0].number : 0);
        return false;
    }
    return true;
}

bool
lab_steady (const struct lab_cfg *c, struct world *w, const struct w_files *files, w_made_fn fn, void *ctx,
            struct sb_faults *faults)
{
    const struct made made = { fn, ctx };
    bool good;

    add_machines (c, w);
    w_tick (w, files, w->now_ms + 5000, NULL, NULL);
    good = add_databases (c, w, files, &made, faults);
    w_tick (w, files, w->now_ms + 3000, NULL, NULL);
    return good;
}
