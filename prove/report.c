/* Reports; see report.h. */
#include "prove/report.h"

#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static long
peak_kib (void)
{
    struct rusage u;

    getrusage (RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static json_t *
budget_json (const struct p_outcome *o)
{
    const struct p_budget *b = &o->p->budget;

    return json_pack ("{s:i, s:i, s:i, s:i, s:i, s:s}", "deaths", (int) b->deaths, "events", (int) b->events, "faults",
                      (int) b->faults, "noes", (int) b->noes, "together", (int) b->total, "start",
                      p_start_names[o->c->start]);
}

static json_t *
rules_json (const struct p_outcome *o)
{
    json_t *list = json_array ();
    const struct p_rule *r;

    for (r = p_rules; r->name; r++)
        if (!r->packaged || o->c->direct)
            json_array_append_new (list, json_string (r->name));
    return list;
}

/* The shortest story of a rule: looked for again with fewer disturbances. */
static void
shortest (const struct p_outcome *o, const struct p_found *f, struct p_budget *ret_budget, struct p_found *ret)
{
    *ret = (struct p_found){ 0 };
    *ret_budget = o->p->budget;
    if (!o->p->merge || !p_shortest (o->c, f->rule, o->p, ret, ret_budget)) {
        *ret = (struct p_found){ .rule = f->rule, .path = f->path, .why = sb_xstrdup (f->why) };
        ret->path.list = sb_xcalloc (1, f->path.count + 1);
        memcpy (ret->path.list, f->path.list, f->path.count);
    }
}

static void
print_found (const struct p_outcome *o, const struct p_found *f, json_t *list)
{
    struct p_budget b;
    struct p_found best;
    char *story, *seed;

    shortest (o, f, &b, &best);
    story = p_story (o->c, &b, &best.path);
    seed = p_seed_text (o->c, &b, &best.path);
    if (list)
        json_array_append_new (list, json_pack ("{s:s, s:s, s:s, s:I, s:s, s:s}", "invariant", f->rule->name, "text",
                                                f->rule->text, "why", best.why ? best.why : "", "times",
                                                (json_int_t) f->times, "story", story, "seed", seed));
    else
        printf ("\nBROKEN: %s\n  %s\n  %llu times; the shortest story:\n%s  seed: %s\n", f->rule->name, f->rule->text,
                (unsigned long long) f->times, story, seed);
    free (story);
    free (seed);
    free (best.why);
    free (best.path.list);
}

/* `violations` NULL: it is not told. */
static json_t *
head_json (const struct p_outcome *o, json_t *violations)
{
    char *histories = p_count_text (&o->p->histories);
    json_t *j = json_pack ("{s:s, s:s, s:o, s:I, s:I, s:s, s:o*, s:o, s:f, s:I, s:s}", "workflow", o->c->plan.workflow,
                           "digest", o->c->plan.digest, "budget", budget_json (o), "states", (json_int_t) o->p->states,
                           "transitions", (json_int_t) o->p->transitions, "histories", histories, "violations",
                           violations, "invariants", rules_json (o), "seconds", (double) o->ms / 1000, "peak_rss_kib",
                           (json_int_t) peak_kib (), "ended", p_stop_names[o->p->stop]);

    if (o->c->direct != NULL)
        json_object_set_new (j, "model_scenarios", json_integer (D_SCENARIOS));
    free (histories);
    return j;
}

static void
report_json (const struct p_outcome *o)
{
    json_t *list = json_array (), *j;
    size_t i;

    for (i = 0; i < o->p->nfound; i++)
        print_found (o, &o->p->found[i], list);
    j = head_json (o, list);
    json_dumpf (j, stdout, JSON_INDENT (2) | JSON_PRESERVE_ORDER);
    putchar ('\n');
    json_decref (j);
}

static void
report_text (const struct p_outcome *o)
{
    const struct p_search *p = o->p;
    char *histories = p_count_text (&p->histories);
    size_t i;
    unsigned rules = 0;

    for (i = 0; i < p_rules_count (); i++)
        rules += !p_rules[i].packaged || o->c->direct;
    printf ("%s, plan %.12s, from the world '%s'\n", o->c->plan.workflow, o->c->plan.digest,
            p_start_names[o->c->start]);
    printf ("  budget       %u deaths, %u events, %u faults, at most %u of them in one history; a person says no %u times\n",
            p->budget.deaths, p->budget.events, p->budget.faults, p->budget.total, p->budget.noes);
    printf ("  states       %llu, each held against %u invariants\n", (unsigned long long) p->states, rules);
    printf ("  transitions  %llu\n", (unsigned long long) p->transitions);
    printf ("  histories    %s\n", histories);
    printf ("  violations   %llu\n", (unsigned long long) p->violations);
    printf ("  took         %.1f s, %ld KiB\n", (double) o->ms / 1000, peak_kib ());
    free (histories);
    for (i = 0; i < p->nfound; i++)
        print_found (o, &p->found[i], NULL);
    if (p->stop != P_COMPLETE)
        printf ("\nNOT PROVED: the search was %s; what was not looked at is not known.\n", p_stop_names[p->stop]);
    else if (p->violations == 0)
        printf ("\nEvery history within the budget was looked at: engine and workflow proved over the verb models.\n");
    if (p->stop == P_COMPLETE && p->violations == 0 && o->c->direct != NULL)
        printf ("The models are held to the real plugins in at least %d scenarios over TDS and WS-Man.\n", D_SCENARIOS);
}

void
p_report (const struct p_outcome *o, bool json)
{
    if (json)
        report_json (o);
    else
        report_text (o);
}

bool
p_certificate_write (const struct p_outcome *o, const char *file, struct sb_faults *faults)
{
    json_t *j = head_json (o, NULL);
    char *text;
    bool good;

    json_object_del (j, "seconds");
    json_object_del (j, "peak_rss_kib");
    text = json_dumps (j, JSON_INDENT (2) | JSON_PRESERVE_ORDER);
    good = sb_file_write (file, text, strlen (text), 0644, faults);
    free (text);
    json_decref (j);
    return good;
}
