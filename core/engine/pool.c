/* One run per pool on this host, whatever --state says: a lock file in a folder
 * all users share, named by what the pool is. */
#include "core/engine/run.h"

#include "core/base/sha256.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const folders[] = { "/run/lock", "/tmp", NULL };

static void
pool_name (const struct sb_topology *t, char ret[SB_SHA256_HEX])
{
    const struct sb_object *pool = sb_topology_pool (t), *o;
    struct sb_sha256 h;
    size_t i;

    sb_sha256_init (&h);
    sb_sha256_str (&h, pool ? sb_object_attr (pool, "fqdn") : NULL);
    for (i = 0; (o = sb_topology_nth (t, "instance", i)); i++) {
        sb_sha256_str (&h, sb_object_attr (o, "host"));
        sb_sha256_str (&h, sb_object_attr (o, "port"));
    }
    sb_sha256_hex (&h, ret);
}

/* A shared folder is everybody's: what lies there already must be a plain file of ours or of root, without a second
 * name, or writing into it would write somewhere else. */
static bool
is_safe (const char *path, struct sb_faults *faults)
{
    struct stat st;

    if (lstat (path, &st) != 0)
        return true;
    if (S_ISREG (st.st_mode) && st.st_nlink == 1 && (st.st_uid == geteuid () || st.st_uid == 0 || geteuid () == 0))
        return true;
    if (S_ISREG (st.st_mode) && st.st_nlink == 1) {
        sb_fault (faults, path, 0, "the lock of this pool belongs to user %u", (unsigned) st.st_uid);
        sb_fault_hint (faults, "Run as that user, or let them remove the file when no run is under way.");
        return false;
    }
    sb_fault (faults, path, 0, "this is not a lock that switchback made");
    sb_fault_hint (faults, "See who made it; remove it when no run is under way.");
    return false;
}

char *
sb_pool_lock_path (struct sb_arena *a, const struct sb_topology *t)
{
    char name[SB_SHA256_HEX];
    size_t k = 0;

    while (folders[k + 1] && access (folders[k], W_OK | X_OK) != 0)
        k++;
    pool_name (t, name);
    return sb_arena_printf (a, "%s/switchback-%.24s.lock", folders[k], name);
}

enum sb_locked
sb_pool_lock (struct sb_lock *lock, const struct sb_topology *t, const char *run, char **ret_who,
              struct sb_faults *faults)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    const char *path = sb_pool_lock_path (&a, t);
    SB_AUTOFREE char *who = sb_xprintf ("run %s, pid %ld", run, (long) getpid ());
    enum sb_locked got;

    lock->fd = -1;
    if (ret_who)
        *ret_who = NULL;
    if (!is_safe (path, faults))
        return SB_LOCK_FAILED;
    got = sb_lock_take (lock, path, who, faults);
    if (got == SB_LOCK_BUSY && ret_who)
        *ret_who = sb_lock_who (path);
    return got;
}
