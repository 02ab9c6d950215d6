/* The desk: seats, lines, and who sits there. */
#include "core/engine/desk.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 5000

struct seat {
    int fd; /* -1: free */
    uid_t uid;
    gid_t *gids;
    size_t ngids, len;
    int64_t deadline;
    char line[SB_DESK_LINE];
};

struct sb_desk {
    int listener;
    char *path;
    struct seat seats[SB_DESK_SEATS];
};

struct sb_desk *
sb_desk_open (const char *path, struct sb_faults *faults)
{
    int fd = sb_unix_listen (path, faults), k;
    struct sb_desk *d;

    if (fd < 0)
        return NULL;
    chmod (path, 0666);
    d = sb_xcalloc (1, sizeof *d);
    d->listener = fd;
    d->path = sb_xstrdup (path);
    for (k = 0; k < SB_DESK_SEATS; k++)
        d->seats[k].fd = -1;
    return d;
}

static void
leave (struct seat *s)
{
    sb_fd_close (&s->fd);
    free (s->gids);
    *s = (struct seat){ .fd = -1 };
}

void
sb_desk_close (struct sb_desk *d)
{
    int k;

    if (!d)
        return;
    for (k = 0; k < SB_DESK_SEATS; k++)
        leave (&d->seats[k]);
    unlink (d->path);
    sb_fd_close (&d->listener);
    free (d->path);
    free (d);
}

size_t
sb_desk_fds (const struct sb_desk *d, struct pollfd *fds, size_t cap)
{
    size_t n = 0;
    int k;

    if (!d)
        return 0;
    if (n++ < cap)
        fds[n - 1] = (struct pollfd){ .fd = d->listener, .events = POLLIN };
    for (k = 0; k < SB_DESK_SEATS; k++)
        if (d->seats[k].fd >= 0 && n++ < cap)
            fds[n - 1] = (struct pollfd){ .fd = d->seats[k].fd, .events = POLLIN };
    return n;
}

/* Groups of the peer as the kernel knew them when it connected (SO_PEERGROUPS, socket(7), Linux 4.13). */
static void
read_groups (struct seat *s)
{
    struct ucred c;
    socklen_t n = sizeof c, bytes = 0;

    if (getsockopt (s->fd, SOL_SOCKET, SO_PEERCRED, &c, &n) != 0)
        return;
    getsockopt (s->fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes); /* ERANGE, and says how many */
    s->gids = sb_xcalloc (bytes / sizeof (gid_t) + 1, sizeof (gid_t));
    s->gids[s->ngids++] = c.gid;
    if (bytes > 0 && getsockopt (s->fd, SOL_SOCKET, SO_PEERGROUPS, s->gids + 1, &bytes) == 0)
        s->ngids += bytes / sizeof (gid_t);
}

static void
take_in (struct sb_desk *d)
{
    int k, fd;

    for (k = 0; k < SB_DESK_SEATS; k++) {
        struct seat *s = &d->seats[k];
        if (s->fd >= 0)
            continue;
        if ((fd = sb_unix_accept (d->listener)) < 0)
            return;
        s->fd = fd;
        s->deadline = sb_deadline_in (PATIENCE_MS);
        if (sb_peer (fd, &s->uid, NULL))
            read_groups (s);
        else
            leave (s);
    }
}

/* True: a whole line. */
static bool
listen_to (struct seat *s)
{
    ssize_t n = recv (s->fd, s->line + s->len, sizeof s->line - 1 - s->len, MSG_DONTWAIT);
    char *end;

    if (n > 0) {
        s->len += (size_t) n;
        s->line[s->len] = 0;
        end = memchr (s->line, '\n', s->len);
        if (end) {
            *end = 0;
            return true;
        }
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || s->len == sizeof s->line - 1
        || sb_deadline_left (s->deadline) == 0)
        leave (s);
    return false;
}

bool
sb_desk_next (struct sb_desk *d, struct sb_desk_request *ret)
{
    int k;

    if (!d)
        return false;
    take_in (d);
    for (k = 0; k < SB_DESK_SEATS; k++) {
        struct seat *s = &d->seats[k];
        if (s->fd < 0 || !listen_to (s))
            continue;
        *ret = (struct sb_desk_request){ k, s->uid, s->gids, s->ngids, s->line };
        return true;
    }
    return false;
}

void
sb_desk_answer (struct sb_desk *d, const struct sb_desk_request *q, const char *line)
{
    struct seat *s = &d->seats[q->seat];
    SB_AUTOFREE char *text = sb_xprintf ("%s\n", line);

    if (send (s->fd, text, strlen (text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        errno = 0; /* who does not wait for the answer does not need it */
    leave (s);
}

/* ---------------------------------------------------------------- from the other side */

bool
sb_desk_ask (const char *path, const char *line, int64_t ms, struct sb_buf *ret, uid_t *ret_uid, bool *ret_there)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    int64_t deadline = sb_deadline_in (ms);
    SB_CLEANUP (sb_fd_close) int fd = sb_unix_connect (path, deadline, &ignored);
    SB_AUTOFREE char *text = sb_xprintf ("%s\n", line);
    char piece[1024];
    ssize_t n;

    *ret_there = fd >= 0 && sb_peer (fd, ret_uid, NULL);
    if (!*ret_there || send (fd, text, strlen (text), MSG_NOSIGNAL) != (ssize_t) strlen (text))
        return false;
    while (sb_fd_wait (fd, POLLIN, deadline) && (n = recv (fd, piece, sizeof piece, MSG_DONTWAIT)) > 0
           && ret->len < 1u << 16) {
        sb_buf_add (ret, piece, (size_t) n);
        if (piece[n - 1] == '\n')
            return true;
    }
    sb_buf_clear (ret);
    return false;
}
