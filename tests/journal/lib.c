/* See lib.h. */
#include "tests/journal/lib.h"

#include "core/sys/file.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/sb-journal-XXXXXX";
struct sb_arena arena;
struct sb_faults faults;

const char *
at (const char *name)
{
    return sb_arena_printf (&arena, "%s/%s", folder, name);
}

bool
says (const char *text)
{
    SB_AUTOFREE char *all = sb_faults_text (&faults);
    bool found = strstr (all, text) != NULL;

    if (!found)
        printf ("# expected '%s', got: %s\n", text, all);
    sb_faults_free (&faults);
    return found;
}

struct sb_journal *
open_it (const char *path, bool write)
{
    struct sb_journal_cfg cfg = { .path = path, .write = write, .busy_ms = 2000 };

    return sb_journal_open (&cfg, &faults);
}

bool
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

bool
add (struct sb_journal *j, const char *run, enum sb_record_kind kind, uint32_t step, int64_t at_ms, const char *body)
{
    struct sb_record r = {
        .run = run, .at_ms = at_ms, .kind = kind, .step = step, .name = "a", .attempt = 1, .body = body
    };

    return sb_journal_add (j, &r, &faults);
}

/* A journal with one run and six records of one step and a gate, closed. */
const char *
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

void
sql (const char *path, const char *text)
{
    sqlite3 *db;

    CU_ASSERT_FATAL (sqlite3_open (path, &db) == SQLITE_OK);
    if (sqlite3_exec (db, text, NULL, NULL, NULL) != SQLITE_OK)
        printf ("# %s: %s\n", text, sqlite3_errmsg (db));
    CU_ASSERT (sqlite3_errcode (db) == SQLITE_OK);
    sqlite3_close (db);
}

bool
verify (const char *path, const struct sb_journal_head *known, struct sb_journal_head *ret)
{
    struct sb_journal *j = open_it (path, false);
    bool fine = j && sb_journal_verify (j, known, ret, &faults);

    sb_journal_close (j);
    return fine;
}

/* Without waiting for the disk: there are hundreds. */
bool
spill (const char *path, const struct sb_buf *b)
{
    FILE *f = fopen (path, "w");
    bool fine = f && fwrite (b->s, 1, b->len, f) == b->len;

    return f && fclose (f) == 0 && fine;
}

void
write_file (const char *path, const void *data, size_t n)
{
    CU_ASSERT (sb_file_write (path, data, n, 0600, &faults));
}

bool
refused (const char *path, bool write, const char *sentence)
{
    struct sb_journal *j = open_it (path, write);
    bool fine = j == NULL && says (sentence);

    sb_journal_close (j);
    return fine;
}

int
run_in_folder (const char *suite, const struct sb_tap_test *tests)
{
    int rc;

    if (!mkdtemp (folder))
        return 99;
    rc = sb_tap_run (suite, tests);
    sb_tree_remove (folder, &faults);
    sb_faults_free (&faults);
    sb_arena_release (&arena);
    return rc;
}
