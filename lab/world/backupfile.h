/* A backup as a file: for each set a header in JSON that says what it holds,
 * filler that makes it as long as it claims to be, and a trailer.  Reading
 * tells a good set from one that is missing, empty, cut short, damaged or was
 * never finished; nothing else of it is trusted. */
#ifndef SB_LAB_WORLD_BACKUPFILE_H
#define SB_LAB_WORLD_BACKUPFILE_H

#include "lab/world/world.h"

enum w_set_type { W_SET_FULL = 1, W_SET_LOG = 2, W_SET_DIFFERENTIAL = 5 }; /* RESTORE HEADERONLY BackupType */

enum { /* RESTORE HEADERONLY Flags, as far as we have them */
       W_SET_READ_ONLY = 4,
       W_SET_SINGLE_USER = 8,
       W_SET_CHECKSUMS = 16,
       W_SET_DAMAGED = 32,
       W_SET_TAIL = 64,
       W_SET_NORECOVERY = 256,
       W_SET_ALWAYS = 512,
       W_SET_COPY_ONLY = 1024
};

struct w_set {
    uint64_t seed; /* of the world that wrote it: sets of another world are foreign */
    w_guid guid;   /* BackupSetGUID */
    w_guid database_guid;
    w_id family, fork, first_fork;
    uint8_t type, user_access, recovery_model, reserved;
    uint32_t flags;
    w_lsn first, last, checkpoint, database_backup, fork_point; /* fork_point 0: the forks do not differ */
    int64_t created_ms, start_ms, finish_ms, size;
    uint16_t position, version; /* version: major of the server that wrote it */
    uint32_t reserved2;
    char database[W_NAME], server[W_NAME], name[W_NAME], user[W_NAME];
};

enum w_set_class {
    W_SET_GOOD,
    W_SET_EMPTY,      /* 3254: the file has no bytes, or stops inside the first header */
    W_SET_SHORT,      /* 3254: shorter than it says: a copy that was not finished */
    W_SET_BROKEN,     /* 3183: header is readable, contents are not what was written */
    W_SET_NO_BACKUP,  /* 3241: not a backup at all, or of another world */
    W_SET_NO_POSITION /* 3287: there are fewer sets */
};

/* Adds the bytes of one set. */
void w_set_write (const struct w_set *set, struct sb_buf *out);
/* Reads the set at `position` from the bytes of a whole file. */
enum w_set_class w_set_read (const void *data, size_t n, unsigned position, struct w_set *ret, unsigned *ret_sets);

#endif
