/* The engine's records in words: JSON with sorted keys, and back.  What the engine
 * knows as an id stands there as text, so that a later process can give it a new id. */
#include "core/engine/run_internal.h"

#include "core/engine/body.h"

#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const rc_names[] = {
    [SB_OK] = "ok",
    [SB_RETRY] = "retry",
    [SB_FAIL] = "fail",
    [SB_UNSURE] = "unsure",
    [SB_STOPPED] = "stopped",
    [SB_RC_DIED] = "died",
    [SB_RC_NOT_BEGUN] = "not begun",
};
static const char *const gate_names[] = {
    [SB_GATE_UNASKED] = "unasked", [SB_GATE_OPEN] = "open", [SB_GATE_NOT_NEEDED] = "not needed",
    [SB_GATE_YES] = "yes",         [SB_GATE_NO] = "no",
};
static const char *const wish_names[] = {
    [SB_EV_ABORT] = "abort", [SB_EV_RETRY] = "retry",  [SB_EV_SKIP] = "skip",         [SB_EV_HOLD] = "hold",
    [SB_EV_CLAIM] = "done",  [SB_EV_GATE] = "approve", [SB_EV_GLASS] = "break-glass",
};
#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* What besides the common parts stands in a body, by kind. */
enum {
    PARAMS = 1,
    RESULTS = 2,
    SENTENCE = 4,
    RC = 8,
    ANSWER = 16,
    QUESTION = 32,
    SITE = 64,
    OUTCOME = 128,
    WISH = 256,
    BEGIN = 512,
    PROVED = 1024,
    GATE = 2048,
    COUNTDOWN = 4096,
    TO = 8192
};

static const unsigned parts[SB_REC_KINDS] = {
    [SB_REC_RUN_BEGIN] = BEGIN,
    [SB_REC_RUN_RESUME] = BEGIN,
    [SB_REC_RUN_FINISH] = OUTCOME,
    [SB_REC_ADOPTED] = RESULTS | PROVED | SENTENCE,
    [SB_REC_INTENT] = PARAMS | RESULTS,
    [SB_REC_ANSWER] = RC | RESULTS | SENTENCE,
    [SB_REC_CLEARED] = SENTENCE,
    [SB_REC_DONE] = RESULTS | PROVED | SENTENCE,
    [SB_REC_FAILED] = SENTENCE,
    [SB_REC_HELD] = SENTENCE,
    [SB_REC_OWED] = PARAMS | SENTENCE,
    [SB_REC_SKIPPED] = SENTENCE,
    [SB_REC_UNDO_INTENT] = PARAMS,
    [SB_REC_UNDO_ANSWER] = RC | SENTENCE,
    [SB_REC_UNDO_HELD] = SENTENCE,
    [SB_REC_GATE_OPEN] = QUESTION,
    [SB_REC_GATE_ANSWER] = ANSWER,
    [SB_REC_PROVED] = RESULTS | PROVED,
    [SB_REC_DARK] = SITE,
    [SB_REC_LIGHT] = SITE,
    [SB_REC_PERSON] = WISH,
    [SB_REC_GATE_FIRST] = GATE,
    [SB_REC_GATE_GLASS] = GATE | COUNTDOWN,
    [SB_REC_OPERATOR] = TO,
    [SB_REC_TAKEN_OVER] = TO,
};

/* ---------------------------------------------------------------- out */

static void
set_text (json_t *o, const char *key, const char *value)
{
    if (value && *value)
        json_object_set_new (o, key, json_string (value));
}

static void
set_begin (struct sb_run *run, json_t *o)
{
    char host[256] = "";

    gethostname (host, sizeof host - 1);
    set_text (o, "workflow", run->plan->workflow);
    set_text (o, "digest", run->plan->digest);
    set_text (o, "seal", run->seal);
    set_text (o, "image", run->image);
    set_text (o, "program", SB_VERSION);
    set_text (o, "host", host);
    json_object_set_new (o, "pid", json_integer (getpid ()));
    set_text (o, run->hold_taken_over ? "taken_over_from" : "no_hold", run->hold_text);
    json_object_set_new (o, "started_ms", json_integer (run->started_ms));
    if (run->plan->drill)
        json_object_set_new (o, "drill", json_true ());
}

/* Expanded here, so that the intention and the call are the same; kept as long as the intention stands. */
static void
set_params (struct sb_run *run, json_t *o, const struct sb_engine_record *r)
{
    struct sb_run_step *w = &run->steps[r->step];
    bool undo = r->kind == SB_REC_UNDO_INTENT;
    json_t *params = sb_run_params (run, r->step, undo);

    if (json_object_size (params) > 0)
        json_object_set (o, "params", params);
    if (!undo) {
        json_decref (w->params);
        w->params = json_incref (params);
    }
    json_decref (params);
}

/* Who, as sb_run_by() wrote it. */
static void
set_person (struct sb_run *run, json_t *o, const char *key, uint32_t id)
{
    const char *text = sb_store_get_text (&run->store, id);
    json_t *who = text ? json_loads (text, 0, NULL) : NULL;

    if (who)
        json_object_set_new (o, key, who);
}

static void
set_parts (struct sb_run *run, json_t *o, const struct sb_engine_record *r)
{
    unsigned has = parts[r->kind];
    static const struct sb_run_step none = { 0 };
    const struct sb_run_step *w = r->step == SB_NO_STEP ? &none : &run->steps[r->step];
    json_t *results = sb_store_get_results (&run->store, r->result);

    if (has & PARAMS)
        set_params (run, o, r);
    if ((has & RESULTS) && results)
        json_object_set (o, "results", results);
    if (has & SENTENCE)
        set_text (o, "sentence", w->sentence);
    if (has & RC)
        set_text (o, "rc", rc_names[r->value]);
    if (has & ANSWER) {
        set_text (o, "answer", gate_names[r->value]);
        set_text (o, "gate", run->plan->gates[run->plan->steps[r->step].gate].name);
        json_object_set_new (o, "people_ms", json_integer (r->ms));
        if (r->value == SB_GATE_YES)
            set_text (o, "grade", "declared");
    }
    if (has & QUESTION) {
        set_text (o, "question", w->question);
        if (run->plan->steps[r->step].no_return)
            json_object_set_new (o, "no_return", json_true ());
        set_text (o, "gate", run->plan->gates[run->plan->steps[r->step].gate].name);
    }
    if (has & GATE)
        set_text (o, "gate", run->plan->gates[run->plan->steps[r->step].gate].name);
    if (has & COUNTDOWN)
        json_object_set_new (o, "countdown_ms", json_integer (r->ms));
    if (has & TO)
        set_person (run, o, "to", r->target);
    if ((has & SITE) && r->value < run->e->nsites)
        set_text (o, "site", run->plan->sites[r->value]);
    if (has & OUTCOME) {
        set_text (o, "outcome", sb_outcome_words[r->value].name);
        if (sb_outcome_words[r->value].closed)
            json_object_set_new (o, "closed", json_true ());
    }
    if (has & WISH) {
        set_text (o, "wish", wish_names[r->value]);
        json_object_set_new (o, "accepted", json_boolean (r->accepted));
    }
    if (has & PROVED)
        json_object_set_new (o, "proved_ms", json_integer (r->ms));
    if (has & BEGIN)
        set_begin (run, o);
}

char *
sb_run_body (struct sb_run *run, const struct sb_engine_record *r)
{
    json_t *o = json_object ();
    char *text, *copy;

    set_parts (run, o, r);
    if (r->why != SB_WHY_NONE)
        set_text (o, "why", sb_reason_names[r->why]);
    if (r->step != SB_NO_STEP)
        set_text (o, "target", sb_run_target (run, r->step));
    set_person (run, o, "by", r->by);
    text = json_dumps (o, JSON_SORT_KEYS | JSON_COMPACT);
    copy = sb_xstrdup (text ? text : "{}");
    free (text);
    json_decref (o);
    return copy;
}

/* ---------------------------------------------------------------- back */

static uint8_t
value_of (const struct sb_run *run, unsigned has, const struct sb_body *b)
{
    const char *outcomes[SB_OUTCOMES];
    int k;

    if (has & RC)
        return sb_body_word (b, "rc", rc_names, COUNT (rc_names), SB_UNSURE);
    if (has & ANSWER)
        return sb_body_word (b, "answer", gate_names, COUNT (gate_names), SB_GATE_UNASKED);
    if (has & SITE)
        return sb_body_word (b, "site", run->plan->sites, run->e->nsites, SB_NO_SITE);
    if (has & WISH)
        return sb_body_word (b, "wish", wish_names, COUNT (wish_names), SB_EV_START);
    if (!(has & OUTCOME))
        return 0;
    for (k = 0; k < SB_OUTCOMES; k++)
        outcomes[k] = sb_outcome_words[k].name;
    return sb_body_word (b, "outcome", outcomes, SB_OUTCOMES, SB_RUN_STOPPED);
}

static uint32_t
by_of (struct sb_run *run, struct sb_body *b)
{
    json_t *by = sb_body_json (b, "by");
    char *text = by ? json_dumps (by, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    uint32_t id = sb_store_text (&run->store, text);

    free (text);
    json_decref (by);
    return id;
}

static uint32_t
uid_of (struct sb_body *b, const char *key)
{
    json_t *who = sb_body_json (b, key);
    uint32_t uid = (uint32_t) json_integer_value (json_object_get (who, "uid"));

    json_decref (who);
    return uid;
}

static uint32_t
target_of (struct sb_run *run, struct sb_body *b)
{
    json_t *target = sb_body_json (b, "target");
    uint32_t id = sb_store_text (&run->store, json_string_value (target));

    json_decref (target);
    return id;
}

static void
restore_question (struct sb_run_step *w, struct sb_body *b)
{
    json_t *question = sb_body_json (b, "question");

    if (json_is_string (question)) {
        free (w->question);
        w->question = sb_xstrdup (json_string_value (question));
    }
    json_decref (question);
}

/* Texts that later calls and records need again. */
static void
restore_step (struct sb_run *run, const struct sb_engine_record *r, struct sb_body *b)
{
    struct sb_run_step *w = &run->steps[r->step];
    uint32_t gate = run->plan->steps[r->step].gate;

    if (r->kind == SB_REC_INTENT) {
        json_decref (w->params);
        w->params = sb_body_json (b, "params");
    }
    if (r->kind == SB_REC_INTENT || r->kind == SB_REC_ANSWER)
        w->base = r->result;
    restore_question (w, b);
    if (r->kind == SB_REC_GATE_ANSWER && gate != SB_NO_GATE) {
        run->gates[gate].yes = r->value == SB_GATE_YES;
        run->gates[gate].by = r->by;
        run->gates[gate].at = r->at;
    }
}

/* Is the record about a step that the plan has? */
static bool
fits (const struct sb_run *run, const struct sb_record *rec)
{
    if (rec->step == SB_RECORD_NO_STEP)
        return rec->name == NULL;
    return rec->step < run->plan->count
           && (rec->name == NULL || strcmp (rec->name, run->plan->steps[rec->step].name) == 0);
}

bool
sb_run_unbody (struct sb_run *run, const struct sb_record *rec, struct sb_engine_record *ret)
{
    unsigned has = parts[rec->kind];
    struct sb_body b;

    if (!fits (run, rec) || !sb_body_read (&b, rec->body))
        return false;
    *ret = (struct sb_engine_record){ .kind = rec->kind, .step = rec->step, .attempt = rec->attempt, .at = rec->at_ms };
    ret->why = sb_body_word (&b, "why", sb_reason_names, SB_WHYS, SB_WHY_NONE);
    ret->value = value_of (run, has, &b);
    ret->accepted = !(has & WISH) || sb_body_true (&b, "accepted");
    ret->ms = sb_body_number (&b, has & PROVED ? "proved_ms" : has & COUNTDOWN ? "countdown_ms" : "people_ms");
    ret->by = by_of (run, &b);
    ret->result = sb_store_results (&run->store, sb_body_json (&b, "results"));
    if (rec->kind == SB_REC_GATE_FIRST)
        ret->person = sb_run_person_of (uid_of (&b, "by"));
    if (rec->kind == SB_REC_OPERATOR)
        run->operator_uid = uid_of (&b, "to");
    if (rec->step != SB_RECORD_NO_STEP) {
        if (run->plan->steps[rec->step].on_rule == SB_ON_PRINCIPAL)
            ret->target = target_of (run, &b);
        restore_step (run, ret, &b);
    }
    return !b.bad;
}
