/* Starting processes.  fork(), arrange, exec; a close-on-exec pipe brings the
 * errno of a failed exec back, so that a program that is not there is a fault
 * of the caller's call and never looks like an exit code. */
#include "core/sys/spawn.h"

#include "core/base/mem.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Handlers of ours mean nothing in another program; and it shall start with nothing blocked. */
static void
reset_signals (const int *keep_blocked)
{
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    sigset_t blocked;

    for (int sig = 1; sig < NSIG; sig++)
        sigaction (sig, &dfl, NULL);
    sigemptyset (&blocked);
    for (; keep_blocked && *keep_blocked; keep_blocked++)
        sigaddset (&blocked, *keep_blocked);
    sigprocmask (SIG_SETMASK, &blocked, NULL);
}

/* The descriptors of the new program.  All sources are first copied above every target, so that targets may be
 * written in any order; then everything above 2 is marked and dup2() unmarks what was listed. */
static bool
arrange_fds (const struct sb_spawn *what, int *report)
{
    int above = 3, copies[what->nfds + 1];

    for (size_t i = 0; i < what->nfds; i++)
        above = what->fds[i].to >= above ? what->fds[i].to + 1 : above;
    for (size_t i = 0; i < what->nfds; i++) {
        int from = what->fds[i].from >= 0 ? what->fds[i].from : open ("/dev/null", O_RDWR | O_CLOEXEC);

        copies[i] = fcntl (from, F_DUPFD_CLOEXEC, above);
        if (copies[i] < 0)
            return false;
    }
    *report = fcntl (*report, F_DUPFD_CLOEXEC, above);
    if (*report < 0 || close_range (3, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        return false;
    for (size_t i = 0; i < what->nfds; i++)
        if (dup2 (copies[i], what->fds[i].to) < 0)
            return false;
    return true;
}

static bool
arrange_process (const struct sb_spawn *what, pid_t parent)
{
    if (what->die_signal && prctl (PR_SET_PDEATHSIG, what->die_signal) != 0)
        return false;
    if (what->die_signal && getppid () != parent)
        _exit (127); /* it died before we asked to be told */
    if (what->own_session ? setsid () < 0 : (what->own_group || what->group) && setpgid (0, what->group) != 0)
        return false;
    return !what->cwd || chdir (what->cwd) == 0;
}

static _Noreturn void
become (const struct sb_spawn *what, pid_t parent, int report)
{
    const char *const *env = what->env ? what->env : (const char *const *) environ;
    int error;

    reset_signals (what->keep_blocked);
    if (arrange_process (what, parent) && arrange_fds (what, &report))
        execvpe (what->argv[0], (char *const *) what->argv, (char *const *) env);
    error = errno;
    if (write (report, &error, sizeof error) < 0)
        _exit (126);
    _exit (127);
}

/* The errno of the child's way to exec; 0: it arrived. */
static int
arrival (int pipe_end)
{
    int error = 0;
    ssize_t n;

    do
        n = read (pipe_end, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t) sizeof error ? error : 0;
}

static pid_t
start (const struct sb_spawn *what, int *ret_error)
{
    pid_t parent = getpid (), pid;
    sigset_t all, before;
    int ends[2];

    if (pipe2 (ends, O_CLOEXEC) != 0) {
        *ret_error = errno;
        return -1;
    }
    sigfillset (&all); /* no handler of ours runs in the child */
    sigprocmask (SIG_SETMASK, &all, &before);
    pid = fork ();
    if (pid == 0)
        become (what, parent, ends[1]);
    *ret_error = errno;
    sigprocmask (SIG_SETMASK, &before, NULL);
    sb_fd_close (&ends[1]);
    if (pid > 0)
        *ret_error = arrival (ends[0]);
    sb_fd_close (&ends[0]);
    return pid;
}

pid_t
sb_spawn (const struct sb_spawn *what, struct sb_faults *faults)
{
    int error = 0;
    pid_t pid = start (what, &error);

    if (pid > 0 && error == 0)
        return pid;
    if (pid > 0)
        sb_wait (pid, INT64_MAX, &(struct sb_exit){ 0 });
    sb_fault (faults, NULL, 0, "cannot start '%s': %s", what->argv[0], strerror (error));
    return -1;
}
