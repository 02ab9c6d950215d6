/* Counting compliance events, for await-drained and the fact H16. */
#ifndef SB_MSSQL_COMPLIANCE_H
#define SB_MSSQL_COMPLIANCE_H

#include "plugins/mssql/facts.h"

/* Events that wait; 0 when the database has no such table.  False: told. */
bool sb_waiting_read (struct sb_inst *i, int64_t *ret);

#endif
