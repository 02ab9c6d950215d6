/* Small helpers of the files that implement functions of T-SQL for SQLite. */
#ifndef SB_TDS_FUNC_HELP_H
#define SB_TDS_FUNC_HELP_H

#include "lab/tds/func.h"

#include <string.h>

/* One function as SQLite is told of it. */
struct sb_sql_code {
    const char *name;
    int args; /* -1: any number */
    void (*fn) (sqlite3_context *, int, sqlite3_value **);
    const char *data; /* sqlite3_user_data() */
};
extern const struct sb_sql_code sb_sql_text_functions[], sb_sql_date_functions[]; /* end with a NULL name */

static inline bool
any_null (int n, sqlite3_value **v)
{
    for (int i = 0; i < n; i++)
        if (sqlite3_value_type (v[i]) == SQLITE_NULL)
            return true;
    return false;
}

static inline const char *
text (sqlite3_value *v)
{
    const char *s = (const char *) sqlite3_value_text (v);

    return s == NULL ? "" : s;
}

static inline void
result_text (sqlite3_context *ctx, const char *s, size_t n)
{
    sqlite3_result_text (ctx, s == NULL ? "" : s, (int) n, SQLITE_TRANSIENT);
}

static inline bool
is_text (sqlite3_value *v)
{
    return sqlite3_value_type (v) == SQLITE_TEXT;
}

#endif
