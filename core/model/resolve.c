/* What texts of a workflow come to in a topology.  A text is resolved as far as
 * the planner can see; results of steps, answers of gates and the run itself
 * stay as references, rewritten so that they name one step or gate of the plan,
 * for sb_expand() to resolve when the intention is written.  The lint has
 * already refused what cannot be known. */
#include "core/model/plan_internal.h"

#include "core/base/text.h"
#include "core/model/keys.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
sb_place_fault (const struct sb_place *at, const char *fmt, ...)
{
    SB_AUTOFREE char *text = NULL;
    va_list args;

    va_start (args, fmt);
    text = sb_xvprintf (fmt, args);
    va_end (args);
    if (at->step == NULL)
        sb_fault (at->pl->faults, at->pl->w->file, at->line, "%s: %s", at->key, text);
    else if (at->item == NULL)
        sb_fault (at->pl->faults, at->pl->w->file, at->line, "step '%s': %s: %s", at->step->name, at->key, text);
    else
        sb_fault (at->pl->faults, at->pl->w->file, at->line, "step '%s' for %s '%s': %s: %s", at->step->name,
                  at->item->kind, at->item->name, at->key, text);
}

/* What a reference came to: a value (NULL: nothing), or a reference for later. */
struct found {
    const char *value, *later;
};

/* ---- attributes ---- */

/* The attribute of an object, or the fallback of its plugin's setting. */
static const char *
attribute (const struct sb_place *at, const struct sb_object *o, const char *key)
{
    const char *value = sb_object_attr (o, key);
    const struct sb_catalogue_plugin *p;
    const struct sb_option *s;

    if (value != NULL)
        return value;
    if (strcmp (key, "name") == 0)
        return o->name;
    p = sb_catalogue_find (at->pl->c, o->plugin);
    s = p ? sb_option_find (p->settings, key) : NULL;
    return s ? s->fallback : NULL;
}

/* parts[0..n): keys, beginning at an object; NULL: some reference on the way is not set, or the last key. */
static const char *
follow (const struct sb_place *at, const struct sb_object *o, char **parts, size_t n)
{
    if (n == 0)
        return o->name;
    for (size_t i = 0; i + 1 < n && o != NULL; i++)
        o = sb_object_ref (at->pl->t, o, parts[i]);
    return o ? attribute (at, o, parts[n - 1]) : NULL;
}

/* ---- steps and gates of the plan ---- */

/* The item of the loop over `items` that a reference from here means: the item of the same kind, or the only one
 * taken.  False: there is none.  With several, a fault is added. */
static bool
pick_item (const struct sb_place *at, const struct sb_loop *loop, const char *what, const char *name, uint32_t *ret)
{
    uint32_t i;

    if (at->item != NULL && strcmp (at->item->kind, loop->items->kind) == 0) {
        i = (uint32_t) (uintptr_t) sb_map_get (&loop->items->index, at->item->name) - 1;
        *ret = i;
        return i < loop->items->count && loop->taken[i];
    }
    if (loop->ntaken > 1) {
        sb_place_fault (at, "%s '%s' is there %u times, once for each %s, so it is not clear which one is meant", what,
                        name, loop->ntaken, loop->items->kind);
        sb_fault_hint (at->pl->faults, "Use it in a step with 'for each = %s'.", loop->items->kind);
        return false;
    }
    for (i = 0; i < loop->items->count; i++)
        if (loop->taken[i]) {
            *ret = i;
            return true;
        }
    return false;
}

static struct found
find_step (const struct sb_place *at, char **parts)
{
    struct sb_planner *pl = at->pl;
    const struct sb_loop *loop = &pl->loops[sb_wf_graph_find (&pl->graph, parts[1])];
    uint32_t i;

    if (loop->items == NULL)
        return (struct found){ .later = sb_arena_printf (&pl->scratch, "steps.%s.%s", parts[1], parts[2]) };
    if (!pick_item (at, loop, "step", parts[1], &i))
        return (struct found){ 0 };
    return (struct found){ .later = sb_arena_printf (&pl->scratch, "steps.%s[%s].%s", parts[1],
                                                     loop->items->list[i]->name, parts[2]) };
}

/* A gate of the plan: of this item, or for all, or the only one. */
static struct found
find_gate (const struct sb_place *at, char **parts)
{
    struct sb_planner *pl = at->pl;
    const char *name = parts[1];
    const struct sb_plan_gate *only = NULL;

    if (at->item != NULL)
        name = sb_arena_printf (&pl->scratch, "%s[%s]", parts[1], at->item->name);
    if (sb_map_get (&pl->gates, name) == NULL)
        name = parts[1];
    if (sb_map_get (&pl->gates, name) != NULL)
        return (struct found){ .later = sb_arena_printf (&pl->scratch, "gates.%s.%s", name, parts[2]) };
    for (uint32_t i = 0; i < pl->p->ngates; i++) {
        if (strcmp (pl->p->gates[i].base, parts[1]) != 0)
            continue;
        if (only != NULL) {
            sb_place_fault (at, "gate '%s' is asked several times, so it is not clear which answer is meant", parts[1]);
            return (struct found){ 0 };
        }
        only = &pl->p->gates[i];
    }
    if (only == NULL)
        return (struct found){ 0 };
    return (struct found){ .later = sb_arena_printf (&pl->scratch, "gates.%s.%s", only->name, parts[2]) };
}

static struct found
find_reference (const struct sb_place *at, const char *text)
{
    struct sb_planner *pl = at->pl;
    size_t n;
    char **parts = sb_split_chain (&pl->scratch, text, &n);
    const struct sb_object *o = NULL;

    if (strcmp (parts[0], "steps") == 0)
        return find_step (at, parts);
    if (strcmp (parts[0], "gates") == 0)
        return find_gate (at, parts);
    if (strcmp (parts[0], "run") == 0)
        return (struct found){ .later = sb_arena_printf (&pl->scratch, "run.%s", parts[1]) };
    if (strcmp (parts[0], "params") == 0)
        return (struct found){ .value = sb_map_get (&pl->params, parts[1]) };
    if (at->item != NULL && strcmp (parts[0], at->item->kind) == 0)
        o = at->item;
    else if (strcmp (parts[0], "pool") == 0)
        o = pl->pool;
    else if (strcmp (parts[0], "policy") == 0)
        o = pl->policy;
    return (struct found){ .value = o ? follow (at, o, parts + 1, n - 1) : NULL };
}

/* ---- texts ---- */

/* The text under way: what is final so far, and the same for sb_expand(). */
struct writer {
    struct sb_buf plain, refer, run; /* run: final text that was not yet written to refer */
    bool refers;
};

static void
write_plain (struct writer *w, const char *text, size_t n)
{
    sb_buf_add (&w->plain, text, n);
    sb_buf_add (&w->run, text, n);
}

/* Writes the final text so far; its last '$' must not meet the "{" of a reference behind it. */
static void
flush_run (struct writer *w, bool reference_follows)
{
    bool dollar = reference_follows && w->run.len > 0 && w->run.s[w->run.len - 1] == '$';

    if (dollar)
        w->run.s[--w->run.len] = '\0';
    sb_escape_text (&w->refer, sb_buf_cstr (&w->run));
    if (dollar)
        sb_buf_str (&w->refer, "${\"$\"}");
    sb_buf_clear (&w->run);
}

static void
write_expression (const struct sb_place *at, struct writer *w, const char *p, const char *end)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf later = { 0 };
    struct sb_term term;

    while (sb_next_term (&at->pl->scratch, &p, end, &term)) {
        struct found f = { .value = term.text };

        if (!term.literal)
            f = find_reference (at, term.text);
        if (f.later != NULL)
            sb_buf_printf (&later, "%s%s", later.len ? " | " : "", f.later);
        if (f.later != NULL || f.value == NULL || *f.value == '\0')
            continue;
        if (later.len == 0) {
            write_plain (w, f.value, strlen (f.value));
            return;
        }
        sb_buf_str (&later, " | ");
        sb_quote_literal (&later, f.value);
        break;
    }
    if (later.len == 0)
        return;
    w->refers = true;
    flush_run (w, true);
    sb_buf_printf (&w->refer, "${%s}", sb_buf_cstr (&later));
}

struct sb_text
sb_resolve_text (const struct sb_place *at, const char *text)
{
    struct writer w = { 0 };
    struct sb_piece piece;
    enum sb_piece_type type;
    struct sb_text ret;

    while ((type = sb_next_piece (&text, &piece)) != SB_PIECE_END)
        if (type == SB_PIECE_EXPR)
            write_expression (at, &w, piece.s, piece.s + piece.n);
        else
            write_plain (&w, piece.s, piece.n);
    flush_run (&w, false);
    ret = (struct sb_text){ sb_arena_strdup (&at->pl->scratch, sb_buf_cstr (&w.plain)),
                            sb_arena_strdup (&at->pl->scratch, sb_buf_cstr (&w.refer)), w.refers };
    sb_buf_free (&w.plain);
    sb_buf_free (&w.refer);
    sb_buf_free (&w.run);
    return ret;
}

/* ---- selections ---- */

/* "key" alone: is it set; of a flag: is it yes. */
static bool
is_set (const struct sb_object *item, const char *key, const char *value)
{
    const struct sb_key *k = sb_key_find (sb_kind_keys (item->kind), key);

    if (k != NULL && k->type == SB_BOOL)
        return value != NULL && strcmp (value, "yes") == 0;
    return value != NULL && *value != '\0';
}

/* What stands on the left of a condition: an attribute of the item, or an expression over pool and parameters. */
static const char *
left_side (const struct sb_place *at, const char *key, const struct sb_object *item)
{
    size_t n;
    char **parts;

    if (sb_cond_is_text (key))
        return sb_resolve_text (at, key).plain;
    parts = sb_split_chain (&at->pl->scratch, key, &n);
    return follow (at, item, parts, n);
}

static bool
meets (const struct sb_place *at, const struct sb_cond *cond, const char *wanted, const struct sb_object *item)
{
    const char *value = left_side (at, cond->key, item);
    bool same = value != NULL && wanted != NULL && strcmp (value, wanted) == 0;

    switch (cond->op) {
    case SB_COND_SET:
        return is_set (item, cond->key, value);
    case SB_COND_NOT_SET:
        return !is_set (item, cond->key, value);
    case SB_COND_IS:
        return same;
    case SB_COND_IS_NOT:
        return !same;
    }
    return false;
}

const char **
sb_resolve_conditions (const struct sb_place *at, const struct sb_selection *sel)
{
    const char **values = sb_arena_alloc (&at->pl->scratch, (sel->nconds + 1) * sizeof *values);

    for (size_t i = 0; i < sel->nconds; i++)
        if (sel->conds[i].value != NULL)
            values[i] = sb_resolve_text (at, sel->conds[i].value).plain;
    return values;
}

bool
sb_item_meets (const struct sb_place *at, const struct sb_selection *sel, const char *const *values,
               const struct sb_object *item)
{
    for (size_t i = 0; i < sel->nconds; i++)
        if (!meets (at, &sel->conds[i], values[i], item))
            return false;
    return true;
}

const struct sb_object **
sb_resolve_selection (const struct sb_place *at, const struct sb_selection *sel, size_t *ret_count)
{
    const struct sb_items *items = sb_planner_items (at->pl, sel->kind);
    const struct sb_object **list = sb_arena_alloc (&at->pl->scratch, (items->count + 1) * sizeof *list);
    const char **values = sb_resolve_conditions (at, sel);
    size_t n = 0;

    for (uint32_t i = 0; i < items->count && (sel->limit == 0 || n < sel->limit); i++)
        if (sb_item_meets (at, sel, values, items->list[i]))
            list[n++] = items->list[i];
    *ret_count = n;
    return list;
}
