/* As whom a share is reached: the credential of the topology, by password or by Kerberos. */
#ifndef SB_PLUGINS_SMB_LOGIN_H
#define SB_PLUGINS_SMB_LOGIN_H

#include "plugins/smb/remote.h"

#include <switchback/plugin.h>

/* Fills user, password, kerberos and tickets for the server of place->url (plain).  Kerberos gets the ticket for the
 * server here, because libsmbclient would not say why there is none.  Else the class, and ret_why is a sentence. */
enum sb_rc sb_smb_login (struct sb_call *call, const char *share, struct sb_smb_place *place, const char **ret_why);

#endif
