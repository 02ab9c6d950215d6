/* Log shipping's procedures (SQL sheet 4.2, 4.3): arguments in, one operation of the world, outputs back. */
#include "lab/tds/do.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUT(place, param) snprintf (place, sizeof (place), "%s", tds_arg_text (call, param))

/* 32052: a name that is needed is empty. */
static bool
needs (struct tds_call *call, const char *param)
{
    SB_AUTOFREE char *shown = sb_xprintf ("@%s", param);

    if (tds_arg_text (call, param)[0] != 0)
        return true;
    tds_say (call->s, call->r, 32052, shown);
    return false;
}

static int
status_of (struct tds_call *call, struct w_op *op, struct w_out *out)
{
    w_out_init (out);
    tds_op (call->s, op, out, NULL, NULL);
    return tds_say_out (call->s, call->r, out) ? 0 : 1;
}

static void
begin (struct tds_call *call, struct w_op *op, enum w_op_kind kind, const char *db_param)
{
    tds_op_init (call->s, op, kind, tds_arg_text (call, db_param));
    if (tds_arg_int (call, "overwrite", 0) != 0)
        op->flags |= W_WITH_OVERWRITE;
}

/* What the alert number may be: 14420, 14421 or one of the user's own. */
static bool
valid_alert (struct tds_call *call)
{
    int64_t n = tds_arg_int (call, "threshold_alert", 14420);

    if (n == 14420 || n == 14421 || n >= 50001)
        return true;
    tds_say (call->s, call->r, 32028, (int) n);
    return false;
}

static int
primary (struct tds_call *call, enum w_op_kind kind)
{
    struct w_op op;
    struct w_out out;
    int status;
    bool change = kind == W_OP_LS_CHANGE_PRIMARY;

    if (!needs (call, "database") || !valid_alert (call))
        return 1;
    begin (call, &op, kind, "database");
    PUT (op.path[0], "backup_directory");
    PUT (op.path[1], "backup_share");
    PUT (op.name[0], "backup_job_name");
    PUT (op.name[1], "monitor_server");
    op.n[0] = (int32_t) tds_arg_int (call, "backup_retention_period", change ? -1 : 1440);
    op.n[1] = (int32_t) tds_arg_int (call, "backup_threshold", change ? -1 : 60);
    op.n[2] = (int32_t) tds_arg_int (call, "threshold_alert", change ? -1 : 14420);
    op.n[3] = (int32_t) tds_arg_int (call, "threshold_alert_enabled", change ? -1 : 0);
    op.n[4] = (int32_t) tds_arg_int (call, "history_retention_period", change ? -1 : 14420);
    op.n[5] = (int32_t) tds_arg_int (call, "backup_compression", change ? -1 : 2);
    status = status_of (call, &op, &out);
    if (status == 0 && !change) {
        tds_out_guid (call, "backup_job_id", (w_guid) out.value[0]);
        tds_out_guid (call, "primary_id", (w_guid) out.value[1]);
    }
    return status;
}

static int
add_primary (struct tds_call *call)
{
    return primary (call, W_OP_LS_ADD_PRIMARY);
}

static int
change_primary (struct tds_call *call)
{
    return primary (call, W_OP_LS_CHANGE_PRIMARY);
}

static int
delete_primary (struct tds_call *call)
{
    struct w_op op;
    struct w_out out;

    if (!needs (call, "database"))
        return 1;
    begin (call, &op, W_OP_LS_DELETE_PRIMARY, "database");
    return status_of (call, &op, &out);
}

static int
pair (struct tds_call *call, enum w_op_kind kind)
{
    struct w_op op;
    struct w_out out;

    if (!needs (call, "primary_database") || !needs (call, "secondary_server") || !needs (call, "secondary_database"))
        return 1;
    begin (call, &op, kind, "primary_database");
    PUT (op.name[0], "secondary_server");
    PUT (op.name[1], "secondary_database");
    return status_of (call, &op, &out);
}

static int
add_pair (struct tds_call *call)
{
    return pair (call, W_OP_LS_ADD_PAIR);
}

static int
delete_pair (struct tds_call *call)
{
    return pair (call, W_OP_LS_DELETE_PAIR);
}

static int
secondary (struct tds_call *call, enum w_op_kind kind)
{
    struct w_op op;
    struct w_out out;
    int status;
    bool change = kind == W_OP_LS_CHANGE_SECONDARY;

    if (!needs (call, "primary_server") || !needs (call, "primary_database"))
        return 1;
    begin (call, &op, kind, "primary_database");
    PUT (op.name[0], "primary_server");
    PUT (op.name[1], "copy_job_name");
    PUT (op.name[2], "restore_job_name");
    PUT (op.name[3], "monitor_server");
    PUT (op.path[0], "backup_source_directory");
    PUT (op.path[1], "backup_destination_directory");
    op.n[0] = (int32_t) tds_arg_int (call, "file_retention_period", change ? -1 : 14420);
    status = status_of (call, &op, &out);
    if (status == 0 && !change) {
        tds_out_guid (call, "copy_job_id", (w_guid) out.value[0]);
        tds_out_guid (call, "restore_job_id", (w_guid) out.value[1]);
        tds_out_guid (call, "secondary_id", (w_guid) out.value[2]);
    }
    return status;
}

static int
add_secondary (struct tds_call *call)
{
    return secondary (call, W_OP_LS_ADD_SECONDARY);
}

static int
change_secondary (struct tds_call *call)
{
    return secondary (call, W_OP_LS_CHANGE_SECONDARY);
}

static int
delete_secondary (struct tds_call *call)
{
    struct w_op op;
    struct w_out out;

    if (!needs (call, "primary_server") || !needs (call, "primary_database"))
        return 1;
    begin (call, &op, W_OP_LS_DELETE_SECONDARY, "primary_database");
    PUT (op.name[0], "primary_server");
    return status_of (call, &op, &out);
}

static int
secondary_database (struct tds_call *call, enum w_op_kind kind)
{
    static const struct {
        const char *param;
        int fallback;
    } numbers[] = { { "restore_delay", 0 },
                    { "restore_all", 1 },
                    { "restore_mode", 0 },
                    { "disconnect_users", 0 },
                    { "restore_threshold", 45 },
                    { "threshold_alert", 14420 },
                    { "threshold_alert_enabled", 1 },
                    { "history_retention_period", 14420 },
                    { "block_size", -1 },
                    { "buffer_count", -1 },
                    { "max_transfer_size", -1 } };
    struct w_op op;
    struct w_out out;

    if (!needs (call, "secondary_database") || !valid_alert (call))
        return 1;
    begin (call, &op, kind, "secondary_database");
    PUT (op.name[0], "primary_server");
    PUT (op.name[1], "primary_database");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        op.n[i] = (int32_t) tds_arg_int (call, numbers[i].param,
                                         kind == W_OP_LS_CHANGE_SECONDARY_DB ? -1 : numbers[i].fallback);
    return status_of (call, &op, &out);
}

static int
add_secondary_database (struct tds_call *call)
{
    if (!needs (call, "primary_server") || !needs (call, "primary_database"))
        return 1;
    return secondary_database (call, W_OP_LS_ADD_SECONDARY_DB);
}

static int
change_secondary_database (struct tds_call *call)
{
    return secondary_database (call, W_OP_LS_CHANGE_SECONDARY_DB);
}

static int
delete_secondary_database (struct tds_call *call)
{
    struct w_op op;
    struct w_out out;

    if (!needs (call, "secondary_database"))
        return 1;
    begin (call, &op, W_OP_LS_DELETE_SECONDARY_DB, "secondary_database");
    return status_of (call, &op, &out);
}

static int
add_alert_job (struct tds_call *call)
{
    struct w_op op;
    struct w_out out;
    int status;

    tds_op_init (call->s, &op, W_OP_LS_ADD_ALERT_JOB, "");
    status = status_of (call, &op, &out);
    if (status == 0)
        tds_out_guid (call, "alert_job_id", (w_guid) out.value[0]);
    return status;
}

/* ---- showing ---- */

/* The result set of a view, only rows whose columns are the arguments that were given. */
static int
show (struct tds_call *call, const struct tds_view *v, const char *const *params, const char *const *columns)
{
    struct sb_arena *a = call->r->c->arena;
    SB_CLEANUP (sb_buf_free) struct sb_buf sql = { 0 };
    struct sb_sql_query q = { 0 };
    struct sb_sql_column *cols = tds_columns_of (a, v->columns, &q.ncols);
    const struct sb_sql_object *o = tds_object_new (call->s, a, v->name, cols, q.ncols);
    struct world *w = tds_world (call->s);
    struct tds_sink *k;
    int64_t rows = 0;
    unsigned conditions = 0;

    if (o == NULL || w == NULL)
        return 1;
    k = tds_sink_open (call->s, o);
    v->fill (call->s, w, k);
    tds_sink_close (k);
    sb_buf_str (&sql, "SELECT * FROM ");
    sb_sql_quote_name (&sql, v->name);
    for (size_t i = 0; params[i] != NULL; i++)
        if (tds_arg_given (call, params[i])) {
            const char *text = tds_arg_text (call, params[i]);
            sb_buf_str (&sql, conditions++ == 0 ? " WHERE " : " AND ");
            sb_sql_quote_name (&sql, columns[i]);
            sb_buf_str (&sql, " = ");
            sb_sql_quote_text (&sql, text, strlen (text));
        }
    q.types = sb_arena_alloc (a, q.ncols * sizeof *q.types);
    for (size_t i = 0; i < q.ncols; i++)
        q.types[i] = cols[i].type;
    q.sql = sb_arena_strdup (a, sql.s);
    tds_select (call->s, call->r, &q, &rows);
    tds_done (call->s, call->r, SB_TDS_COUNT, TDS_CMD_SELECT, rows);
    return 0;
}

#define SHOW(fn, view, params, columns)                              \
    static int fn (struct tds_call *call)                            \
    {                                                                \
        static const char *const p[] = params, *const c[] = columns; \
        return show (call, &view, p, c);                             \
    }
#define LIST(...)         \
    {                     \
        __VA_ARGS__, NULL \
    }

SHOW (help_monitor, tds_result_monitor, LIST (NULL), LIST (NULL))
SHOW (help_primary, tds_result_primary, LIST ("database", "primary_id"), LIST ("primary_database", "primary_id"))
SHOW (help_secondary_primary, tds_result_secondary_primary, LIST ("primary_server", "primary_database"),
      LIST ("primary_server", "primary_database"))
SHOW (help_secondary, tds_result_secondary, LIST ("secondary_database", "secondary_id"),
      LIST ("secondary_database", "secondary_id"))
SHOW (help_alert, tds_result_alert, LIST (NULL), LIST (NULL))

static int
help_pairs (struct tds_call *call)
{
    static const char *const none[] = { NULL };
    struct world *w = tds_world (call->s);
    bool there = false;

    for (unsigned i = 0; w != NULL && i < w->nprimaries; i++)
        there |= w->primaries[i].instance == call->s->instance
                 && sb_casecmp (w_str (w, w->primaries[i].database), tds_arg_text (call, "primary_database")) == 0;
    if (!there) {
        tds_say (call->s, call->r, 32010, tds_arg_text (call, "primary_database"));
        return 1;
    }
    return show (call, &tds_result_pairs, none, none);
}

/* The monitor is the server itself here: there is nothing to push, but the pair must be right (32016). */
static int
refresh (struct tds_call *call)
{
    struct world *w = tds_world (call->s);
    const char *id = tds_arg_text (call, "agent_id");
    int type = (int) tds_arg_int (call, "agent_type", 0);
    w_guid g = w == NULL ? 0 : w_guid_parse (w, id);
    bool good = false;

    for (unsigned i = 0; w != NULL && g != 0 && i < w->nprimaries; i++)
        good |= type == 0 && w->primaries[i].instance == call->s->instance && w->primaries[i].guid == g;
    for (unsigned i = 0; w != NULL && g != 0 && i < w->nsecondaries; i++)
        good |= (type == 1 || type == 2) && w->secondaries[i].instance == call->s->instance
                && w->secondaries[i].guid == g;
    if (!good)
        tds_say (call->s, call->r, 32016, id, type);
    return good ? 0 : 1;
}

#define MONITOR \
    "?monitor_server sysname, ?monitor_server_security_mode bit, ?monitor_server_login sysname, ?monitor_server_password sysname, "
#define TAIL "?overwrite bit, ?ignoreremotemonitor bit"

const struct tds_proc tds_procs_ship[] = {
    { "sp_add_log_shipping_primary_database",
      "database sysname, backup_directory nvarchar(500), backup_share nvarchar(500), backup_job_name sysname, "
      "backup_retention_period int, " MONITOR
      "?backup_threshold int, ?threshold_alert int, ?threshold_alert_enabled bit, "
      "?history_retention_period int, ?backup_job_id uniqueidentifier, ?primary_id uniqueidentifier, ?backup_compression tinyint, " TAIL,
      add_primary, true },
    { "sp_change_log_shipping_primary_database",
      "database sysname, ?backup_directory nvarchar(500), ?backup_share nvarchar(500), ?backup_retention_period int, "
      "?monitor_server_security_mode bit, ?monitor_server_login sysname, ?monitor_server_password sysname, ?backup_threshold int, "
      "?threshold_alert int, ?threshold_alert_enabled bit, ?history_retention_period int, ?backup_compression tinyint, "
      "?ignoreremotemonitor bit",
      change_primary, true },
    { "sp_delete_log_shipping_primary_database", "database sysname, ?ignoreremotemonitor bit", delete_primary, true },
    { "sp_add_log_shipping_primary_secondary",
      "primary_database sysname, secondary_server sysname, secondary_database sysname, ?overwrite bit", add_pair,
      true },
    { "sp_delete_log_shipping_primary_secondary",
      "primary_database sysname, secondary_server sysname, secondary_database sysname", delete_pair, true },
    { "sp_add_log_shipping_secondary_primary",
      "primary_server sysname, primary_database sysname, backup_source_directory nvarchar(500), "
      "backup_destination_directory nvarchar(500), copy_job_name sysname, restore_job_name sysname, ?file_retention_period int, " MONITOR
      "?copy_job_id uniqueidentifier, ?restore_job_id uniqueidentifier, ?secondary_id uniqueidentifier, " TAIL,
      add_secondary, true },
    { "sp_change_log_shipping_secondary_primary",
      "primary_server sysname, primary_database sysname, ?backup_source_directory nvarchar(500), "
      "?backup_destination_directory nvarchar(500), ?file_retention_period int, ?monitor_server_security_mode bit, "
      "?monitor_server_login sysname, ?monitor_server_password sysname",
      change_secondary, true },
    { "sp_delete_log_shipping_secondary_primary", "primary_server sysname, primary_database sysname", delete_secondary,
      true },
    { "sp_add_log_shipping_secondary_database",
      "secondary_database sysname, primary_server sysname, primary_database sysname, ?restore_delay int, ?restore_all bit, "
      "?restore_mode bit, ?disconnect_users bit, ?block_size int, ?buffer_count int, ?max_transfer_size int, ?restore_threshold int, "
      "?threshold_alert int, ?threshold_alert_enabled bit, ?history_retention_period int, " TAIL,
      add_secondary_database, true },
    { "sp_change_log_shipping_secondary_database",
      "secondary_database sysname, ?restore_delay int, ?restore_all bit, ?restore_mode bit, ?disconnect_users bit, ?block_size int, "
      "?buffer_count int, ?max_transfer_size int, ?restore_threshold int, ?threshold_alert int, ?threshold_alert_enabled bit, "
      "?history_retention_period int, ?ignoreremotemonitor bit",
      change_secondary_database, true },
    { "sp_delete_log_shipping_secondary_database", "secondary_database sysname, ?ignoreremotemonitor bit",
      delete_secondary_database, true },
    { "sp_add_log_shipping_alert_job", "?alert_job_id uniqueidentifier", add_alert_job, true },
    { "sp_help_log_shipping_monitor", "", help_monitor, true },
    { "sp_help_log_shipping_primary_database", "?database sysname, ?primary_id uniqueidentifier", help_primary, true },
    { "sp_help_log_shipping_primary_secondary", "primary_database sysname", help_pairs, true },
    { "sp_help_log_shipping_secondary_primary", "primary_server sysname, primary_database sysname",
      help_secondary_primary, true },
    { "sp_help_log_shipping_secondary_database", "?secondary_database sysname, ?secondary_id uniqueidentifier",
      help_secondary, true },
    { "sp_help_log_shipping_alert_job", "", help_alert, true },
    { "sp_refresh_log_shipping_monitor",
      "agent_id uniqueidentifier, agent_type tinyint, ?database sysname, ?mode tinyint", refresh, true },
    { "sp_cleanup_log_shipping_history", "agent_id uniqueidentifier, agent_type tinyint", refresh, true },
    { NULL, NULL, NULL, false },
};
