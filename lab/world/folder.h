/* The names in folders on disk, in order and without reading a folder again that nobody changed: the kernel tells
 * (inotify) what came and went since, whoever did it.  A share of a thousand shipped databases holds tens of thousands
 * of files, and each log shipping job asks for the few that are its own.  One thread; a folder that cannot be watched is
 * read each time. */
#ifndef SB_LAB_WORLD_FOLDER_H
#define SB_LAB_WORLD_FOLDER_H

#include <stddef.h>

struct w_folders;

/* What lies in a folder now; hidden names are left out. */
struct w_names {
    char **list; /* as w_names_compare() orders them */
    size_t count, cap;
};

int w_names_compare (const char *a, const char *b); /* as people do, without regard to case; no two are equal */
size_t w_names_from (const struct w_names *n, const char *name); /* the first that is not before `name` */

struct w_folders *w_folders_new (void);
void w_folders_free (struct w_folders *f); /* NULL is fine */
/* Never NULL but where the folder cannot be read (errno); good until the next call with the same `f`. */
const struct w_names *w_folders_names (struct w_folders *f, const char *path);
/* Reads a folder once; the caller frees.  0 or errno. */
int w_names_read (const char *path, struct w_names *ret);
void w_names_free (struct w_names *n);

#endif
