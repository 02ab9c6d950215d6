/* What tests of core/sys share: a folder of their own, and expectations about faults. */
#ifndef SB_TESTS_SYS_LIB_H
#define SB_TESTS_SYS_LIB_H

#include "tests/lib/tap.h"

#include "core/base/fault.h"
#include "core/base/mem.h"
#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))

static char *folder;

/* A path in this program's own folder; freed by nobody until the end. */
static struct sb_arena paths;

static inline const char *
at (const char *name)
{
    return sb_arena_printf (&paths, "%s/%s", folder, name);
}

/* Exactly one fault was added, and it contains `text`; forgets it. */
static inline void
expect_fault (struct sb_faults *f, const char *text)
{
    SB_AUTOFREE char *all = sb_faults_text (f);

    CU_ASSERT_EQUAL (f->count, 1);
    CU_ASSERT_PTR_NOT_NULL (strstr (all, text));
    if (!strstr (all, text))
        fprintf (stderr, "expected '%s', got: %s", text, all);
    sb_faults_free (f);
}

static inline void
expect_no_fault (struct sb_faults *f)
{
    SB_AUTOFREE char *all = sb_faults_text (f);

    CU_ASSERT_STRING_EQUAL (all, "");
    sb_faults_free (f);
}

static inline int
run_in_folder (const char *suite, const struct sb_tap_test *tests)
{
    const char *tmp = getenv ("TMPDIR");
    struct sb_faults f = { 0 };
    int rc;

    folder = sb_xprintf ("%s/switchback-test.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp (folder))
        return 99;
    rc = sb_tap_run (suite, tests);
    sb_tree_remove (folder, &f);
    sb_faults_free (&f);
    sb_arena_release (&paths);
    free (folder);
    return rc;
}

#endif
