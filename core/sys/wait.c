/* Waiting for processes and ending them. */
#include "core/sys/spawn.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int
sb_pid_fd (pid_t pid)
{
    return (int) syscall (SYS_pidfd_open, pid, 0); /* close-on-exec by definition */
}

/* Reaps without waiting: 1 reaped, 0 still runs, -1 not ours. */
static int
reap (pid_t pid, struct sb_exit *ret)
{
    int status;
    pid_t got;

    do
        got = waitpid (pid, &status, WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return (int) got;
    *ret = WIFSIGNALED (status) ? (struct sb_exit){ -1, WTERMSIG (status) }
                                : (struct sb_exit){ WEXITSTATUS (status), 0 };
    return 1;
}

enum sb_waited
sb_wait (pid_t pid, int64_t deadline, struct sb_exit *ret)
{
    SB_CLEANUP (sb_fd_close) int fd = -1;
    int got = reap (pid, ret);

    if (got == 0)
        fd = sb_pid_fd (pid);
    while (got == 0 && sb_deadline_left (deadline) != 0) {
        if (fd >= 0)
            sb_fd_wait (fd, POLLIN, deadline);
        else
            sb_sleep_ms (10);
        got = reap (pid, ret);
    }
    return got > 0 ? SB_WAIT_ENDED : got == 0 ? SB_WAIT_LATE : SB_WAIT_FAILED;
}

struct sb_exit
sb_end (pid_t pid, bool group, int64_t grace_ms)
{
    struct sb_exit e = { -1, 0 };
    pid_t whom = group ? -pid : pid;

    if (grace_ms > 0) {
        kill (whom, SIGTERM);
        kill (whom, SIGCONT);
    }
    if (grace_ms <= 0 || sb_wait (pid, sb_deadline_in (grace_ms), &e) == SB_WAIT_LATE) {
        kill (whom, SIGKILL);
        sb_wait (pid, SB_NEVER, &e);
    } else if (group) {
        kill (whom, SIGKILL);
    }
    return e;
}

void
sb_exit_text (struct sb_exit e, struct sb_buf *out)
{
    if (e.signal)
        sb_buf_printf (out, "killed by signal %d (%s)", e.signal, strsignal (e.signal));
    else
        sb_buf_printf (out, "exit code %d", e.code);
}
