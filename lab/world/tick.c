/* The clock: what is due is done, in one fixed order: long statements, Agent
 * jobs, mirroring, replication. */
#include "lab/world/intern.h"

#include <string.h>

/* The statement is done now, with what the world has become meanwhile. */
static void
finish_work (struct world *w, const struct w_files *files, w_id slot, w_finished_fn finished, void *ctx)
{
    struct w_op op = w->works[slot - 1].op;
    uint16_t work = w->works[slot - 1].id;
    struct w_out out;

    w_slot_drop (w, W_T_WORKS, slot);
    op.delay_ms = 0;
    w_run (w, files, &op, &out);
    if (finished != NULL)
        finished (ctx, &op, work, &out);
}

_Static_assert(sizeof (struct w_copy) % sizeof (uint64_t) == 0, "copies are read as words");

/* Tells whether the copies have changed; a word at a time, for it is asked at every turn. */
static uint64_t
copies_sum (const struct world *w)
{
    const char *p = (const char *) w->copies;
    uint64_t h = UINT64_C (14695981039346656037), word;

    for (size_t n = w->ncopies * sizeof *w->copies; n > 0; n -= sizeof word, p += sizeof word) {
        memcpy (&word, p, sizeof word);
        h = (h ^ word) * UINT64_C (0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

void
w_tick (struct world *w, const struct w_files *files, int64_t now_ms, w_finished_fn finished, void *ctx)
{
    uint64_t before;

    if (now_ms > w->now_ms)
        w->now_ms = now_ms;
    for (w_id i = 1; i <= w->nworks; i++)
        if (w->works[i - 1].id != 0 && w->works[i - 1].done_ms <= w->now_ms)
            finish_work (w, files, i, finished, ctx);
    w_jobs_tick (w, files);
    before = copies_sum (w);
    w_mirror_step (w);
    if (copies_sum (w) != before)
        w->version++;
    w_replicate (w);
}

int64_t
w_next_due (const struct world *w)
{
    int64_t due = w_jobs_due (w), other;

    for (unsigned i = 0; i < w->nworks; i++)
        if (w->works[i].id != 0 && w->works[i].done_ms < due)
            due = w->works[i].done_ms;
    other = w_mirror_due (w);
    due = other < due ? other : due;
    other = w_replicate_due (w);
    return other < due ? other : due;
}
