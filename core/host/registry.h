/* The registry: which plugins there are, where, and what they can do.
 *
 * Describing a plugin does not load it: `NAME.manifest` beside `NAME.so` holds
 * its tables as JSON, with the fingerprint of the file it was made from.  A
 * plugin without a manifest, or with a stale one, is described by loading it
 * in a process of its own (`switchback __describe FILE`).  Only workers load
 * plugins to run them (core/host/load.h).
 *
 * A plugin is taken from the first folder that has it; names are words, never
 * paths; a file or folder that others than root or the caller can write is
 * refused.  Libraries of plugins never come into this process. */
#ifndef SB_HOST_REGISTRY_H
#define SB_HOST_REGISTRY_H

#include "core/base/fault.h"
#include "core/model/topology.h"

#include <stdbool.h>
#include <stddef.h>

struct sb_registry;

struct sb_registry_cfg {
    const char *const *dirs; /* --plugins DIR ..., NULL-terminated, or NULL; searched first, in order */
    const char *program;     /* absolute path of this program; NULL: /proc/self/exe */
};

/* Folders, in order: cfg->dirs, SWITCHBACK_PLUGIN_PATH (colons), the build tree
 * when the program runs from one, SB_PLUGIN_DIR.  Nothing is read yet. */
struct sb_registry *sb_registry_new (const struct sb_registry_cfg *cfg);
void sb_registry_free (struct sb_registry *r); /* NULL is fine */

/* The folders, NULL-terminated, absolute. */
const char *const *sb_registry_dirs (const struct sb_registry *r);
/* Absolute path of this program: what a lane executes. */
const char *sb_registry_program (const struct sb_registry *r);

/* Describes one plugin, or every plugin found, or those that a topology names,
 * and adds them to the catalogue.  true: no fault was added.  A plugin that is
 * already there is not read again. */
bool sb_registry_describe (struct sb_registry *r, const char *name, struct sb_faults *faults);
bool sb_registry_describe_all (struct sb_registry *r, struct sb_faults *faults);
bool sb_registry_describe_used (struct sb_registry *r, const struct sb_topology *t, struct sb_faults *faults);

/* Loads a plugin that was described, in a process of its own: what a manifest tells stands there also when a library that
 * the plugin needs is gone from this host.  false: a fault says why it cannot work here; what cannot be told is no fault. */
bool sb_registry_try (struct sb_registry *r, const char *name, struct sb_faults *faults);

/* What was described so far.  The pointer stays; the array may move when more is described. */
const struct sb_catalogue *sb_registry_catalogue (const struct sb_registry *r);

/* Absolute path of the file of a plugin that was described; NULL: it was not. */
const char *sb_registry_file (const struct sb_registry *r, const char *name);

/* A plugin of a packaged role against the role's contract: verbs that are
 * missing, another effect, a parameter or result of another type.  Each is a fault.
 * Missing verbs matter only when a workflow uses them: they are told apart by
 * sb_contract_missing(). */
void sb_contract_check (const struct sb_catalogue_plugin *p, struct sb_faults *faults);
/* Verbs of the role that the plugin lacks, in order of the contract; NULL-terminated, in the arena. */
const char **sb_contract_missing (const struct sb_catalogue_plugin *p, struct sb_arena *arena, size_t *ret_count);

/* `switchback __describe FILE`: loads one plugin, prints its manifest on stdout.
 * Returns the exit code; with 3 the output is the faults instead. */
int sb_describe_main (const char *file);

#endif
