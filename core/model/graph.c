/* The steps of a workflow as a graph: who follows whom, an order in which
 * everybody comes behind what it waits for, and how deep each stands.  Edges
 * lie in one array; nothing recurses, so a workflow may have 100,000 steps. */
#include "core/model/workflow_internal.h"

#include <stdlib.h>
#include <string.h>

size_t
sb_wf_graph_find (const struct sb_wf_graph *g, const char *name)
{
    return (size_t) (uintptr_t) sb_map_get (&g->index, name) - 1;
}

/* Calls count (or place) for each edge from a predecessor to `i`. */
static void
add_edges (struct sb_wf_graph *g, const struct sb_workflow *w, uint32_t *fill)
{
    for (size_t i = 0; i < w->count; i++)
        for (const char **name = w->steps[i].after; *name != NULL; name++) {
            size_t from = sb_wf_graph_find (g, *name);

            if (from == SIZE_MAX)
                continue;
            if (fill == NULL)
                g->first[from + 1]++;
            else
                g->edges[fill[from]++] = (uint32_t) i;
        }
}

static void
sort_topologically (struct sb_wf_graph *g)
{
    uint32_t *waiting = sb_xcalloc (g->count + 1, sizeof *waiting);
    size_t head = 0;

    for (size_t i = 0; i < g->first[g->count]; i++)
        waiting[g->edges[i]]++;
    for (size_t i = 0; i < g->count; i++)
        if (waiting[i] == 0)
            g->order[g->ordered++] = (uint32_t) i;
    for (; head < g->ordered; head++) {
        uint32_t i = g->order[head];

        for (uint32_t e = g->first[i]; e < g->first[i + 1]; e++) {
            uint32_t to = g->edges[e];

            if (g->level[to] < g->level[i] + 1)
                g->level[to] = g->level[i] + 1;
            if (--waiting[to] == 0)
                g->order[g->ordered++] = to;
        }
    }
    free (waiting);
}

void
sb_wf_graph_make (struct sb_wf_graph *g, const struct sb_workflow *w)
{
    uint32_t *fill;

    *g = (struct sb_wf_graph){ .count = w->count };
    for (size_t i = 0; i < w->count; i++)
        sb_map_set (&g->index, w->steps[i].name, (void *) (uintptr_t) (i + 1));
    g->first = sb_xcalloc (w->count + 2, sizeof *g->first);
    g->order = sb_xcalloc (w->count + 1, sizeof *g->order);
    g->level = sb_xcalloc (w->count + 1, sizeof *g->level);
    add_edges (g, w, NULL);
    for (size_t i = 0; i < w->count; i++)
        g->first[i + 1] += g->first[i];
    g->edges = sb_xcalloc ((size_t) g->first[w->count] + 1, sizeof *g->edges);
    fill = sb_xcalloc (w->count + 1, sizeof *fill);
    memcpy (fill, g->first, w->count * sizeof *fill);
    add_edges (g, w, fill);
    free (fill);
    sort_topologically (g);
}

void
sb_wf_graph_release (struct sb_wf_graph *g)
{
    free (g->first);
    free (g->edges);
    free (g->order);
    free (g->level);
    sb_map_free (&g->index);
    *g = (struct sb_wf_graph){ 0 };
}
