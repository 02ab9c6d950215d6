/* The topology: a pool, its sites, and everything that stands in them, as read
 * from one INI text.  Pure: reading the file is somebody else's work.  Objects
 * keep their attributes as written, with lines, so that every message can point. */
#ifndef SB_MODEL_TOPOLOGY_H
#define SB_MODEL_TOPOLOGY_H

#include "core/base/fault.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include "core/base/sha256.h"
#include "core/model/contracts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_attr {
    const char *key, *value; /* value trimmed, \; undone */
    int line;                /* 0: not written, follows from other objects (host, fqdn, name, ...) */
};

struct sb_object {
    const char *kind, *name;
    const char *role;   /* the role it plays, or NULL */
    const char *plugin; /* the plugin that plays it, or NULL */
    struct sb_attr *attrs;
    size_t nattrs, cap;
    int line;
};

struct sb_topology {
    struct sb_arena arena;
    const char *file;          /* as named by the caller; for messages */
    struct sb_object *objects; /* in order of the file; policy is always there */
    size_t count, cap;
    struct sb_map index;        /* "KIND NAME" -> struct sb_object; built when the file was read */
    char digest[SB_SHA256_HEX]; /* over kinds, names, keys, values; not over comments or order of sections */
};

/* What the plugins of a configuration can do; filled by core/host from manifests,
 * by tests from constants.  The strings and tables belong to whoever filled it. */
struct sb_catalogue_plugin {
    const char *name, *role, *version, *summary;
    enum sb_lanes lanes;
    const struct sb_option *settings;
    const struct sb_action *actions; /* run and verify are NULL when only described */
};
struct sb_catalogue {
    struct sb_catalogue_plugin *plugins;
    size_t count, cap;
};

const struct sb_catalogue_plugin *sb_catalogue_find (const struct sb_catalogue *c, const char *plugin);

/* Reads, resolves references, applies the site rules (pool sheet 2.1 to 2.3).
 * All faults are collected; true: none.  `t` must be zeroed; release in any case. */
bool
sb_topology_parse (struct sb_topology *t, const char *file, const char *text, size_t len, struct sb_faults *faults);
/* Settings of plugins against the catalogue: unknown key, wrong type, missing. */
bool sb_topology_check_settings (const struct sb_topology *t, const struct sb_catalogue *c, struct sb_faults *faults);
void sb_topology_release (struct sb_topology *t);

const struct sb_object *sb_topology_find (const struct sb_topology *t, const char *kind, const char *name);
/* The index-th object of a kind, in order of the file; NULL after the last. */
const struct sb_object *sb_topology_nth (const struct sb_topology *t, const char *kind, size_t index);
const struct sb_object *sb_topology_pool (const struct sb_topology *t);
/* As written, else what follows from other objects, else the core's default for the kind (keys.h), else NULL. */
const char *sb_object_attr (const struct sb_object *o, const char *key);
/* The object that a reference attribute names (database.primary -> instance), or NULL. */
const struct sb_object *sb_object_ref (const struct sb_topology *t, const struct sb_object *o, const char *key);
/* The site an object stands in: instance, server, frontend, share, site itself; NULL: none. */
const char *sb_object_site (const struct sb_topology *t, const struct sb_object *o);

#endif
