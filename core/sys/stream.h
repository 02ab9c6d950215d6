/* Bytes in both directions over one descriptor, cut into lines or into
 * messages (four bytes of length, big endian, then the body).  The stream owns
 * two buffers, not the descriptor.  What a peer may make us hold is limited: a
 * line or message longer than `limit` breaks the stream.
 *
 * For an event loop: fill when readable, take lines or messages until there is
 * none, put answers, flush, and ask poll() for POLLOUT while something is
 * unsent.  The functions with a deadline do the same and wait. */
#ifndef SB_SYS_STREAM_H
#define SB_SYS_STREAM_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sb_flow {
    SB_FLOW_OK,
    SB_FLOW_LATE,    /* nothing now, or the deadline passed */
    SB_FLOW_CLOSED,  /* the peer has gone; what came before is still there to take */
    SB_FLOW_TOO_LONG /* the peer broke the limit */
};

struct sb_stream {
    int fd;
    size_t limit;
    struct sb_buf in, out;
    size_t in_at, out_at; /* taken, sent */
    bool closed;
};

void sb_stream_init (struct sb_stream *s, int fd, size_t limit);
void sb_stream_free (struct sb_stream *s); /* wipes the buffers; the descriptor stays open */
/* Gives back buffers that hold nothing and have grown past 64 KiB; what was taken from the stream is gone then. */
void sb_stream_trim (struct sb_stream *s);

enum sb_flow sb_stream_fill (struct sb_stream *s);  /* reads what is there; LATE: nothing was */
enum sb_flow sb_stream_flush (struct sb_stream *s); /* writes what goes; LATE: some is left */
bool sb_stream_unsent (const struct sb_stream *s);

/* What was taken lives until the next call on this stream.  OK, LATE (not complete yet), CLOSED or TOO_LONG. */
enum sb_flow sb_stream_line (struct sb_stream *s, char **ret);                     /* without the newline */
enum sb_flow sb_stream_message (struct sb_stream *s, char **ret, size_t *ret_len); /* NUL-terminated besides */
void sb_stream_put (struct sb_stream *s, const void *data, size_t n);
void sb_stream_put_message (struct sb_stream *s, const void *data, size_t n);

/* Waiting forms. */
enum sb_flow sb_stream_get_line (struct sb_stream *s, int64_t deadline, char **ret);
enum sb_flow sb_stream_get_message (struct sb_stream *s, int64_t deadline, char **ret, size_t *ret_len);
enum sb_flow sb_stream_send (struct sb_stream *s, int64_t deadline); /* until all is sent */

const char *sb_flow_text (enum sb_flow f); /* "the other side closed the connection", ... */

#endif
