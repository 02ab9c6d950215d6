/* Packets and TLS on one socket; see wire.h.
 *
 * Method: the socket never blocks.  Received bytes go through TLS (when it is on)
 * into `raw`; whole packets are taken from there.  TLS works on two memory BIOs,
 * so that during the handshake its records can travel as the body of type-12
 * packets and afterwards bare (MS-TDS 3.3.5.1). */
#include "lab/tds/wire.h"

#include "core/base/mem.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SEND_WAIT_MS 30000 /* a client that takes nothing for so long is gone */
#define READ_CHUNK   16384

static int64_t
now_ms (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void
sb_tds_wire_init (struct sb_tds_wire *w, int fd, int stop_fd)
{
    memset (w, 0, sizeof *w);
    w->fd = fd;
    w->stop_fd = stop_fd;
    w->packet_size = 4096;
}

void
sb_tds_wire_release (struct sb_tds_wire *w)
{
    if (w->ssl != NULL)
        SSL_free (w->ssl);
    w->ssl = NULL;
    sb_buf_free (&w->raw);
    sb_buf_free (&w->body);
}

/* Waits for the socket; false: time is over or the wire is dead. */
static bool
await (struct sb_tds_wire *w, short events, int64_t wait_ms)
{
    struct pollfd p[2] = { { .fd = w->fd, .events = events }, { .fd = w->stop_fd, .events = POLLIN } };
    int n;

    do
        n = poll (p, w->stop_fd < 0 ? 1 : 2, wait_ms < 0 ? -1 : (int) wait_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0 || (w->stop_fd >= 0 && p[1].revents != 0))
        w->dead = true;
    return n > 0 && !w->dead;
}

static void
send_raw (struct sb_tds_wire *w, const char *s, size_t n)
{
    while (n > 0 && !w->dead) {
        ssize_t k = send (w->fd, s, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k > 0) {
            s += k;
            n -= (size_t) k;
        } else if (k < 0 && errno == EINTR) {
            continue;
        } else if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!await (w, POLLOUT, SEND_WAIT_MS))
                w->dead = true;
        } else {
            w->dead = true;
        }
    }
}

static void
flush_tls (struct sb_tds_wire *w)
{
    char *data;
    long n = BIO_get_mem_data (w->from_ssl, &data);

    if (n > 0)
        send_raw (w, data, (size_t) n);
    (void) BIO_reset (w->from_ssl);
}

static void
send_bytes (struct sb_tds_wire *w, const char *s, size_t n)
{
    if (w->ssl == NULL) {
        send_raw (w, s, n);
        return;
    }
    if (SSL_write (w->ssl, s, (int) n) <= 0)
        w->dead = true;
    flush_tls (w);
}

static void
decrypt (struct sb_tds_wire *w)
{
    char plain[READ_CHUNK];
    int n;

    while ((n = SSL_read (w->ssl, plain, sizeof plain)) > 0)
        sb_buf_add (&w->raw, plain, (size_t) n);
    if (SSL_get_error (w->ssl, n) != SSL_ERROR_WANT_READ)
        w->dead = true;
    flush_tls (w);
}

/* Reads what the socket holds now; 1 something came, 0 nothing, -1 closed. */
static int
receive (struct sb_tds_wire *w)
{
    char chunk[READ_CHUNK];
    ssize_t n;

    if (w->dead || w->eof)
        return -1;
    do
        n = recv (w->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0) {
        w->eof = n == 0;
        w->dead = n < 0;
        return -1;
    }
    if (w->raw_at > 0 && w->raw_at == w->raw.len) {
        sb_buf_clear (&w->raw);
        w->raw_at = 0;
    }
    if (w->ssl == NULL)
        sb_buf_add (&w->raw, chunk, (size_t) n);
    else if (BIO_write (w->to_ssl, chunk, (int) n) != (int) n)
        w->dead = true;
    else
        decrypt (w);
    return 1;
}

/* The packet at the front of `raw`: 1 whole, 0 not yet, -1 not TDS. */
static int
front_packet (const struct sb_tds_wire *w, const uint8_t **head, size_t *length)
{
    const uint8_t *p = (const uint8_t *) w->raw.s + w->raw_at;
    size_t have = w->raw.len - w->raw_at;

    if (have < SB_TDS_HEADER)
        return 0;
    *length = (size_t) (p[2] << 8 | p[3]);
    if (*length < SB_TDS_HEADER)
        return -1;
    *head = p;
    return have >= *length;
}

static void
take (struct sb_tds_wire *w, size_t n)
{
    w->raw_at += n;
    if (w->raw_at == w->raw.len) {
        sb_buf_clear (&w->raw);
        w->raw_at = 0;
    } else if (w->raw_at > 65536) {
        memmove (w->raw.s, w->raw.s + w->raw_at, w->raw.len - w->raw_at);
        w->raw.len -= w->raw_at;
        w->raw_at = 0;
    }
}

static int
next_packet (struct sb_tds_wire *w, int64_t deadline, const uint8_t **head, size_t *length)
{
    for (;;) {
        int whole = w->raw.len > w->raw_at ? front_packet (w, head, length) : 0;
        int64_t left = deadline < 0 ? -1 : deadline - now_ms ();
        if (whole != 0)
            return whole;
        if (deadline >= 0 && left <= 0)
            return 0;
        if (w->eof)
            return -2;
        if (!await (w, POLLIN, left))
            return w->dead ? -2 : 0;
        receive (w);
        if (w->dead)
            return -2;
    }
}

enum sb_tds_got
sb_tds_wire_read (struct sb_tds_wire *w, int wait_ms, size_t limit, uint8_t *type, struct sb_buf *body)
{
    int64_t deadline = wait_ms < 0 ? -1 : now_ms () + wait_ms;
    bool first = true;

    sb_buf_clear (body);
    for (;;) {
        const uint8_t *head = NULL;
        size_t length = 0;
        uint8_t status;
        int got = next_packet (w, deadline, &head, &length);
        if (got <= 0)
            return got == 0 ? SB_TDS_TIMEOUT : got == -1 ? SB_TDS_GARBAGE : SB_TDS_CLOSED;
        status = head[1];
        if (head[0] == SB_TDS_ATTENTION) {
            sb_buf_clear (body);
            *type = SB_TDS_ATTENTION;
            take (w, length);
            return SB_TDS_GOT;
        }
        if ((!first && head[0] != *type) || body->len + length > limit)
            return SB_TDS_GARBAGE;
        *type = head[0];
        sb_buf_add (body, head + SB_TDS_HEADER, length - SB_TDS_HEADER);
        take (w, length);
        first = false;
        if ((status & 1) == 0)
            continue;
        if ((status & 2) == 0)
            return SB_TDS_GOT;
        sb_buf_clear (body);
        first = true;
    }
}

bool
sb_tds_wire_attention (struct sb_tds_wire *w)
{
    const uint8_t *head;
    size_t length;

    while (receive (w) > 0 && w->raw.len - w->raw_at < 2 * SB_TDS_PACKET_MAX)
        ;
    if (w->raw.len <= w->raw_at || front_packet (w, &head, &length) != 1 || head[0] != SB_TDS_ATTENTION)
        return false;
    take (w, length);
    return true;
}

static void
send_packet (struct sb_tds_wire *w, uint8_t type, const char *s, size_t n, bool end)
{
    char packet[SB_TDS_PACKET_MAX];
    size_t length = n + SB_TDS_HEADER;
    const uint8_t head[SB_TDS_HEADER] = { type,
                                          end ? 1 : 0,
                                          (uint8_t) (length >> 8),
                                          (uint8_t) length,
                                          (uint8_t) (w->spid >> 8),
                                          (uint8_t) w->spid,
                                          ++w->packet_id,
                                          0 };

    memcpy (packet, head, SB_TDS_HEADER);
    if (n > 0)
        memcpy (packet + SB_TDS_HEADER, s, n);
    if (!w->dead)
        send_bytes (w, packet, length);
}

void
sb_tds_wire_put (struct sb_tds_wire *w, uint8_t type, const void *data, size_t n)
{
    size_t room = w->packet_size - SB_TDS_HEADER;
    const char *s = data;

    w->body_type = type;
    if (w->dead)
        return;
    while (w->body.len + n > room) {
        size_t part = room - w->body.len;
        sb_buf_add (&w->body, s, part);
        send_packet (w, type, w->body.s, w->body.len, false);
        sb_buf_clear (&w->body);
        s += part;
        n -= part;
    }
    sb_buf_add (&w->body, s, n);
}

void
sb_tds_wire_flush (struct sb_tds_wire *w, uint8_t type, bool end)
{
    if (w->body.len > 0 || end)
        send_packet (w, type, sb_buf_cstr (&w->body), w->body.len, end);
    sb_buf_clear (&w->body);
    if (end)
        w->packet_id = 0;
}

/* What TLS wants to say during the handshake leaves as one type-12 message. */
static void
send_handshake (struct sb_tds_wire *w)
{
    char *data;
    long n = BIO_get_mem_data (w->from_ssl, &data);

    for (long at = 0; at < n;) {
        long part = n - at < 4088 ? n - at : 4088;
        char packet[4096] = {
            SB_TDS_PRELOGIN, at + part == n, (char) ((part + 8) >> 8), (char) (part + 8), 0, 0, 0, 0
        };
        memcpy (packet + 8, data + at, (size_t) part);
        send_raw (w, packet, (size_t) part + 8);
        at += part;
    }
    (void) BIO_reset (w->from_ssl);
}

bool
sb_tds_wire_tls (struct sb_tds_wire *w, SSL_CTX *ctx, int wait_ms)
{
    SSL *ssl = SSL_new (ctx);
    int64_t deadline = now_ms () + wait_ms;
    bool good = false;

    if (ssl == NULL)
        return false;
    w->to_ssl = BIO_new (BIO_s_mem ());
    w->from_ssl = BIO_new (BIO_s_mem ());
    SSL_set_bio (ssl, w->to_ssl, w->from_ssl);
    SSL_set_accept_state (ssl);
    while (!w->dead) {
        SB_CLEANUP (sb_buf_free) struct sb_buf body = { 0 };
        uint8_t type;
        int r = SSL_do_handshake (ssl);
        int why = SSL_get_error (ssl, r);
        send_handshake (w);
        if (r == 1) {
            good = true;
            break;
        }
        if (why != SSL_ERROR_WANT_READ
            || sb_tds_wire_read (w, (int) (deadline - now_ms ()), 65536, &type, &body) != SB_TDS_GOT
            || type != SB_TDS_PRELOGIN || BIO_write (w->to_ssl, sb_buf_cstr (&body), (int) body.len) < 0)
            break;
    }
    if (!good) {
        SSL_free (ssl);
        return false;
    }
    w->ssl = ssl;
    if (w->raw.len > w->raw_at) { /* bytes that came behind the last flight are TLS records already */
        BIO_write (w->to_ssl, w->raw.s + w->raw_at, (int) (w->raw.len - w->raw_at));
        sb_buf_clear (&w->raw);
        w->raw_at = 0;
        decrypt (w);
    }
    return !w->dead;
}

void
sb_tds_wire_tls_end (struct sb_tds_wire *w)
{
    if (w->ssl == NULL)
        return;
    SSL_set_quiet_shutdown (w->ssl, 1);
    SSL_free (w->ssl);
    w->ssl = NULL;
}
