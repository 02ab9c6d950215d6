/* Prediction: numbers of earlier runs, and the longest way through the plan. */
#include "cli/forecast.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define RUNS      20
#define MOST_PATH 12 /* names of the critical path that are told */

struct gathering {
    struct cli_forecast *f;
    const struct sb_plan *plan;
    int64_t ms[RUNS];
    size_t n;
    uint32_t step;
};

static void
finish_step (struct gathering *g)
{
    if (g->step != SB_NO_STEP && g->n > 0) {
        g->f->past[g->step] = sb_past_of (g->ms, g->n);
        g->f->known++;
        if (g->n > g->f->runs)
            g->f->runs = (uint32_t) g->n;
    }
    g->n = 0;
}

/* Rows come by step, newest run first. */
static void
add (void *ctx, const char *step, int64_t ms)
{
    struct gathering *g = ctx;

    if (g->step == SB_NO_STEP || strcmp (g->plan->steps[g->step].name, step) != 0) {
        finish_step (g);
        g->step = sb_plan_find (g->plan, step);
    }
    if (g->step != SB_NO_STEP && g->n < RUNS)
        g->ms[g->n++] = ms;
}

void
cli_forecast_make (struct cli_forecast *f, struct sb_journal *j, const struct sb_plan *plan)
{
    struct gathering g = { .f = f, .plan = plan, .step = SB_NO_STEP };

    *f = (struct cli_forecast){ .past = sb_xcalloc (plan->count + 1, sizeof *f->past) };
    sb_journal_past (j, plan->workflow, plan->pool, plan->drill, add, &g);
    finish_step (&g);
}

void
cli_forecast_free (struct cli_forecast *f)
{
    free (f->past);
    *f = (struct cli_forecast){ 0 };
}

static int64_t
way (const struct cli_forecast *f, const struct sb_plan *plan, bool p90, uint32_t *ret_last, uint32_t *from)
{
    int64_t *ms = sb_xcalloc (plan->count + 1, sizeof *ms), whole;
    uint32_t i;

    for (i = 0; i < plan->count; i++)
        ms[i] = p90 ? f->past[i].p90_ms : f->past[i].median_ms;
    whole = sb_forecast (plan, ms, ret_last, from);
    free (ms);
    return whole;
}

/* Names of the steps of the critical path that take time, first one first. */
static json_t *
critical (const struct cli_forecast *f, const struct sb_plan *plan)
{
    uint32_t *from = sb_xcalloc (plan->count + 1, sizeof *from), last, i;
    json_t *list = json_array ();

    way (f, plan, false, &last, from);
    for (i = last; i != SB_NO_STEP; i = from[i])
        if (f->past[i].median_ms > 0)
            json_array_insert_new (list, 0, json_string (plan->steps[i].name));
    free (from);
    return list;
}

json_t *
cli_forecast_json (const struct cli_forecast *f, const struct sb_plan *plan)
{
    json_t *steps;
    uint32_t i;

    if (f->known == 0)
        return NULL;
    steps = json_object ();
    for (i = 0; i < plan->count; i++)
        if (f->past[i].samples > 0)
            json_object_set_new (steps, plan->steps[i].name,
                                 json_pack ("{s:I, s:I, s:i}", "median_ms", (json_int_t) f->past[i].median_ms, "p90_ms",
                                            (json_int_t) f->past[i].p90_ms, "runs", (int) f->past[i].samples));
    return json_pack ("{s:I, s:I, s:i, s:o, s:o}", "median_ms", (json_int_t) way (f, plan, false, NULL, NULL), "p90_ms",
                      (json_int_t) way (f, plan, true, NULL, NULL), "known", (int) f->known, "steps", steps, "critical",
                      critical (f, plan));
}

bool
cli_forecast_words (const struct cli_forecast *f, const struct sb_plan *plan, struct sb_buf *out)
{
    json_t *path, *name;
    size_t i;

    if (f->known == 0)
        return false;
    path = critical (f, plan);
    sb_buf_str (out, "about ");
    sb_format_duration (out, way (f, plan, false, NULL, NULL));
    sb_buf_str (out, ", at most ");
    sb_format_duration (out, way (f, plan, true, NULL, NULL));
    sb_buf_printf (out, " in nine of ten, without people's time (from %u run%s; %u of %u steps have a past", f->runs,
                   f->runs == 1 ? "" : "s", f->known, plan->count);
    json_array_foreach (path, i, name) if (i < MOST_PATH)
            sb_buf_printf (out, "%s%s", i == 0 ? "; critical path: " : ", ", json_string_value (name));
    sb_buf_str (out, json_array_size (path) > MOST_PATH ? ", ...)" : ")");
    json_decref (path);
    return true;
}

int64_t
cli_forecast_left (struct cli *c, struct sb_journal *j, const char *run, const struct sb_plan *plan, int64_t now)
{
    struct cli_forecast f;
    struct sb_journal_step *states;
    int64_t *ms, left = -1;
    size_t n, k;
    uint32_t i;

    cli_forecast_make (&f, j, plan);
    ms = sb_xcalloc (plan->count + 1, sizeof *ms);
    for (i = 0; i < plan->count; i++)
        ms[i] = f.past[i].median_ms;
    if (f.known > 0 && sb_journal_steps (j, run, &c->arena, &states, &n, &c->faults)) {
        for (k = 0; k < n; k++) {
            bool works = strcmp (states[k].state, "running") == 0 || strcmp (states[k].state, "checking") == 0;
            int64_t gone = works && states[k].begun_ms > 0 ? now - states[k].begun_ms : 0;

            if (states[k].step >= plan->count)
                continue;
            if (works)
                ms[states[k].step] = ms[states[k].step] > gone ? ms[states[k].step] - gone : 0;
            else if (strcmp (states[k].state, "asked") != 0 && strcmp (states[k].state, "due") != 0
                     && strcmp (states[k].state, "held") != 0)
                ms[states[k].step] = 0;
        }
        left = sb_forecast (plan, ms, NULL, NULL);
    }
    free (ms);
    cli_forecast_free (&f);
    return left;
}
