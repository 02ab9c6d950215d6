/* Descriptors and UNIX sockets. */
#include "core/sys/socket.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool
change_flag (int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl (fd, get);

    return flags >= 0 && fcntl (fd, set, on ? flags | flag : flags & ~flag) == 0;
}

bool
sb_fd_cloexec (int fd, bool on)
{
    return change_flag (fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

bool
sb_fd_nonblock (int fd, bool on)
{
    return change_flag (fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

void
sb_fd_close (int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close (*fd);
    *fd = -1;
    errno = saved;
}

bool
sb_fd_wait (int fd, short events, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = events };

    for (;;) {
        int n = poll (&p, 1, sb_deadline_left (deadline));

        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        if (n == 0 && sb_deadline_left (deadline) == 0)
            return false;
    }
}

/* The address of `path`.  One too long for sun_path is reached through its folder's descriptor, left in *ret_dir until
 * the address was used. */
static bool
address (const char *path, struct sockaddr_un *ret, int *ret_dir)
{
    SB_AUTOFREE char *dir = NULL;
    int n;

    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *ret_dir = -1;
    if (strlen (path) < sizeof ret->sun_path) {
        strcpy (ret->sun_path, path);
        return true;
    }
    dir = sb_path_dir (path);
    *ret_dir = open (dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*ret_dir < 0)
        return false;
    n = snprintf (ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", *ret_dir, sb_path_base (path));
    errno = ENAMETOOLONG;
    return n >= 0 && (size_t) n < sizeof ret->sun_path;
}

static int
new_socket (void)
{
    return socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A socket file that refuses connections belongs to a process that has gone. */
static bool
is_abandoned (const char *path, const struct sockaddr_un *sa)
{
    SB_CLEANUP (sb_fd_close) int fd = new_socket ();
    struct stat st;

    return lstat (path, &st) == 0 && S_ISSOCK (st.st_mode)
           && connect (fd, (const struct sockaddr *) sa, sizeof *sa) != 0 && errno == ECONNREFUSED;
}

static int
listen_at (const char *path)
{
    SB_CLEANUP (sb_fd_close) int dir = -1;
    struct sockaddr_un sa;
    int fd = -1, rc;

    if (!address (path, &sa, &dir) || (fd = new_socket ()) < 0)
        return -1;
    fchmod (fd, 0600); /* from the first instant: bind() takes the mode of the socket */
    rc = bind (fd, (struct sockaddr *) &sa, sizeof sa);
    if (rc != 0 && errno == EADDRINUSE) {
        if (is_abandoned (path, &sa) && unlink (path) == 0)
            rc = bind (fd, (struct sockaddr *) &sa, sizeof sa);
        else
            errno = EADDRINUSE;
    }
    if (rc != 0 || chmod (path, 0600) != 0 || listen (fd, 128) != 0)
        sb_fd_close (&fd);
    return fd;
}

int
sb_unix_listen (const char *path, struct sb_faults *faults)
{
    int fd = listen_at (path);

    if (fd < 0)
        sb_fault (faults, path, 0, "cannot listen here: %s", strerror (errno));
    return fd;
}

/* Non-blocking connect() of a UNIX socket answers at once: EAGAIN means that the backlog is full. */
static int
connect_at (const char *path, int64_t deadline)
{
    SB_CLEANUP (sb_fd_close) int dir = -1;
    struct sockaddr_un sa;
    int fd;

    if (!address (path, &sa, &dir) || (fd = new_socket ()) < 0)
        return -1;
    while (connect (fd, (struct sockaddr *) &sa, sizeof sa) != 0) {
        if ((errno != EAGAIN && errno != EINTR) || sb_deadline_left (deadline) == 0) {
            sb_fd_close (&fd);
            return -1;
        }
        sb_sleep_ms (5);
    }
    return fd;
}

int
sb_unix_connect (const char *path, int64_t deadline, struct sb_faults *faults)
{
    int fd = connect_at (path, deadline);

    if (fd < 0)
        sb_fault (faults, path, 0, "cannot connect: %s", errno == EAGAIN ? "nobody took the call" : strerror (errno));
    return fd;
}

int
sb_unix_accept (int listener)
{
    return accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

bool
sb_socket_pair (int ret[2], struct sb_faults *faults)
{
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret) == 0)
        return true;
    sb_fault (faults, NULL, 0, "cannot make a pair of sockets: %s", strerror (errno));
    return false;
}

bool
sb_peer (int fd, uid_t *ret_uid, pid_t *ret_pid)
{
    struct ucred c;
    socklen_t n = sizeof c;

    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0)
        return false;
    if (ret_uid)
        *ret_uid = c.uid;
    if (ret_pid)
        *ret_pid = c.pid;
    return true;
}
