/* RESTORE: what a set makes of a copy, and which number refuses it (SQL sheet
 * 3.4, 3.7, 3.9). */
#include "lab/world/intern.h"

#include <stdio.h>
#include <string.h>

int w_set_problem (enum w_set_class class)
{
    switch (class) {
    case W_SET_GOOD:
        return 0;
    case W_SET_EMPTY:
    case W_SET_SHORT:
        return 3254;
    case W_SET_NO_BACKUP:
        return 3241;
    case W_SET_BROKEN:
        return 3183;
    case W_SET_NO_POSITION:
        return 3287;
    }
    return 3241;
}

/* The copy's position must lie on the set's line; then the range decides. */
static int
log_problem (const struct world *w, const struct w_copy *c, const struct w_set *s)
{
    if (s->family != c->family)
        return 3154;
    if (s->last <= c->lsn && w_on_line (w, c->fork, c->lsn, s->fork, s->last))
        return 4326;
    if (!w_on_line (w, s->fork, s->last, c->fork, c->lsn))
        return s->last <= c->lsn ? 4326 : 4330;
    if (s->first > c->lsn)
        return 4305;
    return s->last <= c->lsn ? 4326 : 0;
}

int
w_log_apply (struct world *w, struct w_copy *c, const struct w_set *s)
{
    int problem = log_problem (w, c, s);

    if (problem != 0)
        return problem;
    c->fork = s->fork;
    c->lsn = s->last;
    c->log_applied = 1;
    c->last_log_backup = s->last;
    c->full_backup = s->database_backup;
    c->user_access = s->user_access;
    c->recovery_model = s->recovery_model;
    c->read_only = (s->flags & W_SET_READ_ONLY) != 0;
    return 0;
}

bool
w_recover (struct world *w, struct w_copy *c)
{
    w_id fork = w_fork_new (w, c->family, c->fork, c->lsn);

    if (fork == 0)
        return false;
    c->fork = fork;
    c->state = W_ONLINE;
    c->standby = 0;
    c->restored = c->log_applied = 0;
    return true;
}

void
w_history_restore (struct world *w, const struct w_copy *c, const struct w_set *s, const char *file, const char *user,
                   uint32_t flags)
{
    struct w_history *h;

    if (w->rates.no_history)
        return;
    w_history_backup (w, c->instance, s, file);
    h = &w->history[(w->history_next + w->limit_history - 1u) % w->limit_history];
    h->kind = W_WAS_RESTORE;
    h->database = c->name;
    h->user = w_intern (w, user);
    h->flags = flags;
}

/* How the copy is left: WITH RECOVERY, NORECOVERY or STANDBY. */
static void
leave_as (struct w_ctx *c, struct w_copy *d)
{
    d->state = W_RESTORING;
    d->standby = 0;
    if ((c->op->flags & W_WITH_STANDBY) != 0) {
        d->state = W_ONLINE;
        d->standby = d->read_only = 1;
    } else if ((c->op->flags & W_WITH_NORECOVERY) == 0) {
        if (!w_recover (c->w, d))
            fail (c, W_LAB_FULL, "forks");
        if ((c->op->flags & W_WITH_RESTRICTED) != 0)
            d->user_access = W_RESTRICTED_USER;
    }
}

/* Nobody may be inside, and no session of mirroring may own it. */
static bool
exclusive (struct w_ctx *c)
{
    w_id id = w_copy_id (c->w, c->copy);

    if (c->me != NULL && c->me->copy == id)
        fail (c, 3102, "RESTORE\1%s", c->op->db);
    else if (c->copy->mirror_guid != 0)
        fail (c, 3104, "%s", c->op->db);
    else if (w_sessions_in (c->w, c->copy, c->op->spid) > 0 || w_copy_busy (c->w, c->copy)
             || (c->copy->holder != 0 && c->copy->holder != c->op->spid))
        fail (c, 3101, NULL);
    return c->out->status == W_DONE;
}

static bool
read_set (struct w_ctx *c, struct w_set *ret)
{
    const char *instance = w_str (c->w, c->inst->name), *path = c->op->path[0];
    unsigned position = c->op->n[0] > 0 ? (unsigned) c->op->n[0] : 1, sets = 0;
    enum w_set_class class = W_SET_NO_BACKUP;
    int error = w_files_reach (c->w, c->op->instance, path, false);

    if (error == W_FILE_OK)
        error = c->files->read (c->files->ctx, instance, path, position, ret, &class, &sets);
    if (error != W_FILE_OK) {
        fail (c, 3201, "%s\1%s", path, w_file_error_text (error));
        c->out->msgs[c->out->nmsgs - 1].state = 2;
        return false;
    }
    if (class == W_SET_GOOD && (ret->seed != c->w->seed || ret->family > c->w->nfamilies || ret->fork > c->w->nforks))
        class = W_SET_NO_BACKUP;
    if (class == W_SET_GOOD && ret->version <= c->inst->version)
        return true;
    if (class == W_SET_GOOD)
        fail (c, 3169, "%u\1%u", ret->version, c->inst->version);
    else if (class == W_SET_NO_POSITION)
        fail (c, 3287, "%u\1%s", position, path);
    else if (class == W_SET_BROKEN)
        fail (c, 3183, "1\1%d\1%s", 8, c->op->db);
    else
        fail (c, w_set_problem (class), "%s", path);
    return false;
}

static void
restore_log (struct w_ctx *c, const struct w_set *s)
{
    struct w_copy *d = c->copy;
    int problem;

    if (d == NULL) {
        fail (c, 3118, "%s", c->op->db);
        return;
    }
    if (!exclusive (c))
        return;
    if (s->type != W_SET_LOG) {
        fail (c, 3135, "%s\1BACKUP DATABASE", c->op->path[0]);
        return;
    }
    if ((d->state != W_RESTORING && !d->standby) || !d->restored) {
        fail (c, 3117, NULL);
        return;
    }
    problem = w_log_apply (c->w, d, s);
    if (problem == 4305)
        fail (c, 4305, "%lld\1%lld", (long long) s->first, (long long) d->lsn);
    else if (problem == 4326)
        fail (c, 4326, "%lld\1%lld", (long long) s->last, (long long) d->lsn);
    else if (problem != 0)
        fail (c, problem, "%s", c->op->db);
    else
        leave_as (c, d);
}

/* May a full set be put where something stands already? */
static int
overwrite_problem (const struct w_copy *d, const struct w_set *s, uint32_t flags)
{
    if ((flags & W_WITH_REPLACE) != 0)
        return 0;
    if (d->family != s->family)
        return 3154;
    if (d->state == W_ONLINE && !d->standby && d->recovery_model != W_SIMPLE)
        return 3159;
    return 0;
}

/* What changed since a full backup, on top of just that one. */
static void
restore_differential (struct w_ctx *c, const struct w_set *s)
{
    struct w_copy *d = c->copy;

    if (d == NULL) {
        fail (c, 3118, "%s", c->op->db);
        return;
    }
    if (!exclusive (c))
        return;
    if ((d->state != W_RESTORING && !d->standby) || !d->restored) {
        fail (c, 3117, NULL);
    } else if (d->family != s->family) {
        fail (c, 3154, "%s", c->op->db);
    } else if (d->full_backup != s->database_backup || d->lsn > s->last
               || !w_on_line (c->w, s->fork, s->last, d->fork, d->lsn)) {
        fail (c, 3136, NULL);
    } else {
        d->fork = s->fork;
        d->lsn = s->last;
        d->last_log_backup = s->recovery_model == W_SIMPLE ? 0 : s->last;
        d->user_access = s->user_access;
        d->recovery_model = s->recovery_model;
        d->read_only = (s->flags & W_SET_READ_ONLY) != 0;
        leave_as (c, d);
    }
}

static void
restore_full (struct w_ctx *c, const struct w_set *s)
{
    struct w_copy *d = c->copy;
    int problem;

    if (s->type == W_SET_DIFFERENTIAL) {
        restore_differential (c, s);
        return;
    }

    if (s->type != W_SET_FULL) {
        fail (c, 3135, "%s\1BACKUP LOG", c->op->path[0]);
        return;
    }
    if (d != NULL && !exclusive (c))
        return;
    problem = d == NULL ? 0 : overwrite_problem (d, s, c->op->flags);
    if (problem != 0) {
        fail (c, problem, "%s", c->op->db);
        return;
    }
    if (d == NULL)
        d = w_copy_new (c->w, c->op->instance, c->op->db);
    if (d == NULL) {
        fail (c, W_LAB_FULL, "databases");
        return;
    }
    d->family = s->family;
    d->fork = s->fork;
    d->lsn = s->last;
    d->full_backup = s->checkpoint;
    d->last_log_backup = s->recovery_model == W_SIMPLE ? 0 : s->last;
    d->guid = ++c->w->next_guid;
    d->owner = c->me != NULL ? c->me->login : w_intern (c->w, "sa");
    d->user_access = s->user_access;
    d->recovery_model = s->recovery_model;
    d->read_only = (s->flags & W_SET_READ_ONLY) != 0;
    d->trustworthy = d->broker = d->auto_close = 0;
    d->holder = 0;
    d->restored = 1;
    d->log_applied = 0;
    leave_as (c, d);
}

void
w_do_restore (struct w_ctx *c)
{
    struct w_set s;
    struct w_copy *d;

    if (c->me != NULL && !c->me->sysadmin) {
        fail (c, 3110, "%s", c->op->db);
        return;
    }
    if (!read_set (c, &s))
        return;
    if ((c->op->flags & W_WITH_LOG) != 0)
        restore_log (c, &s);
    else
        restore_full (c, &s);
    if (c->out->status != W_DONE)
        return;
    d = w_copy (c->w, w_find_copy (c->w, c->op->instance, c->op->db));
    w_history_restore (c->w, d, &s, c->op->path[0], c->me == NULL ? "" : w_str (c->w, c->me->login), c->op->flags);
    c->out->value[0] = s.size / 8192;
    c->out->value[1] = d->lsn;
}

void
w_do_restore_state (struct w_ctx *c)
{
    struct w_copy *d = c->copy;

    if (c->me != NULL && !c->me->sysadmin) {
        fail (c, 3110, "%s", c->op->db);
        return;
    }
    if (!exclusive (c))
        return;
    if (d->state == W_ONLINE && !d->standby) {
        if ((c->op->flags & (W_WITH_NORECOVERY | W_WITH_STANDBY)) != 0)
            fail (c, 3117, NULL);
        else
            fail (c, 3153, NULL);
        return;
    }
    if (d->state == W_OFFLINE) {
        fail (c, 942, "%s", c->op->db);
        return;
    }
    if (d->standby && (c->op->flags & W_WITH_STANDBY) == 0)
        d->read_only = 0;
    leave_as (c, d);
}
