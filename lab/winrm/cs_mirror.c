/* Cmdlets on mirrored databases: Get-CsDatabaseMirrorState, Invoke-CsDatabaseFailover,
 * Install- and Uninstall-CsMirrorDatabase.  "Primary" and "Mirror" are labels of
 * the topology that never move; what the pool's state names (the primary pair, or
 * the backup pair) is what the cmdlets speak about. */
#include "config.h"

#include "lab/winrm/cs_int.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

#define UNKNOWN "DatabaseInaccessibleOrMirroringNotEnabled"

/* ---- which database ---- */

enum wanted { CHAT, COMPLIANCE, OTHER, WRONG };

static enum wanted
type_of (const char *type)
{
    static const char *const others[] = { "Application", "Archiving", "CentralMgmt", "Edge", "Lyss",
                                          "Monitoring",  "Provision", "Registrar",   "User" };

    if (!type || !sb_casecmp (type, "PersistentChat"))
        return CHAT;
    if (!sb_casecmp (type, "PersistentChatCompliance"))
        return COMPLIANCE;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!sb_casecmp (type, others[i]))
            return OTHER;
    return WRONG;
}

static enum ps_flow
bad_type (struct ps_call *c, const char *type)
{
    return ps_fail (c, "InvalidArgument", "CannotConvertArgumentNoMessage",
                    "Cannot bind parameter 'DatabaseType'. Cannot convert value \"%s\" to type \"DatabaseType\".",
                    type);
}

struct pair {
    const char *name;
    w_id primary, mirror;
};

static struct pair
pair_now (const struct world *w, const struct cs_database *db)
{
    if (w->central.state == W_FAILED_OVER)
        return (struct pair){ db->name, db->backup, db->backup_mirror };
    return (struct pair){ db->name, db->primary, db->mirror };
}

/* ---- state ---- */

static const char *
role_word (struct ps_call *c, struct world *w, w_id instance, const char *db, const char **ret_status)
{
    static const char *const words[] = { "suspended", "disconnected", "synchronizing", "pending_failover",
                                         "synchronized" };
    bool seen = instance && w_reaches (w, cs_here (c, w), instance);
    const struct w_copy *copy = seen ? w_copy (w, w_find_copy (w, instance, db)) : NULL;

    *ret_status = UNKNOWN;
    if (!copy || copy->role == W_NO_ROLE)
        return UNKNOWN;
    *ret_status = copy->mirroring < 5 ? words[copy->mirroring] : UNKNOWN;
    return copy->role == W_PRINCIPAL ? "Principal" : "Mirror";
}

static enum ps_flow
put_state (struct ps_call *c, struct world *w, struct pair p)
{
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.Rtc.Management.Deployment.Core.DatabaseMirrorState");
    const char *one, *other;

    ps_set (c->ps, o, "DatabaseName", ps_text (c->ps, p.name));
    ps_set (c->ps, o, "StateOnPrimary", ps_const (role_word (c, w, p.primary, p.name, &one)));
    ps_set (c->ps, o, "StateOnMirror", ps_const (role_word (c, w, p.mirror, p.name, &other)));
    ps_set (c->ps, o, "MirroringStatusOnPrimary", ps_const (one));
    ps_set (c->ps, o, "MirroringStatusOnMirror", ps_const (other));
    return ps_put (c, ps_of_object (o));
}

enum ps_flow
cs_mirror_state (struct ps_call *c)
{
    const char *type = ps_arg_text (c, "DatabaseType"), *pool = ps_arg_text (c, "PoolFqdn");
    struct cs_database dbs[CS_MAX_DATABASES];
    enum ps_flow f;
    struct world *w = ps_arg_switch (c, "LocalStore") ? cs_look (c, &f) : cs_look_store (c, &f);
    size_t n;

    if (!w)
        return f;
    if (type_of (type) == WRONG)
        return bad_type (c, type);
    if (sb_casecmp (pool, w_str (w, w->pool))) {
        if (!w_find_frontend (w, pool))
            return ps_fail (c, "ObjectNotFound", "PoolNotFound", "Cannot find pool \"%s\" in the topology.", pool);
        return put_state (c, w,
                          (struct pair){ "xds", 0, 0 }); /* the lab's front ends have no SQL Server of their own */
    }
    n = cs_databases (c, w, dbs);
    for (size_t i = 0; i < n && f == PS_GO; i++)
        if (!type || type_of (type) == (dbs[i].compliance ? COMPLIANCE : CHAT))
            f = put_state (c, w, pair_now (w, &dbs[i]));
    return f;
}

/* ---- failover inside a site ---- */

static enum ps_flow
fail_over (struct ps_call *c, struct world *w, struct pair p, bool to_mirror, bool force)
{
    w_id to = to_mirror ? p.mirror : p.primary, from = to_mirror ? p.primary : p.mirror;
    w_id now = cs_principal (w, p.name, p.primary, p.mirror);
    struct w_op op;
    struct w_out out;

    if (!p.primary || !p.mirror)
        return ps_fail (c, "InvalidOperation", "NoMirror", "The database \"%s\" has no primary and mirror configured.",
                        p.name);
    if (now == to)
        return PS_GO;
    if (!now && !force)
        return ps_fail (
                c, "InvalidOperation", "PrincipalUnreachable",
                "The principal of database \"%s\" cannot be reached. Use the Force parameter to fail over with possible loss "
                "of data.",
                p.name);
    cs_op (c, &op, now ? W_OP_FAILOVER : W_OP_FORCE, now ? from : to, p.name);
    return cs_do (c, &op, &out);
}

enum ps_flow
cs_mirror_failover (struct ps_call *c)
{
    const char *type = ps_arg_text (c, "DatabaseType"), *to = ps_arg_text (c, "NewPrincipal"),
               *pool = ps_arg_text (c, "PoolFqdn");
    struct cs_database dbs[CS_MAX_DATABASES];
    bool go, mirror = to && !sb_casecmp (to, "Mirror");
    enum ps_flow f;
    struct world *w = ps_arg_switch (c, "LocalStore") ? cs_look (c, &f) : cs_look_store (c, &f);
    size_t n;

    if (!w)
        return f;
    if (type_of (type) > COMPLIANCE)
        return bad_type (c, type);
    if (!mirror && (!to || sb_casecmp (to, "Primary")))
        return ps_fail (
                c, "InvalidArgument", "CannotConvertArgumentNoMessage",
                "Cannot bind parameter 'NewPrincipal'. Specify one of the following values: \"Primary,Mirror\".");
    if (sb_casecmp (pool, w_str (w, w->pool)))
        return ps_fail (c, "ObjectNotFound", "PoolNotFound", "Cannot find pool \"%s\" in the topology.", pool);
    f = ps_should (c, pool, "Invoke-CsDatabaseFailover", &go);
    n = f == PS_GO && go ? cs_databases (c, w, dbs) : 0;
    for (size_t i = 0; i < n && f == PS_GO; i++)
        if (type_of (type) == (dbs[i].compliance ? COMPLIANCE : CHAT))
            f = fail_over (c, w, pair_now (w, &dbs[i]), mirror, ps_arg_switch (c, "Force"));
    return f;
}

/* ---- building and removing a mirror ---- */

/* The database of the type whose pair has this instance first. */
static enum ps_flow
find_pair (struct ps_call *c, struct world *w, struct cs_database dbs[CS_MAX_DATABASES], struct pair *ret)
{
    const char *type = ps_arg_text (c, "DatabaseType"), *server = ps_arg_text (c, "SqlServerFqdn");
    w_id at = w_find_instance (w, server);
    size_t n = cs_databases (c, w, dbs);

    *ret = (struct pair){ 0 };
    if (type_of (type) > COMPLIANCE)
        return bad_type (c, type);
    for (size_t i = 0; i < n; i++) {
        if (type_of (type) != (dbs[i].compliance ? COMPLIANCE : CHAT) || !at)
            continue;
        if (at == dbs[i].primary && dbs[i].mirror)
            *ret = (struct pair){ dbs[i].name, at, dbs[i].mirror };
        else if (at == dbs[i].backup && dbs[i].backup_mirror)
            *ret = (struct pair){ dbs[i].name, at, dbs[i].backup_mirror };
        else
            continue;
        return PS_GO;
    }
    return ps_fail (c, "ObjectNotFound", "MirrorNotFound",
                    "No mirror for the %s database of SQL Server \"%s\" is defined in the topology.", type, server);
}

static void
address (const struct world *w, w_id instance, char ret[W_PATH])
{
    snprintf (ret, W_PATH, "TCP://%s:%u", w_str (w, w->instances[instance - 1].host),
              w->instances[instance - 1].endpoint_port);
}

/* Backup to the share, restore at the mirror, partner at the mirror, partner at the principal; the first refusal ends it
 * and is in `out`. */
static enum ps_flow
build_once (struct ps_call *c, const struct world *w, struct pair p, const char *share, struct w_out *out)
{
    const struct {
        enum w_op_kind kind;
        w_id at;
        uint32_t flags;
        const char *suffix;
    } steps[] = {
        { W_OP_BACKUP, p.primary, W_WITH_INIT, ".bak" },
        { W_OP_BACKUP, p.primary, W_WITH_LOG | W_WITH_INIT, ".trn" },
        { W_OP_RESTORE, p.mirror, W_WITH_NORECOVERY | W_WITH_REPLACE, ".bak" },
        { W_OP_RESTORE, p.mirror, W_WITH_LOG | W_WITH_NORECOVERY, ".trn" },
        { W_OP_PARTNER, p.mirror, 0, NULL },
        { W_OP_PARTNER, p.primary, 0, NULL },
    };
    char to_primary[W_PATH], to_mirror[W_PATH];
    struct w_op op;

    address (w, p.primary, to_primary);
    address (w, p.mirror, to_mirror);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        cs_op (c, &op, steps[i].kind, steps[i].at, p.name);
        op.flags = steps[i].flags;
        if (steps[i].suffix)
            snprintf (op.path[0], W_PATH, "%s\\%s_mirror%s", share, p.name, steps[i].suffix);
        else
            strcpy (op.path[0], steps[i].at == p.mirror ? to_primary : to_mirror);
        if (cs_try (c, &op, out) != PS_GO)
            return PS_STOPPED;
        if (out->status != W_DONE)
            break;
    }
    return PS_GO;
}

/* A log backup of somebody else that falls between is a piece that the mirror lacks: the next one is too recent for it
 * (4305), or the partners do not meet (1412).  Then all is done again; the failure of the fifth attempt is told. */
static enum ps_flow
build (struct ps_call *c, const struct world *w, struct pair p, const char *share)
{
    struct w_op off;
    struct w_out out, ignored;
    int left = 5;

    while (build_once (c, w, p, share, &out) == PS_GO) {
        if (out.status == W_DONE)
            return PS_GO;
        if (--left == 0 || (!w_out_has (&out, 4305) && !w_out_has (&out, 1412)))
            return cs_refused (c, &out);
        cs_op (c, &off, W_OP_PARTNER_OFF, p.mirror, p.name);
        if (cs_try (c, &off, &ignored) != PS_GO)
            break;
    }
    return PS_STOPPED;
}

static enum ps_flow
drop (struct ps_call *c, struct pair p)
{
    struct w_op op;
    struct w_out out;

    cs_op (c, &op, W_OP_DROP_DB, p.mirror, p.name);
    return cs_do (c, &op, &out);
}

enum ps_flow
cs_mirror_install (struct ps_call *c)
{
    const char *share = ps_arg_text (c, "FileShare");
    struct cs_database dbs[CS_MAX_DATABASES];
    struct pair p;
    struct w_copy *copy;
    bool go;
    enum ps_flow f;
    struct world *w = cs_look_store (c, &f);

    if (!w || (f = find_pair (c, w, dbs, &p)) != PS_GO)
        return f;
    if (strlen (share) + strlen (p.name) + 16 > W_PATH)
        return ps_fail (c, "InvalidArgument", "PathTooLong", "The file share path is too long.");
    copy = w_copy (w, w_find_copy (w, p.primary, p.name));
    if (copy && copy->role != W_NO_ROLE) {
        ps_warn (c, "Database \"%s\" is mirrored already.", p.name);
        return PS_GO;
    }
    f = ps_should (c, p.name, "Install-CsMirrorDatabase", &go);
    if (f != PS_GO || !go)
        return f;
    if (w_find_copy (w, p.mirror, p.name)) {
        if (!ps_arg_switch (c, "DropExistingDatabasesOnMirror"))
            return ps_fail (c, "ResourceExists", "DatabaseExists",
                            "Database \"%s\" exists on the mirror. Use the DropExistingDatabasesOnMirror parameter.",
                            p.name);
        f = drop (c, p);
        w = f == PS_GO ? cs_look (c, &f) : NULL;
    }
    return w ? build (c, w, p, share) : f;
}

enum ps_flow
cs_mirror_uninstall (struct ps_call *c)
{
    struct cs_database dbs[CS_MAX_DATABASES];
    struct pair p;
    struct w_copy *copy;
    struct w_op op;
    struct w_out out;
    bool go;
    enum ps_flow f;
    struct world *w = cs_look_store (c, &f);

    if (!w || (f = find_pair (c, w, dbs, &p)) != PS_GO)
        return f;
    copy = w_copy (w, w_find_copy (w, p.primary, p.name));
    f = ps_should (c, p.name, "Uninstall-CsMirrorDatabase", &go);
    if (f != PS_GO || !go)
        return f;
    if (copy && copy->role != W_NO_ROLE) {
        cs_op (c, &op, W_OP_PARTNER_OFF, p.primary, p.name);
        f = cs_do (c, &op, &out);
    }
    w = f == PS_GO ? cs_look (c, &f) : NULL;
    if (w && ps_arg_switch (c, "DropExistingDatabasesOnMirror") && w_find_copy (w, p.mirror, p.name))
        f = drop (c, p);
    return f;
}
