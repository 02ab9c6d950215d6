/* switchback workflow list|show|lint, switchback plan: what would be done.
 * None of them touches the world, but `plan --observe` asks it. */
#include "cli/ask.h"
#include "cli/channels.h"
#include "cli/forecast.h"
#include "cli/lock.h"
#include "cli/proof.h"
#include "cli/runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
cmd_workflow_list (struct cli *c)
{
    static const char *const heads[] = { "WORKFLOW", "STEPS", "TITLE" };
    struct cli_table t = { .heads = heads, .columns = 3 };
    json_t *list = json_array ();
    const char **names = cli_workflow_names (c);
    int rc = EXIT_DONE;
    size_t i;

    for (i = 0; names[i] != NULL; i++) {
        struct sb_workflow w = { 0 };

        if (cli_load_workflow (c, names[i], &w) != EXIT_DONE) {
            rc = EXIT_CONFIG;
        } else {
            cli_table_row (&t, (const char *const[]){ names[i], sb_arena_printf (&c->arena, "%zu", w.count), w.title });
            json_array_append_new (list, json_pack ("{s:s, s:s?, s:i, s:s}", "workflow", names[i], "title", w.title,
                                                    "steps", (int) w.count, "file", w.file));
        }
        sb_workflow_release (&w);
    }
    free (names);
    if (c->json) {
        cli_print_json (list);
        return rc;
    }
    json_decref (list);
    cli_table_print (&t);
    return rc;
}

int
cmd_workflow_show (struct cli *c)
{
    struct sb_workflow w = { 0 };
    json_t *steps = json_array ();
    size_t i;
    int rc = cli_load_workflow (c, c->args[0], &w);

    for (i = 0; rc == EXIT_DONE && i < w.count; i++) {
        const struct sb_wf_step *s = &w.steps[i];
        const char *action = s->role == NULL ? "" : sb_arena_printf (&c->arena, "%s.%s", s->role, s->verb);

        json_array_append_new (steps,
                               json_pack ("{s:s, s:s?, s:s, s:s?, s:s?, s:i}", "step", s->name, "title", s->title,
                                          "action", action, "for each", s->each, "gate", s->gate, "line", s->line));
        if (!c->json)
            printf ("%s%-28s%s %-28s %s%s%s%s\n", cli_paint (c, "bold"), s->name, cli_paint (c, "off"), action,
                    s->title, s->gate ? "  [gate: " : "", s->gate ? s->gate : "", s->gate ? "]" : "");
    }
    if (rc == EXIT_DONE && c->json)
        cli_print_json (json_pack ("{s:s, s:s?, s:s?, s:O}", "workflow", w.name, "title", w.title, "help", w.help,
                                   "steps", steps));
    json_decref (steps);
    sb_workflow_release (&w);
    return rc;
}

int
cmd_workflow_lint (struct cli *c)
{
    json_t *list = json_array ();
    int i, rc = cli_load_plugins (c);

    if (rc != EXIT_DONE)
        return rc;
    for (i = 0; i < c->nargs; i++) {
        struct sb_workflow w = { 0 };
        bool good = cli_load_workflow (c, c->args[i], &w) == EXIT_DONE;

        if (good && !sb_workflow_lint (&w, sb_registry_catalogue (c->registry), &c->faults)) {
            cli_fail (c, EXIT_CONFIG);
            good = false;
        }
        if (!good)
            rc = EXIT_CONFIG;
        else if (!c->json)
            printf ("%s: %zu steps, nothing to complain about\n", c->args[i], w.count);
        json_array_append_new (list, json_pack ("{s:s, s:b}", "workflow", c->args[i], "good", good));
        sb_workflow_release (&w);
    }
    if (c->json)
        cli_print_json (json_incref (list));
    json_decref (list);
    return rc;
}

/* Which steps are already true: the second value, with a digest of its own; it marks the plan and never changes it. */
static int
observe (struct cli *c, const struct sb_plan *p)
{
    static const char *const words[] = { "no", "yes", "partly", "unknown" };
    struct cli_answers a = { 0 };
    json_t *marks = json_object ();
    uint32_t i;
    int rc = cli_ask_plan (c, p, CLI_ASK_VERIFY, &a);

    for (i = 0; rc == EXIT_DONE && i < p->count; i++) {
        const struct cli_answer *x = &a.list[i];
        const char *mark = !x->asked ? "-" : words[x->seen];

        json_object_set_new (marks, p->steps[i].name, json_pack ("{s:s, s:s?}", "seen", mark, "sentence", x->sentence));
        if (!c->json)
            printf ("  %-8s %s\n", mark, p->steps[i].title);
    }
    if (rc == EXIT_DONE && c->json)
        cli_print_json (json_pack ("{s:s, s:s, s:O}", "workflow", p->workflow, "digest", p->digest, "observed", marks));
    json_decref (marks);
    cli_answers_free (&a);
    return rc;
}

/* Channels that fall silent with what they are to report about; told beside the plan, which they do not change. */
static void
warn_of_channels (struct cli *c, const struct sb_plan *p)
{
    struct cli_channel *list;
    size_t n, i;

    if (cli_look_at_channels (c, p->leaves == NULL ? "" : p->leaves, &list, &n) != EXIT_DONE)
        return;
    for (i = 0; i < n; i++)
        if (strcmp (list[i].verdict, "green") != 0)
            fprintf (stderr, "channel %s is %s: %s\n", list[i].name, list[i].verdict, list[i].found);
}

/* What earlier runs say about the time; beside the plan, which it is no part of. */
static void
tell_forecast (struct cli *c, const struct sb_plan *p)
{
    struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };
    struct cli_forecast f;
    int rc;
    struct sb_journal *j = cli_journal (c, false, &rc);

    if (j == NULL)
        return;
    cli_forecast_make (&f, j, p);
    if (cli_forecast_words (&f, p, &words))
        fprintf (stderr, "forecast: %s\n", sb_buf_cstr (&words));
    cli_forecast_free (&f);
    sb_journal_close (j);
}

static void
print_proof (struct cli *c, const struct sb_plan *p)
{
    struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };
    json_t *proof = cli_proof (c, p->digest);

    if (proof != NULL) {
        cli_proof_words (proof, &words);
        printf ("%s\n", sb_buf_cstr (&words));
    }
    json_decref (proof);
}

int
cmd_plan (struct cli *c)
{
    struct sb_workflow w = { 0 };
    struct sb_plan p = { 0 };
    char *text SB_AUTOFREE = NULL;
    int rc = cli_load_topology (c);

    if (rc == EXIT_DONE)
        rc = cli_load_plugins (c);
    if (rc == EXIT_DONE)
        rc = cli_load_workflow (c, c->args[0], &w);
    if (rc == EXIT_DONE)
        rc = cli_make_plan (c, &w, &p);
    if (rc == EXIT_DONE && cli_opt (c, "out") != NULL) {
        rc = cli_lock_write (c, &p, cli_opt (c, "out"));
    } else if (rc == EXIT_DONE && cli_opt (c, "observe") != NULL) {
        rc = observe (c, &p);
    } else if (rc == EXIT_DONE) {
        text = cli_opt (c, "dot") != NULL ? sb_plan_to_dot (&p) : c->json ? sb_plan_to_json (&p) : sb_plan_to_text (&p);
        fputs (text, stdout);
        if (text[0] != 0 && text[strlen (text) - 1] != '\n')
            putchar ('\n');
        if (!c->json && cli_opt (c, "dot") == NULL)
            print_proof (c, &p);
        cli_warn_of_plugins (c);
        warn_of_channels (c, &p);
        tell_forecast (c, &p);
    }
    sb_plan_release (&p);
    sb_workflow_release (&w);
    return rc;
}
