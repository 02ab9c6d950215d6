/* The command report: a run's account with its losses, for people, as JSON, or as a page. */
#include "cli/report.h"
#include "cli/proof.h"
#include "cli/runs.h"
#include "cli/standing.h"

#include "core/base/text.h"
#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_foretold (const json_t *foretold)
{
    struct sb_buf t SB_CLEANUP (sb_buf_free) = { 0 };

    if (foretold == NULL)
        return;
    sb_format_duration (&t, report_ms (foretold, "median_ms"));
    sb_buf_str (&t, ", nine of ten ");
    sb_format_duration (&t, report_ms (foretold, "p90_ms"));
    printf ("                     foretold: %s\n", sb_buf_cstr (&t));
}

static void
print_info (const json_t *info)
{
    const char *lock = report_str (json_object_get (info, "plan_lock"), "lock");
    const char *why = report_str (info, "acknowledged");

    if (lock[0] != 0)
        printf ("held to plan lock %s\n", lock);
    if (why[0] != 0)
        printf ("begun within the cool-down, because: %s\n", why);
    if (lock[0] != 0 || why[0] != 0)
        putchar ('\n');
}

static void
print_proof (const json_t *proof)
{
    struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };

    if (proof == NULL)
        return;
    cli_proof_words (proof, &words);
    printf ("%s\n\n", sb_buf_cstr (&words));
}

/* Of a run that ended only the marks are left to tell. */
static void
print_standing (const json_t *report)
{
    json_t *standing = json_object_get (report, "standing"), *mark;
    size_t i = 0;

    if (report_ms (report, "ended_ms") == 0)
        cli_standing_print (report_str (report, "run"), standing, "");
    else
        json_array_foreach (json_object_get (standing, "glass"), i, mark) cli_glass_print (mark, "");
    if (report_ms (report, "ended_ms") == 0 || i > 0)
        putchar ('\n');
}

static void
report_text (struct cli *c, json_t *report)
{
    struct sb_buf took SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf at SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf foretold SB_CLEANUP (sb_buf_free) = { 0 };
    const char *key;
    json_t *step, *value;
    size_t i;

    sb_format_utc (&at, report_ms (report, "started_ms"));
    if (report_ms (report, "ended_ms") > 0)
        sb_format_duration (&took, report_ms (report, "ended_ms") - report_ms (report, "started_ms"));
    printf ("%s%s%s%s\n%s, begun %s%s%s, outcome: %s\nplan %s\n\n", cli_paint (c, "bold"),
            json_is_true (json_object_get (report, "drill")) ? "DRILL " : "", report_str (report, "title"),
            cli_paint (c, "off"), report_str (report, "run"), sb_buf_cstr (&at), took.len > 0 ? ", took " : "",
            sb_buf_cstr (&took), report_str (report, "outcome"), report_str (report, "digest"));
    if (report_foretold_words (report, &foretold))
        printf ("foretold: %s\n\n", sb_buf_cstr (&foretold));
    print_proof (json_object_get (report, "proof"));
    print_info (json_object_get (report, "info"));
    if (json_is_object (json_object_get (report, "standing")))
        print_standing (report);
    json_array_foreach (json_object_get (report, "steps"), i, step)
    {
        struct sb_buf t SB_CLEANUP (sb_buf_free) = { 0 };

        if (report_ms (step, "begun_ms") > 0 && report_ms (step, "ended_ms") >= report_ms (step, "begun_ms"))
            sb_format_duration (&t, report_ms (step, "ended_ms") - report_ms (step, "begun_ms"));
        printf ("%-8s %7s  %s%s\n", report_str (step, "state"), sb_buf_cstr (&t), report_str (step, "title"),
                json_is_true (json_object_get (step, "already")) ? " (was so already)" : "");
        if (report_ms (step, "begun_ms") > 0)
            print_foretold (json_object_get (step, "foretold"));
        json_object_foreach (json_object_get (step, "results"), key, value) if (json_is_string (value)
                                                                                && json_string_length (value) > 0
                                                                                && json_string_length (value) < 200)
                printf ("                     %s: %s\n", key, json_string_value (value));
        if (strcmp (report_str (step, "state"), "done") != 0 && report_str (step, "sentence")[0] != 0)
            printf ("                     %s\n", report_str (step, "sentence"));
        else if (strcmp (report_str (step, "state"), "held") == 0 && cli_reason_text (report_str (step, "why")) != NULL)
            printf ("                     %s\n", cli_reason_text (report_str (step, "why")));
    }
    json_array_foreach (json_object_get (report, "losses"), i, value)
    {
        struct sb_buf words SB_CLEANUP (sb_buf_free) = { 0 };

        report_loss_words (value, &words);
        printf ("\nloss: %s\n", sb_buf_cstr (&words));
    }
    printf ("\njournal: record %lld, %s\n", (long long) report_ms (json_object_get (report, "head"), "seq"),
            report_str (json_object_get (report, "head"), "hash"));
}

/* The account with the losses.  NULL: faults were added. */
static json_t *
whole (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run)
{
    json_t *report = report_account (c, j, run);

    if (report != NULL)
        json_object_set_new (report, "losses", report_losses (c, j, run, report));
    return report;
}

/* The run named `id`, or the newest one. */
static int
add_report (struct cli *c, struct sb_journal *j, const char *id, json_t *list)
{
    struct sb_journal_run *run = NULL, *runs;
    json_t *report;
    size_t n = 0;

    if (j != NULL && id != NULL && !sb_journal_run_find (j, id, &c->arena, &run, &c->faults))
        return cli_fail (c, EXIT_JOURNAL);
    if (j != NULL && id == NULL) {
        if (!sb_journal_runs (j, &c->arena, &runs, &n, &c->faults))
            return cli_fail (c, EXIT_JOURNAL);
        run = n > 0 ? &runs[0] : NULL;
    }
    if (run == NULL) {
        cli_error (id != NULL ? "the journal in '%s' has no run '%s'" : "the journal in '%s' holds no run%s",
                   cli_state_dir (c), id != NULL ? id : "");
        return EXIT_USAGE;
    }
    report = whole (c, j, run);
    if (report == NULL)
        return cli_fail (c, EXIT_JOURNAL);
    json_array_append_new (list, report);
    return EXIT_DONE;
}

static int
write_page (struct cli *c, const char *file, json_t *list)
{
    char *html SB_AUTOFREE = report_html (list);

    return sb_file_write (file, html, strlen (html), 0644, &c->faults) ? EXIT_DONE : cli_fail (c, EXIT_FAILED);
}

int
cmd_report (struct cli *c)
{
    const char *file = cli_opt (c, "html");
    json_t *list = json_array (), *report;
    size_t i;
    int rc, k;
    struct sb_journal *j = cli_journal (c, false, &rc);

    if (rc == EXIT_DONE && c->nargs == 0)
        rc = add_report (c, j, NULL, list);
    for (k = 0; rc == EXIT_DONE && k < c->nargs; k++)
        rc = add_report (c, j, c->args[k], list);
    if (rc == EXIT_DONE && file != NULL)
        rc = write_page (c, file, list);
    if (rc == EXIT_DONE && c->json)
        cli_print_json (json_incref (json_array_size (list) == 1 ? json_array_get (list, 0) : list));
    else if (rc == EXIT_DONE && file == NULL)
        json_array_foreach (list, i, report) report_text (c, report);
    json_decref (list);
    sb_journal_close (j);
    return rc;
}
