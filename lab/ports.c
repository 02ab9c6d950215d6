/* The ports of a lab.  They are random, on one loopback address, below the range
 * that the kernel gives to clients; labs that stand side by side share that
 * address.
 *
 * A port stays the lab's own while nobody listens there (a site without power):
 * the lab holds a socket that is bound and never listens.  Whoever connects is
 * refused, as by a machine that is off; a door, which sets SO_REUSEADDR like the
 * holder, binds and listens beside it; another lab looks for free ports without
 * SO_REUSEADDR and finds the port taken (socket(7), SO_REUSEADDR). */
#include "lab/lab.h"

#include "core/base/ssrp.h"
#include "core/base/text.h"
#include "core/sys/random.h"
#include "core/sys/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOWEST 20000
#define COUNT  12000
#define TRIES  200

/* Holds one port; -1: it is somebody else's.  `exclusive`: nobody may be there, else only nobody that listens. */
static int
hold (const char *address, int port, bool exclusive)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons ((uint16_t) port) };
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        return -1;
    inet_pton (AF_INET, address, &a.sin_addr);
    if (!exclusive)
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind (fd, (struct sockaddr *) &a, sizeof a) == 0) {
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        return fd;
    }
    sb_fd_close (&fd);
    return -1;
}

/* The socket that holds it is never closed: it ends with the process. */
static int
new_port (const char *address, struct sb_faults *faults)
{
    for (int i = 0; i < TRIES; i++) {
        uint16_t r;
        int port;

        sb_random_bytes (&r, sizeof r);
        port = LOWEST + r % COUNT;
        if (hold (address, port, true) >= 0)
            return port;
    }
    sb_fault (faults, NULL, 0, "no free port between %d and %d", LOWEST, LOWEST + COUNT);
    return 0;
}

static bool
endpoint_taken (const struct lab_cfg *c, size_t before, int port)
{
    for (size_t i = 0; i < before; i++)
        if (c->instances[i].endpoint_port == port)
            return true;
    return false;
}

/* Nobody answers for SQL Browser there, and nobody else's lab. */
static bool
is_free_address (const char *address)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons (SB_SSRP_PORT) };
    int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && inet_pton (AF_INET, address, &a.sin_addr) == 1
                && bind (fd, (struct sockaddr *) &a, sizeof a) == 0;

    sb_fd_close (&fd);
    return good;
}

/* SQL Browser has one port everywhere, so each machine with named instances has an address of its own. */
static bool
give_addresses (struct lab_cfg *c, struct sb_faults *faults)
{
    uint8_t r[2];

    for (size_t i = 0; i < c->ninstances; i++) {
        struct lab_instance *n = &c->instances[i];

        for (size_t k = 0; n->by_name && k < i && n->address == NULL; k++)
            if (c->instances[k].address != NULL && sb_casecmp (c->instances[k].host, n->host) == 0)
                n->address = sb_xstrdup (c->instances[k].address);
        for (int tries = 0; n->by_name && n->address == NULL; tries++) {
            sb_random_bytes (r, sizeof r);
            n->address = sb_xprintf ("127.%u.%u.%u", 128u + r[0] % 120u, (unsigned) r[1], 10u + (unsigned) (i % 240));
            if (is_free_address (n->address))
                break;
            free (n->address);
            n->address = NULL;
            if (tries == TRIES) {
                sb_fault (faults, NULL, 0, "no loopback address is free for the machine '%s'", n->host);
                return false;
            }
        }
    }
    return true;
}

bool
lab_ports_give (struct lab_cfg *c, struct sb_faults *faults)
{
    bool good = (c->chat_port = new_port (LAB_ADDRESS, faults)) != 0
                && (c->mail_port = new_port (LAB_ADDRESS, faults)) != 0
                && (c->power_port = new_port (LAB_ADDRESS, faults)) != 0;

    good = good && give_addresses (c, faults);
    for (size_t i = 0; good && i < c->ninstances; i++) {
        good = (c->instances[i].port = new_port (lab_instance_address (&c->instances[i]), faults)) != 0;
        while (endpoint_taken (c, i,
                               c->instances[i].endpoint_port)) /* nobody listens there: told apart by number only */
            c->instances[i].endpoint_port++;
    }
    for (size_t i = 0; good && i < c->nfrontends; i++)
        good = (c->frontends[i].port = new_port (LAB_ADDRESS, faults)) != 0;
    for (size_t i = 0; good && c->smb && i < c->nsites; i++)
        good = (c->sites[i].smb_port = new_port (LAB_ADDRESS, faults)) != 0;
    return good;
}

static bool
keep (const char *address, int port, struct sb_faults *faults)
{
    if (hold (address, port, false) >= 0)
        return true;
    sb_fault (faults, NULL, 0, "port %d of this lab is taken by somebody else", port);
    sb_fault_hint (faults, "Build the lab again in a new folder, or end what listens there.");
    return false;
}

bool
lab_ports_hold (const struct lab_cfg *c, struct sb_faults *faults)
{
    bool good = keep (LAB_ADDRESS, c->chat_port, faults) && keep (LAB_ADDRESS, c->mail_port, faults)
                && keep (LAB_ADDRESS, c->power_port, faults);

    for (size_t i = 0; good && i < c->ninstances; i++)
        good = keep (lab_instance_address (&c->instances[i]), c->instances[i].port, faults);
    for (size_t i = 0; good && i < c->nfrontends; i++)
        good = keep (LAB_ADDRESS, c->frontends[i].port, faults);
    for (size_t i = 0; good && i < c->nsites; i++)
        good = c->sites[i].smb_port == 0 || keep (LAB_ADDRESS, c->sites[i].smb_port, faults);
    return good;
}
