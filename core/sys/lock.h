/* Lock files: at most one holder, let go by the kernel when the holder dies.
 * OFD locks belong to the open file, not to the process: closing another
 * descriptor of the same file does not lose them.  The file stays behind and
 * tells in one line who holds or held it; its existence means nothing. */
#ifndef SB_SYS_LOCK_H
#define SB_SYS_LOCK_H

#include "core/base/fault.h"

#include <stdbool.h>
#include <sys/types.h>

enum sb_locked {
    SB_LOCK_TAKEN,
    SB_LOCK_BUSY,  /* somebody else holds it; no fault is added */
    SB_LOCK_FAILED /* one fault was added */
};

struct sb_lock {
    int fd; /* -1: nothing held */
};

#define SB_LOCK_NONE ((struct sb_lock){ -1 })

/* Never waits.  `who` is written into the file (NULL: "pid N"). */
enum sb_locked sb_lock_take (struct sb_lock *lock, const char *path, const char *who, struct sb_faults *faults);
/* The same with a mode for the file; 0600: others can neither hold it nor see that it is held. */
enum sb_locked
sb_lock_take_mode (struct sb_lock *lock, const char *path, const char *who, mode_t mode, struct sb_faults *faults);
void sb_lock_release (struct sb_lock *lock);
/* What the file says about its last holder; NULL: nothing; caller frees. */
char *sb_lock_who (const char *path);
/* Is it held by anybody, this process included?  A missing file is not. */
bool sb_lock_is_held (const char *path);

#endif
