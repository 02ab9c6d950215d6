/* One client's socket: TDS packets, and TLS when it is on.
 *
 * Knows: packet headers (MS-TDS 2.2.3), TLS carried inside PRELOGIN packets and
 * around the packets afterwards.  Promises: never reads or keeps more than its
 * limits say, never waits longer than told, never trusts a length.  Leaves to
 * others: what a message means (login.h, request.h) and what is answered (token.h). */
#ifndef SB_TDS_WIRE_H
#define SB_TDS_WIRE_H

#include "core/base/buf.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sb_tds_packet {
    SB_TDS_BATCH = 0x01,
    SB_TDS_RPC = 0x03,
    SB_TDS_ANSWER = 0x04,
    SB_TDS_ATTENTION = 0x06,
    SB_TDS_TRANSACTION = 0x0e,
    SB_TDS_LOGIN7 = 0x10,
    SB_TDS_SSPI = 0x11,
    SB_TDS_PRELOGIN = 0x12
};

#define SB_TDS_HEADER      8
#define SB_TDS_PACKET_MIN  512
#define SB_TDS_PACKET_MAX  32767
#define SB_TDS_MESSAGE_MAX (8u << 20) /* the longest request that is read */

struct sb_tds_wire {
    int fd;
    int stop_fd; /* readable: give up at once; -1 none */
    SSL *ssl;    /* NULL: plain */
    BIO *to_ssl, *from_ssl;
    bool eof;  /* the client sends no more; what it has sent is still answered */
    bool dead; /* broken, or told to stop: nothing more is sent or read */
    size_t packet_size;
    uint16_t spid;
    uint8_t packet_id;
    struct sb_buf raw; /* plain bytes received, not yet taken */
    size_t raw_at;
    struct sb_buf body; /* of the packet being filled */
    uint8_t body_type;
};

enum sb_tds_got { SB_TDS_GOT, SB_TDS_TIMEOUT, SB_TDS_CLOSED, SB_TDS_GARBAGE };

void sb_tds_wire_init (struct sb_tds_wire *w, int fd, int stop_fd);
/* Frees memory and TLS; the descriptor stays open. */
void sb_tds_wire_release (struct sb_tds_wire *w);

/* The next whole message within wait_ms (negative: for ever) and `limit` bytes.
 * A message that its sender cancelled (status bit 1) is skipped. */
enum sb_tds_got sb_tds_wire_read (struct sb_tds_wire *w, int wait_ms, size_t limit, uint8_t *type, struct sb_buf *body);
/* While a request runs: has the client asked to stop it?  Never waits. */
bool sb_tds_wire_attention (struct sb_tds_wire *w);

/* Add to the message being sent; full packets leave at once. */
void sb_tds_wire_put (struct sb_tds_wire *w, uint8_t type, const void *data, size_t n);
/* Send what is there; `end`: as the last packet of the message. */
void sb_tds_wire_flush (struct sb_tds_wire *w, uint8_t type, bool end);

/* TLS as the server, its handshake inside PRELOGIN packets; false: it failed. */
bool sb_tds_wire_tls (struct sb_tds_wire *w, SSL_CTX *ctx, int wait_ms);
/* Back to plain text after a login-only TLS; no close alert is sent. */
void sb_tds_wire_tls_end (struct sb_tds_wire *w);

#endif
