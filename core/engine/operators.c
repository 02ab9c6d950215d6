/* Names of people to numbers of the kernel. */
#include "core/engine/operators.h"

#include "core/base/mem.h"
#include "core/base/text.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

void
sb_operators_read (struct sb_operators *o, const struct sb_topology *t)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    const struct sb_object *policy = t ? sb_topology_nth (t, "policy", 0) : NULL;
    const char *text = policy ? sb_object_attr (policy, "operators") : NULL;
    size_t n, i;
    char **names = sb_split_list (&a, text ? text : "", &n);

    *o = (struct sb_operators){ .given = n > 0 };
    for (i = 0; i < n; i++) {
        struct passwd *pw = names[i][0] == '@' ? NULL : getpwnam (names[i]);
        struct group *gr = names[i][0] == '@' ? getgrnam (names[i] + 1) : NULL;
        if (pw)
            SB_PUSH (o->uids, o->nuids, o->uids_cap) = pw->pw_uid;
        if (gr)
            SB_PUSH (o->gids, o->ngids, o->gids_cap) = gr->gr_gid;
    }
}

void
sb_operators_free (struct sb_operators *o)
{
    free (o->uids);
    free (o->gids);
    *o = (struct sb_operators){ 0 };
}

bool
sb_operators_have (const struct sb_operators *o, uid_t uid, const gid_t *gids, size_t ngids)
{
    size_t i, k;

    if (uid == 0 || uid == geteuid ())
        return true;
    for (i = 0; i < o->nuids; i++)
        if (o->uids[i] == uid)
            return true;
    for (i = 0; i < o->ngids; i++)
        for (k = 0; k < ngids; k++)
            if (o->gids[i] == gids[k])
                return true;
    return false;
}

bool
sb_operators_have_user (const struct sb_operators *o, uid_t uid)
{
    struct passwd *pw = getpwuid (uid);
    gid_t gids[256];
    int n = 256;

    if (!pw || getgrouplist (pw->pw_name, pw->pw_gid, gids, &n) < 0)
        n = 0;
    return sb_operators_have (o, uid, gids, (size_t) n);
}
