/* Commands become calls, events of lanes become events of the engine; references
 * in parameters are expanded on the way out, results are layered on the way in. */
#include "core/engine/run_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- references */

struct expanding {
    struct sb_run *run;
    char *text; /* of the last value that had to be made */
};

static const char *
step_value (struct sb_run *run, const char *name, const char *key)
{
    uint32_t i = sb_plan_find (run->plan, name);

    if (i == SB_NO_STEP || !sb_engine_gives_results (&sb_engine_steps (run->e)[i]))
        return NULL;
    return sb_run_result_of (run, i, key);
}

static const char *
gate_value (struct expanding *x, const char *name, const char *key)
{
    const struct sb_plan *p = x->run->plan;
    struct sb_buf text = { 0 };
    const char *by;
    json_t *who;
    uint32_t g;

    for (g = 0; g < p->ngates && strcmp (p->gates[g].name, name) != 0; g++)
        continue;
    if (g == p->ngates || !x->run->gates[g].yes)
        return NULL;
    if (strcmp (key, "grade") == 0)
        return "declared"; /* a person, not a fence, says so */
    free (x->text);
    x->text = NULL;
    if (strcmp (key, "at") == 0) {
        sb_format_utc (&text, x->run->gates[g].at);
        return x->text = sb_buf_take (&text);
    }
    by = sb_store_get_text (&x->run->store, x->run->gates[g].by);
    who = by ? json_loads (by, 0, NULL) : NULL;
    x->text = sb_xstrdup (json_string_value (json_object_get (who, "name")));
    json_decref (who);
    return strcmp (key, "by") == 0 ? x->text : NULL;
}

static const char *
run_value (struct sb_run *run, const char *key)
{
    return strcmp (key, "id") == 0        ? run->cfg->run
           : strcmp (key, "dir") == 0     ? run->dir
           : strcmp (key, "started") == 0 ? run->started_text
           : strcmp (key, "stamp") == 0   ? run->stamp
                                          : NULL;
}

/* "steps.quote[a.b].window s": a name may hold dots, a key does not. */
static const char *
look_up (void *ctx, const char *reference)
{
    struct expanding *x = ctx;
    const char *dot = strchr (reference, '.'), *last = strrchr (reference, '.');
    SB_AUTOFREE char *name = NULL;

    if (!dot)
        return NULL;
    if (strncmp (reference, "run.", 4) == 0)
        return run_value (x->run, dot + 1);
    if (last == dot)
        return NULL;
    name = sb_xstrndup (dot + 1, (size_t) (last - dot - 1));
    if (strncmp (reference, "steps.", 6) == 0)
        return step_value (x->run, name, last + 1);
    return strncmp (reference, "gates.", 6) == 0 ? gate_value (x, name, last + 1) : NULL;
}

char *
sb_run_expand (struct sb_run *run, uint32_t step, const char *text)
{
    struct expanding x = { run, NULL };
    char *out = sb_expand (text, look_up, &x);

    (void) step;
    free (x.text);
    return out;
}

/* A list result reads "a, b"; where an item of a list parameter is a reference, it becomes as many items. */
static void
add_items (json_t *list, const char *text)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    size_t n, i;
    char **words = sb_split_list (&a, text, &n);

    for (i = 0; i < n; i++)
        json_array_append_new (list, json_string (words[i]));
}

static json_t *
param_json (struct sb_run *run, uint32_t step, const struct sb_plan_param *p)
{
    json_t *list;
    size_t k;

    if (p->value) {
        SB_AUTOFREE char *text = p->refers ? sb_run_expand (run, step, p->value) : NULL;
        return json_string (text ? text : p->value);
    }
    list = json_array ();
    for (k = 0; p->items && p->items[k]; k++) {
        SB_AUTOFREE char *text = p->refers ? sb_run_expand (run, step, p->items[k]) : NULL;
        if (!text || strcmp (text, p->items[k]) == 0)
            json_array_append_new (list, json_string (p->items[k]));
        else
            add_items (list, text);
    }
    return list;
}

json_t *
sb_run_params (struct sb_run *run, uint32_t step, bool undo)
{
    const struct sb_plan_step *p = &run->plan->steps[step];
    const struct sb_plan_param *params = undo ? p->undo_params : p->params;
    size_t n = undo ? p->nundo : p->nparams, k;
    json_t *out = json_object ();

    for (k = 0; k < n; k++)
        json_object_set_new (out, params[k].name, param_json (run, step, &params[k]));
    return out;
}

/* ---------------------------------------------------------------- calls */

static const char *const *
items_of (json_t *list, struct sb_arena *a)
{
    const char **items = sb_arena_alloc (a, (json_array_size (list) + 1) * sizeof *items);
    size_t k;

    for (k = 0; k < json_array_size (list); k++)
        items[k] = json_string_value (json_array_get (list, k));
    return items;
}

/* A text that expands to nothing is a parameter that is not there. */
static struct sb_call_param *
call_params (json_t *params, struct sb_arena *a, size_t *ret_count)
{
    struct sb_call_param *list = sb_arena_alloc (a, (json_object_size (params) + 1) * sizeof *list);
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach (params, name, value)
    {
        if (json_is_string (value) && json_string_length (value) == 0)
            continue;
        list[n].name = name;
        list[n].value = json_string_value (value);
        list[n++].items = json_is_array (value) ? items_of (value, a) : NULL;
    }
    *ret_count = n;
    return list;
}

static uint64_t
call_id (uint32_t step, enum sb_call_op op)
{
    return ((uint64_t) step + 1) * 4 + (unsigned) op;
}

static enum sb_call_op
op_of (const struct sb_command *c)
{
    return c->kind == SB_CMD_RUN ? SB_CALL_RUN : c->kind == SB_CMD_LOCATE ? SB_CALL_LOCATE : SB_CALL_VERIFY;
}

/* Who is principal is asked of the plugin that plays the database. */
static bool
call_locate (struct sb_run *run, uint32_t step)
{
    const struct sb_plan_step *p = &run->plan->steps[step];
    const struct sb_object *o = sb_topology_find (run->cfg->topology, "database", p->on_database);
    const struct sb_call_param site = { .name = "site", .value = p->on_site };
    struct sb_call_spec spec = { .id = call_id (step, SB_CALL_LOCATE),
                                 .kind = "database",
                                 .object = p->on_database,
                                 .verb = "locate",
                                 .op = SB_OP_RUN,
                                 .params = &site,
                                 .nparams = 1,
                                 .deadline_ms = sb_engine_call_ms (p, SB_CALL_LOCATE, false),
                                 .step = p->name,
                                 .attempt = run->e ? sb_engine_steps (run->e)[step].attempt + 1u : 1 };

    spec.plugin = o ? o->plugin : p->plugin;
    return run->launch.call (run->launch.self, &spec);
}

static bool
call_step (struct sb_run *run, const struct sb_command *c)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    const struct sb_plan_step *p = &run->plan->steps[c->step];
    const struct sb_engine_step *s = &sb_engine_steps (run->e)[c->step];
    json_t *written = !c->undo && (s->flags & SB_STEP_MAYBE) ? run->steps[c->step].params : NULL;
    json_t *params = written ? json_incref (written) : sb_run_params (run, c->step, c->undo);
    enum sb_call_op op = op_of (c);
    struct sb_call_spec spec = { .id = call_id (c->step, op),
                                 .plugin = p->plugin,
                                 .kind = p->kind,
                                 .object = p->object,
                                 .verb = c->undo ? p->undo_verb : p->verb,
                                 .op = op == SB_CALL_RUN ? SB_OP_RUN : SB_OP_VERIFY,
                                 .deadline_ms = sb_engine_call_ms (p, op, c->undo),
                                 .step = p->name,
                                 .attempt = s->attempt ? s->attempt : 1 };
    bool taken;

    spec.on = c->undo && p->undo_on ? p->undo_on : sb_run_target (run, c->step);
    spec.params = call_params (params, &a, &spec.nparams);
    taken = run->launch.call (run->launch.self, &spec);
    json_decref (params);
    return taken;
}

static bool
hand_over (struct sb_run *run, const struct sb_command *c)
{
    return c->kind == SB_CMD_LOCATE ? call_locate (run, c->step) : call_step (run, c);
}

/* Where one is refused those behind it wait too: the launcher's queue is full for all. */
void
sb_run_call (struct sb_run *run, const struct sb_command *c)
{
    if (run->nbacklog > run->backlog_at || !hand_over (run, c))
        SB_PUSH (run->backlog, run->nbacklog, run->backlog_cap) = *c;
}

void
sb_run_backlog (struct sb_run *run)
{
    while (run->backlog_at < run->nbacklog && hand_over (run, &run->backlog[run->backlog_at]))
        run->backlog_at++;
    if (run->backlog_at == run->nbacklog)
        run->backlog_at = run->nbacklog = 0;
}

void
sb_run_kill (struct sb_run *run, uint32_t step)
{
    struct sb_event ev = { .kind = SB_EV_DIED, .step = step, .op = SB_CALL_RUN };
    size_t k;

    for (k = run->backlog_at; k < run->nbacklog; k++)
        if (run->backlog[k].kind == SB_CMD_RUN && run->backlog[k].step == step) { /* it never began */
            memmove (&run->backlog[k], &run->backlog[k + 1], (--run->nbacklog - k) * sizeof *run->backlog);
            sb_run_push (run, &ev);
            return;
        }
    run->launch.stop (run->launch.self, call_id (step, SB_CALL_RUN));
}

/* ---------------------------------------------------------------- answers */

static json_t *
results_of (const struct sb_lane_event *ev)
{
    json_t *out = json_object ();
    size_t k;

    for (k = 0; k < ev->nresults; k++)
        json_object_set_new (out, ev->results[k].name, json_string (ev->results[k].value));
    return out;
}

/* The step's results after an answer, as an id; 0: as before. */
static uint32_t
layer (struct sb_run *run, uint32_t step, enum sb_call_op op, const struct sb_lane_event *ev)
{
    const struct sb_engine_step *s = &sb_engine_steps (run->e)[step];
    struct sb_run_step *w = &run->steps[step];
    json_t *said, *before = sb_store_get_results (&run->store, w->base);
    uint32_t id = 0;

    if ((s->flags & SB_STEP_UNDOING) || (ev->nresults == 0 && op == SB_CALL_VERIFY && ev->seen != SB_SEEN_YES))
        return 0;
    said = results_of (ev);
    if (s->flags & SB_STEP_REPROVE) {
        bool reads = run->plan->steps[step].effect == SB_READS; /* nothing was before it */
        json_t *old = sb_store_get_results (&run->store, s->result), *fresh = sb_results_ran (reads ? NULL : old, said);
        id = sb_store_results (&run->store, sb_results_seen (fresh, old));
        json_decref (fresh);
    } else if (s->purpose == SB_FOR_READ)
        id = sb_store_results (&run->store, json_incref (said));
    else if (op == SB_CALL_RUN)
        id = w->base = sb_store_results (&run->store, sb_results_ran (before, said));
    else if (ev->seen == SB_SEEN_YES)
        id = sb_store_results (&run->store, sb_results_seen (s->flags & SB_STEP_MAYBE ? before : NULL, said));
    else if (!(s->flags & SB_STEP_MAYBE))
        id = w->base = sb_store_results (&run->store, sb_results_before (said));
    json_decref (said);
    return id;
}

static void
answered (struct sb_run *run, uint32_t step, enum sb_call_op op, const struct sb_lane_event *le)
{
    struct sb_event ev = { .kind = SB_EV_ANSWER, .step = step, .op = op, .rc = le->rc, .seen = le->seen };
    const char *principal = NULL;
    size_t k;

    /* what run said of its failure stays while verify only says that it is not so */
    if ((le->sentence && *le->sentence) || op != SB_CALL_VERIFY || le->seen == SB_SEEN_YES) {
        free (run->steps[step].sentence);
        run->steps[step].sentence = le->sentence && *le->sentence ? sb_xstrdup (le->sentence) : NULL;
    }
    if (op != SB_CALL_LOCATE) {
        ev.result = layer (run, step, op, le);
        sb_run_push (run, &ev);
        return;
    }
    for (k = 0; k < le->nresults && le->rc == SB_OK; k++)
        if (strcmp (le->results[k].name, "principal") == 0)
            principal = le->results[k].value;
    ev.kind = SB_EV_LOCATED;
    ev.target = sb_store_text (&run->store, principal);
    sb_run_push (run, &ev);
}

static void
died (struct sb_run *run, uint32_t step, enum sb_call_op op, const struct sb_lane_event *le)
{
    struct sb_event ev = { .kind = SB_EV_DIED, .step = step, .op = op, .begun = le->begun };

    free (run->steps[step].sentence);
    run->steps[step].sentence = sb_xstrdup (le->sentence ? le->sentence : "");
    sb_run_push (run, &ev);
}

void
sb_run_lane_event (void *ctx, const struct sb_lane_event *le)
{
    struct sb_run *run = ctx;
    const struct sb_run_view *view = run->cfg->view;
    uint32_t step = le->id >= 4 && !(le->id & SB_NOTE_CALLS) ? (uint32_t) (le->id / 4 - 1) : SB_NO_STEP;
    enum sb_call_op op = (enum sb_call_op) (le->id % 4);

    if (le->id & SB_NOTE_CALLS)
        sb_notifier_event (run->notify, le, sb_run_now (run));
    else if (le->type == SB_LANE_LOG && view && view->log)
        view->log (run->cfg->view_ctx, run, step, le->level, le->text);
    else if (step >= run->plan->count)
        return;
    else if (le->type == SB_LANE_ANSWER)
        answered (run, step, op, le);
    else if (le->type == SB_LANE_DIED)
        died (run, step, op, le);
    else if (le->type == SB_LANE_PROGRESS && view && view->progress)
        view->progress (run->cfg->view_ctx, run, step, le->percent, le->text);
}

/* ---------------------------------------------------------------- what callbacks may ask */

const char *
sb_run_target (const struct sb_run *run, uint32_t step)
{
    const struct sb_plan_step *p = &run->plan->steps[step];

    return p->on_rule == SB_ON_PRINCIPAL ? sb_store_get_text (&run->store, sb_engine_steps (run->e)[step].target)
           : p->on_rule == SB_ON_OBJECT  ? p->on
                                         : NULL;
}

const char *
sb_run_result_of (const struct sb_run *run, uint32_t step, const char *key)
{
    json_t *results = sb_store_get_results (&run->store, sb_engine_steps (run->e)[step].result);

    return json_string_value (json_object_get (results, key));
}
