/* The journal: what a run meant to do, did and found, in one SQLite file.
 *
 * It promises that a committed batch survives a crash at any instant, that
 * records are never changed, that a changed, missing, moved or added record is
 * found later, and that a journal it cannot trust or write is refused with a
 * sentence (exit class 6).  It knows nothing about plans; what records mean to
 * a step is the table in record.c.
 *
 * One process owns a run (a lock that dies with it) and alone appends to it; a
 * batch is one transaction and one sync.  Any other process may read at any
 * time, and leave wishes in the inbox.  Tables beside the records (states of
 * steps, gates) are derived: sb_journal_verify() compares, sb_journal_rebuild()
 * makes them again.
 *
 * A full disk under a file-size limit must be an error, not a signal: opening
 * for writing ignores SIGXFSZ unless the program has a handler of its own. */
#ifndef SB_JOURNAL_JOURNAL_H
#define SB_JOURNAL_JOURNAL_H

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/base/sha256.h"
#include "core/journal/record.h"
#include "core/sys/lock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SB_JOURNAL_SCHEMA 3

struct sb_journal;

struct sb_journal_cfg {
    const char *path;
    bool write;                                                      /* created (mode 0600) and migrated when needed */
    int busy_ms;                                                     /* how long to wait for another writer; 0: 5000 */
    bool (*locks_work) (const char *path, struct sb_faults *faults); /* NULL: the real trial */
};

/* NULL without a fault: reading, and there is only the empty file of somebody who began to make one.
 * NULL with a fault: not there (reading), unreadable, no database, somebody else's, truncated, damaged, of a newer
 * schema, on a file system without working locks. */
struct sb_journal *sb_journal_open (const struct sb_journal_cfg *cfg, struct sb_faults *faults);
void sb_journal_close (struct sb_journal *j); /* lets a run go; NULL is fine */
const char *sb_journal_path (const struct sb_journal *j);

/* ---------------------------------------------------------------- runs */

struct sb_journal_run {
    const char *id, *workflow, *pool, *digest;
    const char *plan;          /* JSON */
    const char *topology_file; /* absolute */
    const char *topology;      /* its text: a resumed run sees the same */
    const char *dir;           /* folder of the run */
    const char *info;          /* JSON of the caller's own: options it needs to resume */
    bool drill;
    uint32_t uid;
    int64_t started_ms, ended_ms; /* 0: not ended */
    const char *outcome;          /* NULL: none yet */
    int64_t number;               /* order of beginning; given by the journal */
};

/* What binds a run's row to the chain: a hash over everything in it that does not change.  RUN_BEGIN's body carries it
 * as "seal", and sb_journal_verify() compares. */
void sb_journal_run_seal (const struct sb_journal_run *run, char ret[SB_SHA256_HEX]);

/* Takes the run for this process; BUSY: another one has it. */
enum sb_locked sb_journal_own (struct sb_journal *j, const char *run, struct sb_faults *faults);
void sb_journal_disown (struct sb_journal *j);
/* Does a process own this run now (this one does not count)?  *ret_who (may be NULL) says who; caller frees. */
bool sb_journal_owned (const struct sb_journal *j, const char *run, char **ret_who);

/* ---------------------------------------------------------------- writing: one batch, one transaction, one sync */

bool sb_journal_begin (struct sb_journal *j, struct sb_faults *faults);
/* Fills in seq and hashes.  Only for the run that this process owns. */
bool sb_journal_add (struct sb_journal *j, struct sb_record *r, struct sb_faults *faults);
bool sb_journal_run_add (struct sb_journal *j, const struct sb_journal_run *run, struct sb_faults *faults);
bool sb_journal_run_end (struct sb_journal *j, const char *run, const char *outcome, int64_t at_ms,
                         struct sb_faults *faults); /* outcome NULL: it goes on again */
bool sb_journal_commit (struct sb_journal *j, struct sb_faults *faults);
void sb_journal_rollback (struct sb_journal *j);
uint64_t sb_journal_syncs (const struct sb_journal *j); /* transactions made durable by this object */

/* ---------------------------------------------------------------- reading */

/* Strings live until the callback returns; false from it ends the walk. */
typedef bool (*sb_record_fn) (void *ctx, const struct sb_record *r);
/* run NULL: all; from seq on; in order. */
bool sb_journal_each (struct sb_journal *j, const char *run, int64_t from, sb_record_fn fn, void *ctx,
                      struct sb_faults *faults);

/* Records of one kind, of all runs, in order. */
bool sb_journal_each_of (struct sb_journal *j, enum sb_record_kind kind, sb_record_fn fn, void *ctx,
                         struct sb_faults *faults);

/* Lists live in the arena.  Newest run first. */
bool sb_journal_runs (struct sb_journal *j, struct sb_arena *a, struct sb_journal_run **ret, size_t *ret_count,
                      struct sb_faults *faults);
/* id: the whole of it or a beginning that only one has; NULL: the newest that has not ended.  *ret NULL: none such. */
bool sb_journal_run_find (struct sb_journal *j, const char *id, struct sb_arena *a, struct sb_journal_run **ret,
                          struct sb_faults *faults);
/* The run of exactly this id without its papers (plan and topology NULL), which may be long; *ret NULL: none such. */
bool sb_journal_run_row (struct sb_journal *j, const char *id, struct sb_arena *a, struct sb_journal_run **ret,
                         struct sb_faults *faults);

struct sb_journal_step {
    uint32_t step;
    const char *name, *state; /* words of record.c */
    unsigned attempt;
    int64_t begun_ms, ended_ms; /* first intention, last change to rest; 0: none */
    int64_t seq;                /* newest record about it */
    const char *body;           /* of that record */
};
bool sb_journal_steps (struct sb_journal *j, const char *run, struct sb_arena *a, struct sb_journal_step **ret,
                       size_t *ret_count, struct sb_faults *faults);
/* Results of a step as a JSON object, in the arena; *ret NULL: none. */
bool sb_journal_results (struct sb_journal *j, const char *run, const char *step, struct sb_arena *a, const char **ret,
                         struct sb_faults *faults);

struct sb_journal_gate {
    uint32_t step;
    const char *name;          /* of the step */
    const char *state;         /* open, answered */
    const char *open, *answer; /* bodies of the records; answer NULL: none yet */
    int64_t opened_ms, answered_ms;
};
bool sb_journal_gates (struct sb_journal *j, const char *run, struct sb_arena *a, struct sb_journal_gate **ret,
                       size_t *ret_count, struct sb_faults *faults);

/* What is owed to dark targets by runs that were not taken back; pool NULL: any. */
struct sb_journal_owed {
    const char *run, *workflow, *name;
    uint32_t step;
    int64_t since_ms;
    const char *body; /* of the OWED record: target, parameters */
};
bool sb_journal_owed (struct sb_journal *j, const char *pool, struct sb_arena *a, struct sb_journal_owed **ret,
                      size_t *ret_count, struct sb_faults *faults);

/* How long a step took in earlier runs of a workflow (run, not waiting), newest first, at most `cap`; the number is
 * returned. */
size_t sb_journal_durations (struct sb_journal *j, const char *workflow, const char *step, int64_t *ret_ms, size_t cap);

/* The same for every step of the newest 20 runs of a workflow at a pool, by step, newest first; drills apart. */
typedef void (*sb_past_fn) (void *ctx, const char *step, int64_t ms);
void
sb_journal_past (struct sb_journal *j, const char *workflow, const char *pool, bool drill, sb_past_fn fn, void *ctx);

/* ---------------------------------------------------------------- inbox: wishes of other terminals */

struct sb_inbox_item {
    int64_t id, at_ms;
    const char *run;
    const char *verb; /* approve, refuse, break-glass, abort, hold, retry, skip, done, hand-over */
    const char *body; /* JSON: gate, step, reason */
    uint32_t uid;     /* the kernel's word for who wrote it */
};

/* From any process; the uid is this process's own. */
bool sb_journal_inbox_put (struct sb_journal *j, const char *run, const char *verb, const char *body, int64_t at_ms,
                           struct sb_faults *faults);
/* Not yet taken, oldest first. */
bool sb_journal_inbox (struct sb_journal *j, const char *run, struct sb_arena *a, struct sb_inbox_item **ret,
                       size_t *ret_count, struct sb_faults *faults);
bool
sb_journal_inbox_taken (struct sb_journal *j, int64_t id, int64_t at_ms, struct sb_faults *faults); /* in a batch */
/* Who can have written into it: the owner of the file (root aside).  A uid in the inbox is only what its writer said. */
uint32_t sb_journal_owner (const struct sb_journal *j);
/* Has another process written since the last call? */
bool sb_journal_stirred (struct sb_journal *j);

/* ---------------------------------------------------------------- notifications: queued, delivered beside the run */

struct sb_note {
    int64_t id, at_ms;
    const char *run;                   /* "": told outside a run (check, watch) */
    const char *channel, *event, *key; /* key: makes a repeat harmless */
    const char *subject, *body;
    const char *data;  /* JSON object: what, level, text, facts, hint; NULL: {} */
    bool drill;        /* it tells of a drill, whoever delivers it */
    const char *state; /* queued, sent, given up */
    unsigned tries;
    int64_t next_ms;
    const char *receipt; /* what the endpoint said last; NULL */
    int64_t escalate_ms; /* somebody else is told then unless somebody acknowledges; 0: nobody is */
    int64_t ack_ms;      /* 0: nobody acknowledged it */
};

/* In a batch.  A second note with the same channel and key is not added. */
bool sb_journal_note_add (struct sb_journal *j, const struct sb_note *n, struct sb_faults *faults);
bool sb_journal_note_result (struct sb_journal *j, int64_t id, const char *state, unsigned tries, int64_t next_ms,
                             const char *receipt, struct sb_faults *faults);
/* Somebody has seen the messages of a run (NULL: all of them), as far as they were queued at `at_ms`. */
bool sb_journal_note_ack (struct sb_journal *j, const char *run, int64_t at_ms, uint32_t uid, int64_t *ret_count,
                          struct sb_faults *faults);
/* In a batch: queues `n` (channel, key, subject, body, data, at_ms, escalate_ms) in place of the message `id`, unless
 * somebody acknowledged that meanwhile; run, event and drill are those of the message.  NULL: there is nobody to tell. */
bool sb_journal_note_escalate (struct sb_journal *j, int64_t id, const struct sb_note *n, struct sb_faults *faults);
/* state NULL: all, "open": queued or waiting to be acknowledged; run NULL: of all runs; oldest first. */
bool sb_journal_notes (struct sb_journal *j, const char *run, const char *state, struct sb_arena *a,
                       struct sb_note **ret, size_t *ret_count, struct sb_faults *faults);

/* ---------------------------------------------------------------- trust */

struct sb_journal_head {
    int64_t records, runs;
    int64_t seq; /* of the last record */
    uint8_t hash[SB_HASH_BYTES];
    size_t hash_bytes; /* of a head given to sb_journal_verify(): so many are known; 0: all */
};
bool sb_journal_head (struct sb_journal *j, struct sb_journal_head *ret, struct sb_faults *faults);
/* The whole chain, the file's structure and the derived tables; every finding is a fault (at most 50).  When `head` is
 * given (from a report or message), a tail that was cut off is found too. */
bool sb_journal_verify (struct sb_journal *j, const struct sb_journal_head *head, struct sb_journal_head *ret,
                        struct sb_faults *faults);
bool sb_journal_rebuild (struct sb_journal *j, struct sb_faults *faults);

#endif
