/* Signals as a readable descriptor: blocked for the process, read by the loop.
 * Children started with sb_spawn() do not inherit the block. */
#ifndef SB_SYS_SIGS_H
#define SB_SYS_SIGS_H

#include "core/base/fault.h"

/* Blocks the signals (a list that ends with 0) and returns a descriptor for them; -1 with one fault. */
int sb_signal_fd (const int *signals, struct sb_faults *faults);
int sb_signal_next (int fd); /* the next one that came, 0: none */

#endif
