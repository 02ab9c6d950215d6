/* What exploring costs in the lab's world: nanoseconds of processor time to copy, to pack and to tidy the steady state of
 * the example pool with its files, and for one step of a verb's model; beside them a memcpy of as many bytes.
 *
 *     worlds TOPOLOGY */
#include "config.h"

#include "lab/direct/direct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMES 20000

struct scene {
    struct direct *d;
    struct world *w, *copy;
    struct d_files *f, *copy_files;
    struct d_place p;
    struct sb_buf packed;
    char *bytes;
    unsigned steps;
};

static void
take_copy (struct scene *s)
{
    w_assign (s->copy, s->w);
    direct_files_assign (s->copy_files, s->f);
}

static void
pack (struct scene *s)
{
    sb_buf_clear (&s->packed);
    w_pack (s->w, &s->packed);
    sb_buf_add (&s->packed, s->f, direct_files_size (s->f));
}

static void
copy_bytes (struct scene *s)
{
    memcpy (s->bytes, s->packed.s, s->packed.len);
    __asm__ volatile("" : : "r"(s->bytes) : "memory");
}

static void
tidy (struct scene *s)
{
    direct_tidy (s->d, &s->p);
}

/* The jobs of log shipping are stopped and started again. */
static void
step_model (struct scene *s)
{
    static const char *const verbs[] = { "stop-shipping", "start-shipping" };
    static struct d_call c;
    struct d_answer a;

    for (unsigned i = 0; i < 2; i++) {
        direct_begin (s->d, s->w, &c, "database", verbs[i], false, "mgc", "south-sql1");
        do
            s->steps++;
        while (direct_step (s->d, &c, &s->p, &a) == D_MORE);
    }
}

static double
cpu_ns (void)
{
    struct timespec t;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* The best of a few runs, in nanoseconds each. */
static double
best (struct scene *s, void (*what) (struct scene *s))
{
    double least = 0;

    for (unsigned run = 0; run < 5; run++) {
        double begin = cpu_ns (), took;

        for (unsigned i = 0; i < TIMES / 5; i++)
            what (s);
        took = (cpu_ns () - begin) / (TIMES / 5);
        least = run == 0 || took < least ? took : least;
    }
    return least;
}

int
main (int argc, char **argv)
{
    struct sb_faults faults = { 0 };
    struct scene s = { .d = argc == 2 ? direct_new (argv[1], &faults) : NULL };
    double steps;

    s.w = calloc (2, sizeof *s.w);
    s.f = calloc (2, sizeof *s.f);
    if (s.d == NULL || s.w == NULL || s.f == NULL || !direct_build (s.d, INT64_C (1800000000000), s.w, s.f, &faults))
        return 1;
    s.copy = s.w + 1;
    s.copy_files = s.f + 1;
    s.p = (struct d_place){ .world = s.w, .files = s.f, .site = s.w->tool_site };
    pack (&s);
    s.bytes = malloc (s.packed.len);
    printf ("bytes=%zu", s.packed.len);
    printf (" memcpy_ns=%.0f copy_ns=%.0f pack_ns=%.0f tidy_ns=%.0f", best (&s, copy_bytes), best (&s, take_copy),
            best (&s, pack), best (&s, tidy));
    s.steps = 0;
    steps = best (&s, step_model) * TIMES / s.steps;
    printf (" step_ns=%.0f\n", steps);
    sb_buf_free (&s.packed);
    free (s.bytes);
    free (s.w);
    free (s.f);
    direct_free (s.d);
    return 0;
}
