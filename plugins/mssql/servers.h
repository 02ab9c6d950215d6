/* Which chat servers have reported in at a live copy: each writes the time of its last ping into the store that it
 * uses (tblServerIdentity; pool sheet 3.1, fact H13).  What is recent is said by the setting "ping within", and by the
 * clock of the instance that holds the rows. */
#ifndef SB_MSSQL_SERVERS_H
#define SB_MSSQL_SERVERS_H

#include "plugins/mssql/facts.h"

/* Those of the named servers whose last ping is missing or too old, with its age, in words; "" when there are none.
 * The text lives in the arena of the call.  False: told. */
bool sb_servers_missing (struct sb_inst *i, const char *const *names, size_t count, const char **ret);

#endif
