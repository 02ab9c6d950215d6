/* Log sequence numbers as SQL Server gives them: decimal text of up to 25
 * digits (numeric(25,0)), too long for 64 bits.  They are kept as text and
 * compared as fixed-width digit strings. */
#ifndef SB_MSSQL_LSN_H
#define SB_MSSQL_LSN_H

#include <stdbool.h>

#define SB_LSN_DIGITS 25

/* True: 1 to 25 significant decimal digits and nothing else. */
bool sb_lsn_valid (const char *text);

/* Below, at or above zero as `a` lies before, at or after `b`.  Absent or
 * malformed text lies before every number. */
int sb_lsn_cmp (const char *a, const char *b);

/* Both are valid and equal. */
bool sb_lsn_same (const char *a, const char *b);

#endif
