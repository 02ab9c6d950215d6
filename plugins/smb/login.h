/* As whom a share is reached: the credential of the topology, by password or by Kerberos. */
#ifndef SB_PLUGINS_SMB_LOGIN_H
#define SB_PLUGINS_SMB_LOGIN_H

#include "plugins/smb/remote.h"

#include <switchback/plugin.h>

/* Fills user, password and kerberos.  With a keytab a ticket is fetched by kinit(1) into a cache of this worker's own.
 * False: ret_why is a sentence. */
bool sb_smb_login (struct sb_call *call, const char *share, struct sb_smb_place *place, const char **ret_why);

#endif
