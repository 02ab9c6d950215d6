/* Descriptors and local sockets.  Every descriptor made here is close-on-exec;
 * sockets are non-blocking.  Functions that give a descriptor return -1 with
 * one fault when there is none. */
#ifndef SB_SYS_SOCKET_H
#define SB_SYS_SOCKET_H

#include "core/base/fault.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

bool sb_fd_cloexec (int fd, bool on);
bool sb_fd_nonblock (int fd, bool on);
void sb_fd_close (int *fd); /* closes unless -1, leaves -1; also a cleanup function */

/* poll() for one descriptor: true when one of `events` (or an error) is there before the deadline. */
bool sb_fd_wait (int fd, short events, int64_t deadline);

/* Any length of path.  A socket file nobody listens on is replaced, a living one is a fault; mode 0600. */
int sb_unix_listen (const char *path, struct sb_faults *faults);
int sb_unix_connect (const char *path, int64_t deadline, struct sb_faults *faults);
int sb_unix_accept (int listener); /* -1: nobody is waiting */
bool sb_socket_pair (int ret[2], struct sb_faults *faults);

/* Who is at the other end of a UNIX socket, as the kernel saw it when it connected. */
bool sb_peer (int fd, uid_t *ret_uid, pid_t *ret_pid);

#endif
