/* The entrance: the table of commands, and the two entries that only this
 * program itself uses (a lane, the description of a plugin). */
#include "config.h"

#include "cli/cli.h"
#include "cli/man.h"

#include "core/engine/hold.h"
#include "core/host/lane.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_option cli_common[] = {
    { "topology", 't', "FILE", "the topology (default: $SWITCHBACK_TOPOLOGY or /etc/switchback/topology.ini)" },
    { "state", 0, "DIR", "journal and runs (default: $SWITCHBACK_STATE or /var/lib/switchback)" },
    { "plugins", 0, "DIR", "look for plugins here first; may be repeated" },
    { "workflows", 0, "DIR", "look for workflows here first" },
    { "json", 0, NULL, "print JSON on stdout" },
    { "help", 'h', NULL, "print help and stop" },
    { "version", 0, NULL, "print the version and stop" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option plan_options[] = {
    { "param", 'p', "KEY=VALUE", "a parameter of the workflow; may be repeated" },
    { "drill", 0, NULL, "plan a drill" },
    { "dot", 0, NULL, "print the graph for Graphviz" },
    { "observe", 0, NULL, "ask the world which steps are already true; changes nothing" },
    { "out", 0, "FILE",
      "observe, and write plan, plugin versions and what was observed, with their lock, for run --plan" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option run_options[] = {
    { "param", 'p', "KEY=VALUE", "a parameter of the workflow; may be repeated" },
    { "approve", 0, "GATES", "answer gates: all, or names separated by commas; a limit is written loss=5m" },
    { "plan", 0, "FILE",
      "hold to the plan that 'plan --out FILE' wrote: refuse, and show what differs, if anything does" },
    { "approve-plan", 0, "LOCK", "hold to the lock that 'plan --out' printed; agrees to the gate 'start' too" },
    { "take-over", 0, NULL, "end the hold that a run on another host has on the pool; it stays in the journal" },
    { "acknowledge", 0, "REASON", "move the pool again within [policy] cool down; the reason stays in the journal" },
    { "drill", 0, NULL, "a drill: every message, status and report says DRILL" },
    { "wait", 0, NULL, "at a gate that nobody answers, wait instead of ending with 4" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option resume_options[] = {
    { "approve", 0, "GATES", "answer gates: all, or names separated by commas" },
    { "wait", 0, NULL, "at a gate that nobody answers, wait instead of ending with 4" },
    { "abort", 0, NULL,
      "undo what was done instead of going on; a run under way is told so; refused after the point of no return" },
    { "take-over", 0, NULL, "end the hold that a run on another host has on the pool; it stays in the journal" },
    { NULL, 0, NULL, NULL }
};

#define REASON                                                              \
    {                                                                       \
        "reason", 0, "TEXT", "why; stays in the journal beside who said it" \
    }
#define LEAVE                                                                          \
    {                                                                                  \
        "leave", 0, NULL, "when nobody runs it: leave the word for whoever resumes it" \
    }

static const struct cli_option approve_options[] = {
    REASON,
    { "break-glass", 0, NULL,
      "a gate that wants two persons: go on alone after the countdown of [policy] break glass; needs --reason" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option word_options[] = { REASON, LEAVE, { NULL, 0, NULL, NULL } };

static const struct cli_option check_options[] = {
    { "wait", 0, "TIME", "ask again until nothing is red, at most so long" }, { NULL, 0, NULL, NULL }
};

static const struct cli_option verify_options[] = {
    { "head", 0, "NUMBER:HASH", "the head that a report or message printed: finds a tail that was cut off" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option watch_options[] = {
    { "old-site", 0, NULL, "watch for the site that was left; it does so without this word too" },
    { "once", 0, NULL, "look once and stop" },
    { "for", 0, "TIME", "stop after so long" },
    { "check", 0, "TIME", "hold the steady state against the servers this often, and tell when it is lost" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option preview_options[] = {
    { "channel", 0, "NAME", "as it looks on this channel; may be left out where there is one" },
    { "drill", 0, NULL, "as it looks in a drill" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option fire_options[] = { { "channel", 0, "NAME", "only this channel" },
                                                  { "drill", 0, NULL, "send the test as part of a drill" },
                                                  { NULL, 0, NULL, NULL } };

static const struct cli_option report_options[] = { { "html", 0, "FILE", "write one HTML page" },
                                                    { NULL, 0, NULL, NULL } };

static const struct cli_option prove_options[] = {
    { "param", 'p', "KEY=VALUE", "a parameter of the workflow; may be repeated" },
    { "deaths", 0, "N", "the program dies at most so often in one history (default: 2)" },
    { "events", 0, "N", "others interfere at most so often (default: 2)" },
    { "faults", 0, "N", "calls go wrong at most so often (default: 1)" },
    { "noes", 0, "N", "a person says no at most so often (default: 1)" },
    { "disturbances", 0, "N", "deaths, events and faults together, at most (default: 2)" },
    { "total", 0, "N", "the same" },
    { "start", 0, "WORLD",
      "begin in the world steady, site-lost, failed-over or rebuilt (default: what the workflow is for)" },
    { "time", 0, "TIME", "stop after so long; it then counts as not proved" },
    { "memory", 0, "MIB", "for the table of states (default: 900); when it is full it counts as not proved" },
    { "workers", 0, "N", "threads that search (default: one for each processor); the numbers are the same" },
    { "first", 0, NULL, "stop at the first violation" },
    { "singly", 0, NULL, "merge no states: walk every history by itself (small workflows)" },
    { "reverse", 0, NULL, "calls under way go on in the other order of their steps" },
    { "full-compare", 0, NULL, "compare states byte by byte, not by their hash" },
    { "seed", 0, "SEED", "tell the story of a seed again" },
    { "sample", 0, "N", "print the seeds of N histories and what each comes to, instead of looking at all" },
    { "dice", 0, "NUMBER", "with --sample: chooses which; the same number gives the same seeds (default: 0)" },
    { "playable", 0, NULL, "with --sample: only histories that 'switchback lab replay' can play over the wire" },
    { "certificate", 0, "FILE", "write what was proved as JSON" },
    { "mutate", 0, NULL, "make the workflow worse, step by step, and tell what bites" },
    { "reasons", 0, "FILE", "with --mutate: the mutations that may survive, with their reasons" },
    { "only", 0, "WORDS", "with --mutate: the mutations whose name contains these words" },
    { "jobs", 0, "N", "with --mutate: search so many at the same time" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option replay_options[] = {
    { "param", 'p', "KEY=VALUE", "a parameter of the workflow, as it was proved; may be repeated" },
    { "dir", 0, "DIR", "keep lab, journal and output there; without it they are gone afterwards" },
    { NULL, 0, NULL, NULL }
};

static const struct cli_option plugin_list_options[] = {
    { "contracts", 0, NULL, "print the contracts of the roles instead" }, { NULL, 0, NULL, NULL }
};

const struct cli_command cli_commands[] = {
    { "check", NULL, "hold the steady state (facts H1 to H17) against the servers",
      "Ends with 0 when every fact is green or amber, with 1 when one is red or could not be told, or when a plugin that\n"
      "the topology names cannot be loaded on this host.",
      check_options, 0, 0, cmd_check },
    { "status", NULL, "show what the servers say, unfinished runs and what is owed", NULL, NULL, 0, 0, cmd_status },
    { "plan", "WORKFLOW", "show what a run would do, in order, with gates and points of no return",
      "Planning touches nothing: the same topology, workflow and parameters give the same plan and the same digest.\n"
      "Channels that depend on what they report about, and plugins that cannot be loaded on this host, are told beside it.",
      plan_options, 1, 1, cmd_plan },
    { "run", "WORKFLOW", "carry a workflow out",
      "What is owed from earlier runs is done first. Steps whose goal is already true are not done again. At a gate the\n"
      "run asks on a terminal; elsewhere it ends with 4 and stays resumable.",
      run_options, 1, 1, cmd_run },
    { "resume", "[RUN]", "go on with an unfinished run",
      "Without RUN: the newest unfinished one that has something left which no later run has done. Nothing unfinished:\n"
      "ends with 0.",
      resume_options, 0, 1, cmd_resume },
    { "approve", "RUN GATE", "answer a gate of a run from another terminal",
      "Who answers is told by the kernel, never by an argument. GATE is the gate's name, or STEP of the step it guards.\n"
      "A gate that wants two persons goes on when a second user has approved it too; neither --approve all nor the same\n"
      "user twice is enough. Users named by [policy] operators can answer runs of others: without the journal, with -t.",
      approve_options, 2, 2, cmd_approve },
    { "refuse", "RUN GATE", "say no at a gate of a run from another terminal",
      "The step behind the gate is held, or the run taken back where the gate says refuse. It also stops the countdown\n"
      "after broken glass.",
      word_options, 2, 2, cmd_refuse },
    { "hold", "RUN STEP", "do not begin a step; an attempt under way is asked to stop",
      "It stays held, also after a resume, until 'switchback retry'. What does not depend on it goes on.", word_options,
      2, 2, cmd_hold },
    { "retry", "RUN STEP", "try a held or failed step again, from the top",
      "It is asked first whether it is so already.", word_options, 2, 2, cmd_retry },
    { "skip", "RUN STEP", "go on without a held, failed or owed step", "Needs --reason, which stays in the report.",
      word_options, 2, 2, cmd_skip },
    { "done", "RUN STEP", "say that a held or failed step was done by hand",
      "It counts only if reading back agrees; the step itself is not run. If it does not agree, the step is held again.",
      word_options, 2, 2, cmd_done },
    { "abort", "RUN", "take a run back: undo what it did, newest first",
      "Refused after the point of no return: from there on the choices are forward only.", word_options, 1, 1,
      cmd_abort },
    { "hand-over", "RUN USER", "put a run into the hands of another user",
      "USER may speak to the run from now on, whatever [policy] operators says; status and report tell who has it.",
      word_options, 2, 2, cmd_hand_over },
    { "watch", NULL, "watch for the old site and do what is owed there",
      "Does what is owed as soon as something of the site answers, delivers messages that ended runs could not, and goes on\n"
      "until it is stopped: by a signal, after --for, or after --once. It then ends with 0; what is still owed stays in\n"
      "'switchback status'. While the site is dark it writes nothing; when it answers but what is owed fails again and\n"
      "again, it asks less and less often.",
      watch_options, 0, 0, cmd_watch },
    { "prove", "WORKFLOW", "look at every history of a workflow: crashes, faults, events",
      "Drives the engine over models of all verbs in simulated data centres, through every history within the budget, and\n"
      "holds every state against the invariants of switchback-prove(1). Ends with 0 when all hold and everything was\n"
      "looked at, with 1 otherwise. Nothing real is touched.",
      prove_options, 1, 1, cmd_prove },
    { "lab replay", "SEED [WORKFLOW]", "play the story of a seed of 'prove' over the real wire",
      "Brings a lab of the topology up, runs the real program in it with the story's disturbances at their places, tells\n"
      "what the wire showed, and holds the end against the story. WORKFLOW is needed for a file of one's own. Ends with 0\n"
      "when the same end was seen, with 1 when it was another, with 7 when the story cannot be played over the wire.",
      replay_options, 1, 2, cmd_lab_replay },
    { "report", "[RUN...]", "tell what runs did, with their evidence", "Without RUN: the newest one.", report_options,
      0, -1, cmd_report },
    { "history", NULL, "list the runs",
      "What was foretold is the median that a run was told when it began, without people's time. A run in which glass was\n"
      "broken says so for ever. The last line names the journal's last record: keep it, and `switchback journal verify\n"
      "--head NUMBER:HASH` finds an end that was cut off.",
      NULL, 0, 0, cmd_history },
    { "journal verify", "[FILE]", "check the chain of a journal, offline",
      "Finds every record that was changed, is missing, was added or moved, and compares the tables made from the records\n"
      "with the records. An end that was cut off shows only against a head from outside: the number and hash that\n"
      "reports and messages print.",
      verify_options, 0, 1, cmd_journal_verify },
    { "notify preview", "MESSAGE", "show what a message looks like on a channel",
      "MESSAGE is the name of a text: begin, gate, held, loss, not-ready and so on; switchback-messages(5) lists them.\n"
      "Sample values stand for what a run would fill in. Nothing is sent.",
      preview_options, 1, 1, cmd_notify_preview },
    { "notify test", NULL, "send a test message to every channel, or to one",
      "Ends with 0 when every endpoint took it, else with 1.", fire_options, 0, 0, cmd_notify_test },
    { "notify deliver", NULL, "deliver what is queued and due, and tell the next channel what nobody acknowledged",
      "A watch does so all the time, in a process of its own, so that a slow endpoint delays nothing else.", NULL, 0, 0,
      cmd_notify_deliver },
    { "notify ack", "[RUN]", "acknowledge messages, so that they do not escalate",
      "Without RUN: of all runs. Answering a gate, resuming and steering a run acknowledge what it told, too.", NULL, 0,
      1, cmd_notify_ack },
    { "notify list", "[RUN]", "list messages, what became of them, and their receipts", NULL, NULL, 0, 1,
      cmd_notify_list },
    { "plugin list", NULL, "list the plugins that were found, or the contracts of the roles", NULL, plugin_list_options,
      0, 0, cmd_plugin_list },
    { "plugin show", "NAME", "show the settings and actions of a plugin", NULL, NULL, 1, 1, cmd_plugin_show },
    { "workflow list", NULL, "list the workflows", NULL, NULL, 0, 0, cmd_workflow_list },
    { "workflow show", "WORKFLOW", "show the steps of a workflow", NULL, NULL, 1, 1, cmd_workflow_show },
    { "workflow lint", "WORKFLOW...", "look for mistakes in workflows", NULL, NULL, 1, -1, cmd_workflow_lint },
    { NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};

/* A caller may have closed standard channels; then the journal or a lane's socket would get their numbers, and results
 * would be written into them.  Opened for reading only, writing stays an error that is told. */
static void
occupy_standard_channels (void)
{
    int fd;

    while ((fd = open ("/dev/null", O_RDONLY)) >= 0 && fd <= STDERR_FILENO)
        continue;
    if (fd >= 0)
        close (fd);
}

int
main (int argc, char **argv)
{
    struct cli c = { 0 };
    int rc;

    occupy_standard_channels ();

    setlocale (LC_CTYPE, "C.UTF-8");
    signal (SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp (argv[1], "__lane") == 0)
        return sb_lane_main ();
    if (argc >= 4 && strcmp (argv[1], "__hold") == 0)
        return sb_hold_main (argc - 2, argv + 2);
    if (argc == 3 && strcmp (argv[1], "__describe") == 0)
        return sb_describe_main (argv[2]);
    if (argc == 3 && strcmp (argv[1], "__man") == 0)
        return cli_man_main (argv[2]);
    if (argc >= 2 && strcmp (argv[1], "lab") == 0 && (argc < 3 || strcmp (argv[2], "replay") != 0))
        return cmd_lab (argc - 1, argv + 1);
    rc = cli_parse (&c, argc, argv);
    if (rc == 0) {
        sb_paths_find (&c.paths);
        c.color = isatty (STDOUT_FILENO) && getenv ("NO_COLOR") == NULL;
        rc = c.command->run (&c);
    } else if (rc < 0) {
        rc = EXIT_DONE;
    }
    if (cli_stdout_broken () && rc == EXIT_DONE) {
        cli_error ("writing to standard output failed");
        rc = EXIT_FAILED;
    }
    cli_release (&c);
    return rc;
}
