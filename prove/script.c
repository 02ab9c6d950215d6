/* Scripts; see script.h.  First what the walk tells is written down line by
 * line; then cues are made of the lines, each held against every act. */
#include "prove/script.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- writing down */

static struct p_line *
add (struct p_script *s, enum p_line_kind kind, uint32_t act)
{
    SB_PUSH (s->lines, s->nlines, s->lines_cap) = (struct p_line){ .kind = kind, .act = act };
    return &s->lines[s->nlines - 1];
}

/* The newest act of a step in this life. */
static uint32_t
newest (const struct p_script *s, uint32_t step)
{
    size_t i;

    for (i = s->nacts; i-- > 0;)
        if (s->acts[i].step == step && s->acts[i].life == s->life)
            return (uint32_t) i;
    return P_NO_ACT;
}

void
p_script_sentence (struct p_script *s, unsigned number, const char *text)
{
    struct p_line *line = add (s, P_LINE_SENTENCE, P_NO_ACT);

    line->number = number;
    line->text = sb_xstrdup (text);
}

void
p_script_begin (struct p_script *s, const struct p_call *call)
{
    uint32_t act = newest (s, call->step);
    const struct p_act *last = act == P_NO_ACT ? NULL : &s->acts[act];

    if (!last || last->op != call->op || last->undo != call->undo) {
        struct p_act a = { .life = s->life,
                           .index = last ? (uint16_t) (last->index + 1) : 0,
                           .step = call->step,
                           .op = call->op,
                           .undo = call->undo };

        act = (uint32_t) s->nacts;
        SB_PUSH (s->acts, s->nacts, s->acts_cap) = a;
    }
    s->acts[act].word = P_WORD_NONE;
    s->acts[act].changes = 0;
    add (s, P_LINE_BEGIN, act);
}

void
p_script_step (struct p_script *s, const struct p_call *call, bool changed)
{
    uint32_t act = newest (s, call->step);

    if (act == P_NO_ACT)
        return;
    s->acts[act].changes += changed && !call->reads;
    add (s, changed && !call->reads ? P_LINE_CHANGE : P_LINE_LOOK, act);
}

void
p_script_answer (struct p_script *s, const struct p_call *call, int word)
{
    uint32_t act = newest (s, call->step);

    if (act == P_NO_ACT)
        return;
    s->acts[act].word = word;
    add (s, P_LINE_ANSWER, act)->word = word;
}

void
p_script_choice (struct p_script *s, struct p_choice choice, const struct p_call *at)
{
    add (s, P_LINE_CHOICE, at ? newest (s, at->step) : P_NO_ACT)->choice = choice;
}

void
p_script_death (struct p_script *s, bool servers_go_on)
{
    add (s, P_LINE_DEATH, P_NO_ACT)->word = servers_go_on;
    s->life++;
}

static struct p_state *
keep (const struct p_run *r)
{
    struct p_state *copy = p_state_new (r->c);

    p_state_assign (r->c, copy, r->s);
    return copy;
}

void
p_script_event (struct p_script *s, const struct p_run *r, size_t index)
{
    struct p_line *line = add (s, P_LINE_EVENT, P_NO_ACT);

    line->word = (int) index;
    line->state = keep (r);
}

void
p_script_broken (struct p_script *s, const struct p_run *r, const char *rule)
{
    struct p_line *line = add (s, P_LINE_BROKEN, P_NO_ACT);

    line->text = sb_xstrdup (rule);
    line->state = keep (r);
}

void
p_script_finish (struct p_script *s)
{
    s->finish = (uint32_t) s->nlines;
    add (s, P_LINE_FINISH, P_NO_ACT);
}

void
p_script_over (struct p_script *s, const struct p_run *r)
{
    s->end = keep (r);
}

/* ---------------------------------------------------------------- how an act stands to a line */

struct around {
    size_t begun, begun_at; /* calls of the act before the line; where the last of them begins */
    bool answered, later;   /* that call was answered before; another one begins after */
    uint32_t did, will_do;  /* operations of that call before and after the line */
    bool looked;
};

static struct around
look_around (const struct p_script *s, size_t at, uint32_t act)
{
    struct around a = { 0 };
    bool over = false;
    size_t i;

    for (i = 0; i < s->nlines; i++) {
        const struct p_line *line = &s->lines[i];

        if (line->act != act || line->kind == P_LINE_CHOICE)
            continue;
        if (line->kind == P_LINE_BEGIN && i < at)
            a = (struct around){ .begun = a.begun + 1, .begun_at = i };
        else if (line->kind == P_LINE_BEGIN)
            over = a.later = true;
        else if (line->kind == P_LINE_ANSWER && i < at)
            a.answered = true;
        else if (line->kind == P_LINE_ANSWER)
            over = true;
        else if (line->kind == P_LINE_CHANGE && i < at)
            a.did++;
        else if (line->kind == P_LINE_CHANGE && !over)
            a.will_do++;
        else if (line->kind == P_LINE_LOOK && i < at)
            a.looked = true;
    }
    return a;
}

/* Operations of a call of this kind that went through undisturbed: those of the longest one that the script or an
 * undisturbed history has. */
static uint32_t
whole (const struct p_script *s, const struct p_script *calm, const struct p_act *act)
{
    uint32_t most = 0;
    const struct p_script *in[] = { s, calm };
    size_t i, k;

    for (k = 0; k < 2; k++)
        for (i = 0; in[k] && i < in[k]->nacts; i++) {
            const struct p_act *a = &in[k]->acts[i];

            if (a->step == act->step && a->op == act->op && a->undo == act->undo && a->changes > most)
                most = a->changes;
        }
    return most;
}

static enum p_relation
relation (const struct p_script *s, const struct p_script *calm, size_t at, uint32_t act)
{
    struct around a = look_around (s, at, act);

    if (a.begun == 0)
        return P_REL_LATER;
    if (a.answered)
        return a.later ? P_REL_PAUSE : P_REL_OVER;
    if (a.did > 0)
        return a.will_do > 0 || a.did < whole (s, calm, &s->acts[act]) ? P_REL_BETWEEN : P_REL_EXIT;
    return a.looked ? P_REL_ASKING : a.begun > 1 ? P_REL_PAUSE : P_REL_ENTRANCE;
}

/* ---------------------------------------------------------------- cues */

static struct p_cue *
add_cue (struct p_script *s, const struct p_script *calm, enum p_cue_kind kind, size_t line, uint32_t act)
{
    struct p_cue cue = { .kind = kind, .line = (uint32_t) line, .act = act };
    size_t i;

    cue.relations = sb_xcalloc (s->nacts + 1, 1);
    for (i = 0; i < s->nacts; i++) {
        cue.relations[i] = (uint8_t) relation (s, calm, line, (uint32_t) i);
        if (s->acts[i].life != s->life)
            cue.relations[i] = s->acts[i].life < s->life ? P_REL_OVER : P_REL_LATER;
    }
    SB_PUSH (s->cues, s->ncues, s->cues_cap) = cue;
    return &s->cues[s->ncues - 1];
}

/* Nobody but a person who died may stand between two operations of another call. */
static void
look_between (struct p_script *s, struct p_cue *cue)
{
    size_t i;

    for (i = 0; i < s->nacts && !cue->why; i++)
        if (cue->relations[i] == P_REL_BETWEEN)
            cue->why =
                    sb_xprintf ("it happens between two operations of one call of %s, where nobody can stop a worker",
                                s->c->plan.steps[s->acts[i].step].name);
}

/* The newest act that was answered before a line. */
static uint32_t
answered_before (const struct p_script *s, size_t at)
{
    while (at-- > 0)
        if (s->lines[at].kind == P_LINE_ANSWER)
            return s->lines[at].act;
    return P_NO_ACT;
}

static void
cue_death (struct p_script *s, const struct p_script *calm, size_t line, const struct p_line *choice)
{
    struct p_cue *cue = add_cue (s, calm, P_CUE_DEATH, line, P_NO_ACT);
    bool answered = choice && choice->act != P_NO_ACT && answered_before (s, line) == choice->act
                    && cue->relations[choice->act] == P_REL_OVER;

    if (s->lines[line].word)
        cue->why =
                sb_xstrdup ("servers go on with what had been begun, and no fault of the lab keeps them at it so long");
    if (answered && choice->choice.death == P_DIES_BEFORE)
        cue->relations[choice->act] = P_REL_EXIT;
    if (answered && choice->choice.death == P_DIES_AFTER) {
        cue->act = choice->act;
        cue->what = 1;
    }
    look_between (s, cue);
}

static bool
is_database (const struct p_script *s, uint32_t act)
{
    const char *role = act == P_NO_ACT ? NULL : s->c->plan.steps[s->acts[act].step].role;

    return role && strcmp (role, "database") == 0;
}

static void
cue_fault (struct p_script *s, const struct p_script *calm, size_t line)
{
    const struct p_choice choice = s->lines[line].choice;
    uint32_t act = s->lines[line].act;
    bool refused = choice.arg == P_END_REFUSED || choice.arg == P_END_TRANSIENT;
    bool lost = choice.kind == P_CALL_LOST;
    struct p_cue *cue = add_cue (s, calm,
                                 lost                            ? P_CUE_NOT_HEARD
                                 : choice.arg == P_END_REFUSED   ? P_CUE_REFUSED
                                 : choice.arg == P_END_TRANSIENT ? P_CUE_TRANSIENT
                                 : choice.arg == P_END_NOT_DONE  ? P_CUE_NOT_DONE
                                 : choice.arg == P_END_DIES      ? P_CUE_NOT_HEARD
                                                                 : P_CUE_IMPOSSIBLE,
                                 line, act);

    if (cue->kind == P_CUE_IMPOSSIBLE)
        cue->why = sb_xstrdup ("a server that works on for a client which is gone cannot be kept at it");
    else if (!lost && refused && !is_database (s, act))
        cue->why = sb_xstrdup ("the lab can refuse statements to an instance, and nothing to other servers");
    else if (cue->kind == P_CUE_NOT_HEARD && cue->relations[act] == P_REL_BETWEEN)
        cue->why = sb_xstrdup ("it breaks off between two operations of one call, where nobody can stop a worker");
}

static void
cue_event (struct p_script *s, const struct p_script *calm, size_t line)
{
    struct p_cue *cue = add_cue (s, calm, P_CUE_EVENT, line, P_NO_ACT);

    cue->what = s->lines[line].word;
    look_between (s, cue);
    if (!cue->why && !p_event_playable ((size_t) cue->what))
        cue->why = sb_xstrdup ("a person's own hand is not part of the lab");
}

bool
p_script_shown (const struct p_rule *rule)
{
    static const char *const names[] = { "one-writable-copy",         "late-writes-are-kept",
                                         "nothing-lost-when-planned", "only-good-copy",
                                         "state-before-servers",      "saved-before-removed",
                                         "state-and-database-agree",  "whole-at-the-end",
                                         "old-site-is-dealt-with" };
    size_t i;

    for (i = 0; rule && rule->holds && i < sizeof names / sizeof names[0]; i++)
        if (strcmp (names[i], rule->name) == 0)
            return true;
    return false;
}

/* A rule without a question is broken by the call that begins next. */
static void
cue_broken (struct p_script *s, const struct p_script *calm, size_t line)
{
    const struct p_rule *rule = p_rule_find (s->lines[line].text);
    size_t next = line + 1;
    struct p_cue *cue;

    while (next < s->nlines && s->lines[next].kind != P_LINE_BEGIN && s->lines[next].kind != P_LINE_ANSWER)
        next++;
    if (rule && !rule->holds && next < s->nlines && s->lines[next].kind == P_LINE_BEGIN
        && s->acts[s->lines[next].act].op == SB_CALL_RUN) {
        cue = add_cue (s, calm, P_CUE_BROKEN, next + 1 < s->nlines ? next + 1 : next, s->lines[next].act);
        cue->what = 1;
        cue->line = (uint32_t) line;
        return;
    }
    cue = add_cue (s, calm, P_CUE_BROKEN, line, P_NO_ACT);
    if (!p_script_shown (rule))
        cue->why = sb_xstrdup ("what breaks it is in the engine or in its past, which a server cannot show");
}

static void
make_cues (struct p_script *s, const struct p_script *calm)
{
    const struct p_line *choice = NULL, *sentence = NULL;
    size_t i, before;

    s->life = 0;

    for (i = 0; i < s->nlines; i++) {
        struct p_line *line = &s->lines[i];

        if (line->kind == P_LINE_SENTENCE) {
            sentence = line;
            continue;
        }
        before = s->ncues;
        if (line->kind == P_LINE_CHOICE) {
            choice = line;
            if (line->choice.kind == P_CALL_ENDS || line->choice.kind == P_CALL_LOST)
                cue_fault (s, calm, i);
            else if (line->choice.kind == P_GHOST || line->choice.kind == P_SAY_NO)
                add_cue (s, calm, P_CUE_IMPOSSIBLE, i, P_NO_ACT)->why =
                        sb_xstrdup (line->choice.kind == P_GHOST
                                            ? "a server that works on for a client which is gone cannot be kept at it"
                                            : "gates are answered beforehand, with yes");
            if (s->ncues > before && i + 1 < s->nlines && s->lines[i + 1].kind == P_LINE_SENTENCE)
                sentence = &s->lines[i + 1];
        } else if (line->kind == P_LINE_DEATH) {
            cue_death (s, calm, i, choice);
            s->life++;
        } else if (line->kind == P_LINE_EVENT) {
            cue_event (s, calm, i);
        } else if (line->kind == P_LINE_BROKEN) {
            cue_broken (s, calm, i);
        }
        if (s->ncues > before && sentence) {
            s->cues[before].text = sentence->text;
            s->cues[before].number = sentence->number;
        }
    }
}

/* ---------------------------------------------------------------- the whole */

static void
walk (struct p_script *s, struct p_case *c, const struct p_budget *b, const struct p_path *path)
{
    struct p_teller t = { .script = s };

    *s = (struct p_script){ .c = c };
    p_walk (c, b, path, &t);
    sb_map_free (&t.told);
    sb_buf_free (&t.text);
}

void
p_script_make (struct p_script *s, struct p_case *c, const struct p_budget *b, const struct p_path *path)
{
    struct p_script calm;
    uint8_t always[1] = { 0 };
    struct p_path none = { .list = always };
    struct p_budget nothing = { 0 };

    walk (&calm, c, &nothing, &none);
    walk (s, c, b, path);
    make_cues (s, &calm);
    if (s->end && calm.end && s->end->world->now_ms > calm.end->world->now_ms)
        s->waits_ms = s->end->world->now_ms - calm.end->world->now_ms;
    p_script_free (&calm);
}

void
p_script_free (struct p_script *s)
{
    size_t i;

    for (i = 0; i < s->nlines; i++) {
        free (s->lines[i].text);
        p_state_free (s->lines[i].state);
    }
    for (i = 0; i < s->ncues; i++) {
        free (s->cues[i].relations);
        free (s->cues[i].why);
    }
    free (s->lines);
    free (s->acts);
    free (s->cues);
    p_state_free (s->end);
    *s = (struct p_script){ 0 };
}

const char *
p_script_why_not (const struct p_script *s)
{
    size_t i;

    if (!s->c->direct)
        return "no step of it speaks to a server of the lab";
    if (s->c->start == P_START_REBUILT)
        return "it begins in a world whose first site was built anew";
    if (s->finish == 0)
        return "the history breaks off before the run ends";
    for (i = 0; i < s->ncues; i++)
        if (s->cues[i].why && s->cues[i].kind != P_CUE_BROKEN)
            return s->cues[i].why;
    return NULL;
}

const char *
p_script_unsure (const struct p_script *s)
{
    size_t i, k;

    for (i = 0; i < s->ncues; i++)
        for (k = 0; k < s->nacts; k++)
            if (s->cues[i].relations[k] == P_REL_ASKING || s->cues[i].relations[k] == P_REL_PAUSE)
                return "somebody interferes while a server is waited for, which over the wire may not be needed";
    return NULL;
}

uint32_t
p_script_act (const struct p_script *s, uint16_t life, uint32_t step, uint8_t op, bool undo, uint16_t index)
{
    size_t i;

    for (i = 0; i < s->nacts; i++) {
        const struct p_act *a = &s->acts[i];

        if (a->life == life && a->step == step && a->op == op && a->undo == undo && a->index == index)
            return (uint32_t) i;
    }
    return P_NO_ACT;
}

const char *
p_script_breaks (const struct p_script *s)
{
    const char *any = NULL;
    size_t i;

    for (i = s->nlines; i-- > 0;) {
        if (s->lines[i].kind != P_LINE_BROKEN)
            continue;
        any = any ? any : s->lines[i].text;
        if (p_script_shown (p_rule_find (s->lines[i].text)))
            return s->lines[i].text;
    }
    return any;
}
