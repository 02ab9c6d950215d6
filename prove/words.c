/* What a step is called with and what it answered, as small numbers: equal
 * texts have equal numbers, in all states.
 *
 * The rules are those of core/engine/run_calls.c (expansion when the intention
 * is written, results in layers), with the same functions of core/engine/store.h.
 * Results that nothing in the plan reads are forgotten at once: they cannot
 * change what happens. */
#include "prove/prove.h"

#include "core/base/text.h"
#include "core/model/expr.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- which results somebody reads */

/* "steps.quote[a.b].window s": a name may hold dots, a key does not. */
static void
want_reference (struct p_case *c, const char *reference)
{
    const char *last = strrchr (reference, '.');

    if (strncmp (reference, "steps.", 6) == 0 && last > reference + 5)
        sb_map_set (&c->wanted, reference + 6, (void *) (uintptr_t) 1);
}

static void
want_text (struct p_case *c, const char *text)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    struct sb_piece piece;
    struct sb_term term;
    enum sb_piece_type type;

    while (text && (type = sb_next_piece (&text, &piece)) != SB_PIECE_END) {
        const char *p = piece.s;

        while (type == SB_PIECE_EXPR && sb_next_term (&a, &p, piece.s + piece.n, &term))
            if (!term.literal)
                want_reference (c, term.text);
    }
}

static void
want_params (struct p_case *c, const struct sb_plan_param *list, size_t n)
{
    size_t k, i;

    for (k = 0; k < n; k++) {
        if (!list[k].refers)
            continue;
        want_text (c, list[k].value);
        for (i = 0; list[k].items && list[k].items[i]; i++)
            want_text (c, list[k].items[i]);
    }
}

void
p_words_init (struct p_case *c)
{
    uint32_t i;

    for (i = 0; i < c->plan.count; i++) {
        want_params (c, c->plan.steps[i].params, c->plan.steps[i].nparams);
        want_params (c, c->plan.steps[i].undo_params, c->plan.steps[i].nundo);
    }
    for (i = 0; i < c->plan.ngates; i++)
        want_text (c, c->plan.gates[i].when);
}

void
p_words_free (struct p_case *c)
{
    p_book_free (c->book);
    c->book = NULL;
    sb_map_free (&c->wanted);
}

/* ---------------------------------------------------------------- texts: shared by all workers, each with a book */

/* A text has one number for all.  What a worker has met once it finds without asking the others. */
struct p_book {
    struct sb_map ids;  /* text -> number */
    const char **texts; /* by number; owned by the shared store */
    json_t **results;   /* by number of their text; this worker's own */
    size_t cap;
};

struct p_book *
p_book_new (void)
{
    return sb_xcalloc (1, sizeof (struct p_book));
}

void
p_book_free (struct p_book *book)
{
    size_t i;

    if (!book)
        return;
    for (i = 0; i < book->cap; i++)
        json_decref (book->results[i]);
    free (book->results);
    free (book->texts);
    sb_map_free (&book->ids);
    free (book);
}

static void
write_down (struct p_book *book, uint32_t id, const char *text)
{
    size_t cap = book->cap;

    if (id >= cap) {
        book->cap = (size_t) id * 2 + 64;
        book->texts = sb_xrealloc (book->texts, book->cap, sizeof *book->texts);
        book->results = sb_xrealloc (book->results, book->cap, sizeof *book->results);
        memset (book->texts + cap, 0, (book->cap - cap) * sizeof *book->texts);
        memset (book->results + cap, 0, (book->cap - cap) * sizeof *book->results);
    }
    if (book->texts[id])
        return;
    book->texts[id] = text;
    sb_map_set (&book->ids, text, (void *) (uintptr_t) id);
}

uint32_t
p_text_id (struct p_case *c, const char *text)
{
    void *known = text && *text ? sb_map_get (&c->book->ids, text) : NULL;
    uint32_t id;

    if (!text || !*text)
        return 0;
    if (known)
        return (uint32_t) (uintptr_t) known;
    pthread_mutex_lock (&c->shared->lock);
    id = sb_store_text (&c->shared->store, text);
    text = sb_store_get_text (&c->shared->store, id);
    pthread_mutex_unlock (&c->shared->lock);
    write_down (c->book, id, text);
    return id;
}

const char *
p_text_of (const struct p_case *c, uint32_t id)
{
    const char *text;

    if (id == 0)
        return NULL;
    if (id < c->book->cap && c->book->texts[id])
        return c->book->texts[id];
    pthread_mutex_lock (&c->shared->lock);
    text = sb_store_get_text (&c->shared->store, id);
    pthread_mutex_unlock (&c->shared->lock);
    if (text)
        write_down (c->book, id, text);
    return text;
}

/* ---------------------------------------------------------------- results */

uint32_t
p_results_id (struct p_case *c, json_t *results)
{
    char *text = json_object_size (results) ? json_dumps (results, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    uint32_t id = p_text_id (c, text);

    free (text);
    if (id && !c->book->results[id])
        c->book->results[id] = json_incref (results);
    json_decref (results);
    return id;
}

json_t *
p_results_of (struct p_case *c, uint32_t id)
{
    const char *text = p_text_of (c, id);

    if (text && !c->book->results[id]) /* another worker's words */
        c->book->results[id] = json_loads (text, 0, NULL);
    return text ? c->book->results[id] : NULL;
}

const char *
p_result (struct p_case *c, const struct sb_engine *e, uint32_t step, const char *key)
{
    return json_string_value (json_object_get (p_results_of (c, sb_engine_steps (e)[step].result), key));
}

/* ---------------------------------------------------------------- references */

struct expanding {
    struct p_case *c;
    const struct p_state *s;
};

static const char *
gate_value (const struct expanding *x, const char *name, const char *key)
{
    const struct sb_plan *p = &x->c->plan;
    uint32_t g;

    for (g = 0; g < p->ngates && strcmp (p->gates[g].name, name) != 0; g++)
        continue;
    if (g == p->ngates || sb_engine_gates (x->s->e)[g] != SB_GATE_YES)
        return NULL;
    return strcmp (key, "grade") == 0 ? "declared"
           : strcmp (key, "by") == 0  ? "somebody"
           : strcmp (key, "at") == 0  ? "2026-01-01T00:00:00Z"
                                      : NULL;
}

static const char *
run_value (const char *key)
{
    return strcmp (key, "id") == 0        ? "prove"
           : strcmp (key, "dir") == 0     ? "/run/prove"
           : strcmp (key, "started") == 0 ? "2026-01-01T00:00:00Z"
           : strcmp (key, "stamp") == 0   ? "20260101000000"
                                          : NULL;
}

static const char *
look_up (void *ctx, const char *reference)
{
    const struct expanding *x = ctx;
    const char *dot = strchr (reference, '.'), *last = strrchr (reference, '.');
    SB_AUTOFREE char *name = NULL;
    uint32_t i;

    if (!dot)
        return NULL;
    if (strncmp (reference, "run.", 4) == 0)
        return run_value (dot + 1);
    if (last == dot)
        return NULL;
    name = sb_xstrndup (dot + 1, (size_t) (last - dot - 1));
    if (strncmp (reference, "gates.", 6) == 0)
        return gate_value (x, name, last + 1);
    i = strncmp (reference, "steps.", 6) == 0 ? sb_plan_find (&x->c->plan, name) : SB_NO_STEP;
    if (i == SB_NO_STEP || !sb_engine_gives_results (&sb_engine_steps (x->s->e)[i]))
        return NULL;
    return p_result (x->c, x->s->e, i, last + 1);
}

char *
p_expand (struct p_case *c, const struct p_state *s, const char *text)
{
    struct expanding x = { c, s };

    return sb_expand (text, look_up, &x);
}

/* ---------------------------------------------------------------- parameters */

static void
add_param (struct p_case *c, const struct p_state *s, json_t *out, const struct sb_plan_param *p)
{
    struct sb_buf b = { 0 };
    size_t k;

    for (k = 0; p->items && p->items[k]; k++) {
        SB_AUTOFREE char *text = p->refers ? p_expand (c, s, p->items[k]) : NULL;
        const char *item = text ? text : p->items[k];

        if (*item)
            sb_buf_printf (&b, "%s%s", b.len ? ", " : "", item);
    }
    if (p->value) {
        SB_AUTOFREE char *text = p->refers ? p_expand (c, s, p->value) : NULL;

        sb_buf_str (&b, text ? text : p->value);
    }
    if (b.len || p->items)
        json_object_set_new (out, p->name, json_string (sb_buf_cstr (&b)));
    sb_buf_free (&b);
}

uint32_t
p_params (struct p_case *c, const struct p_state *s, uint32_t step, bool undo)
{
    const struct sb_plan_step *p = &c->plan.steps[step];
    const struct sb_plan_param *list = undo ? p->undo_params : p->params;
    size_t n = undo ? p->nundo : p->nparams, k;
    json_t *out = json_object ();

    for (k = 0; k < n; k++)
        add_param (c, s, out, &list[k]);
    return p_results_id (c, out);
}

const char *
p_target (const struct p_case *c, const struct p_state *s, uint32_t step)
{
    const struct sb_plan_step *p = &c->plan.steps[step];

    return p->on_rule == SB_ON_PRINCIPAL ? p_text_of (c, sb_engine_steps (s->e)[step].target)
           : p->on_rule == SB_ON_OBJECT  ? p->on
                                         : NULL;
}
