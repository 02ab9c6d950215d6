/* One run per pool on this host: a lock and a desk, named by a hash of what the
 * pool is (FQDN, every instance's host and port), independent of --state. */
#ifndef SB_ENGINE_POOL_H
#define SB_ENGINE_POOL_H

#include "core/base/mem.h"
#include "core/engine/desk.h"
#include "core/model/topology.h"
#include "core/sys/lock.h"

struct sb_pool {
    struct sb_lock lock;
    struct sb_desk *desk;
};
#define SB_POOL_NONE ((struct sb_pool){ .lock = { -1 }, .desk = NULL })

/* BUSY: *ret_who says who (caller frees; NULL: unknown).  FAILED: a fault with what to do. */
enum sb_locked sb_pool_take (struct sb_pool *p, const struct sb_topology *t, const char *run, char **ret_who,
                             struct sb_faults *faults);
void sb_pool_let_go (struct sb_pool *p);
/* What its files are named by, on every host. */
char *sb_pool_key (struct sb_arena *a, const struct sb_topology *t);
/* The file of this user: suffix "lock" or "sock". */
char *sb_pool_path (struct sb_arena *a, const struct sb_topology *t, const char *suffix);
/* The desk of the run that holds this pool now, of whichever trusted user; NULL: there is none; caller frees. */
char *sb_pool_desk_of (const struct sb_topology *t);

#endif
