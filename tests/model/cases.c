/* The loop over cases.  CUnit knows the running test only by name, so the case
 * is found by its title. */
#include "tests/model/cases.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sb_case *all;
static char *(*render_case) (const char *text);

static void
print_comment (const char *head, const char *text)
{
    SB_AUTOFREE char *copy = sb_xstrdup (text);
    char *rest = copy, *line;

    printf ("# %s\n", head);
    while ((line = strsep (&rest, "\n")) != NULL)
        printf ("# | %s\n", line);
}

bool
sb_same_text (const char *expected, const char *got)
{
    bool same = strcmp (expected, got) == 0;

    if (!same) {
        print_comment ("expected", expected);
        print_comment ("but got", got);
    }
    CU_ASSERT (same);
    return same;
}

static void
run_case (void)
{
    const char *title = CU_get_current_test ()->pName;

    for (const struct sb_case *c = all; c->title; c++)
        if (strcmp (c->title, title) == 0) {
            SB_AUTOFREE char *got = render_case (c->text);

            sb_same_text (c->expected, got);
            return;
        }
    CU_FAIL ("no case has this title");
}

int
sb_cases_run (const char *suite, const struct sb_case *cases, char *(*render) (const char *text))
{
    struct sb_tap_test *tests;
    size_t n = 0;
    int rc;

    all = cases;
    render_case = render;
    while (cases[n].title)
        n++;
    tests = sb_xcalloc (n + 1, sizeof *tests);
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct sb_tap_test){ cases[i].title, run_case };
    rc = sb_tap_run (suite, tests);
    free (tests);
    return rc;
}

char *
sb_show_faults (struct sb_faults *faults, int first)
{
    struct sb_buf b = { 0 };

    for (size_t i = 0; i < faults->count; i++) {
        const struct sb_fault *f = &faults->list[i];

        if (f->line)
            sb_buf_printf (&b, "%d: ", f->line - first + 1);
        sb_buf_printf (&b, "%s\n", f->text);
        if (f->hint)
            sb_buf_printf (&b, "HINT: %s\n", f->hint);
    }
    sb_faults_free (faults);
    return sb_buf_take (&b);
}
