/* Are two plans the same work?  A mutation that changes only what the plan says
 * in two ways, a wait that another wait implies, has changed nothing. */
#include "prove/mutants.h"

#include "core/base/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Milestones apart: those only join who waits for many. */
static bool
is_real (const struct sb_plan_step *p)
{
    return p->role || p->gate != SB_NO_GATE;
}

/* by step: one bit for each real step that is always before it */
struct before {
    uint64_t *bits;
    size_t words;
    uint32_t *rank; /* among the real ones */
    uint32_t real;
};

static struct before
before_of (const struct sb_plan *p)
{
    struct before b = { .words = p->count / 64 + 1 };
    uint32_t i, k;
    size_t w;

    b.bits = sb_xcalloc ((size_t) p->count * b.words + 1, sizeof *b.bits);
    b.rank = sb_xcalloc (p->count + 1, sizeof *b.rank);
    for (i = 0; i < p->count; i++) /* in topological order */
        for (b.rank[i] = b.real, b.real += is_real (&p->steps[i]), k = 0; k < p->steps[i].nafter; k++) {
            uint32_t at = p->steps[i].after[k];

            for (w = 0; w < b.words; w++)
                b.bits[i * b.words + w] |= b.bits[at * b.words + w];
            if (is_real (&p->steps[at]))
                b.bits[i * b.words + b.rank[at] / 64] |= UINT64_C (1) << b.rank[at] % 64;
        }
    return b;
}

static bool
same_order (const struct sb_plan *a, const struct sb_plan *b)
{
    struct before x = before_of (a), y = before_of (b);
    size_t least = x.words < y.words ? x.words : y.words;
    bool same = x.real == y.real;
    uint32_t i, k;

    for (i = 0, k = 0; same && i < a->count; i++) {
        if (!is_real (&a->steps[i]))
            continue;
        while (!is_real (&b->steps[k]))
            k++;
        same = memcmp (&x.bits[i * x.words], &y.bits[k * y.words], least * sizeof *x.bits) == 0;
        k++;
    }
    free (x.bits);
    free (x.rank);
    free (y.bits);
    free (y.rank);
    return same;
}

/* The plan without orders, lines and milestones. */
static json_t *
bare (const struct sb_plan *p)
{
    SB_AUTOFREE char *text = sb_plan_to_json (p);
    json_t *all = json_loads (text, 0, NULL), *steps = json_object_get (all, "steps");
    uint32_t i;

    json_object_del (all, "digest");
    for (i = p->count; i-- > 0;) {
        json_t *step = json_array_get (steps, i);

        json_object_del (step, "after");
        json_object_del (step, "line");
        if (!is_real (&p->steps[i]))
            json_array_remove (steps, i);
    }
    return all;
}

bool
p_same_work (const struct sb_plan *a, const struct sb_plan *b)
{
    json_t *x, *y;
    bool same;

    if (strcmp (a->digest, b->digest) == 0)
        return true;
    x = bare (a);
    y = bare (b);
    same = x && y && json_equal (x, y) && same_order (a, b);
    json_decref (x);
    json_decref (y);
    return same;
}
