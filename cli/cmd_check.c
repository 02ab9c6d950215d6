/* switchback check: the steady state is a workflow (workflows/steady.ini) whose
 * every step asks about one fact.  The worst answer about a fact is its verdict. */
#include "cli/ask.h"
#include "cli/cli.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum verdict { GREEN, AMBER, UNKNOWN, RED };
static const char *const verdict_words[] = { "green", "amber", "unknown", "red" };

struct fact {
    const char *name; /* H1 */
    enum verdict verdict;
};

struct tally {
    struct fact *facts;
    size_t count, cap;
    size_t by[4]; /* facts per verdict */
};

static const char *
fact_of (const struct sb_plan_step *s)
{
    size_t i;

    for (i = 0; i < s->nparams; i++)
        if (strcmp (s->params[i].name, "fact") == 0)
            return s->params[i].value;
    return s->name;
}

static enum verdict
verdict_of (const struct cli_answer *a)
{
    const char *word = sb_map_get (&a->results, "verdict");
    size_t i;

    for (i = 0; a->asked && a->rc == SB_OK && word != NULL && i < 4; i++)
        if (strcmp (word, verdict_words[i]) == 0)
            return (enum verdict) i;
    return UNKNOWN;
}

static void
count (struct tally *t, const char *fact, enum verdict v)
{
    size_t i;

    for (i = 0; i < t->count; i++)
        if (strcmp (t->facts[i].name, fact) == 0) {
            if (v > t->facts[i].verdict)
                t->facts[i].verdict = v;
            return;
        }
    SB_PUSH (t->facts, t->count, t->cap) = (struct fact){ fact, v };
}

static const char *
found_of (const struct cli_answer *a)
{
    const char *found = sb_map_get (&a->results, "found");

    return found != NULL ? found : a->sentence != NULL && a->sentence[0] != 0 ? a->sentence : "it was not asked";
}

static void
tell (struct cli *c, const struct sb_plan *p, const struct cli_answers *a, const struct tally *t)
{
    json_t *rows = json_array (), *facts = json_object ();
    uint32_t i;
    size_t k;

    for (i = 0; i < p->count; i++) {
        const char *word = verdict_words[verdict_of (&a->list[i])];

        json_array_append_new (rows, json_pack ("{s:s, s:s, s:s, s:s, s:s?, s:s}", "fact", fact_of (&p->steps[i]),
                                                "step", p->steps[i].name, "verdict", word, "title", p->steps[i].title,
                                                "object", p->steps[i].object, "found", found_of (&a->list[i])));
        if (!c->json)
            printf ("%s%-7s%s %-4s %s: %s\n", cli_paint (c, word), word, cli_paint (c, "off"), fact_of (&p->steps[i]),
                    p->steps[i].title, found_of (&a->list[i]));
    }
    for (k = 0; k < t->count; k++)
        json_object_set_new (facts, t->facts[k].name, json_string (verdict_words[t->facts[k].verdict]));
    if (c->json)
        cli_print_json (json_pack ("{s:s, s:i, s:i, s:i, s:i, s:O, s:O}", "pool", p->pool, "green", (int) t->by[GREEN],
                                   "amber", (int) t->by[AMBER], "red", (int) t->by[RED], "unknown",
                                   (int) t->by[UNKNOWN], "facts", facts, "checks", rows));
    else
        printf ("%zu facts: %zu green, %zu amber, %zu red, %zu unknown\n", t->count, t->by[GREEN], t->by[AMBER],
                t->by[RED], t->by[UNKNOWN]);
    json_decref (rows);
    json_decref (facts);
}

/* One look.  EXIT_DONE: nothing red or unknown; `last` tells it. */
static int
look (struct cli *c, const struct sb_plan *p, bool (*last) (int rc, void *ctx), void *ctx)
{
    struct cli_answers a = { 0 };
    struct tally t = { 0 };
    uint32_t i;
    size_t k;
    int rc = cli_ask_plan (c, p, CLI_ASK_READ, &a);

    if (rc != EXIT_DONE)
        return rc;
    for (i = 0; i < p->count; i++)
        count (&t, fact_of (&p->steps[i]), verdict_of (&a.list[i]));
    for (k = 0; k < t.count; k++)
        t.by[t.facts[k].verdict]++;
    rc = t.by[RED] + t.by[UNKNOWN] == 0 ? EXIT_DONE : EXIT_FAILED;
    if (last (rc, ctx))
        tell (c, p, &a, &t);
    free (t.facts);
    cli_answers_free (&a);
    return rc;
}

static bool
is_last (int rc, void *ctx)
{
    const int64_t *until = ctx;

    return rc == EXIT_DONE || sb_mono_ms () >= *until;
}

int
cmd_check (struct cli *c)
{
    struct sb_workflow w = { 0 };
    struct sb_plan p = { 0 };
    const char *wait = cli_opt (c, "wait");
    int64_t wait_ms = 0, until;
    int rc;

    if (wait != NULL && !sb_parse_duration (wait, &wait_ms)) {
        cli_error ("'--wait %s' is not a time", wait);
        cli_hint ("Write it as 30s or 5m.");
        return EXIT_USAGE;
    }
    rc = cli_load_topology (c);
    if (rc == EXIT_DONE)
        rc = cli_load_plugins (c);
    if (rc == EXIT_DONE)
        rc = cli_load_workflow (c, "steady", &w);
    if (rc == EXIT_DONE)
        rc = cli_make_plan (c, &w, &p);
    until = sb_mono_ms () + wait_ms;
    if (rc == EXIT_DONE)
        while ((rc = look (c, &p, is_last, &until)) == EXIT_FAILED && sb_mono_ms () < until)
            poll (NULL, 0, 500);
    sb_plan_release (&p);
    sb_workflow_release (&w);
    return rc;
}
