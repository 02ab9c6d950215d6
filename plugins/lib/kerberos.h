/* Kerberos tickets for what signs in with GSSAPI in this process: libcurl,
 * FreeTDS, libsmbclient all take them from the process's credential cache.
 *
 * A credential with a password or a keytab gets tickets of its own, in memory
 * only, renewed before they end; one with neither uses the caller's cache.  For a
 * library that brings a Kerberos of its own (Debian's libsmbclient: Heimdal) memory
 * is no meeting place: then they lie in a file, 0600, removed with the object.  The
 * ticket for the service is asked for here, too, because those libraries drop
 * the reason when there is none.  Waits for the KDC as long as krb5.conf(5)
 * says; the worker's deadline bounds that. */
#ifndef SB_PLUGINS_KERBEROS_H
#define SB_PLUGINS_KERBEROS_H

#include <switchback/plugin.h>

#include <stdbool.h>

/* What one instance of a plugin remembers; zeroed to begin with. */
struct sb_tickets {
    bool known;                   /* `outer` was looked up */
    char *outer;                  /* KRB5CCNAME as this process was given it; NULL: it was not set */
    struct sb_ticket_file *files; /* of this process, one for each principal */
};

/* Also removes the files that this process made; a child that it forked leaves them alone. */
void sb_tickets_free (struct sb_tickets *t);

/* NULL, or why this file is no place for a key (it belongs to the call): it is not there, or others can read it. */
const char *sb_key_distrust (struct sb_call *call, const char *path);

struct sb_ticket_wish {
    const char *principal;      /* USER@REALM, or USER of the default realm */
    const char *password;       /* or */
    const char *keytab;         /* a path; neither: the caller's cache */
    const char *service, *host; /* "HTTP", "fe.example.net": a ticket for HTTP/fe.example.net */
    bool delegate;              /* it must be possible to hand the ticket on */
    bool in_file;               /* the library has a Kerberos of its own; it takes `host` as it is written, too */
};

/* SB_OK: the environment names a cache with a ticket for the service.  Else sb_fail() was NOT called: *ret_why says why
 * (it belongs to the call) and the class is returned; nothing was changed in either case. */
enum sb_rc
sb_tickets_get (struct sb_call *call, struct sb_tickets *t, const struct sb_ticket_wish *wish, const char **ret_why);

#endif
