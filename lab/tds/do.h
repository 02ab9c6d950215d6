/* The statements, each a function that reads itself and does it; see batch.h. */
#ifndef SB_TDS_DO_H
#define SB_TDS_DO_H

#include "lab/tds/session.h"

extern const struct sb_sql_verb tds_verbs[];
extern const struct sb_sql_verb *const tds_verb_call; /* a procedure without EXEC */

typedef enum sb_sql_end tds_do_fn (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r);

/* do_basic.c */
tds_do_fn do_declare, do_set, do_print, do_raiserror, do_throw, do_waitfor, do_use, do_return, do_break, do_continue,
        do_begin, do_commit, do_rollback, do_dbcc, do_checkpoint;
/* do_query.c */
tds_do_fn do_select, do_insert, do_update, do_delete, do_create_table, do_drop_table, do_truncate;
/* do_database.c */
tds_do_fn do_create_database, do_drop_database, do_alter_database, do_kill;
/* do_server.c */
tds_do_fn do_create_endpoint, do_alter_endpoint, do_drop_endpoint, do_grant, do_create_login, do_create_user,
        do_alter_user, do_alter_authorization, do_alter_login, do_drop_login;
/* do_backup.c, do_restore.c */
tds_do_fn do_backup, do_restore;
/* exec.c */
tds_do_fn do_exec, do_call;

/* ---- procedures (exec.c) ---- */
struct tds_call {
    struct tds_session *s;
    const struct sb_sql_run *r;
    const struct tds_proc *proc;
    struct sb_sql_column *params;
    size_t nparams;
    struct sb_sql_value *args; /* owned; by parameter */
    bool *given;
    struct sb_sql_value *outs; /* owned; what an OUTPUT parameter gets */
};
struct tds_proc {
    const char *name;
    const char *params;                 /* "@database sysname, ..."; "?" before the name: may be left out */
    int (*run) (struct tds_call *call); /* the return status */
    bool sysadmin;                      /* else 15247 */
};
extern const struct tds_proc tds_procs_ship[], tds_procs_job[], tds_procs_misc[], tds_procs_lock[];
/* The argument of a parameter; an empty text or 0 when it was not given (or NULL). */
const char *tds_arg_text (struct tds_call *call, const char *param);
int64_t tds_arg_int (struct tds_call *call, const char *param, int64_t fallback);
bool tds_arg_given (struct tds_call *call, const char *param);
void tds_out_text (struct tds_call *call, const char *param, const char *value);
void tds_out_guid (struct tds_call *call, const char *param, w_guid g);
/* Runs a procedure by name with arguments that are there already; used by RPC. */
struct tds_argument {
    const char *name; /* "" by place; with @ */
    struct sb_sql_value value;
    bool output, fallback; /* fallback: DEFAULT was written */
    const char *var;       /* the variable that gets the output; NULL */
};
/* Says what is wrong; the return status in *ret; outputs go to out(ctx, index of the argument, type, value). */
bool tds_call_proc (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_name *name,
                    struct tds_argument *args, size_t nargs, int *ret,
                    void (*out) (void *ctx, size_t arg, const struct sb_sql_type *t, const struct sb_sql_value *v),
                    void *ctx);
/* sp_executesql: args are the statement, the definitions, the values (executesql.c). */
typedef void (*tds_out_fn) (void *ctx, size_t arg, const struct sb_sql_type *t, const struct sb_sql_value *v);
enum sb_sql_end tds_executesql (struct tds_session *s, const struct sb_sql_run *r, struct tds_argument *args,
                                size_t nargs, tds_out_fn out, void *ctx);
/* A constant or variable where the grammar wants nothing more (names, paths, numbers); text in the arena. */
const char *tds_take_text (struct sb_sql_cursor *c, struct tds_session *s, const char *what);

#endif
