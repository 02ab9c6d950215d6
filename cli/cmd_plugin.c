/* switchback plugin list|show: what the plugins and the contracts of the roles
 * say of themselves.  Nothing is loaded that a manifest describes. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char *const effect_words[] = { "reads", "settles", "changes" };
static const char *const type_words[] = {
    "text", "integer", "yes|no", "duration", "one of", "list", "secret", "object"
};

static json_t *
options_json (const struct sb_option *o)
{
    json_t *list = json_array (), *one;
    size_t i;

    for (; o != NULL && o->name != NULL; o++) {
        one = json_pack ("{s:s, s:s, s:b, s:s?, s:s?}", "name", o->name, "type", type_words[o->type], "required",
                         (o->flags & SB_REQUIRED) != 0, "default", o->fallback, "help", o->help);
        if (o->choices != NULL) {
            json_object_set_new (one, "choices", json_array ());
            for (i = 0; o->choices[i] != NULL; i++)
                json_array_append_new (json_object_get (one, "choices"), json_string (o->choices[i]));
        }
        json_array_append_new (list, one);
    }
    return list;
}

static void
print_options (const char *head, const struct sb_option *o)
{
    for (; o != NULL && o->name != NULL; o++)
        printf ("      %-8s %-18s %-9s%s%s%s  %s\n", head, o->name, type_words[o->type],
                o->flags & SB_REQUIRED ? " required" : "", o->fallback ? " default " : "",
                o->fallback ? o->fallback : "", o->help ? o->help : "");
}

static json_t *
verb_json (const struct sb_verb *v)
{
    return json_pack ("{s:s, s:s, s:s, s:s?, s:s?, s:I, s:o, s:o}", "verb", v->name, "help", v->help, "effect",
                      effect_words[v->effect], "undo", v->undo, "targets", v->targets, "timeout_ms",
                      (json_int_t) v->timeout_ms, "params", options_json (v->params), "results",
                      options_json (v->results));
}

static int
print_contracts (struct cli *c)
{
    json_t *all = json_array ();
    const struct sb_role *r;
    const struct sb_verb *v;

    for (r = sb_roles; r->name != NULL; r++) {
        json_t *verbs = json_array ();

        if (!c->json)
            printf ("%s%s%s: %s (section [%s ...])\n", cli_paint (c, "bold"), r->name, cli_paint (c, "off"), r->help,
                    r->kind);
        for (v = r->verbs; v->name != NULL; v++) {
            json_array_append_new (verbs, verb_json (v));
            if (c->json)
                continue;
            printf ("  %s.%s  %s; undo: %s\n      %s\n", r->name, v->name, effect_words[v->effect],
                    v->undo ? v->undo : "none", v->help);
            if (v->targets != NULL)
                printf ("      on       %s\n", v->targets);
            print_options ("takes", v->params);
            print_options ("gives", v->results);
        }
        json_array_append_new (all, json_pack ("{s:s, s:s, s:s, s:s?, s:o}", "role", r->name, "help", r->help, "kind",
                                               r->kind, "plugin", r->plugin, "verbs", verbs));
    }
    if (c->json)
        return cli_print_json (all);
    json_decref (all);
    return EXIT_DONE;
}

int
cmd_plugin_list (struct cli *c)
{
    static const char *const heads[] = { "PLUGIN", "ROLE", "VERSION", "SUMMARY" };
    struct cli_table t = { .heads = heads, .columns = 4 };
    const struct sb_catalogue *k;
    json_t *list;
    size_t i;
    int rc;

    if (cli_opt (c, "contracts") != NULL)
        return print_contracts (c);
    rc = cli_load_plugins (c);
    if (c->registry == NULL)
        return rc;
    list = json_array ();
    k = sb_registry_catalogue (c->registry);
    for (i = 0; i < k->count; i++) {
        const struct sb_catalogue_plugin *p = &k->plugins[i];

        cli_table_row (&t, (const char *const[]){ p->name, p->role, p->version, p->summary });
        json_array_append_new (list, json_pack ("{s:s, s:s, s:s?, s:s?, s:s?}", "plugin", p->name, "role", p->role,
                                                "version", p->version, "summary", p->summary, "file",
                                                sb_registry_file (c->registry, p->name)));
    }
    if (c->json)
        cli_print_json (list);
    else
        json_decref (list);
    if (!c->json)
        cli_table_print (&t);
    return rc;
}

int
cmd_plugin_show (struct cli *c)
{
    const struct sb_catalogue_plugin *p;
    const struct sb_action *a;
    json_t *actions = json_array ();
    int rc = cli_load_plugins (c);

    if (c->registry == NULL)
        return rc;
    p = sb_catalogue_find (sb_registry_catalogue (c->registry), c->args[0]);
    if (p == NULL) {
        cli_error ("there is no plugin '%s'", c->args[0]);
        cli_hint ("'switchback plugin list' shows those that were found.");
        json_decref (actions);
        return EXIT_CONFIG;
    }
    if (!c->json) {
        printf ("%s%s%s %s, role %s\n  %s\n", cli_paint (c, "bold"), p->name, cli_paint (c, "off"), p->version, p->role,
                p->summary);
        print_options ("setting", p->settings);
    }
    for (a = p->actions; a != NULL && a->verb != NULL; a++) {
        json_array_append_new (actions, json_pack ("{s:s, s:s?, s:s, s:s?, s:I, s:o, s:o}", "verb", a->verb, "help",
                                                   a->help, "effect", effect_words[a->effect], "undo", a->undo,
                                                   "timeout_ms", (json_int_t) a->timeout_ms, "params",
                                                   options_json (a->params), "results", options_json (a->results)));
        if (c->json)
            continue;
        printf ("  %s  %s; undo: %s\n      %s\n", a->verb, effect_words[a->effect], a->undo ? a->undo : "none",
                a->help ? a->help : "");
        print_options ("takes", a->params);
        print_options ("gives", a->results);
    }
    if (c->json)
        return cli_print_json (json_pack ("{s:s, s:s, s:s?, s:s?, s:o, s:o}", "plugin", p->name, "role", p->role,
                                          "version", p->version, "summary", p->summary, "settings",
                                          options_json (p->settings), "actions", actions));
    json_decref (actions);
    return EXIT_DONE;
}
