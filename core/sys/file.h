/* Files and folders.  Reading has a limit and says in words why it did not
 * work; writing is atomic and durable: after a crash at any instant the old
 * content or the new one is there, never a part.  Every function returns true,
 * or false with one fault added. */
#ifndef SB_SYS_FILE_H
#define SB_SYS_FILE_H

#include "core/base/buf.h"
#include "core/base/fault.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Adds the whole regular file to `out`; more than `limit` bytes, a folder, a FIFO, a socket or a device is a fault.
 * Never blocks on a FIFO.  On failure `out` is as it was. */
bool sb_file_read (const char *path, size_t limit, struct sb_buf *out, struct sb_faults *faults);
/* The same, but only the first `n` bytes of it, or all where it is shorter. */
bool sb_file_read_start (const char *path, size_t n, struct sb_buf *out, struct sb_faults *faults);

/* Replaces `path` by way of a temporary file beside it: write, fsync, rename, fsync of the folder. */
bool sb_file_write (const char *path, const void *data, size_t n, mode_t mode, struct sb_faults *faults);

/* Makes entries of the folder durable: what was created, renamed or removed in it. */
bool sb_dir_sync (const char *path, struct sb_faults *faults);

/* mkdir -p; folders made on the way get `mode`.  A folder that exists is fine and keeps its mode. */
bool sb_dir_make (const char *path, mode_t mode, struct sb_faults *faults);

/* Removes a file or a whole folder without following symbolic links; nothing there is fine. */
bool sb_tree_remove (const char *path, struct sb_faults *faults);

/* The names in a folder (without . and ..) in order of their bytes, in the arena, NULL at the end. */
bool sb_dir_list (const char *path, struct sb_arena *a, char ***ret_names, size_t *ret_count, struct sb_faults *faults);

bool sb_file_exists (const char *path); /* of any kind; a dangling link does not */
bool sb_dir_exists (const char *path);

/* Is this file or folder (and, for a file, the folder it lies in) beyond the reach of others: owned by root or by
 * the caller and not writable for group and others?  A fault says whose it is. */
bool sb_file_trusted (const char *path, struct sb_faults *faults);

/* `name` seen from the folder `dir`: an absolute name stays; caller frees. */
char *sb_path_join (const char *dir, const char *name);
/* The folder part of a path ("." when it has none); caller frees. */
char *sb_path_dir (const char *path);
/* The last part of a path; points into it. */
const char *sb_path_base (const char *path);

#endif
