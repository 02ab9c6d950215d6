/* What changed in a world; see delta.h.  Blocks of the used part are compared as bytes: nothing here knows what they
 * mean, but for the counts that say what is used.
 *
 *      delta = u32 bytes that follow, change ...        change = u32 place in struct world, u32 length, bytes
 */
#include "lab/world/delta.h"

#include "lab/world/intern.h"

#include <stdint.h>
#include <string.h>

#define BLOCK 256u

static void
add_change (struct sb_buf *out, const struct world *now, size_t at, size_t n)
{
    const uint32_t head[2] = { (uint32_t) at, (uint32_t) n };

    sb_buf_add (out, head, sizeof head);
    sb_buf_add (out, (const char *) now + at, n);
}

/* Neighbouring blocks that differ are one change. */
static void
compare (struct world *old, const struct world *now, size_t at, size_t n, struct sb_buf *out)
{
    const size_t end = at + n;
    size_t from = end, size;

    for (; at < end; at += size) {
        size = end - at < BLOCK ? end - at : BLOCK;
        if (memcmp ((const char *) old + at, (const char *) now + at, size) != 0) {
            from = from == end ? at : from;
        } else if (from != end) {
            add_change (out, now, from, at - from);
            memcpy ((char *) old + from, (const char *) now + from, at - from);
            from = end;
        }
    }
    if (from == end)
        return;
    add_change (out, now, from, end - from);
    memcpy ((char *) old + from, (const char *) now + from, end - from);
}

void
w_delta_make (struct world *old, const struct world *now, struct sb_buf *out)
{
    size_t begin = out->len, at, before, after;
    uint32_t n = 0;

    sb_buf_add (out, &n, sizeof n);
    for (unsigned part = 0; w_part (old, part, &at, &before) && w_part (now, part, &at, &after); part++)
        compare (old, now, at, before > after ? before : after, out);
    compare (old, now, 0, w_head_size (), out);
    n = (uint32_t) (out->len - begin - sizeof n);
    memcpy (out->s + begin, &n, sizeof n);
}

bool
w_delta_apply (struct world *w, const void *data, size_t n)
{
    const char *p = data, *end = p + n;
    uint32_t left = 0, head[2];

    while (p < end) {
        if (left == 0) {
            if ((size_t) (end - p) < sizeof left)
                return false;
            memcpy (&left, p, sizeof left);
            p += sizeof left;
            if (left > (size_t) (end - p))
                return false;
            continue;
        }
        if (left < sizeof head)
            return false;
        memcpy (head, p, sizeof head);
        if (head[1] > left - sizeof head || head[0] > sizeof *w || head[1] > sizeof *w - head[0])
            return false;
        memcpy ((char *) w + head[0], p + sizeof head, head[1]);
        p += sizeof head + head[1];
        left -= (uint32_t) sizeof head + head[1];
    }
    return left == 0 && w_is_world (w);
}
