/* The desk of a pool: a UNIX socket at which other people on this host find the
 * run that holds it.  One line of JSON in, one line of JSON out; who speaks is
 * the kernel's word (SO_PEERCRED, SO_PEERGROUPS), never the line's.
 *
 * This file knows sockets and lines; what a line means is run_desk.c's work, and
 * where a desk stands is pool.c's. */
#ifndef SB_ENGINE_DESK_H
#define SB_ENGINE_DESK_H

#include "core/base/buf.h"
#include "core/base/fault.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SB_DESK_SEATS 8    /* people at once; the others wait at the door */
#define SB_DESK_LINE  4096 /* a longer request is not read */

struct sb_desk;

struct sb_desk_request {
    int seat; /* for sb_desk_answer() */
    uid_t uid;
    gid_t *gids; /* of the peer, primary one included; live until the answer */
    size_t ngids;
    const char *line;
};

/* A socket at `path` (mode 0666: whoever speaks is asked for by the kernel).  NULL: one fault. */
struct sb_desk *sb_desk_open (const char *path, struct sb_faults *faults);
void sb_desk_close (struct sb_desk *d); /* removes the socket; NULL is fine */
/* Fills at most `cap` descriptors to poll; returns how many there are.  NULL: none. */
size_t sb_desk_fds (const struct sb_desk *d, struct pollfd *fds, size_t cap);
/* Takes callers in and reads; true: a whole line is there, to be answered before the next call.  Silence for five
 * seconds loses the seat. */
bool sb_desk_next (struct sb_desk *d, struct sb_desk_request *ret);
void sb_desk_answer (struct sb_desk *d, const struct sb_desk_request *q, const char *line);

/* From another process: one line there and one back, in at most `ms`.  *ret_uid: who keeps the desk.  false: nobody is
 * there, or he does not answer (`ret` is empty; *ret_there says which). */
bool sb_desk_ask (const char *path, const char *line, int64_t ms, struct sb_buf *ret, uid_t *ret_uid, bool *ret_there);

#endif
