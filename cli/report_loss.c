/* A quoted loss held against what was really lost.
 *
 * The quote is made by the run that gives a site up; what was lost shows in a later run, when the old copy can be read
 * again and its messages are salvaged.  So two runs of the journal are put side by side: the run of the report, and the
 * nearest later one that salvaged (or the nearest earlier one that quoted). */
#include "cli/report.h"

#include <string.h>

/* Steps of a report that did this action and have results. */
static json_t *
steps_that (const json_t *report, const char *action)
{
    json_t *found = json_array (), *step;
    size_t i;

    json_array_foreach (json_object_get (report, "steps"), i, step)
    {
        if (strcmp (report_str (step, "action"), action) == 0 && strcmp (report_str (step, "state"), "done") == 0
            && json_object_size (json_object_get (step, "results")) > 0)
            json_array_append (found, step);
    }
    return found;
}

/* One object per quote: the quote, and what was salvaged of the same database. */
static void
put_together (json_t *list, const char *quoted_run, const json_t *quotes, const char *salvage_run,
              const json_t *salvages)
{
    json_t *q, *s;
    size_t i, k;

    json_array_foreach (quotes, i, q)
    {
        json_t *found = json_array (), *loss;

        json_array_foreach (salvages, k, s)
        {
            if (strcmp (report_str (q, "object"), report_str (s, "object")) == 0)
                json_array_append_new (found, json_pack ("{s:s, s:s?, s:O}", "run", salvage_run, "at",
                                                         json_string_value (json_object_get (s, "on")), "results",
                                                         json_object_get (s, "results")));
        }
        loss = json_pack ("{s:s, s:s, s:O, s:o}", "object", report_str (q, "object"), "run", quoted_run, "quoted",
                          json_object_get (q, "results"), "found", found);
        json_array_append_new (list, loss);
    }
}

/* The run next to `run` (later, or earlier) of the same pool that did this action; its steps. */
static json_t *
neighbour (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, bool later, const char *action,
           const char **ret_id)
{
    const struct sb_journal_run *best = NULL;
    struct sb_journal_run *runs;
    json_t *steps = json_array ();
    size_t n = 0;

    *ret_id = "";
    if (!sb_journal_runs (j, &c->arena, &runs, &n, &c->faults))
        return steps;
    for (int64_t number = run->number; json_array_size (steps) == 0; number = best->number) {
        json_t *report;

        best = NULL;
        for (size_t i = 0; i < n; i++) {
            bool beyond = later ? runs[i].number > number : runs[i].number < number;
            bool nearer = best == NULL || (later ? runs[i].number < best->number : runs[i].number > best->number);

            if (beyond && nearer && strcmp (runs[i].pool, run->pool) == 0)
                best = &runs[i];
        }
        if (best == NULL || (report = report_account (c, j, best)) == NULL)
            break;
        json_decref (steps);
        steps = steps_that (report, action);
        *ret_id = best->id;
        json_decref (report);
    }
    return steps;
}

json_t *
report_losses (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run, const json_t *report)
{
    json_t *list = json_array (), *quotes = steps_that (report, "database.quote"), *others;
    json_t *salvages = steps_that (report, "database.salvage");
    const char *id;

    if (json_array_size (quotes) > 0) {
        others = neighbour (c, j, run, true, "database.salvage", &id);
        put_together (list, run->id, quotes, id, others);
        json_decref (others);
    } else if (json_array_size (salvages) > 0) {
        others = neighbour (c, j, run, false, "database.quote", &id);
        put_together (list, id, others, run->id, salvages);
        json_decref (others);
    }
    json_decref (quotes);
    json_decref (salvages);
    return list;
}

void
report_loss_words (const json_t *loss, struct sb_buf *out)
{
    const json_t *quoted = json_object_get (loss, "quoted"), *f;
    const char *estimate = report_str (quoted, "estimate");
    size_t i;

    sb_buf_printf (out, "%s, quoted in run %s: safe up to LSN %s (%s), a window of %s s%s%s.",
                   report_str (loss, "object"), report_str (loss, "run"), report_str (quoted, "lsn"),
                   report_str (quoted, "time"), report_str (quoted, "window s"), *estimate != '\0' ? ", " : "",
                   estimate);
    if (json_array_size (json_object_get (loss, "found")) == 0)
        sb_buf_str (out, " What was really lost is not known yet: no run has looked at the old copy.");
    json_array_foreach (json_object_get (loss, "found"), i, f)
    {
        const json_t *results = json_object_get (f, "results");

        if (strcmp (report_str (results, "old"), "yes") == 0)
            sb_buf_printf (out, " Run %s found %s messages that only the copy at %s held%s%s.", report_str (f, "run"),
                           report_str (results, "messages"), report_str (f, "at"),
                           report_str (results, "list")[0] != 0 ? ": " : "", report_str (results, "list"));
        else
            sb_buf_printf (out, " Run %s found no old copy at %s.", report_str (f, "run"), report_str (f, "at"));
    }
}
