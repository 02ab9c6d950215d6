/* Statements: how a batch is read, and how each is done.
 *
 * Knows: which word begins which statement.  Promises: a batch with a syntax error
 * does nothing; a statement is read to its end before it begins to act.  Leaves to
 * others: what the statements do (the do_ functions of the do_*.c files). */
#ifndef SB_TDS_BATCH_H
#define SB_TDS_BATCH_H

#include "lab/tds/sql.h"

struct tds_session;
struct sb_sql_stmt;

/* What a running statement carries along. */
struct sb_sql_run {
    struct sb_sql_cursor *c; /* the batch */
    struct sb_sql_vars *vars;
    const char *proc; /* in messages; "" */
    int line;         /* of the statement */
    bool in_proc;     /* its DONEs are DONEINPROC */
    unsigned level;   /* nesting of sp_executesql and EXEC */
};

/* One entry of the parsed batch: a statement or a control word. */
enum sb_sql_flow { SB_FLOW_STATEMENT, SB_FLOW_IF, SB_FLOW_WHILE, SB_FLOW_BLOCK, SB_FLOW_TRY };
struct sb_sql_stmt {
    enum sb_sql_flow flow;
    int line;
    size_t from, to; /* tokens */
    const struct sb_sql_verb *verb;
    struct sb_sql_stmt *next;
    size_t cond_from, cond_to;        /* of IF, WHILE */
    struct sb_sql_stmt *body, *other; /* of IF, WHILE, BEGIN...END, TRY; other: ELSE, CATCH */
};

/* What the end of a statement means for the batch. */
enum sb_sql_end { SB_END_GO_ON, SB_END_BATCH, SB_END_BREAK, SB_END_CONTINUE, SB_END_CATCH };

/* Read with s == NULL (check only): must move the cursor behind the statement or fail on it.
 * Read with a session: does it. */
struct sb_sql_verb {
    const char *first, *second; /* words; second NULL: any */
    enum sb_sql_end (*run) (struct sb_sql_cursor *c, struct tds_session *s, const struct sb_sql_run *r);
    const char *title;           /* in 226 */
    bool in_transaction_refused; /* 226 */
    bool trivial;                /* touches nothing but the session: no faults */
    bool long_work;              /* the world works on it: a slow statement is slow there */
};

const struct sb_sql_verb *sb_sql_verb_at (const struct sb_sql_cursor *c);
/* The list of statements from the cursor to its end (or to END); fails on the cursor. */
struct sb_sql_stmt *sb_sql_read_batch (struct sb_sql_cursor *c);
/* Runs a text with variables; `level` counts nesting. */
enum sb_sql_end tds_run_text (struct tds_session *s, const char *text, size_t n, struct sb_sql_vars *vars,
                              const struct sb_sql_run *outer);
/* Ends the batch with the failure that the cursor holds. */
enum sb_sql_end tds_failed (struct tds_session *s, const struct sb_sql_cursor *c, const struct sb_sql_run *r);
/* DONE (or DONEINPROC) of a statement. */
void tds_done (struct tds_session *s, const struct sb_sql_run *r, unsigned status, unsigned command, int64_t rows);

enum {
    TDS_CMD_SELECT = 193,
    TDS_CMD_INSERT = 195,
    TDS_CMD_DELETE = 196,
    TDS_CMD_UPDATE = 197,
    TDS_CMD_CREATE_TABLE = 198,
    TDS_CMD_DROP_TABLE = 199,
    TDS_CMD_CREATE_DB = 203,
    TDS_CMD_DROP_DB = 204,
    TDS_CMD_ROLLBACK = 210,
    TDS_CMD_BEGIN = 212,
    TDS_CMD_COMMIT = 213,
    TDS_CMD_ALTER_DB = 215,
    TDS_CMD_EXEC = 224,
    TDS_CMD_USE = 226,
    TDS_CMD_BACKUP_DB = 228,
    TDS_CMD_RESTORE = 229,
    TDS_CMD_RESTORE_INFO = 230,
    TDS_CMD_BACKUP_LOG = 235,
    TDS_CMD_SET = 249,
    TDS_CMD_HEADERONLY = 250,
    TDS_CMD_OTHER = 253,
    TDS_CMD_FILELIST = 376,
    TDS_CMD_VERIFY = 377
};

#endif
