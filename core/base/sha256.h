/* SHA-256 (FIPS 180-4).  Our own sixty lines, so that the core needs no
 * cryptographic library at start; tested against the standard's vectors. */
#ifndef SB_BASE_SHA256_H
#define SB_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SB_SHA256_HEX 65 /* 64 digits and NUL */

struct sb_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

void sb_sha256_init (struct sb_sha256 *h);
void sb_sha256_add (struct sb_sha256 *h, const void *data, size_t n);
void sb_sha256_str (struct sb_sha256 *h, const char *s); /* the text and its NUL; NULL is one 0xff byte */
void sb_sha256_end (struct sb_sha256 *h, uint8_t ret[32]);
void sb_sha256_hex (struct sb_sha256 *h, char ret[SB_SHA256_HEX]);

#endif
