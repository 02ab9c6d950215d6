/* switchback-lab: the simulated data centres.  `switchback lab` hands over to
 * the commands for people; the others are what the lab starts itself. */
#include "config.h"

#include "lab/lab.h"

#include "lab/chat/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run) (const struct lab_args *a);
    const char *help; /* NULL: not for people */
} commands[] = {
    { "up", lab_up,
      "up --dir DIR [-t FILE] [--owner-fd N] [--real-time] [--smb] [--sql-tls MODE] [--sql-server WORDS]\n"
      "      [--keytab FILE]\n"
      "                                                         build or start a lab; returns when its doors answer" },
    { "down", lab_down, "down --dir DIR                                         end it; its state stays" },
    { "status", lab_status, "status --dir DIR [--json]                              show the world" },
    { "fault", lab_fault,
      "fault --dir DIR WORDS                                  power, links, files, statements; no words: a list" },
    { "world", lab_run_world, NULL },
    { "site", lab_run_site, NULL },
    { "services", lab_run_services, NULL },
    { "power", lab_run_power, NULL },
};
#define NCOMMANDS (sizeof commands / sizeof *commands)

static int
usage (FILE *to)
{
    fprintf (to, "Usage: switchback lab COMMAND\n");
    for (size_t i = 0; i < NCOMMANDS; i++)
        if (commands[i].help != NULL)
            fprintf (to, "  %s\n", commands[i].help);
    fprintf (
            to, "  %s\n",
            "traffic --dir DIR start|stop|report                    people who chat, and what became of their messages");
    fprintf (to, "  %s\n",
             "replay SEED [WORKFLOW]                                 a story of 'switchback prove' over the wire");
    return to == stdout ? 0 : 2;
}

struct option_row {
    const char *name;
    char **text; /* takes a text, or */
    int *number; /* a number, or */
    bool *flag;  /* nothing */
};

static const struct option_row *
find_option (const struct option_row *o, const char *word)
{
    for (; o->name != NULL; o++)
        if (strcmp (o->name, word) == 0)
            return o;
    return NULL;
}

/* Options may stand anywhere; what is left are the words.  False: usage. */
static bool
read_args (int argc, char **argv, struct lab_args *a, const char **ret_command)
{
    const struct option_row options[] = { { "--dir", &a->dir, NULL, NULL },
                                          { "-t", &a->topology, NULL, NULL },
                                          { "--topology", &a->topology, NULL, NULL },
                                          { "--sql-tls", &a->sql_tls, NULL, NULL },
                                          { "--sql-server", &a->sql_server, NULL, NULL },
                                          { "--keytab", &a->keytab, NULL, NULL },
                                          { "--owner-fd", NULL, &a->owner_fd, NULL },
                                          { "--ready-fd", NULL, &a->ready_fd, NULL },
                                          { "--json", NULL, NULL, &a->json },
                                          { "--real-time", NULL, NULL, &a->real_time },
                                          { "--smb", NULL, NULL, &a->smb },
                                          { NULL, NULL, NULL, NULL } };
    const struct option_row *o;

    a->words = sb_xcalloc ((size_t) argc + 1, sizeof *a->words);
    for (int i = 1; i < argc; i++) {
        o = find_option (options, argv[i]);
        if (o == NULL && argv[i][0] == '-' && argv[i][1] != 0) {
            fprintf (stderr, "switchback lab: unknown option '%s'\n", argv[i]);
            return false;
        }
        if (o == NULL) {
            if (*ret_command == NULL)
                *ret_command = argv[i];
            else
                a->words[a->nwords++] = argv[i];
            continue;
        }
        if (o->flag != NULL) {
            *o->flag = true;
            continue;
        }
        if (++i == argc) {
            fprintf (stderr, "switchback lab: '%s' wants a value\n", argv[i - 1]);
            return false;
        }
        if (o->text != NULL)
            *o->text = argv[i];
        else
            *o->number = atoi (argv[i]);
    }
    return true;
}

/* A world and its doors hold a few descriptors for every client: as many as may be. */
static void
allow_files (void)
{
    struct rlimit l;

    if (getrlimit (RLIMIT_NOFILE, &l) != 0)
        return;
    l.rlim_cur = l.rlim_max < 65536 ? l.rlim_max : 65536;
    setrlimit (RLIMIT_NOFILE, &l);
}

int
main (int argc, char **argv)
{
    struct lab_args a = { .owner_fd = -1, .ready_fd = -1 };
    const char *name = NULL;
    int ret;

    if (argc > 1 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "help") == 0))
        return usage (stdout);
    for (int i = 1; i < argc; i++) /* traffic reads its own options */
        if (strcmp (argv[i], "traffic") == 0) {
            memmove (&argv[2], &argv[1], (size_t) (i - 1) * sizeof *argv);
            argv[1] = (char *) (uintptr_t) "traffic";
            return lab_traffic_main (argc - 1, argv + 1);
        }
    if (!read_args (argc, argv, &a, &name) || name == NULL) {
        free (a.words);
        return usage (stderr);
    }
    for (size_t i = 0; i < NCOMMANDS; i++) {
        if (strcmp (commands[i].name, name) != 0)
            continue;
        if (a.dir == NULL) {
            fprintf (stderr, "switchback lab: '%s' wants --dir DIR\n", name);
            free (a.words);
            return 2;
        }
        if (commands[i].help == NULL)
            allow_files ();
        ret = commands[i].run (&a);
        free (a.words);
        return ret;
    }
    fprintf (stderr, "switchback lab: there is no command '%s'\n", name);
    free (a.words);
    return usage (stderr);
}
