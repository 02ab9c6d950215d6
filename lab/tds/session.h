/* One client of one instance, and what its statements need to share.
 *
 * Knows: who is logged in, the settings, the transaction, the database of the
 * context, and the connection to the world.  Promises: a session belongs to one
 * thread; it ends when its socket, the world or a KILL ends it.  Leaves to
 * others: everything that a statement means. */
#ifndef SB_TDS_SESSION_H
#define SB_TDS_SESSION_H

#include <jansson.h>

#include "lab/tds/batch.h"
#include "lab/tds/token.h"
#include "lab/world/client.h"
#include "lab/world/door.h"
#include "lab/world/rows.h"

#include <sqlite3.h>
#include <stdatomic.h>

struct tds_door;

enum tds_cut { TDS_CUT_NO = 0, TDS_CUT_LOST = 1, TDS_CUT_KILLED = 2 };

struct tds_session {
    struct tds_door *door;
    const struct lab_door_cfg *cfg;
    struct sb_tds_wire wire;
    struct sb_tds_out out;
    struct w_client *world;
    w_id instance;
    uint16_t spid;
    char database[W_NAME]; /* of the context */
    w_id copy;             /* 0: a system database */
    char *login, *host, *app, *library;
    bool sysadmin;
    uint32_t client_pid;
    int64_t login_ms;
    atomic_int cut; /* enum tds_cut, set by the door's own thread */
    int stop_fd;    /* readable when cut */
    unsigned major; /* of the server's version */

    sqlite3 *db; /* in memory; opened when first needed */

    bool nocount, xact_abort, quoted_names, implicit_transactions;
    int textsize, rowlimit, lock_timeout;
    int trancount;
    uint64_t transaction; /* descriptor; 0: none */
    struct tds_change {   /* rows of the open transaction, not yet in the world */
        w_id copy;
        json_t *changes;
    } * pending;
    size_t npending, pending_cap;
    int64_t identity;
    struct tds_error { /* what ERROR_NUMBER () and its kin say; number 0: nothing */
        int number, state, severity, line;
        char proc[W_NAME], text[2048];
    } caught, *handled; /* caught: by the innermost TRY that runs; handled: by the CATCH that runs, NULL: none */
    unsigned tries;     /* TRY blocks that run */
    unsigned try_level; /* nesting of the batch that holds the innermost of them */
    bool doomed;        /* an error under XACT_ABORT was caught: the transaction can only be rolled back */
    struct tds_capture *capture; /* INSERT ... EXEC: where rows go instead of to the client; NULL: to the client */
    struct tds_temp *temps;      /* temporary tables (temp.h) */
    size_t ntemps, temps_cap;
    int error;            /* @@ERROR */
    int64_t rowcount;     /* @@ROWCOUNT */
    int64_t now_ms;       /* of the statement; 0: not asked yet */
    int32_t slow_ms;      /* a fault: so much longer the statement takes */
    bool cancelled;       /* attention came while a request ran */
    bool over;            /* the connection ends after this answer */
    struct tds_prepared { /* by sp_prepare and sp_prepexec; handle: place + 1 */
        char *params, *text;
    } * prepared;
    size_t nprepared, prepared_cap;
    char schedule_name[W_NAME]; /* the last sp_add_schedule */
    int schedule_minutes, schedule_id;
};

/* ---- messages (say.c) ---- */
/* A message of the catalogue; arguments as in sb_sql_message_format().  Errors set @@ERROR. */
void tds_say (struct tds_session *s, const struct sb_sql_run *r, int number, ...);
void tds_say_state (struct tds_session *s, const struct sb_sql_run *r, int number, int state, ...);
/* One whose text is there already. */
void
tds_say_text (struct tds_session *s, const struct sb_sql_run *r, int number, int state, int severity, const char *text);
/* All messages of the world's answer, in order; true: none of them was an error. */
bool tds_say_out (struct tds_session *s, const struct sb_sql_run *r, const struct w_out *out);

/* ---- the world (ask.c) ---- */
struct world *tds_world (struct tds_session *s); /* NULL: the world is gone, and so is the session */
/* Sends an operation, waits for its end, however long it takes; says nothing.  While it is under way `progress`
 * (or NULL) is called with the percentage; attention, KILL and a dead world end the waiting. */
bool tds_op (struct tds_session *s, struct w_op *op, struct w_out *out, void (*progress) (void *ctx, unsigned percent),
             void *ctx);
/* The same, and says what came back; true: done. */
bool tds_do (struct tds_session *s, const struct sb_sql_run *r, struct w_op *op);
void tds_op_init (struct tds_session *s, struct w_op *op, enum w_op_kind kind, const char *db);
int64_t tds_now (struct tds_session *s); /* Unix ms by the world's clock, the same for one statement */
/* Waits, but for attention, KILL and the like; false: one of those came. */
bool tds_wait (struct tds_session *s, int64_t ms);
bool tds_stopped (struct tds_session *s); /* cancelled, cut or dead */
bool tds_system_database (const char *name);
int tds_database_id (struct tds_session *s, const char *name); /* 0: no such database */
const char *tds_database_name (struct tds_session *s, int id); /* NULL: none; lives until the world is asked again */
/* USE; says what is wrong.  `quiet`: without ENVCHANGE and 5701 (at login). */
bool tds_use (struct tds_session *s, const struct sb_sql_run *r, const char *name, bool quiet);

/* ---- queries (query.c) ---- */
sqlite3 *tds_sqlite (struct tds_session *s);
struct sb_sql_env tds_env (struct tds_session *s);
/* Evaluates an expression; *ret is owned by the caller.  False: a message was said. */
bool
tds_eval (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_expr *e, struct sb_sql_value *ret);
/* Calls `each` for every row (values borrowed); false: a message was said, or `each` returned false. */
typedef bool (*tds_row_fn) (void *ctx, const struct sb_sql_value *values, size_t n);
bool tds_rows (struct tds_session *s, const struct sb_sql_run *r, const char *sql, tds_row_fn each, void *ctx);
struct tds_capture {
    tds_row_fn row;
    void *ctx;
};
/* The columns a query gives: an array of the caller's, names in it too; NULL: said. */
struct sb_sql_column *
tds_describe (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_query *q, size_t *ret_count);
/* Runs one statement of SQLite's own words; -1: said, else how many rows it changed. */
int64_t tds_run_sqlite (struct tds_session *s, const struct sb_sql_run *r, const char *sql);
/* Sends a result set; *ret_rows how many rows. */
bool tds_select (struct tds_session *s, const struct sb_sql_run *r, const struct sb_sql_query *q, int64_t *ret_rows);

/* ---- user tables (table.c) ---- */
/* The table of a user database as an object of SQLite, filled with what the copy holds now and what the open
 * transaction has changed; its n-th row (rowid from 1) has the key tds_object_key() says.  NULL: failed on the cursor. */
const struct sb_sql_object *
tds_user_table (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_name *n);
const char *tds_object_key (const struct sb_sql_object *o, int64_t rowid);
/* INSERT, UPDATE, DELETE of one row; `columns` is a JSON array or NULL (borrowed); false: said. */
struct tds_table {
    w_id copy;
    char name[W_NAME];
    json_t *schema; /* an owned reference */
    size_t ncols, nkey;
    struct sb_sql_column *cols;
    bool *may_be_null;
    size_t key[16]; /* columns of the key */
};
bool
tds_table_open (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_name *n, struct tds_table *ret);
void tds_table_close (struct tds_table *t);
bool tds_table_change (struct tds_session *s, const struct sb_sql_run *r, json_t *changes, w_id copy);
/* Borrows from the JSON value or from `scratch`. */
struct sb_sql_value tds_value_of_json (const struct sb_sql_type *type, json_t *j, struct sb_buf *scratch);
json_t *tds_json_of (const struct sb_sql_type *type, const struct sb_sql_value *v); /* new reference */
char *tds_table_key (const struct tds_table *t, const struct sb_sql_value *row);    /* caller frees */

/* ---- transactions (tran.c) ---- */
bool tds_begin (struct tds_session *s, const struct sb_sql_run *r);
bool tds_commit (struct tds_session *s, const struct sb_sql_run *r);
void tds_rollback (struct tds_session *s);

/* ---- requests ---- */
void tds_run_batch (struct tds_session *s, const char *text, size_t n);
void tds_run_rpc (struct tds_session *s, const uint8_t *p, size_t n);
void tds_run_transaction (struct tds_session *s, const uint8_t *p, size_t n);

#endif
