/* A plan for people: in waves (what can run at the same time), each step with
 * its title, its action and target, its gate and how it is taken back; a line
 * across the page where the way back ends. */
#include "core/model/plan.h"

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/model/expr.h"

#include <stdlib.h>
#include <string.h>

/* The wave of each step: the longest way to it; and, for each wave, its steps in order. */
struct waves {
    uint32_t *of, *first, *steps;
    uint32_t count;
};

static void
make_waves (struct waves *w, const struct sb_plan *p)
{
    uint32_t *fill;

    w->of = sb_xcalloc ((size_t) p->count + 1, sizeof *w->of);
    for (uint32_t i = 0; i < p->count; i++) {
        for (size_t e = 0; e < p->steps[i].nafter; e++)
            if (w->of[i] <= w->of[p->steps[i].after[e]])
                w->of[i] = w->of[p->steps[i].after[e]] + 1;
        if (w->count <= w->of[i])
            w->count = w->of[i] + 1;
    }
    w->first = sb_xcalloc ((size_t) w->count + 2, sizeof *w->first);
    w->steps = sb_xcalloc ((size_t) p->count + 1, sizeof *w->steps);
    for (uint32_t i = 0; i < p->count; i++)
        w->first[w->of[i] + 1]++;
    for (uint32_t i = 0; i < w->count; i++)
        w->first[i + 1] += w->first[i];
    fill = sb_xcalloc ((size_t) w->count + 1, sizeof *fill);
    memcpy (fill, w->first, w->count * sizeof *fill);
    for (uint32_t i = 0; i < p->count; i++)
        w->steps[fill[w->of[i]]++] = i;
    free (fill);
}

static void
free_waves (struct waves *w)
{
    free (w->of);
    free (w->first);
    free (w->steps);
}

static void
write_target (struct sb_buf *b, const struct sb_plan_step *s)
{
    switch (s->on_rule) {
    case SB_ON_NOTHING:
        sb_buf_printf (b, " by %s '%s'", s->kind, s->object);
        break;
    case SB_ON_OBJECT:
        sb_buf_printf (b, " on %s", s->on);
        break;
    case SB_ON_PRINCIPAL:
        sb_buf_printf (b, " on the principal of %s in %s", s->on_database, s->on_site);
        break;
    }
    if (s->site != NULL && s->on_rule != SB_ON_PRINCIPAL && (s->on == NULL || strcmp (s->on, s->site) != 0))
        sb_buf_printf (b, " (%s)", s->site);
}

static void
write_param (struct sb_buf *b, const struct sb_plan_param *q)
{
    sb_buf_printf (b, "      %s = ", q->name);
    if (q->items == NULL)
        sb_buf_str (b, q->value);
    for (size_t i = 0; q->items != NULL && q->items[i] != NULL; i++)
        sb_buf_printf (b, "%s%s", i ? ", " : "", q->items[i]);
    sb_buf_char (b, '\n');
}

static void
write_undo (struct sb_buf *b, const struct sb_plan_step *s)
{
    if (s->effect == SB_READS)
        sb_buf_str (b, "; only reads");
    else if (s->undo == SB_UNDO_VERB)
        sb_buf_printf (b, "; undo: %s%s%s", s->undo_verb, s->undo_on ? " on " : "", s->undo_on ? s->undo_on : "");
    else if (s->undo == SB_UNDO_NONE)
        sb_buf_printf (b, "; nothing takes it back%s", s->gate == SB_NO_GATE ? ", and no gate asks before it" : "");
    else
        sb_buf_str (b, "; harmless if left");
}

static void
write_step (struct sb_buf *b, const struct sb_plan *p, const struct sb_plan_step *s)
{
    static const char *const darks[] = { "", "; if dark: owed", "; if dark: skipped" };

    if (strcmp (s->title, s->base) == 0)
        sb_buf_printf (b, "  %s\n", s->name);
    else
        sb_buf_printf (b, "  %-32s  %s\n", s->name, s->title);
    if (s->gate != SB_NO_GATE)
        sb_buf_printf (b, "      gate %s%s: %s\n", p->gates[s->gate].name,
                       p->gates[s->gate].persons > 1 ? " (two persons)" : "", p->gates[s->gate].title);
    if (s->role == NULL)
        return;
    sb_buf_printf (b, "      %s.%s", s->role, s->verb);
    write_target (b, s);
    write_undo (b, s);
    sb_buf_str (b, darks[s->if_dark]);
    if (s->optional)
        sb_buf_str (b, "; optional");
    sb_buf_char (b, '\n');
    for (size_t i = 0; i < s->nparams; i++)
        write_param (b, &s->params[i]);
}

static bool
wave_has_no_return (const struct sb_plan *p, const struct waves *w, uint32_t wave)
{
    for (uint32_t i = w->first[wave]; i < w->first[wave + 1]; i++)
        if (p->steps[w->steps[i]].no_return)
            return true;
    return false;
}

char *
sb_plan_to_text (const struct sb_plan *p)
{
    struct sb_buf b = { 0 };
    struct waves w = { 0 };
    bool crossed = false;

    make_waves (&w, p);
    sb_buf_printf (&b, "%s%s: %s\n", p->drill ? "DRILL " : "", p->workflow, p->title);
    sb_buf_printf (&b, "pool %s, %u steps in %u waves%s\n", p->pool, p->count, w.count,
                   p->needs_approval ? ", needs approval" : "");
    sb_buf_printf (&b, "plan %s\n", p->digest);
    for (uint32_t i = 0; i < w.count; i++) {
        if (!crossed && wave_has_no_return (p, &w, i)) {
            sb_buf_str (&b, "\n---- point of no return ----\n");
            crossed = true;
        }
        sb_buf_printf (&b, "\nwave %u\n", i + 1);
        for (uint32_t n = w.first[i]; n < w.first[i + 1]; n++)
            write_step (&b, p, &p->steps[w.steps[n]]);
    }
    free_waves (&w);
    return sb_buf_take (&b);
}
