/* What is known of the states that were met: how many histories each has, or who
 * is still counting them.  Open addressing in 256 parts that grow one by one, so
 * that growing never needs twice the memory; each part has a lock, so workers
 * seldom meet.
 *
 * A state whose histories are being counted has a p_open.  Whoever comes to it
 * meanwhile does not wait: the count is added to the sum of the state he came
 * from when it is known.  A state is closed when nothing is missing from its
 * sum, and that may close others in turn. */
#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

#define PARTS 256

struct entry {
    struct p_hash h;
    struct p_count n; /* the highest word all ones: open, and the lowest is the place of its p_open */
};

struct part {
    pthread_mutex_t lock;
    struct entry *list; /* h zero: free */
    size_t count, cap;
    struct sb_map whole; /* full comparison: hash as text -> bytes */
};

struct p_open {
    struct p_hash h;
    struct p_count sum;       /* guarded by the lock of its part, as `waiting` */
    _Atomic unsigned missing; /* counts that have not come yet */
    struct p_open **waiting;
    size_t nwaiting, waiting_cap;
    struct p_open *next; /* among those that are to be closed */
    unsigned worker;     /* who met it first */
    bool on_stack;       /* and he has not left it */
    bool top;            /* no state: where all counts end */
};

struct p_table {
    struct part parts[PARTS];
    _Atomic size_t states, bytes;
    _Atomic bool overflow;
    size_t most;
    bool full;
    struct p_open top;
};

/* ---------------------------------------------------------------- counts */

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

/* ---------------------------------------------------------------- life */

struct p_table *
p_table_new (size_t most_bytes, bool full_compare)
{
    struct p_table *t = sb_xcalloc (1, sizeof *t);

    for (unsigned i = 0; i < PARTS; i++)
        pthread_mutex_init (&t->parts[i].lock, NULL);
    t->most = most_bytes;
    t->full = full_compare;
    t->top.top = true;
    t->top.missing = 1;
    return t;
}

static struct p_open *
open_of (const struct entry *e)
{
    return e->n.w[P_WORDS - 1] == UINT64_MAX ? (struct p_open *) (uintptr_t) e->n.w[0] : NULL;
}

static void
free_open (struct p_open *o)
{
    if (!o)
        return;
    free (o->waiting);
    free (o);
}

void
p_table_free (struct p_table *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < PARTS; i++) {
        struct part *p = &t->parts[i];

        for (size_t k = 0; k < p->cap; k++)
            free_open (open_of (&p->list[k]));
        free (p->list);
        sb_map_free_with (&p->whole, free);
        pthread_mutex_destroy (&p->lock);
    }
    free (t);
}

/* ---------------------------------------------------------------- finding */

static struct part *
part_of (struct p_table *t, struct p_hash h)
{
    return &t->parts[h.high >> 56];
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
    size_t cap = p->cap, more = (cap ? cap * 2 : 64) * sizeof *p->list;
    struct entry *old = p->list;

    if (p->count * 10 < cap * 8)
        return true;
    if (t->bytes + more > t->most)
        return false;
    p->cap = cap ? cap * 2 : 64;
    p->list = sb_xcalloc (p->cap, sizeof *p->list);
    for (size_t i = 0; i < cap; i++)
        if ((old[i].h.low | old[i].h.high) != 0)
            *find (p, old[i].h) = old[i];
    t->bytes += more - cap * sizeof *old;
    free (old);
    return true;
}

/* Two states of one hash with other bytes would be merged wrongly: told apart here. */
static bool
same_bytes (struct p_table *t, struct part *p, struct p_hash h, const struct sb_buf *bytes)
{
    SB_AUTOFREE char *key = sb_xprintf ("%016llx%016llx", (unsigned long long) h.high, (unsigned long long) h.low);
    char *known = sb_map_get (&p->whole, key);
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
    sb_map_set (&p->whole, key, block);
    t->bytes += n + 128;
    return true;
}

/* ---------------------------------------------------------------- entering */

static struct p_open *
begin_counting (struct p_table *t, struct entry *e, struct p_hash h, unsigned worker)
{
    struct p_open *o = sb_xcalloc (1, sizeof *o);

    o->h = h;
    o->missing = 1;
    o->worker = worker;
    o->on_stack = true;
    e->h = h;
    e->n = (struct p_count){ { (uintptr_t) o } };
    e->n.w[P_WORDS - 1] = UINT64_MAX;
    t->states++;
    return o;
}

static void
wait_for (struct p_open *o, struct p_open *from)
{
    from->missing++;
    SB_PUSH (o->waiting, o->nwaiting, o->waiting_cap) = from;
}

static enum p_known
enter (struct p_table *t, struct part *p, const struct p_entering *in, struct p_open **ret_open, struct p_count *ret)
{
    struct entry *e;
    struct p_open *o;

    if (!make_room (t, p))
        return P_FULL;
    if (t->full && !same_bytes (t, p, in->h, in->bytes))
        return P_CLASH;
    e = find (p, in->h);
    if ((e->h.low | e->h.high) == 0) {
        p->count++;
        *ret_open = begin_counting (t, e, in->h, in->worker);
        wait_for (*ret_open, in->from);
        return P_NEW;
    }
    o = open_of (e);
    if (!o) {
        *ret = e->n;
        return P_CLOSED;
    }
    if (o->worker == in->worker && o->on_stack)
        return P_CIRCLE;
    wait_for (o, in->from);
    return P_OPEN;
}

enum p_known
p_table_enter (struct p_table *t, const struct p_entering *in, struct p_open **ret_open, struct p_count *ret)
{
    struct part *p = part_of (t, in->h);
    enum p_known known;

    pthread_mutex_lock (&p->lock);
    known = enter (t, p, in, ret_open, ret);
    pthread_mutex_unlock (&p->lock);
    return known;
}

/* ---------------------------------------------------------------- counting */

struct p_open *
p_table_top (struct p_table *t)
{
    return &t->top;
}

void
p_table_share (struct p_open *o)
{
    o->missing++;
}

void
p_table_off_stack (struct p_table *t, struct p_open *o)
{
    struct part *p = part_of (t, o->h);

    pthread_mutex_lock (&p->lock);
    o->on_stack = false;
    pthread_mutex_unlock (&p->lock);
}

/* True: nothing is missing any more. */
static bool
add (struct p_table *t, struct p_open *o, const struct p_count *n)
{
    struct part *p = part_of (t, o->h);

    pthread_mutex_lock (&p->lock);
    if (!p_count_add (&o->sum, n))
        t->overflow = true;
    pthread_mutex_unlock (&p->lock);
    return atomic_fetch_sub (&o->missing, 1) == 1 && !o->top;
}

static void
close_entry (struct p_table *t, const struct p_open *o)
{
    struct part *p = part_of (t, o->h);

    pthread_mutex_lock (&p->lock);
    find (p, o->h)->n = o->sum;
    pthread_mutex_unlock (&p->lock);
}

bool
p_table_add (struct p_table *t, struct p_open *o, const struct p_count *n)
{
    struct p_open *todo = add (t, o, n) ? o : NULL;

    while (todo) {
        struct p_open *one = todo;

        todo = one->next;
        close_entry (t, one);
        for (size_t i = 0; i < one->nwaiting; i++)
            if (add (t, one->waiting[i], &one->sum)) {
                one->waiting[i]->next = todo;
                todo = one->waiting[i];
            }
        free_open (one);
    }
    return !t->overflow;
}

bool
p_table_result (struct p_table *t, struct p_count *ret)
{
    *ret = t->top.sum;
    return t->top.missing == 0;
}

size_t
p_table_states (const struct p_table *t)
{
    return t->states;
}
