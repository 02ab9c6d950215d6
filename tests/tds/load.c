/* Many plain connections to a TDS door at a time, and batches through all of them: `load PORT USER PASSWORD CONNECTIONS
 * BATCHES [SQL]`.  Knows: as much of TDS 7.4 as that takes, written out by hand, for a client library would measure
 * itself.  Prints one line of JSON; what it cost the server is read by the caller, from /proc. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/sys/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE 60000

struct connection {
    int fd;
    struct sb_buf in;
    size_t from; /* of the packet that is being read */
};

static void
le (struct sb_buf *b, uint64_t v, int bytes)
{
    for (; bytes-- > 0; v >>= 8)
        sb_buf_char (b, (char) v);
}

static void
wide (struct sb_buf *b, const char *s, bool scrambled)
{
    for (; *s != 0; s++) {
        uint8_t two[2] = { (uint8_t) *s, 0 };
        for (int i = 0; i < 2 && scrambled; i++)
            two[i] = (uint8_t) ((two[i] << 4 | two[i] >> 4) ^ 0xa5);
        sb_buf_add (b, two, 2);
    }
}

static void
packet (uint8_t type, const struct sb_buf *body, struct sb_buf *ret)
{
    size_t n = body->len + 8;
    const uint8_t head[8] = { type, 1, (uint8_t) (n >> 8), (uint8_t) n, 0, 0, 1, 0 };

    sb_buf_add (ret, head, 8);
    sb_buf_add (ret, body->s, body->len);
}

/* PRELOGIN that says "no encryption", and LOGIN7. */
static void
greeting (const char *user, const char *password, struct sb_buf *prelogin, struct sb_buf *login)
{
    static const uint8_t options[] = { 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 9, 0, 0, 0, 0, 0, 2 };
    const char *texts[] = { "load", user, password, "load", "", "", "load", "", "master" };
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 }, data = { 0 };
    size_t at = 94, total;

    sb_buf_add (&body, options, sizeof options);
    packet (0x12, &body, prelogin);
    sb_buf_clear (&body);
    for (size_t i = 0; i < 9; i++)
        wide (&data, texts[i], i == 2);
    total = at + data.len;
    le (&body, total, 4);
    le (&body, 0x74000004, 4);
    le (&body, 4096, 4);
    le (&body, 7, 4);
    le (&body, (uint64_t) getpid (), 4);
    le (&body, 0, 4);
    le (&body, 0x03e0, 2); /* opt1, opt2: the ODBC bit */
    le (&body, 0, 2 + 4 + 4);
    for (size_t i = 0; i < 9; i++) {
        le (&body, at, 2);
        le (&body, strlen (texts[i]), 2);
        at += strlen (texts[i]) * 2;
    }
    le (&body, 0, 6 + 12 + 4);
    while (body.len < 94)
        sb_buf_char (&body, 0);
    sb_buf_add (&body, data.s, data.len);
    packet (0x10, &body, login);
}

static void
batch (const char *sql, struct sb_buf *ret)
{
    static const uint8_t headers[] = { 22, 0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
    SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 };

    sb_buf_add (&body, headers, sizeof headers);
    wide (&body, sql, false);
    packet (0x01, &body, ret);
}

static void
give_up (const char *why)
{
    fprintf (stderr, "load: %s: %s\n", why, strerror (errno));
    exit (1);
}

static void
put (const struct connection *c, const struct sb_buf *b)
{
    if (send (c->fd, b->s, b->len, MSG_NOSIGNAL) != (ssize_t) b->len)
        give_up ("the server takes nothing");
}

/* Reads what there is; true: a whole message is there, and it says no error (a DONE with bit 2 or an ERROR). */
static bool
take (struct connection *c)
{
    uint8_t chunk[16384];
    ssize_t n = recv (c->fd, chunk, sizeof chunk, 0);

    if (n <= 0)
        give_up ("the server closes");
    sb_buf_add (&c->in, chunk, (size_t) n);
    for (;;) {
        const uint8_t *p = (const uint8_t *) c->in.s + c->from;
        size_t have = c->in.len - c->from, length;
        if (have < 8)
            return false;
        length = (size_t) (p[2] << 8 | p[3]);
        if (length < 8 || have < length)
            return false;
        c->from += length;
        if ((p[1] & 1) == 0)
            continue;
        if (c->in.len > 9 && (uint8_t) c->in.s[8] == 0xaa)
            give_up ("the server says an error");
        sb_buf_clear (&c->in);
        c->from = 0;
        return true;
    }
}

static void
dial (struct connection *c, uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons (port),
                             .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    int on = 1;

    c->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect (c->fd, (struct sockaddr *) &a, sizeof a) != 0)
        give_up ("cannot connect");
    setsockopt (c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Sends `message` `rounds` times over each connection, all at a time. */
static void
exchange (struct connection *all, size_t n, const struct sb_buf *message, long rounds)
{
    struct pollfd *p = sb_xcalloc (n, sizeof *p);
    long *left = sb_xcalloc (n, sizeof *left), open = (long) n;

    for (size_t i = 0; i < n; i++) {
        p[i] = (struct pollfd){ .fd = all[i].fd, .events = POLLIN };
        left[i] = rounds;
        put (&all[i], message);
    }
    while (open > 0) {
        if (poll (p, n, PATIENCE) <= 0)
            give_up ("the server is silent");
        for (size_t i = 0; i < n; i++)
            if (p[i].revents != 0 && take (&all[i])) {
                if (--left[i] > 0)
                    put (&all[i], message);
                else {
                    p[i].fd = -1;
                    open--;
                }
            }
    }
    free (p);
    free (left);
}

int
main (int argc, char **argv)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf prelogin = { 0 }, login = { 0 }, text = { 0 };
    struct connection *all;
    int64_t begun, logged_in;
    size_t n;
    long rounds;

    if (argc < 6)
        return 2;
    n = (size_t) atol (argv[4]);
    rounds = atol (argv[5]);
    all = sb_xcalloc (n, sizeof *all);
    greeting (argv[2], argv[3], &prelogin, &login);
    batch (argc > 6 ? argv[6] : "select 1", &text);
    begun = sb_mono_ms ();
    for (size_t i = 0; i < n; i++)
        dial (&all[i], (uint16_t) atoi (argv[1]));
    exchange (all, n, &prelogin, 1);
    exchange (all, n, &login, 1);
    logged_in = sb_mono_ms ();
    if (rounds > 0)
        exchange (all, n, &text, rounds);
    printf ("{\"connections\": %zu, \"login_ms\": %lld, \"batches\": %ld, \"ms\": %lld}\n", n,
            (long long) (logged_in - begun), rounds * (long) n, (long long) (sb_mono_ms () - logged_in));
    fflush (stdout);
    if (getenv ("LOAD_STAY") != NULL) /* until the caller has counted the sessions */
        while (getchar () != EOF)
            ;
    for (size_t i = 0; i < n; i++) {
        close (all[i].fd);
        sb_buf_free (&all[i].in);
    }
    free (all);
    return 0;
}
