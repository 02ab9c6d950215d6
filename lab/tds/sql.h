/* T-SQL read by hand: names, expressions and queries.
 *
 * Knows: the grammar of the statement set in use, and how an expression or a
 * query of T-SQL is said in SQLite's words; SQLite does the querying.  Promises:
 * what is not understood is refused with the server's own message (102, 156, 195,
 * 207, 208, 4104 ...), depth and length are bounded.  Leaves to others: which
 * tables exist (struct sb_sql_env), running the text (query.h), statements (batch.h).
 *
 * A text is read twice: once without an environment when the batch is checked, so
 * that a batch with a syntax error does nothing at all; and once more, with names
 * resolved, when the statement is due. */
#ifndef SB_TDS_SQL_H
#define SB_TDS_SQL_H

#include "lab/tds/lex.h"
#include "lab/tds/value.h"

#define SB_SQL_DEPTH 120 /* nesting of expressions and queries */
#define SB_SQL_CHAIN 400 /* links of one chain of operators */

struct sb_sql_fail {
    int number; /* 0: all is well */
    int line;
    char *text; /* in the arena */
};

struct sb_sql_name {
    const char *part[4]; /* server, database, schema, object; "" where nothing stood */
    int count;           /* parts that were written */
};
#define SB_SQL_SERVER(n)   ((n)->part[0])
#define SB_SQL_DATABASE(n) ((n)->part[1])
#define SB_SQL_SCHEMA(n)   ((n)->part[2])
#define SB_SQL_OBJECT(n)   ((n)->part[3])

struct sb_sql_column {
    const char *name;
    struct sb_sql_type type;
};

/* A table as SQLite knows it. */
struct sb_sql_object {
    const char *key; /* its name there */
    const struct sb_sql_column *cols;
    size_t ncols;
    unsigned args; /* a table function: so many first columns are its arguments */
    void *extra;   /* what a user table needs to be changed (table.c) */
};

struct sb_sql_var {
    const char *name; /* without @ */
    struct sb_sql_type type;
    struct sb_sql_value value; /* owned */
    bool output;
};

struct sb_sql_vars {
    struct sb_sql_var *list;
    size_t count, cap;
};

struct sb_sql_cursor;

struct sb_sql_env {
    void *self;
    /* NULL after sb_sql_fail(): not there, or not to be opened now. */
    const struct sb_sql_object *(*object) (struct sb_sql_cursor *c, void *self, const struct sb_sql_name *name);
    unsigned major; /* of the server's version: what came later is not known; 0: the newest */
};

/* A common table expression of the statement. */
struct sb_sql_cte {
    const char *name;
    const struct sb_sql_cte *next;
};

struct sb_sql_cursor {
    struct sb_arena *arena;
    const struct sb_sql_token *tok;
    size_t at, end;
    unsigned depth;
    struct sb_sql_vars *vars;
    const struct sb_sql_env *env;  /* NULL: only check the syntax */
    const struct sb_sql_cte *ctes; /* of the statement that is read */
    struct sb_sql_fail fail;
    int line; /* of the statement */
};

/* ---- moving ---- */
const struct sb_sql_token *sb_sql_peek (const struct sb_sql_cursor *c, size_t ahead);
const struct sb_sql_token *sb_sql_next (struct sb_sql_cursor *c);
bool sb_sql_at_word (const struct sb_sql_cursor *c, const char *word);
bool sb_sql_at_words (const struct sb_sql_cursor *c, const char *first, const char *second);
bool sb_sql_at_op (const struct sb_sql_cursor *c, const char *op);
bool sb_sql_take_word (struct sb_sql_cursor *c, const char *word);
bool sb_sql_take_op (struct sb_sql_cursor *c, const char *op);
bool sb_sql_need_word (struct sb_sql_cursor *c, const char *word);
bool sb_sql_need_op (struct sb_sql_cursor *c, const char *op);
bool sb_sql_reserved (const char *word);
/* The first failure stays; the cursor jumps to the end. */
void sb_sql_fail (struct sb_sql_cursor *c, int number, ...);
void sb_sql_fail_near (struct sb_sql_cursor *c); /* 102 or 156 at this token */

/* ---- names and types ---- */
bool sb_sql_at_name (const struct sb_sql_cursor *c);
const char *sb_sql_take_name (struct sb_sql_cursor *c);                    /* one part */
bool sb_sql_parse_name (struct sb_sql_cursor *c, struct sb_sql_name *ret); /* up to four parts */
char *sb_sql_name_text (struct sb_sql_cursor *c, const struct sb_sql_name *n);
bool sb_sql_parse_type (struct sb_sql_cursor *c, struct sb_sql_type *ret);
bool sb_sql_parse_int (struct sb_sql_cursor *c, int64_t *ret); /* a literal, with a sign */

/* ---- variables ---- */
struct sb_sql_var *sb_sql_var_find (const struct sb_sql_vars *vars, const char *name);
struct sb_sql_var *sb_sql_var_add (struct sb_sql_vars *vars, const char *name, const struct sb_sql_type *type);
void sb_sql_vars_release (struct sb_sql_vars *vars);

/* ---- expressions and queries ---- */
struct sb_sql_expr {
    const char *sql; /* for SQLite; variables are ?N, N their place in the list, from 1 */
    struct sb_sql_type type;
    bool condition; /* true or false, not a value */
    bool constant;  /* `value` is all of it */
    struct sb_sql_value value;
};

struct sb_sql_query {
    const char *sql;
    struct sb_sql_type *types; /* of the result columns; NULL when a * stands in the list */
    size_t ncols;
    /* SELECT @x = ...: the variables, in order of the columns; NULL else */
    const char **assign;
    const struct sb_sql_name *into; /* SELECT ... INTO; NULL else */
};

/* A table that an expression may speak of. */
struct sb_sql_scope {
    struct sb_sql_scope *outer;
    struct sb_sql_source {
        const char *alias;
        const struct sb_sql_object *object; /* NULL: columns not known (derived table) */
    } source[32];
    size_t count;
    const char *aliases[256]; /* of the select list, for ORDER BY */
    size_t naliases;
};

struct sb_sql_expr sb_sql_parse_expr (struct sb_sql_cursor *c, struct sb_sql_scope *scope);      /* a value */
struct sb_sql_expr sb_sql_parse_condition (struct sb_sql_cursor *c, struct sb_sql_scope *scope); /* true or false */
bool sb_sql_parse_query (struct sb_sql_cursor *c, struct sb_sql_scope *outer, struct sb_sql_query *ret);
/* WITH name [(columns)] AS (query), ...: as SQLite says it; the names are kept on the cursor until the statement ends. */
bool sb_sql_parse_ctes (struct sb_sql_cursor *c, struct sb_buf *out);
/* "schema.table" AS "alias", and its place in the scope. */
bool sb_sql_parse_source (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_buf *out);
bool sb_sql_parse_from (struct sb_sql_cursor *c, struct sb_sql_scope *scope, struct sb_buf *out);
void sb_sql_quote_name (struct sb_buf *out, const char *name);
void sb_sql_quote_text (struct sb_buf *out, const char *s, size_t n);

/* One built-in function: how many arguments, what it is called in SQLite, what it gives. */
struct sb_sql_function {
    const char *name;
    int min, max;     /* arguments */
    const char *sql;  /* NULL: as in T-SQL with "ts_" before it */
    const char *type; /* "int", "nvarchar(128)"; "1": that of the first argument, "2" of the second */
};
const struct sb_sql_function *sb_sql_function_find (const char *name);
const struct sb_sql_function *sb_sql_sysvar_find (const char *name);

#endif
