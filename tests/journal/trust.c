/* Whoever changes a journal is seen: rows, bytes of the file, the whole chain, its
 * end, the tables made from it. */
#include "tests/journal/lib.h"

#include "core/base/text.h"
#include "core/sys/file.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
        { "papers", "DELETE FROM papers", "does not fit the plan or topology" },
        { "topology", "UPDATE papers SET topology = ''", "does not fit the plan or topology" },
        { "plan", "UPDATE papers SET plan = '{\"steps\":[]}'", "does not fit the plan or topology" },
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
                                           "SELECT * FROM gates ORDER BY 1, 2", "SELECT * FROM papers ORDER BY 1" };
    sqlite3 *db = NULL;
    sqlite3_stmt *st;
    size_t k;
    int i;

    if (sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
        for (k = 0; k < sizeof queries / sizeof queries[0]; k++) {
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

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a changed, missing, moved or added record and a changed table or plan are found", tampering_is_found },
        { "random changes of the rows are found, whatever they touch", random_crimes_against_rows_are_found },
        { "a flipped bit anywhere in the file is found, or changes nothing that the journal says",
          random_bytes_are_found_or_say_nothing },
        { "a chain that was made anew shows against a head from outside, also a short one",
          a_chain_made_anew_shows_against_the_head },
        { "a cut tail shows against the head that was printed", a_cut_tail_shows_against_the_head },
        { "tables of states are made again from the records", tables_are_made_again },
        { NULL, NULL },
    };

    return run_in_folder ("trust", tests);
}
