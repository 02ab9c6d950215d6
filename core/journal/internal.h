/* What the files of the journal share: the handle, one way to run a statement,
 * one way to say what SQLite said. */
#ifndef SB_JOURNAL_INTERNAL_H
#define SB_JOURNAL_INTERNAL_H

#include "core/journal/journal.h"

#include <sqlite3.h>

/* Statements that are used for every record are kept prepared. */
enum sb_kept {
    SB_KEPT_BEGIN = 0,
    SB_KEPT_COMMIT,
    SB_KEPT_HEAD,
    SB_KEPT_RECORD,
    SB_KEPT_STATE,
    SB_KEPT_GATE_OPEN,
    SB_KEPT_GATE_ANSWER,
    SB_KEPT_STIRRED,
    SB_KEPT_COUNT
};

struct sb_journal {
    sqlite3 *db;
    char *path, *run; /* run: that this process owns, or NULL */
    struct sb_lock lock;
    sqlite3_stmt *kept[SB_KEPT_COUNT];
    bool in_batch;
    int64_t seq; /* of the head, within a batch */
    uint8_t hash[SB_HASH_BYTES];
    uint64_t syncs;
    int64_t data_version;
};

/* A value for a `?` of a statement. */
struct sb_bind {
    enum { SB_BIND_INT, SB_BIND_TEXT, SB_BIND_BLOB } type;
    int64_t n;     /* INT; length of BLOB */
    const void *p; /* TEXT (NULL is NULL), BLOB */
};
#define SB_INT(v)                        \
    {                                    \
        SB_BIND_INT, (int64_t) (v), NULL \
    }
#define SB_TEXT(v)           \
    {                        \
        SB_BIND_TEXT, 0, (v) \
    }
#define SB_BLOB(v, len)                    \
    {                                      \
        SB_BIND_BLOB, (int64_t) (len), (v) \
    }

/* One fault for what SQLite said last: what was tried, on which file, what came back, what to do. */
void sb_journal_fault (struct sb_journal *j, struct sb_faults *faults, int rc, const char *what);

/* A prepared statement with values, or NULL with a fault; finish with sqlite3_finalize(). */
sqlite3_stmt *sb_journal_query (struct sb_journal *j, const char *sql, const struct sb_bind *binds, size_t n,
                                const char *what, struct sb_faults *faults);
/* The same, run to its end, rows ignored. */
bool sb_journal_exec (struct sb_journal *j, const char *sql, const struct sb_bind *binds, size_t n, const char *what,
                      struct sb_faults *faults);
/* A kept statement, reset and bound; it is reset again by sb_journal_kept_run(). */
bool sb_journal_kept_run (struct sb_journal *j, enum sb_kept which, const struct sb_bind *binds, size_t n,
                          const char *what, struct sb_faults *faults);

/* Column as text in the arena; NULL stays NULL. */
const char *sb_journal_column (sqlite3_stmt *st, int column, struct sb_arena *a);
/* Fills a record from columns seq, run, at_ms, kind, step, name, attempt, body, prev_hash, hash; false: no such kind or
 * hashes of another length. */
bool sb_journal_read_record (sqlite3_stmt *st, struct sb_record *r);
#define SB_RECORD_COLUMNS "seq, run, at_ms, kind, step, name, attempt, body, prev_hash, hash"

/* Derived tables: what one record does to them. */
bool sb_journal_derive (struct sb_journal *j, const struct sb_record *r, struct sb_faults *faults);
/* Empties the derived tables and fills them from the records; inside a transaction. */
bool sb_journal_derive_all (struct sb_journal *j, struct sb_faults *faults);

#endif
