/* Fault points: places where a test may let the process die as by a power cut.
 *
 * The count comes from sb_die_at() (tests), or, in a build configured with
 * --enable-fault-points, from SWITCHBACK_DIE_AT=N or SWITCHBACK_DIE_AT=NAME:N
 * (the N-th point, or the N-th of that name).  Otherwise they do nothing. */
#ifndef SB_ENGINE_DIE_H
#define SB_ENGINE_DIE_H

#include <stdint.h>

enum sb_die_point {
    SB_DIE_BEFORE_COMMIT = 0,
    SB_DIE_AFTER_COMMIT, /* records durable, nothing done yet */
    SB_DIE_AFTER_ACT,    /* commands carried out */
    SB_DIE_ON_ANSWER,    /* answers came in, nothing decided yet */
    SB_DIE_POINTS
};
extern const char *const sb_die_names[SB_DIE_POINTS];

/* Dies at the n-th point of any name (which SB_DIE_POINTS) or of one; 0: never. */
void sb_die_at (enum sb_die_point which, uint64_t n);
void sb_die_here (enum sb_die_point which);
uint64_t sb_die_passed (void); /* points passed so far */

#endif
