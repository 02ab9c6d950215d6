/* Making a plan: lint, parameters, loops, order, gates, steps, digest.  A pure
 * function: the same topology, workflow, parameters and catalogue give the same
 * bytes, on every machine and on every day. */
#include "core/model/plan.h"

#include "core/base/text.h"
#include "core/model/plan_internal.h"
#include "core/model/topology_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parameters of the workflow ---- */

static void
take_params (struct sb_planner *pl)
{
    const char *words[256];
    size_t n = 0;

    for (size_t i = 0; i < pl->w->nparams; i++) {
        sb_map_set (&pl->params, pl->w->params[i].key, (void *) pl->w->params[i].value);
        if (n < 256)
            words[n++] = pl->w->params[i].key;
    }
    for (size_t i = 0; i < pl->args->nparams; i++) {
        const struct sb_pair *given = &pl->args->params[i];
        const char *near;

        if (sb_map_get (&pl->params, given->key) != NULL) {
            sb_map_set (&pl->params, given->key, (void *) given->value);
            continue;
        }
        sb_fault (pl->faults, NULL, 0, "workflow '%s' has no parameter '%s'", pl->w->name, given->key);
        near = sb_nearest (given->key, words, n);
        if (near != NULL)
            sb_fault_hint (pl->faults, "Did you mean '%s'?", near);
    }
}

/* ---- the plan as a whole ---- */

/* A workflow that leaves the site where this program runs would saw off its own branch. */
static void
check_leaves (struct sb_planner *pl)
{
    struct sb_place at = { .pl = pl, .key = "leaves", .line = pl->w->leaves_line };
    const char *site, *tool = sb_object_attr (pl->pool, "tool site");

    if (pl->w->leaves == NULL)
        return;
    site = sb_resolve_text (&at, pl->w->leaves).plain;
    pl->p->leaves = sb_arena_strdup (&pl->p->arena, site);
    if (sb_topology_find (pl->t, "site", site) == NULL)
        sb_place_fault (&at, "there is no site '%s'", site);
    else if (tool != NULL && strcmp (tool, site) == 0) {
        sb_fault (pl->faults, pl->t->file, sb_object_line (pl->pool, "tool site"),
                  "workflow '%s' leaves site '%s', but this program runs there (tool site = %s)", pl->w->name, site,
                  tool);
        sb_fault_hint (pl->faults, "Run it from another site, and say so with 'tool site ='.");
    }
}

static void
fill_head (struct sb_planner *pl)
{
    struct sb_place at = { .pl = pl, .key = "title" };
    struct sb_plan *p = pl->p;
    const struct sb_items *sites = sb_planner_items (pl, "site");

    p->workflow = sb_arena_strdup (&p->arena, pl->w->name);
    p->title = sb_arena_strdup (&p->arena, sb_resolve_text (&at, pl->w->title).plain);
    p->pool = sb_arena_strdup (&p->arena, pl->pool->name);
    p->needs_approval = pl->w->needs_approval;
    p->drill = pl->args->drill;
    sb_parse_duration (sb_object_attr (pl->policy, "dark after"), &p->dark_after_ms);
    p->sites = sb_arena_alloc (&p->arena, (sites->count + 1) * sizeof *p->sites);
    for (uint32_t i = 0; i < sites->count; i++)
        p->sites[i] = sb_arena_strdup (&p->arena, sites->list[i]->name);
    memcpy (p->topology_digest, pl->t->digest, sizeof p->topology_digest);
}

/* Two steps of one name would be one in the journal; only items of different kinds can bring that about. */
static void
check_unique_names (struct sb_planner *pl)
{
    struct sb_map seen = { 0 };

    for (uint32_t i = 0; i < pl->p->count; i++) {
        const char *name = pl->p->steps[i].name;

        if (sb_map_get (&seen, name) != NULL)
            sb_fault (pl->faults, pl->w->file, pl->p->steps[i].line, "two steps of the plan are called '%s'", name);
        sb_map_set (&seen, name, pl);
    }
    sb_map_free (&seen);
}

static void
make (struct sb_planner *pl)
{
    size_t before = pl->faults->count;

    pl->pool = sb_topology_pool (pl->t);
    pl->policy = sb_topology_find (pl->t, "policy", "");
    if (pl->w->name == NULL) {
        sb_fault (pl->faults, pl->w->file, 0, "there is no workflow in this file");
        return;
    }
    if (pl->pool == NULL || pl->policy == NULL) {
        sb_fault (pl->faults, pl->t->file, 0, "there is no pool in this file");
        return;
    }
    sb_wf_graph_make (&pl->graph, pl->w);
    take_params (pl);
    check_leaves (pl);
    fill_head (pl);
    if (pl->faults->count > before || !sb_planner_loops (pl))
        return;
    sb_planner_order (pl);
    sb_planner_gates (pl);
    for (uint32_t i = 0; i < pl->p->count; i++)
        sb_planner_step (pl, i);
    check_unique_names (pl);
}

static void
release_planner (struct sb_planner *pl)
{
    for (size_t i = 0; i < pl->kinds.count; i++)
        sb_map_free (&((struct sb_items *) pl->kinds.entries[i].value)->index);
    sb_map_free (&pl->kinds);
    sb_map_free (&pl->params);
    sb_map_free (&pl->gates);
    sb_map_free (&pl->wf_gates);
    sb_wf_graph_release (&pl->graph);
    sb_arena_release (&pl->scratch);
}

bool
sb_plan_make (struct sb_plan *p, const struct sb_plan_args *args, struct sb_faults *faults)
{
    struct sb_planner pl = {
        .p = p, .args = args, .t = args->topology, .w = args->workflow, .c = args->catalogue, .faults = faults
    };
    size_t before = faults->count;

    if (!sb_workflow_lint (args->workflow, args->catalogue, faults))
        return false;
    make (&pl);
    release_planner (&pl);
    if (faults->count > before)
        return false;
    sb_plan_seal (p);
    return true;
}

/* ---- sealing ---- */

static void
link_followers (struct sb_plan *p)
{
    uint32_t *lists;
    size_t edges = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        p->steps[i].nbefore = 0;
        edges += p->steps[i].nafter;
        for (size_t e = 0; e < p->steps[i].nafter; e++)
            p->steps[p->steps[i].after[e]].nbefore++;
    }
    lists = sb_arena_alloc (&p->arena, (edges + 1) * sizeof *lists);
    for (uint32_t i = 0; i < p->count; i++) {
        p->steps[i].before = lists;
        lists += p->steps[i].nbefore;
        p->steps[i].nbefore = 0;
        for (size_t e = 0; e < p->steps[i].nafter; e++) {
            struct sb_plan_step *from = &p->steps[p->steps[i].after[e]];

            from->before[from->nbefore++] = i;
        }
    }
}

/* As decimal text; by hand, because a plan has more numbers than printf() is fast for. */
static void
digest_number (struct sb_sha256 *h, int64_t n)
{
    char text[24], *at = text + sizeof text - 1;
    uint64_t left = n < 0 ? 0 - (uint64_t) n : (uint64_t) n;

    *at = 0;
    do
        *--at = (char) ('0' + left % 10);
    while ((left /= 10) > 0);
    if (n < 0)
        *--at = '-';
    sb_sha256_str (h, at);
}

static void digest_object (struct sb_sha256 *h, const struct sb_field *fields, const char *object);

static void
digest_field (struct sb_sha256 *h, const struct sb_field *f, const char *object)
{
    const void *at = object + f->offset;

    switch (f->type) {
    case SB_FIELD_TEXT:
        sb_sha256_str (h, *(const char *const *) at);
        break;
    case SB_FIELD_FLAG:
        sb_sha256_str (h, *(const bool *) at ? "yes" : "no");
        break;
    case SB_FIELD_WORD:
        sb_sha256_str (h, f->words[*(const unsigned *) at]);
        break;
    case SB_FIELD_INT:
        digest_number (h, *(const int *) at);
        break;
    case SB_FIELD_MS:
        digest_number (h, *(const int64_t *) at);
        break;
    case SB_FIELD_INDEX:
        digest_number (h, *(const uint32_t *) at);
        break;
    case SB_FIELD_TEXTS:
        for (const char *const *list = *(const char *const *const *) at; list != NULL && *list != NULL; list++)
            sb_sha256_str (h, *list);
        sb_sha256_str (h, *(const char *const *const *) at ? "end" : "none");
        sb_sha256_str (h, NULL);
        break;
    case SB_FIELD_INDEXES:
        digest_number (h, (int64_t) sb_field_count (f, object));
        for (size_t i = 0; i < sb_field_count (f, object); i++)
            digest_number (h, (*(const uint32_t *const *) at)[i]);
        break;
    case SB_FIELD_GROUP:
        digest_number (h, (int64_t) sb_field_count (f, object));
        for (size_t i = 0; i < sb_field_count (f, object); i++)
            digest_object (h, f->fields, *(const char *const *) at + i * f->size);
        break;
    }
}

static void
digest_object (struct sb_sha256 *h, const struct sb_field *fields, const char *object)
{
    for (; fields->name != NULL; fields++) {
        if (fields->loose || sb_field_absent (fields, object))
            continue;
        sb_sha256_str (h, fields->name);
        digest_field (h, fields, object);
    }
}

void
sb_plan_link (struct sb_plan *p)
{
    link_followers (p);
    sb_map_room (&p->index, p->count);
    for (uint32_t i = p->index.count == p->count ? p->count : 0; i < p->count; i++) /* a plan that was checked has it */
        sb_map_set (&p->index, p->steps[i].name, (void *) ((uintptr_t) i + 1));
}

void
sb_plan_seal (struct sb_plan *p)
{
    struct sb_sha256 h;

    sb_plan_link (p);
    sb_sha256_init (&h);
    sb_sha256_str (&h, "switchback plan 1");
    sb_sha256_str (&h, p->topology_digest);
    digest_object (&h, sb_plan_fields, (const char *) p);
    sb_sha256_hex (&h, p->digest);
}

uint32_t
sb_plan_find (const struct sb_plan *p, const char *name)
{
    return (uint32_t) ((uintptr_t) sb_map_get (&p->index, name) - 1);
}

void
sb_plan_release (struct sb_plan *p)
{
    sb_map_free (&p->index);
    sb_arena_release (&p->arena);
    *p = (struct sb_plan){ 0 };
}
