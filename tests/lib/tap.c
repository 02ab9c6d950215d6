/* The listener between CUnit and automake's TAP driver.  It knows CUnit's
 * registry and failure records; it prints, builds the exit code from CUnit's
 * counts (CU_run_all_tests() returns only trouble of the framework), and leaves
 * everything else to the tests. */
#include "tests/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned number;
static const char *skipped;

static void
print_failures (const CU_pFailureRecord first)
{
    for (CU_pFailureRecord f = first; f; f = f->pNext)
        printf ("# %s:%u: %s\n", f->strFileName ? f->strFileName : "?", f->uiLineNumber,
                f->strCondition ? f->strCondition : "?");
}

static void
test_completed (const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    printf ("%s %u - %s: %s", failure ? "not ok" : "ok", ++number, suite->pName, test->pName);
    printf ("%s%s\n", skipped ? " # SKIP " : "", skipped ? skipped : "");
    print_failures (failure);
    skipped = NULL;
}

static void
suite_setup_failed (const CU_pSuite suite)
{
    printf ("Bail out! the set-up of suite '%s' failed\n", suite->pName);
}

static void
check_framework (CU_ErrorCode code)
{
    if (code == CUE_SUCCESS)
        return;
    printf ("Bail out! CUnit: %s\n", CU_get_error_msg ());
    exit (99);
}

void
sb_tap_skip (const char *reason)
{
    skipped = reason;
}

int
sb_tap_run (const char *suite, const struct sb_tap_test *tests)
{
    CU_pSuite s;
    unsigned bad;

    /* A sanitizer ends the process before stdio is flushed. */
    setvbuf (stdout, NULL, _IOLBF, 0);
    check_framework (CU_initialize_registry ());
    s = CU_add_suite (suite, NULL, NULL);
    check_framework (CU_get_error ());
    for (const struct sb_tap_test *t = tests; t->title; t++)
        if (!CU_add_test (s, t->title, t->run))
            check_framework (CU_get_error ());

    CU_set_test_complete_handler (test_completed);
    CU_set_suite_init_failure_handler (suite_setup_failed);
    printf ("1..%u\n", CU_get_registry ()->uiNumberOfTests);
    check_framework (CU_run_all_tests ());
    bad = CU_get_number_of_tests_failed () + CU_get_number_of_suites_failed ();
    CU_cleanup_registry ();
    return bad || number == 0 ? 1 : 0;
}

char *
sb_tap_read (const char *path)
{
    FILE *f = fopen (path, "r");
    char *text = NULL;
    size_t n = 0;

    if (f == NULL)
        return NULL;
    if (getdelim (&text, &n, EOF, f) < 0) { /* an empty file */
        free (text);
        text = calloc (1, 1);
    }
    fclose (f);
    return text;
}

void
sb_tap_write (const char *path, const char *text)
{
    FILE *f = fopen (path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL (f);
    CU_ASSERT_FATAL (fputs (text, f) >= 0 && fclose (f) == 0);
}
