/* The account of a run: what the journal holds about it, gathered step by step, as JSON. */
#include "cli/proof.h"
#include "cli/report.h"
#include "cli/runs.h"
#include "cli/standing.h"

#include "core/base/text.h"
#include "core/engine/engine.h"
#include "core/journal/record.h"

#include <stdlib.h>
#include <string.h>

const char *
report_str (const json_t *o, const char *key)
{
    const char *s = json_string_value (json_object_get (o, key));

    return s == NULL ? "" : s;
}

int64_t
report_ms (const json_t *o, const char *key)
{
    return json_integer_value (json_object_get (o, key));
}

struct gathering {
    json_t *steps;  /* one object per step of the plan */
    json_t *events; /* what happened, in order */
    const struct sb_plan *plan;
};

/* Results, sentence and target of the newest record that has them. */
static void
merge (json_t *step, json_t *body)
{
    static const char *const keys[] = { "results", "sentence", "target", "params", "why", "question", "by", "grade" };
    size_t i;

    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get (body, keys[i]);

        if (value != NULL && !(json_is_string (value) && json_string_length (value) == 0))
            json_object_set (step, keys[i], value);
    }
}

static void
time_of (json_t *step, const struct sb_record *r)
{
    const char *state = sb_record_words[r->kind].state;

    if (r->kind == SB_REC_INTENT && json_object_get (step, "begun_ms") == NULL)
        json_object_set_new (step, "begun_ms", json_integer (r->at_ms));
    if (state != NULL) {
        json_object_set_new (step, "state", json_string (state));
        json_object_set_new (step, "ended_ms", json_integer (r->at_ms));
    }
    if (r->kind == SB_REC_OWED && json_object_get (step, "owed_ms") == NULL)
        json_object_set_new (step, "owed_ms", json_integer (r->at_ms));
    if (r->kind == SB_REC_ADOPTED)
        json_object_set_new (step, "already", json_true ());
    if (r->attempt > 0)
        json_object_set_new (step, "attempts", json_integer (r->attempt));
}

static bool
gather (void *ctx, const struct sb_record *r)
{
    struct gathering *g = ctx;
    json_t *body = json_loads (r->body == NULL ? "{}" : r->body, 0, NULL);
    const char *title = r->name;

    if (r->step < g->plan->count) {
        json_t *step = json_array_get (g->steps, r->step);

        title = g->plan->steps[r->step].title;
        time_of (step, r);
        merge (step, body);
    }
    json_array_append_new (g->events,
                           json_pack ("{s:I, s:I, s:s, s:s?, s:s?, s:s, s:O?}", "seq", (json_int_t) r->seq, "at_ms",
                                      (json_int_t) r->at_ms, "kind", sb_record_words[r->kind].name, "step", r->name,
                                      "title", title, "text", sb_record_words[r->kind].text, "body", body));
    json_decref (body);
    return true;
}

static void
planned (json_t *steps, const struct sb_plan *p)
{
    uint32_t i;

    for (i = 0; i < p->count; i++) {
        const struct sb_plan_step *s = &p->steps[i];
        char *action SB_AUTOFREE = s->verb == NULL ? NULL : sb_xprintf ("%s.%s", s->role, s->verb);

        json_array_append_new (steps, json_pack ("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:b}", "step", s->name,
                                                 "title", s->title, "action", action, "object", s->object, "on", s->on,
                                                 "gate", s->gate == SB_NO_GATE ? NULL : p->gates[s->gate].name, "state",
                                                 "waiting", "no_return", s->no_return));
    }
}

/* What was foretold of a step, beside what came. */
static void
hold_forecast (json_t *report)
{
    json_t *foretold = json_object_get (json_object_get (json_object_get (report, "info"), "forecast"), "steps"), *step;
    size_t i;

    json_array_foreach (json_object_get (report, "steps"), i, step)
    {
        json_t *one = json_object_get (foretold, report_str (step, "step"));

        if (one != NULL)
            json_object_set (step, "foretold", one);
        if (report_ms (step, "begun_ms") > 0 && report_ms (step, "ended_ms") >= report_ms (step, "begun_ms"))
            json_object_set_new (step, "took_ms",
                                 json_integer (report_ms (step, "ended_ms") - report_ms (step, "begun_ms")));
    }
}

json_t *
report_account (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run)
{
    struct sb_plan plan = { 0 };
    struct gathering g = { json_array (), json_array (), &plan };
    struct sb_journal_head head = { 0 };
    struct sb_buf hash SB_CLEANUP (sb_buf_free) = { 0 };
    json_t *report = NULL;

    if (sb_plan_from_json (&plan, run->plan, strlen (run->plan), &c->faults)) {
        planned (g.steps, &plan);
        if (sb_journal_each (j, run->id, 0, gather, &g, &c->faults) && sb_journal_head (j, &head, &c->faults)) {
            sb_hex (head.hash, SB_HASH_BYTES, &hash);
            report = json_pack ("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:s, s:i, s:{s:I, s:s}, s:O, s:O}",
                                "run", run->id, "workflow", run->workflow, "title", plan.title, "pool", run->pool,
                                "drill", run->drill, "digest", run->digest, "topology_digest", plan.topology_digest,
                                "started_ms", (json_int_t) run->started_ms, "ended_ms", (json_int_t) run->ended_ms,
                                "outcome", run->outcome != NULL ? run->outcome : "unfinished", "uid", (int) run->uid,
                                "head", "seq", (json_int_t) head.seq, "hash", sb_buf_cstr (&hash), "steps", g.steps,
                                "events", g.events);
            json_object_set_new (report, "standing", cli_standing (c, j, run, &plan));
            json_object_set_new (report, "info", json_loads (run->info, 0, NULL));
            hold_forecast (report);
            json_object_set_new (report, "proof", cli_proof (c, run->digest));
        }
    }
    json_decref (g.steps);
    json_decref (g.events);
    sb_plan_release (&plan);
    return report;
}

bool
report_foretold_words (const json_t *report, struct sb_buf *out)
{
    const json_t *foretold = json_object_get (json_object_get (report, "info"), "forecast");

    if (foretold == NULL)
        return false;
    sb_buf_str (out, "about ");
    sb_format_duration (out, report_ms (foretold, "median_ms"));
    sb_buf_str (out, ", nine of ten ");
    sb_format_duration (out, report_ms (foretold, "p90_ms"));
    sb_buf_str (out, ", without people's time");
    return true;
}
