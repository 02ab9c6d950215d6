/* Randomness from the kernel.  Without it the program ends: an identifier that
 * is not unique is worse than none. */
#ifndef SB_SYS_RANDOM_H
#define SB_SYS_RANDOM_H

#include <stddef.h>

void sb_random_bytes (void *ret, size_t n);
void sb_random_hex (char *ret, size_t digits); /* `digits` lower-case digits and NUL: ret has digits + 1 bytes */

#endif
