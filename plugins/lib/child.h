/* A program of a site, run with certainty: its own process group, input and
 * output limited, a deadline, and an end that takes everything it started along,
 * also when this process is killed in the middle.
 *
 *     worker --- pipes ---+--------------------> program --> what it starts
 *        \                |                        /
 *         \-- life pipe --+--> keeper (leads the group; kills it when the life
 *                              pipe closes or when the program has ended)
 */
#ifndef SB_PLUGINS_CHILD_H
#define SB_PLUGINS_CHILD_H

#include "core/base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum sb_child_how {
    SB_CHILD_EXITED,      /* code */
    SB_CHILD_SIGNALLED,   /* code is the signal */
    SB_CHILD_NOT_STARTED, /* code is errno: nothing was run */
    SB_CHILD_LATE,        /* killed at the deadline */
    SB_CHILD_STOPPED,     /* asked to stop; ended by itself or was killed */
    SB_CHILD_TOO_MUCH     /* killed: it wrote more than `limit` */
};

struct sb_child {
    const char *const *argv; /* argv[0] is a path */
    const char *const *env;
    const char *cwd;
    const char *input; /* written to its stdin, which is closed then */
    size_t input_len;
    size_t limit;                                   /* of stdout */
    int64_t deadline_ms;                            /* from now */
    int64_t grace_ms;                               /* between SIGTERM and SIGKILL when it is to stop */
    int stop_fd;                                    /* readable: stop; -1: none */
    void (*err_line) (void *ctx, const char *line); /* each line of its stderr; may be NULL */
    void *ctx;
};

/* Runs it to its end; stdout is added to `out`. */
enum sb_child_how sb_child_run (const struct sb_child *what, struct sb_buf *out, int *ret_code);

#endif
