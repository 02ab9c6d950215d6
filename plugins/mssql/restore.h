/* Bringing a copy online, and replacing what stands there: shared by the verbs that restore. */
#ifndef SB_MSSQL_RESTORE_H
#define SB_MSSQL_RESTORE_H

#include "plugins/mssql/access.h"
#include "plugins/mssql/chain.h"

/* From restoring, standby or restricted to ONLINE and MULTI_USER.  False: told. */
bool sb_recover (struct sb_inst *i, struct sb_copy *c);

/* ONLINE, writable, MULTI_USER, not standby. */
bool sb_is_recovered (const struct sb_copy *c);

/* What stands there may be overwritten: not mirrored, not online and in use.  False: told ("... is not `doing`"). */
bool sb_may_overwrite (struct sb_inst *i, const struct sb_copy *c, const char *doing);

/* The only set of the file, a full backup of this database.  NULL: told. */
const struct sb_set *sb_full_set (struct sb_inst *i, const char *file);

/* Restores the set over what stands there (`c`), leaving it restoring.  Where the instance has no such folders, or `aside`
 * (the files of another database may stand there), the files are moved.  False: told. */
bool sb_restore_set (struct sb_inst *i, struct sb_copy *c, const struct sb_set *set, bool aside);

#endif
