/* TCP with deadlines. */
#include "core/sys/tcp.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
look_up (const char *host, uint16_t port, int flags, struct sb_tcp_addr *ret, struct sb_faults *faults)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV }, *found = NULL;
    char service[8];
    int rc;

    snprintf (service, sizeof service, "%u", (unsigned) port);
    rc = getaddrinfo (host, service, &hints, &found);
    if (rc != 0) {
        sb_fault (faults, NULL, 0, "cannot resolve '%s': %s", host,
                  rc == EAI_SYSTEM ? strerror (errno) : gai_strerror (rc));
        return false;
    }
    *ret = (struct sb_tcp_addr){ .len = found->ai_addrlen };
    memcpy (&ret->sa, found->ai_addr, found->ai_addrlen);
    freeaddrinfo (found);
    return true;
}

bool
sb_tcp_resolve (const char *host, uint16_t port, struct sb_tcp_addr *ret, struct sb_faults *faults)
{
    return look_up (host, port, 0, ret, faults);
}

static int
new_socket (const struct sb_tcp_addr *addr)
{
    return socket (addr->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* 0, or the errno of what went wrong. */
static int
finish_connect (int fd, const struct sb_tcp_addr *addr, int64_t deadline)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (connect (fd, (const struct sockaddr *) &addr->sa, addr->len) == 0)
        return 0;
    if (errno != EINPROGRESS && errno != EINTR)
        return errno;
    if (!sb_fd_wait (fd, POLLOUT, deadline))
        return ETIMEDOUT;
    return getsockopt (fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 ? error : errno;
}

int
sb_tcp_connect (const struct sb_tcp_addr *addr, int64_t deadline, struct sb_faults *faults)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf name = { 0 };
    int fd = new_socket (addr), on = 1;
    int error = fd < 0 ? errno : finish_connect (fd, addr, deadline);

    if (error == 0) {
        setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
    }
    sb_fd_close (&fd);
    sb_tcp_text (addr, &name);
    sb_fault (faults, NULL, 0, "cannot connect to %s: %s", sb_buf_cstr (&name),
              error == ETIMEDOUT ? "no answer in time" : strerror (error));
    return -1;
}

bool
sb_tcp_probe (const struct sb_tcp_addr *addr, int64_t deadline, struct sb_faults *faults)
{
    SB_CLEANUP (sb_fd_close) int fd = sb_tcp_connect (addr, deadline, faults);

    return fd >= 0;
}

static uint16_t
port_of (const struct sb_tcp_addr *addr)
{
    return addr->sa.ss_family == AF_INET6 ? ntohs (((const struct sockaddr_in6 *) &addr->sa)->sin6_port)
                                          : ntohs (((const struct sockaddr_in *) &addr->sa)->sin_port);
}

int
sb_tcp_listen (const char *host, uint16_t port, uint16_t *ret_port, struct sb_faults *faults)
{
    struct sb_tcp_addr addr;
    int fd, on = 1;

    if (!look_up (host, port, AI_PASSIVE, &addr, faults))
        return -1;
    fd = new_socket (&addr);
    if (fd >= 0)
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind (fd, (struct sockaddr *) &addr.sa, addr.len) != 0 || listen (fd, 128) != 0) {
        sb_fault (faults, NULL, 0, "cannot listen on %s port %u: %s", host, (unsigned) port, strerror (errno));
        sb_fd_close (&fd);
        return -1;
    }
    if (ret_port && getsockname (fd, (struct sockaddr *) &addr.sa, &addr.len) == 0)
        *ret_port = port_of (&addr);
    return fd;
}

int
sb_tcp_accept (int listener)
{
    int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;

    if (fd >= 0)
        setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void
sb_tcp_text (const struct sb_tcp_addr *addr, struct sb_buf *out)
{
    char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

    getnameinfo ((const struct sockaddr *) &addr->sa, addr->len, host, sizeof host, port, sizeof port,
                 NI_NUMERICHOST | NI_NUMERICSERV);
    if (strchr (host, ':'))
        sb_buf_printf (out, "[%s]:%s", host, port);
    else
        sb_buf_printf (out, "%s:%s", host, port);
}
