/* The plugin share on real folders: what is copied, what is left alone, and
 * what is said when a share is not there. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bench *
a_bench (void)
{
    struct bench *b = bench_new (NULL, "[share ship]\npath = backup files äöü\n[share here]\npath = copies\n"
                                       "[share gone]\npath = nowhere\n[share mount]\npath = copies\nmounted = yes\n");
    SB_AUTOFREE char *from = bench_path (b, "backup files äöü"), *to = bench_path (b, "copies");

    mkdir (from, 0700);
    mkdir (to, 0700);
    return b;
}

/* A file that was written an hour ago. */
static void
old_file (struct bench *b, const char *name, const char *text)
{
    SB_AUTOFREE char *path = bench_path (b, name);
    const struct timespec times[2] = { { sb_now_ms () / 1000 - 3600, 0 }, { sb_now_ms () / 1000 - 3600, 0 } };

    bench_file (b, name, text, 0600);
    utimensat (AT_FDCWD, path, times, 0);
}

static bool
has (struct bench *b, const char *name, const char *text)
{
    SB_AUTOFREE char *path = bench_path (b, name);
    SB_CLEANUP (sb_buf_free) struct sb_buf found = { 0 };
    struct sb_faults ignored = { 0 };
    bool ok = sb_file_read (path, 1 << 20, &found, &ignored);

    sb_faults_free (&ignored);
    return text == NULL ? !ok : ok && strcmp (sb_buf_cstr (&found), text) == 0;
}

#define SRC "backup files äöü/"

static void
copies (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    old_file (b, SRC "mgc_1.trn", "one");
    old_file (b, SRC "MGC_2 übrig.TRN", "two!");
    old_file (b, SRC "mgc_3.wrk", "working");
    old_file (b, SRC ".mgc_4.trn", "hidden");
    old_file (b, SRC "other_5.trn", "other");
    old_file (b, SRC "mgc_6.bak", "full");
    o = bench_verify (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc_", "suffix", ".trn", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_NO);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "outcome"), "2 files are missing");
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc_", "suffix", ".trn", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "copied"), "2");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "bytes"), "7");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "newest"), "mgc_1.trn");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "outcome"), "done");
    CU_ASSERT_TRUE (has (b, "copies/mgc_1.trn", "one"));
    CU_ASSERT_TRUE (has (b, "copies/MGC_2 übrig.TRN", "two!"));
    CU_ASSERT_TRUE (has (b, "copies/other_5.trn", NULL));
    CU_ASSERT_TRUE (has (b, "copies/mgc_3.wrk", NULL));
    CU_ASSERT_TRUE (has (b, "copies/mgc_6.bak", NULL));
    o = bench_verify (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc_", "suffix", ".trn", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_YES);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "newest"), "mgc_1.trn");
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc_", "suffix", ".trn", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "copied"), "0");
    bench_free (b);
}

static void
files (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    old_file (b, SRC "mgc_1.trn", "text \xc3\xa4");
    old_file (b, SRC "mgc_2.trn", "other");
    o = bench_run (b, "share", "ship", "list", NULL, "prefix", "MGC", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "files"), "2");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "bytes"), "12");
    o = bench_run (b, "share", "ship", "read", NULL, "file", "mgc_1.trn", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "size"), "7");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "text"), "text \xc3\xa4");
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "read", NULL, "file", "../secret", NULL)->rc, SB_FAIL);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "rename", NULL, "file", "mgc_1.trn", "as", "mgc_2.trn", NULL)->rc,
                     SB_FAIL);
    CU_ASSERT_TRUE (has (b, SRC "mgc_2.trn", "other"));
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "rename", NULL, "file", "mgc_1.trn", "as", "x.trn", NULL)->rc,
                     SB_OK);
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "rename", NULL, "file", "mgc_1.trn", "as", "x.trn", NULL)->seen,
                     SB_SEEN_YES);
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "delete", NULL, "file", "x.trn", NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "delete", NULL, "file", "x.trn", NULL)->rc, SB_OK);
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "delete", NULL, "file", "x.trn", NULL)->seen, SB_SEEN_YES);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "delete", NULL, "file", "a/b", NULL)->rc, SB_FAIL);
    o = bench_run (b, "share", "ship", "rights", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "rename"), "yes");
    CU_ASSERT_EQUAL (bench_run (b, "share", "gone", "rights", NULL, NULL)->rc, SB_RETRY);
    bench_free (b);
}

/* What the database role found good is copied; the rest is told, and never overwrites anything. */
static void
chosen (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    old_file (b, SRC "mgc_1.trn", "one");
    old_file (b, SRC "mgc_2.trn", "two");
    old_file (b, SRC "mgc_3.trn", "half of thr");
    old_file (b, "copies/mgc_2.trn", "two");
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", "checked", "yes", "+files",
                   "mgc_1.trn|mgc_2.trn", "left out", "mgc_3.trn: its header is damaged", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "copied"), "1");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "outcome"), "mgc_3.trn: its header is damaged"));
    CU_ASSERT_TRUE (has (b, "copies/mgc_3.trn", NULL));
    o = bench_verify (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", "checked", "yes", "+files",
                      "mgc_1.trn|mgc_2.trn", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_YES);
    bench_free (b);
}

static void
spares (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    old_file (b, SRC "mgc_1.trn", "the source");
    old_file (b, SRC "mgc_2.trn", "fine");
    old_file (b, "copies/mgc_1.trn", "something else entirely");
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "mgc_1.trn"));
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "HINT: "));
    CU_ASSERT_TRUE (has (b, "copies/mgc_1.trn", "something else entirely"));
    CU_ASSERT_TRUE (has (b, "copies/mgc_2.trn", "fine"));
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", NULL)->seen,
                     SB_SEEN_NO);
    bench_free (b);
}

/* Somebody who writes a file until he is told to stop. */
static pid_t
a_writer (struct bench *b, const char *name)
{
    SB_AUTOFREE char *path = bench_path (b, name);
    pid_t pid = fork ();
    int fd;

    if (pid != 0)
        return pid;
    fd = open (path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (;;) {
        (void) !write (fd, "x", 1);
        usleep (20000);
    }
}

static void
growing (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;
    SB_AUTOFREE char *path = bench_path (b, SRC "mgc_9.trn");
    pid_t writer = a_writer (b, SRC "mgc_9.trn");
    int64_t deadline = sb_deadline_in (10000);

    while (!sb_file_exists (path) && sb_deadline_left (deadline) > 0)
        sb_sleep_ms (5);
    old_file (b, SRC "mgc_1.trn", "one");
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "outcome"), "done; left out mgc_9.trn: still growing");
    CU_ASSERT_TRUE (has (b, "copies/mgc_9.trn", NULL));
    CU_ASSERT_TRUE (has (b, "copies/mgc_1.trn", "one"));
    kill (writer, SIGKILL);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", NULL)->rc, SB_OK);
    CU_ASSERT_FALSE (has (b, "copies/mgc_9.trn", NULL));
    bench_free (b);
}

static void
unreachable (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o = bench_verify (b, "share", "gone", "copy", NULL, "to", "here", "prefix", "mgc", NULL);

    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "cannot be reached"));
    o = bench_run (b, "share", "gone", "copy", NULL, "to", "here", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "outcome"), "cannot be reached"));
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "copy", NULL, "to", "gone", "prefix", "mgc", NULL)->rc, SB_RETRY);
    o = bench_run (b, "share", "gone", "observe", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "no");
    o = bench_run (b, "share", "gone", "check", NULL, "fact", "H12", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "verdict"), "red");
    o = bench_verify (b, "share", "mount", "copy", NULL, "to", "here", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "not mounted"));
    bench_free (b);
}

static void
observes (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    old_file (b, SRC "mgc_1.trn", "one");
    o = bench_run (b, "share", "ship", "observe", NULL, NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "yes");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "files"), "1");
    CU_ASSERT (atoll (outcome_result (o, "free")) > 0);
    o = bench_run (b, "share", "ship", "check", NULL, "fact", "H12", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "verdict"), "green");
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "check", NULL, "fact", "H1", NULL)->rc, SB_FAIL);
    bench_free (b);
}

static void
archives (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    old_file (b, SRC "mgc_1.trn", "old");
    bench_file (b, SRC "mgc_2.trn", "new", 0600);
    old_file (b, SRC "other.trn", "other");
    o = bench_run (b, "share", "ship", "archive", NULL, "folder", "../out", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "archive", NULL, "folder", "/tmp", "prefix", "mgc", NULL)->rc,
                     SB_FAIL);
    o = bench_run (b, "share", "ship", "archive", NULL, "folder", "before r1/logs", "prefix", "mgc", "before",
                   "2199-01-01T00:00:00Z", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "moved"), "2");
    CU_ASSERT_TRUE (has (b, SRC "before r1/logs/mgc_1.trn", "old"));
    CU_ASSERT_TRUE (has (b, SRC "mgc_1.trn", NULL));
    CU_ASSERT_TRUE (has (b, SRC "other.trn", "other"));
    CU_ASSERT_EQUAL (
            bench_verify (b, "share", "ship", "archive", NULL, "folder", "before r1/logs", "prefix", "mgc", NULL)->seen,
            SB_SEEN_YES);
    old_file (b, SRC "mgc_1.trn", "again");
    CU_ASSERT_EQUAL (
            bench_verify (b, "share", "ship", "archive", NULL, "folder", "before r1/logs", "prefix", "mgc", NULL)->seen,
            SB_SEEN_NO);
    CU_ASSERT_EQUAL (
            bench_run (b, "share", "ship", "archive", NULL, "folder", "before r1/logs", "prefix", "mgc", NULL)->rc,
            SB_FAIL);
    CU_ASSERT_TRUE (has (b, SRC "before r1/logs/mgc_1.trn", "old"));
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "archive", NULL, "folder", "x", "prefix", "mgc", "before",
                                   "2000-01-01T00:00:00Z", NULL)
                             ->seen,
                     SB_SEEN_YES);
    bench_free (b);
}

static void
large (void)
{
    struct bench *b = a_bench ();
    SB_AUTOFREE char *path = bench_path (b, SRC "mgc_1.trn"), *copy = bench_path (b, "copies/mgc_1.trn");
    const struct timespec times[2] = { { sb_now_ms () / 1000 - 3600, 0 }, { sb_now_ms () / 1000 - 3600, 5 } };
    struct stat st;
    int fd = open (path, O_WRONLY | O_CREAT, 0600);

    CU_ASSERT_EQUAL (ftruncate (fd, 9 << 20), 0);
    CU_ASSERT_EQUAL (pwrite (fd, "end", 3, (9 << 20) - 3), 3);
    close (fd);
    utimensat (AT_FDCWD, path, times, 0);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", NULL)->rc, SB_OK);
    CU_ASSERT_EQUAL (stat (copy, &st), 0);
    CU_ASSERT_EQUAL (st.st_size, 9 << 20);
    CU_ASSERT_EQUAL (st.st_mtim.tv_sec, times[1].tv_sec);
    bench_free (b);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "what is missing is copied, by name and size, and nothing else", copies },
        { "files are listed, read, renamed and deleted, and rights are tried", files },
        { "of files whose headers were read only the good ones are copied", chosen },
        { "another file of the same name is not touched and is told", spares },
        { "a file that still grows is left out and told", growing },
        { "a share that is not there is unknown, never empty", unreachable },
        { "a share tells its files and its room", observes },
        { "files are moved aside by prefix and age, never over another", archives },
        { "a file of several parts arrives whole and keeps its time", large },
        { NULL, NULL }
    };

    bench_enter (argc, argv);
    return sb_tap_run ("share", tests);
}
