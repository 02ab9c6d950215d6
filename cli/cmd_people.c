/* switchback approve, refuse, hold, retry, skip, done, abort, hand-over: what a
 * person says to a run that goes on in another process.
 *
 * The run is found by the journal, or (for somebody who cannot read it) by the
 * desk of the pool; it is spoken to at its desk, where the kernel says who
 * speaks, else through the inbox of the journal.  When nobody runs it, that is
 * said, with what to do instead. */
#include "cli/cli.h"
#include "cli/runs.h"

#include "core/engine/pool.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESK_MS 10000

/* A word to a run, and where the run may be found. */
struct word {
    const char *verb, *run;
    const char *key, *what; /* "gate", "step" or "to", and its value; NULL: it is about the run */
    const char *reason;
    struct sb_journal *journal;
    struct sb_journal_run *row; /* NULL: the journal does not know it */
};

static char *
words_of (const struct word *w)
{
    json_t *o = json_pack ("{s:s, s:s}", "verb", w->verb, "run", w->run);
    char *text;

    if (w->key != NULL)
        json_object_set_new (o, w->key, json_string (w->what));
    if (w->reason != NULL)
        json_object_set_new (o, "reason", json_string (w->reason));
    text = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    return text;
}

/* ---------------------------------------------------------------- ways to be heard */

/* Where the pool of the run is spoken to; NULL: nobody is there. */
static char *
find_desk (struct cli *c, const struct word *w)
{
    struct sb_topology then = { 0 };
    struct sb_faults ignored = { 0 };
    char *path = NULL;

    if (w->row == NULL)
        return sb_topology_pool (&c->topology) == NULL ? NULL : sb_pool_desk_of (&c->topology);
    if (sb_topology_parse (&then, w->row->topology_file, w->row->topology, strlen (w->row->topology), &ignored))
        path = sb_pool_desk_of (&then);
    sb_topology_release (&then);
    sb_faults_free (&ignored);
    return path;
}

static int
tell_answer (struct cli *c, json_t *answer, const char *how)
{
    bool taken = json_is_true (json_object_get (answer, "taken"));
    const char *text = json_string_value (json_object_get (answer, "text"));

    if (c->json) {
        json_object_set_new (answer, "how", json_string (how));
        cli_print_json (json_incref (answer));
    } else if (taken)
        printf ("run %s: %s\n", json_string_value (json_object_get (answer, "run")), text);
    else
        cli_error ("%s", text != NULL ? text : "the run gave an answer that makes no sense");
    return taken ? EXIT_DONE : EXIT_FAILED;
}

/* -1: nobody answers there. */
static int
say_at_desk (struct cli *c, const struct word *w, const char *desk)
{
    struct sb_buf line SB_CLEANUP (sb_buf_free) = { 0 };
    char *words SB_AUTOFREE = words_of (w);
    uid_t uid;
    bool there;
    json_t *answer;
    int rc;

    if (!sb_desk_ask (desk, words, DESK_MS, &line, &uid, &there))
        return -1;
    answer = json_loads (sb_buf_cstr (&line), 0, NULL);
    rc = json_is_object (answer) ? tell_answer (c, answer, "desk") : -1;
    json_decref (answer);
    return rc;
}

static int
leave_in_inbox (struct cli *c, const struct word *w, const char *who)
{
    char *words SB_AUTOFREE = words_of (w);
    json_t *answer;
    int rc;

    if (!sb_journal_inbox_put (w->journal, w->row->id, w->verb, words, sb_now_ms (), &c->faults))
        return cli_fail (c, EXIT_JOURNAL);
    answer = json_pack ("{s:s, s:b, s:o}", "run", w->row->id, "taken", 1, "text",
                        who == NULL ? json_sprintf ("'%s' is left for whoever resumes it", w->verb)
                                    : json_sprintf ("'%s' is left in its inbox (%s)", w->verb, who));
    rc = tell_answer (c, answer, "inbox");
    json_decref (answer);
    return rc;
}

/* ---------------------------------------------------------------- nobody hears it */

static int
owner_is_dead (struct cli *c, const struct word *w)
{
    const char *run = w->row->id;

    cli_error ("nobody is running %s: '%s' would not be heard", run, w->verb);
    if (w->row->ended_ms > 0)
        cli_hint ("It ended: %s. 'switchback report %s' tells what it did.", w->row->outcome, run);
    else if (strcmp (w->verb, "approve") == 0)
        cli_hint ("'switchback resume %s --approve %s' answers and goes on.", run, w->what);
    else if (strcmp (w->verb, "abort") == 0)
        cli_hint ("'switchback resume %s --abort' takes it back.", run);
    else if (strcmp (w->verb, "retry") == 0)
        cli_hint ("'switchback resume %s' tries again what is held or failed.", run);
    else
        cli_hint ("'switchback %s ... --leave' leaves it for whoever resumes the run; 'switchback resume %s --wait' "
                  "goes on and listens.",
                  w->verb, run);
    (void) c;
    return EXIT_FAILED;
}

static int
nobody_there (struct cli *c, const struct word *w)
{
    cli_error ("the journal in '%s' has no run '%s', and no run answers at the desk of this pool", cli_state_dir (c),
               w->run);
    cli_hint ("'switchback history' lists the runs; -t names the topology of the pool, --state the folder.");
    return EXIT_USAGE;
}

static int
say_it (struct cli *c, const struct word *w)
{
    char *who SB_AUTOFREE = NULL, *desk SB_AUTOFREE = NULL;
    int rc = -1;

    if (w->row != NULL && !sb_journal_owned (w->journal, w->row->id, &who))
        return cli_opt (c, "leave") != NULL && w->row->ended_ms == 0 ? leave_in_inbox (c, w, NULL)
                                                                     : owner_is_dead (c, w);
    desk = find_desk (c, w);
    if (desk != NULL)
        rc = say_at_desk (c, w, desk);
    if (rc < 0 && w->row == NULL)
        return nobody_there (c, w);
    return rc < 0 ? leave_in_inbox (c, w, who == NULL ? "running" : who) : rc;
}

/* A topology is needed only by somebody who cannot read the journal. */
static int
find_run (struct cli *c, struct word *w)
{
    int rc;

    w->journal = cli_existing_journal (c, &rc);
    if (rc == EXIT_DONE && w->journal != NULL
        && !sb_journal_run_find (w->journal, w->run, &c->arena, &w->row, &c->faults))
        rc = cli_fail (c, EXIT_JOURNAL);
    if (rc == EXIT_DONE && w->row == NULL && sb_file_exists (cli_topology_file (c)))
        rc = cli_load_topology (c);
    return rc;
}

static int
speak (struct cli *c, const char *verb, const char *key)
{
    struct word w = { .verb = verb, .run = c->args[0], .key = key, .reason = cli_opt (c, "reason") };
    int rc;

    w.what = key == NULL ? NULL : c->args[1];
    rc = find_run (c, &w);
    if (rc == EXIT_DONE)
        rc = say_it (c, &w);
    sb_journal_close (w.journal);
    return rc;
}

static int
speak_with_reason (struct cli *c, const char *verb, const char *key)
{
    if (cli_opt (c, "reason") != NULL && cli_opt (c, "reason")[0] != 0)
        return speak (c, verb, key);
    cli_error ("'%s' needs --reason TEXT", verb);
    cli_hint ("The reason stays in the journal, beside your name.");
    return EXIT_USAGE;
}

/* ---------------------------------------------------------------- commands */

int
cmd_approve (struct cli *c)
{
    return cli_opt (c, "break-glass") != NULL ? speak_with_reason (c, "break-glass", "gate")
                                              : speak (c, "approve", "gate");
}

int
cmd_refuse (struct cli *c)
{
    return speak (c, "refuse", "gate");
}

int
cmd_hold (struct cli *c)
{
    return speak (c, "hold", "step");
}

int
cmd_retry (struct cli *c)
{
    return speak (c, "retry", "step");
}

int
cmd_skip (struct cli *c)
{
    return speak_with_reason (c, "skip", "step");
}

int
cmd_done (struct cli *c)
{
    return speak (c, "done", "step");
}

int
cmd_abort (struct cli *c)
{
    return speak (c, "abort", NULL);
}

int
cmd_hand_over (struct cli *c)
{
    return speak (c, "hand-over", "to");
}
