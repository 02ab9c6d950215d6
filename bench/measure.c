/* One measurement a call; see bench.h.  Usage:
 *
 *   measure pure SHAPE COUNT [MS|mix]          the engine without a journal
 *   measure durable SHAPE COUNT DIR [MS|mix]   the loop with a journal in an empty folder
 *   measure resume SHAPE COUNT DIR             of a run with so many finished steps
 *   measure loop SHAPE COUNT [MS|mix]          floor: an event loop
 *   measure pool SHAPE COUNT THREADS           floor: threads
 *   measure sync DIR COUNT GAP_US              floor: small durable writes
 *   measure spawn TIMES COMMAND...             a program from start to end
 *   measure build                              how this program was built */
#include "config.h"

#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- clocks and counts */

static int64_t
clock_ns (clockid_t which)
{
    struct timespec t;

    clock_gettime (which, &t);
    return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
bench_wall_ns (void)
{
    return clock_ns (CLOCK_MONOTONIC);
}

int64_t
bench_cpu_ns (void)
{
    return clock_ns (CLOCK_PROCESS_CPUTIME_ID);
}

void
bench_sleep_until (int64_t ns)
{
    struct timespec t = { ns / 1000000000, ns % 1000000000 };

    while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        continue;
}

long
bench_rss_kib (void)
{
    FILE *f = fopen ("/proc/self/statm", "r");
    long size = 0, resident = 0;

    if (f && fscanf (f, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose (f);
    return resident * (sysconf (_SC_PAGESIZE) / 1024);
}

static uint64_t real_syncs, log_syncs;

static int
count_sync (long number, int fd)
{
    char link[64], path[512] = "";
    size_t n;

    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink (link, path, sizeof path - 1) < 0 ? 0 : strlen (path);
    log_syncs += n > 4 && (strcmp (path + n - 4, "-wal") == 0 || strcmp (path + n - 4, ".log") == 0);
    real_syncs++;
    return (int) syscall (number, fd);
}

/* These stand before the C library's, so that what SQLite asks of the disk is seen. */
__attribute__ ((visibility ("default"))) int
fsync (int fd)
{
    return count_sync (SYS_fsync, fd);
}

__attribute__ ((visibility ("default"))) int
fdatasync (int fd)
{
    return count_sync (SYS_fdatasync, fd);
}

uint64_t
bench_real_syncs (void)
{
    return real_syncs;
}

uint64_t
bench_data_syncs (void)
{
    return log_syncs;
}

/* ---------------------------------------------------------------- sleeping steps */

void
bench_heap_add (struct bench_heap *h, struct bench_sleeper s)
{
    size_t at = h->count++, up;

    for (; at > 0 && h->list[up = (at - 1) / 2].due_ns > s.due_ns; at = up)
        h->list[at] = h->list[up];
    h->list[at] = s;
}

struct bench_sleeper
bench_heap_take (struct bench_heap *h)
{
    struct bench_sleeper first = h->list[0], last = h->list[--h->count];
    size_t at = 0, down;

    while ((down = 2 * at + 1) < h->count) {
        if (down + 1 < h->count && h->list[down + 1].due_ns < h->list[down].due_ns)
            down++;
        if (h->list[down].due_ns >= last.due_ns)
            break;
        h->list[at] = h->list[down];
        at = down;
    }
    h->list[at] = last;
    return first;
}

/* ---------------------------------------------------------------- arguments */

static int
of_plan (const char *what, char **args, int n)
{
    struct bench_cfg cfg = { .shape = args[0], .count = (uint32_t) strtoul (args[1], NULL, 10) };
    bool files = strcmp (what, "durable") == 0 || strcmp (what, "resume") == 0;
    const char *third = n > 2 ? args[2] : NULL, *ms = files ? (n > 3 ? args[3] : NULL) : third;
    struct sb_plan p = { 0 };
    int rc = 2;

    cfg.sealed = files;
    cfg.gate = strcmp (what, "resume") == 0;
    if ((files && !third) || !bench_plan (&p, &cfg))
        return 2;
    if (ms && strcmp (what, "pool") != 0)
        bench_durations (&p, &cfg, strcmp (ms, "mix") == 0 ? -1 : atoi (ms));
    if (strcmp (what, "pure") == 0)
        rc = bench_pure (&p, &cfg);
    else if (strcmp (what, "durable") == 0)
        rc = bench_durable (&p, &cfg, third);
    else if (strcmp (what, "resume") == 0)
        rc = bench_resume (&p, &cfg, third);
    else if (strcmp (what, "loop") == 0)
        rc = bench_floor_loop (&p, &cfg);
    else if (strcmp (what, "pool") == 0 && third)
        rc = bench_floor_pool (&p, &cfg, (unsigned) atoi (third));
    sb_plan_release (&p);
    bench_free (&cfg);
    return rc;
}

static int
say_build (void)
{
#ifdef SB_SANITIZED
    int sanitized = 1;
#else
    int sanitized = 0;
#endif
#ifdef __OPTIMIZE__
    int optimized = 1;
#else
    int optimized = 0;
#endif
    printf ("sanitized=%d optimized=%d\n", sanitized, optimized);
    return 0;
}

int
main (int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp (what, "build") == 0)
        return say_build ();
    if (strcmp (what, "sync") == 0 && argc == 5)
        return bench_floor_sync (argv[2], (unsigned) atoi (argv[3]), atoll (argv[4]));
    if (strcmp (what, "spawn") == 0 && argc > 3)
        return bench_spawn ((unsigned) atoi (argv[2]), argv + 3);
    if (argc > 3)
        return of_plan (what, argv + 2, argc - 2);
    fprintf (stderr, "measure: see the head of bench/measure.c\n");
    return 2;
}
