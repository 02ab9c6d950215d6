/* The grammar of MAIL FROM and RCPT TO (RFC 5321 4.1.2) and of host names in
 * greetings.  Pure.  Parsers return where they stopped, or NULL: not of the
 * grammar. */
#ifndef SB_LAB_SINKS_ENVELOPE_H
#define SB_LAB_SINKS_ENVELOPE_H

#include "core/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum envelope_path { ENVELOPE_FROM, ENVELOPE_TO }; /* FROM: <> is one; TO: <Postmaster> is one */

/* "<a@b>"; adds a@b (without a source route) to `ret`. */
const char *envelope_path (const char *s, enum envelope_path kind, struct sb_buf *ret);
bool envelope_host (const char *s); /* a domain or an address literal */

enum envelope_fault { ENVELOPE_GOOD, ENVELOPE_SYNTAX, ENVELOPE_UNKNOWN }; /* 501, 555 */
struct envelope_mail {
    int64_t size; /* SIZE=, RFC 1870; -1: not said */
    bool eight;   /* BODY=8BITMIME, RFC 6152 */
};
/* What follows the path of MAIL: " KEY=VALUE KEY=VALUE", or nothing. */
enum envelope_fault envelope_parameters (const char *s, struct envelope_mail *ret);

#endif
