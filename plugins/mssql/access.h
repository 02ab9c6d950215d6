/* Having a copy for oneself: sessions of others ended, state options set, and
 * statements that want exclusive access tried again until nobody is in the way.
 * Applications reconnect at once, so KILL alone is a race; every loop here has an end.
 *
 * Functions that return false have told the host why and set ms->rc. */
#ifndef SB_MSSQL_ACCESS_H
#define SB_MSSQL_ACCESS_H

#include "plugins/mssql/facts.h"

/* Ends the sessions of others in the database, once.  *ended is increased. */
bool sb_users_end (struct sb_inst *i, int64_t *ended);

/* Runs a statement that wants the copy for itself (3101, 5064, 5070, 3702): ends sessions and those who hold
 * locks, and tries again, for at most a minute. */
bool sb_ask_alone (struct sb_inst *i, struct sb_answer *ret, const char *what, enum sb_stmt id, const char *text);

/* ALTER DATABASE ... SET, tried again while the database is in transition. */
bool sb_set_state (struct sb_inst *i, const char *what, enum sb_stmt id);

/* Reads the copy until it is in the state, or the time is over. */
bool sb_await_state (struct sb_inst *i, struct sb_copy *ret, const char *state, int64_t at_most_ms);

/* Ends the mirroring session here, if there is one, and waits until the catalogue says so. */
bool sb_unmirror (struct sb_inst *i, struct sb_copy *copy);

/* For verify: opens `on`, asks whether a statement of ours still runs, reads the copy.
 * SB_SEEN_YES: go on; else the answer to give. */
enum sb_seen sb_look (struct sb_ms *ms, struct sb_inst *i, struct sb_copy *ret);

#endif
