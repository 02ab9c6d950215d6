/* The journal: what was committed is there after any death, and nobody changes
 * it unseen. */
#include "tests/lib/tap.h"

#include "core/base/text.h"
#include "core/journal/journal.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/sb-journal-XXXXXX";
static struct sb_arena arena;
static struct sb_faults faults;

static const char *
at (const char *name)
{
    return sb_arena_printf (&arena, "%s/%s", folder, name);
}

static bool
says (const char *text)
{
    SB_AUTOFREE char *all = sb_faults_text (&faults);
    bool found = strstr (all, text) != NULL;

    if (!found)
        printf ("# expected '%s', got: %s\n", text, all);
    sb_faults_free (&faults);
    return found;
}

static struct sb_journal *
open_it (const char *path, bool write)
{
    struct sb_journal_cfg cfg = { .path = path, .write = write, .busy_ms = 2000 };

    return sb_journal_open (&cfg, &faults);
}

static bool
add_run (struct sb_journal *j, const char *id)
{
    struct sb_journal_run run = { .id = id,
                                  .workflow = "failover",
                                  .pool = "pchat",
                                  .digest = "d",
                                  .plan = "{}",
                                  .topology_file = "/t.ini",
                                  .topology = "[pool pchat]",
                                  .dir = "/d",
                                  .started_ms = 1000,
                                  .uid = 7 };
    char seal[SB_SHA256_HEX];
    SB_AUTOFREE char *body = (sb_journal_run_seal (&run, seal),
                              sb_xprintf ("{\"by\":{\"uid\":7},\"seal\":\"%s\",\"started_ms\":1000}", seal));
    struct sb_record r = {
        .run = id, .at_ms = 1000, .kind = SB_REC_RUN_BEGIN, .step = SB_RECORD_NO_STEP, .body = body
    };

    return sb_journal_own (j, id, &faults) == SB_LOCK_TAKEN && sb_journal_begin (j, &faults)
           && sb_journal_run_add (j, &run, &faults) && sb_journal_add (j, &r, &faults)
           && sb_journal_commit (j, &faults);
}

static bool
add (struct sb_journal *j, const char *run, enum sb_record_kind kind, uint32_t step, int64_t at_ms, const char *body)
{
    struct sb_record r = {
        .run = run, .at_ms = at_ms, .kind = kind, .step = step, .name = "a", .attempt = 1, .body = body
    };

    return sb_journal_add (j, &r, &faults);
}

/* A journal with one run and six records of one step and a gate, closed. */
static const char *
sample (const char *name)
{
    const char *path = at (name);
    struct sb_journal *j = open_it (path, true);

    CU_ASSERT_FATAL (j != NULL && add_run (j, "r1"));
    CU_ASSERT (sb_journal_begin (j, &faults));
    CU_ASSERT (add (j, "r1", SB_REC_GATE_OPEN, 3, 1100, "{\"question\":\"?\"}"));
    CU_ASSERT (add (j, "r1", SB_REC_GATE_ANSWER, 3, 1200, "{\"answer\":\"yes\"}"));
    CU_ASSERT (add (j, "r1", SB_REC_INTENT, 3, 2000, "{\"target\":\"south-sql1\"}"));
    CU_ASSERT (sb_journal_commit (j, &faults));
    CU_ASSERT (sb_journal_begin (j, &faults));
    CU_ASSERT (add (j, "r1", SB_REC_ANSWER, 3, 2500, "{\"rc\":\"ok\"}"));
    CU_ASSERT (add (j, "r1", SB_REC_DONE, 3, 5000, "{\"results\":{\"lsn\":\"42\"}}"));
    CU_ASSERT (sb_journal_commit (j, &faults));
    sb_journal_close (j);
    return path;
}

static void
sql (const char *path, const char *text)
{
    sqlite3 *db;

    CU_ASSERT_FATAL (sqlite3_open (path, &db) == SQLITE_OK);
    if (sqlite3_exec (db, text, NULL, NULL, NULL) != SQLITE_OK)
        printf ("# %s: %s\n", text, sqlite3_errmsg (db));
    CU_ASSERT (sqlite3_errcode (db) == SQLITE_OK);
    sqlite3_close (db);
}

static bool
verify (const char *path, const struct sb_journal_head *known, struct sb_journal_head *ret)
{
    struct sb_journal *j = open_it (path, false);
    bool fine = j && sb_journal_verify (j, known, ret, &faults);

    sb_journal_close (j);
    return fine;
}

/* ---------------------------------------------------------------- keeping */

static bool
count_record (void *ctx, const struct sb_record *r)
{
    unsigned *seen = ctx;

    CU_ASSERT_EQUAL (r->seq, (int64_t)++ * seen);
    return true;
}

static void
what_was_written_is_read_back (void)
{
    struct sb_journal *j = open_it (sample ("back"), false);
    struct sb_journal_run *runs;
    struct sb_journal_step *steps;
    struct sb_journal_gate *gates;
    const char *results;
    unsigned seen = 0;
    int64_t ms[4];
    size_t n;

    CU_ASSERT_FATAL (j != NULL);
    CU_ASSERT (sb_journal_each (j, "r1", 0, count_record, &seen, &faults));
    CU_ASSERT_EQUAL (seen, 6);
    CU_ASSERT (sb_journal_runs (j, &arena, &runs, &n, &faults) && n == 1);
    CU_ASSERT_STRING_EQUAL (runs[0].workflow, "failover");
    CU_ASSERT_PTR_NULL (runs[0].outcome);
    CU_ASSERT (sb_journal_steps (j, "r1", &arena, &steps, &n, &faults) && n == 1);
    CU_ASSERT_STRING_EQUAL (steps[0].state, "done");
    CU_ASSERT (steps[0].begun_ms == 2000 && steps[0].ended_ms == 5000 && steps[0].step == 3);
    CU_ASSERT (sb_journal_results (j, "r1", "a", &arena, &results, &faults));
    CU_ASSERT_STRING_EQUAL (results, "{\"lsn\":\"42\"}");
    CU_ASSERT (sb_journal_gates (j, "r1", &arena, &gates, &n, &faults) && n == 1);
    CU_ASSERT_STRING_EQUAL (gates[0].state, "answered");
    CU_ASSERT_EQUAL (sb_journal_durations (j, "failover", "a", ms, 4), 1);
    CU_ASSERT_EQUAL (ms[0], 3000);
    sb_journal_close (j);
}

static void
a_batch_is_one_sync (void)
{
    struct sb_journal *j = open_it (at ("syncs"), true);
    int k;

    CU_ASSERT_FATAL (j && add_run (j, "r1"));
    CU_ASSERT_EQUAL (sb_journal_syncs (j), 1);
    CU_ASSERT (sb_journal_begin (j, &faults));
    for (k = 0; k < 1000; k++)
        CU_ASSERT (add (j, "r1", SB_REC_NOTE, 0, k, "{}"));
    CU_ASSERT (sb_journal_commit (j, &faults));
    CU_ASSERT_EQUAL (sb_journal_syncs (j), 2);
    sb_journal_close (j);
    CU_ASSERT (verify (at ("syncs"), NULL, NULL));
}

static void
a_rolled_back_batch_leaves_nothing (void)
{
    struct sb_journal *j = open_it (sample ("rollback"), true);
    struct sb_journal_head before, after;

    CU_ASSERT_FATAL (j && sb_journal_own (j, "r1", &faults) == SB_LOCK_TAKEN);
    CU_ASSERT (sb_journal_head (j, &before, &faults));
    CU_ASSERT (sb_journal_begin (j, &faults) && add (j, "r1", SB_REC_HELD, 3, 9000, "{}"));
    sb_journal_rollback (j);
    CU_ASSERT (sb_journal_head (j, &after, &faults));
    CU_ASSERT (before.seq == after.seq && memcmp (before.hash, after.hash, SB_HASH_BYTES) == 0);
    CU_ASSERT (sb_journal_begin (j, &faults) && add (j, "r1", SB_REC_HELD, 3, 9000, "{}")
               && sb_journal_commit (j, &faults));
    sb_journal_close (j);
    CU_ASSERT (verify (at ("rollback"), NULL, NULL));
}

static void
the_hash_is_what_the_header_says (void)
{
    /* seq 1, run "r", at 2, kind "note", no step, no name, attempt 3, body "{}", written out by hand */
    static const uint8_t bytes[] = "switchback record 1\0"
                                   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                   "\0\0\0\0\0\0\0\1"
                                   "\0\0\0\0\0\0\0\1r"
                                   "\0\0\0\0\0\0\0\2"
                                   "\0\0\0\0\0\0\0\4note"
                                   "\xff\xff\xff\xff\xff\xff\xff\xff"
                                   "\0\0\0\0\0\0\0\0"
                                   "\0\0\0\0\0\0\0\3"
                                   "\0\0\0\0\0\0\0\2{}";
    struct sb_record r = {
        .seq = 1, .run = "r", .at_ms = 2, .kind = SB_REC_NOTE, .step = SB_RECORD_NO_STEP, .attempt = 3, .body = "{}"
    };
    struct sb_sha256 h;
    uint8_t expected[32];

    sb_sha256_init (&h);
    sb_sha256_add (&h, bytes, sizeof bytes - 1);
    sb_sha256_end (&h, expected);
    sb_record_seal (&r);
    CU_ASSERT (memcmp (r.hash, expected, sizeof expected) == 0);
}

static void
every_kind_has_its_word (void)
{
    int k, l;

    for (k = 0; k < SB_REC_KINDS; k++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL (sb_record_words[k].name);
        CU_ASSERT_PTR_NOT_NULL (sb_record_words[k].text);
        CU_ASSERT_EQUAL (sb_record_kind_find (sb_record_words[k].name), (enum sb_record_kind) k);
        for (l = 0; l < k; l++)
            CU_ASSERT_STRING_NOT_EQUAL (sb_record_words[k].name, sb_record_words[l].name);
    }
}

/* ---------------------------------------------------------------- tampering */

static void
tampering_is_found (void)
{
    static const struct {
        const char *name, *sql, *finding;
    } crimes[] = {
        { "changed", "UPDATE records SET body = '{\"target\":\"north-sql1\"}' WHERE seq = 4", "record 4 was changed" },
        { "time", "UPDATE records SET at_ms = at_ms + 1 WHERE seq = 3", "record 3 was changed" },
        { "hash", "UPDATE records SET hash = zeroblob (32) WHERE seq = 3", "record 3 was changed" },
        { "short", "UPDATE records SET hash = zeroblob (3) WHERE seq = 3", "record 3 makes no sense" },
        { "kind", "UPDATE records SET kind = 'gone' WHERE seq = 3", "record 3 makes no sense" },
        { "missing", "PRAGMA foreign_keys = OFF; DELETE FROM records WHERE seq = 5", "record 5 is missing" },
        { "added",
          "INSERT INTO records SELECT 7, run, at_ms, kind, step, name, attempt, body, prev_hash, hash FROM records"
          " WHERE seq = 6",
          "record 7 does not follow" },
        { "reordered",
          "UPDATE records SET seq = -3 WHERE seq = 3; UPDATE records SET seq = 3 WHERE seq = 4;"
          "UPDATE records SET seq = 4 WHERE seq = -3",
          "record 3 does not follow" },
        { "closed-up", "DELETE FROM records WHERE seq = 5; UPDATE records SET seq = 5 WHERE seq = 6",
          "record 5 does not follow" },
        { "state", "UPDATE step_states SET state = 'skipped'", "tables of states do not say what the records say" },
        { "state-gone", "DELETE FROM step_states", "tables of states do not say what the records say" },
        { "gate", "UPDATE gates SET answer_seq = NULL", "tables of states do not say what the records say" },
        { "plan", "UPDATE runs SET plan = '{\"steps\":[]}'", "does not fit the plan or topology" },
    };
    struct sb_journal_head head;
    size_t k;

    CU_ASSERT (verify (sample ("sound"), NULL, &head));
    CU_ASSERT (head.records == 6 && head.seq == 6 && head.runs == 1);
    sb_faults_free (&faults);
    for (k = 0; k < sizeof crimes / sizeof crimes[0]; k++) {
        const char *path = sample (crimes[k].name);
        sql (path, crimes[k].sql);
        CU_ASSERT_FALSE (verify (path, NULL, NULL));
        CU_ASSERT (says (crimes[k].finding));
    }
}

/* ---------------------------------------------------------------- damage at random */

static uint64_t dice;

static uint32_t
roll (uint32_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (dice >> 33) % sides;
}

/* Everything that a journal says, as text. */
static char *
said (const char *path)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    static const char *const queries[] = { "SELECT * FROM runs ORDER BY 1", "SELECT * FROM records ORDER BY 1",
                                           "SELECT * FROM step_states ORDER BY 1, 2",
                                           "SELECT * FROM gates ORDER BY 1, 2" };
    sqlite3 *db = NULL;
    sqlite3_stmt *st;
    size_t k;
    int i;

    if (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
        for (k = 0; k < 4; k++) {
            if (sqlite3_prepare_v2 (db, queries[k], -1, &st, NULL) != SQLITE_OK)
                sb_buf_str (&out, "unreadable\n");
            while (st && sqlite3_step (st) == SQLITE_ROW)
                for (i = 0; i < sqlite3_column_count (st); i++)
                    sb_hex (sqlite3_column_blob (st, i), (size_t) sqlite3_column_bytes (st, i), &out);
            sqlite3_finalize (st);
            st = NULL;
        }
    sqlite3_close (db);
    return sb_buf_take (&out);
}

/* One crime against the rows, chosen by the dice; the text lives in the arena. */
static const char *
random_crime (void)
{
    static const char *const columns[] = { "run = run || 'x'",
                                           "at_ms = at_ms + 1",
                                           "kind = 'note'",
                                           "step = coalesce (step, 0) + 1",
                                           "name = coalesce (name, '') || 'x'",
                                           "attempt = attempt + 1",
                                           "body = body || ' '" };
    uint32_t seq = 1 + roll (6), other = 1 + roll (6), bit = roll (256);

    if (other == seq)
        other = seq % 6 + 1;
    switch (roll (6)) {
    case 0:
        return sb_arena_printf (&arena, "UPDATE records SET %s WHERE seq = %u", columns[roll (7)], seq);
    case 1: /* one bit of one of the hashes */
        return sb_arena_printf (&arena, "UPDATE records SET %s = (SELECT unhex_flip (%s, %u)) WHERE seq = %u",
                                bit & 1 ? "hash" : "prev_hash", bit & 1 ? "hash" : "prev_hash", bit, seq);
    case 2:
        return sb_arena_printf (&arena, "DELETE FROM records WHERE seq = %u", 1 + roll (5)); /* not the tail */
    case 3:
        return sb_arena_printf (
                &arena,
                "UPDATE records SET seq = -1 WHERE seq = %u; UPDATE records SET seq = %u WHERE seq = %u;"
                "UPDATE records SET seq = %u WHERE seq = -1",
                seq, seq, other, other);
    case 4:
        return sb_arena_printf (&arena,
                                "INSERT INTO records SELECT %u, run, at_ms, kind, step, name, attempt, body, prev_hash,"
                                " hash FROM records WHERE seq = %u",
                                7 + roll (2), seq);
    default:
        return roll (2)
                       ? "UPDATE runs SET uid = uid + 1, outcome = 'done'"
                       : "UPDATE step_states SET attempt = attempt + 1 WHERE step = (SELECT max (step) FROM step_states)";
    }
}

static void
flip (sqlite3_context *ctx, int n, sqlite3_value **v)
{
    uint8_t copy[SB_HASH_BYTES] = { 0 };
    int bit = sqlite3_value_int (v[1]);

    (void) n;
    memcpy (copy, sqlite3_value_blob (v[0]), SB_HASH_BYTES);
    copy[bit / 8] ^= (uint8_t) (1 << bit % 8);
    sqlite3_result_blob (ctx, copy, SB_HASH_BYTES, SQLITE_TRANSIENT);
}

static bool
commit_crime (const char *path, const char *crime)
{
    sqlite3 *db = NULL;
    bool fine = sqlite3_open (path, &db) == SQLITE_OK
                && sqlite3_create_function (db, "unhex_flip", 2, SQLITE_UTF8, NULL, flip, NULL, NULL) == SQLITE_OK
                && sqlite3_exec (db, crime, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_close (db);
    return fine;
}

/* Without waiting for the disk: there are hundreds. */
static bool
spill (const char *path, const struct sb_buf *b)
{
    FILE *f = fopen (path, "w");
    bool fine = f && fwrite (b->s, 1, b->len, f) == b->len;

    return f && fclose (f) == 0 && fine;
}

/* SB_SEED=N plays one; SB_CRIMES=N plays so many. */
static uint64_t
first_seed (uint64_t *ret_last, uint64_t many)
{
    const char *given = getenv ("SB_SEED"), *count = getenv ("SB_CRIMES");
    uint64_t first = given ? strtoull (given, NULL, 10) : 1;

    *ret_last = given ? first : count ? strtoull (count, NULL, 10) : many;
    return first;
}

static void
random_crimes_against_rows_are_found (void)
{
    uint64_t last, seed = first_seed (&last, 60);
    const char *path = sample ("crimes"), *copy = at ("crime");
    SB_CLEANUP (sb_buf_free) struct sb_buf whole = { 0 };
    SB_AUTOFREE char *before = said (path);

    CU_ASSERT_FATAL (sb_file_read (path, 1 << 24, &whole, &faults));
    for (; seed <= last; seed++) {
        SB_AUTOFREE char *after = NULL;
        const char *crime;
        bool found;
        dice = seed * 2654435761u;
        crime = random_crime ();
        CU_ASSERT (spill (copy, &whole));
        CU_ASSERT (commit_crime (copy, crime));
        after = said (copy);
        found = !verify (copy, NULL, NULL) && faults.count > 0;
        if (!found && strcmp (before, after) != 0)
            printf ("# seed %llu was not found: %s\n", (unsigned long long) seed, crime);
        CU_ASSERT (found || strcmp (before, after) == 0);
        sb_faults_free (&faults);
    }
}

/* Any byte of the file: found, or it changes nothing that the journal says. */
static void
random_bytes_are_found_or_say_nothing (void)
{
    uint64_t last, seed = first_seed (&last, 150);
    const char *path = sample ("bytes"), *copy = at ("byte");
    SB_CLEANUP (sb_buf_free) struct sb_buf whole = { 0 };
    SB_AUTOFREE char *before = said (path);
    unsigned found = 0;

    CU_ASSERT_FATAL (sb_file_read (path, 1 << 24, &whole, &faults) && whole.len > 4096);
    for (; seed <= last; seed++) {
        SB_AUTOFREE char *after = NULL;
        uint32_t where, bit;
        bool good;
        dice = seed * 2654435761u;
        /* most of a small journal is free space: half of the bytes are taken from those that are not 0 */
        for (where = roll ((uint32_t) whole.len), bit = roll (2); bit && whole.s[where] == 0;)
            where = (where + 1) % (uint32_t) whole.len;
        bit = roll (8);
        whole.s[where] ^= (char) (1 << bit);
        CU_ASSERT (spill (copy, &whole));
        whole.s[where] ^= (char) (1 << bit);
        good = verify (copy, NULL, NULL);
        sb_faults_free (&faults);
        after = said (copy);
        found += !good;
        if (good && strcmp (before, after) != 0)
            printf ("# seed %llu was not found: byte %u, bit %u\n", (unsigned long long) seed, where, bit);
        CU_ASSERT (!good || strcmp (before, after) == 0);
    }
    printf ("# %u of the flipped bits were found, the others say nothing\n", found);
}

/* Whoever can write can also hash: a chain that was made anew is whole, and shows only against a head from outside. */
static void
a_chain_made_anew_shows_against_the_head (void)
{
    const char *path = sample ("anew");
    struct sb_journal_head head, short_head;
    struct sb_record r;
    sqlite3_stmt *st = NULL;
    uint8_t prev[SB_HASH_BYTES] = { 0 };
    sqlite3 *db = NULL;
    int64_t seq;

    CU_ASSERT (verify (path, NULL, &head));
    short_head = (struct sb_journal_head){ .seq = head.seq, .hash_bytes = 8 };
    memcpy (short_head.hash, head.hash, 8);
    CU_ASSERT (verify (path, &short_head, NULL));
    sql (path, "UPDATE records SET at_ms = at_ms + 5 WHERE seq = 6;"
               "UPDATE step_states SET ended_ms = ended_ms + 5 WHERE seq = 6");
    CU_ASSERT_FATAL (sqlite3_open (path, &db) == SQLITE_OK);
    for (seq = 1; seq <= 6; seq++) {
        sqlite3_prepare_v2 (db, "SELECT run, at_ms, kind, step, name, attempt, body FROM records WHERE seq = ?", -1,
                            &st, NULL);
        sqlite3_bind_int64 (st, 1, seq);
        CU_ASSERT_FATAL (sqlite3_step (st) == SQLITE_ROW);
        r = (struct sb_record){ .seq = seq,
                                .run = sb_arena_strdup (&arena, (const char *) sqlite3_column_text (st, 0)),
                                .at_ms = sqlite3_column_int64 (st, 1),
                                .kind = sb_record_kind_find ((const char *) sqlite3_column_text (st, 2)),
                                .step = sqlite3_column_type (st, 3) == SQLITE_NULL
                                                ? SB_RECORD_NO_STEP
                                                : (uint32_t) sqlite3_column_int (st, 3),
                                .attempt = (unsigned) sqlite3_column_int (st, 5),
                                .body = sb_arena_strdup (&arena, (const char *) sqlite3_column_text (st, 6)) };
        if (sqlite3_column_type (st, 4) != SQLITE_NULL)
            r.name = sb_arena_strdup (&arena, (const char *) sqlite3_column_text (st, 4));
        sqlite3_finalize (st);
        memcpy (r.prev_hash, prev, SB_HASH_BYTES);
        sb_record_seal (&r);
        memcpy (prev, r.hash, SB_HASH_BYTES);
        sqlite3_prepare_v2 (db, "UPDATE records SET prev_hash = ?, hash = ? WHERE seq = ?", -1, &st, NULL);
        sqlite3_bind_blob (st, 1, r.prev_hash, SB_HASH_BYTES, SQLITE_TRANSIENT);
        sqlite3_bind_blob (st, 2, r.hash, SB_HASH_BYTES, SQLITE_TRANSIENT);
        sqlite3_bind_int64 (st, 3, seq);
        CU_ASSERT_FATAL (sqlite3_step (st) == SQLITE_DONE);
        sqlite3_finalize (st);
    }
    sqlite3_close (db);
    CU_ASSERT (verify (path, NULL, NULL));
    CU_ASSERT_FALSE (verify (path, &head, NULL));
    CU_ASSERT (says ("is not the one that the given head names"));
    CU_ASSERT_FALSE (verify (path, &short_head, NULL));
    sb_faults_free (&faults);
}

/* Two processes, one making journals and one looking at them: the second sees none or a whole one. */
static void
who_comes_while_it_is_made_sees_none_or_a_whole_one (void)
{
    const char *paths[24];
    unsigned looks = 0;
    pid_t pid;
    int status, k;

    for (k = 0; k < 24; k++)
        paths[k] = at (sb_arena_printf (&arena, "making-%d", k));
    if ((pid = fork ()) == 0) {
        for (k = 0; k < 24; k++)
            sb_journal_close (open_it (paths[k], true));
        _exit (0);
    }
    for (k = 0; k < 24; k++)
        do {
            struct sb_journal *j = sb_file_exists (paths[k]) ? open_it (paths[k], false) : NULL;
            CU_ASSERT (faults.count == 0);
            if (faults.count > 0)
                printf ("# %s\n", faults.list[0].text);
            sb_faults_free (&faults);
            sb_journal_close (j);
            looks++;
            if (j)
                break;
        } while (waitpid (pid, &status, WNOHANG) == 0);
    waitpid (pid, &status, 0);
    printf ("# %u looks\n", looks);
}

/* As an auditor: another user, in a folder that is not his.  Root may write anywhere, so root becomes somebody else. */
static void
a_journal_in_a_folder_of_somebody_else_can_be_checked (void)
{
    const char *path = sample ("evidence?100%#1"), *dir = at ("locked away"), *there;
    SB_CLEANUP (sb_buf_free) struct sb_buf whole = { 0 };
    int status = -1;
    pid_t pid;

    there = sb_arena_printf (&arena, "%s/journal?100%%#1.db", dir);
    CU_ASSERT_FATAL (sb_file_read (path, 1 << 24, &whole, &faults) && mkdir (dir, 0755) == 0 && spill (there, &whole));
    chmod (there, 0444);
    chmod (dir, 0555);
    chmod (folder, 0755);
    if ((pid = fork ()) == 0) {
        if (geteuid () == 0 && (setgid (65534) != 0 || setuid (65534) != 0))
            _exit (9);
        _exit (access (dir, W_OK) != 0 && verify (there, NULL, NULL) ? 0 : 1);
    }
    waitpid (pid, &status, 0);
    CU_ASSERT (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    chmod (dir, 0755);
}

static void
a_cut_tail_shows_against_the_head (void)
{
    const char *path = sample ("tail");
    struct sb_journal_head head;

    CU_ASSERT (verify (path, NULL, &head));
    CU_ASSERT (verify (path, &head, NULL));
    sql (path, "DELETE FROM step_states; DELETE FROM records WHERE seq = 6;"
               "INSERT INTO step_states VALUES ('r1', 3, 'a', 'checking', 1, 2000, 0, 5)");
    CU_ASSERT (verify (path, NULL, NULL)); /* by itself it looks whole */
    CU_ASSERT_FALSE (verify (path, &head, NULL));
    CU_ASSERT (says ("the end was cut off"));
}

static void
tables_are_made_again (void)
{
    const char *path = sample ("rebuild");
    struct sb_journal *j;

    sql (path, "DELETE FROM step_states; UPDATE gates SET answer_seq = NULL");
    CU_ASSERT_FALSE (verify (path, NULL, NULL));
    sb_faults_free (&faults);
    j = open_it (path, true);
    CU_ASSERT_FATAL (j != NULL);
    CU_ASSERT (sb_journal_rebuild (j, &faults));
    sb_journal_close (j);
    CU_ASSERT (verify (path, NULL, NULL));
}

/* ---------------------------------------------------------------- files that are no journal */

static void
write_file (const char *path, const void *data, size_t n)
{
    CU_ASSERT (sb_file_write (path, data, n, 0600, &faults));
}

static bool
refused (const char *path, bool write, const char *sentence)
{
    struct sb_journal *j = open_it (path, write);
    bool fine = j == NULL && says (sentence);

    sb_journal_close (j);
    return fine;
}

static void
what_is_no_journal_is_refused (void)
{
    static const char noise[5000] = "this is not a database at all";
    char image[8192];
    const char *path;
    int fd;

    CU_ASSERT (refused (at ("nowhere"), false, "there is no journal here"));
    CU_ASSERT (refused (at ("no/folder/journal"), true, "No such file or directory"));
    mkdir (at ("folder"), 0700);
    CU_ASSERT (refused (at ("folder"), true, "this is not a file"));
    write_file (at ("noise"), noise, sizeof noise);
    CU_ASSERT (refused (at ("noise"), false, "no SQLite database"));
    CU_ASSERT (refused (at ("noise"), true, "no SQLite database"));
    sql (at ("other"), "CREATE TABLE mine (a)");
    CU_ASSERT (refused (at ("other"), true, "database of another program"));
    path = sample ("newer");
    sql (path, "PRAGMA user_version = 99");
    CU_ASSERT (refused (path, true, "written by a newer switchback: schema 99"));
    CU_ASSERT (refused (path, false, "written by a newer switchback"));
    path = sample ("cut");
    CU_ASSERT (truncate (path, 8192) == 0);
    CU_ASSERT (refused (path, true, "the journal is truncated: 8192 bytes of"));
    path = sample ("holes");
    fd = open (path, O_RDWR);
    memset (image, 0xa5, sizeof image);
    CU_ASSERT (pwrite (fd, image, sizeof image, 4096) == sizeof image);
    close (fd);
    CU_ASSERT_FALSE (verify (path, NULL, NULL));
    CU_ASSERT (says ("damaged"));
}

static bool
no_locks_here (const char *path, struct sb_faults *f)
{
    sb_fault (f, path, 0, "this file system does not keep locks: two holders at once");
    return false;
}

static void
a_file_system_without_locks_is_refused (void)
{
    struct sb_journal_cfg cfg = { .path = at ("unlocked"), .write = true, .locks_work = no_locks_here };

    CU_ASSERT_PTR_NULL (sb_journal_open (&cfg, &faults));
    CU_ASSERT (says ("does not keep locks"));
    CU_ASSERT_FALSE (sb_file_exists (at ("unlocked")));
}

/* What a full disk leaves when the journal is made: a file of SQLite's with nothing in it. */
static void
an_empty_database_is_no_journal_yet (void)
{
    struct sb_journal_cfg cfg = { .path = at ("begun") };
    sqlite3 *db = NULL;
    struct sb_journal *j;

    CU_ASSERT_EQUAL (sqlite3_open (cfg.path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL (sqlite3_exec (db, "PRAGMA journal_mode = WAL; PRAGMA user_version = 0; VACUUM", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close (db);
    CU_ASSERT_PTR_NULL (sb_journal_open (&cfg, &faults));
    CU_ASSERT_EQUAL (faults.count, 0);
    cfg.write = true;
    j = sb_journal_open (&cfg, &faults);
    CU_ASSERT_PTR_NOT_NULL (j);
    sb_journal_close (j);
    cfg.write = false;
    j = sb_journal_open (&cfg, &faults);
    CU_ASSERT_PTR_NOT_NULL (j);
    sb_journal_close (j);
}

static void
the_file_is_not_for_others (void)
{
    struct stat st;

    CU_ASSERT (stat (sample ("mode"), &st) == 0 && (st.st_mode & 0777) == 0600);
}

/* ---------------------------------------------------------------- processes */

static void
only_the_owner_appends (void)
{
    struct sb_journal *first = open_it (sample ("owner"), true), *second = open_it (at ("owner"), true);
    SB_AUTOFREE char *who = NULL;

    CU_ASSERT_FATAL (first && second);
    CU_ASSERT_FALSE (sb_journal_owned (second, "r1", NULL));
    CU_ASSERT (sb_journal_own (first, "r1", &faults) == SB_LOCK_TAKEN);
    CU_ASSERT (sb_journal_own (second, "r1", &faults) == SB_LOCK_BUSY);
    CU_ASSERT (sb_journal_owned (second, "r1", &who));
    CU_ASSERT (who && strstr (who, "pid") != NULL);
    CU_ASSERT (sb_journal_begin (second, &faults));
    CU_ASSERT_FALSE (add (second, "r1", SB_REC_NOTE, 0, 1, "{}"));
    sb_journal_rollback (second);
    CU_ASSERT (says ("only the process of run r1"));
    sb_journal_close (first);
    CU_ASSERT_FALSE (sb_journal_owned (second, "r1", NULL));
    CU_ASSERT (sb_journal_own (second, "r1", &faults) == SB_LOCK_TAKEN);
    sb_journal_close (second);
}

/* Commits record after record and says so on the pipe after each commit. */
static void
write_until_killed (const char *path, int out)
{
    struct sb_journal *j = open_it (path, true);
    int64_t k;

    if (!j || !add_run (j, "r1"))
        _exit (1);
    for (k = 1;; k++) {
        bool fine = sb_journal_begin (j, &faults) && add (j, "r1", SB_REC_INTENT, 0, k, "{}")
                    && add (j, "r1", SB_REC_DONE, 0, k, "{}") && sb_journal_commit (j, &faults);
        if (!fine || write (out, &k, sizeof k) != sizeof k)
            _exit (2);
    }
}

static void
a_killed_writer_loses_nothing_it_promised (void)
{
    int round;

    for (round = 0; round < 8; round++) {
        const char *path = at (sb_arena_printf (&arena, "killed-%d", round));
        int64_t promised = 0, k, enough = 5 + round * 7;
        struct sb_journal_head head;
        int ends[2], status;
        pid_t pid;

        CU_ASSERT_FATAL (pipe (ends) == 0);
        pid = fork ();
        if (pid == 0)
            write_until_killed (path, ends[1]);
        close (ends[1]);
        while (promised < enough && read (ends[0], &k, sizeof k) == sizeof k)
            promised = k;
        kill (pid, SIGKILL);
        waitpid (pid, &status, 0);
        while (read (ends[0], &k, sizeof k) == sizeof k)
            promised = k;
        close (ends[0]);
        CU_ASSERT (WIFSIGNALED (status));
        CU_ASSERT (verify (path, NULL, &head));
        CU_ASSERT (head.records >= 1 + 2 * promised && head.records <= 1 + 2 * (promised + 1));
        CU_ASSERT (head.records % 2 == 1); /* whole batches only */
        sb_faults_free (&faults);
        {
            struct sb_journal *j = open_it (path, true); /* the lock died with its process */
            CU_ASSERT (j && sb_journal_own (j, "r1", &faults) == SB_LOCK_TAKEN);
            CU_ASSERT (j && sb_journal_begin (j, &faults) && add (j, "r1", SB_REC_NOTE, 0, 1, "{}")
                       && sb_journal_commit (j, &faults));
            sb_journal_close (j);
            CU_ASSERT (verify (path, NULL, NULL));
        }
    }
}

static int
write_until_full (const char *path)
{
    struct rlimit limit = { 300000, 300000 };
    struct sb_journal *j = open_it (path, true);
    int k;

    if (!j || !add_run (j, "r1") || setrlimit (RLIMIT_FSIZE, &limit) != 0)
        return 10;
    for (k = 0; k < 20000; k++)
        if (!sb_journal_begin (j, &faults) || !add (j, "r1", SB_REC_NOTE, 0, k, "{\"text\":\"a few bytes\"}")
            || !sb_journal_commit (j, &faults)) {
            SB_AUTOFREE char *all = sb_faults_text (&faults);
            return faults.count > 0 && strstr (all, "the journal") && strstr (all, "HINT") ? 0 : 11;
        }
    return 12;
}

static void
a_full_disk_is_a_fault_and_not_a_loss (void)
{
    const char *path = at ("full");
    struct sb_journal_head head;
    struct sb_journal *j;
    pid_t pid = fork ();
    int status;

    if (pid == 0)
        _exit (write_until_full (path));
    waitpid (pid, &status, 0);
    CU_ASSERT (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    CU_ASSERT (verify (path, NULL, &head));
    CU_ASSERT (head.records > 10);
    sb_faults_free (&faults);
    j = open_it (path, true);
    CU_ASSERT (j && sb_journal_own (j, "r1", &faults) == SB_LOCK_TAKEN && sb_journal_begin (j, &faults)
               && add (j, "r1", SB_REC_NOTE, 0, 1, "{}") && sb_journal_commit (j, &faults));
    sb_journal_close (j);
}

static int
read_while (const char *path, int64_t until)
{
    struct sb_journal_head head = { 0 };
    int64_t last = 0, deadline = sb_deadline_in (20000);

    while (head.records < until && sb_deadline_left (deadline) > 0) {
        struct sb_journal *j = open_it (path, false);
        bool fine = j && sb_journal_verify (j, NULL, &head, &faults);
        sb_journal_close (j);
        if (!fine || head.records < last)
            return 1;
        last = head.records;
    }
    return head.records >= until ? 0 : 2;
}

static void
many_read_while_one_writes (void)
{
    struct sb_journal *j = open_it (at ("readers"), true);
    pid_t readers[4];
    int k, status;

    CU_ASSERT_FATAL (j && add_run (j, "r1"));
    for (k = 0; k < 4; k++)
        if ((readers[k] = fork ()) == 0)
            _exit (read_while (at ("readers"), 201));
    for (k = 0; k < 200; k++) {
        CU_ASSERT (sb_journal_begin (j, &faults) && add (j, "r1", SB_REC_NOTE, 0, k, "{}")
                   && sb_journal_commit (j, &faults));
    }
    for (k = 0; k < 4; k++) {
        waitpid (readers[k], &status, 0);
        CU_ASSERT (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    }
    sb_journal_close (j);
}

/* ---------------------------------------------------------------- beside the history */

static void
wishes_reach_the_owner (void)
{
    struct sb_journal *owner = open_it (sample ("inbox"), true), *other = open_it (at ("inbox"), true);
    struct sb_inbox_item *items;
    size_t n;

    CU_ASSERT_FATAL (owner && other && sb_journal_own (owner, "r1", &faults) == SB_LOCK_TAKEN);
    sb_journal_stirred (owner);
    CU_ASSERT_FALSE (sb_journal_stirred (owner));
    CU_ASSERT (sb_journal_inbox_put (other, "r1", "approve", "{\"gate\":\"loss\"}", 77, &faults));
    CU_ASSERT_FALSE (sb_journal_inbox_put (other, "nobody", "approve", "{}", 77, &faults));
    sb_faults_free (&faults);
    CU_ASSERT (sb_journal_stirred (owner));
    CU_ASSERT (sb_journal_inbox (owner, "r1", &arena, &items, &n, &faults) && n == 1);
    CU_ASSERT (items[0].uid == getuid () && strcmp (items[0].verb, "approve") == 0);
    CU_ASSERT (sb_journal_begin (owner, &faults) && sb_journal_inbox_taken (owner, items[0].id, 80, &faults)
               && sb_journal_commit (owner, &faults));
    CU_ASSERT (sb_journal_inbox (owner, "r1", &arena, &items, &n, &faults) && n == 0);
    sb_journal_close (owner);
    sb_journal_close (other);
}

static void
messages_are_queued_once (void)
{
    struct sb_journal *j = open_it (sample ("notes"), true);
    struct sb_note note = {
        .run = "r1", .at_ms = 5, .channel = "ops", .event = "gate", .key = "k1", .subject = "s", .body = "b"
    };
    struct sb_note *notes;
    size_t n;

    CU_ASSERT_FATAL (j != NULL);
    CU_ASSERT (sb_journal_begin (j, &faults) && sb_journal_note_add (j, &note, &faults)
               && sb_journal_note_add (j, &note, &faults) && sb_journal_commit (j, &faults));
    CU_ASSERT (sb_journal_notes (j, "r1", "queued", &arena, &notes, &n, &faults) && n == 1);
    CU_ASSERT (sb_journal_begin (j, &faults) && sb_journal_note_result (j, notes[0].id, "sent", 1, 0, "202", &faults)
               && sb_journal_commit (j, &faults));
    CU_ASSERT (sb_journal_notes (j, NULL, "queued", &arena, &notes, &n, &faults) && n == 0);
    CU_ASSERT (sb_journal_notes (j, NULL, NULL, &arena, &notes, &n, &faults) && n == 1);
    CU_ASSERT_STRING_EQUAL (notes[0].receipt, "202");
    sb_journal_close (j);
}

/* Schema 1 had no messages outside a run, and a message did not know whether it told of a drill. */
static void
an_older_journal_is_brought_up_to_date (void)
{
    const char *path = sample ("older");
    struct sb_note *notes;
    struct sb_journal *j;
    size_t n = 0;

    sql (path, "UPDATE runs SET drill = 1; DROP TABLE notes;"
               "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id),"
               " at_ms INTEGER NOT NULL, channel TEXT NOT NULL, event TEXT NOT NULL, key TEXT NOT NULL,"
               " subject TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL,"
               " next_ms INTEGER NOT NULL, receipt TEXT, UNIQUE (channel, key)) STRICT;"
               "INSERT INTO notes VALUES (7, 'r1', 5, 'ops', 'gate', 'k', 's', 'b', 'queued', 3, 9, 'later');"
               "PRAGMA user_version = 1");
    CU_ASSERT (refused (path, false, "the journal has schema 1"));
    j = open_it (path, true);
    CU_ASSERT_FATAL (j != NULL);
    CU_ASSERT (sb_journal_notes (j, "r1", "queued", &arena, &notes, &n, &faults) && n == 1);
    CU_ASSERT (n == 1 && notes[0].id == 7 && notes[0].tries == 3 && notes[0].drill && notes[0].escalate_ms == 0);
    CU_ASSERT_STRING_EQUAL (notes[0].receipt, "later");
    sb_journal_close (j);
}

static bool
escalates (struct sb_journal *j, int64_t id, const struct sb_note *next)
{
    return sb_journal_begin (j, &faults) && sb_journal_note_escalate (j, id, next, &faults)
           && sb_journal_commit (j, &faults);
}

static void
messages_escalate_unless_acknowledged (void)
{
    struct sb_journal *j = open_it (sample ("escalations"), true);
    struct sb_note note = { .run = "", .at_ms = 5, .channel = "ops", .event = "check", .key = "k1", .subject = "s" };
    struct sb_note next = { .at_ms = 20, .channel = "duty", .key = "k1/ops", .subject = "nobody", .body = "b" };
    struct sb_note *notes;
    int64_t count = 0;
    size_t n = 0;

    note.body = "b";
    note.escalate_ms = 15;
    note.drill = true;
    CU_ASSERT (sb_journal_begin (j, &faults) && sb_journal_note_add (j, &note, &faults));
    note.key = "k2";
    CU_ASSERT (sb_journal_note_add (j, &note, &faults) && sb_journal_commit (j, &faults));
    CU_ASSERT (sb_journal_begin (j, &faults) && sb_journal_note_result (j, 1, "sent", 1, 0, "ok", &faults)
               && sb_journal_commit (j, &faults));
    CU_ASSERT (sb_journal_notes (j, "", "open", &arena, &notes, &n, &faults) && n == 2);
    CU_ASSERT (escalates (j, 1, &next) && escalates (j, 1, &next)); /* once */
    CU_ASSERT (sb_journal_notes (j, "", "open", &arena, &notes, &n, &faults) && n == 2);
    CU_ASSERT_FATAL (n == 2);
    CU_ASSERT_STRING_EQUAL (notes[1].channel, "duty");
    CU_ASSERT_STRING_EQUAL (notes[1].event, "check");
    CU_ASSERT_TRUE (notes[1].drill);
    CU_ASSERT (sb_journal_begin (j, &faults) && sb_journal_note_ack (j, NULL, 30, 1000, &count, &faults)
               && sb_journal_commit (j, &faults));
    CU_ASSERT_EQUAL (count, 3);
    next.key = "k2/ops";
    CU_ASSERT (escalates (j, 2, &next));
    CU_ASSERT (sb_journal_notes (j, "", NULL, &arena, &notes, &n, &faults) && n == 3);
    sb_journal_close (j);
}

static void
runs_are_found_by_a_beginning (void)
{
    struct sb_journal *j = open_it (at ("find"), true);
    struct sb_journal_run *run;

    CU_ASSERT_FATAL (j && add_run (j, "failover-1a") && add_run (j, "failover-1b"));
    CU_ASSERT (sb_journal_run_find (j, "failover-1a", &arena, &run, &faults) && run);
    CU_ASSERT (sb_journal_run_find (j, "failback", &arena, &run, &faults) && !run);
    CU_ASSERT_FALSE (sb_journal_run_find (j, "failover", &arena, &run, &faults));
    CU_ASSERT (says ("is the beginning of 2 runs"));
    CU_ASSERT (sb_journal_run_find (j, NULL, &arena, &run, &faults) && run && strcmp (run->id, "failover-1b") == 0);
    CU_ASSERT (sb_journal_begin (j, &faults) && sb_journal_run_end (j, "failover-1b", "done", 9, &faults)
               && sb_journal_commit (j, &faults));
    CU_ASSERT (sb_journal_run_find (j, NULL, &arena, &run, &faults) && run && strcmp (run->id, "failover-1a") == 0);
    sb_journal_close (j);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "what was written is read back: records, states, gates, results, durations", what_was_written_is_read_back },
        { "a batch is one transaction and one sync", a_batch_is_one_sync },
        { "a batch that is rolled back leaves nothing", a_rolled_back_batch_leaves_nothing },
        { "the hash is over the bytes that record.h describes", the_hash_is_what_the_header_says },
        { "every kind of record has one word of its own", every_kind_has_its_word },
        { "a changed, missing, moved or added record and a changed table or plan are found", tampering_is_found },
        { "random changes of the rows are found, whatever they touch", random_crimes_against_rows_are_found },
        { "a flipped bit anywhere in the file is found, or changes nothing that the journal says",
          random_bytes_are_found_or_say_nothing },
        { "a chain that was made anew shows against a head from outside, also a short one",
          a_chain_made_anew_shows_against_the_head },
        { "who comes while a journal is made sees none, or a whole one",
          who_comes_while_it_is_made_sees_none_or_a_whole_one },
        { "a journal that lies in somebody else's folder can be read and checked",
          a_journal_in_a_folder_of_somebody_else_can_be_checked },
        { "a cut tail shows against the head that was printed", a_cut_tail_shows_against_the_head },
        { "tables of states are made again from the records", tables_are_made_again },
        { "what is no journal is refused with a sentence", what_is_no_journal_is_refused },
        { "a file system without locks is refused", a_file_system_without_locks_is_refused },
        { "a journal that somebody only began to make is none yet, and is made by the next writer",
          an_empty_database_is_no_journal_yet },
        { "the file is not readable for others", the_file_is_not_for_others },
        { "only the run's own process appends, and others see whether it lives", only_the_owner_appends },
        { "a writer killed at any moment loses nothing that it promised", a_killed_writer_loses_nothing_it_promised },
        { "a full disk is a fault with a hint, and nothing is lost", a_full_disk_is_a_fault_and_not_a_loss },
        { "many read while one writes", many_read_while_one_writes },
        { "wishes of other processes reach the owner with their uid", wishes_reach_the_owner },
        { "a message is queued once and keeps its receipt", messages_are_queued_once },
        { "a journal of the schema before is brought up to date, its messages with it",
          an_older_journal_is_brought_up_to_date },
        { "a message escalates once, and not when somebody acknowledged it", messages_escalate_unless_acknowledged },
        { "a run is found by a beginning that only it has", runs_are_found_by_a_beginning },
        { NULL, NULL },
    };
    int rc;

    if (!mkdtemp (folder))
        return 99;
    rc = sb_tap_run ("journal", tests);
    sb_tree_remove (folder, &faults);
    sb_faults_free (&faults);
    sb_arena_release (&arena);
    return rc;
}
