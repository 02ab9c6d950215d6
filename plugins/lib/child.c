/* Running of a program; see child.h. */
#include "plugins/lib/child.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ERR_LINE 1000u
#define DRAIN_MS 1000 /* for output that is still in the pipes when the program has ended */

enum { IN, OUT, ERR, LIFE, REPORT, PIPES };

/* What the keeper says about the program, in one write. */
struct report {
    int error; /* errno of exec, or 0 */
    int status;
};

struct run {
    const struct sb_child *what;
    struct sb_buf *out;
    int pipes[PIPES][2];
    pid_t keeper;
    size_t sent;
    struct sb_buf line;
    bool reported, asked, too_much, late;
    struct report report;
    int64_t deadline, kill_at;
};

static int64_t
now_ms (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
close_one (int *fd)
{
    if (*fd >= 0)
        close (*fd);
    *fd = -1;
}

/* ---- the keeper and the program: after fork, no memory is allocated ------------------------------------- */

__attribute__ ((noreturn)) static void
become_program (const struct run *r, int exec_error)
{
    const int fds[3] = { r->pipes[IN][0], r->pipes[OUT][1], r->pipes[ERR][1] };
    sigset_t none;
    int i;

    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    signal (SIGTERM, SIG_DFL);
    signal (SIGPIPE, SIG_DFL);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    for (i = 0; i < 3; i++)
        if (dup2 (fds[i], i) < 0)
            _exit (127);
    if (r->what->cwd == NULL || chdir (r->what->cwd) == 0)
        execve (r->what->argv[0], (char *const *) (uintptr_t) r->what->argv, (char *const *) (uintptr_t) r->what->env);
    i = errno;
    (void) !write (exec_error, &i, sizeof i);
    _exit (127);
}

/* Waits for the program, or for the end of the worker. */
__attribute__ ((noreturn)) static void
keep (const struct run *r)
{
    struct report report = { 0, 0 };
    int exec_error[2], pid_fd;
    pid_t program;

    setpgid (0, 0);
    signal (SIGTERM, SIG_IGN); /* it is for the program */
    if (pipe2 (exec_error, O_CLOEXEC) != 0)
        _exit (1);
    program = fork ();
    if (program == 0)
        become_program (r, exec_error[1]);
    close (exec_error[1]);
    close (r->pipes[LIFE][1]);
    close (r->pipes[IN][0]);
    close (r->pipes[IN][1]);
    close (r->pipes[OUT][1]);
    close (r->pipes[ERR][1]);
    if (program < 0)
        report.error = errno;
    else if (read (exec_error[0], &report.error, sizeof report.error) < 0)
        report.error = errno;
    pid_fd = program > 0 ? (int) syscall (SYS_pidfd_open, program, 0) : -1;
    if (program > 0) {
        struct pollfd p[2] = { { .fd = r->pipes[LIFE][0], .events = POLLIN }, { .fd = pid_fd, .events = POLLIN } };

        while (poll (p, 2, pid_fd < 0 ? 50 : -1) < 0
               || (p[0].revents == 0 && waitpid (program, &report.status, WNOHANG) == 0))
            ;
        if (p[0].revents != 0)
            kill (0, SIGKILL);
    }
    (void) !write (r->pipes[REPORT][1], &report, sizeof report);
    kill (0, SIGKILL); /* what the program left behind, and this process */
    _exit (0);
}

/* ---- the worker's side ---------------------------------------------------------------------------------- */

static bool
start (struct run *r)
{
    int i;

    for (i = 0; i < PIPES; i++)
        r->pipes[i][0] = r->pipes[i][1] = -1;
    for (i = 0; i < PIPES; i++)
        if (pipe2 (r->pipes[i], O_CLOEXEC) != 0)
            return false;
    r->keeper = fork ();
    if (r->keeper == 0)
        keep (r);
    if (r->keeper < 0)
        return false;
    setpgid (r->keeper, r->keeper);
    close_one (&r->pipes[IN][0]);
    close_one (&r->pipes[OUT][1]);
    close_one (&r->pipes[ERR][1]);
    close_one (&r->pipes[LIFE][0]);
    close_one (&r->pipes[REPORT][1]);
    fcntl (r->pipes[IN][1], F_SETFL, O_NONBLOCK);
    fcntl (r->pipes[OUT][0], F_SETFL, O_NONBLOCK);
    fcntl (r->pipes[ERR][0], F_SETFL, O_NONBLOCK);
    fcntl (r->pipes[REPORT][0], F_SETFL, O_NONBLOCK);
    return true;
}

static void
feed (struct run *r)
{
    ssize_t n = write (r->pipes[IN][1], r->what->input + r->sent, r->what->input_len - r->sent);

    if (n > 0)
        r->sent += (size_t) n;
    if (r->sent == r->what->input_len || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_one (&r->pipes[IN][1]); /* all of it, or nobody reads */
}

static void
take_out (struct run *r)
{
    char part[8192];
    ssize_t n = read (r->pipes[OUT][0], part, sizeof part);

    if (n > 0)
        sb_buf_add (r->out, part, (size_t) n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_one (&r->pipes[OUT][0]);
    r->too_much = r->out->len > r->what->limit;
}

static void
end_line (struct run *r)
{
    if (r->line.len > 0 && r->what->err_line != NULL)
        r->what->err_line (r->what->ctx, r->line.s);
    sb_buf_clear (&r->line);
}

static void
take_err (struct run *r)
{
    char part[4096];
    ssize_t n = read (r->pipes[ERR][0], part, sizeof part), i;

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_one (&r->pipes[ERR][0]);
    for (i = 0; i < n; i++)
        if (part[i] == '\n')
            end_line (r);
        else if (part[i] != '\0' && r->line.len < ERR_LINE)
            sb_buf_char (&r->line, part[i]);
}

static void
take_report (struct run *r)
{
    ssize_t n = read (r->pipes[REPORT][0], &r->report, sizeof r->report);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t) sizeof r->report)
        r->report = (struct report){ 0, SIGKILL }; /* the keeper itself was killed */
    r->reported = true;
    r->kill_at = now_ms () + DRAIN_MS;
}

/* SIGTERM first; the life pipe closes when the grace is over. */
static void
ask (struct run *r)
{
    kill (-r->keeper, SIGTERM);
    r->kill_at = now_ms () + r->what->grace_ms;
}

static void
turn (struct run *r)
{
    struct pollfd p[5] = {
        { .fd = r->pipes[IN][1], .events = POLLOUT },
        { .fd = r->pipes[OUT][0], .events = POLLIN },
        { .fd = r->pipes[ERR][0], .events = POLLIN },
        { .fd = r->reported ? -1 : r->pipes[REPORT][0], .events = POLLIN },
        { .fd = r->asked || r->reported ? -1 : r->what->stop_fd, .events = POLLIN },
    };
    int64_t left = (r->deadline < r->kill_at ? r->deadline : r->kill_at) - now_ms ();

    if (poll (p, 5, left < 0 ? 0 : left > 1000 ? 1000 : (int) left) < 0)
        return;
    if (p[0].revents != 0)
        feed (r);
    if (p[1].revents != 0)
        take_out (r);
    if (p[2].revents != 0)
        take_err (r);
    if (p[3].revents != 0)
        take_report (r);
    if (p[4].revents != 0) {
        r->asked = true;
        ask (r);
    }
    if (!r->reported && !r->late && !r->asked && now_ms () >= r->deadline) {
        r->late = true;
        r->deadline = INT64_MAX;
        ask (r);
    }
}

static bool
is_over (const struct run *r)
{
    if (r->too_much || now_ms () >= r->kill_at)
        return true;
    return r->reported && r->pipes[OUT][0] < 0 && r->pipes[ERR][0] < 0;
}

static enum sb_child_how
tell (const struct run *r, int *ret_code)
{
    int status = r->report.status;

    *ret_code = r->report.error;
    if (r->reported && r->report.error != 0)
        return SB_CHILD_NOT_STARTED;
    *ret_code = WIFEXITED (status) ? WEXITSTATUS (status) : WTERMSIG (status);
    if (r->too_much)
        return SB_CHILD_TOO_MUCH;
    if (r->asked)
        return SB_CHILD_STOPPED;
    if (r->late || !r->reported)
        return SB_CHILD_LATE;
    return WIFEXITED (status) ? SB_CHILD_EXITED : SB_CHILD_SIGNALLED;
}

enum sb_child_how
sb_child_run (const struct sb_child *what, struct sb_buf *out, int *ret_code)
{
    struct run r = { .what = what, .out = out, .deadline = now_ms () + what->deadline_ms, .kill_at = INT64_MAX };
    enum sb_child_how how = SB_CHILD_NOT_STARTED;
    int i;

    *ret_code = 0;
    if (start (&r)) {
        while (!is_over (&r))
            turn (&r);
        end_line (&r);
        how = tell (&r, ret_code);
    } else {
        *ret_code = errno;
    }
    for (i = 0; i < PIPES; i++) {
        close_one (&r.pipes[i][0]);
        close_one (&r.pipes[i][1]); /* the life pipe: whatever is left is killed now */
    }
    if (r.keeper > 0)
        waitpid (r.keeper, &i, 0);
    sb_buf_free (&r.line);
    return how;
}
