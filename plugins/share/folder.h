/* A folder full of backups: which files count, how many bytes, what is missing
 * elsewhere.  Reads only; nothing is remembered between calls. */
#ifndef SB_PLUGINS_SHARE_FOLDER_H
#define SB_PLUGINS_SHARE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct share_file {
    char *name;
    int64_t size;
    struct timespec mtime;
};

struct share_list {
    struct share_file *files; /* in order of their names */
    size_t count, cap;
};

struct share_filter {
    const char *prefix, *suffix; /* ASCII letters in any case; NULL or "": all */
};

/* Opens a folder for the *at() functions.  -1: errno says why. */
int share_open (const char *path);
/* Is the folder the root of a file system of its own? */
bool share_is_mount (const char *path);

/* Regular files that fit; hidden files, *.wrk (copies in the making of SQL Server's copy job) and links never do.
 * false: errno says why. */
bool share_read (int dir, const struct share_filter *filter, struct share_list *ret);
void share_list_free (struct share_list *l);
const struct share_file *share_find (const struct share_list *l, const char *name);

/* Is somebody still writing it?  Looks twice when it was changed in the last second. */
bool share_is_growing (int dir, const struct share_file *f);

#endif
