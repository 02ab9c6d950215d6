/* The built-in functions of T-SQL inside SQLite.
 *
 * Knows: their names, how many arguments they take, what type they give (one
 * table), and the code of those that SQLite lacks.  Promises: no function
 * allocates more than its arguments justify.  Leaves to others: where facts about
 * server, session and world come from (struct tds_session). */
#ifndef SB_TDS_FUNC_H
#define SB_TDS_FUNC_H

#include "lab/tds/sql.h"

#include <sqlite3.h>

struct tds_session;

/* Registers all of them, and the collation "ci"; `s` is what they ask. */
bool sb_sql_functions_add (sqlite3 *db, struct tds_session *s);
void sb_sql_system_functions_add (sqlite3 *db, struct tds_session *s);

/* Application locks (proc_lock.c). */
void tds_f_applock_mode (sqlite3_context *ctx, int n, sqlite3_value **v);
void tds_f_applock_test (sqlite3_context *ctx, int n, sqlite3_value **v);

/* Ends the statement with a message of the catalogue; its texts are copied. */
void sb_sql_raise_in (sqlite3_context *ctx, int number, ...);
/* A value of SQLite as ours; borrows. */
struct sb_sql_value sb_sql_from_sqlite (sqlite3_value *v);
void sb_sql_result (sqlite3_context *ctx, const struct sb_sql_value *v);  /* copies */
int sb_sql_bind (sqlite3_stmt *st, int at, const struct sb_sql_value *v); /* borrows until the statement is reset */

/* Conversion to a type, as CAST and assignment do it: *ret is owned by the caller.
 * 0, or the number of a message (245, 241, 8114, 8115, 8169). */
int sb_sql_convert (const struct sb_sql_value *v, const struct sb_sql_type *type, int style, struct sb_sql_value *ret);
/* The arguments of that message. */
const char *sb_sql_type_name (const struct sb_sql_type *type);
bool sb_sql_like (const char *s, size_t n, const char *pattern, size_t np, char escape);

#endif
