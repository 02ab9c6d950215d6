/* A small stretched pool in memory, for the tests of the world: sites north and
 * south, mgc mirrored with a witness in north and shipped to south. */
#ifndef SB_TESTS_WORLD_FIXTURE_H
#define SB_TESTS_WORLD_FIXTURE_H

#include "lab/world/setup.h"

struct fixture {
    struct world w;
    struct w_files files;
    struct w_op op;
    struct w_out out;
    w_id north, south, p, m, wit, b, bm, share;
};

void fixture_init (struct fixture *f);   /* machines only */
void fixture_steady (struct fixture *f); /* with mgc in the steady state */
void fixture_free (struct fixture *f);

struct w_op *fixture_op (struct fixture *f, enum w_op_kind kind, w_id instance); /* on mgc; fill and go */
bool fixture_go (struct fixture *f);                                             /* true: done */
int fixture_first (struct fixture *f); /* runs it; the number of the first message, 0: done */
bool fixture_do (struct fixture *f, enum w_op_kind kind, w_id instance);
void fixture_wait (struct fixture *f, int64_t ms); /* the clock, in steps of 50 ms */
struct w_copy *fixture_copy (struct fixture *f, w_id instance);
w_lsn fixture_write (struct fixture *f, w_id instance, unsigned rows); /* LSN of the first; 0: refused */
int fixture_backup (struct fixture *f, w_id instance, const char *path, uint32_t flags); /* first number */
int fixture_restore (struct fixture *f, w_id instance, const char *path, uint32_t flags);
uint16_t fixture_login (struct fixture *f, w_id instance, const char *db); /* sysadmin; 0: refused */
void fixture_site (struct fixture *f, w_id site, bool on);
void fixture_jobs (struct fixture *f, bool enabled); /* all of them */

#endif
