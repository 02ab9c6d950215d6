/* Connections: DB-Library of FreeTDS behind four functions.
 *
 * This is the only file that knows the library.  It promises: every message is
 * collected; the highest severity judges; no wait without an end (deadline and
 * stop request cancel a statement by an attention, and close the connection
 * when the server does not heed it); a connection on which severity 20 or worse
 * was seen is closed; no secret is written anywhere. */
#ifndef SB_MSSQL_CONN_H
#define SB_MSSQL_CONN_H

#include "plugins/mssql/answer.h"
#include "plugins/mssql/target.h"

struct sb_conn;

enum sb_reach {
    SB_REACH_OK = 0,
    SB_REACH_SILENT,  /* does not answer */
    SB_REACH_REFUSED, /* answers, but does not let us in */
    SB_REACH_WRONG    /* our own configuration; sb_fail() was called */
};

/* Once per process, before the first connection: cleans the environment of what the library would heed. */
void sb_conn_setup (void);

/* ret_why: a sentence, with a hint, for SILENT and REFUSED; lives as long as the call. */
enum sb_reach
sb_conn_open (struct sb_call *call, const struct sb_target *t, struct sb_conn **ret, const char **ret_why);
void sb_conn_close (struct sb_conn *c); /* NULL is fine */
bool sb_conn_dead (const struct sb_conn *c);

/* Runs one batch to its end.  limit_ms: at most so long, within the time of the call; 0: as long as the call. */
void sb_conn_exec (struct sb_conn *c, struct sb_call *call, struct sb_arena *arena, const char *sql, int64_t limit_ms,
                   struct sb_answer *ret);

#endif
