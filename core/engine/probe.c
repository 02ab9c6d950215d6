/* Probes by one thread per endpoint and round. */
#include "core/engine/probe.h"

#include "core/base/text.h"
#include "core/sys/browser.h"
#include "core/sys/clock.h"
#include "core/sys/tcp.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK        (256u << 10) /* getaddrinfo needs some */
#define DEFAULT_PORT 1433         /* that of a default instance: a named one is not there */

/* Shared with its thread: the last of both frees it. */
struct endpoint {
    pthread_mutex_t lock;
    char *host;
    char *named; /* an instance whose port SQL Browser knows; NULL: `port` it is */
    uint16_t port;
    uint32_t site;
    int fd; /* a byte is written when the thread ends; -1: nobody listens any more */
    int64_t timeout_ms;
    struct sb_tcp_addr addr; /* looked up once */
    bool running, answers, alone;
    uint64_t round; /* the round it was started in */
};

struct round {
    uint64_t number;
    int64_t ends; /* 0: none under way */
};

struct sb_prober {
    struct endpoint **list;
    size_t count, cap;
    struct round *rounds;
    uint32_t nsites;
    int64_t timeout_ms;
    int pipe[2];
};

/* ---------------------------------------------------------------- the thread */

static void
end_endpoint (struct endpoint *e)
{
    pthread_mutex_destroy (&e->lock);
    free (e->host);
    free (e->named);
    free (e);
}

static bool
try_endpoint (struct endpoint *e)
{
    SB_CLEANUP (sb_faults_free) struct sb_faults why = { 0 };

    int64_t deadline = sb_deadline_in (e->timeout_ms);
    uint16_t port = e->port;

    /* addr belongs to the thread while it runs.  A named instance may have another port after each start. */
    if (e->named != NULL && (port = sb_browser_ask (e->host, e->named, deadline, &why)) == 0)
        return false;
    if ((e->addr.len == 0 || e->named != NULL) && !sb_tcp_resolve (e->host, port, &e->addr, &why))
        return false;
    return sb_tcp_probe (&e->addr, deadline, &why);
}

static void *
probe_thread (void *arg)
{
    struct endpoint *e = arg;
    bool answers = try_endpoint (e), alone;

    pthread_mutex_lock (&e->lock);
    e->answers = answers;
    e->running = false;
    alone = e->alone;
    if (!alone && write (e->fd, "p", 1) < 0) /* a full pipe is as good: the loop looks at all of them */
        e->answers = answers;
    pthread_mutex_unlock (&e->lock);
    if (alone)
        end_endpoint (e);
    return NULL;
}

static void
start_endpoint (struct endpoint *e, uint64_t round)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_mutex_lock (&e->lock);
    if (!e->running) {
        pthread_attr_init (&attr);
        pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize (&attr, STACK);
        e->answers = false;
        e->round = round;
        e->running = pthread_create (&thread, &attr, probe_thread, e) == 0;
        pthread_attr_destroy (&attr);
    }
    pthread_mutex_unlock (&e->lock);
}

/* ---------------------------------------------------------------- endpoints of the topology */

static void
add_endpoint (struct sb_prober *p, uint32_t site, const char *host, size_t host_len, const char *named, int64_t port)
{
    struct endpoint *e;

    if (host_len == 0 || port < 1 || port > 65535)
        return;
    e = sb_xcalloc (1, sizeof *e);
    pthread_mutex_init (&e->lock, NULL);
    e->host = sb_xstrndup (host, host_len);
    e->named = named ? sb_xstrdup (named) : NULL;
    e->port = (uint16_t) port;
    e->site = site;
    e->fd = p->pipe[1];
    e->timeout_ms = p->timeout_ms;
    SB_PUSH (p->list, p->count, p->cap) = e;
}

/* https://HOST[:PORT]/..., with brackets around an IPv6 address */
static void
add_url (struct sb_prober *p, uint32_t site, const char *url)
{
    const char *host = url ? strstr (url, "://") : NULL, *end, *colon;
    int64_t port = url && strncmp (url, "http:", 5) == 0 ? 5985 : 5986; /* WS-Management's own ports (DSP0226) */

    if (!host)
        return;
    host += 3;
    end = host + strcspn (host, "/");
    colon = memchr (host, ':', (size_t) (end - host));
    if (*host == '[') {
        const char *close = memchr (host, ']', (size_t) (end - host));
        colon = close && close + 1 < end && close[1] == ':' ? close + 1 : NULL;
        host++;
        if (colon)
            port = atoi (colon + 1);
        add_endpoint (p, site, host, close ? (size_t) (close - host) : 0, NULL, port);
        return;
    }
    if (colon)
        port = atoi (colon + 1);
    add_endpoint (p, site, host, (size_t) ((colon ? colon : end) - host), NULL, port);
}

static void
add_object (struct sb_prober *p, const struct sb_topology *t, const struct sb_object *o, const char *const *sites)
{
    const char *site = sb_object_site (t, o), *host = sb_object_attr (o, "host"), *port = sb_object_attr (o, "port"),
               *named = sb_object_attr (o, "instance name");
    int64_t number = 0;
    uint32_t k;

    for (k = 0; k < p->nsites && (!site || strcmp (sites[k], site) != 0); k++)
        continue;
    if (k == p->nsites)
        return;
    if (strcmp (o->kind, "instance") == 0 && host && port && sb_parse_int (port, &number))
        add_endpoint (p, k, host, strlen (host), named && *named && number == DEFAULT_PORT ? named : NULL, number);
    if (strcmp (o->kind, "frontend") == 0)
        add_url (p, k, sb_object_attr (o, "url"));
}

struct sb_prober *
sb_prober_new (const struct sb_topology *t, const char *const *sites, int64_t timeout_ms)
{
    struct sb_prober *p = sb_xcalloc (1, sizeof *p);
    size_t i;

    if (pipe2 (p->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        p->pipe[0] = p->pipe[1] = -1;
    p->timeout_ms = timeout_ms;
    while (sites && sites[p->nsites])
        p->nsites++;
    p->rounds = sb_xcalloc (p->nsites + 1, sizeof *p->rounds);
    for (i = 0; t && sites && i < t->count; i++)
        add_object (p, t, &t->objects[i], sites);
    return p;
}

void
sb_prober_free (struct sb_prober *p)
{
    size_t i;

    if (!p)
        return;
    for (i = 0; i < p->count; i++) {
        struct endpoint *e = p->list[i];
        bool running;
        pthread_mutex_lock (&e->lock);
        running = e->running;
        e->alone = true;
        pthread_mutex_unlock (&e->lock);
        if (!running)
            end_endpoint (e);
    }
    close (p->pipe[0]);
    close (p->pipe[1]);
    free (p->list);
    free (p->rounds);
    free (p);
}

/* ---------------------------------------------------------------- rounds */

void
sb_prober_start (struct sb_prober *p, uint32_t site)
{
    size_t i;

    if (site >= p->nsites)
        return;
    p->rounds[site].number++;
    p->rounds[site].ends = sb_deadline_in (p->timeout_ms + 500);
    for (i = 0; i < p->count; i++)
        if (p->list[i]->site == site)
            start_endpoint (p->list[i], p->rounds[site].number);
}

int
sb_prober_fd (const struct sb_prober *p)
{
    return p->pipe[0];
}

/* How many have answered in this round; *ret_open: how many may still do so. */
static uint32_t
count_answers (struct sb_prober *p, uint32_t site, uint32_t *ret_open)
{
    uint32_t answers = 0;
    size_t i;

    *ret_open = 0;
    for (i = 0; i < p->count; i++) {
        struct endpoint *e = p->list[i];
        if (e->site != site)
            continue;
        pthread_mutex_lock (&e->lock);
        if (e->running)
            ++*ret_open;
        else if (e->answers && e->round == p->rounds[site].number)
            answers++;
        pthread_mutex_unlock (&e->lock);
    }
    return answers;
}

bool
sb_prober_next (struct sb_prober *p, uint32_t *ret_site, uint32_t *ret_answers, int *ret_left_ms)
{
    char bytes[64];
    uint32_t site, open;

    while (read (p->pipe[0], bytes, sizeof bytes) > 0)
        continue;
    for (site = 0; site < p->nsites; site++) {
        int left = p->rounds[site].ends ? sb_deadline_left (p->rounds[site].ends) : -1;
        if (left < 0)
            continue;
        *ret_answers = count_answers (p, site, &open);
        if (open == 0 || left == 0 || *ret_answers > 0) { /* one is enough to know */
            p->rounds[site].ends = 0;
            *ret_site = site;
            return true;
        }
        if (*ret_left_ms < 0 || left < *ret_left_ms)
            *ret_left_ms = left;
    }
    return false;
}
