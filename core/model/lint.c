/* Is a workflow sound, before any topology is known?  Each step is held against
 * the contract of its verb: undo, target, parameters; then the names that steps
 * use of each other, circles, and (lint_refs.c) what texts refer to. */
#include "core/model/workflow.h"

#include "core/base/text.h"
#include "core/model/expr.h"
#include "core/model/keys.h"
#include "core/model/workflow_internal.h"

#include <stdlib.h>
#include <string.h>

struct lint {
    const struct sb_workflow *w;
    const struct sb_catalogue *c;
    struct sb_wf_graph graph;
    struct sb_map gates;
    struct sb_arena arena;
    struct sb_faults *faults;
};

static const char *const step_words[] = {
    "title", "action",  "for each", "by",    "on",      "after",  "gate",
    "proof", "if dark", "undo",     "retry", "timeout", "settle", "optional",
};

static int
line_of (const struct sb_wf_step *s, const char *key)
{
    return sb_written_line (s->written, s->nwritten, key, s->line);
}

#define FAULT(l, s, key, ...) sb_fault ((l)->faults, (l)->w->file, line_of (s, key), __VA_ARGS__)
#define HINT(l, ...)          sb_fault_hint ((l)->faults, __VA_ARGS__)
#define VERBS                 "'switchback plugin list --contracts' lists the verbs of every role."
#define STEPS                 "Name a section [step NAME] of this file, without the brackets."

static void
hint_near (struct lint *l, const char *near, const char *else_hint)
{
    if (near != NULL)
        HINT (l, "Did you mean '%s'?", near);
    else
        HINT (l, "%s", else_hint);
}

/* ---- the action ---- */

/* False: a fault was added, and nothing more can be said about the step's action. */
static bool
find_deed (struct lint *l, const struct sb_wf_step *s, struct sb_deed *ret)
{
    const char *near;

    switch (sb_deed_find (l->c, s->role, s->verb, NULL, ret)) {
    case SB_FOUND:
        return true;
    case SB_NO_ROLE:
        FAULT (l, s, "action", "step '%s': there is no role '%s'", s->name, s->role);
        near = sb_nearest_role (l->c, s->role);
        hint_near (
                l, near,
                "A role of your own needs a plugin that plays it; 'switchback plugin list' shows what is installed.");
        return false;
    case SB_NO_VERB:
        FAULT (l, s, "action", "step '%s': role '%s' has no verb '%s'", s->name, s->role, s->verb);
        hint_near (l, sb_nearest_verb (l->c, s->role, s->verb), VERBS);
        return false;
    }
    return false;
}

/* "an instance" */
static const char *
target (struct lint *l, const struct sb_deed *d)
{
    const char *kinds = sb_deed_target_kinds (d, &l->arena);

    return sb_arena_printf (&l->arena, "%s %s", sb_article (kinds), kinds);
}

static void
check_on (struct lint *l, const struct sb_wf_step *s, const struct sb_deed *d)
{
    const char *database, *site;

    if (s->on == NULL && d->needs_target) {
        FAULT (l, s, "action", "step '%s': %s.%s works at %s, but 'on' is missing", s->name, s->role, s->verb,
               target (l, d));
        HINT (l, "Name it, for example: on = ${database.backup}");
    } else if (s->on != NULL && !d->has_target) {
        FAULT (l, s, "on", "step '%s': %s.%s takes no 'on'", s->name, s->role, s->verb);
        HINT (l, "The verb concerns the whole %s that plays the role; 'by' names it.", s->role);
    } else if (s->on != NULL && sb_principal_parse (&l->arena, s->on, &database, &site)
               && !sb_deed_takes_kind (d, "instance"))
        FAULT (l, s, "on", "step '%s': %s.%s works at %s, and a principal is an instance", s->name, s->role, s->verb,
               target (l, d));
    if (s->on != NULL && strncmp (s->on, "principal ", 10) == 0
        && !sb_principal_parse (&l->arena, s->on, &database, &site)) {
        FAULT (l, s, "on", "step '%s': on = %s cannot be understood", s->name, s->on);
        HINT (l, "Write: on = principal of DATABASE in SITE");
    }
}

static void
check_value (struct lint *l, const struct sb_wf_step *s, const struct sb_option *o, const struct sb_pair *p,
             const char *prefix)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };
    struct sb_selection sel;

    if (o->type == SB_LIST && sb_is_list_selection (p->value)) {
        if (!sb_list_selection_parse (&l->arena, p->value, &sel, &why))
            sb_fault (l->faults, l->w->file, p->line, "step '%s': %s%s = %s: %s", s->name, prefix, p->key, p->value,
                      sb_buf_cstr (&why));
        return;
    }
    if (*p->value == '\0' || sb_has_reference (p->value) || sb_value_check (o->type, o->choices, p->value, &why))
        return;
    sb_fault (l->faults, l->w->file, p->line, "step '%s': %s%s = %s %s", s->name, prefix, p->key, p->value,
              sb_buf_cstr (&why));
}

static const struct sb_pair *
find_pair (const struct sb_pair *list, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp (list[i].key, key) == 0)
            return &list[i];
    return NULL;
}

/* Parameters against the table of a verb; `prefix` is "undo " for those of the undo. */
static void
check_params (struct lint *l, const struct sb_wf_step *s, const struct sb_deed *d, const char *verb,
              const struct sb_pair *list, size_t n, const char *prefix)
{
    for (size_t i = 0; i < n; i++) {
        const struct sb_option *o = sb_option_find (d->params, list[i].key);
        const char *near;

        if (strcmp (list[i].key, "on") == 0)
            continue;
        if (o != NULL)
            check_value (l, s, o, &list[i], prefix);
        else if (!d->open) {
            sb_fault (l->faults, l->w->file, list[i].line, "step '%s': %s.%s has no parameter '%s'", s->name, s->role,
                      verb, list[i].key);
            near = sb_nearest_option (d->params, list[i].key);
            if (near == NULL && *prefix == '\0')
                near = sb_nearest (list[i].key, step_words, sizeof step_words / sizeof *step_words);
            if (near != NULL)
                HINT (l, "Did you mean '%s%s'?", prefix, near);
        }
    }
    for (const struct sb_option *o = d->params; o->name != NULL; o++)
        if ((o->flags & SB_REQUIRED) && strcmp (o->name, "on") != 0 && find_pair (list, n, o->name) == NULL) {
            FAULT (l, s, *prefix ? "undo" : "action", "step '%s': %s.%s needs '%s'", s->name, s->role, verb, o->name);
            HINT (l, "Write '%s%s = ...': %s.", prefix, o->name, o->help);
        }
}

static void
check_undo_verb (struct lint *l, const struct sb_wf_step *s)
{
    struct sb_pair *pairs SB_AUTOFREE = NULL;
    struct sb_deed u;

    if (sb_deed_find (l->c, s->role, s->undo_verb, NULL, &u) != SB_FOUND) {
        FAULT (l, s, "undo", "step '%s': role '%s' has no verb '%s' to undo it with", s->name, s->role, s->undo_verb);
        hint_near (l, sb_nearest_verb (l->c, s->role, s->undo_verb), VERBS);
        return;
    }
    if (!u.open && u.effect == SB_READS) {
        FAULT (l, s, "undo", "step '%s': %s.%s changes nothing, so it takes nothing back", s->name, s->role,
               s->undo_verb);
        HINT (l, "Name a verb that does, or say 'undo = not needed' or 'undo = none'.");
        return;
    }
    if (!u.open && u.needs_target && s->on == NULL && find_pair (s->undo_params, s->nundo, "on") == NULL)
        FAULT (l, s, "undo", "step '%s': %s.%s works at %s; 'undo on' is missing", s->name, s->role, s->undo_verb,
               target (l, &u));
    pairs = sb_xcalloc (s->nundo + s->nparams + 1, sizeof *pairs);
    check_params (l, s, &u, s->undo_verb, pairs, sb_undo_pairs (s, &u, pairs), "undo ");
}

static void
check_undo (struct lint *l, const struct sb_wf_step *s, const struct sb_deed *d)
{
    bool changes = d->open || d->effect != SB_READS;

    if (s->undo == SB_UNDO_MISSING && changes) {
        FAULT (l, s, "action", "step '%s': %s.%s changes something, but 'undo' is missing", s->name, s->role, s->verb);
        if (d->undo != NULL)
            HINT (l, "Say 'undo = %s', 'undo = not needed' (harmless if left) or 'undo = none' (no way back).",
                  d->undo);
        else
            HINT (l, "Say 'undo = VERB', 'undo = not needed' (harmless if left) or 'undo = none' (no way back).");
    } else if (s->undo == SB_UNDO_VERB && !changes) {
        FAULT (l, s, "undo", "step '%s': %s.%s changes nothing, so there is nothing to undo", s->name, s->role,
               s->verb);
    } else if (s->undo == SB_UNDO_VERB) {
        check_undo_verb (l, s);
    }
    if (s->undo != SB_UNDO_VERB && s->nundo > 0) {
        sb_fault (l->faults, l->w->file, s->undo_params[0].line, "step '%s': 'undo %s' without 'undo = VERB'", s->name,
                  s->undo_params[0].key);
    }
    if (l->w->checks && changes) {
        FAULT (l, s, "action", "step '%s': a check must change nothing, but %s.%s does", s->name, s->role, s->verb);
        HINT (l, "'kind = check' is for facts; leave it out for a procedure.");
    }
}

/* A step without action takes no keys that speak of one. */
static void
check_no_action (struct lint *l, const struct sb_wf_step *s)
{
    static const char *const idle[] = { "by", "on", "undo", "if dark", "retry", "timeout", "settle" };
    const char *near;

    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (find_pair (s->written, s->nwritten, idle[i]) != NULL) {
            FAULT (l, s, idle[i], "step '%s' has no action, so '%s' means nothing", s->name, idle[i]);
            HINT (l, "A step without 'action = ROLE.VERB' only asks its gate.");
        }
    for (size_t i = 0; i < s->nparams; i++) {
        sb_fault (l->faults, l->w->file, s->params[i].line, "step '%s' has no action, so '%s' means nothing", s->name,
                  s->params[i].key);
        near = sb_nearest (s->params[i].key, step_words, sizeof step_words / sizeof *step_words);
        hint_near (l, near, "A step without 'action = ROLE.VERB' takes no parameters.");
    }
}

static void
check_action (struct lint *l, const struct sb_wf_step *s)
{
    struct sb_deed d = { 0 };

    if (s->role == NULL) {
        check_no_action (l, s);
        return;
    }
    if (!find_deed (l, s, &d))
        return;
    check_on (l, s, &d);
    check_undo (l, s, &d);
    check_params (l, s, &d, s->verb, s->params, s->nparams, "");
}

/* ---- names of other steps and of gates ---- */

static const char *
nearest_step (struct lint *l, const char *name)
{
    enum { MAX_SEARCHED = 2000 };
    const char *words[MAX_SEARCHED];
    size_t n = 0;

    for (; n < l->w->count && n < MAX_SEARCHED; n++)
        words[n] = l->w->steps[n].name;
    return sb_nearest (name, words, n);
}

static void
check_names (struct lint *l, const struct sb_wf_step *s)
{
    const char *near;

    for (const char **name = s->after; *name != NULL; name++)
        if (sb_wf_graph_find (&l->graph, *name) == SIZE_MAX) {
            FAULT (l, s, "after", "step '%s' comes after '%s', which is no step of this workflow", s->name, *name);
            hint_near (l, nearest_step (l, *name), STEPS);
        }
    for (size_t i = 0; i < s->nproofs; i++)
        if (sb_wf_graph_find (&l->graph, s->proofs[i].step) == SIZE_MAX) {
            FAULT (l, s, "proof", "step '%s': proof '%s' is no step of this workflow", s->name, s->proofs[i].step);
            hint_near (l, nearest_step (l, s->proofs[i].step), STEPS);
        } else if (l->w->steps[sb_wf_graph_find (&l->graph, s->proofs[i].step)].role == NULL)
            FAULT (l, s, "proof", "step '%s': proof '%s' has no action that could be asked", s->name,
                   s->proofs[i].step);
    if (s->gate != NULL && sb_map_get (&l->gates, s->gate) == NULL) {
        const char *words[256];
        size_t n = 0;

        for (; n < l->w->ngates && n < 256; n++)
            words[n] = l->w->gates[n].name;
        near = sb_nearest (s->gate, words, n);
        FAULT (l, s, "gate", "step '%s': there is no gate '%s'", s->name, s->gate);
        if (near != NULL)
            hint_near (l, near, "");
        else
            HINT (l, "Write it as a section of its own: [gate %s].", s->gate);
    }
}

/* ---- circles ---- */

/* Walks back from a step that was never ready until one comes up twice: that stretch is a circle. */
static void
name_circle (struct lint *l, const bool *ready, size_t start)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    size_t *came = sb_xcalloc (l->w->count, sizeof *came); /* position in `path` + 1 */
    size_t *path = sb_xcalloc (l->w->count + 1, sizeof *path);
    size_t n = 0, at = start;

    while (came[at] == 0) {
        came[at] = n + 1;
        path[n++] = at;
        for (const char **name = l->w->steps[at].after; *name != NULL; name++) {
            size_t before = sb_wf_graph_find (&l->graph, *name);

            if (before != SIZE_MAX && !ready[before]) {
                at = before;
                break;
            }
        }
    }
    for (size_t i = came[at] - 1; i < n; i++)
        sb_buf_printf (&text, "'%s' waits for ", l->w->steps[path[i]].name);
    FAULT (l, &l->w->steps[at], "after", "steps wait for each other in a circle: %s'%s'", sb_buf_cstr (&text),
           l->w->steps[at].name);
    HINT (l, "Take one of them out of another's 'after'.");
    free (came);
    free (path);
}

static void
check_circles (struct lint *l)
{
    bool *ready;

    if (l->graph.ordered == l->w->count)
        return;
    ready = sb_xcalloc (l->w->count, sizeof *ready);
    for (size_t i = 0; i < l->graph.ordered; i++)
        ready[l->graph.order[i]] = true;
    for (size_t i = 0; i < l->w->count; i++)
        if (!ready[i]) {
            name_circle (l, ready, i);
            break;
        }
    free (ready);
}

/* ---- gates ---- */

/* One that is asked because something was found, and ends the run without a yes, is there for a person's eyes. */
static void
check_gate (struct lint *l, const struct sb_wf_gate *g)
{
    if (g->when == NULL || !g->refuse || g->named)
        return;
    sb_fault (l->faults, l->w->file, g->line,
              "gate '%s' stops a workflow that is the wrong one (when, refuse), and '--approve all' would answer it",
              g->name);
    HINT (l, "Write in [gate %s]: named = yes", g->name);
}

bool
sb_workflow_lint (const struct sb_workflow *w, const struct sb_catalogue *c, struct sb_faults *faults)
{
    struct lint l = { .w = w, .c = c, .faults = faults };
    size_t before = faults->count;

    sb_wf_graph_make (&l.graph, w);
    for (size_t i = 0; i < w->ngates; i++) {
        sb_map_set (&l.gates, w->gates[i].name, &w->gates[i]);
        check_gate (&l, &w->gates[i]);
    }
    for (size_t i = 0; i < w->count; i++) {
        check_action (&l, &w->steps[i]);
        check_names (&l, &w->steps[i]);
    }
    check_circles (&l);
    sb_lint_references (w, c, &l.graph, faults);
    sb_faults_sort (faults, before);
    sb_wf_graph_release (&l.graph);
    sb_map_free (&l.gates);
    sb_arena_release (&l.arena);
    return faults->count == before;
}
