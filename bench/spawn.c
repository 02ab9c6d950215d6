/* Programs started again and again from this small process, so that what they take is
 * theirs: a child's largest size counts what it was before exec, too. */
#include "bench/bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static int
by_size (const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double
cpu_of (const struct rusage *u)
{
    return (double) (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3
           + (double) (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

int
bench_spawn (unsigned times, char **argv)
{
    double *wall = sb_xcalloc (times + 1, sizeof *wall), *cpu = sb_xcalloc (times + 1, sizeof *cpu);
    posix_spawn_file_actions_t quiet;
    long rss = 0;
    int code = 0;
    unsigned k;

    posix_spawn_file_actions_init (&quiet);
    posix_spawn_file_actions_addopen (&quiet, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen (&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen (&quiet, 2, "/dev/null", O_WRONLY, 0);
    for (k = 0; k < times; k++) {
        int64_t start = bench_wall_ns ();
        struct rusage use;
        int status = 0;
        pid_t pid;
        if (posix_spawnp (&pid, argv[0], &quiet, NULL, argv, environ) != 0 || wait4 (pid, &status, 0, &use) != pid)
            break;
        wall[k] = (double) (bench_wall_ns () - start) / 1e6;
        cpu[k] = cpu_of (&use);
        rss = use.ru_maxrss > rss ? use.ru_maxrss : rss;
        code = WIFEXITED (status) ? WEXITSTATUS (status) : 255;
    }
    qsort (wall, k, sizeof *wall, by_size);
    qsort (cpu, k, sizeof *cpu, by_size);
    if (k > 0)
        printf ("times=%u wall_ms=%.3f wall_best_ms=%.3f cpu_ms=%.3f rss_kib=%ld code=%d\n", k, wall[k / 2], wall[0],
                cpu[k / 2], rss, code);
    posix_spawn_file_actions_destroy (&quiet);
    free (wall);
    free (cpu);
    return k < times;
}
