/* switchback prove: finds topology, workflow and plugins as every command does,
 * and hands them over to the explorer, a program of its own; so this program
 * stays small.  This file and cmd_lab.c are the only places outside lab/ and
 * prove/ that know of simulated data centres. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Options that go through as they are. */
static const char *const with_value[] = { "deaths", "events", "faults",       "noes",    "total", "start", "time",
                                          "memory", "seed",   "certificate",  "reasons", "only",  "jobs",  "sample",
                                          "dice",   "dir",    "disturbances", "workers", NULL };
static const char *const flags[] = { "singly", "reverse", "full-compare", "mutate", "first", "playable", NULL };

struct words {
    char **list;
    size_t count, cap;
};

static void
add (struct words *w, const char *option, const char *value)
{
    SB_PUSH (w->list, w->count, w->cap) = sb_xprintf ("--%s", option);
    if (value)
        SB_PUSH (w->list, w->count, w->cap) = sb_xstrdup (value);
}

static void
add_all (struct cli *c, struct words *w, const char *option)
{
    const char **values = cli_opts (c, option);
    size_t i;

    for (i = 0; values[i]; i++)
        add (w, option, values[i]);
}

static void
add_given (struct cli *c, struct words *w)
{
    size_t i;

    for (i = 0; with_value[i]; i++)
        if (cli_opt (c, with_value[i]))
            add (w, with_value[i], cli_opt (c, with_value[i]));
    for (i = 0; flags[i]; i++)
        if (cli_opt (c, flags[i]))
            add (w, flags[i], NULL);
    if (c->json)
        add (w, "json", NULL);
    add_all (c, w, "plugins");
    add_all (c, w, "param");
}

/* Becomes the explorer.  `option`: one more for it, with its value, or NULL. */
static int
explore (struct cli *c, const char *workflow_name, const char *option, const char *value)
{
    struct words w = { 0 };
    struct sb_workflow workflow = { 0 };
    char *program = sb_xprintf ("%s/switchback-prove", c->paths.libexec);
    int rc = cli_load_topology (c);

    if (rc == EXIT_DONE)
        rc = cli_load_workflow (c, workflow_name, &workflow); /* its faults are told here, in the usual words */
    sb_workflow_release (&workflow);
    if (rc != EXIT_DONE) {
        free (program);
        return rc;
    }
    SB_PUSH (w.list, w.count, w.cap) = program;
    add (&w, "topology", cli_topology_file (c));
    add (&w, "workflow-file", cli_workflow_path (c, workflow_name));
    add (&w, "state", cli_state_dir (c));
    add (&w, "workflows", c->paths.workflows);
    add (&w, "program", c->paths.program);
    if (option)
        add (&w, option, value);
    add_given (c, &w);
    SB_PUSH (w.list, w.count, w.cap) = NULL;
    execv (program, w.list);
    cli_error ("cannot start '%s': %s", program, strerror (errno));
    cli_hint ("The explorer is part of an installation ('make install') and of a build tree ('make').");
    while (w.count-- > 0)
        free (w.list[w.count]);
    free (w.list);
    return EXIT_DEFECT;
}

int
cmd_prove (struct cli *c)
{
    return explore (c, c->args[0], NULL, NULL);
}

/* A seed begins with the name of its workflow; that of a file of one's own is given beside it. */
int
cmd_lab_replay (struct cli *c)
{
    const char *seed = c->args[0], *at = strchr (seed, '@');
    char *name;

    if (!at || at == seed) {
        cli_error ("'%s' is no seed", seed);
        cli_hint ("A seed is what 'switchback prove' prints below a story, as one word.");
        return EXIT_CONFIG;
    }
    name = c->args[1] ? sb_xstrdup (c->args[1]) : sb_xstrndup (seed, (size_t) (at - seed));
    return explore (c, name, "replay", seed);
}
