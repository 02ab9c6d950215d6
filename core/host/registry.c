/* The registry of plugins; see registry.h. */
#include "core/host/registry.h"

#include "core/base/map.h"
#include "core/host/describe.h"
#include "core/host/load.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"
#include "core/sys/paths.h"
#include "core/sys/spawn.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIBE_MS 60000 /* loading a plugin under a sanitizer on a busy machine */

struct sb_registry {
    struct sb_arena arena;
    const char **dirs;
    size_t ndirs, dirs_cap;
    char *program;
    struct sb_catalogue catalogue;
    struct sb_map files; /* name -> path */
};

static void
add_dir (struct sb_registry *r, const char *dir)
{
    SB_AUTOFREE char *real = NULL;
    size_t i;

    if (dir == NULL || *dir == '\0')
        return;
    real = realpath (dir, NULL);
    if (real == NULL && *dir != '/')
        return;
    for (i = 0; i < r->ndirs; i++)
        if (strcmp (r->dirs[i], real != NULL ? real : dir) == 0)
            return;
    SB_PUSH (r->dirs, r->ndirs, r->dirs_cap) = sb_arena_strdup (&r->arena, real != NULL ? real : dir);
}

static void
add_path_list (struct sb_registry *r, const char *list)
{
    SB_AUTOFREE char *text = sb_xstrdup (list);
    char *at = text, *dir;

    while ((dir = strsep (&at, ":")) != NULL)
        add_dir (r, dir);
}

struct sb_registry *
sb_registry_new (const struct sb_registry_cfg *cfg)
{
    struct sb_registry *r = sb_xcalloc (1, sizeof *r);
    struct sb_paths paths = { 0 };
    size_t i;

    if (cfg->program != NULL)
        sb_paths_find_for (&paths, cfg->program);
    else
        sb_paths_find (&paths);
    r->program = sb_xstrdup (paths.program);
    for (i = 0; cfg->dirs != NULL && cfg->dirs[i] != NULL; i++)
        add_dir (r, cfg->dirs[i]);
    add_path_list (r, getenv ("SWITCHBACK_PLUGIN_PATH"));
    add_dir (r, paths.plugins);
    SB_PUSH (r->dirs, r->ndirs, r->dirs_cap) = NULL;
    r->ndirs--;
    sb_paths_free (&paths);
    return r;
}

void
sb_registry_free (struct sb_registry *r)
{
    if (r == NULL)
        return;
    sb_map_free_with (&r->files, free);
    free (r->catalogue.plugins);
    free (r->dirs);
    free (r->program);
    sb_arena_release (&r->arena);
    free (r);
}

const char *const *
sb_registry_dirs (const struct sb_registry *r)
{
    return r->dirs;
}

const char *
sb_registry_program (const struct sb_registry *r)
{
    return r->program;
}

const struct sb_catalogue *
sb_registry_catalogue (const struct sb_registry *r)
{
    return &r->catalogue;
}

const char *
sb_registry_file (const struct sb_registry *r, const char *name)
{
    return sb_map_get (&r->files, name);
}

/* NAME.manifest beside the file, or one folder up when libtool hides the file in .libs; NULL: none. */
static char *
manifest_of (const char *file, const char *name)
{
    SB_AUTOFREE char *dir = sb_path_dir (file), *manifest = sb_xprintf ("%s.manifest", name), *up = NULL;
    char *path = sb_path_join (dir, manifest);

    if (!sb_file_exists (path) && strcmp (sb_path_base (dir), ".libs") == 0) {
        free (path);
        up = sb_path_dir (dir);
        path = sb_path_join (up, manifest);
    }
    if (!sb_file_exists (path)) {
        free (path);
        return NULL;
    }
    return path;
}

/* true: *ret is filled. */
static bool
from_manifest (struct sb_registry *r, const char *name, const char *file, const char *mark,
               struct sb_catalogue_plugin *ret)
{
    SB_AUTOFREE char *path = manifest_of (file, name);
    SB_CLEANUP (sb_buf_free) struct sb_buf text = { 0 };
    struct sb_faults ignored = { 0 }; /* a bad manifest is like none: the plugin itself is asked */
    bool stale = true, ok;

    ok = path != NULL && sb_file_trusted (path, &ignored) && sb_file_read (path, SB_MANIFEST_MAX, &text, &ignored)
         && sb_manifest_read (text.s, text.len, path, mark, &r->arena, ret, &stale, &ignored) && !stale;
    sb_faults_free (&ignored);
    return ok && strcmp (ret->name, name) == 0;
}

/* The faults of the describing process come back as its output. */
static void
relay (const char *output, struct sb_faults *faults)
{
    SB_AUTOFREE char *text = sb_xstrdup (output);
    char *at = text, *line;

    while ((line = strsep (&at, "\n")) != NULL) {
        if (strncmp (line, "HINT: ", 6) == 0)
            sb_fault_hint (faults, "%s", line + 6);
        else if (*line != '\0')
            sb_fault (faults, NULL, 0, "%s", line);
    }
}

static bool
from_plugin (struct sb_registry *r, const char *name, const char *file, const char *mark,
             struct sb_catalogue_plugin *ret, struct sb_faults *faults)
{
    const char *argv[] = { r->program, "__describe", file, NULL };
    struct sb_spawn what = { .argv = argv, .own_group = true, .die_signal = 9 };
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    struct sb_exit end = { 0 };
    bool stale = false;

    if (!sb_run_program (&what, NULL, &out, SB_MANIFEST_MAX, sb_deadline_in (DESCRIBE_MS), &end, faults)) {
        sb_fault_prefix (faults, faults->count - 1, "plugin '%s' (%s) cannot be described", name, file);
        return false;
    }
    if (end.code == 3 && out.len > 0) {
        relay (out.s, faults);
        return false;
    }
    if (end.code != 0) {
        SB_CLEANUP (sb_buf_free) struct sb_buf how = { 0 };

        sb_exit_text (end, &how);
        sb_fault (faults, file, 0, "describing the plugin ended with %s", sb_buf_cstr (&how));
        return false;
    }
    if (!sb_manifest_read (out.s, out.len, file, mark, &r->arena, ret, &stale, faults) || stale) {
        if (stale)
            sb_fault (faults, file, 0, "the file was exchanged while it was read");
        return false;
    }
    return true;
}

static bool
add_plugin (struct sb_registry *r, const char *name, struct sb_faults *faults)
{
    struct sb_catalogue_plugin p = { 0 };
    char fingerprint[SB_FINGERPRINT];
    size_t before = faults->count;
    SB_AUTOFREE char *file = sb_load_find (r->dirs, name, faults);

    if (file == NULL || !sb_fingerprint (file, fingerprint, faults))
        return false;
    if (!from_manifest (r, name, file, fingerprint, &p) && !from_plugin (r, name, file, fingerprint, &p, faults))
        return false;
    sb_contract_check (&p, faults);
    if (faults->count != before)
        return false;
    SB_PUSH (r->catalogue.plugins, r->catalogue.count, r->catalogue.cap) = p;
    sb_map_set (&r->files, p.name, sb_xstrdup (file));
    return true;
}

bool
sb_registry_describe (struct sb_registry *r, const char *name, struct sb_faults *faults)
{
    return sb_map_get (&r->files, name) != NULL || add_plugin (r, name, faults);
}

/* Only what the description itself refuses counts: a process that ends badly after it has loaded the plugin could load it,
 * and one that is slow says nothing. */
bool
sb_registry_try (struct sb_registry *r, const char *name, struct sb_faults *faults)
{
    const char *argv[] = { r->program, "__describe", sb_registry_file (r, name), NULL };
    struct sb_spawn what = { .argv = argv, .own_group = true, .die_signal = 9 };
    SB_CLEANUP (sb_buf_free) struct sb_buf out = { 0 };
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    struct sb_exit end = { 0 };

    if (!sb_run_program (&what, NULL, &out, SB_MANIFEST_MAX, sb_deadline_in (DESCRIBE_MS), &end, &ignored)
        || end.code != 3 || out.len == 0)
        return true;
    relay (out.s, faults);
    return false;
}

bool
sb_registry_describe_all (struct sb_registry *r, struct sb_faults *faults)
{
    struct sb_arena arena = { 0 };
    size_t before = faults->count, i, k, n;
    char **names;

    for (i = 0; i < r->ndirs; i++) {
        if (!sb_dir_exists (r->dirs[i]) || !sb_dir_list (r->dirs[i], &arena, &names, &n, faults))
            continue;
        for (k = 0; k < n; k++) {
            char *dot = strrchr (names[k], '.');

            if (dot == NULL || strcmp (dot, ".so") != 0)
                continue;
            *dot = '\0';
            if (sb_plugin_name_ok (names[k]))
                sb_registry_describe (r, names[k], faults);
        }
    }
    sb_arena_release (&arena);
    return faults->count == before;
}

bool
sb_registry_describe_used (struct sb_registry *r, const struct sb_topology *t, struct sb_faults *faults)
{
    size_t before = faults->count, i, k;

    for (i = 0; i < t->count; i++) {
        const char *name = t->objects[i].plugin;

        for (k = 0; name != NULL && k < i; k++)
            if (t->objects[k].plugin != NULL && strcmp (t->objects[k].plugin, name) == 0)
                name = NULL;
        if (name != NULL && !sb_registry_describe (r, name, faults))
            sb_fault_prefix (faults, faults->count - 1, "[%s %s] names plugin '%s'", t->objects[i].kind,
                             t->objects[i].name, name);
    }
    return faults->count == before;
}
