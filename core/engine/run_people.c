/* What the people say who began or resumed a run: approvals given with the command,
 * and answers at its terminal.  Who it was is the kernel's word; who speaks from
 * elsewhere is heard in run_desk.c. */
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

/* 0 is nobody, so root is 1. */
uint32_t
sb_run_person_of (uint32_t uid)
{
    return uid + 1;
}

/* ---------------------------------------------------------------- approvals: GATE or GATE=DURATION */

void
sb_run_add_approval (struct sb_run *run, const char *text, uint32_t by, uint32_t person)
{
    const char *equals = strrchr (text, '=');
    struct sb_approval a = { sb_arena_strdup (&run->arena, text), -1, by, person };
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
        sb_run_add_approval (run, run->cfg->approve[k], 0, 0);
}

bool
sb_run_names_gate (const struct sb_run *run, uint32_t step, const char *word)
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
        if (sb_run_names_gate (run, step, a->gate) && (a->limit_ms < 0 || within_limit (run, step, a->limit_ms)))
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
        ev.person = given->by ? given->person : sb_run_person_of (getuid ());
    } else if (run->cfg->approve_all && !g->named && g->persons < 2) {
        ev.gate = SB_GATE_YES;
        ev.by = sb_run_by (run, getuid (), "--approve all", NULL);
    } else {
        ev.gate = ask_view (run, step);
        ev.by = ev.gate == SB_GATE_OPEN ? 0 : sb_run_by (run, getuid (), "terminal", NULL);
        ev.person = sb_run_person_of (getuid ());
    }
    sb_run_push (run, &ev);
}

void
sb_run_gate (struct sb_run *run, uint32_t step, bool yes)
{
    struct sb_event ev = { .kind = SB_EV_GATE, .step = step, .gate = yes ? SB_GATE_YES : SB_GATE_NO };

    ev.by = sb_run_by (run, getuid (), "terminal", NULL);
    ev.person = sb_run_person_of (getuid ());
    sb_run_push (run, &ev);
}

void
sb_run_person (struct sb_run *run, enum sb_event_kind what, uint32_t step, const char *reason)
{
    struct sb_event ev = { .kind = what, .step = step };

    ev.by = sb_run_by (run, getuid (), "terminal", reason);
    sb_run_push (run, &ev);
}
