/* The mirroring endpoint: one for the whole instance, shared by all its sessions. */
#ifndef SB_MSSQL_ENDPOINT_H
#define SB_MSSQL_ENDPOINT_H

#include "plugins/mssql/ms.h"

/* Sees that it is there, started and fit for the role (PARTNER, WITNESS); creates it where there is none, with the
 * topology's port.  ret_address: TCP://host:port.  False: told. */
bool sb_endpoint (struct sb_inst *i, const char *role, const char **ret_address);

#endif
