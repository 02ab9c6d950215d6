/* The journal: what was committed is there after any death, and nobody changes
 * it unseen. */
#include "tests/journal/lib.h"

#include "core/base/text.h"
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
    chmod (at ("."), 0755);
    if ((pid = fork ()) == 0) {
        if (geteuid () == 0 && (setgid (65534) != 0 || setuid (65534) != 0))
            _exit (9);
        _exit (access (dir, W_OK) != 0 && verify (there, NULL, NULL) ? 0 : 1);
    }
    waitpid (pid, &status, 0);
    CU_ASSERT (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    chmod (dir, 0755);
}

/* ---------------------------------------------------------------- files that are no journal */

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
        { "who comes while a journal is made sees none, or a whole one",
          who_comes_while_it_is_made_sees_none_or_a_whole_one },
        { "a journal that lies in somebody else's folder can be read and checked",
          a_journal_in_a_folder_of_somebody_else_can_be_checked },
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
        { "a message escalates once, and not when somebody acknowledged it", messages_escalate_unless_acknowledged },
        { "a run is found by a beginning that only it has", runs_are_found_by_a_beginning },
        { NULL, NULL },
    };

    return run_in_folder ("journal", tests);
}
