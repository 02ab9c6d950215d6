/* The search of one worker: depth first with a stack of its own, each state gone
 * on with once, by whoever meets it first.  A state's count is the sum of its
 * choices' counts (table.c); an end counts one.  What nobody may interfere with
 * is gone through at once and is part of the choice before it. */
#include "prove/crew.h"

#include "core/sys/clock.h"
#include "prove/story.h"

#include <stdlib.h>
#include <string.h>

#define MOST_DEPTH  20000
#define MOST_FORCED 20000 /* moves without a choice: it goes in circles */

/* Of one search for a shorter story; a limit of time would make it another story on another machine. */
#define SHORTEST_TRANSITIONS 20000000

const struct p_budget p_default_budget = { .deaths = 2, .events = 2, .faults = 1, .noes = 1, .total = 2 };

const char *const p_stop_names[] = {
    [P_COMPLETE] = "complete",
    [P_STOPPED_MEMORY] = "stopped at the limit of memory",
    [P_STOPPED_TIME] = "stopped at the limit of time",
    [P_STOPPED_FOUND] = "stopped at a violation",
    [P_STOPPED_DEPTH] = "stopped at the limit of depth",
    [P_STOPPED_SIGNAL] = "stopped by a signal",
};

/* ---------------------------------------------------------------- one choice */

enum went { WENT_ON, WENT_END, WENT_BROKEN, WENT_AGAIN };

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

/* AGAIN: another worker has found new strings at the same time; what was done is good for nothing. */
static enum went
go_on_until_choice (struct p_run *r, uint64_t *transitions, struct p_choice *list, size_t *count)
{
    unsigned forced = 0;

    for (;;) {
        bool goes = p_choices (r->c, r->s, list, count);

        if (!p_state_settle_texts (r->c, r->s))
            return WENT_AGAIN;
        if (r->s->world->ntext < r->c->ntexts) {
            p_break (r, "room", "the worlds hold more strings than there is room for");
            return WENT_BROKEN;
        }
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

/* Fewer disturbances, then fewer choices, then the first in their order: the same story whoever found it. */
static bool
is_better (const struct p_found *a, const struct p_found *b)
{
    if (a->disturbances != b->disturbances)
        return a->disturbances < b->disturbances;
    if (a->path.count != b->path.count)
        return a->path.count < b->path.count;
    return memcmp (a->path.list, b->path.list, a->path.count) < 0;
}

void
p_search_note (struct p_search *p, const struct p_found *one)
{
    struct p_found *f = p->found;

    while (f < p->found + p->nfound && f->rule != one->rule)
        f++;
    if (f == p->found + p->nfound && p->nfound < P_MOST_RULES) {
        *f = *one;
        f->times = 1;
        p->nfound++;
        return;
    }
    if (f < p->found + p->nfound) {
        f->times++;
        if (is_better (one, f)) {
            free (f->why);
            free (f->path.list);
            f->why = one->why;
            f->path = one->path;
            f->disturbances = one->disturbances;
            return;
        }
    }
    free (one->why);
    free (one->path.list);
}

/* The choices that led to the topmost frame, and the one that is being taken there. */
static void
copy_path (const struct p_worker *w, size_t depth, struct p_path *ret)
{
    size_t i;

    *ret = (struct p_path){ .list = sb_xcalloc (w->path.count + depth + 1, 1), .count = w->path.count + depth };
    if (w->path.count)
        memcpy (ret->list, w->path.list, w->path.count);
    for (i = 0; i < depth; i++)
        ret->list[w->path.count + i] = (uint8_t) (w->stack[i]->next - 1);
}

static void
note_found (struct p_worker *w)
{
    struct p_crew *crew = w->crew;
    const struct p_search *p = crew->p;
    unsigned k;

    for (k = 0; k < w->run.nbroken; k++) {
        const struct p_broken *b = &w->run.broken[k];
        struct p_found one = { .rule = p_rule_find (b->rule),
                               .why = sb_xstrdup (b->why),
                               .disturbances = disturbances (p, w->run.s) };

        w->violations++;
        copy_path (w, w->depth, &one.path);
        if (p->first && (!p->only || one.rule == p->only))
            p_crew_stop (crew, P_STOPPED_FOUND);
        pthread_mutex_lock (&crew->lock);
        p_search_note (crew->p, &one);
        pthread_mutex_unlock (&crew->lock);
    }
}

/* ---------------------------------------------------------------- the stack */

struct p_frame *
p_frame_new (const struct p_case *c)
{
    struct p_frame *f = sb_xcalloc (1, sizeof *f);

    f->s = p_state_new (c);
    return f;
}

void
p_frame_free (struct p_frame *f)
{
    if (!f)
        return;
    p_state_free (f->s);
    free (f);
}

static struct p_frame *
room (struct p_worker *w)
{
    if (w->depth == w->made) {
        w->stack = sb_xrealloc (w->stack, w->made + 1, sizeof *w->stack);
        w->stack[w->made++] = p_frame_new (w->c);
    }
    return w->stack[w->depth];
}

/* The count of a choice of the topmost frame. */
static void
add (struct p_worker *w, const struct p_count *n)
{
    struct p_count *sum = w->depth ? &w->stack[w->depth - 1]->sum : &w->histories;

    if (!p_count_add (sum, n))
        p_crew_stop (w->crew, P_STOPPED_DEPTH);
}

static void
not_entered (struct p_worker *w, enum p_known known, struct p_count *n)
{
    if (known == P_FULL)
        p_crew_stop (w->crew, P_STOPPED_MEMORY);
    if (known == P_CIRCLE || known == P_CLASH) {
        w->run.nbroken = 0;
        p_break (&w->run, known == P_CIRCLE ? "every-history-ends" : "no-clash", "%s",
                 known == P_CIRCLE ? "it goes in circles" : "two states have one hash");
        note_found (w);
        p_count_one (n);
    }
    if (known != P_OPEN)
        add (w, n);
}

/* The state of the topmost, free frame: known already, or gone on with. */
static void
enter (struct p_worker *w)
{
    struct p_frame *f = w->stack[w->depth];
    struct p_crew *crew = w->crew;
    struct p_count n = { { 0 } };
    enum p_known known = P_NEW;

    f->next = 0;
    f->sum = (struct p_count){ { 0 } };
    f->open = NULL;
    f->lent = false;
    if (crew->table) {
        struct p_entering in = { .worker = w->number, .bytes = &w->bytes };

        p_state_canonical (w->c, f->s, &w->bytes);
        in.h = p_hash_of (&w->bytes);
        in.from = w->depth ? w->stack[w->depth - 1]->open : p_table_top (crew->table);
        known = p_table_enter (crew->table, &in, &f->open, &n);
    }
    if (known != P_NEW) {
        not_entered (w, known, &n);
        return;
    }
    w->states++;
    w->depth++;
    if (w->depth > w->deepest)
        w->deepest = (uint32_t) w->depth;
    if (w->depth == MOST_DEPTH)
        p_crew_stop (crew, P_STOPPED_DEPTH);
}

static void
arrived (struct p_worker *w, enum went went)
{
    struct p_count n;

    note_found (w);
    if (went == WENT_BROKEN) {
        p_count_one (&n);
        add (w, &n);
        return;
    }
    if (went == WENT_END)
        w->stack[w->depth]->count = 0;
    enter (w);
}

static void
leave (struct p_worker *w)
{
    struct p_frame *f = w->stack[--w->depth];

    if (f->count == 0)
        p_count_one (&f->sum);
    if (!f->open) {
        add (w, &f->sum);
        return;
    }
    if (!f->lent)
        p_table_off_stack (w->crew->table, f->open);
    if (!p_table_add (w->crew->table, f->open, &f->sum))
        p_crew_stop (w->crew, P_STOPPED_DEPTH);
}

void
p_worker_step (struct p_worker *w)
{
    struct p_frame *f = w->stack[w->depth - 1], *to;
    enum went went = WENT_AGAIN;

    if (f->next == f->count) {
        leave (w);
        return;
    }
    to = room (w);
    f = w->stack[w->depth - 1];
    w->run.s = to->s;
    f->next++;
    while (went == WENT_AGAIN) {
        uint64_t transitions = 0;

        p_case_refresh (w->c);
        p_state_assign (w->c, to->s, f->s);
        went = take (&w->run, f->list[f->next - 1], &transitions, to->list, &to->count);
        if (went != WENT_AGAIN)
            w->transitions += transitions;
    }
    arrived (w, went);
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

void
p_worker_begin (struct p_worker *w)
{
    struct p_frame *f = room (w);
    uint64_t transitions = 1;
    enum went went;

    p_case_refresh (w->c);
    w->run = (struct p_run){ .c = w->c, .s = f->s };
    give_budget (&w->crew->p->budget, f->s);
    p_scenario (w->c, f->s);
    p_begin (&w->run);
    went = go_on_until_choice (&w->run, &transitions, f->list, &f->count);
    w->transitions += transitions;
    arrived (w, went);
}

void
p_worker_free (struct p_worker *w)
{
    size_t i;

    for (i = 0; i < w->made; i++)
        p_frame_free (w->stack[i]);
    free (w->stack);
    free (w->path.list);
    sb_buf_free (&w->bytes);
    sb_turn_free (&w->run.turn);
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
p_shortest (struct p_case *c, const struct p_rule *rule, const struct p_search *whole, struct p_found *ret,
            struct p_budget *ret_budget)
{
    const struct p_budget *most = &whole->budget;
    unsigned total, noes;

    for (total = 0; total <= most->total; total++)
        for (noes = 0; noes <= least (most->noes, 1); noes++) {
            struct p_search p = { .budget = *most,
                                  .merge = true,
                                  .first = true,
                                  .only = rule,
                                  .memory = (size_t) 256 << 20,
                                  .most = SHORTEST_TRANSITIONS,
                                  .progress = whole->progress,
                                  .ctx = whole->ctx,
                                  .deadline_ms = SB_NEVER };
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
    struct p_frame *f = p_frame_new (c);
    struct p_run r = { .c = c, .s = f->s, .teller = teller };
    uint64_t transitions = 0;
    enum went went;
    size_t i;

    p_case_refresh (c);
    give_budget (b, f->s);
    p_scenario (c, f->s);
    p_begin (&r);
    went = go_on_until_choice (&r, &transitions, f->list, &f->count);
    for (i = 0; went == WENT_ON && i < path->count && path->list[i] < f->count; i++)
        went = take (&r, f->list[path->list[i]], &transitions, f->list, &f->count);
    while (went == WENT_ON && i >= path->count && teller && teller->script) /* a script goes on to the end */
        went = take (&r, f->list[0], &transitions, f->list, &f->count);
    p_tell_over (&r);
    p_frame_free (f);
    sb_turn_free (&r.turn);
}
