/* Where secrets come from, what is refused, and that they are taken out of
 * text in every form. */
#include "tests/host/bench.h"
#include "tests/lib/tap.h"

#include "core/host/scrub.h"
#include "core/host/secret.h"
#include "core/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bench *b;

/* The secret, or the first fault; never both. */
static char *
ask (const char *reference, bool *ret_ok)
{
    struct sb_faults faults = { 0 };
    char *secret = sb_secret_read (reference, b->dir, sb_deadline_in (3000), &faults), *text;

    *ret_ok = secret != NULL;
    text = secret != NULL ? sb_xstrdup (secret) : sb_xstrdup (faults.count > 0 ? faults.list[0].text : "(nothing)");
    CU_ASSERT_EQUAL (faults.count, secret != NULL ? 0 : 1);
    sb_secret_free (secret);
    sb_faults_free (&faults);
    return text;
}

static bool
gives (const char *reference, const char *secret)
{
    bool ok;
    SB_AUTOFREE char *text = ask (reference, &ok);

    if (!ok || strcmp (text, secret) != 0)
        printf ("# %s: %s\n", reference, text);
    return ok && strcmp (text, secret) == 0;
}

static bool
refuses (const char *reference, const char *part)
{
    bool ok;
    SB_AUTOFREE char *text = ask (reference, &ok);

    if (ok || strstr (text, part) == NULL)
        printf ("# %s: %s\n", reference, text);
    return !ok && strstr (text, part) != NULL;
}

static void
files (void)
{
    SB_AUTOFREE char *path = bench_path (b, "key"), *absolute = sb_xprintf ("file:%s", path),
                     *large = sb_xcalloc (70001, 1);

    bench_file (b, "key", "top secret \n", 0600);
    CU_ASSERT_TRUE (gives ("file:key", "top secret "));
    CU_ASSERT_TRUE (gives ("file: key", "top secret "));
    CU_ASSERT_TRUE (gives (absolute, "top secret "));
    bench_file (b, "key", "two\nlines\n\n", 0400);
    CU_ASSERT_TRUE (gives ("file:key", "two\nlines\n"));
    CU_ASSERT_EQUAL (chmod (path, 0640), 0);
    CU_ASSERT_TRUE (refuses ("file:key", "can be read or written by others"));
    CU_ASSERT_EQUAL (chmod (path, 0600), 0);
    CU_ASSERT_TRUE (refuses ("file:nowhere", "No such file"));
    CU_ASSERT_TRUE (refuses ("file:.", "not a regular file"));
    bench_file (b, "empty", "\n", 0600);
    CU_ASSERT_TRUE (refuses ("file:empty", "empty"));
    memset (large, 'x', 70000);
    bench_file (b, "large", large, 0600);
    CU_ASSERT_TRUE (refuses ("file:large", "larger than 65536"));
    if (geteuid () == 0) {
        CU_ASSERT_EQUAL (chown (path, 12345, 12345), 0);
        CU_ASSERT_TRUE (refuses ("file:key", "belongs to user 12345"));
    }
}

static void
fifo (void)
{
    SB_AUTOFREE char *path = bench_path (b, "pipe");

    CU_ASSERT_EQUAL (mkfifo (path, 0600), 0);
    CU_ASSERT_TRUE (refuses ("file:pipe", "not a regular file"));
}

static void
others (void)
{
    SB_AUTOFREE char *dir = bench_path (b, "");

    setenv ("SB_TEST_SECRET", "from outside", 1);
    CU_ASSERT_TRUE (gives ("env:SB_TEST_SECRET", "from outside"));
    unsetenv ("SB_TEST_SECRET");
    CU_ASSERT_TRUE (refuses ("env:SB_TEST_SECRET", "not in the environment"));
    unsetenv ("CREDENTIALS_DIRECTORY");
    CU_ASSERT_TRUE (refuses ("credential:sql", "CREDENTIALS_DIRECTORY"));
    setenv ("CREDENTIALS_DIRECTORY", dir, 1);
    bench_file (b, "sql", "from systemd\n", 0400);
    CU_ASSERT_TRUE (gives ("credential:sql", "from systemd"));
    CU_ASSERT_TRUE (refuses ("credential:../key", "not a plain name"));
    unsetenv ("CREDENTIALS_DIRECTORY");
    CU_ASSERT_TRUE (refuses ("hunter2", "not given as a reference"));
    CU_ASSERT_TRUE (refuses ("", "not given as a reference"));
}

static void
commands (void)
{
    int64_t start = sb_mono_ms ();

    bench_file (b, "vault.sh", "#!/bin/sh\necho \"$1-$2\"\n", 0700);
    CU_ASSERT_TRUE (gives ("command:./vault.sh a \"b  c\"", "a-b  c"));
    CU_ASSERT_TRUE (refuses ("command:vault.sh", "by its path"));
    CU_ASSERT_TRUE (refuses ("command:", "by its path"));
    CU_ASSERT_TRUE (refuses ("command:./vault.sh \"open", "by its path"));
    CU_ASSERT_TRUE (refuses ("command:/no/such/program", "/no/such/program"));
    bench_file (b, "bad.sh", "#!/bin/sh\necho half a secret\nexit 3\n", 0700);
    CU_ASSERT_TRUE (refuses ("command:./bad.sh", "exit code 3"));
    bench_file (b, "slow.sh", "#!/bin/sh\nsleep 100\n", 0700);
    CU_ASSERT_TRUE (refuses ("command:./slow.sh", "slow.sh"));
    CU_ASSERT (sb_mono_ms () - start < 20000);
}

static bool
cleans (const struct sb_scrub *s, const char *text, const char *expected)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };

    sb_scrub_text (s, text, 100, true, &out);
    if (strcmp (sb_buf_cstr (&out), expected) != 0)
        printf ("# %s\n", sb_buf_cstr (&out));
    return strcmp (sb_buf_cstr (&out), expected) == 0;
}

static void
scrubs (void)
{
    SB_CLEANUP (sb_scrub_release) struct sb_scrub s = { 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };

    sb_scrub_add (&s, "p\"w d");
    sb_scrub_add (&s, "p\"w d and more");
    sb_scrub_add (&s, "");
    CU_ASSERT_TRUE (cleans (&s, "plain p\"w d, again p\"w d and more.", "plain ********, again ********."));
    CU_ASSERT_TRUE (cleans (&s, "encoded p%22w%20d, quoted \"p\\\"w d\"", "encoded ********, quoted \"********\""));
    CU_ASSERT_TRUE (
            cleans (&s, "bad \xff\xc3( \xe2\x82\xac \x1b[31m\n", "bad \xef\xbf\xbd\xef\xbf\xbd( \xe2\x82\xac  [31m\n"));
    CU_ASSERT_TRUE (cleans (&s, "cut \xf0\x9f\x98", "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"));
    sb_scrub_text (&s, "0123456789", 4, false, &out);
    CU_ASSERT_STRING_EQUAL (sb_buf_cstr (&out), "0123...");
}

int
main (int argc, char **argv)
{
    static const struct sb_tap_test tests[] = {
        { "a file is read only when it is private, regular, small and ours", files },
        { "a FIFO in place of a file does not block", fifo },
        { "environment and systemd credentials serve, a bare secret does not", others },
        { "a program's output serves, within its time and without a shell", commands },
        { "a secret is taken out of text in every form, and text is made clean", scrubs },
        { NULL, NULL }
    };
    int code;

    bench_enter (argc, argv);
    b = bench_new (NULL, "[pool x]\n");
    code = sb_tap_run ("secrets", tests);
    bench_free (b);
    return code;
}
