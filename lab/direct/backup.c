/* backup-full, take-tail, freeze, unfreeze, salvage: what makes a backup. */
#include "lab/direct/verbs.h"

#include <stdio.h>
#include <string.h>

static bool
of_this_database (const struct step *s, const struct d_file *f, enum w_set_type type)
{
    return f->type == type && f->database == s->c->database && f->damage == W_SET_GOOD;
}

static void
backup_op (struct step *s, struct w_op *op, uint32_t flags)
{
    const char *file = d_option (s, "file");

    d_op (s, op, W_OP_BACKUP, s->c->on);
    snprintf (op->path[0], sizeof op->path[0], "%s", file == NULL ? "" : file);
    op->flags = flags | W_WITH_FORMAT | W_WITH_INIT | W_WITH_CHECKSUM;
}

/* ------------------------------------------------------------------ backup-full */

static bool
copy_only (const struct step *s)
{
    const char *flag = d_option (s, "copy only");

    return flag != NULL && (strcmp (flag, "yes") == 0 || strcmp (flag, "1") == 0);
}

static enum go
back_up (struct step *s)
{
    enum d_class class;
    struct w_op op;

    D_OPEN (s, s->c->on);
    backup_op (s, &op, copy_only (s) ? W_WITH_COPY_ONLY : 0);
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "the database cannot be backed up");
}

static enum go
check_full (struct step *s)
{
    struct d_file f;

    D_OPEN (s, s->c->on);
    if (!d_header (s, s->c->on, d_option (s, "file"), &f) || !of_this_database (s, &f, W_SET_FULL))
        return d_fail (s, D_RETRY, "the backup was made but cannot be used");
    d_tell (s, "file", d_option (s, "file"));
    d_tell_lsn (s, "lsn", f.last);
    return d_done (s);
}

const phase_fn d_backup_full[] = { back_up, check_full, NULL };

/* The history there knows the set: its backup was written whole. */
static bool
in_history (const struct step *s, w_guid set)
{
    for (unsigned i = 0; i < s->w->nhistory; i++)
        if (s->w->history[i].instance == s->c->on && s->w->history[i].set == set && set != 0)
            return true;
    return false;
}

enum d_seen
d_see_backup_full (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    struct d_file f;

    if (seen != D_YES)
        return seen;
    if (!d_header (s, s->c->on, d_option (s, "file"), &f) || !of_this_database (s, &f, W_SET_FULL)
        || ((f.flags & W_SET_COPY_ONLY) != 0) != copy_only (s))
        return D_NO;
    d_tell (s, "file", d_option (s, "file"));
    d_tell_lsn (s, "lsn", f.last);
    return in_history (s, f.guid) ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ the tail of the log */

/* The tail in the file, if it is one and the copy stands at its end. */
static bool
tail_in (struct step *s, const struct w_copy *c, struct d_file *ret)
{
    return c != NULL && d_header (s, s->c->on, d_option (s, "file"), ret) && of_this_database (s, ret, W_SET_LOG)
           && (ret->flags & W_SET_NORECOVERY) != 0 && c->lsn >= ret->last;
}

static enum go
tail_restrict (struct step *s)
{
    D_OPEN (s, s->c->on);
    return d_phase_restrict (s);
}

static enum go
tail_backup (struct step *s)
{
    struct w_op op;

    if (s->c->round == 0 && !d_online (d_copy (s, s->c->on)))
        return GO_NEXT; /* nothing is written any more: the file decides */
    backup_op (s, &op, W_WITH_LOG | W_WITH_NORECOVERY);
    return d_alone (s, s->c->on, &op, "the tail of the log cannot be backed up");
}

static enum go
tail_check (struct step *s)
{
    const struct w_copy *c;
    struct d_file f;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (!d_restoring (c) || !tail_in (s, c, &f))
        return d_fail (s, d_restoring (c) ? D_FAIL : D_UNSURE, "the tail of the log is not in the file: the copy is %s",
                       d_copy_words (c));
    d_tell_lsn (s, "lsn", f.last);
    return GO_NEXT;
}

/* ------------------------------------------------------------------ take-tail */

static enum go
look (struct step *s)
{
    D_OPEN (s, s->c->on);
    if (d_copy (s, s->c->on) != NULL)
        return GO_NEXT;
    d_tell (s, "lsn", "");
    d_tell (s, "taken", "no: there is no copy");
    return d_done (s);
}

/* No other log backup may come between. */
static enum go
stop_job (struct step *s)
{
    const struct w_primary *p;
    struct w_job *j;

    D_OPEN (s, s->c->on);
    p = d_primary (s, s->c->on);
    if (p == NULL)
        return GO_NEXT;
    j = d_job (s, p->job);
    if (s->c->round == 0) {
        s->c->round = 1;
        return j == NULL ? d_fail (s, D_FAIL, "there is no such job") : d_job_off (s, j);
    }
    return j != NULL && j->running ? d_nap (s, D_FAR) : GO_NEXT;
}

enum { FORCED = 1, BROKEN_UP = 2 };

/* The mirror that lost its principal: service is forced; where that is refused, the session is ended and the copy
 * recovered. */
static enum go
force (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);
    enum d_class class;
    struct w_op op;

    if (!d_is_mirror (c))
        return GO_NEXT;
    if (c->mirroring != W_DISCONNECTED)
        return d_fail (s, D_FAIL, "it is a mirror and its principal lives");
    d_op (s, &op, W_OP_FORCE, s->c->on);
    class = d_act (s, &op);
    if (class == D_C_LOST)
        return d_failed (s, class, "the mirror cannot be opened");
    s->c->bits = class == D_C_OK ? FORCED : BROKEN_UP;
    return GO_NEXT;
}

static enum go
break_up (struct step *s)
{
    return s->c->bits == BROKEN_UP ? d_unmirror (s, s->c->on) : GO_NEXT;
}

static enum go
recover_orphan (struct step *s)
{
    enum d_class class;
    struct w_op op;

    if (s->c->bits != BROKEN_UP)
        return GO_NEXT;
    d_op (s, &op, W_OP_RESTORE_STATE, s->c->on);
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "the mirror cannot be opened");
}

static enum go
await_orphan (struct step *s)
{
    enum go go = s->c->bits != 0 ? d_await_online (s, s->c->on, 120000) : GO_NEXT;

    if (go == GO_NEXT)
        s->c->bits = 0;
    return go;
}

static enum go
tail_taken (struct step *s)
{
    d_tell (s, "taken", "yes");
    return d_done (s);
}

/* tail_check tells the LSN; the phase after it must not be parted from it. */
static enum go
check_and_tell (struct step *s)
{
    enum go go = tail_check (s);

    return go == GO_NEXT ? tail_taken (s) : go;
}

const phase_fn d_take_tail[] = { look,
                                 stop_job,
                                 force,
                                 break_up,
                                 recover_orphan,
                                 await_orphan,
                                 d_phase_online,
                                 d_phase_await_online,
                                 d_phase_unmirror,
                                 tail_restrict,
                                 tail_backup,
                                 check_and_tell,
                                 NULL };

static enum d_seen
see_tail (struct step *s, bool absent_is_done)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);
    struct d_file f;

    if (seen != D_YES)
        return seen;
    if (c == NULL && absent_is_done) {
        d_tell (s, "lsn", "");
        d_tell (s, "taken", "no: there is no copy");
        return D_YES;
    }
    if (!d_restoring (c) || d_mirrored (c))
        return D_NO;
    if (!tail_in (s, c, &f))
        return absent_is_done ? D_NO : D_PARTLY;
    d_tell_lsn (s, "lsn", f.last);
    if (absent_is_done)
        d_tell (s, "taken", "yes");
    return D_YES;
}

enum d_seen
d_see_take_tail (struct step *s)
{
    return see_tail (s, true);
}

/* ------------------------------------------------------------------ freeze, unfreeze */

static enum go
may_freeze (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (d_mirrored (c))
        return d_fail (s, D_FAIL, "the copy is mirrored");
    if (!d_serves (c) && !d_restoring (c))
        return d_fail (s, D_FAIL, "the copy is not frozen: it is %s", d_copy_words (c));
    return GO_NEXT;
}

static enum go
frozen (struct step *s)
{
    enum go go = tail_check (s);

    return go == GO_NEXT ? d_done (s) : go;
}

const phase_fn d_freeze[] = { may_freeze, tail_restrict, tail_backup, frozen, NULL };

/* The tail could not be taken: a copy that still serves serves everybody again. */
static enum go
open_again (struct step *s)
{
    struct w_op op;

    if (!d_reach (s, s->c->on) || !d_serves (d_copy (s, s->c->on)))
        return GO_NEXT;
    d_op (s, &op, W_OP_ACCESS, s->c->on);
    op.n[0] = W_MULTI_USER;
    op.flags = W_WITH_ROLLBACK;
    d_act (s, &op);
    return GO_NEXT;
}

const phase_fn d_open_again[] = { open_again, NULL };

enum d_seen
d_see_freeze (struct step *s)
{
    return see_tail (s, false);
}

static enum go
may_unfreeze (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (!d_serves (c) && (!d_restoring (c) || d_mirrored (c)))
        return d_fail (s, D_FAIL, "the copy cannot be recovered: it is %s", d_copy_words (c));
    return GO_NEXT;
}

const phase_fn d_unfreeze[] = { may_unfreeze,       d_phase_recover,      d_phase_await_recovered,
                                d_phase_multi_user, d_phase_is_recovered, NULL };

enum d_seen
d_see_unfreeze (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);

    if (seen != D_YES)
        return seen;
    return d_is_recovered (c) ? D_YES : c != NULL && c->state == W_RECOVERING ? D_PARTLY : D_NO;
}

/* ------------------------------------------------------------------ salvage */

/* The list lies on this host: a file of no share and no instance, named by the end of its path; its size is how many
 * messages it has. */
static const char *
list_name (const struct step *s)
{
    const char *path = d_option (s, "list");
    size_t n = path == NULL ? 0 : strlen (path);

    return path == NULL ? "list" : n >= D_FILE_NAME ? path + n - D_FILE_NAME + 1 : path;
}

static struct d_file *
list_file (struct step *s)
{
    const char *rest;
    struct d_file *f;

    for (unsigned i = 0; i < s->p->files->count; i++) {
        f = &s->p->files->list[i];
        rest = list_name (s);
        if (f->share == 0 && f->instance == 0 && strcmp (f->name, rest) == 0)
            return f;
    }
    return NULL;
}

/* Messages that a client was told are safe, and that only the old copy has. */
static int64_t
lost_messages (struct step *s, const struct w_copy *old, const struct w_copy *live)
{
    w_id o = (w_id) (old - s->w->copies + 1), l = (w_id) (live - s->w->copies + 1);
    int64_t n = 0;

    for (size_t i = 0; i < s->p->nmessages; i++) {
        const struct d_message *m = &s->p->messages[i];

        n += m->family == old->family && w_copy_has (s->w, o, m->fork, m->lsn)
             && !(live->family == m->family && w_copy_has (s->w, l, m->fork, m->lsn));
    }
    return n;
}

static bool
is_nothing (const struct w_copy *c)
{
    return c == NULL || (d_restoring (c) && !d_mirrored (c));
}

static enum go
tell_none (struct step *s)
{
    d_tell (s, "old", "no");
    d_tell (s, "messages", "0");
    d_tell (s, "file", "");
    d_tell (s, "list", "");
    d_tellf (s, "sentence", "There is nothing to salvage of %s at %s: the copy there is %s.", s->db->name,
             d_instance_name (s, s->c->on), d_copy_state (d_copy (s, s->c->on)));
    return d_done (s);
}

static void
tell_some (struct step *s, int64_t count)
{
    const char *file = d_option (s, "file"), *list = d_option (s, "list");

    d_tell (s, "old", "yes");
    d_tellf (s, "messages", "%lld", (long long) count);
    d_tell (s, "file", file == NULL ? "" : file);
    d_tell (s, "list", list == NULL ? "" : list);
    d_tellf (s, "sentence", "The old copy of %s at %s holds %lld messages that the live one lacks.", s->db->name,
             d_instance_name (s, s->c->on), (long long) count);
}

static w_id
live_of (const struct step *s)
{
    return d_id (s->d, "instance", d_option (s, "live"));
}

static enum go
see_old (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (is_nothing (c))
        return tell_none (s);
    if (d_mirrored (c))
        return d_fail (s, D_FAIL, "the old copy is still mirrored");
    D_OPEN (s, live_of (s));
    return GO_NEXT;
}

static enum go
open_for_us (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);

    if (s->c->round == 0 && !d_online (c))
        return d_fail (s, D_FAIL, "the old copy cannot be read: it is %s", d_copy_words (c));
    if (s->c->round == 0 && c->user_access == W_RESTRICTED_USER)
        return GO_NEXT;
    return d_set_state (s, s->c->on, W_OP_ACCESS, W_RESTRICTED_USER, "the old copy cannot be opened");
}

static enum go
save_old (struct step *s)
{
    enum d_class class;
    struct w_op op;

    backup_op (s, &op, W_WITH_COPY_ONLY);
    class = d_act (s, &op);
    return class == D_C_OK ? GO_NEXT : d_failed (s, class, "the old copy cannot be backed up");
}

static enum go
compare (struct step *s)
{
    struct w_copy *old, *live;
    struct d_file *f = list_file (s), fresh = { 0 };

    D_OPEN (s, s->c->on);
    D_OPEN (s, live_of (s));
    old = d_copy (s, s->c->on);
    live = d_copy (s, live_of (s));
    s->a->number = w_copy_readable (s->w, live == NULL ? 0 : (w_id) (live - s->w->copies + 1), 0);
    if (s->a->number != 0 || old == NULL || live == NULL)
        return d_failed (s, d_class_of (s->a->number), "the messages cannot be read");
    if (f == NULL && !d_file_copy (s->p->files, &fresh, 0, 0, list_name (s)))
        return d_fail (s, D_RETRY, "the list cannot be written");
    f = list_file (s);
    f->size = lost_messages (s, old, live);
    s->acted = true;
    return GO_NEXT;
}

static enum go
close_old (struct step *s)
{
    return d_set_state (s, s->c->on, W_OP_OFFLINE, 0, "the old copy cannot be fenced again");
}

static enum go
salvaged (struct step *s)
{
    const struct d_file *f = list_file (s);

    tell_some (s, f == NULL ? 0 : f->size);
    return d_done (s);
}

const phase_fn d_salvage[] = { see_old,     d_phase_online, d_phase_await_online,
                               open_for_us, save_old,       compare,
                               close_old,   salvaged,       NULL };

static enum go
close_again (struct step *s)
{
    struct w_op op;

    if (!d_reach (s, s->c->on))
        return GO_NEXT;
    d_op (s, &op, W_OP_OFFLINE, s->c->on);
    op.flags = W_WITH_ROLLBACK;
    d_act (s, &op);
    return GO_NEXT;
}

const phase_fn d_close_again[] = { close_again, NULL };

enum d_seen
d_see_salvage (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);
    const struct d_file *list;
    struct d_file f;

    if (seen != D_YES)
        return seen;
    if (is_nothing (c)) {
        tell_none (s);
        return D_YES;
    }
    list = list_file (s);
    if (list == NULL || !d_header (s, s->c->on, d_option (s, "file"), &f) || f.type != W_SET_FULL
        || f.database != s->c->database)
        return D_NO;
    tell_some (s, list->size);
    return c->state == W_OFFLINE ? D_YES : D_PARTLY;
}
