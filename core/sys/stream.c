/* Lines and messages over a non-blocking descriptor.  Works on sockets, pipes
 * and FIFOs; a blocking descriptor works too, one fill is then one read. */
#include "core/sys/stream.h"

#include "core/base/mem.h"
#include "core/sys/clock.h"
#include "core/sys/socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 4 };

void
sb_stream_init (struct sb_stream *s, int fd, size_t limit)
{
    *s = (struct sb_stream){ .fd = fd, .limit = limit };
}

static void
wipe (struct sb_buf *b)
{
    sb_wipe (b->s, b->cap);
    sb_buf_free (b);
}

void
sb_stream_free (struct sb_stream *s)
{
    wipe (&s->in);
    wipe (&s->out);
    s->in_at = s->out_at = 0;
}

void
sb_stream_trim (struct sb_stream *s)
{
    enum { SMALL = 65536 };

    if (s->in_at == s->in.len && s->in.cap > SMALL) {
        wipe (&s->in);
        s->in_at = 0;
    }
    if (s->out_at == s->out.len && s->out.cap > SMALL) {
        wipe (&s->out);
        s->out_at = 0;
    }
}

/* Drops what was taken or sent from the front. */
static void
compact (struct sb_buf *b, size_t *at)
{
    if (*at == 0)
        return;
    memmove (b->s, b->s + *at, b->len - *at + 1);
    b->len -= *at;
    *at = 0;
}

enum sb_flow
sb_stream_fill (struct sb_stream *s)
{
    char part[65536];
    ssize_t n;

    compact (&s->in, &s->in_at);
    if (s->closed)
        return SB_FLOW_CLOSED;
    do
        n = read (s->fd, part, sizeof part);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        sb_buf_add (&s->in, part, (size_t) n);
        return SB_FLOW_OK;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return SB_FLOW_LATE;
    s->closed = true;
    return SB_FLOW_CLOSED;
}

/* Like write(), but a peer that has gone gives EPIPE and no signal. */
static ssize_t
put_bytes (int fd, const void *data, size_t n)
{
    ssize_t put = send (fd, data, n, MSG_NOSIGNAL);

    return put < 0 && errno == ENOTSOCK ? write (fd, data, n) : put;
}

enum sb_flow
sb_stream_flush (struct sb_stream *s)
{
    while (s->out_at < s->out.len) {
        ssize_t n = put_bytes (s->fd, s->out.s + s->out_at, s->out.len - s->out_at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return SB_FLOW_LATE;
        if (n < 0)
            return SB_FLOW_CLOSED;
        s->out_at += (size_t) n;
    }
    sb_buf_clear (&s->out);
    s->out_at = 0;
    return SB_FLOW_OK;
}

bool
sb_stream_unsent (const struct sb_stream *s)
{
    return s->out_at < s->out.len;
}

/* What to say when the next piece is not complete. */
static enum sb_flow
incomplete (const struct sb_stream *s)
{
    return s->closed ? SB_FLOW_CLOSED : SB_FLOW_LATE;
}

enum sb_flow
sb_stream_line (struct sb_stream *s, char **ret)
{
    size_t have = s->in.len - s->in_at;
    char *start = have > 0 ? s->in.s + s->in_at : NULL, *newline;

    if (have == 0)
        return incomplete (s);
    newline = memchr (start, '\n', have);
    if ((newline ? (size_t) (newline - start) : have) > s->limit)
        return SB_FLOW_TOO_LONG;
    if (!newline)
        return incomplete (s);
    *newline = '\0';
    s->in_at += (size_t) (newline - start) + 1;
    *ret = start;
    return SB_FLOW_OK;
}

static size_t
read_head (const char *p)
{
    const unsigned char *u = (const unsigned char *) p;

    return (size_t) u[0] << 24 | (size_t) u[1] << 16 | (size_t) u[2] << 8 | u[3];
}

/* A message begins at in_at.  The body is moved onto its own head, so that a NUL fits behind it. */
enum sb_flow
sb_stream_message (struct sb_stream *s, char **ret, size_t *ret_len)
{
    size_t have = s->in.len - s->in_at, n;
    char *start = have > 0 ? s->in.s + s->in_at : NULL;

    if (have < HEAD)
        return incomplete (s);
    n = read_head (start);
    if (n > s->limit)
        return SB_FLOW_TOO_LONG;
    if (have - HEAD < n)
        return incomplete (s);
    memmove (start, start + HEAD, n);
    start[n] = '\0';
    s->in_at += HEAD + n;
    *ret = start;
    if (ret_len)
        *ret_len = n;
    return SB_FLOW_OK;
}

void
sb_stream_put (struct sb_stream *s, const void *data, size_t n)
{
    compact (&s->out, &s->out_at);
    sb_buf_add (&s->out, data, n);
}

void
sb_stream_put_message (struct sb_stream *s, const void *data, size_t n)
{
    char head[HEAD] = { (char) (n >> 24), (char) (n >> 16), (char) (n >> 8), (char) n };

    sb_stream_put (s, head, HEAD);
    sb_buf_add (&s->out, data, n);
}

/* After a taker said LATE: wait for more and read it. */
static enum sb_flow
await_more (struct sb_stream *s, int64_t deadline)
{
    enum sb_flow f = SB_FLOW_LATE;

    if (sb_fd_wait (s->fd, POLLIN, deadline))
        f = sb_stream_fill (s);
    return f == SB_FLOW_CLOSED || (f == SB_FLOW_LATE && sb_deadline_left (deadline) != 0) ? SB_FLOW_OK : f;
}

enum sb_flow
sb_stream_get_line (struct sb_stream *s, int64_t deadline, char **ret)
{
    enum sb_flow f;

    while ((f = sb_stream_line (s, ret)) == SB_FLOW_LATE)
        if (await_more (s, deadline) != SB_FLOW_OK)
            return SB_FLOW_LATE;
    return f;
}

enum sb_flow
sb_stream_get_message (struct sb_stream *s, int64_t deadline, char **ret, size_t *ret_len)
{
    enum sb_flow f;

    while ((f = sb_stream_message (s, ret, ret_len)) == SB_FLOW_LATE)
        if (await_more (s, deadline) != SB_FLOW_OK)
            return SB_FLOW_LATE;
    return f;
}

enum sb_flow
sb_stream_send (struct sb_stream *s, int64_t deadline)
{
    enum sb_flow f;

    while ((f = sb_stream_flush (s)) == SB_FLOW_LATE)
        if (!sb_fd_wait (s->fd, POLLOUT, deadline))
            return SB_FLOW_LATE;
    return f;
}

const char *
sb_flow_text (enum sb_flow f)
{
    switch (f) {
    case SB_FLOW_OK:
        return "all is well";
    case SB_FLOW_LATE:
        return "no answer in time";
    case SB_FLOW_CLOSED:
        return "the other side closed the connection";
    case SB_FLOW_TOO_LONG:
        return "the other side sent more than allowed";
    }
    return "unknown";
}
