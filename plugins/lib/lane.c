/* The lanes of a copy: each takes unit after unit, and whoever ends the last unit
 * of a file finishes it; see copy.h. */
#include "plugins/lib/copyimpl.h"

#include "core/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define PIECE ((size_t) 1 << 20) /* stays in the processor's cache between reading, hashing and writing */

struct lane {
    struct sb_copy_work *w;
    struct sb_store *from, *to;
    XXH3_state_t *hash;
    unsigned char *piece;
    bool shares; /* both ends may lie in one place of one disk */
};

/* The unit at hand. */
struct at {
    const struct sb_unit *u;
    const struct sb_entry *f;
    struct sb_copy_slot *slot;
    atomic_ullong *sums; /* of the file */
    char *part;
    struct sb_handle *in, *out, *noted; /* noted: the .sums, or NULL */
    bool ready;                         /* for writing */
};

uint32_t
sb_copy_blocks (int64_t size)
{
    return (uint32_t) ((size + SB_COPY_BLOCK - 1) / SB_COPY_BLOCK);
}

bool
sb_copy_is_large (int64_t size)
{
    return size > SB_COPY_BLOCK;
}

/* What happened to the file; the first word counts. */
static bool
is_over (struct at *a, enum sb_copied how, int error)
{
    int none = SB_COPY_NOT_YET;

    if (atomic_compare_exchange_strong (&a->slot->how, &none, (int) how))
        atomic_store (&a->slot->error, error);
    return false;
}

/* A file that is locked does not keep others from being copied; a full disk or a lost server does. */
static bool
source_failed (struct lane *l, struct at *a, int error)
{
    if (error == ENOENT)
        return is_over (a, SB_COPY_GONE, 0);
    if (error != EACCES && error != EPERM && error != EBUSY)
        atomic_store (&l->w->shared->stop, 1);
    return is_over (a, SB_COPY_NO_SOURCE, error != 0 ? error : EIO);
}

static bool
target_failed (struct lane *l, struct at *a, int error)
{
    atomic_store (&l->w->shared->stop, 1);
    return is_over (a, SB_COPY_NO_TARGET, error != 0 ? error : EIO);
}

static bool
shall_stop (struct lane *l, struct at *a)
{
    if (l->w->tick != NULL)
        l->w->tick (l->w);
    return atomic_load (&l->w->shared->stop) != 0 || atomic_load (&a->slot->how) != SB_COPY_NOT_YET;
}

static int64_t
block_size (const struct sb_entry *f, uint32_t block)
{
    int64_t left = f->size - (int64_t) block * SB_COPY_BLOCK;

    return left < SB_COPY_BLOCK ? left : SB_COPY_BLOCK;
}

static bool
write_all (struct lane *l, struct at *a, size_t n, int64_t at)
{
    size_t done = 0;

    while (done < n) {
        ssize_t k = l->to->ops->write (a->out, l->piece + done, n - done, at + (int64_t) done);

        if (k <= 0)
            return target_failed (l, a, k < 0 ? errno : ENOSPC);
        done += (size_t) k;
    }
    return true;
}

static void
count (struct lane *l, ssize_t n)
{
    atomic_fetch_add (&l->w->shared->done, n);
    atomic_fetch_add (&l->w->shared->copied, n);
}

/* Without a byte being copied.  False: they cannot share it, and none of the others. */
static bool
share_block (struct lane *l, struct at *a, uint32_t block)
{
    int64_t start = (int64_t) block * SB_COPY_BLOCK, size = block_size (a->f, block);

    l->shares = l->shares && l->from->ops->share (a->in, a->out, start, size);
    return l->shares;
}

/* One block from the source to the target; its hash is in l->hash then.  `shared`: it is there already, and only hashed.  Behind the end of the file one byte more is
 * asked for: a source that grew gives it. */
static bool
copy_block (struct lane *l, struct at *a, uint32_t block, bool shared)
{
    int64_t start = (int64_t) block * SB_COPY_BLOCK, size = block_size (a->f, block), done = 0;
    bool last = start + size == a->f->size;

    XXH3_64bits_reset (l->hash);
    while (done < size || (last && done == 0 && size == 0)) {
        size_t left = (size_t) (size - done), ask = left + (last ? 1 : 0);
        ssize_t n = l->from->ops->read (a->in, l->piece, ask < PIECE ? ask : PIECE, start + done);

        if (n < 0)
            return source_failed (l, a, errno);
        if ((size_t) n > left || (n == 0 && left > 0))
            return is_over (a, SB_COPY_GREW, 0);
        XXH3_64bits_update (l->hash, l->piece, (size_t) n);
        if (!shared && !write_all (l, a, (size_t) n, start + done))
            return false;
        done += n;
        count (l, n);
        if (shall_stop (l, a))
            return false;
        if (n == 0)
            break;
    }
    return true;
}

/* The hash of what the target gives back.  False: errno, 0 when it ends too early or too late. */
static bool
hash_target (struct lane *l, struct at *a, uint32_t block, uint64_t *ret)
{
    int64_t start = (int64_t) block * SB_COPY_BLOCK, size = block_size (a->f, block), done = 0;

    XXH3_64bits_reset (l->hash);
    while (done < size) {
        size_t left = (size_t) (size - done), ask = (left + SB_DIRECT - 1) / SB_DIRECT * SB_DIRECT;
        ssize_t n = l->to->ops->read (a->out, l->piece, ask < PIECE ? ask : PIECE, start + done);

        if (n <= 0 || (size_t) n > left) {
            errno = n < 0 ? errno : 0;
            return false;
        }
        XXH3_64bits_update (l->hash, l->piece, (size_t) n);
        done += n;
    }
    *ret = XXH3_64bits_digest (l->hash) | 1; /* 0 means: not known */
    return true;
}

/* Is the block there already, as noted by an earlier call? */
static bool
was_copied (struct lane *l, struct at *a, uint32_t block)
{
    uint64_t noted = atomic_load (&a->sums[block]), there;

    if (noted == 0 || !hash_target (l, a, block, &there) || there != noted)
        return false;
    atomic_fetch_add (&l->w->shared->done, block_size (a->f, block));
    return true;
}

static void
note (struct lane *l, struct at *a, uint32_t block, uint64_t sum)
{
    atomic_store (&a->sums[block], sum);
    if (a->noted != NULL
        && l->to->ops->write (a->noted, &sum, sizeof sum, (int64_t) (sizeof (struct sb_sums_head) + block * sizeof sum))
                   < 0) {
        l->to->ops->close (a->noted); /* it only helps a later call */
        a->noted = NULL;
    }
}

/* Before something is written into a large file: room for the whole unit, and a way past the system's memory, for a check
 * that reads back from there would say nothing of the disk.  And whoever goes past it needs no second way through it. */
static bool
make_ready (struct lane *l, struct at *a)
{
    const struct sb_store_ops *to = l->to->ops;
    int64_t start = (int64_t) a->u->first * SB_COPY_BLOCK, size = (int64_t) a->u->count * SB_COPY_BLOCK;

    a->ready = true;
    if (size > a->f->size - start)
        size = a->f->size - start;
    if (to->reserve != NULL && !to->reserve (a->out, start, size))
        return target_failed (l, a, errno);
    if (to->direct != NULL)
        to->direct (a->out);
    return true;
}

static bool
one_block (struct lane *l, struct at *a, uint32_t block)
{
    bool large = sb_copy_is_large (a->f->size), shared;
    uint64_t sum, back;

    if (shall_stop (l, a) || was_copied (l, a, block))
        return atomic_load (&l->w->shared->stop) == 0;
    shared = large && share_block (l, a, block);
    if (large && !shared && !a->ready && !make_ready (l, a))
        return false;
    if (!copy_block (l, a, block, shared))
        return false;
    sum = XXH3_64bits_digest (l->hash) | 1;
    if (!hash_target (l, a, block, &back))
        return errno != 0 ? target_failed (l, a, errno) : is_over (a, SB_COPY_DAMAGED, 0);
    if (back != sum && !shared)
        return is_over (a, SB_COPY_DAMAGED, 0);
    if (back != sum) { /* perhaps the source changed between the kernel's look and ours */
        l->shares = false;
        count (l, -block_size (a->f, block));
        return one_block (l, a, block);
    }
    note (l, a, block, sum);
    return true;
}

static bool
open_unit (struct lane *l, struct at *a)
{
    bool large = sb_copy_is_large (a->f->size);

    a->in = l->from->ops->open (l->from, a->f->name, SB_MODE_READ);
    if (a->in == NULL)
        return source_failed (l, a, errno);
    a->out = l->to->ops->open (l->to, a->part, large ? SB_MODE_RESUME : SB_MODE_CREATE);
    if (a->out == NULL)
        return target_failed (l, a, errno);
    if (large) {
        SB_AUTOFREE char *noted = sb_copy_hidden (a->f->name, ".sums");

        a->noted = l->to->ops->open (l->to, noted, SB_MODE_RESUME);
    }
    return true;
}

static bool
close_unit (struct lane *l, struct at *a, bool good)
{
    if (a->in != NULL)
        l->from->ops->close (a->in);
    if (a->noted != NULL)
        l->to->ops->close (a->noted);
    if (a->out != NULL && !l->to->ops->close (a->out) && good)
        return target_failed (l, a, errno);
    return good;
}

/* The copy bears the source's time: what is archived by age later keeps its age.  A large one is synced here, so that
 * the commit of others does not wait for it. */
static void
finish (struct lane *l, struct at *a)
{
    struct sb_handle *h = NULL;
    bool good = true;

    (void) !l->to->ops->set_time (l->to, a->part, a->f->mtime_ns); /* not everywhere */
    if (sb_copy_is_large (a->f->size) && l->to->ops->sync != NULL) {
        h = l->to->ops->open (l->to, a->part, SB_MODE_RESUME);
        good = h != NULL && l->to->ops->sync (h);
    }
    if (!good)
        target_failed (l, a, errno);
    else
        is_over (a, SB_COPY_WRITTEN, 0);
    if (h != NULL)
        l->to->ops->close (h);
}

static void
one_unit (struct lane *l, const struct sb_unit *u)
{
    struct at a = { .u = u,
                    .f = &l->w->c->want->list[u->file],
                    .slot = &l->w->slots[u->file],
                    .sums = &l->w->sums[l->w->first_sum[u->file]] };
    bool good = !shall_stop (l, &a);

    a.part = sb_copy_hidden (a.f->name, ".part");
    good = good && open_unit (l, &a);
    for (uint32_t i = 0; good && i < u->count; i++)
        good = one_block (l, &a, u->first + i);
    good = close_unit (l, &a, good);
    if (good && atomic_fetch_sub (&a.slot->units_left, 1) == 1)
        finish (l, &a);
    free (a.part);
}

void
sb_copy_lane (struct sb_copy_work *w, struct sb_store *from, struct sb_store *to)
{
    struct lane l = { .w = w, .from = from, .to = to, .hash = XXH3_createState () };
    size_t n;

    l.shares = from->ops == to->ops && from->ops->share != NULL;
    l.piece = aligned_alloc (SB_DIRECT, PIECE);
    if (l.piece == NULL)
        abort ();
    while (atomic_load (&w->shared->stop) == 0 && (n = atomic_fetch_add (&w->shared->next_unit, 1)) < w->nunits)
        one_unit (&l, &w->units[n]);
    free (l.piece);
    XXH3_freeState (l.hash);
}
