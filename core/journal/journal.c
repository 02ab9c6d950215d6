/* Opening, schema, ownership and batches of the journal.  Reading is in read.c,
 * inbox and notifications in queue.c, the chain in trust.c. */
#include "core/journal/internal.h"

#include "core/base/buf.h"
#include "core/sys/file.h"
#include "core/sys/random.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define APPLICATION_ID 0x53774263 /* "SwBc": ours, and not any other SQLite file */

/* Schema n is reached by running the scripts 0 .. n-1. */
static const char *const migrations[SB_JOURNAL_SCHEMA] = {
    "CREATE TABLE runs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL,"
    " pool TEXT NOT NULL, digest TEXT NOT NULL, plan TEXT NOT NULL, topology_file TEXT NOT NULL,"
    " topology TEXT NOT NULL, dir TEXT NOT NULL, info TEXT NOT NULL, drill INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0, outcome TEXT) STRICT;"
    "CREATE TABLE records (seq INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs (id), at_ms INTEGER NOT NULL,"
    " kind TEXT NOT NULL, step INTEGER, name TEXT, attempt INTEGER NOT NULL, body TEXT NOT NULL,"
    " prev_hash BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
    "CREATE INDEX records_of_run ON records (run, seq);"
    "CREATE TABLE step_states (run TEXT NOT NULL REFERENCES runs (id), step INTEGER NOT NULL, name TEXT NOT NULL,"
    " state TEXT NOT NULL, attempt INTEGER NOT NULL, begun_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
    " seq INTEGER NOT NULL REFERENCES records (seq), PRIMARY KEY (run, step)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE gates (run TEXT NOT NULL REFERENCES runs (id), step INTEGER NOT NULL, name TEXT NOT NULL,"
    " open_seq INTEGER NOT NULL REFERENCES records (seq), answer_seq INTEGER REFERENCES records (seq),"
    " PRIMARY KEY (run, step)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id),"
    " at_ms INTEGER NOT NULL, verb TEXT NOT NULL, body TEXT NOT NULL, uid INTEGER NOT NULL, taken_ms INTEGER) STRICT;"
    "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id),"
    " at_ms INTEGER NOT NULL, channel TEXT NOT NULL, event TEXT NOT NULL, key TEXT NOT NULL, subject TEXT NOT NULL,"
    " body TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, next_ms INTEGER NOT NULL, receipt TEXT,"
    " UNIQUE (channel, key)) STRICT;",
    /* messages outside a run; drills, structure, acknowledgement */
    "CREATE TABLE told (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, channel TEXT NOT NULL, event TEXT NOT NULL, key TEXT NOT NULL, subject TEXT NOT NULL,"
    " body TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, next_ms INTEGER NOT NULL, receipt TEXT,"
    " drill INTEGER NOT NULL DEFAULT 0, data TEXT NOT NULL DEFAULT '{}', escalate_ms INTEGER NOT NULL DEFAULT 0,"
    " ack_ms INTEGER NOT NULL DEFAULT 0, ack_uid INTEGER, UNIQUE (channel, key)) STRICT;"
    "INSERT INTO told (id, run, at_ms, channel, event, key, subject, body, state, tries, next_ms, receipt, drill)"
    " SELECT n.id, run, at_ms, channel, event, key, subject, body, state, tries, next_ms, receipt, r.drill"
    " FROM notes n JOIN runs r ON r.id = n.run;"
    "DROP TABLE notes; ALTER TABLE told RENAME TO notes; CREATE INDEX notes_open ON notes (state, escalate_ms);",
    /* a run's papers may be long: apart from its row, which is looked at often and written again at the end */
    "CREATE TABLE papers (number INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE REFERENCES runs (id),"
    " plan TEXT NOT NULL, topology TEXT NOT NULL) STRICT;"
    "INSERT INTO papers SELECT number, id, plan, topology FROM runs;"
    "ALTER TABLE runs DROP COLUMN plan; ALTER TABLE runs DROP COLUMN topology;",
};

static const char *const kept_sql[SB_KEPT_COUNT] = {
    [SB_KEPT_BEGIN] = "BEGIN IMMEDIATE",
    [SB_KEPT_COMMIT] = "COMMIT",
    [SB_KEPT_HEAD] = "SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1",
    [SB_KEPT_RECORD] = "INSERT INTO records (" SB_RECORD_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?)",
    /* run, step, name, state, attempt, begun_ms, ended_ms, seq; begun stays what it was, ended is the newest */
    [SB_KEPT_STATE] =
            "INSERT INTO step_states (run, step, name, state, attempt, begun_ms, ended_ms, seq)"
            " VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT (run, step) DO UPDATE SET state = ?4, attempt = ?5,"
            " begun_ms = CASE WHEN begun_ms = 0 THEN ?6 ELSE begun_ms END, ended_ms = ?7, seq = ?8",
    [SB_KEPT_GATE_OPEN] = ("INSERT INTO gates (run, step, name, open_seq) VALUES (?1,?2,?3,?4)"
                           " ON CONFLICT (run, step) DO UPDATE SET open_seq = ?4, answer_seq = NULL"),
    [SB_KEPT_GATE_ANSWER] = "UPDATE gates SET answer_seq = ?4 WHERE run = ?1 AND step = ?2 AND name = ?3",
    [SB_KEPT_STIRRED] = "PRAGMA data_version",
};

/* ---------------------------------------------------------------- statements */

struct cause {
    int rc;
    const char *text, *hint;
};

static const struct cause causes[] = {
    { SQLITE_NOTADB, "is not a journal: it is no SQLite database", "Name the folder of the journal with --state." },
    { SQLITE_CORRUPT, "is damaged",
      "Keep a copy of the file; see what is still sound with `switchback journal verify`." },
    { SQLITE_FULL, "cannot be written: no room is left", "Make room on the file system, then resume the run." },
    { SQLITE_IOERR, "cannot be read or written", "Look at the file system and the limits of this user (ulimit -f)." },
    { SQLITE_BUSY, "is being written by another process for too long", "See which process has the file open." },
    { SQLITE_READONLY, "cannot be written", "Look at the permissions of the file and of its folder." },
    { SQLITE_PERM, "cannot be opened", "Look at the permissions of the file and of its folder." },
    { SQLITE_CANTOPEN, "cannot be opened", "Look at the permissions of the file and of its folder." },
};

void
sb_journal_fault (struct sb_journal *j, struct sb_faults *faults, int rc, const char *what)
{
    const char *said = j->db && sqlite3_errcode (j->db) != SQLITE_OK ? sqlite3_errmsg (j->db) : sqlite3_errstr (rc);
    size_t i;

    for (i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (causes[i].rc == (rc & 0xff)) {
            sb_fault (faults, j->path, 0, "the journal %s: cannot %s: %s", causes[i].text, what, said);
            sb_fault_hint (faults, "%s", causes[i].hint);
            return;
        }
    sb_fault (faults, j->path, 0, "the journal cannot %s: %s (SQLite %d)", what, said, rc);
}

static int
bind_all (sqlite3_stmt *st, const struct sb_bind *binds, size_t n)
{
    int rc = SQLITE_OK;
    size_t i;

    for (i = 0; i < n && rc == SQLITE_OK; i++) {
        int at = (int) i + 1;
        switch (binds[i].type) {
        case SB_BIND_INT:
            rc = sqlite3_bind_int64 (st, at, binds[i].n);
            break;
        case SB_BIND_TEXT:
            rc = sqlite3_bind_text (st, at, binds[i].p, -1, SQLITE_STATIC);
            break;
        case SB_BIND_BLOB:
            rc = sqlite3_bind_blob64 (st, at, binds[i].p, (sqlite3_uint64) binds[i].n, SQLITE_STATIC);
            break;
        }
    }
    return rc;
}

sqlite3_stmt *
sb_journal_query (struct sb_journal *j, const char *sql, const struct sb_bind *binds, size_t n, const char *what,
                  struct sb_faults *faults)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2 (j->db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = bind_all (st, binds, n);
    if (rc == SQLITE_OK)
        return st;
    sb_journal_fault (j, faults, rc, what);
    sqlite3_finalize (st);
    return NULL;
}

bool
sb_journal_exec (struct sb_journal *j, const char *sql, const struct sb_bind *binds, size_t n, const char *what,
                 struct sb_faults *faults)
{
    sqlite3_stmt *st = sb_journal_query (j, sql, binds, n, what, faults);
    int rc;

    if (!st)
        return false;
    do
        rc = sqlite3_step (st);
    while (rc == SQLITE_ROW);
    if (rc != SQLITE_DONE)
        sb_journal_fault (j, faults, rc, what);
    sqlite3_finalize (st);
    return rc == SQLITE_DONE;
}

bool
sb_journal_kept_run (struct sb_journal *j, enum sb_kept which, const struct sb_bind *binds, size_t n, const char *what,
                     struct sb_faults *faults)
{
    sqlite3_stmt *st = j->kept[which];
    int rc = st ? SQLITE_OK
                : sqlite3_prepare_v3 (j->db, kept_sql[which], -1, SQLITE_PREPARE_PERSISTENT, &j->kept[which], NULL);

    st = j->kept[which];
    if (rc == SQLITE_OK)
        rc = bind_all (st, binds, n);
    if (rc == SQLITE_OK)
        rc = sqlite3_step (st);
    if (rc == SQLITE_ROW && which == SB_KEPT_HEAD) {
        j->seq = sqlite3_column_int64 (st, 0);
        if (sqlite3_column_bytes (st, 1) == SB_HASH_BYTES)
            memcpy (j->hash, sqlite3_column_blob (st, 1), SB_HASH_BYTES);
    }
    if (rc == SQLITE_ROW && which == SB_KEPT_STIRRED)
        j->data_version = sqlite3_column_int64 (st, 0);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW && faults)
        sb_journal_fault (j, faults, rc, what);
    if (st) { /* of a damaged file not even the tables may be there */
        sqlite3_reset (st);
        sqlite3_clear_bindings (st);
    }
    return rc == SQLITE_DONE || rc == SQLITE_ROW;
}

/* ---------------------------------------------------------------- opening */

/* Two descriptions of one file must exclude each other, or two processes could append. */
static bool
locks_work (const char *path, struct sb_faults *faults)
{
    char unique[9];
    SB_AUTOFREE char *trial = (sb_random_hex (unique, 8), sb_xprintf ("%s.trial-%s", path, unique));
    struct sb_lock first = SB_LOCK_NONE, second = SB_LOCK_NONE;
    enum sb_locked got = sb_lock_take (&first, trial, NULL, faults), again = SB_LOCK_BUSY;

    if (got == SB_LOCK_TAKEN)
        again = sb_lock_take (&second, trial, NULL, faults);
    if (again == SB_LOCK_TAKEN)
        sb_fault (faults, path, 0, "this file system does not keep locks: two holders at once");
    sb_lock_release (&second);
    sb_lock_release (&first);
    unlink (trial);
    return got != SB_LOCK_FAILED && again == SB_LOCK_BUSY;
}

/* WAL shares memory between processes of one host; these file systems are shared between hosts (statfs(2)). */
static bool
is_local (const char *dir, struct sb_faults *faults)
{
    static const struct {
        long magic;
        const char *name;
    } remote[] = {
        { 0x6969, "NFS" },     { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" },    { 0x517b, "SMB" },
        { 0x5346414f, "AFS" }, { 0x47504653, "GPFS" }, { 0x0bd00bd0, "Lustre" }, { 0xc36400, "Ceph" },
    };
    struct statfs fs;
    size_t i;

    if (statfs (dir, &fs) != 0)
        return true; /* opening will say what is wrong */
    for (i = 0; i < sizeof remote / sizeof remote[0]; i++)
        if ((fs.f_type & 0xffffffff) == remote[i].magic) {
            sb_fault (faults, dir, 0, "a journal cannot lie on a file system shared between hosts (%s)",
                      remote[i].name);
            sb_fault_hint (faults, "Name a folder of a local disk with --state.");
            return false;
        }
    return true;
}

static bool
file_is_usable (const struct sb_journal_cfg *cfg, off_t *ret_size, struct sb_faults *faults)
{
    struct stat st;

    *ret_size = 0;
    if (stat (cfg->path, &st) != 0 && errno == ENOENT && !cfg->write) {
        sb_fault (faults, cfg->path, 0, "there is no journal here");
        sb_fault_hint (faults, "Name the folder of the journal with --state; `switchback run` makes one.");
        return false;
    }
    if (stat (cfg->path, &st) != 0)
        return true;
    if (!S_ISREG (st.st_mode)) {
        sb_fault (faults, cfg->path, 0, "the journal cannot be opened: this is not a file");
        return false;
    }
    *ret_size = st.st_size;
    return true;
}

/* Did somebody die while it was made?  Only then a rollback journal lies beside it: once made, it has a write-ahead log.
 * SQLite takes such a beginning back when a writer opens it. */
static bool
is_half_made (const char *path)
{
    SB_AUTOFREE char *rollback = sb_xprintf ("%s-journal", path);
    SB_CLEANUP (sb_fd_close) int fd = open (path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t h[100] = { 0 };

    if (fd < 0 || stat (rollback, &st) != 0 || st.st_size == 0)
        return false;
    return pread (fd, h, sizeof h, 0) != (ssize_t) sizeof h || fstat (fd, &st) != 0 || st.st_size < 4096 || h[18] != 2;
}

/* A database shorter than its own header says was cut off (SQLite file format, section 1.3: page size at 16, pages
 * at 28, change counters at 24 and 92).  While a WAL file is there the header may be older than the file.  Looked at in
 * this order, because another process may be making the journal: header, log, length. */
static bool
is_whole (const char *path, off_t size, struct sb_faults *faults)
{
    SB_AUTOFREE char *wal = sb_xprintf ("%s-wal", path);
    SB_CLEANUP (sb_fd_close) int fd = open (path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t h[100];
    uint64_t page, pages;
    ssize_t n;

    if (size == 0 || fd < 0)
        return true;
    n = pread (fd, h, sizeof h, 0);
    if ((stat (wal, &st) == 0 && st.st_size > 0) || fstat (fd, &st) != 0)
        return true;
    if (n != (ssize_t) sizeof h || memcmp (h, "SQLite format 3", 16) != 0) {
        sb_fault (faults, path, 0, "the journal is not a journal: it is no SQLite database");
        sb_fault_hint (faults, "Name the folder of the journal with --state.");
        return false;
    }
    page = (uint64_t) h[16] << 8 | h[17];
    pages = (uint64_t) h[28] << 24 | (uint64_t) h[29] << 16 | (uint64_t) h[30] << 8 | h[31];
    if ((uint64_t) st.st_size >= (page == 1 ? 65536 : page) * pages)
        return true;
    sb_fault (faults, path, 0, "the journal is truncated: %lld bytes of %llu", (long long) st.st_size,
              (unsigned long long) ((page == 1 ? 65536 : page) * pages));
    sb_fault_hint (faults, "Restore the file; do not resume the run by hand from a part of its history.");
    return false;
}

static void
ignore_size_signal (void)
{
    struct sigaction now;

    if (sigaction (SIGXFSZ, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal (SIGXFSZ, SIG_IGN);
}

static bool
pragma_number (struct sb_journal *j, const char *sql, int64_t *ret, struct sb_faults *faults)
{
    sqlite3_stmt *st = sb_journal_query (j, sql, NULL, 0, "read its version", faults);
    int rc;

    if (!st)
        return false;
    rc = sqlite3_step (st);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64 (st, 0);
    else
        sb_journal_fault (j, faults, rc, "read its version");
    sqlite3_finalize (st);
    return rc == SQLITE_ROW;
}

static bool
run_script (struct sb_journal *j, const char *sql, const char *what, struct sb_faults *faults)
{
    int rc = sqlite3_exec (j->db, sql, NULL, NULL, NULL);

    if (rc != SQLITE_OK)
        sb_journal_fault (j, faults, rc, what);
    return rc == SQLITE_OK;
}

/* Two programs may open a new journal at once: the version is read again under the write lock. */
static bool
migrate (struct sb_journal *j, struct sb_faults *faults)
{
    SB_AUTOFREE char *marks =
            sb_xprintf ("PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, SB_JOURNAL_SCHEMA);
    int64_t version = 0;
    bool fine = run_script (j, "BEGIN IMMEDIATE", "be brought to this schema", faults)
                && pragma_number (j, "PRAGMA user_version", &version, faults);

    for (; fine && version < SB_JOURNAL_SCHEMA; version++)
        fine = run_script (j, migrations[version], "be brought to this schema", faults);
    fine = fine && run_script (j, marks, "be brought to this schema", faults)
           && run_script (j, "COMMIT", "be brought to this schema", faults);
    if (!fine)
        sqlite3_exec (j->db, "ROLLBACK", NULL, NULL, NULL);
    return fine;
}

/* Whose file is it, and of which schema? */
static bool
check_schema (struct sb_journal *j, bool write, struct sb_faults *faults)
{
    int64_t id = 0, version = 0, tables = 0;
    bool read;

    /* One snapshot: another process may be making the journal at this moment. */
    if (!run_script (j, "BEGIN", "read its version", faults))
        return false;
    read = pragma_number (j, "SELECT count(*) FROM sqlite_schema", &tables, faults)
           && pragma_number (j, "PRAGMA application_id", &id, faults)
           && pragma_number (j, "PRAGMA user_version", &version, faults);
    sqlite3_exec (j->db, "COMMIT", NULL, NULL, NULL);
    if (!read)
        return false;
    if (id == 0 && version == 0 && tables == 0 && !write)
        return false; /* whoever began to make it could not go on: there is no journal yet */
    if (id != APPLICATION_ID && (id != 0 || version != 0 || tables != 0)) {
        sb_fault (faults, j->path, 0, "this is not a journal: it is a database of another program");
        sb_fault_hint (faults, "Name the folder of the journal with --state.");
        return false;
    }
    if (version > SB_JOURNAL_SCHEMA) {
        sb_fault (faults, j->path, 0, "the journal was written by a newer switchback: schema %lld, this one knows %d",
                  (long long) version, SB_JOURNAL_SCHEMA);
        sb_fault_hint (faults, "Use the newer program.");
        return false;
    }
    if (version == SB_JOURNAL_SCHEMA)
        return true;
    if (write)
        return migrate (j, faults);
    sb_fault (faults, j->path, 0, "the journal has schema %lld, this program reads %d", (long long) version,
              SB_JOURNAL_SCHEMA);
    sb_fault_hint (faults, "`switchback resume` or `switchback run` brings it up to date.");
    return false;
}

/* SQLite reads a database with a write-ahead log only where it can make files beside it.  Where it cannot (read-only
 * medium, somebody else's folder) and no log is there, the file is whole, and is read as one that nobody changes
 * (https://www.sqlite.org/uri.html, "immutable").  NULL: the ordinary way. */
static char *
still_life (const char *path)
{
    SB_AUTOFREE char *dir = sb_path_dir (path), *wal = sb_xprintf ("%s-wal", path);
    SB_CLEANUP (sb_buf_free) struct sb_buf uri = { 0 };
    struct stat st;

    if (access (dir, W_OK) == 0 || (stat (wal, &st) == 0 && st.st_size > 0))
        return NULL;
    sb_buf_str (&uri, path[0] == '/' ? "file://" : "file:");
    for (; *path; path++) {
        if (strchr ("%?#", *path))
            sb_buf_printf (&uri, "%%%02x", (unsigned char) *path);
        else
            sb_buf_char (&uri, *path);
    }
    sb_buf_str (&uri, "?immutable=1");
    return sb_buf_take (&uri);
}

static bool
open_database (struct sb_journal *j, const struct sb_journal_cfg *cfg, struct sb_faults *faults)
{
    int flags = cfg->write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    SB_AUTOFREE char *uri = cfg->write ? NULL : still_life (j->path);
    int rc = sqlite3_open_v2 (uri ? uri : j->path, &j->db, flags | SQLITE_OPEN_NOMUTEX | (uri ? SQLITE_OPEN_URI : 0),
                              NULL);

    if (rc != SQLITE_OK) {
        sb_journal_fault (j, faults, rc, "be opened");
        return false;
    }
    sqlite3_extended_result_codes (j->db, 1);
    sqlite3_busy_timeout (j->db, cfg->busy_ms ? cfg->busy_ms : 5000);
    sqlite3_db_config (j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config (j->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return run_script (j, "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON",
                       "be opened", faults)
           && (!cfg->write || run_script (j, "PRAGMA journal_mode = WAL", "keep a write-ahead log", faults))
           && check_schema (j, cfg->write, faults);
}

struct sb_journal *
sb_journal_open (const struct sb_journal_cfg *cfg, struct sb_faults *faults)
{
    SB_AUTOFREE char *dir = sb_path_dir (cfg->path);
    struct sb_journal *j;
    off_t size;
    int fd;

    if (!file_is_usable (cfg, &size, faults) || !is_local (dir, faults))
        return NULL;
    if (size > 0 && is_half_made (cfg->path)) {
        if (!cfg->write)
            return NULL;
    } else if (!is_whole (cfg->path, size, faults))
        return NULL;
    if (cfg->write) {
        ignore_size_signal ();
        if (!(cfg->locks_work ? cfg->locks_work : locks_work) (cfg->path, faults)) {
            sb_fault_prefix (faults, faults->count - 1, "the journal needs locks");
            return NULL;
        }
        fd = open (cfg->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* SQLite would make it readable for all */
        sb_fd_close (&fd);
    }
    j = sb_xcalloc (1, sizeof *j);
    j->path = sb_xstrdup (cfg->path);
    j->lock.fd = -1;
    if (open_database (j, cfg, faults))
        return j;
    sb_journal_close (j);
    return NULL;
}

void
sb_journal_close (struct sb_journal *j)
{
    size_t i;

    if (!j)
        return;
    sb_journal_disown (j);
    for (i = 0; i < SB_KEPT_COUNT; i++)
        sqlite3_finalize (j->kept[i]);
    sqlite3_close (j->db);
    free (j->path);
    free (j);
}

const char *
sb_journal_path (const struct sb_journal *j)
{
    return j->path;
}

uint64_t
sb_journal_syncs (const struct sb_journal *j)
{
    return j->syncs;
}

/* ---------------------------------------------------------------- ownership */

static char *
lock_path (const struct sb_journal *j, const char *run)
{
    return sb_xprintf ("%s.%s.lock", j->path, run);
}

enum sb_locked
sb_journal_own (struct sb_journal *j, const char *run, struct sb_faults *faults)
{
    SB_AUTOFREE char *path = lock_path (j, run);
    enum sb_locked got;

    if (strchr (run, '/')) {
        sb_fault (faults, NULL, 0, "'%s' is not an identifier of a run", run);
        return SB_LOCK_FAILED;
    }
    sb_journal_disown (j);
    got = sb_lock_take (&j->lock, path, NULL, faults);
    if (got == SB_LOCK_TAKEN)
        j->run = sb_xstrdup (run);
    return got;
}

void
sb_journal_disown (struct sb_journal *j)
{
    sb_lock_release (&j->lock); /* the file stays: removing it would let two processes lock two files of one name */
    free (j->run);
    j->run = NULL;
}

bool
sb_journal_owned (const struct sb_journal *j, const char *run, char **ret_who)
{
    SB_AUTOFREE char *path = lock_path (j, run);

    if (ret_who)
        *ret_who = NULL;
    if ((j->run && strcmp (j->run, run) == 0) || !sb_lock_is_held (path))
        return false;
    if (ret_who)
        *ret_who = sb_lock_who (path);
    return true;
}

/* ---------------------------------------------------------------- batches */

bool
sb_journal_begin (struct sb_journal *j, struct sb_faults *faults)
{
    if (!sb_journal_kept_run (j, SB_KEPT_BEGIN, NULL, 0, "begin a batch", faults))
        return false;
    j->in_batch = true;
    j->seq = 0;
    memset (j->hash, 0, sizeof j->hash);
    if (sb_journal_kept_run (j, SB_KEPT_HEAD, NULL, 0, "read its last record", faults))
        return true;
    sb_journal_rollback (j);
    return false;
}

bool
sb_journal_add (struct sb_journal *j, struct sb_record *r, struct sb_faults *faults)
{
    if (!j->run || strcmp (j->run, r->run) != 0) {
        sb_fault (faults, j->path, 0, "only the process of run %s may add to its history", r->run);
        return false;
    }
    r->seq = j->seq + 1;
    memcpy (r->prev_hash, j->hash, SB_HASH_BYTES);
    sb_record_seal (r);
    {
        const struct sb_bind no_step = SB_TEXT (NULL), step = SB_INT (r->step);
        const struct sb_bind binds[] = { SB_INT (r->seq),
                                         SB_TEXT (r->run),
                                         SB_INT (r->at_ms),
                                         SB_TEXT (sb_record_words[r->kind].name),
                                         r->step == SB_RECORD_NO_STEP ? no_step : step,
                                         SB_TEXT (r->name),
                                         SB_INT (r->attempt),
                                         SB_TEXT (r->body),
                                         SB_BLOB (r->prev_hash, SB_HASH_BYTES),
                                         SB_BLOB (r->hash, SB_HASH_BYTES) };
        if (!sb_journal_kept_run (j, SB_KEPT_RECORD, binds, 10, "add a record", faults))
            return false;
    }
    if (!sb_journal_derive (j, r, faults))
        return false;
    j->seq = r->seq;
    memcpy (j->hash, r->hash, SB_HASH_BYTES);
    return true;
}

bool
sb_journal_run_add (struct sb_journal *j, const struct sb_journal_run *run, struct sb_faults *faults)
{
    const struct sb_bind row[] = { SB_TEXT (run->id),
                                   SB_TEXT (run->workflow),
                                   SB_TEXT (run->pool),
                                   SB_TEXT (run->digest),
                                   SB_TEXT (run->topology_file),
                                   SB_TEXT (run->dir),
                                   SB_TEXT (run->info ? run->info : "{}"),
                                   SB_INT (run->drill),
                                   SB_INT (run->uid),
                                   SB_INT (run->started_ms) };
    const struct sb_bind papers[] = { SB_TEXT (run->id), SB_TEXT (run->plan), SB_TEXT (run->topology) };

    return sb_journal_exec (j,
                            "INSERT INTO runs (id, workflow, pool, digest, topology_file, dir, info, drill, uid,"
                            " started_ms) VALUES (?,?,?,?,?,?,?,?,?,?)",
                            row, 10, "add a run", faults)
           && sb_journal_exec (j,
                               "INSERT INTO papers (number, run, plan, topology)"
                               " VALUES ((SELECT number FROM runs WHERE id = ?1), ?1, ?2, ?3)",
                               papers, 3, "add a run's plan", faults);
}

bool
sb_journal_run_end (struct sb_journal *j, const char *run, const char *outcome, int64_t at_ms, struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_TEXT (outcome), SB_INT (outcome ? at_ms : 0), SB_TEXT (run) };

    return sb_journal_exec (j, "UPDATE runs SET outcome = ?, ended_ms = ? WHERE id = ?", binds, 3,
                            "note how a run ended", faults);
}

bool
sb_journal_commit (struct sb_journal *j, struct sb_faults *faults)
{
    if (!sb_journal_kept_run (j, SB_KEPT_COMMIT, NULL, 0, "make a batch durable", faults)) {
        sb_journal_rollback (j);
        return false;
    }
    j->in_batch = false;
    j->syncs++;
    return true;
}

void
sb_journal_rollback (struct sb_journal *j)
{
    if (sqlite3_get_autocommit (j->db) == 0)
        sqlite3_exec (j->db, "ROLLBACK", NULL, NULL, NULL);
    j->in_batch = false;
}
