/* The times in the names of files, as ranks.
 *
 * A log backup bears the second in which it was made (mgc_20260101000512.trn).
 * Who reads the names only asks which of two is older, so states whose names are
 * in the same order have the same future; when that was says nothing. */
#include "prove/stamps.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS 14

/* The next time in a text; NULL: there is none. */
static const char *
find (const char *text)
{
    unsigned n = 0;

    for (; *text; text++) {
        n = *text >= '0' && *text <= '9' ? n + 1 : 0;
        if (n == DIGITS)
            return text - (DIGITS - 1);
    }
    return NULL;
}

void
p_stamps_meet (struct p_stamps *s, const char *text)
{
    const char *at = find (text);
    unsigned i;

    if (!at || s->count == P_STAMPS)
        return;
    for (i = s->count; i > 0 && memcmp (s->list[i - 1], at, DIGITS) > 0; i--)
        continue;
    if (i > 0 && memcmp (s->list[i - 1], at, DIGITS) == 0)
        return;
    memmove (s->list[i + 1], s->list[i], (s->count - i) * sizeof s->list[0]);
    memcpy (s->list[i], at, DIGITS);
    s->count++;
}

static uint8_t
rank (const struct p_stamps *s, const char *at)
{
    unsigned i;

    for (i = 0; i < s->count && memcmp (s->list[i], at, DIGITS) != 0; i++)
        continue;
    return (uint8_t) (i + 1);
}

void
p_stamps_put (const struct p_stamps *s, const char *text, struct sb_buf *out)
{
    const char *at = find (text);
    char place[] = { 1, 0 };

    if (!at) {
        sb_buf_add (out, text, strlen (text) + 1);
        return;
    }
    place[1] = (char) rank (s, at);
    sb_buf_add (out, text, (size_t) (at - text));
    sb_buf_add (out, place, sizeof place);
    sb_buf_add (out, at + DIGITS, strlen (at + DIGITS) + 1);
}
