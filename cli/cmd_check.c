/* switchback check: the steady state is a workflow (workflows/steady.ini) whose
 * every step asks about one fact.  The worst answer about a fact is its verdict.
 * Channels are looked at beside them: one that runs through the pool is red. */
#include "cli/ask.h"
#include "cli/channels.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_MS 5000 /* for the endpoint to take what a check tells */

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
    struct cli_channel *channels;
    size_t nchannels;
    char *bad; /* what is red or unknown, a line each */
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

static json_t *
tell_channels (struct cli *c, const struct tally *t)
{
    json_t *list = json_array ();
    size_t i;

    for (i = 0; i < t->nchannels; i++) {
        const struct cli_channel *x = &t->channels[i];

        json_array_append_new (list, json_pack ("{s:s, s:s, s:s}", "channel", x->name, "verdict", x->verdict, "found",
                                                x->found));
        if (!c->json)
            printf ("%s%-7s%s      channel %s: %s\n", cli_paint (c, x->verdict), x->verdict, cli_paint (c, "off"),
                    x->name, x->found);
    }
    return list;
}

static void
tell (struct cli *c, const struct sb_plan *p, const struct cli_answers *a, const struct tally *t)
{
    json_t *rows = json_array (), *facts = json_object (), *channels;
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
    channels = tell_channels (c, t);
    for (k = 0; k < t->count; k++)
        json_object_set_new (facts, t->facts[k].name, json_string (verdict_words[t->facts[k].verdict]));
    if (c->json)
        cli_print_json (json_pack ("{s:s, s:i, s:i, s:i, s:i, s:O, s:O, s:o}", "pool", p->pool, "green",
                                   (int) t->by[GREEN], "amber", (int) t->by[AMBER], "red", (int) t->by[RED], "unknown",
                                   (int) t->by[UNKNOWN], "facts", facts, "checks", rows, "channels", channels));
    else
        printf ("%zu facts: %zu green, %zu amber, %zu red, %zu unknown\n", t->count, t->by[GREEN], t->by[AMBER],
                t->by[RED], t->by[UNKNOWN]);
    if (!c->json)
        json_decref (channels);
    json_decref (rows);
    json_decref (facts);
}

/* In the order of the plan, so that the same state gives the same text. */
static char *
bad_of (const struct sb_plan *p, const struct cli_answers *a, const struct tally *t)
{
    struct sb_buf text = { 0 };
    uint32_t i;
    size_t k;

    for (i = 0; i < p->count; i++) {
        enum verdict v = verdict_of (&a->list[i]);
        if (v == RED || v == UNKNOWN)
            sb_buf_printf (&text, "%s%s %s: %s", text.len > 0 ? "\n" : "", fact_of (&p->steps[i]), verdict_words[v],
                           p->steps[i].title);
    }
    for (k = 0; k < t->nchannels; k++)
        if (strcmp (t->channels[k].verdict, "red") == 0)
            sb_buf_printf (&text, "%schannel %s: %s", text.len > 0 ? "\n" : "", t->channels[k].name,
                           t->channels[k].found);
    return sb_buf_take (&text);
}

static bool
channel_is_red (const struct tally *t)
{
    size_t i;

    for (i = 0; i < t->nchannels; i++)
        if (strcmp (t->channels[i].verdict, "red") == 0)
            return true;
    return false;
}

/* One look.  EXIT_DONE: nothing red or unknown; `last` tells it.  *ret_bad: what is, "" for nothing; the caller frees. */
static int
look (struct cli *c, const struct sb_plan *p, bool (*last) (int rc, void *ctx), void *ctx, char **ret_bad)
{
    struct cli_answers a = { 0 };
    struct tally t = { 0 };
    uint32_t i;
    size_t k;
    int rc = cli_ask_plan (c, p, CLI_ASK_READ, &a);

    if (rc == EXIT_DONE)
        rc = cli_look_at_channels (c, NULL, &t.channels, &t.nchannels);
    if (rc != EXIT_DONE) {
        cli_answers_free (&a);
        return rc;
    }
    for (i = 0; i < p->count; i++)
        count (&t, fact_of (&p->steps[i]), verdict_of (&a.list[i]));
    for (k = 0; k < t.count; k++)
        t.by[t.facts[k].verdict]++;
    rc = t.by[RED] + t.by[UNKNOWN] == 0 && !channel_is_red (&t) ? EXIT_DONE : EXIT_FAILED;
    free (*ret_bad);
    *ret_bad = bad_of (p, &a, &t);
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

static bool
never (int rc, void *ctx)
{
    (void) rc, (void) ctx;
    return false;
}

/* Trouble with the journal is told and does not change what the check says. */
static void
tell_people (struct cli *c, const char *bad)
{
    struct sb_journal *j;
    int rc;

    if (!sb_notify_wanted (&c->topology, "not-ready") || (j = cli_journal (c, true, &rc)) == NULL)
        return;
    cli_tell_readiness (c, j, bad);
    cli_tell_rest (c, j, REST_MS);
    sb_journal_close (j);
}

int
cli_check_readiness (struct cli *c, struct sb_journal *j)
{
    struct sb_workflow w = { 0 };
    struct sb_plan p = { 0 };
    char *bad SB_AUTOFREE = NULL;
    int rc = cli_load_workflow (c, "steady", &w);

    if (rc == EXIT_DONE)
        rc = cli_make_plan (c, &w, &p);
    if (rc == EXIT_DONE)
        rc = look (c, &p, never, NULL, &bad);
    if (bad != NULL)
        cli_tell_readiness (c, j, bad);
    sb_plan_release (&p);
    sb_workflow_release (&w);
    return rc;
}

int
cmd_check (struct cli *c)
{
    struct sb_workflow w = { 0 };
    struct sb_plan p = { 0 };
    const char *wait = cli_opt (c, "wait");
    int64_t wait_ms = 0, until;
    size_t dead = 0;
    char *bad SB_AUTOFREE = NULL;
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
    if (rc == EXIT_DONE)
        dead = cli_warn_of_plugins (c);
    until = sb_mono_ms () + wait_ms;
    if (rc == EXIT_DONE)
        while ((rc = look (c, &p, is_last, &until, &bad)) == EXIT_FAILED && sb_mono_ms () < until)
            poll (NULL, 0, 500);
    if (bad != NULL)
        tell_people (c, bad);
    sb_plan_release (&p);
    sb_workflow_release (&w);
    return rc == EXIT_DONE && dead > 0 ? EXIT_FAILED : rc;
}
