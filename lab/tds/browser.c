/* SQL Browser; see browser.h.  A machine is an address: it has one socket, and all named instances there are its own. */
#include "lab/tds/browser.h"

#include "core/base/mem.h"
#include "core/base/ssrp.h"
#include "core/base/text.h"
#include "lab/tds/release.h"
#include "lab/world/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct browser {
    const struct lab_door_cfg *doors;
    size_t count;
    struct pollfd *sockets;
    const char **addresses; /* of the sockets */
    size_t nsockets, csockets, caddresses;
    struct w_client *world;
};

static int
listen_at (const char *address)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons (SB_SSRP_PORT) };
    int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && inet_pton (AF_INET, address, &a.sin_addr) == 1 && bind (fd, (struct sockaddr *) &a, sizeof a) == 0)
        return fd;
    if (fd >= 0)
        close (fd);
    return -1;
}

static unsigned
major_of (struct browser *b, const struct lab_door_cfg *d)
{
    struct world *w = w_client_world (b->world);
    w_id i = w == NULL ? 0 : w_find_instance (w, d->name);

    return i == 0 ? 0 : w_instance (w, i)->version;
}

/* What the machine tells of its instances: all, or the one of that name. */
static void
tell (struct browser *b, const char *address, const char *named, struct sb_buf *entries)
{
    char version[TDS_RELEASE_TEXT];

    for (size_t i = 0; i < b->count; i++) {
        const struct lab_door_cfg *d = &b->doors[i];

        if (d->named == NULL || strcmp (d->address, address) != 0
            || (*named != '\0' && sb_casecmp (d->named, named) != 0))
            continue;
        SB_AUTOFREE char *machine = sb_xstrndup (d->host, strcspn (d->host, "."));
        for (char *p = machine; *p != '\0'; p++)
            if (*p >= 'a' && *p <= 'z')
                *p = (char) (*p - 'a' + 'A');
        tds_release_text (major_of (b, d), version);
        sb_ssrp_entry (machine, d->named, version, d->port, entries);
    }
}

static void
answer (struct browser *b, int fd, const char *address)
{
    char request[128], name[SB_SSRP_NAME + 1];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom (fd, request, sizeof request, MSG_DONTWAIT, (struct sockaddr *) &from, &len);
    SB_CLEANUP (sb_buf_free) struct sb_buf entries = { 0 }, out = { 0 };

    if (n < 1 || sb_ssrp_wish (request, (size_t) n, name) == SB_SSRP_NOTHING)
        return;
    tell (b, address, name, &entries);
    if (entries.len == 0) /* who asks for what is not here hears nothing */
        return;
    sb_ssrp_answer (&entries, &out);
    sendto (fd, out.s, out.len, MSG_DONTWAIT, (struct sockaddr *) &from, len);
}

static void *
browser_main (void *arg)
{
    struct browser *b = arg;

    for (;;) {
        if (poll (b->sockets, (nfds_t) b->nsockets, -1) <= 0)
            continue;
        for (size_t i = 0; i < b->nsockets; i++)
            if (b->sockets[i].revents != 0)
                answer (b, b->sockets[i].fd, b->addresses[i]);
    }
    return NULL;
}

static bool
has_socket (const struct browser *b, const char *address)
{
    for (size_t i = 0; i < b->nsockets; i++)
        if (strcmp (b->addresses[i], address) == 0)
            return true;
    return false;
}

int
lab_browser_start (const struct lab_door_cfg *doors, size_t n)
{
    struct browser *b = sb_xcalloc (1, sizeof *b); /* lives as long as its thread: as the process */
    struct sb_faults faults = { 0 };
    pthread_t thread;

    b->doors = doors;
    b->count = n;
    for (size_t i = 0; i < n; i++) {
        int fd;

        if (doors[i].named == NULL || has_socket (b, doors[i].address))
            continue;
        fd = listen_at (doors[i].address);
        if (fd < 0) {
            fprintf (stderr, "browser: UDP port %d of %s is somebody else's\n", SB_SSRP_PORT, doors[i].address);
            return -1;
        }
        SB_PUSH (b->addresses, b->nsockets, b->caddresses) = doors[i].address;
        b->nsockets--;
        SB_PUSH (b->sockets, b->nsockets, b->csockets) = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
    if (b->nsockets == 0) {
        free (b);
        return 0;
    }
    b->world = w_client_open (doors[0].world_socket, &faults);
    sb_faults_free (&faults);
    if (b->world == NULL || pthread_create (&thread, NULL, browser_main, b) != 0) {
        fprintf (stderr, "browser: the world does not answer\n");
        return -1;
    }
    pthread_detach (thread);
    return 0;
}
