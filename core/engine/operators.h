/* Who may speak to a run that somebody else began: `[policy] operators`, names
 * of users and @GROUPs, resolved once.  Root and the run's own user always may. */
#ifndef SB_ENGINE_OPERATORS_H
#define SB_ENGINE_OPERATORS_H

#include "core/model/topology.h"

#include <stdbool.h>
#include <sys/types.h>

struct sb_operators {
    uid_t *uids;
    gid_t *gids;
    size_t nuids, uids_cap, ngids, gids_cap;
    bool given; /* the topology has such a list */
};

/* Names that this host does not know are left out. */
void sb_operators_read (struct sb_operators *o, const struct sb_topology *t);
void sb_operators_free (struct sb_operators *o);
bool sb_operators_have (const struct sb_operators *o, uid_t uid, const gid_t *gids, size_t ngids);
/* The same, with the groups that the user database tells. */
bool sb_operators_have_user (const struct sb_operators *o, uid_t uid);

#endif
