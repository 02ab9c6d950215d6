/* CUnit that speaks TAP.  A test program lists its suites and returns
 * sb_tap_run(); every CUnit test becomes one line of `make check'.  Titles of
 * tests are sentences about what holds. */
#ifndef SB_TESTS_TAP_H
#define SB_TESTS_TAP_H

#include <CUnit/CUnit.h>

struct sb_tap_test {
    const char *title; /* a sentence; NULL ends the table */
    void (*run) (void);
};

/* Runs the tests in order and prints TAP.  The exit code of the program: 0 when every test ran and passed. */
int sb_tap_run (const char *suite, const struct sb_tap_test *tests);

/* For the running test: "ok N - title # SKIP reason".  Return from the test after it. */
void sb_tap_skip (const char *reason);

/* The whole text of a file, to be freed; NULL: it cannot be opened.  And a file with this text, or the test ends. */
char *sb_tap_read (const char *path);
void sb_tap_write (const char *path, const char *text);

#endif
