/* One call of this plugin: the database it is about, the sessions it uses, and
 * the way in which failures become sentences and classes.
 *
 * A worker keeps one session per instance from call to call, as long as the
 * name it bears (switchback/RUN/STEP) is right and it lives.  Answers live in
 * the arena of the call, which is emptied when the next call begins. */
#ifndef SB_MSSQL_MS_H
#define SB_MSSQL_MS_H

#include "core/base/buf.h"
#include "plugins/mssql/conn.h"
#include "plugins/mssql/messages.h"
#include "plugins/mssql/statements.h"

struct sb_ms_self; /* of one worker: the sessions */

struct sb_ms {
    struct sb_call *call;
    struct sb_ms_self *self;
    struct sb_arena *arena;
    const char *object; /* the database, as the topology calls it */
    const char *db;     /* as the servers call it; of a drill, the other name it is restored under */
    const char *source; /* as its backups call it: always the real name */
    const char *on;     /* the instance to work at, or NULL */
    enum sb_rc rc;      /* class of the last failure that was told to the host */
};

/* A session at work for one call. */
struct sb_inst {
    struct sb_ms *ms;
    const char *name; /* the topology's */
    struct sb_conn *conn;
    const char *server_name; /* SERVERPROPERTY('ServerName') */
    int major;               /* of ProductVersion: 10 is 2008 R2, 16 is 2022 */
    bool sysadmin;
};

struct sb_ms_self *sb_ms_self_new (void);
void sb_ms_self_free (struct sb_ms_self *self);
void sb_ms_begin (struct sb_ms *ms, struct sb_call *call, struct sb_ms_self *self);

/* From now on `db` is what the parameter `as` says: another name, never one of the topology's, that begins with the
 * real name and "_drill", so that nothing real can be meant.  Without the parameter nothing changes.  False: told. */
bool sb_ms_as (struct sb_ms *ms);

/* An attribute of the database object, or NULL. */
const char *sb_ms_attr (const struct sb_ms *ms, const char *key);

/* Reaches an instance.  ret_why (for SILENT and REFUSED): a sentence. */
enum sb_reach sb_ms_reach (struct sb_ms *ms, const char *instance, struct sb_inst *ret, const char **ret_why);
/* The same; false: sb_fail() was called, ms->rc is its class (SILENT: retry, REFUSED: fail). */
bool sb_ms_open (struct sb_ms *ms, const char *instance, struct sb_inst *ret);

/* Fills and runs a statement.  True: it ended well. */
bool sb_ask (struct sb_inst *i, struct sb_answer *ret, enum sb_stmt id, ...);
/* The same; false: sb_fail() was called, ms->rc is its class.  `what` it was for: "the log cannot be applied". */
bool sb_must_ask (struct sb_inst *i, struct sb_answer *ret, const char *what, enum sb_stmt id, ...);
/* A procedure: its return code (column rc) must be 0 too. */
bool sb_must_call (struct sb_inst *i, const char *what, enum sb_stmt id, ...);
/* Runs a text that was put together from sb_stmt_fill() pieces. */
bool sb_ask_text (struct sb_inst *i, struct sb_answer *ret, enum sb_stmt id, const char *text);
/* Adds a filled piece; false: sb_fail() was called. */
bool sb_piece (struct sb_inst *i, struct sb_buf *out, enum sb_stmt id, ...);

/* sb_fail() for an answer; returns (and remembers in ms->rc) the class. */
enum sb_rc sb_ms_failed (struct sb_inst *i, const struct sb_answer *a, enum sb_stmt id, const char *what);
/* sb_fail() in our own words; remembers the class. */
enum sb_rc sb_ms_fail (struct sb_ms *ms, enum sb_rc rc, const char *fmt, ...) SB_PRINTF (3, 4);

/* True: the pause was slept; false: stop now, sb_fail() was called (SB_STOPPED or SB_RETRY), ms->rc is set. */
bool sb_ms_pause (struct sb_ms *ms, int64_t ms_to_sleep, const char *waiting_for);

/* The class of an answer's cause (SB_MSG_UNSURE when the connection broke). */
enum sb_msg_class sb_answer_class (const struct sb_answer *a);

/* Now, in UTC. */
const char *sb_ms_now (struct sb_ms *ms);

#endif
