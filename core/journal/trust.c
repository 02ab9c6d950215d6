/* Can this journal be believed?  The chain of hashes, the structure of the file,
 * the derived tables against the records they were derived from. */
#include "core/journal/internal.h"

#include "core/base/buf.h"
#include "core/base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FINDINGS 50

/* ---------------------------------------------------------------- derived tables */

static bool
is_rest (const char *state)
{
    static const char *const rest[] = { "done", "failed", "held", "owed", "skipped", "undone", "left" };
    size_t i;

    for (i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (strcmp (rest[i], state) == 0)
            return true;
    return false;
}

static bool
derive_gate (struct sb_journal *j, const struct sb_record *r, struct sb_faults *faults)
{
    const struct sb_bind binds[] = { SB_TEXT (r->run), SB_INT (r->step), SB_TEXT (r->name), SB_INT (r->seq) };

    if (r->kind != SB_REC_GATE_OPEN && r->kind != SB_REC_GATE_ANSWER)
        return true;
    return sb_journal_kept_run (j, r->kind == SB_REC_GATE_OPEN ? SB_KEPT_GATE_OPEN : SB_KEPT_GATE_ANSWER, binds, 4,
                                "note the state of a gate", faults);
}

bool
sb_journal_derive (struct sb_journal *j, const struct sb_record *r, struct sb_faults *faults)
{
    const char *state = sb_record_words[r->kind].state;
    const struct sb_bind binds[] = { SB_TEXT (r->run),
                                     SB_INT (r->step),
                                     SB_TEXT (r->name),
                                     SB_TEXT (state),
                                     SB_INT (r->attempt),
                                     SB_INT (r->kind == SB_REC_INTENT ? r->at_ms : 0),
                                     SB_INT (state && is_rest (state) ? r->at_ms : 0),
                                     SB_INT (r->seq) };

    if (!state || r->step == SB_RECORD_NO_STEP)
        return true;
    return sb_journal_kept_run (j, SB_KEPT_STATE, binds, 8, "note the state of a step", faults)
           && derive_gate (j, r, faults);
}

bool
sb_journal_derive_all (struct sb_journal *j, struct sb_faults *faults)
{
    const char *what = "derive its tables";
    sqlite3_stmt *st;
    bool fine = sb_journal_exec (j, "DELETE FROM step_states", NULL, 0, what, faults)
                && sb_journal_exec (j, "DELETE FROM gates", NULL, 0, what, faults);
    int rc = SQLITE_DONE;

    st = fine ? sb_journal_query (j, "SELECT " SB_RECORD_COLUMNS " FROM records ORDER BY seq", NULL, 0, what, faults)
              : NULL;
    while (st && fine && (rc = sqlite3_step (st)) == SQLITE_ROW) {
        struct sb_record r;
        if (sb_journal_read_record (st, &r)) /* one that makes no sense is the chain's finding */
            fine = sb_journal_derive (j, &r, faults);
    }
    if (st && fine && rc != SQLITE_DONE)
        sb_journal_fault (j, faults, rc, what);
    sqlite3_finalize (st);
    return st && fine && rc == SQLITE_DONE;
}

bool
sb_journal_rebuild (struct sb_journal *j, struct sb_faults *faults)
{
    if (!sb_journal_begin (j, faults))
        return false;
    if (sb_journal_derive_all (j, faults))
        return sb_journal_commit (j, faults);
    sb_journal_rollback (j);
    return false;
}

/* ---------------------------------------------------------------- findings */

struct trial {
    struct sb_journal *j;
    struct sb_faults *faults;
    struct sb_journal_head head;
    size_t first; /* fault of this trial */
};

static bool
finding (struct trial *t, int64_t seq, const char *text)
{
    if (t->faults->count - t->first < MOST_FINDINGS)
        sb_fault (t->faults, t->j->path, 0, "record %lld %s", (long long) seq, text);
    return false;
}

void
sb_journal_run_seal (const struct sb_journal_run *run, char ret[SB_SHA256_HEX])
{
    struct sb_sha256 h;

    sb_sha256_init (&h);
    sb_sha256_str (&h, run->id);
    sb_sha256_str (&h, run->workflow);
    sb_sha256_str (&h, run->pool);
    sb_sha256_str (&h, run->digest);
    sb_sha256_str (&h, run->plan);
    sb_sha256_str (&h, run->topology_file);
    sb_sha256_str (&h, run->topology);
    sb_sha256_str (&h, run->dir);
    sb_sha256_str (&h, run->info ? run->info : "{}");
    sb_sha256_str (&h, run->drill ? "drill" : "");
    sb_sha256_hex (&h, ret);
}

/* What the seal does not hold; records of older programs do not say it. */
static bool
is_begin_of (const struct sb_journal_run *run, json_t *body)
{
    json_t *uid = json_object_get (json_object_get (body, "by"), "uid"), *at = json_object_get (body, "started_ms");

    return (!uid || json_integer_value (uid) == (json_int_t) run->uid)
           && (!at || json_integer_value (at) == run->started_ms);
}

/* Is the run's row what it was when the run began? */
static bool
check_run (struct trial *t, const struct sb_record *r)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    struct sb_journal_run *run = NULL;
    json_t *body = json_loads (r->body, 0, NULL);
    const char *sealed = json_string_value (json_object_get (body, "seal"));
    char seal[SB_SHA256_HEX] = "";
    bool fine;

    if (sealed && sb_journal_run_find (t->j, r->run, &a, &run, t->faults) && run && strcmp (run->id, r->run) == 0)
        sb_journal_run_seal (run, seal);
    fine = !sealed || strcmp (sealed, seal) == 0;
    if (!fine)
        finding (t, r->seq, "does not fit the plan or topology that the journal holds for its run");
    else if (run && !is_begin_of (run, body))
        fine = finding (t, r->seq, "does not fit what the list of runs says about who began it, and when");
    json_decref (body);
    return fine;
}

/* The successor of the head; the head moves to it in any case, so that one fault gives one finding. */
static bool
check_record (struct trial *t, sqlite3_stmt *st)
{
    struct sb_record r;
    uint8_t stored[SB_HASH_BYTES];
    bool readable = sb_journal_read_record (st, &r), fine = true;
    int64_t expected = t->head.seq + 1;

    t->head.records++;
    if (r.seq != expected)
        fine = finding (t, expected, r.seq > expected ? "is missing" : "stands twice");
    t->head.seq = r.seq;
    if (!readable)
        return finding (t, r.seq, "makes no sense: unknown kind, or a hash of another length");
    if (fine && memcmp (r.prev_hash, t->head.hash, SB_HASH_BYTES) != 0)
        fine = finding (t, r.seq, "does not follow the one before it: one was changed, taken out, added or moved");
    memcpy (stored, r.hash, SB_HASH_BYTES);
    sb_record_seal (&r);
    if (memcmp (stored, r.hash, SB_HASH_BYTES) != 0)
        fine = finding (t, r.seq, "was changed: its content does not match its hash");
    memcpy (t->head.hash, stored, SB_HASH_BYTES);
    if (r.kind == SB_REC_RUN_BEGIN)
        fine = check_run (t, &r) && fine;
    return fine;
}

static bool
check_chain (struct trial *t, const struct sb_journal_head *known)
{
    const char *what = "read its records";
    sqlite3_stmt *st =
            sb_journal_query (t->j, "SELECT " SB_RECORD_COLUMNS " FROM records ORDER BY seq", NULL, 0, what, t->faults);
    bool fine = st != NULL, met = !known || known->seq == 0;
    int rc = SQLITE_DONE;

    while (st && (rc = sqlite3_step (st)) == SQLITE_ROW) {
        fine = check_record (t, st) && fine;
        if (known && t->head.seq == known->seq) {
            met = true;
            if (memcmp (known->hash, t->head.hash, known->hash_bytes ? known->hash_bytes : SB_HASH_BYTES) != 0)
                fine = finding (t, known->seq, "is not the one that the given head names");
        }
    }
    if (st && rc != SQLITE_DONE)
        sb_journal_fault (t->j, t->faults, rc, what);
    sqlite3_finalize (st);
    if (!met)
        fine = finding (t, known->seq, "is not there: the end was cut off");
    return fine && rc == SQLITE_DONE;
}

/* The rows of the list of runs that do not say what the newest finish or resume of their run says.  Only a finish that
 * closes the run ("closed" in its body) leaves an outcome in the row. */
static bool
check_runs (struct trial *t)
{
    static const char sql[] =
            "SELECT r.id, CASE WHEN b.seq IS NULL THEN 'has no beginning in the records'"
            " WHEN r.outcome IS NOT NULL AND (e.kind IS NULL OR e.kind <> 'run-finish'"
            "   OR json_extract (e.body, '$.outcome') IS NOT r.outcome OR e.at_ms <> r.ended_ms)"
            "   THEN 'has another end in the list of runs than in the records'"
            " WHEN r.outcome IS NULL AND (r.ended_ms <> 0 OR (e.kind = 'run-finish' AND json_extract (e.body, '$.closed')))"
            "   THEN 'has ended in the records and not in the list of runs' END AS wrong FROM runs r"
            " LEFT JOIN records b ON b.seq ="
            "   (SELECT min (seq) FROM records WHERE run = r.id AND kind = 'run-begin')"
            " LEFT JOIN records e ON e.seq = (SELECT max (seq) FROM records WHERE run = r.id AND kind IN"
            "   ('run-finish', 'run-resume')) WHERE wrong IS NOT NULL";
    const char *what = "read its list of runs";
    sqlite3_stmt *st = sb_journal_query (t->j, sql, NULL, 0, what, t->faults);
    bool fine = st != NULL;
    int rc = SQLITE_DONE;

    while (st && (rc = sqlite3_step (st)) == SQLITE_ROW) {
        sb_fault (t->faults, t->j->path, 0, "run %s %s", (const char *) sqlite3_column_text (st, 0),
                  (const char *) sqlite3_column_text (st, 1));
        fine = false;
    }
    if (st && rc != SQLITE_DONE)
        sb_journal_fault (t->j, t->faults, rc, what);
    sqlite3_finalize (st);
    return fine && rc == SQLITE_DONE;
}

static bool
check_structure (struct trial *t)
{
    const char *what = "be checked";
    sqlite3_stmt *st = sb_journal_query (t->j, "PRAGMA integrity_check(20)", NULL, 0, what, t->faults);
    bool fine = st != NULL;
    int rc = SQLITE_DONE;

    while (st && (rc = sqlite3_step (st)) == SQLITE_ROW) {
        const char *said = (const char *) sqlite3_column_text (st, 0);
        if (said && strcmp (said, "ok") == 0)
            continue;
        sb_fault (t->faults, t->j->path, 0, "the file is damaged: %s", said ? said : "?");
        fine = false;
    }
    if (st && rc != SQLITE_DONE)
        sb_journal_fault (t->j, t->faults, rc, what);
    sqlite3_finalize (st);
    return fine && rc == SQLITE_DONE;
}

/* Every row of both tables, in one text, to be compared with the same after a rebuild. */
static char *
derived_text (struct trial *t)
{
    static const char *const queries[] = {
        "SELECT run || char (31) || step || char (31) || name || char (31) || state || char (31) || attempt || char (31)"
        " || begun_ms || char (31) || ended_ms || char (31) || seq FROM step_states ORDER BY run, step",
        "SELECT run || char (31) || step || char (31) || name || char (31) || open_seq || char (31)"
        " || coalesce (answer_seq, 0) FROM gates ORDER BY run, step",
    };
    struct sb_buf out = { 0 };
    size_t i;

    for (i = 0; i < 2; i++) {
        sqlite3_stmt *st = sb_journal_query (t->j, queries[i], NULL, 0, "read its tables", t->faults);
        while (st && sqlite3_step (st) == SQLITE_ROW) {
            const char *row = (const char *) sqlite3_column_text (st, 0);
            sb_buf_str (&out, row ? row : "?");
            sb_buf_char (&out, '\n');
        }
        sqlite3_finalize (st);
    }
    return sb_buf_take (&out);
}

/* Rebuilt in a temporary copy, so that a journal opened for reading can be checked and nothing is changed. */
static bool
check_derived (struct trial *t)
{
    SB_AUTOFREE char *stored = derived_text (t), *derived = NULL;
    struct sb_journal copy = { .path = t->j->path, .lock = SB_LOCK_NONE };
    sqlite3_backup *backup;
    bool fine = sqlite3_open (":memory:", &copy.db) == SQLITE_OK;
    size_t i;

    backup = fine ? sqlite3_backup_init (copy.db, "main", t->j->db, "main") : NULL;
    fine = backup && sqlite3_backup_step (backup, -1) == SQLITE_DONE;
    sqlite3_backup_finish (backup);
    if (fine && (fine = sb_journal_derive_all (&copy, t->faults))) {
        struct trial again = { &copy, t->faults, { 0 }, t->first };
        derived = derived_text (&again);
        fine = strcmp (stored, derived) == 0;
    }
    if (!fine) {
        sb_fault (t->faults, t->j->path, 0, "the tables of states do not say what the records say");
        sb_fault_hint (t->faults, "When the records are sound, `switchback resume` makes the tables again.");
    }
    for (i = 0; i < SB_KEPT_COUNT; i++)
        sqlite3_finalize (copy.kept[i]);
    sqlite3_close (copy.db);
    return fine;
}

bool
sb_journal_head (struct sb_journal *j, struct sb_journal_head *ret, struct sb_faults *faults)
{
    const char *what = "read its last record";
    sqlite3_stmt *st = sb_journal_query (j,
                                         "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM runs),"
                                         " (SELECT max (seq) FROM records),"
                                         " (SELECT hash FROM records ORDER BY seq DESC LIMIT 1)",
                                         NULL, 0, what, faults);
    int rc = st ? sqlite3_step (st) : SQLITE_ERROR;

    memset (ret, 0, sizeof *ret);
    if (rc == SQLITE_ROW) {
        ret->records = sqlite3_column_int64 (st, 0);
        ret->runs = sqlite3_column_int64 (st, 1);
        ret->seq = sqlite3_column_int64 (st, 2);
        if (sqlite3_column_bytes (st, 3) == SB_HASH_BYTES)
            memcpy (ret->hash, sqlite3_column_blob (st, 3), SB_HASH_BYTES);
    } else if (st)
        sb_journal_fault (j, faults, rc, what);
    sqlite3_finalize (st);
    return rc == SQLITE_ROW;
}

bool
sb_journal_verify (struct sb_journal *j, const struct sb_journal_head *head, struct sb_journal_head *ret,
                   struct sb_faults *faults)
{
    struct trial t = { j, faults, { 0 }, faults->count };
    struct sb_journal_head counts;
    bool structure, chain, derived;

    /* One snapshot for all three looks, while a run may be writing. */
    if (!sb_journal_exec (j, "BEGIN", NULL, 0, "be read", faults))
        return false;
    structure = check_structure (&t);
    chain = check_chain (&t, head);
    derived = structure && check_runs (&t) && check_derived (&t);
    if (sb_journal_head (j, &counts, faults))
        t.head.runs = counts.runs;
    sb_journal_rollback (j);
    if (ret)
        *ret = t.head;
    return structure && chain && derived;
}
