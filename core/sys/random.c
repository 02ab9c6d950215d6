/* Randomness from getrandom(). */
#include "core/sys/random.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void
sb_random_bytes (void *ret, size_t n)
{
    unsigned char *p = ret;

    while (n) {
        ssize_t got = getrandom (p, n < 256 ? n : 256, 0);

        if (got <= 0)
            abort ();
        p += got;
        n -= (size_t) got;
    }
}

void
sb_random_hex (char *ret, size_t digits)
{
    static const char digit[] = "0123456789abcdef";

    sb_random_bytes (ret, digits);
    for (size_t i = 0; i < digits; i++)
        ret[i] = digit[(unsigned char) ret[i] & 15];
    ret[digits] = '\0';
}
