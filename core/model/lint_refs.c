/* What the texts of a workflow refer to: is the word known where it stands, has
 * the object such a key, does the contract of the step declare that result, and
 * is that step always before this one?  The last question is collected first
 * and answered for all references together, by one walk from each step that is
 * referred to. */
#include "core/model/workflow_internal.h"

#include "core/base/text.h"
#include "core/model/expr.h"
#include "core/model/keys.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_GATE_USERS = 64 }; /* of one gate that are tried; with more, one of them will be before */

/* "step `from` must be before step `to`"; one claim holds when one of its pairs does. */
struct pair_before {
    uint32_t from, to;
    size_t claim;
};

struct claim {
    const char *sentence, *hint;
    int line;
    bool holds;
};

struct refs {
    const struct sb_workflow *w;
    const struct sb_catalogue *c;
    const struct sb_wf_graph *g;
    struct sb_map gates; /* name -> position + 1 */
    struct sb_arena arena;
    struct sb_faults *faults;
    struct pair_before *pairs;
    size_t npairs, pairs_cap;
    struct claim *claims;
    size_t nclaims, claims_cap;
    uint32_t **users; /* of each gate: steps, count first */
};

/* Where a text stands. */
struct place {
    const struct sb_wf_step *step; /* NULL: the workflow */
    const char *key;               /* for messages */
    int line;
    const char *each; /* kind of the loop, or NULL */
    bool later;       /* steps, gates and run may be used */
    bool self;        /* so may the step's own results */
};

#define FAULT(r, at, ...) sb_fault ((r)->faults, (r)->w->file, (at)->line, __VA_ARGS__)
#define HINT(r, ...)      sb_fault_hint ((r)->faults, __VA_ARGS__)

static const char *const run_keys[] = { "id", "dir", "started", "stamp", NULL };
static const char *const gate_keys[] = { "grade", "by", "at", NULL };

static bool
is_one_of (const char *const *words, const char *word)
{
    for (; *words != NULL; words++)
        if (strcmp (*words, word) == 0)
            return true;
    return false;
}

static const char *
where (struct refs *r, const struct place *at)
{
    if (at->step == NULL)
        return sb_arena_printf (&r->arena, "%s", at->key);
    return sb_arena_printf (&r->arena, "step '%s': %s", at->step->name, at->key);
}

static void
hint_word (struct refs *r, const char *word, const char *const *words, size_t n)
{
    const char *near = sb_nearest (word, words, n);

    if (near != NULL)
        HINT (r, "Did you mean '%s'?", near);
}

/* ---- chains of attributes ---- */

/* May an object of the kind have the key as a setting of its plugin? */
static bool
is_setting (struct refs *r, const char *kind, const char *key)
{
    const struct sb_role *role = sb_role_of_kind (kind);
    const char *name = role ? role->name : kind;

    if (role == NULL && sb_kind_find (kind) != NULL)
        return false;
    for (size_t i = 0; r->c != NULL && i < r->c->count; i++) {
        const struct sb_catalogue_plugin *p = &r->c->plugins[i];

        if ((strcmp (p->role, name) == 0 || strcmp (p->role, "*") == 0) && sb_option_find (p->settings, key) != NULL)
            return true;
    }
    return false;
}

static void
unknown_key (struct refs *r, const struct place *at, const char *kind, const char *key)
{
    const char *words[64];
    size_t n = 0;

    for (const struct sb_key *k = sb_kind_keys (kind); k->name != NULL && n < 64; k++)
        words[n++] = k->name;
    FAULT (r, at, "%s: %s %s has no '%s'", where (r, at), sb_article (kind), kind, key);
    hint_word (r, key, words, n);
}

/* parts[0..n) are keys that begin at an object of the kind. */
static void
check_chain (struct refs *r, const struct place *at, const char *kind, char **parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sb_key *k = sb_key_find (sb_kind_keys (kind), parts[i]);
        bool last = i + 1 == n;

        if (k == NULL) {
            if (!last || (strcmp (parts[i], "name") != 0 && !is_setting (r, kind, parts[i])))
                unknown_key (r, at, kind, parts[i]);
            return;
        }
        if (last)
            return;
        if (k->type != SB_TARGET || (k->flags & SB_KEY_LIST)) {
            FAULT (r, at, "%s: '%s' of %s %s is not another object, so '.%s' cannot follow", where (r, at), parts[i],
                   sb_article (kind), kind, parts[i + 1]);
            return;
        }
        kind = k->choices[0];
    }
}

/* ---- references to steps and gates ---- */

static size_t
new_claim (struct refs *r, const struct place *at, const char *sentence, const char *hint)
{
    SB_PUSH (r->claims, r->nclaims, r->claims_cap) = (struct claim){ sentence, hint, at->line, false };
    return r->nclaims - 1;
}

static void
need_before (struct refs *r, size_t from, const struct sb_wf_step *to, size_t claim)
{
    SB_PUSH (r->pairs, r->npairs, r->pairs_cap) =
            (struct pair_before){ (uint32_t) from, (uint32_t) (to - r->w->steps), claim };
}

static void
check_result (struct refs *r, const struct place *at, const struct sb_wf_step *source, const char *key)
{
    struct sb_deed d;
    const char *near;

    if (source->role == NULL) {
        FAULT (r, at, "%s: step '%s' has no action, so it has no results", where (r, at), source->name);
        return;
    }
    if (sb_deed_find (r->c, source->role, source->verb, NULL, &d) != SB_FOUND || d.open
        || sb_option_find (d.results, key) != NULL)
        return;
    FAULT (r, at, "%s: step '%s' (%s.%s) has no result '%s'", where (r, at), source->name, source->role, source->verb,
           key);
    near = sb_nearest_option (d.results, key);
    if (near != NULL)
        HINT (r, "Did you mean '%s'?", near);
}

static void
check_step_reference (struct refs *r, const struct place *at, char **parts, size_t n)
{
    size_t from = n == 3 ? sb_wf_graph_find (r->g, parts[1]) : SIZE_MAX;
    const struct sb_wf_step *source;

    if (n != 3) {
        FAULT (r, at, "%s: a result is written steps.NAME.KEY", where (r, at));
        return;
    }
    if (from == SIZE_MAX) {
        const char *words[256];
        size_t count = 0;

        for (; count < r->w->count && count < 256; count++)
            words[count] = r->w->steps[count].name;
        FAULT (r, at, "%s: there is no step '%s'", where (r, at), parts[1]);
        hint_word (r, parts[1], words, count);
        return;
    }
    source = &r->w->steps[from];
    check_result (r, at, source, parts[2]);
    if (source == at->step) {
        if (!at->self)
            FAULT (r, at, "%s: a step cannot use its own result before it ran", where (r, at));
        return;
    }
    need_before (r, from, at->step,
                 new_claim (r, at,
                            sb_arena_printf (&r->arena, "%s: step '%s' is not before step '%s'", where (r, at),
                                             source->name, at->step->name),
                            sb_arena_printf (&r->arena, "Add '%s' to its 'after'.", source->name)));
}

static void
check_gate_reference (struct refs *r, const struct place *at, char **parts, size_t n)
{
    size_t gate = n == 3 ? (size_t) (uintptr_t) sb_map_get (&r->gates, parts[1]) : 0;
    const uint32_t *users;
    size_t claim;

    if (n != 3) {
        FAULT (r, at, "%s: a gate's answer is written gates.NAME.KEY", where (r, at));
        return;
    }
    if (gate == 0) {
        const char *words[256];
        size_t count = 0;

        for (; count < r->w->ngates && count < 256; count++)
            words[count] = r->w->gates[count].name;
        FAULT (r, at, "%s: there is no gate '%s'", where (r, at), parts[1]);
        hint_word (r, parts[1], words, count);
        return;
    }
    if (!is_one_of (gate_keys, parts[2])) {
        FAULT (r, at, "%s: a gate's answer has no '%s'", where (r, at), parts[2]);
        HINT (r, "It has %s, %s and %s.", gate_keys[0], gate_keys[1], gate_keys[2]);
        return;
    }
    claim = new_claim (r, at,
                       sb_arena_printf (&r->arena, "%s: gate '%s' is not asked before or at step '%s'", where (r, at),
                                        parts[1], at->step->name),
                       "A gate is asked at the step that names it with 'gate ='.");
    users = r->users[gate - 1];
    for (uint32_t i = 0; i < users[0]; i++)
        if (&r->w->steps[users[i + 1]] == at->step || users[0] == MAX_GATE_USERS)
            r->claims[claim].holds = true;
        else
            need_before (r, users[i + 1], at->step, claim);
}

/* ---- one reference ---- */

static void
check_reference (struct refs *r, const struct place *at, const char *text)
{
    size_t n;
    char **parts = sb_split_chain (&r->arena, text, &n);
    const char *head = parts[0];
    const char *words[8] = { "pool", "policy", "params", "run", "steps", "gates" };

    if (at->each != NULL && strcmp (head, at->each) == 0)
        check_chain (r, at, at->each, parts + 1, n - 1);
    else if (strcmp (head, "pool") == 0 || strcmp (head, "policy") == 0)
        check_chain (r, at, head, parts + 1, n - 1);
    else if (strcmp (head, "params") == 0) {
        for (size_t i = 0; n == 2 && i < r->w->nparams; i++)
            if (strcmp (r->w->params[i].key, parts[1]) == 0)
                return;
        FAULT (r, at, "%s: the workflow has no parameter '%s'", where (r, at), n == 2 ? parts[1] : text);
        HINT (r, "Parameters stand in the section [params].");
    } else if (strcmp (head, "run") != 0 && strcmp (head, "steps") != 0 && strcmp (head, "gates") != 0) {
        words[6] = at->each ? at->each : "pool";
        FAULT (r, at, "%s: '%s' is not known here", where (r, at), head);
        if (sb_kind_find (head) != NULL)
            HINT (r, "'%s' is known in a step 'for each = %s'.", head, head);
        else
            hint_word (r, head, words, 7);
    } else if (!at->later) {
        FAULT (r, at, "%s: '${%s}' is not known yet when the plan is made", where (r, at), text);
        HINT (r, "Only parameters, 'undo' parameters and gates may speak of results and of the run.");
    } else if (strcmp (head, "steps") == 0)
        check_step_reference (r, at, parts, n);
    else if (strcmp (head, "gates") == 0)
        check_gate_reference (r, at, parts, n);
    else if (n != 2 || !is_one_of (run_keys, parts[1])) {
        FAULT (r, at, "%s: a run has no '%s'", where (r, at), n > 1 ? parts[1] : "");
        hint_word (r, n > 1 ? parts[1] : "", run_keys, 4);
    }
}

/* ---- texts ---- */

static void
check_text (struct refs *r, const struct place *at, const char *text)
{
    struct sb_piece piece;
    enum sb_piece_type type;

    while (text != NULL && (type = sb_next_piece (&text, &piece)) != SB_PIECE_END) {
        const char *p = piece.s;
        struct sb_term term;

        if (type == SB_PIECE_BROKEN)
            FAULT (r, at, "%s: '${' without its '}'", where (r, at));
        while (type == SB_PIECE_EXPR && sb_next_term (&r->arena, &p, piece.s + piece.n, &term))
            if (!term.literal && *term.text == '\0')
                FAULT (r, at, "%s: an alternative of ${%.*s} is empty", where (r, at), (int) piece.n, piece.s);
            else if (!term.literal)
                check_reference (r, at, term.text);
    }
}

/* Is there such a kind?  Kinds that the core does not know are played by a plugin. */
static bool
check_kind (struct refs *r, const struct place *at, const char *kind)
{
    const char *words[32];
    const char *near;
    size_t n = 0;

    if (sb_kind_find (kind) != NULL)
        return true;
    for (const struct sb_kind *k = sb_kinds; k->name != NULL; k++)
        words[n++] = k->name;
    near = sb_nearest (kind, words, n);
    for (size_t i = 0; r->c != NULL && i < r->c->count; i++)
        if (strcmp (r->c->plugins[i].role, kind) == 0 || (near == NULL && strcmp (r->c->plugins[i].role, "*") == 0))
            return true;
    FAULT (r, at, "%s: there is no kind of object '%s'", where (r, at), kind);
    if (near != NULL)
        HINT (r, "Did you mean '%s'?", near);
    return false;
}

static void
check_selection (struct refs *r, const struct place *at, const struct sb_selection *sel)
{
    if (!check_kind (r, at, sel->kind))
        return;
    for (size_t i = 0; i < sel->nconds; i++) {
        size_t n;
        char **parts;

        check_text (r, at, sel->conds[i].value);
        if (sb_cond_is_text (sel->conds[i].key)) {
            check_text (r, at, sel->conds[i].key);
            continue;
        }
        parts = sb_split_chain (&r->arena, sel->conds[i].key, &n);
        check_chain (r, at, sel->kind, parts, n);
    }
}

static void
check_each (struct refs *r, const struct sb_wf_step *s, struct place *at)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };
    struct sb_selection sel;

    if (s->each == NULL)
        return;
    at->key = "for each";
    at->line = sb_written_line (s->written, s->nwritten, "for each", s->line);
    if (!sb_selection_parse (&r->arena, s->each, &sel, &why)) {
        FAULT (r, at, "%s: %s", where (r, at), sb_buf_cstr (&why));
        return;
    }
    check_selection (r, at, &sel);
    at->each = sel.kind;
}

static void
check_key (struct refs *r, struct place *at, const char *key, const char *text)
{
    at->key = key;
    at->line = sb_written_line (at->step->written, at->step->nwritten, key, at->step->line);
    check_text (r, at, text);
}

static void
check_pairs (struct refs *r, struct place *at, const char *prefix, const struct sb_pair *list, size_t n)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf why = { 0 };

    for (size_t i = 0; i < n; i++) {
        struct sb_selection sel;

        at->key = sb_arena_printf (&r->arena, "%s%s", prefix, list[i].key);
        at->line = list[i].line;
        at->later = strcmp (list[i].key, "on") != 0;
        if (!sb_is_list_selection (list[i].value))
            check_text (r, at, list[i].value);
        else if (sb_list_selection_parse (&r->arena, list[i].value, &sel, &why)) {
            at->later = false;
            check_selection (r, at, &sel);
        }
    }
}

/* A gate's texts, as they read at a step that asks it. */
static void
check_gate_texts (struct refs *r, struct place at)
{
    size_t position = at.step->gate ? (size_t) (uintptr_t) sb_map_get (&r->gates, at.step->gate) : 0;
    const struct sb_wf_gate *g = position ? &r->w->gates[position - 1] : NULL;
    const struct {
        const char *key, *text;
        bool later;
    } texts[] = { { "title", g ? g->title : NULL, false },
                  { "ask", g ? g->ask : NULL, true },
                  { "when", g ? g->when : NULL, true } };

    for (size_t i = 0; g != NULL && i < sizeof texts / sizeof *texts; i++) {
        at.key = sb_arena_printf (&r->arena, "%s of gate '%s'", texts[i].key, g->name);
        at.line = sb_written_line (g->written, g->nwritten, texts[i].key, g->line);
        at.later = texts[i].later;
        at.self = false;
        check_text (r, &at, texts[i].text);
    }
}

static void
check_step (struct refs *r, const struct sb_wf_step *s)
{
    struct place at = { .step = s };

    check_each (r, s, &at);
    check_key (r, &at, "title", s->title);
    check_key (r, &at, "by", s->by);
    check_key (r, &at, "on", s->on);
    for (size_t i = 0; i < s->nproofs; i++) {
        size_t from = sb_wf_graph_find (r->g, s->proofs[i].step);

        at.key = "proof";
        at.line = sb_written_line (s->written, s->nwritten, "proof", s->line);
        if (from != SIZE_MAX)
            need_before (r, from, s,
                         new_claim (r, &at,
                                    sb_arena_printf (&r->arena, "step '%s': its proof '%s' is not before it", s->name,
                                                     s->proofs[i].step),
                                    sb_arena_printf (&r->arena, "Add '%s' to its 'after'.", s->proofs[i].step)));
    }
    check_pairs (r, &at, "", s->params, s->nparams);
    at.self = true;
    check_pairs (r, &at, "undo ", s->undo_params, s->nundo);
    check_gate_texts (r, at);
}

/* ---- who is before whom ---- */

static int
compare_pairs (const void *a, const void *b)
{
    const struct pair_before *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

/* Scratch for the walks; a mark counts only with the number of the present walk. */
struct walk {
    uint32_t now;
    uint32_t *seen, *wanted, *queue;
};

/* Walks the followers of pairs[0].from until all that the n pairs want are met. */
static void
walk_from (struct refs *r, const struct pair_before *pairs, size_t n, struct walk *w)
{
    size_t head = 0, tail = 0, open = 0;

    w->now++;
    for (size_t i = 0; i < n; i++)
        if (w->wanted[pairs[i].to] != w->now) {
            w->wanted[pairs[i].to] = w->now;
            open++;
        }
    w->queue[tail++] = pairs[0].from;
    while (head < tail && open > 0) {
        uint32_t at = w->queue[head++];

        for (uint32_t e = r->g->first[at]; e < r->g->first[at + 1]; e++) {
            uint32_t to = r->g->edges[e];

            if (w->seen[to] == w->now)
                continue;
            w->seen[to] = w->now;
            w->queue[tail++] = to;
            open -= w->wanted[to] == w->now;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (w->seen[pairs[i].to] == w->now)
            r->claims[pairs[i].claim].holds = true;
}

static void
settle_claims (struct refs *r)
{
    uint32_t *scratch = sb_xcalloc (r->w->count + 1, 3 * sizeof *scratch);
    struct walk w = { 0, scratch, scratch + r->w->count + 1, scratch + 2 * (r->w->count + 1) };

    if (r->npairs > 0)
        qsort (r->pairs, r->npairs, sizeof *r->pairs, compare_pairs);
    for (size_t i = 0, j; i < r->npairs; i = j) {
        for (j = i + 1; j < r->npairs && r->pairs[j].from == r->pairs[i].from; j++)
            ;
        walk_from (r, &r->pairs[i], j - i, &w);
    }
    for (size_t i = 0; i < r->nclaims; i++)
        if (!r->claims[i].holds) {
            sb_fault (r->faults, r->w->file, r->claims[i].line, "%s", r->claims[i].sentence);
            HINT (r, "%s", r->claims[i].hint);
        }
    free (scratch);
}

static void
index_gates (struct refs *r)
{
    r->users = sb_arena_alloc (&r->arena, (r->w->ngates + 1) * sizeof *r->users);
    for (size_t i = 0; i < r->w->ngates; i++) {
        sb_map_set (&r->gates, r->w->gates[i].name, (void *) (uintptr_t) (i + 1));
        r->users[i] = sb_arena_alloc (&r->arena, (MAX_GATE_USERS + 1) * sizeof **r->users);
    }
    for (size_t i = 0; i < r->w->count; i++) {
        const char *gate = r->w->steps[i].gate;
        size_t g = gate ? (size_t) (uintptr_t) sb_map_get (&r->gates, gate) : 0;

        if (g > 0 && r->users[g - 1][0] < MAX_GATE_USERS)
            r->users[g - 1][++r->users[g - 1][0]] = (uint32_t) i;
    }
}

void
sb_lint_references (const struct sb_workflow *w, const struct sb_catalogue *c, const struct sb_wf_graph *g,
                    struct sb_faults *faults)
{
    struct refs r = { .w = w, .c = c, .g = g, .faults = faults };
    struct place whole = { .key = "title" };

    index_gates (&r);
    check_text (&r, &whole, w->title);
    whole.key = "leaves";
    whole.line = w->leaves_line;
    check_text (&r, &whole, w->leaves);
    for (size_t i = 0; i < w->count; i++)
        check_step (&r, &w->steps[i]);
    if (g->ordered == w->count)
        settle_claims (&r);
    free (r.pairs);
    free (r.claims);
    sb_map_free (&r.gates);
    sb_arena_release (&r.arena);
}
