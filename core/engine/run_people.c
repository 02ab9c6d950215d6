/* What people say while a run is under way: approvals given with the command, the
 * terminal, and the inbox of other terminals.  Who it was is the kernel's word. */
#include "core/engine/run_internal.h"

#include "core/base/text.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint32_t
sb_run_by (struct sb_run *run, uint32_t uid, const char *how, const char *reason)
{
    struct passwd *pw = getpwuid (uid);
    json_t *o = json_pack ("{s:i, s:s}", "uid", (int) uid, "how", how);
    char *text;
    uint32_t id;

    if (pw && pw->pw_name)
        json_object_set_new (o, "name", json_string (pw->pw_name));
    else
        json_object_set_new (o, "name", json_sprintf ("uid %u", (unsigned) uid));
    if (reason && *reason)
        json_object_set_new (o, "reason", json_string (reason));
    text = json_dumps (o, JSON_SORT_KEYS | JSON_COMPACT);
    id = sb_store_text (&run->store, text);
    free (text);
    json_decref (o);
    return id;
}

/* ---------------------------------------------------------------- approvals: GATE or GATE=DURATION */

static void
add_approval (struct sb_run *run, const char *text, uint32_t by)
{
    const char *equals = strrchr (text, '=');
    struct sb_approval a = { sb_arena_strdup (&run->arena, text), -1, by };
    int64_t limit;

    if (equals && sb_parse_duration (equals + 1, &limit)) {
        a.gate = sb_arena_strndup (&run->arena, text, (size_t) (equals - text));
        a.limit_ms = limit;
    }
    SB_PUSH (run->approvals, run->napprovals, run->approvals_cap) = a;
}

void
sb_run_approvals (struct sb_run *run)
{
    size_t k;

    for (k = 0; run->cfg->approve && run->cfg->approve[k]; k++)
        add_approval (run, run->cfg->approve[k], 0);
}

static bool
names_gate (const struct sb_run *run, uint32_t step, const char *word)
{
    const struct sb_plan_step *p = &run->plan->steps[step];
    const struct sb_plan_gate *g = &run->plan->gates[p->gate];

    return strcmp (word, g->name) == 0 || (g->base && strcmp (word, g->base) == 0) || strcmp (word, p->name) == 0;
}

/* A limit holds the windows that the steps before the gate have quoted ("window s"); one that is no number is too long. */
static bool
within_limit (const struct sb_run *run, uint32_t step, int64_t limit_ms)
{
    const struct sb_plan_step *p = &run->plan->steps[step];
    bool quoted = false;
    int64_t seconds;
    size_t k;

    for (k = 0; k < p->nafter; k++) {
        const char *window = sb_run_result_of (run, p->after[k], "window s");
        if (!window)
            continue;
        if (!sb_parse_int (window, &seconds) || seconds * 1000 > limit_ms)
            return false;
        quoted = true;
    }
    return quoted;
}

static const struct sb_approval *
find_approval (const struct sb_run *run, uint32_t step)
{
    size_t k;

    for (k = 0; k < run->napprovals; k++) {
        const struct sb_approval *a = &run->approvals[k];
        if (names_gate (run, step, a->gate) && (a->limit_ms < 0 || within_limit (run, step, a->limit_ms)))
            return a;
    }
    return NULL;
}

/* ---------------------------------------------------------------- a gate has to be answered */

static enum sb_gate_answer
ask_view (struct sb_run *run, uint32_t step)
{
    const struct sb_run_view *view = run->cfg->view;

    if (!view || !view->gate)
        return SB_GATE_OPEN;
    return view->gate (run->cfg->view_ctx, run, step, run->steps[step].question);
}

void
sb_run_ask (struct sb_run *run, uint32_t step)
{
    const struct sb_plan_gate *g = &run->plan->gates[run->plan->steps[step].gate];
    SB_AUTOFREE char *when = g->when ? sb_run_expand (run, step, g->when) : NULL;
    struct sb_event ev = { .kind = SB_EV_GATE, .step = step, .gate = SB_GATE_OPEN };
    const struct sb_approval *given;

    free (run->steps[step].question);
    run->steps[step].question = sb_run_expand (run, step, g->ask ? g->ask : g->title ? g->title : g->name);
    if (when && !*sb_trim (when))
        ev.gate = SB_GATE_NOT_NEEDED;
    else if ((given = find_approval (run, step))) {
        ev.gate = SB_GATE_YES;
        ev.by = given->by ? given->by : sb_run_by (run, getuid (), "--approve", NULL);
    } else if (run->cfg->approve_all && !g->named) {
        ev.gate = SB_GATE_YES;
        ev.by = sb_run_by (run, getuid (), "--approve all", NULL);
    } else {
        ev.gate = ask_view (run, step);
        ev.by = ev.gate == SB_GATE_OPEN ? 0 : sb_run_by (run, getuid (), "terminal", NULL);
    }
    sb_run_push (run, &ev);
}

void
sb_run_gate (struct sb_run *run, uint32_t step, bool yes)
{
    struct sb_event ev = { .kind = SB_EV_GATE, .step = step, .gate = yes ? SB_GATE_YES : SB_GATE_NO };

    ev.by = sb_run_by (run, getuid (), "terminal", NULL);
    sb_run_push (run, &ev);
}

void
sb_run_person (struct sb_run *run, enum sb_event_kind what, uint32_t step, const char *reason)
{
    struct sb_event ev = { .kind = what, .step = step };

    ev.by = sb_run_by (run, getuid (), "terminal", reason);
    sb_run_push (run, &ev);
}

/* ---------------------------------------------------------------- inbox */

static const struct wish {
    const char *verb;
    enum sb_event_kind kind;
    enum sb_gate_answer gate;
} wishes[] = {
    { "approve", SB_EV_GATE, SB_GATE_YES },    { "refuse", SB_EV_GATE, SB_GATE_NO },
    { "abort", SB_EV_ABORT, SB_GATE_UNASKED }, { "retry", SB_EV_RETRY, SB_GATE_UNASKED },
    { "skip", SB_EV_SKIP, SB_GATE_UNASKED },   { "hold", SB_EV_HOLD, SB_GATE_UNASKED },
};

/* The step that waits at the gate so called; an approval that comes before its question is kept for it. */
static uint32_t
step_at_gate (struct sb_run *run, const char *word, bool yes, uint32_t by)
{
    uint32_t i;

    for (i = 0; i < run->plan->count; i++) {
        const struct sb_engine_step *s = &sb_engine_steps (run->e)[i];
        if (run->plan->steps[i].gate != SB_NO_GATE && names_gate (run, i, word)
            && (s->phase == SB_PHASE_ASKED || s->phase == SB_PHASE_HELD))
            return i;
    }
    if (yes)
        add_approval (run, word, by);
    return SB_NO_STEP;
}

static void
take_wish (struct sb_run *run, const struct sb_inbox_item *item)
{
    json_t *o = json_loads (item->body, 0, NULL);
    const char *step = json_string_value (json_object_get (o, "step"));
    const char *gate = json_string_value (json_object_get (o, "gate"));
    struct sb_event ev = { .step = SB_NO_STEP };
    size_t k;

    for (k = 0; k < sizeof wishes / sizeof wishes[0] && strcmp (wishes[k].verb, item->verb) != 0; k++)
        continue;
    if (k < sizeof wishes / sizeof wishes[0]) {
        ev.kind = wishes[k].kind;
        ev.gate = wishes[k].gate;
        ev.by = sb_run_by (run, item->uid, "inbox", json_string_value (json_object_get (o, "reason")));
        if (ev.kind == SB_EV_GATE)
            ev.step = gate || step ? step_at_gate (run, gate ? gate : step, ev.gate == SB_GATE_YES, ev.by) : SB_NO_STEP;
        else if (step)
            ev.step = sb_plan_find (run->plan, step);
        sb_run_push (run, &ev); /* the engine ignores what has no step */
    }
    SB_PUSH (run->inbox_taken, run->ntaken, run->taken_cap) = item->id;
    json_decref (o);
}

void
sb_run_inbox (struct sb_run *run)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    struct sb_inbox_item *items;
    size_t n = 0, i, k;

    if (!sb_journal_inbox (run->cfg->journal, run->cfg->run, &a, &items, &n, run->faults)) {
        run->broken = true;
        return;
    }
    for (i = 0; i < n; i++) {
        for (k = 0; k < run->ntaken && run->inbox_taken[k] != items[i].id; k++)
            continue;
        if (k == run->ntaken)
            take_wish (run, &items[i]);
    }
}
