/* Tests that are data: a text goes in, a text is expected.  Each case is a test
 * of its own, so its title is a sentence and stands in the report. */
#ifndef SB_TESTS_MODEL_CASES_H
#define SB_TESTS_MODEL_CASES_H

#include "core/base/fault.h"

#include <stdbool.h>

struct sb_case {
    const char *title; /* NULL ends the table */
    const char *text, *expected;
};

/* Runs each case: render (text) must give `expected`.  The exit code of the program. */
int sb_cases_run (const char *suite, const struct sb_case *cases, char *(*render) (const char *text));
/* True when equal; else a failure, with both texts as comments of the report. */
bool sb_same_text (const char *expected, const char *got);
/* "LINE: sentence\nHINT: hint\n"..., lines counted from `first` (1: as they are); frees the faults. */
char *sb_show_faults (struct sb_faults *faults, int first);

#endif
