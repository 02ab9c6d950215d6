/* The plugin smb signing in by Kerberos: a KDC and a Samba smbd that this test starts (tests/smb/realm.py).  The server's
 * name is known to the workers alone: they are this program, whose getaddrinfo() stands before the C library's. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Every host of the realm is this one; while $TMPDIR/moved is there they are at an address where nothing listens. */
__attribute__ ((visibility ("default"))) int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    static int (*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
    const char *end = name != NULL ? strstr (name, ".lab.test") : NULL, *dir = getenv ("TMPDIR");
    SB_AUTOFREE char *moved = sb_xprintf ("%s/moved", dir != NULL ? dir : "");

    if (real == NULL)
        *(void **) &real = dlsym (RTLD_NEXT, "getaddrinfo");
    return real (end != NULL && strcmp (end, ".lab.test") == 0
                         ? (access (moved, F_OK) == 0 ? "127.0.0.77" : "127.0.0.1")
                         : name,
                 service, hints, ret);
}

static struct {
    char dir[64];
    FILE *in, *out;
    pid_t pid;
    int port;
    char user[64], password[64];
} realm;

static void
be_helper (int in, int out)
{
    const char *src = getenv ("SB_SRCDIR");
    SB_AUTOFREE char *script = sb_xprintf ("%s/tests/smb/realm.py", src != NULL ? src : ".");

    prctl (PR_SET_PDEATHSIG, SIGTERM);
    dup2 (in, 0);
    dup2 (out, 1);
    execlp ("/usr/bin/python3", "python3", script, realm.dir, (char *) NULL);
    _exit (127);
}

static bool
start_realm (void)
{
    int to[2], from[2];
    char line[256];

    strcpy (realm.dir, "/tmp/sb-realm-XXXXXX");
    if (mkdtemp (realm.dir) == NULL || pipe2 (to, O_CLOEXEC) != 0 || pipe2 (from, O_CLOEXEC) != 0)
        return false;
    realm.pid = fork ();
    if (realm.pid == 0)
        be_helper (to[0], from[1]);
    close (to[0]);
    close (from[1]);
    realm.in = fdopen (to[1], "w");
    realm.out = fdopen (from[0], "r");
    return fgets (line, sizeof line, realm.out) != NULL
           && sscanf (line, "%d %63s %63s", &realm.port, realm.user, realm.password) == 3;
}

static void
tell_server (const char *word)
{
    char line[64];

    fprintf (realm.in, "set %s\n", word);
    fflush (realm.in);
    CU_ASSERT_PTR_NOT_NULL (fgets (line, sizeof line, realm.out));
}

static void
end_realm (void)
{
    SB_AUTOFREE char *rm = sb_xprintf ("rm -rf '%s'", realm.dir);

    if (realm.in != NULL)
        fclose (realm.in);
    if (realm.out != NULL)
        fclose (realm.out);
    if (realm.pid > 0)
        waitpid (realm.pid, NULL, 0);
    if (*realm.dir != '\0' && system (rm) != 0)
        printf ("# %s stays\n", realm.dir);
}

/* What workers live in from now on; `cache`: whose tickets the caller has, or NULL. */
static void
set_environment (const char *cache)
{
    SB_AUTOFREE char *config = sb_xprintf ("%s/kdc/krb5.conf", realm.dir);
    SB_AUTOFREE char *name = sb_xprintf ("FILE:%s/kdc/ccache-%s", realm.dir, cache != NULL ? cache : "of-nobody");

    /* The leak checker cannot walk what libsmbclient leaves at exit. */
    setenv ("ASAN_OPTIONS", "detect_leaks=0", 1);
    setenv ("KRB5_CONFIG", config, 1);
    setenv ("KRB5CCNAME", name, 1);
    setenv ("TMPDIR", realm.dir, 1);
    setenv ("HOME", realm.dir, 1);
}

static bool
has_tickets (void *ctx)
{
    SB_AUTOFREE char *cmd = sb_xprintf ("ls %s/switchback-krb5-* >%s/found 2>&1", realm.dir, realm.dir);

    (void) ctx;
    return system (cmd) == 0;
}

static bool
has_no_tickets (void *ctx)
{
    return !has_tickets (ctx);
}

/* Shares that differ in how one signs in; each bench has its own folder "here". */
static struct bench *
a_bench (const char *cache)
{
    static const struct {
        const char *name, *user, *key, *host;
    } doors[] = {
        { "key", "svc@LAB.TEST", "keytab = file:svc.keytab", "files.lab.test" },
        { "writer", "writer@LAB.TEST", "keytab = file:writer.keytab", "files.lab.test" },
        { "password", "svc@LAB.TEST", "secret = file:right", "files.lab.test" },
        { "wrong", "svc@LAB.TEST", "secret = file:wrong", "files.lab.test" },
        { "mallory", "mallory@LAB.TEST", "keytab = file:mallory.keytab", "files.lab.test" },
        { "nobody", "nobody@LAB.TEST", "keytab = file:svc.keytab", "files.lab.test" },
        { "open", "svc@LAB.TEST", "keytab = file:open.keytab", "files.lab.test" },
        { "other", "svc@LAB.TEST", "keytab = file:svc.keytab", "other.lab.test" },
        { "own", "svc@LAB.TEST", "", "files.lab.test" },
        { "hash", NULL, "secret = file:hash", "files.lab.test" },
    };
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    SB_AUTOFREE char *copy = NULL, *here = NULL;
    struct bench *b;

    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++)
        sb_buf_printf (&text,
                       "[credential %s]\nmethod = kerberos\nuser = %s\n%s\n"
                       "[share %s]\nplugin = smb\npath = smb://%s:%d/ship\ncredential = %s\n",
                       doors[i].name, doors[i].user != NULL ? doors[i].user : realm.user, doors[i].key, doors[i].name,
                       doors[i].host, realm.port, doors[i].name);
    sb_buf_str (&text, "[share here]\nplugin = smb\npath = here\n");
    set_environment (cache);
    b = bench_new (NULL, "%s", sb_buf_cstr (&text));
    copy = sb_xprintf ("cp %s/kdc/*.keytab %s/ && cp %s/svc.keytab %s/open.keytab && chmod 644 %s/open.keytab",
                       realm.dir, b->dir, b->dir, b->dir, b->dir);
    CU_ASSERT_EQUAL (system (copy), 0);
    bench_file (b, "right", "svc pass-7", 0600);
    bench_file (b, "wrong", "svc pass-8", 0600);
    bench_file (b, "hash", realm.password, 0600);
    here = bench_path (b, "here");
    mkdir (here, 0700);
    return b;
}

static void
opens (struct bench *b, const char *share)
{
    const struct outcome *o = bench_run (b, "share", share, "list", NULL, NULL);

    if (o->rc != SB_OK)
        printf ("# %s: %d %s\n", share, (int) o->rc, o->sentence != NULL ? o->sentence : "");
    CU_ASSERT_EQUAL (o->rc, SB_OK);
}

static void
refused (struct bench *b, const char *share, const char *words)
{
    const struct outcome *o = bench_run (b, "share", share, "list", NULL, NULL);
    bool good = o->rc == SB_FAIL && o->sentence != NULL && strstr (o->sentence, words) != NULL;

    if (!good)
        printf ("# %s: %d %s\n", share, (int) o->rc, o->sentence != NULL ? o->sentence : "");
    CU_ASSERT_TRUE (good);
    CU_ASSERT (!good || strstr (o->sentence, "pass-8") == NULL);
}

static void
keys (void)
{
    struct bench *b = a_bench (NULL);

    opens (b, "key");
    CU_ASSERT_TRUE (has_tickets (NULL));
    opens (b, "password");
    opens (b, "key");
    bench_free (b);
    CU_ASSERT_TRUE (bench_eventually (has_no_tickets, NULL));
}

/* Lanes of a copy sign in themselves, each end with tickets of its own. */
static void
copies (void)
{
    struct bench *b = a_bench (NULL);
    const struct outcome *o;

    for (int i = 0; i < 24; i++) {
        SB_AUTOFREE char *name = sb_xprintf ("here/mgc_%d.trn", i);

        bench_file (b, name, name, 0600);
    }
    o = bench_run (b, "share", "here", "copy", NULL, "to", "key", "prefix", "mgc_", NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "copied"), "24");
    opens (b, "writer");
    o = bench_run (b, "share", "key", "archive", NULL, "folder", "old", "prefix", "mgc_1", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "moved"), "11");
    o = bench_run (b, "share", "writer", "list", NULL, "prefix", "mgc_", NULL);
    CU_ASSERT_STRING_EQUAL (outcome_result (o, "files"), "13");
    o = bench_run (b, "share", "key", "rights", NULL, NULL);
    CU_ASSERT_EQUAL (o->rc, SB_OK);
    bench_free (b);
}

static void
own_tickets (void)
{
    struct bench *b = a_bench ("svc");

    opens (b, "own");
    bench_free (b);
    b = a_bench (NULL);
    refused (b, "own", "kinit");
    opens (b, "key"); /* and back: a key of its own is not in the caller's cache */
    refused (b, "own", "kinit");
    bench_free (b);
    b = a_bench ("mallory");
    refused (b, "own", "the tickets here are those of 'mallory@LAB.TEST'");
    bench_free (b);
}

static void
wrong_ones (void)
{
    struct bench *b = a_bench (NULL);

    refused (b, "wrong", "not that of this principal");
    refused (b, "nobody", "klist -k");
    refused (b, "open", "chmod 600");
    refused (b, "mallory", "the server refuses the account 'mallory'");
    refused (b, "other", "no ticket for the service cifs/other.lab.test");
    bench_free (b);
}

/* The server would take this name and password by NTLM. */
static void
no_hash (void)
{
    struct bench *b = a_bench (NULL);

    refused (b, "hash", "not found in Kerberos database");
    bench_free (b);
}

static void
encryption (void)
{
    struct bench *b = a_bench (NULL);

    tell_server ("server smb encrypt=off");
    refused (b, "key", "takes no encryption");
    tell_server ("server smb encrypt=required");
    opens (b, "key");
    bench_free (b);
}

/* libsmbclient's own cache of names is the whole machine's, kept for minutes. */
static void
moved (void)
{
    SB_AUTOFREE char *mark = sb_xprintf ("%s/moved", realm.dir);
    struct bench *b = a_bench (NULL);
    const struct outcome *o;

    opens (b, "key");
    bench_free (b);
    b = a_bench (NULL);
    CU_ASSERT_EQUAL (close (open (mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    o = bench_run (b, "share", "key", "list", NULL, NULL);
    CU_ASSERT (o->rc == SB_RETRY && strstr (o->sentence, "nothing listens there") != NULL);
    unlink (mark);
    opens (b, "key");
    bench_free (b);
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "a keytab and a password open a share by tickets, which are gone with the worker", keys },
        { "files are copied and listed by several processes that sign in with tickets", copies },
        { "the caller's own tickets serve; without them, or with another user's, the caller is told", own_tickets },
        { "a wrong password, key, user and server name are told in words", wrong_ones },
        { "there is no falling back from tickets to a password's hash", no_hash },
        { "encryption is required of a server that takes tickets, too", encryption },
        { "a server that moved is looked for at its new address at once", moved },
        { NULL, NULL }
    };
    int ret;

    bench_enter (argc, argv);
    if (!start_realm ()) {
        end_realm ();
        printf ("1..0 # SKIP a KDC or Samba's smbd is not there\n");
        return 0;
    }
    ret = sb_tap_run ("smb-kerberos", tests);
    end_realm ();
    return ret;
}
