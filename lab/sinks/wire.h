/* The bytes of an SMTP connection, in clear or under TLS: lines that end in CR LF
 * and nothing else (RFC 5321 2.3.8), replies, the change to TLS (RFC 3207).
 * Every wait is bounded: by the silence that is allowed, and by the end of the
 * session.  A line of any length is read to its end; only so much of it as was
 * allowed is kept. */
#ifndef SB_LAB_SINKS_WIRE_H
#define SB_LAB_SINKS_WIRE_H

#include "core/base/buf.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

enum wire_got {
    WIRE_LINE,  /* `line` holds it */
    WIRE_LONG,  /* it was longer than allowed; `line` holds its beginning */
    WIRE_DIRTY, /* it held a NUL, or a CR or LF alone */
    WIRE_LATE,
    WIRE_CLOSED
};

struct wire {
    int fd;               /* non-blocking; not owned */
    SSL *ssl;             /* NULL: in clear */
    int64_t idle_ms, end; /* `end`: a deadline */
    unsigned char raw[4096];
    size_t at, len;     /* what of `raw` is not taken yet */
    struct sb_buf line; /* without CR LF */
};

void wire_init (struct wire *w, int fd, int64_t idle_ms, int64_t session_ms);
void wire_free (struct wire *w); /* says good-bye in TLS, wipes; the descriptor stays open */

/* `limit`: bytes without CR LF. */
enum wire_got wire_line (struct wire *w, size_t limit);
bool wire_send (struct wire *w, const char *data, size_t n);
bool wire_more (const struct wire *w);        /* something has come that nobody has taken */
bool wire_tls (struct wire *w, SSL_CTX *ctx); /* the server's half of the handshake */

#endif
