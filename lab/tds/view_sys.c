/* sys.*: databases, mirroring, endpoints, files, principals (SQL sheet 1.2, 2.1, 2.4, 3.7). */
#include "lab/tds/store.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int id;
} system_dbs[] = { { "master", 1 }, { "tempdb", 2 }, { "model", 3 }, { "msdb", 4 } };

const char *
tds_state_desc (unsigned state)
{
    static const char *const names[] = { "ONLINE",  "RESTORING", "RECOVERING", "RECOVERY_PENDING",
                                         "SUSPECT", "EMERGENCY", "OFFLINE" };

    return state < 7 ? names[state] : "ONLINE";
}

unsigned
tds_visible_state (const struct world *w, const struct w_copy *c)
{
    (void) w;
    return c->state;
}

/* The copies of this instance, one after the other; `*at` starts at 0. */
static const struct w_copy *
next_copy (struct tds_session *s, struct world *w, w_id *at)
{
    while (*at < w->ncopies) {
        const struct w_copy *c = w_copy (w, ++*at);
        if (c != NULL && c->instance == s->instance)
            return c;
    }
    return NULL;
}

static void
put_sid (struct tds_sink *k, const char *column, const char *login)
{
    uint8_t sid[16];
    size_t n = tds_sid_of_login (login, sid);

    tds_put_bytes (k, column, sid, n);
}

static void
common_database (struct tds_sink *k, const char *name, int id)
{
    tds_row (k);
    tds_put_text (k, "name", name);
    tds_put_int (k, "database_id", id);
    tds_put_int (k, "compatibility_level", 160);
    tds_put_text (k, "collation_name", "SQL_Latin1_General_CP1_CI_AS");
    tds_put_int (k, "snapshot_isolation_state", 0);
    tds_put_int (k, "is_read_committed_snapshot_on", 0);
    tds_put_int (k, "is_auto_shrink_on", 0);
    tds_put_int (k, "is_encrypted", 0);
    tds_put_int (k, "containment", 0);
    tds_put_text (k, "containment_desc", "NONE");
    tds_put_int (k, "page_verify_option", 2);
    tds_put_text (k, "page_verify_option_desc", "CHECKSUM");
}

static const char *
reuse_wait (const struct w_copy *c)
{
    if (c->role == W_PRINCIPAL && c->mirroring != W_SYNCHRONIZED)
        return "DATABASE_MIRRORING";
    return c->recovery_model == W_SIMPLE || c->last_log_backup >= c->lsn || c->last_log_backup == 0 ? "NOTHING"
                                                                                                    : "LOG_BACKUP";
}

static void
fill_databases (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    static const char *const access[] = { "MULTI_USER", "SINGLE_USER", "RESTRICTED_USER" };
    static const char *const models[] = { "", "FULL", "BULK_LOGGED", "SIMPLE" };
    const struct w_copy *c;

    for (size_t i = 0; i < 4; i++) {
        common_database (k, system_dbs[i].name, system_dbs[i].id);
        tds_put_time (k, "create_date", w_instance (w, s->instance)->started_ms);
        put_sid (k, "owner_sid", "sa");
        tds_put_int (k, "state", 0);
        tds_put_text (k, "state_desc", "ONLINE");
        tds_put_int (k, "user_access", 0);
        tds_put_text (k, "user_access_desc", "MULTI_USER");
        tds_put_int (k, "recovery_model", 3);
        tds_put_text (k, "recovery_model_desc", "SIMPLE");
        tds_put_int (k, "is_in_standby", 0);
        tds_put_int (k, "is_read_only", 0);
        tds_put_int (k, "is_auto_close_on", 0);
        tds_put_int (k, "is_trustworthy_on", system_dbs[i].id == 4);
        tds_put_int (k, "is_broker_enabled", system_dbs[i].id == 4 || system_dbs[i].id == 2);
        tds_put_int (k, "log_reuse_wait", 0);
        tds_put_text (k, "log_reuse_wait_desc", "NOTHING");
    }
    for (w_id at = 0; (c = next_copy (s, w, &at)) != NULL;) {
        unsigned state = tds_visible_state (w, c);
        common_database (k, w_str (w, c->name), c->number);
        tds_put_time (k, "create_date", c->created_ms);
        put_sid (k, "owner_sid", w_str (w, c->owner));
        tds_put_int (k, "state", state);
        tds_put_text (k, "state_desc", tds_state_desc (state));
        tds_put_int (k, "user_access", c->user_access);
        tds_put_text (k, "user_access_desc", access[c->user_access % 3]);
        tds_put_int (k, "recovery_model", c->recovery_model);
        tds_put_text (k, "recovery_model_desc", models[c->recovery_model % 4]);
        tds_put_int (k, "is_in_standby", c->standby);
        tds_put_int (k, "is_read_only", c->read_only || c->standby);
        tds_put_int (k, "is_auto_close_on", c->auto_close);
        tds_put_int (k, "is_trustworthy_on", c->trustworthy);
        tds_put_int (k, "is_broker_enabled", c->broker);
        tds_put_guid (k, "service_broker_guid", w, c->guid);
        tds_put_int (k, "log_reuse_wait", strcmp (reuse_wait (c), "NOTHING") == 0 ? 0 : c->role != 0 ? 5 : 2);
        tds_put_text (k, "log_reuse_wait_desc", reuse_wait (c));
    }
}

static const char *
mirroring_desc (unsigned state)
{
    static const char *const names[] = { "SUSPENDED", "DISCONNECTED", "SYNCHRONIZING", "PENDING_FAILOVER",
                                         "SYNCHRONIZED" };

    return state < 5 ? names[state] : NULL;
}

/* The instance behind a partner, as clients would be redirected to it. */
static const char *
partner_instance (const struct world *w, w_id id)
{
    return id == 0 ? NULL : w_str (w, w->instances[id - 1].server);
}

static void
put_session (struct world *w, const struct w_copy *c, struct tds_sink *k)
{
    static const char *const witness[] = { "UNKNOWN", "CONNECTED", "DISCONNECTED" };

    tds_put_guid (k, "mirroring_guid", w, c->mirror_guid);
    tds_put_int (k, "mirroring_state", c->mirroring);
    tds_put_text (k, "mirroring_state_desc", mirroring_desc (c->mirroring));
    tds_put_int (k, "mirroring_role", c->role);
    tds_put_text (k, "mirroring_role_desc", c->role == W_PRINCIPAL ? "PRINCIPAL" : "MIRROR");
    tds_put_int (k, "mirroring_role_sequence", c->role_seq);
    tds_put_int (k, "mirroring_safety_level", c->safety);
    tds_put_text (k, "mirroring_safety_level_desc",
                  c->safety == W_SAFETY_FULL  ? "FULL"
                  : c->safety == W_SAFETY_OFF ? "OFF"
                                              : "UNKNOWN");
    tds_put_int (k, "mirroring_safety_sequence", c->safety_seq);
    tds_put_text (k, "mirroring_partner_name", w_str (w, c->partner));
    tds_put_text (k, "mirroring_partner_instance", partner_instance (w, c->partner_id));
    if (c->witness != 0) {
        tds_put_text (k, "mirroring_witness_name", w_str (w, c->witness));
        tds_put_int (k, "mirroring_witness_state", c->witness_state);
        tds_put_text (k, "mirroring_witness_state_desc", witness[c->witness_state % 3]);
    }
    tds_put_lsn (k, "mirroring_failover_lsn", c->failover_lsn);
    tds_put_int (k, "mirroring_connection_timeout", c->timeout_s);
    tds_put_text (k, "mirroring_redo_queue_type", "UNLIMITED");
    tds_put_lsn (k, "mirroring_end_of_log_lsn", c->lsn);
    tds_put_lsn (k, "mirroring_replication_lsn", c->lsn);
}

static void
fill_mirroring (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_copy *c;

    for (size_t i = 0; i < 4; i++) {
        tds_row (k);
        tds_put_int (k, "database_id", system_dbs[i].id);
    }
    for (w_id at = 0; (c = next_copy (s, w, &at)) != NULL;) {
        tds_row (k);
        tds_put_int (k, "database_id", c->number);
        if (c->mirror_guid != 0 && (c->role == W_PRINCIPAL || s->sysadmin))
            put_session (w, c, k);
    }
}

/* A witness sees the sessions that name it, through either half. */
static void
fill_witnesses (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    for (w_id i = 1; i <= w->ncopies; i++) {
        struct w_copy *c = w_copy (w, i), *other;
        const struct w_copy *principal;
        bool synced;
        if (c == NULL || c->witness_id != s->instance || c->mirror_guid == 0)
            continue;
        other = w_partner (w, c);
        if (other != NULL && other->witness_id == s->instance && c->role != W_PRINCIPAL
            && other->mirror_guid == c->mirror_guid)
            continue; /* shown once, by its principal */
        principal = c;
        synced = c->mirroring == W_SYNCHRONIZED;
        tds_row (k);
        tds_put_text (k, "database_name", w_str (w, c->name));
        tds_put_text (k, "principal_server_name",
                      partner_instance (w, principal->role == W_PRINCIPAL ? c->instance : c->partner_id));
        tds_put_text (k, "mirror_server_name",
                      partner_instance (w, principal->role == W_PRINCIPAL ? c->partner_id : c->instance));
        tds_put_int (k, "safety_level", c->safety);
        tds_put_text (k, "safety_level_desc", c->safety == W_SAFETY_FULL ? "FULL" : "OFF");
        tds_put_int (k, "safety_sequence_number", c->safety_seq);
        tds_put_int (k, "role_sequence_number", c->role_seq);
        tds_put_guid (k, "mirroring_guid", w, c->mirror_guid);
        tds_put_guid (k, "family_guid", w, w->families[c->family - 1].guid);
        tds_put_int (k, "is_suspended", c->suspended);
        tds_put_int (k, "is_suspended_sequence_number", 1);
        tds_put_int (k, "partner_sync_state", synced ? 5 : 6);
        tds_put_text (k, "partner_sync_state_desc", synced ? "SYNCHRONIZED" : "UNSYNCHRONIZED");
    }
}

static void
put_endpoint (struct tds_sink *k, const char *name, int id, unsigned state, bool mirroring)
{
    static const char *const states[] = { "STARTED", "STOPPED", "DISABLED" };

    tds_row (k);
    tds_put_text (k, "name", name);
    tds_put_int (k, "endpoint_id", id);
    tds_put_int (k, "principal_id", 1);
    tds_put_int (k, "protocol", 2);
    tds_put_text (k, "protocol_desc", "TCP");
    tds_put_int (k, "type", mirroring ? 4 : 2);
    tds_put_text (k, "type_desc", mirroring ? "DATABASE_MIRRORING" : "TSQL");
    tds_put_int (k, "state", state);
    tds_put_text (k, "state_desc", states[state % 3]);
    tds_put_int (k, "is_admin_endpoint", 0);
}

static void
fill_endpoints (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_instance *i = w_instance (w, s->instance);

    put_endpoint (k, "TSQL Default TCP", 4, 0, false);
    tds_put_int (k, "port", 0);
    if (i->endpoint != 0) {
        put_endpoint (k, w_str (w, i->endpoint), 65536, i->endpoint_state, true);
        tds_put_int (k, "port", i->endpoint_port);
    }
}

static void
fill_mirroring_endpoints (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    static const char *const roles[] = { "NONE", "PARTNER", "WITNESS", "ALL" };
    const struct w_instance *i = w_instance (w, s->instance);

    if (i->endpoint == 0)
        return;
    put_endpoint (k, w_str (w, i->endpoint), 65536, i->endpoint_state, true);
    tds_put_int (k, "role", i->endpoint_role);
    tds_put_text (k, "role_desc", roles[i->endpoint_role % 4]);
    tds_put_int (k, "is_encryption_enabled", 1);
    tds_put_int (k, "connection_auth", 3);
    tds_put_text (k, "connection_auth_desc", "NEGOTIATE");
    tds_put_int (k, "certificate_id", 0);
    tds_put_int (k, "encryption_algorithm", 2);
    tds_put_text (k, "encryption_algorithm_desc", "AES");
}

/* ---- files ---- */

static void
put_file (struct tds_sink *k, bool on_linux, int db, const char *name, int file, unsigned state)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s%s%s", on_linux ? "/var/opt/mssql/data/" : "D:\\Data\\", name,
                                         file == 1 ? ".mdf" : "_log.ldf");
    SB_AUTOFREE char *logical = sb_xprintf ("%s%s", name, file == 1 ? "" : "_log");

    tds_row (k);
    tds_put_int (k, "database_id", db);
    tds_put_int (k, "file_id", file);
    tds_put_int (k, "type", file == 1 ? 0 : 1);
    tds_put_text (k, "type_desc", file == 1 ? "ROWS" : "LOG");
    tds_put_int (k, "data_space_id", file == 1 ? 1 : 0);
    tds_put_text (k, "name", logical);
    tds_put_text (k, "physical_name", path);
    tds_put_int (k, "state", state);
    tds_put_text (k, "state_desc", tds_state_desc (state));
    tds_put_int (k, "size", file == 1 ? 8192 : 1024);
    tds_put_int (k, "max_size", file == 1 ? -1 : 268435456);
    tds_put_int (k, "growth", 8192);
    tds_put_int (k, "is_media_read_only", 0);
    tds_put_int (k, "is_read_only", 0);
    tds_put_int (k, "is_sparse", 0);
    tds_put_int (k, "is_percent_growth", 0);
}

static void
put_redo (struct world *w, const struct w_copy *c, struct tds_sink *k)
{
    if (c->state != W_RESTORING && !c->standby)
        return;
    tds_put_lsn (k, "redo_start_lsn", c->lsn);
    tds_put_guid (k, "redo_start_fork_guid", w, w->forks[c->fork - 1].guid);
    tds_put_lsn (k, "redo_target_lsn", c->lsn);
    tds_put_guid (k, "redo_target_fork_guid", w, w->forks[c->fork - 1].guid);
}

static void
fill_master_files (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_copy *c;

    for (size_t i = 0; i < 4; i++)
        for (int file = 1; file <= 2; file++)
            put_file (k, w_instance (w, s->instance)->on_linux, system_dbs[i].id, system_dbs[i].name, file, 0);
    for (w_id at = 0; (c = next_copy (s, w, &at)) != NULL;)
        for (int file = 1; file <= 2; file++) {
            put_file (k, w_instance (w, s->instance)->on_linux, c->number, w_str (w, c->name), file,
                      tds_visible_state (w, c));
            if (file == 1)
                put_redo (w, c, k);
        }
}

static void
fill_database_files (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_copy *c = s->copy == 0 ? NULL : w_copy (w, s->copy);

    for (int file = 1; file <= 2; file++) {
        put_file (k, w_instance (w, s->instance)->on_linux, 0, s->database, file, c == NULL ? 0 : c->state);
        if (c != NULL && file == 1)
            put_redo (w, c, k);
    }
}

static void
fill_volume_stats (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_instance *me = w_instance (w, s->instance);
    const struct w_copy *c;
    int ids[W_MAX_COPIES + 4], n = 0;

    for (size_t i = 0; i < 4; i++)
        ids[n++] = system_dbs[i].id;
    for (w_id at = 0; (c = next_copy (s, w, &at)) != NULL;)
        ids[n++] = c->number;
    for (int i = 0; i < n * 2; i++) {
        tds_row (k);
        tds_put_int (k, "database_id", ids[i / 2]);
        tds_put_int (k, "file_id", i % 2 + 1);
        tds_put_text (k, "volume_mount_point", "D:\\");
        tds_put_text (k, "logical_volume_name", "Data");
        tds_put_text (k, "file_system_type", "NTFS");
        tds_put_int (k, "total_bytes", INT64_C (107374182400));
        tds_put_int (k, "available_bytes", me->disk_full ? 0 : INT64_C (64424509440));
    }
}

/* ---- principals and settings ---- */

static void
fill_server_principals (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const char *name;
    bool admin;

    for (size_t i = 0; (name = tds_login_at (s, i, &admin)) != NULL; i++) {
        tds_row (k);
        tds_put_text (k, "name", name);
        tds_put_int (k, "principal_id", i == 0 ? 1 : 258 + (int64_t) i);
        put_sid (k, "sid", name);
        tds_put_text (k, "type", "S");
        tds_put_text (k, "type_desc", "SQL_LOGIN");
        tds_put_int (k, "is_disabled", 0);
        tds_put_time (k, "create_date", w_instance (w, s->instance)->started_ms);
        tds_put_text (k, "default_database_name", "master");
        tds_put_text (k, "default_language_name", "us_english");
        tds_put_int (k, "is_fixed_role", 0);
    }
}

static void
fill_database_principals (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    static const struct {
        const char *name, *type, *desc;
        int id;
    } rows[] = { { "public", "R", "DATABASE_ROLE", 0 },
                 { "dbo", "S", "SQL_USER", 1 },
                 { "guest", "S", "SQL_USER", 2 },
                 { "INFORMATION_SCHEMA", "S", "SQL_USER", 3 },
                 { "sys", "S", "SQL_USER", 4 },
                 { "db_owner", "R", "DATABASE_ROLE", 16384 },
                 { "db_datareader", "R", "DATABASE_ROLE", 16390 },
                 { "db_datawriter", "R", "DATABASE_ROLE", 16391 } };
    const struct w_copy *c = s->copy == 0 ? NULL : w_copy (w, s->copy);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tds_row (k);
        tds_put_text (k, "name", rows[i].name);
        tds_put_int (k, "principal_id", rows[i].id);
        tds_put_text (k, "type", rows[i].type);
        tds_put_text (k, "type_desc", rows[i].desc);
        tds_put_text (k, "default_schema_name", rows[i].type[0] == 'S' ? "dbo" : NULL);
        tds_put_int (k, "authentication_type", rows[i].id == 1 ? 1 : 0);
        tds_put_int (k, "is_fixed_role", rows[i].id >= 16384);
        if (rows[i].id == 1)
            put_sid (k, "sid", c == NULL ? "sa" : w_str (w, c->owner));
    }
}

static void
fill_sys_info (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    tds_row (k);
    tds_put_time (k, "sqlserver_start_time", w_instance (w, s->instance)->started_ms);
    tds_put_int (k, "ms_ticks", tds_now (s) - w_instance (w, s->instance)->started_ms);
    tds_put_int (k, "cpu_count", 4);
    tds_put_int (k, "physical_memory_kb", 16777216);
    tds_put_int (k, "virtual_machine_type", 1);
    tds_put_text (k, "virtual_machine_type_desc", "HYPERVISOR");
}

static void
fill_host_info (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    bool on_linux = w_instance (w, s->instance)->on_linux;

    tds_row (k);
    tds_put_text (k, "host_platform", on_linux ? "Linux" : "Windows");
    tds_put_text (k, "host_distribution", on_linux ? "Ubuntu" : "Windows Server 2022 Standard");
    tds_put_text (k, "host_release", on_linux ? "20.04" : "10.0");
    tds_put_int (k, "os_language_version", 1033);
}

static void
fill_services (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    const struct w_instance *i = w_instance (w, s->instance);

    for (int agent = 0; agent < 2; agent++) {
        bool runs = !agent || i->agent;
        tds_row (k);
        tds_put_text (k, "servicename", agent ? "SQL Server Agent (MSSQLSERVER)" : "SQL Server (MSSQLSERVER)");
        tds_put_int (k, "startup_type", 2);
        tds_put_text (k, "startup_type_desc", "Automatic");
        tds_put_int (k, "status", runs ? 4 : 1);
        tds_put_text (k, "status_desc", runs ? "Running" : "Stopped");
        tds_put_time (k, "last_startup_time", i->started_ms);
        tds_put_text (k, "service_account", "NT Service\\MSSQLSERVER");
        tds_put_text (k, "is_clustered", "N");
    }
}

static void
fill_configurations (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    static const struct {
        const char *name;
        int id, value;
    } rows[] = { { "show advanced options", 518, 0 },
                 { "backup compression default", 1579, 0 },
                 { "backup checksum default", 1584, 0 },
                 { "max server memory (MB)", 1544, 12288 },
                 { "remote admin connections", 1576, 0 },
                 { "Agent XPs", 16384, 1 },
                 { "xp_cmdshell", 16390, 0 },
                 { "contained database authentication", 16393, 0 } };

    (void) s;
    (void) w;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tds_row (k);
        tds_put_int (k, "configuration_id", rows[i].id);
        tds_put_text (k, "name", rows[i].name);
        tds_put_int (k, "value", rows[i].value);
        tds_put_int (k, "value_in_use", rows[i].value);
        tds_put_int (k, "minimum", 0);
        tds_put_int (k, "maximum", rows[i].id == 1544 ? 2147483647 : 1);
        tds_put_text (k, "description", rows[i].name);
        tds_put_int (k, "is_dynamic", 1);
        tds_put_int (k, "is_advanced", rows[i].id != 518);
    }
}

static void
fill_sysservers (struct tds_session *s, struct world *w, struct tds_sink *k)
{
    tds_row (k);
    tds_put_int (k, "server_id", 0);
    tds_put_text (k, "name", w_str (w, w_instance (w, s->instance)->server));
    tds_put_text (k, "product", "SQL Server");
    tds_put_text (k, "provider", "SQLNCLI");
    tds_put_text (k, "data_source", w_str (w, w_instance (w, s->instance)->server));
    tds_put_int (k, "is_linked", 0);
}

#define DESC(x) #x " tinyint, " #x "_desc nvarchar(60), "
#define ENDPOINT                                                                                      \
    "name sysname not null, endpoint_id int not null, principal_id int, " DESC (protocol) DESC (type) \
            DESC (state) "is_admin_endpoint bit not null, "
#define FILES                                                                                                             \
    "file_id int not null, " DESC (                                                                                       \
            type) "data_space_id int not null, name sysname not null, "                                                   \
                  "physical_name nvarchar(260) not null, " DESC (                                                         \
                          state) "size int not null, max_size int not null, "                                             \
                                 "growth int not null, is_media_read_only bit not null, is_read_only bit not null, "      \
                                 "is_sparse bit not null, is_percent_growth bit not null, redo_start_lsn numeric(25,0), " \
                                 "redo_start_fork_guid uniqueidentifier, redo_target_lsn numeric(25,0), "                 \
                                 "redo_target_fork_guid uniqueidentifier"
const struct tds_view tds_views_sys[] = {
    { "", "sys", "databases",
      "name sysname not null, database_id int not null, source_database_id int, owner_sid varbinary(85), "
      "create_date datetime, compatibility_level tinyint not null, collation_name sysname, " DESC (user_access) "is_read_only bit, is_auto_close_on bit not null, is_auto_shrink_on bit, " DESC (
              state) "is_in_standby bit, is_cleanly_shutdown bit, is_supplemental_logging_enabled bit, " DESC (snapshot_isolation_state) "is_read_committed_snapshot_on bit, " DESC (recovery_model)
              DESC (page_verify_option) "is_trustworthy_on bit, is_broker_enabled bit, service_broker_guid uniqueidentifier, " DESC (
                      log_reuse_wait) "is_encrypted bit, replica_id uniqueidentifier, group_database_id uniqueidentifier, " DESC (containment) "target_recovery_time_in_seconds int",
      fill_databases, 0 },
    { "", "sys", "database_mirroring",
      "database_id int not null, mirroring_guid uniqueidentifier, " DESC (mirroring_state)
              DESC (mirroring_role) "mirroring_role_sequence int, " DESC (
                      mirroring_safety_level) "mirroring_safety_sequence int, "
                                              "mirroring_partner_name nvarchar(128), mirroring_partner_instance nvarchar(128), "
                                              "mirroring_witness_name nvarchar(128), " DESC (
                                                      mirroring_witness_state) "mirroring_failover_lsn numeric(25,0), "
                                                                               "mirroring_connection_timeout int, mirroring_redo_queue int, mirroring_redo_queue_type nvarchar(60), "
                                                                               "mirroring_end_of_log_lsn numeric(25,0), mirroring_replication_lsn numeric(25,0)",
      fill_mirroring, 0 },
    { "", "sys", "database_mirroring_witnesses",
      "database_name sysname not null, principal_server_name sysname, mirror_server_name sysname, " DESC (
              safety_level) "safety_sequence_number int, role_sequence_number int, mirroring_guid uniqueidentifier, "
                            "family_guid uniqueidentifier, is_suspended bit, is_suspended_sequence_number int, "
                            "partner_sync_state tinyint, partner_sync_state_desc nvarchar(60)",
      fill_witnesses, 0 },
    { "", "sys", "endpoints", ENDPOINT, fill_endpoints, 0 },
    { "", "sys", "tcp_endpoints", ENDPOINT "port int not null, is_dynamic_port bit, ip_address nvarchar(45)",
      fill_endpoints, 0 },
    { "", "sys", "database_mirroring_endpoints",
      ENDPOINT DESC (role) "is_encryption_enabled bit not null, " DESC (
              connection_auth) "certificate_id int not null, "
                               "encryption_algorithm tinyint, encryption_algorithm_desc nvarchar(60)",
      fill_mirroring_endpoints, 0 },
    { "", "sys", "master_files", "database_id int not null, file_guid uniqueidentifier, " FILES, fill_master_files, 0 },
    { "", "sys", "database_files", "file_guid uniqueidentifier, " FILES, fill_database_files, 0 },
    { "", "sys", "dm_os_volume_stats",
      "database_id int, file_id int, volume_mount_point nvarchar(256), volume_id nvarchar(256), "
      "logical_volume_name nvarchar(256), file_system_type nvarchar(256), total_bytes bigint, available_bytes bigint",
      fill_volume_stats, 2 },
    { "", "sys", "server_principals",
      "name sysname not null, principal_id int not null, sid varbinary(85), type char(1) not null, type_desc nvarchar(60), "
      "is_disabled bit, create_date datetime, modify_date datetime, default_database_name sysname, "
      "default_language_name sysname, credential_id int, owning_principal_id int, is_fixed_role bit",
      fill_server_principals, 0 },
    { "", "sys", "database_principals",
      "name sysname not null, principal_id int not null, type char(1) not null, type_desc nvarchar(60), "
      "default_schema_name sysname, create_date datetime, modify_date datetime, owning_principal_id int, "
      "sid varbinary(85), is_fixed_role bit, authentication_type int, authentication_type_desc nvarchar(60)",
      fill_database_principals, 0 },
    { "", "sys", "dm_os_sys_info",
      "sqlserver_start_time datetime not null, ms_ticks bigint not null, cpu_count int not null, "
      "physical_memory_kb bigint not null, virtual_machine_type int, virtual_machine_type_desc nvarchar(60)",
      fill_sys_info, 0 },
    { "", "sys", "dm_os_host_info",
      "host_platform nvarchar(256), host_distribution nvarchar(256), host_release nvarchar(256), os_language_version int",
      fill_host_info, 0 },
    { "", "sys", "dm_server_services",
      "servicename nvarchar(256), startup_type int, startup_type_desc nvarchar(256), status int, status_desc nvarchar(256), "
      "process_id int, last_startup_time datetime, service_account nvarchar(256), is_clustered nvarchar(1)",
      fill_services, 0 },
    { "", "sys", "configurations",
      "configuration_id int not null, name nvarchar(35) not null, value int, minimum int, maximum int, value_in_use int, "
      "description nvarchar(255) not null, is_dynamic bit not null, is_advanced bit not null",
      fill_configurations, 0 },
    { "", "sys", "servers",
      "server_id int not null, name sysname not null, product sysname, provider sysname, data_source nvarchar(4000), "
      "is_linked bit",
      fill_sysservers, 0 },
    { NULL, NULL, NULL, NULL, NULL, 0 },
};
