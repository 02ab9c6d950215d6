/* Cmdlets on the central management store: replication, where it is, moving it.
 * Its master is the first front end of the site that holds it; replicas are on
 * every chat server and front end. */
#include "config.h"

#include "lab/winrm/cs_int.h"

#include "core/base/text.h"

#include <string.h>

/* ---- replicas ---- */

struct machine {
    const char *fqdn;
    w_id site;
    const struct w_replica *replica;
};

static struct machine
machine (const struct world *w, unsigned i)
{
    if (i < w->nservers)
        return (struct machine){ w_str (w, w->servers[i].fqdn), w->servers[i].site, &w->servers[i].replica };
    i -= w->nservers;
    return (struct machine){ w_str (w, w->frontends[i].host), w->frontends[i].site, &w->frontends[i].replica };
}

static struct ps_value
replica_object (struct ps_call *c, const struct world *w, struct machine m)
{
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.Rtc.Management.Xds.ReplicaState");
    bool reports = w_linked (w, m.site, w->central.site);

    ps_set (c->ps, o, "UpToDate", ps_bool (m.replica->version == w->central.version));
    ps_set (c->ps, o, "ReplicaFqdn", ps_text (c->ps, m.fqdn));
    ps_set (c->ps, o, "LastStatusReport", ps_date (reports ? w_clock (w) : m.replica->at_ms, false));
    ps_set (c->ps, o, "LastUpdateCreation", ps_date (w->central.changed_ms, false));
    ps_set (c->ps, o, "ProductVersion", ps_const ("6.0.9319.0"));
    return ps_of_object (o);
}

/* What is told of the store itself; no master: it does not answer from here. */
static enum ps_flow
put_store (struct ps_call *c)
{
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.Rtc.Management.Xds.CentralManagementStoreState");
    struct ps_list *agents = ps_list_new (c->ps), *replicas = ps_list_new (c->ps);
    const struct w_frontend *master;
    enum ps_flow f;
    struct world *w = cs_look (c, &f);

    if (!w)
        return f;
    master = w_central_answers (w, cs_here (c, w)) ? cs_master (w) : NULL;
    if (master)
        ps_list_add (c->ps, agents, cs_text (c, w, master->host));
    for (unsigned i = 0; i < (unsigned) w->nservers + w->nfrontends; i++)
        ps_list_add (c->ps, replicas, ps_text (c->ps, machine (w, i).fqdn));
    ps_set (c->ps, o, "LastUpdatedOn", ps_date (w->central.changed_ms, false));
    ps_set (c->ps, o, "ActiveMasterFqdn", master ? cs_text (c, w, master->host) : ps_const (""));
    ps_set (c->ps, o, "ActiveMasterLastHeartbeat", master ? ps_date (w_clock (w), false) : ps_null ());
    ps_set (c->ps, o, "ActiveFileTransferAgents", ps_of_list (agents));
    ps_set (c->ps, o, "ActiveReplicas", ps_of_list (replicas));
    ps_set (c->ps, o, "DeletedReplicas", ps_of_list (ps_list_new (c->ps)));
    return ps_put (c, ps_of_object (o));
}

enum ps_flow
cs_replication_get (struct ps_call *c)
{
    const char *fqdn = ps_arg_text (c, "ReplicaFqdn");
    bool any = false;
    enum ps_flow f;
    struct world *w;

    if (ps_arg_switch (c, "CentralManagementStoreStatus"))
        return put_store (c);
    w = cs_look_store (c, &f);
    if (!w)
        return f;
    for (unsigned i = 0; i < (unsigned) w->nservers + w->nfrontends && f == PS_GO; i++)
        if (!fqdn || !sb_casecmp (fqdn, machine (w, i).fqdn)) {
            any = true;
            f = ps_put (c, replica_object (c, w, machine (w, i)));
        }
    if (f == PS_GO && !any && fqdn)
        return ps_fail (c, "ObjectNotFound", "ReplicaNotFound", "Cannot find a replica with the FQDN \"%s\".", fqdn);
    return f;
}

enum ps_flow
cs_replication_push (struct ps_call *c)
{
    const char *fqdn = ps_arg_text (c, "ReplicaFqdn");
    struct w_op op;
    struct w_out out;
    int32_t bits = fqdn ? 0 : -1;
    bool any = !fqdn, go;
    enum ps_flow f;
    struct world *w = cs_look_store (c, &f);

    if (!w)
        return f;
    for (unsigned i = 0; fqdn && i < (unsigned) w->nservers + w->nfrontends; i++)
        if (!sb_casecmp (fqdn, machine (w, i).fqdn)) {
            any = true;
            bits = i < w->nservers ? 1 << i : -1;
        }
    if (!any)
        return ps_fail (c, "ObjectNotFound", "ReplicaNotFound", "Cannot find a replica with the FQDN \"%s\".", fqdn);
    f = ps_should (c, fqdn ? fqdn : "all replicas", "Invoke-CsManagementStoreReplication", &go);
    if (f != PS_GO || !go)
        return f;
    cs_op (c, &op, W_OP_REPLICATE, 0, "");
    op.n[0] = bits;
    return cs_do (c, &op, &out);
}

/* ---- where it is ---- */

enum ps_flow
cs_connection_get (struct ps_call *c)
{
    struct ps_object *o;
    const struct w_frontend *master;
    enum ps_flow f;
    struct world *w = cs_look (c, &f);

    if (!w)
        return f;
    master = cs_master (w);
    o = ps_object_new (c->ps, "Microsoft.Rtc.Management.Core.ManagementConnection");
    ps_set (c->ps, o, "StoreProvider", ps_const ("Sql"));
    ps_set (c->ps, o, "Connection", ps_const (ps_printf (c->ps, "%s\\rtc", master ? w_str (w, master->host) : "")));
    ps_set (c->ps, o, "ReadOnly", ps_bool (false));
    ps_set (c->ps, o, "SqlServer", master ? cs_text (c, w, master->host) : ps_null ());
    ps_set (c->ps, o, "SqlInstance", ps_const ("rtc"));
    return ps_put (c, ps_of_object (o));
}

/* ---- moving it: always to the pool of the server where the cmdlet runs ---- */

enum ps_flow
cs_store_move (struct ps_call *c)
{
    bool disaster = ps_has (c, "BackupSqlServerFqdn"), go;
    const struct w_frontend *master;
    struct w_op op;
    struct w_out out;
    enum ps_flow f;
    struct world *w = cs_look (c, &f);

    if (!w)
        return f;
    if (disaster && !ps_arg_switch (c, "Force"))
        return ps_fail (
                c, "InvalidArgument", "ForceNeeded",
                "The Force parameter is needed when BackupSqlServerFqdn is given: the present Central Management Server is "
                "not asked.");
    if (!disaster && !w_central_answers (w, cs_here (c, w)))
        return cs_dark (c);
    master = cs_master (w);
    f = ps_should (c, master ? w_str (w, master->host) : "", "Invoke-CsManagementServerFailover", &go);
    if (f != PS_GO || !go)
        return f;
    cs_op (c, &op, W_OP_CENTRAL_MOVE, 0, "");
    op.n[0] = cs_here (c, w);
    op.flags = disaster ? W_WITH_FORCE : 0;
    return cs_do (c, &op, &out);
}
