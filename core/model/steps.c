/* One step of the plan: who plays the role, at what it works, with which
 * parameters, how it is undone, what the contract adds to what the workflow
 * left open.  Whatever is needed of topology and workflow is copied into the
 * plan's own memory. */
#include "core/model/plan_internal.h"

#include "core/base/text.h"
#include "core/model/keys.h"

#include <stdlib.h>
#include <string.h>

enum { OWN_TIMEOUT_MS = 60000 }; /* of a verb whose table says nothing */

struct making {
    struct sb_planner *pl;
    struct sb_plan_step *out;
    struct sb_place at; /* `key` and `line` change as we go */
    const struct sb_wf_step *in;
    struct sb_deed deed;
    const struct sb_object *player;
};

static const char *
keep (struct sb_planner *pl, const char *text)
{
    return sb_arena_strdup (&pl->p->arena, text);
}

static struct sb_place *
at_key (struct making *m, const char *key)
{
    m->at.key = key;
    m->at.line = sb_written_line (m->in->written, m->in->nwritten, key, m->in->line);
    return &m->at;
}

static void
hint_name (struct making *m, const char *kind, const char *name)
{
    const struct sb_items *items = sb_planner_items (m->pl, kind);
    const char *words[256];
    const char *near;
    size_t n = 0;

    for (; n < items->count && n < 256; n++)
        words[n] = items->list[n]->name;
    near = sb_nearest (name, words, n);
    if (near != NULL)
        sb_fault_hint (m->pl->faults, "Did you mean '%s'?", near);
}

/* ---- gates ---- */

/* Does a text speak of the loop's item, or of steps that loop over the same kind? */
static bool
speaks_of (struct sb_planner *pl, const char *text, const char *kind)
{
    struct sb_piece piece;
    enum sb_piece_type type;

    while (text != NULL && (type = sb_next_piece (&text, &piece)) != SB_PIECE_END) {
        const char *p = piece.s;
        struct sb_term term;

        while (type == SB_PIECE_EXPR && sb_next_term (&pl->scratch, &p, piece.s + piece.n, &term)) {
            size_t n, step;
            char **parts = sb_split_chain (&pl->scratch, term.text, &n);

            if (term.literal)
                continue;
            if (strcmp (parts[0], kind) == 0)
                return true;
            step = n > 1 && strcmp (parts[0], "steps") == 0 ? sb_wf_graph_find (&pl->graph, parts[1]) : SIZE_MAX;
            if (step != SIZE_MAX && pl->loops[step].items != NULL && strcmp (pl->loops[step].items->kind, kind) == 0)
                return true;
        }
    }
    return false;
}

static void
find_item_gates (struct sb_planner *pl)
{
    pl->gate_per_item = sb_arena_alloc (&pl->scratch, pl->w->ngates + 1);
    for (size_t i = 0; i < pl->w->ngates; i++)
        sb_map_set (&pl->wf_gates, pl->w->gates[i].name, (void *) (uintptr_t) (i + 1));
    for (size_t i = 0; i < pl->w->count; i++) {
        const struct sb_wf_step *s = &pl->w->steps[i];
        size_t g = s->gate ? (size_t) (uintptr_t) sb_map_get (&pl->wf_gates, s->gate) - 1 : SIZE_MAX;
        const struct sb_wf_gate *gate = g != SIZE_MAX ? &pl->w->gates[g] : NULL;
        const char *kind = pl->loops[i].items ? pl->loops[i].items->kind : NULL;

        if (gate != NULL && kind != NULL && !pl->gate_per_item[g])
            pl->gate_per_item[g] = speaks_of (pl, gate->title, kind) || speaks_of (pl, gate->ask, kind)
                                   || speaks_of (pl, gate->when, kind);
    }
}

/* "two persons = loss, site-loss" of the policy: a house may be stricter than the workflow. */
static bool
is_for_two (struct sb_planner *pl, const char *gate)
{
    const char *text = sb_object_attr (pl->policy, "two persons");
    size_t n, i;
    char **names = sb_split_list (&pl->scratch, text ? text : "", &n);

    for (i = 0; i < n; i++)
        if (strcmp (names[i], gate) == 0)
            return true;
    return false;
}

/* `ask` and `when` are always expanded by the engine, so they are kept in that form. */
static void
fill_gate (struct sb_planner *pl, struct sb_place at, const struct sb_wf_gate *g, struct sb_plan_gate *out)
{
    at.key = "title";
    out->title = keep (pl, sb_resolve_text (&at, g->title).plain);
    at.key = "ask";
    out->ask = keep (pl, g->ask ? sb_resolve_text (&at, g->ask).refer : out->title);
    at.key = "when";
    out->when = g->when ? keep (pl, sb_resolve_text (&at, g->when).refer) : NULL;
    out->named = g->named;
    out->refuse = g->refuse;
    out->expires_ms = g->expires_ms;
    out->persons = g->persons > 1 || is_for_two (pl, g->name) ? 2 : 0;
    if (out->persons > 1 && sb_object_attr (pl->policy, "break glass") != NULL)
        sb_parse_duration (sb_object_attr (pl->policy, "break glass"), &out->glass_ms);
}

static struct sb_place
place_of (struct sb_planner *pl, uint32_t index)
{
    uint32_t node = pl->node_of[index];

    return (struct sb_place){
        .pl = pl, .step = &pl->w->steps[pl->step_of[node]], .item = sb_node_item (pl, node), .key = "gate"
    };
}

void
sb_planner_gates (struct sb_planner *pl)
{
    struct sb_plan *p = pl->p;

    find_item_gates (pl);
    p->gates = sb_arena_alloc (&p->arena, ((size_t) p->count + 1) * sizeof *p->gates);
    for (uint32_t i = 0; i < p->count; i++) {
        struct sb_place at = place_of (pl, i);
        size_t g = at.step->gate ? (size_t) (uintptr_t) sb_map_get (&pl->wf_gates, at.step->gate) - 1 : 0;
        const char *name = at.step->gate;
        struct sb_plan_gate *out;
        uint32_t position;

        p->steps[i].gate = SB_NO_GATE;
        if (name == NULL || !sb_node_is_real (pl, pl->node_of[i]))
            continue;
        if (!pl->gate_per_item[g])
            at.item = NULL;
        if (at.item != NULL)
            name = sb_arena_printf (&p->arena, "%s[%s]", name, at.item->name);
        position = (uint32_t) (uintptr_t) sb_map_get (&pl->gates, name);
        if (position == 0) {
            out = &p->gates[p->ngates++];
            out->base = keep (pl, at.step->gate);
            out->item = at.item ? keep (pl, at.item->name) : NULL;
            out->name = at.item ? name : out->base;
            position = p->ngates;
            sb_map_set (&pl->gates, name, (void *) (uintptr_t) position);
            at.line = pl->w->gates[g].line;
            fill_gate (pl, at, &pl->w->gates[g], out);
        }
        p->steps[i].gate = position - 1;
    }
}

/* ---- who plays the role ---- */

static const struct sb_object *
only_player (struct making *m, const char *kind)
{
    const struct sb_items *items = sb_planner_items (m->pl, kind);

    if (m->at.item != NULL && strcmp (m->at.item->kind, kind) == 0)
        return m->at.item;
    if (items->count == 1)
        return items->list[0];
    at_key (m, "action");
    if (items->count == 0) {
        sb_place_fault (&m->at, "nothing in %s plays the role '%s'", m->pl->t->file, m->in->role);
        sb_fault_hint (m->pl->faults, "Write a section [%s NAME] in the topology.", kind);
    } else {
        sb_place_fault (&m->at, "%u objects play the role '%s', and 'by' does not say which", items->count,
                        m->in->role);
        sb_fault_hint (m->pl->faults, "Write 'for each = %s', or name one: by = %s", kind, items->list[0]->name);
    }
    return NULL;
}

static const struct sb_object *
find_player (struct making *m)
{
    const struct sb_role *role = sb_role_find (m->in->role);
    const char *kind = role ? role->kind : m->in->role;
    const struct sb_object *o;
    const char *name;

    if (m->in->by == NULL)
        return only_player (m, kind);
    name = sb_resolve_text (at_key (m, "by"), m->in->by).plain;
    o = sb_topology_find (m->pl->t, kind, name);
    if (o == NULL && *name == '\0') {
        sb_place_fault (&m->at, "'%s' comes to nothing here", m->in->by);
        sb_fault_hint (m->pl->faults, "Leave such objects out with 'for each = ... where ...'.");
    } else if (o == NULL) {
        sb_place_fault (&m->at, "there is no %s '%s'", kind, name);
        hint_name (m, kind, name);
    }
    return o;
}

/* Does the plugin exist, play the role, and know the verb? */
static bool
check_plugin (struct making *m)
{
    const struct sb_catalogue_plugin *p = sb_catalogue_find (m->pl->c, m->player->plugin);
    bool any = false;

    if (m->pl->c == NULL)
        return true;
    at_key (m, "action");
    if (p == NULL) {
        sb_place_fault (&m->at, "%s '%s' is played by plugin '%s', which is not installed", m->player->kind,
                        m->player->name, m->player->plugin);
        return false;
    }
    if (strcmp (p->role, "*") != 0 && strcmp (p->role, m->in->role) != 0) {
        sb_place_fault (&m->at, "plugin '%s' plays the role '%s', not '%s'", p->name, p->role, m->in->role);
        return false;
    }
    for (const struct sb_action *a = p->actions; a != NULL && a->verb != NULL && !any; a++)
        any = strcmp (a->verb, m->in->verb) == 0 || strcmp (a->verb, "*") == 0;
    if (!any)
        sb_place_fault (&m->at, "plugin '%s' of %s '%s' does not know the verb '%s'", p->name, m->player->kind,
                        m->player->name, m->in->verb);
    return any;
}

/* ---- the target ---- */

/* The object of the name, of a kind that the verb works at. */
static const struct sb_object *
find_target (struct making *m, const struct sb_deed *d, const char *name)
{
    const struct sb_topology *t = m->pl->t;
    const struct sb_object *o = NULL, *other = NULL;

    if (*name == '\0') {
        sb_place_fault (&m->at, "it comes to nothing here");
        sb_fault_hint (m->pl->faults, "Leave such objects out with 'for each = ... where ...'.");
        return NULL;
    }
    if (m->at.item != NULL && strcmp (m->at.item->name, name) == 0 && sb_deed_takes_kind (d, m->at.item->kind))
        return m->at.item;
    for (const struct sb_kind *k = sb_kinds; k->name != NULL && o == NULL; k++) {
        const struct sb_object *candidate = sb_topology_find (t, k->name, name);

        if (candidate != NULL && sb_deed_takes_kind (d, k->name))
            o = candidate;
        else if (candidate != NULL)
            other = candidate;
    }
    for (size_t i = 0; o == NULL && i < t->count; i++)
        if (strcmp (t->objects[i].name, name) == 0 && sb_deed_takes_kind (d, t->objects[i].kind))
            o = &t->objects[i];
    if (o != NULL)
        return o;
    sb_place_fault (&m->at, "there is no %s '%s'", sb_deed_target_kinds (d, &m->pl->scratch), name);
    if (other != NULL)
        sb_fault_hint (m->pl->faults, "'%s' is a %s.", name, other->kind);
    else if (d->target_words != NULL)
        hint_name (m, d->target_words, name);
    return NULL;
}

static void
fill_principal (struct making *m, const char *database, const char *site)
{
    const char *names[] = { sb_resolve_text (&m->at, database).plain, sb_resolve_text (&m->at, site).plain };
    const char *const kinds[] = { "database", "site" };

    for (size_t i = 0; i < 2; i++)
        if (sb_topology_find (m->pl->t, kinds[i], names[i]) == NULL) {
            sb_place_fault (&m->at, "there is no %s '%s'", kinds[i], names[i]);
            hint_name (m, kinds[i], names[i]);
        }
    m->out->on_rule = SB_ON_PRINCIPAL;
    m->out->on_kind = "instance";
    m->out->on_database = keep (m->pl, names[0]);
    m->out->on_site = keep (m->pl, names[1]);
    m->out->site = m->out->on_site;
}

static void
fill_on (struct making *m)
{
    const char *database, *site;
    const struct sb_object *o;

    m->out->site = sb_object_site (m->pl->t, m->player);
    if (m->in->on != NULL) {
        at_key (m, "on");
        if (sb_principal_parse (&m->pl->scratch, m->in->on, &database, &site)) {
            fill_principal (m, database, site);
            return;
        }
        o = find_target (m, &m->deed, sb_resolve_text (&m->at, m->in->on).plain);
        if (o == NULL)
            return;
        m->out->on_rule = SB_ON_OBJECT;
        m->out->on_kind = keep (m->pl, o->kind);
        m->out->on = keep (m->pl, o->name);
        m->out->site = sb_object_site (m->pl->t, o);
    }
    m->out->site = m->out->site ? keep (m->pl, m->out->site) : NULL;
}

/* ---- parameters ---- */

static bool
names_any (const struct sb_topology *t, const char *const *kinds, const char *name)
{
    for (; kinds != NULL && *kinds != NULL; kinds++)
        if (sb_topology_find (t, *kinds, name) != NULL)
            return true;
    return false;
}

static void
check_final (struct making *m, const struct sb_option *o, const char *value)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };

    if (o == NULL)
        return;
    if (o->type == SB_TARGET && o->choices != NULL && !names_any (m->pl->t, o->choices, value)) {
        sb_place_fault (&m->at, "'%s' names no %s", value, o->choices[0]);
        hint_name (m, o->choices[0], value);
    } else if (!sb_value_check (o->type, o->choices, value, &why))
        sb_place_fault (&m->at, "'%s' %s", value, sb_buf_cstr (&why));
}

static void
fill_selection (struct making *m, const char *text, struct sb_plan_param *out)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };
    struct sb_selection sel;
    const struct sb_object **list;
    size_t n;

    if (!sb_list_selection_parse (&m->pl->scratch, text, &sel, &why)) {
        sb_place_fault (&m->at, "%s", sb_buf_cstr (&why));
        return;
    }
    list = sb_resolve_selection (&m->at, &sel, &n);
    out->items = sb_arena_alloc (&m->pl->p->arena, (n + 1) * sizeof *out->items);
    for (size_t i = 0; i < n; i++)
        out->items[i] = keep (m->pl, list[i]->name);
    if (n == 0) {
        sb_place_fault (&m->at, "'%s' selects nothing in %s", text, m->pl->t->file);
        sb_fault_hint (m->pl->faults, "An empty list is written by leaving the parameter out, never by chance.");
    }
}

static void
fill_items (struct making *m, const char *text, struct sb_plan_param *out)
{
    size_t n, kept = 0;
    char **items = sb_split_items (&m->pl->scratch, text, &n);
    struct sb_text *texts = sb_arena_alloc (&m->pl->scratch, (n + 1) * sizeof *texts);

    for (size_t i = 0; i < n; i++) {
        texts[i] = sb_resolve_text (&m->at, items[i]);
        out->refers |= texts[i].refers;
    }
    out->items = sb_arena_alloc (&m->pl->p->arena, (n + 1) * sizeof *out->items);
    for (size_t i = 0; i < n; i++)
        if (texts[i].refers || *texts[i].plain != '\0')
            out->items[kept++] = keep (m->pl, out->refers ? texts[i].refer : texts[i].plain);
}

static bool
is_empty (const struct sb_plan_param *p)
{
    return p->items ? p->items[0] == NULL : p->value == NULL || *p->value == '\0';
}

/* Returns false when the parameter comes to nothing and is left out. */
static bool
fill_param (struct making *m, const struct sb_deed *d, const struct sb_pair *in, const char *prefix,
            struct sb_plan_param *out)
{
    const struct sb_option *o = sb_option_find (d->params, in->key);
    struct sb_text text;

    m->at.key = *prefix ? sb_arena_printf (&m->pl->scratch, "%s%s", prefix, in->key) : in->key;
    m->at.line = in->line;
    *out = (struct sb_plan_param){ .name = keep (m->pl, in->key) };
    if (o != NULL && o->type == SB_LIST && sb_is_list_selection (in->value))
        fill_selection (m, in->value, out);
    else if (o != NULL && o->type == SB_LIST)
        fill_items (m, in->value, out);
    else {
        text = sb_resolve_text (&m->at, in->value);
        out->refers = text.refers;
        out->value = keep (m->pl, text.refers ? text.refer : text.plain);
        if (!text.refers && *text.plain != '\0')
            check_final (m, o, text.plain);
    }
    if (!is_empty (out))
        return true;
    if (o != NULL && (o->flags & SB_REQUIRED)) {
        sb_place_fault (&m->at, "it is required, but '%s' comes to nothing here", in->value);
        sb_fault_hint (m->pl->faults, "Set what it speaks of in %s.", m->pl->t->file);
    }
    return false;
}

static struct sb_plan_param *
fill_params (struct making *m, const struct sb_deed *d, const struct sb_pair *list, size_t n, const char *prefix,
             size_t *ret_count)
{
    struct sb_plan_param *out = sb_arena_alloc (&m->pl->p->arena, (n + 1) * sizeof *out);
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        if (strcmp (list[i].key, "on") != 0 && fill_param (m, d, &list[i], prefix, &out[count]))
            count++;
    *ret_count = count;
    return out;
}

/* ---- undo, proofs, times ---- */

static void
fill_undo (struct making *m)
{
    struct sb_pair *pairs;
    struct sb_deed u = { 0 };
    const struct sb_object *o;

    m->out->undo = m->in->undo;
    if (m->out->undo == SB_UNDO_MISSING)
        m->out->undo = SB_UNDO_NOT_NEEDED;
    m->out->no_return = m->deed.effect != SB_READS && m->out->undo == SB_UNDO_NONE;
    if (m->out->undo != SB_UNDO_VERB)
        return;
    m->out->undo_verb = keep (m->pl, m->in->undo_verb);
    if (sb_deed_find (m->pl->c, m->in->role, m->in->undo_verb, m->player->plugin, &u) != SB_FOUND) {
        sb_place_fault (at_key (m, "undo"), "plugin '%s' does not know the verb '%s'", m->player->plugin,
                        m->in->undo_verb);
        return;
    }
    pairs = sb_arena_alloc (&m->pl->scratch, (m->in->nundo + m->in->nparams + 1) * sizeof *pairs);
    m->out->undo_params = fill_params (m, &u, pairs, sb_undo_pairs (m->in, &u, pairs), "undo ", &m->out->nundo);
    for (size_t i = 0; i < m->in->nundo; i++)
        if (strcmp (m->in->undo_params[i].key, "on") == 0) {
            m->at.key = "undo on";
            m->at.line = m->in->undo_params[i].line;
            o = find_target (m, &u, sb_resolve_text (&m->at, m->in->undo_params[i].value).plain);
            m->out->undo_on_kind = o ? keep (m->pl, o->kind) : NULL;
            m->out->undo_on = o ? keep (m->pl, o->name) : NULL;
        }
}

/* The same item's proof; behind a barrier, all of them; none where the loop left it out. */
static void
fill_proofs (struct making *m)
{
    struct sb_planner *pl = m->pl;
    size_t room = 0;

    for (size_t i = 0; i < m->in->nproofs; i++)
        room += pl->loops[sb_wf_graph_find (&pl->graph, m->in->proofs[i].step)].count;
    m->out->proofs = sb_arena_alloc (&pl->p->arena, (room + 1) * sizeof *m->out->proofs);
    for (size_t i = 0; i < m->in->nproofs; i++) {
        const struct sb_loop *loop = &pl->loops[sb_wf_graph_find (&pl->graph, m->in->proofs[i].step)];
        bool same = m->at.item != NULL && loop->items != NULL && strcmp (m->at.item->kind, loop->items->kind) == 0;

        for (uint32_t n = 0; n < loop->count; n++)
            if ((!same || loop->items->list[n] == m->at.item) && (loop->items == NULL || loop->taken[n]))
                m->out->proofs[m->out->nproofs++] =
                        (struct sb_plan_proof){ pl->plan_of[loop->base + n], m->in->proofs[i].within_ms };
    }
}

static int64_t
first_set (int64_t a, int64_t b, int64_t c)
{
    return a ? a : b ? b : c;
}

static void
fill_times (struct making *m)
{
    const char *policy = sb_object_attr (m->pl->policy, "settle");
    int64_t settle_ms = 0;

    if (policy != NULL && m->deed.effect != SB_READS)
        sb_parse_duration (policy, &settle_ms);
    m->out->retries = m->in->retries;
    m->out->retry_ms = m->in->retry_ms;
    m->out->timeout_ms = first_set (m->in->timeout_ms, m->deed.timeout_ms, OWN_TIMEOUT_MS);
    m->out->settle_ms = first_set (m->in->settle_ms, m->deed.settle_ms, settle_ms);
}

/* ---- the whole step ---- */

static void
fill_action (struct making *m)
{
    struct sb_plan_step *out = m->out;

    m->player = find_player (m);
    if (m->player == NULL || !check_plugin (m))
        return;
    if (sb_deed_find (m->pl->c, m->in->role, m->in->verb, m->player->plugin, &m->deed) != SB_FOUND) {
        sb_place_fault (at_key (m, "action"), "plugin '%s' does not know the verb '%s'", m->player->plugin,
                        m->in->verb);
        return;
    }
    out->role = keep (m->pl, m->in->role);
    out->verb = keep (m->pl, m->in->verb);
    out->kind = keep (m->pl, m->player->kind);
    out->object = keep (m->pl, m->player->name);
    out->plugin = keep (m->pl, m->player->plugin);
    out->effect = m->deed.effect;
    fill_on (m);
    out->params = fill_params (m, &m->deed, m->in->params, m->in->nparams, "", &out->nparams);
    fill_undo (m);
    fill_times (m);
}

static void
fill_milestone (struct sb_planner *pl, struct sb_plan_step *out, const struct sb_wf_step *in,
                const struct sb_object *item)
{
    out->base = keep (pl, in->name);
    out->undo = SB_UNDO_NOT_NEEDED;
    if (item == NULL) {
        out->name = sb_arena_printf (&pl->p->arena, "all %s", in->name);
        out->title = sb_arena_printf (&pl->p->arena, "All of '%s' is done", in->name);
    } else {
        out->name = sb_arena_printf (&pl->p->arena, "without %s[%s]", in->name, item->name);
        out->title = sb_arena_printf (&pl->p->arena, "What stands before '%s' is done for %s", in->name, item->name);
    }
}

void
sb_planner_step (struct sb_planner *pl, uint32_t index)
{
    struct sb_place at = place_of (pl, index);
    struct making m = { .pl = pl, .out = &pl->p->steps[index], .at = at, .in = at.step };

    m.out->line = m.in->line;
    if (!sb_node_is_real (pl, pl->node_of[index])) {
        fill_milestone (pl, m.out, m.in, at.item);
        return;
    }
    m.out->base = keep (pl, m.in->name);
    m.out->item = at.item ? keep (pl, at.item->name) : NULL;
    m.out->name = at.item ? sb_arena_printf (&pl->p->arena, "%s[%s]", m.in->name, at.item->name) : m.out->base;
    m.out->title = keep (pl, sb_resolve_text (at_key (&m, "title"), m.in->title).plain);
    m.out->undo = SB_UNDO_NOT_NEEDED;
    m.out->if_dark = m.in->if_dark;
    m.out->optional = m.in->optional;
    if (m.in->role != NULL)
        fill_action (&m);
    fill_proofs (&m);
}
