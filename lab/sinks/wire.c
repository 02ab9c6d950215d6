/* Lines over TCP and TLS; see wire.h. */
#include "config.h"

#include "lab/sinks/wire.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

void
wire_init (struct wire *w, int fd, int64_t idle_ms, int64_t session_ms)
{
    *w = (struct wire){ .fd = fd, .idle_ms = idle_ms, .end = sb_deadline_in (session_ms) };
}

void
wire_free (struct wire *w)
{
    if (w->ssl != NULL) {
        ERR_clear_error ();
        if (SSL_is_init_finished (w->ssl))
            SSL_shutdown (w->ssl);
        SSL_free (w->ssl);
        w->ssl = NULL;
    }
    sb_wipe (w->raw, sizeof w->raw);
    sb_wipe (w->line.s, w->line.cap);
    sb_buf_free (&w->line);
}

static int64_t
patience (const struct wire *w)
{
    int64_t idle = sb_deadline_in (w->idle_ms);

    return idle < w->end ? idle : w->end;
}

/* After an SSL call that did not succeed: true when it is to be tried again. */
static bool
again_tls (struct wire *w, int rc, int64_t deadline)
{
    switch (SSL_get_error (w->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return sb_fd_wait (w->fd, POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE:
        return sb_fd_wait (w->fd, POLLOUT, deadline);
    default:
        return false;
    }
}

static bool
again_clear (struct wire *w, short events, int64_t deadline)
{
    return errno == EINTR || ((errno == EAGAIN || errno == EWOULDBLOCK) && sb_fd_wait (w->fd, events, deadline));
}

/* Bytes read, or 0: late or closed. */
static size_t
read_some (struct wire *w, int64_t deadline)
{
    ssize_t n;
    int rc;

    for (;;) {
        if (w->ssl == NULL) {
            n = recv (w->fd, w->raw, sizeof w->raw, 0);
            if (n >= 0 || !again_clear (w, POLLIN, deadline))
                return n > 0 ? (size_t) n : 0;
            continue;
        }
        ERR_clear_error ();
        rc = SSL_read (w->ssl, w->raw, sizeof w->raw);
        if (rc > 0 || !again_tls (w, rc, deadline))
            return rc > 0 ? (size_t) rc : 0;
    }
}

enum wire_got
wire_line (struct wire *w, size_t limit)
{
    int64_t deadline = patience (w);
    bool cr = false, is_long = false, dirty = false;
    char c;

    sb_buf_clear (&w->line);
    for (;;) {
        if (w->at == w->len) {
            w->at = w->len = 0;
            w->len = sb_mono_ms () < deadline ? read_some (w, deadline) : 0;
            if (w->len == 0)
                return sb_mono_ms () >= deadline ? WIRE_LATE : WIRE_CLOSED;
        }
        c = (char) w->raw[w->at++];
        if (cr && c == '\n')
            return dirty ? WIRE_DIRTY : is_long ? WIRE_LONG : WIRE_LINE;
        dirty = dirty || cr || c == '\n' || c == 0;
        cr = c == '\r';
        if (cr)
            continue;
        if (w->line.len < limit)
            sb_buf_char (&w->line, c);
        else
            is_long = true;
    }
}

bool
wire_more (const struct wire *w)
{
    return w->at < w->len;
}

bool
wire_send (struct wire *w, const char *data, size_t n)
{
    int64_t deadline = patience (w);
    ssize_t sent;
    int rc;

    while (n > 0) {
        if (w->ssl == NULL) {
            sent = send (w->fd, data, n, MSG_NOSIGNAL);
            if (sent < 0 && !again_clear (w, POLLOUT, deadline))
                return false;
        } else {
            ERR_clear_error ();
            rc = SSL_write (w->ssl, data, (int) n);
            if (rc <= 0 && !again_tls (w, rc, deadline))
                return false;
            sent = rc;
        }
        if (sent > 0) {
            data += sent;
            n -= (size_t) sent;
        }
    }
    return true;
}

bool
wire_tls (struct wire *w, SSL_CTX *ctx)
{
    int64_t deadline = patience (w);
    int rc;

    w->ssl = SSL_new (ctx);
    if (w->ssl == NULL || SSL_set_fd (w->ssl, w->fd) != 1)
        return false;
    do {
        ERR_clear_error ();
        rc = SSL_accept (w->ssl);
    } while (rc != 1 && again_tls (w, rc, deadline));
    return rc == 1;
}
