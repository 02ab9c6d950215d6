/* Options: one table per command, one for all; they may stand anywhere.
 * A usage error names the argument and stops; it does not print the whole help. */
#include "config.h"

#include "cli/cli.h"

#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

static const struct cli_option *
find_long (const struct cli_command *command, const char *name, size_t n)
{
    const struct cli_option *tables[2] = { command->options, cli_common }, *o;
    int i;

    for (i = 0; i < 2; i++)
        for (o = tables[i]; o != NULL && o->name != NULL; o++)
            if (strlen (o->name) == n && strncmp (o->name, name, n) == 0)
                return o;
    return NULL;
}

static const struct cli_option *
find_letter (const struct cli_command *command, char letter)
{
    const struct cli_option *tables[2] = { command->options, cli_common }, *o;
    int i;

    for (i = 0; i < 2; i++)
        for (o = tables[i]; o != NULL && o->name != NULL; o++)
            if (o->letter != 0 && o->letter == letter)
                return o;
    return NULL;
}

static void
keep (struct cli *c, const char *name, const char *value)
{
    SB_PUSH (c->values, c->nvalues, c->values_cap) = (struct cli_value){ name, value };
}

/* The command is one or two words; "workflow" alone is a usage error that lists its verbs. */
static const struct cli_command *
find_command (char *const *words, int count, int *used)
{
    const struct cli_command *m;
    char *two SB_AUTOFREE = NULL;

    if (count >= 2)
        two = sb_xprintf ("%s %s", words[0], words[1]);
    for (m = cli_commands; m->name != NULL; m++) {
        if (two != NULL && strcmp (m->name, two) == 0)
            return *used = 2, m;
        if (strcmp (m->name, words[0]) == 0)
            return *used = 1, m;
    }
    return NULL;
}

static int
unknown_command (char *const *words)
{
    const char *names[64];
    const struct cli_command *m;
    size_t n = 0, len = strlen (words[0]);
    const char *near;
    bool family = false;

    for (m = cli_commands; m->name != NULL && n < 64; m++) {
        names[n++] = m->name;
        family |= strncmp (m->name, words[0], len) == 0 && m->name[len] == ' ';
    }
    if (family) {
        cli_error ("'%s' needs one more word", words[0]);
        for (m = cli_commands; m->name != NULL; m++)
            if (strncmp (m->name, words[0], len) == 0 && m->name[len] == ' ')
                cli_hint ("switchback %s: %s", m->name, m->summary);
        return EXIT_USAGE;
    }
    cli_error ("there is no command '%s'", words[0]);
    near = sb_nearest (words[0], names, n);
    if (near != NULL)
        cli_hint ("Did you mean 'switchback %s'?", near);
    else
        cli_hint ("'switchback --help' lists the commands.");
    return EXIT_USAGE;
}

/* The words that are no options, in order; before the command is known an
 * option's argument is recognised by the tables of all commands.  Where they
 * disagree (--wait is a flag of run and takes a time of check), a following word
 * that begins a command is the command. */
static bool
begins_command (const char *word)
{
    const struct cli_command *m;
    size_t n = strlen (word);

    for (m = cli_commands; m->name != NULL; m++)
        if (strncmp (m->name, word, n) == 0 && (m->name[n] == 0 || m->name[n] == ' '))
            return true;
    return false;
}

static bool
is_flag_somewhere (const char *name, size_t n)
{
    const struct cli_option *o;
    const struct cli_command *m;

    for (m = cli_commands; m->name != NULL; m++)
        if ((o = find_long (m, name, n)) != NULL && o->arg == NULL)
            return true;
    return false;
}

static bool
takes_argument (const char *word, const char *next)
{
    static const struct cli_command nothing;
    const struct cli_option *o = NULL;
    const struct cli_command *m;
    size_t n;

    if (word[1] == '-') {
        n = strcspn (word + 2, "=");
        if (word[2 + n] == '=')
            return false;
        o = find_long (&nothing, word + 2, n);
        for (m = cli_commands; (o == NULL || o->arg == NULL) && m->name != NULL; m++)
            if (find_long (m, word + 2, n) != NULL)
                o = find_long (m, word + 2, n);
        if (o != NULL && o->arg != NULL && is_flag_somewhere (word + 2, n))
            return next != NULL && !begins_command (next);
    } else if (word[2] == 0) {
        o = find_letter (&nothing, word[1]);
        for (m = cli_commands; o == NULL && m->name != NULL; m++)
            o = find_letter (m, word[1]);
    }
    return o != NULL && o->arg != NULL;
}

static int
take_option (struct cli *c, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *value = NULL;
    const struct cli_option *o;
    size_t n;

    if (word[1] == '-') {
        n = strcspn (word + 2, "=");
        o = find_long (c->command, word + 2, n);
        if (word[2 + n] == '=')
            value = word + 3 + n;
    } else {
        o = find_letter (c->command, word[1]);
        if (word[2] != 0)
            value = word + 2;
    }
    if (o == NULL) {
        cli_error ("'switchback %s' has no option '%s'", c->command->name, word);
        cli_hint ("'switchback %s --help' lists its options.", c->command->name);
        return EXIT_USAGE;
    }
    if (o->arg == NULL && value != NULL) {
        cli_error ("option '--%s' takes no value", o->name);
        return EXIT_USAGE;
    }
    if (o->arg != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            cli_error ("option '%s' needs %s", word, o->arg);
            return EXIT_USAGE;
        }
        value = argv[++*i];
    }
    keep (c, o->name, value == NULL ? "" : value);
    return 0;
}

static int
take_words (struct cli *c, int argc, char **argv, int used)
{
    bool only_words = false;
    int i, rc, skip = used;

    for (i = 1; i < argc; i++) {
        if (!only_words && strcmp (argv[i], "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && argv[i][0] == '-' && argv[i][1] != 0) {
            rc = take_option (c, argc, argv, &i);
            if (rc != 0)
                return rc;
            continue;
        }
        if (skip > 0)
            skip--;
        else
            c->args[c->nargs++] = argv[i];
    }
    return 0;
}

static int
check_count (const struct cli *c)
{
    if (c->nargs < c->command->min_args) {
        cli_error ("'switchback %s' needs %s", c->command->name, c->command->args);
        return EXIT_USAGE;
    }
    if (c->command->max_args >= 0 && c->nargs > c->command->max_args) {
        cli_error ("'switchback %s' does not take '%s'", c->command->name, c->args[c->command->max_args]);
        return EXIT_USAGE;
    }
    return 0;
}

int
cli_parse (struct cli *c, int argc, char **argv)
{
    char **words SB_AUTOFREE = sb_xcalloc ((size_t) argc + 1, sizeof *words);
    bool help = false, version = false;
    int i, count = 0, used = 0, rc;

    for (i = 1; i < argc && strcmp (argv[i], "--") != 0; i++) {
        if (strcmp (argv[i], "--version") == 0)
            version = true;
        else if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0)
            help = true;
        else if (argv[i][0] != '-' || argv[i][1] == 0)
            words[count++] = argv[i];
        else if (takes_argument (argv[i], argv[i + 1]))
            i++;
    }
    if (version && count == 0) {
        printf ("switchback %s\n", SB_VERSION);
        return -1;
    }
    if (count == 0 && help) {
        cli_print_help (NULL);
        return -1;
    }
    if (count == 0) {
        cli_error ("no command was given");
        cli_hint ("'switchback --help' lists the commands.");
        return EXIT_USAGE;
    }
    c->command = find_command (words, count, &used);
    if (c->command == NULL)
        return unknown_command (words);
    if (help) {
        cli_print_help (c->command);
        return -1;
    }
    c->args = sb_xcalloc ((size_t) argc + 1, sizeof *c->args);
    rc = take_words (c, argc, argv, used);
    if (rc == 0)
        rc = check_count (c);
    c->json = cli_opt (c, "json") != NULL;
    return rc;
}

const char *
cli_opt (const struct cli *c, const char *name)
{
    size_t i;

    for (i = c->nvalues; i-- > 0;)
        if (strcmp (c->values[i].name, name) == 0)
            return c->values[i].value;
    return NULL;
}

const char **
cli_opts (struct cli *c, const char *name)
{
    const char **all = sb_arena_alloc (&c->arena, (c->nvalues + 1) * sizeof *all);
    size_t i, n = 0;

    for (i = 0; i < c->nvalues; i++)
        if (strcmp (c->values[i].name, name) == 0)
            all[n++] = c->values[i].value;
    return all;
}

static void
print_options (const struct cli_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        char left[48];

        snprintf (left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                  o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf ("  %-28s %s\n", left, o->help);
    }
}

void
cli_print_help (const struct cli_command *command)
{
    const struct cli_command *m;

    if (command == NULL) {
        printf ("Usage: switchback COMMAND [OPTION...] [ARGUMENT...]\n\n"
                "Fails a stretched chat pool over to its second data centre, and back.\n\nCommands:\n");
        for (m = cli_commands; m->name != NULL; m++)
            printf ("  %-18s %s\n", m->name, m->summary);
        printf ("  %-18s %s\n", "lab",
                "start and steer two simulated data centres on this machine; has its own options");
        printf ("\nOptions of every command:\n");
        print_options (cli_common);
        printf ("\n'switchback COMMAND --help' tells more; so do switchback(1) and switchback-COMMAND(1).\n");
        return;
    }
    printf ("Usage: switchback %s%s%s [OPTION...]\n\n%s.\n", command->name, command->args ? " " : "",
            command->args ? command->args : "", command->summary);
    if (command->help != NULL)
        printf ("\n%s\n", command->help);
    if (command->options != NULL && command->options->name != NULL) {
        printf ("\nOptions:\n");
        print_options (command->options);
    }
    printf ("\nOptions of every command:\n");
    print_options (cli_common);
}
