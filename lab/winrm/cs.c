/* The table of the management shell's cmdlets, and what they have in common; see
 * cs.h.  Which cmdlets exist, their parameters and which of them ask for
 * confirmation follow the help of the Lync Server 2013 and Skype for Business
 * Server 2015 modules. */
#include "config.h"

#include "lab/winrm/cs_int.h"

#include "core/sys/file.h"

#include <jansson.h>
#include <string.h>

#define MAX_CFG (1u << 20)

/* ---- the world ---- */

static struct cs_world *
mine (const struct ps_call *c)
{
    return ps_host (c->ps)->world;
}

void
cs_world_close (struct cs_world *w)
{
    w_client_close (w->client);
    w->client = NULL;
}

/* What a server says to a session that came without the user's identity. */
static enum ps_flow
no_second_hop (struct ps_call *c)
{
    return ps_fail (
            c, "PermissionDenied", "Microsoft.Rtc.Common.Data.SqlConnectionException",
            "Could not connect to SQL server : [Exception=System.Data.SqlClient.SqlException (0x80131904): Login "
            "failed for user 'NT AUTHORITY\\ANONYMOUS LOGON'.]");
}

struct world *
cs_look (struct ps_call *c, enum ps_flow *ret_flow)
{
    struct cs_world *m = mine (c);
    struct sb_faults faults = { 0 };
    struct world *w = NULL;

    *ret_flow = PS_GO;
    if (m->alone) {
        *ret_flow = no_second_hop (c);
        return NULL;
    }
    if (!m->client)
        m->client = w_client_open (m->door->world_socket, &faults);
    sb_faults_free (&faults);
    if (m->client)
        w = w_client_world (m->client);
    if (!w) {
        *ret_flow = ps_fail (c, "ConnectionError", "ServerUnavailable", "The RPC server is unavailable.");
        return NULL;
    }
    m->frontend = w_find_frontend (w, m->door->name);
    return w;
}

w_id
cs_frontend (const struct ps_call *c)
{
    return mine (c)->frontend;
}

w_id
cs_here (const struct ps_call *c, const struct world *w)
{
    w_id f = mine (c)->frontend;

    return f ? w->frontends[f - 1].site : w->tool_site;
}

enum ps_flow
cs_dark (struct ps_call *c)
{
    return ps_fail (
            c, "NotSpecified", "Microsoft.Rtc.Common.Data.SqlConnectionException",
            "Could not connect to SQL server : [Exception=System.Data.SqlClient.SqlException (0x80131904): A network-related "
            "or instance-specific error occurred while establishing a connection to SQL Server. The server was not found "
            "or was not accessible. Verify that the instance name is correct and that SQL Server is configured to allow "
            "remote connections. The Central Management store does not answer.]");
}

struct world *
cs_look_store (struct ps_call *c, enum ps_flow *ret_flow)
{
    struct world *w = cs_look (c, ret_flow);

    if (!w || w_central_answers (w, cs_here (c, w)))
        return w;
    *ret_flow = cs_dark (c);
    return NULL;
}

/* ---- the topology ---- */

static w_id
instance_of (const struct world *w, const json_t *db, const char *label)
{
    const char *name = json_string_value (json_object_get (db, label));

    return name ? w_find_instance (w, name) : 0;
}

size_t
cs_databases (struct ps_call *c, const struct world *w, struct cs_database ret[CS_MAX_DATABASES])
{
    SB_AUTOFREE char *path = sb_path_join (mine (c)->door->dir, "lab.cfg");
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_faults faults = { 0 };
    json_t *cfg = NULL, *db;
    size_t n = 0, i;

    if (sb_file_read (path, MAX_CFG, &text, &faults))
        cfg = json_loadb (sb_buf_cstr (&text), text.len, 0, NULL);
    json_array_foreach (json_object_get (cfg, "databases"), i, db)
    {
        const char *name = json_string_value (json_object_get (db, "name"));

        if (!name || strlen (name) >= W_NAME || n == CS_MAX_DATABASES)
            continue;
        strcpy (ret[n].name, name);
        ret[n].compliance = json_is_false (json_object_get (db, "fail_over"));
        ret[n].primary = instance_of (w, db, "primary");
        ret[n].mirror = instance_of (w, db, "mirror");
        ret[n].backup = instance_of (w, db, "backup");
        ret[n++].backup_mirror = instance_of (w, db, "backup_mirror");
    }
    json_decref (cfg);
    sb_faults_free (&faults);
    return n;
}

const struct w_frontend *
cs_master (const struct world *w)
{
    for (unsigned i = 0; i < w->nfrontends; i++)
        if (w->frontends[i].site == w->central.site)
            return &w->frontends[i];
    return NULL;
}

w_id
cs_principal (struct world *w, const char *database, w_id one, w_id other)
{
    w_id pair[] = { one, other };

    for (int i = 0; i < 2; i++) {
        struct w_copy *copy = pair[i] && w_answers (w, pair[i]) ? w_copy (w, w_find_copy (w, pair[i], database)) : NULL;

        if (copy && (copy->role == W_PRINCIPAL || (copy->role == W_NO_ROLE && copy->state == W_ONLINE)))
            return pair[i];
    }
    return 0;
}

struct ps_value
cs_text (struct ps_call *c, const struct world *w, w_text t)
{
    return ps_text (c->ps, w_str (w, t));
}

struct ps_list *
cs_servers (struct ps_call *c, const struct world *w, uint16_t bits)
{
    struct ps_list *l = ps_list_new (c->ps);

    for (unsigned i = 0; i < w->nservers; i++)
        if (bits & 1u << i)
            ps_list_add (c->ps, l, cs_text (c, w, w->servers[i].fqdn));
    return l;
}

/* ---- operations ---- */

void
cs_op (struct ps_call *c, struct w_op *op, enum w_op_kind kind, w_id instance, const char *db)
{
    w_op_init (op, kind, instance, 0, db);
    op->subject = mine (c)->frontend;
}

static enum ps_flow
refused (struct ps_call *c, const struct w_msg *m, const struct w_out *out)
{
    switch (m->number) {
    case W_POOL_DARK:
        return cs_dark (c);
    case W_POOL_TOO_MANY:
        return ps_fail (c, "InvalidArgument", "TooManyActiveServers",
                        "%s servers would be active. A Persistent Chat Server pool can have at most %s active servers.",
                        w_out_arg (out, m, 0), w_out_arg (out, m, 1));
    case W_POOL_NO_SERVER:
        return ps_fail (c, "ObjectNotFound", "ComputerNotFound", "The computer \"%s\" is not a member of the pool.",
                        w_out_arg (out, m, 0));
    case W_POOL_NOT_READY:
        return ps_fail (
                c, "ResourceUnavailable", "CannotOpenServiceControlManager",
                "Cannot open Service Control Manager on computer '%s'. This operation might require other privileges.",
                w_out_arg (out, m, 0));
    case W_POOL_BAD_TARGET:
        return ps_fail (c, "InvalidOperation", "InvalidTarget",
                        "The Central Management Server cannot be moved here: the target does not run.");
    default:
        return ps_fail (c, "InvalidOperation", "SqlError", "SQL Server error %d occurred. %s", m->number,
                        w_out_arg (out, m, 0));
    }
}

enum ps_flow
cs_try (struct ps_call *c, struct w_op *op, struct w_out *out)
{
    w_out_init (out);
    w_client_op (mine (c)->client, op, out);
    while (out->status == W_WORKING) {
        if (ps_step (c->ps) != PS_GO)
            return PS_STOPPED;
        w_client_work (mine (c)->client, out->work, 500, out);
    }
    return PS_GO;
}

enum ps_flow
cs_refused (struct ps_call *c, const struct w_out *out)
{
    if (out->status == W_UNREACHABLE)
        return ps_fail (c, "ConnectionError", "ServerUnavailable", "The server does not answer.");
    /* the last message but one tells why when the last only says that it ended (3013, 5069) */
    for (unsigned i = 0; i < out->nmsgs; i++)
        if (out->msgs[i].number != 3013 && out->msgs[i].number != 5069)
            return refused (c, &out->msgs[i], out);
    return ps_fail (c, "InvalidOperation", "Failed", "The operation failed.");
}

enum ps_flow
cs_do (struct ps_call *c, struct w_op *op, struct w_out *out)
{
    if (cs_try (c, op, out) != PS_GO)
        return PS_STOPPED;
    return out->status == W_DONE ? PS_GO : cs_refused (c, out);
}

/* ---- the table ---- */

static const struct ps_param state_get[] = {
    { "Identity", 0, 0 }, { "Filter", -1, 0 }, { "LocalStore", -1, PS_P_SWITCH }, { 0 }
};
static const struct ps_param state_set[] = {
    { "Identity", 0, 0 }, { "PoolState", -1, 0 }, { "Instance", -1, PS_P_PIPED }, { "Force", -1, PS_P_SWITCH }, { 0 }
};
static const struct ps_param active_set[] = {
    { "Identity", 0, 0 }, { "ActiveServers", -1, 0 }, { "Swap", -1, PS_P_SWITCH }, { "Force", -1, PS_P_SWITCH }, { 0 }
};
static const struct ps_param service_get[] = { { "Identity", 0, 0 },
                                               { "PersistentChatServer", -1, PS_P_SWITCH },
                                               { "PersistentChatDatabase", -1, PS_P_SWITCH },
                                               { "PersistentChatComplianceDatabase", -1, PS_P_SWITCH },
                                               { "CentralManagement", -1, PS_P_SWITCH },
                                               { "PoolFqdn", -1, 0 },
                                               { 0 } };
static const struct ps_param pool_get[] = {
    { "Identity", 0, 0 }, { "Site", -1, 0 }, { "Filter", -1, 0 }, { "LocalStore", -1, PS_P_SWITCH }, { 0 }
};
static const struct ps_param topology_get[] = { { "AsXml", -1, PS_P_SWITCH },
                                                { "LocalStore", -1, PS_P_SWITCH },
                                                { 0 } };
static const struct ps_param windows_get[] = {
    { "Name", 0, 0 }, { "ComputerName", -1, 0 }, { "ExcludeActivityLevel", -1, PS_P_SWITCH }, { 0 }
};
static const struct ps_param windows_set[] = { { "Name", 0, 0 },
                                               { "ComputerName", -1, 0 },
                                               { "Graceful", -1, PS_P_SWITCH },
                                               { "NoWait", -1, PS_P_SWITCH },
                                               { "Force", -1, PS_P_SWITCH },
                                               { "LeaveClsAgentRunning", -1, PS_P_SWITCH },
                                               { "LeaveWebServerRunning", -1, PS_P_SWITCH },
                                               { 0 } };
static const struct ps_param replication_get[] = { { "ReplicaFqdn", 0, 0 },
                                                   { "CentralManagementStoreStatus", -1, PS_P_SWITCH },
                                                   { 0 } };
static const struct ps_param replication_push[] = { { "ReplicaFqdn", 0, 0 }, { "Force", -1, PS_P_SWITCH }, { 0 } };
static const struct ps_param none[] = { { 0 } };
static const struct ps_param store_move[] = { { "BackupSqlServerFqdn", -1, 0 },
                                              { "BackupSqlInstanceName", -1, 0 },
                                              { "BackupMirrorSqlServerFqdn", -1, 0 },
                                              { "BackupMirrorSqlInstanceName", -1, 0 },
                                              { "Force", -1, PS_P_SWITCH },
                                              { "Report", -1, 0 },
                                              { 0 } };
static const struct ps_param mirror_state[] = { { "PoolFqdn", 0, PS_P_MANDATORY },
                                                { "DatabaseType", -1, 0 },
                                                { "LocalStore", -1, PS_P_SWITCH },
                                                { "Report", -1, 0 },
                                                { 0 } };
static const struct ps_param mirror_failover[] = { { "PoolFqdn", 0, PS_P_MANDATORY },
                                                   { "DatabaseType", -1, PS_P_MANDATORY },
                                                   { "NewPrincipal", -1, PS_P_MANDATORY },
                                                   { "ExcludeDatabaseList", -1, 0 },
                                                   { "Force", -1, PS_P_SWITCH },
                                                   { "LocalStore", -1, PS_P_SWITCH },
                                                   { "Report", -1, 0 },
                                                   { 0 } };
static const struct ps_param mirror_install[] = { { "DatabaseType", -1, PS_P_MANDATORY },
                                                  { "FileShare", -1, PS_P_MANDATORY },
                                                  { "SqlServerFqdn", -1, PS_P_MANDATORY },
                                                  { "SqlInstanceName", -1, 0 },
                                                  { "DatabasePathMap", -1, 0 },
                                                  { "DropExistingDatabasesOnMirror", -1, PS_P_SWITCH },
                                                  { "ExcludeDatabaseList", -1, 0 },
                                                  { "Report", -1, 0 },
                                                  { 0 } };
static const struct ps_param mirror_uninstall[] = { { "DatabaseType", -1, PS_P_MANDATORY },
                                                    { "SqlServerFqdn", -1, PS_P_MANDATORY },
                                                    { "SqlInstanceName", -1, 0 },
                                                    { "DropExistingDatabasesOnMirror", -1, PS_P_SWITCH },
                                                    { "Report", -1, 0 },
                                                    { 0 } };
static const struct ps_param message_test[] = {
    { "TargetFqdn", 0, 0 },           { "SenderSipAddress", -1, 0 },    { "SenderCredential", -1, 0 },
    { "ReceiverSipAddress", -1, 0 },  { "ReceiverCredential", -1, 0 },  { "ChatRoomUri", -1, 0 },
    { "TestUser1SipAddress", -1, 0 }, { "TestUser2SipAddress", -1, 0 }, { 0 }
};

#define CHANGES PS_C_CHANGES
#define ASKS    (PS_C_CHANGES | PS_C_ASKS)
const struct ps_cmdlet cs_cmdlets[] = {
    { "Get-CsPersistentChatState", state_get, 0, NULL, NULL, cs_state_get, CS_MODULE },
    { "Set-CsPersistentChatState", state_set, ASKS, NULL, cs_state_set_item, cs_state_set, CS_MODULE },
    { "Set-CsPersistentChatActiveServer", active_set, ASKS, NULL, NULL, cs_active_set, CS_MODULE },
    { "Get-CsPersistentChatConfiguration", state_get, 0, NULL, NULL, cs_configuration_get, CS_MODULE },
    { "Get-CsPersistentChatComplianceConfiguration", state_get, 0, NULL, NULL, cs_compliance_get, CS_MODULE },
    { "Get-CsService", service_get, 0, NULL, NULL, cs_service_get, CS_MODULE },
    { "Get-CsPool", pool_get, 0, NULL, NULL, cs_pool_get, CS_MODULE },
    { "Get-CsTopology", topology_get, 0, NULL, NULL, cs_topology_get, CS_MODULE },
    { "Get-CsWindowsService", windows_get, 0, NULL, NULL, cs_windows_get, CS_MODULE },
    { "Start-CsWindowsService", windows_set, CHANGES, NULL, NULL, cs_windows_start, CS_MODULE },
    { "Stop-CsWindowsService", windows_set, CHANGES, NULL, NULL, cs_windows_stop, CS_MODULE },
    { "Get-CsManagementStoreReplicationStatus", replication_get, 0, NULL, NULL, cs_replication_get, CS_MODULE },
    { "Invoke-CsManagementStoreReplication", replication_push, CHANGES, NULL, NULL, cs_replication_push, CS_MODULE },
    { "Get-CsManagementConnection", none, 0, NULL, NULL, cs_connection_get, CS_MODULE },
    { "Invoke-CsManagementServerFailover", store_move, ASKS, NULL, NULL, cs_store_move, CS_MODULE },
    { "Get-CsDatabaseMirrorState", mirror_state, 0, NULL, NULL, cs_mirror_state, CS_MODULE },
    { "Invoke-CsDatabaseFailover", mirror_failover, ASKS, NULL, NULL, cs_mirror_failover, CS_MODULE },
    { "Install-CsMirrorDatabase", mirror_install, ASKS, NULL, NULL, cs_mirror_install, CS_MODULE },
    { "Uninstall-CsMirrorDatabase", mirror_uninstall, ASKS, NULL, NULL, cs_mirror_uninstall, CS_MODULE },
    { "Test-CsPersistentChatMessage", message_test, 0, NULL, NULL, cs_message_test, CS_MODULE },
    { 0 },
};
