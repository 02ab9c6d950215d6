/* Bringing a copy online, for recover and unfreeze. */
#ifndef SB_MSSQL_RESTORE_H
#define SB_MSSQL_RESTORE_H

#include "plugins/mssql/access.h"

/* From restoring, standby or restricted to ONLINE and MULTI_USER.  False: told. */
bool sb_recover (struct sb_inst *i, struct sb_copy *c);

/* ONLINE, writable, MULTI_USER, not standby. */
bool sb_is_recovered (const struct sb_copy *c);

#endif
