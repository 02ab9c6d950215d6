/* The least that anybody would have to do: the same graph with counters and a queue,
 * the same with threads, and the disk alone.  Nothing here is used by the engine. */
#include "bench/bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------- an event loop */

struct loop {
    const struct sb_plan *p;
    uint32_t *left, *queue;
    size_t head, tail;
    struct bench_heap asleep;
    const uint32_t *ms;
};

static void
ready (struct loop *l, uint32_t i)
{
    if (l->ms && l->ms[i] > 0)
        bench_heap_add (&l->asleep, (struct bench_sleeper){ bench_wall_ns () + l->ms[i] * INT64_C (1000000), i });
    else
        l->queue[l->tail++] = i;
}

static void
finished (struct loop *l, uint32_t i)
{
    const struct sb_plan_step *s = &l->p->steps[i];
    size_t k;

    for (k = 0; k < s->nbefore; k++)
        if (--l->left[s->before[k]] == 0)
            ready (l, s->before[k]);
}

static __attribute__ ((noinline)) void
bench_drive (struct loop *l)
{
    for (;;) {
        if (l->head < l->tail)
            finished (l, l->queue[l->head++]);
        else if (l->asleep.count > 0) {
            bench_sleep_until (l->asleep.list[0].due_ns);
            finished (l, bench_heap_take (&l->asleep).step);
        } else
            return;
    }
}

int
bench_floor_loop (struct sb_plan *p, struct bench_cfg *cfg)
{
    struct loop l = { .p = p, .ms = cfg->ms };
    int64_t cpu, wall;
    uint32_t i;

    l.left = sb_xcalloc (p->count, sizeof *l.left);
    l.queue = sb_xcalloc (p->count, sizeof *l.queue);
    l.asleep.list = sb_xcalloc (p->count, sizeof *l.asleep.list);
    cpu = bench_cpu_ns ();
    wall = bench_wall_ns ();
    for (i = 0; i < p->count; i++)
        if ((l.left[i] = (uint32_t) p->steps[i].nafter) == 0)
            ready (&l, i);
    bench_drive (&l);
    wall = bench_wall_ns () - wall;
    cpu = bench_cpu_ns () - cpu;
    printf ("steps=%u cpu_us=%.4f wall_us=%.4f critical_ms=%lld ratio=%.4f\n", p->count, (double) cpu / 1e3 / p->count,
            (double) wall / 1e3 / p->count, (long long) cfg->critical,
            cfg->critical ? (double) wall / 1e6 / (double) cfg->critical : 0);
    free (l.left);
    free (l.queue);
    free (l.asleep.list);
    return 0;
}

/* ---------------------------------------------------------------- threads */

struct pool {
    const struct sb_plan *p;
    pthread_mutex_t lock;
    pthread_cond_t some;
    uint32_t *left, *queue, done;
    size_t head, tail;
};

static void *
work (void *ctx)
{
    struct pool *x = ctx;
    size_t k;

    pthread_mutex_lock (&x->lock);
    while (x->done < x->p->count) {
        const struct sb_plan_step *s;
        if (x->head == x->tail) {
            pthread_cond_wait (&x->some, &x->lock);
            continue;
        }
        s = &x->p->steps[x->queue[x->head++]];
        pthread_mutex_unlock (&x->lock); /* here the step would do its work */
        pthread_mutex_lock (&x->lock);
        for (k = 0; k < s->nbefore; k++)
            if (--x->left[s->before[k]] == 0) {
                x->queue[x->tail++] = s->before[k];
                pthread_cond_signal (&x->some);
            }
        x->done++;
    }
    pthread_cond_broadcast (&x->some);
    pthread_mutex_unlock (&x->lock);
    return NULL;
}

int
bench_floor_pool (struct sb_plan *p, struct bench_cfg *cfg, unsigned threads)
{
    struct pool x = { .p = p, .lock = PTHREAD_MUTEX_INITIALIZER, .some = PTHREAD_COND_INITIALIZER };
    pthread_t *ids = sb_xcalloc (threads, sizeof *ids);
    int64_t cpu = bench_cpu_ns (), wall = bench_wall_ns ();
    uint32_t i;
    unsigned t, started = 0;

    (void) cfg;
    x.left = sb_xcalloc (p->count, sizeof *x.left);
    x.queue = sb_xcalloc (p->count, sizeof *x.queue);
    for (i = 0; i < p->count; i++)
        if ((x.left[i] = (uint32_t) p->steps[i].nafter) == 0)
            x.queue[x.tail++] = i;
    for (t = 0; t < threads && pthread_create (&ids[t], NULL, work, &x) == 0; t++)
        started++;
    for (t = 0; t < started; t++)
        pthread_join (ids[t], NULL);
    wall = bench_wall_ns () - wall;
    cpu = bench_cpu_ns () - cpu;
    printf ("steps=%u threads=%u cpu_us=%.4f wall_us=%.4f\n", p->count, started, (double) cpu / 1e3 / p->count,
            (double) wall / 1e3 / p->count);
    free (x.left);
    free (x.queue);
    free (ids);
    return started == 0;
}

/* ---------------------------------------------------------------- the disk */

#define BLOCK 512

static int
by_size (const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Small writes into room that is already there, each made durable, `gap_us` apart. */
int
bench_floor_sync (const char *dir, unsigned count, int64_t gap_us)
{
    SB_AUTOFREE char *path = sb_xprintf ("%s/floor.log", dir);
    static char block[BLOCK], room[BLOCK * 64];
    int fd = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int64_t *took = sb_xcalloc (count + 1, sizeof *took), cpu;
    bool fine = fd >= 0;
    unsigned k;

    for (k = 0; fine && k < count; k += 64)
        fine = write (fd, room, sizeof room) == (ssize_t) sizeof room;
    fine = fine && fsync (fd) == 0 && lseek (fd, 0, SEEK_SET) == 0;
    cpu = bench_cpu_ns ();
    for (k = 0; fine && k < count; k++) {
        int64_t start;
        if (gap_us > 0)
            bench_sleep_until (bench_wall_ns () + gap_us * 1000);
        start = bench_wall_ns ();
        fine = write (fd, block, sizeof block) == (ssize_t) sizeof block && fdatasync (fd) == 0;
        took[k] = bench_wall_ns () - start;
    }
    cpu = bench_cpu_ns () - cpu;
    qsort (took, count, sizeof *took, by_size);
    if (fine)
        printf ("syncs=%u gap_us=%lld p50_us=%.1f p99_us=%.1f cpu_us=%.1f\n", count, (long long) gap_us,
                (double) took[count / 2] / 1e3, (double) took[count - 1 - count / 100] / 1e3,
                (double) cpu / 1e3 / count);
    if (fd >= 0)
        close (fd);
    unlink (path);
    free (took);
    return !fine;
}
