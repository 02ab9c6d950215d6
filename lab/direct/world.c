/* Worlds for exploration: built in memory, moved on by hand. */
#include "lab/direct/intern.h"

#include <stdlib.h>
#include <string.h>

#define SEED 1

static void
bind_files (const struct direct *d, struct d_place *p, struct w_files *files, struct d_bound *bound)
{
    d_files_bind (files, bound, d, p->world, p->files);
}

bool
direct_build (const struct direct *d, int64_t now_ms, struct world *ret_world, struct d_files *ret_files,
              struct sb_faults *faults)
{
    struct d_place p = { .world = ret_world, .files = ret_files };
    struct w_files files;
    struct d_bound bound;

    memset (ret_files, 0, sizeof *ret_files);
    w_init (ret_world, SEED, now_ms);
    bind_files (d, &p, &files, &bound);
    if (!lab_steady (&d->cfg, ret_world, &files, NULL, NULL, faults))
        return false;
    ret_world->rates.backup = ret_world->rates.copy = ret_world->rates.restore = ret_world->rates.alert = INT32_MAX;
    p.site = ret_world->tool_site;
    for (int i = 0; i < 3; i++) /* what the clock had begun ends */
        direct_tick (d, &p, ret_world->now_ms + 1000);
    direct_tidy (d, &p);
    return true;
}

void
direct_tick (const struct direct *d, struct d_place *p, int64_t now_ms)
{
    struct w_files files;
    struct d_bound bound;

    bind_files (d, p, &files, &bound);
    w_tick (p->world, &files, now_ms, NULL, NULL);
}

void
direct_do (const struct direct *d, struct d_place *p, const struct w_op *op, struct w_out *out)
{
    struct w_files files;
    struct d_bound bound;

    bind_files (d, p, &files, &bound);
    w_run (p->world, &files, op, out);
}
