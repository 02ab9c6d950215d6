/* Copying one file so that its name appears only when all of it is there and
 * durable, and moving one without harming another. */
#ifndef SB_PLUGINS_SHARE_TRANSFER_H
#define SB_PLUGINS_SHARE_TRANSFER_H

#include "plugins/share/folder.h"

enum share_copied {
    SHARE_COPIED,
    SHARE_GREW,      /* the source changed meanwhile: nothing was left behind */
    SHARE_STANDS,    /* another file of that name stands there: it was not touched */
    SHARE_STOPPED,   /* asked to: nothing was left behind */
    SHARE_NO_SOURCE, /* errno: the source cannot be read */
    SHARE_NO_TARGET  /* errno: the target cannot be written */
};

struct share_watch {
    int stop_fd;
    void (*bytes) (void *ctx, int64_t copied); /* since the last time */
    void *ctx;
};

/* ".NAME.part" beside the target, then size check, fsync, and a rename that does not replace. */
enum share_copied share_copy (int from, int to, const struct share_file *f, const struct share_watch *watch);

/* A rename that does not replace; false: errno, EEXIST when the name is taken. */
bool share_rename (int from, const char *name, int to, const char *new_name);

#endif
