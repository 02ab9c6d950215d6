/* Logins without a password in LOGIN7: NTLM and Kerberos (MS-TDS 2.2.6.4, 2.2.6.8, SSPI token 2.2.7.22).
 *
 * Knows: whose name a finished exchange of GSSAPI means here.  Promises: every token is limited, every wait has an end;
 * a ticket for another service does not get in.  Leaves to others: whether that login may connect.
 *
 * Tickets are checked against the keytab of the door; NTLM answers (they need gss-ntlmssp) against the passwords of its
 * users, who belong to the domain LAB unless their name says another. */
#ifndef SB_TDS_SSPI_H
#define SB_TDS_SSPI_H

#include "lab/tds/session.h"

struct sb_tds_login;

/* Once, before there are threads: what gss-ntlmssp must know of the users. */
void tds_sspi_prepare (const struct lab_door_cfg *doors, size_t n);

/* Goes through the exchange that LOGIN7 began.  DOMAIN\name as the server calls it, which the caller frees; NULL: nobody
 * that can be believed.  *ret_user is the user of the configuration that it is; NULL: none of them. */
char *tds_sspi_login (struct tds_session *s, const struct sb_tds_login *l, const struct lab_user **ret_user);

#endif
