/* Plans of any size, made without a workflow; their steps change something, so that
 * each is verified, run and verified again, as a real one is. */
#include "bench/bench.h"
#include "core/model/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#define LAYER  20
#define PER_DB 8     /* steps of a database in the pool's shape, in three parts between barriers */
#define WIDEST 12500 /* what the pool's shape of 100,000 steps joins */
#define SMALL  4     /* barriers of a plan too small for the widest */

typedef size_t (*edges_fn) (uint32_t i, uint32_t n, uint32_t *ret);

static size_t
chain (uint32_t i, uint32_t n, uint32_t *ret)
{
    (void) n;
    *ret = i - 1;
    return i > 0;
}

static size_t
wide (uint32_t i, uint32_t n, uint32_t *ret)
{
    (void) i;
    (void) n;
    (void) ret;
    return 0;
}

static size_t
range (uint32_t *ret, uint32_t from, uint32_t to)
{
    uint32_t k;

    for (k = from; k < to; k++)
        ret[k - from] = k;
    return to - from;
}

static size_t
layered (uint32_t i, uint32_t n, uint32_t *ret)
{
    uint32_t layer = i / LAYER * LAYER;

    (void) n;
    return layer ? range (ret, layer - LAYER, layer) : 0;
}

/* A barrier, then two steps a database, a barrier, three, a barrier, three. */
static size_t
pool (uint32_t i, uint32_t n, uint32_t *ret)
{
    static const uint32_t parts[] = { 2, 3, 3 };
    uint32_t dbs = (n - 3) / PER_DB, start = 0, part, end;

    for (part = 0;; part++, start = end) {
        end = start + 1 + parts[part] * dbs;
        if (i == start && part > 0)
            return range (ret, start - dbs, start);
        if (i == start)
            return 0;
        if (i < end)
            break;
    }
    *ret = i - start <= dbs ? start : i - dbs;
    return 1;
}

/* Every WIDESTth step joins all since the last such step; those wait for that one. */
static size_t
barrier (uint32_t i, uint32_t n, uint32_t *ret)
{
    uint32_t width = n < 2 * WIDEST ? n / SMALL : WIDEST, last = i / width * width;

    if (i == 0)
        return 0;
    if (i % width == 0)
        return range (ret, i - width, i);
    *ret = last;
    return 1;
}

static const struct {
    const char *name;
    edges_fn edges;
} shapes[] = { { "chain", chain }, { "wide", wide }, { "layered", layered }, { "pool", pool }, { "barrier", barrier } };

/* The gate's step comes last and waits for every step that nobody waits for. */
static size_t
last_step (const struct sb_plan *p, uint32_t *ret)
{
    uint32_t i;
    size_t n = 0;

    for (i = 0; i + 1 < p->count; i++)
        if (p->steps[i].nbefore == 0)
            ret[n++] = i;
    return n;
}

static void
make_step (struct sb_plan *p, uint32_t i, const uint32_t *after, size_t n)
{
    struct sb_plan_step *s = &p->steps[i];
    size_t k;

    s->name = sb_arena_printf (&p->arena, "step[%u]", i);
    s->base = s->title = "step";
    s->item = sb_arena_printf (&p->arena, "%u", i);
    s->role = "thing";
    s->verb = "do";
    s->kind = "thing";
    s->object = "one";
    s->plugin = "none";
    s->effect = SB_CHANGES;
    s->gate = SB_NO_GATE;
    s->undo = SB_UNDO_NOT_NEEDED;
    s->timeout_ms = 60000;
    s->settle_ms = 1000;
    s->nafter = n;
    s->after = sb_arena_alloc (&p->arena, n * sizeof *s->after + 1);
    memcpy (s->after, after, n * sizeof *after);
    for (k = 0; k < n; k++)
        p->steps[after[k]].nbefore++;
}

static void
link_back (struct sb_plan *p)
{
    uint32_t i;
    size_t k;

    for (i = 0; i < p->count; i++) {
        p->steps[i].before = sb_arena_alloc (&p->arena, p->steps[i].nbefore * sizeof *p->steps[i].before + 1);
        p->steps[i].nbefore = 0;
    }
    for (i = 0; i < p->count; i++)
        for (k = 0; k < p->steps[i].nafter; k++) {
            struct sb_plan_step *b = &p->steps[p->steps[i].after[k]];
            b->before[b->nbefore++] = i;
        }
}

static void
add_gate (struct sb_plan *p)
{
    p->gates = sb_arena_alloc (&p->arena, sizeof *p->gates);
    *p->gates = (struct sb_plan_gate){ .name = "go", .base = "go", .title = "go", .ask = "go on?" };
    p->ngates = 1;
    p->steps[p->count - 1].gate = 0;
}

static uint32_t
depth_of (const struct sb_plan *p)
{
    uint32_t *at = sb_xcalloc (p->count + 1, sizeof *at), most = 0, i;
    size_t k;

    for (i = 0; i < p->count; i++) {
        for (k = 0; k < p->steps[i].nafter; k++)
            if (at[p->steps[i].after[k]] > at[i])
                at[i] = at[p->steps[i].after[k]];
        if (++at[i] > most)
            most = at[i];
    }
    free (at);
    return most;
}

bool
bench_plan (struct sb_plan *p, struct bench_cfg *cfg)
{
    uint32_t n = cfg->count < 16 ? 16 : cfg->count, i, *after;
    size_t s = 0;

    while (s < sizeof shapes / sizeof shapes[0] && strcmp (shapes[s].name, cfg->shape) != 0)
        s++;
    if (s == sizeof shapes / sizeof shapes[0])
        return false;
    if (shapes[s].edges == pool)
        n = (n - 3 + PER_DB - 1) / PER_DB * PER_DB + 3;
    memset (p, 0, sizeof *p);
    p->workflow = p->title = p->pool = "bench";
    p->count = cfg->count = n + cfg->gate;
    p->sites = sb_arena_alloc (&p->arena, sizeof *p->sites);
    p->sites[0] = NULL;
    p->steps = sb_arena_alloc (&p->arena, p->count * sizeof *p->steps);
    memset (p->steps, 0, p->count * sizeof *p->steps);
    after = sb_xcalloc (p->count, sizeof *after);
    for (i = 0; i < n; i++)
        make_step (p, i, after, shapes[s].edges (i, n, after));
    if (cfg->gate)
        make_step (p, n, after, last_step (p, after));
    free (after);
    if (cfg->gate)
        add_gate (p);
    memset (p->topology_digest, '0', SB_SHA256_HEX - 1);
    if (cfg->sealed)
        sb_plan_seal (p);
    else
        link_back (p);
    cfg->depth = depth_of (p);
    return true;
}

void
bench_durations (const struct sb_plan *p, struct bench_cfg *cfg, int fixed)
{
    static const uint32_t mix[] = { 0, 1, 10, 100 };
    int64_t *ends = sb_xcalloc (p->count, sizeof *ends);
    uint32_t i;
    size_t k;

    cfg->ms = sb_xcalloc (p->count, sizeof *cfg->ms);
    for (i = 0; i < p->count; i++) {
        cfg->ms[i] = fixed >= 0 ? (uint32_t) fixed : mix[i * 2654435761u >> 30];
        for (k = 0; k < p->steps[i].nafter; k++)
            if (ends[p->steps[i].after[k]] > ends[i])
                ends[i] = ends[p->steps[i].after[k]];
        ends[i] += cfg->ms[i];
        if (ends[i] > cfg->critical)
            cfg->critical = ends[i];
    }
    free (ends);
}

void
bench_free (struct bench_cfg *cfg)
{
    free (cfg->ms);
}
