/* Manual pages written from the tables that the program itself works by, so
 * that they cannot say anything else: `switchback __man PAGE` where PAGE is
 * "switchback", a command ("workflow-lint") or "roles".  man(7) macros. */
#include "config.h"

#include "cli/cli.h"
#include "cli/man.h"
#include "core/engine/message.h"
#include "core/model/keys.h"

#include <stdio.h>
#include <string.h>

static void
text (const char *s)
{
    bool start = true;

    for (; s != NULL && *s != 0; s++) {
        if (start && (*s == '.' || *s == '\''))
            fputs ("\\&", stdout);
        if (*s == '\\')
            fputs ("\\e", stdout);
        else if (*s == '-')
            fputs ("\\-", stdout);
        else
            putchar (*s);
        start = *s == '\n';
    }
}

static void
line (const char *macro, const char *s)
{
    printf ("%s ", macro);
    text (s);
    putchar ('\n');
}

static void
head (const char *page, int section, const char *name, const char *summary)
{
    printf (".\\\" Written by the program from its own tables.\n.TH \"%s\" \"%d\" \"2026-11-21\" \"switchback %s\" \"Switchback\"\n"
            ".SH NAME\n",
            page, section, SB_VERSION);
    text (name);
    fputs (" \\- ", stdout);
    text (summary);
    putchar ('\n');
}

static void
options (const struct cli_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        puts (".TP");
        printf (".B ");
        if (o->letter != 0)
            printf ("\\-%c, ", o->letter);
        fputs ("\\-\\-", stdout);
        text (o->name);
        printf ("%s%s\n", o->arg ? " " : "", o->arg ? o->arg : "");
        text (o->help);
        putchar ('\n');
    }
}

static const struct {
    int code;
    const char *means;
} exits[] = {
    { EXIT_DONE, "done, or nothing to do; what is owed is listed" },
    { EXIT_FAILED, "a step failed, a check is red, or a run was aborted and undone" },
    { EXIT_USAGE, "usage" },
    { EXIT_CONFIG, "configuration: topology, workflow or plugin" },
    { EXIT_WAITING, "held, or waiting for a person" },
    { EXIT_BUSY, "another run holds the pool" },
    { EXIT_JOURNAL, "the journal cannot be trusted or written" },
    { EXIT_DEFECT, "a defect in the program" },
    { EXIT_SIGNAL, "stopped by a signal; resumable" },
};

static void
exit_codes (void)
{
    size_t i;

    puts (".SH EXIT STATUS");
    for (i = 0; i < sizeof exits / sizeof *exits; i++) {
        printf (".TP\n.B %d\n", exits[i].code);
        text (exits[i].means);
        putchar ('\n');
    }
}

static void
program_page (void)
{
    const struct cli_command *m;

    head ("SWITCHBACK", 1, "switchback", "fails a stretched chat pool over to its second data centre, and back");
    puts (".SH SYNOPSIS\n.B switchback\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION");
    text ("Switchback carries workflows out: procedures written as data, planned as a pure function of the topology, "
          "journalled before and after every act, resumable after a crash at any instant. Every step is asked whether "
          "it is so already, before and after. Results are printed on standard output, everything else on standard error.\n");
    puts (".SH COMMANDS");
    for (m = cli_commands; m->name != NULL; m++) {
        printf (".TP\n.B ");
        text (m->name);
        printf ("%s%s\n", m->args ? " " : "", m->args ? m->args : "");
        text (m->summary);
        putchar ('\n');
    }
    puts (".TP\n.B lab\nrehearse in simulated data centres, see switchback-lab(1)");
    puts (".SH OPTIONS OF EVERY COMMAND");
    options (cli_common);
    exit_codes ();
    puts (".SH SEE ALSO\nswitchback\\-topology(5), switchback\\-workflow(5), switchback\\-roles(7), switchback\\-plugin(3), "
          "switchback\\-lab(1)");
}

static void
command_page (const struct cli_command *m, const char *page)
{
    char title[64], name[64];
    size_t i;

    snprintf (name, sizeof name, "switchback-%s", page);
    snprintf (title, sizeof title, "%s", name);
    for (i = 0; title[i] != 0; i++)
        if (title[i] >= 'a' && title[i] <= 'z')
            title[i] = (char) (title[i] - 32);
    head (title, 1, name, m->summary);
    printf (".SH SYNOPSIS\n.B switchback %s\n", m->name);
    if (m->args != NULL)
        line (".I", m->args);
    puts ("[\\fIOPTION\\fR...]\n.SH DESCRIPTION");
    text (m->summary);
    puts (".");
    if (m->help != NULL) {
        puts (".PP");
        text (m->help);
        putchar ('\n');
    }
    if (m->options != NULL && m->options->name != NULL) {
        puts (".SH OPTIONS");
        options (m->options);
    }
    puts (".SH OPTIONS OF EVERY COMMAND");
    options (cli_common);
    exit_codes ();
    puts (".SH SEE ALSO\nswitchback(1)");
}

static void
role_options (const char *word, const struct sb_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        printf (".br\n%s \\fI", word);
        text (o->name);
        printf ("\\fR%s%s%s: ", o->flags & SB_REQUIRED ? " (required)" : "", o->fallback ? ", default " : "",
                o->fallback ? o->fallback : "");
        text (o->help);
        putchar ('\n');
    }
}

static void
roles_page (void)
{
    static const char *const effects[] = { "reads", "settles (may be called again)",
                                           "changes (called again only after verify said no)" };
    const struct sb_role *r;
    const struct sb_verb *v;

    head ("SWITCHBACK-ROLES", 7, "switchback-roles", "the contracts between workflows and plugins");
    puts (".SH DESCRIPTION");
    text ("A step of a workflow says role.verb; the topology says which plugin plays the role. These are the verbs of "
          "the packaged roles. A site may add roles of its own with a plugin that describes them.\n");
    for (r = sb_roles; r->name != NULL; r++) {
        printf (".SH ROLE %s\n", r->name);
        text (r->help);
        printf (" (section [%s NAME]%s%s).\n", r->kind, r->plugin ? "; plugin " : "", r->plugin ? r->plugin : "");
        for (v = r->verbs; v->name != NULL; v++) {
            printf (".TP\n.B %s.", r->name);
            text (v->name);
            putchar ('\n');
            text (v->help);
            printf (".\n.br\n%s; undone by: %s\n", effects[v->effect], v->undo ? v->undo : "nothing");
            if (v->targets != NULL)
                printf (".br\ntakes \\fIon\\fR (required): %s\n", v->targets);
            role_options ("takes", v->params);
            role_options ("gives", v->results);
        }
    }
    puts (".SH SEE ALSO\nswitchback(1), switchback\\-workflow(5), switchback\\-plugin(3)");
}

static const char *const type_words[] = { "text",   "number", "yes or no", "duration",
                                          "one of", "list",   "secret",    "name of" };

static void
topology_key (const struct sb_key *k)
{
    size_t i;

    printf (".TP\n.B ");
    text (k->name);
    printf ("\n");
    text (k->help);
    printf (" (%s%s", k->flags & SB_KEY_LIST ? "list, each " : "", type_words[k->type]);
    for (i = 0; k->choices != NULL && k->choices[i] != NULL; i++) {
        fputs (i == 0 ? " " : ", ", stdout);
        text (k->choices[i]);
    }
    if (k->fallback != NULL) {
        fputs ("; default ", stdout);
        text (k->fallback);
    }
    puts (k->flags & SB_REQUIRED ? "; required)" : ")");
}

static void
topology_page (void)
{
    const struct sb_kind *kind;
    const struct sb_key *k;

    head ("SWITCHBACK-TOPOLOGY", 5, "switchback-topology", "a pool, its sites, and everything that stands in them");
    puts (".SH DESCRIPTION");
    text ("The topology is an INI file of sections [KIND NAME]. Lines are at most 190 bytes long; a blank and a semicolon "
          "begin a comment, and a value that needs them writes \\;. Lists are written with commas. A key that is not "
          "listed here is a setting of the plugin that plays the object's role (switchback plugin show NAME); one that "
          "neither knows is an error. Secrets are references: file:PATH, env:NAME, command:PROGRAM, credential:NAME; "
          "relative paths start at the folder of the topology. Every other kind of section is an object that plays a "
          "role of a site's own: it names its plugin.\n");
    for (kind = sb_kinds; kind->name != NULL; kind++) {
        printf (".SH [%s%s]\n", kind->name, kind->unnamed ? "" : " NAME");
        text (kind->help);
        puts (".");
        for (k = kind->keys; k->name != NULL; k++)
            topology_key (k);
    }
    puts (".SH SEE ALSO\nswitchback(1), switchback\\-workflow(5), switchback\\-roles(7)");
}

static void
messages_page (void)
{
    const struct sb_message_kind *k;
    const struct sb_message_value *v;

    head ("SWITCHBACK-MESSAGES", 5, "switchback-messages", "what messages to people say");
    puts (".SH DESCRIPTION");
    text ("Messages are made from texts, one section [message NAME] for each thing that can be told. The packaged ones are in "
          "templates/messages.ini; a site puts its own into messages.ini beside its topology, a channel into the file that "
          "its key 'messages' names. A file holds only what is to be other than below it: key by key it lies over the "
          "packaged one, and an empty value takes a key away. What a section lacks, [message any] gives.\n");
    puts (".PP\n.nf\n[message gate]\nlevel = critical\nsubject = ${pool} needs you: ${gate}\ntext = ${question}\\en"
          "Call 1234 before you answer.\nfact Who may answer = the pool's owners\nhint = ${answer}\n.fi\n.PP");
    text ("subject is one line; text may hold \\n for a new line; hint is what to do; 'fact WORDS' stands below the text under "
          "that name, and is left out when it is empty; level is info, good, warning or critical: a channel with 'escalate "
          "to' wants the last two acknowledged. ${NAME} is a value, ${A | B | \"text\"} the first of them that is not empty, "
          "$${ a plain ${.\n");
    puts (".PP");
    text ("A subject begins with \"switchback: \", in a drill with \"DRILL switchback: \"; no text changes that. In a drill "
          "the first line of the text says so too; outside one, a line that begins with DRILL is marked (no drill). Each "
          "channel writes the characters that mean something to its service so that they mean nothing, and mentions "
          "nobody. 'switchback notify preview NAME --channel C' shows the outcome.\n");
    puts (".SH MESSAGES");
    for (k = sb_message_kinds; k->what != NULL; k++) {
        line (".TP\n.B", k->what);
        text (k->help);
        printf ("; events = %s%s%s\n", k->event, k->also ? " or " : "", k->also ? k->also : "");
    }
    puts (".SH VALUES");
    for (v = sb_message_values; v->name != NULL; v++) {
        line (".TP\n.B", v->name);
        text (v->help);
        putchar ('\n');
    }
    puts (".SH SEE ALSO\nswitchback\\-notify(7), switchback\\-notify\\-preview(1), switchback\\-topology(5)");
}

int
cli_man_main (const char *page)
{
    const struct cli_command *m;
    char name[64];
    size_t i;

    if (strcmp (page, "switchback") == 0)
        return program_page (), EXIT_DONE;
    if (strcmp (page, "roles") == 0)
        return roles_page (), EXIT_DONE;
    if (strcmp (page, "topology") == 0)
        return topology_page (), EXIT_DONE;
    if (strcmp (page, "messages") == 0)
        return messages_page (), EXIT_DONE;
    for (m = cli_commands; m->name != NULL; m++) {
        snprintf (name, sizeof name, "%s", m->name);
        for (i = 0; name[i] != 0; i++)
            if (name[i] == ' ')
                name[i] = '-';
        if (strcmp (name, page) == 0)
            return command_page (m, page), EXIT_DONE;
    }
    return EXIT_USAGE;
}
