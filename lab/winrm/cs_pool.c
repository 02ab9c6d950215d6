/* Cmdlets on the pool and its topology: state, active servers, services,
 * computers.  Undocumented by the vendor and chosen here: the identity that Get-
 * prints is PersistentChatServer:FQDN; Get-CsService -PersistentChatServer tells
 * the active list in `ActiveServers`; in the topology's XML the machines of the
 * pool carry State, and an element ActiveServers lists the active ones. */
#include "config.h"

#include "lab/winrm/cs_int.h"

#include "core/base/text.h"

#include <string.h>

/* ---- identities ---- */

enum named { IS_IT, IS_OTHER, IS_MALFORMED };

/* Forms of the vendor's pages; the one with a blank, and the bare name, are refused (pool sheet 2.6). */
static enum named
names_pool (const struct world *w, const char *identity)
{
    static const char *const forms[] = { "service:PersistentChatServer:", "PersistentChatServer:", "service:" };
    const char *fqdn = w_str (w, w->pool);

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strncasecmp (identity, forms[i], strlen (forms[i]))) {
            const char *rest = identity + strlen (forms[i]);

            if (strpbrk (rest, " :") || !*rest)
                return IS_MALFORMED;
            return sb_casecmp (rest, fqdn) ? IS_OTHER : IS_IT;
        }
    return IS_MALFORMED;
}

static enum ps_flow
check_identity (struct ps_call *c, const struct world *w, const char *identity, const char *what)
{
    switch (names_pool (w, identity)) {
    case IS_IT:
        return PS_GO;
    case IS_OTHER:
        return ps_fail (c, "ObjectNotFound", "ItemNotFound", "Cannot find \"%s\" \"%s\" because it does not exist.",
                        what, identity);
    default:
        return ps_fail (c, "InvalidArgument", "CannotConvertArgumentNoMessage",
                        "Cannot bind parameter 'Identity'. Cannot convert value \"%s\" to type "
                        "\"Microsoft.Rtc.Management.Xds.XdsIdentity\".",
                        identity);
    }
}

static struct ps_value
identity_of (struct ps_call *c, const struct world *w)
{
    return ps_const (ps_printf (c->ps, "PersistentChatServer:%s", w_str (w, w->pool)));
}

/* ---- state ---- */

static const char *
state_word (int state)
{
    return state == W_FAILED_OVER ? "FailedOver" : "Normal";
}

enum ps_flow
cs_state_get (struct ps_call *c)
{
    bool local = ps_arg_switch (c, "LocalStore");
    const char *identity = ps_arg_text (c, "Identity"), *filter = ps_arg_text (c, "Filter");
    struct ps_object *o;
    enum ps_flow f;
    struct world *w = local ? cs_look (c, &f) : cs_look_store (c, &f);

    if (!w)
        return f;
    if (identity && (f = check_identity (c, w, identity, "PersistentChatState")) != PS_GO)
        return f;
    o = ps_object_new (c->ps, "Microsoft.Rtc.Management.WritableConfig.Settings.PersistentChat.PersistentChatState");
    ps_set (c->ps, o, "Identity", identity_of (c, w));
    ps_set (c->ps, o, "PoolState",
            ps_const (state_word (local && cs_frontend (c) ? w->frontends[cs_frontend (c) - 1].replica.state
                                                           : w->central.state)));
    if (filter && !sb_glob (filter, ps_string (c->ps, *ps_get (o, "Identity")), true))
        return PS_GO;
    return ps_put (c, ps_of_object (o));
}

static bool
has_backup (struct ps_call *c, const struct world *w)
{
    struct cs_database dbs[CS_MAX_DATABASES];
    size_t n = cs_databases (c, w, dbs);

    for (size_t i = 0; i < n; i++)
        if (!dbs[i].compliance && dbs[i].backup)
            return true;
    return false;
}

static enum ps_flow
set_state (struct ps_call *c, const char *identity, const char *state)
{
    bool over = state && !sb_casecmp (state, "FailedOver"), go;
    struct w_op op;
    struct w_out out;
    enum ps_flow f;
    struct world *w = cs_look_store (c, &f);

    if (!w)
        return f;
    if (!over && state && sb_casecmp (state, "Normal"))
        return ps_fail (
                c, "InvalidArgument", "CannotConvertArgumentNoMessage",
                "Cannot bind parameter 'PoolState'. Cannot convert value \"%s\" to type \"PoolState\". Specify one of the "
                "following values: \"Normal,FailedOver\".",
                state);
    if ((f = check_identity (c, w, identity, "PersistentChatState")) != PS_GO)
        return f;
    if (over && !has_backup (c, w))
        return ps_fail (c, "InvalidOperation", "NoBackupDatabase",
                        "The pool cannot be failed over: no backup Persistent Chat store is defined in the topology.");
    f = ps_should (c, identity, "Set-CsPersistentChatState", &go);
    if (f != PS_GO || !go)
        return f;
    cs_op (c, &op, W_OP_POOL_STATE, 0, "");
    op.n[0] = over ? W_FAILED_OVER : W_NORMAL;
    return cs_do (c, &op, &out);
}

enum ps_flow
cs_state_set_item (struct ps_call *c, struct ps_value v)
{
    struct ps_value *id = v.type == PS_OBJECT ? ps_get (v.u.obj, "Identity") : NULL;
    struct ps_value *state = v.type == PS_OBJECT ? ps_get (v.u.obj, "PoolState") : NULL;

    if (!id)
        return ps_fail (c, "InvalidArgument", "InputObjectNotBound",
                        "The input object cannot be bound to any parameters for the command.");
    return set_state (c, ps_string (c->ps, *id),
                      ps_has (c, "PoolState") ? ps_arg_text (c, "PoolState")
                      : state                 ? ps_string (c->ps, *state)
                                              : NULL);
}

enum ps_flow
cs_state_set (struct ps_call *c)
{
    const char *identity = ps_arg_text (c, "Identity");

    if (c->piped && !identity)
        return PS_GO;
    if (ps_has (c, "Instance"))
        return cs_state_set_item (c, ps_arg (c, "Instance"));
    if (!identity)
        return ps_fail (c, "InvalidArgument", "MissingMandatoryParameter",
                        "Cannot process command because of one or more missing mandatory parameters: Identity.");
    return set_state (c, identity, ps_arg_text (c, "PoolState"));
}

/* ---- active servers ---- */

/* The bit of a server of the pool, by its FQDN and nothing shorter; 0: none. */
static uint16_t
server_bit (const struct world *w, const char *fqdn)
{
    for (unsigned i = 0; i < w->nservers; i++)
        if (!sb_casecmp (w_str (w, w->servers[i].fqdn), fqdn))
            return (uint16_t) (1u << i);
    return 0;
}

static enum ps_flow
bits_of (struct ps_call *c, const struct world *w, struct ps_value v, uint16_t *ret)
{
    struct ps_list *one = ps_list_new (c->ps), *l = one;

    *ret = 0;
    if (v.type == PS_LIST)
        l = v.u.list;
    else if (v.type != PS_NULL)
        ps_list_add (c->ps, one, v);
    for (size_t i = 0; i < l->count; i++) {
        const char *fqdn = ps_string (c->ps, l->v[i]);
        uint16_t bit = server_bit (w, fqdn);

        if (!bit)
            return ps_fail (c, "ObjectNotFound", "ComputerNotFound",
                            "The computer \"%s\" is not a member of the Persistent Chat Server pool \"%s\".", fqdn,
                            w_str (w, w->pool));
        *ret |= bit;
    }
    return PS_GO;
}

/* @{Add=..}, @{Remove=..}, @{Replace=..}, a list (replaces), $null (clears) */
static enum ps_flow
modified (struct ps_call *c, const struct world *w, struct ps_value v, uint16_t now, uint16_t *ret)
{
    uint16_t bits = 0;
    enum ps_flow f = PS_GO;

    *ret = now;
    if (v.type != PS_OBJECT || !v.u.obj->hash)
        return bits_of (c, w, v, ret);
    for (size_t i = 0; i < v.u.obj->count && f == PS_GO; i++) {
        const char *how = v.u.obj->props[i].name;

        f = bits_of (c, w, v.u.obj->props[i].value, &bits);
        if (!sb_casecmp (how, "Add"))
            *ret |= bits;
        else if (!sb_casecmp (how, "Remove"))
            *ret &= (uint16_t) ~bits;
        else if (!sb_casecmp (how, "Replace"))
            *ret = bits;
        else
            return ps_fail (c, "InvalidArgument", "CannotConvertArgument",
                            "Cannot bind parameter 'ActiveServers'. \"%s\" is not one of Add, Remove, Replace.", how);
    }
    return f;
}

static enum ps_flow
check_collection (struct ps_call *c, const struct world *w)
{
    const char *identity = ps_arg_text (c, "Identity");

    if (!identity || !sb_casecmp (identity, "global") || !sb_casecmp (identity, "PChatServerCollection"))
        return PS_GO;
    return check_identity (c, w, identity, "PersistentChatActiveServer");
}

enum ps_flow
cs_active_set (struct ps_call *c)
{
    struct w_op op;
    struct w_out out;
    uint16_t want;
    bool go;
    enum ps_flow f;
    struct world *w = cs_look_store (c, &f);

    if (!w || (f = check_collection (c, w)) != PS_GO)
        return f;
    if (ps_has (c, "ActiveServers") == ps_arg_switch (c, "Swap"))
        return ps_fail (c, "InvalidArgument", "AmbiguousParameterSet",
                        "Parameter set cannot be resolved using the specified named parameters.");
    want = (uint16_t) (~w->central.active & ((1u << w->nservers) - 1));
    if (!ps_arg_switch (c, "Swap"))
        f = modified (c, w, ps_arg (c, "ActiveServers"), w->central.active, &want);
    if (f == PS_GO && __builtin_popcount (want) > w->limit_active)
        f = ps_fail (c, "InvalidArgument", "TooManyActiveServers",
                     "%d servers would be active. A Persistent Chat Server pool can have at most %d active servers.",
                     __builtin_popcount (want), w->limit_active);
    if (f != PS_GO)
        return f;
    f = ps_should (c, w_str (w, w->pool), "Set-CsPersistentChatActiveServer", &go);
    if (f != PS_GO || !go)
        return f;
    cs_op (c, &op, W_OP_POOL_ACTIVE, 0, "");
    op.n[0] = want;
    return cs_do (c, &op, &out);
}

/* ---- services of the topology ---- */

static struct ps_object *
service (struct ps_call *c, const struct world *w, const char *role, const char *fqdn, w_id site)
{
    struct ps_object *o =
            ps_object_new (c->ps, ps_printf (c->ps, "Microsoft.Rtc.Management.Deploy.Internal.ServiceRoles.%s", role));

    ps_set (c->ps, o, "Identity", ps_const (ps_printf (c->ps, "%s:%s", role, fqdn)));
    ps_set (c->ps, o, "SiteId",
            ps_const (ps_printf (c->ps, "Site:%s", site ? w_str (w, w->sites[site - 1].name) : "")));
    ps_set (c->ps, o, "PoolFqdn", ps_text (c->ps, fqdn));
    ps_set (c->ps, o, "Version", ps_int (7));
    ps_set (c->ps, o, "Role", ps_const (role));
    return o;
}

static struct ps_value
database_id (struct ps_call *c, const struct world *w, const char *role, w_id instance)
{
    return instance ? ps_const (ps_printf (c->ps, "%s:%s", role, w_str (w, w->instances[instance - 1].host)))
                    : ps_null ();
}

static enum ps_flow
put_chat_service (struct ps_call *c, const struct world *w)
{
    struct cs_database dbs[CS_MAX_DATABASES];
    size_t n = cs_databases (c, w, dbs);
    struct ps_object *o =
            service (c, w, "PersistentChatServer", w_str (w, w->pool), w->nservers ? w->servers[0].site : 0);

    ps_set (c->ps, o, "ActiveServers", ps_of_list (cs_servers (c, w, w->central.active)));
    for (size_t i = 0; i < n; i++) {
        const char *role = dbs[i].compliance ? "PersistentChatComplianceDatabase" : "PersistentChatDatabase";

        ps_set (c->ps, o, role, database_id (c, w, role, dbs[i].primary));
        ps_set (c->ps, o, ps_printf (c->ps, "Mirror%s", role), database_id (c, w, role, dbs[i].mirror));
        ps_set (c->ps, o, ps_printf (c->ps, "Backup%s", role), database_id (c, w, role, dbs[i].backup));
        ps_set (c->ps, o, ps_printf (c->ps, "BackupMirror%s", role), database_id (c, w, role, dbs[i].backup_mirror));
    }
    ps_set (c->ps, o, "Port", ps_int (5041));
    return ps_put (c, ps_of_object (o));
}

static enum ps_flow
put_databases (struct ps_call *c, const struct world *w, bool compliance)
{
    struct cs_database dbs[CS_MAX_DATABASES];
    const char *role = compliance ? "PersistentChatComplianceDatabase" : "PersistentChatDatabase";
    size_t n = cs_databases (c, w, dbs);
    enum ps_flow f = PS_GO;

    for (size_t i = 0; i < n && f == PS_GO; i++) {
        w_id at[] = { dbs[i].primary, dbs[i].backup }, mirror[] = { dbs[i].mirror, dbs[i].backup_mirror };

        for (int k = 0; k < 2 && dbs[i].compliance == compliance && f == PS_GO; k++) {
            struct ps_object *o;

            if (!at[k])
                continue;
            o = service (c, w, role, w_str (w, w->instances[at[k] - 1].host), w->instances[at[k] - 1].site);
            ps_set (c->ps, o, "DatabaseName", ps_text (c->ps, dbs[i].name));
            ps_set (c->ps, o, "MirrorSqlServer",
                    mirror[k] ? cs_text (c, w, w->instances[mirror[k] - 1].host) : ps_null ());
            ps_set (c->ps, o, "IsBackup", ps_bool (k == 1));
            f = ps_put (c, ps_of_object (o));
        }
    }
    return f;
}

enum ps_flow
cs_service_get (struct ps_call *c)
{
    static const char *const roles[] = { "PersistentChatServer", "PersistentChatDatabase",
                                         "PersistentChatComplianceDatabase", "CentralManagement" };
    const char *pool = ps_arg_text (c, "PoolFqdn");
    const struct w_frontend *master;
    int asked = -1, count = 0;
    struct ps_object *o;
    enum ps_flow f;
    struct world *w = cs_look_store (c, &f);

    if (!w)
        return f;
    for (int i = 0; i < 4; i++)
        if (ps_arg_switch (c, roles[i])) {
            asked = i;
            count++;
        }
    if (count != 1)
        return ps_fail (c, "InvalidArgument", "AmbiguousParameterSet",
                        "Parameter set cannot be resolved using the specified named parameters.");
    if (pool && sb_casecmp (pool, w_str (w, w->pool)) && asked != 3)
        return ps_fail (c, "ObjectNotFound", "PoolNotFound", "Cannot find pool \"%s\" in the topology.", pool);
    if (asked == 0)
        return put_chat_service (c, w);
    if (asked < 3)
        return put_databases (c, w, asked == 2);
    master = cs_master (w);
    if (!master)
        return PS_GO;
    o = service (c, w, "CentralManagement", w_str (w, master->host), master->site);
    ps_set (c->ps, o, "Active", ps_bool (true));
    return ps_put (c, ps_of_object (o));
}

/* ---- computers ---- */

static struct ps_object *
pool_object (struct ps_call *c, const char *fqdn, const char *site, struct ps_list *computers, const char *role)
{
    struct ps_object *o = ps_object_new (c->ps, "Microsoft.Rtc.Management.Xds.DisplayPool");
    struct ps_list *services = ps_list_new (c->ps);

    ps_list_add (c->ps, services, ps_const (ps_printf (c->ps, "%s:%s", role, fqdn)));
    ps_set (c->ps, o, "Identity", ps_text (c->ps, fqdn));
    ps_set (c->ps, o, "Services", ps_of_list (services));
    ps_set (c->ps, o, "Computers", ps_of_list (computers));
    ps_set (c->ps, o, "BackupPoolFqdn", ps_null ());
    ps_set (c->ps, o, "Site", ps_const (ps_printf (c->ps, "Site:%s", site)));
    ps_set (c->ps, o, "Fqdn", ps_text (c->ps, fqdn));
    return o;
}

static const char *
site_name (const struct world *w, w_id site)
{
    return site ? w_str (w, w->sites[site - 1].name) : "";
}

enum ps_flow
cs_pool_get (struct ps_call *c)
{
    const char *fqdn = ps_arg_text (c, "Identity"), *site = ps_arg_text (c, "Site");
    bool any = false;
    enum ps_flow f;
    struct world *w = ps_arg_switch (c, "LocalStore") ? cs_look (c, &f) : cs_look_store (c, &f);

    if (!w)
        return f;
    for (unsigned i = 0; i <= w->nfrontends && f == PS_GO; i++) {
        bool chat = i == w->nfrontends;
        const char *name = w_str (w, chat ? w->pool : w->frontends[i].host);
        w_id where = chat ? (w->nservers ? w->servers[0].site : 0) : w->frontends[i].site;
        struct ps_list *computers = chat ? cs_servers (c, w, UINT16_MAX) : ps_list_new (c->ps);

        if ((fqdn && sb_casecmp (fqdn, name)) || (site && sb_casecmp (site, site_name (w, where))))
            continue;
        if (!chat)
            ps_list_add (c->ps, computers, ps_text (c->ps, name));
        any = true;
        f = ps_put (c, ps_of_object (pool_object (c, name, site_name (w, where), computers,
                                                  chat ? "PersistentChatServer" : "Registrar")));
    }
    if (f == PS_GO && !any && fqdn)
        return ps_fail (c, "ObjectNotFound", "PoolNotFound", "Cannot find pool \"%s\" in the topology.", fqdn);
    return f;
}

static void
topology_xml (const struct world *w, uint16_t active, struct sb_buf *b)
{
    sb_buf_printf (
            b,
            "<Topology xmlns=\"urn:schema:Microsoft.Rtc.Management.Deploy.Topology.2008\"><Clusters><Cluster Fqdn=\"%s\" "
            "IsSingleMachineOnly=\"%s\">",
            w_str (w, w->pool), w->nservers > 1 ? "false" : "true");
    for (unsigned i = 0; i < w->nservers; i++)
        sb_buf_printf (b, "<Machine OrdinalInCluster=\"%u\" Fqdn=\"%s\" Site=\"%s\" State=\"%s\"/>", i + 1,
                       w_str (w, w->servers[i].fqdn), site_name (w, w->servers[i].site),
                       active & 1u << i ? "Active" : "Inactive");
    sb_buf_str (b, "</Cluster>");
    for (unsigned i = 0; i < w->nfrontends; i++)
        sb_buf_printf (b, "<Cluster Fqdn=\"%s\"><Machine OrdinalInCluster=\"1\" Fqdn=\"%s\"/></Cluster>",
                       w_str (w, w->frontends[i].host), w_str (w, w->frontends[i].host));
    sb_buf_printf (b, "</Clusters><Services><Service RoleName=\"PersistentChatService\" Fqdn=\"%s\"><ActiveServers>",
                   w_str (w, w->pool));
    for (unsigned i = 0; i < w->nservers; i++)
        if (active & 1u << i)
            sb_buf_printf (b, "<Machine Fqdn=\"%s\"/>", w_str (w, w->servers[i].fqdn));
    sb_buf_str (b, "</ActiveServers></Service></Services></Topology>");
}

enum ps_flow
cs_topology_get (struct ps_call *c)
{
    bool local = ps_arg_switch (c, "LocalStore");
    SB_CLEANUP (sb_buf_free) struct sb_buf b = { 0 };
    struct ps_object *o;
    uint16_t active;
    enum ps_flow f;
    struct world *w = local ? cs_look (c, &f) : cs_look_store (c, &f);

    if (!w)
        return f;
    active = local && cs_frontend (c) ? w->frontends[cs_frontend (c) - 1].replica.active : w->central.active;
    if (ps_arg_switch (c, "AsXml")) {
        topology_xml (w, active, &b);
        return ps_put (c, ps_text (c->ps, sb_buf_cstr (&b)));
    }
    o = ps_object_new (c->ps, "Microsoft.Rtc.Management.Deploy.Internal.DefaultTopology");
    ps_set (c->ps, o, "InternalDomain",
            ps_text (c->ps, strchr (w_str (w, w->pool), '.') ? strchr (w_str (w, w->pool), '.') + 1 : ""));
    ps_set (c->ps, o, "Machines", ps_of_list (cs_servers (c, w, UINT16_MAX)));
    return ps_put (c, ps_of_object (o));
}

/* ---- configurations ---- */

enum ps_flow
cs_configuration_get (struct ps_call *c)
{
    struct ps_object *o;
    enum ps_flow f;
    struct world *w = ps_arg_switch (c, "LocalStore") ? cs_look (c, &f) : cs_look_store (c, &f);

    if (!w)
        return f;
    o = ps_object_new (c->ps,
                       "Microsoft.Rtc.Management.WritableConfig.Settings.PersistentChat.PersistentChatConfiguration");
    ps_set (c->ps, o, "Identity", ps_const ("Global"));
    ps_set (c->ps, o, "MaxFileSizeKB", ps_int (20480));
    ps_set (c->ps, o, "ParticipantUpdateLimit", ps_int (75));
    ps_set (c->ps, o, "DefaultChatHistory", ps_int (30));
    ps_set (c->ps, o, "RoomManagementUrl", ps_null ());
    return ps_put (c, ps_of_object (o));
}

enum ps_flow
cs_compliance_get (struct ps_call *c)
{
    struct ps_object *o;
    enum ps_flow f;
    struct world *w = ps_arg_switch (c, "LocalStore") ? cs_look (c, &f) : cs_look_store (c, &f);

    if (!w)
        return f;
    o = ps_object_new (
            c->ps,
            "Microsoft.Rtc.Management.WritableConfig.Settings.PersistentChat.PersistentChatComplianceConfiguration");
    ps_set (c->ps, o, "Identity", ps_const ("Global"));
    ps_set (c->ps, o, "AdapterType", ps_const ("XmlAdapter"));
    ps_set (c->ps, o, "RunInterval", ps_const ("00:15:00"));
    ps_set (c->ps, o, "AdapterOutputDirectory", ps_null ());
    return ps_put (c, ps_of_object (o));
}
