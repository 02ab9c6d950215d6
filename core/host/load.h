/* Loading of one plugin, in a worker or in the process that describes it.
 *
 * A plugin is looked for by its name in a list of folders, must be beyond the
 * reach of others, is opened with libltdl by its absolute path, and is checked:
 * ABI, sizes, name, tables.  The caller gets a copy of the tables in this
 * program's own layout: an older plugin's missing fields are zero, a newer
 * plugin's further fields are left out. */
#ifndef SB_HOST_LOAD_H
#define SB_HOST_LOAD_H

#include "core/base/fault.h"
#include "core/base/mem.h"

#include <switchback/plugin.h>

#include <stdbool.h>

struct sb_loaded {
    struct sb_arena arena;
    struct sb_plugin plugin; /* valid after sb_load_open() said true */
    void *handle;            /* lt_dlhandle */
};

/* A name is made of letters, digits, '-' and '_', and begins with a letter. */
bool sb_plugin_name_ok (const char *name);

/* The file NAME.so in the first folder that has it; NULL with one fault; caller frees.  Folder and file must be
 * trusted (core/sys/file.h). */
char *sb_load_find (const char *const *dirs, const char *name, struct sb_faults *faults);

/* `l` must be zeroed; close in any case.  Every fault of the plugin is added, not only the first. */
bool sb_load_open (struct sb_loaded *l, const char *file, struct sb_faults *faults);
void sb_load_close (struct sb_loaded *l);

/* Checks and copies the tables of a plugin that is already in memory (tests, and the second half of sb_load_open). */
bool sb_load_check (struct sb_loaded *l, const struct sb_plugin *raw, const char *file, struct sb_faults *faults);

#endif
