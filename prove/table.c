/* What is known of the states that were met: whether their histories are being
 * counted or were, and how many they are.  Open addressing in 256 parts that
 * grow one by one, so that growing never needs twice the memory. */
#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

#define PARTS 256

struct entry {
    struct p_hash h;
    struct p_count n; /* all ones: open */
};

struct part {
    struct entry *list; /* h zero: free */
    size_t count, cap;
};

struct p_table {
    struct part parts[PARTS];
    size_t states, bytes, most;
    bool full;
    struct sb_map whole; /* full comparison: hash as text -> bytes */
};

void
p_count_one (struct p_count *c)
{
    *c = (struct p_count){ { 1 } };
}

bool
p_count_add (struct p_count *to, const struct p_count *what)
{
    unsigned __int128 carry = 0;
    unsigned k;

    for (k = 0; k < P_WORDS; k++) {
        carry += (unsigned __int128) to->w[k] + what->w[k];
        to->w[k] = (uint64_t) carry;
        carry >>= 64;
    }
    return carry == 0 && to->w[P_WORDS - 1] != UINT64_MAX;
}

char *
p_count_text (const struct p_count *c)
{
    struct p_count n = *c;
    char text[96];
    size_t at = sizeof text - 1;
    bool more = true;

    text[at] = 0;
    while (more) {
        unsigned __int128 rest = 0;

        more = false;
        for (unsigned k = P_WORDS; k-- > 0;) {
            rest = rest << 64 | n.w[k];
            n.w[k] = (uint64_t) (rest / 10);
            rest %= 10;
            more = more || n.w[k] != 0;
        }
        text[--at] = (char) ('0' + (int) rest);
    }
    return sb_xstrdup (text + at);
}

struct p_table *
p_table_new (size_t most_bytes, bool full_compare)
{
    struct p_table *t = sb_xcalloc (1, sizeof *t);

    t->most = most_bytes;
    t->full = full_compare;
    return t;
}

void
p_table_free (struct p_table *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < PARTS; i++)
        free (t->parts[i].list);
    sb_map_free_with (&t->whole, free);
    free (t);
}

static struct entry *
find (struct part *p, struct p_hash h)
{
    size_t at = (size_t) h.low & (p->cap - 1);

    while ((p->list[at].h.low | p->list[at].h.high) != 0
           && (p->list[at].h.low != h.low || p->list[at].h.high != h.high))
        at = (at + 1) & (p->cap - 1);
    return &p->list[at];
}

static bool
make_room (struct p_table *t, struct part *p)
{
    struct part bigger = { .cap = p->cap ? p->cap * 2 : 64, .count = p->count };
    size_t more = bigger.cap * sizeof *p->list;

    if (p->count * 10 < p->cap * 8)
        return true;
    if (t->bytes + more > t->most)
        return false;
    bigger.list = sb_xcalloc (bigger.cap, sizeof *bigger.list);
    for (size_t i = 0; i < p->cap; i++)
        if ((p->list[i].h.low | p->list[i].h.high) != 0)
            *find (&bigger, p->list[i].h) = p->list[i];
    t->bytes += more - p->cap * sizeof *p->list;
    free (p->list);
    *p = bigger;
    return true;
}

/* Two states of one hash with other bytes would be merged wrongly: told apart here. */
static bool
same_bytes (struct p_table *t, struct p_hash h, const struct sb_buf *bytes)
{
    SB_AUTOFREE char *key = sb_xprintf ("%016llx%016llx", (unsigned long long) h.high, (unsigned long long) h.low);
    char *known = sb_map_get (&t->whole, key);
    char *block;
    size_t n;

    if (known) {
        memcpy (&n, known, sizeof n);
        return n == bytes->len && memcmp (known + sizeof n, bytes->s, n) == 0;
    }
    n = bytes->len;
    block = sb_xcalloc (1, sizeof n + n);
    memcpy (block, &n, sizeof n);
    memcpy (block + sizeof n, bytes->s, n);
    sb_map_set (&t->whole, key, block);
    t->bytes += n + 128;
    return true;
}

enum p_known
p_table_enter (struct p_table *t, struct p_hash h, const struct sb_buf *bytes, struct p_count *ret)
{
    struct part *p = &t->parts[h.high >> 56];
    struct entry *e;

    if (!make_room (t, p))
        return P_FULL;
    if (t->full && !same_bytes (t, h, bytes))
        return P_CLASH;
    e = find (p, h);
    if ((e->h.low | e->h.high) == 0) {
        e->h = h;
        memset (&e->n, 0xff, sizeof e->n);
        p->count++;
        t->states++;
        return P_NEW;
    }
    *ret = e->n;
    return e->n.w[P_WORDS - 1] == UINT64_MAX ? P_OPEN : P_CLOSED;
}

void
p_table_close (struct p_table *t, struct p_hash h, const struct p_count *count)
{
    find (&t->parts[h.high >> 56], h)->n = *count;
}

size_t
p_table_states (const struct p_table *t)
{
    return t->states;
}
