/* The addresses of a few hosts.  A resolver that is silent makes everyone wait who asks it, so each name is asked for by a
 * process of its own, all at once, and whoever has not answered in time is killed: that name has no address then. */
#include "plugins/notify/notify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a child writes, at one stroke (less than PIPE_BUF). */
struct answer {
    size_t host, count;
    char addresses[HOST_ADDRESSES][INET6_ADDRSTRLEN];
};

static long
now_ms (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
take_address (struct answer *a, const struct addrinfo *i)
{
    const struct sockaddr_in *four = (const void *) i->ai_addr;
    const struct sockaddr_in6 *six = (const void *) i->ai_addr;
    const void *address = i->ai_family == AF_INET ? (const void *) &four->sin_addr : (const void *) &six->sin6_addr;

    if (a->count < HOST_ADDRESSES && (i->ai_family == AF_INET || i->ai_family == AF_INET6)
        && inet_ntop (i->ai_family, address, a->addresses[a->count], INET6_ADDRSTRLEN) != NULL)
        a->count++;
}

static _Noreturn void
ask (const char *name, size_t host, int out, pid_t parent)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct answer a = { .host = host };
    struct addrinfo *list = NULL, *i;

    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () == parent && getaddrinfo (name, NULL, &hints, &list) == 0)
        for (i = list; i != NULL; i = i->ai_next)
            take_address (&a, i);
    _exit (write (out, &a, sizeof a) == (ssize_t) sizeof a ? 0 : 1);
}

/* Takes answers until all are there or the time is over. */
static void
collect (struct host *hosts, size_t count, int in, int stop_fd, long until)
{
    struct pollfd p[2] = { { .fd = in, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };
    struct answer a;
    size_t answered = 0;

    while (answered < count) {
        long left = until - now_ms ();
        int n = left > 0 ? poll (p, 2, (int) left) : 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || (p[1].revents & POLLIN) != 0)
            return;
        if (read (in, &a, sizeof a) != (ssize_t) sizeof a || a.host >= count || a.count > HOST_ADDRESSES)
            return;
        memcpy (hosts[a.host].addresses, a.addresses, sizeof a.addresses);
        hosts[a.host].count = a.count;
        answered++;
    }
}

void
find_addresses (struct sb_call *call, struct host *hosts, size_t count, long ms)
{
    pid_t *children = sb_alloc (call, (count + 1) * sizeof *children), self = getpid ();
    long until = now_ms () + ms;
    size_t i, begun = 0;
    int ends[2];

    if (count == 0 || pipe (ends) != 0)
        return;
    for (i = 0; i < count; i++) {
        children[begun] = fork ();
        if (children[begun] == 0)
            ask (hosts[i].name, i, ends[1], self);
        begun += children[begun] > 0;
    }
    close (ends[1]);
    collect (hosts, count, ends[0], sb_stop_fd (call), until);
    close (ends[0]);
    for (i = 0; i < begun; i++) {
        kill (children[i], SIGKILL);
        while (waitpid (children[i], NULL, 0) < 0 && errno == EINTR)
            ;
    }
}
