/* One run per pool on this host, whatever --state says: a lock file of this
 * user's own and a desk beside it, both named by what the pool is.
 *
 * Root keeps them in a folder of its own; other users in one that all share.
 * Nobody can open the lock file of another user, so nobody can hold it for him.
 * Runs of different users find each other by their desks: each opens its own
 * first and then looks for others, so that of two who begin at once at least
 * one sees the other.  Who keeps a desk is the kernel's word; a desk kept by
 * somebody who is no operator does not count. */
#include "core/engine/pool.h"

#include "core/base/sha256.h"
#include "core/engine/operators.h"
#include "core/sys/file.h"

#include <jansson.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_FOLDER "/run/switchback"
#define ASK_MS     1000

static const char *const shared[] = { "/run/lock", "/tmp", NULL };
static const char *const everywhere[] = { OWN_FOLDER, "/run/lock", "/tmp", NULL };

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

/* Root's folder must be a folder that root alone writes. */
static bool
is_roots (const char *folder)
{
    struct stat st;

    return lstat (folder, &st) == 0 && S_ISDIR (st.st_mode) && st.st_uid == 0 && (st.st_mode & 0022) == 0;
}

static const char *
own_folder (void)
{
    size_t k = 0;

    if (geteuid () == 0 && (mkdir (OWN_FOLDER, 0755) == 0 || is_roots (OWN_FOLDER)))
        return OWN_FOLDER;
    while (shared[k + 1] && access (shared[k], W_OK | X_OK) != 0)
        k++;
    return shared[k];
}

char *
sb_pool_key (struct sb_arena *a, const struct sb_topology *t)
{
    char name[SB_SHA256_HEX];

    pool_name (t, name);
    return sb_arena_printf (a, "%.24s", name);
}

char *
sb_pool_path (struct sb_arena *a, const struct sb_topology *t, const char *suffix)
{
    char name[SB_SHA256_HEX];

    pool_name (t, name);
    return sb_arena_printf (a, "%s/switchback-%.24s.%u.%s", own_folder (), name, (unsigned) geteuid (), suffix);
}

/* A shared folder is everybody's: what lies there already must be a plain file of ours, without a second name, or
 * writing into it would write somewhere else. */
static bool
is_safe (const char *path, struct sb_faults *faults)
{
    struct stat st;
    struct passwd *pw;

    if (lstat (path, &st) != 0 || (S_ISREG (st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid ()))
        return true;
    pw = getpwuid (st.st_uid);
    sb_fault (faults, path, 0, "this is not a lock that switchback made for this user: it belongs to %s (uid %u)",
              pw ? pw->pw_name : "somebody", (unsigned) st.st_uid);
    sb_fault_hint (faults, "Ask them, or root, to remove it: rm '%s'. Runs of root keep their lock in %s.", path,
                   OWN_FOLDER);
    return false;
}

/* ---------------------------------------------------------------- runs of others */

struct found {
    char *path;
    uid_t uid;
    char *who; /* NULL: he does not say */
};

static char *
ask_who (const char *path, uid_t *ret_uid)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf answer = { 0 };
    bool there = false;
    json_t *o = sb_desk_ask (path, "{\"verb\":\"who\"}", ASK_MS, &answer, ret_uid, &there)
                        ? json_loads (sb_buf_cstr (&answer), 0, NULL)
                        : NULL;
    const char *label = json_string_value (json_object_get (o, "label"));
    char *who = !there ? NULL : sb_xprintf ("%s, user %u", label ? label : "a run", (unsigned) *ret_uid);

    json_decref (o);
    return who;
}

/* Somebody else's run at this pool, or false.  Where the topology names operators, others do not count. */
static bool
find_other (const struct sb_topology *t, const char *own, struct sb_operators *ops, char **ret_who, char **ret_path)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    SB_CLEANUP (sb_faults_free) struct sb_faults ignored = { 0 };
    char name[SB_SHA256_HEX], prefix[64], **files;
    size_t k, i, n;

    pool_name (t, name);
    snprintf (prefix, sizeof prefix, "switchback-%.24s.", name);
    for (k = 0; everywhere[k]; k++) {
        if (!sb_dir_list (everywhere[k], &a, &files, &n, &ignored))
            continue;
        for (i = 0; i < n; i++) {
            char *path = sb_arena_printf (&a, "%s/%s", everywhere[k], files[i]), *who;
            size_t len = strlen (files[i]);
            uid_t uid = 0;
            if (strncmp (files[i], prefix, strlen (prefix)) != 0 || len < 5 || strcmp (files[i] + len - 5, ".sock") != 0
                || (own && strcmp (path, own) == 0) || !(who = ask_who (path, &uid)))
                continue;
            if (!ops->given || sb_operators_have_user (ops, uid)) {
                *ret_who = who;
                if (ret_path)
                    *ret_path = sb_xstrdup (path);
                return true;
            }
            free (who);
        }
    }
    return false;
}

char *
sb_pool_desk_of (const struct sb_topology *t)
{
    SB_AUTOFREE char *who = NULL;
    struct sb_operators ops;
    char *path = NULL;

    sb_operators_read (&ops, t);
    find_other (t, NULL, &ops, &who, &path);
    sb_operators_free (&ops);
    return path;
}

/* ---------------------------------------------------------------- taking and letting go */

enum sb_locked
sb_pool_take (struct sb_pool *p, const struct sb_topology *t, const char *run, char **ret_who, struct sb_faults *faults)
{
    SB_CLEANUP (sb_arena_release) struct sb_arena a = { 0 };
    SB_AUTOFREE char *label = sb_xprintf ("run %s, pid %ld", run, (long) getpid ()), *who = NULL;
    const char *path = sb_pool_path (&a, t, "lock"), *door = sb_pool_path (&a, t, "sock");
    struct sb_operators ops;
    enum sb_locked got;

    *p = SB_POOL_NONE;
    if (ret_who)
        *ret_who = NULL;
    if (!is_safe (path, faults))
        return SB_LOCK_FAILED;
    got = sb_lock_take_mode (&p->lock, path, label, 0600, faults);
    if (got == SB_LOCK_BUSY && ret_who)
        *ret_who = sb_lock_who (path);
    if (got != SB_LOCK_TAKEN)
        return got;
    if (!(p->desk = sb_desk_open (door, faults))) {
        sb_fault_hint (faults, "Ask whoever made it, or root, to remove it: rm '%s'.", door);
        sb_pool_let_go (p);
        return SB_LOCK_FAILED;
    }
    sb_operators_read (&ops, t);
    if (find_other (t, door, &ops, &who, NULL)) {
        sb_pool_let_go (p);
        got = SB_LOCK_BUSY;
        if (ret_who)
            *ret_who = sb_xstrdup (who);
    }
    sb_operators_free (&ops);
    return got;
}

void
sb_pool_let_go (struct sb_pool *p)
{
    sb_desk_close (p->desk); /* before the lock: nobody else may have opened one at this place yet */
    sb_lock_release (&p->lock);
    *p = SB_POOL_NONE;
}
