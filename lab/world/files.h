/* Files as the world sees them: backup sets under UNC names and drive letters.
 * A small table of functions, so that the lab uses a folder on disk and
 * exploration uses memory.  Whether a share can be reached is decided by the
 * world before any of these is called. */
#ifndef SB_LAB_WORLD_FILES_H
#define SB_LAB_WORLD_FILES_H

#include "lab/world/backupfile.h"
#include "lab/world/world.h"

enum w_file_error { /* as the operating system of SQL Server numbers them */
                    W_FILE_OK = 0,
                    W_FILE_MISSING = 2,
                    W_FILE_NO_PATH = 3,
                    W_FILE_DENIED = 5,
                    W_FILE_IN_USE = 32,
                    W_FILE_NO_NET = 53,
                    W_FILE_FULL = 112,
                    W_FILE_EXISTS = 183,
                    W_FILE_BAD_NAME = 123
};

struct w_file {
    char name[W_PATH]; /* without folder */
    int64_t size, modified_ms;
    uint8_t is_dir;
};

/* Which names of a folder are wanted; NULL as a whole or in part: all. */
struct w_wanted {
    const char *prefix, *after; /* begins with; comes later than, in order of names without regard to case */
};

const char *w_wanted_from (const struct w_wanted *wanted); /* none before it is wanted; "" when any may be */
bool w_wanted (const struct w_wanted *wanted, const char *name);
bool w_wanted_ends (const struct w_wanted *wanted, const char *name); /* in order of names: none from here on is */

/* `instance` is whose drives are meant and who asks; paths are as that instance writes them. */
struct w_files {
    void *ctx;
    /* Calls `each` for every wanted entry; false: stop.  Files on disk come in order of their names. */
    int (*list) (void *ctx, const char *instance, const char *folder, const struct w_wanted *wanted,
                 bool (*each) (void *arg, const struct w_file *f), void *arg);
    int (*stat) (void *ctx, const char *instance, const char *path, struct w_file *ret);
    /* Reads the set at `position` (from 1); *ret_sets is how many the file holds. */
    int (*read) (void *ctx, const char *instance, const char *path, unsigned position, struct w_set *ret,
                 enum w_set_class *ret_class, unsigned *ret_sets);
    int (*write) (void *ctx, const char *instance, const char *path, const struct w_set *set, bool append);
    int (*copy) (void *ctx, const char *instance, const char *from, const char *to);
    int (*rename) (void *ctx, const char *instance, const char *from, const char *to);
    int (*remove) (void *ctx, const char *instance, const char *path);
    int (*make_dir) (void *ctx, const char *instance, const char *path);
    int64_t (*free_bytes) (void *ctx, const char *instance, const char *path);
};

/* Where files on disk lie, and what is known of their folders: NULL, each is read whenever it is asked for. */
struct w_folders;
struct w_disk {
    const char *dir;
    struct w_folders *folders;
};

/* The files of a lab: \\HOST\SHARE\x is DIR/unc/host/share/x, D:\x of an instance is DIR/disk/INSTANCE/D/x.
 * Never leaves DIR.  `disk` must outlive it. */
void w_files_disk (struct w_files *ret, struct w_disk *disk);
/* Where a path really lies; NULL: it is no path, or it would leave the folder.  Caller frees. */
char *w_files_where (const char *dir, const char *instance, const char *path);
/* In memory; for tests and exploration. */
void w_files_memory (struct w_files *ret);
void w_files_memory_free (struct w_files *files);

/* Asks the world first: is the share there for this instance?  W_FILE_OK, W_FILE_NO_NET, W_FILE_FULL (only to write). */
int w_files_reach (const struct world *w, w_id instance, const char *path, bool to_write);
const char *w_file_error_text (int error); /* "2(The system cannot find the file specified.)" */

#endif
