/* What an account may do on a share, right by right, and a quota that is used up in the middle of a copy: the plugins share
 * and smb, as a user whom the system refuses something.  Folders refuse by their mode, the kernel by a limit on the size
 * of files and by Landlock, Samba's smbd by its own settings.  tests/smb/rights.sh sees to it that root does not run this. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DENIES "SB_TEST_DENIES" /* what workers are refused: "size N", "remove" */

/* ---- in a worker ------------------------------------------------------------------------------------------ */

/* From now on this process and its children can remove or rename a file only below `folders` (NULL-terminated).  False: this
 * kernel has no Landlock. */
static bool
remove_only_below (const char *const *folders)
{
    const struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_REMOVE_FILE };
    int rules = (int) syscall (SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    bool good = rules >= 0 && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;

    for (; good && *folders != NULL; folders++) {
        struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_REMOVE_FILE,
                                                   .parent_fd = open (*folders, O_PATH | O_CLOEXEC) };

        good = syscall (SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
        close (rule.parent_fd);
    }
    good = good && syscall (SYS_landlock_restrict_self, rules, 0) == 0;
    if (rules >= 0)
        close (rules);
    return good;
}

static void
deny (const char *what)
{
    const char *const nowhere[] = { NULL };
    struct rlimit limit = { 0, 0 };

    if (strncmp (what, "size ", 5) == 0) {
        limit.rlim_cur = limit.rlim_max = strtoul (what + 5, NULL, 10);
        signal (SIGXFSZ, SIG_IGN);
        if (setrlimit (RLIMIT_FSIZE, &limit) != 0)
            abort ();
    } else if (strcmp (what, "remove") == 0 && !remove_only_below (nowhere)) {
        abort ();
    }
}

static bool
has_landlock (void)
{
    return syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* ---- the server ------------------------------------------------------------------------------------------- */

static struct {
    char dir[64], folder[96], closed[96], kept[96];
    FILE *in, *out;
    pid_t pid;
    int port;
    char user[64], password[64];
} server;

static void
be_server (int in, int out)
{
    const char *src = getenv ("SB_SRCDIR");
    SB_AUTOFREE char *script = sb_xprintf ("%s/tests/lib/smbd.py", src != NULL ? src : ".");
    SB_AUTOFREE char *base = sb_xprintf ("%s/smbd", server.dir), *all = sb_xprintf ("all=%s", server.folder);
    SB_AUTOFREE char *closed = sb_xprintf ("closed=%s", server.closed);
    SB_AUTOFREE char *keeps = sb_xprintf ("keeps=%s", server.kept);
    SB_AUTOFREE char *names = sb_xprintf ("names=%s,veto files=/*.moved/", server.folder);

    prctl (PR_SET_PDEATHSIG, SIGTERM);
    dup2 (in, 0);
    dup2 (out, 1);
    mkdir (base, 0700);
    if (has_landlock () && !remove_only_below ((const char *const[]){ base, server.folder, NULL }))
        _exit (1);
    execlp ("/usr/bin/python3", "python3", script, base, all, closed, keeps, names, (char *) NULL);
    _exit (127);
}

/* False: Samba is not there. */
static bool
start_server (void)
{
    int to[2], from[2], pgid;
    char line[256];

    strcpy (server.dir, "/tmp/sb-rights-XXXXXX");
    if (mkdtemp (server.dir) == NULL || pipe2 (to, O_CLOEXEC) != 0 || pipe2 (from, O_CLOEXEC) != 0)
        return false;
    snprintf (server.folder, sizeof server.folder, "%s/folder", server.dir);
    snprintf (server.closed, sizeof server.closed, "%s/closed", server.dir);
    snprintf (server.kept, sizeof server.kept, "%s/kept", server.dir);
    mkdir (server.folder, 0700);
    mkdir (server.kept, 0700);
    mkdir (server.closed, 0555);
    server.pid = fork ();
    if (server.pid == 0)
        be_server (to[0], from[1]);
    close (to[0]);
    close (from[1]);
    server.in = fdopen (to[1], "w");
    server.out = fdopen (from[0], "r");
    return fgets (line, sizeof line, server.out) != NULL
           && sscanf (line, "%d %63s %63s %d", &server.port, server.user, server.password, &pgid) == 4;
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

/* ---- what the tests use ----------------------------------------------------------------------------------- */

/* `denies`: what the workers of this bench are refused, or NULL. */
static struct bench *
a_bench (const char *denies)
{
    static const char *const shares[] = { "all", "closed", "keeps", "names" };
    static const char *const folders[] = { "here", "shut", "from" };
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct bench *b;

    /* The leak checker cannot walk what libsmbclient leaves at exit. */
    setenv ("ASAN_OPTIONS", "detect_leaks=0", 1);
    if (denies != NULL)
        setenv (DENIES, denies, 1);
    else
        unsetenv (DENIES);
    sb_buf_printf (&text, "[credential me]\nuser = %s\nsecret = file:me\n", server.user);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        sb_buf_printf (&text, "[share %s]\nplugin = smb\npath = smb://127.0.0.1:%d/%s\ncredential = me\n", shares[i],
                       server.port, shares[i]);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        sb_buf_printf (&text, "[share %s]\npath = %s\ncopies at once = 1\n", folders[i], folders[i]);
    b = bench_new (NULL, "%s", sb_buf_cstr (&text));
    bench_file (b, "me", server.password, 0600);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        SB_AUTOFREE char *path = bench_path (b, folders[i]);

        mkdir (path, strcmp (folders[i], "shut") == 0 ? 0555 : 0700);
    }
    return b;
}

/* `can`: "yes yes no no", for create, write, rename, delete.  `refusal` begins the sentence of the failure; NULL: none. */
static void
try_it (const char *denies, const char *share, const char *can, const char *refusal)
{
    static const char *const names[] = { "create", "write", "rename", "delete" };
    struct bench *b = a_bench (denies);
    const struct outcome *o = bench_await (b, bench_send (b, "share", share, "rights", SB_OP_RUN, NULL, 60000, NULL));
    SB_CLEANUP (sb_buf_free) struct sb_buf found = { 0 };
    const char *said = o->sentence != NULL ? o->sentence : "";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        sb_buf_printf (&found, "%s%s", i > 0 ? " " : "", outcome_result (o, names[i]));
    if (strcmp (sb_buf_cstr (&found), can) != 0 || (o->rc == SB_OK) != (refusal == NULL))
        printf ("# %s: %s; %d %s\n", share, sb_buf_cstr (&found), (int) o->rc, said);
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&found), can);
    CU_ASSERT_EQUAL (o->rc, refusal == NULL ? SB_OK : SB_FAIL);
    CU_ASSERT (refusal == NULL || strncmp (said, refusal, strlen (refusal)) == 0);
    bench_free (b);
}

static size_t
files_in (const char *folder)
{
    DIR *d = opendir (folder);
    size_t n = 0;
    struct dirent *e;

    while (d != NULL && (e = readdir (d)) != NULL)
        n += strcmp (e->d_name, ".") != 0 && strcmp (e->d_name, "..") != 0;
    if (d != NULL)
        closedir (d);
    return n;
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

static void
of_folders (void)
{
    CU_ASSERT_NOT_EQUAL (geteuid (), 0);
    try_it (NULL, "here", "yes yes yes yes", NULL);
    try_it (NULL, "shut", "no no no no", "this account cannot create in share 'shut'");
    try_it ("size 0", "here", "yes no yes yes", "this account cannot write in share 'here'");
    if (has_landlock ())
        try_it ("remove", "here", "yes yes no no", "this account cannot rename in share 'here'");
    else
        printf ("# this kernel has no Landlock: a folder whose files cannot be removed was not tried\n");
}

static void
of_servers (void)
{
    try_it (NULL, "all", "yes yes yes yes", NULL);
    CU_ASSERT_EQUAL (files_in (server.folder), 0);
    try_it (NULL, "closed", "no no no no", "this account cannot create in share 'closed'");
    try_it (NULL, "names", "yes yes no yes", "this account cannot rename in share 'names'");
    CU_ASSERT_EQUAL (files_in (server.folder), 0);
    if (!has_landlock ()) {
        printf ("# this kernel has no Landlock: a server that removes no file was not tried\n");
        return;
    }
    try_it (NULL, "keeps", "yes yes no no", "this account cannot rename in share 'keeps'");
    CU_ASSERT_EQUAL (files_in (server.kept), 1);
}

/* The file that cannot be deleted is named, so that somebody else can. */
static void
named_remains (void)
{
    struct bench *b = a_bench (NULL);
    const struct outcome *o;

    if (!has_landlock ()) {
        bench_free (b);
        return;
    }
    o = bench_await (b, bench_send (b, "share", "keeps", "rights", SB_OP_RUN, NULL, 60000, NULL));
    CU_ASSERT_PTR_NOT_NULL (strstr (o->sentence != NULL ? o->sentence : "", "'.sb-rights-"));
    CU_ASSERT_EQUAL (bench_verify (b, "share", "keeps", "rights", NULL, NULL)->seen, SB_SEEN_NO);
    bench_free (b);
}

#define LIMIT (40 << 20) /* more than one unit of a copy, less than the file */
#define SIZE  (45 << 20)

static void
put_large (struct bench *b)
{
    SB_AUTOFREE char *path = bench_path (b, "from/mgc_1.trn");
    const struct timespec times[2] = { { 1700000000, 0 }, { 1700000000, 0 } };
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    for (off_t at = 0; at < SIZE; at += 65536) /* no block like another */
        CU_ASSERT_EQUAL (pwrite (fd, &at, sizeof at, at), sizeof at);
    CU_ASSERT_EQUAL (ftruncate (fd, SIZE), 0);
    futimens (fd, times);
    close (fd);
}

static bool
same (struct bench *b, const char *x, const char *y)
{
    SB_AUTOFREE char *one = bench_path (b, x), *two = bench_path (b, y),
                     *cmd = sb_xprintf ("cmp -s '%s' '%s'", one, two);

    return system (cmd) == 0;
}

/* What fits is kept under a hidden name; with a larger quota the copy goes on from there. */
static void
quota (void)
{
    SB_AUTOFREE char *limit = sb_xprintf ("size %d", LIMIT);
    struct bench *b = a_bench (limit);
    const struct outcome *o;
    SB_AUTOFREE char *here = bench_path (b, "here");

    put_large (b);
    o = bench_await (b, bench_send (b, "share", "from", "copy", SB_OP_RUN, NULL, 90000, "to", "here", "prefix", "mgc",
                                    NULL));
    CU_ASSERT_EQUAL (o->rc, SB_RETRY);
    CU_ASSERT_PTR_NOT_NULL (
            strstr (o->sentence != NULL ? o->sentence : "", "'mgc_1.trn' cannot be written to share 'here'"));
    CU_ASSERT_PTR_NOT_NULL (
            strstr (o->sentence != NULL ? o->sentence : "", "raise the quota; what was copied so far is kept"));
    CU_ASSERT_FALSE (same (b, "from/mgc_1.trn", "here/mgc_1.trn"));
    CU_ASSERT_EQUAL (files_in (here), 2); /* the part and its sums */
    unsetenv (DENIES);
    bench_restart (b, NULL);
    o = bench_await (b, bench_send (b, "share", "from", "copy", SB_OP_RUN, NULL, 90000, "to", "here", "prefix", "mgc",
                                    NULL));
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_TRUE (atoll (outcome_result (o, "bytes")) <= SIZE - (4 << 20)); /* at least a block was there */
    CU_ASSERT_TRUE (same (b, "from/mgc_1.trn", "here/mgc_1.trn"));
    CU_ASSERT_EQUAL (files_in (here), 1);
    bench_free (b);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "of a folder: create, write, rename and delete are told apart", of_folders },
        { "of a server: creating may be allowed where renaming, or renaming and deleting, is not", of_servers },
        { "the file of the attempt that cannot be deleted is named, and nothing counts as proven", named_remains },
        { "a quota that is used up in mid-copy is told, and the copy goes on from there", quota },
        { NULL, NULL }
    };
    int rc;

    if (getenv (DENIES) != NULL)
        deny (getenv (DENIES));
    bench_enter (argc, argv);
    if (!start_server ()) {
        printf ("1..0 # SKIP Samba's smbd or pdbedit is not installed\n");
        end_server ();
        return 0;
    }
    rc = sb_tap_run ("rights", tests);
    end_server ();
    return rc;
}
