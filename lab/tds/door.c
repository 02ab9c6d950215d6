/* The doors of one process: listeners, the threads of their clients, and the
 * events by which the world closes, opens and cuts.
 *
 * One thread accepts and watches events per door, one more per client.  The lock
 * of a door guards its list of sessions; a session is cut by a number and a byte
 * in its event descriptor, never from outside its thread. */
#include "lab/tds/house.h"
#include "lab/tds/sspi.h"
#include "lab/tds/tds_door.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 1000

static enum sb_tds_policy policy = SB_TDS_TLS_FORCED;

void
lab_tds_policy (enum lab_tds_tls wanted)
{
    policy = (enum sb_tds_policy) wanted;
}

struct client {
    struct tds_door *door;
    int fd;
};

static void *
client_main (void *arg)
{
    struct client *x = arg;
    struct tds_door *door = x->door;
    int fd = x->fd;

    free (x);
    tds_serve (door, fd);
    atomic_fetch_sub (&door->connections, 1);
    return NULL;
}

static int
listen_at (const struct lab_door_cfg *cfg)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons (cfg->port) };
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    if (fd < 0 || inet_pton (AF_INET, cfg->address, &a.sin_addr) != 1) {
        sb_fd_close (&fd);
        return -1;
    }
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind (fd, (struct sockaddr *) &a, sizeof a) != 0 || listen (fd, SOMAXCONN) != 0) {
        sb_fd_close (&fd);
        return -1;
    }
    return fd;
}

/* Ends one session, or all of them with spid 0. */
static void
cut (struct tds_door *d, uint16_t spid, enum tds_cut how)
{
    uint64_t one = 1;

    pthread_mutex_lock (&d->lock);
    for (size_t i = 0; i < d->nsessions; i++) {
        struct tds_session *s = d->sessions[i];
        if (spid != 0 && s->spid != spid)
            continue;
        atomic_store (&s->cut, how);
        if (write (s->stop_fd, &one, sizeof one) < 0)
            continue; /* it is readable already */
    }
    pthread_mutex_unlock (&d->lock);
}

static void
accept_one (struct tds_door *d, int listener)
{
    pthread_attr_t attr;
    pthread_t thread;
    struct client *x;
    int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;

    if (fd < 0)
        return;
    if (atomic_fetch_add (&d->connections, 1) >= CLIENTS_MAX) {
        atomic_fetch_sub (&d->connections, 1);
        close (fd);
        return;
    }
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    x = sb_xcalloc (1, sizeof *x);
    x->door = d;
    x->fd = fd;
    pthread_attr_init (&attr);
    pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize (&attr, 4u << 20);
    if (pthread_create (&thread, &attr, client_main, x) != 0) {
        atomic_fetch_sub (&d->connections, 1);
        close (fd);
        free (x);
    }
    pthread_attr_destroy (&attr);
}

static void
close_door (struct tds_door *d)
{
    int fd = atomic_exchange (&d->listener, -1);

    if (fd >= 0)
        close (fd);
    cut (d, 0, TDS_CUT_LOST);
}

static void
on_event (struct tds_door *d, const struct w_event *e)
{
    if (e->instance != d->instance)
        return;
    if (e->kind == W_EV_CUT)
        cut (d, e->spid, e->killed ? TDS_CUT_KILLED : TDS_CUT_LOST);
    else if (e->kind == W_EV_CLOSE)
        close_door (d);
    else if (e->kind == W_EV_OPEN && atomic_load (&d->listener) < 0)
        atomic_store (&d->listener, listen_at (d->cfg));
}

struct door_thread {
    struct tds_door *door;
    int events;
};

static void *
door_main (void *arg)
{
    struct door_thread *t = arg;
    struct tds_door *d = t->door;
    int events = t->events;

    free (t);
    for (;;) {
        int listener = atomic_load (&d->listener);
        struct pollfd p[2] = { { .fd = events, .events = POLLIN }, { .fd = listener, .events = POLLIN } };
        bool gone = false;
        struct w_event e;
        if (poll (p, listener < 0 ? 1 : 2, 1000) <= 0)
            continue;
        while (p[0].revents != 0 && w_client_event (events, sb_deadline_in (0), &e, &gone))
            on_event (d, &e);
        if (gone) { /* the world ended: so does everything here */
            close_door (d);
            close (events);
            return NULL;
        }
        if (listener >= 0 && p[1].revents != 0 && atomic_load (&d->listener) == listener)
            accept_one (d, listener);
    }
}

static SSL_CTX *
tls_of (const struct lab_door_cfg *cfg)
{
    SSL_CTX *ctx = SSL_CTX_new (TLS_server_method ());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_max_proto_version (ctx, TLS1_2_VERSION); /* clients put their last 1.3 flight into the login */
    SSL_CTX_set_session_cache_mode (ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options (ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    if (SSL_CTX_use_certificate_chain_file (ctx, cfg->cert) == 1
        && SSL_CTX_use_PrivateKey_file (ctx, cfg->key, SSL_FILETYPE_PEM) == 1)
        return ctx;
    SSL_CTX_free (ctx);
    return NULL;
}

/* Is the instance there at all, and may it listen now? */
static bool
look_up (struct tds_door *d, bool *listens)
{
    struct sb_faults faults = { 0 };
    struct w_client *c = w_client_open (d->cfg->world_socket, &faults);
    struct world *w = c == NULL ? NULL : w_client_world (c);

    sb_faults_free (&faults);
    if (w != NULL) {
        d->instance = w_find_instance (w, d->cfg->name);
        *listens = d->instance != 0 && w_answers (w, d->instance);
    }
    w_client_close (c);
    return w != NULL && d->instance != 0;
}

/* NULL, or what went wrong. */
static const char *
open_door (struct tds_door *d)
{
    struct sb_faults faults = { 0 };
    struct door_thread *t;
    pthread_t thread;
    bool listens = false;
    int events;

    atomic_store (&d->listener, -1);
    pthread_mutex_init (&d->lock, NULL);
    d->policy = d->cfg->tls != LAB_TDS_TLS_FORCED ? (enum sb_tds_policy) d->cfg->tls : policy;
    if (d->policy != SB_TDS_TLS_NONE) {
        d->ssl = tls_of (d->cfg);
        if (d->ssl == NULL)
            return "its certificate or key cannot be used";
    }
    if (!look_up (d, &listens))
        return "the world does not know it, or does not answer";
    events = w_client_subscribe (d->cfg->world_socket, d->instance, &faults);
    sb_faults_free (&faults);
    if (events < 0)
        return "the world does not send events";
    if (listens) {
        atomic_store (&d->listener, listen_at (d->cfg));
        if (atomic_load (&d->listener) < 0)
            return "its port cannot be listened on";
    }
    t = sb_xcalloc (1, sizeof *t);
    t->door = d;
    t->events = events;
    if (pthread_create (&thread, NULL, door_main, t) != 0)
        return "no thread";
    pthread_detach (thread);
    return NULL;
}

int
lab_tds_start (const struct lab_door_cfg *doors, size_t n)
{
    struct tds_door *list = sb_xcalloc (n + 1, sizeof *list); /* lives as long as the process */

    signal (SIGPIPE, SIG_IGN);
    tds_sspi_prepare (doors, n);
    for (size_t i = 0; i < n; i++) {
        const char *problem;
        list[i].cfg = &doors[i];
        problem = open_door (&list[i]);
        if (problem != NULL) {
            fprintf (stderr, "tds: %s at %s:%u: %s\n", doors[i].name, doors[i].address, doors[i].port, problem);
            return -1;
        }
    }
    return 0;
}
