/* Kerberos tickets for what signs in with GSSAPI in this process: libcurl,
 * FreeTDS, libsmbclient all take them from the process's credential cache.
 *
 * A credential with a password or a keytab gets tickets of its own, in memory
 * only, renewed before they end; one with neither uses the caller's cache.  The
 * ticket for the service is asked for here, too, because those libraries drop
 * the reason when there is none.  Waits for the KDC as long as krb5.conf(5)
 * says; the worker's deadline bounds that. */
#ifndef SB_PLUGINS_KERBEROS_H
#define SB_PLUGINS_KERBEROS_H

#include <switchback/plugin.h>

#include <stdbool.h>

/* What one instance of a plugin remembers; zeroed to begin with. */
struct sb_tickets {
    bool known;  /* `outer` was looked up */
    char *outer; /* KRB5CCNAME as this process was given it; NULL: it was not set */
};

void sb_tickets_free (struct sb_tickets *t);

struct sb_ticket_wish {
    const char *principal;      /* USER@REALM, or USER of the default realm */
    const char *password;       /* or */
    const char *keytab;         /* a path; neither: the caller's cache */
    const char *service, *host; /* "HTTP", "fe.example.net": a ticket for HTTP/fe.example.net */
    bool delegate;              /* it must be possible to hand the ticket on */
};

/* SB_OK: the environment names a cache with a ticket for the service.  Else sb_fail() was NOT called: *ret_why says why
 * (it belongs to the call) and the class is returned; nothing was changed in either case. */
enum sb_rc
sb_tickets_get (struct sb_call *call, struct sb_tickets *t, const struct sb_ticket_wish *wish, const char **ret_why);

#endif
