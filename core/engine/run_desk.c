/* What people say from elsewhere: through the inbox of the journal (this user's
 * other terminals) and at the desk (anybody whom the topology calls an operator).
 *
 * Both carry the same few wishes.  A wish that has a step goes to the engine,
 * which records it whether it takes it or not; what cannot be understood is
 * answered here and leaves no record.  Whoever writes into the inbox could write
 * any uid there, so for the rule of two persons it counts as the owner of the
 * journal; at the desk the kernel says who speaks. */
#include "core/engine/run_internal.h"

#include "core/base/text.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum wish_for { FOR_RUN, FOR_STEP, FOR_GATE };

static const struct wish {
    const char *verb;
    enum sb_event_kind kind;
    enum sb_gate_answer gate;
    enum wish_for about;
    bool reasoned; /* it wants a reason */
} wishes[] = {
    { "approve", SB_EV_GATE, SB_GATE_YES, FOR_GATE, false },
    { "refuse", SB_EV_GATE, SB_GATE_NO, FOR_GATE, false },
    { "break-glass", SB_EV_GLASS, SB_GATE_UNASKED, FOR_GATE, true },
    { "abort", SB_EV_ABORT, SB_GATE_UNASKED, FOR_RUN, false },
    { "retry", SB_EV_RETRY, SB_GATE_UNASKED, FOR_STEP, false },
    { "skip", SB_EV_SKIP, SB_GATE_UNASKED, FOR_STEP, false },
    { "hold", SB_EV_HOLD, SB_GATE_UNASKED, FOR_STEP, false },
    { "done", SB_EV_CLAIM, SB_GATE_UNASKED, FOR_STEP, false },
};

/* Somebody speaks. */
struct voice {
    const char *verb, *reason;
    json_t *words; /* gate, step, to */
    uint32_t uid;  /* as it is recorded */
    uint32_t person;
    const char *how; /* "inbox", "desk" */
};

static const char *
word (const struct voice *v, const char *key)
{
    return json_string_value (json_object_get (v->words, key));
}

static void
say (struct sb_buf *out, const char *text)
{
    sb_buf_str (out, text);
}

/* ---------------------------------------------------------------- gates */

static uint32_t
step_at_gate (const struct sb_run *run, const char *name)
{
    uint32_t i;

    for (i = 0; name && i < run->plan->count; i++) {
        const struct sb_engine_step *s = &sb_engine_steps (run->e)[i];
        if (run->plan->steps[i].gate != SB_NO_GATE && sb_run_names_gate (run, i, name)
            && (s->phase == SB_PHASE_ASKED || s->phase == SB_PHASE_HELD))
            return i;
    }
    return SB_NO_STEP;
}

static void
list_gates (const struct sb_run *run, struct sb_buf *out)
{
    const char *between = "; these wait: ";
    uint32_t i;

    for (i = 0; i < run->plan->count; i++)
        if (sb_engine_steps (run->e)[i].phase == SB_PHASE_ASKED && sb_engine_steps (run->e)[i].asks) {
            sb_buf_printf (out, "%s%s", between, run->plan->gates[run->plan->steps[i].gate].name);
            between = ", ";
        }
}

/* What will come of it, as far as it can be told before the engine has decided. */
static bool
foretell_gate (const struct sb_run *run, const struct wish *w, const struct voice *v, uint32_t step, struct sb_buf *out)
{
    uint32_t gate = run->plan->steps[step].gate, first = sb_engine_firsts (run->e)[gate];
    const struct sb_plan_gate *g = &run->plan->gates[gate];
    bool two = g->persons > 1 && w->kind == SB_EV_GATE && w->gate == SB_GATE_YES;

    if (w->kind == SB_EV_GLASS && (g->persons < 2 || g->glass_ms <= 0)) {
        sb_buf_printf (out,
                       g->persons < 2 ? "gate %s wants one person only: approve it"
                                      : "the glass of gate %s cannot be broken: [policy] break glass is not set",
                       g->name);
        return false;
    }
    if (w->kind == SB_EV_GLASS) {
        sb_buf_printf (out, "gate %s: the glass is broken; the run goes on in ", g->name);
        sb_format_duration (out, g->glass_ms);
        say (out, " unless somebody refuses");
    } else if (two && first == v->person) {
        sb_buf_printf (out, "you have agreed to gate %s already; a second person is needed", g->name);
        return false;
    } else if (two && first == 0)
        sb_buf_printf (out, "gate %s: agreed; a second person is needed", g->name);
    else
        sb_buf_printf (out, "gate %s is %s", g->name, w->gate == SB_GATE_YES ? "approved" : "refused");
    return true;
}

/* ---------------------------------------------------------------- handing over */

static bool
hand_over (struct sb_run *run, const struct voice *v, struct sb_buf *out)
{
    const char *name = word (v, "to");
    struct passwd *pw = name ? getpwnam (name) : NULL;
    struct sb_engine_record r = { .kind = SB_REC_OPERATOR, .step = SB_NO_STEP, .at = sb_run_now (run) };

    if (!pw) {
        sb_buf_printf (out, "there is no user '%s' on the host of the run", name ? name : "");
        return false;
    }
    r.by = sb_run_by (run, v->uid, v->how, v->reason);
    r.target = sb_run_by (run, pw->pw_uid, "named", NULL);
    run->operator_uid = pw->pw_uid;
    sb_run_pend (run, &r);
    sb_buf_printf (out, "the run is in the hands of %s now", pw->pw_name);
    return true;
}

/* ---------------------------------------------------------------- a wish */

static bool
foretell_step (const struct sb_run *run, const struct wish *w, uint32_t step, struct sb_buf *out)
{
    enum sb_reason why = sb_engine_would_refuse (run->e, run->plan, w->kind, step);
    const char *title = step == SB_NO_STEP ? "the run" : run->plan->steps[step].title;

    if (why == SB_WHY_NONE) {
        sb_buf_printf (out, "%s: told to %s", title,
                       w->kind == SB_EV_CLAIM   ? "see whether it is done"
                       : w->kind == SB_EV_ABORT ? "go back"
                                                : w->verb);
        return true;
    }
    sb_buf_printf (out, "%s: %s", title, sb_reason_texts[why]);
    if (why == SB_WHY_NO_RETURN)
        say (out, "; only forward: retry, done, skip, approve");
    else if (step != SB_NO_STEP)
        sb_buf_printf (out, "; it is %s", sb_phase_names[sb_engine_steps (run->e)[step].phase]);
    return false;
}

static bool
wish_at_gate (struct sb_run *run, const struct wish *w, const struct voice *v, struct sb_event *ev, struct sb_buf *out)
{
    const char *name = word (v, "gate") ? word (v, "gate") : word (v, "step");

    ev->step = step_at_gate (run, name);
    if (ev->step != SB_NO_STEP)
        return foretell_gate (run, w, v, ev->step, out);
    if (name && w->kind == SB_EV_GATE && w->gate == SB_GATE_YES && strcmp (v->how, "inbox") == 0)
        sb_run_add_approval (run, name, ev->by, ev->person); /* it came before its question */
    sb_buf_printf (out, "no gate '%s' waits", name ? name : "");
    list_gates (run, out);
    return false;
}

/* True: it was told to the engine and will be taken; `out` says in words what comes of it, or why nothing does. */
static bool
wish (struct sb_run *run, const struct voice *v, struct sb_buf *out)
{
    struct sb_event ev = { .step = SB_NO_STEP };
    const struct wish *w = NULL;
    const char *step = word (v, "step");
    bool fits;
    size_t k;

    if (v->verb && strcmp (v->verb, "hand-over") == 0)
        return hand_over (run, v, out);
    for (k = 0; k < sizeof wishes / sizeof wishes[0]; k++)
        if (v->verb && strcmp (wishes[k].verb, v->verb) == 0)
            w = &wishes[k];
    if (!w || (w->reasoned && (!v->reason || !*v->reason))) {
        sb_buf_printf (out, w ? "'%s' needs a reason" : "nobody understands '%s'", v->verb ? v->verb : "");
        return false;
    }
    ev.kind = w->kind;
    ev.gate = w->gate;
    ev.by = sb_run_by (run, v->uid, v->how, v->reason);
    ev.person = v->person;
    if (w->about == FOR_STEP && step)
        ev.step = sb_plan_find (run->plan, step);
    if (w->about == FOR_STEP && ev.step == SB_NO_STEP) {
        sb_buf_printf (out, "the plan has no step '%s'", step ? step : "");
        return false;
    }
    fits = w->about == FOR_GATE ? wish_at_gate (run, w, v, &ev, out) : foretell_step (run, w, ev.step, out);
    if (w->about != FOR_GATE || ev.step != SB_NO_STEP)
        sb_run_push (run, &ev); /* one that does not fit is recorded as refused */
    return fits;
}

/* ---------------------------------------------------------------- inbox */

static void
take (struct sb_run *run, const struct sb_inbox_item *item)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf ignored = { 0 };
    json_t *o = json_loads (item->body, 0, NULL);
    struct voice v = { .verb = item->verb,
                       .words = o,
                       .uid = item->uid,
                       .person = sb_run_person_of (sb_journal_owner (run->cfg->journal)),
                       .how = "inbox" };

    v.reason = word (&v, "reason");
    wish (run, &v, &ignored);
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
            take (run, &items[i]);
    }
}

/* ---------------------------------------------------------------- desk */

static bool
may_speak (const struct sb_run *run, const struct sb_desk_request *q)
{
    return q->uid == run->operator_uid || sb_operators_have (&run->operators, q->uid, q->gids, q->ngids);
}

/* Everybody may ask who holds the pool. */
static json_t *
who (const struct sb_run *run)
{
    json_t *o = json_pack ("{s:s, s:s, s:i}", "run", run->cfg->run, "pool", run->plan->pool, "pid", (int) getpid ());

    json_object_set_new (o, "label",
                         json_sprintf ("run %s%s, pid %ld", run->cfg->run, run->cfg->pay ? SB_RUN_PAYING : "",
                                       (long) getpid ()));
    return o;
}

static json_t *
answer (struct sb_run *run, const struct sb_desk_request *q, json_t *words)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct voice v = { .words = words, .uid = q->uid, .person = sb_run_person_of (q->uid), .how = "desk" };
    const char *id = word (&v, "run");
    bool taken = false;

    v.verb = word (&v, "verb");
    v.reason = word (&v, "reason");
    if (v.verb && strcmp (v.verb, "who") == 0)
        return who (run);
    if (!may_speak (run, q))
        sb_buf_printf (&text, "user %u is no operator of this pool: [policy] operators names them", (unsigned) q->uid);
    else if (!id || strncmp (id, run->cfg->run, strlen (id)) != 0)
        sb_buf_printf (&text, "it is run %s that holds the pool", run->cfg->run);
    else
        taken = wish (run, &v, &text);
    return json_pack ("{s:s, s:b, s:s}", "run", run->cfg->run, "taken", taken, "text", sb_buf_cstr (&text));
}

void
sb_run_desk (struct sb_run *run)
{
    struct sb_desk_request q;

    while (sb_desk_next (run->pool.desk, &q)) {
        json_t *words = json_loads (q.line, 0, NULL), *o = answer (run, &q, words);
        char *line = json_dumps (o, JSON_COMPACT);
        sb_desk_answer (run->pool.desk, &q, line ? line : "{}");
        free (line);
        json_decref (o);
        json_decref (words);
    }
}
