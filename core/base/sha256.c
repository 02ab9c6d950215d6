/* SHA-256 as in FIPS 180-4: the names of the standard, its order of steps. */
#include "core/base/sha256.h"

#include "core/base/sha256_internal.h"

#include <string.h>

const uint32_t sb_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t
rotr (uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void
expand (const uint8_t block[64], uint32_t w[64])
{
    for (int t = 0; t < 16; t++, block += 4)
        w[t] = (uint32_t) block[0] << 24 | (uint32_t) block[1] << 16 | (uint32_t) block[2] << 8 | block[3];
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotr (w[t - 15], 7) ^ rotr (w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotr (w[t - 2], 17) ^ rotr (w[t - 2], 19) ^ w[t - 2] >> 10;

        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
}

/* One step of 6.2.2: instead of moving all eight words along, the caller turns their names. */
static inline void
step (uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g, uint32_t *h, uint32_t kw)
{
    uint32_t s1 = rotr (e, 6) ^ rotr (e, 11) ^ rotr (e, 25), ch = (e & f) ^ (~e & g);
    uint32_t s0 = rotr (a, 2) ^ rotr (a, 13) ^ rotr (a, 22), maj = (a & b) ^ (a & c) ^ (b & c);
    uint32_t t1 = *h + s1 + ch + kw;

    *d += t1;
    *h = t1 + s0 + maj;
}

static void
compress (uint32_t state[8], const uint8_t block[64])
{
    const uint32_t *K = sb_sha256_k;
    uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

    expand (block, w);
    for (int t = 0; t < 64; t += 8) {
        step (a, b, c, &d, e, f, g, &h, K[t] + w[t]);
        step (h, a, b, &c, d, e, f, &g, K[t + 1] + w[t + 1]);
        step (g, h, a, &b, c, d, e, &f, K[t + 2] + w[t + 2]);
        step (f, g, h, &a, b, c, d, &e, K[t + 3] + w[t + 3]);
        step (e, f, g, &h, a, b, c, &d, K[t + 4] + w[t + 4]);
        step (d, e, f, &g, h, a, b, &c, K[t + 5] + w[t + 5]);
        step (c, d, e, &f, g, h, a, &b, K[t + 6] + w[t + 6]);
        step (b, c, d, &e, f, g, h, &a, K[t + 7] + w[t + 7]);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void
sb_sha256_blocks (uint32_t state[8], const uint8_t *blocks, size_t n)
{
    for (; n > 0; n--, blocks += 64)
        compress (state, blocks);
}

static void
hash_blocks (uint32_t state[8], const uint8_t *blocks, size_t n)
{
    if (sb_sha256_has_x86 ())
        sb_sha256_blocks_x86 (state, blocks, n);
    else
        sb_sha256_blocks (state, blocks, n);
}

void
sb_sha256_init (struct sb_sha256 *h)
{
    *h = (struct sb_sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                                        0x1f83d9ab, 0x5be0cd19 } };
}

void
sb_sha256_add (struct sb_sha256 *h, const void *data, size_t n)
{
    const uint8_t *p = data;
    size_t used = h->bytes % 64, part = n < 64 - used ? n : 64 - used;

    if (n == 0)
        return;
    h->bytes += n;
    if (used > 0) {
        memcpy (h->block + used, p, part);
        if (used + part < 64)
            return;
        hash_blocks (h->state, h->block, 1);
        p += part;
        n -= part;
    }
    hash_blocks (h->state, p, n / 64);
    if (n % 64 > 0)
        memcpy (h->block, p + n / 64 * 64, n % 64);
}

void
sb_sha256_str (struct sb_sha256 *h, const char *s)
{
    if (s)
        sb_sha256_add (h, s, strlen (s) + 1);
    else
        sb_sha256_add (h, "\xff", 1);
}

void
sb_sha256_end (struct sb_sha256 *h, uint8_t ret[32])
{
    uint8_t pad[72] = { 0x80 };
    uint64_t bits = h->bytes * 8;
    size_t zeros = (119 - h->bytes % 64) % 64;

    for (int i = 0; i < 8; i++)
        pad[1 + zeros + (size_t) i] = (uint8_t) (bits >> (56 - 8 * i));
    sb_sha256_add (h, pad, 1 + zeros + 8);
    for (int i = 0; i < 32; i++)
        ret[i] = (uint8_t) (h->state[i / 4] >> (24 - 8 * (i % 4)));
}

void
sb_sha256_hex (struct sb_sha256 *h, char ret[SB_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum[32];

    sb_sha256_end (h, sum);
    for (size_t i = 0; i < 32; i++) {
        ret[2 * i] = digits[sum[i] >> 4];
        ret[2 * i + 1] = digits[sum[i] & 15];
    }
    ret[64] = '\0';
}
