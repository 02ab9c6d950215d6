/* Two ways to hash whole blocks that must agree: the portable one, and the
 * processor's own instructions where it has them.  Only sha256.c and its test
 * include this. */
#ifndef SB_BASE_SHA256_INTERNAL_H
#define SB_BASE_SHA256_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const uint32_t sb_sha256_k[64]; /* FIPS 180-4, 4.2.2 */

/* `state` after `n` more blocks of 64 bytes. */
void sb_sha256_blocks (uint32_t state[8], const uint8_t *blocks, size_t n);
/* The same with the SHA extensions of x86; only where sb_sha256_has_x86() says so. */
void sb_sha256_blocks_x86 (uint32_t state[8], const uint8_t *blocks, size_t n);
bool sb_sha256_has_x86 (void);

#endif
