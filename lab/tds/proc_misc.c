/* Files, sessions, mirroring's monitor, sp_executesql (SQL sheet 2.11, 5.1, 5.4). */
#include "lab/tds/do.h"
#include "lab/tds/view.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sends rows that a procedure made itself. */
static int
send_rows (struct tds_call *call, const char *columns,
           void (*fill) (struct tds_call *call, struct tds_sink *k, void *ctx), void *ctx)
{
    struct sb_sql_query q = { .sql = "SELECT * FROM \"procedure result\"" };
    struct sb_arena *a = call->r->c->arena;
    struct sb_sql_column *cols = tds_columns_of (a, columns, &q.ncols);
    const struct sb_sql_object *o = tds_object_new (call->s, a, "procedure result", cols, q.ncols);
    struct tds_sink *k;
    int64_t rows = 0;

    if (o == NULL)
        return 1;
    k = tds_sink_open (call->s, o);
    fill (call, k, ctx);
    tds_sink_close (k);
    q.types = sb_arena_alloc (a, q.ncols * sizeof *q.types);
    for (size_t i = 0; i < q.ncols; i++)
        q.types[i] = cols[i].type;
    tds_select (call->s, call->r, &q, &rows);
    tds_done (call->s, call->r, SB_TDS_COUNT, TDS_CMD_SELECT, rows);
    return 0;
}

/* ---- files ---- */

struct walk {
    int64_t depth;
    bool files;
    unsigned entries;
};

static void
walk (struct tds_call *call, struct tds_sink *k, struct walk *x, const char *folder, int64_t level)
{
    SB_AUTOFREE struct w_file *list = NULL;
    size_t n = 0;

    if (w_client_list (call->s->world, call->s->instance, folder, &list, &n) != W_FILE_OK)
        return;
    for (size_t i = 0; i < n && x->entries < 100000; i++) {
        if (!list[i].is_dir && !x->files)
            continue;
        tds_row (k);
        tds_put_text (k, "subdirectory", list[i].name);
        tds_put_int (k, "depth", level);
        tds_put_int (k, "file", !list[i].is_dir);
        x->entries++;
        if (list[i].is_dir && level < x->depth && level < 16) {
            SB_AUTOFREE char *below = sb_xprintf ("%s\\%s", folder, list[i].name);
            walk (call, k, x, below, level + 1);
        }
    }
}

static void
fill_tree (struct tds_call *call, struct tds_sink *k, void *ctx)
{
    walk (call, k, ctx, tds_arg_text (call, "directory"), 1);
}

static int
dirtree (struct tds_call *call)
{
    struct walk x = { .depth = tds_arg_int (call, "depth", 0), .files = tds_arg_int (call, "file", 0) != 0 };

    if (x.depth <= 0)
        x.depth = 16;
    return send_rows (call,
                      x.files ? "subdirectory nvarchar(512), depth int, file int"
                              : "subdirectory nvarchar(512), depth int",
                      fill_tree, &x);
}

static int
fileexist (struct tds_call *call)
{
    const char *path = tds_arg_text (call, "filename");
    SB_AUTOFREE char *parent = sb_xstrdup (path);
    struct w_file f;
    int found[3] = { 0, 0, 0 };
    char *slash = strrchr (parent, '\\');
    char number[8];
    struct sb_sql_type types[3];
    struct sb_sql_query q = { .types = types, .ncols = 3 };
    int64_t rows = 0;

    if (w_client_stat (call->s->world, call->s->instance, path, &f) == W_FILE_OK)
        found[f.is_dir ? 1 : 0] = 1;
    if (slash != NULL && slash > parent) {
        *slash = 0;
        found[2] = w_client_stat (call->s->world, call->s->instance, parent, &f) == W_FILE_OK && f.is_dir;
    }
    if (call->given[1]) {
        snprintf (number, sizeof number, "%d", found[0]);
        tds_out_text (call, "exists", number);
        return 0;
    }
    for (size_t i = 0; i < 3; i++)
        types[i] = SB_SQL_TYPE (SB_SQL_INT, 4);
    q.sql = sb_arena_printf (
            call->r->c->arena,
            "SELECT %d AS \"File Exists\", %d AS \"File is a Directory\", %d AS \"Parent Directory Exists\"", found[0],
            found[1], found[2]);
    tds_select (call->s, call->r, &q, &rows);
    tds_done (call->s, call->r, SB_TDS_COUNT, TDS_CMD_SELECT, rows);
    return 0;
}

static int
create_subdir (struct tds_call *call)
{
    int error = w_client_file (call->s->world, call->s->instance, W_FILE_MKDIR, tds_arg_text (call, "directory"));

    if (error == W_FILE_OK || error == W_FILE_EXISTS)
        return 0;
    tds_say (call->s, call->r, 22048, error, w_file_error_text (error));
    return 1;
}

/* ---- sessions ---- */

static int
who2 (struct tds_call *call)
{
    struct sb_sql_query q = { .ncols = 13 };
    struct sb_sql_type types[13];
    struct sb_arena *a = call->r->c->arena;
    struct sb_sql_cursor c = *call->r->c;
    struct sb_sql_env env = tds_env (call->s);
    struct sb_sql_name name = { .part = { "", "", "sys", "sysprocesses" }, .count = 2 };
    const struct sb_sql_object *o;
    int64_t rows = 0;

    c.env = &env;
    o = env.object (&c, env.self, &name);
    if (o == NULL)
        return 1;
    for (size_t i = 0; i < 13; i++)
        types[i] = SB_SQL_TYPE (SB_SQL_NVARCHAR, 128);
    q.types = types;
    q.sql = sb_arena_printf (
            a,
            "SELECT CAST(spid AS TEXT) AS SPID, status AS Status, loginame AS Login, CASE hostname WHEN '' THEN '  .' ELSE hostname END AS HostName, "
            "CASE blocked WHEN 0 THEN '  .' ELSE CAST(blocked AS TEXT) END AS BlkBy, ts_db_name(dbid) AS DBName, cmd AS Command, "
            "CAST(cpu AS TEXT) AS CPUTime, CAST(physical_io AS TEXT) AS DiskIO, substr(last_batch, 6, 14) AS LastBatch, "
            "program_name AS ProgramName, CAST(spid AS TEXT) AS SPID, '0' AS REQUESTID FROM \"%s\" ORDER BY spid",
            o->key);
    tds_select (call->s, call->r, &q, &rows);
    tds_done (call->s, call->r, SB_TDS_COUNT, TDS_CMD_SELECT, rows);
    return 0;
}

/* ---- mirroring's monitor: what can be read off the two halves ---- */

static void
fill_monitor (struct tds_call *call, struct tds_sink *k, void *ctx)
{
    struct world *w = tds_world (call->s);
    const struct w_copy *c = w == NULL ? NULL : w_copy (w, w_find_copy (w, call->s->instance, ctx));
    const struct w_copy *other = c == NULL ? NULL : w_partner (w, (struct w_copy *) (uintptr_t) c);
    int64_t unsent = 0;

    if (c == NULL || c->mirror_guid == 0)
        return;
    if (other != NULL && c->role == W_PRINCIPAL && c->lsn > other->lsn)
        unsent = (c->lsn - other->lsn) / W_LSN_STEP;
    tds_row (k);
    tds_put_text (k, "database_name", w_str (w, c->name));
    tds_put_int (k, "role", c->role);
    tds_put_int (k, "mirroring_state", c->mirroring);
    tds_put_int (k, "witness_status", c->witness == 0 ? 0 : c->witness_state);
    tds_put_int (k, "log_generation_rate", 0);
    tds_put_int (k, "unsent_log", unsent);
    tds_put_int (k, "send_rate", 0);
    tds_put_int (k, "unrestored_log", 0);
    tds_put_int (k, "recovery_rate", 0);
    tds_put_int (k, "transaction_delay", 0);
    tds_put_int (k, "transactions_per_sec", 0);
    tds_put_int (k, "average_delay", 0);
    tds_put_time (k, "time_recorded", tds_now (call->s));
    tds_put_time (k, "time_behind", c->mirroring == W_SYNCHRONIZED || c->lost_ms == 0 ? tds_now (call->s) : c->lost_ms);
    tds_put_time (k, "local_time", tds_now (call->s));
}

static int
monitor_results (struct tds_call *call)
{
    const char *db = tds_arg_text (call, "database_name");
    struct world *w = tds_world (call->s);
    const struct w_copy *c = w == NULL ? NULL : w_copy (w, w_find_copy (w, call->s->instance, db));

    if (c == NULL || c->mirror_guid == 0) {
        tds_say (call->s, call->r, 32039, db);
        return 1;
    }
    return send_rows (
            call,
            "database_name sysname, role int, mirroring_state int, witness_status int, log_generation_rate int, "
            "unsent_log int, send_rate int, unrestored_log int, recovery_rate int, transaction_delay int, "
            "transactions_per_sec int, average_delay int, time_recorded datetime, time_behind datetime, local_time datetime",
            fill_monitor, (void *) (uintptr_t) db);
}

static int
monitor_update (struct tds_call *call)
{
    (void) call;
    return 0; /* nothing is cached: the results are made when they are asked for */
}

static int
cmdshell (struct tds_call *call)
{
    tds_say (call->s, call->r, 15281);
    return 1;
}

const struct tds_proc tds_procs_misc[] = {
    { "xp_dirtree", "directory nvarchar(520), ?depth int, ?file int", dirtree, false },
    { "xp_fileexist", "filename nvarchar(520), ?exists int", fileexist, false },
    { "xp_create_subdir", "directory nvarchar(520)", create_subdir, true },
    { "sp_who2", "?loginame sysname", who2, false },
    { "sp_who", "?loginame sysname", who2, false },
    { "sp_dbmmonitorresults", "database_name sysname, ?mode int, ?update_table int", monitor_results, true },
    { "sp_dbmmonitorupdate", "?database_name sysname", monitor_update, true },
    { "xp_cmdshell", "command_string nvarchar(4000), ?no_output varchar(20)", cmdshell, true },
    { NULL, NULL, NULL, false },
};
