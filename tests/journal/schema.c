/* Journals of other versions of the program: older ones are brought up to date
 * whole or not at all, newer ones are refused. */
#include "tests/journal/lib.h"

#include "core/sys/file.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a sample has to become to be one of schema 2: plan and topology stood in the run's own row. */
static const char to_2[] =
        "PRAGMA legacy_alter_table = ON;"
        "CREATE TABLE was (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL,"
        " pool TEXT NOT NULL, digest TEXT NOT NULL, plan TEXT NOT NULL, topology_file TEXT NOT NULL,"
        " topology TEXT NOT NULL, dir TEXT NOT NULL, info TEXT NOT NULL, drill INTEGER NOT NULL, uid INTEGER NOT NULL,"
        " started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL DEFAULT 0, outcome TEXT) STRICT;"
        "INSERT INTO was SELECT r.number, id, workflow, pool, digest, plan, topology_file, topology, dir, info, drill, uid,"
        " started_ms, ended_ms, outcome FROM runs r JOIN papers p ON p.run = r.id;"
        "DROP TABLE papers; DROP TABLE runs; ALTER TABLE was RENAME TO runs; PRAGMA user_version = 2";

/* And of schema 1: messages belonged to a run, and did not know whether they told of a drill. */
static const char to_1[] =
        "DROP TABLE notes;"
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs (id),"
        " at_ms INTEGER NOT NULL, channel TEXT NOT NULL, event TEXT NOT NULL, key TEXT NOT NULL,"
        " subject TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL,"
        " next_ms INTEGER NOT NULL, receipt TEXT, UNIQUE (channel, key)) STRICT;"
        "INSERT INTO notes VALUES (7, 'r1', 5, 'ops', 'gate', 'k', 's', 'b', 'queued', 3, 9, 'later');"
        "PRAGMA user_version = 1";

static const char *
older (const char *name, int schema)
{
    const char *path = sample (name);

    sql (path, to_2);
    if (schema < 2)
        sql (path, to_1);
    return path;
}

/* All that was in it is there, under the same head, and it goes on. */
static void
is_whole_and_goes_on (const char *path, const struct sb_journal_head *head)
{
    struct sb_journal *j = open_it (path, true);
    struct sb_journal_run *run = NULL, *row = NULL;

    CU_ASSERT_FATAL (j != NULL);
    CU_ASSERT (sb_journal_verify (j, head, NULL, &faults));
    CU_ASSERT (sb_journal_run_find (j, "r1", &arena, &run, &faults) && run != NULL);
    CU_ASSERT_FATAL (run != NULL && run->plan != NULL && run->topology != NULL);
    CU_ASSERT_STRING_EQUAL (run->plan, "{}");
    CU_ASSERT_STRING_EQUAL (run->topology, "[pool pchat]");
    CU_ASSERT (run->uid == 7 && run->started_ms == 1000 && run->outcome == NULL);
    CU_ASSERT (sb_journal_run_row (j, "r1", &arena, &row, &faults) && row != NULL && row->plan == NULL);
    CU_ASSERT (sb_journal_own (j, "r1", &faults) == SB_LOCK_TAKEN && sb_journal_begin (j, &faults)
               && add (j, "r1", SB_REC_NOTE, 3, 6000, "{}") && sb_journal_commit (j, &faults));
    sb_journal_disown (j);
    CU_ASSERT (add_run (j, "r2"));
    sb_journal_close (j);
    CU_ASSERT (verify (path, head, NULL));
}

static void
an_older_journal_is_brought_up_to_date (void)
{
    struct sb_journal_head head;
    int schema;

    CU_ASSERT_FATAL (verify (sample ("head"), NULL, &head));
    for (schema = 1; schema < SB_JOURNAL_SCHEMA; schema++) {
        const char *path = older (sb_arena_printf (&arena, "older-%d", schema), schema);

        CU_ASSERT (refused (path, false, sb_arena_printf (&arena, "the journal has schema %d", schema)));
        is_whole_and_goes_on (path, &head);
    }
}

static void
messages_of_the_first_schema_come_along (void)
{
    const char *path = older ("messages", 1);
    struct sb_note *notes;
    struct sb_journal *j;
    size_t n = 0;

    sql (path, "UPDATE runs SET drill = 1");
    j = open_it (path, true);
    CU_ASSERT_FATAL (j != NULL);
    CU_ASSERT (sb_journal_notes (j, "r1", "queued", &arena, &notes, &n, &faults) && n == 1);
    CU_ASSERT (n == 1 && notes[0].id == 7 && notes[0].tries == 3 && notes[0].drill && notes[0].escalate_ms == 0);
    CU_ASSERT_STRING_EQUAL (notes[0].receipt, "later");
    sb_journal_close (j);
}

/* Its word for it is a hint: what to do. */
static void
a_reader_says_who_brings_it_up_to_date (void)
{
    const char *path = older ("hint", 2);

    CU_ASSERT_PTR_NULL (open_it (path, false));
    CU_ASSERT (says ("`switchback resume` or `switchback run` brings it up to date"));
}

static void
a_newer_journal_is_refused_and_left_alone (void)
{
    const char *path = sample ("newer");
    SB_CLEANUP (sb_buf_free) struct sb_buf before = { 0 }, after = { 0 };

    sql (path, "PRAGMA user_version = 99");
    CU_ASSERT (sb_file_read (path, 1 << 24, &before, &faults));
    CU_ASSERT (refused (path, true, "written by a newer switchback: schema 99"));
    CU_ASSERT (refused (path, false, "written by a newer switchback"));
    CU_ASSERT (sb_file_read (path, 1 << 24, &after, &faults));
    CU_ASSERT (before.len == after.len && memcmp (before.s, after.s, before.len) == 0);
}

static void
two_programs_bring_it_up_to_date_at_once (void)
{
    const char *path = older ("both", 1);
    struct sb_journal_head head;
    int status, good = 0, k;

    for (k = 0; k < 4; k++)
        if (fork () == 0) {
            struct sb_journal *j = open_it (path, true);

            sb_journal_close (j);
            _exit (j == NULL);
        }
    while (wait (&status) > 0)
        good += WIFEXITED (status) && WEXITSTATUS (status) == 0;
    CU_ASSERT_EQUAL (good, 4);
    CU_ASSERT_FATAL (verify (sample ("head-of-both"), NULL, &head));
    is_whole_and_goes_on (path, &head);
}

/* The file may not grow, so the long plan has no room to move: the old journal stays what it was. */
static void
without_room_the_old_journal_stays_whole (void)
{
    const char *path = older ("room", 2),
               *was = sb_arena_printf (&arena, "UPDATE runs SET info = printf ('%%.*c', 300000, 'x')");
    struct rlimit limit = { 100000, 100000 };
    struct sb_journal *j;
    int status = 0;
    pid_t pid;

    sql (path, was);
    if ((pid = fork ()) == 0) {
        signal (SIGXFSZ, SIG_IGN);
        setrlimit (RLIMIT_FSIZE, &limit);
        j = open_it (path, true);
        _exit (j == NULL && says ("cannot be brought to this schema") ? 0 : 1);
    }
    waitpid (pid, &status, 0);
    CU_ASSERT (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    CU_ASSERT (refused (path, false, "the journal has schema 2"));
    sql (path, "UPDATE runs SET info = '{}'");
    j = open_it (path, true);
    CU_ASSERT_PTR_NOT_NULL (j);
    sb_journal_close (j);
    CU_ASSERT (verify (path, NULL, NULL));
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "a journal of any older schema is brought up to date whole, under the same head, and goes on",
          an_older_journal_is_brought_up_to_date },
        { "the messages of the first schema come along", messages_of_the_first_schema_come_along },
        { "who may only read it says who brings it up to date", a_reader_says_who_brings_it_up_to_date },
        { "a newer journal is refused and left alone", a_newer_journal_is_refused_and_left_alone },
        { "programs that bring it up to date at once do it once", two_programs_bring_it_up_to_date_at_once },
        { "without room for it the old journal stays whole", without_room_the_old_journal_stays_whole },
        { NULL, NULL },
    };

    return run_in_folder ("schema", tests);
}
