/* PRELOGIN and LOGIN7, as bytes and as facts (MS-TDS 2.2.6.4, 2.2.6.5).
 *
 * Knows: the layout of both messages and the traps real clients set in them.
 * Promises: reads nothing outside the message it was given; a text longer than
 * the protocol allows, an odd offset or a lone surrogate makes the whole login
 * invalid.  Leaves to others: who may log in. */
#ifndef SB_TDS_LOGIN_H
#define SB_TDS_LOGIN_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sb_tds_encrypt { SB_TDS_ENC_OFF = 0, SB_TDS_ENC_ON = 1, SB_TDS_ENC_NONE = 2, SB_TDS_ENC_REQUIRED = 3 };
enum sb_tds_policy { SB_TDS_TLS_FORCED = 0, SB_TDS_TLS_OPTIONAL, SB_TDS_TLS_NONE };

struct sb_tds_prelogin {
    uint8_t encrypt; /* what the client said */
    bool asks_thread, asks_mars;
};

bool sb_tds_prelogin_parse (const uint8_t *p, size_t n, struct sb_tds_prelogin *ret);
/* What the server says to it, and whether TLS starts and covers more than the login. */
struct sb_tds_agreement {
    uint8_t answer; /* enum sb_tds_encrypt */
    bool tls, login_only, refuse;
};
struct sb_tds_agreement sb_tds_agree (uint8_t client, enum sb_tds_policy policy);
void sb_tds_prelogin_answer (const struct sb_tds_prelogin *client, uint8_t encrypt, unsigned major, struct sb_buf *out);

struct sb_tds_login {
    uint8_t tds;       /* 0x71 to 0x74 */
    uint32_t tds_word; /* as the client wrote it */
    uint32_t packet_size, client_version, client_pid;
    bool odbc, integrated, read_only, wants_utf8;
    char *host, *user, *password, *app, *server, *library, *language, *database; /* owned; never NULL */
    uint8_t *sspi; /* the first token of an integrated login; owned */
    size_t nsspi;
};

bool sb_tds_login_parse (const uint8_t *p, size_t n, struct sb_tds_login *ret);
void sb_tds_login_release (struct sb_tds_login *l); /* wipes the password */

#endif
