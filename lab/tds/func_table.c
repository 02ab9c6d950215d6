/* The tables of built-in functions and of @@variables; see func.h. */
#include "lab/tds/func.h"

#include "core/base/text.h"

#include <stddef.h>

/* One row per function.  "1": the type of the first argument. */
static const struct sb_sql_function functions[] = {
    { "abs", 1, 1, "abs", "1" },
    { "app_name", 0, 0, NULL, "nvarchar(128)" },
    { "applock_mode", 3, 3, NULL, "nvarchar(32)" },
    { "applock_test", 4, 4, NULL, "smallint" },
    { "ascii", 1, 1, "unicode", "int" },
    { "avg", 1, 1, "avg", "1" },
    { "ceiling", 1, 1, NULL, "1" },
    { "char", 1, 1, "char", "char(1)" },
    { "charindex", 2, 3, NULL, "int" },
    { "coalesce", 2, 16, "coalesce", "1" },
    { "concat", 2, 16, NULL, "nvarchar(4000)" },
    { "databasepropertyex", 2, 2, NULL, "sql_variant" },
    { "datalength", 1, 1, NULL, "int" },
    { "dateadd", 3, 3, NULL, "datetime" },
    { "datediff", 3, 3, NULL, "int" },
    { "datediff_big", 3, 3, "ts_datediff", "bigint" },
    { "datename", 2, 2, NULL, "nvarchar(30)" },
    { "datepart", 2, 2, NULL, "int" },
    { "day", 1, 1, NULL, "int" },
    { "db_id", 0, 1, NULL, "smallint" },
    { "db_name", 0, 1, NULL, "nvarchar(128)" },
    { "error_line", 0, 0, NULL, "int" },
    { "error_message", 0, 0, NULL, "nvarchar(4000)" },
    { "error_number", 0, 0, NULL, "int" },
    { "error_procedure", 0, 0, NULL, "nvarchar(128)" },
    { "error_severity", 0, 0, NULL, "int" },
    { "error_state", 0, 0, NULL, "int" },
    { "floor", 1, 1, NULL, "1" },
    { "getdate", 0, 0, NULL, "datetime" },
    { "getutcdate", 0, 0, "ts_getdate", "datetime" },
    { "has_dbaccess", 1, 1, NULL, "int" },
    { "has_perms_by_name", 3, 3, NULL, "int" },
    { "host_id", 0, 0, NULL, "char(10)" },
    { "host_name", 0, 0, NULL, "nvarchar(128)" },
    { "is_member", 1, 1, "ts_is_srvrolemember", "int" },
    { "is_srvrolemember", 1, 2, NULL, "int" },
    { "isdate", 1, 1, NULL, "int" },
    { "isnull", 2, 2, "ifnull", "1" },
    { "isnumeric", 1, 1, NULL, "int" },
    { "left", 2, 2, NULL, "1" },
    { "len", 1, 1, NULL, "int" },
    { "lower", 1, 1, "lower", "1" },
    { "ltrim", 1, 1, "ltrim", "1" },
    { "max", 1, 1, "max", "1" },
    { "min", 1, 1, "min", "1" },
    { "month", 1, 1, NULL, "int" },
    { "nchar", 1, 1, "char", "nchar(1)" },
    { "newid", 0, 0, NULL, "uniqueidentifier" },
    { "nullif", 2, 2, "nullif", "1" },
    { "object_id", 1, 2, NULL, "int" },
    { "object_name", 1, 2, NULL, "nvarchar(128)" },
    { "original_login", 0, 0, "ts_suser_sname", "nvarchar(128)" },
    { "quotename", 1, 2, NULL, "nvarchar(258)" },
    { "replace", 3, 3, NULL, "nvarchar(4000)" },
    { "replicate", 2, 2, NULL, "nvarchar(4000)" },
    { "reverse", 1, 1, NULL, "1" },
    { "right", 2, 2, NULL, "1" },
    { "round", 2, 3, NULL, "1" },
    { "row_number", 0, 0, "row_number", "bigint" },
    { "rtrim", 1, 1, "rtrim", "1" },
    { "schema_name", 0, 1, NULL, "nvarchar(128)" },
    { "scope_identity", 0, 0, NULL, "numeric(38,0)" },
    { "serverproperty", 1, 1, NULL, "sql_variant" },
    { "sign", 1, 1, "sign", "1" },
    { "space", 1, 1, NULL, "varchar(4000)" },
    { "str", 1, 3, NULL, "varchar(30)" },
    { "string_agg", 2, 2, "group_concat", "nvarchar(4000)" },
    { "stuff", 4, 4, NULL, "1" },
    { "substring", 3, 3, NULL, "1" },
    { "sum", 1, 1, "sum", "1" },
    { "suser_name", 0, 1, "ts_suser_sname", "nvarchar(128)" },
    { "suser_sid", 0, 1, NULL, "varbinary(85)" },
    { "suser_sname", 0, 1, NULL, "nvarchar(128)" },
    { "sysdatetime", 0, 0, "ts_getdate", "datetime2" },
    { "sysutcdatetime", 0, 0, "ts_getdate", "datetime2" },
    { "trim", 1, 1, "trim", "1" },
    { "unicode", 1, 1, "unicode", "int" },
    { "upper", 1, 1, "upper", "1" },
    { "user_name", 0, 1, NULL, "nvarchar(128)" },
    { "xact_state", 0, 0, NULL, "smallint" },
    { "year", 1, 1, NULL, "int" },
};

/* @@name; the SQLite function behind it gives the value. */
static const struct sb_sql_function sysvars[] = {
    { "error", 0, 0, "ts_at_error", "int" },
    { "identity", 0, 0, "ts_scope_identity", "numeric(38,0)" },
    { "language", 0, 0, "ts_at_language", "nvarchar(128)" },
    { "lock_timeout", 0, 0, "ts_at_lock_timeout", "int" },
    { "max_precision", 0, 0, "ts_at_max_precision", "tinyint" },
    { "microsoftversion", 0, 0, "ts_at_version_number", "int" },
    { "nestlevel", 0, 0, "ts_at_zero", "int" },
    { "options", 0, 0, "ts_at_options", "int" },
    { "procid", 0, 0, "ts_at_zero", "int" },
    { "rowcount", 0, 0, "ts_at_rowcount", "int" },
    { "servername", 0, 0, "ts_at_servername", "nvarchar(128)" },
    { "servicename", 0, 0, "ts_at_servicename", "nvarchar(128)" },
    { "spid", 0, 0, "ts_at_spid", "smallint not null" },
    { "textsize", 0, 0, "ts_at_textsize", "int" },
    { "trancount", 0, 0, "ts_at_trancount", "int" },
    { "version", 0, 0, "ts_at_version", "nvarchar(300)" },
};

static const struct sb_sql_function *
find (const struct sb_sql_function *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (sb_casecmp (list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

const struct sb_sql_function *
sb_sql_function_find (const char *name)
{
    return find (functions, sizeof functions / sizeof *functions, name);
}

const struct sb_sql_function *
sb_sql_sysvar_find (const char *name)
{
    return find (sysvars, sizeof sysvars / sizeof *sysvars, name);
}
