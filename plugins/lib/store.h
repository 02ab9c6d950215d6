/* A folder full of backups, wherever it lies: the one interface behind which a
 * folder of this host (local.c) and a share of a file server (plugins/smb) look
 * alike.  Names are those of files right in the folder; what a server calls them
 * is not believed before sb_name_is_sound() has seen it.
 *
 * Every call that fails sets errno; sb_store_why() makes a sentence of it. */
#ifndef SB_PLUGINS_STORE_H
#define SB_PLUGINS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sb_entry {
    char *name;
    int64_t size;
    int64_t mtime_ns; /* since 1970, by the clock of whoever keeps the folder */
};

struct sb_entries {
    struct sb_entry *list; /* in order of their names */
    size_t count, cap;
};

struct sb_filter {
    const char *prefix, *suffix; /* ASCII letters in any case; NULL or "": all */
};

enum sb_mode {
    SB_MODE_READ,
    SB_MODE_CREATE, /* empty, whatever was there */
    SB_MODE_RESUME  /* as it stands; made when it is not there */
};

#define SB_DIRECT 4096

struct sb_store;
struct sb_handle; /* an open file; each kind of store has its own */

struct sb_store_ops {
    /* Regular files that fit; see sb_name_fits(). */
    bool (*list) (struct sb_store *, const struct sb_filter *, struct sb_entries *ret);
    bool (*look) (struct sb_store *, const char *name, struct sb_entry *ret); /* ret->name stays NULL */
    struct sb_handle *(*open) (struct sb_store *, const char *name, enum sb_mode mode);
    ssize_t (*read) (struct sb_handle *, void *data, size_t n, int64_t at);
    ssize_t (*write) (struct sb_handle *, const void *data, size_t n, int64_t at);
    /* Lets two files of the same kind of store share what lies there, at the same place in both; false: they cannot.
     * NULL: nothing of the kind. */
    bool (*share) (struct sb_handle *from, struct sb_handle *to, int64_t at, int64_t n);
    /* From now on the disk itself is written and read, not what the system keeps of it in memory.  Memory and places are
     * then multiples of SB_DIRECT, and so is what is asked for.  False: not here, and nothing has changed.  NULL:
     * nothing of the kind. */
    bool (*direct) (struct sb_handle *);
    bool (*reserve) (struct sb_handle *, int64_t at,
                     int64_t n);       /* room for what is going to be written; NULL: as above */
    bool (*sync) (struct sb_handle *); /* NULL: nothing of the kind */
    bool (*truncate) (struct sb_handle *, int64_t size);
    bool (*close) (struct sb_handle *);
    bool (*set_time) (struct sb_store *, const char *name, int64_t mtime_ns);
    /* `folder` below the store, NULL: in it.  Never replaces: EEXIST. */
    bool (*rename) (struct sb_store *, const char *name, const char *folder, const char *new_name);
    bool (*remove) (struct sb_store *, const char *name);
    bool (*make_folder) (struct sb_store *, const char *folder); /* and those above it; there already: fine */
    bool (*room) (struct sb_store *, int64_t *ret_free);
    bool (*sync_files) (struct sb_store *); /* all that was written, at one stroke; NULL: nothing of the kind */
    bool (*sync_names) (struct sb_store *, const char *folder); /* NULL: nothing of the kind */
    struct sb_store *(*again) (struct sb_store *);              /* the same for another process: shares no connection */
    const char *(*why) (struct sb_store *, int error);          /* words; lives as long as the store */
    void (*free) (struct sb_store *);
};

struct sb_store {
    const struct sb_store_ops *ops;
    int lanes;      /* processes that pay off when much is copied from or to it */
    bool far_clock; /* its clock is not ours */
};

/* A folder of this host; NULL: errno. */
struct sb_store *sb_store_local (const char *path);
void sb_store_free (struct sb_store *s); /* NULL is fine */
void sb_store_freep (struct sb_store **s);
const char *sb_store_why (struct sb_store *s, int error);
/* Is the folder the root of a file system of its own? */
bool sb_is_mount (const char *path);

/* A name that a folder may hold: UTF-8, 1 to 255 bytes, no separator, no control character, not "." or "..". */
bool sb_name_is_sound (const char *name);
/* Sound, fits the filter, and is neither hidden nor a copy in the making (*.wrk of SQL Server's copy job). */
bool sb_name_fits (const char *name, const struct sb_filter *f);
/* Parts parted by single slashes, each sound and none hidden. */
bool sb_folder_is_sound (const char *folder);

void sb_entries_add (struct sb_entries *l, const char *name, int64_t size, int64_t mtime_ns);
void sb_entries_sort (struct sb_entries *l);
const struct sb_entry *sb_entries_find (const struct sb_entries *l, const char *name);
void sb_entries_free (struct sb_entries *l);

#endif
