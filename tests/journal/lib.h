/* What the tests of the journal share: a folder of their own, a journal with one
 * run, and ways to do to it what no program should. */
#ifndef SB_TESTS_JOURNAL_LIB_H
#define SB_TESTS_JOURNAL_LIB_H

#include "tests/lib/tap.h"

#include "core/base/buf.h"
#include "core/journal/journal.h"

extern struct sb_arena arena;
extern struct sb_faults faults;

const char *at (const char *name); /* a path in the folder */
/* Do the faults say this?  Prints them if not; they are gone afterwards. */
bool says (const char *text);

struct sb_journal *open_it (const char *path, bool write);
/* A run with its first record, owned by this process. */
bool add_run (struct sb_journal *j, const char *id);
/* A record of the step "a", in a batch. */
bool
add (struct sb_journal *j, const char *run, enum sb_record_kind kind, uint32_t step, int64_t at_ms, const char *body);
/* A journal with the run r1 and six records of one step and a gate, closed. */
const char *sample (const char *name);

void sql (const char *path, const char *text);
bool verify (const char *path, const struct sb_journal_head *known, struct sb_journal_head *ret);
bool refused (const char *path, bool write, const char *sentence);
void write_file (const char *path, const void *data, size_t n);
bool spill (const char *path, const struct sb_buf *b);

/* The tests, in a folder that is gone afterwards. */
int run_in_folder (const char *suite, const struct sb_tap_test *tests);

#endif
