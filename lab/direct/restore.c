/* recover, restore-full, drop-copy. */
#include "lab/direct/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONLINE_MS 600000

/* ------------------------------------------------------------------ recover */

bool
d_is_recovered (const struct w_copy *c)
{
    return d_serves (c) && c->user_access == W_MULTI_USER;
}

/* The readers of a standby copy go first. */
static enum go
end_readers (struct step *s)
{
    const struct w_copy *c = d_copy (s, s->c->on);
    uint16_t spid = c != NULL && c->standby ? d_user (s, s->c->on, c) : 0;
    enum d_class class;
    struct w_op op;

    if (spid == 0)
        return GO_NEXT;
    d_op (s, &op, W_OP_KILL, s->c->on);
    op.n[0] = spid;
    class = d_act (s, &op);
    return class == D_C_OK || class == D_C_GONE ? GO_AGAIN : d_failed (s, class, "a session cannot be ended");
}

enum go
d_phase_recover (struct step *s)
{
    struct w_op op;
    enum go go;

    if (s->c->round == 0 && d_serves (d_copy (s, s->c->on)))
        return GO_NEXT;
    d_op (s, &op, W_OP_RESTORE_STATE, s->c->on);
    go = d_alone (s, s->c->on, &op, "the copy cannot be recovered");
    if (go == GO_END && s->a->number == 3153) /* it is recovered already: the state decides */
        go = GO_NEXT;
    return go;
}

enum go
d_phase_await_recovered (struct step *s)
{
    return d_await_online (s, s->c->on, ONLINE_MS);
}

enum go
d_phase_is_recovered (struct step *s)
{
    D_OPEN (s, s->c->on);
    if (d_is_recovered (d_copy (s, s->c->on)))
        return GO_NEXT;
    return d_fail (s, D_UNSURE, "the copy was recovered but is %s", d_copy_words (d_copy (s, s->c->on)));
}

static w_lsn
expected (const struct step *s)
{
    const char *text = d_option (s, "expect");

    return text == NULL ? 0 : (w_lsn) strtoll (text, NULL, 10);
}

static enum go
may_recover (struct step *s)
{
    const char *evidence = d_option (s, "evidence");
    const struct w_copy *c;

    if (evidence == NULL || strcmp (evidence, "silent") == 0)
        return d_fail (s, D_FAIL, "nothing but silence says that the old copy cannot serve");
    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (c == NULL || d_mirrored (c))
        return d_fail (s, D_FAIL, "the copy cannot be recovered: it is %s", c == NULL ? "absent" : "mirrored");
    if (d_serves (c))
        return GO_NEXT;
    if (!d_takes_log (c))
        return d_fail (s, D_FAIL, "the copy cannot be recovered: it is %s", d_copy_words (c));
    if (expected (s) != 0 && expected (s) != c->lsn)
        return d_fail (s, D_FAIL, "the copy stands at LSN %" PRId64 ", but %" PRId64 " was expected", c->lsn,
                       expected (s));
    s->c->lsn = c->lsn;
    return GO_NEXT;
}

static enum go
recovered (struct step *s)
{
    const struct w_history *h = d_restored (s, s->c->on, false);

    D_OPEN (s, s->c->on);
    if (s->c->lsn != 0)
        d_tell_lsn (s, "lsn", s->c->lsn);
    else if (h != NULL)
        d_tell_lsn (s, "lsn", h->last);
    d_tell (s, "fork", "");
    d_tell_time (s, "at", s->w->now_ms);
    return d_done (s);
}

const phase_fn d_recover[] = { may_recover,        end_readers,          d_phase_recover, d_phase_await_recovered,
                               d_phase_multi_user, d_phase_is_recovered, recovered,       NULL };

enum d_seen
d_see_recover (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);
    const struct w_history *h;

    if (seen != D_YES)
        return seen;
    if (!d_is_recovered (c))
        return c != NULL && c->state == W_RECOVERING && !d_mirrored (c) ? D_PARTLY : D_NO;
    h = d_restored (s, s->c->on, false);
    if (expected (s) != 0 && h != NULL && h->type == W_SET_LOG && h->last != expected (s))
        return D_UNKNOWN;
    if (h != NULL)
        d_tell_lsn (s, "lsn", h->last);
    d_tell (s, "fork", "");
    d_tell_time (s, "at", s->w->now_ms);
    return D_YES;
}

/* ------------------------------------------------------------------ restore-full */

/* Whether what stands there may be overwritten. */
static enum go
may_overwrite (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (d_mirrored (c))
        return d_fail (s, D_FAIL, "the copy is mirrored");
    if (d_online (c) && d_users (s, s->c->on, c) > 0)
        return d_fail (s, D_FAIL, "the copy is online and in use by %u sessions", d_users (s, s->c->on, c));
    return GO_NEXT;
}

static bool
is_full_set (const struct step *s, const struct d_file *f)
{
    return f->type == W_SET_FULL && f->database == s->c->database;
}

static enum go
read_full (struct step *s)
{
    struct d_file f;

    if (!d_header (s, s->c->on, d_option (s, "file"), &f) || !is_full_set (s, &f))
        return d_fail (s, D_FAIL, "the backup '%s' cannot be used", d_option (s, "file"));
    return GO_NEXT;
}

static enum go
restore (struct step *s)
{
    struct w_op op;

    d_op (s, &op, W_OP_RESTORE, s->c->on);
    snprintf (op.path[0], sizeof op.path[0], "%s", d_option (s, "file"));
    op.n[0] = 1;
    op.flags = W_WITH_REPLACE | W_WITH_NORECOVERY;
    return d_alone (s, s->c->on, &op, "the copy cannot be restored");
}

static enum go
tell_redo (struct step *s)
{
    const struct w_copy *c;

    D_OPEN (s, s->c->on);
    c = d_copy (s, s->c->on);
    if (d_restoring (c))
        d_tell_lsn (s, "lsn", c->lsn);
    return d_done (s);
}

const phase_fn d_restore_full[] = { may_overwrite, read_full, d_phase_restrict, restore, tell_redo, NULL };

enum d_seen
d_see_restore_full (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);
    const struct w_copy *c = d_copy (s, s->c->on);
    const struct w_history *h;
    struct d_file f;

    if (seen != D_YES)
        return seen;
    if (!d_restoring (c) || d_mirrored (c))
        return D_NO;
    h = d_restored (s, s->c->on, true);
    d_tell_lsn (s, "lsn", c->lsn);
    if (!d_header (s, s->c->on, d_option (s, "file"), &f) || h == NULL)
        return D_NO;
    return h->set == f.guid ? D_YES : D_NO;
}

/* ------------------------------------------------------------------ drop-copy */

static enum go
drop (struct step *s)
{
    struct w_op op;

    if (s->c->round == 0 && d_copy (s, s->c->on) == NULL)
        return GO_NEXT;
    d_op (s, &op, W_OP_DROP_DB, s->c->on);
    return d_alone (s, s->c->on, &op, "the copy cannot be dropped");
}

const phase_fn d_drop_copy[] = { may_overwrite, drop, NULL };

enum d_seen
d_see_drop_copy (struct step *s)
{
    enum d_seen seen = d_look (s, s->c->on);

    return seen != D_YES ? seen : d_copy (s, s->c->on) != NULL ? D_NO : D_YES;
}
