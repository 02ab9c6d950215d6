/* Running a program to its end: what it reads on stdin, what it says on stdout,
 * how it ends, and all of it before a deadline.  Its input lies in memory like
 * a file, so nobody has to be fed while it is heard. */
#include "core/sys/spawn.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A descriptor at the beginning of `input`; -1: none (or no input, errno 0). */
static int
input_file (const char *input)
{
    int fd;

    errno = 0;
    if (!input)
        return -1;
    fd = memfd_create ("input", MFD_CLOEXEC);
    while (fd >= 0 && *input) {
        ssize_t n = write (fd, input, strlen (input));

        if (n < 0 && errno != EINTR)
            sb_fd_close (&fd);
        input += n > 0 ? n : 0;
    }
    if (fd >= 0)
        lseek (fd, 0, SEEK_SET);
    return fd;
}

static pid_t
start (const struct sb_spawn *what, int in, int out, struct sb_faults *faults)
{
    struct sb_spawn_fd fds[what->nfds + 2];
    struct sb_spawn one = *what;

    fds[0] = (struct sb_spawn_fd){ in, STDIN_FILENO };
    fds[1] = (struct sb_spawn_fd){ out, STDOUT_FILENO };
    if (what->nfds)
        memcpy (fds + 2, what->fds, what->nfds * sizeof *fds);
    one.fds = fds;
    one.nfds = what->nfds + 2;
    one.own_group = !what->own_session;
    one.group = 0;
    return sb_spawn (&one, faults);
}

enum heard { HEARD_ALL, HEARD_TOO_MUCH, HEARD_TOO_LATE };

static enum heard
hear (int fd, struct sb_buf *out, size_t limit, int64_t deadline)
{
    char part[16384];
    size_t said = 0;

    while (sb_fd_wait (fd, POLLIN, deadline)) {
        ssize_t n = read (fd, part, sizeof part);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return HEARD_ALL;
        if ((size_t) n > limit - said)
            return HEARD_TOO_MUCH;
        sb_buf_add (out, part, (size_t) n);
        said += (size_t) n;
    }
    return HEARD_TOO_LATE;
}

bool
sb_run_program (const struct sb_spawn *what, const char *input, struct sb_buf *out, size_t limit, int64_t deadline,
                struct sb_exit *ret, struct sb_faults *faults)
{
    SB_CLEANUP (sb_fd_close) int in = input_file (input);
    int ends[2] = { -1, -1 };
    enum heard heard;
    pid_t pid;

    if ((in < 0 && errno != 0) || pipe2 (ends, O_CLOEXEC) != 0) {
        sb_fault (faults, NULL, 0, "cannot talk to '%s': %s", what->argv[0], strerror (errno));
        return false;
    }
    pid = start (what, in, ends[1], faults);
    sb_fd_close (&ends[1]);
    heard = pid > 0 ? hear (ends[0], out, limit, deadline) : HEARD_TOO_LATE;
    sb_fd_close (&ends[0]);
    if (pid < 0)
        return false;
    if (heard == HEARD_ALL && sb_wait (pid, deadline, ret) == SB_WAIT_ENDED)
        return true;
    *ret = sb_end (pid, true, 0);
    if (heard == HEARD_TOO_MUCH)
        sb_fault (faults, NULL, 0, "'%s' said more than %zu bytes", what->argv[0], limit);
    else
        sb_fault (faults, NULL, 0, "'%s' did not end in time", what->argv[0]);
    return false;
}
