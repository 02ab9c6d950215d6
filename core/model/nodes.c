/* From steps of the workflow to steps of the plan: who runs for which item, and
 * in which order.
 *
 * Every step has one node, or, in a loop, one for each object of the kind and a
 * barrier behind them.  Inside one kind, item waits for item; everybody else
 * waits for the barrier.  A node whose item the step leaves out is transparent:
 * whoever waits for it waits for what it would have waited for.  So is a
 * barrier, unless many wait for many; then it stays as a milestone, and a plan
 * of n steps keeps a number of edges near n.  Nodes are visited in the order of
 * the workflow's graph, so nothing recurses. */
#include "core/model/plan_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 64 }; /* edges that a transparent node may turn into */

const struct sb_items *
sb_planner_items (struct sb_planner *pl, const char *kind)
{
    struct sb_items *items = sb_map_get (&pl->kinds, kind);

    if (items != NULL)
        return items;
    items = sb_arena_alloc (&pl->scratch, sizeof *items);
    items->kind = sb_arena_strdup (&pl->scratch, kind);
    items->list = sb_arena_alloc (&pl->scratch, (pl->t->count + 1) * sizeof *items->list);
    for (size_t i = 0; i < pl->t->count; i++)
        if (strcmp (pl->t->objects[i].kind, kind) == 0) {
            items->list[items->count++] = &pl->t->objects[i];
            sb_map_set (&items->index, pl->t->objects[i].name, (void *) (uintptr_t) items->count);
        }
    sb_map_set (&pl->kinds, kind, items);
    return items;
}

static bool
make_loop (struct sb_planner *pl, const struct sb_wf_step *s, struct sb_loop *loop)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };
    struct sb_place at = { pl, s, NULL, "for each", s->line };
    struct sb_selection sel;
    const char **values;

    at.line = sb_written_line (s->written, s->nwritten, "for each", s->line);
    if (!sb_selection_parse (&pl->scratch, s->each, &sel, &why)) {
        sb_place_fault (&at, "%s", sb_buf_cstr (&why));
        return false;
    }
    loop->items = sb_planner_items (pl, sel.kind);
    loop->taken = sb_arena_alloc (&pl->scratch, loop->items->count + 1);
    values = sb_resolve_conditions (&at, &sel);
    for (uint32_t i = 0; i < loop->items->count; i++) {
        loop->taken[i] = sb_item_meets (&at, &sel, values, loop->items->list[i]);
        loop->ntaken += loop->taken[i];
    }
    return true;
}

bool
sb_planner_loops (struct sb_planner *pl)
{
    uint64_t nodes = 0;

    pl->loops = sb_arena_alloc (&pl->scratch, (pl->w->count + 1) * sizeof *pl->loops);
    for (size_t i = 0; i < pl->w->count; i++) {
        struct sb_loop *loop = &pl->loops[i];

        if (pl->w->steps[i].each != NULL && !make_loop (pl, &pl->w->steps[i], loop))
            return false;
        loop->base = (uint32_t) nodes;
        loop->count = loop->items ? loop->items->count : 1;
        nodes += (uint64_t) loop->count + (loop->items != NULL);
        if (nodes > SB_MAX_STEPS) {
            sb_fault (pl->faults, pl->w->file, pl->w->steps[i].line, "the plan would have more than %d steps",
                      SB_MAX_STEPS);
            return false;
        }
    }
    pl->nnodes = (uint32_t) nodes;
    return true;
}

const struct sb_object *
sb_node_item (const struct sb_planner *pl, uint32_t node)
{
    const struct sb_loop *loop = &pl->loops[pl->step_of[node]];

    return loop->items != NULL && node < loop->base + loop->count ? loop->items->list[node - loop->base] : NULL;
}

bool
sb_node_is_real (const struct sb_planner *pl, uint32_t node)
{
    const struct sb_loop *loop = &pl->loops[pl->step_of[node]];

    return loop->items == NULL || (node < loop->base + loop->count && loop->taken[node - loop->base]);
}

/* ---- edges ---- */

struct weave {
    struct sb_planner *pl;
    uint32_t *followers; /* for each node: how many wait for it, before anything is inherited */
    uint32_t *stamp;     /* for each node: who took it into its list last, to leave doubles out */
    uint32_t *from, *n;  /* for each node: its list in `kept` */
    bool *is_kept;       /* for each node: it becomes a step of the plan */
    struct {             /* lists of kept nodes, one behind the other: what a node waits for */
        uint32_t *nodes;
        size_t count, cap;
    } kept;
};

/* The node of step `p` that a node of step `s` with the item `i` (UINT32_MAX: the barrier) waits for. */
static uint32_t
node_before (const struct sb_planner *pl, size_t p, size_t s, uint32_t i)
{
    const struct sb_loop *before = &pl->loops[p], *mine = &pl->loops[s];

    if (before->items == NULL)
        return before->base;
    if (i != UINT32_MAX && mine->items == before->items)
        return before->base + i;
    return before->base + before->count;
}

typedef void (*edge_fn) (struct weave *v, uint32_t node, uint32_t before);

static void
each_before (struct weave *v, size_t s, uint32_t node, uint32_t item, edge_fn fn)
{
    for (const char **name = v->pl->w->steps[s].after; *name != NULL; name++)
        fn (v, node, node_before (v->pl, sb_wf_graph_find (&v->pl->graph, *name), s, item));
}

static void
count_follower (struct weave *v, uint32_t node, uint32_t before)
{
    (void) node;
    v->followers[before]++;
}

static void
keep_once (struct weave *v, uint32_t node, uint32_t before)
{
    if (v->stamp[before] == node + 1)
        return;
    v->stamp[before] = node + 1;
    SB_PUSH (v->kept.nodes, v->kept.count, v->kept.cap) = before;
}

/* Adds what `before` stands for to the list that is being written for `node`. */
static void
inherit (struct weave *v, uint32_t node, uint32_t before)
{
    if (v->is_kept[before]) {
        keep_once (v, node, before);
        return;
    }
    for (uint32_t i = 0; i < v->n[before]; i++)
        keep_once (v, node, v->kept.nodes[v->from[before] + i]);
}

/* The list of `node` is complete: shall the node stay? */
static void
decide (struct weave *v, uint32_t node)
{
    const struct sb_loop *loop = &v->pl->loops[v->pl->step_of[node]];
    uint64_t n = v->kept.count - v->from[node];
    bool barrier = loop->items != NULL && node == loop->base + loop->count;

    v->n[node] = (uint32_t) n;
    if (sb_node_is_real (v->pl, node))
        v->is_kept[node] = true;
    else if (n > 1 && v->followers[node] > 0)
        v->is_kept[node] = barrier ? v->followers[node] > 1 && n * v->followers[node] > MANY : n > MANY;
}

static void
weave_step (struct weave *v, size_t s)
{
    const struct sb_loop *loop = &v->pl->loops[s];
    uint32_t barrier = loop->base + loop->count;

    for (uint32_t i = 0; i < loop->count; i++) {
        v->from[loop->base + i] = (uint32_t) v->kept.count;
        each_before (v, s, loop->base + i, i, inherit);
        decide (v, loop->base + i);
    }
    if (loop->items == NULL)
        return;
    v->from[barrier] = (uint32_t) v->kept.count;
    for (uint32_t i = 0; i < loop->count && v->followers[barrier] > 0; i++)
        inherit (v, barrier, loop->base + i);
    if (loop->count == 0)
        each_before (v, s, barrier, UINT32_MAX, inherit);
    decide (v, barrier);
}

/* ---- order ---- */

/* A heap of nodes, the smallest on top: ties are broken by the order of the workflow. */
struct heap {
    uint32_t *list;
    size_t count;
};

static void
heap_push (struct heap *h, uint32_t node)
{
    size_t i = h->count++;

    for (; i > 0 && h->list[(i - 1) / 2] > node; i = (i - 1) / 2)
        h->list[i] = h->list[(i - 1) / 2];
    h->list[i] = node;
}

static uint32_t
heap_pop (struct heap *h)
{
    uint32_t top = h->list[0], last = h->list[--h->count];
    size_t i = 0, child;

    for (; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->list[child + 1] < h->list[child])
            child++;
        if (h->list[child] >= last)
            break;
        h->list[i] = h->list[child];
    }
    h->list[i] = last;
    return top;
}

/* Followers of each kept node, from the lists of predecessors. */
static void
turn_around (struct weave *v, uint32_t *first, uint32_t *next)
{
    uint32_t n = v->pl->nnodes;
    uint32_t *fill;

    if (v->kept.nodes == NULL)
        return; /* nobody waits for anybody */
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t e = 0; v->is_kept[i] && e < v->n[i]; e++)
            first[v->kept.nodes[v->from[i] + e] + 1]++;
    for (uint32_t i = 0; i < n; i++)
        first[i + 1] += first[i];
    fill = sb_xcalloc ((size_t) n + 1, sizeof *fill);
    memcpy (fill, first, n * sizeof *fill);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t e = 0; v->is_kept[i] && e < v->n[i]; e++)
            next[fill[v->kept.nodes[v->from[i] + e]]++] = i;
    free (fill);
}

static void
sort_nodes (struct weave *v)
{
    struct sb_planner *pl = v->pl;
    uint32_t n = pl->nnodes;
    uint32_t *first = sb_xcalloc ((size_t) n + 2, sizeof *first);
    uint32_t *next = sb_xcalloc (v->kept.count + 1, sizeof *next);
    uint32_t *open = sb_xcalloc ((size_t) n + 1, sizeof *open);
    struct heap ready = { sb_xcalloc ((size_t) n + 1, sizeof (uint32_t)), 0 };

    turn_around (v, first, next);
    for (uint32_t i = 0; i < n; i++) {
        open[i] = v->n[i];
        if (v->is_kept[i] && open[i] == 0)
            heap_push (&ready, i);
    }
    while (ready.count > 0) {
        uint32_t node = heap_pop (&ready);

        pl->plan_of[node] = pl->p->count;
        pl->node_of[pl->p->count++] = node;
        for (uint32_t e = first[node]; e < first[node + 1]; e++)
            if (--open[next[e]] == 0)
                heap_push (&ready, next[e]);
    }
    free (first);
    free (next);
    free (open);
    free (ready.list);
}

static int
compare_indices (const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void
write_after (struct weave *v)
{
    struct sb_planner *pl = v->pl;
    struct sb_plan *p = pl->p;

    p->steps = sb_arena_alloc (&p->arena, ((size_t) p->count + 1) * sizeof *p->steps);
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t node = pl->node_of[i];
        struct sb_plan_step *s = &p->steps[i];

        s->nafter = v->n[node];
        s->after = sb_arena_alloc (&p->arena, (s->nafter + 1) * sizeof *s->after);
        for (size_t e = 0; e < s->nafter; e++)
            s->after[e] = pl->plan_of[v->kept.nodes[v->from[node] + e]];
        if (s->nafter > 1)
            qsort (s->after, s->nafter, sizeof *s->after, compare_indices);
    }
}

void
sb_planner_order (struct sb_planner *pl)
{
    size_t n = (size_t) pl->nnodes + 1;
    struct weave v = { .pl = pl };

    pl->step_of = sb_arena_alloc (&pl->scratch, n * sizeof *pl->step_of);
    pl->plan_of = sb_arena_alloc (&pl->scratch, n * sizeof *pl->plan_of);
    pl->node_of = sb_arena_alloc (&pl->scratch, n * sizeof *pl->node_of);
    memset (pl->plan_of, 0xff, n * sizeof *pl->plan_of);
    for (size_t s = 0; s < pl->w->count; s++)
        for (uint32_t i = 0; i < pl->loops[s].count + (pl->loops[s].items != NULL); i++)
            pl->step_of[pl->loops[s].base + i] = (uint32_t) s;
    v.followers = sb_arena_alloc (&pl->scratch, n * sizeof *v.followers);
    v.stamp = sb_arena_alloc (&pl->scratch, n * sizeof *v.stamp);
    v.from = sb_arena_alloc (&pl->scratch, n * sizeof *v.from);
    v.n = sb_arena_alloc (&pl->scratch, n * sizeof *v.n);
    v.is_kept = sb_arena_alloc (&pl->scratch, n * sizeof *v.is_kept);
    for (size_t s = 0; s < pl->w->count; s++)
        for (uint32_t i = 0; i < pl->loops[s].count || i == 0; i++)
            each_before (&v, s, pl->loops[s].base + i, pl->loops[s].count ? i : UINT32_MAX, count_follower);
    for (size_t i = 0; i < pl->graph.ordered; i++)
        weave_step (&v, pl->graph.order[i]);
    sort_nodes (&v);
    write_after (&v);
    free (v.kept.nodes);
}
