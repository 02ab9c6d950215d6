/* Bytes that no client would send: recorded sessions (recorded.txt, one packet a
 * line, sessions parted by empty lines) with random damage, against doors in this
 * process.  What is promised: no crash, no hang, and the door still serves a whole
 * session afterwards.  The seed is printed; TDS_SEED repeats a run. */
#include "tests/lib/tap.h"
#include "tests/tds/doors.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSIONS 8
#define BYTES    16384
#define ROUNDS   400
#define LIMIT_MS 60000

static struct session {
    uint8_t bytes[BYTES];
    size_t n, after_login;
} recorded[SESSIONS];
static size_t nrecorded;
static struct extra_doors doors;
static uint64_t state;

static uint32_t
roll (uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t) (state >> 16) % n;
}

static int
load (const char *path)
{
    FILE *f = fopen (path, "r");
    char line[8192];
    int packets = 0;

    if (f == NULL)
        return 0;
    while (fgets (line, sizeof line, f) != NULL) {
        struct session *s = &recorded[nrecorded];
        if (line[0] == '\n') {
            nrecorded += s->n > 0 && nrecorded + 1 < SESSIONS;
            packets = 0;
            continue;
        }
        for (char *p = line; p[0] != '\n' && p[0] != 0 && p[1] != 0 && s->n < BYTES; p += 2) {
            char pair[3] = { p[0], p[1], 0 };
            s->bytes[s->n++] = (uint8_t) strtoul (pair, NULL, 16);
        }
        if (++packets == 2)
            s->after_login = s->n;
    }
    fclose (f);
    return nrecorded > 0;
}

/* Texts that a statement is made of, to be put where letters stood. */
static void
plant (uint8_t *p, size_t n)
{
    static const char *const words[] = {
        "((((((((((((((((",    "''''''''", "select select", "[[[[]]]]",  "@@@@",    "/*/*/*/*",
        "9999999999999999999", "like '%",  "case when",     "order by",  "+ + + +", "declare @x",
        "union all",           "0x0x0x",   "\"\"\"",        "exec (exec"
    };
    const char *w = words[roll (sizeof words / sizeof *words)];

    for (size_t i = 0; w[i] != 0 && i * 2 + 1 < n; i++) {
        p[i * 2] = (uint8_t) w[i];
        p[i * 2 + 1] = 0;
    }
}

static size_t
damage (uint8_t *b, size_t n, size_t safe)
{
    size_t from = roll (10) < 7 ? safe : 0;
    unsigned hits = 1 + roll (6);

    while (hits-- > 0 && n > from + 4) {
        size_t at = from + roll ((uint32_t) (n - from));
        switch (roll (7)) {
        case 0:
            b[at] ^= (uint8_t) (1u << roll (8));
            break;
        case 1:
            b[at] = (uint8_t) roll (256);
            break;
        case 2:
            b[at] = roll (2) ? 0xff : 0;
            break;
        case 3: /* cut off */
            n = at;
            break;
        case 4: { /* say something twice */
            size_t len = 1 + roll (64);
            if (at + len < n && n + len < BYTES * 2) {
                memmove (b + at + len, b + at, n - at);
                n += len;
            }
            break;
        }
        case 5: { /* leave something out */
            size_t len = 1 + roll (16);
            if (at + len < n) {
                memmove (b + at, b + at + len, n - at - len);
                n -= len;
            }
            break;
        }
        default:
            plant (b + (at & ~(size_t) 1), n - (at & ~(size_t) 1));
        }
    }
    return n == 0 ? 1 : n; /* silence is another test */
}

static int
dial (uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons (port),
                             .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect (fd, (struct sockaddr *) &a, sizeof a) != 0)
        sb_fd_close (&fd);
    return fd;
}

/* Sends all of it and reads what comes back; bytes answered, or -1: the door did not let go in time. */
static long
talk (const uint8_t *b, size_t n, uint8_t *answer, size_t room)
{
    int fd = dial (doors.list[roll ((uint32_t) doors.n)].port);
    int64_t end = sb_deadline_in (10000);
    size_t sent = 0, got = 0;

    if (fd < 0)
        return 0;
    for (;;) {
        struct pollfd p = { .fd = fd, .events = (short) (POLLIN | (sent < n ? POLLOUT : 0)) };
        uint8_t chunk[4096];
        ssize_t k;
        if (poll (&p, 1, sb_deadline_left (end)) <= 0) {
            close (fd);
            return -1;
        }
        if (p.revents & POLLOUT) {
            k = send (fd, b + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            sent = k > 0 ? sent + (size_t) k : errno == EAGAIN ? sent : n;
            if (sent == n)
                shutdown (fd, SHUT_WR);
        }
        if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
            k = recv (fd, chunk, sizeof chunk, MSG_DONTWAIT);
            if (k == 0 || (k < 0 && errno != EAGAIN))
                break;
            for (ssize_t i = 0; i < k && got < room; i++)
                answer[got++] = chunk[i];
        }
    }
    close (fd);
    return (long) got;
}

/* A whole session is still served: its answer has a LOGINACK and a result set. */
static int
serves (void)
{
    static uint8_t answer[65536];
    long n = talk (recorded[0].bytes, recorded[0].n, answer, sizeof answer);
    int ack = 0, columns = 0;

    for (long i = 8; i < n; i++) {
        ack |= answer[i] == 0xad;
        columns |= answer[i] == 0x81;
    }
    return ack && columns;
}

static void
test_damage (void)
{
    static uint8_t b[BYTES * 2 + 64], answer[65536];
    int64_t end = sb_deadline_in (LIMIT_MS);
    unsigned round, stuck = 0,
                    rounds = getenv ("TDS_ROUNDS") != NULL ? (unsigned) atoi (getenv ("TDS_ROUNDS")) : ROUNDS;

    CU_ASSERT_FATAL (serves ());
    for (round = 0; round < rounds && sb_deadline_left (end) > 0; round++) {
        const struct session *s = &recorded[roll ((uint32_t) nrecorded)];
        size_t n;
        memcpy (b, s->bytes, s->n);
        n = damage (b, s->n, s->after_login);
        if (talk (b, n, answer, sizeof answer) < 0) {
            stuck++;
            printf ("# stuck in round %u:\n# ", round);
            for (size_t i = 0; i < n; i++)
                printf ("%02x", b[i]);
            printf ("\n");
        }
        if (round % 50 == 49)
            CU_ASSERT (serves ());
    }
    printf ("# %u rounds\n", round);
    CU_ASSERT (round > 20);
    CU_ASSERT (stuck == 0);
    CU_ASSERT (serves ());
}

static void
test_noise (void)
{
    static uint8_t b[4096], answer[4096];

    for (int round = 0; round < 60; round++) {
        size_t n = 1 + roll (sizeof b);
        for (size_t i = 0; i < n; i++)
            b[i] = (uint8_t) roll (256);
        CU_ASSERT (talk (b, n, answer, sizeof answer) >= 0);
    }
    CU_ASSERT (serves ());
}

static void
test_half (void)
{
    static uint8_t answer[4096];

    for (size_t n = 1; n < recorded[0].after_login + 30; n += 7)
        CU_ASSERT (talk (recorded[0].bytes, n, answer, sizeof answer) >= 0);
    CU_ASSERT (serves ());
}

static const struct sb_tap_test tests[] = {
    { "recorded sessions with random damage neither crash nor hang the door", test_damage },
    { "noise neither crashes nor hangs the door", test_noise },
    { "a session that stops anywhere in its login is let go", test_half },
    { NULL, NULL },
};

int
main (void)
{
    const char *dir = getenv ("TDS_DIR"), *source = getenv ("SB_SRCDIR"), *seed = getenv ("TDS_SEED");
    SB_AUTOFREE char *path = sb_xprintf ("%s/tests/tds/recorded.txt", source == NULL ? "." : source);
    int ret;

    if (dir == NULL) {
        printf ("1..0 # SKIP run by tests/tds/clients.sh\n");
        return 0;
    }
    setvbuf (stdout, NULL, _IOLBF, 0);
    state = seed != NULL ? strtoull (seed, NULL, 10) : (uint64_t) sb_now_ms () | 1;
    printf ("# TDS_SEED=%llu\n", (unsigned long long) state);
    if (!load (path) || extra_doors_open (&doors, dir, LAB_TDS_TLS_NONE) != 0)
        return 2;
    ret = sb_tap_run ("TDS door, damaged bytes", tests);
    fflush (stdout);
    _exit (ret); /* the doors' threads are in the middle of things */
}
