/* Clocks, in milliseconds.  Two kinds that must not be mixed: real time is for
 * records and people, monotonic time is for deadlines.  A deadline is an
 * instant of the monotonic clock; SB_NEVER is one that does not come. */
#ifndef SB_SYS_CLOCK_H
#define SB_SYS_CLOCK_H

#include <stdint.h>

#define SB_NEVER INT64_MAX

int64_t sb_now_ms (void);                /* Unix time */
int64_t sb_mono_ms (void);               /* since some start; never goes back */
int64_t sb_deadline_in (int64_t ms);     /* the instant `ms` from now; a negative `ms` never comes */
int sb_deadline_left (int64_t deadline); /* for poll(): 0 when it is past, -1 for SB_NEVER */
void sb_sleep_ms (int64_t ms);           /* the whole of it, whatever signals come */

#endif
