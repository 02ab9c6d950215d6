/* The parent of a copy: prepares, starts lanes, commits; see copy.h. */
#include "plugins/lib/copyimpl.h"

#include "core/base/mem.h"
#include "core/base/sha256.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS     200
#define LANES_MAX   8
#define PER_LANE    8    /* files or MiB that make one more lane worth starting */
#define COMMIT_MS   2000 /* small files wait at most so long for the others of their commit */
#define COMMIT_MANY 1024

static const char magic[8] = "SBSUMS1\n";

static int64_t
now_ms (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* The name is hashed, for it may be as long as a name can be. */
char *
sb_copy_hidden (const char *name, const char *tail)
{
    struct sb_sha256 h;
    char hex[SB_SHA256_HEX];

    sb_sha256_init (&h);
    sb_sha256_str (&h, name);
    sb_sha256_hex (&h, hex);
    return sb_xprintf (".sb-%.32s%s", hex, tail);
}

/* ---- what an earlier call left ---------------------------------------------------------------------------- */

static struct sb_sums_head
head_of (const struct sb_entry *f)
{
    struct sb_sums_head head = { .size = f->size, .mtime_ns = f->mtime_ns, .block = SB_COPY_BLOCK };

    memcpy (head.magic, magic, sizeof magic);
    return head;
}

/* The hashes that were noted for this very file; `sums` has room for all blocks.  False: none. */
static bool
read_sums (struct sb_store *to, const struct sb_entry *f, uint64_t *sums)
{
    SB_AUTOFREE char *name = sb_copy_hidden (f->name, ".sums");
    struct sb_handle *h = to->ops->open (to, name, SB_MODE_READ);
    const struct sb_sums_head expected = head_of (f);
    struct sb_sums_head head;
    size_t size = sb_copy_blocks (f->size) * sizeof *sums;
    bool good = h != NULL && to->ops->read (h, &head, sizeof head, 0) == (ssize_t) sizeof head
                && memcmp (&head, &expected, sizeof head) == 0;

    memset (sums, 0, size);
    if (good && to->ops->read (h, sums, size, sizeof head) < 0)
        good = false;
    if (h != NULL)
        to->ops->close (h);
    return good;
}

int64_t
sb_copy_begun (struct sb_store *to, const struct sb_entry *f)
{
    SB_AUTOFREE char *name = sb_copy_hidden (f->name, ".part");
    SB_AUTOFREE uint64_t *sums = sb_xcalloc (sb_copy_blocks (f->size) + 1, sizeof *sums);
    struct sb_entry part;

    if (!sb_copy_is_large (f->size) || !to->ops->look (to, name, &part) || !read_sums (to, f, sums))
        return 0;
    return part.size < f->size ? part.size : f->size;
}

/* Readies part and sums of a large file.  False: errno. */
static bool
prepare_large (struct sb_copy_work *w, size_t file)
{
    struct sb_store *to = w->c->to;
    const struct sb_entry *f = &w->c->want->list[file];
    SB_AUTOFREE char *part = sb_copy_hidden (f->name, ".part"), *noted = sb_copy_hidden (f->name, ".sums");
    SB_AUTOFREE uint64_t *sums = sb_xcalloc (sb_copy_blocks (f->size), sizeof *sums);
    const struct sb_sums_head head = head_of (f);
    bool old = read_sums (to, f, sums);
    struct sb_handle *h = to->ops->open (to, part, old ? SB_MODE_RESUME : SB_MODE_CREATE);
    bool good = h != NULL && (!old || to->ops->truncate (h, f->size));

    if (h != NULL && !to->ops->close (h))
        good = false;
    if (!good)
        return false;
    for (uint32_t i = 0; old && i < sb_copy_blocks (f->size); i++)
        atomic_store (&w->sums[w->first_sum[file] + i], sums[i]);
    if (old)
        return true;
    h = to->ops->open (to, noted, SB_MODE_CREATE);
    good = h != NULL && to->ops->write (h, &head, sizeof head, 0) == (ssize_t) sizeof head;
    return h != NULL && to->ops->close (h) && good;
}

static void
remove_parts (struct sb_copy_work *w, const struct sb_entry *f)
{
    SB_AUTOFREE char *part = sb_copy_hidden (f->name, ".part"), *noted = sb_copy_hidden (f->name, ".sums");

    w->c->to->ops->remove (w->c->to, part);
    if (sb_copy_is_large (f->size))
        w->c->to->ops->remove (w->c->to, noted);
}

/* ---- setting up ------------------------------------------------------------------------------------------- */

static void
cut (struct sb_copy_work *w)
{
    const struct sb_entries *want = w->c->want;

    w->first_sum = sb_xcalloc (want->count + 1, sizeof *w->first_sum);
    for (size_t i = 0; i < want->count; i++) {
        uint32_t blocks = sb_copy_blocks (want->list[i].size), first = 0;

        w->first_sum[i] = w->nsums;
        w->nsums += blocks > 0 ? blocks : 1;
        do {
            uint32_t left = blocks - first, n = left < SB_COPY_UNIT ? left : SB_COPY_UNIT;

            SB_PUSH (w->units, w->nunits, w->cunits) = (struct sb_unit){ i, first, n > 0 ? n : 1 };
            first += n;
        } while (first < blocks);
    }
}

/* One mapping holds it all; parent and lanes see the same. */
static bool
share_memory (struct sb_copy_work *w)
{
    size_t count = w->c->want->count, head = 64, slots = count * sizeof *w->slots;

    slots = (slots + 63) / 64 * 64;
    w->map_size = head + slots + w->nsums * sizeof *w->sums;
    w->map = mmap (NULL, w->map_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->map == MAP_FAILED)
        return false;
    w->shared = w->map;
    w->slots = (void *) ((char *) w->map + head);
    w->sums = (void *) ((char *) w->map + head + slots);
    for (size_t i = 0; i < w->nunits; i++)
        atomic_fetch_add (&w->slots[w->units[i].file].units_left, 1);
    return true;
}

/* A target that takes no part of a large file takes nothing. */
static void
prepare (struct sb_copy_work *w)
{
    for (size_t i = 0; i < w->c->want->count; i++) {
        struct sb_copy_slot *s = &w->slots[i];

        if (!sb_copy_is_large (w->c->want->list[i].size) || prepare_large (w, i))
            continue;
        atomic_store (&s->error, errno);
        atomic_store (&s->how, SB_COPY_NO_TARGET);
        atomic_store (&w->shared->stop, 1);
        return;
    }
}

/* ---- the commit ------------------------------------------------------------------------------------------- */

/* Did the source change while it was copied?  One that is gone by now was read whole. */
static bool
changed (const struct sb_entries *now, const struct sb_entry *f)
{
    const struct sb_entry *e = sb_entries_find (now, f->name);

    return e != NULL && (e->size != f->size || e->mtime_ns != f->mtime_ns);
}

static void
end_file (struct sb_copy_work *w, size_t i, enum sb_copied how, int error)
{
    atomic_store (&w->slots[i].error, error);
    atomic_store (&w->slots[i].how, (int) how);
    if (how == SB_COPY_DONE)
        w->c->state.files_done++;
    if (how == SB_COPY_GREW || how == SB_COPY_STANDS)
        remove_parts (w, &w->c->want->list[i]);
}

static void
give_name (struct sb_copy_work *w, size_t i)
{
    struct sb_store *to = w->c->to;
    const struct sb_entry *f = &w->c->want->list[i];
    SB_AUTOFREE char *part = sb_copy_hidden (f->name, ".part");

    if (!to->ops->rename (to, part, NULL, f->name)) {
        end_file (w, i, errno == EEXIST ? SB_COPY_STANDS : SB_COPY_NO_TARGET, errno);
        return;
    }
    if (sb_copy_is_large (f->size)) {
        SB_AUTOFREE char *noted = sb_copy_hidden (f->name, ".sums");

        to->ops->remove (to, noted);
    }
    end_file (w, i, SB_COPY_DONE, 0);
}

static void
fail_all (struct sb_copy_work *w, const size_t *files, size_t n, enum sb_copied how, int error)
{
    for (size_t k = 0; k < n; k++)
        end_file (w, files[k], how, error);
    atomic_store (&w->shared->stop, 1);
}

static void
commit (struct sb_copy_work *w)
{
    struct sb_copy *c = w->c;
    const struct sb_filter all = { NULL, NULL };
    SB_CLEANUP (sb_entries_free) struct sb_entries now = { 0 };
    SB_AUTOFREE size_t *files = NULL;
    size_t n = 0, cap = 0, small = 0, first;

    for (size_t i = 0; i < c->want->count; i++)
        if (atomic_load (&w->slots[i].how) == SB_COPY_WRITTEN) {
            SB_PUSH (files, n, cap) = i;
            small += !sb_copy_is_large (c->want->list[i].size);
        }
    if (n == 0)
        return;
    if (!c->from->ops->list (c->from, &all, &now)) {
        fail_all (w, files, n, SB_COPY_NO_SOURCE, errno);
        return;
    }
    if (small > 0 && c->to->ops->sync_files != NULL && !c->to->ops->sync_files (c->to)) {
        fail_all (w, files, n, SB_COPY_NO_TARGET, errno);
        return;
    }
    first = c->state.files_done;
    for (size_t k = 0; k < n; k++)
        if (changed (&now, &c->want->list[files[k]]))
            end_file (w, files[k], SB_COPY_GREW, 0);
        else
            give_name (w, files[k]);
    if (c->state.files_done > first && c->to->ops->sync_names != NULL && !c->to->ops->sync_names (c->to, NULL))
        fail_all (w, files, n, SB_COPY_NO_TARGET, errno);
}

/* ---- the lanes -------------------------------------------------------------------------------------------- */

static void
tell (struct sb_copy_work *w)
{
    struct sb_copy_state *s = &w->c->state;

    s->elapsed_ms = now_ms () - w->began_ms;
    s->bytes_done = atomic_load (&w->shared->done);
    s->bytes_copied = atomic_load (&w->shared->copied);
    s->bytes_resumed = s->bytes_done - s->bytes_copied;
    if (w->c->progress != NULL)
        w->c->progress (w->c->ctx, s);
}

static void
look_for_stop (struct sb_copy_work *w)
{
    struct pollfd p = { .fd = w->c->stop_fd, .events = POLLIN };

    if (w->c->stop_fd >= 0 && poll (&p, 1, 0) > 0) {
        w->c->stopped = true;
        atomic_store (&w->shared->stop, 1);
    }
}

/* Of the only lane, between two pieces. */
static void
tick (struct sb_copy_work *w)
{
    int64_t now = now_ms ();

    look_for_stop (w);
    if (now - w->told_ms >= TICK_MS) {
        w->told_ms = now;
        tell (w);
    }
}

/* Names of one folder of this host are made one after the other, whoever asks: there only bytes are worth a lane. */
static int
lanes_wanted (const struct sb_copy_work *w)
{
    const struct sb_copy *c = w->c;
    int advised = c->from->lanes > c->to->lanes ? c->from->lanes : c->to->lanes, n = c->lanes > 0 ? c->lanes : advised;
    int64_t by_units = 1 + (int64_t) w->nunits / PER_LANE, by_bytes = 1 + c->state.bytes / ((int64_t) PER_LANE << 20);
    int64_t worth = c->to->far_clock || c->from->far_clock ? by_units : 1;

    if (by_bytes > worth && w->nunits > 1)
        worth = by_bytes;
    n = n > LANES_MAX ? LANES_MAX : n;
    return worth < n ? (int) worth : n;
}

/* A child: a lane with connections of its own.  It writes nothing to anybody but the stores, and dies with its parent. */
static _Noreturn void
be_lane (struct sb_copy_work *w, pid_t parent)
{
    struct sb_store *from, *to;

    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () != parent)
        _exit (1);
    w->tick = NULL;
    from = w->c->from->ops->again (w->c->from);
    to = from != NULL ? w->c->to->ops->again (w->c->to) : NULL;
    if (to == NULL) {
        atomic_store (&w->shared->lane_error, errno != 0 ? errno : EIO);
        _exit (1);
    }
    sb_copy_lane (w, from, to);
    sb_store_free (from);
    sb_store_free (to);
    _exit (0);
}

/* Small files wait for each other: a commit costs a sync. */
static bool
is_time (const struct sb_copy_work *w, int64_t last_ms)
{
    size_t waiting = 0;

    if (now_ms () - last_ms >= COMMIT_MS)
        return true;
    for (size_t i = 0; i < w->c->want->count; i++)
        waiting += atomic_load (&w->slots[i].how) == SB_COPY_WRITTEN;
    return waiting >= COMMIT_MANY;
}

/* Until every lane has closed its end of the pipe. */
static void
watch (struct sb_copy_work *w, int over)
{
    struct pollfd p[2] = { { .fd = over, .events = POLLIN }, { .fd = w->c->stop_fd, .events = POLLIN } };
    int64_t last = now_ms ();

    while (poll (p, 2, TICK_MS) >= 0 || errno == EINTR) {
        if ((p[0].revents & (POLLHUP | POLLIN)) != 0)
            return;
        if ((p[1].revents & POLLIN) != 0) {
            look_for_stop (w);
            p[1].fd = -1;
        }
        tell (w);
        if (is_time (w, last)) {
            commit (w);
            last = now_ms ();
        }
    }
}

static void
run_lanes (struct sb_copy_work *w, int n)
{
    pid_t pids[LANES_MAX], self = getpid ();
    int over[2], started = 0;

    if (pipe (over) != 0) {
        atomic_store (&w->shared->lane_error, errno);
        return;
    }
    for (; started < n; started++) {
        pids[started] = fork ();
        if (pids[started] == 0) {
            close (over[0]);
            be_lane (w, self);
        }
        if (pids[started] < 0) {
            atomic_store (&w->shared->lane_error, errno);
            break;
        }
    }
    close (over[1]);
    watch (w, over[0]);
    close (over[0]);
    for (int i = 0; i < started; i++)
        while (waitpid (pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
}

/* ---- the whole -------------------------------------------------------------------------------------------- */

/* What each file came to, in the caller's words. */
static bool
give_results (struct sb_copy_work *w)
{
    struct sb_copy *c = w->c;
    bool good = true;

    for (size_t i = 0; i < c->want->count; i++) {
        enum sb_copied how = (enum sb_copied) atomic_load (&w->slots[i].how);
        int error = atomic_load (&w->slots[i].error);

        if (how == SB_COPY_NOT_YET && !c->stopped && atomic_load (&w->shared->stop) == 0) {
            error = atomic_load (&w->shared->lane_error);
            how = error != 0 ? SB_COPY_NO_SOURCE : SB_COPY_DIED;
        }
        if (how == SB_COPY_DAMAGED || ((how == SB_COPY_GREW || how == SB_COPY_GONE)))
            remove_parts (w, &c->want->list[i]);
        if (how != SB_COPY_DONE && how != SB_COPY_GREW && how != SB_COPY_GONE && how != SB_COPY_STANDS) {
            good = false;
            if (!sb_copy_is_large (c->want->list[i].size) && !(how == SB_COPY_NOT_YET && c->to->far_clock))
                remove_parts (w, &c->want->list[i]);
        }
        c->ret[i] = (struct sb_copy_file){ how, error };
    }
    return good;
}

bool
sb_copy_run (struct sb_copy *c)
{
    struct sb_copy_work w = { .c = c, .tick = tick, .began_ms = now_ms () };
    bool good;
    int n;

    c->state = (struct sb_copy_state){ .files = c->want->count };
    for (size_t i = 0; i < c->want->count; i++)
        c->state.bytes += c->want->list[i].size;
    if (c->want->count == 0)
        return true;
    cut (&w);
    if (!share_memory (&w)) {
        for (size_t i = 0; i < c->want->count; i++)
            c->ret[i] = (struct sb_copy_file){ SB_COPY_NO_TARGET, errno };
        good = false;
    } else {
        prepare (&w);
        n = lanes_wanted (&w);
        if (n > 1)
            run_lanes (&w, n);
        else
            sb_copy_lane (&w, c->from, c->to);
        commit (&w);
        tell (&w);
        good = give_results (&w);
        munmap (w.map, w.map_size);
    }
    free (w.units);
    free (w.first_sum);
    return good;
}
