/* Where chat and mail end: a webhook receiver and an SMTP server that keep what
 * arrived, DIR/sinks/chat.jsonl and DIR/sinks/mail/N.eml. */
#ifndef SB_LAB_SINKS_H
#define SB_LAB_SINKS_H

#include <stdint.h>

struct lab_sinks_cfg {
    const char *dir;     /* DIR of the lab */
    const char *address; /* loopback */
    uint16_t chat_port, mail_port;
};

/* Starts both in threads of their own and returns when they accept connections.  0, or -1 with a line on stderr. */
int lab_sinks_start (const struct lab_sinks_cfg *cfg);

#endif
