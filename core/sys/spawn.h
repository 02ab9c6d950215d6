/* Processes: start one with exactly the descriptors it shall have, wait for it
 * with a deadline, end it with certainty.  Every program started here begins
 * with no blocked signals, default handlers and no descriptor above 2 but those
 * listed.  A program that cannot be executed is a fault of sb_spawn(), not an
 * exit code. */
#ifndef SB_SYS_SPAWN_H
#define SB_SYS_SPAWN_H

#include "core/base/buf.h"
#include "core/base/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sb_spawn_fd {
    int from; /* in this process; -1: /dev/null */
    int to;   /* in the new one */
};

struct sb_spawn {
    const char *const *argv;       /* ends with NULL; argv[0] is looked up in PATH unless it has a slash */
    const char *const *env;        /* the whole environment, "A=b", ends with NULL; NULL: ours */
    const struct sb_spawn_fd *fds; /* may exchange numbers freely; 0, 1 and 2 are ours unless listed */
    size_t nfds;
    const char *cwd;         /* NULL: ours */
    bool own_group;          /* leads a process group of its own: sb_end() then ends its children too */
    bool own_session;        /* leads a session (and so a group) of its own */
    pid_t group;             /* joins this group; 0: ours */
    int die_signal;          /* sent to it when this process dies (PR_SET_PDEATHSIG); 0: none */
    const int *keep_blocked; /* signals that stay blocked, for a program that reads a signalfd; ends with 0; or NULL */
};

/* How a process ended. */
struct sb_exit {
    int code;   /* 0..255; -1: killed by `signal` */
    int signal; /* 0: it exited */
};

enum sb_waited {
    SB_WAIT_ENDED, /* reaped */
    SB_WAIT_LATE,  /* still runs at the deadline */
    SB_WAIT_FAILED /* not our child */
};

/* Returns the process id, or -1 with one fault. */
pid_t sb_spawn (const struct sb_spawn *what, struct sb_faults *faults);

/* A descriptor that is readable when the process has ended; -1: the kernel has none. */
int sb_pid_fd (pid_t pid);

enum sb_waited sb_wait (pid_t pid, int64_t deadline, struct sb_exit *ret);

/* TERM, at most `grace_ms`, KILL, reaped.  With `group` the whole process group is meant; what remains of the group
 * after its leader ended is killed. */
struct sb_exit sb_end (pid_t pid, bool group, int64_t grace_ms);

/* "exit code 3" or "killed by signal 9 (Killed)". */
void sb_exit_text (struct sb_exit e, struct sb_buf *out);

/* Runs a program to its end, in a process group of its own: `input` on its stdin (NULL: /dev/null), its stdout added to
 * `out`, at most `limit` bytes.  When it says more, or still runs or speaks at the deadline, its group is killed.
 * True: it ended by itself and *ret says how. */
bool sb_run_program (const struct sb_spawn *what, const char *input, struct sb_buf *out, size_t limit, int64_t deadline,
                     struct sb_exit *ret, struct sb_faults *faults);

#endif
