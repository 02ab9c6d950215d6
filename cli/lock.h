/* The plan lock: what somebody agreed to, held against what would be done now.
 *
 * A lock is over the plan's digest (parameters and topology are part of it), the
 * versions of its plugins and the fingerprint of what was observed (which steps
 * are already true).  `plan --out FILE` writes it with all it is made of, so that
 * a difference can be shown; `run --plan FILE` and `run --approve-plan LOCK` hold
 * to it. */
#ifndef SB_CLI_LOCK_H
#define SB_CLI_LOCK_H

#include "cli/cli.h"

/* Observes; {"format", "workflow", "digest", "topology_digest", "plugins", "observed", "fingerprint", "lock", "plan"}.
 * NULL: *ret_code says why, printed. */
json_t *cli_lock_make (struct cli *c, const struct sb_plan *p, int *ret_code);
/* --out FILE. */
int cli_lock_write (struct cli *c, const struct sb_plan *p, const char *file);
/* --plan FILE, --approve-plan LOCK: EXIT_DONE, or EXIT_FAILED with the difference printed.  *ret_lock: what was made now,
 * NULL when neither was given. */
int cli_lock_check (struct cli *c, const struct sb_plan *p, json_t **ret_lock);

#endif
