/* What must be known to reach an instance, taken from the topology and checked.
 *
 * FreeTDS learns about TLS only from a configuration file, and its parser cuts
 * lines, folds blanks and stops at # and ; without a word.  So every word that
 * goes into the file is checked here, and the CA certificates are read, looked
 * at and copied under a name of our own. */
#ifndef SB_MSSQL_TARGET_H
#define SB_MSSQL_TARGET_H

#include "core/base/buf.h"

#include <switchback/plugin.h>

#include <stdbool.h>
#include <stdint.h>

enum sb_tls { SB_TLS_VERIFY = 0, SB_TLS_TRUST, SB_TLS_OFF };

/* Strings live as long as the call; the secret is wiped by the host after it. */
struct sb_target {
    const char *instance; /* the topology's name */
    const char *host;
    uint16_t port;     /* 0: ask SQL Browser for `named` */
    const char *named; /* instance name behind the host, or NULL */
    enum sb_tls tls;
    const char *ca;            /* absolute path; NULL: the system's certificates */
    const char *user, *secret; /* user NULL: Kerberos */
    const char *fqdn;          /* the name a ticket bears, MSSQLSvc/FQDN:PORT; NULL: `host` is it */
    const char *session;       /* application name */
    int64_t login_ms;
};

/* False: sb_fail() was called with SB_FAIL and a sentence. */
bool sb_target_read (struct sb_call *call, const char *instance, struct sb_target *ret);

/* The text of the configuration file, section [target].  ca_file: where the certificates were copied to,
 * or NULL for the system's.  Pure. */
void sb_target_conf (const struct sb_target *t, uint16_t port, const char *ca_file, struct sb_buf *out);

/* A word that the parser of FreeTDS reads as it stands: short, no control characters, # ; = or blanks.  Pure. */
bool sb_target_is_word (const char *text);

/* PEM text with at least one certificate in it; else says what is wrong.  Pure. */
bool sb_target_ca_ok (const char *pem, size_t len, const char **ret_why);

/* Reads a CA file, at most 4 MiB.  False: sb_fail() was called. */
bool sb_target_ca_load (struct sb_call *call, const struct sb_target *t, struct sb_buf *ret);

#endif
