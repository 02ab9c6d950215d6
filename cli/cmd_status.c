/* switchback status, history, journal verify: what is, what was, and whether
 * the memory of it can be trusted.  They change nothing. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/forecast.h"
#include "cli/runs.h"
#include "cli/standing.h"

#include "core/base/text.h"
#include "core/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
sentence_of (const struct cli_answer *a)
{
    const char *said = sb_map_get (&a->results, "sentence");

    return said != NULL && said[0] != 0                 ? said
           : a->sentence != NULL && a->sentence[0] != 0 ? a->sentence
                                                        : "was not asked";
}

static json_t *
answers_json (const struct sb_plan *p, const struct cli_answers *a)
{
    json_t *list = json_array (), *facts;
    uint32_t i;
    size_t k;

    for (i = 0; i < p->count; i++) {
        facts = json_object ();
        for (k = 0; k < a->list[i].results.count; k++)
            json_object_set_new (facts, a->list[i].results.entries[k].key,
                                 json_string (a->list[i].results.entries[k].value));
        json_array_append_new (list,
                               json_pack ("{s:s, s:s, s:s?, s:b, s:s, s:o}", "kind", p->steps[i].kind, "object",
                                          p->steps[i].object, "on", p->steps[i].on, "answers", a->list[i].rc == SB_OK,
                                          "sentence", sentence_of (&a->list[i]), "facts", facts));
    }
    return list;
}

/* NULL where the plan cannot be read: then the line about the run has to do. */
static json_t *
standing_of (struct cli *c, struct sb_journal *j, const struct sb_journal_run *run)
{
    struct sb_plan plan = { 0 };
    struct sb_faults ignored = { 0 };
    json_t *o = NULL;
    int64_t left;

    if (sb_plan_from_json (&plan, run->plan, strlen (run->plan), &ignored))
        o = cli_standing (c, j, run, &plan);
    left = o == NULL ? -1 : cli_forecast_left (c, j, run->id, &plan, sb_now_ms ());
    if (left >= 0)
        json_object_set_new (o, "left_ms", json_integer (left));
    sb_plan_release (&plan);
    sb_faults_free (&ignored);
    return o;
}

static json_t *
unfinished_json (struct cli *c, struct sb_journal *j, const char *pool)
{
    json_t *list = json_array ();
    struct sb_journal_run *runs = NULL;
    size_t n = 0, i;

    if (j != NULL && !sb_journal_runs (j, &c->arena, &runs, &n, &c->faults)) {
        json_decref (list);
        return NULL;
    }
    for (i = 0; i < n; i++)
        if (runs[i].ended_ms == 0 && (pool == NULL || strcmp (runs[i].pool, pool) == 0) && !cli_overtaken (j, &runs[i]))
            json_array_append_new (list, json_pack ("{s:s, s:s, s:b, s:b, s:s?, s:o?}", "run", runs[i].id, "workflow",
                                                    runs[i].workflow, "drill", runs[i].drill, "running",
                                                    sb_journal_owned (j, runs[i].id, NULL), "outcome", runs[i].outcome,
                                                    "standing", standing_of (c, j, &runs[i])));
    return list;
}

static void
print_status (struct cli *c, json_t *servers, json_t *unfinished, json_t *owed, json_t *glass)
{
    json_t *o;
    size_t i;

    json_array_foreach (servers, i, o)
            printf ("%s%-9s%s %-14s %-12s %s\n",
                    cli_paint (c, json_is_true (json_object_get (o, "answers")) ? "green" : "amber"),
                    json_string_value (json_object_get (o, "kind")), cli_paint (c, "off"),
                    json_string_value (json_object_get (o, "object")),
                    json_is_string (json_object_get (o, "on")) ? json_string_value (json_object_get (o, "on")) : "",
                    json_string_value (json_object_get (o, "sentence")));
    json_array_foreach (unfinished, i, o)
    {
        printf ("%sunfinished: %s (%s)%s\n", json_is_true (json_object_get (o, "drill")) ? "DRILL " : "",
                json_string_value (json_object_get (o, "run")), json_string_value (json_object_get (o, "workflow")),
                json_is_true (json_object_get (o, "running")) ? ", running now" : "");
        if (json_is_object (json_object_get (o, "standing")))
            cli_standing_print (json_string_value (json_object_get (o, "run")), json_object_get (o, "standing"), "  ");
    }
    json_array_foreach (glass, i, o) cli_glass_print (o, "");
    json_array_foreach (owed, i, o)
            printf ("%sowed: %s of run %s\n", json_is_true (json_object_get (o, "drill")) ? "DRILL " : "",
                    json_string_value (json_object_get (o, "step")), json_string_value (json_object_get (o, "run")));
    if (json_array_size (unfinished) == 0 && json_array_size (owed) == 0)
        puts ("nothing is unfinished, nothing is owed");
}

int
cmd_status (struct cli *c)
{
    struct sb_workflow w = { 0 };
    struct sb_plan p = { 0 };
    struct cli_answers a = { 0 };
    struct sb_journal *j = NULL;
    json_t *servers = NULL, *unfinished = NULL, *owed = NULL, *glass = NULL;
    int rc = cli_load_topology (c);

    if (rc == EXIT_DONE)
        rc = cli_load_plugins (c);
    if (rc == EXIT_DONE)
        rc = cli_load_workflow (c, "observe", &w);
    if (rc == EXIT_DONE)
        rc = cli_make_plan (c, &w, &p);
    if (rc == EXIT_DONE)
        j = cli_journal (c, false, &rc);
    if (rc == EXIT_DONE)
        rc = cli_ask_plan (c, &p, CLI_ASK_READ, &a);
    if (rc == EXIT_DONE) {
        servers = answers_json (&p, &a);
        unfinished = unfinished_json (c, j, p.pool);
        owed = unfinished == NULL ? NULL : cli_owed_json (c, j, p.pool);
        glass = owed == NULL ? NULL : cli_glass_marks (c, j, p.pool);
        if (glass == NULL) /* a journal that cannot be read is not one that owes nothing */
            rc = cli_fail (c, EXIT_JOURNAL);
        else if (c->json)
            rc = cli_print_json (json_pack ("{s:s, s:O, s:O, s:O, s:O}", "pool", p.pool, "servers", servers,
                                            "unfinished", unfinished, "owed", owed, "break_glass", glass));
        else
            print_status (c, servers, unfinished, owed, glass);
        json_decref (servers);
        json_decref (unfinished);
        json_decref (owed);
        json_decref (glass);
    }
    sb_journal_close (j);
    cli_answers_free (&a);
    sb_plan_release (&p);
    sb_workflow_release (&w);
    return rc;
}

static json_t *
head_json (const struct sb_journal_head *head)
{
    struct sb_buf hash SB_CLEANUP (sb_buf_free) = { 0 };

    sb_hex (head->hash, SB_HASH_BYTES, &hash);
    return json_pack ("{s:I, s:s}", "seq", (json_int_t) head->seq, "hash", sb_buf_cstr (&hash));
}

/* What was foretold of a run when it began, without its steps; NULL: nothing was. */
static json_t *
foretold_json (const char *info)
{
    json_t *all = json_loads (info, 0, NULL), *o = json_object_get (all, "forecast"), *found = NULL;

    if (o != NULL)
        found = json_pack ("{s:O, s:O}", "median_ms", json_object_get (o, "median_ms"), "p90_ms",
                           json_object_get (o, "p90_ms"));
    json_decref (all);
    return found;
}

/* A line of the table and an object of the list; strings of the line live in the arena. */
static void
history_row (struct cli *c, const struct sb_journal_run *run, bool broke, struct cli_table *t, json_t *list)
{
    struct sb_buf begun SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf took SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_buf about SB_CLEANUP (sb_buf_free) = { 0 };
    json_t *foretold = foretold_json (run->info);
    const char *outcome = run->outcome != NULL ? run->outcome : "unfinished";

    sb_format_utc (&begun, run->started_ms);
    if (run->ended_ms > 0)
        sb_format_duration (&took, run->ended_ms - run->started_ms);
    if (foretold != NULL)
        sb_format_duration (&about, json_integer_value (json_object_get (foretold, "median_ms")));
    cli_table_row (t,
                   (const char *const[]){
                           run->id, run->drill ? sb_arena_printf (&c->arena, "DRILL %s", run->workflow) : run->workflow,
                           sb_buf_cstr (&begun), sb_buf_cstr (&took), sb_buf_cstr (&about),
                           broke ? sb_arena_printf (&c->arena, "%s, BREAK GLASS", outcome) : outcome });
    json_array_append_new (list, json_pack ("{s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:s, s:b, s:o?}", "run", run->id,
                                            "workflow", run->workflow, "pool", run->pool, "drill", run->drill, "digest",
                                            run->digest, "started_ms", (json_int_t) run->started_ms, "ended_ms",
                                            (json_int_t) run->ended_ms, "outcome", outcome, "break_glass", broke,
                                            "foretold", foretold));
}

int
cmd_history (struct cli *c)
{
    static const char *const heads[] = { "RUN", "WORKFLOW", "BEGUN", "TOOK", "FORETOLD", "OUTCOME" };
    struct cli_table t = { .heads = heads, .columns = 6 };
    struct sb_journal_head head = { 0 };
    struct sb_journal_run *runs = NULL;
    json_t *list = json_array (), *marks = NULL, *end;
    size_t n = 0, i;
    int rc;
    struct sb_journal *j = cli_journal (c, false, &rc);

    if (j != NULL
        && (!sb_journal_runs (j, &c->arena, &runs, &n, &c->faults) || !sb_journal_head (j, &head, &c->faults)
            || (marks = cli_glass_marks (c, j, NULL)) == NULL))
        rc = cli_fail (c, EXIT_JOURNAL);
    end = head_json (&head);
    for (i = 0; i < n; i++) {
        history_row (c, &runs[i], cli_broke_glass (marks, runs[i].id), &t, list);
        json_object_set (json_array_get (list, i), "head", end);
    }
    if (rc == EXIT_DONE && c->json)
        cli_print_json (json_incref (list));
    else if (rc == EXIT_DONE && n == 0)
        puts ("no run was begun yet");
    else if (rc == EXIT_DONE) {
        cli_table_print (&t);
        printf ("\njournal: record %lld, %s\n", (long long) head.seq,
                json_string_value (json_object_get (end, "hash")));
    }
    json_decref (end);
    json_decref (list);
    json_decref (marks);
    sb_journal_close (j);
    return rc;
}

/* NUMBER or NUMBER:HASH, as reports and messages print it; the hash may be cut short where they cut it. */
static bool
read_head (struct cli *c, struct sb_journal_head *ret, bool *ret_given)
{
    const char *text = cli_opt (c, "head"), *colon = text == NULL ? NULL : strchr (text, ':');
    char *number = text == NULL ? NULL : sb_arena_strndup (&c->arena, text, strcspn (text, ":"));
    size_t n, i;
    int64_t seq;

    *ret_given = text != NULL;
    if (text == NULL)
        return true;
    if (!sb_parse_int (number, &seq) || seq < 0 || colon == NULL || colon[1] == 0)
        return false;
    ret->seq = seq;
    n = strlen (colon + 1);
    if (n % 2 != 0 || n > 2 * SB_HASH_BYTES || strspn (colon + 1, "0123456789abcdef") != n)
        return false;
    for (i = 0; i < n / 2; i++)
        sscanf (colon + 1 + 2 * i, "%2hhx", &ret->hash[i]);
    ret->hash_bytes = n / 2;
    return true;
}

int
cmd_journal_verify (struct cli *c)
{
    struct sb_journal_cfg cfg = { .path = c->nargs > 0 ? c->args[0] : NULL };
    struct sb_journal_head head = { 0 }, known = { 0 };
    struct sb_buf hash SB_CLEANUP (sb_buf_free) = { 0 };
    struct sb_journal *j;
    bool given;
    int rc = EXIT_DONE;

    if (!read_head (c, &known, &given)) {
        cli_error ("'--head %s' is not NUMBER:HASH", cli_opt (c, "head"));
        cli_hint ("Reports, messages and --json print it: \"journal: record 12, 5f0c...\" is --head 12:5f0c...");
        return EXIT_USAGE;
    }
    if (cfg.path == NULL)
        cfg.path = sb_arena_printf (&c->arena, "%s/journal.db", cli_state_dir (c));
    j = sb_journal_open (&cfg, &c->faults);
    if (j == NULL && c->faults.count == 0)
        sb_fault (&c->faults, cfg.path, 0, "there is no journal yet");
    if (j == NULL || !sb_journal_verify (j, given ? &known : NULL, &head, &c->faults))
        rc = EXIT_JOURNAL;
    sb_hex (head.hash, SB_HASH_BYTES, &hash);
    if (c->json)
        cli_print_json (json_pack ("{s:s, s:b, s:I, s:I, s:s}", "file", cfg.path, "good", rc == EXIT_DONE, "records",
                                   (json_int_t) head.records, "seq", (json_int_t) head.seq, "hash",
                                   sb_buf_cstr (&hash)));
    else if (rc == EXIT_DONE)
        printf ("%s: %lld records of %lld runs, unbroken up to record %lld, %s\n", cfg.path, (long long) head.records,
                (long long) head.runs, (long long) head.seq, sb_buf_cstr (&hash));
    sb_journal_close (j);
    return rc == EXIT_DONE ? rc : cli_fail (c, rc);
}
