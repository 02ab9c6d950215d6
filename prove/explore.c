/* The search: depth first with a stack of its own, each state gone on with once.
 * A state's count is the sum of its choices' counts, added when all of them are
 * known; an end counts one.  What nobody may interfere with is gone through at
 * once and is part of the choice before it. */
#include "prove/prove.h"

#include "core/sys/clock.h"
#include "prove/story.h"

#include <stdlib.h>
#include <string.h>

#define MOST_DEPTH  20000
#define MOST_FORCED 20000 /* moves without a choice: it goes in circles */

const struct p_budget p_default_budget = { .deaths = 2, .events = 2, .faults = 1, .noes = 1, .total = 2 };

const char *const p_stop_names[] = {
    [P_COMPLETE] = "complete",
    [P_STOPPED_MEMORY] = "stopped at the limit of memory",
    [P_STOPPED_TIME] = "stopped at the limit of time",
    [P_STOPPED_FOUND] = "stopped at a violation",
    [P_STOPPED_DEPTH] = "stopped at the limit of depth",
    [P_STOPPED_SIGNAL] = "stopped by a signal",
};

struct frame {
    struct p_state *s;
    struct p_choice list[P_CHOICES];
    size_t count, next;
    struct p_count sum;
    struct p_hash h;
};

struct searching {
    struct p_case *c;
    struct p_search *p;
    struct p_table *table;
    struct frame **stack;
    size_t depth, made;
    struct p_run run;
    struct sb_buf bytes;
};

/* ---------------------------------------------------------------- one choice */

enum went { WENT_ON, WENT_END, WENT_BROKEN };

static bool
is_fatal (const struct p_run *r)
{
    const struct p_rule *rule;
    unsigned k;

    for (k = 0; k < r->nbroken; k++)
        if ((rule = p_rule_find (r->broken[k].rule)) && rule->fatal)
            return true;
    return false;
}

static enum went
go_on_until_choice (struct p_run *r, uint64_t *transitions, struct p_choice *list, size_t *count)
{
    unsigned forced = 0;

    for (;;) {
        bool goes = p_choices (r->c, r->s, list, count);

        p_state_settle_texts (r->c, r->s);
        p_rules_look (r, !goes);
        if (is_fatal (r))
            return WENT_BROKEN;
        if (!goes)
            return WENT_END;
        if (*count > 1 || (*count == 1 && list[0].kind != P_GO))
            return WENT_ON;
        if (forced++ == MOST_FORCED) {
            p_break (r, "every-history-ends", "it goes in circles");
            return WENT_BROKEN;
        }
        p_take (r, list[0]);
        ++*transitions;
    }
}

static enum went
take (struct p_run *r, struct p_choice choice, uint64_t *transitions, struct p_choice *list, size_t *count)
{
    r->nbroken = 0;
    p_take (r, choice);
    ++*transitions;
    return go_on_until_choice (r, transitions, list, count);
}

/* ---------------------------------------------------------------- what was found */

static unsigned
disturbances (const struct p_search *p, const struct p_state *s)
{
    return p->budget.total - s->total + (p->budget.noes - s->noes);
}

static void
note_one (struct searching *x, const struct p_broken *b)
{
    struct p_search *p = x->p;
    const struct p_rule *rule = p_rule_find (b->rule);
    struct p_found *f = p->found;
    size_t i;

    p->violations++;
    while (f < p->found + p->nfound && f->rule != rule)
        f++;
    if (f == p->found + p->nfound) {
        if (p->nfound == P_MOST_RULES)
            return;
        p->nfound++;
        *f = (struct p_found){ .rule = rule };
    }
    f->times++;
    if (f->why && f->path.cap <= disturbances (p, x->run.s))
        return;
    free (f->why);
    f->why = sb_xstrdup (b->why);
    f->path.cap = disturbances (p, x->run.s); /* how good it is; the list itself never grows */
    f->path.count = x->depth;
    f->path.list = sb_xrealloc (f->path.list, x->depth + 1, 1);
    for (i = 0; i < x->depth; i++)
        f->path.list[i] = (uint8_t) (x->stack[i]->next - 1);
    if (p->first && (!p->only || rule == p->only))
        p->stop = P_STOPPED_FOUND;
}

static void
note_found (struct searching *x)
{
    unsigned k;

    for (k = 0; k < x->run.nbroken; k++)
        note_one (x, &x->run.broken[k]);
}

/* ---------------------------------------------------------------- the stack */

static struct frame *
room (struct searching *x)
{
    if (x->depth == x->made) {
        x->stack = sb_xrealloc (x->stack, x->made + 1, sizeof *x->stack);
        x->stack[x->made] = sb_xcalloc (1, sizeof **x->stack);
        x->stack[x->made++]->s = p_state_new (x->c);
    }
    return x->stack[x->depth];
}

/* The state of the topmost, free frame: known already, or gone on with. */
static void
enter (struct searching *x, struct p_count *known, bool *ret_is_known)
{
    struct frame *f = x->stack[x->depth];
    enum p_known k = P_NEW;

    f->next = 0;
    f->sum = (struct p_count){ { 0 } };
    *ret_is_known = false;
    if (x->p->merge) {
        p_state_canonical (x->c, f->s, &x->bytes);
        f->h = p_hash_of (&x->bytes);
        k = p_table_enter (x->table, f->h, &x->bytes, known);
    }
    if (k == P_NEW) {
        x->p->states++;
        x->depth++;
        if (x->depth > x->p->deepest)
            x->p->deepest = (uint32_t) x->depth;
        if (x->depth == MOST_DEPTH)
            x->p->stop = P_STOPPED_DEPTH;
        return;
    }
    *ret_is_known = true;
    if (k == P_FULL)
        x->p->stop = P_STOPPED_MEMORY;
    if (k == P_OPEN || k == P_CLASH) {
        x->run.nbroken = 0;
        p_break (&x->run, k == P_OPEN ? "every-history-ends" : "no-clash", "%s",
                 k == P_OPEN ? "it goes in circles" : "two states have one hash");
        note_found (x);
        p_count_one (known);
    }
}

static void
add (struct searching *x, const struct p_count *n)
{
    struct p_count *sum = x->depth ? &x->stack[x->depth - 1]->sum : &x->p->histories;

    if (!p_count_add (sum, n))
        x->p->stop = P_STOPPED_DEPTH;
}

static void
arrived (struct searching *x, enum went went)
{
    struct p_count n;
    bool known;

    note_found (x);
    if (went == WENT_BROKEN) {
        p_count_one (&n);
        add (x, &n);
        return;
    }
    if (went == WENT_END)
        x->stack[x->depth]->count = 0;
    enter (x, &n, &known);
    if (known)
        add (x, &n);
}

static void
leave (struct searching *x)
{
    struct frame *f = x->stack[--x->depth];

    if (f->count == 0)
        p_count_one (&f->sum);
    if (x->p->merge)
        p_table_close (x->table, f->h, &f->sum);
    add (x, &f->sum);
}

static void
step (struct searching *x)
{
    struct frame *f = x->stack[x->depth - 1], *to;

    if (f->next == f->count) {
        leave (x);
        return;
    }
    to = room (x);
    f = x->stack[x->depth - 1];
    p_state_assign (x->c, to->s, f->s);
    x->run.s = to->s;
    arrived (x, take (&x->run, f->list[f->next++], &x->p->transitions, to->list, &to->count));
}

static void
now_and_then (struct searching *x)
{
    if ((x->p->transitions & 0x3ff) != 0)
        return;
    if (x->p->deadline_ms != SB_NEVER && sb_mono_ms () > x->p->deadline_ms)
        x->p->stop = P_STOPPED_TIME;
    if (x->p->most && x->p->transitions > x->p->most)
        x->p->stop = P_STOPPED_TIME;
    if (x->p->progress)
        x->p->progress (x->p->ctx, x->p);
}

static void
give_budget (const struct p_budget *b, struct p_state *s)
{
    s->deaths = (uint8_t) b->deaths;
    s->events = (uint8_t) b->events;
    s->faults = (uint8_t) b->faults;
    s->noes = (uint8_t) b->noes;
    s->total = (uint8_t) b->total;
}

static void
begin (struct searching *x)
{
    struct p_search *p = x->p;
    struct frame *f = room (x);

    x->run = (struct p_run){ .c = x->c, .s = f->s };
    give_budget (&p->budget, f->s);
    p_scenario (x->c, f->s);
    p_begin (&x->run);
    p->transitions++;
    arrived (x, go_on_until_choice (&x->run, &p->transitions, f->list, &f->count));
}

void
p_explore (struct p_case *c, struct p_search *p)
{
    struct searching x = { .c = c, .p = p };
    size_t i;

    x.table = p->merge ? p_table_new (p->memory, p->full_compare) : NULL;
    begin (&x);
    while (x.depth > 0 && p->stop == P_COMPLETE) {
        step (&x);
        now_and_then (&x);
    }
    p->engine_events = x.run.events;
    for (i = 0; i < x.made; i++) {
        p_state_free (x.stack[i]->s);
        free (x.stack[i]);
    }
    free (x.stack);
    p_table_free (x.table);
    sb_buf_free (&x.bytes);
    sb_turn_free (&x.run.turn);
}

void
p_search_free (struct p_search *p)
{
    size_t i;

    for (i = 0; i < p->nfound; i++) {
        free (p->found[i].why);
        free (p->found[i].path.list);
    }
    p->nfound = 0;
}

/* ---------------------------------------------------------------- the shortest */

static unsigned
least (unsigned a, unsigned b)
{
    return a < b ? a : b;
}

bool
p_shortest (struct p_case *c, const struct p_rule *rule, const struct p_budget *most, struct p_found *ret,
            struct p_budget *ret_budget)
{
    unsigned total, noes;

    for (total = 0; total <= most->total; total++)
        for (noes = 0; noes <= least (most->noes, 1); noes++) {
            struct p_search p = { .budget = *most,
                                  .merge = true,
                                  .first = true,
                                  .only = rule,
                                  .memory = (size_t) 256 << 20,
                                  .deadline_ms = sb_deadline_in (20000) };
            size_t i;

            p.budget.total = total;
            p.budget.noes = noes;
            p.budget.deaths = least (p.budget.deaths, total);
            p.budget.events = least (p.budget.events, total);
            p.budget.faults = least (p.budget.faults, total);
            p_explore (c, &p);
            for (i = 0; i < p.nfound && p.found[i].rule != rule; i++)
                continue;
            if (i < p.nfound) {
                *ret = p.found[i];
                *ret_budget = p.budget;
                p.found[i] = (struct p_found){ .rule = rule };
            }
            p_search_free (&p);
            if (ret->rule == rule)
                return true;
        }
    return false;
}

/* ---------------------------------------------------------------- one history again */

void
p_walk (struct p_case *c, const struct p_budget *b, const struct p_path *path, struct p_teller *teller)
{
    struct p_search p = { .budget = *b, .deadline_ms = SB_NEVER };
    struct searching x = { .c = c, .p = &p };
    struct frame *f = room (&x);
    enum went went;
    size_t i;

    give_budget (&p.budget, f->s);
    p_scenario (c, f->s);
    x.run = (struct p_run){ .c = c, .s = f->s, .teller = teller };
    p_begin (&x.run);
    went = go_on_until_choice (&x.run, &p.transitions, f->list, &f->count);
    for (i = 0; went == WENT_ON && i < path->count && path->list[i] < f->count; i++)
        went = take (&x.run, f->list[path->list[i]], &p.transitions, f->list, &f->count);
    while (went == WENT_ON && i >= path->count && teller && teller->script) /* a script goes on to the end */
        went = take (&x.run, f->list[0], &p.transitions, f->list, &f->count);
    p_tell_over (&x.run);
    p_state_free (f->s);
    free (f);
    free (x.stack);
    sb_turn_free (&x.run.turn);
}
