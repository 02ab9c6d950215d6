/* A history in numbered sentences, and as a seed: the budget and which choice
 * was taken each time, with runs of the ordinary choice in short. */
#include "prove/story.h"

#include "core/base/text.h"
#include "prove/script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__ ((format (printf, 2, 3))) tell (struct p_run *r, const char *fmt, ...)
{
    va_list args;
    size_t from;

    if (!r->teller)
        return;
    sb_buf_printf (&r->teller->text, "%3u. ", ++r->teller->count);
    from = r->teller->text.len;
    va_start (args, fmt);
    sb_buf_vprintf (&r->teller->text, fmt, args);
    va_end (args);
    if (r->teller->script)
        p_script_sentence (r->teller->script, r->teller->count, sb_buf_cstr (&r->teller->text) + from);
    sb_buf_char (&r->teller->text, '\n');
}

static const char *
step_name (const struct p_run *r, uint32_t step)
{
    return r->c->plan.steps[step].name;
}

/* ---------------------------------------------------------------- what is told */

static void
tell_step (struct p_run *r, const struct sb_engine_record *rec, const char *what)
{
    const struct sb_plan_step *p = &r->c->plan.steps[rec->step];

    tell (r, "%s: %s%s%s%s", p->name, what, rec->why != SB_WHY_NONE ? " (" : "",
          rec->why != SB_WHY_NONE ? sb_reason_texts[rec->why] : "", rec->why != SB_WHY_NONE ? ")" : "");
}

void
p_tell_record (struct p_run *r, const struct sb_engine_record *rec)
{
    static const char *const words[SB_REC_KINDS] = {
        [SB_REC_ADOPTED] = "is so already",
        [SB_REC_DONE] = "done",
        [SB_REC_FAILED] = "failed",
        [SB_REC_HELD] = "held",
        [SB_REC_OWED] = "owed until its site answers",
        [SB_REC_SKIPPED] = "left out",
        [SB_REC_CLEARED] = "nothing of the attempt stands",
        [SB_REC_UNDONE] = "taken back",
        [SB_REC_UNDO_HELD] = "held while it is taken back",
    };

    if (!r->teller)
        return;
    if (rec->step != SB_NO_STEP && words[rec->kind])
        tell_step (r, rec, words[rec->kind]);
    else if (rec->kind == SB_REC_DARK)
        tell (r, "Site %s counts as dark.", r->c->plan.sites[rec->value]);
    else if (rec->kind == SB_REC_LIGHT)
        tell (r, "Site %s answers again.", r->c->plan.sites[rec->value]);
    else if (rec->kind == SB_REC_UNDO_BEGIN)
        tell (r, "The run is taken back (%s).", sb_reason_texts[rec->why]);
    else if (rec->kind == SB_REC_RUN_RESUME)
        tell (r, "The run is resumed from its journal.");
    else if (rec->kind == SB_REC_RUN_FINISH) {
        tell (r, "The run ends: %s.", sb_outcome_words[rec->value].name);
        if (r->teller->script)
            p_script_finish (r->teller->script);
    }
}

static const char *
call_text (const struct p_run *r, const struct p_call *call)
{
    return call->op == SB_CALL_VERIFY   ? "the question whether it is so"
           : call->op == SB_CALL_LOCATE ? "the question who is principal"
           : call->undo                 ? r->c->plan.steps[call->step].undo_verb
                                        : r->c->plan.steps[call->step].verb;
}

void
p_tell_answer (struct p_run *r, const struct p_call *call, unsigned word, const struct d_answer *a)
{
    static const char *const rcs[] = { "ok", "retry", "fail", "unsure", "stopped" };
    static const char *const seens[] = { "no", "yes", "partly", "unknown" };

    if (!r->teller)
        return;
    if (r->teller->script)
        p_script_answer (r->teller->script, call, (int) word);
    if (call->op == SB_CALL_RUN && (word != SB_OK || !call->reads))
        tell (r, "%s: %s answers %s%s%.160s", step_name (r, call->step), call_text (r, call), rcs[word % 5],
              a && a->sentence[0] ? ": " : "", a ? a->sentence : "");
    else if (call->op == SB_CALL_VERIFY && word != SB_SEEN_YES && word != SB_SEEN_NO)
        tell (r, "%s: %s is answered %s%s%.160s", step_name (r, call->step), call_text (r, call), seens[word & 3],
              a && a->sentence[0] ? ": " : "", a ? a->sentence : "");
}

void
p_tell_end (struct p_run *r, const struct p_call *call, enum p_end end)
{
    static const char *const words[] = {
        [P_END_OK] = "ends",
        [P_END_REFUSED] = "is refused; nothing was changed",
        [P_END_TRANSIENT] = "fails for a moment; nothing was changed",
        [P_END_NOT_DONE] = "times out, and was not done",
        [P_END_NOT_BEGUN] = "does not even begin",
        [P_END_DIES] = "is broken off: its worker dies half-way",
        [P_END_STAYS] = "times out, and the server still works at it",
    };

    tell (r, "! %s: %s %s.", step_name (r, call->step), call_text (r, call), words[end]);
    if (r->teller && r->teller->script && (end == P_END_DIES || end == P_END_NOT_BEGUN))
        p_script_answer (r->teller->script, call, P_WORD_DIED);
}

void
p_tell_ghost (struct p_run *r, const struct p_call *call)
{
    tell (r, "! %s: the server ends what nobody waits for any more (%s).", step_name (r, call->step),
          call_text (r, call));
}

void
p_tell_lost (struct p_run *r, const struct p_call *call)
{
    tell (r, "! %s: %s will be done, and its answer will be lost.", step_name (r, call->step), call_text (r, call));
}

void
p_tell_death (struct p_run *r, bool servers_go_on)
{
    tell (r, "! The program dies%s.", servers_go_on ? "; servers go on with what it had begun" : "");
    if (r->teller && r->teller->script)
        p_script_death (r->teller->script, servers_go_on);
}

void
p_tell_gate (struct p_run *r, uint32_t step, bool yes)
{
    const struct sb_plan_gate *g = &r->c->plan.gates[r->c->plan.steps[step].gate];

    tell (r, "%sGate %s: a person says %s.", yes ? "" : "! ", g->name, yes ? "yes" : "no");
}

void
p_tell_event (struct p_run *r, size_t index)
{
    const char *text = p_event_text (r->c, index);

    tell (r, "! Meanwhile %s.", text);
    if (r->teller && r->teller->script)
        p_script_event (r->teller->script, r, index);
}

void
p_tell_broken (struct p_run *r, const struct p_broken *b)
{
    if (!r->teller || sb_map_get (&r->teller->told, b->rule))
        return;
    sb_map_set (&r->teller->told, b->rule, r->teller);
    tell (r, "This breaks %s: %s.", b->rule, b->why);
    if (r->teller->script)
        p_script_broken (r->teller->script, r, b->rule);
}

void
p_tell_choice (struct p_run *r, struct p_choice choice, const struct p_call *at)
{
    if (r->teller && r->teller->script)
        p_script_choice (r->teller->script, choice, at);
}

void
p_tell_begin (struct p_run *r, const struct p_call *call)
{
    if (r->teller && r->teller->script)
        p_script_begin (r->teller->script, call);
}

void
p_tell_step (struct p_run *r, const struct p_call *call, bool changed)
{
    if (r->teller && r->teller->script && call->fate != P_FATE_GHOST)
        p_script_step (r->teller->script, call, changed);
}

void
p_tell_over (struct p_run *r)
{
    if (r->teller && r->teller->script)
        p_script_over (r->teller->script, r);
}

char *
p_story (struct p_case *c, const struct p_budget *b, const struct p_path *path)
{
    struct p_teller t = { 0 };

    p_walk (c, b, path, &t);
    sb_map_free (&t.told);
    return sb_buf_take (&t.text);
}

/* ---------------------------------------------------------------- seeds */

char *
p_seed_text (const struct p_case *c, const struct p_budget *b, const struct p_path *path)
{
    struct sb_buf out = { 0 };
    size_t i, k;

    sb_buf_printf (&out, "%s@%.12s-%u.%u.%u.%u.%u-%s-", c->plan.workflow, c->plan.digest, b->deaths, b->events,
                   b->faults, b->noes, b->total, p_start_names[c->start]);
    for (i = 0; i < path->count; i = k) {
        for (k = i; k < path->count && path->list[k] == path->list[i]; k++)
            continue;
        sb_buf_printf (&out, "%s%u", i ? "." : "", path->list[i]);
        if (k - i > 1)
            sb_buf_printf (&out, "x%zu", k - i);
    }
    return sb_buf_take (&out);
}

enum p_start
p_seed_start (const char *text)
{
    enum p_start k;

    for (k = P_START_STEADY; k <= P_START_REBUILT; k++) {
        SB_AUTOFREE char *part = sb_xprintf ("-%s-", p_start_names[k]);

        if (strstr (text, part))
            return k;
    }
    return P_START_AUTO;
}

static bool
read_choices (const char *p, struct p_path *path)
{
    while (*p) {
        char *end;
        unsigned long choice = strtoul (p, &end, 10), times = 1;

        if (end == p || choice >= P_CHOICES)
            return false;
        if (*end == 'x') {
            p = end + 1;
            times = strtoul (p, &end, 10);
            if (end == p || times == 0 || times > 100000)
                return false;
        }
        while (times-- > 0)
            SB_PUSH (path->list, path->count, path->cap) = (uint8_t) choice;
        if (*end != 0 && *end != '.')
            return false;
        p = *end ? end + 1 : end;
    }
    return true;
}

bool
p_seed_read (const char *text, struct p_budget *b, struct p_path *path, char digest[13], struct sb_faults *faults)
{
    char start[32] = "";
    const char *at = strchr (text, '@'), *whole = text;
    int n = 0;

    *path = (struct p_path){ 0 };
    text = at ? at + 1 : text;
    if (sscanf (text, "%12[0-9a-f]-%u.%u.%u.%u.%u-%31[a-z-]%n", digest, &b->deaths, &b->events, &b->faults, &b->noes,
                &b->total, start, &n)
                == 7
        && n > 0 && b->deaths < 256 && b->events < 256 && b->faults < 256 && b->noes < 256 && b->total < 256
        && start[strlen (start) - 1] == '-' && read_choices (text + n, path))
        return true;
    sb_fault (faults, NULL, 0, "'%s' is no seed", whole);
    sb_fault_hint (faults, "A seed is what `switchback prove` prints below a story, as one word.");
    return false;
}
