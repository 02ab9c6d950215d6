/* One SMTP session.  The server (smtp.c) listens, counts sessions and stores
 * mail; a session (session.c) speaks RFC 5321 with STARTTLS (3207), AUTH (4954),
 * SIZE (1870), 8BITMIME (6152), PIPELINING (2920) and enhanced codes (2034). */
#ifndef SB_LAB_SINKS_SMTP_H
#define SB_LAB_SINKS_SMTP_H

#include "lab/sinks/envelope.h"
#include "lab/sinks/sinks.h"
#include "lab/sinks/wire.h"

#define SMTP_HOST       "mail.lab.example"
#define SMTP_SIZE_LIMIT (10 << 20) /* of a message */

struct smtp_session {
    struct wire w;
    const struct lab_sinks_cfg *cfg;
    SSL_CTX *tls;
    unsigned errors;   /* refusals so far */
    bool hello, esmtp; /* EHLO or HELO came; it was EHLO */
    bool authenticated;
    /* the mail transaction */
    bool has_from, eight;
    unsigned nto;
    struct sb_buf envelope; /* lines X-Envelope-...: */
};

/* What AUTH answers, or NULL: the client has gone (auth.c). */
const char *smtp_auth (struct smtp_session *s, char *arg);
bool smtp_auth_offered (const struct smtp_session *s);

/* Speaks until the client leaves, is late or goes too far. */
void smtp_session_run (struct smtp_session *s);

/* Stores a message; false: not stored. */
bool smtp_store (const struct lab_sinks_cfg *cfg, const struct sb_buf *envelope, const struct sb_buf *message);

#endif
