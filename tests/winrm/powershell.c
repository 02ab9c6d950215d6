/* Runs the cases of powershell.txt through the little PowerShell: each is a
 * script, what it must print, what its error stream must contain, and its exit
 * code.  A case is
 *
 *   === a sentence that says what holds
 *   the script
 *   --- out            (exactly; a line "~" stands for blank lines)
 *   --- err TEXT       (a part of the error stream; may be repeated; without one the stream must be empty)
 *   --- exit N         (0 when it is missing)
 */
#include "config.h"

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/sys/file.h"
#include "lab/winrm/ps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seen {
    struct sb_buf out, err;
    int codepage;
    long looks;
};

static void
take_out (void *ctx, const char *text, size_t n)
{
    sb_buf_add (&((struct seen *) ctx)->out, text, n);
}

static void
take_err (void *ctx, const char *kind, const char *text)
{
    sb_buf_printf (&((struct seen *) ctx)->err, "%s: %s\n", kind, text);
}

static bool
stopped (void *ctx)
{
    return ++((struct seen *) ctx)->looks > 20000; /* endless scripts end here */
}

static void
pause_not (void *ctx, int64_t ms)
{
    (void) ctx;
    (void) ms;
}

static void
encoding (void *ctx, int codepage)
{
    ((struct seen *) ctx)->codepage = codepage;
}

/* Lines without blanks at their ends, blank lines left out when the case says so with "~". */
static void
normal (const char *text, bool squeeze, struct sb_buf *out)
{
    while (*text) {
        size_t n = strcspn (text, "\n"), m = n;

        while (m && strchr (" \r\t", text[m - 1]))
            m--;
        if (!squeeze || (m && !(m == 1 && *text == '~'))) {
            sb_buf_add (out, text, m);
            sb_buf_char (out, '\n');
        }
        text += n + (text[n] == '\n');
    }
}

static bool
same (const char *want, const char *have)
{
    struct sb_buf a = { 0 }, b = { 0 };
    bool squeeze = !strncmp (want, "~\n", 2) || strstr (want, "\n~\n"), ok;

    normal (want, squeeze, &a);
    normal (have, squeeze, &b);
    ok = !strcmp (sb_buf_cstr (&a), sb_buf_cstr (&b));
    sb_buf_free (&a);
    sb_buf_free (&b);
    return ok;
}

static void
explain (const char *what, const char *text)
{
    printf ("# %s:\n", what);
    while (*text) {
        size_t n = strcspn (text, "\n");

        printf ("#   %.*s\n", (int) n, text);
        text += n + (text[n] == '\n');
    }
}

static bool
run_case (char *body)
{
    static const char *const modules[] = { "SkypeForBusiness", "Lync", NULL };
    struct seen seen = { 0 };
    struct ps_host host = { .ctx = &seen,
                            .out = take_out,
                            .err = take_err,
                            .stopped = stopped,
                            .pause = pause_not,
                            .encoding = encoding,
                            .computer = "FE-SOUTH",
                            .user = "CORP\\lync-admin",
                            .modules = modules,
                            .now_ms = INT64_C (1700000000123) };
    struct sb_buf script = { 0 }, out = { 0 };
    int want = 0, got;
    bool ok, no_err = true;
    char *errs[16], *line, *rest = body;
    size_t nerrs = 0;
    struct sb_buf *to = &script;

    while ((line = strsep (&rest, "\n"))) {
        if (!strcmp (line, "--- out"))
            to = &out;
        else if (!strncmp (line, "--- err ", 8) && nerrs < 16)
            errs[nerrs++] = line + 8;
        else if (!strncmp (line, "--- exit ", 9))
            want = atoi (line + 9);
        else if (rest || *line)
            sb_buf_printf (to, "%s\n", line);
    }
    got = ps_run (&host, sb_buf_cstr (&script));
    ok = same (sb_buf_cstr (&out), sb_buf_cstr (&seen.out)) && got == want;
    for (size_t i = 0; i < nerrs; i++)
        if (!strstr (sb_buf_cstr (&seen.err), errs[i])) {
            explain ("the error stream lacks", errs[i]);
            ok = false;
        }
    no_err = nerrs || !seen.err.len;
    if (!ok || !no_err) {
        explain ("wanted", sb_buf_cstr (&out));
        explain ("came", sb_buf_cstr (&seen.out));
        explain ("error stream", sb_buf_cstr (&seen.err));
        printf ("# exit code %d, wanted %d\n", got, want);
    }
    sb_buf_free (&script);
    sb_buf_free (&out);
    sb_buf_free (&seen.out);
    sb_buf_free (&seen.err);
    return ok && no_err;
}

int
main (void)
{
    const char *src = getenv ("SB_SRCDIR");
    struct sb_buf text = { 0 };
    struct sb_faults faults = { 0 };
    SB_AUTOFREE char *path = sb_path_join (src ? src : ".", "tests/winrm/powershell.txt");
    char *at, *next, *title;
    int n = 0, bad = 0;

    setvbuf (stdout, NULL, _IOLBF, 0);
    if (!sb_file_read (path, 1 << 20, &text, &faults)) {
        printf ("Bail out! %s cannot be read\n", path);
        return 1;
    }
    for (at = strstr (text.s, "=== "); at; at = next) {
        bool ok;

        next = strstr (at, "\n=== ");
        if (next) {
            *next = '\0';
            next++;
        }
        title = at + 4;
        at = strchr (at, '\n');
        if (at)
            *at++ = '\0';
        ok = at && run_case (at);
        bad += !ok;
        printf ("%sok %d - %s\n", ok ? "" : "not ", ++n, title);
    }
    printf ("1..%d\n", n);
    sb_buf_free (&text);
    sb_faults_free (&faults);
    return bad || !n ? 1 : 0;
}
