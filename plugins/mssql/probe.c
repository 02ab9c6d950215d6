/* The look without a login; see probe.h.  Facts: MS-TDS (PRELOGIN), MC-SQLR (SQL Browser). */
#include "plugins/mssql/probe.h"

#include "core/base/mem.h"
#include "core/base/ssrp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct addrinfo *
resolve (const char *host, const char *port, int type, int *ret_error)
{
    struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICSERV }, *list = NULL;

    *ret_error = getaddrinfo (host, port, &hints, &list);
    return *ret_error == 0 ? list : NULL;
}

/* Waits for the socket or the stop request; 1: ready, 0: not in time. */
static int
wait_for (struct sb_call *call, int fd, short events, int64_t limit_ms)
{
    struct pollfd p[2] = { { .fd = fd, .events = events }, { .fd = sb_stop_fd (call), .events = POLLIN } };
    int64_t left = sb_left_ms (call);

    if (limit_ms > left)
        limit_ms = left;
    return poll (p, 2, (int) limit_ms) > 0 && p[0].revents != 0 && p[1].revents == 0;
}

/* A connected socket, or -1 with errno. */
static int
connect_within (struct sb_call *call, const struct addrinfo *a, int64_t limit_ms)
{
    int fd = socket (a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol), error = 0;
    socklen_t len = sizeof error;

    if (fd < 0)
        return -1;
    if (connect (fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS) {
        if (!wait_for (call, fd, POLLOUT, limit_ms))
            error = ETIMEDOUT;
        else
            getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error == 0)
            return fd;
        errno = error;
    }
    error = errno;
    close (fd);
    errno = error;
    return -1;
}

/* VERSION, ENCRYPTION = not supported, TERMINATOR; the server's refusal is an answer too. */
static const unsigned char prelogin[] = {
    0x12, 0x01, 0x00, 0x1a, 0x00, 0x00, 0x00, 0x00,                   /* header: type, last, length 26 */
    0x00, 0x00, 0x0b, 0x00, 0x06, 0x01, 0x00, 0x11, 0x00, 0x01, 0xff, /* option table */
    0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02
};

static enum sb_probe
ask_prelogin (struct sb_call *call, int fd, int64_t limit_ms, const char **ret_found)
{
    unsigned char answer[8] = { 0 };
    ssize_t n;

    *ret_found = "the port is open but nobody speaks TDS there";
    if (send (fd, prelogin, sizeof prelogin, MSG_NOSIGNAL) != (ssize_t) sizeof prelogin)
        return SB_PROBE_MUTE;
    if (!wait_for (call, fd, POLLIN, limit_ms)) {
        *ret_found = "the port is open but the server stays silent";
        return SB_PROBE_MUTE;
    }
    n = recv (fd, answer, sizeof answer, 0);
    if (n < 1 || (answer[0] != 0x04 && answer[0] != 0x12))
        return SB_PROBE_MUTE;
    *ret_found = "a TDS server answers";
    return SB_PROBE_ANSWERS;
}

enum sb_probe
sb_probe_tds (struct sb_call *call, const char *host, uint16_t port, int64_t limit_ms, const char **ret_found)
{
    char service[8];
    int error, fd = -1;
    struct addrinfo *list;
    enum sb_probe found = SB_PROBE_DEAD;

    snprintf (service, sizeof service, "%u", (unsigned) port);
    list = resolve (host, service, SOCK_STREAM, &error);
    if (list == NULL) {
        *ret_found = sb_format (call, "the name cannot be resolved: %s", gai_strerror (error));
        return SB_PROBE_DEAD;
    }
    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_within (call, a, limit_ms);
    if (fd < 0)
        *ret_found = sb_format (call, "%s", strerror (errno));
    freeaddrinfo (list);
    if (fd < 0)
        return SB_PROBE_DEAD;
    found = ask_prelogin (call, fd, limit_ms, ret_found);
    close (fd);
    return found;
}

uint16_t
sb_probe_browser (struct sb_call *call, const char *host, const char *named, int64_t limit_ms)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf question = { 0 };
    char answer[SB_SSRP_ANSWER];
    int error, fd;
    struct addrinfo *list = sb_ssrp_question (named, &question) ? resolve (host, "1434", SOCK_DGRAM, &error) : NULL;
    uint16_t port = 0;

    if (list == NULL)
        return 0;
    fd = connect_within (call, list, limit_ms);
    freeaddrinfo (list);
    if (fd < 0)
        return 0;
    for (int tries = 0; tries < 3 && port == 0; tries++)
        if (send (fd, question.s, question.len, MSG_NOSIGNAL) > 0 && wait_for (call, fd, POLLIN, limit_ms / 3)) {
            ssize_t got = recv (fd, answer, sizeof answer, 0);
            port = got > 0 ? sb_ssrp_port (answer, (size_t) got, named) : 0;
        }
    close (fd);
    return port;
}
