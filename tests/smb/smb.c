/* The plugin smb against a real Samba smbd that this test starts (tests/lib/smbd.py):
 * copies both ways, what is refused and how it is told, servers that end or fill up in
 * the middle.  Nothing here leaves the loopback address. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 90000

/* The server: its folder, and the helper that keeps it. */
static struct {
    char dir[64];
    char ship[96], tight[96];
    FILE *in, *out;
    pid_t pid;
    int port;
    char user[64], password[64];
} server;

static void
be_helper (int in, int out, const char *limit)
{
    const char *src = getenv ("SB_SRCDIR");
    SB_AUTOFREE char *script = sb_xprintf ("%s/tests/lib/smbd.py", src != NULL ? src : ".");
    SB_AUTOFREE char *base = sb_xprintf ("%s/smbd", server.dir);
    SB_AUTOFREE char *ship = sb_xprintf ("ship=%s", server.ship);
    SB_AUTOFREE char *plain = sb_xprintf ("plain=%s", server.ship);
    SB_AUTOFREE char *locked = sb_xprintf ("locked=%s,server smb encrypt=required", server.ship);
    SB_AUTOFREE char *still = sb_xprintf ("still=%s,read only=yes", server.ship);
    SB_AUTOFREE char *tight = sb_xprintf ("tight=%s", server.tight);

    prctl (PR_SET_PDEATHSIG, SIGTERM);
    dup2 (in, 0);
    dup2 (out, 1);
    mkdir (base, 0700);
    execlp ("/usr/bin/python3", "python3", script, base, "--file-limit", limit, ship, plain, locked, still, tight,
            (char *) NULL);
    _exit (127);
}

/* False: Samba is not there. */
static bool
start_server (const char *limit)
{
    int to[2], from[2], pgid = 0;
    char line[256];

    strcpy (server.dir, "/tmp/sb-smb-XXXXXX");
    if (mkdtemp (server.dir) == NULL)
        return false;
    snprintf (server.ship, sizeof server.ship, "%s/ship", server.dir);
    snprintf (server.tight, sizeof server.tight, "%s/tight", server.dir);
    mkdir (server.ship, 0700);
    mkdir (server.tight, 0700);
    if (pipe2 (to, O_CLOEXEC) != 0 || pipe2 (from, O_CLOEXEC) != 0)
        return false;
    server.pid = fork ();
    if (server.pid == 0)
        be_helper (to[0], from[1], limit);
    close (to[0]);
    close (from[1]);
    server.in = fdopen (to[1], "w");
    server.out = fdopen (from[0], "r");
    return fgets (line, sizeof line, server.out) != NULL
           && sscanf (line, "%d %63s %63s %d", &server.port, server.user, server.password, &pgid) == 4;
}

static void
tell_server (const char *word)
{
    char line[64];

    fprintf (server.in, "%s\n", word);
    fflush (server.in);
    CU_ASSERT_PTR_NOT_NULL (fgets (line, sizeof line, server.out));
}

static void
end_server (void)
{
    SB_AUTOFREE char *rm = sb_xprintf ("rm -rf '%s'", server.dir);

    if (server.in != NULL)
        fclose (server.in);
    if (server.out != NULL)
        fclose (server.out);
    if (server.pid > 0)
        waitpid (server.pid, NULL, 0);
    if (*server.dir != '\0' && system (rm) != 0)
        printf ("# %s stays\n", server.dir);
}

/* Shares of the server, and a folder here; each bench has its own. */
static struct bench *
a_bench (void)
{
    struct bench *b = bench_new (
            NULL,
            "[credential me]\nuser = %s\nsecret = file:me\n[credential stranger]\nuser = %s\nsecret = file:stranger\n"
            "[share ship]\nplugin = smb\npath = smb://127.0.0.1:%d/ship\ncredential = me\n"
            "[share plain]\nplugin = smb\npath = smb://127.0.0.1:%d/plain\ncredential = me\nencryption = wanted\n"
            "[share locked]\nplugin = smb\npath = smb://127.0.0.1:%d/locked\ncredential = me\nencryption = off\n"
            "[share still]\nplugin = smb\npath = smb://127.0.0.1:%d/still\ncredential = me\n"
            "[share tight]\nplugin = smb\npath = smb://127.0.0.1:%d/tight\ncredential = me\n"
            "[share nowhere]\nplugin = smb\npath = smb://127.0.0.1:%d/nowhere\ncredential = me\n"
            "[share strange]\nplugin = smb\npath = smb://127.0.0.1:%d/ship\ncredential = stranger\n"
            "[share dead]\nplugin = smb\npath = smb://127.0.0.1:1/ship\ncredential = me\n"
            "[share guest]\nplugin = smb\npath = smb://127.0.0.1:%d/ship\n"
            "[share bad]\nplugin = smb\npath = smb://127.0.0.1:%d/ship/../x\ncredential = me\n"
            "[share here]\nplugin = smb\npath = here\n[share folder]\npath = here\n",
            server.user, server.user, server.port, server.port, server.port, server.port, server.port, server.port,
            server.port, server.port, server.port);
    SB_AUTOFREE char *here = bench_path (b, "here");

    bench_file (b, "me", server.password, 0600);
    bench_file (b, "stranger", "not the password", 0600);
    mkdir (here, 0700);
    return b;
}

static void
put_file (const char *folder, const char *name, const char *text, size_t size)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/%s", folder, name);
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const struct timespec times[2] = { { 1700000000, 0 }, { 1700000000, 123456700 } };

    CU_ASSERT_FATAL (fd >= 0);
    CU_ASSERT_EQUAL (ftruncate (fd, (off_t) size), 0);
    for (size_t at = 0; at < size; at += 65536) /* no block like another */
        CU_ASSERT_EQUAL (pwrite (fd, &at, sizeof at, (off_t) at), sizeof at);
    CU_ASSERT_EQUAL (pwrite (fd, text, strlen (text), 0), (ssize_t) strlen (text));
    CU_ASSERT_EQUAL (ftruncate (fd, (off_t) size), 0);
    futimens (fd, times);
    close (fd);
}

static bool
same (const char *a, const char *folder, const char *name)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("cmp -s '%s/%s' '%s/%s'", a, name, folder, name);

    return system (cmd) == 0;
}

static size_t
count_in (const char *folder)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("ls -A '%s' | wc -l", folder);
    FILE *p = popen (cmd, "r");
    size_t n = 0;

    CU_ASSERT_EQUAL (fscanf (p, "%zu", &n), 1);
    pclose (p);
    return n;
}

static void
empty (const char *folder)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("find '%s' -mindepth 1 -delete", folder);

    CU_ASSERT_EQUAL (system (cmd), 0);
}

#define LONG_NAME                                                                                                \
    "mgc_long_0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456" \
    "789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789.trn"

static void
both_ways (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;
    SB_AUTOFREE char *here = bench_path (b, "here");
    struct stat st;
    SB_AUTOFREE char *one = sb_xprintf ("%s/mgc_1.trn", here);

    put_file (server.ship, "mgc_1.trn", "one", 10);
    put_file (server.ship, "mgc_2 übrig & 100%.trn", "two", 5 << 20);
    put_file (server.ship, LONG_NAME, "three", 70000);
    put_file (server.ship, "mgc_Протокол_日本.TRN", "", 0);
    put_file (server.ship, "other.bak", "five", 5);
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc_", "suffix", ".trn", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "copied"), "4");
    CU_ASSERT_TRUE (same (server.ship, here, "mgc_1.trn"));
    CU_ASSERT_TRUE (same (server.ship, here, "mgc_2 übrig & 100%.trn"));
    CU_ASSERT_TRUE (same (server.ship, here, LONG_NAME));
    CU_ASSERT_TRUE (same (server.ship, here, "mgc_Протокол_日本.TRN"));
    CU_ASSERT_EQUAL (count_in (here), 4);
    CU_ASSERT_EQUAL (stat (one, &st), 0);
    CU_ASSERT_EQUAL (st.st_mtim.tv_sec, 1700000000);
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc_", "suffix", ".trn",
                                   NULL)
                             ->seen,
                     SB_SEEN_YES);
    empty (server.ship);
    o = bench_run (b, "share", "here", "copy", NULL, "to", "ship", "prefix", "mgc_", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "copied"), "4");
    CU_ASSERT_TRUE (same (server.ship, here, "mgc_2 übrig & 100%.trn"));
    CU_ASSERT_TRUE (same (server.ship, here, LONG_NAME));
    CU_ASSERT_EQUAL (count_in (server.ship), 4);
    o = bench_run (b, "share", "folder", "copy", NULL, "to", "ship", "prefix", "mgc_", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "HINT: Say 'plugin = smb' in [share folder]"));
    bench_free (b);
    empty (server.ship);
}

static void
many (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;
    SB_AUTOFREE char *here = bench_path (b, "here");

    for (int i = 0; i < 60; i++) {
        SB_AUTOFREE char *name = sb_xprintf ("mgc_%d.trn", i);

        put_file (server.ship, name, name, 4096);
    }
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc_", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "copied"), "60");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "bytes"), "245760");
    CU_ASSERT_EQUAL (count_in (here), 60);
    CU_ASSERT_TRUE (same (server.ship, here, "mgc_59.trn"));
    bench_free (b);
    empty (server.ship);
}

static void
files (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    put_file (server.ship, "mgc_1.trn", "text", 4);
    put_file (server.ship, "mgc_2.trn", "other", 5);
    o = bench_run (b, "share", "ship", "observe", NULL, NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "answers"), "yes");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "files"), "2");
    CU_ASSERT (atoll (outcome_result (o, "free")) > 0);
    o = bench_run (b, "share", "ship", "list", NULL, "prefix", "mgc_", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "files"), "2");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "bytes"), "9");
    CU_ASSERT_PTR_NOT_NULL (strstr (outcome_result (o, "names"), "4 2023-11-14T22:13:20.123Z mgc_1.trn\n"));
    o = bench_run (b, "share", "ship", "read", NULL, "file", "mgc_1.trn", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "text"), "text");
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "sha256"),
                            "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "rename", NULL, "file", "mgc_1.trn", "as", "mgc_2.trn", NULL)->rc,
                     SB_FAIL);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "rename", NULL, "file", "mgc_1.trn", "as", "mgc_3.trn", NULL)->rc,
                     SB_OK);
    CU_ASSERT_EQUAL (
            bench_verify (b, "share", "ship", "rename", NULL, "file", "mgc_1.trn", "as", "mgc_3.trn", NULL)->seen,
            SB_SEEN_YES);
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "delete", NULL, "file", "mgc_3.trn", NULL)->seen, SB_SEEN_NO);
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "delete", NULL, "file", "mgc_3.trn", NULL)->rc, SB_OK);
    CU_ASSERT_EQUAL (bench_verify (b, "share", "ship", "delete", NULL, "file", "mgc_3.trn", NULL)->seen, SB_SEEN_YES);
    o = bench_run (b, "share", "ship", "archive", NULL, "folder", "alt & früh/logs", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "moved"), "1");
    CU_ASSERT_EQUAL (count_in (server.ship), 1);
    o = bench_run (b, "share", "ship", "rights", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "delete"), "yes");
    CU_ASSERT_EQUAL (count_in (server.ship), 1);
    bench_free (b);
    empty (server.ship);
}

/* One refusal: the class, and words of the sentence. */
static void
refused (struct bench *b, const char *share, enum sb_rc rc, const char *words)
{
    const struct outcome *o = bench_run (b, "share", share, "list", NULL, NULL);

    CU_ASSERT_EQUAL (o->rc, rc);
    if (o->rc != rc || strstr (o->sentence, words) == NULL)
        printf ("# %s: %d %s\n", share, (int) o->rc, o->sentence != NULL ? o->sentence : "");
    CU_ASSERT (o->rc == rc && strstr (o->sentence, words) != NULL);
    CU_ASSERT (o->rc == SB_OK || strstr (o->sentence, server.password) == NULL);
}

static void
refusals (void)
{
    struct bench *b = a_bench ();

    refused (b, "strange", SB_FAIL, "refuses the account");
    refused (b, "nowhere", SB_FAIL, "no such share or folder");
    refused (b, "dead", SB_RETRY, "nothing listens there");
    refused (b, "guest", SB_FAIL, "names no credential");
    refused (b, "bad", SB_FAIL, "cannot be used");
    bench_free (b);
}

static void
encryption (void)
{
    struct bench *b = a_bench ();

    CU_ASSERT_EQUAL (bench_run (b, "share", "locked", "list", NULL, NULL)->rc, SB_OK);
    tell_server ("set server smb encrypt=off");
    refused (b, "ship", SB_FAIL, "takes no encryption");
    CU_ASSERT_EQUAL (bench_run (b, "share", "plain", "list", NULL, NULL)->rc, SB_OK);
    tell_server ("set server smb encrypt=required");
    CU_ASSERT_EQUAL (bench_run (b, "share", "ship", "list", NULL, NULL)->rc, SB_OK);
    tell_server ("set server smb encrypt=default");
    tell_server ("set host msdfs=no"); /* where libsmbclient 4.17 forgets what it was told */
    refused (b, "ship", SB_FAIL, "takes no encryption");
    tell_server ("set host msdfs=yes");
    bench_free (b);
}

static void
read_only (void)
{
    struct bench *b = a_bench ();
    const struct outcome *o;

    put_file (server.ship, "mgc_1.trn", "text", 4);
    o = bench_run (b, "share", "still", "rights", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_FAIL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "create"), "no");
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "this account cannot create in share 'still'"));
    o = bench_run (b, "share", "still", "delete", NULL, "file", "mgc_1.trn", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "the server refuses this to the account"));
    o = bench_run (b, "share", "ship", "copy", NULL, "to", "still", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK); /* they are the same folder: it is there */
    put_file (server.tight, "mgc_2.trn", "more", 4);
    o = bench_run (b, "share", "tight", "copy", NULL, "to", "still", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence, "cannot be written to share 'still'"));
    bench_free (b);
    empty (server.ship);
    empty (server.tight);
}

/* No file of this server can grow beyond 16 MiB. */
static void
full (void)
{
    struct bench *b = a_bench ();
    SB_AUTOFREE char *here = bench_path (b, "here");
    const struct outcome *o;

    put_file (here, "mgc_1.trn", "small", 4096);
    put_file (here, "mgc_2.trn", "large", 24 << 20);
    o = bench_run (b, "share", "here", "copy", NULL, "to", "tight", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT (o->rc == SB_OK || strstr (o->sentence, "no room left") != NULL);
    CU_ASSERT (o->rc == SB_OK || strstr (o->sentence, "HINT: Make room there") != NULL);
    CU_ASSERT_FALSE (same (server.tight, here, "mgc_2.trn"));
    CU_ASSERT_EQUAL (bench_verify (b, "share", "here", "copy", NULL, "to", "tight", "prefix", "mgc", NULL)->seen,
                     SB_SEEN_NO);
    bench_free (b);
    empty (server.tight);
}

static bool
has_part (void *ctx)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("find '%s' -name '.sb-*.sums' -size +100c | grep -q .", (char *) ctx);

    return system (cmd) == 0;
}

static void
killed (void)
{
    struct bench *b = a_bench ();
    SB_AUTOFREE char *here = bench_path (b, "here");
    const struct outcome *o;
    uint64_t id;

    put_file (server.ship, "mgc_1.trn", "large", 400 << 20);
    id = bench_send (b, "share", "ship", "copy", SB_OP_RUN, NULL, 60000, "to", "here", "prefix", "mgc", NULL);
    CU_ASSERT_TRUE (bench_eventually (has_part, here));
    tell_server ("kill");
    o = bench_await (b, id);
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT (o->rc == SB_OK || strstr (o->sentence, "cannot be read from share 'ship'") != NULL);
    CU_ASSERT_FALSE (same (server.ship, here, "mgc_1.trn"));
    o = bench_verify (b, "share", "ship", "copy", NULL, "to", "here", "prefix", "mgc", NULL);
    CU_ASSERT_EQUAL (o->seen, SB_SEEN_UNKNOWN);
    tell_server ("start");
    o = bench_await (b, bench_send (b, "share", "ship", "copy", SB_OP_RUN, NULL, 60000, "to", "here", "prefix", "mgc",
                                    NULL));
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_PTR_NOT_NULL (strstr (sb_buf_cstr (&o->said), "bytes were there from a copy that had broken off"));
    CU_ASSERT (atoll (outcome_result (o, "bytes")) < 400 << 20);
    CU_ASSERT_TRUE (same (server.ship, here, "mgc_1.trn"));
    CU_ASSERT_EQUAL (count_in (here), 1);
    bench_free (b);
    empty (server.ship);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "files are copied both ways, whatever their names, with their times", both_ways },
        { "many small files arrive, copied by several processes", many },
        { "files are listed, read, renamed, moved aside and deleted, and rights are tried", files },
        { "a wrong password, a wrong share, a dead server and a missing credential are told in words", refusals },
        { "a server that does not encrypt is refused unless the share allows it, one that insists is obeyed",
          encryption },
        { "a read-only share is found out by rights, and by a copy", read_only },
        { "a server that is full in the middle is told, and leaves no file under a good name", full },
        { "a copy whose server is killed in the middle is taken up where it stood", killed },
        { NULL, NULL }
    };
    int ret;

    /* Read by the workers, which are started by exec: the leak checker cannot walk what libsmbclient leaves at exit. */
    setenv ("ASAN_OPTIONS", "detect_leaks=0", 1);
    bench_enter (argc, argv);
    if (!start_server ("16777216")) {
        end_server ();
        printf ("1..0 # SKIP Samba's smbd does not start here\n");
        return 0;
    }
    ret = sb_tap_run ("smb", tests);
    end_server ();
    return ret;
}
