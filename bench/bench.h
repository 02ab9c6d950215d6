/* What the files of the benchmark share.
 *
 * `measure` is one program that measures one thing a call and prints words
 * KEY=VALUE on one line; report.py calls it for `make bench`, tests/bench/limits.py
 * for what must hold on any machine.  It drives the engine's own code and makes
 * no claim about plugins: its steps are answered in the same process.
 *
 *   shapes.c   plans of any size, and what their steps take
 *   pure.c     the engine without a journal
 *   durable.c  the whole loop with a journal, and a resume
 *   floors.c   the least that anybody would have to do
 *   spawn.c    programs started from a small process
 *   measure.c  arguments, clocks, the heap of sleeping steps */
#ifndef SB_BENCH_BENCH_H
#define SB_BENCH_BENCH_H

#include "core/model/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names of shapes: chain, wide, layered, pool, barrier. */
struct bench_cfg {
    const char *shape;
    uint32_t count;
    bool gate;        /* a last step waits for a person */
    bool sealed;      /* with digest and index, as a journal wants it */
    uint32_t *ms;     /* how long each step sleeps; NULL: no step does */
    int64_t critical; /* longest path of these, in ms */
    uint32_t depth;   /* most steps on a path */
};

/* False: no such shape.  The count may be rounded; release with sb_plan_release() and bench_free(). */
bool bench_plan (struct sb_plan *p, struct bench_cfg *cfg);
/* Gives steps 0, 1, 10 or 100 ms by their number (`fixed` < 0), or all the same. */
void bench_durations (const struct sb_plan *p, struct bench_cfg *cfg, int fixed);
void bench_free (struct bench_cfg *cfg);

/* Sleeping steps, soonest first. */
struct bench_sleeper {
    int64_t due_ns; /* CLOCK_MONOTONIC */
    uint32_t step;
};
struct bench_heap {
    struct bench_sleeper *list;
    size_t count;
};
void bench_heap_add (struct bench_heap *h, struct bench_sleeper s); /* the list is long enough */
struct bench_sleeper bench_heap_take (struct bench_heap *h);

int64_t bench_wall_ns (void);
int64_t bench_cpu_ns (void); /* of this process, all threads */
void bench_sleep_until (int64_t ns);
long bench_rss_kib (void);        /* now */
uint64_t bench_real_syncs (void); /* fsync and fdatasync, whoever called them */
uint64_t bench_data_syncs (void); /* those of a write-ahead log or of an own file, not of the database behind it */

/* Each prints its line and returns the program's exit code. */
int bench_pure (struct sb_plan *p, struct bench_cfg *cfg);
int bench_durable (struct sb_plan *p, struct bench_cfg *cfg, const char *dir);
int bench_resume (struct sb_plan *p, struct bench_cfg *cfg, const char *dir);
int bench_floor_loop (struct sb_plan *p, struct bench_cfg *cfg);
int bench_floor_pool (struct sb_plan *p, struct bench_cfg *cfg, unsigned threads);
int bench_floor_sync (const char *dir, unsigned count, int64_t gap_us);
int bench_spawn (unsigned times, char **argv);

#endif
