/* The context of a call: where topology, plugins, workflows and state are, and
 * loading them with every fault told. */
#include "cli/cli.h"

#include "core/base/text.h"
#include "core/host/lane.h"
#include "core/sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_LIMIT (4u << 20)

const char *
cli_topology_file (struct cli *c)
{
    const char *file = cli_opt (c, "topology");

    if (file == NULL)
        file = getenv ("SWITCHBACK_TOPOLOGY");
    return file == NULL || file[0] == 0 ? "/etc/switchback/topology.ini" : file;
}

const char *
cli_state_dir (struct cli *c)
{
    const char *dir = cli_opt (c, "state"), *home;

    if (dir == NULL)
        dir = getenv ("SWITCHBACK_STATE");
    if (dir != NULL && dir[0] != 0)
        return dir;
    if (geteuid () == 0)
        return "/var/lib/switchback";
    home = getenv ("XDG_STATE_HOME");
    if (home != NULL && home[0] == '/')
        return sb_arena_printf (&c->arena, "%s/switchback", home);
    home = getenv ("HOME");
    return sb_arena_printf (&c->arena, "%s/.local/state/switchback", home == NULL ? "" : home);
}

int
cli_load_topology (struct cli *c)
{
    const char *file = cli_topology_file (c);
    char *full, *dir SB_AUTOFREE = sb_path_dir (file);

    if (!sb_file_read (file, CONFIG_LIMIT, &c->topology_text, &c->faults)) {
        sb_fault_hint (
                &c->faults,
                "Name the topology with -t FILE or SWITCHBACK_TOPOLOGY: a file that you may read, at most %u MiB.",
                CONFIG_LIMIT >> 20);
        return cli_fail (c, EXIT_CONFIG);
    }
    full = realpath (dir, NULL);
    free (c->base);
    c->base = full == NULL ? sb_xstrdup (dir) : full;
    if (!sb_topology_parse (&c->topology, file, sb_buf_cstr (&c->topology_text), c->topology_text.len, &c->faults))
        return cli_fail (c, EXIT_CONFIG);
    return EXIT_DONE;
}

static int
make_registry (struct cli *c)
{
    struct sb_registry_cfg cfg = { .dirs = cli_opts (c, "plugins"), .program = NULL };

    if (c->registry == NULL)
        c->registry = sb_registry_new (&cfg);
    return c->registry == NULL ? EXIT_DEFECT : EXIT_DONE;
}

int
cli_load_plugins (struct cli *c)
{
    int rc = make_registry (c);

    if (rc != EXIT_DONE)
        return rc;
    if (c->topology.count == 0)
        sb_registry_describe_all (c->registry, &c->faults);
    else if (sb_registry_describe_used (c->registry, &c->topology, &c->faults))
        sb_topology_check_settings (&c->topology, sb_registry_catalogue (c->registry), &c->faults);
    return c->faults.count == 0 ? cli_load_messages (c) : cli_fail (c, EXIT_CONFIG);
}

size_t
cli_warn_of_plugins (struct cli *c)
{
    struct sb_map seen SB_CLEANUP (sb_map_free) = { 0 };
    size_t i, k, count = 0;

    for (i = 0; i < c->topology.count; i++) {
        const struct sb_object *o = &c->topology.objects[i];
        struct sb_faults faults SB_CLEANUP (sb_faults_free) = { 0 };

        if (o->plugin == NULL || sb_map_get (&seen, o->plugin) != NULL)
            continue;
        sb_map_set (&seen, o->plugin, c);
        count += !sb_registry_try (c->registry, o->plugin, &faults);
        for (k = 0; k < faults.count; k++)
            fprintf (stderr, "plugin %s of [%s %s] cannot work here: %s\n", o->plugin, o->kind, o->name,
                     faults.list[k].text);
    }
    return count;
}

/* The folder of the topology, absolute; also when only the workflows beside it are asked for. */
static const char *
topology_dir (struct cli *c)
{
    char *dir SB_AUTOFREE = NULL;

    if (c->base == NULL && sb_file_exists (cli_topology_file (c))) {
        dir = sb_path_dir (cli_topology_file (c));
        c->base = realpath (dir, NULL);
    }
    return c->base;
}

/* --workflows DIR, a folder "workflows" beside the topology, the packaged ones. */
static const char *
workflow_dir (struct cli *c, int index)
{
    const char *given = cli_opt (c, "workflows");

    switch (index) {
    case 0:
        return given == NULL ? "" : given;
    case 1:
        return topology_dir (c) == NULL ? "" : sb_arena_printf (&c->arena, "%s/workflows", c->base);
    case 2:
        return c->paths.workflows;
    default:
        return NULL;
    }
}

char *
cli_workflow_path (struct cli *c, const char *name)
{
    const char *dir;
    char *path;
    size_t n = strlen (name);
    int i;

    if (strchr (name, '/') != NULL || (n > 4 && strcmp (name + n - 4, ".ini") == 0))
        return sb_arena_strdup (&c->arena, name);
    for (i = 0; (dir = workflow_dir (c, i)) != NULL; i++) {
        if (dir[0] == 0)
            continue;
        path = sb_arena_printf (&c->arena, "%s/%s.ini", dir, name);
        if (sb_file_exists (path))
            return path;
    }
    return NULL;
}

static int
by_name (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

const char **
cli_workflow_names (struct cli *c)
{
    struct sb_faults ignored = { 0 };
    const char **names = NULL, *dir;
    size_t count = 0, cap = 0, n, i, k;
    char **files;
    int d;

    for (d = 0; (dir = workflow_dir (c, d)) != NULL; d++) {
        if (dir[0] == 0 || !sb_dir_list (dir, &c->arena, &files, &n, &ignored))
            continue;
        for (i = 0; i < n; i++) {
            size_t len = strlen (files[i]);
            char *name;

            if (len <= 4 || strcmp (files[i] + len - 4, ".ini") != 0)
                continue;
            name = sb_arena_strndup (&c->arena, files[i], len - 4);
            for (k = 0; k < count && strcmp (names[k], name) != 0; k++)
                ;
            if (k == count)
                SB_PUSH (names, count, cap) = name;
        }
    }
    sb_faults_free (&ignored);
    if (count > 0)
        qsort (names, count, sizeof *names, by_name);
    SB_PUSH (names, count, cap) = NULL;
    return names;
}

int
cli_load_workflow (struct cli *c, const char *name, struct sb_workflow *w)
{
    struct sb_buf text SB_CLEANUP (sb_buf_free) = { 0 };
    char *path = cli_workflow_path (c, name);
    const char **names;
    const char *near;
    size_t n;

    if (path == NULL) {
        names = cli_workflow_names (c);
        for (n = 0; names[n] != NULL; n++)
            ;
        near = sb_nearest (name, names, n);
        sb_fault (&c->faults, NULL, 0, "there is no workflow '%s'", name);
        sb_fault_hint (&c->faults, near != NULL ? "Did you mean '%s'?" : "'switchback workflow list' shows them.%s",
                       near != NULL ? near : "");
        free (names);
        return cli_fail (c, EXIT_CONFIG);
    }
    if (!sb_file_read (path, CONFIG_LIMIT, &text, &c->faults)
        || !sb_workflow_parse (w, path, sb_buf_cstr (&text), text.len, &c->faults))
        return cli_fail (c, EXIT_CONFIG);
    return EXIT_DONE;
}

/* -p KEY=VALUE ... as pairs. */
static bool
given_params (struct cli *c, struct sb_pair **ret, size_t *ret_count)
{
    const char **texts = cli_opts (c, "param");
    size_t n = 0;
    const char *eq;

    while (texts[n] != NULL)
        n++;
    *ret = sb_arena_alloc (&c->arena, (n + 1) * sizeof **ret);
    *ret_count = n;
    while (n-- > 0) {
        eq = strchr (texts[n], '=');
        if (eq == NULL) {
            cli_error ("'--param %s' is not KEY=VALUE", texts[n]);
            return false;
        }
        (*ret)[n] = (struct sb_pair){ sb_arena_strndup (&c->arena, texts[n], (size_t) (eq - texts[n])), eq + 1, 0 };
    }
    return true;
}

int
cli_make_plan (struct cli *c, const struct sb_workflow *w, struct sb_plan *p)
{
    struct sb_pair *params;
    struct sb_plan_args args = { .topology = &c->topology, .workflow = w };

    args.catalogue = c->registry == NULL ? NULL : sb_registry_catalogue (c->registry);
    args.drill = cli_opt (c, "drill") != NULL;
    if (!given_params (c, &params, &args.nparams))
        return EXIT_USAGE;
    args.params = params;
    if (!sb_workflow_lint (w, args.catalogue, &c->faults) || !sb_plan_make (p, &args, &c->faults))
        return cli_fail (c, EXIT_CONFIG);
    return EXIT_DONE;
}

struct sb_laneset *
cli_lanes (struct cli *c)
{
    const struct sb_lanes_cfg cfg = { .registry = c->registry,
                                      .topology_file = cli_topology_file (c),
                                      .topology_text = sb_buf_cstr (&c->topology_text),
                                      .topology_len = c->topology_text.len,
                                      .base = c->base,
                                      .run = "" };

    return sb_lanes_new (&cfg, &c->faults);
}

void
cli_release (struct cli *c)
{
    json_decref (c->paid);
    sb_registry_free (c->registry);
    sb_map_free_with (&c->messages, cli_free_messages);
    sb_topology_release (&c->topology);
    sb_buf_free (&c->topology_text);
    sb_faults_free (&c->faults);
    sb_paths_free (&c->paths);
    sb_arena_release (&c->arena);
    free (c->base);
    free (c->args);
    free (c->values);
}
