/* What the commands of the program share: the command table, options, the
 * context of one call (topology, plugins, state folder), exit codes.
 *
 * Results go to stdout, everything else to stderr, never mixed.  Only this
 * floor prints; the floors below return faults. */
#ifndef SB_CLI_CLI_H
#define SB_CLI_CLI_H

#include "core/base/buf.h"
#include "core/base/fault.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/host/registry.h"
#include "core/model/plan.h"
#include "core/model/topology.h"
#include "core/model/workflow.h"
#include "core/sys/paths.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes; switchback(1) lists them. */
enum cli_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* a step failed, a check is red, aborted and undone */
    EXIT_USAGE = 2,
    EXIT_CONFIG = 3,
    EXIT_WAITING = 4, /* held, or waiting for a person */
    EXIT_BUSY = 5,    /* another run holds the pool */
    EXIT_JOURNAL = 6,
    EXIT_DEFECT = 70,
    EXIT_SIGNAL = 130
};

struct cli_option {
    const char *name; /* without the dashes; NULL ends the table */
    char letter;      /* or 0 */
    const char *arg;  /* what it takes, in capitals; NULL: it is a flag */
    const char *help;
};

struct cli;

struct cli_command {
    const char *name;    /* "plan", or "workflow list"; NULL ends the table */
    const char *args;    /* what follows: "WORKFLOW", "[RUN]"; NULL: nothing */
    const char *summary; /* one line, no full stop */
    const char *help;    /* paragraphs for --help and the manual */
    const struct cli_option *options;
    int min_args, max_args;
    int (*run) (struct cli *c);
};

extern const struct cli_command cli_commands[];
extern const struct cli_option cli_common[];

/* One call of the program. */
struct cli {
    const struct cli_command *command;
    char **args; /* operands, NULL-terminated */
    int nargs;
    struct cli_value *values; /* options as given */
    size_t nvalues, values_cap;
    bool json, color;
    struct sb_paths paths;

    /* filled by cli_load() */
    struct sb_buf topology_text;
    struct sb_topology topology;
    char *base; /* absolute folder of the topology */
    struct sb_registry *registry;
    struct sb_map messages; /* channel -> struct sb_messages, from cli_load_plugins() */

    json_t *paid; /* with --json: accounts of the runs that were paid on the way; NULL: none */

    struct sb_faults faults;
    struct sb_arena arena;
};

struct cli_value {
    const char *name, *value; /* value "" for a flag */
};

/* options.c */
int
cli_parse (struct cli *c, int argc, char **argv); /* 0, or EXIT_USAGE with a message printed, or -1: help was printed */
const char *cli_opt (const struct cli *c, const char *name); /* the last value given, "" for a flag; NULL: not given */
const char **cli_opts (struct cli *c, const char *name);     /* all values, NULL-terminated */
void cli_print_help (const struct cli_command *command);     /* NULL: of the program */

/* context.c */
int cli_load_topology (struct cli *c); /* 0, or EXIT_CONFIG with the faults printed */
int cli_load_plugins (struct cli *c);  /* describes those that the topology names, checks settings */
/* Plugins of the topology that cannot be loaded on this host, for a library that they need is gone: each is named on
 * stderr, beside a plan or a check.  How many. */
size_t cli_warn_of_plugins (struct cli *c);
int
cli_load_workflow (struct cli *c, const char *name, struct sb_workflow *w); /* a name, or a path with a slash or .ini */
int cli_make_plan (struct cli *c, const struct sb_workflow *w, struct sb_plan *p);
char *cli_workflow_path (struct cli *c, const char *name); /* in the arena; NULL: there is none */
const char **cli_workflow_names (struct cli *c);           /* NULL-terminated, sorted */
const char *cli_state_dir (struct cli *c);                 /* --state, SWITCHBACK_STATE, or the user's */
const char *cli_topology_file (struct cli *c);
struct sb_laneset *cli_lanes (struct cli *c); /* for calls outside a run, to be freed; NULL: a fault says why */
void cli_release (struct cli *c);

/* out.c */
int cli_fail (struct cli *c, int code); /* prints and empties c->faults; returns code */
void cli_error (const char *fmt, ...) __attribute__ ((format (printf, 1, 2)));
void cli_hint (const char *fmt, ...) __attribute__ ((format (printf, 1, 2)));
int cli_print_json (json_t *value); /* steals the reference; EXIT_DONE, or EXIT_DEFECT and said */
const char *cli_paint (const struct cli *c, const char *color); /* escape sequence, or "" */
bool cli_stdout_broken (void);                                  /* flushes; true: not everything could be written */

struct cli_table {
    const char *const *heads;
    size_t columns;
    char **cells;
    size_t count, cap; /* cells */
};
void cli_table_row (struct cli_table *t, const char *const *cells); /* copies */
void cli_table_print (struct cli_table *t);                         /* and frees */

/* texts.c */
void cli_free_messages (void *messages);
int cli_load_messages (struct cli *c); /* what each channel says; 0, or EXIT_CONFIG with the faults printed */

/* the commands */
int cmd_check (struct cli *c);
int cmd_status (struct cli *c);
int cmd_plan (struct cli *c);
int cmd_run (struct cli *c);
int cmd_resume (struct cli *c);
int cmd_approve (struct cli *c);
int cmd_refuse (struct cli *c);
int cmd_hold (struct cli *c);
int cmd_retry (struct cli *c);
int cmd_skip (struct cli *c);
int cmd_done (struct cli *c);
int cmd_abort (struct cli *c);
int cmd_hand_over (struct cli *c);
int cmd_watch (struct cli *c);
int cmd_report (struct cli *c);
int cmd_history (struct cli *c);
int cmd_notify_preview (struct cli *c);
int cmd_notify_test (struct cli *c);
int cmd_notify_deliver (struct cli *c);
int cmd_notify_ack (struct cli *c);
int cmd_notify_list (struct cli *c);
int cmd_journal_verify (struct cli *c);
int cmd_prove (struct cli *c);
int cmd_lab (int argc, char **argv); /* argv[0] is "lab"; has its own options */
int cmd_lab_replay (struct cli *c);
int cmd_plugin_list (struct cli *c);
int cmd_plugin_show (struct cli *c);
int cmd_workflow_list (struct cli *c);
int cmd_workflow_show (struct cli *c);
int cmd_workflow_lint (struct cli *c);

#endif
