/* Reading a topology: sections become objects, lines become attributes, and
 * what follows from other objects (an fqdn from the pool's domain, a copy
 * folder's site from its database's backup) is written down once, with line 0,
 * so that everybody who asks later gets the same answer.  Keys and references
 * are checked in topology_check.c, rules of the site in topology_rules.c. */
#include "core/model/topology.h"

#include "core/base/buf.h"
#include "core/base/ini.h"
#include "core/base/text.h"
#include "core/model/keys.h"
#include "core/model/topology_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_BYTES = 64 * 1024 * 1024, /* of a topology file */
    MAX_NAME = 120                /* bytes in the name of an object */
};

struct reader {
    struct sb_topology *t;
    struct sb_faults *faults;
    size_t now;    /* index of the object being read */
    bool skipping; /* after a bad header: its keys are not worth a fault each */
};

static void
add_attr (struct sb_object *o, const char *key, const char *value, int line)
{
    SB_PUSH (o->attrs, o->nattrs, o->cap) = (struct sb_attr){ key, value, line };
}

static bool
is_kind_word (const char *s)
{
    if (!isalpha ((unsigned char) *s))
        return false;
    for (; *s; s++)
        if (!isalnum ((unsigned char) *s) && *s != '-' && *s != '_')
            return false;
    return true;
}

/* The kind in words of the table, if `kind` looks like a slip of the pen. */
static const char *
nearest_kind (const char *kind)
{
    const char *words[32];
    size_t n = 0;

    for (const struct sb_kind *k = sb_kinds; k->name != NULL; k++)
        words[n++] = k->name;
    return sb_nearest (kind, words, n);
}

static bool
judge_header (struct reader *r, const char *kind, const char *name, int line)
{
    const struct sb_kind *k = sb_kind_find (kind);
    const struct sb_role *role = sb_role_find (kind);
    const char *file = r->t->file;

    if (!is_kind_word (kind)) {
        sb_fault (r->faults, file, line, "section [%s] does not begin with a kind of object", kind);
        sb_fault_hint (r->faults, "A section is written [KIND NAME], for example [site north].");
        return false;
    }
    if (k == NULL && role != NULL) {
        sb_fault (r->faults, file, line, "'%s' is a role, not a kind of object", kind);
        sb_fault_hint (r->faults, "What plays it is written [%s NAME].", role->kind);
        return false;
    }
    if (k != NULL && k->unnamed) {
        if (*name == '\0')
            return true;
        sb_fault (r->faults, file, line, "section [%s] has no name, but '%s' is given", kind, name);
        return false;
    }
    if (*name == '\0') {
        sb_fault (r->faults, file, line, "section [%s] has no name", kind);
        sb_fault_hint (r->faults, "Write [%s NAME].", kind);
        return false;
    }
    if (strlen (name) > MAX_NAME || strchr (name, '[') != NULL) {
        sb_fault (r->faults, file, line, "name of the %s is too long (over %d bytes) or has a bracket in it", kind,
                  (int) MAX_NAME);
        sb_fault_hint (r->faults, "Choose a plain name; a database's real name can be given with 'name ='.");
        return false;
    }
    return true;
}

static void
begin_object (struct reader *r, const char *section, int line)
{
    struct sb_topology *t = r->t;
    SB_AUTOFREE char *kind = sb_xstrdup (section);
    char *name = kind + strcspn (kind, " \t");
    SB_AUTOFREE char *key = NULL;
    const struct sb_object *before;

    if (*name != '\0')
        *name++ = '\0';
    name = sb_trim (name);
    r->skipping = true;
    if (!judge_header (r, kind, name, line))
        return;
    key = sb_topology_index_key (kind, name);
    before = sb_map_get (&t->index, key);
    if (before != NULL) {
        /* The index holds positions + 1 while the array still moves. */
        sb_fault (r->faults, t->file, line, "%s '%s' is already in line %d", kind, name,
                  t->objects[(size_t) (uintptr_t) before - 1].line);
        return;
    }
    r->skipping = false;
    r->now = t->count;
    SB_PUSH (t->objects, t->count, t->cap) = (struct sb_object){ .kind = sb_arena_strdup (&t->arena, kind),
                                                                 .name = sb_arena_strdup (&t->arena, name),
                                                                 .line = line };
    sb_map_set (&t->index, key, (void *) (uintptr_t) t->count);
}

static void
on_line (void *ctx, const char *section, const char *key, const char *value, int line)
{
    struct reader *r = ctx;
    struct sb_topology *t = r->t;

    if (key == NULL) {
        begin_object (r, section, line);
        return;
    }
    if (*section == '\0') {
        sb_fault (r->faults, t->file, line, "'%s' stands before the first section", key);
        return;
    }
    if (r->skipping)
        return;
    if (*value == '\0') {
        sb_fault (r->faults, t->file, line, "'%s' has no value", key);
        sb_fault_hint (r->faults, "Leave the line out if the %s has none.", t->objects[r->now].kind);
        return;
    }
    add_attr (&t->objects[r->now], sb_arena_strdup (&t->arena, key), sb_arena_strdup (&t->arena, value), line);
}

static void
need_policy (struct sb_topology *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp (t->objects[i].kind, "policy") == 0)
            return;
    SB_PUSH (t->objects, t->count, t->cap) = (struct sb_object){ .kind = "policy", .name = "" };
}

static void
build_index (struct sb_topology *t)
{
    for (size_t i = 0; i < t->count; i++) {
        SB_AUTOFREE char *key = sb_topology_index_key (t->objects[i].kind, t->objects[i].name);

        sb_map_set (&t->index, key, &t->objects[i]);
    }
}

/* Who plays a role: by kind, or, for a kind that is not ours, by having a plugin. */
static void
cast_roles (struct sb_topology *t, struct sb_faults *faults)
{
    for (size_t i = 0; i < t->count; i++) {
        struct sb_object *o = &t->objects[i];
        const struct sb_role *role = sb_role_of_kind (o->kind);
        const struct sb_attr *plugin = sb_object_find_attr (o, "plugin");
        const char *near;

        if (role != NULL) {
            o->role = role->name;
            o->plugin = plugin ? plugin->value : role->plugin;
        } else if (sb_kind_find (o->kind) == NULL && plugin != NULL) {
            o->role = o->kind;
            o->plugin = plugin->value;
        } else if (sb_kind_find (o->kind) == NULL) {
            near = nearest_kind (o->kind);
            sb_fault (faults, t->file, o->line, "'%s' is not a kind of object, and [%s %s] names no plugin", o->kind,
                      o->kind, o->name);
            if (near != NULL)
                sb_fault_hint (faults, "Did you mean [%s %s]?", near, o->name);
            else
                sb_fault_hint (faults, "An object that plays a role of your own needs 'plugin ='.");
        }
    }
}

static void
imply (struct sb_topology *t, struct sb_object *o, const char *key, const char *value)
{
    if (value != NULL && sb_object_find_attr (o, key) == NULL)
        add_attr (o, key, sb_arena_strdup (&t->arena, value), 0);
}

/* NAME.DOMAIN of the pool; a name with a dot is complete. */
static const char *
fqdn_of (struct sb_topology *t, const char *name)
{
    const char *pool = sb_object_attr (sb_topology_pool (t), "fqdn");
    const char *domain = pool ? strchr (pool, '.') : NULL;

    if (domain == NULL || strchr (name, '.') != NULL)
        return name;
    return sb_arena_printf (&t->arena, "%s%s", name, domain);
}

/* A copy folder without a site stands where its backup does; a set-up share where its site says. */
static void
imply_share_site (struct sb_topology *t, const struct sb_object *user, const char *key, const char *site)
{
    struct sb_object *share = (struct sb_object *) sb_object_ref (t, user, key);

    if (share != NULL && site != NULL)
        imply (t, share, "site", site);
}

static void
imply_all (struct sb_topology *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct sb_object *o = &t->objects[i];

        if (strcmp (o->kind, "pool") == 0)
            imply (t, o, "central store", sb_object_attr (o, "primary site"));
        else if (strcmp (o->kind, "instance") == 0)
            imply (t, o, "host", o->name);
        else if (strcmp (o->kind, "server") == 0 || strcmp (o->kind, "frontend") == 0)
            imply (t, o, "fqdn", fqdn_of (t, o->name));
        else if (strcmp (o->kind, "site") == 0)
            imply_share_site (t, o, "mirror setup share", o->name);
        else if (strcmp (o->kind, "database") == 0) {
            imply (t, o, "name", o->name);
            if (sb_object_find_attr (o, "backup") == NULL)
                imply (t, o, "fail over", "no");
            imply_share_site (t, o, "copy folder", sb_object_site (t, sb_object_ref (t, o, "backup")));
        }
    }
}

static int
compare_objects (const void *a, const void *b)
{
    const struct sb_object *const *x = a, *const *y = b;
    int rc = strcmp ((*x)->kind, (*y)->kind);

    return rc ? rc : strcmp ((*x)->name, (*y)->name);
}

static int
compare_attrs (const void *a, const void *b)
{
    const struct sb_attr *const *x = a, *const *y = b;

    return strcmp ((*x)->key, (*y)->key);
}

/* Kind, name, then the written attributes by key, then an end mark. */
static void
digest_object (struct sb_sha256 *h, const struct sb_object *o)
{
    const struct sb_attr **attrs = sb_xcalloc (o->nattrs + 1, sizeof *attrs);
    size_t n = 0;

    for (size_t i = 0; i < o->nattrs; i++)
        if (o->attrs[i].line > 0)
            attrs[n++] = &o->attrs[i];
    if (n > 0)
        qsort (attrs, n, sizeof *attrs, compare_attrs);
    sb_sha256_str (h, o->kind);
    sb_sha256_str (h, o->name);
    for (size_t i = 0; i < n; i++) {
        sb_sha256_str (h, attrs[i]->key);
        sb_sha256_str (h, attrs[i]->value);
    }
    sb_sha256_str (h, NULL);
    free (attrs);
}

static void
digest (struct sb_topology *t)
{
    const struct sb_object **list = sb_xcalloc (t->count + 1, sizeof *list);
    struct sb_sha256 h;

    for (size_t i = 0; i < t->count; i++)
        list[i] = &t->objects[i];
    qsort (list, t->count, sizeof *list, compare_objects);
    sb_sha256_init (&h);
    sb_sha256_str (&h, "switchback topology 1");
    for (size_t i = 0; i < t->count; i++)
        digest_object (&h, list[i]);
    sb_sha256_hex (&h, t->digest);
    free (list);
}

bool
sb_topology_parse (struct sb_topology *t, const char *file, const char *text, size_t len, struct sb_faults *faults)
{
    struct reader r = { .t = t, .faults = faults };
    size_t before = faults->count;

    t->file = sb_arena_strdup (&t->arena, file);
    if (len > MAX_BYTES) {
        sb_fault (faults, t->file, 0, "a topology of %zu bytes; at most %d are possible", len, (int) MAX_BYTES);
        return false;
    }
    sb_ini_parse (t->file, text, len, on_line, &r, faults);
    need_policy (t);
    build_index (t);
    cast_roles (t, faults);
    imply_all (t);
    sb_topology_check_keys (t, faults);
    sb_topology_check_rules (t, faults);
    sb_faults_sort (faults, before);
    digest (t);
    return faults->count == before;
}
