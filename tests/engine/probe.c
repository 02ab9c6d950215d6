/* Probes of sites: who accepts answers, who refuses or cannot be found is silent, and
 * a host that never answers holds nobody up. */
#include "tests/lib/tap.h"

#include "core/base/ssrp.h"
#include "core/engine/probe.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"
#include "core/sys/tcp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sb_faults faults;
static struct sb_topology topology;

/* Two sites; an instance and a front end in the first, an instance in the second. */
static void
set_topology (const char *north, const char *south)
{
    SB_AUTOFREE char *text =
            sb_xprintf ("[pool p]\nfqdn = p.example.net\nprimary site = north\nbackup site = south\n"
                        "tool site = south\ncontrol = fe\n[site north]\n[site south]\n"
                        "[credential c]\nuser = u\nsecret = env:NOTHING\n"
                        "[instance sql]\nsite = north\nhost = 127.0.0.1\nport = %s\ncredential = c\n"
                        "[frontend fe]\nsite = north\nurl = https://127.0.0.1:1/wsman\ncredential = c\n"
                        "[instance far]\nsite = south\nhost = localhost\nport = %s\ncredential = c\n",
                        north, south);

    sb_topology_release (&topology);
    CU_ASSERT_FATAL (sb_topology_parse (&topology, "probe.ini", text, strlen (text), &faults));
}

static const char *const sites[] = { "north", "south", NULL };

/* The port of a listener, written for an object; closed: a port nobody listens on. */
static int
listener (char text[8], bool closed)
{
    uint16_t port = 0;
    int fd = sb_tcp_listen ("127.0.0.1", 0, &port, &faults);

    CU_ASSERT_FATAL (fd >= 0);
    snprintf (text, 8, "%u", (unsigned) port);
    if (closed)
        sb_fd_close (&fd);
    return fd;
}

static bool
next_round (struct sb_prober *p, uint32_t *site, uint32_t *answers)
{
    int64_t deadline = sb_deadline_in (10000);
    int left = -1;

    while (!sb_prober_next (p, site, answers, &left)) {
        struct pollfd fd = { .fd = sb_prober_fd (p), .events = POLLIN };
        if (sb_deadline_left (deadline) == 0)
            return false;
        poll (&fd, 1, left < 0 ? 1000 : left);
        left = -1;
    }
    return true;
}

static void
who_accepts_answers (void)
{
    char open[8], closed[8];
    int fd = listener (open, false);
    struct sb_prober *p;
    uint32_t site, answers;

    listener (closed, true);
    set_topology (open, closed);
    p = sb_prober_new (&topology, sites, 2000);
    sb_prober_start (p, 0);
    CU_ASSERT (next_round (p, &site, &answers) && site == 0 && answers >= 1);
    sb_prober_start (p, 1);
    CU_ASSERT (next_round (p, &site, &answers) && site == 1 && answers == 0);
    sb_fd_close (&fd); /* the power goes */
    sb_prober_start (p, 0);
    CU_ASSERT (next_round (p, &site, &answers) && site == 0 && answers == 0);
    sb_prober_free (p);
}

/* A full backlog of a listener that never accepts: connecting takes for ever. */
static void
a_silent_host_costs_a_bounded_time (void)
{
    char port[8];
    int fd = listener (port, false), crowd[64], k;
    struct sb_tcp_addr addr = { 0 };
    struct sb_prober *p;
    uint32_t site, answers;
    int64_t from;

    CU_ASSERT (listen (fd, 0) == 0 && sb_tcp_resolve ("127.0.0.1", (uint16_t) atoi (port), &addr, &faults));
    for (k = 0; k < 64; k++) {
        crowd[k] = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect (crowd[k], (struct sockaddr *) &addr.sa, addr.len) == 0)
            continue;
    }
    set_topology ("1", port);
    p = sb_prober_new (&topology, sites, 300);
    from = sb_mono_ms ();
    sb_prober_start (p, 1);
    CU_ASSERT (next_round (p, &site, &answers) && site == 1 && answers == 0);
    CU_ASSERT (sb_mono_ms () - from < 5000);
    sb_prober_start (p, 1); /* again while the thread may still hang */
    sb_prober_free (p);
    for (k = 0; k < 64; k++)
        close (crowd[k]);
    sb_fd_close (&fd);
}

struct browser {
    int fd;
    uint16_t port;
};

/* SQL Browser, until its socket is shut: what garbles the first answer is no answer. */
static void *
browser_thread (void *arg)
{
    struct browser *b = arg;
    char question[64];
    struct sockaddr_in from;

    for (int n = 0;; n++) {
        SB_CLEANUP (sb_buf_free) struct sb_buf entry = { 0 }, answer = { 0 };
        socklen_t len = sizeof from;

        if (recvfrom (b->fd, question, sizeof question, 0, (struct sockaddr *) &from, &len) <= 0)
            return NULL;
        sb_ssrp_entry ("M", n == 0 ? "OTHER" : "RTC", "16.0.1.1", b->port, &entry);
        sb_ssrp_answer (&entry, &answer);
        sendto (b->fd, answer.s, answer.len, 0, (struct sockaddr *) &from, len);
    }
}

/* SQL Browser's port is the same everywhere, and so is that of a default instance: on an address of this process alone. */
static void
a_named_instance_is_where_browser_says (void)
{
    SB_AUTOFREE char *host =
            sb_xprintf ("127.%u.%u.79", 9 + (unsigned) getpid () / 250 % 100, 1 + (unsigned) getpid () % 250);
    SB_AUTOFREE char *text = sb_xprintf (
            "[pool p]\nfqdn = p.example.net\nprimary site = north\nbackup site = south\ntool site = south\ncontrol = fe\n"
            "[site north]\n[site south]\n[credential c]\nuser = u\nsecret = env:NOTHING\n"
            "[frontend fe]\nsite = south\nurl = https://127.0.0.1:1/wsman\ncredential = c\n"
            "[instance sql]\nsite = north\nhost = %s\ninstance name = RTC\ncredential = c\n",
            host);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons (SB_SSRP_PORT) };
    struct browser b = { .fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
    int other = sb_tcp_listen (host, 1433, NULL, &faults), fd;
    struct sb_prober *p;
    pthread_t thread;
    uint32_t site, answers;

    sb_topology_release (&topology);
    CU_ASSERT_FATAL (sb_topology_parse (&topology, "probe.ini", text, strlen (text), &faults));
    CU_ASSERT_FATAL (other >= 0 && inet_pton (AF_INET, host, &a.sin_addr) == 1);
    p = sb_prober_new (&topology, sites, 3000);
    sb_prober_start (p, 0);
    CU_ASSERT (next_round (p, &site, &answers) && answers == 0); /* the default instance is another one */
    fd = sb_tcp_listen (host, 0, &b.port, &faults);
    CU_ASSERT_FATAL (fd >= 0 && bind (b.fd, (struct sockaddr *) &a, sizeof a) == 0);
    CU_ASSERT_FATAL (pthread_create (&thread, NULL, browser_thread, &b) == 0);
    sb_prober_start (p, 0);
    CU_ASSERT (next_round (p, &site, &answers) && answers == 1);
    sb_fd_close (&fd); /* the instance stops; its Browser goes on telling of it */
    sb_prober_start (p, 0);
    CU_ASSERT (next_round (p, &site, &answers) && answers == 0);
    shutdown (b.fd, SHUT_RDWR);
    pthread_join (thread, NULL);
    close (b.fd);
    sb_fd_close (&other);
    sb_prober_free (p);
}

static void
a_site_without_endpoints_is_silent (void)
{
    static const char *const nowhere[] = { "west", NULL };
    struct sb_prober *p = sb_prober_new (&topology, nowhere, 300);
    uint32_t site, answers = 9;

    sb_prober_start (p, 0);
    CU_ASSERT (next_round (p, &site, &answers) && site == 0 && answers == 0);
    sb_prober_start (p, 7); /* no such site: nothing happens */
    sb_prober_free (p);
}

int
main (void)
{
    static const struct sb_tap_test tests[] = {
        { "an endpoint that accepts answers, one that refuses is silent", who_accepts_answers },
        { "a host that never answers costs a bounded time", a_silent_host_costs_a_bounded_time },
        { "a named instance is looked for where SQL Browser says it listens, and nowhere else",
          a_named_instance_is_where_browser_says },
        { "a site without endpoints is silent at once", a_site_without_endpoints_is_silent },
        { NULL, NULL },
    };
    int rc = sb_tap_run ("probe", tests);

    sb_topology_release (&topology);
    sb_faults_free (&faults);
    return rc;
}
