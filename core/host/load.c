/* Finding, opening and checking of a plugin; see load.h. */
#include "core/host/load.h"

#include "config.h"
#include "core/base/text.h"
#include "core/sys/file.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_ENTRIES 512u /* of one table: a table without an end must not be walked for ever */
#define MAX_TEXT    4096u

/* What the first ABI had; nothing smaller was ever built. */
#define MIN_PLUGIN (offsetof (struct sb_plugin, close) + sizeof (void (*) (void)))
#define MIN_OPTION (offsetof (struct sb_option, help) + sizeof (char *))
#define MIN_ACTION (offsetof (struct sb_action, undo) + sizeof (char *))
#define MAX_STRUCT 4096u

bool
sb_plugin_name_ok (const char *name)
{
    const char *at;

    if (!isalpha ((unsigned char) *name) || strlen (name) > 64)
        return false;
    for (at = name; *at != '\0'; at++)
        if (!isalnum ((unsigned char) *at) && *at != '-' && *at != '_')
            return false;
    return true;
}

static char *
dirs_as_text (const char *const *dirs)
{
    struct sb_buf b = { 0 };
    size_t i;

    for (i = 0; dirs[i] != NULL; i++)
        sb_buf_printf (&b, "%s%s", i == 0 ? "" : ", ", dirs[i]);
    return sb_buf_take (&b);
}

char *
sb_load_find (const char *const *dirs, const char *name, struct sb_faults *faults)
{
    SB_AUTOFREE char *file_name = NULL, *all = NULL;
    size_t i;

    if (!sb_plugin_name_ok (name)) {
        sb_fault (faults, NULL, 0, "'%s' is not the name of a plugin", name);
        sb_fault_hint (faults, "A plugin is named by a word, never by a path; its folder is given with --plugins.");
        return NULL;
    }
    file_name = sb_xprintf ("%s.so", name);
    for (i = 0; dirs[i] != NULL; i++) {
        char *path = sb_path_join (dirs[i], file_name);
        struct stat st;

        if (lstat (path, &st) == 0 || errno == EACCES) {
            if (sb_file_trusted (path, faults))
                return path;
            free (path);
            return NULL;
        }
        free (path);
    }
    all = dirs_as_text (dirs);
    sb_fault (faults, NULL, 0, "there is no plugin '%s' in %s", name, all);
    sb_fault_hint (faults, "Name its folder with --plugins DIR, or see `switchback plugin list`.");
    return NULL;
}

/* ---- tables --------------------------------------------------------------------------------------------- */

struct check {
    struct sb_loaded *l;
    const struct sb_plugin *raw;
    const char *file;
    struct sb_faults *faults;
};

#define COMPLAIN(c, ...) sb_fault ((c)->faults, (c)->file, 0, __VA_ARGS__)

static bool
is_text (const char *s)
{
    return s != NULL && *s != '\0' && strnlen (s, MAX_TEXT) < MAX_TEXT;
}

/* Words of tables: lower case letters, digits, blanks and hyphens. */
static bool
is_word (const char *s)
{
    const char *at;

    if (!is_text (s) || !isalpha ((unsigned char) *s))
        return false;
    for (at = s; *at != '\0'; at++)
        if (!isalnum ((unsigned char) *at) && strchr (" -_.", *at) == NULL)
            return false;
    return true;
}

static bool
fallback_fits (const struct sb_option *o)
{
    int64_t number;
    bool flag;

    switch (o->type) {
    case SB_INT:
        return sb_parse_int (o->fallback, &number);
    case SB_BOOL:
        return sb_parse_bool (o->fallback, &flag);
    case SB_DURATION:
        return sb_parse_duration (o->fallback, &number);
    case SB_CHOICE:
        return o->choices == NULL || sb_list_has ((char *const *) o->choices, o->fallback);
    case SB_SECRET:
        return false;
    default:
        return true;
    }
}

static void
check_option (struct check *c, const char *where, const struct sb_option *o)
{
    if (!is_word (o->name))
        COMPLAIN (c, "%s: '%.64s' is not a name", where, o->name);
    if ((unsigned) o->type > SB_TARGET)
        COMPLAIN (c, "%s: '%.64s' has a type this program does not know (%d)", where, o->name, (int) o->type);
    else if (o->fallback != NULL && !fallback_fits (o))
        COMPLAIN (c, "%s: the fallback of '%.64s' is not of its type", where, o->name);
    if (!is_text (o->help))
        COMPLAIN (c, "%s: '%.64s' has no help", where, o->name);
    if (o->type == SB_CHOICE && (o->choices == NULL || o->choices[0] == NULL))
        COMPLAIN (c, "%s: '%.64s' is a choice without choices", where, o->name);
    if ((o->flags & SB_REQUIRED) != 0 && o->fallback != NULL)
        COMPLAIN (c, "%s: '%.64s' is required and yet has a fallback", where, o->name);
}

/* Entries of an array whose elements are `stride` bytes and begin with a name; counted up to the NULL name. */
static size_t
count_entries (const void *table, size_t stride)
{
    size_t n = 0;

    while (n <= MAX_ENTRIES && *(const char *const *) (const void *) ((const char *) table + n * stride) != NULL)
        n++;
    return n;
}

static const void *
copy_table (struct check *c, const char *where, const void *table, size_t stride, size_t ours, size_t *ret_count)
{
    size_t n = table == NULL ? 0 : count_entries (table, stride), i;
    char *copy;

    if (n > MAX_ENTRIES) {
        COMPLAIN (c, "%s: the table has no end", where);
        n = 0;
    }
    copy = sb_arena_alloc (&c->l->arena, (n + 1) * ours);
    for (i = 0; i < n; i++)
        memcpy (copy + i * ours, (const char *) table + i * stride, stride < ours ? stride : ours);
    *ret_count = n;
    return copy;
}

static const struct sb_option *
copy_options (struct check *c, const char *where, const struct sb_option *table)
{
    size_t n, i, k;
    const struct sb_option *copy = copy_table (c, where, table, c->raw->option_size, sizeof *copy, &n);

    for (i = 0; i < n; i++) {
        check_option (c, where, &copy[i]);
        for (k = 0; k < i; k++)
            if (strcmp (copy[i].name, copy[k].name) == 0)
                COMPLAIN (c, "%s: '%.64s' stands there twice", where, copy[i].name);
    }
    return copy;
}

static bool
has_verb (const struct sb_action *actions, size_t n, const char *verb)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (strcmp (actions[i].verb, verb) == 0 || strcmp (actions[i].verb, "*") == 0)
            return true;
    return false;
}

static void
check_action (struct check *c, struct sb_action *a, const struct sb_action *all, size_t n)
{
    SB_AUTOFREE char *where = sb_xprintf ("action '%.64s'", a->verb);
    SB_AUTOFREE char *params = sb_xprintf ("%s, parameters", where), *results = sb_xprintf ("%s, results", where);

    if (strcmp (a->verb, "*") != 0 && !is_word (a->verb))
        COMPLAIN (c, "%s: that is not a verb", where);
    if ((unsigned) a->effect > SB_CHANGES)
        COMPLAIN (c, "%s: it has an effect this program does not know (%d)", where, (int) a->effect);
    if (a->run == NULL)
        COMPLAIN (c, "%s: it has no run()", where);
    if (a->verify == NULL && a->effect != SB_READS)
        COMPLAIN (c, "%s: it changes something and has no verify()", where);
    if (!is_text (a->help))
        COMPLAIN (c, "%s: it has no help", where);
    if (a->undo != NULL && !has_verb (all, n, a->undo))
        COMPLAIN (c, "%s: it is undone by '%.64s', which is no verb of this plugin", where, a->undo);
    a->params = copy_options (c, params, a->params);
    a->results = copy_options (c, results, a->results);
}

static const struct sb_action *
copy_actions (struct check *c)
{
    size_t n, i, k;
    const void *table = copy_table (c, "actions", c->raw->actions, c->raw->action_size, sizeof (struct sb_action), &n);
    struct sb_action *copy = (struct sb_action *) (uintptr_t) table;

    if (n == 0)
        COMPLAIN (c, "it has no action");
    for (i = 0; i < n; i++) {
        check_action (c, &copy[i], copy, n);
        for (k = 0; k < i; k++)
            if (strcmp (copy[i].verb, copy[k].verb) == 0)
                COMPLAIN (c, "action '%.64s' stands there twice", copy[i].verb);
    }
    return copy;
}

static bool
check_layout (struct check *c)
{
    const struct sb_plugin *raw = c->raw;

    if (raw->abi != SB_ABI) {
        COMPLAIN (c, "it was built for ABI %u, this program has ABI %u", raw->abi, SB_ABI);
        sb_fault_hint (c->faults, "Build the plugin again with this program's <switchback/plugin.h>.");
        return false;
    }
    if (raw->size < MIN_PLUGIN || raw->size > MAX_STRUCT || raw->option_size < MIN_OPTION
        || raw->option_size > MAX_STRUCT || raw->action_size < MIN_ACTION || raw->action_size > MAX_STRUCT) {
        COMPLAIN (c, "the sizes of its tables (%u, %u, %u bytes) cannot be true", raw->size, raw->option_size,
                  raw->action_size);
        sb_fault_hint (c->faults, "Publish a plugin with SB_PLUGIN(), which writes the sizes.");
        return false;
    }
    return true;
}

static void
check_head (struct check *c, const struct sb_plugin *p)
{
    const char *base = sb_path_base (c->file);
    size_t n = is_text (p->name) ? strlen (p->name) : 0;

    if (n == 0 || !sb_plugin_name_ok (p->name))
        COMPLAIN (c, "it has no proper name");
    else if (strncmp (base, p->name, n) != 0 || strcmp (base + n, ".so") != 0)
        COMPLAIN (c, "it calls itself '%s'; the file must be named %s.so", p->name, p->name);
    if (p->role == NULL || (strcmp (p->role, "*") != 0 && !is_word (p->role)))
        COMPLAIN (c, "it names no role");
    if (!is_text (p->version) || !is_text (p->summary))
        COMPLAIN (c, "it lacks its version or summary");
    if ((unsigned) p->lanes > SB_PARALLEL)
        COMPLAIN (c, "it asks for lanes this program does not know (%d)", (int) p->lanes);
}

bool
sb_load_check (struct sb_loaded *l, const struct sb_plugin *raw, const char *file, struct sb_faults *faults)
{
    struct check c = { l, raw, file, faults };
    size_t before = faults->count;

    if (!check_layout (&c))
        return false;
    memset (&l->plugin, 0, sizeof l->plugin);
    memcpy (&l->plugin, raw, raw->size < sizeof l->plugin ? raw->size : sizeof l->plugin);
    check_head (&c, &l->plugin);
    l->plugin.settings = copy_options (&c, "settings", raw->settings);
    l->plugin.actions = copy_actions (&c);
    return faults->count == before;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

/* libltdl binds lazily and tells "file not found" whatever was wrong.  One dlopen() with RTLD_NOW before it finds
 * every missing symbol and gives the true text. */
static bool
try_dlopen (const char *file, struct sb_faults *faults)
{
    void *handle = dlopen (file, RTLD_NOW | RTLD_LOCAL);
    const char *text;

    if (handle != NULL) {
        dlclose (handle);
        return true;
    }
    text = dlerror ();
    sb_fault (faults, file, 0, "it cannot be loaded: %s", text != NULL ? text : "no reason given");
    sb_fault_hint (faults,
                   "Install it again, built for this version; switchback-plugin(3) tells what a plugin links to.");
    return false;
}

static lt_dlhandle
open_local (const char *file)
{
    lt_dlhandle handle = NULL;
    lt_dladvise advise;

    if (lt_dladvise_init (&advise) != 0)
        return NULL;
    if (lt_dladvise_local (&advise) == 0) {
#ifdef SB_SANITIZED
        (void) lt_dladvise_resident (&advise);
#endif
        handle = lt_dlopenadvise (file, advise);
    }
    lt_dladvise_destroy (&advise);
    return handle;
}

static const struct sb_plugin *
entry_of (lt_dlhandle handle, const char *file, struct sb_faults *faults)
{
    const struct sb_plugin *raw = lt_dlsym (handle, "sb_plugin");

    if (raw == NULL) {
        sb_fault (faults, file, 0, "it is not a plugin: the symbol NAME_LTX_sb_plugin is not there");
        sb_fault_hint (faults, "SB_PLUGIN (IDENT, ...) makes the symbol; IDENT must be the name of the file.");
    }
    return raw;
}

#ifdef SB_SANITIZED
/* Modules stay loaded in sanitized builds, and libltdl keeps three small blocks for each: not ours, and not growing. */
const char *__lsan_default_suppressions (void);

const char *
__lsan_default_suppressions (void)
{
    return "leak:lt__malloc\n";
}
#endif

bool
sb_load_open (struct sb_loaded *l, const char *file, struct sb_faults *faults)
{
    const struct sb_plugin *raw;

    if (*file != '/') {
        sb_fault (faults, file, 0, "a plugin is opened by its absolute path only");
        return false;
    }
    if (!sb_file_trusted (file, faults) || !try_dlopen (file, faults))
        return false;
    unsetenv ("LTDL_LIBRARY_PATH");
    if (lt_dlinit () != 0) {
        sb_fault (faults, file, 0, "libltdl does not start: %s", lt_dlerror ());
        return false;
    }
    l->handle = open_local (file);
    if (l->handle == NULL) {
        sb_fault (faults, file, 0, "it cannot be loaded: %s", lt_dlerror ());
        lt_dlexit ();
        return false;
    }
    raw = entry_of (l->handle, file, faults);
    return raw != NULL && sb_load_check (l, raw, file, faults);
}

void
sb_load_close (struct sb_loaded *l)
{
    if (l->handle != NULL) {
        lt_dlclose (l->handle);
        lt_dlexit ();
    }
    sb_arena_release (&l->arena);
    memset (l, 0, sizeof *l);
}
