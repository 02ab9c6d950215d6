/* What belongs to no site and outlives every site: where chat and mail end, and
 * the power controller.
 *
 *   chat    HTTPS; POST of JSON to any path; one line a message in DIR/sinks/chat.jsonl: at_ms, path, headers
 *           (names in lower case), body.  Only what was accepted (2xx) is kept.  DIR/sinks/chat-answer.json,
 *           {"status":429,"retry_after":2,"times":3,"delay_ms":0}, makes the next `times` answers others; replacing
 *           the file counts anew.  Accepted ones are kept before the delay, so that an answer can come too late.
 *   mail    SMTP with STARTTLS; DIR/sinks/mail/N.eml (N from 1), X-Envelope-From and X-Envelope-To first.
 *   power   HTTPS; POST /power/SITE, {"action":"off"|"on"|"status"}, Authorization: Bearer and the first line of
 *           DIR/secrets/power.secret; answers {"site":..,"powered":..,"held":..,"at":..}. */
#ifndef SB_LAB_SINKS_H
#define SB_LAB_SINKS_H

#include <stdbool.h>
#include <stdint.h>

struct lab_sinks_cfg {
    const char *dir;                           /* DIR of the lab */
    const char *address;                       /* loopback */
    uint16_t chat_port, mail_port, power_port; /* 0: any; the one chosen is written here */
    const char *cert, *key;                    /* PEM files: DIR/tls/sinks.pem, DIR/tls/sinks.key */
    const char *mail_user;                     /* whom AUTH lets in with the first line of DIR/secrets/mail.secret;
                                                   NULL: any name; without that file there is no AUTH */
    bool mail_needs_tls;                       /* nothing but hello, NOOP and QUIT before STARTTLS */
    int mail_idle_ms;                          /* how long a client may be silent; 0: five minutes */
};

/* Starts all three in threads of their own and returns when they accept connections.  0, or -1 with a line on
 * stderr.  There is no end but that of the process.  Texts are copied. */
int lab_sinks_start (struct lab_sinks_cfg *cfg);

#endif
