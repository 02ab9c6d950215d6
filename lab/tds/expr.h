/* Between operator.c and expr.c: the two halves of one descent. */
#ifndef SB_TDS_EXPR_H
#define SB_TDS_EXPR_H

#include "lab/tds/sql.h"

struct sb_sql_expr sb_sql_value_expr (const char *sql, struct sb_sql_type type);
struct sb_sql_expr sb_sql_condition_expr (const char *sql);
/* A value or a condition, whatever stands there. */
struct sb_sql_expr sb_sql_parse_any (struct sb_sql_cursor *c, struct sb_sql_scope *scope);
/* SELECT ... up to its closing bracket, which is read too. */
struct sb_sql_expr sb_sql_parse_subquery (struct sb_sql_cursor *c, struct sb_sql_scope *scope);
/* A call from behind its opening bracket; words that are functions without brackets; @@x (call.c). */
struct sb_sql_expr sb_sql_parse_call (struct sb_sql_cursor *c, struct sb_sql_scope *scope, const char *name);
struct sb_sql_expr sb_sql_parse_bare_function (struct sb_sql_cursor *c);
struct sb_sql_expr sb_sql_parse_sysvar (struct sb_sql_cursor *c);
/* What operators work on. */
struct sb_sql_expr sb_sql_parse_primary (struct sb_sql_cursor *c, struct sb_sql_scope *scope);

#endif
