/* Looking things up in a topology that was read: objects, attributes with
 * their defaults, references, sites.  Nothing here can fail; absence is NULL. */
#include "core/model/keys.h"
#include "core/model/topology.h"
#include "core/model/topology_internal.h"

#include "core/base/buf.h"

#include <stdlib.h>
#include <string.h>

const struct sb_catalogue_plugin *
sb_catalogue_find (const struct sb_catalogue *c, const char *plugin)
{
    for (size_t i = 0; c != NULL && plugin != NULL && i < c->count; i++)
        if (strcmp (c->plugins[i].name, plugin) == 0)
            return &c->plugins[i];
    return NULL;
}

char *
sb_topology_index_key (const char *kind, const char *name)
{
    return sb_xprintf ("%s %s", kind, name);
}

const struct sb_object *
sb_topology_find (const struct sb_topology *t, const char *kind, const char *name)
{
    SB_AUTOFREE char *key = NULL;

    if (kind == NULL || name == NULL)
        return NULL;
    key = sb_topology_index_key (kind, name);
    return sb_map_get (&t->index, key);
}

const struct sb_object *
sb_topology_nth (const struct sb_topology *t, const char *kind, size_t index)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp (t->objects[i].kind, kind) == 0 && index-- == 0)
            return &t->objects[i];
    return NULL;
}

const struct sb_object *
sb_topology_pool (const struct sb_topology *t)
{
    return sb_topology_nth (t, "pool", 0);
}

const struct sb_attr *
sb_object_find_attr (const struct sb_object *o, const char *key)
{
    for (size_t i = 0; i < o->nattrs; i++)
        if (strcmp (o->attrs[i].key, key) == 0)
            return &o->attrs[i];
    return NULL;
}

const char *
sb_object_attr (const struct sb_object *o, const char *key)
{
    const struct sb_attr *a;
    const struct sb_key *k;

    if (o == NULL || key == NULL)
        return NULL;
    a = sb_object_find_attr (o, key);
    if (a != NULL)
        return a->value;
    if (strcmp (key, "plugin") == 0)
        return o->plugin;
    k = sb_key_find (sb_kind_keys (o->kind), key);
    return k ? k->fallback : NULL;
}

const struct sb_object *
sb_object_ref (const struct sb_topology *t, const struct sb_object *o, const char *key)
{
    const char *name = sb_object_attr (o, key);
    const struct sb_key *k = o ? sb_key_find (sb_kind_keys (o->kind), key) : NULL;

    if (name == NULL || k == NULL || k->type != SB_TARGET || (k->flags & SB_KEY_LIST))
        return NULL;
    return sb_topology_find (t, k->choices[0], name);
}

const char *
sb_object_site (const struct sb_topology *t, const struct sb_object *o)
{
    const struct sb_object *site;

    if (o == NULL)
        return NULL;
    if (strcmp (o->kind, "site") == 0)
        return o->name;
    site = sb_object_ref (t, o, "site");
    return site ? site->name : NULL;
}

void
sb_topology_release (struct sb_topology *t)
{
    for (size_t i = 0; i < t->count; i++)
        free (t->objects[i].attrs);
    free (t->objects);
    sb_map_free (&t->index);
    sb_arena_release (&t->arena);
    *t = (struct sb_topology){ 0 };
}
