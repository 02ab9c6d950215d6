/* Who knocks at a WS-Man door: Basic, a client certificate, or Kerberos through
 * SPNEGO (GSSAPI acceptor with a keytab).  As with Windows, Kerberos signs the
 * connection in, the others each request; a certificate stands for a local user,
 * and only a ticket that was handed on opens further servers from there. */
#ifndef SB_LAB_WINRM_SIGNIN_H
#define SB_LAB_WINRM_SIGNIN_H

#include "lab/world/door.h"

#include <microhttpd.h>
#include <stdbool.h>

/* One connection; made when it comes, freed when it ends. */
struct visitor;
struct visitor *visitor_new (void);
void visitor_free (struct visitor *v);

struct signin {
    const char *user; /* as the configuration writes it; NULL: nobody we know */
    bool second_hop;  /* what runs for this user can reach other servers */
    bool by_ticket;   /* signed in by this very request, with a token */
    char *token;      /* to be sent back behind "Negotiate"; caller frees; NULL: none */
};

struct signin signin_look (const struct lab_door_cfg *door, struct visitor *v, struct MHD_Connection *c);
/* Adds what this door offers to a 401. */
void signin_offer (const struct lab_door_cfg *door, struct MHD_Response *r);

#endif
