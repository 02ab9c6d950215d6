/* One PowerShell script on one front end, over WS-Management: shell, command,
 * receive until done, terminate, delete; the shell is deleted whatever
 * happens.  HTTPS with a checked certificate; Basic, Kerberos (SPNEGO) or a
 * client certificate; no proxy, no redirect, limited answers. */
#ifndef SB_PLUGINS_POOL_WSMAN_H
#define SB_PLUGINS_POOL_WSMAN_H

#include "core/base/buf.h"

#include "plugins/lib/kerberos.h"

#include <switchback/plugin.h>

#include <stdbool.h>

/* Who knocks: WSMAN_NOBODY only asks whether there is a door. */
enum wsman_auth { WSMAN_NOBODY, WSMAN_BASIC, WSMAN_KERBEROS, WSMAN_CERTIFICATE };

struct wsman_host {
    const char *name;    /* of the front end, for sentences */
    const char *url;     /* its host is the name that certificate and ticket must bear */
    const char *address; /* where to connect instead of looking that name up; or NULL */
    enum wsman_auth auth;
    const char *user, *password; /* of a certificate: the password of its key */
    const char *keytab;          /* paths */
    const char *certificate, *key;
    bool delegate; /* hand the ticket on, so that what runs there can reach other servers */
    struct sb_tickets *tickets;
    const char *ca; /* path, or NULL: the system's */
    bool check_tls;
};

/* How far it came: what a failure can have changed. */
enum wsman_reached {
    WSMAN_NOT_THERE, /* no connection, or the service is off: another host may serve */
    WSMAN_REFUSED,   /* it answered and did not begin: nothing was changed */
    WSMAN_BEGUN,     /* the command may have run */
    WSMAN_DONE       /* it ended; output and exit code are there */
};

struct wsman_result {
    enum wsman_reached reached;
    enum sb_rc rc;        /* class of a failure */
    const char *sentence; /* of a failure; belongs to the call */
    struct sb_buf out, err;
    int exit_code;
};

/* Runs a script (UTF-8).  A short one travels in the command line; one that is longer than cmd.exe takes is fed through
 * stdin, up to WSMAN_MAX_SCRIPT bytes. */
#define WSMAN_MAX_SCRIPT (256u << 10)
void wsman_run (struct sb_call *call, const struct wsman_host *host, const char *script, struct wsman_result *ret);
void wsman_result_free (struct wsman_result *r);

/* Does a front end's listener accept connections and TLS?  Sends one request without authentication. */
bool wsman_answers (struct sb_call *call, const struct wsman_host *host);

#endif
