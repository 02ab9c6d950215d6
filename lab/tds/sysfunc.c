/* Built-in functions and @@variables that ask the session or the world; see func.h. */
#include "lab/tds/func.h"
#include "lab/tds/release.h"
#include "lab/tds/session.h"
#include "lab/tds/store.h"
#include "lab/tds/view.h"

#include "core/base/text.h"
#include "core/sys/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tds_session *
session (sqlite3_context *ctx)
{
    return sqlite3_user_data (ctx);
}

static const char *
arg (int n, sqlite3_value **v, int i)
{
    return i < n && sqlite3_value_type (v[i]) != SQLITE_NULL ? (const char *) sqlite3_value_text (v[i]) : NULL;
}

static void
give (sqlite3_context *ctx, const char *s)
{
    if (s == NULL)
        sqlite3_result_null (ctx);
    else
        sqlite3_result_text (ctx, s, -1, SQLITE_TRANSIENT);
}

static const struct w_instance *
me (struct tds_session *s, struct world **w)
{
    *w = tds_world (s);
    return *w == NULL ? NULL : w_instance (*w, s->instance);
}

/* ---- the server ---- */

/* Paths: 2012 told the first two for the first time, 2019 the third; none is a folder of the other platform. */
static const char *
default_path (const struct w_instance *i, const char *name)
{
    bool backup = sb_casecmp (name, "InstanceDefaultBackupPath") == 0;

    if (i->version < (backup ? 15 : 11))
        return NULL;
    if (i->on_linux)
        return backup ? "/var/opt/mssql/data" : "/var/opt/mssql/data/";
    return backup ? "D:\\Backup" : "D:\\Data\\";
}

static void
f_serverproperty (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    static const struct {
        const char *name, *text; /* NULL text: computed below */
        int number;
    } props[] = { { "Collation", "SQL_Latin1_General_CP1_CI_AS", 0 },
                  { "ProductLevel", "RTM", 0 },
                  { "ProductUpdateLevel", "CU23", 0 },
                  { "IsClustered", NULL, 0 },
                  { "IsHadrEnabled", NULL, 0 },
                  { "IsIntegratedSecurityOnly", NULL, 0 },
                  { "IsSingleUser", NULL, 0 },
                  { "BuildClrVersion", "v4.0.30319", 0 },
                  { "LCID", NULL, 1033 },
                  { "IsXTPSupported", NULL, 1 },
                  { "FilestreamEffectiveLevel", NULL, 0 } };
    const char *name = arg (n, v, 0);
    struct world *w;
    const struct w_instance *i = me (session (ctx), &w);
    SB_AUTOFREE char *text = NULL;
    char release[TDS_RELEASE_TEXT];

    if (name == NULL || i == NULL)
        return;
    for (size_t k = 0; k < sizeof props / sizeof *props; k++)
        if (sb_casecmp (name, props[k].name) == 0) {
            if (props[k].text != NULL)
                give (ctx, props[k].text);
            else
                sqlite3_result_int (ctx, props[k].number);
            return;
        }
    tds_release_text (i->version, release);
    if (sb_casecmp (name, "ServerName") == 0 || sb_casecmp (name, "MachineName") == 0
        || sb_casecmp (name, "ComputerNamePhysicalNetBIOS") == 0)
        text = sb_xstrdup (w_str (w, i->server));
    else if (sb_casecmp (name, "ProductVersion") == 0)
        text = sb_xstrdup (release);
    else if (sb_casecmp (name, "ProductMajorVersion") == 0)
        text = sb_xprintf ("%u", i->version);
    else if (sb_casecmp (name, "ProductMinorVersion") == 0)
        text = sb_xprintf ("%u", tds_release (i->version)->minor);
    else if (sb_casecmp (name, "ProductBuild") == 0)
        text = sb_xprintf ("%u", tds_release (i->version)->build);
    else if (sb_glob ("InstanceDefault*Path", name, true))
        give (ctx, default_path (i, name));
    else if (sb_casecmp (name, "Edition") == 0)
        text = sb_xstrdup (tds_edition_text (i->edition));
    else if (sb_casecmp (name, "ProcessID") == 0 || sb_casecmp (name, "EngineEdition") == 0)
        sqlite3_result_int (ctx, name[0] == 'p' || name[0] == 'P' ? 4000 + i->port % 1000 : i->edition);
    if (text != NULL)
        give (ctx, text);
}

static void
f_at_servername (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct world *w;
    const struct w_instance *i = me (session (ctx), &w);

    (void) n;
    (void) v;
    give (ctx, i == NULL || i->server == 0 ? NULL : w_str (w, i->server));
}

static void
f_at_version (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct world *w;
    const struct w_instance *i = me (session (ctx), &w);
    SB_AUTOFREE char *text = NULL;
    char release[TDS_RELEASE_TEXT];

    (void) n;
    (void) v;
    if (i == NULL)
        return;
    tds_release_text (i->version, release);
    text = sb_xprintf ("Microsoft SQL Server %s (RTM) - %s (X64) \n\tCopyright (C) Microsoft Corporation\n\t%s on %s\n",
                       tds_release (i->version)->name, release, tds_edition_text (i->edition),
                       i->on_linux ? "Linux (Ubuntu 20.04 LTS) <X64>" : "Windows Server 2022 Standard 10.0 <X64>");
    give (ctx, text);
}

/* ---- the session ---- */

static void
f_number (sqlite3_context *ctx, struct tds_session *s, char which)
{
    switch (which) {
    case 's':
        sqlite3_result_int (ctx, s->spid);
        return;
    case 't':
        sqlite3_result_int (ctx, s->trancount);
        return;
    case 'e':
        sqlite3_result_int (ctx, s->error);
        return;
    case 'r':
        sqlite3_result_int64 (ctx, s->rowcount);
        return;
    case 'i':
        if (s->identity > 0)
            sqlite3_result_int64 (ctx, s->identity);
        return;
    case 'x':
        sqlite3_result_int (ctx, s->doomed ? -1 : s->trancount > 0 ? 1 : 0);
        return;
    case 'l':
        sqlite3_result_int (ctx, s->lock_timeout);
        return;
    case 'z':
        sqlite3_result_int (ctx, s->textsize);
        return;
    case 'p':
        sqlite3_result_int (ctx, 38);
        return;
    case 'v':
        sqlite3_result_int (ctx, 0x10001088);
        return;
    case 'o':
        sqlite3_result_int (ctx, 5496 | (s->nocount ? 512 : 0) | (s->xact_abort ? 16384 : 0));
        return;
    default:
        sqlite3_result_int (ctx, 0);
    }
}

#define NUMBER(name, letter)                                          \
    static void name (sqlite3_context *ctx, int n, sqlite3_value **v) \
    {                                                                 \
        (void) n;                                                     \
        (void) v;                                                     \
        f_number (ctx, session (ctx), letter);                        \
    }
NUMBER (f_at_spid, 's')
NUMBER (f_at_trancount, 't')
NUMBER (f_at_error, 'e')
NUMBER (f_at_rowcount, 'r')
NUMBER (f_identity, 'i')
NUMBER (f_xact_state, 'x')
NUMBER (f_at_lock_timeout, 'l')
NUMBER (f_at_textsize, 'z')
NUMBER (f_at_max_precision, 'p')
NUMBER (f_at_version_number, 'v')
NUMBER (f_at_options, 'o')
NUMBER (f_at_zero, '0')

/* ERROR_NUMBER () and its kin: NULL outside of CATCH. */
static void
f_error (sqlite3_context *ctx, char which)
{
    const struct tds_error *e = session (ctx)->handled;

    if (e == NULL)
        return;
    if (which == 'm' || (which == 'p' && e->proc[0] != 0))
        give (ctx, which == 'm' ? e->text : e->proc);
    else if (which != 'p')
        sqlite3_result_int (ctx, which == 'n'   ? e->number
                                 : which == 's' ? e->severity
                                 : which == 't' ? e->state
                                                : e->line);
}
#define CAUGHT(name, letter)                                          \
    static void name (sqlite3_context *ctx, int n, sqlite3_value **v) \
    {                                                                 \
        (void) n;                                                     \
        (void) v;                                                     \
        f_error (ctx, letter);                                        \
    }
CAUGHT (f_error_number, 'n')
CAUGHT (f_error_severity, 's')
CAUGHT (f_error_state, 't')
CAUGHT (f_error_line, 'l')
CAUGHT (f_error_message, 'm')
CAUGHT (f_error_procedure, 'p')

static void
f_login (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    if (n == 0) {
        give (ctx, session (ctx)->login);
        return;
    }
    if (sqlite3_value_type (v[0]) == SQLITE_BLOB)
        give (ctx, tds_login_of_sid (session (ctx), sqlite3_value_blob (v[0]), (size_t) sqlite3_value_bytes (v[0])));
    else
        give (ctx, arg (n, v, 0));
}

static void
f_suser_sid (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    uint8_t sid[16];
    size_t size;
    const char *name = n == 0 ? session (ctx)->login : arg (n, v, 0);

    if (name == NULL || !tds_login_exists (session (ctx), name))
        return;
    size = tds_sid_of_login (name, sid);
    sqlite3_result_blob (ctx, sid, (int) size, SQLITE_TRANSIENT);
}

static void
f_host_name (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void) n;
    (void) v;
    give (ctx, session (ctx)->host);
}

static void
f_app_name (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void) n;
    (void) v;
    give (ctx, session (ctx)->app);
}

static void
f_user_name (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void) v;
    give (ctx, n > 0 ? NULL : session (ctx)->sysadmin ? "dbo" : session (ctx)->login);
}

static void
f_host_id (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    char text[12];

    (void) n;
    (void) v;
    snprintf (text, sizeof text, "%-10u", session (ctx)->client_pid);
    give (ctx, text);
}

static void
f_language (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void) n;
    (void) v;
    give (ctx, "us_english");
}

static void
f_servicename (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void) n;
    (void) v;
    give (ctx, "MSSQLSERVER");
}

static void
f_rolemember (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    static const char *const roles[] = { "sysadmin",  "serveradmin", "setupadmin", "securityadmin", "processadmin",
                                         "dbcreator", "diskadmin",   "bulkadmin",  "db_owner",      "public" };
    const char *role = arg (n, v, 0);

    for (size_t i = 0; role != NULL && i < sizeof roles / sizeof *roles; i++)
        if (sb_casecmp (role, roles[i]) == 0) {
            sqlite3_result_int (ctx, session (ctx)->sysadmin || strcmp (roles[i], "public") == 0);
            return;
        }
}

static void
f_perms (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void) n;
    (void) v;
    sqlite3_result_int (ctx, session (ctx)->sysadmin);
}

/* ---- databases and objects ---- */

static void
f_db_id (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct tds_session *s = session (ctx);
    const char *name = n == 0 ? s->database : arg (n, v, 0);
    int id = name == NULL ? 0 : tds_database_id (s, name);

    if (id != 0)
        sqlite3_result_int (ctx, id);
}

static void
f_db_name (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct tds_session *s = session (ctx);

    give (ctx, n == 0 ? s->database : tds_database_name (s, sqlite3_value_int (v[0])));
}

static void
f_has_dbaccess (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct tds_session *s = session (ctx);
    const char *name = arg (n, v, 0);
    struct world *w;
    w_id copy;

    if (name == NULL || tds_database_id (s, name) == 0)
        return;
    w = tds_world (s);
    copy = w == NULL ? 0 : w_find_copy (w, s->instance, name);
    sqlite3_result_int (ctx, copy == 0 || w_copy_readable (w, copy, s->spid) == 0);
}

static void
f_databasepropertyex (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    static const char *const access[] = { "MULTI_USER", "SINGLE_USER", "RESTRICTED_USER" };
    struct tds_session *s = session (ctx);
    const char *db = arg (n, v, 0), *name = arg (n, v, 1);
    struct world *w = tds_world (s);
    const struct w_copy *c;
    unsigned state;

    if (db == NULL || name == NULL || w == NULL || tds_database_id (s, db) == 0)
        return;
    c = w_find_copy (w, s->instance, db) == 0 ? NULL : w_copy (w, w_find_copy (w, s->instance, db));
    state = c == NULL ? W_ONLINE : tds_visible_state (w, c);
    if (sb_casecmp (name, "Status") == 0)
        give (ctx, tds_state_desc (state));
    else if (sb_casecmp (name, "Recovery") == 0)
        give (ctx, c == NULL || c->recovery_model == W_SIMPLE ? "SIMPLE"
                   : c->recovery_model == W_FULL              ? "FULL"
                                                              : "BULK_LOGGED");
    else if (sb_casecmp (name, "UserAccess") == 0)
        give (ctx, access[c == NULL ? 0 : c->user_access % 3]);
    else if (sb_casecmp (name, "Updateability") == 0)
        give (ctx, c != NULL && (c->read_only || c->standby) ? "READ_ONLY" : "READ_WRITE");
    else if (sb_casecmp (name, "IsInStandBy") == 0)
        sqlite3_result_int (ctx, c != NULL && c->standby);
    else if (sb_casecmp (name, "IsAutoClose") == 0)
        sqlite3_result_int (ctx, c != NULL && c->auto_close);
    else if (sb_casecmp (name, "Collation") == 0 && state == W_ONLINE)
        give (ctx, "SQL_Latin1_General_CP1_CI_AS");
    else if (sb_casecmp (name, "Version") == 0 && state == W_ONLINE)
        sqlite3_result_int (ctx, 957);
}

/* "[mgc].dbo.tblChat" -> its number, when there is such a table or view. */
static void
f_object_id (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct tds_session *s = session (ctx);
    const char *text = arg (n, v, 0);
    struct sb_arena a = { 0 };
    struct sb_sql_lexed lexed;
    struct sb_sql_cursor c = { .arena = &a };
    struct sb_sql_name name;

    if (text == NULL)
        return;
    sb_sql_lex (&a, text, strlen (text), true, &lexed);
    c.tok = lexed.tokens;
    c.end = lexed.count;
    if (lexed.error == 0 && sb_sql_parse_name (&c, &name) && c.at == c.end) {
        int id = tds_object_id (s, &name);
        if (id != 0)
            sqlite3_result_int (ctx, id);
    }
    sb_arena_release (&a);
}

static void
f_null (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void) n;
    (void) v;
    sqlite3_result_null (ctx);
}

static void
f_schema_name (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    give (ctx, n == 0 || sqlite3_value_int (v[0]) == 1 ? "dbo" : sqlite3_value_int (v[0]) == 4 ? "sys" : NULL);
}

static void
f_newid (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    uint8_t bytes[16];
    char text[37];

    (void) n;
    (void) v;
    sb_random_bytes (bytes, sizeof bytes);
    bytes[7] = (uint8_t) ((bytes[7] & 0x0f) | 0x40);
    bytes[8] = (uint8_t) ((bytes[8] & 0x3f) | 0x80);
    sb_sql_uuid_text (bytes, text);
    give (ctx, text);
}

static void
f_getdate (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    char text[24];

    (void) n;
    (void) v;
    sb_sql_date_from_unix (tds_now (session (ctx)), text);
    give (ctx, text);
}

static const struct {
    const char *name;
    int args;
    void (*fn) (sqlite3_context *, int, sqlite3_value **);
} code[] = {
    { "ts_serverproperty", 1, f_serverproperty },
    { "ts_at_servername", 0, f_at_servername },
    { "ts_at_servicename", 0, f_servicename },
    { "ts_at_version", 0, f_at_version },
    { "ts_at_version_number", 0, f_at_version_number },
    { "ts_at_spid", 0, f_at_spid },
    { "ts_at_trancount", 0, f_at_trancount },
    { "ts_at_error", 0, f_at_error },
    { "ts_at_rowcount", 0, f_at_rowcount },
    { "ts_at_lock_timeout", 0, f_at_lock_timeout },
    { "ts_at_textsize", 0, f_at_textsize },
    { "ts_at_max_precision", 0, f_at_max_precision },
    { "ts_at_options", 0, f_at_options },
    { "ts_at_zero", 0, f_at_zero },
    { "ts_at_language", 0, f_language },
    { "ts_scope_identity", 0, f_identity },
    { "ts_xact_state", 0, f_xact_state },
    { "ts_suser_sname", -1, f_login },
    { "ts_suser_sid", -1, f_suser_sid },
    { "ts_host_name", 0, f_host_name },
    { "ts_app_name", 0, f_app_name },
    { "ts_user_name", -1, f_user_name },
    { "ts_host_id", 0, f_host_id },
    { "ts_is_srvrolemember", -1, f_rolemember },
    { "ts_has_perms_by_name", 3, f_perms },
    { "ts_has_dbaccess", 1, f_has_dbaccess },
    { "ts_db_id", -1, f_db_id },
    { "ts_db_name", -1, f_db_name },
    { "ts_databasepropertyex", 2, f_databasepropertyex },
    { "ts_object_id", -1, f_object_id },
    { "ts_object_name", -1, f_null },
    { "ts_schema_name", -1, f_schema_name },
    { "ts_newid", 0, f_newid },
    { "ts_error_number", 0, f_error_number },
    { "ts_error_severity", 0, f_error_severity },
    { "ts_error_state", 0, f_error_state },
    { "ts_error_line", 0, f_error_line },
    { "ts_error_message", 0, f_error_message },
    { "ts_error_procedure", 0, f_error_procedure },
    { "ts_applock_mode", 3, tds_f_applock_mode },
    { "ts_applock_test", 4, tds_f_applock_test },
    { "ts_getdate", 0, f_getdate },
};

void
sb_sql_system_functions_add (sqlite3 *db, struct tds_session *s)
{
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        sqlite3_create_function (db, code[i].name, code[i].args, SQLITE_UTF8, s, code[i].fn, NULL, NULL);
}
