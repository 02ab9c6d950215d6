/* What surrounds a worker: the environment it may see, and the end of whatever
 * it started.  A worker leads a session of its own; programs that it starts
 * stay in that session unless they leave it on purpose. */
#ifndef SB_HOST_SESSION_H
#define SB_HOST_SESSION_H

#include <sys/types.h>

/* Our environment without what would change how plugins and their libraries work: debugging files of FreeTDS, key logs
 * of TLS, proxies, search paths of libltdl.  NULL-terminated; free the array, not the strings. */
char **sb_worker_env (void);

/* SIGKILL to every process whose session is `leader`, but not to the leader.  The leader must not be reaped yet. */
void sb_session_kill (pid_t leader);

#endif
