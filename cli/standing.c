/* How a run stands: one walk over its records, then words. */
#include "cli/standing.h"

#include "core/base/text.h"
#include "core/engine/engine.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

struct walk {
    const struct sb_plan *plan;
    enum sb_record_kind *last; /* of each step: the newest that says something about its state */
    json_t **bodies;           /* of those that hold or ask */
    json_t **firsts;           /* of each step: who agreed first at its gate */
    json_t *glass;
    char *operator_name;
};

static const char *
name_in (const json_t *body, const char *key)
{
    return json_string_value (json_object_get (json_object_get (body, key), "name"));
}

static json_t *
glass_mark (const struct sb_record *r, const json_t *body)
{
    return json_pack ("{s:s, s:s, s:s?, s:s?, s:s?, s:I, s:I}", "run", r->run, "step", r->name ? r->name : "", "gate",
                      json_string_value (json_object_get (body, "gate")), "by", name_in (body, "by"), "reason",
                      json_string_value (json_object_get (json_object_get (body, "by"), "reason")), "at_ms",
                      (json_int_t) r->at_ms, "countdown_ms",
                      json_integer_value (json_object_get (body, "countdown_ms")));
}

static void
keep_body (struct walk *w, uint32_t step, json_t *body)
{
    json_decref (w->bodies[step]);
    w->bodies[step] = json_incref (body);
}

static bool
look (void *ctx, const struct sb_record *r)
{
    struct walk *w = ctx;
    json_t *body = json_loads (r->body, 0, NULL);

    if (r->kind == SB_REC_OPERATOR && name_in (body, "to") != NULL) {
        free (w->operator_name);
        w->operator_name = sb_xstrdup (name_in (body, "to"));
    }
    if (r->step < w->plan->count && sb_record_words[r->kind].state != NULL) {
        w->last[r->step] = r->kind;
        keep_body (w, r->step, body);
        if (r->kind == SB_REC_GATE_ANSWER) {
            json_decref (w->firsts[r->step]);
            w->firsts[r->step] = NULL;
        }
    }
    if (r->step < w->plan->count && r->kind == SB_REC_GATE_FIRST) {
        json_decref (w->firsts[r->step]);
        w->firsts[r->step] = json_incref (json_object_get (body, "by"));
    }
    if (r->kind == SB_REC_GATE_GLASS)
        json_array_append_new (w->glass, glass_mark (r, body));
    json_decref (body);
    return true;
}

/* May it have happened, and nothing takes it back? */
static bool
is_crossed (const struct walk *w, uint32_t i)
{
    enum sb_record_kind k = w->last[i];

    return w->plan->steps[i].no_return
           && (k == SB_REC_INTENT || k == SB_REC_ANSWER || k == SB_REC_DONE || k == SB_REC_ADOPTED);
}

static void
tell_step (const struct walk *w, uint32_t i, json_t *crossed, json_t *gates, json_t *held)
{
    const struct sb_plan_step *s = &w->plan->steps[i];
    const struct sb_plan_gate *g = s->gate == SB_NO_GATE ? NULL : &w->plan->gates[s->gate];
    const char *why, *sentence;

    if (is_crossed (w, i))
        json_array_append_new (crossed, json_pack ("{s:s, s:s}", "step", s->name, "title", s->title));
    if (w->last[i] == SB_REC_GATE_OPEN && g != NULL)
        json_array_append_new (gates, json_pack ("{s:s, s:s, s:b, s:s?, s:i, s:O?}", "gate", g->name, "step", s->name,
                                                 "no_return", s->no_return, "question",
                                                 json_string_value (json_object_get (w->bodies[i], "question")),
                                                 "persons", g->persons > 1 ? 2 : 1, "first", w->firsts[i]));
    if (w->last[i] != SB_REC_HELD && w->last[i] != SB_REC_UNDO_HELD && w->last[i] != SB_REC_FAILED)
        return;
    why = json_string_value (json_object_get (w->bodies[i], "why"));
    sentence = json_string_value (json_object_get (w->bodies[i], "sentence"));
    json_array_append_new (held, json_pack ("{s:s, s:s, s:s?, s:s?, s:s?}", "step", s->name, "title", s->title, "why",
                                            why, "text", cli_reason_text (why), "sentence", sentence));
}

const char *
cli_reason_text (const char *name)
{
    int k;

    for (k = 0; name != NULL && k < SB_WHYS; k++)
        if (strcmp (sb_reason_names[k], name) == 0)
            return sb_reason_texts[k];
    return NULL;
}

/* Before the point of no return everything is open; after it the ways lead forward only. */
static json_t *
choices (const json_t *crossed, const json_t *gates, const json_t *held)
{
    json_t *list = json_array ();

    if (json_array_size (gates) > 0) {
        json_array_append_new (list, json_string ("approve"));
        json_array_append_new (list, json_string ("refuse"));
    }
    if (json_array_size (held) > 0) {
        json_array_append_new (list, json_string ("retry"));
        json_array_append_new (list, json_string ("done"));
        json_array_append_new (list, json_string ("skip"));
    }
    if (json_array_size (crossed) == 0)
        json_array_append_new (list, json_string ("abort"));
    return list;
}

json_t *
cli_standing (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, const struct sb_plan *plan)
{
    struct walk w = { .plan = plan, .glass = json_array () };
    json_t *crossed = json_array (), *gates = json_array (), *held = json_array (), *o = NULL;
    struct passwd *pw = getpwuid (run->uid);
    uint32_t i;

    w.last = sb_xcalloc (plan->count + 1, sizeof *w.last);
    w.bodies = sb_xcalloc (plan->count + 1, sizeof (json_t *));
    w.firsts = sb_xcalloc (plan->count + 1, sizeof (json_t *));
    w.operator_name = pw != NULL ? sb_xstrdup (pw->pw_name) : sb_xprintf ("user %u", (unsigned) run->uid);
    for (i = 0; i < plan->count; i++)
        w.last[i] = SB_REC_KINDS;
    if (sb_journal_each (j, run->id, 0, look, &w, &c->faults)) {
        for (i = 0; i < plan->count; i++)
            tell_step (&w, i, crossed, gates, held);
        o = json_pack ("{s:O, s:b, s:O, s:O, s:O, s:s, s:o}", "past_no_return", crossed, "way_back",
                       json_array_size (crossed) == 0, "gates", gates, "held", held, "glass", w.glass, "operator",
                       w.operator_name, "choices", choices (crossed, gates, held));
    }
    for (i = 0; i < plan->count; i++) {
        json_decref (w.bodies[i]);
        json_decref (w.firsts[i]);
    }
    json_decref (crossed);
    json_decref (gates);
    json_decref (held);
    json_decref (w.glass);
    free (w.last);
    free (w.bodies);
    free (w.firsts);
    free (w.operator_name);
    return o;
}

/* ---------------------------------------------------------------- words */

static const char *
str (const json_t *o, const char *key)
{
    const char *s = json_string_value (json_object_get (o, key));

    return s == NULL ? "" : s;
}

void
cli_glass_print (const json_t *mark, const char *indent)
{
    struct sb_buf at SB_CLEANUP (sb_buf_free) = { 0 };

    sb_format_utc (&at, json_integer_value (json_object_get (mark, "at_ms")));
    printf ("%sBREAK GLASS at gate %s by %s, %s, run %s: %s\n", indent, str (mark, "gate"), str (mark, "by"),
            sb_buf_cstr (&at), str (mark, "run"), str (mark, "reason"));
}

static void
print_gate (const char *run, const json_t *g, const char *indent)
{
    const char *first = str (json_object_get (g, "first"), "name");

    printf ("%sgate %s waits%s: %s\n", indent, str (g, "gate"),
            json_integer_value (json_object_get (g, "persons")) < 2 ? ""
            : first[0] != 0                                         ? " for a second person"
                                                                    : " for two persons",
            str (g, "question"));
    if (json_is_true (json_object_get (g, "no_return")))
        printf ("%s  nothing takes step %s back\n", indent, str (g, "step"));
    if (first[0] != 0)
        printf ("%s  %s has agreed; somebody else answers: switchback approve %s %s\n", indent, first, run,
                str (g, "gate"));
}

void
cli_standing_print (const char *run, const json_t *standing, const char *indent)
{
    const json_t *crossed = json_object_get (standing, "past_no_return"), *word;
    json_t *o;
    size_t i;

    printf ("%sin the hands of %s\n", indent, str (standing, "operator"));
    if (json_array_size (crossed) > 0)
        printf ("%spast the point of no return (%s%s): the ways lead forward only\n", indent,
                str (json_array_get (crossed, 0), "title"), json_array_size (crossed) > 1 ? ", and more" : "");
    else
        printf ("%sthe way back is open: switchback abort %s\n", indent, run);
    if (json_object_get (standing, "left_ms") != NULL) {
        struct sb_buf t SB_CLEANUP (sb_buf_free) = { 0 };

        sb_format_duration (&t, json_integer_value (json_object_get (standing, "left_ms")) / 1000 * 1000);
        printf ("%sabout %s are left, without people's time\n", indent, sb_buf_cstr (&t));
    }
    json_array_foreach (json_object_get (standing, "gates"), i, o) print_gate (run, o, indent);
    json_array_foreach (json_object_get (standing, "held"), i, o)
            printf ("%sheld: %s (%s): %s\n", indent, str (o, "step"), str (o, "title"),
                    str (o, "sentence")[0] != 0 ? str (o, "sentence") : str (o, "text"));
    json_array_foreach (json_object_get (standing, "glass"), i, o) cli_glass_print (o, indent);
    if (json_array_size (json_object_get (standing, "held")) == 0)
        return;
    printf ("%schoices:", indent);
    json_array_foreach (json_object_get (standing, "choices"), i, word)
            printf ("%s %s", i > 0 ? "," : "", json_string_value (word));
    putchar ('\n');
}

/* ---------------------------------------------------------------- marks */

struct marking {
    json_t *list;
    const char *pool;
    struct sb_journal_run *runs;
    size_t nruns;
};

static bool
add_mark (void *ctx, const struct sb_record *r)
{
    struct marking *m = ctx;
    json_t *body;
    size_t i;

    for (i = 0; i < m->nruns && strcmp (m->runs[i].id, r->run) != 0; i++)
        ;
    if (i == m->nruns || (m->pool != NULL && strcmp (m->runs[i].pool, m->pool) != 0))
        return true;
    body = json_loads (r->body, 0, NULL);
    json_array_append_new (m->list, glass_mark (r, body));
    json_decref (body);
    return true;
}

json_t *
cli_glass_marks (struct cli *c, struct sb_journal *j, const char *pool)
{
    struct marking m = { .list = json_array (), .pool = pool };

    if (j != NULL
        && (!sb_journal_runs (j, &c->arena, &m.runs, &m.nruns, &c->faults)
            || !sb_journal_each_of (j, SB_REC_GATE_GLASS, add_mark, &m, &c->faults))) {
        json_decref (m.list);
        return NULL;
    }
    return m.list;
}

bool
cli_broke_glass (const json_t *marks, const char *run)
{
    json_t *o;
    size_t i;

    json_array_foreach (marks, i, o) if (strcmp (str (o, "run"), run) == 0) return true;
    return false;
}
