/* Which words begin which statement: the one list.  Longer matches stand first. */
#include "lab/tds/do.h"

#include <stddef.h>

/* clang-format off */
const struct sb_sql_verb tds_verbs[] = {
    { "select",   NULL,            do_select,             "SELECT", false, false, false },
    { "with",     NULL,            do_select,             "SELECT", false, false, false },
    { "insert",   NULL,            do_insert,             "INSERT", false, false, false },
    { "update",   NULL,            do_update,             "UPDATE", false, false, false },
    { "delete",   NULL,            do_delete,             "DELETE", false, false, false },
    { "exec",     NULL,            do_exec,               "EXECUTE", false, false, false },
    { "execute",  NULL,            do_exec,               "EXECUTE", false, false, false },
    { "declare",  NULL,            do_declare,            "DECLARE", false, true, false },
    { "set",      NULL,            do_set,                "SET", false, true, false },
    { "print",    NULL,            do_print,              "PRINT", false, true, false },
    { "raiserror", NULL,           do_raiserror,          "RAISERROR", false, true, false },
    { "throw",    NULL,            do_throw,              "THROW", false, true, false },
    { "waitfor",  NULL,            do_waitfor,            "WAITFOR", false, true, false },
    { "use",      NULL,            do_use,                "USE", false, false, false },
    { "return",   NULL,            do_return,             "RETURN", false, true, false },
    { "break",    NULL,            do_break,              "BREAK", false, true, false },
    { "continue", NULL,            do_continue,           "CONTINUE", false, true, false },
    { "begin",    "tran",          do_begin,              "BEGIN TRANSACTION", false, true, false },
    { "begin",    "transaction",   do_begin,              "BEGIN TRANSACTION", false, true, false },
    { "commit",   NULL,            do_commit,             "COMMIT", false, true, false },
    { "rollback", NULL,            do_rollback,           "ROLLBACK", false, true, false },
    { "checkpoint", NULL,          do_checkpoint,         "CHECKPOINT", false, false, false },
    { "dbcc",     NULL,            do_dbcc,               "DBCC", false, false, false },
    { "backup",   NULL,            do_backup,             "BACKUP", false, false, true },
    { "restore",  NULL,            do_restore,            "RESTORE", false, false, true },
    { "alter",    "database",      do_alter_database,     "ALTER DATABASE", true, false, true },
    { "create",   "database",      do_create_database,    "CREATE DATABASE", true, false, true },
    { "drop",     "database",      do_drop_database,      "DROP DATABASE", true, false, true },
    { "create",   "endpoint",      do_create_endpoint,    "CREATE ENDPOINT", true, false, false },
    { "alter",    "endpoint",      do_alter_endpoint,     "ALTER ENDPOINT", true, false, false },
    { "drop",     "endpoint",      do_drop_endpoint,      "DROP ENDPOINT", true, false, false },
    { "create",   "login",         do_create_login,       "CREATE LOGIN", false, false, false },
    { "alter",    "login",         do_alter_login,        "ALTER LOGIN", false, false, false },
    { "drop",     "login",         do_drop_login,         "DROP LOGIN", false, false, false },
    { "create",   "user",          do_create_user,        "CREATE USER", false, false, false },
    { "alter",    "user",          do_alter_user,         "ALTER USER", false, false, false },
    { "alter",    "authorization", do_alter_authorization, "ALTER AUTHORIZATION", false, false, false },
    { "create",   "table",         do_create_table,       "CREATE TABLE", false, false, false },
    { "drop",     "table",         do_drop_table,         "DROP TABLE", false, false, false },
    { "truncate", "table",         do_truncate,           "TRUNCATE TABLE", false, false, false },
    { "grant",    NULL,            do_grant,              "GRANT", false, false, false },
    { "revoke",   NULL,            do_grant,              "REVOKE", false, false, false },
    { "deny",     NULL,            do_grant,              "DENY", false, false, false },
    { "kill",     NULL,            do_kill,               "KILL", false, false, false },
    { NULL, NULL, NULL, NULL, false, false, false },
};
/* clang-format on */

static const struct sb_sql_verb call = { "", NULL, do_call, "EXECUTE", false, false, false };
const struct sb_sql_verb *const tds_verb_call = &call;
