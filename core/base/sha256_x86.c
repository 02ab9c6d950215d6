/* SHA-256 with the SHA extensions of x86 (Intel's instruction set reference,
 * SHA256RNDS2, SHA256MSG1, SHA256MSG2): five times as fast as the portable way.
 * Whether the processor has them is what the C library found out at start: the
 * instruction that asks is slow in a virtual machine. */
#include "core/base/sha256_internal.h"

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)

#include <immintrin.h>
#include <sys/platform/x86.h>

#define SHA __attribute__ ((target ("sha,sse4.1,ssse3")))

bool
sb_sha256_has_x86 (void)
{
    return x86_cpu_active (x86_cpu_SHA) && x86_cpu_active (x86_cpu_SSE4_1) && x86_cpu_active (x86_cpu_SSSE3);
}

/* The next four words of the message, in place of the oldest four; m holds the last sixteen, oldest first from `i`. */
SHA static inline __m128i
next_words (const __m128i m[4], int i)
{
    __m128i last = m[(i + 3) & 3];
    __m128i sum =
            _mm_add_epi32 (_mm_sha256msg1_epu32 (m[i & 3], m[(i + 1) & 3]), _mm_alignr_epi8 (last, m[(i + 2) & 3], 4));

    return _mm_sha256msg2_epu32 (sum, last);
}

/* abef and cdgh: the order in which the instructions want the eight words. */
SHA static inline void
one_block (__m128i *abef, __m128i *cdgh, const uint8_t *block)
{
    const __m128i big_endian = _mm_set_epi64x (0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i before0 = *abef, before1 = *cdgh, m[4];

    for (int i = 0; i < 16; i++) {
        __m128i kw;

        if (i < 4)
            m[i] = _mm_shuffle_epi8 (_mm_loadu_si128 ((const __m128i *) (const void *) (block + (ptrdiff_t) 16 * i)),
                                     big_endian);
        else
            m[i & 3] = next_words (m, i);
        kw = _mm_add_epi32 (m[i & 3],
                            _mm_loadu_si128 ((const __m128i *) (const void *) (sb_sha256_k + (ptrdiff_t) 4 * i)));
        *cdgh = _mm_sha256rnds2_epu32 (*cdgh, *abef, kw);
        *abef = _mm_sha256rnds2_epu32 (*abef, *cdgh, _mm_shuffle_epi32 (kw, 0x0e));
    }
    *abef = _mm_add_epi32 (*abef, before0);
    *cdgh = _mm_add_epi32 (*cdgh, before1);
}

SHA void
sb_sha256_blocks_x86 (uint32_t state[8], const uint8_t *blocks, size_t n)
{
    __m128i *at = (__m128i *) (void *) state;
    __m128i badc = _mm_shuffle_epi32 (_mm_loadu_si128 (at), 0xb1),
            hgfe = _mm_shuffle_epi32 (_mm_loadu_si128 (at + 1), 0x1b);
    __m128i abef = _mm_alignr_epi8 (badc, hgfe, 8), cdgh = _mm_blend_epi16 (hgfe, badc, 0xf0), feba, dchg;

    for (; n > 0; n--, blocks += 64)
        one_block (&abef, &cdgh, blocks);
    feba = _mm_shuffle_epi32 (abef, 0x1b);
    dchg = _mm_shuffle_epi32 (cdgh, 0xb1);
    _mm_storeu_si128 (at, _mm_blend_epi16 (feba, dchg, 0xf0));
    _mm_storeu_si128 (at + 1, _mm_alignr_epi8 (dchg, feba, 8));
}

#else

bool
sb_sha256_has_x86 (void)
{
    return false;
}

void
sb_sha256_blocks_x86 (uint32_t state[8], const uint8_t *blocks, size_t n)
{
    sb_sha256_blocks (state, blocks, n);
}

#endif
